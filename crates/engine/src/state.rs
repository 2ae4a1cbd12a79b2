//! Control state: everything that recovery must rebuild, and how it is read.

use crate::accounts::Accounts;
use crate::algos::{Algo, Algos};
use crate::exposure::Exposure;
use crate::grid::Grid;
use crate::ledger::{Ledger, LedgerAccount};
use crate::orders::{Order, Orders};
use crate::position::Position;
use crate::registry::Registry;
use crate::timers::Timers;
use serde::{Deserialize, Serialize};
use tradewind_limits::{BookHealth, Limits, Standing};
use tradewind_types::{AccountId, AlgoId, Amount, AssetId, BookId, InstrumentId, OrderId, TradeId};

/// Control state. Changed by [`Engine::apply`](crate::Engine::apply) alone.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    pub(crate) registry: Registry,
    pub(crate) orders: Orders,
    pub(crate) limits: Limits,
    pub(crate) exposure: Exposure,
    pub(crate) ledger: Ledger,
    /// Per (account, instrument).
    pub(crate) positions: Grid<Position>,
    pub(crate) books: Books,
    pub(crate) accounts: Accounts,
    pub(crate) algos: Algos,
    pub(crate) timers: Timers,
    pub(crate) health: Vec<BookHealth>,
}

/// The strategies' own ledgers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Books {
    /// Per (book, asset): deposits, spot flows, own realised profit of derivatives, less fees.
    pub(crate) balances: Grid<Amount>,
    /// Per (book, asset): fees paid.
    pub(crate) fees: Grid<Amount>,
    /// Per (book, instrument).
    pub(crate) positions: Grid<Position>,
}

impl State {
    /// What is defined.
    #[must_use]
    pub const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The life of the node whose order ids are minted now; 0 before the first.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.orders.epoch()
    }

    /// An order, live or over.
    #[inline]
    #[must_use]
    pub fn order(&self, id: OrderId) -> Option<&Order> {
        self.orders.find(id)
    }

    /// Whether a trade was booked as a fill of this order.
    #[must_use]
    pub fn has_trade(&self, id: OrderId, trade: TradeId) -> bool {
        self.orders.index_of(id).is_some_and(|index| self.orders.has_trade(index, trade))
    }

    /// Every order that is remembered, oldest first: without a retention, every order ever sent.
    pub fn orders(&self) -> impl DoubleEndedIterator<Item = &Order> + Clone {
        self.orders.all()
    }

    /// Live orders, oldest first.
    pub fn live_orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.live()
    }

    /// The limits, with halts and rates.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The double-entry ledger.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What an account holds of an asset.
    #[inline]
    #[must_use]
    pub fn balance(&self, account: AccountId, asset: AssetId) -> Amount {
        self.ledger.balance(LedgerAccount::Balance(account), asset)
    }

    /// What an account holds of an asset, less what live orders tie up.
    #[inline]
    #[must_use]
    pub fn free_balance(&self, account: AccountId, asset: AssetId) -> Amount {
        let reserved = self.exposure.reserved(account.index(), asset);
        Amount(self.balance(account, asset).0.saturating_sub(reserved.0))
    }

    /// An account's position in an instrument.
    #[inline]
    #[must_use]
    pub fn position(&self, account: AccountId, instrument: InstrumentId) -> Position {
        self.positions.get(account.index(), instrument.index())
    }

    /// What a trade with this exposure adds to or closes: a leg in a hedge-mode account, else the account's position.
    #[inline]
    #[must_use]
    pub fn leg(&self, account: AccountId, instrument: InstrumentId, exposure: tradewind_types::Exposure) -> Position {
        match self.accounts.leg(account, instrument, exposure) {
            Some(leg) => leg,
            None => self.position(account, instrument),
        }
    }

    /// Money on its way between two accounts.
    #[must_use]
    pub fn in_transit(&self, asset: AssetId) -> Amount {
        self.ledger.balance(LedgerAccount::InTransit, asset)
    }

    /// A book's position in an instrument.
    #[inline]
    #[must_use]
    pub fn book_position(&self, book: BookId, instrument: InstrumentId) -> Position {
        self.books.positions.get(book.index(), instrument.index())
    }

    /// A book's money in an asset: deposits, spot flows, its own realised profit of derivatives, less fees.
    #[inline]
    #[must_use]
    pub fn book_balance(&self, book: BookId, asset: AssetId) -> Amount {
        self.books.balances.get(book.index(), asset.index())
    }

    /// Fees a book has paid in an asset, rebates taken off.
    #[must_use]
    pub fn book_fees(&self, book: BookId, asset: AssetId) -> Amount {
        self.books.fees.get(book.index(), asset.index())
    }

    /// The instrument's position over the firm, and what is in flight.
    #[inline]
    #[must_use]
    pub fn firm_standing(&self, instrument: InstrumentId) -> Standing {
        self.exposure.firm(instrument.index())
    }

    /// The instrument's position in an account, and what is in flight.
    #[inline]
    #[must_use]
    pub fn account_standing(&self, account: AccountId, instrument: InstrumentId) -> Standing {
        let in_flight = self.exposure.account(account.index(), instrument.index());
        in_flight.standing(self.position(account, instrument).lots)
    }

    /// The instrument's position in a book, and what is in flight.
    #[inline]
    #[must_use]
    pub fn book_standing(&self, book: BookId, instrument: InstrumentId) -> Standing {
        let in_flight = self.exposure.book(book.index(), instrument.index());
        in_flight.standing(self.book_position(book, instrument).lots)
    }

    /// An algo, running or over.
    #[must_use]
    pub fn algo(&self, id: AlgoId) -> Option<&Algo> {
        self.algos.get(id)
    }

    /// Whether an instrument's book can be trusted.
    #[inline]
    #[must_use]
    pub fn book_health(&self, instrument: InstrumentId) -> BookHealth {
        self.health.get(instrument.index()).copied().unwrap_or_default()
    }

    /// Whether the books add up to the accounts: per instrument their lots and flows, per asset their money (realised profit
    /// of derivatives taken off on both sides, because average cost differs by owner while flows do not).
    #[must_use]
    pub fn books_match_accounts(&self) -> bool {
        let mut lots: Vec<(i128, i128)> = Vec::new();
        let mut money: Vec<i128> = Vec::new();
        for (sign, positions) in [(1, &self.positions), (-1, &self.books.positions)] {
            for (_, instrument, position) in positions.cells() {
                let sums = crate::grid::grown(&mut lots, instrument);
                sums.0 += sign * i128::from(position.lots);
                sums.1 += sign * position.flow().0;
                if let Some(asset) = self.derivative_cash_asset(instrument) {
                    *crate::grid::grown(&mut money, asset.index()) -= sign * position.realised.0;
                }
            }
        }
        for (_, asset, amount) in self.ledger.all_holdings() {
            *crate::grid::grown(&mut money, asset) += amount.0;
        }
        for (asset, amount) in self.ledger.in_transit() {
            *crate::grid::grown(&mut money, asset) += amount.0;
        }
        for (_, asset, amount) in self.books.balances.cells() {
            *crate::grid::grown(&mut money, asset) -= amount.0;
        }
        lots.iter().all(|sums| *sums == (0, 0)) && money.iter().all(|sum| *sum == 0) && self.accounts.match_positions(self)
    }

    fn derivative_cash_asset(&self, instrument: usize) -> Option<AssetId> {
        let instrument = self.registry.instrument(InstrumentId(u32::try_from(instrument).ok()?))?;
        (!instrument.terms().kind.is_spot()).then(|| instrument.value_asset())
    }
}

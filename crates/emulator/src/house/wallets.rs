//! What a client has: balances, positions, leverage, records of its orders and fills.

use super::client::ClientId;
use super::listing::Category;
use super::order::{FillRecord, OrderRecord, OrderRef};
use super::rejection::Rejection;
use super::setup::Wallet;
use super::{House, Leg, News};
use tradewind_exchange::PositionKey;
use tradewind_types::{
    AccountId, Amount, AssetId, FundingPayment, InstrumentId, MoneyError, PositionMode, Price, Rate, Rounding, Side, Timestamp, Transfer,
    TransferId,
};

/// What a wallet has of an asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Deposits, profits, fees and funding; without open profit.
    pub wallet: Amount,
    /// What may be used for new orders; with open profit, without what orders and positions tie up.
    pub free: Amount,
    /// Tied up by open spot orders.
    pub in_orders: Amount,
    /// Open profit of positions settled in it, at their marks.
    pub unrealised: Amount,
    /// Initial margin of those positions.
    pub position_margin: Amount,
    /// Maintenance margin of those positions.
    pub maintenance: Amount,
}

impl Balance {
    /// What is not free of the wallet.
    #[must_use]
    pub fn locked(&self) -> Amount {
        Amount((self.wallet.0 - self.free.0).max(0))
    }
}

/// A position in a derivative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// In which wallet.
    pub account: AccountId,
    /// On what.
    pub instrument: InstrumentId,
    /// Which leg.
    pub leg: Leg,
    /// Bought less sold.
    pub lots: i64,
    /// What the open lots cost, in quote: paid for a long, minus what was received for a short.
    pub entry_value: Amount,
    /// What it is valued at; none before the first price.
    pub mark: Option<Price>,
    /// Worth at the mark, without the sign.
    pub value: Amount,
    /// Open profit at the mark.
    pub unrealised: Amount,
    /// Leverage chosen.
    pub leverage: u32,
    /// Value ÷ leverage.
    pub initial_margin: Amount,
    /// Below this margin it is closed.
    pub maintenance: Amount,
    /// At what mark it would be closed, all else as it is; none where at none.
    pub liquidation_price: Option<Price>,
}

impl House {
    /// The wallet that a client's orders in a market draw on.
    #[must_use]
    pub fn account(&self, client: ClientId, wallet: Wallet) -> Option<AccountId> {
        self.client(client).map(|client| match wallet {
            Wallet::Spot => client.spot,
            Wallet::Derivatives => client.derivatives,
        })
    }

    pub(super) fn account_on(&self, client: ClientId, category: Category) -> Option<AccountId> {
        self.account(client, if category == Category::Spot { Wallet::Spot } else { Wallet::Derivatives })
    }

    /// What a wallet has of an asset.
    #[must_use]
    pub fn balance(&self, account: AccountId, asset: AssetId) -> Balance {
        let clearing = self.cleared.clearing();
        let mut balance = Balance {
            wallet: clearing.wallet(account, asset),
            free: clearing.free(account, asset).unwrap_or_default(),
            in_orders: self.in_orders(account, asset),
            ..Balance::default()
        };
        for position in self.positions_in(account).filter(|p| self.settles_in(p.instrument, asset)) {
            balance.unrealised.0 += position.unrealised.0;
            balance.position_margin.0 += position.initial_margin.0;
            balance.maintenance.0 += position.maintenance.0;
        }
        balance
    }

    /// What a wallet has, by asset; assets of which it has nothing included.
    #[must_use]
    pub fn balances(&self, account: AccountId) -> Vec<(AssetId, Balance)> {
        self.assets.iter().map(|asset| (asset.id, self.balance(account, asset.id))).collect()
    }

    fn settles_in(&self, instrument: InstrumentId, asset: AssetId) -> bool {
        self.listing(instrument).is_some_and(|listing| listing.instrument.value_asset() == asset)
    }

    fn in_orders(&self, account: AccountId, asset: AssetId) -> Amount {
        let Some(client) = self.by_account.get(&account) else { return Amount::ZERO };
        let held = |record: &OrderRecord| -> Option<Amount> {
            let listing = self.listing(record.terms.instrument).filter(|l| l.category == Category::Spot && record.account == account)?;
            let terms = listing.instrument.terms();
            match record.terms.side {
                Side::Buy if terms.quote == asset => {
                    let price = record.price().or(record.terms.kind.trigger().map(|trigger| trigger.price))?;
                    listing.instrument.value(price, record.left().0, Rounding::Ceil).ok()
                }
                Side::Sell if terms.base == asset => listing.instrument.base_amount(record.left().0).ok(),
                _ => None,
            }
        };
        Amount(self.registry.open(*client).filter_map(held).map(|amount| amount.0).sum())
    }

    /// A position; flat where there is none.
    #[must_use]
    pub fn position(&self, account: AccountId, instrument: InstrumentId, leg: Leg) -> Position {
        self.figure(account, instrument, leg).unwrap_or(Position {
            account,
            instrument,
            leg,
            lots: 0,
            entry_value: Amount::ZERO,
            mark: None,
            value: Amount::ZERO,
            unrealised: Amount::ZERO,
            leverage: self.leverage(account, instrument),
            initial_margin: Amount::ZERO,
            maintenance: Amount::ZERO,
            liquidation_price: None,
        })
    }

    fn figure(&self, account: AccountId, instrument: InstrumentId, leg: Leg) -> Result<Position, MoneyError> {
        let clearing = self.cleared.clearing();
        let (holding, mark) = (clearing.holding(account, instrument, leg), clearing.price(instrument));
        let leverage = self.leverage(account, instrument);
        let (mut value, mut unrealised, mut maintenance) = (Amount::ZERO, Amount::ZERO, Amount::ZERO);
        if let (Some(listing), Some(mark)) = (self.listing(instrument), mark) {
            value = Amount(listing.instrument.value(mark, holding.lots, Rounding::Truncate)?.0.abs());
            unrealised = holding.unrealised(&listing.instrument, mark)?;
        }
        if let Some(tier) = self.schedules.get(instrument.index()).and_then(Option::as_ref).and_then(|schedule| schedule.tier(value)) {
            maintenance = Amount(value.at_rate(tier.maintenance, Rounding::Ceil)?.minus(tier.deduction)?.0.max(0));
        }
        Ok(Position {
            account,
            instrument,
            leg,
            lots: holding.lots,
            entry_value: holding.entry,
            mark,
            value,
            unrealised,
            leverage,
            initial_margin: Amount(Rounding::Ceil.divide(value.0, i128::from(leverage.max(1)))?),
            maintenance,
            liquidation_price: None,
        })
    }

    /// At what mark a position would be closed, all else as it is; none where at none. It is searched for, so ask sparingly.
    #[must_use]
    pub fn liquidation_price(&self, account: AccountId, instrument: InstrumentId, leg: Leg) -> Option<Price> {
        self.cleared.clearing().liquidation_price(PositionKey { account, instrument, leg }).ok().flatten()
    }

    /// Positions of a wallet that are not flat, by instrument and leg.
    #[must_use]
    pub fn positions(&self, account: AccountId) -> Vec<Position> {
        let with_price = |p: Position| Position { liquidation_price: self.liquidation_price(account, p.instrument, p.leg), ..p };
        self.positions_in(account).map(with_price).collect()
    }

    fn positions_in(&self, account: AccountId) -> impl Iterator<Item = Position> + '_ {
        let range = (account, InstrumentId(0), Leg::Net)..=(account, InstrumentId(u32::MAX), Leg::Short);
        let found = self.holdings.range(range).filter(|(_, holding)| holding.lots != 0);
        found.map(|((account, instrument, leg), _)| self.position(*account, *instrument, *leg))
    }

    /// Leverage chosen on a derivative.
    #[must_use]
    pub fn leverage(&self, account: AccountId, instrument: InstrumentId) -> u32 {
        self.leverages.get(&(account, instrument)).copied().unwrap_or(1)
    }

    /// Chooses a leverage.
    ///
    /// # Errors
    /// [`Rejection::NotAvailable`] for one outside 1 to the listing's largest; [`Rejection::UnknownInstrument`].
    pub fn set_leverage(&mut self, account: AccountId, instrument: InstrumentId, leverage: u32) -> Result<(), Rejection> {
        let listing = self.listing(instrument).filter(|l| l.category != Category::Spot).ok_or(Rejection::UnknownInstrument)?;
        if leverage == 0 || leverage > listing.max_leverage {
            return Err(Rejection::NotAvailable);
        }
        self.leverages.insert((account, instrument), leverage);
        self.cleared.clearing_mut().set_leverage(account, instrument, leverage);
        Ok(())
    }

    /// Whether a wallet nets its trades in derivatives or keeps two legs.
    #[must_use]
    pub fn position_mode(&self, account: AccountId) -> PositionMode {
        self.position_modes.get(&account).copied().unwrap_or_default()
    }

    /// Chooses a position mode, for all derivatives.
    ///
    /// # Errors
    /// [`Rejection::Unchanged`] where it is the mode already; [`Rejection::NotAvailable`] while there is a position or an open order.
    pub fn set_position_mode(&mut self, account: AccountId, mode: PositionMode) -> Result<(), Rejection> {
        if self.position_mode(account) == mode {
            return Err(Rejection::Unchanged);
        }
        if !self.cleared.clearing_mut().set_position_mode(account, mode) {
            return Err(Rejection::NotAvailable);
        }
        self.position_modes.insert(account, mode);
        Ok(())
    }

    /// Moves money between a client's two wallets.
    ///
    /// # Errors
    /// [`Rejection::Funds`] for more than is free; [`Rejection::NotAvailable`] at a house with one wallet for both.
    pub fn transfer(&mut self, now: Timestamp, client: ClientId, from: Wallet, asset: AssetId, amount: Amount) -> Result<(), Rejection> {
        self.clock(now);
        let to = if from == Wallet::Spot { Wallet::Derivatives } else { Wallet::Spot };
        let (from, to) = self.account(client, from).zip(self.account(client, to)).ok_or(Rejection::NotPermitted)?;
        if from == to {
            return Err(Rejection::NotAvailable);
        }
        let book = tradewind_types::BookId::UNASSIGNED;
        let transfer = Transfer { transfer: TransferId(0), from, to, book, asset, amount, fee: Amount::ZERO };
        self.cleared.clearing_mut().withdraw(&transfer).map_err(Rejection::from)?;
        self.cleared.clearing_mut().deposit(to, asset, amount).map_err(|_| Rejection::Overflow)?;
        for account in [from, to] {
            self.news.push(News::Balance { client, account, asset, at: self.now });
        }
        Ok(())
    }

    /// Rates that a client pays on an instrument: maker, taker.
    #[must_use]
    pub fn fee_rates(&self, instrument: InstrumentId) -> (Rate, Rate) {
        self.listing(instrument).map_or((Rate(0), Rate(0)), |listing| (listing.maker_fee, listing.taker_fee))
    }

    /// An order of a client; of several that had one client id, the last.
    #[must_use]
    pub fn order(&self, client: ClientId, named: OrderRef<'_>) -> Option<&OrderRecord> {
        self.registry.find(client, named)
    }

    /// Open and waiting orders of a client, by number.
    pub fn open_orders(&self, client: ClientId) -> impl DoubleEndedIterator<Item = &OrderRecord> {
        self.registry.open(client)
    }

    /// Orders of a client that are over, by the time they ended; the last ten thousand.
    pub fn closed_orders(&self, client: ClientId) -> impl DoubleEndedIterator<Item = &OrderRecord> {
        self.registry.closed(client)
    }

    /// Open and closed orders of a client that the house has a record of, by number.
    pub fn orders(&self, client: ClientId) -> impl DoubleEndedIterator<Item = &OrderRecord> {
        self.registry.all(client)
    }

    /// Fills of a client, by number; the last twenty thousand.
    pub fn fills(&self, client: ClientId) -> impl DoubleEndedIterator<Item = &FillRecord> {
        self.registry.fills(client)
    }

    /// Fills of an order, by number.
    #[must_use]
    pub fn fills_of(&self, record: &OrderRecord) -> Vec<&FillRecord> {
        self.registry.fills_of(record)
    }

    /// Funding that a client paid and received, oldest first; the last thousand.
    pub fn fundings(&self, client: ClientId) -> impl DoubleEndedIterator<Item = &FundingPayment> {
        self.fundings.get(&client).into_iter().flatten()
    }
}

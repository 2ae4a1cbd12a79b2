//! What happens to accounts other than through our orders: funding, trades nobody here asked for, money on its way.
//!
//! Funding is shared out over the books that hold the position, in proportion to their lots and rounded towards zero; what that
//! leaves over goes to the unassigned book. Trades that no order of ours made go to the unassigned book whole.

use crate::apply::{Booking, LARGEST_POSTING};
use crate::engine::{Engine, Step};
use crate::error::ApplyError;
use crate::grid::Grid;
use crate::orders::Order;
use crate::position::{Position, settlement};
use crate::state::State;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use tradewind_types::{
    AccountEvent, AccountId, AccountRefusal, AccountTrade, Amount, BookId, Exposure, FundingPayment, Instrument, InstrumentId, MoneyError,
    Outcome, PositionMode, Price, Rate, Rounding, Settlement, StateDigest, Timestamp, TradeId, Transfer, TransferId,
};

/// What is known of accounts beyond balances and net positions.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Accounts {
    /// Accounts that keep legs.
    hedged: BTreeSet<AccountId>,
    /// Per (account, instrument) of those accounts.
    long_legs: Grid<Position>,
    short_legs: Grid<Position>,
    /// Whose lots of a derivative an account holds.
    shares: BTreeMap<(AccountId, InstrumentId, BookId), i64>,
    /// Funding times that are booked.
    funded: BTreeSet<(AccountId, InstrumentId, Timestamp)>,
    /// Trades booked that no order of ours made.
    traded: BTreeSet<(AccountId, InstrumentId, TradeId)>,
    on_their_way: BTreeMap<TransferId, Transfer>,
    arrived: BTreeSet<TransferId>,
}

impl Accounts {
    /// The leg that a trade in a hedge-mode account belongs to; none in a one-way account, or where the trade names no leg.
    #[inline]
    pub(crate) fn leg(&self, account: AccountId, instrument: InstrumentId, exposure: Exposure) -> Option<Position> {
        match exposure {
            Exposure::Any | Exposure::ReduceOnly => None,
            Exposure::LongLeg if self.is_hedged(account) => Some(self.long_legs.get(account.index(), instrument.index())),
            Exposure::ShortLeg if self.is_hedged(account) => Some(self.short_legs.get(account.index(), instrument.index())),
            Exposure::LongLeg | Exposure::ShortLeg => None,
        }
    }

    pub(crate) fn is_hedged(&self, account: AccountId) -> bool {
        self.hedged.contains(&account)
    }

    /// Whether neither leg of any instrument holds anything: a long and a short of the same size net to nothing and are still there.
    fn is_flat(&self, account: AccountId) -> bool {
        [&self.long_legs, &self.short_legs].into_iter().all(|legs| legs.row(account.index()).all(|(_, leg)| leg.lots == 0))
    }

    pub(crate) fn set_mode(&mut self, account: AccountId, mode: PositionMode) {
        match mode {
            PositionMode::OneWay => self.hedged.remove(&account),
            PositionMode::Hedge => self.hedged.insert(account),
        };
    }

    /// Books what a derivative's trade leaves: the leg, and whose lots they are.
    pub(crate) fn book_trade(&mut self, booking: &Booking, after: Position, lots: i64) {
        let Booking { account, book, instrument, exposure, .. } = *booking;
        if self.is_hedged(account) {
            match exposure {
                Exposure::LongLeg => *self.long_legs.at(account.index(), instrument.index()) = after,
                Exposure::ShortLeg => *self.short_legs.at(account.index(), instrument.index()) = after,
                Exposure::Any | Exposure::ReduceOnly => {}
            }
        }
        let share = self.shares.entry((account, instrument, book)).or_default();
        // The account's position holds the sum and was checked.
        *share = share.wrapping_add(lots);
        if *share == 0 {
            self.shares.remove(&(account, instrument, book));
        }
    }

    /// Lots of each book in an account's derivative.
    fn shares(&self, account: AccountId, instrument: InstrumentId) -> impl Iterator<Item = (BookId, i64)> + '_ {
        let whose = |book| (account, instrument, BookId(book));
        self.shares.range(whose(0)..=whose(u32::MAX)).map(|((_, _, book), lots)| (*book, *lots))
    }

    /// Whether the books' shares add up to what each account holds.
    pub(crate) fn match_positions(&self, state: &State) -> bool {
        let mut sums: BTreeMap<(AccountId, InstrumentId), i128> = BTreeMap::new();
        for ((account, instrument, _), lots) in &self.shares {
            *sums.entry((*account, *instrument)).or_default() += i128::from(*lots);
        }
        sums.iter().all(|((account, instrument), lots)| *lots == i128::from(state.position(*account, *instrument).lots))
    }

    /// A state that knows none of this has the digest it had before there was any of it.
    pub(crate) fn digest(&self, digest: &mut StateDigest) {
        for account in &self.hedged {
            digest.bytes(b"hedged").unsigned(u64::from(account.0));
        }
        for (tag, legs) in [(1, &self.long_legs), (2, &self.short_legs)] {
            for (account, instrument, leg) in legs.cells() {
                digest.bytes(b"leg").unsigned(tag).unsigned(account as u64).unsigned(instrument as u64);
                digest.signed(leg.lots).wide(leg.entry.0).wide(leg.realised.0);
            }
        }
        for (account, instrument, at) in &self.funded {
            digest.bytes(b"funded").unsigned(u64::from(account.0)).unsigned(u64::from(instrument.0)).signed(at.0);
        }
        for (account, instrument, trade) in &self.traded {
            digest.bytes(b"traded").unsigned(u64::from(account.0)).unsigned(u64::from(instrument.0)).bytes(&trade.0.to_le_bytes());
        }
        for t in self.on_their_way.values() {
            digest.bytes(b"transfer").unsigned(u64::from(t.transfer.0)).unsigned(u64::from(t.from.0)).unsigned(u64::from(t.to.0));
            digest.unsigned(u64::from(t.book.0)).unsigned(u64::from(t.asset.0)).wide(t.amount.0).wide(t.fee.0);
        }
        for transfer in &self.arrived {
            digest.bytes(b"arrived").unsigned(u64::from(transfer.0));
        }
    }
}

/// Funding at our exact figure: longs pay a positive rate. To nearest, ties to even, in units of the value asset.
fn exact_funding(instrument: &Instrument, lots: i64, mark: Price, rate: Rate) -> Result<Amount, MoneyError> {
    Ok(instrument.value(mark, lots, Rounding::HalfEven)?.at_rate(rate, Rounding::HalfEven)?.negated())
}

fn is_postable(amount: Amount) -> bool {
    amount.0.unsigned_abs() <= LARGEST_POSTING.unsigned_abs()
}

fn overflow(_: MoneyError) -> AccountRefusal {
    AccountRefusal::Overflow
}

impl Engine {
    pub(crate) fn on_account_event(&mut self, event: &AccountEvent, at: Timestamp, step: &mut Step) {
        let decided = match event {
            AccountEvent::Funding(payment) => {
                self.state.judge_funding(payment).map(|rounding| Outcome::Funded { payment: *payment, rounding, at })
            }
            AccountEvent::Traded(trade) => {
                self.state.judge_trade(trade).map(|settlement| Outcome::AccountTraded { trade: *trade, settlement, at })
            }
            AccountEvent::TransferArrived { transfer } => match self.state.accounts.on_their_way.get(transfer) {
                Some(_) => Ok(Outcome::TransferArrived { transfer: *transfer, at }),
                None => Err(AccountRefusal::NotOnItsWay { transfer: *transfer }),
            },
        };
        let outcome = decided.unwrap_or_else(|reason| Outcome::AccountEventRefused { event: *event, reason, at });
        let is_lost_money = matches!(&outcome, Outcome::AccountEventRefused { reason, .. } if *reason != AccountRefusal::Repeated);
        self.commit(outcome, at, step);
        if is_lost_money {
            // Money moved at the venue that we cannot book: trading on would be blind.
            self.halt(tradewind_types::LimitScope::Firm, at, step);
        }
    }

    pub(crate) fn on_transfer(&mut self, transfer: &Transfer, at: Timestamp, step: &mut Step) {
        let outcome = match self.state.judge_transfer(transfer) {
            Ok(()) => Outcome::TransferSent { transfer: *transfer, at },
            Err(reason) => Outcome::TransferRefused { transfer: *transfer, reason, at },
        };
        self.commit(outcome, at, step);
    }
}

impl State {
    /// How an account keeps its derivative positions.
    #[must_use]
    pub fn position_mode(&self, account: AccountId) -> PositionMode {
        if self.accounts.is_hedged(account) { PositionMode::Hedge } else { PositionMode::OneWay }
    }

    /// Whether an account has no position in a derivative, in neither leg, and no live order that could give it one.
    pub(crate) fn is_flat(&self, account: AccountId) -> bool {
        let is_derivative = |id| self.registry.instrument(id).is_some_and(|instrument| !instrument.terms().kind.is_spot());
        let is_ours = |order: &&Order| order.terms.account == account && is_derivative(order.terms.instrument);
        self.accounts.is_flat(account)
            && self.live_orders().find(is_ours).is_none()
            && !self.positions.row(account.index()).any(|(id, held)| held.lots != 0 && is_derivative(InstrumentId(id as u32)))
    }

    /// A derivative of an account's venue.
    fn derivative(&self, account: AccountId, instrument: InstrumentId) -> Result<&Instrument, AccountRefusal> {
        let account = self.registry.account(account).ok_or(AccountRefusal::NotDefined)?;
        let instrument = self.registry.instrument(instrument).ok_or(AccountRefusal::NotDefined)?;
        let belongs = instrument.terms().venue == account.venue && !instrument.terms().kind.is_spot();
        if belongs { Ok(instrument) } else { Err(AccountRefusal::NotDefined) }
    }

    /// What the venue's rounding adds to a funding payment, or why the payment cannot be booked.
    fn judge_funding(&self, payment: &FundingPayment) -> Result<Amount, AccountRefusal> {
        let instrument = self.derivative(payment.account, payment.instrument)?;
        if payment.mark.0 <= 0 || !is_postable(payment.amount) {
            return Err(AccountRefusal::Malformed);
        }
        if self.accounts.funded.contains(&(payment.account, payment.instrument, payment.ts_venue)) {
            return Err(AccountRefusal::Repeated);
        }
        let lots = self.position(payment.account, payment.instrument).lots;
        let exact = exact_funding(instrument, lots, payment.mark, payment.rate).map_err(overflow)?;
        if is_postable(exact) { payment.amount.minus(exact).map_err(overflow) } else { Err(AccountRefusal::Overflow) }
    }

    pub(crate) fn funded(&mut self, payment: &FundingPayment, rounding: Amount) -> Result<(), ApplyError> {
        let FundingPayment { account, instrument: id, amount, .. } = *payment;
        let instrument = self.registry.instrument(id).ok_or(ApplyError::NotDefined)?;
        let (venue, asset) = (instrument.terms().venue, instrument.value_asset());
        let shares = self.funding_shares(account, id, amount)?;
        self.ledger.fund(venue, account, asset, amount.minus(rounding)?)?;
        self.ledger.round(venue, account, asset, rounding)?;
        for (book, share) in shares {
            let balance = self.books.balances.at(book.index(), asset.index());
            *balance = balance.plus(share)?;
        }
        self.accounts.funded.insert((account, id, payment.ts_venue));
        Ok(())
    }

    /// An amount shared out over the books that hold an account's position.
    fn funding_shares(&self, account: AccountId, instrument: InstrumentId, amount: Amount) -> Result<Vec<(BookId, Amount)>, MoneyError> {
        let held: Vec<(BookId, i64)> = self.accounts.shares(account, instrument).collect();
        let total: i128 = held.iter().map(|(_, lots)| i128::from(*lots)).sum();
        let (mut shares, mut left) = (Vec::with_capacity(held.len() + 1), amount);
        if total != 0 {
            for (book, lots) in held {
                let share = Amount(Rounding::Truncate.mul_div(amount.0, i128::from(lots), total)?);
                left = left.minus(share)?;
                shares.push((book, share));
            }
        }
        shares.push((BookId::UNASSIGNED, left));
        Ok(shares)
    }

    /// What a trade that no order of ours made moves, or why it cannot be booked.
    fn judge_trade(&self, trade: &AccountTrade) -> Result<Settlement, AccountRefusal> {
        let account = self.registry.account(trade.account).ok_or(AccountRefusal::NotDefined)?;
        let instrument = self.registry.instrument(trade.instrument).ok_or(AccountRefusal::NotDefined)?;
        if instrument.terms().venue != account.venue || self.registry.asset(trade.fee.asset).is_none() {
            return Err(AccountRefusal::NotDefined);
        }
        let stated = trade.stated_cash.unwrap_or_default();
        if trade.qty.0 <= 0 || trade.price.0 <= 0 || stated.0 < 0 || !is_postable(stated) || !is_postable(trade.fee.amount) {
            return Err(AccountRefusal::Malformed);
        }
        let names_leg = matches!(trade.leg, Exposure::LongLeg | Exposure::ShortLeg);
        if names_leg != (self.accounts.is_hedged(trade.account) && !instrument.terms().kind.is_spot()) {
            return Err(AccountRefusal::Malformed);
        }
        if self.accounts.traded.contains(&(trade.account, trade.instrument, trade.trade)) {
            return Err(AccountRefusal::Repeated);
        }
        let leg = self.leg(trade.account, trade.instrument, trade.leg);
        let settlement = settlement(instrument, leg, trade.side, &trade.as_fill()).map_err(overflow)?;
        let lots = trade.side.sign().wrapping_mul(trade.qty.0);
        self.firm_standing(trade.instrument).position.checked_add(lots).ok_or(AccountRefusal::Overflow)?;
        let is_bookable = [settlement.base, settlement.cash, settlement.rounding].into_iter().all(is_postable);
        if is_bookable { Ok(settlement) } else { Err(AccountRefusal::Overflow) }
    }

    pub(crate) fn account_traded(&mut self, trade: &AccountTrade, settlement: &Settlement) -> Result<(), ApplyError> {
        let AccountTrade { account, instrument, side, leg, .. } = *trade;
        let booking = Booking { account, book: BookId::UNASSIGNED, instrument, side, exposure: leg };
        self.book_trade(&booking, &trade.as_fill(), settlement)?;
        self.accounts.traded.insert((account, instrument, trade.trade));
        Ok(())
    }

    fn judge_transfer(&self, transfer: &Transfer) -> Result<(), AccountRefusal> {
        let Transfer { transfer: id, from, to, book, asset, amount, fee } = *transfer;
        let accounts = self.registry.account(from).and(self.registry.account(to));
        if accounts.is_none() || self.registry.asset(asset).is_none() || self.registry.book(book).is_none() || from == to {
            return Err(AccountRefusal::NotDefined);
        }
        if amount.0 <= 0 || fee.0 < 0 || fee >= amount || !is_postable(amount) {
            return Err(AccountRefusal::Malformed);
        }
        if self.accounts.on_their_way.contains_key(&id) || self.accounts.arrived.contains(&id) {
            return Err(AccountRefusal::Repeated);
        }
        let free = self.free_balance(from, asset);
        if amount > free { Err(AccountRefusal::InsufficientBalance { asked: amount, free }) } else { Ok(()) }
    }

    pub(crate) fn transfer_sent(&mut self, transfer: &Transfer) -> Result<(), ApplyError> {
        let Transfer { transfer: id, from, book, asset, amount, fee, .. } = *transfer;
        let venue = self.registry.account(from).ok_or(ApplyError::NotDefined)?.venue;
        let scopes = self.scopes_of(from)?;
        self.ledger.depart(from, asset, amount.minus(fee)?)?;
        if fee != Amount::ZERO {
            self.ledger.charge(venue, from, asset, fee)?;
            let (balance, fees) = (self.books.balances.at(book.index(), asset.index()), self.books.fees.at(book.index(), asset.index()));
            (*balance, *fees) = (balance.minus(fee)?, fees.plus(fee)?);
        }
        // On its way, money is still the book's and the firm's.
        self.limits.count_flow(&scopes, asset, Amount(fee.0.wrapping_sub(amount.0)));
        self.accounts.on_their_way.insert(id, *transfer);
        Ok(())
    }

    pub(crate) fn transfer_arrived(&mut self, id: TransferId) -> Result<(), ApplyError> {
        let transfer = self.accounts.on_their_way.get(&id).ok_or(ApplyError::NotDefined)?;
        let (to, asset, amount) = (transfer.to, transfer.asset, transfer.amount.minus(transfer.fee)?);
        let scopes = self.scopes_of(to)?;
        self.ledger.arrive(to, asset, amount)?;
        self.limits.count_flow(&scopes, asset, amount);
        self.accounts.on_their_way.remove(&id);
        self.accounts.arrived.insert(id);
        Ok(())
    }
}

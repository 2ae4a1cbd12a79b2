//! (state, outcome) → state. Nothing here decides: what an outcome says has happened.

use crate::error::ApplyError;
use crate::orders::{Amendment, Order, OrderIndex};
use crate::position::{booked_cost, signed_lots};
use crate::registry::{check_scope, dense};
use crate::state::State;
use crate::timers::Pending;
use crate::trades::NO_TRADE;
use tradewind_limits::{BookHealth, Ceiling, Held, Route, limit_reservation, spending_asset};
use tradewind_types::{
    AccountId, Amount, AssetId, Author, BookId, Definition, DefinitionRefusal, DoneReason, Exposure, Fill, Instrument, InstrumentId,
    LimitScope, MoneyError, OrderId, OrderState, OrderTerms, Outcome, Price, Qty, Settlement, Side, Timestamp, VenueId,
};

/// No single posting may be larger than this many units: sums of them then stay inside `i128` for longer than any history.
pub(crate) const LARGEST_POSTING: i128 = 1 << 100;

impl State {
    /// Applies one outcome. An error leaves the state as it was.
    pub(crate) fn apply(&mut self, outcome: &Outcome) -> Result<(), ApplyError> {
        match outcome {
            Outcome::Defined(definition) => self.define(definition),
            Outcome::OrderSent { order, author, terms, reserved, at } => self.send(*order, *author, terms, *reserved, *at),
            Outcome::CancelSent { order, at } => self.cancel_sent(*order, *at),
            Outcome::AmendSent { order, price, qty, at } => self.amend_sent(*order, Amendment { price: *price, qty: *qty }, *at),
            Outcome::Accepted { order, venue_order, at } => self.transition(*order, *at, |o| o.accept(*venue_order)),
            Outcome::Filled { fill, settlement, at } => self.fill(fill, settlement, *at),
            Outcome::Amended { order, price, qty, at } => self.amended(*order, *price, *qty, *at),
            Outcome::AmendRejected { order, at, .. } => self.amend_rejected(*order, *at),
            Outcome::CancelRejected { order, at, .. } => self.transition(*order, *at, |o| {
                if o.state == OrderState::Cancelling {
                    o.state = o.state_without_cancel();
                }
            }),
            Outcome::BecameUnknown { order, since, until, .. } => {
                self.transition(*order, *since, |o| o.state = OrderState::Unknown { since: *since, until: *until })
            }
            Outcome::Rejected { order, reason, at } => self.end(*order, DoneReason::Rejected(*reason), *at),
            Outcome::Cancelled { order, at } => self.end(*order, DoneReason::Cancelled, *at),
            Outcome::Expired { order, at } => self.end(*order, DoneReason::Expired, *at),
            Outcome::NeverArrived { order, at } => self.end(*order, DoneReason::NeverArrived, *at),
            Outcome::BookInvalid { instrument, .. } => self.set_health(*instrument, BookHealth::Invalid),
            Outcome::BookRestored { instrument, .. } => self.set_health(*instrument, BookHealth::Valid),
            Outcome::AlgoStarted { algo, spec, .. } => self.algos.start(*algo, *spec),
            Outcome::AlgoStopped { algo, .. } => {
                self.algos.stop(*algo)?;
                self.timers.drop_all_of(*algo);
                Ok(())
            }
            Outcome::ParametersSet { algo, version, parameters, .. } => self.algos.set_parameters(*algo, *version, *parameters),
            Outcome::TimerSet { timer, algo, due } => self.timers.set(Pending { due: *due, timer: *timer, algo: *algo }),
            Outcome::TimerFired { timer, .. } => self.timers.fire(*timer),
            Outcome::Halted { scope, .. } => {
                check_scope(*scope)?;
                self.limits.halt(*scope);
                Ok(())
            }
            Outcome::Resumed { scope, .. } => {
                check_scope(*scope)?;
                self.limits.resume(*scope);
                Ok(())
            }
            Outcome::OrdersRetired { through, over_by, .. } => self.orders.retire(*through, *over_by),
            Outcome::Triggered { order, at } => self.transition(*order, *at, Order::wake),
            Outcome::SelfTradePrevented { order, at } => self.end(*order, DoneReason::SelfTradePrevented, *at),
            Outcome::Funded { payment, rounding, .. } => self.funded(payment, *rounding),
            Outcome::AccountTraded { trade, settlement, .. } => self.account_traded(trade, settlement),
            Outcome::TransferSent { transfer, .. } => self.transfer_sent(transfer),
            Outcome::TransferArrived { transfer, .. } => self.transfer_arrived(*transfer),
            Outcome::EquityMarked { scope, mark, at } => {
                self.limits.take_mark(*scope, *mark, *at);
                Ok(())
            }
            Outcome::AccountEventRefused { .. }
            | Outcome::TransferRefused { .. }
            | Outcome::Refused { .. }
            | Outcome::FillRepeated { .. }
            | Outcome::Unrecognised { .. }
            | Outcome::DefinitionRefused { .. }
            | Outcome::AlgoRefused { .. } => Ok(()),
        }
    }

    /// Whether a definition can take effect now.
    pub(crate) fn check_definition(&self, definition: &Definition) -> Result<(), DefinitionRefusal> {
        self.registry.check(definition)?;
        match definition {
            Definition::Epoch { epoch, .. } => {
                let current = self.orders.epoch();
                if *epoch > current { Ok(()) } else { Err(DefinitionRefusal::EpochNotRising { current, asked: *epoch }) }
            }
            Definition::Deposit { amount, .. } if amount.0.unsigned_abs() > LARGEST_POSTING.unsigned_abs() => {
                Err(DefinitionRefusal::Overflow)
            }
            Definition::PositionMode { account, mode } if *mode != self.position_mode(*account) => {
                if self.is_flat(*account) {
                    Ok(())
                } else {
                    Err(DefinitionRefusal::HoldsPositions { account: *account })
                }
            }
            _ => Ok(()),
        }
    }

    fn define(&mut self, definition: &Definition) -> Result<(), ApplyError> {
        self.check_definition(definition)?;
        match definition {
            Definition::Limits(settings) => self.limits.define(*settings),
            Definition::Epoch { node, epoch } => self.orders.start_epoch(*node, *epoch),
            Definition::Retention { done_for } => self.orders.keep_for(*done_for),
            Definition::Deposit { account, book, asset, amount } => {
                let total = self.books.balances.get(book.index(), asset.index()).plus(*amount)?;
                self.ledger.deposit(*account, *asset, *amount)?;
                *self.books.balances.at(book.index(), asset.index()) = total;
                let [venue, owner] = self.scopes_of(*account)?;
                self.limits.count_flow(&[LimitScope::Firm, venue, owner, LimitScope::Book(*book)], *asset, *amount);
            }
            Definition::PositionMode { account, mode } => self.accounts.set_mode(*account, *mode),
            Definition::Asset(_)
            | Definition::Instrument(_)
            | Definition::Account(_)
            | Definition::Book { .. }
            | Definition::Filters(_)
            | Definition::Margin(_)
            | Definition::Leverage { .. }
            | Definition::SelfTrade { .. } => {
                self.registry.define(definition)?;
            }
            Definition::Budget(settings) => self.limits.define_budget(*settings),
            Definition::Conduct(settings) => self.limits.define_conduct(*settings),
            Definition::Restricted { scope, instrument, restriction } => self.limits.restrict(*scope, *instrument, *restriction),
        }
        Ok(())
    }

    /// The scopes that an account's money is in, besides the firm.
    pub(crate) fn scopes_of(&self, account: AccountId) -> Result<[LimitScope; 2], ApplyError> {
        let venue = self.registry.account(account).ok_or(ApplyError::NotDefined)?.venue;
        Ok([LimitScope::Venue(venue), LimitScope::Account(account)])
    }

    fn set_health(&mut self, instrument: InstrumentId, health: BookHealth) -> Result<(), ApplyError> {
        dense(instrument.0)?;
        *crate::grid::grown(&mut self.health, instrument.index()) = health;
        Ok(())
    }

    fn send(&mut self, id: OrderId, author: Author, terms: &OrderTerms, reserved: Amount, at: Timestamp) -> Result<(), ApplyError> {
        let route = self.route(terms)?;
        let instrument = self.registry.instrument(terms.instrument).ok_or(ApplyError::NotDefined)?;
        let ceiling = Ceiling::new(terms.qty, reserved)?;
        let held = ceiling.held(Qty::ZERO)?;
        let order = Order {
            id,
            author,
            terms: *terms,
            state: OrderState::Sent,
            filled: Qty::ZERO,
            venue_order: None,
            amendment: None,
            sent_at: at,
            ceiling,
            held,
            over_at: None,
            last_trade: NO_TRADE,
        };
        let index = self.orders.push(order)?;
        self.limits.count_place(route, terms, at);
        self.exposure.exchange(terms, spending_asset(instrument, terms.side), Held::default(), held)?;
        if let Author::Algo(algo) = author {
            self.algos.add_order(algo, index);
        }
        Ok(())
    }

    fn cancel_sent(&mut self, id: OrderId, at: Timestamp) -> Result<(), ApplyError> {
        let index = self.index_of(id)?;
        let terms = self.order_at(index, id)?.terms;
        self.limits.count_cancel(self.route(&terms)?, at);
        self.change(index, at, |o| {
            // An unknown order stays unknown: its deadline still decides what "not found" means.
            if o.is_live() && !matches!(o.state, OrderState::Unknown { .. }) {
                o.state = OrderState::Cancelling;
            }
        })
    }

    fn amend_sent(&mut self, id: OrderId, amendment: Amendment, at: Timestamp) -> Result<(), ApplyError> {
        let index = self.index_of(id)?;
        let order = self.order_at(index, id)?;
        let terms = order.terms;
        let ceiling = order.ceiling.or(self.ceiling_of(&terms, amendment.price, amendment.qty)?)?;
        self.limits.count_amend(self.route(&terms)?, at);
        self.change(index, at, |o| {
            o.amendment = Some(amendment);
            o.ceiling = ceiling;
            o.state = o.resting_state();
        })
    }

    fn amended(&mut self, id: OrderId, price: Price, qty: Qty, at: Timestamp) -> Result<(), ApplyError> {
        let index = self.index_of(id)?;
        let terms = self.order_at(index, id)?.terms;
        let ceiling = self.ceiling_of(&terms, price, qty)?;
        self.change(index, at, |o| {
            o.terms.kind = o.terms.kind.at_price(price);
            o.terms.qty = qty;
            o.amendment = None;
            o.ceiling = ceiling;
            if matches!(o.state, OrderState::Sent | OrderState::Amending { .. } | OrderState::Unknown { .. }) {
                o.state = OrderState::Open;
            }
            finish_if_filled(o);
        })
    }

    fn amend_rejected(&mut self, id: OrderId, at: Timestamp) -> Result<(), ApplyError> {
        let index = self.index_of(id)?;
        let order = self.order_at(index, id)?;
        let terms = order.terms;
        let ceiling = match order.price() {
            Some(price) => self.ceiling_of(&terms, price, terms.qty)?,
            None => order.ceiling,
        };
        self.change(index, at, |o| {
            o.amendment = None;
            o.ceiling = ceiling;
            if matches!(o.state, OrderState::Amending { .. }) {
                o.state = OrderState::Open;
            }
            finish_if_filled(o);
        })
    }

    fn end(&mut self, id: OrderId, reason: DoneReason, at: Timestamp) -> Result<(), ApplyError> {
        self.transition(id, at, |o| {
            o.amendment = None;
            o.state = OrderState::Done { reason };
        })
    }

    fn fill(&mut self, fill: &Fill, settlement: &Settlement, at: Timestamp) -> Result<(), ApplyError> {
        let index = self.index_of(fill.order)?;
        let order = self.order_at(index, fill.order)?;
        let (terms, author) = (order.terms, order.author);
        let filled = order.filled.plus(fill.qty)?;
        self.book_trade(&Booking::of(&terms), fill, settlement)?;
        self.orders.add_trade(index, fill.trade);
        if let Author::Algo(algo) = author {
            self.algos.add_fill(algo, terms.side, fill.qty);
        }
        self.change(index, at, |o| {
            o.filled = filled;
            match o.state {
                OrderState::Sent => o.state = OrderState::Open,
                OrderState::Done { reason: DoneReason::NeverArrived } => o.state = o.resting_state(),
                _ => {}
            }
            finish_if_filled(o);
        })
    }

    /// Books one execution: money, the account's position (or leg), the book's, the firm's. An error leaves the state as it was.
    #[inline]
    pub(crate) fn book_trade(&mut self, booking: &Booking, fill: &Fill, settlement: &Settlement) -> Result<(), ApplyError> {
        let Booking { account, book, instrument: id, side, exposure } = *booking;
        let instrument = self.registry.instrument(id).ok_or(ApplyError::NotDefined)?;
        self.registry.asset(fill.fee.asset).ok_or(ApplyError::NotDefined)?;
        let (lots, cost) = (signed_lots(side, fill), booked_cost(instrument, side, fill)?);
        let leg = self.accounts.leg(account, id, exposure);
        let (before, whole) = (leg.unwrap_or_else(|| self.position(account, id)), self.position(account, id));
        let (after, _) = before.after(lots, cost)?;
        let account_position = if leg.is_some() { whole.with_part(before, after)? } else { after };
        let (book_position, book_profit) = self.book_position(book, id).after(lots, cost)?;
        let is_derivative = !instrument.terms().kind.is_spot();
        let money = Money::of(instrument, booking, fill, settlement, book_profit);
        money.post(self)?;
        *self.positions.at(account.index(), id.index()) = account_position;
        *self.books.positions.at(book.index(), id.index()) = book_position;
        if is_derivative {
            self.accounts.book_trade(booking, after, lots);
        }
        self.exposure.trade(id.index(), lots);
        Ok(())
    }

    fn transition(&mut self, id: OrderId, at: Timestamp, change: impl FnOnce(&mut Order)) -> Result<(), ApplyError> {
        let index = self.index_of(id)?;
        self.change(index, at, change)
    }

    /// Changes an order, then what it holds back and where it is listed.
    #[inline]
    fn change(&mut self, index: OrderIndex, at: Timestamp, change: impl FnOnce(&mut Order)) -> Result<(), ApplyError> {
        let order = self.orders.get_mut(index).ok_or(ApplyError::NotDefined)?;
        let was_live = order.is_live();
        change(order);
        let (is_live, author) = (order.is_live(), order.author);
        if is_live != was_live {
            order.over_at = (!is_live).then_some(at);
        }
        self.rehold(index)?;
        if is_live != was_live {
            self.orders.relist(index, is_live);
            if let Author::Algo(algo) = author {
                self.algos.relist(algo, index, is_live);
            }
        }
        Ok(())
    }

    /// Brings what an order holds back into line with its state.
    #[inline]
    fn rehold(&mut self, index: OrderIndex) -> Result<(), ApplyError> {
        let order = self.orders.get_mut(index).ok_or(ApplyError::NotDefined)?;
        let before = order.held;
        let after = if order.is_live() { order.ceiling.held(order.filled)? } else { Held::default() };
        if before == after {
            return Ok(());
        }
        let instrument = self.registry.instrument(order.terms.instrument).ok_or(ApplyError::NotDefined)?;
        order.held = after;
        let spends = spending_asset(instrument, order.terms.side);
        self.exposure.exchange(&order.terms, spends, before, after)?;
        Ok(())
    }

    #[inline]
    fn index_of(&self, order: OrderId) -> Result<OrderIndex, ApplyError> {
        self.orders.index_of(order).ok_or(ApplyError::UnknownOrder { order })
    }

    #[inline]
    fn order_at(&self, index: OrderIndex, order: OrderId) -> Result<&Order, ApplyError> {
        self.orders.get(index).ok_or(ApplyError::UnknownOrder { order })
    }

    #[inline]
    fn route(&self, terms: &OrderTerms) -> Result<Route, ApplyError> {
        let instrument = self.registry.instrument(terms.instrument).ok_or(ApplyError::NotDefined)?;
        self.registry.account(terms.account).ok_or(ApplyError::NotDefined)?;
        self.registry.book(terms.book).ok_or(ApplyError::NotDefined)?;
        Ok(Route { venue: instrument.terms().venue, account: terms.account, book: terms.book, instrument: terms.instrument })
    }

    fn ceiling_of(&self, terms: &OrderTerms, price: Price, qty: Qty) -> Result<Ceiling, ApplyError> {
        let instrument = self.registry.instrument(terms.instrument).ok_or(ApplyError::NotDefined)?;
        let account = self.registry.account(terms.account).ok_or(ApplyError::NotDefined)?;
        Ok(Ceiling::new(qty, limit_reservation(instrument, account, terms.side, price, qty)?)?)
    }
}

/// Complete when the largest outcome is filled: while an amend is under way, only the larger total decides.
#[inline]
fn finish_if_filled(order: &mut Order) {
    if order.is_live() && order.filled >= order.ceiling.qty() {
        order.amendment = None;
        order.state = OrderState::Done { reason: DoneReason::Filled };
    }
}

/// Whose trade it was, and in what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Booking {
    pub(crate) account: AccountId,
    pub(crate) book: BookId,
    pub(crate) instrument: InstrumentId,
    pub(crate) side: Side,
    pub(crate) exposure: Exposure,
}

impl Booking {
    #[inline]
    const fn of(terms: &OrderTerms) -> Self {
        let OrderTerms { account, book, instrument, side, exposure, .. } = *terms;
        Self { account, book, instrument, side, exposure }
    }
}

/// The postings of one fill.
struct Money {
    account: AccountId,
    book: BookId,
    venue: VenueId,
    base: (AssetId, Amount),
    cash: (AssetId, Amount),
    rounding: Amount,
    fee: (AssetId, Amount),
    /// What the book books as cash: the account's for spot, its own realised profit for derivatives.
    book_cash: Amount,
}

impl Money {
    #[inline]
    fn of(instrument: &Instrument, booking: &Booking, fill: &Fill, settlement: &Settlement, book_profit: Amount) -> Self {
        let book_cash = if instrument.terms().kind.is_spot() { settlement.cash } else { book_profit };
        Self {
            account: booking.account,
            book: booking.book,
            venue: instrument.terms().venue,
            base: (instrument.terms().base, settlement.base),
            cash: (instrument.value_asset(), settlement.cash),
            rounding: settlement.rounding,
            fee: (fill.fee.asset, fill.fee.amount),
            book_cash,
        }
    }

    /// Posts to the ledger and the book. Sizes are checked first, so that nothing is posted by half.
    #[inline]
    fn post(&self, state: &mut State) -> Result<(), MoneyError> {
        for amount in [self.base.1, self.cash.1, self.rounding, self.fee.1, self.book_cash] {
            if amount.0.unsigned_abs() > LARGEST_POSTING.unsigned_abs() {
                return Err(MoneyError::Overflow { operation: "post", left: amount.0, right: LARGEST_POSTING });
            }
        }
        let Self { account, venue, base, cash, rounding, fee, .. } = *self;
        let (ledger, books) = (&mut state.ledger, &mut state.books);
        ledger.trade(venue, account, base.0, base.1)?;
        ledger.trade(venue, account, cash.0, cash.1.minus(rounding)?)?;
        if rounding != Amount::ZERO {
            ledger.round(venue, account, cash.0, rounding)?;
        }
        ledger.charge(venue, account, fee.0, fee.1)?;
        let book = self.book.index();
        for (asset, amount) in [base, (cash.0, self.book_cash), (fee.0, fee.1.negated())] {
            let balance = books.balances.at(book, asset.index());
            *balance = balance.plus(amount)?;
        }
        if self.fee.1 != Amount::ZERO {
            let fees = books.fees.at(book, self.fee.0.index());
            *fees = fees.plus(self.fee.1)?;
        }
        Ok(())
    }
}

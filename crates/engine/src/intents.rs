//! Intents → orders, by way of the limits.

use crate::engine::{Engine, Step};
use tradewind_limits::{Approval, Command, LiveOrder, OrderContext, Surroundings, spending_asset};
use tradewind_types::{
    Account, Author, BookId, Instrument, Intent, OrderId, OrderState, OrderTerms, Outcome, Price, Qty, RefusalReason, Timestamp,
};

impl Engine {
    /// A decision from outside. Only what adds risk can come too late.
    pub(crate) fn on_decision(&mut self, author: Author, valid_until: Timestamp, intent: &Intent, at: Timestamp, step: &mut Step) {
        let adds_risk = matches!(intent, Intent::Place(_) | Intent::Amend { .. });
        if adds_risk && at > valid_until {
            let reason = RefusalReason::Late { valid_until, now: at };
            self.commit(Outcome::Refused { author, intent: *intent, reason, at }, at, step);
            return;
        }
        self.intend(author, intent, at, step);
    }

    /// Does what an intent asks where the limits pass it, else says why not.
    #[inline]
    pub(crate) fn intend(&mut self, author: Author, intent: &Intent, at: Timestamp, step: &mut Step) {
        let refusal = match *intent {
            Intent::Place(ref terms) => self.place(author, terms, at, step),
            Intent::Cancel { order } => self.cancel(order, at, step),
            Intent::Amend { order, price, qty } => self.amend(order, price, qty, at, step),
            Intent::CancelAll { book } => {
                self.cancel_all(book, at, step);
                None
            }
        };
        if let Some(reason) = refusal {
            self.refuse(author, intent, reason, at, step);
        }
    }

    #[cold]
    #[inline(never)]
    fn refuse(&mut self, author: Author, intent: &Intent, reason: RefusalReason, at: Timestamp, step: &mut Step) {
        self.commit(Outcome::Refused { author, intent: *intent, reason, at }, at, step);
        self.halt_after(&reason, at, step);
    }

    fn place(&mut self, author: Author, terms: &OrderTerms, at: Timestamp, step: &mut Step) -> Option<RefusalReason> {
        let order = self.state.orders.next_id();
        match self.approve(author, order, terms, at) {
            Ok(approval) => {
                let reserved = approval.reserved();
                if self.commit(Outcome::OrderSent { order, author, terms: *terms, reserved, at }, at, step) {
                    step.commands.push(approval.into_command());
                }
                None
            }
            Err(reason) => Some(reason),
        }
    }

    /// Cancels one order; the reason where it cannot.
    pub(crate) fn cancel(&mut self, order: OrderId, at: Timestamp, step: &mut Step) -> Option<RefusalReason> {
        let Some(found) = self.state.orders.find(order) else { return Some(RefusalReason::NotLive { order }) };
        match self.state.limits.cancel(order, found.terms.instrument, found.state) {
            Ok(command) => {
                self.dispatch(Outcome::CancelSent { order, at }, command, at, step);
                None
            }
            Err(reason) => Some(reason),
        }
    }

    fn amend(&mut self, order: OrderId, price: Price, qty: Qty, at: Timestamp, step: &mut Step) -> Option<RefusalReason> {
        let Some(found) = self.state.orders.find(order) else { return Some(RefusalReason::NotLive { order }) };
        let live = LiveOrder { order, terms: found.terms, state: found.state, filled: found.filled, ceiling: found.ceiling };
        let passed = self.approve_amend(&live, price, qty, at);
        match passed {
            Ok(command) => {
                self.dispatch(Outcome::AmendSent { order, price, qty, at }, command, at, step);
                None
            }
            Err(reason) => Some(reason),
        }
    }

    fn cancel_all(&mut self, book: BookId, at: Timestamp, step: &mut Step) {
        let is_doomed = |o: &&crate::orders::Order| o.terms.book == book && o.state != OrderState::Cancelling;
        let doomed: Vec<_> = self.state.live_orders().filter(is_doomed).map(|o| o.id).collect();
        for order in doomed {
            self.cancel(order, at, step);
        }
    }

    /// A command leaves only when its outcome is part of the state.
    #[inline]
    fn dispatch(&mut self, outcome: Outcome, command: Command, at: Timestamp, step: &mut Step) {
        if self.commit(outcome, at, step) {
            step.commands.push(command);
        }
    }

    #[inline]
    fn approve<'a>(&self, author: Author, order: OrderId, terms: &'a OrderTerms, at: Timestamp) -> Result<Approval<'a>, RefusalReason> {
        let is_foreign = matches!(author, Author::Strategy(book) if book != terms.book);
        if is_foreign || self.state.registry.book(terms.book).is_none() {
            return Err(not_defined(terms));
        }
        let around = self.state.surroundings(&self.market, terms, terms.kind.price(), at);
        let context = self.context(terms, self.owners(terms)?, around.as_deref(), at);
        self.state.limits.place(&context, order, terms)
    }

    fn approve_amend(&self, live: &LiveOrder, price: Price, qty: Qty, at: Timestamp) -> Result<Command, RefusalReason> {
        let around = self.state.surroundings(&self.market, &live.terms, Some(price), at);
        let context = self.context(&live.terms, self.owners(&live.terms)?, around.as_deref(), at);
        self.state.limits.amend(&context, live, price, qty)
    }

    /// The instrument and the account of an order.
    #[inline(always)]
    fn owners(&self, terms: &OrderTerms) -> Result<(&Instrument, &Account), RefusalReason> {
        let registry = &self.state.registry;
        registry.instrument(terms.instrument).zip(registry.account(terms.account)).ok_or_else(|| not_defined(terms))
    }

    #[inline(always)]
    fn context<'a>(
        &'a self,
        terms: &OrderTerms,
        (instrument, account): (&'a Instrument, &'a Account),
        surroundings: Option<&'a Surroundings<'a>>,
        at: Timestamp,
    ) -> OrderContext<'a> {
        let state = &self.state;
        let [firm, account_standing, book] = if state.has_closing_orders() {
            state.outlooks(terms)
        } else {
            let (account, instrument) = (terms.account, terms.instrument);
            [state.firm_standing(instrument), state.account_standing(account, instrument), state.book_standing(terms.book, instrument)]
        };
        OrderContext {
            now: at,
            instrument,
            account,
            reference: self.market.view(terms.instrument).reference(),
            book_health: state.book_health(terms.instrument),
            firm,
            account_standing,
            book,
            free: state.free_balance(terms.account, spending_asset(instrument, terms.side)),
            surroundings,
        }
    }
}

const fn not_defined(terms: &OrderTerms) -> RefusalReason {
    RefusalReason::NotDefined { instrument: terms.instrument, account: terms.account, book: terms.book }
}

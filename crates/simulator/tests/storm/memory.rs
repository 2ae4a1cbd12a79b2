//! What the journal says, kept plainly beside the engine's state: limits, halts, orders sent, fills booked; and the laws that
//! every decision must obey at the moment it is made.

use crate::storm::desk::{ACCOUNTS, covers, exact_value, value_asset};
use crate::storm::node::Breach;
use std::collections::{BTreeMap, BTreeSet};
use tradewind_engine::{Engine, Order, State};
use tradewind_limits::BookHealth;
use tradewind_types::{
    AccountId, AlgoId, AssetId, Author, BookId, Definition, Exposure, FundingPayment, InstrumentId, LimitScope, LimitSettings, OrderId,
    OrderTerms, Outcome, Price, Qty, Side, TimerId, Timestamp, TradeId,
};

#[derive(Clone, Debug, Default)]
pub struct Memory {
    limits: BTreeMap<(LimitScope, Option<InstrumentId>), (LimitSettings, usize)>,
    pub halted: BTreeSet<LimitScope>,
    pub epoch: u32,
    pub booked: BTreeSet<(OrderId, TradeId)>,
    /// Lots that came in late, on orders that were thought to be over, by order.
    pub late: BTreeMap<OrderId, i64>,
    done: BTreeSet<OrderId>,
    /// Every order and amend that left: when, and on what terms.
    sent: Vec<(Timestamp, OrderTerms)>,
    terms: BTreeMap<OrderId, OrderTerms>,
    pub algos: BTreeSet<AlgoId>,
    over: BTreeSet<AlgoId>,
    /// For which algo each timer was set.
    timers: BTreeMap<TimerId, AlgoId>,
    /// Deposits that took effect.
    pub deposits: usize,
    /// Lots that accounts traded without our orders.
    pub forced: BTreeMap<(AccountId, InstrumentId), i64>,
    /// Whose lots of a derivative an account holds.
    shares: BTreeMap<(AccountId, InstrumentId), BTreeMap<BookId, i64>>,
    /// Funding as it is shared out over books.
    pub funding: BTreeMap<(BookId, AssetId), i128>,
}

impl Memory {
    pub fn see(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Defined(Definition::Limits(settings)) => {
                self.limits.insert((settings.scope, settings.instrument), (*settings, self.sent.len()));
            }
            Outcome::Defined(Definition::Epoch { epoch, .. }) => self.epoch = *epoch,
            Outcome::Defined(Definition::Deposit { .. }) => self.deposits += 1,
            Outcome::Halted { scope, .. } => {
                self.halted.insert(*scope);
            }
            Outcome::Resumed { scope, .. } => {
                self.halted.remove(scope);
            }
            Outcome::OrderSent { order, terms, at, .. } => {
                self.terms.insert(*order, *terms);
                self.sent.push((*at, *terms));
            }
            Outcome::AmendSent { order, at, .. } => {
                if let Some(terms) = self.terms.get(order) {
                    self.sent.push((*at, *terms));
                }
            }
            Outcome::AccountTraded { trade, .. } => {
                let lots = trade.side.sign() * trade.qty.0;
                *self.forced.entry((trade.account, trade.instrument)).or_default() += lots;
                self.share(trade.account, trade.instrument, BookId::UNASSIGNED, lots);
            }
            Outcome::Funded { payment, .. } => self.fund(payment),
            Outcome::Filled { fill, .. } => {
                if let Some(terms) = self.terms.get(&fill.order).copied() {
                    self.share(terms.account, terms.instrument, terms.book, terms.side.sign() * fill.qty.0);
                }
                self.booked.insert((fill.order, fill.trade));
                if self.done.contains(&fill.order) {
                    *self.late.entry(fill.order).or_default() += fill.qty.0;
                }
            }
            Outcome::Cancelled { order, .. }
            | Outcome::Expired { order, .. }
            | Outcome::Rejected { order, .. }
            | Outcome::SelfTradePrevented { order, .. }
            | Outcome::NeverArrived { order, .. } => {
                self.done.insert(*order);
            }
            Outcome::AlgoStarted { algo, .. } => {
                self.algos.insert(*algo);
            }
            Outcome::AlgoStopped { algo, .. } => {
                self.over.insert(*algo);
            }
            Outcome::TimerSet { timer, algo, .. } => {
                self.timers.insert(*timer, *algo);
            }
            _ => {}
        }
    }

    fn share(&mut self, account: AccountId, instrument: InstrumentId, book: BookId, lots: i64) {
        *self.shares.entry((account, instrument)).or_default().entry(book).or_default() += lots;
    }

    /// Each book's part of a payment, in whole units; what is left over is nobody's.
    fn fund(&mut self, payment: &FundingPayment) {
        let shares = self.shares.get(&(payment.account, payment.instrument)).cloned().unwrap_or_default();
        let (total, asset) = (shares.values().sum::<i64>(), value_asset(payment.instrument));
        let mut left = payment.amount.0;
        for (book, lots) in shares.into_iter().filter(|_| total != 0) {
            let part = payment.amount.0 * i128::from(lots) / i128::from(total);
            left -= part;
            *self.funding.entry((book, asset)).or_default() += part;
        }
        *self.funding.entry((BookId::UNASSIGNED, asset)).or_default() += left;
    }

    /// The laws of a decision, held against the state in which it has just taken effect.
    pub fn check_decision(&self, outcome: &Outcome, state: &State, engine: &Engine) -> Result<(), Breach> {
        match outcome {
            Outcome::OrderSent { order, terms, at, author, .. } => {
                let price = terms.kind.price();
                let is_foreign = matches!(author, Author::Strategy(book) if *book != terms.book);
                if is_foreign {
                    return Err(Breach::new("a strategy trades its own book", format!("{order}: {outcome:?}")));
                }
                self.check_limits(*order, terms, price, terms.qty, *at, state, engine)
            }
            Outcome::AmendSent { order, price, qty, at } => match self.terms.get(order) {
                Some(terms) => self.check_limits(*order, terms, Some(*price), *qty, *at, state, engine),
                None => Err(Breach::new("only orders that were sent are amended", format!("{order}"))),
            },
            Outcome::TimerFired { timer, .. } => match self.timers.get(timer) {
                Some(algo) if !self.over.contains(algo) => Ok(()),
                other => Err(Breach::new("a timer wakes an algo that runs", format!("timer {} is of {other:?}", timer.0))),
            },
            Outcome::Halted { scope, .. } => {
                // The cancels of a halt follow in the same step: the law is checked after it, see `laws`.
                if state.limits().is_halted(*scope) { Ok(()) } else { Err(Breach::new("a halt latches", format!("{scope:?}"))) }
            }
            _ => Ok(()),
        }
    }

    fn check_limits(
        &self,
        order: OrderId,
        terms: &OrderTerms,
        price: Option<Price>,
        qty: Qty,
        at: Timestamp,
        state: &State,
        engine: &Engine,
    ) -> Result<(), Breach> {
        let OrderTerms { instrument, account, book, side, .. } = *terms;
        if let Some(scope) = self.halted.iter().find(|scope| covers(**scope, instrument, account, book)) {
            return Err(Breach::new("nothing leaves under a halt", format!("{order} under {scope:?}")));
        }
        if state.book_health(instrument) == BookHealth::Invalid {
            return Err(Breach::new("nothing leaves on an invalid book", format!("{order}")));
        }
        for (settings, since) in self.limits.values() {
            let concerns = settings.instrument.is_none_or(|id| id == instrument) && covers(settings.scope, instrument, account, book);
            if !concerns {
                continue;
            }
            let breach =
                |what: String| Err(Breach::new("no order leaves beyond a limit", format!("{order}: {what}; the rule is {settings:?}")));
            if settings.max_order_qty.is_some_and(|limit| qty > limit) {
                return breach(format!("{} lots", qty.0));
            }
            if let (Some(limit), Some(price)) = (settings.max_order_notional, price)
                && exact_value(instrument, price.0, qty.0) > limit.0
            {
                return breach(format!("{} lots at {} ticks", qty.0, price.0));
            }
            // The limit of an order that waits is measured when it wakes up, by nobody but the venue.
            if let (Some(limit), Some(price), None) = (settings.max_price_deviation, price, terms.kind.trigger()) {
                let Some(reference) = engine.market(instrument).reference() else { return breach("no reference".into()) };
                let distance = i128::from((price.0 - reference.price.0).abs());
                let is_stale = settings.max_reference_age.is_some_and(|age| at.0 - reference.at.0 > age.0);
                if is_stale || distance * 100_000_000 > i128::from(reference.price.0) * i128::from(limit.0) {
                    return breach(format!("{} ticks while the reference is {reference:?}", price.0));
                }
            }
            if let Some(limit) = settings.max_position {
                let worst = reachable(self, state, settings.scope, instrument, side);
                // An order that may only close passes every limit on positions.
                if worst > limit.0 && terms.exposure == Exposure::Any && adds_exposure(state, order) {
                    return breach(format!("the position could reach {worst} lots on the side of {side:?}"));
                }
            }
            if let Some(limit) = settings.max_orders_per_window {
                // Counted since the rule stands and since our clock last went back; this order is the last of them.
                let inside = |(when, terms): &&(Timestamp, OrderTerms)| {
                    when.0 > at.0.saturating_sub(settings.rate_window.0)
                        && settings.instrument.is_none_or(|id| id == terms.instrument)
                        && covers(settings.scope, terms.instrument, terms.account, terms.book)
                };
                let since = &self.sent[(*since).max(last_step_back(&self.sent))..];
                let count = since.iter().filter(inside).count();
                if count > limit as usize {
                    return breach(format!("{count} orders in the window"));
                }
            }
        }
        Ok(())
    }
}

/// An amend that reserves nothing more passes a position limit that was lowered meanwhile.
fn adds_exposure(state: &State, order: OrderId) -> bool {
    state.order(order).is_none_or(|o| o.amendment.is_none_or(|amendment| amendment.qty > o.terms.qty))
}

fn last_step_back(sent: &[(Timestamp, OrderTerms)]) -> usize {
    sent.windows(2).rposition(|pair| pair[1].0 < pair[0].0).map_or(0, |at| at + 1)
}

/// What an order can still fill at most, by its terms and the amend under way.
pub fn open_lots(order: &Order) -> i64 {
    let largest = order.amendment.map_or(order.terms.qty, |amendment| amendment.qty.max(order.terms.qty));
    if order.is_live() { (largest.0 - order.filled.0).max(0) } else { 0 }
}

/// The largest position in one direction that the venue can let us reach: the orders of one account that may only close count, all
/// together, for no more than the account has to close. Positive on either side.
fn reachable(memory: &Memory, state: &State, scope: LimitScope, instrument: InstrumentId, side: Side) -> i64 {
    let mut most = worst_case(memory, state, scope, instrument, side);
    for account in ACCOUNTS {
        let open = state.orders().filter(|o| o.terms.instrument == instrument && o.terms.account == account && o.terms.side == side);
        let closing = open.filter(|o| o.terms.exposure != Exposure::Any && covers(scope, instrument, account, o.terms.book));
        let lots: i64 = closing.map(open_lots).sum();
        let to_close = (-side.sign() * state.position(account, instrument).lots).max(0);
        most -= (lots - to_close).max(0);
    }
    most
}

/// The largest position in one direction with everything in flight, summed over orders and positions one by one. Positive on
/// either side.
pub fn worst_case(memory: &Memory, state: &State, scope: LimitScope, instrument: InstrumentId, side: Side) -> i64 {
    let mut lots = 0;
    for ((account, traded), forced) in &memory.forced {
        if *traded == instrument && covers(scope, instrument, *account, BookId::UNASSIGNED) {
            lots += side.sign() * forced;
        }
    }
    for order in state.orders().filter(|o| o.terms.instrument == instrument) {
        if covers(scope, instrument, order.terms.account, order.terms.book) {
            lots += order.terms.side.sign() * side.sign() * order.filled.0;
            if order.terms.side == side {
                lots += open_lots(order);
            }
        }
    }
    lots
}

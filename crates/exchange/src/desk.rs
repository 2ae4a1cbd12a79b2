//! The paperwork every venue shares: order ids seen, ids given out, filters, orders that wait for a price, orders that end at
//! a time, routing of requests and market events, and the wording of answers.

use crate::fees::FeeSchedule;
use crate::filters::{check, check_conditions, check_terms, filters_of};
use crate::seen::Seen;
use crate::triggers::{Triggers, Woken};
use std::collections::BTreeSet;
use tradewind_types::{
    Bar, FeeCharge, Fill, Instrument, InstrumentFilters, InstrumentId, Liquidity, MarketEvent, MoneyError, OrderId, OrderRequest,
    OrderTerms, Price, Qty, RejectReason, Side, TimeInForce, Timestamp, TradeId, VenueOrderId, VenueReply,
};

/// What trades one instrument. An order that gets this far has a fresh id, terms that pass the filters, and nothing to wait for.
pub(crate) trait Market {
    fn instrument(&self) -> &Instrument;
    /// At what price the value of a market order is judged.
    fn reference(&self, side: Side) -> Option<Price>;
    /// Whether an order that has woken can enter now; it waits for the first event after which it can.
    fn is_open(&self) -> bool;
    /// What an event says of the last price; none of what this market does not read.
    fn printed<'a>(&self, event: &'a MarketEvent<'_>) -> Option<Print<'a>>;
    fn on_market(&mut self, event: &MarketEvent<'_>, out: &mut Answers<'_>);
    fn place(&mut self, order: OrderId, terms: &OrderTerms, out: &mut Answers<'_>) -> Result<(), RejectReason>;
    /// An order that the coming bar wakes. Only a market that prints bars can be asked.
    fn wake(&mut self, woken: &Woken, out: &mut Answers<'_>) -> Result<(), RejectReason> {
        self.place(woken.order, &woken.terms, out)
    }
    fn has(&self, order: OrderId) -> bool;
    fn cancel(&mut self, order: OrderId) -> Result<(), RejectReason>;
    /// Asked only for an order it has, with a price and quantity that pass the filters.
    fn amend(&mut self, order: OrderId, price: Price, qty: Qty, out: &mut Answers<'_>) -> Result<(), RejectReason>;
}

/// The last price, as an event tells it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Print<'a> {
    /// It was this.
    Trade(Price),
    /// It moved like this, and is the close.
    Bar(&'a Bar),
}

/// Markets of one venue and its paperwork.
#[derive(Clone, Debug)]
pub(crate) struct Desk<M> {
    /// By instrument id.
    listed: Vec<Option<Listed<M>>>,
    /// None where the caller mints ids and none of them twice.
    seen: Option<Seen>,
    /// When orders end. One that ended before may still be here.
    deadlines: BTreeSet<(Timestamp, OrderId, InstrumentId)>,
    issued: Issued,
}

/// A market, and what its orders pass before they reach it.
#[derive(Clone, Debug)]
struct Listed<M> {
    market: M,
    filters: InstrumentFilters,
    triggers: Triggers,
}

/// How many ids were given out.
#[derive(Clone, Copy, Debug, Default)]
struct Issued {
    orders: u128,
    trades: u128,
}

/// Where answers go, and when it is.
pub(crate) struct Answers<'a> {
    issued: &'a mut Issued,
    replies: &'a mut Vec<VenueReply>,
    /// The order that is about to enter its market and was accepted before.
    accepted: Option<OrderId>,
    pub(crate) at: Timestamp,
}

/// One execution, before it has an id and a fee.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Execution {
    pub(crate) order: OrderId,
    pub(crate) side: Side,
    pub(crate) price: Price,
    pub(crate) qty: Qty,
    pub(crate) liquidity: Liquidity,
    pub(crate) at: Timestamp,
}

impl<M: Market> Desk<M> {
    /// Of two markets for one instrument the later counts.
    pub(crate) fn new(list: impl IntoIterator<Item = M>) -> Self {
        let mut listed = Vec::new();
        for market in list {
            let (index, filters) = (market.instrument().id().index(), filters_of(market.instrument()));
            listed.resize_with(listed.len().max(index + 1), || None);
            listed[index] = Some(Listed { market, filters, triggers: Triggers::default() });
        }
        Self { listed, seen: Some(Seen::default()), deadlines: BTreeSet::new(), issued: Issued::default() }
    }

    /// The same desk for a caller who mints ids and none of them twice: no memory of them is kept.
    pub(crate) fn trusting(self) -> Self {
        Self { seen: None, ..self }
    }

    pub(crate) fn market(&self, instrument: InstrumentId) -> Option<&M> {
        self.listed.get(instrument.index())?.as_ref().map(|listed| &listed.market)
    }

    pub(crate) fn market_mut(&mut self, instrument: InstrumentId) -> Option<&mut M> {
        self.listed.get_mut(instrument.index())?.as_mut().map(|listed| &mut listed.market)
    }

    /// Lets somebody who is no participant of this desk act in a market; none where it is not listed.
    pub(crate) fn outside<T>(
        &mut self,
        instrument: InstrumentId,
        at: Timestamp,
        replies: &mut Vec<VenueReply>,
        act: impl FnOnce(&mut M, &mut Answers<'_>) -> T,
    ) -> Option<T> {
        self.on_time(at, replies);
        let (listed, mut out) = self.open(instrument, at, replies);
        listed.map(|listed| act(&mut listed.market, &mut out))
    }

    pub(crate) fn markets_mut(&mut self) -> impl Iterator<Item = &mut M> {
        self.listed.iter_mut().flatten().map(|listed| &mut listed.market)
    }

    /// Replaces the filters of an instrument that is listed; whether it is.
    pub(crate) fn set_filters(&mut self, filters: InstrumentFilters) -> bool {
        let listed = self.listed.get_mut(filters.instrument.index()).and_then(Option::as_mut);
        listed.is_some_and(|listed| {
            listed.filters = filters;
            true
        })
    }

    /// The earliest time at which an order may end.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(until, ..)| *until)
    }

    /// Ends the orders whose time is over.
    pub(crate) fn on_time(&mut self, at: Timestamp, replies: &mut Vec<VenueReply>) {
        while let Some(&due @ (until, order, instrument)) = self.deadlines.first()
            && until <= at
        {
            self.deadlines.remove(&due);
            let (listed, mut out) = self.open(instrument, at, replies);
            if listed.is_some_and(|listed| listed.cancel(order).is_ok()) {
                out.send(VenueReply::Expired { order });
            }
        }
    }

    pub(crate) fn on_market(&mut self, at: Timestamp, event: &MarketEvent<'_>, replies: &mut Vec<VenueReply>) {
        self.on_time(at, replies);
        if let (Some(listed), mut out) = self.open(event.instrument(), at, replies) {
            listed.on_market(event, &mut out);
        }
    }

    /// Answers a request: every one gets at least one answer, except where a market says that it comes later.
    pub(crate) fn request(&mut self, at: Timestamp, request: &OrderRequest, replies: &mut Vec<VenueReply>) {
        self.on_time(at, replies);
        match *request {
            OrderRequest::Place { order, terms } => {
                let is_fresh = self.seen.as_mut().is_none_or(|seen| seen.insert(order));
                let fresh = if is_fresh { Ok(()) } else { Err(RejectReason::DuplicateId) };
                let (listed, mut out) = self.open(terms.instrument, at, replies);
                let placed =
                    fresh.and_then(|()| listed.ok_or(RejectReason::InvalidFilter)).and_then(|listed| listed.place(order, &terms, &mut out));
                match (placed, terms.time_in_force) {
                    (Err(reason), _) => out.send(VenueReply::Rejected { order, reason }),
                    (Ok(()), TimeInForce::GoodTillTime { until }) => _ = self.deadlines.insert((until, order, terms.instrument)),
                    (Ok(()), _) => {}
                }
            }
            OrderRequest::Cancel { order, instrument } => {
                let (listed, mut out) = self.open(instrument, at, replies);
                out.send(match listed.ok_or(RejectReason::UnknownOrder).and_then(|listed| listed.cancel(order)) {
                    Ok(()) => VenueReply::Cancelled { order },
                    Err(reason) => VenueReply::CancelRejected { order, reason },
                });
            }
            OrderRequest::Amend { order, instrument, price, qty } => {
                let (listed, mut out) = self.open(instrument, at, replies);
                let amended = listed.ok_or(RejectReason::UnknownOrder).and_then(|listed| listed.amend(order, price, qty, &mut out));
                if let Err(reason) = amended {
                    out.send(VenueReply::AmendRejected { order, reason });
                }
            }
        }
    }

    /// A market, and where its answers go.
    fn open<'a>(
        &'a mut self,
        instrument: InstrumentId,
        at: Timestamp,
        replies: &'a mut Vec<VenueReply>,
    ) -> (Option<&'a mut Listed<M>>, Answers<'a>) {
        let listed = self.listed.get_mut(instrument.index()).and_then(Option::as_mut);
        (listed, Answers { issued: &mut self.issued, replies, accepted: None, at })
    }
}

impl<M: Market> Listed<M> {
    fn place(&mut self, order: OrderId, terms: &OrderTerms, out: &mut Answers<'_>) -> Result<(), RejectReason> {
        check_terms(self.market.instrument(), &self.filters, terms, self.market.reference(terms.side))?;
        check_conditions(terms, out.at)?;
        if terms.kind.trigger().is_none() {
            return self.market.place(order, terms, out);
        }
        self.triggers.add(order, terms, out.at)?;
        out.accept(order);
        Ok(())
    }

    fn cancel(&mut self, order: OrderId) -> Result<(), RejectReason> {
        if self.triggers.remove(order) { Ok(()) } else { self.market.cancel(order) }
    }

    fn amend(&mut self, order: OrderId, price: Price, qty: Qty, out: &mut Answers<'_>) -> Result<(), RejectReason> {
        let waiting = self.triggers.get(order).map(|waiting| waiting.terms.kind.price());
        if waiting.is_none() && !self.market.has(order) {
            return Err(RejectReason::UnknownOrder);
        }
        check(self.market.instrument(), &self.filters, price, qty)?;
        match waiting {
            None => return self.market.amend(order, price, qty, out),
            // What will be a market order has no limit price to change.
            Some(None) => return Err(RejectReason::NotOffered),
            Some(Some(_)) => self.triggers.amend(order, price, qty, out.at),
        }
        out.send(VenueReply::Amended { order, price, qty });
        Ok(())
    }

    fn on_market(&mut self, event: &MarketEvent<'_>, out: &mut Answers<'_>) {
        let print = self.market.printed(event);
        if let Some(Print::Bar(bar)) = print
            && !self.triggers.is_empty()
        {
            for woken in self.triggers.woken_in(bar) {
                out.send(VenueReply::Triggered { order: woken.order });
                out.enter(woken.order, |out| self.market.wake(&woken, out));
            }
        }
        self.market.on_market(event, out);
        let mut woken = Vec::new();
        match (print, event) {
            (Some(Print::Trade(price)), _) => self.triggers.traded(price, &mut woken),
            (Some(Print::Bar(bar)), _) => self.triggers.traded(bar.close, &mut woken),
            (None, MarketEvent::Mark(mark)) => self.triggers.marked(mark, &mut woken),
            (None, _) => {}
        }
        for order in woken {
            out.send(VenueReply::Triggered { order });
        }
        if !self.triggers.is_empty() && self.market.is_open() {
            while let Some(waiting) = self.triggers.next_awake() {
                out.enter(waiting.order, |out| self.market.place(waiting.order, &waiting.working(), out));
            }
        }
    }
}

impl Answers<'_> {
    pub(crate) fn send(&mut self, reply: VenueReply) {
        self.replies.push(reply);
    }

    /// Says that an order works, unless that was said before it woke.
    pub(crate) fn accept(&mut self, order: OrderId) {
        if self.was_accepted(order) {
            return;
        }
        self.issued.orders += 1;
        self.send(VenueReply::Accepted { order, venue_order: VenueOrderId(self.issued.orders) });
    }

    /// Whether the venue took the order before it enters its market.
    pub(crate) fn was_accepted(&self, order: OrderId) -> bool {
        self.accepted == Some(order)
    }

    /// Lets an order that was accepted enter its market. What would have been a refusal ends it: `Expired`.
    fn enter(&mut self, order: OrderId, enter: impl FnOnce(&mut Self) -> Result<(), RejectReason>) {
        self.accepted = Some(order);
        if enter(self).is_err() {
            self.send(VenueReply::Expired { order });
        }
        self.accepted = None;
    }

    /// Reports a fill. One whose fee cannot be expressed in the asset's units ends its order instead: `Expired`, and false.
    pub(crate) fn fill(&mut self, instrument: &Instrument, fees: &FeeSchedule, done: Execution) -> bool {
        self.fill_at(done, fees.charge(instrument, done.side, done.price, done.qty, done.liquidity))
    }

    /// As [`Self::fill`], with a fee that has been worked out.
    pub(crate) fn fill_at(&mut self, done: Execution, fee: Result<FeeCharge, MoneyError>) -> bool {
        let Execution { order, price, qty, liquidity, at, .. } = done;
        let Ok(fee) = fee else {
            self.send(VenueReply::Expired { order });
            return false;
        };
        self.issued.trades += 1;
        let trade = TradeId(self.issued.trades);
        self.send(VenueReply::Filled(Fill { order, trade, price, qty, liquidity, fee, stated_cash: None, ts_venue: at }));
        true
    }
}

/// Whether `price` is at least as good for a resting order on `side` as `other`: higher for a buy, lower for a sell.
pub(crate) fn at_least_as_aggressive(side: Side, price: Price, other: Price) -> bool {
    match side {
        Side::Buy => price >= other,
        Side::Sell => price <= other,
    }
}

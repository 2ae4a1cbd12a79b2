//! The paperwork every venue shares: order ids seen, ids given out, filters, routing of requests, and the wording of answers.

use crate::fees::FeeSchedule;
use std::collections::BTreeSet;
use tradewind_types::{
    FeeCharge, Fill, Instrument, InstrumentId, Liquidity, MoneyError, OrderId, OrderKind, OrderRequest, OrderTerms, Price, Qty,
    RejectReason, Rounding, Side, Timestamp, TradeId, VenueOrderId, VenueReply,
};

/// What trades one instrument. An order that gets this far has a fresh id.
pub(crate) trait Market {
    fn instrument(&self) -> InstrumentId;
    fn place(&mut self, order: OrderId, terms: &OrderTerms, out: &mut Answers<'_>) -> Result<(), RejectReason>;
    fn cancel(&mut self, order: OrderId) -> Result<(), RejectReason>;
    fn amend(&mut self, order: OrderId, price: Price, qty: Qty, out: &mut Answers<'_>) -> Result<(), RejectReason>;
}

/// Markets of one venue and its paperwork.
#[derive(Clone, Debug)]
pub(crate) struct Desk<M> {
    /// By instrument id.
    markets: Vec<Option<M>>,
    seen: BTreeSet<OrderId>,
    issued: Issued,
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
        let mut markets = Vec::new();
        for market in list {
            let index = market.instrument().index();
            markets.resize_with(markets.len().max(index + 1), || None);
            markets[index] = Some(market);
        }
        Self { markets, seen: BTreeSet::new(), issued: Issued::default() }
    }

    pub(crate) fn market(&self, instrument: InstrumentId) -> Option<&M> {
        self.markets.get(instrument.index())?.as_ref()
    }

    /// A market, and where its answers go.
    pub(crate) fn open<'a>(
        &'a mut self,
        instrument: InstrumentId,
        at: Timestamp,
        replies: &'a mut Vec<VenueReply>,
    ) -> (Option<&'a mut M>, Answers<'a>) {
        let market = self.markets.get_mut(instrument.index()).and_then(Option::as_mut);
        (market, Answers { issued: &mut self.issued, replies, at })
    }

    /// Answers a request: every one gets at least one answer, except where a market says that it comes later.
    pub(crate) fn request(&mut self, at: Timestamp, request: &OrderRequest, replies: &mut Vec<VenueReply>) {
        match *request {
            OrderRequest::Place { order, terms } => {
                let fresh = if self.seen.insert(order) { Ok(()) } else { Err(RejectReason::DuplicateId) };
                let (market, mut out) = self.open(terms.instrument, at, replies);
                let placed =
                    fresh.and_then(|()| market.ok_or(RejectReason::InvalidFilter)).and_then(|market| market.place(order, &terms, &mut out));
                if let Err(reason) = placed {
                    out.send(VenueReply::Rejected { order, reason });
                }
            }
            OrderRequest::Cancel { order, instrument } => {
                let (market, mut out) = self.open(instrument, at, replies);
                out.send(match market.ok_or(RejectReason::UnknownOrder).and_then(|market| market.cancel(order)) {
                    Ok(()) => VenueReply::Cancelled { order },
                    Err(reason) => VenueReply::CancelRejected { order, reason },
                });
            }
            OrderRequest::Amend { order, instrument, price, qty } => {
                let (market, mut out) = self.open(instrument, at, replies);
                let amended = market.ok_or(RejectReason::UnknownOrder).and_then(|market| market.amend(order, price, qty, &mut out));
                if let Err(reason) = amended {
                    out.send(VenueReply::AmendRejected { order, reason });
                }
            }
        }
    }
}

impl Answers<'_> {
    pub(crate) fn send(&mut self, reply: VenueReply) {
        self.replies.push(reply);
    }

    pub(crate) fn accept(&mut self, order: OrderId) {
        self.issued.orders += 1;
        self.send(VenueReply::Accepted { order, venue_order: VenueOrderId(self.issued.orders) });
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

/// Checks new terms against the instrument's filters; a market order's value is judged at `reference`, where there is one.
pub(crate) fn check_terms(instrument: &Instrument, terms: &OrderTerms, reference: Option<Price>) -> Result<(), RejectReason> {
    let price = match terms.kind {
        OrderKind::Limit { price } => Some(price),
        OrderKind::Market => reference,
    };
    check(instrument, price, terms.qty)
}

/// Checks a quantity, a price and their value.
pub(crate) fn check(instrument: &Instrument, price: Option<Price>, qty: Qty) -> Result<(), RejectReason> {
    let filters = instrument.terms();
    if qty.0 <= 0 || qty < filters.min_qty || qty > filters.max_qty {
        return Err(RejectReason::InvalidFilter);
    }
    let Some(price) = price else { return Ok(()) };
    if price.0 <= 0 {
        return Err(RejectReason::InvalidFilter);
    }
    match instrument.value(price, qty.0, Rounding::Floor) {
        Ok(value) if value >= filters.min_notional => Ok(()),
        _ => Err(RejectReason::InvalidFilter),
    }
}

/// Whether `price` is at least as good for a resting order on `side` as `other`: higher for a buy, lower for a sell.
pub(crate) fn at_least_as_aggressive(side: Side, price: Price, other: Price) -> bool {
    match side {
        Side::Buy => price >= other,
        Side::Sell => price <= other,
    }
}

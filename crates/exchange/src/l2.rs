//! Our orders on a recorded market: depth and trades are replayed as they were, and our orders are overlaid.
//!
//! Our orders do not change the recorded book, so two laws keep fills honest. **Volume is used once**: what our takers (or the
//! market's trades) took from a level is gone until the level's next update; a trade's quantity is shared out among our
//! resting orders, never given twice. **Nobody jumps the queue**: a resting order stands behind everything displayed at its
//! price when it came, and moves up by trades and by cancels as its [`QueueModel`] says.
//!
//! A resting order fills, always as maker and at its own price, when
//! - a trade at its price gets past the quantity ahead of it: by what is left of the trade;
//! - a trade goes through its price: by the trade's quantity;
//! - the opposite side shows up at its price or beyond: by the quantity shown.
//!
//! While the book is invalid nothing can be placed or moved (`NoMarket`); cancels and fills by trades go on. After a snapshot
//! ends such a time, nobody is thought to be ahead who is not displayed. Quotes and bars are not read: depth and trades say it
//! all, and quantity counted from two sources would be counted twice.

use crate::Exchange;
use crate::desk::{Answers, Desk, Execution, Market, at_least_as_aggressive, check, check_terms};
use crate::fees::FeeSchedule;
use crate::queue::{QueueModel, QueuePosition};
use std::collections::BTreeMap;
use tradewind_book::{Applied, BookStatus, L2Book, Level, SequenceRule};
use tradewind_types::{
    DepthKind, DepthUpdate, Instrument, InstrumentId, Liquidity, MarketEvent, OrderId, OrderRequest, OrderTerms, Price, Qty, RejectReason,
    Side, TimeInForce, Timestamp, Trade, VenueReply,
};

/// One instrument on an [`L2Exchange`].
#[derive(Clone, Debug)]
pub struct Listing {
    /// What trades.
    pub instrument: Instrument,
    /// What a fill costs.
    pub fees: FeeSchedule,
    /// How its depth messages are numbered.
    pub rule: SequenceRule,
    /// How our orders move up in the queue.
    pub queue: QueueModel,
}

/// A venue that replays recorded depth and trades under our orders.
#[derive(Clone, Debug)]
pub struct L2Exchange {
    desk: Desk<Overlay>,
}

impl L2Exchange {
    /// A venue with these listings; of two listings of one instrument the later counts.
    #[must_use]
    pub fn new(listings: Vec<Listing>) -> Self {
        Self { desk: Desk::new(listings.into_iter().map(Overlay::new)) }
    }

    /// The recorded book of an instrument, without our orders.
    #[must_use]
    pub fn book(&self, instrument: InstrumentId) -> Option<&L2Book> {
        self.desk.market(instrument).map(|market| &market.book)
    }

    /// Market quantity thought to stand ahead of a resting order of ours.
    #[must_use]
    pub fn queue_ahead(&self, instrument: InstrumentId, order: OrderId) -> Option<Qty> {
        let market = self.desk.market(instrument)?;
        market.buys.iter().chain(&market.sells).find(|resting| resting.order == order).map(|resting| Qty(resting.queue.ahead()))
    }
}

impl Exchange for L2Exchange {
    fn on_market(&mut self, at: Timestamp, event: &MarketEvent<'_>, replies: &mut Vec<VenueReply>) {
        let (Some(market), mut out) = self.desk.open(event.instrument(), at, replies) else { return };
        match event {
            MarketEvent::Depth(update) => market.on_depth(update, &mut out),
            MarketEvent::Trade(trade) => market.on_trade(trade, &mut out),
            MarketEvent::Quote(_) | MarketEvent::Bar(_) | MarketEvent::Mark(_) => {}
        }
    }

    fn on_request(&mut self, at: Timestamp, request: &OrderRequest, replies: &mut Vec<VenueReply>) {
        self.desk.request(at, request, replies);
    }
}

/// An order of ours in the book.
#[derive(Clone, Copy, Debug)]
struct Resting {
    order: OrderId,
    terms: OrderTerms,
    price: Price,
    left: i64,
    filled: i64,
    queue: QueuePosition,
}

/// One recorded market with our orders on it.
#[derive(Clone, Debug)]
struct Overlay {
    listing: Listing,
    book: L2Book,
    /// Our resting orders by priority: best price first, then arrival.
    buys: Vec<Resting>,
    sells: Vec<Resting>,
    /// Per level: taken since its last update.
    taken: BTreeMap<(Side, Price), i64>,
    /// Levels an order is about to take; kept for its allocation.
    plan: Vec<Level>,
}

impl Market for Overlay {
    fn instrument(&self) -> InstrumentId {
        self.listing.instrument.id()
    }

    fn place(&mut self, order: OrderId, terms: &OrderTerms, out: &mut Answers<'_>) -> Result<(), RejectReason> {
        check_terms(&self.listing.instrument, terms, self.book.best(terms.side.opposite()).map(|level| level.price))?;
        self.require_market()?;
        let limit = terms.kind.price();
        let takes = self.plan_taking(terms.side, limit, terms.qty.0);
        match (terms.time_in_force, limit) {
            (TimeInForce::PostOnly, None) => return Err(RejectReason::WouldTake),
            (TimeInForce::PostOnly, Some(_)) if takes > 0 => return Err(RejectReason::WouldTake),
            (TimeInForce::FillOrKill, _) if takes < terms.qty.0 => return Err(RejectReason::CannotFillCompletely),
            (_, None) if takes == 0 => return Err(RejectReason::NoMarket),
            _ => {}
        }
        out.accept(order);
        match (limit, terms.time_in_force) {
            (Some(price), TimeInForce::GoodTillCancelled | TimeInForce::PostOnly) => self.enter(order, terms, price, terms.qty.0, 0, out),
            _ => {
                if let Some(1..) = self.take_plan(order, terms.side, terms.qty.0, out) {
                    out.send(VenueReply::Cancelled { order });
                }
            }
        }
        Ok(())
    }

    fn cancel(&mut self, order: OrderId) -> Result<(), RejectReason> {
        self.remove(order).map(|_| ()).ok_or(RejectReason::UnknownOrder)
    }

    fn amend(&mut self, order: OrderId, price: Price, qty: Qty, out: &mut Answers<'_>) -> Result<(), RejectReason> {
        let found = self.buys.iter_mut().chain(&mut self.sells).find(|resting| resting.order == order);
        let resting = found.ok_or(RejectReason::UnknownOrder)?;
        check(&self.listing.instrument, Some(price), qty)?;
        let left = qty.0 - resting.filled;
        if left <= 0 {
            return Err(RejectReason::InvalidFilter);
        }
        let amended = VenueReply::Amended { order, price, qty };
        if price == resting.price && left <= resting.left {
            resting.left = left;
            out.send(amended);
            return Ok(());
        }
        let Resting { terms, filled, .. } = *resting;
        self.require_market()?;
        let takes = self.plan_taking(terms.side, Some(price), left);
        if terms.time_in_force == TimeInForce::PostOnly && takes > 0 {
            return Err(RejectReason::WouldTake);
        }
        self.remove(order);
        out.send(amended);
        self.enter(order, &terms, price, left, filled, out);
        Ok(())
    }
}

impl Overlay {
    fn new(listing: Listing) -> Self {
        let book = L2Book::new(listing.instrument.id(), listing.rule);
        Self { listing, book, buys: Vec::new(), sells: Vec::new(), taken: BTreeMap::new(), plan: Vec::new() }
    }

    fn resting(&mut self, side: Side) -> &mut Vec<Resting> {
        match side {
            Side::Buy => &mut self.buys,
            Side::Sell => &mut self.sells,
        }
    }

    fn require_market(&self) -> Result<(), RejectReason> {
        match self.book.status() {
            BookStatus::Valid => Ok(()),
            BookStatus::Invalid(_) => Err(RejectReason::NoMarket),
        }
    }

    /// Takes what the plan holds, and rests the remainder at the end of its level.
    fn enter(&mut self, order: OrderId, terms: &OrderTerms, price: Price, qty: i64, filled: i64, out: &mut Answers<'_>) {
        let Some(left @ 1..) = self.take_plan(order, terms.side, qty, out) else { return };
        let queue = QueuePosition::behind(self.book.qty_at(terms.side, price).0);
        let entry = Resting { order, terms: *terms, price, left, filled: filled + qty - left, queue };
        let orders = self.resting(terms.side);
        let behind = orders.partition_point(|other| at_least_as_aggressive(terms.side, other.price, price));
        orders.insert(behind, entry);
    }

    fn remove(&mut self, order: OrderId) -> Option<Resting> {
        [Side::Buy, Side::Sell].into_iter().find_map(|side| {
            let orders = self.resting(side);
            let index = orders.iter().position(|resting| resting.order == order)?;
            Some(orders.remove(index))
        })
    }

    fn on_trade(&mut self, trade: &Trade, out: &mut Answers<'_>) {
        let side = trade.aggressor.opposite();
        if trade.qty.0 <= 0 {
            return;
        }
        if self.book.qty_at(side, trade.price).0 > 0 {
            let taken = self.taken.entry((side, trade.price)).or_default();
            *taken = taken.saturating_add(trade.qty.0);
        }
        let (mut left, mut index) = (trade.qty.0, 0);
        // To the last order at the price even when nothing is left: each must know what traded there.
        while let Some(resting) = self.resting(side).get_mut(index) {
            if !at_least_as_aggressive(side, resting.price, trade.price) {
                break;
            }
            let reached = if resting.price == trade.price { resting.queue.trade(trade.qty.0, left) } else { left };
            let qty = reached.min(resting.left);
            left -= qty;
            index = self.fill_resting(side, index, qty, out);
        }
    }

    fn on_depth(&mut self, update: &DepthUpdate<'_>, out: &mut Answers<'_>) {
        match (self.book.apply(update), update.kind) {
            (Applied::Buffered | Applied::Ignored | Applied::Invalid(_), _) => return,
            (Applied::Restored, _) => {
                self.taken.clear();
                self.requeue(|resting, displayed, _| resting.queue.level_seen_again(displayed));
            }
            (Applied::Changed, DepthKind::Snapshot) => {
                self.taken.clear();
                self.requeue(|resting, displayed, model| resting.queue.level_changed(displayed, model));
            }
            (Applied::Changed, DepthKind::Delta) => {
                if !self.taken.is_empty() {
                    for change in update.changes {
                        self.taken.remove(&(change.side, change.price));
                    }
                }
                let mentions = |resting: &Resting| {
                    update.changes.iter().any(|change| change.side == resting.terms.side && change.price == resting.price)
                };
                self.requeue(|resting, displayed, model| {
                    // A trade that the level does not yet show must not be taken for settled.
                    if resting.queue.is_unsettled(displayed) && (resting.queue.displayed() != displayed || mentions(resting)) {
                        resting.queue.level_changed(displayed, model);
                    }
                });
            }
        }
        self.fill_crossed(Side::Buy, out);
        self.fill_crossed(Side::Sell, out);
    }

    fn requeue(&mut self, mut settle: impl FnMut(&mut Resting, i64, QueueModel)) {
        for resting in self.buys.iter_mut().chain(&mut self.sells) {
            let displayed = self.book.qty_at(resting.terms.side, resting.price).0;
            settle(resting, displayed, self.listing.queue);
        }
    }

    /// Fills resting orders that the opposite side has come up to.
    fn fill_crossed(&mut self, side: Side, out: &mut Answers<'_>) {
        let mut index = 0;
        while let Some(&Resting { price, left, .. }) = self.resting(side).get(index) {
            let qty = self.plan_taking(side, Some(price), left);
            if qty == 0 {
                break;
            }
            self.commit_plan(side);
            index = self.fill_resting(side, index, qty, out);
        }
    }

    /// Fills a resting order by `qty` and says which index comes next.
    fn fill_resting(&mut self, side: Side, index: usize, qty: i64, out: &mut Answers<'_>) -> usize {
        if qty == 0 {
            return index + 1;
        }
        let resting = &mut self.resting(side)[index];
        resting.left -= qty;
        resting.filled += qty;
        let Resting { order, price, left, .. } = *resting;
        let reported = self.report(Execution { order, side, price, qty: Qty(qty), liquidity: Liquidity::Maker, at: out.at }, out);
        if left == 0 || !reported {
            self.resting(side).remove(index);
            return index;
        }
        index + 1
    }

    /// Lists what an order on `side` can take of `qty` within `limit`, and says how much.
    fn plan_taking(&mut self, side: Side, limit: Option<Price>, qty: i64) -> i64 {
        self.plan.clear();
        let (offered, mut left) = (side.opposite(), qty);
        for level in self.book.levels(offered) {
            if left == 0 || limit.is_some_and(|limit| !at_least_as_aggressive(side, limit, level.price)) {
                break;
            }
            let gone = if self.taken.is_empty() { 0 } else { self.taken.get(&(offered, level.price)).copied().unwrap_or(0) };
            let take = level.qty.0.saturating_sub(gone).clamp(0, left);
            if take > 0 {
                self.plan.push(Level { price: level.price, qty: Qty(take) });
                left -= take;
            }
        }
        qty - left
    }

    /// Marks the planned quantities as taken.
    fn commit_plan(&mut self, side: Side) {
        for level in &self.plan {
            *self.taken.entry((side.opposite(), level.price)).or_default() += level.qty.0;
        }
    }

    /// Takes the planned quantities for an order and says what is left of `qty`; none when the venue had to end the order.
    fn take_plan(&mut self, order: OrderId, side: Side, qty: i64, out: &mut Answers<'_>) -> Option<i64> {
        self.commit_plan(side);
        let mut left = qty;
        for index in 0..self.plan.len() {
            let Level { price, qty } = self.plan[index];
            if !self.report(Execution { order, side, price, qty, liquidity: Liquidity::Taker, at: out.at }, out) {
                return None;
            }
            left -= qty.0;
        }
        Some(left)
    }

    /// Reports a fill; false when the venue had to end the order instead.
    fn report(&self, execution: Execution, out: &mut Answers<'_>) -> bool {
        out.fill(&self.listing.instrument, &self.listing.fees, execution)
    }
}

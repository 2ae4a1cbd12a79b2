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
//! **Icebergs** show a part of themselves; when it is filled the next part queues behind what is displayed then. A trade or a
//! level that is large enough goes through several parts.
//!
//! **Our own orders** meet each other: one that comes takes what is recorded ahead of an order of ours at a price, then that
//! order, then what is recorded behind. They trade, one as taker and one as maker with a trade id each, unless they are of one
//! account that prevents it ([`L2Exchange::set_self_trade`]). Who is ended so is `SelfTradePrevented`; who only gets smaller
//! (and rests) is `Amended`. A fill-or-kill order that would be prevented is refused.
//!
//! **Stops and take-profits** on the last price wake after a public trade has had its effect, those on the mark and the index
//! when a mark event shows it, and then meet what is displayed. While the book is invalid an order that wakes has to wait for
//! the snapshot: a venue has a market then, only the recording has not.
//!
//! While the book is invalid nothing can be placed or moved (`NoMarket`), but for orders that wait for a price; cancels and
//! fills by trades go on. After a snapshot ends such a time, nobody is thought to be ahead who is not displayed. Quotes and bars
//! are not read: depth and trades say it all, and quantity counted from two sources would be counted twice.

use crate::Exchange;
use crate::desk::{Answers, Desk, Execution, Market, Print, at_least_as_aggressive};
use crate::fees::FeeSchedule;
use crate::meeting::{Comer, Meetings, Met, Own};
use crate::queue::{QueueModel, QueuePosition};
use std::collections::BTreeMap;
use tradewind_book::{Applied, BookStatus, L2Book, Level, SequenceRule};
use tradewind_types::{
    AccountId, DepthKind, DepthUpdate, Instrument, InstrumentFilters, InstrumentId, Liquidity, MarketEvent, OrderId, OrderKind,
    OrderRequest, OrderTerms, Price, Qty, RejectReason, SelfTradePrevention, Side, TimeInForce, Timestamp, Trade, VenueReply,
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

    /// Market quantity thought to stand ahead of a resting order of ours; of an iceberg, ahead of the part that it shows.
    #[must_use]
    pub fn queue_ahead(&self, instrument: InstrumentId, order: OrderId) -> Option<Qty> {
        let market = self.desk.market(instrument)?;
        market.buys.iter().chain(&market.sells).find(|resting| resting.order == order).map(|resting| Qty(resting.queue.ahead()))
    }

    /// What happens from now on where two orders of an account would meet. They trade where nothing was said.
    pub fn set_self_trade(&mut self, account: AccountId, prevention: SelfTradePrevention) {
        for market in self.desk.markets_mut() {
            market.prevention.insert(account, prevention);
        }
    }

    /// The filters of an instrument from now on; whether it is listed. Orders that were taken before stay.
    pub fn set_filters(&mut self, filters: InstrumentFilters) -> bool {
        self.desk.set_filters(filters)
    }
}

impl Exchange for L2Exchange {
    fn on_market(&mut self, at: Timestamp, event: &MarketEvent<'_>, replies: &mut Vec<VenueReply>) {
        self.desk.on_market(at, event, replies);
    }

    fn on_request(&mut self, at: Timestamp, request: &OrderRequest, replies: &mut Vec<VenueReply>) {
        self.desk.request(at, request, replies);
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        self.desk.next_deadline()
    }

    fn on_time(&mut self, at: Timestamp, replies: &mut Vec<VenueReply>) {
        self.desk.on_time(at, replies);
    }
}

/// An order of ours in the book.
#[derive(Clone, Copy, Debug)]
struct Resting {
    order: OrderId,
    terms: OrderTerms,
    price: Price,
    /// Hidden part included.
    left: i64,
    hidden: i64,
    filled: i64,
    queue: QueuePosition,
}

impl Resting {
    /// Lots shown at a time.
    const fn display(&self) -> i64 {
        match self.terms.kind {
            OrderKind::Iceberg { display, .. } => display.0,
            _ => i64::MAX,
        }
    }

    /// Takes off what is hidden before what is shown.
    fn shrink(&mut self, left: i64) {
        let shown = self.left - self.hidden;
        (self.left, self.hidden) = (left, (left - shown).max(0));
    }
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
    prevention: BTreeMap<AccountId, SelfTradePrevention>,
    /// What an order is about to meet; kept for its allocation.
    meetings: Meetings,
    /// Levels that a resting order is about to be filled from; kept for its allocation.
    met_recorded: Vec<Level>,
}

impl Market for Overlay {
    fn instrument(&self) -> &Instrument {
        &self.listing.instrument
    }

    fn reference(&self, side: Side) -> Option<Price> {
        self.book.best(side.opposite()).map(|level| level.price)
    }

    fn is_open(&self) -> bool {
        self.book.status() == BookStatus::Valid
    }

    fn printed<'a>(&self, event: &'a MarketEvent<'_>) -> Option<Print<'a>> {
        match event {
            MarketEvent::Trade(trade) if trade.qty.0 > 0 && trade.price.0 > 0 => Some(Print::Trade(trade.price)),
            _ => None,
        }
    }

    fn on_market(&mut self, event: &MarketEvent<'_>, out: &mut Answers<'_>) {
        match event {
            MarketEvent::Depth(update) => self.on_depth(update, out),
            MarketEvent::Trade(trade) => self.on_trade(trade, out),
            MarketEvent::Quote(_) | MarketEvent::Bar(_) | MarketEvent::Mark(_) => {}
        }
    }

    fn place(&mut self, order: OrderId, terms: &OrderTerms, out: &mut Answers<'_>) -> Result<(), RejectReason> {
        self.require_market()?;
        let limit = terms.kind.price();
        self.plan(terms, limit, terms.qty.0);
        match (terms.time_in_force, limit) {
            (TimeInForce::PostOnly, Some(_)) if !self.meetings.is_empty() => return Err(RejectReason::WouldTake),
            (TimeInForce::FillOrKill, _) if self.meetings.traded < terms.qty.0 => return Err(RejectReason::CannotFillCompletely),
            (_, None) if self.meetings.is_empty() => return Err(RejectReason::NoMarket),
            _ => {}
        }
        out.accept(order);
        self.enter(order, terms, limit, terms.qty.0, 0, out);
        Ok(())
    }

    fn has(&self, order: OrderId) -> bool {
        self.buys.iter().chain(&self.sells).any(|resting| resting.order == order)
    }

    fn cancel(&mut self, order: OrderId) -> Result<(), RejectReason> {
        self.remove(order).map(|_| ()).ok_or(RejectReason::UnknownOrder)
    }

    fn amend(&mut self, order: OrderId, price: Price, qty: Qty, out: &mut Answers<'_>) -> Result<(), RejectReason> {
        let resting = self.find(order).ok_or(RejectReason::UnknownOrder)?;
        let left = qty.0 - resting.filled;
        if left <= 0 {
            return Err(RejectReason::InvalidFilter);
        }
        let amended = VenueReply::Amended { order, price, qty };
        if price == resting.price && left <= resting.left {
            resting.shrink(left);
            out.send(amended);
            return Ok(());
        }
        let Resting { terms, filled, .. } = *resting;
        self.require_market()?;
        self.plan(&terms, Some(price), left);
        if terms.time_in_force == TimeInForce::PostOnly && !self.meetings.is_empty() {
            return Err(RejectReason::WouldTake);
        }
        self.remove(order);
        out.send(amended);
        self.enter(order, &terms, Some(price), left, filled, out);
        Ok(())
    }
}

impl Overlay {
    fn new(listing: Listing) -> Self {
        let book = L2Book::new(listing.instrument.id(), listing.rule);
        let (taken, prevention, meetings) = (BTreeMap::new(), BTreeMap::new(), Meetings::default());
        Self { listing, book, buys: Vec::new(), sells: Vec::new(), taken, prevention, meetings, met_recorded: Vec::new() }
    }

    fn resting(&mut self, side: Side) -> &mut Vec<Resting> {
        match side {
            Side::Buy => &mut self.buys,
            Side::Sell => &mut self.sells,
        }
    }

    fn find(&mut self, order: OrderId) -> Option<&mut Resting> {
        self.buys.iter_mut().chain(&mut self.sells).find(|resting| resting.order == order)
    }

    fn require_market(&self) -> Result<(), RejectReason> {
        if self.is_open() { Ok(()) } else { Err(RejectReason::NoMarket) }
    }

    /// Goes through what an order was found to meet, and rests the remainder at the end of its level if it may rest.
    fn enter(&mut self, order: OrderId, terms: &OrderTerms, limit: Option<Price>, qty: i64, filled: i64, out: &mut Answers<'_>) {
        if !self.meet(order, terms.side, out) {
            return;
        }
        let (traded, prevented) = (self.meetings.traded, self.meetings.prevented);
        let left = qty - traded - prevented;
        if left == 0 {
            if prevented > 0 {
                out.send(VenueReply::SelfTradePrevented { order });
            }
            return;
        }
        let (Some(price), TimeInForce::GoodTillCancelled | TimeInForce::PostOnly | TimeInForce::GoodTillTime { .. }) =
            (limit, terms.time_in_force)
        else {
            out.send(VenueReply::Cancelled { order });
            return;
        };
        let filled = filled + traded;
        if prevented > 0 {
            out.send(VenueReply::Amended { order, price, qty: Qty(filled + left) });
        }
        let queue = QueuePosition::behind(self.book.qty_at(terms.side, price).0);
        let mut entry = Resting { order, terms: *terms, price, left, hidden: 0, filled, queue };
        entry.hidden = left - left.min(entry.display());
        self.insert(entry);
    }

    /// Puts an order behind ours of its price.
    fn insert(&mut self, entry: Resting) {
        let (side, price) = (entry.terms.side, entry.price);
        let orders = self.resting(side);
        let behind = orders.partition_point(|other| at_least_as_aggressive(side, other.price, price));
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
            let is_here = resting.price == trade.price;
            let reached = if is_here { resting.queue.trade(trade.qty.0, left) } else { left };
            let qty = reached.min(resting.left - resting.hidden);
            left -= qty;
            index = self.fill_resting(side, index, qty, if is_here { trade.qty.0 } else { 0 }, out);
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
        while let Some(&Resting { price, left, hidden, .. }) = self.resting(side).get(index) {
            let mut wanted = left - hidden;
            for level in recorded(&self.book, &self.taken, side.opposite()) {
                if wanted == 0 || !at_least_as_aggressive(side, price, level.price) {
                    break;
                }
                let qty = level.qty.0.min(wanted);
                self.met_recorded.push(Level { price: level.price, qty: Qty(qty) });
                wanted -= qty;
            }
            let qty = left - hidden - wanted;
            if qty == 0 {
                break;
            }
            for level in self.met_recorded.drain(..) {
                *self.taken.entry((side.opposite(), level.price)).or_default() += level.qty.0;
            }
            index = self.fill_resting(side, index, qty, 0, out);
        }
    }

    /// Fills a resting order by up to what it shows, and says which index comes next. Of its level, `pending` lots have been
    /// counted as traded that are still to be shared out.
    fn fill_resting(&mut self, side: Side, index: usize, qty: i64, pending: i64, out: &mut Answers<'_>) -> usize {
        if qty == 0 {
            return index + 1;
        }
        let resting = &mut self.resting(side)[index];
        resting.left -= qty;
        resting.filled += qty;
        let mut now = *resting;
        let execution = Execution { order: now.order, side, price: now.price, qty: Qty(qty), liquidity: Liquidity::Maker, at: out.at };
        let reported = self.report(execution, out);
        if now.left > now.hidden && reported {
            return index + 1;
        }
        self.resting(side).remove(index);
        if now.left > 0 && reported {
            // The next part of an iceberg queues anew.
            now.hidden -= now.hidden.min(now.display());
            now.queue = now.queue.at_the_end(pending);
            self.insert(now);
        }
        index
    }

    /// Works out what an order would meet; see [`Meetings`].
    fn plan(&mut self, terms: &OrderTerms, limit: Option<Price>, qty: i64) {
        let (side, account) = (terms.side, terms.account);
        let prevention = self.prevention.get(&account).copied().unwrap_or_default();
        let own = match side {
            Side::Buy => &self.sells,
            Side::Sell => &self.buys,
        };
        let within = |resting: &&Resting| limit.is_none_or(|limit| at_least_as_aggressive(side, limit, resting.price));
        let own: Vec<Own> = own.iter().take_while(within).map(Own::from).collect();
        let comer = Comer { side, limit, qty, account, prevention };
        self.meetings.work_out(&comer, recorded(&self.book, &self.taken, side.opposite()), own);
    }

    /// Lets an order meet what was worked out; false when the venue had to end it.
    fn meet(&mut self, order: OrderId, side: Side, out: &mut Answers<'_>) -> bool {
        for index in 0..self.meetings.met.len() {
            let (price, qty) = match self.meetings.met[index] {
                Met::Recorded(Level { price, qty }) => {
                    *self.taken.entry((side.opposite(), price)).or_default() += qty.0;
                    (price, qty)
                }
                Met::Traded { order: maker, price, qty } => {
                    let makers = self.resting(side.opposite());
                    if let Some(index) = makers.iter().position(|resting| resting.order == maker) {
                        self.fill_resting(side.opposite(), index, qty, 0, out);
                    }
                    (price, Qty(qty))
                }
                Met::Prevented { order, qty } => {
                    self.prevent(order, qty, out);
                    continue;
                }
            };
            if !self.report(Execution { order, side, price, qty, liquidity: Liquidity::Taker, at: out.at }, out) {
                return false;
            }
        }
        true
    }

    /// Takes `qty` off a resting order that an order of its own account would have met.
    fn prevent(&mut self, order: OrderId, qty: i64, out: &mut Answers<'_>) {
        let Some(resting) = self.find(order) else { return };
        let left = resting.left - qty;
        if left > 0 {
            resting.shrink(left);
            out.send(VenueReply::Amended { order, price: resting.price, qty: Qty(resting.filled + left) });
        } else {
            self.remove(order);
            out.send(VenueReply::SelfTradePrevented { order });
        }
    }

    /// Reports a fill; false when the venue had to end the order instead.
    fn report(&self, execution: Execution, out: &mut Answers<'_>) -> bool {
        out.fill(&self.listing.instrument, &self.listing.fees, execution)
    }
}

impl From<&Resting> for Own {
    fn from(resting: &Resting) -> Self {
        let Resting { order, price, left, hidden, .. } = *resting;
        Own { order, account: resting.terms.account, price, left, hidden, display: resting.display(), ahead: resting.queue.ahead() }
    }
}

/// What is displayed on a side and not yet taken, best first.
fn recorded<'a>(book: &'a L2Book, taken: &'a BTreeMap<(Side, Price), i64>, side: Side) -> impl Iterator<Item = Level> + 'a {
    book.levels(side).filter_map(move |level| {
        let gone = if taken.is_empty() { 0 } else { taken.get(&(side, level.price)).copied().unwrap_or(0) };
        let left = level.qty.0.saturating_sub(gone);
        (left > 0).then_some(Level { price: level.price, qty: Qty(left) })
    })
}

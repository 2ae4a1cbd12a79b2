//! Participants matched with each other by price, then time.
//!
//! Orders live in a slab; each price level is a first-in-first-out list through it; levels live in the [`Ladder`] that depth
//! books use, so the best level is known and any level is reached in constant time. Nothing is allocated per order once the
//! slab has grown.
//!
//! An iceberg shows a part of itself. When that is filled the next part goes to the end of its level's queue, and an order that
//! takes enough goes on to it in the same sweep; the hidden part is in no level's total, and lies in a table of its own, so that
//! other orders pay nothing for it. An order that comes upon one of its own owner does as its [`SelfTradePrevention`] says; the
//! mode of the one that rests does not count (Binance decides by the taker's mode, too). With `Allow` nobody's owner is looked
//! at.
//!
//! A book has no clock and sees no prices but its own: one that is good till a time rests until it is cancelled, and an order
//! that waits for a price is [`RejectReason::NotOffered`].

use crate::desk::at_least_as_aggressive;
use crate::index::{OrderIndex, Vacancy};
use crate::reserves::{NONE, Reserves};
use tradewind_book::{Ladder, Level};
use tradewind_types::{AccountId, OrderId, OrderKind, Price, Qty, RejectReason, SelfTradePrevention, Side, TimeInForce};

/// An order for a [`MatchingBook`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// Its id; unique among the resting orders.
    pub order: OrderId,
    /// Whose it is.
    pub owner: AccountId,
    /// What happens where it would meet another order of its owner.
    pub self_trade: SelfTradePrevention,
    /// Buy or sell.
    pub side: Side,
    /// At what price.
    pub kind: OrderKind,
    /// For how long.
    pub time_in_force: TimeInForce,
    /// How much, > 0.
    pub qty: Qty,
}

/// One match. The price is the maker's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Execution {
    /// Who rested.
    pub maker: OrderId,
    /// Who came.
    pub taker: OrderId,
    /// At what price.
    pub price: Price,
    /// How much, > 0.
    pub qty: Qty,
}

/// What became of an order at once; the four add up to what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Taken from the book.
    pub filled: Qty,
    /// Now in the book.
    pub resting: Qty,
    /// Given up: the rest of a market or immediate order.
    pub cancelled: Qty,
    /// Given up, because it would have met its owner's own orders.
    pub prevented: Qty,
}

/// What a resting order lost to an order of its own owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prevented {
    /// Which.
    pub order: OrderId,
    /// Where it rested.
    pub price: Price,
    /// How much, > 0.
    pub lost: Qty,
    /// What it still has; nothing when it was ended.
    pub left: Qty,
}

/// One cache line: whoever matches reads every word of it.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Node {
    order: OrderId,
    price: Price,
    /// What is shown of what is left.
    left: i64,
    filled: i64,
    previous: u32,
    next: u32,
    /// Where the index has it.
    place: u32,
    /// Where its hidden part is; [`NONE`] without one.
    reserve: u32,
    owner: AccountId,
    side: Side,
    self_trade: SelfTradePrevention,
    post_only: bool,
}

/// First and last order of a level, and their total.
#[derive(Clone, Copy, Debug)]
struct Queue {
    first: u32,
    last: u32,
    total: i64,
}

impl Default for Queue {
    fn default() -> Self {
        Self { first: NONE, last: NONE, total: 0 }
    }
}

/// A price-time priority order book of one instrument.
#[derive(Clone, Debug)]
pub struct MatchingBook {
    bids: Ladder<Queue>,
    asks: Ladder<Queue>,
    slab: Vec<Node>,
    free: Vec<u32>,
    index: OrderIndex,
    reserves: Reserves,
    /// By the latest order.
    prevented: Vec<Prevented>,
}

impl Default for MatchingBook {
    fn default() -> Self {
        Self::new()
    }
}

impl MatchingBook {
    /// An empty book.
    #[must_use]
    pub fn new() -> Self {
        Self {
            bids: Ladder::new(Side::Buy),
            asks: Ladder::new(Side::Sell),
            slab: Vec::new(),
            free: Vec::new(),
            index: OrderIndex::new(),
            reserves: Reserves::default(),
            prevented: Vec::new(),
        }
    }

    /// Best level of a side, with its total.
    #[inline]
    #[must_use]
    pub fn best(&self, side: Side) -> Option<Level> {
        let ladder = self.ladder(side);
        let price = ladder.best()?;
        ladder.get(price).map(|queue| Level { price, qty: Qty(queue.total) })
    }

    /// Levels of a side with their totals, best first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = Level> + '_ {
        self.ladder(side).iter().map(|(price, queue)| Level { price, qty: Qty(queue.total) })
    }

    /// What is left of a resting order, hidden part included.
    #[inline]
    #[must_use]
    pub fn left(&self, order: OrderId) -> Option<Qty> {
        self.find(order).map(|slot| Qty(self.whole(slot)))
    }

    /// Total of a level; nothing where nobody rests.
    #[inline]
    #[must_use]
    pub fn qty_at(&self, side: Side, price: Price) -> Qty {
        self.ladder(side).get(price).map_or(Qty::ZERO, |queue| Qty(queue.total))
    }

    /// Side and price of a resting order.
    #[inline]
    #[must_use]
    pub fn place_of(&self, order: OrderId) -> Option<(Side, Price)> {
        self.find(order).map(|slot| (self.slab[slot as usize].side, self.slab[slot as usize].price))
    }

    /// What was filled of a resting order since it first came.
    #[inline]
    #[must_use]
    pub fn filled(&self, order: OrderId) -> Option<Qty> {
        self.find(order).map(|slot| Qty(self.slab[slot as usize].filled))
    }

    /// What resting orders lost to the latest order placed or amended, because they were of its owner; in the order in which it
    /// came upon them.
    #[inline]
    #[must_use]
    pub fn prevented(&self) -> &[Prevented] {
        &self.prevented
    }

    /// Quantity that would be matched before a resting order at its own price; of an iceberg, before the part that it shows.
    #[must_use]
    pub fn ahead(&self, order: OrderId) -> Option<Qty> {
        let mut slot = self.slab[self.find(order)? as usize].previous;
        let mut ahead = 0;
        while let Some(node) = self.slab.get(slot as usize) {
            ahead += node.left;
            slot = node.previous;
        }
        Some(Qty(ahead))
    }

    /// Matches an order and rests what may rest. Executions are appended in order; what resting orders lost to their owner's
    /// own order is in [`Self::prevented`].
    ///
    /// # Errors
    /// [`RejectReason::DuplicateId`] for the id of a resting order; [`RejectReason::InvalidFilter`] for a quantity or limit that is
    /// not positive, or an iceberg that shows nothing or more than itself; [`RejectReason::NotOffered`] for an immediate iceberg
    /// and for kinds that wait for a price; [`RejectReason::WouldTake`], [`RejectReason::CannotFillCompletely`] (orders of its
    /// owner do not count), and [`RejectReason::NoMarket`] for a market order without anybody to meet. The book is then as before.
    pub fn place(&mut self, new: &NewOrder, executions: &mut Vec<Execution>) -> Result<Placement, RejectReason> {
        self.prevented.clear();
        let limit = if let OrderKind::Limit { price } = new.kind { Some(price) } else { limit_of(new)? };
        if new.qty.0 <= 0 || limit.is_some_and(|price| price.0 <= 0) {
            return Err(RejectReason::InvalidFilter);
        }
        let vacancy = self.vacancy(new.order).ok_or(RejectReason::DuplicateId)?;
        self.admit(new, limit)?;
        let (left, prevented) = self.match_up(new, limit, executions);
        let filled = new.qty.0 - left - prevented;
        let rests = match (new.time_in_force, limit) {
            (TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill, _) => 0,
            (_, Some(price)) if left > 0 => {
                self.rest(new, price, left, filled, vacancy);
                left
            }
            _ => 0,
        };
        Ok(Placement { filled: Qty(filled), resting: Qty(rests), cancelled: Qty(left - rests), prevented: Qty(prevented) })
    }

    /// Takes a resting order out and says how much of it was left.
    ///
    /// # Errors
    /// [`RejectReason::UnknownOrder`].
    pub fn cancel(&mut self, order: OrderId) -> Result<Qty, RejectReason> {
        let slot = self.find(order).ok_or(RejectReason::UnknownOrder)?;
        let left = self.whole(slot);
        self.unlink(slot);
        Ok(Qty(left))
    }

    /// Changes a resting order's price and total quantity (filled part included). It keeps its place only if the price stays and
    /// the quantity does not grow (an iceberg loses hidden quantity first); otherwise it comes anew, and may match.
    ///
    /// # Errors
    /// [`RejectReason::UnknownOrder`]; [`RejectReason::InvalidFilter`] for a price that is not positive or a total that is already
    /// filled; [`RejectReason::WouldTake`] for a post-only order. The order is then as before.
    pub fn amend(&mut self, order: OrderId, price: Price, qty: Qty, executions: &mut Vec<Execution>) -> Result<Placement, RejectReason> {
        self.prevented.clear();
        let slot = self.find(order).ok_or(RejectReason::UnknownOrder)?;
        let node = self.slab[slot as usize];
        let asked = qty.0.saturating_sub(node.filled);
        if asked <= 0 || price.0 <= 0 {
            return Err(RejectReason::InvalidFilter);
        }
        if price == node.price && asked <= self.whole(slot) {
            self.shrink(slot, asked);
            return Ok(Placement { filled: Qty::ZERO, resting: Qty(asked), cancelled: Qty::ZERO, prevented: Qty::ZERO });
        }
        let display = self.reserves.get(node.reserve).map(|reserve| Qty(reserve.display));
        let kind = display.map_or(OrderKind::Limit { price }, |display| OrderKind::Iceberg { price, display });
        let time_in_force = if node.post_only { TimeInForce::PostOnly } else { TimeInForce::GoodTillCancelled };
        let Node { owner, self_trade, side, filled, .. } = node;
        let again = NewOrder { order, owner, self_trade, side, kind, time_in_force, qty: Qty(asked) };
        self.admit(&again, Some(price))?;
        self.unlink(slot);
        let (left, prevented) = self.match_up(&again, Some(price), executions);
        let traded = asked - left - prevented;
        // It has just gone, so there is a vacancy.
        if let Some(vacancy) = self.vacancy(order).filter(|_| left > 0) {
            self.rest(&again, price, left, filled + traded, vacancy);
        }
        Ok(Placement { filled: Qty(traded), resting: Qty(left), cancelled: Qty::ZERO, prevented: Qty(prevented) })
    }

    /// Slot of a resting order.
    #[inline]
    fn find(&self, order: OrderId) -> Option<u32> {
        self.index.get(order, |slot| self.slab[slot as usize].order)
    }

    /// Where the index would take an order; none for one that rests already.
    #[inline]
    fn vacancy(&mut self, order: OrderId) -> Option<Vacancy> {
        if self.index.is_crowded() {
            self.index_anew();
        }
        self.index.vacancy(order, |slot| self.slab[slot as usize].order)
    }

    #[cold]
    fn index_anew(&mut self) {
        for slot in self.index.drain() {
            let order = self.slab[slot as usize].order;
            if let Some(vacancy) = self.index.vacancy(order, |slot| self.slab[slot as usize].order) {
                self.slab[slot as usize].place = self.index.insert(vacancy, slot);
            }
        }
    }

    #[inline]
    const fn ladder(&self, side: Side) -> &Ladder<Queue> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    #[inline]
    const fn ladder_mut(&mut self, side: Side) -> &mut Ladder<Queue> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// Whether the conditions of an order can be met.
    #[inline]
    fn admit(&self, new: &NewOrder, limit: Option<Price>) -> Result<(), RejectReason> {
        let best = self.ladder(new.side.opposite()).best();
        let crosses = best.is_some_and(|best| limit.is_none_or(|limit| at_least_as_aggressive(new.side, limit, best)));
        match (new.time_in_force, limit) {
            (TimeInForce::PostOnly, None) => Err(RejectReason::WouldTake),
            (TimeInForce::PostOnly, Some(_)) if crosses => Err(RejectReason::WouldTake),
            (TimeInForce::FillOrKill, _) if self.offered(new, limit) < i128::from(new.qty.0) => Err(RejectReason::CannotFillCompletely),
            (_, None) if !crosses => Err(RejectReason::NoMarket),
            _ => Ok(()),
        }
    }

    /// What the opposite side offers to an order that must be filled whole.
    fn offered(&self, new: &NewOrder, limit: Option<Price>) -> i128 {
        let side = new.side.opposite();
        let within = |price: Price| limit.is_none_or(|limit| at_least_as_aggressive(new.side, limit, price));
        let levels = self.ladder(side).iter().take_while(|(price, _)| within(*price));
        if new.self_trade == SelfTradePrevention::Allow && self.reserves.is_empty() {
            return levels.map(|(_, queue)| i128::from(queue.total)).sum();
        }
        let mut offered = 0;
        for (_, queue) in levels {
            let (mut slot, mut hidden) = (queue.first, 0);
            while let Some(node) = self.slab.get(slot as usize) {
                slot = node.next;
                match new.self_trade {
                    SelfTradePrevention::CancelOldest if node.owner == new.owner => continue,
                    SelfTradePrevention::Allow | SelfTradePrevention::CancelOldest => {}
                    // What is hidden at this level comes after the order of its owner.
                    _ if node.owner == new.owner => return offered,
                    _ => {}
                }
                offered += i128::from(node.left);
                hidden += i128::from(self.reserves.hidden(node.reserve));
            }
            offered += hidden;
        }
        offered
    }

    /// Matches an order; says what is left of it, and what it gave up because of its owner's own orders.
    #[inline]
    fn match_up(&mut self, new: &NewOrder, limit: Option<Price>, executions: &mut Vec<Execution>) -> (i64, i64) {
        match new.self_trade {
            SelfTradePrevention::Allow => (self.take(new.order, new.side, limit, new.qty.0, executions), 0),
            _ => self.take_from_others(new, limit, executions),
        }
    }

    /// Matches an order with one order at a time, none of them its owner's.
    #[inline(never)]
    fn take_from_others(&mut self, new: &NewOrder, limit: Option<Price>, executions: &mut Vec<Execution>) -> (i64, i64) {
        let (offered, mut left, mut prevented) = (new.side.opposite(), new.qty.0, 0);
        while left > 0 {
            let Some(price) = self.ladder(offered).best() else { break };
            if limit.is_some_and(|limit| !at_least_as_aggressive(new.side, limit, price)) {
                break;
            }
            let slot = self.ladder_mut(offered).level(price).first;
            let front = self.slab[slot as usize];
            if front.owner != new.owner {
                let qty = left.min(front.left);
                left -= qty - self.take_level(new.order, offered, price, qty, executions);
                continue;
            }
            let whole = self.whole(slot);
            let (lost, given_up) = match new.self_trade {
                SelfTradePrevention::Allow | SelfTradePrevention::CancelNewest => (0, left),
                SelfTradePrevention::CancelOldest => (whole, 0),
                SelfTradePrevention::CancelBoth => (whole, left),
                SelfTradePrevention::Decrement => (whole.min(left), whole.min(left)),
            };
            (left, prevented) = (left - given_up, prevented + given_up);
            if lost == 0 {
                continue;
            }
            self.prevented.push(Prevented { order: front.order, price, lost: Qty(lost), left: Qty(whole - lost) });
            if lost < whole {
                self.shrink(slot, whole - lost);
            } else {
                self.unlink(slot);
            }
        }
        (left, prevented)
    }

    /// What is left of an order, hidden part included.
    #[inline]
    fn whole(&self, slot: u32) -> i64 {
        let node = &self.slab[slot as usize];
        node.left + self.reserves.hidden(node.reserve)
    }

    /// Leaves an order `whole`, less than it has or the same, in its place: what is hidden goes first.
    fn shrink(&mut self, slot: u32, whole: i64) {
        let Node { left, reserve, side, price, .. } = self.slab[slot as usize];
        let shown = left.min(whole);
        self.reserves.set_hidden(reserve, whole - shown);
        self.slab[slot as usize].left = shown;
        self.ladder_mut(side).level(price).total -= left - shown;
    }

    /// Matches up to `qty` within `limit`; says what is left.
    #[inline]
    fn take(&mut self, taker: OrderId, side: Side, limit: Option<Price>, qty: i64, executions: &mut Vec<Execution>) -> i64 {
        let mut left = qty;
        while left > 0 {
            let Some(price) = self.ladder(side.opposite()).best() else { break };
            if limit.is_some_and(|limit| !at_least_as_aggressive(side, limit, price)) {
                break;
            }
            left = self.take_level(taker, side.opposite(), price, left, executions);
        }
        left
    }

    /// Matches up to `qty` at one occupied level, from the front of its queue; says what is left.
    #[inline(always)]
    fn take_level(&mut self, taker: OrderId, side: Side, price: Price, qty: i64, executions: &mut Vec<Execution>) -> i64 {
        let ladder = match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        };
        let queue = ladder.level(price);
        let (mut left, mut slot) = (qty, queue.first);
        while left > 0 && slot != NONE {
            let node = &mut self.slab[slot as usize];
            let qty = left.min(node.left);
            executions.push(Execution { maker: node.order, taker, price, qty: Qty(qty) });
            left -= qty;
            node.left -= qty;
            node.filled += qty;
            if node.left > 0 {
                break;
            }
            if node.reserve != NONE {
                let shown = self.reserves.draw(node.reserve);
                if shown > 0 {
                    slot = requeue(&mut self.slab, queue, slot, shown);
                    continue;
                }
                self.reserves.remove(node.reserve);
            }
            self.index.remove(node.place);
            self.free.push(slot);
            slot = node.next;
        }
        if slot == NONE {
            ladder.remove(price);
        } else {
            queue.total -= qty - left;
            queue.first = slot;
            self.slab[slot as usize].previous = NONE;
        }
        left
    }

    #[inline]
    fn rest(&mut self, new: &NewOrder, price: Price, left: i64, filled: i64, vacancy: Vacancy) {
        let NewOrder { order, owner, self_trade, side, .. } = *new;
        // 2^32 resting orders do not fit in memory.
        let slot = self.free.pop().unwrap_or(self.slab.len() as u32);
        let (left, reserve) = match new.kind {
            OrderKind::Iceberg { display, .. } => self.reserves.hide(left, display.0),
            _ => (left, NONE),
        };
        let queue = self.ladder_mut(side).level(price);
        let previous = std::mem::replace(&mut queue.last, slot);
        queue.total += left;
        if previous == NONE {
            queue.first = slot;
        }
        if let Some(before) = self.slab.get_mut(previous as usize) {
            before.next = slot;
        }
        let place = self.index.insert(vacancy, slot);
        let post_only = matches!(new.time_in_force, TimeInForce::PostOnly);
        let node = Node { order, price, left, filled, previous, next: NONE, place, reserve, owner, side, self_trade, post_only };
        match self.slab.get_mut(slot as usize) {
            Some(place) => *place = node,
            None => self.slab.push(node),
        }
    }

    #[inline]
    fn unlink(&mut self, slot: u32) {
        let Node { price, left, previous, next, place, side, reserve, .. } = self.slab[slot as usize];
        if reserve != NONE {
            self.reserves.remove(reserve);
        }
        if let Some(behind) = self.slab.get_mut(next as usize) {
            behind.previous = previous;
        }
        if let Some(before) = self.slab.get_mut(previous as usize) {
            before.next = next;
        }
        let ladder = self.ladder_mut(side);
        if next == NONE && previous == NONE {
            ladder.remove(price);
        } else {
            let queue = ladder.level(price);
            queue.total -= left;
            if previous == NONE {
                queue.first = next;
            }
            if next == NONE {
                queue.last = previous;
            }
        }
        self.index.remove(place);
        self.free.push(slot);
    }
}

/// The limit of an order that is more than a limit order, or less.
#[cold]
fn limit_of(new: &NewOrder) -> Result<Option<Price>, RejectReason> {
    let OrderKind::Iceberg { price, display } = new.kind else {
        return if new.kind == OrderKind::Market { Ok(None) } else { Err(RejectReason::NotOffered) };
    };
    match new.time_in_force {
        // An immediate order shows nothing, so there is nothing to hide.
        TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill => Err(RejectReason::NotOffered),
        _ if display.0 <= 0 || display > new.qty => Err(RejectReason::InvalidFilter),
        _ => Ok(Some(price)),
    }
}

/// Shows `shown` more of an iceberg at the front of its queue, of which nothing is shown, and sends it to the end; says who is
/// at the front then.
#[cold]
fn requeue(slab: &mut [Node], queue: &mut Queue, slot: u32, shown: i64) -> u32 {
    let node = &mut slab[slot as usize];
    let next = node.next;
    node.left = shown;
    queue.total += shown;
    if next == NONE {
        return slot;
    }
    let last = std::mem::replace(&mut queue.last, slot);
    (node.previous, node.next) = (last, NONE);
    slab[last as usize].next = slot;
    next
}

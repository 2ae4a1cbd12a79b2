//! Participants matched with each other by price, then time.
//!
//! Orders live in a slab; each price level is a first-in-first-out list through it; levels live in the [`Ladder`] that depth
//! books use, so the best level is known and any level is reached in constant time. Nothing is allocated per order once the
//! slab has grown. An order's own participant is not looked at: self-trades are the caller's matter.

use crate::desk::at_least_as_aggressive;
use crate::index::{OrderIndex, Vacancy};
use tradewind_book::{Ladder, Level};
use tradewind_types::{OrderId, OrderKind, Price, Qty, RejectReason, Side, TimeInForce};

/// An order for a [`MatchingBook`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// Its id; unique among the resting orders.
    pub order: OrderId,
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

/// What became of an order at once; the three add up to what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Taken from the book.
    pub filled: Qty,
    /// Now in the book.
    pub resting: Qty,
    /// Given up: the rest of a market or immediate order.
    pub cancelled: Qty,
}

const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Node {
    order: OrderId,
    price: Price,
    left: i64,
    filled: i64,
    previous: u32,
    next: u32,
    /// Where the index has it.
    place: u32,
    side: Side,
    time_in_force: TimeInForce,
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
        Self { bids: Ladder::new(Side::Buy), asks: Ladder::new(Side::Sell), slab: Vec::new(), free: Vec::new(), index: OrderIndex::new() }
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

    /// What is left of a resting order.
    #[inline]
    #[must_use]
    pub fn left(&self, order: OrderId) -> Option<Qty> {
        self.find(order).map(|slot| Qty(self.slab[slot as usize].left))
    }

    /// Quantity that would be matched before a resting order at its own price.
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

    /// Matches an order and rests what may rest. Executions are appended in order.
    ///
    /// # Errors
    /// [`RejectReason::DuplicateId`] for the id of a resting order; [`RejectReason::InvalidFilter`] for a quantity or limit that is
    /// not positive; [`RejectReason::WouldTake`], [`RejectReason::CannotFillCompletely`], and [`RejectReason::NoMarket`] for a market
    /// order without anybody to trade with. The book is then as before.
    pub fn place(&mut self, new: &NewOrder, executions: &mut Vec<Execution>) -> Result<Placement, RejectReason> {
        let limit = new.kind.price();
        if new.qty.0 <= 0 || limit.is_some_and(|price| price.0 <= 0) {
            return Err(RejectReason::InvalidFilter);
        }
        let vacancy = self.vacancy(new.order).ok_or(RejectReason::DuplicateId)?;
        self.admit(new.side, limit, new.time_in_force, new.qty.0)?;
        let left = self.take(new.order, new.side, limit, new.qty.0, executions);
        let rests = match (new.time_in_force, limit) {
            (TimeInForce::GoodTillCancelled | TimeInForce::PostOnly, Some(price)) if left > 0 => {
                self.rest(new, price, left, new.qty.0 - left, vacancy);
                left
            }
            _ => 0,
        };
        Ok(Placement { filled: Qty(new.qty.0 - left), resting: Qty(rests), cancelled: Qty(left - rests) })
    }

    /// Takes a resting order out and says how much of it was left.
    ///
    /// # Errors
    /// [`RejectReason::UnknownOrder`].
    pub fn cancel(&mut self, order: OrderId) -> Result<Qty, RejectReason> {
        let slot = self.find(order).ok_or(RejectReason::UnknownOrder)?;
        let left = self.slab[slot as usize].left;
        self.unlink(slot);
        Ok(Qty(left))
    }

    /// Changes a resting order's price and total quantity (filled part included). It keeps its place only if the price stays and
    /// the quantity does not grow; otherwise it comes anew, and may match.
    ///
    /// # Errors
    /// [`RejectReason::UnknownOrder`]; [`RejectReason::InvalidFilter`] for a price that is not positive or a total that is already
    /// filled; [`RejectReason::WouldTake`] for a post-only order. The order is then as before.
    pub fn amend(&mut self, order: OrderId, price: Price, qty: Qty, executions: &mut Vec<Execution>) -> Result<Placement, RejectReason> {
        let slot = self.find(order).ok_or(RejectReason::UnknownOrder)?;
        let node = self.slab[slot as usize];
        let asked = qty.0.saturating_sub(node.filled);
        if asked <= 0 || price.0 <= 0 {
            return Err(RejectReason::InvalidFilter);
        }
        if price == node.price && asked <= node.left {
            self.slab[slot as usize].left = asked;
            self.ladder_mut(node.side).level(price).total -= node.left - asked;
            return Ok(Placement { filled: Qty::ZERO, resting: Qty(asked), cancelled: Qty::ZERO });
        }
        self.admit(node.side, Some(price), node.time_in_force, asked)?;
        self.unlink(slot);
        let left = self.take(order, node.side, Some(price), asked, executions);
        // It has just gone, so there is a vacancy.
        if let Some(vacancy) = self.vacancy(order).filter(|_| left > 0) {
            let kind = OrderKind::Limit { price };
            let again = NewOrder { order, side: node.side, kind, time_in_force: node.time_in_force, qty };
            self.rest(&again, price, left, node.filled + asked - left, vacancy);
        }
        Ok(Placement { filled: Qty(asked - left), resting: Qty(left), cancelled: Qty::ZERO })
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
    fn admit(&self, side: Side, limit: Option<Price>, time_in_force: TimeInForce, qty: i64) -> Result<(), RejectReason> {
        let best = self.ladder(side.opposite()).best();
        let crosses = best.is_some_and(|best| limit.is_none_or(|limit| at_least_as_aggressive(side, limit, best)));
        match (time_in_force, limit) {
            (TimeInForce::PostOnly, None) => Err(RejectReason::WouldTake),
            (TimeInForce::PostOnly, Some(_)) if crosses => Err(RejectReason::WouldTake),
            (TimeInForce::FillOrKill, _) if self.offered(side, limit) < i128::from(qty) => Err(RejectReason::CannotFillCompletely),
            (_, None) if !crosses => Err(RejectReason::NoMarket),
            _ => Ok(()),
        }
    }

    /// What the opposite side offers within a limit.
    fn offered(&self, side: Side, limit: Option<Price>) -> i128 {
        let within = |level: &Level| limit.is_none_or(|limit| at_least_as_aggressive(side, limit, level.price));
        self.levels(side.opposite()).take_while(within).map(|level| i128::from(level.qty.0)).sum()
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
    #[inline]
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
        let (side, time_in_force) = (new.side, new.time_in_force);
        // 2^32 resting orders do not fit in memory.
        let slot = self.free.pop().unwrap_or(self.slab.len() as u32);
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
        let node = Node { order: new.order, price, left, filled, previous, next: NONE, place, side, time_in_force };
        match self.slab.get_mut(slot as usize) {
            Some(place) => *place = node,
            None => self.slab.push(node),
        }
    }

    #[inline]
    fn unlink(&mut self, slot: u32) {
        let Node { price, left, previous, next, place, side, .. } = self.slab[slot as usize];
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

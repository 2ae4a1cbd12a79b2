//! Orders standing in price-time queues, reached by the venue's order id.
//!
//! Orders live in a slab; each price level is a first-in-first-out list through it; levels live in the [`Ladder`]. Every
//! change touches one order and its two neighbours, whatever the length of the queue.

use crate::ladder::Ladder;
use crate::reads::Level;
use std::collections::BTreeMap;
use tradewind_types::{InvalidBook, Price, Qty, Side, VenueOrderId};

/// An order in a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookOrder {
    /// The venue's id.
    pub order: VenueOrderId,
    /// Bid ([`Side::Buy`]) or ask.
    pub side: Side,
    /// Its price, > 0.
    pub price: Price,
    /// What is left of it, > 0.
    pub qty: Qty,
}

/// What happened to one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderChange {
    /// It came, and stands at the end of its level.
    Add(BookOrder),
    /// It has another price or quantity. It keeps its place where the price stays and the quantity does not grow; otherwise it
    /// goes to the end of its level. A quantity of zero takes it out.
    Change {
        /// Which.
        order: VenueOrderId,
        /// Its price now.
        price: Price,
        /// What is left of it now.
        qty: Qty,
    },
    /// Somebody traded with it.
    Execute {
        /// Which.
        order: VenueOrderId,
        /// How much, > 0.
        qty: Qty,
    },
    /// It is gone, whatever was left of it.
    Delete {
        /// Which.
        order: VenueOrderId,
    },
}

const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Node {
    resting: BookOrder,
    previous: u32,
    next: u32,
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

#[derive(Clone, Debug)]
pub(crate) struct OrderQueues {
    bids: Ladder<Queue>,
    asks: Ladder<Queue>,
    slab: Vec<Node>,
    free: Vec<u32>,
    index: BTreeMap<VenueOrderId, u32>,
}

impl OrderQueues {
    pub(crate) fn new() -> Self {
        let (bids, asks) = (Ladder::new(Side::Buy), Ladder::new(Side::Sell));
        Self { bids, asks, slab: Vec::new(), free: Vec::new(), index: BTreeMap::new() }
    }

    pub(crate) fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
        self.slab.clear();
        self.free.clear();
        self.index.clear();
    }

    pub(crate) fn apply(&mut self, change: OrderChange) -> Result<(), InvalidBook> {
        match change {
            OrderChange::Add(resting) => self.join(resting),
            OrderChange::Change { order, price, qty } => self.change(order, price, qty),
            OrderChange::Execute { order, qty } => {
                let slot = self.slot(order)?;
                let left = self.slab[slot as usize].resting.qty.checked_minus(qty).filter(|_| qty.0 > 0);
                left.map(|left| self.shrink(slot, left.0)).ok_or(InvalidBook::BadLevel)
            }
            OrderChange::Delete { order } => self.slot(order).map(|slot| self.leave(slot)),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    pub(crate) fn order(&self, order: VenueOrderId) -> Option<BookOrder> {
        self.index.get(&order).map(|slot| self.slab[*slot as usize].resting)
    }

    /// Walks from the order to the front of its level.
    pub(crate) fn ahead(&self, order: VenueOrderId) -> Option<Qty> {
        let mut slot = self.slab[*self.index.get(&order)? as usize].previous;
        let mut ahead = 0;
        while let Some(node) = self.slab.get(slot as usize) {
            ahead += node.resting.qty.0;
            slot = node.previous;
        }
        Some(Qty(ahead))
    }

    /// Orders of a level, first in line first.
    pub(crate) fn queue(&self, side: Side, price: Price) -> impl Iterator<Item = BookOrder> + '_ {
        let mut slot = self.ladder(side).get(price).map_or(NONE, |queue| queue.first);
        std::iter::from_fn(move || {
            let node = self.slab.get(slot as usize)?;
            slot = node.next;
            Some(node.resting)
        })
    }

    pub(crate) fn best(&self, side: Side) -> Option<Level> {
        let price = self.ladder(side).best()?;
        Some(Level { price, qty: self.qty_at(side, price) })
    }

    pub(crate) fn qty_at(&self, side: Side, price: Price) -> Qty {
        Qty(self.ladder(side).get(price).map_or(0, |queue| queue.total))
    }

    pub(crate) fn depth(&self, side: Side) -> usize {
        self.ladder(side).len()
    }

    pub(crate) fn levels(&self, side: Side) -> impl Iterator<Item = Level> + '_ {
        self.ladder(side).iter().map(|(price, queue)| Level { price, qty: Qty(queue.total) })
    }

    pub(crate) fn is_crossed(&self) -> bool {
        matches!((self.bids.best(), self.asks.best()), (Some(bid), Some(ask)) if bid >= ask)
    }

    const fn ladder(&self, side: Side) -> &Ladder<Queue> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    const fn ladder_mut(&mut self, side: Side) -> &mut Ladder<Queue> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    fn slot(&self, order: VenueOrderId) -> Result<u32, InvalidBook> {
        self.index.get(&order).copied().ok_or(InvalidBook::UnknownOrder)
    }

    fn change(&mut self, order: VenueOrderId, price: Price, qty: Qty) -> Result<(), InvalidBook> {
        let slot = self.slot(order)?;
        let before = self.slab[slot as usize].resting;
        if qty.0 < 0 || price.0 <= 0 {
            return Err(InvalidBook::BadLevel);
        }
        if qty.0 == 0 || (price == before.price && qty <= before.qty) {
            self.shrink(slot, qty.0);
            return Ok(());
        }
        self.leave(slot);
        self.join(BookOrder { price, qty, ..before })
    }

    fn join(&mut self, resting: BookOrder) -> Result<(), InvalidBook> {
        let BookOrder { order, side, price, qty } = resting;
        if qty.0 <= 0 || price.0 <= 0 {
            return Err(InvalidBook::BadLevel);
        }
        if self.index.contains_key(&order) {
            return Err(InvalidBook::DuplicateOrder);
        }
        let total = self.qty_at(side, price).0.checked_add(qty.0).ok_or(InvalidBook::BadLevel)?;
        let previous = self.ladder(side).get(price).map_or(NONE, |queue| queue.last);
        let node = Node { resting, previous, next: NONE };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slab[slot as usize] = node;
                slot
            }
            None => {
                self.slab.push(node);
                // 2^32 resting orders do not fit in memory.
                (self.slab.len() - 1) as u32
            }
        };
        let queue = self.ladder_mut(side).level(price);
        (queue.total, queue.last) = (total, slot);
        if previous == NONE {
            queue.first = slot;
        } else {
            self.slab[previous as usize].next = slot;
        }
        self.index.insert(order, slot);
        Ok(())
    }

    /// Leaves `left` of an order, in its place; nothing left takes it out.
    fn shrink(&mut self, slot: u32, left: i64) {
        if left == 0 {
            return self.leave(slot);
        }
        let BookOrder { side, price, qty, .. } = self.slab[slot as usize].resting;
        self.slab[slot as usize].resting.qty = Qty(left);
        self.ladder_mut(side).level(price).total -= qty.0 - left;
    }

    fn leave(&mut self, slot: u32) {
        let Node { resting, previous, next } = self.slab[slot as usize];
        if next != NONE {
            self.slab[next as usize].previous = previous;
        }
        if previous != NONE {
            self.slab[previous as usize].next = next;
        }
        let ladder = self.ladder_mut(resting.side);
        if next == NONE && previous == NONE {
            ladder.remove(resting.price);
        } else {
            let queue = ladder.level(resting.price);
            queue.total -= resting.qty.0;
            if previous == NONE {
                queue.first = next;
            }
            if next == NONE {
                queue.last = previous;
            }
        }
        self.index.remove(&resting.order);
        self.free.push(slot);
    }
}

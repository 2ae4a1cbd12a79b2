//! One instrument's orders, one by one, kept in step with its venue.
//!
//! Where a venue names every order, nothing about the queue is a matter of opinion: who stands ahead of an order is known to
//! the lot. The rules of trust are those of the depth book: messages follow the venue's [`SequenceRule`], deltas wait for
//! their snapshot, and whatever shows that the book is not the venue's (a gap, an order nobody knows, one that came twice, a
//! quantity that cannot be, bid at or above ask) empties it and says why. An execution away from the front of its queue is
//! taken as told: some venues match otherwise than by price and time.

use crate::level2::{Applied, BookStatus};
use crate::queues::{BookOrder, OrderChange, OrderQueues};
use crate::reads::Level;
use crate::sequence::{Applier, SequenceRule, Succession};
use std::collections::VecDeque;
use tradewind_types::{DepthKind, InstrumentId, InvalidBook, Price, Qty, Sequence, Side, VenueOrderId};

/// Changes kept while waiting for a snapshot; beyond it the oldest messages go (a gap will then show, if they mattered).
const WAITING_CHANGES_MAX: usize = 1 << 20;

/// One message of an order-by-order feed; its changes are atomic. A snapshot adds every order, each level's first in line first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrdersUpdate<'a> {
    /// Whose book.
    pub instrument: InstrumentId,
    /// Replaces or changes.
    pub kind: DepthKind,
    /// Venue update ids; any under [`SequenceRule::Unchecked`].
    pub sequence: Sequence,
    /// What happened, in message order.
    pub changes: &'a [OrderChange],
}

#[derive(Clone, Debug)]
struct Waiting {
    sequence: Sequence,
    changes: Vec<OrderChange>,
}

/// The orders of one instrument.
#[derive(Clone, Debug)]
pub struct L3Book {
    instrument: InstrumentId,
    rule: SequenceRule,
    status: BookStatus,
    /// Last update applied, and by what.
    last: Option<(u64, Applier)>,
    orders: OrderQueues,
    waiting: VecDeque<Waiting>,
    waiting_changes: usize,
}

impl L3Book {
    /// A book that has seen nothing: invalid for want of a snapshot.
    #[must_use]
    pub fn new(instrument: InstrumentId, rule: SequenceRule) -> Self {
        Self {
            instrument,
            rule,
            status: BookStatus::Invalid(InvalidBook::NoSnapshot),
            last: None,
            orders: OrderQueues::new(),
            waiting: VecDeque::new(),
            waiting_changes: 0,
        }
    }

    /// Whose book it is.
    #[must_use]
    pub const fn instrument(&self) -> InstrumentId {
        self.instrument
    }

    /// Whether it can be used.
    #[must_use]
    pub const fn status(&self) -> BookStatus {
        self.status
    }

    /// Venue id of the last update in the book; none while it is invalid.
    #[must_use]
    pub fn last_update_id(&self) -> Option<u64> {
        self.last.map(|(id, _)| id)
    }

    /// Takes one message, whole.
    pub fn apply(&mut self, update: &OrdersUpdate<'_>) -> Applied {
        if update.instrument != self.instrument {
            return Applied::Ignored;
        }
        match (update.kind, self.last) {
            (DepthKind::Snapshot, Some((last, _))) if self.rule.outdates(update.sequence, last) => Applied::Ignored,
            (DepthKind::Snapshot, before) => match self.restore(update) {
                Err(reason) => self.invalidate(reason),
                Ok(()) if before.is_some() => Applied::Changed,
                Ok(()) => Applied::Restored,
            },
            (DepthKind::Delta, Some((last, applier))) => match self.rule.succession(update.sequence, last, applier) {
                Succession::Stale => Applied::Ignored,
                Succession::Follows => match self.follow(update.sequence, update.changes) {
                    Ok(()) => Applied::Changed,
                    Err(reason) => self.invalidate(reason),
                },
                Succession::Gap => {
                    self.keep(update);
                    self.invalidate(InvalidBook::SequenceGap)
                }
            },
            (DepthKind::Delta, None) if self.rule.places_snapshots() => {
                self.keep(update);
                Applied::Buffered
            }
            (DepthKind::Delta, None) => Applied::Ignored,
        }
    }

    /// An order, if it rests.
    #[must_use]
    pub fn order(&self, order: VenueOrderId) -> Option<BookOrder> {
        self.orders.order(order)
    }

    /// Quantity that stands before a resting order at its own price. Takes time in proportion to the orders ahead.
    #[must_use]
    pub fn ahead(&self, order: VenueOrderId) -> Option<Qty> {
        self.orders.ahead(order)
    }

    /// Orders of a level, first in line first.
    pub fn queue(&self, side: Side, price: Price) -> impl Iterator<Item = BookOrder> + '_ {
        self.orders.queue(side, price)
    }

    /// How many orders rest.
    #[must_use]
    pub fn orders(&self) -> usize {
        self.orders.len()
    }

    /// Best level of a side, with its total.
    #[must_use]
    pub fn best(&self, side: Side) -> Option<Level> {
        self.orders.best(side)
    }

    /// Total quantity at a price; zero where there is none.
    #[must_use]
    pub fn qty_at(&self, side: Side, price: Price) -> Qty {
        self.orders.qty_at(side, price)
    }

    /// How many levels a side has.
    #[must_use]
    pub fn depth(&self, side: Side) -> usize {
        self.orders.depth(side)
    }

    /// Levels of a side with their totals, best first: what a depth book of the same market shows.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = Level> + '_ {
        self.orders.levels(side)
    }

    /// Replaces the book by a snapshot, then applies what was waiting and is not in it.
    fn restore(&mut self, snapshot: &OrdersUpdate<'_>) -> Result<(), InvalidBook> {
        self.orders.clear();
        self.follow(snapshot.sequence, snapshot.changes)?;
        self.last = Some((snapshot.sequence.last, Applier::Snapshot));
        self.status = BookStatus::Valid;
        while let (Some((last, applier)), Some(message)) = (self.last, self.waiting.front()) {
            let place = self.rule.succession(message.sequence, last, applier);
            if place == Succession::Gap {
                // The rest stays: a younger snapshot may connect to it.
                return Err(InvalidBook::SequenceGap);
            }
            let Some(message) = self.waiting.pop_front() else { break };
            self.waiting_changes -= message.changes.len();
            if place == Succession::Follows {
                self.follow(message.sequence, &message.changes)?;
            }
        }
        Ok(())
    }

    fn follow(&mut self, sequence: Sequence, changes: &[OrderChange]) -> Result<(), InvalidBook> {
        changes.iter().try_for_each(|change| self.orders.apply(*change))?;
        if self.orders.is_crossed() {
            return Err(InvalidBook::Crossed);
        }
        self.last = Some((sequence.last, Applier::Delta));
        Ok(())
    }

    fn invalidate(&mut self, reason: InvalidBook) -> Applied {
        self.orders.clear();
        self.last = None;
        self.status = BookStatus::Invalid(reason);
        Applied::Invalid(reason)
    }

    fn keep(&mut self, update: &OrdersUpdate<'_>) {
        if !self.rule.places_snapshots() {
            return;
        }
        self.waiting_changes += update.changes.len();
        self.waiting.push_back(Waiting { sequence: update.sequence, changes: update.changes.to_vec() });
        while self.waiting_changes > WAITING_CHANGES_MAX && self.waiting.len() > 1 {
            let Some(oldest) = self.waiting.pop_front() else { break };
            self.waiting_changes -= oldest.changes.len();
        }
    }
}

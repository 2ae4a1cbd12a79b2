//! One instrument's depth, kept in step with its venue.
//!
//! Snapshots and deltas come by different ways and in any order, so deltas wait until a snapshot arrives and those it does not
//! contain are applied after it: a delta that matters may have come *before* the snapshot. Whatever shows that the book is not
//! the venue's (a gap, bid at or above ask, a level that cannot be) makes it invalid; it then has no levels, keeps the deltas
//! that come, and waits for a snapshot.

use crate::ladder::Ladder;
use crate::reads::{Level, Ratio, Sweep};
use crate::sequence::{Applier, SequenceRule, Succession};
use std::collections::VecDeque;
use tradewind_types::{DepthKind, DepthUpdate, InstrumentId, InvalidBook, LevelChange, Price, Qty, Sequence, Side, StateDigest};

/// Level changes kept while waiting for a snapshot; beyond it the oldest messages go (a gap will then show, if they mattered).
const WAITING_CHANGES_MAX: usize = 1 << 20;

/// Whether a book can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookStatus {
    /// It agrees with the venue as far as anyone can tell.
    Valid,
    /// It has no levels, and waits for a snapshot.
    Invalid(InvalidBook),
}

/// What a depth message did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The valid book was changed.
    Changed,
    /// Kept until a snapshot comes.
    Buffered,
    /// Old news, or about another instrument.
    Ignored,
    /// The book cannot be used (any more, or still not).
    Invalid(InvalidBook),
    /// A snapshot made an invalid book usable.
    Restored,
}

#[derive(Clone, Debug)]
struct Waiting {
    sequence: Sequence,
    changes: Vec<LevelChange>,
}

/// The depth of one instrument.
#[derive(Clone, Debug)]
pub struct L2Book {
    instrument: InstrumentId,
    rule: SequenceRule,
    status: BookStatus,
    /// Last update applied, and by what.
    last: Option<(u64, Applier)>,
    bids: Ladder<i64>,
    asks: Ladder<i64>,
    waiting: VecDeque<Waiting>,
    waiting_changes: usize,
}

impl L2Book {
    /// A book that has seen nothing: invalid for want of a snapshot.
    #[must_use]
    pub fn new(instrument: InstrumentId, rule: SequenceRule) -> Self {
        Self {
            instrument,
            rule,
            status: BookStatus::Invalid(InvalidBook::NoSnapshot),
            last: None,
            bids: Ladder::new(Side::Buy),
            asks: Ladder::new(Side::Sell),
            waiting: VecDeque::new(),
            waiting_changes: 0,
        }
    }

    /// Whose book it is.
    #[inline]
    #[must_use]
    pub const fn instrument(&self) -> InstrumentId {
        self.instrument
    }

    /// How its venue numbers depth messages.
    #[must_use]
    pub const fn rule(&self) -> SequenceRule {
        self.rule
    }

    /// Whether it can be used.
    #[inline]
    #[must_use]
    pub const fn status(&self) -> BookStatus {
        self.status
    }

    /// Venue id of the last update in the book; none while it is invalid.
    #[inline]
    #[must_use]
    pub fn last_update_id(&self) -> Option<u64> {
        self.last.map(|(id, _)| id)
    }

    /// Takes one depth message, whole.
    pub fn apply(&mut self, update: &DepthUpdate<'_>) -> Applied {
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

    /// Best bid.
    #[inline]
    #[must_use]
    pub fn best_bid(&self) -> Option<Level> {
        self.best(Side::Buy)
    }

    /// Best ask.
    #[inline]
    #[must_use]
    pub fn best_ask(&self) -> Option<Level> {
        self.best(Side::Sell)
    }

    /// Best level of a side.
    #[inline]
    #[must_use]
    pub fn best(&self, side: Side) -> Option<Level> {
        let ladder = self.ladder(side);
        let price = ladder.best()?;
        ladder.get(price).map(|qty| Level { price, qty: Qty(qty) })
    }

    /// Quantity displayed at a price; zero where there is none.
    #[inline]
    #[must_use]
    pub fn qty_at(&self, side: Side, price: Price) -> Qty {
        Qty(self.ladder(side).get(price).unwrap_or(0))
    }

    /// How many levels a side has.
    #[inline]
    #[must_use]
    pub fn depth(&self, side: Side) -> usize {
        self.ladder(side).len()
    }

    /// Levels of a side, best first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = Level> + '_ {
        self.ladder(side).iter().map(|(price, qty)| Level { price, qty: Qty(qty) })
    }

    /// Best bid + best ask: the mid price in half ticks.
    #[inline]
    #[must_use]
    pub fn mid_half_ticks(&self) -> Option<i64> {
        self.bids.best()?.0.checked_add(self.asks.best()?.0)
    }

    /// The touch weighted by the opposite quantities, in ticks: (bid × ask qty + ask × bid qty) / (bid qty + ask qty).
    #[must_use]
    pub fn microprice(&self) -> Option<Ratio> {
        let (bid, ask) = (self.best_bid()?, self.best_ask()?);
        let weigh = |price: Price, qty: Qty| i128::from(price.0) * i128::from(qty.0);
        // Two products of two i64 and their sum: below 2^127, as bid < ask and quantities are below 2^63.
        let numerator = weigh(bid.price, ask.qty).checked_add(weigh(ask.price, bid.qty))?;
        Some(Ratio { numerator, denominator: i128::from(bid.qty.0) + i128::from(ask.qty.0) })
    }

    /// (bid qty − ask qty) / (bid qty + ask qty) over the best `levels` of each side; none while a side is empty.
    #[must_use]
    pub fn imbalance(&self, levels: usize) -> Option<Ratio> {
        let total = |side| self.levels(side).take(levels).map(|level| i128::from(level.qty.0)).sum::<i128>();
        let (bid, ask) = (total(Side::Buy), total(Side::Sell));
        (bid > 0 && ask > 0).then_some(Ratio { numerator: bid - ask, denominator: bid + ask })
    }

    /// What an order of `qty` on `side` would take at once: a buy takes asks.
    #[must_use]
    pub fn sweep(&self, side: Side, qty: Qty) -> Sweep {
        let (mut sweep, mut left) = (Sweep::default(), qty.0);
        for level in self.levels(side.opposite()) {
            if left <= 0 {
                break;
            }
            let take = left.min(level.qty.0);
            left -= take;
            sweep.filled.0 += take;
            sweep.cost = sweep.cost.saturating_add(i128::from(level.price.0) * i128::from(take));
            sweep.worst = Some(level.price);
        }
        sweep
    }

    /// Adds the whole state, deltas in waiting included, in canonical order.
    pub fn digest(&self, digest: &mut StateDigest) {
        digest.unsigned(u64::from(self.instrument.0));
        digest.unsigned(match self.status {
            BookStatus::Valid => 0,
            BookStatus::Invalid(InvalidBook::SequenceGap) => 1,
            BookStatus::Invalid(InvalidBook::Crossed) => 2,
            BookStatus::Invalid(InvalidBook::NoSnapshot) => 3,
            BookStatus::Invalid(InvalidBook::BadLevel) => 4,
            BookStatus::Invalid(InvalidBook::UnknownOrder) => 5,
            BookStatus::Invalid(InvalidBook::DuplicateOrder) => 6,
        });
        match self.last {
            None => digest.unsigned(0),
            Some((id, Applier::Snapshot)) => digest.unsigned(1).unsigned(id),
            Some((id, Applier::Delta)) => digest.unsigned(2).unsigned(id),
        };
        for side in [Side::Buy, Side::Sell] {
            digest.unsigned(self.depth(side) as u64);
            for level in self.levels(side) {
                digest.signed(level.price.0).signed(level.qty.0);
            }
        }
        digest.unsigned(self.waiting.len() as u64);
        for message in &self.waiting {
            let Sequence { first, last, previous } = message.sequence;
            digest.unsigned(first).unsigned(last);
            match previous {
                None => digest.unsigned(0),
                Some(id) => digest.unsigned(1).unsigned(id),
            };
            digest.unsigned(message.changes.len() as u64);
            for change in &message.changes {
                digest.signed(change.side.sign()).signed(change.price.0).signed(change.qty.0);
            }
        }
    }

    #[inline]
    const fn ladder(&self, side: Side) -> &Ladder<i64> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    /// Replaces the book by a snapshot, then applies what was waiting and is not in it.
    fn restore(&mut self, snapshot: &DepthUpdate<'_>) -> Result<(), InvalidBook> {
        self.empty();
        self.change(snapshot.changes)?;
        self.status = BookStatus::Valid;
        self.last = Some((snapshot.sequence.last, Applier::Snapshot));
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

    #[inline]
    fn follow(&mut self, sequence: Sequence, changes: &[LevelChange]) -> Result<(), InvalidBook> {
        self.change(changes)?;
        self.last = Some((sequence.last, Applier::Delta));
        Ok(())
    }

    #[inline]
    fn change(&mut self, changes: &[LevelChange]) -> Result<(), InvalidBook> {
        for change in changes {
            if change.qty.0 < 0 || change.price.0 <= 0 {
                return Err(InvalidBook::BadLevel);
            }
            let ladder = match change.side {
                Side::Buy => &mut self.bids,
                Side::Sell => &mut self.asks,
            };
            if change.qty.0 == 0 {
                ladder.remove(change.price);
            } else {
                ladder.set(change.price, change.qty.0);
            }
        }
        match (self.bids.best(), self.asks.best()) {
            (Some(bid), Some(ask)) if bid >= ask => Err(InvalidBook::Crossed),
            _ => Ok(()),
        }
    }

    fn empty(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }

    fn invalidate(&mut self, reason: InvalidBook) -> Applied {
        self.empty();
        self.last = None;
        self.status = BookStatus::Invalid(reason);
        Applied::Invalid(reason)
    }

    fn keep(&mut self, update: &DepthUpdate<'_>) {
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

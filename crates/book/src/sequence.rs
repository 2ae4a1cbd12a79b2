//! How a venue numbers its depth messages, as data: which delta is old news, which one follows, and what is a gap.

use tradewind_types::Sequence;

/// A venue's rule for the update ids of depth messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SequenceRule {
    /// Binance spot, and any feed that counts its messages: ids are contiguous, so a delta follows when `first <= last applied + 1 <= last`.
    BinanceSpot,
    /// Binance USD-M and COIN-M: ids have holes, but each delta names its predecessor (`pu`). It follows when that is the last
    /// one applied; right after a snapshot, when the predecessor is not younger than the snapshot and the delta is.
    BinanceFutures,
    /// Bybit: a topic counts its messages on its own connection and sends its snapshots in between, so a delta follows when it is
    /// the next one, a snapshot always replaces whatever its id (a restarted service counts from 1 again), and nothing from before
    /// a snapshot is of use after it.
    Bybit,
    /// The venue numbers nothing: deltas apply as they come, and none is kept from before a snapshot.
    Unchecked,
}

/// Where a delta stands relative to what was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Succession {
    /// Contained in what was applied.
    Stale,
    /// The next one.
    Follows,
    /// Something in between is missing.
    Gap,
}

/// What was applied last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Applier {
    /// A snapshot.
    Snapshot,
    /// A delta.
    Delta,
}

impl SequenceRule {
    /// Whether snapshots come by a way of their own, so that deltas from before one have to be placed after it.
    pub(crate) const fn places_snapshots(self) -> bool {
        match self {
            SequenceRule::BinanceSpot | SequenceRule::BinanceFutures => true,
            SequenceRule::Bybit | SequenceRule::Unchecked => false,
        }
    }

    /// Whether a snapshot is older than the valid book it would replace.
    pub(crate) const fn outdates(self, snapshot: Sequence, last: u64) -> bool {
        self.places_snapshots() && snapshot.last < last
    }

    /// Where `delta` stands after update `last`.
    #[inline]
    pub(crate) fn succession(self, delta: Sequence, last: u64, applier: Applier) -> Succession {
        let follows = match (self, applier) {
            (SequenceRule::Unchecked, _) => return Succession::Follows,
            (SequenceRule::Bybit, _) => delta.first == last.saturating_add(1),
            (SequenceRule::BinanceSpot, _) => delta.first <= last.saturating_add(1),
            (SequenceRule::BinanceFutures, Applier::Snapshot) => delta.previous.is_some_and(|previous| previous <= last),
            (SequenceRule::BinanceFutures, Applier::Delta) => delta.previous == Some(last),
        };
        if delta.last <= last {
            Succession::Stale
        } else if follows {
            Succession::Follows
        } else {
            Succession::Gap
        }
    }
}

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
    /// Whether deltas from before a snapshot can be placed after it.
    pub(crate) const fn numbers_messages(self) -> bool {
        match self {
            SequenceRule::BinanceSpot | SequenceRule::BinanceFutures => true,
            SequenceRule::Unchecked => false,
        }
    }

    /// Whether a snapshot is older than the valid book it would replace.
    pub(crate) const fn outdates(self, snapshot: Sequence, last: u64) -> bool {
        self.numbers_messages() && snapshot.last < last
    }

    /// Where `delta` stands after update `last`.
    #[inline]
    pub(crate) fn succession(self, delta: Sequence, last: u64, applier: Applier) -> Succession {
        let follows = match (self, applier) {
            (SequenceRule::Unchecked, _) => return Succession::Follows,
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

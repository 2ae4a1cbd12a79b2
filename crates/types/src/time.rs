//! Time as a value: nanoseconds since the Unix epoch, UTC. Who stamped it is part of the name.

use serde::{Deserialize, Serialize};

/// An instant, ns UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(pub i64);

/// A span of time in ns; may be negative where two clocks disagree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Nanos(pub i64);

impl Nanos {
    /// `n` milliseconds (saturating).
    #[must_use]
    pub const fn from_millis(n: i64) -> Self {
        Self(n.saturating_mul(1_000_000))
    }

    /// `n` seconds (saturating).
    #[must_use]
    pub const fn from_secs(n: i64) -> Self {
        Self(n.saturating_mul(1_000_000_000))
    }
}

impl Timestamp {
    /// Later than every real instant.
    pub const MAX: Self = Self(i64::MAX);

    /// This instant plus a span, saturating at the ends of time.
    #[inline]
    #[must_use]
    pub const fn plus(self, span: Nanos) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// The span from `earlier` to this instant (saturating).
    #[inline]
    #[must_use]
    pub const fn since(self, earlier: Self) -> Nanos {
        Nanos(self.0.saturating_sub(earlier.0))
    }
}

/// The two clocks of an event: the venue's, and ours when it reached us. Strategies see `ts_local` only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Venue clock.
    pub ts_venue: Timestamp,
    /// Our clock, corrected where the recorder's was off.
    pub ts_local: Timestamp,
}

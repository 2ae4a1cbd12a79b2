//! How well a venue is heard: figures on record beside what was decided.

use crate::ids::VenueId;
use crate::time::Nanos;
use serde::{Deserialize, Serialize};

/// Counts of spans by powers of two of a microsecond: the last bucket holds everything longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {
    /// Bucket `k` holds spans below 2^k µs.
    pub counts: [u64; 28],
    /// All spans together.
    pub sum: Nanos,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: [0; 28], sum: Nanos(0) }
    }
}

impl Histogram {
    /// Adds a span; a negative one counts as none.
    #[inline]
    pub fn add(&mut self, span: Nanos) {
        let micros = (span.0.max(0) / 1000).unsigned_abs();
        let bucket = (64 - micros.leading_zeros() as usize).min(self.counts.len() - 1);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.sum = Nanos(self.sum.0.saturating_add(span.0.max(0)));
    }

    /// How many spans.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// How a venue was, in one life of a node so far. It is kept for whoever reads the journal, and decides nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueReport {
    /// Which.
    pub venue: VenueId,
    /// Whether its accounts trade.
    pub is_trading: bool,
    /// Links that are up.
    pub links_up: u32,
    /// Times that a link went down.
    pub links_lost: u64,
    /// Market messages.
    pub market_messages: u64,
    /// Age of the last of them; none where there was none.
    pub market_age: Option<Nanos>,
    /// Times that a book lost its trust.
    pub gaps: u64,
    /// Messages that could not be read.
    pub unread: u64,
    /// Orders it rejected.
    pub rejects: u64,
    /// Its clock less ours.
    pub clock_offset: Nanos,
    /// From its stamp of a market message to us.
    pub feed_latency: Histogram,
    /// From sending an order command to its answer.
    pub answer_latency: Histogram,
}

//! What a record says: an input, an outcome, a body of market data, a range of it, a checkpoint, an end.

use crate::format::Segment;
use serde::{Deserialize, Serialize};
use std::fmt;
use tradewind_types::{Control, Outcome, StateHash, Timestamp};

/// Consecutive market inputs, by reference: event `first + k` of the segment is input `first_seq + k`, for `k < count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarketRun {
    /// Sequence number of the first event.
    pub first_seq: u64,
    /// In which segment: one that the header names or that was declared before.
    pub segment: u32,
    /// Position of the first event within the segment.
    pub first: u64,
    /// How many events, >= 1.
    pub count: u64,
}

impl MarketRun {
    /// Sequence number of the last event; `None` when the run is empty or leaves the number range.
    #[must_use]
    pub const fn last_seq(&self) -> Option<u64> {
        match self.count.checked_sub(1) {
            Some(more) => self.first_seq.checked_add(more),
            None => None,
        }
    }
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// An input that is journaled whole.
    Input {
        /// Its number; inputs rise, market runs included.
        seq: u64,
        /// Our clock.
        at: Timestamp,
        /// What.
        control: Control,
    },
    /// What the engine decided or applied.
    Outcome {
        /// Number of the input that caused it.
        seq: u64,
        /// What.
        outcome: Outcome,
    },
    /// Market data that runs may refer to from here on: live, it comes into being while the journal is written.
    Segment {
        /// Number of the last input before it; 0 where there is none.
        seq: u64,
        /// What.
        segment: Segment,
    },
    /// Inputs that are kept elsewhere.
    MarketRun(MarketRun),
    /// The state after all outcomes of an input, so that a replay can compare.
    StateHash {
        /// Number of the input.
        seq: u64,
        /// Digest of the state.
        hash: StateHash,
    },
    /// The run was ended in good order. A journal may go on after it.
    End {
        /// Number of the last input.
        seq: u64,
    },
}

/// Which variant a record's body holds: the `kind` byte. Numbers are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Input = 1,
    Outcome = 2,
    MarketRun = 3,
    StateHash = 4,
    End = 5,
    Segment = 6,
}

impl Entry {
    /// The number of the (first) input it is about.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        match self {
            Entry::Input { seq, .. }
            | Entry::Outcome { seq, .. }
            | Entry::Segment { seq, .. }
            | Entry::StateHash { seq, .. }
            | Entry::End { seq } => *seq,
            Entry::MarketRun(run) => run.first_seq,
        }
    }

    /// Reads a body, or says what was expected and what was found.
    pub(crate) fn decode(kind: u8, body: &[u8]) -> Result<Self, (String, String)> {
        if kind == Kind::Input as u8 {
            whole(body).map(|(seq, at, control)| Entry::Input { seq, at, control })
        } else if kind == Kind::Outcome as u8 {
            whole(body).map(|(seq, outcome)| Entry::Outcome { seq, outcome })
        } else if kind == Kind::MarketRun as u8 {
            whole(body).map(Entry::MarketRun)
        } else if kind == Kind::StateHash as u8 {
            whole(body).map(|(seq, hash)| Entry::StateHash { seq, hash })
        } else if kind == Kind::End as u8 {
            whole(body).map(|seq| Entry::End { seq })
        } else if kind == Kind::Segment as u8 {
            whole(body).map(|(seq, segment)| Entry::Segment { seq, segment })
        } else {
            Err(("a record kind from 1 to 6".into(), kind.to_string()))
        }
    }
}

/// The number that every body but a market run's begins with.
pub(crate) fn leading_seq(body: &[u8]) -> Result<u64, (String, String)> {
    match postcard::take_from_bytes(body) {
        Ok((seq, _)) => Ok(seq),
        Err(error) => Err(("a record body".into(), error.to_string())),
    }
}

/// A value that takes exactly these bytes.
#[inline]
pub(crate) fn whole<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, (String, String)> {
    match postcard::take_from_bytes(body) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err((format!("a body of {} bytes", body.len() - rest.len()), format!("{} bytes", body.len()))),
        Err(error) => Err(("a record body".into(), error.to_string())),
    }
}

impl fmt::Display for Entry {
    /// One line for people; not for machines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entry::Input { seq, at, control } => write!(f, "{seq} input at {} {control:?}", at.0),
            Entry::Outcome { seq, outcome } => write!(f, "{seq} outcome {outcome:?}"),
            Entry::MarketRun(MarketRun { first_seq, segment, first, count }) => {
                write!(f, "{first_seq} market segment {segment} from {first}, {count} events")
            }
            Entry::Segment { seq, segment } => {
                write!(f, "{seq} segment {} is {} with content {}", segment.id, segment.name, segment.content)
            }
            Entry::StateHash { seq, hash } => write!(f, "{seq} state {hash}"),
            Entry::End { seq } => write!(f, "{seq} end"),
        }
    }
}

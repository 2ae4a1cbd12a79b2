//! What a record says: an input, an outcome, a body of market data, a range of it, a checkpoint, an end.

use crate::decode::Decoder;
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

/// What recovery takes from a journal: what changes the state, and what to compare it with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applicable<'a> {
    /// To be applied.
    Outcome {
        /// Number of the input that caused it.
        seq: u64,
        /// What.
        outcome: &'a Outcome,
    },
    /// The state after all outcomes of an input.
    StateHash {
        /// Number of the input.
        seq: u64,
        /// Digest of the state.
        hash: StateHash,
    },
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

    /// Reads the body of `length` bytes at the beginning of `bytes`, or says what was expected and what was found. More bytes may
    /// follow, and make numbers at the end of the body faster to read.
    #[inline]
    pub(crate) fn decode(kind: u8, bytes: &[u8], length: usize) -> Result<Self, (String, String)> {
        let mut body = Decoder::new(bytes);
        // The value is built where it is handed over: each time it is wrapped it would be moved, and it is large.
        let entry = if kind == Kind::Outcome as u8 {
            match (part(&mut body), part(&mut body)) {
                (Ok(seq), Ok(outcome)) => Entry::Outcome { seq, outcome },
                (Err(error), _) | (_, Err(error)) => return Err(undecodable(error)),
            }
        } else {
            Self::decode_other(kind, &mut body)?
        };
        match bytes.len() - body.rest().len() {
            taken if taken == length => Ok(entry),
            taken => Err(wrong_length(taken, length)),
        }
    }

    fn decode_other(kind: u8, body: &mut Decoder<'_>) -> Result<Self, (String, String)> {
        let entry = if kind == Kind::Input as u8 {
            part(body).map(|(seq, at, control)| Entry::Input { seq, at, control })
        } else if kind == Kind::MarketRun as u8 {
            part(body).map(Entry::MarketRun)
        } else if kind == Kind::StateHash as u8 {
            part(body).map(|(seq, hash)| Entry::StateHash { seq, hash })
        } else if kind == Kind::End as u8 {
            part(body).map(|seq| Entry::End { seq })
        } else if kind == Kind::Segment as u8 {
            part(body).map(|(seq, segment)| Entry::Segment { seq, segment })
        } else {
            return Err(("a record kind from 1 to 6".into(), kind.to_string()));
        };
        entry.map_err(undecodable)
    }
}

/// Reads the body of an outcome, as [`Entry::decode`] does, and lends it instead of handing it over.
#[inline]
pub(crate) fn lend_outcome<T>(bytes: &[u8], length: usize, take: impl FnOnce(u64, &Outcome) -> T) -> Result<T, (String, String)> {
    let mut body = Decoder::new(bytes);
    let seq = part(&mut body).map_err(undecodable)?;
    let outcome: postcard::Result<Outcome> = part(&mut body);
    let taken = bytes.len() - body.rest().len();
    match &outcome {
        Ok(outcome) if taken == length => Ok(take(seq, outcome)),
        Ok(_) => Err(wrong_length(taken, length)),
        Err(error) => Err(undecodable(error.clone())),
    }
}

/// The number of the (first) input that a record is about: every body begins with it.
pub(crate) fn seq_of(body: &[u8]) -> Result<u64, (String, String)> {
    part(&mut Decoder::new(body)).map_err(undecodable)
}

fn part<'de, T: Deserialize<'de>>(body: &mut Decoder<'de>) -> postcard::Result<T> {
    T::deserialize(body)
}

#[cold]
fn wrong_length(taken: usize, found: usize) -> (String, String) {
    (format!("a body of {taken} bytes"), format!("{found} bytes"))
}

#[cold]
fn undecodable(error: postcard::Error) -> (String, String) {
    ("a record body".into(), error.to_string())
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

//! What a journal holds, counted while it is read; and reading it for no other reason than to prove it.

use crate::entry::Entry;
use crate::error::JournalError;
use crate::format::{Anchor, ChainHash};
use crate::reader::{Entries, Reader};
use std::io::Read;

/// What a journal holds, as far as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verification {
    /// Volumes.
    pub volumes: u64,
    /// Blocks of the chain before the first that was read.
    pub blocks_before: u64,
    /// Committed blocks.
    pub blocks: u64,
    /// Records in them.
    pub records: u64,
    /// Inputs journaled whole.
    pub inputs: u64,
    /// Outcomes.
    pub outcomes: u64,
    /// Market data declared after the start.
    pub segments: u64,
    /// Runs of market data.
    pub market_runs: u64,
    /// Market events in these runs.
    pub market_events: u64,
    /// State checkpoints.
    pub state_hashes: u64,
    /// Ends in good order.
    pub ends: u64,
    /// Number of the last input.
    pub last_input_seq: Option<u64>,
    /// Chain hash after the last committed block.
    pub head: ChainHash,
    /// Bytes of the headers and the committed blocks.
    pub intact_bytes: u64,
    /// Bytes after them: an unfinished block that a crash left. Never acknowledged, never read. Known at the end only.
    pub torn_bytes: u64,
}

impl Verification {
    /// The point of the chain after the last committed block.
    #[must_use]
    pub const fn anchor(&self) -> Anchor {
        Anchor { blocks: self.blocks_before + self.blocks, head: self.head }
    }

    pub(crate) const fn before_anything(anchor: Anchor, last_input_seq: Option<u64>) -> Self {
        Self {
            volumes: 1,
            blocks_before: anchor.blocks,
            blocks: 0,
            records: 0,
            inputs: 0,
            outcomes: 0,
            segments: 0,
            market_runs: 0,
            market_events: 0,
            state_hashes: 0,
            ends: 0,
            last_input_seq,
            head: anchor.head,
            intact_bytes: 0,
            torn_bytes: 0,
        }
    }

    #[inline]
    pub(crate) const fn count_input(&mut self, seq: u64) {
        self.records += 1;
        self.inputs += 1;
        self.last_input_seq = Some(seq);
    }

    #[inline]
    pub(crate) fn count(&mut self, entry: &Entry) {
        if let Entry::Input { seq, .. } = entry {
            self.count_input(*seq);
            return;
        }
        self.records += 1;
        match entry {
            Entry::Input { .. } => {}
            Entry::Outcome { .. } => self.outcomes += 1,
            Entry::Segment { .. } => self.segments += 1,
            Entry::MarketRun(run) => {
                self.market_runs += 1;
                self.market_events = self.market_events.saturating_add(run.count);
                self.last_input_seq = run.last_seq();
            }
            Entry::StateHash { .. } => self.state_hashes += 1,
            Entry::End { .. } => self.ends += 1,
        }
    }
}

/// Reads a whole journal and proves every byte of it.
///
/// # Errors
/// [`JournalError::Corrupt`] at the first byte that does not hold; otherwise as [`Reader::new`]. A torn tail is no error: it is
/// counted in [`Verification::torn_bytes`].
pub fn verify<R: Read>(source: R) -> Result<Verification, JournalError> {
    prove(Reader::new(source)?)
}

/// Reads to the end.
pub(crate) fn prove(mut entries: impl Entries) -> Result<Verification, JournalError> {
    while entries.next_entry()?.is_some() {}
    Ok(*entries.verification())
}

/// As [`verify`], and the journal must contain a point that was anchored elsewhere: shows that no committed block before it was
/// lost or replaced, which the file alone cannot show.
///
/// # Errors
/// [`JournalError::AnchorMissing`]; otherwise as [`verify`].
pub fn verify_anchored<R: Read>(source: R, anchor: Anchor) -> Result<Verification, JournalError> {
    prove_anchored(Reader::new(source)?, anchor)
}

/// Reads to the end, passing the anchor.
pub(crate) fn prove_anchored(mut entries: impl Entries, anchor: Anchor) -> Result<Verification, JournalError> {
    let first = entries.verification().anchor();
    let mut head_there = (first.blocks == anchor.blocks).then_some(first.head);
    while entries.next_entry()?.is_some() {
        let now = entries.verification().anchor();
        if now.blocks == anchor.blocks {
            head_there = Some(now.head);
        }
    }
    let seen = *entries.verification();
    match head_there {
        Some(head) if head == anchor.head => Ok(seen),
        Some(head) => Err(JournalError::AnchorMissing { anchor, found: format!("its hash after that block is {head}") }),
        None => {
            let found = format!("it has blocks {} to {}", first.blocks, seen.anchor().blocks);
            Err(JournalError::AnchorMissing { anchor, found })
        }
    }
}

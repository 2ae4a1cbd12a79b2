//! Blocks → entries. A block is read whole and proven before the first of its records is given out.

use crate::entry::{Applicable, Entry, Kind, lend_outcome, seq_of};
use crate::error::{JournalError, Part};
use crate::format::{
    Anchor, BLOCK_HEADER_BYTES, BlockHeader, CRC_BYTES, ChainHash, HASH_BYTES, PREAMBLE_BYTES, RECORD_HEAD_BYTES, RunFacts, decode_facts,
    decode_preamble, hash_at, may_begin_block, u32_at,
};
use std::collections::BTreeSet;
use std::io::{self, Read};

/// What a journal holds, as far as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verification {
    /// Committed blocks.
    pub blocks: u64,
    /// Records in them.
    pub records: u64,
    /// Inputs journaled whole.
    pub inputs: u64,
    /// Outcomes.
    pub outcomes: u64,
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
    /// Bytes of the header and the committed blocks.
    pub intact_bytes: u64,
    /// Bytes after them: an unfinished block that a crash left. Never acknowledged, never read. Known at the end only.
    pub torn_bytes: u64,
}

impl Verification {
    /// The point of the chain after the last committed block.
    #[must_use]
    pub const fn anchor(&self) -> Anchor {
        Anchor { blocks: self.blocks, head: self.head }
    }

    #[inline]
    const fn count_input(&mut self, seq: u64) {
        self.records += 1;
        self.inputs += 1;
        self.last_input_seq = Some(seq);
    }

    #[inline]
    fn count(&mut self, entry: &Entry) {
        if let Entry::Input { seq, .. } = entry {
            self.count_input(*seq);
            return;
        }
        self.records += 1;
        match entry {
            Entry::Input { .. } => {}
            Entry::Outcome { .. } => self.outcomes += 1,
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

/// Where a record of the block is, its checksum proven.
#[derive(Clone, Copy, Debug)]
struct Framed {
    kind: u8,
    body_at: usize,
    length: usize,
    next: usize,
}

/// Reads a journal entry by entry. After an error or the end it gives nothing more.
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    facts: RunFacts,
    segments: BTreeSet<u32>,
    seen: Verification,
    /// The current block, header and hash included, and what is left of it.
    block: Vec<u8>,
    block_start: u64,
    records_end: usize,
    at: usize,
    records_left: u32,
    over: bool,
}

impl<R: Read> Reader<R> {
    /// Reads the file header.
    ///
    /// # Errors
    /// [`JournalError::NotAJournal`], [`JournalError::HeaderTorn`], [`JournalError::UnsupportedFormat`],
    /// [`JournalError::UnsupportedSchema`], [`JournalError::Corrupt`], [`JournalError::Io`].
    pub fn new(mut source: R) -> Result<Self, JournalError> {
        let mut header = Vec::new();
        fill(&mut source, &mut header, PREAMBLE_BYTES, 0)?;
        let Some(preamble) = header.first_chunk::<PREAMBLE_BYTES>() else {
            return Err(JournalError::HeaderTorn { found: header.len() as u64, needed: (PREAMBLE_BYTES + HASH_BYTES) as u64 });
        };
        let needed = PREAMBLE_BYTES + decode_preamble(preamble)? + HASH_BYTES;
        fill(&mut source, &mut header, needed, 0)?;
        if header.len() < needed {
            return Err(JournalError::HeaderTorn { found: header.len() as u64, needed: needed as u64 });
        }
        let (facts, root) = decode_facts(&header)?;
        let seen = Verification {
            blocks: 0,
            records: 0,
            inputs: 0,
            outcomes: 0,
            market_runs: 0,
            market_events: 0,
            state_hashes: 0,
            ends: 0,
            last_input_seq: None,
            head: root,
            intact_bytes: needed as u64,
            torn_bytes: 0,
        };
        let segments = facts.segments.iter().map(|segment| segment.id).collect();
        Ok(Self { source, facts, segments, seen, block: Vec::new(), block_start: 0, records_end: 0, at: 0, records_left: 0, over: false })
    }

    /// What ran, on what.
    #[must_use]
    pub const fn facts(&self) -> &RunFacts {
        &self.facts
    }

    /// What was seen so far; complete once the entries have come to their end.
    #[must_use]
    pub const fn verification(&self) -> &Verification {
        &self.seen
    }

    /// The next entry; `None` at the end, torn or not.
    ///
    /// # Errors
    /// [`JournalError::Corrupt`], [`JournalError::Io`].
    #[inline]
    pub fn next_entry(&mut self) -> Result<Option<Entry>, JournalError> {
        if self.over {
            return Ok(None);
        }
        if self.records_left == 0 && !self.next_block()? {
            return Ok(None);
        }
        self.next_record().map(Some)
    }

    /// Reads and proves the next block; false at the end. `over` stays set unless all went well.
    fn next_block(&mut self) -> Result<bool, JournalError> {
        self.over = true;
        self.block_start = self.seen.intact_bytes;
        self.at = BLOCK_HEADER_BYTES;
        self.block.clear();
        fill(&mut self.source, &mut self.block, BLOCK_HEADER_BYTES, self.block_start)?;
        if self.block.iter().all(|byte| *byte == 0) {
            return self.zero_tail();
        }
        let Some(header) = self.block.first_chunk::<BLOCK_HEADER_BYTES>() else {
            return self.torn_header();
        };
        let header = BlockHeader::decode(header).map_err(|found| self.damage(Part::BlockHeader, 0, found))?;
        if (header.index, header.previous) != (self.seen.blocks, self.seen.head) {
            let expected = format!("block {} after {}", self.seen.blocks, self.seen.head);
            return Err(self.damage(Part::Chain, 0, (expected, format!("block {} after {}", header.index, header.previous))));
        }
        let hashed = BLOCK_HEADER_BYTES + header.payload_bytes as usize;
        fill(&mut self.source, &mut self.block, hashed + HASH_BYTES, self.block_start)?;
        if self.block.len() < hashed + HASH_BYTES {
            self.seen.torn_bytes = self.block.len() as u64;
            return Ok(false);
        }
        let (hash, found) = (ChainHash(*blake3::hash(&self.block[..hashed]).as_bytes()), hash_at(&self.block, hashed));
        if hash != found {
            let at = self.first_bad_record(hashed);
            return Err(self.damage(Part::BlockHash, at, (format!("hash {found}"), hash.to_string())));
        }
        self.records_end = hashed;
        self.check_first_seq(header.first_seq)?;
        self.records_left = header.records;
        self.seen.blocks += 1;
        self.seen.head = hash;
        self.seen.intact_bytes += (hashed + HASH_BYTES) as u64;
        self.over = false;
        Ok(true)
    }

    /// A file may have been lengthened by a crash without its bytes having arrived: nothing but zeros to the end is a tear.
    fn zero_tail(&mut self) -> Result<bool, JournalError> {
        let mut length = self.block.len();
        if length == BLOCK_HEADER_BYTES {
            loop {
                self.block.clear();
                fill(&mut self.source, &mut self.block, 64 * 1024, self.block_start + length as u64)?;
                if let Some(at) = self.block.iter().position(|byte| *byte != 0) {
                    let expected = "a block header, or nothing but zeros to the end".into();
                    return Err(self.damage(Part::BlockHeader, 0, (expected, format!("zeros, then data {} bytes on", length + at))));
                }
                if self.block.is_empty() {
                    break;
                }
                length += self.block.len();
            }
        }
        self.seen.torn_bytes = length as u64;
        Ok(false)
    }

    fn torn_header(&mut self) -> Result<bool, JournalError> {
        if !may_begin_block(&self.block) {
            let found = format!("{} other bytes", self.block.len());
            return Err(self.damage(Part::BlockHeader, 0, ("the beginning of a block header".into(), found)));
        }
        self.seen.torn_bytes = self.block.len() as u64;
        Ok(false)
    }

    /// The block's first record must carry the number that its header names.
    fn check_first_seq(&self, first_seq: u64) -> Result<(), JournalError> {
        let first = frame(&self.block[..self.records_end], BLOCK_HEADER_BYTES).and_then(|(_, body, _)| seq_of(body));
        match first {
            Ok(seq) if seq == first_seq => Ok(()),
            Ok(seq) => Err(self.damage(Part::BlockHeader, 20, (format!("first seq {seq}"), first_seq.to_string()))),
            Err(found) => Err(self.damage(Part::Record, BLOCK_HEADER_BYTES, found)),
        }
    }

    /// Where the damage of a block lies, as far as its records' own checksums tell.
    fn first_bad_record(&self, end: usize) -> usize {
        let mut at = BLOCK_HEADER_BYTES;
        while at < end {
            match frame(&self.block[..end], at) {
                Ok((_, _, next)) => at = next,
                Err(_) => return at,
            }
        }
        end
    }

    #[inline]
    fn next_record(&mut self) -> Result<Entry, JournalError> {
        self.over = true;
        let Framed { kind, body_at, length, next } = self.next_frame()?;
        let entry = Entry::decode(kind, &self.block[body_at..], length).map_err(|found| self.damage(Part::Record, self.at, found))?;
        self.check_entry(&entry)?;
        self.step_over(next)?;
        self.seen.count(&entry);
        self.over = false;
        Ok(entry)
    }

    /// Reads on to the end and lends what recovery needs, in order. Inputs are proven and counted like everything else, and not
    /// taken apart: what they caused stands in the outcomes. After an error, of the journal or of `apply`, nothing more is given.
    ///
    /// # Errors
    /// As [`Self::next_entry`]; whatever `apply` says.
    pub fn recover<E: From<JournalError>>(&mut self, mut apply: impl FnMut(Applicable<'_>) -> Result<(), E>) -> Result<(), E> {
        while !self.over && (self.records_left > 0 || self.next_block()?) {
            self.over = true;
            let Framed { kind, body_at, length, next } = self.next_frame()?;
            let bytes = &self.block[body_at..];
            if kind == Kind::Outcome as u8 {
                let lent = lend_outcome(bytes, length, |seq, outcome| apply(Applicable::Outcome { seq, outcome }));
                lent.map_err(|found| self.damage(Part::Record, self.at, found))??;
                self.seen.records += 1;
                self.seen.outcomes += 1;
            } else if kind == Kind::Input as u8 {
                let seq = seq_of(bytes).map_err(|found| self.damage(Part::Record, self.at, found))?;
                self.check_rising(seq)?;
                self.seen.count_input(seq);
            } else {
                let entry = Entry::decode(kind, bytes, length).map_err(|found| self.damage(Part::Record, self.at, found))?;
                self.check_entry(&entry)?;
                if let Entry::StateHash { seq, hash } = entry {
                    apply(Applicable::StateHash { seq, hash })?;
                }
                self.seen.count(&entry);
            }
            self.step_over(next)?;
            self.over = false;
        }
        Ok(())
    }

    #[inline]
    fn next_frame(&self) -> Result<Framed, JournalError> {
        match frame(&self.block[..self.records_end], self.at) {
            Ok((kind, body, next)) => Ok(Framed { kind, body_at: self.at + RECORD_HEAD_BYTES, length: body.len(), next }),
            Err(found) => Err(self.damage(Part::Record, self.at, found)),
        }
    }

    /// Goes on behind a record; the last one must end where the block does.
    #[inline]
    fn step_over(&mut self, next: usize) -> Result<(), JournalError> {
        self.at = next;
        self.records_left -= 1;
        if self.records_left == 0 && next != self.records_end {
            let found = format!("{} bytes", self.records_end - next);
            return Err(self.damage(Part::Record, next, ("the end of the block".into(), found)));
        }
        Ok(())
    }

    /// The rules that the writer keeps hold for the reader too.
    #[inline]
    fn check_entry(&self, entry: &Entry) -> Result<(), JournalError> {
        let seq = match entry {
            Entry::Input { seq, .. } => *seq,
            Entry::MarketRun(run) => {
                if run.last_seq().is_none() {
                    return Err(self.damage(Part::Record, self.at, ("a run of 1 event or more".into(), entry.to_string())));
                }
                if !self.segments.contains(&run.segment) {
                    let expected = "a segment that the header names".into();
                    return Err(self.damage(Part::Record, self.at, (expected, format!("segment {}", run.segment))));
                }
                run.first_seq
            }
            Entry::Outcome { .. } | Entry::StateHash { .. } | Entry::End { .. } => return Ok(()),
        };
        self.check_rising(seq)
    }

    #[inline]
    fn check_rising(&self, seq: u64) -> Result<(), JournalError> {
        match self.seen.last_input_seq {
            Some(last) if seq <= last => Err(self.damage(Part::Sequence, self.at, (format!("an input above {last}"), seq.to_string()))),
            _ => Ok(()),
        }
    }

    #[cold]
    fn damage(&self, part: Part, at: usize, (expected, found): (String, String)) -> JournalError {
        let offset = self.block_start + at as u64;
        let block = if self.seen.intact_bytes > self.block_start { self.seen.blocks - 1 } else { self.seen.blocks };
        JournalError::Corrupt { part, offset, block, intact_bytes: self.block_start, expected, found }
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Entry, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_entry().transpose()
    }
}

/// Kind, body and end of the record at an offset, its checksum proven; or what was expected and what was found.
#[inline]
fn frame(block: &[u8], at: usize) -> Result<(u8, &[u8], usize), (String, String)> {
    let record = &block[at..];
    let room = record.len().saturating_sub(RECORD_HEAD_BYTES + CRC_BYTES);
    if record.len() < RECORD_HEAD_BYTES + CRC_BYTES {
        return Err(("a record".into(), format!("{} bytes", record.len())));
    }
    let length = u32_at(record, 0) as usize;
    if length > room {
        return Err((format!("a body of {room} bytes at most"), format!("{length} bytes")));
    }
    let end = RECORD_HEAD_BYTES + length;
    let (expected, found) = (crc32fast::hash(&record[..end]), u32_at(record, end));
    if expected != found {
        return Err((format!("checksum {expected:08x}"), format!("{found:08x}")));
    }
    Ok((record[4], &record[RECORD_HEAD_BYTES..end], at + end + CRC_BYTES))
}

/// Reads on until the buffer has `length` bytes or the source has ended.
fn fill<R: Read>(source: &mut R, buffer: &mut Vec<u8>, length: usize, offset: u64) -> Result<(), JournalError> {
    let missing = length.saturating_sub(buffer.len()) as u64;
    let read: io::Result<usize> = source.by_ref().take(missing).read_to_end(buffer);
    read.map(|_| ()).map_err(|source| JournalError::Io { operation: "read", offset, source })
}

/// Reads a whole journal and proves every byte of it.
///
/// # Errors
/// [`JournalError::Corrupt`] at the first byte that does not hold; otherwise as [`Reader::new`]. A torn tail is no error: it is
/// counted in [`Verification::torn_bytes`].
pub fn verify<R: Read>(source: R) -> Result<Verification, JournalError> {
    let mut reader = Reader::new(source)?;
    while reader.next_entry()?.is_some() {}
    Ok(reader.seen)
}

/// As [`verify`], and the journal must contain a point that was anchored elsewhere: shows that no committed block before it was
/// lost or replaced, which the file alone cannot show.
///
/// # Errors
/// [`JournalError::AnchorMissing`]; otherwise as [`verify`].
pub fn verify_anchored<R: Read>(source: R, anchor: Anchor) -> Result<Verification, JournalError> {
    let mut reader = Reader::new(source)?;
    let mut head_there = (anchor.blocks == 0).then_some(reader.seen.head);
    while reader.next_entry()?.is_some() {
        if reader.seen.blocks == anchor.blocks {
            head_there = Some(reader.seen.head);
        }
    }
    match head_there {
        Some(head) if head == anchor.head => Ok(reader.seen),
        Some(head) => Err(JournalError::AnchorMissing { anchor, found: format!("its hash after that block is {head}") }),
        None => Err(JournalError::AnchorMissing { anchor, found: format!("it ends after block {}", reader.seen.blocks) }),
    }
}

//! Entries → blocks. Records are encoded straight into the block that will be written; a commit hashes it and hands it over.
//!
//! A commit that returns `Ok` is the acknowledgement. After a failed write nothing is known about the disk (a second `fsync`
//! may lie), so the writer takes nothing more: whoever must go on opens the journal again and sees what is really there.

use crate::encode::Slate;
use crate::entry::{Entry, Kind, MarketRun};
use crate::error::JournalError;
use crate::format::{
    Anchor, BLOCK_HEADER_BYTES, BlockHeader, CRC_BYTES, ChainHash, HASH_BYTES, Link, PAYLOAD_BYTES_MAX, Place, RECORD_HEAD_BYTES, RunFacts,
    Segment, encode_header,
};
use serde::Serialize;
use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use tradewind_types::{Control, Outcome, StateHash, Timestamp};

/// A block is closed before the next input when its records have reached this size, if no commit closed it before.
pub const BLOCK_BYTES: usize = 64 * 1024;
/// Largest record.
pub const RECORD_BYTES_MAX: usize = 1 << 24;
/// The format can hold an input with all of its outcomes in one block up to this size; what is larger, a crash may tear.
const STEP_BYTES_MAX: usize = PAYLOAD_BYTES_MAX - RECORD_BYTES_MAX;

/// What a commit promises, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CommitLevel {
    /// Nothing survives the process (backtests).
    Memory,
    /// Written to the kernel: survives `kill -9`, not a power loss.
    Process,
    /// On the disk (`fdatasync`): survives a power loss, as far as the disk keeps its word.
    Disk,
}

impl fmt::Display for CommitLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CommitLevel::Memory => "memory",
            CommitLevel::Process => "process",
            CommitLevel::Disk => "disk",
        })
    }
}

/// Where the next block goes.
#[derive(Debug)]
pub enum Room<S> {
    /// Into this volume.
    Here,
    /// Into a new volume, which follows this one.
    Next(S),
}

/// Where blocks go: one volume, which may know how to get the next one.
pub trait Sink: Write + Sized {
    /// The strongest level that it can keep.
    const REACHES: CommitLevel;

    /// Returns when everything written is on the disk.
    ///
    /// # Errors
    /// Whatever the system says; the writer then stops for good.
    fn sync_data(&mut self) -> io::Result<()>;

    /// Asked before each block: whether there is room for it, and where. A sink that says nothing takes everything.
    ///
    /// # Errors
    /// When the block may not be written at all; the writer then stops for good.
    fn make_room(&mut self, volume_bytes: u64, block_bytes: u64) -> Result<Room<Self>, JournalError> {
        let _unlimited = (volume_bytes, block_bytes);
        Ok(Room::Here)
    }
}

impl Sink for Vec<u8> {
    const REACHES: CommitLevel = CommitLevel::Memory;

    fn sync_data(&mut self) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "memory is not a disk"))
    }
}

impl Sink for File {
    const REACHES: CommitLevel = CommitLevel::Disk;

    fn sync_data(&mut self) -> io::Result<()> {
        File::sync_data(self)
    }
}

/// Where a chain stands, so that it can be taken up again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    pub volume: u32,
    /// Bytes of this volume.
    pub bytes: u64,
    pub anchor: Anchor,
    pub last_input_seq: Option<u64>,
}

/// Appends entries to a journal.
#[derive(Debug)]
pub struct Writer<S> {
    sink: S,
    level: CommitLevel,
    block_bytes: usize,
    facts: RunFacts,
    position: Position,
    /// What the blocks that are closed hold: the last input, and how many of the segments.
    closed_input_seq: Option<u64>,
    closed_segments: usize,
    /// The open block: room for its header, then records.
    block: Vec<u8>,
    slate: Slate,
    records: u32,
    first_seq: u64,
    run: Option<MarketRun>,
    poison: Option<String>,
}

impl Writer<Vec<u8>> {
    /// A new journal in memory.
    ///
    /// # Errors
    /// [`JournalError::TooLarge`] when the facts do not fit a header.
    pub fn in_memory(facts: &RunFacts) -> Result<Self, JournalError> {
        Self::new(Vec::new(), facts, CommitLevel::Memory)
    }
}

impl<S: Sink> Writer<S> {
    /// Begins a journal: writes the header to an empty sink, at the commit level.
    ///
    /// # Errors
    /// [`JournalError::LevelUnreachable`], [`JournalError::TooLarge`], [`JournalError::Io`].
    pub fn new(sink: S, facts: &RunFacts, level: CommitLevel) -> Result<Self, JournalError> {
        let (header, root) = encode_header(facts, &Link::FIRST)?;
        let anchor = Anchor { blocks: 0, head: root };
        let mut writer = Self::resume(sink, facts.clone(), level, Position { volume: 0, bytes: 0, anchor, last_input_seq: None })?;
        writer.deliver(&header)?;
        writer.bring_to_level()?;
        Ok(writer)
    }

    /// Takes up a chain whose bytes before the position are in the sink already.
    pub(crate) fn resume(sink: S, facts: RunFacts, level: CommitLevel, position: Position) -> Result<Self, JournalError> {
        if level > S::REACHES {
            return Err(JournalError::LevelUnreachable { asked: level, reachable: S::REACHES });
        }
        Ok(Self {
            sink,
            level,
            block_bytes: BLOCK_BYTES,
            closed_segments: facts.segments.len(),
            facts,
            closed_input_seq: position.last_input_seq,
            position,
            block: vec![0; BLOCK_HEADER_BYTES],
            slate: Slate::new(),
            records: 0,
            first_seq: 0,
            run: None,
            poison: None,
        })
    }

    /// Closes blocks at this size instead of [`BLOCK_BYTES`]; held within what the format allows.
    #[must_use]
    pub fn with_block_bytes(mut self, bytes: usize) -> Self {
        self.block_bytes = bytes.clamp(1, STEP_BYTES_MAX);
        self
    }

    /// Appends an entry as it is. Market runs are neither merged nor split; see [`Self::append_market`] for merging.
    ///
    /// # Errors
    /// As [`Self::append_input`] and [`Self::append_market`].
    pub fn append(&mut self, entry: &Entry) -> Result<(), JournalError> {
        match entry {
            Entry::Input { seq, at, control } => self.append_input(*seq, *at, control),
            Entry::Outcome { seq, outcome } => self.append_outcome(*seq, outcome),
            Entry::MarketRun(run) => {
                self.close_run()?;
                self.check_run(run)?;
                self.append_run(run)
            }
            Entry::Segment { seq, segment } => self.append_segment(*seq, segment),
            Entry::StateHash { seq, hash } => self.append_state_hash(*seq, *hash),
            Entry::End { seq } => {
                self.close_run()?;
                self.append_record(Kind::End, *seq, seq)?;
                self.keep_within_format()
            }
        }
    }

    /// Appends an input.
    ///
    /// # Errors
    /// [`JournalError::SeqNotRising`]; [`JournalError::TooLarge`]; [`JournalError::Io`] when a full block could not be written,
    /// and [`JournalError::Poisoned`] ever after.
    pub fn append_input(&mut self, seq: u64, at: Timestamp, control: &Control) -> Result<(), JournalError> {
        self.close_run()?;
        self.check_rising(seq)?;
        self.begin_step()?;
        self.append_record(Kind::Input, seq, &(seq, at, control))?;
        self.position.last_input_seq = Some(seq);
        self.keep_within_format()
    }

    /// Appends an outcome of input `seq`.
    ///
    /// # Errors
    /// As [`Self::append_input`], but for the sequence.
    #[inline]
    pub fn append_outcome(&mut self, seq: u64, outcome: &Outcome) -> Result<(), JournalError> {
        self.close_run()?;
        self.append_record(Kind::Outcome, seq, &(seq, outcome))?;
        self.keep_within_format()
    }

    /// Declares market data that runs may refer to from here on; `seq` is the number of the last input, 0 before the first.
    ///
    /// # Errors
    /// As [`Self::append_outcome`]; [`JournalError::SegmentKnown`].
    pub fn append_segment(&mut self, seq: u64, segment: &Segment) -> Result<(), JournalError> {
        self.close_run()?;
        if self.facts.has_segment(segment.id) {
            return Err(JournalError::SegmentKnown { segment: segment.id });
        }
        self.append_record(Kind::Segment, seq, &(seq, segment))?;
        self.facts.segments.push(segment.clone());
        self.keep_within_format()
    }

    /// Appends one market event by reference: event `index` of `segment` is input `seq`. Consecutive ones become one run, closed
    /// by any other entry and by a commit, so that the order of inputs and outcomes is kept.
    ///
    /// # Errors
    /// As [`Self::append_input`]; [`JournalError::UnknownSegment`].
    #[inline]
    pub fn append_market(&mut self, seq: u64, segment: u32, index: u64) -> Result<(), JournalError> {
        if let Some(run) = &mut self.run
            && run.segment == segment
            && run.first.checked_add(run.count) == Some(index)
            && run.first_seq.checked_add(run.count) == Some(seq)
        {
            run.count += 1;
            return Ok(());
        }
        self.close_run()?;
        let run = MarketRun { first_seq: seq, segment, first: index, count: 1 };
        self.check_run(&run)?;
        self.run = Some(run);
        Ok(())
    }

    /// Appends the state's digest after input `seq`.
    ///
    /// # Errors
    /// As [`Self::append_outcome`].
    pub fn append_state_hash(&mut self, seq: u64, hash: StateHash) -> Result<(), JournalError> {
        self.close_run()?;
        self.append_record(Kind::StateHash, seq, &(seq, hash))?;
        self.keep_within_format()
    }

    /// Brings everything appended to the commit level. `Ok` is the acknowledgement. Without new entries no block is written.
    ///
    /// # Errors
    /// [`JournalError::Io`], after which nothing more is taken; [`JournalError::Poisoned`] ever after.
    pub fn commit(&mut self) -> Result<(), JournalError> {
        self.check_healthy()?;
        self.close_run()?;
        self.close_block()?;
        self.bring_to_level()
    }

    /// Commits and gives the sink back.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub fn finish(mut self) -> Result<S, JournalError> {
        self.commit()?;
        Ok(self.sink)
    }

    /// Chain hash after the last block that was written.
    #[must_use]
    pub const fn head(&self) -> ChainHash {
        self.position.anchor.head
    }

    /// The head and its height, to be kept elsewhere.
    #[must_use]
    pub const fn anchor(&self) -> Anchor {
        self.position.anchor
    }

    /// Where the journal can be read on from, behind the last block that was written.
    #[must_use]
    pub fn place(&self) -> Place {
        let Position { volume, bytes, anchor, .. } = self.position;
        let segments = self.facts.segments[..self.closed_segments].to_vec();
        Place { volume, offset: bytes, anchor, last_input_seq: self.closed_input_seq, segments }
    }

    /// What ran, on what; market data declared so far included.
    #[must_use]
    pub const fn facts(&self) -> &RunFacts {
        &self.facts
    }

    /// Number of the last input appended.
    #[must_use]
    pub fn last_input_seq(&self) -> Option<u64> {
        self.run.as_ref().and_then(MarketRun::last_seq).or(self.position.last_input_seq)
    }

    /// What commits promise.
    #[must_use]
    pub const fn level(&self) -> CommitLevel {
        self.level
    }

    fn check_healthy(&self) -> Result<(), JournalError> {
        match &self.poison {
            None => Ok(()),
            Some(cause) => Err(JournalError::Poisoned { cause: cause.clone() }),
        }
    }

    fn check_rising(&self, seq: u64) -> Result<(), JournalError> {
        self.check_healthy()?;
        match self.position.last_input_seq {
            Some(last) if seq <= last => Err(JournalError::SeqNotRising { last, found: seq }),
            _ => Ok(()),
        }
    }

    fn check_run(&self, run: &MarketRun) -> Result<(), JournalError> {
        self.check_healthy()?;
        if !self.facts.has_segment(run.segment) {
            return Err(JournalError::UnknownSegment { segment: run.segment });
        }
        if run.last_seq().is_none() {
            return Err(JournalError::BadRun { first_seq: run.first_seq, count: run.count });
        }
        self.check_rising(run.first_seq)
    }

    #[inline]
    fn close_run(&mut self) -> Result<(), JournalError> {
        match self.run.take() {
            None => Ok(()),
            Some(run) => self.append_run(&run),
        }
    }

    fn append_run(&mut self, run: &MarketRun) -> Result<(), JournalError> {
        self.begin_step()?;
        self.append_record(Kind::MarketRun, run.first_seq, run)?;
        self.position.last_input_seq = run.last_seq();
        self.keep_within_format()
    }

    #[inline]
    fn append_record<T: Serialize>(&mut self, kind: Kind, seq: u64, body: &T) -> Result<(), JournalError> {
        self.check_healthy()?;
        match self.slate.encode(RECORD_HEAD_BYTES, body) {
            Ok(record) => {
                seal_record(record, kind);
                self.block.extend_from_slice(record);
                let crc = crc32fast::hash(record);
                self.block.extend_from_slice(&crc.to_le_bytes());
            }
            Err(postcard::Error::SerializeBufferFull) => self.append_large_record(kind, body)?,
            Err(error) => return Err(JournalError::Encode(error)),
        }
        if self.records == 0 {
            self.first_seq = seq;
        }
        self.records += 1;
        Ok(())
    }

    /// Closes a block that the format could not hold with another record. Only once the record is accounted for: the place behind
    /// the block says what it holds.
    #[inline]
    fn keep_within_format(&mut self) -> Result<(), JournalError> {
        if self.block.len() >= BLOCK_HEADER_BYTES + STEP_BYTES_MAX { self.close_block() } else { Ok(()) }
    }

    /// Closes a full block between two steps and never within one: what a crash leaves is an input with all of its outcomes, or
    /// nothing of it.
    #[inline]
    fn begin_step(&mut self) -> Result<(), JournalError> {
        if self.block.len() >= BLOCK_HEADER_BYTES + self.block_bytes { self.close_block() } else { Ok(()) }
    }

    #[cold]
    fn append_large_record<T: Serialize>(&mut self, kind: Kind, body: &T) -> Result<(), JournalError> {
        let mut record = postcard::to_extend(body, vec![0; RECORD_HEAD_BYTES]).map_err(JournalError::Encode)?;
        if record.len() + CRC_BYTES > RECORD_BYTES_MAX {
            return Err(JournalError::TooLarge { limit: RECORD_BYTES_MAX });
        }
        seal_record(&mut record, kind);
        self.block.extend_from_slice(&record);
        self.block.extend_from_slice(&crc32fast::hash(&record).to_le_bytes());
        Ok(())
    }

    /// Seals the open block and hands it to the sink, or to the volume that the sink says comes next.
    fn close_block(&mut self) -> Result<(), JournalError> {
        if self.records == 0 {
            return Ok(());
        }
        match self.sink.make_room(self.position.bytes, (self.block.len() + HASH_BYTES) as u64) {
            Ok(Room::Here) => {}
            Ok(Room::Next(sink)) => self.turn_over(sink)?,
            Err(refusal) => {
                self.poison = Some(refusal.to_string());
                return Err(refusal);
            }
        }
        let mut header = [0; BLOCK_HEADER_BYTES];
        BlockHeader {
            payload_bytes: (self.block.len() - BLOCK_HEADER_BYTES) as u32,
            records: self.records,
            index: self.position.anchor.blocks,
            first_seq: self.first_seq,
            previous: self.position.anchor.head,
        }
        .encode(&mut header);
        self.block[..BLOCK_HEADER_BYTES].copy_from_slice(&header);
        let hash = ChainHash(*blake3::hash(&self.block).as_bytes());
        self.block.extend_from_slice(&hash.0);
        let block = std::mem::take(&mut self.block);
        let delivered = self.deliver(&block);
        self.block = block;
        delivered?;
        self.position.anchor = Anchor { blocks: self.position.anchor.blocks + 1, head: hash };
        self.closed_input_seq = self.position.last_input_seq;
        self.closed_segments = self.facts.segments.len();
        self.block.truncate(BLOCK_HEADER_BYTES);
        self.records = 0;
        Ok(())
    }

    /// Goes on in a new volume: what the old one holds is brought to the level first, since it will not be touched again.
    fn turn_over(&mut self, sink: S) -> Result<(), JournalError> {
        self.bring_to_level()?;
        let Position { volume, anchor, last_input_seq, .. } = self.position;
        let link = |volume| Link { volume, anchor, last_input_seq: self.closed_input_seq };
        let facts = RunFacts { segments: self.facts.segments[..self.closed_segments].to_vec(), ..self.facts.clone() };
        let Some(volume) = volume.checked_add(1) else { return Err(self.fail("turn over", io::Error::other("no volume number is left"))) };
        let (header, root) = encode_header(&facts, &link(volume))?;
        self.sink = sink;
        self.position = Position { volume, bytes: 0, anchor: Anchor { blocks: anchor.blocks, head: root }, last_input_seq };
        self.deliver(&header)
    }

    fn deliver(&mut self, bytes: &[u8]) -> Result<(), JournalError> {
        match self.sink.write_all(bytes) {
            Ok(()) => {
                self.position.bytes += bytes.len() as u64;
                Ok(())
            }
            Err(error) => Err(self.fail("write", error)),
        }
    }

    fn bring_to_level(&mut self) -> Result<(), JournalError> {
        if self.level >= CommitLevel::Process
            && let Err(error) = self.sink.flush()
        {
            return Err(self.fail("flush", error));
        }
        if self.level >= CommitLevel::Disk
            && let Err(error) = self.sink.sync_data()
        {
            return Err(self.fail("sync", error));
        }
        Ok(())
    }

    fn fail(&mut self, operation: &'static str, source: io::Error) -> JournalError {
        let offset = self.position.bytes;
        self.poison = Some(format!("{operation} at byte {offset}: {source}"));
        JournalError::Io { operation, offset, source }
    }
}

/// Writes length and kind before a body.
#[inline]
fn seal_record(record: &mut [u8], kind: Kind) {
    let body_bytes = (record.len() - RECORD_HEAD_BYTES) as u32;
    record[..4].copy_from_slice(&body_bytes.to_le_bytes());
    record[4] = kind as u8;
}

//! What can go wrong with a journal: where, what was expected, what was found, and how to go on.

use crate::format::Anchor;
use crate::writer::CommitLevel;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Which part of a journal does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Header of the file.
    FileHeader,
    /// Header of a block.
    BlockHeader,
    /// A block's link to the block before it.
    Chain,
    /// A block's bytes against its hash.
    BlockHash,
    /// A record.
    Record,
    /// The order of the inputs.
    Sequence,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::FileHeader => "the file header",
            Part::BlockHeader => "a block header",
            Part::Chain => "the chain between two blocks",
            Part::BlockHash => "a block's bytes",
            Part::Record => "a record",
            Part::Sequence => "the order of the inputs",
        })
    }
}

/// Why a journal could not be written, opened or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The bytes are not what was written. Never repaired in silence.
    #[error(
        "journal damaged at byte {offset} (block {block}): {part} does not hold: expected {expected}, found {found}. \
         The first {intact_bytes} bytes are intact. Restore the file from a copy, or keep the intact part and move the rest aside \
         (keep_intact), then reconcile with the venues"
    )]
    Corrupt {
        /// What does not hold.
        part: Part,
        /// Where, in bytes from the start of the file.
        offset: u64,
        /// In which block, counted from 0.
        block: u64,
        /// How many bytes from the start are proven.
        intact_bytes: u64,
        /// What should be there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// It does not begin like a journal.
    #[error("not a journal: it begins with {found}, a journal begins with \"TWJOURNL\". Check the path")]
    NotAJournal {
        /// First bytes.
        found: String,
    },
    /// The file ends within its header: a crash while it was created.
    #[error(
        "the journal ends within its header ({found} bytes of {needed}): it was never completely created, so nothing was ever \
         committed to it. Delete it and create it again"
    )]
    HeaderTorn {
        /// Bytes there are.
        found: u64,
        /// Bytes the header needs, as far as is known.
        needed: u64,
    },
    /// Written in a layout that this version does not know.
    #[error("the journal has format {found}, this version reads formats {oldest} to {newest}. Read it with the version that wrote it")]
    UnsupportedFormat {
        /// In the file.
        found: u16,
        /// Readable, the oldest.
        oldest: u16,
        /// Readable, the newest.
        newest: u16,
    },
    /// Its records are of a vocabulary that this version does not know.
    #[error("the journal's records have schema {found}, this version reads schema {supported}. Read it with the version that wrote it")]
    UnsupportedSchema {
        /// In the file.
        found: u16,
        /// Readable.
        supported: u16,
    },
    /// The journal does not contain what was anchored elsewhere.
    #[error(
        "the journal does not contain its anchor {anchor}: {found}. Committed blocks were lost or replaced: restore the file from a \
         copy before trading on it"
    )]
    AnchorMissing {
        /// What was anchored.
        anchor: Anchor,
        /// What is there instead.
        found: String,
    },
    /// The system refused.
    #[error("journal: {operation} failed at byte {offset}: {source}. Nothing after the last commit is acknowledged")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// Where, in bytes from the start of the journal.
        offset: u64,
        /// The system's word.
        #[source]
        source: io::Error,
    },
    /// An earlier write failed, so nothing more is taken.
    #[error(
        "the journal takes nothing more, because an earlier write failed: {cause}. Stop trading, make room or replace the disk, and \
         open the journal again"
    )]
    Poisoned {
        /// The first failure.
        cause: String,
    },
    /// The file cannot be created because it exists.
    #[error("{} exists already. Open it to go on with it, or choose another path", path.display())]
    Exists {
        /// Which file.
        path: PathBuf,
    },
    /// Another process writes to the file.
    #[error("{} is being written by another process. Stop that one first: a journal has one writer", path.display())]
    Locked {
        /// Which file.
        path: PathBuf,
    },
    /// The sink cannot give what the level promises.
    #[error("commit level {asked} was asked of a sink that reaches {reachable} at most. Write to a file, or ask for less")]
    LevelUnreachable {
        /// Asked for.
        asked: CommitLevel,
        /// Possible.
        reachable: CommitLevel,
    },
    /// An input came with a sequence number that is not above the last one.
    #[error("input {found} was appended after input {last}; the sequence of inputs must rise")]
    SeqNotRising {
        /// Sequence number of the last input.
        last: u64,
        /// Sequence number that was appended.
        found: u64,
    },
    /// A run of market data that is empty or leaves the number range.
    #[error("a market run from input {first_seq} over {count} events cannot be: it must hold 1 event or more and end below 2^64")]
    BadRun {
        /// Its first sequence number.
        first_seq: u64,
        /// How many events.
        count: u64,
    },
    /// A market run names a segment that nobody declared.
    #[error(
        "market data of segment {segment} was appended, but no such segment was declared. Name it in RunFacts::segments, or declare it \
         with append_segment first"
    )]
    UnknownSegment {
        /// Which one.
        segment: u32,
    },
    /// A segment's id is taken.
    #[error("segment {segment} was declared before. Ids of market data are not used twice: take the next one")]
    SegmentKnown {
        /// Which one.
        segment: u32,
    },
    /// Something is wrong with one volume of a folder.
    #[error("{}: {source}", path.display())]
    InVolume {
        /// Which file.
        path: PathBuf,
        /// What.
        #[source]
        source: Box<JournalError>,
    },
    /// A volume that must be there is not.
    #[error(
        "{} has no volume {volume}. Bring it back from the archive; or, if it is older than a snapshot in the folder, recover from that",
        folder.display()
    )]
    VolumeMissing {
        /// Which folder.
        folder: PathBuf,
        /// Number of the volume.
        volume: u32,
    },
    /// The journal has taken all the bytes that it may.
    #[error(
        "the journal in {} holds {used_bytes} bytes and {more_bytes} more are due: its budget is {budget_bytes}. Nothing after the last \
         commit is acknowledged. Raise the budget, or move volumes that a snapshot covers to the archive",
        folder.display()
    )]
    OverBudget {
        /// Which folder.
        folder: PathBuf,
        /// Bytes there are, snapshots included.
        used_bytes: u64,
        /// Bytes wanted.
        more_bytes: u64,
        /// Bytes allowed.
        budget_bytes: u64,
    },
    /// The disk is as full as the budget lets it become.
    #[error(
        "the disk under {} has {free_bytes} bytes free and {more_bytes} more are due: {reserve_bytes} are to stay free. Nothing after the \
         last commit is acknowledged. Make room on the disk, or move the journal to a larger one",
        folder.display()
    )]
    DiskNearlyFull {
        /// Which folder.
        folder: PathBuf,
        /// Bytes free for us.
        free_bytes: u64,
        /// Bytes wanted.
        more_bytes: u64,
        /// Bytes that are to stay free.
        reserve_bytes: u64,
    },
    /// A snapshot that cannot be used.
    #[error("{} is no usable snapshot: {found}. Nothing depends on it: an older one or the whole journal gives the same state", path.display())]
    BadSnapshot {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        found: String,
    },
    /// A record or header larger than the format allows.
    #[error("a record takes more than {limit} bytes. Split what it carries")]
    TooLarge {
        /// Largest size.
        limit: usize,
    },
    /// A value that cannot be expressed in bytes.
    #[error("a value cannot be encoded: {0}")]
    Encode(postcard::Error),
}

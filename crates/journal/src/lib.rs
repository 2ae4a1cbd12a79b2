//! Inputs and outcomes ↔ bytes: the log that everyone reads.
//!
//! A journal is a file header (what ran, on which data) and a chain of blocks. A block is what one commit wrote: records, each
//! with its own checksum, closed by a BLAKE3 hash over the previous block's hash and all of the block's bytes. Three laws:
//!
//! 1. **A record is yielded only from a block whose hash holds.** What a crash left of an unfinished block is dropped: the
//!    commit that would have acknowledged it never returned. An input and its outcomes are in one block, so they are there
//!    together or not at all.
//! 2. **A tear is not damage.** A file that ends before its last block does is *torn*: the rest is cut off, counted, and the
//!    journal goes on. Everything else that does not add up (a flipped bit, a broken chain, a complete last block whose hash is
//!    wrong) is [`JournalError::Corrupt`], and nothing is cut without being asked ([`keep_intact`]).
//! 3. **Market data is named, not copied.** A [`MarketRun`] refers to a range of a segment whose content hash is in the header.
//!
//! A chain cannot show that whole blocks are missing at its end; an [`Anchor`] kept elsewhere can.
//!
//! A journal is one file, or a folder of numbered *volumes* with one chain through all of them, turned over by size and kept
//! within a [`DiskBudget`]. Beside the volumes lie snapshots: someone's state at a [`Place`] of the chain, so that recovery need
//! not begin at the beginning. They are an aid and no evidence: every one of them could be made again from the volumes.
//!
//! Deliberately absent: clocks (times are arguments), chance, retries, background threads, and any meaning of the records.

mod budget;
mod decode;
mod encode;
mod entry;
mod error;
mod file;
mod folder;
mod format;
mod reader;
mod snapshot;
mod verification;
mod writer;

pub use budget::DiskBudget;
pub use entry::{Applicable, Entry, MarketRun};
pub use error::{JournalError, Part};
pub use file::{Journal, Kept, Opened, keep_intact};
pub use folder::{Chain, FolderJournal, FolderSettings, OpenedFolder, Volume, keep_intact_folder, verify_path, verify_path_anchored};
pub use format::{Anchor, ChainHash, ContentHash, FORMAT_VERSION, Link, OLDEST_FORMAT_VERSION, Place, RunFacts, SCHEMA_VERSION, Segment};
pub use reader::{Entries, Reader};
pub use snapshot::{Snapshot, read_snapshot, snapshots, write_snapshot};
pub use verification::{Verification, verify, verify_anchored};
pub use writer::{BLOCK_BYTES, CommitLevel, RECORD_BYTES_MAX, Room, Sink, Writer};

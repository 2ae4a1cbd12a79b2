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
//! Deliberately absent: clocks (times are arguments), chance, retries, background threads, and any meaning of the records.

mod decode;
mod encode;
mod entry;
mod error;
mod file;
mod format;
mod reader;
mod writer;

pub use entry::{Applicable, Entry, MarketRun};
pub use error::{JournalError, Part};
pub use file::{Journal, Kept, Opened, keep_intact, read, verify_path};
pub use format::{Anchor, ChainHash, ContentHash, FORMAT_VERSION, RunFacts, SCHEMA_VERSION, Segment};
pub use reader::{Reader, Verification, verify, verify_anchored};
pub use writer::{BLOCK_BYTES, CommitLevel, RECORD_BYTES_MAX, Sink, Writer};

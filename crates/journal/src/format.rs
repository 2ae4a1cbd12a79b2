//! The layout, version 2. All integers little-endian; nothing in it is unchecked.
//!
//! ```text
//! volume = header block*                                                          (a file; a journal is one or more)
//! header = magic "TWJOURNL" · format u16 · schema u16 · facts length u32 · crc32 of these 16 bytes u32
//!          · facts (postcard RunFacts, Link) · BLAKE3 of everything before it [32] = what the first block links to
//! block  = magic "TWBK" · payload length u32 · record count u32 · index u64 · first seq u64 · previous hash [32]
//!          · crc32 of these 60 bytes u32
//!          · payload = record*
//!          · BLAKE3 of everything in the block before it [32]                     = next link; the previous hash is within
//! record = body length u32 · kind u8 · body (postcard) · crc32 of everything in the record before it u32
//! ```
//!
//! The block header has a checksum of its own so that a flipped length is damage, and not a block that seems to end beyond the
//! file. The hash comes last, so that a block without it was never committed. The first 20 bytes stay as they are in every
//! later format.
//!
//! The link in the header names the block before the volume, so the chain runs through all volumes; block indices count on.
//! Version 1 had one volume, hence no link, and no market data declared after the start; it is read, and not written.

use crate::error::{JournalError, Part};
use serde::{Deserialize, Serialize};
use std::fmt;
use tradewind_types::Timestamp;

/// Version of the layout that is written.
pub const FORMAT_VERSION: u16 = 2;
/// Oldest version of the layout that is read.
pub const OLDEST_FORMAT_VERSION: u16 = 1;
/// Version of the records' vocabulary (the nouns of `tradewind-types` in postcard).
pub const SCHEMA_VERSION: u16 = 1;

pub(crate) const FILE_MAGIC: [u8; 8] = *b"TWJOURNL";
pub(crate) const PREAMBLE_BYTES: usize = 20;
pub(crate) const FACTS_BYTES_MAX: usize = 1 << 24;
const BLOCK_MAGIC: [u8; 4] = *b"TWBK";
pub(crate) const BLOCK_HEADER_BYTES: usize = 64;
pub(crate) const HASH_BYTES: usize = 32;
pub(crate) const PAYLOAD_BYTES_MAX: usize = 1 << 25;
/// Length and kind before a record's body.
pub(crate) const RECORD_HEAD_BYTES: usize = 5;
pub(crate) const CRC_BYTES: usize = 4;

/// Writes 32 bytes as hexadecimal digits.
fn hex(bytes: &[u8; HASH_BYTES], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// Hash of a block and, through it, of everything before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ChainHash(pub [u8; HASH_BYTES]);

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

/// BLAKE3 of a market-data segment's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ContentHash(pub [u8; HASH_BYTES]);

impl ContentHash {
    /// The hash of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

/// A point of the chain, to be kept where the journal's disk cannot lose it. Without one, blocks missing at the end go unseen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// How many blocks were written.
    pub blocks: u64,
    /// Chain hash after them.
    pub head: ChainHash,
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.blocks, self.head)
    }
}

/// A body of market data that the journal refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// What market runs call it.
    pub id: u32,
    /// For people, and to find it in the catalog.
    pub name: String,
    /// Hash of its content; a replay refuses any other.
    pub content: ContentHash,
}

/// What ran, on what: in the header of every volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFacts {
    /// Version (commit) of the code.
    pub code_version: String,
    /// Which node.
    pub node: u16,
    /// Which life of the node.
    pub epoch: u32,
    /// When the journal was created.
    pub created: Timestamp,
    /// Market data that is referred to, as far as it is known when the volume begins.
    pub segments: Vec<Segment>,
    /// The run described in full, in the words of whoever drives it (the simulator: its setup as JSON).
    pub setup: String,
}

/// Where a volume joins the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Which volume, counted from 0.
    pub volume: u32,
    /// Where the chain stood before it.
    pub anchor: Anchor,
    /// Number of the last input before it.
    pub last_input_seq: Option<u64>,
}

impl Link {
    /// The link of a journal's first volume: nothing is before it.
    pub const FIRST: Self = Self { volume: 0, anchor: Anchor { blocks: 0, head: ChainHash([0; HASH_BYTES]) }, last_input_seq: None };
}

/// A point between two blocks from which a journal can be read on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// In which volume.
    pub volume: u32,
    /// Bytes of the volume before it.
    pub offset: u64,
    /// Where the chain stands.
    pub anchor: Anchor,
    /// Number of the last input before it.
    pub last_input_seq: Option<u64>,
    /// Market data declared so far.
    pub segments: Vec<Segment>,
}

impl RunFacts {
    /// Whether market data of this id was declared.
    #[must_use]
    pub fn has_segment(&self, id: u32) -> bool {
        self.segments.iter().any(|segment| segment.id == id)
    }
}

/// A volume's header, read or written.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub facts: RunFacts,
    pub link: Link,
    /// Its own hash: what the first block links to.
    pub root: ChainHash,
    /// How long it is.
    pub bytes: u64,
}

/// A whole header in bytes, and its hash.
pub(crate) fn encode_header(facts: &RunFacts, link: &Link) -> Result<(Vec<u8>, ChainHash), JournalError> {
    let body = postcard::to_stdvec(&(facts, link)).map_err(JournalError::Encode)?;
    let too_large = JournalError::TooLarge { limit: FACTS_BYTES_MAX };
    let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= FACTS_BYTES_MAX).ok_or(too_large)?;
    let mut bytes = Vec::with_capacity(PREAMBLE_BYTES + body.len() + HASH_BYTES);
    bytes.extend_from_slice(&FILE_MAGIC);
    bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    bytes.extend_from_slice(&SCHEMA_VERSION.to_le_bytes());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    bytes.extend_from_slice(&body);
    let root = ChainHash(*blake3::hash(&bytes).as_bytes());
    bytes.extend_from_slice(&root.0);
    Ok((bytes, root))
}

/// Checks the first 20 bytes of a file; gives the format and the length of the facts.
pub(crate) fn decode_preamble(bytes: &[u8; PREAMBLE_BYTES]) -> Result<(u16, usize), JournalError> {
    if bytes[..8] != FILE_MAGIC {
        return Err(JournalError::NotAJournal { found: format!("{:?}", String::from_utf8_lossy(&bytes[..8])) });
    }
    let (expected, found) = (crc32fast::hash(&bytes[..16]), u32_at(bytes, 16));
    if expected != found {
        return Err(header_damage(0, format!("checksum {expected:08x}"), format!("{found:08x}")));
    }
    let (format, schema) = (u16_at(bytes, 8), u16_at(bytes, 10));
    if !(OLDEST_FORMAT_VERSION..=FORMAT_VERSION).contains(&format) {
        return Err(JournalError::UnsupportedFormat { found: format, oldest: OLDEST_FORMAT_VERSION, newest: FORMAT_VERSION });
    }
    if schema != SCHEMA_VERSION {
        return Err(JournalError::UnsupportedSchema { found: schema, supported: SCHEMA_VERSION });
    }
    let length = u32_at(bytes, 12) as usize;
    if length > FACTS_BYTES_MAX {
        return Err(header_damage(12, format!("facts of {FACTS_BYTES_MAX} bytes at most"), format!("{length} bytes")));
    }
    Ok((format, length))
}

/// Checks the rest of a header, given with its preamble.
pub(crate) fn decode_header(format: u16, header: &[u8]) -> Result<Header, JournalError> {
    let (hashed, stored) = header.split_at(header.len() - HASH_BYTES);
    let root = ChainHash(*blake3::hash(hashed).as_bytes());
    let found = hash_at(stored, 0);
    if root != found {
        return Err(header_damage(PREAMBLE_BYTES as u64, format!("hash {root}"), found.to_string()));
    }
    let body = &hashed[PREAMBLE_BYTES..];
    let decoded: postcard::Result<((RunFacts, Link), &[u8])> = if format == 1 {
        postcard::take_from_bytes(body).map(|(facts, rest)| ((facts, Link::FIRST), rest))
    } else {
        postcard::take_from_bytes(body)
    };
    match decoded {
        Ok(((facts, link), [])) => Ok(Header { facts, link, root, bytes: header.len() as u64 }),
        Ok((_, rest)) => Err(header_damage(PREAMBLE_BYTES as u64, "nothing after the facts".into(), format!("{} bytes", rest.len()))),
        Err(error) => Err(header_damage(PREAMBLE_BYTES as u64, "run facts".into(), error.to_string())),
    }
}

fn header_damage(offset: u64, expected: String, found: String) -> JournalError {
    JournalError::Corrupt { part: Part::FileHeader, offset, block: 0, intact_bytes: 0, expected, found }
}

/// Header of a block, without its magic and checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockHeader {
    pub payload_bytes: u32,
    pub records: u32,
    pub index: u64,
    pub first_seq: u64,
    pub previous: ChainHash,
}

impl BlockHeader {
    pub(crate) fn encode(&self, bytes: &mut [u8; BLOCK_HEADER_BYTES]) {
        bytes[..4].copy_from_slice(&BLOCK_MAGIC);
        bytes[4..8].copy_from_slice(&self.payload_bytes.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.records.to_le_bytes());
        bytes[12..20].copy_from_slice(&self.index.to_le_bytes());
        bytes[20..28].copy_from_slice(&self.first_seq.to_le_bytes());
        bytes[28..60].copy_from_slice(&self.previous.0);
        let crc = crc32fast::hash(&bytes[..60]);
        bytes[60..].copy_from_slice(&crc.to_le_bytes());
    }

    /// The header, or what was expected and what was found.
    pub(crate) fn decode(bytes: &[u8; BLOCK_HEADER_BYTES]) -> Result<Self, (String, String)> {
        if bytes[..4] != BLOCK_MAGIC {
            return Err((format!("magic {BLOCK_MAGIC:02x?}"), format!("{:02x?}", &bytes[..4])));
        }
        let (expected, found) = (crc32fast::hash(&bytes[..60]), u32_at(bytes, 60));
        if expected != found {
            return Err((format!("checksum {expected:08x}"), format!("{found:08x}")));
        }
        let header = Self {
            payload_bytes: u32_at(bytes, 4),
            records: u32_at(bytes, 8),
            index: u64_at(bytes, 12),
            first_seq: u64_at(bytes, 20),
            previous: hash_at(bytes, 28),
        };
        let smallest = u64::from(header.records) * (RECORD_HEAD_BYTES + CRC_BYTES) as u64;
        let payload = u64::from(header.payload_bytes);
        if header.records == 0 || payload < smallest || payload > PAYLOAD_BYTES_MAX as u64 {
            return Err(("records that fit the block".into(), format!("{} records in {payload} bytes", header.records)));
        }
        Ok(header)
    }
}

/// Whether these bytes can be the beginning of a block header: what a crash may leave of one.
pub(crate) fn may_begin_block(bytes: &[u8]) -> bool {
    bytes.iter().zip(BLOCK_MAGIC).all(|(found, expected)| *found == expected)
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(array_at(bytes, at))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}

pub(crate) fn hash_at(bytes: &[u8], at: usize) -> ChainHash {
    ChainHash(array_at(bytes, at))
}

/// `N` bytes at an offset that the caller has checked against the length.
fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}

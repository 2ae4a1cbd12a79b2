//! Snapshots: someone's state at a place of the chain, in a file of its own beside the volumes.
//!
//! ```text
//! file = magic "TWSTATE\0" · format u16 · schema u16 · head length u32 · state length u64 · crc32 of these 24 bytes u32
//!        · head (postcard Place, StateHash) · state (the owner's bytes, of its schema) · BLAKE3 of everything before it [32]
//! ```
//!
//! A snapshot appears under its name when it is complete and on the disk, or not at all. What its bytes mean is its owner's
//! business; the owner must find the same [`StateHash`] after loading them.

use crate::budget::DiskBudget;
use crate::error::JournalError;
use crate::file::{at_start, sync_folder};
use crate::folder::volume_path;
use crate::format::{ChainHash, HASH_BYTES, Place, hash_at, u16_at, u32_at, u64_at};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use tradewind_types::StateHash;

const MAGIC: [u8; 8] = *b"TWSTATE\0";
const FORMAT_VERSION: u16 = 1;
const PREAMBLE_BYTES: usize = 28;

/// A state and where it belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Version of the owner's vocabulary.
    pub schema: u16,
    /// Everything before this place is in the state, nothing behind it.
    pub place: Place,
    /// Digest that the owner must find after loading.
    pub hash: StateHash,
    /// The owner's bytes.
    pub state: Vec<u8>,
}

/// Writes a snapshot into a journal's folder, through to the disk; gives its path. One of the same place is replaced.
///
/// # Errors
/// What [`DiskBudget::room`] refuses; [`JournalError::Io`]. The journal is not touched in either case.
pub fn write_snapshot(folder: &Path, snapshot: &Snapshot, budget: DiskBudget) -> Result<PathBuf, JournalError> {
    let head = postcard::to_stdvec(&(&snapshot.place, snapshot.hash)).map_err(JournalError::Encode)?;
    let head_bytes = u32::try_from(head.len()).map_err(|_| JournalError::TooLarge { limit: u32::MAX as usize })?;
    let mut preamble = Vec::with_capacity(PREAMBLE_BYTES);
    preamble.extend_from_slice(&MAGIC);
    preamble.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    preamble.extend_from_slice(&snapshot.schema.to_le_bytes());
    preamble.extend_from_slice(&head_bytes.to_le_bytes());
    preamble.extend_from_slice(&(snapshot.state.len() as u64).to_le_bytes());
    preamble.extend_from_slice(&crc32fast::hash(&preamble).to_le_bytes());
    let mut hasher = blake3::Hasher::new();
    let parts = [&preamble[..], &head[..], &snapshot.state[..]];
    for part in parts {
        hasher.update(part);
    }
    budget.room(folder, (parts.iter().map(|part| part.len()).sum::<usize>() + HASH_BYTES) as u64)?;

    // A snapshot that survives a power loss must not be ahead of what survives of the journal.
    let volume = volume_path(folder, snapshot.place.volume);
    File::open(&volume).and_then(|volume| volume.sync_data()).map_err(|error| at_start("sync the journal", error))?;
    let path = folder.join(format!("snapshot-{:020}.state", snapshot.place.anchor.blocks));
    let unfinished = path.with_extension("unfinished");
    let mut file = File::create(&unfinished).map_err(|error| at_start("create a snapshot", error))?;
    let digest = hasher.finalize();
    let written = parts.into_iter().chain([&digest.as_bytes()[..]]).try_for_each(|part| file.write_all(part));
    written.and_then(|()| file.sync_all()).map_err(|error| at_start("write a snapshot", error))?;
    fs::rename(&unfinished, &path).map_err(|error| at_start("name a snapshot", error))?;
    sync_folder(&path)?;
    Ok(path)
}

/// Reads a snapshot and proves every byte of it.
///
/// # Errors
/// [`JournalError::BadSnapshot`] says what does not hold; [`JournalError::Io`].
pub fn read_snapshot(path: &Path) -> Result<Snapshot, JournalError> {
    let mut bytes = fs::read(path).map_err(|error| at_start("read a snapshot", error))?;
    let (head, state_start) = parse(&bytes).map_err(|found| JournalError::BadSnapshot { path: path.to_path_buf(), found })?;
    bytes.truncate(bytes.len() - HASH_BYTES);
    let state = bytes.split_off(state_start);
    let (schema, place, hash) = head;
    Ok(Snapshot { schema, place, hash, state })
}

type Head = (u16, Place, StateHash);

/// What a snapshot says of itself, and where its state begins.
fn parse(bytes: &[u8]) -> Result<(Head, usize), String> {
    if bytes.len() < PREAMBLE_BYTES || bytes[..8] != MAGIC {
        return Err("it does not begin like a snapshot".into());
    }
    if crc32fast::hash(&bytes[..24]) != u32_at(bytes, 24) {
        return Err("its first bytes do not match their checksum".into());
    }
    let format = u16_at(bytes, 8);
    if format != FORMAT_VERSION {
        return Err(format!("it has format {format}, this version reads format {FORMAT_VERSION}"));
    }
    let state_start = PREAMBLE_BYTES + u32_at(bytes, 12) as usize;
    let needed = u64_at(bytes, 16).saturating_add((state_start + HASH_BYTES) as u64);
    if bytes.len() as u64 != needed {
        return Err(format!("it has {} bytes of {needed}", bytes.len()));
    }
    let (hashed, stored) = bytes.split_at(bytes.len() - HASH_BYTES);
    if ChainHash(*blake3::hash(hashed).as_bytes()) != hash_at(stored, 0) {
        return Err("its bytes do not match their hash".into());
    }
    let (place, hash) = postcard::from_bytes(&hashed[PREAMBLE_BYTES..state_start]).map_err(|error| error.to_string())?;
    Ok(((u16_at(bytes, 10), place, hash), state_start))
}

/// The snapshots of a folder, the newest first. Nothing is said of their soundness.
///
/// # Errors
/// [`JournalError::Io`].
pub fn snapshots(folder: &Path) -> Result<Vec<PathBuf>, JournalError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| at_start("list the folder", error))? {
        let path = entry.map_err(|error| at_start("list the folder", error))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with("snapshot-") && name.ends_with(".state") {
            found.push(path);
        }
    }
    found.sort();
    found.reverse();
    Ok(found)
}

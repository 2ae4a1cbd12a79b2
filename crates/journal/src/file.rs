//! Journals on disk: created once, written by one process, taken up again after a crash.

use crate::entry::Entry;
use crate::error::JournalError;
use crate::format::RunFacts;
use crate::reader::Reader;
use crate::verification::{Verification, verify};
use crate::writer::{CommitLevel, Position, Writer};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// A journal in a file.
pub type Journal = Writer<File>;

/// A journal that was taken up again.
#[derive(Debug)]
pub struct Opened {
    /// Positioned after the last committed block.
    pub journal: Journal,
    /// What ran, on what.
    pub facts: RunFacts,
    /// What the journal held; `torn_bytes` of it were cut off.
    pub verification: Verification,
}

impl Writer<File> {
    /// Creates a journal; the file must not exist. It stays locked against other writers until dropped.
    ///
    /// # Errors
    /// [`JournalError::Exists`], [`JournalError::Io`], [`JournalError::TooLarge`].
    pub fn create(path: &Path, facts: &RunFacts, level: CommitLevel) -> Result<Self, JournalError> {
        let file = create_new(path)?;
        lock(&file, path)?;
        let journal = Self::new(file, facts, level)?;
        if level >= CommitLevel::Disk {
            sync_folder(path)?;
        }
        Ok(journal)
    }

    /// Takes up a journal: proves every byte, cuts off a torn tail, and goes on after the last committed block.
    ///
    /// # Errors
    /// [`JournalError::Corrupt`] and whatever else [`Reader`] finds, with the file left as it is; [`JournalError::Locked`];
    /// [`JournalError::Io`].
    pub fn open(path: &Path, level: CommitLevel) -> Result<Opened, JournalError> {
        Self::recover(path, level, |_| {})
    }

    /// As [`Self::open`], giving every committed entry to `apply` on the way. When this fails, what was applied must be discarded.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn recover(path: &Path, level: CommitLevel, mut apply: impl FnMut(Entry)) -> Result<Opened, JournalError> {
        let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(|error| at_start("open", error))?;
        lock(&file, path)?;
        let mut reader = Reader::new(BufReader::new(&file))?;
        while let Some(entry) = reader.next_entry()? {
            apply(entry);
        }
        let (facts, verification, volume) = (reader.facts().clone(), *reader.verification(), reader.link().volume);
        if verification.torn_bytes > 0 {
            cut(&file, verification.intact_bytes, level)?;
        }
        let end = SeekFrom::Start(verification.intact_bytes);
        file.seek(end).map_err(|source| JournalError::Io { operation: "seek", offset: verification.intact_bytes, source })?;
        let position = Position {
            volume,
            bytes: verification.intact_bytes,
            anchor: verification.anchor(),
            last_input_seq: verification.last_input_seq,
        };
        let journal = Self::resume(file, facts.clone(), level, position)?;
        Ok(Opened { journal, facts, verification })
    }
}

/// What was kept of a damaged journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Bytes that stayed.
    pub kept_bytes: u64,
    /// Bytes that were moved away.
    pub moved_bytes: u64,
    /// Where they are now; `None` when there was no damage to move.
    pub aside: Option<PathBuf>,
}

/// A person's answer to [`JournalError::Corrupt`]: keeps the blocks before the damage and moves everything from the damaged block
/// on to `<path>.damaged-<offset>`. Committed records may be lost to the journal by this: reconcile with the venues afterwards.
///
/// # Errors
/// The error itself when nothing at all is intact (a damaged file header); [`JournalError::Exists`] when the target is taken;
/// [`JournalError::Locked`]; [`JournalError::Io`].
pub fn keep_intact(path: &Path) -> Result<Kept, JournalError> {
    let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(|error| at_start("open", error))?;
    lock(&file, path)?;
    let kept_bytes = match verify(BufReader::new(&file)) {
        Ok(seen) => return Ok(Kept { kept_bytes: seen.intact_bytes + seen.torn_bytes, moved_bytes: 0, aside: None }),
        Err(JournalError::Corrupt { intact_bytes, .. }) if intact_bytes > 0 => intact_bytes,
        Err(error) => return Err(error),
    };
    let io_at = |operation| move |source| JournalError::Io { operation, offset: kept_bytes, source };
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".damaged-{kept_bytes}"));
    let aside = PathBuf::from(name);
    let mut target = create_new(&aside)?;
    file.seek(SeekFrom::Start(kept_bytes)).map_err(io_at("seek"))?;
    let moved_bytes = io::copy(&mut file, &mut target).map_err(io_at("copy"))?;
    target.sync_all().map_err(io_at("sync"))?;
    sync_folder(&aside)?;
    cut(&file, kept_bytes, CommitLevel::Disk)?;
    Ok(Kept { kept_bytes, moved_bytes, aside: Some(aside) })
}

/// A file that must not be there yet.
pub(crate) fn create_new(path: &Path) -> Result<File, JournalError> {
    OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => JournalError::Exists { path: path.to_path_buf() },
        _ => at_start("create", error),
    })
}

pub(crate) fn lock(file: &File, path: &Path) -> Result<(), JournalError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => JournalError::Locked { path: path.to_path_buf() },
        TryLockError::Error(error) => at_start("lock", error),
    })
}

pub(crate) fn cut(file: &File, length: u64, level: CommitLevel) -> Result<(), JournalError> {
    let cut = file.set_len(length).and_then(|()| if level >= CommitLevel::Disk { file.sync_all() } else { Ok(()) });
    cut.map_err(|source| JournalError::Io { operation: "cut", offset: length, source })
}

/// A new file survives a power loss only when its folder is on the disk too.
pub(crate) fn sync_folder(path: &Path) -> Result<(), JournalError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| at_start("sync of the folder", error))
}

pub(crate) fn at_start(operation: &'static str, source: io::Error) -> JournalError {
    JournalError::Io { operation, offset: 0, source }
}

//! A journal in a folder: numbered volumes, one chain through all of them, one writer.
//!
//! ```text
//! folder = lock · volume-00000000.journal · volume-00000001.journal · … · snapshot-….state
//! ```
//!
//! A volume that was turned over is never touched again, so it can be copied away while the journal is being written. The folder
//! may begin with any volume: what is older lies in the archive, and a snapshot covers it.

use crate::budget::DiskBudget;
use crate::entry::{Applicable, Entry};
use crate::error::JournalError;
use crate::file::{Kept, at_start, create_new, cut, keep_intact, lock, sync_folder};
use crate::format::{Anchor, Place, RunFacts};
use crate::reader::{Entries, Reader};
use crate::verification::{Verification, prove, prove_anchored};
use crate::writer::{CommitLevel, Position, Room, Sink, Writer};
use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How a folder is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FolderSettings {
    /// A volume is turned over before a block that would make it larger than this.
    pub volume_bytes: u64,
    /// What the folder may take.
    pub budget: DiskBudget,
}

impl Default for FolderSettings {
    /// Volumes of 256 MiB; the disk keeps 1 GiB free.
    fn default() -> Self {
        Self { volume_bytes: 1 << 28, budget: DiskBudget { reserve_bytes: 1 << 30, ..DiskBudget::UNLIMITED } }
    }
}

/// A journal in a folder.
pub type FolderJournal = Writer<Volume>;

/// The last volume of a folder, to which blocks are appended.
#[derive(Debug)]
pub struct Volume {
    file: File,
    folder: PathBuf,
    number: u32,
    settings: FolderSettings,
    level: CommitLevel,
    /// Bytes that may be written before folder and disk are measured again.
    allowance: u64,
    /// What a header takes, as far as it is known.
    header_bytes: u64,
    /// It has no block: it is not turned over, however small volumes are to be.
    is_fresh: bool,
    /// Held until the last volume is dropped.
    lock: Arc<File>,
}

/// Largest stretch between two looks at the disk: other programs fill it too.
const ALLOWANCE_BYTES_MAX: u64 = 1 << 24;

impl Volume {
    fn new(file: File, folder: &Path, number: u32, settings: FolderSettings, level: CommitLevel, lock: Arc<File>) -> Self {
        Self { file, folder: folder.to_path_buf(), number, settings, level, allowance: 0, header_bytes: 0, is_fresh: false, lock }
    }

    fn next(&self) -> Result<Self, JournalError> {
        let number = self.number + 1;
        let file = create_volume(&self.folder, number, self.level)?;
        let next = Self::new(file, &self.folder, number, self.settings, self.level, Arc::clone(&self.lock));
        Ok(Self { allowance: self.allowance, header_bytes: self.header_bytes, ..next })
    }

    /// The nearer the bound, the more often it is measured: half of what is left may pass unseen, and at the end none of it.
    fn allow(&mut self, bytes: u64) -> Result<(), JournalError> {
        if bytes > self.allowance {
            let room = self.settings.budget.room(&self.folder, bytes)?;
            self.allowance = (room / 2).clamp(bytes, ALLOWANCE_BYTES_MAX.max(bytes));
        }
        Ok(())
    }
}

impl Write for Volume {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.allowance = self.allowance.saturating_sub(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Sink for Volume {
    const REACHES: CommitLevel = CommitLevel::Disk;

    fn sync_data(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn make_room(&mut self, volume_bytes: u64, block_bytes: u64) -> Result<Room<Self>, JournalError> {
        let is_full = volume_bytes.saturating_add(block_bytes) > self.settings.volume_bytes;
        if self.is_fresh {
            self.header_bytes = volume_bytes;
            self.is_fresh = false;
        } else if is_full {
            self.allow(block_bytes.saturating_add(self.header_bytes))?;
            return self.next().map(Room::Next);
        }
        self.allow(block_bytes)?;
        Ok(Room::Here)
    }
}

/// A folder that was taken up again.
#[derive(Debug)]
pub struct OpenedFolder {
    /// Positioned after the last committed block.
    pub journal: FolderJournal,
    /// What was read; `torn_bytes` of it were cut off.
    pub verification: Verification,
}

impl Writer<Volume> {
    /// Creates a journal in a folder, which must be new or empty. It stays locked against other writers until dropped.
    ///
    /// # Errors
    /// [`JournalError::Exists`]; [`JournalError::OverBudget`] or [`JournalError::DiskNearlyFull`] when there is no room for one
    /// volume; [`JournalError::Locked`]; [`JournalError::Io`]; [`JournalError::TooLarge`].
    pub fn create_folder(folder: &Path, facts: &RunFacts, settings: FolderSettings, level: CommitLevel) -> Result<Self, JournalError> {
        fs::create_dir_all(folder).map_err(|error| at_start("create the folder", error))?;
        let lock = lock_folder(folder)?;
        if !volumes(folder)?.is_empty() {
            return Err(JournalError::Exists { path: folder.to_path_buf() });
        }
        settings.budget.room(folder, settings.volume_bytes)?;
        let file = create_volume(folder, 0, level)?;
        let volume = Volume { is_fresh: true, ..Volume::new(file, folder, 0, settings, level, Arc::new(lock)) };
        Self::new(volume, facts, level)
    }

    /// Takes up a journal: proves it from the place on (or all of it), cuts off a torn tail, and goes on after the last committed
    /// block. `read` is given the journal behind the place; when this fails, what was read must be discarded.
    ///
    /// # Errors
    /// Whatever `read` says and [`Chain`] finds, with all files left as they are; what [`Self::create_folder`] says of room and
    /// lock.
    pub fn recover_folder<E: From<JournalError>>(
        folder: &Path,
        from: Option<&Place>,
        settings: FolderSettings,
        level: CommitLevel,
        read: impl FnOnce(&mut Chain) -> Result<(), E>,
    ) -> Result<OpenedFolder, E> {
        let lock = lock_folder(folder)?;
        settings.budget.room(folder, settings.volume_bytes)?;
        let mut chain = match from {
            Some(place) => Chain::behind(folder, place)?,
            None => Chain::open(folder)?,
        };
        read(&mut chain)?;
        while chain.next_entry()?.is_some() {}
        Ok(Self::take_up(folder, &chain, settings, level, lock)?)
    }

    fn take_up(
        folder: &Path,
        chain: &Chain,
        settings: FolderSettings,
        level: CommitLevel,
        lock: File,
    ) -> Result<OpenedFolder, JournalError> {
        let mut verification = *chain.verification();
        if let Some(stillborn) = &chain.stillborn {
            // Its header never was complete, so nothing was committed to it; its number is needed again.
            verification.torn_bytes += fs::metadata(stillborn).map_err(|error| at_start("open", error))?.len();
            fs::remove_file(stillborn).map_err(|error| at_start("remove an unfinished volume", error))?;
        }
        let Place { volume: number, offset, anchor, last_input_seq, .. } = chain.end();
        let path = volume_path(folder, number);
        let mut file = OpenOptions::new().write(true).open(&path).map_err(|error| at_start("open", error))?;
        lock_volume(&file, &path)?;
        if chain.verification().torn_bytes > 0 {
            cut(&file, offset, level)?;
        }
        file.seek(SeekFrom::Start(offset)).map_err(|source| JournalError::Io { operation: "seek", offset, source })?;
        let volume = Volume::new(file, folder, number, settings, level, Arc::new(lock));
        let volume = Volume { header_bytes: chain.reader.header_bytes(), ..volume };
        let position = Position { volume: number, bytes: offset, anchor, last_input_seq };
        let journal = Self::resume(volume, chain.facts().clone(), level, position)?;
        Ok(OpenedFolder { journal, verification })
    }
}

fn lock_folder(folder: &Path) -> Result<File, JournalError> {
    let path = folder.join("lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(|error| at_start("lock", error))?;
    lock(&file, folder)?;
    Ok(file)
}

fn lock_volume(file: &File, path: &Path) -> Result<(), JournalError> {
    lock(file, path)
}

fn create_volume(folder: &Path, number: u32, level: CommitLevel) -> Result<File, JournalError> {
    let path = volume_path(folder, number);
    let file = create_new(&path)?;
    lock_volume(&file, &path)?;
    if level >= CommitLevel::Disk {
        sync_folder(&path)?;
    }
    Ok(file)
}

pub(crate) fn volume_path(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("volume-{number:08}.journal"))
}

/// The volumes of a folder by number.
fn volumes(folder: &Path) -> Result<Vec<(u32, PathBuf)>, JournalError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| at_start("list the folder", error))? {
        let path = entry.map_err(|error| at_start("list the folder", error))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let number = name.strip_prefix("volume-").and_then(|rest| rest.strip_suffix(".journal")).and_then(|n| n.parse().ok());
        if let Some(number) = number {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found)
}

/// A journal read from end to end, whether it is one file or a folder of volumes. Locks nothing and changes nothing.
#[derive(Debug)]
pub struct Chain {
    reader: Reader<BufReader<File>>,
    path: PathBuf,
    /// Volumes to come.
    rest: VecDeque<PathBuf>,
    /// A last volume whose header was never completed: a crash while it was turned over to.
    stillborn: Option<PathBuf>,
    is_folder: bool,
}

impl Chain {
    /// The journal at a path: a file, or a folder from its first volume on.
    ///
    /// # Errors
    /// As [`Reader::new`], of a folder within [`JournalError::InVolume`]; [`JournalError::VolumeMissing`].
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        if !path.is_dir() {
            let reader = Reader::new(open_file(path)?)?;
            return Ok(Self { reader, path: path.to_path_buf(), rest: VecDeque::new(), stillborn: None, is_folder: false });
        }
        let first = volumes(path)?.first().map_or(0, |(number, _)| *number);
        Self::from_volume(path, first, Reader::new)
    }

    /// A folder from a place on; what is before it is not read.
    ///
    /// # Errors
    /// As [`Self::open`]; [`JournalError::AnchorMissing`] where the folder does not have the place.
    pub fn behind(folder: &Path, place: &Place) -> Result<Self, JournalError> {
        Self::from_volume(folder, place.volume, |file| Reader::at(file, place))
    }

    fn from_volume(
        folder: &Path,
        first: u32,
        begin: impl FnOnce(BufReader<File>) -> Result<Reader<BufReader<File>>, JournalError>,
    ) -> Result<Self, JournalError> {
        let mut rest = VecDeque::new();
        for (number, path) in volumes(folder)?.into_iter().filter(|(number, _)| *number >= first) {
            if number as usize != first as usize + rest.len() {
                return Err(JournalError::VolumeMissing { folder: folder.to_path_buf(), volume: first + rest.len() as u32 });
            }
            rest.push_back(path);
        }
        let Some(path) = rest.pop_front() else {
            return Err(JournalError::VolumeMissing { folder: folder.to_path_buf(), volume: first });
        };
        let reader = open_file(&path).and_then(begin).map_err(|error| in_volume(&path, error))?;
        Ok(Self { reader, path, rest, stillborn: None, is_folder: true })
    }

    /// Whether the journal is here from its beginning.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.reader.verification().blocks_before == 0
    }

    /// Behind the last block that was read: where the journal ends, once the entries have come to their end.
    #[must_use]
    pub fn end(&self) -> Place {
        self.reader.end()
    }

    /// Goes on in the next volume; false where there is none.
    fn turn_over(&mut self) -> Result<bool, JournalError> {
        let Some(path) = self.rest.pop_front() else { return Ok(false) };
        match open_file(&path).and_then(|file| self.reader.follow(file)) {
            Ok(()) => {
                self.path = path;
                Ok(true)
            }
            Err(JournalError::HeaderTorn { .. }) if self.rest.is_empty() => {
                self.stillborn = Some(path);
                Ok(false)
            }
            Err(error) => Err(in_volume(&path, error)),
        }
    }
}

impl Entries for Chain {
    fn next_entry(&mut self) -> Result<Option<Entry>, JournalError> {
        loop {
            match self.reader.next_entry() {
                Ok(None) if !self.turn_over()? => return Ok(None),
                Ok(None) => {}
                Ok(entry) => return Ok(entry),
                Err(error) if self.is_folder => return Err(in_volume(&self.path, error)),
                Err(error) => return Err(error),
            }
        }
    }

    fn recover<E: From<JournalError>>(&mut self, mut apply: impl FnMut(Applicable<'_>) -> Result<(), E>) -> Result<(), E> {
        loop {
            // What `apply` says passes through as it is; the reader's errors are named by the volume.
            match self.reader.recover_volume(&mut |entry: Applicable<'_>| apply(entry).map_err(Stop::Applier)) {
                Ok(()) if self.turn_over()? => {}
                Ok(()) => return Ok(()),
                Err(Stop::Applier(error)) => return Err(error),
                Err(Stop::Reader(error)) if self.is_folder => return Err(in_volume(&self.path, error).into()),
                Err(Stop::Reader(error)) => return Err(error.into()),
            }
        }
    }

    fn facts(&self) -> &RunFacts {
        self.reader.facts()
    }

    fn verification(&self) -> &Verification {
        self.reader.verification()
    }
}

/// Who stopped a reading.
enum Stop<E> {
    Reader(JournalError),
    Applier(E),
}

impl<E> From<JournalError> for Stop<E> {
    fn from(error: JournalError) -> Self {
        Stop::Reader(error)
    }
}

impl Iterator for Chain {
    type Item = Result<Entry, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_entry().transpose()
    }
}

fn open_file(path: &Path) -> Result<BufReader<File>, JournalError> {
    Ok(BufReader::with_capacity(1 << 18, File::open(path).map_err(|error| at_start("open", error))?))
}

fn in_volume(path: &Path, error: JournalError) -> JournalError {
    JournalError::InVolume { path: path.to_path_buf(), source: Box::new(error) }
}

/// Proves every byte of a journal, file or folder, without changing it.
///
/// # Errors
/// As [`Chain::open`] and its entries.
pub fn verify_path(path: &Path) -> Result<Verification, JournalError> {
    prove(Chain::open(path)?)
}

/// As [`verify_path`], and nothing may be missing before a point that was anchored elsewhere.
///
/// # Errors
/// As [`verify_path`]; [`JournalError::AnchorMissing`].
pub fn verify_path_anchored(path: &Path, anchor: Anchor) -> Result<Verification, JournalError> {
    prove_anchored(Chain::open(path)?, anchor)
}

/// [`keep_intact`] of a folder: keeps everything before the damage, moves the damaged end of its volume aside, and renames the
/// volumes after it to `….damaged`.
///
/// # Errors
/// As [`keep_intact`].
pub fn keep_intact_folder(folder: &Path) -> Result<Kept, JournalError> {
    let _lock = lock_folder(folder)?;
    let damaged = match verify_path(folder) {
        Ok(seen) => return Ok(Kept { kept_bytes: seen.intact_bytes + seen.torn_bytes, moved_bytes: 0, aside: None }),
        Err(JournalError::InVolume { path, source }) if matches!(*source, JournalError::Corrupt { .. }) => path,
        Err(error) => return Err(error),
    };
    let mut kept = Kept { kept_bytes: 0, moved_bytes: 0, aside: None };
    let (before, from): (Vec<_>, Vec<_>) = volumes(folder)?.into_iter().partition(|(_, path)| *path < damaged);
    for (_, path) in before {
        kept.kept_bytes += fs::metadata(path).map_err(|error| at_start("open", error))?.len();
    }
    // A volume that is sound in itself but does not follow the one before it goes as a whole.
    let own = if verify_path(&damaged).is_ok() { None } else { Some(keep_intact(&damaged)?) };
    let later = usize::from(own.is_some());
    if let Some(own) = own {
        kept = Kept { kept_bytes: kept.kept_bytes + own.kept_bytes, ..own };
    }
    for (_, path) in from.into_iter().skip(later) {
        let mut name = path.clone().into_os_string();
        name.push(".damaged");
        let aside = PathBuf::from(name);
        kept.moved_bytes += fs::metadata(&path).map_err(|error| at_start("open", error))?.len();
        fs::rename(&path, &aside).map_err(|error| at_start("rename", error))?;
        kept.aside.get_or_insert(aside);
    }
    sync_folder(&damaged)?;
    Ok(kept)
}

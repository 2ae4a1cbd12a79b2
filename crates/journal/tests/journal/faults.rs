//! Disks that fill up, fail and write in pieces: nothing is acknowledged that did not arrive, and the writer stops.

use crate::vocabulary;
use std::cell::RefCell;
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;
use tradewind_journal::{Chain, CommitLevel, Entry, JournalError, Reader, Room, Sink, Writer};

/// A disk of some size that takes some bytes at a time. The test keeps the platter.
struct Disk {
    platter: Rc<RefCell<Vec<u8>>>,
    capacity: usize,
    bytes_at_a_time: usize,
    syncs_left: u32,
}

impl Disk {
    fn new(capacity: usize, bytes_at_a_time: usize, syncs_left: u32) -> (Self, Rc<RefCell<Vec<u8>>>) {
        let platter = Rc::new(RefCell::new(Vec::new()));
        (Self { platter: Rc::clone(&platter), capacity, bytes_at_a_time, syncs_left }, platter)
    }
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut platter = self.platter.borrow_mut();
        let taken = bytes.len().min(self.bytes_at_a_time).min(self.capacity - platter.len());
        if taken == 0 && self.bytes_at_a_time > 0 {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        platter.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Disk {
    const REACHES: CommitLevel = CommitLevel::Disk;

    fn sync_data(&mut self) -> io::Result<()> {
        self.syncs_left = self.syncs_left.checked_sub(1).ok_or_else(|| io::Error::other("input/output error"))?;
        Ok(())
    }
}

/// Appends and commits entry by entry until something fails; how many commits were acknowledged, and what failed.
fn write_until_failure<S: Sink>(disk: S, entries: &[Entry]) -> (usize, Option<JournalError>) {
    let mut writer = match Writer::new(disk, &vocabulary::facts(), CommitLevel::Disk) {
        Ok(writer) => writer,
        Err(error) => return (0, Some(error)),
    };
    for (acknowledged, entry) in entries.iter().enumerate() {
        if let Err(error) = writer.append(entry).and_then(|()| writer.commit()) {
            let head = writer.head();
            assert!(matches!(writer.append(entry), Err(JournalError::Poisoned { .. })));
            assert!(matches!(writer.append_market(u64::MAX, 0, 0), Err(JournalError::Poisoned { .. })));
            assert!(matches!(writer.commit(), Err(JournalError::Poisoned { .. })));
            assert_eq!(writer.head(), head);
            assert!(matches!(writer.finish(), Err(JournalError::Poisoned { .. })));
            return (acknowledged, Some(error));
        }
    }
    (entries.len(), None)
}

#[test]
fn a_disk_that_fills_up_at_any_byte_stops_the_writer_and_keeps_what_was_acknowledged() {
    let entries = &vocabulary::entries()[..6];
    let (disk, platter) = Disk::new(usize::MAX / 2, usize::MAX, u32::MAX);
    assert!(matches!(write_until_failure(disk, entries), (6, None)));
    let whole = platter.borrow().clone();
    for capacity in 0..whole.len() {
        let (disk, platter) = Disk::new(capacity, usize::MAX, u32::MAX);
        let (acknowledged, error) = write_until_failure(disk, entries);
        assert!(
            matches!(&error, Some(JournalError::Io { operation: "write", source, .. }) if source.kind() == io::ErrorKind::StorageFull),
            "{error:?}"
        );
        assert_eq!(*platter.borrow(), whole[..capacity]);
        match Reader::new(&platter.borrow()[..]) {
            Ok(reader) => assert_eq!(reader.collect::<Result<Vec<_>, _>>().unwrap(), entries[..acknowledged], "capacity {capacity}"),
            Err(error) => assert!(matches!(error, JournalError::HeaderTorn { .. }) && acknowledged == 0),
        }
    }
}

#[test]
fn a_disk_that_writes_in_pieces_gets_every_byte() {
    let entries = &vocabulary::entries()[..6];
    let mut platters = [1, 7, usize::MAX].map(|bytes_at_a_time| {
        let (disk, platter) = Disk::new(1 << 20, bytes_at_a_time, u32::MAX);
        assert!(matches!(write_until_failure(disk, entries), (6, None)));
        platter.take()
    });
    assert_eq!(platters[0], platters[2]);
    assert_eq!(std::mem::take(&mut platters[1]), platters[2]);
}

#[test]
fn a_disk_that_takes_nothing_and_says_so_politely_is_a_failure() {
    let (disk, _) = Disk::new(1 << 20, 0, u32::MAX);
    let (_, error) = write_until_failure(disk, &vocabulary::entries());
    assert!(matches!(error, Some(JournalError::Io { operation: "write", source, .. }) if source.kind() == io::ErrorKind::WriteZero));
}

#[test]
fn a_failed_sync_is_never_tried_again() {
    for syncs in 0..4 {
        let (disk, _) = Disk::new(1 << 20, usize::MAX, syncs);
        let (acknowledged, error) = write_until_failure(disk, &vocabulary::entries());
        assert!(matches!(error, Some(JournalError::Io { operation: "sync", .. })), "{error:?}");
        assert_eq!(acknowledged, syncs.saturating_sub(1) as usize, "the header takes one sync");
    }
}

/// A disk of some size that holds all volumes of a journal, and turns over after so many bytes.
struct Volumes {
    disk: Rc<RefCell<DiskState>>,
    platter: usize,
}

struct DiskState {
    platters: Vec<Vec<u8>>,
    capacity: usize,
    syncs_left: u32,
    creations_left: u32,
}

impl Write for Volumes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut disk = self.disk.borrow_mut();
        let used: usize = disk.platters.iter().map(Vec::len).sum();
        let taken = bytes.len().min(100).min(disk.capacity - used);
        if taken == 0 {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        disk.platters[self.platter].extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Volumes {
    const REACHES: CommitLevel = CommitLevel::Disk;

    fn sync_data(&mut self) -> io::Result<()> {
        let mut disk = self.disk.borrow_mut();
        disk.syncs_left = disk.syncs_left.checked_sub(1).ok_or_else(|| io::Error::other("input/output error"))?;
        Ok(())
    }

    fn make_room(&mut self, volume_bytes: u64, block_bytes: u64) -> Result<Room<Self>, JournalError> {
        if volume_bytes + block_bytes <= 700 {
            return Ok(Room::Here);
        }
        let mut disk = self.disk.borrow_mut();
        let Some(left) = disk.creations_left.checked_sub(1) else {
            let source = io::Error::from(io::ErrorKind::StorageFull);
            return Err(JournalError::Io { operation: "create", offset: 0, source });
        };
        disk.creations_left = left;
        disk.platters.push(Vec::new());
        Ok(Room::Next(Self { disk: Rc::clone(&self.disk), platter: disk.platters.len() - 1 }))
    }
}

impl Volumes {
    fn new(capacity: usize, syncs_left: u32, creations_left: u32) -> (Self, Rc<RefCell<DiskState>>) {
        let disk = Rc::new(RefCell::new(DiskState { platters: vec![Vec::new()], capacity, syncs_left, creations_left }));
        (Self { disk: Rc::clone(&disk), platter: 0 }, disk)
    }
}

/// Puts the volumes into a folder and reads them back.
fn read_back(folder: &Path, platters: &[Vec<u8>]) -> Result<Vec<Entry>, JournalError> {
    for (number, platter) in platters.iter().enumerate() {
        std::fs::write(crate::folder::volume(folder, number as u32), platter).unwrap();
    }
    Chain::open(folder)?.collect()
}

#[test]
fn a_disk_that_fails_while_volumes_are_turned_over_keeps_what_was_acknowledged() {
    let entries = vocabulary::entries();
    let entries = &entries[..30];
    let (sink, disk) = Volumes::new(usize::MAX / 2, u32::MAX, u32::MAX);
    assert!(matches!(write_until_failure(sink, entries), (30, None)));
    let whole: Vec<Vec<u8>> = disk.borrow().platters.clone();
    assert!(whole.len() >= 4, "{} volumes", whole.len());
    let folder = crate::folder::empty_folder("faults");
    assert_eq!(read_back(&folder, &whole).unwrap(), entries);
    std::fs::remove_dir_all(&folder).unwrap();
    let all_bytes: usize = whole.iter().map(Vec::len).sum();
    let full = (0..all_bytes).step_by(3).map(|capacity| (capacity, u32::MAX, u32::MAX));
    let unsynced = (0..20).map(|syncs| (usize::MAX / 2, syncs, u32::MAX));
    let uncreated = (0..whole.len() as u32 - 1).map(|creations| (usize::MAX / 2, u32::MAX, creations));
    for (capacity, syncs, creations) in full.chain(unsynced).chain(uncreated) {
        let case = format!("capacity {capacity}, {syncs} syncs, {creations} volumes");
        let (sink, disk) = Volumes::new(capacity, syncs, creations);
        let (acknowledged, error) = write_until_failure(sink, entries);
        assert!(matches!(error, Some(JournalError::Io { .. })), "{case}: {error:?}");
        std::fs::create_dir_all(&folder).unwrap();
        match read_back(&folder, &disk.borrow().platters) {
            // What was written and could not be synced may be there: it was not acknowledged, and it is whole.
            Ok(found) => assert!(found.len() >= acknowledged && found == entries[..found.len()], "{case}"),
            Err(error) => assert!(acknowledged == 0, "{case}: {error}"),
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_of_the_real_system_is_a_typed_error() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    match Writer::new(full, &vocabulary::facts(), CommitLevel::Process) {
        Err(JournalError::Io { operation: "write", offset: 0, source }) => assert_eq!(source.kind(), io::ErrorKind::StorageFull),
        other => panic!("{other:?}"),
    }
}

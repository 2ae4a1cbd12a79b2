//! Disks that fill up, fail and write in pieces: nothing is acknowledged that did not arrive, and the writer stops.

use crate::vocabulary;
use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use tradewind_journal::{CommitLevel, Entry, JournalError, Reader, Sink, Writer};

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
fn write_until_failure(disk: Disk, entries: &[Entry]) -> (usize, Option<JournalError>) {
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

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_of_the_real_system_is_a_typed_error() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    match Writer::new(full, &vocabulary::facts(), CommitLevel::Process) {
        Err(JournalError::Io { operation: "write", offset: 0, source }) => assert_eq!(source.kind(), io::ErrorKind::StorageFull),
        other => panic!("{other:?}"),
    }
}

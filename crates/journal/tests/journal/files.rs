//! Journals on disk: created once, one writer, cut where a crash tore them, left alone where they are damaged.

use crate::damage::sample;
use crate::folder::empty_folder as folder;
use crate::vocabulary;
use std::fs;
use tradewind_journal::{Chain, CommitLevel, Entry, Journal, JournalError, Part, keep_intact, verify_path};
use tradewind_types::{Control, TimerId, Timestamp};

fn timer(seq: u64) -> Entry {
    Entry::Input { seq, at: Timestamp(1), control: Control::Timer(TimerId(1)) }
}

#[test]
fn a_journal_cut_at_any_byte_goes_on_with_its_chain_intact() {
    let folder = folder("cut");
    let path = folder.join("a.journal");
    let (bytes, commits) = sample();
    let all = vocabulary::entries();
    for cut in 0..=bytes.len() {
        fs::write(&path, &bytes[..cut]).unwrap();
        let Some((length, records)) = commits.iter().rev().find(|(length, _)| *length <= cut) else {
            assert!(matches!(Journal::open(&path, CommitLevel::Process), Err(JournalError::HeaderTorn { .. })), "cut at {cut}");
            assert_eq!(fs::read(&path).unwrap(), bytes[..cut], "an error leaves the file as it is");
            continue;
        };
        let mut applied = Vec::new();
        let opened = Journal::recover(&path, CommitLevel::Process, |entry| applied.push(entry)).unwrap();
        assert_eq!(applied, all[..*records]);
        assert_eq!(opened.verification.torn_bytes, (cut - length) as u64);
        assert_eq!(opened.facts, vocabulary::facts());
        assert_eq!(fs::metadata(&path).unwrap().len(), *length as u64, "the tear is cut off when the journal is opened");
        let mut journal = opened.journal;
        all[*records..26].iter().for_each(|entry| journal.append(entry).unwrap());
        journal.commit().unwrap();
        let seen = verify_path(&path).unwrap();
        assert_eq!((seen.records, seen.torn_bytes, seen.head), (26, 0, journal.head()));
        let entries: Vec<Entry> = Chain::open(&path).unwrap().collect::<Result<_, _>>().unwrap();
        assert_eq!(entries, all[..26], "cut at {cut}");
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_journal_with_any_flipped_byte_is_not_opened_and_not_changed() {
    let folder = folder("flip");
    let path = folder.join("a.journal");
    let (bytes, _) = sample();
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(&path, &flipped).unwrap();
        let error = Journal::open(&path, CommitLevel::Process).unwrap_err();
        assert!(matches!(error, JournalError::Corrupt { .. } | JournalError::NotAJournal { .. }), "byte {at}: {error}");
        assert_eq!(fs::read(&path).unwrap(), flipped, "byte {at}");
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn taking_up_a_journal_gives_the_bytes_that_one_writer_would_have_given() {
    let folder = folder("resume");
    let (interrupted, whole) = (folder.join("interrupted.journal"), folder.join("whole.journal"));
    let all = vocabulary::entries();
    let mut one = Journal::create(&whole, &vocabulary::facts(), CommitLevel::Memory).unwrap();
    drop(Journal::create(&interrupted, &vocabulary::facts(), CommitLevel::Disk).unwrap());
    for entries in all.chunks(30) {
        let mut opened = Journal::open(&interrupted, CommitLevel::Disk).unwrap();
        for journal in [&mut one, &mut opened.journal] {
            entries.iter().for_each(|entry| journal.append(entry).unwrap());
            journal.commit().unwrap();
        }
        opened.journal.append(&timer(u64::MAX)).unwrap();
    }
    assert!(fs::read(&interrupted).unwrap() == fs::read(&whole).unwrap());
    let last = verify_path(&whole).unwrap().last_input_seq.unwrap();
    let mut opened = Journal::open(&interrupted, CommitLevel::Process).unwrap();
    assert!(matches!(opened.journal.append(&timer(last)), Err(JournalError::SeqNotRising { .. })), "numbers rise across restarts");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_journal_has_one_writer_and_is_created_once() {
    let folder = folder("lock");
    let path = folder.join("a.journal");
    let mut journal = Journal::create(&path, &vocabulary::facts(), CommitLevel::Process).unwrap();
    assert!(matches!(Journal::open(&path, CommitLevel::Process), Err(JournalError::Locked { .. })));
    assert!(matches!(keep_intact(&path), Err(JournalError::Locked { .. })));
    assert!(matches!(Journal::create(&path, &vocabulary::facts(), CommitLevel::Process), Err(JournalError::Exists { .. })));
    journal.append(&timer(1)).unwrap();
    assert_eq!(verify_path(&path).unwrap().records, 0, "not committed, not there");
    journal.commit().unwrap();
    assert_eq!(verify_path(&path).unwrap().records, 1, "readers need no lock");
    drop(journal);
    Journal::open(&path, CommitLevel::Process).unwrap();
    assert!(matches!(Journal::open(&folder.join("none"), CommitLevel::Process), Err(JournalError::Io { operation: "open", .. })));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn keeping_the_intact_part_moves_the_damage_aside_and_loses_no_byte() {
    let folder = folder("keep");
    let path = folder.join("a.journal");
    let (mut bytes, commits) = sample();
    fs::write(&path, &bytes).unwrap();
    assert_eq!(keep_intact(&path).unwrap().aside, None, "nothing is moved of a sound journal");
    bytes[commits[2].0 + 70] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let kept = keep_intact(&path).unwrap();
    assert_eq!((kept.kept_bytes as usize, kept.moved_bytes as usize), (commits[2].0, bytes.len() - commits[2].0));
    let aside = kept.aside.unwrap();
    assert_eq!([fs::read(&path).unwrap(), fs::read(&aside).unwrap()].concat(), bytes);
    assert_eq!(Journal::open(&path, CommitLevel::Disk).unwrap().verification.records as usize, commits[2].1);
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(keep_intact(&path), Err(JournalError::Exists { path }) if path == aside), "evidence is not overwritten");
    assert_eq!(fs::read(&path).unwrap(), bytes);
    bytes[25] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(keep_intact(&path), Err(JournalError::Corrupt { part: Part::FileHeader, .. })), "nothing is intact");
    fs::remove_dir_all(folder).unwrap();
}

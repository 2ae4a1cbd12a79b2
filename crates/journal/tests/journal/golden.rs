//! The formats as they were first written: files that every later version must read to the same entries and the same head. The
//! format of today must also be written to the byte.
//!
//! They change only with the schema or format version: `cargo test -p tradewind-journal -- --ignored regenerate`.

use crate::folder::empty_folder;
use crate::layout::{Layout, record, text, varint};
use crate::vocabulary;
use std::fs;
use std::path::{Path, PathBuf};
use tradewind_journal::{
    Chain, CommitLevel, ContentHash, DiskBudget, Entries, Entry, FolderJournal, FolderSettings, Journal, MarketRun, Reader, RunFacts,
    Segment, Writer, verify_path,
};
use tradewind_types::{StateHash, Timestamp};

const HEAD_OF_FORMAT_1: &str = include_str!("../golden/v1.head");
const HEAD: &str = include_str!("../golden/v2.head");
/// Commits fall after every so many entries.
const ENTRIES_PER_COMMIT: usize = 40;
/// The volumes of the golden folder.
const VOLUMES: [&str; 2] = ["volume-00000000.journal", "volume-00000001.journal"];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn write_folder(folder: &Path) {
    let settings = FolderSettings { volume_bytes: 9_000, budget: DiskBudget::UNLIMITED };
    let mut journal = FolderJournal::create_folder(folder, &vocabulary::facts(), settings, CommitLevel::Process).unwrap();
    for entries in vocabulary::every_entry().chunks(ENTRIES_PER_COMMIT) {
        entries.iter().for_each(|entry| journal.append(entry).unwrap());
        journal.commit().unwrap();
    }
}

#[test]
fn the_sample_has_every_word() {
    vocabulary::assert_complete();
}

#[test]
fn the_golden_file_of_format_1_reads_to_the_exact_entries_and_head() {
    let bytes = fs::read(golden("v1.journal")).unwrap();
    let mut reader = Reader::new(&bytes[..]).unwrap();
    assert_eq!(*reader.facts(), vocabulary::facts());
    let entries: Vec<Entry> = reader.by_ref().collect::<Result<_, _>>().unwrap();
    assert_eq!(entries, vocabulary::entries_of_format_1());
    let seen = *reader.verification();
    assert_eq!(seen, verify_path(&golden("v1.journal")).unwrap());
    assert_eq!(seen.head.to_string(), HEAD_OF_FORMAT_1.trim_end());
    assert_eq!(seen.blocks as usize, entries.len().div_ceil(ENTRIES_PER_COMMIT));
    assert_eq!((seen.records as usize, seen.inputs as usize), (entries.len(), vocabulary::controls().len()));
    assert_eq!((seen.outcomes as usize, seen.market_runs as usize), (vocabulary::outcomes().len(), vocabulary::outcomes().len() + 1));
    assert_eq!((seen.state_hashes, seen.ends, seen.torn_bytes, seen.intact_bytes), (1, 1, 0, bytes.len() as u64));
}

#[test]
fn a_journal_of_format_1_recovers_and_goes_on() {
    let folder = empty_folder("old-format");
    let path = folder.join("old.journal");
    fs::copy(golden("v1.journal"), &path).unwrap();
    let mut recovered = Vec::new();
    let mut opened = Journal::recover(&path, CommitLevel::Process, |entry| recovered.push(entry)).unwrap();
    assert_eq!(recovered, vocabulary::entries_of_format_1());
    let more = Entry::End { seq: opened.journal.last_input_seq().unwrap() };
    opened.journal.append(&more).unwrap();
    opened.journal.commit().unwrap();
    let entries: Vec<Entry> = Chain::open(&path).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(entries, [recovered, vec![more]].concat());
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_golden_folder_reads_to_the_exact_entries_and_head() {
    let mut chain = Chain::open(&golden("v2")).unwrap();
    assert_eq!(*chain.facts(), vocabulary::facts());
    let entries: Vec<Entry> = chain.by_ref().collect::<Result<_, _>>().unwrap();
    assert_eq!(entries, vocabulary::every_entry());
    let seen = *chain.verification();
    assert_eq!(seen, verify_path(&golden("v2")).unwrap());
    assert_eq!((seen.head.to_string().as_str(), seen.volumes, seen.segments), (HEAD.trim_end(), VOLUMES.len() as u64, 1));
}

#[test]
fn the_same_entries_give_the_same_bytes() {
    let folder = empty_folder("golden");
    write_folder(&folder);
    let written = Chain::open(&folder).unwrap().count();
    assert_eq!(written, vocabulary::every_entry().len());
    for volume in VOLUMES {
        let same = fs::read(folder.join(volume)).unwrap() == fs::read(golden("v2").join(volume)).unwrap();
        assert!(same, "today's writer and the golden {volume} differ");
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), VOLUMES.len() + 1, "the volumes and the lock");
    fs::remove_dir_all(folder).unwrap();
}

/// Facts in bytes. Postcard: fields in order, unsigned as varints, signed zigzag, byte arrays as they are.
fn facts_bytes(segments: &[Vec<u8>]) -> Vec<u8> {
    let segments = [varint(segments.len() as u128), segments.concat()].concat();
    [text("abc"), varint(300), varint(2), varint(1), segments, text("{}")].concat()
}

fn segment_bytes(id: u128, name: &str, content: u8) -> Vec<u8> {
    [varint(id), text(name), vec![content; 32]].concat()
}

#[test]
fn the_layout_is_the_documented_one() {
    let facts = RunFacts {
        code_version: "abc".into(),
        node: 300,
        epoch: 2,
        created: Timestamp(-1),
        segments: vec![Segment { id: 5, name: "data".into(), content: ContentHash([3; 32]) }],
        setup: "{}".into(),
    };
    let folder = empty_folder("layout");
    let settings = FolderSettings { volume_bytes: 1, budget: DiskBudget::UNLIMITED };
    let mut writer = FolderJournal::create_folder(&folder, &facts, settings, CommitLevel::Process).unwrap();
    writer.append(&Entry::MarketRun(MarketRun { first_seq: 130, segment: 5, first: 0, count: 2 })).unwrap();
    let more = Segment { id: 300, name: "more".into(), content: ContentHash([4; 32]) };
    writer.append(&Entry::Segment { seq: 131, segment: more }).unwrap();
    writer.append(&Entry::StateHash { seq: 131, hash: StateHash([9; 32]) }).unwrap();
    writer.commit().unwrap();
    writer.append(&Entry::MarketRun(MarketRun { first_seq: 132, segment: 300, first: 7, count: 1 })).unwrap();
    writer.append(&Entry::End { seq: 132 }).unwrap();
    writer.commit().unwrap();

    let (data, more) = (segment_bytes(5, "data", 3), segment_bytes(300, "more", 4));
    let mut naive = Layout::new(&facts_bytes(std::slice::from_ref(&data)));
    let run = |first: u128, segment: u128, at: u128, count: u128| {
        record(3, &[varint(first), varint(segment), varint(at), varint(count)].concat())
    };
    let declared = record(6, &[varint(131), more.clone()].concat());
    let hash = record(4, &[varint(131), vec![9; 32]].concat());
    naive.block(130, 3, &[run(130, 5, 0, 2), declared, hash].concat());
    assert!(fs::read(folder.join(VOLUMES[0])).unwrap() == naive.bytes);
    let mut naive = naive.next(1, &facts_bytes(&[data, more]), Some(131));
    naive.block(132, 2, &[run(132, 300, 7, 1), record(5, &varint(132))].concat());
    assert!(fs::read(folder.join(VOLUMES[1])).unwrap() == naive.bytes);
    assert_eq!((writer.head().0, writer.anchor().blocks), (naive.head, 2));
    drop(writer);
    fs::remove_dir_all(folder).unwrap();
}

/// What the first version wrote, put together by the naive layout: only the blocks are taken from today's writer.
fn written_in_format_1() -> (Vec<u8>, [u8; 32]) {
    let mut journal = Layout::of_format_1(&postcard::to_stdvec(&vocabulary::facts()).unwrap());
    for entries in vocabulary::entries_of_format_1().chunks(ENTRIES_PER_COMMIT) {
        let mut writer = Writer::in_memory(&vocabulary::facts()).unwrap();
        let start = writer.place().offset as usize + 64;
        entries.iter().for_each(|entry| writer.append(entry).unwrap());
        let bytes = writer.finish().unwrap();
        journal.block(entries[0].seq(), entries.len() as u32, &bytes[start..bytes.len() - 32]);
    }
    (journal.bytes, journal.head)
}

#[test]
fn the_naive_layout_gives_the_golden_file_of_format_1() {
    assert!(written_in_format_1().0 == fs::read(golden("v1.journal")).unwrap());
}

#[test]
#[ignore = "rewrites the golden files"]
fn regenerate() {
    let (bytes, head) = written_in_format_1();
    fs::write(golden("v1.journal"), bytes).unwrap();
    let digits: String = head.iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(golden("v1.head"), format!("{digits}\n")).unwrap();
    let folder = empty_folder("regenerated");
    write_folder(&folder);
    fs::create_dir_all(golden("v2")).unwrap();
    for volume in VOLUMES {
        fs::copy(folder.join(volume), golden("v2").join(volume)).unwrap();
    }
    let head = verify_path(&folder).unwrap().head;
    fs::write(golden("v2.head"), format!("{head}\n")).unwrap();
    fs::remove_dir_all(folder).unwrap();
}

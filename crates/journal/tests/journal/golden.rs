//! Format v1 as it was first written: a file that every later version must read to the same entries and the same head, and that
//! this version must write to the byte.
//!
//! File and head change only with the schema or format version: `cargo test -p tradewind-journal -- --ignored regenerate`.

use crate::layout::{Layout, record, text, varint};
use crate::vocabulary;
use std::path::PathBuf;
use tradewind_journal::{ContentHash, Entry, MarketRun, Reader, RunFacts, Segment, Writer, verify_path};
use tradewind_types::{StateHash, Timestamp};

const HEAD: &str = include_str!("../golden/v1.head");
/// Commits fall after every so many entries.
const ENTRIES_PER_COMMIT: usize = 40;

fn golden_path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1.journal")
}

fn written() -> Vec<u8> {
    let mut writer = Writer::in_memory(&vocabulary::facts()).unwrap();
    for entries in vocabulary::entries().chunks(ENTRIES_PER_COMMIT) {
        entries.iter().for_each(|entry| writer.append(entry).unwrap());
        writer.commit().unwrap();
    }
    writer.finish().unwrap()
}

#[test]
fn the_sample_has_every_word() {
    vocabulary::assert_complete();
}

#[test]
fn the_golden_file_reads_to_the_exact_entries_and_head() {
    let bytes = std::fs::read(golden_path()).unwrap();
    let mut reader = Reader::new(&bytes[..]).unwrap();
    assert_eq!(*reader.facts(), vocabulary::facts());
    let entries: Vec<Entry> = reader.by_ref().collect::<Result<_, _>>().unwrap();
    assert_eq!(entries, vocabulary::entries());
    let seen = *reader.verification();
    assert_eq!(seen, verify_path(&golden_path()).unwrap());
    assert_eq!(seen.head.to_string(), HEAD.trim_end());
    assert_eq!(seen.blocks as usize, entries.len().div_ceil(ENTRIES_PER_COMMIT));
    assert_eq!((seen.records as usize, seen.inputs as usize), (entries.len(), vocabulary::controls().len()));
    assert_eq!((seen.outcomes as usize, seen.market_runs as usize), (vocabulary::outcomes().len(), vocabulary::outcomes().len() + 1));
    assert_eq!((seen.state_hashes, seen.ends, seen.torn_bytes, seen.intact_bytes), (1, 1, 0, bytes.len() as u64));
}

#[test]
fn the_same_entries_give_the_same_bytes() {
    assert!(written() == std::fs::read(golden_path()).unwrap(), "today's writer and the golden file differ");
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
    let mut writer = Writer::in_memory(&facts).unwrap();
    writer.append(&Entry::MarketRun(MarketRun { first_seq: 130, segment: 5, first: 0, count: 2 })).unwrap();
    writer.append(&Entry::StateHash { seq: 131, hash: StateHash([9; 32]) }).unwrap();
    writer.commit().unwrap();
    writer.append(&Entry::End { seq: 131 }).unwrap();
    writer.commit().unwrap();
    let head = writer.head();

    // Postcard: fields in order, unsigned as varints, signed zigzag, byte arrays as they are.
    let segments = [varint(1), varint(5), text("data"), vec![3; 32]].concat();
    let facts = [text("abc"), varint(300), varint(2), varint(1), segments, text("{}")].concat();
    let mut naive = Layout::new(&facts);
    let run = record(3, &[varint(130), varint(5), varint(0), varint(2)].concat());
    let hash = record(4, &[varint(131), vec![9; 32]].concat());
    naive.block(130, 2, &[run, hash].concat());
    naive.block(131, 1, &record(5, &varint(131)));
    assert_eq!(writer.finish().unwrap(), naive.bytes);
    assert_eq!(head.0, naive.head);
}

#[test]
#[ignore = "rewrites the golden file"]
fn regenerate() {
    std::fs::write(golden_path(), written()).unwrap();
    let head = verify_path(&golden_path()).unwrap().head;
    std::fs::write(golden_path().with_extension("head"), format!("{head}\n")).unwrap();
}

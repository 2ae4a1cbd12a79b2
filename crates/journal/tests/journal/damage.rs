//! Whatever happens to the bytes, a reader says so: a cut is a tear of the right size, any other change is an error, and what it
//! gives out before is what was committed.

use crate::layout::{Layout, record, text, varint};
use crate::vocabulary;
use proptest::prelude::*;
use tradewind_journal::{
    Anchor, Applicable, ChainHash, Entries, Entry, JournalError, Part, Reader, Verification, Writer, verify, verify_anchored,
};
use tradewind_types::{Control, Timestamp};

/// How many records there are after each commit of the sample.
const RECORDS: [usize; 5] = [0, 1, 3, 9, 24];

/// A journal of the first entries of the vocabulary, with these commits.
fn written(records: &[usize]) -> Vec<u8> {
    let all = vocabulary::entries();
    let mut writer = Writer::in_memory(&vocabulary::facts()).unwrap();
    for commit in records.windows(2) {
        all[commit[0]..commit[1]].iter().for_each(|entry| writer.append(entry).unwrap());
        writer.commit().unwrap();
    }
    writer.finish().unwrap()
}

/// A small journal of several blocks, and how many bytes and records there are after each commit (the header being the first).
pub fn sample() -> (Vec<u8>, Vec<(usize, usize)>) {
    let commits = (1..=RECORDS.len()).map(|n| (written(&RECORDS[..n]).len(), RECORDS[n - 1])).collect();
    (written(&RECORDS), commits)
}

/// The entries before the end or the first error, and that error.
fn read_all(bytes: &[u8]) -> (Vec<Entry>, Result<u64, JournalError>) {
    let mut reader = match Reader::new(bytes) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Err(error)),
    };
    let mut entries = Vec::new();
    let end = loop {
        match reader.next_entry() {
            Ok(Some(entry)) => entries.push(entry),
            Ok(None) => break Ok(reader.verification().torn_bytes),
            Err(error) => {
                assert!(reader.next_entry().unwrap().is_none(), "a reader gives nothing after an error");
                break Err(error);
            }
        }
    };
    assert_recovered(bytes, &entries, &end, reader.verification());
    (entries, end)
}

/// Recovery is lent the outcomes and state hashes among the entries and ends where they end; only the body of an input it does
/// not take apart.
fn assert_recovered(bytes: &[u8], entries: &[Entry], end: &Result<u64, JournalError>, seen: &Verification) {
    let mut reader = Reader::new(bytes).unwrap();
    let mut lent = Vec::new();
    let recovered: Result<(), JournalError> = reader.recover(|entry| {
        lent.push(match entry {
            Applicable::Outcome { seq, outcome } => Entry::Outcome { seq, outcome: outcome.clone() },
            Applicable::StateHash { seq, hash } => Entry::StateHash { seq, hash },
        });
        Ok(())
    });
    let wanted: Vec<&Entry> = entries.iter().filter(|e| matches!(e, Entry::Outcome { .. } | Entry::StateHash { .. })).collect();
    assert!(lent.iter().zip(&wanted).all(|(lent, wanted)| lent == *wanted) && lent.len() >= wanted.len());
    match (recovered, end) {
        (Ok(()), Ok(_)) => assert_eq!((lent.len(), reader.verification()), (wanted.len(), seen)),
        (Err(found), Err(expected)) => assert_eq!(found.to_string(), expected.to_string()),
        (recovered, Err(JournalError::Corrupt { part: Part::Record, .. })) => assert!(recovered.is_ok(), "{recovered:?}"),
        (recovered, end) => panic!("recovery: {recovered:?}, entries: {end:?}"),
    }
}

#[test]
fn a_cut_at_every_byte_is_a_tear_of_exactly_the_unfinished_block() {
    let (bytes, commits) = sample();
    let all = vocabulary::entries();
    for cut in 0..=bytes.len() {
        let (entries, end) = read_all(&bytes[..cut]);
        match commits.iter().rev().find(|(length, _)| *length <= cut) {
            Some((length, records)) => {
                assert_eq!(entries, all[..*records], "cut at {cut}");
                assert_eq!(end.unwrap(), (cut - length) as u64, "cut at {cut}");
            }
            None => assert!(matches!(end, Err(JournalError::HeaderTorn { found, .. }) if found == cut as u64), "cut at {cut}"),
        }
    }
}

/// An input without its outcomes would be applied by half: an algo that woke and set no timer, a halt that cancelled nothing.
#[test]
fn a_cut_leaves_an_input_with_all_of_its_outcomes_or_nothing_of_it() {
    let (inputs, outcomes) = (6, 4);
    let mut writer = Writer::in_memory(&vocabulary::facts()).unwrap().with_block_bytes(1);
    for seq in 1..=inputs {
        writer.append_input(seq, Timestamp(5), &vocabulary::controls()[seq as usize]).unwrap();
        vocabulary::outcomes()[..outcomes].iter().for_each(|outcome| writer.append_outcome(seq, outcome).unwrap());
    }
    writer.commit().unwrap();
    let bytes = writer.finish().unwrap();
    assert_eq!(verify(&bytes[..]).unwrap().blocks, inputs, "a full block is closed before the next input");
    for cut in 0..bytes.len() {
        let (entries, _) = read_all(&bytes[..cut]);
        assert_eq!(entries.len() % (1 + outcomes), 0, "cut at {cut}");
    }
}

#[test]
fn a_cut_whose_rest_is_zeros_is_a_tear_too_where_no_block_had_begun() {
    let (bytes, commits) = sample();
    for zeros in [1, 63, 64, 65, 200_000] {
        for (length, records) in &commits {
            let lengthened = [&bytes[..*length], &vec![0; zeros]].concat();
            let (entries, end) = read_all(&lengthened);
            assert_eq!((entries.len(), end.unwrap()), (*records, zeros as u64));
            let then_data = [lengthened, vec![1]].concat();
            assert!(matches!(read_all(&then_data).1, Err(JournalError::Corrupt { part: Part::BlockHeader, .. })));
        }
    }
}

#[test]
fn a_flip_of_every_bit_is_an_error_that_names_the_place() {
    let (bytes, commits) = sample();
    let all = vocabulary::entries();
    let mut flipped = bytes.clone();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            flipped[at] ^= 1 << bit;
            let (entries, end) = read_all(&flipped);
            let intact = commits.iter().rev().find(|(length, _)| *length <= at);
            match (end, intact) {
                (Err(JournalError::Corrupt { offset, intact_bytes, .. }), Some((length, records))) => {
                    assert_eq!((intact_bytes, entries.len()), (*length as u64, *records), "byte {at} bit {bit}");
                    assert!((*length as u64..=at as u64).contains(&offset), "byte {at} bit {bit}: said to be at {offset}");
                    assert_eq!(entries, all[..*records]);
                }
                (Err(JournalError::Corrupt { part: Part::FileHeader, .. } | JournalError::NotAJournal { .. }), None) => {}
                (end, _) => panic!("byte {at} bit {bit}: {end:?}"),
            }
            flipped[at] ^= 1 << bit;
        }
    }
}

#[test]
fn blocks_out_of_place_break_the_chain() {
    let (bytes, commits) = sample();
    let block = |n: usize| &bytes[commits[n].0..commits[n + 1].0];
    let header = &bytes[..commits[0].0];
    let cases = [
        ("one is missing", [header, block(0), block(2), block(3)].concat()),
        ("the first is missing", [header, block(1), block(2), block(3)].concat()),
        ("two are swapped", [header, block(0), block(2), block(1), block(3)].concat()),
        ("one is repeated", [header, block(0), block(0), block(1)].concat()),
    ];
    for (case, bytes) in cases {
        let error = verify(&bytes[..]).unwrap_err();
        assert!(matches!(error, JournalError::Corrupt { part: Part::Chain, .. }), "{case}: {error}");
    }
    let other = Writer::in_memory(&tradewind_journal::RunFacts { epoch: 4, ..vocabulary::facts() }).unwrap().finish().unwrap();
    let error = verify(&[&other, block(0)].concat()[..]).unwrap_err();
    assert!(matches!(error, JournalError::Corrupt { part: Part::Chain, .. }), "a block of another journal: {error}");
}

#[test]
fn an_anchor_shows_missing_blocks_that_the_chain_cannot_show() {
    let (bytes, commits) = sample();
    let anchor = verify(&bytes[..]).unwrap().anchor();
    assert_eq!(verify_anchored(&bytes[..], anchor).unwrap().anchor(), anchor);
    let shorter = &bytes[..commits[3].0];
    let earlier = verify(shorter).unwrap();
    assert_eq!((earlier.torn_bytes, earlier.blocks), (0, 3));
    assert!(matches!(verify_anchored(shorter, anchor), Err(JournalError::AnchorMissing { .. })));
    assert_eq!(verify_anchored(&bytes[..], earlier.anchor()).unwrap().blocks, 4);
    let replaced = Anchor { head: ChainHash([0; 32]), ..anchor };
    assert!(matches!(verify_anchored(&bytes[..], replaced), Err(JournalError::AnchorMissing { .. })));
}

/// Header facts naming segment 5, in bytes.
fn facts() -> Vec<u8> {
    let segments = [varint(1), varint(5), text("data"), vec![3; 32]].concat();
    [text("v"), varint(1), varint(1), varint(0), segments, text("")].concat()
}

#[test]
fn blocks_that_no_writer_writes_are_refused_though_their_hashes_hold() {
    let run = |first: u128, segment: u128, count: u128| record(3, &[varint(first), varint(segment), varint(0), varint(count)].concat());
    let end = record(5, &varint(7));
    let segment = |id: u128| record(6, &[varint(7), varint(id), text("more"), vec![4; 32]].concat());
    let cases: [(&str, Part, u64, u32, Vec<u8>); 11] = [
        ("unknown kind", Part::Record, 7, 1, record(7, &varint(7))),
        ("kind 0", Part::Record, 7, 1, record(0, &varint(7))),
        ("longer body than its value", Part::Record, 7, 1, record(5, &[7, 0])),
        ("shorter body than its value", Part::Record, 7, 1, record(5, &[0x80])),
        ("fewer records than said", Part::Record, 7, 2, [end.clone(), vec![0; 9]].concat()),
        ("more bytes than records", Part::Record, 7, 1, [end.clone(), end.clone()].concat()),
        ("another first number", Part::BlockHeader, 8, 1, end.clone()),
        ("an empty run", Part::Record, 7, 1, run(7, 5, 0)),
        ("a run of an unknown segment", Part::Record, 7, 1, run(7, 6, 1)),
        ("a segment that is known", Part::Record, 7, 1, segment(5)),
        ("inputs that do not rise", Part::Sequence, 7, 2, [run(7, 5, 3), run(9, 5, 1)].concat()),
    ];
    for (case, expected, first_seq, records, payload) in cases {
        let mut journal = Layout::new(&facts());
        journal.block(first_seq, records, &payload);
        match verify(&journal.bytes[..]) {
            Err(JournalError::Corrupt { part, .. }) => assert_eq!(part, expected, "{case}"),
            other => panic!("{case}: {other:?}"),
        }
    }
    let mut beyond = Layout::new(&facts());
    beyond.block(u64::MAX, 1, &run(u128::from(u64::MAX), 5, 2));
    assert!(verify(&beyond.bytes[..]).is_err(), "a run beyond the number range");
    let mut empty = Layout::new(&facts());
    empty.block(0, 0, &[]);
    assert!(verify(&empty.bytes[..]).is_err(), "an empty block");
    let mut good = Layout::new(&facts());
    good.block(7, 4, &[run(7, 5, 3), segment(6), run(10, 6, 4), end].concat());
    assert_eq!(verify(&good.bytes[..]).unwrap().market_events, 7);
}

#[test]
fn a_later_format_or_schema_is_named_as_such() {
    let (bytes, _) = sample();
    for (at, is_format) in [(8, true), (10, false)] {
        let mut later = bytes.clone();
        later[at] += 1;
        let crc = crate::layout::crc32(&later[..16]);
        later[16..20].copy_from_slice(&crc.to_le_bytes());
        match verify(&later[..]) {
            Err(error @ JournalError::UnsupportedFormat { found: 3, oldest: 1, newest: 2 }) => {
                assert!(is_format && error.to_string().contains("Read it with the version that wrote it"), "{error}");
            }
            Err(error @ JournalError::UnsupportedSchema { found: 2, supported: 1 }) => {
                assert!(!is_format && error.to_string().contains("Read it with the version that wrote it"), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn errors_fit_a_screen_and_say_how_to_go_on() {
    let (mut bytes, commits) = sample();
    bytes[commits[2].0 + 100] ^= 4;
    let error = verify(&bytes[..]).unwrap_err().to_string();
    for needed in ["block 2", "expected", "found", "Restore", "keep_intact"] {
        assert!(error.contains(needed), "{error}");
    }
    assert!(error.len() < 800, "{error}");
}

#[test]
fn a_single_record_of_a_damaged_block_is_pointed_at() {
    let start = written(&[0]).len() + 64;
    let mut writer = Writer::in_memory(&vocabulary::facts()).unwrap();
    for seq in 0..3 {
        writer.append_input(seq, Timestamp(0), &Control::Timer(tradewind_types::TimerId(1))).unwrap();
    }
    let mut bytes = writer.finish().unwrap();
    let record_bytes = 5 + 4 + 4;
    bytes[start + record_bytes + 6] ^= 1;
    match verify(&bytes[..]) {
        Err(JournalError::Corrupt { part: Part::BlockHash, offset, .. }) => assert_eq!(offset as usize, start + record_bytes),
        other => panic!("{other:?}"),
    }
}

/// Some damage: cut, flip, insert, remove, repeat.
#[derive(Clone, Debug)]
enum Damage {
    Cut(prop::sample::Index),
    Set(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index, u8),
    Repeat(prop::sample::Index, prop::sample::Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let index = || any::<prop::sample::Index>();
    prop_oneof![
        index().prop_map(Damage::Cut),
        (index(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        (index(), prop::collection::vec(any::<u8>(), 1..200)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        (index(), any::<u8>()).prop_map(|(at, length)| Damage::Remove(at, length)),
        (index(), index()).prop_map(|(from, to)| Damage::Repeat(from, to)),
    ]
}

fn apply(bytes: &mut Vec<u8>, damage: Damage) {
    if bytes.is_empty() {
        return;
    }
    let length = bytes.len();
    match damage {
        Damage::Cut(at) => bytes.truncate(at.index(length)),
        Damage::Set(at, byte) => bytes[at.index(length)] = byte,
        Damage::Insert(at, inserted) => drop(bytes.splice(at.index(length)..at.index(length), inserted)),
        Damage::Remove(at, count) => drop(bytes.drain(at.index(length)..(at.index(length) + usize::from(count)).min(length))),
        Damage::Repeat(from, to) => {
            let (from, to) = (from.index(length), to.index(length));
            let copy = bytes[from.min(to)..from.max(to)].to_vec();
            bytes.splice(to..to, copy);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_damage_leaves_a_prefix_of_what_was_committed(damages in prop::collection::vec(damage(), 1..4)) {
        let (bytes, commits) = sample();
        let mut damaged = bytes.clone();
        damages.into_iter().for_each(|damage| apply(&mut damaged, damage));
        let (entries, end) = read_all(&damaged);
        prop_assert!(commits.iter().any(|(_, records)| *records == entries.len()));
        prop_assert_eq!(&entries, &vocabulary::entries()[..entries.len()]);
        if end.is_ok_and(|torn_bytes| torn_bytes == 0) {
            prop_assert!(bytes.starts_with(&damaged), "taken for whole, and it is not");
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert!(verify(&bytes[..]).is_err());
        let (sample, commits) = sample();
        let (entries, _) = read_all(&[&sample[..commits[1].0], &bytes[..]].concat());
        prop_assert_eq!(entries.len(), commits[1].1);
    }

    #[test]
    fn arbitrary_records_in_a_sound_block_never_panic(
        first_seq in any::<u64>(), bodies in prop::collection::vec((0_u8..8, prop::collection::vec(any::<u8>(), 0..60)), 1..8),
        cut in any::<u8>(),
    ) {
        let mut payload: Vec<u8> = bodies.iter().flat_map(|(kind, body)| record(*kind, body)).collect();
        payload.truncate(payload.len() - usize::from(cut) % 9);
        let mut journal = Layout::new(&facts());
        journal.block(first_seq, bodies.len() as u32, &payload);
        let (entries, end) = read_all(&journal.bytes);
        prop_assert!(entries.len() <= bodies.len());
        prop_assert!(end.is_err() || entries.len() == bodies.len());
    }
}

//! Journals in folders: the same entries whatever the volumes, one chain through them, bounded by a budget.

use crate::vocabulary;
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use tradewind_journal::{
    Anchor, Chain, CommitLevel, ContentHash, DiskBudget, Entry, FolderJournal, FolderSettings, Journal, JournalError, Part, Place, Segment,
    keep_intact_folder, verify_path, verify_path_anchored,
};
use tradewind_types::{Control, TimerId, Timestamp};

/// A folder of its own for each test, empty.
pub fn empty_folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}", std::process::id()));
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn volumes_of(bytes: u64) -> FolderSettings {
    FolderSettings { volume_bytes: bytes, budget: DiskBudget::UNLIMITED }
}

pub fn volume(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("volume-{number:08}.journal"))
}

fn create(folder: &Path, volume_bytes: u64) -> FolderJournal {
    FolderJournal::create_folder(folder, &vocabulary::facts(), volumes_of(volume_bytes), CommitLevel::Process).unwrap()
}

/// Appends entries with a commit after each so many; gives what the journal says of its place after each commit.
fn fill(journal: &mut FolderJournal, entries: &[Entry], per_commit: usize) -> Vec<Place> {
    let commits = entries.chunks(per_commit).map(|entries| {
        entries.iter().for_each(|entry| journal.append(entry).unwrap());
        journal.commit().unwrap();
        journal.place()
    });
    commits.collect()
}

fn all(folder: &Path) -> Vec<Entry> {
    Chain::open(folder).unwrap().collect::<Result<_, _>>().unwrap()
}

fn recover(folder: &Path, from: Option<&Place>) -> Result<(Vec<Entry>, tradewind_journal::OpenedFolder), JournalError> {
    let mut entries = Vec::new();
    let opened = FolderJournal::recover_folder(folder, from, volumes_of(3_000), CommitLevel::Process, |chain| {
        chain.try_for_each(|entry| entry.map(|entry| entries.push(entry)))
    })?;
    Ok((entries, opened))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_volume_size_and_any_commits_give_the_same_entries_from_any_place(
        volume_bytes in 1_u64..20_000, block_bytes in 1_usize..4_000, per_commit in 1_usize..60, pick in any::<prop::sample::Index>(),
    ) {
        let folder = empty_folder("any");
        let written = vocabulary::entries();
        let mut journal = create(&folder, volume_bytes).with_block_bytes(block_bytes);
        let places = fill(&mut journal, &written, per_commit);
        drop(journal);
        let seen = verify_path(&folder).unwrap();
        prop_assert_eq!(&all(&folder), &written);
        prop_assert_eq!(seen.anchor(), places.last().unwrap().anchor);
        prop_assert_eq!((seen.records as usize, seen.segments), (written.len(), 1));
        prop_assert_eq!(seen.volumes - 1, u64::from(places.last().unwrap().volume));
        for entry in fs::read_dir(&folder).unwrap() {
            let (name, length) = entry.map(|e| (e.file_name(), e.metadata().unwrap().len())).unwrap();
            // No volume is larger than was asked, but for one whose only block is: its header alone takes 200 bytes and more.
            prop_assert!(length <= volume_bytes.max(60_000), "{name:?} has {length} bytes");
        }
        let at = pick.index(places.len());
        let (rest, opened) = recover(&folder, Some(&places[at])).unwrap();
        prop_assert_eq!(&rest[..], &written[((at + 1) * per_commit).min(written.len())..]);
        prop_assert_eq!(opened.journal.place(), places.last().unwrap().clone());
        prop_assert_eq!(opened.journal.facts().segments.len(), 3);
        fs::remove_dir_all(folder).unwrap();
    }
}

/// A journal of five volumes, its entries, and the place after each commit.
fn sample(test: &str) -> (PathBuf, Vec<Entry>, Vec<Place>) {
    let folder = empty_folder(test);
    let entries = vocabulary::entries();
    let mut journal = create(&folder, 2_150);
    let places = fill(&mut journal, &entries, 9);
    assert_eq!(journal.place().volume, 5, "{places:?}");
    (folder, entries, places)
}

#[test]
fn volumes_that_were_turned_over_are_full_but_not_too_full() {
    let (folder, _, _) = sample("full");
    for number in 0..5 {
        let length = fs::metadata(volume(&folder, number)).unwrap().len();
        assert!((1_500..=2_150).contains(&length), "volume {number} has {length} bytes");
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_folder_cut_anywhere_in_its_last_volume_goes_on_with_its_chain_intact() {
    let (folder, entries, places) = sample("volumes-cut");
    let (before_last, last) = (volume(&folder, 4), volume(&folder, 5));
    let (bytes_before, bytes) = (fs::read(&before_last).unwrap(), fs::read(&last).unwrap());
    let before = places.iter().rev().find(|place| place.volume == 4).unwrap().clone();
    for cut in (0..400).chain((400..=bytes.len()).step_by(13)) {
        fs::write(&before_last, &bytes_before).unwrap();
        fs::write(&last, &bytes[..cut]).unwrap();
        let end = places.iter().rev().find(|place| place.volume == 5 && place.offset as usize <= cut).unwrap_or(&before);
        let committed = places.iter().position(|place| place == end).unwrap() * 9 + 9;
        let (recovered, opened) = recover(&folder, None).unwrap();
        assert_eq!(recovered.len(), committed.min(entries.len()), "cut at {cut}");
        assert_eq!(recovered, entries[..recovered.len()]);
        // A volume without a block is as good as none: its header is kept where it is whole.
        assert_eq!(opened.journal.anchor().blocks, end.anchor.blocks);
        let mut journal = opened.journal;
        fill(&mut journal, &entries[recovered.len()..], 9);
        drop(journal);
        assert_eq!(all(&folder), entries, "cut at {cut}");
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn any_flipped_byte_of_any_volume_is_found_and_named_and_nothing_is_changed() {
    let (folder, _, _) = sample("volumes-flip");
    for number in 0..6 {
        let path = volume(&folder, number);
        let bytes = fs::read(&path).unwrap();
        for at in (0..bytes.len()).step_by(7) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            fs::write(&path, &flipped).unwrap();
            match recover(&folder, None) {
                Err(JournalError::InVolume { path: named, source }) => {
                    assert_eq!(named, path);
                    assert!(matches!(*source, JournalError::Corrupt { .. } | JournalError::NotAJournal { .. }), "{source}");
                }
                other => panic!("volume {number}, byte {at}: {other:?}"),
            }
            assert!(fs::read(&path).unwrap() == flipped);
        }
        fs::write(&path, &bytes).unwrap();
    }
    assert!(verify_path(&folder).is_ok());
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn volumes_missing_swapped_cut_or_of_another_journal_break_the_chain() {
    let (folder, _, places) = sample("broken");
    let (two, three) = (volume(&folder, 2), volume(&folder, 3));
    let (second, third) = (fs::read(&two).unwrap(), fs::read(&three).unwrap());
    fs::remove_file(&two).unwrap();
    assert!(matches!(recover(&folder, None), Err(JournalError::VolumeMissing { volume: 2, .. })));
    let broken = |path: &Path, wanted: Part| match recover(&folder, None) {
        Err(JournalError::InVolume { path: named, source }) => {
            assert_eq!(named, path);
            assert!(matches!(*source, JournalError::Corrupt { part, .. } if part == wanted), "{source}");
        }
        other => panic!("{other:?}"),
    };
    fs::write(&two, &third).unwrap();
    fs::write(&three, &second).unwrap();
    broken(&two, Part::Chain);
    fs::write(&three, &third).unwrap();
    // Cut in the middle of the chain is damage, whether between blocks or within one: acknowledged blocks are behind it.
    let whole_blocks = places.iter().rev().find(|place| place.volume == 2).unwrap().offset as usize;
    assert_eq!(whole_blocks, second.len());
    let one_less = places.iter().rev().filter(|place| place.volume == 2).nth(1).unwrap().offset as usize;
    for cut in [one_less, one_less + 20, second.len() - 1] {
        fs::write(&two, &second[..cut]).unwrap();
        broken(&three, Part::Chain);
    }
    fs::write(&two, &second).unwrap();
    let other = empty_folder("other-journal");
    let facts = tradewind_journal::RunFacts { epoch: 9, ..vocabulary::facts() };
    let mut journal = FolderJournal::create_folder(&other, &facts, volumes_of(3_000), CommitLevel::Process).unwrap();
    fill(&mut journal, &vocabulary::entries(), 9);
    fs::copy(volume(&other, 3), &three).unwrap();
    broken(&three, Part::Chain);
    [folder, other].iter().for_each(|folder| fs::remove_dir_all(folder).unwrap());
}

#[test]
fn a_folder_may_begin_with_a_later_volume_and_says_so() {
    let (folder, entries, places) = sample("archived");
    fs::remove_file(volume(&folder, 0)).unwrap();
    fs::remove_file(volume(&folder, 1)).unwrap();
    let chain = Chain::open(&folder).unwrap();
    assert!(!chain.is_whole());
    let seen = verify_path(&folder).unwrap();
    assert_eq!(seen.anchor(), places.last().unwrap().anchor);
    let in_two = places.iter().find(|place| place.volume == 2).unwrap();
    assert!(recover(&folder, Some(in_two)).is_ok());
    let (rest, _) = recover(&folder, Some(places.iter().rev().find(|place| place.volume == 1).unwrap())).map_or_else(
        |error| {
            assert!(matches!(error, JournalError::VolumeMissing { volume: 1, .. }), "{error}");
            recover(&folder, Some(in_two)).unwrap()
        },
        |_| panic!("volume 1 is not there"),
    );
    assert!(entries.ends_with(&rest) && !rest.is_empty());
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_place_of_another_history_is_refused() {
    let (folder, _, places) = sample("place");
    let good = &places[10];
    let head = tradewind_journal::ChainHash([7; 32]);
    let wrong = [
        Place { anchor: Anchor { head, ..good.anchor }, ..good.clone() },
        Place { offset: good.offset + 1, ..good.clone() },
        Place { offset: 3, ..good.clone() },
        Place { offset: 1 << 40, ..good.clone() },
    ];
    for place in wrong {
        match recover(&folder, Some(&place)) {
            Err(JournalError::InVolume { source, .. }) => assert!(matches!(*source, JournalError::AnchorMissing { .. }), "{source}"),
            other => panic!("{other:?}"),
        }
    }
    let beyond = Place { volume: 9, ..good.clone() };
    assert!(matches!(recover(&folder, Some(&beyond)), Err(JournalError::VolumeMissing { volume: 9, .. })));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn an_anchor_holds_across_volumes() {
    let (folder, _, places) = sample("anchor");
    for place in &places {
        verify_path_anchored(&folder, place.anchor).unwrap();
    }
    let last = places.last().unwrap();
    fs::remove_file(volume(&folder, last.volume)).unwrap();
    assert!(verify_path(&folder).is_ok(), "the chain cannot show what is missing at its end");
    assert!(matches!(verify_path_anchored(&folder, last.anchor), Err(JournalError::AnchorMissing { .. })));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_folder_has_one_writer_and_is_created_once() {
    let folder = empty_folder("folder-lock");
    let journal = create(&folder, 3_000);
    let again = FolderJournal::create_folder(&folder, &vocabulary::facts(), volumes_of(3_000), CommitLevel::Process);
    assert!(matches!(again, Err(JournalError::Locked { .. })));
    assert!(matches!(recover(&folder, None), Err(JournalError::Locked { .. })));
    assert!(matches!(Journal::open(&volume(&folder, 0), CommitLevel::Process), Err(JournalError::Locked { .. })));
    drop(journal);
    let again = FolderJournal::create_folder(&folder, &vocabulary::facts(), volumes_of(3_000), CommitLevel::Process);
    assert!(matches!(again, Err(JournalError::Exists { .. })));
    recover(&folder, None).unwrap();
    let empty = empty_folder("folder-none");
    assert!(matches!(Chain::open(&empty), Err(JournalError::VolumeMissing { volume: 0, .. })));
    [folder, empty].iter().for_each(|folder| fs::remove_dir_all(folder).unwrap());
}

#[test]
fn a_folder_s_budget_refuses_a_start_and_stops_acknowledging_before_it_is_spent() {
    let folder = empty_folder("budget");
    let budget = |folder_bytes| FolderSettings { volume_bytes: 3_000, budget: DiskBudget { folder_bytes, reserve_bytes: 0 } };
    let refused = FolderJournal::create_folder(&folder, &vocabulary::facts(), budget(2_999), CommitLevel::Process);
    assert!(matches!(refused, Err(JournalError::OverBudget { more_bytes: 3_000, budget_bytes: 2_999, .. })), "{refused:?}");
    let mut journal = FolderJournal::create_folder(&folder, &vocabulary::facts(), budget(9_000), CommitLevel::Process).unwrap();
    let entries = vocabulary::entries();
    let mut acknowledged = 0;
    let refusal = entries.iter().find_map(|entry| {
        let result = journal.append(entry).and_then(|()| journal.commit());
        acknowledged += usize::from(result.is_ok());
        result.err()
    });
    match refusal {
        Some(JournalError::OverBudget { used_bytes, more_bytes, budget_bytes: 9_000, .. }) => assert!(used_bytes + more_bytes > 9_000),
        other => panic!("{other:?}"),
    }
    assert!(matches!(journal.commit(), Err(JournalError::Poisoned { cause }) if cause.contains("budget")));
    assert!(matches!(journal.append(&entries[0]), Err(JournalError::Poisoned { .. })));
    drop(journal);
    assert!(acknowledged > 50, "{acknowledged}");
    let used: u64 = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert!((7_500..=9_000).contains(&used), "{used} bytes");
    assert_eq!(all(&folder), entries[..acknowledged], "what was acknowledged is there, and nothing else");
    let more = |folder_bytes| {
        FolderJournal::recover_folder(&folder, None, budget(folder_bytes), CommitLevel::Process, |_| Ok::<(), JournalError>(()))
    };
    assert!(matches!(more(9_000), Err(JournalError::OverBudget { .. })), "there is no room for one more volume");
    let mut journal = more(1 << 20).unwrap().journal;
    fill(&mut journal, &entries[acknowledged..], 5);
    assert_eq!(all(&folder), entries);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_disk_that_is_nearly_full_refuses_a_start() {
    let folder = empty_folder("reserve");
    let settings = FolderSettings { volume_bytes: 3_000, budget: DiskBudget { folder_bytes: u64::MAX, reserve_bytes: u64::MAX / 2 } };
    let refused = FolderJournal::create_folder(&folder, &vocabulary::facts(), settings, CommitLevel::Process);
    match refused {
        Err(error @ JournalError::DiskNearlyFull { .. }) => assert!(error.to_string().contains("Make room"), "{error}"),
        other => panic!("{other:?}"),
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn market_data_declared_on_the_way_is_known_in_later_volumes_and_not_twice() {
    let folder = empty_folder("declared");
    let mut journal = create(&folder, 1);
    let hour = |id| Segment { id, name: format!("hour {id}"), content: ContentHash([id as u8; 32]) };
    let mut seq = 0;
    for id in 100..105 {
        assert!(matches!(journal.append_market(seq + 1, id, 0), Err(JournalError::UnknownSegment { .. })));
        journal.append_segment(seq, &hour(id)).unwrap();
        for index in 0..10 {
            seq += 1;
            journal.append_market(seq, id, index).unwrap();
        }
        journal.commit().unwrap();
    }
    assert!(matches!(journal.append_segment(seq, &hour(102)), Err(JournalError::SegmentKnown { segment: 102 })));
    drop(journal);
    let (_, opened) = recover(&folder, None).unwrap();
    assert_eq!((opened.verification.segments, opened.verification.market_events, opened.verification.volumes), (5, 50, 5));
    assert_eq!(opened.journal.facts().segments.len(), vocabulary::facts().segments.len() + 5);
    let mut journal = opened.journal;
    journal.append_market(seq + 1, 104, 10).unwrap();
    journal.commit().unwrap();
    // A volume read alone knows what was declared before it.
    assert_eq!(verify_path(&volume(&folder, 4)).unwrap().blocks_before, 4);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn keeping_the_intact_part_of_a_folder_loses_no_byte() {
    let (folder, entries, places) = sample("keep-folder");
    assert_eq!(keep_intact_folder(&folder).unwrap().aside, None);
    let total = || -> u64 { fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum() };
    let (before, three) = (total(), volume(&folder, 3));
    let mut bytes = fs::read(&three).unwrap();
    let block = places.iter().filter(|place| place.volume == 3).nth(1).unwrap();
    bytes[block.offset as usize + 70] ^= 1;
    fs::write(&three, &bytes).unwrap();
    assert!(recover(&folder, None).is_err());
    let kept = keep_intact_folder(&folder).unwrap();
    assert_eq!((kept.kept_bytes + kept.moved_bytes, total()), (before, before));
    let (recovered, opened) = recover(&folder, None).unwrap();
    assert_eq!((opened.journal.anchor(), opened.verification.torn_bytes), (block.anchor, 0));
    assert_eq!(recovered, entries[..recovered.len()]);
    drop(opened);
    // A whole volume that does not belong: it goes, with all behind it.
    fs::copy(volume(&folder, 0), volume(&folder, 2)).unwrap();
    keep_intact_folder(&folder).unwrap();
    assert_eq!(verify_path(&folder).unwrap().volumes, 2);
    fs::remove_dir_all(folder).unwrap();
}

/// A folder on a file system of less than a mebibyte, such as `mount -t tmpfs -o size=256k tmpfs DIR`.
const SMALL_DISK: &str = "TRADEWIND_SMALL_DISK";

#[test]
#[ignore = "needs a small file system, its path in TRADEWIND_SMALL_DISK"]
fn a_real_disk_that_fills_up_loses_nothing_acknowledged() {
    let disk = PathBuf::from(std::env::var_os(SMALL_DISK).expect("TRADEWIND_SMALL_DISK names a folder on a small file system"));
    for reserve_bytes in [0, 40_000] {
        let folder = disk.join(format!("reserve-{reserve_bytes}"));
        let settings = FolderSettings { volume_bytes: 30_000, budget: DiskBudget { folder_bytes: u64::MAX, reserve_bytes } };
        let mut journal = FolderJournal::create_folder(&folder, &vocabulary::facts(), settings, CommitLevel::Disk).unwrap();
        let timer = |seq| Entry::Input { seq, at: Timestamp(1), control: Control::Timer(TimerId(1)) };
        let mut acknowledged = 0;
        let refusal = (1..100_000).find_map(|seq| {
            let result = journal.append(&timer(seq)).and_then(|()| journal.commit());
            acknowledged += u64::from(result.is_ok());
            result.err()
        });
        match refusal {
            Some(JournalError::DiskNearlyFull { free_bytes, more_bytes, .. }) => assert!(free_bytes < reserve_bytes + more_bytes),
            Some(JournalError::Io { source, .. }) if reserve_bytes == 0 => assert_eq!(source.kind(), std::io::ErrorKind::StorageFull),
            other => panic!("{other:?}"),
        }
        assert!(matches!(journal.commit(), Err(JournalError::Poisoned { .. })));
        drop(journal);
        let found = all(&folder);
        assert!(found.len() as u64 >= acknowledged && found.len() as u64 <= acknowledged + 1, "{} of {acknowledged}", found.len());
        assert!(found.iter().zip(1..).all(|(entry, seq)| *entry == timer(seq)));
        println!("reserve {reserve_bytes}: {acknowledged} records acknowledged, all there");
        fs::remove_dir_all(&folder).unwrap();
    }
}

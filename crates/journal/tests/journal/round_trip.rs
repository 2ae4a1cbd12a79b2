//! What is written is what is read, however it was cut into blocks, and however often the writer was taken up again.

use crate::vocabulary;
use proptest::prelude::*;
use tradewind_journal::{CommitLevel, ContentHash, Entry, JournalError, MarketRun, Reader, Segment, Writer, verify};
use tradewind_types::*;

fn read_all(bytes: &[u8]) -> Vec<Entry> {
    Reader::new(bytes).unwrap().collect::<Result<_, _>>().unwrap()
}

prop_compose! {
    fn fill()(
        (node, epoch, counter) in any::<(u16, u32, u64)>(), trade in any::<u128>(), price in any::<i64>(), qty in any::<i64>(),
        (asset, fee) in any::<(u32, i128)>(), stated in any::<Option<i128>>(), ts_venue in any::<i64>(),
    ) -> Fill {
        Fill {
            order: OrderId { node, epoch, counter },
            trade: TradeId(trade),
            price: Price(price),
            qty: Qty(qty),
            liquidity: if trade % 2 == 0 { Liquidity::Maker } else { Liquidity::Taker },
            fee: FeeCharge { asset: AssetId(asset), amount: Amount(fee) },
            stated_cash: stated.map(Amount),
            ts_venue: Timestamp(ts_venue),
        }
    }
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        prop::sample::select(vocabulary::outcomes()),
        (fill(), any::<[i128; 3]>(), any::<i64>()).prop_map(|(fill, [base, cash, rounding], at)| Outcome::Filled {
            fill,
            settlement: Settlement { base: Amount(base), cash: Amount(cash), rounding: Amount(rounding) },
            at: Timestamp(at),
        }),
        (".*", any::<u32>(), any::<u8>())
            .prop_map(|(symbol, id, scale)| { Outcome::Defined(Definition::Asset(Asset { id: AssetId(id), symbol, scale })) }),
    ]
}

fn control() -> impl Strategy<Value = Control> {
    prop_oneof![
        prop::sample::select(vocabulary::controls()),
        fill().prop_map(|fill| Control::Reply(VenueReply::Filled(fill))),
        ("\\PC{0,300}", any::<u32>()).prop_map(|(name, book)| Control::Define(Definition::Book { book: BookId(book), name })),
    ]
}

/// An entry that is given its number by [`numbered`].
fn entry() -> impl Strategy<Value = Entry> {
    prop_oneof![
        (control(), any::<i64>()).prop_map(|(control, at)| Entry::Input { seq: 0, at: Timestamp(at), control }),
        outcome().prop_map(|outcome| Entry::Outcome { seq: 0, outcome }),
        (any::<u64>(), 1..1_000_u64).prop_map(|(first, count)| {
            Entry::MarketRun(MarketRun { first_seq: 0, segment: if first % 2 == 0 { 0 } else { 9 }, first, count })
        }),
        any::<[u8; 32]>().prop_map(|hash| Entry::StateHash { seq: 0, hash: StateHash(hash) }),
        (".*", any::<[u8; 32]>())
            .prop_map(|(name, content)| Entry::Segment { seq: 0, segment: Segment { id: 0, name, content: ContentHash(content) } }),
        Just(Entry::End { seq: 0 }),
    ]
}

/// Numbers entries as an engine would: each input takes the next, everything else the last; market data counts from 1,000.
fn numbered(entries: Vec<Entry>) -> Vec<Entry> {
    let (mut next, mut id) = (0, 999);
    let mut number = |entry| match entry {
        Entry::Input { at, control, .. } => {
            next += 1;
            Entry::Input { seq: next - 1, at, control }
        }
        Entry::MarketRun(run) => {
            next += run.count;
            Entry::MarketRun(MarketRun { first_seq: next - run.count, ..run })
        }
        Entry::Outcome { outcome, .. } => Entry::Outcome { seq: next, outcome },
        Entry::Segment { segment, .. } => {
            id += 1;
            Entry::Segment { seq: next, segment: Segment { id, ..segment } }
        }
        Entry::StateHash { hash, .. } => Entry::StateHash { seq: next, hash },
        Entry::End { .. } => Entry::End { seq: next },
    };
    entries.into_iter().map(&mut number).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn entries_come_back_as_they_went_in(
        entries in prop::collection::vec((entry(), any::<bool>()), 0..60), block_bytes in 1..4_000_usize,
    ) {
        let (entries, commits): (Vec<_>, Vec<bool>) = entries.into_iter().unzip();
        let entries = numbered(entries);
        let write = || {
            let mut writer = Writer::in_memory(&vocabulary::facts()).unwrap().with_block_bytes(block_bytes);
            for (entry, commit) in entries.iter().zip(&commits) {
                writer.append(entry).unwrap();
                if *commit {
                    writer.commit().unwrap();
                }
            }
            writer.commit().unwrap();
            (writer.head(), writer.finish().unwrap())
        };
        let (head, bytes) = write();
        prop_assert_eq!(&read_all(&bytes), &entries);
        prop_assert_eq!(verify(&bytes[..]).unwrap().head, head);
        prop_assert_eq!(write(), (head, bytes));
    }
}

#[test]
fn consecutive_market_events_are_one_run_in_order_with_the_outcomes() {
    let mut writer = Writer::in_memory(&vocabulary::facts()).unwrap();
    let outcome = vocabulary::outcomes().swap_remove(0);
    let events = 1_000_000;
    (0..events).for_each(|n| writer.append_market(n, 0, n + 50).unwrap());
    assert_eq!(writer.last_input_seq(), Some(events - 1));
    writer.append_outcome(events - 1, &outcome).unwrap();
    writer.append_market(events, 0, events + 50).unwrap();
    writer.append_market(events + 1, 0, events + 52).unwrap();
    writer.append_market(events + 2, 9, events + 53).unwrap();
    writer.append_market(events + 9, 9, events + 54).unwrap();
    writer.commit().unwrap();
    writer.append_market(events + 10, 9, events + 55).unwrap();
    let bytes = writer.finish().unwrap();
    let run = |first_seq, segment, first, count| Entry::MarketRun(MarketRun { first_seq, segment, first, count });
    let expected = vec![
        run(0, 0, 50, events),
        Entry::Outcome { seq: events - 1, outcome },
        run(events, 0, events + 50, 1),
        run(events + 1, 0, events + 52, 1),
        run(events + 2, 9, events + 53, 1),
        run(events + 9, 9, events + 54, 1),
        run(events + 10, 9, events + 55, 1),
    ];
    assert_eq!(read_all(&bytes), expected);
    assert!(bytes.len() < 1_000, "{} bytes for a million events", bytes.len());
    assert_eq!(verify(&bytes[..]).unwrap().market_events, events + 5);
}

#[test]
fn a_full_block_closes_itself_and_a_commit_without_entries_writes_none() {
    let mut writer = Writer::in_memory(&vocabulary::facts()).unwrap();
    let timer = Control::Timer(TimerId(1));
    let root = writer.head();
    writer.commit().unwrap();
    assert_eq!((writer.head(), writer.anchor().blocks), (root, 0));
    let records = 20_000;
    (0..records).for_each(|seq| writer.append_input(seq, Timestamp(1), &timer).unwrap());
    let full = writer.anchor().blocks;
    assert!((3..9).contains(&full), "{full} blocks of 64 KiB");
    writer.commit().unwrap();
    writer.commit().unwrap();
    assert_eq!(writer.anchor().blocks, full + 1);
    assert_eq!(verify(&writer.finish().unwrap()[..]).unwrap().records, records);
}

#[test]
fn a_record_larger_than_a_block_has_one_of_its_own_and_one_larger_than_the_limit_is_refused() {
    let mut writer = Writer::in_memory(&vocabulary::facts()).unwrap();
    let named = |bytes: usize| Control::Define(Definition::Book { book: BookId(1), name: "x".repeat(bytes) });
    writer.append_input(1, Timestamp(0), &named(5_000_000)).unwrap();
    let too_large = writer.append_input(2, Timestamp(0), &named(tradewind_journal::RECORD_BYTES_MAX));
    assert!(matches!(too_large, Err(JournalError::TooLarge { .. })), "{too_large:?}");
    writer.append_input(2, Timestamp(0), &named(1)).unwrap();
    let entries = read_all(&writer.finish().unwrap());
    let expected = [(1, 5_000_000), (2, 1)].map(|(seq, bytes)| Entry::Input { seq, at: Timestamp(0), control: named(bytes) });
    assert_eq!(entries, expected);
}

#[test]
fn what_cannot_be_replayed_is_not_taken_and_does_no_harm() {
    let mut writer = Writer::in_memory(&vocabulary::facts()).unwrap();
    let timer = Control::Timer(TimerId(1));
    writer.append_input(5, Timestamp(0), &timer).unwrap();
    assert!(matches!(writer.append_input(5, Timestamp(0), &timer), Err(JournalError::SeqNotRising { last: 5, found: 5 })));
    assert!(matches!(writer.append_market(4, 0, 0), Err(JournalError::SeqNotRising { last: 5, found: 4 })));
    assert!(matches!(writer.append_market(6, 1, 0), Err(JournalError::UnknownSegment { segment: 1 })));
    for (first_seq, count) in [(6, 0), (u64::MAX, 2)] {
        let run = MarketRun { first_seq, segment: 0, first: 0, count };
        assert!(matches!(writer.append(&Entry::MarketRun(run)), Err(JournalError::BadRun { .. })));
    }
    writer.append_market(6, 0, 0).unwrap();
    assert!(matches!(writer.append_input(6, Timestamp(0), &timer), Err(JournalError::SeqNotRising { last: 6, found: 6 })));
    writer.append_input(7, Timestamp(0), &timer).unwrap();
    let seen = verify(&writer.finish().unwrap()[..]).unwrap();
    assert_eq!((seen.inputs, seen.market_events, seen.last_input_seq), (2, 1, Some(7)));
    let refused = Writer::new(Vec::new(), &vocabulary::facts(), CommitLevel::Disk);
    assert!(matches!(refused, Err(JournalError::LevelUnreachable { .. })), "memory promises nothing");
}

//! The venue's procedure, case by case, with the numbers of real captures where there are any.

use tradewind_book::{Applied, BookStatus, L2Book, Level, Ratio, SequenceRule, Sweep};
use tradewind_types::{DepthKind, DepthUpdate, InstrumentId, InvalidBook, LevelChange, Price, Qty, Rounding, Sequence, Side};

const BTC: InstrumentId = InstrumentId(0);

fn bid(price: i64, qty: i64) -> LevelChange {
    LevelChange { side: Side::Buy, price: Price(price), qty: Qty(qty) }
}

fn ask(price: i64, qty: i64) -> LevelChange {
    LevelChange { side: Side::Sell, price: Price(price), qty: Qty(qty) }
}

fn snapshot(book: &mut L2Book, id: u64, changes: &[LevelChange]) -> Applied {
    let sequence = Sequence { first: id, last: id, previous: None };
    book.apply(&DepthUpdate { instrument: BTC, kind: DepthKind::Snapshot, sequence, changes })
}

fn delta(book: &mut L2Book, ids: (u64, u64), previous: Option<u64>, changes: &[LevelChange]) -> Applied {
    let sequence = Sequence { first: ids.0, last: ids.1, previous };
    book.apply(&DepthUpdate { instrument: BTC, kind: DepthKind::Delta, sequence, changes })
}

fn level(price: i64, qty: i64) -> Option<Level> {
    Some(Level { price: Price(price), qty: Qty(qty) })
}

/// The spot BTCUSDT capture of 2024-08-08: the delta 208–224 straddles snapshot 218 and arrives before it.
#[test]
fn a_delta_that_came_before_its_snapshot_is_applied_after_it() {
    let mut book = L2Book::new(BTC, SequenceRule::BinanceSpot);
    assert_eq!(delta(&mut book, (190, 207), None, &[bid(99, 1)]), Applied::Buffered);
    assert_eq!(delta(&mut book, (208, 224), None, &[bid(100, 0), bid(99, 4)]), Applied::Buffered);
    assert_eq!(book.status(), BookStatus::Invalid(InvalidBook::NoSnapshot));
    assert_eq!(snapshot(&mut book, 218, &[bid(100, 5), bid(99, 2), ask(101, 3)]), Applied::Restored);
    assert_eq!((book.best_bid(), book.best_ask(), book.last_update_id()), (level(99, 4), level(101, 3), Some(224)));
    // Without it the stale bid at 100 would cross this one.
    assert_eq!(delta(&mut book, (225, 230), None, &[ask(100, 1)]), Applied::Changed);
    assert_eq!(book.best_ask(), level(100, 1));
}

#[test]
fn spot_ids_must_be_contiguous() {
    let mut book = L2Book::new(BTC, SequenceRule::BinanceSpot);
    snapshot(&mut book, 10, &[bid(100, 5), ask(102, 5)]);
    assert_eq!(delta(&mut book, (8, 10), None, &[bid(100, 9)]), Applied::Ignored, "contained in the snapshot");
    assert_eq!(delta(&mut book, (9, 12), None, &[bid(100, 6)]), Applied::Changed, "straddles it");
    assert_eq!(delta(&mut book, (13, 13), None, &[bid(100, 7)]), Applied::Changed);
    assert_eq!(delta(&mut book, (15, 16), None, &[bid(100, 8)]), Applied::Invalid(InvalidBook::SequenceGap), "14 is missing");
    assert_eq!((book.best_bid(), book.last_update_id()), (None, None), "an invalid book has no levels");
    assert_eq!(delta(&mut book, (17, 17), None, &[ask(101, 2)]), Applied::Buffered);
    assert_eq!(snapshot(&mut book, 13, &[bid(100, 7), ask(102, 5)]), Applied::Invalid(InvalidBook::SequenceGap), "too old");
    assert_eq!(snapshot(&mut book, 14, &[bid(100, 7), ask(102, 5)]), Applied::Restored, "15 to 17 were kept");
    assert_eq!((book.best_bid(), book.best_ask(), book.last_update_id()), (level(100, 8), level(101, 2), Some(17)));
}

#[test]
fn futures_name_their_predecessor_and_have_holes_in_their_ids() {
    let mut book = L2Book::new(BTC, SequenceRule::BinanceFutures);
    assert_eq!(delta(&mut book, (50, 60), Some(45), &[bid(99, 1)]), Applied::Buffered);
    assert_eq!(delta(&mut book, (75, 90), Some(60), &[bid(99, 2)]), Applied::Buffered);
    assert_eq!(snapshot(&mut book, 80, &[bid(100, 5), ask(102, 5)]), Applied::Restored);
    assert_eq!(book.qty_at(Side::Buy, Price(99)), Qty(2));
    assert_eq!(delta(&mut book, (120, 130), Some(90), &[bid(98, 3)]), Applied::Changed, "91 to 119 belong to other symbols");
    assert_eq!(delta(&mut book, (120, 130), Some(90), &[bid(98, 3)]), Applied::Ignored, "the same again");
    assert_eq!(delta(&mut book, (131, 140), Some(129), &[bid(98, 4)]), Applied::Invalid(InvalidBook::SequenceGap));
}

#[test]
fn the_first_futures_delta_must_reach_back_to_the_snapshot() {
    let mut book = L2Book::new(BTC, SequenceRule::BinanceFutures);
    snapshot(&mut book, 80, &[bid(100, 5), ask(102, 5)]);
    assert_eq!(delta(&mut book, (90, 95), Some(85), &[bid(99, 1)]), Applied::Invalid(InvalidBook::SequenceGap));
}

#[test]
fn a_bybit_snapshot_always_replaces_and_deltas_count_by_one() {
    let mut book = L2Book::new(BTC, SequenceRule::Bybit);
    assert_eq!(delta(&mut book, (4, 4), None, &[bid(98, 1)]), Applied::Ignored, "its snapshot is still to come on the same connection");
    assert_eq!(snapshot(&mut book, 20_254_869, &[bid(100, 5), ask(102, 5)]), Applied::Restored);
    assert_eq!(delta(&mut book, (20_254_870, 20_254_870), None, &[bid(101, 1)]), Applied::Changed);
    assert_eq!(delta(&mut book, (20_254_870, 20_254_870), None, &[bid(101, 9)]), Applied::Ignored, "the same again");
    assert_eq!(book.best_bid(), level(101, 1));
    assert_eq!(snapshot(&mut book, 1, &[bid(99, 2), ask(103, 2)]), Applied::Changed, "the service restarted");
    assert_eq!((book.best_bid(), book.best_ask(), book.last_update_id()), (level(99, 2), level(103, 2), Some(1)));
    assert_eq!(delta(&mut book, (2, 2), None, &[ask(102, 7)]), Applied::Changed);
    assert_eq!(delta(&mut book, (4, 4), None, &[ask(102, 8)]), Applied::Invalid(InvalidBook::SequenceGap), "3 is missing");
    assert_eq!(delta(&mut book, (5, 5), None, &[ask(102, 9)]), Applied::Ignored);
    assert_eq!(snapshot(&mut book, 2, &[bid(99, 4), ask(103, 4)]), Applied::Restored, "4 and 5 were not kept: they are of another count");
    assert_eq!((book.best_bid(), book.best_ask(), book.last_update_id()), (level(99, 4), level(103, 4), Some(2)));
}

#[test]
fn what_cannot_be_makes_the_book_invalid() {
    for (change, reason) in [
        (bid(102, 1), InvalidBook::Crossed),
        (ask(100, 1), InvalidBook::Crossed),
        (bid(0, 1), InvalidBook::BadLevel),
        (ask(-5, 0), InvalidBook::BadLevel),
        (bid(99, -1), InvalidBook::BadLevel),
    ] {
        let mut book = L2Book::new(BTC, SequenceRule::Unchecked);
        assert_eq!(snapshot(&mut book, 0, &[bid(100, 5), ask(102, 5)]), Applied::Restored);
        assert_eq!(delta(&mut book, (0, 0), None, &[change]), Applied::Invalid(reason), "{change:?}");
        assert_eq!(book.status(), BookStatus::Invalid(reason));
        assert_eq!(delta(&mut book, (0, 0), None, &[bid(99, 1)]), Applied::Ignored, "without ids nothing can be placed later");
        assert_eq!(snapshot(&mut book, 0, &[bid(103, 1), ask(102, 1)]), Applied::Invalid(InvalidBook::Crossed));
        assert_eq!(snapshot(&mut book, 0, &[bid(101, 1), ask(102, 1)]), Applied::Restored);
    }
}

#[test]
fn only_the_whole_message_counts() {
    let mut book = L2Book::new(BTC, SequenceRule::Unchecked);
    snapshot(&mut book, 0, &[bid(100, 5), ask(101, 5)]);
    // Crossed for a moment inside the message, not after it.
    assert_eq!(delta(&mut book, (0, 0), None, &[bid(101, 4), ask(101, 0), ask(102, 1)]), Applied::Changed);
    assert_eq!((book.best_bid(), book.best_ask()), (level(101, 4), level(102, 1)));
}

#[test]
fn an_older_snapshot_does_not_turn_a_valid_book_back() {
    let mut book = L2Book::new(BTC, SequenceRule::BinanceSpot);
    snapshot(&mut book, 10, &[bid(100, 5), ask(102, 5)]);
    delta(&mut book, (11, 11), None, &[bid(101, 1)]);
    assert_eq!(snapshot(&mut book, 10, &[bid(100, 5), ask(102, 5)]), Applied::Ignored);
    assert_eq!(snapshot(&mut book, 11, &[bid(99, 1), ask(102, 5)]), Applied::Changed);
    assert_eq!(book.best_bid(), level(99, 1));
}

#[test]
fn another_instrument_is_not_ours() {
    let mut book = L2Book::new(InstrumentId(1), SequenceRule::Unchecked);
    assert_eq!(snapshot(&mut book, 0, &[bid(100, 5)]), Applied::Ignored);
    assert_eq!(book.status(), BookStatus::Invalid(InvalidBook::NoSnapshot));
}

#[test]
fn reads_are_exact() {
    let mut book = L2Book::new(BTC, SequenceRule::Unchecked);
    snapshot(&mut book, 0, &[bid(100, 30), bid(98, 50), ask(103, 10), ask(104, 5), ask(200, 7)]);
    assert_eq!(book.mid_half_ticks(), Some(203));
    // (100 × 10 + 103 × 30) / 40
    let micro = Ratio { numerator: 4090, denominator: 40 };
    assert_eq!(book.microprice(), Some(micro));
    assert_eq!(micro.in_units_of(100, Rounding::Floor), Ok(10225));
    assert_eq!(book.imbalance(1), Some(Ratio { numerator: 20, denominator: 40 }));
    assert_eq!(book.imbalance(2), Some(Ratio { numerator: 65, denominator: 95 }));
    assert_eq!(book.sweep(Side::Buy, Qty(12)), Sweep { filled: Qty(12), cost: 1030 + 208, worst: Some(Price(104)) });
    assert_eq!(book.sweep(Side::Sell, Qty(500)), Sweep { filled: Qty(80), cost: 3000 + 4900, worst: Some(Price(98)) });
    assert_eq!(book.sweep(Side::Buy, Qty(0)), Sweep::default());
}

//! A recorded book in a house: equal to the recording where nobody is, and with clients in its queues.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

use std::collections::BTreeMap;
use tradewind_emulator::agents::chance::Chance;
use tradewind_emulator::house::{ClientId, House, OrderRef, OrderStatus, PlaceOrder, Size};
use tradewind_emulator::replay::{Recorded, Replay};
use tradewind_emulator::venues::Venue;
use tradewind_types::{AccountId, Exposure, InstrumentId, LevelChange, Nanos, OrderKind, Price, Qty, Side, TimeInForce, Timestamp};

const START: Timestamp = Timestamp(1_700_000_000_000_000_000);
const BTC: InstrumentId = InstrumentId(0);
const OWNER: AccountId = AccountId(1 << 29);

fn house() -> House {
    House::new(&Venue::Binance.house(7, 2), START).unwrap()
}

const fn level(side: Side, price: i64, qty: i64) -> LevelChange {
    LevelChange { side, price: Price(price), qty: Qty(qty) }
}

type Book = BTreeMap<(Side, Price), Qty>;

fn book_of(house: &House) -> Book {
    let depth = house.depth(BTC, usize::MAX);
    let bids = depth.bids.iter().map(|level| ((Side::Buy, level.price), level.qty));
    bids.chain(depth.asks.iter().map(|level| ((Side::Sell, level.price), level.qty))).collect()
}

/// A book that wanders: each message moves the middle a little and sets, changes and empties levels around it.
fn recording(seed: u64) -> Vec<(Timestamp, Recorded)> {
    let mut chance = Chance::new(seed, 5);
    let (mut middle, mut book, mut at) = (5_000_000, Book::new(), START);
    let mut messages = Vec::new();
    for number in 0..2_000 {
        at = at.plus(Nanos(1 + chance.below(100_000_000)));
        middle += chance.below(9) - 4;
        let mut changes: Vec<LevelChange> = Vec::new();
        let crossed = |(side, price): (Side, Price)| match side {
            Side::Buy => price.0 >= middle,
            Side::Sell => price.0 <= middle,
        };
        changes.extend(book.keys().copied().filter(|key| crossed(*key)).map(|(side, price)| level(side, price.0, 0)));
        for _ in 0..8 {
            let side = if chance.one_in(2) { Side::Buy } else { Side::Sell };
            let price = middle - side.sign() * (1 + chance.below(30));
            changes.retain(|change| (change.side, change.price.0) != (side, price));
            changes.push(level(side, price, chance.below(4) * chance.below(1_000_000)));
        }
        for change in &changes {
            match change.qty {
                Qty::ZERO => _ = book.remove(&(change.side, change.price)),
                qty => _ = book.insert((change.side, change.price), qty),
            }
        }
        let is_snapshot = number % 500 == 0;
        let whole = || book.iter().map(|((side, price), qty)| level(*side, price.0, qty.0)).collect();
        messages.push((at, if is_snapshot { Recorded::Snapshot(whole()) } else { Recorded::Changes(changes) }));
    }
    messages
}

#[test]
fn the_public_book_is_the_recorded_one_after_every_message() {
    for seed in 0..4 {
        let (mut house, messages) = (house(), recording(seed));
        let mut replay = Replay::new(BTC, OWNER, messages.clone());
        let mut expected = Book::new();
        for (at, message) in messages {
            replay.on_time(at, &mut house);
            let (Recorded::Snapshot(changes) | Recorded::Changes(changes)) = &message else { continue };
            if matches!(message, Recorded::Snapshot(_)) {
                expected.clear();
            }
            for change in changes {
                match change.qty {
                    Qty::ZERO => _ = expected.remove(&(change.side, change.price)),
                    qty => _ = expected.insert((change.side, change.price), qty),
                }
            }
            assert_eq!(book_of(&house), expected);
        }
        assert_eq!(replay.next_deadline(), None);
        assert!(expected.len() > 20);
    }
}

#[test]
fn a_client_queues_behind_what_rested_and_before_what_came_later() {
    let (mut house, second) = (house(), Nanos::from_secs(1));
    let at = |number: i64| START.plus(Nanos(second.0 * number));
    let messages = vec![
        (at(1), Recorded::Snapshot(vec![level(Side::Buy, 5_000_000, 1_000), level(Side::Sell, 5_000_010, 1_000)])),
        (at(3), Recorded::Changes(vec![level(Side::Buy, 5_000_000, 5_000)])),
        (at(4), Recorded::Trade { price: Price(5_000_000), qty: Qty(1_500), aggressor: Side::Sell }),
        (at(5), Recorded::Trade { price: Price(5_000_000), qty: Qty(1_000), aggressor: Side::Sell }),
        (at(6), Recorded::Changes(vec![level(Side::Buy, 5_000_000, 3_000)])),
    ];
    let mut replay = Replay::new(BTC, OWNER, messages);
    replay.on_time(at(2), &mut house);
    let order = PlaceOrder {
        client: ClientId(0),
        instrument: BTC,
        client_order_id: "",
        side: Side::Buy,
        kind: OrderKind::Limit { price: Price(5_000_000) },
        time_in_force: TimeInForce::GoodTillCancelled,
        size: Size::Lots(Qty(1_000)),
        exposure: Exposure::Any,
        self_trade: None,
        remark: 0,
    };
    let no = house.place(at(2), &order).unwrap();
    let filled = |house: &House| house.order(ClientId(0), OrderRef::No(no)).unwrap().filled;
    replay.on_time(at(3), &mut house);
    assert_eq!(house.qty_at(BTC, Side::Buy, Price(5_000_000)), Qty(6_000));
    // 1000 stood before it, 4000 came after: of 1500 sold it gets 500, of the next 1000 the other 500.
    replay.on_time(at(4), &mut house);
    assert_eq!(filled(&house), Qty(500));
    replay.on_time(at(5), &mut house);
    assert_eq!(house.order(ClientId(0), OrderRef::No(no)).unwrap().status, OrderStatus::Filled);
    replay.on_time(at(6), &mut house);
    assert_eq!(house.qty_at(BTC, Side::Buy, Price(5_000_000)), Qty(3_000));
}

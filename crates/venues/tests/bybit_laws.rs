//! Whatever a venue could say in its own words is read back as it was meant.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on must fail")]

mod bybit_desk;

use bybit_desk::{LINEAR, LINEAR_BTC, PRIVATE, SPOT, SPOT_BTC, bybit, two_pairs};
use proptest::prelude::*;
use serde_json::json;
use tradewind_book::{Applied, L2Book};
use tradewind_types::{LevelChange, OrderId, Price, Qty, Side, Trade, TradeId, VenueOrderId, VenueReply};
use tradewind_venues::{Dialect, Inbox, LinkId, Message, client_id};

/// `units` steps of 10^-`scale` as the venue might write them: with `more` zeros at the end.
fn written(units: i64, scale: usize, more: usize) -> String {
    let digits = format!("{units:0width$}", width = scale + 1);
    let (whole, behind) = digits.split_at(digits.len() - scale);
    if scale + more == 0 { whole.to_owned() } else { format!("{whole}.{behind}{}", "0".repeat(more)) }
}

/// Ticks and lots of both BTCUSDT, with the scale of a lot.
fn market() -> impl Strategy<Value = (LinkId, tradewind_types::InstrumentId, usize)> {
    prop_oneof![Just((SPOT, SPOT_BTC, 6)), Just((LINEAR, LINEAR_BTC, 3))]
}

type Level = (i64, i64, usize);

fn levels(prices: std::ops::Range<i64>) -> impl Strategy<Value = Vec<Level>> {
    prop::collection::btree_map(prices, (prop_oneof![4 => 1i64..100_000_000, 1 => Just(0)], 0usize..4), 0..80)
        .prop_map(|levels| levels.into_iter().map(|(price, (qty, more))| (price, qty, more)).collect())
}

fn as_words(levels: &[Level], lot_scale: usize) -> Vec<[String; 2]> {
    levels.iter().map(|(price, qty, more)| [written(*price, 1, *more), written(*qty, lot_scale, *more)]).collect()
}

fn as_changes(side: Side, levels: &[Level]) -> Vec<LevelChange> {
    levels.iter().map(|(price, qty, _)| LevelChange { side, price: Price(*price), qty: Qty(*qty) }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_book_is_read_as_it_was_meant(
        (link, instrument, lot_scale) in market(),
        bids in levels(1..500_000),
        asks in levels(500_000..1_000_000),
        update in 1u64..u64::MAX,
        (is_pretty, is_early) in any::<(bool, bool)>(),
    ) {
        let data = json!({"s": "BTCUSDT", "b": as_words(&bids, lot_scale), "a": as_words(&asks, lot_scale), "u": update, "seq": 7});
        let data = if is_pretty { serde_json::to_string_pretty(&data).unwrap() } else { data.to_string() };
        let around = r#""topic":"orderbook.50.BTCUSDT","type":"snapshot","ts":1700000000000"#;
        let frame = if is_early { format!(r#"{{"cts":1,"data":{data},{around}}}"#) } else { format!(r#"{{{around},"data":{data},"cts":1}}"#) };
        let (dialect, mut inbox) = (bybit(two_pairs()), Inbox::default());
        dialect.read(link, frame.as_bytes(), &mut inbox).unwrap();
        let [Message::Depth { instrument: of, kind, sequence, changes, .. }] = inbox.messages[..] else { panic!("{:?}", inbox.messages) };
        prop_assert_eq!((of, sequence.first, sequence.last, changes.0), (instrument, update, update, 0));
        let mut expected = as_changes(Side::Sell, &asks);
        expected.extend(as_changes(Side::Buy, &bids));
        prop_assert_eq!(&inbox.changes, &expected);
        let mut book = L2Book::new(instrument, dialect.sequence_rule(instrument));
        prop_assert_eq!(book.apply(&inbox.update(of, kind, sequence, changes)), Applied::Restored);
        prop_assert_eq!(book.depth(Side::Buy), bids.iter().filter(|(_, qty, _)| *qty > 0).count());
    }

    #[test]
    fn trades_are_read_as_they_were_meant(
        (link, instrument, lot_scale) in market(),
        trades in prop::collection::vec((1i64..10_000_000, 1i64..1_000_000_000, any::<bool>(), any::<u128>(), any::<bool>()), 1..40),
    ) {
        let name = |id: u128, is_uuid: bool| {
            let hex = format!("{id:032x}");
            let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
            if is_uuid { parts.join("-") } else { (id as u64).to_string() }
        };
        let row = |(price, qty, buys, id, is_uuid): &(i64, i64, bool, u128, bool)| json!({
            "T": 1_700_000_000_000i64, "s": "BTCUSDT", "S": if *buys { "Buy" } else { "Sell" }, "p": written(*price, 1, 1),
            "v": written(*qty, lot_scale, 0), "i": name(*id, *is_uuid), "BT": false,
        });
        let rows: Vec<_> = trades.iter().map(row).collect();
        let frame = json!({"topic": "publicTrade.BTCUSDT", "type": "snapshot", "ts": 1, "data": rows}).to_string();
        let mut inbox = Inbox::default();
        bybit(two_pairs()).read(link, frame.as_bytes(), &mut inbox).unwrap();
        let read: Vec<Trade> = inbox.messages.iter().map(|m| if let Message::Trade(_, trade) = m { *trade } else { panic!("{m:?}") }).collect();
        let meant = |(price, qty, buys, id, is_uuid): &(i64, i64, bool, u128, bool)| Trade {
            instrument,
            trade: TradeId(if *is_uuid { *id } else { u128::from(*id as u64) }),
            price: Price(*price),
            qty: Qty(*qty),
            aggressor: if *buys { Side::Buy } else { Side::Sell },
        };
        prop_assert_eq!(read, trades.iter().map(meant).collect::<Vec<_>>());
    }

    #[test]
    fn fills_and_orders_of_ours_find_their_way_back(
        node in any::<u16>(),
        epoch in any::<u32>(),
        counter in 0u64..100_000_000_000_000,
        price in 1i64..10_000_000,
        qty in 1i64..1_000_000_000,
        number in any::<u64>(),
    ) {
        let order = OrderId { node, epoch, counter };
        let (price_text, qty_text) = (written(price, 1, 2), written(qty, 6, 1));
        let row = json!({
            "category": "spot", "symbol": "BTCUSDT", "orderId": number.to_string(), "orderLinkId": client_id(order), "side": "Buy",
            "orderType": "Limit", "price": price_text, "qty": qty_text, "cumExecQty": "0", "orderStatus": "New",
        });
        let fill = json!({
            "category": "spot", "symbol": "BTCUSDT", "execId": number, "orderLinkId": client_id(order), "side": "Buy", "execType": "Trade",
            "execPrice": price_text, "execQty": qty_text, "execFee": "0", "execTime": "1700000000000", "isMaker": true,
        });
        let (dialect, mut inbox) = (bybit(two_pairs()), Inbox::default());
        for frame in [json!({"topic": "order", "data": [row]}), json!({"topic": "execution", "data": [fill]})] {
            dialect.read(PRIVATE, frame.to_string().as_bytes(), &mut inbox).unwrap();
        }
        let [Message::Reply(accepted), Message::Order(record), Message::Reply(VenueReply::Filled(fill))] = &inbox.messages[..] else {
            panic!("{:?}", inbox.messages)
        };
        prop_assert_eq!(*accepted, VenueReply::Accepted { order, venue_order: VenueOrderId(u128::from(number)) });
        prop_assert_eq!((record.price, record.qty, record.side), (Some(Price(price)), Qty(qty), Side::Buy));
        prop_assert_eq!((fill.order, fill.price, fill.qty, fill.trade), (order, Price(price), Qty(qty), TradeId(u128::from(number))));
    }

    #[test]
    fn no_bytes_at_all_are_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), tail in "[\\[\\]{}\",:0-9a-z\\\\ .-]{0,120}") {
        let (dialect, mut inbox) = (bybit(two_pairs()), Inbox::default());
        for frame in [bytes.as_slice(), tail.as_bytes(), format!(r#"{{"topic":"orderbook.50.BTCUSDT","type":"delta","ts":1,"data":{tail}"#).as_bytes()] {
            for link in 0..6 {
                if dialect.read(LinkId(link), frame, &mut inbox).is_err() {
                    prop_assert!(inbox.messages.iter().all(|message| matches!(message, Message::Session(_))));
                }
            }
        }
    }
}

//! Public streams and sessions, payload by payload.

use crate::town::*;
use tradewind_types::{Bar, DepthKind, LevelChange, Mark, Nanos, Price, Qty, Quote, Rate, Sequence, Side, Timestamp, Trade, TradeId};
use tradewind_venues::{MapError, Message, SessionNews, VenueErrorKind};

fn level(side: Side, price: i64, qty: i64) -> LevelChange {
    LevelChange { side, price: Price(price), qty: Qty(qty) }
}

#[test]
fn depth_of_spot_in_a_combined_stream() {
    let frame = r#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1700000000100,"s":"BTCUSDT","U":157,"u":160,
        "b":[["42000.50000000","0.50000000"],["42000.00","0.00000000"]],"a":[["42001","1"]]}}"#;
    let inbox = read(SPOT_PUBLIC, frame).unwrap();
    let sequence = Sequence { first: 157, last: 160, previous: None };
    let depth = Message::Depth { ts_venue: ms(1_700_000_000_100), instrument: SPOT, kind: DepthKind::Delta, sequence, changes: (0, 3) };
    assert_eq!(inbox.messages, [depth]);
    let changes = [level(Side::Buy, 4_200_050, 50_000), level(Side::Buy, 4_200_000, 0), level(Side::Sell, 4_200_100, 100_000)];
    assert_eq!(inbox.changes, changes);
}

#[test]
fn depth_of_futures_names_its_predecessor_whatever_the_order_of_its_fields() {
    let orders = [
        r#"{"e":"depthUpdate","E":1700000000105,"T":1700000000100,"s":"BTCUSDT","U":7,"u":9,"pu":5,"b":[["42000.1","0.002"]],"a":[]}"#,
        r#"{"a":[],"b":[["42000.1","0.002","?"]],"pu":5,"u":9,"U":7,"new":{"x":[1]},"s":"BTCUSDT","T":1700000000100,"E":1,"e":"depthUpdate"}"#,
        r#"{"data":{"b":[["42000.10000000","0.00200"]],"s":"BTCUSDT","e":"depthUpdate","T":1700000000100,"U":7,"u":9,"pu":5},"stream":"x"}"#,
    ];
    for frame in orders {
        let inbox = read(USDM_PUBLIC, frame).unwrap();
        let sequence = Sequence { first: 7, last: 9, previous: Some(5) };
        let depth = Message::Depth { ts_venue: ms(1_700_000_000_100), instrument: PERP, kind: DepthKind::Delta, sequence, changes: (0, 1) };
        assert_eq!(inbox.messages, [depth], "{frame}");
        assert_eq!(inbox.changes, [level(Side::Buy, 420_001, 2)], "{frame}");
    }
}

/// Orders from before a step was raised still rest: what they offer counts in whole lots, and is at least one.
#[test]
fn quantities_finer_than_a_lot_count_as_whole_lots() {
    let frame =
        r#"{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":2,"b":[["42000.5","0.000019"],["42000","0.000001"]],"a":[["42001","0.0"]]}"#;
    let lots: Vec<i64> = read(SPOT_PUBLIC, frame).unwrap().changes.iter().map(|level| level.qty.0).collect();
    assert_eq!(lots, [1, 1, 0]);
}

#[test]
fn trades_name_who_took() {
    let trade = |instrument, trade, price, qty, aggressor| Trade {
        instrument,
        trade: TradeId(trade),
        price: Price(price),
        qty: Qty(qty),
        aggressor,
    };
    let spot = r#"{"e":"trade","E":1700000000343,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000","q":"0.02000000","T":1700000000342,"m":true,"M":true}"#;
    let expected = trade(SPOT, 3_735_683_259, 6_183_763, 2_000, Side::Sell);
    assert_eq!(heard(SPOT_PUBLIC, spot), [Message::Trade(ms(1_700_000_000_342), expected)]);
    let aggregate = r#"{"e":"aggTrade","E":3,"s":"BTCUSDT","a":26129,"p":"42000.1","q":"0.003","f":100,"l":105,"T":2,"m":false}"#;
    assert_eq!(heard(USDM_MARKET, aggregate), [Message::Trade(ms(2), trade(PERP, 26129, 420_001, 3, Side::Buy))]);
    // What the insurance fund takes over is no trade of the book.
    let fund = r#"{"e":"trade","E":3,"T":2,"s":"BTCUSDT","t":9,"p":"42000.1","q":"0.003","X":"INSURANCE_FUND","m":false}"#;
    assert_eq!(heard(USDM_PUBLIC, fund), [Message::Session(SessionNews::Ignored)]);
}

#[test]
fn quotes_of_spot_state_no_time() {
    let quote = |instrument, bid, bid_qty, ask, ask_qty| Quote {
        instrument,
        bid: Price(bid),
        bid_qty: Qty(bid_qty),
        ask: Price(ask),
        ask_qty: Qty(ask_qty),
    };
    let spot = r#"{"stream":"btcusdt@bookTicker","data":{"u":400900217,"s":"BTCUSDT","b":"25.35","B":"31.21","a":"25.36","A":"40.66"}}"#;
    assert_eq!(heard(SPOT_PUBLIC, spot), [Message::Quote(Timestamp(0), quote(SPOT, 2535, 3_121_000, 2536, 4_066_000))]);
    let futures = r#"{"e":"bookTicker","u":4,"E":6,"T":5,"s":"BTCUSDT","b":"25.3","B":"31.21","a":"25.4","A":"40.66"}"#;
    assert_eq!(heard(USDM_PUBLIC, futures), [Message::Quote(ms(5), quote(PERP, 253, 31_210, 254, 40_660))]);
}

#[test]
fn marks_between_two_ticks_go_to_the_nearest() {
    let frame = r#"{"e":"markPriceUpdate","E":1562305380000,"s":"BTCUSDT","p":"11794.15000000","P":"11784.25641265","i":"11784.62659091","r":"0.00038167","T":1562306400000}"#;
    let mark = Mark {
        instrument: PERP,
        mark: Price(117_942),
        index: Price(117_846),
        funding_rate: Rate(38_167),
        next_funding: ms(1_562_306_400_000),
    };
    assert_eq!(heard(USDM_MARKET, frame), [Message::Mark(ms(1_562_305_380_000), mark)]);
}

#[test]
fn only_closed_bars_are_bars() {
    let bar = |closed: bool| {
        format!(
            r#"{{"e":"kline","E":1672515782136,"s":"BTCUSDT","k":{{"t":1672515780000,"T":1672515839999,"s":"BTCUSDT","i":"1m","f":100,
            "L":200,"o":"0.10","c":"0.20","h":"0.25","l":"0.05","v":"1000","n":100,"x":{closed},"q":"1.0","V":"500","Q":"0.5","B":"0"}}}}"#
        )
    };
    assert_eq!(heard(SPOT_PUBLIC, &bar(false)), [Message::Session(SessionNews::Ignored)]);
    let closed = Bar {
        instrument: SPOT,
        open_ts: ms(1_672_515_780_000),
        open: Price(10),
        high: Price(25),
        low: Price(5),
        close: Price(20),
        volume: Qty(100_000_000),
    };
    let ts = ms(1_672_515_780_000).plus(Nanos::from_secs(60));
    assert_eq!(heard(SPOT_PUBLIC, &bar(true)), [Message::Bar(ts, closed)]);
}

#[test]
fn sessions() {
    let news = |link, frame| match heard(link, frame).as_slice() {
        [Message::Session(news)] => news.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(news(SPOT_PUBLIC, r#"{"result":null,"id":1}"#), SessionNews::Subscribed);
    for refusal in [
        r#"{"error":{"code":2,"msg":"Invalid request: unknown variant"},"id":1}"#,
        r#"{"code":2,"msg":"Invalid request: unknown variant","id":1}"#,
    ] {
        match news(SPOT_PUBLIC, refusal) {
            SessionNews::SubscriptionRefused(refusal) => {
                assert_eq!((refusal.code, refusal.kind), (2, VenueErrorKind::Other));
                assert_eq!(refusal.message, "Invalid request: unknown variant");
            }
            other => panic!("{other:?}"),
        }
    }
    for link in [SPOT_PUBLIC, SPOT_PRIVATE, USDM_MARKET, USDM_PRIVATE] {
        assert_eq!(news(link, r#"{"e":"serverShutdown","E":1770123456789}"#), SessionNews::GoingAway);
        assert_eq!(news(link, r#"{"e":"somethingNew","E":1,"s":"BTCUSDT","b":[["1","2"]]}"#), SessionNews::Ignored);
    }
    let elsewhere = r#"{"e":"depthUpdate","E":1,"s":"NOBODY","U":1,"u":2,"b":[["what","ever"]],"a":[]}"#;
    assert_eq!(news(SPOT_PUBLIC, elsewhere), SessionNews::Ignored);
}

/// A frame that cannot be read leaves nothing behind, not even the levels that could be.
#[test]
fn what_cannot_be_read_changes_nothing() {
    let broken = [
        (SPOT_PUBLIC, r#"{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":2,"b":[["42000.5","1"],["42000,50","1"]],"a":[]}"#),
        (SPOT_PUBLIC, r#"{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":2,"b":[["42000.5","1"],["42000","-1"]],"a":[]}"#),
        (SPOT_PUBLIC, r#"{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":2,"b":[["42000.5","1"]],"a":[["1e5","1"]]}"#),
        (SPOT_PUBLIC, r#"{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":2,"b":[["42000.5","1e5"]],"a":[]}"#),
        (SPOT_PUBLIC, r#"{"e":"depthUpdate","E":1,"s":"BTCUSDT","u":2,"b":[["42000.5","1"]],"a":[]}"#),
        (SPOT_PUBLIC, r#"{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":2,"b":[["42000.5","1"]],"a":["#),
        (SPOT_PUBLIC, r#"{"e":"trade","E":1,"s":"BTCUSDT","t":1,"p":"1.00","q":"1","T":1,"m":"maybe"}"#),
        (SPOT_PUBLIC, r#"{"e":"trade","E":1,"s":"BTCUSDT","t":1,"p":"","q":"1","T":1,"m":true}"#),
        (SPOT_PUBLIC, r#"{"e":"trade","E":1,"s":"BTCUSDT","t":1,"p":"1","q":"-1.5","T":1,"m":true}"#),
        (SPOT_PUBLIC, r#"{"u":4,"s":"BTCUSDT","b":"-25.35","B":"31.21","a":"25.36","A":"40.66"}"#),
        (USDM_MARKET, r#"{"e":"markPriceUpdate","E":1,"s":"BTCUSDT","p":"x","i":"1","r":"","T":0}"#),
        (SPOT_PRIVATE, r#"{"subscriptionId":0,"event":{"e":"executionReport","s":"BTCUSDT","c":"tw1-3-77","x":"TRADE","l":"1"}}"#),
        (SPOT_PUBLIC, ""),
        (SPOT_PRIVATE, "null"),
    ];
    for (link, frame) in broken {
        let mut inbox = read(SPOT_PUBLIC, r#"{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":2,"b":[["1","1"]],"a":[]}"#).unwrap();
        let before = inbox.clone();
        let refused = tradewind_venues::Dialect::read(&dialect(), link, frame.as_bytes(), &mut inbox);
        assert!(refused.is_err(), "{frame}");
        assert_eq!((&inbox.messages, &inbox.changes), (&before.messages, &before.changes), "{frame}");
    }
    let off_grid = r#"{"e":"trade","E":1,"s":"BTCUSDT","t":1,"p":"42000.501","q":"1","T":1,"m":true}"#;
    let refusal = read(SPOT_PUBLIC, off_grid).unwrap_err();
    assert!(matches!(&refusal, MapError::Number { text, .. } if text == "42000.501"), "{refusal}");
}

/// A tick that was raised leaves orders behind that no book of ticks can hold: they are left out, coming and going, and counted.
#[test]
fn levels_between_two_ticks_are_left_out_and_counted() {
    let frame = r#"{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":2,"b":[["42000.505","1"],["42000.5","1"]],"a":[["42000.999","0"]]}"#;
    let inbox = read(SPOT_PUBLIC, frame).unwrap();
    assert_eq!(inbox.changes, [level(Side::Buy, 4_200_050, 100_000)]);
    assert_eq!(inbox.messages.last(), Some(&Message::OffGrid { instrument: SPOT, levels: 2 }));
}

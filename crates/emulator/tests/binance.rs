//! The Binance front over time: books that follow from their changes, candles that end, keys and connections that do, permissions.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up must fail")]

use serde_json::Value;
use std::collections::BTreeMap;
use tradewind_emulator::binance::Binance;
use tradewind_emulator::emulator::{Emulator, EmulatorSetup};
use tradewind_emulator::faults::FaultSettings;
use tradewind_emulator::front::{ConnId, Frame, Front, HttpIn, HttpOut, Outbox};
use tradewind_emulator::house::{House, News, Permissions};
use tradewind_emulator::signing::{hex, hmac_sha256};
use tradewind_emulator::venues::{RequestLimits, Venue};
use tradewind_types::{Nanos, Timestamp};

const NOW: Timestamp = Timestamp(1_700_000_040_000_000_000);

fn after_ms(ms: i64) -> Timestamp {
    NOW.plus(Nanos::from_millis(ms))
}

fn get(path: &str, query: &str) -> (String, String) {
    (path.to_owned(), query.to_owned())
}

fn emulator() -> Emulator {
    let (limits, faults) = (RequestLimits::Published, FaultSettings::default());
    Emulator::new(&EmulatorSetup { start: NOW, seed: 11, venues: vec![Venue::Binance], accounts: 1, limits, faults }).unwrap()
}

/// Messages of one connection since the last call.
fn messages(emulator: &mut Emulator) -> Vec<Value> {
    let mut frames = Vec::new();
    emulator.take_frames(&mut frames);
    let texts = frames.into_iter().filter_map(|(_, frame)| if let Frame::Text(text) = frame { Some(text) } else { None });
    texts.map(|text| serde_json::from_str(&text).unwrap()).collect()
}

fn asked(emulator: &mut Emulator, now: Timestamp, (path, query): (String, String)) -> Value {
    let request = HttpIn { method: "GET", path: &path, query: &query, headers: &[], body: b"" };
    let answer = emulator.http(now, 0, &request).unwrap();
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    serde_json::from_slice(&answer.body).unwrap()
}

type Side = BTreeMap<i64, String>;

/// A price in units of its eighth digit.
fn units(price: &Value) -> i64 {
    let (whole, fraction) = price.as_str().unwrap().split_once('.').unwrap();
    format!("{whole}{fraction:0<8}").parse().unwrap()
}

fn apply(side: &mut Side, levels: &Value) {
    for level in levels.as_array().unwrap() {
        let (price, qty) = (units(&level[0]), level[1].as_str().unwrap());
        if qty.bytes().all(|b| b == b'0' || b == b'.') {
            side.remove(&price);
        } else {
            side.insert(price, qty.to_owned());
        }
    }
}

/// Follows a book through its changes by the venue's rule; says how many messages there were.
fn follow(stream: &str, snapshot: &(String, String), accepts: impl Fn(u64, &Value) -> bool) -> usize {
    let mut emulator = emulator();
    emulator.connect(NOW, 0, stream, "").unwrap();
    let (mut number, mut bids, mut asks, mut seen) = (0, Side::new(), Side::new(), 0);
    for step in 1..=40 {
        let now = after_ms(step * 250);
        let book = asked(&mut emulator, now, snapshot.clone());
        for event in messages(&mut emulator) {
            if number == 0 || event["u"].as_u64().unwrap() < number {
                continue;
            }
            assert!(accepts(number, &event), "after {number}: {event}");
            apply(&mut bids, &event["b"]);
            apply(&mut asks, &event["a"]);
            number = event["u"].as_u64().unwrap();
            seen += 1;
        }
        let (mut true_bids, mut true_asks) = (Side::new(), Side::new());
        apply(&mut true_bids, &book["bids"]);
        apply(&mut true_asks, &book["asks"]);
        let true_number = book["lastUpdateId"].as_u64().unwrap();
        if number == true_number {
            assert_eq!((&bids, &asks), (&true_bids, &true_asks), "at {number}");
        }
        if number == 0 {
            (number, bids, asks) = (true_number, true_bids, true_asks);
        }
        assert!(bids.last_key_value().unwrap().0 < asks.first_key_value().unwrap().0);
    }
    seen
}

#[test]
fn a_spot_book_follows_from_numbers_without_gaps() {
    let accepts = |number: u64, event: &Value| {
        let (first, last) = (event["U"].as_u64().unwrap(), event["u"].as_u64().unwrap());
        first <= number + 1 && last > number || last == number
    };
    assert!(follow("/ws/btcusdt@depth@100ms", &get("/api/v3/depth", "symbol=BTCUSDT&limit=1000"), accepts) > 20);
}

#[test]
fn a_futures_book_follows_from_the_number_before() {
    let accepts = |number: u64, event: &Value| {
        let (first, previous) = (event["U"].as_u64().unwrap(), event["pu"].as_u64().unwrap());
        assert_ne!(first, previous + 1, "numbers are shared with other books");
        previous == number || first <= number
    };
    assert!(follow("/fut/public/ws/btcusdt@depth@100ms", &get("/fapi/v1/depth", "symbol=BTCUSDT&limit=1000"), accepts) > 20);
}

#[test]
fn a_candle_is_told_once_more_when_it_is_over() {
    let mut emulator = emulator();
    emulator.connect(NOW, 0, "/stream", "streams=btcusdt@kline_1m/ethusdt@kline_1m").unwrap();
    emulator.advance(after_ms(65_000));
    let told = messages(&mut emulator);
    for symbol in ["BTCUSDT", "ETHUSDT"] {
        let candles: Vec<&Value> = told.iter().map(|m| &m["data"]["k"]).filter(|k| k["s"] == symbol).collect();
        let over: Vec<&&Value> = candles.iter().filter(|k| k["x"] == true).collect();
        assert!(candles.len() > 3, "{symbol}");
        let [over] = over.as_slice() else { panic!("{symbol}: {over:?}") };
        assert_eq!(over["T"].as_i64().unwrap() - over["t"].as_i64().unwrap(), 59_999);
        let row = asked(&mut emulator, after_ms(65_000), get("/api/v3/klines", &format!("symbol={symbol}&interval=1m&limit=2")))[0].clone();
        assert_eq!((&row[0], &row[1], &row[4], &row[5]), (&over["t"], &over["o"], &over["c"], &over["v"]));
    }
}

/// A front and a house without agents.
struct Quiet {
    front: Binance,
    house: House,
    key: String,
    secret: String,
}

impl Quiet {
    fn new(permissions: Permissions) -> Self {
        let mut setup = Venue::Binance.house(3, 1);
        setup.clients[0].permissions = permissions;
        let credentials = setup.clients[0].credentials.clone();
        let house = House::new(&setup, NOW).unwrap();
        Self { front: Binance::new(), house, key: credentials.key, secret: credentials.secret.reveal().to_owned() }
    }

    fn signed(&mut self, now: Timestamp, method: &str, path: &str, query: &str) -> (HttpOut, Value) {
        let query = format!("{query}&timestamp={}", now.0 / 1_000_000);
        let signature = hex(&hmac_sha256(self.secret.as_bytes(), &[query.trim_start_matches('&').as_bytes()]));
        let query = format!("{query}&signature={signature}");
        let headers = [("x-mbx-apikey".to_owned(), self.key.clone())];
        let answer = self.front.http(now, &HttpIn { method, path, query: &query, headers: &headers, body: b"" }, &mut self.house);
        let body = serde_json::from_slice(&answer.body).unwrap();
        (answer, body)
    }

    /// What the front sends when it is told what has happened.
    fn told(&mut self, now: Timestamp) -> Vec<Frame> {
        let (mut out, mut news): (Outbox, Vec<News>) = (Outbox::default(), Vec::new());
        self.house.take_news(&mut news);
        self.front.publish(now, &news, &self.house, &mut out);
        if self.front.next_deadline().is_some_and(|due| due <= now) {
            self.front.on_time(now, &mut self.house, &mut out);
        }
        out.drain().map(|(_, frame)| frame).collect()
    }

    fn connect(&mut self, now: Timestamp, conn: u64, path: &str, query: &str) {
        self.front.connect(now, ConnId(conn), path, query, &mut self.house, &mut Outbox::default()).unwrap();
    }
}

fn texts(frames: &[Frame]) -> Vec<Value> {
    let texts = frames.iter().filter_map(|frame| if let Frame::Text(text) = frame { Some(text) } else { None });
    texts.map(|text| serde_json::from_str(text).unwrap()).collect()
}

const ORDER: &str = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=50000";

#[test]
fn a_key_that_may_only_look_cannot_trade() {
    let mut quiet = Quiet::new(Permissions::Read);
    assert_eq!(quiet.signed(NOW, "GET", "/api/v3/account", "").1["canTrade"], false);
    for path in ["/api/v3/order", "/fapi/v1/order"] {
        let (answer, body) = quiet.signed(NOW, "POST", path, ORDER);
        assert_eq!((answer.status, body["code"].as_i64()), (401, Some(-2015)), "{path}");
    }
    let restrictions = quiet.signed(NOW, "GET", "/sapi/v1/account/apiRestrictions", "").1;
    assert_eq!((&restrictions["enableWithdrawals"], &restrictions["enableSpotAndMarginTrading"]), (&false.into(), &false.into()));
}

#[test]
fn a_countdown_ends_what_is_open_on_its_listing() {
    let mut quiet = Quiet::new(Permissions::Trade);
    assert_eq!(quiet.signed(NOW, "POST", "/fapi/v1/order", ORDER).1["status"], "NEW");
    assert_eq!(quiet.signed(NOW, "POST", "/fapi/v1/countdownCancelAll", "symbol=BTCUSDT&countdownTime=2000").0.status, 200);
    quiet.told(after_ms(1_999));
    assert_eq!(quiet.signed(after_ms(1_999), "GET", "/fapi/v1/openOrders", "symbol=BTCUSDT").1.as_array().unwrap().len(), 1);
    quiet.told(after_ms(2_000));
    assert_eq!(quiet.signed(after_ms(2_000), "GET", "/fapi/v1/openOrders", "symbol=BTCUSDT").1.as_array().unwrap().len(), 0);
}

#[test]
fn a_listen_key_lasts_an_hour_and_says_when_it_is_over() {
    let mut quiet = Quiet::new(Permissions::Trade);
    let key = quiet.signed(NOW, "POST", "/fapi/v1/listenKey", "").1["listenKey"].as_str().unwrap().to_owned();
    quiet.connect(NOW, 1, "/fut/private/ws", &format!("listenKey={key}"));
    quiet.signed(NOW, "POST", "/fapi/v1/order", ORDER);
    let events = texts(&quiet.told(NOW));
    assert_eq!((&events[0]["e"], &events[0]["o"]["X"]), (&"ORDER_TRADE_UPDATE".into(), &"NEW".into()));
    let half_past = after_ms(1_800_000);
    assert_eq!(quiet.signed(half_past, "PUT", "/fapi/v1/listenKey", "").1["listenKey"], key);
    assert!(texts(&quiet.told(after_ms(3_600_000))).is_empty());
    let over = texts(&quiet.told(after_ms(5_400_000)));
    assert_eq!((&over[0]["e"], &over[0]["listenKey"]), (&"listenKeyExpired".into(), &key.into()));
    let (_, body) = quiet.signed(after_ms(5_400_001), "PUT", "/fapi/v1/listenKey", "");
    assert_eq!(body["code"], -1125);
}

#[test]
fn a_connection_that_does_not_answer_pings_is_closed_and_none_lives_longer_than_a_day() {
    let mut quiet = Quiet::new(Permissions::Trade);
    quiet.connect(NOW, 1, "/ws/btcusdt@trade", "");
    for at_s in [20, 40] {
        assert!(matches!(quiet.told(after_ms(at_s * 1_000)).as_slice(), [Frame::Ping(_)]), "{at_s}");
    }
    quiet.front.pong(after_ms(41_000), ConnId(1), b"");
    for at_s in [60, 80, 100] {
        assert!(matches!(quiet.told(after_ms(at_s * 1_000)).as_slice(), [Frame::Ping(_)]), "{at_s}");
    }
    assert!(matches!(quiet.told(after_ms(120_000)).as_slice(), [Frame::Close { .. }]));
    quiet.connect(after_ms(200_000), 2, "/ws/btcusdt@trade", "");
    quiet.front.pong(after_ms(86_599_000), ConnId(2), b"");
    assert!(matches!(quiet.told(after_ms(86_600_000)).as_slice(), [Frame::Close { .. }]));
}

#[test]
fn a_cancel_tells_its_own_id_and_the_orders() {
    let mut quiet = Quiet::new(Permissions::Trade);
    quiet.connect(NOW, 1, "/ws-api/v3", "");
    let params = format!("apiKey={}&timestamp={}", quiet.key, NOW.0 / 1_000_000);
    let signature = hex(&hmac_sha256(quiet.secret.as_bytes(), &[params.as_bytes()]));
    let frame = serde_json::json!({
        "id": "a", "method": "userDataStream.subscribe.signature",
        "params": { "apiKey": quiet.key, "timestamp": NOW.0 / 1_000_000, "signature": signature },
    });
    let mut out = Outbox::default();
    quiet.front.receive(NOW, ConnId(1), frame.to_string().as_bytes(), &mut quiet.house, &mut out);
    quiet.signed(NOW, "POST", "/api/v3/order", &format!("{ORDER}&newClientOrderId=mine"));
    quiet.signed(NOW, "DELETE", "/api/v3/order", "symbol=BTCUSDT&origClientOrderId=mine&newClientOrderId=end");
    let events = texts(&quiet.told(NOW));
    let reports: Vec<&Value> = events.iter().map(|m| &m["event"]).filter(|e| e["e"] == "executionReport").collect();
    let said: Vec<[&str; 3]> = reports.iter().map(|r| ["x", "c", "C"].map(|name| r[name].as_str().unwrap())).collect();
    assert_eq!(said, [["NEW", "mine", ""], ["CANCELED", "end", "mine"]]);
}

#[test]
fn too_many_messages_close_a_stream() {
    let mut quiet = Quiet::new(Permissions::Trade);
    quiet.connect(NOW, 1, "/ws", "");
    let mut out = Outbox::default();
    for n in 0..6 {
        let frame = format!(r#"{{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":{n}}}"#);
        quiet.front.receive(NOW, ConnId(1), frame.as_bytes(), &mut quiet.house, &mut out);
    }
    let frames: Vec<Frame> = out.drain().map(|(_, frame)| frame).collect();
    assert_eq!(texts(&frames)[0], serde_json::json!({ "result": null, "id": 0 }));
    assert!(matches!(frames.last(), Some(Frame::Close { code: 1008, .. })));
}

#[test]
fn streams_that_are_not_offered_are_refused() {
    let mut quiet = Quiet::new(Permissions::Trade);
    quiet.connect(NOW, 1, "/fut/market/ws", "");
    let mut out = Outbox::default();
    for (n, params) in [r#"["btcusdt@depth"]"#, r#"["btcusdt@nothing"]"#, r#"["btcusdt@aggTrade"]"#].into_iter().enumerate() {
        let frame = format!(r#"{{"method":"SUBSCRIBE","params":{params},"id":{n}}}"#);
        quiet.front.receive(NOW, ConnId(1), frame.as_bytes(), &mut quiet.house, &mut out);
    }
    quiet.front.receive(NOW, ConnId(1), br#"{"method":"LIST_SUBSCRIPTIONS","id":9}"#, &mut quiet.house, &mut out);
    let frames: Vec<Frame> = out.drain().map(|(_, frame)| frame).collect();
    let answers = texts(&frames);
    assert_eq!((&answers[0]["error"]["code"], &answers[1]["error"]["code"]), (&2.into(), &2.into()));
    assert_eq!(answers[2], serde_json::json!({ "result": null, "id": 2 }));
    assert_eq!(answers[3], serde_json::json!({ "result": ["btcusdt@aggTrade"], "id": 9 }));
}

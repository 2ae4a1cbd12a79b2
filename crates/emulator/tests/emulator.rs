//! The emulator as a whole, in memory: its own endpoints, its faults, its clock.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

use tradewind_emulator::emulator::{Emulator, EmulatorSetup};
use tradewind_emulator::faults::FaultSettings;
use tradewind_emulator::front::HttpIn;
use tradewind_emulator::house::{Category, ClientId, OrderRef, PlaceOrder, Size};
use tradewind_emulator::venues::{RequestLimits, Venue};
use tradewind_types::{Exposure, Nanos, OrderKind, Side, TimeInForce, Timestamp};

const START: Timestamp = Timestamp(1_700_000_000_000_000_000);

fn emulator(faults: FaultSettings) -> Emulator {
    Emulator::new(&EmulatorSetup {
        start: START,
        seed: 3,
        venues: Venue::ALL.to_vec(),
        accounts: 2,
        limits: RequestLimits::Published,
        faults,
    })
    .unwrap()
}

fn ask<'a>(method: &'a str, path: &'a str, query: &'a str, body: &'a str) -> HttpIn<'a> {
    HttpIn { method, path, query, headers: &[], body: body.as_bytes() }
}

fn json(emulator: &mut Emulator, at: Timestamp, request: &HttpIn<'_>) -> (u16, serde_json::Value) {
    let answer = emulator.http(at, 0, request).unwrap();
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

#[test]
fn the_truth_about_an_account_is_told() {
    let mut emulator = emulator(FaultSettings::default());
    let house = emulator.house_mut(0).unwrap();
    let listing = house.find_listing(Category::Spot, "BTCUSDT").unwrap().clone();
    let buy = PlaceOrder {
        client: ClientId(1),
        instrument: listing.id(),
        client_order_id: "mine",
        side: Side::Buy,
        kind: OrderKind::Market,
        time_in_force: TimeInForce::ImmediateOrCancel,
        size: Size::Lots(listing.qty("0.01").unwrap()),
        exposure: Exposure::Any,
        self_trade: None,
        remark: 0,
    };
    let no = house.place(START, &buy).unwrap();
    let spent = house.order(ClientId(1), OrderRef::No(no)).unwrap().filled_value;
    let usdt = house.amount_text(tradewind_types::Amount(1_000_000 * 1_000_000_000_000 - spent.0), 0);
    let (status, said) = json(&mut emulator, START, &ask("GET", "/emulator/state", "account=1", ""));
    assert_eq!(status, 200);
    assert_eq!(said["spot"]["balances"]["BTC"]["wallet"], "10.00999");
    assert_eq!(said["spot"]["balances"]["USDT"]["wallet"], usdt);
    assert_eq!(said["closed_orders"][0]["client_order_id"], "mine");
    assert_eq!(said["closed_orders"][0]["status"], "Filled");
    let filled: f64 = said["fills"].as_array().unwrap().iter().map(|fill| fill["qty"].as_str().unwrap().parse::<f64>().unwrap()).sum();
    assert!((filled - 0.01).abs() < 1e-12);
    let key = emulator.house(0).unwrap().clients()[1].credentials.key.clone();
    let by_key = format!("key={key}");
    assert_eq!(json(&mut emulator, START, &ask("GET", "/emulator/state", &by_key, "")).1["account"], 1);
    assert_eq!(json(&mut emulator, START, &ask("GET", "/emulator/state", "account=9", "")).0, 404);
}

#[test]
fn faults_come_and_go_on_request() {
    let mut emulator = emulator(FaultSettings::default());
    let (status, said) = json(&mut emulator, START, &ask("GET", "/emulator/faults", "", ""));
    assert_eq!((status, &said["drop_per_mille"]), (200, &0.into()));
    let wrong = json(&mut emulator, START, &ask("POST", "/emulator/faults", "", r#"{"drop":1}"#));
    assert_eq!(wrong.0, 400);
    assert_eq!(json(&mut emulator, START, &ask("POST", "/emulator/faults", "", r#"{"maintenance":true}"#)).0, 200);
    let ping = ask("GET", "/api/v3/ping", "", "");
    assert_eq!(emulator.http(START, 0, &ping).unwrap().status, 503);
    assert!(emulator.connect(START, 0, "/ws", "").is_err());
    json(&mut emulator, START, &ask("POST", "/emulator/faults", "", r#"{"http_error_per_mille":1000,"http_error_status":502}"#));
    assert_eq!(emulator.http(START, 0, &ping).unwrap().status, 502);
    json(&mut emulator, START, &ask("POST", "/emulator/faults", "", r#"{"lost_answer_per_mille":1000}"#));
    assert!(emulator.http(START, 0, &ping).is_none());
    // The other venue never heard of it.
    assert!(emulator.http(START, 1, &ping).is_some());
}

#[test]
fn the_market_goes_on_while_nobody_asks_and_keeps_to_the_clock() {
    let digest = |steps: &[i64]| {
        let mut emulator = emulator(FaultSettings::default());
        for step in steps {
            emulator.advance(START.plus(Nanos::from_millis(*step)));
        }
        emulator.venues().map(|(_, house)| house.listings().iter().map(|l| format!("{:?}", house.depth(l.id(), 1_000))).collect()).collect()
    };
    let whole: Vec<Vec<String>> = digest(&[10_000]);
    let pieces: Vec<i64> = (1..=100).map(|piece| piece * 100).collect();
    assert!(whole == digest(&pieces));
    assert!(whole != digest(&[9_000]));
}

//! Payloads that others recorded or copied from Bybit's documents: each is read, or is listed here with the reason why not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on must fail")]

mod bybit_desk;

use bybit_desk::{LINEAR, ORDERS, PRIVATE, SPOT, bybit, fine, kind};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use tradewind_types::{InstrumentId, Timestamp};
use tradewind_venues::bybit::Bybit;
use tradewind_venues::{Ask, Dialect, Inbox, LinkId, Market, VenueErrorKind};

/// What a payload is.
#[derive(Clone, Copy, Debug)]
enum Is {
    /// Frames of a socket; a conversation's own side is passed over.
    Frames(LinkId),
    /// The answer to a question.
    Answer(Question),
    /// One row of such an answer's list.
    Row(Question),
    /// A refusal of a question.
    Refusal,
    /// Refusals, each with the words of who saw it.
    Refusals,
    /// Not read, and why.
    LeftOut(&'static str),
}

/// Questions, before their instrument is known.
#[derive(Clone, Copy, Debug)]
enum Question {
    Time,
    Instruments(Market),
    Depth,
    Key,
    Order,
    Fills,
    Balances,
    Positions,
    CancelAll,
}

use Is::{Answer, Frames, LeftOut, Refusal, Refusals, Row};
use Question::{Balances, CancelAll, Depth, Fills, Instruments, Key, Order, Positions, Time};

const UNASKED: &str = "an endpoint that is not asked";
const BATCH: &str = "batches are not sent";
const DEAD: &str = "spoken by an API before v5";
const OPTION: &str = "options are not spoken here";
const INVERSE: &str = "inverse contracts are not spoken here";
const NOTES: &str = "a client's own notes, no words of the venue";
const PART: &str = "part of a message, seen whole in others";

/// Every payload by the start of its file's name: the longest that fits holds. Then what it is, and what must come of it.
const TABLE: &[(&str, Is, &str)] = &[
    ("cc_bybit_cancel_all_orders", Answer(CancelAll), ""),
    ("cc_bybit_cancel_orders", LeftOut(BATCH), ""),
    ("cc_bybit_create_orders", LeftOut(BATCH), ""),
    ("cc_bybit_fetch_", LeftOut(UNASKED), ""),
    ("cc_bybit_fetch_future_markets", Answer(Instruments(Market::Linear)), "listed"),
    ("cc_bybit_fetch_my_trades", Answer(Fills), "account"),
    ("cc_bybit_fetch_order_5046", Answer(Order), "order"),
    ("cc_bybit_fetch_order_book", Answer(Depth), "depth"),
    ("cc_bybit_fetch_orders_classic", Answer(Order), "order"),
    ("cc_bybit_fetch_position", Answer(Positions), "position"),
    ("cc_bybit_fetch_spot_markets", Answer(Instruments(Market::Spot)), "listed"),
    ("cc_bybit_fetch_time", Answer(Time), "server time"),
    ("cc_bybit_handle_errors_9556", Refusal, ""),
    ("cc_bybit_handle_errors_9577", LeftOut(DEAD), ""),
    ("cc_bybit_parse_", LeftOut(UNASKED), ""),
    ("cc_bybit_parse_income", Row(Fills), "funding"),
    ("cc_bybit_parse_order", Row(Order), "order"),
    ("cc_bybit_parse_position", Row(Positions), "position"),
    ("cc_bybit_parse_trade_3071_15", LeftOut(UNASKED), ""),
    ("cc_bybit_parse_trade_3071_16", Row(Fills), "account"),
    ("cc_bybit_parse_trade_3071_17", Row(Fills), "account"),
    ("cc_bybit_parse_trade_3071_18", LeftOut(OPTION), ""),
    ("cc_bybit_parse_trade_3071_19", Row(Fills), "account"),
    ("cc_error_bodies", Refusals, ""),
    ("cc_pro_bybit_handle_balance_1984_18", LeftOut(DEAD), ""),
    ("cc_pro_bybit_handle_balance_1984_19", Frames(PRIVATE), "balance"),
    ("cc_pro_bybit_handle_error_message_2304_21", LeftOut("a request of a client"), ""),
    ("cc_pro_bybit_handle_error_message_2304_22", Frames(ORDERS), "answer"),
    ("cc_pro_bybit_handle_my_trades_1313_12", LeftOut(DEAD), ""),
    ("cc_pro_bybit_handle_my_trades_1313_14", Frames(PRIVATE), "account"),
    ("cc_pro_bybit_handle_order_1822_16", LeftOut(DEAD), ""),
    ("cc_pro_bybit_handle_order_1822_17", LeftOut(OPTION), ""),
    ("cc_pro_bybit_handle_order_book", Frames(LINEAR), "depth"),
    ("cc_pro_bybit_handle_order_ws", Frames(ORDERS), "answer"),
    ("cc_pro_bybit_handle_subscription_status", LeftOut(DEAD), ""),
    ("cc_pro_bybit_handle_ticker_470_1", Frames(LINEAR), "mark"),
    ("cc_pro_bybit_handle_ticker_470_3", Frames(SPOT), ""),
    ("cc_pro_bybit_handle_ticker_470_4", Frames(SPOT), "session"),
    ("cc_pro_bybit_handle_ticker_470_5", Frames(LINEAR), ""),
    ("cc_pro_bybit_handle_trades", Frames(LINEAR), "trade"),
    ("cc_pro_bybit_handle_un_subscribe", LeftOut(NOTES), ""),
    ("cc_pro_bybit_parse_ws_trade_1163_10", LeftOut(PART), ""),
    ("cc_pro_bybit_parse_ws_trade_1163_11", LeftOut(DEAD), ""),
    ("gct_wsTicker", Frames(LINEAR), "mark"),
    ("jk_rest_V5Api_", LeftOut(UNASKED), ""),
    ("jk_rest_V5Api_Account_GetApiKeyInfo", Answer(Key), "rights"),
    ("jk_rest_V5Api_Account_GetBalances", Answer(Balances), "balance"),
    ("jk_rest_V5Api_ExchangeData_GetLinearInverseSymbols", Answer(Instruments(Market::Linear)), "listed"),
    ("jk_rest_V5Api_ExchangeData_GetOrderbook", Answer(Depth), "depth"),
    ("jk_rest_V5Api_ExchangeData_GetSpotSymbols", Answer(Instruments(Market::Spot)), "listed"),
    ("jk_rest_V5Api_Trading_CancelAllOrder", Answer(CancelAll), ""),
    ("jk_rest_V5Api_Trading_CancelMultipleOrders", LeftOut(BATCH), ""),
    ("jk_rest_V5Api_Trading_EditMultipleOrders", LeftOut(BATCH), ""),
    ("jk_rest_V5Api_Trading_GetOrderHistory", Answer(Order), "order"),
    ("jk_rest_V5Api_Trading_GetOrders", Answer(Order), "order"),
    ("jk_rest_V5Api_Trading_GetPositions", Answer(Positions), "position"),
    ("jk_rest_V5Api_Trading_GetUserTrades", Answer(Fills), "account"),
    ("jk_rest_V5Api_Trading_PlaceMultipleOrders", LeftOut(BATCH), ""),
    ("jk_rest_V5Api_Trading_PlaceOrder", LeftOut("the answer to a command: see the tests of words"), ""),
    ("jk_ws_V5_Linear_Liquidations", Frames(LINEAR), "session"),
    ("jk_ws_V5_Linear_Ticker", Frames(LINEAR), "mark"),
    ("jk_ws_V5_Linear_Trades", Frames(LINEAR), "trade"),
    ("jk_ws_V5_Private_Balance", Frames(PRIVATE), "balance"),
    ("jk_ws_V5_Private_MinimalUserTrades", Frames(PRIVATE), "account"),
    // An option's order: only the acknowledgements are for us.
    ("jk_ws_V5_Private_Order", Frames(PRIVATE), "session"),
    ("jk_ws_V5_Private_Position", Frames(PRIVATE), "position"),
    ("jk_ws_V5_Private_UserTrades", Frames(PRIVATE), "account"),
    ("jk_ws_V5_Spot_PriceLimit", Frames(SPOT), "session"),
    ("jk_ws_V5_Spot_SystemStatus", Frames(SPOT), "session"),
    ("jk_ws_V5_Spot_Ticker", Frames(SPOT), "session"),
    ("jk_ws_V5_Spot_Trades", Frames(SPOT), "trade"),
    ("jk_wsapi_V5Api_Private_", Frames(ORDERS), "answer"),
    ("nt_http_get_account_info", LeftOut(UNASKED), ""),
    ("nt_http_get_executions", Answer(Fills), "account"),
    ("nt_http_get_fee_rate", LeftOut(UNASKED), ""),
    ("nt_http_get_funding_history", LeftOut(UNASKED), ""),
    ("nt_http_get_instruments_inverse", LeftOut(INVERSE), ""),
    ("nt_http_get_instruments_linear", Answer(Instruments(Market::Linear)), "listed"),
    ("nt_http_get_instruments_option", LeftOut(OPTION), ""),
    ("nt_http_get_instruments_spot", Answer(Instruments(Market::Spot)), "listed"),
    ("nt_http_get_order_partially_filled_rejected", Answer(Order), "order"),
    ("nt_http_get_orderbook", Answer(Depth), "depth"),
    ("nt_http_get_orders_", Answer(Order), "order"),
    ("nt_http_get_positions", Answer(Positions), "position"),
    ("nt_http_get_trades_recent", LeftOut(UNASKED), ""),
    ("nt_http_get_wallet_balance", Answer(Balances), "balance"),
    ("nt_live_ob500_XRPUSDT", Frames(LINEAR), "depth"),
    ("nt_ws_account_execution", Frames(PRIVATE), "account"),
    ("nt_ws_account_execution_fast_envelope_id", Frames(PRIVATE), ""),
    ("nt_ws_account_order", Frames(PRIVATE), "order"),
    ("nt_ws_account_position", Frames(PRIVATE), "position"),
    ("nt_ws_account_wallet", Frames(PRIVATE), "balance"),
    ("nt_ws_auth_", Frames(PRIVATE), "session"),
    // Bars of five minutes: not followed.
    ("nt_ws_kline", Frames(LINEAR), "session"),
    ("nt_ws_order_response", Frames(ORDERS), "answer"),
    // A delta of one side of the touch, which the venue does not send: no quote.
    ("nt_ws_orderbook_delta", Frames(LINEAR), ""),
    ("nt_ws_orderbook_snapshot", Frames(LINEAR), "quote"),
    // Its topic, `trade.linear.…`, is none of v5's.
    ("nt_ws_public_trade", Frames(LINEAR), "session"),
    ("nt_ws_subscription_", Frames(LINEAR), "session"),
    ("nt_ws_ticker_linear", Frames(LINEAR), "mark"),
    ("nt_ws_ticker_option", Frames(LINEAR), ""),
];

fn row_of(file: &str) -> usize {
    let fits = TABLE.iter().enumerate().filter(|(_, (name, ..))| file.starts_with(name));
    fits.max_by_key(|(_, (name, ..))| name.len()).unwrap_or_else(|| panic!("{file} is not in the table")).0
}

/// Symbols that a payload speaks of.
fn symbols(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| symbols(value, found)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "symbol" || name == "s" => drop(found.insert(text.clone())),
                    Value::String(text) if name == "raw" => symbols(&serde_json::from_str(text).unwrap(), found),
                    _ => symbols(value, found),
                }
            }
        }
        _ => {}
    }
}

fn ask(question: Question, instrument: InstrumentId) -> Ask {
    let (market, cursor, order) = (Market::Linear, None, tradewind_types::OrderId { node: 1, epoch: 1, counter: 1 });
    match question {
        Time => Ask::ServerTime,
        Instruments(market) => Ask::Instruments { market, cursor },
        Depth => Ask::Depth { instrument },
        Key => Ask::KeyRights,
        Order => Ask::Order { order, instrument },
        Fills => Ask::Fills { instrument, since: Timestamp(1_750_000_000_000_000_000), cursor },
        Balances => Ask::Balances { market },
        Positions => Ask::Positions { market, cursor },
        CancelAll => Ask::CancelAll { instrument },
    }
}

/// What the venue sent, of a single frame, a list of frames, a conversation, or frames byte for byte.
fn frames(payload: &Value) -> Vec<String> {
    let parts = payload.get("frames").unwrap_or(payload);
    let Some(parts) = parts.as_array() else { return vec![parts.to_string()] };
    let from_venue = parts.iter().filter(|part| part["dir"] != "client");
    from_venue.map(|part| part["raw"].as_str().map_or_else(|| part.get("msg").unwrap_or(part).to_string(), str::to_owned)).collect()
}

/// Request numbers of others are replaced by one of ours.
fn ours(frame: &str) -> String {
    let mut frame: Value = serde_json::from_str(frame).unwrap();
    if frame.get("reqId").is_some() {
        frame["reqId"] = json!("7-1700000000000");
    }
    frame.to_string()
}

/// Feeds a payload; how many refusals came of it.
fn feed(file: &str, is: Is, payload: &Value, dialect: &Bybit, instrument: InstrumentId, inbox: &mut Inbox) -> usize {
    let mut put = |question: Question, body: &Value| {
        let answer = dialect.answer(&ask(question, instrument), 200, &[], body.to_string().as_bytes(), inbox);
        answer.unwrap_or_else(|why| panic!("{file}: {why}"))
    };
    match is {
        Answer(question) => put(question, payload).unwrap_or_else(|refusal| panic!("{file}: {refusal}")),
        Row(question) => put(question, &json!({"retCode": 0, "result": {"list": [payload]}})).unwrap(),
        Refusal => return usize::from(put(Time, payload).unwrap_err().kind == VenueErrorKind::Invalid),
        Refusals => {
            let bodies = payload.as_array().unwrap();
            for body in bodies {
                let refusal = put(Time, &body["body"]).unwrap_err();
                assert!(refusal.kind != VenueErrorKind::Other, "{file}: {refusal}");
            }
            return bodies.len();
        }
        Frames(link) => {
            for frame in frames(payload) {
                let frame = if link == ORDERS { ours(&frame) } else { frame };
                dialect.read(link, frame.as_bytes(), inbox).unwrap_or_else(|why| panic!("{file}: {why}"));
            }
        }
        LeftOut(_) => {}
    }
    0
}

#[test]
fn every_payload_is_read_or_left_out_for_a_reason() {
    let root = std::env::var_os("TRADEWIND_WIRE").map_or_else(|| PathBuf::from("../../../shared/wire"), PathBuf::from);
    let folder = root.join("fixtures/bybit");
    let Ok(files) = std::fs::read_dir(&folder) else {
        assert!(std::env::var_os("TRADEWIND_REQUIRE_DATA").is_none_or(|v| v != "1"), "{} is missing", folder.display());
        println!("skipped: {} is missing", folder.display());
        return;
    };
    let (mut counts, mut left_out, mut used) = (BTreeMap::<&str, usize>::new(), BTreeMap::<&str, usize>::new(), BTreeSet::new());
    let (mut read, mut refusals) = (0, 0);
    for file in files.map(|file| file.unwrap().path()) {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        if name == "index.json" {
            continue;
        }
        let row = row_of(&name);
        used.insert(row);
        let (_, is, expected) = TABLE[row];
        if let LeftOut(why) = is {
            *left_out.entry(why).or_default() += 1;
            continue;
        }
        let payload: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let mut found = BTreeSet::from(["BTCUSDT".to_owned()]);
        symbols(&payload, &mut found);
        let first = payload["result"]["s"].as_str().unwrap_or("BTCUSDT");
        let directory = fine(&found);
        let instrument = directory.find(Market::Linear, first).unwrap().id;
        let (dialect, mut inbox) = (bybit(directory), Inbox::default());
        refusals += feed(&name, is, &payload, &dialect, instrument, &mut inbox);
        assert!(expected.is_empty() || inbox.messages.iter().any(|m| kind(m) == expected), "{name}: no {expected} in {:?}", inbox.messages);
        inbox.messages.iter().for_each(|message| *counts.entry(kind(message)).or_default() += 1);
        read += 1;
    }
    println!("read {read} payloads: {counts:?}, {refusals} refusals\nleft out: {left_out:?}");
    let idle: Vec<&str> = TABLE.iter().enumerate().filter(|(i, _)| !used.contains(i)).map(|(_, (name, ..))| *name).collect();
    assert!(idle.is_empty(), "no payload for {idle:?}");
    assert_eq!(refusals, 14);
}

//! Every recorded payload of the venue is read, or stands in a table with the reason why not.

use crate::recorded::kind;
use crate::town::*;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use tradewind_types::{AssetId, Decimal, InstrumentId, OrderId};
use tradewind_venues::binance::Binance;
use tradewind_venues::{Ask, Cursor, Dialect, Directory, Grid, Inbox, LinkId, Listed, Market, Message};

/// A folder of recorded material, or none with the reason printed; none is a failure where it is required.
pub fn shared(variable: &str, name: &str) -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(name);
    let folder = std::env::var_os(variable).map_or_else(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    let is_required = std::env::var("TRADEWIND_REQUIRE_DATA").is_ok_and(|value| value == "1");
    assert!(!is_required, "no recorded material in {}: set {variable}", folder.display());
    println!("skipped: no recorded material in {} (set {variable})", folder.display());
    None
}

/// How a payload is read.
#[derive(Clone, Copy)]
enum Reading {
    /// A frame of a public link.
    Public(Market),
    /// The same, of a stream that is not subscribed: understood to be of no consequence.
    Passed(LinkId),
    /// A private event.
    Event(Market),
    /// The answer to a question.
    Answer(fn() -> Ask),
    /// One row of an answer that is a list.
    Row(fn() -> Ask),
    /// One symbol of a listing.
    Symbol(fn() -> Ask),
    /// The answer to an order command.
    Taken(Market),
    /// An answer on the socket for orders.
    Socket(Market),
    /// Error bodies.
    Refusals,
    /// Not read, and why.
    Left(&'static str),
}

use Market::{Linear, Spot};
use Reading::{Answer, Event, Left, Passed, Public, Refusals, Row, Socket, Symbol, Taken};

/// An instrument of each market that stands for whatever symbol an answer does not name.
const ANY_SPOT: InstrumentId = InstrumentId(0);
const ANY_PERP: InstrumentId = InstrumentId(1);

const SPOT_INFO: fn() -> Ask = || Ask::Instruments { market: Spot, cursor: None };
const USDM_INFO: fn() -> Ask = || Ask::Instruments { market: Linear, cursor: None };
const SPOT_DEPTH: fn() -> Ask = || Ask::Depth { instrument: ANY_SPOT };
const USDM_DEPTH: fn() -> Ask = || Ask::Depth { instrument: ANY_PERP };
const SPOT_OPEN: fn() -> Ask = || Ask::OpenOrders { market: Spot, cursor: None };
const USDM_OPEN: fn() -> Ask = || Ask::OpenOrders { market: Linear, cursor: None };
const WAITING: fn() -> Ask = || Ask::OpenOrders { market: Linear, cursor: Some(Cursor("conditional".into())) };
const SPOT_ORDER: fn() -> Ask = || Ask::Order { order: OrderId::default(), instrument: ANY_SPOT };
const USDM_ORDER: fn() -> Ask = || Ask::Order { order: OrderId::default(), instrument: ANY_PERP };
const SPOT_FILLS: fn() -> Ask = || Ask::Fills { instrument: ANY_SPOT, since: ms(0), cursor: None };
const USDM_FILLS: fn() -> Ask = || Ask::Fills { instrument: ANY_PERP, since: ms(0), cursor: None };
const SPOT_BALANCES: fn() -> Ask = || Ask::Balances { market: Spot };
const USDM_BALANCES: fn() -> Ask = || Ask::Balances { market: Linear };
const POSITIONS: fn() -> Ask = || Ask::Positions { market: Linear, cursor: None };
const RIGHTS: fn() -> Ask = || Ask::KeyRights;
const CLOCK: fn() -> Ask = || Ask::ServerTime;
const STREAM_KEY: fn() -> Ask = || Ask::StreamKey { market: Linear };
const RATES: fn() -> Ask = || Ask::Funding { instrument: ANY_PERP, since: ms(0), cursor: Some(Cursor("rate 1698768000000 5".into())) };

const NOT_ASKED: &str = "an answer to something that is not asked";
const NO_MARKET: &str = "COIN-M, options or equities: no market of this dialect";
const RETIRED: &str = "retired: spot listen keys (2026-02-20), strategy orders before the algo service (2025-12)";
const NO_FILTERS: &str = "a sample of the documents whose symbols have no price filter";
const LISTS: &str = "order lists are not placed";

/// Beginnings of file names, and how they are read; the longest that fits holds.
const RULES: &[(&str, Reading)] = &[
    ("cc_binance_", Left(NOT_ASKED)),
    ("cc_binance_cancel_all_orders_8460", Answer(SPOT_OPEN)),
    ("cc_binance_cancel_all_orders_8491", Answer(SPOT_OPEN)),
    ("cc_binance_edit_contract_order", Taken(Linear)),
    ("cc_binance_edit_orders", Left("several orders in one request are not sent")),
    ("cc_binance_edit_spot_order", Left("cancel-replace is not sent")),
    ("cc_binance_fetch_balance_4107_10", Left("the account with all its positions: balances and positions are asked for apart")),
    ("cc_binance_fetch_balance_4107_11", Answer(USDM_BALANCES)),
    ("cc_binance_fetch_markets_3464_3", Symbol(SPOT_INFO)),
    ("cc_binance_fetch_markets_3464_4", Left("a listing of 2019, before contracts named their type")),
    ("cc_binance_fetch_my_trades_8737_88", Answer(USDM_FILLS)),
    ("cc_binance_fetch_my_trades_8737_86", Answer(USDM_FILLS)),
    ("cc_binance_fetch_my_trades_8737_90", Answer(SPOT_FILLS)),
    ("cc_binance_fetch_order_book_4329_13", Answer(USDM_DEPTH)),
    ("cc_binance_fetch_order_book_4329_14", Left(NO_MARKET)),
    ("cc_binance_fetch_orders_7560_68", Answer(SPOT_OPEN)),
    ("cc_binance_fetch_orders_7560_72", Answer(USDM_OPEN)),
    ("cc_binance_fetch_orders_7560_74", Answer(SPOT_OPEN)),
    ("cc_binance_fetch_orders_7560_7", Left(NO_MARKET)),
    ("cc_binance_fetch_orders_7560_73", Left(RETIRED)),
    ("cc_binance_fetch_open_order", Left(RETIRED)),
    ("cc_binance_fetch_position_", Left(NO_MARKET)),
    ("cc_binance_fetch_positions_risk_11686_117", Left(NO_MARKET)),
    ("cc_binance_fetch_positions_risk_11686_118", Answer(POSITIONS)),
    ("cc_binance_parse_order_5959_43", Row(SPOT_OPEN)),
    ("cc_binance_parse_order_5959_44", Taken(Spot)),
    ("cc_binance_parse_order_5959_47", Taken(Spot)),
    ("cc_binance_parse_order_5959_50", Row(USDM_OPEN)),
    ("cc_binance_parse_order_5959_54", Taken(Spot)),
    ("cc_binance_parse_order_5959_55", Row(SPOT_OPEN)),
    ("cc_binance_parse_order_5959_58", Row(USDM_OPEN)),
    ("cc_binance_parse_order_5959_63", Row(WAITING)),
    ("cc_binance_parse_order_5959_", Left(NO_MARKET)),
    ("cc_binance_parse_position_risk_10914_110", Row(POSITIONS)),
    ("cc_binance_parse_trade_5105_28", Row(SPOT_FILLS)),
    ("cc_binance_parse_trade_5105_29", Row(USDM_FILLS)),
    ("cc_binance_parse_trade_5105_30", Row(USDM_FILLS)),
    ("cc_binance_parse_trade_5105_34", Row(USDM_FILLS)),
    ("cc_binance_parse_income", Left("its time is text, which the venue's answer is not")),
    ("cc_error_bodies", Refusals),
    ("cc_pro_binance_handle_account_status_ws", Socket(Spot)),
    ("cc_pro_binance_handle_balance_3287_15", Event(Spot)),
    ("cc_pro_binance_handle_balance_3287_16", Event(Linear)),
    ("cc_pro_binance_handle_edit_order_ws", Socket(Linear)),
    ("cc_pro_binance_handle_fetch_", Socket(Spot)),
    ("cc_pro_binance_handle_ohlcv", Passed(SPOT_PUBLIC)),
    ("cc_pro_binance_handle_order_book", Public(Spot)),
    ("cc_pro_binance_handle_order_ws", Socket(Spot)),
    ("cc_pro_binance_handle_orders_ws", Socket(Spot)),
    ("cc_pro_binance_handle_ticker_ws", Socket(Spot)),
    ("cc_pro_binance_handle_trades_ws", Socket(Spot)),
    ("cc_pro_binance_parse_ws_order_4086_21", Left("the inner object of an event")),
    ("cc_pro_binance_parse_ws_order_4086_22", Left(NO_MARKET)),
    ("cc_pro_binance_parse_ws_ticker_2340_10", Passed(SPOT_PUBLIC)),
    ("cc_pro_binance_parse_ws_ticker_2340_8", Public(Linear)),
    ("cc_pro_binance_parse_ws_ticker_2340_9", Passed(SPOT_PUBLIC)),
    ("cc_pro_binance_parse_ws_trade_1354_3", Public(Spot)),
    ("cc_pro_binance_parse_ws_trade_1354_4", Public(Spot)),
    ("cc_pro_binance_parse_ws_trade_1354_5", Left("the inner object of an event")),
    ("cf_futures_", Public(Linear)),
    ("cf_rest_futures_depth", Answer(USDM_DEPTH)),
    ("cf_rest_futures_exchangeInfo", Answer(USDM_INFO)),
    ("cf_rest_spot_depth", Answer(SPOT_DEPTH)),
    ("cf_session_open_binance_futures", Public(Linear)),
    ("cf_spot_", Public(Spot)),
    ("gct_rest_DELETE_api_v3_order", Taken(Spot)),
    ("gct_rest_GET_api_v3_", Left(NOT_ASKED)),
    ("gct_rest_GET_api_v3_allOrders", Answer(SPOT_OPEN)),
    ("gct_rest_GET_api_v3_depth", Answer(SPOT_DEPTH)),
    ("gct_rest_GET_api_v3_exchangeInfo", Answer(SPOT_INFO)),
    ("gct_rest_GET_api_v3_openOrders", Answer(SPOT_OPEN)),
    ("gct_rest_GET_api_v3_order.", Answer(SPOT_ORDER)),
    ("gct_rest_GET_dapi_", Left(NO_MARKET)),
    ("gct_rest_GET_fapi_v1_", Left(NOT_ASKED)),
    ("gct_rest_GET_fapi_v1_depth", Answer(USDM_DEPTH)),
    ("gct_rest_GET_fapi_v1_exchangeInfo", Answer(USDM_INFO)),
    ("gct_rest_GET_fapi_v1_fundingRate", Left("rates of 2020, without the mark price that they carry since")),
    ("gct_rest_GET_futures_data_", Left(NOT_ASKED)),
    ("gct_rest_POST_api_v3_userDataStream", Left(RETIRED)),
    ("gct_wsHandleData", Public(Spot)),
    ("hbt_live_spot", Public(Spot)),
    ("hbt_live_usdm", Public(Linear)),
    ("jk_rest_Spot_", Left(NOT_ASKED)),
    ("jk_rest_Spot_Account_GetAPIKeyPermissions", Answer(RIGHTS)),
    ("jk_rest_Spot_ExchangeData_GetExchangeInfo", Left(NO_FILTERS)),
    ("jk_rest_Spot_Trading_CancelOrder", Taken(Spot)),
    ("jk_rest_Spot_Trading_PlaceOrder", Taken(Spot)),
    ("jk_rest_Spot_Trading_GetO", Left(LISTS)),
    ("jk_rest_Spot_Trading_PlaceO", Left(LISTS)),
    ("jk_rest_UsdFutures_", Left(NOT_ASKED)),
    ("jk_rest_UsdFutures_Account_GetBalances", Answer(USDM_BALANCES)),
    ("jk_rest_UsdFutures_Account_GetIncomeHistory", Left("income of other kinds than funding")),
    ("jk_rest_UsdFutures_Account_GetPositionInformation", Answer(POSITIONS)),
    ("jk_rest_UsdFutures_Account_StartUserStream", Answer(STREAM_KEY)),
    ("jk_rest_UsdFutures_ExchangeData_GetExchangeInfo", Answer(USDM_INFO)),
    ("jk_rest_UsdFutures_ExchangeData_GetFundingRates", Answer(RATES)),
    ("jk_rest_UsdFutures_Trading_CancelConditionalOrder", Taken(Linear)),
    ("jk_rest_UsdFutures_Trading_EditOrder", Taken(Linear)),
    ("jk_rest_UsdFutures_Trading_GetConditionalOrders", Answer(WAITING)),
    ("jk_rest_UsdFutures_Trading_GetForcedOrders", Answer(USDM_OPEN)),
    ("jk_rest_UsdFutures_Trading_GetOpenConditionalOrders", Answer(WAITING)),
    ("jk_rest_UsdFutures_Trading_GetOpenOrder.", Answer(USDM_ORDER)),
    ("jk_rest_UsdFutures_Trading_GetUserTrades", Answer(USDM_FILLS)),
    ("jk_rest_UsdFutures_Trading_PlaceConditionalOrder", Taken(Linear)),
    ("jk_rest_UsdFutures_Trading_PlaceOrder", Taken(Linear)),
    ("jk_ws_Spot_Account_AccountPosition", Event(Spot)),
    ("jk_ws_Spot_Account_OcoOrder", Passed(SPOT_PRIVATE)),
    ("jk_ws_Spot_Account_Order", Event(Spot)),
    ("jk_ws_Spot_ExchangeData_AggregatedTrades", Public(Spot)),
    ("jk_ws_Spot_ExchangeData_BookTicker", Public(Spot)),
    ("jk_ws_Spot_ExchangeData_Klines", Public(Spot)),
    ("jk_ws_Spot_ExchangeData_PartialBook", Passed(SPOT_PUBLIC)),
    ("jk_ws_Spot_ExchangeData_RollingWindowTicker", Passed(SPOT_PUBLIC)),
    ("jk_ws_Spot_ExchangeData_Ticker", Passed(SPOT_PUBLIC)),
    ("jk_ws_Spot_ExchangeData_Trades", Public(Spot)),
    ("jk_ws_UsdFutures_AccountUpdate", Event(Linear)),
    ("jk_ws_UsdFutures_AlgoOrderUpdate", Event(Linear)),
    ("jk_ws_UsdFutures_Book", Public(Linear)),
    ("jk_ws_UsdFutures_ConditionalTrigger", Passed(USDM_PRIVATE)),
    ("jk_ws_UsdFutures_Klines", Public(Linear)),
    ("jk_ws_UsdFutures_Leverage", Passed(USDM_PRIVATE)),
    ("jk_ws_UsdFutures_Liquidations", Passed(USDM_MARKET)),
    ("jk_ws_UsdFutures_MarkPrice", Public(Linear)),
    ("jk_ws_UsdFutures_MiniTicker", Passed(USDM_MARKET)),
    ("jk_ws_UsdFutures_OrderUpdate", Event(Linear)),
    ("jk_ws_UsdFutures_SymbolUpdates", Passed(USDM_MARKET)),
    ("jk_ws_UsdFutures_Ticker", Passed(USDM_MARKET)),
    ("jk_wsapi_Spot_", Socket(Spot)),
    ("jk_wsapi_UsdFutures_", Socket(Linear)),
    ("nt_http_futures_", Left(NOT_ASKED)),
    ("nt_http_futures_account_orders", Answer(USDM_OPEN)),
    ("nt_http_futures_account_positions", Answer(POSITIONS)),
    ("nt_http_futures_account_trades", Answer(USDM_FILLS)),
    ("nt_http_futures_balance", Answer(USDM_BALANCES)),
    ("nt_http_futures_market_exchange_info", Answer(USDM_INFO)),
    ("nt_http_futures_open_algo_orders", Answer(WAITING)),
    ("nt_http_futures_order_response", Taken(Linear)),
    ("nt_http_futures_position_risk", Answer(POSITIONS)),
    ("nt_http_spot_", Left(NOT_ASKED)),
    ("nt_http_spot_account_response", Answer(SPOT_BALANCES)),
    ("nt_http_spot_all_orders_response", Answer(SPOT_OPEN)),
    ("nt_http_spot_cancel_order_response", Taken(Spot)),
    ("nt_http_spot_depth_response", Answer(SPOT_DEPTH)),
    ("nt_http_spot_exchange_info_response", Left(NO_FILTERS)),
    ("nt_http_spot_market_depth", Answer(SPOT_DEPTH)),
    ("nt_http_spot_market_exchange_info", Answer(SPOT_INFO)),
    ("nt_http_spot_market_time", Answer(CLOCK)),
    ("nt_http_spot_new_order_full_response", Taken(Spot)),
    ("nt_http_spot_order_response", Answer(SPOT_ORDER)),
    ("nt_http_spot_server_time_response", Answer(CLOCK)),
    ("nt_http_spot_wallet_account", Answer(SPOT_BALANCES)),
    ("nt_http_wallet_trading_fee", Left(NOT_ASKED)),
    ("nt_ws_futures_account_update", Event(Linear)),
    ("nt_ws_futures_agg_trade", Public(Linear)),
    ("nt_ws_futures_algo_update", Event(Linear)),
    ("nt_ws_futures_book_ticker", Public(Linear)),
    ("nt_ws_futures_depth", Public(Linear)),
    ("nt_ws_futures_kline", Public(Linear)),
    ("nt_ws_futures_liquidation", Passed(USDM_MARKET)),
    ("nt_ws_futures_order_update", Event(Linear)),
    ("nt_ws_futures_ticker", Passed(USDM_MARKET)),
    ("nt_ws_futures_trade_lite", Passed(USDM_PRIVATE)),
    ("nt_ws_spot_account_position", Event(Spot)),
    ("nt_ws_spot_balance_update", Passed(SPOT_PRIVATE)),
    ("nt_ws_spot_execution_report", Event(Spot)),
    ("nt_ws_spot_list_status", Passed(SPOT_PRIVATE)),
    ("nt_ws_spot_ticker_24hr", Passed(SPOT_PUBLIC)),
    ("nt_ws_spot_ticker_book", Public(Spot)),
    ("nt_ws_spot_trade", Public(Spot)),
];

/// Every symbol and asset that the payloads name, on steps fine enough for all of them.
fn directory_of(payloads: &BTreeMap<String, Value>) -> Directory {
    let (mut symbols, mut assets) = (BTreeSet::from(["ANY".to_owned()]), BTreeSet::from(["USDT".to_owned()]));
    let mut waiting: Vec<Value> = payloads.values().cloned().collect();
    while let Some(value) = waiting.pop() {
        match value {
            Value::Array(items) => waiting.extend(items),
            Value::Object(fields) => {
                for (name, value) in fields {
                    match (name.as_str(), value) {
                        ("s" | "symbol", Value::String(text)) => drop(symbols.insert(text)),
                        ("a" | "N" | "asset" | "commissionAsset", Value::String(text)) => drop(assets.insert(text)),
                        ("raw", Value::String(text)) => waiting.extend(serde_json::from_str::<Value>(&text)),
                        (_, value) => waiting.push(value),
                    }
                }
            }
            _ => {}
        }
    }
    let grid = Grid::new(Decimal { mantissa: 1, scale: 8 }, Decimal { mantissa: 1, scale: 8 }).unwrap();
    let usdt = (0..).zip(&assets).find(|(_, symbol)| *symbol == "USDT").map(|(id, _)| AssetId(id)).unwrap();
    let (base, quote, account) = (AssetId(0), usdt, SPOT_ACCOUNT);
    let of = |market, id, symbol: &str| Listed { id: InstrumentId(id), market, symbol: symbol.into(), grid, base, quote, account };
    symbols.remove("ANY");
    let mut instruments = vec![of(Spot, ANY_SPOT.0, "ANY"), of(Linear, ANY_PERP.0, "ANY")];
    for (id, symbol) in (1..).zip(&symbols) {
        instruments.extend([of(Spot, 2 * id, symbol), of(Linear, 2 * id + 1, symbol)]);
    }
    let assets = (0..).zip(&assets).map(|(id, symbol)| asset(AssetId(id), symbol)).collect();
    Directory::new(instruments, assets, accounts())
}

/// The texts that the venue sent, in a payload as it was kept.
fn said(payload: &Value) -> Vec<String> {
    if let Some(response) = payload.get("response").filter(|_| payload.get("request").is_some()) {
        return vec![response.to_string()];
    }
    if let Some(frames) = payload.get("frames").and_then(Value::as_array) {
        return frames.iter().map(|frame| frame["raw"].as_str().unwrap().to_owned()).collect();
    }
    match payload.as_array() {
        Some(talk) if talk.iter().all(|line| line.get("dir").is_some()) => {
            talk.iter().filter(|line| line["dir"] == "server" && line["role"] != "ack").map(|line| line["msg"].to_string()).collect()
        }
        Some(frames) if frames.iter().all(|frame| frame.get("stream").is_some()) => frames.iter().map(Value::to_string).collect(),
        _ => vec![payload.to_string()],
    }
}

const fn link(market: Market, spot: LinkId, linear: LinkId) -> LinkId {
    match market {
        Spot => spot,
        _ => linear,
    }
}

fn read(dialect: &Binance, reading: Reading, text: &str, inbox: &mut Inbox) -> Result<(), String> {
    let mut frame = |link, text: &str| dialect.read(link, text.as_bytes(), inbox).map_err(|e| e.to_string());
    match reading {
        // Snapshots stand among the frames of some recordings.
        Public(market) if text.starts_with(r#"{"lastUpdateId""#) => {
            let ask = if market == Spot { SPOT_DEPTH() } else { USDM_DEPTH() };
            dialect.answer(&ask, 200, &[], text.as_bytes(), inbox).map_err(|e| e.to_string())?.map_err(|e| e.to_string())
        }
        Public(market) => frame(link(market, SPOT_PUBLIC, USDM_PUBLIC), text),
        Passed(link) => frame(link, text),
        Event(market) => frame(link(market, SPOT_PRIVATE, USDM_PRIVATE), text),
        Socket(market) => frame(link(market, SPOT_PRIVATE, USDM_ORDERS), text),
        Taken(market) => frame(link(market, SPOT_PRIVATE, USDM_ORDERS), &format!(r#"{{"id":"1","status":200,"result":{text}}}"#)),
        Answer(ask) => dialect.answer(&ask(), 200, &[], text.as_bytes(), inbox).map_err(|e| e.to_string())?.map_err(|e| e.to_string()),
        Row(ask) => read(dialect, Answer(ask), &format!("[{text}]"), inbox),
        Symbol(ask) => read(dialect, Answer(ask), &format!(r#"{{"symbols":[{text}]}}"#), inbox),
        Refusals => {
            let rows: Vec<Value> = serde_json::from_str(text).map_err(|e| e.to_string())?;
            for row in rows {
                let refused = dialect.answer(&CLOCK(), 400, &[], row["body"].to_string().as_bytes(), inbox).map_err(|e| e.to_string())?;
                let refusal = refused.err().ok_or("an error body that is no refusal")?;
                assert_eq!(Some(refusal.code), row["body"]["code"].as_i64().or(Some(0)), "{row}");
                inbox.messages.push(Message::ServerTime(ms(0)));
            }
            Ok(())
        }
        Left(_) => Ok(()),
    }
}

#[test]
fn every_recorded_payload_is_read_or_left_out_for_a_reason() {
    let Some(folder) = shared("TRADEWIND_WIRE", "wire").map(|wire| wire.join("fixtures/binance")) else { return };
    let mut payloads = BTreeMap::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        if name != "index.json" {
            payloads.insert(name.clone(), serde_json::from_str(&fs::read_to_string(folder.join(&name)).unwrap()).unwrap());
        }
    }
    let dialect = dialect_of(settings(), directory_of(&payloads));
    let (mut counts, mut left, mut used) = (BTreeMap::<&str, usize>::new(), BTreeMap::<&str, Vec<&str>>::new(), BTreeSet::new());
    let (mut failures, mut inbox) = (Vec::new(), Inbox::default());
    for (name, payload) in &payloads {
        let fitting = RULES.iter().filter(|(beginning, _)| name.starts_with(beginning)).max_by_key(|(beginning, _)| beginning.len());
        let Some((beginning, reading)) = fitting else { panic!("{name}: neither read nor left out") };
        used.insert(*beginning);
        if let Left(why) = reading {
            left.entry(why).or_default().push(name);
            continue;
        }
        inbox.clear();
        let mut outcome = Ok(());
        for text in said(payload) {
            outcome = outcome.and_then(|()| read(&dialect, *reading, &text, &mut inbox).map_err(|e| format!("{name}: {e}")));
        }
        let is_socket = matches!(reading, Socket(_));
        let tells = |message: &&Message| match kind(message) {
            "ignored" | "usage" => false,
            "session" => is_socket,
            _ => true,
        };
        let tells = inbox.messages.iter().filter(tells).count();
        let is_passed = matches!(reading, Passed(_));
        let is_open_bar = name.contains("line");
        if outcome.is_ok() && !is_open_bar && (tells == 0) != is_passed {
            outcome = Err(format!("{name}: {:?}", inbox.messages));
        }
        failures.extend(outcome.err());
        for message in &inbox.messages {
            *counts.entry(kind(message)).or_default() += 1;
        }
    }
    println!("{} payloads: {counts:?}", payloads.len());
    for (why, names) in &left {
        println!("left out, {why}: {} ({} …)", names.len(), names[0]);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let idle: Vec<&str> = RULES.iter().map(|(beginning, _)| *beginning).filter(|beginning| !used.contains(beginning)).collect();
    assert!(idle.is_empty(), "rules that fit no payload: {idle:?}");
}

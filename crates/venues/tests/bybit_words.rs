//! What comes in: small messages of every kind, and what they mean.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on must fail")]

mod bybit_desk;

use bybit_desk::{ACCOUNT, BTC, LINEAR, LINEAR_BTC, MNT, ORDERS, PRIVATE, SPOT, SPOT_BTC, USDT, bybit, kind, two_pairs};
use serde_json::{Value, json};
use tradewind_types::{
    AccountEvent, AccountTrade, Amount, Bar, DepthKind, Exposure, FeeCharge, Fill, FundingPayment, LevelChange, Liquidity, Mark, OrderId,
    Price, Qty, Quote, Rate, RejectReason, Sequence, Side, Timestamp, Trade, TradeCause, TradeId, VenueOrderId, VenueReply,
};
use tradewind_venues::{
    Ask, BalanceRecord, CallId, Cursor, Dialect, Inbox, KeyRights, LinkId, MapError, Market, Message, OrderOwner, OrderRecord,
    PositionRecord, RecordState, SessionNews, VenueErrorKind,
};

const OURS: OrderId = OrderId { node: 1, epoch: 3, counter: 77 };
const UUID: &str = "a9188a0a-82bc-50de-be60-03eedbe3cdd7";
const UUID_NUMBER: u128 = 0xa918_8a0a_82bc_50de_be60_03ee_dbe3_cdd7;

fn at(ms: i64) -> Timestamp {
    Timestamp(ms * 1_000_000)
}

fn try_read(link: LinkId, frame: &str) -> Result<Vec<Message>, MapError> {
    let mut inbox = Inbox::default();
    bybit(two_pairs()).read(link, frame.as_bytes(), &mut inbox)?;
    Ok(inbox.messages)
}

fn read(link: LinkId, frame: &str) -> Vec<Message> {
    try_read(link, frame).unwrap_or_else(|why| panic!("{why}: {frame}"))
}

/// Pushes rows on a private topic.
fn push(topic: &str, rows: Value) -> Vec<Message> {
    read(PRIVATE, &json!({"id": "x", "topic": topic, "creationTime": 1_700_000_000_000i64, "data": rows}).to_string())
}

/// An object with some fields in place of its own.
fn with(base: &Value, changes: Value) -> Value {
    let mut row = base.clone();
    for (name, value) in changes.as_object().unwrap() {
        row[name] = value.clone();
    }
    row
}

fn refusal_kind(message: &Message) -> VenueErrorKind {
    match message {
        Message::Answer { outcome: Err(refusal), .. } => refusal.kind,
        Message::Session(SessionNews::AuthRefused(refusal) | SessionNews::SubscriptionRefused(refusal)) => refusal.kind,
        other => panic!("no refusal: {other:?}"),
    }
}

#[test]
fn books_are_read_with_their_keys_in_any_order() {
    let frames = [
        r#"{"topic":"orderbook.50.BTCUSDT","type":"delta","ts":1700000000123,"data":{"s":"BTCUSDT","b":[["65114.20","6.054"],["65114.1","0"]],"a":[["65114.30","0.001"]],"u":177400507,"seq":66544703342},"cts":1700000000100}"#,
        r#" { "cts" : 1, "data" : { "seq":1, "u" : 177400507, "a":[ [ "65114.3" , "0.001" ] ], "zz":{"x":[1,{"y":"\"]"}]}, "b" : [["65114.20000000000000000","6.054"] , ["65114.1","0"]]}, "ts":"1700000000123","type":"delta","topic":"orderbook.200.BTCUSDT" } "#,
    ];
    let mut expected = vec![(Side::Buy, 651_142, 6054), (Side::Buy, 651_141, 0), (Side::Sell, 651_143, 1)];
    for frame in frames {
        let mut inbox = Inbox::default();
        bybit(two_pairs()).read(LINEAR, frame.as_bytes(), &mut inbox).unwrap();
        let sequence = Sequence { first: 177_400_507, last: 177_400_507, previous: None };
        let depth =
            Message::Depth { ts_venue: at(1_700_000_000_123), instrument: LINEAR_BTC, kind: DepthKind::Delta, sequence, changes: (0, 3) };
        assert_eq!(inbox.messages, [depth]);
        let mut changes: Vec<_> = inbox.changes.iter().map(|LevelChange { side, price, qty }| (*side, price.0, qty.0)).collect();
        changes.sort_unstable();
        expected.sort_unstable();
        assert_eq!(changes, expected);
    }
}

#[test]
fn a_frame_that_cannot_be_read_changes_nothing() {
    let good = r#"{"topic":"orderbook.50.BTCUSDT","type":"snapshot","ts":1,"data":{"b":[["1.0","1"]],"a":[["2.0","1"]],"u":1}}"#;
    let bad = [
        (good.replace("1.0", "1.05"), "multiple of the step 0.1"),
        (good.replace(r#""1.0""#, r#""1e0""#), "plain decimal"),
        (good.replace("snapshot", "news"), "`snapshot` or `delta`"),
        (good.replace(r#""u":1"#, r#""v":1"#), "`u` is missing"),
        (good.replace(r#""ts":1,"#, ""), "`ts`"),
        (good.replace("}}", "}"), "expected"),
        (good.replace("}}", "}} x"), "end of the frame"),
        (good.replace(r#"["2.0","1"]"#, r#"["2.0"]"#), "expected"),
        (r#"{"topic":"orderbook.50.BTCUSDT","type":"snapshot","ts":1}"#.to_owned(), "`data`"),
        (r#"{"topic":"publicTrade.BTCUSDT","ts":1,"data":[{"T":1,"S":"Up","v":"1","p":"1","i":"1"}]}"#.to_owned(), "`Up` is not known"),
        (r#"{"topic":"publicTrade.BTCUSDT","ts":1,"data":[{"T":1,"S":"Buy","v":"1","i":"1"}]}"#.to_owned(), "`p` is missing"),
        ("\u{feff}{}".to_owned(), "expected"),
        (String::new(), "expected"),
    ];
    let (dialect, mut inbox) = (bybit(two_pairs()), Inbox::default());
    dialect.read(LINEAR, good.as_bytes(), &mut inbox).unwrap();
    let before = (inbox.messages.clone(), inbox.changes.clone());
    for (frame, words) in bad {
        let why = dialect.read(LINEAR, frame.as_bytes(), &mut inbox).unwrap_err().to_string();
        assert!(why.contains(words), "{why}: {frame}");
        assert_eq!((&inbox.messages, &inbox.changes), (&before.0, &before.1));
    }
}

#[test]
fn trades_say_who_took() {
    let frame = format!(
        r#"{{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1700000000681,"data":[
        {{"T":1700000000680,"s":"BTCUSDT","S":"Sell","v":"0.004","p":"65114.20","L":"MinusTick","i":"{UUID}","BT":false,"RPI":false,"seq":7}},
        {{"i":"2290000001189048101","T":1700000000680,"p":"65114.3","v":"1","S":"Buy","seq":8,"s":"BTCUSDT"}}]}}"#
    );
    let trade = |id, price, qty, aggressor| {
        let trade = Trade { instrument: LINEAR_BTC, trade: TradeId(id), price: Price(price), qty: Qty(qty), aggressor };
        Message::Trade(at(1_700_000_000_680), trade)
    };
    let expected = [trade(UUID_NUMBER, 651_142, 4, Side::Sell), trade(2_290_000_001_189_048_101, 651_143, 1000, Side::Buy)];
    assert_eq!(read(LINEAR, &frame), expected);
}

#[test]
fn the_book_of_depth_one_is_a_quote() {
    let frame = |bids: &str| {
        format!(
            r#"{{"topic":"orderbook.1.BTCUSDT","ts":1700000000001,"type":"snapshot","data":{{"s":"BTCUSDT","b":{bids},"a":[["65154.6","0.09948"]],"u":5,"seq":6}}}}"#
        )
    };
    let quote = Quote { instrument: SPOT_BTC, bid: Price(651_404), bid_qty: Qty(875_077), ask: Price(651_546), ask_qty: Qty(99_480) };
    assert_eq!(read(SPOT, &frame(r#"[["65140.4","0.875077"]]"#)), [Message::Quote(at(1_700_000_000_001), quote)]);
    assert_eq!(read(SPOT, &frame("[]")), [], "one side is empty");
}

#[test]
fn tickers_are_completed_and_marks_go_to_the_nearest_tick() {
    let (dialect, mut inbox) = (bybit(two_pairs()), Inbox::default());
    let mut tell = |link, kind: &str, fields: &str| {
        inbox.clear();
        let frame =
            format!(r#"{{"topic":"tickers.BTCUSDT","type":"{kind}","data":{{"symbol":"BTCUSDT"{fields}}},"cs":1,"ts":1700000000000}}"#);
        dialect.read(link, frame.as_bytes(), &mut inbox).unwrap();
        inbox.messages.clone()
    };
    let mark = |mark, index, rate, next| {
        let (mark, index) = (Price(mark), Price(index));
        vec![Message::Mark(
            at(1_700_000_000_000),
            Mark { instrument: LINEAR_BTC, mark, index, funding_rate: Rate(rate), next_funding: at(next) },
        )]
    };
    assert_eq!(tell(LINEAR, "delta", r#","markPrice":"65117.43""#), [], "nothing to complete it from");
    let whole = r#","markPrice":"65117.44","indexPrice":"65137.76","nextFundingTime":"1700006400000","fundingRate":"0.00004617""#;
    assert_eq!(tell(LINEAR, "snapshot", whole), mark(651_174, 651_378, 4617, 1_700_006_400_000));
    assert_eq!(tell(LINEAR, "delta", r#","bid1Price":"65114.20","bid1Size":"6.054""#), []);
    assert_eq!(tell(LINEAR, "delta", r#","markPrice":"65117.43""#), [], "the same tick");
    assert_eq!(tell(LINEAR, "delta", r#","markPrice":"65117.45""#), [], "half way to an even one");
    assert_eq!(tell(LINEAR, "delta", r#","markPrice":"65117.46""#), mark(651_175, 651_378, 4617, 1_700_006_400_000));
    assert_eq!(tell(LINEAR, "delta", r#","fundingRate":"-0.000212""#), mark(651_175, 651_378, -21_200, 1_700_006_400_000));
    let dated = r#","markPrice":"65000","indexPrice":"64999.9","nextFundingTime":"","fundingRate":"""#;
    assert_eq!(tell(LINEAR, "snapshot", dated), mark(650_000, 649_999, 0, 0));
    assert_eq!(tell(SPOT, "snapshot", r#","lastPrice":"65140.5","usdIndexPrice":"65091.459221""#), [], "spot has no mark");
}

/// News are taken out of an inbox while its venue goes on talking.
#[test]
fn a_mark_is_completed_whatever_was_taken_out_before() {
    let (dialect, mut inbox) = (bybit(two_pairs()), Inbox::default());
    let whole = json!({"markPrice": "65000", "indexPrice": "64999.9", "nextFundingTime": "", "fundingRate": ""});
    let tell = |kind: &str, data: Value, inbox: &mut Inbox| {
        let frame = json!({"topic": "tickers.BTCUSDT", "type": kind, "data": data, "ts": 1_700_000_000_000i64}).to_string();
        dialect.read(LINEAR, frame.as_bytes(), inbox).unwrap();
    };
    tell("snapshot", whole, &mut inbox);
    let first = inbox.take();
    tell("delta", json!({"markPrice": "65000.1"}), &mut inbox);
    inbox.reuse(first);
    tell("delta", json!({"markPrice": "65000.2"}), &mut inbox);
    assert_eq!(inbox.take().messages.iter().map(kind).collect::<Vec<_>>(), ["mark", "mark"]);
}

#[test]
fn bars_come_when_they_are_closed() {
    let bar = |closed: bool| {
        format!(
            r#"{{"topic":"kline.1.BTCUSDT","data":[{{"start":1700000040000,"end":1700000099999,"interval":"1","open":"65119.9","close":"65114.3","high":"65120.0","low":"65114.2","volume":"1.576","turnover":"102627.995","confirm":{closed},"timestamp":1700000100004}}],"ts":1700000100004,"type":"snapshot"}}"#
        )
    };
    let prices = [651_199, 651_200, 651_142, 651_143].map(Price);
    let [open, high, low, close] = prices;
    let closed = Bar { instrument: LINEAR_BTC, open_ts: at(1_700_000_040_000), open, high, low, close, volume: Qty(1576) };
    assert_eq!(read(LINEAR, &bar(true)), [Message::Bar(at(1_700_000_100_000), closed)]);
    assert_eq!(read(LINEAR, &bar(false)), []);
}

#[test]
fn what_is_not_followed_is_ignored() {
    for frame in [
        r#"{"topic":"orderbook.50.PEPEUSDT","type":"delta","ts":1,"data":{"b":[["broken"]],"u":1}}"#,
        r#"{"topic":"allLiquidation.BTCUSDT","type":"snapshot","ts":1,"data":[]}"#,
        r#"{"topic":"kline.5.BTCUSDT","data":[],"ts":1,"type":"snapshot"}"#,
        r#"{"success":true,"ret_msg":"","op":"unsubscribe","conn_id":"x"}"#,
        r#"{"op":"something-new","args":[]}"#,
        "{}",
    ] {
        assert_eq!(read(LINEAR, frame), [Message::Session(SessionNews::Ignored)], "{frame}");
    }
    assert_eq!(push("greeks", json!([])), [Message::Session(SessionNews::Ignored)]);
}

#[test]
fn sockets_acknowledge_in_their_own_ways() {
    let cases = [
        (LINEAR, r#"{"success":true,"ret_msg":"","conn_id":"x","req_id":7,"op":"subscribe"}"#, SessionNews::Subscribed),
        (LINEAR, r#"{"success":true,"ret_msg":"pong","conn_id":"x","req_id":"","op":"ping"}"#, SessionNews::Pong),
        (PRIVATE, r#"{"req_id":"1","op":"pong","args":["1700000000000"],"conn_id":"x"}"#, SessionNews::Pong),
        (ORDERS, r#"{"retCode":0,"op":"pong","data":["1700000000000"],"connId":"x"}"#, SessionNews::Pong),
        (PRIVATE, r#"{"success":true,"ret_msg":"","op":"auth","conn_id":"x"}"#, SessionNews::Authenticated),
        (ORDERS, r#"{"retCode":0,"retMsg":"OK","op":"auth","connId":"x"}"#, SessionNews::Authenticated),
        (ORDERS, r#"{"retCode":10019,"retMsg":"service restarting","op":"","connId":"x"}"#, SessionNews::GoingAway),
    ];
    for (link, frame, news) in cases {
        assert_eq!(read(link, frame), [Message::Session(news)]);
    }
    for (frame, kind) in [
        (r#"{"success":false,"ret_msg":"Params Error","op":"auth","conn_id":"x"}"#, VenueErrorKind::Auth),
        (r#"{"retCode":10004,"retMsg":"sign error","op":"auth","connId":"x"}"#, VenueErrorKind::Auth),
        (r#"{"success":false,"ret_msg":"error:handler not found","op":"subscribe"}"#, VenueErrorKind::Other),
    ] {
        assert_eq!(refusal_kind(&read(PRIVATE, frame)[0]), kind, "{frame}");
    }
}

#[test]
fn an_order_is_taken_or_refused_by_its_call() {
    let answer = |frame: &str| read(ORDERS, frame).pop().unwrap();
    let taken = format!(
        r#"{{"reqId":"17-1700000000000","retCode":0,"retMsg":"OK","op":"order.create","data":{{"orderId":"{UUID}","orderLinkId":""}},"connId":"x"}}"#
    );
    assert_eq!(answer(&taken), Message::Answer { call: CallId(17), outcome: Ok(Some(VenueOrderId(UUID_NUMBER))) });
    let refused = |code: i64, header: &str| {
        answer(&format!(
            r#"{{"reqId":"18446744073709551615-1","retCode":{code},"retMsg":"no","op":"order.cancel","data":{{}},"header":{{{header}}},"connId":"x"}}"#
        ))
    };
    for (code, kind) in [
        (110_007, VenueErrorKind::Funds),
        (170_131, VenueErrorKind::Funds),
        (110_001, VenueErrorKind::UnknownOrder),
        (170_213, VenueErrorKind::UnknownOrder),
        (110_072, VenueErrorKind::Duplicate),
        (10_001, VenueErrorKind::Invalid),
        (110_017, VenueErrorKind::WouldIncrease),
        (110_093, VenueErrorKind::WouldTrigger),
        (10_002, VenueErrorKind::Clock),
        (10_016, VenueErrorKind::Unanswered),
        (10_404, VenueErrorKind::NotOffered),
        (424_242, VenueErrorKind::Other),
    ] {
        let refusal = refused(code, "");
        assert_eq!(refusal_kind(&refusal), kind, "{code}");
        assert!(matches!(refusal, Message::Answer { call: CallId(u64::MAX), .. }));
    }
    let reset = refused(10_429, r#""X-Bapi-Limit-Reset-Timestamp":"1711001595300","Timenow":"1711001595209""#);
    assert_eq!(refusal_kind(&reset), VenueErrorKind::Rate { retry_after: tradewind_types::Nanos::from_millis(91) });
    assert!(try_read(ORDERS, r#"{"retCode":10404,"retMsg":"bad op","op":"order.create"}"#).is_err(), "of which call, nobody knows");
    let busy = r#"{"retCode":10019,"retMsg":"restarting","op":"order.create"}"#;
    assert_eq!(answer(busy), Message::Session(SessionNews::GoingAway));
}

fn order_row() -> Value {
    json!({
        "category": "linear", "symbol": "BTCUSDT", "orderId": UUID, "orderLinkId": "tw1-3-77", "side": "Sell", "orderType": "Limit",
        "price": "65000.50", "qty": "0.010", "cumExecQty": "0", "orderStatus": "New", "timeInForce": "GTC", "cancelType": "UNKNOWN",
        "rejectReason": "EC_NoError", "stopOrderType": "", "avgPrice": null, "positionIdx": 0, "createdTime": "1700000000000",
    })
}

fn record(owner: OrderOwner, filled: i64, state: RecordState) -> OrderRecord {
    let (venue_order, instrument) = (VenueOrderId(UUID_NUMBER), LINEAR_BTC);
    OrderRecord { owner, venue_order, instrument, side: Side::Sell, price: Some(Price(650_005)), qty: Qty(10), filled: Qty(filled), state }
}

#[test]
fn an_order_of_ours_lives_by_the_stream() {
    let order = OURS;
    let accepted = Message::Reply(VenueReply::Accepted { order, venue_order: VenueOrderId(UUID_NUMBER) });
    let row = order_row();
    let open = |filled| Message::Order(record(OrderOwner::Ours(OURS), filled, RecordState::Open));
    assert_eq!(push("order", json!([row])), [accepted.clone(), open(0)]);
    let partly = with(&row, json!({"orderStatus": "PartiallyFilled", "cumExecQty": "0.004"}));
    assert_eq!(push("order.linear", json!([partly])), [accepted.clone(), open(4)]);
    let done = Message::Order(record(OrderOwner::Ours(OURS), 10, RecordState::Filled));
    assert_eq!(push("order", json!([with(&row, json!({"orderStatus": "Filled", "cumExecQty": "0.010"}))])), [done]);
    let stop = json!({"stopOrderType": "Stop", "triggerPrice": "65100"});
    let waiting = with(&with(&row, stop.clone()), json!({"orderStatus": "Untriggered"}));
    assert_eq!(push("order", json!([waiting])), [accepted.clone(), open(0)]);
    let triggered = Message::Reply(VenueReply::Triggered { order });
    for status in ["Triggered", "New"] {
        let woken = with(&with(&row, stop.clone()), json!({"orderStatus": status}));
        assert_eq!(push("order", json!([woken])), [accepted.clone(), triggered.clone(), open(0)]);
    }
}

#[test]
fn the_end_of_an_order_says_why() {
    let order = OURS;
    let rejected = |reason| VenueReply::Rejected { order, reason };
    let (cancelled, expired) = (VenueReply::Cancelled { order }, VenueReply::Expired { order });
    let cases = [
        (json!({"orderStatus": "Cancelled", "cancelType": "CancelByUser", "rejectReason": "EC_PerCancelRequest"}), cancelled),
        (json!({"orderStatus": "Cancelled", "rejectReason": "EC_PostOnlyWillTakeLiquidity"}), rejected(RejectReason::WouldTake)),
        (json!({"orderStatus": "Cancelled", "rejectReason": "EC_PostOnlyWillTakeLiquidity", "cumExecQty": "0.001"}), cancelled),
        (json!({"orderStatus": "Cancelled", "rejectReason": "EC_NoImmediateQtyToFill", "timeInForce": "IOC"}), cancelled),
        (
            json!({"orderStatus": "Cancelled", "rejectReason": "EC_CancelForNoFullFill", "timeInForce": "FOK"}),
            rejected(RejectReason::CannotFillCompletely),
        ),
        (json!({"orderStatus": "PartiallyFilledCanceled", "cumExecQty": "0.004", "category": "spot", "qty": "0.010"}), cancelled),
        (json!({"orderStatus": "Cancelled", "cancelType": "CancelBySmp"}), VenueReply::SelfTradePrevented { order }),
        (json!({"orderStatus": "Cancelled", "cancelType": "CancelByDCP"}), expired),
        (json!({"orderStatus": "Cancelled", "cancelType": "CancelByReduceOnly"}), expired),
        (json!({"orderStatus": "Deactivated", "cancelType": "CancelByUser"}), cancelled),
        (json!({"orderStatus": "Rejected", "rejectReason": "EC_DuplicatedClOrdID"}), rejected(RejectReason::DuplicateId)),
        (json!({"orderStatus": "Rejected", "rejectReason": "EC_Others"}), rejected(RejectReason::InvalidFilter)),
        (json!({"orderStatus": "Rejected", "rejectReason": "EC_Others", "cumExecQty": "0.004"}), cancelled),
    ];
    for (changes, reply) in cases {
        let row = with(&order_row(), changes);
        assert_eq!(push("order", json!([row])), [Message::Reply(reply)], "{row}");
    }
    let unheard = json!({"topic": "order", "data": [with(&order_row(), json!({"orderStatus": "Paused"}))]}).to_string();
    assert!(matches!(try_read(PRIVATE, &unheard), Err(MapError::UnknownWord { field: "orderStatus", .. })));
}

#[test]
fn orders_of_others_are_records() {
    let foreign = |id: &str| OrderOwner::Foreign(id.to_owned());
    let by_hand = with(&order_row(), json!({"orderLinkId": ""}));
    assert_eq!(push("order", json!([by_hand])), [Message::Order(record(foreign(""), 0, RecordState::Open))]);
    let crossing =
        with(&order_row(), json!({"orderLinkId": "web-1", "orderStatus": "Cancelled", "rejectReason": "EC_PostOnlyWillTakeLiquidity"}));
    let refused = RecordState::Rejected(RejectReason::WouldTake);
    assert_eq!(push("order", json!([crossing])), [Message::Order(record(foreign("web-1"), 0, refused))]);
    // A spot market buy for an amount of quote has no quantity; its price is a bound of the venue's.
    let by_value =
        json!({"category": "spot", "orderLinkId": "", "side": "Buy", "orderType": "Market", "qty": "20.123456789", "price": "0"});
    let [Message::Order(order)] = &push("order", json!([with(&order_row(), by_value)]))[..] else { panic!("one record") };
    assert_eq!((order.instrument, order.qty, order.price), (SPOT_BTC, Qty(0), None));
    for elsewhere in [json!({"category": "option"}), json!({"symbol": "PEPEUSDT"}), json!({"category": "inverse"})] {
        assert_eq!(push("order", json!([with(&order_row(), elsewhere)])), []);
    }
}

fn execution_row() -> Value {
    json!({
        "category": "linear", "symbol": "BTCUSDT", "execFee": "0.005061", "execId": UUID, "execPrice": "65000.5", "execQty": "0.004",
        "execType": "Trade", "execValue": "260.002", "isMaker": false, "feeRate": "0.00055", "markPrice": "65001.23", "orderId": UUID,
        "orderLinkId": "tw1-3-77", "side": "Sell", "execTime": "1700000000443", "feeCurrency": "", "createType": "CreateByUser", "seq": 1,
    })
}

fn fill(fee: FeeCharge, liquidity: Liquidity, qty: i64, stated_cash: Option<Amount>) -> Message {
    let (trade, price, qty, ts_venue) = (TradeId(UUID_NUMBER), Price(650_005), Qty(qty), at(1_700_000_000_443));
    Message::Reply(VenueReply::Filled(Fill { order: OURS, trade, price, qty, liquidity, fee, stated_cash, ts_venue }))
}

#[test]
fn fills_carry_their_fee_in_whatever_asset() {
    // Assets have twelve decimals on this desk.
    let fee = |asset, amount| FeeCharge { asset, amount: Amount(amount) };
    let row = execution_row();
    assert_eq!(push("execution", json!([row])), [fill(fee(USDT, 5_061_000_000), Liquidity::Taker, 4, None)]);
    let rebate = with(&row, json!({"execFee": "-0.0013", "isMaker": true, "feeCurrency": "USDT"}));
    assert_eq!(push("execution", json!([rebate])), [fill(fee(USDT, -1_300_000_000), Liquidity::Maker, 4, None)]);
    let spot = with(&row, json!({"category": "spot"}));
    let cash = Some(Amount(260_002_000_000_000));
    let bought = with(&spot, json!({"side": "Buy", "execFee": "0.000004"}));
    assert_eq!(push("execution", json!([bought])), [fill(fee(BTC, 4_000_000), Liquidity::Taker, 4000, cash)], "a buy pays in base");
    assert_eq!(push("execution", json!([spot])), [fill(fee(USDT, 5_061_000_000), Liquidity::Taker, 4000, cash)], "a sell in quote");
    let paid_back = with(&spot, json!({"side": "Buy", "isMaker": true, "execFee": "-0.01"}));
    assert_eq!(push("execution", json!([paid_back])), [fill(fee(USDT, -10_000_000_000), Liquidity::Maker, 4000, cash)]);
    let in_token = with(&spot, json!({"feeCurrency": "MNT", "execFee": "0.25"}));
    assert_eq!(push("execution", json!([in_token])), [fill(fee(MNT, 250_000_000_000), Liquidity::Taker, 4000, cash)]);
    let unlisted = json!({"topic": "execution", "data": [with(&row, json!({"feeCurrency": "XYZ"}))]}).to_string();
    assert!(matches!(try_read(PRIVATE, &unlisted), Err(MapError::NotListed { .. })));
    let fast = json!({"category": "linear", "symbol": "BTCUSDT", "execId": UUID, "execPrice": "65000.5", "execQty": "0.004",
        "orderLinkId": "tw1-3-77", "side": "Sell", "execTime": "1700000000443", "isMaker": true});
    assert_eq!(push("execution.fast", json!([fast])), [fill(fee(USDT, 0), Liquidity::Maker, 4, None)]);
}

#[test]
fn trades_that_no_order_of_ours_made_say_their_cause() {
    let cases = [
        (json!({"orderLinkId": ""}), TradeCause::Manual),
        (json!({"orderLinkId": "", "createType": "CreateByLiq"}), TradeCause::Liquidation),
        (json!({"execType": "BustTrade"}), TradeCause::Liquidation),
        (json!({"execType": "AdlTrade", "orderLinkId": ""}), TradeCause::AutoDeleveraging),
        (json!({"execType": "Delivery", "orderLinkId": ""}), TradeCause::Delivery),
        (json!({"execType": "MovePosition", "orderLinkId": ""}), TradeCause::Manual),
    ];
    for (changes, cause) in cases {
        let trade = AccountTrade {
            account: ACCOUNT,
            instrument: LINEAR_BTC,
            side: Side::Sell,
            trade: TradeId(UUID_NUMBER),
            price: Price(650_005),
            qty: Qty(4),
            fee: FeeCharge { asset: USDT, amount: Amount(5_061_000_000) },
            stated_cash: None,
            cause,
            leg: Exposure::Any,
            ts_venue: at(1_700_000_000_443),
        };
        let row = with(&execution_row(), changes);
        assert_eq!(push("execution", json!([row])), [Message::Account(AccountEvent::Traded(trade))], "{row}");
    }
    let unheard = json!({"topic": "execution", "data": [with(&execution_row(), json!({"execType": "Gift"}))]}).to_string();
    assert!(matches!(try_read(PRIVATE, &unheard), Err(MapError::UnknownWord { field: "execType", .. })));
}

#[test]
fn funding_comes_as_an_execution() {
    let row = with(
        &execution_row(),
        json!({"execType": "Funding", "orderLinkId": "", "execFee": "-0.10232512", "feeRate": "-0.000761", "execTime": "1700006400000"}),
    );
    let payment = FundingPayment {
        account: ACCOUNT,
        instrument: LINEAR_BTC,
        rate: Rate(-76_100),
        mark: Price(650_012),
        amount: Amount(102_325_120_000),
        ts_venue: at(1_700_006_400_000),
    };
    assert_eq!(push("execution", json!([row])), [Message::Account(AccountEvent::Funding(payment))]);
    let paid_out = with(&execution_row(), json!({"execType": "SessionSettlePnL"}));
    assert_eq!(push("execution", json!([paid_out])), []);
}

#[test]
fn positions_name_their_leg() {
    let row = json!({"category": "linear", "symbol": "BTCUSDT", "side": "Sell", "size": "0.010", "positionIdx": 0, "liqPrice": ""});
    for (changes, leg, lots) in [
        (json!({}), Exposure::Any, -10),
        (json!({"positionIdx": 1, "side": "Buy"}), Exposure::LongLeg, 10),
        (json!({"positionIdx": 2}), Exposure::ShortLeg, -10),
        (json!({"positionIdx": 2, "side": "", "size": "0"}), Exposure::ShortLeg, 0),
    ] {
        let position = PositionRecord { account: ACCOUNT, instrument: LINEAR_BTC, leg, lots };
        assert_eq!(push("position", json!([with(&row, changes)])), [Message::Position(position)]);
    }
    let broken = json!({"topic": "position", "data": [with(&row, json!({"side": ""}))]}).to_string();
    assert!(try_read(PRIVATE, &broken).is_err(), "a size without a side");
}

#[test]
fn one_wallet_is_told_once() {
    let coins = json!([{"coin": [
        {"coin": "USDT", "walletBalance": "9647.75537647", "equity": "10226.2", "locked": "5"},
        {"coin": "BTC", "walletBalance": "-0.00102964"},
        {"coin": "PEPE", "walletBalance": "1"},
        {"coin": "MNT", "walletBalance": ""},
    ]}]);
    let balance = |asset, total| Message::Balance(BalanceRecord { account: ACCOUNT, asset, total: Amount(total) });
    let expected = [balance(USDT, 9_647_755_376_470_000), balance(BTC, -1_029_640_000), balance(MNT, 0)];
    assert_eq!(push("wallet", coins), expected);
}

/// Puts an answer to a question.
fn answer(ask: &Ask, result: Value) -> Vec<Message> {
    let (mut inbox, body) = (Inbox::default(), json!({"retCode": 0, "retMsg": "OK", "result": result, "time": 1_700_000_000_500i64}));
    bybit(two_pairs()).answer(ask, 200, &[], body.to_string().as_bytes(), &mut inbox).unwrap().unwrap();
    inbox.messages
}

#[test]
fn an_order_that_is_not_recent_is_looked_for_in_the_history() {
    let (order, instrument) = (OURS, LINEAR_BTC);
    let (recent, history) = (Ask::Order { order, instrument }, Ask::OrderHistory { order, instrument });
    assert_eq!(answer(&recent, json!({"list": []})), [Message::More(history.clone())]);
    assert_eq!(answer(&history, json!({"list": []})), [Message::NoSuchOrder(OURS)]);
    // Rows of an answer name no category.
    let row = with(&order_row(), json!({"category": "", "orderStatus": "Filled", "cumExecQty": "0.010"}));
    let expected = [Message::Order(record(OrderOwner::Ours(OURS), 10, RecordState::Filled))];
    assert_eq!(answer(&recent, json!({"list": [row]})), expected);
}

#[test]
fn pages_go_on_with_the_next_coin() {
    let market = Market::Linear;
    let ask = |cursor: Option<&str>| Ask::OpenOrders { market, cursor: cursor.map(|text| Cursor(text.to_owned())) };
    let row = with(&order_row(), json!({"category": ""}));
    let next = |ask: &Ask, result: Value| match answer(ask, result).pop() {
        Some(Message::More(next)) => Some(next),
        _ => None,
    };
    assert_eq!(next(&ask(None), json!({"list": [row], "nextPageCursor": "p%3D2"})), Some(ask(Some("USDT|p%3D2"))));
    assert_eq!(next(&ask(Some("USDT|p%3D2")), json!({"list": [], "nextPageCursor": "p%3D3"})), Some(ask(Some("USDC|"))));
    assert_eq!(next(&ask(Some("USDC|")), json!({"list": [row], "nextPageCursor": ""})), None);
    let spot = Ask::OpenOrders { market: Market::Spot, cursor: None };
    assert_eq!(next(&spot, json!({"list": [], "nextPageCursor": ""})), None);
}

/// One question covers seven days.
#[test]
fn old_executions_are_asked_for_week_by_week() {
    let instrument = LINEAR_BTC;
    let since = |ms| at(ms);
    let ask = |ms, cursor: Option<&str>| Ask::Fills { instrument, since: since(ms), cursor: cursor.map(|text| Cursor(text.to_owned())) };
    let (week, now) = (604_800_000, 1_700_000_000_500);
    let empty = || json!({"list": []});
    assert_eq!(answer(&ask(now - 2 * week, None), empty()), [Message::More(ask(now - week, None))]);
    assert_eq!(answer(&ask(now - week, None), empty()), []);
    let row = with(&execution_row(), json!({"category": ""}));
    let messages = answer(&ask(now - 5, None), json!({"list": [row], "nextPageCursor": "x%3A1"}));
    assert_eq!(messages.iter().map(kind).collect::<Vec<_>>(), ["reply", "more"]);
    assert_eq!(messages[1], Message::More(ask(now - 5, Some("x%3A1"))));
}

#[test]
fn other_questions_are_answered() {
    let time = answer(&Ask::ServerTime, json!({"timeSecond": "1700000000", "timeNano": "1700000000403213947"}));
    assert_eq!(time, [Message::ServerTime(Timestamp(1_700_000_000_403_213_947))]);
    let key = |read_only, wallet: &[&str], spot: &[&str]| {
        let permissions = json!({"ContractTrade": ["Order", "Position"], "Spot": spot, "Wallet": wallet, "NFT": []});
        answer(&Ask::KeyRights, json!({"readOnly": read_only, "permissions": permissions}))
    };
    let rights = |trade, withdraw| [Message::Rights(KeyRights { trade, withdraw })];
    assert_eq!(key(0, &["AccountTransfer"], &["SpotTrade"]), rights(true, false));
    assert_eq!(key(0, &["Withdraw"], &["SpotTrade"]), rights(true, true));
    assert_eq!(key(1, &[], &["SpotTrade"]), rights(false, false));
    assert_eq!(key(0, &[], &[]), rights(false, false), "one market is missing");
    let (instrument, all) = (SPOT_BTC, Ask::CancelAll { instrument: SPOT_BTC });
    assert_eq!(answer(&all, json!({"list": []})), [Message::More(Ask::CancelAllConditional { instrument })]);
    assert_eq!(answer(&Ask::CancelAll { instrument: LINEAR_BTC }, json!({"list": []})), []);
    let mut inbox = Inbox::default();
    let half_done = br#"{"retCode":0,"retMsg":"OK","result":{"list":[],"success":"0"}}"#;
    let refusal = bybit(two_pairs()).answer(&all, 200, &[], half_done, &mut inbox).unwrap().unwrap_err();
    assert_eq!(refusal.kind, VenueErrorKind::Unanswered);
    let book = json!({"s": "BTCUSDT", "b": [["1.0", "0.5"]], "a": [], "ts": 1_700_000_000_001i64, "u": 9, "seq": 8});
    let depth = answer(&Ask::Depth { instrument }, book);
    assert!(matches!(depth[..], [Message::Depth { kind: DepthKind::Snapshot, sequence: Sequence { last: 9, .. }, changes: (0, 1), .. }]));
}

#[test]
fn instruments_are_listed_with_exact_filters() {
    let linear = json!({"symbol": "BTC-25DEC26", "contractType": "LinearFutures", "status": "Trading", "baseCoin": "BTC", "quoteCoin": "USDT",
        "settleCoin": "USDT", "deliveryTime": "1798185600000", "priceFilter": {"tickSize": "0.50"},
        "lotSizeFilter": {"qtyStep": "0.001", "minOrderQty": "0.001", "maxOrderQty": "1500.000", "minNotionalValue": "5"}});
    let spot = json!({"symbol": "PEPEUSDT", "status": "PreLaunch", "baseCoin": "PEPE", "quoteCoin": "USDT", "priceFilter": {"tickSize": "0.0000000001"},
        "lotSizeFilter": {"basePrecision": "1", "minOrderQty": "50", "maxOrderQty": "9", "maxLimitOrderQty": "2000000", "minOrderAmt": "5"}});
    let listed = |market, row: Value, cursor: &str| {
        let messages = answer(&Ask::Instruments { market, cursor: None }, json!({"list": [row], "nextPageCursor": cursor}));
        let Some(Message::Listed(listed)) = messages.first() else { panic!("{messages:?}") };
        (*listed.clone(), messages.len())
    };
    let (future, messages) = listed(Market::Linear, linear, "first%3DX");
    let text = |d: tradewind_types::Decimal| d.to_string();
    assert_eq!((future.settle.as_str(), text(future.tick), text(future.lot), messages), ("USDT", "0.5".into(), "0.001".into(), 2));
    assert_eq!(future.kind.expiry(), Some(at(1_798_185_600_000)));
    assert_eq!((future.max_qty.map(text), text(future.min_notional), future.is_trading), (Some("1500".into()), "5".into(), true));
    let (coin, messages) = listed(Market::Spot, spot, "");
    assert_eq!((text(coin.tick), text(coin.lot), text(coin.min_qty), messages), ("0.0000000001".into(), "1".into(), "1".into(), 1));
    assert_eq!((coin.max_qty.map(text), coin.settle.as_str(), coin.is_trading), (Some("2000000".into()), "USDT", false));
}

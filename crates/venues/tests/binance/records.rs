//! Answers over HTTP, payload by payload.

use crate::town::*;
use tradewind_types::{
    AccountEvent, AccountTrade, Amount, Decimal, DepthKind, Exposure, FeeCharge, FundingPayment, InstrumentKind, LevelChange, Liquidity,
    Price, Qty, Rate, Sequence, Side, Timestamp, TradeCause, TradeId, VenueOrderId,
};
use tradewind_venues::{
    Ask, BalanceRecord, BucketId, Cursor, Dialect, ExecutionRecord, Inbox, KeyRights, ListedInstrument, Market, Message, OrderOwner,
    OrderRecord, PositionRecord, RecordState, VenueError, VenueErrorKind,
};

fn answered(ask: &Ask, status: u16, body: &str) -> (Vec<Message>, Option<VenueError>) {
    let mut inbox = Inbox::default();
    let outcome = dialect().answer(ask, status, &[], body.as_bytes(), &mut inbox).unwrap();
    (inbox.messages, outcome.err())
}

fn told(ask: &Ask, body: &str) -> Vec<Message> {
    let (messages, refusal) = answered(ask, 200, body);
    assert_eq!(refusal, None);
    messages
}

#[test]
fn snapshots() {
    let mut inbox = Inbox::default();
    let body = r#"{"lastUpdateId":1027024,"bids":[["4.00000000","431.00000000"]],"asks":[["4.02000000","12.00000000"]]}"#;
    dialect().answer(&Ask::Depth { instrument: SPOT }, 200, &[], body.as_bytes(), &mut inbox).unwrap().unwrap();
    let sequence = Sequence { first: 1_027_024, last: 1_027_024, previous: None };
    let depth = |ts_venue, instrument| Message::Depth { ts_venue, instrument, kind: DepthKind::Snapshot, sequence, changes: (0, 2) };
    assert_eq!(inbox.messages, [depth(Timestamp(0), SPOT)]);
    let level = |side, price, qty| LevelChange { side, price: Price(price), qty: Qty(qty) };
    assert_eq!(inbox.changes, [level(Side::Buy, 400, 43_100_000), level(Side::Sell, 402, 1_200_000)]);
    let body = r#"{"lastUpdateId":1027024,"E":1589436922972,"T":1589436922959,"bids":[["4.0","431"]],"asks":[["4.2","12"]]}"#;
    assert_eq!(told(&Ask::Depth { instrument: PERP }, body), [depth(ms(1_589_436_922_959), PERP)]);
}

#[test]
fn listings() {
    let decimal = |mantissa, scale| Decimal { mantissa, scale };
    let spot = r#"{"timezone":"UTC","symbols":[{"symbol":"PEPEUSDT","status":"BREAK","baseAsset":"PEPE","quoteAsset":"USDT","isSpotTradingAllowed":true,
        "filters":[{"filterType":"PRICE_FILTER","minPrice":"0.00000001","maxPrice":"1000.00","tickSize":"0.00000001"},
        {"filterType":"LOT_SIZE","minQty":"1.00","maxQty":"92141578002.00","stepSize":"1.00"},{"filterType":"ICEBERG_PARTS","limit":10},
        {"filterType":"NOTIONAL","minNotional":"1.00000000","applyMinToMarket":true,"maxNotional":"9000000.00"}],"permissionSets":[["SPOT"]]}]}"#;
    let listed = ListedInstrument {
        market: Market::Spot,
        symbol: "PEPEUSDT".into(),
        kind: InstrumentKind::Spot,
        base: "PEPE".into(),
        quote: "USDT".into(),
        settle: "USDT".into(),
        tick: decimal(1, 8),
        lot: decimal(1, 0),
        multiplier: decimal(1, 0),
        min_qty: decimal(1, 0),
        max_qty: Some(decimal(92_141_578_002, 0)),
        min_notional: decimal(1, 0),
        is_trading: false,
    };
    assert_eq!(told(&Ask::Instruments { market: Market::Spot, cursor: None }, spot), [Message::Listed(Box::new(listed.clone()))]);
    let usdm = r#"{"symbols":[{"symbol":"BTCUSDT_260925","pair":"BTCUSDT","contractType":"CURRENT_QUARTER","deliveryDate":1790323200000,
        "status":"TRADING","baseAsset":"BTC","quoteAsset":"USDT","marginAsset":"USDT","pricePrecision":1,"quantityPrecision":3,
        "filters":[{"filterType":"PRICE_FILTER","tickSize":"0.10"},{"filterType":"LOT_SIZE","minQty":"0.001","maxQty":"0","stepSize":"0.001"},
        {"filterType":"MIN_NOTIONAL","notional":"50"}]},{"symbol":"ODD","contractType":"SOMETHING_NEW","baseAsset":"A","quoteAsset":"B"}]}"#;
    let listed = ListedInstrument {
        market: Market::Linear,
        symbol: "BTCUSDT_260925".into(),
        kind: InstrumentKind::LinearFuture { expiry: ms(1_790_323_200_000) },
        base: "BTC".into(),
        tick: decimal(1, 1),
        lot: decimal(1, 3),
        min_qty: decimal(1, 3),
        max_qty: None,
        min_notional: decimal(50, 0),
        is_trading: true,
        ..listed
    };
    assert_eq!(told(&Ask::Instruments { market: Market::Linear, cursor: None }, usdm), [Message::Listed(Box::new(listed))]);
}

#[test]
fn orders_by_the_records() {
    let order = |id: &str, status: &str, price: &str| {
        format!(
            r#"{{"symbol":"BTCUSDT","orderId":12569099453,"clientOrderId":"{id}","price":"{price}","origQty":"0.010","executedQty":"0.004",
            "status":"{status}","side":"SELL","type":"LIMIT"}}"#
        )
    };
    let record = |owner, price, state| {
        let (venue_order, instrument, side) = (VenueOrderId(12_569_099_453), PERP, Side::Sell);
        Message::Order(OrderRecord { owner, venue_order, instrument, side, price, qty: Qty(10), filled: Qty(4), state })
    };
    let one = Ask::Order { order: OURS, instrument: PERP };
    let ours = record(OrderOwner::Ours(OURS), Some(Price(420_005)), RecordState::Open);
    assert_eq!(told(&one, &order("tw1-3-77", "PARTIALLY_FILLED", "42000.5")), [ours]);
    let foreign = record(OrderOwner::Foreign("web_x".into()), None, RecordState::Expired);
    let open = Ask::OpenOrders { market: Market::Linear, cursor: None };
    let next = Ask::OpenOrders { market: Market::Linear, cursor: Some(Cursor("conditional".into())) };
    assert_eq!(told(&open, &format!("[{}]", order("web_x", "EXPIRED", "0"))), [foreign, Message::More(next.clone())]);
    let waiting = r#"[{"algoId":9,"clientAlgoId":"tw1-3-77","symbol":"BTCUSDT","side":"SELL","quantity":"0.010","algoStatus":"NEW","triggerPrice":"1"}]"#;
    let state = RecordState::Open;
    let (owner, venue_order) = (OrderOwner::Ours(OURS), VenueOrderId(9));
    let record = OrderRecord { owner, venue_order, instrument: PERP, side: Side::Sell, price: None, qty: Qty(10), filled: Qty(0), state };
    assert_eq!(told(&next, waiting), [Message::Order(record)]);
}

/// On futures an order that the book does not know may be one that waits for its trigger.
#[test]
fn an_order_nobody_knows() {
    let body = r#"{"code":-2013,"msg":"Order does not exist."}"#;
    let nobody = (vec![Message::NoSuchOrder(OURS)], None);
    assert_eq!(answered(&Ask::Order { order: OURS, instrument: SPOT }, 400, body), nobody);
    let waiting = Ask::ConditionalOrder { order: OURS, instrument: PERP };
    assert_eq!(answered(&Ask::Order { order: OURS, instrument: PERP }, 400, body), (vec![Message::More(waiting.clone())], None));
    assert_eq!(answered(&waiting, 400, body), nobody);
    let (messages, refusal) = answered(&Ask::Order { order: OURS, instrument: SPOT }, 504, "");
    assert_eq!((messages, refusal.unwrap().kind), (Vec::new(), VenueErrorKind::Unanswered));
}

#[test]
fn cancelling_all_cancels_what_waits_too() {
    let done = r#"{"code":200,"msg":"The operation of cancel all open order is done."}"#;
    let next = Message::More(Ask::CancelAllConditional { instrument: PERP });
    assert_eq!(told(&Ask::CancelAll { instrument: PERP }, done), [next]);
    let none_open = r#"{"code":-2011,"msg":"Unknown order sent."}"#;
    assert_eq!(answered(&Ask::CancelAll { instrument: SPOT }, 400, none_open), (Vec::new(), None));
}

fn fills(count: usize, first: u64, time: impl Fn(usize) -> i64) -> String {
    let row = |n: usize| {
        format!(
            r#"{{"symbol":"BTCUSDT","id":{},"orderId":100234,"price":"42000.00","qty":"0.50000","quoteQty":"21000.00","commission":"0.0005",
            "commissionAsset":"BTC","time":{},"isBuyer":true,"isMaker":true,"isBestMatch":true}}"#,
            first + n as u64,
            time(n)
        )
    };
    format!("[{}]", (0..count).map(row).collect::<Vec<_>>().join(","))
}

#[test]
fn executions_name_the_venues_order() {
    let ask = Ask::Fills { instrument: SPOT, since: ms(1000), cursor: None };
    let trade = AccountTrade {
        account: SPOT_ACCOUNT,
        instrument: SPOT,
        side: Side::Buy,
        trade: TradeId(78),
        price: Price(4_200_000),
        qty: Qty(50_000),
        fee: FeeCharge { asset: BTC, amount: Amount(50_000) },
        stated_cash: Some(Amount(2_100_000_000_000)),
        cause: TradeCause::Manual,
        leg: Exposure::Any,
        ts_venue: ms(1500),
    };
    let record = ExecutionRecord { venue_order: VenueOrderId(100_234), liquidity: Liquidity::Maker, trade };
    // The one before the moment asked for is left out.
    assert_eq!(told(&ask, &fills(2, 77, |n| 500 + 1000 * n as i64)), [Message::Execution(record)]);
}

/// A full page of the latest executions may hide earlier ones: they are asked for from the beginning, by time and then by id.
#[test]
fn executions_are_paged_until_nothing_is_hidden() {
    const DAY: i64 = 86_400_000;
    let (instrument, since) = (SPOT, ms(1000));
    let ask = |cursor: Option<&str>| Ask::Fills { instrument, since, cursor: cursor.map(|text| Cursor(text.into())) };
    let next = |cursor: Option<&str>, body: &str| match told(&ask(cursor), body).pop() {
        Some(Message::More(Ask::Fills { cursor: Some(Cursor(text)), .. })) => Some(text),
        _ => None,
    };
    let late = 3 * DAY;
    assert_eq!(next(None, &fills(1000, 5000, |n| late + n as i64)).as_deref(), Some("time 1000 259200000"));
    assert_eq!(next(None, &fills(1000, 5000, |n| 999 + n as i64)), None, "the oldest is from before");
    assert_eq!(next(None, &fills(999, 5000, |n| late + n as i64)), None, "nothing is hidden");
    assert_eq!(next(Some("time 1000 259200000"), "[]").as_deref(), Some("time 86401000 259200000"));
    assert_eq!(next(Some("time 259200000 259200000"), "[]"), None);
    assert_eq!(next(Some("time 86401000 259200000"), &fills(3, 70, |_| DAY + 2000)).as_deref(), Some("id 73 259200000"));
    assert_eq!(next(Some("id 73 259200000"), &fills(1000, 73, |_| 2 * DAY)).as_deref(), Some("id 1073 259200000"));
    assert_eq!(next(Some("id 1073 259200000"), &fills(1000, 1073, |_| late + 5)), None, "known from here on");
    assert_eq!(next(Some("id 1073 259200000"), &fills(7, 1073, |_| 2 * DAY)), None);
}

#[test]
fn balances_and_positions_by_the_records() {
    let spot =
        r#"{"canTrade":true,"balances":[{"asset":"BTC","free":"1.5","locked":"0.25000000"},{"asset":"OTHER","free":"1","locked":"0"}]}"#;
    let balance = |account, asset, total| Message::Balance(BalanceRecord { account, asset, total: Amount(total) });
    assert_eq!(told(&Ask::Balances { market: Market::Spot }, spot), [balance(SPOT_ACCOUNT, BTC, 175_000_000)]);
    let usdm = r#"[{"asset":"USDT","balance":"122.12345678","crossWalletBalance":"100","availableBalance":"1"}]"#;
    assert_eq!(told(&Ask::Balances { market: Market::Linear }, usdm), [balance(USDM_ACCOUNT, USDT, 12_212_345_678)]);
    let positions = r#"[{"symbol":"BTCUSDT","positionAmt":"-0.010","positionSide":"BOTH","entryPrice":"1.23456789012"}]"#;
    let held = PositionRecord { account: USDM_ACCOUNT, instrument: PERP, leg: Exposure::Any, lots: -10 };
    assert_eq!(told(&Ask::Positions { market: Market::Linear, cursor: None }, positions), [Message::Position(held)]);
}

/// A payment states its amount, the rate's record its rate and mark price: together they are the funding.
#[test]
fn funding_is_put_together_from_two_records() {
    let ask = |cursor| Ask::Funding { instrument: PERP, since: ms(5), cursor };
    let income =
        r#"[{"symbol":"BTCUSDT","incomeType":"FUNDING_FEE","income":"-0.37500000","asset":"USDT","time":1698768000001,"tranId":9}]"#;
    let Some(Message::More(next)) = told(&ask(None), income).pop() else { panic!("asks for no rate") };
    let request = dialect().ask(&next, NOW).unwrap();
    let range = "endTime=1698768060001&limit=1&startTime=1698767940001&symbol=BTCUSDT";
    assert_eq!(request.url, format!("https://fapi.binance.com/fapi/v1/fundingRate?{range}"));
    let rates = r#"[{"symbol":"BTCUSDT","fundingTime":1698768000000,"fundingRate":"0.00010000","markPrice":"34287.54619963"}]"#;
    let payment = FundingPayment {
        account: USDM_ACCOUNT,
        instrument: PERP,
        rate: Rate(10_000),
        mark: Price(342_875),
        amount: Amount(-37_500_000),
        ts_venue: ms(1_698_768_000_000),
    };
    assert_eq!(told(&next, rates), [Message::Account(AccountEvent::Funding(payment))]);
    assert_eq!(told(&next, "[]"), []);
}

#[test]
fn keys_clocks_and_counts() {
    let may = |rights: &str| told(&Ask::KeyRights, rights);
    let rights = |trade, withdraw| [Message::Rights(KeyRights { trade, withdraw })];
    assert_eq!(
        may(r#"{"ipRestrict":true,"enableSpotAndMarginTrading":true,"enableFutures":true,"enableWithdrawals":false}"#),
        rights(true, false)
    );
    assert_eq!(may(r#"{"enableSpotAndMarginTrading":true,"enableFutures":false,"enableWithdrawals":true}"#), rights(false, true));
    assert_eq!(told(&Ask::ServerTime, r#"{"serverTime":1499827319559}"#), [Message::ServerTime(ms(1_499_827_319_559))]);
    let key = Message::StreamKey(Market::Linear, "pqia".into());
    assert_eq!(told(&Ask::StreamKey { market: Market::Linear }, r#"{"listenKey":"pqia"}"#), [key]);
    let mut inbox = Inbox::default();
    let headers = [("X-MBX-USED-WEIGHT-1M".to_owned(), "57".to_owned()), ("x-mbx-order-count-10s".to_owned(), "3".to_owned())];
    let ask = Ask::Balances { market: Market::Linear };
    dialect().answer(&ask, 200, &headers, b"[]", &mut inbox).unwrap().unwrap();
    let used = |bucket, used| Message::Usage { bucket: BucketId(bucket), used };
    assert_eq!(inbox.messages, [used(3, 57), used(4, 3)]);
    assert_eq!(dialect().buckets()[3].name, "usdm-weight");
}

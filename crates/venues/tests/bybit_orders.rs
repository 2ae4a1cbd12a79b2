//! What leaves: order commands, questions, logins and subscriptions, byte for byte; and the answers to commands.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on must fail")]

mod bybit_desk;

use bybit_desk::{ACCOUNT, LINEAR, LINEAR_BTC, ORDERS, PRIVATE, SPOT, SPOT_BTC, bybit, decimal, settings, two_pairs};
use tradewind_limits::{BookHealth, Ceiling, Command, Limits, LiveOrder, OrderContext, Reference, Standing, Surroundings};
use tradewind_types::{
    Account, Amount, Asset, AssetId, BookId, Exposure, Instrument, InstrumentId, InstrumentKind, InstrumentTerms, MarginMode, Nanos,
    OrderId, OrderKind, OrderState, OrderTerms, PositionMode, Price, Qty, Side, TimeInForce, Timestamp, Trigger, TriggerSource, VenueId,
    VenueOrderId,
};
use tradewind_venues::bybit::{Bybit, Endpoints};
use tradewind_venues::{
    Address, Ask, CallId, Cursor, DeadMan, Dialect, Inbox, Market, Message, Method, Outgoing, Purpose, Refresh, Submission, VenueError,
    VenueErrorKind,
};

const NOW: Timestamp = Timestamp(1_700_000_000_000_000_000);
const CALL: CallId = CallId(17);
const OURS: OrderId = OrderId { node: 1, epoch: 3, counter: 77 };

/// Commands come out of the limits and from nowhere else.
struct Desk {
    instrument: Instrument,
    account: Account,
    surroundings: Surroundings<'static>,
    limits: Limits,
}

impl Desk {
    fn of(terms: &OrderTerms) -> Self {
        let is_spot = terms.instrument == SPOT_BTC;
        let base = Asset { id: AssetId(0), symbol: "BTC".into(), scale: 8 };
        let quote = Asset { id: AssetId(4), symbol: "USDT".into(), scale: 8 };
        let instrument = InstrumentTerms {
            id: terms.instrument,
            venue: VenueId(0),
            symbol: "BTCUSDT".into(),
            kind: if is_spot { InstrumentKind::Spot } else { InstrumentKind::LinearPerpetual },
            base: base.id,
            quote: quote.id,
            settle: quote.id,
            tick: decimal("0.1"),
            lot: if is_spot { decimal("0.000001") } else { decimal("0.001") },
            multiplier: decimal("1"),
            min_qty: Qty(1),
            max_qty: Qty(1_000_000_000),
            min_notional: Amount(0),
        };
        let mode = if is_spot { MarginMode::Spot } else { MarginMode::Cross };
        let is_leg = matches!(terms.exposure, Exposure::LongLeg | Exposure::ShortLeg);
        let position_mode = if is_leg { PositionMode::Hedge } else { PositionMode::OneWay };
        Self {
            instrument: Instrument::new(instrument, &base, &quote).unwrap(),
            account: Account { id: ACCOUNT, venue: VenueId(0), name: "main".into(), mode },
            surroundings: Surroundings { position_mode, closable: 1_000_000, legs: is_leg.then_some(0), ..Surroundings::default() },
            limits: Limits::new(),
        }
    }

    fn context(&self) -> OrderContext<'_> {
        OrderContext {
            now: NOW,
            instrument: &self.instrument,
            account: &self.account,
            reference: Some(Reference { price: Price(400_000), at: NOW }),
            book_health: BookHealth::Valid,
            firm: Standing::default(),
            account_standing: Standing::default(),
            book: Standing::default(),
            free: Amount(i128::MAX),
            surroundings: Some(&self.surroundings),
        }
    }
}

fn place(terms: &OrderTerms) -> Command {
    let desk = Desk::of(terms);
    desk.limits.place(&desk.context(), OURS, terms).unwrap().into_command()
}

fn amend(terms: &OrderTerms, price: i64, qty: i64) -> Command {
    let (desk, ceiling) = (Desk::of(terms), Ceiling::new(terms.qty, Amount(0)).unwrap());
    let live = LiveOrder { order: OURS, terms: *terms, state: OrderState::Open, filled: Qty(0), ceiling };
    desk.limits.amend(&desk.context(), &live, Price(price), Qty(qty)).unwrap()
}

fn cancel(terms: &OrderTerms) -> Command {
    Limits::new().cancel(OURS, terms.instrument, OrderState::Open).unwrap()
}

fn terms(instrument: InstrumentId, side: Side, kind: OrderKind, time_in_force: TimeInForce, exposure: Exposure) -> OrderTerms {
    OrderTerms { instrument, account: ACCOUNT, book: BookId(1), side, kind, time_in_force, qty: Qty(5), exposure }
}

fn limit(instrument: InstrumentId) -> OrderTerms {
    terms(instrument, Side::Buy, OrderKind::Limit { price: Price(400_005) }, TimeInForce::GoodTillCancelled, Exposure::Any)
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The one order object of a frame on the order-entry socket.
fn sent(outgoing: &Outgoing, op: &str) -> String {
    let Outgoing::Frame(link, frame) = outgoing else { panic!("{outgoing:?}") };
    assert_eq!(*link, ORDERS);
    let head = format!(
        r#"{{"reqId":"17-1700000000000","header":{{"X-BAPI-TIMESTAMP":"1700000000000","X-BAPI-RECV-WINDOW":"5000"}},"op":"{op}","args":["#
    );
    text(frame).strip_prefix(&head).unwrap_or_else(|| panic!("{}", text(frame))).strip_suffix("]}").unwrap().to_owned()
}

/// How one command leaves.
fn left(dialect: &Bybit, command: Command, terms: &OrderTerms) -> Outgoing {
    let (together, outgoing) = dialect.command(&[Submission { command, terms: *terms }], CALL, NOW);
    assert_eq!(together, 1);
    outgoing
}

fn placed(terms: &OrderTerms) -> Outgoing {
    left(&bybit(two_pairs()), place(terms), terms)
}

#[test]
fn new_orders_are_written_as_the_documents_describe() {
    let trigger = |source| Trigger { price: Price(410_000), source };
    let price = Price(400_005);
    let (gtc, ioc) = (TimeInForce::GoodTillCancelled, TimeInForce::ImmediateOrCancel);
    let cases = [
        (
            limit(LINEAR_BTC),
            r#""category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.005","price":"40000.5","timeInForce":"GTC","orderLinkId":"tw1-3-77","positionIdx":0"#,
        ),
        (
            terms(SPOT_BTC, Side::Sell, OrderKind::Limit { price }, TimeInForce::PostOnly, Exposure::Any),
            r#""category":"spot","symbol":"BTCUSDT","side":"Sell","orderType":"Limit","qty":"0.000005","price":"40000.5","timeInForce":"PostOnly","orderLinkId":"tw1-3-77""#,
        ),
        (
            terms(SPOT_BTC, Side::Buy, OrderKind::Market, gtc, Exposure::Any),
            r#""category":"spot","symbol":"BTCUSDT","side":"Buy","orderType":"Market","qty":"0.000005","marketUnit":"baseCoin","timeInForce":"IOC","orderLinkId":"tw1-3-77""#,
        ),
        (
            terms(LINEAR_BTC, Side::Sell, OrderKind::Market, ioc, Exposure::ReduceOnly),
            r#""category":"linear","symbol":"BTCUSDT","side":"Sell","orderType":"Market","qty":"0.005","timeInForce":"IOC","orderLinkId":"tw1-3-77","positionIdx":0,"reduceOnly":true"#,
        ),
        (
            terms(LINEAR_BTC, Side::Buy, OrderKind::Limit { price }, TimeInForce::FillOrKill, Exposure::LongLeg),
            r#""category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.005","price":"40000.5","timeInForce":"FOK","orderLinkId":"tw1-3-77","positionIdx":1"#,
        ),
        (
            terms(LINEAR_BTC, Side::Buy, OrderKind::Limit { price }, ioc, Exposure::ShortLeg),
            r#""category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.005","price":"40000.5","timeInForce":"IOC","orderLinkId":"tw1-3-77","positionIdx":2,"reduceOnly":true"#,
        ),
        (
            terms(LINEAR_BTC, Side::Sell, OrderKind::Stop { trigger: trigger(TriggerSource::Mark) }, gtc, Exposure::ReduceOnly),
            r#""category":"linear","symbol":"BTCUSDT","side":"Sell","orderType":"Market","qty":"0.005","timeInForce":"IOC","orderLinkId":"tw1-3-77","triggerPrice":"41000","triggerDirection":2,"triggerBy":"MarkPrice","positionIdx":0,"reduceOnly":true"#,
        ),
        (
            terms(LINEAR_BTC, Side::Sell, OrderKind::TakeProfitLimit { trigger: trigger(TriggerSource::Index), price }, gtc, Exposure::Any),
            r#""category":"linear","symbol":"BTCUSDT","side":"Sell","orderType":"Limit","qty":"0.005","price":"40000.5","timeInForce":"GTC","orderLinkId":"tw1-3-77","triggerPrice":"41000","triggerDirection":1,"triggerBy":"IndexPrice","positionIdx":0"#,
        ),
        (
            terms(SPOT_BTC, Side::Buy, OrderKind::StopLimit { trigger: trigger(TriggerSource::Last), price }, gtc, Exposure::Any),
            r#""category":"spot","symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.000005","price":"40000.5","timeInForce":"GTC","orderLinkId":"tw1-3-77","triggerPrice":"41000","orderFilter":"StopOrder""#,
        ),
    ];
    for (terms, body) in cases {
        assert_eq!(sent(&placed(&terms), "order.create"), format!("{{{body}}}"));
    }
}

/// Which way a trigger is reached, for every kind and side.
#[test]
fn a_trigger_names_its_direction() {
    let trigger = Trigger { price: Price(410_000), source: TriggerSource::Last };
    for (kind, side, direction) in [
        (OrderKind::Stop { trigger }, Side::Buy, 1),
        (OrderKind::Stop { trigger }, Side::Sell, 2),
        (OrderKind::TakeProfit { trigger }, Side::Buy, 2),
        (OrderKind::TakeProfit { trigger }, Side::Sell, 1),
    ] {
        let terms = terms(LINEAR_BTC, side, kind, TimeInForce::GoodTillCancelled, Exposure::Any);
        assert!(sent(&placed(&terms), "order.create").contains(&format!(r#""triggerDirection":{direction},"triggerBy":"LastPrice""#)));
    }
}

#[test]
fn what_the_venue_does_not_have_is_not_offered() {
    let (price, gtc) = (Price(400_005), TimeInForce::GoodTillCancelled);
    let trigger = Trigger { price: Price(410_000), source: TriggerSource::Mark };
    let until = TimeInForce::GoodTillTime { until: Timestamp(NOW.0 + 1_000_000_000_000) };
    let cases = [
        terms(LINEAR_BTC, Side::Buy, OrderKind::Iceberg { price, display: Qty(1) }, gtc, Exposure::Any),
        terms(LINEAR_BTC, Side::Buy, OrderKind::Limit { price }, until, Exposure::Any),
        terms(LINEAR_BTC, Side::Buy, OrderKind::Market, TimeInForce::FillOrKill, Exposure::Any),
        terms(SPOT_BTC, Side::Sell, OrderKind::Stop { trigger }, gtc, Exposure::Any),
    ];
    for terms in cases {
        assert_eq!(placed(&terms), Outgoing::NotOffered, "{terms:?}");
    }
    let mut reader = settings();
    reader.credentials = None;
    let mut reader = Bybit::new(reader);
    reader.set_directory(two_pairs());
    assert_eq!(left(&reader, place(&limit(SPOT_BTC)), &limit(SPOT_BTC)), Outgoing::NotOffered, "no key");
}

#[test]
fn amends_name_what_changes_and_cancels_where_the_order_is() {
    let (dialect, terms_now) = (bybit(two_pairs()), limit(LINEAR_BTC));
    let named = r#""category":"linear","symbol":"BTCUSDT","orderLinkId":"tw1-3-77""#;
    for (price, qty, changed) in [
        (400_010, 5, r#","price":"40001""#),
        (400_005, 9, r#","qty":"0.009""#),
        (400_010, 9, r#","qty":"0.009","price":"40001""#),
        (400_005, 5, r#","qty":"0.005","price":"40000.5""#),
    ] {
        let outgoing = left(&dialect, amend(&terms_now, price, qty), &terms_now);
        assert_eq!(sent(&outgoing, "order.amend"), format!("{{{named}{changed}}}"));
    }
    let outgoing = left(&dialect, cancel(&terms_now), &terms_now);
    assert_eq!(sent(&outgoing, "order.cancel"), format!("{{{named}}}"));
    // A spot order that still waits for its trigger is kept elsewhere than one that works.
    let trigger = Trigger { price: Price(410_000), source: TriggerSource::Last };
    let waits = terms(SPOT_BTC, Side::Buy, OrderKind::Stop { trigger }, TimeInForce::GoodTillCancelled, Exposure::Any);
    for (terms, filter) in [(waits, r#","orderFilter":"StopOrder""#), (OrderTerms { kind: waits.kind.working(), ..waits }, "")] {
        let outgoing = left(&dialect, cancel(&terms), &terms);
        let expected = format!(r#"{{"category":"spot","symbol":"BTCUSDT","orderLinkId":"tw1-3-77"{filter}}}"#);
        assert_eq!(sent(&outgoing, "order.cancel"), expected);
    }
}

#[test]
fn without_an_order_socket_orders_leave_as_signed_requests() {
    let mut demo = settings();
    demo.endpoints = Endpoints::demo();
    let mut demo = Bybit::new(demo);
    demo.set_directory(two_pairs());
    assert_eq!(demo.links().len(), 3);
    let command = place(&limit(LINEAR_BTC));
    let asked = [*command.request()];
    let Outgoing::Http(request) = left(&demo, command, &limit(LINEAR_BTC)) else { panic!("a request") };
    assert_eq!((request.method, request.url.as_str()), (Method::Post, "https://api-demo.bybit.com/v5/order/create"));
    assert!(text(&request.body).starts_with(r#"{"category":"linear","symbol":"BTCUSDT","side":"Buy","#));
    let names: Vec<&str> = request.headers.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["x-bapi-api-key", "x-bapi-timestamp", "x-bapi-recv-window", "x-bapi-sign", "content-type"]);
    assert_eq!(format!("{request:?}"), "POST https://api-demo.bybit.com/v5/order/create");

    let answer = |status: u16, headers: &[(&str, &str)], body: &str| {
        let (mut inbox, headers) =
            (Inbox::default(), headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>());
        demo.answer_commands(CALL, &asked, status, &headers, body.as_bytes(), &mut inbox).map(|()| inbox.messages)
    };
    let taken = r#"{"retCode":0,"retMsg":"OK","result":{"orderId":"1321003749386327552","orderLinkId":"tw1-3-77"},"retExtInfo":{},"time":1700000000001}"#;
    let messages = answer(200, &[("X-Bapi-Limit-Status", "9")], taken).unwrap();
    assert_eq!(messages[0], Message::Answer { call: CALL, outcome: Ok(Some(VenueOrderId(1_321_003_749_386_327_552))) });
    assert!(matches!(messages[1], Message::Usage { used: 1, .. }));
    let kind = |status, headers: &[(&str, &str)], body| match &answer(status, headers, body).unwrap()[0] {
        Message::Answer { outcome: Err(refusal), .. } => refusal.kind,
        other => panic!("{other:?}"),
    };
    let poor = r#"{"retCode":110007,"retMsg":"ab not enough for new order","result":{},"retExtInfo":{},"time":1700000000001}"#;
    let often = r#"{"retCode":10006,"retMsg":"Too many visits!","result":{},"retExtInfo":{},"time":1700000000001}"#;
    let wait = |millis| VenueErrorKind::Rate { retry_after: Nanos::from_millis(millis) };
    assert_eq!(kind(200, &[], poor), VenueErrorKind::Funds);
    assert_eq!(kind(200, &[("x-bapi-limit-reset-timestamp", "1700000000401")], often), wait(400));
    assert_eq!(kind(403, &[], "access too frequent"), wait(600_000));
    assert_eq!(kind(429, &[("Retry-After", "7")], ""), wait(7000));
    assert_eq!((kind(502, &[], "<html>"), kind(401, &[], "")), (VenueErrorKind::Unanswered, VenueErrorKind::Auth));
    assert!(answer(200, &[], "<html>").is_err(), "nobody knows what became of it");
}

#[test]
fn questions_are_the_requests_of_the_documents() {
    let dialect = bybit(two_pairs());
    let (spot, linear, cursor) = (Market::Spot, Market::Linear, None);
    let (order, instrument) = (OURS, SPOT_BTC);
    let since = Timestamp(1_699_900_000_000_000_000);
    let page = |text: &str| Some(Cursor(text.to_owned()));
    let cases = [
        (Ask::ServerTime, "GET /v5/market/time"),
        (Ask::Instruments { market: spot, cursor: None }, "GET /v5/market/instruments-info?category=spot"),
        (
            Ask::Instruments { market: linear, cursor: page("first%3DA") },
            "GET /v5/market/instruments-info?category=linear&limit=1000&cursor=first%3DA",
        ),
        (Ask::Depth { instrument }, "GET /v5/market/orderbook?category=spot&symbol=BTCUSDT&limit=200"),
        (Ask::KeyRights, "GET /v5/user/query-api"),
        (Ask::OpenOrders { market: spot, cursor: None }, "GET /v5/order/realtime?category=spot&limit=50"),
        (Ask::OpenOrders { market: linear, cursor: None }, "GET /v5/order/realtime?category=linear&settleCoin=USDT&limit=50"),
        (
            Ask::OpenOrders { market: linear, cursor: page("USDC|a=b c&") },
            "GET /v5/order/realtime?category=linear&settleCoin=USDC&limit=50&cursor=a%3Db%20c%26",
        ),
        (Ask::Order { order, instrument }, "GET /v5/order/realtime?category=spot&symbol=BTCUSDT&orderLinkId=tw1-3-77"),
        (Ask::OrderHistory { order, instrument }, "GET /v5/order/history?category=spot&symbol=BTCUSDT&orderLinkId=tw1-3-77"),
        (
            Ask::Fills { instrument: LINEAR_BTC, since, cursor },
            "GET /v5/execution/list?category=linear&symbol=BTCUSDT&startTime=1699900000000&endTime=1700504800000&limit=100",
        ),
        (Ask::Balances { market: linear }, "GET /v5/account/wallet-balance?accountType=UNIFIED"),
        (Ask::Positions { market: linear, cursor: None }, "GET /v5/position/list?category=linear&settleCoin=USDT&limit=200"),
        (Ask::CancelAll { instrument }, r#"POST /v5/order/cancel-all {"category":"spot","symbol":"BTCUSDT"}"#),
        (
            Ask::CancelAllConditional { instrument },
            r#"POST /v5/order/cancel-all {"category":"spot","symbol":"BTCUSDT","orderFilter":"StopOrder"}"#,
        ),
        (
            Ask::DeadMan { instrument: Some(LINEAR_BTC), window: Nanos::from_secs(10) },
            r#"POST /v5/order/disconnected-cancel-all {"product":"DERIVATIVES","timeWindow":10}"#,
        ),
    ];
    for (ask, expected) in cases {
        let request = dialect.ask(&ask, NOW).unwrap_or_else(|| panic!("{ask:?}"));
        let path = request.url.strip_prefix("http://127.0.0.1:8080").unwrap();
        let shown = format!("{} {path} {}", request.method.as_str(), text(&request.body));
        assert_eq!(shown.trim_end(), expected);
        let is_signed = request.headers.iter().any(|(name, _)| *name == "x-bapi-sign");
        assert_eq!(is_signed, !path.starts_with("/v5/market/"), "{expected}");
        let charges = dialect.cost(&ask).0.iter().flatten().count();
        assert_eq!(charges, if is_signed { 2 } else { 1 }, "{expected}");
    }
    assert_eq!(dialect.ask(&Ask::Positions { market: spot, cursor: None }, NOW), None);
    assert_eq!(dialect.ask(&Ask::StreamKey { market: spot }, NOW), None);
    assert_eq!(dialect.ask(&Ask::DeadMan { instrument: Some(SPOT_BTC), window: Nanos(0) }, NOW), None, "it cannot be taken off");
}

#[test]
fn links_log_in_and_subscribe() {
    let dialect = bybit(two_pairs());
    let links: Vec<_> = dialect.links().into_iter().map(|link| (link.name, link.purpose)).collect();
    let expected =
        [("spot-public", Purpose::Public), ("linear-public", Purpose::Public), ("private", Purpose::Private), ("orders", Purpose::Orders)];
    assert_eq!(links, expected);
    for (link, path) in [(SPOT, "public/spot"), (LINEAR, "public/linear"), (PRIVATE, "private"), (ORDERS, "trade")] {
        assert_eq!(dialect.address(link, NOW), Address::Url(format!("ws://127.0.0.1:8080/v5/{path}")));
        assert_eq!(dialect.login(link, NOW).is_some(), link >= PRIVATE);
    }
    let frames = |link| dialect.subscriptions(link, NOW).iter().map(|frame| text(frame).to_owned()).collect::<Vec<_>>();
    // Two symbols with four topics each: spot has no marks.
    let spot = frames(SPOT);
    assert_eq!(spot.len(), 1);
    assert!(
        spot[0].starts_with(
            r#"{"op":"subscribe","args":["orderbook.50.BTCUSDT","publicTrade.BTCUSDT","orderbook.1.BTCUSDT","kline.1.BTCUSDT","#
        )
    );
    assert!(frames(LINEAR)[0].ends_with(r#","kline.1.ETHUSDT","tickers.ETHUSDT"]}"#));
    assert_eq!(frames(PRIVATE), [r#"{"op":"subscribe","args":["order","execution","wallet","position"]}"#]);
    assert_eq!(frames(ORDERS), Vec::<String>::new());
    let topic = r#""args":["orderbook.50.BTCUSDT"]}"#;
    let again = vec![format!(r#"{{"op":"unsubscribe",{topic}"#).into_bytes(), format!(r#"{{"op":"subscribe",{topic}"#).into_bytes()];
    assert_eq!(dialect.refresh(LINEAR_BTC), Refresh::Frames(LINEAR, again));
    assert_eq!(dialect.dead_man(Nanos::from_secs(10)), DeadMan::None);
}

/// Spot takes ten topics a request, a long list is split, and every topic is asked for once.
#[test]
fn many_topics_are_asked_for_in_portions() {
    let symbols: std::collections::BTreeSet<String> = (0..700).map(|i| format!("COIN{i}USDT")).collect();
    let dialect = bybit(bybit_desk::fine(&symbols));
    for (link, most, topics_each) in [(SPOT, 10, 4), (LINEAR, 2000, 5)] {
        let mut topics = Vec::new();
        for frame in dialect.subscriptions(link, NOW) {
            let frame: serde_json::Value = serde_json::from_slice(&frame).unwrap();
            let args = frame["args"].as_array().unwrap();
            assert!(args.len() <= most && frame["args"].to_string().len() <= 21_000);
            topics.extend(args.iter().map(|topic| topic.as_str().unwrap().to_owned()));
        }
        let asked = topics.len();
        topics.sort_unstable();
        topics.dedup();
        assert_eq!((asked, topics.len()), (700 * topics_each, 700 * topics_each));
    }
}

/// Commands, each with the terms of its order.
fn decided<const N: usize>(commands: [(Command, OrderTerms); N]) -> Vec<Submission> {
    commands.into_iter().map(|(command, terms)| Submission { command, terms }).collect()
}

#[test]
fn commands_of_one_kind_and_market_leave_together() {
    let (dialect, linear, spot) = (bybit(two_pairs()), limit(LINEAR_BTC), limit(SPOT_BTC));
    let stop = OrderKind::Stop { trigger: Trigger { price: Price(1), source: TriggerSource::Mark } };
    let unknown_to_spot = terms(SPOT_BTC, Side::Buy, stop, TimeInForce::GoodTillCancelled, Exposure::Any);
    let cases = [
        (decided([(cancel(&linear), linear), (cancel(&linear), linear), (place(&linear), linear)]), 2),
        (decided([(cancel(&linear), linear), (cancel(&spot), spot)]), 1),
        (decided([(amend(&linear, 400_010, 5), linear), (amend(&linear, 400_015, 5), linear)]), 2),
        (decided([(place(&spot), spot), (place(&unknown_to_spot), unknown_to_spot), (place(&spot), spot)]), 1),
        ((0..25).map(|_| Submission { command: cancel(&linear), terms: linear }).collect(), 10),
    ];
    for (commands, together) in cases {
        assert_eq!(dialect.command(&commands, CALL, NOW).0, together, "{commands:?}");
    }
    let (_, outgoing) = dialect.command(&decided([(cancel(&linear), linear), (cancel(&linear), linear)]), CALL, NOW);
    let one = r#"{"symbol":"BTCUSDT","orderLinkId":"tw1-3-77"}"#;
    let Outgoing::Frame(ORDERS, frame) = outgoing else { panic!("{outgoing:?}") };
    let head = r#"{"reqId":"17+1-1700000000000","header":{"X-BAPI-TIMESTAMP":"1700000000000","X-BAPI-RECV-WINDOW":"5000"},"op":"order.cancel-batch""#;
    assert_eq!(text(&frame), format!(r#"{head},"args":[{{"category":"linear","request":[{one},{one}]}}]}}"#));
}

#[test]
fn each_of_several_in_one_request_has_its_own_answer() {
    let ours = CallId(17);
    let taken = |call, id| Message::Answer { call: CallId(call), outcome: Ok(Some(VenueOrderId(id))) };
    let list = r#"{"list":[{"category":"linear","symbol":"BTCUSDT","orderId":"5","orderLinkId":"tw1-3-77","createAt":"1"},{"orderId":"","orderLinkId":"tw1-3-78"}]}"#;
    let codes = r#"{"list":[{"code":0,"msg":"OK"},{"code":110007,"msg":"ab not enough for new order"}]}"#;
    let poor = VenueError { kind: VenueErrorKind::Funds, code: 110_007, message: "ab not enough for new order".into(), http_status: 0 };
    let expected = [taken(17, 5), Message::Answer { call: CallId(18), outcome: Err(poor) }];

    let heard = |frame: String| {
        let mut inbox = Inbox::default();
        bybit(two_pairs()).read(ORDERS, frame.as_bytes(), &mut inbox).map(|()| inbox.messages)
    };
    let frame = |number, data, codes| {
        heard(format!(r#"{{"reqId":"{number}","retCode":0,"retMsg":"OK","op":"order.create-batch","data":{data},"retExtInfo":{codes}}}"#))
    };
    assert_eq!(frame("17+1-1700000000000", list, codes).unwrap(), expected);
    // An answer for another number of orders than were sent says nothing of any.
    for (number, data, codes) in
        [("17+2-1", list, codes), ("17+1-1", r#"{"list":[]}"#, codes), ("17+1-1", list, "{}"), ("17+99-1", list, codes)]
    {
        assert!(frame(number, data, codes).is_err(), "{number} {data} {codes}");
    }
    let refused = heard(r#"{"reqId":"17+1-1","retCode":10003,"retMsg":"key","op":"order.create-batch","data":{}}"#.into()).unwrap();
    let kinds = refused.iter().map(|message| match message {
        Message::Answer { call, outcome: Err(refusal) } => (call.0, refusal.kind),
        other => panic!("{other:?}"),
    });
    assert_eq!(kinds.collect::<Vec<_>>(), [(17, VenueErrorKind::Auth), (18, VenueErrorKind::Auth)]);

    let mut demo = settings();
    demo.endpoints = Endpoints::demo();
    let mut demo = Bybit::new(demo);
    demo.set_directory(two_pairs());
    let linear = limit(LINEAR_BTC);
    let two = decided([(place(&linear), linear), (place(&linear), linear)]);
    let (together, Outgoing::Http(request)) = demo.command(&two, ours, NOW) else { panic!("a request") };
    assert_eq!((together, request.url.as_str()), (2, "https://api-demo.bybit.com/v5/order/create-batch"));
    let body = format!(r#"{{"retCode":0,"retMsg":"OK","result":{list},"retExtInfo":{codes},"time":1700000000001}}"#);
    let (mut inbox, requests) = (Inbox::default(), [*two[0].request(), *two[1].request()]);
    let headers = [("x-bapi-limit-status".to_owned(), "3".to_owned())];
    demo.answer_commands(ours, &requests, 200, &headers, body.as_bytes(), &mut inbox).unwrap();
    assert_eq!(inbox.messages[..2], expected);
    let names: Vec<&str> = demo.buckets().iter().map(|bucket| bucket.name).collect();
    let used =
        |message: &Message| matches!(message, Message::Usage { bucket, used: 7 } if names[usize::from(bucket.0)] == "linear-create-batch");
    assert!(used(&inbox.messages[2]), "{:?}", inbox.messages);
}

#[test]
fn a_granted_switch_is_followed_and_renewed() {
    let mut dialect = Bybit::new(settings()).with_cancel_on_disconnect();
    dialect.set_directory(two_pairs());
    let frames = dialect.subscriptions(PRIVATE, NOW);
    assert_eq!(text(&frames[1]), r#"{"op":"subscribe","args":["dcp.spot","dcp.future"]}"#);
    let window = Nanos::from_secs(10);
    let switch = |instrument| Ask::DeadMan { instrument: Some(instrument), window };
    assert_eq!(dialect.dead_man(window), DeadMan::Renewed(vec![switch(SPOT_BTC), switch(LINEAR_BTC)]));
}

#[test]
fn commands_weigh_on_their_own_counts() {
    let dialect = bybit(two_pairs());
    let buckets = dialect.buckets();
    let weights = |commands: Vec<Command>, instrument| {
        let commands: Vec<Submission> = commands.into_iter().map(|command| Submission { command, terms: limit(instrument) }).collect();
        let charges = dialect.command_cost(&commands).0;
        charges.iter().flatten().map(|charge| (buckets[usize::from(charge.bucket.0)].name, charge.weight)).collect::<Vec<_>>()
    };
    let (spot, linear) = (limit(SPOT_BTC), limit(LINEAR_BTC));
    assert_eq!(weights(vec![place(&spot)], SPOT_BTC), [("order-socket-address", 1), ("spot-create", 1)]);
    assert_eq!(weights(vec![amend(&linear, 400_010, 5)], LINEAR_BTC), [("order-socket-address", 1), ("linear-amend", 1)]);
    assert_eq!(weights(vec![cancel(&linear)], LINEAR_BTC), [("order-socket-address", 1), ("linear-cancel", 1)]);
    // Of several in one request each counts, on a count of its own.
    assert_eq!(weights(vec![place(&spot), place(&spot)], SPOT_BTC), [("order-socket-address", 1), ("spot-create-batch", 2)]);
    assert_eq!(weights(vec![cancel(&linear), cancel(&linear)], LINEAR_BTC), [("order-socket-address", 1), ("linear-cancel-batch", 2)]);
    assert_eq!(dialect.lost_after(), Nanos::from_secs(10));
}

//! What we send: addresses, logins, subscriptions, questions.

use crate::town::*;
use tradewind_types::Nanos;
use tradewind_venues::binance::{Binance, Endpoints, Settings};
use tradewind_venues::{Address, Ask, Cursor, DeadMan, Dialect, Feed, HttpRequest, LinkId, Market, Method, Purpose, Refresh, Signer};

fn asked(ask: &Ask) -> HttpRequest {
    dialect().ask(ask, NOW).unwrap()
}

/// A signed query of the test key.
fn signed(query: &str) -> String {
    format!("{query}&signature={}", Signer::new(b"testsecret").hex(&[query.as_bytes()]))
}

#[test]
fn each_link_has_its_place() {
    let dialect = dialect_of(settings(), directory());
    let names: Vec<&str> = dialect.links().iter().map(|link| link.name).collect();
    assert_eq!(names, ["spot-public", "spot-private", "usdm-public", "usdm-market", "usdm-private", "usdm-orders"]);
    let url = |dialect: &Binance, link| match dialect.address(link, NOW) {
        Address::Url(url) => url,
        Address::Ask(ask) => format!("{ask:?}"),
    };
    assert_eq!(url(&dialect, SPOT_PUBLIC), "wss://stream.binance.com:9443/stream");
    assert_eq!(url(&dialect, SPOT_PRIVATE), "wss://ws-api.binance.com:443/ws-api/v3");
    assert_eq!(url(&dialect, USDM_PUBLIC), "wss://fstream.binance.com/public/stream");
    assert_eq!(url(&dialect, USDM_MARKET), "wss://fstream.binance.com/market/stream");
    assert_eq!(url(&dialect, USDM_PRIVATE), "StreamKey { market: Linear }");
    assert_eq!(url(&dialect, USDM_ORDERS), "wss://ws-fapi.binance.com/ws-fapi/v1");
    let mut local = dialect_of(Settings { endpoints: Endpoints::at("http://127.0.0.1:9", "ws://127.0.0.1:9"), ..settings() }, directory());
    local.set_stream_key(Market::Linear, "K".into());
    assert_eq!(url(&local, SPOT_PUBLIC), "ws://127.0.0.1:9/stream");
    assert_eq!(url(&local, USDM_MARKET), "ws://127.0.0.1:9/fut/market/stream");
    assert_eq!(url(&local, USDM_PRIVATE), "ws://127.0.0.1:9/fut/private/ws?listenKey=K");
}

#[test]
fn only_the_links_that_are_needed() {
    let purposes = |settings| Binance::new(settings).links().iter().map(|link| (link.name, link.purpose)).collect::<Vec<_>>();
    let public = Settings { credentials: None, markets: vec![Market::Linear], feeds: vec![Feed::Marks], ..settings() };
    assert_eq!(purposes(public), [("usdm-market", Purpose::Public)]);
    let over_http = Endpoints { usdm_ws_api: String::new(), ..Endpoints::default() };
    let trading = Settings { endpoints: over_http, markets: vec![Market::Linear], feeds: Vec::new(), ..settings() };
    assert_eq!(purposes(trading), [("usdm-private", Purpose::Private)]);
}

#[test]
fn the_private_stream_is_opened_by_a_signature() {
    let frame = String::from_utf8(dialect().login(SPOT_PRIVATE, NOW).unwrap()).unwrap();
    let signature = Signer::new(b"testsecret").hex(&[b"apiKey=testkey&recvWindow=5000&timestamp=1700000000000"]);
    let expected = format!(
        r#"{{"id":"login","method":"userDataStream.subscribe.signature","params":{{"apiKey":"testkey","recvWindow":5000,"timestamp":1700000000000,"signature":"{signature}"}}}}"#
    );
    assert_eq!(frame, expected);
    for link in [SPOT_PUBLIC, USDM_PUBLIC, USDM_MARKET, USDM_PRIVATE, USDM_ORDERS] {
        assert_eq!(dialect().login(link, NOW), None);
    }
}

#[test]
fn subscriptions_name_every_listed_stream() {
    let said = |link| dialect().subscriptions(link, NOW).into_iter().map(|frame| String::from_utf8(frame).unwrap()).collect::<Vec<_>>();
    assert_eq!(
        said(SPOT_PUBLIC),
        [r#"{"method":"SUBSCRIBE","params":["btcusdt@depth@100ms","btcusdt@trade","btcusdt@bookTicker","btcusdt@kline_1m"],"id":1}"#]
    );
    assert_eq!(said(USDM_PUBLIC), [r#"{"method":"SUBSCRIBE","params":["btcusdt@depth@100ms","btcusdt@bookTicker"],"id":1}"#]);
    assert_eq!(
        said(USDM_MARKET),
        [r#"{"method":"SUBSCRIBE","params":["btcusdt@aggTrade","btcusdt@kline_1m","btcusdt@markPrice@1s"],"id":1}"#]
    );
    assert!([SPOT_PRIVATE, USDM_PRIVATE, USDM_ORDERS, LinkId(9)].iter().all(|link| said(*link).is_empty()));
}

#[test]
fn questions() {
    let signed_now = |query: &str| signed(&format!("{query}timestamp=1700000000000"));
    let spot = "https://api.binance.com";
    let usdm = "https://fapi.binance.com";
    let (stamp, order) = ("recvWindow=5000&", OURS);
    let fills = |instrument, cursor: Option<&str>| Ask::Fills { instrument, since: ms(5), cursor: cursor.map(|c| Cursor(c.into())) };
    let cases = [
        (Ask::ServerTime, format!("{spot}/api/v3/time")),
        (Ask::Instruments { market: Market::Linear, cursor: None }, format!("{usdm}/fapi/v1/exchangeInfo")),
        (Ask::Depth { instrument: SPOT }, format!("{spot}/api/v3/depth?limit=1000&symbol=BTCUSDT")),
        (Ask::Depth { instrument: PERP }, format!("{usdm}/fapi/v1/depth?limit=1000&symbol=BTCUSDT")),
        (Ask::KeyRights, format!("{spot}/sapi/v1/account/apiRestrictions?{}", signed_now(stamp))),
        (Ask::OpenOrders { market: Market::Spot, cursor: None }, format!("{spot}/api/v3/openOrders?{}", signed_now(stamp))),
        (
            Ask::OpenOrders { market: Market::Linear, cursor: Some(Cursor("conditional".into())) },
            format!("{usdm}/fapi/v1/openAlgoOrders?{}", signed_now(stamp)),
        ),
        (
            Ask::Order { order, instrument: PERP },
            format!("{usdm}/fapi/v1/order?{}", signed("origClientOrderId=tw1-3-77&recvWindow=5000&symbol=BTCUSDT&timestamp=1700000000000")),
        ),
        (
            Ask::ConditionalOrder { order, instrument: PERP },
            format!("{usdm}/fapi/v1/algoOrder?{}", signed("clientAlgoId=tw1-3-77&recvWindow=5000&timestamp=1700000000000")),
        ),
        (
            fills(SPOT, None),
            format!("{spot}/api/v3/myTrades?{}", signed("limit=1000&recvWindow=5000&symbol=BTCUSDT&timestamp=1700000000000")),
        ),
        (
            fills(PERP, Some("time 5 9000000000")),
            format!(
                "{usdm}/fapi/v1/userTrades?{}",
                signed("endTime=604800004&limit=1000&recvWindow=5000&startTime=5&symbol=BTCUSDT&timestamp=1700000000000")
            ),
        ),
        (
            fills(SPOT, Some("id 78 9")),
            format!("{spot}/api/v3/myTrades?{}", signed("fromId=78&limit=1000&recvWindow=5000&symbol=BTCUSDT&timestamp=1700000000000")),
        ),
        (Ask::Balances { market: Market::Spot }, format!("{spot}/api/v3/account?{}", signed_now(stamp))),
        (Ask::Balances { market: Market::Linear }, format!("{usdm}/fapi/v3/balance?{}", signed_now(stamp))),
        (Ask::Positions { market: Market::Linear, cursor: None }, format!("{usdm}/fapi/v3/positionRisk?{}", signed_now(stamp))),
        (
            Ask::CancelAll { instrument: PERP },
            format!("{usdm}/fapi/v1/allOpenOrders?{}", signed("recvWindow=5000&symbol=BTCUSDT&timestamp=1700000000000")),
        ),
    ];
    for (ask, url) in cases {
        let request = asked(&ask);
        let verb = if matches!(ask, Ask::CancelAll { .. }) { Method::Delete } else { Method::Get };
        assert_eq!((request.method, request.url), (verb, url), "{ask:?}");
        let is_keyed = !matches!(ask, Ask::ServerTime | Ask::Instruments { .. } | Ask::Depth { .. });
        assert_eq!(request.headers.contains(&("x-mbx-apikey", "testkey".into())), is_keyed);
    }
    assert_eq!(dialect().ask(&Ask::Positions { market: Market::Spot, cursor: None }, NOW), None);
    assert_eq!(dialect().ask(&Ask::Balances { market: Market::Inverse }, NOW), None);
}

#[test]
fn a_listen_key_is_asked_for_by_the_key_alone_and_renewed_in_time() {
    let request = asked(&Ask::StreamKey { market: Market::Linear });
    assert_eq!((request.method, request.url.as_str()), (Method::Post, "https://fapi.binance.com/fapi/v1/listenKey"));
    assert_eq!((request.headers, request.body), (vec![("x-mbx-apikey", "testkey".into())], Vec::new()));
    let (every, ask) = dialect().upkeep(USDM_PRIVATE).unwrap();
    assert_eq!((every, asked(&ask).method), (Nanos::from_secs(1800), Method::Put));
}

#[test]
fn the_dead_mans_switch_is_set_for_each_contract() {
    let DeadMan::Renewed(asks) = dialect().dead_man(Nanos::from_secs(30)) else { panic!("none") };
    let [ask] = asks.as_slice() else { panic!("{asks:?}") };
    let request = asked(ask);
    assert_eq!((request.method, request.url.as_str()), (Method::Post, "https://fapi.binance.com/fapi/v1/countdownCancelAll"));
    let body = signed("countdownTime=30000&recvWindow=5000&symbol=BTCUSDT&timestamp=1700000000000");
    assert_eq!(String::from_utf8(request.body).unwrap(), body);
    let spot_only = dialect_of(Settings { markets: vec![Market::Spot], ..settings() }, tradewind_venues::Directory::default());
    assert_eq!(spot_only.dead_man(Nanos::from_secs(30)), DeadMan::None);
}

#[test]
fn a_book_is_made_good_by_a_snapshot() {
    assert_eq!(dialect().refresh(SPOT), Refresh::Ask(Ask::Depth { instrument: SPOT }));
    assert_eq!(dialect().lost_after(), Nanos::from_secs(15));
    assert_eq!(format!("{:?}", dialect()).find("testsecret"), None);
    assert_eq!(format!("{:?}", asked(&Ask::Balances { market: Market::Spot })), "GET https://api.binance.com/api/v3/account");
}

//! What every venue's dialect holds to, whatever its protocol: one table of laws, a line in `dialects` for each venue.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test stops where something is not as it must be")]

use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use tradewind_types::{AccountId, AssetId, Decimal, InstrumentId, Nanos, OrderId, Timestamp};
use tradewind_venues::*;

const NOW: Timestamp = Timestamp(1_700_000_000_000_000_000);
const SECRET: &str = "thisneverleaves";
const ORDER: OrderId = OrderId { node: 3, epoch: 28_000_000, counter: 41 };
const MARKETS: [Market; 2] = [Market::Spot, Market::Linear];
/// BTCUSDT on spot and as a perpetual.
const LISTED: [InstrumentId; 2] = [InstrumentId(0), InstrumentId(1)];

fn dialects() -> Vec<Box<dyn Dialect>> {
    let credentials = || Some(Credentials { key: "thekey".into(), secret: SECRET.into(), passphrase: SECRET.into() });
    let (markets, recv_window) = (MARKETS.to_vec(), Nanos::from_secs(5));
    let feeds = vec![Feed::Depth, Feed::Trades, Feed::Quotes, Feed::Bars, Feed::Marks];
    let mut dialects: Vec<Box<dyn Dialect>> = vec![
        Box::new(binance::Binance::new(binance::Settings {
            endpoints: binance::Endpoints::default(),
            credentials: credentials(),
            markets: markets.clone(),
            feeds: feeds.clone(),
            recv_window,
        })),
        Box::new(bybit::Bybit::new(bybit::Settings {
            endpoints: bybit::Endpoints::default(),
            credentials: credentials(),
            markets,
            feeds,
            recv_window,
        })),
    ];
    dialects.iter_mut().for_each(|dialect| dialect.set_directory(directory()));
    dialects
}

fn directory() -> Directory {
    let one = |scale| Decimal { mantissa: 1, scale };
    let (base, quote, account) = (AssetId(0), AssetId(1), AccountId(1));
    let listed = |(id, market): (InstrumentId, Market)| Listed {
        id,
        market,
        symbol: "BTCUSDT".into(),
        grid: Grid::new(one(1), one(5)).unwrap(),
        base,
        quote,
        account,
    };
    let asset = |(id, symbol): (AssetId, &str)| ListedAsset { id, symbol: symbol.into(), scale: 12 };
    let assets = [(base, "BTC"), (quote, "USDT")].map(asset).to_vec();
    Directory::new(LISTED.into_iter().zip(MARKETS).map(listed).collect(), assets, MARKETS.map(|market| (market, account)).into())
}

/// What a node cannot do without.
fn needed() -> Vec<Ask> {
    let per_market = MARKETS.into_iter().flat_map(|market| {
        let cursor = None;
        [Ask::Instruments { market, cursor: cursor.clone() }, Ask::OpenOrders { market, cursor }, Ask::Balances { market }]
    });
    let per_instrument = LISTED.into_iter().flat_map(|instrument| {
        let fills = Ask::Fills { instrument, since: NOW, cursor: None };
        [Ask::Order { order: ORDER, instrument }, fills, Ask::CancelAll { instrument }]
    });
    let positions = Ask::Positions { market: Market::Linear, cursor: None };
    [Ask::ServerTime, Ask::KeyRights, positions].into_iter().chain(per_market).chain(per_instrument).collect()
}

/// What venues may be asked besides.
fn others() -> Vec<Ask> {
    let per_instrument = LISTED.into_iter().flat_map(|instrument| {
        let funding = Ask::Funding { instrument, since: NOW, cursor: None };
        let dead_man = Ask::DeadMan { instrument: Some(instrument), window: Nanos::from_secs(60) };
        let (history, conditional) = (Ask::OrderHistory { order: ORDER, instrument }, Ask::ConditionalOrder { order: ORDER, instrument });
        [Ask::Depth { instrument }, funding, dead_man, history, conditional, Ask::CancelAllConditional { instrument }]
    });
    let per_market = MARKETS.into_iter().flat_map(|market| [Ask::StreamKey { market }, Ask::RenewStreamKey { market }]);
    per_instrument.chain(per_market).collect()
}

fn everything() -> Vec<Ask> {
    needed().into_iter().chain(others()).collect()
}

fn parts(request: &HttpRequest) -> (String, &str, Vec<(&'static str, String)>, Vec<u8>) {
    (request.url.clone(), request.method.as_str(), request.headers.clone(), request.body.clone())
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
}

#[test]
fn what_a_node_needs_is_offered() {
    for dialect in dialects() {
        for ask in needed() {
            assert!(dialect.ask(&ask, NOW).is_some(), "{}: {ask:?}", dialect.venue());
        }
        assert_eq!(dialect.markets(), MARKETS, "{}", dialect.venue());
        let lost_after = dialect.lost_after();
        assert!(lost_after > Nanos(0) && lost_after <= Nanos::from_secs(60), "{}: {lost_after:?}", dialect.venue());
    }
}

#[test]
fn a_question_is_a_function_of_its_arguments_and_carries_no_secret() {
    for (dialect, same) in dialects().into_iter().zip(dialects()) {
        for ask in everything() {
            let (Some(request), again) = (dialect.ask(&ask, NOW), same.ask(&ask, NOW)) else { continue };
            assert_eq!(Some(parts(&request)), again.as_ref().map(parts), "{}: {ask:?}", dialect.venue());
            let said = format!("{:?} {}", parts(&request), String::from_utf8_lossy(&request.body));
            assert!(!holds(said.as_bytes(), SECRET), "{}: {ask:?}", dialect.venue());
            assert!(!format!("{request:?}").contains("thekey"), "{}: a key in a log: {request:?}", dialect.venue());
        }
        for link in (0..dialect.links().len()).map(|n| LinkId(n.try_into().unwrap())) {
            let frames = dialect.login(link, NOW).into_iter().chain(dialect.subscriptions(link, NOW));
            assert!(frames.into_iter().all(|frame| !holds(&frame, SECRET)), "{}: {link:?}", dialect.venue());
        }
    }
}

#[test]
fn what_is_asked_counts_against_limits_that_exist_and_fits_into_them() {
    for dialect in dialects() {
        let buckets = dialect.buckets();
        let names: BTreeSet<_> = buckets.iter().map(|bucket| bucket.name).collect();
        assert_eq!(names.len(), buckets.len(), "{}: each limit has a name of its own", dialect.venue());
        for ask in everything().into_iter().filter(|ask| dialect.ask(ask, NOW).is_some()) {
            let charges: Vec<Charge> = dialect.cost(&ask).0.into_iter().flatten().collect();
            // What a key may do is asked once a start, and some venues count it apart, endpoint by endpoint.
            assert!(!charges.is_empty() || ask == Ask::KeyRights, "{}: {ask:?} costs nothing", dialect.venue());
            for charge in charges {
                let bucket = buckets.get(usize::from(charge.bucket.0)).unwrap();
                assert!((1..=bucket.capacity).contains(&charge.weight), "{}: {ask:?} on {}", dialect.venue(), bucket.name);
            }
        }
    }
}

#[test]
fn links_live_long_enough_to_be_found_dead_and_lead_to_every_feed() {
    for dialect in dialects() {
        let (venue, links) = (dialect.venue(), dialect.links());
        assert_eq!(links.iter().map(|link| link.name).collect::<BTreeSet<_>>().len(), links.len(), "{venue}: names");
        let purposes: Vec<Purpose> = links.iter().map(|link| link.purpose).collect();
        assert!(purposes.contains(&Purpose::Public) && purposes.contains(&Purpose::Private), "{venue}: {purposes:?}");
        let mut subscribed = BTreeMap::new();
        for (spec, link) in links.iter().zip((0..).map(LinkId)) {
            if let Heartbeat::Text { every, frame } = &spec.heartbeat {
                assert!(*every < spec.silent_after && !frame.is_empty(), "{venue}: {}", spec.name);
            }
            assert!(spec.max_life.is_none_or(|life| life > spec.silent_after), "{venue}: {}", spec.name);
            match dialect.address(link, NOW) {
                Address::Url(url) => assert!(url.starts_with("wss://"), "{venue}: {} is not encrypted: {url}", spec.name),
                Address::Ask(ask) => assert!(dialect.ask(&ask, NOW).is_some(), "{venue}: {}", spec.name),
            }
            let frames = dialect.subscriptions(link, NOW);
            *subscribed.entry(format!("{:?}", spec.purpose)).or_insert(0) += frames.iter().filter(|frame| holds(frame, "BTCUSDT")).count();
        }
        let public = format!("{:?}", Purpose::Public);
        let in_urls = links
            .iter()
            .zip((0..).map(LinkId))
            .filter(|(_, link)| matches!(dialect.address(*link, NOW), Address::Url(url) if holds(url.as_bytes(), "btcusdt")));
        assert!(subscribed.get(&public).copied().unwrap_or_default() + in_urls.count() >= MARKETS.len(), "{venue}: {subscribed:?}");
    }
}

#[test]
fn every_book_can_be_made_good_and_every_switch_can_be_armed() {
    for dialect in dialects() {
        let venue = dialect.venue();
        for instrument in LISTED {
            match dialect.refresh(instrument) {
                Refresh::Ask(ask) => assert!(dialect.ask(&ask, NOW).is_some(), "{venue}: {ask:?}"),
                Refresh::Frames(link, frames) => {
                    assert_eq!(dialect.links()[usize::from(link.0)].purpose, Purpose::Public, "{venue}");
                    assert!(frames.iter().any(|frame| holds(frame, "BTCUSDT")), "{venue}: {frames:?}");
                }
            }
        }
        if let DeadMan::Renewed(asks) = dialect.dead_man(Nanos::from_secs(60)) {
            assert!(!asks.is_empty() && asks.iter().all(|ask| dialect.ask(ask, NOW).is_some()), "{venue}: {asks:?}");
        }
    }
}

proptest! {
    #[test]
    fn what_cannot_be_read_leaves_nothing_behind(bytes in prop::collection::vec(any::<u8>(), 0..200), status in 200u16..600) {
        for dialect in dialects() {
            for link in (0..dialect.links().len()).map(|n| LinkId(n.try_into().unwrap())) {
                let mut inbox = Inbox::default();
                if dialect.read(link, &bytes, &mut inbox).is_err() {
                    prop_assert!(inbox.messages.is_empty(), "{}: {:?}", dialect.venue(), inbox.messages);
                }
            }
            for ask in everything() {
                let mut inbox = Inbox::default();
                if dialect.answer(&ask, status, &[], &bytes, &mut inbox).is_err() {
                    prop_assert!(inbox.messages.is_empty(), "{}: {ask:?}: {:?}", dialect.venue(), inbox.messages);
                }
            }
        }
    }
}

//! A Bybit dialect on a desk: directories to read by, counts of what was said.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::collections::{BTreeMap, BTreeSet};
use tradewind_types::{AccountEvent, AccountId, AssetId, Decimal, InstrumentId, Nanos};
use tradewind_venues::bybit::{Bybit, Endpoints, Settings};
use tradewind_venues::{Credentials, Dialect, Directory, Feed, Grid, LinkId, Listed, ListedAsset, ListedInstrument, Market, Message};

/// Spot market data, in the order of the links.
pub const SPOT: LinkId = LinkId(0);
/// Market data of linear contracts.
pub const LINEAR: LinkId = LinkId(1);
/// Our own orders.
pub const PRIVATE: LinkId = LinkId(2);
/// Order entry.
pub const ORDERS: LinkId = LinkId(3);

/// One wallet for both markets.
pub const ACCOUNT: AccountId = AccountId(7);

pub fn settings() -> Settings {
    Settings {
        endpoints: Endpoints::at("http://127.0.0.1:8080", "ws://127.0.0.1:8080"),
        credentials: Some(Credentials { key: "testkey".into(), secret: "testsecret".into(), passphrase: String::new() }),
        markets: vec![Market::Spot, Market::Linear],
        feeds: vec![Feed::Depth, Feed::Trades, Feed::Quotes, Feed::Bars, Feed::Marks],
        recv_window: Nanos::from_millis(5000),
    }
}

pub fn bybit(directory: Directory) -> Bybit {
    let mut bybit = Bybit::new(settings());
    bybit.set_directory(directory);
    bybit
}

pub fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn directory_of<'a>(rows: impl Iterator<Item = (Market, &'a str, &'a str, &'a str, Decimal, Decimal)>, more: &[&str]) -> Directory {
    let rows: Vec<_> = rows.collect();
    let coins: BTreeSet<&str> = rows.iter().flat_map(|(_, _, base, quote, _, _)| [*base, *quote]).chain(more.iter().copied()).collect();
    let coins: Vec<&str> = coins.into_iter().collect();
    let coin = |name: &str| AssetId(coins.iter().position(|own| *own == name).unwrap() as u32);
    let listed = |(i, (market, symbol, base, quote, tick, lot)): (usize, &(Market, &str, &str, &str, Decimal, Decimal))| Listed {
        id: InstrumentId(i as u32),
        market: *market,
        symbol: (*symbol).to_owned(),
        grid: Grid::new(*tick, *lot).unwrap(),
        base: coin(base),
        quote: coin(quote),
        account: ACCOUNT,
    };
    let instruments = rows.iter().enumerate().map(listed).collect();
    let asset = |(i, name): (usize, &&str)| ListedAsset { id: AssetId(i as u32), symbol: (*name).to_owned(), scale: 12 };
    let assets = coins.iter().enumerate().map(asset).collect();
    Directory::new(instruments, assets, BTreeMap::from([(Market::Spot, ACCOUNT), (Market::Linear, ACCOUNT)]))
}

/// BTCUSDT and ETHUSDT in both markets. Spot: 0.1 and 0.000001; linear: 0.1 and 0.001; assets BTC 0, ETH 1, MNT 2, USDC 3, USDT 4.
pub fn two_pairs() -> Directory {
    let row = |market, symbol, base, lot| (market, symbol, base, "USDT", decimal("0.1"), decimal(lot));
    let rows = [
        row(Market::Spot, "BTCUSDT", "BTC", "0.000001"),
        row(Market::Spot, "ETHUSDT", "ETH", "0.000001"),
        row(Market::Linear, "BTCUSDT", "BTC", "0.001"),
        row(Market::Linear, "ETHUSDT", "ETH", "0.001"),
    ];
    directory_of(rows.into_iter(), &["MNT", "USDC"])
}

pub const SPOT_BTC: InstrumentId = InstrumentId(0);
pub const LINEAR_BTC: InstrumentId = InstrumentId(2);
pub const BTC: AssetId = AssetId(0);
pub const MNT: AssetId = AssetId(2);
pub const USDT: AssetId = AssetId(4);

/// A directory of these symbols in both markets, on a grid so fine that any price and quantity is on it.
pub fn fine(symbols: &BTreeSet<String>) -> Directory {
    let fine = decimal("0.00000001");
    let both = |symbol: &'static str| [Market::Spot, Market::Linear].map(|market| (market, symbol, "BTC", "USDT", fine, fine));
    // Tests end soon; a few names may stay in memory as long.
    let names = symbols.iter().map(|symbol| &*symbol.clone().leak());
    directory_of(names.flat_map(both), &["ETH", "MNT", "USDC"])
}

/// What the venue listed, as a directory.
pub fn as_told(listed: &[ListedInstrument]) -> Directory {
    let rows = listed.iter().map(|l| (l.market, l.symbol.as_str(), l.base.as_str(), l.quote.as_str(), l.tick, l.lot));
    directory_of(rows, &[])
}

/// What a message is, for counting.
pub fn kind(message: &Message) -> &'static str {
    match message {
        Message::Depth { .. } => "depth",
        Message::Trade(..) => "trade",
        Message::Quote(..) => "quote",
        Message::Bar(..) => "bar",
        Message::Mark(..) => "mark",
        Message::Reply(_) => "reply",
        Message::Account(AccountEvent::Funding(_)) => "funding",
        Message::Account(_) => "account",
        Message::Answer { .. } => "answer",
        Message::Order(_) => "order",
        Message::Execution(_) => "execution",
        Message::Balance(_) => "balance",
        Message::Position(_) => "position",
        Message::NoSuchOrder(_) => "no such order",
        Message::Listed(_) => "listed",
        Message::ServerTime(_) => "server time",
        Message::Rights(_) => "rights",
        Message::StreamKey(..) => "stream key",
        Message::More(_) => "more",
        Message::Usage { .. } => "usage",
        Message::Session(_) => "session",
    }
}

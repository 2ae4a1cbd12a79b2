//! A small directory and a dialect on it, for tests.

use std::collections::BTreeMap;
use tradewind_types::{AccountId, AssetId, Decimal, InstrumentId, Nanos, OrderId, Timestamp};
use tradewind_venues::binance::{Binance, Endpoints, Settings};
use tradewind_venues::{Credentials, Dialect, Directory, Feed, Grid, Inbox, LinkId, Listed, ListedAsset, MapError, Market, Message};

pub const SPOT_ACCOUNT: AccountId = AccountId(1);
pub const USDM_ACCOUNT: AccountId = AccountId(2);
pub const BTC: AssetId = AssetId(1);
pub const USDT: AssetId = AssetId(2);
pub const BNB: AssetId = AssetId(3);
/// BTCUSDT on spot: ticks of 0.01, lots of 0.00001.
pub const SPOT: InstrumentId = InstrumentId(1);
/// BTCUSDT perpetual: ticks of 0.1, lots of 0.001.
pub const PERP: InstrumentId = InstrumentId(2);
pub const OURS: OrderId = OrderId { node: 1, epoch: 3, counter: 77 };
pub const NOW: Timestamp = Timestamp(1_700_000_000_000_000_000);

/// Links of a dialect with both markets, all feeds and a key.
pub const SPOT_PUBLIC: LinkId = LinkId(0);
pub const SPOT_PRIVATE: LinkId = LinkId(1);
pub const USDM_PUBLIC: LinkId = LinkId(2);
pub const USDM_MARKET: LinkId = LinkId(3);
pub const USDM_PRIVATE: LinkId = LinkId(4);
pub const USDM_ORDERS: LinkId = LinkId(5);

pub fn asset(id: AssetId, symbol: &str) -> ListedAsset {
    ListedAsset { id, symbol: symbol.into(), scale: 8 }
}

pub fn accounts() -> BTreeMap<Market, AccountId> {
    BTreeMap::from([(Market::Spot, SPOT_ACCOUNT), (Market::Linear, USDM_ACCOUNT)])
}

pub fn directory() -> Directory {
    let grid = |tick, lot| Grid::new(Decimal { mantissa: 1, scale: tick }, Decimal { mantissa: 1, scale: lot }).unwrap();
    let listed = |id, market, grid, account| Listed { id, market, symbol: "BTCUSDT".into(), grid, base: BTC, quote: USDT, account };
    let instruments = vec![listed(SPOT, Market::Spot, grid(2, 5), SPOT_ACCOUNT), listed(PERP, Market::Linear, grid(1, 3), USDM_ACCOUNT)];
    Directory::new(instruments, vec![asset(BTC, "BTC"), asset(USDT, "USDT"), asset(BNB, "BNB")], accounts())
}

pub fn settings() -> Settings {
    Settings {
        endpoints: Endpoints::default(),
        credentials: Some(Credentials { key: "testkey".into(), secret: "testsecret".into(), passphrase: String::new() }),
        markets: vec![Market::Spot, Market::Linear],
        feeds: vec![Feed::Depth, Feed::Trades, Feed::Quotes, Feed::Bars, Feed::Marks],
        recv_window: Nanos::from_secs(5),
    }
}

pub fn dialect_of(settings: Settings, directory: Directory) -> Binance {
    let mut dialect = Binance::new(settings);
    dialect.set_directory(directory);
    dialect
}

pub fn dialect() -> Binance {
    dialect_of(settings(), directory())
}

/// What a frame says.
pub fn heard(link: LinkId, frame: &str) -> Vec<Message> {
    read(link, frame).unwrap().messages
}

pub fn read(link: LinkId, frame: &str) -> Result<Inbox, MapError> {
    let mut inbox = Inbox::default();
    dialect().read(link, frame.as_bytes(), &mut inbox).map(|()| inbox)
}

pub const fn ms(millis: i64) -> Timestamp {
    Timestamp(millis * 1_000_000)
}

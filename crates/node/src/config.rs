//! `node.toml`: what a node is to do, in words that people write. What is written wrongly is said with its place.

use crate::nearest::did_you_mean;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use tradewind_book::SequenceRule;
use tradewind_types::{Nanos, VenueId};
use tradewind_venues::{Market, binance, bybit};

/// Venues that a node speaks to. Their numbers in journals are fixed for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VenueName {
    /// Binance: spot and USD-M futures.
    Binance,
    /// Bybit v5: spot and linear.
    Bybit,
}

impl VenueName {
    /// Every venue, by its number.
    pub const ALL: [Self; 2] = [VenueName::Binance, VenueName::Bybit];

    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            VenueName::Binance => "binance",
            VenueName::Bybit => "bybit",
        }
    }

    /// Its number in every journal.
    #[must_use]
    pub const fn id(self) -> VenueId {
        match self {
            VenueName::Binance => VenueId(0),
            VenueName::Bybit => VenueId(1),
        }
    }

    /// The venue of a number.
    #[must_use]
    pub fn of(id: VenueId) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.id() == id)
    }

    /// How it numbers the depth messages of a market.
    #[must_use]
    pub const fn sequence_rule(self, market: Market) -> SequenceRule {
        match self {
            VenueName::Binance => binance::sequence_rule(market),
            VenueName::Bybit => bybit::SEQUENCE_RULE,
        }
    }
}

/// Part of a venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MarketConfig {
    /// Coins.
    Spot,
    /// Linear perpetuals.
    Linear,
}

/// A public feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FeedConfig {
    /// Order book.
    Depth,
    /// Trades.
    Trades,
    /// One-minute bars.
    Bars,
    /// Mark, index, funding.
    Marks,
}

/// When an order intent is safe before its bytes leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CommitConfig {
    /// Not at all: for measuring.
    Memory,
    /// It survives the end of the process.
    #[default]
    Process,
    /// It survives power loss.
    Disk,
}

/// The node itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeConfig {
    /// Its number: part of every order id. No two nodes of an account share one.
    pub id: u16,
    /// Journal, market data and snapshots are kept here.
    pub folder: PathBuf,
    /// Commit level of order intents.
    #[serde(default)]
    pub commit: CommitConfig,
    /// Address of `/metrics` and `/health`; loopback unless said otherwise. None: not served.
    #[serde(default)]
    pub metrics: Option<String>,
    /// Most that journal and market data may take.
    #[serde(default = "default_disk_budget")]
    pub disk_budget_mb: u64,
    /// How long recorded market data is kept.
    #[serde(default = "default_market_data_hours")]
    pub market_data_hours: u64,
    /// How long an order that is over stays in memory; the journal keeps it for ever.
    #[serde(default = "default_orders_minutes")]
    pub orders_minutes: u32,
}

impl NodeConfig {
    /// How long an order that is over stays in memory.
    #[must_use]
    pub const fn orders_kept(&self) -> Nanos {
        Nanos::from_secs(60 * self.orders_minutes as i64)
    }
}

const fn default_disk_budget() -> u64 {
    4096
}

const fn default_market_data_hours() -> u64 {
    48
}

const fn default_orders_minutes() -> u32 {
    60
}

/// Where a venue's servers are, other than in production: an emulator, a test network.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointsConfig {
    /// `http://127.0.0.1:8081`
    pub http: String,
    /// `ws://127.0.0.1:8081`
    pub ws: String,
}

/// Where an account's keys come from. They are never in this file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub enum KeysConfig {
    /// `<prefix>_KEY`, `<prefix>_SECRET`, `<prefix>_PASSPHRASE` of the environment.
    Env(String),
    /// A file encrypted by `tradewind keys`; its password is asked for or in `TRADEWIND_KEYS_PASSWORD`.
    File(PathBuf),
}

/// How a paper account behaves.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaperConfig {
    /// What it starts with, by asset: `{ USDT = "100000" }`.
    pub balances: BTreeMap<String, String>,
    /// From us to the matching engine, and back.
    #[serde(default = "default_latency")]
    pub latency_ms: u32,
    /// Maker fee in hundredths of a percent; negative is a rebate.
    #[serde(default = "default_maker")]
    pub maker_fee_bps: String,
    /// Taker fee in hundredths of a percent.
    #[serde(default = "default_taker")]
    pub taker_fee_bps: String,
}

const fn default_latency() -> u32 {
    5
}

fn default_maker() -> String {
    "2".to_owned()
}

fn default_taker() -> String {
    "5".to_owned()
}

/// A venue and what is done there.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VenueConfig {
    /// Which.
    pub name: VenueName,
    /// Symbols by market, in the venue's words: `{ spot = ["BTCUSDT"], linear = ["BTCUSDT"] }`.
    pub instruments: BTreeMap<MarketConfig, Vec<String>>,
    /// Public feeds of each instrument.
    #[serde(default = "default_feeds")]
    pub feeds: Vec<FeedConfig>,
    /// Servers other than production's.
    #[serde(default)]
    pub endpoints: Option<EndpointsConfig>,
    /// Keys; needed for live.
    #[serde(default)]
    pub keys: Option<KeysConfig>,
    /// Keys of the kill switch, so that it works when the node's are gone; the venue's own where it has none.
    #[serde(default)]
    pub kill_keys: Option<KeysConfig>,
    /// The paper account; needed for paper.
    #[serde(default)]
    pub paper: Option<PaperConfig>,
    /// Leverage of its derivative positions, as set at the venue; 1 where it is not said.
    #[serde(default)]
    pub leverage: Option<u32>,
    /// Rate limits of the account where the venue has raised them, by name: `{ usdm-orders-10s = 3000 }`; the published ones
    /// else. Counted per window of the limit.
    #[serde(default)]
    pub rate_limits: BTreeMap<String, u32>,
    /// Window of the venue's dead-man's switch, where it has one.
    #[serde(default)]
    pub dead_man_s: Option<u32>,
}

fn default_feeds() -> Vec<FeedConfig> {
    vec![FeedConfig::Depth, FeedConfig::Trades, FeedConfig::Marks]
}

/// Limits of a scope. Quantities and amounts are decimal text, in the instrument's or its quote's own units.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitConfig {
    /// `firm`, `venue:binance`, `book:NAME`.
    pub scope: String,
    /// `binance:spot:BTCUSDT`; each instrument alike where it is not said.
    #[serde(default)]
    pub instrument: Option<String>,
    /// Largest order, in base.
    #[serde(default)]
    pub max_order_qty: Option<String>,
    /// Largest order value, in quote.
    #[serde(default)]
    pub max_order_notional: Option<String>,
    /// Largest position with everything in flight, in base.
    #[serde(default)]
    pub max_position: Option<String>,
    /// Largest distance of an order's price from the market, in hundredths of a percent.
    #[serde(default)]
    pub max_price_deviation_bps: Option<u32>,
    /// Most orders a second.
    #[serde(default)]
    pub max_orders_per_s: Option<u32>,
}

/// A strategy's book.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BookConfig {
    /// Its name.
    pub name: String,
    /// Algos that run in it.
    #[serde(default)]
    pub algos: Vec<AlgoConfig>,
    /// A Python strategy that decides for it.
    #[serde(default)]
    pub python: Option<PythonConfig>,
}

/// An algo of the engine.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase", tag = "kind")]
pub enum AlgoConfig {
    /// Quotes both sides around the middle.
    Quoting {
        /// `binance:spot:BTCUSDT`.
        instrument: String,
        /// From the middle to each quote, in hundredths of a percent.
        half_spread_bps: String,
        /// Size of each quote, in base.
        qty: String,
        /// Largest position either way, in base.
        max_position: String,
        /// A quote is moved when it is off by so much, in hundredths of a percent.
        #[serde(default)]
        requote_bps: Option<String>,
    },
}

/// A Python strategy.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PythonConfig {
    /// `file.py:Class`.
    pub strategy: String,
    /// What it may take to decide; beyond it, it is fenced off.
    #[serde(default = "default_budget")]
    pub time_budget_ms: u32,
    /// Arguments of its class.
    #[serde(default)]
    pub arguments: toml::Table,
}

const fn default_budget() -> u32 {
    250
}

/// Everything in `node.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The node.
    pub node: NodeConfig,
    /// Venues.
    #[serde(rename = "venue")]
    pub venues: Vec<VenueConfig>,
    /// Limits.
    #[serde(default, rename = "limit")]
    pub limits: Vec<LimitConfig>,
    /// Books.
    #[serde(default, rename = "book")]
    pub books: Vec<BookConfig>,
}

/// What is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It is no TOML, or not of this shape.
    #[error("{0}")]
    Shape(String),
}

impl Config {
    /// Reads `node.toml`.
    ///
    /// # Errors
    /// [`ConfigError`], with line and column.
    pub fn read(text: &str) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error: toml::de::Error| ConfigError::Shape(explained(&error.to_string())))
    }
}

/// What serde says of a word it does not know, with the one it may have been. The words are between backticks: first the one that
/// was found, then those that could be.
fn explained(said: &str) -> String {
    let said = said.trim_end();
    let Some(line) = said.lines().rfind(|l| l.starts_with("unknown ")) else { return said.to_owned() };
    let mut words = line.split('`').skip(1).step_by(2);
    let found = words.next().unwrap_or_default();
    let near = did_you_mean(found, words);
    format!("{said}.{near}")
}

//! The venues as data: their rules, instruments, fees, and the front that speaks for each.
//!
//! Ticks, lots, limits and fees are those that the venues publish for these symbols (Binance `exchangeInfo`, Bybit
//! `instruments-info`; standard fee level). Maintenance tiers are the lowest few of each schedule.

use crate::binance::{Binance, Quotas};
use crate::bybit::Bybit;
use crate::front::Front;
use crate::house::{
    Category, ClientIds, ClientSpec, ConditionsUnmet, Credentials, HouseRules, HouseSetup, ListingSpec, Permissions, Secret, TierSpec,
    Wallet, WalletPlan,
};
use crate::signing::{hex, hmac_sha256};
use tradewind_exchange::{FeeAsset, Liquidation};
use tradewind_types::{Decimal, Nanos, Rate, SelfTradePrevention};

/// A venue that can be emulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Venue {
    /// Binance spot and USD-M futures.
    Binance,
    /// Bybit v5, spot and linear.
    Bybit,
}

/// How much a venue lets its clients ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RequestLimits {
    /// As much as it publishes for anybody.
    #[default]
    Published,
    /// As much as anybody likes, for load that the published figures would hold back.
    Lifted,
}

/// What is not a venue here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no venue `{name}` can be emulated; there are: binance, bybit")]
pub struct UnknownVenue {
    /// What was asked for.
    pub name: String,
}

/// Symbol, base, quote, tick, lot, smallest quantity, largest quantity, smallest value.
type Row = (&'static str, &'static str, &'static str, Dec, Dec, Dec, Dec, Dec);
/// Mantissa and digits after the point.
type Dec = (i64, u8);

const BINANCE_SPOT: &[Row] = &[
    ("BTCUSDT", "BTC", "USDT", (1, 2), (1, 5), (1, 5), (9_000, 0), (5, 0)),
    ("ETHUSDT", "ETH", "USDT", (1, 2), (1, 4), (1, 4), (9_000, 0), (5, 0)),
    ("SOLUSDT", "SOL", "USDT", (1, 2), (1, 3), (1, 3), (90_000, 0), (5, 0)),
    ("XRPUSDT", "XRP", "USDT", (1, 4), (1, 1), (1, 1), (9_222_449, 0), (5, 0)),
    ("DOGEUSDT", "DOGE", "USDT", (1, 5), (1, 0), (1, 0), (9_000_000, 0), (1, 0)),
    ("ETHBTC", "ETH", "BTC", (1, 5), (1, 4), (1, 4), (100_000, 0), (1, 4)),
];
const BINANCE_LINEAR: &[Row] = &[
    ("BTCUSDT", "BTC", "USDT", (1, 1), (1, 3), (1, 3), (1_000, 0), (100, 0)),
    ("ETHUSDT", "ETH", "USDT", (1, 2), (1, 3), (1, 3), (10_000, 0), (20, 0)),
    ("SOLUSDT", "SOL", "USDT", (1, 2), (1, 2), (1, 2), (1_000_000, 0), (5, 0)),
];
const BYBIT_SPOT: &[Row] = &[
    ("BTCUSDT", "BTC", "USDT", (1, 1), (1, 6), (1, 6), (83, 0), (5, 0)),
    ("ETHUSDT", "ETH", "USDT", (1, 2), (1, 5), (1, 5), (2_500, 0), (5, 0)),
    ("SOLUSDT", "SOL", "USDT", (1, 2), (1, 3), (1, 3), (50_000, 0), (5, 0)),
    ("XRPUSDT", "XRP", "USDT", (1, 4), (1, 2), (1, 2), (4_000_000, 0), (5, 0)),
    ("DOGEUSDT", "DOGE", "USDT", (1, 5), (1, 1), (1, 1), (40_000_000, 0), (5, 0)),
    ("ETHBTC", "ETH", "BTC", (1, 6), (1, 5), (1, 5), (1_000, 0), (1, 4)),
];
const BYBIT_LINEAR: &[Row] = &[
    ("BTCUSDT", "BTC", "USDT", (1, 1), (1, 3), (1, 3), (1_190, 0), (5, 0)),
    ("ETHUSDT", "ETH", "USDT", (1, 2), (1, 2), (1, 2), (7_240, 0), (5, 0)),
    ("SOLUSDT", "SOL", "USDT", (1, 2), (1, 1), (1, 1), (79_770, 0), (5, 0)),
];
/// Position value, maintenance in basis points ×10, largest leverage.
const TIERS: &[(i64, i64, u32)] = &[(0, 40, 125), (300_000, 50, 100), (800_000, 65, 75), (3_000_000, 100, 50), (12_000_000, 200, 25)];
/// What every client starts with, in each wallet that can use it.
const SPOT_DEPOSITS: &[(&str, i64)] =
    &[("USDT", 1_000_000), ("USDC", 100_000), ("BTC", 10), ("ETH", 100), ("SOL", 5_000), ("XRP", 100_000), ("DOGE", 1_000_000)];
const MARGIN_DEPOSITS: &[(&str, i64)] = &[("USDT", 1_000_000), ("USDC", 100_000)];

/// What published limits are multiplied by where they are lifted.
const LIFTED: u32 = 100_000;

const fn decimal((mantissa, scale): Dec) -> Decimal {
    Decimal { mantissa, scale }
}

/// A share in hundredths of a basis point.
const fn centi_bps(n: i64) -> Rate {
    Rate::from_centi_bps(n)
}

impl Venue {
    /// All of them.
    pub const ALL: [Venue; 2] = [Venue::Binance, Venue::Bybit];

    /// Its name, as `ccxt` has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Venue::Binance => "binance",
            Venue::Bybit => "bybit",
        }
    }

    /// The venue of this name.
    ///
    /// # Errors
    /// [`UnknownVenue`].
    pub fn named(name: &str) -> Result<Self, UnknownVenue> {
        Self::ALL.into_iter().find(|venue| venue.name() == name).ok_or_else(|| UnknownVenue { name: name.to_owned() })
    }

    /// Its protocol.
    #[must_use]
    pub fn front(self, limits: RequestLimits) -> Box<dyn Front + Send> {
        match (self, limits) {
            (Venue::Binance, RequestLimits::Published) => Box::new(Binance::new()),
            (Venue::Binance, RequestLimits::Lifted) => {
                Box::new(Binance::with_quotas(Quotas::spot().times(LIFTED), Quotas::futures().times(LIFTED)))
            }
            (Venue::Bybit, RequestLimits::Published) => Box::new(Bybit::new()),
            (Venue::Bybit, RequestLimits::Lifted) => Box::new(Bybit::new().unmetered()),
        }
    }

    /// Its ways.
    #[must_use]
    pub const fn rules(self) -> HouseRules {
        let common = HouseRules {
            wallets: WalletPlan::Split,
            conditions_unmet: ConditionsUnmet::Refused,
            client_ids: ClientIds::WhileOpen,
            self_trade: SelfTradePrevention::CancelOldest,
            spot_fees: FeeAsset::Received,
            max_open_orders: 1_000,
            first_order: 1_000_000_001,
            liquidation: Liquidation::AgainstBook { clearance_fee: centi_bps(12_500) },
        };
        match self {
            Venue::Binance => common,
            Venue::Bybit => HouseRules {
                wallets: WalletPlan::Unified,
                conditions_unmet: ConditionsUnmet::Recorded,
                client_ids: ClientIds::WhileRecorded,
                self_trade: SelfTradePrevention::Allow,
                ..common
            },
        }
    }

    /// Maker and taker fee of a market, in hundredths of a basis point.
    const fn fees(self, category: Category) -> (i64, i64) {
        match (self, category) {
            (_, Category::Spot) => (1_000, 1_000),
            (Venue::Binance, Category::Linear) => (200, 500),
            (Venue::Bybit, Category::Linear) => (200, 550),
        }
    }

    fn listings(self) -> Vec<ListingSpec> {
        let (spot, linear) = match self {
            Venue::Binance => (BINANCE_SPOT, BINANCE_LINEAR),
            Venue::Bybit => (BYBIT_SPOT, BYBIT_LINEAR),
        };
        let spot = spot.iter().map(|row| self.listing(Category::Spot, row));
        spot.chain(linear.iter().map(|row| self.listing(Category::Linear, row))).collect()
    }

    fn listing(self, category: Category, row: &Row) -> ListingSpec {
        let (symbol, base, quote, tick, lot, min_qty, max_qty, min_notional) = *row;
        let (maker, taker) = self.fees(category);
        let tier = |&(from, maintenance, max_leverage): &(i64, i64, u32)| TierSpec {
            from,
            maintenance: centi_bps(maintenance * 100),
            max_leverage,
        };
        let is_spot = category == Category::Spot;
        ListingSpec {
            category,
            symbol: symbol.to_owned(),
            base: base.to_owned(),
            quote: quote.to_owned(),
            tick: decimal(tick),
            lot: decimal(lot),
            min_qty: decimal(min_qty),
            max_qty: decimal(max_qty),
            min_notional: decimal(min_notional),
            maker_fee: centi_bps(maker),
            taker_fee: centi_bps(taker),
            tiers: if is_spot { Vec::new() } else { TIERS.iter().map(tier).collect() },
            funding_interval: if is_spot { Nanos(0) } else { Nanos::from_secs(8 * 3600) },
        }
    }

    /// A house of this venue with so many funded clients, whose keys follow from the seed.
    #[must_use]
    pub fn house(self, seed: u64, accounts: u32) -> HouseSetup {
        let clients = (0..accounts).map(|index| self.client(seed, index)).collect();
        HouseSetup { name: self.name().to_owned(), rules: self.rules(), listings: self.listings(), clients }
    }

    fn client(self, seed: u64, index: u32) -> ClientSpec {
        let word = |what: &str| {
            let text = format!("{what} {seed} {index}");
            hex(&hmac_sha256(self.name().as_bytes(), &[text.as_bytes()]))
        };
        let deposit = |wallet: Wallet| move |&(asset, whole): &(&str, i64)| (wallet, asset.to_owned(), decimal((whole, 0)));
        let mut deposits: Vec<_> = SPOT_DEPOSITS.iter().map(deposit(Wallet::Spot)).collect();
        if self.rules().wallets == WalletPlan::Split {
            deposits.extend(MARGIN_DEPOSITS.iter().map(deposit(Wallet::Derivatives)));
        }
        let credentials =
            Credentials { key: word("key"), secret: Secret::new(word("secret")), passphrase: Secret::new(&word("passphrase")[..16]) };
        ClientSpec { credentials, permissions: Permissions::Trade, deposits }
    }
}

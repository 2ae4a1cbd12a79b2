//! What a house is made of: its rules, what it lists, who trades there and with how much.

use super::client::{Credentials, Permissions};
use super::listing::Category;
use tradewind_exchange::{ClearingRules, DeliveryPrice, FeeAsset, Liquidation};
use tradewind_types::{Decimal, MoneyError, Nanos, Rate, SelfTradePrevention};

/// Whether spot and derivatives draw on one wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalletPlan {
    /// One for both (Bybit unified account).
    Unified,
    /// One each (Binance spot and USD-M futures).
    Split,
}

/// Which of the two wallets; the same at a house with one for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wallet {
    /// That of spot orders.
    Spot,
    /// That of derivatives.
    Derivatives,
}

/// What becomes of an order that its own conditions keep out: post-only that would take, fill-or-kill that cannot be filled, a
/// market order without a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionsUnmet {
    /// It is refused, and leaves no record; but a spot order for which the book has not enough is recorded, and over at once
    /// (Binance).
    Refused,
    /// It is recorded, and over at once (Bybit).
    Recorded,
}

/// How long a client's own id of an order is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientIds {
    /// As long as the order is open (Binance).
    WhileOpen,
    /// As long as the house has a record of it (Bybit).
    WhileRecorded,
}

/// What a house does in ways that others do otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HouseRules {
    /// Whether spot and derivatives draw on one wallet.
    pub wallets: WalletPlan,
    /// What becomes of an order whose own conditions keep it out.
    pub conditions_unmet: ConditionsUnmet,
    /// How long a client's own id is taken.
    pub client_ids: ClientIds,
    /// What happens where two orders of a client would meet and neither said anything.
    pub self_trade: SelfTradePrevention,
    /// In what spot fees are paid.
    pub spot_fees: FeeAsset,
    /// Open orders of one client at most.
    pub max_open_orders: usize,
    /// Number of the first order.
    pub first_order: u64,
    /// How positions without margin are closed.
    pub liquidation: Liquidation,
}

impl HouseRules {
    pub(super) const fn clearing(&self) -> ClearingRules {
        ClearingRules { liquidation: self.liquidation, delivery: DeliveryPrice::LastMark, delivery_fee: Rate(0) }
    }
}

/// One step of a margin schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TierSpec {
    /// Position value from which it holds, in whole units of the quote asset.
    pub from: i64,
    /// Maintenance margin, as a share of the position's value.
    pub maintenance: Rate,
    /// Largest leverage.
    pub max_leverage: u32,
}

/// One instrument to be listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListingSpec {
    /// In which market.
    pub category: Category,
    /// The venue's symbol.
    pub symbol: String,
    /// Ticker of what is bought and sold.
    pub base: String,
    /// Ticker of what the price is in.
    pub quote: String,
    /// Price step.
    pub tick: Decimal,
    /// Quantity step.
    pub lot: Decimal,
    /// Smallest quantity.
    pub min_qty: Decimal,
    /// Largest quantity.
    pub max_qty: Decimal,
    /// Smallest value, in quote.
    pub min_notional: Decimal,
    /// Charged for liquidity added.
    pub maker_fee: Rate,
    /// Charged for liquidity taken.
    pub taker_fee: Rate,
    /// Margin by position value, lowest first; empty on spot.
    pub tiers: Vec<TierSpec>,
    /// From one funding to the next; zero where there is none.
    pub funding_interval: Nanos,
}

/// A client to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSpec {
    /// Its key.
    pub credentials: Credentials,
    /// What the key may be used for.
    pub permissions: Permissions,
    /// What it has.
    pub deposits: Vec<(Wallet, String, Decimal)>,
}

/// A house to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HouseSetup {
    /// The venue's name.
    pub name: String,
    /// Its ways.
    pub rules: HouseRules,
    /// What is listed.
    pub listings: Vec<ListingSpec>,
    /// Who trades.
    pub clients: Vec<ClientSpec>,
}

/// Why a house cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// A figure of an instrument does not fit.
    #[error("{symbol}: {error}; state tick, lot and limits as multiples of each other within 12 digits")]
    Listing {
        /// Which.
        symbol: String,
        /// What.
        error: MoneyError,
    },
    /// A deposit does not fit.
    #[error("deposit of {asset}: {error}; state it within 12 digits")]
    Deposit {
        /// In what.
        asset: String,
        /// What.
        error: MoneyError,
    },
    /// Two clients have one key.
    #[error("key `{key}` is given twice; every client needs its own")]
    DuplicateKey {
        /// Which.
        key: String,
    },
}

//! What happens to an account other than through our orders: funding, trades nobody here asked for, money on its way.

use crate::ids::{AccountId, AssetId, BookId, InstrumentId, OrderId, TradeId, TransferId};
use crate::money::{Amount, Price, Qty, Rate};
use crate::order::{Exposure, FeeCharge, Fill, Liquidity, Side};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Whether an account nets its trades in a derivative, or keeps a long and a short leg apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PositionMode {
    /// One net position.
    #[default]
    OneWay,
    /// A long leg and a short leg; each order names its leg.
    Hedge,
}

/// What the venue does where two orders of one owner would meet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SelfTradePrevention {
    /// They trade.
    #[default]
    Allow,
    /// The order that came is ended.
    CancelNewest,
    /// The order that rested is ended; the one that came goes on.
    CancelOldest,
    /// Both are ended.
    CancelBoth,
    /// Both lose the smaller one's quantity, and the smaller one is ended.
    Decrement,
}

/// One step of a venue's margin schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarginTier {
    /// Position value from which it holds, in the value asset.
    pub from: Amount,
    /// Maintenance margin, as a share of the position's value.
    pub maintenance: Rate,
    /// Taken off the maintenance margin, so that it does not jump at the tier's edge (Binance `cum`, Bybit `mmDeduction`).
    pub deduction: Amount,
    /// Largest leverage.
    pub max_leverage: u32,
}

/// A venue's margin schedule of one instrument, lowest tier first; the first starts at zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarginSchedule {
    /// Of what.
    pub instrument: InstrumentId,
    /// By position value.
    pub tiers: Vec<MarginTier>,
}

impl MarginSchedule {
    /// The tier of a position worth `value` (absolute).
    #[must_use]
    pub fn tier(&self, value: Amount) -> Option<&MarginTier> {
        self.tiers.iter().rev().find(|tier| tier.from <= value)
    }
}

/// A venue's filters of one instrument from now on, in place of those it was defined with. Prices and quantities stay in the
/// instrument's own ticks and lots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstrumentFilters {
    /// Of what.
    pub instrument: InstrumentId,
    /// Prices are multiples of this.
    pub price_step: Price,
    /// Quantities are multiples of this.
    pub qty_step: Qty,
    /// Smallest order.
    pub min_qty: Qty,
    /// Largest order.
    pub max_qty: Qty,
    /// Smallest order value, in the value asset.
    pub min_notional: Amount,
}

/// A funding payment as the venue states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundingPayment {
    /// Whose.
    pub account: AccountId,
    /// On what.
    pub instrument: InstrumentId,
    /// Share of the position's value that longs pay shorts.
    pub rate: Rate,
    /// Mark price at which the position was valued.
    pub mark: Price,
    /// What the venue posted, in the instrument's value asset: positive is received.
    pub amount: Amount,
    /// Funding time, venue clock; a payment is applied once per (account, instrument, time).
    pub ts_venue: Timestamp,
}

/// Why an account traded without an order of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TradeCause {
    /// The venue closed a position that no longer met its maintenance margin.
    Liquidation,
    /// The venue closed a profitable position against somebody's liquidation.
    AutoDeleveraging,
    /// A dated contract was settled.
    Delivery,
    /// Somebody traded by hand.
    Manual,
}

/// A trade of an account that no order of ours made; it belongs to the unassigned book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountTrade {
    /// Whose.
    pub account: AccountId,
    /// What.
    pub instrument: InstrumentId,
    /// Bought or sold.
    pub side: Side,
    /// The venue's id; a trade is applied once per (account, instrument, trade).
    pub trade: TradeId,
    /// At what price.
    pub price: Price,
    /// How much, > 0.
    pub qty: Qty,
    /// What it cost.
    pub fee: FeeCharge,
    /// The venue's own rounded cash figure, as in a fill.
    pub stated_cash: Option<Amount>,
    /// Why.
    pub cause: TradeCause,
    /// In a hedge-mode account, which leg; else [`Exposure::Any`].
    pub leg: Exposure,
    /// Venue clock.
    pub ts_venue: Timestamp,
}

impl AccountTrade {
    /// The same execution in the words of a fill; it belongs to no order.
    #[must_use]
    pub fn as_fill(&self) -> Fill {
        let Self { trade, price, qty, fee, stated_cash, ts_venue, .. } = *self;
        Fill { order: OrderId::default(), trade, price, qty, liquidity: Liquidity::Taker, fee, stated_cash, ts_venue }
    }
}

/// A private message of a venue about an account rather than an order of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountEvent {
    /// Funding was paid or received.
    Funding(FundingPayment),
    /// The account traded without an order of ours.
    Traded(AccountTrade),
    /// Money that was on its way has come.
    TransferArrived {
        /// Which transfer.
        transfer: TransferId,
    },
}

/// Money from one account to another; on its way it is in neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Its id; each is used once.
    pub transfer: TransferId,
    /// From which account.
    pub from: AccountId,
    /// Into which account.
    pub to: AccountId,
    /// Whose money.
    pub book: BookId,
    /// What.
    pub asset: AssetId,
    /// What leaves, > 0.
    pub amount: Amount,
    /// What of it the network keeps.
    pub fee: Amount,
}

/// Why an account event or a transfer was not booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum AccountRefusal {
    /// Account, instrument, asset or book is not defined, or they do not belong together.
    #[error("account, instrument, asset or book is not defined, or they do not belong together")]
    NotDefined,
    /// It was booked before.
    #[error("it was booked before")]
    Repeated,
    /// No transfer with this id is on its way.
    #[error("transfer {transfer} is not on its way")]
    NotOnItsWay {
        /// Which.
        transfer: TransferId,
    },
    /// A quantity, price or amount that cannot be.
    #[error("a quantity, price or amount is not positive, or a fee is larger than what it is taken from")]
    Malformed,
    /// More than the account has free.
    #[error("{} units asked, {} free", asked.0, free.0)]
    InsufficientBalance {
        /// Asked.
        asked: Amount,
        /// Free.
        free: Amount,
    },
    /// A sum left its integer type.
    #[error("the amount overflows the balance")]
    Overflow,
}

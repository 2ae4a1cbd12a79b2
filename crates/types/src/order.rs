//! Orders: what may be asked, what a venue is sent, the life-cycle, and fills.

use crate::ids::{AccountId, AssetId, BookId, InstrumentId, OrderId, TradeId};
use crate::money::{Amount, Price, Qty};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Buy or sell; for book levels, bid or ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Side {
    /// Buy, or the bid side.
    Buy,
    /// Sell, or the ask side.
    Sell,
}

impl Side {
    /// The other side.
    #[inline]
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        }
    }

    /// +1 for buy, -1 for sell.
    #[inline]
    #[must_use]
    pub const fn sign(self) -> i64 {
        match self {
            Side::Buy => 1,
            Side::Sell => -1,
        }
    }
}

/// At what price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderKind {
    /// At whatever the book offers.
    Market,
    /// At this price or better.
    Limit {
        /// Worst acceptable price.
        price: Price,
    },
}

/// For how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimeInForce {
    /// Until cancelled.
    GoodTillCancelled,
    /// What fills at once; the rest is cancelled.
    ImmediateOrCancel,
    /// All at once or nothing.
    FillOrKill,
    /// Only as maker; rejected where it would take.
    PostOnly,
}

/// What an order may do to a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exposure {
    /// Open, increase, reduce, flip.
    Any,
    /// Only reduce.
    ReduceOnly,
}

/// The terms of an order; fixed but for price and quantity, which an amend may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderTerms {
    /// What.
    pub instrument: InstrumentId,
    /// Whose money.
    pub account: AccountId,
    /// Whose strategy.
    pub book: BookId,
    /// Buy or sell.
    pub side: Side,
    /// At what price.
    pub kind: OrderKind,
    /// For how long.
    pub time_in_force: TimeInForce,
    /// How much, in lots; > 0.
    pub qty: Qty,
    /// What it may do to the position.
    pub exposure: Exposure,
}

/// What an algo, a strategy or a person wants. Only `limits` can turn it into something a gateway accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Intent {
    /// Place an order.
    Place(OrderTerms),
    /// Cancel an order. Never refused for exposure, always counted.
    Cancel {
        /// Which.
        order: OrderId,
    },
    /// Change price and total quantity of a resting limit order.
    Amend {
        /// Which.
        order: OrderId,
        /// New limit price.
        price: Price,
        /// New total quantity, filled part included.
        qty: Qty,
    },
    /// Cancel every live order of a book.
    CancelAll {
        /// Whose.
        book: BookId,
    },
}

/// What leaves towards a venue. It travels inside a `limits::Command`, which alone a gateway accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderRequest {
    /// A new order.
    Place {
        /// Its id, ours.
        order: OrderId,
        /// Its terms.
        terms: OrderTerms,
    },
    /// Cancel.
    Cancel {
        /// Which.
        order: OrderId,
        /// On what instrument (venues ask).
        instrument: InstrumentId,
    },
    /// Amend.
    Amend {
        /// Which.
        order: OrderId,
        /// On what instrument.
        instrument: InstrumentId,
        /// New limit price.
        price: Price,
        /// New total quantity, filled part included.
        qty: Qty,
    },
}

/// Where an order is in its life, with the data that only that state has. A fill may arrive in any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderState {
    /// Sent, no word from the venue yet.
    Sent,
    /// Resting or working at the venue.
    Open,
    /// An amend is under way; both outcomes are reserved.
    Amending {
        /// Price asked for.
        price: Price,
        /// Total quantity asked for.
        qty: Qty,
    },
    /// A cancel is under way.
    Cancelling,
    /// Nobody knows; "not found" is evidence only after `until`.
    Unknown {
        /// Since when.
        since: Timestamp,
        /// The venue's own deadline.
        until: Timestamp,
    },
    /// Over.
    Done {
        /// Why.
        reason: DoneReason,
    },
}

/// Why an order is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DoneReason {
    /// Completely filled.
    Filled,
    /// Cancelled on request, or the rest of an immediate order.
    Cancelled,
    /// Refused by the venue.
    Rejected(RejectReason),
    /// Ended by the venue's clock or session.
    Expired,
    /// Never reached the venue, as its own records showed after the deadline.
    NeverArrived,
}

/// Why a venue refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RejectReason {
    /// A post-only order would have taken.
    WouldTake,
    /// A fill-or-kill order could not be filled at once.
    CannotFillCompletely,
    /// Not enough balance or margin.
    InsufficientFunds,
    /// Price, quantity or value breaks a filter.
    InvalidFilter,
    /// The order is not known (cancel, amend).
    UnknownOrder,
    /// Market closed, book empty, or instrument halted.
    NoMarket,
    /// A reduce-only order would not reduce.
    WouldIncrease,
    /// The same client id again.
    DuplicateId,
}

/// Maker or taker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Liquidity {
    /// Rested in the book.
    Maker,
    /// Took from the book.
    Taker,
}

/// What the venue charged: positive is paid by us, negative is a rebate. Any asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeCharge {
    /// In what.
    pub asset: AssetId,
    /// How much.
    pub amount: Amount,
}

/// One execution as the venue states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    /// Our order.
    pub order: OrderId,
    /// The venue's id; a fill is applied once per (instrument, trade).
    pub trade: TradeId,
    /// At what price.
    pub price: Price,
    /// How much, > 0.
    pub qty: Qty,
    /// Maker or taker.
    pub liquidity: Liquidity,
    /// What it cost.
    pub fee: FeeCharge,
    /// The venue's own rounded cash figure (absolute, in the instrument's value asset), where it states one.
    pub stated_cash: Option<Amount>,
    /// Venue clock.
    pub ts_venue: Timestamp,
}

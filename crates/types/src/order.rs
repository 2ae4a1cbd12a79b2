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

/// Which price of the venue a trigger watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TriggerSource {
    /// The last trade.
    Last,
    /// The mark price.
    Mark,
    /// The index behind the mark.
    Index,
}

/// A price at which a waiting order wakes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// At what price.
    pub price: Price,
    /// Of which series.
    pub source: TriggerSource,
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
    /// A market order once the price has moved against its side: a buy when it rises to the trigger, a sell when it falls to it.
    Stop {
        /// When it wakes up.
        trigger: Trigger,
    },
    /// A limit order once the price has moved against its side.
    StopLimit {
        /// When it wakes up.
        trigger: Trigger,
        /// Worst acceptable price.
        price: Price,
    },
    /// A market order once the price has moved in favour of a position's exit: a buy when it falls to the trigger, a sell when it
    /// rises to it.
    TakeProfit {
        /// When it wakes up.
        trigger: Trigger,
    },
    /// A limit order once the price has moved in favour.
    TakeProfitLimit {
        /// When it wakes up.
        trigger: Trigger,
        /// Worst acceptable price.
        price: Price,
    },
    /// A limit order that shows only a part of itself; each new part queues behind what is there.
    Iceberg {
        /// Worst acceptable price.
        price: Price,
        /// Lots shown at a time.
        display: Qty,
    },
}

impl OrderKind {
    /// Worst acceptable price; none for an order that takes what the book offers.
    #[inline]
    #[must_use]
    pub const fn price(&self) -> Option<Price> {
        match self {
            OrderKind::Limit { price }
            | OrderKind::StopLimit { price, .. }
            | OrderKind::TakeProfitLimit { price, .. }
            | OrderKind::Iceberg { price, .. } => Some(*price),
            OrderKind::Market | OrderKind::Stop { .. } | OrderKind::TakeProfit { .. } => None,
        }
    }

    /// What it waits for; none for an order that works at once.
    #[inline]
    #[must_use]
    pub const fn trigger(&self) -> Option<Trigger> {
        match self {
            OrderKind::Stop { trigger }
            | OrderKind::StopLimit { trigger, .. }
            | OrderKind::TakeProfit { trigger }
            | OrderKind::TakeProfitLimit { trigger, .. } => Some(*trigger),
            OrderKind::Market | OrderKind::Limit { .. } | OrderKind::Iceberg { .. } => None,
        }
    }

    /// The order it is once it works: a triggered stop is a market order, a triggered stop-limit a limit order.
    #[inline]
    #[must_use]
    pub const fn working(self) -> Self {
        match self {
            OrderKind::Stop { .. } | OrderKind::TakeProfit { .. } => OrderKind::Market,
            OrderKind::StopLimit { price, .. } | OrderKind::TakeProfitLimit { price, .. } => OrderKind::Limit { price },
            OrderKind::Market | OrderKind::Limit { .. } | OrderKind::Iceberg { .. } => self,
        }
    }

    /// The same kind of order at another limit price; unchanged where it has none.
    #[inline]
    #[must_use]
    pub const fn at_price(self, price: Price) -> Self {
        match self {
            OrderKind::Limit { .. } => OrderKind::Limit { price },
            OrderKind::StopLimit { trigger, .. } => OrderKind::StopLimit { trigger, price },
            OrderKind::TakeProfitLimit { trigger, .. } => OrderKind::TakeProfitLimit { trigger, price },
            OrderKind::Iceberg { display, .. } => OrderKind::Iceberg { price, display },
            OrderKind::Market | OrderKind::Stop { .. } | OrderKind::TakeProfit { .. } => self,
        }
    }

    /// Whether an order of this kind on `side` wakes up at `price` of its trigger's series; never for one that waits for nothing.
    #[inline]
    #[must_use]
    pub const fn is_triggered(&self, side: Side, price: Price) -> bool {
        let (trigger, rising) = match self {
            OrderKind::Stop { trigger } | OrderKind::StopLimit { trigger, .. } => (trigger, matches!(side, Side::Buy)),
            OrderKind::TakeProfit { trigger } | OrderKind::TakeProfitLimit { trigger, .. } => (trigger, matches!(side, Side::Sell)),
            OrderKind::Market | OrderKind::Limit { .. } | OrderKind::Iceberg { .. } => return false,
        };
        if rising { price.0 >= trigger.price.0 } else { price.0 <= trigger.price.0 }
    }
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
    /// Until cancelled or until this moment of the venue's clock, whichever comes first.
    GoodTillTime {
        /// It is over at this moment.
        until: Timestamp,
    },
}

/// What an order may do to a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exposure {
    /// Open, increase, reduce, flip.
    Any,
    /// Only reduce.
    ReduceOnly,
    /// On the long leg of a hedge-mode account: a buy opens or adds, a sell only closes.
    LongLeg,
    /// On the short leg of a hedge-mode account: a sell opens or adds, a buy only closes.
    ShortLeg,
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
    /// Ended by the venue, because it would have met another order of the same owner.
    SelfTradePrevented,
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
    /// A stop or take-profit whose trigger is reached already.
    WouldTriggerAtOnce,
    /// A leg named in a one-way account, or none in a hedge-mode account.
    WrongPositionMode,
    /// A kind of order the venue does not take on this instrument.
    NotOffered,
    /// Too many requests; nothing was done.
    RateLimited,
    /// The key, its rights or its clock were not accepted.
    NotAuthorised,
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

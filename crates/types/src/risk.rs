//! Hard pre-trade controls: their settings, and typed reasons for a refusal.

use crate::ids::{AccountId, AssetId, BookId, InstrumentId, OrderId, VenueId};
use crate::money::{Amount, Price, Qty, Rate};
use crate::time::{Nanos, Timestamp};
use serde::{Deserialize, Serialize};

/// What a limit or a halt covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LimitScope {
    /// Everything.
    Firm,
    /// One venue.
    Venue(VenueId),
    /// One account.
    Account(AccountId),
    /// One strategy's book.
    Book(BookId),
}

/// Limits of one scope, for one instrument or for each instrument alike. `None` is "no such limit here".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitSettings {
    /// What they cover.
    pub scope: LimitScope,
    /// One instrument, or each.
    pub instrument: Option<InstrumentId>,
    /// Largest order, in lots.
    pub max_order_qty: Option<Qty>,
    /// Largest order value, in the instrument's value asset.
    pub max_order_notional: Option<Amount>,
    /// Largest distance of an order's price from the reference.
    pub max_price_deviation: Option<Rate>,
    /// Oldest usable reference price. Required with `max_price_deviation` or a market order's notional.
    pub max_reference_age: Option<Nanos>,
    /// Largest absolute position with everything in flight, both outcomes counted, in lots.
    pub max_position: Option<Qty>,
    /// Most orders (places and amends) per `rate_window`.
    pub max_orders_per_window: Option<u32>,
    /// Window of the order rate.
    pub rate_window: Nanos,
}

impl LimitSettings {
    /// No limit in this scope.
    #[must_use]
    pub const fn unlimited(scope: LimitScope) -> Self {
        Self {
            scope,
            instrument: None,
            max_order_qty: None,
            max_order_notional: None,
            max_price_deviation: None,
            max_reference_age: None,
            max_position: None,
            max_orders_per_window: None,
            rate_window: Nanos::from_secs(1),
        }
    }
}

/// Money limits of one scope, all in one currency. `None` is "no such limit here".
///
/// Positions count with everything in flight (the larger outcome of each order) at the latest reference prices; a scope that holds
/// something without a price passes nothing that adds risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetSettings {
    /// What they cover.
    pub scope: LimitScope,
    /// What every figure is in.
    pub currency: AssetId,
    /// Largest sum of absolute position values.
    pub max_gross: Option<Amount>,
    /// Largest absolute sum of signed position values.
    pub max_net: Option<Amount>,
    /// Largest value of everything in flight.
    pub max_open_orders: Option<Amount>,
    /// Largest gross position value over equity.
    pub max_leverage: Option<Rate>,
    /// Largest loss since the first mark of the UTC day; the scope is halted there.
    pub max_daily_loss: Option<Amount>,
    /// Largest fall from the highest equity marked, as a share of it; the scope is halted there.
    pub max_drawdown: Option<Rate>,
}

/// Whether orders of a scope may meet each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SelfTradeCheck {
    /// They may.
    #[default]
    Allow,
    /// An order that could meet a live one of the scope is refused.
    Refuse,
}

/// Limits on the conduct of one scope. `None` is "no such limit here".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConductSettings {
    /// What they cover.
    pub scope: LimitScope,
    /// Largest number of cancels and amends per order sent, once `cancels_judged_from` of them were sent. Cancels always pass;
    /// above the ratio no new order does.
    pub max_cancel_ratio: Option<Rate>,
    /// How many cancels and amends a scope may send before the ratio is looked at.
    pub cancels_judged_from: u64,
    /// An order with the terms of one sent this short a time ago is refused.
    pub duplicate_window: Option<Nanos>,
    /// Most orders sent without any word from the venue; the scope is halted when one more is asked for.
    pub max_unanswered: Option<u32>,
    /// Whether orders of the scope may meet each other.
    pub self_trade: SelfTradeCheck,
}

/// What may be done with an instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Restriction {
    /// Anything.
    #[default]
    None,
    /// Only orders that bring the scope's position nearer to zero.
    CloseOnly,
    /// Nothing but cancels.
    Forbidden,
}

/// A scope's equity at one moment, with what its loss limits measure it against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EquityMark {
    /// Equity now, in the budget's currency.
    pub equity: Amount,
    /// Equity at the first mark of this UTC day.
    pub day_start: Amount,
    /// Highest equity marked so far.
    pub high_water: Amount,
}

/// Why an intent did not become a command: what was asked, what was found, what the limit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum RefusalReason {
    /// Trading is halted.
    #[error("trading is halted ({scope:?}); resume it first")]
    Halted {
        /// Where.
        scope: LimitScope,
    },
    /// Order too large.
    #[error("order of {} lots is above the limit of {} ({scope:?})", asked.0, limit.0)]
    OrderQty {
        /// Whose limit.
        scope: LimitScope,
        /// Asked.
        asked: Qty,
        /// Limit.
        limit: Qty,
    },
    /// Order worth too much.
    #[error("order value of {} units is above the limit of {} ({scope:?})", asked.0, limit.0)]
    OrderNotional {
        /// Whose limit.
        scope: LimitScope,
        /// Asked.
        asked: Amount,
        /// Limit.
        limit: Amount,
    },
    /// Price too far from the reference.
    #[error("price of {} ticks is too far from the reference of {} ({scope:?})", asked.0, reference.0)]
    PriceCollar {
        /// Whose limit.
        scope: LimitScope,
        /// Asked.
        asked: Price,
        /// Reference.
        reference: Price,
        /// Largest deviation.
        limit: Rate,
    },
    /// No fresh reference price.
    #[error("no fresh reference price: the last one is {} ns old, the limit is {} ns", age.0, limit.0)]
    StaleReference {
        /// Age of the last one; [`Nanos`] of `i64::MAX` when there never was one.
        age: Nanos,
        /// Oldest usable.
        limit: Nanos,
    },
    /// Position would be too large.
    #[error("position could reach {found} lots with everything in flight; the limit is {} ({scope:?})", limit.0)]
    Position {
        /// Whose limit.
        scope: LimitScope,
        /// Worst case including this order, signed.
        found: i64,
        /// Limit.
        limit: Qty,
    },
    /// Too many orders.
    #[error("{found} orders in the window; the limit is {limit} ({scope:?})")]
    OrderRate {
        /// Whose limit.
        scope: LimitScope,
        /// Orders in the window with this one.
        found: u32,
        /// Limit.
        limit: u32,
    },
    /// Not enough of an asset, with reservations.
    #[error("asset {asset}: {} units asked, {} free", asked.0, free.0)]
    InsufficientBalance {
        /// Which asset.
        asset: AssetId,
        /// Asked.
        asked: Amount,
        /// Free.
        free: Amount,
    },
    /// The venue's own filters.
    #[error("below the venue's minimum or off its grid: quantity {} lots, value {} units", qty.0, notional.0)]
    VenueFilter {
        /// Asked quantity.
        qty: Qty,
        /// Its value.
        notional: Amount,
    },
    /// The decision came too late.
    #[error("the decision was valid until {} and it is {}", valid_until.0, now.0)]
    Late {
        /// Deadline.
        valid_until: Timestamp,
        /// Now.
        now: Timestamp,
    },
    /// Cancel or amend of an order that is not live.
    #[error("order {order} is not live")]
    NotLive {
        /// Which.
        order: OrderId,
    },
    /// An instrument, account or book that was never defined.
    #[error("instrument {instrument}, account {account} or book {book} is not defined, or they do not belong together")]
    NotDefined {
        /// Asked instrument.
        instrument: InstrumentId,
        /// Asked account.
        account: AccountId,
        /// Asked book.
        book: BookId,
    },
    /// The book of the instrument is invalid (gap, crossed, stale): only cancels pass.
    #[error("the order book of instrument {instrument} is invalid")]
    InvalidBook {
        /// Which.
        instrument: InstrumentId,
    },
    /// A number left its integer type.
    #[error("the order's arithmetic overflows")]
    Overflow,
    /// The instrument is on the restricted list.
    #[error("instrument {instrument} is restricted to {restriction:?} ({scope:?})")]
    Restricted {
        /// Where.
        scope: LimitScope,
        /// What.
        instrument: InstrumentId,
        /// What may be done.
        restriction: Restriction,
    },
    /// The same order again, too soon.
    #[error("an order with the same terms was sent {} ns ago; the window is {} ns ({scope:?})", age.0, window.0)]
    Duplicate {
        /// Whose limit.
        scope: LimitScope,
        /// How long ago.
        age: Nanos,
        /// Window.
        window: Nanos,
    },
    /// It could meet a live order of the same scope.
    #[error("the order could trade with order {resting} of the same owner ({scope:?})")]
    SelfTrade {
        /// Whose limit.
        scope: LimitScope,
        /// With which order.
        resting: OrderId,
    },
    /// Too many cancels for what was sent.
    #[error("{cancels} cancels and amends for {orders} orders; the limit is {} hundred-millionths per order ({scope:?})", limit.0)]
    CancelRatio {
        /// Whose limit.
        scope: LimitScope,
        /// Cancels and amends sent.
        cancels: u64,
        /// Orders sent.
        orders: u64,
        /// Limit.
        limit: Rate,
    },
    /// The venue answers too little of what it is sent.
    #[error("{found} orders are without an answer; the limit is {limit} ({scope:?})")]
    Unanswered {
        /// Whose limit.
        scope: LimitScope,
        /// Orders without an answer, this one included.
        found: u32,
        /// Limit.
        limit: u32,
    },
    /// Positions with everything in flight would be worth too much.
    #[error("gross position value could reach {}; the limit is {} ({scope:?})", found.0, limit.0)]
    Gross {
        /// Whose limit.
        scope: LimitScope,
        /// Worst case.
        found: Amount,
        /// Limit.
        limit: Amount,
    },
    /// Positions with everything in flight would lean too far to one side.
    #[error("net position value could reach {}; the limit is {} ({scope:?})", found.0, limit.0)]
    Net {
        /// Whose limit.
        scope: LimitScope,
        /// Worst case, signed.
        found: Amount,
        /// Limit.
        limit: Amount,
    },
    /// Too much in flight.
    #[error("orders worth {} would be in flight; the limit is {} ({scope:?})", found.0, limit.0)]
    OpenOrders {
        /// Whose limit.
        scope: LimitScope,
        /// With this order.
        found: Amount,
        /// Limit.
        limit: Amount,
    },
    /// Positions would be too large for the equity.
    #[error("gross position value of {} on equity of {} is above the limit of {} hundred-millionths ({scope:?})", gross.0, equity.0, limit.0)]
    Leverage {
        /// Whose limit.
        scope: LimitScope,
        /// Worst case.
        gross: Amount,
        /// Equity now.
        equity: Amount,
        /// Limit.
        limit: Rate,
    },
    /// Something the scope holds, or its currency, has no price that is fresh enough.
    #[error("instrument {instrument} has no fresh price to value the scope by ({scope:?})")]
    NoValuation {
        /// Whose limit.
        scope: LimitScope,
        /// What has no price.
        instrument: InstrumentId,
    },
    /// The day's loss is at its limit.
    #[error("loss of the day is {}; the limit is {} ({scope:?})", found.0, limit.0)]
    DailyLoss {
        /// Whose limit.
        scope: LimitScope,
        /// Loss since the day's first mark.
        found: Amount,
        /// Limit.
        limit: Amount,
    },
    /// The fall from the highest equity is at its limit.
    #[error("equity of {} is too far below the highest of {} ({scope:?})", equity.0, high_water.0)]
    Drawdown {
        /// Whose limit.
        scope: LimitScope,
        /// Equity now.
        equity: Amount,
        /// Highest equity marked.
        high_water: Amount,
        /// Limit.
        limit: Rate,
    },
    /// Not enough margin, with everything in flight.
    #[error("{} units of margin asked, {} free", asked.0, free.0)]
    InsufficientMargin {
        /// Asset of the margin.
        asset: AssetId,
        /// What the order adds.
        asked: Amount,
        /// Free.
        free: Amount,
    },
    /// The instrument has expired.
    #[error("instrument {instrument} expired at {}", expiry.0)]
    InstrumentExpired {
        /// Which.
        instrument: InstrumentId,
        /// When.
        expiry: Timestamp,
    },
    /// Terms that contradict each other or the account: a trigger or display quantity out of range, a leg in a one-way account.
    #[error("the order's terms contradict each other or the account")]
    Contradiction,
}

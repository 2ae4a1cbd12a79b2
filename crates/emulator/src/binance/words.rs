//! The venue's words for what the house knows: sides, kinds of orders, times in force, states, and why it refuses.

use super::refusal::Refusal;
use crate::house::{Category, Ended, Filter, Listing, OrderRecord, OrderStatus, Rejection};
use tradewind_types::{OrderKind, SelfTradePrevention, Side, TimeInForce};

/// `BUY` or `SELL`.
#[must_use]
pub const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
    }
}

/// The side a text names.
///
/// # Errors
/// -1117.
pub fn read_side(text: &str) -> Result<Side, Refusal> {
    match text {
        "BUY" => Ok(Side::Buy),
        "SELL" => Ok(Side::Sell),
        _ => Err(Refusal::new(-1117, "Invalid side.")),
    }
}

/// The kind of an order as it was placed.
#[must_use]
pub const fn kind(category: Category, record: &OrderRecord) -> &'static str {
    match (category, record.terms.kind) {
        (_, OrderKind::Market) => "MARKET",
        (Category::Spot, OrderKind::Limit { .. }) if matches!(record.terms.time_in_force, TimeInForce::PostOnly) => "LIMIT_MAKER",
        (_, OrderKind::Limit { .. } | OrderKind::Iceberg { .. }) => "LIMIT",
        (Category::Spot, OrderKind::Stop { .. }) => "STOP_LOSS",
        (Category::Spot, OrderKind::StopLimit { .. }) => "STOP_LOSS_LIMIT",
        (Category::Linear, OrderKind::Stop { .. }) => "STOP_MARKET",
        (Category::Linear, OrderKind::StopLimit { .. }) => "STOP",
        (Category::Spot, OrderKind::TakeProfitLimit { .. }) => "TAKE_PROFIT_LIMIT",
        (Category::Linear, OrderKind::TakeProfit { .. }) => "TAKE_PROFIT_MARKET",
        (Category::Spot, OrderKind::TakeProfit { .. }) | (Category::Linear, OrderKind::TakeProfitLimit { .. }) => "TAKE_PROFIT",
    }
}

/// The kind of what a triggered order has become; of any other order, its kind.
#[must_use]
pub const fn working_kind(category: Category, record: &OrderRecord) -> &'static str {
    match record.terms.kind.working() {
        OrderKind::Market => "MARKET",
        OrderKind::Limit { .. } if record.terms.kind.trigger().is_some() => "LIMIT",
        _ => kind(category, record),
    }
}

/// The time in force.
#[must_use]
pub const fn time_in_force(category: Category, held: TimeInForce) -> &'static str {
    match (category, held) {
        (_, TimeInForce::GoodTillCancelled) | (Category::Spot, TimeInForce::PostOnly | TimeInForce::GoodTillTime { .. }) => "GTC",
        (_, TimeInForce::ImmediateOrCancel) => "IOC",
        (_, TimeInForce::FillOrKill) => "FOK",
        (Category::Linear, TimeInForce::PostOnly) => "GTX",
        (Category::Linear, TimeInForce::GoodTillTime { .. }) => "GTD",
    }
}

/// Where an order is in its life.
#[must_use]
pub const fn status(record: &OrderRecord) -> &'static str {
    match (record.status, record.ended) {
        (OrderStatus::Waiting | OrderStatus::Open, _) if record.filled.0 > 0 => "PARTIALLY_FILLED",
        (OrderStatus::Waiting | OrderStatus::Open, _) => "NEW",
        (OrderStatus::Filled, _) => "FILLED",
        (OrderStatus::Cancelled, Some(Ended::ImmediateRest | Ended::TimeOver | Ended::ByVenue | Ended::Refused(_)))
        | (OrderStatus::Expired, _) => "EXPIRED",
        (OrderStatus::Cancelled, _) => "CANCELED",
        (OrderStatus::Rejected, _) => "REJECTED",
        (OrderStatus::SelfTradePrevented, _) => "EXPIRED_IN_MATCH",
    }
}

/// What an account's orders do when they would meet each other.
#[must_use]
pub const fn self_trade(mode: SelfTradePrevention) -> &'static str {
    match mode {
        SelfTradePrevention::Allow => "NONE",
        SelfTradePrevention::CancelNewest => "EXPIRE_TAKER",
        SelfTradePrevention::CancelOldest => "EXPIRE_MAKER",
        SelfTradePrevention::CancelBoth => "EXPIRE_BOTH",
        SelfTradePrevention::Decrement => "DECREMENT",
    }
}

/// The self-trade prevention a text names.
///
/// # Errors
/// -1130.
pub fn read_self_trade(text: &str) -> Result<SelfTradePrevention, Refusal> {
    match text {
        "NONE" => Ok(SelfTradePrevention::Allow),
        "EXPIRE_TAKER" => Ok(SelfTradePrevention::CancelNewest),
        "EXPIRE_MAKER" => Ok(SelfTradePrevention::CancelOldest),
        "EXPIRE_BOTH" => Ok(SelfTradePrevention::CancelBoth),
        "DECREMENT" => Ok(SelfTradePrevention::Decrement),
        _ => Err(Refusal::not_valid("selfTradePreventionMode")),
    }
}

/// Why the house would not take an order, in the words of its market.
#[must_use]
pub fn refused(listing: &Listing, rejection: Rejection) -> Refusal {
    match listing.category {
        Category::Spot => spot_refused(rejection),
        Category::Linear => futures_refused(listing, rejection),
    }
}

fn spot_refused(rejection: Rejection) -> Refusal {
    let filter = |name: &str| Refusal::new(-1013, format!("Filter failure: {name}"));
    match rejection {
        Rejection::Funds => Refusal::new(-2010, "Account has insufficient balance for requested action."),
        Rejection::WouldTake => Refusal::new(-2010, "Order would immediately match and take."),
        Rejection::WouldTriggerAtOnce => Refusal::new(-2010, "Stop price would trigger immediately."),
        Rejection::DuplicateClientId => Refusal::new(-2010, "Duplicate order sent."),
        Rejection::CannotFillCompletely | Rejection::NoMarket => Refusal::new(-2010, "Order book liquidity is less than requested."),
        Rejection::Filter(Filter::Price) => filter("PERCENT_PRICE_BY_SIDE"),
        Rejection::Filter(Filter::Tick) => filter("PRICE_FILTER"),
        Rejection::Filter(Filter::Lot | Filter::MinQty | Filter::MaxQty) => filter("LOT_SIZE"),
        Rejection::Filter(Filter::MinNotional) => filter("NOTIONAL"),
        Rejection::TooManyOrders => filter("MAX_NUM_ORDERS"),
        Rejection::Unchanged => Refusal::new(-2038, "The requested action would not change the order."),
        Rejection::WouldNotReduce | Rejection::PositionMode => Refusal::new(-1106, "Parameter 'reduceOnly' sent when not required."),
        other => either_refused(other),
    }
}

fn futures_refused(listing: &Listing, rejection: Rejection) -> Refusal {
    let unrecorded = "The order will not be recorded in the order history";
    match rejection {
        Rejection::Funds => Refusal::new(-2019, "Margin is insufficient."),
        Rejection::WouldTake => {
            let words = format!("Due to the order could not be executed as maker, the Post Only order will be rejected. {unrecorded}");
            Refusal::new(-5022, words)
        }
        Rejection::CannotFillCompletely => {
            let words = format!("Due to the order could not be filled immediately, the FOK order has been rejected. {unrecorded}");
            Refusal::new(-5021, words)
        }
        Rejection::WouldTriggerAtOnce => Refusal::new(-2021, "Order would immediately trigger."),
        Rejection::DuplicateClientId => Refusal::new(-4116, "ClientOrderId is duplicated."),
        Rejection::WouldNotReduce => Refusal::new(-2022, "ReduceOnly Order is rejected."),
        Rejection::PositionMode => Refusal::new(-4061, "Order's position side does not match user's setting."),
        Rejection::Filter(Filter::Price) => Refusal::new(-4024, "Limit price can't be that far from the mark price."),
        Rejection::Filter(Filter::Tick) => Refusal::new(-4014, "Price not increased by tick size."),
        Rejection::Filter(Filter::Lot) => Refusal::new(-1111, "Precision is over the maximum defined for this asset."),
        Rejection::Filter(Filter::MinQty) => Refusal::new(-4003, "Quantity less than or equal to zero."),
        Rejection::Filter(Filter::MaxQty) => Refusal::new(-4005, "Quantity greater than max quantity."),
        Rejection::Filter(Filter::MinNotional) => {
            let least = super::figures::min_notional(listing);
            Refusal::new(-4164, format!("Order's notional must be no smaller than {least} (unless you choose reduce only)."))
        }
        Rejection::NoMarket => Refusal::new(-4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit."),
        Rejection::TooManyOrders => Refusal::new(-2025, "Reach max open order limit."),
        Rejection::Unchanged => Refusal::new(-5027, "No need to modify the order."),
        other => either_refused(other),
    }
}

fn either_refused(rejection: Rejection) -> Refusal {
    match rejection {
        Rejection::UnknownInstrument => Refusal::bad_symbol(),
        Rejection::NotPermitted => Refusal::not_permitted(),
        Rejection::UnknownOrder | Rejection::OrderIsOver => Refusal::unknown_order(),
        Rejection::NotOffered => Refusal::new(-1116, "Invalid orderType."),
        Rejection::NotAvailable => Refusal::new(-1128, "Combination of optional parameters invalid."),
        other => Refusal::new(-1100, format!("Illegal characters found in a parameter: {other}.")),
    }
}

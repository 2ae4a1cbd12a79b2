//! The house's reasons in the venue's codes and words, which differ between spot and contracts.
//!
//! Source: Bybit v5 documentation, "Error codes" (2026-07); the words as clients have recorded them.

use super::answer::Refusal;
use crate::house::{Category, Filter, Rejection};

/// Why an order was not taken, changed or taken back.
pub(super) fn refusal(category: Category, reason: Rejection) -> Refusal {
    match category {
        Category::Spot => of_spot(reason),
        Category::Linear => of_contracts(reason),
    }
}

fn of_spot(reason: Rejection) -> Refusal {
    let (code, message) = match reason {
        Rejection::Funds => (170_131, "Insufficient balance."),
        Rejection::UnknownInstrument => (170_121, "Invalid symbol."),
        Rejection::UnknownOrder => (170_213, "Order does not exist."),
        Rejection::OrderIsOver => (170_142, "Order has been canceled."),
        Rejection::DuplicateClientId => (170_141, "Duplicate clientOrderId."),
        Rejection::Filter(Filter::Price) => (170_133, "Order price lower than the minimum."),
        Rejection::Filter(Filter::Tick) => (170_134, "Order price has too many decimals."),
        Rejection::Filter(Filter::Lot) => (170_137, "Order quantity has too many decimals."),
        Rejection::Filter(Filter::MinQty) => (170_136, "Order quantity exceeded lower limit."),
        Rejection::Filter(Filter::MaxQty) => (170_135, "Order quantity exceeded upper limit."),
        Rejection::Filter(Filter::MinNotional) => (170_140, "Order value exceeded lower limit."),
        Rejection::WouldTriggerAtOnce => (170_210, "New order rejected."),
        Rejection::NoMarket | Rejection::CannotFillCompletely | Rejection::WouldTake => (170_210, "New order rejected."),
        Rejection::TooManyOrders => (170_810, "Cannot exceed maximum of 500 conditional, TP/SL and active orders."),
        other => return of_anything(other),
    };
    Refusal::new(code, message)
}

fn of_contracts(reason: Rejection) -> Refusal {
    let (code, message) = match reason {
        Rejection::Funds => (110_007, "ab not enough for new order"),
        Rejection::UnknownInstrument => (10001, "params error: symbol invalid"),
        Rejection::UnknownOrder | Rejection::OrderIsOver => (110_001, "order not exists or too late to cancel"),
        Rejection::DuplicateClientId => (110_072, "OrderLinkedID is duplicate"),
        Rejection::Filter(Filter::Price) => (110_003, "Order price exceeds the allowable range."),
        Rejection::Filter(Filter::Tick) => (10001, "params error: price invalid"),
        Rejection::Filter(Filter::Lot) => (10001, "params error: Qty invalid"),
        Rejection::Filter(Filter::MinQty) => (10001, "The number of contracts exceeds minimum limit allowed"),
        Rejection::Filter(Filter::MaxQty) => (10001, "The number of contracts exceeds maximum limit allowed: too large"),
        Rejection::Filter(Filter::MinNotional) => (110_094, "Order does not meet minimum order value 5USDT"),
        Rejection::WouldNotReduce => (110_017, "current position is zero, cannot fix reduce-only order qty"),
        Rejection::PositionMode => (10001, "position idx not match position mode"),
        Rejection::NoMarket | Rejection::CannotFillCompletely | Rejection::WouldTake => (110_032, "Illegal order"),
        Rejection::TooManyOrders => (110_020, "Not allowed to have more than 500 active orders"),
        Rejection::WouldTriggerAtOnce => (110_092, "expect Rising, but trigger_price <= current"),
        other => return of_anything(other),
    };
    Refusal::new(code, message)
}

fn of_anything(reason: Rejection) -> Refusal {
    match reason {
        Rejection::NotPermitted => Refusal::new(10005, "Permission denied, please check your API key permissions."),
        Rejection::Unchanged => Refusal::params("order not modified"),
        other => Refusal::params(format!("params error: {other}")),
    }
}

//! Terms that contradict each other, the account or the calendar.

use crate::check::OrderContext;
use tradewind_types::{Exposure, OrderKind, OrderTerms, PositionMode, RefusalReason, Side, TimeInForce};

/// Whether an order can only bring a position nearer to zero: reduce-only, or the closing side of a leg.
#[inline]
#[must_use]
pub const fn is_closing(exposure: Exposure, side: Side) -> bool {
    match exposure {
        Exposure::Any => false,
        Exposure::ReduceOnly => true,
        Exposure::LongLeg => matches!(side, Side::Sell),
        Exposure::ShortLeg => matches!(side, Side::Buy),
    }
}

/// Refuses what cannot be: a contract that has expired, a trigger below one tick, an iceberg that shows nothing or more than it
/// is or that does not rest, a maker's order that cannot rest, an end that has passed, and a leg or reduce-only where the account
/// or the instrument has none.
///
/// # Errors
/// [`RefusalReason::InstrumentExpired`], [`RefusalReason::Contradiction`].
#[inline]
pub(crate) fn check_terms(context: &OrderContext<'_>, terms: &OrderTerms) -> Result<(), RefusalReason> {
    if let Some(expiry) = context.instrument.terms().kind.expiry()
        && context.now >= expiry
    {
        return Err(RefusalReason::InstrumentExpired { instrument: terms.instrument, expiry });
    }
    let is_timeless = match terms.kind {
        OrderKind::Limit { .. } => !matches!(terms.time_in_force, TimeInForce::GoodTillTime { .. }),
        OrderKind::Market => !matches!(terms.time_in_force, TimeInForce::GoodTillTime { .. } | TimeInForce::PostOnly),
        _ => false,
    };
    let is_one_way = context.surroundings.is_none_or(|around| around.position_mode == PositionMode::OneWay);
    if is_timeless && matches!(terms.exposure, Exposure::Any) && is_one_way { Ok(()) } else { check_unusual(context, terms) }
}

#[cold]
#[inline(never)]
fn check_unusual(context: &OrderContext<'_>, terms: &OrderTerms) -> Result<(), RefusalReason> {
    let is_immediate = matches!(terms.time_in_force, TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill);
    let has_bad_kind = match terms.kind {
        OrderKind::Market | OrderKind::Limit { .. } => false,
        OrderKind::Stop { trigger }
        | OrderKind::StopLimit { trigger, .. }
        | OrderKind::TakeProfit { trigger }
        | OrderKind::TakeProfitLimit { trigger, .. } => trigger.price.0 <= 0,
        OrderKind::Iceberg { display, .. } => is_immediate || display.0 < 1 || display > terms.qty,
    };
    let has_bad_time = match terms.time_in_force {
        TimeInForce::PostOnly => matches!(terms.kind.working(), OrderKind::Market),
        TimeInForce::GoodTillTime { until } => until <= context.now,
        TimeInForce::GoodTillCancelled | TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill => false,
    };
    let is_spot = context.instrument.terms().kind.is_spot();
    let mode = context.surroundings.map_or(PositionMode::OneWay, |around| around.position_mode);
    let has_bad_exposure = match (terms.exposure, mode) {
        (Exposure::Any, PositionMode::OneWay) => false,
        (Exposure::Any, PositionMode::Hedge) => !is_spot,
        (Exposure::ReduceOnly, PositionMode::OneWay) | (Exposure::LongLeg | Exposure::ShortLeg, PositionMode::Hedge) => is_spot,
        (Exposure::ReduceOnly, PositionMode::Hedge) | (Exposure::LongLeg | Exposure::ShortLeg, PositionMode::OneWay) => true,
    };
    if has_bad_kind || has_bad_time || has_bad_exposure { Err(RefusalReason::Contradiction) } else { Ok(()) }
}

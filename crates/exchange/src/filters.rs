//! What a venue lets in: the filters of an instrument as they stand now, and the conditions that its rules allow together.
//!
//! Filters change while orders rest. What rests stays valid, as venues keep it; new terms are judged by the filters of the
//! moment they come. A price is a whole number of steps, a quantity too, between the smallest and the largest, and worth
//! enough at its limit; a market order at the price it would meet, one that waits at its trigger.

use tradewind_types::{Instrument, InstrumentFilters, OrderKind, OrderTerms, Price, Qty, RejectReason, Rounding, TimeInForce, Timestamp};

/// The filters an instrument was defined with: any tick, any lot.
pub(crate) fn filters_of(instrument: &Instrument) -> InstrumentFilters {
    let terms = instrument.terms();
    InstrumentFilters {
        instrument: terms.id,
        price_step: Price(1),
        qty_step: Qty(1),
        min_qty: terms.min_qty,
        max_qty: terms.max_qty,
        min_notional: terms.min_notional,
    }
}

/// Checks new terms; a market order's value is judged at `reference`, where there is one.
pub(crate) fn check_terms(
    instrument: &Instrument,
    filters: &InstrumentFilters,
    terms: &OrderTerms,
    reference: Option<Price>,
) -> Result<(), RejectReason> {
    let trigger = terms.kind.trigger().map(|trigger| trigger.price);
    if let Some(price) = trigger {
        check_price(filters, price)?;
    }
    if let OrderKind::Iceberg { display, .. } = terms.kind {
        check_qty(filters, display)?;
        if display > terms.qty {
            return Err(RejectReason::InvalidFilter);
        }
    }
    if let Some(price) = terms.kind.price() {
        return check(instrument, filters, price, terms.qty);
    }
    check_qty(filters, terms.qty)?;
    trigger.or(reference).map_or(Ok(()), |price| check_value(instrument, filters, price, terms.qty))
}

/// Checks a limit price, a quantity and their value.
pub(crate) fn check(instrument: &Instrument, filters: &InstrumentFilters, price: Price, qty: Qty) -> Result<(), RejectReason> {
    check_price(filters, price)?;
    check_qty(filters, qty)?;
    check_value(instrument, filters, price, qty)
}

/// Whether these conditions go together at `at`. What works at once and what waits are judged alike, so that a stop is refused
/// when it is placed and not when it wakes.
pub(crate) fn check_conditions(terms: &OrderTerms, at: Timestamp) -> Result<(), RejectReason> {
    match (terms.time_in_force, terms.kind) {
        (TimeInForce::GoodTillTime { until }, _) if until <= at => Err(RejectReason::InvalidFilter),
        // An immediate order shows nothing, so there is nothing to hide: Binance takes `icebergQty` with GTC only.
        (TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill, OrderKind::Iceberg { .. }) => Err(RejectReason::NotOffered),
        (TimeInForce::PostOnly, kind) if kind.price().is_none() => Err(RejectReason::WouldTake),
        _ => Ok(()),
    }
}

fn check_price(filters: &InstrumentFilters, price: Price) -> Result<(), RejectReason> {
    let is_step = price.0 > 0 && price.0 % filters.price_step.0.max(1) == 0;
    if is_step { Ok(()) } else { Err(RejectReason::InvalidFilter) }
}

fn check_qty(filters: &InstrumentFilters, qty: Qty) -> Result<(), RejectReason> {
    let is_step = qty.0 > 0 && qty.0 % filters.qty_step.0.max(1) == 0;
    if is_step && qty >= filters.min_qty && qty <= filters.max_qty { Ok(()) } else { Err(RejectReason::InvalidFilter) }
}

fn check_value(instrument: &Instrument, filters: &InstrumentFilters, price: Price, qty: Qty) -> Result<(), RejectReason> {
    match instrument.value(price, qty.0, Rounding::Floor) {
        Ok(value) if value >= filters.min_notional => Ok(()),
        _ => Err(RejectReason::InvalidFilter),
    }
}

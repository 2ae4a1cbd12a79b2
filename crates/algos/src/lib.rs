//! Execution algorithms: (view, time) → intents.
//!
//! An algo keeps nothing. [`decide`] is a pure function of the journaled [`AlgoSpec`] and a [`View`]
//! that the engine reads off its own state: progress is what the algo's orders have filled and have in flight. So recovery
//! restores every algo for free, and a decision can be repeated from the log alone.
//!
//! - *Immediate*: one market order.
//! - *TWAP*: after slice k of n, floor(qty × k / n) is filled or in flight; see [`slices_due`] and [`slice_start`].
//! - *Bracket*: an entry, and two exits for whatever of it is filled.
//! - *Quoting*: see [`decide_quotes`], exact to the tick so that another implementation can be held against it.

mod bracket;
mod quoting;
mod schedule;
mod view;

pub use quoting::{QuoteAction, decide_quotes};
pub use schedule::{slice_start, slices_due};
pub use view::{Next, OrderStanding, Permission, SpecError, Touch, View, WorkingOrder};

use tradewind_types::{
    AccountId, AlgoSpec, BookId, BracketParameters, Exposure, InstrumentId, Intent, Nanos, OrderKind, OrderTerms, Qty, QuotingParameters,
    Side, TimeInForce,
};

/// What an algo works on, whatever it does there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whose strategy.
    pub book: BookId,
    /// Whose money.
    pub account: AccountId,
    /// What.
    pub instrument: InstrumentId,
}

/// What an algo works on.
#[inline]
#[must_use]
pub const fn place_of(spec: &AlgoSpec) -> Place {
    match *spec {
        AlgoSpec::Immediate { book, account, instrument, .. }
        | AlgoSpec::Twap { book, account, instrument, .. }
        | AlgoSpec::Quoting { book, account, instrument, .. }
        | AlgoSpec::Bracket { book, account, instrument, .. } => Place { book, account, instrument },
    }
}

/// Whether the parameters are in range.
///
/// # Errors
/// [`SpecError`] names the first that is not.
pub fn validate(spec: &AlgoSpec) -> Result<(), SpecError> {
    match spec {
        AlgoSpec::Immediate { qty, .. } => positive(*qty),
        AlgoSpec::Twap { qty, start, end, slices, .. } => {
            positive(*qty)?;
            if *slices == 0 {
                return Err(SpecError::NoSlices);
            }
            if end < start { Err(SpecError::EndsBeforeStart) } else { Ok(()) }
        }
        AlgoSpec::Quoting { parameters, .. } => validate_quoting(parameters),
        AlgoSpec::Bracket { side, qty, parameters, .. } => {
            positive(*qty)?;
            validate_bracket(*side, parameters)
        }
    }
}

fn validate_bracket(side: Side, parameters: &BracketParameters) -> Result<(), SpecError> {
    let BracketParameters { entry, take_profit, stop } = parameters;
    let (low, high) = match side {
        Side::Buy => (stop.price, *take_profit),
        Side::Sell => (*take_profit, stop.price),
    };
    let is_between = low.0 > 0 && low < high && entry.is_none_or(|price| low < price && price < high);
    if is_between { Ok(()) } else { Err(SpecError::ExitsDoNotEnclose) }
}

/// Whether quoting parameters are in range.
///
/// # Errors
/// [`SpecError`] names the first that is not.
pub fn validate_quoting(parameters: &QuotingParameters) -> Result<(), SpecError> {
    positive(parameters.qty)?;
    if parameters.interval <= Nanos(0) {
        return Err(SpecError::IntervalNotPositive);
    }
    if parameters.half_spread_half_ticks < 0 || parameters.max_position < Qty::ZERO {
        return Err(SpecError::Negative);
    }
    Ok(())
}

/// Asks an algo what it wants now: pushes its intents and says when to ask again. Called when it starts, at each time it named,
/// and (for quoting) when its book becomes invalid; asking more often than needed changes nothing.
#[inline]
pub fn decide(spec: &AlgoSpec, view: &View<'_>, out: &mut Vec<Intent>) -> Next {
    let place = place_of(spec);
    match spec {
        AlgoSpec::Immediate { side, qty, .. } => {
            if view.filled.0 == 0 && view.in_flight().0 == 0 {
                out.push(Intent::Place(market_order(place, *side, *qty)));
            }
            Next::Finished
        }
        AlgoSpec::Twap { side, qty, start, end, slices, .. } => {
            let (send, next) = schedule::decide(*qty, *start, *end, *slices, view);
            if send > Qty::ZERO && view.permission == Permission::Trade {
                out.push(Intent::Place(market_order(place, *side, send)));
            }
            next
        }
        AlgoSpec::Quoting { parameters, .. } => {
            let touch = match view.permission {
                Permission::Trade => view.touch,
                Permission::CancelOnly => None,
            };
            decide_quotes(parameters, view.position, touch, view.orders, |action| {
                out.push(match action {
                    QuoteAction::Cancel { order } => Intent::Cancel { order },
                    QuoteAction::Place { side, price } => Intent::Place(OrderTerms {
                        kind: OrderKind::Limit { price },
                        time_in_force: TimeInForce::PostOnly,
                        ..market_order(place, side, parameters.qty)
                    }),
                });
            });
            Next::At(view.now.plus(parameters.interval))
        }
        AlgoSpec::Bracket { side, qty, exposure, parameters, .. } => {
            let entry = OrderTerms { exposure: *exposure, ..market_order(place, *side, *qty) };
            let is_over = bracket::decide(entry, parameters, view, out);
            if view.permission == Permission::CancelOnly {
                out.retain(|intent| matches!(intent, Intent::Cancel { .. }));
            }
            if is_over { Next::Finished } else { Next::At(view.now.plus(BRACKET_INTERVAL)) }
        }
    }
}

/// How often a bracket looks whether its exits stand, besides at every answer to its orders.
const BRACKET_INTERVAL: Nanos = Nanos::from_secs(1);

const fn positive(qty: Qty) -> Result<(), SpecError> {
    if qty.0 <= 0 { Err(SpecError::QtyNotPositive) } else { Ok(()) }
}

const fn market_order(place: Place, side: Side, qty: Qty) -> OrderTerms {
    OrderTerms {
        instrument: place.instrument,
        account: place.account,
        book: place.book,
        side,
        kind: OrderKind::Market,
        time_in_force: TimeInForce::ImmediateOrCancel,
        qty,
        exposure: Exposure::Any,
    }
}

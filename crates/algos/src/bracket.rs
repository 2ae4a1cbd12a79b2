//! A position with its two exits: an entry, and for whatever of it is filled a profit-taking limit order and a protective stop.
//!
//! The exits only ever reduce, so what the other one fills in the same instant at the venue cannot turn the position. When one of
//! them has filled, or the entry fills further, the exits no longer cover what is open: they are cancelled and placed anew.

use crate::view::{OrderStanding, View};
use tradewind_types::{BracketParameters, Exposure, Intent, OrderKind, OrderTerms, Qty, Side, TimeInForce};

/// Lots of the entry that are filled: everything filled, and what of it is still open, are its sum and difference with the exits.
fn entered(side: Side, view: &View<'_>) -> i64 {
    let open = view.net.saturating_mul(side.sign()).max(0);
    view.filled.0.saturating_add(open) / 2
}

/// What the bracket wants now; whether it is over. `entry` are the terms of an entry at market for all that is asked.
pub(crate) fn decide(entry: OrderTerms, parameters: &BracketParameters, view: &View<'_>, out: &mut Vec<Intent>) -> bool {
    let side = entry.side;
    if view.sent == 0 {
        out.push(Intent::Place(match parameters.entry {
            Some(price) => OrderTerms { kind: OrderKind::Limit { price }, time_in_force: TimeInForce::GoodTillCancelled, ..entry },
            None => entry,
        }));
        return false;
    }
    let open = view.net.saturating_mul(side.sign());
    let is_entering = view.orders.iter().any(|order| order.side == side) && entered(side, view) < entry.qty.0;
    let exits = || view.orders.iter().filter(|order| order.side != side);
    if open <= 0 {
        let live = exits().filter(|order| order.standing == OrderStanding::Working);
        out.extend(live.map(|order| Intent::Cancel { order: order.order }));
        return !is_entering && view.orders.is_empty();
    }
    let exit = OrderTerms {
        side: side.opposite(),
        qty: Qty(open),
        time_in_force: TimeInForce::GoodTillCancelled,
        exposure: if entry.exposure == Exposure::Any { Exposure::ReduceOnly } else { entry.exposure },
        ..entry
    };
    let (stop, target) = (OrderKind::Stop { trigger: parameters.stop }, OrderKind::Limit { price: parameters.take_profit });
    // The protective one first.
    for (kind, wants_stop) in [(stop, true), (target, false)] {
        // Of the two exits the stop is the one without a limit price.
        let mut of_kind = exits().filter(|order| order.price.is_none() == wants_stop);
        match of_kind.next() {
            None => out.push(Intent::Place(OrderTerms { kind, ..exit })),
            Some(order) if order.in_flight.0 != open && order.standing == OrderStanding::Working => {
                out.push(Intent::Cancel { order: order.order });
            }
            Some(_) => {}
        }
    }
    false
}

//! What an instrument traded before its house opened: minutes that lead up to the value at which it opens.

use super::chance::Chance;
use super::fair::{WHOLE, part};
use super::maker::View;
use crate::house::{Candle, MINUTE};
use tradewind_types::{Amount, Nanos, Qty, Rounding, Timestamp};

/// A little over two days.
const MINUTES: i64 = 3_000;
/// Of the close of one minute.
const DEVIATION: i64 = 700_000;

/// Minutes up to the one in which `start` is, which has no trades yet; oldest first.
pub(super) fn minutes(view: &View<'_>, start: Timestamp, chance: &mut Chance) -> Vec<Candle> {
    let current = Timestamp(start.0 - start.0.rem_euclid(MINUTE.0));
    let mut found = vec![Candle::flat(current, view.ticks(view.value))];
    let mut close = view.value;
    for back in 1..=MINUTES {
        let open = part(close, WHOLE - chance.normal(DEVIATION));
        let edge = |chance: &mut Chance| chance.normal(DEVIATION / 2).abs();
        let (above, below) = (edge(chance), edge(chance));
        let (high, low) = (part(open.max(close), WHOLE + above), part(open.min(close), WHOLE - below));
        found.push(minute(view, current.plus(Nanos(-back * MINUTE.0)), [open, high, low, close], chance));
        close = open;
    }
    found.reverse();
    found
}

fn minute(view: &View<'_>, open_at: Timestamp, [open, high, low, close]: [i64; 4], chance: &mut Chance) -> Candle {
    let (open, high, low, close) = (view.ticks(open), view.ticks(high), view.ticks(low), view.ticks(close));
    let volume = view.lots(close, 50_000 + chance.below(400_000));
    let bought = Qty(chance.below(volume.0 + 1));
    let value = |qty: Qty| view.listing.instrument.value(close, qty.0, Rounding::Truncate).unwrap_or(Amount::ZERO);
    let trades = 20 + chance.below(400) as u64;
    Candle { open, high, low, volume, value: value(volume), bought, bought_value: value(bought), trades, ..Candle::flat(open_at, close) }
}

//! TWAP: equal slices in time, by integers.
//!
//! Slice k of n (k = 1 … n) starts at `start + floor((end - start) × (k - 1) / n)`. When k slices have started, floor(qty × k / n)
//! shall be filled or in flight; the slice sends what is missing. So what a market slice did not fill, or what was refused or
//! rejected, is sent again with the next slice; the last slice brings the remainder of the division; and at `end`, once, what
//! the last slice left unfilled. Filled plus in flight never exceeds the quantity.

use crate::view::{Next, View};
use tradewind_types::{Qty, Timestamp};

/// How many slices have started at `now` (0 … n).
#[must_use]
pub fn slices_due(start: Timestamp, end: Timestamp, slices: u32, now: Timestamp) -> u32 {
    if now < start {
        return 0;
    }
    let (elapsed, span) = (i128::from(now.0) - i128::from(start.0), i128::from(end.0) - i128::from(start.0));
    if elapsed >= span {
        return slices;
    }
    // The largest j with floor(span × j / n) <= elapsed, that is j < (elapsed + 1) × n / span; slice j + 1 starts there.
    let started = ((elapsed + 1) * i128::from(slices) - 1) / span + 1;
    u32::try_from(started).map_or(slices, |k| k.min(slices))
}

/// When slice `k` (1 … n) starts.
#[must_use]
pub fn slice_start(start: Timestamp, end: Timestamp, slices: u32, k: u32) -> Timestamp {
    let span = i128::from(end.0) - i128::from(start.0);
    let offset = span * (i128::from(k) - 1) / i128::from(slices.max(1));
    // Between start and end, hence an i64.
    i64::try_from(i128::from(start.0) + offset).map_or(end, Timestamp)
}

/// What to send now, and when to look again.
pub(crate) fn decide(qty: Qty, start: Timestamp, end: Timestamp, slices: u32, view: &View<'_>) -> (Qty, Next) {
    let due = slices_due(start, end, slices, view.now);
    let target = i128::from(qty.0) * i128::from(due) / i128::from(slices.max(1));
    let covered = i128::from(view.filled.0) + i128::from(view.in_flight().0);
    let missing = i64::try_from((target - covered).max(0)).map_or(Qty::ZERO, Qty);
    let next = if view.now >= end {
        Next::Finished
    } else if due < slices {
        Next::At(slice_start(start, end, slices, due + 1))
    } else {
        Next::At(end)
    };
    (missing, next)
}

//! Moving averages of one tile of time, and where two of them cross.
//!
//! Each window has a row of averages, and the least and largest of every run of 8 of them. Two rows whose ranges are apart in a
//! run cannot cross there, so most bars are never looked at one by one. A bar whose average is not known yet holds NaN, which is
//! neither above nor below anything.

#![allow(clippy::float_arithmetic, reason = "averages of prices for statistics, exact for whole ticks; no money is moved by them")]

use super::Order;

/// Bars of a tile: 200 windows of it fit a second-level cache.
pub(super) const TILE: usize = RUN * RUNS;
/// Bars that are passed over together.
const RUN: usize = 8;
/// Runs of a tile: one bit each.
const RUNS: usize = 32;

/// The averages of one window in the tile at hand.
#[derive(Clone)]
struct Row {
    window: u32,
    averages: [[f64; RUN]; RUNS],
    least: [f64; RUNS],
    largest: [f64; RUNS],
}

/// The tile's averages of several windows.
pub(super) struct Averages {
    rows: Vec<Row>,
}

impl Averages {
    /// Rows for these windows, by size, each once.
    pub(super) fn of(mut windows: Vec<u32>) -> Self {
        windows.sort_unstable();
        windows.dedup();
        let unknown = |window| Row { window, averages: [[f64::NAN; RUN]; RUNS], least: [f64::NAN; RUNS], largest: [f64::NAN; RUNS] };
        Self { rows: windows.into_iter().map(unknown).collect() }
    }

    /// Number of a window's row; the number past the last for a window that has none.
    pub(super) fn row(&self, window: u32) -> usize {
        self.rows.partition_point(|row| row.window < window)
    }

    /// Moves to the tile that starts at bar `start`. `sums[i]` is the sum of the first `i` prices.
    pub(super) fn fill(&mut self, sums: &[f64], start: usize) {
        for row in &mut self.rows {
            row.fill(sums, start);
        }
    }

    /// Tells `crossed` each bar of the tile (counted from its start) where row `fast` goes to the other side of row `slow`; gives
    /// their order at the end.
    pub(super) fn scan(&self, fast: usize, slow: usize, mut order: Order, mut crossed: impl FnMut(usize, Order)) -> Order {
        let (fast, slow) = (&self.rows[fast], &self.rows[slow]);
        let above = where_larger(&fast.least, &slow.largest);
        let below = where_larger(&slow.least, &fast.largest);
        let mut ahead = u32::MAX;
        loop {
            let settled = match order {
                Order::Unknown => 0,
                Order::Above => above,
                Order::Below => below,
            };
            let unsettled = ahead & !settled;
            if unsettled == 0 {
                return order;
            }
            let run = unsettled.trailing_zeros();
            order = scan_run(&fast.averages[run as usize], &slow.averages[run as usize], order, |at, now| {
                crossed(run as usize * RUN + at, now);
            });
            ahead = after(run);
        }
    }
}

impl Row {
    fn fill(&mut self, sums: &[f64], start: usize) {
        let (window, size) = (self.window as usize, f64::from(self.window));
        let bars = (sums.len() - 1 - start).min(TILE);
        let averages = self.averages.as_flattened_mut();
        // Bars of the tile before the first with a whole window behind it.
        let unknown = (window - 1).saturating_sub(start).min(bars);
        averages[..unknown].fill(f64::NAN);
        averages[bars..].fill(f64::NAN);
        if unknown < bars {
            let ends = &sums[start + unknown + 1..=start + bars];
            let starts = &sums[start + unknown + 1 - window..=start + bars - window];
            for ((average, end), start) in averages[unknown..bars].iter_mut().zip(ends).zip(starts) {
                *average = (end - start) / size;
            }
        }
        for (run, (least, largest)) in self.averages.iter().zip(self.least.iter_mut().zip(&mut self.largest)) {
            // NaN at the front is passed over: until both averages are known there is no order, and every run is looked at.
            // NaN at the end of the series makes the bounds NaN: neither above nor below, so that run is looked at too.
            *least = run.iter().copied().reduce(|a, b| if a < b { a } else { b }).unwrap_or(f64::NAN);
            *largest = run.iter().copied().reduce(|a, b| if a > b { a } else { b }).unwrap_or(f64::NAN);
        }
    }
}

/// Bit `i`: `a[i] > b[i]`.
fn where_larger<const N: usize>(a: &[f64; N], b: &[f64; N]) -> u32 {
    let mut bits = 0;
    for i in 0..N {
        bits |= u32::from(a[i] > b[i]) << i;
    }
    bits
}

/// Bits above `bit`.
const fn after(bit: u32) -> u32 {
    (u32::MAX << bit) << 1
}

/// The changes of sides within one run.
fn scan_run(fast: &[f64; RUN], slow: &[f64; RUN], mut order: Order, mut crossed: impl FnMut(usize, Order)) -> Order {
    let mut ahead = u32::MAX;
    loop {
        let (above, below) = match order {
            Order::Unknown => (where_larger(fast, slow), where_larger(slow, fast)),
            Order::Above => (0, where_larger(slow, fast)),
            Order::Below => (where_larger(fast, slow), 0),
        };
        let turns = ahead & (above | below);
        if turns == 0 {
            return order;
        }
        let at = turns.trailing_zeros();
        let now = if (above >> at) & 1 == 1 { Order::Above } else { Order::Below };
        if order != Order::Unknown {
            crossed(at as usize, now);
        }
        order = now;
        ahead = after(at);
    }
}

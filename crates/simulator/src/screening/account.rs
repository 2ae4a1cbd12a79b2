//! One pair's account: all in, all out, marked as it goes.

#![allow(clippy::float_arithmetic, reason = "a ranking statistic in shares of the start; money is integers, in the engine")]

use super::{Market, Score};

/// Starts with 1 in cash. Fields of sums are over the returns between marks so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Account {
    cash: f64,
    /// Held of what trades; negative when short.
    units: f64,
    position: i8,
    trades: u32,
    /// The mark to be read next.
    next_mark: usize,
    /// Worth at the last mark.
    worth: f64,
    peak: f64,
    /// Least worth since the peak.
    trough: f64,
    max_drawdown: f64,
    sum: f64,
    sum_of_squares: f64,
}

impl Account {
    pub(super) const fn open() -> Self {
        Self {
            cash: 1.0,
            units: 0.0,
            position: 0,
            trades: 0,
            next_mark: 0,
            worth: 1.0,
            peak: 1.0,
            trough: 1.0,
            max_drawdown: 0.0,
            sum: 0.0,
            sum_of_squares: 0.0,
        }
    }

    /// Goes to `position` at `price` in `bar`, with everything there is.
    pub(super) fn turn(&mut self, market: &Market<'_>, bar: usize, price: f64, position: i8) {
        if position == self.position || self.is_ruined() {
            return;
        }
        self.mark_before(market, bar);
        let fee = market.screen.fee_bps * 1e-4;
        if self.units != 0.0 {
            self.cash += self.units * price - (self.units * price).abs() * fee;
            self.units = 0.0;
        }
        if self.cash <= 0.0 {
            self.cash = 0.0;
        }
        self.position = position;
        if position == 0 || self.is_ruined() {
            return;
        }
        // The fee comes out of what is received: coins for a buyer, cash for a seller.
        let value = self.cash;
        (self.units, self.cash) =
            if position > 0 { (value * (1.0 - fee) / price, 0.0) } else { (-value / price, value + value * (1.0 - fee)) };
        self.trades += 1;
    }

    /// The end of the series.
    pub(super) fn close(mut self, market: &Market<'_>) -> Score {
        self.mark_before(market, market.screen.closes.len());
        let last = market.screen.closes.last().copied().unwrap_or(0.0);
        let end = (self.cash + self.units * last).max(0.0);
        Score {
            total_return: end - 1.0,
            max_drawdown: self.max_drawdown.max(1.0 - self.trough / self.peak),
            sharpe: self.sharpe(market),
            trades: self.trades,
        }
    }

    const fn is_ruined(&self) -> bool {
        self.cash == 0.0 && self.units == 0.0
    }

    /// Reads the marks of the bars before `bar`.
    fn mark_before(&mut self, market: &Market<'_>, bar: usize) {
        let end = market.marks_before[bar] as usize;
        // Cash that was marked once stays what it is.
        while self.next_mark < end && !(self.units == 0.0 && self.worth == self.cash) {
            self.mark(self.cash + self.units * market.mark_closes[self.next_mark]);
            self.next_mark += 1;
            if self.worth == 0.0 {
                return;
            }
        }
        if !self.is_ruined() {
            self.next_mark = end;
        }
    }

    fn mark(&mut self, worth: f64) {
        let worth = if worth > 0.0 { worth } else { 0.0 };
        if worth == 0.0 {
            (self.cash, self.units) = (0.0, 0.0);
        }
        let change = worth / self.worth - 1.0;
        self.worth = worth;
        self.sum += change;
        self.sum_of_squares += change * change;
        if worth > self.peak {
            self.max_drawdown = self.max_drawdown.max(1.0 - self.trough / self.peak);
            (self.peak, self.trough) = (worth, worth);
        } else if worth < self.trough {
            self.trough = worth;
        }
    }

    fn sharpe(&self, market: &Market<'_>) -> Option<f64> {
        let returns = self.next_mark as f64;
        let mean = self.sum / returns;
        let variance = (self.sum_of_squares - self.sum * mean) / (returns - 1.0);
        // Returns that are all one number differ by their rounding only.
        (self.next_mark >= 2 && variance > 1e-12 * mean * mean).then(|| mean / variance.sqrt() * market.screen.marks_per_year.sqrt())
    }
}

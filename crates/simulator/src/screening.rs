//! Many moving-average crosses over one series at once: a screen that ranks candidates, not a backtest.
//!
//! The rule of a pair of windows: long while the fast average is above the slow one, and flat (or short) while it is below. Both
//! averages must have been apart once before a change of sides counts, and touching is no change. One account per pair starts with
//! 1, puts all of it into each position and pays a fee per side; what it is worth is read at the marks. Liquidity, spreads and lots
//! are not here: the engine has them, and a screen's winner is to be run there.
//!
//! What makes it fast: time goes in tiles that fit the cache; a tile's averages are worked out once per window, from prefix sums,
//! and shared by all pairs; a run of bars is passed over with two comparisons where the ranges of the two averages are apart.
//!
//! What makes it exact: with prices in whole ticks every prefix sum and every window's sum is a whole number below 2^53, an average
//! is one correctly rounded quotient, and two quotients of such sums compare as the fractions do. So no cross is made or missed by
//! rounding. Prices with a fraction work too, up to the rounding of their sums.

mod account;
mod averages;
mod error;

use account::Account;
use averages::{Averages, TILE};
pub use error::ScreenError;
use std::num::NonZeroUsize;

/// A pair of moving-average windows, bars. `1 <= fast < slow`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cross {
    /// The shorter window.
    pub fast: u32,
    /// The longer window.
    pub slow: u32,
}

/// What is held while the fast average is below the slow one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sides {
    /// Nothing.
    LongFlat,
    /// The same value short. A short that costs more than the account is worth at a mark or a fill ends the account at 0.
    LongShort,
}

/// At what price a decision made on a bar's close is filled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Execution<'a> {
    /// At that same close. Nobody trades at a price that has just been computed with: for comparison with tools that do.
    SignalClose,
    /// At the close of the next bar.
    NextClose,
    /// At the open of the next bar; one open per close.
    NextOpen(&'a [f64]),
}

/// One series and the terms on which every pair is tried on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Screen<'a> {
    /// One price per bar, positive. Whole ticks make every comparison exact; results do not depend on the unit.
    pub closes: &'a [f64],
    /// Bars at whose close the account is marked, increasing: UTC midnights for daily statistics, every bar for statistics per bar.
    pub marks: &'a [u32],
    /// How many marks make a year; scales the Sharpe ratio.
    pub marks_per_year: f64,
    /// Cost of a fill, in basis points of its value.
    pub fee_bps: f64,
    /// Flat or short below.
    pub sides: Sides,
    /// When decisions are filled.
    pub execution: Execution<'a>,
}

/// What became of one pair's account.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Value at the last close, less 1. A position still open is marked there and pays no fee for leaving.
    pub total_return: f64,
    /// Largest fall from a peak, as a share of the peak, over the start and the marks.
    pub max_drawdown: f64,
    /// Mean over standard deviation (n - 1) of the simple returns from mark to mark, the first of them from the start, times the
    /// root of the marks in a year. None below two returns, and where they do not vary.
    pub sharpe: Option<f64>,
    /// Positions entered; one may still be open.
    pub trades: u32,
}

/// A change of the wanted position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The bar on whose close it was decided.
    pub bar: u32,
    /// 1 long, 0 flat, -1 short.
    pub position: i8,
}

/// Scores of `crosses`, in their order. They do not depend on `threads`.
///
/// # Errors
/// [`ScreenError`] for a series, a term or a pair that cannot be screened.
pub fn screen_crosses(screen: &Screen<'_>, crosses: &[Cross], threads: NonZeroUsize) -> Result<Vec<Score>, ScreenError> {
    screen.check()?;
    for cross in crosses {
        cross.check(screen.closes.len())?;
    }
    let market = Market::of(screen);
    let share = crosses.len().div_ceil(threads.get()).max(1);
    if share >= crosses.len() {
        return Ok(market.score(crosses));
    }
    Ok(std::thread::scope(|scope| {
        let workers: Vec<_> = crosses.chunks(share).map(|part| scope.spawn(|| market.score(part))).collect();
        let parts = workers.into_iter().map(|w| w.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        parts.flatten().collect()
    }))
}

/// Every change of position that one pair decides on, by bar: the rule that [`screen_crosses`] scores. A decision on the last bar
/// is made, though nothing can fill it any more.
///
/// # Errors
/// [`ScreenError`] for prices or a pair that cannot be screened.
pub fn cross_decisions(closes: &[f64], cross: Cross, sides: Sides) -> Result<Vec<Decision>, ScreenError> {
    error::check_prices("close", closes)?;
    cross.check(closes.len())?;
    let sums = prefix_sums(closes);
    let mut averages = Averages::of(vec![cross.fast, cross.slow]);
    let mut decisions = Vec::new();
    let mut order = Order::Unknown;
    for start in (0..closes.len()).step_by(TILE) {
        averages.fill(&sums, start);
        order = averages.scan(0, 1, order, |at, now| {
            decisions.push(Decision { bar: (start + at) as u32, position: sides.position(now) });
        });
    }
    Ok(decisions)
}

/// Which of the two averages was last seen above the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// They have not been apart yet.
    Unknown,
    /// The fast one.
    Above,
    /// The slow one.
    Below,
}

impl Sides {
    const fn position(self, order: Order) -> i8 {
        match (order, self) {
            (Order::Above, _) => 1,
            (Order::Below, Sides::LongShort) => -1,
            (Order::Below, Sides::LongFlat) | (Order::Unknown, _) => 0,
        }
    }
}

/// A screen with what its pairs share.
struct Market<'a> {
    screen: &'a Screen<'a>,
    sums: Vec<f64>,
    mark_closes: Vec<f64>,
    /// Per bar, and one past the last: how many marks lie before it.
    marks_before: Vec<u32>,
}

impl<'a> Market<'a> {
    fn of(screen: &'a Screen<'a>) -> Self {
        let mark_closes = screen.marks.iter().map(|&bar| screen.closes[bar as usize]).collect();
        let bars = screen.closes.len() as u32;
        let marks_before = (0..=bars).scan(0, |before, bar| {
            *before += u32::from(bar > 0 && screen.marks.get(*before as usize) == Some(&(bar - 1)));
            Some(*before)
        });
        Self { screen, sums: prefix_sums(screen.closes), mark_closes, marks_before: marks_before.collect() }
    }

    /// All pairs through all tiles.
    fn score(&self, crosses: &[Cross]) -> Vec<Score> {
        let mut averages = Averages::of(crosses.iter().flat_map(|c| [c.fast, c.slow]).collect());
        let rows: Vec<_> = crosses.iter().map(|c| (averages.row(c.fast), averages.row(c.slow))).collect();
        let mut accounts = vec![(Order::Unknown, Account::open()); crosses.len()];
        for start in (0..self.screen.closes.len()).step_by(TILE) {
            averages.fill(&self.sums, start);
            for (&(fast, slow), (order, account)) in rows.iter().zip(&mut accounts) {
                *order = averages.scan(fast, slow, *order, |at, now| self.act(account, start + at, now));
            }
        }
        accounts.into_iter().map(|(_, account)| account.close(self)).collect()
    }

    /// Carries out what was decided on the close of `bar`.
    fn act(&self, account: &mut Account, bar: usize, order: Order) {
        let (fill_bar, prices) = match self.screen.execution {
            Execution::SignalClose => (bar, self.screen.closes),
            Execution::NextClose => (bar + 1, self.screen.closes),
            Execution::NextOpen(opens) => (bar + 1, opens),
        };
        if let Some(&price) = prices.get(fill_bar) {
            account.turn(self, fill_bar, price, self.screen.sides.position(order));
        }
    }
}

/// `sums[i]` is the sum of the first `i` prices.
#[allow(clippy::float_arithmetic, reason = "averages of prices for statistics, exact for whole ticks; no money is moved by them")]
fn prefix_sums(prices: &[f64]) -> Vec<f64> {
    let running = prices.iter().scan(0.0, |sum, price| {
        *sum += price;
        Some(*sum)
    });
    std::iter::once(0.0).chain(running).collect()
}

//! What cannot be screened, and why.

use super::{Cross, Execution, Screen};

/// A series, a term or a pair that cannot be screened.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ScreenError {
    /// A price that is none.
    #[error("{series} of bar {bar} is {found}; a price must be positive and finite")]
    Price {
        /// Close or open.
        series: &'static str,
        /// Its bar.
        bar: usize,
        /// Found.
        found: f64,
    },
    /// Opens that do not belong to the closes.
    #[error("{opens} opens for {closes} closes; there must be one per bar")]
    Opens {
        /// How many.
        opens: usize,
        /// How many.
        closes: usize,
    },
    /// More bars than can be numbered.
    #[error("{0} bars; at most 2^32 - 1 can be screened at once: split the series")]
    TooLong(usize),
    /// Windows that make no pair.
    #[error("windows {fast} and {slow}: 1 <= fast < slow must hold")]
    Windows {
        /// Found.
        fast: u32,
        /// Found.
        slow: u32,
    },
    /// An average that is never known.
    #[error("a window of {slow} bars is longer than the series of {bars}; leave it out or give more bars")]
    NeverKnown {
        /// The window.
        slow: u32,
        /// The series.
        bars: usize,
    },
    /// A mark out of order or out of the series.
    #[error("mark number {number} is bar {bar}; marks must increase and lie below the {bars} bars")]
    Mark {
        /// Which.
        number: usize,
        /// Found.
        bar: u32,
        /// Bars there are.
        bars: usize,
    },
    /// A term out of its range.
    #[error("{term} is {found}; it must be {range}")]
    Term {
        /// Which.
        term: &'static str,
        /// Found.
        found: f64,
        /// Allowed.
        range: &'static str,
    },
}

impl Cross {
    pub(super) const fn check(self, bars: usize) -> Result<(), ScreenError> {
        let Self { fast, slow } = self;
        if fast < 1 || fast >= slow {
            return Err(ScreenError::Windows { fast, slow });
        }
        if slow as usize > bars {
            return Err(ScreenError::NeverKnown { slow, bars });
        }
        Ok(())
    }
}

impl Screen<'_> {
    pub(super) fn check(&self) -> Result<(), ScreenError> {
        check_prices("close", self.closes)?;
        let bars = self.closes.len();
        if let Execution::NextOpen(opens) = self.execution {
            if opens.len() != bars {
                return Err(ScreenError::Opens { opens: opens.len(), closes: bars });
            }
            check_prices("open", opens)?;
        }
        let mut next = 0;
        for (number, &bar) in self.marks.iter().enumerate() {
            if (bar as usize) < next || bar as usize >= bars {
                return Err(ScreenError::Mark { number, bar, bars });
            }
            next = bar as usize + 1;
        }
        check_term("fee_bps", self.fee_bps, (0.0..10_000.0).contains(&self.fee_bps), "at least 0 and below 10,000")?;
        check_term("marks_per_year", self.marks_per_year, self.marks_per_year > 0.0 && self.marks_per_year.is_finite(), "positive")
    }
}

pub(super) fn check_prices(series: &'static str, prices: &[f64]) -> Result<(), ScreenError> {
    if u32::try_from(prices.len()).is_err() {
        return Err(ScreenError::TooLong(prices.len()));
    }
    match prices.iter().position(|p| !(p.is_finite() && *p > 0.0)) {
        Some(bar) => Err(ScreenError::Price { series, bar, found: prices[bar] }),
        None => Ok(()),
    }
}

const fn check_term(term: &'static str, found: f64, holds: bool, range: &'static str) -> Result<(), ScreenError> {
    if holds { Ok(()) } else { Err(ScreenError::Term { term, found, range }) }
}

//! What is read off a book, as exact integers.

use tradewind_types::{MoneyError, Price, Qty, Rounding};

/// One price level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Its price.
    pub price: Price,
    /// Its total quantity, > 0.
    pub qty: Qty,
}

/// An exact fraction; the denominator is positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    /// Above the line.
    pub numerator: i128,
    /// Below the line, > 0.
    pub denominator: i128,
}

impl Ratio {
    /// The fraction in units of 1/`units`, rounded.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] when `numerator * units` leaves `i128`.
    pub fn in_units_of(self, units: i128, rounding: Rounding) -> Result<i128, MoneyError> {
        rounding.mul_div(self.numerator, units, self.denominator)
    }
}

/// What taking a quantity from a book would do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// How much the book offers of what was asked.
    pub filled: Qty,
    /// Sum of price × quantity, in ticks × lots.
    pub cost: i128,
    /// Price of the last level touched; none where nothing is filled.
    pub worst: Option<Price>,
}

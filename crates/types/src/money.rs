//! Integer money: prices in ticks, quantities in lots, amounts in an asset's own units.
//!
//! No float operator exists on any of these. Intermediates are `i128` and every operation that can overflow says so.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A price in ticks of its instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Price(pub i64);

/// A quantity in lots (or contracts) of its instrument; never negative in an order, zero removes a book level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Qty(pub i64);

/// Signed money in an asset's smallest unit (10^-scale of the asset).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Amount(pub i128);

/// A fraction in units of 1e-8 (one ten-thousandth of a basis point); negative for a rebate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rate(pub i64);

/// Which way a result that does not fit the grid goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rounding {
    /// Towards minus infinity.
    Floor,
    /// Towards plus infinity.
    Ceil,
    /// Towards zero.
    Truncate,
    /// To nearest, ties away from zero.
    HalfAway,
    /// To nearest, ties to even.
    HalfEven,
}

/// Why a money operation has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The exact result does not fit the integer type.
    #[error("{operation} overflows: {left} and {right}")]
    Overflow {
        /// What was asked.
        operation: &'static str,
        /// Left operand.
        left: i128,
        /// Right operand.
        right: i128,
    },
    /// Division by zero.
    #[error("{operation}: the divisor is zero")]
    DivideByZero {
        /// What was asked.
        operation: &'static str,
    },
    /// A decimal that is not a multiple of the grid step.
    #[error("{value} is not a multiple of {step}")]
    OffGrid {
        /// The value.
        value: Decimal,
        /// The grid step.
        step: Decimal,
    },
    /// Text that is not a plain decimal number that fits 18 digits.
    #[error("`{text}` is not a decimal number of at most 18 digits")]
    NotDecimal {
        /// The text.
        text: String,
    },
    /// An asset's scale is too coarse to hold one tick times one lot exactly.
    #[error("{symbol}: one tick times one lot is not a whole number of units at scale {scale}; raise the asset's scale")]
    ScaleTooCoarse {
        /// The instrument.
        symbol: String,
        /// The asset's scale.
        scale: u8,
    },
}

impl Rounding {
    /// `numerator / denominator` rounded this way.
    ///
    /// # Errors
    /// [`MoneyError::DivideByZero`] for a zero denominator.
    #[inline]
    pub fn divide(self, numerator: i128, denominator: i128) -> Result<i128, MoneyError> {
        if denominator == 0 {
            return Err(MoneyError::DivideByZero { operation: "divide" });
        }
        // A negative divisor moves its sign to the numerator, so that q below is the floor and 0 <= r < d.
        let (n, d) = if denominator < 0 { (numerator.wrapping_neg(), denominator.wrapping_neg()) } else { (numerator, denominator) };
        let (q, r) = (n.div_euclid(d), n.rem_euclid(d));
        if r == 0 {
            return Ok(q);
        }
        let twice = r.cmp(&(d - r));
        let up = match self {
            Rounding::Floor => false,
            Rounding::Ceil => true,
            Rounding::Truncate => n < 0,
            Rounding::HalfAway => match twice {
                std::cmp::Ordering::Less => false,
                std::cmp::Ordering::Greater => true,
                std::cmp::Ordering::Equal => n > 0,
            },
            Rounding::HalfEven => match twice {
                std::cmp::Ordering::Less => false,
                std::cmp::Ordering::Greater => true,
                std::cmp::Ordering::Equal => q & 1 == 1,
            },
        };
        Ok(if up { q + 1 } else { q })
    }

    /// `a * b / d`, exact in between, rounded this way.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] when `a * b` leaves `i128`; [`MoneyError::DivideByZero`].
    #[inline]
    pub fn mul_div(self, a: i128, b: i128, d: i128) -> Result<i128, MoneyError> {
        let product = a.checked_mul(b).ok_or(MoneyError::Overflow { operation: "multiply", left: a, right: b })?;
        if d == 1 { Ok(product) } else { self.divide(product, d) }
    }
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Checked sum.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    #[inline]
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.0.checked_add(other.0).map(Self).ok_or(MoneyError::Overflow { operation: "add", left: self.0, right: other.0 })
    }

    /// Checked difference.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    #[inline]
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.0.checked_sub(other.0).map(Self).ok_or(MoneyError::Overflow { operation: "subtract", left: self.0, right: other.0 })
    }

    /// The amount with its sign turned. (`i128::MIN` is unreachable through checked arithmetic on real balances.)
    #[inline]
    #[must_use]
    pub const fn negated(self) -> Self {
        Self(self.0.wrapping_neg())
    }

    /// This share of the amount.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    #[inline]
    pub fn at_rate(self, rate: Rate, rounding: Rounding) -> Result<Self, MoneyError> {
        rounding.mul_div(self.0, i128::from(rate.0), Rate::ONE).map(Self)
    }
}

impl Qty {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Checked difference that may not go below zero.
    #[inline]
    #[must_use]
    pub const fn checked_minus(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(v) if v >= 0 => Some(Self(v)),
            _ => None,
        }
    }

    /// Checked sum.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    #[inline]
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.0.checked_add(other.0).map(Self).ok_or(MoneyError::Overflow {
            operation: "add quantities",
            left: i128::from(self.0),
            right: i128::from(other.0),
        })
    }
}

impl Rate {
    /// 1.0 in rate units.
    pub const ONE: i128 = 100_000_000;

    /// A rate from a whole number of hundredths of a basis point.
    #[must_use]
    pub const fn from_centi_bps(n: i64) -> Self {
        Self(n * 100)
    }
}

/// An exact decimal, `mantissa * 10^-scale`: how venues print prices, ticks and lots. For the edges only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decimal {
    /// Digits.
    pub mantissa: i64,
    /// Digits after the point, at most 18.
    pub scale: u8,
}

/// 10^exponent for exponents up to 38.
///
/// # Errors
/// [`MoneyError::Overflow`] above 38.
pub(crate) fn power_of_ten(exponent: u32) -> Result<i128, MoneyError> {
    10i128.checked_pow(exponent).ok_or(MoneyError::Overflow { operation: "power of ten", left: 10, right: i128::from(exponent) })
}

impl Decimal {
    /// How many whole `step`s this value is.
    ///
    /// # Errors
    /// [`MoneyError::OffGrid`] when it is not a multiple; [`MoneyError::Overflow`]; [`MoneyError::DivideByZero`].
    pub fn in_steps_of(self, step: Decimal) -> Result<i64, MoneyError> {
        let scale = u32::from(self.scale.max(step.scale));
        let raise = |d: Decimal| -> Result<i128, MoneyError> {
            let factor = power_of_ten(scale - u32::from(d.scale))?;
            i128::from(d.mantissa).checked_mul(factor).ok_or(MoneyError::Overflow {
                operation: "raise scale",
                left: i128::from(d.mantissa),
                right: factor,
            })
        };
        let (value, grid) = (raise(self)?, raise(step)?);
        if grid == 0 {
            return Err(MoneyError::DivideByZero { operation: "in steps of" });
        }
        if value % grid != 0 {
            return Err(MoneyError::OffGrid { value: self, step });
        }
        i64::try_from(value / grid).map_err(|_| MoneyError::Overflow { operation: "in steps of", left: value, right: grid })
    }

    /// The value in units of 10^-`scale`, rounded.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn at_scale(self, scale: u8, rounding: Rounding) -> Result<i128, MoneyError> {
        if scale >= self.scale {
            rounding.mul_div(i128::from(self.mantissa), power_of_ten(u32::from(scale - self.scale))?, 1)
        } else {
            rounding.divide(i128::from(self.mantissa), power_of_ten(u32::from(self.scale - scale))?)
        }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let digits = self.mantissa.unsigned_abs().to_string();
        let scale = usize::from(self.scale);
        if scale == 0 {
            return write!(f, "{sign}{digits}");
        }
        let padded = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = padded.split_at(padded.len() - scale);
        write!(f, "{sign}{whole}.{fraction}")
    }
}

impl FromStr for Decimal {
    type Err = MoneyError;

    /// Plain decimals such as `-12.3400`; no exponent, at most 18 digits after the point.
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let refuse = || MoneyError::NotDecimal { text: text.to_owned() };
        let (negative, body) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = body.split_once('.').unwrap_or((body, ""));
        let digits_only = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !digits_only(whole) || !digits_only(fraction) || (body.contains('.') && fraction.is_empty()) {
            return Err(refuse());
        }
        let fraction = fraction.trim_end_matches('0');
        let scale = u8::try_from(fraction.len()).ok().filter(|s| *s <= 18).ok_or_else(refuse)?;
        let mantissa: i64 = format!("{whole}{fraction}").parse().map_err(|_| refuse())?;
        Ok(Self { mantissa: if negative { -mantissa } else { mantissa }, scale })
    }
}

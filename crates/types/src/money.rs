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
        let (q, r) = floor_division(n, d);
        Ok(self.settle(q, r, d, n < 0))
    }

    /// The whole number for q + r/d, where q is the floor and 0 <= r < d.
    #[inline]
    fn settle(self, q: i128, r: i128, d: i128, is_negative: bool) -> i128 {
        if r == 0 {
            return q;
        }
        let up = match self {
            Rounding::Floor => false,
            Rounding::Ceil => true,
            Rounding::Truncate => is_negative,
            Rounding::HalfAway | Rounding::HalfEven => match (r.cmp(&(d - r)), self) {
                (std::cmp::Ordering::Less, _) => false,
                (std::cmp::Ordering::Greater, _) => true,
                (std::cmp::Ordering::Equal, Rounding::HalfAway) => !is_negative,
                (std::cmp::Ordering::Equal, _) => q & 1 == 1,
            },
        };
        if up { q + 1 } else { q }
    }

    /// `a * b / d`, exact in between, rounded this way.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] when `a * b` leaves `i128`; [`MoneyError::DivideByZero`].
    #[inline]
    pub fn mul_div(self, a: i128, b: i128, d: i128) -> Result<i128, MoneyError> {
        let product = product(a, b).ok_or(MoneyError::Overflow { operation: "multiply", left: a, right: b })?;
        if d == 1 { Ok(product) } else { self.divide(product, d) }
    }
}

/// a × b. Nearly every figure of an order fits 64 bits, and one multiplication then does what the wide one takes a call for.
#[inline]
fn product(a: i128, b: i128) -> Option<i128> {
    match (i64::try_from(a), i64::try_from(b)) {
        (Ok(a), Ok(b)) => Some(i128::from(a) * i128::from(b)),
        _ => a.checked_mul(b),
    }
}

/// Floor of n / d and the remainder (for d > 0; as `div_euclid` and `rem_euclid` otherwise), by one division, of 64 bits where it can be.
#[inline]
fn floor_division(n: i128, d: i128) -> (i128, i128) {
    if let (Ok(n), Ok(d @ 1..)) = (i64::try_from(n), i64::try_from(d)) {
        return (i128::from(n.div_euclid(d)), i128::from(n.rem_euclid(d)));
    }
    let (q, r) = (n / d, n % d);
    match (r < 0, d > 0) {
        (false, _) => (q, r),
        (true, true) => (q - 1, r + d),
        (true, false) => (q + 1, r.wrapping_sub(d)),
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
        const ONE: i64 = Rate::ONE as i64;
        match i64::try_from(self.0) {
            // Below this rate, the product with a remainder of ONE fits too.
            Ok(amount) if rate.0.unsigned_abs() <= i64::MAX as u64 / ONE as u64 => {
                let (whole, part) = (amount.div_euclid(ONE), amount.rem_euclid(ONE));
                let scaled = part * rate.0;
                let q = i128::from(whole) * i128::from(rate.0) + i128::from(scaled.div_euclid(ONE));
                let is_negative = (amount < 0) != (rate.0 < 0);
                Ok(Self(rounding.settle(q, i128::from(scaled.rem_euclid(ONE)), Rate::ONE, is_negative)))
            }
            _ => rounding.mul_div(self.0, i128::from(rate.0), Rate::ONE).map(Self),
        }
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

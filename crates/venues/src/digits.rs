//! Decimal text → whole steps, and back, exactly. No float lies between a venue's bytes and our ticks.

use tradewind_types::{Amount, Decimal, Price, Qty, Rounding};

/// Why a number could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigitsError {
    /// Something that is no plain decimal number.
    #[error("not a plain decimal number")]
    Malformed,
    /// Not a multiple of the step.
    #[error("not a multiple of the step {step}")]
    OffGrid {
        /// The step.
        step: Decimal,
    },
    /// More than the integer type holds.
    #[error("more than 18 digits or beyond the integer type")]
    TooLarge,
}

const POWERS: [u64; 20] = {
    let mut powers = [1u64; 20];
    let mut i = 1;
    while i < 20 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// Digits of a decimal text: (negative, mantissa, scale), trailing zeros behind the point not counted once the mantissa is full.
#[inline]
fn scan(text: &[u8]) -> Result<(bool, u64, usize), DigitsError> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let (mut mantissa, mut scale, mut seen, mut point) = (0u64, 0usize, 0usize, false);
    for (i, &byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                if mantissa >= u64::MAX / 10 - 1 {
                    // Full: what is left may only be zeros behind the point.
                    let zeros = digits[i..].iter().all(|&b| b == b'0');
                    return if point && zeros { Ok((negative, mantissa, scale)) } else { Err(DigitsError::TooLarge) };
                }
                mantissa = mantissa * 10 + u64::from(byte - b'0');
                scale += usize::from(point);
                seen += 1;
            }
            b'.' if !point => point = true,
            _ => return Err(DigitsError::Malformed),
        }
    }
    if seen == 0 { Err(DigitsError::Malformed) } else { Ok((negative, mantissa, scale)) }
}

/// A price or quantity step, ready for reading and writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    mantissa: u64,
    scale: u8,
}

impl Step {
    /// A positive step of at most 18 decimals; none otherwise.
    #[must_use]
    pub fn new(step: Decimal) -> Option<Self> {
        let mantissa = u64::try_from(step.mantissa).ok().filter(|&m| m > 0)?;
        (step.scale <= 18).then_some(Self { mantissa, scale: step.scale })
    }

    /// The step itself.
    #[must_use]
    pub fn decimal(self) -> Decimal {
        Decimal { mantissa: i64::try_from(self.mantissa).unwrap_or(i64::MAX), scale: self.scale }
    }

    /// How many steps a decimal text is.
    ///
    /// # Errors
    /// [`DigitsError`].
    #[inline]
    pub fn units(self, text: &[u8]) -> Result<i64, DigitsError> {
        let (negative, mantissa, mut scale) = scan(text)?;
        let mut mantissa = mantissa;
        let own = usize::from(self.scale);
        let off_grid = || DigitsError::OffGrid { step: self.decimal() };
        if scale > own {
            let factor = *POWERS.get(scale - own).ok_or_else(off_grid)?;
            if mantissa % factor != 0 {
                return Err(off_grid());
            }
            mantissa /= factor;
            scale = own;
        }
        let factor = *POWERS.get(own - scale).ok_or(DigitsError::TooLarge)?;
        let at_scale = mantissa.checked_mul(factor).ok_or(DigitsError::TooLarge)?;
        let units = if self.mantissa == 1 {
            at_scale
        } else if at_scale.is_multiple_of(self.mantissa) {
            at_scale / self.mantissa
        } else {
            return Err(off_grid());
        };
        let units = i64::try_from(units).map_err(|_| DigitsError::TooLarge)?;
        Ok(if negative { -units } else { units })
    }
}

impl Step {
    /// The number of steps nearest to a decimal text that may lie between two, half to even: for prices that venues state finer than
    /// their own tick (mark, index), never for an order's or a fill's.
    ///
    /// # Errors
    /// [`DigitsError`].
    pub fn nearest(self, text: &[u8]) -> Result<i64, DigitsError> {
        const SCALE: u8 = 18;
        let value = amount(text, SCALE)?;
        let step = i128::from(self.mantissa).saturating_mul(i128::from(POWERS[usize::from(SCALE.saturating_sub(self.scale))]));
        let steps = Rounding::HalfEven.divide(value.0, step).map_err(|_| DigitsError::TooLarge)?;
        i64::try_from(steps).map_err(|_| DigitsError::TooLarge)
    }
}

/// The price and quantity steps of one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Of prices.
    pub tick: Step,
    /// Of quantities.
    pub lot: Step,
}

impl Grid {
    /// Steps of an instrument; none where one is not positive.
    #[must_use]
    pub fn new(tick: Decimal, lot: Decimal) -> Option<Self> {
        Some(Self { tick: Step::new(tick)?, lot: Step::new(lot)? })
    }

    /// A price in ticks.
    ///
    /// # Errors
    /// [`DigitsError`].
    #[inline]
    pub fn price(&self, text: &[u8]) -> Result<Price, DigitsError> {
        self.tick.units(text).map(Price)
    }

    /// A quantity in lots.
    ///
    /// # Errors
    /// [`DigitsError`].
    #[inline]
    pub fn qty(&self, text: &[u8]) -> Result<Qty, DigitsError> {
        self.lot.units(text).map(Qty)
    }

    /// Writes a price as decimal text.
    pub fn write_price(&self, price: Price, out: &mut Vec<u8>) {
        write_units(price.0, self.tick, out);
    }

    /// Writes a quantity as decimal text.
    pub fn write_qty(&self, qty: Qty, out: &mut Vec<u8>) {
        write_units(qty.0, self.lot, out);
    }
}

impl Step {
    /// How many steps `mantissa` × 10^-`scale` is; none where it is not a multiple or too large: [`Step::units`] then says why.
    #[inline]
    pub(crate) fn of_scaled(self, mantissa: u64, scale: usize) -> Option<i64> {
        let own = usize::from(self.scale);
        let at_scale = if scale <= own {
            mantissa.checked_mul(*POWERS.get(own - scale)?)?
        } else {
            // Divisions by a constant are multiplications.
            let (whole, rest) = match scale - own {
                1 => (mantissa / 10, mantissa % 10),
                2 => (mantissa / 100, mantissa % 100),
                3 => (mantissa / 1000, mantissa % 1000),
                more => {
                    let factor = *POWERS.get(more)?;
                    (mantissa / factor, mantissa % factor)
                }
            };
            if rest != 0 {
                return None;
            }
            whole
        };
        let units = match self.mantissa {
            1 => at_scale,
            5 if at_scale.is_multiple_of(5) => at_scale / 5,
            step if at_scale.is_multiple_of(step) => at_scale / step,
            _ => return None,
        };
        i64::try_from(units).ok()
    }
}

/// Writes `units` steps as decimal text, without zeros that say nothing.
pub fn write_units(units: i64, step: Step, out: &mut Vec<u8>) {
    let value = i128::from(units) * i128::from(step.mantissa);
    if value < 0 {
        out.push(b'-');
    }
    let (value, scale) = (value.unsigned_abs(), u32::from(step.scale));
    let unit = 10u128.pow(scale);
    out.extend_from_slice((value / unit).to_string().as_bytes());
    let fraction = value % unit;
    if fraction > 0 {
        let text = format!("{fraction:0width$}", width = step.scale.into());
        out.push(b'.');
        out.extend_from_slice(text.trim_end_matches('0').as_bytes());
    }
}

/// A decimal text in units of 10^-`scale`; digits beyond are rounded half to even. An empty text, which venues use for "none", is zero.
///
/// # Errors
/// [`DigitsError`].
pub(crate) fn amount(text: &[u8], scale: u8) -> Result<Amount, DigitsError> {
    if text.is_empty() {
        return Ok(Amount::ZERO);
    }
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let (mut value, mut behind, mut seen, mut point) = (0i128, 0u32, false, false);
    let (mut next, mut beyond) = (0u8, false);
    let scale = u32::from(scale);
    for &byte in digits {
        match byte {
            b'0'..=b'9' => {
                seen = true;
                if point && behind >= scale {
                    if behind == scale {
                        next = byte - b'0';
                    } else {
                        beyond |= byte != b'0';
                    }
                } else {
                    value = value.checked_mul(10).and_then(|v| v.checked_add(i128::from(byte - b'0'))).ok_or(DigitsError::TooLarge)?;
                }
                behind += u32::from(point);
            }
            b'.' if !point => point = true,
            _ => return Err(DigitsError::Malformed),
        }
    }
    if !seen {
        return Err(DigitsError::Malformed);
    }
    let up = 10i128.checked_pow(scale.saturating_sub(behind)).ok_or(DigitsError::TooLarge)?;
    let value = value.checked_mul(up).ok_or(DigitsError::TooLarge)?;
    let round_up = next > 5 || (next == 5 && (beyond || value % 2 != 0));
    let value = value.checked_add(i128::from(round_up)).ok_or(DigitsError::TooLarge)?;
    Ok(Amount(if negative { -value } else { value }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(mantissa: i64, scale: u8) -> Step {
        Step::new(Decimal { mantissa, scale }).unwrap()
    }

    #[test]
    fn text_becomes_steps_and_text_again() {
        let cases = [
            (step(1, 2), "42000.50", 4_200_050, "42000.5"),
            (step(1, 2), "0.01000000", 1, "0.01"),
            (step(5, 1), "60000.50000000", 120_001, "60000.5"),
            (step(1, 8), "0.00000001", 1, "0.00000001"),
            (step(1, 0), "12", 12, "12"),
            (step(1000, 0), "3000", 3, "3000"),
            (step(1, 3), "-0.250", -250, "-0.25"),
            (step(1, 3), "0", 0, "0"),
            (step(1, 5), "184467440737.00000000000", 18_446_744_073_700_000, "184467440737"),
        ];
        for (step, text, units, back) in cases {
            assert_eq!(step.units(text.as_bytes()), Ok(units), "{text}");
            let mut out = Vec::new();
            write_units(units, step, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), back);
        }
    }

    #[test]
    fn digits_and_their_text_are_the_same_steps() {
        let steps = [step(1, 2), step(1, 0), step(5, 1), step(25, 3), step(1, 8), step(1000, 0)];
        for (mantissa, scale) in
            [(6_511_420u64, 2usize), (0, 0), (875, 3), (1, 8), (60_000_500_000, 6), (3000, 0), (999_999_999_999_999_999, 1), (7, 5)]
        {
            let digits = format!("{mantissa:0width$}", width = scale + 1);
            let (whole, behind) = digits.split_at(digits.len() - scale);
            for step in steps {
                assert_eq!(step.of_scaled(mantissa, scale), step.units(format!("{whole}.{behind}").as_bytes()).ok(), "{mantissa} {scale}");
            }
        }
    }

    #[test]
    fn what_is_no_number_or_off_the_grid_is_refused() {
        for text in ["", "-", ".", "1e5", "1,0", "+1", "1.2.3", " 1", "NaN"] {
            assert_eq!(step(1, 2).units(text.as_bytes()), Err(DigitsError::Malformed), "{text}");
        }
        assert!(matches!(step(1, 2).units(b"0.001"), Err(DigitsError::OffGrid { .. })));
        assert!(matches!(step(5, 1).units(b"0.3"), Err(DigitsError::OffGrid { .. })));
        assert_eq!(step(1, 2).units(b"99999999999999999999"), Err(DigitsError::TooLarge));
    }

    #[test]
    fn prices_between_two_ticks_go_to_the_nearest() {
        let cases = [("11794.15000000", 117_942), ("11794.14999999", 117_941), ("11794.25", 117_942), ("0.04", 0), ("-0.06", -1)];
        for (text, ticks) in cases {
            assert_eq!(step(1, 1).nearest(text.as_bytes()), Ok(ticks), "{text}");
        }
        assert_eq!(step(25, 2).nearest(b"1.13"), Ok(5));
    }

    #[test]
    fn amounts_round_half_to_even() {
        let cases = [("0.125", 2, 12), ("0.135", 2, 14), ("-0.1251", 2, -13), ("", 8, 0), ("1", 3, 1000), ("0.051250", 8, 5_125_000)];
        for (text, scale, units) in cases {
            assert_eq!(amount(text.as_bytes(), scale), Ok(Amount(units)), "{text}");
        }
    }
}

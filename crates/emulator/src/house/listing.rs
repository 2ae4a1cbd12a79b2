//! What is traded at a house: instruments by market and symbol, and exact decimals in and out.

use super::rejection::{Filter, Rejection};
use tradewind_types::{Amount, Decimal, Instrument, InstrumentId, MoneyError, Nanos, Price, Qty, Rate, Rounding};

/// Which market of a venue. One symbol may be listed in several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    /// Coins change hands.
    Spot,
    /// Perpetuals whose value is linear in price, settled in quote.
    Linear,
}

/// One instrument as a house lists it.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Its money arithmetic and filters.
    pub instrument: Instrument,
    /// In which market.
    pub category: Category,
    /// Ticker of what is bought and sold.
    pub base: String,
    /// Ticker of what the price is in.
    pub quote: String,
    /// Charged for liquidity added.
    pub maker_fee: Rate,
    /// Charged for liquidity taken.
    pub taker_fee: Rate,
    /// Largest leverage; 1 where there is none.
    pub max_leverage: u32,
    /// From one funding to the next; zero where there is none.
    pub funding_interval: Nanos,
}

impl Listing {
    /// Dense id within the house.
    #[must_use]
    pub const fn id(&self) -> InstrumentId {
        self.instrument.id()
    }

    /// The venue's symbol.
    #[must_use]
    pub fn symbol(&self) -> &str {
        &self.instrument.terms().symbol
    }

    /// A price as a client writes it.
    ///
    /// # Errors
    /// [`Rejection::Malformed`]; [`Rejection::Filter`] with [`Filter::Price`] where it is not positive, [`Filter::Tick`] where it is between two ticks.
    pub fn price(&self, text: &str) -> Result<Price, Rejection> {
        steps(text, self.instrument.terms().tick, Filter::Tick, Filter::Price).map(Price)
    }

    /// A quantity as a client writes it.
    ///
    /// # Errors
    /// [`Rejection::Malformed`]; [`Rejection::Filter`] with [`Filter::MinQty`] where it is not positive, [`Filter::Lot`] where it is between two lots.
    pub fn qty(&self, text: &str) -> Result<Qty, Rejection> {
        steps(text, self.instrument.terms().lot, Filter::Lot, Filter::MinQty).map(Qty)
    }

    /// A price with as many digits as the tick has: `67000.10`.
    #[must_use]
    pub fn price_text(&self, price: Price) -> String {
        let tick = self.instrument.terms().tick;
        decimal_text(i128::from(price.0) * i128::from(tick.mantissa), tick.scale, tick.scale)
    }

    /// A quantity with as many digits as the lot has: `0.00100`.
    #[must_use]
    pub fn qty_text(&self, qty: Qty) -> String {
        let lot = self.instrument.terms().lot;
        decimal_text(i128::from(qty.0) * i128::from(lot.mantissa), lot.scale, lot.scale)
    }

    /// Mean price of what `qty` cost, to `digits` after the point, half away from zero; zero for no quantity.
    #[must_use]
    pub fn average_price_text(&self, value: Amount, qty: Qty, digits: u8) -> String {
        let terms = self.instrument.terms();
        let mean = self.instrument.value(Price(1), qty.0, Rounding::Truncate).and_then(|of_tick| {
            if of_tick.0 == 0 {
                return Ok(0);
            }
            let up = 10i128.checked_pow(u32::from(digits)).unwrap_or(1);
            let down = 10i128.checked_pow(u32::from(terms.tick.scale)).unwrap_or(1);
            let numerator = Rounding::HalfAway.mul_div(value.0, i128::from(terms.tick.mantissa) * up, 1)?;
            Rounding::HalfAway.divide(numerator, Rounding::HalfAway.mul_div(of_tick.0, down, 1)?)
        });
        decimal_text(mean.unwrap_or(0), digits, digits)
    }
}

fn steps(text: &str, step: Decimal, off_grid: Filter, not_positive: Filter) -> Result<i64, Rejection> {
    let value: Decimal = text.parse().map_err(|_| Rejection::Malformed)?;
    match value.in_steps_of(step) {
        Ok(steps) if steps > 0 => Ok(steps),
        Ok(_) => Err(Rejection::Filter(not_positive)),
        Err(MoneyError::OffGrid { .. }) => Err(Rejection::Filter(off_grid)),
        Err(_) => Err(Rejection::Malformed),
    }
}

/// `mantissa × 10^-scale` with at least `digits` after the point, and as many more as it needs to be exact.
#[must_use]
pub fn decimal_text(mantissa: i128, scale: u8, digits: u8) -> String {
    let (is_negative, size, mut scale) = (mantissa < 0, mantissa.unsigned_abs(), scale);
    // Most fit into 64 bits, where a division costs a tenth.
    let all = match u64::try_from(size) {
        Ok(mut size) => {
            while scale > digits && size.is_multiple_of(10) {
                size /= 10;
                scale -= 1;
            }
            format!("{size:0>width$}", width = usize::from(scale) + 1)
        }
        Err(_) => {
            let mut size = size;
            while scale > digits && size.is_multiple_of(10) {
                size /= 10;
                scale -= 1;
            }
            format!("{size:0>width$}", width = usize::from(scale) + 1)
        }
    };
    let (whole, fraction) = all.split_at(all.len() - usize::from(scale));
    let zeros = usize::from(digits.saturating_sub(scale));
    let mut text = String::with_capacity(all.len() + zeros + 2);
    if is_negative {
        text.push('-');
    }
    text.push_str(whole);
    if scale > 0 || zeros > 0 {
        text.push('.');
        text.push_str(fraction);
        text.extend(std::iter::repeat_n('0', zeros));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::decimal_text;

    #[test]
    fn decimals_are_exact_and_as_long_as_asked() {
        assert_eq!(decimal_text(6_700_010, 2, 2), "67000.10");
        assert_eq!(decimal_text(1_230_000, 6, 2), "1.23");
        assert_eq!(decimal_text(-5, 3, 2), "-0.005");
        assert_eq!(decimal_text(7, 0, 0), "7");
        assert_eq!(decimal_text(7, 0, 8), "7.00000000");
        assert_eq!(decimal_text(0, 12, 8), "0.00000000");
    }
}

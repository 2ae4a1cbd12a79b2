//! A position in the venue's own books: at average cost, with the margin set aside for it.
//!
//! The cost that a closing trade releases is rounded towards zero and the rest stays with what is open, so that a position that
//! is closed in parts realises in total exactly what it took in and paid.

use tradewind_types::{Amount, Instrument, MoneyError, Price, Rounding};

/// A position, or one leg of it in a hedge-mode account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// Bought less sold, in lots.
    pub lots: i64,
    /// What the open lots cost, in the value asset: paid for a long, minus what was received for a short; signs are turned for
    /// an inverse contract, whose value falls as its price rises.
    pub entry: Amount,
    /// Margin set aside for it; only in an isolated account.
    pub margin: Amount,
}

/// What a trade did to a holding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traded {
    /// Afterwards; its margin is what is left of the one before.
    pub holding: Holding,
    /// Realised.
    pub profit: Amount,
    /// Lots that were opened, signed.
    pub opened: i64,
}

impl Holding {
    /// After `lots` more (signed) at a `cost` (signed alike, turned for inverse).
    ///
    /// # Errors
    /// [`MoneyError`]: a figure leaves its integer type.
    pub fn traded(self, lots: i64, cost: Amount) -> Result<Traded, MoneyError> {
        let overflow = MoneyError::Overflow { operation: "add lots", left: i128::from(self.lots), right: i128::from(lots) };
        let total = self.lots.checked_add(lots).ok_or(overflow)?;
        if self.lots.signum() * lots.signum() >= 0 {
            let holding = Self { lots: total, entry: self.entry.plus(cost)?, margin: self.margin };
            return Ok(Traded { holding, profit: Amount::ZERO, opened: lots });
        }
        if self.lots.unsigned_abs() >= lots.unsigned_abs() {
            let part = |whole: Amount| -> Result<Amount, MoneyError> {
                Rounding::Truncate.mul_div(whole.0, i128::from(lots).abs(), i128::from(self.lots).abs()).map(Amount)
            };
            let released = part(self.entry)?;
            let holding = Self { lots: total, entry: self.entry.minus(released)?, margin: self.margin.minus(part(self.margin)?)? };
            return Ok(Traded { holding, profit: released.plus(cost)?.negated(), opened: 0 });
        }
        let closing = Rounding::Truncate.mul_div(cost.0, i128::from(self.lots).abs(), i128::from(lots).abs()).map(Amount)?;
        let holding = Self { lots: total, entry: cost.minus(closing)?, margin: Amount::ZERO };
        Ok(Traded { holding, profit: self.entry.plus(closing)?.negated(), opened: total })
    }

    /// Profit if it were closed at `price`.
    ///
    /// # Errors
    /// [`MoneyError`]: a figure leaves its integer type.
    pub fn unrealised(&self, instrument: &Instrument, price: Price) -> Result<Amount, MoneyError> {
        if self.lots == 0 { Ok(Amount::ZERO) } else { cost(instrument, price, self.lots)?.minus(self.entry) }
    }

    /// What it is worth at `price`, without its sign.
    pub(crate) fn value(&self, instrument: &Instrument, price: Price) -> Result<Amount, MoneyError> {
        absolute_value(instrument, price, self.lots)
    }
}

/// What `lots` (signed) at `price` cost: their value, signs turned for an inverse contract.
pub(crate) fn cost(instrument: &Instrument, price: Price, lots: i64) -> Result<Amount, MoneyError> {
    let value = instrument.value(price, lots, Rounding::Truncate)?;
    Ok(if instrument.terms().kind.is_inverse() { value.negated() } else { value })
}

/// What `lots` are worth at `price`, without the sign.
pub(crate) fn absolute_value(instrument: &Instrument, price: Price, lots: i64) -> Result<Amount, MoneyError> {
    if lots == 0 {
        return Ok(Amount::ZERO);
    }
    instrument.value(price, lots, Rounding::Truncate).map(|value| Amount(value.0.abs()))
}

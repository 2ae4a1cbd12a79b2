//! Initial margin: what a position could grow to with everything in flight, over the leverage it may have.

use crate::check::Holding;
use tradewind_types::{Amount, AssetId, Instrument, MarginSchedule, MoneyError, Price, RefusalReason, Rounding};

/// What an account can still put behind an order.
#[derive(Clone, Copy, Debug)]
pub struct MarginRoom<'a> {
    /// Wallet equity less the initial margin of positions and of everything in flight, in units of the instrument's value asset.
    pub free: Amount,
    /// Leverage chosen for the instrument in the account.
    pub leverage: u32,
    /// The venue's schedule.
    pub schedule: &'a MarginSchedule,
    /// Reference price of the instrument.
    pub price: Price,
}

/// Initial margin of `value` (absolute), rounded up: over the leverage chosen, or the largest that its tier allows.
///
/// # Errors
/// [`MoneyError`] does not occur for amounts that a ledger holds.
pub fn initial_margin(schedule: Option<&MarginSchedule>, leverage: u32, value: Amount) -> Result<Amount, MoneyError> {
    let allowed = schedule.and_then(|schedule| schedule.tier(value)).map_or(leverage, |tier| tier.max_leverage.min(leverage));
    Rounding::Ceil.divide(value.0, i128::from(allowed.max(1))).map(Amount)
}

/// What an order is measured by.
pub(crate) struct Growth<'a> {
    pub(crate) instrument: &'a Instrument,
    pub(crate) before: Holding,
    pub(crate) after: Holding,
    /// What the order may trade at; the reference for an order without a price.
    pub(crate) price: Price,
}

impl MarginRoom<'_> {
    /// Passes when what the order adds to the position's margin is free. What it adds to the position counts at its own price or
    /// at the reference, whichever is worth more.
    pub(crate) fn check(&self, growth: &Growth<'_>) -> Result<(), RefusalReason> {
        let asset: AssetId = growth.instrument.value_asset();
        let asked = self.asked(growth).map_err(|_| RefusalReason::Overflow)?;
        if asked > self.free && asked > Amount::ZERO {
            return Err(RefusalReason::InsufficientMargin { asset, asked, free: self.free });
        }
        Ok(())
    }

    fn asked(&self, growth: &Growth<'_>) -> Result<Amount, MoneyError> {
        let largest = |holding: Holding| {
            holding.largest().ok_or(MoneyError::Overflow { operation: "add lots", left: holding.standing.position.into(), right: 0 })
        };
        let lots = largest(growth.before)?;
        let more = largest(growth.after)?.saturating_sub(lots);
        if more <= 0 {
            return Ok(Amount::ZERO);
        }
        let value = |price, lots| growth.instrument.value(price, lots, Rounding::Ceil);
        let before = value(self.price, lots)?;
        let after = before.plus(value(self.price, more)?.max(value(growth.price, more)?))?;
        let margin = |value| initial_margin(Some(self.schedule), self.leverage, value);
        margin(after)?.minus(margin(before)?)
    }
}

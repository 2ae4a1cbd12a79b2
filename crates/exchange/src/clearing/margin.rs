//! What must be there: initial margin for what is opened, maintenance margin for what is held.

use tradewind_types::{Amount, MarginSchedule, MoneyError, Rounding};

/// Margin below which a position worth `value` is closed: value × rate − deduction of its tier. Without a schedule, nothing: such
/// a position is closed when its margin is gone.
pub(crate) fn maintenance(schedule: Option<&MarginSchedule>, value: Amount) -> Result<Amount, MoneyError> {
    let Some(tier) = schedule.and_then(|schedule| schedule.tier(value)) else { return Ok(Amount::ZERO) };
    value.at_rate(tier.maintenance, Rounding::Ceil)?.minus(tier.deduction).map(|margin| margin.max(Amount::ZERO))
}

/// Margin for an exposure worth `value` at the leverage chosen, or the largest of its tier where that is less.
pub(crate) fn initial(schedule: Option<&MarginSchedule>, value: Amount, leverage: u32) -> Result<Amount, MoneyError> {
    let most = schedule.and_then(|schedule| schedule.tier(value)).map_or(u32::MAX, |tier| tier.max_leverage);
    Rounding::Ceil.divide(value.0, i128::from(leverage.min(most).max(1))).map(Amount)
}

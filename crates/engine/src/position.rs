//! Positions at average cost, exact: what division leaves over stays in the position and comes out when it is closed.

use serde::{Deserialize, Serialize};
use tradewind_types::{Amount, Fill, Instrument, InstrumentKind, MoneyError, Rounding, Settlement, Side};

/// Net lots traded in an instrument, what the open ones cost, and what the closed ones brought. Fees are not in it.
///
/// For spot it is bookkeeping beside the balances (which hold the money); for derivatives the account's `realised` is what
/// went to the balance. Deposits are not positions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Bought less sold, in lots.
    pub lots: i64,
    /// Cost of the open lots, in the instrument's value asset: what was paid for a long, minus what was received for a short.
    /// For an inverse contract the signs are turned, since its value in base falls as the price rises.
    pub entry: Amount,
    /// Profit of everything closed so far.
    pub realised: Amount,
}

impl Position {
    /// Everything that trading moved: realised less the cost of what is open. It adds up over owners, as average cost does not.
    #[must_use]
    pub const fn flow(&self) -> Amount {
        Amount(self.realised.0.wrapping_sub(self.entry.0))
    }

    /// The position after `lots` more (signed) at a `cost` (signed alike), and the profit that this realises: the closed share
    /// of the entry cost is released rounded towards zero, the rest stays.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    #[inline]
    pub fn after(self, lots: i64, cost: Amount) -> Result<(Self, Amount), MoneyError> {
        let total = self.lots.checked_add(lots).ok_or(MoneyError::Overflow {
            operation: "add lots",
            left: i128::from(self.lots),
            right: i128::from(lots),
        })?;
        let is_opening = self.lots == 0 || (self.lots > 0) == (lots > 0);
        if is_opening {
            return Ok((Self { lots: total, entry: self.entry.plus(cost)?, realised: self.realised }, Amount::ZERO));
        }
        let (held, traded) = (i128::from(self.lots).abs(), i128::from(lots).abs());
        let closing = held.min(traded);
        let share = |amount: Amount, of: i128| -> Result<Amount, MoneyError> {
            if closing == of { Ok(amount) } else { Rounding::Truncate.mul_div(amount.0, closing, of).map(Amount) }
        };
        let (released, closed) = (share(self.entry, held)?, share(cost, traded)?);
        let profit = released.plus(closed)?.negated();
        let entry = self.entry.minus(released)?.plus(cost.minus(closed)?)?;
        Ok((Self { lots: total, entry, realised: self.realised.plus(profit)? }, profit))
    }

    /// This position, with one of the parts it is the sum of changed.
    pub(crate) fn with_part(&self, before: Self, after: Self) -> Result<Self, MoneyError> {
        let moved = |whole: Amount, before: Amount, after: Amount| whole.minus(before)?.plus(after);
        let lots = self.lots.checked_sub(before.lots).and_then(|lots| lots.checked_add(after.lots));
        let overflow = MoneyError::Overflow { operation: "add lots", left: i128::from(self.lots), right: i128::from(after.lots) };
        Ok(Self {
            lots: lots.ok_or(overflow)?,
            entry: moved(self.entry, before.entry, after.entry)?,
            realised: moved(self.realised, before.realised, after.realised)?,
        })
    }

    /// Profit if everything open were closed at a value of `value_now` (signed as the lots, and turned for inverse).
    pub(crate) fn unrealised(&self, value_now: Amount) -> Result<Amount, MoneyError> {
        value_now.minus(self.entry)
    }
}

/// +1 where value rises with the price, -1 for inverse contracts.
#[inline]
pub(crate) const fn direction(kind: InstrumentKind) -> i128 {
    if kind.is_inverse() { -1 } else { 1 }
}

/// Signed lots of a fill.
#[inline]
pub(crate) const fn signed_lots(side: Side, fill: &Fill) -> i64 {
    side.sign().wrapping_mul(fill.qty.0)
}

/// Cost of a fill at our exact figure (inverse: truncated to whole units), and as the venue states it where it does.
#[inline]
fn costs(instrument: &Instrument, side: Side, fill: &Fill) -> Result<(Amount, Amount), MoneyError> {
    let turn = direction(instrument.terms().kind);
    let exact = Amount(turn * instrument.value(fill.price, signed_lots(side, fill), Rounding::Truncate)?.0);
    let stated = fill.stated_cash.map_or(exact, |cash| Amount(turn * i128::from(side.sign()) * cash.0));
    Ok((exact, stated))
}

/// Cost of a fill as it is booked: the venue's figure where it states one.
#[inline]
pub(crate) fn booked_cost(instrument: &Instrument, side: Side, fill: &Fill) -> Result<Amount, MoneyError> {
    costs(instrument, side, fill).map(|(_, booked)| booked)
}

/// Works out what a fill moves in an account that holds `position`.
#[inline]
pub(crate) fn settlement(instrument: &Instrument, position: Position, side: Side, fill: &Fill) -> Result<Settlement, MoneyError> {
    let (exact, booked) = costs(instrument, side, fill)?;
    let lots = signed_lots(side, fill);
    if instrument.terms().kind.is_spot() {
        let cash = booked.negated();
        return Ok(Settlement { base: instrument.base_amount(lots)?, cash, rounding: cash.plus(exact)? });
    }
    let (_, cash) = position.after(lots, booked)?;
    let rounding = if booked == exact { Amount::ZERO } else { cash.minus(position.after(lots, exact)?.1)? };
    Ok(Settlement { base: Amount::ZERO, cash, rounding })
}

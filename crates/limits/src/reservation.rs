//! What an order ties up in a spot account: a buy its quote value with fees, a sell its base.

use serde::{Deserialize, Serialize};
use tradewind_types::{Account, Amount, AssetId, Instrument, MarginMode, MoneyError, Price, Qty, Rate, Rounding, Side};

/// Share of a buy's value kept free for fees: 10 bps, the usual top of spot taker fees.
pub const FEE_ALLOWANCE: Rate = Rate::from_centi_bps(1_000);

/// How far above the reference price a market buy is expected to fill, for its reservation: 25 bps.
pub const MARKET_PRICE_ALLOWANCE: Rate = Rate::from_centi_bps(2_500);

/// The largest outcome of an order: everything it could still fill, whichever of its amends takes effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ceiling {
    qty: Qty,
    amount: Amount,
}

/// What a live order holds back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Lots it may still fill.
    pub lots: i64,
    /// Money or base it ties up in a spot account, in units of [`spending_asset`].
    pub amount: Amount,
}

impl Ceiling {
    /// A ceiling whose shares can all be worked out.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] when quantity times amount leaves `i128`.
    #[inline]
    pub fn new(qty: Qty, amount: Amount) -> Result<Self, MoneyError> {
        Rounding::Ceil.mul_div(amount.0, i128::from(qty.0), 1)?;
        Ok(Self { qty, amount })
    }

    /// What covers both outcomes.
    ///
    /// # Errors
    /// As [`Self::new`].
    #[inline]
    pub fn or(self, other: Self) -> Result<Self, MoneyError> {
        Self::new(self.qty.max(other.qty), self.amount.max(other.amount))
    }

    /// Total quantity, filled part included.
    #[inline]
    #[must_use]
    pub const fn qty(&self) -> Qty {
        self.qty
    }

    /// What that quantity ties up, were none of it filled.
    #[inline]
    #[must_use]
    pub const fn amount(&self) -> Amount {
        self.amount
    }

    /// What is held back once `filled` lots are done: the unfilled lots, and their share of the amount, rounded up.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    #[inline]
    pub fn held(self, filled: Qty) -> Result<Held, MoneyError> {
        let lots = self.qty.0.saturating_sub(filled.0).max(0);
        if lots == 0 || self.amount == Amount::ZERO || lots == self.qty.0 {
            let amount = if lots == 0 { Amount::ZERO } else { self.amount };
            return Ok(Held { lots, amount });
        }
        let amount = Rounding::Ceil.mul_div(self.amount.0, i128::from(lots), i128::from(self.qty.0)).map(Amount)?;
        Ok(Held { lots, amount })
    }
}

/// The asset an order spends: quote for a buy, base for a sell.
#[inline]
#[must_use]
pub const fn spending_asset(instrument: &Instrument, side: Side) -> AssetId {
    match side {
        Side::Buy => instrument.terms().quote,
        Side::Sell => instrument.terms().base,
    }
}

/// Whether orders on the instrument are covered by balances of the account.
#[inline]
const fn is_covered(instrument: &Instrument, account: &Account) -> bool {
    instrument.terms().kind.is_spot() && matches!(account.mode, MarginMode::Spot)
}

/// What `qty` lots at a worst price of `price` tie up, in units of [`spending_asset`], rounded up; zero where the account is
/// not a spot account.
///
/// # Errors
/// [`MoneyError::Overflow`].
#[inline]
pub fn limit_reservation(instrument: &Instrument, account: &Account, side: Side, price: Price, qty: Qty) -> Result<Amount, MoneyError> {
    if !is_covered(instrument, account) {
        return Ok(Amount::ZERO);
    }
    match side {
        Side::Sell => instrument.base_amount(qty.0),
        Side::Buy => {
            let value = instrument.value(price, qty.0, Rounding::Ceil)?;
            value.plus(value.at_rate(FEE_ALLOWANCE, Rounding::Ceil)?)
        }
    }
}

/// The same for a market order, whose worst price is the reference plus [`MARKET_PRICE_ALLOWANCE`].
#[inline]
pub(crate) fn market_reservation(
    instrument: &Instrument,
    account: &Account,
    side: Side,
    reference: Price,
    qty: Qty,
) -> Result<Amount, MoneyError> {
    let reserved = limit_reservation(instrument, account, side, reference, qty)?;
    match side {
        Side::Sell => Ok(reserved),
        Side::Buy => reserved.plus(reserved.at_rate(MARKET_PRICE_ALLOWANCE, Rounding::Ceil)?),
    }
}

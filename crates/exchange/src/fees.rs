//! What a venue charges for a fill.

use tradewind_types::{FeeCharge, Instrument, Liquidity, MoneyError, Price, Qty, Rate, Rounding, Side};

/// In which asset a fee is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeeAsset {
    /// What the fill brings in, as Binance spot charges it: base when buying, quote when selling. Derivatives bring in nothing,
    /// so there it is the same as [`FeeAsset::Settle`].
    Received,
    /// The asset the fill is valued in: quote for spot and linear contracts, base for inverse ones.
    Settle,
}

/// Fee rates of one instrument. A negative rate is a rebate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeSchedule {
    /// For liquidity added.
    pub maker: Rate,
    /// For liquidity taken.
    pub taker: Rate,
    /// In what.
    pub asset: FeeAsset,
}

impl FeeSchedule {
    /// Nothing is charged.
    pub const FREE: Self = Self { maker: Rate(0), taker: Rate(0), asset: FeeAsset::Settle };

    /// The charge for one fill, rounded up to the asset's unit: a fee rounds against us, a rebate too. (Venues round to their
    /// asset's unit, in a direction they rarely state; a unit is 1e-8 of a coin on Binance spot.)
    ///
    /// # Errors
    /// [`MoneyError`] when the value of the fill does not fit.
    pub fn charge(
        &self,
        instrument: &Instrument,
        side: Side,
        price: Price,
        qty: Qty,
        liquidity: Liquidity,
    ) -> Result<FeeCharge, MoneyError> {
        self.charge_rounded(instrument, side, price, qty, liquidity, Rounding::Ceil)
    }

    /// As [`Self::charge`], rounded as a venue states it.
    ///
    /// # Errors
    /// [`MoneyError`] when the value of the fill does not fit.
    pub fn charge_rounded(
        &self,
        instrument: &Instrument,
        side: Side,
        price: Price,
        qty: Qty,
        liquidity: Liquidity,
        rounding: Rounding,
    ) -> Result<FeeCharge, MoneyError> {
        let rate = match liquidity {
            Liquidity::Maker => self.maker,
            Liquidity::Taker => self.taker,
        };
        let spot = instrument.terms().kind.is_spot();
        let (asset, basis) = if self.asset == FeeAsset::Received && spot && side == Side::Buy {
            (instrument.terms().base, instrument.base_amount(qty.0)?)
        } else {
            (instrument.value_asset(), instrument.value(price, qty.0, rounding)?)
        };
        Ok(FeeCharge { asset, amount: basis.at_rate(rate, rounding)? })
    }
}

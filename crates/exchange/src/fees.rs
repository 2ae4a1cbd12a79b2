//! What a venue charges for a fill.

use tradewind_types::{Amount, AssetId, FeeCharge, Instrument, InstrumentId, Liquidity, MoneyError, Price, Qty, Rate, Rounding, Side};

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

/// Rates from a volume on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeTier {
    /// Volume from which they hold, in the tariff's asset.
    pub from: Amount,
    /// For liquidity added; negative is a rebate.
    pub maker: Rate,
    /// For liquidity taken.
    pub taker: Rate,
}

/// At what price a third asset is taken in payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateSource {
    /// Always this one.
    Stated(Price),
    /// The last the venue saw of the instrument.
    LastPrice,
}

/// Fees paid in an asset that the fill does not touch (Binance: BNB), as long as the account has enough of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThirdAsset {
    /// Spot instrument that prices it: its base is what is paid. Only fills valued in its quote are paid so.
    pub instrument: InstrumentId,
    /// Its price.
    pub source: RateSource,
    /// What is let off for paying so, as a share of the fee.
    pub discount: Rate,
}

/// What an account pays for its fills by the volume it has traded: the sum of its fills' values over whole days of UTC before
/// today, as venues publish it once a day. Fills valued in another asset than `counted_in` do not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tariff {
    /// Lowest first; the first starts at zero.
    pub tiers: Vec<FeeTier>,
    /// What volume is measured in.
    pub counted_in: AssetId,
    /// Days that count.
    pub days: u32,
    /// Volume of the time before, which counts as that of the day before the first fill.
    pub history: Amount,
    /// Another asset to pay in.
    pub third: Option<ThirdAsset>,
}

impl Tariff {
    /// The rates at a volume; none below the first tier.
    #[must_use]
    pub fn tier(&self, volume: Amount) -> Option<&FeeTier> {
        self.tiers.iter().rev().find(|tier| tier.from <= volume)
    }
}

impl ThirdAsset {
    /// A fee worth `value` (in the quote of `pricing`) in units of the third asset, less the discount, rounded up.
    ///
    /// # Errors
    /// [`MoneyError`]: a price of zero, or a figure that does not fit.
    pub fn charge(&self, pricing: &Instrument, price: Price, value: Amount) -> Result<FeeCharge, MoneyError> {
        let discounted = value.minus(value.at_rate(self.discount, Rounding::Floor)?)?;
        let (of_lot, lot) = (pricing.value(price, 1, Rounding::Floor)?, pricing.base_amount(1)?);
        let amount = Rounding::Ceil.mul_div(discounted.0, lot.0, of_lot.0).map(Amount)?;
        Ok(FeeCharge { asset: pricing.terms().base, amount })
    }
}

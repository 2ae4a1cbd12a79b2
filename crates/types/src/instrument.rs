//! What can be traded and who holds it: assets, instruments, accounts.
//!
//! Ticks, lots and multipliers are exact decimals at the edge; here they become whole numbers of the asset's units, so the
//! order path multiplies integers and nothing is rounded that a venue does not round.

use crate::account::InstrumentFilters;
use crate::ids::{AccountId, AssetId, InstrumentId, VenueId};
use crate::money::{Amount, Decimal, MoneyError, Price, Qty, Rounding, power_of_ten};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A currency or coin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    /// Dense id.
    pub id: AssetId,
    /// Its usual ticker, for people.
    pub symbol: String,
    /// One unit is 10^-scale of the asset.
    pub scale: u8,
}

/// How a fill turns into money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InstrumentKind {
    /// Base and quote change hands at once; holdings are balances.
    Spot,
    /// Perpetual whose value is linear in price; settles in quote.
    LinearPerpetual,
    /// Perpetual of fixed quote value per contract; settles in base, value = contracts × multiplier / price.
    InversePerpetual,
    /// Linear contract that is delivered in cash at its expiry.
    LinearFuture {
        /// When trading ends and the position is settled.
        expiry: Timestamp,
    },
    /// Inverse contract that is delivered in cash at its expiry.
    InverseFuture {
        /// When trading ends and the position is settled.
        expiry: Timestamp,
    },
}

impl InstrumentKind {
    /// Whether holdings are balances.
    #[inline]
    #[must_use]
    pub const fn is_spot(self) -> bool {
        matches!(self, InstrumentKind::Spot)
    }

    /// Whether value is contracts × multiplier / price.
    #[inline]
    #[must_use]
    pub const fn is_inverse(self) -> bool {
        matches!(self, InstrumentKind::InversePerpetual | InstrumentKind::InverseFuture { .. })
    }

    /// When it ends; none for what trades for ever.
    #[inline]
    #[must_use]
    pub const fn expiry(self) -> Option<Timestamp> {
        match self {
            InstrumentKind::LinearFuture { expiry } | InstrumentKind::InverseFuture { expiry } => Some(expiry),
            InstrumentKind::Spot | InstrumentKind::LinearPerpetual | InstrumentKind::InversePerpetual => None,
        }
    }
}

/// The venue's words about an instrument, exact. Journaled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstrumentTerms {
    /// Dense id.
    pub id: InstrumentId,
    /// Where it trades.
    pub venue: VenueId,
    /// The venue's symbol, for people.
    pub symbol: String,
    /// How a fill turns into money.
    pub kind: InstrumentKind,
    /// What is bought and sold.
    pub base: AssetId,
    /// What the price is in.
    pub quote: AssetId,
    /// What profit and fees are paid in.
    pub settle: AssetId,
    /// Price step, in quote per base.
    pub tick: Decimal,
    /// Quantity step, in base (in contracts for inverse).
    pub lot: Decimal,
    /// Base per unit of quantity; quote per contract for inverse. 1 for spot.
    pub multiplier: Decimal,
    /// Smallest order.
    pub min_qty: Qty,
    /// Largest order.
    pub max_qty: Qty,
    /// Smallest order value, in units of the settlement value asset (quote; base for inverse). Zero: none.
    pub min_notional: Amount,
}

/// An instrument with its money arithmetic worked out once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instrument {
    terms: InstrumentTerms,
    valuation: Valuation,
    base_per_lot: i128,
    filters: InstrumentFilters,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Valuation {
    /// Quote units of one tick times one lot.
    Linear { per_tick_lot: i128 },
    /// Settle units = lots × numerator / (ticks × denominator).
    Inverse { numerator: i128, denominator: i128 },
}

impl Instrument {
    /// Works out the integer arithmetic of an instrument.
    ///
    /// # Errors
    /// [`MoneyError::ScaleTooCoarse`] when the quote asset cannot hold tick × lot exactly, or the base asset one lot.
    pub fn new(terms: InstrumentTerms, base: &Asset, quote: &Asset) -> Result<Self, MoneyError> {
        let coarse = |asset: &Asset| MoneyError::ScaleTooCoarse { symbol: terms.symbol.clone(), scale: asset.scale };
        let (tick, lot, size) = (terms.tick, terms.lot, terms.multiplier);
        let whole = |mantissa: i128, scale: u32, asset: &Asset| -> Result<i128, MoneyError> {
            let unit = u32::from(asset.scale);
            if unit >= scale {
                Rounding::Floor.mul_div(mantissa, power_of_ten(unit - scale)?, 1)
            } else if mantissa % power_of_ten(scale - unit)? == 0 {
                Rounding::Floor.divide(mantissa, power_of_ten(scale - unit)?)
            } else {
                Err(coarse(asset))
            }
        };
        let size_mantissa = Rounding::Floor.mul_div(i128::from(lot.mantissa), i128::from(size.mantissa), 1)?;
        let size_scale = u32::from(lot.scale) + u32::from(size.scale);
        let (valuation, base_per_lot) = match terms.kind {
            InstrumentKind::Spot | InstrumentKind::LinearPerpetual | InstrumentKind::LinearFuture { .. } => {
                let mantissa = Rounding::Floor.mul_div(size_mantissa, i128::from(tick.mantissa), 1)?;
                let per_tick_lot = whole(mantissa, size_scale + u32::from(tick.scale), quote)?;
                (Valuation::Linear { per_tick_lot }, whole(size_mantissa, size_scale, base)?)
            }
            InstrumentKind::InversePerpetual | InstrumentKind::InverseFuture { .. } => {
                let up = power_of_ten(u32::from(base.scale) + u32::from(tick.scale))?;
                let numerator = Rounding::Floor.mul_div(size_mantissa, up, 1)?;
                let denominator = Rounding::Floor.mul_div(i128::from(tick.mantissa), power_of_ten(size_scale)?, 1)?;
                (Valuation::Inverse { numerator, denominator }, 0)
            }
        };
        let filters = InstrumentFilters {
            instrument: terms.id,
            price_step: Price(1),
            qty_step: Qty(1),
            min_qty: terms.min_qty,
            max_qty: terms.max_qty,
            min_notional: terms.min_notional,
        };
        Ok(Self { terms, valuation, base_per_lot, filters })
    }

    /// The same instrument under other filters of its venue.
    #[must_use]
    pub fn with_filters(self, filters: InstrumentFilters) -> Self {
        Self { filters, ..self }
    }

    /// The venue's filters as they are now.
    #[inline]
    #[must_use]
    pub const fn filters(&self) -> &InstrumentFilters {
        &self.filters
    }

    /// The venue's words.
    #[must_use]
    pub const fn terms(&self) -> &InstrumentTerms {
        &self.terms
    }

    /// Dense id.
    #[inline]
    #[must_use]
    pub const fn id(&self) -> InstrumentId {
        self.terms.id
    }

    /// Asset in which [`Self::value`] is expressed: quote for spot and linear, base for inverse.
    #[inline]
    #[must_use]
    pub const fn value_asset(&self) -> AssetId {
        if self.terms.kind.is_inverse() { self.terms.settle } else { self.terms.quote }
    }

    /// Value of `lots` (signed) at `price`, in units of [`Self::value_asset`]. Exact for spot and linear; `rounding` acts on inverse only.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`]; [`MoneyError::DivideByZero`] for an inverse contract at price zero.
    #[inline]
    pub fn value(&self, price: Price, lots: i64, rounding: Rounding) -> Result<Amount, MoneyError> {
        match self.valuation {
            Valuation::Linear { per_tick_lot } => {
                Rounding::Floor.mul_div(i128::from(price.0) * i128::from(lots), per_tick_lot, 1).map(Amount)
            }
            Valuation::Inverse { numerator, denominator } => {
                let divisor = Rounding::Floor.mul_div(i128::from(price.0), denominator, 1)?;
                rounding.mul_div(i128::from(lots), numerator, divisor).map(Amount)
            }
        }
    }

    /// Base asset units in `lots` (signed). Zero for inverse contracts, which deliver nothing.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    #[inline]
    pub fn base_amount(&self, lots: i64) -> Result<Amount, MoneyError> {
        Rounding::Floor.mul_div(i128::from(lots), self.base_per_lot, 1).map(Amount)
    }

    /// Value of a base amount (signed, need not be whole lots) at `price`, in quote units. For spot and linear; zero for inverse.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    #[inline]
    pub fn value_of_base(&self, price: Price, base: Amount, rounding: Rounding) -> Result<Amount, MoneyError> {
        match self.valuation {
            Valuation::Linear { per_tick_lot } => {
                rounding.mul_div(base.0, i128::from(price.0) * per_tick_lot, self.base_per_lot).map(Amount)
            }
            Valuation::Inverse { .. } => Ok(Amount::ZERO),
        }
    }

    /// Whole lots contained in a base amount (rounded towards zero), for spot and linear instruments; zero for inverse.
    #[inline]
    #[must_use]
    pub fn whole_lots(&self, base: Amount) -> i64 {
        if self.base_per_lot == 0 { 0 } else { i64::try_from(base.0 / self.base_per_lot).unwrap_or(i64::MAX) }
    }
}

/// How margin works in an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MarginMode {
    /// Balances only; nothing can be sold that is not held.
    Spot,
    /// One pool of collateral for all positions.
    Cross,
    /// Collateral per position.
    Isolated,
}

/// A venue's (sub-)account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Dense id.
    pub id: AccountId,
    /// Where it is held.
    pub venue: VenueId,
    /// For people.
    pub name: String,
    /// How margin works in it.
    pub mode: MarginMode,
}

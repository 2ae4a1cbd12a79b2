//! A venue's books as a setup describes them: margin schedules, leverage, funding and rounding habits, and money between venues.
//!
//! A venue without such a description keeps no books, as in a run of a spot strategy: its orders fill whatever the account holds.

use crate::recording::Recording;
use crate::setup::{Setup, SetupError, VenueSetup, money};
use serde::{Deserialize, Serialize};
use tradewind_exchange::{
    CashRounding, Cleared, Clearing, ClearingRules, DeliveryPrice, FeeTier, Liquidation, RateSource, Tariff, ThirdAsset,
};
use tradewind_types::{
    Account, AccountId, Amount, Asset, AssetId, Decimal, Definition, Instrument, InstrumentId, MarginSchedule, MarginTier, Nanos,
    PositionMode, Price, Rate, Rounding, VenueId,
};

/// How a venue closes a position that no longer meets its maintenance margin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LiquidationSetup {
    /// It takes the position over where nothing of the margin is left.
    #[default]
    AtBankruptcy,
    /// By market orders, and the account bears what they bring.
    AgainstBook {
        /// Charged on the value closed, 1e-8.
        clearance_fee: i64,
    },
}

/// At what price dated contracts are settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliverySetup {
    /// The last mark.
    #[default]
    LastMark,
    /// Mean of the index over the last while before expiry, by time.
    AverageIndex {
        /// How long, ns.
        window_ns: i64,
    },
}

/// One step of a margin schedule; amounts are exact text in the value asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierSetup {
    /// Position value from which it holds.
    pub from: String,
    /// Maintenance margin rate, 1e-8.
    pub maintenance: i64,
    /// Taken off the maintenance margin.
    pub deduction: String,
    /// Largest leverage.
    pub max_leverage: u32,
}

/// The grid a venue's cash figures are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CashSetup {
    /// Digits after the point; not more than the asset's own.
    pub digits: u8,
    /// Which way a figure between two steps goes.
    pub rounding: Rounding,
}

/// What a venue's books say of one instrument beyond its terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarginSetup {
    /// Index into `Setup::instruments`.
    pub instrument: u32,
    /// Chosen leverage, at least 1.
    pub leverage: u32,
    /// Margin schedule, lowest tier first; none: maintenance is zero.
    #[serde(default)]
    pub tiers: Vec<TierSetup>,
    /// Where the venue rounds cash more coarsely than the asset's unit.
    #[serde(default)]
    pub cash: Option<CashSetup>,
}

/// Fee rates from a volume on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeTierSetup {
    /// Volume from which they hold, exact text.
    pub from: String,
    /// Maker fee, 1e-8; negative is a rebate.
    pub maker: i64,
    /// Taker fee, 1e-8.
    pub taker: i64,
}

/// Fees paid in an asset that the fills do not touch, while the account has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThirdAssetSetup {
    /// Index into `Setup::instruments`: the spot instrument whose base is paid and that prices it, on the same venue.
    pub instrument: u32,
    /// Its price, exact text; none: the last that the venue saw.
    #[serde(default)]
    pub price: Option<String>,
    /// What is let off for it, as a share of the fee, 1e-8.
    pub discount: i64,
}

/// Fees by the volume of the days before, in place of the instruments' own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TariffSetup {
    /// Lowest first; the first starts at zero.
    pub tiers: Vec<FeeTierSetup>,
    /// Asset that volume is measured in.
    pub counted_in: String,
    /// Days that count.
    pub days: u32,
    /// Volume of the time before, exact text.
    pub history: String,
    /// Another asset to pay in.
    #[serde(default)]
    pub third: Option<ThirdAssetSetup>,
}

/// A venue's books.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClearingSetup {
    /// One net position, or two legs.
    pub positions: PositionMode,
    /// How positions without margin are closed.
    pub liquidation: LiquidationSetup,
    /// At what price dated contracts are settled.
    pub delivery: DeliverySetup,
    /// Charged on the value delivered, 1e-8.
    pub delivery_fee: i64,
    /// Instruments with leverage, a schedule or rounding of their own.
    pub instruments: Vec<MarginSetup>,
    /// Fees by volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tariff: Option<TariffSetup>,
}

/// How long money takes from one venue's account to another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferSetup {
    /// Index into `Setup::venues`.
    pub from: u32,
    /// Index into `Setup::venues`.
    pub to: u32,
    /// From the moment the one venue lets it go until the other has it, ns.
    pub delay_ns: i64,
}

impl ClearingSetup {
    fn rules(&self) -> ClearingRules {
        ClearingRules {
            liquidation: match self.liquidation {
                LiquidationSetup::AtBankruptcy => Liquidation::AtBankruptcy,
                LiquidationSetup::AgainstBook { clearance_fee } => Liquidation::AgainstBook { clearance_fee: Rate(clearance_fee) },
            },
            delivery: match self.delivery {
                DeliverySetup::LastMark => DeliveryPrice::LastMark,
                DeliverySetup::AverageIndex { window_ns } => DeliveryPrice::AverageIndex { window: Nanos(window_ns) },
            },
            delivery_fee: Rate(self.delivery_fee),
        }
    }
}

impl MarginSetup {
    fn schedule(&self, asset: &Asset) -> Result<Option<MarginSchedule>, SetupError> {
        let place = || format!("margin tiers of instrument {}", self.instrument);
        let amount = |text: &str| -> Result<Amount, SetupError> {
            let exact = money(place(), text.parse::<Decimal>())?;
            Ok(Amount(money(place(), exact.at_scale(asset.scale, Rounding::Floor))?))
        };
        let tier = |tier: &TierSetup| -> Result<MarginTier, SetupError> {
            let (from, deduction) = (amount(&tier.from)?, amount(&tier.deduction)?);
            Ok(MarginTier { from, maintenance: Rate(tier.maintenance), deduction, max_leverage: tier.max_leverage })
        };
        let tiers = self.tiers.iter().map(tier).collect::<Result<Vec<_>, _>>()?;
        let instrument = InstrumentId(self.instrument);
        Ok((!tiers.is_empty()).then_some(MarginSchedule { instrument, tiers }))
    }

    fn cash_rounding(&self, asset: &Asset) -> Result<Option<CashRounding>, SetupError> {
        let Some(CashSetup { digits, rounding }) = self.cash else { return Ok(None) };
        let one = Decimal { mantissa: 1, scale: digits };
        let step = money(format!("cash digits of instrument {}", self.instrument), one.at_scale(asset.scale, Rounding::Ceil))?;
        Ok(Some(CashRounding { step: Amount(step), rounding }))
    }
}

impl Setup {
    /// Asset that an instrument's value is in.
    fn value_asset(&self, instrument: &Instrument) -> Result<Asset, SetupError> {
        let symbol = self.assets.get(instrument.value_asset().index()).map(|asset| asset.symbol.clone()).unwrap_or_default();
        self.asset(&instrument.terms().symbol, &symbol)
    }

    /// What the engine is told of margin, leverage and position modes.
    pub(crate) fn margin_definitions(&self, instruments: &[Instrument]) -> Result<Vec<Definition>, SetupError> {
        let mut out = Vec::new();
        for (id, venue) in (0u32..).zip(&self.venues) {
            let (account, Some(clearing)) = (AccountId(id), &venue.clearing) else { continue };
            if clearing.positions != PositionMode::OneWay {
                out.push(Definition::PositionMode { account, mode: clearing.positions });
            }
            for margin in &clearing.instruments {
                let instrument = named(venue, margin.instrument, instruments)?;
                out.extend(margin.schedule(&self.value_asset(instrument)?)?.map(Definition::Margin));
                if !instrument.terms().kind.is_spot() {
                    let leverage = margin.leverage.max(1);
                    out.push(Definition::Leverage { account, instrument: instrument.id(), leverage });
                }
            }
        }
        Ok(out)
    }

    /// A venue's books at the start: its account, its money, its leverage. None for a venue that keeps no books.
    pub(crate) fn clearing(&self, venue: u32, instruments: &[Instrument]) -> Result<Option<Clearing>, SetupError> {
        let setup = self.venue("clearing", venue)?;
        let Some(books) = &setup.clearing else { return Ok(None) };
        let mut cleared = Vec::new();
        for (instrument, terms) in instruments.iter().zip(&self.instruments).filter(|(_, terms)| terms.venue == venue) {
            let margin = books.instruments.iter().find(|margin| margin.instrument == instrument.id().0);
            let asset = self.value_asset(instrument)?;
            cleared.push(Cleared {
                instrument: instrument.clone(),
                schedule: margin.map_or(Ok(None), |margin| margin.schedule(&asset))?,
                fees: terms.fees(),
                cash: margin.map_or(Ok(None), |margin| margin.cash_rounding(&asset))?,
            });
        }
        let mut clearing = Clearing::new(books.rules(), cleared);
        if let Some(tariff) = &books.tariff {
            clearing = clearing.with_tariff(self.tariff(tariff, setup, instruments)?);
        }
        let account = AccountId(venue);
        let owner = Account { id: account, venue: VenueId(venue), name: setup.name.clone(), mode: setup.margin };
        clearing.open_account(owner, books.positions);
        for margin in &books.instruments {
            let instrument = named(setup, margin.instrument, instruments)?;
            clearing.set_leverage(account, instrument.id(), margin.leverage);
        }
        for (asset, amount) in self.opening_money(venue)? {
            money("deposit", clearing.deposit(account, asset, amount))?;
        }
        Ok(Some(clearing))
    }

    /// A recording as its venues' feeds deliver it; none where they deliver it as it was recorded.
    ///
    /// # Errors
    /// [`SetupError::NoDelay`].
    pub fn delivered(&self, recording: &Recording) -> Result<Option<Recording>, SetupError> {
        let mut lines = self.venues.iter().map(VenueSetup::feed_line).collect::<Result<Vec<_>, _>>()?;
        if lines.iter().all(Option::is_none) {
            return Ok(None);
        }
        Ok(Some(recording.arriving(|instrument, made| {
            let venue = self.instruments.get(instrument.index())?.venue;
            let line = lines.get_mut(venue as usize)?.as_mut()?;
            Some(line.arrival(made, Nanos(0)))
        })))
    }

    fn tariff(&self, setup: &TariffSetup, venue: &VenueSetup, instruments: &[Instrument]) -> Result<Tariff, SetupError> {
        let place = format!("tariff of {}", venue.name);
        let counted_in = self.asset(&place, &setup.counted_in)?;
        let amount = |text: &str| -> Result<Amount, SetupError> {
            let exact = money(place.clone(), text.parse::<Decimal>())?;
            Ok(Amount(money(place.clone(), exact.at_scale(counted_in.scale, Rounding::Floor))?))
        };
        let tier = |tier: &FeeTierSetup| -> Result<FeeTier, SetupError> {
            Ok(FeeTier { from: amount(&tier.from)?, maker: Rate(tier.maker), taker: Rate(tier.taker) })
        };
        let third = |third: &ThirdAssetSetup| -> Result<ThirdAsset, SetupError> {
            let instrument = named(venue, third.instrument, instruments)?;
            let steps =
                |text: &String| money(place.clone(), text.parse::<Decimal>().and_then(|price| price.in_steps_of(instrument.terms().tick)));
            let price = third.price.as_ref().map(steps).transpose()?;
            let source = price.map_or(RateSource::LastPrice, |ticks| RateSource::Stated(Price(ticks)));
            Ok(ThirdAsset { instrument: instrument.id(), source, discount: Rate(third.discount) })
        };
        Ok(Tariff {
            tiers: setup.tiers.iter().map(tier).collect::<Result<_, _>>()?,
            counted_in: counted_in.id,
            days: setup.days,
            history: amount(&setup.history)?,
            third: setup.third.as_ref().map(third).transpose()?,
        })
    }

    fn opening_money(&self, venue: u32) -> Result<Vec<(AssetId, Amount)>, SetupError> {
        let theirs = self.deposits.iter().filter(|deposit| deposit.venue == venue);
        theirs.map(|deposit| self.deposited(deposit)).collect()
    }
}

fn named<'a>(venue: &VenueSetup, index: u32, instruments: &'a [Instrument]) -> Result<&'a Instrument, SetupError> {
    let len = instruments.len();
    let refuse = || SetupError::OutOfRange { place: format!("clearing of {}", venue.name), table: "instrument", index, len };
    instruments.get(index as usize).ok_or_else(refuse)
}

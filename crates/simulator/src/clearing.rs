//! A venue's books as a setup describes them: margin schedules, leverage, funding and rounding habits, and money between venues.
//!
//! A venue without such a description keeps no books, as in a run of a spot strategy: its orders fill whatever the account holds.

use crate::recording::Recording;
use crate::setup::{Setup, SetupError, VenueSetup, money};
use serde::{Deserialize, Serialize};
use tradewind_exchange::{CashRounding, Cleared, Clearing, ClearingRules, DeliveryPrice, Liquidation};
use tradewind_types::{
    Account, AccountId, Amount, Asset, AssetId, Decimal, Definition, Instrument, InstrumentId, MarginSchedule, MarginTier, Nanos,
    PositionMode, Rate, Rounding, VenueId,
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
                let instrument = self.margined(venue, margin, instruments)?;
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
        let account = AccountId(venue);
        let owner = Account { id: account, venue: VenueId(venue), name: setup.name.clone(), mode: setup.margin };
        clearing.open_account(owner, books.positions);
        for margin in &books.instruments {
            let instrument = self.margined(setup, margin, instruments)?;
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

    fn opening_money(&self, venue: u32) -> Result<Vec<(AssetId, Amount)>, SetupError> {
        let theirs = self.deposits.iter().filter(|deposit| deposit.venue == venue);
        theirs.map(|deposit| self.deposited(deposit)).collect()
    }

    fn margined<'a>(&self, venue: &VenueSetup, margin: &MarginSetup, instruments: &'a [Instrument]) -> Result<&'a Instrument, SetupError> {
        let (index, len) = (margin.instrument, instruments.len());
        let refuse = || SetupError::OutOfRange { place: format!("clearing of {}", venue.name), table: "instrument", index, len };
        instruments.get(index as usize).ok_or_else(refuse)
    }
}

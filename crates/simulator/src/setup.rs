//! A run described in full: assets, instruments, venues, money, limits. It stands in the journal's header, so that a journal and
//! its data are all a replay needs.

use crate::clearing::{ClearingSetup, TransferSetup};
use crate::guards::GuardSetups;
use crate::latency::{LatencySetup, LatencySetups, Line};
use serde::{Deserialize, Serialize};
use tradewind_book::SequenceRule;
use tradewind_exchange::{FeeAsset, FeeSchedule};
use tradewind_types::{
    Account, AccountId, Amount, Asset, AssetId, BookId, Decimal, Definition, Instrument, InstrumentId, InstrumentKind, InstrumentTerms,
    LimitScope, LimitSettings, MarginMode, MoneyError, Nanos, Qty, Rate, Rounding, Timestamp, VenueId,
};

/// A currency or coin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetSetup {
    /// Ticker.
    pub symbol: String,
    /// Digits after the point of one unit.
    pub scale: u8,
}

/// What a venue's rules about sequences are called in a setup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sequencing {
    /// Binance spot.
    BinanceSpot,
    /// Binance USD-M and COIN-M.
    BinanceFutures,
    /// No ids.
    Unchecked,
}

impl Sequencing {
    pub(crate) const fn rule(self) -> SequenceRule {
        match self {
            Sequencing::BinanceSpot => SequenceRule::BinanceSpot,
            Sequencing::BinanceFutures => SequenceRule::BinanceFutures,
            Sequencing::Unchecked => SequenceRule::Unchecked,
        }
    }
}

/// How a fill turns into money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KindSetup {
    /// Balances change hands.
    Spot,
    /// Perpetual that settles in quote.
    LinearPerpetual,
    /// Perpetual that settles in base.
    InversePerpetual,
    /// Dated contract that settles in quote.
    LinearFuture {
        /// When it is settled, ns since 1970.
        expiry_ns: i64,
    },
    /// Dated contract that settles in base.
    InverseFuture {
        /// When it is settled, ns since 1970.
        expiry_ns: i64,
    },
}

impl KindSetup {
    const fn kind(self) -> InstrumentKind {
        match self {
            KindSetup::Spot => InstrumentKind::Spot,
            KindSetup::LinearPerpetual => InstrumentKind::LinearPerpetual,
            KindSetup::InversePerpetual => InstrumentKind::InversePerpetual,
            KindSetup::LinearFuture { expiry_ns } => InstrumentKind::LinearFuture { expiry: Timestamp(expiry_ns) },
            KindSetup::InverseFuture { expiry_ns } => InstrumentKind::InverseFuture { expiry: Timestamp(expiry_ns) },
        }
    }
}

/// In what a venue takes its fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeeSetup {
    /// In what is received (Binance spot).
    Received,
    /// In the settlement currency.
    Settlement,
}

/// An instrument in the venue's words; decimals are exact text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstrumentSetup {
    /// Index into `Setup::venues`.
    pub venue: u32,
    /// The venue's symbol.
    pub symbol: String,
    /// How a fill turns into money.
    pub kind: KindSetup,
    /// Base asset symbol.
    pub base: String,
    /// Quote asset symbol.
    pub quote: String,
    /// Price step.
    pub tick: String,
    /// Quantity step.
    pub lot: String,
    /// Base per unit of quantity; quote per contract for inverse.
    pub multiplier: String,
    /// Smallest order value in the value asset.
    pub min_notional: String,
    /// Maker fee, 1e-8.
    pub maker_fee: i64,
    /// Taker fee, 1e-8.
    pub taker_fee: i64,
    /// In what fees are taken.
    pub fee_in: FeeSetup,
    /// Sequence rule of its depth.
    pub sequencing: Sequencing,
    /// Half of the spread assumed on bars, 1e-8.
    pub half_spread: i64,
}

/// How a venue fills orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FillModel {
    /// Recorded depth and trades, own orders in the queue behind what was displayed.
    Depth {
        /// `0`: only trades move us forward; `n`: cancels do too, in the power-n proportion.
        queue_power: u32,
    },
    /// Bars: next open plus half a spread plus impact, a share of the bar's volume at most.
    Bars {
        /// Largest share of a bar's volume, 1e-8.
        max_participation: i64,
        /// Price impact of taking the whole largest share, 1e-8; scales with the root of the share.
        impact: i64,
    },
    /// By touch, nobody ahead and nothing consumed: optimistic, for comparison with engines that fill so.
    Touch {
        /// What is displayed.
        book: TouchBookSetup,
        /// Which way a fee goes that is no whole number of its asset's units.
        fee_rounding: Rounding,
    },
}

/// What a venue that fills by touch displays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TouchBookSetup {
    /// Recorded depth.
    Depth,
    /// The last trade, quote or bar.
    Top,
}

impl FillModel {
    /// Whether it needs recorded depth.
    const fn reads_depth(self) -> bool {
        match self {
            FillModel::Depth { .. } | FillModel::Touch { book: TouchBookSetup::Depth, .. } => true,
            FillModel::Bars { .. } | FillModel::Touch { book: TouchBookSetup::Top, .. } => false,
        }
    }
}

/// A venue with its account, latency and fill model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueSetup {
    /// Its name.
    pub name: String,
    /// Spot, cross or isolated.
    pub margin: MarginMode,
    /// How orders fill.
    pub fills: FillModel,
    /// From our decision to the venue's matching, ns.
    pub request_latency_ns: i64,
    /// From the venue's matching to us, ns.
    pub response_latency_ns: i64,
    /// Other models of latency.
    #[serde(default, skip_serializing_if = "LatencySetups::is_plain")]
    pub latency: LatencySetups,
    /// Its books; without them it fills orders whatever the account holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clearing: Option<ClearingSetup>,
}

impl VenueSetup {
    /// Delays of its market data, where they are not as recorded.
    pub(crate) fn feed_line(&self) -> Result<Option<Line>, SetupError> {
        match &self.latency.feed {
            None | Some(LatencySetup::Recorded) => Ok(None),
            Some(latency) => self.line("feed", latency.clone()).map(Some),
        }
    }

    pub(crate) fn request_line(&self) -> Result<Line, SetupError> {
        self.line("request", self.latency.request.clone().unwrap_or(LatencySetup::Constant { ns: self.request_latency_ns }))
    }

    pub(crate) fn response_line(&self) -> Result<Line, SetupError> {
        self.line("response", self.latency.response.clone().unwrap_or(LatencySetup::Constant { ns: self.response_latency_ns }))
    }

    fn line(&self, direction: &str, latency: LatencySetup) -> Result<Line, SetupError> {
        match latency.fault() {
            Some(found) => Err(SetupError::NoDelay { place: format!("{direction} latency of venue {}", self.name), found }),
            None => Ok(Line::new(latency)),
        }
    }
}

/// Money at the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepositSetup {
    /// Index into `Setup::venues`.
    pub venue: u32,
    /// Index into `Setup::books`, counted from 1 (0 is the unassigned book).
    pub book: u32,
    /// Asset symbol.
    pub asset: String,
    /// How much, exact text.
    pub amount: String,
}

/// Limits of one scope in people's units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitSetup {
    /// What they cover.
    pub scope: LimitScope,
    /// Index into `Setup::instruments`, or each.
    pub instrument: Option<u32>,
    /// Largest order value in the value asset, exact text.
    pub max_order_notional: Option<String>,
    /// Largest distance from the reference price, 1e-8.
    pub max_price_deviation: Option<i64>,
    /// Oldest usable reference, ns.
    pub max_reference_age_ns: Option<i64>,
    /// Largest order, lots.
    pub max_order_lots: Option<i64>,
    /// Largest position, lots.
    pub max_position_lots: Option<i64>,
    /// Most orders per second.
    pub max_orders_per_second: Option<u32>,
}

/// The whole run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// Node of the order ids.
    pub node: u16,
    /// Epoch of the order ids.
    pub epoch: u32,
    /// Assets, in id order.
    pub assets: Vec<AssetSetup>,
    /// Venues, in id order; account `i` is venue `i`'s.
    pub venues: Vec<VenueSetup>,
    /// Instruments, in id order.
    pub instruments: Vec<InstrumentSetup>,
    /// Strategy books, from id 1.
    pub books: Vec<String>,
    /// Opening money.
    pub deposits: Vec<DepositSetup>,
    /// Ways that money goes between venues; one that is not listed takes no time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transfers: Vec<TransferSetup>,
    /// Limits.
    pub limits: Vec<LimitSetup>,
    /// Budgets, conduct, what is restricted.
    #[serde(default, skip_serializing_if = "GuardSetups::is_empty")]
    pub guards: GuardSetups,
    /// Asset that equity is measured in.
    pub equity_in: String,
    /// How often equity is sampled, ns; boundaries are multiples of it.
    pub sample_every_ns: i64,
}

/// A setup that describes no possible run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// A name that stands nowhere.
    #[error("{place} names asset `{symbol}`, which is not among the assets")]
    UnknownAsset {
        /// Where.
        place: String,
        /// The name.
        symbol: String,
    },
    /// An index beyond its table.
    #[error("{place} points at {table} number {index}, of {len}")]
    OutOfRange {
        /// Where.
        place: String,
        /// Which table.
        table: &'static str,
        /// The index.
        index: u32,
        /// Its length.
        len: usize,
    },
    /// A figure that money cannot hold.
    #[error("{place}: {source}")]
    Money {
        /// Where.
        place: String,
        /// Why.
        source: MoneyError,
    },
    /// A span that must be positive.
    #[error("{place} must be positive, found {found}")]
    NotPositive {
        /// Where.
        place: &'static str,
        /// Found.
        found: i64,
    },
    /// A delay that is none.
    #[error("{place} is no delay: delays are not negative, quantiles rise and are at least one; found {found}")]
    NoDelay {
        /// Where.
        place: String,
        /// Found.
        found: i64,
    },
}

pub(crate) fn money<T>(place: impl Into<String>, result: Result<T, MoneyError>) -> Result<T, SetupError> {
    result.map_err(|source| SetupError::Money { place: place.into(), source })
}

impl Setup {
    /// Dense id of an asset.
    ///
    /// # Errors
    /// [`SetupError::UnknownAsset`].
    pub fn asset(&self, place: &str, symbol: &str) -> Result<Asset, SetupError> {
        let index = self.assets.iter().position(|a| a.symbol == symbol);
        let index = index.ok_or_else(|| SetupError::UnknownAsset { place: place.into(), symbol: symbol.into() })?;
        Ok(Asset { id: AssetId(index as u32), symbol: symbol.into(), scale: self.assets[index].scale })
    }

    /// The venue an instrument trades on.
    ///
    /// # Errors
    /// [`SetupError::OutOfRange`].
    pub fn venue(&self, place: &str, index: u32) -> Result<&VenueSetup, SetupError> {
        let refuse = || SetupError::OutOfRange { place: place.into(), table: "venue", index, len: self.venues.len() };
        self.venues.get(index as usize).ok_or_else(refuse)
    }

    /// The instruments with their arithmetic, in id order.
    ///
    /// # Errors
    /// [`SetupError`] naming the instrument and the figure.
    pub fn instruments(&self) -> Result<Vec<Instrument>, SetupError> {
        self.instruments.iter().enumerate().map(|(i, setup)| self.instrument(i, setup)).collect()
    }

    fn instrument(&self, index: usize, setup: &InstrumentSetup) -> Result<Instrument, SetupError> {
        let place = format!("instrument {}", setup.symbol);
        self.venue(&place, setup.venue)?;
        let (base, quote) = (self.asset(&place, &setup.base)?, self.asset(&place, &setup.quote)?);
        let inverse = setup.kind.kind().is_inverse();
        let settle = if inverse { &base } else { &quote };
        let decimal = |text: &str| money(place.clone(), text.parse::<Decimal>());
        let terms = InstrumentTerms {
            id: InstrumentId(index as u32),
            venue: VenueId(setup.venue),
            symbol: setup.symbol.clone(),
            kind: setup.kind.kind(),
            base: base.id,
            quote: quote.id,
            settle: settle.id,
            tick: decimal(&setup.tick)?,
            lot: decimal(&setup.lot)?,
            multiplier: decimal(&setup.multiplier)?,
            min_qty: Qty(1),
            max_qty: Qty(i64::MAX),
            min_notional: Amount(money(place.clone(), decimal(&setup.min_notional)?.at_scale(settle.scale, Rounding::Ceil))?),
        };
        money(place, Instrument::new(terms, &base, &quote))
    }

    /// Everything the engine must be told before the first event, in order.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn definitions(&self) -> Result<Vec<Definition>, SetupError> {
        let mut out = vec![Definition::Epoch { node: self.node, epoch: self.epoch }];
        for asset in &self.assets {
            out.push(Definition::Asset(self.asset("assets", &asset.symbol)?));
        }
        out.extend(self.instruments()?.iter().map(|i| Definition::Instrument(i.terms().clone())));
        for (i, venue) in (0u32..).zip(&self.venues) {
            out.push(Definition::Account(Account { id: AccountId(i), venue: VenueId(i), name: venue.name.clone(), mode: venue.margin }));
        }
        out.extend((1u32..).zip(&self.books).map(|(i, name)| Definition::Book { book: BookId(i), name: name.clone() }));
        for limit in &self.limits {
            out.push(Definition::Limits(self.limit(limit)?));
        }
        out.extend(self.guard_definitions()?);
        out.extend(self.margin_definitions(&self.instruments()?)?);
        for deposit in &self.deposits {
            let (asset, amount) = self.deposited(deposit)?;
            out.push(Definition::Deposit { account: AccountId(deposit.venue), book: BookId(deposit.book), asset, amount });
        }
        Ok(out)
    }

    pub(crate) fn deposited(&self, deposit: &DepositSetup) -> Result<(AssetId, Amount), SetupError> {
        let asset = self.asset("deposit", &deposit.asset)?;
        let exact = money("deposit", deposit.amount.parse::<Decimal>())?;
        self.venue("deposit", deposit.venue)?;
        Ok((asset.id, Amount(money("deposit", exact.at_scale(asset.scale, Rounding::Floor))?)))
    }

    fn limit(&self, setup: &LimitSetup) -> Result<LimitSettings, SetupError> {
        let place = format!("limits of {:?}", setup.scope);
        let max_order_notional = match (&setup.max_order_notional, setup.instrument.or(Some(0))) {
            (Some(text), Some(index)) => {
                let refuse = || SetupError::OutOfRange { place: place.clone(), table: "instrument", index, len: self.instruments.len() };
                let instrument = self.instruments.get(index as usize).ok_or_else(refuse)?;
                let inverse = instrument.kind.kind().is_inverse();
                let scale = self.asset(&place, if inverse { &instrument.base } else { &instrument.quote })?.scale;
                let exact = money(place.clone(), text.parse::<Decimal>())?;
                Some(Amount(money(place, exact.at_scale(scale, Rounding::Floor))?))
            }
            _ => None,
        };
        Ok(LimitSettings {
            instrument: setup.instrument.map(InstrumentId),
            max_order_qty: setup.max_order_lots.map(Qty),
            max_order_notional,
            max_price_deviation: setup.max_price_deviation.map(Rate),
            max_reference_age: setup.max_reference_age_ns.map(Nanos),
            max_position: setup.max_position_lots.map(Qty),
            max_orders_per_window: setup.max_orders_per_second,
            ..LimitSettings::unlimited(setup.scope)
        })
    }

    /// Instruments whose depth is recorded, with the sequence rule of their venue.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn watched_books(&self) -> Result<Vec<(InstrumentId, SequenceRule)>, SetupError> {
        let mut out = Vec::new();
        for (i, setup) in (0u32..).zip(&self.instruments) {
            if self.venue(&setup.symbol, setup.venue)?.fills.reads_depth() {
                out.push((InstrumentId(i), setup.sequencing.rule()));
            }
        }
        Ok(out)
    }
}

impl InstrumentSetup {
    pub(crate) const fn fees(&self) -> FeeSchedule {
        let asset = match self.fee_in {
            FeeSetup::Received => FeeAsset::Received,
            FeeSetup::Settlement => FeeAsset::Settle,
        };
        FeeSchedule { maker: Rate(self.maker_fee), taker: Rate(self.taker_fee), asset }
    }
}

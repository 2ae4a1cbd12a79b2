//! Integers into numbers for statistics, at the edge and nowhere else.

#![allow(clippy::float_arithmetic, reason = "the one place where ticks, lots and units become floats, for reports only")]

use crate::errors::invalid;
use pyo3::PyResult;
use tradewind_engine::Registry;
use tradewind_simulator::Setup;
use tradewind_types::{Amount, AssetId, Decimal, InstrumentId, Price};

struct InstrumentUnits {
    symbol: String,
    tick: f64,
    lot: f64,
    /// One unit of the base asset.
    base_unit: f64,
}

/// Scales of a run.
pub(crate) struct Units {
    instruments: Vec<InstrumentUnits>,
    assets: Vec<String>,
    equity_unit: f64,
}

/// Scales of what a journal defined.
pub(crate) struct DefinedUnits<'a>(pub &'a Registry);

impl DefinedUnits<'_> {
    /// Units of the asset.
    pub(crate) fn amount(&self, asset: AssetId, amount: Amount) -> Option<f64> {
        self.0.asset(asset).map(|asset| amount.0 as f64 / 10f64.powi(i32::from(asset.scale)))
    }

    /// Price in quote per base.
    pub(crate) fn price(&self, instrument: InstrumentId, price: Price) -> Option<f64> {
        self.0.instrument(instrument).map(|instrument| price.0 as f64 * number(instrument.terms().tick))
    }

    /// Quantity in base, in contracts for inverse.
    pub(crate) fn quantity(&self, instrument: InstrumentId, lots: i64) -> Option<f64> {
        let terms = self.0.instrument(instrument)?.terms();
        Some(lots as f64 * number(terms.lot) * number(terms.multiplier))
    }
}

fn number(decimal: Decimal) -> f64 {
    decimal.mantissa as f64 / 10f64.powi(i32::from(decimal.scale))
}

impl Units {
    pub(crate) fn of(setup: &Setup) -> PyResult<Self> {
        let unit = |symbol: &str| setup.asset("units", symbol).map(|a| 10f64.powi(-i32::from(a.scale))).map_err(invalid);
        let number = |text: &str| text.parse::<Decimal>().map(number).map_err(invalid);
        let instruments = setup
            .instruments
            .iter()
            .map(|i| {
                Ok(InstrumentUnits {
                    symbol: i.symbol.clone(),
                    tick: number(&i.tick)?,
                    lot: number(&i.lot)? * number(&i.multiplier)?,
                    base_unit: unit(&i.base)?,
                })
            })
            .collect::<PyResult<_>>()?;
        let assets = setup.assets.iter().map(|a| a.symbol.clone()).collect();
        Ok(Self { instruments, assets, equity_unit: unit(&setup.equity_in)? })
    }

    fn instrument<T>(&self, id: InstrumentId, read: impl Fn(&InstrumentUnits) -> T, otherwise: T) -> T {
        self.instruments.get(id.index()).map_or(otherwise, read)
    }

    pub(crate) fn symbol(&self, id: InstrumentId) -> String {
        self.instrument(id, |i| i.symbol.clone(), String::new())
    }

    pub(crate) fn asset(&self, id: AssetId) -> String {
        self.assets.get(id.index()).cloned().unwrap_or_default()
    }

    pub(crate) fn price(&self, id: InstrumentId, price: Price) -> f64 {
        self.instrument(id, |i| price.0 as f64 * i.tick, f64::NAN)
    }

    pub(crate) fn half_ticks(&self, id: InstrumentId, half_ticks: i64) -> f64 {
        self.instrument(id, |i| half_ticks as f64 * i.tick / 2.0, f64::NAN)
    }

    pub(crate) fn lots(&self, id: InstrumentId, lots: i64) -> f64 {
        self.instrument(id, |i| lots as f64 * i.lot, f64::NAN)
    }

    pub(crate) fn base(&self, id: InstrumentId, amount: Amount) -> f64 {
        self.instrument(id, |i| amount.0 as f64 * i.base_unit, f64::NAN)
    }

    pub(crate) fn equity(&self, amount: Amount) -> f64 {
        amount.0 as f64 * self.equity_unit
    }
}

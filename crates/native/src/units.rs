//! Integers into numbers for statistics, at the edge and nowhere else.

#![allow(clippy::float_arithmetic, reason = "the one place where ticks, lots and units become floats, for reports only")]

use crate::errors::invalid;
use pyo3::PyResult;
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

impl Units {
    pub(crate) fn of(setup: &Setup) -> PyResult<Self> {
        let unit = |symbol: &str| setup.asset("units", symbol).map(|a| 10f64.powi(-i32::from(a.scale))).map_err(invalid);
        let number = |text: &str| text.parse::<Decimal>().map(|d| d.mantissa as f64 / 10f64.powi(i32::from(d.scale))).map_err(invalid);
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

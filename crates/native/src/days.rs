//! A node's folder from Python: decided anew, and compared with the simulator.

use crate::errors::invalid;
use crate::journals::told;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::collections::BTreeMap;
use std::path::PathBuf;
use tradewind_engine::Registry;
use tradewind_node::{InstrumentParity, PaperFees, Parity, ParitySettings, VenueName, amount_text, parity, recovered, replay_node};
use tradewind_types::{Amount, AssetId, MoneyError, Nanos, Rate};

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(replay_day, module)?)?;
    module.add_function(wrap_pyfunction!(day_parity, module)?)
}

/// Decides everything in a node's folder anew on the market data beside its journal, and compares.
#[pyfunction]
fn replay_day(py: Python<'_>, folder: PathBuf) -> PyResult<Bound<'_, PyDict>> {
    let replayed = py.detach(|| replay_node(&folder).map_err(|e| e.to_string())).map_err(invalid)?;
    told(py, replayed)
}

/// A node's day beside the simulator's, as JSON; amounts are decimal text in the instrument's value asset. `fees` are maker and
/// taker in hundred-millionths; with None, fees and latency are as the day itself had them.
///
/// # Errors
/// `ValueError`: the folder cannot be read.
#[pyfunction]
fn day_parity(py: Python<'_>, folder: PathBuf, fees: Option<(i64, i64)>, latency_ns: Option<i64>) -> PyResult<String> {
    let fees = fees.map(|(maker, taker)| PaperFees { maker: Rate(maker), taker: Rate(taker) });
    let settings = ParitySettings { fees, latency: latency_ns.map(Nanos) };
    let told = py.detach(|| {
        let found = parity(&folder, settings).map_err(|e| e.to_string())?;
        let engine = recovered(&folder).map_err(|e| e.to_string())?;
        to_json(&found, engine.state().registry()).map_err(|e| e.to_string())
    });
    told.map_err(invalid)
}

fn to_json(found: &Parity, assets: &Registry) -> Result<String, MoneyError> {
    let span_ns = found.span.map(|(first, last)| (first.0, last.0));
    let instruments = found.instruments.iter().map(|i| instrument(i, assets)).collect::<Result<Vec<_>, _>>()?;
    let told = serde_json::json!({
        "span_ns": span_ns, "events": found.events, "events_gone": found.events_gone, "instruments": instruments,
    });
    Ok(told.to_string())
}

fn instrument(found: &InstrumentParity, assets: &Registry) -> Result<serde_json::Value, MoneyError> {
    let of = |asset: AssetId| assets.asset(asset).map_or_else(|| (asset.to_string(), 0), |a| (a.symbol.clone(), a.scale));
    let (value_asset, scale) = of(found.instrument.value_asset());
    let text = |amount: Amount| amount_text(amount, scale);
    let terms = found.instrument.terms();
    let unvalued: BTreeMap<String, String> = found
        .unvalued_fees
        .iter()
        .map(|(asset, amount)| {
            let (symbol, scale) = of(*asset);
            (symbol, amount_text(*amount, scale))
        })
        .collect();
    Ok(serde_json::json!({
        "venue": VenueName::of(terms.venue).map(VenueName::as_str),
        "market": if terms.kind.is_spot() { "spot" } else { "linear" },
        "symbol": terms.symbol, "value_asset": value_asset, "lot": terms.lot.to_string(),
        "maker_rate_e8": found.charged.maker.0, "taker_rate_e8": found.charged.taker.0, "latency_ns": found.distance.0,
        "orders": found.orders, "agreeing": found.agreeing, "left_out": found.left_out,
        "live_lots": found.live_lots, "simulated_lots": found.simulated_lots,
        "live": text(found.live), "simulated": text(found.simulated), "gap": text(found.live.minus(found.simulated)?),
        "missed_fills": text(found.missed), "extra_fills": text(found.extra), "price": text(found.price),
        "fees": text(found.fees), "funding": text(found.funding), "residual": text(found.residual()?),
        "latency": text(found.latency), "unvalued_fees": unvalued,
    }))
}

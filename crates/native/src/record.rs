//! Live public data on its way to files: rows become Arrow tables, and Python keeps them.

use crate::columns::{int64s, optional_int64s, table};
use crate::node::refused;
use arrow_array::{ArrayRef, BooleanArray};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::sync::Arc;
use std::time::Duration;
use tradewind_node::{
    Clock, Config, DepthRow, Ended, HourEnd, LogFormat, LogSink, QuoteRow, RecordedInstrument, Recorder, Rows, Shelf, Stopper, TradeRow,
    Transport, drive, trust_this_machine,
};
use tradewind_types::{Nanos, Side, Timestamp};
use tradewind_venues::Market;

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(record_market, module)?)
}

/// Records the public data of the first venue of a configuration until a signal, or for `span_s`.
///
/// `keep(facts, depth, trades, quotes)` is called every half minute or so, from this thread: `facts` is JSON (hour, offset,
/// instruments, gaps, whether the hour is over), the tables hold whole ticks and lots.
///
/// # Errors
/// `NodeRefused("config", …)`, and what ended the recording before its time as `RuntimeError`.
#[pyfunction]
fn record_market(py: Python<'_>, config: &str, span_s: Option<f64>, log_json: bool, keep: Py<PyAny>) -> PyResult<()> {
    let config = Config::read(config).map_err(|error| refused("config", &error))?;
    let mut venues = config.venues.into_iter();
    let venue = venues.next().ok_or_else(|| refused("config", &"there is no venue to record"))?;
    let span = span_s.map(Duration::try_from_secs_f64).transpose().map_err(|error| refused("config", &error))?;
    let span = span.map(|span| Nanos(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)));
    let failed = |text: String| PyRuntimeError::new_err(text);
    py.detach(|| {
        let transport = Transport::new(trust_this_machine().map_err(|error| failed(error.to_string()))?);
        let format = if log_json { LogFormat::Json } else { LogFormat::Human };
        let log = LogSink::new(Box::new(std::io::stderr()), format).map_err(|error| failed(error.to_string()))?;
        let clock = Clock::start();
        let recorder = Recorder::new(venue, PyShelf { keep }, clock.now(), span);
        let (recorder, ended) =
            drive(recorder, transport, clock, log, (), Stopper::default()).map_err(|error| failed(error.to_string()))?;
        match (recorder.fault(), ended) {
            (Some(fault), _) => Err(failed(fault.to_owned())),
            (None, Ended::AtOnce) => Err(failed("ended at once: what was not kept yet is lost".to_owned())),
            (None, Ended::ByItself | Ended::Stopped) => Ok(()),
        }
    })
}

struct PyShelf {
    keep: Py<PyAny>,
}

impl Shelf for PyShelf {
    fn keep(&mut self, rows: &Rows, instruments: &[RecordedInstrument], offset: Nanos, end: HourEnd) -> Result<(), String> {
        let facts = facts(rows, instruments, offset, end);
        Python::attach(|py| {
            let (depth, trades, quotes) = (depth(&rows.depth)?, trades(&rows.trades)?, quotes(&rows.quotes)?);
            self.keep.call1(py, (facts, depth, trades, quotes)).map(|_| ())
        })
        .map_err(|error: PyErr| error.to_string())
    }
}

fn facts(rows: &Rows, instruments: &[RecordedInstrument], offset: Nanos, end: HourEnd) -> String {
    let market = |market: Market| if market == Market::Spot { "spot" } else { "linear" };
    let instruments: Vec<serde_json::Value> = instruments
        .iter()
        .map(|i| {
            let steps = [i.tick, i.lot].map(|step| serde_json::json!([step.mantissa, step.scale]));
            serde_json::json!({"market": market(i.market), "symbol": i.symbol, "tick": steps[0], "lot": steps[1]})
        })
        .collect();
    let gaps: Vec<serde_json::Value> = rows
        .gaps
        .iter()
        .map(|g| serde_json::json!({"instrument": g.instrument, "from_ns": g.from.0, "until_ns": g.until.0, "why": g.why}))
        .collect();
    serde_json::json!({
        "hour_ns": rows.hour.0, "clock_offset_ns": offset.0, "is_over": end == HourEnd::Closed, "instruments": instruments, "gaps": gaps,
    })
    .to_string()
}

/// Venue ids above 63 bits keep their low ones: they tell trades apart, and nothing else is asked of them.
fn low(id: u128) -> i64 {
    i64::try_from(id & u128::from(u64::MAX >> 1)).unwrap_or_default()
}

fn stamp(at: Timestamp) -> Option<i64> {
    (at.0 != 0).then_some(at.0)
}

fn place(instrument: usize) -> i64 {
    i64::try_from(instrument).unwrap_or_default()
}

fn depth(rows: &[DepthRow]) -> PyResult<pyo3_arrow::PyTable> {
    let id = |id: u64| i64::try_from(id).ok();
    let snapshots: ArrayRef = Arc::new(rows.iter().map(|r| Some(r.is_snapshot)).collect::<BooleanArray>());
    table(vec![
        ("instrument", int64s(rows.iter().map(|r| place(r.instrument)))),
        ("recv_ns", int64s(rows.iter().map(|r| r.recv.0))),
        ("ts_ns", optional_int64s(rows.iter().map(|r| stamp(r.ts)))),
        ("msg", int64s(rows.iter().map(|r| r.msg))),
        ("first_id", optional_int64s(rows.iter().map(|r| r.ids.0.and_then(id)))),
        ("last_id", optional_int64s(rows.iter().map(|r| id(r.ids.1)))),
        ("prev_id", optional_int64s(rows.iter().map(|r| r.ids.2.and_then(id)))),
        ("is_snapshot", snapshots),
        ("is_ask", int64s(rows.iter().map(|r| i64::from(r.change.side == Side::Sell)))),
        ("ticks", int64s(rows.iter().map(|r| r.change.price.0))),
        ("lots", int64s(rows.iter().map(|r| r.change.qty.0))),
    ])
}

fn trades(rows: &[TradeRow]) -> PyResult<pyo3_arrow::PyTable> {
    table(vec![
        ("instrument", int64s(rows.iter().map(|r| place(r.instrument)))),
        ("recv_ns", int64s(rows.iter().map(|r| r.recv.0))),
        ("ts_ns", optional_int64s(rows.iter().map(|r| stamp(r.ts)))),
        ("trade_id", int64s(rows.iter().map(|r| low(r.trade.trade.0)))),
        ("is_sell", int64s(rows.iter().map(|r| i64::from(r.trade.aggressor == Side::Sell)))),
        ("ticks", int64s(rows.iter().map(|r| r.trade.price.0))),
        ("lots", int64s(rows.iter().map(|r| r.trade.qty.0))),
    ])
}

fn quotes(rows: &[QuoteRow]) -> PyResult<pyo3_arrow::PyTable> {
    table(vec![
        ("instrument", int64s(rows.iter().map(|r| place(r.instrument)))),
        ("recv_ns", int64s(rows.iter().map(|r| r.recv.0))),
        ("ts_ns", optional_int64s(rows.iter().map(|r| stamp(r.ts)))),
        ("update_id", optional_int64s(rows.iter().map(|r| i64::try_from(r.update).ok()))),
        ("bid_ticks", int64s(rows.iter().map(|r| r.touch[0].0.0))),
        ("bid_lots", int64s(rows.iter().map(|r| r.touch[0].1.0))),
        ("ask_ticks", int64s(rows.iter().map(|r| r.touch[1].0.0))),
        ("ask_lots", int64s(rows.iter().map(|r| r.touch[1].1.0))),
    ])
}

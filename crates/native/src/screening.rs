//! Moving-average crosses screened from Python.

use crate::columns::{all_float64, all_uint32, floats, int64s, table};
use crate::errors::invalid;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3_arrow::PyTable;
use std::num::NonZeroUsize;
use tradewind_simulator::{Cross, Execution, Screen, Sides, cross_decisions, screen_crosses};

fn sides_named(name: &str) -> PyResult<Sides> {
    match name {
        "long_flat" => Ok(Sides::LongFlat),
        "long_short" => Ok(Sides::LongShort),
        other => Err(PyValueError::new_err(format!("sides `{other}`; long_flat or long_short"))),
    }
}

fn execution_named<'a>(name: &str, opens: &'a [f64]) -> PyResult<Execution<'a>> {
    match name {
        "next_open" => Ok(Execution::NextOpen(opens)),
        "next_close" => Ok(Execution::NextClose),
        "signal_close" => Ok(Execution::SignalClose),
        other => Err(PyValueError::new_err(format!("execution `{other}`; next_open, next_close or signal_close"))),
    }
}

/// Scores of many crosses on one series, a row per cross in their order.
///
/// bars: `close` and, for `next_open`, `open`; float64. crosses: `fast`, `slow`; uint32. marks: `bar`; uint32. Gives
/// `total_return`, `max_drawdown`, `sharpe` (may be null), `trades`.
#[pyfunction]
#[pyo3(signature = (bars, crosses, marks, *, marks_per_year, fee_bps, sides, execution, threads))]
pub(crate) fn screen_ma_crosses(
    py: Python<'_>,
    bars: PyTable,
    crosses: PyTable,
    marks: PyTable,
    marks_per_year: f64,
    fee_bps: f64,
    sides: &str,
    execution: &str,
    threads: NonZeroUsize,
) -> PyResult<PyTable> {
    let sides = sides_named(sides)?;
    let (bars, crosses, marks) = (bars.into_inner().0, crosses.into_inner().0, marks.into_inner().0);
    let scores = py.detach(|| {
        let closes = all_float64(&bars, "close")?;
        let opens = if execution == "next_open" { all_float64(&bars, "open")? } else { Vec::new() };
        let marks = all_uint32(&marks, "bar")?;
        let (fast, slow) = (all_uint32(&crosses, "fast")?, all_uint32(&crosses, "slow")?);
        let crosses: Vec<_> = fast.into_iter().zip(slow).map(|(fast, slow)| Cross { fast, slow }).collect();
        let execution = execution_named(execution, &opens)?;
        let screen = Screen { closes: &closes, marks: &marks, marks_per_year, fee_bps, sides, execution };
        screen_crosses(&screen, &crosses, threads).map_err(invalid)
    })?;
    table(vec![
        ("total_return", floats(scores.iter().map(|s| Some(s.total_return)))),
        ("max_drawdown", floats(scores.iter().map(|s| Some(s.max_drawdown)))),
        ("sharpe", floats(scores.iter().map(|s| s.sharpe))),
        ("trades", int64s(scores.iter().map(|s| s.trades.into()))),
    ])
}

/// The changes of position that one cross decides on: `bar`, `position` (1, 0, -1); int64. closes: `close`, float64.
#[pyfunction]
pub(crate) fn ma_cross_decisions(py: Python<'_>, closes: PyTable, fast: u32, slow: u32, sides: &str) -> PyResult<PyTable> {
    let sides = sides_named(sides)?;
    let (closes, _) = closes.into_inner();
    let decisions = py.detach(|| {
        let closes = all_float64(&closes, "close")?;
        cross_decisions(&closes, Cross { fast, slow }, sides).map_err(invalid)
    })?;
    table(vec![("bar", int64s(decisions.iter().map(|d| d.bar.into()))), ("position", int64s(decisions.iter().map(|d| d.position.into())))])
}

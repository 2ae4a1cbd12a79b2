//! Journals from Python: verified, described, recovered, replayed.

use crate::errors::invalid;
use crate::recording::PyRecording;
use crate::simulation::parse_setup;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::PathBuf;
use tradewind_journal::{read, verify_path};
use tradewind_simulator::redecide;

/// Proves every byte; gives what the journal holds.
#[pyfunction]
pub(crate) fn verify_journal(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyDict>> {
    let found = py.detach(|| verify_path(&path)).map_err(invalid)?;
    let out = PyDict::new(py);
    out.set_item("blocks", found.blocks)?;
    out.set_item("records", found.records)?;
    out.set_item("inputs", found.inputs)?;
    out.set_item("outcomes", found.outcomes)?;
    out.set_item("market_runs", found.market_runs)?;
    out.set_item("head", found.head.to_string())?;
    out.set_item("torn_bytes", found.torn_bytes)?;
    Ok(out)
}

/// The header: code version, data segment and its content hash.
#[pyfunction]
pub(crate) fn journal_facts(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyDict>> {
    let reader = read(&path).map_err(invalid)?;
    let facts = reader.facts();
    let segment = facts.segments.first().ok_or_else(|| invalid("the journal names no market data"))?;
    let out = PyDict::new(py);
    out.set_item("code_version", &facts.code_version)?;
    out.set_item("created_ns", facts.created.0)?;
    out.set_item("segment", &segment.name)?;
    out.set_item("content", segment.content.to_string())?;
    Ok(out)
}

/// Applies a journal's outcomes to an empty engine.
#[pyfunction]
pub(crate) fn recover(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyDict>> {
    let recovered =
        py.detach(|| tradewind_simulator::recover(read(&path).map_err(|e| e.to_string())?).map_err(|e| e.to_string())).map_err(invalid)?;
    let out = PyDict::new(py);
    out.set_item("outcomes", recovered.outcomes)?;
    out.set_item("state_hash", recovered.state_hash.to_string())?;
    out.set_item("recorded_hash", recovered.recorded_hash.map(|h| h.to_string()))?;
    out.set_item("torn_bytes", recovered.torn_bytes)?;
    Ok(out)
}

/// Decides everything anew on the same data and compares.
#[pyfunction]
pub(crate) fn replay<'py>(py: Python<'py>, path: PathBuf, recording: &PyRecording) -> PyResult<Bound<'py, PyDict>> {
    let reader = read(&path).map_err(invalid)?;
    let setup = parse_setup(&reader.facts().setup)?;
    let data = &recording.inner;
    let replayed = py.detach(|| redecide(reader, data, &setup)).map_err(invalid)?;
    let out = PyDict::new(py);
    out.set_item("inputs", replayed.inputs)?;
    out.set_item("outcomes", replayed.outcomes)?;
    out.set_item("differing", replayed.differing)?;
    out.set_item("first_difference", replayed.first_difference)?;
    out.set_item("unrecorded", replayed.unrecorded)?;
    out.set_item("state_hash", replayed.state_hash.to_string())?;
    Ok(out)
}

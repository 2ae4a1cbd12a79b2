//! The face Rust shows Python: thin wrappers and Arrow, no rule of its own.
//!
//! Market data crosses as Arrow batches and becomes integers here; results leave as Arrow tables of numbers. The interpreter
//! lock is released whenever Rust works alone, and kept while a Python strategy is to be woken.

mod columns;
mod days;
mod emulation;
mod errors;
mod journals;
mod keys;
mod node;
mod queues;
mod record;
mod recording;
mod replaying;
mod screening;
mod simulation;
mod strategy;
mod units;

use pyo3::prelude::*;

/// The native module.
#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<recording::PyRecording>()?;
    module.add_class::<simulation::PySimulation>()?;
    module.add_function(wrap_pyfunction!(queues::queue_study, module)?)?;
    module.add_function(wrap_pyfunction!(recording::replay_book, module)?)?;
    module.add_function(wrap_pyfunction!(screening::screen_ma_crosses, module)?)?;
    module.add_function(wrap_pyfunction!(screening::ma_cross_decisions, module)?)?;
    days::add(module)?;
    node::add(module)?;
    keys::add(module)?;
    record::add(module)?;
    module.add_function(wrap_pyfunction!(journals::verify_journal, module)?)?;
    module.add_function(wrap_pyfunction!(journals::journal_facts, module)?)?;
    module.add_function(wrap_pyfunction!(journals::recover, module)?)?;
    module.add_class::<journals::PyJournalLines>()?;
    module.add_function(wrap_pyfunction!(journals::journal_tables, module)?)?;
    module.add_function(wrap_pyfunction!(journals::replay, module)?)?;
    module.add_function(wrap_pyfunction!(emulation::emulate, module)?)
}

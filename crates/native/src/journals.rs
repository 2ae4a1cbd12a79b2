//! Journals from Python, files and folders: verified, described, listed, recovered, replayed, exported.

use crate::columns::{floats, int64s, optional_int64s, table, texts, wide_integers};
use crate::errors::invalid;
use crate::recording::PyRecording;
use crate::simulation::{kind_name, parse_setup, side_name, state_name};
use crate::units::DefinedUnits;
use arrow_array::ArrayRef;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3_arrow::PyTable;
use serde::Serialize;
use std::path::PathBuf;
use tradewind_engine::{LedgerAccount, Registry};
use tradewind_journal::{Chain, Entries, Entry, JournalError, verify_path};
use tradewind_simulator::{Replayed, Statement, recover_path, redecide, statement};
use tradewind_types::{AccountId, AssetId, Author, BookId, InstrumentId, Intent, Liquidity, Outcome};

/// Proves every byte; gives what the journal holds.
#[pyfunction]
pub(crate) fn verify_journal(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyDict>> {
    let found = py.detach(|| verify_path(&path)).map_err(invalid)?;
    let out = PyDict::new(py);
    out.set_item("volumes", found.volumes)?;
    out.set_item("blocks_before", found.blocks_before)?;
    out.set_item("blocks", found.blocks)?;
    out.set_item("records", found.records)?;
    out.set_item("inputs", found.inputs)?;
    out.set_item("outcomes", found.outcomes)?;
    out.set_item("market_runs", found.market_runs)?;
    out.set_item("market_events", found.market_events)?;
    out.set_item("bytes", found.intact_bytes)?;
    out.set_item("head", found.head.to_string())?;
    out.set_item("torn_bytes", found.torn_bytes)?;
    Ok(out)
}

/// The header: code version, data segment and its content hash.
#[pyfunction]
pub(crate) fn journal_facts(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyDict>> {
    let chain = Chain::open(&path).map_err(invalid)?;
    let facts = chain.facts();
    let segment = facts.segments.first().ok_or_else(|| invalid("the journal names no market data"))?;
    let out = PyDict::new(py);
    out.set_item("code_version", &facts.code_version)?;
    out.set_item("created_ns", facts.created.0)?;
    out.set_item("segment", &segment.name)?;
    out.set_item("content", segment.content.to_string())?;
    Ok(out)
}

/// Applies a journal's outcomes to an empty engine, or to the newest snapshot that holds.
#[pyfunction]
pub(crate) fn recover(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyDict>> {
    let found = py.detach(|| recover_path(&path).map_err(|e| e.to_string())).map_err(invalid)?;
    let recovered = found.recovered;
    let out = PyDict::new(py);
    out.set_item("outcomes", recovered.outcomes)?;
    out.set_item("state_hash", recovered.state_hash.to_string())?;
    out.set_item("recorded_hash", recovered.recorded_hash.map(|h| h.to_string()))?;
    out.set_item("torn_bytes", recovered.torn_bytes)?;
    out.set_item("snapshot", found.snapshot)?;
    out.set_item("skipped_snapshots", found.skipped)?;
    Ok(out)
}

/// Decides everything anew on the same data and compares.
#[pyfunction]
pub(crate) fn replay<'py>(py: Python<'py>, path: PathBuf, recording: &PyRecording) -> PyResult<Bound<'py, PyDict>> {
    let chain = Chain::open(&path).map_err(invalid)?;
    let setup = parse_setup(&chain.facts().setup)?;
    let data = &recording.inner;
    let replayed = py.detach(|| redecide(chain, data, &setup)).map_err(invalid)?;
    told(py, replayed)
}

/// What deciding anew found, for Python.
pub(crate) fn told(py: Python<'_>, replayed: Replayed) -> PyResult<Bound<'_, PyDict>> {
    let out = PyDict::new(py);
    out.set_item("inputs", replayed.inputs)?;
    out.set_item("outcomes", replayed.outcomes)?;
    out.set_item("differing", replayed.differing)?;
    out.set_item("first_difference", replayed.first_difference)?;
    out.set_item("unrecorded", replayed.unrecorded)?;
    out.set_item("state_hash", replayed.state_hash.to_string())?;
    Ok(out)
}

/// Entries as lines of JSON, many at a time: `seq`, `kind`, `what`, and of an input `at_ns`. What exists is always among them,
/// so that ids can be named; everything else from a number on.
#[pyclass(name = "JournalLines", module = "tradewind._native")]
pub(crate) struct PyJournalLines {
    chain: Chain,
    from_seq: u64,
}

/// Lines that cross at once.
const LINES: usize = 1_024;

#[derive(Serialize)]
struct Line<'a, T> {
    seq: u64,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_ns: Option<i64>,
    what: T,
}

#[pymethods]
impl PyJournalLines {
    #[new]
    fn new(path: PathBuf, from_seq: u64) -> PyResult<Self> {
        Ok(Self { chain: Chain::open(&path).map_err(invalid)?, from_seq })
    }

    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__(&mut self, py: Python<'_>) -> PyResult<Option<Vec<String>>> {
        py.detach(|| {
            let mut lines = Vec::new();
            while lines.len() < LINES
                && let Some(entry) = self.chain.next_entry().map_err(invalid)?
            {
                let is_definition = matches!(entry, Entry::Outcome { outcome: Outcome::Defined(_), .. });
                if entry.seq() >= self.from_seq || is_definition {
                    lines.push(line(&entry).map_err(invalid)?);
                }
            }
            Ok(if lines.is_empty() { None } else { Some(lines) })
        })
    }
}

fn line(entry: &Entry) -> serde_json::Result<String> {
    fn to_json(seq: u64, kind: &str, at_ns: Option<i64>, what: impl Serialize) -> serde_json::Result<String> {
        serde_json::to_string(&Line { seq, kind, at_ns, what })
    }
    match entry {
        Entry::Input { seq, at, control } => to_json(*seq, "input", Some(at.0), control),
        Entry::Outcome { seq, outcome } => to_json(*seq, "outcome", None, outcome),
        Entry::Segment { seq, segment } => to_json(*seq, "segment", None, (segment.id, &segment.name, segment.content.to_string())),
        Entry::MarketRun(run) => to_json(run.first_seq, "market", None, run),
        Entry::StateHash { seq, hash } => to_json(*seq, "state", None, hash.to_string()),
        Entry::End { seq } => to_json(*seq, "end", None, ()),
    }
}

/// Tables of what a journal says happened: `orders`, `fills`, `refusals`, `postings`. Exact integers beside numbers for people.
#[pyfunction]
pub(crate) fn journal_tables(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyDict>> {
    let said = py
        .detach(|| statement(Chain::open(&path).map_err(|e: JournalError| e.to_string())?).map_err(|e| e.to_string()))
        .map_err(invalid)?;
    let names = Names(said.engine.state().registry());
    let out = PyDict::new(py);
    out.set_item("orders", orders(&said, &names)?)?;
    out.set_item("fills", fills(&said, &names)?)?;
    out.set_item("refusals", refusals(&said, &names)?)?;
    out.set_item("postings", postings(&said, &names)?)?;
    Ok(out)
}

/// What ids are called; an id that was never defined is its number.
struct Names<'a>(&'a Registry);

impl Names<'_> {
    fn symbol(&self, id: InstrumentId) -> String {
        self.0.instrument(id).map_or_else(|| id.to_string(), |i| i.terms().symbol.clone())
    }

    fn asset(&self, id: AssetId) -> String {
        self.0.asset(id).map_or_else(|| id.to_string(), |a| a.symbol.clone())
    }

    fn author(&self, author: Author) -> String {
        match author {
            Author::Operator => "operator".to_owned(),
            Author::Strategy(book) => format!("strategy {}", self.book(book)),
            Author::Algo(algo) => format!("algo {algo}"),
        }
    }

    fn account(&self, id: AccountId) -> String {
        self.0.account(id).map_or_else(|| id.to_string(), |a| a.name.clone())
    }

    fn book(&self, id: BookId) -> String {
        self.0.book(id).map_or_else(|| id.to_string(), str::to_owned)
    }
}

fn orders(said: &Statement, names: &Names<'_>) -> PyResult<PyTable> {
    let (rows, units) = (said.engine.state().orders().collect::<Vec<_>>(), DefinedUnits(names.0));
    table(vec![
        ("ts_ns", int64s(rows.iter().map(|o| o.sent_at.0))),
        ("order_id", texts(rows.iter().map(|o| o.id.to_string()))),
        ("author", texts(rows.iter().map(|o| names.author(o.author)))),
        ("account", texts(rows.iter().map(|o| names.account(o.terms.account)))),
        ("book", texts(rows.iter().map(|o| names.book(o.terms.book)))),
        ("symbol", texts(rows.iter().map(|o| names.symbol(o.terms.instrument)))),
        ("side", texts(rows.iter().map(|o| side_name(o.terms.side)))),
        ("kind", texts(rows.iter().map(|o| kind_name(&o.terms.kind).to_owned()))),
        ("time_in_force", texts(rows.iter().map(|o| format!("{:?}", o.terms.time_in_force)))),
        ("limit_price_ticks", optional_int64s(rows.iter().map(|o| o.price().map(|p| p.0)))),
        ("limit_price", floats(rows.iter().map(|o| o.price().and_then(|p| units.price(o.terms.instrument, p))))),
        ("quantity_lots", int64s(rows.iter().map(|o| o.terms.qty.0))),
        ("quantity", floats(rows.iter().map(|o| units.quantity(o.terms.instrument, o.terms.qty.0)))),
        ("filled_lots", int64s(rows.iter().map(|o| o.filled.0))),
        ("filled", floats(rows.iter().map(|o| units.quantity(o.terms.instrument, o.filled.0)))),
        ("state", texts(rows.iter().map(|o| state_name(&o.state).0))),
        ("reason", texts(rows.iter().map(|o| state_name(&o.state).1))),
        ("done_ns", optional_int64s(rows.iter().map(|o| said.done_at.get(&o.id).map(|t| t.0)))),
    ])
}

fn fills(said: &Statement, names: &Names<'_>) -> PyResult<PyTable> {
    let (rows, units) = (&said.fills, DefinedUnits(names.0));
    let liquidity = |liquidity| if liquidity == Liquidity::Maker { "maker".to_owned() } else { "taker".to_owned() };
    let seqs: ArrayRef = int64s(rows.iter().map(|r| r.seq.cast_signed()));
    table(vec![
        ("seq", seqs),
        ("ts_ns", int64s(rows.iter().map(|r| r.at.0))),
        ("ts_venue_ns", int64s(rows.iter().map(|r| r.fill.ts_venue.0))),
        ("order_id", texts(rows.iter().map(|r| r.fill.order.to_string()))),
        ("trade_id", texts(rows.iter().map(|r| r.fill.trade.0.to_string()))),
        ("account", texts(rows.iter().map(|r| names.account(r.terms.account)))),
        ("book", texts(rows.iter().map(|r| names.book(r.terms.book)))),
        ("symbol", texts(rows.iter().map(|r| names.symbol(r.terms.instrument)))),
        ("side", texts(rows.iter().map(|r| side_name(r.terms.side)))),
        ("price_ticks", int64s(rows.iter().map(|r| r.fill.price.0))),
        ("price", floats(rows.iter().map(|r| units.price(r.terms.instrument, r.fill.price)))),
        ("quantity_lots", int64s(rows.iter().map(|r| r.fill.qty.0))),
        ("quantity", floats(rows.iter().map(|r| units.quantity(r.terms.instrument, r.fill.qty.0)))),
        ("liquidity", texts(rows.iter().map(|r| liquidity(r.fill.liquidity)))),
        ("fee_asset", texts(rows.iter().map(|r| names.asset(r.fill.fee.asset)))),
        ("fee_units", wide_integers(rows.iter().map(|r| r.fill.fee.amount.0))?),
        ("fee", floats(rows.iter().map(|r| units.amount(r.fill.fee.asset, r.fill.fee.amount)))),
        ("base_units", wide_integers(rows.iter().map(|r| r.settlement.base.0))?),
        ("cash_units", wide_integers(rows.iter().map(|r| r.settlement.cash.0))?),
        ("rounding_units", wide_integers(rows.iter().map(|r| r.settlement.rounding.0))?),
    ])
}

fn refusals(said: &Statement, names: &Names<'_>) -> PyResult<PyTable> {
    let rows = &said.refusals;
    let wanted = |intent: &Intent| match intent {
        Intent::Place(terms) => ("place", names.symbol(terms.instrument), String::new()),
        Intent::Amend { order, .. } => ("amend", String::new(), order.to_string()),
        Intent::Cancel { order } => ("cancel", String::new(), order.to_string()),
        Intent::CancelAll { .. } => ("cancel all", String::new(), String::new()),
    };
    table(vec![
        ("seq", int64s(rows.iter().map(|r| r.seq.cast_signed()))),
        ("ts_ns", int64s(rows.iter().map(|r| r.at.0))),
        ("author", texts(rows.iter().map(|r| names.author(r.author)))),
        ("intent", texts(rows.iter().map(|r| wanted(&r.intent).0.to_owned()))),
        ("symbol", texts(rows.iter().map(|r| wanted(&r.intent).1))),
        ("order_id", texts(rows.iter().map(|r| wanted(&r.intent).2))),
        ("reason", texts(rows.iter().map(|r| r.reason.to_string()))),
    ])
}

fn postings(said: &Statement, names: &Names<'_>) -> PyResult<PyTable> {
    let (rows, units) = (&said.postings, DefinedUnits(names.0));
    let place = |account: LedgerAccount| match account {
        LedgerAccount::Balance(id) => ("balance", names.account(id)),
        LedgerAccount::Venue(id) => ("venue", id.to_string()),
        LedgerAccount::Fees(id) => ("fees", id.to_string()),
        LedgerAccount::Rounding(id) => ("rounding", id.to_string()),
        LedgerAccount::External => ("external", String::new()),
        LedgerAccount::Funding(id) => ("funding", id.to_string()),
        LedgerAccount::InTransit => ("in transit", String::new()),
    };
    table(vec![
        ("seq", int64s(rows.iter().map(|r| r.seq.cast_signed()))),
        ("ts_ns", int64s(rows.iter().map(|r| r.at.0))),
        ("ledger", texts(rows.iter().map(|r| place(r.account).0.to_owned()))),
        ("owner", texts(rows.iter().map(|r| place(r.account).1))),
        ("asset", texts(rows.iter().map(|r| names.asset(r.asset)))),
        ("amount_units", wide_integers(rows.iter().map(|r| r.amount.0))?),
        ("amount", floats(rows.iter().map(|r| units.amount(r.asset, r.amount)))),
    ])
}

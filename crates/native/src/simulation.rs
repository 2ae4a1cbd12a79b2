//! A run in progress, as Python drives it.

use crate::columns::{floats, int64s, optional_int64s, table, texts};
use crate::recording::PyRecording;
use crate::strategy::{BOOK, PyStrategy};
use crate::units::Units;
use arrow_array::ArrayRef;
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3_arrow::PyTable;
use std::path::PathBuf;
use std::sync::Arc;
use tradewind_engine::Order;
use tradewind_journal::{CommitLevel, ContentHash, Journal, RunFacts, Segment};
use tradewind_simulator::{FillRow, Setup, Simulation, SimulationError};
use tradewind_types::{
    AccountId, AlgoSpec, AssetId, BookId, InstrumentId, Intent, Liquidity, Nanos, OrderKind, OrderState, OrderTerms, Qty,
    QuotingParameters, Side, Timestamp,
};

/// Instrument, base quantity, value in the equity asset.
type Held = (u32, f64, f64);

/// Engine, simulated venues, journal and tape of one run.
#[pyclass(name = "Simulation", module = "tradewind._native")]
pub(crate) struct PySimulation {
    inner: Simulation,
    units: Units,
}

fn failed(error: SimulationError) -> PyErr {
    match error {
        SimulationError::Journal(error) => PyOSError::new_err(error.to_string()),
        SimulationError::Setup(error) => PyValueError::new_err(error.to_string()),
        SimulationError::Halted { .. } | SimulationError::Clearing { .. } => PyRuntimeError::new_err(error.to_string()),
    }
}

/// A setup from its JSON.
pub(crate) fn parse_setup(json: &str) -> PyResult<Setup> {
    serde_json::from_str(json).map_err(|e| PyValueError::new_err(format!("the setup is not understood: {e}")))
}

fn side_named(name: &str) -> PyResult<Side> {
    match name {
        "buy" => Ok(Side::Buy),
        "sell" => Ok(Side::Sell),
        other => Err(PyValueError::new_err(format!("side `{other}`; buy or sell"))),
    }
}

pub(crate) fn side_name(side: Side) -> String {
    match side {
        Side::Buy => "buy".into(),
        Side::Sell => "sell".into(),
    }
}

#[pymethods]
impl PySimulation {
    #[new]
    fn new(
        setup: &str,
        recording: &PyRecording,
        journal: Option<PathBuf>,
        data_name: String,
        code_version: String,
        created_ns: i64,
    ) -> PyResult<Self> {
        let parsed = parse_setup(setup)?;
        let facts = RunFacts {
            code_version,
            node: parsed.node,
            epoch: parsed.epoch,
            created: Timestamp(created_ns),
            segments: vec![Segment { id: 0, name: data_name, content: ContentHash(recording.inner.hash().0) }],
            setup: setup.to_owned(),
        };
        let journal = journal.map(|path| Journal::create(&path, &facts, CommitLevel::Memory)).transpose();
        let journal = journal.map_err(|e| PyOSError::new_err(e.to_string()))?;
        let inner = Simulation::new(&parsed, Arc::clone(&recording.inner), journal).map_err(failed)?;
        Ok(Self { units: Units::of(&parsed)?, inner })
    }

    /// Runs everything up to and including `until_ns`.
    #[pyo3(signature = (until_ns, strategy=None))]
    fn advance(&mut self, py: Python<'_>, until_ns: i64, strategy: Option<Py<PyAny>>) -> PyResult<()> {
        let inner = &mut self.inner;
        match strategy {
            None => py.detach(|| inner.advance(Timestamp(until_ns), None)).map_err(failed),
            Some(object) => {
                // The lock is kept: it is wanted at each wake, and a strategy's own code gives it up often enough.
                let mut strategy = PyStrategy::new(py, BOOK, object)?;
                inner.advance(Timestamp(until_ns), Some(&mut strategy)).map_err(failed)?;
                strategy.take_end().map_or_else(|| py.check_signals(), Err)
            }
        }
    }

    /// Starts one market order; gives the algo's number.
    fn start_immediate(&mut self, book: u32, instrument: u32, side: &str, lots: i64) -> PyResult<u32> {
        let spec = AlgoSpec::Immediate {
            book: BookId(book),
            account: self.account(instrument)?,
            instrument: InstrumentId(instrument),
            side: side_named(side)?,
            qty: Qty(lots),
        };
        self.start(book, spec)
    }

    /// Starts a TWAP; gives the algo's number.
    fn start_twap(&mut self, book: u32, instrument: u32, side: &str, lots: i64, start_ns: i64, end_ns: i64, slices: u32) -> PyResult<u32> {
        let spec = AlgoSpec::Twap {
            book: BookId(book),
            account: self.account(instrument)?,
            instrument: InstrumentId(instrument),
            side: side_named(side)?,
            qty: Qty(lots),
            start: Timestamp(start_ns),
            end: Timestamp(end_ns),
            slices,
        };
        self.start(book, spec)
    }

    /// Starts two-sided quoting; gives the algo's number.
    fn start_quoting(
        &mut self,
        book: u32,
        instrument: u32,
        half_spread_half_ticks: i64,
        lots: i64,
        max_position_lots: i64,
        skew_half_ticks: i64,
        interval_ns: i64,
    ) -> PyResult<u32> {
        let parameters = QuotingParameters {
            half_spread_half_ticks,
            qty: Qty(lots),
            max_position: Qty(max_position_lots),
            skew_half_ticks,
            interval: Nanos(interval_ns),
        };
        let account = self.account(instrument)?;
        self.start(book, AlgoSpec::Quoting { book: BookId(book), account, instrument: InstrumentId(instrument), parameters })
    }

    /// (equity, cash, [(instrument, base quantity, value)]) now, in the equity asset.
    fn holdings(&self) -> PyResult<(f64, f64, Vec<Held>)> {
        let valued = self.inner.tape().value(self.inner.now(), self.inner.engine());
        let (row, positions) = valued.ok_or_else(|| PyRuntimeError::new_err("something is held that has no price yet"))?;
        let money = |amount| self.units.equity(amount);
        let held = positions.iter().map(|p| (p.instrument.0, self.units.base(p.instrument, p.base), money(p.value))).collect();
        Ok((money(row.equity), money(row.cash), held))
    }

    /// What the account of a venue holds of an asset, in the asset's own units.
    fn balance(&self, venue: u32, asset: u32) -> i128 {
        self.inner.engine().state().balance(AccountId(venue), AssetId(asset)).0
    }

    /// Fills in whole ticks, lots and units of the fee's asset: `ts_venue_ns`, `order` (its counter), `side` (1 buy, -1 sell),
    /// `price_ticks`, `lots`, `is_maker` (0, 1), `fee_units`; int64.
    fn fills_exact(&self) -> PyResult<PyTable> {
        let rows = self.inner.tape().fills();
        let column = |read: fn(&FillRow) -> i64| int64s(rows.iter().map(read));
        table(vec![
            ("ts_venue_ns", column(|r| r.ts_venue.0)),
            ("order", column(|r| r.order.counter.cast_signed())),
            ("side", column(|r| r.side.sign())),
            ("price_ticks", column(|r| r.price.0)),
            ("lots", column(|r| r.qty.0)),
            ("is_maker", column(|r| i64::from(r.liquidity == Liquidity::Maker))),
            // A fee of one fill beyond 2^63 units is none that a venue charges; such a one shows as the largest there is.
            ("fee_units", column(|r| i64::try_from(r.fee.amount.0).unwrap_or(i64::MAX))),
        ])
    }

    #[getter]
    fn now_ns(&self) -> i64 {
        self.inner.now().0
    }

    #[getter]
    fn fault(&self) -> Option<String> {
        self.inner.fault().map(|fault| fault.0.clone())
    }

    /// How many inputs, market events, commands, outcomes, fills, refusals.
    fn counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (counts, tape) = (self.inner.counts(), self.inner.tape());
        let out = PyDict::new(py);
        out.set_item("inputs", counts.inputs)?;
        out.set_item("market_events", counts.market_events)?;
        out.set_item("commands", counts.commands)?;
        out.set_item("outcomes", counts.outcomes)?;
        out.set_item("orders", self.inner.engine().state().orders().count())?;
        out.set_item("fills", tape.fills().len())?;
        out.set_item("refusals", tape.refusals().len())?;
        Ok(out)
    }

    /// `ts_ns`, `equity`, `cash`, `gross_exposure`, `net_exposure`.
    fn equity(&self) -> PyResult<PyTable> {
        let rows = self.inner.tape().equity();
        let money = |pick: fn(&tradewind_simulator::EquityRow) -> tradewind_types::Amount| -> ArrayRef {
            floats(rows.iter().map(|r| Some(self.units.equity(pick(r)))))
        };
        table(vec![
            ("ts_ns", int64s(rows.iter().map(|r| r.at.0))),
            ("equity", money(|r| r.equity)),
            ("cash", money(|r| r.cash)),
            ("gross_exposure", money(|r| r.gross)),
            ("net_exposure", money(|r| r.net)),
        ])
    }

    /// `ts_ns`, `symbol`, `quantity`, `mark`.
    fn positions(&self) -> PyResult<PyTable> {
        let rows = self.inner.tape().positions();
        table(vec![
            ("ts_ns", int64s(rows.iter().map(|r| r.at.0))),
            ("symbol", texts(rows.iter().map(|r| self.units.symbol(r.instrument)))),
            ("quantity", floats(rows.iter().map(|r| Some(self.units.base(r.instrument, r.base))))),
            ("mark", floats(rows.iter().map(|r| Some(self.units.price(r.instrument, r.mark))))),
        ])
    }

    /// Columns of `Executions.fills`, and `ts_venue_ns`.
    fn fills(&self) -> PyResult<PyTable> {
        let rows = self.inner.tape().fills();
        let units = &self.units;
        table(vec![
            ("ts_ns", int64s(rows.iter().map(|r| r.at.0))),
            ("ts_venue_ns", int64s(rows.iter().map(|r| r.ts_venue.0))),
            ("symbol", texts(rows.iter().map(|r| units.symbol(r.instrument)))),
            ("order_id", texts(rows.iter().map(|r| r.order.to_string()))),
            ("side", texts(rows.iter().map(|r| side_name(r.side)))),
            ("price", floats(rows.iter().map(|r| Some(units.price(r.instrument, r.price))))),
            ("quantity", floats(rows.iter().map(|r| Some(units.lots(r.instrument, r.qty.0))))),
            ("fee", floats(rows.iter().map(|r| Some(units.equity(r.fee_value))))),
            ("fee_asset", texts(rows.iter().map(|r| units.asset(r.fee.asset)))),
            ("liquidity", texts(rows.iter().map(|r| if r.liquidity == Liquidity::Maker { "maker".into() } else { "taker".into() }))),
            ("mid", floats(rows.iter().map(|r| r.mid_half_ticks.map(|m| units.half_ticks(r.instrument, m))))),
            ("decision_price", floats(rows.iter().map(|r| r.decision.map(|p| units.price(r.instrument, p))))),
        ])
    }

    /// Columns of `Executions.orders`.
    fn orders(&self) -> PyResult<PyTable> {
        let rows: Vec<_> = self.inner.engine().state().orders().collect();
        let units = &self.units;
        let done_at = |o: &&Order| self.inner.tape().done_at(o.id).map(|t| t.0);
        let lots = |terms: &OrderTerms, n: i64| Some(units.lots(terms.instrument, n));
        table(vec![
            ("ts_ns", int64s(rows.iter().map(|o| o.sent_at.0))),
            ("order_id", texts(rows.iter().map(|o| o.id.to_string()))),
            ("symbol", texts(rows.iter().map(|o| units.symbol(o.terms.instrument)))),
            ("side", texts(rows.iter().map(|o| side_name(o.terms.side)))),
            ("kind", texts(rows.iter().map(|o| kind_name(&o.terms.kind).into()))),
            ("limit_price", floats(rows.iter().map(|o| o.price().map(|p| units.price(o.terms.instrument, p))))),
            ("quantity", floats(rows.iter().map(|o| lots(&o.terms, o.terms.qty.0)))),
            ("filled", floats(rows.iter().map(|o| lots(&o.terms, o.filled.0)))),
            ("state", texts(rows.iter().map(|o| state_name(&o.state).0))),
            ("reason", texts(rows.iter().map(|o| state_name(&o.state).1))),
            ("done_ns", optional_int64s(rows.iter().map(done_at))),
        ])
    }

    /// `ts_ns`, `symbol`, `reason`.
    fn refusals(&self) -> PyResult<PyTable> {
        let rows = self.inner.tape().refusals();
        let symbol = |intent: &Intent| match intent {
            Intent::Place(terms) => self.units.symbol(terms.instrument),
            Intent::Cancel { .. } | Intent::Amend { .. } | Intent::CancelAll { .. } => String::new(),
        };
        table(vec![
            ("ts_ns", int64s(rows.iter().map(|r| r.at.0))),
            ("symbol", texts(rows.iter().map(|r| symbol(&r.intent)))),
            ("reason", texts(rows.iter().map(|r| r.reason.to_string()))),
        ])
    }

    /// Closes the journal; gives the state's hash, hex.
    fn finish(&mut self) -> PyResult<String> {
        self.inner.finish().map(|hash| hash.to_string()).map_err(failed)
    }
}

impl PySimulation {
    fn account(&self, instrument: u32) -> PyResult<AccountId> {
        let known = self.inner.tape().instruments();
        let refuse = || PyValueError::new_err(format!("instrument {instrument}; the run has {}", known.len()));
        known.get(instrument as usize).map(|i| AccountId(i.terms().venue.0)).ok_or_else(refuse)
    }

    fn start(&mut self, book: u32, spec: AlgoSpec) -> PyResult<u32> {
        self.inner.start_algo(BookId(book), 0, spec).map(|id| id.0).map_err(failed)
    }
}

/// What orders of a kind are called in tables.
pub(crate) const fn kind_name(kind: &OrderKind) -> &'static str {
    match kind {
        OrderKind::Market => "market",
        OrderKind::Limit { .. } => "limit",
        OrderKind::Stop { .. } => "stop",
        OrderKind::StopLimit { .. } => "stop limit",
        OrderKind::TakeProfit { .. } => "take profit",
        OrderKind::TakeProfitLimit { .. } => "take profit limit",
        OrderKind::Iceberg { .. } => "iceberg",
    }
}

/// State and, for an order that is over, why.
pub(crate) fn state_name(state: &OrderState) -> (String, String) {
    use tradewind_types::DoneReason;
    let name = |text: &str| (text.to_owned(), String::new());
    match state {
        OrderState::Sent => name("sent"),
        OrderState::Open => name("open"),
        OrderState::Amending { .. } => name("amending"),
        OrderState::Cancelling => name("cancelling"),
        OrderState::Unknown { .. } => name("unknown"),
        OrderState::Done { reason } => match reason {
            DoneReason::Filled => name("filled"),
            DoneReason::Cancelled => name("cancelled"),
            DoneReason::Rejected(why) => ("rejected".into(), format!("{why:?}")),
            DoneReason::Expired => name("expired"),
            DoneReason::NeverArrived => name("never arrived"),
            DoneReason::SelfTradePrevented => name("self-trade prevented"),
        },
    }
}

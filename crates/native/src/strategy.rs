//! A Python strategy seen from the engine: its wakes, its view, its intents.

use crate::errors::invalid;
use crate::simulation::state_name;
use pyo3::exceptions::{PyException, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyModule;
use tradewind_engine::{Engine, Order};
use tradewind_simulator::{Fault, Strategist, Wake, Wakes};
use tradewind_types::{
    AccountId, BookId, Exposure, InstrumentId, Intent, Nanos, OrderId, OrderKind, OrderTerms, Price, Qty, Side, StateDigest, TimeInForce,
    Timestamp,
};

/// The book that a run's one Python strategy trades in.
const BOOK: BookId = BookId(1);

/// The classes of `tradewind.strategy`, looked up once.
struct Nouns {
    wake: Py<PyAny>,
    touch: Py<PyAny>,
    live_order: Py<PyAny>,
}

pub(crate) struct PyStrategy {
    on_wake: Py<PyAny>,
    wakes: Wakes,
    model: u64,
    nouns: Nouns,
    /// What was raised that is no failure of the strategy but the end of the run: an interrupt, an exit.
    ended: Option<PyErr>,
}

impl PyStrategy {
    pub(crate) fn new(py: Python<'_>, object: Py<PyAny>) -> PyResult<Self> {
        let module = PyModule::import(py, "tradewind.strategy")?;
        let class = |name: &str| module.getattr(name).map(Bound::unbind);
        let object = object.bind(py);
        let wakes = asked_wakes(object).map_err(|error| {
            if error.is_instance_of::<PyException>(py) {
                PyValueError::new_err(format!("the strategy does not say what wakes it: {}", in_words(py, &error)))
            } else {
                error
            }
        })?;
        let parameters = object.getattr("parameters")?.repr()?.to_string();
        let hash = StateDigest::new().bytes(object.getattr("name")?.to_string().as_bytes()).bytes(parameters.as_bytes()).finish();
        let model = hash.0.iter().take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte));
        let nouns = Nouns { wake: class("Wake")?, touch: class("Touch")?, live_order: class("LiveOrder")? };
        Ok(Self { on_wake: object.getattr("on_wake")?.unbind(), wakes, model, nouns, ended: None })
    }

    /// What ended the run from within the strategy, if anything did.
    pub(crate) const fn take_end(&mut self) -> Option<PyErr> {
        self.ended.take()
    }

    fn ask(&self, py: Python<'_>, now: Timestamp, wake: &Wake, engine: &Engine, intents: &mut Vec<Intent>) -> PyResult<()> {
        let view = Bound::new(py, View::of(py, now, engine, &self.nouns)?)?;
        let answer = self.on_wake.bind(py).call1((self.wake_object(py, now, wake, engine)?, view))?;
        for item in answer.try_iter()? {
            intents.push(intent(&item?, engine)?);
        }
        Ok(())
    }

    fn wake_object<'py>(&self, py: Python<'py>, now: Timestamp, wake: &Wake, engine: &Engine) -> PyResult<Bound<'py, PyAny>> {
        let class = self.nouns.wake.bind(py);
        match wake {
            Wake::Timer => class.call1(("timer", now.0)),
            Wake::Book(instrument) => class.call1(("book", now.0, instrument.0)),
            Wake::Trade(t) => class.call1(("trade", now.0, t.instrument.0, t.price.0, t.qty.0, side_name(t.aggressor))),
            Wake::Bar(bar) => class.call1(("bar", now.0, bar.instrument.0, bar.close.0, bar.volume.0)),
            Wake::Fill(fill) => match engine.state().order(fill.order) {
                Some(o) => class.call1(("fill", now.0, o.terms.instrument.0, fill.price.0, fill.qty.0, side_name(o.terms.side))),
                None => class.call1(("fill", now.0)),
            },
        }
    }
}

impl Strategist for PyStrategy {
    fn book(&self) -> BookId {
        BOOK
    }

    fn model(&self) -> u64 {
        self.model
    }

    fn wakes(&self) -> Wakes {
        self.wakes
    }

    fn wake(&mut self, now: Timestamp, wake: &Wake, engine: &Engine, intents: &mut Vec<Intent>) -> Result<(), Fault> {
        Python::attach(|py| {
            self.ask(py, now, wake, engine, intents).map_err(|error| {
                intents.clear();
                let fault = Fault(in_words(py, &error));
                if !error.is_instance_of::<PyException>(py) {
                    self.ended = Some(error);
                }
                fault
            })
        })
    }
}

/// The traceback and the error.
fn in_words(py: Python<'_>, error: &PyErr) -> String {
    let trace = error.traceback(py).and_then(|t| t.format().ok()).unwrap_or_default();
    format!("{trace}{error}")
}

/// What a strategy says that it wants to be woken for.
fn asked_wakes(strategy: &Bound<'_, PyAny>) -> PyResult<Wakes> {
    let asked = strategy.call_method0("wakes")?;
    let flag = |name: &str| asked.getattr(name)?.extract::<bool>();
    let timer = asked.getattr("timer_ns")?.extract::<Option<i64>>()?;
    if timer.is_some_and(|ns| ns <= 0) {
        return Err(PyValueError::new_err("timer_ns must be positive"));
    }
    Ok(Wakes { timer: timer.map(Nanos), book: flag("book")?, trade: flag("trade")?, bar: flag("bar")?, fill: flag("fill")? })
}

/// What a strategy may see: taken when it is woken, so that it stays true to that instant.
#[pyclass(module = "tradewind._native", frozen)]
struct View {
    #[pyo3(get)]
    now_ns: i64,
    touches: Vec<Option<Py<PyAny>>>,
    positions: Vec<i64>,
    live_orders: Vec<Py<PyAny>>,
}

#[pymethods]
impl View {
    fn touch(&self, py: Python<'_>, instrument: usize) -> Option<Py<PyAny>> {
        self.touches.get(instrument).and_then(|t| t.as_ref().map(|t| t.clone_ref(py)))
    }

    fn position_lots(&self, instrument: usize) -> i64 {
        self.positions.get(instrument).copied().unwrap_or(0)
    }

    fn live_orders(&self, py: Python<'_>) -> Vec<Py<PyAny>> {
        self.live_orders.iter().map(|o| o.clone_ref(py)).collect()
    }
}

impl View {
    fn of(py: Python<'_>, now: Timestamp, engine: &Engine, nouns: &Nouns) -> PyResult<Self> {
        let ids: Vec<InstrumentId> = engine.state().registry().instruments().map(tradewind_types::Instrument::id).collect();
        let touch = |id: &InstrumentId| -> PyResult<Option<Py<PyAny>>> {
            let Some(book) = engine.market(*id).book() else { return Ok(None) };
            let (Some(bid), Some(ask)) = (book.best_bid(), book.best_ask()) else { return Ok(None) };
            nouns.touch.bind(py).call1((bid.price.0, bid.qty.0, ask.price.0, ask.qty.0)).map(|t| Some(t.unbind()))
        };
        let live = |order: &Order| {
            let (state, terms) = (state_name(&order.state).0, &order.terms);
            let price = order.price().map(|p| p.0);
            let fields = (order.id.to_string(), terms.instrument.0, side_name(terms.side), price, terms.qty.0, order.filled.0, state);
            nouns.live_order.bind(py).call1(fields).map(Bound::unbind)
        };
        Ok(Self {
            now_ns: now.0,
            touches: ids.iter().map(touch).collect::<PyResult<_>>()?,
            positions: ids.iter().map(|id| engine.state().book_position(BOOK, *id).lots).collect(),
            live_orders: engine.state().live_orders().filter(|o| o.terms.book == BOOK).map(live).collect::<PyResult<_>>()?,
        })
    }
}

const fn side_name(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

/// A Python intent as the engine's.
fn intent(object: &Bound<'_, PyAny>, engine: &Engine) -> PyResult<Intent> {
    let order = || -> PyResult<OrderId> { order_id(&object.getattr("order_id")?.extract::<String>()?) };
    let name = object.get_type().name()?.to_string();
    match name.as_str() {
        "Place" => place(object, engine),
        "Cancel" => Ok(Intent::Cancel { order: order()? }),
        "Amend" => Ok(Intent::Amend {
            order: order()?,
            price: Price(object.getattr("price_ticks")?.extract()?),
            qty: Qty(object.getattr("lots")?.extract()?),
        }),
        "CancelAll" => Ok(Intent::CancelAll { book: BOOK }),
        other => Err(PyTypeError::new_err(format!("on_wake answered a {other}; Place, Cancel, Amend or CancelAll was asked for"))),
    }
}

fn place(object: &Bound<'_, PyAny>, engine: &Engine) -> PyResult<Intent> {
    let instrument = InstrumentId(object.getattr("instrument")?.extract()?);
    let unknown = || PyValueError::new_err(format!("instrument {instrument} is not in this run"));
    let venue = engine.state().registry().instrument(instrument).ok_or_else(unknown)?.terms().venue;
    let side = match object.getattr("side")?.extract::<String>()?.as_str() {
        "buy" => Side::Buy,
        "sell" => Side::Sell,
        other => return Err(PyValueError::new_err(format!("side `{other}`; buy or sell"))),
    };
    let kind = match object.getattr("price_ticks")?.extract::<Option<i64>>()? {
        Some(ticks) => OrderKind::Limit { price: Price(ticks) },
        None => OrderKind::Market,
    };
    let time_in_force = match object.getattr("time_in_force")?.extract::<String>()?.as_str() {
        "gtc" => TimeInForce::GoodTillCancelled,
        "ioc" => TimeInForce::ImmediateOrCancel,
        "fok" => TimeInForce::FillOrKill,
        "post_only" => TimeInForce::PostOnly,
        other => return Err(PyValueError::new_err(format!("time in force `{other}`; gtc, ioc, fok or post_only"))),
    };
    Ok(Intent::Place(OrderTerms {
        instrument,
        account: AccountId(venue.0),
        book: BOOK,
        side,
        kind,
        time_in_force,
        qty: Qty(object.getattr("lots")?.extract()?),
        exposure: Exposure::Any,
    }))
}

/// `node-epoch-counter`, as an order id prints.
fn order_id(text: &str) -> PyResult<OrderId> {
    let refuse = || invalid(format!("`{text}` is not an order id (node-epoch-counter)"));
    let mut parts = text.split('-');
    let (Some(node), Some(epoch), Some(counter), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(refuse());
    };
    match (node.parse(), epoch.parse(), counter.parse()) {
        (Ok(node), Ok(epoch), Ok(counter)) => Ok(OrderId { node, epoch, counter }),
        _ => Err(refuse()),
    }
}

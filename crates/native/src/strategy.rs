//! A Python strategy seen from the engine: its wakes, its view, its intents.
//!
//! A strategy may be woken by each of millions of events, so a wake makes no object and looks nothing up: wake and view are one
//! object each for the whole run, brought up to date each time; what nobody reads is never turned into Python; and who answers
//! with a tuple or list is not asked for an iterator. The interpreter lock stays taken between wakes.

use crate::errors::invalid;
use crate::simulation::{kind_name, state_name};
use pyo3::exceptions::{PyException, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyModule, PyString, PyTuple};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::Relaxed};
use tradewind_engine::{Engine, Order};
use tradewind_simulator::{Fault, Strategist, Wake, Wakes};
use tradewind_types::{
    AccountId, BookId, Exposure, InstrumentId, InstrumentTerms, Intent, MarginMode, Nanos, OrderId, OrderKind, OrderTerms, Price, Qty,
    Side, StateDigest, TimeInForce, Timestamp, Trigger, TriggerSource,
};

/// The book that the one Python strategy of a simulated run trades in.
pub(crate) const BOOK: BookId = BookId(1);

/// How many orders are remembered by the object that asked for them.
const KNOWN: usize = 4;

/// The classes of `tradewind.strategy`, looked up once.
struct Nouns {
    place: Py<PyAny>,
    cancel: Py<PyAny>,
    amend: Py<PyAny>,
    cancel_all: Py<PyAny>,
}

pub(crate) struct PyStrategy {
    book: BookId,
    on_wake: Py<PyAny>,
    wakes: Wakes,
    model: u64,
    nouns: Nouns,
    wake: Py<WakeView>,
    view: Py<View>,
    /// The empty tuple.
    nothing: Py<PyTuple>,
    /// The two, as `on_wake` takes them.
    arguments: Py<PyTuple>,
    /// Orders that were asked for lately, and what they mean: a `Place` cannot change, so who answers with the same one again is
    /// not read again.
    known: Vec<(Py<PyAny>, Intent)>,
    /// What was raised that is no failure of the strategy but the end of the run: an interrupt, an exit.
    ended: Option<PyErr>,
}

impl PyStrategy {
    pub(crate) fn new(py: Python<'_>, book: BookId, object: Py<PyAny>) -> PyResult<Self> {
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
        let nouns = Nouns { place: class("Place")?, cancel: class("Cancel")?, amend: class("Amend")?, cancel_all: class("CancelAll")? };
        let view = Py::new(py, View { live_order: class("LiveOrder")?, ..View::empty(py) })?;
        let wake = Py::new(py, WakeView::default())?;
        let arguments = PyTuple::new(py, [wake.clone_ref(py).into_any(), view.clone_ref(py).into_any()])?.unbind();
        Ok(Self {
            book,
            on_wake: object.getattr("on_wake")?.unbind(),
            wakes,
            model,
            nouns,
            wake,
            view,
            arguments,
            nothing: PyTuple::empty(py).unbind(),
            known: Vec::new(),
            ended: None,
        })
    }

    /// What ended the run from within the strategy, if anything did.
    pub(crate) const fn take_end(&mut self) -> Option<PyErr> {
        self.ended.take()
    }

    fn ask(&mut self, py: Python<'_>, now: Timestamp, wake: &Wake, engine: &Engine, intents: &mut Vec<Intent>) -> PyResult<()> {
        self.view.borrow_mut(py).bring_up_to_date(now, self.book, engine);
        self.wake.get().set(now, wake, engine);
        let answer = self.on_wake.bind(py).call1(self.arguments.bind(py))?;
        // Mostly nothing: there is one empty tuple in the interpreter.
        if answer.is(self.nothing.bind(py)) {
            return Ok(());
        }
        if let Ok(items) = answer.cast::<PyTuple>() {
            for item in items.iter_borrowed() {
                intents.push(self.intent(&item, engine)?);
            }
        } else if let Ok(items) = answer.cast::<PyList>() {
            for item in items {
                intents.push(self.intent(&item, engine)?);
            }
        } else {
            for item in answer.try_iter()? {
                intents.push(self.intent(&item?, engine)?);
            }
        }
        Ok(())
    }

    /// A Python intent as the engine's.
    fn intent(&mut self, object: &Bound<'_, PyAny>, engine: &Engine) -> PyResult<Intent> {
        if let Some((_, intent)) = self.known.iter().find(|(known, _)| object.is(known)) {
            return Ok(*intent);
        }
        let py = object.py();
        let class = object.get_type();
        let order = || -> PyResult<OrderId> { order_id(object.getattr(intern!(py, "order_id"))?.cast::<PyString>()?.to_str()?) };
        if class.is(&self.nouns.place) {
            let intent = place(object, self.book, engine)?;
            if self.known.len() == KNOWN {
                self.known.remove(0);
            }
            self.known.push((object.clone().unbind(), intent));
            Ok(intent)
        } else if class.is(&self.nouns.cancel) {
            Ok(Intent::Cancel { order: order()? })
        } else if class.is(&self.nouns.amend) {
            Ok(Intent::Amend {
                order: order()?,
                price: Price(object.getattr(intern!(py, "price_ticks"))?.extract()?),
                qty: Qty(object.getattr(intern!(py, "lots"))?.extract()?),
            })
        } else if class.is(&self.nouns.cancel_all) {
            Ok(Intent::CancelAll { book: self.book })
        } else {
            let other = class.name()?;
            Err(PyTypeError::new_err(format!("on_wake answered a {other}; Place, Cancel, Amend or CancelAll was asked for")))
        }
    }
}

impl Strategist for PyStrategy {
    fn book(&self) -> BookId {
        self.book
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

/// Why a strategy is woken, as it was last: `tradewind.strategy.Wake`. Atomics, because Python may look from any thread; the
/// interpreter lock is held whenever they are written.
#[pyclass(module = "tradewind._native", name = "Wake", frozen)]
#[derive(Default)]
struct WakeView {
    kind: AtomicUsize,
    now_ns: AtomicI64,
    /// Meaningful where the kind has them: a timer has no instrument, a book change no price.
    instrument: AtomicI64,
    price_ticks: AtomicI64,
    lots: AtomicI64,
    side: AtomicI64,
}

/// Names of the kinds; their place is the number they are known by here.
const KINDS: [&str; 5] = ["timer", "book", "trade", "bar", "fill"];
const TIMER: usize = 0;
const BOOK_CHANGE: usize = 1;
const TRADE: usize = 2;
const BAR: usize = 3;
const FILL: usize = 4;

#[pymethods]
impl WakeView {
    #[getter]
    fn kind<'py>(&self, py: Python<'py>) -> &'py Bound<'py, PyString> {
        match self.kind.load(Relaxed) {
            TIMER => intern!(py, KINDS[TIMER]),
            BOOK_CHANGE => intern!(py, KINDS[BOOK_CHANGE]),
            TRADE => intern!(py, KINDS[TRADE]),
            BAR => intern!(py, KINDS[BAR]),
            _ => intern!(py, KINDS[FILL]),
        }
    }

    #[getter]
    fn now_ns(&self) -> i64 {
        self.now_ns.load(Relaxed)
    }

    #[getter]
    fn instrument(&self) -> Option<i64> {
        (self.kind.load(Relaxed) != TIMER).then(|| self.instrument.load(Relaxed))
    }

    #[getter]
    fn price_ticks(&self) -> Option<i64> {
        (self.kind.load(Relaxed) >= TRADE).then(|| self.price_ticks.load(Relaxed))
    }

    #[getter]
    fn lots(&self) -> Option<i64> {
        (self.kind.load(Relaxed) >= TRADE).then(|| self.lots.load(Relaxed))
    }

    #[getter]
    fn side<'py>(&self, py: Python<'py>) -> Option<&'py Bound<'py, PyString>> {
        let side = if self.side.load(Relaxed) > 0 { Side::Buy } else { Side::Sell };
        matches!(self.kind.load(Relaxed), TRADE | FILL).then(|| side_name(py, side))
    }

    fn __repr__(&self) -> String {
        let (instrument, price, lots) = (self.instrument(), self.price_ticks(), self.lots());
        let kind = KINDS[self.kind.load(Relaxed)];
        format!("Wake(kind={kind}, now_ns={}, instrument={instrument:?}, price_ticks={price:?}, lots={lots:?})", self.now_ns())
    }
}

impl WakeView {
    #[inline]
    fn set(&self, now: Timestamp, wake: &Wake, engine: &Engine) {
        self.now_ns.store(now.0, Relaxed);
        match wake {
            Wake::Timer => self.kind.store(TIMER, Relaxed),
            Wake::Book(instrument) => self.of(BOOK_CHANGE, *instrument),
            Wake::Trade(t) => self.traded(TRADE, t.instrument, t.price, t.qty, t.aggressor),
            Wake::Bar(bar) => self.traded(BAR, bar.instrument, bar.close, bar.volume, Side::Buy),
            // The engine has just booked it, so it knows the order.
            Wake::Fill(fill) => match engine.state().order(fill.order) {
                Some(order) => self.traded(FILL, order.terms.instrument, fill.price, fill.qty, order.terms.side),
                None => self.of(FILL, InstrumentId(u32::MAX)),
            },
        }
    }

    #[inline]
    fn of(&self, kind: usize, instrument: InstrumentId) {
        self.kind.store(kind, Relaxed);
        self.instrument.store(i64::from(instrument.0), Relaxed);
    }

    #[inline]
    fn traded(&self, kind: usize, instrument: InstrumentId, price: Price, qty: Qty, side: Side) {
        self.of(kind, instrument);
        self.price_ticks.store(price.0, Relaxed);
        self.lots.store(qty.0, Relaxed);
        self.side.store(side.sign(), Relaxed);
    }
}

/// Best bid and ask: `tradewind.strategy.Touch`.
#[pyclass(module = "tradewind._native", frozen, eq, get_all)]
#[derive(Clone, Copy, PartialEq)]
struct Touch {
    bid_ticks: i64,
    bid_lots: i64,
    ask_ticks: i64,
    ask_lots: i64,
}

#[pymethods]
impl Touch {
    fn __repr__(&self) -> String {
        let Self { bid_ticks, bid_lots, ask_ticks, ask_lots } = self;
        format!("Touch(bid_ticks={bid_ticks}, bid_lots={bid_lots}, ask_ticks={ask_ticks}, ask_lots={ask_lots})")
    }
}

/// What a strategy may see, as it was when it was last woken: `tradewind.strategy.View`.
#[pyclass(module = "tradewind._native")]
struct View {
    #[pyo3(get)]
    now_ns: i64,
    touches: Vec<Option<Touch>>,
    positions: Vec<i64>,
    live: Vec<Order>,
    /// `tradewind.strategy.LiveOrder`.
    live_order: Py<PyAny>,
}

#[pymethods]
impl View {
    fn touch(&self, instrument: usize) -> Option<Touch> {
        self.touches.get(instrument).copied().flatten()
    }

    fn position_lots(&self, instrument: usize) -> i64 {
        self.positions.get(instrument).copied().unwrap_or(0)
    }

    fn live_orders(&self, py: Python<'_>) -> PyResult<Vec<Py<PyAny>>> {
        let class = self.live_order.bind(py);
        let one = |order: &Order| {
            let (state, terms) = (state_name(&order.state).0, &order.terms);
            let (id, side, price) = (order.id.to_string(), side_name(py, terms.side), order.price().map(|p| p.0));
            class
                .call1((id, terms.instrument.0, side, price, terms.qty.0, order.filled.0, state, kind_name(&terms.kind)))
                .map(Bound::unbind)
        };
        self.live.iter().map(one).collect()
    }
}

impl View {
    fn empty(py: Python<'_>) -> Self {
        Self { now_ns: 0, touches: Vec::new(), positions: Vec::new(), live: Vec::new(), live_order: py.None() }
    }

    #[inline]
    fn bring_up_to_date(&mut self, now: Timestamp, book: BookId, engine: &Engine) {
        self.now_ns = now.0;
        self.touches.clear();
        self.positions.clear();
        self.live.clear();
        for instrument in engine.state().registry().instruments() {
            let id = instrument.id();
            self.touches.push(touch(engine, id));
            self.positions.push(engine.state().book_position(book, id).lots);
        }
        self.live.extend(engine.state().live_orders().filter(|o| o.terms.book == book).cloned());
    }
}

#[inline]
fn touch(engine: &Engine, instrument: InstrumentId) -> Option<Touch> {
    let market = engine.market(instrument);
    match (market.book(), market.quote()) {
        (Some(book), _) => {
            let (bid, ask) = (book.best_bid()?, book.best_ask()?);
            Some(Touch { bid_ticks: bid.price.0, bid_lots: bid.qty.0, ask_ticks: ask.price.0, ask_lots: ask.qty.0 })
        }
        (None, Some(q)) => Some(Touch { bid_ticks: q.bid.0, bid_lots: q.bid_qty.0, ask_ticks: q.ask.0, ask_lots: q.ask_qty.0 }),
        (None, None) => None,
    }
}

fn side_name<'py>(py: Python<'py>, side: Side) -> &'py Bound<'py, PyString> {
    match side {
        Side::Buy => intern!(py, "buy"),
        Side::Sell => intern!(py, "sell"),
    }
}

fn place(object: &Bound<'_, PyAny>, book: BookId, engine: &Engine) -> PyResult<Intent> {
    let py = object.py();
    let instrument = InstrumentId(object.getattr(intern!(py, "instrument"))?.extract()?);
    let unknown = || PyValueError::new_err(format!("instrument {instrument} is not in this run"));
    let terms = engine.state().registry().instrument(instrument).ok_or_else(unknown)?.terms();
    let account = account_for(engine, terms).ok_or_else(|| PyValueError::new_err(format!("no account trades instrument {instrument}")))?;
    let side = match object.getattr(intern!(py, "side"))?.cast::<PyString>()?.to_str()? {
        "buy" => Side::Buy,
        "sell" => Side::Sell,
        other => return Err(PyValueError::new_err(format!("side `{other}`; buy or sell"))),
    };
    let until = object.getattr(intern!(py, "until_ns"))?.extract::<Option<i64>>()?;
    let time_in_force = match (object.getattr(intern!(py, "time_in_force"))?.cast::<PyString>()?.to_str()?, until) {
        ("gtc", None) => TimeInForce::GoodTillCancelled,
        ("ioc", None) => TimeInForce::ImmediateOrCancel,
        ("fok", None) => TimeInForce::FillOrKill,
        ("post_only", None) => TimeInForce::PostOnly,
        ("gtt", Some(until)) => TimeInForce::GoodTillTime { until: Timestamp(until) },
        ("gtt", None) => return Err(PyValueError::new_err("time in force `gtt` needs until_ns, when it ends")),
        ("gtc" | "ioc" | "fok" | "post_only", Some(_)) => return Err(PyValueError::new_err("until_ns is for time in force `gtt`")),
        (other, _) => return Err(PyValueError::new_err(format!("time in force `{other}`; gtc, ioc, fok, post_only or gtt"))),
    };
    let exposure = match object.getattr(intern!(py, "effect"))?.cast::<PyString>()?.to_str()? {
        "any" => Exposure::Any,
        "reduce_only" => Exposure::ReduceOnly,
        "long_leg" => Exposure::LongLeg,
        "short_leg" => Exposure::ShortLeg,
        other => return Err(PyValueError::new_err(format!("effect `{other}`; any, reduce_only, long_leg or short_leg"))),
    };
    Ok(Intent::Place(OrderTerms {
        instrument,
        account,
        book,
        side,
        kind: kind_of(object)?,
        time_in_force,
        qty: Qty(object.getattr(intern!(py, "lots"))?.extract()?),
        exposure,
    }))
}

/// The account of its venue that an instrument trades in: coins in the one that holds coins only, where the venue keeps them apart.
fn account_for(engine: &Engine, terms: &InstrumentTerms) -> Option<AccountId> {
    let of_venue = || engine.state().registry().accounts().filter(|account| account.venue == terms.venue);
    let fitting = of_venue().find(|account| (account.mode == MarginMode::Spot) == terms.kind.is_spot());
    fitting.or_else(|| of_venue().next()).map(|account| account.id)
}

/// At what price a `Place` trades, and what it waits for.
fn kind_of(object: &Bound<'_, PyAny>) -> PyResult<OrderKind> {
    let py = object.py();
    let price = object.getattr(intern!(py, "price_ticks"))?.extract::<Option<i64>>()?.map(Price);
    let display = object.getattr(intern!(py, "display_lots"))?.extract::<Option<i64>>()?.map(Qty);
    let (stop, take_profit) = (object.getattr(intern!(py, "stop"))?, object.getattr(intern!(py, "take_profit"))?);
    match (stop.is_none(), take_profit.is_none(), price, display) {
        (true, true, None, None) => Ok(OrderKind::Market),
        (true, true, Some(price), None) => Ok(OrderKind::Limit { price }),
        (true, true, Some(price), Some(display)) => Ok(OrderKind::Iceberg { price, display }),
        (false, true, None, None) => Ok(OrderKind::Stop { trigger: trigger(&stop)? }),
        (false, true, Some(price), None) => Ok(OrderKind::StopLimit { trigger: trigger(&stop)?, price }),
        (true, false, None, None) => Ok(OrderKind::TakeProfit { trigger: trigger(&take_profit)? }),
        (true, false, Some(price), None) => Ok(OrderKind::TakeProfitLimit { trigger: trigger(&take_profit)?, price }),
        (false, false, ..) => Err(PyValueError::new_err("an order is a stop or a take-profit, not both: place two")),
        (.., Some(_)) => Err(PyValueError::new_err("display_lots is for a limit order that waits for nothing")),
    }
}

fn trigger(object: &Bound<'_, PyAny>) -> PyResult<Trigger> {
    let py = object.py();
    let source = match object.getattr(intern!(py, "source"))?.cast::<PyString>()?.to_str()? {
        "last" => TriggerSource::Last,
        "mark" => TriggerSource::Mark,
        "index" => TriggerSource::Index,
        other => return Err(PyValueError::new_err(format!("trigger source `{other}`; last, mark or index"))),
    };
    Ok(Trigger { price: Price(object.getattr(intern!(py, "price_ticks"))?.extract()?), source })
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

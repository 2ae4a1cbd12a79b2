//! The node as Python starts it: what it may do, whether it can, and its run, without the interpreter's lock.

use crate::strategy::PyStrategy;
use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyRuntimeError};
use pyo3::prelude::*;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::ErrorKind;
use std::time::Duration;
use tradewind_engine::Engine;
use tradewind_node::{
    Board, Clock, Config, Core, Ended, KeySource, KeysError, LogFormat, LogSink, MetricsError, Mode, PreflightError, Seating, Stopper,
    Transport, VenueConfig, beginning, drive, gateways, kill, last_sent, last_written, preflight, serve_metrics, trust_this_machine,
};
use tradewind_simulator::Strategist;
use tradewind_types::BookId;
use tradewind_venues::Credentials;

create_exception!(_native, NodeRefused, PyException, "What does not start, with the kind of reason: `(kind, text)`.");

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("NodeRefused", module.py().get_type::<NodeRefused>())?;
    module.add_function(wrap_pyfunction!(node_plan, module)?)?;
    module.add_function(wrap_pyfunction!(node_preflight, module)?)?;
    module.add_function(wrap_pyfunction!(node_run, module)?)?;
    module.add_function(wrap_pyfunction!(kill_orders, module)?)
}

pub(crate) fn refused(kind: &'static str, error: &dyn Display) -> PyErr {
    NodeRefused::new_err((kind, error.to_string()))
}

fn failed(error: &dyn Display) -> PyErr {
    PyRuntimeError::new_err(error.to_string())
}

/// A password can be asked for; everything else about keys has to be mended.
fn no_keys(error: &KeysError) -> PyErr {
    refused(if matches!(error, KeysError::NoPassword { .. }) { "password" } else { "keys" }, error)
}

fn mode_named(mode: &str) -> PyResult<Mode> {
    match mode {
        "paper" => Ok(Mode::Paper),
        "live" => Ok(Mode::Live),
        other => Err(refused("config", &format!("mode `{other}`; paper or live"))),
    }
}

fn read(config: &str, mode: Mode) -> PyResult<Config> {
    let config = Config::read(config).map_err(|error| refused("config", &error))?;
    config.check(mode).map_err(|mistakes| refused("config", &mistakes))?;
    Ok(config)
}

/// Keys by venue: in live trading all of them, in paper trading none.
fn keys_of(
    config: &Config,
    mode: Mode,
    environment: &BTreeMap<String, String>,
    password: Option<&str>,
) -> PyResult<Vec<Option<Credentials>>> {
    let read = |name: &str| environment.get(name).cloned();
    let source = KeySource { environment: &read, password };
    let of = |venue: &VenueConfig| match mode {
        Mode::Paper => Ok(None),
        Mode::Live => source.of(venue).map_err(|error| no_keys(&error)),
    };
    config.venues.iter().map(of).collect()
}

/// What a node of this configuration may do, as JSON.
///
/// # Errors
/// `NodeRefused("config", …)`.
#[pyfunction]
fn node_plan(config: &str, mode: &str) -> PyResult<String> {
    let config = read(config, mode_named(mode)?)?;
    let venues: Vec<serde_json::Value> = config
        .venues
        .iter()
        .map(|v| {
            let markets: BTreeMap<&str, &Vec<String>> = v.instruments.iter().map(|(m, symbols)| (m.as_str(), symbols)).collect();
            let file = |keys: &Option<tradewind_node::KeysConfig>| matches!(keys, Some(tradewind_node::KeysConfig::File(_)));
            serde_json::json!({
                "venue": v.name.as_str(),
                "instruments": markets,
                "endpoint": v.endpoints.as_ref().map_or("production", |e| e.http.as_str()),
                "leverage": v.leverage,
                "dead_man_s": v.dead_man_s,
                "balances": v.paper.as_ref().map(|p| &p.balances),
                "keys_in_file": file(&v.keys),
                "kill_keys_in_file": file(&v.kill_keys) || (v.kill_keys.is_none() && file(&v.keys)),
            })
        })
        .collect();
    let limits: Vec<serde_json::Value> = config
        .limits
        .iter()
        .map(|l| {
            serde_json::json!({
                "scope": l.scope, "instrument": l.instrument, "max_order_qty": l.max_order_qty,
                "max_order_notional": l.max_order_notional, "max_position": l.max_position,
                "max_price_deviation_bps": l.max_price_deviation_bps, "max_orders_per_s": l.max_orders_per_s,
            })
        })
        .collect();
    let books: Vec<serde_json::Value> = config
        .books
        .iter()
        .map(|b| {
            let python = b.python.as_ref().map(|p| {
                let arguments = serde_json::to_value(&p.arguments).unwrap_or_default();
                serde_json::json!({"strategy": p.strategy, "time_budget_ms": p.time_budget_ms, "arguments": arguments})
            });
            serde_json::json!({"name": b.name, "algos": b.algos.len(), "python": python})
        })
        .collect();
    let node = serde_json::json!({"id": config.node.id, "folder": config.node.folder, "metrics": config.node.metrics});
    Ok(serde_json::json!({"node": node, "venues": venues, "limits": limits, "books": books}).to_string())
}

/// Asks every venue what a node would need of it; JSON, in the order of the configuration.
///
/// # Errors
/// `NodeRefused` with `config` or `keys`.
#[pyfunction]
fn node_preflight(
    py: Python<'_>,
    config: &str,
    mode: &str,
    environment: BTreeMap<String, String>,
    password: Option<String>,
) -> PyResult<String> {
    let mode = mode_named(mode)?;
    let config = read(config, mode)?;
    let keys = keys_of(&config, mode, &environment, password.as_deref())?;
    let names: Vec<&str> = config.venues.iter().map(|v| v.name.as_str()).collect();
    let venues = config.venues.iter().cloned().zip(keys).collect();
    let outcomes = py.detach(|| preflight(venues)).map_err(|error| failed(&error))?;
    let told = names.into_iter().zip(outcomes).map(|(venue, outcome)| match outcome {
        Ok(facts) => {
            let rights = facts.rights.map(|r| serde_json::json!({"trade": r.trade, "withdraw": r.withdraw}));
            let offset_us = facts.clock_offset.0 / 1000;
            serde_json::json!({"venue": venue, "ok": true, "clock_offset_us": offset_us, "rights": rights, "listed": facts.listed})
        }
        Err(error) => {
            let kind = match error {
                PreflightError::Keys { .. } => "keys",
                PreflightError::NotListed(_) => "config",
                PreflightError::Unreachable { .. } | PreflightError::Tls(_) | PreflightError::System(_) => "venue",
            };
            serde_json::json!({"venue": venue, "ok": false, "kind": kind, "text": error.to_string()})
        }
    });
    Ok(serde_json::Value::Array(told.collect()).to_string())
}

/// Runs a node until it is stopped by a signal or by itself; how it ended, and why where that was not asked for.
///
/// `seat(name, instruments)` gives the strategy of a book, or None; `instruments` is JSON.
///
/// # Errors
/// `NodeRefused` where it does not start.
#[pyfunction]
fn node_run(
    py: Python<'_>,
    config: &str,
    mode: &str,
    environment: BTreeMap<String, String>,
    password: Option<String>,
    seat: Py<PyAny>,
    log_json: bool,
    code_version: String,
) -> PyResult<(&'static str, Option<String>)> {
    let mode = mode_named(mode)?;
    let config = read(config, mode)?;
    let keys = keys_of(&config, mode, &environment, password.as_deref())?;
    py.detach(|| run(config, mode, keys, seat, log_json, &code_version))
}

fn run(
    config: Config,
    mode: Mode,
    keys: Vec<Option<Credentials>>,
    seat: Py<PyAny>,
    log_json: bool,
    code_version: &str,
) -> PyResult<(&'static str, Option<String>)> {
    let transport = Transport::new(trust_this_machine().map_err(|error| failed(&error))?);
    let board = Board::default();
    if let Some(address) = &config.node.metrics {
        let address = address.parse().map_err(|error| refused("config", &error))?;
        serve_metrics(address, board.clone()).map_err(|error| match &error {
            MetricsError::Listen { error: cause, .. } if cause.kind() == ErrorKind::AddrInUse => refused("port", &error),
            _ => failed(&error),
        })?;
    }
    let clock = Clock::start();
    let begun = beginning(&config, code_version, clock.now(), last_written(&config.node.folder))
        .map_err(|error| refused(kind_of_keeping(&error.to_string()), &error))?;
    let clock = clock.not_before(last_sent(&begun.engine));
    let now = clock.now();
    let named: Vec<(&VenueConfig, Option<Credentials>)> = config.venues.iter().zip(keys).collect();
    let find = |venue: &VenueConfig| named.iter().find(|(v, _)| v.name == venue.name).and_then(|(_, keys)| keys.clone());
    // Reconnections are spread by when the node began: two nodes that start together still differ by their id.
    let seed = now.0.unsigned_abs() ^ (u64::from(config.node.id) << 48);
    let gateways = gateways(&config, mode, &find, seed).map_err(|error| refused("keys", &error))?;
    let format = if log_json { LogFormat::Json } else { LogFormat::Human };
    let log = LogSink::new(Box::new(std::io::stderr()), format).map_err(|error| failed(&error))?;
    let seating = Box::new(PySeating { seat });
    let core = Core::new(config.clone(), mode, begun, gateways, seating, now);
    let core = core.map_err(|error| refused(kind_of_keeping(&error.to_string()), &error))?;
    let (core, ended) = drive(core, transport, clock, log, board, Stopper::default()).map_err(|error| failed(&error))?;
    let how = match ended {
        Ended::ByItself => "by itself",
        Ended::Stopped => "stopped",
        Ended::AtOnce => "at once",
    };
    Ok((how, core.fault().map(str::to_owned)))
}

/// A full disk is told apart: what to do about it is another thing.
fn kind_of_keeping(text: &str) -> &'static str {
    let is_full = ["No space left", "disk quota", "reserve", "budget"].iter().any(|word| text.contains(word));
    if is_full { "disk" } else { "journal" }
}

/// Strategies as Python makes them.
struct PySeating {
    seat: Py<PyAny>,
}

impl Seating for PySeating {
    fn seat(&mut self, book: BookId, name: &str, engine: &Engine) -> Result<Option<Box<dyn Strategist>>, String> {
        let instruments: Vec<serde_json::Value> = engine
            .state()
            .registry()
            .instruments()
            .map(|instrument| {
                let terms = instrument.terms();
                let market = if terms.kind.is_spot() { "spot" } else { "linear" };
                let (tick, lot) = (terms.tick.to_string(), terms.lot.to_string());
                serde_json::json!({
                    "id": instrument.id().0, "venue": terms.venue.0, "market": market, "symbol": terms.symbol, "tick": tick, "lot": lot,
                })
            })
            .collect();
        let instruments = serde_json::Value::Array(instruments).to_string();
        Python::attach(|py| {
            let strategy = self.seat.call1(py, (name, instruments))?;
            if strategy.is_none(py) {
                return Ok(None);
            }
            let strategist: Box<dyn Strategist> = Box::new(PyStrategy::new(py, book, strategy)?);
            Ok(Some(strategist))
        })
        .map_err(|error: PyErr| error.to_string())
    }
}

/// Cancels everything on the configured instruments of the venues that are named (all where none is), and asks until the venues say
/// that nothing is open; what became of each, as JSON.
///
/// # Errors
/// `NodeRefused` with `config` or `keys`, before anything was asked of any venue.
#[pyfunction]
fn kill_orders(
    py: Python<'_>,
    config: &str,
    venues: Vec<String>,
    environment: BTreeMap<String, String>,
    password: Option<String>,
    within_s: f64,
) -> PyResult<String> {
    // Whatever else is wrong with the configuration does not stop a kill.
    let config = Config::read(config).map_err(|error| refused("config", &error))?;
    let read = |name: &str| environment.get(name).cloned();
    let source = KeySource { environment: &read, password: password.as_deref() };
    let mut targets = Vec::new();
    for name in &venues {
        if !config.venues.iter().any(|v| v.name.as_str() == name) {
            return Err(refused("config", &format!("the configuration has no venue `{name}`")));
        }
    }
    for venue in config.venues.iter().filter(|v| venues.is_empty() || venues.iter().any(|name| name == v.name.as_str())) {
        let keys = source.of_kill(venue).map_err(|error| no_keys(&error))?;
        let missing = || refused("keys", &format!("venue {} has neither kill_keys nor keys", venue.name.as_str()));
        targets.push((venue.clone(), keys.ok_or_else(missing)?));
    }
    let within = Duration::try_from_secs_f64(within_s).map_err(|error| refused("config", &error))?;
    let reports = py.detach(|| kill(targets, within)).map_err(|error| failed(&error))?;
    let told = reports.into_iter().map(|r| {
        serde_json::json!({
            "venue": r.venue, "cancelled_on": r.cancelled, "verified": r.is_verified, "left": r.left,
            "took_ms": r.took.0 / 1_000_000, "problems": r.problems,
        })
    });
    Ok(serde_json::Value::Array(told.collect()).to_string())
}

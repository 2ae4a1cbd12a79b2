//! Emulated venues served on loopback: the runtime, the clock and the signals around a state machine.

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::signal::unix::{SignalKind, signal};
use tradewind_emulator::emulator::{Emulator, EmulatorSetup};
use tradewind_emulator::faults::FaultSettings;
use tradewind_emulator::server::{Listening, announcements};
use tradewind_emulator::venues::{RequestLimits, Venue};
use tradewind_types::Timestamp;

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// Serves venues until SIGINT or SIGTERM, with or without their limits on requests, with these faults (a JSON object; empty:
/// none). `announce` is called once per venue, with a line of JSON, when all of them listen.
///
/// # Errors
/// `ValueError` for what cannot be set up, `OSError` for a port that cannot be had, and what `announce` raises.
#[pyfunction]
pub fn emulate(
    py: Python<'_>,
    venues: Vec<String>,
    port_base: u16,
    seed: u64,
    accounts: u32,
    lift_limits: bool,
    faults: &str,
    announce: Py<PyAny>,
) -> PyResult<()> {
    let refuse = |error: &dyn std::fmt::Display| PyValueError::new_err(error.to_string());
    let venues = venues.iter().map(|name| Venue::named(name)).collect::<Result<Vec<_>, _>>().map_err(|error| refuse(&error))?;
    let faults = FaultSettings::from_json(faults).map_err(|error| refuse(&error))?;
    let limits = if lift_limits { RequestLimits::Lifted } else { RequestLimits::Published };
    let setup = EmulatorSetup { start: now(), seed, venues, accounts, limits, faults };
    py.detach(|| {
        let emulator = Emulator::new(&setup).map_err(|error| refuse(&error))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(PyOSError::new_err)?;
        tokio::task::LocalSet::new().block_on(&runtime, serve(emulator, port_base, announce))
    })
}

async fn serve(emulator: Emulator, port_base: u16, announce: Py<PyAny>) -> PyResult<()> {
    let refuse = |error: std::io::Error| PyOSError::new_err(format!("{error}; choose another --port-base"));
    let listening = Listening::open(emulator.venues().count(), port_base).await.map_err(refuse)?;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let lines = announcements(&emulator, &listening.addresses()?);
    Python::attach(|py| lines.iter().try_for_each(|line| announce.call1(py, (line.to_string(),)).map(|_| ())))?;
    let stop = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    listening.serve(emulator, now, stop).await.map_err(PyOSError::new_err)
}

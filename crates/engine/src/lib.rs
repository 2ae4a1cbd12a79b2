//! The engine: (state, input) → outcomes and commands. No clock, no chance, no I/O.
//!
//! [`Engine::step`] *decides* what an input means and commits each [`Outcome`](tradewind_types::Outcome) by
//! [`Engine::apply`], which is the only way control state changes. So recovery applies the journaled outcomes and re-decides
//! nothing, while the same version stepping through the same inputs must find the same outcomes.
//!
//! - [`State`]: what is defined, orders, the double-entry [`Ledger`], positions of accounts and books, limits, algos, timers.
//!   It is rebuilt from outcomes alone, [`Engine::state_hash`] digests it, and [`Engine::snapshot`] writes it down.
//! - Market state ([`MarketView`]: books, last prices) is *not* control state: it is warmed up from market data, and only its
//!   consequence (a book became invalid, was restored) is an outcome.

mod accounts;
mod algos;
mod apply;
mod aside;
mod budget;
mod digest;
mod engine;
mod equity;
mod error;
mod exposure;
mod grid;
mod hosting;
mod intents;
mod ledger;
mod market;
mod orders;
mod position;
mod registry;
mod replies;
mod snapshot;
mod state;
mod timers;
mod trades;

pub use algos::Algo;
pub use engine::{Engine, Step};
pub use equity::{Owner, ValuationError};
pub use error::ApplyError;
pub use ledger::{Ledger, LedgerAccount};
pub use market::MarketView;
pub use orders::{Amendment, Order};
pub use position::Position;
pub use registry::{LARGEST_DENSE_ID, Registry};
pub use snapshot::{RestoreError, STATE_SCHEMA};
pub use state::State;

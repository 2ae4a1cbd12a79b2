//! Hard pre-trade controls: `Intent` → [`Command`] or a typed refusal. Nothing else can make a [`Command`].
//!
//! The checks are a pure function of an [`OrderContext`] that the engine reads off its own state, so exposure is kept once.
//! What lives here is what nobody else needs: the settings of each scope, latched halts, and the windows of the order rates.
//! They change through [`Limits::define`], [`Limits::halt`], [`Limits::resume`], [`Limits::count_order`] and
//! [`Limits::count_cancel`] alone, each the consequence of one journaled outcome: recovery rebuilds them by applying.
//!
//! A command cannot be forged, copied or read from bytes:
//!
//! ```compile_fail,E0451
//! use tradewind_limits::Command;
//! use tradewind_types::{InstrumentId, OrderId, OrderRequest};
//! let request = OrderRequest::Cancel { order: OrderId::default(), instrument: InstrumentId(0) };
//! let forged = Command { request };
//! ```
//!
//! ```compile_fail,E0599
//! fn twice(command: tradewind_limits::Command) -> [tradewind_limits::Command; 2] {
//!     [command.clone(), command]
//! }
//! ```
//!
//! ```compile_fail,E0624
//! use tradewind_limits::Command;
//! use tradewind_types::{InstrumentId, OrderId, OrderRequest};
//! let request = OrderRequest::Cancel { order: OrderId::default(), instrument: InstrumentId(0) };
//! let forged = Command::mint(request);
//! ```

mod check;
mod command;
mod reservation;
mod scope;
mod window;

pub use check::{BookHealth, LiveOrder, OrderContext, Reference, Standing};
pub use command::{Approval, Command};
pub use reservation::{Ceiling, FEE_ALLOWANCE, Held, MARKET_PRICE_ALLOWANCE, limit_reservation, spending_asset};
pub use scope::{Limits, Route};

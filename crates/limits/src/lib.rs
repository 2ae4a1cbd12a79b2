//! Hard pre-trade controls: `Intent` → [`Command`] or a typed refusal. Nothing else can make a [`Command`].
//!
//! The checks are a pure function of an [`OrderContext`] that the engine reads off its own state, so exposure is kept once.
//! What lives here is what nobody else needs: the settings of each scope, latched halts, the windows of the order rates, and what
//! conduct and losses are judged by. They change through `define…`, `restrict`, `halt`, `resume`, `take_mark` and `count_…` of
//! [`Limits`] alone, each the consequence of one journaled outcome: recovery rebuilds them by applying.
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

mod bar;
mod budget;
mod check;
mod command;
mod conduct;
mod guard;
mod margin;
mod reservation;
mod scope;
mod terms;
mod window;

pub use budget::{Budget, Conversion, Exposures, Valuation, Worth};
pub use check::{BookHealth, Holding, LiveOrder, OrderContext, Reference, ScopeFigures, Standing, Surroundings};
pub use command::{Approval, Command};
pub use conduct::could_meet;
pub use guard::Guard;
pub use margin::{MarginRoom, initial_margin};
pub use reservation::{Ceiling, FEE_ALLOWANCE, Held, MARKET_PRICE_ALLOWANCE, limit_reservation, spending_asset};
pub use scope::{Limits, Route, route_scopes};
pub use terms::is_closing;

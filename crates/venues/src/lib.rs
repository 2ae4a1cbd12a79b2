//! Commands ↔ bytes, without I/O: how each venue is spoken to.
//!
//! A [`Dialect`] is one venue's protocol as pure functions: what to send for a question or a command, and what a venue's bytes
//! mean. It knows no sockets, clocks or retries. What all venues share is around it: the [`Directory`] that turns symbols and
//! decimal text into dense ids, ticks and lots without a float, the client ids, the words of answers and errors.
//!
//! Everything a venue says becomes a [`Message`] in an [`Inbox`]. A message that cannot be read is a [`MapError`] and changes nothing.

pub mod binance;
pub mod bybit;

mod ask;
mod client_id;
mod credentials;
mod dialect;
mod digits;
mod directory;
mod error;
mod gateway;
mod message;
mod rate_limit;
mod session;
mod sign;

pub use ask::{Ask, Cursor, HttpRequest, Method};
pub use client_id::{client_id, order_id};
pub use credentials::Credentials;
pub use dialect::{
    Address, Bucket, BucketId, CallId, Charge, Cost, DeadMan, Dialect, Heartbeat, LinkId, LinkSpec, Outgoing, Purpose, Refresh, Submission,
};
pub use digits::{DigitsError, Grid, Step, write_units};
pub use directory::{Directory, Listed, ListedAsset, Market};
pub use error::{MapError, VenueError, VenueErrorKind};
pub use gateway::{Access, Action, AskFailure, Gateway, Incoming, Notice, UnknownLimit};
pub use message::{
    BalanceRecord, ExecutionRecord, Feed, Inbox, KeyRights, ListedInstrument, MarkChange, Message, OrderOwner, OrderRecord, PositionRecord,
    RecordState, SessionNews,
};
pub use rate_limit::{RateLimit, Urgency};
pub use session::LinkState;
pub use sign::Signer;

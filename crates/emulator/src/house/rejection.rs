//! Why a house refuses. Fronts turn these into their venue's codes and words.

use tradewind_types::RejectReason;

/// Which of an instrument's filters an order breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// The price is not positive, or too far from the market.
    Price,
    /// The price is not a multiple of the tick.
    Tick,
    /// The quantity is not a multiple of the lot.
    Lot,
    /// Too little.
    MinQty,
    /// Too much.
    MaxQty,
    /// Worth too little.
    MinNotional,
}

/// Why something asked of a house was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Not a number, or a combination that makes no sense.
    #[error("not understood")]
    Malformed,
    /// No such instrument.
    #[error("no such instrument")]
    UnknownInstrument,
    /// The client may not do this.
    #[error("not permitted")]
    NotPermitted,
    /// Not enough balance or margin.
    #[error("not enough balance or margin")]
    Funds,
    /// A filter of the instrument is broken.
    #[error("filter {0:?}")]
    Filter(Filter),
    /// No open order by this id.
    #[error("no such order")]
    UnknownOrder,
    /// The order is over already.
    #[error("the order is over")]
    OrderIsOver,
    /// The client's own id is taken.
    #[error("the client's id is taken")]
    DuplicateClientId,
    /// Post-only, and it would take.
    #[error("it would take")]
    WouldTake,
    /// Fill-or-kill, and the book does not offer enough.
    #[error("it cannot be filled completely")]
    CannotFillCompletely,
    /// The trigger is reached already.
    #[error("it would trigger at once")]
    WouldTriggerAtOnce,
    /// Reduce-only, and it would not reduce.
    #[error("it would not reduce")]
    WouldNotReduce,
    /// A leg named in one-way mode, or none in hedge mode.
    #[error("not the position mode of the account")]
    PositionMode,
    /// Nobody to trade with.
    #[error("nobody to trade with")]
    NoMarket,
    /// Not taken on this instrument.
    #[error("not offered")]
    NotOffered,
    /// An amend that changes nothing.
    #[error("nothing would change")]
    Unchanged,
    /// The mode or leverage is what it was, or cannot be had.
    #[error("not available")]
    NotAvailable,
    /// As many open orders as the house keeps for one client.
    #[error("too many open orders")]
    TooManyOrders,
    /// A figure left its integer type.
    #[error("a figure is too large")]
    Overflow,
}

impl From<RejectReason> for Rejection {
    fn from(reason: RejectReason) -> Self {
        match reason {
            RejectReason::WouldTake => Rejection::WouldTake,
            RejectReason::CannotFillCompletely => Rejection::CannotFillCompletely,
            RejectReason::InsufficientFunds => Rejection::Funds,
            RejectReason::InvalidFilter => Rejection::Filter(Filter::Price),
            RejectReason::UnknownOrder => Rejection::UnknownOrder,
            RejectReason::NoMarket => Rejection::NoMarket,
            RejectReason::WouldIncrease => Rejection::WouldNotReduce,
            RejectReason::DuplicateId => Rejection::DuplicateClientId,
            RejectReason::WouldTriggerAtOnce => Rejection::WouldTriggerAtOnce,
            RejectReason::WrongPositionMode => Rejection::PositionMode,
            RejectReason::NotOffered | RejectReason::RateLimited | RejectReason::NotAuthorised => Rejection::NotOffered,
        }
    }
}

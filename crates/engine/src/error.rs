//! Why an outcome does not fit the state it is applied to: the journal and the state are not of one history.

use tradewind_types::{AlgoId, MoneyError, OrderId, TimerId};

/// An outcome that cannot be applied. Recovery stops here; a stepping engine halts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The outcome names an order that was never sent.
    #[error("order {order} was never sent")]
    UnknownOrder {
        /// Which.
        order: OrderId,
    },
    /// Order ids count without holes.
    #[error("order {found} was sent where {expected} was due")]
    OrderOutOfTurn {
        /// The next id.
        expected: OrderId,
        /// The id found.
        found: OrderId,
    },
    /// Instrument, account or asset that was never defined.
    #[error("the outcome names an instrument, account or asset that is not defined")]
    NotDefined,
    /// A definition that the state refuses.
    #[error("the definition does not fit: {0}")]
    Definition(#[from] tradewind_types::DefinitionRefusal),
    /// An algo that was never started, or started before.
    #[error("algo {algo} was never started, or was started before")]
    Algo {
        /// Which.
        algo: AlgoId,
    },
    /// A timer that is not pending, or out of turn.
    #[error("timer {} is not pending, or out of turn", timer.0)]
    Timer {
        /// Which.
        timer: TimerId,
    },
    /// Money arithmetic.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

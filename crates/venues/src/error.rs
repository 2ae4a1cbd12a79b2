//! What a venue refuses, in one vocabulary, with its own words kept; and what could not be read.

use crate::digits::DigitsError;
use std::borrow::Cow;
use tradewind_types::{Nanos, RejectReason};

/// What kind of refusal it is: decides what happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VenueErrorKind {
    /// Not enough balance or margin.
    Funds,
    /// A filter, a parameter, a symbol.
    Invalid,
    /// The order is not known.
    UnknownOrder,
    /// The client id was used.
    Duplicate,
    /// A post-only order would have taken.
    WouldTake,
    /// A fill-or-kill order could not be filled.
    CannotFill,
    /// A trigger is reached already.
    WouldTrigger,
    /// A reduce-only order would not reduce.
    WouldIncrease,
    /// Too many requests; nothing was done.
    Rate {
        /// How long the venue wants to be left alone; zero where it does not say.
        retry_after: Nanos,
    },
    /// Key, signature, permission, address.
    Auth,
    /// The timestamp was outside the venue's window.
    Clock,
    /// The venue is closed, restarting or overloaded; nothing was done.
    Maintenance,
    /// The venue does not know whether it was done: ask.
    Unanswered,
    /// The venue has nothing of the kind.
    NotOffered,
    /// It is as asked already.
    NoChange,
    /// Anything else.
    Other,
}

/// A venue's refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (code {code}, http {http_status})")]
pub struct VenueError {
    /// What kind.
    pub kind: VenueErrorKind,
    /// The venue's number; 0 where it gives none.
    pub code: i64,
    /// The venue's words.
    pub message: String,
    /// HTTP status; 0 on a socket.
    pub http_status: u16,
}

impl VenueErrorKind {
    /// The refusal in the engine's words. Of [`VenueErrorKind::Unanswered`] there is none: nobody knows.
    #[must_use]
    pub const fn reject_reason(self) -> Option<RejectReason> {
        Some(match self {
            VenueErrorKind::Funds => RejectReason::InsufficientFunds,
            VenueErrorKind::Invalid | VenueErrorKind::NoChange | VenueErrorKind::Other => RejectReason::InvalidFilter,
            VenueErrorKind::UnknownOrder => RejectReason::UnknownOrder,
            VenueErrorKind::Duplicate => RejectReason::DuplicateId,
            VenueErrorKind::WouldTake => RejectReason::WouldTake,
            VenueErrorKind::CannotFill => RejectReason::CannotFillCompletely,
            VenueErrorKind::WouldTrigger => RejectReason::WouldTriggerAtOnce,
            VenueErrorKind::WouldIncrease => RejectReason::WouldIncrease,
            VenueErrorKind::Rate { .. } => RejectReason::RateLimited,
            VenueErrorKind::Auth | VenueErrorKind::Clock => RejectReason::NotAuthorised,
            VenueErrorKind::Maintenance => RejectReason::NoMarket,
            VenueErrorKind::NotOffered => RejectReason::NotOffered,
            VenueErrorKind::Unanswered => return None,
        })
    }
}

/// Why bytes of a venue could not be read. Nothing of the message took effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// Not the JSON that the venue's documents describe.
    #[error("{what}: {why}")]
    Malformed {
        /// Which message.
        what: &'static str,
        /// What the parser says.
        why: String,
    },
    /// A field is missing.
    #[error("{what}: field `{field}` is missing")]
    Missing {
        /// Which message.
        what: &'static str,
        /// Which field.
        field: &'static str,
    },
    /// A number that is none, or off the instrument's grid: its filters may have changed.
    #[error("{what}: `{field}` = `{text}`: {why}")]
    Number {
        /// Which message.
        what: &'static str,
        /// Which field.
        field: Cow<'static, str>,
        /// What it held.
        text: String,
        /// What is wrong with it.
        why: DigitsError,
    },
    /// A word that the venue's documents do not list.
    #[error("{what}: `{field}` = `{text}` is not known")]
    UnknownWord {
        /// Which message.
        what: &'static str,
        /// Which field.
        field: &'static str,
        /// What it held.
        text: String,
    },
    /// A symbol or asset nobody listed.
    #[error("{what}: `{symbol}` is not listed")]
    NotListed {
        /// Which message.
        what: &'static str,
        /// Which symbol.
        symbol: String,
    },
}

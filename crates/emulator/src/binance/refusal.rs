//! What the venue answers when it will not do what was asked: an HTTP status, a code and a message.
//!
//! The codes are those of the venue's own error pages (spot and USD-M, read 2026-07); the same number may mean different things on
//! the two markets, which is why each has its own words for a refused order.

use super::json::{Raw, object};

/// A refusal on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status; the WebSocket API states it in `status`.
    pub status: u16,
    /// The venue's code, below zero.
    pub code: i32,
    /// The venue's words.
    pub message: String,
    /// Seconds after which asking again makes sense.
    pub retry_after_s: Option<i64>,
    /// What the venue adds under `data`, JSON.
    pub data: Option<Raw>,
}

impl Refusal {
    /// A refusal with HTTP 400.
    #[must_use]
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self { status: 400, code, message: message.into(), retry_after_s: None, data: None }
    }

    /// The same refusal with another HTTP status.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// A parameter that has to be there is not.
    #[must_use]
    pub fn missing(name: &str) -> Self {
        Self::new(-1102, format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed."))
    }

    /// A parameter that cannot be read.
    #[must_use]
    pub fn malformed(name: &str, legal: &str) -> Self {
        Self::new(-1100, format!("Illegal characters found in parameter '{name}'; legal range is '{legal}'."))
    }

    /// A value outside what the parameter may be.
    #[must_use]
    pub fn not_valid(name: &str) -> Self {
        Self::new(-1130, format!("Data sent for parameter '{name}' is not valid."))
    }

    /// A parameter this request does not take.
    #[must_use]
    pub fn not_required(name: &str) -> Self {
        Self::new(-1106, format!("Parameter '{name}' sent when not required."))
    }

    /// A symbol that is not listed.
    #[must_use]
    pub fn bad_symbol() -> Self {
        Self::new(-1121, "Invalid symbol.")
    }

    /// An order to be cancelled that is not there, or not any more.
    #[must_use]
    pub fn unknown_order() -> Self {
        Self::new(-2011, "Unknown order sent.")
    }

    /// An order asked about that was never there.
    #[must_use]
    pub fn no_such_order() -> Self {
        Self::new(-2013, "Order does not exist.")
    }

    /// A key that may not do this.
    #[must_use]
    pub fn not_permitted() -> Self {
        Self::new(-2015, "Invalid API-key, IP, or permissions for action.").with_status(401)
    }

    /// The refusal as `{"code":..,"msg":..}`.
    #[must_use]
    pub fn body(&self) -> Raw {
        super::json::fields! { "code": self.code, "msg": &self.message }.with_some("data", self.data.clone()).end()
    }
}

/// `{"code":200,"msg":..}`: how the futures market says that something was done.
#[must_use]
pub fn done(message: &str) -> Raw {
    object! { "code": 200, "msg": message }
}

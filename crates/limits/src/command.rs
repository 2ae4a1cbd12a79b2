//! The proof that the limits were passed.

use tradewind_types::{Amount, OrderRequest};

/// A request that the limits have passed: the only thing a gateway accepts. It can be neither built outside this crate, nor
/// copied, nor deserialised; a gateway consumes it once.
#[derive(Debug, PartialEq, Eq)]
pub struct Command {
    request: OrderRequest,
}

impl Command {
    pub(crate) const fn mint(request: OrderRequest) -> Self {
        Self { request }
    }

    /// What is to be sent.
    #[inline]
    #[must_use]
    pub const fn request(&self) -> &OrderRequest {
        &self.request
    }
}

/// A new order that was passed, and what it ties up.
#[derive(Debug, PartialEq, Eq)]
pub struct Approval {
    /// The command.
    pub command: Command,
    /// What it reserves in a spot account, in units of [`crate::spending_asset`]; zero in other accounts.
    pub reserved: Amount,
}

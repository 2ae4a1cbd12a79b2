//! The proof that the limits were passed.

use tradewind_types::{Amount, OrderId, OrderRequest, OrderTerms};

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

/// A new order that was passed, and what it ties up. It can no more be built or copied outside this crate than a [`Command`], and
/// becomes one, once: terms are large, and so are lent until the command stands where it stays.
#[derive(Debug, PartialEq, Eq)]
pub struct Approval<'a> {
    pub(crate) order: OrderId,
    pub(crate) terms: &'a OrderTerms,
    pub(crate) reserved: Amount,
}

impl Approval<'_> {
    /// What it reserves in a spot account, in units of [`crate::spending_asset`]; zero in other accounts.
    #[inline]
    #[must_use]
    pub const fn reserved(&self) -> Amount {
        self.reserved
    }

    /// The command.
    #[inline]
    #[must_use]
    pub const fn into_command(self) -> Command {
        Command::mint(OrderRequest::Place { order: self.order, terms: *self.terms })
    }
}

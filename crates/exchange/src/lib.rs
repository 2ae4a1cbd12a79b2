//! Orders → acks and fills: what a venue does.
//!
//! An [`Exchange`] is a state machine without I/O or clock. [`L2Exchange`] overlays our orders on recorded depth and trades
//! with a model of queue position; [`BarExchange`] fills them on bars under a stated model; [`TouchExchange`] fills them by touch,
//! for comparison only; [`MatchingBook`] matches participants with each other by price and time.
//!
//! Shared rules: an order id is good once ([`RejectReason::DuplicateId`]); an order that breaks a filter of its instrument, or
//! names one that is not listed, is [`RejectReason::InvalidFilter`]; the unfilled rest of an immediate order is `Cancelled`;
//! every fill carries its fee ([`FeeSchedule`]) and the venue's clock. An exchange sees orders, not accounts: balances, margin and
//! [`Exposure::ReduceOnly`] are judged by a [`Clearing`], which a [`ClearedExchange`] puts in front of it.
//!
//! [`RejectReason::DuplicateId`]: tradewind_types::RejectReason::DuplicateId
//! [`RejectReason::InvalidFilter`]: tradewind_types::RejectReason::InvalidFilter
//! [`Exposure::ReduceOnly`]: tradewind_types::Exposure::ReduceOnly

mod bars;
mod cleared;
mod clearing;
mod desk;
mod fees;
mod filters;
mod index;
mod l2;
mod matching;
mod meeting;
mod queue;
mod reserves;
mod touch;
mod triggers;

pub use bars::{BarExchange, BarFillModel, BarListing, Impact};
pub use cleared::{ClearedExchange, PrivateMessage};
pub use clearing::{CashRounding, Cleared, Clearing, ClearingRules, DeliveryPrice, Holding, Leg, Liquidation, PositionKey};
pub use fees::{FeeAsset, FeeSchedule, FeeTier, RateSource, Tariff, ThirdAsset};
pub use l2::{L2Exchange, Listing};
pub use matching::{Execution, MatchingBook, NewOrder, Placement, Prevented};
pub use queue::QueueModel;
pub use touch::{TouchBook, TouchExchange, TouchListing};

use tradewind_types::{MarketEvent, OrderRequest, Timestamp, VenueReply};

/// A venue: market data and our requests in, its private replies out. Time is an argument and never runs backwards.
pub trait Exchange {
    /// Public market data reaches the matching engine at `at` (venue clock). Fills it causes are appended to `replies`.
    fn on_market(&mut self, at: Timestamp, event: &MarketEvent<'_>, replies: &mut Vec<VenueReply>);

    /// A request of ours reaches the matching engine at `at` (venue clock). The answer, and fills, are appended to `replies`.
    fn on_request(&mut self, at: Timestamp, request: &OrderRequest, replies: &mut Vec<VenueReply>);

    /// The earliest time at which the venue may have something to say of its own accord; none where it has nothing to wait for.
    /// It may turn out that nothing is to be said.
    fn next_deadline(&self) -> Option<Timestamp> {
        None
    }

    /// The venue's clock shows `at`: what its time ends is appended to `replies`. The other two see to it as well, so that an
    /// order never outlives its time; called at every [`Exchange::next_deadline`], its end is told when it happens.
    fn on_time(&mut self, _at: Timestamp, _replies: &mut Vec<VenueReply>) {}
}

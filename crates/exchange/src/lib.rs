//! Orders → acks and fills: what a venue does.
//!
//! An [`Exchange`] is a state machine without I/O or clock. [`L2Exchange`] overlays our orders on recorded depth and trades
//! with a model of queue position; [`BarExchange`] fills them on bars under a stated model; [`TouchExchange`] fills them by touch,
//! for comparison only; [`MatchingBook`] matches participants with each other by price and time, and a [`FloorExchange`] is a venue
//! made of such books.
//!
//! Shared rules of the exchanges:
//! - An order id is good once ([`RejectReason::DuplicateId`]). An order that breaks a filter, or names an instrument that is not
//!   listed, is [`RejectReason::InvalidFilter`]; filters may change, and what was taken before stays.
//! - The unfilled rest of an immediate order is `Cancelled`. Every fill carries its fee ([`FeeSchedule`]) and the venue's clock.
//! - A stop or take-profit is `Accepted`, waits, is `Triggered` by a price of its series at its trigger or beyond, and works
//!   then as the market or limit order it names. A trigger that is reached already is [`RejectReason::WouldTriggerAtOnce`]
//!   (Binance futures -2021); what would have been a refusal after it woke is `Expired`. While it waits it can be cancelled, and
//!   one with a limit amended. Where its series is never seen it waits for ever.
//! - An order that is good till a time is `Expired` at that time, before anything else that happens then, asleep or at work;
//!   one whose time is over is [`RejectReason::InvalidFilter`].
//! - An iceberg rests: good till cancelled, till a time, or post-only; immediate it is [`RejectReason::NotOffered`] (Binance takes
//!   `icebergQty` with GTC only). Its quantity and what it shows both pass the filters.
//! - Post-only goes with a limit price; with a stop-limit it is judged when that wakes (Bybit takes `triggerPrice` with
//!   `timeInForce=PostOnly`).
//!
//! An exchange sees orders, not accounts: balances, margin, legs and [`Exposure::ReduceOnly`] are judged by a [`Clearing`], which a
//! [`ClearedExchange`] puts in front of it.
//!
//! [`RejectReason::DuplicateId`]: tradewind_types::RejectReason::DuplicateId
//! [`RejectReason::InvalidFilter`]: tradewind_types::RejectReason::InvalidFilter
//! [`RejectReason::WouldTriggerAtOnce`]: tradewind_types::RejectReason::WouldTriggerAtOnce
//! [`RejectReason::NotOffered`]: tradewind_types::RejectReason::NotOffered
//! [`Exposure::ReduceOnly`]: tradewind_types::Exposure::ReduceOnly

mod bars;
mod cleared;
mod clearing;
mod desk;
mod fees;
mod filters;
mod floor;
mod index;
mod l2;
mod matching;
mod meeting;
mod queue;
mod reserves;
mod seen;
mod touch;
mod triggers;

pub use bars::{BarExchange, BarFillModel, BarListing, Impact};
pub use cleared::{ClearedExchange, PrivateMessage};
pub use clearing::{CashRounding, Cleared, Clearing, ClearingRules, DeliveryPrice, Holding, Leg, Liquidation, PositionKey, Traded};
pub use fees::{FeeAsset, FeeSchedule, FeeTier, RateSource, Tariff, ThirdAsset};
pub use floor::{Deal, FloorExchange, FloorListing, OUTSIDER_NODE};
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

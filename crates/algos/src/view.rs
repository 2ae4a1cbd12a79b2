//! What an algo sees, and what it may answer.

use tradewind_types::{OrderId, Price, Qty, Side, Timestamp};

/// Best bid and best ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch {
    /// Best bid.
    pub bid: Price,
    /// Best ask, above the bid.
    pub ask: Price,
}

/// Whether an algo may place orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// It may.
    Trade,
    /// A halt or an invalid book: only cancels would pass.
    CancelOnly,
}

/// What is known of a live order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderStanding {
    /// Sent, open or being amended.
    Working,
    /// A cancel is under way.
    Cancelling,
    /// Nobody knows.
    Unknown,
}

/// A live order of the algo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkingOrder {
    /// Its id.
    pub order: OrderId,
    /// Buy or sell.
    pub side: Side,
    /// Its limit; none for a market order.
    pub price: Option<Price>,
    /// What may still be filled, at most.
    pub in_flight: Qty,
    /// What is known of it.
    pub standing: OrderStanding,
}

/// What an algo sees.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Our clock.
    pub now: Timestamp,
    /// Best bid and ask, where both are known.
    pub touch: Option<Touch>,
    /// Whether it may place orders.
    pub permission: Permission,
    /// Net lots that its book has traded in the instrument, signed.
    pub position: i64,
    /// Filled so far by orders of this algo.
    pub filled: Qty,
    /// Of that, bought less sold.
    pub net: i64,
    /// How many orders it has sent so far.
    pub sent: u64,
    /// Its live orders, oldest first.
    pub orders: &'a [WorkingOrder],
}

impl View<'_> {
    /// Sum of what its live orders may still fill (saturating).
    #[inline]
    #[must_use]
    pub fn in_flight(&self) -> Qty {
        Qty(self.orders.iter().fold(0, |sum: i64, order| sum.saturating_add(order.in_flight.0)))
    }
}

/// When to ask an algo again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// At this time.
    At(Timestamp),
    /// Never: it has done what it was asked.
    Finished,
}

/// A parameter outside its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// Quantity below one lot.
    #[error("the quantity must be at least one lot")]
    QtyNotPositive,
    /// No slices.
    #[error("a TWAP needs at least one slice")]
    NoSlices,
    /// End before start.
    #[error("a TWAP cannot end before it starts")]
    EndsBeforeStart,
    /// A quoting loop that never waits.
    #[error("the quoting interval must be positive")]
    IntervalNotPositive,
    /// A bracket whose exits are not on either side of its entry.
    #[error("the stop and the target must lie on either side of the entry, the stop on the losing one")]
    ExitsDoNotEnclose,
    /// A negative spread or largest position.
    #[error("half spread and largest position cannot be negative")]
    Negative,
}

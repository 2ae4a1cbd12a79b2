//! Hard pre-trade controls: their settings, and typed reasons for a refusal.

use crate::ids::{AccountId, AssetId, BookId, InstrumentId, OrderId, VenueId};
use crate::money::{Amount, Price, Qty, Rate};
use crate::time::{Nanos, Timestamp};
use serde::{Deserialize, Serialize};

/// What a limit or a halt covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LimitScope {
    /// Everything.
    Firm,
    /// One venue.
    Venue(VenueId),
    /// One account.
    Account(AccountId),
    /// One strategy's book.
    Book(BookId),
}

/// Limits of one scope, for one instrument or for each instrument alike. `None` is "no such limit here".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitSettings {
    /// What they cover.
    pub scope: LimitScope,
    /// One instrument, or each.
    pub instrument: Option<InstrumentId>,
    /// Largest order, in lots.
    pub max_order_qty: Option<Qty>,
    /// Largest order value, in the instrument's value asset.
    pub max_order_notional: Option<Amount>,
    /// Largest distance of an order's price from the reference.
    pub max_price_deviation: Option<Rate>,
    /// Oldest usable reference price. Required with `max_price_deviation` or a market order's notional.
    pub max_reference_age: Option<Nanos>,
    /// Largest absolute position with everything in flight, both outcomes counted, in lots.
    pub max_position: Option<Qty>,
    /// Most orders (places and amends) per `rate_window`.
    pub max_orders_per_window: Option<u32>,
    /// Window of the order rate.
    pub rate_window: Nanos,
}

impl LimitSettings {
    /// No limit in this scope.
    #[must_use]
    pub const fn unlimited(scope: LimitScope) -> Self {
        Self {
            scope,
            instrument: None,
            max_order_qty: None,
            max_order_notional: None,
            max_price_deviation: None,
            max_reference_age: None,
            max_position: None,
            max_orders_per_window: None,
            rate_window: Nanos::from_secs(1),
        }
    }
}

/// Why an intent did not become a command: what was asked, what was found, what the limit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum RefusalReason {
    /// Trading is halted.
    #[error("trading is halted ({scope:?}); resume it first")]
    Halted {
        /// Where.
        scope: LimitScope,
    },
    /// Order too large.
    #[error("order of {} lots is above the limit of {} ({scope:?})", asked.0, limit.0)]
    OrderQty {
        /// Whose limit.
        scope: LimitScope,
        /// Asked.
        asked: Qty,
        /// Limit.
        limit: Qty,
    },
    /// Order worth too much.
    #[error("order value of {} units is above the limit of {} ({scope:?})", asked.0, limit.0)]
    OrderNotional {
        /// Whose limit.
        scope: LimitScope,
        /// Asked.
        asked: Amount,
        /// Limit.
        limit: Amount,
    },
    /// Price too far from the reference.
    #[error("price of {} ticks is too far from the reference of {} ({scope:?})", asked.0, reference.0)]
    PriceCollar {
        /// Whose limit.
        scope: LimitScope,
        /// Asked.
        asked: Price,
        /// Reference.
        reference: Price,
        /// Largest deviation.
        limit: Rate,
    },
    /// No fresh reference price.
    #[error("no fresh reference price: the last one is {} ns old, the limit is {} ns", age.0, limit.0)]
    StaleReference {
        /// Age of the last one; [`Nanos`] of `i64::MAX` when there never was one.
        age: Nanos,
        /// Oldest usable.
        limit: Nanos,
    },
    /// Position would be too large.
    #[error("position could reach {found} lots with everything in flight; the limit is {} ({scope:?})", limit.0)]
    Position {
        /// Whose limit.
        scope: LimitScope,
        /// Worst case including this order, signed.
        found: i64,
        /// Limit.
        limit: Qty,
    },
    /// Too many orders.
    #[error("{found} orders in the window; the limit is {limit} ({scope:?})")]
    OrderRate {
        /// Whose limit.
        scope: LimitScope,
        /// Orders in the window with this one.
        found: u32,
        /// Limit.
        limit: u32,
    },
    /// Not enough of an asset, with reservations.
    #[error("asset {asset}: {} units asked, {} free", asked.0, free.0)]
    InsufficientBalance {
        /// Which asset.
        asset: AssetId,
        /// Asked.
        asked: Amount,
        /// Free.
        free: Amount,
    },
    /// The venue's own filters.
    #[error("below the venue's minimum or off its grid: quantity {} lots, value {} units", qty.0, notional.0)]
    VenueFilter {
        /// Asked quantity.
        qty: Qty,
        /// Its value.
        notional: Amount,
    },
    /// The decision came too late.
    #[error("the decision was valid until {} and it is {}", valid_until.0, now.0)]
    Late {
        /// Deadline.
        valid_until: Timestamp,
        /// Now.
        now: Timestamp,
    },
    /// Cancel or amend of an order that is not live.
    #[error("order {order} is not live")]
    NotLive {
        /// Which.
        order: OrderId,
    },
    /// An instrument, account or book that was never defined.
    #[error("instrument {instrument}, account {account} or book {book} is not defined, or they do not belong together")]
    NotDefined {
        /// Asked instrument.
        instrument: InstrumentId,
        /// Asked account.
        account: AccountId,
        /// Asked book.
        book: BookId,
    },
    /// The book of the instrument is invalid (gap, crossed, stale): only cancels pass.
    #[error("the order book of instrument {instrument} is invalid")]
    InvalidBook {
        /// Which.
        instrument: InstrumentId,
    },
    /// A number left its integer type.
    #[error("the order's arithmetic overflows")]
    Overflow,
}

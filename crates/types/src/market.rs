//! Public market events, as the engine and the exchange read them.

use crate::ids::{InstrumentId, TradeId};
use crate::money::{Price, Qty, Rate};
use crate::order::Side;
use crate::time::Timestamp;

/// One book level: its new total quantity, zero to remove it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelChange {
    /// Bid ([`Side::Buy`]) or ask.
    pub side: Side,
    /// Level price.
    pub price: Price,
    /// New total quantity at the level.
    pub qty: Qty,
}

/// The venue's update ids of one depth message (Binance `U`, `u`, `pu`; others map theirs here).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// First update id in the message.
    pub first: u64,
    /// Last update id in the message.
    pub last: u64,
    /// Last update id of the previous message, where the venue sends it.
    pub previous: Option<u64>,
}

/// Whether a depth message replaces the book or changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DepthKind {
    /// Replaces the whole book.
    Snapshot,
    /// Changes levels.
    Delta,
}

/// One depth message; its changes are atomic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthUpdate<'a> {
    /// Whose book.
    pub instrument: InstrumentId,
    /// Replaces or changes.
    pub kind: DepthKind,
    /// Venue update ids.
    pub sequence: Sequence,
    /// Level changes, in message order.
    pub changes: &'a [LevelChange],
}

/// A public trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
    /// What.
    pub instrument: InstrumentId,
    /// The venue's id.
    pub trade: TradeId,
    /// At what price.
    pub price: Price,
    /// How much.
    pub qty: Qty,
    /// Who took.
    pub aggressor: Side,
}

/// Best bid and ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// What.
    pub instrument: InstrumentId,
    /// Best bid.
    pub bid: Price,
    /// Quantity at the bid.
    pub bid_qty: Qty,
    /// Best ask.
    pub ask: Price,
    /// Quantity at the ask.
    pub ask_qty: Qty,
}

/// A closed bar; its event time is its close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// What.
    pub instrument: InstrumentId,
    /// When it opened.
    pub open_ts: Timestamp,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Traded quantity, whole lots.
    pub volume: Qty,
}

/// What a derivative is valued at, and the funding it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What.
    pub instrument: InstrumentId,
    /// Mark price: values positions, triggers liquidations.
    pub mark: Price,
    /// Index price behind it.
    pub index: Price,
    /// Funding rate that `next_funding` will charge, as far as known; zero where there is no funding.
    pub funding_rate: Rate,
    /// When funding is charged next; zero where there is none.
    pub next_funding: Timestamp,
}

/// Any public market event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarketEvent<'a> {
    /// Depth message.
    Depth(DepthUpdate<'a>),
    /// Public trade.
    Trade(Trade),
    /// Best bid and ask.
    Quote(Quote),
    /// Closed bar.
    Bar(Bar),
    /// Mark price and funding.
    Mark(Mark),
}

impl MarketEvent<'_> {
    /// The instrument it is about.
    #[inline]
    #[must_use]
    pub const fn instrument(&self) -> InstrumentId {
        match self {
            MarketEvent::Depth(e) => e.instrument,
            MarketEvent::Trade(e) => e.instrument,
            MarketEvent::Quote(e) => e.instrument,
            MarketEvent::Bar(e) => e.instrument,
            MarketEvent::Mark(e) => e.instrument,
        }
    }
}

//! What happens at a house, in order.

use super::client::ClientId;
use super::order::{FillRecord, OrderRecord};
use super::tape::{Candle, MarkState, PublicTrade};
use tradewind_book::Level;
use tradewind_exchange::Leg;
use tradewind_types::{AccountId, AssetId, FundingPayment, InstrumentId, LevelChange, Timestamp};

/// Why an order is news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderCause {
    /// The house took it.
    New,
    /// Its price or quantity changed.
    Amended,
    /// Its trigger was reached.
    Triggered,
    /// It is over, and not because it was filled; the record says why.
    Ended,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum News {
    /// Levels of a book changed.
    Depth {
        /// Which book.
        instrument: InstrumentId,
        /// When.
        at: Timestamp,
        /// Number of the first change.
        first: u64,
        /// Number of the last change.
        last: u64,
        /// Number of the last change before these; a snapshot of that number with these changes is the book of number `last`.
        previous: u64,
        /// New totals, zero where a level is gone.
        changes: Vec<LevelChange>,
    },
    /// The best levels changed.
    Top {
        /// Of which book.
        instrument: InstrumentId,
        /// When.
        at: Timestamp,
        /// Number of the book's last change.
        update: u64,
        /// Best bid.
        bid: Option<Level>,
        /// Best ask.
        ask: Option<Level>,
    },
    /// Somebody traded.
    Trade(PublicTrade),
    /// A minute is over.
    Candle {
        /// On what.
        instrument: InstrumentId,
        /// That minute.
        candle: Candle,
    },
    /// A perpetual has a new mark.
    Mark {
        /// Which.
        instrument: InstrumentId,
        /// When.
        at: Timestamp,
        /// Mark, index and funding as they are now.
        mark: MarkState,
    },
    /// An order of a client changed in other ways than by a fill.
    Order {
        /// How.
        cause: OrderCause,
        /// As it was then.
        record: Box<OrderRecord>,
    },
    /// A client's order was filled, or the venue traded for a client.
    Fill {
        /// The fill.
        fill: Box<FillRecord>,
        /// The order as it was after it; none for what the venue did of itself.
        record: Option<Box<OrderRecord>>,
    },
    /// A wallet changed, or what is free of it. [`House::balance`](super::House::balance) has the figures.
    Balance {
        /// Whose.
        client: ClientId,
        /// Which wallet.
        account: AccountId,
        /// Of what.
        asset: AssetId,
        /// When.
        at: Timestamp,
    },
    /// A position changed. [`House::position`](super::House::position) has the figures.
    Position {
        /// Whose.
        client: ClientId,
        /// In which wallet.
        account: AccountId,
        /// On what.
        instrument: InstrumentId,
        /// Which leg.
        leg: Leg,
        /// When.
        at: Timestamp,
    },
    /// Funding was paid or received.
    Funding {
        /// Whose.
        client: ClientId,
        /// As it was posted.
        payment: FundingPayment,
    },
}

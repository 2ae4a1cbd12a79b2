//! Everything a venue says, in our nouns.

use crate::ask::{Ask, Cursor};
use crate::dialect::{BucketId, CallId};
use crate::directory::Market;
use crate::error::VenueError;
use std::collections::BTreeMap;
use tradewind_types::{
    AccountEvent, AccountId, AccountTrade, Amount, AssetId, Bar, Decimal, DepthKind, DepthUpdate, Exposure, InstrumentId, InstrumentKind,
    LevelChange, Liquidity, Mark, OrderId, Price, Qty, Quote, Rate, RejectReason, Sequence, Side, Timestamp, Trade, VenueOrderId,
    VenueReply,
};

/// Public feeds of an instrument that a session can follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feed {
    /// The order book, by deltas.
    Depth,
    /// Trades.
    Trades,
    /// Best bid and ask.
    Quotes,
    /// One-minute bars, closed ones.
    Bars,
    /// Mark, index and funding.
    Marks,
}

/// An instrument in the venue's words; ids come later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedInstrument {
    /// Which part of the venue.
    pub market: Market,
    /// The venue's symbol.
    pub symbol: String,
    /// How a fill turns into money.
    pub kind: InstrumentKind,
    /// Ticker of what is bought and sold.
    pub base: String,
    /// Ticker of what the price is in.
    pub quote: String,
    /// Ticker of what profit is paid in.
    pub settle: String,
    /// Price step.
    pub tick: Decimal,
    /// Quantity step.
    pub lot: Decimal,
    /// Base per unit of quantity; quote per contract for inverse.
    pub multiplier: Decimal,
    /// Smallest order.
    pub min_qty: Decimal,
    /// Largest order; none where the venue sets no bound.
    pub max_qty: Option<Decimal>,
    /// Smallest order value; zero for none.
    pub min_notional: Decimal,
    /// Whether it trades now.
    pub is_trading: bool,
}

/// Whose order a venue speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderOwner {
    /// One of ours, by its client id.
    Ours(OrderId),
    /// Somebody's: by hand, by another program, by the venue. Its client id as it came.
    Foreign(String),
}

/// What became of an order, by the venue's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordState {
    /// Works, or waits for its trigger.
    Open,
    /// Completely filled.
    Filled,
    /// Cancelled, with or without fills.
    Cancelled,
    /// Ended by the venue's rules.
    Expired,
    /// Refused.
    Rejected(RejectReason),
}

/// One order by the venue's records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRecord {
    /// Whose.
    pub owner: OrderOwner,
    /// Theirs.
    pub venue_order: VenueOrderId,
    /// On what.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Limit price; none for a market order.
    pub price: Option<Price>,
    /// Total quantity; zero where the venue keeps only a quote amount.
    pub qty: Qty,
    /// Filled so far.
    pub filled: Qty,
    /// What became of it.
    pub state: RecordState,
}

/// One execution by the venue's records, where they name the order by the venue's id only (Binance): whoever knows the order by that id
/// books it there, and as a foreign trade otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExecutionRecord {
    /// The venue's id of the order.
    pub venue_order: VenueOrderId,
    /// Maker or taker.
    pub liquidity: Liquidity,
    /// The execution; its cause holds where the order is nobody's.
    pub trade: AccountTrade,
}

/// What an account holds of an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BalanceRecord {
    /// Whose.
    pub account: AccountId,
    /// What.
    pub asset: AssetId,
    /// Free and locked together; of a margin account the wallet balance without unrealised profit.
    pub total: Amount,
}

/// A derivative position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionRecord {
    /// Whose.
    pub account: AccountId,
    /// In what.
    pub instrument: InstrumentId,
    /// Which leg of a hedge-mode account; else [`Exposure::Any`].
    pub leg: Exposure,
    /// Signed, in lots.
    pub lots: i64,
}

/// What an API key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRights {
    /// Place orders.
    pub trade: bool,
    /// Take money out. Such a key is refused.
    pub withdraw: bool,
}

/// What a link's session hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionNews {
    /// The login was taken.
    Authenticated,
    /// The login was refused.
    AuthRefused(VenueError),
    /// A subscription request was taken.
    Subscribed,
    /// A subscription request was refused.
    SubscriptionRefused(VenueError),
    /// The answer to our heartbeat.
    Pong,
    /// The venue asks for a sign of life in a text frame; this is the answer to send.
    PingText(Vec<u8>),
    /// The venue is about to close: connect anew now.
    GoingAway,
    /// The private stream's name is no longer good: ask for a new one and connect anew.
    StreamExpired,
    /// Said, understood, of no consequence.
    Ignored,
}

/// One thing a venue said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Depth; its changes are in the [`Inbox`].
    Depth {
        /// Venue clock; zero where the venue states no time (a spot snapshot, a spot quote at Binance).
        ts_venue: Timestamp,
        /// Whose book.
        instrument: InstrumentId,
        /// Replaces or changes.
        kind: DepthKind,
        /// Update ids.
        sequence: Sequence,
        /// From, to in [`Inbox::changes`].
        changes: (u32, u32),
    },
    /// A public trade.
    Trade(Timestamp, Trade),
    /// Best bid and ask.
    Quote(Timestamp, Quote),
    /// A closed bar.
    Bar(Timestamp, Bar),
    /// Mark, index, funding.
    Mark(Timestamp, Mark),

    /// About an order of ours, as the private stream tells it.
    Reply(VenueReply),
    /// About an account.
    Account(AccountEvent),
    /// The answer to an order command: taken (with the venue's id where it says one), or refused. What became of it, the private stream tells.
    Answer {
        /// Which call.
        call: CallId,
        /// Taken or refused.
        outcome: Result<Option<VenueOrderId>, VenueError>,
    },

    /// An order by the venue's records, or as the private stream states it where that tells more than a reply.
    Order(OrderRecord),
    /// An execution of which the venue's records name only their own order id.
    Execution(ExecutionRecord),
    /// A balance.
    Balance(BalanceRecord),
    /// A position.
    Position(PositionRecord),
    /// The venue's records do not have the order.
    NoSuchOrder(OrderId),
    /// An instrument.
    Listed(Box<ListedInstrument>),
    /// The venue's clock.
    ServerTime(Timestamp),
    /// What the key may do.
    Rights(KeyRights),
    /// The name of a private stream.
    StreamKey(Market, String),
    /// The answer has more pages: ask this.
    More(Ask),
    /// How much of a rate limit is used, by the venue's own count.
    Usage {
        /// Which.
        bucket: BucketId,
        /// Used in its window.
        used: u32,
    },
    /// About the link it came on.
    Session(SessionNews),
}

/// What a venue says has changed about a derivative's mark; fields that it leaves out are as they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkChange {
    /// Of what.
    pub instrument: InstrumentId,
    /// Mark price.
    pub mark: Option<Price>,
    /// Index price.
    pub index: Option<Price>,
    /// Funding rate.
    pub funding_rate: Option<Rate>,
    /// When funding is charged next.
    pub next_funding: Option<Timestamp>,
}

/// What was read, in order. Reused: [`Inbox::clear`] keeps its room. It also completes what a venue says only in part, so the inbox
/// that a venue is read into stays the same: [`Inbox::take`] takes out of it what was read.
#[derive(Clone, Debug, Default)]
pub struct Inbox {
    /// In order.
    pub messages: Vec<Message>,
    /// Level changes of the depth messages.
    pub changes: Vec<LevelChange>,
    /// Last mark of each instrument whose venue states only what changes.
    marks: BTreeMap<InstrumentId, Mark>,
}

impl Inbox {
    /// Empties it.
    pub fn clear(&mut self) {
        self.messages.clear();
        self.changes.clear();
    }

    /// What was read until now, taken out; what is known for completing messages stays.
    #[must_use]
    pub fn take(&mut self) -> Self {
        let (messages, changes) = (std::mem::take(&mut self.messages), std::mem::take(&mut self.changes));
        Self { messages, changes, marks: BTreeMap::new() }
    }

    /// Takes back the room of an inbox that was taken out, if nothing was read since.
    pub fn reuse(&mut self, mut taken: Self) {
        taken.clear();
        if self.messages.is_empty() && self.changes.is_empty() {
            self.messages = taken.messages;
            self.changes = taken.changes;
        }
    }

    /// Closes a depth message whose changes are everything behind place `from` of [`Inbox::changes`].
    pub fn depth(&mut self, ts_venue: Timestamp, instrument: InstrumentId, kind: DepthKind, sequence: Sequence, from: usize) {
        let place = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let changes = (place(from), place(self.changes.len()));
        self.messages.push(Message::Depth { ts_venue, instrument, kind, sequence, changes });
    }

    /// A mark in whole: the first word about an instrument, in place of what was known of it. Without mark and index price there is
    /// no mark.
    pub fn mark_stated(&mut self, ts_venue: Timestamp, stated: MarkChange) {
        let MarkChange { instrument, funding_rate, next_funding, .. } = stated;
        let (Some(mark), Some(index)) = (stated.mark, stated.index) else {
            self.marks.remove(&instrument);
            return;
        };
        let (funding_rate, next_funding) = (funding_rate.unwrap_or_default(), next_funding.unwrap_or_default());
        let mark = Mark { instrument, mark, index, funding_rate, next_funding };
        self.marks.insert(instrument, mark);
        self.messages.push(Message::Mark(ts_venue, mark));
    }

    /// What has changed of a mark; nothing comes of it where the whole was never stated, or where it is as it was.
    pub fn mark_changed(&mut self, ts_venue: Timestamp, change: MarkChange) {
        let Some(known) = self.marks.get_mut(&change.instrument) else { return };
        let before = *known;
        known.mark = change.mark.unwrap_or(known.mark);
        known.index = change.index.unwrap_or(known.index);
        known.funding_rate = change.funding_rate.unwrap_or(known.funding_rate);
        known.next_funding = change.next_funding.unwrap_or(known.next_funding);
        if *known != before {
            self.messages.push(Message::Mark(ts_venue, *known));
        }
    }

    /// The changes of a depth message.
    #[must_use]
    pub fn update(&self, instrument: InstrumentId, kind: DepthKind, sequence: Sequence, changes: (u32, u32)) -> DepthUpdate<'_> {
        let changes = self.changes.get(changes.0 as usize..changes.1 as usize).unwrap_or_default();
        DepthUpdate { instrument, kind, sequence, changes }
    }

    /// Asks for the next page.
    pub fn more(&mut self, ask: Ask) {
        self.messages.push(Message::More(ask));
    }

    /// Something about the link.
    pub fn session(&mut self, news: SessionNews) {
        self.messages.push(Message::Session(news));
    }

    /// Forgets what a message half read has left: back to where it began.
    pub fn truncate(&mut self, messages: usize, changes: usize) {
        self.messages.truncate(messages);
        self.changes.truncate(changes);
    }
}

impl Cursor {
    /// A cursor, unless the venue says by an empty text that there is none.
    #[must_use]
    pub fn next(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }
}

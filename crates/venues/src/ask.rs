//! What a venue can be asked over HTTP besides taking orders, and the request that asks it.

use crate::directory::Market;
use tradewind_types::{InstrumentId, Nanos, OrderId, Timestamp};

/// Where a question that is answered in pages goes on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(pub String);

/// A question, or a request that is not an order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ask {
    /// The venue's clock.
    ServerTime,
    /// What is listed, with its filters.
    Instruments {
        /// Where.
        market: Market,
        /// Next page.
        cursor: Option<Cursor>,
    },
    /// A snapshot of a book.
    Depth {
        /// Whose.
        instrument: InstrumentId,
    },
    /// What the key may do.
    KeyRights,
    /// The name of a private stream, where it has to be asked for (Binance: a listen key).
    StreamKey {
        /// Of which market.
        market: Market,
    },
    /// Keeps the private stream's name alive.
    RenewStreamKey {
        /// Of which market.
        market: Market,
    },
    /// All orders that are open now.
    OpenOrders {
        /// Where.
        market: Market,
        /// Next page.
        cursor: Option<Cursor>,
    },
    /// One order, open or over, by our id.
    Order {
        /// Ours.
        order: OrderId,
        /// On what.
        instrument: InstrumentId,
    },
    /// One order by our id among those that are over, where the venue keeps them apart (Bybit). Asked by an answer that did not find it.
    OrderHistory {
        /// Ours.
        order: OrderId,
        /// On what.
        instrument: InstrumentId,
    },
    /// Our executions on an instrument since a moment of the venue's clock; those of a page oldest first.
    Fills {
        /// On what.
        instrument: InstrumentId,
        /// From when on.
        since: Timestamp,
        /// Next page.
        cursor: Option<Cursor>,
    },
    /// What the account holds.
    Balances {
        /// Where.
        market: Market,
    },
    /// Derivative positions.
    Positions {
        /// Where.
        market: Market,
        /// Next page.
        cursor: Option<Cursor>,
    },
    /// Ends every open order on an instrument, whoever placed it.
    CancelAll {
        /// On what.
        instrument: InstrumentId,
    },
    /// One order that waits for a trigger, where the venue keeps those apart (Binance USD-M). Asked by an answer that did not find it.
    ConditionalOrder {
        /// Ours.
        order: OrderId,
        /// On what.
        instrument: InstrumentId,
    },
    /// Ends every order that waits for a trigger, where the venue keeps those apart. Asked by the answer to [`Ask::CancelAll`].
    CancelAllConditional {
        /// On what.
        instrument: InstrumentId,
    },
    /// Funding paid or received on an instrument since a moment of the venue's clock, where the private stream does not state it whole.
    Funding {
        /// On what.
        instrument: InstrumentId,
        /// From when on.
        since: Timestamp,
        /// Next page.
        cursor: Option<Cursor>,
    },
    /// Arms or renews the venue's dead-man's switch; a zero window disarms it.
    DeadMan {
        /// On what, where the venue keeps one per instrument; of which market, where it keeps one per market.
        instrument: Option<InstrumentId>,
        /// Orders end when it is not renewed for so long.
        window: Nanos,
    },
}

impl Ask {
    /// The question as it was first asked: what its answer as a whole is known by, however many more were asked to complete it.
    #[must_use]
    pub fn whole(mut self) -> Self {
        match &mut self {
            Ask::OrderHistory { order, instrument } | Ask::ConditionalOrder { order, instrument } => {
                return Ask::Order { order: *order, instrument: *instrument };
            }
            Ask::CancelAllConditional { instrument } => return Ask::CancelAll { instrument: *instrument },
            Ask::Instruments { cursor, .. }
            | Ask::OpenOrders { cursor, .. }
            | Ask::Fills { cursor, .. }
            | Ask::Funding { cursor, .. }
            | Ask::Positions { cursor, .. } => *cursor = None,
            _ => {}
        }
        self
    }
}

/// HTTP verbs that venues use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// DELETE.
    Delete,
}

impl Method {
    /// As it is written in a request.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        }
    }
}

/// A request, signed and ready.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// Verb.
    pub method: Method,
    /// Address, query included.
    pub url: String,
    /// Names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// Body; empty for none.
    pub body: Vec<u8>,
}

/// Without query, headers and body, where keys and signatures are.
impl std::fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = self.url.split('?').next().unwrap_or_default();
        write!(f, "{} {path}", self.method.as_str())
    }
}

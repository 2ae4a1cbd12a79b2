//! The public market of a storm: what was seen of it, kept so that the journal can refer to it.

use crate::storm::desk::LINEAR;
use tradewind_types::{
    Bar, DepthKind, DepthUpdate, Input, InstrumentId, LevelChange, MarketEvent, Price, Qty, Quote, Sequence, Side, Stamp, Timestamp, Trade,
    TradeId,
};

#[derive(Clone, Debug)]
enum Body {
    Depth { kind: DepthKind, sequence: Sequence, changes: [LevelChange; 2] },
    Quote(Quote),
    Trade(Trade),
    Bar(Bar),
}

/// A market event as it reached us.
#[derive(Clone, Debug)]
pub struct Seen {
    stamp: Stamp,
    body: Body,
}

impl Seen {
    const fn at(local: Timestamp, body: Body) -> Self {
        Self { stamp: Stamp { ts_venue: local, ts_local: local }, body }
    }

    pub fn quote(at: Timestamp, instrument: InstrumentId, bid: i64, width: i64) -> Self {
        let quote = Quote { instrument, bid: Price(bid), bid_qty: Qty(9), ask: Price(bid + width), ask_qty: Qty(9) };
        Self::at(at, Body::Quote(quote))
    }

    pub fn trade(at: Timestamp, instrument: InstrumentId, price: i64) -> Self {
        Self::at(at, Body::Trade(Trade { instrument, trade: TradeId(1), price: Price(price), qty: Qty(3), aggressor: Side::Buy }))
    }

    pub fn bar(at: Timestamp, instrument: InstrumentId, close: i64) -> Self {
        let price = Price(close);
        let bar = Bar { instrument, open_ts: at, open: price, high: price, low: price, close: price, volume: Qty(5) };
        Self::at(at, Body::Bar(bar))
    }

    /// One level on each side of the linear perpetual's book.
    pub fn depth(at: Timestamp, kind: DepthKind, update: u64, bid: i64) -> Self {
        let level = |side, price| LevelChange { side, price: Price(price), qty: Qty(4) };
        let changes = [level(Side::Buy, bid), level(Side::Sell, bid + 11)];
        Self::at(at, Body::Depth { kind, sequence: Sequence { first: update, last: update, previous: None }, changes })
    }

    pub fn input(&self) -> Input<'_> {
        let event = match &self.body {
            Body::Depth { kind, sequence, changes } => {
                MarketEvent::Depth(DepthUpdate { instrument: LINEAR, kind: *kind, sequence: *sequence, changes })
            }
            Body::Quote(quote) => MarketEvent::Quote(*quote),
            Body::Trade(trade) => MarketEvent::Trade(*trade),
            Body::Bar(bar) => MarketEvent::Bar(*bar),
        };
        Input::Market { stamp: self.stamp, event }
    }
}

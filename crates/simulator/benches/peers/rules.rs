//! The Rust twins of the shared work's strategies (`benches/peers/strategies.py`): the same arithmetic in the same order, so the
//! same orders.

#![allow(clippy::float_arithmetic, reason = "the strategies' own arithmetic is in floats, as the shared work states it")]

use tradewind_engine::Engine;
use tradewind_simulator::{Fault, Strategist, Wake, Wakes};
use tradewind_types::{
    AccountId, BookId, Exposure, InstrumentId, Intent, Nanos, OrderKind, OrderState, OrderTerms, Price, Qty, Side, TimeInForce, Timestamp,
};

const BOOK: BookId = BookId(1);
const INSTRUMENT: InstrumentId = InstrumentId(0);
const TICKS_PER_UNIT: f64 = 100.0;
const LOTS_PER_UNIT: f64 = 1_000.0;

pub(crate) fn order(side: Side, kind: OrderKind, time_in_force: TimeInForce, lots: i64) -> Intent {
    let (account, qty) = (AccountId(0), Qty(lots));
    Intent::Place(OrderTerms { instrument: INSTRUMENT, account, book: BOOK, side, kind, time_in_force, qty, exposure: Exposure::Any })
}

fn market(side: Side, lots: i64) -> Intent {
    order(side, OrderKind::Market, TimeInForce::GoodTillCancelled, lots)
}

/// A strategy of the shared work.
pub(crate) trait Rule {
    fn wakes(&self) -> Wakes;
    fn on_wake(&mut self, wake: &Wake, engine: &Engine, intents: &mut Vec<Intent>);
}

/// A rule as the simulator wants it.
pub(crate) struct Hosted(pub Box<dyn Rule>, pub Wakes);

impl Strategist for Hosted {
    fn book(&self) -> BookId {
        BOOK
    }

    fn model(&self) -> u64 {
        0
    }

    fn wakes(&self) -> Wakes {
        self.1
    }

    fn wake(&mut self, _: Timestamp, wake: &Wake, engine: &Engine, intents: &mut Vec<Intent>) -> Result<(), Fault> {
        self.0.on_wake(wake, engine, intents);
        Ok(())
    }
}

/// Always on the side of the faster of two moving averages.
pub(crate) struct EmaCross {
    wakes: Wakes,
    weights: [f64; 2],
    averages: [f64; 2],
    seen: u64,
    slow_span: u64,
    is_long: Option<bool>,
}

impl EmaCross {
    pub(crate) fn new(fast: u32, slow: u32, wakes: Wakes) -> Self {
        let weight = |span: u32| 2.0 / (f64::from(span) + 1.0);
        let weights = [weight(fast), weight(slow)];
        Self { wakes, weights, averages: [0.0; 2], seen: 0, slow_span: u64::from(slow), is_long: None }
    }
}

impl Rule for EmaCross {
    fn wakes(&self) -> Wakes {
        self.wakes
    }

    fn on_wake(&mut self, wake: &Wake, engine: &Engine, intents: &mut Vec<Intent>) {
        let price = match wake {
            Wake::Trade(trade) => trade.price.0 as f64 / TICKS_PER_UNIT,
            Wake::Bar(bar) => bar.close.0 as f64 / TICKS_PER_UNIT,
            Wake::Book(id) => {
                let Some(quote) = engine.market(*id).quote() else { return };
                0.5 * (quote.bid.0 as f64 / TICKS_PER_UNIT + quote.ask.0 as f64 / TICKS_PER_UNIT)
            }
            Wake::Timer | Wake::Fill(_) => return,
        };
        self.seen += 1;
        if self.seen == 1 {
            self.averages = [price; 2];
            return;
        }
        for (average, weight) in self.averages.iter_mut().zip(self.weights) {
            *average += weight * (price - *average);
        }
        let is_long = self.averages[0] > self.averages[1];
        if self.seen < self.slow_span || self.is_long == Some(is_long) {
            return;
        }
        let lots = if self.is_long.replace(is_long).is_none() { 1_000 } else { 2_000 };
        intents.push(market(if is_long { Side::Buy } else { Side::Sell }, lots));
    }
}

/// A market order at each quote, buy and sell in turn.
pub(crate) struct OrderPerQuote(pub u64);

impl Rule for OrderPerQuote {
    fn wakes(&self) -> Wakes {
        Wakes { book: true, fill: true, ..Wakes::default() }
    }

    fn on_wake(&mut self, wake: &Wake, _: &Engine, intents: &mut Vec<Intent>) {
        if matches!(wake, Wake::Book(_)) {
            self.0 += 1;
            intents.push(market(if self.0 & 1 == 1 { Side::Buy } else { Side::Sell }, 10));
        }
    }
}

/// Joins the touch around a size-weighted mid, leaning against what it holds; looks at every tenth message.
#[derive(Default)]
pub(crate) struct TouchMaker {
    seen: u64,
    held: f64,
}

impl Rule for TouchMaker {
    fn wakes(&self) -> Wakes {
        Wakes { book: true, trade: true, fill: true, ..Wakes::default() }
    }

    fn on_wake(&mut self, wake: &Wake, engine: &Engine, intents: &mut Vec<Intent>) {
        match wake {
            Wake::Fill(fill) => {
                let side = engine.state().order(fill.order).map_or(0, |order| order.terms.side.sign());
                self.held += side as f64 * (fill.qty.0 as f64 / LOTS_PER_UNIT);
            }
            Wake::Book(id) => {
                let Some((bid, ask)) = engine.market(*id).book().and_then(|book| Some((book.best_bid()?, book.best_ask()?))) else {
                    return;
                };
                let unit = |ticks: i64| ticks as f64 / TICKS_PER_UNIT;
                let size = |lots: i64| lots as f64 / LOTS_PER_UNIT;
                let (bids, asks) = (size(bid.qty.0), size(ask.qty.0));
                let micro = (unit(bid.price.0) * asks + unit(ask.price.0) * bids) / (bids + asks);
                self.seen += 1;
                if !self.seen.is_multiple_of(10) {
                    return;
                }
                let skew = 0.01 * self.held / 0.1 * 0.25;
                let buy_at = bid.price.0.min(((micro - 0.005 - skew) * 100.0) as i64);
                let sell_at = ask.price.0.max(((micro + 0.005 - skew) * 100.0 + 1.0) as i64);
                requote(engine, intents, Side::Buy, Price(buy_at), self.held < 1.0);
                requote(engine, intents, Side::Sell, Price(sell_at), self.held > -1.0);
            }
            Wake::Timer | Wake::Trade(_) | Wake::Bar(_) => {}
        }
    }
}

fn requote(engine: &Engine, intents: &mut Vec<Intent>, side: Side, price: Price, is_allowed: bool) {
    if let Some(mine) = engine.state().live_orders().find(|order| order.terms.side == side) {
        if is_allowed && mine.price() == Some(price) {
            return;
        }
        intents.push(Intent::Cancel { order: mine.id });
    }
    if is_allowed {
        intents.push(order(side, OrderKind::Limit { price }, TimeInForce::PostOnly, 100));
    }
}

/// Ten levels a side around a mid that leans against what is held; looked at every 100 ms.
#[derive(Default)]
pub(crate) struct GridMaker {
    taken: Vec<(Side, i64)>,
}

const HALF_TICKS: f64 = 50.0;
const GRID_TICKS: i64 = 10;
const LEVELS: i64 = 10;
const MOST_LOTS: i64 = 1_000;

impl Rule for GridMaker {
    fn wakes(&self) -> Wakes {
        Wakes { timer: Some(Nanos(100_000_000)), ..Wakes::default() }
    }

    fn on_wake(&mut self, _: &Wake, engine: &Engine, intents: &mut Vec<Intent>) {
        let Some((bid, ask)) = engine.market(INSTRUMENT).book().and_then(|book| Some((book.best_bid()?, book.best_ask()?))) else { return };
        let held = engine.state().book_position(BOOK, INSTRUMENT).lots;
        let (best_bid, best_ask) = (bid.price.0 as f64, ask.price.0 as f64);
        let (middle, lean) = ((best_bid + best_ask) / 2.0, HALF_TICKS * (held as f64 / MOST_LOTS as f64));
        let step = GRID_TICKS as f64;
        let bid = ((middle - HALF_TICKS - lean).min(best_bid) / step).floor() as i64 * GRID_TICKS;
        let ask = ((middle + HALF_TICKS - lean).max(best_ask) / step).ceil() as i64 * GRID_TICKS;
        let width = GRID_TICKS * LEVELS;
        self.taken.clear();
        for order in engine.state().live_orders() {
            let price = order.price().map_or(0, |price| price.0);
            self.taken.push((order.terms.side, price));
            let is_inside = match order.terms.side {
                Side::Buy => (bid - width..=bid).contains(&price),
                Side::Sell => (ask..=ask + width).contains(&price),
            };
            if order.state == OrderState::Open && !is_inside {
                intents.push(Intent::Cancel { order: order.id });
            }
        }
        for away in (0..LEVELS).map(|level| level * GRID_TICKS) {
            for (side, price, has_room) in [(Side::Buy, bid - away, held < MOST_LOTS), (Side::Sell, ask + away, held > -MOST_LOTS)] {
                if has_room && !self.taken.contains(&(side, price)) {
                    intents.push(order(side, OrderKind::Limit { price: Price(price) }, TimeInForce::PostOnly, 10));
                }
            }
        }
    }
}

//! Two strategies: one that answers every book with an order, and one that places as many orders a second as it is told.

use tradewind_engine::Engine;
use tradewind_node::Seating;
use tradewind_simulator::{Fault, Strategist, Wake, Wakes};
use tradewind_types::{
    AccountId, BookId, Exposure, InstrumentId, Intent, Nanos, OrderKind, OrderState, OrderTerms, Price, Qty, Side, TimeInForce, Timestamp,
};

/// What a strategy does when it is woken; it looks at one instrument.
pub trait Way: Clone + 'static {
    fn wakes(&self) -> Wakes;
    fn act(&mut self, now: Timestamp, desk: &Desk, engine: &Engine, intents: &mut Vec<Intent>);
}

/// What it trades, with what.
pub struct Desk {
    book: BookId,
    account: AccountId,
    instrument: InstrumentId,
}

impl Desk {
    fn buy(&self, price: Price, time_in_force: TimeInForce, qty: Qty) -> Intent {
        let kind = OrderKind::Limit { price };
        let Self { book, account, instrument } = *self;
        Intent::Place(OrderTerms { instrument, account, book, side: Side::Buy, kind, time_in_force, qty, exposure: Exposure::Any })
    }

    /// Two per cent below the market.
    fn away(&self, engine: &Engine) -> Option<Price> {
        let bid = engine.market(self.instrument).touch()?.bid.0;
        Some(Price(bid - bid / 50))
    }
}

/// Seats one strategy.
pub struct Seat<W>(pub W);

struct Seated<W> {
    desk: Desk,
    way: W,
}

impl<W: Way> Seating for Seat<W> {
    fn seat(&mut self, book: BookId, _: &str, engine: &Engine) -> Result<Option<Box<dyn Strategist>>, String> {
        let registry = engine.state().registry();
        let instrument = registry.instruments().next().ok_or("nothing is listed")?;
        let is_spot = instrument.terms().kind.is_spot();
        let fits = |name: &str| name.ends_with("unified") || name.ends_with("spot") == is_spot;
        let account = registry.accounts().find(|a| fits(&a.name)).ok_or("there is no account")?.id;
        let desk = Desk { book, account, instrument: instrument.id() };
        Ok(Some(Box::new(Seated { desk, way: self.0.clone() })))
    }
}

impl<W: Way> Strategist for Seated<W> {
    fn book(&self) -> BookId {
        self.desk.book
    }

    fn model(&self) -> u64 {
        1
    }

    fn wakes(&self) -> Wakes {
        self.way.wakes()
    }

    fn wake(&mut self, now: Timestamp, _: &Wake, engine: &Engine, intents: &mut Vec<Intent>) -> Result<(), Fault> {
        self.way.act(now, &self.desk, engine, intents);
        Ok(())
    }
}

/// Keeps some quotes below the market, and moves the next one with every change of the book.
#[derive(Clone)]
pub struct Quoter {
    pub quotes: usize,
    pub qty: Qty,
    pub next: usize,
}

impl Way for Quoter {
    fn wakes(&self) -> Wakes {
        Wakes { book: true, ..Wakes::default() }
    }

    fn act(&mut self, _: Timestamp, desk: &Desk, engine: &Engine, intents: &mut Vec<Intent>) {
        let Some(price) = desk.away(engine) else { return };
        let live = engine.state().live_orders().count();
        if live < self.quotes {
            intents.push(desk.buy(price, TimeInForce::GoodTillCancelled, self.qty));
            return;
        }
        self.next = (self.next + 1) % self.quotes;
        let free = engine.state().live_orders().cycle_from(self.next).find(|order| order.state == OrderState::Open);
        if let Some(order) = free {
            // Never to where it is: venues refuse that.
            let price = if order.terms.kind.price() == Some(price) { Price(price.0 - 1) } else { price };
            intents.push(Intent::Amend { order: order.id, price, qty: order.terms.qty });
        }
    }
}

trait CycleFrom: Iterator + Sized {
    /// From the `n`th on, then the ones before it.
    fn cycle_from(self, n: usize) -> std::vec::IntoIter<Self::Item> {
        let mut all: Vec<_> = self.collect();
        if n < all.len() {
            all.rotate_left(n);
        }
        all.into_iter()
    }
}

impl<I: Iterator> CycleFrom for I {}

/// Places immediate orders that find nothing, so many a second: each is accepted, and over.
#[derive(Clone)]
pub struct Placer {
    pub per_second: i64,
    pub qty: Qty,
    pub span: Nanos,
    pub began: Option<Timestamp>,
    pub placed: i64,
}

/// Most that have no answer: beyond it the venue is not keeping up.
const UNANSWERED: usize = 5_000;

impl Way for Placer {
    fn wakes(&self) -> Wakes {
        Wakes { timer: Some(Nanos::from_millis(1)), ..Wakes::default() }
    }

    fn act(&mut self, now: Timestamp, desk: &Desk, engine: &Engine, intents: &mut Vec<Intent>) {
        let Some(price) = desk.away(engine) else { return };
        let began = *self.began.get_or_insert(now);
        let passed = now.since(began).0.min(self.span.0);
        let due = i64::try_from(i128::from(passed) * i128::from(self.per_second) / 1_000_000_000).unwrap();
        let room = UNANSWERED.saturating_sub(engine.state().live_orders().count());
        let count = (due - self.placed).min(i64::try_from(room).unwrap());
        self.placed += count;
        intents.extend((0..count).map(|_| desk.buy(price, TimeInForce::ImmediateOrCancel, self.qty)));
    }
}

//! What each step of an order's life costs in memory, journal records included: `cargo bench -p tradewind-simulator --bench order_path`.
//!
//! A spot account; firm, venue, account and book each with a limit of every kind; a thousand orders resting. Each round is a few
//! hundred steps of one kind, and the best of many short rounds counts, since whatever disturbs a round only makes it slower.
//! The state lives on from round to round, as it does in a running engine.
//!
//! An argument picks the rows whose names begin so; `--rounds N` sets how often.

use std::hint::black_box;
use std::time::Instant;
use tradewind_engine::{ApplyError, Engine, Step};
use tradewind_journal::{CommitLevel, JournalError, RunFacts, Writer};
use tradewind_types::{
    Account, AccountId, Amount, Asset, AssetId, Author, BookId, Control, Decimal, Definition, Exposure, FeeCharge, Fill, Input,
    InstrumentId, InstrumentKind, InstrumentTerms, Intent, LimitScope, LimitSettings, Liquidity, MarginMode, MarketEvent, Nanos, OrderId,
    OrderKind, OrderTerms, Price, Qty, Quote, Rate, Side, Stamp, TimeInForce, Timestamp, TradeId, VenueId, VenueOrderId, VenueReply,
};

const BATCH: u64 = 256;
const RESTING: u64 = 1_000;
const MID: i64 = 6_000_000;
const QUOTE: AssetId = AssetId(0);
const BASE: AssetId = AssetId(1);
const INSTRUMENT: InstrumentId = InstrumentId(0);
const ACCOUNT: AccountId = AccountId(0);
const VENUE: VenueId = VenueId(0);
const BOOK: BookId = BookId(1);
const START: Timestamp = Timestamp(1_700_000_000_000_000_000);

/// Why a bench cannot go on.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error("{0}")]
    Other(String),
}

/// What is journaled of a step.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Log {
    Nothing,
    Outcomes,
    Everything,
}

struct Desk {
    engine: Engine,
    step: Step,
    log: Log,
    journal: Writer<Vec<u8>>,
    seq: u64,
    now: Timestamp,
    /// Orders sent so far.
    sent: u64,
    trades: u64,
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn now() -> Instant {
    Instant::now()
}

/// Memory that the system has handed out already, so that the journal is measured and not the system.
fn journal() -> Result<Writer<Vec<u8>>, JournalError> {
    let mut touched = vec![1; 1 << 20];
    touched.clear();
    let facts = RunFacts { code_version: "bench".into(), node: 1, epoch: 1, created: START, segments: Vec::new(), setup: String::new() };
    Writer::new(touched, &facts, CommitLevel::Memory)
}

impl Desk {
    fn open(log: Log, orders: usize) -> Result<Self, Failure> {
        let (engine, step) = (Engine::new(), Step::new());
        let mut desk = Self { engine, step, log, journal: journal()?, seq: 0, now: START, sent: 0, trades: 0 };
        definitions().into_iter().try_for_each(|definition| desk.control(&Control::Define(definition)))?;
        desk.engine.prepare(orders);
        desk.quote();
        for _ in 0..RESTING {
            let order = desk.place(Side::Buy, Price(MID - 500))?;
            desk.reply(VenueReply::Accepted { order, venue_order: VenueOrderId(u128::from(order.counter)) })?;
        }
        Ok(desk)
    }

    fn quote(&mut self) {
        let quote = Quote { instrument: INSTRUMENT, bid: Price(MID - 1), bid_qty: Qty(1), ask: Price(MID + 1), ask_qty: Qty(1) };
        let stamp = Stamp { ts_venue: self.now, ts_local: self.now };
        self.engine.step(&Input::Market { stamp, event: MarketEvent::Quote(quote) }, &mut self.step);
    }

    #[inline]
    fn control(&mut self, control: &Control) -> Result<(), Failure> {
        self.seq += 1;
        if self.log == Log::Everything {
            self.journal.append_input(self.seq, self.now, control)?;
        }
        self.engine.step(&Input::Control { at: self.now, control }, &mut self.step);
        if self.log != Log::Nothing {
            for outcome in &self.step.outcomes {
                self.journal.append_outcome(self.seq, outcome)?;
            }
        }
        match self.step.fault.take() {
            None => Ok(()),
            Some(fault) => Err(fault.into()),
        }
    }

    #[inline]
    fn place(&mut self, side: Side, price: Price) -> Result<OrderId, Failure> {
        let terms = OrderTerms {
            instrument: INSTRUMENT,
            account: ACCOUNT,
            book: BOOK,
            side,
            kind: OrderKind::Limit { price },
            time_in_force: TimeInForce::PostOnly,
            qty: Qty(7),
            exposure: Exposure::Any,
        };
        self.now = self.now.plus(Nanos(10_000));
        self.decide(Intent::Place(terms))?;
        self.sent += 1;
        Ok(id(self.sent))
    }

    #[inline]
    fn decide(&mut self, intent: Intent) -> Result<(), Failure> {
        self.control(black_box(&Control::Decision { author: Author::Strategy(BOOK), model: 1, valid_until: Timestamp::MAX, intent }))?;
        if self.step.commands.len() == 1 {
            Ok(())
        } else {
            Err(Failure::Other(format!("{intent:?} was refused: {:?}", self.step.outcomes)))
        }
    }

    #[inline]
    fn reply(&mut self, reply: VenueReply) -> Result<(), Failure> {
        self.control(black_box(&Control::Reply(reply)))
    }

    #[inline]
    fn fill(&mut self, order: OrderId, price: Price) -> Result<(), Failure> {
        self.trades += 1;
        let fee = FeeCharge { asset: QUOTE, amount: Amount(19_537_020) };
        let (trade, qty) = (TradeId(4_021_337_000 + u128::from(self.trades)), Qty(7));
        let ts_venue = self.now;
        self.reply(VenueReply::Filled(Fill { order, trade, price, qty, liquidity: Liquidity::Maker, fee, stated_cash: None, ts_venue }))
    }
}

const fn id(counter: u64) -> OrderId {
    OrderId { node: 1, epoch: 1, counter }
}

fn definitions() -> Vec<Definition> {
    let asset = |id, symbol: &str| Definition::Asset(Asset { id, symbol: symbol.into(), scale: 10 });
    let terms = InstrumentTerms {
        id: INSTRUMENT,
        venue: VENUE,
        symbol: "BENCH".into(),
        kind: InstrumentKind::Spot,
        base: BASE,
        quote: QUOTE,
        settle: QUOTE,
        tick: Decimal { mantissa: 1, scale: 2 },
        lot: Decimal { mantissa: 1, scale: 5 },
        multiplier: Decimal { mantissa: 1, scale: 0 },
        min_qty: Qty(1),
        max_qty: Qty(1_000_000),
        min_notional: Amount(1),
    };
    let account = Account { id: ACCOUNT, venue: VENUE, name: "bench".into(), mode: MarginMode::Spot };
    let mut all = vec![asset(QUOTE, "USDT"), asset(BASE, "COIN"), Definition::Instrument(terms), Definition::Account(account)];
    all.push(Definition::Book { book: BOOK, name: "bench".into() });
    for scope in [LimitScope::Firm, LimitScope::Venue(VENUE), LimitScope::Account(ACCOUNT), LimitScope::Book(BOOK)] {
        all.push(Definition::Limits(LimitSettings {
            scope,
            instrument: None,
            max_order_qty: Some(Qty(1_000)),
            max_order_notional: Some(Amount(1 << 60)),
            max_price_deviation: Some(Rate(10_000_000)),
            max_reference_age: Some(Nanos::from_secs(86_400)),
            max_position: Some(Qty(1 << 40)),
            max_orders_per_window: Some(1_000),
            rate_window: Nanos(1_000_000),
        }));
    }
    all.push(Definition::Epoch { node: 1, epoch: 1 });
    for asset in [QUOTE, BASE] {
        all.push(Definition::Deposit { account: ACCOUNT, book: BOOK, asset, amount: Amount(1 << 80) });
    }
    all
}

/// Best ns of a batch of each part over the rounds.
#[derive(Clone, Copy)]
struct Best([u64; 5]);

const PARTS: [&str; 5] = ["place", "accepted", "filled", "cancel", "cancelled"];

fn round(desk: &mut Desk, best: &mut Best) -> Result<(), Failure> {
    desk.journal.commit()?;
    let first = desk.sent + 1;
    let orders = || (first..first + BATCH).map(id);
    let mut timed = |desk: &mut Desk, part: usize, work: &mut dyn FnMut(&mut Desk) -> Result<(), Failure>| -> Result<(), Failure> {
        let start = now();
        work(desk)?;
        best.0[part] = best.0[part].min(start.elapsed().as_nanos() as u64);
        Ok(())
    };
    desk.quote();
    // Buys and sells in turn, so that positions stay small.
    let side = |n: u64| if n & 1 == 0 { Side::Buy } else { Side::Sell };
    timed(desk, 0, &mut |desk| (0..BATCH).try_for_each(|n| desk.place(side(n), Price(MID + n.cast_signed() % 64)).map(|_| ())))?;
    timed(desk, 1, &mut |desk| {
        orders().try_for_each(|order| {
            desk.reply(VenueReply::Accepted { order, venue_order: VenueOrderId(17_000_000_000 + u128::from(order.counter)) })
        })
    })?;
    // Half of them are filled, half cancelled.
    timed(desk, 2, &mut |desk| orders().step_by(4).chain(orders().skip(1).step_by(4)).try_for_each(|order| desk.fill(order, Price(MID))))?;
    let rest = || orders().skip(2).step_by(4).chain(orders().skip(3).step_by(4));
    timed(desk, 3, &mut |desk| rest().try_for_each(|order| desk.decide(Intent::Cancel { order })))?;
    timed(desk, 4, &mut |desk| rest().try_for_each(|order| desk.reply(VenueReply::Cancelled { order })))
}

fn main() -> Result<(), Failure> {
    let (mut rounds, mut only) = (400, String::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--bench" => {}
            "--rounds" => {
                let said = arguments.next().and_then(|n| n.parse().ok());
                rounds = said.ok_or(Failure::Other("--rounds needs a number".into()))?;
            }
            other => only = other.to_owned(),
        }
    }
    for (name, log) in [("engine", Log::Nothing), ("outcomes", Log::Outcomes), ("everything", Log::Everything)] {
        if !name.starts_with(&only) {
            continue;
        }
        let (mut desk, mut best) = (Desk::open(log, RESTING as usize + rounds * BATCH as usize)?, Best([u64::MAX; 5]));
        for _ in 0..rounds {
            round(&mut desk, &mut best)?;
        }
        let per = |part: usize| best.0[part] * 10 / if part < 2 { BATCH } else { BATCH / 2 };
        let rows: Vec<String> =
            PARTS.iter().enumerate().map(|(part, what)| format!("{what} {}.{}", per(part) / 10, per(part) % 10)).collect();
        println!("{name:<12} ns: {}; state {}", rows.join(" · "), desk.engine.state_hash());
    }
    Ok(())
}

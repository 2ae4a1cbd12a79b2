//! Order → acknowledgement across two threads, one in flight: `cargo bench -p tradewind-simulator --bench round_trip`.
//!
//! A gateway thread sends a decision through a single-producer ring to the thread that owns the engine, which checks it against
//! the limits, applies it, journals input and outcomes in memory, and sends what leaves back through another ring. A cancel in
//! turn with a place keeps the number of live orders where it is. The time is from before the push to after the pop, at the
//! gateway. Both threads spin; the machine must have two cores for them, and whatever else it does shows in the tail, so the
//! windows are short and the quantiles of the quietest ones are printed beside those of the whole run.

use rtrb::{Consumer, Producer, RingBuffer};
use std::hint::{black_box, spin_loop};
use std::time::Instant;
use tradewind_engine::{Engine, Step};
use tradewind_journal::{CommitLevel, JournalError, RunFacts, Writer};
use tradewind_types::{
    Account, AccountId, Amount, Asset, AssetId, Author, BookId, Control, Decimal, Definition, Exposure, Input, InstrumentId,
    InstrumentKind, InstrumentTerms, Intent, LimitScope, LimitSettings, MarginMode, MarketEvent, Nanos, OrderId, OrderKind, OrderRequest,
    OrderTerms, Price, Qty, Quote, Rate, Side, Stamp, TimeInForce, Timestamp, VenueId,
};

const WINDOW: usize = 5_000;
const WINDOWS: usize = 100;
const RESTING: u64 = 1_000;
const MID: i64 = 6_000_000;
const QUOTE: AssetId = AssetId(0);
const BASE: AssetId = AssetId(1);
const INSTRUMENT: InstrumentId = InstrumentId(0);
const ACCOUNT: AccountId = AccountId(0);
const VENUE: VenueId = VenueId(0);
const BOOK: BookId = BookId(1);
const START: Timestamp = Timestamp(1_700_000_000_000_000_000);

/// What goes to the engine's thread; none is the end.
type Asked = Option<(Timestamp, Intent)>;
/// What comes back: the request that would leave, or none where it was refused.
type Answered = Option<OrderRequest>;

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn now() -> Instant {
    Instant::now()
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
    let limits = |scope| {
        Definition::Limits(LimitSettings {
            scope,
            instrument: None,
            max_order_qty: Some(Qty(1_000)),
            max_order_notional: Some(Amount(1 << 60)),
            max_price_deviation: Some(Rate(10_000_000)),
            max_reference_age: Some(Nanos::from_secs(86_400)),
            max_position: Some(Qty(1 << 40)),
            max_orders_per_window: Some(1_000),
            rate_window: Nanos(1_000_000),
        })
    };
    let deposit = |asset| Definition::Deposit { account: ACCOUNT, book: BOOK, asset, amount: Amount(1 << 80) };
    vec![
        asset(QUOTE, "USDT"),
        asset(BASE, "COIN"),
        Definition::Instrument(terms),
        Definition::Account(account),
        Definition::Book { book: BOOK, name: "bench".into() },
        limits(LimitScope::Firm),
        limits(LimitScope::Venue(VENUE)),
        limits(LimitScope::Account(ACCOUNT)),
        limits(LimitScope::Book(BOOK)),
        Definition::Epoch { node: 1, epoch: 1 },
        deposit(QUOTE),
        deposit(BASE),
    ]
}

/// The engine's side: engine, journal, and the numbers of its inputs.
struct Core {
    engine: Engine,
    step: Step,
    journal: Writer<Vec<u8>>,
    seq: u64,
}

impl Core {
    fn open(orders: usize) -> Result<Self, JournalError> {
        let facts =
            RunFacts { code_version: "bench".into(), node: 1, epoch: 1, created: START, segments: Vec::new(), setup: String::new() };
        // Memory that the system has handed out already.
        let mut touched = vec![1; orders * 400];
        touched.clear();
        let journal = Writer::new(touched, &facts, CommitLevel::Memory)?;
        let mut core = Self { engine: Engine::new(), step: Step::new(), journal, seq: 0 };
        core.engine.prepare(orders);
        for definition in definitions() {
            core.take(START, &Control::Define(definition))?;
        }
        let quote = Quote { instrument: INSTRUMENT, bid: Price(MID - 1), bid_qty: Qty(1), ask: Price(MID + 1), ask_qty: Qty(1) };
        let stamp = Stamp { ts_venue: START, ts_local: START };
        core.engine.step(&Input::Market { stamp, event: MarketEvent::Quote(quote) }, &mut core.step);
        Ok(core)
    }

    #[inline]
    fn take(&mut self, at: Timestamp, control: &Control) -> Result<(), JournalError> {
        self.seq += 1;
        self.journal.append_input(self.seq, at, control)?;
        self.engine.step(&Input::Control { at, control }, &mut self.step);
        self.step.outcomes.iter().try_for_each(|outcome| self.journal.append_outcome(self.seq, outcome))
    }

    fn serve(&mut self, inbox: &mut Consumer<Asked>, outbox: &mut Producer<Answered>) -> Result<(), JournalError> {
        loop {
            let Ok(asked) = inbox.pop() else {
                spin_loop();
                continue;
            };
            let Some((at, intent)) = asked else { return self.journal.commit() };
            let control = Control::Decision { author: Author::Strategy(BOOK), model: 1, valid_until: Timestamp::MAX, intent };
            self.take(at, &control)?;
            let mut answer = self.step.commands.first().map(|command| *command.request());
            while let Err(rtrb::PushError::Full(again)) = outbox.push(answer) {
                answer = again;
                spin_loop();
            }
        }
    }
}

/// The n-th request: places and, once enough rest, cancels of the oldest in turn with them.
fn intent(n: u64) -> Intent {
    if n > 2 * RESTING && n % 2 == 1 {
        return Intent::Cancel { order: OrderId { node: 1, epoch: 1, counter: (n - 2 * RESTING).div_ceil(2) } };
    }
    let side = if n % 4 < 2 { Side::Buy } else { Side::Sell };
    Intent::Place(OrderTerms {
        instrument: INSTRUMENT,
        account: ACCOUNT,
        book: BOOK,
        side,
        kind: OrderKind::Limit { price: Price(MID - side.sign() * (1 + n.cast_signed() % 64)) },
        time_in_force: TimeInForce::PostOnly,
        qty: Qty(7),
        exposure: Exposure::Any,
    })
}

/// Latencies of each request in ns, and how many were refused.
fn gateway(outbox: &mut Producer<Asked>, inbox: &mut Consumer<Answered>) -> (Vec<u64>, usize) {
    let (mut latencies_ns, mut refused) = (Vec::with_capacity(WINDOW * WINDOWS), 0);
    for n in 0..(WINDOW * WINDOWS) as u64 {
        let at = START.plus(Nanos(10_000 * n.cast_signed()));
        let mut asked = Some((at, intent(n)));
        let start = now();
        while let Err(rtrb::PushError::Full(again)) = outbox.push(asked) {
            asked = again;
            spin_loop();
        }
        let answer = loop {
            match inbox.pop() {
                Ok(answer) => break answer,
                Err(_) => spin_loop(),
            }
        };
        latencies_ns.push(start.elapsed().as_nanos() as u64);
        refused += usize::from(black_box(answer).is_none());
    }
    (latencies_ns, refused)
}

fn quantiles(latencies_ns: &mut [u64]) -> [u64; 4] {
    latencies_ns.sort_unstable();
    [500, 900, 990, 999].map(|per_mille| latencies_ns[(latencies_ns.len() * per_mille / 1_000).min(latencies_ns.len() - 1)])
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let orders = WINDOW * WINDOWS;
    let mut core = Core::open(orders)?;
    let (mut to_core, mut from_gateway) = RingBuffer::new(1 << 10);
    let (mut to_gateway, mut from_core) = RingBuffer::new(1 << 10);
    let (latencies, hash) = std::thread::scope(|scope| {
        let served = scope.spawn(move || core.serve(&mut from_gateway, &mut to_gateway).map(|()| core.engine.state_hash()));
        let seen = gateway(&mut to_core, &mut from_core);
        while to_core.push(None).is_err() {
            spin_loop();
        }
        (seen, served.join())
    });
    let (mut latencies_ns, refused) = latencies;
    let hash = hash.map_err(|_| "the engine's thread panicked")??;
    let mut windows: Vec<[u64; 4]> = latencies_ns.chunks_mut(WINDOW).skip(1).map(quantiles).collect();
    let best: [u64; 4] = std::array::from_fn(|q| windows.iter().map(|window| window[q]).min().unwrap_or(0));
    windows.sort_unstable();
    let [median, ..] = windows[windows.len() / 2];
    let whole = quantiles(&mut latencies_ns);
    println!("order -> ack, two threads, closed loop, memory journal: {orders} requests, {refused} refused, state {hash}");
    for (name, [p50, p90, p99, p999]) in [("best window", best), ("whole run", whole)] {
        println!("{name:<12} p50 {p50} · p90 {p90} · p99 {p99} · p99.9 {p999} ns");
    }
    println!("median window p50 {median} ns");
    Ok(())
}

//! How long a node is away: `cargo bench -p tradewind-simulator --bench recovery -- [--orders N] [--day] [--folder DIR]`.
//!
//! Orders are placed, accepted and filled (or cancelled) through the engine and journaled to a folder at level process, as a node
//! would. Then the folder is recovered: all of it by apply alone, and from a snapshot nine tenths on with the tail behind it. One
//! JSON line per figure; the state hashes must agree. Times are wall and CPU time of this process: on a busy machine the second
//! is the one to trust.
//!
//! `--day` measures the end of a day at 10,000 records a second instead: orders that are over are kept for an hour, a snapshot is
//! written every ten minutes. All of the day is traded through the engine; journaled is only what recovery reads: the ten minutes
//! behind the last snapshot, which lies as far back as it can.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tradewind_engine::{Engine, Step};
use tradewind_journal::{Chain, CommitLevel, DiskBudget, Entries, FolderJournal, FolderSettings, RunFacts, read_snapshot, verify_path};
use tradewind_simulator::{recover, recover_path, snapshot};
use tradewind_types::{
    Account, AccountId, Amount, Asset, AssetId, Author, BookId, Control, Decimal, Definition, Exposure, FeeCharge, Fill, Input,
    InstrumentId, InstrumentKind, InstrumentTerms, Intent, Liquidity, MarginMode, Nanos, OrderKind, OrderTerms, Outcome, Price, Qty, Side,
    TimeInForce, Timestamp, TradeId, VenueId, VenueOrderId, VenueReply,
};

type Failure = Box<dyn std::error::Error>;

const START: Timestamp = Timestamp(1_700_000_000_000_000_000);
const COIN: InstrumentId = InstrumentId(0);
const ACCOUNT: AccountId = AccountId(0);
/// Inputs between two commits: what arrives while the last commit is under way.
const INPUTS_PER_COMMIT: u64 = 16;

/// What a node of the day does: records a second, of which 3.25 in 6.5 are inputs.
const RECORDS_PER_SECOND: u64 = 10_000;
const INPUT_GAP_NS: i64 = 200_000;
const RETENTION: Nanos = Nanos::from_secs(3_600);
const TRADED_SECONDS: u64 = 86_400;
const SNAPSHOT_SECONDS: u64 = 600;

struct Desk {
    engine: Engine,
    /// None while what happens need not be read again.
    journal: Option<FolderJournal>,
    folder: PathBuf,
    step: Step,
    seq: u64,
    records: u64,
}

impl Desk {
    fn open(folder: &Path) -> Result<Self, Failure> {
        let mut desk = Self { engine: Engine::new(), journal: None, folder: folder.to_path_buf(), step: Step::new(), seq: 0, records: 0 };
        desk.begin_journal()?;
        desk.define()?;
        Ok(desk)
    }

    fn begin_journal(&mut self) -> Result<(), Failure> {
        let facts =
            RunFacts { code_version: "bench".into(), node: 1, epoch: 1, created: START, segments: Vec::new(), setup: String::new() };
        let settings =
            FolderSettings { budget: DiskBudget { folder_bytes: u64::MAX, reserve_bytes: 1 << 32 }, ..FolderSettings::default() };
        self.journal = Some(FolderJournal::create_folder(&self.folder, &facts, settings, CommitLevel::Process)?);
        Ok(())
    }

    fn define(&mut self) -> Result<(), Failure> {
        definitions().into_iter().try_for_each(|definition| self.input(&Control::Define(definition)))
    }

    /// Writes the state down at the place that the journal has come to.
    fn snapshot(&self) -> Result<PathBuf, Failure> {
        let journal = self.journal.as_ref().ok_or("a snapshot belongs to a journal")?;
        Ok(snapshot(&self.folder, &self.engine, journal.place(), DiskBudget::UNLIMITED)?)
    }

    fn input(&mut self, control: &Control) -> Result<(), Failure> {
        self.seq += 1;
        let at = Timestamp(START.0 + self.seq as i64 * INPUT_GAP_NS);
        self.engine.step(&Input::Control { at, control }, &mut self.step);
        self.records += 1 + self.step.outcomes.len() as u64;
        let Some(journal) = &mut self.journal else { return Ok(()) };
        journal.append_input(self.seq, at, control)?;
        for outcome in &self.step.outcomes {
            journal.append_outcome(self.seq, outcome)?;
        }
        if self.seq.is_multiple_of(INPUTS_PER_COMMIT) {
            journal.commit()?;
        }
        Ok(())
    }

    /// Trades until so many records more were made; the number of the next order.
    fn trade_records(&mut self, mut next: u64, records: u64) -> Result<u64, Failure> {
        let end = self.records + records;
        while self.records < end {
            self.trade(next..next + 1_000)?;
            next += 1_000;
        }
        Ok(next)
    }

    /// Three of four orders are filled, the fourth is cancelled.
    fn trade(&mut self, orders: std::ops::Range<u64>) -> Result<(), Failure> {
        for n in orders {
            let side = if n % 2 == 0 { Side::Buy } else { Side::Sell };
            let terms = OrderTerms {
                instrument: COIN,
                account: ACCOUNT,
                book: BookId((n / 2 % 16) as u32),
                side,
                kind: OrderKind::Limit { price: Price(6_500_000 + (n % 100) as i64) },
                time_in_force: TimeInForce::PostOnly,
                qty: Qty(1_500),
                exposure: Exposure::Any,
            };
            let decide = |intent| Control::Decision { author: Author::Operator, model: 1, valid_until: Timestamp::MAX, intent };
            self.input(&decide(Intent::Place(terms)))?;
            let Some(Outcome::OrderSent { order, .. }) = self.step.outcomes.first() else {
                return Err(format!("order {n} was not sent: {:?}", self.step.outcomes).into());
            };
            let order = *order;
            self.input(&Control::Reply(VenueReply::Accepted { order, venue_order: VenueOrderId(u128::from(n) + 8_000_000_000) }))?;
            if n % 4 == 3 {
                self.input(&decide(Intent::Cancel { order }))?;
                self.input(&Control::Reply(VenueReply::Cancelled { order }))?;
            } else {
                self.input(&Control::Reply(VenueReply::Filled(Fill {
                    order,
                    trade: TradeId(u128::from(n) + 4_000_000_000),
                    price: Price(6_500_000),
                    qty: terms.qty,
                    liquidity: Liquidity::Maker,
                    fee: FeeCharge { asset: AssetId(0), amount: Amount(19_537_020) },
                    stated_cash: None,
                    ts_venue: START,
                })))?;
            }
        }
        if let Some(journal) = &mut self.journal {
            journal.commit()?;
        }
        Ok(())
    }
}

fn definitions() -> Vec<Definition> {
    let asset = |id, symbol: &str| Definition::Asset(Asset { id: AssetId(id), symbol: symbol.into(), scale: 8 });
    let terms = InstrumentTerms {
        id: COIN,
        venue: VenueId(0),
        symbol: "BENCH".into(),
        kind: InstrumentKind::LinearPerpetual,
        base: AssetId(1),
        quote: AssetId(0),
        settle: AssetId(0),
        tick: Decimal { mantissa: 1, scale: 2 },
        lot: Decimal { mantissa: 1, scale: 3 },
        multiplier: Decimal { mantissa: 1, scale: 0 },
        min_qty: Qty(1),
        max_qty: Qty(1_000_000),
        min_notional: Amount(0),
    };
    let account = Account { id: ACCOUNT, venue: VenueId(0), name: "main".into(), mode: MarginMode::Cross };
    let mut all = vec![asset(0, "USDT"), asset(1, "COIN"), Definition::Instrument(terms), Definition::Account(account)];
    all.extend((1..16).map(|n| Definition::Book { book: BookId(n), name: format!("book {n}") }));
    all.push(Definition::Epoch { node: 1, epoch: 1 });
    all
}

/// Wall and CPU time of some work, and what it gave.
fn timed<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<(Duration, Duration, T), Failure> {
    let (start, cpu) = (now(), cpu_time());
    let done = work()?;
    Ok((start.elapsed(), cpu_time() - cpu, done))
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn now() -> Instant {
    Instant::now()
}

/// CPU time of this process so far, in the kernel's ticks of 10 ms; zero where the system does not say.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn print(name: &str, wall: Duration, cpu: Duration, records: u64, bytes: u64) {
    let per_second = |time: Duration| (records as u128 * 1_000_000_000 / time.as_nanos().max(1)) as u64;
    println!(
        "{{\"name\":\"{name}\",\"wall_ms\":{},\"cpu_ms\":{},\"records\":{records},\"bytes\":{bytes},\"records_per_wall_s\":{},\"records_per_cpu_s\":{}}}",
        wall.as_millis(),
        cpu.as_millis(),
        per_second(wall),
        per_second(cpu),
    );
}

type Measure = fn(&Path, u64) -> Result<(), Failure>;

fn main() -> Result<(), Failure> {
    let (mut orders, mut measure, mut parent): (_, Measure, _) = (100_000_u64, measure_run, std::env::temp_dir());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // Cargo's own, when it runs us.
            "--bench" => {}
            "--orders" => orders = arguments.next().ok_or("--orders needs a number")?.parse()?,
            "--folder" => parent = PathBuf::from(arguments.next().ok_or("--folder needs a folder")?),
            "--day" => measure = measure_day,
            other => return Err(format!("`{other}` is not understood; --orders N, --day, --folder DIR").into()),
        }
    }
    let folder = parent.join(format!("tradewind-recovery-{}", std::process::id()));
    let measured = measure(&folder, orders);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    measured
}

fn measure_run(folder: &Path, orders: u64) -> Result<(), Failure> {
    let mut desk = Desk::open(folder)?;
    let early = orders / 10 * 9;
    let (wall, cpu, ()) = timed(|| desk.trade(0..early))?;
    let (snapshot_wall, snapshot_cpu, path) = timed(|| desk.snapshot())?;
    let (snapshot_records, snapshot_bytes) = (desk.records, std::fs::metadata(&path)?.len());
    let (more_wall, more_cpu, ()) = timed(|| desk.trade(early..orders))?;
    let (records, hash) = (desk.records, desk.engine.state_hash());
    drop(desk);
    let bytes = verify_path(folder)?.intact_bytes;
    print("step_and_journal", wall + more_wall, cpu + more_cpu, records, bytes);
    print("snapshot_write", snapshot_wall, snapshot_cpu, snapshot_records, snapshot_bytes);

    let (wall, cpu, seen) = timed(|| Ok(verify_path(folder)?))?;
    print("verify", wall, cpu, seen.records, bytes);
    let (wall, cpu, whole) = timed(|| Ok(recover(Chain::open(folder)?)?))?;
    print("recover_all", wall, cpu, seen.records, bytes);
    let (wall, cpu, loaded) = timed(|| {
        let snapshot = read_snapshot(&path)?;
        Ok(Engine::restore(&snapshot.state, snapshot.hash)?)
    })?;
    print("snapshot_load", wall, cpu, snapshot_records, snapshot_bytes);
    drop(loaded);
    let (wall, cpu, recovered) = timed(|| Ok(recover_path(folder)?))?;
    print("snapshot_and_tail", wall, cpu, records, bytes);
    print("tail", wall, cpu, recovered.records, 0);
    let agree = [whole.state_hash, recovered.recovered.state_hash].iter().all(|found| *found == hash);
    let chain = Chain::open(folder)?;
    println!("{{\"orders\":{orders},\"hash\":\"{hash}\",\"agree\":{agree},\"node\":{}}}", chain.facts().node);
    if agree { Ok(()) } else { Err("the recovered states differ from the one that was left".into()) }
}

/// Restarts at the end of a day: the snapshot of ten minutes ago and everything behind it, until the engine can step again.
fn measure_day(folder: &Path, _orders: u64) -> Result<(), Failure> {
    let mut desk = Desk { engine: Engine::new(), journal: None, folder: folder.to_path_buf(), step: Step::new(), seq: 0, records: 0 };
    desk.define()?;
    desk.input(&Control::Define(Definition::Retention { done_for: RETENTION }))?;
    let (wall, cpu, next) = timed(|| desk.trade_records(0, TRADED_SECONDS * RECORDS_PER_SECOND))?;
    print("day_trade", wall, cpu, desk.records, 0);
    desk.begin_journal()?;
    let (wall, cpu, path) = timed(|| desk.snapshot())?;
    let bytes = std::fs::metadata(&path)?.len();
    print("day_snapshot_write", wall, cpu, desk.engine.state().orders().count() as u64, bytes);
    let before = desk.records;
    desk.trade_records(next, SNAPSHOT_SECONDS * RECORDS_PER_SECOND)?;
    let (tail, remembered) = (desk.records - before, desk.engine.state().orders().count());
    let (hash, seconds) = (desk.engine.state_hash(), desk.seq as i64 * INPUT_GAP_NS / 1_000_000_000);
    drop(desk);
    let (wall, cpu, (recovered, steps)) = timed(|| {
        let mut found = recover_path(folder)?.recovered;
        let steps = is_ready(&mut found.engine);
        Ok((found, steps))
    })?;
    print("day_restart", wall, cpu, tail, bytes);
    let agree = recovered.state_hash == hash && steps;
    println!(
        "{{\"traded_s\":{seconds},\"retention_s\":{},\"snapshot_s\":{SNAPSHOT_SECONDS},\"orders_sent\":{next},\"remembered\":{remembered},\"tail_records\":{tail},\"restart_ms\":{},\"agree\":{agree}}}",
        RETENTION.0 / 1_000_000_000,
        wall.as_millis(),
    );
    if agree { Ok(()) } else { Err("the recovered state differs from the one that was left, or does not step".into()) }
}

/// Whether the engine takes an input.
fn is_ready(engine: &mut Engine) -> bool {
    let (mut step, control) = (Step::new(), Control::Define(Definition::Book { book: BookId(17), name: "after".into() }));
    engine.step(&Input::Control { at: START, control: &control }, &mut step);
    matches!(step.outcomes[..], [Outcome::Defined(_)])
}

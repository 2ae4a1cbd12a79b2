//! How long a node is away: `cargo bench -p tradewind-simulator --bench recovery -- [--orders N] [--folder DIR]`.
//!
//! Orders are placed, accepted and filled (or cancelled) through the engine and journaled to a folder at level process, as a node
//! would. Then the folder is recovered: all of it by apply alone, and from a snapshot nine tenths on with the tail behind it. One
//! JSON line per figure; the state hashes must agree. Times are wall and CPU time of this process: on a busy machine the second
//! is the one to trust.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tradewind_engine::{Engine, Step};
use tradewind_journal::{Chain, CommitLevel, DiskBudget, Entries, FolderJournal, FolderSettings, RunFacts, read_snapshot, verify_path};
use tradewind_simulator::{recover, recover_path, snapshot};
use tradewind_types::{
    Account, AccountId, Amount, Asset, AssetId, Author, BookId, Control, Decimal, Definition, Exposure, FeeCharge, Fill, Input,
    InstrumentId, InstrumentKind, InstrumentTerms, Intent, Liquidity, MarginMode, OrderKind, OrderTerms, Outcome, Price, Qty, Side,
    TimeInForce, Timestamp, TradeId, VenueId, VenueOrderId, VenueReply,
};

type Failure = Box<dyn std::error::Error>;

const START: Timestamp = Timestamp(1_700_000_000_000_000_000);
const COIN: InstrumentId = InstrumentId(0);
const ACCOUNT: AccountId = AccountId(0);
/// Inputs between two commits: what arrives while the last commit is under way.
const INPUTS_PER_COMMIT: u64 = 16;

struct Desk {
    engine: Engine,
    journal: FolderJournal,
    step: Step,
    seq: u64,
    records: u64,
}

impl Desk {
    fn open(folder: &Path) -> Result<Self, Failure> {
        let facts =
            RunFacts { code_version: "bench".into(), node: 1, epoch: 1, created: START, segments: Vec::new(), setup: String::new() };
        let settings =
            FolderSettings { budget: DiskBudget { folder_bytes: u64::MAX, reserve_bytes: 1 << 32 }, ..FolderSettings::default() };
        let journal = FolderJournal::create_folder(folder, &facts, settings, CommitLevel::Process)?;
        let mut desk = Self { engine: Engine::new(), journal, step: Step::new(), seq: 0, records: 0 };
        for definition in definitions() {
            desk.input(&Control::Define(definition))?;
        }
        Ok(desk)
    }

    fn input(&mut self, control: &Control) -> Result<(), Failure> {
        self.seq += 1;
        let at = Timestamp(START.0 + self.seq as i64 * 100_000);
        self.journal.append_input(self.seq, at, control)?;
        self.engine.step(&Input::Control { at, control }, &mut self.step);
        for outcome in &self.step.outcomes {
            self.journal.append_outcome(self.seq, outcome)?;
        }
        self.records += 1 + self.step.outcomes.len() as u64;
        if self.seq.is_multiple_of(INPUTS_PER_COMMIT) {
            self.journal.commit()?;
        }
        Ok(())
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
        self.journal.commit()?;
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

fn main() -> Result<(), Failure> {
    let (mut orders, mut parent) = (100_000_u64, std::env::temp_dir());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // Cargo's own, when it runs us.
            "--bench" => {}
            "--orders" => orders = arguments.next().ok_or("--orders needs a number")?.parse()?,
            "--folder" => parent = PathBuf::from(arguments.next().ok_or("--folder needs a folder")?),
            other => return Err(format!("`{other}` is not understood; --orders N, --folder DIR").into()),
        }
    }
    let folder = parent.join(format!("tradewind-recovery-{}", std::process::id()));
    let measured = measure(&folder, orders);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    measured
}

fn measure(folder: &Path, orders: u64) -> Result<(), Failure> {
    let mut desk = Desk::open(folder)?;
    let early = orders / 10 * 9;
    let (wall, cpu, ()) = timed(|| desk.trade(0..early))?;
    let (snapshot_wall, snapshot_cpu, path) = timed(|| Ok(snapshot(folder, &desk.engine, desk.journal.place(), DiskBudget::UNLIMITED)?))?;
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

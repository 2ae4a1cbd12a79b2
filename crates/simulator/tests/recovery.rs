//! A folder after a crash: snapshots and the tail behind them give what the whole journal gives; snapshots that do not hold are
//! passed over with a word; what goes on afterwards is one journal.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tradewind_engine::{Engine, LedgerAccount, Step};
use tradewind_journal::{
    Chain, CommitLevel, DiskBudget, FolderJournal, FolderSettings, JournalError, RunFacts, Snapshot, read_snapshot, snapshots, verify_path,
    write_snapshot,
};
use tradewind_simulator::{ReplayError, TakenUp, recover, recover_path, snapshot, snapshot_folder, statement, take_up};
use tradewind_types::{
    Account, AccountId, Amount, Asset, AssetId, Author, BookId, Control, Definition, Exposure, FeeCharge, Fill, Input, InstrumentId,
    InstrumentKind, InstrumentTerms, Intent, LimitScope, LimitSettings, Liquidity, MarginMode, Nanos, OperatorCommand, OrderKind,
    OrderTerms, Outcome, Price, Qty, Side, StateHash, TimeInForce, Timestamp, TradeId, VenueId, VenueOrderId, VenueReply,
};

const SETTINGS: FolderSettings = FolderSettings { volume_bytes: 6_000, budget: DiskBudget::UNLIMITED };
const COIN: InstrumentId = InstrumentId(0);

fn facts() -> RunFacts {
    RunFacts { code_version: "test".into(), node: 1, epoch: 1, created: Timestamp(0), segments: Vec::new(), setup: String::new() }
}

fn empty_folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("recovery-{test}-{}", std::process::id()));
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn definitions() -> Vec<Definition> {
    let decimal = |text: &str| text.parse().unwrap();
    let terms = InstrumentTerms {
        id: COIN,
        venue: VenueId(0),
        symbol: "COINUSDT".into(),
        kind: InstrumentKind::LinearPerpetual,
        base: AssetId(1),
        quote: AssetId(0),
        settle: AssetId(0),
        tick: decimal("0.01"),
        lot: decimal("0.001"),
        multiplier: decimal("1"),
        min_qty: Qty(1),
        max_qty: Qty(1_000_000),
        min_notional: Amount(0),
    };
    let account = Account { id: AccountId(0), venue: VenueId(0), name: "main".into(), mode: MarginMode::Cross };
    let limits = LimitSettings {
        max_position: Some(Qty(10_000)),
        max_orders_per_window: Some(50),
        rate_window: Nanos(1_000),
        ..LimitSettings::unlimited(LimitScope::Firm)
    };
    vec![
        Definition::Asset(Asset { id: AssetId(0), symbol: "USDT".into(), scale: 8 }),
        Definition::Asset(Asset { id: AssetId(1), symbol: "COIN".into(), scale: 8 }),
        Definition::Instrument(terms),
        Definition::Account(account),
        Definition::Book { book: BookId(1), name: "one".into() },
        Definition::Limits(limits),
        Definition::Deposit { account: AccountId(0), book: BookId(1), asset: AssetId(0), amount: Amount(1_000_000_000_000) },
        Definition::Epoch { node: 1, epoch: 1 },
    ]
}

/// A desk that journals what it does and commits after every input.
struct Desk {
    engine: Engine,
    journal: FolderJournal,
    step: Step,
    seq: u64,
}

impl Desk {
    fn open(folder: &Path) -> Self {
        let journal = FolderJournal::create_folder(folder, &facts(), SETTINGS, CommitLevel::Process).unwrap();
        let mut desk = Self { engine: Engine::new(), journal, step: Step::new(), seq: 0 };
        definitions().into_iter().for_each(|definition| desk.input(Control::Define(definition)));
        desk
    }

    fn resumed(taken: TakenUp) -> Self {
        let seq = taken.journal.last_input_seq().unwrap();
        Self { engine: taken.recovery.recovered.engine, journal: taken.journal, step: Step::new(), seq }
    }

    fn input(&mut self, control: Control) {
        self.seq += 1;
        let at = Timestamp(self.seq as i64 * 100);
        self.journal.append_input(self.seq, at, &control).unwrap();
        self.engine.step(&Input::Control { at, control: &control }, &mut self.step);
        assert_eq!(self.step.fault, None);
        self.step.outcomes.iter().for_each(|outcome| self.journal.append_outcome(self.seq, outcome).unwrap());
        self.journal.commit().unwrap();
    }

    /// Orders that are placed, accepted, and mostly filled or cancelled.
    fn trade(&mut self, orders: u64) {
        for n in 0..orders {
            let side = if n % 2 == 0 { Side::Buy } else { Side::Sell };
            let terms = OrderTerms {
                instrument: COIN,
                account: AccountId(0),
                book: BookId((n % 2) as u32),
                side,
                kind: OrderKind::Limit { price: Price(10_000 + (n % 7) as i64) },
                time_in_force: TimeInForce::GoodTillCancelled,
                qty: Qty(10 + (n % 5) as i64),
                exposure: Exposure::Any,
            };
            let decision =
                Control::Decision { author: Author::Operator, model: 1, valid_until: Timestamp::MAX, intent: Intent::Place(terms) };
            self.input(decision);
            let Some(Outcome::OrderSent { order, .. }) = self.step.outcomes.first().cloned() else { continue };
            self.input(Control::Reply(VenueReply::Accepted { order, venue_order: VenueOrderId(order.counter.into()) }));
            match n % 4 {
                0 => self.input(Control::Reply(VenueReply::Cancelled { order })),
                1 => {}
                _ => self.input(Control::Reply(VenueReply::Filled(Fill {
                    order,
                    trade: TradeId(order.counter.into()),
                    price: Price(10_000),
                    qty: Qty(7),
                    liquidity: Liquidity::Maker,
                    fee: FeeCharge { asset: AssetId(0), amount: Amount(11) },
                    stated_cash: None,
                    ts_venue: Timestamp(0),
                }))),
            }
        }
    }

    fn snapshot(&self, folder: &Path) -> PathBuf {
        snapshot(folder, &self.engine, self.journal.place(), DiskBudget::UNLIMITED).unwrap()
    }
}

/// A folder with snapshots after 20, 40 and 60 of 80 orders; their files, oldest first, and the final state.
fn sample(test: &str) -> (PathBuf, Vec<PathBuf>, StateHash) {
    let folder = empty_folder(test);
    let mut desk = Desk::open(&folder);
    let mut files = Vec::new();
    for _ in 0..3 {
        desk.trade(20);
        files.push(desk.snapshot(&folder));
    }
    desk.trade(20);
    assert!(desk.journal.place().volume >= 3);
    (folder, files, desk.engine.state_hash())
}

fn whole(folder: &Path) -> StateHash {
    recover(Chain::open(folder).unwrap()).unwrap().state_hash
}

#[test]
fn the_newest_snapshot_and_the_tail_give_what_the_whole_journal_gives() {
    let (folder, files, hash) = sample("newest");
    assert_eq!(whole(&folder), hash);
    let found = recover_path(&folder).unwrap();
    assert_eq!((found.recovered.state_hash, found.snapshot.as_ref()), (hash, files.last()));
    let all = verify_path(&folder).unwrap();
    assert!(found.skipped.is_empty() && found.records < all.records / 3, "{} of {}", found.records, all.records);
    assert_eq!(found.end.anchor, all.anchor());
    let bytes = found.recovered.engine.snapshot().unwrap();
    assert_eq!(bytes, recover(Chain::open(&folder).unwrap()).unwrap().engine.snapshot().unwrap(), "to the byte");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_snapshot_that_does_not_hold_is_passed_over_with_a_word() {
    let (folder, files, hash) = sample("damaged");
    let sound = fs::read(&files[2]).unwrap();
    for at in (0..sound.len()).step_by(11).chain([sound.len() - 1]) {
        let mut damaged = sound.clone();
        damaged[at] ^= 4;
        fs::write(&files[2], &damaged).unwrap();
        let found = recover_path(&folder).unwrap();
        assert_eq!((found.recovered.state_hash, found.snapshot.as_ref()), (hash, Some(&files[1])), "byte {at}");
        assert!(found.skipped.len() == 1 && found.skipped[0].contains("snapshot-"), "{:?}", found.skipped);
    }
    for cut in (0..sound.len()).step_by(97) {
        fs::write(&files[2], &sound[..cut]).unwrap();
        assert_eq!(recover_path(&folder).unwrap().snapshot.as_ref(), Some(&files[1]), "cut at {cut}");
    }
    fs::write(&files[1], b"nothing").unwrap();
    fs::write(&files[0], b"").unwrap();
    let found = recover_path(&folder).unwrap();
    assert_eq!((found.recovered.state_hash, found.snapshot, found.skipped.len()), (hash, None, 3));
    fs::remove_dir_all(folder).unwrap();
}

/// A snapshot made anew with something changed, its checksums right.
fn forged(path: &Path, folder: &Path, change: impl FnOnce(&mut Snapshot)) {
    let mut snapshot = read_snapshot(path).unwrap();
    change(&mut snapshot);
    assert_eq!(write_snapshot(folder, &snapshot, DiskBudget::UNLIMITED).unwrap(), path);
}

#[test]
fn a_snapshot_of_another_schema_state_or_history_is_passed_over() {
    let (folder, files, hash) = sample("forged");
    let sound = fs::read(&files[2]).unwrap();
    let passed_over = |word: &str| {
        let found = recover_path(&folder).unwrap();
        assert_eq!((found.recovered.state_hash, found.snapshot.as_ref()), (hash, Some(&files[1])));
        assert!(found.skipped[0].contains(word), "{:?}", found.skipped);
        fs::write(&files[2], &sound).unwrap();
    };
    forged(&files[2], &folder, |snapshot| snapshot.schema += 1);
    passed_over("schema 2");
    forged(&files[2], &folder, |snapshot| snapshot.hash = StateHash([3; 32]));
    passed_over("digest");
    forged(&files[2], &folder, |snapshot| snapshot.place.anchor.head = tradewind_journal::ChainHash([3; 32]));
    passed_over("anchor");
    forged(&files[2], &folder, |snapshot| snapshot.place.offset += 1);
    passed_over("anchor");
    // Ahead of the journal: blocks that it covers were lost. The journal decides.
    let last = files.len() - 1;
    let place = read_snapshot(&files[last]).unwrap().place;
    let volume = folder.join(format!("volume-{:08}.journal", place.volume));
    let lost = empty_folder("forged-lost");
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let is_later = path.extension().is_some_and(|e| e == "journal") && path > volume;
        if !is_later {
            fs::copy(&path, lost.join(path.file_name().unwrap())).unwrap();
        }
    }
    let volume = lost.join(volume.file_name().unwrap());
    let bytes = fs::read(&volume).unwrap();
    fs::write(&volume, &bytes[..place.offset as usize - 1]).unwrap();
    let found = recover_path(&lost).unwrap();
    assert_eq!(found.recovered.state_hash, whole(&lost));
    assert!(found.skipped.len() == 1 && found.skipped[0].contains("anchor"), "{:?}", found.skipped);
    [folder, lost].iter().for_each(|folder| fs::remove_dir_all(folder).unwrap());
}

#[test]
fn archived_volumes_are_not_missed_while_a_snapshot_covers_them() {
    let (folder, files, hash) = sample("archive");
    let volume = |n: u32| folder.join(format!("volume-{n:08}.journal"));
    let covered = read_snapshot(&files[2]).unwrap().place.volume;
    assert!(covered > 0);
    (0..covered).for_each(|n| fs::remove_file(volume(n)).unwrap());
    assert_eq!(recover_path(&folder).unwrap().recovered.state_hash, hash);
    for file in &files {
        fs::remove_file(file).unwrap();
    }
    for error in [recover_path(&folder).unwrap_err(), take_up(&folder, SETTINGS, CommitLevel::Process).unwrap_err()] {
        assert!(matches!(error, ReplayError::NothingToBeginWith { .. }), "{error}");
        assert!(error.to_string().contains("bring the volumes before it back"), "{error}");
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_folder_taken_up_goes_on_as_if_it_had_never_stopped() {
    let (interrupted, uninterrupted) = (empty_folder("stop"), empty_folder("go"));
    let mut one = Desk::open(&uninterrupted);
    let mut other = Desk::open(&interrupted);
    for round in 0..6 {
        one.trade(10);
        other.trade(10);
        if round % 2 == 0 {
            other.snapshot(&interrupted);
        }
        other.journal.append_input(u64::MAX, Timestamp(0), &Control::Operator(OperatorCommand::Halt { scope: LimitScope::Firm })).unwrap();
        drop(other);
        let taken = take_up(&interrupted, SETTINGS, CommitLevel::Process).unwrap();
        assert_eq!(taken.recovery.end, taken.journal.place());
        other = Desk::resumed(taken);
        assert_eq!(other.engine.state_hash(), one.engine.state_hash(), "round {round}");
    }
    assert_eq!(one.journal.anchor(), other.journal.anchor(), "the same bytes, volume by volume");
    [interrupted, uninterrupted].iter().for_each(|folder| fs::remove_dir_all(folder).unwrap());
}

#[test]
fn a_statement_s_postings_are_the_ledger() {
    let (folder, _, hash) = sample("statement");
    let said = statement(Chain::open(&folder).unwrap()).unwrap();
    assert_eq!(said.engine.state_hash(), hash);
    let (mut sums, mut per_input) = (BTreeMap::new(), BTreeMap::new());
    for posting in &said.postings {
        *sums.entry((posting.account, posting.asset)).or_insert(0) += posting.amount.0;
        *per_input.entry((posting.seq, posting.asset)).or_insert(0) += posting.amount.0;
    }
    sums.retain(|_, amount| *amount != 0);
    let ledger = said.engine.state().ledger();
    assert_eq!(sums, ledger.cells().map(|(account, asset, amount)| ((account, asset), amount.0)).collect());
    assert!(ledger.is_balanced() && per_input.values().all(|sum| *sum == 0), "double entry, input by input");
    assert_eq!(said.fills.len() * 11, usize::try_from(ledger.balance(LedgerAccount::Fees(VenueId(0)), AssetId(0)).0).unwrap());
    let over = said.engine.state().orders().filter(|order| !order.is_live());
    assert_eq!(over.count(), said.done_at.len());
    fs::remove_file(folder.join("volume-00000000.journal")).unwrap();
    assert!(matches!(statement(Chain::open(&folder).unwrap()), Err(ReplayError::NothingToBeginWith { .. })));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_process_beside_the_writer_makes_the_snapshots() {
    let folder = empty_folder("beside");
    let mut desk = Desk::open(&folder);
    for round in 1..4 {
        desk.trade(15);
        let (recovery, path) = snapshot_folder(&folder, DiskBudget::UNLIMITED).unwrap();
        assert_eq!(recovery.recovered.state_hash, desk.engine.state_hash());
        assert_eq!(recovery.end, desk.journal.place());
        assert_eq!(snapshots(&folder).unwrap().len(), round);
        assert_eq!(snapshots(&folder).unwrap()[0], path);
        desk.trade(1);
    }
    let no_room = snapshot_folder(&folder, DiskBudget { folder_bytes: 10, reserve_bytes: 0 });
    assert!(matches!(no_room, Err(ReplayError::Journal(JournalError::OverBudget { .. }))), "{no_room:?}");
    fs::remove_dir_all(folder).unwrap();
}

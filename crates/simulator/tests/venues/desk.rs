//! Runs on venues that keep books: small markets made by hand, and what must hold at the end of every run.

use std::sync::Arc;
use tradewind_engine::Engine;
use tradewind_exchange::Leg;
use tradewind_journal::{CommitLevel, ContentHash, Entry, Journal, Reader, RunFacts, Segment};
use tradewind_simulator::{
    AssetSetup, ClearingSetup, DepositSetup, Fault, FeeSetup, FillModel, InstrumentSetup, KindSetup, LatencySetups, MarginSetup, Recording,
    RecordingBuilder, Sequencing, Setup, Simulation, Strategist, TierSetup, VenueSetup, Wake, Wakes, recover, redecide,
};
use tradewind_types::{
    AccountId, Amount, AssetId, BookId, Decimal, DepthKind, DepthUpdate, Exposure, InstrumentId, Intent, LevelChange, MarginMode, Mark,
    Nanos, OrderKind, OrderTerms, Outcome, Price, Qty, Rate, Rounding, Sequence, Side, Stamp, StateHash, TimeInForce, Timestamp, VenueId,
};

pub const MS: i64 = 1_000_000;
pub const BOOK: BookId = BookId(1);
pub const USDT: AssetId = AssetId(0);
pub const COIN: AssetId = AssetId(1);
pub const THERE: AccountId = AccountId(1);
pub const HERE: AccountId = AccountId(0);

pub fn venue(name: &str, margin: MarginMode, latency_ns: i64) -> VenueSetup {
    VenueSetup {
        name: name.into(),
        margin,
        fills: FillModel::Depth { queue_power: 0 },
        request_latency_ns: latency_ns,
        response_latency_ns: latency_ns,
        latency: LatencySetups::default(),
        clearing: Some(ClearingSetup::default()),
    }
}

pub fn instrument(venue: u32, symbol: &str, kind: KindSetup) -> InstrumentSetup {
    InstrumentSetup {
        venue,
        symbol: symbol.into(),
        kind,
        base: "COIN".into(),
        quote: "USDT".into(),
        tick: "0.01".into(),
        lot: if matches!(kind, KindSetup::InversePerpetual) { "1".into() } else { "0.01".into() },
        multiplier: "1".into(),
        min_notional: "0".into(),
        maker_fee: 20_000,
        taker_fee: 50_000,
        fee_in: FeeSetup::Settlement,
        sequencing: Sequencing::Unchecked,
        half_spread: 0,
    }
}

pub fn deposit(venue: u32, asset: &str, amount: &str) -> DepositSetup {
    DepositSetup { venue, book: 1, asset: asset.into(), amount: amount.into() }
}

pub fn run(venues: Vec<VenueSetup>, instruments: Vec<InstrumentSetup>, deposits: Vec<DepositSetup>) -> Setup {
    Setup {
        node: 1,
        epoch: 1,
        assets: vec![AssetSetup { symbol: "USDT".into(), scale: 12 }, AssetSetup { symbol: "COIN".into(), scale: 12 }],
        venues,
        instruments,
        books: vec!["test".into()],
        deposits,
        transfers: vec![],
        guards: Default::default(),
        limits: vec![],
        equity_in: "USDT".into(),
        sample_every_ns: 100 * MS,
    }
}

/// A market under construction: whole books of one level a side, and marks; both reach us 3 ms after.
#[derive(Default)]
pub struct Market {
    builder: RecordingBuilder,
    updates: u64,
}

impl Market {
    pub fn stamp(ms: i64) -> Stamp {
        Stamp { ts_venue: Timestamp(ms * MS), ts_local: Timestamp((ms + 3) * MS) }
    }

    pub fn book(&mut self, ms: i64, instrument: u32, bid: i64, ask: i64, lots: i64) {
        let level = |side, price| LevelChange { side, price: Price(price), qty: Qty(lots) };
        self.updates += 1;
        let sequence = Sequence { first: self.updates, last: self.updates, previous: None };
        let changes = [level(Side::Buy, bid), level(Side::Sell, ask)];
        let update = DepthUpdate { instrument: InstrumentId(instrument), kind: DepthKind::Snapshot, sequence, changes: &changes };
        self.builder.depth(Self::stamp(ms), &update).unwrap();
    }

    pub fn mark(&mut self, ms: i64, instrument: u32, price: i64, funding: Option<(i64, i64)>) {
        let (rate, next) = funding.unwrap_or((0, 0));
        let mark = Mark {
            instrument: InstrumentId(instrument),
            mark: Price(price),
            index: Price(price),
            funding_rate: Rate(rate),
            next_funding: Timestamp(next * MS),
        };
        self.builder.mark(Self::stamp(ms), mark);
    }

    pub fn done(self) -> Arc<Recording> {
        Arc::new(self.builder.finish().unwrap())
    }
}

/// Sends what it was given, each at its time.
pub struct Plan {
    pub orders: Vec<(i64, OrderTerms)>,
}

impl Strategist for Plan {
    fn book(&self) -> BookId {
        BOOK
    }

    fn model(&self) -> u64 {
        1
    }

    fn wakes(&self) -> Wakes {
        Wakes { timer: Some(Nanos(MS)), ..Wakes::default() }
    }

    fn wake(&mut self, now: Timestamp, _wake: &Wake, _engine: &Engine, intents: &mut Vec<Intent>) -> Result<(), Fault> {
        let due = self.orders.iter().take_while(|(ms, _)| ms * MS <= now.0).count();
        intents.extend(self.orders.drain(..due).map(|(_, terms)| Intent::Place(terms)));
        Ok(())
    }
}

pub fn terms(instrument: u32, account: AccountId, side: Side, qty: i64, kind: OrderKind, exposure: Exposure) -> OrderTerms {
    let time_in_force = if kind == OrderKind::Market { TimeInForce::ImmediateOrCancel } else { TimeInForce::GoodTillCancelled };
    OrderTerms { instrument: InstrumentId(instrument), account, book: BOOK, side, kind, time_in_force, qty: Qty(qty), exposure }
}

pub struct Finished {
    pub simulation: Simulation,
    pub hash: StateHash,
    pub outcomes: Vec<Outcome>,
}

/// Runs to the end with a journal, and checks what must hold of every run: the ledger balances, books match accounts, the journal
/// applied and decided anew gives the run's state, and engine and venues agree on every balance and position.
pub fn finished(name: &str, setup: &Setup, recording: &Arc<Recording>, strategist: &mut dyn Strategist) -> Finished {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}.journal", std::process::id()));
    if path.exists() {
        std::fs::remove_file(&path).unwrap();
    }
    let facts = RunFacts {
        code_version: "test".into(),
        node: 1,
        epoch: 1,
        created: Timestamp(0),
        segments: vec![Segment { id: 0, name: "hand-made".into(), content: ContentHash(recording.hash().0) }],
        setup: String::new(),
    };
    let journal = Journal::create(&path, &facts, CommitLevel::Memory).unwrap();
    let mut simulation = Simulation::new(setup, Arc::clone(recording), Some(journal)).unwrap();
    simulation.advance(simulation.end(), Some(strategist)).unwrap();
    assert_eq!(simulation.fault(), None);
    let hash = simulation.finish().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(recover(Reader::new(&bytes[..]).unwrap()).unwrap().state_hash, hash);
    let replayed = redecide(Reader::new(&bytes[..]).unwrap(), recording, setup).unwrap();
    assert_eq!((replayed.state_hash, replayed.first_difference), (hash, None));
    let mut outcomes = Vec::new();
    let mut reader = Reader::new(&bytes[..]).unwrap();
    while let Some(entry) = reader.next_entry().unwrap() {
        if let Entry::Outcome { outcome, .. } = entry {
            outcomes.push(outcome);
        }
    }
    let refused = |o: &&Outcome| matches!(o, Outcome::AccountEventRefused { .. } | Outcome::Unrecognised { .. } | Outcome::Halted { .. });
    assert_eq!(outcomes.iter().find(refused), None, "{name}");
    agree(name, setup, &simulation);
    Finished { simulation, hash, outcomes }
}

pub fn agree(name: &str, setup: &Setup, simulation: &Simulation) {
    let state = simulation.engine().state();
    assert!(state.ledger().is_balanced() && state.books_match_accounts());
    for (id, _) in (0u32..).zip(&setup.venues) {
        let (account, Some(clearing)) = (AccountId(id), simulation.clearing(VenueId(id))) else { continue };
        for asset in [USDT, COIN] {
            assert_eq!(state.balance(account, asset), clearing.wallet(account, asset), "{name}: account {id}, asset {}", asset.0);
        }
        for instrument in state.registry().instruments().filter(|i| !i.terms().kind.is_spot() && i.terms().venue.0 == id) {
            let lots = [Leg::Net, Leg::Long, Leg::Short].map(|leg| clearing.holding(account, instrument.id(), leg).lots);
            assert_eq!(state.position(account, instrument.id()).lots, lots.iter().sum::<i64>(), "{}", instrument.terms().symbol);
        }
    }
}

pub fn tier(from: &str, maintenance: i64, deduction: &str, max_leverage: u32) -> TierSetup {
    TierSetup { from: from.into(), maintenance, deduction: deduction.into(), max_leverage }
}

pub fn margined(instrument: u32, leverage: u32) -> MarginSetup {
    MarginSetup { instrument, leverage, tiers: vec![tier("0", 1_000_000, "0", 50)], cash: None }
}

/// Exact text in units of either asset.
pub fn units(text: &str) -> Amount {
    Amount(text.parse::<Decimal>().unwrap().at_scale(12, Rounding::Floor).unwrap())
}

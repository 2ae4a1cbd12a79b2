//! A whole run on a small hand-made market: both clocks, fills, journal, recovery in the middle, decisions made anew.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

use std::sync::Arc;
use tradewind_engine::Engine;
use tradewind_journal::{CommitLevel, ContentHash, Journal, Reader, RunFacts, Segment};
use tradewind_simulator::{
    AssetSetup, DepositSetup, FeeSetup, FillModel, InstrumentSetup, KindSetup, LatencySetups, LimitSetup, Recording, RecordingBuilder,
    RecordingError, Sequencing, Setup, Simulation, Strategist, Wake, Wakes, recover, redecide,
};
use tradewind_types::{
    AccountId, AlgoSpec, Bar, BookId, DepthKind, DepthUpdate, Exposure, InstrumentId, Intent, LevelChange, LimitScope, MarginMode, Nanos,
    OrderKind, OrderTerms, Price, Qty, QuotingParameters, Sequence, Side, Stamp, TimeInForce, Timestamp, Trade, TradeId,
};

const MS: i64 = 1_000_000;
const COIN: InstrumentId = InstrumentId(0);
const BOOK: BookId = BookId(1);

fn setup(fills: FillModel, request_latency_ns: i64) -> Setup {
    Setup {
        node: 1,
        epoch: 1,
        assets: vec![AssetSetup { symbol: "USDT".into(), scale: 10 }, AssetSetup { symbol: "COIN".into(), scale: 8 }],
        venues: vec![tradewind_simulator::VenueSetup {
            name: "venue".into(),
            margin: MarginMode::Spot,
            fills,
            request_latency_ns,
            response_latency_ns: request_latency_ns,
            latency: LatencySetups::default(),
            clearing: None,
        }],
        instruments: vec![InstrumentSetup {
            venue: 0,
            symbol: "COINUSDT".into(),
            kind: KindSetup::Spot,
            base: "COIN".into(),
            quote: "USDT".into(),
            tick: "0.01".into(),
            lot: "0.1".into(),
            multiplier: "1".into(),
            min_notional: "1".into(),
            maker_fee: 100_000,
            taker_fee: 100_000,
            fee_in: FeeSetup::Received,
            sequencing: Sequencing::BinanceSpot,
            half_spread: 0,
        }],
        books: vec!["test".into()],
        deposits: vec![
            DepositSetup { venue: 0, book: 1, asset: "USDT".into(), amount: "100000".into() },
            DepositSetup { venue: 0, book: 1, asset: "COIN".into(), amount: "100".into() },
        ],
        transfers: vec![],
        guards: Default::default(),
        limits: vec![LimitSetup {
            scope: LimitScope::Book(BOOK),
            instrument: None,
            max_order_notional: Some("50000".into()),
            max_price_deviation: Some(10_000_000),
            max_reference_age_ns: Some(3_600_000 * MS),
            max_order_lots: Some(10_000),
            max_position_lots: Some(10_000),
            max_orders_per_second: Some(1_000),
        }],
        equity_in: "USDT".into(),
        sample_every_ns: 100 * MS,
    }
}

fn stamp(venue_ms: i64, local_ms: i64) -> Stamp {
    Stamp { ts_venue: Timestamp(venue_ms * MS), ts_local: Timestamp(local_ms * MS) }
}

fn level(side: Side, price: i64, qty: i64) -> LevelChange {
    LevelChange { side, price: Price(price), qty: Qty(qty) }
}

/// A book around 100.00 that breathes, with trades on both sides; 3 ms from venue to us.
fn depth_market(messages: i64) -> Arc<Recording> {
    let mut builder = RecordingBuilder::new();
    let snapshot = [level(Side::Buy, 9_999, 50), level(Side::Buy, 9_998, 80), level(Side::Sell, 10_001, 50), level(Side::Sell, 10_002, 80)];
    let sequence = Sequence { first: 1, last: 1, previous: None };
    builder.depth(stamp(0, 3), &DepthUpdate { instrument: COIN, kind: DepthKind::Snapshot, sequence, changes: &snapshot }).unwrap();
    for k in 1..messages {
        let id = k.cast_unsigned() + 1;
        let at = stamp(10 * k, 10 * k + 3);
        let changes = [level(Side::Buy, 9_999, 20 + (k * 7) % 40), level(Side::Sell, 10_001, 20 + (k * 11) % 40)];
        let sequence = Sequence { first: id, last: id, previous: None };
        builder.depth(at, &DepthUpdate { instrument: COIN, kind: DepthKind::Delta, sequence, changes: &changes }).unwrap();
        let (price, aggressor) = if k % 2 == 0 { (9_999, Side::Sell) } else { (10_001, Side::Buy) };
        let trade = Trade { instrument: COIN, trade: TradeId(u128::from(id)), price: Price(price), qty: Qty(5 + k % 30), aggressor };
        builder.trade(stamp(10 * k + 5, 10 * k + 8), trade);
    }
    Arc::new(builder.finish().unwrap())
}

fn bar_market(bars: i64) -> Arc<Recording> {
    let mut builder = RecordingBuilder::new();
    let hour = 3_600_000;
    for k in 0..bars {
        let open = 10_000 + 10 * k;
        let bar = Bar {
            instrument: COIN,
            open_ts: Timestamp(k * hour * MS),
            open: Price(open),
            high: Price(open + 20),
            low: Price(open - 20),
            close: Price(open + 5),
            volume: Qty(1_000_000),
        };
        builder.bar(Timestamp((k + 1) * hour * MS), bar);
    }
    Arc::new(builder.finish().unwrap())
}

fn quoting() -> AlgoSpec {
    let parameters =
        QuotingParameters { half_spread_half_ticks: 2, qty: Qty(10), max_position: Qty(50), skew_half_ticks: 4, interval: Nanos(20 * MS) };
    AlgoSpec::Quoting { book: BOOK, account: AccountId(0), instrument: COIN, parameters }
}

fn facts(recording: &Recording) -> RunFacts {
    RunFacts {
        code_version: "test".into(),
        node: 1,
        epoch: 1,
        created: Timestamp(0),
        segments: vec![Segment { id: 0, name: "hand-made".into(), content: ContentHash(recording.hash().0) }],
        setup: String::new(),
    }
}

/// Runs the quoting algo with a journal; gives the journal's bytes and the final state hash.
fn journaled_run(name: &str, recording: &Arc<Recording>) -> (Vec<u8>, tradewind_types::StateHash, usize) {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}.journal", std::process::id()));
    if path.exists() {
        std::fs::remove_file(&path).unwrap();
    }
    let journal = Journal::create(&path, &facts(recording), CommitLevel::Memory).unwrap().with_block_bytes(2_048);
    let mut simulation =
        Simulation::new(&setup(FillModel::Depth { queue_power: 1 }, 2 * MS), Arc::clone(recording), Some(journal)).unwrap();
    simulation.start_algo(BOOK, 7, quoting()).unwrap();
    simulation.advance(simulation.end(), None).unwrap();
    let fills = simulation.tape().fills().len();
    let hash = simulation.finish().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    (bytes, hash, fills)
}

#[test]
fn the_same_run_twice_has_the_same_journal_and_hash() {
    let market = depth_market(300);
    let (first, first_hash, fills) = journaled_run("twice-a", &market);
    let (second, second_hash, _) = journaled_run("twice-b", &market);
    assert!(fills > 10, "{fills} fills prove nothing");
    assert_eq!(first_hash, second_hash);
    assert!(first == second, "the two journals differ");
}

#[test]
fn a_journal_applied_and_decided_anew_gives_the_run_s_state() {
    let market = depth_market(300);
    let (bytes, hash, _) = journaled_run("replay", &market);
    let recovered = recover(Reader::new(&bytes[..]).unwrap()).unwrap();
    assert_eq!((recovered.state_hash, recovered.recorded_hash, recovered.torn_bytes), (hash, Some(hash), 0));
    let setup = setup(FillModel::Depth { queue_power: 1 }, 2 * MS);
    let replayed = redecide(Reader::new(&bytes[..]).unwrap(), &market, &setup).unwrap();
    assert_eq!((replayed.state_hash, replayed.differing, replayed.first_difference), (hash, 0, None));
    assert!(replayed.outcomes == recovered.outcomes && replayed.outcomes > 100);
}

#[test]
fn decided_anew_on_other_data_it_is_seen_to_differ() {
    let (bytes, _, _) = journaled_run("other", &depth_market(300));
    let mut builder = RecordingBuilder::new();
    for index in 0..599 {
        let market = depth_market(300);
        let (stamp, event) = market.local(index).unwrap();
        match event {
            tradewind_types::MarketEvent::Depth(update) => {
                let moved: Vec<_> = update.changes.iter().map(|c| LevelChange { price: Price(c.price.0 - 1), ..*c }).collect();
                builder.depth(stamp, &DepthUpdate { changes: &moved, ..update }).unwrap();
            }
            tradewind_types::MarketEvent::Trade(trade) => builder.trade(stamp, trade),
            _ => unreachable!("the market has depth and trades only"),
        }
    }
    let other = builder.finish().unwrap();
    let replayed = redecide(Reader::new(&bytes[..]).unwrap(), &other, &setup(FillModel::Depth { queue_power: 1 }, 2 * MS)).unwrap();
    assert!(replayed.differing > 0 && replayed.first_difference.is_some());
}

#[test]
fn a_restart_anywhere_recovers_a_state_that_the_run_went_through() {
    let market = depth_market(120);
    let (bytes, hash, _) = journaled_run("restart", &market);
    let setup = setup(FillModel::Depth { queue_power: 1 }, 2 * MS);
    let mut seen = std::collections::BTreeSet::new();
    for cut in (200..bytes.len()).step_by(97).chain([bytes.len()]) {
        let Ok(reader) = Reader::new(&bytes[..cut]) else { continue };
        let recovered = recover(reader).unwrap();
        // Applying the outcomes up to there, and deciding the same inputs anew, agree.
        let replayed = redecide(Reader::new(&bytes[..cut]).unwrap(), &market, &setup).unwrap();
        assert_eq!(recovered.outcomes + replayed.differing, replayed.outcomes, "cut at {cut}");
        if replayed.differing == 0 {
            assert_eq!(recovered.state_hash, replayed.state_hash, "cut at {cut}");
        }
        seen.insert(recovered.state_hash);
    }
    assert!(seen.len() > 5 && seen.contains(&hash), "{} different states", seen.len());
}

#[test]
fn our_clock_may_not_be_ahead_of_the_venue_s() {
    let mut builder = RecordingBuilder::new();
    let trade = Trade { instrument: COIN, trade: TradeId(1), price: Price(1), qty: Qty(1), aggressor: Side::Buy };
    builder.trade(stamp(10, 12), trade);
    builder.trade(stamp(1_290, 20), trade);
    let refused = builder.finish().unwrap_err();
    assert_eq!(refused, RecordingError::NegativeLatency { count: 1, worst_ns: 1_270 * MS, first: 1 });
    assert_eq!(RecordingBuilder::new().finish().unwrap_err(), RecordingError::Empty);
}

#[test]
fn venue_and_we_see_the_same_events_each_in_their_own_order() {
    let mut builder = RecordingBuilder::new();
    let trade = |id: u128| Trade { instrument: COIN, trade: TradeId(id), price: Price(1), qty: Qty(1), aggressor: Side::Buy };
    builder.trade(stamp(5, 30), trade(1));
    builder.trade(stamp(6, 10), trade(2));
    let recording = builder.finish().unwrap();
    let ids = |pick: fn(&Recording, usize) -> Option<i64>| (0..2).map(|i| pick(&recording, i).unwrap()).collect::<Vec<_>>();
    assert_eq!(ids(|r, i| r.local(i).map(|(s, _)| s.ts_venue.0)), [6 * MS, 5 * MS]);
    assert_eq!(ids(|r, i| r.venue(i).map(|(s, _)| s.ts_venue.0)), [5 * MS, 6 * MS]);
}

#[test]
fn on_bars_an_order_sent_at_a_close_fills_at_the_next_open_and_not_before() {
    let bars = FillModel::Bars { max_participation: 100_000_000, impact: 0 };
    let mut simulation = Simulation::new(&setup(bars, 0), bar_market(5), None).unwrap();
    let hour = 3_600_000 * MS;
    simulation.advance(Timestamp(2 * hour), None).unwrap();
    let spec = AlgoSpec::Immediate { book: BOOK, account: AccountId(0), instrument: COIN, side: Side::Buy, qty: Qty(100) };
    simulation.start_algo(BOOK, 0, spec).unwrap();
    simulation.advance(Timestamp(3 * hour - 1), None).unwrap();
    assert!(simulation.tape().fills().is_empty());
    simulation.advance(Timestamp(3 * hour), None).unwrap();
    let fill = simulation.tape().fills()[0];
    // Bar 2 opens at 2 h at 100.20; the mid is that open, the decision was made on the close of bar 1, 100.15.
    assert_eq!((fill.price, fill.ts_venue, fill.at), (Price(10_020), Timestamp(2 * hour), Timestamp(3 * hour)));
    assert_eq!((fill.mid_half_ticks, fill.decision), (Some(20_040), Some(Price(10_015))));
    // 10 COIN bought, 0.1 % of it kept by the venue.
    assert_eq!(fill.fee.amount.0, 1_000_000);
}

#[test]
fn requests_and_replies_take_their_time() {
    let market = depth_market(50);
    let mut simulation = Simulation::new(&setup(FillModel::Depth { queue_power: 0 }, 7 * MS), market, None).unwrap();
    simulation.advance(Timestamp(100 * MS), None).unwrap();
    let spec = AlgoSpec::Immediate { book: BOOK, account: AccountId(0), instrument: COIN, side: Side::Buy, qty: Qty(5) };
    simulation.start_algo(BOOK, 0, spec).unwrap();
    simulation.advance(Timestamp(114 * MS - 1), None).unwrap();
    assert!(simulation.tape().fills().is_empty());
    simulation.advance(Timestamp(114 * MS), None).unwrap();
    let fill = simulation.tape().fills()[0];
    assert_eq!((fill.ts_venue, fill.at), (Timestamp(107 * MS), Timestamp(114 * MS)));
}

struct Careless {
    wakes_left: u32,
}

impl Strategist for Careless {
    fn book(&self) -> BookId {
        BOOK
    }

    fn model(&self) -> u64 {
        1
    }

    fn wakes(&self) -> Wakes {
        Wakes { timer: Some(Nanos(20 * MS)), ..Wakes::default() }
    }

    fn wake(
        &mut self,
        _now: Timestamp,
        _wake: &Wake,
        _engine: &Engine,
        intents: &mut Vec<Intent>,
    ) -> Result<(), tradewind_simulator::Fault> {
        if self.wakes_left == 0 {
            return Err(tradewind_simulator::Fault("division by zero".into()));
        }
        self.wakes_left -= 1;
        intents.push(Intent::Place(OrderTerms {
            instrument: COIN,
            account: AccountId(0),
            book: BOOK,
            side: Side::Buy,
            kind: OrderKind::Limit { price: Price(9_990) },
            time_in_force: TimeInForce::GoodTillCancelled,
            qty: Qty(10),
            exposure: Exposure::Any,
        }));
        Ok(())
    }
}

#[test]
fn a_strategy_that_fails_is_fenced_off_and_its_orders_are_cancelled() {
    let mut simulation = Simulation::new(&setup(FillModel::Depth { queue_power: 0 }, MS), depth_market(100), None).unwrap();
    // The first wake is at once, before any price is known: what it asks for then is refused.
    let mut careless = Careless { wakes_left: 4 };
    simulation.advance(simulation.end(), Some(&mut careless)).unwrap();
    assert_eq!(simulation.fault().map(|f| f.0.as_str()), Some("division by zero"));
    let state = simulation.engine().state();
    assert_eq!((state.orders().count(), state.live_orders().count(), simulation.tape().refusals().len()), (3, 0, 1));
    assert_eq!(simulation.now(), simulation.end());
    assert!(state.books_match_accounts() && state.ledger().is_balanced());
}

#[test]
fn equity_adds_up_from_fills_fees_and_marks() {
    let mut simulation = Simulation::new(&setup(FillModel::Depth { queue_power: 1 }, 2 * MS), depth_market(200), None).unwrap();
    simulation.start_algo(BOOK, 0, quoting()).unwrap();
    simulation.advance(simulation.end(), None).unwrap();
    let tape = simulation.tape();
    let last = tape.equity().last().unwrap();
    // By hand: opening money, less what buys cost, plus what sells brought after fees; coins bought after fees, at the mid.
    let (mut usdt, mut coin) = (100_000 * 10i128.pow(10), 100 * 10i128.pow(8));
    for fill in tape.fills().iter().filter(|f| f.at <= last.at) {
        let value = i128::from(fill.price.0) * i128::from(fill.qty.0) * 10i128.pow(7);
        let lots = i128::from(fill.qty.0) * 10i128.pow(7);
        match fill.side {
            Side::Buy => (usdt, coin) = (usdt - value, coin + lots - fill.fee.amount.0),
            Side::Sell => (usdt, coin) = (usdt + value - fill.fee.amount.0, coin - lots),
        }
    }
    assert!(tape.fills().len() > 10);
    assert_eq!(last.cash.0, usdt);
    // The book is around 100.00 at the end: 1e-8 COIN is worth 1e-8 × 100 × 1e10 = 100 units.
    assert_eq!(last.equity.0, usdt + coin * 10_000);
}

/// The same market and algo under guards that the setup names in people's units.
fn guarded_run(name: &str, guards: &str) -> Vec<String> {
    let market = depth_market(300);
    let mut setup = setup(FillModel::Depth { queue_power: 1 }, 2 * MS);
    setup.guards = serde_json::from_str(guards).unwrap();
    let again: Setup = serde_json::from_str(&serde_json::to_string(&setup).unwrap()).unwrap();
    assert_eq!(again, setup);
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}.journal", std::process::id()));
    let journal = Journal::create(&path, &facts(&market), CommitLevel::Memory).unwrap();
    let mut simulation = Simulation::new(&setup, Arc::clone(&market), Some(journal)).unwrap();
    simulation.start_algo(BOOK, 7, quoting()).unwrap();
    simulation.advance(simulation.end(), None).unwrap();
    let refusals = simulation.tape().refusals().iter().map(|refused| refused.reason.to_string()).collect();
    let hash = simulation.finish().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let replayed = redecide(Reader::new(&bytes[..]).unwrap(), &market, &setup).unwrap();
    assert_eq!((replayed.state_hash, replayed.differing), (hash, 0));
    refusals
}

#[test]
fn a_run_without_guards_refuses_nothing() {
    assert_eq!(guarded_run("unguarded", "{}"), [] as [&str; 0]);
}

#[test]
fn every_kind_of_guard_in_a_setup_binds() {
    let table = [
        ("gross", r#"{"budgets":[{"scope":"Firm","currency":"USDT","max_gross":"1"}]}"#, "gross position value"),
        ("open", r#"{"budgets":[{"scope":{"Book":1},"currency":"USDT","max_open_orders":"1"}]}"#, "would be in flight"),
        ("leverage", r#"{"budgets":[{"scope":{"Account":0},"currency":"USDT","max_leverage":1}]}"#, "above the limit"),
        ("loss", r#"{"budgets":[{"scope":"Firm","currency":"USDT","max_daily_loss":"0.000001"}]}"#, "loss of the day"),
        ("drawdown", r#"{"budgets":[{"scope":{"Venue":0},"currency":"USDT","max_drawdown":1}]}"#, "too far below the highest"),
        ("cancels", r#"{"conduct":[{"scope":"Firm","max_cancel_ratio":1,"cancels_judged_from":3}]}"#, "cancels and amends"),
        ("twice", r#"{"conduct":[{"scope":"Firm","duplicate_window_ns":3600000000000}]}"#, "same terms"),
        ("list", r#"{"restricted":[{"scope":"Firm","instrument":0,"restriction":"Forbidden"}]}"#, "restricted"),
    ];
    for (name, guards, said) in table {
        let refusals = guarded_run(name, guards);
        assert!(refusals.iter().any(|reason| reason.contains(said)), "{name}: {:?}", refusals.first());
    }
}

#[test]
fn a_guard_of_what_does_not_exist_is_refused_before_anything_runs() {
    let mut setup = setup(FillModel::Depth { queue_power: 1 }, 2 * MS);
    for guards in [
        r#"{"budgets":[{"scope":"Firm","currency":"EUR"}]}"#,
        r#"{"budgets":[{"scope":"Firm","currency":"USDT","max_net":"a lot"}]}"#,
        r#"{"restricted":[{"scope":"Firm","instrument":9,"restriction":"CloseOnly"}]}"#,
    ] {
        setup.guards = serde_json::from_str(guards).unwrap();
        assert!(Simulation::new(&setup, depth_market(3), None).is_err(), "{guards}");
    }
}

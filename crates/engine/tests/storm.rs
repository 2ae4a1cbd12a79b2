//! Storms: random decisions, replies in any order, duplicates, lies, halts, broken books and timers. After every event the
//! ledger sums to zero, the books add up, standings equal the live orders, and a replica that only applies agrees; the same
//! storm again gives the same outcomes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod desk;

use desk::{ALPHA, BETA, Desk, INVERSE, MARGIN_ACCOUNT, PERPETUAL, SPOT, SPOT_ACCOUNT, fee, limit, market};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::RngSeed;
use tradewind_book::SequenceRule;
use tradewind_engine::{Engine, RestoreError};
use tradewind_types::{
    AlgoId, AlgoSpec, Amount, AssetId, BookId, Control, DepthKind, DepthUpdate, DoneReason, Fill, InstrumentId, Intent, LevelChange,
    LimitScope, LimitSettings, MarketEvent, Nanos, OrderId, OrderState, Outcome, Price, Qty, QuotingParameters, RejectReason, Sequence,
    Side, StateHash, Timestamp, VenueReply,
};

const MAX_POSITION: i64 = 60;

/// One event; orders are picked among all that were ever sent.
#[derive(Clone, Debug)]
enum Event {
    Place { instrument: u32, book: u32, is_buy: bool, price: i64, qty: i64, is_market: bool },
    Amend { pick: usize, price: i64, qty: i64 },
    Cancel { pick: usize },
    CancelAll { book: u32 },
    Accept { pick: usize },
    Reject { pick: usize },
    Fill { pick: usize, price: i64, qty: i64, fee_asset: u32, fee: i64, rounding: Option<i64> },
    RepeatFill { pick: usize },
    Cancelled { pick: usize },
    Expired { pick: usize },
    CancelRejected { pick: usize },
    Amended { pick: usize, price: i64, qty: i64 },
    AmendRejected { pick: usize },
    Lost { pick: usize, after: i64 },
    NotFound { pick: usize },
    Halt { scope: u8 },
    Resume { scope: u8 },
    Quote { instrument: u32, bid: i64, width: i64 },
    Depth { skip: u64, is_snapshot: bool, bid: i64 },
    StartQuoting { algo: u32 },
    StartTwap { algo: u32, qty: i64, slices: u32 },
    StopAlgo { algo: u32 },
    Timer,
    Wait { ns: i64 },
}

/// How well the venue behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Venue {
    /// Fills never exceed what is ordered, and come only while an order lives.
    Honest,
    /// Anything goes.
    Lying,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let pick = 0usize..1_000;
    let price = 900i64..1_100;
    let one = prop_oneof![
        8 => (0u32..3, 0u32..3, any::<bool>(), price.clone(), 1i64..30, any::<bool>()).prop_map(
            |(instrument, book, is_buy, price, qty, is_market)| Event::Place { instrument, book, is_buy, price, qty, is_market }),
        4 => (pick.clone(), price.clone(), 1i64..40).prop_map(|(pick, price, qty)| Event::Amend { pick, price, qty }),
        3 => pick.clone().prop_map(|pick| Event::Cancel { pick }),
        1 => (0u32..3).prop_map(|book| Event::CancelAll { book }),
        6 => pick.clone().prop_map(|pick| Event::Accept { pick }),
        1 => pick.clone().prop_map(|pick| Event::Reject { pick }),
        9 => (pick.clone(), price.clone(), 1i64..30, 0u32..3, -5i64..20, prop::option::of(-3i64..4)).prop_map(
            |(pick, price, qty, fee_asset, fee, rounding)| Event::Fill { pick, price, qty, fee_asset, fee, rounding }),
        2 => pick.clone().prop_map(|pick| Event::RepeatFill { pick }),
        2 => pick.clone().prop_map(|pick| Event::Cancelled { pick }),
        1 => pick.clone().prop_map(|pick| Event::Expired { pick }),
        1 => pick.clone().prop_map(|pick| Event::CancelRejected { pick }),
        2 => (pick.clone(), price.clone(), 1i64..40).prop_map(|(pick, price, qty)| Event::Amended { pick, price, qty }),
        3 => pick.clone().prop_map(|pick| Event::AmendRejected { pick }),
        4 => (pick.clone(), 0i64..40).prop_map(|(pick, after)| Event::Lost { pick, after }),
        3 => pick.prop_map(|pick| Event::NotFound { pick }),
        1 => (0u8..6).prop_map(|scope| Event::Halt { scope }),
        6 => (0u8..6).prop_map(|scope| Event::Resume { scope }),
        3 => (0u32..3, price.clone(), 1i64..9).prop_map(|(instrument, bid, width)| Event::Quote { instrument, bid, width }),
        3 => (prop_oneof![9 => Just(0u64), 1 => Just(1u64)], prop::bool::weighted(0.2), price)
            .prop_map(|(skip, is_snapshot, bid)| Event::Depth { skip, is_snapshot, bid }),
        1 => (0u32..4).prop_map(|algo| Event::StartQuoting { algo }),
        1 => (4u32..8, 1i64..40, 1u32..6).prop_map(|(algo, qty, slices)| Event::StartTwap { algo, qty, slices }),
        1 => (0u32..8).prop_map(|algo| Event::StopAlgo { algo }),
        4 => Just(Event::Timer),
        4 => (1i64..50).prop_map(|ns| Event::Wait { ns }),
    ];
    prop::collection::vec(one, 1..250)
}

struct Storm {
    desk: Desk,
    venue: Venue,
    orders: Vec<OrderId>,
    fills: Vec<Fill>,
    outcomes: Vec<Outcome>,
    update: u64,
}

fn scope(n: u8) -> LimitScope {
    match n {
        0 => LimitScope::Firm,
        1 => LimitScope::Venue(tradewind_types::VenueId(1)),
        2 => LimitScope::Account(SPOT_ACCOUNT),
        3 => LimitScope::Account(MARGIN_ACCOUNT),
        4 => LimitScope::Book(ALPHA),
        _ => LimitScope::Book(BETA),
    }
}

impl Storm {
    fn new(venue: Venue) -> Self {
        let mut desk = Desk::open();
        desk.engine.watch_book(PERPETUAL, SequenceRule::BinanceSpot);
        for scope in [LimitScope::Firm, LimitScope::Account(MARGIN_ACCOUNT), LimitScope::Book(ALPHA)] {
            desk.define_limits(LimitSettings {
                max_position: Some(Qty(MAX_POSITION)),
                max_orders_per_window: Some(20),
                rate_window: Nanos(100),
                ..LimitSettings::unlimited(scope)
            });
        }
        desk.quote(INVERSE, 1_000, 1_001);
        desk.quote(SPOT, 1_000, 1_001);
        Self { desk, venue, orders: Vec::new(), fills: Vec::new(), outcomes: Vec::new(), update: 10 }
    }

    /// Mostly one of the latest orders.
    fn pick(&self, pick: usize) -> Option<OrderId> {
        let among = if pick < 800 { self.orders.len().min(6) } else { self.orders.len() };
        (among > 0).then(|| self.orders[self.orders.len() - 1 - pick % among])
    }

    fn is_live(&self, order: OrderId) -> bool {
        self.desk.engine.state().order(order).unwrap().is_live()
    }

    fn play(&mut self, event: &Event) {
        self.desk.step.commands.clear();
        let outcomes = self.outcomes_of(event);
        for outcome in &outcomes {
            if let Outcome::OrderSent { order, .. } = outcome {
                self.orders.push(*order);
            }
        }
        let commands = outcomes
            .iter()
            .filter(|o| matches!(o, Outcome::OrderSent { .. } | Outcome::CancelSent { .. } | Outcome::AmendSent { .. }))
            .count();
        assert_eq!(commands, self.desk.step.commands.len(), "what left is what was decided");
        self.outcomes.extend(outcomes);
    }

    fn outcomes_of(&mut self, event: &Event) -> Vec<Outcome> {
        let desk = &mut self.desk;
        match *event {
            Event::Place { instrument, book, is_buy, price, qty, is_market } => {
                let side = if is_buy { Side::Buy } else { Side::Sell };
                let (instrument, book) = (InstrumentId(instrument), BookId(book));
                let terms = if is_market { market(instrument, book, side, qty) } else { limit(instrument, book, side, price, qty) };
                desk.intend(Intent::Place(terms))
            }
            Event::CancelAll { book } => desk.intend(Intent::CancelAll { book: BookId(book) }),
            Event::Halt { scope: n } => desk.halt(scope(n)),
            Event::Resume { scope: n } => desk.resume(scope(n)),
            Event::Quote { instrument, bid, width } => {
                desk.quote(InstrumentId(instrument), bid, bid + width);
                Vec::new()
            }
            Event::Depth { skip, is_snapshot, bid } => self.depth(skip, is_snapshot, bid),
            Event::StartQuoting { algo } => {
                let parameters = QuotingParameters {
                    half_spread_half_ticks: 3,
                    qty: Qty(4),
                    max_position: Qty(20),
                    skew_half_ticks: 6,
                    interval: Nanos(40),
                };
                desk.start(algo, AlgoSpec::Quoting { book: ALPHA, account: MARGIN_ACCOUNT, instrument: PERPETUAL, parameters })
            }
            Event::StartTwap { algo, qty, slices } => {
                let (start, end) = (desk.now, Timestamp(desk.now.0 + 90));
                let (side, qty) = (Side::Sell, Qty(qty));
                desk.start(algo, AlgoSpec::Twap { book: BETA, account: MARGIN_ACCOUNT, instrument: INVERSE, side, qty, start, end, slices })
            }
            Event::StopAlgo { algo } => desk.control(Control::StopAlgo { algo: AlgoId(algo) }),
            Event::Timer if desk.engine.next_timer().is_some() => desk.fire(),
            Event::Timer => Vec::new(),
            Event::Wait { ns } => {
                desk.now = Timestamp(desk.now.0 + ns);
                Vec::new()
            }
            _ => self.about_an_order(event),
        }
    }

    fn about_an_order(&mut self, event: &Event) -> Vec<Outcome> {
        let (Event::Amend { pick, .. }
        | Event::Cancel { pick }
        | Event::Accept { pick }
        | Event::Reject { pick }
        | Event::Fill { pick, .. }
        | Event::RepeatFill { pick }
        | Event::Cancelled { pick }
        | Event::Expired { pick }
        | Event::CancelRejected { pick }
        | Event::Amended { pick, .. }
        | Event::AmendRejected { pick }
        | Event::Lost { pick, .. }
        | Event::NotFound { pick }) = *event
        else {
            return Vec::new();
        };
        let Some(order) = self.pick(pick) else { return Vec::new() };
        let is_dead_and_honest = self.venue == Venue::Honest && !self.is_live(order);
        let desk = &mut self.desk;
        let reason = RejectReason::UnknownOrder;
        match *event {
            Event::Amend { price, qty, .. } => desk.intend(Intent::Amend { order, price: Price(price), qty: Qty(qty) }),
            Event::Cancel { .. } => desk.intend(Intent::Cancel { order }),
            Event::Accept { .. } if is_dead_and_honest => Vec::new(),
            Event::Accept { .. } => desk.accept(order),
            Event::Reject { .. } => desk.reject(order, RejectReason::NoMarket),
            Event::Fill { price, qty, fee_asset, fee, rounding, .. } => self.fill(order, price, qty, fee_asset, fee, rounding),
            Event::RepeatFill { .. } if !self.fills.is_empty() => {
                let fill = self.fills[pick % self.fills.len()];
                desk.reply(VenueReply::Filled(fill))
            }
            Event::Cancelled { .. } => desk.reply(VenueReply::Cancelled { order }),
            Event::Expired { .. } => desk.reply(VenueReply::Expired { order }),
            Event::CancelRejected { .. } => desk.reply(VenueReply::CancelRejected { order, reason }),
            Event::Amended { price, qty, .. } => self.amended(order, price, qty),
            Event::AmendRejected { .. } => desk.reply(VenueReply::AmendRejected { order, reason }),
            Event::Lost { after, .. } => {
                let until = Timestamp(desk.now.0 + after);
                desk.reply(VenueReply::Lost { order, until })
            }
            Event::NotFound { .. } => {
                // Every other time the venue waits for its own deadline.
                if let OrderState::Unknown { until, .. } = desk.state(order)
                    && pick.is_multiple_of(2)
                {
                    desk.now = desk.now.max(until);
                }
                desk.reply(VenueReply::NotFound { order })
            }
            _ => Vec::new(),
        }
    }

    fn fill(&mut self, order: OrderId, price: i64, qty: i64, asset: u32, charge: i64, rounding: Option<i64>) -> Vec<Outcome> {
        let known = self.desk.engine.state().order(order).unwrap();
        let (instrument, left) = (known.terms.instrument, known.ceiling.qty().0 - known.filled.0);
        let qty = match self.venue {
            Venue::Honest if !self.is_live(order) || left <= 0 => return Vec::new(),
            Venue::Honest => qty.min(left),
            Venue::Lying => qty,
        };
        let mut fill = self.desk.fill_of(order, price, qty, fee(AssetId(asset), i128::from(charge)));
        let exact = self.desk.engine.state().registry().instrument(instrument).unwrap();
        let exact = exact.value(Price(price), qty, tradewind_types::Rounding::Truncate).unwrap();
        fill.stated_cash = rounding.map(|off| Amount(exact.0 + i128::from(off)));
        self.fills.push(fill);
        self.desk.reply(VenueReply::Filled(fill))
    }

    fn amended(&mut self, order: OrderId, price: i64, qty: i64) -> Vec<Outcome> {
        let asked = self.desk.engine.state().order(order).unwrap().amendment;
        let (price, qty) = match (self.venue, asked) {
            (Venue::Honest, None) => return Vec::new(),
            (Venue::Honest, Some(asked)) => (asked.price, asked.qty),
            (Venue::Lying, _) => (Price(price), Qty(qty)),
        };
        self.desk.reply(VenueReply::Amended { order, price, qty })
    }

    fn depth(&mut self, skip: u64, is_snapshot: bool, bid: i64) -> Vec<Outcome> {
        let first = self.update + 1 + skip;
        self.update = first;
        let kind = if is_snapshot { DepthKind::Snapshot } else { DepthKind::Delta };
        let level = |side, price, qty| LevelChange { side, price: Price(price), qty: Qty(qty) };
        let changes = [level(Side::Buy, bid, 3), level(Side::Sell, bid + 7, 3)];
        let sequence = Sequence { first, last: first, previous: None };
        self.desk.event(MarketEvent::Depth(DepthUpdate { instrument: PERPETUAL, kind, sequence, changes: &changes }))
    }

    /// What an honest venue makes certain on top.
    fn check_honest(&self) {
        let state = self.desk.engine.state();
        for order in state.orders() {
            assert!(order.filled <= order.ceiling.qty(), "filled beyond what was ordered: {order:?}");
        }
        for instrument in [SPOT, PERPETUAL, INVERSE] {
            let standings = [
                state.firm_standing(instrument),
                state.account_standing(MARGIN_ACCOUNT, instrument),
                state.book_standing(ALPHA, instrument),
            ];
            for s in standings {
                assert!(s.position + s.buys <= MAX_POSITION && s.position - s.sells >= -MAX_POSITION, "{s:?}");
            }
        }
    }
}

fn run(events: &[Event], venue: Venue) -> (Vec<Outcome>, StateHash) {
    let mut storm = Storm::new(venue);
    for event in events {
        storm.play(event);
        if venue == Venue::Honest {
            storm.check_honest();
        }
    }
    let hash = storm.desk.engine.state_hash();
    (storm.outcomes, hash)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, rng_seed: RngSeed::Fixed(42), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_honest_venue_never_leads_beyond_the_limits(events in events()) {
        let (first, hash) = run(&events, Venue::Honest);
        let (second, again) = run(&events, Venue::Honest);
        prop_assert_eq!(first, second);
        prop_assert_eq!(hash, again);
    }

    #[test]
    fn a_lying_venue_never_breaks_the_books(events in events()) {
        let (first, hash) = run(&events, Venue::Lying);
        let (second, again) = run(&events, Venue::Lying);
        prop_assert_eq!(first, second);
        prop_assert_eq!(hash, again);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, rng_seed: RngSeed::Fixed(42), failure_persistence: None, ..ProptestConfig::default() })]

    /// What recovery relies on: a snapshot anywhere and the outcomes after it give what all outcomes give, to the byte.
    #[test]
    fn a_snapshot_anywhere_and_the_rest_is_the_whole(events in events(), pick in any::<prop::sample::Index>()) {
        let mut storm = Storm::new(Venue::Lying);
        events.iter().for_each(|event| storm.play(event));
        let outcomes = &storm.desk.log;
        let at = pick.index(outcomes.len() + 1);
        let mut whole = Engine::new();
        outcomes[..at].iter().for_each(|outcome| whole.apply(outcome).unwrap());
        let (bytes, hash) = (whole.snapshot().unwrap(), whole.state_hash());
        let mut loaded = Engine::restore(&bytes, hash).unwrap();
        prop_assert_eq!(&loaded.snapshot().unwrap(), &bytes, "loading changes nothing");
        for engine in [&mut whole, &mut loaded] {
            outcomes[at..].iter().for_each(|outcome| engine.apply(outcome).unwrap());
        }
        prop_assert_eq!(loaded.state_hash(), storm.desk.engine.state_hash());
        prop_assert_eq!(loaded.snapshot().unwrap(), whole.snapshot().unwrap());
        prop_assert_eq!(loaded.snapshot().unwrap(), storm.desk.engine.snapshot().unwrap());
    }
}

#[test]
fn bytes_that_are_not_the_state_are_not_loaded() {
    let desk = Desk::open();
    let (bytes, hash) = (desk.engine.snapshot().unwrap(), desk.engine.state_hash());
    assert!(Engine::restore(&bytes, hash).is_ok());
    assert!(matches!(Engine::restore(&bytes, StateHash([1; 32])), Err(RestoreError::OtherState { found, .. }) if found == hash));
    assert_eq!(Engine::restore(&[&bytes[..], &[0]].concat(), hash).unwrap_err(), RestoreError::Longer { extra: 1 });
    for cut in 0..bytes.len() {
        assert!(matches!(Engine::restore(&bytes[..cut], hash), Err(RestoreError::Malformed(_))), "cut at {cut}");
    }
    let mut other = 0;
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        other += usize::from(Engine::restore(&flipped, hash).is_err());
    }
    assert!(other > bytes.len() * 9 / 10, "{other} of {} flips change what is digested or break the form", bytes.len());
}

/// The storm must blow: every kind of outcome that it is meant to raise does appear.
#[test]
fn the_storm_reaches_every_state() {
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig { rng_seed: RngSeed::Fixed(42), ..ProptestConfig::default() });
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..120 {
        let events = events().new_tree(&mut runner).unwrap().current();
        let (outcomes, _) = run(&events, Venue::Lying);
        seen.extend(outcomes.iter().map(|o| format!("{o:?}").split([' ', '(']).next().unwrap().to_owned()));
    }
    for kind in [
        "OrderSent",
        "CancelSent",
        "AmendSent",
        "Refused",
        "Accepted",
        "Rejected",
        "Filled",
        "FillRepeated",
        "Cancelled",
        "Expired",
        "CancelRejected",
        "Amended",
        "AmendRejected",
        "BecameUnknown",
        "NeverArrived",
        "BookInvalid",
        "BookRestored",
        "AlgoStarted",
        "AlgoStopped",
        "TimerSet",
        "TimerFired",
        "Halted",
        "Resumed",
        "AlgoRefused",
    ] {
        assert!(seen.contains(kind), "{kind} never happened; seen {seen:?}");
    }
}

/// A restart in the middle: an engine rebuilt from outcomes goes on exactly as the one that never stopped.
#[test]
fn recovery_in_the_middle_goes_on_identically() {
    let mut desk = Desk::open();
    let spec = AlgoSpec::Twap {
        book: ALPHA,
        account: MARGIN_ACCOUNT,
        instrument: INVERSE,
        side: Side::Buy,
        qty: Qty(10),
        start: desk.now,
        end: Timestamp(desk.now.0 + 40),
        slices: 4,
    };
    let order = match desk.start(1, spec)[..] {
        [_, Outcome::OrderSent { order, .. }, _] => order,
        ref other => panic!("{other:?}"),
    };
    desk.fill(order, 1_000, 1);
    // The replica knows the state and nothing of the market; the driver feeds it the market again.
    let mut restarted: Engine = desk.replica.clone();
    std::mem::swap(&mut desk.engine, &mut restarted);
    desk.quote(INVERSE, 99_999, 100_001);
    let mut original = Desk::open();
    original.engine = restarted;
    original.replica = desk.replica.clone();
    original.now = desk.now;
    let (left, right) = (desk.fire(), original.fire());
    assert_eq!(left, right);
    assert!(matches!(left[1], Outcome::OrderSent { terms, .. } if terms.qty == Qty(3)), "5 due, 1 filled, 1 in flight: {left:?}");
    assert_eq!(desk.engine.state_hash(), original.engine.state_hash());
    let over = OrderState::Done { reason: DoneReason::Cancelled };
    desk.reply(VenueReply::Cancelled { order });
    assert_eq!(desk.state(order), over);
}

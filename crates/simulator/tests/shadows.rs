//! Shadow orders on markets whose truth is known because a matching engine made it.

#![allow(clippy::expect_used, reason = "a test that cannot be set up must fail")]

use proptest::prelude::*;
use tradewind_book::{BookOrder, OrderChange};
use tradewind_exchange::{Execution, MatchingBook, NewOrder, QueueModel};
use tradewind_simulator::{Joiners, OrderEvent, Origin, ShadowError, ShadowStudy, follow_shadows};
use tradewind_types::{
    AccountId, InvalidBook, Nanos, OrderId, OrderKind, Price, Qty, SelfTradePrevention, Side, TimeInForce, Timestamp, VenueOrderId,
};

const MODELS: [QueueModel; 3] = [QueueModel::RiskAverse, QueueModel::Probabilistic { power: 1 }, QueueModel::Logarithmic { unit_lots: 1 }];

/// A participant's step: an order, or the cancel of an earlier one.
#[derive(Clone, Copy, Debug)]
enum Step {
    Place { side: Side, price: i64, qty: i64 },
    Cancel { back: usize },
}

/// Few prices around the touch, so that queues form, trade and cross.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let place = (side, 0i64..4, 1i64..20).prop_map(|(side, away, qty)| {
        let price = if side == Side::Buy { 101 - away } else { 100 + away };
        Step::Place { side, price, qty }
    });
    prop::collection::vec(prop_oneof![3 => place, 1 => (0usize..30).prop_map(|back| Step::Cancel { back })], 20..200)
}

fn venue_id(order: OrderId) -> VenueOrderId {
    VenueOrderId(order.counter.into())
}

/// What an order-by-order feed says of these steps, one second apart.
fn recording(steps: &[Step]) -> Vec<OrderEvent> {
    let (mut book, mut events, mut executions) = (MatchingBook::new(), Vec::new(), Vec::<Execution>::new());
    for (counter, step) in (1u64..).zip(steps) {
        let at = Timestamp(counter as i64 * 1_000_000_000);
        let id = |counter| OrderId { node: 0, epoch: 0, counter };
        match *step {
            Step::Place { side, price, qty } => {
                let kind = OrderKind::Limit { price: Price(price) };
                let new = NewOrder {
                    order: id(counter),
                    owner: AccountId(0),
                    self_trade: SelfTradePrevention::Allow,
                    side,
                    kind,
                    time_in_force: TimeInForce::GoodTillCancelled,
                    qty: Qty(qty),
                };
                executions.clear();
                let placed = book.place(&new, &mut executions).expect("a fresh order");
                let execute = |e: &Execution| OrderChange::Execute { order: venue_id(e.maker), qty: e.qty };
                events.extend(executions.iter().map(|e| OrderEvent { at, change: execute(e) }));
                if placed.resting.0 > 0 {
                    let rests = BookOrder { order: venue_id(id(counter)), side, price: Price(price), qty: placed.resting };
                    events.push(OrderEvent { at, change: OrderChange::Add(rests) });
                }
            }
            Step::Cancel { back } => {
                let order = id(counter.saturating_sub(back as u64));
                if book.cancel(order).is_ok() {
                    events.push(OrderEvent { at, change: OrderChange::Delete { order: venue_id(order) } });
                }
            }
        }
    }
    events
}

fn study(events: &[OrderEvent]) -> ShadowStudy {
    let joiners = Joiners { every: Nanos::from_secs(5), lifetime: Nanos::from_secs(60), qty: Qty(3) };
    follow_shadows(&[], events, &MODELS, Nanos::from_secs(60), Some(joiners)).expect("a sound recording")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// The exchange with the exact queue gives every recorded order the fate it had, to the lot and to the nanosecond.
    #[test]
    fn the_exact_queue_retells_the_recording(steps in steps()) {
        let study = study(&recording(&steps));
        prop_assert_eq!(study.out_of_turn, 0);
        for guess in study.guesses.iter().filter(|guess| guess.model.is_none()) {
            let shadow = study.shadows[guess.shadow];
            prop_assert_eq!((guess.ahead_bias, guess.ahead_error), (0, 0), "{:?}", shadow);
            prop_assert_eq!(guess.filled, shadow.filled, "{:?}", shadow);
            let full = shadow.filled == shadow.qty;
            prop_assert_eq!(guess.filled_at, full.then_some(shadow.ended), "{:?}", shadow);
        }
    }

    /// Where nobody cancels at a contested level the models have nothing to differ about; and whoever waits for trades alone is
    /// never too early and never thinks fewer ahead than there are.
    #[test]
    fn the_risk_averse_model_is_never_ahead_of_the_truth(steps in steps()) {
        let study = study(&recording(&steps));
        for guess in study.guesses.iter().filter(|guess| guess.model.is_some()) {
            let shadow = study.shadows[guess.shadow];
            if !shadow.contested {
                prop_assert_eq!((guess.ahead_error, guess.filled), (0, shadow.filled), "{:?} {:?}", guess, shadow);
            }
            if guess.model == Some(0) {
                prop_assert!(guess.ahead_bias == guess.ahead_error && guess.filled <= shadow.filled, "{:?} {:?}", guess, shadow);
            }
        }
    }
}

/// The random markets do contest, fill and join, or the laws above would hold for nothing.
#[test]
fn the_random_markets_contest_and_fill() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut contested, mut filled, mut joined, mut wrong) = (0, 0, 0, 0);
    for _ in 0..40 {
        let study = study(&recording(&steps().new_tree(&mut runner).expect("steps").current()));
        contested += study.shadows.iter().filter(|shadow| shadow.contested).count();
        filled += study.shadows.iter().filter(|shadow| shadow.filled == shadow.qty && shadow.ahead.0 > 0).count();
        joined += study.shadows.iter().filter(|shadow| shadow.origin == Origin::Joined).count();
        wrong += study.guesses.iter().filter(|guess| guess.ahead_error > 0).count();
    }
    assert!(contested > 50 && filled > 200 && joined > 500 && wrong > 100, "{contested} {filled} {joined} {wrong}");
}

#[test]
fn a_recording_that_contradicts_itself_is_refused_with_its_place() {
    let add = |order: u128, price| {
        let order = BookOrder { order: VenueOrderId(order), side: Side::Buy, price: Price(price), qty: Qty(1) };
        OrderEvent { at: Timestamp(0), change: OrderChange::Add(order) }
    };
    let refused = follow_shadows(&[], &[add(1, 5), add(1, 6)], &MODELS, Nanos(0), None);
    assert_eq!(refused, Err(ShadowError::Book { event: 1, reason: InvalidBook::DuplicateOrder }));
}

//! Orders leave the state: what lives, or was over only lately, is remembered; the rest is forgotten, trades and all; and nothing
//! else comes out differently than for an engine that remembers everything.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod desk;

use desk::{ALPHA, Desk, PERPETUAL, USDT, fee, limit};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use tradewind_engine::{Engine, Order};
use tradewind_types::{
    Control, Definition, DefinitionRefusal, Fill, Intent, LimitScope, Nanos, OrderId, Outcome, Side, VenueOrderId, VenueReply,
};

const DONE_FOR: Nanos = Nanos(1_000);
/// So many may still be in the table though they could be forgotten.
const AT_ONCE: usize = 64;

fn desk_that_forgets() -> Desk {
    let mut desk = Desk::open();
    desk.control(Control::Define(Definition::Retention { done_for: DONE_FOR }));
    desk
}

fn sent(outcomes: &[Outcome]) -> OrderId {
    match outcomes {
        [Outcome::OrderSent { order, .. }, ..] => *order,
        other => panic!("not sent: {other:?}"),
    }
}

fn fill_of(desk: &mut Desk, order: OrderId, qty: i64) -> Fill {
    desk.fill_of(order, 1_000, qty, fee(USDT, 1))
}

/// Sends, accepts and fills an order of ten lots; gives its last fill.
fn round(desk: &mut Desk, n: u64) -> Fill {
    let side = if n.is_multiple_of(2) { Side::Buy } else { Side::Sell };
    desk.now.0 += 10;
    let order = sent(&desk.intend(Intent::Place(limit(PERPETUAL, ALPHA, side, 1_000, 10))));
    desk.accept(order);
    for qty in [4, 6] {
        let fill = fill_of(desk, order, qty);
        desk.reply(VenueReply::Filled(fill));
        if qty == 6 {
            return fill;
        }
    }
    unreachable!("the second fill is the last")
}

#[test]
fn a_long_run_remembers_what_lives_and_what_was_over_lately() {
    let mut desk = desk_that_forgets();
    let resting: Vec<OrderId> = (0..5).map(|_| sent(&desk.intend(Intent::Place(limit(PERPETUAL, ALPHA, Side::Buy, 900, 10))))).collect();
    let early = fill_of(&mut desk, resting[0], 3);
    desk.reply(VenueReply::Filled(early));
    let per_retention = (DONE_FOR.0 / 10) as usize;
    for n in 0..1_000 {
        round(&mut desk, n);
        let remembered = desk.engine.state().orders().count();
        assert!(remembered <= resting.len() + per_retention + AT_ONCE + 1, "round {n}: {remembered} orders");
    }
    let state = desk.engine.state();
    assert_eq!(state.live_orders().map(|o| o.id).collect::<Vec<_>>(), resting, "they live, however long");
    assert!(state.orders().map(|o| o.id).is_sorted(), "oldest first, those kept aside among them");
    let bytes = desk.engine.snapshot().unwrap().len();
    (1_000..2_000).for_each(|n| {
        round(&mut desk, n);
    });
    let later = desk.engine.snapshot().unwrap().len();
    assert!(later < bytes / 2 * 3, "a longer run is no larger state: {bytes}, then {later}");

    // One that was kept aside goes on as any other: its fills add up, a repeated one is known, and it is forgotten after its end.
    let first = resting[0];
    assert_eq!(desk.reply(VenueReply::Filled(early))[..1], [Outcome::FillRepeated { order: first, trade: early.trade, at: desk.now }]);
    let rest = fill_of(&mut desk, first, 7);
    desk.reply(VenueReply::Filled(rest));
    let order = desk.engine.state().order(first).unwrap();
    assert_eq!((order.filled.0, order.is_live(), order.over_at), (10, false, Some(desk.now)));
    let until = desk.now.plus(DONE_FOR);
    while desk.now < until {
        round(&mut desk, 1);
        assert!(desk.now >= until || desk.engine.state().order(first).is_some(), "kept until then");
    }
    (0..2 * AT_ONCE as u64).for_each(|n| {
        round(&mut desk, n);
    });
    assert_eq!(desk.engine.state().order(first), None);
    assert_eq!(desk.engine.state().live_orders().count(), resting.len() - 1);
}

/// Within the retention a late fill is known for what it is; after it, it is a fill that cannot be booked, and the firm stops.
#[test]
fn a_fill_of_a_forgotten_order_stops_the_firm() {
    let mut desk = desk_that_forgets();
    let fill = round(&mut desk, 0);
    (1..50).for_each(|n| {
        round(&mut desk, n);
    });
    assert!(matches!(desk.reply(VenueReply::Filled(fill))[..], [Outcome::FillRepeated { .. }, ..]));
    (50..400).for_each(|n| {
        round(&mut desk, n);
    });
    let outcomes = desk.reply(VenueReply::Filled(fill));
    assert_eq!(outcomes[0], Outcome::Unrecognised { order: fill.order, at: desk.now });
    assert!(outcomes.contains(&Outcome::Halted { scope: LimitScope::Firm, at: desk.now }));
}

#[test]
fn a_retention_of_nothing_is_refused_and_without_one_nothing_is_forgotten() {
    let mut desk = Desk::open();
    let definition = Definition::Retention { done_for: Nanos(0) };
    let refused = Outcome::DefinitionRefused {
        definition: definition.clone(),
        reason: DefinitionRefusal::RetentionTooShort { asked: Nanos(0) },
        at: desk.now,
    };
    assert_eq!(desk.control(Control::Define(definition)), [refused]);
    (0..300).for_each(|n| {
        round(&mut desk, n);
    });
    desk.now.0 += 1_000_000_000_000;
    (300..600).for_each(|n| {
        round(&mut desk, n);
    });
    assert_eq!(desk.engine.state().orders().count(), 600);
    assert!(!desk.log.iter().any(|outcome| matches!(outcome, Outcome::OrdersRetired { .. })));
}

/// What happens to an order after it was sent.
fn reply_of(kind: u8, order: &Order, fill: Fill) -> VenueReply {
    let id = order.id;
    match kind % 8 {
        0 | 1 => VenueReply::Accepted { order: id, venue_order: VenueOrderId(u128::from(id.counter)) },
        2 | 3 => VenueReply::Filled(fill),
        4 => VenueReply::Cancelled { order: id },
        5 => VenueReply::Expired { order: id },
        6 => VenueReply::Lost { order: id, until: fill.ts_venue },
        _ => VenueReply::NotFound { order: id },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..ProptestConfig::default() })]

    /// Beside a twin that remembers everything: the same positions, money, limits and live orders after every input; nothing is
    /// forgotten too early; and a snapshot on the way, loaded, goes on to the same bytes.
    #[test]
    fn forgetting_changes_nothing_else(
        events in prop::collection::vec((0_u8..16, 0_usize..400, 1_i64..12, 1_i64..60), 300..900), pick in any::<prop::sample::Index>(),
    ) {
        let (mut desk, mut twin) = (desk_that_forgets(), Desk::open());
        let mut orders = Vec::new();
        for (kind, choice, qty, ns) in events {
            for desk in [&mut desk, &mut twin] {
                desk.now.0 += ns;
            }
            let controls = match orders.len().checked_sub(1 + choice.min(orders.len().saturating_sub(1)) / if choice < 300 { 20 } else { 1 }) {
                Some(at) if kind >= 8 => {
                    // Of an order that is forgotten nothing more is said: that is what the retention promises to wait for.
                    let Some(order) = desk.engine.state().order(orders[at]).cloned() else { continue };
                    let fills = [&mut desk, &mut twin].map(|desk| fill_of(desk, order.id, qty));
                    fills.map(|fill| Control::Reply(reply_of(kind, &order, fill)))
                }
                _ => [0, 1].map(|_| desk::decision(Intent::Place(limit(PERPETUAL, ALPHA, Side::Buy, 1_000, qty)))),
            };
            let [control, same] = controls;
            let outcomes = desk.control(control);
            let twins = twin.control(same);
            let without: Vec<Outcome> = outcomes.into_iter().filter(|outcome| !matches!(outcome, Outcome::OrdersRetired { .. })).collect();
            prop_assert_eq!(&without, &twins);
            orders.extend(without.iter().filter_map(|outcome| match outcome { Outcome::OrderSent { order, .. } => Some(*order), _ => None }));
            let (state, whole) = (desk.engine.state(), twin.engine.state());
            prop_assert!(state.live_orders().map(|o| o.id).eq(whole.live_orders().map(|o| o.id)));
            prop_assert!(state.ledger().cells().eq(whole.ledger().cells()));
            let lately = |o: &&Order| o.over_at.is_none_or(|at| at.plus(DONE_FOR) > desk.now);
            prop_assert!(whole.orders().filter(lately).all(|o| state.order(o.id).is_some()), "forgotten too early");
        }
        let has_retired = desk.log.iter().any(|outcome| matches!(outcome, Outcome::OrdersRetired { .. }));
        prop_assert!(has_retired || orders.len() < 3 * AT_ONCE, "{} orders and none was retired", orders.len());
        let at = pick.index(desk.log.len() + 1);
        let mut whole = Engine::new();
        desk.log[..at].iter().for_each(|outcome| whole.apply(outcome).unwrap());
        let mut loaded = Engine::restore(&whole.snapshot().unwrap(), whole.state_hash()).unwrap();
        desk.log[at..].iter().for_each(|outcome| loaded.apply(outcome).unwrap());
        prop_assert_eq!(loaded.snapshot().unwrap(), desk.engine.snapshot().unwrap());
        prop_assert_eq!(loaded.state_hash(), desk.engine.state_hash());
    }
}

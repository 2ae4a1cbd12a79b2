//! The algos' rules: hand-worked tables, and laws over random markets and fills.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use tradewind_algos::{
    Next, OrderStanding, Permission, QuoteAction, Touch, View, WorkingOrder, decide, decide_quotes, slice_start, slices_due, validate,
};
use tradewind_types::{
    AccountId, AlgoSpec, BookId, InstrumentId, Intent, Nanos, OrderId, OrderKind, Price, Qty, QuotingParameters, Side, TimeInForce,
    Timestamp,
};

fn id(counter: u64) -> OrderId {
    OrderId { node: 1, epoch: 1, counter }
}

fn working(counter: u64, side: Side, price: i64, standing: OrderStanding) -> WorkingOrder {
    WorkingOrder { order: id(counter), side, price: Some(Price(price)), in_flight: Qty(5), standing }
}

fn parameters(half_spread: i64, max_position: i64, skew: i64) -> QuotingParameters {
    QuotingParameters {
        half_spread_half_ticks: half_spread,
        qty: Qty(5),
        max_position: Qty(max_position),
        skew_half_ticks: skew,
        interval: Nanos(100),
    }
}

fn quotes(p: &QuotingParameters, position: i64, bid: i64, ask: i64) -> [Option<i64>; 2] {
    let mut prices = [None, None];
    decide_quotes(p, position, Some(Touch { bid: Price(bid), ask: Price(ask) }), &[], |action| match action {
        QuoteAction::Place { side: Side::Buy, price } => prices[0] = Some(price.0),
        QuoteAction::Place { side: Side::Sell, price } => prices[1] = Some(price.0),
        QuoteAction::Cancel { .. } => panic!("nothing to cancel"),
    });
    prices
}

#[test]
fn quote_prices_follow_the_rule_to_the_tick() {
    // (half spread, max position, skew, position, best bid, best ask) -> (bid, ask), worked by hand.
    let table = [
        // mid2 = 201; 201 - 3 = 198 -> 99; 201 + 3 = 204 -> 102.
        ((3, 50, 0, 0, 100, 101), [Some(99), Some(102)]),
        // 201 - 2 = 199 -> floor 99; 201 + 2 = 203 -> ceil 102.
        ((2, 50, 0, 0, 100, 101), [Some(99), Some(102)]),
        // Half spread 0 on a wide book: both at the mid; the mid of 100/103 is 101.5 -> 101 and 102.
        ((0, 50, 0, 0, 100, 103), [Some(101), Some(102)]),
        // skew = trunc(10 × 10 / 50) = 2: 200 - 4 - 2 = 194 -> 97; 200 + 4 - 2 = 202 -> 101.
        ((4, 50, 10, 10, 99, 101), [Some(97), Some(101)]),
        // A short position moves both up; trunc(-9 × 10 / 50) = trunc(-1.8) = -1: 197 -> 98; 205 -> 103.
        ((4, 50, 10, -9, 99, 101), [Some(98), Some(103)]),
        // Strong skew: the ask is held above the bid, the bid below the ask.
        ((1, 50, 40, 45, 100, 101), [Some(82), Some(101)]),
        ((1, 50, 40, -45, 100, 101), [Some(100), Some(119)]),
        // 50 - 5 = 45 is the last position at which the bid is quoted.
        ((3, 50, 0, 46, 100, 101), [None, Some(102)]),
        ((3, 50, 0, 45, 100, 101), [Some(99), Some(102)]),
        ((3, 50, 0, -46, 100, 101), [Some(99), None]),
        // No position allowed at all, and max position 0 does not divide.
        ((3, 0, 10, 0, 100, 101), [None, None]),
        ((3, 0, 10, 7, 100, 101), [None, Some(102)]),
        // A bid below one tick is not quoted.
        ((9, 50, 0, 0, 2, 3), [None, Some(7)]),
    ];
    for ((half_spread, max, skew, position, bid, ask), expected) in table {
        let p = parameters(half_spread, max, skew);
        assert_eq!(quotes(&p, position, bid, ask), expected, "{half_spread} {max} {skew} {position} {bid} {ask}");
    }
}

fn actions(orders: &[WorkingOrder], touch: Option<(i64, i64)>) -> Vec<QuoteAction> {
    let mut found = Vec::new();
    let touch = touch.map(|(bid, ask)| Touch { bid: Price(bid), ask: Price(ask) });
    // At 100/101 with half spread 3 the quotes are 99 and 102.
    decide_quotes(&parameters(3, 50, 0), 0, touch, orders, |action| found.push(action));
    found
}

#[test]
fn live_orders_are_kept_replaced_or_waited_for() {
    use OrderStanding::{Cancelling, Unknown, Working};
    let (bid, ask) = (Some((100, 101)), QuoteAction::Place { side: Side::Sell, price: Price(102) });
    let place_bid = QuoteAction::Place { side: Side::Buy, price: Price(99) };
    let cancel = |n| QuoteAction::Cancel { order: id(n) };
    let buy = |n, price, standing| working(n, Side::Buy, price, standing);
    let sell = |n, price, standing| working(n, Side::Sell, price, standing);
    assert_eq!(actions(&[], bid), [place_bid, ask]);
    assert_eq!(actions(&[buy(1, 99, Working), sell(2, 102, Working)], bid), []);
    assert_eq!(actions(&[buy(1, 98, Working), sell(2, 102, Working)], bid), [cancel(1), place_bid]);
    assert_eq!(actions(&[buy(1, 99, Working), buy(2, 99, Working), sell(3, 102, Working)], bid), [cancel(2)], "the oldest stays");
    assert_eq!(actions(&[buy(1, 99, Cancelling), sell(3, 102, Working)], bid), [place_bid], "a cancel under way does not hold up");
    assert_eq!(actions(&[buy(1, 99, Unknown), sell(3, 102, Working)], bid), [], "an unknown order does");
    assert_eq!(actions(&[buy(1, 98, Unknown), buy(2, 97, Working)], bid), [cancel(2), ask]);
    assert_eq!(actions(&[sell(1, 101, Working), buy(2, 98, Working)], bid), [cancel(2), cancel(1), place_bid, ask], "cancels first");
    assert_eq!(actions(&[buy(1, 99, Working), sell(2, 102, Working)], None), [cancel(1), cancel(2)], "no touch pulls all");
}

#[test]
fn quoting_places_post_only_and_asks_again_after_its_interval() {
    let spec = AlgoSpec::Quoting { book: BookId(1), account: AccountId(2), instrument: InstrumentId(3), parameters: parameters(3, 50, 0) };
    let mut view = View {
        now: Timestamp(1_000),
        touch: Some(Touch { bid: Price(100), ask: Price(101) }),
        permission: Permission::Trade,
        position: 0,
        filled: Qty(0),
        net: 0,
        sent: 0,
        orders: &[],
    };
    let mut intents = Vec::new();
    assert_eq!(decide(&spec, &view, &mut intents), Next::At(Timestamp(1_100)));
    assert_eq!(intents.len(), 2);
    for intent in &intents {
        let Intent::Place(terms) = intent else { panic!("{intent:?}") };
        assert_eq!((terms.time_in_force, terms.qty), (TimeInForce::PostOnly, Qty(5)));
        assert_eq!((terms.book, terms.account, terms.instrument), (BookId(1), AccountId(2), InstrumentId(3)));
    }
    let orders = [working(1, Side::Buy, 99, OrderStanding::Working)];
    view.orders = &orders;
    view.permission = Permission::CancelOnly;
    intents.clear();
    decide(&spec, &view, &mut intents);
    assert_eq!(intents, [Intent::Cancel { order: id(1) }]);
}

#[test]
fn immediate_sends_once() {
    let spec = AlgoSpec::Immediate { book: BookId(1), account: AccountId(2), instrument: InstrumentId(3), side: Side::Buy, qty: Qty(7) };
    let view =
        View { now: Timestamp(0), touch: None, permission: Permission::Trade, position: 0, filled: Qty(0), net: 0, sent: 0, orders: &[] };
    let mut intents = Vec::new();
    assert_eq!(decide(&spec, &view, &mut intents), Next::Finished);
    assert!(matches!(intents[..], [Intent::Place(terms)] if terms.qty == Qty(7) && terms.kind == OrderKind::Market));
    let again = View { filled: Qty(1), ..view };
    assert_eq!(decide(&spec, &again, &mut intents), Next::Finished);
    assert_eq!(intents.len(), 1);
}

fn twap(qty: i64, start: i64, end: i64, slices: u32) -> AlgoSpec {
    AlgoSpec::Twap {
        book: BookId(1),
        account: AccountId(2),
        instrument: InstrumentId(3),
        side: Side::Buy,
        qty: Qty(qty),
        start: Timestamp(start),
        end: Timestamp(end),
        slices,
    }
}

/// What a TWAP sends at `now`, given what is filled and in flight.
fn sent(spec: &AlgoSpec, now: i64, filled: i64, in_flight: i64) -> (i64, Next) {
    let orders = [WorkingOrder { in_flight: Qty(in_flight), price: None, ..working(1, Side::Buy, 0, OrderStanding::Working) }];
    let orders = if in_flight == 0 { &orders[..0] } else { &orders[..] };
    let view = View {
        now: Timestamp(now),
        touch: None,
        permission: Permission::Trade,
        position: 0,
        filled: Qty(filled),
        net: filled,
        sent: 0,
        orders,
    };
    let mut intents = Vec::new();
    let next = decide(spec, &view, &mut intents);
    let qty = intents.iter().map(|intent| if let Intent::Place(terms) = intent { terms.qty.0 } else { panic!("{intent:?}") }).sum();
    (qty, next)
}

#[test]
fn twap_slices_sum_to_the_quantity_with_the_remainder_last() {
    // 10 lots in 4 slices over [100, 200): cumulative 2, 5, 7, 10.
    let spec = twap(10, 100, 200, 4);
    assert_eq!(sent(&spec, 0, 0, 0), (0, Next::At(Timestamp(100))), "not started");
    assert_eq!(sent(&spec, 100, 0, 0), (2, Next::At(Timestamp(125))));
    assert_eq!(sent(&spec, 125, 2, 0), (3, Next::At(Timestamp(150))));
    assert_eq!(sent(&spec, 150, 5, 0), (2, Next::At(Timestamp(175))));
    assert_eq!(sent(&spec, 175, 7, 0), (3, Next::At(Timestamp(200))));
    assert_eq!(sent(&spec, 200, 10, 0), (0, Next::Finished));
    // What did not fill goes with the next slice; what is in flight is not sent again.
    assert_eq!(sent(&spec, 150, 1, 2), (4, Next::At(Timestamp(175))));
    assert_eq!(sent(&spec, 200, 6, 1), (3, Next::Finished), "the end brings what is missing");
    assert_eq!(sent(&spec, 170, 0, 0), (7, Next::At(Timestamp(175))), "a late wake catches up");
    assert_eq!(sent(&twap(10, 100, 100, 3), 100, 0, 0), (10, Next::Finished), "no time: all at once");
    assert_eq!(sent(&spec, 100, 0, 0).0, sent(&spec, 124, 0, 0).0);
}

#[test]
fn specs_out_of_range_are_named() {
    assert!(validate(&twap(10, 0, 10, 1)).is_ok());
    assert!(validate(&twap(0, 0, 10, 1)).is_err());
    assert!(validate(&twap(10, 0, 10, 0)).is_err());
    assert!(validate(&twap(10, 11, 10, 1)).is_err());
    let quoting = |parameters| AlgoSpec::Quoting { book: BookId(1), account: AccountId(2), instrument: InstrumentId(3), parameters };
    assert!(validate(&quoting(parameters(0, 0, -5))).is_ok());
    assert!(validate(&quoting(parameters(-1, 10, 0))).is_err());
    assert!(validate(&quoting(QuotingParameters { interval: Nanos(0), ..parameters(1, 10, 0) })).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(11), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn quotes_never_take_and_never_lead_beyond_the_largest_position(
        half_spread in 0i64..50, max in 0i64..200, skew in -100i64..100, position in -300i64..300, bid in 1i64..1_000, width in 1i64..20,
    ) {
        let p = parameters(half_spread, max, skew);
        let [buy, sell] = quotes(&p, position, bid, bid + width);
        if let Some(price) = buy {
            prop_assert!(price < bid + width && position + 5 <= max);
        }
        if let Some(price) = sell {
            prop_assert!(price > bid && position - 5 >= -max);
        }
    }

    #[test]
    fn quotes_mirror(half_spread in 0i64..50, skew in -100i64..100, position in -50i64..50, bid in 1_000i64..2_000, width in 1i64..20) {
        // Turn the market and the position over: the ask takes the bid's place.
        let p = parameters(half_spread, 60, skew);
        let ask = bid + width;
        let mirror = 4_000;
        let [buy, sell] = quotes(&p, position, bid, ask);
        let turned = quotes(&p, -position, mirror - ask, mirror - bid);
        prop_assert_eq!([sell.map(|x| mirror - x), buy.map(|x| mirror - x)], turned);
    }

    #[test]
    fn slices_are_due_exactly_when_they_start(start in -1_000i64..1_000, span in 0i64..500, slices in 1u32..40, offset in -20i64..600) {
        let (end, now) = (Timestamp(start + span), Timestamp(start + offset));
        let start = Timestamp(start);
        let counted = (1..=slices).filter(|k| slice_start(start, end, slices, *k) <= now).count();
        prop_assert_eq!(slices_due(start, end, slices, now) as usize, counted);
    }

    #[test]
    fn twap_never_oversends_and_finishes_when_all_fills(
        qty in 1i64..10_000, span in 1i64..1_000, slices in 1u32..60, shares in prop::collection::vec(0i64..=100, 64),
    ) {
        let spec = twap(qty, 0, span, slices);
        let (mut now, mut filled, mut wakes) = (0, 0, 0);
        loop {
            let (send, next) = sent(&spec, now, filled, 0);
            prop_assert!(filled + send <= qty);
            let due = i64::from(slices_due(Timestamp(0), Timestamp(span), slices, Timestamp(now)));
            prop_assert_eq!(filled + send, (qty * due / i64::from(slices)).max(filled));
            // A random share fills, the rest is over unfilled; the last always fills.
            let share = if next == Next::Finished { 100 } else { shares[wakes] };
            filled += send * share / 100;
            wakes += 1;
            match next {
                Next::At(later) => { prop_assert!(later.0 > now); now = later.0; }
                Next::Finished => break,
            }
        }
        prop_assert_eq!(filled, qty);
        prop_assert!(wakes <= slices as usize + 1);
    }
}

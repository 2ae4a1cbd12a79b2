//! Algos inside the engine, the books they watch, and limits on the whole path.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod desk;

use desk::{ALPHA, BETA, Desk, MARGIN_ACCOUNT, PERPETUAL, SPOT, limit, market};
use tradewind_book::SequenceRule;
use tradewind_types::{
    AlgoId, AlgoRefusal, AlgoSpec, Author, Control, DepthKind, DepthUpdate, Intent, InvalidBook, LevelChange, LimitScope, LimitSettings,
    MarketEvent, Nanos, OrderKind, OrderState, Outcome, Price, Qty, QuotingParameters, RefusalReason, RejectReason, Sequence, Side,
    TimerId, Timestamp, VenueReply,
};

const SECOND: i64 = 1_000_000_000;

fn twap(desk: &Desk, qty: i64, slices: u32) -> AlgoSpec {
    let end = desk.now.plus(Nanos::from_secs(i64::from(slices)));
    AlgoSpec::Twap {
        book: ALPHA,
        account: MARGIN_ACCOUNT,
        instrument: PERPETUAL,
        side: Side::Buy,
        qty: Qty(qty),
        start: desk.now,
        end,
        slices,
    }
}

fn quoting() -> AlgoSpec {
    AlgoSpec::Quoting { book: ALPHA, account: MARGIN_ACCOUNT, instrument: PERPETUAL, parameters: parameters(4) }
}

fn parameters(half_spread_half_ticks: i64) -> QuotingParameters {
    QuotingParameters { half_spread_half_ticks, qty: Qty(5), max_position: Qty(20), skew_half_ticks: 8, interval: Nanos(SECOND) }
}

fn sent(outcomes: &[Outcome]) -> Vec<(tradewind_types::OrderId, Side, i64, i64)> {
    let of = |outcome: &Outcome| match outcome {
        Outcome::OrderSent { order, terms, .. } => {
            let price = if let OrderKind::Limit { price } = terms.kind { price.0 } else { 0 };
            Some((*order, terms.side, price, terms.qty.0))
        }
        _ => None,
    };
    outcomes.iter().filter_map(of).collect()
}

#[test]
fn a_twap_sums_to_its_quantity_over_rejects_and_partial_fills() {
    let mut desk = Desk::open();
    let spec = twap(&desk, 10, 4);
    let mut outcomes = desk.start(1, spec);
    let mut slices = Vec::new();
    for fate in [Some(2), None, Some(1), Some(6), Some(1)] {
        let orders = sent(&outcomes);
        slices.push(orders.iter().map(|o| o.3).sum::<i64>());
        for (order, ..) in orders {
            match fate {
                Some(qty) => {
                    desk.fill(order, 100_000, qty);
                    desk.reply(VenueReply::Expired { order });
                }
                None => {
                    desk.reject(order, RejectReason::NoMarket);
                }
            }
        }
        if desk.engine.next_timer().is_some() {
            outcomes = desk.fire();
        }
    }
    // Due 2, 5, 7, 10: 2 filled; 3 rejected; 5 sent and 1 filled; 7 sent and 6 filled; the end brings 1.
    assert_eq!(slices, [2, 3, 5, 7, 1]);
    let algo = desk.engine.state().algo(AlgoId(1)).unwrap();
    assert_eq!((algo.filled, algo.is_running), (Qty(10), false));
    assert_eq!(desk.engine.next_timer(), None);
}

#[test]
fn a_twap_does_not_send_again_what_may_still_fill() {
    let mut desk = Desk::open();
    let spec = twap(&desk, 10, 2);
    let order = sent(&desk.start(1, spec))[0].0;
    let until = Timestamp(desk.now.0 + 100 * SECOND);
    desk.reply(VenueReply::Lost { order, until });
    assert_eq!(sent(&desk.fire())[0].3, 5, "the first five are in doubt and count");
    let last = desk.fire();
    assert!(matches!(last[..], [Outcome::TimerFired { .. }, Outcome::AlgoStopped { .. }]));
}

#[test]
fn an_immediate_order_is_sent_and_its_algo_is_over() {
    let mut desk = Desk::open();
    let spec = AlgoSpec::Immediate { book: ALPHA, account: MARGIN_ACCOUNT, instrument: PERPETUAL, side: Side::Sell, qty: Qty(3) };
    let now = desk.now;
    let outcomes = desk.start(1, spec);
    assert_eq!(outcomes[0], Outcome::AlgoStarted { algo: AlgoId(1), spec, at: now });
    assert!(matches!(outcomes[1], Outcome::OrderSent { author: Author::Algo(AlgoId(1)), .. }));
    assert_eq!(outcomes[2], Outcome::AlgoStopped { algo: AlgoId(1), at: now });
}

#[test]
fn quotes_follow_the_market_and_the_position() {
    let mut desk = Desk::open();
    desk.quote(PERPETUAL, 1_000, 1_010);
    let first = sent(&desk.start(1, quoting()));
    assert_eq!(first.iter().map(|o| (o.1, o.2, o.3)).collect::<Vec<_>>(), [(Side::Buy, 1_003, 5), (Side::Sell, 1_007, 5)]);
    for (order, ..) in &first {
        desk.accept(*order);
    }
    assert_eq!(desk.fire().len(), 2, "nothing changed: the timer, and the next one");
    desk.fill(first[0].0, 1_003, 5);
    let outcomes = desk.fire();
    // Position 5 of 20 moves both quotes by trunc(5 × 8 / 20) = 2 half ticks.
    let now = desk.now;
    assert!(outcomes.contains(&Outcome::CancelSent { order: first[1].0, at: now }));
    assert_eq!(sent(&outcomes).iter().map(|o| (o.1, o.2)).collect::<Vec<_>>(), [(Side::Buy, 1_002), (Side::Sell, 1_006)]);
    desk.control(Control::SetParameters { algo: AlgoId(1), version: 2, parameters: parameters(10) });
    assert_eq!(desk.engine.state().algo(AlgoId(1)).unwrap().parameters_version, 2);
    assert_eq!(sent(&desk.fire()).iter().map(|o| (o.1, o.2)).collect::<Vec<_>>(), [(Side::Buy, 999), (Side::Sell, 1_009)]);
    let stopped = desk.control(Control::StopAlgo { algo: AlgoId(1) });
    assert!(matches!(stopped[..], [Outcome::AlgoStopped { .. }, Outcome::CancelSent { .. }, Outcome::CancelSent { .. }]), "{stopped:?}");
    assert_eq!(desk.engine.next_timer(), None);
    assert_eq!(desk.control(Control::Timer(TimerId(4))), [], "a timer of the past means nothing");
}

fn depth(kind: DepthKind, first: u64, last: u64, changes: &[(Side, i64, i64)]) -> Vec<LevelChange> {
    assert!(first <= last || kind == DepthKind::Snapshot);
    changes.iter().map(|(side, price, qty)| LevelChange { side: *side, price: Price(*price), qty: Qty(*qty) }).collect()
}

fn feed(desk: &mut Desk, kind: DepthKind, first: u64, last: u64, changes: &[(Side, i64, i64)]) -> Vec<Outcome> {
    let changes = depth(kind, first, last, changes);
    let sequence = Sequence { first, last, previous: None };
    desk.event(MarketEvent::Depth(DepthUpdate { instrument: PERPETUAL, kind, sequence, changes: &changes }))
}

#[test]
fn an_invalid_book_pulls_quotes_and_refuses_until_a_snapshot() {
    let mut desk = Desk::open();
    desk.engine.watch_book(PERPETUAL, SequenceRule::BinanceSpot);
    let levels = [(Side::Buy, 1_000, 7), (Side::Sell, 1_010, 7)];
    assert_eq!(feed(&mut desk, DepthKind::Snapshot, 0, 10, &levels), []);
    assert_eq!(desk.engine.market(PERPETUAL).reference().unwrap().price, Price(1_005));
    let quotes = sent(&desk.start(1, quoting()));
    assert_eq!(quotes.len(), 2);
    let by_hand = desk.place(limit(PERPETUAL, BETA, Side::Buy, 1_000, 1));
    let now = desk.now;
    let cancels = [quotes[0].0, quotes[1].0].map(|order| Outcome::CancelSent { order, at: now });
    let invalid = Outcome::BookInvalid { instrument: PERPETUAL, reason: InvalidBook::SequenceGap, at: now };
    assert_eq!(feed(&mut desk, DepthKind::Delta, 15, 16, &[]), [&[invalid][..], &cancels].concat());
    assert_eq!(feed(&mut desk, DepthKind::Delta, 17, 18, &[]), [], "said once");
    assert_eq!(desk.state(by_hand), OrderState::Sent, "a person's order is left to the person");
    let refused = desk.intend(Intent::Place(limit(PERPETUAL, BETA, Side::Buy, 1_000, 1)));
    assert!(matches!(refused[..], [Outcome::Refused { reason: RefusalReason::InvalidBook { instrument: PERPETUAL }, .. }]));
    assert!(matches!(desk.intend(Intent::Cancel { order: by_hand })[..], [Outcome::CancelSent { .. }]));
    assert!(sent(&desk.fire()).is_empty(), "the algo waits");
    let restored = feed(&mut desk, DepthKind::Snapshot, 0, 20, &levels);
    assert_eq!(restored, [Outcome::BookRestored { instrument: PERPETUAL, at: desk.now }]);
    assert_eq!(sent(&desk.fire()).len(), 2);
}

#[test]
fn depth_before_a_snapshot_or_without_a_rule_is_not_a_book() {
    let mut desk = Desk::open();
    let now = desk.now;
    let invalid = Outcome::BookInvalid { instrument: PERPETUAL, reason: InvalidBook::NoSnapshot, at: now };
    assert_eq!(feed(&mut desk, DepthKind::Snapshot, 0, 10, &[]), std::slice::from_ref(&invalid), "nobody watches it");
    let mut desk = Desk::open();
    desk.engine.watch_book(PERPETUAL, SequenceRule::BinanceSpot);
    assert_eq!(feed(&mut desk, DepthKind::Delta, 11, 12, &[]), [invalid]);
    let levels = [(Side::Buy, 1_000, 7), (Side::Sell, 1_010, 7)];
    let restored = feed(&mut desk, DepthKind::Snapshot, 0, 10, &levels);
    assert_eq!(restored, [Outcome::BookRestored { instrument: PERPETUAL, at: now }]);
}

#[test]
fn a_halted_algo_only_cancels_and_goes_on_when_resumed() {
    let mut desk = Desk::open();
    let quotes = sent(&desk.start(1, quoting()));
    let halted = desk.halt(LimitScope::Book(ALPHA));
    assert_eq!(halted.len(), 3, "the halt and two cancels: {halted:?}");
    for (order, ..) in quotes {
        desk.reply(VenueReply::Cancelled { order });
    }
    assert_eq!(desk.fire().len(), 2);
    desk.resume(LimitScope::Book(ALPHA));
    assert_eq!(sent(&desk.fire()).len(), 2);
}

#[test]
fn algos_that_cannot_start_are_refused() {
    let mut desk = Desk::open();
    let now = desk.now;
    let refused = |algo, reason| [Outcome::AlgoRefused { algo: AlgoId(algo), reason, at: now }];
    desk.start(1, quoting());
    assert_eq!(desk.start(1, quoting()), refused(1, AlgoRefusal::AlreadyExists));
    let spec = twap(&desk, 0, 4);
    assert_eq!(desk.start(2, spec), refused(2, AlgoRefusal::OutOfRange));
    let elsewhere = AlgoSpec::Quoting { book: ALPHA, account: desk::SPOT_ACCOUNT, instrument: PERPETUAL, parameters: parameters(4) };
    assert_eq!(desk.start(2, elsewhere), refused(2, AlgoRefusal::NotDefined));
    assert_eq!(desk.start(u32::MAX, quoting()), refused(u32::MAX, AlgoRefusal::NotDense));
    let valid_until = Timestamp(now.0 - 1);
    let late = Control::StartAlgo { algo: AlgoId(2), author: Author::Operator, model: 1, valid_until, spec: quoting() };
    assert_eq!(desk.control(late), refused(2, AlgoRefusal::Late { valid_until, now }));
    let foreign = Control::StartAlgo { algo: AlgoId(2), author: Author::Strategy(BETA), model: 1, valid_until: now, spec: quoting() };
    assert_eq!(desk.control(foreign), refused(2, AlgoRefusal::NotDefined));
    assert_eq!(desk.control(Control::StopAlgo { algo: AlgoId(2) }), refused(2, AlgoRefusal::NotRunning));
    let spec = twap(&desk, 10, 4);
    desk.start(2, spec);
    let swap = Control::SetParameters { algo: AlgoId(2), version: 1, parameters: parameters(1) };
    assert_eq!(desk.control(swap), refused(2, AlgoRefusal::NotQuoting));
}

#[test]
fn limits_hold_on_the_whole_path() {
    let mut desk = Desk::open();
    let book = LimitScope::Book(ALPHA);
    desk.define_limits(LimitSettings {
        max_position: Some(Qty(10)),
        max_orders_per_window: Some(3),
        rate_window: Nanos(SECOND),
        ..LimitSettings::unlimited(book)
    });
    let order = desk.open_order(limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 6));
    let try_buy = |desk: &mut Desk, qty| desk.intend(Intent::Place(limit(PERPETUAL, ALPHA, Side::Buy, 100_000, qty)));
    let reason = |outcomes: &[Outcome]| match outcomes {
        [Outcome::Refused { reason, .. }] => *reason,
        other => panic!("not refused: {other:?}"),
    };
    assert_eq!(reason(&try_buy(&mut desk, 5)), RefusalReason::Position { scope: book, found: 11, limit: Qty(10) });
    desk.fill(order, 100_000, 6);
    assert_eq!(reason(&try_buy(&mut desk, 5)), RefusalReason::Position { scope: book, found: 11, limit: Qty(10) });
    assert_eq!(sent(&try_buy(&mut desk, 4)).len(), 1, "the third message would be the last of this second");
    let amend = Intent::Amend { order, price: Price(1), qty: Qty(7) };
    assert_eq!(reason(&desk.intend(amend)), RefusalReason::NotLive { order });
    desk.place(limit(PERPETUAL, ALPHA, Side::Sell, 100_000, 1));
    let full = RefusalReason::OrderRate { scope: book, found: 4, limit: 3 };
    assert_eq!(reason(&desk.intend(Intent::Place(limit(PERPETUAL, ALPHA, Side::Sell, 100_000, 1)))), full);
    desk.now = desk.now.plus(Nanos(SECOND));
    desk.place(limit(PERPETUAL, ALPHA, Side::Sell, 100_000, 1));
    desk.place(market(SPOT, ALPHA, Side::Buy, 1));
}

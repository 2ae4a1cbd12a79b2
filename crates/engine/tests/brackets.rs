//! Brackets as a trader would tell them: what is sent after each answer of the venue.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod desk;

use desk::{ALPHA, Desk, MARGIN_ACCOUNT, PERPETUAL, SPOT, SPOT_ACCOUNT};
use tradewind_types::{
    AlgoId, AlgoRefusal, AlgoSpec, BracketParameters, DoneReason, Exposure, OrderId, OrderKind, OrderState, Outcome, Price, Qty,
    RejectReason, Side, Trigger, TriggerSource, VenueOrderId, VenueReply,
};

fn bracket(side: Side, entry: Option<i64>, stop: i64, take_profit: i64) -> AlgoSpec {
    let stop = Trigger { price: Price(stop), source: TriggerSource::Mark };
    let parameters = BracketParameters { entry: entry.map(Price), take_profit: Price(take_profit), stop };
    AlgoSpec::Bracket {
        book: ALPHA,
        account: MARGIN_ACCOUNT,
        instrument: PERPETUAL,
        side,
        qty: Qty(10),
        exposure: Exposure::Any,
        parameters,
    }
}

/// What was sent, and what was cancelled, in words.
fn told(desk: &Desk, outcomes: &[Outcome]) -> Vec<String> {
    let words = |outcome: &Outcome| match outcome {
        Outcome::OrderSent { order, terms, .. } => {
            let kind = match terms.kind {
                OrderKind::Market => "market".to_owned(),
                OrderKind::Limit { price } => format!("limit {}", price.0),
                OrderKind::Stop { trigger } => format!("stop {}", trigger.price.0),
                ref other => panic!("{other:?}"),
            };
            let reduces = if terms.exposure == Exposure::ReduceOnly { " reduce-only" } else { "" };
            Some(format!("#{} {:?} {} {kind}{reduces}", order.counter, terms.side, terms.qty.0))
        }
        Outcome::CancelSent { order, .. } => Some(format!("cancel #{}", order.counter)),
        Outcome::AlgoStopped { .. } => Some("over".to_owned()),
        _ => None,
    };
    assert!(desk.engine.state().books_match_accounts());
    outcomes.iter().filter_map(words).collect()
}

fn id(counter: u64) -> OrderId {
    OrderId { node: 7, epoch: 1, counter }
}

#[test]
fn the_exits_follow_what_the_entry_fills_and_one_cancels_the_other() {
    let mut desk = Desk::open();
    let run = |desk: &mut Desk, outcomes: Vec<Outcome>| told(desk, &outcomes);
    let started = desk.start(1, bracket(Side::Buy, Some(99_990), 99_000, 101_000));
    assert_eq!(run(&mut desk, started), ["#1 Buy 10 limit 99990"]);
    assert!(desk.accept(id(1)).len() == 1, "nothing to protect yet");
    let partly = desk.fill(id(1), 99_990, 4);
    assert_eq!(run(&mut desk, partly), ["#2 Sell 4 stop 99000 reduce-only", "#3 Sell 4 limit 101000 reduce-only"]);
    desk.accept(id(2));
    desk.accept(id(3));
    // The rest fills: both exits are too small, and are placed anew once they are gone.
    let rest = desk.fill(id(1), 99_990, 6);
    assert_eq!(run(&mut desk, rest), ["cancel #2", "cancel #3"]);
    let gone = desk.reply(VenueReply::Cancelled { order: id(2) });
    assert_eq!(run(&mut desk, gone), ["#4 Sell 10 stop 99000 reduce-only"]);
    let gone = desk.reply(VenueReply::Cancelled { order: id(3) });
    assert_eq!(run(&mut desk, gone), ["#5 Sell 10 limit 101000 reduce-only"]);
    desk.accept(id(4));
    desk.accept(id(5));
    // The market falls to the stop.
    let woke = desk.reply(VenueReply::Triggered { order: id(4) });
    assert_eq!(run(&mut desk, woke), [] as [&str; 0]);
    let stopped_out = desk.fill(id(4), 98_950, 10);
    assert_eq!(run(&mut desk, stopped_out), ["cancel #5"]);
    let last = desk.reply(VenueReply::Cancelled { order: id(5) });
    assert_eq!(run(&mut desk, last), ["over"]);
    assert_eq!(desk.engine.state().book_position(ALPHA, PERPETUAL).lots, 0);
    assert!(desk.engine.state().live_orders().next().is_none());
}

#[test]
fn an_entry_that_never_fills_ends_it() {
    let mut desk = Desk::open();
    desk.start(1, bracket(Side::Sell, None, 101_000, 99_000));
    let refused = desk.reject(id(1), RejectReason::InsufficientFunds);
    assert_eq!(told(&desk, &refused), ["over"]);
    assert_eq!(desk.state(id(1)), OrderState::Done { reason: DoneReason::Rejected(RejectReason::InsufficientFunds) });
}

#[test]
fn a_protective_stop_that_the_venue_refuses_is_placed_again() {
    let mut desk = Desk::open();
    desk.start(1, bracket(Side::Sell, None, 101_000, 99_000));
    let filled = desk.fill(id(1), 100_000, 10);
    assert_eq!(told(&desk, &filled), ["#2 Buy 10 stop 101000 reduce-only", "#3 Buy 10 limit 99000 reduce-only"]);
    desk.reply(VenueReply::Accepted { order: id(3), venue_order: VenueOrderId(3) });
    let refused = desk.reject(id(2), RejectReason::NoMarket);
    assert_eq!(told(&desk, &refused), ["#4 Buy 10 stop 101000 reduce-only"]);
    // While the firm is halted nothing new passes; once it trades again, the next look at the clock puts the stop back.
    desk.halt(tradewind_types::LimitScope::Firm);
    desk.reply(VenueReply::Cancelled { order: id(4) });
    desk.reply(VenueReply::Cancelled { order: id(3) });
    desk.resume(tradewind_types::LimitScope::Firm);
    desk.quote(PERPETUAL, 99_999, 100_001);
    let fired = desk.fire();
    assert_eq!(told(&desk, &fired), ["#5 Buy 10 stop 101000 reduce-only", "#6 Buy 10 limit 99000 reduce-only"]);
}

#[test]
fn exits_must_enclose_the_entry_and_spot_has_none() {
    let mut desk = Desk::open();
    let refusal = |desk: &mut Desk, algo, spec| match desk.start(algo, spec)[..] {
        [Outcome::AlgoRefused { reason, .. }] => reason,
        ref other => panic!("{other:?}"),
    };
    assert_eq!(refusal(&mut desk, 1, bracket(Side::Buy, Some(100_000), 101_000, 99_000)), AlgoRefusal::OutOfRange);
    assert_eq!(refusal(&mut desk, 2, bracket(Side::Buy, Some(101_001), 99_000, 101_000)), AlgoRefusal::OutOfRange);
    let AlgoSpec::Bracket { side, qty, exposure, parameters, .. } = bracket(Side::Buy, None, 99_000, 101_000) else { panic!() };
    let on_spot = AlgoSpec::Bracket { book: ALPHA, account: SPOT_ACCOUNT, instrument: SPOT, side, qty, exposure, parameters };
    assert_eq!(refusal(&mut desk, 3, on_spot), AlgoRefusal::NotOffered);
    assert!(desk.engine.state().algo(AlgoId(1)).is_none());
}

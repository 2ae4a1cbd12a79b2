//! The life of an order, told as scenes: what is sent, what the venue says, where the order then is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod desk;

use desk::{ALPHA, BETA, Desk, PERPETUAL, SPOT, USDT, fee, limit, market};
use tradewind_types::{
    Author, Control, Definition, DoneReason, Intent, LimitScope, OrderId, OrderRequest, OrderState, Outcome, Price, Qty, RefusalReason,
    RejectReason, Side, Timestamp, VenueOrderId, VenueReply,
};

fn done(reason: DoneReason) -> OrderState {
    OrderState::Done { reason }
}

#[test]
fn sent_acknowledged_filled_in_parts() {
    let mut desk = Desk::open();
    let order = desk.place(limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 10));
    assert_eq!(order, OrderId { node: 7, epoch: 1, counter: 1 });
    assert!(matches!(desk.step.commands[0].request(), OrderRequest::Place { order: sent, .. } if *sent == order));
    assert_eq!(desk.state(order), OrderState::Sent);
    desk.accept(order);
    assert_eq!(desk.state(order), OrderState::Open);
    desk.fill(order, 100_000, 4);
    assert_eq!((desk.state(order), desk.filled(order)), (OrderState::Open, 4));
    desk.fill(order, 99_999, 6);
    assert_eq!((desk.state(order), desk.filled(order)), (done(DoneReason::Filled), 10));
    assert_eq!(desk.engine.state().book_position(ALPHA, PERPETUAL).lots, 10);
    assert_eq!(desk.engine.state().live_orders().count(), 0);
}

#[test]
fn a_fill_may_come_before_the_ack() {
    let mut desk = Desk::open();
    let partly = desk.place(limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 10));
    desk.fill(partly, 100_000, 4);
    assert_eq!(desk.state(partly), OrderState::Open, "a fill is word from the venue");
    desk.accept(partly);
    assert_eq!((desk.state(partly), desk.filled(partly)), (OrderState::Open, 4));
    let wholly = desk.place(limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 10));
    desk.fill(wholly, 100_000, 10);
    desk.accept(wholly);
    assert_eq!(desk.state(wholly), done(DoneReason::Filled), "a late ack does not reopen it");
    assert!(desk.engine.state().order(wholly).unwrap().venue_order.is_some(), "but its id is kept");
}

#[test]
fn a_fill_after_the_end_still_books_money() {
    let mut desk = Desk::open();
    let order = desk.open_order(limit(PERPETUAL, ALPHA, Side::Sell, 100_000, 10));
    desk.intend(Intent::Cancel { order });
    desk.reply(VenueReply::Cancelled { order });
    assert!(matches!(desk.fill(order, 100_000, 3)[..], [Outcome::Filled { .. }]));
    assert_eq!((desk.state(order), desk.filled(order)), (done(DoneReason::Cancelled), 3));
    assert_eq!(desk.engine.state().book_position(ALPHA, PERPETUAL).lots, -3);
}

#[test]
fn a_fill_that_comes_again_is_applied_once() {
    let mut desk = Desk::open();
    let order = desk.open_order(limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 10));
    let fill = desk.fill_of(order, 100_000, 4, fee(USDT, 7));
    desk.reply(VenueReply::Filled(fill));
    desk.fill(order, 100_000, 1);
    let before = desk.engine.state_hash();
    let now = desk.now;
    assert_eq!(desk.reply(VenueReply::Filled(fill)), [Outcome::FillRepeated { order, trade: fill.trade, at: now }]);
    assert_eq!(desk.engine.state_hash(), before);
    assert_eq!(desk.filled(order), 5);
}

#[test]
fn both_sides_of_a_self_trade_share_a_trade_id() {
    let mut desk = Desk::open();
    let buy = desk.open_order(limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 4));
    let sell = desk.open_order(limit(PERPETUAL, BETA, Side::Sell, 100_000, 4));
    let bought = desk.fill_of(buy, 100_000, 4, fee(USDT, 0));
    desk.reply(VenueReply::Filled(bought));
    desk.reply(VenueReply::Filled(tradewind_types::Fill { order: sell, ..bought }));
    assert_eq!((desk.filled(buy), desk.filled(sell)), (4, 4));
    assert_eq!(desk.engine.state().firm_standing(PERPETUAL).position, 0);
}

#[test]
fn a_rejected_order_is_over_and_gives_back_what_it_held() {
    let mut desk = Desk::open();
    let free = desk.engine.state().free_balance(desk::SPOT_ACCOUNT, USDT);
    let order = desk.place(limit(SPOT, ALPHA, Side::Buy, 100_000, 100));
    // 100 lots × 100 000 ticks × 10 units, and 10 bps.
    assert_eq!(free.0 - desk.engine.state().free_balance(desk::SPOT_ACCOUNT, USDT).0, 100_100_000);
    desk.reject(order, RejectReason::InsufficientFunds);
    assert_eq!(desk.state(order), done(DoneReason::Rejected(RejectReason::InsufficientFunds)));
    assert_eq!(desk.engine.state().free_balance(desk::SPOT_ACCOUNT, USDT), free);
    assert_eq!(desk.reject(order, RejectReason::InsufficientFunds), [], "said twice, heard once");
}

#[test]
fn cancel_and_fill_race() {
    let mut desk = Desk::open();
    let order = desk.open_order(limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 10));
    desk.intend(Intent::Cancel { order });
    assert_eq!(desk.state(order), OrderState::Cancelling);
    assert_eq!(desk.engine.state().firm_standing(PERPETUAL).buys, 10, "still held until the venue confirms");
    desk.fill(order, 100_000, 4);
    assert_eq!(desk.state(order), OrderState::Cancelling);
    desk.reply(VenueReply::Cancelled { order });
    assert_eq!((desk.state(order), desk.filled(order)), (done(DoneReason::Cancelled), 4));
    assert_eq!(desk.engine.state().firm_standing(PERPETUAL).buys, 0);

    let order = desk.open_order(limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 10));
    desk.intend(Intent::Cancel { order });
    desk.fill(order, 100_000, 10);
    assert_eq!(desk.state(order), done(DoneReason::Filled), "the fill won");
    assert_eq!(desk.reply(VenueReply::CancelRejected { order, reason: RejectReason::UnknownOrder }), []);
}

#[test]
fn a_refused_cancel_leaves_the_order_as_it_was() {
    let mut desk = Desk::open();
    for is_acknowledged in [false, true] {
        let order = desk.place(limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 10));
        if is_acknowledged {
            desk.accept(order);
        }
        let before = desk.state(order);
        desk.intend(Intent::Cancel { order });
        desk.reply(VenueReply::CancelRejected { order, reason: RejectReason::UnknownOrder });
        assert_eq!(desk.state(order), before);
    }
    let order = desk.place(limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 10));
    desk.intend(Intent::Cancel { order });
    desk.accept(order);
    assert_eq!(desk.state(order), OrderState::Cancelling, "the ack of an order being cancelled");
}

#[test]
fn an_amend_holds_the_larger_of_both_outcomes() {
    let mut desk = Desk::open();
    let order = desk.open_order(limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 10));
    desk.intend(Intent::Amend { order, price: Price(99_000), qty: Qty(25) });
    assert_eq!(desk.state(order), OrderState::Amending { price: Price(99_000), qty: Qty(25) });
    assert_eq!(desk.engine.state().firm_standing(PERPETUAL).buys, 25);
    desk.fill(order, 100_000, 10);
    assert_eq!(desk.state(order), OrderState::Amending { price: Price(99_000), qty: Qty(25) }, "15 more are possible");
    desk.reply(VenueReply::AmendRejected { order, reason: RejectReason::UnknownOrder });
    assert_eq!(desk.state(order), done(DoneReason::Filled), "as before, and before it was full");

    let order = desk.open_order(limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 10));
    desk.intend(Intent::Amend { order, price: Price(99_000), qty: Qty(4) });
    assert_eq!(desk.engine.state().firm_standing(PERPETUAL).buys, 10);
    desk.reply(VenueReply::Amended { order, price: Price(99_000), qty: Qty(4) });
    assert_eq!(desk.engine.state().firm_standing(PERPETUAL).buys, 4);
    let amended = desk.engine.state().order(order).unwrap();
    assert_eq!((amended.price(), amended.terms.qty, amended.state), (Some(Price(99_000)), Qty(4), OrderState::Open));
    desk.fill(order, 99_000, 4);
    assert_eq!(desk.state(order), done(DoneReason::Filled));
}

#[test]
fn an_amend_survives_a_cancel_that_was_refused() {
    let mut desk = Desk::open();
    let order = desk.open_order(limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 10));
    desk.intend(Intent::Amend { order, price: Price(99_000), qty: Qty(25) });
    desk.intend(Intent::Cancel { order });
    assert_eq!(desk.engine.state().firm_standing(PERPETUAL).buys, 25);
    desk.reply(VenueReply::CancelRejected { order, reason: RejectReason::UnknownOrder });
    assert_eq!(desk.state(order), OrderState::Amending { price: Price(99_000), qty: Qty(25) });
}

#[test]
fn nobody_knows_until_the_deadline() {
    let mut desk = Desk::open();
    let order = desk.place(limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 10));
    let (since, until) = (desk.now, Timestamp(desk.now.0 + 1_000));
    desk.reply(VenueReply::Lost { order, until });
    assert_eq!(desk.state(order), OrderState::Unknown { since, until });
    assert_eq!(desk.engine.state().firm_standing(PERPETUAL).buys, 10, "both outcomes are held");
    desk.now = Timestamp(until.0 - 1);
    assert_eq!(desk.reply(VenueReply::NotFound { order }), [], "no evidence yet");
    desk.intend(Intent::Cancel { order });
    assert_eq!(desk.state(order), OrderState::Unknown { since, until }, "a cancel does not end the doubt");
    desk.now = until;
    let now = desk.now;
    assert_eq!(desk.reply(VenueReply::NotFound { order }), [Outcome::NeverArrived { order, at: now }]);
    assert_eq!(desk.state(order), done(DoneReason::NeverArrived));
    assert_eq!(desk.engine.state().firm_standing(PERPETUAL).buys, 0);
}

#[test]
fn not_found_means_nothing_for_an_order_that_is_not_in_doubt() {
    let mut desk = Desk::open();
    let order = desk.place(limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 10));
    assert_eq!(desk.reply(VenueReply::NotFound { order }), []);
    desk.accept(order);
    assert_eq!(desk.reply(VenueReply::NotFound { order }), []);
    assert_eq!(desk.state(order), OrderState::Open);
}

#[test]
fn doubt_ends_by_word_from_the_venue() {
    let mut desk = Desk::open();
    let until = Timestamp(desk.now.0 + 1_000);
    let order = desk.place(limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 10));
    desk.reply(VenueReply::Lost { order, until });
    desk.fill(order, 100_000, 4);
    assert!(matches!(desk.state(order), OrderState::Unknown { .. }), "it arrived; whether it still works is not known");
    desk.accept(order);
    assert_eq!((desk.state(order), desk.filled(order)), (OrderState::Open, 4));
    desk.reply(VenueReply::Lost { order, until });
    desk.reply(VenueReply::Lost { order, until: Timestamp(until.0 + 5) });
    desk.now = until;
    assert_eq!(desk.reply(VenueReply::NotFound { order }), [], "the deadline was moved");
    desk.now = Timestamp(until.0 + 5);
    let now = desk.now;
    assert_eq!(desk.reply(VenueReply::NotFound { order }), [Outcome::Expired { order, at: now }], "it had arrived, so the venue ended it");
}

#[test]
fn an_order_thought_never_to_have_arrived_comes_back() {
    let mut desk = Desk::open();
    let order = desk.place(limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 10));
    let until = desk.now;
    desk.reply(VenueReply::Lost { order, until });
    desk.reply(VenueReply::NotFound { order });
    desk.accept(order);
    assert_eq!(desk.state(order), OrderState::Open);
    assert_eq!(desk.engine.state().firm_standing(PERPETUAL).buys, 10);
    assert_eq!(desk.engine.state().live_orders().count(), 1);
}

#[test]
fn more_filled_than_ordered_is_booked_and_halts_the_account() {
    let mut desk = Desk::open();
    let other = desk.open_order(limit(PERPETUAL, BETA, Side::Sell, 100_000, 5));
    let spot = desk.open_order(limit(SPOT, ALPHA, Side::Buy, 100_000, 5));
    let order = desk.open_order(limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 10));
    let now = desk.now;
    let outcomes = desk.fill(order, 100_000, 11);
    let scope = LimitScope::Account(desk::MARGIN_ACCOUNT);
    assert!(matches!(outcomes[0], Outcome::Filled { .. }));
    assert_eq!(outcomes[1..], [Outcome::Halted { scope, at: now }, Outcome::CancelSent { order: other, at: now }]);
    assert_eq!(desk.engine.state().book_position(ALPHA, PERPETUAL).lots, 11);
    assert_eq!(desk.state(spot), OrderState::Open, "other accounts go on");
}

#[test]
fn a_fill_that_cannot_be_booked_halts_the_account_and_never_panics() {
    for (price, qty, asset) in
        [(100_000, 0, USDT), (100_000, -3, USDT), (0, 3, USDT), (100_000, 3, tradewind_types::AssetId(99)), (i64::MAX, i64::MAX, USDT)]
    {
        let mut desk = Desk::open();
        let order = desk.open_order(limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 10));
        let fill = desk.fill_of(order, price, qty, fee(asset, 1));
        let now = desk.now;
        let halted = Outcome::Halted { scope: LimitScope::Account(desk::MARGIN_ACCOUNT), at: now };
        assert_eq!(desk.reply(VenueReply::Filled(fill)), [halted, Outcome::CancelSent { order, at: now }]);
        assert_eq!(desk.filled(order), 0);
    }
}

#[test]
fn word_of_an_order_we_do_not_know() {
    let mut desk = Desk::open();
    let order = OrderId { node: 7, epoch: 1, counter: 99 };
    let now = desk.now;
    assert_eq!(desk.accept(order), [Outcome::Unrecognised { order, at: now }]);
    let halted = Outcome::Halted { scope: LimitScope::Firm, at: now };
    assert_eq!(desk.fill(order, 100_000, 1), [Outcome::Unrecognised { order, at: now }, halted], "money that cannot be booked");
}

#[test]
fn a_halt_cancels_everything_in_its_scope_and_latches() {
    let mut desk = Desk::open();
    let alpha = desk.open_order(limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 10));
    let ending = desk.open_order(limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 10));
    let sent = desk.place(limit(SPOT, ALPHA, Side::Buy, 100_000, 10));
    let beta = desk.open_order(limit(PERPETUAL, BETA, Side::Buy, 100_000, 10));
    desk.intend(Intent::Cancel { order: ending });
    let (now, scope) = (desk.now, LimitScope::Book(ALPHA));
    let cancels = [alpha, sent].map(|order| Outcome::CancelSent { order, at: now });
    assert_eq!(desk.halt(scope), [&[Outcome::Halted { scope, at: now }][..], &cancels].concat());
    assert_eq!(desk.step.commands.len(), 2);
    assert_eq!(desk.state(beta), OrderState::Open);
    let intent = Intent::Place(limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 1));
    let refused = Outcome::Refused { author: Author::Operator, intent, reason: RefusalReason::Halted { scope }, at: now };
    assert_eq!(desk.intend(intent), [refused]);
    desk.now = Timestamp(now.0 + 1_000_000_000_000);
    assert!(matches!(desk.intend(intent)[..], [Outcome::Refused { .. }]), "time does not lift it");
    desk.place(limit(PERPETUAL, BETA, Side::Buy, 100_000, 1));
    desk.resume(LimitScope::Firm);
    assert!(matches!(desk.intend(intent)[..], [Outcome::Refused { .. }]), "nor does another scope's resume");
    desk.resume(scope);
    assert!(matches!(desk.intend(intent)[..], [Outcome::OrderSent { .. }]));
    assert_eq!(desk.resume(scope), [], "nothing to resume");
}

/// A slip of the hand in an emergency: the engine does not know what to stop, so it stops everything, and goes on working.
#[test]
fn a_halt_of_what_cannot_exist_halts_the_firm() {
    let mut desk = Desk::open();
    let order = desk.open_order(limit(PERPETUAL, ALPHA, Side::Buy, 99_000, 10));
    let outcomes = desk.halt(LimitScope::Book(tradewind_types::BookId(u32::MAX)));
    assert!(matches!(outcomes[..], [Outcome::Halted { scope: LimitScope::Firm, .. }, Outcome::CancelSent { order: o, .. }] if o == order));
    desk.resume(LimitScope::Firm);
    desk.place(limit(PERPETUAL, ALPHA, Side::Buy, 99_000, 10));
}

#[test]
fn cancel_all_takes_one_book() {
    let mut desk = Desk::open();
    let first = desk.open_order(limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 10));
    let second = desk.open_order(limit(SPOT, ALPHA, Side::Buy, 100_000, 10));
    desk.open_order(limit(PERPETUAL, BETA, Side::Buy, 100_000, 10));
    let now = desk.now;
    let cancels = [first, second].map(|order| Outcome::CancelSent { order, at: now });
    assert_eq!(desk.intend(Intent::CancelAll { book: ALPHA }), cancels);
    assert_eq!(desk.intend(Intent::CancelAll { book: ALPHA }), [], "once is enough");
    assert!(matches!(desk.intend(Intent::Cancel { order: first })[..], [Outcome::CancelSent { .. }]), "unless asked for by name");
}

#[test]
fn decisions_can_be_late_foreign_or_about_nothing() {
    let mut desk = Desk::open();
    let now = desk.now;
    let decide = |author, intent, valid_until| Control::Decision { author, model: 1, valid_until, intent };
    let place = Intent::Place(limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 1));
    assert!(matches!(desk.control(decide(Author::Operator, place, now))[..], [Outcome::OrderSent { .. }]), "just in time");
    let late = Timestamp(now.0 - 1);
    let reason = RefusalReason::Late { valid_until: late, now };
    let refused = |intent, reason| Outcome::Refused { author: Author::Operator, intent, reason, at: now };
    assert_eq!(desk.control(decide(Author::Operator, place, late)), [refused(place, reason)]);
    let order = OrderId { node: 7, epoch: 1, counter: 1 };
    assert!(matches!(desk.control(decide(Author::Operator, Intent::Cancel { order }, late))[..], [Outcome::CancelSent { .. }]));
    let foreign = desk.control(decide(Author::Strategy(BETA), place, now));
    assert!(matches!(foreign[..], [Outcome::Refused { reason: RefusalReason::NotDefined { .. }, .. }]), "not its book");
    let nothing = OrderId { node: 7, epoch: 1, counter: 9 };
    let reason = RefusalReason::NotLive { order: nothing };
    assert_eq!(desk.intend(Intent::Cancel { order: nothing }), [refused(Intent::Cancel { order: nothing }, reason)]);
    let amend = Intent::Amend { order: nothing, price: Price(1), qty: Qty(1) };
    assert_eq!(desk.intend(amend), [refused(amend, reason)]);
    for terms in [
        limit(tradewind_types::InstrumentId(9), ALPHA, Side::Buy, 1, 1),
        limit(PERPETUAL, tradewind_types::BookId(9), Side::Buy, 1, 1),
        tradewind_types::OrderTerms { account: desk::SPOT_ACCOUNT, ..limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 1) },
    ] {
        assert!(matches!(desk.intend(Intent::Place(terms))[..], [Outcome::Refused { reason: RefusalReason::NotDefined { .. }, .. }]));
    }
    assert!(desk.step.commands.is_empty());
}

#[test]
fn ids_of_a_new_epoch_never_repeat_old_ones() {
    let mut desk = Desk::open();
    let old = desk.open_order(limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 10));
    for epoch in [0, 1] {
        let refused = desk.control(Control::Define(Definition::Epoch { node: 7, epoch }));
        assert!(matches!(refused[..], [Outcome::DefinitionRefused { .. }]));
    }
    desk.control(Control::Define(Definition::Epoch { node: 7, epoch: 3 }));
    let new = desk.open_order(limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 10));
    assert_eq!(new, OrderId { node: 7, epoch: 3, counter: 1 });
    desk.fill(old, 100_000, 10);
    assert_eq!((desk.state(old), desk.state(new)), (done(DoneReason::Filled), OrderState::Open));
    let accepted = desk.reply(VenueReply::Accepted { order: OrderId { epoch: 2, ..new }, venue_order: VenueOrderId(1) });
    assert!(matches!(accepted[..], [Outcome::Unrecognised { .. }]));
}

/// A process that restarted has seen no market, and neither may the engine that decides its journal anew in one go.
#[test]
fn a_new_epoch_has_seen_no_market() {
    let mut desk = Desk::open();
    desk.place(market(PERPETUAL, ALPHA, Side::Buy, 5));
    desk.control(Control::Define(Definition::Epoch { node: 7, epoch: 1 }));
    assert!(desk.engine.market(PERPETUAL).reference().is_some(), "an epoch that is refused begins no life");
    desk.control(Control::Define(Definition::Epoch { node: 7, epoch: 2 }));
    assert_eq!(desk.engine.market(PERPETUAL).reference(), None);
    let order = market(PERPETUAL, ALPHA, Side::Buy, 5);
    assert!(matches!(desk.intend(Intent::Place(order))[..], [Outcome::Refused { reason: RefusalReason::StaleReference { .. }, .. }]));
    desk.quote(PERPETUAL, 99_999, 100_001);
    desk.place(order);
}

#[test]
fn outcomes_of_another_history_are_refused() {
    let mut desk = Desk::open();
    let order = desk.open_order(limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 10));
    let terms = limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 10);
    let before = desk.engine.state_hash();
    let at = desk.now;
    let foreign = [
        Outcome::OrderSent { order, author: Author::Operator, terms, reserved: tradewind_types::Amount(0), at },
        Outcome::Cancelled { order: OrderId { counter: 77, ..order }, at },
        Outcome::TimerFired { timer: tradewind_types::TimerId(5), at },
        Outcome::AlgoStopped { algo: tradewind_types::AlgoId(5), at },
        Outcome::Defined(Definition::Epoch { node: 7, epoch: 1 }),
    ];
    for outcome in foreign {
        assert!(desk.engine.apply(&outcome).is_err(), "{outcome:?}");
    }
    assert_eq!(desk.engine.state_hash(), before, "and leave no trace");
}

#[test]
fn every_turn_of_a_life_shows_in_the_state_hash() {
    let mut desk = Desk::open();
    let order = desk.place(limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 10));
    let (price, qty, until) = (Price(99_000), Qty(12), Timestamp(desk.now.0 + 9));
    let turns = [
        VenueReply::Accepted { order, venue_order: VenueOrderId(5) },
        VenueReply::Amended { order, price, qty },
        VenueReply::Filled(desk.fill_of(order, 99_000, 1, fee(USDT, 1))),
        VenueReply::Lost { order, until },
        VenueReply::Lost { order, until: Timestamp(until.0 + 1) },
        VenueReply::Cancelled { order },
    ];
    let mut seen = vec![desk.engine.state_hash()];
    for turn in turns {
        assert_eq!(desk.reply(turn).len(), 1, "{turn:?}");
        let hash = desk.engine.state_hash();
        assert!(!seen.contains(&hash), "{turn:?}");
        seen.push(hash);
    }
}

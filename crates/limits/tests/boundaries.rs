//! Every limit at its exact value, one beyond it, and in every scope.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod setting;

use setting::{NOW, ROUTE, SCOPES, Setting, limit, market, order, rule};
use tradewind_limits::{BookHealth, Ceiling, Limits, LiveOrder, Reference, Standing, spending_asset};
use tradewind_types::{
    AccountId, Amount, AssetId, BookId, DoneReason, InstrumentFilters, InstrumentId, InstrumentKind, LimitScope, LimitSettings, MarginMode,
    Nanos, OrderId, OrderKind, OrderRequest, OrderState, Price, Qty, Rate, RefusalReason, Side, StateDigest, Timestamp, Trigger,
    TriggerSource, VenueId,
};

const TRIGGER: Trigger = Trigger { price: Price(100), source: TriggerSource::Mark };

#[test]
fn venue_filters_bound_quantity_and_value_on_both_sides() {
    let setting = Setting::perpetual();
    let refused = |terms| matches!(setting.place(terms), Err(RefusalReason::VenueFilter { .. }));
    assert!(!refused(limit(Side::Buy, 250, 2)), "the smallest quantity at exactly the smallest value");
    assert!(refused(limit(Side::Buy, 249, 2)), "498 of 500 units");
    assert!(refused(limit(Side::Buy, 1_000, 1)), "below the smallest quantity");
    assert!(!refused(limit(Side::Sell, 100, 1_000)));
    assert!(refused(limit(Side::Sell, 100, 1_001)), "above the largest quantity");
    assert!(refused(limit(Side::Buy, 0, 10)) && refused(limit(Side::Buy, -1, 10)), "a price below one tick");
    assert!(refused(limit(Side::Buy, 100, 0)) && refused(limit(Side::Buy, 100, -5)), "no quantity");
}

#[test]
fn filters_that_the_venue_changed_bind_at_once() {
    let mut setting = Setting::perpetual();
    let (price_step, qty_step, min_qty, max_qty) = (Price(5), Qty(3), Qty(6), Qty(12));
    let filters = InstrumentFilters { instrument: InstrumentId(5), price_step, qty_step, min_qty, max_qty, min_notional: Amount(600) };
    setting.instrument = setting.instrument.with_filters(filters);
    let passes = |price, qty| match setting.place(limit(Side::Buy, price, qty)) {
        Ok(_) => true,
        Err(RefusalReason::VenueFilter { .. }) => false,
        Err(other) => panic!("{other:?}"),
    };
    assert!(passes(100, 6) && passes(105, 12));
    assert!(!passes(101, 6) && !passes(100, 7), "off the grid");
    assert!(!passes(200, 3) && !passes(100, 15) && !passes(95, 6), "out of range");
    let stop = |price| OrderKind::Stop { trigger: Trigger { price: Price(price), source: TriggerSource::Mark } };
    assert!(setting.place(order(Side::Buy, stop(100), 6)).is_ok() && setting.place(order(Side::Buy, stop(101), 6)).is_err());
}

#[test]
fn a_market_order_is_valued_at_the_reference_and_needs_one() {
    let mut setting = Setting::perpetual();
    assert_eq!(setting.place(market(Side::Buy, 5)), Ok(Amount::ZERO), "5 lots at 100 ticks are 500 units");
    assert!(matches!(setting.place(market(Side::Buy, 4)), Err(RefusalReason::VenueFilter { qty: Qty(4), notional: Amount(400) })));
    setting.reference = None;
    let missing = RefusalReason::StaleReference { age: Nanos(i64::MAX), limit: Nanos(i64::MAX) };
    assert_eq!(setting.place(market(Side::Buy, 5)), Err(missing));
    assert_eq!(setting.place(limit(Side::Buy, 100, 5)), Ok(Amount::ZERO), "a limit order carries its own price");
}

#[test]
fn order_quantity_and_value_pass_at_the_limit_in_every_scope() {
    for scope in SCOPES {
        let setting = Setting::perpetual().limit(LimitSettings { max_order_qty: Some(Qty(10)), ..rule(scope) });
        assert!(setting.place(limit(Side::Buy, 100, 10)).is_ok());
        let over = RefusalReason::OrderQty { scope, asked: Qty(11), limit: Qty(10) };
        assert_eq!(setting.place(limit(Side::Buy, 100, 11)), Err(over));

        let setting = Setting::perpetual().limit(LimitSettings { max_order_notional: Some(Amount(1_000)), ..rule(scope) });
        assert!(setting.place(limit(Side::Sell, 100, 10)).is_ok());
        let over = RefusalReason::OrderNotional { scope, asked: Amount(1_010), limit: Amount(1_000) };
        assert_eq!(setting.place(limit(Side::Sell, 101, 10)), Err(over));
    }
}

#[test]
fn limits_of_other_scopes_and_instruments_do_not_bind() {
    let tight = |scope, instrument| LimitSettings { max_order_qty: Some(Qty(1)), instrument, ..rule(scope) };
    let setting = Setting::perpetual()
        .limit(tight(LimitScope::Venue(VenueId(9)), None))
        .limit(tight(LimitScope::Account(AccountId(9)), None))
        .limit(tight(LimitScope::Book(BookId(9)), None))
        .limit(tight(LimitScope::Firm, Some(InstrumentId(9))));
    assert!(setting.place(limit(Side::Buy, 100, 10)).is_ok());
    let setting = setting.limit(tight(LimitScope::Firm, Some(InstrumentId(5))));
    assert!(matches!(setting.place(limit(Side::Buy, 100, 10)), Err(RefusalReason::OrderQty { scope: LimitScope::Firm, .. })));
}

#[test]
fn the_price_collar_is_exact_and_needs_a_fresh_reference() {
    let settings = LimitSettings {
        max_price_deviation: Some(Rate::from_centi_bps(10_000 * 5)),
        max_reference_age: Some(Nanos(1_000)),
        ..rule(LimitScope::Firm)
    };
    let mut setting = Setting::perpetual().limit(settings);
    for price in [95, 100, 105] {
        assert!(setting.place(limit(Side::Buy, price, 10)).is_ok(), "{price} is within 5 % of 100");
    }
    for price in [94, 106] {
        assert!(matches!(setting.place(limit(Side::Buy, price, 10)), Err(RefusalReason::PriceCollar { .. })), "{price}");
    }
    setting.reference = Some(Reference { price: Price(100), at: Timestamp(NOW.0 - 1_000) });
    assert!(setting.place(limit(Side::Buy, 100, 10)).is_ok(), "exactly as old as allowed");
    setting.reference = Some(Reference { price: Price(100), at: Timestamp(NOW.0 - 1_001) });
    let stale = RefusalReason::StaleReference { age: Nanos(1_001), limit: Nanos(1_000) };
    assert_eq!(setting.place(limit(Side::Buy, 100, 10)), Err(stale));
    assert_eq!(setting.place(market(Side::Buy, 10)), Err(stale), "a market order is held to the same age");
}

#[test]
fn a_collar_without_an_age_accepts_only_a_reference_of_this_instant() {
    let settings = LimitSettings { max_price_deviation: Some(Rate::from_centi_bps(50_000)), ..rule(LimitScope::Firm) };
    let mut setting = Setting::perpetual().limit(settings);
    assert!(setting.place(limit(Side::Buy, 100, 10)).is_ok());
    setting.reference = Some(Reference { price: Price(100), at: Timestamp(NOW.0 - 1) });
    assert!(matches!(setting.place(limit(Side::Buy, 100, 10)), Err(RefusalReason::StaleReference { limit: Nanos(0), .. })));
}

#[test]
fn position_counts_everything_in_flight_on_the_own_side() {
    for (index, scopes) in [(0, &SCOPES[..2]), (1, &SCOPES[2..3]), (2, &SCOPES[3..])] {
        for scope in scopes {
            let mut setting = Setting::perpetual().limit(LimitSettings { max_position: Some(Qty(100)), ..rule(*scope) });
            setting.standing[index] = Standing { position: 30, buys: 50, sells: 70 };
            assert!(setting.place(limit(Side::Buy, 100, 20)).is_ok(), "30 + 50 + 20 = 100");
            let beyond = RefusalReason::Position { scope: *scope, found: 101, limit: Qty(100) };
            assert_eq!(setting.place(limit(Side::Buy, 100, 21)), Err(beyond));
            assert!(setting.place(limit(Side::Sell, 100, 60)).is_ok(), "30 - 70 - 60 = -100");
            let beyond = RefusalReason::Position { scope: *scope, found: -101, limit: Qty(100) };
            assert_eq!(setting.place(limit(Side::Sell, 100, 61)), Err(beyond));
        }
    }
}

#[test]
fn an_order_that_leaves_an_excessive_position_passes() {
    let mut setting = Setting::perpetual().limit(LimitSettings { max_position: Some(Qty(10)), ..rule(LimitScope::Firm) });
    setting.standing[0] = Standing { position: 50, buys: 0, sells: 0 };
    assert!(setting.place(limit(Side::Sell, 100, 60)).is_ok());
    assert!(setting.place(limit(Side::Buy, 100, 5)).is_err());
}

#[test]
fn a_spot_buy_reserves_quote_with_fees_and_a_sell_reserves_base() {
    let mut setting = Setting::spot();
    // 10 lots at 100 ticks: 1000 units of quote, and 10 bps of it, rounded up.
    setting.free = Amount(1_001);
    assert_eq!(setting.place(limit(Side::Buy, 100, 10)), Ok(Amount(1_001)));
    setting.free = Amount(1_000);
    let short = RefusalReason::InsufficientBalance { asset: AssetId(1), asked: Amount(1_001), free: Amount(1_000) };
    assert_eq!(setting.place(limit(Side::Buy, 100, 10)), Err(short));
    setting.free = Amount(10);
    assert_eq!(setting.place(limit(Side::Sell, 100, 10)), Ok(Amount(10)), "10 lots are 10 units of base");
    let short = RefusalReason::InsufficientBalance { asset: AssetId(0), asked: Amount(11), free: Amount(10) };
    assert_eq!(setting.place(limit(Side::Sell, 100, 11)), Err(short));
    setting.free = Amount(1_004);
    // A market buy adds 25 bps to the reference: 1001 + ceil(2.5025).
    assert_eq!(setting.place(market(Side::Buy, 10)), Ok(Amount(1_004)));
    setting.free = Amount(1_003);
    assert!(setting.place(market(Side::Buy, 10)).is_err());
    assert_eq!(spending_asset(&setting.instrument, Side::Buy), AssetId(1));
}

#[test]
fn the_order_rate_passes_the_limit_and_recovers_as_the_window_slides() {
    let settings = LimitSettings { max_orders_per_window: Some(2), rate_window: Nanos(100), ..rule(LimitScope::Account(AccountId(3))) };
    let mut setting = Setting::perpetual().limit(settings);
    let terms = limit(Side::Buy, 100, 10);
    setting.limits.count_place(ROUTE, &limit(Side::Buy, 100, 10), Timestamp(NOW.0 - 99));
    assert!(setting.place(terms).is_ok(), "the second of two");
    setting.limits.count_place(ROUTE, &limit(Side::Buy, 100, 10), NOW);
    let full = RefusalReason::OrderRate { scope: LimitScope::Account(AccountId(3)), found: 3, limit: 2 };
    assert_eq!(setting.place(terms), Err(full));
    let mut slid = Setting::perpetual().limit(settings);
    slid.limits.count_place(ROUTE, &limit(Side::Buy, 100, 10), Timestamp(NOW.0 - 100));
    slid.limits.count_place(ROUTE, &limit(Side::Buy, 100, 10), NOW);
    assert!(slid.place(terms).is_ok(), "exactly one window ago is outside");
    for _ in 0..50 {
        slid.limits.count_cancel(ROUTE, NOW);
    }
    assert!(slid.place(terms).is_ok(), "cancels do not use up the rate");
    assert_eq!(slid.limits.cancels_sent(LimitScope::Firm), 50, "but are counted");
    let none = Setting::perpetual().limit(LimitSettings { max_orders_per_window: Some(0), ..settings });
    assert!(matches!(none.place(terms), Err(RefusalReason::OrderRate { found: 1, limit: 0, .. })));
}

#[test]
fn redefining_a_rate_keeps_what_is_in_the_window() {
    let settings = LimitSettings { max_orders_per_window: Some(3), rate_window: Nanos(100), ..rule(LimitScope::Firm) };
    let mut setting = Setting::perpetual().limit(settings);
    for _ in 0..3 {
        setting.limits.count_place(ROUTE, &limit(Side::Buy, 100, 10), NOW);
    }
    let setting = setting.limit(LimitSettings { max_orders_per_window: Some(1), ..settings });
    assert!(setting.place(limit(Side::Buy, 100, 10)).is_err());
}

#[test]
fn a_halt_latches_in_its_scope_and_lets_cancels_through() {
    for scope in SCOPES {
        let mut setting = Setting::perpetual();
        setting.limits.halt(scope);
        assert_eq!(setting.place(limit(Side::Buy, 100, 10)), Err(RefusalReason::Halted { scope }));
        let order = OrderId { node: 1, epoch: 1, counter: 7 };
        assert!(setting.limits.cancel(order, InstrumentId(5), OrderState::Open).is_ok());
        setting.limits.define(rule(scope));
        assert!(setting.place(limit(Side::Buy, 100, 10)).is_err(), "new settings do not lift a halt");
        setting.limits.resume(scope);
        assert!(setting.place(limit(Side::Buy, 100, 10)).is_ok());
    }
    let mut elsewhere = Setting::perpetual();
    elsewhere.limits.halt(LimitScope::Book(BookId(9)));
    assert!(elsewhere.place(limit(Side::Buy, 100, 10)).is_ok());
}

#[test]
fn cancels_are_refused_only_for_orders_that_are_over() {
    let limits = Limits::new();
    let order = OrderId { node: 1, epoch: 1, counter: 7 };
    let amending = OrderState::Amending { price: Price(1), qty: Qty(1) };
    let unknown = OrderState::Unknown { since: NOW, until: NOW };
    for state in [OrderState::Sent, OrderState::Open, amending, OrderState::Cancelling, unknown] {
        let command = limits.cancel(order, InstrumentId(5), state).unwrap();
        assert_eq!(*command.request(), OrderRequest::Cancel { order, instrument: InstrumentId(5) });
    }
    let done = OrderState::Done { reason: DoneReason::Filled };
    assert_eq!(limits.cancel(order, InstrumentId(5), done), Err(RefusalReason::NotLive { order }));
}

#[test]
fn an_invalid_book_and_a_foreign_account_refuse() {
    let mut setting = Setting::perpetual();
    setting.health = BookHealth::Invalid;
    let terms = limit(Side::Buy, 100, 10);
    assert_eq!(setting.place(terms), Err(RefusalReason::InvalidBook { instrument: InstrumentId(5) }));
    let mut setting = Setting::perpetual();
    setting.account.venue = VenueId(9);
    assert!(matches!(setting.place(terms), Err(RefusalReason::NotDefined { .. })));
    let setting = Setting::new(InstrumentKind::LinearPerpetual, MarginMode::Spot);
    assert!(matches!(setting.place(terms), Err(RefusalReason::NotDefined { .. })), "a spot account cannot hold a perpetual");
}

#[test]
fn an_amend_is_checked_for_what_it_adds() {
    let mut setting = Setting::spot().limit(LimitSettings { max_position: Some(Qty(20)), ..rule(LimitScope::Firm) });
    let order = OrderId { node: 1, epoch: 1, counter: 7 };
    let mut live = LiveOrder {
        order,
        terms: limit(Side::Buy, 100, 10),
        state: OrderState::Open,
        filled: Qty(4),
        ceiling: Ceiling::new(Qty(10), Amount(1_001)).unwrap(),
    };
    // 4 filled, 6 in flight: up to 20 lots means a total of 20.
    setting.standing[0] = Standing { position: 4, buys: 6, sells: 0 };
    setting.free = Amount(1_000_000);
    let amend = |setting: &Setting, live: &LiveOrder, price, qty| setting.limits.amend(&setting.context(), live, Price(price), Qty(qty));
    assert!(amend(&setting, &live, 100, 20).is_ok());
    assert!(matches!(amend(&setting, &live, 100, 21), Err(RefusalReason::Position { found: 21, .. })));
    // Held now: ceil(1001 × 6 / 10) = 601; at 200 ticks for 10: 2002 × 6 / 10 = 1202.
    setting.free = Amount(601);
    assert!(amend(&setting, &live, 200, 10).is_ok());
    setting.free = Amount(600);
    assert!(matches!(amend(&setting, &live, 200, 10), Err(RefusalReason::InsufficientBalance { asked: Amount(601), .. })));
    setting.free = Amount(-5);
    assert!(amend(&setting, &live, 100, 8).is_ok(), "less than before asks for nothing");
    assert!(matches!(amend(&setting, &live, 100, 4), Err(RefusalReason::VenueFilter { .. })), "not above what is filled");
    let kinds = [
        OrderKind::StopLimit { trigger: TRIGGER, price: Price(100) },
        OrderKind::TakeProfitLimit { trigger: TRIGGER, price: Price(100) },
        OrderKind::Iceberg { price: Price(100), display: Qty(8) },
    ];
    for kind in kinds {
        live.terms.kind = kind;
        assert!(amend(&setting, &live, 100, 8).is_ok(), "{kind:?}");
    }
    assert_eq!(amend(&setting, &live, 100, 7), Err(RefusalReason::Contradiction), "an iceberg shows no more than it is");
    live.terms.kind = OrderKind::Stop { trigger: TRIGGER };
    assert_eq!(amend(&setting, &live, 100, 8), Err(RefusalReason::NotLive { order }), "nothing to amend at market");
    live.terms.kind = OrderKind::Limit { price: Price(100) };
    live.state = OrderState::Cancelling;
    assert_eq!(amend(&setting, &live, 100, 8), Err(RefusalReason::NotLive { order }));
}

#[test]
fn arithmetic_that_does_not_fit_is_refused() {
    let mut setting = Setting::perpetual();
    setting.standing[2] = Standing { position: i64::MAX - 5, buys: 0, sells: 0 };
    assert_eq!(setting.place(limit(Side::Buy, 100, 10)), Err(RefusalReason::Overflow));
}

#[test]
fn the_digest_sees_settings_halts_and_windows() {
    let digest = |limits: &Limits| {
        let mut digest = StateDigest::new();
        limits.digest(&mut digest);
        digest.finish()
    };
    let mut limits = Limits::new();
    let mut seen = vec![digest(&limits)];
    limits.define(LimitSettings { max_orders_per_window: Some(2), ..rule(LimitScope::Book(BookId(4))) });
    seen.push(digest(&limits));
    limits.count_place(ROUTE, &limit(Side::Buy, 100, 10), NOW);
    seen.push(digest(&limits));
    limits.halt(LimitScope::Book(BookId(4)));
    seen.push(digest(&limits));
    limits.count_cancel(ROUTE, NOW);
    seen.push(digest(&limits));
    for (i, a) in seen.iter().enumerate() {
        assert!(seen[..i].iter().all(|b| a != b));
    }
}

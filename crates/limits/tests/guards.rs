//! Terms that contradict each other, restricted lists, conduct, money limits and margin: each just passing and just failing, in
//! every scope.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod setting;

use setting::{NOW, ROUTE, SCOPES, Setting, limit, market, order, rule};
use tradewind_limits::{
    Ceiling, Conversion, Exposures, Holding, Limits, LiveOrder, MarginRoom, Reference, Standing, Surroundings, Valuation, Worth, could_meet,
};
use tradewind_types::{
    Amount, AssetId, BudgetSettings, ConductSettings, EquityMark, Exposure, InstrumentId, InstrumentKind, LimitScope, LimitSettings,
    MarginMode, MarginSchedule, MarginTier, Nanos, OrderId, OrderKind, OrderState, OrderTerms, PositionMode, Price, Qty, Rate,
    RefusalReason, Restriction, SelfTradeCheck, Side, StateDigest, StateHash, TimeInForce, Timestamp, Trigger, TriggerSource,
};

const DAY: i64 = 86_400_000_000_000;
const PERCENT: i64 = 1_000_000;

fn at(price: i64) -> Trigger {
    Trigger { price: Price(price), source: TriggerSource::Last }
}

fn budget(scope: LimitScope) -> BudgetSettings {
    BudgetSettings {
        scope,
        currency: AssetId(1),
        max_gross: None,
        max_net: None,
        max_open_orders: None,
        max_leverage: None,
        max_daily_loss: None,
        max_drawdown: None,
    }
}

fn conduct(scope: LimitScope) -> ConductSettings {
    ConductSettings {
        scope,
        max_cancel_ratio: None,
        cancels_judged_from: 0,
        duplicate_window: None,
        max_unanswered: None,
        self_trade: SelfTradeCheck::Allow,
    }
}

/// A perpetual with figures of nothing at all.
fn around() -> Setting {
    let mut setting = Setting::perpetual();
    setting.surroundings = Some(Surroundings::default());
    setting
}

fn surroundings(setting: &mut Setting) -> &mut Surroundings<'static> {
    setting.surroundings.as_mut().unwrap()
}

fn flat() -> Valuation {
    Valuation {
        others: Exposures::default(),
        own: Holding::default(),
        price: Price(100),
        conversion: Conversion::ONE,
        worth: Some(Worth { equity: Amount(10_000), flows: Amount::ZERO }),
    }
}

fn budgeted(settings: BudgetSettings, index: usize, valuation: Valuation) -> Setting {
    let mut setting = around();
    setting.limits.define_budget(settings);
    surroundings(&mut setting).scopes[index].valuation = Some(Ok(valuation));
    setting
}

#[test]
fn triggers_displays_and_times_have_ranges() {
    let setting = around();
    let kind = |kind| setting.place(order(Side::Buy, kind, 10));
    let waiting = |price| {
        let (trigger, limit) = (at(price), Price(100));
        [
            OrderKind::Stop { trigger },
            OrderKind::TakeProfit { trigger },
            OrderKind::StopLimit { trigger, price: limit },
            OrderKind::TakeProfitLimit { trigger, price: limit },
        ]
    };
    for (good, bad) in waiting(100).into_iter().zip(waiting(0)) {
        assert!(kind(good).is_ok(), "{good:?}");
        assert_eq!(kind(bad), Err(RefusalReason::Contradiction), "{bad:?}");
    }
    let iceberg = |display| OrderKind::Iceberg { price: Price(100), display: Qty(display) };
    for (display, passes) in [(0, false), (1, true), (10, true), (11, false)] {
        assert_eq!(kind(iceberg(display)).is_ok(), passes, "{display} of 10");
    }
    let timed = |kind, time_in_force| setting.place(OrderTerms { time_in_force, ..order(Side::Buy, kind, 10) });
    let until = |ns| TimeInForce::GoodTillTime { until: Timestamp(NOW.0 + ns) };
    let resting = OrderKind::Limit { price: Price(100) };
    assert!(timed(resting, until(1)).is_ok());
    assert_eq!(timed(resting, until(0)), Err(RefusalReason::Contradiction));
    assert!(timed(resting, TimeInForce::PostOnly).is_ok());
    assert_eq!(timed(OrderKind::Market, TimeInForce::PostOnly), Err(RefusalReason::Contradiction));
    assert_eq!(timed(OrderKind::Stop { trigger: at(100) }, TimeInForce::PostOnly), Err(RefusalReason::Contradiction));
    assert_eq!(timed(iceberg(5), TimeInForce::ImmediateOrCancel), Err(RefusalReason::Contradiction));
}

#[test]
fn legs_belong_to_hedge_mode_and_reduce_only_to_one_way_derivatives() {
    let passes = |kind, margin, position_mode, exposure| {
        let mut setting = Setting::new(kind, margin);
        setting.surroundings = Some(Surroundings { position_mode, ..Surroundings::default() });
        match setting.place(OrderTerms { exposure, ..limit(Side::Buy, 100, 10) }) {
            Ok(_) => true,
            Err(RefusalReason::Contradiction) => false,
            Err(other) => panic!("{other:?}"),
        }
    };
    let all = [Exposure::Any, Exposure::ReduceOnly, Exposure::LongLeg, Exposure::ShortLeg];
    let table = |kind, margin, mode| all.map(|exposure| passes(kind, margin, mode, exposure));
    let (perpetual, spot) = (InstrumentKind::LinearPerpetual, InstrumentKind::Spot);
    assert_eq!(table(perpetual, MarginMode::Cross, PositionMode::OneWay), [true, true, false, false]);
    assert_eq!(table(perpetual, MarginMode::Cross, PositionMode::Hedge), [false, false, true, true]);
    assert_eq!(table(spot, MarginMode::Spot, PositionMode::OneWay), [true, false, false, false]);
    assert_eq!(table(spot, MarginMode::Cross, PositionMode::Hedge), [true, false, false, false]);
    let bare = Setting::perpetual();
    assert!(bare.place(OrderTerms { exposure: Exposure::LongLeg, ..limit(Side::Buy, 100, 10) }).is_err(), "one-way unless told otherwise");
}

#[test]
fn a_dated_contract_trades_until_its_expiry() {
    for (ns, passes) in [(1, true), (0, false), (-1, false)] {
        let expiry = Timestamp(NOW.0 + ns);
        let setting = Setting::new(InstrumentKind::LinearFuture { expiry }, MarginMode::Cross);
        let expected =
            if passes { Ok(Amount::ZERO) } else { Err(RefusalReason::InstrumentExpired { instrument: InstrumentId(5), expiry }) };
        assert_eq!(setting.place(limit(Side::Buy, 100, 10)), expected);
    }
}

#[test]
fn an_order_that_waits_is_worth_its_trigger_or_its_limit() {
    let settings = LimitSettings { max_order_notional: Some(Amount(1_500)), ..rule(LimitScope::Firm) };
    let mut setting = Setting::perpetual().limit(settings);
    setting.reference = None;
    let stop = |price| order(Side::Buy, OrderKind::Stop { trigger: at(price) }, 10);
    assert!(setting.place(stop(150)).is_ok(), "no reference is needed");
    assert!(matches!(setting.place(stop(151)), Err(RefusalReason::OrderNotional { asked: Amount(1_510), .. })));
    let stop_limit = |price| order(Side::Buy, OrderKind::StopLimit { trigger: at(140), price: Price(price) }, 10);
    assert!(setting.place(stop_limit(150)).is_ok());
    assert!(matches!(setting.place(stop_limit(151)), Err(RefusalReason::OrderNotional { .. })));
    let mut spot = Setting::spot();
    // 10 lots at 200: 2000, with 10 bps 2002, with 25 bps of that, rounded up, 2008.
    assert_eq!(spot.place(order(Side::Buy, OrderKind::TakeProfit { trigger: at(200) }, 10)), Ok(Amount(2_008)));
    let stop_limit = order(Side::Buy, OrderKind::StopLimit { trigger: at(200), price: Price(210) }, 10);
    assert_eq!(spot.place(stop_limit), Ok(Amount(2_103)), "2100 and 10 bps, rounded up");
    spot.free = Amount(2_102);
    assert!(matches!(spot.place(stop_limit), Err(RefusalReason::InsufficientBalance { asked: Amount(2_103), .. })));
}

#[test]
fn the_collar_of_an_order_that_waits_is_around_its_trigger() {
    let settings = LimitSettings { max_price_deviation: Some(Rate(5 * PERCENT)), ..rule(LimitScope::Firm) };
    let mut setting = Setting::perpetual().limit(settings);
    setting.reference = Some(Reference { price: Price(100), at: Timestamp(NOW.0 - DAY) });
    let stop_limit = |price| order(Side::Sell, OrderKind::StopLimit { trigger: at(200), price: Price(price) }, 10);
    assert!(setting.place(stop_limit(190)).is_ok() && setting.place(stop_limit(210)).is_ok());
    for price in [189, 211] {
        let (asked, reference, limit, scope) = (Price(price), Price(200), Rate(5 * PERCENT), LimitScope::Firm);
        assert_eq!(setting.place(stop_limit(price)), Err(RefusalReason::PriceCollar { scope, asked, reference, limit }));
    }
    assert!(setting.place(order(Side::Sell, OrderKind::Stop { trigger: at(20_000) }, 10)).is_ok(), "a far trigger is nobody's slip");
}

#[test]
fn a_restriction_binds_in_its_scope_until_it_is_lifted() {
    for (scope, index) in SCOPES.into_iter().zip([0, 0, 1, 2]) {
        let mut setting = around();
        setting.limits.restrict(scope, InstrumentId(5), Restriction::Forbidden);
        let refused = |restriction| Err(RefusalReason::Restricted { scope, instrument: InstrumentId(5), restriction });
        assert_eq!(setting.place(limit(Side::Buy, 100, 10)), refused(Restriction::Forbidden));
        setting.limits.restrict(scope, InstrumentId(5), Restriction::CloseOnly);
        setting.standing[index] = Standing { position: 30, buys: 7, sells: 10 };
        assert!(setting.place(limit(Side::Sell, 100, 20)).is_ok(), "30 - 10 - 20 = 0");
        assert_eq!(setting.place(limit(Side::Sell, 100, 21)), refused(Restriction::CloseOnly));
        assert_eq!(setting.place(limit(Side::Buy, 100, 10)), refused(Restriction::CloseOnly));
        setting.standing[index] = Standing { position: -30, buys: 10, sells: 7 };
        assert!(setting.place(limit(Side::Buy, 100, 20)).is_ok());
        assert_eq!(setting.place(limit(Side::Buy, 100, 21)), refused(Restriction::CloseOnly));
        setting.limits.restrict(scope, InstrumentId(5), Restriction::None);
        assert!(setting.place(limit(Side::Buy, 100, 21)).is_ok());
        setting.limits.restrict(scope, InstrumentId(9), Restriction::Forbidden);
        assert!(setting.place(limit(Side::Buy, 100, 21)).is_ok(), "another instrument");
    }
}

#[test]
fn an_order_that_may_only_close_counts_for_what_there_is_to_close() {
    let mut setting = Setting::perpetual().limit(LimitSettings { max_position: Some(Qty(10)), ..rule(LimitScope::Book(ROUTE.book)) });
    setting.standing = [Standing { position: 10, buys: 0, sells: 20 }; 3];
    let close = OrderTerms { exposure: Exposure::ReduceOnly, ..limit(Side::Sell, 100, 10) };
    assert!(setting.place(limit(Side::Sell, 100, 10)).is_err(), "10 - 20 - 10 = -20");
    assert!(setting.place(close).is_ok(), "nothing is known that it could close");
    let with = |setting: &mut Setting, closable| {
        setting.surroundings = Some(Surroundings { closable, ..Surroundings::default() });
        setting.place(close)
    };
    assert!(with(&mut setting, 0).is_ok());
    assert!(matches!(with(&mut setting, 1), Err(RefusalReason::Position { found: -11, .. })), "beside sells that do open");
}

#[test]
fn the_same_order_again_is_refused_within_the_window() {
    for scope in SCOPES {
        let mut setting = around();
        setting.limits.define_conduct(ConductSettings { duplicate_window: Some(Nanos(100)), ..conduct(scope) });
        let terms = limit(Side::Buy, 100, 10);
        setting.limits.count_place(ROUTE, &terms, Timestamp(NOW.0 - 99));
        let twice = RefusalReason::Duplicate { scope, age: Nanos(99), window: Nanos(100) };
        assert_eq!(setting.place(terms), Err(twice));
        assert!(setting.place(limit(Side::Buy, 101, 10)).is_ok(), "another price");
        let mut later = around();
        later.limits.define_conduct(ConductSettings { duplicate_window: Some(Nanos(100)), ..conduct(scope) });
        later.limits.count_place(ROUTE, &terms, Timestamp(NOW.0 - 100));
        assert!(later.place(terms).is_ok(), "exactly one window ago is outside");
    }
}

#[test]
fn cancels_and_amends_are_measured_against_orders_of_the_day() {
    for scope in SCOPES {
        let ratio = Some(Rate(2 * 100 * PERCENT));
        let settings = ConductSettings { max_cancel_ratio: ratio, cancels_judged_from: 5, ..conduct(scope) };
        let mut setting = around();
        setting.limits.define_conduct(settings);
        let terms = limit(Side::Buy, 100, 10);
        for _ in 0..3 {
            setting.limits.count_cancel(ROUTE, NOW);
        }
        assert!(setting.place(terms).is_ok(), "three are too few to judge by");
        setting.limits.count_place(ROUTE, &terms, NOW);
        setting.limits.count_amend(ROUTE, NOW);
        assert!(setting.place(terms).is_ok(), "four changes are too few to judge by");
        setting.limits.count_cancel(ROUTE, NOW);
        let above = RefusalReason::CancelRatio { scope, cancels: 5, orders: 2, limit: Rate(2 * 100 * PERCENT) };
        assert_eq!(setting.place(terms), Err(above), "five for two, this one included");
        setting.limits.count_place(ROUTE, &terms, NOW);
        assert!(setting.place(terms).is_ok(), "five for three");
        let live = LiveOrder {
            order: OrderId::default(),
            terms,
            state: OrderState::Open,
            filled: Qty(0),
            ceiling: Ceiling::new(Qty(10), Amount::ZERO).unwrap(),
        };
        let amend = |setting: &Setting| setting.limits.amend(&setting.context(), &live, Price(101), Qty(10)).map(|_| ());
        assert!(matches!(amend(&setting), Err(RefusalReason::CancelRatio { cancels: 6, orders: 2, .. })));
        setting.limits.count_place(ROUTE, &terms, NOW);
        assert_eq!(amend(&setting), Ok(()), "six for three");
        assert!(setting.limits.cancel(OrderId::default(), InstrumentId(5), OrderState::Open).is_ok(), "cancels always pass");
    }
}

#[test]
fn a_new_utc_day_counts_anew() {
    let mut setting = around();
    let settings = ConductSettings { max_cancel_ratio: Some(Rate(0)), ..conduct(LimitScope::Firm) };
    setting.limits.define_conduct(settings);
    setting.limits.count_cancel(ROUTE, Timestamp(NOW.0 - DAY));
    assert!(setting.place(limit(Side::Buy, 100, 10)).is_ok(), "yesterday's");
    setting.limits.count_cancel(ROUTE, NOW);
    assert!(setting.place(limit(Side::Buy, 100, 10)).is_err());
}

#[test]
fn orders_without_an_answer_have_a_limit() {
    for (index, scope) in SCOPES.into_iter().enumerate() {
        let mut setting = around();
        setting.limits.define_conduct(ConductSettings { max_unanswered: Some(3), ..conduct(scope) });
        surroundings(&mut setting).scopes[index].unanswered = 2;
        assert!(setting.place(market(Side::Buy, 10)).is_ok());
        surroundings(&mut setting).scopes[index].unanswered = 3;
        assert_eq!(setting.place(market(Side::Buy, 10)), Err(RefusalReason::Unanswered { scope, found: 4, limit: 3 }));
    }
}

#[test]
fn an_order_that_could_meet_its_own_is_refused_where_that_is_asked() {
    let resting = OrderId { node: 1, epoch: 1, counter: 9 };
    for (index, scope) in SCOPES.into_iter().enumerate() {
        let mut setting = around();
        setting.limits.define_conduct(conduct(scope));
        surroundings(&mut setting).scopes[index].meets = Some(resting);
        assert!(setting.place(limit(Side::Buy, 100, 10)).is_ok());
        setting.limits.define_conduct(ConductSettings { self_trade: SelfTradeCheck::Refuse, ..conduct(scope) });
        assert_eq!(setting.place(limit(Side::Buy, 100, 10)), Err(RefusalReason::SelfTrade { scope, resting }));
    }
    let price = |n| Some(Price(n));
    assert!(could_meet(Side::Buy, price(100), price(100)) && !could_meet(Side::Buy, price(99), price(100)));
    assert!(could_meet(Side::Sell, price(100), price(100)) && !could_meet(Side::Sell, price(101), price(100)));
    assert!(could_meet(Side::Buy, None, price(100)) && could_meet(Side::Sell, price(100), None));
}

#[test]
fn gross_value_counts_the_larger_outcome_of_each_position() {
    for (index, scope) in SCOPES.into_iter().enumerate() {
        let own = Holding { standing: Standing { position: 5, buys: 5, sells: 20 }, legs: None };
        let others = Exposures { gross: Amount(3_500), ..Exposures::default() };
        let setting =
            budgeted(BudgetSettings { max_gross: Some(Amount(6_000)), ..budget(scope) }, index, Valuation { own, others, ..flat() });
        // The other positions are worth 3500; this one could reach +10 or -15 lots at 100.
        assert!(setting.place(limit(Side::Sell, 100, 10)).is_ok(), "-25 lots: 2500");
        let beyond = RefusalReason::Gross { scope, found: Amount(6_100), limit: Amount(6_000) };
        assert_eq!(setting.place(limit(Side::Sell, 100, 11)), Err(beyond));
        assert!(setting.place(limit(Side::Buy, 100, 5)).is_ok(), "+15 lots are no more than -15");
        assert!(setting.place(limit(Side::Buy, 100, 15)).is_ok() && setting.place(limit(Side::Buy, 100, 16)).is_err());
    }
}

#[test]
fn legs_do_not_make_each_other_smaller() {
    let own = Holding { standing: Standing { position: 0, buys: 0, sells: 0 }, legs: Some(40) };
    let setting = budgeted(BudgetSettings { max_gross: Some(Amount(5_000)), ..budget(LimitScope::Firm) }, 0, Valuation { own, ..flat() });
    assert!(setting.place(limit(Side::Buy, 100, 10)).is_ok());
    assert!(matches!(setting.place(limit(Side::Buy, 100, 11)), Err(RefusalReason::Gross { found: Amount(5_100), .. })));
}

#[test]
fn net_value_is_bounded_on_both_sides() {
    for (index, scope) in SCOPES.into_iter().enumerate() {
        let others = Exposures { gross: Amount(2_000), high: Amount(1_000), low: Amount(-1_000), open: Amount::ZERO };
        let settings = BudgetSettings { max_net: Some(Amount(2_000)), ..budget(scope) };
        let setting = budgeted(settings, index, Valuation { others, ..flat() });
        assert!(setting.place(limit(Side::Buy, 100, 10)).is_ok() && setting.place(limit(Side::Sell, 100, 10)).is_ok());
        let found = |found| Err(RefusalReason::Net { scope, found: Amount(found), limit: Amount(2_000) });
        assert_eq!(setting.place(limit(Side::Buy, 100, 11)), found(2_100));
        assert_eq!(setting.place(limit(Side::Sell, 100, 11)), found(-2_100));
        let long = Exposures { high: Amount(9_000), low: Amount(9_000), gross: Amount(9_000), open: Amount::ZERO };
        let beyond = budgeted(settings, index, Valuation { others: long, ..flat() });
        assert!(beyond.place(limit(Side::Sell, 100, 10)).is_ok(), "away from the limit");
    }
}

#[test]
fn orders_in_flight_and_leverage_have_limits() {
    for (index, scope) in SCOPES.into_iter().enumerate() {
        let own = Holding { standing: Standing { position: 0, buys: 10, sells: 10 }, legs: None };
        let settings = BudgetSettings { max_open_orders: Some(Amount(3_000)), ..budget(scope) };
        let setting = budgeted(settings, index, Valuation { own, ..flat() });
        assert!(setting.place(limit(Side::Buy, 100, 10)).is_ok());
        let beyond = RefusalReason::OpenOrders { scope, found: Amount(3_100), limit: Amount(3_000) };
        assert_eq!(setting.place(limit(Side::Buy, 100, 11)), Err(beyond));

        let limit_of = Rate(2 * 100 * PERCENT);
        let settings = BudgetSettings { max_leverage: Some(limit_of), ..budget(scope) };
        let worth = |equity| Valuation { worth: Some(Worth { equity: Amount(equity), flows: Amount::ZERO }), ..flat() };
        let levered = |equity| budgeted(settings, index, worth(equity));
        assert!(levered(500).place(limit(Side::Buy, 100, 10)).is_ok(), "1000 on 500");
        let beyond = RefusalReason::Leverage { scope, gross: Amount(1_000), equity: Amount(499), limit: limit_of };
        assert_eq!(levered(499).place(limit(Side::Buy, 100, 10)), Err(beyond));
        assert!(levered(-1).place(limit(Side::Buy, 100, 10)).is_err() && levered(0).place(limit(Side::Buy, 100, 10)).is_err());
    }
}

#[test]
fn what_has_no_price_passes_nothing_but_what_closes() {
    for (index, scope) in SCOPES.into_iter().enumerate() {
        let mut setting = around();
        setting.limits.define_budget(BudgetSettings { max_gross: Some(Amount(1 << 60)), ..budget(scope) });
        let unknown = |instrument| Err(RefusalReason::NoValuation { scope, instrument: InstrumentId(instrument) });
        assert_eq!(setting.place(limit(Side::Buy, 100, 10)), unknown(5), "nobody valued it");
        surroundings(&mut setting).scopes[index].valuation = Some(Err(InstrumentId(7)));
        assert_eq!(setting.place(limit(Side::Buy, 100, 10)), unknown(7));
        surroundings(&mut setting).closable = 10;
        setting.standing = [Standing { position: 10, buys: 0, sells: 0 }; 3];
        let close = setting.place(OrderTerms { exposure: Exposure::ReduceOnly, ..limit(Side::Sell, 100, 10) });
        let is_book = matches!(scope, LimitScope::Book(_));
        assert_eq!(close.is_ok(), !is_book, "a book may have none of what the account closes");
        setting.surroundings = None;
        assert_eq!(setting.place(limit(Side::Buy, 100, 10)), unknown(5), "a guarded route without figures passes nothing");
    }
}

fn mark(equity: i64, day_start: i64, high_water: i64) -> EquityMark {
    EquityMark { equity: Amount(equity.into()), day_start: Amount(day_start.into()), high_water: Amount(high_water.into()) }
}

#[test]
fn losses_are_measured_from_the_days_start_and_the_highest_equity() {
    for (index, scope) in SCOPES.into_iter().enumerate() {
        let limit_of = Rate(10 * PERCENT);
        let settings = BudgetSettings { max_daily_loss: Some(Amount(500)), max_drawdown: Some(limit_of), ..budget(scope) };
        let place = |equity: i128, flows: i128, mark, marked_at| {
            let worth = Some(Worth { equity: Amount(equity), flows: Amount(flows) });
            let mut setting = budgeted(settings, index, Valuation { worth, ..flat() });
            setting.limits.take_mark(scope, mark, marked_at);
            setting.place(limit(Side::Buy, 100, 10)).map(|_| ())
        };
        let (calm, high) = (mark(10_000, 10_000, 10_000), mark(10_000, 9_600, 10_500));
        assert_eq!(place(9_500, 0, calm, NOW), Ok(()));
        let loss = |found| Err(RefusalReason::DailyLoss { scope, found: Amount(found), limit: Amount(500) });
        assert_eq!(place(9_499, 0, calm, NOW), loss(501));
        assert_eq!(place(9_499, 0, calm, Timestamp(NOW.0 - DAY)), Ok(()), "the loss was yesterday's");
        assert_eq!(place(9_450, 0, high, NOW), Ok(()), "10 % below 10 500");
        let fall = RefusalReason::Drawdown { scope, equity: Amount(9_449), high_water: Amount(10_500), limit: limit_of };
        assert_eq!(place(9_449, 0, high, NOW), Err(fall));
        assert_eq!(place(4_500, -5_000, calm, NOW), Ok(()), "a withdrawal is no loss");
        assert_eq!(place(14_499, 5_000, calm, NOW), loss(501), "a deposit hides none");
    }
}

#[test]
fn marks_follow_each_other() {
    let mut limits = Limits::new();
    limits.define_budget(budget(LimitScope::Firm));
    let next = |limits: &Limits, equity: i128, at| {
        let flows = limits.budgets().next().unwrap().flows().map(|(_, amount)| amount.0).sum();
        limits.budgets().next().unwrap().next_mark(Worth { equity: Amount(equity), flows: Amount(flows) }, at).unwrap()
    };
    let noon = Timestamp(20_000 * DAY + DAY / 2);
    limits.count_flow(&[LimitScope::Firm], AssetId(1), Amount(7));
    let mut step = |equity, ns: i64, flow: i128| {
        limits.count_flow(&[LimitScope::Firm, LimitScope::Account(ROUTE.account)], AssetId(1), Amount(flow));
        let (mark, at) = (next(&limits, equity, Timestamp(noon.0 + ns)), Timestamp(noon.0 + ns));
        limits.take_mark(LimitScope::Firm, mark, at);
        mark
    };
    assert_eq!(step(1_000, 0, 0), mark(1_000, 1_000, 1_000), "what came before the first mark moves nothing");
    assert_eq!(step(1_200, 1, 0), mark(1_200, 1_000, 1_200));
    assert_eq!(step(1_100, 2, 0), mark(1_100, 1_000, 1_200));
    assert_eq!(step(600, 3, -500), mark(600, 500, 700));
    assert_eq!(step(600, DAY / 2 - 1, 0), mark(600, 500, 700), "the day's last moment");
    assert_eq!(step(600, DAY / 2, 0), mark(600, 600, 700), "a new day");
    limits.define_budget(BudgetSettings { max_gross: Some(Amount(1)), ..budget(LimitScope::Firm) });
    assert_eq!(limits.budgets().next().unwrap().last_mark(), Some(mark(600, 600, 700)), "new settings keep the mark");
    limits.define_budget(BudgetSettings { currency: AssetId(0), ..budget(LimitScope::Firm) });
    assert_eq!(limits.budgets().next().unwrap().last_mark(), None, "another currency does not");
}

static SCHEDULE: std::sync::LazyLock<MarginSchedule> = std::sync::LazyLock::new(|| {
    let tier = |from, max_leverage| MarginTier { from: Amount(from), maintenance: Rate(PERCENT), deduction: Amount::ZERO, max_leverage };
    MarginSchedule { instrument: InstrumentId(5), tiers: vec![tier(0, 20), tier(10_000, 5)] }
});

fn margined(leverage: u32, free: i128, standing: Standing) -> Setting {
    let mut setting = around();
    let room = MarginRoom { free: Amount(free), leverage, schedule: &SCHEDULE, price: Price(100) };
    surroundings(&mut setting).margin = Some(Ok(room));
    setting.standing = [standing; 3];
    setting
}

#[test]
fn an_order_needs_the_margin_that_it_adds() {
    let nothing = Standing::default();
    assert!(margined(10, 100, nothing).place(limit(Side::Buy, 100, 10)).is_ok(), "1000 at 10");
    let short = RefusalReason::InsufficientMargin { asset: AssetId(1), asked: Amount(100), free: Amount(99) };
    assert_eq!(margined(10, 99, nothing).place(limit(Side::Buy, 100, 10)), Err(short));
    assert!(margined(10, 101, nothing).place(limit(Side::Buy, 101, 10)).is_ok(), "at its own price where that is worth more");
    assert!(margined(10, 100, nothing).place(limit(Side::Sell, 90, 10)).is_ok());
    assert!(margined(10, 99, nothing).place(limit(Side::Sell, 90, 10)).is_err(), "and at the reference where that is");
    assert!(margined(50, 50, nothing).place(limit(Side::Buy, 100, 10)).is_ok(), "the venue allows 20");
    assert!(margined(50, 49, nothing).place(limit(Side::Buy, 100, 10)).is_err());
    let long = Standing { position: 90, buys: 0, sells: 0 };
    // 9000 at 20 are 450; 10 000 at 5 are 2000.
    assert!(margined(20, 1_550, long).place(limit(Side::Buy, 100, 10)).is_ok());
    assert!(margined(20, 1_549, long).place(limit(Side::Buy, 100, 10)).is_err(), "the next tier allows 5");
    assert!(margined(20, -5, long).place(limit(Side::Sell, 100, 180)).is_ok(), "-90 lots need no more than +90");
    assert!(margined(20, 0, long).place(limit(Side::Sell, 100, 181)).is_err());
}

#[test]
fn an_order_that_closes_needs_no_margin() {
    let mut setting = margined(1, -1_000, Standing { position: 10, buys: 0, sells: 10 });
    surroundings(&mut setting).closable = 10;
    let close = OrderTerms { exposure: Exposure::ReduceOnly, ..limit(Side::Sell, 100, 10) };
    assert!(setting.place(close).is_ok());
    surroundings(&mut setting).margin = Some(Err(InstrumentId(8)));
    assert!(setting.place(close).is_ok());
    let scope = LimitScope::Account(ROUTE.account);
    assert_eq!(setting.place(limit(Side::Buy, 100, 10)), Err(RefusalReason::NoValuation { scope, instrument: InstrumentId(8) }));
}

#[test]
fn the_digest_sees_every_guard_and_what_it_counts() {
    let hash = |limits: &Limits| -> StateHash {
        let mut digest = StateDigest::new();
        limits.digest(&mut digest);
        digest.finish()
    };
    let terms = limit(Side::Buy, 100, 10);
    let firm = LimitScope::Firm;
    let steps: [&dyn Fn(&mut Limits); 10] = [
        &|limits| limits.define_budget(budget(firm)),
        &|limits| limits.define_budget(BudgetSettings { max_drawdown: Some(Rate(1)), ..budget(firm) }),
        &|limits| limits.take_mark(firm, mark(1, 2, 3), NOW),
        &|limits| limits.count_flow(&[firm], AssetId(1), Amount(5)),
        &|limits| limits.define_conduct(ConductSettings { duplicate_window: Some(Nanos(100)), ..conduct(firm) }),
        &|limits| limits.count_place(ROUTE, &terms, NOW),
        &|limits| limits.count_amend(ROUTE, NOW),
        &|limits| limits.restrict(firm, InstrumentId(5), Restriction::CloseOnly),
        &|limits| limits.restrict(firm, InstrumentId(5), Restriction::Forbidden),
        &|limits| limits.define_conduct(ConductSettings { max_unanswered: Some(0), ..conduct(firm) }),
    ];
    let mut limits = Limits::new();
    let mut seen = vec![hash(&limits)];
    for step in steps {
        step(&mut limits);
        let now = hash(&limits);
        assert!(!seen.contains(&now), "{} steps", seen.len());
        seen.push(now);
    }
}

//! Guarded scopes in a running engine: losses, unanswered orders, orders that would meet, margin, what may only close. Every event
//! is followed by the desk's invariants, a replica that only applies outcomes among them; exposures are held against a naive twin.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod desk;

use desk::{ALPHA, BETA, BTC, DEPOSIT, Desk, INVERSE, MARGIN_ACCOUNT, PERPETUAL, SPOT, SPOT_ACCOUNT, USDT, decision, limit, market};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use tradewind_types::{
    AccountEvent, AccountId, Amount, BudgetSettings, ConductSettings, Control, Definition, EquityMark, Exposure, InstrumentId, Intent,
    LimitScope, LimitSettings, MarginMode, MarginSchedule, MarginTier, Nanos, OrderId, OrderKind, OrderState, OrderTerms, Outcome,
    PositionMode, Price, Qty, Rate, RefusalReason, Restriction, SelfTradeCheck, Side, Timestamp, Transfer, TransferId, Trigger,
    TriggerSource, VenueId, VenueReply,
};

const ACCOUNT: LimitScope = LimitScope::Account(MARGIN_ACCOUNT);
const DOLLAR: i128 = 100_000_000;
const PERCENT: i64 = 1_000_000;

fn budget(scope: LimitScope) -> BudgetSettings {
    BudgetSettings {
        scope,
        currency: USDT,
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

fn define(desk: &mut Desk, definition: Definition) {
    assert_eq!(desk.control(Control::Define(definition.clone())), [Outcome::Defined(definition)]);
}

fn only_refusal(outcomes: &[Outcome]) -> Option<RefusalReason> {
    match outcomes {
        [Outcome::Refused { reason, .. }] => Some(*reason),
        [Outcome::OrderSent { .. }] => None,
        other => panic!("{other:?}"),
    }
}

fn ask(desk: &mut Desk, terms: OrderTerms) -> Option<RefusalReason> {
    let outcomes = desk.intend(Intent::Place(terms));
    only_refusal(&outcomes)
}

fn reduce_only(terms: OrderTerms) -> OrderTerms {
    OrderTerms { exposure: Exposure::ReduceOnly, ..terms }
}

/// A long position of 1 000 lots (a coin) of the perpetual, bought at 10 000 dollars.
fn long(desk: &mut Desk) {
    let order = desk.open_order(limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 1_000));
    desk.fill(order, 100_000, 1_000);
}

#[test]
fn a_loss_of_the_day_halts_the_scope_and_the_halt_stays() {
    for scope in [LimitScope::Firm, LimitScope::Venue(VenueId(1)), ACCOUNT, LimitScope::Book(ALPHA)] {
        let mut desk = Desk::open();
        let limit_of = Amount(1_000 * DOLLAR);
        define(&mut desk, Definition::Budget(BudgetSettings { max_daily_loss: Some(limit_of), ..budget(scope) }));
        long(&mut desk);
        let resting = desk.open_order(limit(PERPETUAL, ALPHA, Side::Buy, 80_000, 5));
        let elsewhere = desk.open_order(limit(SPOT, BETA, Side::Buy, 80_000, 5));
        let [Outcome::EquityMarked { scope: marked, mark: first, .. }] = desk.control(Control::MarkEquity)[..] else { panic!() };
        assert_eq!((marked, first.day_start, first.high_water), (scope, first.equity, first.equity));
        // The coins of a wider scope are valued by the spot price; only the perpetual moves.
        desk.quote(PERPETUAL, 89_999, 90_001);
        let at_limit = EquityMark { equity: Amount(first.equity.0 - limit_of.0), ..first };
        let now = desk.now;
        assert_eq!(desk.control(Control::MarkEquity), [Outcome::EquityMarked { scope, mark: at_limit, at: now }]);
        desk.quote(PERPETUAL, 89_998, 90_000);
        let outcomes = desk.control(Control::MarkEquity);
        let beyond = EquityMark { equity: Amount(at_limit.equity.0 - DOLLAR / 10), ..first };
        assert_eq!(outcomes[..2], [Outcome::EquityMarked { scope, mark: beyond, at: now }, Outcome::Halted { scope, at: now }]);
        let is_pulled = |desk: &Desk, order| desk.state(order) == OrderState::Cancelling;
        assert!(is_pulled(&desk, resting));
        assert_eq!(is_pulled(&desk, elsewhere), scope == LimitScope::Firm);
        assert_eq!(ask(&mut desk, limit(PERPETUAL, ALPHA, Side::Sell, 100_000, 5)), Some(RefusalReason::Halted { scope }));
        // Resumed without a word about the loss, the next order finds it again, and stops the scope again.
        desk.resume(scope);
        let outcomes = desk.intend(Intent::Place(limit(PERPETUAL, ALPHA, Side::Buy, 80_000, 5)));
        let found = Amount(limit_of.0 + DOLLAR / 10);
        assert!(matches!(outcomes[..], [
            Outcome::Refused { reason: RefusalReason::DailyLoss { found: loss, .. }, .. },
            Outcome::Halted { scope: halted, .. },
            ..
        ] if loss == found && halted == scope));
        // The next UTC day begins anew.
        desk.resume(scope);
        desk.now = desk.now.plus(Nanos::from_secs(86_400));
        assert_eq!(ask(&mut desk, limit(PERPETUAL, ALPHA, Side::Buy, 80_000, 5)), None);
    }
}

#[test]
fn a_fall_from_the_highest_equity_halts_the_scope() {
    let mut desk = Desk::open();
    let scope = LimitScope::Book(ALPHA);
    define(&mut desk, Definition::Budget(BudgetSettings { max_drawdown: Some(Rate(PERCENT)), ..budget(scope) }));
    long(&mut desk);
    desk.control(Control::MarkEquity);
    desk.quote(PERPETUAL, 149_999, 150_001);
    let [Outcome::EquityMarked { mark: high, .. }] = desk.control(Control::MarkEquity)[..] else { panic!() };
    assert_eq!(high.high_water, Amount(2 * DEPOSIT.0 + 5_000 * DOLLAR));
    // 1 % of 2 005 000 dollars are 20 050.
    desk.now = desk.now.plus(Nanos::from_secs(2 * 86_400));
    let order = desk.open_order(limit(PERPETUAL, ALPHA, Side::Buy, 150_000, 9_000));
    desk.fill(order, 150_000, 9_000);
    desk.quote(PERPETUAL, 129_949, 129_951);
    assert_eq!(desk.control(Control::MarkEquity).len(), 1, "exactly 1 %");
    desk.quote(PERPETUAL, 129_948, 129_950);
    assert!(matches!(desk.control(Control::MarkEquity)[..], [Outcome::EquityMarked { .. }, Outcome::Halted { .. }]));
}

#[test]
fn money_that_comes_or_goes_is_neither_profit_nor_loss() {
    let mut desk = Desk::open();
    let scopes = [LimitScope::Firm, LimitScope::Venue(VenueId(1)), ACCOUNT, LimitScope::Book(ALPHA)];
    for scope in scopes {
        define(&mut desk, Definition::Budget(BudgetSettings { max_daily_loss: Some(Amount(0)), ..budget(scope) }));
    }
    desk.control(Control::MarkEquity);
    let deposit = |asset, amount| Definition::Deposit { account: MARGIN_ACCOUNT, book: ALPHA, asset, amount };
    define(&mut desk, deposit(USDT, Amount(-500 * DOLLAR)));
    define(&mut desk, deposit(BTC, Amount(-100_000_000)));
    let is_calm = |desk: &mut Desk| {
        let outcomes = desk.control(Control::MarkEquity);
        assert_eq!(outcomes.len(), 4, "{outcomes:?}");
        outcomes.iter().all(|o| matches!(o, Outcome::EquityMarked { mark, .. } if mark.equity == mark.day_start))
    };
    assert!(is_calm(&mut desk), "withdrawals of two assets");
    let transfer = Transfer {
        transfer: TransferId(1),
        from: MARGIN_ACCOUNT,
        to: SPOT_ACCOUNT,
        book: ALPHA,
        asset: USDT,
        amount: Amount(700 * DOLLAR),
        fee: Amount(0),
    };
    desk.control(Control::Transfer(transfer));
    assert!(is_calm(&mut desk), "on its way it is nobody's loss");
    desk.control(Control::Account(AccountEvent::TransferArrived { transfer: TransferId(1) }));
    assert!(is_calm(&mut desk), "and arrived nobody's profit");
    assert_eq!(ask(&mut desk, limit(PERPETUAL, ALPHA, Side::Buy, 90_000, 5)), None);
    desk.control(Control::Transfer(Transfer { transfer: TransferId(2), fee: Amount(1), ..transfer }));
    let outcomes = desk.control(Control::MarkEquity);
    let halted = outcomes.iter().filter_map(|o| if let Outcome::Halted { scope, .. } = o { Some(*scope) } else { None });
    assert_eq!(halted.collect::<Vec<_>>(), scopes, "what the network keeps is a loss everywhere");
}

#[test]
fn a_scope_that_holds_something_without_a_price_is_not_marked_and_adds_nothing() {
    let mut desk = Desk::open();
    long(&mut desk);
    let settings = LimitSettings { max_reference_age: Some(Nanos(1_000)), ..LimitSettings::unlimited(ACCOUNT) };
    desk.define_limits(settings);
    define(&mut desk, Definition::Budget(BudgetSettings { max_gross: Some(Amount(DEPOSIT.0)), ..budget(ACCOUNT) }));
    assert_eq!(ask(&mut desk, limit(INVERSE, ALPHA, Side::Buy, 100_000, 1)), None);
    desk.now = desk.now.plus(Nanos(1_001));
    desk.quote(INVERSE, 99_999, 100_001);
    desk.quote(SPOT, 99_999, 100_001);
    let missing = RefusalReason::NoValuation { scope: ACCOUNT, instrument: PERPETUAL };
    assert_eq!(ask(&mut desk, limit(INVERSE, ALPHA, Side::Buy, 100_000, 1)), Some(missing), "the perpetual's price is too old");
    assert_eq!(ask(&mut desk, reduce_only(limit(PERPETUAL, ALPHA, Side::Sell, 100_000, 1))), None, "what closes passes");
    assert_eq!(desk.control(Control::MarkEquity).len(), 1, "marks use the latest there is");
    let dust = Definition::Deposit { account: MARGIN_ACCOUNT, book: ALPHA, asset: desk::BNB, amount: Amount(1) };
    define(&mut desk, dust);
    assert_eq!(desk.control(Control::MarkEquity), [], "nothing turns this coin into dollars");
}

#[test]
fn too_many_unanswered_orders_halt_the_scope() {
    let mut desk = Desk::open();
    let scope = LimitScope::Venue(VenueId(1));
    define(&mut desk, Definition::Conduct(ConductSettings { max_unanswered: Some(3), ..conduct(scope) }));
    let terms = |n: i64| limit(PERPETUAL, ALPHA, Side::Buy, 90_000 + n, 5);
    let first = desk.place(terms(0));
    desk.place(terms(1));
    let third = desk.open_order(terms(2));
    desk.intend(Intent::Cancel { order: third });
    desk.place(limit(SPOT, ALPHA, Side::Buy, 90_000, 5));
    // Two sent and one cancel, all without a word.
    let outcomes = desk.intend(Intent::Place(terms(3)));
    assert!(
        matches!(
            outcomes[..],
            [
                Outcome::Refused { reason: RefusalReason::Unanswered { found: 4, limit: 3, .. }, .. },
                Outcome::Halted { .. },
                Outcome::CancelSent { .. },
                Outcome::CancelSent { .. },
            ]
        ),
        "{outcomes:?}"
    );
    desk.resume(scope);
    desk.reply(VenueReply::Lost { order: first, until: Timestamp(desk.now.0 + 1) });
    assert!(matches!(desk.intend(Intent::Place(terms(3)))[0], Outcome::Refused { .. }), "nobody knows is no answer");
    desk.resume(scope);
    desk.reply(VenueReply::Cancelled { order: first });
    assert_eq!(ask(&mut desk, terms(3)), None);
    assert_eq!(ask(&mut desk, limit(SPOT, ALPHA, Side::Buy, 90_000, 5)), None, "another venue");
}

#[test]
fn orders_of_one_owner_do_not_meet_where_that_is_refused() {
    let scope = LimitScope::Book(ALPHA);
    let mut desk = Desk::open();
    define(&mut desk, Definition::Conduct(ConductSettings { self_trade: SelfTradeCheck::Refuse, ..conduct(scope) }));
    let resting = desk.open_order(limit(PERPETUAL, ALPHA, Side::Sell, 100_010, 5));
    desk.open_order(limit(PERPETUAL, BETA, Side::Sell, 100_005, 5));
    let meets = Some(RefusalReason::SelfTrade { scope, resting });
    assert_eq!(ask(&mut desk, limit(PERPETUAL, ALPHA, Side::Buy, 100_010, 5)), meets);
    assert_eq!(ask(&mut desk, market(PERPETUAL, ALPHA, Side::Buy, 5)), meets);
    let trigger = Trigger { price: Price(101_000), source: TriggerSource::Last };
    let stop = OrderTerms { kind: OrderKind::Stop { trigger }, ..limit(PERPETUAL, ALPHA, Side::Buy, 1, 5) };
    assert_eq!(ask(&mut desk, stop), None, "it is in no book until it wakes up");
    assert_eq!(ask(&mut desk, limit(INVERSE, ALPHA, Side::Buy, 100_010, 5)), None);
    let bid = desk.open_order(limit(PERPETUAL, ALPHA, Side::Buy, 100_009, 5));
    let higher = Intent::Amend { order: bid, price: Price(100_010), qty: Qty(5) };
    assert_eq!(only_refusal(&desk.intend(higher)), meets);
    // An amend under way counts at both prices.
    desk.intend(Intent::Amend { order: resting, price: Price(100_020), qty: Qty(5) });
    assert_eq!(only_refusal(&desk.intend(higher)), meets);
    desk.reply(VenueReply::Amended { order: resting, price: Price(100_020), qty: Qty(5) });
    assert!(matches!(desk.intend(higher)[..], [Outcome::AmendSent { .. }]));
    desk.reply(VenueReply::Cancelled { order: resting });
    assert_eq!(ask(&mut desk, market(PERPETUAL, ALPHA, Side::Buy, 5)), None);
}

#[test]
fn restrictions_and_duplicates_reach_the_author() {
    let mut desk = Desk::open();
    long(&mut desk);
    define(&mut desk, Definition::Conduct(ConductSettings { duplicate_window: Some(Nanos(10)), ..conduct(LimitScope::Firm) }));
    let terms = limit(PERPETUAL, ALPHA, Side::Sell, 110_000, 600);
    desk.open_order(terms);
    assert!(matches!(ask(&mut desk, terms), Some(RefusalReason::Duplicate { age: Nanos(0), window: Nanos(10), .. })));
    desk.now = desk.now.plus(Nanos(10));
    let restrict = |restriction| Definition::Restricted { scope: ACCOUNT, instrument: PERPETUAL, restriction };
    define(&mut desk, restrict(Restriction::CloseOnly));
    let (instrument, restriction) = (PERPETUAL, Restriction::CloseOnly);
    let barred = Some(RefusalReason::Restricted { scope: ACCOUNT, instrument, restriction });
    assert_eq!(ask(&mut desk, terms), barred, "1000 - 600 - 600 < 0");
    assert_eq!(ask(&mut desk, reduce_only(terms)), barred, "beside one that may open, it could");
    assert_eq!(ask(&mut desk, OrderTerms { qty: Qty(400), ..terms }), None);
    assert_eq!(ask(&mut desk, limit(PERPETUAL, ALPHA, Side::Buy, 90_000, 1)), barred);
    define(&mut desk, restrict(Restriction::None));
    assert_eq!(ask(&mut desk, limit(PERPETUAL, ALPHA, Side::Buy, 90_000, 1)), None);
}

#[test]
fn exits_of_a_position_may_be_more_than_the_position() {
    let mut desk = Desk::open();
    for scope in [LimitScope::Firm, ACCOUNT, LimitScope::Book(ALPHA)] {
        desk.define_limits(LimitSettings { max_position: Some(Qty(1_000)), ..LimitSettings::unlimited(scope) });
    }
    long(&mut desk);
    let trigger = |price| Trigger { price: Price(price), source: TriggerSource::Last };
    let exit = |kind| reduce_only(OrderTerms { kind, ..limit(PERPETUAL, ALPHA, Side::Sell, 1, 1_000) });
    let loss = desk.open_order(exit(OrderKind::Stop { trigger: trigger(90_000) }));
    let profit = desk.open_order(exit(OrderKind::TakeProfit { trigger: trigger(110_000) }));
    assert_eq!(ask(&mut desk, exit(OrderKind::Market)), None, "a third way out, with every limit used up");
    let other = limit(PERPETUAL, ALPHA, Side::Sell, 110_000, 1_000);
    assert_eq!(ask(&mut desk, other), None, "all exits together close 1000, this one opens 1000");
    assert!(matches!(ask(&mut desk, OrderTerms { qty: Qty(1), ..other }), Some(RefusalReason::Position { found: -1_001, .. })));
    desk.reply(VenueReply::Cancelled { order: loss });
    desk.reply(VenueReply::Cancelled { order: profit });
    assert!(matches!(ask(&mut desk, OrderTerms { qty: Qty(1), ..other }), Some(RefusalReason::Position { .. })), "one exit is enough");
}

#[test]
fn a_hedged_account_closes_legs_and_counts_both() {
    let mut desk = Desk::open();
    define(&mut desk, Definition::PositionMode { account: MARGIN_ACCOUNT, mode: PositionMode::Hedge });
    define(&mut desk, Definition::Budget(BudgetSettings { max_gross: Some(Amount(20_000 * DOLLAR)), ..budget(ACCOUNT) }));
    assert_eq!(ask(&mut desk, limit(PERPETUAL, ALPHA, Side::Buy, 100_000, 1)), Some(RefusalReason::Contradiction));
    let leg = |exposure, side, qty| OrderTerms { exposure, ..limit(PERPETUAL, ALPHA, side, 100_000, qty) };
    let order = desk.open_order(leg(Exposure::LongLeg, Side::Buy, 1_000));
    desk.fill(order, 100_000, 1_000);
    assert!(matches!(ask(&mut desk, leg(Exposure::ShortLeg, Side::Sell, 1_001)), Some(RefusalReason::Gross { .. })));
    let order = desk.open_order(leg(Exposure::ShortLeg, Side::Sell, 1_000));
    desk.fill(order, 100_000, 1_000);
    let found = Amount(20_010 * DOLLAR);
    let beyond = RefusalReason::Gross { scope: ACCOUNT, found, limit: Amount(20_000 * DOLLAR) };
    assert_eq!(ask(&mut desk, leg(Exposure::LongLeg, Side::Buy, 1)), Some(beyond), "net it would be one lot");
    assert_eq!(ask(&mut desk, leg(Exposure::LongLeg, Side::Sell, 1_000)), None);
}

fn schedule() -> MarginSchedule {
    let tier = |from, max_leverage| MarginTier { from: Amount(from), maintenance: Rate(PERCENT), deduction: Amount::ZERO, max_leverage };
    MarginSchedule { instrument: PERPETUAL, tiers: vec![tier(0, 10), tier(5_000_000 * DOLLAR, 2)] }
}

#[test]
fn margin_is_found_before_an_order_leaves() {
    for (mode, profit) in [(MarginMode::Cross, 1), (MarginMode::Isolated, 0)] {
        let mut desk = Desk::open_in(mode);
        let withdrawal = Amount(10_000 * DOLLAR - DEPOSIT.0);
        define(&mut desk, Definition::Deposit { account: MARGIN_ACCOUNT, book: ALPHA, asset: USDT, amount: withdrawal });
        define(&mut desk, Definition::Margin(schedule()));
        // A thousand lots are worth 10 000 dollars, which is what there is.
        let order = |side, qty| limit(PERPETUAL, ALPHA, side, 100_000, qty);
        assert!(matches!(ask(&mut desk, order(Side::Buy, 1_001)), Some(RefusalReason::InsufficientMargin { .. })), "at leverage 1");
        define(&mut desk, Definition::Leverage { account: MARGIN_ACCOUNT, instrument: PERPETUAL, leverage: 20 });
        let short = |asked, free| RefusalReason::InsufficientMargin { asset: USDT, asked: Amount(asked), free: Amount(free) };
        assert_eq!(ask(&mut desk, order(Side::Buy, 10_001)), Some(short(10_001 * DOLLAR, 10_000 * DOLLAR)), "the venue allows 10");
        desk.place(order(Side::Buy, 5_000));
        assert_eq!(ask(&mut desk, order(Side::Buy, 5_001)), Some(short(5_001 * DOLLAR, 5_000 * DOLLAR)), "what is in flight counts");
        let second = desk.place(order(Side::Buy, 5_000));
        assert_eq!(ask(&mut desk, order(Side::Sell, 10_000)), None, "either side alone needs no more");
        // Filled, the position takes the place of its order. A price 1 % higher earns 500 dollars and ties up 100 more.
        desk.fill(second, 100_000, 5_000);
        desk.quote(PERPETUAL, 100_999, 101_001);
        let free = profit * 500 * DOLLAR - 100 * DOLLAR;
        assert_eq!(ask(&mut desk, limit(PERPETUAL, ALPHA, Side::Buy, 101_000, 1_000)), Some(short(1_010 * DOLLAR, free)));
        assert_eq!(ask(&mut desk, reduce_only(market(PERPETUAL, ALPHA, Side::Sell, 5_000))), None, "the way out is free");
    }
}

/// What lives and what is held, kept apart from the engine.
#[derive(Default)]
struct Twin {
    /// (account, book, instrument, lots signed)
    trades: Vec<(AccountId, u32, InstrumentId, i64)>,
}

/// Dollars of lots at a price, from the instruments' definitions alone; a coin is worth what the spot instrument says.
fn dollars(instrument: InstrumentId, lots: i64, prices: [i64; 3]) -> i128 {
    let (lots, price) = (i128::from(lots), |n: usize| i128::from(prices[n]));
    match instrument {
        SPOT => lots * price(0) * 10,
        PERPETUAL => lots * price(1) * 10_000,
        _ => (lots * 100_000_000_000 / price(2)) * (price(0) * 10) / 1_000,
    }
}

impl Twin {
    /// Gross, high, low and open value of a scope over every way in which live orders could end, one by one.
    fn figures(&self, desk: &Desk, new: Option<OrderTerms>, prices: [i64; 3], book: Option<u32>) -> [i128; 4] {
        let mut total = [0; 4];
        let owners = match book {
            Some(_) => vec![None],
            None => vec![Some(SPOT_ACCOUNT), Some(MARGIN_ACCOUNT)],
        };
        for owner in owners {
            for instrument in [SPOT, PERPETUAL, INVERSE] {
                let is_own = |account: AccountId, of: u32| owner.is_none_or(|o| o == account) && book.is_none_or(|b| b == of);
                let held = self.trades.iter().filter(|t| is_own(t.0, t.1) && t.2 == instrument).map(|t| t.3).sum::<i64>();
                let live = desk.engine.state().live_orders().map(|o| (o.terms, o.terms.qty.0 - o.filled.0));
                let asked = new.iter().map(|terms| (*terms, terms.qty.0));
                let lots: Vec<i64> = live
                    .chain(asked)
                    .filter(|(t, _)| t.instrument == instrument && is_own(t.account, t.book.0))
                    .map(|(t, lots)| t.side.sign() * lots)
                    .collect();
                let ends: Vec<i64> = (0..1_u32 << lots.len())
                    .map(|taken| held + lots.iter().enumerate().filter(|(n, _)| taken >> n & 1 == 1).map(|(_, l)| l).sum::<i64>())
                    .collect();
                let value = |lots| dollars(instrument, lots, prices);
                total[0] += ends.iter().map(|l| value(l.abs())).max().unwrap();
                total[1] += value(*ends.iter().max().unwrap());
                total[2] += value(*ends.iter().min().unwrap());
                let sides = [1, -1].map(|sign| lots.iter().filter(|l| l.signum() == sign).map(|l| l.abs()).sum::<i64>());
                total[3] += value(sides[0]) + value(sides[1]);
            }
        }
        total
    }

    /// The refusal that the budgets of one scope give.
    fn judge(&self, desk: &Desk, terms: OrderTerms, prices: [i64; 3], budget: &BudgetSettings) -> Option<RefusalReason> {
        let scope = budget.scope;
        let book = if let LimitScope::Book(book) = scope { Some(book.0) } else { None };
        let [before, ..] = self.figures(desk, None, prices, book);
        let [gross, high, low, open] = self.figures(desk, Some(terms), prices, book);
        let [max_gross, max_net, max_open] = [budget.max_gross, budget.max_net, budget.max_open_orders].map(|limit| limit.unwrap());
        let net = if terms.side == Side::Buy { high } else { low };
        if gross > max_gross.0 && gross > before {
            Some(RefusalReason::Gross { scope, found: Amount(gross), limit: max_gross })
        } else if net * i128::from(terms.side.sign()) > max_net.0 {
            Some(RefusalReason::Net { scope, found: Amount(net), limit: max_net })
        } else if open > max_open.0 {
            Some(RefusalReason::OpenOrders { scope, found: Amount(open), limit: max_open })
        } else {
            None
        }
    }
}

#[derive(Clone, Debug)]
enum Act {
    Place { instrument: u32, book: u32, is_buy: bool, price: i64, hundredths: i64 },
    Fill { pick: usize, share: i64 },
    Cancel { pick: usize },
    Quote { instrument: u32, mid: i64 },
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let one = prop_oneof![
        6 => (0u32..3, 0u32..3, any::<bool>(), 95_000i64..105_000, 1i64..60)
            .prop_map(|(instrument, book, is_buy, price, hundredths)| Act::Place { instrument, book, is_buy, price, hundredths }),
        3 => (0usize..100, 1i64..5).prop_map(|(pick, share)| Act::Fill { pick, share }),
        2 => (0usize..100).prop_map(|pick| Act::Cancel { pick }),
        2 => (0u32..3, 50_000i64..150_000).prop_map(|(instrument, mid)| Act::Quote { instrument, mid }),
    ];
    prop::collection::vec(one, 1..60)
}

/// Lots worth about a hundredth of a coin, so that instruments weigh alike.
fn lots_of(instrument: InstrumentId, hundredths: i64) -> i64 {
    match instrument {
        SPOT => hundredths * 1_000,
        PERPETUAL => hundredths * 10,
        _ => hundredths,
    }
}

fn play(acts: &[Act]) {
    let (mut desk, mut twin, mut prices) = (Desk::open(), Twin::default(), [100_000; 3]);
    desk.quote(SPOT, 99_999, 100_001);
    let cap = |hundreds: i128| Some(Amount(hundreds * 100 * DOLLAR));
    let tight =
        |scope, gross, net, open| BudgetSettings { max_gross: cap(gross), max_net: cap(net), max_open_orders: cap(open), ..budget(scope) };
    // A hundredth of a coin is worth 10 dollars at spot, 100 as a perpetual and 100 as inverse contracts.
    let budgets = [tight(LimitScope::Firm, 150, 90, 110), tight(LimitScope::Book(ALPHA), 80, 50, 70)];
    for settings in budgets {
        define(&mut desk, Definition::Budget(settings));
    }
    for act in acts {
        let live: Vec<OrderId> = desk.engine.state().live_orders().map(|o| o.id).collect();
        let pick = |pick: usize| (!live.is_empty()).then(|| live[pick % live.len()]);
        match *act {
            Act::Place { instrument, book, is_buy, price, hundredths } if live.len() < 10 => {
                let side = if is_buy { Side::Buy } else { Side::Sell };
                let instrument = InstrumentId(instrument);
                let terms = limit(instrument, tradewind_types::BookId(book), side, price, lots_of(instrument, hundredths));
                let judged = budgets.iter().filter(|b| b.scope == LimitScope::Firm || book == ALPHA.0);
                let expected = judged.into_iter().find_map(|b| twin.judge(&desk, terms, prices, b));
                match desk.control(decision(Intent::Place(terms)))[..] {
                    [Outcome::Refused { reason: RefusalReason::InsufficientBalance { .. }, .. }] => assert_eq!(expected, None),
                    ref outcomes => assert_eq!(only_refusal(outcomes), expected),
                }
            }
            Act::Place { .. } => {}
            Act::Fill { pick: n, share } => {
                let Some(id) = pick(n) else { continue };
                let order = desk.engine.state().order(id).unwrap().clone();
                let qty = ((order.terms.qty.0 - order.filled.0) / share).max(1);
                desk.fill(id, order.price().unwrap().0, qty);
                let t = order.terms;
                twin.trades.push((t.account, t.book.0, t.instrument, t.side.sign() * qty));
            }
            Act::Cancel { pick: n } => {
                if let Some(order) = pick(n) {
                    desk.reply(VenueReply::Cancelled { order });
                }
            }
            Act::Quote { instrument, mid } => {
                desk.quote(InstrumentId(instrument), mid - 1, mid + 1);
                prices[instrument as usize] = mid;
            }
        }
    }
}

/// The lowest position that a hand of orders can lead to: each fills whole or not at all, in any order; those that may only close
/// fill as far as there is something to close.
fn lowest(position: i64, orders: &[(i64, bool)]) -> i64 {
    let mut best = position;
    for n in 0..orders.len() {
        let (lots, closes) = orders[n];
        let filled = match (closes, lots > 0) {
            (false, _) => lots,
            (true, true) => lots.min((-position).max(0)),
            (true, false) => lots.max((-position).min(0)),
        };
        let rest: Vec<_> = orders.iter().enumerate().filter(|(m, _)| *m != n).map(|(_, order)| *order).collect();
        best = best.min(lowest(position + filled, &rest));
    }
    best
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn budgets_agree_with_a_twin_that_tries_every_outcome(acts in acts()) {
        play(&acts);
    }

    #[test]
    fn the_position_limit_is_the_lowest_position_that_can_be(
        start in -20i64..20,
        orders in prop::collection::vec((prop_oneof![-12i64..0, 1i64..12], any::<bool>()), 0..5),
        new in (1i64..12, any::<bool>()),
    ) {
        let mut desk = Desk::open();
        if start != 0 {
            let side = if start > 0 { Side::Buy } else { Side::Sell };
            let order = desk.open_order(limit(PERPETUAL, ALPHA, side, 100_000, start.abs()));
            desk.fill(order, 100_000, start.abs());
        }
        let terms = |lots: i64, closes| {
            let side = if lots > 0 { Side::Buy } else { Side::Sell };
            let terms = limit(PERPETUAL, ALPHA, side, 100_000, lots.abs());
            if closes { reduce_only(terms) } else { terms }
        };
        for (lots, closes) in &orders {
            desk.open_order(terms(*lots, *closes));
        }
        let mut all = orders.clone();
        let before = lowest(start, &all);
        all.push((-new.0, new.1));
        let reached = lowest(start, &all);
        for scope in [LimitScope::Firm, ACCOUNT, LimitScope::Book(ALPHA)] {
            for limit_of in [-reached - 1, -reached] {
                if limit_of < 0 {
                    continue;
                }
                desk.define_limits(LimitSettings { max_position: Some(Qty(limit_of)), ..LimitSettings::unlimited(scope) });
                let outcomes = desk.intend(Intent::Place(terms(-new.0, new.1)));
                let passes = -limit_of <= reached || reached == before && new.1;
                prop_assert_eq!(only_refusal(&outcomes).is_none(), passes, "{:?} {} {}", scope, limit_of, reached);
                if let [Outcome::OrderSent { order, .. }] = outcomes[..] {
                    desk.reply(VenueReply::Cancelled { order });
                }
            }
            desk.define_limits(LimitSettings::unlimited(scope));
        }
    }
}

//! Words that came after the first format was written: each is appended to its enum, so that journals without them read as before.

use crate::vocabulary::{fill, terms};
use tradewind_types::*;

const AT: Timestamp = Timestamp(1_722_470_400_987_654_321);
const ORDER: OrderId = OrderId { node: 7, epoch: 3, counter: 301 };
const SCOPE: LimitScope = LimitScope::Account(AccountId(2));
const ACCOUNT: AccountId = AccountId(2);
const INSTRUMENT: InstrumentId = InstrumentId(1);

fn trigger(source: TriggerSource) -> Trigger {
    Trigger { price: Price(6_400_000), source }
}

pub fn orders() -> Vec<OrderTerms> {
    let price = Price(6_399_000);
    let kinds = [
        OrderKind::Stop { trigger: trigger(TriggerSource::Last) },
        OrderKind::StopLimit { trigger: trigger(TriggerSource::Mark), price },
        OrderKind::TakeProfit { trigger: trigger(TriggerSource::Index) },
        OrderKind::TakeProfitLimit { trigger: trigger(TriggerSource::Mark), price },
        OrderKind::Iceberg { price, display: Qty(10) },
    ];
    let mut orders: Vec<OrderTerms> = kinds.into_iter().map(|kind| OrderTerms { kind, ..terms() }).collect();
    orders.push(OrderTerms { time_in_force: TimeInForce::GoodTillTime { until: AT }, exposure: Exposure::LongLeg, ..terms() });
    orders.push(OrderTerms { exposure: Exposure::ShortLeg, ..terms() });
    orders
}

pub fn rejections() -> Vec<RejectReason> {
    vec![
        RejectReason::WouldTriggerAtOnce,
        RejectReason::WrongPositionMode,
        RejectReason::NotOffered,
        RejectReason::RateLimited,
        RejectReason::NotAuthorised,
    ]
}

pub fn replies() -> Vec<VenueReply> {
    vec![VenueReply::Triggered { order: ORDER }, VenueReply::SelfTradePrevented { order: ORDER }]
}

pub fn refusals() -> Vec<RefusalReason> {
    let (scope, found, limit, equity) = (SCOPE, Amount(11), Amount(10), Amount(-3));
    vec![
        RefusalReason::Restricted { scope, instrument: INSTRUMENT, restriction: Restriction::CloseOnly },
        RefusalReason::Restricted { scope, instrument: INSTRUMENT, restriction: Restriction::Forbidden },
        RefusalReason::Duplicate { scope, age: Nanos(1), window: Nanos(2) },
        RefusalReason::SelfTrade { scope, resting: ORDER },
        RefusalReason::CancelRatio { scope, cancels: 50, orders: 1, limit: Rate(4_000_000_000) },
        RefusalReason::Unanswered { scope, found: 9, limit: 8 },
        RefusalReason::Gross { scope, found, limit },
        RefusalReason::Net { scope, found: equity, limit },
        RefusalReason::OpenOrders { scope, found, limit },
        RefusalReason::Leverage { scope, gross: found, equity, limit: Rate(300_000_000) },
        RefusalReason::NoValuation { scope, instrument: INSTRUMENT },
        RefusalReason::DailyLoss { scope, found, limit },
        RefusalReason::Drawdown { scope, equity, high_water: limit, limit: Rate(10_000_000) },
        RefusalReason::InsufficientMargin { asset: AssetId(1), asked: found, free: limit },
        RefusalReason::InstrumentExpired { instrument: INSTRUMENT, expiry: AT },
        RefusalReason::Contradiction,
    ]
}

pub fn specs() -> Vec<AlgoSpec> {
    let parameters = BracketParameters { entry: Some(Price(5)), take_profit: Price(9), stop: trigger(TriggerSource::Last) };
    let (book, account, instrument) = (BookId(2), ACCOUNT, INSTRUMENT);
    vec![AlgoSpec::Bracket { book, account, instrument, side: Side::Buy, qty: Qty(3), exposure: Exposure::Any, parameters }]
}

fn budget() -> BudgetSettings {
    let (amount, rate) = (Some(Amount(1_000_000)), Some(Rate(300_000_000)));
    BudgetSettings {
        scope: SCOPE,
        currency: AssetId(1),
        max_gross: amount,
        max_net: None,
        max_open_orders: amount,
        max_leverage: rate,
        max_daily_loss: amount,
        max_drawdown: rate,
    }
}

pub fn definitions() -> Vec<Definition> {
    let tier =
        |from, maintenance| MarginTier { from: Amount(from), maintenance: Rate(maintenance), deduction: Amount(50), max_leverage: 125 };
    let filters = InstrumentFilters {
        instrument: INSTRUMENT,
        price_step: Price(5),
        qty_step: Qty(10),
        min_qty: Qty(10),
        max_qty: Qty(i64::MAX),
        min_notional: Amount(1),
    };
    let conduct = ConductSettings {
        scope: SCOPE,
        max_cancel_ratio: Some(Rate(1)),
        cancels_judged_from: u64::MAX,
        duplicate_window: Some(Nanos(5)),
        max_unanswered: Some(4),
        self_trade: SelfTradeCheck::Refuse,
    };
    let mut all = vec![
        Definition::Filters(filters),
        Definition::Margin(MarginSchedule { instrument: INSTRUMENT, tiers: vec![tier(0, 400_000), tier(5_000, 500_000)] }),
        Definition::Leverage { account: ACCOUNT, instrument: INSTRUMENT, leverage: 20 },
        Definition::Budget(budget()),
        Definition::Conduct(conduct),
        Definition::Conduct(ConductSettings { duplicate_window: None, self_trade: SelfTradeCheck::Allow, ..conduct }),
        Definition::Restricted { scope: SCOPE, instrument: INSTRUMENT, restriction: Restriction::None },
        Definition::Retention { done_for: Nanos::from_secs(3_600) },
    ];
    all.extend([PositionMode::OneWay, PositionMode::Hedge].map(|mode| Definition::PositionMode { account: ACCOUNT, mode }));
    use SelfTradePrevention::{Allow, CancelBoth, CancelNewest, CancelOldest, Decrement};
    let preventions = [Allow, CancelNewest, CancelOldest, CancelBoth, Decrement];
    all.extend(preventions.map(|prevention| Definition::SelfTrade { account: ACCOUNT, prevention }));
    all
}

fn trades() -> Vec<AccountTrade> {
    let causes = [TradeCause::Liquidation, TradeCause::AutoDeleveraging, TradeCause::Delivery, TradeCause::Manual];
    let fill = fill();
    let trade = |cause| AccountTrade {
        account: ACCOUNT,
        instrument: INSTRUMENT,
        side: Side::Sell,
        trade: TradeId(u128::MAX),
        price: fill.price,
        qty: fill.qty,
        fee: fill.fee,
        stated_cash: fill.stated_cash,
        cause,
        leg: Exposure::ShortLeg,
        ts_venue: AT,
    };
    causes.into_iter().map(trade).collect()
}

fn payment() -> FundingPayment {
    FundingPayment {
        account: ACCOUNT,
        instrument: INSTRUMENT,
        rate: Rate(-75_000),
        mark: Price(1),
        amount: Amount(i128::MIN),
        ts_venue: AT,
    }
}

fn events() -> Vec<AccountEvent> {
    let mut events: Vec<AccountEvent> = trades().into_iter().map(AccountEvent::Traded).collect();
    events.extend([AccountEvent::Funding(payment()), AccountEvent::TransferArrived { transfer: TransferId(u32::MAX) }]);
    events
}

fn transfer() -> Transfer {
    let (from, to) = (AccountId(1), ACCOUNT);
    Transfer { transfer: TransferId(1), from, to, book: BookId(2), asset: AssetId(1), amount: Amount(10), fee: Amount(1) }
}

fn report() -> VenueReport {
    let (mut feed_latency, answer_latency) = (Histogram::default(), Histogram::default());
    [Nanos(1), Nanos::from_millis(3), Nanos::from_secs(1_000_000)].into_iter().for_each(|span| feed_latency.add(span));
    VenueReport {
        venue: VenueId(1),
        is_trading: true,
        links_up: 4,
        links_lost: 2,
        market_messages: u64::MAX,
        market_age: Some(Nanos(12_345)),
        gaps: 1,
        unread: 0,
        rejects: 3,
        clock_offset: Nanos(-1_500_000),
        feed_latency,
        answer_latency,
    }
}

pub fn controls() -> Vec<Control> {
    let (author, model, valid_until) = (Author::Strategy(BookId(2)), 0, Timestamp::MAX);
    let mut controls: Vec<Control> = definitions().into_iter().map(Control::Define).collect();
    controls.extend(replies().into_iter().map(Control::Reply));
    controls.extend(rejections().into_iter().map(|reason| Control::Reply(VenueReply::Rejected { order: ORDER, reason })));
    controls.extend(orders().into_iter().map(|terms| Control::Decision { author, model, valid_until, intent: Intent::Place(terms) }));
    let algo = AlgoId(5);
    controls.extend(specs().into_iter().map(|spec| Control::StartAlgo { algo, author, model, valid_until, spec }));
    controls.extend(events().into_iter().map(Control::Account));
    controls.extend([Control::Transfer(transfer()), Control::MarkEquity, Control::VenueReport(Box::new(report()))]);
    controls
}

pub fn definition_refusals() -> Vec<DefinitionRefusal> {
    vec![
        DefinitionRefusal::InstrumentNotDefined { instrument: INSTRUMENT },
        DefinitionRefusal::OutOfRange,
        DefinitionRefusal::HoldsPositions { account: ACCOUNT },
        DefinitionRefusal::RetentionTooShort { asked: Nanos(0) },
    ]
}

pub fn algo_refusals() -> Vec<AlgoRefusal> {
    vec![AlgoRefusal::NotOffered]
}

pub fn account_refusals() -> Vec<AccountRefusal> {
    vec![
        AccountRefusal::NotDefined,
        AccountRefusal::Repeated,
        AccountRefusal::NotOnItsWay { transfer: TransferId(1) },
        AccountRefusal::Malformed,
        AccountRefusal::InsufficientBalance { asked: Amount(2), free: Amount(1) },
        AccountRefusal::Overflow,
    ]
}

pub fn outcomes() -> Vec<Outcome> {
    let (order, at, author, algo) = (ORDER, AT, Author::Operator, AlgoId(5));
    let settlement = Settlement { base: Amount(0), cash: Amount(-1), rounding: Amount(1) };
    let mut all: Vec<Outcome> = definitions().into_iter().map(Outcome::Defined).collect();
    all.extend(orders().into_iter().map(|terms| Outcome::OrderSent { order, author, terms, reserved: Amount(0), at }));
    all.extend(refusals().into_iter().map(|reason| Outcome::Refused { author, intent: Intent::Cancel { order }, reason, at }));
    all.extend(specs().into_iter().map(|spec| Outcome::AlgoStarted { algo, spec, at }));
    let definition = Definition::Epoch { node: 7, epoch: 2 };
    all.extend(definition_refusals().into_iter().map(|reason| Outcome::DefinitionRefused { definition: definition.clone(), reason, at }));
    all.extend(algo_refusals().into_iter().map(|reason| Outcome::AlgoRefused { algo, reason, at }));
    all.extend(trades().into_iter().map(|trade| Outcome::AccountTraded { trade, settlement, at }));
    all.extend(account_refusals().into_iter().map(|reason| Outcome::TransferRefused { transfer: transfer(), reason, at }));
    all.extend(events().into_iter().map(|event| Outcome::AccountEventRefused { event, reason: AccountRefusal::Repeated, at }));
    let mark = EquityMark { equity: Amount(-1), day_start: Amount(0), high_water: Amount(1) };
    all.extend([
        Outcome::Triggered { order, at },
        Outcome::SelfTradePrevented { order, at },
        Outcome::Funded { payment: payment(), rounding: Amount(-1), at },
        Outcome::TransferSent { transfer: transfer(), at },
        Outcome::TransferArrived { transfer: TransferId(1), at },
        Outcome::EquityMarked { scope: SCOPE, mark, at },
        Outcome::OrdersRetired { through: ORDER, over_by: Timestamp(i64::MIN), at },
    ]);
    all
}

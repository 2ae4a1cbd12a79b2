//! Every word a journal can hold, at least once, with the ends of every number range among them.
//!
//! [`assert_complete`] lists every variant in matches without a wildcard, so that a new variant does not compile here until it is
//! listed, and does not pass until the sample has it.

use crate::later;
use std::collections::BTreeSet;
use tradewind_journal::{ContentHash, Entry, MarketRun, RunFacts, Segment};
use tradewind_types::*;

const AT: Timestamp = Timestamp(1_722_470_400_123_456_789);
const ORDER: OrderId = OrderId { node: 7, epoch: 3, counter: 300 };
const SCOPE: LimitScope = LimitScope::Book(BookId(2));

pub fn facts() -> RunFacts {
    RunFacts {
        code_version: "3f1c0de".into(),
        node: 7,
        epoch: 3,
        created: Timestamp(1_722_470_400_000_000_000),
        segments: vec![
            Segment { id: 0, name: "binance/BTCUSDT/2024-08-01".into(), content: ContentHash::of(b"first") },
            Segment { id: 9, name: "ünïcode/ETHUSDT".into(), content: ContentHash::of(b"second") },
        ],
        setup: "{\"venues\":[]}".into(),
    }
}

pub fn terms() -> OrderTerms {
    OrderTerms {
        instrument: InstrumentId(1),
        account: AccountId(1),
        book: BookId(2),
        side: Side::Buy,
        kind: OrderKind::Limit { price: Price(6_512_340) },
        time_in_force: TimeInForce::PostOnly,
        qty: Qty(1_500),
        exposure: Exposure::Any,
    }
}

pub fn fill() -> Fill {
    Fill {
        order: ORDER,
        trade: TradeId(4_021_337_000),
        price: Price(6_512_340),
        qty: Qty(1_500),
        liquidity: Liquidity::Maker,
        fee: FeeCharge { asset: AssetId(2), amount: Amount(-19_537) },
        stated_cash: Some(Amount(97_685_100_000)),
        ts_venue: AT,
    }
}

fn orders() -> Vec<OrderTerms> {
    let market = OrderTerms { side: Side::Sell, kind: OrderKind::Market, exposure: Exposure::ReduceOnly, ..terms() };
    let mut orders: Vec<OrderTerms> = [TimeInForce::GoodTillCancelled, TimeInForce::ImmediateOrCancel, TimeInForce::FillOrKill]
        .into_iter()
        .map(|time_in_force| OrderTerms { time_in_force, ..market })
        .collect();
    orders.push(terms());
    orders.push(OrderTerms {
        instrument: InstrumentId(u32::MAX),
        qty: Qty(i64::MAX),
        kind: OrderKind::Limit { price: Price(i64::MIN) },
        ..market
    });
    orders
}

fn intents() -> Vec<Intent> {
    let mut intents: Vec<Intent> = orders().into_iter().map(Intent::Place).collect();
    intents.push(Intent::Cancel { order: ORDER });
    intents.push(Intent::Amend { order: ORDER, price: Price(-1), qty: Qty(0) });
    intents.push(Intent::CancelAll { book: BookId::UNASSIGNED });
    intents
}

fn scopes() -> Vec<LimitScope> {
    vec![LimitScope::Firm, LimitScope::Venue(VenueId(1)), LimitScope::Account(AccountId(2)), SCOPE]
}

fn rejections() -> Vec<RejectReason> {
    use RejectReason::*;
    vec![WouldTake, CannotFillCompletely, InsufficientFunds, InvalidFilter, UnknownOrder, NoMarket, WouldIncrease, DuplicateId]
}

fn refusals() -> Vec<RefusalReason> {
    let mut refusals: Vec<RefusalReason> = scopes().into_iter().map(|scope| RefusalReason::Halted { scope }).collect();
    refusals.extend([
        RefusalReason::OrderQty { scope: SCOPE, asked: Qty(5), limit: Qty(4) },
        RefusalReason::OrderNotional { scope: SCOPE, asked: Amount(i128::MAX), limit: Amount(i128::MIN) },
        RefusalReason::PriceCollar { scope: SCOPE, asked: Price(110), reference: Price(100), limit: Rate(500_000) },
        RefusalReason::StaleReference { age: Nanos(i64::MAX), limit: Nanos::from_millis(500) },
        RefusalReason::Position { scope: SCOPE, found: -12, limit: Qty(10) },
        RefusalReason::OrderRate { scope: SCOPE, found: 11, limit: 10 },
        RefusalReason::InsufficientBalance { asset: AssetId(1), asked: Amount(2), free: Amount(1) },
        RefusalReason::VenueFilter { qty: Qty(1), notional: Amount(5) },
        RefusalReason::Late { valid_until: Timestamp(1), now: Timestamp(2) },
        RefusalReason::NotLive { order: ORDER },
        RefusalReason::NotDefined { instrument: InstrumentId(8), account: AccountId(8), book: BookId(8) },
        RefusalReason::InvalidBook { instrument: InstrumentId(1) },
        RefusalReason::Overflow,
    ]);
    refusals
}

fn parameters() -> QuotingParameters {
    let interval = Nanos::from_millis(250);
    QuotingParameters { half_spread_half_ticks: 4, qty: Qty(10), max_position: Qty(100), skew_half_ticks: 3, interval }
}

fn specs() -> Vec<AlgoSpec> {
    let (book, account, instrument) = (BookId(2), AccountId(1), InstrumentId(1));
    let end = Timestamp(AT.0 + 60_000_000_000);
    vec![
        AlgoSpec::Immediate { book, account, instrument, side: Side::Sell, qty: Qty(3) },
        AlgoSpec::Twap { book, account, instrument, side: Side::Buy, qty: Qty(30), start: AT, end, slices: 6 },
        AlgoSpec::Quoting { book, account, instrument, parameters: parameters() },
    ]
}

fn instrument(kind: InstrumentKind) -> InstrumentTerms {
    InstrumentTerms {
        id: InstrumentId(1),
        venue: VenueId(1),
        symbol: "BTCUSDT".into(),
        kind,
        base: AssetId(0),
        quote: AssetId(1),
        settle: AssetId(1),
        tick: Decimal { mantissa: 1, scale: 1 },
        lot: Decimal { mantissa: 1, scale: 5 },
        multiplier: Decimal { mantissa: 1, scale: 0 },
        min_qty: Qty(1),
        max_qty: Qty(9_000_000),
        min_notional: Amount(500_000_000),
    }
}

fn definitions() -> Vec<Definition> {
    let mut all = vec![
        Definition::Asset(Asset { id: AssetId(0), symbol: "BTC".into(), scale: 8 }),
        Definition::Book { book: BookId(2), name: String::new() },
        Definition::Limits(LimitSettings::unlimited(LimitScope::Firm)),
        Definition::Limits(LimitSettings {
            scope: SCOPE,
            instrument: Some(InstrumentId(1)),
            max_order_qty: Some(Qty(100)),
            max_order_notional: Some(Amount(1_000_000)),
            max_price_deviation: Some(Rate::from_centi_bps(5_000)),
            max_reference_age: Some(Nanos::from_secs(2)),
            max_position: Some(Qty(1_000)),
            max_orders_per_window: Some(50),
            rate_window: Nanos::from_secs(10),
        }),
        Definition::Deposit { account: AccountId(1), book: BookId(2), asset: AssetId(1), amount: Amount(-5) },
        Definition::Epoch { node: u16::MAX, epoch: u32::MAX },
    ];
    let kinds = [InstrumentKind::Spot, InstrumentKind::LinearPerpetual, InstrumentKind::InversePerpetual];
    all.extend(kinds.into_iter().map(|kind| Definition::Instrument(instrument(kind))));
    let modes = [MarginMode::Spot, MarginMode::Cross, MarginMode::Isolated];
    let account = |mode| Definition::Account(Account { id: AccountId(1), venue: VenueId(1), name: "主账户".into(), mode });
    all.extend(modes.into_iter().map(account));
    all
}

fn replies() -> Vec<VenueReply> {
    let order = ORDER;
    let extreme =
        Fill { trade: TradeId(u128::MAX), liquidity: Liquidity::Taker, stated_cash: None, ts_venue: Timestamp(i64::MIN), ..fill() };
    let mut replies = vec![
        VenueReply::Accepted { order, venue_order: VenueOrderId(u128::MAX) },
        VenueReply::Filled(fill()),
        VenueReply::Filled(extreme),
        VenueReply::Cancelled { order },
        VenueReply::Expired { order },
        VenueReply::CancelRejected { order, reason: RejectReason::UnknownOrder },
        VenueReply::Amended { order, price: Price(1), qty: Qty(2) },
        VenueReply::AmendRejected { order, reason: RejectReason::UnknownOrder },
        VenueReply::Lost { order, until: Timestamp::MAX },
        VenueReply::NotFound { order },
    ];
    replies.extend(rejections().into_iter().map(|reason| VenueReply::Rejected { order, reason }));
    replies
}

pub fn controls() -> Vec<Control> {
    let (algo, author, model, valid_until) = (AlgoId(4), Author::Strategy(BookId(2)), u64::MAX, Timestamp(AT.0 + 1));
    let mut controls: Vec<Control> = definitions().into_iter().map(Control::Define).collect();
    controls.extend(replies().into_iter().map(Control::Reply));
    controls.extend(intents().into_iter().map(|intent| Control::Decision { author, model, valid_until, intent }));
    controls.extend(specs().into_iter().map(|spec| Control::StartAlgo { algo, author: Author::Operator, model, valid_until, spec }));
    controls.push(Control::Timer(TimerId(0)));
    controls.push(Control::SetParameters { algo, version: 2, parameters: parameters() });
    controls.push(Control::StopAlgo { algo });
    controls.extend(scopes().into_iter().map(|scope| Control::Operator(OperatorCommand::Halt { scope })));
    controls.push(Control::Operator(OperatorCommand::Resume { scope: LimitScope::Firm }));
    controls
}

fn definition_refusals() -> Vec<DefinitionRefusal> {
    vec![
        DefinitionRefusal::EpochNotRising { current: 3, asked: 2 },
        DefinitionRefusal::AlreadyDefined,
        DefinitionRefusal::NotDense { id: u32::MAX, largest: 4_095 },
        DefinitionRefusal::AssetNotDefined { asset: AssetId(8) },
        DefinitionRefusal::OwnerNotDefined { book: BookId(8) },
        DefinitionRefusal::Arithmetic,
        DefinitionRefusal::Overflow,
    ]
}

fn algo_refusals() -> Vec<AlgoRefusal> {
    vec![
        AlgoRefusal::AlreadyExists,
        AlgoRefusal::NotRunning,
        AlgoRefusal::NotQuoting,
        AlgoRefusal::Late { valid_until: Timestamp(1), now: Timestamp(2) },
        AlgoRefusal::NotDefined,
        AlgoRefusal::OutOfRange,
        AlgoRefusal::NotDense,
    ]
}

pub fn outcomes() -> Vec<Outcome> {
    let (order, at, author, instrument, algo) = (ORDER, AT, Author::Algo(AlgoId(4)), InstrumentId(1), AlgoId(4));
    let reason = RejectReason::NoMarket;
    let settlement = Settlement { base: Amount(150_000_000), cash: Amount(-97_685_100_000), rounding: Amount(1) };
    let mut all: Vec<Outcome> = definitions().into_iter().map(Outcome::Defined).collect();
    all.extend(orders().into_iter().map(|terms| Outcome::OrderSent { order, author, terms, reserved: Amount(97_700_000_000), at }));
    all.extend(refusals().into_iter().map(|reason| Outcome::Refused { author, intent: Intent::Place(terms()), reason, at }));
    all.extend(intents().into_iter().map(|intent| Outcome::Refused { author, intent, reason: RefusalReason::Overflow, at }));
    let books = [InvalidBook::SequenceGap, InvalidBook::Crossed, InvalidBook::NoSnapshot, InvalidBook::BadLevel];
    all.extend(books.into_iter().map(|reason| Outcome::BookInvalid { instrument, reason, at }));
    all.extend(specs().into_iter().map(|spec| Outcome::AlgoStarted { algo, spec, at }));
    all.extend(rejections().into_iter().map(|reason| Outcome::Rejected { order, reason, at }));
    let definition = Definition::Epoch { node: 7, epoch: 2 };
    all.extend(definition_refusals().into_iter().map(|reason| Outcome::DefinitionRefused { definition: definition.clone(), reason, at }));
    all.extend(algo_refusals().into_iter().map(|reason| Outcome::AlgoRefused { algo, reason, at }));
    all.extend([
        Outcome::CancelSent { order, at },
        Outcome::AmendSent { order, price: Price(i64::MAX), qty: Qty(1), at },
        Outcome::Accepted { order, venue_order: VenueOrderId(0), at },
        Outcome::Filled { fill: fill(), settlement, at },
        Outcome::FillRepeated { order, trade: TradeId(1), at },
        Outcome::Cancelled { order, at },
        Outcome::Expired { order, at },
        Outcome::CancelRejected { order, reason, at },
        Outcome::Amended { order, price: Price(1), qty: Qty(1), at },
        Outcome::AmendRejected { order, reason, at },
        Outcome::BecameUnknown { order, since: at, until: Timestamp::MAX },
        Outcome::NeverArrived { order, at },
        Outcome::Unrecognised { order, at },
        Outcome::BookRestored { instrument, at },
        Outcome::AlgoStopped { algo, at },
        Outcome::ParametersSet { algo, version: u64::MAX, parameters: parameters(), at },
        Outcome::TimerSet { timer: TimerId(5), algo, due: at },
        Outcome::TimerFired { timer: TimerId(5), at },
        Outcome::Halted { scope: SCOPE, at },
        Outcome::Resumed { scope: SCOPE, at },
    ]);
    all
}

/// Entries that a writer takes in this order: inputs rise, each outcome follows.
pub fn entries() -> Vec<Entry> {
    with_segment(entries_of_format_1())
}

/// The same with every word of today.
pub fn every_entry() -> Vec<Entry> {
    let mut entries = entries_of_format_1();
    let last = entries.split_off(entries.len() - 2);
    let mut seq = last[0].seq();
    for control in later::controls() {
        seq += 1;
        entries.push(Entry::Input { seq, at: Timestamp(AT.0 + seq as i64), control });
    }
    for outcome in later::outcomes() {
        seq += 1;
        entries.push(Entry::MarketRun(MarketRun { first_seq: seq, segment: 9, first: seq, count: 1 }));
        entries.push(Entry::Outcome { seq, outcome });
    }
    entries.extend([Entry::StateHash { seq, hash: StateHash([0xA5; 32]) }, Entry::End { seq }]);
    with_segment(entries)
}

/// A segment is declared just before the end, and used.
fn with_segment(mut entries: Vec<Entry>) -> Vec<Entry> {
    let last = entries.split_off(entries.len() - 2);
    let seq = last[0].seq();
    let segment = Segment { id: 4_000_000_000, name: "okx/BTC-USDT/2024-08-02".into(), content: ContentHash::of(b"third") };
    entries.push(Entry::Segment { seq, segment });
    entries.push(Entry::MarketRun(MarketRun { first_seq: seq + 1, segment: 4_000_000_000, first: 0, count: 1 }));
    entries.extend(last);
    entries
}

/// The same before market data could be declared after the start, with the words of that time.
pub fn entries_of_format_1() -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut seq = 0;
    for control in controls() {
        entries.push(Entry::Input { seq, at: Timestamp(AT.0 + seq as i64), control });
        seq += 1;
    }
    entries.push(Entry::MarketRun(MarketRun { first_seq: seq, segment: 9, first: u64::from(u32::MAX), count: 1_000_000 }));
    seq += 1_000_000;
    for outcome in outcomes() {
        entries.push(Entry::MarketRun(MarketRun { first_seq: seq, segment: 0, first: seq, count: 2 }));
        entries.push(Entry::Outcome { seq: seq + 1, outcome });
        seq += 2;
    }
    entries.push(Entry::StateHash { seq: seq - 1, hash: StateHash([0xA5; 32]) });
    entries.push(Entry::End { seq: seq - 1 });
    entries
}

macro_rules! assert_all_seen {
    ($values:expr; $($variant:pat),+ $(,)?) => {{
        let seen: BTreeSet<&str> = $values.iter().map(|value| match value { $($variant => stringify!($variant)),+ }).collect();
        $(assert!(seen.contains(stringify!($variant)), "the sample lacks {}", stringify!($variant));)+
    }};
}

pub fn assert_complete() {
    use Control as C;
    use Definition as D;
    use Outcome as O;
    use RefusalReason as R;
    use VenueReply as V;
    assert_all_seen!(every_entry(); Entry::Input { .. }, Entry::Outcome { .. }, Entry::MarketRun(_), Entry::Segment { .. },
        Entry::StateHash { .. }, Entry::End { .. });
    assert_all_seen!([controls(), later::controls()].concat(); C::Define(_), C::Reply(_), C::Timer(_), C::Decision { .. }, C::StartAlgo { .. }, C::StopAlgo { .. },
        C::SetParameters { .. }, C::Operator(OperatorCommand::Halt { .. }), C::Operator(OperatorCommand::Resume { .. }),
        C::Account(_), C::Transfer(_), C::MarkEquity, C::VenueReport(_));
    assert_all_seen!([definitions(), later::definitions()].concat(); D::Asset(_), D::Instrument(_), D::Account(_), D::Book { .. }, D::Limits(_), D::Deposit { .. },
        D::Epoch { .. }, D::Filters(_), D::Margin(_), D::Leverage { .. }, D::PositionMode { .. }, D::SelfTrade { .. }, D::Budget(_),
        D::Conduct(_), D::Restricted { .. }, D::Retention { .. });
    assert_all_seen!([replies(), later::replies()].concat(); V::Accepted { .. }, V::Rejected { .. }, V::Filled(_), V::Cancelled { .. }, V::Expired { .. },
        V::CancelRejected { .. }, V::Amended { .. }, V::AmendRejected { .. }, V::Lost { .. }, V::NotFound { .. },
        V::Triggered { .. }, V::SelfTradePrevented { .. });
    assert_all_seen!(intents(); Intent::Place(_), Intent::Cancel { .. }, Intent::Amend { .. }, Intent::CancelAll { .. });
    assert_all_seen!([rejections(), later::rejections()].concat(); RejectReason::WouldTake, RejectReason::CannotFillCompletely, RejectReason::InsufficientFunds,
        RejectReason::InvalidFilter, RejectReason::UnknownOrder, RejectReason::NoMarket, RejectReason::WouldIncrease,
        RejectReason::DuplicateId, RejectReason::WouldTriggerAtOnce, RejectReason::WrongPositionMode, RejectReason::NotOffered, RejectReason::RateLimited,
        RejectReason::NotAuthorised);
    assert_all_seen!([refusals(), later::refusals()].concat(); R::Halted { .. }, R::OrderQty { .. }, R::OrderNotional { .. }, R::PriceCollar { .. },
        R::StaleReference { .. }, R::Position { .. }, R::OrderRate { .. }, R::InsufficientBalance { .. }, R::VenueFilter { .. },
        R::Late { .. }, R::NotLive { .. }, R::NotDefined { .. }, R::InvalidBook { .. }, R::Overflow,
        R::Restricted { .. }, R::Duplicate { .. }, R::SelfTrade { .. }, R::CancelRatio { .. }, R::Unanswered { .. }, R::Gross { .. },
        R::Net { .. }, R::OpenOrders { .. }, R::Leverage { .. }, R::NoValuation { .. }, R::DailyLoss { .. }, R::Drawdown { .. },
        R::InsufficientMargin { .. }, R::InstrumentExpired { .. }, R::Contradiction);
    assert_all_seen!([definition_refusals(), later::definition_refusals()].concat(); DefinitionRefusal::EpochNotRising { .. }, DefinitionRefusal::AlreadyDefined,
        DefinitionRefusal::NotDense { .. }, DefinitionRefusal::AssetNotDefined { .. }, DefinitionRefusal::OwnerNotDefined { .. },
        DefinitionRefusal::Arithmetic, DefinitionRefusal::Overflow, DefinitionRefusal::InstrumentNotDefined { .. },
        DefinitionRefusal::OutOfRange, DefinitionRefusal::HoldsPositions { .. }, DefinitionRefusal::RetentionTooShort { .. });
    assert_all_seen!([algo_refusals(), later::algo_refusals()].concat(); AlgoRefusal::AlreadyExists, AlgoRefusal::NotRunning, AlgoRefusal::NotQuoting,
        AlgoRefusal::Late { .. }, AlgoRefusal::NotDefined, AlgoRefusal::OutOfRange, AlgoRefusal::NotDense, AlgoRefusal::NotOffered);
    assert_all_seen!(later::account_refusals(); AccountRefusal::NotDefined, AccountRefusal::Repeated, AccountRefusal::NotOnItsWay { .. },
        AccountRefusal::Malformed, AccountRefusal::InsufficientBalance { .. }, AccountRefusal::Overflow);
    assert_all_seen!([specs(), later::specs()].concat(); AlgoSpec::Immediate { .. }, AlgoSpec::Twap { .. }, AlgoSpec::Quoting { .. },
        AlgoSpec::Bracket { .. });
    assert_all_seen!(scopes(); LimitScope::Firm, LimitScope::Venue(_), LimitScope::Account(_), LimitScope::Book(_));
    assert_all_seen!([outcomes(), later::outcomes()].concat(); O::Defined(_), O::OrderSent { .. }, O::CancelSent { .. }, O::AmendSent { .. }, O::Refused { .. },
        O::Accepted { .. }, O::Rejected { .. }, O::Filled { .. }, O::FillRepeated { .. }, O::Cancelled { .. }, O::Expired { .. },
        O::CancelRejected { .. }, O::Amended { .. }, O::AmendRejected { .. }, O::BecameUnknown { .. }, O::NeverArrived { .. },
        O::Unrecognised { .. }, O::BookInvalid { .. }, O::BookRestored { .. }, O::AlgoStarted { .. }, O::AlgoStopped { .. },
        O::ParametersSet { .. }, O::TimerSet { .. }, O::TimerFired { .. }, O::Halted { .. }, O::Resumed { .. },
        O::DefinitionRefused { .. }, O::AlgoRefused { .. }, O::Triggered { .. }, O::SelfTradePrevented { .. }, O::Funded { .. },
        O::AccountTraded { .. }, O::AccountEventRefused { .. }, O::TransferSent { .. }, O::TransferArrived { .. },
        O::TransferRefused { .. }, O::EquityMarked { .. }, O::OrdersRetired { .. });
}

//! What happens in a storm, as a list of events that is drawn from a seed and can be thinned out without losing its meaning:
//! an event picks orders and messages by names that stay, and brings its own dice.

use crate::storm::desk::{ACCOUNTS, BOOKS, FIRST_MID, INSTRUMENTS, INVERSE, LINEAR, MARGIN, SPOT, SUB_ACCOUNT, WALLET, exact_value};
use crate::storm::dice::Dice;
use tradewind_types::{
    AccountId, Amount, AssetId, BookId, InstrumentId, LimitScope, LimitSettings, Nanos, Qty, Rate, Side, TimeInForce, Timestamp, VenueId,
};

/// Something happens some time after the event before it.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its name, which it keeps when events before it are taken away.
    pub name: u64,
    pub wait_ns: i64,
    pub what: What,
}

/// An order that somebody wants; prices are offsets from the mid.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    pub instrument: InstrumentId,
    pub account: AccountId,
    pub book: BookId,
    pub side: Side,
    /// None for a market order, and for a stop or take-profit at market.
    pub offset: Option<i64>,
    pub shape: Shape,
    pub qty: i64,
    pub time_in_force: TimeInForce,
    pub by: Decider,
}

/// What kind of order; triggers are offsets from the mid on their side of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Plain,
    Stop { away: i64 },
    TakeProfit { away: i64 },
    Iceberg { display: i64 },
}

/// Who decides, and when the decision reaches the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decider {
    Operator,
    Strategy,
    /// A strategy that names another one's book.
    Stranger,
    /// A strategy whose decision comes too late.
    Latecomer,
}

/// How a venue lies.
#[derive(Clone, Copy, Debug)]
pub enum Lie {
    /// It fills more than was ordered.
    Overfill { pick: u64, qty: i64 },
    /// It reports a fill of an order that was never sent.
    StrangeFill { dice: u64 },
    /// It reports something else of an order that was never sent.
    StrangeReply { dice: u64 },
    /// It reports a fill that cannot be: no quantity, no price, an asset that nobody knows, a fee beyond all money.
    MalformedFill { pick: u64, kind: u64 },
    /// It says that it does not know an order which it has.
    Denies { pick: u64 },
}

/// One event.
#[derive(Clone, Copy, Debug)]
pub enum What {
    Place(Wish),
    Amend { pick: u64, offset: i64, qty: i64 },
    Cancel { pick: u64 },
    CancelAll { book: BookId },
    Garbage { kind: u64, pick: u64 },
    StartTwap { instrument: InstrumentId, account: AccountId, book: BookId, side: Side, qty: i64, slices: u32, span_ns: i64 },
    StartQuoting { instrument: InstrumentId, account: AccountId, book: BookId, qty: i64, half_spread: i64, interval_ns: i64 },
    StartImmediate { instrument: InstrumentId, account: AccountId, book: BookId, side: Side, qty: i64 },
    StopAlgo { pick: u64 },
    SetParameters { pick: u64, qty: i64, half_spread: i64 },
    Timer,
    Halt { scope: LimitScope },
    Resume { pick: u64 },
    Limit(LimitSettings),
    Deposit { account: AccountId, book: BookId, asset: AssetId, amount: i64 },
    Quote { instrument: InstrumentId, step: i64, width: i64 },
    Print { instrument: InstrumentId, step: i64 },
    Bar { instrument: InstrumentId, step: i64 },
    Depth { skip: u64, is_snapshot: bool, step: i64 },
    RequestArrives { pick: u64, dice: u64 },
    RequestLost { pick: u64 },
    ReplyArrives { pick: u64 },
    ReplyLost { pick: u64 },
    ReplyRepeated { pick: u64 },
    FillRepeated { pick: u64 },
    VenueTrades { pick: u64, qty: i64, dice: u64 },
    VenueEnds { pick: u64, is_expiry: bool },
    Timeout { pick: u64 },
    Query { pick: u64 },
    Disconnect { venue: VenueId, dice: u64 },
    Restart { dice: u64 },
    TearNextWrite { dice: u64 },
    PowerLoss { dice: u64 },
    ClockStep { ns: i64 },
    Lie(Lie),
    StartBracket { instrument: InstrumentId, account: AccountId, book: BookId, side: Side, qty: i64, away: i64 },
    Funding { instrument: InstrumentId, account: AccountId, amount: i64 },
    Forced { instrument: InstrumentId, account: AccountId, side: Side, qty: i64, dice: u64 },
    EventArrives { pick: u64 },
    EventLost { pick: u64 },
    EventRepeated { pick: u64 },
}

/// How one storm is: what its node is set to, and what happens.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub limits: Vec<LimitSettings>,
    /// Wallet money: USDT units, BTC units.
    pub wallet: (i64, i64),
    pub commit_every: u64,
    /// Blocks of one step each instead of the journal's usual size.
    pub small_blocks: bool,
    pub events: Vec<Event>,
}

/// How often each kind of event comes, in the order of [`draw`].
const USUAL: [u64; 40] = [
    120, 100, 35, 3, 20, 10, 10, 5, 4, 5, 45, // wishes and algos
    2, 20, 6, 4, // halts, limits, money
    50, 20, 10, 40, // market
    190, 260, 60, 40, 12, // wire and venue
    6, 10, 4, 16, // brackets, funding, forced trades, their messages
    6, 6, // lost, repeated messages of accounts
    12, 20, 20, 10, 10, // lost, repeated, ended
    6, 5, 7, 2, 6, // disasters
];
/// Kinds from here on are weather: each storm has its own share of each, often none.
const WEATHER_FROM: usize = 28;

impl Scenario {
    pub fn draw(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mut weights = USUAL.to_vec();
        for weight in &mut weights[WEATHER_FROM..] {
            *weight *= dice.among(&[0, 1, 1, 3]);
        }
        weights.push(if dice.one_in(6) { 20 } else { 0 });
        let scopes = scopes();
        let mut limits = Vec::new();
        for scope in &scopes {
            if dice.one_in(3) {
                limits.push(limit(&mut dice, *scope));
            }
        }
        let wallet = (dice.among(&[100_000_000, 10_000_000_000]), dice.among(&[50_000, 10_000_000]));
        let commit_every = dice.among(&[1, 1, 2, 8]);
        let small_blocks = dice.one_in(3);
        let length = 60 + dice.below(400);
        let pace = dice.among(&[50_000, 500_000]);
        let events = (1..=length).map(|name| event(&mut dice, &weights, pace, name)).collect();
        Self { limits, wallet, commit_every, small_blocks, events }
    }
}

pub fn scopes() -> Vec<LimitScope> {
    let mut scopes = vec![LimitScope::Firm, LimitScope::Venue(VenueId(0)), LimitScope::Venue(VenueId(1))];
    scopes.extend(ACCOUNTS.map(LimitScope::Account));
    scopes.extend(BOOKS.map(LimitScope::Book));
    scopes
}

fn limit(dice: &mut Dice, scope: LimitScope) -> LimitSettings {
    let instrument = dice.one_in(2).then(|| dice.among(&INSTRUMENTS));
    let mut settings = LimitSettings { instrument, ..LimitSettings::unlimited(scope) };
    if !dice.one_in(3) {
        settings.max_position = Some(Qty(dice.within(10, 90)));
    }
    if dice.one_in(4) {
        settings.max_order_qty = Some(Qty(dice.within(15, 40)));
    }
    if let (true, Some(instrument)) = (dice.one_in(3), instrument) {
        settings.max_order_notional = Some(Amount(exact_value(instrument, FIRST_MID, dice.within(5, 40))));
    }
    if dice.one_in(8) {
        settings.max_price_deviation = Some(Rate(dice.within(50_000, 1_000_000)));
        settings.max_reference_age = dice.among(&[None, Some(Nanos::from_millis(50)), Some(Nanos::from_secs(60))]);
    }
    if dice.one_in(6) {
        settings.max_orders_per_window = Some(dice.among(&[0, 2, 4, 8, 12]));
        settings.rate_window = Nanos(dice.among(&[100_000, 5_000_000, 50_000_000]));
    }
    settings
}

fn event(dice: &mut Dice, weights: &[u64], pace: u64, name: u64) -> Event {
    let wait_ns = if dice.one_in(90) { dice.within(RARE_WAIT.0, RARE_WAIT.1) } else { dice.below(pace).cast_signed() };
    Event { name, wait_ns, what: draw(dice, weights) }
}

/// Sometimes nothing happens for longer than a venue waits for a request.
const RARE_WAIT: (i64, i64) = (5_000_000, 60_000_000);

/// Instrument, account, book, side: mostly such that they belong together.
fn place(dice: &mut Dice) -> (InstrumentId, AccountId, BookId, Side) {
    let instrument = dice.among(&INSTRUMENTS);
    let account = if instrument == SPOT { WALLET } else { dice.among(&[MARGIN, MARGIN, SUB_ACCOUNT]) };
    (instrument, account, dice.among(&BOOKS), dice.among(&[Side::Buy, Side::Sell]))
}

fn wish(dice: &mut Dice) -> Wish {
    let (instrument, account, book, side) = place(dice);
    let is_market = dice.one_in(5);
    let time_in_force = if is_market {
        TimeInForce::ImmediateOrCancel
    } else {
        use TimeInForce::{FillOrKill, GoodTillCancelled, GoodTillTime, ImmediateOrCancel, PostOnly};
        let later = GoodTillTime { until: Timestamp::MAX };
        dice.among(&[GoodTillCancelled, GoodTillCancelled, GoodTillCancelled, later, PostOnly, ImmediateOrCancel, FillOrKill])
    };
    let shape = shape(dice, is_market);
    let offset = (!is_market).then(|| dice.within(-120, 120));
    let by = dice.among(&[Decider::Operator, Decider::Strategy, Decider::Strategy, Decider::Strategy]);
    let by = if dice.one_in(20) { dice.among(&[Decider::Stranger, Decider::Latecomer]) } else { by };
    Wish { instrument, account, book, side, offset, shape, qty: dice.within(1, 30), time_in_force, by }
}

fn shape(dice: &mut Dice, is_market: bool) -> Shape {
    match dice.below(if is_market { 6 } else { 9 }) {
        0 => Shape::Stop { away: dice.within(1, 300) },
        1 => Shape::TakeProfit { away: dice.within(1, 300) },
        8 => Shape::Iceberg { display: dice.within(1, 5) },
        _ => Shape::Plain,
    }
}

fn draw(dice: &mut Dice, weights: &[u64]) -> What {
    let kind = dice.weighted(weights);
    let pick = dice.roll() >> 1;
    match kind {
        0 => What::Place(wish(dice)),
        1 => What::Amend { pick, offset: dice.within(-120, 120), qty: dice.within(1, 45) },
        2 => What::Cancel { pick },
        3 => What::CancelAll { book: dice.among(&BOOKS) },
        4 => What::Garbage { kind: dice.below(32), pick },
        5..=9 => algo(dice, kind, pick),
        10 => What::Timer,
        11 => What::Halt { scope: dice.among(&scopes()) },
        12 => What::Resume { pick },
        13 => {
            let scope = dice.among(&scopes());
            What::Limit(limit(dice, scope))
        }
        14 => {
            let (_, account, book, _) = place(dice);
            What::Deposit { account, book, asset: AssetId(dice.below(3) as u32), amount: dice.within(-10_000, 1_000_000) }
        }
        15 => What::Quote { instrument: dice.among(&INSTRUMENTS), step: dice.within(-60, 60), width: dice.within(1, 9) },
        16 => What::Print { instrument: dice.among(&INSTRUMENTS), step: dice.within(-60, 60) },
        17 => What::Bar { instrument: dice.among(&INSTRUMENTS), step: dice.within(-60, 60) },
        18 => What::Depth { skip: u64::from(dice.one_in(10)), is_snapshot: dice.one_in(3), step: dice.within(-4, 4) },
        19 => What::RequestArrives { pick: mostly_first(dice, pick), dice: dice.roll() },
        20 => What::ReplyArrives { pick: mostly_first(dice, pick) },
        21 => What::VenueTrades { pick, qty: dice.within(1, 8), dice: dice.roll() },
        22 => What::Query { pick },
        23 => What::Timeout { pick },
        24..=27 => of_account(dice, kind, pick),
        28 => What::EventLost { pick },
        29 => What::EventRepeated { pick },
        30 => What::RequestLost { pick },
        31 => What::ReplyLost { pick },
        32 => What::ReplyRepeated { pick },
        33 => What::FillRepeated { pick },
        34 => What::VenueEnds { pick, is_expiry: dice.one_in(2) },
        35 => What::Disconnect { venue: VenueId(dice.below(2) as u32), dice: dice.roll() },
        36 => What::Restart { dice: dice.roll() },
        37 => What::TearNextWrite { dice: dice.roll() },
        38 => What::PowerLoss { dice: dice.roll() },
        39 => What::ClockStep { ns: dice.among(&[1, -1]) * dice.among(&[300_000, 30_000_000, 3_000_000_000]) },
        _ => What::Lie(lie(dice, pick)),
    }
}

/// What happens to an account at its venue, and what comes of it.
fn of_account(dice: &mut Dice, kind: usize, pick: u64) -> What {
    let (instrument, account) = (dice.among(&[LINEAR, INVERSE]), dice.among(&[MARGIN, MARGIN, SUB_ACCOUNT]));
    let (book, side) = (dice.among(&BOOKS), dice.among(&[Side::Buy, Side::Sell]));
    match kind {
        24 => What::StartBracket { instrument, account, book, side, qty: dice.within(1, 12), away: dice.within(5, 400) },
        25 => What::Funding { instrument, account, amount: dice.within(-90_000, 90_000) },
        26 => What::Forced { instrument, account, side, qty: dice.within(1, 9), dice: dice.roll() },
        _ => What::EventArrives { pick },
    }
}

/// The oldest message two times in three, so that most of a conversation keeps its order.
fn mostly_first(dice: &mut Dice, pick: u64) -> u64 {
    if dice.one_in(3) { pick } else { 0 }
}

fn algo(dice: &mut Dice, kind: usize, pick: u64) -> What {
    let (instrument, account, book, side) = place(dice);
    match kind {
        5 => What::StartTwap {
            instrument,
            account,
            book,
            side,
            qty: dice.within(1, 40),
            slices: dice.within(1, 6) as u32,
            span_ns: dice.within(0, 40_000_000),
        },
        6 => What::StartQuoting {
            instrument,
            account,
            book,
            qty: dice.within(1, 8),
            half_spread: dice.within(0, 12),
            interval_ns: dice.within(300_000, 9_000_000),
        },
        7 => What::StartImmediate { instrument, account, book, side, qty: dice.within(1, 30) },
        8 => What::StopAlgo { pick },
        _ => What::SetParameters { pick, qty: dice.within(0, 8), half_spread: dice.within(0, 12) },
    }
}

fn lie(dice: &mut Dice, pick: u64) -> Lie {
    match dice.below(5) {
        0 => Lie::Overfill { pick, qty: dice.within(1, 9) },
        1 => Lie::StrangeFill { dice: dice.roll() },
        2 => Lie::StrangeReply { dice: dice.roll() },
        3 => Lie::MalformedFill { pick, kind: dice.below(6) },
        _ => Lie::Denies { pick },
    }
}

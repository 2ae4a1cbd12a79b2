//! Inputs that nobody should send and that must do no harm: ids that were never defined, quantities that cannot be, algos out
//! of range, definitions that contradict, replies about nothing.

use crate::storm::desk::{LINEAR, MARGIN, SPOT, WALLET, terms_of};
use crate::storm::node::Breach;
use crate::storm::play::Storm;
use tradewind_types::{
    AccountId, AlgoId, AlgoSpec, Amount, AssetId, Author, BookId, Control, Definition, Exposure, InstrumentId, Intent, LimitScope,
    LimitSettings, Nanos, OperatorCommand, OrderId, OrderKind, OrderTerms, Price, Qty, QuotingParameters, Side, TimeInForce, TimerId,
    Timestamp, VenueId, VenueReply,
};

const SOUND: OrderTerms = OrderTerms {
    instrument: LINEAR,
    account: MARGIN,
    book: BookId(1),
    side: Side::Buy,
    kind: OrderKind::Limit { price: Price(99_000) },
    time_in_force: TimeInForce::GoodTillCancelled,
    qty: Qty(1),
    exposure: Exposure::Any,
};
const NOWHERE: OrderId = OrderId { node: 7, epoch: 3_000, counter: u64::MAX };

/// What kind of garbage; none of it may put anything but cancels on the wire.
fn control(kind: u64, some_order: OrderId) -> Control {
    let intend = |intent| Control::Decision { author: Author::Operator, model: 0, valid_until: Timestamp::MAX, intent };
    let place = |terms| intend(Intent::Place(terms));
    let limit_at = |price| OrderTerms { kind: OrderKind::Limit { price: Price(price) }, ..SOUND };
    match kind {
        0 => place(OrderTerms { instrument: InstrumentId(9), ..SOUND }),
        1 => place(OrderTerms { account: AccountId(u32::MAX), ..SOUND }),
        2 => place(OrderTerms { book: BookId(70_000), ..SOUND }),
        3 => place(OrderTerms { qty: Qty(0), ..SOUND }),
        4 => place(OrderTerms { qty: Qty(-5), ..SOUND }),
        5 => place(OrderTerms { qty: Qty(i64::MAX), ..SOUND }),
        6 => place(limit_at(0)),
        7 => place(OrderTerms { qty: Qty(i64::MIN), ..limit_at(i64::MAX) }),
        8 => place(limit_at(-7)),
        9 => place(OrderTerms { account: WALLET, ..SOUND }),
        10 => place(OrderTerms { instrument: SPOT, ..SOUND }),
        11 => intend(Intent::Cancel { order: NOWHERE }),
        12 => intend(Intent::Amend { order: NOWHERE, price: Price(1), qty: Qty(1) }),
        13 => intend(Intent::Amend { order: some_order, price: Price(i64::MAX), qty: Qty(i64::MAX) }),
        14 => intend(Intent::Amend { order: some_order, price: Price(-1), qty: Qty(5) }),
        15 => intend(Intent::CancelAll { book: BookId(u32::MAX) }),
        _ => setting(kind),
    }
}

fn setting(kind: u64) -> Control {
    let start = |algo, spec| Control::StartAlgo { algo, author: Author::Operator, model: 0, valid_until: Timestamp::MAX, spec };
    let twap = |slices, qty, end| {
        let (start, end) = (Timestamp(5), Timestamp(end));
        AlgoSpec::Twap { book: BookId(1), account: MARGIN, instrument: LINEAR, side: Side::Buy, qty: Qty(qty), start, end, slices }
    };
    let parameters =
        QuotingParameters { half_spread_half_ticks: 1, qty: Qty(1), max_position: Qty(1), skew_half_ticks: 1, interval: Nanos(0) };
    let deposit = |asset, amount| Definition::Deposit { account: MARGIN, book: BookId(1), asset, amount: Amount(amount) };
    match kind {
        16 => start(AlgoId(u32::MAX), twap(2, 5, 9)),
        17 => start(AlgoId(60_000), twap(0, 5, 9)),
        18 => start(AlgoId(60_000), twap(3, 0, 9)),
        19 => start(AlgoId(60_000), twap(3, 5, 1)),
        20 => start(AlgoId(60_000), AlgoSpec::Quoting { book: BookId(1), account: MARGIN, instrument: LINEAR, parameters }),
        21 => Control::SetParameters { algo: AlgoId(61_000), version: 1, parameters },
        22 => Control::StopAlgo { algo: AlgoId(u32::MAX) },
        23 => Control::Timer(TimerId(u32::MAX)),
        24 => {
            let mut terms = terms_of(LINEAR);
            terms.max_qty = Qty(3);
            Control::Define(Definition::Instrument(terms))
        }
        25 => Control::Define(Definition::Epoch { node: 7, epoch: 0 }),
        26 => Control::Define(deposit(AssetId(50), 5)),
        27 => Control::Define(deposit(AssetId(0), i128::MAX)),
        28 => Control::Define(Definition::Limits(LimitSettings::unlimited(LimitScope::Venue(VenueId(u32::MAX))))),
        29 => Control::Operator(OperatorCommand::Halt { scope: LimitScope::Book(BookId(u32::MAX)) }),
        30 => Control::Operator(OperatorCommand::Resume { scope: LimitScope::Account(AccountId(u32::MAX)) }),
        _ => Control::Reply(VenueReply::NotFound { order: NOWHERE }),
    }
}

impl Storm {
    pub fn garbage(&mut self, kind: u64, pick: u64) -> Result<String, Breach> {
        let control = control(kind, self.any_order(pick).unwrap_or(NOWHERE));
        let sent = |storm: &Self| ["OrderSent", "AmendSent"].map(|k| storm.counts.get(k).copied());
        let before = sent(self);
        let words = self.tell(|| format!("nonsense: {control:?}"));
        self.control(control)?;
        if sent(self) != before {
            return Err(Breach::new("nonsense sends nothing", words));
        }
        Ok(words)
    }
}

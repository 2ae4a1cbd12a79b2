//! An engine with everything that an order meets: a spot instrument, an account with money, 256 books, and per book a limit of
//! each kind (size, value, price collar against a fresh reference, position, rate; halts are always looked at).

use crate::measure::Failure;
use crate::mix::{OWNERS, REFERENCE};
use tradewind_engine::{Engine, Step};
use tradewind_journal::{RunFacts, Writer};
use tradewind_types::{
    Account, AccountId, Amount, Asset, AssetId, BookId, Control, Decimal, Definition, Input, InstrumentId, InstrumentKind, InstrumentTerms,
    LimitScope, LimitSettings, MarginMode, MarketEvent, Nanos, Outcome, Price, Qty, Quote, Rate, Stamp, Timestamp, VenueId,
};

pub(crate) const INSTRUMENT: InstrumentId = InstrumentId(0);
pub(crate) const ACCOUNT: AccountId = AccountId(0);
pub(crate) const QUOTE: AssetId = AssetId(0);
const BASE: AssetId = AssetId(1);
const VENUE: VenueId = VenueId(0);
const START: Timestamp = Timestamp(1_700_000_000_000_000_000);
/// Between two decisions: a hundred thousand of them a second.
const PACE: Nanos = Nanos(10_000);

/// What came out so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub steps: u64,
    pub rejects: u64,
    pub fills: u64,
    pub records: u64,
}

/// The engine, its journal if it keeps one, and a count of what came out.
pub(crate) struct Desk {
    pub engine: Engine,
    pub step: Step,
    pub journal: Option<Writer<Vec<u8>>>,
    pub tally: Tally,
    seq: u64,
    now: Timestamp,
}

pub(crate) fn book_of(owner: u32) -> BookId {
    BookId(owner + 1)
}

pub(crate) fn facts() -> RunFacts {
    RunFacts { code_version: "bench".into(), node: 1, epoch: 1, created: START, segments: Vec::new(), setup: String::new() }
}

impl Desk {
    /// Tells a new engine what exists. The count starts after that.
    pub(crate) fn open(journal: Option<Writer<Vec<u8>>>) -> Result<Self, Failure> {
        let mut desk = Self { engine: Engine::new(), step: Step::new(), journal, tally: Tally::default(), seq: 0, now: START };
        for definition in definitions() {
            desk.control(&Control::Define(definition))?;
        }
        let quote =
            Quote { instrument: INSTRUMENT, bid: Price(REFERENCE - 1), bid_qty: Qty(1), ask: Price(REFERENCE + 1), ask_qty: Qty(1) };
        let stamp = Stamp { ts_venue: START, ts_local: START };
        desk.engine.step(&Input::Market { stamp, event: MarketEvent::Quote(quote) }, &mut desk.step);
        desk.tally = Tally::default();
        Ok(desk)
    }

    #[inline]
    pub(crate) const fn tick(&mut self) {
        self.now = self.now.plus(PACE);
    }

    #[inline]
    pub(crate) const fn now(&self) -> Timestamp {
        self.now
    }

    /// One step, journaled with its outcomes where there is a journal. Outcomes and commands stay in `step`.
    #[inline]
    pub(crate) fn control(&mut self, control: &Control) -> Result<(), Failure> {
        self.seq += 1;
        if let Some(journal) = &mut self.journal {
            journal.append_input(self.seq, self.now, control)?;
        }
        self.engine.step(&Input::Control { at: self.now, control }, &mut self.step);
        self.tally.steps += 1;
        self.tally.records += 1 + self.step.outcomes.len() as u64;
        for outcome in &self.step.outcomes {
            if let Some(journal) = &mut self.journal {
                journal.append_outcome(self.seq, outcome)?;
            }
            match outcome {
                Outcome::Filled { .. } => self.tally.fills += 1,
                Outcome::Refused { .. } | Outcome::Rejected { .. } | Outcome::CancelRejected { .. } => self.tally.rejects += 1,
                _ => {}
            }
        }
        match self.step.fault.take() {
            None => Ok(()),
            Some(fault) => Err(fault.into()),
        }
    }
}

fn definitions() -> Vec<Definition> {
    let asset = |id, symbol: &str| Definition::Asset(Asset { id, symbol: symbol.into(), scale: 8 });
    let hundredth = Decimal { mantissa: 1, scale: 2 };
    let terms = InstrumentTerms {
        id: INSTRUMENT,
        venue: VENUE,
        symbol: "BENCH".into(),
        kind: InstrumentKind::Spot,
        base: BASE,
        quote: QUOTE,
        settle: QUOTE,
        tick: hundredth,
        lot: hundredth,
        multiplier: Decimal { mantissa: 1, scale: 0 },
        min_qty: Qty(1),
        max_qty: Qty(1_000_000),
        min_notional: Amount(1),
    };
    let account = Account { id: ACCOUNT, venue: VENUE, name: "bench".into(), mode: MarginMode::Spot };
    let mut all = vec![asset(QUOTE, "USDT"), asset(BASE, "COIN"), Definition::Instrument(terms), Definition::Account(account)];
    for owner in 0..OWNERS as u32 {
        let book = book_of(owner);
        all.push(Definition::Book { book, name: format!("book {owner}") });
        all.push(Definition::Limits(limits(book)));
    }
    all.push(Definition::Epoch { node: 1, epoch: 1 });
    for asset in [QUOTE, BASE] {
        all.push(Definition::Deposit { account: ACCOUNT, book: book_of(0), asset, amount: Amount(1 << 80) });
    }
    all
}

/// Wide enough for the mix to pass: the checks are what is measured.
const fn limits(book: BookId) -> LimitSettings {
    LimitSettings {
        scope: LimitScope::Book(book),
        instrument: None,
        max_order_qty: Some(Qty(1_000)),
        max_order_notional: Some(Amount(1 << 60)),
        max_price_deviation: Some(Rate(80_000_000)),
        max_reference_age: Some(Nanos::from_secs(86_400)),
        max_position: Some(Qty(1 << 40)),
        max_orders_per_window: Some(1_000),
        rate_window: Nanos::from_secs(1),
    }
}

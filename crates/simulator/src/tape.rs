//! What a run leaves for analysis: fills with the mid they happened at, refusals, and equity at fixed instants. Integers; whoever
//! wants statistics turns them into numbers.

use crate::setup::{Setup, SetupError};
use std::collections::BTreeMap;
use tradewind_engine::{Engine, Owner};
use tradewind_types::{
    AccountId, AlgoId, AlgoSpec, Amount, AssetId, Author, FeeCharge, Fill, Instrument, InstrumentId, Intent, Liquidity, OrderId,
    OrderTerms, Outcome, Price, Qty, RefusalReason, Rounding, Side, Timestamp, TradeId,
};

/// One fill as the engine booked it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FillRow {
    /// When we learned of it.
    pub at: Timestamp,
    /// When it happened, venue clock.
    pub ts_venue: Timestamp,
    /// Our order.
    pub order: OrderId,
    /// What.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// At what price.
    pub price: Price,
    /// How much.
    pub qty: Qty,
    /// Maker or taker.
    pub liquidity: Liquidity,
    /// What it cost.
    pub fee: FeeCharge,
    /// The fee in the instrument's value asset, at the fill's price.
    pub fee_value: Amount,
    /// The venue's mid just before it, in half ticks.
    pub mid_half_ticks: Option<i64>,
    /// Our reference price when the parent order was made, in ticks.
    pub decision: Option<Price>,
}

/// One refused intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusalRow {
    /// When.
    pub at: Timestamp,
    /// What was wanted.
    pub intent: Intent,
    /// Why not.
    pub reason: RefusalReason,
}

/// Equity of all accounts at one instant, in the equity asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EquityRow {
    /// When.
    pub at: Timestamp,
    /// Balances and open profit, marked to market.
    pub equity: Amount,
    /// Held in the equity asset itself.
    pub cash: Amount,
    /// Sum of absolute position values.
    pub gross: Amount,
    /// Sum of position values.
    pub net: Amount,
}

/// One holding at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionRow {
    /// When.
    pub at: Timestamp,
    /// What.
    pub instrument: InstrumentId,
    /// How much, in base units.
    pub base: Amount,
    /// Marked at.
    pub mark: Price,
    /// Its value in the equity asset.
    pub value: Amount,
}

/// Something known of some orders, by their counter: a run has one epoch, and numbers its orders without a gap.
#[derive(Clone, Debug)]
struct PerOrder<T>(Vec<Option<T>>);

impl<T: Copy> PerOrder<T> {
    fn set(&mut self, order: OrderId, value: Option<T>) {
        // Orders are numbered as they are made, and 2^64 of them do not fit in memory.
        let index = order.counter as usize;
        if self.0.len() <= index {
            self.0.resize(index + 1, None);
        }
        self.0[index] = value;
    }

    fn get(&self, order: OrderId) -> Option<T> {
        self.0.get(order.counter as usize).copied().flatten()
    }
}

/// The record of a run; see the module.
#[derive(Clone, Debug)]
pub struct Tape {
    instruments: Vec<Instrument>,
    equity_asset: AssetId,
    accounts: Vec<AccountId>,
    /// Mid at the venue of fills on their way to us.
    mids: BTreeMap<(OrderId, TradeId), Option<i64>>,
    /// Reference price when an algo was started.
    algo_decisions: BTreeMap<AlgoId, Option<Price>>,
    /// Reference price behind an order.
    decisions: PerOrder<Price>,
    done_at: PerOrder<Timestamp>,
    fills: Vec<FillRow>,
    refusals: Vec<RefusalRow>,
    equity: Vec<EquityRow>,
    positions: Vec<PositionRow>,
}

impl Tape {
    pub(crate) fn new(setup: &Setup, instruments: Vec<Instrument>) -> Result<Self, SetupError> {
        Ok(Self {
            instruments,
            equity_asset: setup.asset("equity_in", &setup.equity_in)?.id,
            accounts: (0u32..).zip(&setup.venues).map(|(i, _)| AccountId(i)).collect(),
            mids: BTreeMap::new(),
            algo_decisions: BTreeMap::new(),
            decisions: PerOrder(Vec::new()),
            done_at: PerOrder(Vec::new()),
            fills: Vec::new(),
            refusals: Vec::new(),
            equity: Vec::new(),
            positions: Vec::new(),
        })
    }

    pub(crate) fn venue_filled(&mut self, fill: &Fill, mid_half_ticks: Option<i64>) {
        self.mids.insert((fill.order, fill.trade), mid_half_ticks);
    }

    pub(crate) fn outcome(&mut self, outcome: &Outcome, engine: &Engine) {
        let reference = |instrument| engine.market(instrument).reference().map(|r| r.price);
        match outcome {
            Outcome::AlgoStarted { algo, spec, .. } => {
                self.algo_decisions.insert(*algo, reference(instrument_of(spec)));
            }
            Outcome::OrderSent { order, author, terms, .. } => {
                let decision = match author {
                    Author::Algo(algo) if !is_quoting(engine, *algo) => self.algo_decisions.get(algo).copied().flatten(),
                    Author::Algo(_) | Author::Strategy(_) | Author::Operator => reference(terms.instrument),
                };
                self.decisions.set(*order, decision);
            }
            Outcome::Refused { intent, reason, at, .. } => {
                self.refusals.push(RefusalRow { at: *at, intent: *intent, reason: *reason });
            }
            Outcome::Filled { fill, at, .. } => {
                if let Some(order) = engine.state().order(fill.order) {
                    self.filled(*at, fill, &order.terms, engine);
                    if !order.is_live() {
                        self.done_at.set(fill.order, Some(*at));
                    }
                }
            }
            Outcome::Cancelled { order, at }
            | Outcome::Expired { order, at }
            | Outcome::Rejected { order, at, .. }
            | Outcome::NeverArrived { order, at } => {
                self.done_at.set(*order, Some(*at));
            }
            _ => {}
        }
    }

    fn filled(&mut self, at: Timestamp, fill: &Fill, terms: &OrderTerms, engine: &Engine) {
        let Some(instrument) = self.instruments.get(terms.instrument.index()) else { return };
        // Valued for the report only; what was booked is the charge itself.
        let fee_value = self.fee_value(instrument, fill, engine).unwrap_or_default();
        self.fills.push(FillRow {
            at,
            ts_venue: fill.ts_venue,
            order: fill.order,
            instrument: terms.instrument,
            side: terms.side,
            price: fill.price,
            qty: fill.qty,
            liquidity: fill.liquidity,
            fee: fill.fee,
            fee_value,
            mid_half_ticks: self.mids.remove(&(fill.order, fill.trade)).flatten(),
            decision: self.decisions.get(fill.order),
        });
    }

    /// A fee in the instrument's value asset: a base fee at the fill's price, one in a third asset at the last price of a spot
    /// instrument that has it; none without such a price.
    fn fee_value(&self, instrument: &Instrument, fill: &Fill, engine: &Engine) -> Option<Amount> {
        let (asset, amount) = (fill.fee.asset, fill.fee.amount);
        if asset == instrument.value_asset() {
            return Some(amount);
        }
        if asset == instrument.terms().base {
            return instrument.value_of_base(fill.price, amount, Rounding::HalfAway).ok();
        }
        let prices = |other: &&Instrument| {
            let terms = other.terms();
            terms.kind.is_spot() && (terms.base, terms.quote) == (asset, instrument.value_asset())
        };
        let pricing = self.instruments.iter().find(prices)?;
        pricing.value_of_base(engine.market(pricing.id()).reference()?.price, amount, Rounding::HalfAway).ok()
    }

    pub(crate) fn sample(&mut self, at: Timestamp, engine: &Engine) {
        let from = self.positions.len();
        let row = self.value(at, engine);
        match row {
            Some((row, positions)) => {
                self.equity.push(row);
                self.positions.extend(positions);
            }
            // Something is held that has no price yet: there is no equity to speak of.
            None => self.positions.truncate(from),
        }
    }

    /// Equity and holdings now; `None` while something is held that has no price yet.
    #[must_use]
    pub fn value(&self, at: Timestamp, engine: &Engine) -> Option<(EquityRow, Vec<PositionRow>)> {
        let state = engine.state();
        let marks: Vec<Option<Price>> = self.instruments.iter().map(|i| engine.market(i.id()).reference().map(|r| r.price)).collect();
        let mut row = EquityRow { at, equity: Amount::ZERO, cash: Amount::ZERO, gross: Amount::ZERO, net: Amount::ZERO };
        let mut positions = Vec::new();
        for account in &self.accounts {
            row.equity = row.equity.plus(state.equity(Owner::Account(*account), self.equity_asset, &marks).ok()?).ok()?;
            row.cash = row.cash.plus(state.balance(*account, self.equity_asset)).ok()?;
        }
        for instrument in &self.instruments {
            let terms = instrument.terms();
            let account = AccountId(terms.venue.0);
            let base = if terms.kind.is_spot() {
                state.balance(account, terms.base)
            } else {
                instrument.base_amount(state.position(account, terms.id).lots).ok()?
            };
            if base == Amount::ZERO {
                continue;
            }
            let mark = marks.get(terms.id.index()).copied().flatten()?;
            let value = instrument.value_of_base(mark, base, Rounding::Truncate).ok()?;
            row.gross = row.gross.plus(Amount(value.0.abs())).ok()?;
            row.net = row.net.plus(value).ok()?;
            positions.push(PositionRow { at, instrument: terms.id, base, mark, value });
        }
        Some((row, positions))
    }

    /// The instruments, in id order.
    #[must_use]
    pub fn instruments(&self) -> &[Instrument] {
        &self.instruments
    }

    /// Fills, in the order of booking.
    #[must_use]
    pub fn fills(&self) -> &[FillRow] {
        &self.fills
    }

    /// When an order that is over ended.
    #[must_use]
    pub fn done_at(&self, order: OrderId) -> Option<Timestamp> {
        self.done_at.get(order)
    }

    /// Refusals, in order.
    #[must_use]
    pub fn refusals(&self) -> &[RefusalRow] {
        &self.refusals
    }

    /// Equity at each sample.
    #[must_use]
    pub fn equity(&self) -> &[EquityRow] {
        &self.equity
    }

    /// Holdings at each sample.
    #[must_use]
    pub fn positions(&self) -> &[PositionRow] {
        &self.positions
    }
}

fn is_quoting(engine: &Engine, algo: AlgoId) -> bool {
    engine.state().algo(algo).is_some_and(|a| matches!(a.spec, AlgoSpec::Quoting { .. }))
}

const fn instrument_of(spec: &AlgoSpec) -> InstrumentId {
    match spec {
        AlgoSpec::Immediate { instrument, .. }
        | AlgoSpec::Twap { instrument, .. }
        | AlgoSpec::Quoting { instrument, .. }
        | AlgoSpec::Bracket { instrument, .. } => *instrument,
    }
}

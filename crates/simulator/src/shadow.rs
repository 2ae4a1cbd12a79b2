//! Shadow orders: what a queue model says about orders whose fate is known.
//!
//! An order-by-order recording says who stood where, so the fate of an order is a fact. Here the order ids are hidden: the
//! recording becomes what a depth feed shows (totals and trades), a shadow order is placed where a recorded order was, and the
//! [`L2Exchange`] that backtests use is asked when it fills. Two kinds of shadows:
//!
//! - **recorded** orders, at their own time, price and size. The order itself is left out of the depth its shadow sees, as an
//!   order of ours would be; the trades that filled it stay.
//! - **joiners**, which nobody placed: every so often one joins the best bid and one the best ask. Its fate is that of an order
//!   which changes nothing for the others: those ahead of it are known one by one.
//!
//! A shadow needs few messages: those at its own level, trades beyond it, and opposite orders that reach it. The exact queue is
//! the same exchange on a depth that shows, at the shadow's level, only what really stands ahead; there is nothing left to guess.

use std::collections::BTreeMap;
use tradewind_book::{Applied, BookOrder, L3Book, OrderChange, OrdersUpdate, SequenceRule};
use tradewind_exchange::{Exchange, FeeSchedule, L2Exchange, Listing, QueueModel};
use tradewind_types::{
    AccountId, Amount, Asset, AssetId, BookId, Decimal, DepthKind, DepthUpdate, Exposure, Instrument, InstrumentId, InstrumentKind,
    InstrumentTerms, InvalidBook, LevelChange, MarketEvent, MoneyError, Nanos, OrderId, OrderKind, OrderRequest, OrderTerms, Price, Qty,
    RejectReason, Sequence, Side, TimeInForce, Timestamp, Trade, TradeId, VenueId, VenueOrderId, VenueReply,
};

const INSTRUMENT: InstrumentId = InstrumentId(0);
const UNNUMBERED: Sequence = Sequence { first: 0, last: 0, previous: None };

/// One change of an order-by-order recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderEvent {
    /// When; never earlier than the one before.
    pub at: Timestamp,
    /// What.
    pub change: OrderChange,
}

/// Orders that nobody placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joiners {
    /// From one pair to the next, > 0.
    pub every: Nanos,
    /// How long each stays unless it fills.
    pub lifetime: Nanos,
    /// Size of each, > 0.
    pub qty: Qty,
}

/// Where a shadow comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An order of the recording.
    Recorded(VenueOrderId),
    /// A [`Joiners`] order.
    Joined,
}

/// A shadow and its fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shadow {
    /// Where it comes from.
    pub origin: Origin,
    /// Buy or sell.
    pub side: Side,
    /// Its limit.
    pub price: Price,
    /// Its size.
    pub qty: Qty,
    /// What stood ahead of it when it was placed.
    pub ahead: Qty,
    /// When it was placed.
    pub placed: Timestamp,
    /// When it was really filled, taken away, or the recording ended.
    pub ended: Timestamp,
    /// Until when its models are followed: `ended`, later for a filled order, whose owner was willing to wait.
    pub deadline: Timestamp,
    /// How much of it was really filled by `ended`.
    pub filled: Qty,
    /// Whether others cancelled at its level, not through trades, while somebody stood ahead and somebody behind: otherwise no
    /// two models differ.
    pub contested: bool,
}

/// How a shadow fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guess {
    /// Index of the shadow.
    pub shadow: usize,
    /// Index of the model; none for the exact queue.
    pub model: Option<usize>,
    /// When its first lot filled, by the deadline.
    pub first_fill: Option<Timestamp>,
    /// When its last lot filled, by the deadline.
    pub filled_at: Option<Timestamp>,
    /// How much filled by the true end.
    pub filled: Qty,
    /// Estimated less true quantity ahead: its average over the time from placement to the true end, in lots.
    pub ahead_bias: i64,
    /// The same of its absolute value.
    pub ahead_error: i64,
}

/// What came of it all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShadowStudy {
    /// Every shadow.
    pub shadows: Vec<Shadow>,
    /// Per shadow the exact queue, then each model.
    pub guesses: Vec<Guess>,
    /// Executions in the recording.
    pub executions: usize,
    /// Executions of orders that were not first in line at the best price of their side.
    pub out_of_turn: usize,
}

/// Why a recording cannot be studied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShadowError {
    /// The recording contradicts itself.
    #[error("event {event} leaves no valid book: {reason:?}; repair the recording")]
    Book {
        /// Index of the event; zero may be the opening book.
        event: usize,
        /// Why.
        reason: InvalidBook,
    },
    /// The exchange would not take a shadow.
    #[error("the shadow placed at {placed:?} was refused: {reason:?}; sizes must be above zero")]
    Refused {
        /// When.
        placed: Timestamp,
        /// Why.
        reason: RejectReason,
    },
    /// The instrument cannot be set up.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// Follows every recorded order, and the joiners, through the exact queue and each model.
///
/// `patience`: how long after a recorded order filled its models are given to fill too.
///
/// # Errors
/// [`ShadowError`] for a recording that leaves no valid book.
pub fn follow_shadows(
    opening: &[BookOrder],
    events: &[OrderEvent],
    models: &[QueueModel],
    patience: Nanos,
    joiners: Option<Joiners>,
) -> Result<ShadowStudy, ShadowError> {
    let mut pass = FirstPass::new(opening, patience, joiners)?;
    for (index, event) in events.iter().enumerate() {
        pass.join_until(event.at);
        pass.take(index, event)?;
    }
    let FirstPass { steps, mut starts, mut study, .. } = pass;
    let end = steps.last().map_or(Timestamp(0), |step| step.at);
    for (shadow, start) in study.shadows.iter_mut().zip(&mut starts) {
        (shadow.ended, shadow.deadline) = (shadow.ended.min(end), shadow.deadline.min(end));
        start.last = start.last.min(steps.len());
    }
    let mut exchanges = vec![(None, Shadowing::exchange(QueueModel::RiskAverse)?)];
    for (index, model) in models.iter().enumerate() {
        exchanges.push((Some(index), Shadowing::exchange(*model)?));
    }
    for (index, start) in starts.iter().enumerate() {
        for (model, exchange) in &mut exchanges {
            let shadow = &mut study.shadows[index];
            let guess = Shadowing::new(exchange, shadow, start, *model, index as u64).follow(&steps, index)?;
            if model.is_none() {
                settle(shadow, start, &guess, &steps);
            }
            study.guesses.push(guess);
        }
    }
    Ok(study)
}

/// What the exact queue alone can tell: the fate of a joiner.
fn settle(shadow: &mut Shadow, start: &Start, guess: &Guess, steps: &[Step]) {
    if shadow.origin == Origin::Joined {
        shadow.filled = guess.filled;
        shadow.ended = guess.filled_at.unwrap_or(shadow.ended);
    }
    shadow.contested = start.is_contested(shadow, steps);
}

/// A change of one order as its level saw it.
#[derive(Clone, Copy, Debug)]
struct Step {
    at: Timestamp,
    order: VenueOrderId,
    side: Side,
    price: Price,
    /// How many orders had joined any level before this one joined its own: earlier is ahead.
    joined: u64,
    before: i64,
    after: i64,
    traded: bool,
    /// The level's total afterwards.
    total: i64,
}

/// Where a shadow begins.
#[derive(Clone, Copy, Debug)]
struct Start {
    /// First step it sees.
    first: usize,
    /// First step it does not see any more, unless it is followed for longer.
    last: usize,
    joined: u64,
    /// Total of the level without the shadow's own order.
    displayed: i64,
}

impl Start {
    fn is_contested(&self, shadow: &Shadow, steps: &[Step]) -> bool {
        let (mut ahead, mut behind) = (shadow.ahead.0, self.displayed - shadow.ahead.0);
        for step in &steps[self.first..self.last.max(self.first)] {
            let own = shadow.origin == Origin::Recorded(step.order);
            if step.at > shadow.ended || own || (step.side, step.price) != (shadow.side, shadow.price) {
                continue;
            }
            if step.after < step.before && !step.traded && ahead > 0 && behind > 0 {
                return true;
            }
            *(if step.joined < self.joined { &mut ahead } else { &mut behind }) += step.after - step.before;
        }
        false
    }
}

/// Walks the recording once: steps for all, and where each shadow begins and ends.
struct FirstPass {
    book: L3Book,
    joined: BTreeMap<VenueOrderId, u64>,
    joins: u64,
    live: BTreeMap<VenueOrderId, usize>,
    steps: Vec<Step>,
    starts: Vec<Start>,
    study: ShadowStudy,
    patience: Nanos,
    joiners: Option<(Joiners, Option<Timestamp>)>,
}

impl FirstPass {
    fn new(opening: &[BookOrder], patience: Nanos, joiners: Option<Joiners>) -> Result<Self, ShadowError> {
        let mut book = L3Book::new(INSTRUMENT, SequenceRule::Unchecked);
        let changes: Vec<OrderChange> = opening.iter().copied().map(OrderChange::Add).collect();
        let snapshot = OrdersUpdate { instrument: INSTRUMENT, kind: DepthKind::Snapshot, sequence: UNNUMBERED, changes: &changes };
        if let Applied::Invalid(reason) = book.apply(&snapshot) {
            return Err(ShadowError::Book { event: 0, reason });
        }
        let joined: BTreeMap<VenueOrderId, u64> = opening.iter().map(|order| order.order).zip(0..).collect();
        Ok(Self {
            book,
            joins: joined.len() as u64,
            joined,
            live: BTreeMap::new(),
            steps: Vec::new(),
            starts: Vec::new(),
            study: ShadowStudy::default(),
            patience,
            joiners: joiners.filter(|joiners| joiners.every.0 > 0).map(|joiners| (joiners, None)),
        })
    }

    /// Places the joiners that are due before an event.
    fn join_until(&mut self, at: Timestamp) {
        let Some((joiners, due)) = self.joiners else { return };
        let mut due = due.unwrap_or_else(|| at.plus(joiners.every));
        while due < at {
            for side in [Side::Buy, Side::Sell] {
                let Some(level) = self.book.best(side) else { continue };
                let last = due.plus(joiners.lifetime);
                self.starts.push(Start { first: self.steps.len(), last: usize::MAX, joined: self.joins, displayed: level.qty.0 });
                self.study.shadows.push(Shadow {
                    origin: Origin::Joined,
                    side,
                    price: level.price,
                    qty: joiners.qty,
                    ahead: level.qty,
                    placed: due,
                    ended: last,
                    deadline: last,
                    filled: Qty::ZERO,
                    contested: false,
                });
            }
            due = due.plus(joiners.every);
        }
        self.joiners = Some((joiners, Some(due)));
    }

    fn take(&mut self, index: usize, event: &OrderEvent) -> Result<(), ShadowError> {
        let (order, traded) = match event.change {
            OrderChange::Add(resting) => (resting.order, false),
            OrderChange::Execute { order, .. } => (order, true),
            OrderChange::Change { order, .. } | OrderChange::Delete { order } => (order, false),
        };
        let before = self.book.order(order);
        if traded {
            self.study.executions += 1;
            let first = before.is_some_and(|o| {
                self.book.best(o.side).is_some_and(|best| best.price == o.price) && self.book.ahead(order) == Some(Qty::ZERO)
            });
            self.study.out_of_turn += usize::from(!first);
        }
        let update = OrdersUpdate { instrument: INSTRUMENT, kind: DepthKind::Delta, sequence: UNNUMBERED, changes: &[event.change] };
        if let Applied::Invalid(reason) = self.book.apply(&update) {
            return Err(ShadowError::Book { event: index, reason });
        }
        let after = self.book.order(order);
        // A change that costs the order its place is a departure and an arrival.
        let stays = matches!((before, after), (Some(b), Some(a)) if a.price == b.price && a.qty <= b.qty);
        if let Some(before) = before {
            let left = after.filter(|_| stays).map_or(0, |o| o.qty.0);
            self.step(event.at, &before, left, traded);
            self.end_shadow(event, &before, left, traded);
        }
        if let Some(after) = after.filter(|_| !stays) {
            self.joined.insert(order, self.joins);
            self.joins += 1;
            self.step(event.at, &BookOrder { qty: Qty::ZERO, ..after }, after.qty.0, false);
            self.begin_shadow(event.at, &after);
        }
        Ok(())
    }

    fn step(&mut self, at: Timestamp, before: &BookOrder, after: i64, traded: bool) {
        let BookOrder { order, side, price, qty } = *before;
        let joined = self.joined.get(&order).copied().unwrap_or_default();
        let total = self.book.qty_at(side, price).0;
        self.steps.push(Step { at, order, side, price, joined, before: qty.0, after, traded, total });
    }

    fn begin_shadow(&mut self, at: Timestamp, own: &BookOrder) {
        let ahead = self.book.ahead(own.order).unwrap_or_default();
        let displayed = self.book.qty_at(own.side, own.price).0 - own.qty.0;
        self.live.insert(own.order, self.starts.len());
        self.starts.push(Start { first: self.steps.len(), last: usize::MAX, joined: self.joins - 1, displayed });
        self.study.shadows.push(Shadow {
            origin: Origin::Recorded(own.order),
            side: own.side,
            price: own.price,
            qty: own.qty,
            ahead,
            placed: at,
            ended: Timestamp::MAX,
            deadline: Timestamp::MAX,
            filled: Qty::ZERO,
            contested: false,
        });
    }

    /// Counts a fill of a recorded order, or ends its shadow. Other terms than those it was placed with end it too.
    fn end_shadow(&mut self, event: &OrderEvent, before: &BookOrder, left: i64, traded: bool) {
        let Some(&index) = self.live.get(&before.order) else { return };
        let shadow = &mut self.study.shadows[index];
        if traded {
            shadow.filled.0 += before.qty.0 - left;
        }
        if left > 0 && traded {
            return;
        }
        self.live.remove(&before.order);
        let filled = shadow.filled == shadow.qty;
        shadow.ended = event.at;
        shadow.deadline = if filled { event.at.plus(self.patience) } else { event.at };
        // The step that takes a cancelled order away is not for its shadow to see.
        self.starts[index].last = if filled { self.steps.len() } else { self.steps.len() - 1 };
    }
}

/// One shadow on one exchange.
struct Shadowing<'a> {
    exchange: &'a mut L2Exchange,
    shadow: &'a Shadow,
    start: &'a Start,
    model: Option<usize>,
    order: OrderId,
    replies: Vec<VenueReply>,
    /// What is left of the recorded order, which the public depth includes and the shadow's does not.
    own: i64,
    ahead: i64,
    seen: Timestamp,
    bias: i128,
    error: i128,
    guess: Guess,
    got: i64,
}

impl<'a> Shadowing<'a> {
    fn exchange(queue: QueueModel) -> Result<L2Exchange, MoneyError> {
        let one = Decimal { mantissa: 1, scale: 0 };
        let asset = |id, symbol: &str| Asset { id: AssetId(id), symbol: symbol.into(), scale: 0 };
        let (base, quote) = (asset(0, "lots"), asset(1, "ticks"));
        let terms = InstrumentTerms {
            id: INSTRUMENT,
            venue: VenueId(0),
            symbol: "shadow".into(),
            kind: InstrumentKind::Spot,
            base: base.id,
            quote: quote.id,
            settle: quote.id,
            tick: one,
            lot: one,
            multiplier: one,
            min_qty: Qty(1),
            max_qty: Qty(i64::MAX),
            min_notional: Amount(0),
        };
        let instrument = Instrument::new(terms, &base, &quote)?;
        Ok(L2Exchange::new(vec![Listing { instrument, fees: FeeSchedule::FREE, rule: SequenceRule::Unchecked, queue }]))
    }

    fn new(exchange: &'a mut L2Exchange, shadow: &'a Shadow, start: &'a Start, model: Option<usize>, counter: u64) -> Self {
        let own = match shadow.origin {
            Origin::Recorded(_) => shadow.qty.0,
            Origin::Joined => 0,
        };
        let guess = Guess { shadow: 0, model, first_fill: None, filled_at: None, filled: Qty::ZERO, ahead_bias: 0, ahead_error: 0 };
        let (order, ahead, seen) = (OrderId { node: 0, epoch: 0, counter }, shadow.ahead.0, shadow.placed);
        Self { exchange, shadow, start, model, order, replies: Vec::new(), own, ahead, seen, bias: 0, error: 0, guess, got: 0 }
    }

    fn follow(mut self, steps: &[Step], index: usize) -> Result<Guess, ShadowError> {
        self.place()?;
        let filled_later = self.shadow.deadline > self.shadow.ended || self.shadow.filled == self.shadow.qty;
        let last = if filled_later { steps.len() } else { self.start.last };
        for step in &steps[self.start.first..last.max(self.start.first)] {
            if step.at > self.shadow.deadline || (self.guess.filled_at.is_some() && step.at > self.shadow.ended) {
                break;
            }
            self.see(step);
        }
        self.weigh(self.shadow.ended);
        let life = i128::from(self.shadow.ended.since(self.shadow.placed).0).max(1);
        let average = |sum: i128| i64::try_from(sum / life).unwrap_or(i64::MAX);
        (self.guess.ahead_bias, self.guess.ahead_error, self.guess.shadow) = (average(self.bias), average(self.error), index);
        if self.guess.filled_at.is_none() {
            self.exchange.on_request(self.seen, &OrderRequest::Cancel { order: self.order, instrument: INSTRUMENT }, &mut self.replies);
        }
        Ok(self.guess)
    }

    fn place(&mut self) -> Result<(), ShadowError> {
        let Shadow { side, price, qty, placed, .. } = *self.shadow;
        let level = LevelChange { side, price, qty: Qty(self.displayed(self.start.displayed + self.own)) };
        let changes = if level.qty.0 > 0 { &[level][..] } else { &[] };
        let snapshot = DepthUpdate { instrument: INSTRUMENT, kind: DepthKind::Snapshot, sequence: UNNUMBERED, changes };
        self.exchange.on_market(placed, &MarketEvent::Depth(snapshot), &mut self.replies);
        let terms = OrderTerms {
            instrument: INSTRUMENT,
            account: AccountId(0),
            book: BookId::UNASSIGNED,
            side,
            kind: OrderKind::Limit { price },
            time_in_force: TimeInForce::PostOnly,
            qty,
            exposure: Exposure::Any,
        };
        self.exchange.on_request(placed, &OrderRequest::Place { order: self.order, terms }, &mut self.replies);
        match self.replies.drain(..).next() {
            Some(VenueReply::Rejected { reason, .. }) => Err(ShadowError::Refused { placed, reason }),
            _ => Ok(()),
        }
    }

    /// What the shadow's level shows, of a total that includes the recorded order.
    fn displayed(&self, total: i64) -> i64 {
        if self.model.is_none() { self.ahead } else { total - self.own }
    }

    fn see(&mut self, step: &Step) {
        let Shadow { side, price, .. } = *self.shadow;
        let beyond = |other: Price| side.sign() * other.0 <= side.sign() * price.0;
        let traded = step.before - step.after;
        if step.side != side {
            if beyond(step.price) {
                self.weigh(step.at);
                self.depth(step.at, LevelChange { side: step.side, price: step.price, qty: Qty(step.total) });
            }
        } else if step.price == price {
            self.weigh(step.at);
            if step.traded {
                self.trade(step.at, price, traded);
            }
            if self.shadow.origin == Origin::Recorded(step.order) {
                self.own = step.after;
            } else if step.joined < self.start.joined {
                self.ahead += step.after - step.before;
            }
            let displayed = self.displayed(step.total);
            self.depth(step.at, LevelChange { side, price, qty: Qty(displayed) });
        } else if step.traded && beyond(step.price) {
            self.weigh(step.at);
            self.trade(step.at, step.price, traded);
        }
    }

    /// Adds the error since the last look, up to the true end.
    fn weigh(&mut self, at: Timestamp) {
        let until = at.min(self.shadow.ended);
        let span = i128::from(until.since(self.seen).0.max(0));
        if span > 0 {
            let thought = self.exchange.queue_ahead(INSTRUMENT, self.order).unwrap_or_default();
            let error = i128::from(thought.0 - self.ahead);
            self.bias += error * span;
            self.error += error.abs() * span;
        }
        self.seen = self.seen.max(until);
    }

    fn trade(&mut self, at: Timestamp, price: Price, qty: i64) {
        let aggressor = self.shadow.side.opposite();
        let trade = Trade { instrument: INSTRUMENT, trade: TradeId(0), price, qty: Qty(qty), aggressor };
        self.exchange.on_market(at, &MarketEvent::Trade(trade), &mut self.replies);
        self.take_fills(at);
    }

    fn depth(&mut self, at: Timestamp, change: LevelChange) {
        let update = DepthUpdate { instrument: INSTRUMENT, kind: DepthKind::Delta, sequence: UNNUMBERED, changes: &[change] };
        self.exchange.on_market(at, &MarketEvent::Depth(update), &mut self.replies);
        self.take_fills(at);
    }

    fn take_fills(&mut self, at: Timestamp) {
        for reply in self.replies.drain(..) {
            if let VenueReply::Filled(fill) = reply {
                self.got += fill.qty.0;
                self.guess.first_fill = self.guess.first_fill.or(Some(at));
                if at <= self.shadow.ended {
                    self.guess.filled = Qty(self.got);
                }
                if self.got == self.shadow.qty.0 {
                    self.guess.filled_at = Some(at);
                }
            }
        }
    }
}

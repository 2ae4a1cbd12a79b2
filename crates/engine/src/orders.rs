//! Every order that is remembered, densely by its counter, and which of them live.
//!
//! Without a retention that is every order ever sent. With one, the oldest leave the table a few at a time: what was over for
//! long enough is forgotten, the rest is kept [aside](crate::aside) until it was. Indices count on and are never used again.

use crate::aside::Aside;
use crate::error::ApplyError;
use crate::trades::{NO_TRADE, Trades};
use serde::{Deserialize, Serialize, Serializer};
use std::collections::VecDeque;
use tradewind_limits::{Ceiling, Held};
use tradewind_types::{
    AccountId, Author, BookId, DoneReason, Exposure, InstrumentId, Nanos, OrderId, OrderKind, OrderState, OrderTerms, Price, Qty, Side,
    StateDigest, TimeInForce, Timestamp, TradeId, VenueOrderId,
};

/// Which order: how many were sent before it.
pub(crate) type OrderIndex = u64;

/// An amend on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amendment {
    /// Price asked for.
    pub price: Price,
    /// Total quantity asked for.
    pub qty: Qty,
}

/// An order and everything known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Ours.
    pub id: OrderId,
    /// Who wanted it.
    pub author: Author,
    /// Its terms as they are now.
    pub terms: OrderTerms,
    /// Where it is in its life.
    pub state: OrderState,
    /// Filled so far.
    pub filled: Qty,
    /// The venue's id, once acknowledged.
    pub venue_order: Option<VenueOrderId>,
    /// An amend that nobody has answered yet, whatever the state says meanwhile.
    pub amendment: Option<Amendment>,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// Its largest outcome.
    pub ceiling: Ceiling,
    /// What it holds back now; nothing once it is over.
    pub held: Held,
    /// Since when it is over.
    pub over_at: Option<Timestamp>,
    /// Its newest trade, or [`NO_TRADE`]; of an order that is kept aside, nothing.
    pub(crate) last_trade: u64,
}

impl Order {
    /// Whether it is not over.
    #[inline]
    #[must_use]
    pub const fn is_live(&self) -> bool {
        !matches!(self.state, OrderState::Done { .. })
    }

    /// Limit price; none for a market order.
    #[inline]
    #[must_use]
    pub const fn price(&self) -> Option<Price> {
        self.terms.kind.price()
    }

    /// The state of an order at the venue with nothing under way but, perhaps, an amend.
    pub(crate) const fn resting_state(&self) -> OrderState {
        match self.amendment {
            Some(Amendment { price, qty }) => OrderState::Amending { price, qty },
            None => OrderState::Open,
        }
    }

    /// The venue has it.
    pub(crate) fn accept(&mut self, venue_order: VenueOrderId) {
        self.venue_order = Some(venue_order);
        self.state = match self.state {
            OrderState::Cancelling => OrderState::Cancelling,
            OrderState::Done { reason } if reason != DoneReason::NeverArrived => self.state,
            OrderState::Sent | OrderState::Open | OrderState::Amending { .. } | OrderState::Unknown { .. } | OrderState::Done { .. } => {
                self.resting_state()
            }
        };
    }

    /// What it waited for has come.
    pub(crate) fn wake(&mut self) {
        self.terms.kind = self.terms.kind.working();
        if self.state == OrderState::Sent {
            self.state = OrderState::Open;
        }
    }

    /// The state it falls back to when a cancel was refused.
    pub(crate) const fn state_without_cancel(&self) -> OrderState {
        if self.venue_order.is_none() && self.filled.0 == 0 { OrderState::Sent } else { self.resting_state() }
    }
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Epoch {
    node: u16,
    epoch: u32,
    /// Index of its first order.
    first: OrderIndex,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Orders {
    /// Those that have not left, as [`LiveList::first`] counts them.
    table: VecDeque<Order>,
    epochs: Vec<Epoch>,
    live: LiveList,
    trades: Trades,
    aside: Aside,
    /// How long an order that is over is remembered; for ever where nobody said.
    done_for: Option<Nanos>,
}

impl Default for Orders {
    fn default() -> Self {
        Self {
            table: VecDeque::new(),
            epochs: vec![Epoch { node: 0, epoch: 0, first: 0 }],
            live: LiveList::default(),
            trades: Trades::default(),
            aside: Aside::default(),
            done_for: None,
        }
    }
}

/// So many orders leave the table together: few enough that nobody waits for it, and enough that it is seldom journaled.
const RETIRED_AT_ONCE: usize = 64;

/// Which orders live, oldest first: a list through a table beside the orders, so that one leaves it in constant time. Written down is
/// only where it begins: [`Orders::list_live`] finds the rest again.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "OrderIndex")]
struct LiveList {
    /// By order; [`NOBODY`] at the ends. Of an order that is over, nothing is read.
    links: VecDeque<Links>,
    /// The oldest order in the table.
    first: OrderIndex,
    oldest: OrderIndex,
    newest: OrderIndex,
}

#[derive(Clone, Copy, Debug)]
struct Links {
    older: OrderIndex,
    newer: OrderIndex,
}

/// No order has this index: it would take too long to count so far.
const NOBODY: OrderIndex = OrderIndex::MAX;

impl Default for LiveList {
    fn default() -> Self {
        Self::from(0)
    }
}

impl From<OrderIndex> for LiveList {
    fn from(first: OrderIndex) -> Self {
        Self { links: VecDeque::new(), first, oldest: NOBODY, newest: NOBODY }
    }
}

impl Serialize for LiveList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.first.serialize(serializer)
    }
}

impl LiveList {
    #[inline]
    fn at(&self, index: OrderIndex) -> Option<&Links> {
        self.links.get(index.wrapping_sub(self.first) as usize)
    }

    #[inline]
    fn at_mut(&mut self, index: OrderIndex) -> Option<&mut Links> {
        self.links.get_mut(index.wrapping_sub(self.first) as usize)
    }

    /// Adds the order that was just put into the table, the newest of all.
    #[inline]
    fn push(&mut self, index: OrderIndex) {
        self.links.push_back(Links { older: self.newest, newer: NOBODY });
        match self.at_mut(self.newest) {
            Some(before) => before.newer = index,
            None => self.oldest = index,
        }
        self.newest = index;
    }

    /// Passes over an order of the table that is over.
    fn push_over(&mut self) {
        self.links.push_back(Links { older: NOBODY, newer: NOBODY });
    }

    #[inline]
    fn remove(&mut self, index: OrderIndex) {
        let Some(&Links { older, newer }) = self.at(index) else { return };
        match self.at_mut(older) {
            Some(before) => before.newer = newer,
            None => self.oldest = newer,
        }
        match self.at_mut(newer) {
            Some(behind) => behind.older = older,
            None => self.newest = older,
        }
    }

    /// The oldest order leaves the table.
    fn pass_over_first(&mut self, is_live: bool) {
        if is_live {
            self.remove(self.first);
        }
        self.links.pop_front();
        self.first += 1;
    }

    /// Puts an order back that was over: one that the venue had after all.
    #[cold]
    fn restore(&mut self, index: OrderIndex) {
        let mut older = self.newest;
        while older != NOBODY && older > index {
            older = self.at(older).map_or(NOBODY, |links| links.older);
        }
        let newer = self.at(older).map_or(self.oldest, |links| links.newer);
        if let Some(links) = self.at_mut(index) {
            *links = Links { older, newer };
        }
        match self.at_mut(older) {
            Some(before) => before.newer = index,
            None => self.oldest = index,
        }
        match self.at_mut(newer) {
            Some(behind) => behind.older = index,
            None => self.newest = index,
        }
    }

    fn iter(&self) -> impl Iterator<Item = OrderIndex> + '_ {
        let mut next = self.oldest;
        std::iter::from_fn(move || {
            let index = next;
            next = self.at(index)?.newer;
            Some(index)
        })
    }
}

impl Orders {
    #[inline]
    fn current(&self) -> Epoch {
        self.epochs.last().copied().unwrap_or(Epoch { node: 0, epoch: 0, first: 0 })
    }

    pub(crate) fn epoch(&self) -> u32 {
        self.current().epoch
    }

    /// The index of the next order.
    #[inline]
    fn end(&self) -> OrderIndex {
        self.live.first + self.table.len() as OrderIndex
    }

    pub(crate) fn start_epoch(&mut self, node: u16, epoch: u32) {
        let first = self.end();
        self.epochs.push(Epoch { node, epoch, first });
    }

    /// Takes memory for more orders, each with a trade, and touches it.
    pub(crate) fn prepare(&mut self, more: usize) {
        touch(&mut self.table, more, Order::blank());
        touch(&mut self.live.links, more, Links { older: NOBODY, newer: NOBODY });
        self.trades.prepare(more);
    }

    /// The id of the next order.
    #[inline]
    pub(crate) fn next_id(&self) -> OrderId {
        let Epoch { node, epoch, first } = self.current();
        OrderId { node, epoch, counter: self.end() - first + 1 }
    }

    #[inline]
    pub(crate) fn index_of(&self, id: OrderId) -> Option<OrderIndex> {
        let span = self.epochs.iter().rev().find(|e| e.epoch == id.epoch && e.node == id.node)?;
        let index = id.counter.checked_sub(1)?.checked_add(span.first)?;
        (self.get(index)?.id == id).then_some(index)
    }

    #[inline]
    pub(crate) fn get(&self, index: OrderIndex) -> Option<&Order> {
        match index.checked_sub(self.live.first) {
            Some(at) => self.table.get(at as usize),
            None => self.aside.get(index),
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: OrderIndex) -> Option<&mut Order> {
        match index.checked_sub(self.live.first) {
            Some(at) => self.table.get_mut(at as usize),
            None => self.aside.get_mut(index),
        }
    }

    #[inline]
    pub(crate) fn find(&self, id: OrderId) -> Option<&Order> {
        self.get(self.index_of(id)?)
    }

    /// All that are remembered, oldest first.
    pub(crate) fn all(&self) -> impl DoubleEndedIterator<Item = &Order> + Clone {
        self.aside.iter().chain(&self.table)
    }

    /// Live orders, oldest first.
    pub(crate) fn live(&self) -> impl Iterator<Item = &Order> {
        self.aside.iter().filter(|order| order.is_live()).chain(self.live.iter().filter_map(|index| self.get(index)))
    }

    /// Adds a live order.
    #[inline]
    pub(crate) fn push(&mut self, order: Order) -> Result<OrderIndex, ApplyError> {
        let expected = self.next_id();
        if order.id != expected {
            return Err(ApplyError::OrderOutOfTurn { expected, found: order.id });
        }
        let index = self.end();
        self.table.push_back(order);
        self.live.push(index);
        Ok(index)
    }

    /// Lists the live orders of a table that was just loaded.
    pub(crate) fn list_live(&mut self) {
        for (index, order) in (self.live.first..).zip(&self.table) {
            if order.is_live() { self.live.push(index) } else { self.live.push_over() }
        }
    }

    /// Brings the list of live orders into line after an order ended, or came back.
    #[inline]
    pub(crate) fn relist(&mut self, index: OrderIndex, is_live: bool) {
        match (index < self.live.first, is_live) {
            (true, _) => self.aside.relist(index),
            (false, true) => self.live.restore(index),
            (false, false) => self.live.remove(index),
        }
    }

    /// Whether this trade was applied to the order. The order is part of the key, since the two sides of a self-trade share
    /// the venue's id.
    #[inline]
    pub(crate) fn has_trade(&self, index: OrderIndex, trade: TradeId) -> bool {
        match index.checked_sub(self.live.first).and_then(|at| self.table.get(at as usize)) {
            Some(order) => self.trades.of(order.last_trade).any(|applied| applied == trade),
            None => self.aside.has_trade(index, trade),
        }
    }

    #[inline]
    pub(crate) fn add_trade(&mut self, index: OrderIndex, trade: TradeId) {
        match index.checked_sub(self.live.first).and_then(|at| self.table.get_mut(at as usize)) {
            Some(order) => order.last_trade = self.trades.add(index, trade, order.last_trade),
            None => self.aside.add_trade(index, trade),
        }
    }

    pub(crate) const fn keep_for(&mut self, done_for: Nanos) {
        self.done_for = Some(done_for);
    }

    /// Whether orders are to leave the table now: the newest of them, and by when those that are forgotten must have been over.
    #[inline]
    pub(crate) fn due(&self, now: Timestamp) -> Option<(OrderId, Timestamp)> {
        let over_by = Timestamp(now.0.saturating_sub(self.done_for?.0));
        let newest = self.table.get(RETIRED_AT_ONCE - 1)?;
        (newest.sent_at <= over_by).then_some((newest.id, over_by))
    }

    /// The oldest orders leave the table.
    pub(crate) fn retire(&mut self, through: OrderId, over_by: Timestamp) -> Result<(), ApplyError> {
        let last = self.index_of(through).filter(|index| *index >= self.live.first);
        let last = last.ok_or(ApplyError::UnknownOrder { order: through })?;
        self.aside.forget(over_by);
        for index in self.live.first..=last {
            let Some(order) = self.table.pop_front() else { break };
            self.live.pass_over_first(order.is_live());
            if order.over_at.is_none_or(|at| at > over_by) {
                let trades = self.trades.of(order.last_trade).collect();
                self.aside.keep(index, order, trades);
            }
        }
        self.trades.forget_before(self.live.first);
        Ok(())
    }

    pub(crate) fn digest(&self, digest: &mut StateDigest) {
        digest.unsigned(self.epochs.len() as u64);
        for e in &self.epochs {
            digest.unsigned(u64::from(e.node)).unsigned(u64::from(e.epoch)).unsigned(e.first);
        }
        digest.unsigned((self.aside.len() + self.table.len()) as u64);
        for (order, trades) in self.aside.with_trades() {
            order.digest(digest, trades);
        }
        for order in &self.table {
            order.digest(digest, self.trades.of(order.last_trade));
        }
        if let Some(done_for) = self.done_for {
            digest.bytes(b"retention").signed(done_for.0).unsigned(self.live.first);
            for order in self.all() {
                digest.signed(order.over_at.map_or(i64::MAX, |at| at.0));
            }
        }
    }
}

/// Room for more, written to once, so that the system has handed it out before it is needed.
pub(crate) fn touch<T: Clone>(table: &mut VecDeque<T>, more: usize, blank: T) {
    let used = table.len();
    table.resize(used + more, blank);
    table.truncate(used);
}

/// Adds to or removes from a list sorted by age; does nothing where it is right already.
#[inline]
pub(crate) fn keep_listed(list: &mut Vec<OrderIndex>, index: OrderIndex, is_live: bool) {
    match (list.binary_search(&index), is_live) {
        (Ok(at), false) => {
            list.remove(at);
        }
        (Err(at), true) => list.insert(at, index),
        (Ok(_), true) | (Err(_), false) => {}
    }
}

/// A market order is told by a price that cannot be, so that kinds added later do not change the digest of the first two.
fn digest_kind(digest: &mut StateDigest, kind: &OrderKind) {
    digest.signed(kind.price().map_or(i64::MIN, |price| price.0));
    let tag = match kind {
        OrderKind::Market | OrderKind::Limit { .. } => return,
        OrderKind::Stop { .. } | OrderKind::StopLimit { .. } => 1,
        OrderKind::TakeProfit { .. } | OrderKind::TakeProfitLimit { .. } => 2,
        OrderKind::Iceberg { display, .. } => {
            digest.bytes(b"iceberg").signed(display.0);
            return;
        }
    };
    if let Some(trigger) = kind.trigger() {
        digest.bytes(b"trigger").unsigned(tag).signed(trigger.price.0).unsigned(trigger.source as u64);
    }
}

impl Order {
    /// An order that nobody sent, to fill memory with.
    fn blank() -> Self {
        let terms = OrderTerms {
            instrument: InstrumentId(0),
            account: AccountId(0),
            book: BookId(0),
            side: Side::Buy,
            kind: OrderKind::Market,
            time_in_force: TimeInForce::GoodTillCancelled,
            qty: Qty::ZERO,
            exposure: Exposure::Any,
        };
        Self {
            id: OrderId::default(),
            author: Author::Operator,
            terms,
            state: OrderState::Sent,
            filled: Qty::ZERO,
            venue_order: None,
            amendment: None,
            sent_at: Timestamp(0),
            ceiling: Ceiling::default(),
            held: Held::default(),
            over_at: None,
            last_trade: NO_TRADE,
        }
    }

    fn digest(&self, digest: &mut StateDigest, trades: impl Iterator<Item = TradeId>) {
        let OrderId { node, epoch, counter } = self.id;
        digest.unsigned(u64::from(node)).unsigned(u64::from(epoch)).unsigned(counter);
        match self.author {
            Author::Operator => digest.unsigned(0),
            Author::Strategy(book) => digest.unsigned(1).unsigned(u64::from(book.0)),
            Author::Algo(algo) => digest.unsigned(2).unsigned(u64::from(algo.0)),
        };
        let t = &self.terms;
        digest.unsigned(u64::from(t.instrument.0)).unsigned(u64::from(t.account.0)).unsigned(u64::from(t.book.0));
        digest.signed(t.side.sign());
        digest_kind(digest, &t.kind);
        match t.time_in_force {
            TimeInForce::GoodTillCancelled => digest.unsigned(0),
            TimeInForce::ImmediateOrCancel => digest.unsigned(1),
            TimeInForce::FillOrKill => digest.unsigned(2),
            TimeInForce::PostOnly => digest.unsigned(3),
            TimeInForce::GoodTillTime { until } => digest.unsigned(4).signed(until.0),
        };
        digest.signed(t.qty.0).unsigned(t.exposure as u64).signed(self.filled.0).signed(self.sent_at.0);
        match self.state {
            OrderState::Sent => digest.unsigned(0),
            OrderState::Open => digest.unsigned(1),
            OrderState::Amending { price, qty } => digest.unsigned(2).signed(price.0).signed(qty.0),
            OrderState::Cancelling => digest.unsigned(3),
            OrderState::Unknown { since, until } => digest.unsigned(4).signed(since.0).signed(until.0),
            OrderState::Done { reason } => digest.unsigned(5).unsigned(match reason {
                DoneReason::Filled => 0,
                DoneReason::Cancelled => 1,
                DoneReason::Expired => 2,
                DoneReason::NeverArrived => 3,
                DoneReason::Rejected(why) => 4 + why as u64,
                DoneReason::SelfTradePrevented => u64::MAX,
            }),
        };
        match self.venue_order {
            None => digest.unsigned(0),
            Some(id) => digest.unsigned(1).bytes(&id.0.to_le_bytes()),
        };
        match self.amendment {
            None => digest.unsigned(0),
            Some(Amendment { price, qty }) => digest.unsigned(1).signed(price.0).signed(qty.0),
        };
        digest.signed(self.ceiling.qty().0).wide(self.ceiling.amount().0).signed(self.held.lots).wide(self.held.amount.0);
        for trade in trades {
            digest.bytes(&trade.0.to_le_bytes());
        }
        digest.unsigned(u64::MAX);
    }
}

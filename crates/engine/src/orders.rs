//! Every order ever sent, densely by its counter, and which of them live.

use crate::error::ApplyError;
use serde::{Deserialize, Serialize};
use tradewind_limits::{Ceiling, Held};
use tradewind_types::{
    AccountId, Author, BookId, DoneReason, Exposure, InstrumentId, OrderId, OrderKind, OrderState, OrderTerms, Price, Qty, Side,
    StateDigest, TimeInForce, Timestamp, TradeId, VenueOrderId,
};

/// Position of an order in the table.
pub(crate) type OrderIndex = u32;

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
    pub(crate) last_trade: Option<u32>,
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
            OrderState::Sent
            | OrderState::Open
            | OrderState::Amending { .. }
            | OrderState::Unknown { .. }
            | OrderState::Done { .. } => self.resting_state(),
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

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct AppliedTrade {
    trade: TradeId,
    previous: Option<u32>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Orders {
    table: Vec<Order>,
    epochs: Vec<Epoch>,
    live: LiveList,
    /// Trades of all orders, each linked to the previous one of the same order.
    trades: Vec<AppliedTrade>,
}

impl Default for Orders {
    fn default() -> Self {
        Self { table: Vec::new(), epochs: vec![Epoch { node: 0, epoch: 0, first: 0 }], live: LiveList::default(), trades: Vec::new() }
    }
}

/// Which orders live, oldest first: a list through a table beside the orders, so that one leaves it in constant time.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct LiveList {
    /// By order; [`NOBODY`] at the ends. Of an order that is over, nothing is read.
    links: Vec<Links>,
    oldest: OrderIndex,
    newest: OrderIndex,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Links {
    older: OrderIndex,
    newer: OrderIndex,
}

/// No order has this index: the table would have to hold 2^32.
const NOBODY: OrderIndex = OrderIndex::MAX;

impl Default for LiveList {
    fn default() -> Self {
        Self { links: Vec::new(), oldest: NOBODY, newest: NOBODY }
    }
}

impl LiveList {
    /// Adds the order that was just put into the table, the newest of all.
    #[inline]
    fn push(&mut self, index: OrderIndex) {
        self.links.push(Links { older: self.newest, newer: NOBODY });
        match self.links.get_mut(self.newest as usize) {
            Some(before) => before.newer = index,
            None => self.oldest = index,
        }
        self.newest = index;
    }

    #[inline]
    fn remove(&mut self, index: OrderIndex) {
        let Some(&Links { older, newer }) = self.links.get(index as usize) else { return };
        match self.links.get_mut(older as usize) {
            Some(before) => before.newer = newer,
            None => self.oldest = newer,
        }
        match self.links.get_mut(newer as usize) {
            Some(behind) => behind.older = older,
            None => self.newest = older,
        }
    }

    /// Puts an order back that was over: one that the venue had after all.
    #[cold]
    fn restore(&mut self, index: OrderIndex) {
        let mut older = self.newest;
        while older != NOBODY && older > index {
            older = self.links.get(older as usize).map_or(NOBODY, |links| links.older);
        }
        let newer = self.links.get(older as usize).map_or(self.oldest, |links| links.newer);
        if let Some(links) = self.links.get_mut(index as usize) {
            *links = Links { older, newer };
        }
        match self.links.get_mut(older as usize) {
            Some(before) => before.newer = index,
            None => self.oldest = index,
        }
        match self.links.get_mut(newer as usize) {
            Some(behind) => behind.older = index,
            None => self.newest = index,
        }
    }

    fn iter(&self) -> impl Iterator<Item = OrderIndex> + '_ {
        let mut next = self.oldest;
        std::iter::from_fn(move || {
            let index = next;
            next = self.links.get(index as usize)?.newer;
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

    pub(crate) fn start_epoch(&mut self, node: u16, epoch: u32) {
        let first = self.table.len() as OrderIndex;
        self.epochs.push(Epoch { node, epoch, first });
    }

    /// Takes memory for more orders, each with a trade, and touches it.
    pub(crate) fn prepare(&mut self, more: usize) {
        touch(&mut self.table, more, Order::blank());
        touch(&mut self.live.links, more, Links { older: NOBODY, newer: NOBODY });
        touch(&mut self.trades, more, AppliedTrade { trade: TradeId(0), previous: None });
    }

    /// The id of the next order.
    #[inline]
    pub(crate) fn next_id(&self) -> OrderId {
        let Epoch { node, epoch, first } = self.current();
        OrderId { node, epoch, counter: (self.table.len() - first as usize) as u64 + 1 }
    }

    #[inline]
    pub(crate) fn index_of(&self, id: OrderId) -> Option<OrderIndex> {
        let span = self.epochs.iter().rev().find(|e| e.epoch == id.epoch && e.node == id.node)?;
        let index = OrderIndex::try_from(id.counter.checked_sub(1)?.checked_add(u64::from(span.first))?).ok()?;
        (self.table.get(index as usize)?.id == id).then_some(index)
    }

    #[inline]
    pub(crate) fn get(&self, index: OrderIndex) -> Option<&Order> {
        self.table.get(index as usize)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: OrderIndex) -> Option<&mut Order> {
        self.table.get_mut(index as usize)
    }

    #[inline]
    pub(crate) fn find(&self, id: OrderId) -> Option<&Order> {
        self.get(self.index_of(id)?)
    }

    pub(crate) fn all(&self) -> &[Order] {
        &self.table
    }

    /// Live orders, oldest first.
    pub(crate) fn live(&self) -> impl Iterator<Item = &Order> {
        self.live.iter().filter_map(|index| self.get(index))
    }

    /// Adds a live order that holds nothing yet.
    pub(crate) fn push(&mut self, order: Order) -> Result<OrderIndex, ApplyError> {
        let expected = self.next_id();
        let index = OrderIndex::try_from(self.table.len()).unwrap_or(NOBODY);
        if order.id != expected || index == NOBODY {
            return Err(ApplyError::OrderOutOfTurn { expected, found: order.id });
        }
        self.table.push(order);
        self.live.push(index);
        Ok(index)
    }

    /// Brings the list of live orders into line after an order ended, or came back.
    #[inline]
    pub(crate) fn relist(&mut self, index: OrderIndex, is_live: bool) {
        if is_live { self.live.restore(index) } else { self.live.remove(index) }
    }

    /// Whether this trade was applied to the order. The order is part of the key, since the two sides of a self-trade share
    /// the venue's id.
    #[inline]
    pub(crate) fn has_trade(&self, order: &Order, trade: TradeId) -> bool {
        let mut next = order.last_trade;
        while let Some(applied) = next.and_then(|at| self.trades.get(at as usize)) {
            if applied.trade == trade {
                return true;
            }
            next = applied.previous;
        }
        false
    }

    #[inline]
    pub(crate) fn add_trade(&mut self, index: OrderIndex, trade: TradeId) {
        let at = self.trades.len() as u32;
        if let Some(order) = self.table.get_mut(index as usize) {
            self.trades.push(AppliedTrade { trade, previous: order.last_trade });
            order.last_trade = Some(at);
        }
    }

    pub(crate) fn digest(&self, digest: &mut StateDigest) {
        digest.unsigned(self.epochs.len() as u64);
        for e in &self.epochs {
            digest.unsigned(u64::from(e.node)).unsigned(u64::from(e.epoch)).unsigned(u64::from(e.first));
        }
        digest.unsigned(self.table.len() as u64);
        for order in &self.table {
            order.digest(digest);
            let mut next = order.last_trade;
            while let Some(applied) = next.and_then(|at| self.trades.get(at as usize)) {
                digest.bytes(&applied.trade.0.to_le_bytes());
                next = applied.previous;
            }
            digest.unsigned(u64::MAX);
        }
    }
}

/// Room for more, written to once, so that the system has handed it out before it is needed.
fn touch<T: Clone>(table: &mut Vec<T>, more: usize, blank: T) {
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
            last_trade: None,
        }
    }

    fn digest(&self, digest: &mut StateDigest) {
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
    }
}

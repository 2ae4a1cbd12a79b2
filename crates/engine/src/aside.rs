//! Orders that left the table and may not be forgotten yet: those that live long, and those that were over too late. So one
//! order that rests for a week keeps itself in memory, and not a week of orders.

use crate::orders::{Order, OrderIndex};
use crate::trades::NO_TRADE;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use tradewind_types::{Timestamp, TradeId};

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    order: Order,
    /// Newest last.
    trades: Vec<TradeId>,
    /// Under which time it is listed among those that are over.
    listed: Option<Timestamp>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Aside {
    orders: BTreeMap<OrderIndex, Kept>,
    /// Those that are over, the longest first.
    over: BTreeSet<(Timestamp, OrderIndex)>,
}

impl Aside {
    /// Keeps an order with its trades, newest first.
    pub(crate) fn keep(&mut self, index: OrderIndex, mut order: Order, mut trades: Vec<TradeId>) {
        trades.reverse();
        order.last_trade = NO_TRADE;
        self.orders.insert(index, Kept { order, trades, listed: None });
        self.relist(index);
    }

    /// Brings the list of those that are over into line with an order.
    pub(crate) fn relist(&mut self, index: OrderIndex) {
        let Some(kept) = self.orders.get_mut(&index) else { return };
        if let Some(at) = kept.listed.take() {
            self.over.remove(&(at, index));
        }
        if let Some(at) = kept.order.over_at {
            kept.listed = Some(at);
            self.over.insert((at, index));
        }
    }

    /// Forgets those that were over by then.
    pub(crate) fn forget(&mut self, over_by: Timestamp) {
        while let Some((at, index)) = self.over.first().copied()
            && at <= over_by
        {
            self.over.pop_first();
            self.orders.remove(&index);
        }
    }

    pub(crate) fn get(&self, index: OrderIndex) -> Option<&Order> {
        self.orders.get(&index).map(|kept| &kept.order)
    }

    pub(crate) fn get_mut(&mut self, index: OrderIndex) -> Option<&mut Order> {
        self.orders.get_mut(&index).map(|kept| &mut kept.order)
    }

    pub(crate) fn len(&self) -> usize {
        self.orders.len()
    }

    /// Oldest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Order> + Clone {
        self.orders.values().map(|kept| &kept.order)
    }

    /// Oldest first, each with its trades, newest first.
    pub(crate) fn with_trades(&self) -> impl Iterator<Item = (&Order, impl Iterator<Item = TradeId> + '_)> {
        self.orders.values().map(|kept| (&kept.order, kept.trades.iter().rev().copied()))
    }

    pub(crate) fn has_trade(&self, index: OrderIndex, trade: TradeId) -> bool {
        self.orders.get(&index).is_some_and(|kept| kept.trades.contains(&trade))
    }

    pub(crate) fn add_trade(&mut self, index: OrderIndex, trade: TradeId) {
        if let Some(kept) = self.orders.get_mut(&index) {
            kept.trades.push(trade);
        }
    }
}

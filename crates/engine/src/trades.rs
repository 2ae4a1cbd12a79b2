//! Trades that were applied, so that none is applied twice: in the order in which they came, each linked to the previous one of
//! the same order.

use crate::orders::{OrderIndex, touch};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use tradewind_types::TradeId;

/// The newest trade of an order without any.
pub(crate) const NO_TRADE: u64 = u64::MAX;

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct AppliedTrade {
    trade: TradeId,
    order: OrderIndex,
    previous: u64,
}

/// Counted from the first that was ever applied; the oldest are forgotten with their orders.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Trades {
    table: VecDeque<AppliedTrade>,
    first: u64,
}

impl Trades {
    pub(crate) fn prepare(&mut self, more: usize) {
        touch(&mut self.table, more, AppliedTrade { trade: TradeId(0), order: 0, previous: NO_TRADE });
    }

    /// The trades of an order, newest first.
    #[inline]
    pub(crate) fn of(&self, newest: u64) -> impl Iterator<Item = TradeId> + '_ {
        let mut next = newest;
        std::iter::from_fn(move || {
            let applied = self.table.get(next.wrapping_sub(self.first) as usize)?;
            next = applied.previous;
            Some(applied.trade)
        })
    }

    /// Adds a trade to an order whose newest was `previous`; what is its newest now.
    #[inline]
    pub(crate) fn add(&mut self, order: OrderIndex, trade: TradeId, previous: u64) -> u64 {
        self.table.push_back(AppliedTrade { trade, order, previous });
        self.first + (self.table.len() as u64 - 1)
    }

    /// Forgets the oldest trades, up to the first of an order that is this one or newer: none that is linked to is forgotten.
    pub(crate) fn forget_before(&mut self, order: OrderIndex) {
        while self.table.front().is_some_and(|applied| applied.order < order) {
            self.table.pop_front();
            self.first += 1;
        }
    }
}

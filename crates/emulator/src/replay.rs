//! A recorded book, kept alive by outsiders: they rest what was recorded, level by level, and take when it was traded.
//!
//! Where no client is at work the public book is the recorded one after every message. A client's order stands beside it in the
//! queue: behind what rested when it came, before what came later. What a client takes is missing until the next message about
//! that level, which puts it back; a recorded order that comes through a client's price trades with it, as the market would have.
//! A message's levels shrink before others grow, so that a book that moves does not meet itself.

use crate::house::House;
use std::collections::{BTreeMap, VecDeque};
use tradewind_exchange::{NewOrder, OUTSIDER_NODE};
use tradewind_types::{
    AccountId, InstrumentId, LevelChange, OrderId, OrderKind, Price, Qty, SelfTradePrevention, Side, TimeInForce, Timestamp,
};

/// Epoch of a replay's orders, apart from those of agents.
const EPOCH: u32 = 1;

/// One message of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// The whole book.
    Snapshot(Vec<LevelChange>),
    /// Levels that changed.
    Changes(Vec<LevelChange>),
    /// Somebody traded.
    Trade {
        /// At what price.
        price: Price,
        /// How much.
        qty: Qty,
        /// Who took.
        aggressor: Side,
    },
}

/// One instrument's recording on its way into a house's book.
#[derive(Clone, Debug)]
pub struct Replay {
    instrument: InstrumentId,
    owner: AccountId,
    messages: VecDeque<(Timestamp, Recorded)>,
    /// Orders that stand for a recorded level, the oldest first.
    levels: BTreeMap<(Side, Price), Vec<OrderId>>,
    orders: u64,
}

impl Replay {
    /// A recording of an instrument, by time; `owner` is an account that nobody else has, and each replay of a house needs its own.
    #[must_use]
    pub fn new(instrument: InstrumentId, owner: AccountId, messages: Vec<(Timestamp, Recorded)>) -> Self {
        Self { instrument, owner, messages: messages.into(), levels: BTreeMap::new(), orders: 0 }
    }

    /// What it is a recording of.
    #[must_use]
    pub const fn instrument(&self) -> InstrumentId {
        self.instrument
    }

    /// When the next message comes; none when all have come.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.messages.front().map(|(at, _)| *at)
    }

    /// Lets every message come whose time has come by `now`, each at its time.
    pub fn on_time(&mut self, now: Timestamp, house: &mut House) {
        while self.next_deadline().is_some_and(|at| at <= now)
            && let Some((at, message)) = self.messages.pop_front()
        {
            match message {
                Recorded::Snapshot(levels) => {
                    let kept = |side: Side, price: Price| levels.iter().any(|level| (level.side, level.price) == (side, price));
                    let gone: Vec<_> = self.levels.keys().copied().filter(|(side, price)| !kept(*side, *price)).collect();
                    gone.into_iter().for_each(|(side, price)| self.shrink(at, house, side, price, 0));
                    self.change(at, house, &levels);
                }
                Recorded::Changes(levels) => self.change(at, house, &levels),
                Recorded::Trade { price, qty, aggressor } => {
                    let _filled = self.enter(at, house, aggressor, price, qty.0, TimeInForce::ImmediateOrCancel);
                }
            }
        }
    }

    fn change(&mut self, at: Timestamp, house: &mut House, levels: &[LevelChange]) {
        for level in levels {
            self.shrink(at, house, level.side, level.price, level.qty.0);
        }
        for level in levels {
            let missing = level.qty.0 - self.standing(house, level.side, level.price);
            if missing > 0 {
                let order = self.enter(at, house, level.side, level.price, missing, TimeInForce::GoodTillCancelled);
                self.levels.entry((level.side, level.price)).or_default().extend(order);
            }
        }
    }

    /// What stands for a recorded level now.
    fn standing(&self, house: &House, side: Side, price: Price) -> i64 {
        let orders = self.levels.get(&(side, price)).map_or(&[][..], Vec::as_slice);
        orders.iter().filter_map(|order| house.outsider_left(self.instrument, *order)).map(|left| left.0).sum()
    }

    /// Takes back what is more than `most` at a level, the youngest first: who waits longest keeps its place.
    fn shrink(&mut self, at: Timestamp, house: &mut House, side: Side, price: Price, most: i64) {
        let mut excess = self.standing(house, side, price) - most;
        let mut orders = self.levels.remove(&(side, price)).unwrap_or_default();
        orders.retain(|order| house.outsider_left(self.instrument, *order).is_some());
        while excess > 0
            && let Some(order) = orders.pop()
        {
            let left = house.outsider_left(self.instrument, order).map_or(0, |left| left.0);
            if left > excess {
                house.outsider_reduces(at, self.instrument, order, Qty(left - excess)).ok();
                orders.push(order);
            } else {
                house.outsider_leaves(at, self.instrument, order).ok();
            }
            excess -= left;
        }
        if !orders.is_empty() {
            self.levels.insert((side, price), orders);
        }
    }

    /// An order of the recording; none where nothing of it rests.
    fn enter(&mut self, at: Timestamp, house: &mut House, side: Side, price: Price, qty: i64, time: TimeInForce) -> Option<OrderId> {
        self.orders += 1;
        let order = OrderId { node: OUTSIDER_NODE, epoch: EPOCH + self.instrument.0, counter: self.orders };
        // It takes what is its own where it trades, and clears its own stale levels where it rests.
        let self_trade = match time {
            TimeInForce::ImmediateOrCancel => SelfTradePrevention::Allow,
            _ => SelfTradePrevention::CancelOldest,
        };
        let kind = OrderKind::Limit { price };
        let new = NewOrder { order, owner: self.owner, self_trade, side, kind, time_in_force: time, qty: Qty(qty) };
        let placed = house.outsider_enters(at, self.instrument, &new);
        placed.ok().filter(|placed| placed.resting > Qty::ZERO).map(|_| order)
    }
}

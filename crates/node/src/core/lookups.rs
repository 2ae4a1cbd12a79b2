//! Orders to be asked about: those that nobody knows about, and those whose command has had no word for too long.

use super::Core;
use crate::health::Level;
use crate::keeping::Keeping;
use std::collections::{BTreeMap, VecDeque};
use tradewind_types::{Nanos, OrderId, OrderState, Timestamp, VenueReply};
use tradewind_venues::Ask;

/// A command without a word of the venue for so long is asked about.
const PATIENCE: Nanos = Nanos::from_secs(6);
const LONGEST_PAUSE: Nanos = Nanos::from_secs(20);

#[derive(Debug, Default)]
pub(super) struct Lookups {
    /// In order of time: when to see whether the order has been heard of.
    watched: VecDeque<(Timestamp, OrderId)>,
    /// Asked about until something is known: when next, and how often so far.
    open: BTreeMap<OrderId, (Timestamp, u32)>,
}

impl Lookups {
    pub(super) fn watch(&mut self, now: Timestamp, order: OrderId) {
        self.watched.push_back((now.plus(PATIENCE), order));
    }

    pub(super) fn ask(&mut self, order: OrderId, at: Timestamp) {
        self.open.entry(order).or_insert((at, 0));
    }

    /// Whether it is being asked about.
    pub(super) fn is_open(&self, order: OrderId) -> bool {
        self.open.contains_key(&order)
    }

    /// The venue has said that it will be known at this moment.
    pub(super) fn put_off(&mut self, order: OrderId, until: Timestamp) {
        if let Some((at, _)) = self.open.get_mut(&order) {
            *at = until;
        }
    }

    fn due(&mut self, now: Timestamp) -> Vec<OrderId> {
        self.open.iter().filter(|(_, (at, _))| *at <= now).map(|(order, _)| *order).collect()
    }

    fn asked(&mut self, order: OrderId, now: Timestamp) {
        if let Some((at, tries)) = self.open.get_mut(&order) {
            let pause = Nanos::from_millis(500).0.saturating_mul(1i64 << (*tries).min(8)).min(LONGEST_PAUSE.0);
            *at = now.plus(Nanos(pause));
            *tries += 1;
        }
    }
}

impl<K: Keeping> Core<K> {
    pub(super) fn look_up(&mut self) {
        while let Some((_, order)) = self.lookups.watched.front().copied().filter(|(at, _)| *at <= self.now) {
            self.lookups.watched.pop_front();
            if self.is_in_doubt(order) {
                self.lookups.ask(order, self.now);
            }
        }
        for order in self.lookups.due(self.now) {
            if !self.is_in_doubt(order) {
                self.lookups.open.remove(&order);
                continue;
            }
            let Some(instrument) = self.engine.state().order(order).map(|o| o.terms.instrument) else { continue };
            if let Some(house) = self.house_of(instrument).and_then(|place| self.houses.get_mut(place)) {
                if house.is_paper() {
                    self.lookups.open.remove(&order);
                    continue;
                }
                house.gateway.question(self.now, Ask::Order { order, instrument });
            }
            self.lookups.asked(order, self.now);
        }
    }

    /// The venue's records do not have the order.
    pub(super) fn on_no_such_order(&mut self, id: OrderId) {
        let Some(order) = self.engine.state().order(id) else { return };
        let (state, sent_at, is_live) = (order.state, order.sent_at, order.is_live());
        if !is_live {
            return;
        }
        let Some(lost_after) = self.house_of_order(id).and_then(|place| self.houses.get(place)).map(|h| h.gateway.lost_after()) else {
            return;
        };
        match state {
            OrderState::Unknown { until, .. } if self.now >= until => {
                self.say(
                    Level::Warning,
                    "order-not-found",
                    &id.to_string(),
                    "the venue's records do not have it, past its deadline".to_owned(),
                );
                self.control(tradewind_types::Control::Reply(VenueReply::NotFound { order: id }));
            }
            OrderState::Unknown { until, .. } => self.lookups.put_off(id, until),
            _ => {
                let until = sent_at.plus(lost_after).max(self.now);
                self.control(tradewind_types::Control::Reply(VenueReply::Lost { order: id, until }));
                self.lookups.put_off(id, until);
            }
        }
    }
}

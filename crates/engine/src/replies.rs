//! What a venue says about our orders. Nothing it says is lost, nothing is taken twice, and nothing it can say is a panic.

use crate::apply::LARGEST_POSTING;
use crate::engine::{Engine, Step};
use crate::orders::Order;
use crate::position::settlement;
use tradewind_types::{DoneReason, Fill, LimitScope, MoneyError, OrderState, Outcome, Settlement, Timestamp, VenueReply};

impl Engine {
    pub(crate) fn on_reply(&mut self, reply: &VenueReply, at: Timestamp, step: &mut Step) {
        let order = reply.order();
        let Some(known) = self.state.orders.find(order) else {
            self.commit(Outcome::Unrecognised { order, at }, at, step);
            if matches!(reply, VenueReply::Filled(_)) {
                // Money moved that we cannot book: neither instrument nor account is known. Trading on it would be blind.
                self.halt(LimitScope::Firm, at, step);
            }
            return;
        };
        let author = known.author;
        if let VenueReply::Filled(fill) = reply {
            self.on_fill(fill, at, step);
        } else if let Some(outcome) = meaning(known, reply, at) {
            self.commit(outcome, at, step);
        }
        self.follow_up(author, at, step);
    }

    fn on_fill(&mut self, fill: &Fill, at: Timestamp, step: &mut Step) {
        let orders = &self.state.orders;
        let Some((index, order)) = orders.index_of(fill.order).and_then(|index| Some((index, orders.get(index)?))) else { return };
        if orders.has_trade(index, fill.trade) {
            self.commit(Outcome::FillRepeated { order: fill.order, trade: fill.trade, at }, at, step);
            return;
        }
        let account = LimitScope::Account(order.terms.account);
        let Ok(settlement) = self.settle(order, fill) else {
            // A fill that cannot be booked is a breach: the input is in the journal, the account stops.
            self.halt(account, at, step);
            return;
        };
        let is_overfill = order.filled.plus(fill.qty).is_ok_and(|filled| filled > order.ceiling.qty());
        let is_booked = self.commit(Outcome::Filled { fill: *fill, settlement, at }, at, step);
        if is_booked && is_overfill {
            self.halt(account, at, step);
        }
    }

    /// The money of a fill, or why it cannot be booked.
    fn settle(&self, order: &Order, fill: &Fill) -> Result<Settlement, MoneyError> {
        let breach = |operation| MoneyError::Overflow { operation, left: i128::from(fill.qty.0), right: i128::from(fill.price.0) };
        let terms = &order.terms;
        let is_sound = fill.qty.0 > 0 && fill.price.0 > 0 && fill.stated_cash.is_none_or(|cash| cash.0 >= 0);
        if !is_sound || self.state.registry.asset(fill.fee.asset).is_none() {
            return Err(breach("book a malformed fill"));
        }
        order.filled.plus(fill.qty)?;
        let instrument = self.state.registry.instrument(terms.instrument).ok_or(breach("book a fill of an undefined instrument"))?;
        let settlement = settlement(instrument, self.state.leg(terms.account, terms.instrument, terms.exposure), terms.side, fill)?;
        let lots = terms.side.sign().wrapping_mul(fill.qty.0);
        let firm = self.state.firm_standing(terms.instrument).position;
        firm.checked_add(lots).ok_or(breach("add to the firm's position"))?;
        let stated = fill.stated_cash.unwrap_or_default();
        for amount in [settlement.base, settlement.cash, settlement.rounding, fill.fee.amount, stated] {
            if amount.0.unsigned_abs() > LARGEST_POSTING.unsigned_abs() {
                return Err(breach("post"));
            }
        }
        Ok(settlement)
    }
}

/// What a reply that moves no money means for an order as it is now; nothing, where it is old news or no evidence.
fn meaning(order: &Order, reply: &VenueReply, at: Timestamp) -> Option<Outcome> {
    let id = order.id;
    let is_lost_and_found = order.state == (OrderState::Done { reason: DoneReason::NeverArrived });
    match *reply {
        VenueReply::Accepted { venue_order, .. } => {
            let is_news = order.venue_order != Some(venue_order) || matches!(order.state, OrderState::Unknown { .. }) || is_lost_and_found;
            is_news.then_some(Outcome::Accepted { order: id, venue_order, at })
        }
        VenueReply::CancelRejected { reason, .. } => order.is_live().then_some(Outcome::CancelRejected { order: id, reason, at }),
        VenueReply::AmendRejected { reason, .. } => {
            let is_expected = order.is_live() && order.amendment.is_some();
            is_expected.then_some(Outcome::AmendRejected { order: id, reason, at })
        }
        VenueReply::Amended { price, qty, .. } => {
            let is_possible = order.is_live() && order.price().is_some() && price.0 > 0 && qty.0 > 0;
            is_possible.then_some(Outcome::Amended { order: id, price, qty, at })
        }
        VenueReply::Rejected { reason, .. } => order.is_live().then_some(Outcome::Rejected { order: id, reason, at }),
        VenueReply::Cancelled { .. } => order.is_live().then_some(Outcome::Cancelled { order: id, at }),
        VenueReply::Expired { .. } => order.is_live().then_some(Outcome::Expired { order: id, at }),
        VenueReply::Lost { until, .. } => match order.state {
            OrderState::Done { .. } => None,
            OrderState::Unknown { since, until: before } => (until > before).then_some(Outcome::BecameUnknown { order: id, since, until }),
            OrderState::Sent | OrderState::Open | OrderState::Amending { .. } | OrderState::Cancelling => {
                Some(Outcome::BecameUnknown { order: id, since: at, until })
            }
        },
        VenueReply::NotFound { .. } => match order.state {
            OrderState::Unknown { until, .. } if at >= until => Some(not_found(order, at)),
            _ => None,
        },
        VenueReply::Triggered { .. } => {
            let is_waiting = order.is_live() && order.terms.kind.trigger().is_some();
            is_waiting.then_some(Outcome::Triggered { order: id, at })
        }
        VenueReply::SelfTradePrevented { .. } => order.is_live().then_some(Outcome::SelfTradePrevented { order: id, at }),
        VenueReply::Filled(_) => None,
    }
}

/// An order that traded or was acknowledged did arrive; if the venue no longer has it, the venue ended it.
fn not_found(order: &Order, at: Timestamp) -> Outcome {
    if order.filled.0 > 0 || order.venue_order.is_some() {
        Outcome::Expired { order: order.id, at }
    } else {
        Outcome::NeverArrived { order: order.id, at }
    }
}

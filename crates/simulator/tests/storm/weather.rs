//! What goes wrong: the wire, the venue's doings and lies, the session's doubts, crashes.

use crate::storm::desk::{RECEIVE_WINDOW, venue_of};
use crate::storm::dice::{Dice, chosen, mixed};
use crate::storm::node::Breach;
use crate::storm::play::Storm;
use crate::storm::scenario::{Lie, What};
use crate::storm::story;
use crate::storm::venue::{Message, Status};
use crate::storm::wire::order_of;
use tradewind_engine::Order;
use tradewind_types::{
    Amount, AssetId, Control, Definition, FeeCharge, Fill, LimitScope, Liquidity, OrderId, OrderState, Price, Qty, RejectReason, TradeId,
    VenueId, VenueOrderId, VenueReply,
};

const fn stream(reply: VenueReply) -> Message {
    Message::new(reply, None, 0)
}

impl Storm {
    pub fn weather(&mut self, what: &What) -> Result<String, Breach> {
        match *what {
            What::RequestArrives { pick, dice } => Ok(self.request_arrives(pick, dice)),
            What::RequestLost { pick } => {
                let Some(at) = chosen(self.wire.requests.iter().map(|f| f.name), pick) else { return Ok(String::new()) };
                let lost = self.wire.requests.remove(at);
                Ok(self.tell(|| format!("lost on its way to the venue: {}", story::request(&lost.request))))
            }
            What::ReplyArrives { pick } => self.reply_arrives(pick),
            What::ReplyLost { pick } => {
                let Some(at) = chosen(self.wire.replies.iter().map(|m| m.name), pick) else { return Ok(String::new()) };
                let lost = self.wire.replies.remove(at);
                Ok(self.tell(|| format!("lost on its way to us: {}", story::reply(&lost.reply))))
            }
            What::ReplyRepeated { pick } => {
                let Some(at) = chosen(self.wire.replies.iter().map(|m| m.name), pick) else { return Ok(String::new()) };
                let copy = self.wire.replies[at];
                self.hear([copy]);
                Ok(self.tell(|| format!("will come twice: {}", story::reply(&copy.reply))))
            }
            What::FillRepeated { pick } => {
                let fills: Vec<Fill> = self.venue.orders.values().flat_map(|o| o.fills.iter().copied()).collect();
                let Some(at) = chosen(fills.iter().map(|fill| mixed(fill.price.0 as u64, fill.qty.0 as u64)), pick) else {
                    return Ok(String::new());
                };
                self.hear([stream(VenueReply::Filled(fills[at]))]);
                Ok(self.tell(|| format!("the venue repeats fill {} of {}", fills[at].trade.0, fills[at].order)))
            }
            What::VenueTrades { pick, qty, dice } => Ok(self.venue_trades(pick, qty, dice)),
            What::VenueEnds { pick, is_expiry } => {
                let open = self.venue.open();
                let said = self.picked(&open, pick).and_then(|order| self.venue.end(order, is_expiry));
                self.hear(said);
                Ok(self.tell(|| said.map_or_else(String::new, |m| format!("at the venue: {}", story::reply(&m.reply)))))
            }
            What::Timeout { pick } => match self.live_order(pick) {
                Some(order) => {
                    self.give_up(order)?;
                    Ok(self.tell(|| format!("no word of {order} in time")))
                }
                None => Ok(String::new()),
            },
            What::Query { pick } => match self.live_order(pick) {
                Some(order) => {
                    self.query(order)?;
                    Ok(self.tell(|| format!("the venue is asked about {order}")))
                }
                None => Ok(String::new()),
            },
            What::Funding { .. }
            | What::Forced { .. }
            | What::EventArrives { .. }
            | What::EventLost { .. }
            | What::EventRepeated { .. } => self.account(what),
            _ => self.disaster(what),
        }
    }

    /// What happens to accounts other than by orders, and the messages about it.
    fn account(&mut self, what: &What) -> Result<String, Breach> {
        let picked = |wire: &crate::storm::wire::Wire, pick| chosen(wire.events.iter().map(|(name, _)| *name), pick);
        match *what {
            What::Funding { instrument, account, amount } => {
                let event = self.venue.fund(instrument, account, amount);
                self.hear_events([event]);
            }
            What::Forced { instrument, account, side, qty, dice } => {
                let event = self.venue.force(instrument, account, side, qty, &mut Dice::new(dice));
                self.hear_events([event]);
            }
            What::EventArrives { pick } => {
                let Some(at) = picked(&self.wire, pick) else { return Ok(String::new()) };
                let (_, event) = self.wire.events.remove(at);
                self.control(Control::Account(event))?;
            }
            What::EventLost { pick } => {
                let Some(at) = picked(&self.wire, pick) else { return Ok(String::new()) };
                self.wire.events.remove(at);
            }
            What::EventRepeated { pick } => {
                let Some(at) = picked(&self.wire, pick) else { return Ok(String::new()) };
                let event = self.wire.events[at].1;
                self.hear_events([event]);
            }
            _ => {}
        }
        Ok(self.tell(|| story::told(what)))
    }

    /// Everything that happened to accounts is told again, as after a reconnect.
    pub fn hear_history(&mut self) {
        let history = self.venue.history.clone();
        self.hear_events(history);
    }

    fn disaster(&mut self, what: &What) -> Result<String, Breach> {
        match *what {
            What::Disconnect { venue, dice } => self.disconnect(venue, dice)?,
            What::Restart { dice } => {
                self.node.crash(dice)?;
                self.restart()?;
            }
            What::TearNextWrite { dice } => self.node.tear_next = Some(dice),
            What::PowerLoss { dice } => self.lose_power(dice)?,
            What::ClockStep { ns } => self.offset += ns,
            What::Lie(lie) => return self.lie(&lie),
            _ => {}
        }
        Ok(self.tell(|| story::told(what)))
    }

    fn request_arrives(&mut self, pick: u64, dice: u64) -> String {
        let Some(at) = chosen(self.wire.requests.iter().map(|f| f.name), pick) else { return String::new() };
        let flying = self.wire.requests.remove(at);
        let (is_late, stamp) = (self.now > flying.expires, self.local());
        let said = self.venue.on_request(flying.number, &flying.request, is_late, &mut Dice::new(dice), stamp);
        let words = self.tell(|| {
            let answers: Vec<String> = said.iter().map(|m| story::reply(&m.reply)).collect();
            format!("{} reaches the venue: {}", story::request(&flying.request), answers.join(", "))
        });
        self.hear(said);
        words
    }

    fn reply_arrives(&mut self, pick: u64) -> Result<String, Breach> {
        let Some(at) = chosen(self.wire.replies.iter().map(|m| m.name), pick) else { return Ok(String::new()) };
        let message = self.wire.replies.remove(at);
        if !self.wire.admits(&message) {
            return Ok(self.tell(|| format!("settled before, not passed on: {}", story::reply(&message.reply))));
        }
        self.reply(message.reply)?;
        Ok(self.tell(|| format!("reaches us: {}", story::reply(&message.reply))))
    }

    fn venue_trades(&mut self, pick: u64, qty: i64, dice: u64) -> String {
        let open = self.venue.open();
        let Some(order) = self.picked(&open, pick).and_then(|order| self.venue.orders.get(&order)) else { return String::new() };
        let (id, qty) = (order.id, qty.min(order.left()));
        let stamp = self.local();
        let said = self.venue.trade(id, qty, &mut Dice::new(dice), stamp);
        self.hear(said);
        self.tell(|| said.map_or_else(String::new, |m| format!("at the venue: {}", story::reply(&m.reply))))
    }

    /// The session stops waiting for word of an order.
    pub fn give_up(&mut self, order: OrderId) -> Result<(), Breach> {
        self.wire.give_up(order, self.now);
        self.reply(VenueReply::Lost { order, until: self.local().plus(tradewind_types::Nanos(RECEIVE_WINDOW)) })
    }

    /// The session asks the venue's records about an order and passes on what they say, in an order that makes sense.
    pub fn query(&mut self, order: OrderId) -> Result<(), Breach> {
        let Some(known) = self.node.engine.state().order(order).cloned() else { return Ok(()) };
        let Some(truth) = self.venue.orders.get(&order).cloned() else {
            if let Some(reason) = self.venue.refused.get(&order).copied() {
                return self.reply(VenueReply::Rejected { order, reason });
            }
            let is_no_evidence = matches!(known.state, OrderState::Unknown { until, .. } if self.local() < until);
            if is_no_evidence || self.wire.is_past_deadline(order, self.now) {
                self.reply(VenueReply::NotFound { order })?;
            }
            return Ok(());
        };
        self.wire.saw(order, truth.version);
        let mut said = Vec::new();
        let is_amended = truth.price.is_some() && (known.price(), known.terms.qty.0) != (truth.price, truth.qty);
        let is_over = truth.status != Status::Open;
        let is_settled = is_over || !self.wire.amend_is_open(order, self.now);
        if let (true, Some(price)) = (is_amended, truth.price) {
            said.push(VenueReply::Amended { order, price, qty: Qty(truth.qty) });
            if known.amendment.is_some_and(|asked| (asked.price, asked.qty.0) == (price, truth.qty)) {
                self.wire.settle_amend(order);
            }
        } else if known.amendment.is_some() && is_settled {
            self.wire.settle_amend(order);
            said.push(VenueReply::AmendRejected { order, reason: RejectReason::UnknownOrder });
        }
        said.push(VenueReply::Accepted { order, venue_order: truth.venue_order });
        if truth.terms.kind.trigger().is_some() && !truth.waits {
            said.push(VenueReply::Triggered { order });
        }
        let booked = &self.memory().booked;
        said.extend(truth.fills.iter().filter(|f| !booked.contains(&(order, f.trade))).map(|f| VenueReply::Filled(*f)));
        match truth.status {
            Status::Open | Status::Filled => {}
            Status::Cancelled => said.push(VenueReply::Cancelled { order }),
            Status::Expired => said.push(VenueReply::Expired { order }),
        }
        said.into_iter().try_for_each(|reply| self.reply(reply))
    }

    /// All replies of a venue that are under way are lost, its requests perhaps; after the reconnect its trade history is read.
    fn disconnect(&mut self, venue: VenueId, dice: u64) -> Result<(), Breach> {
        let mut dice = Dice::new(dice);
        let state = self.node.engine.state();
        let is_there = |order: OrderId| state.order(order).is_none_or(|o| venue_of(o.terms.instrument) == venue);
        self.wire.replies.retain(|message| !is_there(message.reply.order()));
        self.wire.requests.retain(|flying| !is_there(order_of(&flying.request)) || dice.one_in(2));
        let live: Vec<OrderId> = state.live_orders().map(|o| o.id).filter(|id| is_there(*id)).collect();
        let mut history = self.venue.fills_besides(&self.memory().booked);
        history.retain(|fill| is_there(fill.order));
        self.hear(history.into_iter().map(|fill| stream(VenueReply::Filled(fill))));
        self.hear_history();
        live.into_iter().try_for_each(|order| self.give_up(order))
    }

    /// A new life of the node: recover, raise the epoch, doubt everything that was in flight, read the venues' histories.
    pub fn restart(&mut self) -> Result<(), Breach> {
        *self.counts.entry("restart").or_default() += 1;
        self.node.recover()?;
        self.wire.restart();
        self.epoch += 1;
        self.define(Definition::Epoch { node: 7, epoch: self.epoch })?;
        if self.memory().epoch != self.epoch {
            return Err(Breach::new("a new life has a new epoch", format!("{} is still in force", self.memory().epoch)));
        }
        let lost = self.deposits.iter().skip(self.memory().deposits).cloned().collect::<Vec<_>>();
        lost.into_iter().try_for_each(|deposit| self.define(deposit))?;
        let live: Vec<_> = self.node.engine.state().live_orders().map(|o| (o.id, o.amendment.is_some())).collect();
        for (order, is_amending) in live {
            if is_amending {
                self.wire.assume_amend(order, self.now);
            }
            self.give_up(order)?;
        }
        let history = self.venue.fills_besides(&self.memory().booked);
        self.hear(history.into_iter().map(|fill| stream(VenueReply::Filled(fill))));
        self.hear_history();
        // One life in three begins blind.
        if self.epoch.is_multiple_of(3) { Ok(()) } else { self.look() }
    }

    /// Committed blocks may be gone. The order of a takeover makes it safe: the venue's dead-man timer fires, then we recover.
    fn lose_power(&mut self, dice: u64) -> Result<(), Breach> {
        *self.counts.entry("power cut").or_default() += 1;
        self.node.lose_power(dice, self.floor)?;
        self.now += RECEIVE_WINDOW + 1;
        self.venue.cancel_all();
        self.node.recover()?;
        let state = self.node.engine.state();
        let lost: Vec<OrderId> = self.wire.placed.iter().copied().filter(|id| state.order(*id).is_none()).collect();
        // Of these the journal has lost an amend: they may fill beyond what it knows, and then halt their account.
        let outgrown = |order: &&Order| self.venue.orders.get(&order.id).is_some_and(|there| there.qty > order.ceiling.qty().0);
        self.lied.extend(state.orders().filter(outgrown).map(|order| order.id));
        self.orphans.extend(lost);
        self.restart()
    }

    fn lie(&mut self, lie: &Lie) -> Result<String, Breach> {
        let at = self.local();
        match *lie {
            Lie::Overfill { pick, qty } => {
                let all: Vec<OrderId> = self.venue.orders.keys().copied().collect();
                let Some(order) = self.picked(&all, pick) else { return Ok(String::new()) };
                let left = self.venue.orders.get(&order).map_or(0, |o| o.left());
                self.lied.insert(order);
                let said = self.venue.trade(order, left + qty, &mut Dice::new(pick), at);
                self.hear(said);
                Ok(self.tell(|| format!("the venue lies: it fills {order} beyond its quantity, by {qty}")))
            }
            Lie::StrangeFill { dice } => {
                let fill = Fill { ts_venue: at, ..strange_fill(OrderId { node: 7, epoch: 900, counter: dice }, 0) };
                let torn = self.counts.get("torn write").copied();
                self.reply(VenueReply::Filled(fill))?;
                let is_heard = self.counts.get("torn write").copied() == torn;
                if is_heard && !self.memory().halted.contains(&LimitScope::Firm) {
                    return Err(Breach::new("money that cannot be booked halts the firm", format!("{fill:?}")));
                }
                Ok(self.tell(|| "the venue lies: it fills an order that was never sent".into()))
            }
            Lie::StrangeReply { dice } => {
                let order = OrderId { node: (dice % 9) as u16, epoch: (dice % 5) as u32, counter: dice };
                if self.node.engine.state().order(order).is_none() && !self.orphans.contains(&order) {
                    self.reply(if dice.is_multiple_of(2) {
                        VenueReply::Cancelled { order }
                    } else {
                        VenueReply::Accepted { order, venue_order: VenueOrderId(1) }
                    })?;
                }
                Ok(self.tell(|| format!("the venue lies: it speaks of {order}")))
            }
            Lie::MalformedFill { pick, kind } => match self.any_order(pick) {
                Some(order) => {
                    self.reply(VenueReply::Filled(strange_fill(order, kind + 1)))?;
                    Ok(self.tell(|| format!("the venue lies: a fill of {order} that cannot be")))
                }
                None => Ok(String::new()),
            },
            Lie::Denies { pick } => match self.live_order(pick) {
                Some(order) => {
                    self.lied.insert(order);
                    self.reply(VenueReply::Lost { order, until: at })?;
                    self.reply(VenueReply::NotFound { order })?;
                    Ok(self.tell(|| format!("the venue lies: it does not know {order}")))
                }
                None => Ok(String::new()),
            },
        }
    }
}

/// A sound fill for kind 0, else one that cannot be.
fn strange_fill(order: OrderId, kind: u64) -> Fill {
    let mut fill = Fill {
        order,
        trade: TradeId(u128::MAX - u128::from(kind)),
        price: Price(100),
        qty: Qty(1),
        liquidity: Liquidity::Taker,
        fee: FeeCharge { asset: AssetId(0), amount: Amount(0) },
        stated_cash: None,
        ts_venue: tradewind_types::Timestamp(0),
    };
    match kind {
        0 => {}
        1 => fill.qty = Qty(0),
        2 => fill.qty = Qty(-4),
        3 => fill.price = Price(0),
        4 => fill.fee.asset = AssetId(77),
        5 => fill.fee.amount = Amount(i128::MAX),
        _ => fill.stated_cash = Some(Amount(-5)),
    }
    fill
}

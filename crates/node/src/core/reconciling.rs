//! Comparing a venue's records with ours: at every start, and whenever its private news may have been missed.
//!
//! The accounts are halted, which cancels everything that lives. Then, in this order:
//! 1. Open orders, and by name every order of ours that the venue does not list as open. Records give orders their venue ids.
//! 2. Executions and funding since we last heard, of anybody's orders. Until they are read, whatever else the venue says of orders is
//!    kept back; then all of it is booked in the order of the venue's clock, each once: profit depends on the order.
//! 3. Records settle what is in doubt, until no order of ours lives there.
//! 4. Balances and positions, read at a moment when nothing moved. What the venue has more or less of than we do came from outside
//!    (a deposit, a fee, somebody's trade) and is adopted into the unassigned book; a position that no trade explains is not, and
//!    its account does not trade until a person has looked.
//! 5. The accounts trade again.

use super::houses::{House, Phase};
use super::{Core, amount_text};
use crate::health::Level;
use crate::keeping::Keeping;
use std::collections::{BTreeMap, BTreeSet};
use tradewind_types::{
    AccountEvent, AccountId, Amount, AssetId, Author, BookId, Control, Definition, Fill, InstrumentId, Intent, Nanos, OrderId, OrderState,
    Price, Qty, RejectReason, Timestamp, VenueReply,
};
use tradewind_venues::{Ask, ExecutionRecord, Market, Message, OrderOwner, OrderRecord, RecordState};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Links are coming up.
    Ahead,
    /// Open orders were asked for.
    Open,
    /// Orders of ours that are not among them were asked for by name.
    Named,
    /// Executions and funding were asked for.
    Executions,
    /// Orders of ours are being settled one by one.
    Settling,
    /// Balances and positions were asked for, at this count of activity.
    Holdings(u64),
}

#[derive(Debug)]
pub(super) struct Reconciliation {
    stage: Stage,
    since: Timestamp,
    waiting: BTreeSet<Ask>,
    failed: bool,
    foreign: usize,
    records: BTreeMap<OrderId, OrderRecord>,
    missing: BTreeSet<OrderId>,
    pub(super) balances: BTreeMap<(AccountId, AssetId), Amount>,
    pub(super) positions: BTreeMap<(AccountId, InstrumentId), i64>,
}

impl Reconciliation {
    /// One that begins when the links are up; what they say is kept back from now on.
    pub(super) const fn ahead(now: Timestamp) -> Self {
        Self {
            stage: Stage::Ahead,
            since: now,
            waiting: BTreeSet::new(),
            failed: false,
            foreign: 0,
            records: BTreeMap::new(),
            missing: BTreeSet::new(),
            balances: BTreeMap::new(),
            positions: BTreeMap::new(),
        }
    }

    /// Back to the beginning.
    pub(super) const fn begin_anew(&mut self) {
        self.stage = Stage::Ahead;
    }

    /// Whether executions are still to be read that may be older than what is said now.
    const fn is_behind(&self) -> bool {
        matches!(self.stage, Stage::Ahead | Stage::Open | Stage::Named | Stage::Executions)
    }
}

impl House {
    /// Takes a message that may not take effect before executions are read that may be older; whether it did.
    pub(super) fn keep_back(&mut self, now: Timestamp, message: &Message) -> bool {
        let is_reconciling = self.is_behind();
        if !is_reconciling && self.stash.is_empty() && self.unclaimed.is_empty() {
            return false;
        }
        let at = match message {
            // It may tell whose an execution is.
            Message::Reply(VenueReply::Accepted { .. }) if !is_reconciling => return false,
            Message::Reply(VenueReply::Filled(fill)) => fill.ts_venue,
            Message::Execution(record) => record.trade.ts_venue,
            Message::Account(AccountEvent::Traded(trade)) => trade.ts_venue,
            Message::Account(AccountEvent::Funding(payment)) => payment.ts_venue,
            // It was said after whatever it follows from.
            Message::Reply(_) | Message::Account(AccountEvent::TransferArrived { .. }) => now.plus(self.gateway.clock_offset()),
            Message::NoSuchOrder(order) if is_reconciling => {
                self.reconciliation.iter_mut().for_each(|r| {
                    r.missing.insert(*order);
                });
                return true;
            }
            _ => return false,
        };
        self.kept_back.push((at, message.clone()));
        true
    }

    /// Whether executions are still to be read that may be older than what is said now.
    fn is_behind(&self) -> bool {
        self.reconciliation.as_ref().is_some_and(Reconciliation::is_behind)
    }

    /// Whether nothing that was said still waits for something else.
    fn is_settled(&self) -> bool {
        self.stash.is_empty() && self.unclaimed.is_empty() && self.kept_back.is_empty()
    }

    /// What happened before this moment was heard.
    pub(super) fn heard_by(&self, now: Timestamp) -> Timestamp {
        if self.is_trading() { now } else { self.heard_until }
    }

    fn in_our_clock(&self, ts_venue: Timestamp) -> Timestamp {
        Timestamp(ts_venue.0.saturating_sub(self.gateway.clock_offset().0))
    }

    /// Whether what happened at this moment of the venue's was heard then, and its order may be forgotten since.
    pub(super) fn is_forgotten(&self, now: Timestamp, kept: Nanos, ts_venue: Timestamp) -> bool {
        let at = self.in_our_clock(ts_venue);
        at <= self.heard_by(now).plus(CLOCKS_WITHIN) && at.plus(kept) <= now.plus(OVERLAP)
    }

    /// From when on the venue's records are read for what happened since a moment of ours. Where the venue is ahead of us nothing is
    /// added: our clock may have been set back since that moment, and reading too much costs pages, too little costs fills.
    fn records_since(&self, ours: Timestamp) -> Timestamp {
        let behind = Nanos(self.gateway.clock_offset().0.min(0));
        Timestamp(ours.plus(behind).0.saturating_sub(OVERLAP.0))
    }

    /// What was kept back, in the order of the venue's clock.
    fn in_order(&mut self) -> Vec<Message> {
        let mut kept = std::mem::take(&mut self.kept_back);
        kept.sort_by_key(|(at, _)| *at);
        kept.into_iter().map(|(_, message)| message).collect()
    }
}

/// Executions are asked for from a little before we last heard: clocks differ, and records appear late.
const OVERLAP: Nanos = Nanos::from_secs(120);
/// Clocks agree this well.
const CLOCKS_WITHIN: Nanos = Nanos::from_secs(5);
/// A stage that is not through by then begins anew.
const STAGE_WITHIN: Nanos = Nanos::from_secs(30);
/// One that the venue refused to answer begins anew after so long.
const RETRY_AFTER: Nanos = Nanos::from_secs(2);

impl<K: Keeping> Core<K> {
    pub(super) fn begin_reconciling(&mut self, place: usize) {
        self.halt_house(place);
        let now = self.now;
        let Some(house) = self.houses.get_mut(place) else { return };
        house.phase = Phase::Reconciling;
        house.why_not = "comparing its records with ours".to_owned();
        let waiting: BTreeSet<Ask> = house.accounts.keys().map(|market| Ask::OpenOrders { market: *market, cursor: None }).collect();
        for ask in waiting.clone() {
            house.gateway.question(now, ask);
        }
        house.reconciliation = Some(Reconciliation { stage: Stage::Open, waiting, ..Reconciliation::ahead(now) });
    }

    /// A question about the venue's records has its answer, or none.
    pub(super) fn on_record_answered(&mut self, place: usize, ask: &Ask, is_good: bool) {
        if let Ask::Fills { instrument, .. } = ask {
            self.settle_stash(place, *instrument, is_good);
        }
        if let Some(reconciliation) = self.houses.get_mut(place).and_then(|house| house.reconciliation.as_mut())
            && reconciliation.waiting.remove(ask)
        {
            reconciliation.failed |= !is_good;
            self.go_on_reconciling(place);
        }
    }

    pub(super) fn go_on_reconciling(&mut self, place: usize) {
        let now = self.now;
        let Some(house) = self.houses.get_mut(place) else { return };
        let Some(reconciliation) = &mut house.reconciliation else { return };
        let within = if reconciliation.failed { RETRY_AFTER } else { STAGE_WITHIN };
        if now.since(reconciliation.since) > within {
            house.why_not = "its records could not be compared in time; trying again".to_owned();
            self.begin_reconciling(place);
            return;
        }
        if reconciliation.failed || !reconciliation.waiting.is_empty() {
            return;
        }
        match reconciliation.stage {
            Stage::Ahead => {}
            Stage::Open => self.ask_named(place),
            Stage::Named => self.ask_executions(place),
            Stage::Settling => {
                let live = self.live_orders_of(place);
                if live.is_empty() && self.houses.get(place).is_some_and(House::is_settled) {
                    self.ask_holdings(place);
                }
                // An order that stands open in spite of the halt is cancelled again.
                for order in live {
                    if self.engine.state().order(order).is_some_and(|o| o.state == OrderState::Open) {
                        self.decide(Author::Operator, 0, Intent::Cancel { order });
                    }
                }
            }
            Stage::Executions => self.settle_all(place),
            Stage::Holdings(activity) => {
                if self.houses.get(place).is_some_and(|house| house.activity == activity) {
                    self.compare_holdings(place);
                } else {
                    self.ask_holdings(place);
                }
            }
        }
    }

    fn live_orders_of(&self, place: usize) -> Vec<OrderId> {
        let state = self.engine.state();
        state.live_orders().filter(|o| self.house_of(o.terms.instrument) == Some(place)).map(|o| o.id).collect()
    }

    /// Orders of ours that the venue does not list as open are asked for by name.
    fn ask_named(&mut self, place: usize) {
        let now = self.now;
        let live = self.live_orders_of(place);
        let state = self.engine.state();
        let Some(house) = self.houses.get_mut(place) else { return };
        let Some(reconciliation) = &mut house.reconciliation else { return };
        let unlisted = live.into_iter().filter(|order| !reconciliation.records.contains_key(order));
        let asks: BTreeSet<Ask> =
            unlisted.filter_map(|order| Some(Ask::Order { order, instrument: state.order(order)?.terms.instrument })).collect();
        (reconciliation.stage, reconciliation.waiting, reconciliation.since) = (Stage::Named, asks.clone(), now);
        for ask in asks {
            house.gateway.question(now, ask);
        }
        self.go_on_reconciling(place);
    }

    /// Everything is known: it is booked in order, and what is in doubt is settled.
    fn settle_all(&mut self, place: usize) {
        let now = self.now;
        let Some(house) = self.houses.get_mut(place) else { return };
        let Some(reconciliation) = &mut house.reconciliation else { return };
        (reconciliation.stage, reconciliation.since) = (Stage::Settling, now);
        let records = std::mem::take(&mut reconciliation.records);
        let missing = std::mem::take(&mut reconciliation.missing);
        self.book_kept_back(place);
        for record in records.values() {
            self.on_order_record(place, record);
        }
        for order in missing {
            self.on_no_such_order(order);
        }
        for order in self.live_orders_of(place) {
            self.lookups.ask(order, now.plus(Nanos::from_secs(1)));
        }
        self.go_on_reconciling(place);
    }

    /// Unless something older is still to come.
    fn book_kept_back(&mut self, place: usize) {
        if self.houses.get(place).is_none_or(|house| house.is_behind() || !house.stash.is_empty() || !house.unclaimed.is_empty()) {
            return;
        }
        let messages = self.houses.get_mut(place).map(House::in_order).unwrap_or_default();
        for message in messages {
            self.on_private(place, &message);
        }
    }

    fn ask_executions(&mut self, place: usize) {
        let now = self.now;
        let Some(house) = self.houses.get_mut(place) else { return };
        let since = house.records_since(house.heard_until);
        let mut waiting = BTreeSet::new();
        for instrument in house.instruments.clone() {
            waiting.insert(Ask::Fills { instrument, since, cursor: None });
            if house.gateway.offers(&Ask::Funding { instrument, since, cursor: None }, now) {
                waiting.insert(Ask::Funding { instrument, since, cursor: None });
            }
        }
        if let Some(reconciliation) = &mut house.reconciliation {
            (reconciliation.stage, reconciliation.waiting, reconciliation.since) = (Stage::Executions, waiting.clone(), now);
        }
        for ask in waiting {
            house.gateway.question(now, ask);
        }
        self.go_on_reconciling(place);
    }

    /// An execution by the venue's records, which name only their own order. While an order of ours whose id there is not known could
    /// be the one, it is nobody's yet. One that was heard when it happened, so long ago that its order may be forgotten, is left out.
    pub(super) fn on_execution(&mut self, place: usize, record: &ExecutionRecord) {
        let instrument = record.trade.instrument;
        let state = self.engine.state();
        let of_it = |o: &&tradewind_engine::Order| {
            let is_it = match o.venue_order {
                Some(id) => id == record.venue_order,
                // Its fills were heard, its acknowledgement never.
                None => o.terms.side == record.trade.side && state.has_trade(o.id, record.trade.trade),
            };
            is_it && o.terms.instrument == instrument
        };
        let owner = state.orders().rev().find(of_it).map(|o| o.id);
        let (now, kept) = (self.now, self.config.node.orders_kept());
        let Some(house) = self.houses.get_mut(place) else { return };
        house.activity += 1;
        let sent_by = house.in_our_clock(record.trade.ts_venue).plus(CLOCKS_WITHIN);
        let could_be_it = |o: &tradewind_engine::Order| o.terms.instrument == instrument && o.venue_order.is_none() && o.sent_at <= sent_by;
        let could_be_ours = state.live_orders().any(could_be_it);
        match owner {
            Some(order) => {
                let fill = Fill { order, liquidity: record.liquidity, ..record.trade.as_fill() };
                self.control(Control::Reply(VenueReply::Filled(fill)));
            }
            None if could_be_ours => house.unclaimed.push(*record),
            None if house.is_forgotten(now, kept, record.trade.ts_venue) => {}
            None => self.control(Control::Account(AccountEvent::Traded(record.trade))),
        }
    }

    /// Whose the executions were that could have been ours, and what waited behind them.
    pub(super) fn claim(&mut self, place: usize) {
        let Some(house) = self.houses.get_mut(place) else { return };
        if house.unclaimed.is_empty() {
            return;
        }
        for record in std::mem::take(&mut house.unclaimed) {
            self.on_execution(place, &record);
        }
        self.book_kept_back(place);
    }

    fn ask_holdings(&mut self, place: usize) {
        let now = self.now;
        let Some(house) = self.houses.get_mut(place) else { return };
        let activity = house.activity;
        // Markets that share an account share its wallet.
        let mut asked = BTreeSet::new();
        let wallets =
            house.accounts.iter().filter(|(_, account)| asked.insert(**account)).map(|(market, _)| Ask::Balances { market: *market });
        let mut waiting: BTreeSet<Ask> = wallets.collect();
        let derivatives = house.accounts.keys().filter(|market| **market != Market::Spot);
        waiting.extend(derivatives.map(|market| Ask::Positions { market: *market, cursor: None }));
        for ask in waiting.clone() {
            house.gateway.question(now, ask);
        }
        if let Some(reconciliation) = &mut house.reconciliation {
            reconciliation.balances.clear();
            reconciliation.positions.clear();
            (reconciliation.stage, reconciliation.waiting, reconciliation.since) = (Stage::Holdings(activity), waiting, now);
        }
    }

    fn compare_holdings(&mut self, place: usize) {
        let Some(house) = self.houses.get_mut(place) else { return };
        let Some(reconciliation) = house.reconciliation.take() else { return };
        let venue = house.gateway.venue();
        let accounts: BTreeSet<AccountId> = house.accounts.values().copied().collect();
        let instruments = house.instruments.clone();
        let markets = house.accounts.clone();
        if reconciliation.foreign > 0 {
            self.say(
                Level::Warning,
                "foreign-orders",
                venue,
                format!("{} open orders there are not ours; they are left alone", reconciliation.foreign),
            );
        }
        for asset in self.assets() {
            for account in &accounts {
                let stated = reconciliation.balances.get(&(*account, asset.id)).copied().unwrap_or_default();
                self.adopt_balance(venue, *account, asset.id, stated);
            }
        }
        let mut unexplained = Vec::new();
        for instrument in instruments {
            let Some(account) = self.account_of(&markets, instrument) else { continue };
            let ours = self.engine.state().position(account, instrument).lots;
            let theirs = reconciliation.positions.get(&(account, instrument)).copied().unwrap_or_default();
            if ours != theirs && !self.is_spot(instrument) {
                unexplained.push(format!("{}: {theirs} lots at the venue, {ours} in the journal", self.symbol(instrument)));
            }
        }
        if unexplained.is_empty() {
            self.resume_house(place);
        } else {
            let why = format!("positions that no trade explains ({}); close them there, then start again", unexplained.join("; "));
            self.refuse_house(place, why);
        }
    }

    fn adopt_balance(&mut self, venue: &'static str, account: AccountId, asset: AssetId, stated: Amount) {
        let ours = self.engine.state().balance(account, asset);
        let Ok(difference) = stated.minus(ours) else { return };
        if difference == Amount::ZERO {
            return;
        }
        let (symbol, scale) = self.engine.state().registry().asset(asset).map(|a| (a.symbol.clone(), a.scale)).unwrap_or_default();
        let (name, amount) = (self.account_name(account), amount_text(difference, scale));
        let text = format!("{name}: {amount} {symbol} came from outside; adopted into the unassigned book");
        self.say(Level::Info, "balance-adopted", venue, text);
        self.control(Control::Define(Definition::Deposit { account, book: BookId::UNASSIGNED, asset, amount: difference }));
    }

    /// An order by the venue's records: now, or when executions are read that may be older.
    pub(super) fn take_order_record(&mut self, place: usize, record: &OrderRecord) {
        if !self.keep_record(place, record) {
            self.on_order_record(place, record);
        }
    }

    /// An order by the venue's records, while what the venue says is kept back; whether it is.
    fn keep_record(&mut self, place: usize, record: &OrderRecord) -> bool {
        let Some(reconciliation) = self.houses.get_mut(place).and_then(|house| house.reconciliation.as_mut()) else { return false };
        let OrderOwner::Ours(id) = record.owner else { return false };
        if !reconciliation.is_behind() {
            return false;
        }
        reconciliation.records.insert(id, record.clone());
        if self.engine.state().order(id).is_some_and(|order| order.venue_order.is_none()) {
            // Executions may name the order by the venue's id alone.
            self.control(Control::Reply(VenueReply::Accepted { order: id, venue_order: record.venue_order }));
        }
        true
    }

    /// An order by the venue's records.
    fn on_order_record(&mut self, place: usize, record: &OrderRecord) {
        let OrderOwner::Ours(id) = &record.owner else {
            self.count_foreign(place);
            return;
        };
        if id.node != self.config.node.id {
            self.count_foreign(place);
            return;
        }
        let Some(order) = self.engine.state().order(*id) else {
            if record.state == RecordState::Open {
                let why = format!("order {id} is open there and unknown to the journal; use `tradewind kill`, then start again");
                self.refuse_house(place, why);
            }
            return;
        };
        if record.filled > order.filled {
            let (instrument, since) = (order.terms.instrument, order.sent_at);
            if order.venue_order.is_none() {
                // Executions may name the order by the venue's id alone.
                self.control(Control::Reply(VenueReply::Accepted { order: *id, venue_order: record.venue_order }));
            }
            self.fetch_fills(place, instrument, since, record.clone());
            return;
        }
        self.settle(record);
    }

    fn count_foreign(&mut self, place: usize) {
        if let Some(reconciliation) = self.houses.get_mut(place).and_then(|house| house.reconciliation.as_mut()) {
            reconciliation.foreign += 1;
        }
    }

    /// The record tells of fills that we have not seen: they come first, so that nothing of the order's exposure is let go of early.
    fn fetch_fills(&mut self, place: usize, instrument: InstrumentId, since: Timestamp, record: OrderRecord) {
        let now = self.now;
        let Some(house) = self.houses.get_mut(place) else { return };
        let OrderOwner::Ours(id) = record.owner else { return };
        let since = house.records_since(since);
        if house.stash.insert(id, record).is_none() {
            house.gateway.question(now, Ask::Fills { instrument, since, cursor: None });
        }
    }

    /// Fills of an instrument were read: records that waited for them are settled; one whose fills are not there yet is asked for
    /// again by its lookup.
    fn settle_stash(&mut self, place: usize, instrument: InstrumentId, is_good: bool) {
        let Some(house) = self.houses.get_mut(place) else { return };
        let of_it = |record: &OrderRecord| record.instrument == instrument;
        let ids: Vec<OrderId> = house.stash.iter().filter(|(_, record)| of_it(record)).map(|(id, _)| *id).collect();
        let records: Vec<OrderRecord> = ids.iter().filter_map(|id| house.stash.remove(id)).collect();
        self.book_kept_back(place);
        for record in records {
            let OrderOwner::Ours(id) = record.owner else { continue };
            let is_complete = self.engine.state().order(id).is_none_or(|order| order.filled >= record.filled);
            if is_good && is_complete {
                self.settle(&record);
            } else {
                self.lookups.ask(id, self.now.plus(Nanos::from_secs(1)));
            }
        }
    }

    /// Every fill that a record tells of is booked: what else it says can be.
    fn settle(&mut self, record: &OrderRecord) {
        let OrderOwner::Ours(id) = record.owner else { return };
        let order = id;
        let reply = |core: &mut Self, reply| core.control(Control::Reply(reply));
        match record.state {
            RecordState::Open => self.settle_open(id, record),
            RecordState::Filled => {
                // An amend that was on its way came too late.
                let is_live = |core: &Self| core.engine.state().order(order).is_some_and(tradewind_engine::Order::is_live);
                if is_live(self) {
                    reply(self, VenueReply::AmendRejected { order, reason: RejectReason::UnknownOrder });
                }
                if is_live(self) {
                    reply(self, VenueReply::Cancelled { order });
                }
            }
            RecordState::Cancelled => reply(self, VenueReply::Cancelled { order }),
            RecordState::Expired => reply(self, VenueReply::Expired { order }),
            RecordState::Rejected(reason) => reply(self, VenueReply::Rejected { order, reason }),
        }
    }

    /// An order stands open. A record that was pushed says nothing of an amend or cancel that is still on its way; one that was asked
    /// for, once the command can no longer arrive, says that it did not.
    fn settle_open(&mut self, id: OrderId, record: &OrderRecord) {
        let Some(order) = self.engine.state().order(id) else { return };
        let (state, amendment, terms) = (order.state, order.amendment, (order.price(), order.terms.qty));
        let is_asked = self.lookups.is_open(id);
        let is_as = |price: Option<Price>, qty: Qty| {
            (record.price.is_none() || record.price == price) && (record.qty == Qty::ZERO || record.qty == qty)
        };
        let reply = |core: &mut Self, reply| core.control(Control::Reply(reply));
        match (amendment, state) {
            (Some(amend), _) if is_as(Some(amend.price), amend.qty) => {
                reply(self, VenueReply::Amended { order: id, price: amend.price, qty: amend.qty });
            }
            (Some(_), OrderState::Unknown { until, .. }) if is_asked && self.now < until => {
                self.lookups.put_off(id, until);
                return;
            }
            (Some(_), OrderState::Unknown { .. }) if is_asked => {
                reply(self, VenueReply::AmendRejected { order: id, reason: RejectReason::NoMarket });
            }
            (Some(_), _) if is_asked => {
                let house = self.house_of_order(id).and_then(|place| self.houses.get(place));
                let until = self.now.plus(house.map_or(Nanos(0), |house| house.gateway.lost_after()));
                reply(self, VenueReply::Lost { order: id, until });
                self.lookups.put_off(id, until);
                return;
            }
            (None, _) if is_asked && !is_as(terms.0, terms.1) => {
                if let Some(price) = record.price.or(terms.0) {
                    let qty = if record.qty == Qty::ZERO { terms.1 } else { record.qty };
                    reply(self, VenueReply::Amended { order: id, price, qty });
                }
            }
            (Some(_) | None, _) => {}
        }
        reply(self, VenueReply::Accepted { order: id, venue_order: record.venue_order });
        if state == OrderState::Cancelling && is_asked {
            // The cancel did not arrive. It can be sent again: it changes nothing twice.
            reply(self, VenueReply::CancelRejected { order: id, reason: RejectReason::NoMarket });
            self.decide(Author::Operator, 0, Intent::Cancel { order: id });
        }
    }
}

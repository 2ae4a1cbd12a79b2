//! One venue at a time: what it is doing, and what it says.

use super::{Core, Mode};
use crate::config::{Config, VenueConfig, VenueName};
use crate::health::Level;
use crate::keeping::Keeping;
use crate::paper::{PaperVenue, funding_due, funding_payment};
use std::collections::BTreeMap;
use tradewind_simulator::Wake;
use tradewind_types::{
    AccountEvent, AccountId, Control, FundingPayment, Histogram, InstrumentId, LimitScope, Mark, MarketEvent, Nanos, OperatorCommand,
    OrderId, Stamp, Timestamp, VenueId, VenueReply,
};
use tradewind_venues::{Ask, ExecutionRecord, Gateway, Inbox, LinkId, ListedInstrument, Market, Message, Notice, Purpose, Submission};

use super::reconciling::Reconciliation;

/// Where a venue is on its way to trading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Asked what is listed; so many questions have no answer.
    Discovering { left: usize, failed: bool },
    /// What was asked had no good answer: asked again at this moment.
    Rediscovering(Timestamp),
    /// Links are coming up.
    Opening,
    /// Its records are being compared with ours.
    Reconciling,
    /// It trades.
    Trading,
    /// It will not trade in this life.
    Refused,
}

impl Phase {
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Phase::Discovering { .. } | Phase::Rediscovering(_) => "discovering",
            Phase::Opening => "opening",
            Phase::Reconciling => "reconciling",
            Phase::Trading => "trading",
            Phase::Refused => "refused",
        }
    }
}

/// Figures of a venue.
#[derive(Debug, Default)]
pub(super) struct Figures {
    pub(super) market_messages: u64,
    pub(super) private_messages: u64,
    pub(super) last_market: Option<Timestamp>,
    pub(super) gaps: u64,
    pub(super) unread: u64,
    pub(super) rejects: u64,
    pub(super) losses: BTreeMap<LinkId, u64>,
    pub(super) feed_latency: Histogram,
    pub(super) answer_latency: Histogram,
}

pub(super) struct House {
    pub(super) venue: VenueId,
    pub(super) config: VenueConfig,
    pub(super) gateway: Gateway,
    pub(super) paper: Option<PaperVenue>,
    pub(super) phase: Phase,
    pub(super) why_not: String,
    pub(super) listed: Vec<ListedInstrument>,
    pub(super) accounts: BTreeMap<Market, AccountId>,
    pub(super) instruments: Vec<InstrumentId>,
    /// What the venue said before this moment was heard.
    pub(super) heard_until: Timestamp,
    pub(super) reconciliation: Option<Reconciliation>,
    /// Records whose fills are still to come, by instrument.
    pub(super) stash: BTreeMap<OrderId, tradewind_venues::OrderRecord>,
    /// What waits for older executions to be read, by the venue's clock.
    pub(super) kept_back: Vec<(Timestamp, Message)>,
    /// Executions of an order that could be one of ours whose id there is not known.
    pub(super) unclaimed: Vec<ExecutionRecord>,
    /// Counts everything that moved money or an order, so that records can be told to be of a quiet moment.
    pub(super) activity: u64,
    /// Last mark of each derivative of a paper venue.
    pub(super) marks: BTreeMap<InstrumentId, Mark>,
    pub(super) figures: Figures,
    /// Commands of the step that is being taken.
    pub(super) leaving: Vec<Submission>,
}

/// A venue that has nothing good to say is asked again after so long.
const ASK_AGAIN: Nanos = Nanos::from_secs(5);

impl House {
    pub(super) fn all(config: &Config, gateways: Vec<Gateway>, heard_until: impl Fn(VenueName) -> Timestamp) -> Vec<Self> {
        let house = |(config, gateway): (&VenueConfig, Gateway)| {
            let phase = discovering(&gateway);
            Self {
                venue: config.name.id(),
                config: config.clone(),
                gateway,
                paper: None,
                phase,
                why_not: "asking what is listed".to_owned(),
                listed: Vec::new(),
                accounts: BTreeMap::new(),
                instruments: Vec::new(),
                heard_until: heard_until(config.name),
                reconciliation: None,
                stash: BTreeMap::new(),
                kept_back: Vec::new(),
                unclaimed: Vec::new(),
                activity: 0,
                marks: BTreeMap::new(),
                figures: Figures::default(),
                leaving: Vec::new(),
            }
        };
        config.venues.iter().zip(gateways).map(house).collect()
    }

    pub(super) fn is_trading(&self) -> bool {
        self.phase == Phase::Trading
    }

    pub(super) const fn is_paper(&self) -> bool {
        self.paper.is_some()
    }

    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        [self.gateway.next_deadline(), self.paper.as_ref().and_then(PaperVenue::next_deadline)].into_iter().flatten().min()
    }

    /// Commands leave in the order they were decided in.
    pub(super) fn submit(&mut self, now: Timestamp) {
        match &mut self.paper {
            Some(paper) => self.leaving.drain(..).for_each(|submission| paper.submit(now, *submission.request())),
            None => self.gateway.submit(now, &mut self.leaving),
        }
    }

    /// Whether the links that orders and their news need are up.
    pub(super) fn can_trade(&self) -> bool {
        self.is_paper() || (self.gateway.is_up(Purpose::Private) && self.gateway.is_up(Purpose::Orders))
    }

    pub(super) fn link_purpose(&self, link: LinkId) -> Option<(&'static str, Purpose)> {
        self.gateway.link_states().find(|(id, ..)| *id == link).map(|(_, name, purpose, _)| (name, purpose))
    }
}

fn discovering(gateway: &Gateway) -> Phase {
    let rights = usize::from(gateway.access() == tradewind_venues::Access::Private);
    Phase::Discovering { left: gateway.markets().len() + rights, failed: false }
}

impl<K: Keeping> Core<K> {
    /// Takes what a venue has said; whether it said anything.
    #[inline]
    pub(super) fn hear(&mut self, place: usize) -> bool {
        let Some(house) = self.houses.get_mut(place) else { return false };
        let (inbox, notices) = house.gateway.take_news();
        let is_news = !inbox.messages.is_empty() || !notices.is_empty();
        for message in &inbox.messages {
            self.on_message(place, message, &inbox);
        }
        for notice in &notices {
            self.on_notice(place, notice);
        }
        if let Some(house) = self.houses.get_mut(place) {
            house.gateway.give_back(inbox, notices);
        }
        is_news
    }

    #[inline]
    fn on_message(&mut self, place: usize, message: &Message, inbox: &Inbox) {
        match message {
            Message::Depth { ts_venue, instrument, kind, sequence, changes } => {
                let update = inbox.update(*instrument, *kind, *sequence, *changes);
                self.on_market(place, *ts_venue, MarketEvent::Depth(update));
                self.wake_all(&Wake::Book(*instrument));
            }
            Message::Trade(ts_venue, trade) => {
                self.on_market(place, *ts_venue, MarketEvent::Trade(*trade));
                self.wake_all(&Wake::Trade(*trade));
            }
            Message::Quote(ts_venue, quote) => self.on_market(place, *ts_venue, MarketEvent::Quote(*quote)),
            Message::Bar(ts_venue, bar) => {
                self.on_market(place, *ts_venue, MarketEvent::Bar(*bar));
                self.wake_all(&Wake::Bar(*bar));
            }
            Message::Mark(ts_venue, mark) => self.on_market(place, *ts_venue, MarketEvent::Mark(*mark)),
            other => self.on_private(place, other),
        }
    }

    pub(super) fn on_private(&mut self, place: usize, message: &Message) {
        let now = self.now;
        let Some(house) = self.houses.get_mut(place) else { return };
        house.figures.private_messages += 1;
        if house.keep_back(now, message) {
            return;
        }
        match message {
            Message::Reply(reply) => self.on_reply(place, reply),
            Message::Account(event) => {
                house.activity += 1;
                self.control(Control::Account(*event));
            }
            Message::Execution(record) => self.on_execution(place, record),
            Message::Order(record) => self.take_order_record(place, record),
            Message::NoSuchOrder(order) => self.on_no_such_order(*order),
            Message::Balance(record) => {
                if let Some(reconciliation) = &mut house.reconciliation {
                    reconciliation.balances.insert((record.account, record.asset), record.total);
                }
            }
            Message::Position(record) => {
                if let Some(reconciliation) = &mut house.reconciliation {
                    reconciliation.positions.insert((record.account, record.instrument), record.lots);
                }
            }
            // Levels between two ticks were left out of a book: it is incomplete there.
            Message::OffGrid { .. } => house.figures.unread += 1,
            Message::Listed(listed) => house.listed.push((**listed).clone()),
            Message::Rights(rights) => {
                if rights.withdraw {
                    self.refuse_house(place, "the key may withdraw money; make one that may only trade and read".to_owned());
                } else if !rights.trade {
                    self.refuse_house(place, "the key may not trade".to_owned());
                }
            }
            _ => {}
        }
    }

    #[inline]
    fn on_market(&mut self, place: usize, ts_venue: Timestamp, event: MarketEvent<'_>) {
        let now = self.now;
        let Some(house) = self.houses.get_mut(place) else { return };
        // The venue's clock in ours, at the latest now; a message without a time is of now.
        let ts_venue = match ts_venue {
            Timestamp(0) => now,
            stated => Timestamp(stated.0.saturating_sub(house.gateway.clock_offset().0)).min(now),
        };
        let stamp = Stamp { ts_venue, ts_local: now };
        house.figures.market_messages += 1;
        house.figures.last_market = Some(now);
        house.figures.feed_latency.add(now.since(ts_venue));
        let mut due = None;
        if let Some(paper) = &mut house.paper {
            paper.on_market(stamp, &event);
            if let MarketEvent::Mark(mark) = event {
                due = funding_due(house.marks.insert(mark.instrument, mark), &mark);
            }
        }
        self.market(stamp, event);
        if let Some(mark) = due {
            self.fund_paper_position(place, &mark);
        }
    }

    /// A paper venue charges funding when the venue's own falls due.
    fn fund_paper_position(&mut self, place: usize, mark: &Mark) {
        let Some(accounts) = self.houses.get(place).map(|house| house.accounts.clone()) else { return };
        let Some(account) = self.account_of(&accounts, mark.instrument) else { return };
        let state = self.engine.state();
        let lots = state.position(account, mark.instrument).lots;
        let Some(instrument) = state.registry().instrument(mark.instrument).filter(|_| lots != 0) else { return };
        match funding_payment(instrument, lots, mark) {
            Ok(amount) => {
                let (rate, ts_venue) = (mark.funding_rate, mark.next_funding);
                let payment = FundingPayment { account, instrument: mark.instrument, rate, mark: mark.mark, amount, ts_venue };
                self.control(Control::Account(AccountEvent::Funding(payment)));
            }
            Err(error) => self.say(Level::Error, "funding-not-charged", "", error.to_string()),
        }
    }

    /// What became of a paper order.
    pub(super) fn hear_paper(&mut self) {
        for place in 0..self.houses.len() {
            let now = self.now;
            if let Some(paper) = self.houses.get_mut(place).and_then(|house| house.paper.as_mut()) {
                paper.on_time(now);
            }
            while let Some(reply) =
                self.houses.get_mut(place).and_then(|house| house.paper.as_mut()).and_then(|paper| paper.next_reply(now))
            {
                self.on_reply(place, &reply);
            }
        }
    }

    /// What a venue says of an order of ours. One that lives or trades there and is not in the state is either none of this journal,
    /// or over for so long that it was forgotten: comparing records tells which, and finds what it moved.
    fn on_reply(&mut self, place: usize, reply: &VenueReply) {
        let order = reply.order();
        if self.engine.state().order(order).is_some() {
            self.control(Control::Reply(*reply));
            return;
        }
        let (now, is_ours) = (self.now, order.node == self.config.node.id);
        let kept = self.config.node.orders_kept();
        let Some(house) = self.houses.get_mut(place) else { return };
        house.activity += 1;
        let is_news = match (reply, &house.phase) {
            (VenueReply::Filled(fill), Phase::Trading) => !house.is_forgotten(now, kept, fill.ts_venue),
            // What was open when records were asked for is among them; this came later.
            (VenueReply::Accepted { .. }, Phase::Trading | Phase::Reconciling) => true,
            _ => false,
        };
        if is_ours && is_news {
            self.stop_trusting(place);
            self.say(Level::Warning, "unknown-order", &order.to_string(), "it moves at the venue and is not in the state".to_owned());
            self.begin_reconciling(place);
        }
    }

    fn on_notice(&mut self, place: usize, notice: &Notice) {
        let Some(house) = self.houses.get_mut(place) else { return };
        let venue = house.gateway.venue();
        match notice {
            Notice::Up(link) => {
                let name = house.link_purpose(*link).map_or("", |(name, _)| name);
                self.say(Level::Info, "link-up", venue, name.to_owned());
            }
            Notice::Down { link, why } => {
                *house.figures.losses.entry(*link).or_default() += 1;
                let (name, purpose) = house.link_purpose(*link).unwrap_or(("", Purpose::Public));
                self.say(Level::Warning, "link-down", venue, format!("{name}: {why}"));
                if purpose != Purpose::Public {
                    self.lose_touch(place, name);
                }
            }
            Notice::Unread { link, error } => {
                house.figures.unread += 1;
                let (name, purpose) = house.link_purpose(*link).unwrap_or(("", Purpose::Public));
                self.say(Level::Error, "unread", venue, format!("{name}: {error}"));
                if purpose != Purpose::Public {
                    self.lose_touch(place, name);
                }
            }
            Notice::Answer(after) => house.figures.answer_latency.add(*after),
            Notice::Reply(VenueReply::Lost { order, until }) => {
                // An order that left may arrive until its venue would no longer take it, whatever was said of it meanwhile.
                let lost_after = house.gateway.lost_after();
                let placed = self.engine.state().order(*order).map(|o| o.sent_at.plus(lost_after));
                let until = placed.map_or(*until, |at| at.max(*until));
                self.control(Control::Reply(VenueReply::Lost { order: *order, until }));
            }
            Notice::Reply(reply) => self.control(Control::Reply(*reply)),
            Notice::Answered { ask, outcome, .. } => {
                if let Err(failure) = outcome {
                    self.say(Level::Warning, "not-answered", venue, format!("{}: {failure}", crate::core::word(ask)));
                }
                self.on_answered(place, ask, outcome.is_ok());
            }
        }
    }

    fn on_answered(&mut self, place: usize, ask: &Ask, is_good: bool) {
        let Some(house) = self.houses.get_mut(place) else { return };
        match (ask, &mut house.phase) {
            (Ask::Instruments { .. } | Ask::KeyRights, Phase::Discovering { left, failed }) => {
                *left = left.saturating_sub(1);
                *failed |= !is_good;
                if *left == 0 {
                    let again = *failed;
                    self.on_discovered(place, again);
                }
            }
            // A book that is still without trust is asked for again when books are looked at: not at once, for a venue that is in
            // trouble would be asked as fast as it can refuse.
            (Ask::Depth { .. }, _) => {}
            _ => self.on_record_answered(place, ask, is_good),
        }
    }

    fn on_discovered(&mut self, place: usize, again: bool) {
        let now = self.now;
        let Some(house) = self.houses.get_mut(place) else { return };
        if again {
            house.listed.clear();
            house.why_not = "the venue did not say what is listed or what the key may do".to_owned();
            house.phase = Phase::Rediscovering(now.plus(ASK_AGAIN));
            return;
        }
        match self.define_house(place) {
            Err(why) => self.refuse_house(place, why),
            Ok(directory) => {
                if let Some(house) = self.houses.get_mut(place) {
                    house.phase = Phase::Opening;
                    house.why_not = "links are coming up".to_owned();
                    house.gateway.open(now, directory);
                    house.reconciliation = (self.mode == Mode::Live).then(|| Reconciliation::ahead(now));
                }
                if self.mode == Mode::Paper {
                    self.open_paper(place);
                }
            }
        }
    }

    /// It will not trade in this life; the reason is printed, and what lives there is cancelled.
    pub(super) fn refuse_house(&mut self, place: usize, why: String) {
        self.stop_trusting(place);
        let Some(house) = self.houses.get_mut(place) else { return };
        house.phase = Phase::Refused;
        house.reconciliation = None;
        house.why_not.clone_from(&why);
        let venue = house.gateway.venue();
        self.say(Level::Error, "venue-refused", venue, why);
        self.halt_house(place);
    }

    /// Orders and their news cannot be trusted to reach us: its accounts do not trade until they are reconciled.
    fn lose_touch(&mut self, place: usize, link: &str) {
        let now = self.now;
        let Some(house) = self.houses.get_mut(place) else { return };
        if !matches!(house.phase, Phase::Trading | Phase::Reconciling) || house.is_paper() {
            return;
        }
        self.stop_trusting(place);
        let Some(house) = self.houses.get_mut(place) else { return };
        house.phase = Phase::Opening;
        house.reconciliation.get_or_insert_with(|| Reconciliation::ahead(now)).begin_anew();
        house.why_not = format!("{link} is down or was not understood");
        self.halt_house(place);
    }

    /// Its news may be missed from now on, if they were not before: whoever looks at its records begins here, in a later life too.
    fn stop_trusting(&mut self, place: usize) {
        let now = self.now;
        let Some(house) = self.houses.get_mut(place).filter(|house| house.is_trading()) else { return };
        house.heard_until = now;
        let name = house.config.name;
        self.note_unheard(name, Some(now));
    }

    fn note_unheard(&mut self, venue: VenueName, since: Option<Timestamp>) {
        if self.mode == Mode::Live
            && let Err(error) = self.keeping.unheard(venue, since)
        {
            self.fail(&error);
        }
    }

    pub(super) fn halt_house(&mut self, place: usize) {
        let accounts: Vec<AccountId> = self.houses.get(place).map(|house| house.accounts.values().copied().collect()).unwrap_or_default();
        accounts.into_iter().for_each(|account| self.halt(LimitScope::Account(account)));
    }

    /// It trades, or trades again.
    pub(super) fn resume_house(&mut self, place: usize) {
        let now = self.now;
        let Some(house) = self.houses.get_mut(place) else { return };
        house.phase = Phase::Trading;
        house.why_not.clear();
        house.reconciliation = None;
        let venue = house.gateway.venue();
        if let (Some(seconds), false) = (house.config.dead_man_s, house.is_paper()) {
            house.gateway.arm_dead_man(now, Nanos::from_secs(i64::from(seconds)));
        }
        let (name, accounts): (_, Vec<AccountId>) = (house.config.name, house.accounts.values().copied().collect());
        self.note_unheard(name, None);
        for account in accounts {
            self.control(Control::Operator(OperatorCommand::Resume { scope: LimitScope::Account(account) }));
        }
        self.say(Level::Info, "trading", venue, "orders, fills, balances and positions agree with the venue's records".to_owned());
    }

    /// A book lost its trust: it is made good again.
    pub(super) fn on_book_lost(&mut self, instrument: InstrumentId) {
        let now = self.now;
        let Some(house) = self.house_of(instrument).and_then(|place| self.houses.get_mut(place)) else { return };
        house.figures.gaps += 1;
        house.gateway.refresh_book(now, instrument);
    }

    pub(super) fn look_at_houses(&mut self) {
        for place in 0..self.houses.len() {
            let now = self.now;
            self.claim(place);
            let Some(house) = self.houses.get_mut(place) else { continue };
            match house.phase {
                Phase::Rediscovering(at) if at <= now => {
                    house.phase = discovering(&house.gateway);
                    house.gateway.discover(now);
                }
                Phase::Opening if house.can_trade() => {
                    if house.is_paper() {
                        self.resume_house(place);
                    } else {
                        self.begin_reconciling(place);
                    }
                }
                Phase::Reconciling => self.go_on_reconciling(place),
                _ => {}
            }
        }
        self.look_at_books();
    }

    /// A book without trust whose snapshot was lost is asked for again.
    fn look_at_books(&mut self) {
        let now = self.now;
        let engine = &self.engine;
        for house in &mut self.houses {
            if !house.gateway.is_up(Purpose::Public) {
                continue;
            }
            for instrument in house.instruments.clone() {
                let book = engine.market(instrument).book();
                if book.is_some_and(|book| book.status() != tradewind_book::BookStatus::Valid) {
                    house.gateway.refresh_book(now, instrument);
                }
            }
        }
    }

    pub(super) fn note_activity(&mut self, order: OrderId) {
        if let Some(house) = self.house_of_order(order).and_then(|place| self.houses.get_mut(place)) {
            house.activity += 1;
        }
    }
}

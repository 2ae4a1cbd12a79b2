//! A storm in progress: plays events on the node, the wire and the venue, and holds everything against the laws.

use crate::storm::desk::{BNB, BTC, INSTRUMENTS, INVERSE, LINEAR, RECEIVE_WINDOW, SPOT, START, USDT, WALLET, definitions};
use crate::storm::dice::{chosen, mixed};
use crate::storm::laws;
use crate::storm::market::Seen;
use crate::storm::memory::Memory;
use crate::storm::node::{Breach, Node};
use crate::storm::scenario::{Decider, Event, Scenario, Shape, What, Wish};
use crate::storm::story::{Line, brief, kind_of, told};
use crate::storm::venue::{Accounts, Message, Venue};
use crate::storm::wire::Wire;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tradewind_types::{
    AccountEvent, AlgoId, AlgoSpec, Amount, Author, BookId, BracketParameters, Control, Definition, DepthKind, Exposure, Input,
    InstrumentId, Intent, Nanos, OperatorCommand, OrderId, OrderKind, OrderState, OrderTerms, Outcome, Price, Qty, QuotingParameters,
    Timestamp, Trigger, TriggerSource, VenueReply,
};

/// How a storm ended.
pub enum Weathered {
    /// Every law held; how often what happened.
    Calm(BTreeMap<&'static str, u64>),
    /// A law was broken.
    Broken { breach: Breach, story: Vec<Line> },
}

/// A storm in progress.
pub struct Storm {
    pub node: Node,
    pub venue: Venue,
    pub wire: Wire,
    /// True time since the start, ns; never runs backwards.
    pub now: i64,
    /// How far our clock is from it.
    pub offset: i64,
    /// Orders that the venue has lied about.
    pub lied: BTreeSet<OrderId>,
    /// Orders that a power cut took from the journal.
    pub orphans: BTreeSet<OrderId>,
    pub seen: Vec<Seen>,
    /// The epoch as the lease has it, which no torn journal can take back.
    pub epoch: u32,
    /// Deposits made, in order.
    pub deposits: Vec<Definition>,
    /// Where the journal's beginning ends, which a power cut leaves alone.
    pub floor: u64,
    /// The event that is being played, and how many things it has brought about.
    event: (u64, u64),
    /// By which events pick orders.
    names: BTreeMap<OrderId, u64>,
    update: u64,
    algos: u32,
    amends_asked: BTreeSet<(OrderId, i64, i64)>,
    /// How often what happened.
    pub counts: BTreeMap<&'static str, u64>,
    /// What happened, if anybody wants to know.
    pub story: Option<Vec<Line>>,
    outcomes: Vec<Outcome>,
}

impl Storm {
    pub fn begin(scenario: &Scenario, path: &Path, story: Option<Vec<Line>>) -> Result<Self, Breach> {
        let mut storm = Self {
            node: Node::start(path, scenario.commit_every, scenario.small_blocks)?,
            venue: Venue::new(),
            wire: Wire::default(),
            now: 0,
            offset: 0,
            lied: BTreeSet::new(),
            orphans: BTreeSet::new(),
            seen: Vec::new(),
            epoch: 1,
            deposits: Vec::new(),
            floor: 0,
            event: (0, 0),
            names: BTreeMap::new(),
            update: 10,
            algos: 0,
            amends_asked: BTreeSet::new(),
            counts: BTreeMap::new(),
            story,
            outcomes: Vec::new(),
        };
        for definition in definitions() {
            storm.define(definition)?;
        }
        storm.define(Definition::Epoch { node: 7, epoch: 1 })?;
        let (usdt, btc) = scenario.wallet;
        for (account, book, asset, amount) in [
            (WALLET, BookId(1), USDT, usdt),
            (WALLET, BookId(2), BTC, btc),
            (WALLET, BookId(1), BNB, 50_000_000),
            (crate::storm::desk::MARGIN, BookId(1), USDT, 1_000_000_000_000),
            (crate::storm::desk::MARGIN, BookId(3), BTC, 1_000_000_000),
            (crate::storm::desk::SUB_ACCOUNT, BookId(2), USDT, 1_000_000_000_000),
        ] {
            storm.deposit(Definition::Deposit { account, book, asset, amount: Amount(i128::from(amount)) })?;
        }
        for settings in &scenario.limits {
            storm.define(Definition::Limits(*settings))?;
        }
        storm.look()?;
        storm.floor = storm.node.settle()?;
        Ok(storm)
    }

    pub const fn local(&self) -> Timestamp {
        Timestamp(START + self.now + self.offset)
    }

    pub const fn memory(&self) -> &Memory {
        &self.node.memory
    }

    /// The venue's accounts without what only it knows.
    pub fn known_truth(&self) -> Accounts {
        let mut accounts = self.venue.accounts.clone();
        for order in self.orphans.iter().filter_map(|id| self.venue.orders.get(id)) {
            order.fills.iter().for_each(|fill| accounts.post(&order.terms, fill, -1));
        }
        accounts
    }

    pub fn play(&mut self, event: &Event) -> Result<(), Breach> {
        self.now += event.wait_ns;
        self.event = (event.name, 0);
        self.outcomes.clear();
        let at = self.local();
        let played = self.perform(&event.what).and_then(|told| laws::check(self, &[]).map(|()| told));
        if let Some(story) = &mut self.story {
            let outcomes: Vec<String> = self.outcomes.iter().map(brief).collect();
            let what = played.as_ref().map_or_else(|_| told(&event.what), |text| text.clone());
            if !outcomes.is_empty() || !what.is_empty() {
                story.push(Line { at_ns: at.0 - START, what, outcomes });
            }
        }
        played.map(|_| ())
    }

    /// Words for the story, only where there is one.
    pub fn tell(&self, words: impl FnOnce() -> String) -> String {
        if self.story.is_some() { words() } else { String::new() }
    }

    fn perform(&mut self, what: &What) -> Result<String, Breach> {
        match *what {
            What::Place(wish) => self.place(&wish),
            What::Amend { pick, offset, qty } => self.amend(pick, offset, qty),
            What::Cancel { pick } => match self.likely_order(pick) {
                Some(order) => {
                    self.decide(Author::Operator, Timestamp::MAX, Intent::Cancel { order })?;
                    Ok(self.tell(|| format!("operator wants to cancel {order}")))
                }
                None => Ok(String::new()),
            },
            What::CancelAll { book } => {
                self.decide(Author::Strategy(book), Timestamp::MAX, Intent::CancelAll { book })?;
                Ok(self.tell(|| told(what)))
            }
            What::Garbage { kind, pick } => self.garbage(kind, pick),
            What::StartTwap { .. } | What::StartQuoting { .. } | What::StartImmediate { .. } | What::StartBracket { .. } => {
                self.start_algo(what)
            }
            What::StopAlgo { pick } => {
                let algo = AlgoId((pick % u64::from(self.algos.max(1))) as u32);
                self.control(Control::StopAlgo { algo })?;
                Ok(self.tell(|| format!("algo {algo} shall stop")))
            }
            What::SetParameters { pick, qty, half_spread } => {
                let algo = AlgoId((pick % u64::from(self.algos.max(1))) as u32);
                let parameters = quoting(qty, half_spread, 900_000);
                self.control(Control::SetParameters { algo, version: pick, parameters })?;
                Ok(self.tell(|| format!("algo {algo} shall quote {qty} lots at {half_spread} half ticks")))
            }
            What::Timer => self.fire(),
            What::Halt { scope } => {
                self.control(Control::Operator(OperatorCommand::Halt { scope }))?;
                Ok(self.tell(|| told(what)))
            }
            What::Resume { pick } => {
                let halted: Vec<_> = self.memory().halted.iter().copied().collect();
                let Some(scope) = (!halted.is_empty()).then(|| halted[pick as usize % halted.len()]) else { return Ok(String::new()) };
                self.control(Control::Operator(OperatorCommand::Resume { scope }))?;
                Ok(self.tell(|| format!("operator resumes {scope:?}")))
            }
            What::Limit(settings) => self.define(Definition::Limits(settings)).map(|()| self.tell(|| told(what))),
            What::Deposit { account, book, asset, amount } => {
                self.deposit(Definition::Deposit { account, book, asset, amount: Amount(i128::from(amount)) })?;
                Ok(self.tell(|| told(what)))
            }
            What::Quote { .. } | What::Print { .. } | What::Bar { .. } | What::Depth { .. } => self.market(what),
            _ => self.weather(what),
        }
    }

    /// One input to the node; what leaves goes on the wire, and every law is checked.
    pub fn control(&mut self, control: Control) -> Result<(), Breach> {
        let at = self.local();
        self.input(&Input::Control { at, control: &control }, None)
    }

    pub fn reply(&mut self, reply: VenueReply) -> Result<(), Breach> {
        self.control(Control::Reply(reply))
    }

    fn input(&mut self, input: &Input<'_>, market: Option<u64>) -> Result<(), Breach> {
        let given = self.node.give(input, market)?;
        for outcome in &given.outcomes {
            *self.counts.entry(kind_of(outcome)).or_default() += 1;
            if let Outcome::OrderSent { order, .. } = outcome {
                let name = self.new_name();
                self.names.insert(*order, name);
            }
        }
        for request in given.requests {
            let name = self.new_name();
            self.wire.send(request, self.now, name);
        }
        let from = self.outcomes.len();
        self.outcomes.extend(given.outcomes);
        if given.is_torn {
            *self.counts.entry("torn write").or_default() += 1;
            return self.restart();
        }
        laws::check(self, &self.outcomes[from..])
    }

    fn new_name(&mut self) -> u64 {
        self.event.1 += 1;
        mixed(self.event.0, self.event.1)
    }

    /// The venue says something.
    pub fn hear(&mut self, said: impl IntoIterator<Item = Message>) {
        for message in said {
            let name = self.new_name();
            self.wire.replies.push(Message { name, ..message });
        }
    }

    /// The venue says something about accounts.
    pub fn hear_events(&mut self, said: impl IntoIterator<Item = AccountEvent>) {
        for event in said {
            let name = self.new_name();
            self.wire.events.push((name, event));
        }
    }

    /// The order that a pick means.
    pub fn picked(&self, among: &[OrderId], pick: u64) -> Option<OrderId> {
        chosen(among.iter().map(|id| self.names.get(id).copied().unwrap_or(0)), pick | 1).map(|at| among[at])
    }

    pub fn define(&mut self, definition: Definition) -> Result<(), Breach> {
        self.control(Control::Define(definition))
    }

    fn deposit(&mut self, definition: Definition) -> Result<(), Breach> {
        if let Definition::Deposit { account, book, asset, amount } = definition {
            self.venue.accounts.deposit(account, book, asset, amount.0);
        }
        self.deposits.push(definition.clone());
        self.define(definition)
    }

    pub fn decide(&mut self, author: Author, valid_until: Timestamp, intent: Intent) -> Result<(), Breach> {
        self.control(Control::Decision { author, model: 1, valid_until, intent })
    }

    /// Mostly one of the latest orders that were ever sent.
    pub fn any_order(&self, pick: u64) -> Option<OrderId> {
        let orders = self.node.engine.state().orders();
        let sent = orders.clone().count();
        let latest = if pick.is_multiple_of(5) { sent } else { sent.min(8) };
        let among: Vec<OrderId> = orders.skip(sent - latest).map(|o| o.id).collect();
        self.picked(&among, pick)
    }

    /// Mostly an order that works, as a person would choose; sometimes one of the others.
    fn likely_order(&self, pick: u64) -> Option<OrderId> {
        let works = |o: &&tradewind_engine::Order| o.state == OrderState::Open;
        let working: Vec<OrderId> = self.node.engine.state().live_orders().filter(works).map(|o| o.id).collect();
        if pick.is_multiple_of(6) {
            return self.any_order(pick);
        }
        if working.is_empty() {
            return self.live_order(pick);
        }
        self.picked(&working, pick)
    }

    pub fn live_order(&self, pick: u64) -> Option<OrderId> {
        let live: Vec<OrderId> = self.node.engine.state().live_orders().map(|o| o.id).collect();
        self.picked(&live, pick)
    }

    fn place(&mut self, wish: &Wish) -> Result<String, Breach> {
        let price = wish.offset.map(|offset| Price((self.venue.mid(wish.instrument) + offset).max(1)));
        let terms = OrderTerms {
            instrument: wish.instrument,
            account: wish.account,
            book: wish.book,
            side: wish.side,
            kind: self.kind_of(wish, price),
            time_in_force: wish.time_in_force,
            qty: Qty(wish.qty),
            exposure: Exposure::Any,
        };
        let (author, valid_until) = match wish.by {
            Decider::Operator => (Author::Operator, Timestamp::MAX),
            Decider::Strategy => (Author::Strategy(wish.book), self.local().plus(Nanos::from_secs(1))),
            Decider::Stranger => (Author::Strategy(BookId(wish.book.0 + 1)), Timestamp::MAX),
            Decider::Latecomer => (Author::Strategy(wish.book), Timestamp(self.local().0 - 1)),
        };
        let sent = self.counts.get("OrderSent").copied();
        self.decide(author, valid_until, Intent::Place(terms))?;
        if matches!(wish.by, Decider::Stranger | Decider::Latecomer) && self.counts.get("OrderSent").copied() != sent {
            return Err(Breach::new("late and foreign decisions are refused", format!("{wish:?}")));
        }
        Ok(self.tell(|| told(&What::Place(*wish))))
    }

    fn kind_of(&self, wish: &Wish, price: Option<Price>) -> OrderKind {
        let (mid, rising) = (self.venue.mid(wish.instrument), wish.side.sign());
        let trigger = |at: i64| Trigger { price: Price(at.max(1)), source: TriggerSource::Last };
        match (wish.shape, price) {
            (Shape::Stop { away }, None) => OrderKind::Stop { trigger: trigger(mid + rising * away) },
            (Shape::Stop { away }, Some(price)) => OrderKind::StopLimit { trigger: trigger(mid + rising * away), price },
            (Shape::TakeProfit { away }, None) => OrderKind::TakeProfit { trigger: trigger(mid - rising * away) },
            (Shape::TakeProfit { away }, Some(price)) => OrderKind::TakeProfitLimit { trigger: trigger(mid - rising * away), price },
            (Shape::Iceberg { display }, Some(price)) => OrderKind::Iceberg { price, display: Qty(display) },
            (Shape::Plain, Some(price)) => OrderKind::Limit { price },
            (Shape::Plain | Shape::Iceberg { .. }, None) => OrderKind::Market,
        }
    }

    /// An amend to terms that the order has not had before: replies about amends are told apart by them.
    fn amend(&mut self, pick: u64, offset: i64, qty: i64) -> Result<String, Breach> {
        let Some(order) = self.likely_order(pick) else { return Ok(String::new()) };
        let known = self.node.engine.state().order(order);
        let Some((terms, now)) = known.map(|o| (o.terms, o.price())) else { return Ok(String::new()) };
        let price = Price((self.venue.mid(terms.instrument) + offset).max(1));
        if (now, terms.qty.0) == (Some(price), qty) || !self.amends_asked.insert((order, price.0, qty)) {
            return Ok(String::new());
        }
        self.decide(Author::Operator, Timestamp::MAX, Intent::Amend { order, price, qty: Qty(qty) })?;
        Ok(self.tell(|| format!("operator wants to amend {order} to {qty} lots at {}", price.0)))
    }

    fn start_algo(&mut self, what: &What) -> Result<String, Breach> {
        let at = self.local();
        let spec = match *what {
            What::StartTwap { instrument, account, book, side, qty, slices, span_ns } => {
                let qty = Qty(qty);
                AlgoSpec::Twap { book, account, instrument, side, qty, start: at, end: Timestamp(at.0 + span_ns), slices }
            }
            What::StartQuoting { instrument, account, book, qty, half_spread, interval_ns } => {
                AlgoSpec::Quoting { book, account, instrument, parameters: quoting(qty, half_spread, interval_ns) }
            }
            What::StartImmediate { instrument, account, book, side, qty } => {
                AlgoSpec::Immediate { book, account, instrument, side, qty: Qty(qty) }
            }
            What::StartBracket { instrument, account, book, side, qty, away } => {
                let (mid, toward) = (self.venue.mid(instrument), side.sign() * away);
                let stop = Trigger { price: Price(mid - toward), source: TriggerSource::Last };
                let parameters = BracketParameters { entry: None, take_profit: Price(mid + toward), stop };
                AlgoSpec::Bracket { book, account, instrument, side, qty: Qty(qty), exposure: Exposure::Any, parameters }
            }
            _ => return Ok(String::new()),
        };
        let algo = AlgoId(self.algos);
        self.algos += 1;
        self.control(Control::StartAlgo { algo, author: Author::Operator, model: 1, valid_until: Timestamp::MAX, spec })?;
        Ok(self.tell(|| format!("algo {algo}: {}", told(what))))
    }

    /// The next timer comes, if it is not too far off; time goes on to it.
    pub fn fire(&mut self) -> Result<String, Breach> {
        let Some((due, timer)) = self.node.engine.next_timer() else { return Ok(String::new()) };
        let ahead = due.0 - self.local().0;
        if ahead > 5 * RECEIVE_WINDOW {
            return Ok(String::new());
        }
        self.now += ahead.max(0);
        self.control(Control::Timer(timer))?;
        Ok(self.tell(|| format!("timer {} comes", timer.0)))
    }

    pub fn observe(&mut self, what: impl FnOnce(&Self, Timestamp) -> Seen) -> Result<(), Breach> {
        let seen = what(self, self.local());
        self.seen.push(seen.clone());
        self.input(&seen.input(), Some(self.seen.len() as u64 - 1))
    }

    /// The market as one sees it after connecting.
    pub fn look(&mut self) -> Result<(), Breach> {
        for instrument in [SPOT, INVERSE] {
            self.observe(|storm, at| Seen::quote(at, instrument, storm.venue.mid(instrument), 2))?;
        }
        self.update += 1;
        self.observe(|storm, at| Seen::depth(at, DepthKind::Snapshot, storm.update, storm.venue.mid(LINEAR) - 5))
    }

    fn move_mid(&mut self, instrument: InstrumentId, step: i64) {
        if INSTRUMENTS.contains(&instrument) {
            let mid = &mut self.venue.mids[instrument.index()];
            *mid = (*mid + step).clamp(90_000, 110_000);
        }
    }

    fn market(&mut self, what: &What) -> Result<String, Breach> {
        match *what {
            What::Quote { instrument, step, width } => {
                self.move_mid(instrument, step);
                self.observe(|storm, at| Seen::quote(at, instrument, storm.venue.mid(instrument), width))?;
            }
            What::Print { instrument, step } => {
                self.move_mid(instrument, step);
                self.observe(|storm, at| Seen::trade(at, instrument, storm.venue.mid(instrument)))?;
            }
            What::Bar { instrument, step } => {
                self.move_mid(instrument, step);
                self.observe(|storm, at| Seen::bar(at, instrument, storm.venue.mid(instrument)))?;
            }
            What::Depth { skip, is_snapshot, step } => {
                self.move_mid(LINEAR, step);
                self.update += 1 + skip;
                let kind = if is_snapshot { DepthKind::Snapshot } else { DepthKind::Delta };
                self.observe(|storm, at| Seen::depth(at, kind, storm.update, storm.venue.mid(LINEAR) - 5))?;
            }
            _ => {}
        }
        Ok(self.tell(|| told(what)))
    }
}

const fn quoting(qty: i64, half_spread: i64, interval_ns: i64) -> QuotingParameters {
    QuotingParameters {
        half_spread_half_ticks: half_spread,
        qty: Qty(qty),
        max_position: Qty(20),
        skew_half_ticks: 6,
        interval: Nanos(interval_ns),
    }
}

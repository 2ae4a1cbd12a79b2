//! The node without I/O: one sequence of inputs through one engine, between venues and what is kept.
//!
//! The driver tells it what the transport hears and what time it is; it says what the transport shall do. Everything that changes
//! the engine passes through [`Core::control`] or the market path, is numbered there, kept, and decided; a command leaves only after
//! everything up to it is committed. So the journal is all there is to know, and the start of a node is its recovery.
//!
//! When something cannot be kept, nothing new is decided: what lives is cancelled, and the node stops.

mod definitions;
mod houses;
mod lookups;
mod reconciling;
mod seats;
mod status;

use crate::config::{Config, VenueName};
use crate::health::{Health, Level, Line};
use crate::keeping::{Keeping, KeepingError};
pub(crate) use definitions::market_of;
use houses::House;
use lookups::Lookups;
pub use seats::Seating;
use seats::Seats;
pub use status::amount_text;
use std::collections::BTreeMap;
use tradewind_engine::{Engine, Step};
use tradewind_limits::Command;
use tradewind_types::{
    AccountRefusal, Author, Control, Input, InstrumentId, Intent, LimitScope, MarketEvent, Nanos, OperatorCommand, OrderId, OrderRequest,
    OrderState, Outcome, Stamp, Timestamp, VenueId,
};
use tradewind_venues::{Action, Gateway, Incoming, LinkId, Purpose, Submission};

/// Whether orders go to the venues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// To a simulated matching engine on live data.
    Paper,
    /// To the venues.
    Live,
}

/// Where the node is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Running,
    /// Everything is being cancelled; given up at this moment.
    Stopping(Timestamp),
    Stopped,
}

/// What is looked at every so often.
const LOOK_EVERY: Nanos = Nanos::from_millis(250);
/// How the venues were is journaled so often, and at the end.
const REPORT_EVERY: Nanos = Nanos::from_secs(60);
/// How long a stop waits for the last order to be over.
const STOP_WITHIN: Nanos = Nanos::from_secs(15);
/// A decision made now is acted on now or not at all.
const DECISION_VALID_FOR: Nanos = Nanos::from_secs(1);

/// The node; see the module.
pub struct Core<K> {
    config: Config,
    mode: Mode,
    life: Life,
    now: Timestamp,
    /// Number of the last input.
    seq: u64,
    engine: Engine,
    step: Step,
    keeping: K,
    fault: Option<String>,
    houses: Vec<House>,
    /// Instrument → place in `houses`.
    places: Vec<Option<usize>>,
    seats: Seats,
    lookups: Lookups,
    look_at: Timestamp,
    report_at: Timestamp,
    actions: Vec<(VenueId, Action)>,
    lines: Vec<Line>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    orders_sent: u64,
    fills: u64,
    refusals: BTreeMap<String, u64>,
    rejects: BTreeMap<String, u64>,
}

/// What a node starts from: an empty engine, or one recovered from its journal.
pub struct Beginning<K> {
    /// The state.
    pub engine: Engine,
    /// Number of the last input that the journal has; 0 for none.
    pub last_seq: u64,
    /// What each venue said before this moment was heard.
    pub heard_until: BTreeMap<VenueName, Timestamp>,
    /// Where everything is kept.
    pub keeping: K,
}

impl<K: Keeping> Core<K> {
    /// A node that begins a new life at `now`: its epoch rises, and every account is halted until it is reconciled.
    ///
    /// # Errors
    /// [`KeepingError`]: nothing can be kept.
    pub fn new(
        config: Config,
        mode: Mode,
        beginning: Beginning<K>,
        gateways: Vec<Gateway>,
        seating: Box<dyn Seating>,
        now: Timestamp,
    ) -> Result<Self, KeepingError> {
        let Beginning { engine, last_seq, heard_until, keeping } = beginning;
        let houses = House::all(&config, gateways, |venue| heard_until.get(&venue).map_or(now, |at| (*at).min(now)));
        let mut core = Self {
            config,
            mode,
            life: Life::Running,
            now,
            seq: last_seq,
            engine,
            step: Step::new(),
            keeping,
            fault: None,
            houses,
            places: Vec::new(),
            seats: Seats::new(seating),
            lookups: Lookups::default(),
            look_at: now,
            report_at: now.plus(REPORT_EVERY),
            actions: Vec::new(),
            lines: Vec::new(),
            counts: Counts::default(),
        };
        core.begin_life();
        core.keeping.commit()?;
        for house in &mut core.houses {
            house.gateway.discover(now);
        }
        core.pump();
        Ok(core)
    }

    /// The transport of a venue heard something.
    #[inline]
    pub fn on_incoming(&mut self, now: Timestamp, venue: VenueId, incoming: &Incoming<'_>) {
        self.now = self.now.max(now);
        let Some(place) = self.houses.iter().position(|house| house.venue == venue) else { return };
        if let Some(house) = self.houses.get_mut(place) {
            house.gateway.on_incoming(self.now, incoming);
        }
        self.hear(place);
        self.pump();
    }

    /// Does what is due.
    pub fn on_time(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        for house in &mut self.houses {
            house.gateway.on_time(self.now);
        }
        self.hear_paper();
        while let Some((_, timer)) = self.engine.next_timer().filter(|(due, _)| *due <= self.now) {
            self.control(Control::Timer(timer));
            if self.life == Life::Stopped {
                return;
            }
        }
        self.wake_by_time();
        if self.now >= self.look_at {
            self.look_at = self.now.plus(LOOK_EVERY);
            self.look_around();
        }
        self.pump();
    }

    /// When [`Core::on_time`] has something to do next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        if self.life == Life::Stopped {
            return None;
        }
        let venues = self.houses.iter().filter_map(House::next_deadline).min();
        let timer = self.engine.next_timer().map(|(due, _)| due);
        [venues, timer, self.seats.next_deadline(), Some(self.look_at)].into_iter().flatten().min()
    }

    /// What the transport shall do, in order.
    pub fn take_actions(&mut self) -> std::vec::Drain<'_, (VenueId, Action)> {
        self.actions.drain(..)
    }

    /// Lines of the log since the last time.
    pub fn take_log(&mut self) -> std::vec::Drain<'_, Line> {
        self.lines.drain(..)
    }

    /// A person's command.
    pub fn operator(&mut self, now: Timestamp, command: OperatorCommand) {
        self.now = self.now.max(now);
        self.control(Control::Operator(command));
        self.pump();
    }

    /// Stops in good order: nothing new, everything live is cancelled, and the node is [stopped](Core::is_stopped) once the venues
    /// have confirmed it, or after a while.
    pub fn stop(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        if self.life == Life::Running {
            self.life = Life::Stopping(self.now.plus(STOP_WITHIN));
            self.say(Level::Info, "stopping", "", "cancelling what lives".to_owned());
            self.seats.clear();
            self.stop_algos();
            self.halt_accounts();
            self.pump();
            self.report_venues();
            self.look_at = self.now;
        }
    }

    /// Whether it is over: the driver may end.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.life == Life::Stopped
    }

    /// Why it stopped or is stopping without being asked to; none where it was asked to.
    #[must_use]
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// The engine, to read.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What is kept, to look at.
    #[must_use]
    pub const fn keeping(&self) -> &K {
        &self.keeping
    }

    /// What a link is for; a link that is not known is [`Purpose::Private`], which is never dropped for being behind.
    #[must_use]
    pub fn link_purpose(&self, venue: VenueId, link: LinkId) -> Purpose {
        let house = self.houses.iter().find(|house| house.venue == venue);
        house.and_then(|house| house.link_purpose(link)).map_or(Purpose::Private, |(_, purpose)| purpose)
    }

    /// Takes what is kept back, for the next life.
    #[must_use]
    pub fn into_keeping(self) -> K {
        self.keeping
    }

    /// Figures for metrics.
    #[must_use]
    pub fn health(&self) -> Health {
        self.status()
    }

    /// Whether every account trades.
    #[must_use]
    pub fn is_trading(&self) -> bool {
        self.life == Life::Running && self.houses.iter().all(House::is_trading)
    }

    /// Sequences an input that is journaled whole.
    fn control(&mut self, control: Control) {
        if self.life == Life::Stopped {
            return;
        }
        self.seq += 1;
        if self.fault.is_none()
            && let Err(error) = self.keeping.input(self.seq, self.now, &control)
        {
            self.fail(&error);
        }
        let input = Input::Control { at: self.now, control: &control };
        self.take(&input);
    }

    /// Sequences a market event.
    #[inline]
    fn market(&mut self, stamp: Stamp, event: MarketEvent<'_>) {
        if self.life == Life::Stopped {
            return;
        }
        self.seq += 1;
        if self.fault.is_none()
            && let Err(error) = self.keeping.market(self.seq, stamp, &event)
        {
            self.fail(&error);
        }
        self.take(&Input::Market { stamp, event });
    }

    /// The engine decides; what it decided is kept; only then do commands leave.
    #[inline]
    fn take(&mut self, input: &Input<'_>) {
        self.engine.step(input, &mut self.step);
        if self.step.outcomes.is_empty() && self.step.fault.is_none() {
            return;
        }
        let mut step = std::mem::take(&mut self.step);
        for outcome in &step.outcomes {
            if self.fault.is_none()
                && let Err(error) = self.keeping.outcome(self.seq, outcome)
            {
                self.fail(&error);
            }
        }
        if let Some(fault) = step.fault.take() {
            self.say(Level::Error, "engine-fault", "", format!("the engine halted itself at input {}: {fault}", self.seq));
            self.fault.get_or_insert_with(|| fault.to_string());
        }
        if !step.commands.is_empty()
            && self.fault.is_none()
            && let Err(error) = self.keeping.commit()
        {
            self.fail(&error);
        }
        for command in step.commands.drain(..) {
            self.dispatch(command);
        }
        self.houses.iter_mut().filter(|house| !house.leaving.is_empty()).for_each(|house| house.submit(self.now));
        for outcome in step.outcomes.drain(..) {
            self.on_outcome(&outcome);
        }
        self.step = step;
    }

    /// A command goes to its house, to leave with what else was decided in this step. What could not be kept does not, unless it
    /// takes risk away.
    fn dispatch(&mut self, command: Command) {
        let request = *command.request();
        let is_cancel = matches!(request, OrderRequest::Cancel { .. });
        if self.fault.is_some() && !is_cancel {
            return;
        }
        let (order, instrument) = match request {
            OrderRequest::Place { order, terms } => (order, terms.instrument),
            OrderRequest::Cancel { order, instrument } | OrderRequest::Amend { order, instrument, .. } => (order, instrument),
        };
        let terms = match request {
            OrderRequest::Place { terms, .. } => Some(terms),
            OrderRequest::Cancel { .. } | OrderRequest::Amend { .. } => self.engine.state().order(order).map(|o| o.terms),
        };
        let house = self.places.get(instrument.index()).copied().flatten().and_then(|place| self.houses.get_mut(place));
        if let (Some(house), Some(terms)) = (house, terms) {
            house.leaving.push(Submission { command, terms });
        }
        self.lookups.watch(self.now, order);
    }

    #[inline]
    fn on_outcome(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::OrderSent { .. } => self.counts.orders_sent += 1,
            Outcome::Filled { fill, .. } => {
                self.counts.fills += 1;
                self.note_activity(fill.order);
                self.wake_for_fill(*fill);
            }
            Outcome::BookInvalid { instrument, .. } => self.on_book_lost(*instrument),
            Outcome::BecameUnknown { order, until, .. } => {
                self.lookups.ask(*order, self.now);
                let text = format!("nobody knows what became of it; its absence is evidence from {} on", until.0);
                self.say(Level::Warning, "order-unknown", &order.to_string(), text);
            }
            Outcome::Refused { reason, .. } => count(&mut self.counts.refusals, &word(reason)),
            Outcome::Rejected { reason, order, .. } => {
                count(&mut self.counts.rejects, &word(reason));
                self.note_activity(*order);
                if let Some(house) = self.house_of_order(*order).and_then(|place| self.houses.get_mut(place)) {
                    house.figures.rejects += 1;
                }
            }
            Outcome::Cancelled { order, .. } | Outcome::Expired { order, .. } | Outcome::NeverArrived { order, .. } => {
                self.note_activity(*order)
            }
            Outcome::Unrecognised { order, .. } => {
                self.say(
                    Level::Error,
                    "order-unrecognised",
                    &order.to_string(),
                    "a venue spoke of an order that the journal does not know".to_owned(),
                );
            }
            Outcome::DefinitionRefused { definition, reason, .. } => {
                self.say(Level::Error, "definition-refused", "", format!("{reason}: {definition:?}"));
            }
            Outcome::AccountEventRefused { event, reason, .. } if *reason != AccountRefusal::Repeated => {
                self.say(Level::Warning, "account-event-refused", "", format!("{reason}: {event:?}"));
            }
            Outcome::Halted { scope, .. } => self.say(Level::Warning, "halted", "", self.scope_text(*scope)),
            Outcome::Resumed { scope, .. } => self.say(Level::Info, "resumed", "", self.scope_text(*scope)),
            _ => {}
        }
    }

    /// Something could not be kept. Nothing new is decided from here on.
    fn fail(&mut self, error: &KeepingError) {
        if self.fault.is_none() {
            self.say(Level::Error, "not-kept", "", error.to_string());
            self.fault = Some(error.to_string());
        }
    }

    fn look_around(&mut self) {
        if self.fault.is_some() && self.life == Life::Running {
            self.stop(self.now);
            return;
        }
        self.look_at_houses();
        self.look_up();
        self.start_what_waits();
        if self.now >= self.report_at {
            self.report_venues();
        }
        if self.fault.is_none()
            && let Err(error) = self.keeping.commit()
        {
            self.fail(&error);
        }
        if let Life::Stopping(until) = self.life {
            let left = self.engine.state().live_orders().count();
            if left == 0 || self.now >= until {
                self.end(left);
            }
        }
    }

    fn end(&mut self, left: usize) {
        if left > 0 {
            self.say(
                Level::Error,
                "orders-left",
                "",
                format!("{left} orders were not confirmed as over; they are looked for at the next start"),
            );
        }
        for house in &mut self.houses {
            house.gateway.disarm_dead_man(self.now);
            house.gateway.close(self.now);
        }
        self.pump();
        let hash = self.engine.state_hash();
        if self.fault.is_none()
            && let Err(error) = self.keeping.finish(self.seq, hash)
        {
            self.fail(&error);
        }
        self.say(Level::Info, "stopped", "", format!("state {hash} after input {}", self.seq));
        self.life = Life::Stopped;
    }

    /// An intent of ours, now.
    fn decide(&mut self, author: Author, model: u64, intent: Intent) {
        self.control(Control::Decision { author, model, valid_until: self.now.plus(DECISION_VALID_FOR), intent });
    }

    fn halt(&mut self, scope: LimitScope) {
        self.control(Control::Operator(OperatorCommand::Halt { scope }));
    }

    fn say(&mut self, level: Level, event: &'static str, about: &str, text: String) {
        self.lines.push(Line { at: self.now, level, event, about: about.to_owned(), text });
    }

    /// Until nobody has anything more to say: what is heard may lead to what is said.
    fn pump(&mut self) {
        self.hear_paper();
        let mut is_news = true;
        while is_news {
            is_news = false;
            for place in 0..self.houses.len() {
                is_news |= self.hear(place);
            }
        }
        for house in &mut self.houses {
            let venue = house.venue;
            self.actions.extend(house.gateway.take_actions().map(|action| (venue, action)));
        }
    }

    fn house_of(&self, instrument: InstrumentId) -> Option<usize> {
        self.places.get(instrument.index()).copied().flatten()
    }

    fn house_of_order(&self, order: OrderId) -> Option<usize> {
        self.house_of(self.engine.state().order(order)?.terms.instrument)
    }

    /// Whether nothing was heard of an order since a command about it left.
    fn is_in_doubt(&self, order: OrderId) -> bool {
        let state = self.engine.state().order(order).map(|o| o.state);
        matches!(state, Some(OrderState::Sent | OrderState::Cancelling | OrderState::Amending { .. } | OrderState::Unknown { .. }))
    }
}

fn count(counts: &mut BTreeMap<String, u64>, word: &str) {
    if let Some(count) = counts.get_mut(word) {
        *count += 1;
    } else {
        counts.insert(word.to_owned(), 1);
    }
}

/// The name of a reason, without its figures.
fn word(reason: &impl std::fmt::Debug) -> String {
    let text = format!("{reason:?}");
    text.split([' ', '{', '(']).next().unwrap_or_default().to_owned()
}

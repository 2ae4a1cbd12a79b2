//! One clock for everything: recorded market data, our requests on their way to a venue, its replies on their way back, timers.
//!
//! At each instant, in this order: a venue's own market event, what is due there (funding, expiries, time limits), then requests
//! that reached it, then money that arrived; we see private messages, then market data, then the engine's timers, then the
//! strategy's. Equity is sampled last. The engine is told nothing that live
//! trading would not tell it, and it cannot ask which of the two it is in.

use crate::agenda::Agenda;
use crate::clearing::TransferSetup;
use crate::recording::Recording;
use crate::setup::{Setup, SetupError};
use crate::strategist::{Fault, Strategist, Wake};
use crate::tape::Tape;
use crate::venue::Venue;
use std::sync::Arc;
use tradewind_engine::{ApplyError, Engine, Step};
use tradewind_exchange::{Clearing, PrivateMessage};
use tradewind_journal::{Journal, JournalError};
use tradewind_types::{
    AccountEvent, AlgoId, AlgoSpec, Author, BookId, Control, Input, InstrumentId, Intent, MarketEvent, MoneyError, Nanos, OrderRequest,
    Outcome, Stamp, StateHash, Timestamp, Transfer, VenueId, VenueReply,
};

/// Why a run stopped.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// The setup describes no possible run.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// A figure of a venue's books left its integer type.
    #[error("the books of venue {venue} do not hold the figure: {source}")]
    Clearing {
        /// Whose.
        venue: VenueId,
        /// Which.
        source: MoneyError,
    },
    /// The journal cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// An invariant of the engine broke; it has halted.
    #[error("the engine halted at input {seq}: {fault}; the journal up to here is sound: `tradewind replay` finds the place")]
    Halted {
        /// Input number.
        seq: u64,
        /// What did not fit.
        fault: ApplyError,
    },
}

/// How many of what went by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Inputs the engine was given.
    pub inputs: u64,
    /// Of these, market events.
    pub market_events: u64,
    /// Commands that left.
    pub commands: u64,
    /// Outcomes.
    pub outcomes: u64,
}

/// A run in progress.
pub struct Simulation {
    recording: Arc<Recording>,
    engine: Engine,
    step: Step,
    venues: Vec<Venue>,
    /// Venue of each instrument.
    listed_on: Vec<VenueId>,
    requests: Agenda<(VenueId, OrderRequest)>,
    replies: Agenda<PrivateMessage>,
    replied: Vec<PrivateMessage>,
    transfers: Agenda<Travel>,
    /// When something is due at a venue that nobody asks for; never, where nothing is.
    due_at_venues: Timestamp,
    /// What is due first besides market data; none where anything has happened since that can have changed it.
    due_besides: Option<(Timestamp, Due)>,
    ways: Vec<TransferSetup>,
    venue_cursor: usize,
    local_cursor: usize,
    /// Of the recording.
    end: Timestamp,
    strategy_timer: Option<Timestamp>,
    fault: Option<Fault>,
    /// A buffer that keeps its room between wakes.
    intents: Vec<Intent>,
    next_sample: Timestamp,
    sample_every: Nanos,
    /// Whether there are budgets, so that equity is marked when it is sampled.
    judges_losses: bool,
    now: Timestamp,
    seq: u64,
    algos: u32,
    journal: Option<Journal>,
    tape: Tape,
    counts: Counts,
}

/// Where a transfer's money is.
#[derive(Clone, Copy, Debug)]
enum Travel {
    /// The venue it leaves is asked for it.
    Leaving(Transfer),
    /// The venue it goes to gets it.
    Arriving(Transfer),
}

/// What is due next; the order of the variants is the order at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    VenueMarket,
    VenueTime,
    Request,
    Transfer,
    Reply,
    LocalMarket,
    EngineTimer,
    StrategyTimer,
    Sample,
}

impl Simulation {
    /// Tells a new engine what exists, at the time of the first event.
    ///
    /// # Errors
    /// [`SimulationError`].
    pub fn new(setup: &Setup, recording: Arc<Recording>, journal: Option<Journal>) -> Result<Self, SimulationError> {
        let sample_every = Nanos(setup.sample_every_ns);
        if sample_every.0 <= 0 {
            return Err(SetupError::NotPositive { place: "sample_every_ns", found: sample_every.0 }.into());
        }
        let instruments = setup.instruments()?;
        let recording = setup.delivered(&recording)?.map_or(recording, Arc::new);
        let mut engine = Engine::new();
        for (instrument, rule) in setup.watched_books()? {
            engine.watch_book(instrument, rule);
        }
        let first = [recording.local(0).map(|(s, _)| s.ts_local), recording.venue(0).map(|(s, _)| s.ts_venue)];
        let first = first.into_iter().flatten().min().unwrap_or_default();
        let end = recording.local_at(recording.len() - 1).unwrap_or(first);
        let mut simulation = Self {
            listed_on: instruments.iter().map(|i| i.terms().venue).collect(),
            tape: Tape::new(setup, instruments)?,
            recording,
            engine,
            step: Step::default(),
            venues: Venue::all(setup)?,
            requests: Agenda::default(),
            replies: Agenda::default(),
            replied: Vec::new(),
            transfers: Agenda::default(),
            due_at_venues: Timestamp::MAX,
            due_besides: None,
            ways: setup.transfers.clone(),
            venue_cursor: 0,
            local_cursor: 0,
            end,
            strategy_timer: None,
            fault: None,
            intents: Vec::new(),
            // The first boundary at or after the first event.
            next_sample: Timestamp(first.0.saturating_add(sample_every.0 - 1).div_euclid(sample_every.0).saturating_mul(sample_every.0)),
            sample_every,
            judges_losses: !setup.guards.budgets.is_empty(),
            now: first,
            seq: 0,
            algos: 0,
            journal,
            counts: Counts::default(),
        };
        for definition in setup.definitions()? {
            simulation.control(Control::Define(definition))?;
        }
        simulation.look_at_deadlines();
        Ok(simulation)
    }

    /// Runs everything that happens up to and including `until`, waking `strategist` as it asked.
    ///
    /// # Errors
    /// [`SimulationError`]; the run is over then.
    pub fn advance(&mut self, until: Timestamp, mut strategist: Option<&mut dyn Strategist>) -> Result<(), SimulationError> {
        // Like an algo, a strategy with a timer is asked at once, and then every so often.
        if self.strategy_timer.is_none() && strategist.as_ref().is_some_and(|s| s.wakes().timer.is_some()) {
            self.strategy_timer = Some(self.now);
        }
        self.due_besides = None;
        let recording = Arc::clone(&self.recording);
        while let Some((at, due)) = self.next_due(strategist.is_some()) {
            if at > until {
                break;
            }
            self.now = at;
            self.handle(due, &recording, &mut strategist)?;
        }
        self.now = self.now.max(until.min(self.end()));
        Ok(())
    }

    /// When the recording ends.
    #[must_use]
    pub const fn end(&self) -> Timestamp {
        self.end
    }

    #[inline]
    fn next_due(&mut self, strategist: bool) -> Option<(Timestamp, Due)> {
        const NEVER: Timestamp = Timestamp::MAX;
        let besides = match self.due_besides {
            Some(due) => due,
            None => *self.due_besides.insert(self.first_due_besides_market(strategist)),
        };
        let at_venue = (self.recording.venue_at(self.venue_cursor).unwrap_or(NEVER), Due::VenueMarket);
        let here = (self.recording.local_at(self.local_cursor).unwrap_or(NEVER), Due::LocalMarket);
        let next = at_venue.min(besides).min(here);
        (next.0 < NEVER).then_some(next)
    }

    /// Market data comes from the recording and changes nothing else by itself, so this is not asked again for each event of it.
    fn first_due_besides_market(&self, strategist: bool) -> (Timestamp, Due) {
        const NEVER: Timestamp = Timestamp::MAX;
        // Timers and samples alone do not keep a run alive: they end with the data.
        let alive = |at: Timestamp| if at <= self.end { at } else { NEVER };
        let engine = self.engine.next_timer().map_or(NEVER, |(at, _)| alive(at.max(self.now)));
        let strategy = self.strategy_timer.filter(|_| strategist && self.fault.is_none()).map_or(NEVER, alive);
        let at_venues = if self.due_at_venues < NEVER { alive(self.due_at_venues.max(self.now)) } else { NEVER };
        [
            (at_venues, Due::VenueTime),
            (self.requests.next_at().unwrap_or(NEVER), Due::Request),
            (self.transfers.next_at().map_or(NEVER, alive), Due::Transfer),
            (self.replies.next_at().unwrap_or(NEVER), Due::Reply),
            (engine, Due::EngineTimer),
            (strategy, Due::StrategyTimer),
            (alive(self.next_sample), Due::Sample),
        ]
        .into_iter()
        .min()
        .unwrap_or((NEVER, Due::Sample))
    }

    fn handle(&mut self, due: Due, recording: &Recording, strategist: &mut Option<&mut dyn Strategist>) -> Result<(), SimulationError> {
        if !matches!(due, Due::VenueMarket | Due::LocalMarket) {
            self.due_besides = None;
        }
        match due {
            Due::VenueMarket => {
                let Some((stamp, event)) = recording.venue(self.venue_cursor) else { return Ok(()) };
                self.venue_cursor += 1;
                self.venue_market(stamp, &event)
            }
            Due::VenueTime => self.venue_time(),
            Due::Transfer => self.transfers.pop().map_or(Ok(()), |travel| self.travel(travel)),
            Due::Request => {
                if let Some((venue, request)) = self.requests.pop() {
                    let mid = self.venues[venue.index()].mid(instrument_of(&request));
                    let done = self.venues[venue.index()].on_request(self.now, &request, &mut self.replied);
                    self.send_replies(venue, mid);
                    self.look_at_deadlines();
                    return done.map_err(|source| SimulationError::Clearing { venue, source });
                }
                Ok(())
            }
            Due::Reply => match self.replies.pop() {
                Some(PrivateMessage::Reply(reply)) => self.reply(reply, strategist),
                Some(PrivateMessage::Account(event)) => self.control(Control::Account(event)),
                None => Ok(()),
            },
            Due::LocalMarket => match recording.local(self.local_cursor) {
                Some((stamp, event)) => {
                    self.local_cursor += 1;
                    self.local_market(stamp, event, strategist)
                }
                None => Ok(()),
            },
            Due::EngineTimer => match self.engine.next_timer() {
                Some((_, timer)) => self.control(Control::Timer(timer)),
                None => Ok(()),
            },
            Due::StrategyTimer => {
                let interval = strategist.as_ref().and_then(|s| s.wakes().timer);
                self.strategy_timer = interval.map(|i| self.now.plus(i));
                self.wake(strategist, Wake::Timer)
            }
            Due::Sample => {
                self.next_sample = self.next_sample.plus(self.sample_every);
                if self.judges_losses {
                    self.control(Control::MarkEquity)?;
                }
                self.tape.sample(self.now, &self.engine);
                Ok(())
            }
        }
    }

    fn reply(&mut self, reply: VenueReply, strategist: &mut Option<&mut dyn Strategist>) -> Result<(), SimulationError> {
        self.control(Control::Reply(reply))?;
        let book = strategist.as_ref().map(|s| s.book());
        match reply {
            VenueReply::Filled(fill) if self.engine.state().order(fill.order).map(|o| o.terms.book) == book => {
                self.wake(strategist, Wake::Fill(fill))
            }
            _ => Ok(()),
        }
    }

    fn venue_market(&mut self, stamp: Stamp, event: &MarketEvent<'_>) -> Result<(), SimulationError> {
        let Some(venue) = self.listed_on.get(event.instrument().index()).copied() else { return Ok(()) };
        // Only an order of ours can fill.
        let is_working = self.engine.state().live_orders().next().is_some();
        let mid = if is_working { self.venues[venue.index()].mid_before(event) } else { None };
        let done = self.venues[venue.index()].on_market(stamp, event, &mut self.replied);
        if !self.replied.is_empty() || self.venues[venue.index()].clearing().is_some() {
            self.due_besides = None;
            self.send_replies(venue, mid);
            self.look_at_deadlines();
        }
        done.map_err(|source| SimulationError::Clearing { venue, source })
    }

    /// What is due at venues now.
    fn venue_time(&mut self) -> Result<(), SimulationError> {
        for (id, index) in (0u32..).zip(0..self.venues.len()) {
            if self.venues[index].next_deadline().is_some_and(|at| at <= self.now) {
                let done = self.venues[index].on_time(self.now, &mut self.replied);
                self.send_replies(VenueId(id), None);
                done.map_err(|source| SimulationError::Clearing { venue: VenueId(id), source })?;
            }
        }
        self.look_at_deadlines();
        Ok(())
    }

    /// When something is due at a venue next. Only what a venue was asked, or said, or a venue's own books can have changed it; a
    /// time that has lost its reason finds nothing to do.
    fn look_at_deadlines(&mut self) {
        self.due_at_venues = self.venues.iter().filter_map(Venue::next_deadline).min().unwrap_or(Timestamp::MAX);
    }

    fn send_replies(&mut self, venue: VenueId, mid_half_ticks: Option<i64>) {
        for message in self.replied.drain(..) {
            if let PrivateMessage::Reply(VenueReply::Filled(fill)) = &message {
                self.tape.venue_filled(fill, mid_half_ticks);
            }
            self.replies.push(self.venues[venue.index()].response_arrival(self.now), message);
        }
    }

    /// A transfer's money leaves a venue, or comes to one. What a venue cannot let go yet, it is asked for again.
    fn travel(&mut self, travel: Travel) -> Result<(), SimulationError> {
        match travel {
            Travel::Leaving(transfer) => {
                let let_go = self.venues[transfer.from.index()].withdraw(&transfer).is_ok();
                let way = self.ways.iter().find(|way| (way.from, way.to) == (transfer.from.0, transfer.to.0));
                let delay = Nanos(way.map_or(0, |way| way.delay_ns.max(0)));
                let (at, next) = if let_go {
                    (self.now.plus(delay), Travel::Arriving(transfer))
                } else {
                    (self.now.plus(WITHDRAWAL_ASKED_AGAIN), Travel::Leaving(transfer))
                };
                self.transfers.push(at, next);
                Ok(())
            }
            Travel::Arriving(Transfer { transfer, to, asset, amount, fee, .. }) => {
                let venue = VenueId(to.0);
                let failed = |source| SimulationError::Clearing { venue, source };
                let rest = amount.minus(fee).map_err(failed)?;
                self.venues[to.index()].deposit(to, asset, rest).map_err(failed)?;
                self.replied.push(PrivateMessage::Account(AccountEvent::TransferArrived { transfer }));
                self.send_replies(venue, None);
                Ok(())
            }
        }
    }

    fn local_market(
        &mut self,
        stamp: Stamp,
        event: MarketEvent<'_>,
        strategist: &mut Option<&mut dyn Strategist>,
    ) -> Result<(), SimulationError> {
        self.seq += 1;
        self.counts.market_events += 1;
        if let Some(journal) = &mut self.journal {
            journal.append_market(self.seq, 0, (self.local_cursor - 1) as u64)?;
        }
        self.step(&Input::Market { stamp, event })?;
        let wake = match event {
            MarketEvent::Depth(depth) => Wake::Book(depth.instrument),
            MarketEvent::Quote(quote) => Wake::Book(quote.instrument),
            MarketEvent::Trade(trade) => Wake::Trade(trade),
            MarketEvent::Bar(bar) => Wake::Bar(bar),
            MarketEvent::Mark(_) => return Ok(()),
        };
        self.wake(strategist, wake)
    }

    fn wake(&mut self, strategist: &mut Option<&mut dyn Strategist>, wake: Wake) -> Result<(), SimulationError> {
        let Some(strategist) = strategist.as_deref_mut().filter(|s| self.fault.is_none() && s.wakes().asks_for(&wake)) else {
            return Ok(());
        };
        let (book, model) = (strategist.book(), strategist.model());
        let mut intents = std::mem::take(&mut self.intents);
        match strategist.wake(self.now, &wake, &self.engine, &mut intents) {
            Ok(()) => {
                let transfers = strategist.transfers();
                let decided = intents.drain(..).try_for_each(|intent| self.decide(Author::Strategy(book), model, intent));
                self.intents = intents;
                decided?;
                transfers.into_iter().try_for_each(|transfer| self.transfer(transfer))
            }
            Err(fault) => {
                // Fenced off: its orders are cancelled, the run goes on without it.
                self.fault = Some(fault);
                self.due_besides = None;
                self.decide(Author::Operator, 0, Intent::CancelAll { book })
            }
        }
    }

    /// A decision from outside the engine, now.
    ///
    /// # Errors
    /// [`SimulationError::Journal`].
    pub fn decide(&mut self, author: Author, model: u64, intent: Intent) -> Result<(), SimulationError> {
        self.control(Control::Decision { author, model, valid_until: self.now.plus(DECISION_VALID_FOR), intent })
    }

    /// Asks for money to go from one venue's account to another's, now. The engine may refuse.
    ///
    /// # Errors
    /// [`SimulationError::Journal`].
    pub fn transfer(&mut self, transfer: Transfer) -> Result<(), SimulationError> {
        self.control(Control::Transfer(transfer))
    }

    /// Starts an algo, now.
    ///
    /// # Errors
    /// [`SimulationError::Journal`].
    pub fn start_algo(&mut self, book: BookId, model: u64, spec: AlgoSpec) -> Result<AlgoId, SimulationError> {
        let algo = AlgoId(self.algos);
        self.algos += 1;
        let author = Author::Strategy(book);
        self.control(Control::StartAlgo { algo, author, model, valid_until: self.now.plus(DECISION_VALID_FOR), spec })?;
        Ok(algo)
    }

    fn control(&mut self, control: Control) -> Result<(), SimulationError> {
        self.seq += 1;
        if let Some(journal) = &mut self.journal {
            journal.append_input(self.seq, self.now, &control)?;
        }
        self.step(&Input::Control { at: self.now, control: &control })
    }

    fn step(&mut self, input: &Input<'_>) -> Result<(), SimulationError> {
        self.counts.inputs += 1;
        self.engine.step(input, &mut self.step);
        if self.step.outcomes.is_empty() && self.step.fault.is_none() {
            return Ok(());
        }
        self.due_besides = None;
        self.counts.outcomes += self.step.outcomes.len() as u64;
        for outcome in &self.step.outcomes {
            if let Some(journal) = &mut self.journal {
                journal.append_outcome(self.seq, outcome)?;
            }
            self.tape.outcome(outcome, &self.engine);
            if let Outcome::TransferSent { transfer, .. } = outcome
                && let Some(venue) = self.venues.get_mut(transfer.from.index())
            {
                self.transfers.push(venue.request_arrival(self.now), Travel::Leaving(*transfer));
            }
        }
        if let Some(fault) = self.step.fault.take() {
            return Err(SimulationError::Halted { seq: self.seq, fault });
        }
        // An order is journaled before its bytes leave.
        for command in self.step.commands.drain(..) {
            let request = *command.request();
            if let Some(venue) = self.listed_on.get(instrument_of(&request).index()).copied() {
                self.counts.commands += 1;
                let at = self.venues[venue.index()].request_arrival(self.now);
                self.requests.push(at, (venue, request));
            }
        }
        Ok(())
    }

    /// The time of the run.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The engine, to read.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// A venue's own books, where it keeps them.
    #[must_use]
    pub fn clearing(&self, venue: VenueId) -> Option<&Clearing> {
        self.venues.get(venue.index())?.clearing()
    }

    /// What was recorded of the run so far.
    #[must_use]
    pub const fn tape(&self) -> &Tape {
        &self.tape
    }

    /// How many of what.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Why the strategy was fenced off, if it was.
    #[must_use]
    pub const fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// Closes the journal with the state's hash.
    ///
    /// # Errors
    /// [`SimulationError::Journal`].
    pub fn finish(&mut self) -> Result<StateHash, SimulationError> {
        let hash = self.engine.state_hash();
        if let Some(mut journal) = self.journal.take() {
            journal.append_state_hash(self.seq, hash)?;
            journal.finish()?;
        }
        Ok(hash)
    }
}

const fn instrument_of(request: &OrderRequest) -> InstrumentId {
    match request {
        OrderRequest::Place { terms, .. } => terms.instrument,
        OrderRequest::Cancel { instrument, .. } | OrderRequest::Amend { instrument, .. } => *instrument,
    }
}

/// A decision made now is acted on now or not at all.
const DECISION_VALID_FOR: Nanos = Nanos::from_secs(1);

/// How long until a venue is asked again for money that it could not let go.
const WITHDRAWAL_ASKED_AGAIN: Nanos = Nanos::from_secs(1);

//! A venue whole, without I/O: a dialect, its links, its rate limits, and every call that has no answer yet.
//!
//! The driver tells it what the transport hears ([`Incoming`]) and does what it asks ([`Action`]); what the venue said comes out as
//! the messages of its [`Inbox`], and what became of links, questions and commands as [`Notice`]s.
//!
//! What is certain about a command:
//! - One that could not leave (link down, no room under the rate limit) is refused on our side: nothing was sent. A cancel waits
//!   instead, and is sent as soon as it can be.
//! - One that left and was refused is refused in the engine's words.
//! - One that left without an answer (timeout, link lost, the venue does not know) is [`VenueReply::Lost`]: nobody knows, and it is
//!   never sent again. So is one that was refused as a duplicate, and a cancel or amend of an order that the venue says it does not
//!   know: what became of the order has to be asked.

mod calls;
mod links;
mod words;

use crate::ask::Ask;
use crate::dialect::{CallId, DeadMan, Dialect, Heartbeat, LinkId, Purpose, Submission};
use crate::directory::Directory;
use crate::message::{Inbox, Message};
use crate::rate_limit::RateLimit;
use crate::session::{LinkState, Session, Wish};
use std::collections::{BTreeMap, VecDeque};
use tradewind_book::SequenceRule;
use tradewind_types::{InstrumentId, Nanos, Timestamp};
pub use words::{Access, Action, AskFailure, Incoming, Notice, UnknownLimit};

enum Call {
    Question {
        ask: Ask,
        sent: Timestamp,
    },
    /// `together` counts the calls, from the first on, that left in one request with it; 0 for those behind the first.
    Order {
        submission: Submission,
        sent: Timestamp,
        on: Option<LinkId>,
        together: u64,
    },
}

impl Call {
    const fn deadline(&self) -> Timestamp {
        match self {
            Call::Question { sent, .. } => sent.plus(QUESTION_TIMEOUT),
            Call::Order { sent, .. } => sent.plus(ORDER_TIMEOUT),
        }
    }
}

/// An order command is given up as unknown after so long.
const ORDER_TIMEOUT: Nanos = Nanos::from_secs(5);
/// A question is given up after so long.
const QUESTION_TIMEOUT: Nanos = Nanos::from_secs(10);
/// How often the venue's clock is looked at.
const CLOCK_EVERY: Nanos = Nanos::from_secs(60);

/// A venue; see the module.
pub struct Gateway {
    dialect: Box<dyn Dialect>,
    access: Access,
    seed: u64,
    sessions: Vec<Session>,
    upkeep: Vec<Option<(Timestamp, Nanos, Ask)>>,
    limit: RateLimit,
    calls: BTreeMap<CallId, Call>,
    next_call: u64,
    /// Not sent for want of room or of a link, oldest first.
    questions: VecDeque<Ask>,
    cancels: VecDeque<Submission>,
    /// When what waits is looked at again.
    retry_at: Option<Timestamp>,
    /// Venue's clock less ours, and the round trip it was measured over.
    offset: (Nanos, Nanos),
    clock_due: Option<Timestamp>,
    dead_man: Option<(Nanos, Timestamp)>,
    actions: Vec<Action>,
    inbox: Inbox,
    notices: Vec<Notice>,
    scratch: Inbox,
}

impl Gateway {
    /// A venue that nothing was said to yet. `seed` spreads its reconnections.
    #[must_use]
    pub fn new(dialect: Box<dyn Dialect>, access: Access, seed: u64) -> Self {
        let limit = RateLimit::new(dialect.buckets());
        Self {
            dialect,
            access,
            seed,
            sessions: Vec::new(),
            upkeep: Vec::new(),
            limit,
            calls: BTreeMap::new(),
            next_call: 1,
            questions: VecDeque::new(),
            cancels: VecDeque::new(),
            retry_at: None,
            offset: (Nanos(0), Nanos(i64::MAX)),
            clock_due: None,
            dead_man: None,
            actions: Vec::new(),
            inbox: Inbox::default(),
            notices: Vec::new(),
            scratch: Inbox::default(),
        }
    }

    /// The same with other capacities of rate limits than the published ones, by the limit's name: an account's may be raised.
    ///
    /// # Errors
    /// [`UnknownLimit`] where the venue has none of that name.
    pub fn with_capacities(mut self, capacities: &BTreeMap<String, u32>) -> Result<Self, UnknownLimit> {
        let mut buckets = self.dialect.buckets();
        for (name, capacity) in capacities {
            match buckets.iter_mut().find(|bucket| bucket.name == name) {
                Some(bucket) => bucket.capacity = *capacity,
                None => return Err(UnknownLimit { name: name.clone(), known: buckets.iter().map(|bucket| bucket.name).collect() }),
            }
        }
        self.limit = RateLimit::new(buckets);
        Ok(self)
    }

    /// The venue's name.
    #[must_use]
    pub fn venue(&self) -> &'static str {
        self.dialect.venue()
    }

    /// Asks for the clock, what the key may do, and what is listed.
    pub fn discover(&mut self, now: Timestamp) {
        self.clock_due = Some(now.plus(CLOCK_EVERY));
        self.question(now, Ask::ServerTime);
        if self.access == Access::Private {
            self.question(now, Ask::KeyRights);
        }
        for market in self.dialect.markets().to_vec() {
            self.question(now, Ask::Instruments { market, cursor: None });
        }
    }

    /// Says what is listed, and brings the links up.
    pub fn open(&mut self, now: Timestamp, directory: Directory) {
        self.dialect.set_directory(directory);
        let specs = self.dialect.links();
        self.upkeep = vec![None; specs.len()];
        let session = |(n, spec)| Session::new(spec, self.seed ^ (n << 32));
        self.sessions = (0u64..).zip(specs).map(session).collect();
        for session in &mut self.sessions {
            if self.access == Access::Private || session.spec().purpose == Purpose::Public {
                session.start(now);
            }
        }
        self.on_time(now);
    }

    /// Closes every link. Commands without an answer are reported lost.
    pub fn close(&mut self, now: Timestamp) {
        for link in self.links() {
            self.drop_link(now, link, "closed by us");
            if let Some(session) = self.sessions.get_mut(usize::from(link.0)) {
                session.stop(now);
            }
        }
    }

    /// Arms the venue's dead-man's switch, where it has one; it is renewed three times a window.
    pub fn arm_dead_man(&mut self, now: Timestamp, window: Nanos) {
        self.dead_man = Some((window, now));
        self.on_time(now);
    }

    /// Disarms it.
    pub fn disarm_dead_man(&mut self, now: Timestamp) {
        if self.dead_man.take().is_some()
            && let DeadMan::Renewed(asks) = self.dialect.dead_man(Nanos(0))
        {
            asks.into_iter().for_each(|ask| self.question(now, ask));
        }
    }

    /// The transport heard something.
    pub fn on_incoming(&mut self, now: Timestamp, incoming: &Incoming<'_>) {
        match *incoming {
            Incoming::Connected { link, attempt } => {
                if self.is_current(link, attempt) {
                    self.greet(now, link);
                }
            }
            Incoming::Disconnected { link, attempt, why } => {
                if self.is_current(link, attempt) {
                    self.lose_link(now, link, why);
                }
            }
            Incoming::Alive { link, attempt } => {
                if self.is_current(link, attempt) {
                    self.session_mut(link).into_iter().for_each(|s| s.heard(now));
                }
            }
            Incoming::Frame { link, attempt, text } => {
                if self.is_current(link, attempt) {
                    self.on_frame(now, link, text);
                }
            }
            Incoming::Response { call, status, headers, body } => self.on_response(now, call, status, headers, body),
            Incoming::Failed { call, why } => self.calls_with(call).for_each(|call| self.give_up(now, call, why)),
        }
    }

    #[inline]
    fn on_frame(&mut self, now: Timestamp, link: LinkId, text: &[u8]) {
        if let Some(session) = self.session_mut(link) {
            session.heard(now);
        }
        let before = self.inbox.messages.len();
        if let Err(error) = self.dialect.read(link, text, &mut self.inbox) {
            self.notices.push(Notice::Unread { link, error });
            return;
        }
        self.digest(now, before, Some(link));
    }

    /// Takes out of the inbox what is the gateway's own business, from place `before` on.
    #[inline]
    fn digest(&mut self, now: Timestamp, before: usize, link: Option<LinkId>) {
        let is_ours = |m: &Message| {
            matches!(
                m,
                Message::Session(_)
                    | Message::Answer { .. }
                    | Message::Usage { .. }
                    | Message::ServerTime(_)
                    | Message::StreamKey(..)
                    | Message::More(_)
            )
        };
        if !self.inbox.messages[before..].iter().any(is_ours) {
            return;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let fresh = self.inbox.messages.drain(before..);
        let (ours, others): (Vec<_>, Vec<_>) = fresh.partition(is_ours);
        self.inbox.messages.extend(others);
        scratch.messages.extend(ours);
        for message in scratch.messages.drain(..) {
            match message {
                Message::Session(news) => {
                    if let Some(link) = link {
                        self.on_session(now, link, news);
                    }
                }
                Message::Answer { call, outcome } => self.on_answer(now, call, outcome),
                Message::Usage { bucket, used } => self.limit.on_usage(now, bucket, used),
                Message::StreamKey(market, key) => self.dialect.set_stream_key(market, key),
                Message::More(ask) => self.question(now, ask),
                // The clock is read in `on_response`, which knows when it was asked for.
                _ => {}
            }
        }
        self.scratch = scratch;
    }

    /// Does what is due.
    pub fn on_time(&mut self, now: Timestamp) {
        if self.first_call_deadline().is_some_and(|due| due <= now) {
            let late: Vec<CallId> = self.calls.iter().filter(|(_, call)| call.deadline() <= now).map(|(id, _)| *id).collect();
            late.into_iter().for_each(|call| self.give_up(now, call, "no answer in time"));
        }
        for link in self.links() {
            match self.session_mut(link).and_then(|s| s.due(now)) {
                None => {}
                Some(Wish::Connect) => self.name(now, link),
                Some(Wish::Drop(why)) => self.drop_link(now, link, why),
                Some(Wish::Ping) => {
                    if let Some(Heartbeat::Text { frame, .. }) = self.session(link).map(|s| s.spec().heartbeat.clone()) {
                        self.send(link, frame);
                    }
                }
            }
        }
        self.on_routine(now);
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry_at = None;
            self.flush_cancels(now);
            self.send_questions(now);
        }
    }

    /// What is asked every so often.
    fn on_routine(&mut self, now: Timestamp) {
        for n in 0..self.upkeep.len() {
            let Some(Some((due, every, ask))) = self.upkeep.get_mut(n) else { continue };
            if *due <= now {
                *due = now.plus(*every);
                let ask = ask.clone();
                self.question(now, ask);
            }
        }
        if self.clock_due.is_some_and(|due| due <= now) {
            self.clock_due = Some(now.plus(CLOCK_EVERY));
            self.question(now, Ask::ServerTime);
        }
        if let Some((window, due)) = self.dead_man
            && due <= now
        {
            self.dead_man = Some((window, now.plus(Nanos(window.0 / 3))));
            if let DeadMan::Renewed(asks) = self.dialect.dead_man(window) {
                asks.into_iter().for_each(|ask| self.question(now, ask));
            }
        }
    }

    /// When [`Gateway::on_time`] has something to do next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let calls = self.first_call_deadline();
        let links = self.sessions.iter().filter_map(Session::next_deadline).min();
        let upkeep = self.upkeep.iter().flatten().map(|(due, ..)| *due).min();
        let dead_man = self.dead_man.map(|(_, due)| due);
        [calls, links, upkeep, self.retry_at, self.clock_due, dead_man].into_iter().flatten().min()
    }

    /// What the driver shall do, in order.
    pub fn take_actions(&mut self) -> std::vec::Drain<'_, Action> {
        self.actions.drain(..)
    }

    /// What the venue said, and what became of things, in order; the caller gives the buffers back empty by
    /// [`Gateway::give_back`] to keep their room.
    #[must_use]
    pub fn take_news(&mut self) -> (Inbox, Vec<Notice>) {
        (self.inbox.take(), std::mem::take(&mut self.notices))
    }

    /// Takes buffers back.
    pub fn give_back(&mut self, inbox: Inbox, mut notices: Vec<Notice>) {
        self.inbox.reuse(inbox);
        notices.clear();
        if self.notices.is_empty() {
            self.notices = notices;
        }
    }

    /// How the venue numbers the depth messages of an instrument.
    #[must_use]
    pub fn sequence_rule(&self, instrument: InstrumentId) -> SequenceRule {
        self.dialect.sequence_rule(instrument)
    }

    /// How long after sending, by the venue's rules, an order that its records do not have can no longer appear there.
    #[must_use]
    pub fn lost_after(&self) -> Nanos {
        self.dialect.lost_after()
    }

    /// Whether the venue has such a question.
    #[must_use]
    pub fn offers(&self, ask: &Ask, now: Timestamp) -> bool {
        self.dialect.ask(ask, self.venue_now(now)).is_some()
    }

    /// The markets it was set up for.
    #[must_use]
    pub fn markets(&self) -> &[crate::Market] {
        self.dialect.markets()
    }

    /// Which links are opened.
    #[must_use]
    pub const fn access(&self) -> Access {
        self.access
    }

    /// The venue's clock less ours, as last measured.
    #[must_use]
    pub const fn clock_offset(&self) -> Nanos {
        self.offset.0
    }

    /// Links with what they are for and where they are.
    pub fn link_states(&self) -> impl Iterator<Item = (LinkId, &'static str, Purpose, LinkState)> {
        self.links().zip(&self.sessions).map(|(link, s)| (link, s.spec().name, s.spec().purpose, s.state()))
    }

    /// Whether every link of a purpose is up.
    #[must_use]
    pub fn is_up(&self, purpose: Purpose) -> bool {
        self.sessions.iter().filter(|s| s.spec().purpose == purpose).all(Session::is_up)
    }

    /// How full each rate limit is: name, used, capacity.
    pub fn rate_usage(&self) -> impl Iterator<Item = (&'static str, u32, u32)> {
        self.limit.usage()
    }

    /// Calls without an answer.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.calls.len()
    }

    /// When the first call is given up. Calls are in order of sending and no order waits longer than a question, so whatever was sent
    /// after an order is not due before it.
    fn first_call_deadline(&self) -> Option<Timestamp> {
        const { assert!(ORDER_TIMEOUT.0 <= QUESTION_TIMEOUT.0) };
        let mut first: Option<Timestamp> = None;
        for call in self.calls.values() {
            first = Some(first.map_or(call.deadline(), |known| known.min(call.deadline())));
            if matches!(call, Call::Order { .. }) {
                break;
            }
        }
        first
    }

    fn venue_now(&self, now: Timestamp) -> Timestamp {
        now.plus(self.offset.0)
    }

    fn links(&self) -> impl Iterator<Item = LinkId> + use<> {
        (0..u8::try_from(self.sessions.len()).unwrap_or(u8::MAX)).map(LinkId)
    }

    fn session(&self, link: LinkId) -> Option<&Session> {
        self.sessions.get(usize::from(link.0))
    }

    fn session_mut(&mut self, link: LinkId) -> Option<&mut Session> {
        self.sessions.get_mut(usize::from(link.0))
    }
}

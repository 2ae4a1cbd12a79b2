//! The life of one socket: connect, log in, subscribe, stay alive, come back.
//!
//! A state machine over what the transport tells and what the clock shows. A link is up when its login and every subscription
//! were taken. It goes down when the transport says so, when nothing was heard for too long (half open), when a step of the way up
//! takes too long, when the venue says that it is going away, or when it is older than the venue lets it be; it comes back after a
//! pause that doubles with each failure and is spread by chance, so that a fleet does not come back in one instant.

use crate::dialect::{Heartbeat, LinkSpec};
use tradewind_types::{Nanos, Timestamp};

/// Chance, from a seed: splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014).
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Between half of a span and all of it.
    const fn spread(&mut self, span: Nanos) -> Nanos {
        let half = span.0 / 2;
        Nanos(half + if half > 0 { (self.next() % half.unsigned_abs()).cast_signed() } else { 0 })
    }
}

/// Where a link is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// Not wanted.
    Off,
    /// Down until this moment.
    Waiting {
        /// When it is tried again.
        until: Timestamp,
    },
    /// The name of its stream has been asked for.
    Naming,
    /// The transport is connecting.
    Connecting,
    /// The login is on its way.
    LoggingIn,
    /// So many subscriptions have no answer yet.
    Subscribing {
        /// How many.
        left: usize,
    },
    /// Everything was taken.
    Up,
}

/// What a session wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Begin a connection, by asking for its name where it needs one.
    Connect,
    /// Drop the connection; it comes back by itself.
    Drop(&'static str),
    /// Send the heartbeat.
    Ping,
}

/// Each step of the way up takes at most so long.
const STEP_TIMEOUT: Nanos = Nanos::from_secs(10);
const FIRST_PAUSE: Nanos = Nanos::from_millis(250);
const LONGEST_PAUSE: Nanos = Nanos::from_secs(30);

/// A link that was up for so long has not failed when it goes down.
const PROVEN_AFTER: Nanos = Nanos::from_secs(60);

#[derive(Clone, Debug)]
pub(crate) struct Session {
    spec: LinkSpec,
    state: LinkState,
    /// Counts connections: what a dropped one still says is not heard.
    attempt: u32,
    /// When the state was entered.
    since: Timestamp,
    connected: Timestamp,
    heard: Timestamp,
    pinged: Timestamp,
    failures: u32,
    chance: Chance,
}

impl Session {
    pub(crate) fn new(spec: LinkSpec, seed: u64) -> Self {
        let never = Timestamp(0);
        let chance = Chance::new(seed);
        Self { spec, state: LinkState::Off, attempt: 0, since: never, connected: never, heard: never, pinged: never, failures: 0, chance }
    }

    pub(crate) const fn spec(&self) -> &LinkSpec {
        &self.spec
    }

    pub(crate) const fn state(&self) -> LinkState {
        self.state
    }

    pub(crate) const fn attempt(&self) -> u32 {
        self.attempt
    }

    pub(crate) const fn is_up(&self) -> bool {
        matches!(self.state, LinkState::Up)
    }

    pub(crate) const fn is_connected(&self) -> bool {
        matches!(self.state, LinkState::LoggingIn | LinkState::Subscribing { .. } | LinkState::Up)
    }

    /// Wanted from now on.
    pub(crate) fn start(&mut self, now: Timestamp) {
        if self.state == LinkState::Off {
            self.enter(LinkState::Waiting { until: now }, now);
        }
    }

    /// Not wanted any more.
    pub(crate) fn stop(&mut self, now: Timestamp) {
        self.attempt += 1;
        self.enter(LinkState::Off, now);
    }

    /// A connection is being made; gives its number.
    pub(crate) fn connecting(&mut self, now: Timestamp) -> u32 {
        self.attempt += 1;
        self.enter(LinkState::Connecting, now);
        self.attempt
    }

    /// The name of its stream is being asked for.
    pub(crate) fn naming(&mut self, now: Timestamp) {
        self.enter(LinkState::Naming, now);
    }

    /// The transport is there. `needs_login`: the answer to the login comes first.
    pub(crate) fn connected(&mut self, now: Timestamp, login: Login, subscriptions: usize) {
        (self.connected, self.heard, self.pinged) = (now, now, now);
        match login {
            Login::Sent => self.enter(LinkState::LoggingIn, now),
            Login::NotNeeded => self.subscribing(now, subscriptions),
        }
    }

    /// Subscriptions have been sent.
    pub(crate) fn subscribing(&mut self, now: Timestamp, left: usize) {
        self.enter(if left == 0 { LinkState::Up } else { LinkState::Subscribing { left } }, now);
    }

    /// One subscription was taken; whether the link came up by it.
    pub(crate) fn subscribed(&mut self, now: Timestamp) -> bool {
        let LinkState::Subscribing { left } = self.state else { return false };
        self.subscribing(now, left.saturating_sub(1));
        self.is_up()
    }

    pub(crate) const fn heard(&mut self, now: Timestamp) {
        self.heard = now;
    }

    /// The connection is gone, or was given up.
    pub(crate) fn lost(&mut self, now: Timestamp) {
        if self.is_up() && now.since(self.since) >= PROVEN_AFTER {
            self.failures = 0;
        }
        let pause = FIRST_PAUSE.0.saturating_mul(1i64 << self.failures.min(12)).min(LONGEST_PAUSE.0);
        self.failures += 1;
        self.attempt += 1;
        let until = now.plus(self.chance.spread(Nanos(pause)));
        self.enter(LinkState::Waiting { until }, now);
    }

    /// What is due.
    pub(crate) fn due(&mut self, now: Timestamp) -> Option<Wish> {
        match self.state {
            LinkState::Off => None,
            LinkState::Waiting { until } => (now >= until).then_some(Wish::Connect),
            LinkState::Naming | LinkState::Connecting | LinkState::LoggingIn | LinkState::Subscribing { .. }
                if now.since(self.since) >= STEP_TIMEOUT =>
            {
                Some(Wish::Drop("no answer on the way up"))
            }
            LinkState::Naming | LinkState::Connecting => None,
            LinkState::LoggingIn | LinkState::Subscribing { .. } | LinkState::Up => {
                if now.since(self.heard) >= self.spec.silent_after {
                    Some(Wish::Drop("silent for too long"))
                } else if self.spec.max_life.is_some_and(|life| now.since(self.connected) >= life) {
                    Some(Wish::Drop("renewed before the venue closes it"))
                } else if self.next_ping().is_some_and(|at| now >= at) {
                    self.pinged = now;
                    Some(Wish::Ping)
                } else {
                    None
                }
            }
        }
    }

    /// When [`Session::due`] has something next, at the latest.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        let step = self.since.plus(STEP_TIMEOUT);
        match self.state {
            LinkState::Off => None,
            LinkState::Waiting { until } => Some(until),
            LinkState::Naming | LinkState::Connecting => Some(step),
            LinkState::LoggingIn | LinkState::Subscribing { .. } | LinkState::Up => {
                let silent = Some(self.heard.plus(self.spec.silent_after));
                let life = self.spec.max_life.map(|life| self.connected.plus(life));
                let step = (!self.is_up()).then_some(step);
                [silent, life, step, self.next_ping()].into_iter().flatten().min()
            }
        }
    }

    fn next_ping(&self) -> Option<Timestamp> {
        match &self.spec.heartbeat {
            Heartbeat::VenuePings => None,
            Heartbeat::Text { every, .. } => Some(self.pinged.plus(*every)),
        }
    }

    fn enter(&mut self, state: LinkState, now: Timestamp) {
        (self.state, self.since) = (state, now);
    }
}

/// Whether a login has been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Login {
    Sent,
    NotNeeded,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Purpose;

    const SECOND: i64 = 1_000_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * SECOND)
    }

    fn session() -> Session {
        let heartbeat = Heartbeat::Text { every: Nanos::from_secs(20), frame: b"ping".to_vec() };
        let max_life = Some(Nanos::from_secs(3600));
        let spec = LinkSpec { name: "public", purpose: Purpose::Public, heartbeat, silent_after: Nanos::from_secs(30), max_life };
        Session::new(spec, 7)
    }

    fn up(session: &mut Session, now: Timestamp) {
        session.start(now);
        session.connecting(now);
        session.connected(now, Login::Sent, 2);
        session.subscribing(now, 2);
        assert!(!session.subscribed(now));
        assert!(session.subscribed(now));
    }

    #[test]
    fn it_comes_up_pings_and_falls_silent() {
        let mut session = session();
        up(&mut session, at(0));
        assert_eq!(session.next_deadline(), Some(at(20)));
        assert_eq!(session.due(at(20)), Some(Wish::Ping));
        session.heard(at(21));
        assert_eq!(session.due(at(39)), None);
        assert_eq!(session.due(at(40)), Some(Wish::Ping));
        assert_eq!(session.due(at(51)), Some(Wish::Drop("silent for too long")));
    }

    #[test]
    fn it_is_renewed_before_the_venue_closes_it() {
        let mut session = session();
        up(&mut session, at(0));
        for second in 1..3600 {
            session.heard(at(second));
            assert_ne!(session.due(at(second)), Some(Wish::Drop("renewed before the venue closes it")));
        }
        assert_eq!(session.due(at(3600)), Some(Wish::Drop("renewed before the venue closes it")));
    }

    #[test]
    fn pauses_double_are_spread_and_begin_anew_after_a_proven_life() {
        let mut session = session();
        let mut pauses = Vec::new();
        for _ in 0..10 {
            session.start(at(0));
            session.connecting(at(0));
            session.lost(at(0));
            let LinkState::Waiting { until } = session.state() else { panic!("{:?}", session.state()) };
            pauses.push(until.0);
        }
        for (n, pause) in pauses.iter().enumerate() {
            let most = (FIRST_PAUSE.0 << n).min(LONGEST_PAUSE.0);
            assert!((most / 2..=most).contains(pause), "{n}: {pause}");
        }
        up(&mut session, at(100));
        session.lost(at(200));
        let LinkState::Waiting { until } = session.state() else { panic!("{:?}", session.state()) };
        assert!(until.since(at(200)) <= FIRST_PAUSE);
    }

    #[test]
    fn a_step_that_hangs_is_given_up() {
        let mut session = session();
        session.start(at(0));
        assert_eq!(session.due(at(0)), Some(Wish::Connect));
        session.connecting(at(0));
        assert_eq!(session.due(at(9)), None);
        assert_eq!(session.due(at(10)), Some(Wish::Drop("no answer on the way up")));
    }
}

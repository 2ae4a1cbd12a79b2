//! The loop of a node: what is heard goes in, what is to be done comes out, and time passes.
//!
//! One thread owns the [`Machine`] and its [`Transport`]. Each turn takes what sockets and requests have (up to a bound, so that
//! deadlines and signals are seen under any flood), does after each what the machine asks for, then says what time it is if
//! something is due. What was heard is taken in before the clock is told: after a pause of the process, answers that wait in the
//! sockets count before their deadlines do. The first interrupt or termination signal asks the machine to stop, and the loop goes
//! on until it has; the second ends it at once.

use crate::clock::Clock;
use crate::core::Core;
use crate::health::{Health, Level, Line};
use crate::keeping::Keeping;
use crate::log::LogSink;
use crate::transport::Transport;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Sleep;
use tradewind_types::{Histogram, Nanos, Timestamp, VenueId};
use tradewind_venues::{Action, Incoming, LinkId, Purpose};

/// What is driven: it is told what is heard and what time it is, and asks for things to be done.
pub trait Machine {
    /// Something was heard.
    fn on_incoming(&mut self, now: Timestamp, venue: VenueId, incoming: &Incoming<'_>);
    /// Time has passed.
    fn on_time(&mut self, now: Timestamp);
    /// When time has to be told next.
    fn next_deadline(&self) -> Option<Timestamp>;
    /// What is to be done, in order, behind what `into` holds.
    fn take_actions(&mut self, into: &mut Vec<(VenueId, Action)>);
    /// What a link is for.
    fn purpose(&self, venue: VenueId, link: LinkId) -> Purpose;
    /// Asked to stop.
    fn stop(&mut self, now: Timestamp);
    /// Whether it has stopped, in good order or not.
    fn is_stopped(&self) -> bool;
    /// What happened, behind what `into` holds.
    fn take_log(&mut self, into: &mut Vec<Line>);
    /// How it is.
    fn health(&self) -> Health;
}

impl<K: Keeping> Machine for Core<K> {
    #[inline]
    fn on_incoming(&mut self, now: Timestamp, venue: VenueId, incoming: &Incoming<'_>) {
        self.on_incoming(now, venue, incoming);
    }

    fn on_time(&mut self, now: Timestamp) {
        self.on_time(now);
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        self.next_deadline()
    }

    #[inline]
    fn take_actions(&mut self, into: &mut Vec<(VenueId, Action)>) {
        into.extend(self.take_actions());
    }

    fn purpose(&self, venue: VenueId, link: LinkId) -> Purpose {
        self.link_purpose(venue, link)
    }

    fn stop(&mut self, now: Timestamp) {
        self.stop(now);
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped()
    }

    fn take_log(&mut self, into: &mut Vec<Line>) {
        into.extend(self.take_log());
    }

    fn health(&self) -> Health {
        self.health()
    }
}

/// How the loop itself is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoopHealth {
    /// From taking something heard to having done what it asked for.
    pub handled: Histogram,
    /// How late deadlines were told.
    pub lateness: Histogram,
    /// How often the wall clock was set.
    pub clock_steps: u64,
    /// How often the process stood still for longer than [`STALL`].
    pub stalls: u64,
}

/// Where the loop says how it and its machine are.
pub trait Onlooker {
    /// Told about once a second.
    fn look(&mut self, health: Health, own: &LoopHealth);
}

/// Nobody looks.
impl Onlooker for () {
    fn look(&mut self, _: Health, _: &LoopHealth) {}
}

/// Asks a loop to stop, from another thread or a signal: once for in good order, twice for at once.
#[derive(Clone, Debug, Default)]
pub struct Stopper(Arc<AtomicU32>);

impl Stopper {
    /// Asks once more. It is heard within a second.
    pub fn ask(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn asked(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How a loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The machine stopped by itself.
    ByItself,
    /// It was asked to, and did.
    Stopped,
    /// It was asked to twice: what it was about was left as it was.
    AtOnce,
}

/// The loop could not begin.
#[derive(Debug, thiserror::Error)]
#[error("the node's loop cannot start: {0}")]
pub struct DriveError(#[from] std::io::Error);

/// A deadline told so late means that the process stood still.
pub const STALL: Nanos = Nanos::from_secs(1);
/// How often the wall clock is compared and onlookers are told.
const LOOK_EVERY: Nanos = Nanos::from_secs(1);
/// Things heard in one turn, before deadlines, signals and the reactor are looked at.
const BURST: u32 = 16;

/// A machine, its transport and its clock.
pub struct Drive<M, O> {
    machine: M,
    transport: Transport,
    clock: Clock,
    log: LogSink,
    onlooker: O,
    stopper: Stopper,
    signals: [Signal; 2],
    sleep: Pin<Box<Sleep>>,
    own: LoopHealth,
    asked: u32,
    next_look: Timestamp,
    turned: Timestamp,
    actions: Vec<(VenueId, Action)>,
    lines: Vec<Line>,
}

/// Drives a machine on this thread until it has stopped; gives it back.
///
/// # Errors
/// [`DriveError`] where the operating system gives no timers or signals.
pub fn drive<M: Machine, O: Onlooker>(
    machine: M,
    transport: Transport,
    clock: Clock,
    log: LogSink,
    onlooker: O,
    stopper: Stopper,
) -> Result<(M, Ended), DriveError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let signals = [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?];
        let now = clock.now();
        let mut driven = Drive {
            machine,
            transport,
            clock,
            log,
            onlooker,
            stopper,
            signals,
            sleep: Box::pin(tokio::time::sleep(std::time::Duration::ZERO)),
            own: LoopHealth::default(),
            asked: 0,
            next_look: now,
            turned: now,
            actions: Vec::new(),
            lines: Vec::new(),
        };
        // The bounds are ours: a budget that hides readiness would look like a socket that has been read to its end.
        let ended = tokio::task::unconstrained(std::future::poll_fn(|cx| driven.poll(cx))).await;
        std::future::poll_fn(|cx| {
            driven.transport.close(cx);
            Poll::Ready(())
        })
        .await;
        Ok((driven.machine, ended))
    })
}

impl<M: Machine, O: Onlooker> Drive<M, O> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        self.note_stall();
        // A machine may want something done before it has heard anything.
        self.act(cx);
        let is_heard_out = self.listen(cx);
        self.tell_time(cx);
        self.hear_signals(cx);
        self.write_log();
        if let Some(ended) = self.end() {
            return Poll::Ready(ended);
        }
        if !is_heard_out || !self.rest(cx) {
            // Through the reactor, so that what has come to other sockets is seen.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Takes what is there, up to a bound; whether that was all.
    fn listen(&mut self, cx: &mut Context<'_>) -> bool {
        for _ in 0..BURST {
            let now = self.clock.now();
            let Poll::Ready(heard) = self.transport.poll(cx, now) else { return true };
            self.machine.on_incoming(now, heard.venue, &heard.incoming());
            self.act(cx);
            self.own.handled.add(self.clock.now().since(now));
        }
        false
    }

    #[inline]
    fn act(&mut self, cx: &mut Context<'_>) {
        self.machine.take_actions(&mut self.actions);
        for (venue, action) in self.actions.drain(..) {
            self.transport.perform(cx, venue, action, |link| self.machine.purpose(venue, link));
        }
    }

    fn tell_time(&mut self, cx: &mut Context<'_>) {
        let now = self.clock.now();
        if let Some(due) = self.machine.next_deadline().filter(|due| *due <= now) {
            self.own.lateness.add(now.since(due));
            self.machine.on_time(now);
            self.act(cx);
        }
        if now >= self.next_look {
            self.next_look = now.plus(LOOK_EVERY);
            if let Some(step) = self.clock.wall_step() {
                self.own.clock_steps += 1;
                let text = format!("the wall clock was set by {} ms; the node's time goes on as it was", step.0 / 1_000_000);
                self.say(Level::Warning, "clock-step", text);
            }
            self.onlooker.look(self.machine.health(), &self.own);
        }
    }

    /// The process was stopped, or the machine slept, or a turn took far too long.
    fn note_stall(&mut self) {
        let now = self.clock.now();
        // It never rests for longer than until the next look.
        let stall = now.since(self.turned.plus(LOOK_EVERY));
        if stall >= STALL {
            self.own.stalls += 1;
            self.say(Level::Warning, "stalled", format!("the process stood still for {} ms", stall.0 / 1_000_000));
        }
        self.turned = now;
    }

    fn hear_signals(&mut self, cx: &mut Context<'_>) {
        for signal in &mut self.signals {
            while let Poll::Ready(Some(())) = signal.poll_recv(cx) {
                self.stopper.ask();
            }
        }
        let asked = self.stopper.asked();
        if asked > 0 && self.asked == 0 {
            self.say(Level::Info, "asked-to-stop", "once more ends at once, whatever lives".to_owned());
            self.machine.stop(self.clock.now());
            self.act(cx);
        }
        self.asked = asked;
    }

    fn end(&self) -> Option<Ended> {
        match (self.machine.is_stopped(), self.asked) {
            (true, 0) => Some(Ended::ByItself),
            (true, _) => Some(Ended::Stopped),
            (false, 0 | 1) => None,
            (false, _) => Some(Ended::AtOnce),
        }
    }

    fn say(&mut self, level: Level, event: &'static str, text: String) {
        self.log.take(Line { at: self.clock.now(), level, event, about: String::new(), text });
    }

    fn write_log(&mut self) {
        self.machine.take_log(&mut self.lines);
        self.lines.drain(..).for_each(|line| self.log.take(line));
    }

    /// Sleeps until the next deadline; false where it is there already.
    fn rest(&mut self, cx: &mut Context<'_>) -> bool {
        let due = self.machine.next_deadline().map_or(self.next_look, |due| due.min(self.next_look));
        self.sleep.as_mut().reset(self.clock.instant(due).into());
        self.sleep.as_mut().poll(cx).is_pending()
    }
}

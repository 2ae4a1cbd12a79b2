//! The loop with a small machine: what is heard goes in, what is asked is done, time is told when it is due, and stopping stops.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod loopback;

use loopback::Loopback;
use std::io::Write;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tradewind_node::{Clock, Ended, Health, Level, Line, LogFormat, LogSink, LoopHealth, Machine, Onlooker, Stopper, Transport};
use tradewind_node::{drive, trust_this_machine};
use tradewind_types::{Nanos, Timestamp, VenueId};
use tradewind_venues::{Action, CallId, HttpRequest, Incoming, LinkId, Method, Purpose};

const VENUE: VenueId = VenueId(0);
const LINK: LinkId = LinkId(0);

/// Sends a number by socket, and the next one when it comes back; asks a question every 20 ms; needs 50 ms to stop.
struct Counter {
    url: String,
    question: String,
    target: u64,
    sent: u64,
    answers: u64,
    ticks: Vec<(Timestamp, Timestamp)>,
    due: Timestamp,
    stopping: Option<Timestamp>,
    is_stopped: bool,
    actions: Vec<(VenueId, Action)>,
    log: Vec<Line>,
    told: Sender<u64>,
}

impl Counter {
    fn say(&mut self) {
        self.actions.push((VENUE, Action::Send { link: LINK, attempt: 1, frame: self.sent.to_string().into_bytes() }));
    }
}

fn line(at: Timestamp, event: &'static str, text: String) -> Line {
    Line { at, level: Level::Info, event, about: String::new(), text }
}

impl Machine for Counter {
    fn on_incoming(&mut self, now: Timestamp, venue: VenueId, incoming: &Incoming<'_>) {
        assert_eq!(venue, VENUE);
        match incoming {
            Incoming::Connected { .. } => self.say(),
            Incoming::Frame { text, .. } => {
                assert_eq!(*text, self.sent.to_string().as_bytes());
                self.sent += 1;
                self.told.send(self.sent).unwrap();
                if self.sent < self.target {
                    self.say();
                } else if self.target > 0 {
                    self.is_stopped = true;
                }
            }
            Incoming::Response { status, .. } => {
                assert_eq!(*status, 200);
                self.answers += 1;
            }
            other => self.log.push(line(now, "unexpected", format!("{other:?}"))),
        }
    }

    fn on_time(&mut self, now: Timestamp) {
        if self.ticks.is_empty() {
            self.actions.push((VENUE, Action::Connect { link: LINK, attempt: 1, url: self.url.clone() }));
        }
        let request = HttpRequest { method: Method::Get, url: self.question.clone(), headers: Vec::new(), body: Vec::new() };
        self.actions.push((VENUE, Action::Request { call: CallId(self.ticks.len() as u64), request }));
        self.ticks.push((self.due, now));
        self.log.push(line(now, "tick", String::new()));
        self.due = self.due.plus(Nanos::from_millis(20));
        self.is_stopped |= self.stopping.is_some_and(|since| now.since(since) >= Nanos::from_millis(50));
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        Some(self.due)
    }

    fn take_actions(&mut self, into: &mut Vec<(VenueId, Action)>) {
        into.append(&mut self.actions);
    }

    fn purpose(&self, _: VenueId, _: LinkId) -> Purpose {
        Purpose::Orders
    }

    fn stop(&mut self, now: Timestamp) {
        self.stopping = Some(now);
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    fn take_log(&mut self, into: &mut Vec<Line>) {
        into.append(&mut self.log);
    }

    fn health(&self) -> Health {
        Health { inputs: self.sent, ..Health::default() }
    }
}

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<(Health, LoopHealth)>>>);

impl Onlooker for Seen {
    fn look(&mut self, health: Health, own: &LoopHealth) {
        self.0.lock().unwrap().push((health, own.clone()));
    }
}

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Runs a counter to its end; beside it, `meanwhile` sees how far it has come and may ask it to stop.
fn count(target: u64, meanwhile: impl FnOnce(&std::sync::mpsc::Receiver<u64>, &Stopper)) -> (Counter, Ended, Seen, String) {
    let server = Loopback::start();
    let (told, heard) = channel();
    let (stopper, seen, page, clock) = (Stopper::default(), Seen::default(), Page::default(), Clock::start());
    let machine = Counter {
        url: server.ws("/echo"),
        question: server.http("/say/200"),
        target,
        sent: 0,
        answers: 0,
        ticks: Vec::new(),
        due: clock.now(),
        stopping: None,
        is_stopped: false,
        actions: Vec::new(),
        log: Vec::new(),
        told,
    };
    let log = LogSink::new(Box::new(page.clone()), LogFormat::Human).unwrap();
    let driver = std::thread::spawn({
        let (stopper, seen) = (stopper.clone(), seen.clone());
        move || drive(machine, Transport::new(trust_this_machine().unwrap()), clock, log, seen, stopper).unwrap()
    });
    meanwhile(&heard, &stopper);
    let (machine, ended) = driver.join().unwrap();
    let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
    (machine, ended, seen, text)
}

#[test]
fn a_thousand_round_trips_and_time_told_in_order() {
    let (machine, ended, _, log) = count(1000, |_, _| {});
    assert_eq!((machine.sent, ended), (1000, Ended::ByItself));
    for (due, told) in &machine.ticks {
        assert!(told >= due, "time was told before it was due");
    }
    assert_eq!(log.matches(" tick ").count(), machine.ticks.len());
    assert!(!log.contains("unexpected"), "{log}");
}

#[test]
fn asked_once_it_stops_in_good_order() {
    let (machine, ended, seen, log) = count(0, |heard, stopper| {
        heard.recv_timeout(Duration::from_secs(10)).unwrap();
        stopper.ask();
    });
    assert_eq!(ended, Ended::Stopped);
    assert!(machine.answers > 0, "questions were answered meanwhile");
    assert!(log.contains("asked-to-stop"), "{log}");
    let seen = seen.0.lock().unwrap();
    let (health, own) = seen.last().unwrap();
    assert_eq!((health.is_trading, own.stalls), (false, 0));
}

#[test]
fn asked_twice_it_ends_at_once() {
    let (machine, ended, ..) = count(0, |heard, stopper| {
        heard.recv_timeout(Duration::from_secs(10)).unwrap();
        stopper.ask();
        stopper.ask();
    });
    assert_eq!(ended, Ended::AtOnce);
    assert!(!machine.is_stopped);
}

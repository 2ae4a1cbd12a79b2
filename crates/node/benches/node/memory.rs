//! An emulated venue on a thread of its own, with no socket between: the node's actions go over a channel, what the venue says
//! comes back over another.

use crate::desk::{Node, Place, Wall, setup};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tradewind_emulator::emulator::Emulator;
use tradewind_emulator::front::{ConnId, Frame, HttpIn};
use tradewind_node::Level;
use tradewind_types::VenueId;
use tradewind_venues::{Action, CallId, Incoming, LinkId, Purpose};

/// What a node says at its start and its end.
const EXPECTED: [&str; 3] = ["balance-adopted", "halted", "link-down"];

/// What the venue says.
pub enum Said {
    Opened(LinkId, u32),
    Heard(LinkId, u32, Vec<u8>),
    Closed(LinkId, u32),
    Answered(CallId, u16, Vec<(String, String)>, Vec<u8>),
    Failed(CallId),
}

/// A node beside its venue.
pub struct Beside {
    pub node: Node,
    pub wall: Wall,
    venue: VenueId,
    asks: Sender<Action>,
    says: Receiver<Said>,
    thread: JoinHandle<Emulator>,
    /// The public link, once a frame came over it.
    public: Option<(LinkId, u32)>,
    /// Whether the venue's own market data is heard.
    pub hears_market: bool,
    actions: Vec<Action>,
    /// Frames sent on links that orders leave by.
    pub orders_out: u64,
}

impl Beside {
    pub fn new(place: Place, wall: Wall, node: Node) -> Self {
        let ((asks, asked), (say, says)) = (channel(), channel());
        let thread = std::thread::spawn(move || serve(place, wall, &asked, &say));
        let venue = VenueId(if place.venue == tradewind_emulator::venues::Venue::Binance { 0 } else { 1 });
        let (public, actions) = (None, Vec::new());
        let mut beside = Self { node, wall, venue, asks, says, thread, public, hears_market: true, actions, orders_out: 0 };
        beside.decide();
        beside.carry();
        beside
    }

    /// Gives the node a frame of market data as if it had come now, up to where what it leads to is ready to be sent.
    #[inline]
    pub fn frame(&mut self, text: &[u8]) {
        let Some((link, attempt)) = self.public else { panic!("no market data yet") };
        self.node.on_incoming(self.wall.now(), self.venue, &Incoming::Frame { link, attempt, text });
        self.decide();
    }

    /// Takes what the node wants done.
    #[inline]
    fn decide(&mut self) {
        self.actions.extend(self.node.take_actions().map(|(_, action)| action));
    }

    /// Whether an order is ready to be sent.
    pub fn has_order(&self) -> bool {
        self.actions.iter().any(|action| self.is_order(action))
    }

    fn is_order(&self, action: &Action) -> bool {
        matches!(action, Action::Send { link, .. } if self.node.link_purpose(self.venue, *link) == Purpose::Orders)
    }

    /// Sends what is ready.
    pub fn carry(&mut self) {
        let orders = self.actions.iter().filter(|action| self.is_order(action)).count();
        self.orders_out += orders as u64;
        for action in self.actions.drain(..) {
            self.asks.send(action).unwrap();
        }
        for line in self.node.take_log() {
            if line.level >= Level::Warning && !EXPECTED.contains(&line.event) {
                eprintln!("{} {} {}", line.event, line.about, line.text);
            }
        }
    }

    /// Does what the venue has said, or what is due; whether there was anything.
    pub fn turn(&mut self) -> bool {
        let said = self.says.try_recv().ok();
        let is_news = said.is_some();
        if let Some(said) = said {
            self.tell(&said);
        } else if self.node.next_deadline().is_some_and(|due| due <= self.wall.now()) {
            self.node.on_time(self.wall.now());
        } else {
            return false;
        }
        self.decide();
        self.carry();
        is_news
    }

    fn tell(&mut self, said: &Said) {
        let now = self.wall.now();
        let incoming = match said {
            Said::Opened(link, attempt) => Incoming::Connected { link: *link, attempt: *attempt },
            Said::Heard(link, attempt, text) => {
                if self.node.link_purpose(self.venue, *link) == Purpose::Public {
                    self.public = Some((*link, *attempt));
                    if !self.hears_market {
                        return;
                    }
                }
                Incoming::Frame { link: *link, attempt: *attempt, text }
            }
            Said::Closed(link, attempt) => Incoming::Disconnected { link: *link, attempt: *attempt, why: "closed by the venue" },
            Said::Answered(call, status, headers, body) => Incoming::Response { call: *call, status: *status, headers, body },
            Said::Failed(call) => Incoming::Failed { call: *call, why: "no answer" },
        };
        self.node.on_incoming(now, self.venue, &incoming);
    }

    /// Goes on until `done`, a minute at most.
    pub fn until(&mut self, what: &str, done: impl Fn(&Node) -> bool) {
        let start = self.wall.since.elapsed();
        while !done(&self.node) {
            if !self.turn() {
                std::thread::sleep(Duration::from_micros(200));
            }
            let late = self.wall.since.elapsed() - start > Duration::from_secs(60);
            assert!(!late, "{what} within a minute: {:?}", self.node.health());
        }
    }

    /// The node ends; gives back the venue as it is then.
    pub fn end(mut self) -> (Node, Emulator) {
        self.node.stop(self.wall.now());
        self.decide();
        self.carry();
        self.until("the node has not stopped", tradewind_node::Core::is_stopped);
        drop(self.asks);
        (self.node, self.thread.join().unwrap())
    }
}

/// The venue's thread: does what it is asked until nobody asks any more.
fn serve(place: Place, wall: Wall, asked: &Receiver<Action>, say: &Sender<Said>) -> Emulator {
    let mut emulator = Emulator::new(&setup(place.venue, wall.now())).unwrap();
    let mut conns: BTreeMap<(LinkId, u32), ConnId> = BTreeMap::new();
    let mut owners: BTreeMap<ConnId, (LinkId, u32)> = BTreeMap::new();
    let mut frames = Vec::new();
    loop {
        let due = emulator.next_deadline().map_or(100_000_000, |due| due.since(wall.now()).0.clamp(0, 100_000_000));
        let action = match asked.recv_timeout(Duration::from_nanos(due.unsigned_abs())) {
            Ok(action) => Some(action),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return emulator,
        };
        let now = wall.now();
        emulator.advance(now);
        // Whoever does not listen any more has ended.
        let tell = |said| say.send(said).ok();
        match action {
            None => {}
            Some(Action::Connect { link, attempt, url }) => {
                let (path, query) = split(&url);
                match emulator.connect(now, 0, path, query) {
                    Ok(conn) => {
                        conns.insert((link, attempt), conn);
                        owners.insert(conn, (link, attempt));
                        tell(Said::Opened(link, attempt));
                    }
                    Err(_) => drop(tell(Said::Closed(link, attempt))),
                }
            }
            Some(Action::Send { link, attempt, frame }) => {
                if let Some(conn) = conns.get(&(link, attempt)) {
                    emulator.receive(now, *conn, &frame);
                }
            }
            Some(Action::Close { link, attempt }) => {
                if let Some(conn) = conns.remove(&(link, attempt)) {
                    owners.remove(&conn);
                    emulator.disconnect(conn);
                }
            }
            Some(Action::Request { call, request }) => {
                let (path, query) = split(&request.url);
                let headers: Vec<(String, String)> = request.headers.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect();
                let asked = HttpIn { method: request.method.as_str(), path, query, headers: &headers, body: &request.body };
                tell(emulator.http(now, 0, &asked).map_or(Said::Failed(call), |answer| {
                    let headers = answer.headers.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
                    Said::Answered(call, answer.status, headers, answer.body)
                }));
            }
        }
        emulator.take_frames(&mut frames);
        for (conn, frame) in frames.drain(..) {
            let Some((link, attempt)) = owners.get(&conn).copied() else { continue };
            match frame {
                Frame::Text(text) => drop(tell(Said::Heard(link, attempt, text.into_bytes()))),
                Frame::Ping(payload) => emulator.pong(now, conn, &payload),
                Frame::Pong(_) => {}
                Frame::Close { .. } => drop(tell(Said::Closed(link, attempt))),
            }
        }
    }
}

/// Path and query of an address.
fn split(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').map_or("/", |at| &rest[at..]);
    path.split_once('?').unwrap_or((path, ""))
}

//! A world for a node: emulated venues at the other end of a network that delays, loses and cuts, and a process that may end at any
//! moment. Time and chance are the storm's.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use tradewind_emulator::emulator::{Emulator, EmulatorSetup};
use tradewind_emulator::faults::FaultSettings;
use tradewind_emulator::front::{ConnId, Frame, HttpIn};
use tradewind_emulator::venues::{RequestLimits, Venue};
use tradewind_node::{Config, Core, Kept, Level, Line, Mode, Seating, beginning, gateways};
use tradewind_types::{Nanos, Timestamp, VenueId};
use tradewind_venues::{Action, CallId, Credentials, HttpRequest, Incoming, LinkId};

/// Chance, from a seed (splitmix64).
#[derive(Clone, Debug)]
pub struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    /// With so many chances in a thousand.
    pub fn in_1000(&mut self, n: u64) -> bool {
        self.below(1000) < n
    }
}

/// What the network does, in chances of a thousand.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    /// An answer over HTTP is lost after the venue did what was asked.
    pub answer_lost: u64,
    /// A request is lost before it reaches the venue.
    pub request_lost: u64,
    /// A frame to a venue is lost with its connection.
    pub cut_sending: u64,
    /// A frame from a venue is lost with its connection.
    pub cut_hearing: u64,
    /// Something takes up to a second longer.
    pub delayed: u64,
}

impl Faults {
    pub const NONE: Self = Self { answer_lost: 0, request_lost: 0, cut_sending: 0, cut_hearing: 0, delayed: 0 };
    pub const STORMY: Self = Self { answer_lost: 20, request_lost: 20, cut_sending: 8, cut_hearing: 1, delayed: 30 };
}

#[derive(Debug)]
enum Event {
    ReachesVenue(usize, LinkId, u32, Vec<u8>),
    OpensAtVenue(usize, LinkId, u32, String),
    ClosesAtVenue(usize, LinkId, u32),
    AsksVenue(usize, CallId, HttpRequest),
    Opened(usize, LinkId, u32),
    Heard(usize, LinkId, u32, Vec<u8>),
    Pinged(usize, LinkId, u32),
    Closed(usize, LinkId, u32, &'static str),
    Answered(usize, CallId, u16, Vec<(String, String)>, Vec<u8>),
    Failed(usize, CallId),
}

pub type Node = Core<Kept<tradewind_journal::Volume>>;

/// Emulated venues, the network, and the node's folder.
pub struct World {
    pub now: Timestamp,
    pub chance: Chance,
    pub faults: Faults,
    pub emulator: Emulator,
    pub node: Option<Node>,
    pub log: Vec<Line>,
    config: Config,
    venues: Vec<Venue>,
    queue: BTreeMap<(Timestamp, u64), Event>,
    count: u64,
    /// Of this life: what an earlier one is still told is not heard.
    conns: BTreeMap<(usize, LinkId, u32), ConnId>,
    owners: BTreeMap<ConnId, (usize, LinkId, u32)>,
    /// The last moment at which something arrives on a connection: order is kept.
    last: BTreeMap<(usize, LinkId, u32, bool), Timestamp>,
    frames: Vec<(ConnId, Frame)>,
    folder: PathBuf,
    killed_at: Option<Timestamp>,
    /// Ways, out (true) and in, that nothing arrives on any more.
    lost: BTreeSet<(usize, LinkId, u32, bool)>,
    /// Requests that held several orders.
    pub batches: usize,
}

pub fn venue_id(venue: Venue) -> VenueId {
    match venue {
        Venue::Binance => VenueId(0),
        Venue::Bybit => VenueId(1),
    }
}

impl World {
    pub fn new(seed: u64, venues: &[Venue], config: Config) -> Self {
        let start = Timestamp(1_700_000_000_000_000_000);
        let setup = EmulatorSetup {
            start,
            seed,
            venues: venues.to_vec(),
            accounts: 1,
            limits: RequestLimits::Published,
            faults: FaultSettings::default(),
        };
        let emulator = Emulator::new(&setup).unwrap();
        let folder = config.node.folder.clone();
        let (now, chance) = (start, Chance(seed));
        let world = Self {
            now,
            chance,
            faults: Faults::NONE,
            emulator,
            node: None,
            log: Vec::new(),
            config,
            venues: venues.to_vec(),
            queue: BTreeMap::new(),
            count: 0,
            conns: BTreeMap::new(),
            owners: BTreeMap::new(),
            last: BTreeMap::new(),
            frames: Vec::new(),
            folder,
            killed_at: None,
            lost: BTreeSet::new(),
            batches: 0,
        };
        std::fs::create_dir_all(&world.folder).unwrap();
        world
    }

    pub fn folder(&self) -> &std::path::Path {
        &self.folder
    }

    /// The process starts, and takes up what an earlier one left.
    pub fn start(&mut self, seating: Box<dyn Seating>) {
        let keys: Vec<(Venue, Credentials)> = self
            .emulator
            .venues()
            .map(|(venue, house)| {
                let credentials = &house.clients()[0].credentials;
                let (key, secret) = (credentials.key.clone(), credentials.secret.reveal().to_owned());
                (venue, Credentials { key, secret, passphrase: credentials.passphrase.reveal().to_owned() })
            })
            .collect();
        let names = self.venues.clone();
        let configs = self.config.venues.clone();
        let find = move |wanted: &tradewind_node::VenueConfig| {
            let place = configs.iter().position(|config| config.name == wanted.name)?;
            let venue = names.get(place)?;
            keys.iter().find(|(v, _)| v == venue).map(|(_, credentials)| credentials.clone())
        };
        let seed = self.chance.next();
        let gateways = gateways(&self.config, Mode::Live, &find, seed).unwrap();
        let begun = beginning(&self.config, "storm", self.now, self.killed_at).unwrap();
        self.node = Some(Core::new(self.config.clone(), Mode::Live, begun, gateways, seating, self.now).unwrap());
        self.carry();
    }

    /// The process ends, as by `kill -9`: what is not written is lost, and nobody closes anything in good order.
    pub fn kill(&mut self) {
        self.node = None;
        // Files carry the machine's time, the storm has its own.
        self.killed_at = Some(self.now);
        self.queue.retain(|_, event| matches!(event, Event::ReachesVenue(..) | Event::AsksVenue(..)));
        for ((venue, link, attempt), _) in std::mem::take(&mut self.conns) {
            self.push(Nanos(1), Event::ClosesAtVenue(venue, link, attempt));
        }
        // What is on its way still arrives: the connections are told apart by their owners.
        let owners = std::mem::take(&mut self.owners);
        for (conn, (venue, link, attempt)) in owners {
            self.conns.insert((venue, link, attempt | KILLED), conn);
        }
        for event in self.queue.values_mut() {
            if let Event::ReachesVenue(_, _, attempt, _) | Event::ClosesAtVenue(_, _, attempt) = event {
                *attempt |= KILLED;
            }
        }
        self.last.clear();
        self.lost.clear();
    }

    /// Runs until a moment, or until `stop` says so.
    pub fn run_until(&mut self, until: Timestamp, mut stop: impl FnMut(&mut Self) -> bool) {
        let mut still = 0u32;
        loop {
            let events = self.queue.keys().next().map(|(at, _)| *at);
            let node = self.node.as_ref().and_then(Core::next_deadline);
            let venues = self.emulator.next_deadline();
            let next = [events, node, venues].into_iter().flatten().min().unwrap_or(until).max(self.now);
            if next > until {
                self.now = until;
                self.emulator.advance(until);
                self.listen();
                return;
            }
            still = if next > self.now { 0 } else { still + 1 };
            assert!(still < 100_000, "time stands still: queue {events:?}, node {node:?}, venues {venues:?}, now {next:?}");
            self.now = next;
            self.emulator.advance(next);
            self.listen();
            while let Some(entry) = self.queue.first_entry().filter(|e| e.key().0 <= next) {
                let event = entry.remove();
                self.happen(event);
            }
            if let Some(node) = self.node.as_mut().filter(|node| node.next_deadline().is_some_and(|at| at <= next)) {
                node.on_time(next);
                self.carry();
            }
            if stop(self) {
                return;
            }
        }
    }

    fn push(&mut self, after: Nanos, event: Event) {
        self.count += 1;
        self.queue.insert((self.now.plus(after), self.count), event);
    }

    /// Something on a connection arrives after everything that was sent on it before.
    fn push_in_order(&mut self, key: (usize, LinkId, u32, bool), event: Event) {
        let at = self.now.plus(self.latency());
        let at = self.last.get(&key).map_or(at, |last| at.max(*last));
        self.last.insert(key, at);
        self.count += 1;
        self.queue.insert((at, self.count), event);
    }

    fn latency(&mut self) -> Nanos {
        let usual = 1_000_000 + self.chance.below(4_000_000);
        let more = if self.chance.in_1000(self.faults.delayed) { self.chance.below(1_000_000_000) } else { 0 };
        Nanos((usual + more).cast_signed())
    }

    /// Does what the node asks for.
    fn carry(&mut self) {
        let Some(node) = &mut self.node else { return };
        let actions: VecDeque<(VenueId, Action)> = node.take_actions().collect();
        let lines: Vec<Line> = node.take_log().collect();
        if std::env::var_os("STORM_LOG").is_some() {
            for line in &lines {
                eprintln!("{} {:?} {} {} {}", line.at.0 / 1_000_000 % 100_000_000, line.level, line.event, line.about, line.text);
            }
        }
        self.log.extend(lines.into_iter().filter(|line| line.level >= Level::Warning || line.event == "balance-adopted"));
        for (venue, action) in actions {
            let venue = self.venues.iter().position(|v| venue_id(*v) == venue).unwrap();
            match action {
                Action::Connect { link, attempt, url } => {
                    self.push_in_order((venue, link, attempt, true), Event::OpensAtVenue(venue, link, attempt, url))
                }
                Action::Send { link, attempt, frame } => {
                    self.batches += usize::from(String::from_utf8_lossy(&frame).contains("-batch"));
                    if self.chance.in_1000(self.faults.cut_sending) {
                        self.cut((venue, link, attempt, true));
                    } else if !self.lost.contains(&(venue, link, attempt, true)) {
                        self.push_in_order((venue, link, attempt, true), Event::ReachesVenue(venue, link, attempt, frame));
                    }
                }
                Action::Close { link, attempt } => {
                    self.push_in_order((venue, link, attempt, true), Event::ClosesAtVenue(venue, link, attempt))
                }
                Action::Request { call, request } => {
                    let after = self.latency();
                    if self.chance.in_1000(self.faults.request_lost) {
                        self.push(after, Event::Failed(venue, call));
                    } else {
                        self.push(after, Event::AsksVenue(venue, call, request));
                    }
                }
            }
        }
    }

    /// A connection breaks: both ends find out.
    /// What was sent is lost, and so is all that is sent after it this way, until both ends know.
    fn cut(&mut self, way: (usize, LinkId, u32, bool)) {
        let (venue, link, attempt, _) = way;
        if !self.lost.insert(way) {
            return;
        }
        let latency = self.latency();
        self.push(latency, Event::ClosesAtVenue(venue, link, attempt));
        self.push(latency, Event::Closed(venue, link, attempt, "cut"));
    }

    fn listen(&mut self) {
        let mut frames = std::mem::take(&mut self.frames);
        self.emulator.take_frames(&mut frames);
        for (conn, frame) in frames.drain(..) {
            let Some((venue, link, attempt)) = self.owners.get(&conn).copied() else { continue };
            let key = (venue, link, attempt, false);
            if self.lost.contains(&key) {
                continue;
            }
            match frame {
                Frame::Text(text) => {
                    if self.chance.in_1000(self.faults.cut_hearing) {
                        self.cut(key);
                    } else {
                        self.push_in_order(key, Event::Heard(venue, link, attempt, text.into_bytes()));
                    }
                }
                Frame::Ping(payload) => {
                    self.emulator.pong(self.now, conn, &payload);
                    self.push_in_order(key, Event::Pinged(venue, link, attempt));
                }
                Frame::Pong(_) => {}
                Frame::Close { .. } => {
                    self.owners.remove(&conn);
                    self.push_in_order(key, Event::Closed(venue, link, attempt, "closed by the venue"));
                }
            }
        }
        self.frames = frames;
    }

    fn happen(&mut self, event: Event) {
        let now = self.now;
        match event {
            Event::OpensAtVenue(venue, link, attempt, url) => {
                let (path, query) = split(&url);
                match self.emulator.connect(now, venue, path, query) {
                    Ok(conn) => {
                        self.conns.insert((venue, link, attempt), conn);
                        self.owners.insert(conn, (venue, link, attempt));
                        self.push_in_order((venue, link, attempt, false), Event::Opened(venue, link, attempt));
                    }
                    Err(answer) => {
                        assert!(answer.status < 600);
                        self.push_in_order((venue, link, attempt, false), Event::Closed(venue, link, attempt, "refused"));
                    }
                }
            }
            Event::ReachesVenue(venue, link, attempt, frame) => {
                if let Some(conn) = self.conns.get(&(venue, link, attempt)) {
                    self.emulator.receive(now, *conn, &frame);
                }
            }
            Event::ClosesAtVenue(venue, link, attempt) => {
                if let Some(conn) = self.conns.remove(&(venue, link, attempt)) {
                    self.owners.remove(&conn);
                    self.emulator.disconnect(conn);
                }
            }
            Event::AsksVenue(venue, call, request) => {
                let (path, query) = split(&request.url);
                let headers: Vec<(String, String)> = request.headers.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect();
                let asked = HttpIn { method: request.method.as_str(), path, query, headers: &headers, body: &request.body };
                let answer = self.emulator.http(now, venue, &asked);
                let after = self.latency();
                let is_lost = self.chance.in_1000(self.faults.answer_lost);
                let Some(answer) = answer.filter(|_| !is_lost) else {
                    self.push(after, Event::Failed(venue, call));
                    return self.listen();
                };
                let headers = answer.headers.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
                self.push(after, Event::Answered(venue, call, answer.status, headers, answer.body));
            }
            heard => self.tell(heard),
        }
        self.listen();
    }

    fn tell(&mut self, event: Event) {
        let now = self.now;
        let Some(node) = &mut self.node else { return };
        let id = |venue: usize| venue_id(self.venues[venue]);
        match event {
            Event::Opened(venue, link, attempt) => node.on_incoming(now, id(venue), &Incoming::Connected { link, attempt }),
            Event::Heard(venue, link, attempt, text) => node.on_incoming(now, id(venue), &Incoming::Frame { link, attempt, text: &text }),
            Event::Pinged(venue, link, attempt) => node.on_incoming(now, id(venue), &Incoming::Alive { link, attempt }),
            Event::Closed(venue, link, attempt, why) => node.on_incoming(now, id(venue), &Incoming::Disconnected { link, attempt, why }),
            Event::Answered(venue, call, status, headers, body) => {
                node.on_incoming(now, id(venue), &Incoming::Response { call, status, headers: &headers, body: &body });
            }
            Event::Failed(venue, call) => node.on_incoming(now, id(venue), &Incoming::Failed { call, why: "lost" }),
            _ => unreachable!("only what a node hears"),
        }
        self.carry();
    }
}

/// Connections of a process that was killed.
const KILLED: u32 = 1 << 31;

/// Path and query of an address.
fn split(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').map_or("/", |at| &rest[at..]);
    path.split_once('?').unwrap_or((path, ""))
}

impl Drop for World {
    fn drop(&mut self) {
        self.node = None;
        if !std::thread::panicking() {
            std::fs::remove_dir_all(&self.folder).unwrap();
        }
    }
}

//! Venues and the agents that keep them alive, as one state machine over bytes.
//!
//! Whoever drives it carries the bytes and says what time it is. What is due by a time happens at its own time and in the same
//! order however far the clock is moved at once: two advances to the same moment do what one does.

use crate::agents::Agents;
use crate::control;
use crate::faults::{BROKEN, Fate, FaultSettings, Faults};
use crate::front::{ConnId, Frame, Front, HttpIn, HttpOut, Outbox};
use crate::house::{House, News, SetupError};
use crate::venues::{RequestLimits, Venue};
use std::collections::BTreeMap;
use tradewind_types::Timestamp;

/// What an emulator is made of.
#[derive(Clone, Debug)]
pub struct EmulatorSetup {
    /// When it opens.
    pub start: Timestamp,
    /// All chance comes from it.
    pub seed: u64,
    /// Which venues; each at its index from then on.
    pub venues: Vec<Venue>,
    /// Funded clients of each.
    pub accounts: u32,
    /// How much they let their clients ask.
    pub limits: RequestLimits,
    /// What goes wrong at all of them, until they are told otherwise.
    pub faults: FaultSettings,
}

/// A house, the protocol in front of it, and what goes wrong on the way.
struct Stand {
    venue: Venue,
    house: House,
    front: Box<dyn Front + Send>,
    faults: Faults,
}

impl Stand {
    fn next_deadline(&self) -> Option<Timestamp> {
        [self.house.next_deadline(), self.front.next_deadline(), self.faults.next_deadline()].into_iter().flatten().min()
    }
}

/// See the module.
pub struct Emulator {
    stands: Vec<Stand>,
    agents: Agents,
    /// Which stand a connection is to.
    conns: BTreeMap<ConnId, usize>,
    connected: u64,
    out: Outbox,
    ready: Vec<(ConnId, Frame)>,
    news: Vec<News>,
    now: Timestamp,
}

impl Emulator {
    /// Opens the venues.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(setup: &EmulatorSetup) -> Result<Self, SetupError> {
        let stand = |(index, venue): (usize, &Venue)| {
            let house = House::new(&venue.house(setup.seed, setup.accounts), setup.start)?;
            Ok(Stand { venue: *venue, house, front: venue.front(setup.limits), faults: Faults::new(setup.faults, setup.seed, index) })
        };
        let mut stands = setup.venues.iter().enumerate().map(stand).collect::<Result<Vec<_>, SetupError>>()?;
        let mut houses: Vec<&mut House> = stands.iter_mut().map(|stand| &mut stand.house).collect();
        let agents = Agents::open(&mut houses, setup.seed, setup.start);
        let mut news = Vec::new();
        for house in houses {
            // Nobody is connected yet.
            house.take_news(&mut news);
        }
        news.clear();
        let (conns, out, ready) = (BTreeMap::new(), Outbox::default(), Vec::new());
        Ok(Self { stands, agents, conns, connected: 0, out, ready, news, now: setup.start })
    }

    /// The venues, by index.
    pub fn venues(&self) -> impl Iterator<Item = (Venue, &House)> {
        self.stands.iter().map(|stand| (stand.venue, &stand.house))
    }

    /// The house of a venue.
    #[must_use]
    pub fn house(&self, venue: usize) -> Option<&House> {
        self.stands.get(venue).map(|stand| &stand.house)
    }

    /// The house of a venue, to act in it without a protocol. What that makes happen is published with the next thing that happens.
    pub fn house_mut(&mut self, venue: usize) -> Option<&mut House> {
        self.stands.get_mut(venue).map(|stand| &mut stand.house)
    }

    /// The agents of all venues.
    #[must_use]
    pub const fn agents(&self) -> &Agents {
        &self.agents
    }

    /// What goes wrong at a venue from now on.
    pub fn set_faults(&mut self, venue: usize, settings: FaultSettings) {
        if let Some(stand) = self.stands.get_mut(venue) {
            stand.faults.set(settings);
        }
        self.break_all(venue);
    }

    /// Answers a request to a venue; 404 where there is no such venue, and none where the connection breaks before the answer.
    pub fn http(&mut self, now: Timestamp, venue: usize, request: &HttpIn<'_>) -> Option<HttpOut> {
        self.advance(now);
        let now = self.now;
        let Some(stand) = self.stands.get_mut(venue) else { return Some(HttpOut::not_found()) };
        if let Some(own) = request.path.strip_prefix(control::PREFIX) {
            return Some(self.control(venue, own, request));
        }
        let fate = stand.faults.fate();
        match fate {
            Fate::Maintenance => return Some(stand.front.in_maintenance()),
            Fate::Refused(status) => return Some(HttpOut::json(status, "{}")),
            Fate::Answered | Fate::Lost => {}
        }
        let answer = stand.front.http(now, request, &mut stand.house);
        self.publish(venue);
        (fate == Fate::Answered).then_some(answer)
    }

    fn control(&mut self, venue: usize, path: &str, request: &HttpIn<'_>) -> HttpOut {
        let Some(stand) = self.stands.get_mut(venue) else { return HttpOut::not_found() };
        match path {
            "state" => control::state(request, &stand.house),
            "faults" => {
                let (answer, settings) = control::faults(request, stand.faults.settings());
                if let Some(settings) = settings {
                    self.set_faults(venue, settings);
                }
                answer
            }
            _ => HttpOut::not_found(),
        }
    }

    fn break_all(&mut self, venue: usize) {
        if self.stands.get_mut(venue).is_some_and(|stand| stand.faults.breaks_all()) {
            let broken: Vec<ConnId> = self.conns.iter().filter(|(_, at)| **at == venue).map(|(conn, _)| *conn).collect();
            for conn in broken {
                self.ready.push((conn, Frame::Close { code: BROKEN, reason: String::new() }));
                self.disconnect(conn);
            }
        }
    }

    /// Opens a WebSocket connection to a venue.
    ///
    /// # Errors
    /// The answer over HTTP, where the venue does not take it.
    pub fn connect(&mut self, now: Timestamp, venue: usize, path: &str, query: &str) -> Result<ConnId, HttpOut> {
        self.advance(now);
        let now = self.now;
        let Some(stand) = self.stands.get_mut(venue) else { return Err(HttpOut::not_found()) };
        if !stand.faults.takes_connections() {
            return Err(stand.front.in_maintenance());
        }
        self.connected += 1;
        let conn = ConnId(self.connected);
        stand.front.connect(now, conn, path, query, &mut stand.house, &mut self.out)?;
        self.conns.insert(conn, venue);
        self.publish(venue);
        Ok(conn)
    }

    /// A message came over a connection.
    pub fn receive(&mut self, now: Timestamp, conn: ConnId, text: &[u8]) {
        self.advance(now);
        let now = self.now;
        let Some(venue) = self.conns.get(&conn).copied() else { return };
        let Some(stand) = self.stands.get_mut(venue) else { return };
        stand.front.receive(now, conn, text, &mut stand.house, &mut self.out);
        self.publish(venue);
    }

    /// A pong came over a connection.
    pub fn pong(&mut self, now: Timestamp, conn: ConnId, payload: &[u8]) {
        self.advance(now);
        let now = self.now;
        if let Some(stand) = self.conns.get(&conn).and_then(|venue| self.stands.get_mut(*venue)) {
            stand.front.pong(now, conn, payload);
        }
    }

    /// A connection is gone.
    pub fn disconnect(&mut self, conn: ConnId) {
        if let Some(stand) = self.conns.remove(&conn).and_then(|venue| self.stands.get_mut(venue)) {
            stand.front.disconnect(conn);
            stand.faults.forget(conn);
        }
    }

    /// When something is due that nobody asks for.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.stands.iter().map(Stand::next_deadline).chain([self.agents.next_deadline()]).flatten().min()
    }

    /// The clock shows `now`: what is due until then happens, each at its time.
    pub fn advance(&mut self, now: Timestamp) {
        while let Some(due) = self.next_deadline().filter(|due| *due <= now) {
            self.now = self.now.max(due);
            self.pass(self.now);
            if self.next_deadline() == Some(due) {
                // Somebody has nothing to say yet about what is due, and holds nobody else up.
                self.now = self.now.max(now);
                self.pass(self.now);
                break;
            }
        }
        self.now = self.now.max(now);
    }

    fn pass(&mut self, due: Timestamp) {
        if self.agents.next_deadline().is_some_and(|at| at <= due) {
            let mut houses: Vec<&mut House> = self.stands.iter_mut().map(|stand| &mut stand.house).collect();
            self.agents.on_time(due, &mut houses);
        }
        for venue in 0..self.stands.len() {
            let stand = &mut self.stands[venue];
            if stand.house.next_deadline().is_some_and(|at| at <= due) {
                stand.house.on_time(due);
            }
            // What happened comes before what is due in front of it.
            self.publish(venue);
            let stand = &mut self.stands[venue];
            if stand.front.next_deadline().is_some_and(|at| at <= due) {
                stand.front.on_time(due, &mut stand.house, &mut self.out);
                self.publish(venue);
            }
            self.stands[venue].faults.on_time(due, &mut self.ready);
        }
    }

    /// Tells a front what happened in its house, and sends what it has to say.
    fn publish(&mut self, venue: usize) {
        let Some(stand) = self.stands.get_mut(venue) else { return };
        stand.house.take_news(&mut self.news);
        stand.faults.hush(&mut self.news);
        if !self.news.is_empty() {
            stand.front.publish(self.now, &self.news, &stand.house, &mut self.out);
            self.news.clear();
        }
        for (conn, frame) in self.out.drain() {
            stand.faults.pass(self.now, conn, frame, &mut self.ready);
        }
    }

    /// What is to be sent over connections, in order. A connection whose close is among them is gone after it; where its code is
    /// 1006 it breaks without a word.
    pub fn take_frames(&mut self, frames: &mut Vec<(ConnId, Frame)>) {
        let from = frames.len();
        frames.append(&mut self.ready);
        let closed: Vec<ConnId> =
            frames[from..].iter().filter(|(_, frame)| matches!(frame, Frame::Close { .. })).map(|(conn, _)| *conn).collect();
        for conn in closed {
            self.disconnect(conn);
        }
    }
}

//! Venues and the agents that keep them alive, as one state machine over bytes.
//!
//! Whoever drives it carries the bytes and says what time it is. What is due by a time happens at its own time and in the same
//! order however far the clock is moved at once: two advances to the same moment do what one does.

use crate::front::{ConnId, Frame, Front, HttpIn, HttpOut, Outbox};
use crate::house::{House, News, SetupError};
use crate::venues::Venue;
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
}

/// A house and the protocol in front of it.
struct Stand {
    venue: Venue,
    house: House,
    front: Box<dyn Front + Send>,
}

/// See the module.
pub struct Emulator {
    stands: Vec<Stand>,
    /// Which stand a connection is to.
    conns: BTreeMap<ConnId, usize>,
    connected: u64,
    out: Outbox,
    news: Vec<News>,
    now: Timestamp,
}

impl Emulator {
    /// Opens the venues.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(setup: &EmulatorSetup) -> Result<Self, SetupError> {
        let stand = |venue: &Venue| {
            let house = House::new(&venue.house(setup.seed, setup.accounts), setup.start)?;
            Ok(Stand { venue: *venue, house, front: venue.front() })
        };
        let stands = setup.venues.iter().map(stand).collect::<Result<Vec<_>, SetupError>>()?;
        Ok(Self { stands, conns: BTreeMap::new(), connected: 0, out: Outbox::default(), news: Vec::new(), now: setup.start })
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

    /// Answers a request to a venue; 404 where there is no such venue.
    pub fn http(&mut self, now: Timestamp, venue: usize, request: &HttpIn<'_>) -> HttpOut {
        self.advance(now);
        let now = self.now;
        let Some(stand) = self.stands.get_mut(venue) else { return HttpOut::not_found() };
        let answer = stand.front.http(now, request, &mut stand.house);
        self.publish(venue);
        answer
    }

    /// Opens a WebSocket connection to a venue.
    ///
    /// # Errors
    /// The answer over HTTP, where the venue does not take it.
    pub fn connect(&mut self, now: Timestamp, venue: usize, path: &str, query: &str) -> Result<ConnId, HttpOut> {
        self.advance(now);
        let now = self.now;
        let Some(stand) = self.stands.get_mut(venue) else { return Err(HttpOut::not_found()) };
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
        }
    }

    /// When something is due that nobody asks for.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.stands.iter().flat_map(|stand| [stand.house.next_deadline(), stand.front.next_deadline()]).flatten().min()
    }

    /// The clock shows `now`: what is due until then happens, each at its time.
    pub fn advance(&mut self, now: Timestamp) {
        while let Some(due) = self.next_deadline().filter(|due| *due <= now) {
            self.now = self.now.max(due);
            self.pass(due);
            if self.next_deadline() == Some(due) {
                break;
            }
        }
        self.now = self.now.max(now);
    }

    fn pass(&mut self, due: Timestamp) {
        for venue in 0..self.stands.len() {
            let stand = &mut self.stands[venue];
            if stand.house.next_deadline().is_some_and(|at| at <= due) {
                stand.house.on_time(due);
            }
            if stand.front.next_deadline().is_some_and(|at| at <= due) {
                stand.front.on_time(due, &mut stand.house, &mut self.out);
            }
            self.publish(venue);
        }
    }

    /// Tells a front what happened in its house.
    fn publish(&mut self, venue: usize) {
        let Some(stand) = self.stands.get_mut(venue) else { return };
        stand.house.take_news(&mut self.news);
        if !self.news.is_empty() {
            stand.front.publish(self.now, &self.news, &stand.house, &mut self.out);
            self.news.clear();
        }
    }

    /// What is to be sent over connections, in order. A connection whose close is among them is gone after it.
    pub fn take_frames(&mut self, frames: &mut Vec<(ConnId, Frame)>) {
        let from = frames.len();
        frames.extend(self.out.drain());
        let closed: Vec<ConnId> =
            frames[from..].iter().filter(|(_, frame)| matches!(frame, Frame::Close { .. })).map(|(conn, _)| *conn).collect();
        for conn in closed {
            self.disconnect(conn);
        }
    }
}

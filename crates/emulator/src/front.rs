//! The contract between a house and a venue's protocol.
//!
//! A [`Front`] speaks one venue's REST and WebSocket protocol over bytes that somebody else carries. It never waits and reads no
//! clock: it is told what time it is with everything that reaches it, asks the [`House`] in front of which it stands, and puts what
//! it has to say into an [`Outbox`]. What happens at the venue comes to it as [`News`].

use crate::house::{House, News};
use tradewind_types::Timestamp;

/// A request as it came over HTTP.
#[derive(Clone, Copy, Debug)]
pub struct HttpIn<'a> {
    /// Upper case: `GET`, `POST`, `PUT`, `DELETE`.
    pub method: &'a str,
    /// Without the query: `/api/v3/order`.
    pub path: &'a str,
    /// As sent, undecoded, without the question mark; empty where there is none.
    pub query: &'a str,
    /// Names in lower case, in the order they came.
    pub headers: &'a [(String, String)],
    /// As sent.
    pub body: &'a [u8],
}

impl HttpIn<'_> {
    /// The first header of this lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// An answer over HTTP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpOut {
    /// Status code.
    pub status: u16,
    /// In the order in which they are sent.
    pub headers: Vec<(String, String)>,
    /// As it is sent.
    pub body: Vec<u8>,
}

impl HttpOut {
    /// An answer in JSON.
    #[must_use]
    pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![("content-type".to_owned(), "application/json;charset=UTF-8".to_owned())], body: body.into() }
    }

    /// The same answer with one header more.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Nothing is served at this path.
    #[must_use]
    pub fn not_found() -> Self {
        Self::json(404, "{}")
    }
}

/// A WebSocket connection; unique within an emulator's life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnId(pub u64);

/// What goes out over a WebSocket connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A message.
    Text(String),
    /// A ping, with its payload.
    Ping(Vec<u8>),
    /// A pong, with its payload.
    Pong(Vec<u8>),
    /// The venue closes the connection.
    Close {
        /// Status code of the WebSocket protocol.
        code: u16,
        /// For people.
        reason: String,
    },
}

/// What a front has to say, by connection, in order.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    frames: Vec<(ConnId, Frame)>,
}

impl Outbox {
    /// Sends a frame.
    pub fn send(&mut self, conn: ConnId, frame: Frame) {
        self.frames.push((conn, frame));
    }

    /// Sends a message.
    pub fn text(&mut self, conn: ConnId, text: impl Into<String>) {
        self.send(conn, Frame::Text(text.into()));
    }

    /// Takes everything out, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = (ConnId, Frame)> + '_ {
        self.frames.drain(..)
    }

    /// Whether nothing is to be sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }
}

/// One venue's protocol in front of its [`House`]; see the module. Time never runs backwards.
pub trait Front {
    /// Answers a request.
    fn http(&mut self, now: Timestamp, request: &HttpIn<'_>, house: &mut House) -> HttpOut;

    /// Somebody asks for a WebSocket connection at `path`.
    ///
    /// # Errors
    /// The answer over HTTP, where the venue does not take the connection.
    fn connect(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        path: &str,
        query: &str,
        house: &mut House,
        out: &mut Outbox,
    ) -> Result<(), HttpOut>;

    /// A message came over a connection.
    fn receive(&mut self, now: Timestamp, conn: ConnId, text: &[u8], house: &mut House, out: &mut Outbox);

    /// A pong came over a connection. Pings from the other side are answered before they get here.
    fn pong(&mut self, _now: Timestamp, _conn: ConnId, _payload: &[u8]) {}

    /// The answer to any request while the venue is in maintenance.
    fn in_maintenance(&self) -> HttpOut {
        HttpOut::json(503, "{}")
    }

    /// A connection is gone.
    fn disconnect(&mut self, conn: ConnId);

    /// What happened at the venue since the last time, in order. `house` stands as it is after all of it.
    fn publish(&mut self, now: Timestamp, news: &[News], house: &House, out: &mut Outbox);

    /// When the front wants to be woken, if nothing happens before.
    fn next_deadline(&self) -> Option<Timestamp>;

    /// The clock shows `now`, which a deadline of the front has reached.
    fn on_time(&mut self, now: Timestamp, house: &mut House, out: &mut Outbox);
}

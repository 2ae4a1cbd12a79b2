//! What a gateway and its driver say to each other.

use crate::ask::{Ask, HttpRequest};
use crate::dialect::{CallId, LinkId};
use crate::error::{MapError, VenueError};
use tradewind_types::{Nanos, Timestamp, VenueReply};

/// What the driver shall do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Open a socket. What it hears carries the attempt's number.
    Connect {
        /// Which link.
        link: LinkId,
        /// Which attempt.
        attempt: u32,
        /// Where to.
        url: String,
    },
    /// Send a text frame.
    Send {
        /// Which link.
        link: LinkId,
        /// On which attempt's socket.
        attempt: u32,
        /// What.
        frame: Vec<u8>,
    },
    /// Close a socket, or give up opening it.
    Close {
        /// Which link.
        link: LinkId,
        /// Which attempt's.
        attempt: u32,
    },
    /// Make a request.
    Request {
        /// To be named in the answer.
        call: CallId,
        /// What.
        request: HttpRequest,
    },
}

/// What the transport heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A socket is open.
    Connected {
        /// Which link.
        link: LinkId,
        /// Which attempt.
        attempt: u32,
    },
    /// A socket is closed, or could not be opened.
    Disconnected {
        /// Which link.
        link: LinkId,
        /// Which attempt.
        attempt: u32,
        /// Why, for people.
        why: &'a str,
    },
    /// A text frame.
    Frame {
        /// Which link.
        link: LinkId,
        /// Which attempt.
        attempt: u32,
        /// Its text.
        text: &'a [u8],
    },
    /// A sign of life that says nothing: a ping or pong of the transport.
    Alive {
        /// Which link.
        link: LinkId,
        /// Which attempt.
        attempt: u32,
    },
    /// An answer.
    Response {
        /// To which call.
        call: CallId,
        /// HTTP status.
        status: u16,
        /// Names in lower case.
        headers: &'a [(String, String)],
        /// Body.
        body: &'a [u8],
    },
    /// A request got no answer.
    Failed {
        /// Which call.
        call: CallId,
        /// Why, for people.
        why: &'a str,
    },
}

/// Why a question was not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskFailure {
    /// The venue refused.
    #[error("the venue refused: {0}")]
    Refused(VenueError),
    /// No answer came.
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// The answer could not be read.
    #[error("the answer could not be read: {0}")]
    Unread(MapError),
    /// The venue has no such thing.
    #[error("the venue has no such question")]
    NotOffered,
}

/// What became of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A link is up.
    Up(LinkId),
    /// A link is down.
    Down {
        /// Which.
        link: LinkId,
        /// Why.
        why: String,
    },
    /// A question has its answer, every page of it; its messages are in the inbox, or were in earlier ones.
    Answered {
        /// Which.
        ask: Ask,
        /// When it was sent; of a question in pages the last one.
        sent: Timestamp,
        /// What came of it.
        outcome: Result<(), AskFailure>,
    },
    /// What became of a command.
    Reply(VenueReply),
    /// An order command was answered so long after it was sent.
    Answer(Nanos),
    /// A frame could not be read. On a private link something was missed.
    Unread {
        /// On which link.
        link: LinkId,
        /// Why.
        error: MapError,
    },
}

/// Which links are opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Market data only; no keys are needed.
    Public,
    /// Everything.
    Private,
}

/// A rate limit that the venue does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no rate limit `{name}`; there are: {}", known.join(", "))]
pub struct UnknownLimit {
    /// What it was called.
    pub name: String,
    /// What the venue's are called.
    pub known: Vec<&'static str>,
}

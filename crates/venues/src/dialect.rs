//! One venue's protocol as pure functions.

use crate::ask::{Ask, HttpRequest};
use crate::directory::{Directory, Market};
use crate::error::MapError;
use crate::message::Inbox;
use tradewind_book::SequenceRule;
use tradewind_limits::Command;
use tradewind_types::{InstrumentId, Nanos, OrderRequest, OrderTerms, Timestamp};

/// A socket of a venue, counted from 0 in [`Dialect::links`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkId(pub u8);

/// One order command or question on its way; numbers are not used twice within a connection's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallId(pub u64);

/// A rate limit of the venue, counted from 0 in [`Dialect::buckets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BucketId(pub u8);

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Market data.
    Public,
    /// Our orders, fills and balances.
    Private,
    /// Order entry. A venue may put it on the private link.
    Orders,
}

/// How a link shows that it lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heartbeat {
    /// The venue pings with a WebSocket ping; the transport answers.
    VenuePings,
    /// We send a text every so often.
    Text {
        /// How often.
        every: Nanos,
        /// What.
        frame: Vec<u8>,
    },
}

/// One socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkSpec {
    /// For people and metrics: `spot-public`.
    pub name: &'static str,
    /// What it is for; an order link that is also private is [`Purpose::Private`].
    pub purpose: Purpose,
    /// How it shows that it lives.
    pub heartbeat: Heartbeat,
    /// Without a byte for so long it is half open: connect anew.
    pub silent_after: Nanos,
    /// The venue closes it after so long; it is renewed before.
    pub max_life: Option<Nanos>,
}

/// Where a link connects to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// There.
    Url(String),
    /// First this has to be asked; its answer is given to [`Dialect::set_stream_key`].
    Ask(Ask),
}

/// How a book is made good again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// By asking for a snapshot.
    Ask(Ask),
    /// By subscribing anew.
    Frames(LinkId, Vec<Vec<u8>>),
}

/// An order command on its way to a venue.
#[derive(Debug, PartialEq, Eq)]
pub struct Submission {
    /// What passed the limits.
    pub command: Command,
    /// Those of its order as it stands.
    pub terms: OrderTerms,
}

impl Submission {
    /// What is asked of the venue.
    #[must_use]
    pub const fn request(&self) -> &OrderRequest {
        self.command.request()
    }
}

/// How order commands leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// As a text frame.
    Frame(LinkId, Vec<u8>),
    /// As a request; [`Dialect::answer_commands`] reads its answer.
    Http(HttpRequest),
    /// The venue has nothing of the kind (amending a spot order upwards): it is refused on our side.
    NotOffered,
}

/// How long a rate limit looks back, and how it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// For people and metrics.
    pub name: &'static str,
    /// Most in a window.
    pub capacity: u32,
    /// Window.
    pub window: Nanos,
}

/// Weight on one limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Which.
    pub bucket: BucketId,
    /// How much.
    pub weight: u32,
}

/// What a request weighs on the limits it counts against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost(pub [Option<Charge>; 3]);

/// A venue's dead-man's switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeadMan {
    /// It has none.
    None,
    /// To be renewed by these questions within every window.
    Renewed(Vec<Ask>),
}

/// A venue's protocol. Everything is a function of its arguments, its settings and the directory: no clock, no chance, no I/O.
///
/// `venue_now` is our clock plus the measured offset: what the venue's clock shows, as far as we know.
pub trait Dialect {
    /// The venue's name, as in a configuration: `binance`.
    fn venue(&self) -> &'static str;

    /// The markets it was set up for.
    fn markets(&self) -> &[Market];

    /// What is listed, from now on. Feeds of what is not listed are not subscribed, and messages about it are ignored.
    fn set_directory(&mut self, directory: Directory);

    /// How the venue numbers the depth messages of an instrument.
    fn sequence_rule(&self, instrument: InstrumentId) -> SequenceRule;

    /// Its sockets.
    fn links(&self) -> Vec<LinkSpec>;

    /// Where a link connects to.
    fn address(&self, link: LinkId, venue_now: Timestamp) -> Address;

    /// The answer to [`Ask::StreamKey`].
    fn set_stream_key(&mut self, market: Market, key: String);

    /// What is sent first on a link that asks for a login; it answers with `Authenticated` or `AuthRefused`.
    fn login(&self, link: LinkId, venue_now: Timestamp) -> Option<Vec<u8>>;

    /// What is sent after that; each is answered with `Subscribed` or `SubscriptionRefused`.
    fn subscriptions(&self, link: LinkId, venue_now: Timestamp) -> Vec<Vec<u8>>;

    /// Questions to be asked every so often while a link is up (Binance: renewing a listen key).
    fn upkeep(&self, link: LinkId) -> Option<(Nanos, Ask)>;

    /// How a book is made good again after a gap.
    fn refresh(&self, instrument: InstrumentId) -> Refresh;

    /// Reads a text frame.
    ///
    /// # Errors
    /// [`MapError`]; the inbox is as it was before.
    fn read(&self, link: LinkId, frame: &[u8], inbox: &mut Inbox) -> Result<(), MapError>;

    /// The request of a question; none where the venue has no such thing.
    fn ask(&self, ask: &Ask, venue_now: Timestamp) -> Option<HttpRequest>;

    /// Reads the answer to a question. A refusal is in the result of the result.
    ///
    /// # Errors
    /// [`MapError`]; the inbox is as it was before.
    fn answer(
        &self,
        ask: &Ask,
        status: u16,
        headers: &[(String, String)],
        body: &[u8],
        inbox: &mut Inbox,
    ) -> Result<Result<(), crate::VenueError>, MapError>;

    /// How the first of these commands leave, which are at least one: as many in one request as the venue takes together, and the
    /// request. Their calls are numbered on from `first`.
    fn command(&self, commands: &[Submission], first: CallId, venue_now: Timestamp) -> (usize, Outgoing);

    /// Reads the answer to commands that left as one request: pushes a [`crate::Message::Answer`] for each (and what else it tells).
    ///
    /// # Errors
    /// [`MapError`]; the inbox is as it was before. Whoever asked does not know what became of the commands then.
    fn answer_commands(
        &self,
        first: CallId,
        requests: &[OrderRequest],
        status: u16,
        headers: &[(String, String)],
        body: &[u8],
        inbox: &mut Inbox,
    ) -> Result<(), MapError>;

    /// How long after sending, by the venue's rules, an order that its records do not have can no longer appear there.
    fn lost_after(&self) -> Nanos;

    /// Its rate limits.
    fn buckets(&self) -> Vec<Bucket>;

    /// What a question weighs.
    fn cost(&self, ask: &Ask) -> Cost;

    /// What commands weigh that leave as one request.
    fn command_cost(&self, commands: &[Submission]) -> Cost;

    /// Its dead-man's switch, for a window.
    fn dead_man(&self, window: Nanos) -> DeadMan;
}

//! What a node says of itself: log lines, and figures for metrics.

use std::collections::BTreeMap;
use tradewind_types::{Histogram, Nanos, Timestamp};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The course of things.
    Info,
    /// Worth a look; the node goes on.
    Warning,
    /// Something does not trade because of it.
    Error,
}

/// One line of the log. It holds no secret: nothing of the node that can reach it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// How bad.
    pub level: Level,
    /// What kind, for programs: `link-down`.
    pub event: &'static str,
    /// About which venue, account or order; empty for the node.
    pub about: String,
    /// For people.
    pub text: String,
}

/// A link's figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkHealth {
    /// Its name.
    pub name: &'static str,
    /// Whether it is up.
    pub is_up: bool,
    /// Times it went down.
    pub losses: u64,
}

/// A venue's figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VenueHealth {
    /// Its name.
    pub venue: &'static str,
    /// Where it is on its way: `discovering`, `opening`, `reconciling`, `trading`, `refused`.
    pub phase: &'static str,
    /// Why it does not trade; empty where it does.
    pub why_not: String,
    /// Its links.
    pub links: Vec<LinkHealth>,
    /// Market messages.
    pub market_messages: u64,
    /// Private messages.
    pub private_messages: u64,
    /// Age of the last market message; none where there was none.
    pub market_age: Option<Nanos>,
    /// Books that lost their trust.
    pub gaps: u64,
    /// Messages that could not be read.
    pub unread: u64,
    /// Its clock less ours.
    pub clock_offset: Nanos,
    /// From the venue's stamp of a market message to us.
    pub feed_latency: Histogram,
    /// From sending an order command to its answer.
    pub answer_latency: Histogram,
    /// Rate limits: name, used, capacity.
    pub rate_limits: Vec<(&'static str, u32, u32)>,
    /// Commands and questions without an answer.
    pub unanswered: usize,
}

/// An account's figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountHealth {
    /// Its name.
    pub account: String,
    /// Whether it trades.
    pub is_trading: bool,
    /// Balances: asset, amount as decimal text.
    pub balances: Vec<(String, String)>,
    /// Positions: symbol, signed quantity as decimal text.
    pub positions: Vec<(String, String)>,
}

/// Everything a dashboard wants to know of a node now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Whether every account trades.
    pub is_trading: bool,
    /// Why the node is stopping or did; empty where it runs.
    pub fault: String,
    /// Inputs sequenced.
    pub inputs: u64,
    /// Orders sent, and commands of any kind.
    pub orders_sent: u64,
    /// Orders that are not over.
    pub orders_live: usize,
    /// Of these, those nobody knows about.
    pub orders_unknown: usize,
    /// Fills booked.
    pub fills: u64,
    /// Refusals of the limits, by reason.
    pub refusals: BTreeMap<String, u64>,
    /// Refusals of venues, by reason.
    pub rejects: BTreeMap<String, u64>,
    /// Venues.
    pub venues: Vec<VenueHealth>,
    /// Accounts.
    pub accounts: Vec<AccountHealth>,
}

//! What is under way between us and the venue, and the session that looks after it.
//!
//! The wire may lose, delay, double and reorder anything. The session keeps three promises, which are the contract between a
//! venue's session and the engine. An answer to one request (a refused cancel or amend) is passed on once, to the life of the
//! node that asked, and not after the session has settled that request otherwise. Amends of one order are passed on in the
//! venue's order. "Not found" is passed on as evidence only once the venue can no longer receive the order, by a clock that
//! does not step.

use crate::storm::desk::RECEIVE_WINDOW;
use crate::storm::venue::Message;
use std::collections::{BTreeMap, BTreeSet};
use tradewind_types::{AccountEvent, OrderId, OrderRequest, VenueReply};

/// A request that has left.
#[derive(Clone, Copy, Debug)]
pub struct Flying {
    pub number: u64,
    pub request: OrderRequest,
    /// The venue refuses it after this (true time).
    pub expires: i64,
    /// By which events pick it.
    pub name: u64,
}

#[derive(Clone, Debug, Default)]
pub struct Wire {
    pub requests: Vec<Flying>,
    pub replies: Vec<Message>,
    /// Messages about accounts, by the names under which events pick them.
    pub events: Vec<(u64, AccountEvent)>,
    /// Orders whose placing left, ever.
    pub placed: BTreeSet<OrderId>,
    pub twice: Vec<OrderId>,
    sent: u64,
    session: Session,
}

/// What a session remembers; a restart forgets it.
#[derive(Clone, Debug, Default)]
struct Session {
    /// The last request of earlier lives: answers to it went to connections that are gone.
    before: u64,
    versions: BTreeMap<OrderId, u64>,
    settled: BTreeSet<u64>,
    /// The latest amend of each order: its request, where this life sent it, and when the venue refuses it at the latest.
    amends: BTreeMap<OrderId, (Option<u64>, i64)>,
    deadlines: BTreeMap<OrderId, i64>,
}

pub const fn order_of(request: &OrderRequest) -> OrderId {
    match request {
        OrderRequest::Place { order, .. } | OrderRequest::Cancel { order, .. } | OrderRequest::Amend { order, .. } => *order,
    }
}

impl Wire {
    /// A request leaves.
    pub fn send(&mut self, request: OrderRequest, now: i64, name: u64) {
        self.sent += 1;
        let expires = now + RECEIVE_WINDOW;
        match request {
            OrderRequest::Place { order, .. } if !self.placed.insert(order) => self.twice.push(order),
            OrderRequest::Place { .. } | OrderRequest::Cancel { .. } => {}
            OrderRequest::Amend { order, .. } => {
                self.session.amends.insert(order, (Some(self.sent), expires));
            }
        }
        self.requests.push(Flying { number: self.sent, request, expires, name });
    }

    /// Whether a message is passed on to the engine.
    pub fn admits(&mut self, message: &Message) -> bool {
        let session = &mut self.session;
        match (message.reply, message.answers) {
            (VenueReply::Amended { order, .. }, _) => {
                let newest = session.versions.entry(order).or_default();
                let is_news = message.version > *newest;
                *newest = message.version.max(*newest);
                is_news && message.answers.is_none_or(|number| session.settled.insert(number))
            }
            (VenueReply::AmendRejected { .. } | VenueReply::CancelRejected { .. }, Some(number)) => {
                number > session.before && session.settled.insert(number)
            }
            _ => true,
        }
    }

    /// The session gave up waiting for answers about an order: when "not found" will be evidence, in true time.
    pub fn give_up(&mut self, order: OrderId, now: i64) {
        self.session.deadlines.insert(order, now + RECEIVE_WINDOW);
    }

    /// Whether "not found" proves that the order never arrived and never will.
    pub fn is_past_deadline(&self, order: OrderId, now: i64) -> bool {
        self.session.deadlines.get(&order).is_some_and(|deadline| now > *deadline)
    }

    /// Whether an amend of the order can still take effect at the venue, as far as the session knows.
    pub fn amend_is_open(&self, order: OrderId, now: i64) -> bool {
        self.session
            .amends
            .get(&order)
            .is_some_and(|(number, expires)| now <= *expires && number.is_none_or(|number| !self.session.settled.contains(&number)))
    }

    /// The session learned from the venue's records how often an order was amended.
    pub fn saw(&mut self, order: OrderId, version: u64) {
        self.session.versions.insert(order, version);
    }

    /// The session learned from the venue's records what became of an amend.
    pub fn settle_amend(&mut self, order: OrderId) {
        if let Some((Some(number), _)) = self.session.amends.remove(&order) {
            self.session.settled.insert(number);
        }
    }

    /// An amend of an earlier life may still be under way.
    pub fn assume_amend(&mut self, order: OrderId, now: i64) {
        self.session.amends.insert(order, (None, now + RECEIVE_WINDOW));
    }

    /// Connections are gone: what the venue said is lost, what we said may still arrive.
    pub fn restart(&mut self) {
        self.replies.clear();
        self.events.clear();
        self.session = Session { before: self.sent, ..Session::default() };
    }
}

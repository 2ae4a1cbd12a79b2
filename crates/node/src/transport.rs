//! Sockets and requests: does what gateways ask ([`Action`]) and tells what is heard ([`Incoming`]).
//!
//! Everything is polled by the one thread that drives the node: a frame goes from the kernel's buffer to the gateway, and one
//! that leaves goes to the kernel, without a queue or another thread between. Private sockets are looked at before public ones, so
//! a flood of market data holds up no fill. There is no queue to overrun but the kernel's: a public socket that has had another
//! frame waiting for [`OVERRUN_AFTER`] without a break is behind, and is closed; market data that is late is worth less than a
//! snapshot. A private socket is never closed for being behind.

mod http;
mod socket;
mod tls;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rustls::ClientConfig;
use socket::{Said, Socket};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tradewind_types::{Nanos, Timestamp, VenueId};
use tradewind_venues::{Action, CallId, Incoming, LinkId, Purpose};

pub use http::{HttpAnswer, HttpClient};
pub use tls::{TlsError, trust_this_machine};

/// A public socket that had another frame at every look for so long is closed.
pub const OVERRUN_AFTER: Nanos = Nanos::from_secs(2);

/// Frames taken from one public socket before anything else is looked at again.
const STREAK: u32 = 16;

/// Which attempt at which link of which venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    venue: VenueId,
    link: LinkId,
    attempt: u32,
}

/// Something the transport heard; [`Heard::incoming`] says it in a gateway's words.
#[derive(Debug)]
pub struct Heard {
    /// From which venue.
    pub venue: VenueId,
    what: What,
}

#[derive(Debug)]
enum What {
    Said { link: LinkId, attempt: u32, said: Said },
    Answer { call: CallId, outcome: Result<HttpAnswer, String> },
}

impl Heard {
    /// In a gateway's words.
    #[inline]
    #[must_use]
    pub fn incoming(&self) -> Incoming<'_> {
        match &self.what {
            What::Said { link, attempt, said } => {
                let (link, attempt) = (*link, *attempt);
                match said {
                    Said::Open => Incoming::Connected { link, attempt },
                    Said::Text(text) => Incoming::Frame { link, attempt, text: text.as_bytes() },
                    Said::Alive => Incoming::Alive { link, attempt },
                    Said::Closed(why) => Incoming::Disconnected { link, attempt, why },
                }
            }
            What::Answer { call, outcome: Ok(answer) } => {
                Incoming::Response { call: *call, status: answer.status, headers: &answer.headers, body: &answer.body }
            }
            What::Answer { call, outcome: Err(why) } => Incoming::Failed { call: *call, why },
        }
    }
}

struct Link {
    place: Place,
    socket: Socket,
    /// Since when there has been another frame at every look.
    busy_since: Option<Timestamp>,
}

type Request = Pin<Box<dyn Future<Output = Heard>>>;

/// Every socket and request of a node.
pub struct Transport {
    tls: Arc<ClientConfig>,
    web: HttpClient,
    /// Private and order links.
    private: Vec<Link>,
    /// Market data.
    public: Vec<Link>,
    /// Which public link is looked at first, and how often in a row it had something.
    turn: (usize, u32),
    requests: FuturesUnordered<Request>,
    /// Sockets that failed while something was sent.
    failed: VecDeque<Heard>,
}

impl Transport {
    /// Nothing is open yet.
    #[must_use]
    pub fn new(tls: Arc<ClientConfig>) -> Self {
        let web = HttpClient::new((*tls).clone());
        Self { tls, web, private: Vec::new(), public: Vec::new(), turn: (0, 0), requests: FuturesUnordered::new(), failed: VecDeque::new() }
    }

    /// Does what a gateway asks. `purpose` is that of the link the action names.
    pub fn perform(&mut self, cx: &mut Context<'_>, venue: VenueId, action: Action, purpose: impl FnOnce(LinkId) -> Purpose) {
        match action {
            Action::Connect { link, attempt, url } => {
                let place = Place { venue, link, attempt };
                let opened = Link { place, socket: Socket::open(&url, Arc::clone(&self.tls)), busy_since: None };
                let rank = if purpose(link) == Purpose::Public { &mut self.public } else { &mut self.private };
                rank.push(opened);
                // It is polled from the next look on, which comes at once.
                cx.waker().wake_by_ref();
            }
            Action::Send { link, attempt, frame } => self.send(cx, Place { venue, link, attempt }, frame),
            Action::Close { link, attempt } => {
                if let Some(link) = self.remove(Place { venue, link, attempt }) {
                    link.socket.close(cx);
                }
            }
            Action::Request { call, request } => {
                let web = self.web.clone();
                self.requests.push(Box::pin(async move { Heard { venue, what: What::Answer { call, outcome: web.make(request).await } } }));
                cx.waker().wake_by_ref();
            }
        }
    }

    /// A frame for a socket that is gone is dropped: its gateway has heard that it closed, or is about to.
    #[inline]
    fn send(&mut self, cx: &mut Context<'_>, place: Place, frame: Vec<u8>) {
        let Some(link) = self.private.iter_mut().chain(&mut self.public).find(|l| l.place == place) else { return };
        if let Err(why) = link.socket.send(cx, frame) {
            self.remove(place);
            self.failed.push_back(told(place, Said::Closed(why)));
        }
    }

    fn remove(&mut self, place: Place) -> Option<Link> {
        for rank in [&mut self.private, &mut self.public] {
            if let Some(at) = rank.iter().position(|l| l.place == place) {
                return Some(rank.swap_remove(at));
            }
        }
        None
    }

    /// What is heard next: failed sends, then private sockets, then answers, then market data.
    #[inline]
    pub fn poll(&mut self, cx: &mut Context<'_>, now: Timestamp) -> Poll<Heard> {
        if let Some(failed) = self.failed.pop_front() {
            return Poll::Ready(failed);
        }
        for at in 0..self.private.len() {
            if let Poll::Ready(said) = self.private[at].socket.poll(cx) {
                let place = self.private[at].place;
                if matches!(said, Said::Closed(_)) {
                    self.private.swap_remove(at);
                }
                return Poll::Ready(told(place, said));
            }
        }
        if let Poll::Ready(Some(heard)) = self.requests.poll_next_unpin(cx) {
            return Poll::Ready(heard);
        }
        self.poll_public(cx, now)
    }

    #[inline]
    fn poll_public(&mut self, cx: &mut Context<'_>, now: Timestamp) -> Poll<Heard> {
        let count = self.public.len();
        let (first, streak) = self.turn;
        for step in 0..count {
            let at = (first + step) % count;
            let link = &mut self.public[at];
            let Poll::Ready(mut said) = link.socket.poll(cx) else {
                link.busy_since = None;
                continue;
            };
            self.turn = match step {
                0 if streak < STREAK => (at, streak + 1),
                0 => (at + 1, 0),
                _ => (at, 0),
            };
            let behind = now.since(*link.busy_since.get_or_insert(now));
            if behind >= OVERRUN_AFTER {
                said =
                    Said::Closed(format!("market data came faster than it could be read for {} s: taken anew", behind.0 / 1_000_000_000));
            }
            let place = link.place;
            if matches!(said, Said::Closed(_)) {
                self.public.swap_remove(at);
            }
            return Poll::Ready(told(place, said));
        }
        Poll::Pending
    }

    /// Closes every socket and forgets every request.
    pub fn close(&mut self, cx: &mut Context<'_>) {
        for link in self.private.drain(..).chain(self.public.drain(..)) {
            link.socket.close(cx);
        }
        self.requests.clear();
    }
}

const fn told(place: Place, said: Said) -> Heard {
    Heard { venue: place.venue, what: What::Said { link: place.link, attempt: place.attempt, said } }
}

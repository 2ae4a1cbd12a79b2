//! Bybit v5, spot and linear, unified account: REST and WebSocket protocol in front of a house.
//!
//! Inverse contracts and options exist as markets in which nothing is listed. What the venue has and the emulator has not is answered
//! 404.

mod access;
mod account;
mod answer;
mod candles;
mod catalogue;
mod deadman;
mod depth;
mod entry;
mod figures;
mod ids;
mod json;
mod ledger;
mod market;
mod params;
mod private;
mod public;
mod queries;
mod quota;
mod quotes;
mod refusals;
mod remark;
mod reports;
mod rest;
mod sign;
mod sockets;
mod ticker;
mod topic;
mod trade;

use crate::front::{ConnId, Frame, Front, HttpIn, HttpOut, Outbox};
use crate::house::{Category, ClientId, House, News, OrderRef};
use answer::Refusal;
use deadman::{Deadman, Product};
use ledger::Ledger;
use public::PublicTopics;
use quota::Quota;
use sockets::{Asked, Purpose, Socket};
use std::collections::BTreeMap;
use topic::Subject;
use tradewind_types::{InstrumentId, Nanos, Timestamp};

/// Bybit v5, spot and linear, unified account. What it does not serve is answered 404.
#[derive(Debug, Default)]
pub struct Bybit {
    quota: Quota,
    topics: PublicTopics,
    sockets: BTreeMap<ConnId, Socket>,
    ledger: Ledger,
    deadman: Deadman,
    /// Messages told so far; ids of new ones come from it.
    told: u64,
    /// The last time anything said what time it is.
    now: Timestamp,
}

impl Bybit {
    /// A front without connections, with the venue's rate limits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same front, which lets everybody ask as often as they like.
    #[must_use]
    pub fn unmetered(self) -> Self {
        Self { quota: Quota::unmetered(), ..self }
    }

    fn public_request(&mut self, conn: ConnId, category: Option<Category>, asked: &Asked, house: &House, out: &mut Outbox) {
        let keys = self.public_keys(conn, category, asked, house);
        let outcome = keys.as_ref().map(|_| ()).map_err(Clone::clone);
        out.text(conn, sockets::acknowledged(conn, asked, &outcome));
        for key in keys.unwrap_or_default() {
            if asked.op == "subscribe" {
                self.topics.follow(self.now, conn, key, house, out);
            } else {
                self.topics.leave(conn, key);
            }
        }
    }

    /// The topics of a request, if the venue has all of them.
    fn public_keys(
        &self,
        conn: ConnId,
        category: Option<Category>,
        asked: &Asked,
        house: &House,
    ) -> Result<Vec<(InstrumentId, Subject)>, Refusal> {
        if !matches!(asked.op.as_str(), "subscribe" | "unsubscribe") {
            return Err(Refusal::params(format!("error:invalid op {}", asked.op)));
        }
        let mut keys = Vec::new();
        for topic in asked.topics(Purpose::Public(category))? {
            let (subject, symbol) =
                Subject::read(topic).ok_or_else(|| Refusal::params(format!("error:handler not found,topic:{topic}")))?;
            let listing = category.and_then(|category| house.find_listing(category, symbol));
            let key = (listing.ok_or_else(|| Refusal::params(format!("Invalid symbol :[{topic}]")))?.id(), subject);
            if asked.op == "subscribe" && self.topics.is_followed(conn, key) {
                return Err(Refusal::params(format!("error:already subscribed,topic:{topic}")));
            }
            keys.push(key);
        }
        Ok(keys)
    }

    fn private_request(&mut self, conn: ConnId, asked: &Asked, house: &House, out: &mut Outbox) {
        let outcome = match asked.op.as_str() {
            "auth" => self.prove(conn, asked, house),
            "subscribe" | "unsubscribe" => self.follow_private(conn, asked),
            other => Err(Refusal::params(format!("error:invalid op {other}"))),
        };
        out.text(conn, sockets::acknowledged(conn, asked, &outcome));
    }

    fn prove(&mut self, conn: ConnId, asked: &Asked, house: &House) -> Result<(), Refusal> {
        let client = access::socket_signer(self.now, &asked.args, house)?;
        if let Some(socket) = self.sockets.get_mut(&conn) {
            socket.client = Some(client);
        }
        Ok(())
    }

    fn follow_private(&mut self, conn: ConnId, asked: &Asked) -> Result<(), Refusal> {
        let Some(socket) = self.sockets.get_mut(&conn) else { return Ok(()) };
        let client = socket.client.ok_or_else(|| Refusal::params("Request not authorized"))?;
        let topics = asked.topics(socket.purpose)?;
        private::check(&topics)?;
        for topic in topics {
            if asked.op == "unsubscribe" {
                socket.topics.remove(topic);
            } else if socket.topics.insert(topic.to_owned())
                && let Some(product) = Product::of_topic(topic)
            {
                self.deadman.hold(client, product);
            }
        }
        Ok(())
    }

    fn trade_request(&mut self, conn: ConnId, asked: &Asked, house: &mut House, out: &mut Outbox) {
        if asked.op == "auth" {
            let outcome = self.prove(conn, asked, house);
            out.text(conn, trade::acknowledged(conn, asked, &outcome));
            return;
        }
        let outcome = self.trade_outcome(conn, asked, house);
        self.told += 1;
        out.text(conn, trade::answered(self.now, conn, asked, &outcome, self.told));
    }

    fn trade_outcome(&mut self, conn: ConnId, asked: &Asked, house: &mut House) -> trade::Outcome {
        let refused = |refusal: Refusal| trade::Outcome { result: Err(refusal), left: None };
        let Some(path) = trade::path(&asked.op) else {
            return refused(Refusal::new(10404, "op type not found or category not supported"));
        };
        let Some(socket) = self.sockets.get_mut(&conn) else { return refused(Refusal::params("no connection")) };
        let Some(client) = socket.client else { return refused(Refusal::new(10005, "Request not authorized")) };
        let id = asked.id.clone().unwrap_or_default();
        if id.len() > 36 {
            return refused(Refusal::params("params error: reqId invalid"));
        }
        if !id.is_empty() && !socket.requests.insert(id) {
            return refused(Refusal::new(20006, "reqId is duplicated"));
        }
        let (stamp, window) = (asked.header("X-BAPI-TIMESTAMP"), asked.header("X-BAPI-RECV-WINDOW"));
        if let Err(refusal) = access::timely(self.now, &stamp, if window.is_empty() { "5000" } else { &window }) {
            return refused(refusal);
        }
        let [body] = asked.args.as_slice() else { return refused(Refusal::params("params error: args invalid")) };
        self.order_request(client, path, body, house)
    }

    /// Takes back what a dead-man's switch protects.
    fn take_back(&self, client: ClientId, product: Product, house: &mut House) {
        let Some(category) = product.market() else { return };
        let is_meant = |instrument| house.listing(instrument).is_some_and(|listing| listing.category == category);
        let meant: Vec<_> = house.open_orders(client).filter(|record| is_meant(record.terms.instrument)).map(|record| record.no).collect();
        for no in meant {
            // One that was filled meanwhile needs no cancelling.
            house.cancel(self.now, client, OrderRef::No(no)).ok();
        }
    }
}

impl Front for Bybit {
    fn http(&mut self, now: Timestamp, request: &HttpIn<'_>, house: &mut House) -> HttpOut {
        self.now = now;
        self.answer(request, house)
    }

    fn connect(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        path: &str,
        _query: &str,
        _house: &mut House,
        _out: &mut Outbox,
    ) -> Result<(), HttpOut> {
        self.now = now;
        let purpose = Purpose::at(path).ok_or_else(HttpOut::not_found)?;
        self.sockets.insert(conn, Socket::new(now, purpose));
        Ok(())
    }

    fn receive(&mut self, now: Timestamp, conn: ConnId, text: &[u8], house: &mut House, out: &mut Outbox) {
        self.now = now;
        let Some(socket) = self.sockets.get_mut(&conn) else { return };
        socket.heard = now;
        let purpose = socket.purpose;
        let Some(asked) = Asked::read(text) else {
            let asked = Asked { op: String::new(), id: None, args: Vec::new(), header: serde_json::Value::Null };
            out.text(conn, sockets::acknowledged(conn, &asked, &Err(Refusal::params("error:invalid request"))));
            return;
        };
        if asked.op == "ping" {
            out.text(conn, sockets::pong(now, conn, purpose, &asked));
            return;
        }
        match purpose {
            Purpose::Public(category) => self.public_request(conn, category, &asked, house, out),
            Purpose::Private => self.private_request(conn, &asked, house, out),
            Purpose::Trade => self.trade_request(conn, &asked, house, out),
        }
    }

    fn disconnect(&mut self, conn: ConnId) {
        self.topics.forget(conn);
        let Some(gone) = self.sockets.remove(&conn) else { return };
        let Some(client) = gone.client else { return };
        let is_left = |topic: &String| !self.sockets.values().any(|other| other.client == Some(client) && other.topics.contains(topic));
        let unprotected: Vec<Product> =
            gone.topics.iter().filter(|topic| is_left(topic)).filter_map(|topic| Product::of_topic(topic)).collect();
        for product in unprotected {
            self.deadman.release(self.now, client, product);
        }
    }

    fn publish(&mut self, now: Timestamp, news: &[News], house: &House, out: &mut Outbox) {
        self.now = now;
        self.ledger.book(news, house);
        self.topics.publish(now, news, house, out);
        let mut teller = private::Teller { now, house, ledger: &self.ledger, sockets: &self.sockets, told: &mut self.told };
        teller.tell(news, out);
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        let silent = self.sockets.values().map(|socket| socket.heard.plus(Nanos(sockets::SILENCE_NS))).min();
        [self.topics.next_deadline(), self.deadman.next_deadline(), silent].into_iter().flatten().min()
    }

    fn on_time(&mut self, now: Timestamp, house: &mut House, out: &mut Outbox) {
        self.now = now;
        self.topics.on_time(now, house, out);
        for (client, product) in self.deadman.fired(now) {
            self.take_back(client, product, house);
        }
        for (conn, socket) in &mut self.sockets {
            if now.since(socket.heard).0 >= sockets::SILENCE_NS {
                socket.heard = now;
                out.send(*conn, Frame::Close { code: 1_000, reason: "no ping for ten minutes".to_owned() });
            }
        }
    }
}

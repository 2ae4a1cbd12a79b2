//! Connections: where each one leads, what comes in over it, and how long it lives.
//!
//! Spot: a ping every 20 s, closed after a minute without a pong; 5 messages a second. Futures: a ping every 3 min, closed after ten
//! minutes; 10 messages a second. After 24 hours every connection is closed.

use super::desk::Desk;
use super::feeds::{Feeds, Listener};
use super::figures::ms;
use super::gate::Gate;
use super::json::{Raw, Render, object};
use super::params::Params;
use super::private::{Private, Subscription};
use super::refusal::Refusal;
use super::topics::{Group, Topic};
use crate::front::{ConnId, Frame, HttpOut, Outbox};
use crate::house::{Category, House, News};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};
use tradewind_types::{Nanos, Timestamp};

const LIFE: Nanos = Nanos::from_secs(86_400);
const MOST_STREAMS: usize = 1_024;

/// Where a connection leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// Streams; on futures perhaps of one group only.
    Streams(Category, Option<Group>),
    /// The WebSocket API.
    Api(Category),
}

impl Line {
    const fn category(self) -> Category {
        match self {
            Line::Streams(category, _) | Line::Api(category) => category,
        }
    }

    const fn ping_every(self) -> Nanos {
        match self.category() {
            Category::Spot => Nanos::from_secs(20),
            Category::Linear => Nanos::from_secs(180),
        }
    }

    const fn patience(self) -> Nanos {
        match self.category() {
            Category::Spot => Nanos::from_secs(60),
            Category::Linear => Nanos::from_secs(600),
        }
    }

    /// Messages taken in a second; the WebSocket API weighs them instead.
    const fn messages_per_second(self) -> u32 {
        match self {
            Line::Streams(Category::Spot, _) => 5,
            Line::Streams(Category::Linear, _) => 10,
            Line::Api(_) => u32::MAX,
        }
    }
}

#[derive(Debug)]
struct Conn {
    line: Line,
    opened: Timestamp,
    /// When the other side was last heard of.
    heard: Timestamp,
    next_ping: Timestamp,
    /// The second in which messages are being counted, and how many there were.
    counted: (i64, u32),
    streams: BTreeSet<String>,
    subscriptions: u64,
}

/// Every connection; see the module.
#[derive(Debug, Default)]
pub struct Sockets {
    conns: BTreeMap<ConnId, Conn>,
    pings: BTreeSet<(Timestamp, ConnId)>,
    feeds: Feeds,
    private: Private,
}

/// What a message over a stream or the WebSocket API says, its id left as it was written.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    method: Option<String>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

/// The rest of the front, that a message may need.
pub struct Around<'a> {
    /// The way in for requests.
    pub gate: &'a mut Gate,
    /// What the front keeps.
    pub desk: &'a mut Desk,
    /// The house.
    pub house: &'a mut House,
}

/// A path taken apart: what is at its end, and the names after it.
fn line_of(path: &str) -> Option<(Line, bool, Vec<&str>)> {
    match path {
        "/ws-api/v3" => return Some((Line::Api(Category::Spot), false, Vec::new())),
        "/ws-fapi/v1" => return Some((Line::Api(Category::Linear), false, Vec::new())),
        _ => {}
    }
    let mut parts = path.split('/').filter(|part| !part.is_empty()).peekable();
    let is_futures = parts.next_if_eq(&"fut").is_some();
    let group = [("public", Group::Public), ("market", Group::Market), ("private", Group::Private)];
    let group = group.into_iter().find(|(name, _)| parts.next_if_eq(name).is_some()).map(|(_, group)| group);
    let category = if is_futures || group.is_some() { Category::Linear } else { Category::Spot };
    let first = parts.next()?;
    // `/stream/ws/...` is `/ws/...`: clients that tell spot from futures by "/stream" in an address need it there.
    let raw = first == "ws" || (first == "stream" && parts.next_if_eq(&"ws").is_some());
    if !raw && first != "stream" {
        return None;
    }
    Some((Line::Streams(category, group), !raw, parts.collect()))
}

impl Sockets {
    /// Takes a connection.
    ///
    /// # Errors
    /// 404 where nothing is at the path; the venue's refusal where a handshake is one too many.
    pub fn connect(&mut self, now: Timestamp, conn: ConnId, path: &str, query: &str, around: Around<'_>) -> Result<(), HttpOut> {
        let (line, combined, names) = line_of(path).ok_or_else(HttpOut::not_found)?;
        if let Line::Api(category) = line {
            let weight = if category == Category::Spot { 2 } else { 5 };
            let charged = around.gate.charge(now, category, weight);
            charged.map_err(|refusal| HttpOut::json(refusal.status, refusal.body().0))?;
        }
        let next_ping = now.plus(line.ping_every());
        self.pings.insert((next_ping, conn));
        let fresh = Conn { line, opened: now, heard: now, next_ping, counted: (0, 0), streams: BTreeSet::new(), subscriptions: 0 };
        self.conns.insert(conn, fresh);
        self.feeds.set_combined(conn, combined);
        let params = Params::of_request(query, "");
        let asked = params.get("streams").unwrap_or_default().split('/').chain(names).filter(|name| !name.is_empty());
        let keys = params.get("listenKey");
        for name in asked.chain(keys) {
            self.subscribe(now, conn, name, around.house, around.desk);
        }
        Ok(())
    }

    /// Listens to a stream or, by listen key, to an account; whether there is such a stream.
    fn subscribe(&mut self, now: Timestamp, conn: ConnId, name: &str, house: &House, desk: &Desk) -> bool {
        let Some(found) = self.conns.get_mut(&conn) else { return false };
        let Line::Streams(category, group) = found.line else { return false };
        if category == Category::Linear
            && let Some(client) = desk.whose(now, name)
        {
            let key = name.to_owned();
            let by = if self.feeds.is_combined(conn) { Subscription::Wrapped(key) } else { Subscription::Keyed(key) };
            self.private.listen(client, conn, by, house);
            return true;
        }
        let Some(topic) = Topic::named(name, category) else { return false };
        if group.is_some_and(|group| group != topic.channel.group()) {
            return false;
        }
        found.streams.insert(name.to_owned());
        self.feeds.listen(now, category, &topic, Listener { conn, stream: name.to_owned() }, house);
        true
    }

    /// A message came.
    pub fn receive(&mut self, now: Timestamp, conn: ConnId, text: &[u8], around: Around<'_>, out: &mut Outbox) {
        let Some(found) = self.conns.get_mut(&conn) else { return };
        found.heard = now;
        let second = now.0.div_euclid(1_000_000_000);
        found.counted = if found.counted.0 == second { (second, found.counted.1 + 1) } else { (second, 1) };
        if found.counted.1 > found.line.messages_per_second() {
            out.send(conn, Frame::Close { code: 1008, reason: "Too many requests".to_owned() });
            return;
        }
        let message: Result<Message<'_>, _> = serde_json::from_slice(text);
        let answer = match (found.line, message) {
            (Line::Streams(..), Ok(message)) => self.command(now, conn, &message, &around),
            (Line::Streams(..), Err(error)) => stream_error("null", 3, &format!("Invalid JSON: {error}")),
            (Line::Api(category), Ok(message)) => self.request(now, conn, category, &message, around),
            (Line::Api(category), Err(_)) => {
                let refusal = Refusal::new(-1135, "Invalid JSON Request.");
                around.gate.answer(now, category, "null", &Params::default(), None, Err(refusal))
            }
        };
        out.text(conn, answer);
    }

    /// A message over a stream connection.
    fn command(&mut self, now: Timestamp, conn: ConnId, message: &Message<'_>, around: &Around<'_>) -> String {
        let id = message.id.map_or("null", RawValue::get);
        let Some(method) = message.method.as_deref() else {
            return stream_error(id, 2, "Invalid request: missing field `method`");
        };
        let names = || serde_json::from_str::<Vec<String>>(message.params.map_or("[]", RawValue::get));
        let result = match method {
            "SUBSCRIBE" | "UNSUBSCRIBE" => match names() {
                Ok(names) if method == "SUBSCRIBE" => self.subscribe_all(now, conn, &names, around),
                Ok(names) => {
                    self.unsubscribe_all(conn, &names);
                    Ok(Raw("null".to_owned()))
                }
                Err(_) => Err("Invalid request: params must be an array of stream names"),
            },
            "LIST_SUBSCRIPTIONS" => Ok(self.listed(conn)),
            "SET_PROPERTY" => match message.params.map(RawValue::get) {
                Some(params) if params.contains("\"combined\"") && (params.contains("true") || params.contains("false")) => {
                    self.feeds.set_combined(conn, params.contains("true"));
                    Ok(Raw("null".to_owned()))
                }
                _ => Err("Invalid request: property name must be a string"),
            },
            "GET_PROPERTY" => Ok(Raw(self.feeds.is_combined(conn).to_string())),
            _ => Err("Invalid request: unknown variant of method, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, \
                      `SET_PROPERTY`, `GET_PROPERTY`"),
        };
        match result {
            Ok(result) => object! { "result": result, "id": Raw(id.to_owned()) }.0,
            Err(words) => stream_error(id, 2, words),
        }
    }

    fn subscribe_all(&mut self, now: Timestamp, conn: ConnId, names: &[String], around: &Around<'_>) -> Result<Raw, &'static str> {
        if self.conns.get(&conn).is_some_and(|found| found.streams.len() + names.len() > MOST_STREAMS) {
            return Err("Invalid request: too many streams");
        }
        let unknown = names.iter().filter(|name| !self.subscribe(now, conn, name, around.house, around.desk)).count();
        if unknown == 0 { Ok(Raw("null".to_owned())) } else { Err("Invalid request: invalid stream") }
    }

    fn unsubscribe_all(&mut self, conn: ConnId, names: &[String]) {
        for name in names {
            if let Some(found) = self.conns.get_mut(&conn) {
                found.streams.remove(name);
            }
            self.feeds.leave(&Listener { conn, stream: name.clone() });
            self.private.leave_key(conn, name);
        }
    }

    fn listed(&self, conn: ConnId) -> Raw {
        let mut out = String::new();
        let names: Vec<&String> = self.conns.get(&conn).into_iter().flat_map(|found| &found.streams).collect();
        names.render(&mut out);
        Raw(out)
    }

    /// A request over the WebSocket API.
    fn request(&mut self, now: Timestamp, conn: ConnId, category: Category, message: &Message<'_>, around: Around<'_>) -> String {
        let id = message.id.map_or("null", RawValue::get);
        let params = match Params::of_json(message.params.map_or("{}", RawValue::get)) {
            Ok(params) => params,
            Err(refusal) => return around.gate.answer(now, category, id, &Params::default(), None, Err(refusal)),
        };
        let Some(method) = message.method.as_deref() else {
            return around.gate.answer(now, category, id, &params, None, Err(Refusal::missing("method")));
        };
        match self.session(now, conn, category, method, &params, &around) {
            Some(answer) => around.gate.answer(now, category, id, &params, None, answer),
            None => around.gate.frame(now, category, method, id, &params, around.house, around.desk),
        }
    }

    /// Requests that are about the connection itself.
    fn session(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        category: Category,
        method: &str,
        params: &Params,
        around: &Around<'_>,
    ) -> Option<Result<Raw, Refusal>> {
        match (method, category) {
            ("session.logon", _) => Some(Err(Refusal::new(-4056, "HMAC_SHA256 API key is not supported."))),
            ("session.status" | "session.logout", _) => Some(Ok(self.status(now, conn))),
            ("userDataStream.subscribe", Category::Spot) => {
                Some(Err(Refusal::new(-2015, "Session is not authenticated.").with_status(401)))
            }
            ("userDataStream.subscribe.signature", Category::Spot) => Some(self.subscribe_account(now, conn, params, around)),
            ("userDataStream.unsubscribe", Category::Spot) => {
                let number = params.integer("subscriptionId").ok().flatten().and_then(|n| u64::try_from(n).ok());
                self.private.leave_number(conn, number);
                Some(Ok(object! {}))
            }
            ("session.subscriptions", Category::Spot) => {
                let rows: Vec<Raw> = self.private.numbers(conn).into_iter().map(|n| object! { "subscriptionId": n }).collect();
                Some(Ok(super::json::rows(&rows)))
            }
            _ => None,
        }
    }

    fn subscribe_account(&mut self, now: Timestamp, conn: ConnId, params: &Params, around: &Around<'_>) -> Result<Raw, Refusal> {
        let client = around.gate.signer(now, params, around.house)?;
        let found = self.conns.get_mut(&conn).ok_or_else(Refusal::not_permitted)?;
        let number = found.subscriptions;
        found.subscriptions += 1;
        self.private.listen(client, conn, Subscription::Numbered(number), around.house);
        Ok(object! { "subscriptionId": number })
    }

    fn status(&self, now: Timestamp, conn: ConnId) -> Raw {
        let since = self.conns.get(&conn).map_or(0, |found| ms(found.opened));
        object! {
            "apiKey": None::<String>, "authorizedSince": None::<i64>, "connectedSince": since, "returnRateLimits": true,
            "serverTime": ms(now), "userDataStream": !self.private.numbers(conn).is_empty(),
        }
    }

    /// A pong came.
    pub fn pong(&mut self, now: Timestamp, conn: ConnId) {
        if let Some(found) = self.conns.get_mut(&conn) {
            found.heard = now;
        }
    }

    /// A connection is gone.
    pub fn disconnect(&mut self, conn: ConnId) {
        if let Some(found) = self.conns.remove(&conn) {
            self.pings.remove(&(found.next_ping, conn));
        }
        self.feeds.disconnect(conn);
        self.private.disconnect(conn);
    }

    /// Tells everybody what happened.
    pub fn publish(&mut self, now: Timestamp, news: &[News], house: &House, desk: &mut Desk, out: &mut Outbox) {
        self.feeds.publish(now, news, house, out);
        self.private.publish(now, news, house, desk, out);
    }

    /// When something is due next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let ping = self.pings.first().map(|(at, _)| *at);
        [ping, self.feeds.next_deadline()].into_iter().flatten().min()
    }

    /// Does what is due: streams, pings, connections that are over.
    pub fn on_time(&mut self, now: Timestamp, house: &House, desk: &mut Desk, out: &mut Outbox) {
        self.feeds.on_time(now, house, out);
        for (client, key) in desk.expired_keys(now) {
            self.private.expire(now, client, &key, out);
        }
        while let Some((at, conn)) = self.pings.first().copied().filter(|(at, _)| *at <= now) {
            self.pings.remove(&(at, conn));
            let Some(found) = self.conns.get_mut(&conn) else { continue };
            if found.opened.plus(LIFE) <= now || found.heard.plus(found.line.patience()) <= now {
                out.send(conn, Frame::Close { code: 1001, reason: "disconnected".to_owned() });
                continue;
            }
            found.next_ping = now.plus(found.line.ping_every());
            self.pings.insert((found.next_ping, conn));
            out.send(conn, Frame::Ping(ms(now).to_string().into_bytes()));
        }
    }
}

fn stream_error(id: &str, code: i32, words: &str) -> String {
    object! { "error": object! { "code": code, "msg": words }, "id": Raw(id.to_owned()) }.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_markets_and_groups() {
        let spot = Line::Streams(Category::Spot, None);
        assert_eq!(line_of("/ws/0"), Some((spot, false, vec!["0"])));
        assert_eq!(line_of("/stream/ws/0"), Some((spot, false, vec!["0"])));
        assert_eq!(line_of("/stream"), Some((spot, true, vec![])));
        assert_eq!(line_of("/ws/btcusdt@trade/ethusdt@trade"), Some((spot, false, vec!["btcusdt@trade", "ethusdt@trade"])));
        let public = Line::Streams(Category::Linear, Some(Group::Public));
        assert_eq!(line_of("/fut/public/ws/0"), Some((public, false, vec!["0"])));
        assert_eq!(line_of("/public/stream"), Some((public, true, vec![])));
        assert_eq!(line_of("/fut/private/ws"), Some((Line::Streams(Category::Linear, Some(Group::Private)), false, vec![])));
        assert_eq!(line_of("/fut/ws"), Some((Line::Streams(Category::Linear, None), false, vec![])));
        assert_eq!(line_of("/ws-fapi/v1"), Some((Line::Api(Category::Linear), false, vec![])));
        assert_eq!(line_of("/nowhere"), None);
    }
}

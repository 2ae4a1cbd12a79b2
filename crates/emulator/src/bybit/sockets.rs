//! Sockets: what each one is for, what is said to it first, and the shapes of requests and acknowledgements.
//!
//! Source: Bybit v5 documentation, "Connect", "WebSocket trade / guideline" (2026-07). The three kinds of socket acknowledge in three
//! shapes.

use super::answer::Refusal;
use super::figures;
use super::ids;
use super::json::{Object, array, quoted};
use crate::front::ConnId;
use crate::house::{Category, ClientId};
use serde_json::Value;
use std::collections::BTreeSet;
use tradewind_types::Timestamp;

/// A socket that says nothing for this long is closed.
pub(super) const SILENCE_NS: i64 = 600_000_000_000;
/// All topics of a subscription together may be this long.
const ARGUMENTS_MAX: usize = 21_000;
/// Topics in one subscription to spot.
const SPOT_TOPICS_MAX: usize = 10;

/// What a socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Public topics of a market; of none, where nothing is listed.
    Public(Option<Category>),
    /// A client's own topics.
    Private,
    /// Orders.
    Trade,
}

impl Purpose {
    /// The purpose of a path; `None` where there is no socket.
    pub(super) fn at(path: &str) -> Option<Self> {
        match path {
            "/v5/public/spot" => Some(Purpose::Public(Some(Category::Spot))),
            "/v5/public/linear" => Some(Purpose::Public(Some(Category::Linear))),
            "/v5/public/inverse" | "/v5/public/option" | "/v5/public/spread" | "/v5/public/misc/status" => Some(Purpose::Public(None)),
            "/v5/private" => Some(Purpose::Private),
            "/v5/trade" => Some(Purpose::Trade),
            _ => None,
        }
    }
}

/// One connection.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) purpose: Purpose,
    /// Who it proved to be.
    pub(super) client: Option<ClientId>,
    /// Private topics it follows.
    pub(super) topics: BTreeSet<String>,
    /// Requests it made, by their id; none may come twice.
    pub(super) requests: BTreeSet<String>,
    /// When it last said something.
    pub(super) heard: Timestamp,
}

impl Socket {
    pub(super) fn new(now: Timestamp, purpose: Purpose) -> Self {
        Self { purpose, client: None, topics: BTreeSet::new(), requests: BTreeSet::new(), heard: now }
    }
}

/// A request over a socket.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) op: String,
    /// `req_id` or `reqId`, as text; `None` where there was none.
    pub(super) id: Option<String>,
    pub(super) args: Vec<Value>,
    pub(super) header: Value,
}

impl Asked {
    /// Reads a request; `None` where it is not one.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let mut value: Value = serde_json::from_slice(text).ok()?;
        let id = ["req_id", "reqId"].iter().find_map(|key| match value.get(key) {
            Some(Value::String(id)) => Some(id.clone()),
            Some(Value::Number(id)) => Some(id.to_string()),
            _ => None,
        });
        let op = value.get("op")?.as_str()?.to_owned();
        let args = value.get_mut("args").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
        let header = value.get_mut("header").map(Value::take).unwrap_or_default();
        Some(Self { op, id, args, header })
    }

    /// The topics that it names.
    pub(super) fn topics(&self, purpose: Purpose) -> Result<Vec<&str>, Refusal> {
        let topics: Vec<&str> = self.args.iter().filter_map(Value::as_str).collect();
        if topics.is_empty() || topics.len() != self.args.len() {
            return Err(Refusal::params("error:args invalid"));
        }
        if topics.iter().map(|topic| topic.len()).sum::<usize>() > ARGUMENTS_MAX {
            return Err(Refusal::params("error:args size exceed 21000"));
        }
        if purpose == Purpose::Public(Some(Category::Spot)) && topics.len() > SPOT_TOPICS_MAX {
            return Err(Refusal::params("args size >10"));
        }
        Ok(topics)
    }

    /// A value of the header, as text.
    pub(super) fn header(&self, name: &str) -> String {
        match self.header.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        }
    }
}

/// The venue's name of a connection.
pub(super) fn connection_id(conn: ConnId) -> String {
    ids::uuid(conn.0)
}

/// The acknowledgement of `auth`, `subscribe` or `unsubscribe` on a public or private socket.
pub(super) fn acknowledged(conn: ConnId, asked: &Asked, outcome: &Result<(), Refusal>) -> String {
    let message = outcome.as_ref().err().map_or("", |refusal| refusal.message.as_str());
    let object = Object::new().raw("success", outcome.is_ok()).text("ret_msg", message);
    let object = match asked.op.as_str() {
        "auth" => object.text("op", &asked.op).text("conn_id", connection_id(conn)),
        _ => object.text("conn_id", connection_id(conn)),
    };
    let object = match &asked.id {
        Some(id) => object.text("req_id", id),
        None => object,
    };
    if asked.op == "auth" { object.close() } else { object.text("op", &asked.op).close() }
}

/// The answer to a ping; each kind of socket has its own.
pub(super) fn pong(now: Timestamp, conn: ConnId, purpose: Purpose, asked: &Asked) -> String {
    let stamp = array([quoted(figures::millis(now))]);
    let id = |object: Object| match &asked.id {
        Some(id) => object.text("req_id", id),
        None => object,
    };
    match purpose {
        Purpose::Public(_) => {
            let object = Object::new().raw("success", true).text("ret_msg", "pong").text("conn_id", connection_id(conn));
            id(object).text("op", "ping").close()
        }
        Purpose::Private => id(Object::new()).text("op", "pong").raw("args", stamp).text("conn_id", connection_id(conn)).close(),
        Purpose::Trade => {
            let object = Object::new().raw("retCode", 0).text("retMsg", "OK").text("op", "pong").raw("data", stamp);
            object.text("connId", connection_id(conn)).close()
        }
    }
}

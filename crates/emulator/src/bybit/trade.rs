//! The order socket: orders as over REST, each request answered by its own id with what is left of its quota.
//!
//! Source: Bybit v5 documentation, "WebSocket trade / guideline" (2026-07).

use super::answer::Refusal;
use super::figures;
use super::ids;
use super::json::Object;
use super::quota::Left;
use super::sockets::{Asked, connection_id};
use crate::front::ConnId;
use tradewind_types::Timestamp;

/// What came of a request.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The result and, of a batch, its codes.
    pub(super) result: Result<(String, String), Refusal>,
    /// The request's quota, where it was counted.
    pub(super) left: Option<Left>,
}

/// The REST path that does what `op` asks; `None` where the socket does not.
pub(super) fn path(op: &str) -> Option<&'static str> {
    Some(match op {
        "order.create" => "/v5/order/create",
        "order.amend" => "/v5/order/amend",
        "order.cancel" => "/v5/order/cancel",
        "order.create-batch" => "/v5/order/create-batch",
        "order.amend-batch" => "/v5/order/amend-batch",
        "order.cancel-batch" => "/v5/order/cancel-batch",
        _ => return None,
    })
}

/// The acknowledgement of `auth`.
pub(super) fn acknowledged(conn: ConnId, asked: &Asked, outcome: &Result<(), Refusal>) -> String {
    let (code, message) = outcome.as_ref().err().map_or((0, "OK"), |refusal| (refusal.code, refusal.message.as_str()));
    let object = match &asked.id {
        Some(id) => Object::new().text("reqId", id),
        None => Object::new(),
    };
    object.raw("retCode", code).text("retMsg", message).text("op", &asked.op).text("connId", connection_id(conn)).close()
}

/// The answer to an order request; `number` counts the socket's answers.
pub(super) fn answered(now: Timestamp, conn: ConnId, asked: &Asked, outcome: &Outcome, number: u64) -> String {
    let now_ms = figures::millis(now);
    let (code, message) = outcome.result.as_ref().err().map_or((0, "OK"), |refusal| (refusal.code, refusal.message.as_str()));
    let (data, extra) = outcome.result.as_ref().map_or(("{}", "{}"), |(data, extra)| (data.as_str(), extra.as_str()));
    let header = match outcome.left {
        Some(left) => Object::new()
            .text("X-Bapi-Limit", left.limit)
            .text("X-Bapi-Limit-Status", left.remaining)
            .text("X-Bapi-Limit-Reset-Timestamp", left.reset_ms),
        None => Object::new(),
    };
    let header = header.text("Traceid", ids::uuid(number).replace('-', "")).text("Timenow", now_ms);
    Object::new()
        .text("reqId", asked.id.as_deref().unwrap_or_default())
        .raw("retCode", code)
        .text("retMsg", message)
        .text("op", &asked.op)
        .raw("data", data)
        .raw("retExtInfo", extra)
        .raw("header", header.close())
        .text("connId", connection_id(conn))
        .close()
}

//! The venue's envelope and its refusals: business errors are HTTP 200 with a code and a message.
//!
//! Source: Bybit v5 documentation, "Error codes" (2026-07).

use super::json::Object;

/// Why the venue will not do something: its code and its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: u32,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// 10001: a parameter is missing or makes no sense.
    pub(super) fn params(message: impl Into<String>) -> Self {
        Self::new(10001, message)
    }
}

/// The body of an answer that carries `result` and, of a batch, the codes of its items; both are JSON.
pub(super) fn success(now_ms: i64, result: &str, codes: &str) -> String {
    envelope(now_ms, 0, "OK", result, codes)
}

/// The body of a refusal.
pub(super) fn refused(now_ms: i64, refusal: &Refusal) -> String {
    envelope(now_ms, refusal.code, &refusal.message, "{}", "{}")
}

fn envelope(now_ms: i64, code: u32, message: &str, result: &str, extra: &str) -> String {
    let object = Object::new().raw("retCode", code).text("retMsg", message).raw("result", result).raw("retExtInfo", extra);
    object.raw("time", now_ms).close()
}

/// The per-item codes of a batch.
pub(super) fn item_codes(outcomes: &[Result<(), Refusal>]) -> String {
    let item = |outcome: &Result<(), Refusal>| match outcome {
        Ok(()) => Object::new().raw("code", 0).text("msg", "OK").close(),
        Err(refusal) => Object::new().raw("code", refusal.code).text("msg", &refusal.message).close(),
    };
    Object::new().raw("list", super::json::array(outcomes.iter().map(item))).close()
}

//! Who asks, and whether it is still timely: the venue's HMAC signatures on requests and sockets, and its clock rule.
//!
//! Source: Bybit v5 documentation, "Integration guidance" and "WebSocket connect" (2026-07).

use crate::signing::{hex, hmac_sha256};

/// The window a request is good for when it names none, in milliseconds.
pub(super) const DEFAULT_WINDOW_MS: i64 = 5_000;
/// How far ahead of the venue's clock a timestamp may be, in milliseconds.
const AHEAD_MS: i64 = 1_000;

/// The signature of a request: its `payload` is the query as sent, or the body.
pub(super) fn request_signature(secret: &str, timestamp: &str, key: &str, window: &str, payload: &[u8]) -> String {
    hex(&hmac_sha256(secret.as_bytes(), &[timestamp.as_bytes(), key.as_bytes(), window.as_bytes(), payload]))
}

/// The signature with which a socket proves its key until `expires_ms`.
pub(super) fn socket_signature(secret: &str, expires_ms: i64) -> String {
    hex(&hmac_sha256(secret.as_bytes(), &[b"GET/realtime", expires_ms.to_string().as_bytes()]))
}

/// Whether a request stamped `timestamp_ms` is still good: `now - window <= timestamp < now + 1 s`.
pub(super) const fn is_timely(now_ms: i64, timestamp_ms: i64, window_ms: i64) -> bool {
    now_ms.saturating_sub(window_ms) <= timestamp_ms && timestamp_ms < now_ms.saturating_add(AHEAD_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Worked by hand with another implementation of HMAC: key `testkey`, secret `testsecret`.
    #[test]
    fn worked_signatures() {
        let body = br#"{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.001","price":"40000"}"#;
        let sign = |payload: &[u8]| request_signature("testsecret", "1700000000000", "testkey", "5000", payload);
        assert_eq!(sign(body), "3954ff64b8a51669f222655f1a44d4a496d4cfe816e3ca49b1258bac5befaaea");
        assert_eq!(sign(b"category=linear&symbol=BTCUSDT"), "f2f79889fd1201752936b389c890e9d393e01e0311a6d8785fb80753aa26c69b");
        let socket = socket_signature("testsecret", 1_700_000_010_000);
        assert_eq!(socket, "6a806639d27b1c24c3808a191e9d0274d0c9d3a04a160233856d65840dfda2c8");
    }

    #[test]
    fn a_timestamp_is_good_from_its_window_to_a_second_ahead() {
        assert!(is_timely(10_000, 5_000, 5_000));
        assert!(!is_timely(10_000, 4_999, 5_000));
        assert!(is_timely(10_000, 10_999, 5_000));
        assert!(!is_timely(10_000, 11_000, 5_000));
    }
}

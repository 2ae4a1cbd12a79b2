//! How requests and logins are signed: HMAC-SHA256 over timestamp, key, window and what is sent. Source: Bybit's v5 documents
//! ("Integration Guidance", "Connect"), read 2026-07.

use crate::credentials::Credentials;
use crate::sign::Signer;
use tradewind_types::{Nanos, Timestamp};

/// How long a login is good for. It is used at once.
const LOGIN_LIFE: Nanos = Nanos::from_secs(10);

/// A key with what signing by it takes.
#[derive(Clone, Debug)]
pub(super) struct Key {
    credentials: Credentials,
    signer: Signer,
    recv_window_ms: i64,
}

impl Key {
    pub(super) fn new(credentials: Credentials, recv_window: Nanos) -> Self {
        let signer = Signer::new(credentials.secret.as_bytes());
        Self { credentials, signer, recv_window_ms: recv_window.0 / 1_000_000 }
    }

    pub(super) const fn recv_window_ms(&self) -> i64 {
        self.recv_window_ms
    }

    /// The headers of a signed request whose query (GET) or body (POST) is `payload`.
    pub(super) fn headers(&self, venue_now: Timestamp, payload: &[u8]) -> Vec<(&'static str, String)> {
        let (timestamp, window) = (milliseconds(venue_now).to_string(), self.recv_window_ms.to_string());
        let key = &self.credentials.key;
        let signature = self.signer.hex(&[timestamp.as_bytes(), key.as_bytes(), window.as_bytes(), payload]);
        vec![("x-bapi-api-key", key.clone()), ("x-bapi-timestamp", timestamp), ("x-bapi-recv-window", window), ("x-bapi-sign", signature)]
    }

    /// The frame that logs a socket in.
    pub(super) fn login(&self, venue_now: Timestamp) -> Vec<u8> {
        let expires = milliseconds(venue_now.plus(LOGIN_LIFE)).to_string();
        let signature = self.signer.hex(&[b"GET/realtime", expires.as_bytes()]);
        format!(r#"{{"op":"auth","args":["{}",{expires},"{signature}"]}}"#, self.credentials.key).into_bytes()
    }
}

/// A moment in the venue's unit.
pub(super) const fn milliseconds(at: Timestamp) -> i64 {
    at.0 / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Worked out beforehand with another implementation of HMAC, and equal to what a widely used client sends.
    #[test]
    fn requests_and_logins_are_signed_as_worked_out_by_hand() {
        let credentials = Credentials { key: "testkey".into(), secret: "testsecret".into(), passphrase: String::new() };
        let key = Key::new(credentials, Nanos::from_millis(5000));
        let now = Timestamp(1_700_000_000_000_999_999);
        let body = r#"{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.001","price":"40000"}"#;
        let cases = [
            (body, "3954ff64b8a51669f222655f1a44d4a496d4cfe816e3ca49b1258bac5befaaea"),
            ("category=linear&symbol=BTCUSDT", "f2f79889fd1201752936b389c890e9d393e01e0311a6d8785fb80753aa26c69b"),
        ];
        for (payload, signature) in cases {
            let headers = key.headers(now, payload.as_bytes());
            let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, ["x-bapi-api-key", "x-bapi-timestamp", "x-bapi-recv-window", "x-bapi-sign"]);
            let values: Vec<&str> = headers.iter().map(|(_, value)| value.as_str()).collect();
            assert_eq!(values, ["testkey", "1700000000000", "5000", signature]);
        }
        let login = r#"{"op":"auth","args":["testkey",1700000010000,"6a806639d27b1c24c3808a191e9d0274d0c9d3a04a160233856d65840dfda2c8"]}"#;
        assert_eq!(String::from_utf8(key.login(now)).unwrap(), login);
    }
}

//! Who asks, and whether in time: the key, the signature over exactly the bytes sent, the timestamp rule.
//!
//! Spot "Request security" and USD-M "General info" (2026-07): HMAC-SHA256 in hexadecimal over query string and body, joined
//! without a separator and without the signature; over the WebSocket API, over the parameters sorted by name.

use super::params::Params;
use super::refusal::Refusal;
use crate::signing::{hex, hmac_sha256, is_same};
use tradewind_types::{Rounding, Timestamp};

/// The longest `recvWindow` a request may state, ms.
const LONGEST_WINDOW_MS: i64 = 60_000;
/// The `recvWindow` of a request that states none, ms.
const USUAL_WINDOW_MS: i64 = 5_000;
/// How far ahead of the venue's clock a timestamp may be, ms.
const AHEAD_MS: i64 = 1_000;

/// Whether `signature` is the hexadecimal HMAC-SHA256 of `payload` under `secret`.
#[must_use]
pub fn is_signed(secret: &str, payload: &str, signature: &str) -> bool {
    is_same(&hex(&hmac_sha256(secret.as_bytes(), &[payload.as_bytes()])), signature)
}

/// What was signed of an HTTP request: query and body without the signature, joined.
#[must_use]
pub fn http_payload(query: &str, body: &str) -> String {
    let unsigned = |text: &str| {
        let parts: Vec<&str> = text.split('&').filter(|part| !part.is_empty() && !part.starts_with("signature=")).collect();
        parts.join("&")
    };
    unsigned(query) + &unsigned(body)
}

/// What was signed of a WebSocket API request: every parameter but the signature, sorted by name.
#[must_use]
pub fn frame_payload(params: &Params) -> String {
    let mut pairs: Vec<&(String, String)> = params.pairs().iter().filter(|(name, _)| name != "signature").collect();
    pairs.sort();
    let parts: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    parts.join("&")
}

/// The timestamp rule: not more than a second ahead of the venue, not older than the window the request states.
///
/// # Errors
/// -1102 without a timestamp, -1131 for a window that is too long, -1021 outside the window.
pub fn check_time(params: &Params, now: Timestamp) -> Result<(), Refusal> {
    let stated = params.integer("timestamp")?.ok_or_else(|| Refusal::missing("timestamp"))?;
    // A timestamp of 16 digits is in microseconds.
    let sent_ms = if stated >= 1_000_000_000_000_000 { stated / 1_000 } else { stated };
    let window_ms = match params.decimal("recvWindow")? {
        None => USUAL_WINDOW_MS,
        Some(stated) => stated.at_scale(0, Rounding::Ceil).ok().and_then(|ms| i64::try_from(ms).ok()).unwrap_or(i64::MAX),
    };
    if window_ms > LONGEST_WINDOW_MS {
        return Err(Refusal::new(-1131, "recvWindow must be less than 60000."));
    }
    let now_ms = now.0.div_euclid(1_000_000);
    if sent_ms >= now_ms + AHEAD_MS {
        return Err(Refusal::new(-1021, "Timestamp for this request was 1000ms ahead of the server's time."));
    }
    if now_ms - sent_ms > window_ms {
        return Err(Refusal::new(-1021, "Timestamp for this request is outside of the recvWindow."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";

    #[test]
    fn the_venues_own_example_is_accepted() {
        // https://developers.binance.com/docs/binance-spot-api-docs/rest-api/request-security, example 1 and 3 (mixed).
        let signature = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71";
        let whole = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559";
        assert!(is_signed(SECRET, &http_payload("", &format!("{whole}&signature={signature}")), signature));
        assert!(is_signed(SECRET, &http_payload(&format!("{whole}&signature={signature}"), ""), signature));
        let (query, body) = whole.split_once("&quantity").unwrap();
        let mixed =
            http_payload(query, &format!("quantity{body}&signature=0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77"));
        assert!(is_signed(SECRET, &mixed, "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77"));
        assert!(!is_signed(SECRET, whole, &signature.replace('c', "d")));
        assert!(!is_signed(SECRET, whole, "zz"));
    }

    #[test]
    fn frames_are_signed_over_their_sorted_parameters() {
        let frame = r#"{"symbol":"BTCUSDT","side":"SELL","type":"LIMIT","timeInForce":"GTC","quantity":"0.01000000","price":"52000.00",
            "recvWindow":100,"timestamp":1645423376532,"apiKey":"testkey",
            "signature":"b23f951423ba7cf9a9f56a333f8d8da0274ad8f5034526082f30a096017c94c6"}"#;
        let params = Params::of_json(frame).unwrap();
        assert!(is_signed("testsecret", &frame_payload(&params), params.get("signature").unwrap()));
    }

    #[test]
    fn a_timestamp_is_neither_early_nor_late() {
        let now = Timestamp(1_700_000_000_000_000_000);
        let code = |text: &str| check_time(&Params::of_request(text, ""), now).map_err(|r| r.code);
        assert_eq!(code("timestamp=1700000000000"), Ok(()));
        assert_eq!(code("timestamp=1700000000999"), Ok(()));
        assert_eq!(code("timestamp=1700000001000"), Err(-1021));
        assert_eq!(code("timestamp=1699999995000"), Ok(()));
        assert_eq!(code("timestamp=1699999994999"), Err(-1021));
        assert_eq!(code("timestamp=1699999994999&recvWindow=60000"), Ok(()));
        assert_eq!(code("timestamp=1700000000000&recvWindow=60001"), Err(-1131));
        assert_eq!(code("timestamp=1700000000000000"), Ok(()));
        assert_eq!(code("recvWindow=5"), Err(-1102));
    }
}

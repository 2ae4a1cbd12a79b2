//! Who asks: requests proved by their signature and their time, sockets by theirs.

use super::answer::Refusal;
use super::figures::millis;
use super::sign;
use crate::front::HttpIn;
use crate::house::{ClientId, House, Permissions};
use crate::signing::is_same;
use serde_json::Value;
use tradewind_types::Timestamp;

/// The client that signed a request.
pub(super) fn signer(now: Timestamp, request: &HttpIn<'_>, house: &House) -> Result<ClientId, Refusal> {
    let header = |name: &str| request.header(name).unwrap_or_default();
    let (key, stamp, given) = (header("x-bapi-api-key"), header("x-bapi-timestamp"), header("x-bapi-sign"));
    if key.is_empty() || stamp.is_empty() || given.is_empty() {
        let message = format!("empty value: apiTimestamp[{stamp}] apiKey[{key}] apiSignature[{given}]: openapi sign params error!");
        return Err(Refusal::params(message));
    }
    let window = request.header("x-bapi-recv-window").unwrap_or("5000");
    timely(now, stamp, window)?;
    let client = house.client_by_key(key).ok_or_else(|| Refusal::new(10003, "API key is invalid."))?;
    let payload = if request.method == "GET" { request.query.as_bytes() } else { request.body };
    let secret = client.credentials.secret.reveal();
    if !is_same(&sign::request_signature(secret, stamp, key, window, payload), given) {
        let origin = format!("{stamp}{key}{window}{}", String::from_utf8_lossy(payload));
        return Err(Refusal::new(10004, format!("error sign! origin_string[{origin}]")));
    }
    Ok(client.id)
}

/// Refuses a request that is too old, or from too far ahead.
pub(super) fn timely(now: Timestamp, stamp: &str, window: &str) -> Result<(), Refusal> {
    let now_ms = millis(now);
    let window_ms = window.parse().unwrap_or(sign::DEFAULT_WINDOW_MS);
    if stamp.parse().is_ok_and(|stamp_ms| sign::is_timely(now_ms, stamp_ms, window_ms)) {
        return Ok(());
    }
    let figures = format!("req_timestamp[{stamp}],server_timestamp[{now_ms}],recv_window[{window}]");
    let message = format!("invalid request, please check your server timestamp or recv_window param. {figures}");
    Err(Refusal::new(10002, message))
}

/// Refuses a key that may only look.
pub(super) fn may_trade(client: ClientId, house: &House) -> Result<(), Refusal> {
    if house.client(client).is_some_and(|client| client.permissions == Permissions::Trade) {
        return Ok(());
    }
    Err(Refusal::new(10005, "Permission denied, please check your API key permissions."))
}

/// The client that a socket proves to be, from the arguments of its `auth`: key, expiry in milliseconds, signature.
pub(super) fn socket_signer(now: Timestamp, arguments: &[Value], house: &House) -> Result<ClientId, Refusal> {
    let [key, expires, given] = arguments else {
        return Err(Refusal::new(10001, "Params Error"));
    };
    let expires_ms = expires.as_i64().or_else(|| expires.as_str().and_then(|text| text.parse().ok()));
    let (Some(key), Some(given), Some(expires_ms)) = (key.as_str(), given.as_str(), expires_ms) else {
        return Err(Refusal::new(10001, "Params Error"));
    };
    if expires_ms <= millis(now) {
        return Err(Refusal::new(10004, "Request has expired"));
    }
    let client = house.client_by_key(key).ok_or_else(|| Refusal::new(10003, "API key is invalid."))?;
    if !is_same(&sign::socket_signature(client.credentials.secret.reveal(), expires_ms), given) {
        return Err(Refusal::new(10004, "Error sign, please check your signature generation algorithm."));
    }
    Ok(client.id)
}

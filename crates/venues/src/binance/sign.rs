//! Signed parameters: one list, written as a query, as a form, or as the `params` of a socket request.
//!
//! Over HTTP the payload is the percent-encoded query, in the order sent; on a socket it is the parameters in alphabetical order.
//! A list kept in alphabetical order is both (spot `request-security.md`, percent-encoding before signing since 2026-01-15).

use crate::credentials::Credentials;
use crate::sign::Signer;
use std::fmt::Write as _;

/// A parameter's value. On a socket a number stands without quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Number(i64),
}

/// Parameters in alphabetical order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Params(Vec<(&'static str, Value)>);

impl Params {
    pub(super) fn text(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.put(name, Value::Text(value.into()));
        self
    }

    pub(super) fn number(mut self, name: &'static str, value: i64) -> Self {
        self.put(name, Value::Number(value));
        self
    }

    fn put(&mut self, name: &'static str, value: Value) {
        let place = self.0.partition_point(|(other, _)| *other < name);
        self.0.insert(place, (name, value));
    }

    /// `a=1&b=2`, percent-encoded.
    pub(super) fn query(&self) -> String {
        let mut out = String::with_capacity(32 * self.0.len());
        for (name, value) in &self.0 {
            if !out.is_empty() {
                out.push('&');
            }
            out.push_str(name);
            out.push('=');
            match value {
                Value::Text(text) => percent_encode(text, &mut out),
                // Writing into a string cannot fail.
                Value::Number(number) => write!(out, "{number}").unwrap_or_default(),
            }
        }
        out
    }

    /// The same, not encoded: what a socket request is signed by.
    fn plain(&self) -> String {
        let mut out = String::with_capacity(32 * self.0.len());
        for (name, value) in &self.0 {
            let and = if out.is_empty() { "" } else { "&" };
            match value {
                Value::Text(text) => write!(out, "{and}{name}={text}").unwrap_or_default(),
                Value::Number(number) => write!(out, "{and}{name}={number}").unwrap_or_default(),
            }
        }
        out
    }
}

fn percent_encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").unwrap_or_default();
        }
    }
}

/// A key with its signer.
#[derive(Clone, Debug)]
pub(super) struct Key {
    name: String,
    signer: Signer,
}

impl Key {
    pub(super) fn new(credentials: &Credentials) -> Self {
        Self { name: credentials.key.clone(), signer: Signer::new(credentials.secret.as_bytes()) }
    }

    /// The header of every request that asks for a key.
    pub(super) fn header(&self) -> (&'static str, String) {
        ("x-mbx-apikey", self.name.clone())
    }

    /// The query with its signature.
    pub(super) fn signed_query(&self, params: &Params) -> String {
        let query = params.query();
        let signature = self.signer.hex(&[query.as_bytes()]);
        format!("{query}&signature={signature}")
    }

    /// A request on a socket, signed.
    pub(super) fn signed_frame(&self, id: &str, method: &str, params: Params) -> Vec<u8> {
        let params = params.text("apiKey", self.name.as_str());
        let signature = self.signer.hex(&[params.plain().as_bytes()]);
        let mut out = String::with_capacity(512);
        write!(out, r#"{{"id":"{id}","method":"{method}","params":{{"#).unwrap_or_default();
        for (name, value) in &params.0 {
            match value {
                Value::Text(text) => write!(out, r#""{name}":{},"#, Quoted(text)).unwrap_or_default(),
                Value::Number(number) => write!(out, r#""{name}":{number},"#).unwrap_or_default(),
            }
        }
        write!(out, r#""signature":"{signature}"}}}}"#).unwrap_or_default();
        out.into_bytes()
    }
}

/// A text as JSON writes it.
struct Quoted<'a>(&'a str);

impl std::fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_char('"')?;
        for letter in self.0.chars() {
            match letter {
                '"' | '\\' => write!(f, "\\{letter}")?,
                '\0'..='\u{1f}' => write!(f, "\\u{:04x}", u32::from(letter))?,
                _ => f.write_char(letter)?,
            }
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::new(&Credentials { key: "testkey".into(), secret: "testsecret".into(), passphrase: String::new() })
    }

    fn order() -> Params {
        Params::default()
            .text("symbol", "BTCUSDT")
            .text("side", "SELL")
            .text("type", "LIMIT")
            .text("timeInForce", "GTC")
            .text("quantity", "0.01000000")
            .text("price", "52000.00")
            .number("recvWindow", 100)
            .number("timestamp", 1_645_423_376_532)
    }

    /// The payload of the example in the venue's WebSocket documents ("SIGNED request example (HMAC)", read 2026-07).
    #[test]
    fn a_socket_request_is_signed_in_alphabetical_order() {
        let frame = String::from_utf8(key().signed_frame("7", "order.place", order())).unwrap();
        assert_eq!(
            frame,
            concat!(
                r#"{"id":"7","method":"order.place","params":{"apiKey":"testkey","price":"52000.00","quantity":"0.01000000","recvWindow":100,"#,
                r#""side":"SELL","symbol":"BTCUSDT","timeInForce":"GTC","timestamp":1645423376532,"type":"LIMIT","#,
                r#""signature":"b23f951423ba7cf9a9f56a333f8d8da0274ad8f5034526082f30a096017c94c6"}}"#
            )
        );
    }

    #[test]
    fn a_query_is_encoded_before_it_is_signed() {
        let account = Params::default().number("timestamp", 1_700_000_000_000).number("recvWindow", 10_000);
        let signed = key().signed_query(&account);
        let payload = "recvWindow=10000&timestamp=1700000000000";
        assert_eq!(signed, format!("{payload}&signature={}", Signer::new(b"testsecret").hex(&[payload.as_bytes()])));
        assert_eq!(Params::default().text("symbol", "币A&B").query(), "symbol=%E5%B8%81A%26B");
    }

    /// Payloads and signatures that an independent client produces for the same key.
    #[test]
    fn signatures_agree_with_other_clients() {
        let signer = Signer::new(b"testsecret");
        let order = "timestamp=1700000000000&symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001&price=40000&newClientOrderId=cid1&recvWindow=10000";
        assert_eq!(signer.hex(&[order.as_bytes()]), "f8778eca6d5b933ae3c596ee5293da7cad0b60dad5d82c25a8003014dffebb87");
        let account = "timestamp=1700000000000&recvWindow=10000";
        assert_eq!(signer.hex(&[account.as_bytes()]), "8e4b66ac13b25a40ae878a403212a27fe7c52814c8a360208aaeef2525e77612");
    }
}

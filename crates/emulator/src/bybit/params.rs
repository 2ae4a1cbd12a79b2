//! What a request asks for: named values, whether they came in a query or in a JSON body.

use super::answer::Refusal;
use serde_json::Value;
use std::str::FromStr;

/// Named values of one request. A value that is empty text counts as not given, as at the venue.
#[derive(Clone, Debug, Default)]
pub(super) struct Params {
    values: Vec<(String, String)>,
}

impl Params {
    /// From a query string, percent-encoding undone.
    pub(super) fn from_query(query: &str) -> Self {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        Self { values: pairs.map(|(key, value)| (decoded(key), decoded(value))).collect() }
    }

    /// From a JSON object: its scalars, as text.
    pub(super) fn from_json(object: &Value) -> Self {
        let Some(object) = object.as_object() else {
            return Self::default();
        };
        let scalar = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        };
        Self { values: object.iter().filter_map(|(key, value)| scalar(value).map(|text| (key.clone(), text))).collect() }
    }

    /// The same values, with one more where it is not among them.
    pub(super) fn with(mut self, key: &str, value: &str) -> Self {
        if self.get(key).is_none() {
            self.values.push((key.to_owned(), value.to_owned()));
        }
        self
    }

    /// A value, where it was given.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.values.iter().find(|(name, value)| name == key && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// A value that must be given.
    pub(super) fn need(&self, key: &str) -> Result<&str, Refusal> {
        self.get(key).ok_or_else(|| Refusal::params(format!("params error: {key} is required")))
    }

    /// A value of some type, where it was given.
    pub(super) fn parse<T: FromStr>(&self, key: &str) -> Result<Option<T>, Refusal> {
        self.get(key).map(|text| text.parse().map_err(|_| Refusal::params(format!("params error: {key} invalid")))).transpose()
    }

    /// A flag: `true` or `1`; not given is `false`.
    pub(super) fn flag(&self, key: &str) -> bool {
        matches!(self.get(key), Some("true" | "1" | "True"))
    }

    /// A page's size: `default` where none was asked for, at most `most`.
    pub(super) fn limit(&self, default: usize, most: usize) -> Result<usize, Refusal> {
        Ok(self.parse::<usize>("limit")?.unwrap_or(default).clamp(1, most))
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escape = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (first, escape) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = after;
            }
            (byte, _) => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_and_a_body_say_the_same() {
        let query = Params::from_query("symbol=BTCUSDT&cursor=1%3A2%2C3&limit=5&empty=&odd=%zz");
        assert_eq!(query.get("cursor"), Some("1:2,3"));
        assert_eq!(query.get("odd"), Some("%zz"));
        assert_eq!(query.get("empty"), None);
        assert_eq!(query.limit(20, 3).unwrap(), 3);
        let body = Params::from_json(&serde_json::json!({"symbol": "BTCUSDT", "limit": 5, "reduceOnly": true, "list": [1]}));
        assert_eq!(body.get("symbol"), query.get("symbol"));
        assert_eq!(body.parse::<u32>("limit").unwrap(), Some(5));
        assert!(body.flag("reduceOnly") && body.get("list").is_none());
        assert!(body.need("qty").is_err() && body.parse::<u32>("symbol").is_err());
    }
}

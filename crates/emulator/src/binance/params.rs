//! What a request asks for, whichever way it came: query string, form body, or the `params` of a WebSocket frame.
//!
//! All three become one list of names and texts, so that one handler answers them all. Where a name comes twice, the first one
//! counts: the query string is read before the body.

use super::refusal::Refusal;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use tradewind_types::{Decimal, Timestamp};

/// Named texts in the order sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params {
    pairs: Vec<(String, String)>,
}

impl Params {
    /// Of a query string and a form body, either of which may be empty.
    #[must_use]
    pub fn of_request(query: &str, body: &str) -> Self {
        let pairs = query.split('&').chain(body.split('&')).filter(|part| !part.is_empty());
        let pairs = pairs.map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decoded(name), decoded(value))
        });
        Self { pairs: pairs.collect() }
    }

    /// Of a JSON object: texts without their quotes, everything else as it was written.
    ///
    /// # Errors
    /// [`Refusal`] -1135 where it is no object.
    pub fn of_json(text: &str) -> Result<Self, Refusal> {
        let refuse = |_| Refusal::new(-1135, "Invalid JSON request.");
        let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).map_err(refuse)?;
        let text_of = |raw: Box<RawValue>| serde_json::from_str::<String>(raw.get()).unwrap_or_else(|_| raw.get().to_owned());
        Ok(Self { pairs: fields.into_iter().map(|(name, raw)| (name, text_of(raw))).collect() })
    }

    /// Every name and text, in the order sent (alphabetical where they came as JSON).
    #[must_use]
    pub fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    /// The text under a name, unless it is empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.pairs.iter().find(|(n, _)| n == name)?;
        Some(value.as_str()).filter(|v| !v.is_empty())
    }

    /// The same parameters with one set to another text.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.pairs.insert(0, (name.to_owned(), value.to_owned()));
        self
    }

    /// The text under a name that has to be there.
    ///
    /// # Errors
    /// -1102.
    pub fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| Refusal::missing(name))
    }

    /// A whole number.
    ///
    /// # Errors
    /// -1100 where it is none.
    pub fn integer(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let parse = |text: &str| text.parse().map_err(|_| Refusal::malformed(name, r"^-?[0-9]{1,20}$"));
        self.get(name).map(parse).transpose()
    }

    /// A decimal number.
    ///
    /// # Errors
    /// -1100 where it is none.
    pub fn decimal(&self, name: &str) -> Result<Option<Decimal>, Refusal> {
        let parse = |text: &str| text.parse().map_err(|_| Refusal::malformed(name, r"^([0-9]{1,20})(\.[0-9]{1,20})?$"));
        self.get(name).map(parse).transpose()
    }

    /// `true` or `false`; false where it is not sent.
    ///
    /// # Errors
    /// -1130 where it is neither.
    pub fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.get(name).map(str::to_ascii_lowercase).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Refusal::not_valid(name)),
        }
    }

    /// A moment in ms since 1970.
    ///
    /// # Errors
    /// -1100 where it is no whole number.
    pub fn moment(&self, name: &str) -> Result<Option<Timestamp>, Refusal> {
        Ok(self.integer(name)?.map(|ms| Timestamp(ms.saturating_mul(1_000_000))))
    }

    /// How many rows are wanted, at most `most`.
    ///
    /// # Errors
    /// -1100 where it is no whole number, -1130 where it is below one.
    pub fn limit(&self, usual: usize, most: usize) -> Result<usize, Refusal> {
        match self.integer("limit")? {
            None => Ok(usual),
            Some(n) if n >= 1 => Ok(usize::try_from(n).unwrap_or(most).min(most)),
            Some(_) => Err(Refusal::not_valid("limit")),
        }
    }

    /// The texts of a JSON array of texts, such as `symbols=["BTCUSDT"]`.
    ///
    /// # Errors
    /// -1100 where it is no such array.
    pub fn list(&self, name: &str) -> Result<Option<Vec<String>>, Refusal> {
        let parse = |text: &str| serde_json::from_str(text).map_err(|_| Refusal::malformed(name, r#"["a","b"]"#));
        self.get(name).map(parse).transpose()
    }
}

/// Percent-decoded text; `+` is a space, as in a form.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
        match (first, tail) {
            (b'%', [high, low, after @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                bytes.push(hex(*high).unwrap_or(0) * 16 + hex(*low).unwrap_or(0));
                rest = after;
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = tail;
            }
            (other, _) => {
                bytes.push(*other);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_wins_over_the_body() {
        let params = Params::of_request("symbol=BTCUSDT&limit=5", "limit=9&batchOrders=%5B%7B%22a%22%3A1%7D%5D");
        assert_eq!(params.limit(100, 1000), Ok(5));
        assert_eq!(params.get("batchOrders"), Some(r#"[{"a":1}]"#));
        assert_eq!(params.required("side"), Err(Refusal::missing("side")));
    }

    #[test]
    fn json_numbers_keep_their_digits() {
        let params = Params::of_json(r#"{"quantity":"0.0100","timestamp":1700000000000,"price":40000.10}"#).unwrap();
        assert_eq!(params.get("quantity"), Some("0.0100"));
        assert_eq!(params.get("price"), Some("40000.10"));
        assert_eq!(params.integer("timestamp"), Ok(Some(1_700_000_000_000)));
        assert_eq!(Params::of_json("[1]").unwrap_err().code, -1135);
    }

    #[test]
    fn what_is_no_number_is_told() {
        let params = Params::of_request("price=1e5&quantity=abc&reduceOnly=maybe", "");
        assert_eq!(params.decimal("price").unwrap_err().code, -1100);
        assert_eq!(params.decimal("quantity").unwrap_err().code, -1100);
        assert_eq!(params.flag("reduceOnly").unwrap_err().code, -1130);
    }
}

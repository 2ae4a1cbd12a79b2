//! JSON text written in the order the venue writes its keys: an object is built key by key straight into its text.

use std::fmt::{self, Display, Write};

/// A JSON object being written.
#[derive(Clone, Debug)]
pub(super) struct Object {
    text: String,
}

impl Object {
    pub(super) fn new() -> Self {
        let mut text = String::with_capacity(256);
        text.push('{');
        Self { text }
    }

    /// A key whose value is a string: quoted, and escaped where it must be.
    pub(super) fn text(mut self, key: &str, value: impl Display) -> Self {
        self.key(key);
        quote_into(&mut self.text, &value);
        self
    }

    /// A key whose value is JSON already: a number, a boolean, an object, an array.
    pub(super) fn raw(mut self, key: &str, value: impl Display) -> Self {
        self.key(key);
        append(&mut self.text, &value);
        self
    }

    /// Keys and values written elsewhere: the inside of another object.
    pub(super) fn with(mut self, other: Object) -> Self {
        let inside = &other.text[1..];
        if !inside.is_empty() {
            if self.text.len() > 1 {
                self.text.push(',');
            }
            self.text.push_str(inside);
        }
        self
    }

    /// The finished object.
    pub(super) fn close(mut self) -> String {
        self.text.push('}');
        self.text
    }

    fn key(&mut self, key: &str) {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        // Keys are the venue's words: nothing in them needs an escape.
        self.text.push('"');
        self.text.push_str(key);
        self.text.push_str("\":");
    }
}

/// An array of what is JSON already.
pub(super) fn array(items: impl IntoIterator<Item = impl Display>) -> String {
    let mut text = String::from("[");
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        append(&mut text, &item);
    }
    text.push(']');
    text
}

/// A JSON string of `value`.
pub(super) fn quoted(value: impl Display) -> String {
    let mut text = String::new();
    quote_into(&mut text, &value);
    text
}

fn quote_into(text: &mut String, value: &impl Display) {
    text.push('"');
    append(&mut Escaped(text), value);
    text.push('"');
}

/// Writing into a `String` cannot fail; only a `Display` that lies could, and it would leave the text short.
fn append(into: &mut impl Write, value: &impl Display) {
    if write!(into, "{value}").is_err() {
        debug_assert!(false, "a String takes any text");
    }
}

struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let is_plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
        if part.bytes().all(is_plain) {
            self.0.push_str(part);
            return Ok(());
        }
        for c in part.chars() {
            match c {
                '"' => self.0.push_str("\\\""),
                '\\' => self.0.push_str("\\\\"),
                '\n' => self.0.push_str("\\n"),
                '\r' => self.0.push_str("\\r"),
                '\t' => self.0.push_str("\\t"),
                c if u32::from(c) < 0x20 => write!(self.0, "\\u{:04x}", u32::from(c))?,
                c => self.0.push(c),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_keeps_its_order_and_escapes_its_strings() {
        let inner = Object::new().text("b", "x\"\\\n\u{1}");
        let text = Object::new().raw("z", 1).with(inner).with(Object::new()).raw("list", array([quoted(2), "true".to_owned()])).close();
        assert_eq!(text, r#"{"z":1,"b":"x\"\\\n\u0001","list":["2",true]}"#);
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["b"], "x\"\\\n\u{1}");
    }
}

//! A pull scanner over one JSON text: keys and values as slices of the frame, nothing copied, nothing recursed into.
//!
//! Binance names nearly all fields of its streams with one letter, so an event is a table of letters ([`Letters`]).

use crate::error::MapError;

/// Where a text stopped being JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Syntax {
    at: usize,
    expected: &'static str,
}

impl Syntax {
    /// As an error of the message it was found in.
    pub(super) fn of(self, what: &'static str) -> MapError {
        MapError::Malformed { what, why: format!("{} expected at byte {}", self.expected, self.at) }
    }
}

/// A place in a JSON text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn expected(&self, expected: &'static str) -> Syntax {
        Syntax { at: self.at, expected }
    }

    /// The next byte that is no space; 0 at the end.
    #[inline]
    pub(super) fn peek(&mut self) -> u8 {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                Some(&byte) => return byte,
                None => return 0,
            }
        }
    }

    #[inline]
    pub(super) fn eat(&mut self, byte: u8, expected: &'static str) -> Result<(), Syntax> {
        if self.peek() == byte {
            self.at += 1;
            Ok(())
        } else {
            Err(self.expected(expected))
        }
    }

    /// Nothing may follow.
    pub(super) fn end(&mut self) -> Result<(), Syntax> {
        if self.peek() == 0 && self.at == self.bytes.len() { Ok(()) } else { Err(self.expected("the end")) }
    }

    /// What stands between the quotes, escapes as they are.
    #[inline]
    pub(super) fn string(&mut self) -> Result<&'a [u8], Syntax> {
        self.eat(b'"', "a string")?;
        let from = self.at;
        while let Some(&byte) = self.bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'"' => return Ok(&self.bytes[from..self.at - 1]),
                b'\\' => self.at += 1,
                _ => {}
            }
        }
        Err(self.expected("a closing quote"))
    }

    /// The next key of an object whose brace is open; none behind its last.
    #[inline]
    pub(super) fn key(&mut self, is_first: &mut bool) -> Result<Option<&'a [u8]>, Syntax> {
        if !self.item(b'}', is_first)? {
            return Ok(None);
        }
        let key = self.string()?;
        self.eat(b':', "a colon")?;
        Ok(Some(key))
    }

    /// Whether another item follows before `close`, which is passed otherwise.
    #[inline]
    pub(super) fn item(&mut self, close: u8, is_first: &mut bool) -> Result<bool, Syntax> {
        let next = self.peek();
        if next == close {
            self.at += 1;
            return Ok(false);
        }
        if !std::mem::take(is_first) {
            self.eat(b',', "a comma")?;
        }
        Ok(true)
    }

    /// Any value: a string without its quotes, anything else as it stands.
    #[inline]
    pub(super) fn value(&mut self) -> Result<&'a [u8], Syntax> {
        match self.peek() {
            b'"' => self.string(),
            b'{' | b'[' => self.nested(),
            _ => {
                let from = self.at;
                while let Some(b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'.' | b'-' | b'+') = self.bytes.get(self.at) {
                    self.at += 1;
                }
                if from == self.at { Err(self.expected("a value")) } else { Ok(&self.bytes[from..self.at]) }
            }
        }
    }

    /// An object or array as it stands. Brackets are counted, not matched: whoever reads the slice does that.
    fn nested(&mut self) -> Result<&'a [u8], Syntax> {
        let (from, mut depth) = (self.at, 0usize);
        loop {
            match self.peek() {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                b'"' => {
                    self.string()?;
                    continue;
                }
                0 => return Err(self.expected("a closing bracket")),
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Ok(&self.bytes[from..self.at]);
            }
        }
    }
}

/// Calls `each` for every object of an array.
pub(super) fn objects<'a>(
    array: &'a [u8],
    what: &'static str,
    mut each: impl FnMut(&'a [u8]) -> Result<(), MapError>,
) -> Result<(), MapError> {
    let broken = |syntax: Syntax| syntax.of(what);
    let mut scan = Scan::new(array);
    scan.eat(b'[', "an array").map_err(broken)?;
    let mut is_first = true;
    while scan.item(b']', &mut is_first).map_err(broken)? {
        each(scan.value().map_err(broken)?)?;
    }
    scan.end().map_err(broken)
}

/// Calls `each` for every key and value of an object.
pub(super) fn members<'a>(object: &'a [u8], what: &'static str, mut each: impl FnMut(&'a [u8], &'a [u8])) -> Result<(), MapError> {
    let mut read = || {
        let mut scan = Scan::new(object);
        scan.eat(b'{', "an object")?;
        let mut is_first = true;
        while let Some(key) = scan.key(&mut is_first)? {
            each(key, scan.value()?);
        }
        scan.end()
    };
    read().map_err(|syntax: Syntax| syntax.of(what))
}

/// The values of an object's one-letter keys. What is absent is empty, and so is what the venue leaves empty.
#[derive(Clone, Copy, Debug)]
pub(super) struct Letters<'a> {
    slots: [&'a [u8]; 64],
}

impl<'a> Letters<'a> {
    pub(super) const fn new() -> Self {
        Self { slots: [&[]; 64] }
    }

    /// The letters of an object; longer keys go to `longer`.
    pub(super) fn read(object: &'a [u8], what: &'static str, mut longer: impl FnMut(&'a [u8], &'a [u8])) -> Result<Self, MapError> {
        let mut letters = Self::new();
        members(object, what, |key, value| match key {
            [letter] => letters.set(*letter, value),
            _ => longer(key, value),
        })?;
        Ok(letters)
    }

    /// Letters of both cases fall on different slots.
    #[inline]
    pub(super) const fn set(&mut self, letter: u8, value: &'a [u8]) {
        if letter.is_ascii_alphabetic() {
            self.slots[(letter & 63) as usize] = value;
        }
    }

    /// Empty where there is none.
    #[inline]
    pub(super) const fn get(&self, letter: u8) -> &'a [u8] {
        self.slots[(letter & 63) as usize]
    }

    /// What has to be there.
    #[inline]
    pub(super) fn must(&self, letter: u8, what: &'static str, field: &'static str) -> Result<&'a [u8], MapError> {
        match self.get(letter) {
            [] => Err(MapError::Missing { what, field }),
            value => Ok(value),
        }
    }
}

/// Text of the venue, for people and for comparing.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_longer_keys_are_told_apart() {
        let frame = br#" {"e":"trade", "E" : 12,"pu":7,"b":[["1","2"],[]],"o":{"c":"a\"}"},"m":true,"N":null} "#;
        let mut longer = Vec::new();
        let letters = Letters::read(frame, "t", |key, value| longer.push((key, value))).unwrap();
        assert_eq!(letters.get(b'e'), b"trade");
        assert_eq!(letters.get(b'E'), b"12");
        assert_eq!(letters.get(b'b'), br#"[["1","2"],[]]"#);
        assert_eq!(letters.get(b'o'), br#"{"c":"a\"}"}"#);
        assert_eq!((letters.get(b'm'), letters.get(b'N'), letters.get(b'z')), (&b"true"[..], &b"null"[..], &b""[..]));
        assert_eq!(longer, [(&b"pu"[..], &b"7"[..])]);
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for frame in
            ["", "{", "[]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":1}x", "{\"a\":\"1}", "{\"a\":[1}", "{\"a\":1 \"b\":2}", "{\"a\\"]
        {
            assert!(Letters::read(frame.as_bytes(), "t", |_, _| {}).is_err(), "{frame}");
        }
    }
}

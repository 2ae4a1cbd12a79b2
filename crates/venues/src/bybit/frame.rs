//! A pull scanner over one JSON frame: what the hot messages are read with, straight from the bytes and without a tree.
//!
//! It walks forward only, knows no escapes in the texts it hands out (symbols, words and numbers have none) and stops at the first
//! byte that is not what the documents describe.

use crate::error::MapError;

/// How deep a value that is passed over may be nested.
const DEEPEST: usize = 64;

/// A place in a frame.
#[derive(Clone, Copy)]
pub(super) struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    what: &'static str,
}

impl<'a> Scan<'a> {
    pub(super) const fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, what }
    }

    /// Names the message in errors, once it is known.
    pub(super) const fn called(mut self, what: &'static str) -> Self {
        self.what = what;
        self
    }

    #[cold]
    pub(super) fn expected(&self, what: &str) -> MapError {
        MapError::Malformed { what: self.what, why: format!("{what} expected at byte {}", self.at) }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\t' | b'\r')) {
            self.at += 1;
        }
    }

    /// Steps over one byte behind blanks, if it is this one.
    #[inline]
    pub(super) fn takes(&mut self, byte: u8) -> bool {
        if self.peek() != Some(byte) {
            self.skip_blanks();
            if self.peek() != Some(byte) {
                return false;
            }
        }
        self.at += 1;
        true
    }

    #[inline]
    pub(super) fn expect(&mut self, byte: u8) -> Result<(), MapError> {
        if self.takes(byte) { Ok(()) } else { Err(self.expected(&format!("`{}`", char::from(byte)))) }
    }

    /// A text without escapes.
    #[inline]
    pub(super) fn text(&mut self) -> Result<&'a [u8], MapError> {
        self.expect(b'"')?;
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        for (length, &byte) in rest.iter().enumerate() {
            if byte == b'"' {
                self.at += length + 1;
                return Ok(&rest[..length]);
            }
            if byte == b'\\' || byte < b' ' {
                break;
            }
        }
        Err(self.expected("a plain text"))
    }

    /// A whole number that is not negative, bare or as text.
    #[inline]
    pub(super) fn whole(&mut self) -> Result<u64, MapError> {
        let quoted = self.takes(b'"');
        self.skip_blanks();
        let start = self.at;
        let mut value = 0u64;
        while let Some(digit) = self.peek().filter(u8::is_ascii_digit) {
            value = value
                .checked_mul(10)
                .and_then(|v| v.checked_add(u64::from(digit - b'0')))
                .ok_or_else(|| self.expected("at most 64 bits"))?;
            self.at += 1;
        }
        if self.at == start {
            return Err(self.expected("a whole number"));
        }
        if quoted {
            self.expect(b'"')?;
        }
        Ok(value)
    }

    /// Steps over an empty text, if there is one.
    pub(super) fn takes_empty(&mut self) -> bool {
        self.skip_blanks();
        let is_empty = self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(b"\"\""));
        self.at += if is_empty { 2 } else { 0 };
        is_empty
    }

    /// `true` or `false`.
    pub(super) fn truth(&mut self) -> Result<bool, MapError> {
        self.skip_blanks();
        for (word, value) in [(&b"true"[..], true), (b"false", false)] {
            if self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.expected("`true` or `false`"))
    }

    /// The next key of an object, `first` standing behind its opening brace; none at its end.
    #[inline]
    pub(super) fn key(&mut self, first: &mut bool) -> Result<Option<&'a [u8]>, MapError> {
        if !self.goes_on(first, b'}')? {
            return Ok(None);
        }
        let key = self.text()?;
        self.expect(b':')?;
        Ok(Some(key))
    }

    /// Whether an array has another element, `first` standing behind its opening bracket.
    #[inline]
    pub(super) fn element(&mut self, first: &mut bool) -> Result<bool, MapError> {
        self.goes_on(first, b']')
    }

    #[inline]
    fn goes_on(&mut self, first: &mut bool, end: u8) -> Result<bool, MapError> {
        if self.takes(end) {
            return Ok(false);
        }
        if !std::mem::take(first) {
            self.expect(b',')?;
        }
        Ok(true)
    }

    /// Passes over a value of any kind.
    pub(super) fn pass(&mut self) -> Result<(), MapError> {
        let mut depth = 0usize;
        loop {
            self.skip_blanks();
            match self.peek() {
                Some(b'"') => self.pass_text()?,
                Some(b'{' | b'[') => {
                    depth += 1;
                    self.at += 1;
                    if depth > DEEPEST {
                        return Err(self.expected("less nesting"));
                    }
                    continue;
                }
                Some(b'}' | b']') if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                Some(b',' | b':') if depth > 0 => {
                    self.at += 1;
                    continue;
                }
                Some(b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                    while matches!(self.peek(), Some(b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'E')) {
                        self.at += 1;
                    }
                }
                _ => return Err(self.expected("a value")),
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn pass_text(&mut self) -> Result<(), MapError> {
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'"' => return Ok(()),
                b'\\' => self.at += 1,
                _ => {}
            }
        }
        Err(self.expected("the end of a text"))
    }

    /// Nothing but blanks may be left.
    pub(super) fn end(&mut self) -> Result<(), MapError> {
        self.skip_blanks();
        if self.at == self.bytes.len() { Ok(()) } else { Err(self.expected("the end of the frame")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_every_kind_are_passed_over() {
        let frame = br#" { "a" : [1,-2.5e+3,{"x":"\"]"}] , "b":null,"c":{},"d":"7", "e":12 } "#;
        let mut scan = Scan::new("test", frame);
        let (mut first, mut seen) = (true, Vec::new());
        scan.expect(b'{').unwrap();
        while let Some(key) = scan.key(&mut first).unwrap() {
            seen.push(key);
            match key {
                b"d" | b"e" => assert!(scan.whole().unwrap() > 6),
                _ => scan.pass().unwrap(),
            }
        }
        scan.end().unwrap();
        assert_eq!(seen, [b"a", b"b", b"c", b"d", b"e"]);
    }

    #[test]
    fn what_is_cut_off_or_no_value_is_an_error() {
        for frame in ["", "{", "[1", "\"abc", "}", "[[[[", "{\"a\":", "nope!", "\"a\\"] {
            let mut scan = Scan::new("test", frame.as_bytes());
            let outcome = scan.pass().and_then(|()| scan.end());
            assert!(outcome.is_err(), "{frame}");
        }
        let deep = "[".repeat(1000);
        assert!(Scan::new("test", deep.as_bytes()).pass().is_err());
    }
}

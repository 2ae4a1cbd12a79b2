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
        match quote_or_escape(rest).and_then(|length| rest.get(..length).zip(rest.get(length))) {
            Some((text, b'"')) => {
                self.at += text.len() + 1;
                Ok(text)
            }
            _ => Err(self.expected("a plain text")),
        }
    }

    /// A number as text, where it has no sign and is not very long; none, and nothing taken, otherwise.
    #[inline]
    pub(super) fn plain(&mut self) -> Option<Plain> {
        let [b'"', rest @ ..] = self.bytes.get(self.at..)? else { return None };
        let (plain, length) = Plain::read(rest)?;
        self.at += 1 + length;
        Some(plain)
    }

    /// A pair of numbers as texts, `["65114.20","0.875"]`, where it is written without blanks, signs or very long numbers; none, and
    /// nothing taken, otherwise.
    #[inline]
    pub(super) fn plain_pair(&mut self) -> Option<(Plain, Plain)> {
        let rest = self.bytes.get(self.at..)?;
        let [b'[', b'"', rest @ ..] = rest else { return None };
        let (left, length) = Plain::read(rest)?;
        let [b',', b'"', rest @ ..] = rest.get(length..)? else { return None };
        let (right, next) = Plain::read(rest)?;
        if rest.get(next) != Some(&b']') {
            return None;
        }
        self.at += 2 + length + 2 + next + 1;
        Some((left, right))
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
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let Some(length) = quote_or_escape(rest) else { return Err(self.expected("the end of a text")) };
            self.at += length + 1;
            if rest.get(length) == Some(&b'"') {
                return Ok(());
            }
            self.at += 1;
        }
    }

    /// Nothing but blanks may be left.
    pub(super) fn end(&mut self) -> Result<(), MapError> {
        self.skip_blanks();
        if self.at == self.bytes.len() { Ok(()) } else { Err(self.expected("the end of the frame")) }
    }
}

/// A number without sign, as its digits and how many of them are behind the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plain {
    pub mantissa: u64,
    pub scale: usize,
}

impl Plain {
    /// A number up to the quotation mark that ends it, and the length of both; none where it is anything else, longer than 15 digits
    /// with its point, or at the very end of the frame. All bytes are looked at together: their count is hard to predict.
    #[inline]
    fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        const ONES: u128 = u128::MAX / 255;
        const TOPS: u128 = ONES << 7;
        let word = u128::from_le_bytes(*bytes.first_chunk::<16>()?);
        let first = |byte: u8| {
            let differs = word ^ (ONES * byte as u128);
            (differs.wrapping_sub(ONES) & !differs & TOPS).trailing_zeros() as usize / 8
        };
        let length = first(b'"');
        if length > 15 {
            return None;
        }
        let point = first(b'.').min(length);
        let (has_point, scale) = if point < length { (1, length - 1 - point) } else { (0, 0) };
        let digits = length - has_point;
        if digits == 0 {
            return None;
        }
        // The point is taken out, and the digits moved to the end of the word, behind zeros.
        let whole = (1u128 << (8 * point)) - 1;
        let joined = (word & whole) | ((word >> (8 * has_point)) & !whole);
        let values = (joined ^ (ONES * b'0' as u128)) << (128 - 8 * digits);
        if (values.wrapping_add(ONES * 0x76) | values) & TOPS != 0 {
            return None;
        }
        let mantissa = eight(values as u64) * 100_000_000 + eight((values >> 64) as u64);
        Some((Self { mantissa, scale }, length + 1))
    }
}

/// Eight digits, the first in the lowest byte: by pairs, by fours, and all together.
#[inline]
const fn eight(digits: u64) -> u64 {
    const PAIRS: u64 = 0x0000_00FF_0000_00FF;
    let pairs = digits * 10 + (digits >> 8);
    let outer = (pairs & PAIRS).wrapping_mul(100 + (1_000_000 << 32));
    let inner = ((pairs >> 16) & PAIRS).wrapping_mul(1 + (10_000 << 32));
    outer.wrapping_add(inner) >> 32
}

/// Where the first quotation mark or backslash is: eight bytes at a time.
#[inline]
fn quote_or_escape(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    // The top bit of the first zero byte, and of none before it.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & TOPS;
    let (words, rest) = bytes.as_chunks::<8>();
    for (i, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = zeros(word ^ (ONES * b'"' as u64)) | zeros(word ^ (ONES * b'\\' as u64));
        if found != 0 {
            return Some(i * 8 + (found.trailing_zeros() / 8) as usize);
        }
    }
    rest.iter().position(|byte| matches!(byte, b'"' | b'\\')).map(|place| words.len() * 8 + place)
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
    fn pairs_are_read_where_they_are_plain() {
        let pair = |frame: &str| {
            // A pair is never the last thing in a frame.
            let frame = format!("{frame}],\"u\":12345678901");
            let mut scan = Scan::new("test", frame.as_bytes());
            let (a, b) = scan.plain_pair()?;
            scan.takes(b']').then_some((a.mantissa, a.scale, b.mantissa, b.scale))
        };
        assert_eq!(pair(r#"["65114.20","0.875"]"#), Some((6_511_420, 2, 875, 3)));
        assert_eq!(pair(r#"["123456789012345","0"]"#), Some((123_456_789_012_345, 0, 0, 0)));
        assert_eq!(pair(r#"["00012345678.901","9.87654321"]"#), Some((12_345_678_901, 3, 987_654_321, 8)));
        assert_eq!(pair(r#"["5.","0.5"]"#), Some((5, 0, 5, 1)));
        let others = [
            r#"["-1","2"]"#,
            r#"["1", "2"]"#,
            r#"["1","2","3"]"#,
            r#"["","2"]"#,
            r#"[".","2"]"#,
            r#"["1.2.3","2"]"#,
            r#"["1e5","2"]"#,
            "[1,2]",
        ];
        for frame in others.into_iter().chain([r#"["1234567890123456","0"]"#, r#"["1:","2"]"#, r#"["1/","2"]"#, r#"["1","2"#, ""]) {
            assert_eq!(pair(frame), None, "{frame}");
        }
    }

    #[test]
    fn quotes_and_escapes_are_found_wherever_they_are() {
        for length in 0..40 {
            for end in [b'"', b'\\'] {
                let mut bytes = vec![b'!' + (length % 3) as u8 * 60; length];
                assert_eq!(quote_or_escape(&bytes), None);
                bytes.extend([end, b'"', b'\\', b'x', b'x', b'x', b'x', b'x']);
                assert_eq!(quote_or_escape(&bytes), Some(length));
            }
        }
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

//! Bybit's ids as 128-bit numbers: UUIDs and whole numbers exactly, other texts by their digest.

use sha2::{Digest, Sha256};

/// The number of an id. Derivatives name orders and executions by UUIDs, spot by whole numbers; a text of any other form stands for
/// the first half of its SHA-256, so that no execution is lost for the form of its name.
pub(super) fn number(text: &[u8]) -> u128 {
    uuid(text).or_else(|| whole(text)).unwrap_or_else(|| digest(text))
}

fn uuid(text: &[u8]) -> Option<u128> {
    if text.len() != 36 {
        return None;
    }
    let mut value = 0u128;
    for (i, &byte) in text.iter().enumerate() {
        if matches!(i, 8 | 13 | 18 | 23) {
            if byte != b'-' {
                return None;
            }
            continue;
        }
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        value = value << 4 | u128::from(digit);
    }
    Some(value)
}

/// A whole number without a leading zero, so that one number has one text.
fn whole(text: &[u8]) -> Option<u128> {
    if text.is_empty() || text.len() > 20 || (text.len() > 1 && text[0] == b'0') {
        return None;
    }
    text.iter().try_fold(0u128, |value, &byte| byte.is_ascii_digit().then(|| value * 10 + u128::from(byte - b'0')))
}

fn digest(text: &[u8]) -> u128 {
    let digest = Sha256::digest(text);
    digest.iter().take(16).fold(0, |value, &byte| value << 8 | u128::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_number() {
        assert_eq!(number(b"a9188a0a-82bc-50de-be60-03eedbe3cdd7"), 0xa918_8a0a_82bc_50de_be60_03ee_dbe3_cdd7);
        assert_eq!(number(b"2290000001189048101"), 2_290_000_001_189_048_101);
        assert_eq!(number(b"0"), 0);
        let odd: [&[u8]; 5] = [b"", b"007", b"e0cbe81d-0f18-5866-9415-cf319b5dabXX", b"abcdef123456", b"123456789012345678901"];
        for (i, text) in odd.iter().enumerate() {
            for other in &odd[i + 1..] {
                assert_ne!(number(text), number(other));
            }
            assert_eq!(number(text), number(text));
        }
    }
}

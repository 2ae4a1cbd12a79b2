//! What the venues' signatures are made of: HMAC-SHA256 over text, and its ways to be written.

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// HMAC-SHA256 of the parts one after another.
#[must_use]
pub fn hmac_sha256(secret: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
        // HMAC takes a key of any length.
        return [0; 32];
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// In lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

/// Whether two signatures are the same text, in time that does not tell where they differ. Hexadecimal digits count in either case.
#[must_use]
pub fn is_same(expected: &str, given: &str) -> bool {
    expected.len() == given.len()
        && expected.bytes().zip(given.bytes()).fold(0, |differs, (a, b)| differs | (a.to_ascii_lowercase() ^ b.to_ascii_lowercase())) == 0
}

#[cfg(test)]
mod tests {
    use super::{hex, hmac_sha256, is_same};

    /// The vector of Binance's own documentation.
    #[test]
    fn signs_as_binance_documents() {
        let secret = b"NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";
        let payload = b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559";
        let signature = hex(&hmac_sha256(secret, &[payload]));
        assert_eq!(signature, "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71");
        assert!(is_same(&signature, &signature.to_uppercase()));
        assert!(!is_same(&signature, &signature.replace('c', "d")));
    }
}

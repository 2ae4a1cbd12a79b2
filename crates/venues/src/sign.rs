//! Signatures: HMAC-SHA256 with the key's schedule worked out once.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;

/// Signs with one secret.
#[derive(Clone)]
pub struct Signer {
    keyed: Hmac<Sha256>,
}

impl Signer {
    /// A signer for a secret of any length.
    ///
    /// # Panics
    /// Never: HMAC takes keys of any length.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        let keyed = match Hmac::<Sha256>::new_from_slice(secret) {
            Ok(keyed) => keyed,
            Err(_) => unreachable!("HMAC takes keys of any length"),
        };
        Self { keyed }
    }

    /// HMAC-SHA256 of the parts, one behind the other.
    #[must_use]
    pub fn sign(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.keyed.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// The same as lower-case hexadecimal text.
    #[must_use]
    pub fn hex(&self, parts: &[&[u8]]) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
        self.sign(parts).iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2; and the example of Binance's documents ("SIGNED endpoint examples", read 2026-07).
    #[test]
    fn signatures_are_those_of_the_documents() {
        let cases = [
            ("Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
            (
                "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j",
                "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
                "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
            ),
        ];
        for (secret, payload, hex) in cases {
            let (head, tail) = payload.split_at(7);
            assert_eq!(Signer::new(secret.as_bytes()).hex(&[head.as_bytes(), tail.as_bytes()]), hex);
        }
    }
}

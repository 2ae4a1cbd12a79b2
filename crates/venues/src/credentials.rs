//! Keys of an account. They are never printed.

use std::fmt;

/// An API key with its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Names the key; not secret, yet not printed whole.
    pub key: String,
    /// Signs.
    pub secret: String,
    /// A third word, where the venue asks for one; else empty.
    pub passphrase: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self.key.chars().take(4).collect();
        write!(f, "Credentials({shown}…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        let credentials = Credentials { key: "abcdefgh".into(), secret: "topsecret".into(), passphrase: "pass".into() };
        let shown = format!("{credentials:?}");
        assert_eq!(shown, "Credentials(abcd…)");
    }
}

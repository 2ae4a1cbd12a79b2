//! One number that says two runs agree: a BLAKE3 digest over a state's canonical bytes.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The digest of a whole state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StateHash(pub [u8; 32]);

impl fmt::Display for StateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Collects a state, field by field in a fixed order. Every write has a fixed width or a length before it, so that no two
/// different states give the same bytes.
#[derive(Clone, Debug, Default)]
pub struct StateDigest(blake3::Hasher);

impl StateDigest {
    /// An empty digest.
    #[must_use]
    pub fn new() -> Self {
        Self(blake3::Hasher::new())
    }

    /// Adds an unsigned number.
    pub fn unsigned(&mut self, value: u64) -> &mut Self {
        self.0.update(&value.to_le_bytes());
        self
    }

    /// Adds a signed number.
    pub fn signed(&mut self, value: i64) -> &mut Self {
        self.0.update(&value.to_le_bytes());
        self
    }

    /// Adds a wide number.
    pub fn wide(&mut self, value: i128) -> &mut Self {
        self.0.update(&value.to_le_bytes());
        self
    }

    /// Adds bytes, their length first.
    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.unsigned(value.len() as u64);
        self.0.update(value);
        self
    }

    /// The digest of everything added so far.
    #[must_use]
    pub fn finish(&self) -> StateHash {
        StateHash(*self.0.finalize().as_bytes())
    }
}

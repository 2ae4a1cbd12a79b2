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
///
/// Fields are gathered before they are hashed: eight bytes at a time would cost several times as much, and give the same.
#[derive(Clone, Debug, Default)]
pub struct StateDigest {
    hasher: blake3::Hasher,
    gathered: Vec<u8>,
}

/// Enough for the hasher to work on many chunks at once.
const GATHERED_BYTES: usize = 64 * 1024;

impl StateDigest {
    /// An empty digest.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() >= GATHERED_BYTES {
            self.hash_gathered();
        }
        self
    }

    #[cold]
    fn hash_gathered(&mut self) {
        self.hasher.update(&self.gathered);
        self.gathered.clear();
    }

    /// Adds an unsigned number.
    #[inline]
    pub fn unsigned(&mut self, value: u64) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    /// Adds a signed number.
    #[inline]
    pub fn signed(&mut self, value: i64) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    /// Adds a wide number.
    #[inline]
    pub fn wide(&mut self, value: i128) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    /// Adds bytes, their length first.
    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.unsigned(value.len() as u64).put(value)
    }

    /// The digest of everything added so far.
    #[must_use]
    pub fn finish(&self) -> StateHash {
        let mut whole = self.hasher.clone();
        StateHash(*whole.update(&self.gathered).finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::StateDigest;

    #[test]
    fn gathering_changes_nothing() {
        let (mut digest, mut bytes) = (StateDigest::new(), Vec::new());
        for n in 0..20_000_u64 {
            digest.unsigned(n).signed(-5).wide(i128::from(n) << 70).bytes(&[7; 3]);
            bytes.extend(n.to_le_bytes());
            bytes.extend((-5_i64).to_le_bytes());
            bytes.extend((i128::from(n) << 70).to_le_bytes());
            bytes.extend(3_u64.to_le_bytes());
            bytes.extend([7; 3]);
            if n % 997 == 0 {
                assert_eq!(digest.finish().0, *blake3::hash(&bytes).as_bytes());
            }
        }
    }
}

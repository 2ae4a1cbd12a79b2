//! Control state ↔ bytes, so that recovery need not begin at the beginning.
//!
//! The bytes are a function of the history alone: the same outcomes give the same bytes, whether the state was applied from the
//! beginning or loaded on the way. Nothing is believed: a loaded state must have the digest that was written beside it.

use crate::engine::Engine;
use crate::state::State;
use tradewind_types::StateHash;

/// Version of what [`Engine::snapshot`] writes. A state of another version is not loaded: the journal gives it again.
pub const STATE_SCHEMA: u16 = 2;

/// Why bytes are not the state they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// They are no state at all.
    #[error("the bytes are not a control state: {0}")]
    Malformed(postcard::Error),
    /// Something is behind the state.
    #[error("{extra} bytes are left over behind the control state")]
    Longer {
        /// How many.
        extra: usize,
    },
    /// They are another state.
    #[error("the state has digest {found}, {expected} was written beside it")]
    OtherState {
        /// Written beside it.
        expected: StateHash,
        /// Of what was loaded.
        found: StateHash,
    },
}

impl Engine {
    /// The control state in bytes, of [`STATE_SCHEMA`]. Market state is not in it: it is warmed up from market data.
    ///
    /// # Errors
    /// None that a state of this crate can cause.
    pub fn snapshot(&self) -> Result<Vec<u8>, postcard::Error> {
        postcard::to_stdvec(&self.state)
    }

    /// An engine with the state that a snapshot of [`STATE_SCHEMA`] holds, ready to apply what came after.
    ///
    /// # Errors
    /// [`RestoreError`].
    pub fn restore(bytes: &[u8], expected: StateHash) -> Result<Self, RestoreError> {
        let (mut state, rest): (State, &[u8]) = postcard::take_from_bytes(bytes).map_err(RestoreError::Malformed)?;
        if !rest.is_empty() {
            return Err(RestoreError::Longer { extra: rest.len() });
        }
        state.orders.list_live();
        let found = state.hash();
        if found != expected {
            return Err(RestoreError::OtherState { expected, found });
        }
        Ok(Self { state, ..Self::default() })
    }
}

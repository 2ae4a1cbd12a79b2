//! Timers that are pending, the next one last.

use crate::error::ApplyError;
use serde::{Deserialize, Serialize};
use tradewind_types::{AlgoId, StateDigest, TimerId, Timestamp};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) due: Timestamp,
    pub(crate) timer: TimerId,
    pub(crate) algo: AlgoId,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Timers {
    set_so_far: u32,
    /// By (due, timer), latest first.
    pending: Vec<Pending>,
}

impl Timers {
    pub(crate) fn next_id(&self) -> Option<TimerId> {
        self.set_so_far.checked_add(1).map(TimerId)
    }

    #[inline]
    pub(crate) fn earliest(&self) -> Option<(Timestamp, TimerId)> {
        self.pending.last().map(|p| (p.due, p.timer))
    }

    pub(crate) fn find(&self, timer: TimerId) -> Option<Pending> {
        self.pending.iter().rev().find(|p| p.timer == timer).copied()
    }

    pub(crate) fn set(&mut self, pending: Pending) -> Result<(), ApplyError> {
        if self.next_id() != Some(pending.timer) {
            return Err(ApplyError::Timer { timer: pending.timer });
        }
        self.set_so_far = pending.timer.0;
        let key = (pending.due, pending.timer);
        let place = self.pending.partition_point(|p| (p.due, p.timer) > key);
        self.pending.insert(place, pending);
        Ok(())
    }

    pub(crate) fn fire(&mut self, timer: TimerId) -> Result<(), ApplyError> {
        let place = self.pending.iter().rposition(|p| p.timer == timer).ok_or(ApplyError::Timer { timer })?;
        self.pending.remove(place);
        Ok(())
    }

    pub(crate) fn drop_all_of(&mut self, algo: AlgoId) {
        self.pending.retain(|p| p.algo != algo);
    }

    pub(crate) fn digest(&self, digest: &mut StateDigest) {
        digest.unsigned(u64::from(self.set_so_far)).unsigned(self.pending.len() as u64);
        for p in &self.pending {
            digest.signed(p.due.0).unsigned(u64::from(p.timer.0)).unsigned(u64::from(p.algo.0));
        }
    }
}

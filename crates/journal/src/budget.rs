//! How much of a disk a journal may take: it stops before the disk is full, because a full disk stops everything else too.

use crate::error::JournalError;
use std::fs;
use std::io;
use std::path::Path;

/// Bounds on a journal's folder. The journal deletes nothing of itself to stay within them: it refuses to start, or stops
/// acknowledging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskBudget {
    /// Bytes that all files of the folder may take together, snapshots included.
    pub folder_bytes: u64,
    /// Bytes of the disk that stay free for others, and for cancels while trading is being stopped.
    pub reserve_bytes: u64,
}

impl DiskBudget {
    /// No bound but the disk's own.
    pub const UNLIMITED: Self = Self { folder_bytes: u64::MAX, reserve_bytes: 0 };

    /// How many bytes more the folder may take now.
    ///
    /// # Errors
    /// [`JournalError::OverBudget`] or [`JournalError::DiskNearlyFull`] when these are fewer than `more_bytes`;
    /// [`JournalError::Io`].
    pub fn room(&self, folder: &Path, more_bytes: u64) -> Result<u64, JournalError> {
        let used_bytes = used_bytes(folder).map_err(|source| failed("measure the folder", source))?;
        let left_bytes = self.folder_bytes.saturating_sub(used_bytes);
        if left_bytes < more_bytes {
            let (folder, budget_bytes) = (folder.to_path_buf(), self.folder_bytes);
            return Err(JournalError::OverBudget { folder, used_bytes, more_bytes, budget_bytes });
        }
        let free_bytes = free_bytes(folder).map_err(|source| failed("measure the disk", source))?;
        let spare_bytes = free_bytes.saturating_sub(self.reserve_bytes);
        if spare_bytes < more_bytes {
            let (folder, reserve_bytes) = (folder.to_path_buf(), self.reserve_bytes);
            return Err(JournalError::DiskNearlyFull { folder, free_bytes, more_bytes, reserve_bytes });
        }
        Ok(left_bytes.min(spare_bytes))
    }
}

fn failed(operation: &'static str, source: io::Error) -> JournalError {
    JournalError::Io { operation, offset: 0, source }
}

fn used_bytes(folder: &Path) -> io::Result<u64> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.metadata()?.len())).sum()
}

/// Bytes that an ordinary user may still write.
fn free_bytes(folder: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

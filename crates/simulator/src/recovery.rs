//! A journal's folder after a crash: the newest snapshot that holds, then the outcomes behind it by `apply` alone.
//!
//! A snapshot is an aid and no evidence. One that is damaged, of another schema or ahead of the journal is passed over with a
//! word, for an older one or for the whole journal; what it says is never preferred to what the journal says.

use crate::replay::{Application, Recovered, ReplayError};
use std::path::{Path, PathBuf};
use tradewind_engine::{Engine, STATE_SCHEMA};
use tradewind_journal::{
    Chain, CommitLevel, DiskBudget, Entries, FolderJournal, FolderSettings, JournalError, Place, Snapshot, read_snapshot, snapshots,
    write_snapshot,
};

/// A state recovered from a folder.
#[derive(Debug)]
pub struct FolderRecovery {
    /// The state; outcomes and torn bytes count what was read behind the snapshot.
    pub recovered: Recovered,
    /// The snapshot that it began with; `None` for the whole journal.
    pub snapshot: Option<PathBuf>,
    /// Warnings: which snapshots were passed over, and why.
    pub skipped: Vec<String>,
    /// Records read behind the snapshot.
    pub records: u64,
    /// Where the journal ends: a snapshot of the state belongs there.
    pub end: Place,
}

/// Recovers the state of a journal, file or folder, without locking or changing anything; it may be being written.
///
/// # Errors
/// [`ReplayError::Journal`], [`ReplayError::DoesNotApply`], [`ReplayError::NothingToBeginWith`].
pub fn recover_path(path: &Path) -> Result<FolderRecovery, ReplayError> {
    let Beginning { engine, snapshot, skipped } = beginning(path)?;
    let mut chain = match &snapshot {
        Some((_, place)) => Chain::behind(path, place)?,
        None => Chain::open(path)?,
    };
    let mut application = Application::to(engine);
    application.read(&mut chain)?;
    let seen = *chain.verification();
    let recovered = application.finish(seen.torn_bytes);
    Ok(FolderRecovery { recovered, snapshot: snapshot.map(|(path, _)| path), skipped, records: seen.records, end: chain.end() })
}

/// What recovery begins with.
struct Beginning {
    engine: Engine,
    /// Where the state is from, and where it belongs; nothing for the beginning of the journal.
    snapshot: Option<(PathBuf, Place)>,
    skipped: Vec<String>,
}

/// The newest snapshot that holds, or nothing.
fn beginning(path: &Path) -> Result<Beginning, ReplayError> {
    let mut skipped = Vec::new();
    let found = if path.is_dir() { snapshots(path)? } else { Vec::new() };
    for snapshot in found {
        match begin_with(path, &snapshot) {
            Ok((engine, place)) => return Ok(Beginning { engine, snapshot: Some((snapshot, place)), skipped }),
            Err(reason) => skipped.push(reason),
        }
    }
    let first_block = Chain::open(path)?.verification().blocks_before;
    if first_block > 0 {
        return Err(ReplayError::NothingToBeginWith { first_block, skipped });
    }
    Ok(Beginning { engine: Engine::new(), snapshot: None, skipped })
}

/// The state in a snapshot and its place in the journal, or why it cannot be used.
fn begin_with(folder: &Path, path: &Path) -> Result<(Engine, Place), String> {
    let refused = |why: String| format!("{}: {why}", path.display());
    let snapshot = read_snapshot(path).map_err(|error| error.to_string())?;
    if snapshot.schema != STATE_SCHEMA {
        return Err(refused(format!("it has state schema {}, this version reads schema {STATE_SCHEMA}", snapshot.schema)));
    }
    Chain::behind(folder, &snapshot.place).map_err(|error| refused(error.to_string()))?;
    let engine = Engine::restore(&snapshot.state, snapshot.hash).map_err(|error| refused(error.to_string()))?;
    Ok((engine, snapshot.place))
}

/// A node's folder taken up again.
#[derive(Debug)]
pub struct TakenUp {
    /// The state.
    pub recovery: FolderRecovery,
    /// The journal, to go on with.
    pub journal: FolderJournal,
}

/// Recovers a folder and takes it up for writing, under one lock: the state is complete before a new entry can be appended.
///
/// # Errors
/// As [`recover_path`]; what [`FolderJournal::recover_folder`] says of lock and budget.
pub fn take_up(folder: &Path, settings: FolderSettings, level: CommitLevel) -> Result<TakenUp, ReplayError> {
    let Beginning { engine, snapshot, skipped } = beginning(folder)?;
    let mut application = Application::to(engine);
    let from = snapshot.as_ref().map(|(_, place)| place);
    let opened = FolderJournal::recover_folder(folder, from, settings, level, |chain| application.read(chain))?;
    let recovered = application.finish(opened.verification.torn_bytes);
    let (records, end) = (opened.verification.records, opened.journal.place());
    let recovery = FolderRecovery { recovered, snapshot: snapshot.map(|(path, _)| path), skipped, records, end };
    Ok(TakenUp { recovery, journal: opened.journal })
}

/// Writes the state at a place of the journal beside it; gives the file's path. Everything before the place must have been applied,
/// nothing behind it, and the place must be committed.
///
/// # Errors
/// [`ReplayError::Journal`]: no room, or the system refused; the journal is not touched. [`ReplayError::Snapshot`].
pub fn snapshot(folder: &Path, engine: &Engine, place: Place, budget: DiskBudget) -> Result<PathBuf, ReplayError> {
    let state = engine.snapshot().map_err(|error| ReplayError::Snapshot(error.to_string()))?;
    let snapshot = Snapshot { schema: STATE_SCHEMA, place, hash: engine.state_hash(), state };
    write_snapshot(folder, &snapshot, budget).map_err(ReplayError::Journal)
}

/// Recovers a folder and writes a snapshot of its end: what a process beside the node does now and then, so that the node never
/// waits for it. Gives the recovery and the file's path.
///
/// # Errors
/// As [`recover_path`] and [`snapshot`]; a journal that is one file has no place for a snapshot.
pub fn snapshot_folder(folder: &Path, budget: DiskBudget) -> Result<(FolderRecovery, PathBuf), ReplayError> {
    if !folder.is_dir() {
        return Err(ReplayError::Journal(JournalError::VolumeMissing { folder: folder.to_path_buf(), volume: 0 }));
    }
    let recovery = recover_path(folder)?;
    let path = snapshot(folder, &recovery.recovered.engine, recovery.end.clone(), budget)?;
    Ok((recovery, path))
}

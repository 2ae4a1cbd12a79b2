//! The journal's own cost on the records of real order lives: append at each commit level, proof on reading, recovery.

use crate::desk::{Desk, facts};
use crate::measure::{Evidence, Failure, Scale, row};
use crate::orders::{Log, lives, opened};
use std::fs::File;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use tradewind_journal::{CommitLevel, Entry, Journal, Reader, Sink, Writer, verify};
use tradewind_simulator::recover;
use tradewind_types::Outcome;

/// The journal of a run, its entries, and what is in them.
struct Kept {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    rejects: u64,
    fills: u64,
    state_hash: String,
}

pub(crate) fn rows(scale: &Scale) -> Result<(), Failure> {
    let kept = kept(lives(opened(Log::Memory, scale.orders)?, scale.orders)?)?;
    append_rows(scale, &kept)?;
    let path = std::env::temp_dir().join(format!("tradewind-bench-{}.journal", std::process::id()));
    let written = file_rows(scale, &kept, &path);
    if path.exists() {
        std::fs::remove_file(&path)?;
    }
    written?;
    read_rows(scale, &kept)
}

fn kept(mut desk: Desk) -> Result<Kept, Failure> {
    let state_hash = desk.engine.state_hash().to_string();
    let bytes = desk.journal.take().ok_or("the desk kept no journal")?.finish()?;
    let (mut entries, mut reader) = (Vec::new(), Reader::new(&bytes[..])?);
    while let Some(entry) = reader.next_entry()? {
        entries.push(entry);
    }
    let count = |wanted: fn(&Outcome) -> bool| {
        entries.iter().filter(|e| matches!(e, Entry::Outcome { outcome, .. } if wanted(outcome))).count() as u64
    };
    let fills = count(|o| matches!(o, Outcome::Filled { .. }));
    let rejects = count(|o| matches!(o, Outcome::Refused { .. } | Outcome::Rejected { .. }));
    Ok(Kept { rejects, fills, state_hash, bytes, entries })
}

impl Kept {
    fn evidence(&self, records: usize, bytes: u64, hash: String) -> Evidence {
        let ops = vec![("record", records as u64), ("byte", bytes)];
        Evidence { ops, rejects: self.rejects, fills: Some(self.fills), hash }
    }
}

/// Level memory: encoded, check-summed, chained in blocks of 64 KiB.
fn append_rows(scale: &Scale, kept: &Kept) -> Result<(), Failure> {
    let prepare = || {
        let mut touched = vec![1; kept.bytes.len() + (1 << 16)];
        touched.clear();
        Ok(Writer::new(touched, &facts(), CommitLevel::Memory)?)
    };
    let evidence = |writer: Writer<Vec<u8>>| {
        let head = writer.head().to_string();
        let bytes = writer.finish()?;
        if bytes != kept.bytes {
            return Err("the journal written again is not the journal that was read".into());
        }
        Ok(kept.evidence(kept.entries.len(), bytes.len() as u64, head))
    };
    row(scale, "journal_append_memory", prepare, |writer| append_all(writer, &kept.entries), evidence)
}

fn append_all<S: Sink>(mut writer: Writer<S>, entries: &[Entry]) -> Result<Writer<S>, Failure> {
    entries.iter().try_for_each(|entry| writer.append(black_box(entry)))?;
    writer.commit()?;
    Ok(writer)
}

fn append_each<S: Sink>(mut writer: Writer<S>, entries: &[Entry]) -> Result<Writer<S>, Failure> {
    for entry in entries {
        writer.append(black_box(entry))?;
        writer.commit()?;
    }
    Ok(writer)
}

/// Levels process and disk, in a file of the system's folder for temporary files.
fn file_rows(scale: &Scale, kept: &Kept, path: &Path) -> Result<(), Failure> {
    let create = |level| {
        if path.exists() {
            std::fs::remove_file(path)?;
        }
        Ok(Journal::create(path, &facts(), level)?)
    };
    let evidence = |writer: Writer<File>, entries: &[Entry]| {
        let head = writer.head().to_string();
        drop(writer);
        let found = verify(File::open(PathBuf::from(path))?)?;
        if found.records != entries.len() as u64 || found.head.to_string() != head {
            return Err("the file does not hold what was committed".into());
        }
        let of = |wanted: fn(&Outcome) -> bool| {
            entries.iter().filter(|e| matches!(e, Entry::Outcome { outcome, .. } if wanted(outcome))).count() as u64
        };
        let ops = vec![("record", entries.len() as u64)];
        let rejects = of(|o| matches!(o, Outcome::Refused { .. } | Outcome::Rejected { .. }));
        Ok(Evidence { ops, rejects, fills: Some(of(|o| matches!(o, Outcome::Filled { .. }))), hash: head })
    };
    let all = &kept.entries[..];
    let prepare = || create(CommitLevel::Process);
    row(scale, "journal_append_process", prepare, |writer| append_all(writer, all), |writer| evidence(writer, all))?;
    let few = latest(all, scale.commits);
    row(scale, "journal_commit_process", prepare, |writer| append_each(writer, few), |writer| evidence(writer, few))?;
    let fewer = latest(all, scale.syncs);
    let prepare = || create(CommitLevel::Disk);
    row(scale, "journal_commit_disk", prepare, |writer| append_each(writer, fewer), |writer| evidence(writer, fewer))
}

/// The last of the records: what a desk at work writes, not what it begins with.
fn latest(entries: &[Entry], count: usize) -> &[Entry] {
    &entries[entries.len().saturating_sub(count)..]
}

fn read_rows(scale: &Scale, kept: &Kept) -> Result<(), Failure> {
    let records = kept.entries.len();
    let length = kept.bytes.len() as u64;
    row(
        scale,
        "journal_verify",
        || Ok(()),
        |()| Ok(verify(black_box(&kept.bytes[..]))?),
        |found| Ok(kept.evidence(records, length, found.head.to_string())),
    )?;
    row(
        scale,
        "journal_recover",
        || Ok(()),
        |()| Ok(recover(Reader::new(black_box(&kept.bytes[..]))?)?),
        |recovered| {
            let hash = recovered.state_hash.to_string();
            if hash != kept.state_hash {
                return Err(format!("recovery found state {hash}, the run ended with {}", kept.state_hash).into());
            }
            Ok(kept.evidence(records, length, hash))
        },
    )
}

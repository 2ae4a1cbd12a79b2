//! kill -9 of a process that writes a journal at level process: nothing that it had acknowledged is lost, and the journal goes on.
//! `make kill` does it 200 times; the suite does a few.
//!
//! A program of its own: while a process starts another, the other briefly holds every open file and its lock, which would
//! disturb tests that take a journal up again in the same process.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tradewind_journal::{
    Chain, CommitLevel, DiskBudget, Entry, FolderJournal, FolderSettings, Journal, JournalError, RunFacts, verify_path,
};
use tradewind_types::{Control, TimerId, Timestamp};

/// Where the killed process writes; its parent names it.
const VICTIM: &str = "TRADEWIND_JOURNAL_VICTIM";
/// Volumes are small, so that some of the kills fall into a turn-over.
const SETTINGS: FolderSettings = FolderSettings { volume_bytes: 3_000, budget: DiskBudget::UNLIMITED };

fn timer(seq: u64) -> Entry {
    Entry::Input { seq, at: Timestamp(1), control: Control::Timer(TimerId(1)) }
}

fn facts() -> RunFacts {
    RunFacts { code_version: "test".into(), node: 1, epoch: 1, created: Timestamp(0), segments: Vec::new(), setup: String::new() }
}

/// A folder of its own for each test, empty.
fn empty_folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("journal-{test}-{}", std::process::id()));
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Kills a writer after so many acknowledgements; gives the last one that it had printed when it died.
fn kill_after(wanted: u64, path: &Path) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "victim", "--ignored", "--nocapture", "--test-threads=1"])
        .env(VICTIM, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = lines.filter_map(|line| line.unwrap().strip_prefix("acknowledged ").map(|seq| seq.parse::<u64>().unwrap()));
    let seen = acknowledged.by_ref().nth(wanted as usize - 1).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    // It went on while we looked away: what is still in the pipe was acknowledged too.
    acknowledged.last().unwrap_or(seen)
}

/// One process after the other writes the same journal and is killed, each after another number of acknowledgements.
fn kill_again_and_again(times: u64, path: &Path) {
    let mut survived = 0;
    for round in 0..times {
        let acknowledged = kill_after(1 + round * 37 % 101, path);
        let entries: Vec<Entry> = Chain::open(path).unwrap().collect::<Result<_, _>>().unwrap();
        let last = entries.last().unwrap().seq();
        assert!(last >= acknowledged, "round {round}: {acknowledged} was acknowledged, {last} survived");
        assert!(last > survived, "round {round}: it did not go on");
        assert!(entries.iter().zip(1..).all(|(entry, seq)| *entry == timer(seq)), "round {round}: none is missing before it");
        survived = last;
    }
    let seen = verify_path(path).unwrap();
    println!(
        "{times} kills: {survived} records in {} volumes, {} torn bytes at the end, none of the acknowledged lost",
        seen.volumes, seen.torn_bytes
    );
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let folder = empty_folder("kill");
    kill_again_and_again(5, &folder.join("a.journal"));
    kill_again_and_again(10, &folder.join("volumes"));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
#[ignore = "200 processes take a minute: `make kill`"]
fn what_was_acknowledged_survives_200_kills() {
    let folder = empty_folder("kill-200");
    kill_again_and_again(100, &folder.join("a.journal"));
    kill_again_and_again(100, &folder.join("volumes"));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
#[ignore = "runs in a process of its own and is killed there"]
fn victim() {
    let Some(path) = std::env::var_os(VICTIM) else { return };
    let path = Path::new(&path);
    println!();
    if path.extension().is_some() {
        let opened = if path.exists() { Some(Journal::open(path, CommitLevel::Process).unwrap().journal) } else { None };
        let mut journal = opened.unwrap_or_else(|| Journal::create(path, &facts(), CommitLevel::Process).unwrap());
        let first = journal.last_input_seq().unwrap_or(0) + 1;
        go_on(first, |seq| journal.append(&timer(seq)).and_then(|()| journal.commit()));
    } else {
        let journal = if path.exists() {
            FolderJournal::recover_folder(path, None, SETTINGS, CommitLevel::Process, |_| Ok::<(), JournalError>(()))
                .map(|opened| opened.journal)
        } else {
            FolderJournal::create_folder(path, &facts(), SETTINGS, CommitLevel::Process)
        };
        let mut journal = journal.unwrap();
        let first = journal.last_input_seq().unwrap_or(0) + 1;
        go_on(first, |seq| journal.append(&timer(seq)).and_then(|()| journal.commit()));
    }
}

fn go_on(first: u64, mut commit: impl FnMut(u64) -> Result<(), JournalError>) {
    for seq in first.. {
        commit(seq).unwrap();
        println!("acknowledged {seq}");
    }
}

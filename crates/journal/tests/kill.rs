//! A writer killed in the middle. A program of its own: while a process starts another, the other briefly holds every open file
//! and its lock, which would disturb tests that take a journal up again in the same process.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tradewind_journal::{CommitLevel, Entry, Journal, RunFacts, verify_path};
use tradewind_types::{Control, TimerId, Timestamp};

fn timer(seq: u64) -> Entry {
    Entry::Input { seq, at: Timestamp(0), control: Control::Timer(TimerId(1)) }
}

fn facts() -> RunFacts {
    RunFacts { code_version: "test".into(), node: 1, epoch: 1, created: Timestamp(0), segments: Vec::new(), setup: String::new() }
}

fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("journal-kill-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The path that a killed writer writes to; its parent names it.
const VICTIM: &str = "TRADEWIND_JOURNAL_VICTIM";

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let folder = folder();
    for wanted in [1, 50, 500] {
        let path = folder.join(format!("{wanted}.journal"));
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "victim", "--ignored", "--nocapture", "--test-threads=1"])
            .env(VICTIM, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let acknowledged = lines.filter_map(|line| line.unwrap().strip_prefix("acknowledged ").map(|seq| seq.parse::<u64>().unwrap()));
        let last = acknowledged.take(wanted).last().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let mut opened = Journal::open(&path, CommitLevel::Process).unwrap();
        let survived = opened.verification.last_input_seq.unwrap();
        assert!(survived >= last, "{last} was acknowledged, {survived} survived");
        opened.journal.append(&timer(survived + 1)).unwrap();
        opened.journal.commit().unwrap();
        assert_eq!(verify_path(&path).unwrap().last_input_seq, Some(survived + 1));
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
#[ignore = "runs in a process of its own and is killed there"]
fn victim() {
    let Some(path) = std::env::var_os(VICTIM) else { return };
    let mut journal = Journal::create(Path::new(&path), &facts(), CommitLevel::Process).unwrap();
    println!();
    for seq in 1.. {
        journal.append(&timer(seq)).unwrap();
        journal.commit().unwrap();
        println!("acknowledged {seq}");
    }
}

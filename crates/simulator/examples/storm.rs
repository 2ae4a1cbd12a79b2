//! Storms by the thousand: `storm SEED` tells one seed, `storm FROM COUNT` raises many on two threads and stops at the first
//! that breaks a law. Exit 0 when every law held, 1 when not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a tool for developers")]

#[path = "../tests/storm/mod.rs"]
mod storm;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use storm::{Breach, Scenario, Weathered, report, weather};

const THREADS: u64 = 2;
const PROGRESS_EVERY: u64 = 500;

fn main() -> ExitCode {
    let numbers: Result<Vec<u64>, _> = std::env::args().skip(1).map(|text| text.parse()).collect();
    let (from, count) = match numbers.as_deref() {
        Ok([seed]) => (*seed, 1),
        Ok([from, count]) => (*from, *count),
        _ => {
            eprintln!("asked: {:?}; wanted: one seed, or the first seed and how many", std::env::args().collect::<Vec<_>>());
            return ExitCode::from(2);
        }
    };
    // A panic of the core is caught, shrunk and told like any other breach.
    std::panic::set_hook(Box::new(|_| {}));
    let counts = Mutex::new(BTreeMap::new());
    match raise(from, count, &counts) {
        None => {
            println!("{count} storms from seed {from}: every law held");
            let counts = counts.lock().unwrap();
            let words: Vec<String> = counts.iter().map(|(kind, n): (&&str, &u64)| format!("{kind} {n}")).collect();
            println!("{}", words.join(", "));
            ExitCode::SUCCESS
        }
        Some((seed, breach)) => {
            let folder = folder(THREADS);
            println!("{}", report(seed, &Scenario::draw(seed), &breach, &folder));
            clear(&folder);
            ExitCode::FAILURE
        }
    }
}

fn folder(thread: u64) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("tradewind-storm-{}-{thread}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn clear(folder: &Path) {
    std::fs::remove_dir_all(folder).unwrap();
}

/// The smallest seed found that breaks a law, if any does.
fn raise(from: u64, count: u64, counts: &Mutex<BTreeMap<&'static str, u64>>) -> Option<(u64, Breach)> {
    let (next, is_over, broken) = (AtomicU64::new(0), AtomicBool::new(false), Mutex::new(None::<(u64, Breach)>));
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (next, is_over, broken) = (&next, &is_over, &broken);
            scope.spawn(move || {
                let folder = folder(thread);
                while !is_over.load(Ordering::Relaxed) {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        break;
                    }
                    if at > 0 && at.is_multiple_of(PROGRESS_EVERY) {
                        eprintln!("{at} of {count}");
                    }
                    match weather(&Scenario::draw(from + at), &folder) {
                        Weathered::Calm(seen) => {
                            let mut counts = counts.lock().unwrap();
                            seen.into_iter().for_each(|(kind, n)| *counts.entry(kind).or_default() += n);
                        }
                        Weathered::Broken { breach, .. } => {
                            is_over.store(true, Ordering::Relaxed);
                            let mut broken = broken.lock().unwrap();
                            if broken.as_ref().is_none_or(|(seed, _)| *seed > from + at) {
                                *broken = Some((from + at, breach));
                            }
                        }
                    }
                }
                clear(&folder);
            });
        }
    });
    broken.into_inner().unwrap()
}

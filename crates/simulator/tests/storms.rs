//! A bounded set of storms; `make storm` raises more of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod storm;

use std::collections::BTreeMap;
use std::path::PathBuf;
use storm::{Scenario, Weathered, report, weather};

/// Seeds of the bounded set, each half on its own thread.
const SEEDS: u64 = 200;

fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("storm-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn weathers(seeds: std::ops::Range<u64>) -> BTreeMap<&'static str, u64> {
    let folder = folder(&seeds.start.to_string());
    let mut counts = BTreeMap::new();
    for seed in seeds {
        let scenario = Scenario::draw(seed);
        match weather(&scenario, &folder) {
            Weathered::Calm(seen) => seen.into_iter().for_each(|(kind, n)| *counts.entry(kind).or_default() += n),
            Weathered::Broken { breach, .. } => panic!("{}", report(seed, &scenario, &breach, &folder)),
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
    counts
}

#[test]
fn two_hundred_storms_break_no_law_and_reach_everything() {
    let other = std::thread::spawn(|| weathers(SEEDS / 2..SEEDS));
    let mut counts = weathers(0..SEEDS / 2);
    other.join().unwrap().into_iter().for_each(|(kind, n)| *counts.entry(kind).or_default() += n);
    for (kind, at_least) in REACHED {
        let found = counts.get(kind).copied().unwrap_or(0);
        assert!(found >= at_least, "{kind} happened {found} times; a storm that does not reach it proves nothing");
    }
}

/// What must have happened, and how often at least.
const REACHED: [(&str, u64); 42] = [
    ("OrderSent", 2_000),
    ("CancelSent", 1_000),
    ("AmendSent", 200),
    ("Accepted", 1_000),
    ("Rejected", 400),
    ("Filled", 1_500),
    ("FillRepeated", 300),
    ("Cancelled", 500),
    ("Expired", 50),
    ("CancelRejected", 150),
    ("Amended", 50),
    ("AmendRejected", 80),
    ("BecameUnknown", 2_000),
    ("NeverArrived", 300),
    ("Unrecognised", 100),
    ("BookInvalid", 100),
    ("BookRestored", 100),
    ("AlgoStarted", 400),
    ("AlgoStopped", 400),
    ("AlgoRefused", 100),
    ("ParametersSet", 20),
    ("TimerSet", 700),
    ("TimerFired", 500),
    ("Halted", 80),
    ("Resumed", 50),
    ("DefinitionRefused", 50),
    ("restart", 300),
    ("power cut", 40),
    ("torn write", 100),
    ("refused: balance", 15),
    ("refused: halted", 200),
    ("refused: invalid book", 150),
    ("refused: late", 40),
    ("refused: not defined", 100),
    ("refused: not live", 100),
    ("refused: order quantity", 50),
    ("refused: order rate", 60),
    ("refused: order value", 30),
    ("refused: position", 200),
    ("refused: price collar", 2),
    ("refused: stale reference", 300),
    ("refused: venue filter", 60),
];

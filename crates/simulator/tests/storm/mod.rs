//! Storms: the whole core (engine, limits, algos, journal, recovery) against a venue and a wire that do their worst, from a
//! seed. After every event the laws of [`laws`] must hold; a seed that breaks one is shrunk to a short scenario and told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::float_arithmetic, reason = "test machinery")]
#![allow(dead_code, unreachable_pub, reason = "two programs include this folder, and each uses its own part")]

mod desk;
mod dice;
mod garbage;
mod laws;
mod market;
mod memory;
mod node;
mod play;
mod reconcile;
mod redecide;
mod scenario;
mod shrink;
mod story;
mod venue;
mod weather;
mod wire;

pub use node::Breach;
pub use play::Weathered;
pub use scenario::Scenario;

use play::Storm;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use story::{Line, Table};

/// A scenario from its beginning to its end; the journal lies in `folder`, which belongs to one thread.
pub fn weather(scenario: &Scenario, folder: &Path) -> Weathered {
    through(scenario, folder, None)
}

fn through(scenario: &Scenario, folder: &Path, story: Option<Vec<Line>>) -> Weathered {
    let path = folder.join("storm.journal");
    let mut storm = match Storm::begin(scenario, &path, story) {
        Ok(storm) => storm,
        Err(breach) => return Weathered::Broken { breach, story: Vec::new() },
    };
    let played = catch_unwind(AssertUnwindSafe(|| {
        scenario.events.iter().try_for_each(|event| storm.play(event))?;
        storm.end()
    }));
    let played = played.unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        Err(Breach { law: "nothing panics", found: words.unwrap_or_default() })
    });
    storm.node.clear();
    match played {
        Ok(()) => Weathered::Calm(storm.counts),
        Err(breach) => Weathered::Broken { breach, story: storm.story.unwrap_or_default() },
    }
}

/// A seed that broke a law: which, and the shortest story that still breaks it.
pub fn report(seed: u64, scenario: &Scenario, breach: &Breach, folder: &Path) -> String {
    let short = shrink::shrunk(scenario, breach, folder);
    let (found, story) = match through(&short, folder, Some(Vec::new())) {
        Weathered::Broken { breach, story } => (breach.found, story),
        Weathered::Calm(_) => (breach.found.clone(), Vec::new()),
    };
    let limits: Vec<String> = short.limits.iter().map(|limit| format!("  {}\n", story::limit(limit))).collect();
    format!(
        "seed {seed} breaks a law: {}\n{found}\n\n{} of its {} events suffice{}:\n{}\n{}\nto see it again: make storm SEED={seed}\n",
        breach.law,
        short.events.len(),
        scenario.events.len(),
        if short.limits.is_empty() { "" } else { ", with these limits" },
        limits.concat(),
        Table(&story),
    )
}

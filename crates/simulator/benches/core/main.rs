//! What the core costs, part by part: `cargo bench -p tradewind-simulator --bench core`.
//!
//! One JSON line per row: operations in each unit, the elapsed time of every round in ns, and the evidence that the work was
//! done: rejects, fills, a hash of the state it left. Each round starts from a state of its own; a row whose rounds do not
//! leave the same evidence stops the run. `benches/run.py` puts the rows beside their yardstick and prints the table.
//!
//! `--quick` does a small part of the work; `--only NAME` runs the rows whose names begin so (to profile them); `--depth FILE`
//! takes recorded depth instead of generated (see [`depth`]).

mod depth;
mod desk;
mod journal;
mod matching;
mod measure;
mod mix;
mod orders;

use measure::{Failure, Scale};
use std::path::PathBuf;

const FULL: Scale = Scale {
    only: String::new(),
    rounds: 7,
    messages: 6_000,
    mix_ops: 1_000_000,
    path_ops: 100_000,
    orders: 50_000,
    commits: 5_000,
    syncs: 10,
};
const QUICK: Scale =
    Scale { only: String::new(), rounds: 2, messages: 1_000, mix_ops: 100_000, path_ops: 20_000, orders: 5_000, commits: 500, syncs: 3 };

fn main() -> Result<(), Failure> {
    let (mut scale, mut recorded, mut only) = (FULL, None, String::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // Cargo's own, when it runs us.
            "--bench" => {}
            "--quick" => scale = QUICK,
            "--depth" => recorded = Some(PathBuf::from(arguments.next().ok_or("--depth needs the name of a file")?)),
            "--only" => only = arguments.next().ok_or("--only needs the beginning of a row's name")?,
            other => return Err(format!("`{other}` is not understood; --quick, --only NAME, --depth FILE").into()),
        }
    }
    scale.only = only;
    if scale.wants("book_") {
        depth::rows(&scale, recorded.as_deref())?;
    }
    if scale.wants("matching_") {
        matching::rows(&scale)?;
    }
    if scale.wants("order_") {
        orders::rows(&scale)?;
    }
    if scale.wants("journal_") {
        journal::rows(&scale)?;
    }
    Ok(())
}

//! The shared work by its Rust twins: `cargo bench -p tradewind-simulator --bench peers -- FOLDER WORK [ROUNDS]`.
//!
//! Whole runs with the journal in a file at level memory, as the Python side has them, so that its final state hash must come out
//! again. One JSON line: events, elapsed and processor time of every round in ns, orders, fills, rejects, balance and state hash.
//! `benches/peers` writes FOLDER and puts the rows beside the others'.

mod rules;
mod work;

use rules::{EmaCross, GridMaker, Hosted, OrderPerQuote, Rule, TouchMaker};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tradewind_journal::{CommitLevel, ContentHash, Journal, RunFacts, Segment};
use tradewind_simulator::{Recording, Setup, Simulation, Wakes};
use tradewind_types::{AccountId, AssetId, DoneReason, OrderState, Timestamp};
use work::Failure;

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn now() -> Instant {
    Instant::now()
}

/// Processor time of this process so far, ns, as Linux counts it; none elsewhere. Other programs' work is not in it.
fn processor_ns() -> Option<u128> {
    fs::read_to_string("/proc/self/schedstat").ok()?.split_whitespace().next()?.parse().ok()
}

/// Elapsed and processor time of a run, ns.
type Took = (u128, Option<u128>);

fn rule(work: &str) -> Result<Box<dyn Rule>, Failure> {
    let wakes = Wakes::default();
    Ok(match work {
        "A2" => Box::new(EmaCross::new(100, 1_000, Wakes { trade: true, ..wakes })),
        "B2" => Box::new(EmaCross::new(100, 1_000, Wakes { book: true, ..wakes })),
        "E" => Box::new(EmaCross::new(10, 20, Wakes { bar: true, ..wakes })),
        "F1" => Box::new(OrderPerQuote(0)),
        "C2" => Box::new(TouchMaker::default()),
        "GRID" => Box::new(GridMaker::default()),
        other => return Err(format!("no work `{other}`; A2, B2, C2, E, F1 or GRID").into()),
    })
}

/// What a run left: orders, fills, refusals by us and rejects by the venue, balance, hash.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Evidence {
    orders: usize,
    fills: usize,
    rejects: usize,
    balance: i128,
    hash: String,
}

fn run(work: &str, setup: &Setup, recording: &Arc<Recording>, journal: &Path) -> Result<(Took, Evidence), Failure> {
    let segments = vec![Segment { id: 0, name: work.into(), content: ContentHash(recording.hash().0) }];
    let facts = RunFacts { code_version: "bench".into(), node: 1, epoch: 1, created: Timestamp(0), segments, setup: String::new() };
    let journal = Journal::create(journal, &facts, CommitLevel::Memory)?;
    let mut simulation = Simulation::new(setup, Arc::clone(recording), Some(journal))?;
    let rule = rule(work)?;
    let wakes = rule.wakes();
    let mut strategist = Hosted(rule, wakes);
    let (start, spent) = (now(), processor_ns());
    simulation.advance(recording.local(recording.len() - 1).map_or(Timestamp(0), |(stamp, _)| stamp.ts_local), Some(&mut strategist))?;
    let hash = simulation.finish()?;
    let took = (start.elapsed().as_nanos(), processor_ns().zip(spent).map(|(after, before)| after - before));
    let state = simulation.engine().state();
    let is_rejected = |state: &OrderState| matches!(state, OrderState::Done { reason: DoneReason::Rejected(_) });
    let rejects = simulation.tape().refusals().len() + state.orders().filter(|order| is_rejected(&order.state)).count();
    let (orders, fills) = (state.orders().count(), simulation.tape().fills().len());
    let balance = state.balance(AccountId(0), AssetId(0)).0;
    Ok((took, Evidence { orders, fills, rejects, balance, hash: hash.to_string() }))
}

fn main() -> Result<(), Failure> {
    // Cargo adds one of its own when it runs us.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [folder, work, rest @ ..] = arguments.as_slice() else { return Err("FOLDER WORK [ROUNDS]".into()) };
    let rounds: usize = rest.first().map_or(Ok(3), |text| text.parse())?;
    let recording = Arc::new(work::recording(work, Path::new(folder))?);
    let setup = work::setup(work, Path::new(folder))?;
    let events = recording.len();
    let (mut elapsed_ns, mut cpu_ns, mut seen) = (Vec::new(), Vec::new(), None);
    for round in 0..rounds {
        let journal = Path::new(folder).join(format!("twin.{work}.{}.{round}.journal", std::process::id()));
        let ((elapsed, cpu), evidence) = run(work, &setup, &recording, &journal)?;
        fs::remove_file(&journal)?;
        if seen.replace(evidence.clone()).is_some_and(|before| before != evidence) {
            return Err(format!("{work}: two rounds of the same work differ").into());
        }
        elapsed_ns.push(elapsed);
        cpu_ns.push(cpu.unwrap_or(elapsed));
    }
    let Evidence { orders, fills, rejects, balance, hash } = seen.ok_or("a row needs a round")?;
    println!(
        "{{\"work\":\"{work}\",\"events\":{events},\"elapsed_ns\":{elapsed_ns:?},\"cpu_ns\":{cpu_ns:?},\"orders\":{orders},\"fills\":{fills},\
         \"rejects\":{rejects},\"balance\":{balance},\"hash\":\"{hash}\"}}"
    );
    Ok(())
}

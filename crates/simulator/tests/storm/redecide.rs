//! The storm's journal decided anew, restarts and all: the same inputs must give the same outcomes.

use crate::storm::desk::wire_books;
use crate::storm::market::Seen;
use crate::storm::node::Breach;
use std::collections::VecDeque;
use std::path::Path;
use tradewind_engine::{Engine, Step};
use tradewind_journal::{Chain, Entries, Entry, JournalError};
use tradewind_types::{Input, Outcome, StateHash};

const LAW: &str = "the journal decided anew gives the same outcomes";

struct Anew {
    engine: Engine,
    step: Step,
    decided: VecDeque<(u64, Outcome)>,
}

impl Anew {
    fn input(&mut self, seq: u64, input: &Input<'_>) -> Result<(), Breach> {
        if let Some((seq, outcome)) = self.decided.front() {
            return Err(Breach::new(LAW, format!("input {seq} also gives {outcome:?}")));
        }
        self.engine.step(input, &mut self.step);
        self.decided.extend(self.step.outcomes.drain(..).map(|outcome| (seq, outcome)));
        Ok(())
    }

    fn entry(&mut self, entry: Entry, seen: &[Seen]) -> Result<(), Breach> {
        match entry {
            Entry::Input { seq, at, control } => self.input(seq, &Input::Control { at, control: &control }),
            Entry::MarketRun(run) => (0..run.count).try_for_each(|k| match seen.get((run.first + k) as usize) {
                Some(event) => self.input(run.first_seq + k, &event.input()),
                None => Err(Breach::new(LAW, format!("market event {} is not there", run.first + k))),
            }),
            Entry::Outcome { seq, outcome } => match self.decided.pop_front() {
                Some(decided) if decided == (seq, outcome.clone()) => Ok(()),
                other => Err(Breach::new(LAW, format!("input {seq}: journaled {outcome:?}, decided {other:?}"))),
            },
            _ => Ok(()),
        }
    }
}

/// Decides a journal anew and compares.
pub fn redecide(path: &Path, seen: &[Seen], expected: StateHash) -> Result<(), Breach> {
    let mut anew = Anew { engine: Engine::new(), step: Step::new(), decided: VecDeque::new() };
    wire_books(&mut anew.engine);
    let broken = |error: JournalError| Breach::new("the journal can be written and read back", error.to_string());
    let mut journal = Chain::open(path).map_err(broken)?;
    while let Some(entry) = journal.next_entry().map_err(broken)? {
        anew.entry(entry, seen)?;
    }
    if anew.decided.is_empty() && anew.engine.state_hash() == expected {
        return Ok(());
    }
    Err(Breach::new(LAW, format!("left over {:?}, or the state differs", anew.decided)))
}

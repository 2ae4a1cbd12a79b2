//! The node under the storm: engine, journal on disk, and a replica that only applies. Journals before anything leaves.

use crate::storm::desk::wire_books;
use crate::storm::memory::Memory;
use std::path::{Path, PathBuf};
use tradewind_engine::{Engine, Step};
use tradewind_journal::{CommitLevel, ContentHash, Entry, Journal, RunFacts, Segment};
use tradewind_limits::Command;
use tradewind_types::{Input, OrderRequest, Outcome, StateHash, Timestamp};

/// A law that did not hold, and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    pub law: &'static str,
    pub found: String,
}

impl Breach {
    pub fn new(law: &'static str, found: impl Into<String>) -> Self {
        Self { law, found: found.into() }
    }
}

/// What one input gave.
#[derive(Clone, Debug, Default)]
pub struct Given {
    pub outcomes: Vec<Outcome>,
    /// What may leave: nothing, where the write was torn.
    pub requests: Vec<OrderRequest>,
    pub is_torn: bool,
}

/// Engine, replica and journal.
pub struct Node {
    pub engine: Engine,
    replica: Engine,
    step: Step,
    journal: Option<Journal>,
    path: PathBuf,
    small_blocks: bool,
    commit_every: u64,
    uncommitted: u64,
    pub seq: u64,
    /// State after each input so far, by its number.
    hashes: Vec<StateHash>,
    pub memory: Memory,
    /// Where in the next write with orders in it the machine dies.
    pub tear_next: Option<u64>,
}

fn facts() -> RunFacts {
    let segments = vec![Segment { id: 0, name: "storm".into(), content: ContentHash::of(b"storm") }];
    RunFacts { code_version: "storm".into(), node: 7, epoch: 1, created: Timestamp(0), segments, setup: String::new() }
}

fn io(error: impl std::fmt::Display) -> Breach {
    Breach::new("the journal can be written and read back", error.to_string())
}

fn in_blocks(journal: Journal, small: bool) -> Journal {
    if small { journal.with_block_bytes(1) } else { journal }
}

impl Node {
    pub fn start(path: &Path, commit_every: u64, small_blocks: bool) -> Result<Self, Breach> {
        if path.exists() {
            std::fs::remove_file(path).map_err(io)?;
        }
        let journal = Journal::create(path, &facts(), CommitLevel::Process).map_err(io)?;
        let mut engine = Engine::new();
        wire_books(&mut engine);
        Ok(Self {
            hashes: vec![engine.state_hash()],
            engine,
            replica: Engine::new(),
            step: Step::new(),
            journal: Some(in_blocks(journal, small_blocks)),
            path: path.to_owned(),
            small_blocks,
            commit_every,
            uncommitted: 0,
            seq: 0,
            memory: Memory::default(),
            tear_next: None,
        })
    }

    fn journal(&mut self) -> Result<&mut Journal, Breach> {
        self.journal.as_mut().ok_or_else(|| io("no journal is open"))
    }

    /// One input: journaled, decided, its outcomes journaled and applied to the replica, committed before anything leaves.
    /// `market` is where a market event is kept.
    pub fn give(&mut self, input: &Input<'_>, market: Option<u64>) -> Result<Given, Breach> {
        self.seq += 1;
        let seq = self.seq;
        match (input, market) {
            (Input::Control { at, control }, _) => self.journal()?.append_input(seq, *at, control).map_err(io)?,
            (Input::Market { .. }, index) => self.journal()?.append_market(seq, 0, index.unwrap_or(0)).map_err(io)?,
        }
        self.engine.step(input, &mut self.step);
        if let Some(fault) = &self.step.fault {
            return Err(Breach::new("no input makes the engine fault", format!("{fault} after {input:?}")));
        }
        let outcomes = std::mem::take(&mut self.step.outcomes);
        for outcome in &outcomes {
            self.journal()?.append_outcome(seq, outcome).map_err(io)?;
            self.replica.apply(outcome).map_err(|e| Breach::new("every outcome can be applied", format!("{e}: {outcome:?}")))?;
            self.memory.see(outcome);
            self.memory.check_decision(outcome, self.replica.state(), &self.engine)?;
        }
        let commands = std::mem::take(&mut self.step.commands);
        let requests = matched(&outcomes, &commands)?;
        self.check_replica(!outcomes.is_empty())?;
        self.uncommitted += 1;
        let mut is_torn = false;
        if !requests.is_empty() {
            is_torn = self.tear_next.is_some();
            let before = self.length()?;
            self.commit()?;
            if let Some(dice) = self.tear_next.take() {
                self.cut(before + dice % (self.length()? - before + 1))?;
            }
        } else if self.uncommitted >= self.commit_every {
            self.commit()?;
        }
        Ok(Given { outcomes, requests: if is_torn { Vec::new() } else { requests }, is_torn })
    }

    fn check_replica(&mut self, has_changed: bool) -> Result<(), Breach> {
        let hash = match self.hashes.last() {
            Some(last) if !has_changed => *last,
            _ => self.engine.state_hash(),
        };
        if has_changed && self.replica.state_hash() != hash {
            return Err(Breach::new("applying the outcomes gives the same state", format!("after input {}", self.seq)));
        }
        self.hashes.push(hash);
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Breach> {
        self.uncommitted = 0;
        self.journal()?.commit().map_err(io)
    }

    fn length(&self) -> Result<u64, Breach> {
        std::fs::metadata(&self.path).map(|file| file.len()).map_err(io)
    }

    /// What a crash leaves of the journal.
    fn cut(&mut self, length: u64) -> Result<(), Breach> {
        self.journal = None;
        std::fs::OpenOptions::new().write(true).open(&self.path).and_then(|file| file.set_len(length)).map_err(io)
    }

    /// The process dies, perhaps in the middle of writing what nothing has left on the strength of.
    pub fn crash(&mut self, dice: u64) -> Result<(), Breach> {
        let Some(mut journal) = self.journal.take() else { return Ok(()) };
        let before = self.length()?;
        if dice.is_multiple_of(2) {
            journal.commit().map_err(io)?;
            drop(journal);
            let written = self.length()? - before;
            self.cut(before + (dice >> 8) % (written + 1))?;
        }
        Ok(())
    }

    /// The machine loses power: even what was committed, to the kernel alone, may be gone; never what is below `floor`.
    pub fn lose_power(&mut self, dice: u64, floor: u64) -> Result<(), Breach> {
        self.commit()?;
        let length = self.length()?;
        self.cut(length.saturating_sub(dice % 4_000).max(floor))
    }

    /// Where the journal ends now, everything committed.
    pub fn settle(&mut self) -> Result<u64, Breach> {
        self.commit()?;
        self.length()
    }

    /// A new life: what the journal holds is applied, and nothing else is known.
    pub fn recover(&mut self) -> Result<(), Breach> {
        self.journal = None;
        let (mut engine, mut memory, mut broken) = (Engine::new(), Memory::default(), None);
        wire_books(&mut engine);
        let opened = Journal::recover(&self.path, CommitLevel::Process, |entry| {
            if let (Entry::Outcome { seq, outcome }, None) = (entry, &broken) {
                memory.see(&outcome);
                broken = engine.apply(&outcome).err().map(|error| format!("input {seq}: {error}: {outcome:?}"));
            }
        })
        .map_err(io)?;
        if let Some(found) = broken {
            return Err(Breach::new("the journal can be applied", found));
        }
        let seq = opened.verification.last_input_seq.unwrap_or(0);
        self.hashes.truncate(seq as usize + 1);
        let hash = engine.state_hash();
        if self.hashes.last() != Some(&hash) {
            return Err(Breach::new("recovery gives the state that the engine had", format!("after input {seq}, the last of the journal")));
        }
        (self.replica, self.engine) = (engine.clone(), engine);
        (self.memory, self.seq, self.uncommitted, self.tear_next) = (memory, seq, 0, None);
        self.journal = Some(in_blocks(opened.journal, self.small_blocks));
        Ok(())
    }

    /// Deletes the journal.
    pub fn clear(&mut self) {
        self.journal = None;
        if self.path.exists() {
            std::fs::remove_file(&self.path).unwrap();
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Requests leave in commands alone, one for each outcome that says so, and as it says.
fn matched(outcomes: &[Outcome], commands: &[Command]) -> Result<Vec<OrderRequest>, Breach> {
    let requests: Vec<OrderRequest> = commands.iter().map(|command| *command.request()).collect();
    let journaled = outcomes.iter().filter_map(|outcome| match *outcome {
        Outcome::OrderSent { order, terms, .. } => Some((order, Some(terms), None)),
        Outcome::AmendSent { order, price, qty, .. } => Some((order, None, Some((price, qty)))),
        Outcome::CancelSent { order, .. } => Some((order, None, None)),
        _ => None,
    });
    let left = requests.iter().map(|request| match *request {
        OrderRequest::Place { order, terms } => (order, Some(terms), None),
        OrderRequest::Amend { order, price, qty, .. } => (order, None, Some((price, qty))),
        OrderRequest::Cancel { order, .. } => (order, None, None),
    });
    if journaled.eq(left) {
        Ok(requests)
    } else {
        Err(Breach::new("what leaves is what was journaled", format!("{outcomes:?} but {requests:?}")))
    }
}

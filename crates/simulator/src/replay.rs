//! A run again, from its journal: applied (recovery), or decided anew on the same data (the determinism test).

use crate::recording::Recording;
use crate::setup::{Setup, SetupError};
use tradewind_book::SequenceRule;
use tradewind_engine::{ApplyError, Engine, Step};
use tradewind_journal::{Applicable, Entries, Entry, JournalError, MarketRun, Segment};
use tradewind_types::{Control, Definition, Input, InstrumentTerms, MarketEvent, Outcome, Stamp, StateHash};

/// Why a journal cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The setup describes no possible run.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// A journaled outcome does not fit the state that the ones before it made.
    #[error("outcome of input {seq} does not fit the state before it: {source}")]
    DoesNotApply {
        /// Input number.
        seq: u64,
        /// Why.
        source: ApplyError,
    },
    /// A snapshot that is sound holds a state that cannot be written or loaded.
    #[error("the state cannot be put in a snapshot: {0}")]
    Snapshot(String),
    /// Snapshots were passed over, and the journal does not begin at the beginning.
    #[error(
        "no snapshot can be used ({}), and the folder begins with block {first_block}: bring the volumes before it back from the archive",
        skipped.join("; ")
    )]
    NothingToBeginWith {
        /// First block there is.
        first_block: u64,
        /// Why each snapshot was passed over.
        skipped: Vec<String>,
    },
    /// The journal refers to market data that the recording does not have.
    #[error("the journal refers to market event {index}; the data has {len}")]
    DataMissing {
        /// Event index.
        index: u64,
        /// Events in the recording.
        len: usize,
    },
    /// A segment of market data is gone, damaged, or another one.
    #[error("market data of segment {segment} cannot be used: {why}")]
    SegmentUnusable {
        /// Which.
        segment: u32,
        /// Why.
        why: String,
    },
}

/// A state rebuilt from outcomes alone.
#[derive(Debug)]
pub struct Recovered {
    /// The engine, ready to be warmed up.
    pub engine: Engine,
    /// Hash of its state.
    pub state_hash: StateHash,
    /// The last hash that the run itself journaled.
    pub recorded_hash: Option<StateHash>,
    /// Outcomes applied.
    pub outcomes: u64,
    /// Bytes of a torn tail that were not used.
    pub torn_bytes: u64,
}

/// Applies a journal's outcomes to an empty engine. Decides nothing.
///
/// # Errors
/// [`ReplayError::Journal`], [`ReplayError::DoesNotApply`].
pub fn recover(mut journal: impl Entries) -> Result<Recovered, ReplayError> {
    let mut application = Application::to(Engine::new());
    application.read(&mut journal)?;
    Ok(application.finish(journal.verification().torn_bytes))
}

/// Outcomes being applied.
pub(crate) struct Application {
    engine: Engine,
    recorded_hash: Option<StateHash>,
    outcomes: u64,
}

impl Application {
    pub(crate) const fn to(engine: Engine) -> Self {
        Self { engine, recorded_hash: None, outcomes: 0 }
    }

    /// Applies a journal to its end.
    pub(crate) fn read(&mut self, journal: &mut impl Entries) -> Result<(), ReplayError> {
        journal.recover(|entry| {
            match entry {
                Applicable::Outcome { seq, outcome } => {
                    self.engine.apply(outcome).map_err(|source| ReplayError::DoesNotApply { seq, source })?;
                    self.outcomes += 1;
                }
                Applicable::StateHash { hash, .. } => self.recorded_hash = Some(hash),
            }
            Ok(())
        })
    }

    pub(crate) fn finish(self, torn_bytes: u64) -> Recovered {
        let Self { engine, recorded_hash, outcomes } = self;
        Recovered { state_hash: engine.state_hash(), engine, recorded_hash, outcomes, torn_bytes }
    }
}

/// What deciding anew gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Inputs given.
    pub inputs: u64,
    /// Outcomes decided.
    pub outcomes: u64,
    /// Outcomes that differ from the journaled ones, counting missing and additional ones.
    pub differing: u64,
    /// Of these, outcomes of the last inputs of a journal that was never finished: they were lost with its tail, and nothing differs.
    pub unrecorded: u64,
    /// The first of them, in words.
    pub first_difference: Option<String>,
    /// Hash of the state at the end.
    pub state_hash: StateHash,
}

/// Where a replay finds the market data that a journal refers to.
pub trait MarketSource {
    /// A body of market data is referred to from here on.
    fn begin(&mut self, segment: &Segment);

    /// The event at a place of a segment; the places of a segment are asked for in order.
    ///
    /// # Errors
    /// [`ReplayError::DataMissing`].
    fn event(&mut self, segment: u32, index: u64) -> Result<(Stamp, MarketEvent<'_>), ReplayError>;

    /// How the depth of an instrument is numbered that the journal defines; none where nobody watched it, or it is watched already.
    fn rule(&self, terms: &InstrumentTerms) -> Option<SequenceRule>;
}

impl MarketSource for &Recording {
    fn begin(&mut self, _segment: &Segment) {}

    fn event(&mut self, _segment: u32, index: u64) -> Result<(Stamp, MarketEvent<'_>), ReplayError> {
        let missing = ReplayError::DataMissing { index, len: self.len() };
        usize::try_from(index).ok().and_then(|i| self.local(i)).ok_or(missing)
    }

    fn rule(&self, _terms: &InstrumentTerms) -> Option<SequenceRule> {
        None
    }
}

/// Gives an engine the journaled inputs and the market data they refer to, and compares every outcome with the journaled one.
///
/// # Errors
/// [`ReplayError`].
pub fn redecide(journal: impl Entries, recording: &Recording, setup: &Setup) -> Result<Replayed, ReplayError> {
    let delivered = setup.delivered(recording)?;
    let mut engine = Engine::new();
    for (instrument, rule) in setup.watched_books()? {
        engine.watch_book(instrument, rule);
    }
    redecide_from(journal, delivered.as_ref().unwrap_or(recording), engine)
}

/// The same for an engine that watches what it watched, from wherever its market data is.
///
/// # Errors
/// [`ReplayError`].
pub fn redecide_from(mut journal: impl Entries, mut market: impl MarketSource, engine: Engine) -> Result<Replayed, ReplayError> {
    let mut run = Redecision {
        engine,
        step: Step::new(),
        decided: Vec::new(),
        next: 0,
        inputs: 0,
        outcomes: 0,
        differing: 0,
        unrecorded: 0,
        first: None,
    };
    let mut finished = false;
    while let Some(entry) = journal.next_entry()? {
        finished = matches!(entry, Entry::StateHash { .. } | Entry::End { .. });
        match entry {
            Entry::Input { seq, at, control } => {
                run.input(seq, &Input::Control { at, control: &control });
                if let Control::Define(Definition::Instrument(terms)) = &control
                    && let Some(rule) = market.rule(terms)
                {
                    run.engine.watch_book(terms.id, rule);
                }
            }
            Entry::MarketRun(events) => run.market(&events, &mut market)?,
            Entry::Outcome { seq, outcome } => run.compare(seq, &outcome),
            Entry::Segment { segment, .. } => market.begin(&segment),
            Entry::StateHash { .. } | Entry::End { .. } => {}
        }
    }
    run.close(finished);
    Ok(Replayed {
        inputs: run.inputs,
        outcomes: run.outcomes,
        differing: run.differing,
        unrecorded: run.unrecorded,
        first_difference: run.first,
        state_hash: run.engine.state_hash(),
    })
}

struct Redecision {
    engine: Engine,
    step: Step,
    /// Decided, with the number of their input; not compared yet from `next` on.
    decided: Vec<(u64, Outcome)>,
    next: usize,
    inputs: u64,
    outcomes: u64,
    differing: u64,
    unrecorded: u64,
    first: Option<String>,
}

impl Redecision {
    fn input(&mut self, seq: u64, input: &Input<'_>) {
        if self.next == self.decided.len() {
            self.decided.clear();
            self.next = 0;
        }
        self.inputs += 1;
        self.engine.step(input, &mut self.step);
        self.outcomes += self.step.outcomes.len() as u64;
        self.decided.extend(self.step.outcomes.drain(..).map(|outcome| (seq, outcome)));
    }

    fn market(&mut self, run: &MarketRun, market: &mut impl MarketSource) -> Result<(), ReplayError> {
        for k in 0..run.count {
            let (stamp, event) = market.event(run.segment, run.first + k)?;
            self.input(run.first_seq + k, &Input::Market { stamp, event });
        }
        Ok(())
    }

    fn compare(&mut self, seq: u64, journaled: &Outcome) {
        let decided = self.decided.get(self.next);
        if decided.is_none_or(|(s, outcome)| *s != seq || outcome != journaled) {
            self.differing += 1;
            let found = decided.map_or_else(|| "nothing".into(), |(s, o)| format!("{o:?} at input {s}"));
            self.first.get_or_insert_with(|| format!("input {seq}: journaled {journaled:?}, decided {found}"));
        }
        self.next = (self.next + 1).min(self.decided.len());
    }

    fn close(&mut self, finished: bool) {
        let more = (self.decided.len() - self.next) as u64;
        self.differing += more;
        self.unrecorded = if finished { 0 } else { more };
        if more > 0 {
            self.first.get_or_insert_with(|| format!("{more} outcomes were decided that the journal does not have"));
        }
    }
}

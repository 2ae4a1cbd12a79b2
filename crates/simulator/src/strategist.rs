//! A strategy outside the engine: it says what wakes it, looks at the engine's state, and answers with intents.
//!
//! What it answers is journaled as a decision; a replay does not run it again.

use tradewind_engine::Engine;
use tradewind_types::{Bar, BookId, Fill, InstrumentId, Intent, Nanos, Timestamp, Trade, Transfer};

/// What woke a strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Its timer.
    Timer,
    /// A book changed.
    Book(InstrumentId),
    /// A public trade.
    Trade(Trade),
    /// A bar closed.
    Bar(Bar),
    /// A fill of its own.
    Fill(Fill),
}

/// What a strategy wants to be woken for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wakes {
    /// Every so often.
    pub timer: Option<Nanos>,
    /// Each change of a book.
    pub book: bool,
    /// Each public trade.
    pub trade: bool,
    /// Each closed bar.
    pub bar: bool,
    /// Each fill of its own.
    pub fill: bool,
}

impl Wakes {
    /// Whether it wants this one.
    #[must_use]
    pub const fn asks_for(&self, wake: &Wake) -> bool {
        match wake {
            Wake::Timer => self.timer.is_some(),
            Wake::Book(_) => self.book,
            Wake::Trade(_) => self.trade,
            Wake::Bar(_) => self.bar,
            Wake::Fill(_) => self.fill,
        }
    }
}

/// A strategy's own failure, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub String);

/// A strategy outside the engine.
pub trait Strategist {
    /// Its book.
    fn book(&self) -> BookId;

    /// Hash of its code and parameters.
    fn model(&self) -> u64;

    /// What wakes it.
    fn wakes(&self) -> Wakes;

    /// Looks at the engine and says what it wants.
    ///
    /// # Errors
    /// [`Fault`]: it is fenced off then, its orders are cancelled, and the run goes on.
    fn wake(&mut self, now: Timestamp, wake: &Wake, engine: &Engine, intents: &mut Vec<Intent>) -> Result<(), Fault>;

    /// Money that it wants moved between accounts; asked for after each time it was woken.
    fn transfers(&mut self) -> Vec<Transfer> {
        Vec::new()
    }
}

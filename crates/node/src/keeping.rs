//! What a node keeps: its journal and the market data that the journal refers to, committed together.

use crate::config::VenueName;
use crate::market_log::MarketLog;
use crate::unheard::Unheard;
use std::io;
use tradewind_journal::{JournalError, Sink, Writer};
use tradewind_types::{Control, MarketEvent, Outcome, Stamp, StateHash, Timestamp};

/// Why something could not be kept. The node stops trading: what is not kept cannot be recovered.
#[derive(Debug, thiserror::Error)]
pub enum KeepingError {
    /// The journal refused.
    #[error("the journal cannot be written: {0}")]
    Journal(#[from] JournalError),
    /// The market data could not be written.
    #[error("market data cannot be written: {0}; free some space on the disk of the node's folder, or lower `disk_budget_mb`")]
    Market(#[from] io::Error),
    /// What was missed could not be noted.
    #[error("since when a venue was not heard cannot be noted: {0}")]
    Unheard(#[source] io::Error),
}

/// Where a node keeps what it must not lose.
pub trait Keeping {
    /// An input that is journaled whole.
    ///
    /// # Errors
    /// [`KeepingError`].
    fn input(&mut self, seq: u64, at: Timestamp, control: &Control) -> Result<(), KeepingError>;

    /// What the engine decided or applied.
    ///
    /// # Errors
    /// [`KeepingError`].
    fn outcome(&mut self, seq: u64, outcome: &Outcome) -> Result<(), KeepingError>;

    /// Public market data.
    ///
    /// # Errors
    /// [`KeepingError`].
    fn market(&mut self, seq: u64, stamp: Stamp, event: &MarketEvent<'_>) -> Result<(), KeepingError>;

    /// Since when the private news of a venue may have been missed; none once its records were compared.
    ///
    /// # Errors
    /// [`KeepingError`].
    fn unheard(&mut self, venue: VenueName, since: Option<Timestamp>) -> Result<(), KeepingError>;

    /// Brings everything to the level that was promised.
    ///
    /// # Errors
    /// [`KeepingError`]: nothing that was added since the last commit may be relied on.
    fn commit(&mut self) -> Result<(), KeepingError>;

    /// The run ends in good order.
    ///
    /// # Errors
    /// [`KeepingError`].
    fn finish(&mut self, seq: u64, hash: StateHash) -> Result<(), KeepingError>;
}

/// A journal with market data beside it, and what was not heard.
#[derive(Debug)]
pub struct Kept<S> {
    journal: Writer<S>,
    market: MarketLog,
    unheard: Unheard,
}

impl<S: Sink> Kept<S> {
    /// Goes on with all of them.
    #[must_use]
    pub const fn new(journal: Writer<S>, market: MarketLog, unheard: Unheard) -> Self {
        Self { journal, market, unheard }
    }

    /// The journal, to look at.
    #[must_use]
    pub const fn journal(&self) -> &Writer<S> {
        &self.journal
    }
}

impl<S: Sink> Keeping for Kept<S> {
    fn input(&mut self, seq: u64, at: Timestamp, control: &Control) -> Result<(), KeepingError> {
        Ok(self.journal.append_input(seq, at, control)?)
    }

    fn outcome(&mut self, seq: u64, outcome: &Outcome) -> Result<(), KeepingError> {
        Ok(self.journal.append_outcome(seq, outcome)?)
    }

    fn market(&mut self, seq: u64, stamp: Stamp, event: &MarketEvent<'_>) -> Result<(), KeepingError> {
        let (place, begun) = self.market.append(stamp, event)?;
        if let Some(segment) = begun {
            self.journal.append_segment(seq.saturating_sub(1), &segment)?;
        }
        Ok(self.journal.append_market(seq, place.segment, place.index)?)
    }

    fn unheard(&mut self, venue: VenueName, since: Option<Timestamp>) -> Result<(), KeepingError> {
        self.unheard.note(venue, since).map_err(KeepingError::Unheard)
    }

    fn commit(&mut self) -> Result<(), KeepingError> {
        // The journal refers to the market data, so that goes first.
        self.market.flush()?;
        Ok(self.journal.commit()?)
    }

    fn finish(&mut self, seq: u64, hash: StateHash) -> Result<(), KeepingError> {
        self.journal.append_state_hash(seq, hash)?;
        self.journal.append(&tradewind_journal::Entry::End { seq })?;
        self.commit()
    }
}

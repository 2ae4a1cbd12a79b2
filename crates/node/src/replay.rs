//! A node's folder decided anew: the same inputs, market data included, must give the same outcomes and the same state.

use crate::config::VenueName;
use crate::core::market_of;
use crate::market_log::{SegmentReader, segments};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tradewind_book::SequenceRule;
use tradewind_engine::Engine;
use tradewind_journal::{Chain, ContentHash, Segment};
use tradewind_simulator::{MarketSource, ReplayError, Replayed, redecide_from};
use tradewind_types::{InstrumentTerms, MarketEvent, Stamp};

/// How the depth messages of an instrument are numbered; none for a venue that is not known.
#[must_use]
pub fn sequence_rule(terms: &InstrumentTerms) -> Option<SequenceRule> {
    VenueName::of(terms.venue).map(|venue| venue.sequence_rule(market_of(terms.kind)))
}

/// The journal of a node's folder.
#[must_use]
pub fn journal_folder(folder: &Path) -> PathBuf {
    folder.join("journal")
}

/// The market data of a node's folder.
#[must_use]
pub fn market_folder(folder: &Path) -> PathBuf {
    folder.join("market")
}

/// Decides everything in a node's folder anew.
///
/// # Errors
/// [`ReplayError`]; market data that its budget has let go cannot be decided from.
pub fn replay_node(folder: &Path) -> Result<Replayed, ReplayError> {
    let chain = Chain::open(&journal_folder(folder))?;
    redecide_from(chain, Segments::of(&market_folder(folder)), Engine::new())
}

/// The segments of a node's folder, read one after the other.
pub(crate) struct Segments {
    paths: BTreeMap<u32, PathBuf>,
    declared: BTreeMap<u32, ContentHash>,
    open: Option<(u32, SegmentReader)>,
}

impl Segments {
    pub(crate) fn of(folder: &Path) -> Self {
        // A folder that cannot be listed has no segments: the first reference to one says which.
        let paths = segments(folder).unwrap_or_default().into_iter().collect();
        Self { paths, declared: BTreeMap::new(), open: None }
    }

    /// Whether a segment is older than all that are there: the budget has let it go.
    pub(crate) fn is_gone(&self, segment: u32) -> bool {
        self.paths.keys().next().is_none_or(|oldest| segment < *oldest)
    }

    fn open(&mut self, segment: u32) -> Result<&mut SegmentReader, String> {
        if self.open.as_ref().is_none_or(|(id, _)| *id != segment) {
            let path = self.paths.get(&segment).ok_or("it is not in the folder")?;
            let reader = SegmentReader::open(path).map_err(|error| error.to_string())?;
            if self.declared.get(&segment) != Some(&reader.content()) {
                return Err("it is not the one that the journal names".to_owned());
            }
            self.open = Some((segment, reader));
        }
        self.open.as_mut().map(|(_, reader)| reader).ok_or_else(|| "it is not open".to_owned())
    }
}

impl MarketSource for Segments {
    fn begin(&mut self, segment: &Segment) {
        self.declared.insert(segment.id, segment.content);
    }

    fn event(&mut self, segment: u32, index: u64) -> Result<(Stamp, MarketEvent<'_>), ReplayError> {
        let unusable = |why| ReplayError::SegmentUnusable { segment, why };
        let reader = self.open(segment).map_err(unusable)?;
        match reader.next_event() {
            Some((at, stamp, event)) if at == index => Ok((stamp, event)),
            Some((at, ..)) => Err(unusable(format!("event {index} was looked for, {at} was found"))),
            None => Err(unusable(format!("event {index} is missing or damaged"))),
        }
    }

    fn rule(&self, terms: &InstrumentTerms) -> Option<SequenceRule> {
        sequence_rule(terms)
    }
}

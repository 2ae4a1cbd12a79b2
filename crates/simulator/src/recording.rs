//! Market data of a run, in integers, on both clocks.
//!
//! The venue saw an event at `ts_venue`, we saw it at `ts_local`; an exchange replays in the one order, the engine in the
//! other. A recording in which we see an event before the venue made it is refused: its recorder's clock was off, and the
//! catalog entry must carry the correction. The content hash names the data in a journal instead of copying it.

use tradewind_types::{
    Bar, DepthKind, DepthUpdate, InstrumentId, LevelChange, MarketEvent, Sequence, Stamp, StateDigest, StateHash, Timestamp, Trade,
};

/// Why market data cannot be replayed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordingError {
    /// The recorder's clock was behind the venue's.
    #[error(
        "{count} events reach us before the venue made them (worst by {worst_ns} ns, first at event {first}): the recorder's clock is off; \
         give the catalog entry its measured clock correction"
    )]
    NegativeLatency {
        /// How many.
        count: usize,
        /// The largest, ns.
        worst_ns: i64,
        /// Index of the first.
        first: usize,
    },
    /// Nothing to replay.
    #[error("the recording holds no events; check the symbol and the period")]
    Empty,
    /// More events than an index can address.
    #[error("the recording holds more than {} events; split the period", u32::MAX)]
    TooLarge,
}

#[derive(Clone, Copy, Debug)]
enum Body {
    Depth { instrument: InstrumentId, kind: DepthKind, sequence: Sequence, from: u32, to: u32 },
    Trade(Trade),
    Bar(Bar),
}

#[derive(Clone, Copy, Debug)]
struct Row {
    stamp: Stamp,
    body: Body,
}

/// Collects events in any order of instruments; each instrument's depth messages in the order they were received.
#[derive(Clone, Debug, Default)]
pub struct RecordingBuilder {
    rows: Vec<Row>,
    changes: Vec<LevelChange>,
}

impl RecordingBuilder {
    /// An empty recording.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one depth message.
    ///
    /// # Errors
    /// [`RecordingError::TooLarge`].
    pub fn depth(&mut self, stamp: Stamp, update: &DepthUpdate<'_>) -> Result<(), RecordingError> {
        let from = u32::try_from(self.changes.len()).map_err(|_| RecordingError::TooLarge)?;
        self.changes.extend_from_slice(update.changes);
        let to = u32::try_from(self.changes.len()).map_err(|_| RecordingError::TooLarge)?;
        let body = Body::Depth { instrument: update.instrument, kind: update.kind, sequence: update.sequence, from, to };
        self.rows.push(Row { stamp, body });
        Ok(())
    }

    /// Adds one public trade.
    pub fn trade(&mut self, stamp: Stamp, trade: Trade) {
        self.rows.push(Row { stamp, body: Body::Trade(trade) });
    }

    /// Adds one closed bar, stamped with its close on both clocks.
    pub fn bar(&mut self, close: Timestamp, bar: Bar) {
        self.rows.push(Row { stamp: Stamp { ts_venue: close, ts_local: close }, body: Body::Bar(bar) });
    }

    /// Orders the events on both clocks and hashes them.
    ///
    /// # Errors
    /// [`RecordingError::Empty`], [`RecordingError::NegativeLatency`], [`RecordingError::TooLarge`].
    pub fn finish(self) -> Result<Recording, RecordingError> {
        let Self { mut rows, changes } = self;
        if rows.is_empty() {
            return Err(RecordingError::Empty);
        }
        let count = u32::try_from(rows.len()).map_err(|_| RecordingError::TooLarge)?;
        rows.sort_by_key(|row| row.stamp.ts_local);
        let late = |row: &Row| row.stamp.ts_venue > row.stamp.ts_local;
        if let Some(first) = rows.iter().position(late) {
            let worst_ns = rows.iter().map(|r| r.stamp.ts_venue.since(r.stamp.ts_local).0).max().unwrap_or(0);
            return Err(RecordingError::NegativeLatency { count: rows.iter().filter(|r| late(r)).count(), worst_ns, first });
        }
        keep_depth_in_order(&mut rows);
        let mut venue_order: Vec<u32> = (0..count).collect();
        venue_order.sort_by_key(|i| rows[*i as usize].stamp.ts_venue);
        let hash = content_hash(&rows, &changes);
        Ok(Recording { rows, changes, venue_order, hash })
    }
}

/// A venue applies its own depth messages in the order it numbered them; a REST snapshot without a venue time is placed by the
/// messages around it. So within one instrument's depth, venue time never runs backwards.
fn keep_depth_in_order(rows: &mut [Row]) {
    let mut latest: Vec<Timestamp> = Vec::new();
    for row in rows {
        if let Body::Depth { instrument, .. } = row.body {
            if latest.len() <= instrument.index() {
                latest.resize(instrument.index() + 1, Timestamp(i64::MIN));
            }
            let seen = &mut latest[instrument.index()];
            row.stamp.ts_venue = row.stamp.ts_venue.max(*seen);
            *seen = row.stamp.ts_venue;
        }
    }
}

fn content_hash(rows: &[Row], changes: &[LevelChange]) -> StateHash {
    let mut digest = StateDigest::new();
    let mut bytes = Vec::with_capacity(rows.len() * 64);
    let mut put = |values: &[i64]| values.iter().for_each(|v| bytes.extend_from_slice(&v.to_le_bytes()));
    for row in rows {
        put(&[row.stamp.ts_venue.0, row.stamp.ts_local.0]);
        match row.body {
            Body::Depth { instrument, kind, sequence, from, to } => {
                put(&[
                    0,
                    i64::from(instrument.0),
                    i64::from(kind == DepthKind::Snapshot),
                    sequence.first.cast_signed(),
                    sequence.last.cast_signed(),
                ]);
                put(&[sequence.previous.map_or(-1, u64::cast_signed), i64::from(to - from)]);
                for change in &changes[from as usize..to as usize] {
                    put(&[change.side.sign(), change.price.0, change.qty.0]);
                }
            }
            Body::Trade(t) => put(&[1, i64::from(t.instrument.0), t.price.0, t.qty.0, t.aggressor.sign()]),
            Body::Bar(b) => {
                put(&[2, i64::from(b.instrument.0), b.open_ts.0, b.open.0, b.high.0, b.low.0, b.close.0, b.volume.0]);
            }
        }
    }
    digest.bytes(&bytes).finish()
}

/// Market data of a run; see the module.
#[derive(Clone, Debug)]
pub struct Recording {
    rows: Vec<Row>,
    changes: Vec<LevelChange>,
    venue_order: Vec<u32>,
    hash: StateHash,
}

impl Recording {
    /// How many events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Never true: an empty recording is refused when it is made.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Hash of the content: names the data in a journal.
    #[must_use]
    pub const fn hash(&self) -> StateHash {
        self.hash
    }

    /// Level changes in all depth messages together.
    #[must_use]
    pub fn level_changes(&self) -> usize {
        self.changes.len()
    }

    /// When event `index` reached us, in that order.
    #[inline]
    pub(crate) fn local_at(&self, index: usize) -> Option<Timestamp> {
        self.rows.get(index).map(|row| row.stamp.ts_local)
    }

    /// When the venue made event `index`, in that order.
    #[inline]
    pub(crate) fn venue_at(&self, index: usize) -> Option<Timestamp> {
        self.venue_order.get(index).and_then(|i| self.rows.get(*i as usize)).map(|row| row.stamp.ts_venue)
    }

    /// Event `index` in the order in which it reached us.
    #[inline]
    #[must_use]
    pub fn local(&self, index: usize) -> Option<(Stamp, MarketEvent<'_>)> {
        self.rows.get(index).map(|row| (row.stamp, self.event(row)))
    }

    /// Event `index` in the order in which the venue made it.
    #[inline]
    #[must_use]
    pub fn venue(&self, index: usize) -> Option<(Stamp, MarketEvent<'_>)> {
        self.venue_order.get(index).and_then(|i| self.local(*i as usize))
    }

    #[inline]
    fn event(&self, row: &Row) -> MarketEvent<'_> {
        match row.body {
            Body::Depth { instrument, kind, sequence, from, to } => {
                MarketEvent::Depth(DepthUpdate { instrument, kind, sequence, changes: &self.changes[from as usize..to as usize] })
            }
            Body::Trade(trade) => MarketEvent::Trade(trade),
            Body::Bar(bar) => MarketEvent::Bar(bar),
        }
    }
}

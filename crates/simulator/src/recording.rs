//! Market data of a run, in integers, on both clocks.
//!
//! The venue saw an event at `ts_venue`, we saw it at `ts_local`; an exchange replays in the one order, the engine in the
//! other. A recording in which we see an event before the venue made it is refused: its recorder's clock was off, and the
//! catalog entry must carry the correction. The content hash names the data in a journal instead of copying it.
//!
//! A day of trades is millions of rows, so a row says only when and where to look, each kind lies in a table of its own, and
//! what is the same for all (one clock, one order) is not kept.

use std::collections::BTreeMap;
use tradewind_types::{
    Bar, DepthKind, DepthUpdate, InstrumentId, LevelChange, Mark, MarketEvent, Price, Qty, Quote, Sequence, Side, Stamp, StateDigest,
    StateHash, Timestamp, Trade, TradeId,
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

/// What happened, by its place in the table of its kind.
#[derive(Clone, Copy, Debug)]
enum Body {
    Depth(u32),
    Trade(u32),
    Quote(u32),
    Bar(u32),
    Mark(u32),
}

#[derive(Clone, Copy, Debug)]
struct Row {
    ts_local: Timestamp,
    body: Body,
}

#[derive(Clone, Copy, Debug)]
struct DepthRow {
    instrument: InstrumentId,
    kind: DepthKind,
    sequence: Sequence,
    from: u32,
    to: u32,
}

/// A trade with the lower half of its id; the other is nothing on most venues, and kept apart.
#[derive(Clone, Copy, Debug)]
struct TradeRow {
    instrument: InstrumentId,
    aggressor: Side,
    id_low: u64,
    price: Price,
    qty: Qty,
}

#[derive(Clone, Debug, Default)]
struct Tables {
    depth: Vec<DepthRow>,
    changes: Vec<LevelChange>,
    trades: Vec<TradeRow>,
    /// Upper halves of trade ids, where they are not zero.
    ids_high: BTreeMap<u32, u64>,
    quotes: Vec<Quote>,
    bars: Vec<Bar>,
    marks: Vec<Mark>,
}

/// The venue's times; none while all are our own.
#[derive(Clone, Debug, Default)]
struct VenueTimes(Vec<Timestamp>);

impl VenueTimes {
    fn push(&mut self, rows: &[Row], stamp: Stamp) {
        if self.0.is_empty() {
            if stamp.ts_venue == stamp.ts_local {
                return;
            }
            self.0.extend(rows.iter().map(|row| row.ts_local));
        }
        self.0.push(stamp.ts_venue);
    }

    #[inline]
    fn at(&self, index: usize, row: &Row) -> Timestamp {
        self.0.get(index).copied().unwrap_or(row.ts_local)
    }
}

/// Collects events in any order of instruments; each instrument's depth messages in the order they were received.
#[derive(Clone, Debug, Default)]
pub struct RecordingBuilder {
    rows: Vec<Row>,
    venue_times: VenueTimes,
    tables: Tables,
}

impl RecordingBuilder {
    /// An empty recording.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes memory for so many more trades at once.
    pub fn expect_trades(&mut self, count: usize) {
        self.rows.reserve_exact(count);
        self.tables.trades.reserve_exact(count);
    }

    fn row(&mut self, stamp: Stamp, body: Body) {
        self.venue_times.push(&self.rows, stamp);
        self.rows.push(Row { ts_local: stamp.ts_local, body });
    }

    /// Adds one depth message.
    ///
    /// # Errors
    /// [`RecordingError::TooLarge`].
    pub fn depth(&mut self, stamp: Stamp, update: &DepthUpdate<'_>) -> Result<(), RecordingError> {
        let from = place(&self.tables.changes)?;
        self.tables.changes.extend_from_slice(update.changes);
        let to = place(&self.tables.changes)?;
        let body = Body::Depth(place(&self.tables.depth)?);
        let DepthUpdate { instrument, kind, sequence, .. } = *update;
        self.tables.depth.push(DepthRow { instrument, kind, sequence, from, to });
        self.row(stamp, body);
        Ok(())
    }

    /// Adds one public trade.
    pub fn trade(&mut self, stamp: Stamp, trade: Trade) {
        let index = next(&self.tables.trades);
        let Trade { instrument, trade: TradeId(id), price, qty, aggressor } = trade;
        // Each half has 64 bits.
        let (id_high, id_low) = ((id >> 64) as u64, id as u64);
        if id_high != 0 {
            self.tables.ids_high.insert(index, id_high);
        }
        self.tables.trades.push(TradeRow { instrument, aggressor, id_low, price, qty });
        self.row(stamp, Body::Trade(index));
    }

    /// Adds one change of the best bid and ask.
    pub fn quote(&mut self, stamp: Stamp, quote: Quote) {
        let body = Body::Quote(next(&self.tables.quotes));
        self.tables.quotes.push(quote);
        self.row(stamp, body);
    }

    /// Adds one closed bar, stamped with its close on both clocks.
    pub fn bar(&mut self, close: Timestamp, bar: Bar) {
        let body = Body::Bar(next(&self.tables.bars));
        self.tables.bars.push(bar);
        self.row(Stamp { ts_venue: close, ts_local: close }, body);
    }

    /// Adds one mark price with its funding.
    pub fn mark(&mut self, stamp: Stamp, mark: Mark) {
        let body = Body::Mark(next(&self.tables.marks));
        self.tables.marks.push(mark);
        self.row(stamp, body);
    }

    /// Orders the events on both clocks and hashes them.
    ///
    /// # Errors
    /// [`RecordingError::Empty`], [`RecordingError::NegativeLatency`], [`RecordingError::TooLarge`].
    pub fn finish(self) -> Result<Recording, RecordingError> {
        let Self { mut rows, mut venue_times, mut tables } = self;
        if rows.is_empty() {
            return Err(RecordingError::Empty);
        }
        let count = place(&rows)?;
        if !rows.is_sorted_by_key(|row| row.ts_local) {
            let mut order: Vec<u32> = (0..count).collect();
            order.sort_by_key(|i| rows[*i as usize].ts_local);
            if !venue_times.0.is_empty() {
                venue_times.0 = order.iter().map(|i| venue_times.0[*i as usize]).collect();
            }
            rows = order.iter().map(|i| rows[*i as usize]).collect();
        }
        let lead = |(i, row): (usize, &Row)| venue_times.at(i, row).since(row.ts_local).0;
        if let Some(first) = rows.iter().enumerate().position(|row| lead(row) > 0) {
            let worst_ns = rows.iter().enumerate().map(lead).max().unwrap_or(0);
            let count = rows.iter().enumerate().filter(|row| lead(*row) > 0).count();
            return Err(RecordingError::NegativeLatency { count, worst_ns, first });
        }
        keep_depth_in_order(&rows, &mut venue_times, &tables);
        let venue_order = venue_order(count, &venue_times);
        tables.depth.shrink_to_fit();
        tables.changes.shrink_to_fit();
        let mut recording = Recording { rows, venue_times, tables, venue_order, hash: StateHash::default() };
        recording.hash = recording.content_hash();
        Ok(recording)
    }
}

/// Where the next one of a table will stand. A table that has wrapped around has more rows than [`place`] lets a recording have.
fn next<T>(table: &[T]) -> u32 {
    table.len() as u32
}

/// Where the next one of a table will stand, if an index can say it.
fn place<T>(table: &[T]) -> Result<u32, RecordingError> {
    u32::try_from(table.len()).map_err(|_| RecordingError::TooLarge)
}

/// The order in which the venue made the events; none where it is ours.
fn venue_order(count: u32, venue_times: &VenueTimes) -> Option<Vec<u32>> {
    if venue_times.0.is_sorted() {
        return None;
    }
    let mut order: Vec<u32> = (0..count).collect();
    order.sort_by_key(|i| venue_times.0[*i as usize]);
    Some(order)
}

/// A venue applies its own depth messages in the order it numbered them; a REST snapshot without a venue time is placed by the
/// messages around it. So within one instrument's depth, venue time never runs backwards.
fn keep_depth_in_order(rows: &[Row], venue_times: &mut VenueTimes, tables: &Tables) {
    let mut latest: Vec<Timestamp> = Vec::new();
    for (row, at) in rows.iter().zip(&mut venue_times.0) {
        if let Body::Depth(index) = row.body {
            let instrument = tables.depth[index as usize].instrument.index();
            if latest.len() <= instrument {
                latest.resize(instrument + 1, Timestamp(i64::MIN));
            }
            *at = latest[instrument].max(*at);
            latest[instrument] = *at;
        }
    }
}

/// Market data of a run; see the module.
#[derive(Clone, Debug)]
pub struct Recording {
    rows: Vec<Row>,
    venue_times: VenueTimes,
    tables: Tables,
    venue_order: Option<Vec<u32>>,
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
        self.tables.changes.len()
    }

    /// When event `index` reached us, in that order.
    #[inline]
    pub(crate) fn local_at(&self, index: usize) -> Option<Timestamp> {
        self.rows.get(index).map(|row| row.ts_local)
    }

    /// When the venue made event `index`, in that order.
    #[inline]
    pub(crate) fn venue_at(&self, index: usize) -> Option<Timestamp> {
        let index = self.venue_index(index)?;
        self.rows.get(index).map(|row| self.venue_times.at(index, row))
    }

    /// Event `index` in the order in which it reached us.
    #[inline]
    #[must_use]
    pub fn local(&self, index: usize) -> Option<(Stamp, MarketEvent<'_>)> {
        let row = self.rows.get(index)?;
        Some((Stamp { ts_venue: self.venue_times.at(index, row), ts_local: row.ts_local }, self.event(row)))
    }

    /// Event `index` in the order in which the venue made it.
    #[inline]
    #[must_use]
    pub fn venue(&self, index: usize) -> Option<(Stamp, MarketEvent<'_>)> {
        self.local(self.venue_index(index)?)
    }

    #[inline]
    fn venue_index(&self, index: usize) -> Option<usize> {
        match &self.venue_order {
            None => Some(index),
            Some(order) => order.get(index).map(|i| *i as usize),
        }
    }

    #[inline]
    fn event(&self, row: &Row) -> MarketEvent<'_> {
        match row.body {
            Body::Depth(index) => {
                let DepthRow { instrument, kind, sequence, from, to } = self.tables.depth[index as usize];
                MarketEvent::Depth(DepthUpdate { instrument, kind, sequence, changes: &self.tables.changes[from as usize..to as usize] })
            }
            Body::Trade(index) => {
                let TradeRow { instrument, aggressor, id_low, price, qty } = self.tables.trades[index as usize];
                let high = if self.tables.ids_high.is_empty() { None } else { self.tables.ids_high.get(&index) };
                let trade = TradeId(u128::from(high.copied().unwrap_or(0)) << 64 | u128::from(id_low));
                MarketEvent::Trade(Trade { instrument, trade, price, qty, aggressor })
            }
            Body::Quote(index) => MarketEvent::Quote(self.tables.quotes[index as usize]),
            Body::Bar(index) => MarketEvent::Bar(self.tables.bars[index as usize]),
            Body::Mark(index) => MarketEvent::Mark(self.tables.marks[index as usize]),
        }
    }

    /// The same events, reaching us when `arrival` says (of an instrument's event made at a venue time; none: as recorded). It has
    /// the hash of the recording that it comes from: that names the data, and a setup says how the data travels.
    pub(crate) fn arriving(&self, mut arrival: impl FnMut(InstrumentId, Timestamp) -> Option<Timestamp>) -> Self {
        let mut rows: Vec<(Timestamp, Row)> = Vec::with_capacity(self.rows.len());
        for index in 0..self.rows.len() {
            let Some(row) = self.venue_index(index).and_then(|i| Some((i, self.rows.get(i)?))) else { continue };
            let ts_venue = self.venue_times.at(row.0, row.1);
            let ts_local = arrival(self.event(row.1).instrument(), ts_venue).unwrap_or(row.1.ts_local);
            rows.push((ts_venue, Row { ts_local, body: row.1.body }));
        }
        rows.sort_by_key(|(_, row)| row.ts_local);
        let venue_times = VenueTimes(rows.iter().map(|(ts_venue, _)| *ts_venue).collect());
        let rows: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();
        // As many as there were.
        let venue_order = venue_order(rows.len() as u32, &venue_times);
        Self { rows, venue_times, tables: self.tables.clone(), venue_order, hash: self.hash }
    }

    fn content_hash(&self) -> StateHash {
        let fields = |row: &Row| match row.body {
            Body::Depth(index) => {
                let row = &self.tables.depth[index as usize];
                9 + 3 * (row.to - row.from) as usize
            }
            Body::Trade(_) => 7,
            Body::Quote(_) => 8,
            Body::Bar(_) => 10,
            Body::Mark(_) => 8,
        };
        let mut digest = StateDigest::new();
        digest.unsigned(self.rows.iter().map(|row| fields(row) as u64 * 8).sum());
        for index in 0..self.len() {
            if let Some((stamp, event)) = self.local(index) {
                put_event(&mut digest, stamp, &event);
            }
        }
        digest.finish()
    }
}

fn put_event(digest: &mut StateDigest, stamp: Stamp, event: &MarketEvent<'_>) {
    let mut put = |values: &[i64]| {
        for value in values {
            digest.signed(*value);
        }
    };
    put(&[stamp.ts_venue.0, stamp.ts_local.0]);
    match event {
        MarketEvent::Depth(d) => {
            let (sequence, is_snapshot) = (d.sequence, i64::from(d.kind == DepthKind::Snapshot));
            put(&[0, i64::from(d.instrument.0), is_snapshot, sequence.first.cast_signed(), sequence.last.cast_signed()]);
            // As many changes as an index can address.
            put(&[sequence.previous.map_or(-1, u64::cast_signed), d.changes.len() as i64]);
            for change in d.changes {
                put(&[change.side.sign(), change.price.0, change.qty.0]);
            }
        }
        MarketEvent::Trade(t) => put(&[1, i64::from(t.instrument.0), t.price.0, t.qty.0, t.aggressor.sign()]),
        MarketEvent::Bar(b) => put(&[2, i64::from(b.instrument.0), b.open_ts.0, b.open.0, b.high.0, b.low.0, b.close.0, b.volume.0]),
        MarketEvent::Quote(q) => put(&[3, i64::from(q.instrument.0), q.bid.0, q.bid_qty.0, q.ask.0, q.ask_qty.0]),
        MarketEvent::Mark(m) => put(&[4, i64::from(m.instrument.0), m.mark.0, m.index.0, m.funding_rate.0, m.next_funding.0]),
    }
}

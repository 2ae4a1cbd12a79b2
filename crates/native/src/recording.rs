//! Market data from Arrow into integers, and books replayed against what the venue said.

use crate::columns::{Columns, int64s, table};
use arrow_array::Array;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3_arrow::PyTable;
use std::ops::Range;
use std::sync::Arc;
use tradewind_book::{Applied, L2Book, SequenceRule};
use tradewind_simulator::{Recording, RecordingBuilder, RecordingError};
use tradewind_types::{
    Bar, DepthKind, DepthUpdate, InstrumentId, LevelChange, Price, Qty, Quote, Sequence, Side, Stamp, Timestamp, Trade, TradeId,
};

fn refused(error: &RecordingError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// Market data of a run, in integers, ordered on both clocks.
#[pyclass(name = "Recording", module = "tradewind._native", frozen)]
pub(crate) struct PyRecording {
    pub(crate) inner: Arc<Recording>,
}

#[pymethods]
impl PyRecording {
    /// Closed bars: `ts_ns` (close), `open_ts_ns`, `instrument`, `open`, `high`, `low`, `close` (ticks), `volume` (lots); int64.
    #[staticmethod]
    fn bars(py: Python<'_>, bars: PyTable) -> PyResult<Self> {
        let (batches, _) = bars.into_inner();
        py.detach(|| {
            let mut builder = RecordingBuilder::new();
            for batch in &batches {
                add_bars(&mut builder, &Columns::of(batch))?;
            }
            Ok(Self { inner: Arc::new(builder.finish().map_err(|e| refused(&e))?) })
        })
    }

    /// Trades of one instrument, table by table: an iterator that makes each as it is asked for never has all in memory. Columns
    /// as in `depth_and_trades`. expected: how many trades there will be.
    #[staticmethod]
    fn trades(py: Python<'_>, tables: &Bound<'_, PyAny>, expected: usize) -> PyResult<Self> {
        let mut builder = RecordingBuilder::new();
        builder.expect_trades(expected);
        for table in tables.try_iter()? {
            for batch in table?.extract::<PyTable>()?.batches() {
                add_trades(&mut builder, &Columns::of(batch), InstrumentId(0))?;
            }
        }
        Ok(Self { inner: Arc::new(py.detach(|| builder.finish()).map_err(|e| refused(&e))?) })
    }

    /// Best bid and ask of one instrument: `ts_ns` (venue), `recv_ns` (ours), `bid_ticks`, `bid_lots`, `ask_ticks`, `ask_lots`; int64.
    #[staticmethod]
    fn quotes(py: Python<'_>, quotes: PyTable) -> PyResult<Self> {
        let (batches, _) = quotes.into_inner();
        py.detach(|| {
            let mut builder = RecordingBuilder::new();
            for batch in &batches {
                add_quotes(&mut builder, &Columns::of(batch), InstrumentId(0))?;
            }
            Ok(Self { inner: Arc::new(builder.finish().map_err(|e| refused(&e))?) })
        })
    }

    /// Depth and trades of instruments 0, 1, …: one (depth, trades) pair each. Clocks already corrected.
    ///
    /// depth: `ts_ns` (venue), `recv_ns` (ours), `msg`, `first_id`, `last_id`, `prev_id` (null or -1: none), `is_snapshot`,
    /// `side` (int8, 0 bid, 1 ask), `price_ticks`, `size_lots`; rows of one `msg` are one message.
    /// trades: `ts_ns`, `recv_ns`, `trade_id`, `price_ticks`, `size_lots`, `aggressor` (int8, 0 buy, 1 sell).
    #[staticmethod]
    fn depth_and_trades(py: Python<'_>, samples: Vec<(PyTable, PyTable)>) -> PyResult<Self> {
        let samples: Vec<_> = samples.into_iter().map(|(d, t)| (d.into_inner().0, t.into_inner().0)).collect();
        py.detach(|| {
            let mut builder = RecordingBuilder::new();
            for (instrument, (depth, trades)) in (0u32..).map(InstrumentId).zip(&samples) {
                for batch in depth {
                    for_each_message(&Columns::of(batch), instrument, |stamp, update| {
                        builder.depth(stamp, update).map_err(|e| refused(&e))
                    })?;
                }
                for batch in trades {
                    add_trades(&mut builder, &Columns::of(batch), instrument)?;
                }
            }
            Ok(Self { inner: Arc::new(builder.finish().map_err(|e| refused(&e))?) })
        })
    }

    /// Hash of the content, hex.
    #[getter]
    fn content_hash(&self) -> String {
        self.inner.hash().to_string()
    }

    /// Level changes in all depth messages together.
    #[getter]
    fn level_changes(&self) -> usize {
        self.inner.level_changes()
    }

    /// First and last time at which we saw an event, ns.
    #[getter]
    fn span_ns(&self) -> (i64, i64) {
        let at = |index| self.inner.local(index).map_or(0, |(stamp, _)| stamp.ts_local.0);
        (at(0), at(self.inner.len() - 1))
    }

    fn __len__(&self) -> usize {
        self.inner.len()
    }
}

fn add_bars(builder: &mut RecordingBuilder, columns: &Columns<'_>) -> PyResult<()> {
    let names = ["ts_ns", "open_ts_ns", "instrument", "open", "high", "low", "close", "volume"];
    let [ts, open_ts, instrument, open, high, low, close, volume] = fetch(columns, names)?;
    for i in 0..columns.rows() {
        let id = u32::try_from(instrument[i]).map_err(|_| PyValueError::new_err(format!("instrument {} in row {i}", instrument[i])))?;
        let bar = Bar {
            instrument: InstrumentId(id),
            open_ts: Timestamp(open_ts[i]),
            open: Price(open[i]),
            high: Price(high[i]),
            low: Price(low[i]),
            close: Price(close[i]),
            volume: Qty(volume[i]),
        };
        builder.bar(Timestamp(ts[i]), bar);
    }
    Ok(())
}

fn add_trades(builder: &mut RecordingBuilder, columns: &Columns<'_>, instrument: InstrumentId) -> PyResult<()> {
    let [ts, recv, trade, price, size] = fetch(columns, ["ts_ns", "recv_ns", "trade_id", "price_ticks", "size_lots"])?;
    let aggressor = columns.full_int8("aggressor")?;
    for i in 0..columns.rows() {
        let stamp = Stamp { ts_venue: Timestamp(ts[i]), ts_local: Timestamp(recv[i]) };
        let aggressor = side(aggressor[i], i)?;
        builder.trade(
            stamp,
            Trade { instrument, trade: TradeId(trade[i].cast_unsigned().into()), price: Price(price[i]), qty: Qty(size[i]), aggressor },
        );
    }
    Ok(())
}

fn add_quotes(builder: &mut RecordingBuilder, columns: &Columns<'_>, instrument: InstrumentId) -> PyResult<()> {
    let names = ["ts_ns", "recv_ns", "bid_ticks", "bid_lots", "ask_ticks", "ask_lots"];
    let [ts, recv, bid, bid_lots, ask, ask_lots] = fetch(columns, names)?;
    for i in 0..columns.rows() {
        let stamp = Stamp { ts_venue: Timestamp(ts[i]), ts_local: Timestamp(recv[i]) };
        let (bid, ask) = (Price(bid[i]), Price(ask[i]));
        builder.quote(stamp, Quote { instrument, bid, bid_qty: Qty(bid_lots[i]), ask, ask_qty: Qty(ask_lots[i]) });
    }
    Ok(())
}

pub(crate) fn fetch<'a, const N: usize>(columns: &Columns<'a>, names: [&str; N]) -> PyResult<[&'a [i64]; N]> {
    let mut out = [[].as_slice(); N];
    for (slot, name) in out.iter_mut().zip(names) {
        *slot = columns.full_int64(name)?;
    }
    Ok(out)
}

pub(crate) fn side(code: i8, row: usize) -> PyResult<Side> {
    match code {
        0 => Ok(Side::Buy),
        1 => Ok(Side::Sell),
        other => Err(PyValueError::new_err(format!("side {other} in row {row}; 0 is buy or bid, 1 is sell or ask"))),
    }
}

/// Gives each depth message once, in row order.
pub(crate) fn for_each_message(
    columns: &Columns<'_>,
    instrument: InstrumentId,
    mut each: impl FnMut(Stamp, &DepthUpdate<'_>) -> PyResult<()>,
) -> PyResult<()> {
    let names = ["ts_ns", "recv_ns", "msg", "first_id", "last_id", "price_ticks", "size_lots"];
    let [ts, recv, message, first, last, price, size] = fetch(columns, names)?;
    let (previous, snapshot, sides) = (columns.int64("prev_id")?, columns.boolean("is_snapshot")?, columns.full_int8("side")?);
    let mut changes: Vec<LevelChange> = Vec::new();
    for rows in runs(message) {
        changes.clear();
        for i in rows.clone() {
            changes.push(LevelChange { side: side(sides[i], i)?, price: Price(price[i]), qty: Qty(size[i]) });
        }
        let i = rows.start;
        let previous = (previous.is_valid(i) && previous.value(i) >= 0).then(|| previous.value(i).cast_unsigned());
        let sequence = Sequence { first: first[i].cast_unsigned(), last: last[i].cast_unsigned(), previous };
        let kind = if snapshot.value(i) { DepthKind::Snapshot } else { DepthKind::Delta };
        let stamp = Stamp { ts_venue: Timestamp(ts[i]), ts_local: Timestamp(recv[i]) };
        each(stamp, &DepthUpdate { instrument, kind, sequence, changes: &changes })?;
    }
    Ok(())
}

/// Ranges of equal neighbours.
fn runs(keys: &[i64]) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let key = *keys.get(start)?;
        let end = keys[start..].iter().position(|k| *k != key).map_or(keys.len(), |n| start + n);
        let run = start..end;
        start = end;
        Some(run)
    })
}

/// The sequence rule of a venue's depth by its name in a setup.
pub(crate) fn rule_named(name: &str) -> PyResult<SequenceRule> {
    match name {
        "binance_spot" => Ok(SequenceRule::BinanceSpot),
        "binance_futures" => Ok(SequenceRule::BinanceFutures),
        "unchecked" => Ok(SequenceRule::Unchecked),
        other => Err(PyValueError::new_err(format!("no sequence rule `{other}`; one of binance_spot, binance_futures, unchecked"))),
    }
}

/// Replays depth messages into a book and tells the touch after each: `last_id`, `bid`, `bid_lots`, `ask`, `ask_lots` (ticks and lots),
/// `first_id`. Messages that leave the book without a touch give no row.
///
/// Returns (touches, messages, applied, ignored, invalid).
#[pyfunction]
pub(crate) fn replay_book(py: Python<'_>, depth: PyTable, rule: &str) -> PyResult<(PyTable, usize, usize, usize, usize)> {
    let rule = rule_named(rule)?;
    let (batches, _) = depth.into_inner();
    let mut rows: Vec<[i64; 6]> = Vec::new();
    let (mut messages, mut applied, mut ignored, mut invalid) = (0, 0, 0, 0);
    py.detach(|| -> PyResult<()> {
        let mut book = L2Book::new(InstrumentId(0), rule);
        for batch in &batches {
            for_each_message(&Columns::of(batch), InstrumentId(0), |_, update| {
                messages += 1;
                match book.apply(update) {
                    Applied::Changed | Applied::Restored => applied += 1,
                    Applied::Ignored => ignored += 1,
                    Applied::Buffered => {}
                    Applied::Invalid(_) => invalid += 1,
                }
                if let (Some(bid), Some(ask)) = (book.best_bid(), book.best_ask()) {
                    let last = book.last_update_id().unwrap_or(update.sequence.last);
                    let ids = [last, update.sequence.first].map(u64::cast_signed);
                    rows.push([ids[0], bid.price.0, bid.qty.0, ask.price.0, ask.qty.0, ids[1]]);
                }
                Ok(())
            })?;
        }
        Ok(())
    })?;
    let column = |k: usize| int64s(rows.iter().map(|r| r[k]));
    let names = ["last_id", "bid", "bid_lots", "ask", "ask_lots", "first_id"];
    let touches = table(names.into_iter().enumerate().map(|(k, name)| (name, column(k))).collect())?;
    Ok((touches, messages, applied, ignored, invalid))
}

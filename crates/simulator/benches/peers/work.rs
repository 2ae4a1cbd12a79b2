//! The shared work's market data and setup, as `benches/peers` wrote them: one `.npy` per column, and the setup's own words.

use std::fs;
use std::path::Path;
use tradewind_simulator::{Recording, RecordingBuilder, Setup};
use tradewind_types::{
    Bar, DepthKind, DepthUpdate, InstrumentId, LevelChange, Price, Qty, Quote, Sequence, Side, Stamp, Timestamp, Trade, TradeId,
};

pub(crate) type Failure = Box<dyn std::error::Error>;

const INSTRUMENT: InstrumentId = InstrumentId(0);
const MINUTE_NS: i64 = 60_000_000_000;
const DELETE: i64 = 3;
const CLEAR: i64 = 4;
const BID: i64 = 1;
const BUYER: i64 = 1;

/// A column of whole numbers, little-endian, of one or of eight bytes each.
fn column(folder: &Path, set: &str, name: &str) -> Result<Vec<i64>, Failure> {
    let path = folder.join(format!("{set}.{name}.npy"));
    let bytes = fs::read(&path).map_err(|error| format!("{}: {error}; benches/peers writes it", path.display()))?;
    let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let (description, data) = bytes[10..].split_at(header);
    let description = String::from_utf8_lossy(description);
    if description.contains("'<i8'") {
        let mut out = Vec::with_capacity(data.len() / 8);
        for chunk in data.chunks_exact(8) {
            out.push(i64::from_le_bytes(chunk.try_into()?));
        }
        return Ok(out);
    }
    if description.contains("'|i1'") || description.contains("'|u1'") {
        return Ok(data.iter().map(|byte| i64::from(*byte)).collect());
    }
    Err(format!("{}: {description} is no column of whole numbers", path.display()).into())
}

fn stamp(at: i64) -> Stamp {
    Stamp { ts_venue: Timestamp(at), ts_local: Timestamp(at) }
}

fn add_trades(builder: &mut RecordingBuilder, folder: &Path, set: &str) -> Result<(), Failure> {
    let [at, price, size, side] = ["ts", "price", "size", "side"].map(|name| column(folder, set, name));
    let (at, price, size, side) = (at?, price?, size?, side?);
    for i in 0..at.len() {
        let aggressor = if side[i] == BUYER { Side::Buy } else { Side::Sell };
        let trade = Trade { instrument: INSTRUMENT, trade: TradeId(i as u128), price: Price(price[i]), qty: Qty(size[i]), aggressor };
        builder.trade(stamp(at[i]), trade);
    }
    Ok(())
}

fn add_quotes(builder: &mut RecordingBuilder, folder: &Path, first: usize) -> Result<(), Failure> {
    let names = ["ts", "bid", "bid_size", "ask", "ask_size"];
    let [at, bid, bid_size, ask, ask_size] = names.map(|name| column(folder, "quotes", name));
    let (at, bid, bid_size, ask, ask_size) = (at?, bid?, bid_size?, ask?, ask_size?);
    for i in 0..at.len().min(first) {
        let (bid_qty, ask_qty) = (Qty(bid_size[i]), Qty(ask_size[i]));
        builder.quote(stamp(at[i]), Quote { instrument: INSTRUMENT, bid: Price(bid[i]), bid_qty, ask: Price(ask[i]), ask_qty });
    }
    Ok(())
}

fn add_bars(builder: &mut RecordingBuilder, folder: &Path) -> Result<(), Failure> {
    let names = ["ts", "open", "high", "low", "close", "volume"];
    let [at, open, high, low, close, volume] = names.map(|name| column(folder, "bars", name));
    let (at, open, high, low, close, volume) = (at?, open?, high?, low?, close?, volume?);
    for i in 0..at.len() {
        let bar = Bar {
            instrument: INSTRUMENT,
            open_ts: Timestamp(at[i] - MINUTE_NS),
            open: Price(open[i]),
            high: Price(high[i]),
            low: Price(low[i]),
            close: Price(close[i]),
            volume: Qty(volume[i]),
        };
        builder.bar(Timestamp(at[i]), bar);
    }
    Ok(())
}

fn add_depth(builder: &mut RecordingBuilder, folder: &Path) -> Result<(), Failure> {
    let names = ["ts", "action", "side", "price", "size", "seq"];
    let [at, action, side, price, size, message] = names.map(|name| column(folder, "depth", name));
    let (at, action, side, price, size, message) = (at?, action?, side?, price?, size?, message?);
    let (mut changes, mut start) = (Vec::new(), 0);
    while start < at.len() {
        changes.clear();
        let number = message[start];
        let end = message[start..].iter().position(|other| *other != number).map_or(at.len(), |n| start + n);
        for i in (start..end).filter(|i| action[*i] != CLEAR) {
            let qty = Qty(if action[i] == DELETE { 0 } else { size[i] });
            changes.push(LevelChange { side: if side[i] == BID { Side::Buy } else { Side::Sell }, price: Price(price[i]), qty });
        }
        let kind = if action[start] == CLEAR { DepthKind::Snapshot } else { DepthKind::Delta };
        let sequence = Sequence { first: number.cast_unsigned(), last: number.cast_unsigned(), previous: None };
        builder.depth(stamp(at[start]), &DepthUpdate { instrument: INSTRUMENT, kind, sequence, changes: &changes })?;
        start = end;
    }
    Ok(())
}

/// The recorded market of the grid, on both clocks; sides are 0 (bid, buy) and 1.
fn add_recorded(builder: &mut RecordingBuilder, folder: &Path) -> Result<(), Failure> {
    let side_of = |code: i64| if code == 0 { Side::Buy } else { Side::Sell };
    let both = |at: i64, recv: i64| Stamp { ts_venue: Timestamp(at), ts_local: Timestamp(recv) };
    let names = ["ts", "recv", "msg", "first_id", "last_id", "is_snapshot", "side", "price", "size"];
    let [at, recv, message, first, last, snapshot, side, price, size] = names.map(|name| column(folder, "grid_depth", name));
    let (at, recv, message, first, last) = (at?, recv?, message?, first?, last?);
    let (snapshot, side, price, size) = (snapshot?, side?, price?, size?);
    let (mut changes, mut start) = (Vec::new(), 0);
    while start < at.len() {
        changes.clear();
        let end = message[start..].iter().position(|other| *other != message[start]).map_or(at.len(), |n| start + n);
        changes.extend((start..end).map(|i| LevelChange { side: side_of(side[i]), price: Price(price[i]), qty: Qty(size[i]) }));
        let kind = if snapshot[start] == 1 { DepthKind::Snapshot } else { DepthKind::Delta };
        let sequence = Sequence { first: first[start].cast_unsigned(), last: last[start].cast_unsigned(), previous: None };
        builder.depth(both(at[start], recv[start]), &DepthUpdate { instrument: INSTRUMENT, kind, sequence, changes: &changes })?;
        start = end;
    }
    let names = ["ts", "recv", "trade_id", "price", "size", "side"];
    let [at, recv, id, price, size, side] = names.map(|name| column(folder, "grid_trades", name));
    let (at, recv, id, price, size, side) = (at?, recv?, id?, price?, size?, side?);
    for i in 0..at.len() {
        let trade = TradeId(u128::from(id[i].cast_unsigned()));
        let aggressor = side_of(side[i]);
        builder.trade(both(at[i], recv[i]), Trade { instrument: INSTRUMENT, trade, price: Price(price[i]), qty: Qty(size[i]), aggressor });
    }
    Ok(())
}

/// How many quotes F1 sees.
pub(crate) const ORDERS: usize = 100_000;

pub(crate) fn recording(work: &str, folder: &Path) -> Result<Recording, Failure> {
    let mut builder = RecordingBuilder::new();
    match work {
        "A2" => add_trades(&mut builder, folder, "trades")?,
        "B2" => add_quotes(&mut builder, folder, usize::MAX)?,
        "F1" => add_quotes(&mut builder, folder, ORDERS)?,
        "E" => add_bars(&mut builder, folder)?,
        "GRID" => add_recorded(&mut builder, folder)?,
        _ => {
            add_depth(&mut builder, folder)?;
            add_trades(&mut builder, folder, "depth_trades")?;
        }
    }
    Ok(builder.finish()?)
}

/// The setup that the Python side runs under.
pub(crate) fn setup(work: &str, folder: &Path) -> Result<Setup, Failure> {
    let path = folder.join(format!("{work}.setup.json"));
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}; benches/peers writes it", path.display()))?;
    Ok(serde_json::from_str(&text)?)
}

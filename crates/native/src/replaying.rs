//! Recorded books from Arrow into an emulated venue: valid by the venue's sequence rule, in the listing's own ticks and lots.

use crate::columns::Columns;
use crate::recording::{fetch, for_each_message, rule_named, side};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3_arrow::PyTable;
use tradewind_book::{Applied, L2Book};
use tradewind_emulator::emulator::Emulator;
use tradewind_emulator::house::{Category, Listing};
use tradewind_emulator::replay::{Recorded, Replay};
use tradewind_types::{AccountId, Decimal, DepthKind, InstrumentId, LevelChange, Nanos, Price, Qty, Side, Timestamp};

/// Accounts of recordings count from here.
const FIRST_OWNER: u32 = 1 << 29;

/// A recording for one listing: venue, market (`spot`, `linear`), symbol, sequence rule, tick and lot that its figures are in, depth
/// and trades as `Recording.depth_and_trades` takes them.
pub(crate) type RecordingFor = (String, String, String, String, String, String, PyTable, PyTable);

/// What one tick and one lot of a recording are in ticks and lots of the listing.
struct Grid {
    tick: i64,
    lot: i64,
}

impl Grid {
    fn new(listing: &Listing, tick: &str, lot: &str) -> PyResult<Self> {
        let terms = listing.instrument.terms();
        let steps = |text: &str, step: Decimal| {
            let value: Result<Decimal, _> = text.parse();
            let found = value.and_then(|value| value.in_steps_of(step));
            found.map_err(|error| {
                PyValueError::new_err(format!("the recording of {}: {error}, its step here; choose another recording", listing.symbol()))
            })
        };
        Ok(Self { tick: steps(tick, terms.tick)?, lot: steps(lot, terms.lot)? })
    }

    const fn level(&self, change: &LevelChange) -> LevelChange {
        LevelChange { side: change.side, price: Price(change.price.0 * self.tick), qty: Qty(change.qty.0 * self.lot) }
    }
}

/// Hands listings over to their recordings, which begin at `start`.
pub(crate) fn hand_over(emulator: &mut Emulator, recordings: Vec<RecordingFor>, start: Timestamp) -> PyResult<()> {
    for (number, (venue, market, symbol, rule, tick, lot, depth, trades)) in (0u32..).zip(recordings) {
        let category = if market == "spot" { Category::Spot } else { Category::Linear };
        let missing = || PyValueError::new_err(format!("{venue} lists no {market} {symbol} here; choose one that it lists"));
        let found = emulator.venues().enumerate().find(|(_, (at, _))| at.name() == venue);
        let (index, (_, house)) = found.ok_or_else(missing)?;
        let listing = house.find_listing(category, &symbol).ok_or_else(missing)?;
        let (id, grid) = (listing.id(), Grid::new(listing, &tick, &lot)?);
        let mut messages = depth_messages(&depth, &rule, &grid)?;
        let opening = messages.first().map_or(Timestamp(0), |(at, _)| *at);
        messages.extend(trade_messages(&trades, &grid)?.into_iter().filter(|(at, _)| *at >= opening));
        messages.sort_by_key(|(at, _)| *at);
        for (at, _) in &mut messages {
            *at = start.plus(at.since(opening)).plus(Nanos(1));
        }
        emulator.replay(index, Replay::new(id, AccountId(FIRST_OWNER + number), messages));
    }
    Ok(())
}

/// The whole book when it becomes valid, then what changes it.
fn depth_messages(depth: &PyTable, rule: &str, grid: &Grid) -> PyResult<Vec<(Timestamp, Recorded)>> {
    let mut book = L2Book::new(InstrumentId(0), rule_named(rule)?);
    let mut messages = Vec::new();
    for batch in depth.batches() {
        for_each_message(&Columns::of(batch), InstrumentId(0), |stamp, update| {
            let applied = book.apply(update);
            let whole = |side: Side| book.levels(side).map(move |level| LevelChange { side, price: level.price, qty: level.qty });
            let recorded = match (applied, update.kind) {
                (Applied::Restored, _) | (Applied::Changed, DepthKind::Snapshot) => {
                    Recorded::Snapshot(whole(Side::Buy).chain(whole(Side::Sell)).map(|level| grid.level(&level)).collect())
                }
                (Applied::Changed, DepthKind::Delta) => Recorded::Changes(update.changes.iter().map(|change| grid.level(change)).collect()),
                _ => return Ok(()),
            };
            messages.push((stamp.ts_local, recorded));
            Ok(())
        })?;
    }
    Ok(messages)
}

fn trade_messages(trades: &PyTable, grid: &Grid) -> PyResult<Vec<(Timestamp, Recorded)>> {
    let mut messages = Vec::new();
    for batch in trades.batches() {
        let columns = Columns::of(batch);
        let [recv, price, size] = fetch(&columns, ["recv_ns", "price_ticks", "size_lots"])?;
        let aggressors = columns.full_int8("aggressor")?;
        for row in 0..columns.rows() {
            let aggressor = side(aggressors[row], row)?;
            let (price, qty) = (Price(price[row] * grid.tick), Qty(size[row] * grid.lot));
            messages.push((Timestamp(recv[row]), Recorded::Trade { price, qty, aggressor }));
        }
    }
    Ok(messages)
}

//! Decoded depth messages into an [`L2Book`], snapshot included.
//!
//! Recorded depth comes as a file of little-endian `i64`, eight to a level change: message number, first, last and previous
//! update id (-1: none), 1 for a snapshot, side (0 bid, 1 ask), price in ticks, quantity in lots. Without a file the messages
//! are generated: a snapshot of a thousand levels a side, then deltas of thirty changes near a touch that wanders.

use crate::measure::{Evidence, Failure, Scale, row};
use crate::mix::Chance;
use std::hint::black_box;
use std::ops::Range;
use std::path::Path;
use tradewind_book::{Applied, L2Book, SequenceRule};
use tradewind_types::{DepthKind, DepthUpdate, InstrumentId, LevelChange, Price, Qty, Sequence, Side, StateDigest};

const FIELDS: usize = 8;
const INSTRUMENT: InstrumentId = InstrumentId(0);
const SEED: u64 = 2;

struct Message {
    kind: DepthKind,
    sequence: Sequence,
    changes: Range<usize>,
}

/// Messages, and the changes they refer to.
#[derive(Default)]
struct Depth {
    messages: Vec<Message>,
    changes: Vec<LevelChange>,
}

pub(crate) fn rows(scale: &Scale, recorded: Option<&Path>) -> Result<(), Failure> {
    let (name, depth) = match recorded {
        Some(path) => ("book_level_change_recorded", read(path)?),
        None => ("book_level_change_generated", generate(scale.messages)),
    };
    let prepare = || Ok(L2Book::new(INSTRUMENT, SequenceRule::BinanceFutures));
    let work = |mut book: L2Book| {
        let mut rejects = 0;
        for message in &depth.messages {
            let changes = &depth.changes[message.changes.clone()];
            let update = DepthUpdate { instrument: INSTRUMENT, kind: message.kind, sequence: message.sequence, changes };
            match book.apply(black_box(&update)) {
                Applied::Changed | Applied::Restored | Applied::Buffered => {}
                Applied::Ignored | Applied::Invalid(_) => rejects += 1,
            }
        }
        Ok((book, rejects))
    };
    let evidence = |(book, rejects): (L2Book, u64)| {
        let mut digest = StateDigest::new();
        book.digest(&mut digest);
        let ops = vec![("change", depth.changes.len() as u64), ("message", depth.messages.len() as u64)];
        Ok(Evidence { ops, rejects, fills: None, hash: digest.finish().to_string() })
    };
    row(scale, name, prepare, work, evidence)
}

fn read(path: &Path) -> Result<Depth, Failure> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (words, rest) = bytes.as_chunks::<8>();
    if !rest.is_empty() || words.len() % FIELDS != 0 || words.is_empty() {
        return Err(format!("{}: {} bytes are not rows of {FIELDS} i64; write it again", path.display(), bytes.len()).into());
    }
    let (mut depth, mut number) = (Depth::default(), None);
    for row in words.as_chunks::<FIELDS>().0 {
        let [message, first, last, previous, snapshot, side, price, qty] = row.map(i64::from_le_bytes);
        if number != Some(message) {
            number = Some(message);
            let sequence = Sequence {
                first: first.cast_unsigned(),
                last: last.cast_unsigned(),
                previous: (previous >= 0).then_some(previous.cast_unsigned()),
            };
            let kind = if snapshot == 1 { DepthKind::Snapshot } else { DepthKind::Delta };
            depth.begin(kind, sequence);
        }
        depth.add(if side == 0 { Side::Buy } else { Side::Sell }, price, qty);
    }
    Ok(depth)
}

fn generate(deltas: u64) -> Depth {
    let (mut depth, mut chance, mut mid) = (Depth::default(), Chance(SEED), 600_000);
    depth.begin(DepthKind::Snapshot, Sequence { first: 0, last: 0, previous: None });
    for away in 1..=1_000 {
        depth.add(Side::Buy, mid - away, 1_000);
        depth.add(Side::Sell, mid + away, 1_000);
    }
    for number in 1..=deltas {
        depth.begin(DepthKind::Delta, Sequence { first: number, last: number, previous: Some(number - 1) });
        // The touch moves by a tick, so the level it moves onto is taken away first.
        let step = chance.side();
        mid += step.sign();
        depth.add(step.opposite(), mid, 0);
        for _ in 0..30 {
            let side = chance.side();
            let qty = if chance.below(4) == 0 { 0 } else { 1 + chance.below(5_000).cast_signed() };
            depth.add(side, mid - side.sign() * (1 + chance.ticks_away()), qty);
        }
    }
    depth
}

impl Depth {
    fn begin(&mut self, kind: DepthKind, sequence: Sequence) {
        let at = self.changes.len();
        self.messages.push(Message { kind, sequence, changes: at..at });
    }

    fn add(&mut self, side: Side, price: i64, qty: i64) {
        self.changes.push(LevelChange { side, price: Price(price), qty: Qty(qty) });
        if let Some(message) = self.messages.last_mut() {
            message.changes.end = self.changes.len();
        }
    }
}

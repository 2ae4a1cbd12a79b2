//! The naive twin: a book in two trees that follows the venue's words line by line. Same messages, same answers.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::collections::BTreeMap;
use tradewind_book::{Applied, BookStatus, L2Book, Level, SequenceRule, Sweep};
use tradewind_types::{DepthKind, DepthUpdate, InstrumentId, InvalidBook, LevelChange, Price, Qty, Sequence, Side, StateDigest, StateHash};

const INSTRUMENT: InstrumentId = InstrumentId(3);

#[derive(Clone, Debug)]
struct Message {
    kind: DepthKind,
    sequence: Sequence,
    changes: Vec<LevelChange>,
}

impl Message {
    fn as_update(&self) -> DepthUpdate<'_> {
        DepthUpdate { instrument: INSTRUMENT, kind: self.kind, sequence: self.sequence, changes: &self.changes }
    }
}

struct NaiveBook {
    rule: SequenceRule,
    status: BookStatus,
    /// (last update id, whether a snapshot set it)
    last: Option<(u64, bool)>,
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
    waiting: Vec<Message>,
}

impl NaiveBook {
    fn new(rule: SequenceRule) -> Self {
        let status = BookStatus::Invalid(InvalidBook::NoSnapshot);
        Self { rule, status, last: None, bids: BTreeMap::new(), asks: BTreeMap::new(), waiting: Vec::new() }
    }

    fn fail(&mut self, reason: InvalidBook) -> Applied {
        self.bids.clear();
        self.asks.clear();
        (self.last, self.status) = (None, BookStatus::Invalid(reason));
        Applied::Invalid(reason)
    }

    fn set(&mut self, changes: &[LevelChange]) -> Result<(), InvalidBook> {
        for change in changes {
            if change.price.0 <= 0 || change.qty.0 < 0 {
                return Err(InvalidBook::BadLevel);
            }
            let side = if change.side == Side::Buy { &mut self.bids } else { &mut self.asks };
            side.remove(&change.price.0);
            if change.qty.0 > 0 {
                side.insert(change.price.0, change.qty.0);
            }
        }
        let (bid, ask) = (self.bids.keys().next_back(), self.asks.keys().next());
        if let (Some(bid), Some(ask)) = (bid, ask)
            && bid >= ask
        {
            Err(InvalidBook::Crossed)
        } else {
            Ok(())
        }
    }

    fn delta(&mut self, message: &Message) -> Applied {
        let Some((last, from_snapshot)) = self.last else { unreachable!("only called on a valid book") };
        let Sequence { first, last: newest, previous } = message.sequence;
        let numbered = self.rule != SequenceRule::Unchecked;
        if numbered && newest <= last {
            return Applied::Ignored;
        }
        let follows = match self.rule {
            SequenceRule::Bybit => first == last + 1,
            SequenceRule::Unchecked => true,
            SequenceRule::BinanceSpot => first <= last + 1,
            SequenceRule::BinanceFutures if from_snapshot => previous.is_some_and(|id| id <= last),
            SequenceRule::BinanceFutures => previous == Some(last),
        };
        if !follows {
            return self.fail(InvalidBook::SequenceGap);
        }
        match self.set(&message.changes) {
            Ok(()) => {
                self.last = Some((newest, false));
                Applied::Changed
            }
            Err(reason) => self.fail(reason),
        }
    }

    fn apply(&mut self, message: &Message) -> Applied {
        // Where snapshots come in between the deltas, in order, nothing waits for them and they are never late.
        let apart = matches!(self.rule, SequenceRule::BinanceSpot | SequenceRule::BinanceFutures);
        match (message.kind, self.last) {
            (DepthKind::Delta, None) if apart => {
                self.waiting.push(message.clone());
                Applied::Buffered
            }
            (DepthKind::Delta, None) => Applied::Ignored,
            (DepthKind::Delta, Some(_)) => {
                let applied = self.delta(message);
                if apart && applied == Applied::Invalid(InvalidBook::SequenceGap) {
                    self.waiting.push(message.clone());
                }
                applied
            }
            (DepthKind::Snapshot, Some((last, _))) if apart && message.sequence.last < last => Applied::Ignored,
            (DepthKind::Snapshot, before) => {
                self.bids.clear();
                self.asks.clear();
                if let Err(reason) = self.set(&message.changes) {
                    return self.fail(reason);
                }
                (self.last, self.status) = (Some((message.sequence.last, true)), BookStatus::Valid);
                while !self.waiting.is_empty() {
                    let next = self.waiting.remove(0);
                    let applied = self.delta(&next);
                    if applied == Applied::Invalid(InvalidBook::SequenceGap) {
                        self.waiting.insert(0, next);
                    }
                    if let Applied::Invalid(_) = applied {
                        return applied;
                    }
                }
                if before.is_some() { Applied::Changed } else { Applied::Restored }
            }
        }
    }

    fn levels(&self, side: Side) -> Vec<Level> {
        let level = |(price, qty): (&i64, &i64)| Level { price: Price(*price), qty: Qty(*qty) };
        match side {
            Side::Buy => self.bids.iter().rev().map(level).collect(),
            Side::Sell => self.asks.iter().map(level).collect(),
        }
    }

    fn sweep(&self, side: Side, qty: i64) -> Sweep {
        let (mut sweep, mut left) = (Sweep::default(), qty);
        for Level { price, qty } in self.levels(side.opposite()) {
            let take = left.min(qty.0);
            if take > 0 {
                left -= take;
                sweep = Sweep {
                    filled: Qty(sweep.filled.0 + take),
                    cost: sweep.cost + i128::from(price.0) * i128::from(take),
                    worst: Some(price),
                };
            }
        }
        sweep
    }

    /// The documented layout of a book's digest, written out a second time.
    fn digest(&self) -> StateHash {
        let mut digest = StateDigest::new();
        digest.unsigned(u64::from(INSTRUMENT.0));
        digest.unsigned(match self.status {
            BookStatus::Valid => 0,
            BookStatus::Invalid(InvalidBook::SequenceGap) => 1,
            BookStatus::Invalid(InvalidBook::Crossed) => 2,
            BookStatus::Invalid(InvalidBook::NoSnapshot) => 3,
            BookStatus::Invalid(InvalidBook::BadLevel) => 4,
            BookStatus::Invalid(InvalidBook::UnknownOrder) => 5,
            BookStatus::Invalid(InvalidBook::DuplicateOrder) => 6,
        });
        match self.last {
            None => digest.unsigned(0),
            Some((id, from_snapshot)) => digest.unsigned(if from_snapshot { 1 } else { 2 }).unsigned(id),
        };
        for side in [Side::Buy, Side::Sell] {
            let levels = self.levels(side);
            digest.unsigned(levels.len() as u64);
            for Level { price, qty } in levels {
                digest.signed(price.0).signed(qty.0);
            }
        }
        digest.unsigned(self.waiting.len() as u64);
        for message in &self.waiting {
            digest.unsigned(message.sequence.first).unsigned(message.sequence.last);
            match message.sequence.previous {
                None => digest.unsigned(0),
                Some(id) => digest.unsigned(1).unsigned(id),
            };
            digest.unsigned(message.changes.len() as u64);
            for change in &message.changes {
                digest.signed(change.side.sign()).signed(change.price.0).signed(change.qty.0);
            }
        }
        digest.finish()
    }
}

fn digest_of(book: &L2Book) -> StateHash {
    let mut digest = StateDigest::new();
    book.digest(&mut digest);
    digest.finish()
}

/// Compares every read after every message.
fn agree(rule: SequenceRule, messages: &[Message]) -> Result<(), TestCaseError> {
    let (mut fast, mut naive) = (L2Book::new(INSTRUMENT, rule), NaiveBook::new(rule));
    for message in messages {
        prop_assert_eq!(fast.apply(&message.as_update()), naive.apply(message));
        prop_assert_eq!(fast.status(), naive.status);
        prop_assert_eq!(fast.last_update_id(), naive.last.map(|(id, _)| id));
        for side in [Side::Buy, Side::Sell] {
            let levels = naive.levels(side);
            prop_assert_eq!(fast.best(side), levels.first().copied());
            prop_assert_eq!(fast.depth(side), levels.len());
            prop_assert_eq!(fast.levels(side).collect::<Vec<_>>(), levels);
            prop_assert_eq!(fast.sweep(side, Qty(7)), naive.sweep(side, 7));
        }
        for change in &message.changes {
            let side = if change.side == Side::Buy { &naive.bids } else { &naive.asks };
            prop_assert_eq!(fast.qty_at(change.side, change.price).0, side.get(&change.price.0).copied().unwrap_or(0));
        }
        prop_assert_eq!(digest_of(&fast), naive.digest());
    }
    Ok(())
}

/// Prices on both sides of 100 000 ticks, mostly near, some far, some beyond any directory.
fn price(side: Side) -> impl Strategy<Value = Price> {
    let distance = prop_oneof![8 => 1i64..12, 4 => 1i64..300, 2 => 1i64..90_000, 1 => 1i64..9_000_000, 1 => 1i64..i64::MAX - 100_000];
    distance.prop_map(move |distance| match side {
        Side::Buy => Price((100_000 - distance).max(1 + distance % 5)),
        Side::Sell => Price(100_000 + distance),
    })
}

fn change() -> impl Strategy<Value = LevelChange> {
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    side.prop_flat_map(|side| (price(side), prop_oneof![3 => 1i64..9, 2 => Just(0)])).prop_map(|(price, qty)| {
        let side = if price.0 < 100_000 { Side::Buy } else { Side::Sell };
        LevelChange { side, price, qty: Qty(qty) }
    })
}

/// A change that may cross the book or cannot be.
fn wild_change() -> impl Strategy<Value = LevelChange> {
    (any::<bool>(), -1i64..40, -1i64..5).prop_map(|(buy, offset, qty)| LevelChange {
        side: if buy { Side::Buy } else { Side::Sell },
        price: Price(if offset < 0 { 0 } else { 99_980 + offset }),
        qty: Qty(qty),
    })
}

fn batch() -> impl Strategy<Value = Vec<LevelChange>> {
    prop_oneof![30 => prop::collection::vec(change(), 0..12), 1 => prop::collection::vec(wild_change(), 1..3)]
}

/// A numbered stream with losses, repeats, and snapshots that are late by a few messages.
fn stream(rule: SequenceRule) -> impl Strategy<Value = Vec<Message>> {
    let step = (batch(), 0u8..40, 1u64..4, 0u64..6);
    prop::collection::vec(step, 1..60).prop_map(move |steps| {
        let (mut id, mut previous, mut out) = (100u64, 100u64, Vec::<Message>::new());
        for (changes, fate, width, late) in steps {
            let skip = if rule == SequenceRule::BinanceFutures { late } else { 0 };
            let sequence = Sequence { first: id + skip + 1, last: id + skip + width, previous: Some(previous) };
            match fate {
                0..4 => {
                    // A snapshot: either as young as the stream, or older.
                    let last = id.saturating_sub(late);
                    out.push(Message { kind: DepthKind::Snapshot, sequence: Sequence { first: last, last, previous: None }, changes });
                    continue;
                }
                4 => {}
                5 => {
                    if let Some(repeat) = out.last().cloned() {
                        out.push(repeat);
                    }
                    out.push(Message { kind: DepthKind::Delta, sequence, changes });
                }
                _ => out.push(Message { kind: DepthKind::Delta, sequence, changes }),
            }
            (id, previous) = (sequence.last, sequence.last);
        }
        out
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn spot_agrees_with_its_naive_twin(messages in stream(SequenceRule::BinanceSpot)) {
        agree(SequenceRule::BinanceSpot, &messages)?;
    }

    #[test]
    fn futures_agree_with_their_naive_twin(messages in stream(SequenceRule::BinanceFutures)) {
        agree(SequenceRule::BinanceFutures, &messages)?;
    }

    #[test]
    fn bybit_agrees_with_its_naive_twin(messages in stream(SequenceRule::Bybit)) {
        agree(SequenceRule::Bybit, &messages)?;
    }

    #[test]
    fn unchecked_agrees_with_its_naive_twin(messages in stream(SequenceRule::Unchecked)) {
        agree(SequenceRule::Unchecked, &messages)?;
    }
}

/// The streams are not idle: they change, break and restore books.
#[test]
fn the_streams_reach_every_answer() {
    let mut runner = TestRunner::deterministic();
    for rule in [SequenceRule::BinanceSpot, SequenceRule::BinanceFutures, SequenceRule::Bybit, SequenceRule::Unchecked] {
        let mut seen = [0usize; 5];
        for _ in 0..100 {
            let messages = stream(rule).new_tree(&mut runner).expect("a stream").current();
            let mut book = L2Book::new(INSTRUMENT, rule);
            for message in &messages {
                seen[match book.apply(&message.as_update()) {
                    Applied::Changed => 0,
                    Applied::Ignored => 1,
                    Applied::Invalid(_) => 2,
                    Applied::Restored => 3,
                    Applied::Buffered => 4,
                }] += 1;
            }
        }
        let (buffered, others) = (seen[4], &seen[..4]);
        assert!(
            others.iter().all(|n| *n > 20) && (buffered > 20) == !matches!(rule, SequenceRule::Bybit | SequenceRule::Unchecked),
            "{rule:?}: {seen:?}"
        );
    }
}

/// A market that wanders 30 million ticks, past the reach of any one directory, and back, with one level left far behind.
#[test]
fn agrees_while_the_market_wanders_far() {
    let mut seed = 42u64;
    let mut chance = |n: i64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as i64 % n
    };
    let level = |side, price, qty| LevelChange { side, price: Price(price), qty: Qty(qty) };
    let anchors = vec![level(Side::Buy, 1, 1), level(Side::Sell, i64::MAX, 1)];
    let snapshot = Sequence { first: 0, last: 0, previous: None };
    let mut messages = vec![Message { kind: DepthKind::Snapshot, sequence: snapshot, changes: anchors }];
    let (mut mid, mut live) = (1_000_000i64, BTreeMap::<i64, Side>::new());
    for id in 1..=1200u64 {
        mid += if id < 600 { 50_000 } else { -49_000 };
        // Levels on the wrong side of the new mid, or far from it, go; new ones come around it.
        let gone = |(price, side): (&i64, &Side)| (*side == Side::Buy) != (*price < mid) || (price - mid).abs() > 60_000;
        let mut changes: Vec<_> = live.iter().filter(|entry| gone(*entry)).map(|(price, side)| level(*side, *price, 0)).collect();
        live.retain(|price, side| !gone((price, side)));
        for _ in 0..20 {
            for (side, price) in [(Side::Buy, mid - 1 - chance(400)), (Side::Sell, mid + 1 + chance(400))] {
                changes.push(level(side, price, 1 + chance(9)));
                live.insert(price, side);
            }
        }
        messages.push(Message { kind: DepthKind::Delta, sequence: Sequence { first: id, last: id, previous: None }, changes });
    }
    let (mut fast, mut naive) = (L2Book::new(INSTRUMENT, SequenceRule::BinanceSpot), NaiveBook::new(SequenceRule::BinanceSpot));
    for (index, message) in messages.iter().enumerate() {
        assert_eq!(fast.apply(&message.as_update()), naive.apply(message), "message {index}");
        assert_eq!(fast.status(), BookStatus::Valid, "message {index}");
        for side in [Side::Buy, Side::Sell] {
            assert_eq!(fast.levels(side).collect::<Vec<_>>(), naive.levels(side), "message {index}");
        }
        assert_eq!(digest_of(&fast), naive.digest(), "message {index}");
    }
}

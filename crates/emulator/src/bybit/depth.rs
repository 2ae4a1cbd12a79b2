//! One book topic: what its followers know, and what they must hear to know the book as it is now.
//!
//! A followed book is a window of so many levels a side. A level that leaves the window is told as gone, one that moves in
//! as new, so that a follower's window always equals the venue's. The update id grows by one with each message.

use tradewind_types::{Price, Qty, Timestamp};

/// Levels of one side, best first.
pub(super) type Levels = Vec<(Price, Qty)>;

const MILLISECOND_NS: i64 = 1_000_000;
/// A silent top of book is said again after this long.
const REPEAT_NS: i64 = 3_000 * MILLISECOND_NS;

/// What followers are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// Whether this replaces all that was told before.
    pub(super) is_snapshot: bool,
    /// Bids that are new, changed, or gone (quantity zero).
    pub(super) bids: Levels,
    /// Asks likewise.
    pub(super) asks: Levels,
    /// The update id.
    pub(super) update: u64,
    /// The number of the book's last change in it.
    pub(super) sequence: u64,
}

/// The book as it stands, as far as a window goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Window {
    /// Bids, best first.
    pub(super) bids: Levels,
    /// Asks, best first.
    pub(super) asks: Levels,
    /// The number of the book's last change.
    pub(super) sequence: u64,
}

/// The state of one book topic.
#[derive(Clone, Debug)]
pub(super) struct DepthFeed {
    depth: usize,
    span_ns: i64,
    window: Window,
    update: u64,
    /// When the next message may go, while there is something to say.
    due: Option<Timestamp>,
    last: Timestamp,
}

impl DepthFeed {
    /// A topic of `depth` levels a side that shows `window` at `now`.
    pub(super) fn new(now: Timestamp, depth: u16, window: Window) -> Self {
        let span_ms = match depth {
            1 => 10,
            50 => 20,
            200 => 100,
            _ => 200,
        };
        let due = (depth == 1).then(|| Timestamp(now.0 + REPEAT_NS));
        Self { depth: usize::from(depth), span_ns: span_ms * MILLISECOND_NS, window, update: 1, due, last: now }
    }

    /// Levels a side.
    pub(super) const fn depth(&self) -> usize {
        self.depth
    }

    /// The book moved: followers hear of it after this topic's pause.
    pub(super) fn touch(&mut self, now: Timestamp) {
        let soonest = Timestamp((self.last.0 + self.span_ns).max(now.0));
        self.due = Some(self.due.map_or(soonest, |due| due.min(soonest)));
    }

    /// When something is to be said.
    pub(super) const fn due(&self) -> Option<Timestamp> {
        self.due
    }

    /// What one who starts to follow hears first.
    pub(super) fn snapshot(&self) -> Told {
        let Window { bids, asks, sequence } = self.window.clone();
        Told { is_snapshot: true, bids, asks, update: self.update, sequence }
    }

    /// What followers hear now that the book is as given; `None` where nothing in their window changed.
    pub(super) fn tell(&mut self, now: Timestamp, window: Window) -> Option<Told> {
        let moved_bids = changes(&self.window.bids, &window.bids, |a, b| a > b);
        let moved_asks = changes(&self.window.asks, &window.asks, |a, b| a < b);
        let is_same = moved_bids.is_empty() && moved_asks.is_empty();
        self.due = (self.depth == 1).then(|| Timestamp(now.0 + REPEAT_NS));
        if is_same && (self.depth > 1 || now.since(self.last).0 < REPEAT_NS) {
            return None;
        }
        self.last = now;
        let sequence = window.sequence;
        self.window = window;
        if is_same {
            return Some(self.snapshot());
        }
        self.update += 1;
        if self.depth == 1 {
            return Some(self.snapshot());
        }
        Some(Told { is_snapshot: false, bids: moved_bids, asks: moved_asks, update: self.update, sequence })
    }
}

/// What turns `old` into `new`: both are sorted so that `is_better(earlier, later)`.
fn changes(old: &[(Price, Qty)], new: &[(Price, Qty)], is_better: impl Fn(Price, Price) -> bool) -> Levels {
    let mut moved = Levels::new();
    let (mut before, mut after) = (old.iter().peekable(), new.iter().peekable());
    loop {
        match (before.peek(), after.peek()) {
            (None, None) => return moved,
            (Some((gone, _)), Some((price, _))) if is_better(*gone, *price) => {
                moved.push((*gone, Qty::ZERO));
                before.next();
            }
            (Some((gone, _)), None) => {
                moved.push((*gone, Qty::ZERO));
                before.next();
            }
            (Some((known, was)), Some((price, is))) if known == price => {
                if was != is {
                    moved.push((*price, *is));
                }
                before.next();
                after.next();
            }
            (_, Some((price, is))) => {
                moved.push((*price, *is));
                after.next();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn window(bids: &[(i64, i64)], asks: &[(i64, i64)]) -> Window {
        Window { bids: levels(bids), asks: levels(asks), sequence: 0 }
    }

    fn levels(pairs: &[(i64, i64)]) -> Levels {
        pairs.iter().map(|(price, qty)| (Price(*price), Qty(*qty))).collect()
    }

    #[test]
    fn a_follower_that_applies_what_it_is_told_knows_the_window() {
        let mut state = 7_u64;
        let mut chance = move |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % n
        };
        let mut feed = DepthFeed::new(Timestamp(0), 50, Window::default());
        let (mut known, mut last) = (BTreeMap::new(), feed.snapshot().update);
        for step in 1..500 {
            let mut book = BTreeMap::new();
            for _ in 0..chance(80) {
                book.insert(chance(100), 1 + chance(3));
            }
            let level = |(p, q): (&u64, &u64)| (Price(i64::try_from(*p).unwrap()), Qty(i64::try_from(*q).unwrap()));
            let bids: Levels = book.iter().rev().take(50).map(level).collect();
            if let Some(told) = feed.tell(Timestamp(step), Window { bids: bids.clone(), ..Window::default() }) {
                assert_eq!((told.update, told.is_snapshot), (last + 1, false));
                last = told.update;
                for (price, qty) in told.bids {
                    if qty == Qty::ZERO {
                        assert!(known.remove(&price).is_some(), "only what is known goes");
                    } else {
                        known.insert(price, qty);
                    }
                }
            }
            assert_eq!(known.iter().rev().map(|(p, q)| (*p, *q)).collect::<Levels>(), bids);
        }
    }

    #[test]
    fn the_top_of_book_is_told_whole_and_said_again_after_three_seconds_with_the_same_id() {
        let mut feed = DepthFeed::new(Timestamp(0), 1, window(&[(10, 1)], &[(11, 1)]));
        feed.touch(Timestamp(5));
        assert_eq!(feed.due(), Some(Timestamp(10 * MILLISECOND_NS)));
        let told = feed.tell(Timestamp(10 * MILLISECOND_NS), window(&[(10, 2)], &[(11, 1)])).unwrap();
        assert!(told.is_snapshot && told.update == 2 && told.asks == levels(&[(11, 1)]));
        let again = feed.due().unwrap();
        assert_eq!(again, Timestamp(10 * MILLISECOND_NS + REPEAT_NS));
        let told = feed.tell(again, window(&[(10, 2)], &[(11, 1)])).unwrap();
        assert!(told.is_snapshot && told.update == 2);
    }
}

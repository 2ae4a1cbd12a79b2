//! What is under way between us and the venues: delivered by time, and in the order of sending at one time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use tradewind_types::Timestamp;

#[derive(Clone, Copy, Debug)]
struct Item<T> {
    at: Timestamp,
    sent: u64,
    what: T,
}

impl<T> PartialEq for Item<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.sent) == (other.at, other.sent)
    }
}

impl<T> Eq for Item<T> {}

impl<T> PartialOrd for Item<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Item<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.sent).cmp(&(other.at, other.sent))
    }
}

/// Messages under way.
#[derive(Clone, Debug)]
pub(crate) struct Agenda<T> {
    items: BinaryHeap<Reverse<Item<T>>>,
    sent: u64,
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self { items: BinaryHeap::new(), sent: 0 }
    }
}

impl<T> Agenda<T> {
    /// Sends `what`, to arrive at `at`.
    pub(crate) fn push(&mut self, at: Timestamp, what: T) {
        self.sent += 1;
        self.items.push(Reverse(Item { at, sent: self.sent, what }));
    }

    /// When the next message arrives.
    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        self.items.peek().map(|item| item.0.at)
    }

    /// The next message.
    pub(crate) fn pop(&mut self) -> Option<T> {
        self.items.pop().map(|item| item.0.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_time_then_by_order_of_sending() {
        let mut agenda = Agenda::default();
        for (at, what) in [(5, "c"), (3, "a"), (5, "d"), (3, "b")] {
            agenda.push(Timestamp(at), what);
        }
        assert_eq!(agenda.next_at(), Some(Timestamp(3)));
        assert_eq!(std::iter::from_fn(|| agenda.pop()).collect::<String>(), "abcd");
    }
}

//! The times of the latest orders, in a ring that overwrites its oldest.

use serde::{Deserialize, Serialize};
use tradewind_types::Timestamp;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Timestamp>", into = "Vec<Timestamp>")]
pub(crate) struct Window {
    times: Vec<Timestamp>,
    /// Where the oldest is.
    oldest: usize,
}

impl Window {
    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.times.len()
    }

    #[inline]
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.times.get(self.oldest).copied()
    }

    /// Adds the latest to a window of `room`, the same at every call.
    #[inline]
    pub(crate) fn push(&mut self, at: Timestamp, room: usize) {
        if self.times.len() < room {
            self.times.push(at);
        } else if let Some(oldest) = self.times.get_mut(self.oldest) {
            *oldest = at;
            self.oldest = if self.oldest + 1 == room { 0 } else { self.oldest + 1 };
        }
    }

    /// Oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Timestamp> + '_ {
        let (newer, older) = self.times.split_at(self.oldest);
        older.iter().chain(newer).copied()
    }

    /// The latest of them, for a window of `room`.
    pub(crate) fn latest(&self, room: usize) -> Self {
        Self { times: self.iter().skip(self.len().saturating_sub(room)).collect(), oldest: 0 }
    }
}

/// Kept oldest first.
impl From<Window> for Vec<Timestamp> {
    fn from(window: Window) -> Self {
        window.iter().collect()
    }
}

impl From<Vec<Timestamp>> for Window {
    fn from(times: Vec<Timestamp>) -> Self {
        Self { times, oldest: 0 }
    }
}

/// Where the ring begins says nothing.
impl PartialEq for Window {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Window {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    #[test]
    fn holds_the_latest_whatever_its_room_becomes() {
        let (mut window, mut twin) = (Window::default(), VecDeque::new());
        let mut now = 0;
        for room in [3_usize, 3, 5, 0, 2, 1, 4] {
            window = window.latest(room);
            for _ in 0..11 {
                now += 1;
                window.push(Timestamp(now), room);
                twin.push_back(Timestamp(now));
                while twin.len() > room {
                    twin.pop_front();
                }
                assert!(window.iter().eq(twin.iter().copied()), "room {room}, {window:?}");
                assert_eq!((window.len(), window.oldest()), (twin.len(), twin.front().copied()));
                assert_eq!(window, window.latest(room));
                assert_eq!(window, Window::from(Vec::from(window.clone())));
            }
        }
    }
}

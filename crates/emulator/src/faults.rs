//! What goes wrong on request: between a venue and its clients, by chance from a seed or at once.
//!
//! Faults are on the wire: the house behind them does what it would do anyway, so that what a client believes can be held against
//! what is. `POST /emulator/faults` with [`FaultSettings`] in JSON replaces a venue's settings, `GET` shows them.

use crate::agents::chance::Chance;
use crate::front::{ConnId, Frame};
use crate::house::News;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tradewind_types::{Nanos, Timestamp};

/// Frames that wait at most; more than that go out at once.
const DELAYED_KEPT: usize = 100_000;
/// Status code of the WebSocket protocol for a connection that broke; it is never sent.
pub const BROKEN: u16 = 1006;

/// What goes wrong at a venue. Everything that is not said is off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultSettings {
    /// Messages in a thousand that are never sent.
    pub drop_per_mille: u16,
    /// Messages in a thousand that are sent twice.
    pub duplicate_per_mille: u16,
    /// Messages in a thousand that later ones overtake, for up to `delay_ms`.
    pub reorder_per_mille: u16,
    /// Messages in a thousand that are late by up to `delay_ms`, and hold up those after them.
    pub delay_per_mille: u16,
    /// How late at most; 0 counts as 50.
    pub delay_ms: u32,
    /// Messages in a thousand with which the connection breaks.
    pub disconnect_per_mille: u16,
    /// Requests in a thousand that are answered with an error and do nothing.
    pub http_error_per_mille: u16,
    /// Status of that error; 0 counts as 503.
    pub http_error_status: u16,
    /// Requests in a thousand that are done, and whose connection breaks before the answer.
    pub lost_answer_per_mille: u16,
    /// Every request is answered as in maintenance, and no connection is taken.
    pub maintenance: bool,
    /// No WebSocket connection is taken.
    pub refuse_connections: bool,
    /// So many of the next changes of books are not told.
    pub depth_gap: u32,
    /// Every connection breaks once.
    pub disconnect_all: bool,
}

/// What cannot be read as [`FaultSettings`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("faults: {said}; they are an object such as {{\"drop_per_mille\": 5, \"http_error_per_mille\": 10}}")]
pub struct UnreadableFaults {
    /// What is wrong with it.
    said: String,
}

impl FaultSettings {
    /// Settings from a JSON object; nothing goes wrong where the text is empty.
    ///
    /// # Errors
    /// [`UnreadableFaults`].
    pub fn from_json(text: &str) -> Result<Self, UnreadableFaults> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_str(text).map_err(|error| UnreadableFaults { said: error.to_string() })
    }
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is done and answered.
    Answered,
    /// It is not done; the answer has this status.
    Refused(u16),
    /// It is done; there is no answer.
    Lost,
    /// The venue is in maintenance.
    Maintenance,
}

/// Faults of one venue.
#[derive(Clone, Debug)]
pub(crate) struct Faults {
    settings: FaultSettings,
    chance: Chance,
    /// By the time they are sent, then by the order in which they came.
    delayed: BTreeMap<(Timestamp, u64), (ConnId, Frame)>,
    /// Until when a connection is held up.
    held_up: BTreeMap<ConnId, Timestamp>,
    passed: u64,
}

impl Faults {
    pub(crate) fn new(settings: FaultSettings, seed: u64, venue: usize) -> Self {
        let chance = Chance::new(seed, 1_000 + venue as u64);
        Self { settings, chance, delayed: BTreeMap::new(), held_up: BTreeMap::new(), passed: 0 }
    }

    pub(crate) const fn settings(&self) -> &FaultSettings {
        &self.settings
    }

    pub(crate) fn set(&mut self, settings: FaultSettings) {
        self.settings = settings;
    }

    fn strikes(&mut self, per_mille: u16) -> bool {
        per_mille > 0 && self.chance.below(1_000) < i64::from(per_mille)
    }

    fn lateness(&mut self) -> Nanos {
        let most = if self.settings.delay_ms == 0 { 50 } else { self.settings.delay_ms };
        Nanos(1 + self.chance.below(i64::from(most) * 1_000_000))
    }

    pub(crate) fn fate(&mut self) -> Fate {
        if self.settings.maintenance {
            return Fate::Maintenance;
        }
        if self.strikes(self.settings.http_error_per_mille) {
            let status = self.settings.http_error_status;
            return Fate::Refused(if status == 0 { 503 } else { status });
        }
        if self.strikes(self.settings.lost_answer_per_mille) { Fate::Lost } else { Fate::Answered }
    }

    pub(crate) const fn takes_connections(&self) -> bool {
        !self.settings.maintenance && !self.settings.refuse_connections
    }

    /// Whether every connection is to break now; asked once.
    pub(crate) const fn breaks_all(&mut self) -> bool {
        std::mem::replace(&mut self.settings.disconnect_all, false)
    }

    /// Takes out the changes of books that are not told.
    pub(crate) fn hush(&mut self, news: &mut Vec<News>) {
        if self.settings.depth_gap > 0 {
            news.retain(|news| {
                let is_hushed = self.settings.depth_gap > 0 && matches!(news, News::Depth { .. });
                self.settings.depth_gap -= u32::from(is_hushed);
                !is_hushed
            });
        }
    }

    /// Sends a frame, or does to it what goes wrong.
    pub(crate) fn pass(&mut self, now: Timestamp, conn: ConnId, frame: Frame, ready: &mut Vec<(ConnId, Frame)>) {
        if self.delayed.is_empty() && self.settings == FaultSettings::default() {
            ready.push((conn, frame));
            return;
        }
        if self.strikes(self.settings.disconnect_per_mille) {
            ready.push((conn, Frame::Close { code: BROKEN, reason: String::new() }));
            return;
        }
        if self.strikes(self.settings.drop_per_mille) {
            return;
        }
        if self.strikes(self.settings.duplicate_per_mille) {
            self.send_at(now, now, conn, frame.clone(), ready);
        }
        if self.strikes(self.settings.reorder_per_mille) {
            let at = now.plus(self.lateness());
            return self.send_at(now, at, conn, frame, ready);
        }
        if self.strikes(self.settings.delay_per_mille) {
            let until = now.plus(self.lateness());
            let held_up = self.held_up.entry(conn).or_insert(until);
            *held_up = until.max(*held_up);
        }
        let at = self.held_up.get(&conn).copied().filter(|until| *until > now).unwrap_or(now);
        self.send_at(now, at, conn, frame, ready);
    }

    fn send_at(&mut self, now: Timestamp, at: Timestamp, conn: ConnId, frame: Frame, ready: &mut Vec<(ConnId, Frame)>) {
        if at <= now || self.delayed.len() >= DELAYED_KEPT {
            ready.push((conn, frame));
            return;
        }
        self.passed += 1;
        self.delayed.insert((at, self.passed), (conn, frame));
    }

    /// When a frame that was late is sent.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.delayed.first_key_value().map(|((at, _), _)| *at)
    }

    pub(crate) fn on_time(&mut self, now: Timestamp, ready: &mut Vec<(ConnId, Frame)>) {
        while let Some(entry) = self.delayed.first_entry().filter(|entry| entry.key().0 <= now) {
            ready.push(entry.remove());
        }
        self.held_up.retain(|_, until| *until > now);
    }

    pub(crate) fn forget(&mut self, conn: ConnId) {
        self.held_up.remove(&conn);
        self.delayed.retain(|_, (to, _)| *to != conn);
    }
}

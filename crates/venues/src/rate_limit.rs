//! How much may still be asked of a venue, counted before the venue counts it.
//!
//! A window slides: what was sent counts until it is a window old. Cancels may use all of a limit, orders leave room for them,
//! questions leave room for both and books for all three, so that no flood of the lesser keeps the greater from leaving. What the venue says it
//! has counted is believed where it is more than our own count (another program may share the key). A refusal for rate stops
//! everything but cancels for as long as the venue asks, or for longer each time where it does not say; a ban stops cancels, too.

use crate::dialect::{Bucket, BucketId, Charge, Cost};
use std::collections::VecDeque;
use tradewind_types::{Nanos, Timestamp};

/// Who asks; the order is that of importance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// A cancel: all of the limit.
    Cancel,
    /// An order or an amend.
    Order,
    /// A question.
    Question,
    /// The whole of a book: a feed that keeps breaking asks for many, and none of it may keep an account's records from being read.
    Book,
}

impl Urgency {
    /// How much of a limit it may fill.
    const fn share_of(self, capacity: u32) -> u32 {
        match self {
            Urgency::Cancel => capacity,
            Urgency::Order => capacity - capacity / 5,
            Urgency::Question => capacity - capacity * 2 / 5,
            Urgency::Book => capacity - capacity * 7 / 10,
        }
    }
}

#[derive(Clone, Debug)]
struct Window {
    bucket: Bucket,
    /// What was sent, oldest first.
    sent: VecDeque<(Timestamp, u32)>,
    used: u32,
}

impl Window {
    fn forget(&mut self, now: Timestamp) {
        while let Some(&(at, weight)) = self.sent.front() {
            if now.since(at) < self.bucket.window {
                break;
            }
            self.sent.pop_front();
            self.used = self.used.saturating_sub(weight);
        }
    }

    /// When `weight` more fits below `limit`; none now. A weight beyond the limit fits once the window is empty.
    fn ready_at(&self, weight: u32, limit: u32) -> Option<Timestamp> {
        let mut excess = self.used.saturating_add(weight).saturating_sub(limit.max(weight));
        let mut ready = None;
        for &(at, sent) in &self.sent {
            if excess == 0 {
                break;
            }
            excess = excess.saturating_sub(sent);
            ready = Some(at.plus(self.bucket.window));
        }
        ready
    }

    fn take(&mut self, now: Timestamp, weight: u32) {
        match self.sent.back_mut() {
            // Neighbours share an entry: a thousandth of the window is precise enough, and a burst stays small.
            Some((at, sent)) if now.since(*at).0 < self.bucket.window.0 / 1000 => *sent += weight,
            _ => self.sent.push_back((now, weight)),
        }
        self.used = self.used.saturating_add(weight);
    }
}

/// The rate limits of one account at a venue.
#[derive(Clone, Debug)]
pub struct RateLimit {
    windows: Vec<Window>,
    /// Nothing but cancels until then.
    paused_until: Timestamp,
    /// Nothing at all until then.
    banned_until: Timestamp,
    /// Refusals for rate without a success since.
    refusals: u32,
}

/// The first pause where the venue does not say how long.
const FIRST_PAUSE: Nanos = Nanos::from_secs(1);

/// Never longer than that.
const LONGEST_PAUSE: Nanos = Nanos::from_secs(120);

impl RateLimit {
    /// Limits that nothing was sent under yet.
    #[must_use]
    pub fn new(buckets: Vec<Bucket>) -> Self {
        let window = |bucket| Window { bucket, sent: VecDeque::new(), used: 0 };
        let never = Timestamp(i64::MIN);
        Self { windows: buckets.into_iter().map(window).collect(), paused_until: never, banned_until: never, refusals: 0 }
    }

    /// Takes what `cost` weighs, if there is room for it.
    ///
    /// # Errors
    /// When there will be room.
    pub fn take(&mut self, now: Timestamp, cost: Cost, urgency: Urgency) -> Result<(), Timestamp> {
        let stopped_until = if urgency == Urgency::Cancel { self.banned_until } else { self.banned_until.max(self.paused_until) };
        if now < stopped_until {
            return Err(stopped_until);
        }
        let mut ready = now;
        for Charge { bucket, weight } in cost.0.into_iter().flatten() {
            let Some(window) = self.windows.get_mut(usize::from(bucket.0)) else { continue };
            window.forget(now);
            if let Some(at) = window.ready_at(weight, urgency.share_of(window.bucket.capacity)) {
                ready = ready.max(at);
            }
        }
        if ready > now {
            return Err(ready);
        }
        for Charge { bucket, weight } in cost.0.into_iter().flatten() {
            if let Some(window) = self.windows.get_mut(usize::from(bucket.0)) {
                window.take(now, weight);
            }
        }
        Ok(())
    }

    /// The venue says how much of a window is used.
    pub fn on_usage(&mut self, now: Timestamp, bucket: BucketId, used: u32) {
        if let Some(window) = self.windows.get_mut(usize::from(bucket.0)) {
            window.forget(now);
            let more = used.saturating_sub(window.used);
            if more > 0 {
                window.take(now, more);
            }
        }
    }

    /// The venue refused for rate. A pause beyond a minute is a ban: cancels would prolong it.
    pub fn on_refusal(&mut self, now: Timestamp, retry_after: Nanos) {
        let doubled = FIRST_PAUSE.0.saturating_mul(1i64 << self.refusals.min(10)).min(LONGEST_PAUSE.0);
        self.refusals = self.refusals.saturating_add(1);
        let pause = Nanos(retry_after.0.max(doubled));
        self.paused_until = self.paused_until.max(now.plus(pause));
        if retry_after > Nanos::from_secs(60) {
            self.banned_until = self.banned_until.max(now.plus(retry_after));
        }
    }

    /// The venue took something.
    pub const fn on_success(&mut self) {
        self.refusals = 0;
    }

    /// How full each limit is, for metrics: name, used, capacity.
    pub fn usage(&self) -> impl Iterator<Item = (&'static str, u32, u32)> {
        self.windows.iter().map(|w| (w.bucket.name, w.used, w.bucket.capacity))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: i64 = 1_000_000_000;

    fn limit(capacity: u32) -> RateLimit {
        RateLimit::new(vec![Bucket { name: "orders", capacity, window: Nanos::from_secs(1) }])
    }

    fn cost(weight: u32) -> Cost {
        Cost([Some(Charge { bucket: BucketId(0), weight }), None, None])
    }

    #[test]
    fn books_leave_room_for_questions_questions_for_orders_and_orders_for_cancels() {
        let mut limit = limit(10);
        let now = Timestamp(0);
        let count = |limit: &mut RateLimit, urgency| (0..20).filter(|_| limit.take(now, cost(1), urgency).is_ok()).count();
        assert_eq!(count(&mut limit, Urgency::Book), 3);
        assert_eq!(count(&mut limit, Urgency::Question), 3);
        assert_eq!(count(&mut limit, Urgency::Order), 2);
        assert_eq!(count(&mut limit, Urgency::Cancel), 2);
        assert_eq!(limit.take(now, cost(1), Urgency::Cancel), Err(Timestamp(SECOND)));
        assert_eq!(limit.take(Timestamp(SECOND), cost(1), Urgency::Cancel), Ok(()));
    }

    #[test]
    fn a_refusal_pauses_longer_each_time_and_a_ban_stops_cancels() {
        let mut limit = limit(10);
        let now = Timestamp(0);
        for seconds in [1, 2, 4, 8] {
            limit.on_refusal(now, Nanos(0));
            assert_eq!(limit.take(now, cost(1), Urgency::Order), Err(Timestamp(seconds * SECOND)));
        }
        assert_eq!(limit.take(now, cost(1), Urgency::Cancel), Ok(()));
        limit.on_refusal(now, Nanos::from_secs(300));
        assert_eq!(limit.take(now, cost(1), Urgency::Cancel), Err(Timestamp(300 * SECOND)));
    }

    #[test]
    fn the_venues_count_is_believed_where_it_is_more() {
        let mut limit = limit(10);
        limit.on_usage(Timestamp(0), BucketId(0), 9);
        assert!(limit.take(Timestamp(0), cost(1), Urgency::Order).is_err());
        assert_eq!(limit.take(Timestamp(0), cost(1), Urgency::Cancel), Ok(()));
    }

    proptest! {
        /// In no window does more leave than the limit, and whoever waits as long as told may go.
        #[test]
        fn no_window_holds_more_than_the_limit(steps in prop::collection::vec((0i64..400_000_000, 1u32..4, 0u8..3), 1..200)) {
            let mut limit = limit(10);
            let (mut now, mut left) = (0i64, Vec::<(i64, u32)>::new());
            for (wait, weight, urgency) in steps {
                now += wait;
                let urgency = [Urgency::Cancel, Urgency::Order, Urgency::Question][usize::from(urgency)];
                if let Err(ready) = limit.take(Timestamp(now), cost(weight), urgency) {
                    prop_assert!(ready.0 > now);
                    now = ready.0;
                    prop_assert_eq!(limit.take(ready, cost(weight), urgency), Ok(()));
                }
                left.push((now, weight));
                // Entries are merged within a thousandth of the window.
                let inside: u32 = left.iter().filter(|(at, _)| now - at < SECOND - SECOND / 1000).map(|(_, w)| w).sum();
                prop_assert!(inside <= 10, "{inside} in a window");
            }
        }
    }
}

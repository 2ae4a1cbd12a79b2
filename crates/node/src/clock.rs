//! The node's clock: UTC read once, monotonic from then on.
//!
//! A wall clock may be set back or forth while orders are alive; time that runs backwards would reorder the journal. So the wall
//! clock is read when the node starts, and every later moment is that plus what the monotonic clock counted. How far the wall
//! clock has moved away since is looked at now and then, and a step is said.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tradewind_types::{Nanos, Timestamp};

/// A wall clock that moved by less is being disciplined, not set.
const STEP: Nanos = Nanos::from_millis(50);

/// Monotonic UTC.
#[derive(Clone, Debug)]
pub struct Clock {
    started: Instant,
    base: Timestamp,
    /// Wall clock less ours, as last seen.
    drift: Nanos,
}

impl Clock {
    /// Reads the wall clock.
    #[must_use]
    pub fn start() -> Self {
        Self::at(Instant::now(), wall(SystemTime::now()))
    }

    const fn at(started: Instant, base: Timestamp) -> Self {
        Self { started, base, drift: Nanos(0) }
    }

    /// The same, but never earlier than a moment that was on record: where the wall clock has been set back since, time goes on
    /// from there, and the difference is said as a step.
    #[must_use]
    pub fn not_before(self, on_record: Timestamp) -> Self {
        let behind = on_record.since(self.now());
        Self { base: self.base.plus(Nanos(behind.0.max(0))), ..self }
    }

    /// Now.
    #[inline]
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.moment(Instant::now())
    }

    #[inline]
    fn moment(&self, instant: Instant) -> Timestamp {
        self.base.plus(nanos(instant.saturating_duration_since(self.started)))
    }

    /// When a moment of this clock is, for timers.
    #[must_use]
    pub fn instant(&self, at: Timestamp) -> Instant {
        self.started + Duration::from_nanos(at.since(self.base).0.max(0).unsigned_abs())
    }

    /// By how much the wall clock was set since this was last asked, if it was.
    pub fn wall_step(&mut self) -> Option<Nanos> {
        self.stepped(self.now(), wall(SystemTime::now()))
    }

    fn stepped(&mut self, now: Timestamp, wall: Timestamp) -> Option<Nanos> {
        let drift = wall.since(now);
        let step = Nanos(drift.0.saturating_sub(self.drift.0));
        self.drift = drift;
        (step.0.abs() >= STEP.0).then_some(step)
    }
}

fn wall(time: SystemTime) -> Timestamp {
    // A clock before 1970 is one that was never set: it is said as a step when it is.
    Timestamp(time.duration_since(UNIX_EPOCH).map_or(0, |d| nanos(d).0))
}

fn nanos(duration: Duration) -> Nanos {
    Nanos(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
}

/// `2023-11-14T22:13:20.123456Z`. Days to date after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", 2013.
#[must_use]
pub fn utc_text(at: Timestamp) -> String {
    let (seconds, nanos) = (at.0.div_euclid(1_000_000_000), at.0.rem_euclid(1_000_000_000));
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:06}Z", nanos / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        // By `date -u -d @N`.
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000Z"),
            (1_709_251_199, "2024-02-29T23:59:59.000000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000Z"),
        ] {
            assert_eq!(utc_text(Timestamp(seconds * 1_000_000_000)), text);
        }
    }

    #[test]
    fn time_goes_on_where_the_wall_clock_is_set_back() {
        let started = Instant::now();
        let mut clock = Clock::at(started, Timestamp(1_000_000_000_000));
        let later = clock.moment(started + Duration::from_secs(10));
        assert_eq!(later, Timestamp(1_010_000_000_000));
        assert_eq!(clock.stepped(later, later.plus(Nanos::from_millis(10))), None);
        assert_eq!(clock.stepped(later, later.plus(Nanos::from_secs(-3600))), Some(Nanos(-3_600_010_000_000)));
        // It is said once.
        assert_eq!(clock.stepped(later, later.plus(Nanos::from_secs(-3600))), None);
        assert_eq!(clock.moment(started + Duration::from_secs(11)), Timestamp(1_011_000_000_000));
    }

    #[test]
    fn time_goes_on_from_what_is_on_record() {
        let started = Instant::now();
        let clock = Clock::at(started, Timestamp(7_200_000_000_000));
        let early = clock.clone().not_before(Timestamp(3_600_000_000_000));
        assert_eq!(early.moment(started), Timestamp(7_200_000_000_000));
        let on_record = Timestamp(10_800_000_000_000);
        let mut late = clock.not_before(on_record);
        assert!(late.now() >= on_record);
        assert!(late.now() < on_record.plus(Nanos::from_secs(60)));
        let step = late.stepped(on_record, Timestamp(7_200_000_000_000));
        assert_eq!(step, Some(Nanos(-3_600_000_000_000)));
    }

    #[test]
    fn a_moment_is_where_its_instant_is() {
        let clock = Clock::start();
        let now = clock.now();
        assert!(clock.now() >= now);
        let at = now.plus(Nanos::from_secs(5));
        assert_eq!(clock.moment(clock.instant(at)), at);
    }
}

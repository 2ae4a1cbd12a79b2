//! What coins are worth: one process for all venues, and how late each of them learns of it.
//!
//! A coin's value moves in steps of 100 ms, by an amount near normal whose deviation itself changes slowly, and now and then by a
//! jump. What happened within the last minute is kept, so that somebody far away sees what was.

use super::chance::Chance;
use std::collections::VecDeque;
use tradewind_types::{Nanos, Timestamp};

/// Values are in units of 10^-8 of the quote.
pub const VALUE_SCALE: u8 = 8;
/// From one step to the next.
pub const STEP: Nanos = Nanos::from_millis(100);
/// Parts in a whole; shares are in these.
pub const WHOLE: i64 = 1_000_000_000;
const STEPS_KEPT: usize = 600;
/// Of one step, where markets are neither calm nor wild: some 60 % a year.
const USUAL_DEVIATION: i64 = 34_000;
/// Steps between two jumps of a coin, on average.
const STEPS_PER_JUMP: i64 = 1_500;

/// One coin.
#[derive(Clone, Debug)]
struct Coin {
    symbol: String,
    value: i64,
    deviation: i64,
    /// Oldest first; the last is `value`.
    past: VecDeque<i64>,
}

/// Every coin's value over time.
#[derive(Clone, Debug)]
pub struct FairValues {
    coins: Vec<Coin>,
    chance: Chance,
    next: Timestamp,
}

impl FairValues {
    /// Coins with their opening values, moving from `start` on.
    #[must_use]
    pub fn new(coins: &[(&str, i64)], seed: u64, start: Timestamp) -> Self {
        let open = |(symbol, value): &(&str, i64)| Coin {
            symbol: (*symbol).to_owned(),
            value: *value,
            deviation: USUAL_DEVIATION,
            past: VecDeque::from([*value]),
        };
        Self { coins: coins.iter().map(open).collect(), chance: Chance::new(seed, 1), next: start.plus(STEP) }
    }

    /// When it moves next.
    #[must_use]
    pub const fn next_step(&self) -> Timestamp {
        self.next
    }

    /// Moves every coin once.
    pub fn step(&mut self) {
        self.next = self.next.plus(STEP);
        let chance = &mut self.chance;
        for coin in &mut self.coins {
            // The deviation wanders between a third and three times the usual, and is drawn back to it.
            let pull = (USUAL_DEVIATION - coin.deviation) / 2_000;
            coin.deviation = (coin.deviation + pull + chance.normal(coin.deviation / 200)).clamp(USUAL_DEVIATION / 3, USUAL_DEVIATION * 3);
            let mut share = chance.normal(coin.deviation);
            if chance.one_in(STEPS_PER_JUMP) {
                let size = 1_000_000 + chance.below(3_000_000);
                share += if chance.one_in(2) { size } else { -size };
            }
            coin.value = part(coin.value, WHOLE + share).max(1_000);
            if coin.past.len() == STEPS_KEPT {
                coin.past.pop_front();
            }
            coin.past.push_back(coin.value);
        }
    }

    /// What a coin was worth so long ago, as far as that is kept; none for a coin that is not known.
    #[must_use]
    pub fn seen(&self, coin: &str, delay: Nanos) -> Option<i64> {
        let past = &self.coins.iter().find(|found| found.symbol == coin)?.past;
        let steps = usize::try_from(delay.0 / STEP.0).unwrap_or(0);
        past.get(past.len().saturating_sub(steps + 1)).copied()
    }

    /// What a pair was worth so long ago: its base in its quote, which may be a coin or a dollar.
    #[must_use]
    pub fn pair(&self, base: &str, quote: &str, delay: Nanos) -> Option<i64> {
        let value = self.seen(base, delay)?;
        match self.seen(quote, delay) {
            None => Some(value),
            Some(in_quote) => {
                let units = 10i128.pow(u32::from(VALUE_SCALE));
                i64::try_from(i128::from(value) * units / i128::from(in_quote.max(1))).ok()
            }
        }
    }
}

/// So many parts of [`WHOLE`] of a value.
#[must_use]
pub fn part(value: i64, share: i64) -> i64 {
    i64::try_from(i128::from(value) * i128::from(share) / i128::from(WHOLE)).unwrap_or(value)
}

//! How long messages take: between a venue and us, one model per direction.
//!
//! A connection keeps the order of its messages: one that was sent later never arrives earlier, it waits behind the slower one
//! before it. Chance is a seed in the setup and counts messages, so a run again draws the same delays.

use serde::{Deserialize, Serialize};
use tradewind_types::{Nanos, Timestamp};

/// Delay of the messages of one direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LatencySetup {
    /// Always the same.
    Constant {
        /// Delay, ns.
        ns: i64,
    },
    /// Drawn from measured quantiles, straight lines between them.
    Quantiles {
        /// Delays at equal steps of probability, from the smallest to the largest, ns.
        ns: Vec<i64>,
        /// Of the draws.
        seed: u64,
    },
    /// As long as the venue's last market message took to reach us (for market messages: as recorded).
    Recorded,
}

/// Delays of a venue; what is not named is as the venue's own `request_latency_ns` and `response_latency_ns` say, and its market
/// data comes as it was recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LatencySetups {
    /// From the venue's market data to us.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feed: Option<LatencySetup>,
    /// From our decision to the venue's matching.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<LatencySetup>,
    /// From the venue's matching to us.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<LatencySetup>,
}

impl LatencySetups {
    /// Whether nothing is named.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

impl LatencySetup {
    /// A delay that runs backwards, or quantiles that are none: what was found.
    pub(crate) fn fault(&self) -> Option<i64> {
        match self {
            LatencySetup::Constant { ns } => Some(*ns).filter(|ns| *ns < 0),
            LatencySetup::Quantiles { ns, .. } if ns.is_empty() => Some(0),
            LatencySetup::Quantiles { ns, .. } if !ns.is_sorted() => ns.windows(2).find(|pair| pair[1] < pair[0]).map(|pair| pair[1]),
            LatencySetup::Quantiles { ns, .. } => ns.first().copied().filter(|ns| *ns < 0),
            LatencySetup::Recorded => None,
        }
    }
}

/// One direction of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    latency: LatencySetup,
    state: u64,
    last_arrival: Timestamp,
}

impl Line {
    pub(crate) fn new(latency: LatencySetup) -> Self {
        let state = if let LatencySetup::Quantiles { seed, .. } = latency { seed } else { 0 };
        Self { latency, state, last_arrival: Timestamp(i64::MIN) }
    }

    /// When a message sent at `sent` arrives; `feed` is what the venue's last market message took.
    pub(crate) fn arrival(&mut self, sent: Timestamp, feed: Nanos) -> Timestamp {
        let delay = match &self.latency {
            LatencySetup::Constant { ns } => *ns,
            LatencySetup::Recorded => feed.0.max(0),
            LatencySetup::Quantiles { ns, .. } => {
                self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
                between(ns, scrambled(self.state))
            }
        };
        self.last_arrival = sent.plus(Nanos(delay)).max(self.last_arrival);
        self.last_arrival
    }
}

/// Steele, Lea & Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014): the finalizer of splitmix64.
const fn scrambled(state: u64) -> u64 {
    let mut z = state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The quantile at `draw` / 2^64.
fn between(quantiles: &[i64], draw: u64) -> i64 {
    let Some(steps) = quantiles.len().checked_sub(1).filter(|steps| *steps > 0) else {
        return quantiles.first().copied().unwrap_or_default();
    };
    let place = u128::from(draw) * steps as u128;
    // Below the number of steps, since the draw is below 2^64.
    let index = (place >> 64) as usize;
    let (low, high) = (i128::from(quantiles[index]), i128::from(quantiles[index + 1]));
    let part = (place & u128::from(u64::MAX)) as i128;
    // Between two numbers of 64 bits.
    (low + (((high - low) * (part >> 32)) >> 32)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(ns: &[i64], seed: u64) -> Line {
        Line::new(LatencySetup::Quantiles { ns: ns.to_vec(), seed })
    }

    #[test]
    fn draws_have_the_quantiles_they_come_from_and_repeat_with_their_seed() {
        let quantiles = [1_000, 2_000, 3_000, 5_000, 20_000];
        let spaced = |seed| {
            let mut line = line(&quantiles, seed);
            // A second apart: no message waits for another.
            (0..20_000i64).map(|k| line.arrival(Timestamp(k * 1_000_000_000), Nanos(0)).0 - k * 1_000_000_000).collect::<Vec<_>>()
        };
        let mut drawn = spaced(7);
        assert_eq!(drawn, spaced(7));
        assert_ne!(drawn, spaced(8));
        drawn.sort_unstable();
        assert!(drawn[0] >= 1_000 && drawn[drawn.len() - 1] <= 20_000);
        for (quarter, quantile) in [(1, 2_000), (2, 3_000), (3, 5_000)] {
            let found = drawn[drawn.len() * quarter / 4];
            assert!((found - quantile).abs() * 50 < quantile, "{found} for {quantile}");
        }
    }

    #[test]
    fn a_later_message_never_overtakes_an_earlier_one() {
        let mut line = line(&[0, 1_000_000], 1);
        let arrivals: Vec<Timestamp> = (0..1_000).map(|k| line.arrival(Timestamp(k * 100), Nanos(0))).collect();
        assert!(arrivals.is_sorted());
        assert!(arrivals.windows(2).any(|pair| pair[0] == pair[1]), "nobody had to wait");
    }

    #[test]
    fn what_is_no_delay_is_named() {
        for (latency, fault) in [
            (LatencySetup::Constant { ns: -1 }, Some(-1)),
            (LatencySetup::Quantiles { ns: vec![], seed: 0 }, Some(0)),
            (LatencySetup::Quantiles { ns: vec![5, 3], seed: 0 }, Some(3)),
            (LatencySetup::Quantiles { ns: vec![-2, 3], seed: 0 }, Some(-2)),
            (LatencySetup::Quantiles { ns: vec![4], seed: 0 }, None),
            (LatencySetup::Recorded, None),
        ] {
            assert_eq!(latency.fault(), fault, "{latency:?}");
        }
    }
}

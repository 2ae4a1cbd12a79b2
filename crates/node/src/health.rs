//! How a node is, as plain data: what its metrics and its health page are made of.

use tradewind_types::{Nanos, Timestamp};
use tradewind_venues::Purpose;

/// Upper bounds of the classes that latencies are counted in; one more class is above the last.
pub const LATENCY_BOUNDS: [Nanos; 20] = [
    Nanos(5_000),
    Nanos(10_000),
    Nanos(25_000),
    Nanos(50_000),
    Nanos(100_000),
    Nanos(250_000),
    Nanos(500_000),
    Nanos(1_000_000),
    Nanos(2_500_000),
    Nanos(5_000_000),
    Nanos(10_000_000),
    Nanos(25_000_000),
    Nanos(50_000_000),
    Nanos(100_000_000),
    Nanos(250_000_000),
    Nanos(500_000_000),
    Nanos(1_000_000_000),
    Nanos(2_500_000_000),
    Nanos(5_000_000_000),
    Nanos(10_000_000_000),
];

/// How often which latency was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LatencyHistogram {
    counts: [u64; LATENCY_BOUNDS.len() + 1],
    sum: Nanos,
}

impl LatencyHistogram {
    /// Counts one; a negative one counts as zero.
    #[inline]
    pub fn record(&mut self, latency: Nanos) {
        let latency = Nanos(latency.0.max(0));
        let class = LATENCY_BOUNDS.partition_point(|bound| *bound < latency);
        self.counts[class] += 1;
        self.sum = Nanos(self.sum.0.saturating_add(latency.0));
    }

    /// How many were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All of them together.
    #[must_use]
    pub const fn sum(&self) -> Nanos {
        self.sum
    }

    /// How many were at most each bound, in the order of [`LATENCY_BOUNDS`].
    pub fn cumulative(&self) -> impl Iterator<Item = (Nanos, u64)> {
        LATENCY_BOUNDS.iter().zip(&self.counts).scan(0, |sum, (bound, count)| {
            *sum += count;
            Some((*bound, *sum))
        })
    }

    /// The smallest bound that a share of them (in thousandths) does not exceed; none where nothing was counted or they lie above
    /// the last bound.
    #[must_use]
    pub fn quantile(&self, permille: u64) -> Option<Nanos> {
        let count = self.count();
        let rank = count.saturating_mul(permille).div_ceil(1000).max(1);
        self.cumulative().find(|(_, n)| count > 0 && *n >= rank).map(|(bound, _)| bound)
    }
}

/// A socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkHealth {
    /// `spot-public`.
    pub name: &'static str,
    /// What it is for.
    pub purpose: Purpose,
    /// Whether everything it is for works.
    pub up: bool,
    /// Where it is: `up`, `connecting`, `waiting`.
    pub state: &'static str,
    /// How often it came up again.
    pub reconnects: u64,
    /// When something was heard last.
    pub heard: Option<Timestamp>,
    /// Frames heard.
    pub messages: u64,
    /// Frames that could not be read.
    pub unread: u64,
}

/// A rate limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateHealth {
    /// Its name.
    pub name: &'static str,
    /// Used in its window.
    pub used: u32,
    /// Most in a window.
    pub capacity: u32,
}

/// A venue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VenueHealth {
    /// `binance`.
    pub name: String,
    /// Its sockets.
    pub links: Vec<LinkHealth>,
    /// Books that had a gap and were taken anew.
    pub gaps: u64,
    /// The venue's clock less ours.
    pub clock_offset: Nanos,
    /// From an order command's leaving to its answer.
    pub answers: LatencyHistogram,
    /// Refused commands by reason.
    pub rejects: Vec<(&'static str, u64)>,
    /// Rate limits.
    pub limits: Vec<RateHealth>,
}

/// An account. Amounts are exact decimal text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountHealth {
    /// `binance:spot`.
    pub name: String,
    /// Why it does not trade; none where it does.
    pub halted: Option<String>,
    /// By asset.
    pub balances: Vec<(String, String)>,
    /// By instrument, in base or contracts, signed.
    pub positions: Vec<(String, String)>,
    /// What it is worth, by the asset it is counted in.
    pub equity: Vec<(String, String)>,
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// When it was looked at, its own clock.
    pub at: Timestamp,
    /// `starting`, `reconciling`, `trading`, `stopping`.
    pub state: &'static str,
    /// Its venues.
    pub venues: Vec<VenueHealth>,
    /// Its accounts.
    pub accounts: Vec<AccountHealth>,
    /// Orders that live at a venue.
    pub orders_live: u64,
    /// Orders of which nobody knows what became of them.
    pub orders_unknown: u64,
    /// Bytes of the journal.
    pub journal_bytes: u64,
}

impl Health {
    /// What is not as it should be, in words; empty where everything is.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let links = self.venues.iter().flat_map(|v| v.links.iter().filter(|l| !l.up).map(move |l| (v, l)));
        let links = links.map(|(venue, link)| format!("{} {} is {}", venue.name, link.name, link.state));
        let accounts = self.accounts.iter().filter_map(|a| a.halted.as_ref().map(|why| format!("{} does not trade: {why}", a.name)));
        let unknown = (self.orders_unknown > 0).then(|| format!("{} orders are unknown", self.orders_unknown));
        links.chain(accounts).chain(unknown).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_counted_by_class() {
        let mut seen = LatencyHistogram::default();
        assert_eq!(seen.quantile(500), None);
        for micros in [1, 5, 6, 24, 25, 26, 900, 20_000_000] {
            seen.record(Nanos(micros * 1000));
        }
        assert_eq!(seen.count(), 8);
        let at = |bound: i64| seen.cumulative().find(|(b, _)| b.0 == bound * 1000).unwrap().1;
        assert_eq!((at(5), at(10), at(25), at(50), at(1000), at(10_000_000)), (2, 3, 5, 6, 7, 7));
        assert_eq!(seen.quantile(500), Some(Nanos(25_000)));
        assert_eq!(seen.quantile(1000), None);
        assert_eq!(seen.sum(), Nanos(20_000_987_000));
    }
}

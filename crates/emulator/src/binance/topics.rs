//! The names of the public streams, read once: `btcusdt@depth5@100ms` says whose, what, how deep and how often.
//!
//! Spot "WebSocket streams" and USD-M "Websocket market streams" (2026-07).

use crate::house::Category;

/// How long a candle is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    /// The venue's word for it.
    pub name: &'static str,
    /// Its length in seconds.
    pub seconds: i64,
}

/// Every interval served here. A house remembers minutes of about three days, so seconds, weeks and months are left out.
pub const INTERVALS: [Interval; 13] = [
    Interval { name: "1m", seconds: 60 },
    Interval { name: "3m", seconds: 180 },
    Interval { name: "5m", seconds: 300 },
    Interval { name: "15m", seconds: 900 },
    Interval { name: "30m", seconds: 1_800 },
    Interval { name: "1h", seconds: 3_600 },
    Interval { name: "2h", seconds: 7_200 },
    Interval { name: "4h", seconds: 14_400 },
    Interval { name: "6h", seconds: 21_600 },
    Interval { name: "8h", seconds: 28_800 },
    Interval { name: "12h", seconds: 43_200 },
    Interval { name: "1d", seconds: 86_400 },
    Interval { name: "3d", seconds: 259_200 },
];

impl Interval {
    /// The interval with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        INTERVALS.into_iter().find(|interval| interval.name == name)
    }
}

/// What a stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// Every trade.
    Trade,
    /// Trades of one taker order at one price as one.
    AggTrade,
    /// Best bid and ask at every change.
    BookTicker,
    /// 24 h statistics.
    Ticker,
    /// 24 h statistics, the short form.
    MiniTicker,
    /// A candle as it forms.
    Kline(Interval),
    /// Changes of the book, gathered over so many ms.
    Depth {
        /// How often, ms.
        every_ms: i64,
    },
    /// The best levels of the book, so many of them.
    Levels {
        /// How many a side.
        levels: usize,
        /// How often, ms.
        every_ms: i64,
    },
    /// Mark, index and funding.
    MarkPrice {
        /// How often, ms.
        every_ms: i64,
    },
    /// Liquidations.
    ForceOrder,
}

/// Which of the futures stream addresses carries a channel; the hosts were split in 2026-04.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Books and single trades.
    Public,
    /// Everything derived from them.
    Market,
    /// The account's own.
    Private,
}

impl Channel {
    /// Its address on futures.
    #[must_use]
    pub const fn group(self) -> Group {
        match self {
            Channel::Trade | Channel::BookTicker | Channel::Depth { .. } | Channel::Levels { .. } => Group::Public,
            _ => Group::Market,
        }
    }
}

/// A stream somebody can subscribe to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Topic {
    /// The instrument in upper case; none for all of them (`!miniTicker@arr`).
    pub symbol: Option<String>,
    /// What of it.
    pub channel: Channel,
}

impl Topic {
    /// The stream with this name; none where the venue has no such stream.
    #[must_use]
    pub fn named(name: &str, category: Category) -> Option<Self> {
        if let Some(all) = name.strip_prefix('!') {
            return all_of(all, category).map(|channel| Self { symbol: None, channel });
        }
        let (symbol, rest) = name.split_once('@')?;
        let plain = !symbol.is_empty() && symbol.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let channel = channel_of(rest, category)?;
        plain.then(|| Self { symbol: Some(symbol.to_ascii_uppercase()), channel })
    }
}

fn all_of(name: &str, category: Category) -> Option<Channel> {
    match (name, category) {
        ("miniTicker@arr", _) => Some(Channel::MiniTicker),
        ("bookTicker", Category::Linear) => Some(Channel::BookTicker),
        ("ticker@arr", Category::Linear) => Some(Channel::Ticker),
        ("forceOrder@arr", Category::Linear) => Some(Channel::ForceOrder),
        ("markPrice@arr", Category::Linear) => Some(Channel::MarkPrice { every_ms: 3_000 }),
        ("markPrice@arr@1s", Category::Linear) => Some(Channel::MarkPrice { every_ms: 1_000 }),
        _ => None,
    }
}

fn channel_of(name: &str, category: Category) -> Option<Channel> {
    if let Some(interval) = name.strip_prefix("kline_") {
        return Interval::named(interval).map(Channel::Kline);
    }
    if let Some(rest) = name.strip_prefix("depth") {
        return depth_of(rest, category);
    }
    match (name, category) {
        ("trade", _) => Some(Channel::Trade),
        ("aggTrade", _) => Some(Channel::AggTrade),
        ("bookTicker", _) => Some(Channel::BookTicker),
        ("ticker", _) => Some(Channel::Ticker),
        ("miniTicker", _) => Some(Channel::MiniTicker),
        ("markPrice", Category::Linear) => Some(Channel::MarkPrice { every_ms: 3_000 }),
        ("markPrice@1s", Category::Linear) => Some(Channel::MarkPrice { every_ms: 1_000 }),
        ("forceOrder", Category::Linear) => Some(Channel::ForceOrder),
        _ => None,
    }
}

/// `[levels][@speed]`.
fn depth_of(rest: &str, category: Category) -> Option<Channel> {
    let (levels, speed) = rest.split_once('@').unwrap_or((rest, ""));
    let every_ms = match (speed, category) {
        ("", Category::Spot) => 1_000,
        ("", Category::Linear) => 250,
        ("100ms", _) => 100,
        ("1000ms", Category::Spot) => 1_000,
        ("250ms", Category::Linear) => 250,
        ("500ms", Category::Linear) => 500,
        _ => return None,
    };
    match levels {
        "" => Some(Channel::Depth { every_ms }),
        "5" | "10" | "20" => Some(Channel::Levels { levels: levels.parse().ok()?, every_ms }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_how_deep_and_how_often() {
        let channel = |name, category| Topic::named(name, category).map(|topic| topic.channel);
        assert_eq!(channel("btcusdt@depth", Category::Spot), Some(Channel::Depth { every_ms: 1_000 }));
        assert_eq!(channel("btcusdt@depth@100ms", Category::Linear), Some(Channel::Depth { every_ms: 100 }));
        assert_eq!(channel("btcusdt@depth20@500ms", Category::Linear), Some(Channel::Levels { levels: 20, every_ms: 500 }));
        assert_eq!(channel("btcusdt@depth20@500ms", Category::Spot), None);
        assert_eq!(channel("btcusdt@depth7", Category::Spot), None);
        assert_eq!(channel("btcusdt@markPrice", Category::Spot), None);
        assert_eq!(channel("btcusdt@kline_1s", Category::Linear), None);
        assert!(matches!(channel("btcusdt@kline_15m", Category::Spot), Some(Channel::Kline(interval)) if interval.seconds == 900));
        assert_eq!(channel("BTCUSDT@trade", Category::Spot), None);
        assert_eq!(Topic::named("btcusdt@trade", Category::Spot).unwrap().symbol.as_deref(), Some("BTCUSDT"));
        assert_eq!(Topic::named("!miniTicker@arr", Category::Spot).unwrap().symbol, None);
    }
}

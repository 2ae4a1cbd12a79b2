//! The public topics a socket can follow, read from their names.
//!
//! Source: Bybit v5 documentation, "WebSocket stream / public" (2026-07).

use tradewind_types::Timestamp;

const MINUTE_NS: i64 = 60_000_000_000;
const DAY_NS: i64 = 24 * 60 * MINUTE_NS;

/// A public topic, apart from its symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// `orderbook.{depth}.{symbol}`.
    Book {
        /// Levels a side: 1, 50, 200 or 1000.
        depth: u16,
    },
    /// `publicTrade.{symbol}`.
    Trades,
    /// `tickers.{symbol}`.
    Ticker,
    /// `kline.{interval}.{symbol}`.
    Candles {
        /// The candles' length.
        interval: Interval,
    },
    /// `allLiquidation.{symbol}`.
    Liquidations,
}

impl Subject {
    /// A topic's subject and symbol; `None` where the venue has no such topic.
    pub(super) fn read(topic: &str) -> Option<(Self, &str)> {
        let (name, rest) = topic.split_once('.')?;
        let subject = match name {
            "publicTrade" => Subject::Trades,
            "tickers" => Subject::Ticker,
            "allLiquidation" => Subject::Liquidations,
            "orderbook" | "kline" => {
                let (parameter, symbol) = rest.split_once('.')?;
                let subject = match (name, parameter) {
                    ("orderbook", "1") => Subject::Book { depth: 1 },
                    ("orderbook", "50") => Subject::Book { depth: 50 },
                    ("orderbook", "200") => Subject::Book { depth: 200 },
                    ("orderbook", "1000") => Subject::Book { depth: 1000 },
                    ("kline", interval) => Subject::Candles { interval: Interval::read(interval)? },
                    _ => return None,
                };
                return Some((subject, symbol));
            }
            _ => return None,
        };
        Some((subject, rest))
    }
}

/// A candle's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Interval {
    /// So many minutes, up to twelve hours.
    Minutes(u16),
    /// A day, UTC.
    Day,
    /// A week from Monday, UTC.
    Week,
    /// A calendar month, UTC.
    Month,
}

impl Interval {
    /// From the venue's name of it.
    pub(super) fn read(name: &str) -> Option<Self> {
        match name {
            "D" => Some(Interval::Day),
            "W" => Some(Interval::Week),
            "M" => Some(Interval::Month),
            "1" | "3" | "5" | "15" | "30" | "60" | "120" | "240" | "360" | "720" => name.parse().ok().map(Interval::Minutes),
            _ => None,
        }
    }

    /// The venue's name.
    pub(super) fn name(self) -> String {
        match self {
            Interval::Minutes(minutes) => minutes.to_string(),
            Interval::Day => "D".to_owned(),
            Interval::Week => "W".to_owned(),
            Interval::Month => "M".to_owned(),
        }
    }

    /// When the candle that holds `at` began.
    pub(super) fn start(self, at: Timestamp) -> Timestamp {
        let day = at.0.div_euclid(DAY_NS);
        match self {
            Interval::Minutes(minutes) => {
                let span = i64::from(minutes) * MINUTE_NS;
                Timestamp(at.0.div_euclid(span) * span)
            }
            Interval::Day => Timestamp(day * DAY_NS),
            // The first of January 1970 was a Thursday.
            Interval::Week => Timestamp((day - (day + 3).rem_euclid(7)) * DAY_NS),
            Interval::Month => Timestamp((day - i64::from(day_of_month(day)) + 1) * DAY_NS),
        }
    }

    /// When the candle that began at `start` ends and the next begins.
    pub(super) fn end(self, start: Timestamp) -> Timestamp {
        match self {
            Interval::Minutes(minutes) => Timestamp(start.0 + i64::from(minutes) * MINUTE_NS),
            Interval::Day => Timestamp(start.0 + DAY_NS),
            Interval::Week => Timestamp(start.0 + 7 * DAY_NS),
            Interval::Month => self.start(Timestamp(start.0 + 31 * DAY_NS)),
        }
    }
}

/// The day of the month of a day counted from 1970 (Hinnant, "chrono-compatible low-level date algorithms").
fn day_of_month(day: i64) -> u8 {
    let day_of_era = (day + 719_468).rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    u8::try_from(day_of_year - (153 * month + 2) / 5 + 1).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics() {
        assert_eq!(Subject::read("orderbook.50.BTCUSDT"), Some((Subject::Book { depth: 50 }, "BTCUSDT")));
        assert_eq!(Subject::read("kline.D.ETHUSDT"), Some((Subject::Candles { interval: Interval::Day }, "ETHUSDT")));
        assert_eq!(Subject::read("publicTrade.BTCUSDT-26JUN26"), Some((Subject::Trades, "BTCUSDT-26JUN26")));
        for bad in ["orderbook.7.BTCUSDT", "kline.2.BTCUSDT", "orderbook", "order", "trade.BTCUSDT", ""] {
            assert_eq!(Subject::read(bad), None, "{bad}");
        }
    }

    /// 2024-02-29T13:37:00Z is 1709213820; that day was a Thursday.
    #[test]
    fn candles_begin_on_the_calendar() {
        let at = Timestamp(1_709_213_820_000_000_000);
        let seconds = |interval: &str| Interval::read(interval).unwrap().start(at).0 / 1_000_000_000;
        assert_eq!(seconds("5"), 1_709_213_700);
        assert_eq!(seconds("720"), 1_709_208_000);
        assert_eq!(seconds("D"), 1_709_164_800);
        assert_eq!(seconds("W"), 1_708_905_600, "Monday the 26th");
        assert_eq!(seconds("M"), 1_706_745_600, "the first of February");
        let end = Interval::Month.end(Interval::Month.start(at));
        assert_eq!(end.0 / 1_000_000_000, 1_709_251_200, "the first of March");
    }
}

//! Candles of the venue's intervals, put together from the house's minutes and days.

use super::figures;
use super::json::{Object, array};
use super::topic::Interval;
use crate::house::{Candle, House, Listing};
use tradewind_types::{Nanos, Timestamp};

/// Candles of an interval, oldest first; the last one is not over.
pub(super) fn series(interval: Interval, listing: &Listing, house: &House) -> Vec<Candle> {
    let Some(tape) = house.tape(listing.id()) else { return Vec::new() };
    match interval {
        Interval::Minutes(minutes) => tape.candles(Nanos::from_secs(60 * i64::from(minutes))),
        Interval::Day => tape.candles(Nanos::from_secs(86_400)),
        Interval::Week | Interval::Month => tape.candles(Nanos::from_secs(86_400)).into_iter().fold(Vec::new(), |mut joined, day| {
            let start = interval.start(day.open_at);
            match joined.last_mut() {
                Some(last) if last.open_at == start => *last = merged(last, &day),
                _ => joined.push(Candle { open_at: start, ..day }),
            }
            joined
        }),
    }
}

fn merged(first: &Candle, next: &Candle) -> Candle {
    let mut all = *first;
    (all.high, all.low, all.close) = (first.high.max(next.high), first.low.min(next.low), next.close);
    all.volume.0 += next.volume.0;
    all.value.0 += next.value.0;
    all
}

/// The candle that is not over, as its followers hear of it.
pub(super) fn current_message(now: Timestamp, interval: Interval, listing: &Listing, house: &House) -> Option<String> {
    let candle = match interval {
        Interval::Minutes(minutes) => house.tape(listing.id())?.current(Nanos::from_secs(60 * i64::from(minutes)))?,
        Interval::Day | Interval::Week | Interval::Month => *series(interval, listing, house).last()?,
    };
    Some(message(now, interval, &candle, listing, "false"))
}

/// A candle that is over.
pub(super) fn closed_message(now: Timestamp, interval: Interval, start: Timestamp, listing: &Listing, house: &House) -> Option<String> {
    let candles = series(interval, listing, house);
    let candle = candles.iter().rev().find(|candle| candle.open_at == start)?;
    Some(message(now, interval, candle, listing, "true"))
}

fn message(now: Timestamp, interval: Interval, candle: &Candle, listing: &Listing, is_over: &str) -> String {
    let now_ms = figures::millis(now);
    let data = Object::new()
        .raw("start", figures::millis(candle.open_at))
        .raw("end", figures::millis(interval.end(candle.open_at)) - 1)
        .text("interval", interval.name())
        .text("open", figures::price(listing, candle.open))
        .text("close", figures::price(listing, candle.close))
        .text("high", figures::price(listing, candle.high))
        .text("low", figures::price(listing, candle.low))
        .text("volume", figures::qty(listing, candle.volume))
        .text("turnover", figures::amount(candle.value))
        .raw("confirm", is_over)
        .raw("timestamp", now_ms);
    let topic = format!("kline.{}.{}", interval.name(), listing.symbol());
    Object::new().text("topic", topic).text("type", "snapshot").raw("ts", now_ms).raw("data", array([data.close()])).close()
}

//! Market data: books, trades, tickers and bars from a public stream.
//!
//! Frames are read in one walk, as the topic comes before the data. Sources: Bybit's v5 documents (`websocket/public/*`), read
//! 2026-07, and a recorded session of 2026-08.

use super::frame::Scan;
use super::ids;
use crate::digits::Step;
use crate::directory::{Directory, Listed, Market};
use crate::error::MapError;
use crate::message::{Inbox, MarkChange, Message};
use std::borrow::Cow;
use tradewind_types::{Bar, DepthKind, LevelChange, Price, Qty, Quote, Rate, Sequence, Side, Timestamp, Trade, TradeId};

/// What stands around the data of a frame.
#[derive(Clone, Copy, Default)]
pub(super) struct Envelope<'a> {
    kind: Option<&'a [u8]>,
    ts_ms: Option<u64>,
}

impl Envelope<'_> {
    fn ts(&self, scan: &Scan<'_>) -> Result<Timestamp, MapError> {
        self.ts_ms.map(millis).ok_or_else(|| scan.expected("`ts` before the end of the frame"))
    }

    fn depth_kind(&self, scan: &Scan<'_>) -> Result<DepthKind, MapError> {
        match self.kind {
            Some(b"snapshot") => Ok(DepthKind::Snapshot),
            Some(b"delta") => Ok(DepthKind::Delta),
            _ => Err(scan.expected("`type` of `snapshot` or `delta` before the end of the frame")),
        }
    }
}

/// What a frame of a public stream was.
pub(super) enum Frame {
    /// Market data; its messages are in the inbox.
    Data,
    /// Market data that nobody here follows.
    Foreign,
    /// No market data: an answer to something that was sent.
    Session,
}

/// Milliseconds of a venue's clock.
#[inline]
pub(super) fn millis(ms: u64) -> Timestamp {
    Timestamp(i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(1_000_000))
}

/// Reads a frame of a public stream.
pub(super) fn read(market: Market, directory: &Directory, frame: &[u8], inbox: &mut Inbox) -> Result<Frame, MapError> {
    let mut scan = Scan::new("frame", frame);
    let (mut first, mut around) = (true, Envelope::default());
    let (mut topic, mut data) = (None, None);
    scan.expect(b'{')?;
    while let Some(key) = scan.key(&mut first)? {
        match key {
            b"topic" => topic = Some(scan.text()?),
            b"type" => around.kind = Some(scan.text()?),
            b"ts" => around.ts_ms = Some(scan.whole()?),
            b"data" if topic.is_some() => {
                data = Some(scan);
                break;
            }
            b"data" => {
                data = Some(scan);
                scan.pass()?;
            }
            _ => scan.pass()?,
        }
    }
    let Some(topic) = topic else { return Ok(Frame::Session) };
    let Some(data) = data else { return Err(scan.expected("`data`")) };
    let Some((what, listed)) = followed(market, directory, topic) else { return Ok(Frame::Foreign) };
    match what {
        Topic::Book => book(data.called("orderbook"), around, listed, inbox)?,
        Topic::Touch => touch(data.called("orderbook.1"), around, listed, inbox)?,
        Topic::Trades => trades(data.called("publicTrade"), around, listed, inbox)?,
        Topic::Ticker => ticker(data.called("tickers"), around, listed, inbox)?,
        Topic::Bars => bars(data.called("kline"), around, listed, inbox)?,
    }
    Ok(Frame::Data)
}

enum Topic {
    Book,
    Touch,
    Trades,
    Ticker,
    Bars,
}

/// What a topic is about; none where nobody here follows it.
#[inline]
fn followed<'d>(market: Market, directory: &'d Directory, topic: &[u8]) -> Option<(Topic, &'d Listed)> {
    let topic = std::str::from_utf8(topic).ok()?;
    let (name, rest) = topic.split_once('.')?;
    let (what, symbol) = match name {
        "orderbook" => match rest.split_once('.')? {
            ("1", symbol) => (Topic::Touch, symbol),
            (depth, symbol) if depth.bytes().all(|b| b.is_ascii_digit()) => (Topic::Book, symbol),
            _ => return None,
        },
        "publicTrade" => (Topic::Trades, rest),
        "tickers" => (Topic::Ticker, rest),
        "kline" => (Topic::Bars, rest.strip_prefix("1.")?),
        _ => return None,
    };
    directory.find(market, symbol).map(|listed| (what, listed))
}

/// What comes behind the data, to the end of the frame.
fn tail<'a>(scan: &mut Scan<'a>, mut around: Envelope<'a>) -> Result<Envelope<'a>, MapError> {
    let mut first = false;
    while let Some(key) = scan.key(&mut first)? {
        match key {
            b"type" => around.kind = Some(scan.text()?),
            b"ts" => around.ts_ms = Some(scan.whole()?),
            _ => scan.pass()?,
        }
    }
    scan.end()?;
    Ok(around)
}

/// A number as text, in steps.
#[inline]
fn steps(scan: &mut Scan<'_>, step: Step, what: &'static str, field: &'static str) -> Result<i64, MapError> {
    let at = *scan;
    if let Some(plain) = scan.plain()
        && let Some(units) = step.of_scaled(plain.mantissa, plain.scale)
    {
        return Ok(units);
    }
    *scan = at;
    let text = scan.text()?;
    step.units(text).map_err(|why| number(what, field, text, why))
}

#[cold]
fn number(what: &'static str, field: &'static str, text: &[u8], why: crate::DigitsError) -> MapError {
    MapError::Number { what, field: Cow::Borrowed(field), text: String::from_utf8_lossy(text).into_owned(), why }
}

#[inline]
fn levels(scan: &mut Scan<'_>, listed: &Listed, side: Side, changes: &mut Vec<LevelChange>) -> Result<(), MapError> {
    scan.expect(b'[')?;
    let mut first = true;
    while scan.element(&mut first)? {
        let at = *scan;
        if let Some((price, qty)) = scan.plain_pair()
            && let Some(price) = listed.grid.tick.of_scaled(price.mantissa, price.scale)
            && let Some(qty) = listed.grid.lot.of_scaled(qty.mantissa, qty.scale)
        {
            changes.push(LevelChange { side, price: Price(price), qty: Qty(qty) });
            continue;
        }
        *scan = at;
        scan.expect(b'[')?;
        let price = Price(steps(scan, listed.grid.tick, "orderbook", "price")?);
        scan.expect(b',')?;
        let qty = Qty(steps(scan, listed.grid.lot, "orderbook", "size")?);
        scan.expect(b']')?;
        changes.push(LevelChange { side, price, qty });
    }
    Ok(())
}

/// The levels and the update id of a book's data.
#[inline]
fn book_data(scan: &mut Scan<'_>, listed: &Listed, changes: &mut Vec<LevelChange>) -> Result<u64, MapError> {
    let (mut first, mut update) = (true, None);
    scan.expect(b'{')?;
    while let Some(key) = scan.key(&mut first)? {
        match key {
            b"b" => levels(scan, listed, Side::Buy, changes)?,
            b"a" => levels(scan, listed, Side::Sell, changes)?,
            b"u" => update = Some(scan.whole()?),
            _ => scan.pass()?,
        }
    }
    update.ok_or(MapError::Missing { what: "orderbook", field: "u" })
}

fn book<'a>(mut scan: Scan<'a>, around: Envelope<'a>, listed: &Listed, inbox: &mut Inbox) -> Result<(), MapError> {
    let from = inbox.changes.len();
    let update = book_data(&mut scan, listed, &mut inbox.changes)?;
    let around = tail(&mut scan, around)?;
    let (ts, kind) = (around.ts(&scan)?, around.depth_kind(&scan)?);
    inbox.depth(ts, listed.id, kind, Sequence { first: update, last: update, previous: None }, from);
    Ok(())
}

/// The answer to a question for a book: its data alone, as a snapshot. Its update id is of a count of its own, so no delta of a stream
/// follows it.
pub(super) fn snapshot(data: &[u8], listed: &Listed, inbox: &mut Inbox) -> Result<(), MapError> {
    let from = inbox.changes.len();
    let mut scan = Scan::new("market/orderbook", data);
    let update = book_data(&mut scan, listed, &mut inbox.changes)?;
    scan.end()?;
    let (mut again, mut first, mut ts_ms) = (Scan::new("market/orderbook", data), true, None);
    again.expect(b'{')?;
    while let Some(key) = again.key(&mut first)? {
        match key {
            b"ts" => ts_ms = Some(again.whole()?),
            _ => again.pass()?,
        }
    }
    let ts = ts_ms.map(millis).ok_or(MapError::Missing { what: "market/orderbook", field: "ts" })?;
    inbox.depth(ts, listed.id, DepthKind::Snapshot, Sequence { first: update, last: update, previous: None }, from);
    Ok(())
}

/// The book of depth 1 comes as snapshots only, so each one is a quote; with a side empty there is none.
fn touch<'a>(mut scan: Scan<'a>, around: Envelope<'a>, listed: &Listed, inbox: &mut Inbox) -> Result<(), MapError> {
    let from = inbox.changes.len();
    book_data(&mut scan, listed, &mut inbox.changes)?;
    let around = tail(&mut scan, around)?;
    let ts = around.ts(&scan)?;
    let best = |side| inbox.changes.get(from..).unwrap_or_default().iter().find(|c| c.side == side && c.qty.0 > 0).copied();
    let quote = best(Side::Buy).zip(best(Side::Sell)).map(|(bid, ask)| Quote {
        instrument: listed.id,
        bid: bid.price,
        bid_qty: bid.qty,
        ask: ask.price,
        ask_qty: ask.qty,
    });
    inbox.changes.truncate(from);
    inbox.messages.extend(quote.map(|quote| Message::Quote(ts, quote)));
    Ok(())
}

fn trades<'a>(mut scan: Scan<'a>, around: Envelope<'a>, listed: &Listed, inbox: &mut Inbox) -> Result<(), MapError> {
    scan.expect(b'[')?;
    let mut first = true;
    while scan.element(&mut first)? {
        let (ts, trade) = trade(&mut scan, listed)?;
        inbox.messages.push(Message::Trade(ts, trade));
    }
    tail(&mut scan, around)?;
    Ok(())
}

#[inline]
fn trade(scan: &mut Scan<'_>, listed: &Listed) -> Result<(Timestamp, Trade), MapError> {
    let missing = |field| MapError::Missing { what: "publicTrade", field };
    let (mut ts, mut price, mut qty, mut id, mut aggressor) = (None, None, None, None, None);
    let mut first = true;
    scan.expect(b'{')?;
    while let Some(key) = scan.key(&mut first)? {
        match key {
            b"T" => ts = Some(millis(scan.whole()?)),
            b"p" => price = Some(Price(steps(scan, listed.grid.tick, "publicTrade", "p")?)),
            b"v" => qty = Some(Qty(steps(scan, listed.grid.lot, "publicTrade", "v")?)),
            b"i" => id = Some(TradeId(ids::number(scan.text()?))),
            b"S" => aggressor = Some(side(scan.text()?)?),
            _ => scan.pass()?,
        }
    }
    let trade = Trade {
        instrument: listed.id,
        trade: id.ok_or(missing("i"))?,
        price: price.ok_or(missing("p"))?,
        qty: qty.ok_or(missing("v"))?,
        aggressor: aggressor.ok_or(missing("S"))?,
    };
    Ok((ts.ok_or(missing("T"))?, trade))
}

#[inline]
fn side(word: &[u8]) -> Result<Side, MapError> {
    match word {
        b"Buy" => Ok(Side::Buy),
        b"Sell" => Ok(Side::Sell),
        _ => Err(MapError::UnknownWord { what: "publicTrade", field: "S", text: String::from_utf8_lossy(word).into_owned() }),
    }
}

/// A derivative's mark, index and funding; a spot ticker has none of them. Deltas leave out what has not changed.
fn ticker<'a>(mut scan: Scan<'a>, around: Envelope<'a>, listed: &Listed, inbox: &mut Inbox) -> Result<(), MapError> {
    let mut change = MarkChange { instrument: listed.id, mark: None, index: None, funding_rate: None, next_funding: None };
    let mut first = true;
    scan.expect(b'{')?;
    while let Some(key) = scan.key(&mut first)? {
        match key {
            b"markPrice" => change.mark = worked_out(&mut scan, "markPrice", listed)?,
            b"indexPrice" => change.index = worked_out(&mut scan, "indexPrice", listed)?,
            b"fundingRate" => {
                let text = scan.text()?;
                change.funding_rate = Some(rate(text).map_err(|why| number("tickers", "fundingRate", text, why))?);
            }
            b"nextFundingTime" => change.next_funding = Some(if scan.takes_empty() { Timestamp::default() } else { millis(scan.whole()?) }),
            _ => scan.pass()?,
        }
    }
    let around = tail(&mut scan, around)?;
    let (ts, kind) = (around.ts(&scan)?, around.depth_kind(&scan)?);
    match kind {
        DepthKind::Snapshot => inbox.mark_stated(ts, change),
        DepthKind::Delta => inbox.mark_changed(ts, change),
    }
    Ok(())
}

/// A price that is worked out rather than traded lies between ticks.
fn worked_out(scan: &mut Scan<'_>, field: &'static str, listed: &Listed) -> Result<Option<Price>, MapError> {
    let text = scan.text()?;
    if text.is_empty() {
        return Ok(None);
    }
    listed.grid.tick.nearest(text).map(|ticks| Some(Price(ticks))).map_err(|why| number("tickers", field, text, why))
}

/// A rate; none is zero.
pub(super) fn rate(text: &[u8]) -> Result<Rate, crate::DigitsError> {
    let units = crate::digits::amount(text, 8)?.0;
    i64::try_from(units).map(Rate).map_err(|_| crate::DigitsError::TooLarge)
}

/// Bars; those that are not closed yet are passed over.
fn bars<'a>(mut scan: Scan<'a>, around: Envelope<'a>, listed: &Listed, inbox: &mut Inbox) -> Result<(), MapError> {
    scan.expect(b'[')?;
    let mut first = true;
    while scan.element(&mut first)? {
        if let Some((ts, bar)) = bar(&mut scan, listed)? {
            inbox.messages.push(Message::Bar(ts, bar));
        }
    }
    tail(&mut scan, around)?;
    Ok(())
}

fn bar(scan: &mut Scan<'_>, listed: &Listed) -> Result<Option<(Timestamp, Bar)>, MapError> {
    const PRICES: [&[u8]; 4] = [b"open", b"high", b"low", b"close"];
    let missing = |field| MapError::Missing { what: "kline", field };
    let (mut start, mut end, mut prices, mut volume, mut closed) = (None, None, [None; 4], None, false);
    let mut first = true;
    scan.expect(b'{')?;
    while let Some(key) = scan.key(&mut first)? {
        if let Some(place) = PRICES.iter().position(|name| *name == key) {
            prices[place] = Some(Price(steps(scan, listed.grid.tick, "kline", "price")?));
            continue;
        }
        match key {
            b"start" => start = Some(millis(scan.whole()?)),
            // The last millisecond that belongs to it.
            b"end" => end = Some(millis(scan.whole()?.saturating_add(1))),
            b"volume" => volume = Some(Qty(steps(scan, listed.grid.lot, "kline", "volume")?)),
            b"confirm" => closed = scan.truth()?,
            _ => scan.pass()?,
        }
    }
    let [Some(open), Some(high), Some(low), Some(close)] = prices else { return Err(missing("open, high, low, close")) };
    let volume = volume.ok_or(missing("volume"))?;
    let bar = Bar { instrument: listed.id, open_ts: start.ok_or(missing("start"))?, open, high, low, close, volume };
    Ok(closed.then_some((end.ok_or(missing("end"))?, bar)))
}

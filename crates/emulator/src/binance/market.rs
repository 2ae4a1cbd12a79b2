//! Public market data, alike on both markets but for a few fields.

use super::desk::Ask;
use super::figures::{lots, money, ms, price, qty};
use super::json::{Object, Raw, Render, fields, object, rows};
use super::refusal::Refusal;
use super::topics::Interval;
use crate::house::{Candle, Category, House, Level, Listing, PublicTrade};
use tradewind_types::{Amount, Nanos, Price, Qty, Side, Timestamp};

/// `{}`.
///
/// # Errors
/// None.
pub fn ping(_: &mut Ask<'_>) -> Result<Raw, Refusal> {
    Ok(object! {})
}

/// The venue's clock.
///
/// # Errors
/// None.
pub fn time(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    Ok(object! { "serverTime": ms(ask.now) })
}

/// `[["price","qty"], ...]`.
#[must_use]
pub fn levels(listing: &Listing, levels: &[Level]) -> Vec<[String; 2]> {
    levels.iter().map(|level| [price(listing, level.price), qty(listing, level.qty)]).collect()
}

/// Number that a book's change has on the wire. On futures numbers are shared by all books, so that one book's have gaps between them:
/// there a change's number is three times the house's, and the first of a run comes two after the last of the run before.
#[must_use]
pub const fn last_number(category: Category, update: u64) -> u64 {
    match category {
        Category::Spot => update,
        Category::Linear => update.saturating_mul(3),
    }
}

/// Number that the first of a run of changes has on the wire; see [`last_number`].
#[must_use]
pub const fn first_number(category: Category, update: u64) -> u64 {
    match category {
        Category::Spot => update,
        Category::Linear => update.saturating_mul(3).saturating_sub(1),
    }
}

/// The book.
///
/// # Errors
/// -1121; on futures -4021 for a number of levels that is not offered.
pub fn depth(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let listing = ask.listing()?;
    let usual = if ask.category == Category::Spot { 100 } else { 500 };
    let limit = ask.params.limit(usual, 5_000)?;
    if ask.category == Category::Linear && ![5, 10, 20, 50, 100, 500, 1_000].contains(&limit) {
        return Err(Refusal::new(-4021, format!("{limit} is not valid depth limit")));
    }
    let book = ask.house.depth(listing.id(), limit);
    let head = fields! { "lastUpdateId": last_number(ask.category, book.update) };
    let head = if ask.category == Category::Linear { head.with("E", ms(ask.now)).with("T", ms(ask.now)) } else { head };
    Ok(head.with("bids", levels(listing, &book.bids)).with("asks", levels(listing, &book.asks)).end())
}

/// Recent trades, oldest first.
///
/// # Errors
/// -1121.
pub fn trades(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let listing = ask.listing()?;
    let limit = ask.params.limit(500, 1_000)?;
    let Some(tape) = ask.house.tape(listing.id()) else { return Ok(Raw("[]".to_owned())) };
    let from = ask.params.integer("fromId")?.and_then(|id| u128::try_from(id).ok());
    let chosen: Vec<&PublicTrade> = match from {
        Some(from) => tape.trades().filter(|trade| trade.trade >= from).take(limit).collect(),
        None => tape.trades().skip(tape.trades().len().saturating_sub(limit)).collect(),
    };
    let one = |trade: &PublicTrade| {
        object! {
            "id": trade.trade,
            "price": price(listing, trade.price),
            "qty": qty(listing, trade.qty),
            "quoteQty": money(trade.value),
            "time": ms(trade.at),
            "isBuyerMaker": trade.aggressor == Side::Sell,
            "isBestMatch": true,
        }
    };
    Ok(rows(&chosen.into_iter().map(one).collect::<Vec<_>>()))
}

/// Trades of one taker at one price as one; numbered by the first of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aggregate {
    /// First trade.
    pub first: u128,
    /// Last trade.
    pub last: u128,
    /// At what price.
    pub price: Price,
    /// Together.
    pub qty: Qty,
    /// Who took.
    pub aggressor: Side,
    /// When.
    pub at: Timestamp,
}

/// Puts trades together; see [`Aggregate`].
#[must_use]
pub fn aggregated<'a>(trades: impl Iterator<Item = &'a PublicTrade>) -> Vec<Aggregate> {
    let mut found: Vec<Aggregate> = Vec::new();
    for t in trades {
        match found.last_mut() {
            Some(last) if (last.price, last.aggressor, last.at) == (t.price, t.aggressor, t.at) => {
                last.last = t.trade;
                last.qty.0 = last.qty.0.saturating_add(t.qty.0);
            }
            _ => found.push(Aggregate { first: t.trade, last: t.trade, price: t.price, qty: t.qty, aggressor: t.aggressor, at: t.at }),
        }
    }
    found
}

/// The fields that an aggregate has in an answer and in a stream alike.
#[must_use]
pub fn aggregate_fields(listing: &Listing, trade: &Aggregate) -> Object {
    fields! {
        "a": trade.first,
        "p": price(listing, trade.price),
        "q": qty(listing, trade.qty),
        "f": trade.first,
        "l": trade.last,
        "T": ms(trade.at),
        "m": trade.aggressor == Side::Sell,
    }
}

/// Recent trades, those of one taker at one price as one.
///
/// # Errors
/// -1121.
pub fn agg_trades(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let listing = ask.listing()?;
    let limit = ask.params.limit(500, 1_000)?;
    let (since, until) = (ask.params.moment("startTime")?, ask.params.moment("endTime")?);
    let from = ask.params.integer("fromId")?.and_then(|id| u128::try_from(id).ok());
    let Some(tape) = ask.house.tape(listing.id()) else { return Ok(Raw("[]".to_owned())) };
    let all = aggregated(tape.trades().filter(|t| {
        let since = since.is_none_or(|since| ms(t.at) >= ms(since));
        let until = until.is_none_or(|until| ms(t.at) <= ms(until));
        since && until && from.is_none_or(|from| t.trade >= from)
    }));
    let from_the_start = since.is_some() || from.is_some();
    let skipped = if from_the_start { 0 } else { all.len().saturating_sub(limit) };
    let spot = ask.category == Category::Spot;
    let one = |trade: &Aggregate| {
        let fields = aggregate_fields(listing, trade);
        if spot { fields.with("M", true).end() } else { fields.end() }
    };
    Ok(rows(&all.iter().skip(skipped).take(limit).map(one).collect::<Vec<_>>()))
}

/// When a candle of this interval ends: the last millisecond of it.
#[must_use]
pub const fn close_ms(candle: &Candle, interval: Interval) -> i64 {
    ms(candle.open_at) + interval.seconds * 1_000 - 1
}

fn candle_row(listing: &Listing, candle: &Candle, interval: Interval) -> Raw {
    let mut row = String::from("[");
    let mut cell = |value: &dyn Render, end: char| {
        value.render(&mut row);
        row.push(end);
    };
    cell(&ms(candle.open_at), ',');
    for at in [candle.open, candle.high, candle.low, candle.close] {
        cell(&price(listing, at), ',');
    }
    cell(&qty(listing, candle.volume), ',');
    cell(&close_ms(candle, interval), ',');
    cell(&money(candle.value), ',');
    cell(&candle.trades, ',');
    cell(&qty(listing, candle.bought), ',');
    cell(&money(candle.bought_value), ',');
    cell(&"0", ']');
    Raw(row)
}

/// Candles, oldest first; the last one may not be over.
///
/// # Errors
/// -1121; -1120 for an interval that is not offered.
pub fn klines(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let listing = ask.listing()?;
    let named = ask.params.required("interval")?;
    let interval = Interval::named(named).ok_or_else(|| Refusal::new(-1120, "Invalid interval."))?;
    let limit = ask.params.limit(500, if ask.category == Category::Spot { 1_000 } else { 1_500 })?;
    let (since, until) = (ask.params.moment("startTime")?, ask.params.moment("endTime")?);
    let Some(tape) = ask.house.tape(listing.id()) else { return Ok(Raw("[]".to_owned())) };
    let all = tape.candles(Nanos::from_secs(interval.seconds));
    let meant = |candle: &&Candle| since.is_none_or(|s| candle.open_at >= s) && until.is_none_or(|u| candle.open_at <= u);
    let chosen: Vec<&Candle> = all.iter().filter(meant).collect();
    let skipped = if since.is_some() { 0 } else { chosen.len().saturating_sub(limit) };
    let shown = chosen.into_iter().skip(skipped).take(limit).map(|candle| candle_row(listing, candle, interval));
    Ok(rows(&shown.collect::<Vec<_>>()))
}

/// What an instrument did in 24 hours, with its best bid and ask.
#[derive(Clone, Copy, Debug)]
pub struct Day {
    /// The 24 hours as one candle.
    pub candle: Candle,
    /// The last trade.
    pub last: Option<PublicTrade>,
}

impl Day {
    /// Of an instrument; nought everywhere where nothing ever traded.
    #[must_use]
    pub fn of(house: &House, listing: &Listing, now: Timestamp) -> Self {
        let tape = house.tape(listing.id());
        let candle = tape.and_then(|tape| tape.day(now)).unwrap_or(Candle::flat(now, Price(0)));
        Self { candle, last: tape.and_then(|tape| tape.trades().next_back().copied()) }
    }

    /// Last price less first price.
    #[must_use]
    pub const fn change(&self) -> i64 {
        self.candle.close.0 - self.candle.open.0
    }

    /// The change in percent of the first price, to a thousandth.
    #[must_use]
    pub fn change_percent(&self) -> String {
        let open = i128::from(self.candle.open.0).max(1);
        crate::house::decimal_text(i128::from(self.change()) * 100_000 / open, 3, 3)
    }

    /// The mean price, weighted by quantity.
    #[must_use]
    pub fn mean(&self, listing: &Listing) -> String {
        super::figures::average(listing, self.candle.value, self.candle.volume)
    }
}

/// A change of a price, with its sign.
#[must_use]
pub fn price_change(listing: &Listing, ticks: i64) -> String {
    price(listing, Price(ticks))
}

fn ticker_of(ask: &Ask<'_>, listing: &Listing) -> Raw {
    let day = Day::of(ask.house, listing, ask.now);
    let (bid, ask_side) = ask.house.top(listing.id());
    let nought = Level { price: Price(0), qty: Qty::ZERO };
    let (best_bid, best_ask) = (bid.unwrap_or(nought), ask_side.unwrap_or(nought));
    let head = fields! {
        "symbol": listing.symbol(),
        "priceChange": price_change(listing, day.change()),
        "priceChangePercent": day.change_percent(),
        "weightedAvgPrice": day.mean(listing),
        "lastPrice": price(listing, day.candle.close),
        "lastQty": lots(listing, day.last.map_or(0, |trade| trade.qty.0)),
        "openPrice": price(listing, day.candle.open),
        "highPrice": price(listing, day.candle.high),
        "lowPrice": price(listing, day.candle.low),
        "volume": qty(listing, day.candle.volume),
        "quoteVolume": money(day.candle.value),
        "openTime": ms(day.candle.open_at),
        "closeTime": ms(ask.now),
        "firstId": day.candle.first_trade,
        "lastId": day.candle.last_trade,
        "count": day.candle.trades,
    };
    if ask.category == Category::Linear {
        return head.end();
    }
    head.with("prevClosePrice", price(listing, day.candle.open))
        .with("bidPrice", price(listing, best_bid.price))
        .with("bidQty", qty(listing, best_bid.qty))
        .with("askPrice", price(listing, best_ask.price))
        .with("askQty", qty(listing, best_ask.qty))
        .end()
}

/// One object where a symbol was asked for, an array where not.
fn one_or_all(ask: &Ask<'_>, one: impl Fn(&Listing) -> Raw) -> Result<Raw, Refusal> {
    let listings = ask.listings()?;
    match (ask.params.get("symbol"), listings.as_slice()) {
        (Some(_), [listing]) => Ok(one(listing)),
        _ => Ok(rows(&listings.into_iter().map(one).collect::<Vec<_>>())),
    }
}

/// 24 h statistics.
///
/// # Errors
/// -1121.
pub fn ticker_day(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    one_or_all(ask, |listing| ticker_of(ask, listing))
}

/// The last price.
///
/// # Errors
/// -1121.
pub fn ticker_price(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    one_or_all(ask, |listing| {
        let last = ask.house.tape(listing.id()).and_then(|tape| tape.last_price()).unwrap_or(Price(0));
        let head = fields! { "symbol": listing.symbol(), "price": price(listing, last) };
        if ask.category == Category::Linear { head.with("time", ms(ask.now)).end() } else { head.end() }
    })
}

/// Best bid and ask.
///
/// # Errors
/// -1121.
pub fn ticker_book(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    one_or_all(ask, |listing| {
        let (bid, best_ask) = ask.house.top(listing.id());
        let nought = Level { price: Price(0), qty: Qty::ZERO };
        let (bid, best_ask) = (bid.unwrap_or(nought), best_ask.unwrap_or(nought));
        let head = fields! {
            "symbol": listing.symbol(),
            "bidPrice": price(listing, bid.price),
            "bidQty": qty(listing, bid.qty),
            "askPrice": price(listing, best_ask.price),
            "askQty": qty(listing, best_ask.qty),
        };
        if ask.category == Category::Linear {
            let update = last_number(ask.category, ask.house.update(listing.id()));
            head.with("time", ms(ask.now)).with("lastUpdateId", update).end()
        } else {
            head.end()
        }
    })
}

/// The mean price of the last five minutes.
///
/// # Errors
/// -1121.
pub fn average_price(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let listing = ask.listing()?;
    let since = Timestamp(ask.now.0 - Nanos::from_secs(300).0);
    let mut value = Amount::ZERO;
    let mut traded = Qty::ZERO;
    let mut last = ask.now;
    for trade in ask.house.tape(listing.id()).into_iter().flat_map(|tape| tape.trades()).filter(|trade| trade.at >= since) {
        value.0 = value.0.saturating_add(trade.value.0);
        traded.0 = traded.0.saturating_add(trade.qty.0);
        last = trade.at;
    }
    Ok(object! { "mins": 5, "price": super::figures::average(listing, value, traded), "closeTime": ms(last) })
}

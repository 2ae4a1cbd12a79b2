//! One public stream: what it gathers between two messages, and the messages.

use super::figures::{average, money, ms, price, price_or_nought, qty, rate};
use super::json::{Object, Raw, fields, object, rows};
use super::market::{Aggregate, Day, aggregate_fields, close_ms, first_number, last_number, levels, price_change};
use super::topics::{Channel, Interval, Topic};
use crate::house::{Candle, Category, FillRecord, House, Level, Listing, News, PublicTrade};
use std::collections::BTreeMap;
use tradewind_types::{InstrumentId, LevelChange, Nanos, Price, Qty, Side, Timestamp};

/// What a stream is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// On which market.
    pub category: Category,
    /// Of which instrument; none: of all.
    pub instrument: Option<InstrumentId>,
    /// What of it.
    pub channel: Channel,
}

/// What a named stream is about; nothing where its symbol is not listed.
#[must_use]
pub fn subject_of(category: Category, topic: &Topic, house: &House) -> Option<Subject> {
    let Some(symbol) = &topic.symbol else { return Some(Subject { category, instrument: None, channel: topic.channel }) };
    let listing = house.find_listing(category, symbol)?;
    Some(Subject { category, instrument: Some(listing.id()), channel: topic.channel })
}

const fn every_ms(category: Category, channel: Channel) -> Option<i64> {
    match channel {
        Channel::Trade | Channel::AggTrade | Channel::BookTicker | Channel::ForceOrder => None,
        Channel::Ticker | Channel::MiniTicker => Some(1_000),
        Channel::Kline(_) => Some(match category {
            Category::Spot => 1_000,
            Category::Linear => 250,
        }),
        Channel::Depth { every_ms } | Channel::Levels { every_ms, .. } | Channel::MarkPrice { every_ms } => Some(every_ms),
    }
}

/// Changes of a book since the last message.
#[derive(Clone, Debug, Default)]
struct Gathered {
    /// Number of the last change in the last message.
    previous: u64,
    first: Option<u64>,
    last: u64,
    at: Timestamp,
    bids: BTreeMap<Price, Qty>,
    asks: BTreeMap<Price, Qty>,
}

/// One stream; see the module.
#[derive(Clone, Debug)]
pub struct Feed {
    next: Option<Timestamp>,
    every: Nanos,
    gathered: Gathered,
    /// What the last message was about: the number of a book's last change, a count of trades, when a candle began.
    told: Option<(i64, u64)>,
}

impl Feed {
    /// A stream that begins now.
    #[must_use]
    pub fn new(now: Timestamp, subject: Subject, house: &House) -> Self {
        let every = Nanos::from_millis(every_ms(subject.category, subject.channel).unwrap_or(0));
        let next = (every.0 > 0).then(|| Timestamp(now.0 - now.0.rem_euclid(every.0) + every.0));
        let update = subject.instrument.map_or(0, |instrument| house.update(instrument));
        Self { next, every, gathered: Gathered { previous: update, last: update, ..Gathered::default() }, told: None }
    }

    /// Somebody new listens: what stands is told once more.
    pub fn greet(&mut self) {
        if let Some((_, what)) = &mut self.told {
            *what = u64::MAX;
        }
    }

    /// When it speaks next; none where it speaks as things happen.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        self.next
    }

    /// Takes up changes of the book.
    pub fn gather(&mut self, item: &News) {
        let News::Depth { at, first, last, changes, .. } = item else { return };
        if *last <= self.gathered.last {
            return;
        }
        self.gathered.first.get_or_insert(*first);
        (self.gathered.last, self.gathered.at) = (*last, *at);
        for LevelChange { side, price, qty } in changes {
            match side {
                Side::Buy => self.gathered.bids.insert(*price, *qty),
                Side::Sell => self.gathered.asks.insert(*price, *qty),
            };
        }
    }

    /// What there is to say now; from then on it is said.
    pub fn tell(&mut self, now: Timestamp, subject: Subject, house: &House) -> Vec<Raw> {
        self.next = self.next.map(|_| Timestamp(now.0 - now.0.rem_euclid(self.every.0.max(1)) + self.every.0));
        let Some(instrument) = subject.instrument else { return self.tell_all(now, subject, house) };
        let Some(listing) = house.listing(instrument) else { return Vec::new() };
        match subject.channel {
            Channel::Depth { .. } => self.tell_changes(now, listing).into_iter().collect(),
            Channel::Levels { levels, .. } => self.tell_levels(now, listing, levels, house).into_iter().collect(),
            Channel::Kline(interval) => self.tell_candles(now, listing, interval, house),
            Channel::Ticker | Channel::MiniTicker => self.tell_day(now, listing, subject.channel, house).into_iter().collect(),
            Channel::MarkPrice { .. } => mark_price(now, listing, house).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn tell_all(&self, now: Timestamp, subject: Subject, house: &House) -> Vec<Raw> {
        let listings = house.listings().iter().filter(|listing| listing.category == subject.category);
        let all: Vec<Raw> = listings
            .filter_map(|listing| match subject.channel {
                Channel::MarkPrice { .. } => mark_price(now, listing, house),
                Channel::Ticker => Some(ticker(now, listing, house)),
                Channel::MiniTicker => Some(mini_ticker(now, listing, house)),
                _ => None,
            })
            .collect();
        if all.is_empty() { Vec::new() } else { vec![rows(&all)] }
    }

    fn tell_changes(&mut self, now: Timestamp, listing: &Listing) -> Option<Raw> {
        let first = self.gathered.first.take()?;
        let side = |(price_of, qty_of): (Price, Qty)| [price(listing, price_of), qty(listing, qty_of)];
        let bids: Vec<[String; 2]> = std::mem::take(&mut self.gathered.bids).into_iter().rev().map(side).collect();
        let asks: Vec<[String; 2]> = std::mem::take(&mut self.gathered.asks).into_iter().map(side).collect();
        let head = update_head(now, self.gathered.at, listing, first, self.gathered.last, self.gathered.previous);
        self.gathered.previous = self.gathered.last;
        Some(head.with("b", bids).with("a", asks).end())
    }

    fn tell_levels(&mut self, now: Timestamp, listing: &Listing, count: usize, house: &House) -> Option<Raw> {
        let book = house.depth(listing.id(), count);
        let (previous, first) = (self.gathered.previous, self.gathered.first.take().unwrap_or(book.update));
        if self.told == Some((0, book.update)) {
            return None;
        }
        self.told = Some((0, book.update));
        self.gathered.previous = book.update;
        self.gathered.bids.clear();
        self.gathered.asks.clear();
        let (bids, asks) = (levels(listing, &book.bids), levels(listing, &book.asks));
        if listing.category == Category::Spot {
            return Some(object! { "lastUpdateId": book.update, "bids": bids, "asks": asks });
        }
        let head = update_head(now, self.gathered.at.max(Timestamp(0)), listing, first, book.update, previous);
        Some(head.with("b", bids).with("a", asks).end())
    }

    fn tell_candles(&mut self, now: Timestamp, listing: &Listing, interval: Interval, house: &House) -> Vec<Raw> {
        let Some(tape) = house.tape(listing.id()) else { return Vec::new() };
        let length = Nanos::from_secs(interval.seconds);
        let Some(current) = tape.current(length) else { return Vec::new() };
        let mut messages = Vec::new();
        if let Some((began, _)) = self.told.filter(|(began, _)| *began < current.open_at.0) {
            let over = tape.candles(length).into_iter().filter(|candle| candle.open_at.0 >= began && candle.open_at < current.open_at);
            messages.extend(over.map(|candle| kline(now, listing, interval, &candle, true)));
        }
        if self.told != Some((current.open_at.0, current.trades)) {
            messages.push(kline(now, listing, interval, &current, false));
        }
        self.told = Some((current.open_at.0, current.trades));
        messages
    }

    fn tell_day(&mut self, now: Timestamp, listing: &Listing, channel: Channel, house: &House) -> Option<Raw> {
        let last = house.tape(listing.id())?.trades().next_back().map_or(0, |trade| trade.trade);
        let stands = Some((0, u64::try_from(last).unwrap_or(u64::MAX)));
        if self.told == stands {
            return None;
        }
        self.told = stands;
        Some(if channel == Channel::Ticker { ticker(now, listing, house) } else { mini_ticker(now, listing, house) })
    }
}

/// `depthUpdate` without its levels.
fn update_head(now: Timestamp, at: Timestamp, listing: &Listing, first: u64, last: u64, previous: u64) -> Object {
    let head = fields! { "e": "depthUpdate", "E": ms(now) };
    let head = if listing.category == Category::Linear { head.with("T", ms(at)) } else { head };
    let head =
        head.with("s", listing.symbol()).with("U", first_number(listing.category, first)).with("u", last_number(listing.category, last));
    if listing.category == Category::Linear { head.with("pu", last_number(listing.category, previous)) } else { head }
}

/// The message about something that is told as it happens.
#[must_use]
pub fn at_once(now: Timestamp, listing: &Listing, item: &News) -> Option<Raw> {
    match item {
        News::Trade(found) => Some(trade(now, listing, found)),
        News::Top { at, update, bid, ask, .. } => Some(book_ticker(now, *at, listing, *update, [*bid, *ask])),
        News::Fill { fill, .. } => Some(force_order(now, listing, fill)),
        _ => None,
    }
}

fn trade(now: Timestamp, listing: &Listing, found: &PublicTrade) -> Raw {
    let head = fields! {
        "e": "trade", "E": ms(now), "T": ms(found.at), "s": listing.symbol(), "t": found.trade, "p": price(listing, found.price),
        "q": qty(listing, found.qty),
    };
    let is_maker = found.aggressor == Side::Sell;
    match listing.category {
        Category::Spot => head.with("m", is_maker).with("M", true).end(),
        Category::Linear => head.with("X", "MARKET").with("m", is_maker).end(),
    }
}

/// An `aggTrade`.
#[must_use]
pub fn agg_trade(now: Timestamp, listing: &Listing, found: &Aggregate) -> Raw {
    let head = fields! { "e": "aggTrade", "E": ms(now), "s": listing.symbol() }.followed_by(aggregate_fields(listing, found));
    if listing.category == Category::Spot { head.with("M", true).end() } else { head.end() }
}

fn book_ticker(now: Timestamp, at: Timestamp, listing: &Listing, update: u64, best: [Option<Level>; 2]) -> Raw {
    let nought = Level { price: Price(0), qty: Qty::ZERO };
    let [bid, ask] = best.map(|level| level.unwrap_or(nought));
    let number = last_number(listing.category, update);
    let head = match listing.category {
        Category::Spot => fields! { "u": number },
        Category::Linear => fields! { "e": "bookTicker", "u": number },
    };
    let head = head
        .with("s", listing.symbol())
        .with("b", price(listing, bid.price))
        .with("B", qty(listing, bid.qty))
        .with("a", price(listing, ask.price))
        .with("A", qty(listing, ask.qty));
    if listing.category == Category::Linear { head.with("T", ms(at)).with("E", ms(now)).end() } else { head.end() }
}

fn force_order(now: Timestamp, listing: &Listing, fill: &FillRecord) -> Raw {
    let order = object! {
        "s": listing.symbol(), "S": super::words::side(fill.side), "o": "LIMIT", "f": "IOC", "q": qty(listing, fill.qty),
        "p": price(listing, fill.price), "ap": price(listing, fill.price), "X": "FILLED", "l": qty(listing, fill.qty),
        "z": qty(listing, fill.qty), "T": ms(fill.at),
    };
    object! { "e": "forceOrder", "E": ms(now), "o": order }
}

fn kline(now: Timestamp, listing: &Listing, interval: Interval, candle: &Candle, is_over: bool) -> Raw {
    let number = |trade: u128| if candle.trades == 0 { -1 } else { i64::try_from(trade).unwrap_or(i64::MAX) };
    let candle = object! {
        "t": ms(candle.open_at), "T": close_ms(candle, interval), "s": listing.symbol(), "i": interval.name,
        "f": number(candle.first_trade), "L": number(candle.last_trade), "o": price(listing, candle.open),
        "c": price(listing, candle.close), "h": price(listing, candle.high), "l": price(listing, candle.low),
        "v": qty(listing, candle.volume), "n": candle.trades, "x": is_over, "q": money(candle.value),
        "V": qty(listing, candle.bought), "Q": money(candle.bought_value), "B": "0",
    };
    object! { "e": "kline", "E": ms(now), "s": listing.symbol(), "k": candle }
}

fn mini_ticker(now: Timestamp, listing: &Listing, house: &House) -> Raw {
    let Day { candle, .. } = Day::of(house, listing, now);
    object! {
        "e": "24hrMiniTicker", "E": ms(now), "s": listing.symbol(), "c": price(listing, candle.close), "o": price(listing, candle.open),
        "h": price(listing, candle.high), "l": price(listing, candle.low), "v": qty(listing, candle.volume), "q": money(candle.value),
    }
}

fn ticker(now: Timestamp, listing: &Listing, house: &House) -> Raw {
    let day = Day::of(house, listing, now);
    let head = fields! {
        "e": "24hrTicker", "E": ms(now), "s": listing.symbol(), "p": price_change(listing, day.change()), "P": day.change_percent(),
        "w": average(listing, day.candle.value, day.candle.volume),
    };
    let (bid, ask) = house.top(listing.id());
    let side = |level: Option<Level>| (price_or_nought(listing, level.map(|l| l.price)), qty(listing, level.map_or(Qty::ZERO, |l| l.qty)));
    let ((bid, bid_qty), (ask, ask_qty)) = (side(bid), side(ask));
    let last_qty = qty(listing, day.last.map_or(Qty::ZERO, |trade| trade.qty));
    let head = match listing.category {
        Category::Spot => head
            .with("x", price(listing, day.candle.open))
            .with("c", price(listing, day.candle.close))
            .with("Q", last_qty)
            .with("b", bid)
            .with("B", bid_qty)
            .with("a", ask)
            .with("A", ask_qty),
        Category::Linear => head.with("c", price(listing, day.candle.close)).with("Q", last_qty),
    };
    head.with("o", price(listing, day.candle.open))
        .with("h", price(listing, day.candle.high))
        .with("l", price(listing, day.candle.low))
        .with("v", qty(listing, day.candle.volume))
        .with("q", money(day.candle.value))
        .with("O", ms(day.candle.open_at))
        .with("C", ms(now))
        .with("F", day.candle.first_trade)
        .with("L", day.candle.last_trade)
        .with("n", day.candle.trades)
        .end()
}

fn mark_price(now: Timestamp, listing: &Listing, house: &House) -> Option<Raw> {
    let mark = *house.tape(listing.id())?.mark()?;
    Some(object! {
        "e": "markPriceUpdate", "E": ms(now), "s": listing.symbol(), "p": price(listing, mark.mark), "ap": price(listing, mark.mark),
        "P": price(listing, mark.index), "i": price(listing, mark.index), "r": rate(mark.funding_rate), "T": ms(mark.next_funding),
    })
}

//! The public streams: who follows which topic, what each topic last told, and when it may tell more.
//!
//! Source: Bybit v5 documentation, "WebSocket stream / public" (2026-07).

use super::candles;
use super::depth::{DepthFeed, Told, Window};
use super::figures;
use super::json::{Object, array, quoted};
use super::market;
use super::ticker::{self, Quote};
use super::topic::{Interval, Subject};
use crate::front::{ConnId, Outbox};
use crate::house::{Category, House, Listing, MINUTE, News, PublicTrade};
use std::collections::{BTreeMap, BTreeSet};
use tradewind_types::{InstrumentId, Price, Qty, Side, Timestamp};

const MILLISECOND_NS: i64 = 1_000_000;
/// How often a candle that is not over is told.
const CANDLE_SPAN_NS: i64 = 1_000 * MILLISECOND_NS;

/// One topic.
type Key = (InstrumentId, Subject);

/// What a topic remembers.
#[derive(Debug)]
enum State {
    Book(DepthFeed),
    Ticker {
        told: Quote,
        due: Option<Timestamp>,
        last: Timestamp,
    },
    Candles {
        interval: Interval,
        due: Option<Timestamp>,
        last: Timestamp,
    },
    /// Told as it happens.
    Plain,
}

impl State {
    fn due(&self) -> Option<Timestamp> {
        match self {
            State::Book(feed) => feed.due(),
            State::Ticker { due, .. } | State::Candles { due, .. } => *due,
            State::Plain => None,
        }
    }

    /// Something happened that this topic tells of, after its pause.
    fn touch(&mut self, now: Timestamp, span_ns: i64) {
        match self {
            State::Book(feed) => feed.touch(now),
            State::Ticker { due, last, .. } | State::Candles { due, last, .. } => {
                due.get_or_insert(Timestamp((last.0 + span_ns).max(now.0)));
            }
            State::Plain => {}
        }
    }
}

#[derive(Debug)]
struct Topic {
    followers: BTreeSet<ConnId>,
    state: State,
}

/// All public topics that anybody follows or followed.
#[derive(Debug, Default)]
pub(super) struct PublicTopics {
    topics: BTreeMap<Key, Topic>,
}

impl PublicTopics {
    /// A connection follows a topic from now on; it is told first how things stand.
    pub(super) fn follow(&mut self, now: Timestamp, conn: ConnId, key: Key, house: &House, out: &mut Outbox) {
        let Some(listing) = house.listing(key.0) else { return };
        let topic = self.topics.entry(key).or_insert_with(|| Topic { followers: BTreeSet::new(), state: open(now, key, listing, house) });
        topic.followers.insert(conn);
        match &topic.state {
            State::Book(feed) => out.text(conn, book_message(now, feed, &feed.snapshot(), listing)),
            State::Ticker { told, .. } => out.text(conn, ticker::message(now, listing, "snapshot", told.iter().cloned(), house)),
            State::Candles { interval, .. } => {
                if let Some(message) = candles::current_message(now, *interval, listing, house) {
                    out.text(conn, message);
                }
            }
            State::Plain => {}
        }
    }

    /// Whether a connection follows a topic.
    pub(super) fn is_followed(&self, conn: ConnId, key: Key) -> bool {
        self.topics.get(&key).is_some_and(|topic| topic.followers.contains(&conn))
    }

    /// A connection follows a topic no more.
    pub(super) fn leave(&mut self, conn: ConnId, key: Key) {
        let is_idle = self.topics.get_mut(&key).is_some_and(|topic| topic.followers.remove(&conn) && topic.followers.is_empty());
        // A book goes on counting its update ids.
        if is_idle && !matches!(key.1, Subject::Book { .. }) {
            self.topics.remove(&key);
        }
    }

    /// A connection is gone.
    pub(super) fn forget(&mut self, conn: ConnId) {
        let followed: Vec<Key> = self.topics.iter().filter(|(_, topic)| topic.followers.contains(&conn)).map(|(key, _)| *key).collect();
        for key in followed {
            self.leave(conn, key);
        }
    }

    /// The book of a depth as its topic last told it.
    pub(super) fn told(&mut self, now: Timestamp, listing: &Listing, depth: u16, house: &House) -> Option<Told> {
        let key = (listing.id(), Subject::Book { depth });
        let topic = self.topics.entry(key).or_insert_with(|| Topic { followers: BTreeSet::new(), state: open(now, key, listing, house) });
        match &topic.state {
            State::Book(feed) => Some(feed.snapshot()),
            State::Ticker { .. } | State::Candles { .. } | State::Plain => None,
        }
    }

    /// Tells what is told at once, and notes what is told after a pause.
    pub(super) fn publish(&mut self, now: Timestamp, news: &[News], house: &House, out: &mut Outbox) {
        let mut trades: BTreeMap<InstrumentId, Vec<&PublicTrade>> = BTreeMap::new();
        for one in news {
            match one {
                News::Depth { instrument, .. } => self.touch(now, *instrument, |subject| matches!(subject, Subject::Book { .. })),
                News::Top { instrument, .. } | News::Mark { instrument, .. } => {
                    self.touch(now, *instrument, |subject| subject == Subject::Ticker);
                }
                News::Trade(trade) => {
                    trades.entry(trade.instrument).or_default().push(trade);
                    self.touch(now, trade.instrument, |subject| matches!(subject, Subject::Ticker | Subject::Candles { .. }));
                }
                News::Candle { instrument, candle } => self.close_candles(now, *instrument, candle.open_at, house, out),
                News::Order { .. } | News::Fill { .. } | News::Balance { .. } | News::Position { .. } | News::Funding { .. } => {}
            }
        }
        for (instrument, printed) in trades {
            self.print(now, instrument, &printed, house, out);
        }
    }

    fn touch(&mut self, now: Timestamp, instrument: InstrumentId, is_meant: impl Fn(Subject) -> bool) {
        let range = (instrument, Subject::Book { depth: 0 })..=(instrument, Subject::Liquidations);
        for ((_, subject), topic) in self.topics.range_mut(range) {
            if is_meant(*subject) {
                let span_ns = if *subject == Subject::Ticker { 100 * MILLISECOND_NS } else { CANDLE_SPAN_NS };
                topic.state.touch(now, span_ns);
            }
        }
    }

    fn print(&self, now: Timestamp, instrument: InstrumentId, trades: &[&PublicTrade], house: &House, out: &mut Outbox) {
        let Some(topic) = self.topics.get(&(instrument, Subject::Trades)).filter(|topic| !topic.followers.is_empty()) else { return };
        let Some(listing) = house.listing(instrument) else { return };
        // At most 1024 trades go into one frame.
        for part in trades.chunks(1_024) {
            let data = array(part.iter().map(|trade| trade_object(trade, listing).close()));
            let name = format!("publicTrade.{}", listing.symbol());
            let message = Object::new().text("topic", name).text("type", "snapshot").raw("ts", figures::millis(now)).raw("data", data);
            send(topic, &message.close(), out);
        }
    }

    /// A minute is over: candles that end with it are told as closed.
    fn close_candles(&mut self, now: Timestamp, instrument: InstrumentId, minute: Timestamp, house: &House, out: &mut Outbox) {
        let Some(listing) = house.listing(instrument) else { return };
        let range = (instrument, Subject::Book { depth: 0 })..=(instrument, Subject::Liquidations);
        for (_, topic) in self.topics.range_mut(range) {
            let State::Candles { interval, due, last } = &mut topic.state else { continue };
            let start = interval.start(minute);
            if interval.end(start) != minute.plus(MINUTE) {
                continue;
            }
            if let Some(message) = candles::closed_message(now, *interval, start, listing, house) {
                (*due, *last) = (Some(Timestamp(now.0 + CANDLE_SPAN_NS)), now);
                send(topic, &message, out);
            }
        }
    }

    /// When something is to be told next.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.topics.values().filter_map(|topic| topic.state.due()).min()
    }

    /// Tells what is due.
    pub(super) fn on_time(&mut self, now: Timestamp, house: &House, out: &mut Outbox) {
        for ((instrument, _), topic) in &mut self.topics {
            let Some(listing) = house.listing(*instrument).filter(|_| topic.state.due().is_some_and(|due| due <= now)) else { continue };
            let message = match &mut topic.state {
                State::Book(feed) => {
                    let told = feed.tell(now, window(listing, feed.depth(), house));
                    told.map(|told| book_message(now, feed, &told, listing))
                }
                State::Ticker { told, due, last } => {
                    (*due, *last) = (None, now);
                    let quote = ticker::quote(now, listing, house);
                    let news = ticker::news(listing.category, told, &quote);
                    *told = quote;
                    news.map(|(kind, fields)| ticker::message(now, listing, kind, fields.into_iter(), house))
                }
                State::Candles { interval, due, last } => {
                    (*due, *last) = (None, now);
                    candles::current_message(now, *interval, listing, house)
                }
                State::Plain => None,
            };
            if let Some(message) = message {
                send(topic, &message, out);
            }
        }
    }
}

fn send(topic: &Topic, message: &str, out: &mut Outbox) {
    for conn in &topic.followers {
        out.text(*conn, message);
    }
}

fn open(now: Timestamp, key: Key, listing: &Listing, house: &House) -> State {
    match key.1 {
        Subject::Book { depth } => State::Book(DepthFeed::new(now, depth, window(listing, usize::from(depth), house))),
        Subject::Ticker => State::Ticker { told: ticker::quote(now, listing, house), due: None, last: now },
        Subject::Candles { interval } => State::Candles { interval, due: None, last: now },
        Subject::Trades | Subject::Liquidations => State::Plain,
    }
}

fn window(listing: &Listing, depth: usize, house: &House) -> Window {
    let snapshot = house.depth(listing.id(), depth);
    let levels = |side: &[crate::house::Level]| side.iter().map(|level| (level.price, level.qty)).collect();
    Window { bids: levels(&snapshot.bids), asks: levels(&snapshot.asks), sequence: snapshot.update }
}

/// Levels as the venue writes them.
pub(super) fn levels(listing: &Listing, side: &[(Price, Qty)]) -> String {
    let level = |(price, qty): &(Price, Qty)| array([quoted(figures::price(listing, *price)), quoted(figures::qty(listing, *qty))]);
    array(side.iter().map(level))
}

fn book_message(now: Timestamp, feed: &DepthFeed, told: &Told, listing: &Listing) -> String {
    let data = Object::new()
        .text("s", listing.symbol())
        .raw("b", levels(listing, &told.bids))
        .raw("a", levels(listing, &told.asks))
        .raw("u", told.update)
        .raw("seq", told.sequence);
    let kind = if told.is_snapshot { "snapshot" } else { "delta" };
    let topic = format!("orderbook.{}.{}", feed.depth(), listing.symbol());
    let (name, now_ms) = (Object::new().text("topic", topic), figures::millis(now));
    // Spot writes the time before the kind, contracts after it.
    let head = match listing.category {
        Category::Spot => name.raw("ts", now_ms).text("type", kind),
        Category::Linear => name.text("type", kind).raw("ts", now_ms),
    };
    head.raw("data", data.close()).raw("cts", now_ms).close()
}

fn trade_object(trade: &PublicTrade, listing: &Listing) -> Object {
    let object = Object::new()
        .raw("T", figures::millis(trade.at))
        .text("s", listing.symbol())
        .text("S", super::reports::side(trade.aggressor))
        .text("v", figures::qty(listing, trade.qty))
        .text("p", figures::price(listing, trade.price));
    let object = match listing.category {
        Category::Spot => object,
        Category::Linear => object.text("L", if trade.aggressor == Side::Buy { "PlusTick" } else { "MinusTick" }),
    };
    object.text("i", trade_id(trade, listing)).raw("BT", false).raw("RPI", false).raw("seq", trade.trade)
}

/// The venue's id of a public trade.
pub(super) fn trade_id(trade: &PublicTrade, listing: &Listing) -> String {
    // Trades are counted by instrument: its number keeps the ids of two instruments apart.
    let number = (u64::from(listing.id().0) << 48) | u64::try_from(trade.trade).unwrap_or(u64::MAX >> 16);
    market::ids(listing.category).write(number)
}

//! Public streams: who listens to what, what is told at once and what is gathered first.
//!
//! A feed is one thing that can be listened to. Trades and best prices go out as they happen; books, candles, statistics and marks
//! go out at the pace their name says, on the whole multiple of it, and only where there is something new.

use super::feed::{Feed, Subject, subject_of};
use super::json::{Raw, object};
use super::market::aggregated;
use super::topics::{Channel, Topic};
use crate::front::{ConnId, Outbox};
use crate::house::{Category, FillCause, House, News, PublicTrade};
use std::collections::{BTreeMap, BTreeSet};
use tradewind_types::{InstrumentId, Timestamp};

/// One who listens: over which connection, to what by its name there, and whether the name goes with it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listener {
    /// The connection.
    pub conn: ConnId,
    /// The stream's name as it was asked for.
    pub stream: String,
}

/// Every feed that somebody listens to.
#[derive(Debug, Default)]
pub struct Feeds {
    feeds: BTreeMap<Subject, (Feed, BTreeSet<Listener>)>,
    due: BTreeSet<(Timestamp, Subject)>,
    /// Connections that want each message wrapped with its stream's name.
    combined: BTreeSet<ConnId>,
}

impl Feeds {
    /// Whether messages over a connection are wrapped with the name of their stream.
    pub fn set_combined(&mut self, conn: ConnId, combined: bool) {
        if combined {
            self.combined.insert(conn);
        } else {
            self.combined.remove(&conn);
        }
    }

    /// Whether they are; see [`Feeds::set_combined`].
    #[must_use]
    pub fn is_combined(&self, conn: ConnId) -> bool {
        self.combined.contains(&conn)
    }

    /// A connection listens to a stream. A symbol that is not listed has a stream too, on which nothing comes.
    pub fn listen(&mut self, now: Timestamp, category: Category, topic: &Topic, listener: Listener, house: &House) {
        let Some(subject) = subject_of(category, topic, house) else { return };
        let (feed, listeners) = self.feeds.entry(subject).or_insert_with(|| {
            let feed = Feed::new(now, subject, house);
            self.due.extend(feed.next().map(|at| (at, subject)));
            (feed, BTreeSet::new())
        });
        listeners.insert(listener);
        feed.greet();
    }

    /// A connection does not listen to a stream any more.
    pub fn leave(&mut self, listener: &Listener) {
        self.retain(|found| found != listener);
    }

    /// A connection is gone.
    pub fn disconnect(&mut self, conn: ConnId) {
        self.combined.remove(&conn);
        self.retain(|found| found.conn != conn);
    }

    fn retain(&mut self, keep: impl Fn(&Listener) -> bool) {
        let due = &mut self.due;
        self.feeds.retain(|subject, (feed, listeners)| {
            listeners.retain(&keep);
            if listeners.is_empty()
                && let Some(at) = feed.next()
            {
                due.remove(&(at, *subject));
            }
            !listeners.is_empty()
        });
    }

    /// When something is to be told next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Tells what is due.
    pub fn on_time(&mut self, now: Timestamp, house: &House, out: &mut Outbox) {
        while let Some((at, subject)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            self.due.remove(&(at, subject));
            let Some((feed, listeners)) = self.feeds.get_mut(&subject) else { continue };
            for message in feed.tell(now, subject, house) {
                send(&self.combined, listeners, &message, out);
            }
            self.due.extend(feed.next().map(|at| (at, subject)));
        }
    }

    /// Tells or gathers what happened.
    pub fn publish(&mut self, now: Timestamp, news: &[News], house: &House, out: &mut Outbox) {
        let mut trades: Vec<PublicTrade> = Vec::new();
        for item in news {
            match item {
                News::Trade(trade) => {
                    self.tell_now(now, trade.instrument, Channel::Trade, item, house, out);
                    trades.push(*trade);
                }
                News::Top { instrument, .. } => self.tell_now(now, *instrument, Channel::BookTicker, item, house, out),
                News::Fill { fill, .. } if fill.cause == FillCause::Liquidation => {
                    self.tell_now(now, fill.instrument, Channel::ForceOrder, item, house, out);
                }
                News::Depth { instrument, .. } => self.gather(*instrument, item),
                _ => {}
            }
        }
        self.tell_aggregates(now, &trades, house, out);
    }

    fn tell_now(&mut self, now: Timestamp, instrument: InstrumentId, channel: Channel, item: &News, house: &House, out: &mut Outbox) {
        let Some(listing) = house.listing(instrument) else { return };
        let subject = Subject { category: listing.category, instrument: Some(instrument), channel };
        let everything = Subject { instrument: None, ..subject };
        for subject in [subject, everything] {
            if let Some((_, listeners)) = self.feeds.get(&subject)
                && let Some(message) = super::feed::at_once(now, listing, item)
            {
                send(&self.combined, listeners, &message, out);
            }
        }
    }

    fn tell_aggregates(&mut self, now: Timestamp, trades: &[PublicTrade], house: &House, out: &mut Outbox) {
        for run in trades.chunk_by(|a, b| a.instrument == b.instrument) {
            let Some(listing) = run.first().and_then(|trade| house.listing(trade.instrument)) else { continue };
            let subject = Subject { category: listing.category, instrument: Some(listing.id()), channel: Channel::AggTrade };
            let Some((_, listeners)) = self.feeds.get(&subject) else { continue };
            for aggregate in aggregated(run.iter()) {
                send(&self.combined, listeners, &super::feed::agg_trade(now, listing, &aggregate), out);
            }
        }
    }

    fn gather(&mut self, instrument: InstrumentId, item: &News) {
        for (subject, (feed, _)) in &mut self.feeds {
            let is_book = matches!(subject.channel, Channel::Depth { .. } | Channel::Levels { .. });
            if is_book && subject.instrument == Some(instrument) {
                feed.gather(item);
            }
        }
    }
}

fn send(combined: &BTreeSet<ConnId>, listeners: &BTreeSet<Listener>, message: &Raw, out: &mut Outbox) {
    for listener in listeners {
        if combined.contains(&listener.conn) {
            out.text(listener.conn, object! { "stream": &listener.stream, "data": message }.0);
        } else {
            out.text(listener.conn, message.0.clone());
        }
    }
}

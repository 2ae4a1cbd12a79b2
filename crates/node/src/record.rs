//! Live public data as rows: depth that a book vouches for, trades, the touch, and where something is missing.
//!
//! A recorder keeps a book of every instrument by its venue's sequence rule and writes down only what that book accepted: a whole
//! book where it was made good, changes from then on. So a file can be replayed by whoever reads it, and a gap is a stretch between
//! a change and a whole book that is marked. Every hour begins with whole books, so that its file stands alone.

use crate::config::{MarketConfig, VenueConfig};
use crate::drive::Machine;
use crate::health::{Health, Level, Line};
use crate::nearest::did_you_mean;
use crate::start::dialect;
use std::collections::BTreeMap;
use tradewind_book::{Applied, BookStatus, L2Book};
use tradewind_types::{
    AccountId, AssetId, Decimal, DepthKind, DepthUpdate, InstrumentId, LevelChange, Nanos, Price, Qty, Side, Timestamp, Trade, VenueId,
};
use tradewind_venues::{
    Access, Action, Ask, Directory, Gateway, Grid, Inbox, Incoming, LinkId, Listed, ListedInstrument, Market, Message, Notice, Purpose,
};

const HOUR: i64 = 3_600_000_000_000;
/// What waits longer than this to be kept may be lost with the process.
const KEEP_EVERY: Nanos = Nanos::from_secs(30);
/// Or when so many depth rows wait.
const KEEP_ROWS: usize = 500_000;
/// A book that cannot be trusted is asked for again after so long.
const REFRESH_EVERY: Nanos = Nanos::from_secs(5);

/// One level of one depth message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthRow {
    /// Place in [`Recorder::instruments`].
    pub instrument: usize,
    /// When it was heard: our clock, corrected by what was measured at the start.
    pub recv: Timestamp,
    /// Venue's stamp; zero where it gave none.
    pub ts: Timestamp,
    /// Which message of its instrument.
    pub msg: i64,
    /// First, last, previous update id.
    pub ids: (Option<u64>, u64, Option<u64>),
    /// Of a whole book.
    pub is_snapshot: bool,
    /// The level.
    pub change: LevelChange,
}

/// A public trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradeRow {
    /// Place in [`Recorder::instruments`].
    pub instrument: usize,
    /// As in [`DepthRow::recv`].
    pub recv: Timestamp,
    /// Venue's stamp.
    pub ts: Timestamp,
    /// What.
    pub trade: Trade,
}

/// The touch of a recorded book after it changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuoteRow {
    /// Place in [`Recorder::instruments`].
    pub instrument: usize,
    /// As in [`DepthRow::recv`].
    pub recv: Timestamp,
    /// Venue's stamp; zero where it gave none.
    pub ts: Timestamp,
    /// Last update of the book.
    pub update: u64,
    /// Bid and ask, each with its quantity.
    pub touch: [(Price, Qty); 2],
}

/// A stretch in which an instrument's depth is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Place in [`Recorder::instruments`].
    pub instrument: usize,
    /// The last change before it; the start of the recording where there was none.
    pub from: Timestamp,
    /// The whole book after it.
    pub until: Timestamp,
    /// What was heard of its cause.
    pub why: String,
}

/// What was recorded since it was last kept; all of one hour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// Start of the hour.
    pub hour: Timestamp,
    /// Depth, in the order it was heard.
    pub depth: Vec<DepthRow>,
    /// Trades.
    pub trades: Vec<TradeRow>,
    /// Touches.
    pub quotes: Vec<QuoteRow>,
    /// Gaps that ended.
    pub gaps: Vec<Gap>,
}

/// Whether an hour goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HourEnd {
    /// More rows of the hour may come.
    Open,
    /// None will.
    Closed,
}

/// Where rows are kept.
pub trait Shelf {
    /// Keeps rows.
    ///
    /// # Errors
    /// In words; the recording ends then.
    fn keep(&mut self, rows: &Rows, instruments: &[RecordedInstrument], offset: Nanos, end: HourEnd) -> Result<(), String>;
}

/// An instrument that is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedInstrument {
    /// Which part of the venue.
    pub market: Market,
    /// The venue's symbol.
    pub symbol: String,
    /// Price step.
    pub tick: Decimal,
    /// Quantity step.
    pub lot: Decimal,
}

struct Kept {
    id: InstrumentId,
    book: L2Book,
    messages: i64,
    touch: Option<[(Price, Qty); 2]>,
    ts: Timestamp,
    gap: Option<(Timestamp, String)>,
    last: Timestamp,
    refresh_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Discovering { left: usize, failed: bool },
    Waiting(Timestamp),
    Recording,
    Stopped,
}

/// Records one venue's public data.
pub struct Recorder<S> {
    venue: VenueConfig,
    gateway: Gateway,
    shelf: S,
    phase: Phase,
    until: Option<Timestamp>,
    listed: Vec<ListedInstrument>,
    instruments: Vec<RecordedInstrument>,
    kept: Vec<Kept>,
    rows: Rows,
    /// Added to our clock, as measured when the recording began.
    offset: Nanos,
    keep_at: Timestamp,
    fault: Option<String>,
    lines: Vec<Line>,
    messages: u64,
}

/// The one venue of a recorder.
const VENUE: VenueId = VenueId(0);

impl<S: Shelf> Recorder<S> {
    /// A recorder that asks its venue what is listed, then records until it is stopped, or for `span`.
    pub fn new(venue: VenueConfig, shelf: S, now: Timestamp, span: Option<Nanos>) -> Self {
        let mut gateway = Gateway::new(dialect(&venue, None), Access::Public, now.0.unsigned_abs());
        gateway.discover(now);
        let left = gateway.markets().len();
        Self {
            venue,
            gateway,
            shelf,
            phase: Phase::Discovering { left, failed: false },
            until: span.map(|span| now.plus(span)),
            listed: Vec::new(),
            instruments: Vec::new(),
            kept: Vec::new(),
            rows: Rows::default(),
            offset: Nanos(0),
            keep_at: now.plus(KEEP_EVERY),
            fault: None,
            lines: Vec::new(),
            messages: 0,
        }
    }

    /// Why it ended by itself before its time; none where it did not.
    #[must_use]
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// What is recorded.
    #[must_use]
    pub fn instruments(&self) -> &[RecordedInstrument] {
        &self.instruments
    }

    fn hear(&mut self, now: Timestamp) {
        let (inbox, notices) = self.gateway.take_news();
        for message in &inbox.messages {
            self.on_message(now, message, &inbox);
        }
        for notice in &notices {
            self.on_notice(now, notice);
        }
        self.gateway.give_back(inbox, notices);
    }

    fn on_message(&mut self, now: Timestamp, message: &Message, inbox: &Inbox) {
        let recv = now.plus(self.offset);
        match message {
            Message::Listed(listed) => self.listed.push((**listed).clone()),
            Message::Depth { ts_venue, instrument, kind, sequence, changes } => {
                self.turn_hour(recv);
                let update = inbox.update(*instrument, *kind, *sequence, *changes);
                if let Some(place) = self.kept.iter().position(|k| k.id == *instrument) {
                    self.on_depth(now, recv, *ts_venue, place, &update);
                }
            }
            Message::Trade(ts_venue, trade) => {
                self.turn_hour(recv);
                self.messages += 1;
                if let Some(instrument) = self.kept.iter().position(|k| k.id == trade.instrument) {
                    self.rows.trades.push(TradeRow { instrument, recv, ts: *ts_venue, trade: *trade });
                }
            }
            _ => {}
        }
    }

    fn on_depth(&mut self, now: Timestamp, recv: Timestamp, ts: Timestamp, place: usize, update: &DepthUpdate<'_>) {
        self.messages += 1;
        let Some(kept) = self.kept.get_mut(place) else { return };
        let applied = kept.book.apply(update);
        match (applied, update.kind) {
            (Applied::Changed, DepthKind::Delta) => {
                kept.messages += 1;
                let ids = (Some(update.sequence.first), update.sequence.last, update.sequence.previous);
                let row = |change: &LevelChange| DepthRow {
                    instrument: place,
                    recv,
                    ts,
                    msg: kept.messages,
                    ids,
                    is_snapshot: false,
                    change: *change,
                };
                self.rows.depth.extend(update.changes.iter().map(row));
            }
            (Applied::Changed, DepthKind::Snapshot) | (Applied::Restored, _) => {
                if let Some((from, why)) = kept.gap.take() {
                    self.rows.gaps.push(Gap { instrument: place, from, until: recv, why });
                }
                whole(place, recv, ts, kept, &mut self.rows);
            }
            (Applied::Invalid(reason), _) => {
                kept.gap.get_or_insert_with(|| (kept.last, format!("{reason:?}")));
                kept.refresh_at = now.plus(REFRESH_EVERY);
                let id = kept.id;
                self.gateway.refresh_book(now, id);
                return;
            }
            (Applied::Buffered | Applied::Ignored, _) => return,
        }
        (kept.ts, kept.last) = (ts, recv);
        note_touch(place, recv, ts, kept, &mut self.rows);
    }

    fn on_notice(&mut self, now: Timestamp, notice: &Notice) {
        let venue = self.venue.name.as_str();
        match notice {
            Notice::Up(link) => self.say(now, Level::Info, "link-up", venue, self.link_name(*link).to_owned()),
            Notice::Down { link, why } => {
                let text = format!("{}: {why}", self.link_name(*link));
                for kept in &mut self.kept {
                    kept.gap.get_or_insert_with(|| (kept.last, text.clone()));
                    // What comes next has to begin with a whole book, whatever the ids say.
                    kept.book = L2Book::new(kept.id, kept.book.rule());
                    kept.touch = None;
                }
                self.say(now, Level::Warning, "link-down", venue, text);
            }
            Notice::Unread { link, error } => {
                self.say(now, Level::Error, "unread", venue, format!("{}: {error}", self.link_name(*link)));
            }
            Notice::Answered { ask: Ask::Instruments { .. }, outcome, .. } => {
                if let Phase::Discovering { left, failed } = self.phase {
                    if let Err(failure) = outcome {
                        self.say(now, Level::Warning, "not-answered", venue, failure.to_string());
                    }
                    self.phase = Phase::Discovering { left: left.saturating_sub(1), failed: failed || outcome.is_err() };
                    self.go_on(now);
                }
            }
            _ => {}
        }
    }

    /// Everything was answered: records, or asks again later.
    fn go_on(&mut self, now: Timestamp) {
        match self.phase {
            Phase::Discovering { left: 0, failed: true } => self.phase = Phase::Waiting(now.plus(REFRESH_EVERY)),
            Phase::Discovering { left: 0, failed: false } => match self.begin(now) {
                Ok(()) => self.phase = Phase::Recording,
                Err(why) => self.fail(now, why),
            },
            _ => {}
        }
    }

    fn begin(&mut self, now: Timestamp) -> Result<(), String> {
        self.offset = self.gateway.clock_offset();
        let (mut listed, mut accounts) = (Vec::new(), BTreeMap::new());
        for (market, symbols) in &self.venue.instruments {
            let market = match market {
                MarketConfig::Spot => Market::Spot,
                MarketConfig::Linear => Market::Linear,
            };
            accounts.insert(market, AccountId(0));
            for symbol in symbols {
                let of_market = || self.listed.iter().filter(|l| l.market == market);
                let found = of_market().find(|l| l.symbol == *symbol).ok_or_else(|| {
                    let near = did_you_mean(symbol, of_market().map(|l| l.symbol.as_str()));
                    format!("{} lists no `{symbol}` there.{near}", self.venue.name.as_str())
                })?;
                let grid = Grid::new(found.tick, found.lot).ok_or_else(|| format!("{symbol} has no price or quantity step"))?;
                let id = InstrumentId(u32::try_from(listed.len()).unwrap_or(u32::MAX));
                let (base, quote, account) = (AssetId(0), AssetId(0), AccountId(0));
                listed.push(Listed { id, market, symbol: symbol.clone(), grid, base, quote, account });
                self.instruments.push(RecordedInstrument { market, symbol: symbol.clone(), tick: found.tick, lot: found.lot });
            }
        }
        self.rows.hour = hour_of(now.plus(self.offset));
        let ids: Vec<InstrumentId> = listed.iter().map(|l| l.id).collect();
        self.gateway.open(now, Directory::new(listed, Vec::new(), accounts));
        let began = now.plus(self.offset);
        self.kept = ids
            .into_iter()
            .map(|id| Kept {
                id,
                book: L2Book::new(id, self.gateway.sequence_rule(id)),
                messages: 0,
                touch: None,
                ts: Timestamp(0),
                gap: None,
                last: began,
                refresh_at: now.plus(REFRESH_EVERY),
            })
            .collect();
        self.listed = Vec::new();
        Ok(())
    }

    /// A new hour begins with whole books; the old one is done.
    fn turn_hour(&mut self, recv: Timestamp) {
        let hour = hour_of(recv);
        if hour <= self.rows.hour {
            return;
        }
        self.keep(recv, HourEnd::Closed);
        self.rows.hour = hour;
        for (place, kept) in self.kept.iter_mut().enumerate() {
            if kept.book.status() == BookStatus::Valid {
                let ts = kept.ts;
                whole(place, recv, ts, kept, &mut self.rows);
                kept.touch = None;
                note_touch(place, recv, ts, kept, &mut self.rows);
            }
        }
    }

    fn keep(&mut self, now: Timestamp, end: HourEnd) {
        let is_empty = self.rows.depth.is_empty() && self.rows.trades.is_empty() && self.rows.gaps.is_empty();
        if !is_empty || end == HourEnd::Closed {
            if let Err(why) = self.shelf.keep(&self.rows, &self.instruments, self.offset, end) {
                self.fail(now, why);
            }
            let hour = self.rows.hour;
            self.rows.depth.clear();
            self.rows.trades.clear();
            self.rows.quotes.clear();
            self.rows.gaps.clear();
            self.rows.hour = hour;
        }
    }

    fn fail(&mut self, now: Timestamp, why: String) {
        self.say(now, Level::Error, "recording-ended", self.venue.name.as_str(), why.clone());
        self.fault.get_or_insert(why);
        self.phase = Phase::Stopped;
    }

    fn say(&mut self, at: Timestamp, level: Level, event: &'static str, about: &str, text: String) {
        self.lines.push(Line { at, level, event, about: about.to_owned(), text });
    }

    fn link_name(&self, link: LinkId) -> &'static str {
        self.gateway.link_states().find(|(id, ..)| *id == link).map_or("", |(_, name, ..)| name)
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| now >= until)
    }
}

impl<S: Shelf> Machine for Recorder<S> {
    fn on_incoming(&mut self, now: Timestamp, _: VenueId, incoming: &Incoming<'_>) {
        self.gateway.on_incoming(now, incoming);
        self.hear(now);
    }

    fn on_time(&mut self, now: Timestamp) {
        self.gateway.on_time(now);
        self.hear(now);
        if let Phase::Waiting(at) = self.phase
            && at <= now
        {
            self.listed.clear();
            self.gateway.discover(now);
            self.phase = Phase::Discovering { left: self.gateway.markets().len(), failed: false };
        }
        for kept in &mut self.kept {
            if kept.book.status() != BookStatus::Valid && kept.refresh_at <= now {
                kept.refresh_at = now.plus(REFRESH_EVERY);
                self.gateway.refresh_book(now, kept.id);
            }
        }
        if self.phase == Phase::Recording && (now >= self.keep_at || self.rows.depth.len() >= KEEP_ROWS) {
            self.keep_at = now.plus(KEEP_EVERY);
            self.turn_hour(now.plus(self.offset));
            self.keep(now, HourEnd::Open);
        }
        if self.phase != Phase::Stopped && self.is_over(now) {
            self.stop(now);
        }
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        let waiting = if let Phase::Waiting(at) = self.phase { Some(at) } else { None };
        let refresh = self.kept.iter().filter(|k| k.book.status() != BookStatus::Valid).map(|k| k.refresh_at).min();
        [self.gateway.next_deadline(), waiting, refresh, Some(self.keep_at), self.until].into_iter().flatten().min()
    }

    fn take_actions(&mut self, into: &mut Vec<(VenueId, Action)>) {
        into.extend(self.gateway.take_actions().map(|action| (VENUE, action)));
    }

    fn purpose(&self, _: VenueId, _: LinkId) -> Purpose {
        Purpose::Public
    }

    fn stop(&mut self, now: Timestamp) {
        if self.phase == Phase::Recording {
            self.keep(now, HourEnd::Closed);
        }
        self.gateway.close(now);
        self.phase = Phase::Stopped;
    }

    fn is_stopped(&self) -> bool {
        self.phase == Phase::Stopped
    }

    fn take_log(&mut self, into: &mut Vec<Line>) {
        into.append(&mut self.lines);
    }

    fn health(&self) -> Health {
        Health { inputs: self.messages, ..Health::default() }
    }
}

/// Writes a book down whole, as one message.
fn whole(place: usize, recv: Timestamp, ts: Timestamp, kept: &mut Kept, rows: &mut Rows) {
    kept.messages += 1;
    let (msg, last) = (kept.messages, kept.book.last_update_id().unwrap_or_default());
    for side in [Side::Buy, Side::Sell] {
        rows.depth.extend(kept.book.levels(side).map(|level| DepthRow {
            instrument: place,
            recv,
            ts,
            msg,
            ids: (None, last, None),
            is_snapshot: true,
            change: LevelChange { side, price: level.price, qty: level.qty },
        }));
    }
}

fn note_touch(place: usize, recv: Timestamp, ts: Timestamp, kept: &mut Kept, rows: &mut Rows) {
    let (Some(bid), Some(ask)) = (kept.book.best_bid(), kept.book.best_ask()) else { return };
    let touch = [(bid.price, bid.qty), (ask.price, ask.qty)];
    if kept.touch != Some(touch) {
        kept.touch = Some(touch);
        let update = kept.book.last_update_id().unwrap_or_default();
        rows.quotes.push(QuoteRow { instrument: place, recv, ts, update, touch });
    }
}

const fn hour_of(at: Timestamp) -> Timestamp {
    Timestamp(at.0.div_euclid(HOUR) * HOUR)
}

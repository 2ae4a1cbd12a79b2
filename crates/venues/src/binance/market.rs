//! Public streams: depth, trades, quotes, bars and marks, in one pass from bytes to ticks.
//!
//! Spot streams as of 2026-07-21, USD-M futures streams after the split of 2026-04-23. Fields may stand in any order; levels are
//! read where they stand when the symbol is known by then, as it is in every frame recorded so far.

use super::refusals;
use super::scan::{Letters, Scan, Syntax};
use super::words::{self, listed, millis, nearest, price, qty, rate, whole};
use crate::digits::DigitsError;
use crate::directory::{Directory, Listed, Market};
use crate::error::MapError;
use crate::message::{Inbox, Message, SessionNews};
use tradewind_types::{Bar, DepthKind, LevelChange, Mark, Nanos, Quote, Sequence, Side, Timestamp, Trade, TradeId};

/// One frame being taken apart.
struct Reading<'a, 'i> {
    directory: &'a Directory,
    market: Market,
    scan: Scan<'a>,
    inbox: &'i mut Inbox,
    letters: Letters<'a>,
    listed: Option<&'a Listed>,
    /// `pu`: last update id of the message before.
    previous: &'a [u8],
    /// Levels that stood before the symbol: bids, asks.
    late: [&'a [u8]; 2],
    is_answer: bool,
    error: &'a [u8],
    code: &'a [u8],
}

const STREAM: &str = "stream";

fn broken(syntax: Syntax) -> MapError {
    syntax.of(STREAM)
}

/// Reads one frame of a public link. What is half read on an error is the caller's to take back.
pub(super) fn read(directory: &Directory, market: Market, frame: &[u8], inbox: &mut Inbox) -> Result<(), MapError> {
    let from = inbox.changes.len();
    let mut reading = Reading {
        directory,
        market,
        scan: Scan::new(frame),
        inbox,
        letters: Letters::new(),
        listed: None,
        previous: b"",
        late: [b"", b""],
        is_answer: false,
        error: b"",
        code: b"",
    };
    reading.frame()?;
    reading.tell(from, frame)
}

impl<'a> Reading<'a, '_> {
    /// An event, or a combined stream's wrapper with an event under `data`: one table of letters serves both.
    fn frame(&mut self) -> Result<(), MapError> {
        self.scan.eat(b'{', "an object").map_err(broken)?;
        let mut is_first = true;
        while let Some(key) = self.scan.key(&mut is_first).map_err(broken)? {
            if key == b"data" && self.scan.peek() == b'{' {
                self.scan.eat(b'{', "an object").map_err(broken)?;
                let mut is_first = true;
                while let Some(key) = self.scan.key(&mut is_first).map_err(broken)? {
                    self.field(key)?;
                }
            } else {
                self.field(key)?;
            }
        }
        self.scan.end().map_err(broken)
    }

    #[inline]
    fn field(&mut self, key: &'a [u8]) -> Result<(), MapError> {
        match key {
            b"b" | b"a" if self.scan.peek() == b'[' => return self.levels_of(key),
            [letter] => self.letters.set(*letter, self.scan.value().map_err(broken)?),
            b"pu" => self.previous = self.scan.value().map_err(broken)?,
            b"error" => self.error = self.scan.value().map_err(broken)?,
            b"code" => self.code = self.scan.value().map_err(broken)?,
            b"result" => {
                self.is_answer = true;
                self.scan.value().map_err(broken)?;
            }
            _ => {
                self.scan.value().map_err(broken)?;
            }
        }
        Ok(())
    }

    fn levels_of(&mut self, key: &[u8]) -> Result<(), MapError> {
        let side = if key == b"b" { Side::Buy } else { Side::Sell };
        if self.listed.is_none() {
            self.listed = listed(self.directory, self.market, self.letters.get(b's'));
        }
        match self.listed {
            Some(listed) => levels(&mut self.scan, side, listed, self.inbox),
            None => {
                self.late[usize::from(side == Side::Sell)] = self.scan.value().map_err(broken)?;
                Ok(())
            }
        }
    }

    /// What the frame says, once all of it is known.
    fn tell(&mut self, from: usize, frame: &[u8]) -> Result<(), MapError> {
        let kind = self.letters.get(b'e');
        if self.listed.is_none() {
            self.listed = listed(self.directory, self.market, self.letters.get(b's'));
        }
        match (kind, self.listed) {
            (b"depthUpdate", Some(listed)) => return self.depth(listed, from),
            (b"trade", Some(listed)) => self.trade(listed, b't')?,
            (b"aggTrade", Some(listed)) => self.trade(listed, b'a')?,
            (b"bookTicker", Some(listed)) => self.quote(listed)?,
            // Spot sends best bid and ask without naming the event.
            (b"", Some(listed)) if !self.letters.get(b'u').is_empty() && !self.letters.get(b'A').is_empty() => self.quote(listed)?,
            (b"markPriceUpdate", Some(listed)) => self.mark(listed)?,
            (b"kline", Some(listed)) => self.bar(listed)?,
            (b"serverShutdown", _) => self.inbox.session(SessionNews::GoingAway),
            (b"", None) if !self.error.is_empty() => self.refused(self.error)?,
            (b"", None) if !self.code.is_empty() => self.refused(frame)?,
            (b"", None) if self.is_answer => self.inbox.session(SessionNews::Subscribed),
            _ => self.inbox.session(SessionNews::Ignored),
        }
        self.inbox.changes.truncate(from);
        Ok(())
    }

    fn refused(&mut self, body: &[u8]) -> Result<(), MapError> {
        let refusal = refusals::read(self.market, 0, &[], body);
        self.inbox.session(SessionNews::SubscriptionRefused(refusal));
        Ok(())
    }

    /// When it happened: the transaction time where the market states one (futures), else the event's.
    fn ts_venue(&self, what: &'static str) -> Result<Timestamp, MapError> {
        match self.letters.get(b'T') {
            [] => millis(what, "E", self.letters.get(b'E')),
            stated => millis(what, "T", stated),
        }
    }

    fn depth(&mut self, listed: &Listed, from: usize) -> Result<(), MapError> {
        const WHAT: &str = "depthUpdate";
        for (late, side) in [(self.late[0], Side::Buy), (self.late[1], Side::Sell)] {
            if !late.is_empty() {
                levels(&mut Scan::new(late), side, listed, self.inbox)?;
            }
        }
        let previous = if self.previous.is_empty() { None } else { Some(whole(WHAT, "pu", self.previous)?) };
        let sequence =
            Sequence { first: whole(WHAT, "U", self.letters.get(b'U'))?, last: whole(WHAT, "u", self.letters.get(b'u'))?, previous };
        let ts_venue = self.ts_venue(WHAT)?;
        self.inbox.depth(ts_venue, listed.id, DepthKind::Delta, sequence, from);
        Ok(())
    }

    /// A trade, or an aggregate of one taker's trades at one price. Rows without quantity (a futures stream's record of what is
    /// no trade of the book: insurance fund, deleveraging) are no trades.
    fn trade(&mut self, listed: &Listed, id: u8) -> Result<(), MapError> {
        const WHAT: &str = "trade";
        let letters = &self.letters;
        let is_of_the_book = matches!(letters.get(b'X'), b"" | b"MARKET");
        let traded = qty(listed, WHAT, "q", letters.must(b'q', WHAT, "q")?)?;
        if !is_of_the_book || traded.0 == 0 {
            self.inbox.session(SessionNews::Ignored);
            return Ok(());
        }
        let trade = Trade {
            instrument: listed.id,
            trade: TradeId(u128::from(whole(WHAT, "id", letters.get(id))?)),
            price: price(listed, WHAT, "p", letters.must(b'p', WHAT, "p")?)?,
            qty: traded,
            aggressor: match letters.must(b'm', WHAT, "m")? {
                b"true" => Side::Sell,
                b"false" => Side::Buy,
                other => return Err(words::unknown(WHAT, "m", other)),
            },
        };
        let ts_venue = self.ts_venue(WHAT)?;
        self.inbox.messages.push(Message::Trade(ts_venue, trade));
        Ok(())
    }

    /// Best bid and ask. Spot states no time: zero.
    fn quote(&mut self, listed: &Listed) -> Result<(), MapError> {
        const WHAT: &str = "bookTicker";
        let letters = &self.letters;
        let quote = Quote {
            instrument: listed.id,
            bid: price(listed, WHAT, "b", letters.must(b'b', WHAT, "b")?)?,
            bid_qty: qty(listed, WHAT, "B", letters.must(b'B', WHAT, "B")?)?,
            ask: price(listed, WHAT, "a", letters.must(b'a', WHAT, "a")?)?,
            ask_qty: qty(listed, WHAT, "A", letters.must(b'A', WHAT, "A")?)?,
        };
        let has_time = !(letters.get(b'T').is_empty() && letters.get(b'E').is_empty());
        let ts_venue = if has_time { self.ts_venue(WHAT)? } else { Timestamp::default() };
        self.inbox.messages.push(Message::Quote(ts_venue, quote));
        Ok(())
    }

    /// `T` is the time of the next funding here; `E` is when it was said.
    fn mark(&mut self, listed: &Listed) -> Result<(), MapError> {
        const WHAT: &str = "markPriceUpdate";
        let letters = &self.letters;
        let mark = Mark {
            instrument: listed.id,
            mark: nearest(listed, WHAT, "p", letters.must(b'p', WHAT, "p")?)?,
            index: nearest(listed, WHAT, "i", letters.must(b'i', WHAT, "i")?)?,
            funding_rate: rate(WHAT, "r", letters.get(b'r'))?,
            next_funding: millis(WHAT, "T", letters.must(b'T', WHAT, "T")?)?,
        };
        let ts_venue = millis(WHAT, "E", letters.get(b'E'))?;
        self.inbox.messages.push(Message::Mark(ts_venue, mark));
        Ok(())
    }

    /// A closed bar; one still open is of no consequence. The stream names its last millisecond, the bar ends behind it.
    fn bar(&mut self, listed: &Listed) -> Result<(), MapError> {
        const WHAT: &str = "kline";
        let bar = Letters::read(self.letters.must(b'k', WHAT, "k")?, WHAT, |_, _| {})?;
        if bar.get(b'x') != b"true" {
            self.inbox.session(SessionNews::Ignored);
            return Ok(());
        }
        let at = |letter: u8, field: &'static str| price(listed, WHAT, field, bar.must(letter, WHAT, field)?);
        let closed = Bar {
            instrument: listed.id,
            open_ts: millis(WHAT, "t", bar.get(b't'))?,
            open: at(b'o', "o")?,
            high: at(b'h', "h")?,
            low: at(b'l', "l")?,
            close: at(b'c', "c")?,
            volume: qty(listed, WHAT, "v", bar.must(b'v', WHAT, "v")?)?,
        };
        let ts_close = millis(WHAT, "T", bar.get(b'T'))?.plus(Nanos::from_millis(1));
        self.inbox.messages.push(Message::Bar(ts_close, closed));
        Ok(())
    }
}

/// `[["61730.17","0.5"],…]`: levels with their new quantities.
#[inline]
pub(super) fn levels(scan: &mut Scan<'_>, side: Side, listed: &Listed, inbox: &mut Inbox) -> Result<(), MapError> {
    const WHAT: &str = "depth";
    scan.eat(b'[', "levels").map_err(broken)?;
    let mut is_first = true;
    while scan.item(b']', &mut is_first).map_err(broken)? {
        scan.eat(b'[', "a level").map_err(broken)?;
        let price_text = scan.string().map_err(broken)?;
        scan.eat(b',', "a comma").map_err(broken)?;
        let qty_text = scan.string().map_err(broken)?;
        let mut is_next_first = false;
        while scan.item(b']', &mut is_next_first).map_err(broken)? {
            scan.value().map_err(broken)?;
        }
        let level = LevelChange { side, price: price(listed, WHAT, "price", price_text)?, qty: qty(listed, WHAT, "quantity", qty_text)? };
        if level.price.0 <= 0 || level.qty.0 < 0 {
            return Err(words::number(WHAT, "level", price_text, DigitsError::Malformed));
        }
        inbox.changes.push(level);
    }
    Ok(())
}

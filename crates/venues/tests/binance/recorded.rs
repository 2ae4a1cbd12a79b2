//! Raw captures of the venue, read and applied: sequences hold, books stay uncrossed.
//!
//! 2021 captures carry the instruments' own steps; the logs of 2024 do not, so their steps stand here.

use crate::laws::shared;
use crate::town::*;
use flate2::read::GzDecoder;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use tradewind_book::{Applied, BookStatus, L2Book};
use tradewind_types::{AssetId, Decimal, DepthKind, DepthUpdate, InstrumentId, Sequence};
use tradewind_venues::binance::{Binance, Settings};
use tradewind_venues::{Ask, Dialect, Directory, Grid, Inbox, LinkId, Listed, Market, Message, SessionNews};

/// What a recording said, and what became of its books.
#[derive(Default)]
struct Tally {
    kinds: BTreeMap<&'static str, usize>,
    applied: BTreeMap<&'static str, usize>,
    books: BTreeMap<InstrumentId, L2Book>,
    ignored: BTreeMap<String, usize>,
    /// Whether it goes on from a recording before it, and so has no snapshot.
    goes_on: bool,
}

/// Events that captures hold and nothing follows from, and why.
const IGNORED: [(&str, &str); 2] =
    [("kline", "a bar that is still open"), ("forceOrder", "somebody's liquidation, a feed that nothing here follows")];

pub fn kind(message: &Message) -> &'static str {
    match message {
        Message::Depth { .. } => "depth",
        Message::OffGrid { .. } => "levels between ticks",
        Message::Trade(..) => "trade",
        Message::Quote(..) => "quote",
        Message::Bar(..) => "bar",
        Message::Mark(..) => "mark",
        Message::Reply(..) => "reply",
        Message::Account(..) => "account",
        Message::Answer { .. } => "answer",
        Message::Order(..) => "order",
        Message::Execution(..) => "execution",
        Message::Balance(..) => "balance",
        Message::Position(..) => "position",
        Message::NoSuchOrder(..) => "no such order",
        Message::Listed(..) => "listed",
        Message::ServerTime(..) => "server time",
        Message::Rights(..) => "rights",
        Message::StreamKey(..) => "stream key",
        Message::More(..) => "more",
        Message::Usage { .. } => "usage",
        Message::Session(SessionNews::Ignored) => "ignored",
        Message::Session(..) => "session",
    }
}

impl Tally {
    /// What a frame said. Where it says nothing, its event has to be one of those that are known to.
    fn take(&mut self, dialect: &Binance, inbox: &Inbox, frame: &str) {
        if matches!(inbox.messages.as_slice(), [Message::Session(SessionNews::Ignored)]) {
            let event = frame.split(r#""e":""#).nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
            assert!(IGNORED.iter().any(|(known, _)| *known == event), "{event} is ignored: {frame}");
            *self.ignored.entry(event.to_owned()).or_default() += 1;
        }
        for message in &inbox.messages {
            *self.kinds.entry(kind(message)).or_default() += 1;
            let Message::Depth { instrument, kind, sequence, changes, .. } = *message else { continue };
            let fresh = || L2Book::new(instrument, dialect.sequence_rule(instrument));
            let goes_on = self.goes_on && !self.books.contains_key(&instrument);
            let book = self.books.entry(instrument).or_insert_with(fresh);
            if goes_on {
                // Its book begins empty, where the first message does: what it holds from there on is right.
                let last = sequence.previous.unwrap_or(sequence.first - 1);
                let sequence = Sequence { first: last, last, previous: None };
                book.apply(&DepthUpdate { instrument, kind: DepthKind::Snapshot, sequence, changes: &[] });
            }
            let applied = match book.apply(&inbox.update(instrument, kind, sequence, changes)) {
                Applied::Changed => "changed",
                Applied::Buffered => "buffered",
                Applied::Ignored => "old news",
                Applied::Restored => "restored",
                Applied::Invalid(why) => panic!("book {instrument} at {sequence:?}: {why:?}"),
            };
            *self.applied.entry(applied).or_default() += 1;
            if let (Some(bid), Some(ask)) = (book.best_bid(), book.best_ask()) {
                assert!(bid.price < ask.price, "book {instrument} is crossed at {sequence:?}");
            }
        }
    }

    fn close(&self, name: &str, must: &[&str]) {
        println!("{name}: {:?}; depth {:?}; ignored {:?}", self.kinds, self.applied, self.ignored);
        for kind in must {
            assert!(self.kinds.contains_key(kind), "{name} has no {kind}");
        }
        assert!(!self.books.is_empty());
        assert!(self.books.values().all(|book| book.status() == BookStatus::Valid && book.depth(tradewind_types::Side::Buy) > 0), "{name}");
        assert!(self.applied.get("changed").copied().unwrap_or(0) > 100, "{name}");
    }
}

fn public_of(market: Market, directory: Directory) -> Binance {
    dialect_of(Settings { credentials: None, markets: vec![market], ..settings() }, directory)
}

/// A directory of what `exchangeInfo` lists, with steps as stated.
fn listed_in(market: Market, body: &str) -> Directory {
    let mut inbox = Inbox::default();
    let ask = Ask::Instruments { market, cursor: None };
    public_of(market, Directory::default()).answer(&ask, 200, &[], body.as_bytes(), &mut inbox).unwrap().unwrap();
    let mut instruments = Vec::new();
    for (id, message) in (1..).zip(&inbox.messages) {
        let Message::Listed(listed) = message else { panic!("{message:?}") };
        instruments.push(Listed {
            id: InstrumentId(id),
            market,
            symbol: listed.symbol.clone(),
            grid: Grid::new(listed.tick, listed.lot).unwrap(),
            base: AssetId(1),
            quote: AssetId(2),
            account: SPOT_ACCOUNT,
        });
    }
    assert!(!instruments.is_empty());
    Directory::new(instruments, Vec::new(), accounts())
}

/// A capture: one JSON object a line, requests before sockets; answers are put where they came.
fn capture(path: &Path, market: Market, must: &[&str]) {
    let mut text = String::new();
    let packed = File::open(path).unwrap();
    ruzstd::decoding::StreamingDecoder::new(packed).unwrap().read_to_string(&mut text).unwrap();
    let mut lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.sort_by(|a, b| a["ts"].as_f64().unwrap_or(0.0).total_cmp(&b["ts"].as_f64().unwrap_or(0.0)));
    let info = lines.iter().find(|line| line["url"].as_str().is_some_and(|url| url.ends_with("/exchangeInfo"))).unwrap();
    let directory = listed_in(market, info["data"].as_str().unwrap());
    let dialect = public_of(market, directory.clone());
    let (mut tally, mut inbox, mut left) = (Tally::default(), Inbox::default(), BTreeMap::<&str, usize>::new());
    for line in &lines {
        inbox.clear();
        let frame = line["data"].as_str().unwrap_or_default();
        match (line["t"].as_str().unwrap(), line["url"].as_str()) {
            ("recv", _) => dialect.read(LinkId(0), frame.as_bytes(), &mut inbox).unwrap_or_else(|e| panic!("{e}: {frame}")),
            ("http", Some(url)) if url.contains("/depth?") => {
                let symbol = url.split("symbol=").nth(1).unwrap().split('&').next().unwrap();
                let instrument = directory.find(market, symbol).unwrap().id;
                dialect.answer(&Ask::Depth { instrument }, 200, &[], frame.as_bytes(), &mut inbox).unwrap().unwrap();
            }
            ("http", Some(url)) if url.ends_with("/exchangeInfo") => {}
            ("http", Some(_)) => *left.entry("open interest, which nothing asks for").or_default() += 1,
            ("header" | "connect", _) => *left.entry("what the recorder says of itself").or_default() += 1,
            other => panic!("{other:?}"),
        }
        tally.take(&dialect, &inbox, frame);
    }
    tally.close(&path.file_name().unwrap().to_string_lossy(), must);
    println!("  left out: {left:?}");
}

fn is_snapshot(line: &str) -> bool {
    line.contains(r#" {"lastUpdateId""#)
}

/// A log: `<local ns> <frame>` a line, snapshots among them without their symbol.
fn log(path: &Path, market: Market, symbol: &str, (tick, lot): (u8, u8)) {
    let grid = Grid::new(Decimal { mantissa: 1, scale: tick }, Decimal { mantissa: 1, scale: lot }).unwrap();
    let id = InstrumentId(1);
    let listed = Listed { id, market, symbol: symbol.into(), grid, base: AssetId(1), quote: AssetId(2), account: SPOT_ACCOUNT };
    let dialect = public_of(market, Directory::new(vec![listed], Vec::new(), accounts()));
    let has_snapshot =
        BufReader::new(GzDecoder::new(File::open(path).unwrap())).lines().map_while(Result::ok).any(|line| is_snapshot(&line));
    let (mut tally, mut inbox, mut cut) = (Tally { goes_on: !has_snapshot, ..Tally::default() }, Inbox::default(), 0);
    let mut lines = BufReader::new(GzDecoder::new(File::open(path).unwrap())).lines().map_while(Result::ok).peekable();
    while let Some(line) = lines.next() {
        inbox.clear();
        let frame = line.split_once(' ').map_or("", |(_, frame)| frame);
        if lines.peek().is_none() && !frame.ends_with('}') {
            // The recorder was stopped within the last line.
            cut += 1;
            continue;
        }
        if is_snapshot(&line) {
            dialect.answer(&Ask::Depth { instrument: id }, 200, &[], frame.as_bytes(), &mut inbox).unwrap().unwrap();
        } else {
            dialect.read(LinkId(0), frame.as_bytes(), &mut inbox).unwrap_or_else(|e| panic!("{}: {e}: {frame}", path.display()));
        }
        tally.take(&dialect, &inbox, frame);
    }
    tally.close(&path.file_name().unwrap().to_string_lossy(), &["depth", "trade", "quote"]);
    assert!(tally.ignored.is_empty());
    let snapshots = if has_snapshot { "with its snapshot" } else { "goes on from the day before, without a snapshot" };
    println!("  {snapshots}; left out: {cut} cut lines");
}

/// Captures of this venue that are not read, and why. Everything else under its name is.
const LEFT_OUT: [(&str, &str); 4] = [
    ("BINANCE_DELIVERY.jsonl.zst", "COIN-M: not a market of this dialect"),
    ("btcusd_perp_20240808.gz", "COIN-M: not a market of this dialect"),
    ("btcusd_perp_20240809.gz", "COIN-M: not a market of this dialect"),
    ("ethusd_perp_20240808.gz", "COIN-M: not a market of this dialect"),
];

#[test]
fn every_capture_is_read_and_its_books_hold() {
    let Some(raw) = shared("TRADEWIND_DATA", "data").map(|data| data.join("raw")) else { return };
    let names = |folder: &Path| -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    };
    let (mut seen, mut left) = (0, 0);
    let captures = raw.join("ws_captures");
    for name in names(&captures).into_iter().filter(|name| name.starts_with("BINANCE")) {
        let path = captures.join(&name);
        seen += 1;
        match name.as_str() {
            "BINANCE.jsonl.zst" | "BINANCE_US.jsonl.zst" => capture(&path, Market::Spot, &["depth", "trade", "quote"]),
            "BINANCE_FUTURES.jsonl.zst" => capture(&path, Market::Linear, &["depth", "trade", "quote", "bar"]),
            _ => left += why_left_out(&name),
        }
    }
    for part in ["spot", "usdm", "cm"] {
        for name in names(&raw.join("binance").join(part)) {
            let path = raw.join("binance").join(part).join(&name);
            seen += 1;
            match (part, name.as_str()) {
                ("spot", name) if name.starts_with("btcusdt") => log(&path, Market::Spot, "BTCUSDT", (2, 5)),
                ("spot", name) if name.starts_with("ethusdt") => log(&path, Market::Spot, "ETHUSDT", (2, 4)),
                ("usdm", name) if name.starts_with("btcusdt") => log(&path, Market::Linear, "BTCUSDT", (1, 3)),
                ("usdm", name) if name.starts_with("ethusdt") => log(&path, Market::Linear, "ETHUSDT", (2, 3)),
                (_, name) => left += why_left_out(name),
            }
        }
    }
    assert_eq!((seen, left), (12, LEFT_OUT.len()), "a capture came or went: say here what becomes of it");
}

fn why_left_out(name: &str) -> usize {
    let (_, why) = LEFT_OUT.iter().find(|(left, _)| *left == name).unwrap_or_else(|| panic!("{name}: neither read nor left out"));
    println!("{name}: left out: {why}");
    1
}

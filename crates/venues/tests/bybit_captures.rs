//! A recorded session of both public sockets: every frame is read, books follow and never cross.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on must fail")]

mod bybit_desk;

use bybit_desk::{LINEAR, SPOT, as_told, bybit, kind};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use tradewind_book::{Applied, BookStatus, L2Book};
use tradewind_types::{InstrumentId, Side};
use tradewind_venues::{Ask, Dialect, Directory, Inbox, ListedInstrument, Market, Message};

/// The recording, or none with the reason printed.
fn recording() -> Option<String> {
    let root = std::env::var_os("TRADEWIND_DATA").map_or_else(|| PathBuf::from("../../../shared/data"), PathBuf::from);
    let file = root.join("raw/ws_captures/BYBIT.jsonl.zst");
    let Ok(packed) = std::fs::File::open(&file) else {
        assert!(std::env::var_os("TRADEWIND_REQUIRE_DATA").is_none_or(|v| v != "1"), "{} is missing", file.display());
        println!("skipped: {} is missing", file.display());
        return None;
    };
    let mut text = String::new();
    ruzstd::decoding::StreamingDecoder::new(packed).unwrap().read_to_string(&mut text).unwrap();
    Some(text)
}

fn text<'a>(line: &'a serde_json::Value, field: &str) -> &'a str {
    line[field].as_str().unwrap_or_default()
}

/// Everything the venue listed at the start of the recording.
fn listed(lines: &[serde_json::Value]) -> Vec<ListedInstrument> {
    let (nobody, mut inbox) = (bybit(Directory::default()), Inbox::default());
    for line in lines.iter().filter(|line| text(line, "t") == "http") {
        let market = if text(line, "url").contains("category=spot") { Market::Spot } else { Market::Linear };
        let ask = Ask::Instruments { market, cursor: None };
        nobody.answer(&ask, 200, &[], text(line, "data").as_bytes(), &mut inbox).unwrap().unwrap();
    }
    inbox.messages.into_iter().filter_map(|m| if let Message::Listed(listed) = m { Some(*listed) } else { None }).collect()
}

struct Followed {
    books: BTreeMap<InstrumentId, L2Book>,
    counts: BTreeMap<&'static str, usize>,
    levels: usize,
}

impl Followed {
    fn take(&mut self, dialect: &impl Dialect, inbox: &Inbox) {
        for message in &inbox.messages {
            *self.counts.entry(kind(message)).or_default() += 1;
            let Message::Depth { instrument, kind, sequence, changes, .. } = message else { continue };
            let book = self.books.entry(*instrument).or_insert_with(|| L2Book::new(*instrument, dialect.sequence_rule(*instrument)));
            let update = inbox.update(*instrument, *kind, *sequence, *changes);
            self.levels += update.changes.len();
            let applied = book.apply(&update);
            assert!(matches!(applied, Applied::Changed | Applied::Restored), "{instrument} {sequence:?}: {applied:?}");
            let (bid, ask) = (book.best_bid().unwrap(), book.best_ask().unwrap());
            assert!(bid.price < ask.price);
        }
    }
}

#[test]
fn a_recorded_session_is_read_whole() {
    let Some(recording) = recording() else { return };
    let lines: Vec<serde_json::Value> = recording.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let listed = listed(&lines);
    assert_eq!(listed.len(), 800 + 557);
    let dialect = bybit(as_told(&listed));
    let mut links = BTreeMap::new();
    let mut followed = Followed { books: BTreeMap::new(), counts: BTreeMap::new(), levels: 0 };
    let (mut inboxes, mut frames) = ([Inbox::default(), Inbox::default()], 0);
    for line in &lines {
        match text(line, "t") {
            "connect" => {
                let link = if text(line, "addr").ends_with("/spot") { SPOT } else { LINEAR };
                links.insert(text(line, "conn").to_owned(), link);
            }
            "recv" => {
                let link = links[text(line, "conn")];
                let inbox = &mut inboxes[usize::from(link.0)];
                inbox.clear();
                let frame = text(line, "data");
                dialect.read(link, frame.as_bytes(), inbox).unwrap_or_else(|why| panic!("{why}: {frame}"));
                followed.take(&dialect, inbox);
                frames += 1;
            }
            _ => {}
        }
    }
    println!("{frames} frames, {} levels: {:?}", followed.levels, followed.counts);
    for book in followed.books.values() {
        assert_eq!(book.status(), BookStatus::Valid);
        assert!(book.depth(Side::Buy) >= 100 && book.depth(Side::Sell) >= 100);
    }
    assert_eq!(followed.books.len(), 6);
    // Recorded: 6 snapshots and 2142 deltas; 24 subscriptions; marks are counted where one changed, in ticks.
    assert_eq!((followed.counts["depth"], followed.counts["session"]), (2148, 24));
    for (kind, count) in [("trade", 347), ("bar", 6), ("mark", 62)] {
        assert_eq!(followed.counts[kind], count, "{kind}");
    }
}

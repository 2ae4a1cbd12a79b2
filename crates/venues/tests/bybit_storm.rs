//! Valid messages, torn and mixed at random: whatever comes of them, nothing panics, and what cannot be read leaves no trace.
//!
//! Runs for `TRADEWIND_FUZZ_SECONDS` (2 by default) from `TRADEWIND_SEED` (printed) on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on must fail")]

mod bybit_desk;

use bybit_desk::{LINEAR, LINEAR_BTC, ORDERS, PRIVATE, SPOT, SPOT_BTC, bybit, two_pairs};
use std::path::Path;
use std::time::{Duration, Instant};
use tradewind_book::L2Book;
use tradewind_types::{OrderId, Timestamp};
use tradewind_venues::bybit::Bybit;
use tradewind_venues::{Ask, Dialect, Inbox, Market, Message};

#[expect(clippy::disallowed_methods, reason = "a storm ends after a while")]
fn now() -> Instant {
    Instant::now()
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a whole number, not `{text}`")))
}

struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }
}

/// What tears numbers, texts and structure where they are weakest.
const PIECES: &[&[u8]] = &[
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"null",
    b"true",
    b"-",
    b".",
    b"0",
    b"1e9",
    b"99999999999999999999",
    b"\"\"",
    b"\xff",
    b"0.0000000000000000001",
    b"-9223372036854775808",
    b"18446744073709551616",
    b"[[[[[[[[[[[[",
    b"\\u0000",
    b"BTCUSDT",
    b"\"retCode\":0,",
    b"tw65535-4294967295-18446744073709551615",
    b"\"topic\":\"order\",",
    b" ",
    b"spot",
    b"\"type\":\"delta\",",
];

fn corpus() -> Vec<Vec<u8>> {
    let folder = Path::new("tests/corpus/bybit");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap().trim_ascii_end().to_vec()).collect()
}

fn torn(corpus: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut frame = corpus[chance.below(corpus.len())].clone();
    for _ in 0..1 + chance.below(4) {
        let at = chance.below(frame.len() + 1);
        let end = (at + chance.below(12)).min(frame.len());
        match chance.below(7) {
            0 if at < frame.len() => frame[at] ^= 1 << chance.below(8),
            1 => drop(frame.drain(at..end)),
            2 => drop(frame.splice(at..end, PIECES[chance.below(PIECES.len())].iter().copied())),
            3 => drop(frame.splice(at..at, PIECES[chance.below(PIECES.len())].iter().copied())),
            4 => frame.truncate(at),
            5 => {
                let other = &corpus[chance.below(corpus.len())];
                let from = chance.below(other.len());
                frame.splice(at..end, other[from..(from + 40).min(other.len())].iter().copied());
            }
            _ => {
                let again = frame[at..end].to_vec();
                frame.splice(at..at, again);
            }
        }
    }
    frame
}

fn asks() -> Vec<Ask> {
    let (order, since, cursor) = (OrderId { node: 1, epoch: 3, counter: 77 }, Timestamp(1_600_000_000_000_000_000), None);
    let mut asks = vec![Ask::ServerTime, Ask::KeyRights];
    for (market, instrument) in [(Market::Spot, SPOT_BTC), (Market::Linear, LINEAR_BTC)] {
        asks.extend([
            Ask::Instruments { market, cursor: None },
            Ask::Depth { instrument },
            Ask::OpenOrders { market, cursor: None },
            Ask::Order { order, instrument },
            Ask::OrderHistory { order, instrument },
            Ask::Fills { instrument, since, cursor: cursor.clone() },
            Ask::Balances { market },
            Ask::Positions { market, cursor: None },
            Ask::CancelAll { instrument },
        ]);
    }
    asks
}

/// Where an inbox ends, with what was in it before.
fn marked(inbox: &Inbox) -> (usize, usize, Option<Message>) {
    (inbox.messages.len(), inbox.changes.len(), inbox.messages.last().cloned())
}

/// Reads a frame on every socket and as every answer; how often it could be read, and how often not.
fn endure(dialect: &Bybit, asks: &[Ask], frame: &[u8], inbox: &mut Inbox, books: &mut [L2Book; 2]) -> [u64; 2] {
    let mut outcomes = [0, 0];
    for link in [SPOT, LINEAR, PRIVATE, ORDERS] {
        let before = marked(inbox);
        let read = dialect.read(link, frame, inbox);
        outcomes[usize::from(read.is_err())] += 1;
        assert!(read.is_ok() || marked(inbox) == before, "{read:?}: {}", String::from_utf8_lossy(frame));
    }
    for ask in asks {
        let before = marked(inbox);
        let answer = dialect.answer(ask, 200, &[], frame, inbox);
        outcomes[usize::from(answer.is_err())] += 1;
        assert!(answer.is_ok() || marked(inbox) == before, "{answer:?}: {}", String::from_utf8_lossy(frame));
    }
    for message in &inbox.messages {
        if let Message::Depth { instrument, kind, sequence, changes, .. } = message {
            assert!(changes.0 <= changes.1 && changes.1 as usize <= inbox.changes.len());
            for book in books.iter_mut() {
                book.apply(&inbox.update(*instrument, *kind, *sequence, *changes));
            }
        }
    }
    outcomes
}

#[test]
fn torn_messages_break_nothing() {
    let (corpus, asks, dialect) = (corpus(), asks(), bybit(two_pairs()));
    let (seconds, seed) = (setting("TRADEWIND_FUZZ_SECONDS", 2), setting("TRADEWIND_SEED", 1));
    let mut inbox = Inbox::default();
    let mut books = [SPOT_BTC, LINEAR_BTC].map(|id| L2Book::new(id, dialect.sequence_rule(id)));
    for (i, frame) in corpus.iter().enumerate() {
        let [read, _] = endure(&dialect, &asks, frame, &mut inbox, &mut books);
        assert!(read > 0, "message {i} of the corpus is read by nobody");
        inbox.clear();
    }
    let (mut chance, until) = (Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1), now() + Duration::from_secs(seconds));
    let (mut frames, mut total) = (0u64, [0u64; 2]);
    while now() < until {
        for _ in 0..64 {
            let frame = torn(&corpus, &mut chance);
            let outcomes = endure(&dialect, &asks, &frame, &mut inbox, &mut books);
            total = [total[0] + outcomes[0], total[1] + outcomes[1]];
            inbox.clear();
            frames += 1;
        }
    }
    println!("seed {seed}: {frames} torn frames; {} readings, {} refusals", total[0], total[1]);
    // A storm whose frames are all refused at once, or all read, would prove little.
    assert!(total[0] * 50 > total[1] && total[1] * 50 > total[0]);
}

//! Nonsense: whatever the bytes, nothing panics, and what is refused leaves no trace. Runs for `TRADEWIND_FUZZ_SECONDS` (default 2).

#![allow(clippy::disallowed_methods)]

use crate::town::*;
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};
use tradewind_types::{DepthKind, LevelChange, Price, Qty, Sequence, Side};
use tradewind_venues::binance::Binance;
use tradewind_venues::{Ask, Cursor, Dialect, Grid, Inbox, Market, Message};

/// A small generator: the same storm for the same seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound.max(1)
    }
}

fn corpus() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/binance");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let lines: Vec<Vec<u8>> = files
        .iter()
        .flat_map(|file| fs::read_to_string(file).unwrap().lines().map(|line| line.as_bytes().to_vec()).collect::<Vec<_>>())
        .collect();
    assert!(lines.len() > 25);
    lines
}

/// Words that numbers, names and brackets are replaced by.
const WORDS: [&[u8]; 18] = [
    b"-1",
    b"0",
    b"99999999999999999999999",
    b"9223372036854775808",
    b"1e400",
    b"\"\"",
    b"null",
    b"true",
    b"{}",
    b"[]",
    b"[[[[",
    b"]]",
    b"\\",
    b"\"",
    b"\xff\xfe",
    b"\"BTCUSDT\"",
    b"-0.000000000000000000001",
    b"{\"e\":",
];

fn mutated(corpus: &[Vec<u8>], numbers: &mut Numbers) -> Vec<u8> {
    let mut frame = corpus[numbers.below(corpus.len())].clone();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(frame.len() + 1);
        let to = (at + numbers.below(12)).min(frame.len());
        match numbers.below(6) {
            0 if at < frame.len() => frame[at] ^= 1 << numbers.below(8),
            1 => drop(frame.drain(at..to)),
            2 => frame.truncate(at),
            3 => drop(frame.splice(at..to, WORDS[numbers.below(WORDS.len())].iter().copied())),
            4 => {
                let other = &corpus[numbers.below(corpus.len())];
                let from = numbers.below(other.len());
                let until = (from + numbers.below(60)).min(other.len());
                drop(frame.splice(at..to, other[from..until].iter().copied()));
            }
            _ => {
                let again = frame[at..to].to_vec();
                drop(frame.splice(at..at, again));
            }
        }
    }
    frame
}

fn asks() -> Vec<Ask> {
    let mut asks = vec![Ask::ServerTime, Ask::KeyRights, Ask::StreamKey { market: Market::Linear }];
    for (market, instrument) in [(Market::Spot, SPOT), (Market::Linear, PERP)] {
        asks.extend([
            Ask::Instruments { market, cursor: None },
            Ask::Depth { instrument },
            Ask::OpenOrders { market, cursor: None },
            Ask::OpenOrders { market, cursor: Some(Cursor("conditional".into())) },
            Ask::Order { order: OURS, instrument },
            Ask::ConditionalOrder { order: OURS, instrument },
            Ask::Fills { instrument, since: ms(0), cursor: None },
            Ask::Balances { market },
            Ask::Positions { market, cursor: None },
            Ask::CancelAll { instrument },
            Ask::Funding { instrument, since: ms(0), cursor: None },
            Ask::Funding { instrument, since: ms(0), cursor: Some(Cursor("rate 1570608000000 5".into())) },
        ]);
    }
    asks
}

/// Reads bytes in every way there is. True where anything could be made of them.
fn weather(dialect: &Binance, asks: &[Ask], frame: &[u8]) -> usize {
    let mut understood = 0;
    let links = dialect.links().len();
    for link in 0..links {
        let mut inbox = Inbox::default();
        let read = dialect.read(tradewind_venues::LinkId(link as u8), frame, &mut inbox);
        understood += usize::from(read.is_ok());
        assert!(read.is_ok() || inbox.messages.is_empty() && inbox.changes.is_empty(), "{}", String::from_utf8_lossy(frame));
        for message in &inbox.messages {
            if let Message::Depth { changes, .. } = message {
                assert!(changes.0 <= changes.1 && changes.1 as usize <= inbox.changes.len());
            }
        }
    }
    for ask in asks {
        for status in [200, 400, 503] {
            let mut inbox = Inbox::default();
            let read = dialect.answer(ask, status, &[], frame, &mut inbox);
            understood += usize::from(read.is_ok());
            assert!(read.is_ok() || inbox.messages.is_empty() && inbox.changes.is_empty(), "{}", String::from_utf8_lossy(frame));
        }
    }
    understood
}

#[test]
fn mutated_frames_harm_nothing() {
    let seconds = std::env::var("TRADEWIND_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    let seed = std::env::var("TRADEWIND_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let (corpus, dialect, asks) = (corpus(), dialect(), asks());
    let (mut numbers, mut frames, mut understood) = (Numbers(seed), 0usize, 0usize);
    assert!(corpus.iter().all(|frame| weather(&dialect, &asks, frame) > 0));
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(seconds) {
        for _ in 0..100 {
            understood += weather(&dialect, &asks, &mutated(&corpus, &mut numbers));
            frames += 1;
        }
    }
    println!("{frames} mutated frames in {seconds} s from seed {seed}; {understood} readings made something of them");
    assert!(frames >= 100 && understood > frames);
}

/// Decimal text of `units` steps, with some zeros behind it.
fn rendered(units: i64, decimals: usize, zeros: usize) -> String {
    let unit = 10i64.pow(u32::try_from(decimals).unwrap());
    let point = if decimals + zeros > 0 { "." } else { "" };
    let fraction = if decimals > 0 { format!("{:0decimals$}", units % unit) } else { String::new() };
    format!("{}{point}{fraction}{}", units / unit, "0".repeat(zeros))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_harm_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        weather(&dialect(), &asks(), &bytes);
    }

    #[test]
    fn a_rendered_book_is_read_back(
        levels in proptest::collection::vec((any::<bool>(), 1i64..=999_999_999_999, 0i64..=999_999_999_999, 0usize..=6), 0..40),
        first in 1u64..u64::MAX / 2,
        more in 0u64..1000,
        at in 0i64..4_000_000_000_000,
    ) {
        let side = |is_bid: bool| if is_bid { Side::Buy } else { Side::Sell };
        let mut texts = [Vec::new(), Vec::new()];
        let mut expected = Vec::new();
        for is_bid in [true, false] {
            for (_, price, qty, zeros) in levels.iter().filter(|level| level.0 == is_bid) {
                texts[usize::from(!is_bid)].push(format!(r#"["{}","{}"]"#, rendered(*price, 2, *zeros), rendered(*qty, 5, 6 - zeros)));
                expected.push(LevelChange { side: side(is_bid), price: Price(*price), qty: Qty(*qty) });
            }
        }
        let frame = format!(
            r#"{{"e":"depthUpdate","E":{at},"s":"BTCUSDT","U":{first},"u":{},"b":[{}],"a":[{}]}}"#,
            first + more, texts[0].join(","), texts[1].join(",")
        );
        let inbox = read(SPOT_PUBLIC, &frame).unwrap();
        let sequence = Sequence { first, last: first + more, previous: None };
        let changes = (0, u32::try_from(expected.len()).unwrap());
        prop_assert_eq!(&inbox.messages, &[Message::Depth { ts_venue: ms(at), instrument: SPOT, kind: DepthKind::Delta, sequence, changes }]);
        prop_assert_eq!(inbox.changes, expected);
    }

    #[test]
    fn written_steps_are_read_back(units in 1i64..=i64::MAX / 2, mantissa in 1i64..=1_000, scale in 0u8..=8) {
        let step = tradewind_types::Decimal { mantissa, scale };
        let grid = Grid::new(step, step).unwrap();
        let units = units / mantissa.max(1) / 4;
        let mut text = Vec::new();
        grid.write_price(Price(units), &mut text);
        prop_assert_eq!(grid.price(&text), Ok(Price(units)));
    }
}

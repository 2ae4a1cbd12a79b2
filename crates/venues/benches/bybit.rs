//! Bybit's market data from bytes to books: frames, levels and trades per second on one core, and a digest of the book that resulted.
//!
//! Depth frames have 67 levels in about 1.6 KB, as the venue sends them for a busy contract; each is read, put on the grid and applied.
//! `--frames FOLDER` writes the frames of each feed there, a line each, and prints a JSON line per row instead, with the elapsed time of
//! every round: what another handler needs to do the same work on the same bytes.

#![allow(clippy::float_arithmetic, reason = "a rate is printed")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tradewind_book::{Applied, L2Book};
use tradewind_types::{AccountId, AssetId, Decimal, InstrumentId, Nanos, StateDigest};
use tradewind_venues::bybit::{Bybit, Endpoints, Settings};
use tradewind_venues::{Dialect, Directory, Feed, Grid, Inbox, LinkId, Listed, Market, Message};

const LEVELS: i64 = 67;
const FRAMES: usize = 250;
const ROUNDS: usize = 1_000;
const LINK: LinkId = LinkId(0);
const BTC: InstrumentId = InstrumentId(0);

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn now() -> Instant {
    Instant::now()
}

/// A fixed sequence of numbers.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).unwrap_or(0) % n
    }
}

fn bybit() -> Option<Bybit> {
    let grid = Grid::new(Decimal { mantissa: 1, scale: 1 }, Decimal { mantissa: 1, scale: 3 })?;
    let listed = |id: u32, symbol: &str| Listed {
        id: InstrumentId(id),
        market: Market::Linear,
        symbol: symbol.to_owned(),
        grid,
        base: AssetId(0),
        quote: AssetId(1),
        account: AccountId(0),
    };
    let symbols = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "DOGEUSDT", "XRPUSDT"];
    let instruments = symbols.iter().zip(0..).map(|(symbol, id)| listed(id, symbol)).collect();
    let mut bybit = Bybit::new(Settings {
        endpoints: Endpoints::default(),
        credentials: None,
        markets: vec![Market::Linear],
        feeds: vec![Feed::Depth, Feed::Trades],
        recv_window: Nanos::from_millis(5000),
    });
    bybit.set_directory(Directory::new(instruments, Vec::new(), BTreeMap::new()));
    Some(bybit)
}

fn level(tick: i64, lots: i64) -> String {
    if lots == 0 {
        format!(r#"["{}.{}0","0"]"#, tick / 10, tick % 10)
    } else {
        format!(r#"["{}.{}0","{}.{:03}"]"#, tick / 10, tick % 10, lots / 1000, lots % 1000)
    }
}

/// A snapshot, then deltas around a middle that wanders.
fn depth_frames() -> Vec<String> {
    let mut numbers = Numbers(7);
    let mut mid = 651_142;
    let frame = |n: usize, bids: Vec<String>, asks: Vec<String>| {
        let kind = if n == 0 { "snapshot" } else { "delta" };
        let (bids, asks, ts, update) = (bids.join(","), asks.join(","), 1_786_310_818_130 + 20 * n, 1000 + n);
        format!(
            r#"{{"topic":"orderbook.50.BTCUSDT","type":"{kind}","ts":{ts},"data":{{"s":"BTCUSDT","b":[{bids}],"a":[{asks}],"u":{update},"seq":75384{n}}},"cts":{ts}}}"#
        )
    };
    let mut frames = vec![frame(0, vec![level(mid - 10_000, 1)], vec![level(mid + 10_000, 1)])];
    for n in 1..FRAMES {
        mid += numbers.below(3) - 1;
        // The touch is cleared first, so that a middle that moves crosses nothing.
        let mut bids: Vec<String> = (0..4).map(|i| level(mid + i, 0)).collect();
        let mut asks: Vec<String> = (1..4).map(|i| level(mid - i, 0)).collect();
        for _ in 0..(LEVELS - 7) / 2 {
            bids.push(level(mid - 1 - numbers.below(80), numbers.below(9) * numbers.below(3000)));
            asks.push(level(mid + 1 + numbers.below(80), numbers.below(9) * numbers.below(3000)));
        }
        frames.push(frame(n, bids, asks));
    }
    frames
}

fn trade_frames(per_frame: usize) -> Vec<String> {
    let mut numbers = Numbers(11);
    let frame = |n: usize| {
        let ts = 1_786_310_819_681 + n;
        let trades: Vec<String> = (0..per_frame)
            .map(|i| {
                let (price, qty) = (651_100 + numbers.below(50), 1 + numbers.below(5000));
                let side = if numbers.below(2) == 0 { "Buy" } else { "Sell" };
                format!(
                    r#"{{"T":{ts},"s":"BTCUSDT","S":"{side}","v":"{}.{:03}","p":"{}.{}0","L":"MinusTick","i":"a9188a0a-82bc-50de-be60-{n:06x}{i:06x}","BT":false,"RPI":false,"seq":753843954913}}"#,
                    qty / 1000, qty % 1000, price / 10, price % 10
                )
            })
            .collect();
        format!(r#"{{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":{ts},"data":[{}]}}"#, trades.join(","))
    };
    (0..FRAMES).map(frame).collect()
}

/// Seconds a round took: the fastest, which other programs disturbed least, and the middle one.
struct Rounds(Vec<f64>);

impl Rounds {
    fn end(&mut self, start: Instant) {
        self.0.push(start.elapsed().as_secs_f64());
    }

    /// `count` a round, per second.
    fn rates(mut self, count: usize) -> (f64, f64) {
        self.0.sort_by(f64::total_cmp);
        let rate = |seconds: Option<&f64>| seconds.map_or(0.0, |seconds| count as f64 / seconds);
        (rate(self.0.first()), rate(self.0.get(self.0.len() / 2)))
    }
}

/// Writes what another handler reads.
fn write_frames(folder: &Path, name: &str, frames: &[String]) -> Option<()> {
    std::fs::write(folder.join(format!("{name}.frames")), frames.join("\n")).ok()
}

/// A row for programs.
fn row(name: &str, operation: &str, count: usize, rounds: &Rounds, hash: &str) {
    let elapsed: Vec<String> = rounds.0.iter().map(|seconds| format!("{:.0}", seconds * 1e9)).collect();
    let elapsed = elapsed.join(",");
    println!(r#"{{"name":"{name}","ops":{{"{operation}":{count}}},"elapsed_ns":[{elapsed}],"rejects":0,"fills":null,"hash":"{hash}"}}"#);
}

fn depth(bybit: &Bybit, applies: bool, folder: Option<&Path>) -> Option<()> {
    let frames = depth_frames();
    let bytes: usize = frames.iter().map(String::len).sum();
    let mut book = L2Book::new(BTC, bybit.sequence_rule(BTC));
    let (mut inbox, mut levels, mut rounds) = (Inbox::default(), 0, Rounds(Vec::new()));
    for _ in 0..ROUNDS {
        let start = now();
        for frame in &frames {
            inbox.clear();
            bybit.read(LINK, frame.as_bytes(), &mut inbox).ok()?;
            let Some(Message::Depth { instrument, kind, sequence, changes, .. }) = inbox.messages.first() else { return None };
            let update = inbox.update(*instrument, *kind, *sequence, *changes);
            levels += update.changes.len();
            if applies && !matches!(book.apply(&update), Applied::Changed | Applied::Restored) {
                return None;
            }
            black_box(&update);
        }
        rounds.end(start);
    }
    let mut digest = StateDigest::new();
    book.digest(&mut digest);
    if let Some(folder) = folder {
        let name = if applies { "bybit_linear_depth" } else { "bybit_linear_depth_mapped" };
        row(name, "frame", frames.len(), &rounds, &digest.finish().to_string());
        return write_frames(folder, name, &frames);
    }
    let (best, middle) = rounds.rates(frames.len());
    let per_frame = levels / (ROUNDS * frames.len());
    let what = if applies { "read and applied" } else { "read" };
    println!(
        "depth {what}: {best:.0} frames/s (median {middle:.0}), {:.0} levels/s, {} bytes and {per_frame} levels a frame, book {}",
        best * per_frame as f64,
        bytes / frames.len(),
        digest.finish().0.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>(),
    );
    Some(())
}

fn trades(bybit: &Bybit, per_frame: usize, folder: Option<&Path>) -> Option<()> {
    let frames = trade_frames(per_frame);
    let (mut inbox, mut count, mut seen, mut rounds) = (Inbox::default(), 0, 0u128, Rounds(Vec::new()));
    for _ in 0..ROUNDS {
        let start = now();
        for frame in &frames {
            inbox.clear();
            bybit.read(LINK, frame.as_bytes(), &mut inbox).ok()?;
            count += inbox.messages.len();
            if let Some(Message::Trade(_, trade)) = inbox.messages.last() {
                seen = seen.wrapping_add(trade.trade.0);
            }
        }
        rounds.end(start);
    }
    if let Some(folder) = folder {
        let name = format!("bybit_linear_trades_{per_frame}");
        row(&name, "trade", count / ROUNDS, &rounds, &format!("{seen:032x}"));
        return write_frames(folder, &name, &frames);
    }
    let (best, middle) = rounds.rates(count / ROUNDS);
    println!("trades, {per_frame} a frame: {best:.0} trades/s (median {middle:.0}), ids {seen:032x}");
    Some(())
}

fn main() -> std::process::ExitCode {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let folder = arguments.next().filter(|argument| argument == "--frames").and_then(|_| arguments.next()).map(PathBuf::from);
    let folder = folder.as_deref();
    let ran = bybit().and_then(|bybit| {
        depth(&bybit, false, folder)?;
        depth(&bybit, true, folder)?;
        trades(&bybit, 1, folder)?;
        trades(&bybit, 10, folder)
    });
    if ran.is_some() { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}

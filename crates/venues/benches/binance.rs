//! How fast Binance's market data is read, mapped to ticks and applied to a book, on one core. Prints rates and a digest of the book.
//!
//! `--frames FOLDER` writes the frames of each feed there, a line each, and prints a JSON line per row instead, with the elapsed
//! time of the best stretch: what another handler needs to do the same work on the same bytes.

// A bench measures time, and its rates are for people.
#![allow(clippy::disallowed_methods, clippy::float_arithmetic, clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::collections::BTreeMap;
use std::time::Instant;
use tradewind_book::{L2Book, SequenceRule};
use tradewind_types::DepthUpdate;
use tradewind_types::{AccountId, AssetId, Decimal, DepthKind, InstrumentId, LevelChange, Nanos, Price, Qty, Sequence, Side, StateDigest};
use tradewind_venues::binance::{Binance, Endpoints, Settings};
use tradewind_venues::{Dialect, Directory, Feed, Grid, Inbox, LinkId, Listed, Market, Message};

const LEVELS: usize = 67;
const FRAMES: usize = 2_000;
/// Frames between two looks at the clock: short enough that some stretch is not interrupted.
const WINDOW: usize = 200;
const ROUNDS: usize = 100;
const FIRST_ID: u64 = 50_093_239_189;

/// A small generator of numbers that look like chance and are the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A market with its way to write numbers: spot writes eight decimals, futures as many as count.
struct Style {
    name: &'static str,
    market: Market,
    instrument: InstrumentId,
    rule: SequenceRule,
    /// Decimals that count, of prices and quantities.
    decimals: (u8, u8),
    /// Zeros behind them.
    zeros: (&'static str, &'static str),
}

const USDM: Style = Style {
    name: "usdm",
    market: Market::Linear,
    instrument: InstrumentId(13),
    rule: SequenceRule::BinanceFutures,
    decimals: (2, 3),
    zeros: ("", ""),
};

const SPOT: Style = Style {
    name: "spot",
    market: Market::Spot,
    instrument: InstrumentId(3),
    rule: SequenceRule::BinanceSpot,
    decimals: (2, 5),
    zeros: ("000000", "000"),
};

fn dialect(style: &Style) -> Binance {
    let mut dialect = Binance::new(Settings {
        endpoints: Endpoints::default(),
        credentials: None,
        markets: vec![style.market],
        feeds: vec![Feed::Depth],
        recv_window: Nanos::from_secs(5),
    });
    let grid = |(tick, lot)| Grid::new(Decimal { mantissa: 1, scale: tick }, Decimal { mantissa: 1, scale: lot }).unwrap();
    let symbols = ["ADAUSDT", "BNBUSDT", "BTCUSDT", "DOGEUSDT", "ETHUSDT", "LTCUSDT", "SOLUSDT", "XRPUSDT"];
    let listed = |(id, symbol): (u32, &str)| Listed {
        id: InstrumentId(style.instrument.0 - 2 + id),
        market: style.market,
        symbol: symbol.into(),
        grid: grid(style.decimals),
        base: AssetId(1),
        quote: AssetId(2),
        account: AccountId(1),
    };
    dialect.set_directory(Directory::new((0u32..).zip(symbols).map(listed).collect(), Vec::new(), BTreeMap::new()));
    dialect
}

/// Mostly near the top, sometimes far, a third of them deletions: as recorded books change.
fn depth_frames(style: &Style) -> Vec<String> {
    let mut numbers = Numbers(7);
    let mut id = FIRST_ID;
    let (lots, width) = (10u64.pow(style.decimals.1.into()), usize::from(style.decimals.1));
    let mut frame = |n: usize| {
        let mut sides = [Vec::new(), Vec::new()];
        for place in 0..LEVELS {
            let reach = if numbers.below(10) < 7 { 300 } else { 30_000 };
            let away = numbers.below(reach) + 1;
            let cents = if place % 2 == 0 { 6_183_763 - away } else { 6_183_763 + away };
            let qty = if numbers.below(3) == 0 { 0 } else { numbers.below(3 * lots) };
            let (tick_zeros, lot_zeros) = style.zeros;
            let price = format!("{}.{:02}{tick_zeros}", cents / 100, cents % 100);
            sides[place % 2].push(format!(r#"["{price}","{}.{:0width$}{lot_zeros}"]"#, qty / lots, qty % lots));
        }
        let (first, last, previous) = (id, id + 13, id - 1);
        id = last + 1;
        let time = 1_723_161_255_208 + 100 * n;
        let links = if style.market == Market::Spot { String::new() } else { format!(r#""T":{time},"pu":{previous},"#) };
        format!(
            r#"{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":{time},{links}"s":"BTCUSDT","U":{first},"u":{last},"b":[{}],"a":[{}]}}}}"#,
            sides[0].join(","),
            sides[1].join(",")
        )
    };
    (0..FRAMES).map(&mut frame).collect()
}

fn trade_frames() -> Vec<String> {
    let mut numbers = Numbers(11);
    let mut frame = |n: usize| {
        let (cents, qty) = (6_183_763 + numbers.below(1000), numbers.below(100_000) + 1);
        format!(
            r#"{{"stream":"btcusdt@trade","data":{{"e":"trade","E":{0},"s":"BTCUSDT","t":{1},"p":"{2}.{3:02}000000","q":"0.{qty:05}000","T":{0},"m":{4},"M":true}}}}"#,
            1_723_161_255_343 + n,
            3_735_683_259 + n,
            cents / 100,
            cents % 100,
            n.is_multiple_of(2)
        )
    };
    (0..FRAMES).map(&mut frame).collect()
}

fn fresh_book(style: &Style) -> L2Book {
    let mut book = L2Book::new(style.instrument, style.rule);
    let level = |side, price| LevelChange { side, price: Price(price), qty: Qty(100_000) };
    let changes = [level(Side::Buy, 6_183_763), level(Side::Sell, 6_183_764)];
    let sequence = Sequence { first: FIRST_ID - 1, last: FIRST_ID - 1, previous: None };
    book.apply(&DepthUpdate { instrument: style.instrument, kind: DepthKind::Snapshot, sequence, changes: &changes });
    book
}

fn per_second(start: Instant) -> f64 {
    WINDOW as f64 / start.elapsed().as_secs_f64()
}

/// Where rows go: to people, or as JSON beside the frames.
type Folder<'a> = Option<&'a std::path::Path>;

fn write_frames(folder: &std::path::Path, name: &str, frames: &[String]) {
    std::fs::write(folder.join(format!("{name}.frames")), frames.join("\n")).unwrap();
}

/// `elapsed_ns` of so many operations, at a rate; `left` is the touch or the last trade, as others can say it, too.
fn row(name: &str, operation: &str, per_second: f64, digest: &str, left: &str) {
    let elapsed_ns = WINDOW as f64 / per_second * 1e9;
    println!(
        r#"{{"name":"{name}","ops":{{"{operation}":{WINDOW}}},"elapsed_ns":[{elapsed_ns:.0}],"rejects":0,"fills":null,"hash":"{digest}","left":"{left}"}}"#
    );
}

fn race_depth(style: &Style, folder: Folder<'_>) {
    let (dialect, frames) = (dialect(style), depth_frames(style));
    let mut inbox = Inbox::default();
    let (mut applied, mut mapped) = (0.0f64, 0.0f64);
    let (mut digest, mut touch) = (StateDigest::new().finish(), String::new());
    for _ in 0..ROUNDS {
        let mut book = fresh_book(style);
        for window in frames.chunks(WINDOW) {
            let start = Instant::now();
            for frame in window {
                inbox.clear();
                dialect.read(LinkId(0), frame.as_bytes(), &mut inbox).unwrap();
                for message in &inbox.messages {
                    if let Message::Depth { instrument, kind, sequence, changes, .. } = *message {
                        book.apply(&inbox.update(instrument, kind, sequence, changes));
                    }
                }
            }
            applied = applied.max(per_second(start));
        }
        assert_eq!(book.last_update_id(), Some(FIRST_ID + 14 * FRAMES as u64 - 1));
        let mut of_book = StateDigest::new();
        book.digest(&mut of_book);
        digest = of_book.finish();
        let price = |side| book.best(side).map_or(0.0, |level| level.price.0 as f64 / 100.0);
        touch = format!("{:.2} {:.2}", price(Side::Buy), price(Side::Sell));
        for window in frames.chunks(WINDOW) {
            let start = Instant::now();
            for frame in window {
                inbox.clear();
                dialect.read(LinkId(0), frame.as_bytes(), &mut inbox).unwrap();
            }
            mapped = mapped.max(per_second(start));
        }
    }
    if let Some(folder) = folder {
        let name = format!("binance_{}_depth", style.name);
        write_frames(folder, &name, &frames);
        row(&name, "frame", applied, &digest.to_string(), &touch);
        row(&format!("{name}_mapped"), "frame", mapped, &digest.to_string(), &touch);
        return;
    }
    let bytes = frames.iter().map(String::len).sum::<usize>() / FRAMES;
    println!("binance {} depth: {bytes} bytes, {LEVELS} levels a frame, best {WINDOW} frames in a row of {ROUNDS} × {FRAMES}", style.name);
    println!("  read, mapped and applied: {applied:>9.0} frames/s, {:>11.0} levels/s", applied * LEVELS as f64);
    println!("  read and mapped:          {mapped:>9.0} frames/s, {:>11.0} levels/s", mapped * LEVELS as f64);
    println!("  digest of the book: {digest}");
}

fn race_trades(folder: Folder<'_>) {
    let (dialect, frames) = (dialect(&SPOT), trade_frames());
    let mut inbox = Inbox::default();
    let (mut best, mut lots) = (0.0f64, StateDigest::new());
    for _ in 0..ROUNDS {
        for window in frames.chunks(WINDOW) {
            inbox.clear();
            let start = Instant::now();
            for frame in window {
                dialect.read(LinkId(0), frame.as_bytes(), &mut inbox).unwrap();
            }
            best = best.max(per_second(start));
            assert_eq!(inbox.messages.len(), WINDOW);
        }
    }
    let mut last_trade = String::new();
    for message in &inbox.messages {
        if let Message::Trade(_, trade) = message {
            lots.unsigned(trade.qty.0.unsigned_abs());
            last_trade = format!("last {}", trade.trade.0);
        }
    }
    if let Some(folder) = folder {
        write_frames(folder, "binance_spot_trades", &frames);
        return row("binance_spot_trades", "trade", best, &lots.finish().to_string(), &last_trade);
    }
    println!("binance spot trades: {best:>9.0} trades/s");
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let folder = match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => None,
        (Some("--frames"), Some(folder)) => Some(std::path::PathBuf::from(folder)),
        _ => panic!("only --frames FOLDER is understood"),
    };
    race_depth(&USDM, folder.as_deref());
    race_depth(&SPOT, folder.as_deref());
    race_trades(folder.as_deref());
}

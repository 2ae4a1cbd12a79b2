//! A frame of market data to the signed bytes of the order that answers it.
//!
//! Open loop: frame `n` is due at `n / rate` after the beginning whatever came before, and its latency counts from then until the
//! bytes of its order are ready to be sent: a node that falls behind is charged for it. In between the node hears the venue's answers,
//! as it would. Sampled are frames that an order answers; those that find every quote under way are counted beside.

use crate::audit::audit;
use crate::desk::{Folder, Place, Wall, config, node};
use crate::frames::{Digits, following};
use crate::memory::Beside;
use crate::quoter::{Quoter, Seat};
use std::time::{Duration, Instant};
use tradewind_emulator::venues::Venue;
use tradewind_types::{InstrumentId, Qty};

const BINANCE: Place = Place { venue: Venue::Binance, market: "linear", symbol: "BTCUSDT" };
const DIGITS: Digits = Digits { price: 1, qty: 3 };
const BTC: InstrumentId = InstrumentId(0);
const QUOTES: usize = 16;
/// Frames before those that count: the quotes are placed by the first of them.
const WARM_UP: usize = 1_000;

pub fn row(name: &str, level: &str, rate: u64, seconds: u64) {
    let (folder, wall) = (Folder::new(name), Wall::start());
    let config = config(folder.path(), BINANCE, level, "venue.test");
    let quoter = Quoter { quotes: QUOTES, qty: Qty(5), next: 0 };
    let mut beside = Beside::new(BINANCE, wall, node(&config, BINANCE.venue, Box::new(Seat(quoter)), wall.now()));
    beside.until("a node that trades", |node| node.is_trading() && node.engine().state().live_orders().count() == QUOTES);
    beside.hears_market = false;
    let count = WARM_UP + usize::try_from(rate * seconds).unwrap();
    let frames = following(beside.node.engine().market(BTC).book().unwrap(), DIGITS, BINANCE.symbol, count);
    let bytes = frames.iter().map(Vec::len).sum::<usize>() / frames.len();
    let period = Duration::from_nanos(1_000_000_000 / rate);
    let mut taken = Vec::with_capacity(count);
    let (mut unanswered, begin) = (0u64, Instant::now() + Duration::from_millis(1));
    for (n, frame) in (0u32..).zip(&frames) {
        let due = begin + period * n;
        while Instant::now() < due {
            if !beside.turn() {
                std::hint::spin_loop();
            }
        }
        beside.frame(frame);
        let has_order = beside.has_order();
        let latency = due.elapsed();
        beside.carry();
        match has_order {
            _ if n < WARM_UP as u32 => {}
            true => taken.push(u64::try_from(latency.as_nanos()).unwrap()),
            false => unanswered += 1,
        }
    }
    let book = beside.node.engine().market(BTC).book().map(tradewind_book::L2Book::status);
    assert_eq!(book, Some(tradewind_book::BookStatus::Valid), "the frames do not follow the book");
    let orders_out = beside.orders_out;
    let (node, _) = beside.end();
    assert_eq!(node.fault(), None);
    taken.sort_unstable();
    let at = |share: f64| taken.get((taken.len() as f64 * share) as usize).or(taken.last()).copied().unwrap_or_default();
    let found = audit(folder.path());
    println!(
        r#"{{"name":"{name}","level":"{level}","rate":{rate},"bytes":{bytes},"frames":{},"answered":{},"unanswered":{unanswered},"p50_ns":{},"p99_ns":{},"p999_ns":{},"max_ns":{},"commands":{orders_out},"rejects":{},"fills":{},"unknown":{},"hash":"{}"}}"#,
        count - WARM_UP,
        taken.len(),
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0),
        found.rejected,
        found.fills,
        found.unknown,
        node.engine().state_hash(),
    );
}

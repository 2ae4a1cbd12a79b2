//! Orders a second, through everything: limits, journal (committed before each leaves), rate limits, the venue's protocol, an
//! emulated venue's matching and records, and its answers back into the journal.

use crate::audit::audit;
use crate::desk::{Folder, Place, Wall, config, keys, node, setup, wall_time};
use crate::memory::Beside;
use crate::quoter::{Placer, Seat};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};
use tradewind_emulator::emulator::Emulator;
use tradewind_emulator::server::Listening;
use tradewind_emulator::venues::Venue;
use tradewind_node::{Clock, Health, LogFormat, LogSink, LoopHealth, Onlooker, Stopper, Transport, drive, trust_this_machine};
use tradewind_types::{Nanos, Qty, StateHash};

const BYBIT: Place = Place { venue: Venue::Bybit, market: "spot", symbol: "BTCUSDT" };
/// Offered, a second.
const OFFERED: i64 = 12_000;
const LEVEL: &str = "process";

fn placer(seconds: u64) -> Placer {
    let span = Nanos::from_secs(i64::try_from(seconds).unwrap());
    Placer { per_second: OFFERED, qty: Qty(1_000), span, began: None, placed: 0 }
}

/// Says what was done, and stops where an order is missing: each was accepted under a number of the venue's own, and is over.
fn report(name: &str, folder: &Folder, on_record: usize, took: Duration, hash: StateHash) {
    let found = audit(folder.path());
    let lost = found.sent - found.over;
    println!(
        r#"{{"name":"{name}","level":"{LEVEL}","offered":{OFFERED},"seconds":{:.2},"orders":{},"per_second":{:.0},"accepted":{},"venue_numbers":{},"over":{},"on_record":{on_record},"rejects":{},"fills":{},"unknown":{},"lost":{lost},"hash":"{hash}"}}"#,
        took.as_secs_f64(),
        found.sent,
        found.sent as f64 / took.as_secs_f64(),
        found.accepted,
        found.venue_numbers,
        found.over,
        found.rejected,
        found.fills,
        found.unknown,
    );
    assert_eq!((lost, found.accepted, found.venue_numbers), (0, found.sent, found.sent), "an order is missing: {found:?}");
    // A venue keeps the latest ten thousand of a client's closed orders.
    assert!(on_record as u64 == found.sent.min(10_000), "{on_record} on the venue's record: {found:?}");
}

/// Node and venue on two threads of this process.
pub fn in_memory(seconds: u64) {
    let (folder, wall) = (Folder::new("orders_in_memory"), Wall::start());
    let config = config(folder.path(), BYBIT, LEVEL, "venue.test");
    let mut beside = Beside::new(BYBIT, wall, node(&config, BYBIT.venue, Box::new(Seat(placer(seconds))), wall.now()));
    beside.until("an order", |node| node.health().orders_sent > 0);
    let (begin, span) = (Instant::now(), Duration::from_secs(seconds));
    let is_over = |beside: &Beside| beside.node.engine().state().live_orders().next().is_none();
    while begin.elapsed() < span || !is_over(&beside) {
        if !beside.turn() {
            std::hint::spin_loop();
        }
        assert!(begin.elapsed() < span * 3, "orders are left: {:?}", beside.node.health());
    }
    let took = begin.elapsed();
    let (node, emulator) = beside.end();
    assert_eq!(node.fault(), None);
    let house = emulator.house(0).unwrap();
    let on_record = house.orders(house.clients()[0].id).count();
    report("orders_in_memory", &folder, on_record, took, node.engine().state_hash());
}

/// As `tradewind emulate` serves it; it lives as long as the program.
fn serve(venue: Venue) -> SocketAddr {
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let emulator = Emulator::new(&setup(venue, wall_time())).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let listening = Listening::open(1, 0).await.unwrap();
            tell.send(listening.addresses().unwrap()[0]).unwrap();
            listening.serve(emulator, wall_time, std::future::pending()).await.unwrap();
        });
    });
    told.recv().unwrap()
}

/// Asks the node to stop once everything that was placed is over.
struct Until {
    span: Duration,
    began: Option<Instant>,
    stopper: Stopper,
    /// Orders sent when last looked at, and when the last of them was over.
    ended: std::sync::Arc<std::sync::Mutex<Option<Duration>>>,
}

impl Onlooker for Until {
    fn look(&mut self, health: Health, _: &LoopHealth) {
        if health.orders_sent == 0 {
            return;
        }
        let passed = self.began.get_or_insert_with(Instant::now).elapsed();
        let mut ended = self.ended.lock().unwrap();
        if ended.is_none() && passed >= self.span && (health.orders_live == 0 || passed > self.span * 3) {
            *ended = Some(passed);
            self.stopper.ask();
        }
    }
}

/// Node and venue with sockets between, the node in the loop that `tradewind live` runs.
pub fn on_loopback(seconds: u64) {
    let folder = Folder::new("orders_on_loopback");
    let (address, clock) = (serve(BYBIT.venue), Clock::start());
    let config = config(folder.path(), BYBIT, LEVEL, &address.to_string());
    let core = node(&config, BYBIT.venue, Box::new(Seat(placer(seconds))), clock.now());
    let (stopper, ended) = (Stopper::default(), std::sync::Arc::default());
    let onlooker =
        Until { span: Duration::from_secs(seconds), began: None, stopper: stopper.clone(), ended: std::sync::Arc::clone(&ended) };
    let log = LogSink::new(Box::new(std::io::sink()), LogFormat::Human).unwrap();
    let transport = Transport::new(trust_this_machine().unwrap());
    let (core, _) = drive(core, transport, clock, log, onlooker, stopper).unwrap();
    assert_eq!(core.fault(), None);
    // Seen once a second: the last order was over at the latest then, so the rate is at least what is said.
    let took = ended.lock().unwrap().unwrap();
    report("orders_on_loopback", &folder, on_record(address), took, core.engine().state_hash());
}

/// Orders that the venue has on record of the client.
fn on_record(address: SocketAddr) -> usize {
    let mut stream = TcpStream::connect(address).unwrap();
    let key = keys(BYBIT.venue).key;
    write!(stream, "GET /emulator/state?key={key} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let body = answer.windows(4).position(|w| w == b"\r\n\r\n").map(|at| &answer[at + 4..]).unwrap();
    let state: serde_json::Value = serde_json::from_slice(body).unwrap();
    ["open_orders", "closed_orders"].iter().map(|list| state[list].as_array().unwrap().len()).sum()
}

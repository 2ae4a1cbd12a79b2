//! The shell against emulated venues on loopback, over real sockets: a node that trades and stops, one that is cut off, the kill
//! switch after it, a look before the start, and a recording.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tradewind_emulator::emulator::{Emulator, EmulatorSetup};
use tradewind_emulator::faults::FaultSettings;
use tradewind_emulator::server::{Listening, announcements};
use tradewind_emulator::venues::{RequestLimits, Venue};
use tradewind_engine::Engine;
use tradewind_node::{
    Clock, Config, Core, Ended, Health, HourEnd, LogFormat, LogSink, LoopHealth, Mode, Onlooker, PreflightError, RecordedInstrument,
    Recorder, Rows, Seating, Shelf, Stopper, Transport, VenueConfig, beginning, drive, gateways, kill, last_written, preflight,
    trust_this_machine,
};
use tradewind_simulator::Strategist;
use tradewind_types::{BookId, Nanos, Timestamp};
use tradewind_venues::Credentials;

/// An emulated venue; it lives as long as the test program.
struct Served {
    name: &'static str,
    address: SocketAddr,
    keys: Credentials,
}

fn now() -> Timestamp {
    Timestamp(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap())
}

fn serve(name: &'static str) -> Served {
    let (told, heard) = channel();
    std::thread::spawn(move || {
        let venues = vec![Venue::named(name).unwrap()];
        let (limits, faults) = (RequestLimits::Published, FaultSettings::from_json("").unwrap());
        let setup = EmulatorSetup { start: now(), seed: 3, venues, accounts: 1, limits, faults };
        let emulator = Emulator::new(&setup).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let listening = Listening::open(1, 0).await.unwrap();
            let addresses = listening.addresses().unwrap();
            told.send((addresses[0], announcements(&emulator, &addresses).remove(0))).unwrap();
            listening.serve(emulator, now, std::future::pending()).await.unwrap();
        });
    });
    let (address, said) = heard.recv_timeout(Duration::from_secs(30)).unwrap();
    let word = |field: &str| said[field].as_str().unwrap_or_default().to_owned();
    Served { name, address, keys: Credentials { key: word("key"), secret: word("secret"), passphrase: word("passphrase") } }
}

impl Served {
    /// How many orders are open, by the emulator's own books and not by its protocol.
    fn open_orders(&self) -> usize {
        let mut stream = std::net::TcpStream::connect(self.address).unwrap();
        let key = &self.keys.key;
        write!(stream, "GET /emulator/state?key={key} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (_, body) = text.split_once("\r\n\r\n").unwrap();
        let state: serde_json::Value = serde_json::from_str(body).unwrap();
        state["open_orders"].as_array().unwrap().len()
    }
}

fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("tradewind-emulated-{name}-{}", std::process::id()));
    if path.exists() {
        std::fs::remove_dir_all(&path).unwrap();
    }
    path
}

fn config(served: &Served, folder: &std::path::Path, symbol: &str) -> Config {
    let text = format!(
        r#"
        [node]
        id = 1
        folder = "{folder}"
        [[venue]]
        name = "{name}"
        instruments = {{ spot = ["{symbol}"] }}
        endpoints = {{ http = "http://{address}", ws = "ws://{address}" }}
        keys = {{ env = "KEYS" }}
        [venue.paper]
        balances = {{ USDT = "100000", BTC = "1" }}
        [[limit]]
        scope = "firm"
        max_order_qty = "1"
        max_position = "100"
        [[book]]
        name = "quotes"
        [[book.algos]]
        kind = "quoting"
        instrument = "{name}:spot:{symbol}"
        half_spread_bps = "50"
        qty = "0.01"
        max_position = "0.5"
        "#,
        folder = folder.display(),
        name = served.name,
        address = served.address,
    );
    Config::read(&text).unwrap()
}

struct Nobody;

impl Seating for Nobody {
    fn seat(&mut self, _: BookId, _: &str, _: &Engine) -> Result<Option<Box<dyn Strategist>>, String> {
        Ok(None)
    }
}

/// How a node is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It is asked to stop.
    Asked,
    /// Its loop dies in the middle, as a crash would have it; gives no `Ended`.
    CutOff,
}

/// Ends the node when it is as wanted; keeps what it saw last.
#[derive(Clone)]
struct When {
    wanted: fn(&Health) -> bool,
    how: End,
    stopper: Stopper,
    seen: Arc<Mutex<(u32, Health)>>,
    since: Instant,
}

impl Onlooker for When {
    fn look(&mut self, health: Health, _: &LoopHealth) {
        let mut seen = self.seen.lock().unwrap();
        let is_late = self.since.elapsed() > Duration::from_secs(60);
        if seen.0 == 0 && ((self.wanted)(&health) || is_late) {
            seen.0 = 1;
            seen.1 = health.clone();
            assert!(self.how == End::Asked || is_late, "cut off on purpose");
            (0..if is_late { 2 } else { 1 }).for_each(|_| self.stopper.ask());
        }
        seen.1 = health;
    }
}

fn run(served: &Served, config: &Config, mode: Mode, wanted: fn(&Health) -> bool, how: End) -> (Option<Ended>, Health, String) {
    let clock = Clock::start();
    let begun = beginning(config, "test", clock.now(), last_written(&config.node.folder)).unwrap();
    let gateways = gateways(config, mode, &|_| Some(served.keys.clone()), 5).unwrap();
    let core = Core::new(config.clone(), mode, begun, gateways, Box::new(Nobody), clock.now()).unwrap();
    let stopper = Stopper::default();
    let when = When { wanted, how, stopper: stopper.clone(), seen: Arc::default(), since: Instant::now() };
    let page = config.node.folder.join("log.txt");
    let log = LogSink::new(Box::new(std::fs::File::create(&page).unwrap()), LogFormat::Human).unwrap();
    let transport = Transport::new(trust_this_machine().unwrap());
    let looking = when.clone();
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let (core, ended) = drive(core, transport, clock, log, looking, stopper).unwrap();
        assert_eq!(core.fault(), None);
        ended
    }))
    .ok();
    let log = std::fs::read_to_string(&page).unwrap();
    assert!(!log.contains(&served.keys.secret), "a secret is in the log");
    let health = when.seen.lock().unwrap_or_else(PoisonError::into_inner).1.clone();
    (ended, health, log)
}

fn venue(config: &Config) -> VenueConfig {
    config.venues[0].clone()
}

fn trades_stops_and_is_killed(name: &'static str) {
    let served = serve(name);
    let config = config(&served, &folder(name), "BTCUSDT");
    // A node that is asked to stop leaves nothing.
    let (ended, health, log) = run(&served, &config, Mode::Live, |h| h.orders_live >= 2 && h.is_trading, End::Asked);
    assert_eq!(ended, Some(Ended::Stopped), "{health:?}\n{log}");
    assert!(!log.contains("orders-left"), "{log}");
    assert_eq!(served.open_orders(), 0, "{log}");
    let keys = || served.keys.clone();
    let reports = kill(vec![(venue(&config), keys())], Duration::from_secs(20)).unwrap();
    assert!(reports[0].is_verified && reports[0].left.is_empty(), "{reports:?}");
    // One that is cut off leaves its orders; the kill switch ends them, and the venue says so.
    let (ended, health, log) = run(&served, &config, Mode::Live, |h| h.orders_live >= 2 && h.is_trading, End::CutOff);
    assert_eq!(ended, None, "{log}");
    assert!(health.orders_live >= 2, "{health:?}");
    assert!(served.open_orders() >= 2, "{log}");
    let reports = kill(vec![(venue(&config), keys())], Duration::from_secs(20)).unwrap();
    let report = &reports[0];
    assert!(report.is_verified && report.problems.is_empty(), "{report:?}");
    assert_eq!(report.cancelled, ["spot:BTCUSDT"]);
    assert_eq!(served.open_orders(), 0);
    println!("{name}: verified after {} ms", report.took.0 / 1_000_000);
    assert!(report.took < Nanos::from_secs(1), "{report:?}");
    // Wrong keys: nothing is claimed.
    let wrong = Credentials { secret: "wrong".into(), ..keys() };
    let reports = kill(vec![(venue(&config), wrong)], Duration::from_secs(1)).unwrap();
    assert!(!reports[0].is_verified && !reports[0].problems.is_empty(), "{reports:?}");
}

#[test]
fn a_binance_node_trades_stops_and_is_killed() {
    trades_stops_and_is_killed("binance");
}

#[test]
fn a_bybit_node_trades_stops_and_is_killed() {
    trades_stops_and_is_killed("bybit");
}

#[test]
fn a_paper_node_trades_without_keys() {
    let served = serve("binance");
    let config = config(&served, &folder("paper"), "BTCUSDT");
    let (ended, health, log) = run(&served, &config, Mode::Paper, |h| h.orders_live >= 2 && h.is_trading, End::Asked);
    assert_eq!(ended, Some(Ended::Stopped), "{log}");
    assert!(health.inputs > 10 && health.venues[0].links.iter().all(|l| l.is_up), "{health:?}");
}

#[test]
fn before_the_start_it_is_known_what_is_wrong() {
    let served = serve("binance");
    let look = |config: &Config, keys: Option<Credentials>| preflight(vec![(venue(config), keys)]).unwrap().remove(0);
    let good = config(&served, &folder("preflight"), "BTCUSDT");
    let facts = look(&good, Some(served.keys.clone())).unwrap();
    assert!(facts.listed > 1 && facts.rights.is_none_or(|r| r.trade && !r.withdraw), "{facts:?}");
    assert!(facts.clock_offset.0.abs() < 2_000_000_000, "{facts:?}");
    let error = look(&config(&served, &folder("preflight"), "BTCUSTD"), None).unwrap_err();
    assert!(matches!(&error, PreflightError::NotListed(_)) && error.to_string().contains("Did you mean `BTCUSDT`?"), "{error}");
    let wrong = Credentials { secret: "wrong".into(), ..served.keys.clone() };
    let error = look(&good, Some(wrong)).unwrap_err();
    assert!(matches!(&error, PreflightError::Keys { .. }), "{error:?}");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gone = Served { name: "binance", address: nobody, keys: served.keys.clone() };
    let error = look(&config(&gone, &folder("preflight"), "BTCUSDT"), None).unwrap_err();
    assert!(matches!(&error, PreflightError::Unreachable { .. }) && error.to_string().contains("refused"), "{error}");
}

type Kept = Arc<Mutex<Vec<(Rows, HourEnd)>>>;

struct Pile(Kept);

impl Shelf for Pile {
    fn keep(&mut self, rows: &Rows, _: &[RecordedInstrument], _: Nanos, end: HourEnd) -> Result<(), String> {
        self.0.lock().unwrap().push((rows.clone(), end));
        Ok(())
    }
}

fn records(name: &'static str) {
    let served = serve(name);
    let config = config(&served, &folder("record"), "BTCUSDT");
    let (kept, clock) = (Kept::default(), Clock::start());
    let recorder = Recorder::new(venue(&config), Pile(Arc::clone(&kept)), clock.now(), Some(Nanos::from_secs(6)));
    let log = LogSink::new(Box::new(std::io::sink()), LogFormat::Human).unwrap();
    let transport = Transport::new(trust_this_machine().unwrap());
    let (recorder, ended) = drive(recorder, transport, clock, log, (), Stopper::default()).unwrap();
    assert_eq!((recorder.fault(), ended), (None, Ended::ByItself));
    let kept = kept.lock().unwrap();
    assert_eq!(kept.last().unwrap().1, HourEnd::Closed);
    let depth: Vec<_> = kept.iter().flat_map(|(rows, _)| &rows.depth).collect();
    assert!(depth[0].is_snapshot && depth.iter().any(|r| !r.is_snapshot), "{} rows", depth.len());
    // A twin made from the rows alone: never crossed between messages.
    let (mut bids, mut asks, mut last) = (BTreeMap::new(), BTreeMap::new(), 0);
    for (n, row) in depth.iter().enumerate() {
        if row.is_snapshot && (n == 0 || row.msg != last) {
            bids.clear();
            asks.clear();
        }
        assert!(row.msg >= last, "messages go on");
        last = row.msg;
        let side = if row.change.side == tradewind_types::Side::Buy { &mut bids } else { &mut asks };
        if row.change.qty.0 == 0 {
            side.remove(&row.change.price);
        } else {
            side.insert(row.change.price, row.change.qty);
        }
        let is_last = depth.get(n + 1).is_none_or(|next| next.msg != row.msg);
        if let (true, Some((bid, _)), Some((ask, _))) = (is_last, bids.last_key_value(), asks.first_key_value()) {
            assert!(bid < ask, "crossed at message {}", row.msg);
        }
    }
    assert!(kept.iter().any(|(rows, _)| !rows.quotes.is_empty()));
}

#[test]
fn a_recording_of_binance_can_be_replayed() {
    records("binance");
}

#[test]
fn a_recording_of_bybit_can_be_replayed() {
    records("bybit");
}

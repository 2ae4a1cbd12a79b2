//! What every row begins with: a folder, a configuration, a clock that only goes forward, keys of the emulated venue.

use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tradewind_emulator::emulator::EmulatorSetup;
use tradewind_emulator::faults::FaultSettings;
use tradewind_emulator::venues::{RequestLimits, Venue};
use tradewind_node::{Beginning, Config, Core, Kept, Mode, Seating, beginning, gateways};
use tradewind_types::{Nanos, Timestamp};
use tradewind_venues::Credentials;

pub const SEED: u64 = 11;
pub type Node = Core<Kept<tradewind_journal::Volume>>;

/// The wall clock at the start, and what has passed since.
#[derive(Clone, Copy)]
pub struct Wall {
    pub since: Instant,
    at: Timestamp,
}

impl Wall {
    pub fn start() -> Self {
        Self { since: Instant::now(), at: wall_time() }
    }

    pub fn now(&self) -> Timestamp {
        self.at.plus(Nanos(i64::try_from(self.since.elapsed().as_nanos()).unwrap()))
    }
}

/// The system's clock.
pub fn wall_time() -> Timestamp {
    Timestamp(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap())
}

/// A folder that is there as long as the row runs.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tradewind-bench-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// What is traded, and where.
#[derive(Clone, Copy)]
pub struct Place {
    pub venue: Venue,
    /// `linear`
    pub market: &'static str,
    pub symbol: &'static str,
}

/// Limits of every kind that the firm has, and the account's rate limits raised as a venue raises them.
pub fn config(folder: &Path, place: Place, level: &str, address: &str) -> Config {
    let raised = match place.venue {
        Venue::Binance => "usdm-weight = 100000000, usdm-orders-10s = 10000000, usdm-orders-minute = 60000000",
        Venue::Bybit => {
            "order-socket-address = 1000000, spot-create = 1000000, linear-create = 1000000, \
             spot-create-batch = 1000000, linear-create-batch = 1000000"
        }
    };
    let Place { venue, market, symbol } = place;
    let text = format!(
        r#"
        [node]
        id = 7
        folder = "{}"
        commit = "{level}"
        [[venue]]
        name = "{}"
        instruments = {{ {market} = ["{symbol}"] }}
        feeds = ["depth"]
        endpoints = {{ http = "http://{address}", ws = "ws://{address}" }}
        keys = {{ env = "KEYS" }}
        rate_limits = {{ {raised} }}
        [[limit]]
        scope = "firm"
        max_order_qty = "10"
        max_order_notional = "1000000"
        max_position = "1000"
        max_price_deviation_bps = 1000
        max_orders_per_s = 1000000
        [[book]]
        name = "bench"
        "#,
        folder.display(),
        venue.name(),
    );
    let config = Config::read(&text).unwrap();
    config.check(Mode::Live).unwrap();
    config
}

/// An emulated venue whose limits are lifted and that does nothing wrong.
pub fn setup(venue: Venue, start: Timestamp) -> EmulatorSetup {
    let faults = FaultSettings::default();
    EmulatorSetup { start, seed: SEED, venues: vec![venue], accounts: 1, limits: RequestLimits::Lifted, faults }
}

pub fn keys(venue: Venue) -> Credentials {
    let credentials = &venue.house(SEED, 1).clients[0].credentials;
    let secret = credentials.secret.reveal().to_owned();
    Credentials { key: credentials.key.clone(), secret, passphrase: credentials.passphrase.reveal().to_owned() }
}

/// A live node with its journal in the folder.
pub fn node(config: &Config, venue: Venue, seating: Box<dyn Seating>, now: Timestamp) -> Node {
    let gateways = gateways(config, Mode::Live, &|_| Some(keys(venue)), SEED).unwrap();
    let begun: Beginning<_> = beginning(config, "bench", now, None).unwrap();
    Core::new(config.clone(), Mode::Live, begun, gateways, seating, now).unwrap()
}

//! The world around the engine: venues, disk and clocks; live, or paper on live data.

mod check;
mod clock;
mod config;
mod drive;
mod health;
mod log;
mod nearest;
mod transport;

pub use check::{Mistake, Mistakes, Purpose};
pub use clock::{Clock, utc_text};
pub use config::{
    AlgoConfig, BookConfig, CommitConfig, Config, ConfigError, EndpointsConfig, FeedConfig, KeysConfig, LimitConfig, MarketConfig,
    NodeConfig, PaperConfig, PythonConfig, VenueConfig, VenueName,
};
pub use drive::{DriveError, Ended, LoopHealth, Machine, Onlooker, STALL, Stopper, drive};
pub use health::{AccountHealth, Health, LATENCY_BOUNDS, LatencyHistogram, LinkHealth, RateHealth, VenueHealth};
pub use log::{Level, Line, LogFormat, LogSink};
pub use nearest::{did_you_mean, nearest};
pub use transport::{Heard, HttpAnswer, HttpClient, OVERRUN_AFTER, TlsError, Transport, trust_this_machine};

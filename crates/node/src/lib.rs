//! The world around the engine: venues, disk and clocks; live, or paper on live data.

mod check;
mod clock;
mod config;
mod core;
mod drive;
mod health;
mod keeping;
mod log;
mod market_log;
mod nearest;
mod paper;
mod replay;
mod transport;

pub use check::{Mistake, Mistakes};
pub use clock::{Clock, utc_text};
pub use config::{
    AlgoConfig, BookConfig, CommitConfig, Config, ConfigError, EndpointsConfig, FeedConfig, KeysConfig, LimitConfig, MarketConfig,
    NodeConfig, PaperConfig, PythonConfig, VenueConfig, VenueName,
};
pub use core::{Beginning, Core, Mode, Seating};
pub use drive::{DriveError, Ended, LoopHealth, Machine, Onlooker, STALL, Stopper, drive};
pub use health::{AccountHealth, Health, Histogram, Level, Line, LinkHealth, VenueHealth};
pub use keeping::{Keeping, KeepingError, Kept};
pub use log::{LogFormat, LogSink};
pub use market_log::{EventPlace, MarketLog, MarketLogSettings, Recorded, SegmentReader, segments};
pub use nearest::{did_you_mean, nearest};
pub use paper::{PaperFees, PaperVenue};
pub use replay::{journal_folder, market_folder, replay_node, sequence_rule};
pub use transport::{Heard, HttpAnswer, HttpClient, OVERRUN_AFTER, TlsError, Transport, trust_this_machine};

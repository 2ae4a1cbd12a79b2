//! The world around the engine: venues, disk and clocks; live, or paper on live data.

mod config;
mod core;
mod health;
mod keeping;
mod market_log;
mod paper;
mod replay;
mod start;

pub use config::{
    AlgoConfig, BookConfig, CommitConfig, Config, ConfigError, EndpointsConfig, FeedConfig, KeysConfig, LimitConfig, MarketConfig,
    NodeConfig, PaperConfig, PythonConfig, VenueConfig, VenueName,
};
pub use core::{Beginning, Core, Mode, Seating, amount_text};
pub use health::{AccountHealth, Health, Histogram, Level, Line, LinkHealth, VenueHealth};
pub use keeping::{Keeping, KeepingError, Kept};
pub use market_log::{EventPlace, MarketLog, MarketLogSettings, Recorded, SegmentReader, segments};
pub use paper::{PaperFees, PaperVenue};
pub use replay::{journal_folder, market_folder, replay_node, sequence_rule};
pub use start::{StartError, beginning, dialect, gateways, recovered};

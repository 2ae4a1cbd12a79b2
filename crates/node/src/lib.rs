//! The world around the engine: venues, disk and clocks; live, or paper on live data.

mod config;

pub use config::{
    AlgoConfig, BookConfig, CommitConfig, Config, ConfigError, EndpointsConfig, FeedConfig, KeysConfig, LimitConfig, MarketConfig,
    NodeConfig, PaperConfig, PythonConfig, VenueConfig, VenueName,
};

//! The world around the engine: venues, disk and clocks; live, or paper on live data.

mod asking;
mod check;
mod clock;
mod config;
mod core;
mod drive;
mod health;
mod keeping;
mod keys;
mod kill;
mod log;
mod market_log;
mod metrics;
mod nearest;
mod paper;
mod parity;
mod preflight;
mod record;
mod replay;
mod start;
mod transport;
mod unheard;

pub use check::{Mistake, Mistakes};
pub use clock::{Clock, utc_text};
pub use config::{
    AlgoConfig, BookConfig, CommitConfig, Config, ConfigError, EndpointsConfig, FeedConfig, KeysConfig, LimitConfig, MarketConfig,
    NodeConfig, PaperConfig, PythonConfig, VenueConfig, VenueName,
};
pub use core::{Beginning, Core, Mode, Seating, amount_text};
pub use drive::{DriveError, Ended, LoopHealth, Machine, Onlooker, STALL, Stopper, drive};
pub use health::{AccountHealth, Health, Level, Line, LinkHealth, VenueHealth};
pub use keeping::{Keeping, KeepingError, Kept};
pub use keys::{CHANCE_BYTES, KeyRing, KeySource, KeysError};
pub use kill::{KillError, KillReport, kill};
pub use log::{LogFormat, LogSink};
pub use market_log::{EventPlace, MarketLog, MarketLogSettings, Recorded, SegmentReader, segments};
pub use metrics::{Board, MetricsError, STALE, exposition, serve_metrics};
pub use nearest::{did_you_mean, nearest};
pub use paper::{PaperFees, PaperVenue, funding_due, funding_payment};
pub use parity::{InstrumentParity, Parity, ParityError, ParitySettings, parity};
pub use preflight::{PreflightError, VenueFacts, preflight};
pub use record::{DepthRow, Gap, HourEnd, QuoteRow, RecordedInstrument, Recorder, Rows, Shelf, TradeRow};
pub use replay::{journal_folder, market_folder, replay_node, sequence_rule};
pub use start::{StartError, beginning, dialect, gateways, last_sent, last_written, recovered};
pub use transport::{Heard, HttpAnswer, HttpClient, OVERRUN_AFTER, TlsError, Transport, trust_this_machine};
pub use unheard::Unheard;

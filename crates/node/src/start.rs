//! From a configuration to a node: what was kept is taken up, and every venue gets its gateway.

use crate::config::{CommitConfig, Config, EndpointsConfig, FeedConfig, MarketConfig, VenueConfig, VenueName};
use crate::core::{Beginning, Mode};
use crate::keeping::{KeepingError, Kept};
use crate::market_log::{MarketLog, MarketLogSettings, segments};
use crate::replay::{journal_folder, market_folder};
use crate::unheard::Unheard;
use std::path::Path;
use tradewind_engine::Engine;
use tradewind_journal::{CommitLevel, DiskBudget, FolderJournal, FolderSettings, JournalError, RunFacts, Volume};
use tradewind_simulator::{ReplayError, recover_path, take_up};
use tradewind_types::{Nanos, Timestamp};
use tradewind_venues::{Access, Credentials, Dialect, Feed, Gateway, Market, UnknownLimit, binance, bybit};

/// Why a node cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// What was kept cannot be read, or belongs to a node that runs.
    #[error("the journal in {folder} cannot be taken up: {why}")]
    Journal {
        /// Which folder.
        folder: String,
        /// Why.
        why: String,
    },
    /// Nothing can be kept.
    #[error(transparent)]
    Keeping(#[from] KeepingError),
    /// Live trading without keys.
    #[error("venue {venue} has no keys: set `keys` in its [[venue]], for example keys = {{ env = \"{}\" }}", venue.to_uppercase())]
    NoKeys {
        /// Which venue.
        venue: &'static str,
    },
    /// A raised rate limit that the venue does not have.
    #[error("`rate_limits` of venue {venue}: {unknown}")]
    RateLimit {
        /// Which venue.
        venue: &'static str,
        /// What it does not have.
        unknown: UnknownLimit,
    },
}

/// The largest volume of a journal, and the largest segment of market data.
const FILE_BYTES: u64 = 1 << 26;
/// Of a disk, what stays free for others.
const RESERVE_BYTES: u64 = 256 << 20;
/// Requests that arrive later than this after their time are refused by the venue.
const RECV_WINDOW: Nanos = Nanos::from_secs(5);

const fn level(commit: CommitConfig) -> CommitLevel {
    match commit {
        CommitConfig::Memory => CommitLevel::Memory,
        CommitConfig::Process => CommitLevel::Process,
        CommitConfig::Disk => CommitLevel::Disk,
    }
}

/// Takes up what a node's folder holds, or begins it. `last_written` is when the journal was written last, none for a new one.
///
/// # Errors
/// [`StartError`]: the folder belongs to a running node, is damaged, or cannot be written.
pub fn beginning(
    config: &Config,
    code_version: &str,
    now: Timestamp,
    last_written: Option<Timestamp>,
) -> Result<Beginning<Kept<Volume>>, StartError> {
    let folder = &config.node.folder;
    // Before anything else is written: the journal's own time tells what was heard no more.
    std::fs::create_dir_all(folder).map_err(KeepingError::Unheard)?;
    let venues = config.venues.iter().map(|venue| venue.name);
    let unheard = Unheard::open(folder, venues, last_written.map_or(now, |at| at.min(now))).map_err(KeepingError::Unheard)?;
    let heard_until = unheard.marks().clone();
    let refused = |why: String| StartError::Journal { folder: folder.display().to_string(), why };
    let journal_folder = journal_folder(folder);
    // A quarter of the budget is the journal's: it is small beside the market data, and nothing of it is ever let go.
    let budget = config.node.disk_budget_mb << 20;
    let disk = DiskBudget { folder_bytes: budget / 4, reserve_bytes: RESERVE_BYTES };
    let settings = FolderSettings { volume_bytes: FILE_BYTES.min(budget / 16), budget: disk };
    let level = level(config.node.commit);
    let is_begun = std::fs::read_dir(&journal_folder)
        .is_ok_and(|mut files| files.any(|f| f.is_ok_and(|f| f.path().extension().is_some_and(|e| e == "journal"))));
    let (engine, journal) = if is_begun {
        let taken = take_up(&journal_folder, settings, level).map_err(|error: ReplayError| refused(error.to_string()))?;
        (taken.recovery.recovered.engine, taken.journal)
    } else {
        let facts = RunFacts {
            code_version: code_version.to_owned(),
            node: config.node.id,
            epoch: 0,
            created: now,
            segments: Vec::new(),
            setup: "node".to_owned(),
        };
        let create = |error: JournalError| refused(error.to_string());
        (Engine::new(), FolderJournal::create_folder(&journal_folder, &facts, settings, level).map_err(create)?)
    };
    let market_folder = market_folder(folder);
    std::fs::create_dir_all(&market_folder).map_err(KeepingError::from)?;
    let on_disk = segments(&market_folder).map_err(KeepingError::from)?.last().map(|(id, _)| *id);
    let declared = journal.facts().segments.iter().map(|segment| segment.id).max();
    let next = on_disk.max(declared).map_or(0, |id| id + 1);
    let settings = MarketLogSettings { segment_bytes: FILE_BYTES.min(budget / 16), budget_bytes: budget / 4 * 3 };
    let name = format!("node {} since {}", config.node.id, now.0);
    let market = MarketLog::create(&market_folder, next, &name, settings).map_err(KeepingError::from)?;
    let last_seq = journal.last_input_seq().unwrap_or_default();
    Ok(Beginning { engine, last_seq, heard_until, keeping: Kept::new(journal, market, unheard) })
}

/// The state that a node's folder holds, without taking it up.
///
/// # Errors
/// [`StartError::Journal`].
pub fn recovered(folder: &Path) -> Result<Engine, StartError> {
    let refused = |error: ReplayError| StartError::Journal { folder: folder.display().to_string(), why: error.to_string() };
    Ok(recover_path(&journal_folder(folder)).map_err(refused)?.recovered.engine)
}

/// When the last order was sent that may still be alive. What becomes of it is decided by when it was sent, so time may not be
/// earlier in the next life, whatever the wall clock says.
#[must_use]
pub fn last_sent(engine: &Engine) -> Timestamp {
    engine.state().live_orders().map(|order| order.sent_at).max().unwrap_or_default()
}

/// When the journal of a node's folder was written last, by the clock of the disk's machine; none where there is none.
#[must_use]
pub fn last_written(folder: &Path) -> Option<Timestamp> {
    let files = std::fs::read_dir(journal_folder(folder)).ok()?;
    let written = |entry: std::io::Result<std::fs::DirEntry>| {
        let since_epoch = entry.ok()?.metadata().ok()?.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
        i64::try_from(since_epoch.as_nanos()).ok()
    };
    files.filter_map(written).max().map(Timestamp)
}

/// A gateway for each venue of the configuration, in its order. `keys` are looked for in live trading only: in paper trading none
/// is sent anywhere. `seed` spreads reconnections.
///
/// # Errors
/// [`StartError::NoKeys`], [`StartError::RateLimit`].
pub fn gateways(
    config: &Config,
    mode: Mode,
    keys: &dyn Fn(&VenueConfig) -> Option<Credentials>,
    seed: u64,
) -> Result<Vec<Gateway>, StartError> {
    let gateway = |(n, venue): (u64, &VenueConfig)| {
        let credentials = match mode {
            Mode::Paper => None,
            Mode::Live => Some(keys(venue).ok_or(StartError::NoKeys { venue: venue.name.as_str() })?),
        };
        let access = if mode == Mode::Live { Access::Private } else { Access::Public };
        let gateway = Gateway::new(dialect(venue, credentials), access, seed ^ n);
        gateway.with_capacities(&venue.rate_limits).map_err(|unknown| StartError::RateLimit { venue: venue.name.as_str(), unknown })
    };
    (0u64..).zip(&config.venues).map(gateway).collect()
}

/// A venue's protocol, as configured.
#[must_use]
pub fn dialect(venue: &VenueConfig, credentials: Option<Credentials>) -> Box<dyn Dialect> {
    let markets: Vec<Market> = venue.instruments.keys().map(|market| market_of(*market)).collect();
    let feeds: Vec<Feed> = venue.feeds.iter().map(|feed| feed_of(*feed)).collect();
    let at = |EndpointsConfig { http, ws }: &EndpointsConfig| (http.clone(), ws.clone());
    match venue.name {
        VenueName::Binance => {
            let endpoints =
                venue.endpoints.as_ref().map(at).map_or_else(binance::Endpoints::default, |(http, ws)| binance::Endpoints::at(&http, &ws));
            Box::new(binance::Binance::new(binance::Settings { endpoints, credentials, markets, feeds, recv_window: RECV_WINDOW }))
        }
        VenueName::Bybit => {
            let endpoints =
                venue.endpoints.as_ref().map(at).map_or_else(bybit::Endpoints::default, |(http, ws)| bybit::Endpoints::at(&http, &ws));
            Box::new(bybit::Bybit::new(bybit::Settings { endpoints, credentials, markets, feeds, recv_window: RECV_WINDOW }))
        }
    }
}

const fn market_of(market: MarketConfig) -> Market {
    match market {
        MarketConfig::Spot => Market::Spot,
        MarketConfig::Linear => Market::Linear,
    }
}

const fn feed_of(feed: FeedConfig) -> Feed {
    match feed {
        FeedConfig::Depth => Feed::Depth,
        FeedConfig::Trades => Feed::Trades,
        FeedConfig::Bars => Feed::Bars,
        FeedConfig::Marks => Feed::Marks,
    }
}

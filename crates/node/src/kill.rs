//! The kill switch: ends every order at the venues when nothing else works.
//!
//! A process of its own, with keys and connections of its own. It needs the configuration and the venues' answers, nothing else: no
//! node, no journal, no list of what is traded, no socket. It asks each venue to cancel everything on every configured instrument,
//! then asks which orders are open, and asks again until the venue says none. What the venue has not said is not claimed.

use crate::asking::Asker;
use crate::clock::Clock;
use crate::config::{MarketConfig, VenueConfig};
use crate::start::dialect;
use crate::transport::{HttpClient, TlsError, trust_this_machine};
use futures_util::future::join_all;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tradewind_types::{AccountId, AssetId, Decimal, InstrumentId, Nanos, Timestamp};
use tradewind_venues::{Ask, AskFailure, Credentials, Directory, Grid, Listed, Market, Message, RecordState, VenueErrorKind};

/// Before a venue is asked again.
const PAUSE: Duration = Duration::from_millis(100);
/// Finer than the steps of anything listed: what an order's price is does not matter here, that it can be read does.
const FINEST: (Decimal, Decimal) = (Decimal { mantissa: 1, scale: 10 }, Decimal { mantissa: 1, scale: 8 });

/// The switch could not be pulled.
#[derive(Debug, thiserror::Error)]
pub enum KillError {
    /// No encryption.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The operating system gives no timers or sockets.
    #[error("the kill switch cannot start: {0}")]
    System(#[from] std::io::Error),
}

/// What became of one venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KillReport {
    /// `binance`.
    pub venue: &'static str,
    /// Instruments on which everything was cancelled.
    pub cancelled: Vec<String>,
    /// Whether the venue has said that no order is open on any of them.
    pub is_verified: bool,
    /// Orders that the venue said last are open, by instrument.
    pub left: BTreeMap<String, u64>,
    /// From the command to what is reported here.
    pub took: Nanos,
    /// What went wrong on the way, each said once.
    pub problems: Vec<String>,
}

/// Ends every order on the configured instruments of these venues, all at once, and waits for at most `within` until they say so.
///
/// # Errors
/// [`KillError`], before anything was asked.
pub fn kill(venues: Vec<(VenueConfig, Credentials)>, within: Duration) -> Result<Vec<KillReport>, KillError> {
    let web = HttpClient::new((*trust_this_machine()?).clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let clock = Clock::start();
    Ok(runtime.block_on(join_all(venues.into_iter().map(|(venue, keys)| {
        let mut switch = Switch::new(&venue, keys, web.clone(), clock.clone());
        async move {
            // What is known when the time is over is reported.
            tokio::time::timeout(within, switch.pull()).await.ok();
            switch.report()
        }
    }))))
}

struct Switch {
    asker: Asker,
    clock: Clock,
    began: Timestamp,
    names: BTreeMap<InstrumentId, String>,
    /// Where everything was cancelled at least once.
    cancelled: BTreeSet<InstrumentId>,
    left: BTreeMap<InstrumentId, u64>,
    is_verified: bool,
    problems: BTreeSet<String>,
}

impl Switch {
    fn new(venue: &VenueConfig, keys: Credentials, web: HttpClient, clock: Clock) -> Self {
        let mut dialect = dialect(venue, Some(keys));
        let (directory, names) = directory(venue);
        dialect.set_directory(directory);
        let (began, asker) = (clock.now(), Asker::new(dialect, web, clock.clone()));
        Self {
            asker,
            clock,
            began,
            names,
            cancelled: BTreeSet::new(),
            left: BTreeMap::new(),
            is_verified: false,
            problems: BTreeSet::new(),
        }
    }

    async fn pull(&mut self) {
        self.look_at_the_clock().await;
        loop {
            let asks = self.names.keys().map(|instrument| Ask::CancelAll { instrument: *instrument }).collect();
            for (ask, outcome) in self.asker.ask_all(asks).await {
                match (ask, outcome) {
                    (Ask::CancelAll { instrument }, outcome) if is_done(&outcome) => {
                        self.cancelled.insert(instrument);
                    }
                    (_, Ok(_)) => {}
                    (ask, Err(why)) => self.note(&ask, why.to_string()),
                }
            }
            self.look_at_what_is_open().await;
            if self.is_verified {
                return;
            }
            tokio::time::sleep(PAUSE).await;
            self.look_at_the_clock().await;
        }
    }

    async fn look_at_the_clock(&mut self) {
        if let Err(why) = self.asker.look_at_the_clock().await {
            self.note(&Ask::ServerTime, why.to_string());
        }
    }

    /// Verified is what every market has answered in full, with no order of ours or anybody's open.
    async fn look_at_what_is_open(&mut self) {
        let mut unheard: BTreeSet<Market> = self.asker.dialect().markets().iter().copied().collect();
        let asks = unheard.iter().map(|market| Ask::OpenOrders { market: *market, cursor: None }).collect();
        let (mut left, mut is_whole) = (BTreeMap::new(), true);
        for (ask, outcome) in self.asker.ask_all(asks).await {
            match outcome {
                Ok(messages) => {
                    if let Ask::OpenOrders { market, .. } = ask {
                        unheard.remove(&market);
                    }
                    for message in messages {
                        if let Message::Order(record) = message
                            && record.state == RecordState::Open
                        {
                            *left.entry(record.instrument).or_insert(0) += 1;
                        }
                    }
                }
                Err(why) => {
                    is_whole = false;
                    self.note(&ask, why.to_string());
                }
            }
        }
        // A market that has said nothing has not said that nothing is open.
        self.is_verified = is_whole && unheard.is_empty() && left.is_empty();
        self.left = left;
    }

    fn note(&mut self, ask: &Ask, why: String) {
        let what = match ask {
            Ask::ServerTime => "asking for the clock".to_owned(),
            Ask::CancelAll { instrument } => format!("cancelling on {}", self.name(*instrument)),
            Ask::OpenOrders { market, .. } => format!("asking what is open on {market:?}").to_lowercase(),
            other => format!("{other:?}"),
        };
        self.problems.insert(format!("{what}: {why}"));
    }

    fn name(&self, instrument: InstrumentId) -> String {
        self.names.get(&instrument).cloned().unwrap_or_else(|| instrument.to_string())
    }

    fn report(self) -> KillReport {
        KillReport {
            venue: self.asker.dialect().venue(),
            cancelled: self.cancelled.iter().map(|instrument| self.name(*instrument)).collect(),
            is_verified: self.is_verified,
            left: self.left.iter().map(|(instrument, count)| (self.name(*instrument), *count)).collect(),
            took: self.clock.now().since(self.began),
            problems: self.problems.iter().cloned().collect(),
        }
    }
}

/// Nothing to cancel is as good: Binance refuses then (spot documents, error -2011).
fn is_done(outcome: &Result<Vec<Message>, AskFailure>) -> bool {
    match outcome {
        Ok(_) => true,
        Err(AskFailure::Refused(error)) => matches!(error.kind, VenueErrorKind::UnknownOrder | VenueErrorKind::NoChange),
        Err(_) => false,
    }
}

/// The configured instruments, without asking the venue what they are.
fn directory(venue: &VenueConfig) -> (Directory, BTreeMap<InstrumentId, String>) {
    let (mut listed, mut names, mut accounts) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
    // Both steps are positive, so there is a grid.
    let grid = Grid::new(FINEST.0, FINEST.1);
    for (market, symbols) in &venue.instruments {
        let of = match market {
            MarketConfig::Spot => Market::Spot,
            MarketConfig::Linear => Market::Linear,
        };
        accounts.insert(of, AccountId(0));
        for symbol in symbols {
            let id = InstrumentId(u32::try_from(listed.len()).unwrap_or(u32::MAX));
            let Some(grid) = grid else { continue };
            let (base, quote, account) = (AssetId(0), AssetId(0), AccountId(0));
            listed.push(Listed { id, market: of, symbol: symbol.clone(), grid, base, quote, account });
            names.insert(id, format!("{}:{symbol}", market.as_str()));
        }
    }
    (Directory::new(listed, Vec::new(), accounts), names)
}

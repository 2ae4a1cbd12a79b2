//! Before a node starts: do the venues answer, may the keys do what they are for, is what shall be traded listed?
//!
//! A node that runs waits for venues and tells in its log what is wrong. Whoever starts one wants to know at once, all of it, and how
//! to go on.

use crate::asking::Asker;
use crate::check::{Mistake, Mistakes};
use crate::clock::Clock;
use crate::config::{MarketConfig, VenueConfig};
use crate::nearest::did_you_mean;
use crate::start::dialect;
use crate::transport::{HttpClient, TlsError, trust_this_machine};
use futures_util::future::join_all;
use std::time::Duration;
use tradewind_types::Nanos;
use tradewind_venues::{Ask, AskFailure, Credentials, KeyRights, ListedInstrument, Market, Message, VenueErrorKind};

/// Every venue has so long for all of its answers.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between one try and the next.
const PAUSES: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(1)];

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum PreflightError {
    /// No encryption.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The operating system gives no timers or sockets.
    #[error("the venues cannot be asked: {0}")]
    System(#[from] std::io::Error),
    /// A venue does not answer.
    #[error("{venue} does not answer: {why}")]
    Unreachable {
        /// Which.
        venue: &'static str,
        /// Why.
        why: String,
    },
    /// The keys are not taken, or may do too much or too little.
    #[error("the keys of {venue} are not used: {why}")]
    Keys {
        /// Whose.
        venue: &'static str,
        /// Why.
        why: String,
    },
    /// What shall be traded is not listed.
    #[error(transparent)]
    NotListed(#[from] Mistakes),
}

/// What is known of a venue before a node starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VenueFacts {
    /// `binance`.
    pub venue: &'static str,
    /// Its clock less ours.
    pub clock_offset: Nanos,
    /// What the key may do; none where none was asked about or the venue does not say.
    pub rights: Option<KeyRights>,
    /// Instruments it lists in the markets asked about.
    pub listed: usize,
}

/// Asks every venue, each on its own: the outcomes in the order of `venues`.
///
/// # Errors
/// [`PreflightError`] where nobody can be asked.
pub fn preflight(venues: Vec<(VenueConfig, Option<Credentials>)>) -> Result<Vec<Result<VenueFacts, PreflightError>>, PreflightError> {
    let web = HttpClient::new((*trust_this_machine()?).clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(join_all(venues.into_iter().enumerate().map(|(place, (venue, keys))| {
        let web = &web;
        async move {
            let name = venue.name.as_str();
            let late = |_| Err(PreflightError::Unreachable { venue: name, why: format!("not within {} s", PATIENCE.as_secs()) });
            tokio::time::timeout(PATIENCE, look_again(web, place, &venue, keys)).await.unwrap_or_else(late)
        }
    }))))
}

/// One answer that is lost does not keep a node from starting.
async fn look_again(web: &HttpClient, place: usize, venue: &VenueConfig, keys: Option<Credentials>) -> Result<VenueFacts, PreflightError> {
    let is_private = keys.is_some();
    let mut pauses = PAUSES.into_iter();
    loop {
        let asker = Asker::new(dialect(venue, keys.clone()), web.clone(), Clock::start());
        match (look(asker, place, venue, is_private).await, pauses.next()) {
            (Err(PreflightError::Unreachable { .. }), Some(pause)) => tokio::time::sleep(pause).await,
            (found, _) => return found,
        }
    }
}

async fn look(mut asker: Asker, place: usize, venue: &VenueConfig, is_private: bool) -> Result<VenueFacts, PreflightError> {
    let name = venue.name.as_str();
    let unreachable = |why: AskFailure| PreflightError::Unreachable { venue: name, why: why.to_string() };
    asker.look_at_the_clock().await.map_err(unreachable)?;
    let mut asks: Vec<Ask> = asker.dialect().markets().iter().map(|m| Ask::Instruments { market: *m, cursor: None }).collect();
    if is_private {
        asks.insert(0, Ask::KeyRights);
    }
    let (mut rights, mut listed) = (None, Vec::new());
    for (ask, outcome) in asker.ask_all(asks).await {
        match (ask, outcome) {
            (Ask::KeyRights, Err(why)) => return Err(of_keys(name, why)),
            (_, Err(why)) => return Err(unreachable(why)),
            (_, Ok(messages)) => {
                for message in messages {
                    match message {
                        Message::Rights(said) => rights = Some(said),
                        Message::Listed(instrument) => listed.push(*instrument),
                        _ => {}
                    }
                }
            }
        }
    }
    let refused = |why: &str| Err(PreflightError::Keys { venue: name, why: why.to_owned() });
    match rights {
        Some(KeyRights { withdraw: true, .. }) => {
            return refused("they may withdraw; make a key that may trade and read only, best bound to this machine's address");
        }
        Some(KeyRights { trade: false, .. }) => return refused("they may not trade; allow trading for the key at the venue"),
        _ => {}
    }
    find_all(place, venue, &listed)?;
    Ok(VenueFacts { venue: name, clock_offset: asker.offset(), rights, listed: listed.len() })
}

fn of_keys(venue: &'static str, why: AskFailure) -> PreflightError {
    match &why {
        AskFailure::Refused(error) if matches!(error.kind, VenueErrorKind::Auth | VenueErrorKind::Invalid | VenueErrorKind::Other) => {
            PreflightError::Keys { venue, why: error.to_string() }
        }
        _ => PreflightError::Unreachable { venue, why: why.to_string() },
    }
}

fn find_all(place: usize, venue: &VenueConfig, listed: &[ListedInstrument]) -> Result<(), Mistakes> {
    let mut mistakes = Vec::new();
    for (market, symbols) in &venue.instruments {
        let of = match market {
            MarketConfig::Spot => Market::Spot,
            MarketConfig::Linear => Market::Linear,
        };
        let of_market = || listed.iter().filter(|l| l.market == of);
        for symbol in symbols {
            let at = format!("venue[{place}].instruments.{}", market.as_str());
            match of_market().find(|l| l.symbol == *symbol) {
                None => {
                    let near = did_you_mean(symbol, of_market().filter(|l| l.is_trading).map(|l| l.symbol.as_str()));
                    let what = format!("{} lists no `{symbol}` on its {} market.{near}", venue.name.as_str(), market.as_str());
                    mistakes.push(Mistake { place: at, what });
                }
                Some(l) if !l.is_trading => {
                    let what = format!("{} lists `{symbol}`, but it does not trade now", venue.name.as_str());
                    mistakes.push(Mistake { place: at, what });
                }
                Some(_) => {}
            }
        }
    }
    if mistakes.is_empty() { Ok(()) } else { Err(Mistakes(mistakes)) }
}

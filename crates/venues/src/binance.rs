//! Binance: spot and USD-M futures.
//!
//! Sources: the venue's spot documents as of 2026-07-21 and its futures pages as of 2026. Spot's private stream and its orders share one
//! socket; futures have a listen-key stream for what happens and a socket for orders. COIN-M is not spoken here.

mod answers;
mod asks;
mod limits;
mod links;
mod listing;
mod market;
mod orders;
mod private;
mod refusals;
mod scan;
mod sign;
mod wire;
mod words;

use crate::ask::{Ask, HttpRequest};
use crate::credentials::Credentials;
use crate::dialect::{Address, Bucket, CallId, Cost, DeadMan, Dialect, LinkId, LinkSpec, Outgoing, Refresh, Submission};
use crate::directory::{Directory, Market};
use crate::error::{MapError, VenueError, VenueErrorKind};
use crate::message::{Feed, Inbox, Message};
use asks::Asking;
use links::Route;
use orders::Window;
use sign::Key;
use tradewind_book::SequenceRule;
use tradewind_types::{InstrumentId, Nanos, OrderRequest, Timestamp};

/// Where the venue is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// Spot over HTTP; paths begin with `/api/v3`.
    pub spot_http: String,
    /// Spot market streams; `/stream` follows.
    pub spot_stream: String,
    /// Spot's socket for orders and private events, path included.
    pub spot_ws_api: String,
    /// USD-M over HTTP; paths begin with `/fapi`.
    pub usdm_http: String,
    /// USD-M streams; `/public/stream`, `/market/stream` and `/private/ws` follow.
    pub usdm_stream: String,
    /// USD-M's socket for orders, path included; empty sends orders over HTTP.
    pub usdm_ws_api: String,
    /// What a key may do; paths begin with `/sapi`. Empty where the venue offers none (its test networks).
    pub sapi_http: String,
}

/// Production.
impl Default for Endpoints {
    fn default() -> Self {
        Self {
            spot_http: "https://api.binance.com".into(),
            spot_stream: "wss://stream.binance.com:9443".into(),
            spot_ws_api: "wss://ws-api.binance.com:443/ws-api/v3".into(),
            usdm_http: "https://fapi.binance.com".into(),
            usdm_stream: "wss://fstream.binance.com".into(),
            usdm_ws_api: "wss://ws-fapi.binance.com/ws-fapi/v1".into(),
            sapi_http: "https://api.binance.com".into(),
        }
    }
}

impl Endpoints {
    /// Everything on one host, as an emulator serves it: futures streams under `/fut`, because spot has the bare paths.
    #[must_use]
    pub fn at(http: &str, ws: &str) -> Self {
        Self {
            spot_http: http.into(),
            spot_stream: ws.into(),
            spot_ws_api: format!("{ws}/ws-api/v3"),
            usdm_http: http.into(),
            usdm_stream: format!("{ws}/fut"),
            usdm_ws_api: format!("{ws}/ws-fapi/v1"),
            sapi_http: http.into(),
        }
    }
}

/// What the dialect is set up with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where.
    pub endpoints: Endpoints,
    /// Without them there are only public links.
    pub credentials: Option<Credentials>,
    /// [`Market::Spot`], [`Market::Linear`] or both.
    pub markets: Vec<Market>,
    /// What is subscribed of every listed instrument.
    pub feeds: Vec<Feed>,
    /// A request that arrives later than this after its time is refused by the venue; at most 60 s.
    pub recv_window: Nanos,
}

/// How the depth messages of a market are numbered.
#[must_use]
pub const fn sequence_rule(market: Market) -> SequenceRule {
    match market {
        Market::Spot => SequenceRule::BinanceSpot,
        Market::Linear | Market::Inverse => SequenceRule::BinanceFutures,
    }
}

/// Binance's protocol.
#[derive(Clone, Debug)]
pub struct Binance {
    endpoints: Endpoints,
    key: Option<Key>,
    markets: Vec<Market>,
    feeds: Vec<Feed>,
    recv_window: Nanos,
    routes: Vec<Route>,
    directory: Directory,
    listen_key: Option<String>,
}

impl Binance {
    /// A dialect that knows no instruments yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let Settings { endpoints, credentials, markets, feeds, recv_window } = settings;
        let key = credentials.as_ref().map(Key::new);
        let markets: Vec<Market> = markets.into_iter().filter(|market| *market != Market::Inverse).collect();
        let routes = links::routes(&endpoints, &markets, &feeds, key.is_some());
        Self { endpoints, key, markets, feeds, recv_window, routes, directory: Directory::default(), listen_key: None }
    }

    fn route(&self, link: LinkId) -> Option<Route> {
        self.routes.get(usize::from(link.0)).copied()
    }

    fn link(&self, route: Route) -> Option<LinkId> {
        let place = self.routes.iter().position(|other| *other == route)?;
        u8::try_from(place).ok().map(LinkId)
    }

    fn window(&self, now: Timestamp) -> Window {
        Window { now, recv_window: self.recv_window }
    }

    fn clock(&self) -> Market {
        self.markets.first().copied().unwrap_or(Market::Spot)
    }

    fn outgoing(&self, command: &Submission, call: CallId, venue_now: Timestamp) -> Option<Outgoing> {
        let request = orders::request(&self.directory, command.request(), &command.terms)?;
        let (key, window) = (self.key.as_ref()?, self.window(venue_now));
        let route = if request.market == Market::Spot { Route::SpotPrivate } else { Route::UsdmOrders };
        Some(match self.link(route) {
            Some(link) => Outgoing::Frame(link, request.frame(key, &call.0.to_string(), window)),
            None if request.market == Market::Spot => Outgoing::Http(request.http(key, &self.endpoints.spot_http, window)),
            None => Outgoing::Http(request.http(key, &self.endpoints.usdm_http, window)),
        })
    }

    /// The market that a question is put to.
    fn market_of(&self, ask: &Ask) -> Market {
        let of = |instrument: &InstrumentId| self.directory.get(*instrument).map(|listed| listed.market);
        let market = match ask {
            Ask::ServerTime | Ask::KeyRights => None,
            Ask::Instruments { market, .. }
            | Ask::StreamKey { market }
            | Ask::RenewStreamKey { market }
            | Ask::OpenOrders { market, .. }
            | Ask::Balances { market }
            | Ask::Positions { market, .. } => Some(*market),
            Ask::Depth { instrument }
            | Ask::Order { instrument, .. }
            | Ask::OrderHistory { instrument, .. }
            | Ask::ConditionalOrder { instrument, .. }
            | Ask::Fills { instrument, .. }
            | Ask::CancelAll { instrument }
            | Ask::CancelAllConditional { instrument }
            | Ask::Funding { instrument, .. } => of(instrument),
            Ask::DeadMan { .. } => Some(Market::Linear),
        };
        market.unwrap_or_else(|| self.clock())
    }

    /// What a refusal to a question tells all the same: that there is no such order, or nothing to cancel.
    fn refused(ask: &Ask, market: Market, refusal: VenueError, inbox: &mut Inbox) -> Result<(), VenueError> {
        match (ask, refusal.kind) {
            (Ask::Order { order, instrument }, VenueErrorKind::UnknownOrder) if market == Market::Linear => {
                inbox.more(Ask::ConditionalOrder { order: *order, instrument: *instrument });
                Ok(())
            }
            (Ask::Order { order, .. } | Ask::ConditionalOrder { order, .. }, VenueErrorKind::UnknownOrder) => {
                inbox.messages.push(Message::NoSuchOrder(*order));
                Ok(())
            }
            (Ask::CancelAll { .. } | Ask::CancelAllConditional { .. }, VenueErrorKind::UnknownOrder) => Ok(()),
            _ => Err(refusal),
        }
    }
}

/// Runs a reading; on an error the inbox is as it was.
fn whole_or_nothing(inbox: &mut Inbox, read: impl FnOnce(&mut Inbox) -> Result<(), MapError>) -> Result<(), MapError> {
    let (messages, changes) = (inbox.messages.len(), inbox.changes.len());
    read(inbox).inspect_err(|_| inbox.truncate(messages, changes))
}

impl Dialect for Binance {
    fn venue(&self) -> &'static str {
        "binance"
    }

    fn markets(&self) -> &[Market] {
        &self.markets
    }

    fn set_directory(&mut self, directory: Directory) {
        self.directory = directory;
    }

    fn sequence_rule(&self, instrument: InstrumentId) -> SequenceRule {
        sequence_rule(self.directory.get(instrument).map_or(Market::Spot, |listed| listed.market))
    }

    fn links(&self) -> Vec<LinkSpec> {
        self.routes.iter().map(|route| route.spec()).collect()
    }

    fn address(&self, link: LinkId, _venue_now: Timestamp) -> Address {
        let route = self.route(link).unwrap_or(Route::SpotPublic);
        match (route, &self.listen_key) {
            (Route::UsdmPrivate, None) => Address::Ask(Ask::StreamKey { market: Market::Linear }),
            (route, key) => Address::Url(route.url(&self.endpoints, key.as_deref().unwrap_or_default())),
        }
    }

    fn set_stream_key(&mut self, market: Market, key: String) {
        if market == Market::Linear {
            self.listen_key = Some(key);
        }
    }

    fn login(&self, link: LinkId, venue_now: Timestamp) -> Option<Vec<u8>> {
        let key = self.key.as_ref().filter(|_| self.route(link) == Some(Route::SpotPrivate))?;
        let params = self.window(venue_now).stamp(sign::Params::default());
        Some(key.signed_frame(private::LOGIN, "userDataStream.subscribe.signature", params))
    }

    fn subscriptions(&self, link: LinkId, _venue_now: Timestamp) -> Vec<Vec<u8>> {
        self.route(link).map(|route| links::subscriptions(route, &self.feeds, &self.directory)).unwrap_or_default()
    }

    fn upkeep(&self, link: LinkId) -> Option<(Nanos, Ask)> {
        (self.route(link)? == Route::UsdmPrivate).then_some((links::KEY_RENEWAL, Ask::RenewStreamKey { market: Market::Linear }))
    }

    fn refresh(&self, instrument: InstrumentId) -> Refresh {
        Refresh::Ask(Ask::Depth { instrument })
    }

    fn read(&self, link: LinkId, frame: &[u8], inbox: &mut Inbox) -> Result<(), MapError> {
        let Some(route) = self.route(link) else { return Ok(()) };
        whole_or_nothing(inbox, |inbox| {
            if route.is_public() {
                market::read(&self.directory, route.market(), frame, inbox)
            } else {
                private::read(&self.directory, route.market(), frame, inbox)
            }
        })
    }

    fn ask(&self, ask: &Ask, venue_now: Timestamp) -> Option<HttpRequest> {
        let (directory, endpoints, key) = (&self.directory, &self.endpoints, self.key.as_ref());
        Asking { directory, endpoints, key, window: self.window(venue_now), clock: self.clock() }.request(ask)
    }

    fn answer(
        &self,
        ask: &Ask,
        status: u16,
        headers: &[(String, String)],
        body: &[u8],
        inbox: &mut Inbox,
    ) -> Result<Result<(), VenueError>, MapError> {
        let market = self.market_of(ask);
        limits::of_headers(market, headers, inbox);
        if !(200..300).contains(&status) {
            return Ok(Self::refused(ask, market, refusals::read(market, status, headers, body), inbox));
        }
        whole_or_nothing(inbox, |inbox| answers::read(&self.directory, &self.markets, ask, body, inbox)).map(Ok)
    }

    /// One by one, on the socket: only futures take several together, and only over HTTP, where what follows on the socket (a cancel
    /// of one of them) would overtake them.
    fn command(&self, commands: &[Submission], first: CallId, venue_now: Timestamp) -> (usize, Outgoing) {
        (1, commands.first().and_then(|command| self.outgoing(command, first, venue_now)).unwrap_or(Outgoing::NotOffered))
    }

    fn answer_commands(
        &self,
        first: CallId,
        requests: &[OrderRequest],
        status: u16,
        headers: &[(String, String)],
        body: &[u8],
        inbox: &mut Inbox,
    ) -> Result<(), MapError> {
        let listed = requests.first().and_then(|request| self.directory.get(orders::instrument(request)));
        let market = listed.map_or(self.clock(), |listed| listed.market);
        whole_or_nothing(inbox, |inbox| {
            limits::of_headers(market, headers, inbox);
            let outcome = if (200..300).contains(&status) {
                Ok(private::venue_order(body)?)
            } else {
                Err(refusals::read(market, status, headers, body))
            };
            inbox.messages.push(Message::Answer { call: first, outcome });
            Ok(())
        })
    }

    /// A request is refused once its window is over; the venue's backend answers, or gives up, within 10 s.
    fn lost_after(&self) -> Nanos {
        Nanos(self.recv_window.0.saturating_add(Nanos::from_secs(10).0))
    }

    fn buckets(&self) -> Vec<Bucket> {
        limits::buckets()
    }

    fn cost(&self, ask: &Ask) -> Cost {
        limits::of_ask(&self.directory, ask, self.clock())
    }

    fn command_cost(&self, commands: &[Submission]) -> Cost {
        commands.first().map(|command| limits::of_command(&self.directory, command.request())).unwrap_or_default()
    }

    /// Futures only, and per symbol.
    fn dead_man(&self, window: Nanos) -> DeadMan {
        let asks: Vec<Ask> = self.directory.of(Market::Linear).map(|listed| Ask::DeadMan { instrument: Some(listed.id), window }).collect();
        if asks.is_empty() { DeadMan::None } else { DeadMan::Renewed(asks) }
    }
}

//! Bybit v5: spot and linear contracts of a unified account.
//!
//! One public socket per market, one private one for all, one for order entry (over HTTP where there is none). What the venue answers
//! to an order is that it was taken; what became of it comes on the private stream. Books are sent as a snapshot and counted deltas on
//! one connection, and are made good again by subscribing anew. Sources: Bybit's v5 documents, read 2026-07.

mod asks;
mod entry;
mod frame;
mod ids;
mod limits;
mod public;
mod records;
mod refusals;
mod session;
mod sign;
mod wire;

use crate::ask::{Ask, HttpRequest, Method};
use crate::credentials::Credentials;
use crate::dialect::{
    Address, Bucket, CallId, Cost, DeadMan, Dialect, Heartbeat, LinkId, LinkSpec, Outgoing, Purpose, Refresh, Submission,
};
use crate::directory::{Directory, Listed, Market};
use crate::error::{MapError, VenueError};
use crate::message::{Feed, Inbox, SessionNews};
use entry::{Action, Calls};
use sign::Key;
use tradewind_book::SequenceRule;
use tradewind_types::{InstrumentId, Nanos, OrderRequest, Timestamp};

/// Levels a side of the books that are followed; sent every 20 ms.
const DEPTH: &str = "50";
/// Most topics in one request on a spot socket.
const SPOT_TOPICS_MAX: usize = 10;
/// Most characters of all topics in one request.
const TOPIC_CHARACTERS_MAX: usize = 20_000;
/// The venue hangs up on who is silent; it wants to hear something this often.
const HEARTBEAT: Nanos = Nanos::from_secs(20);
/// Two heartbeats without an answer, and a little.
const SILENT_AFTER: Nanos = Nanos::from_secs(45);
/// How long the venue's records may lag behind an order that it took.
const RECORDS_LAG: Nanos = Nanos::from_secs(5);

/// Where Bybit is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// Requests.
    pub http: String,
    /// Market data of spot.
    pub spot: String,
    /// Market data of linear contracts.
    pub linear: String,
    /// Orders, fills, positions, the wallet.
    pub private: String,
    /// Order entry; empty where the venue has none (demo trading): orders then leave as requests.
    pub trade: String,
}

impl Endpoints {
    /// Everything below one HTTP and one WebSocket address, as `http://127.0.0.1:8080` and `ws://127.0.0.1:8080`.
    #[must_use]
    pub fn at(http: &str, ws: &str) -> Self {
        Self {
            http: http.to_owned(),
            spot: format!("{ws}/v5/public/spot"),
            linear: format!("{ws}/v5/public/linear"),
            private: format!("{ws}/v5/private"),
            trade: format!("{ws}/v5/trade"),
        }
    }

    /// The venue's testnet.
    #[must_use]
    pub fn testnet() -> Self {
        Self::at("https://api-testnet.bybit.com", "wss://stream-testnet.bybit.com")
    }

    /// Demo trading: real market data, an account of play money, orders over HTTP.
    #[must_use]
    pub fn demo() -> Self {
        let http = "https://api-demo.bybit.com".to_owned();
        Self { http, private: "wss://stream-demo.bybit.com/v5/private".to_owned(), trade: String::new(), ..Self::default() }
    }
}

impl Default for Endpoints {
    fn default() -> Self {
        Self::at("https://api.bybit.com", "wss://stream.bybit.com")
    }
}

/// How the depth messages of every market are numbered.
pub const SEQUENCE_RULE: SequenceRule = SequenceRule::Bybit;

/// What a dialect is set up with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the venue is reached.
    pub endpoints: Endpoints,
    /// Without them there is market data only.
    pub credentials: Option<Credentials>,
    /// [`Market::Spot`] and [`Market::Linear`]; others are not spoken here and passed over.
    pub markets: Vec<Market>,
    /// What is followed of every listed instrument. Spot has no marks.
    pub feeds: Vec<Feed>,
    /// A request is refused when it comes later than this after its timestamp.
    pub recv_window: Nanos,
}

/// What a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Public(Market),
    Private,
    Orders,
}

/// Bybit v5.
#[derive(Clone, Debug)]
pub struct Bybit {
    endpoints: Endpoints,
    markets: Vec<Market>,
    feeds: Vec<Feed>,
    recv_window: Nanos,
    key: Option<Key>,
    roles: Vec<Role>,
    directory: Directory,
    cancels_when_disconnected: bool,
}

impl Bybit {
    /// A dialect; nothing is listed yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let Settings { endpoints, credentials, mut markets, mut feeds, recv_window } = settings;
        markets.retain(|market| *market != Market::Inverse);
        markets.sort_unstable();
        markets.dedup();
        feeds.sort_unstable();
        feeds.dedup();
        let mut roles: Vec<Role> = markets.iter().copied().map(Role::Public).collect();
        let key = credentials.map(|credentials| Key::new(credentials, recv_window));
        if key.is_some() {
            roles.push(Role::Private);
            if !endpoints.trade.is_empty() {
                roles.push(Role::Orders);
            }
        }
        let directory = Directory::default();
        Self { endpoints, markets, feeds, recv_window, key, roles, directory, cancels_when_disconnected: false }
    }

    /// Uses the venue's dead-man's switch ("DCP"), which it grants to institutions on request. It acts when every private socket that
    /// follows its topic is gone; others are refused the topic.
    #[must_use]
    pub fn with_cancel_on_disconnect(mut self) -> Self {
        self.cancels_when_disconnected = true;
        self
    }

    fn role(&self, link: LinkId) -> Option<Role> {
        self.roles.get(usize::from(link.0)).copied()
    }

    fn link(&self, wanted: Role) -> Option<LinkId> {
        let place = self.roles.iter().position(|role| *role == wanted)?;
        u8::try_from(place).ok().map(LinkId)
    }

    fn request(&self, method: Method, path: &str, payload: Vec<u8>, is_signed: bool, venue_now: Timestamp) -> Option<HttpRequest> {
        let mut headers = Vec::new();
        if is_signed {
            headers = self.key.as_ref()?.headers(venue_now, &payload);
        }
        let mut url = format!("{}{path}", self.endpoints.http);
        let mut body = payload;
        if method == Method::Get {
            if !body.is_empty() {
                url.push('?');
                url.push_str(&String::from_utf8_lossy(&body));
            }
            body = Vec::new();
        } else {
            headers.push(("content-type", "application/json".to_owned()));
        }
        Some(HttpRequest { method, url, headers, body })
    }

    /// The market that a question is about, where its limits depend on it.
    fn market_of(&self, ask: &Ask) -> Market {
        match ask {
            Ask::CancelAll { instrument } | Ask::CancelAllConditional { instrument } => self.market(*instrument),
            _ => Market::Linear,
        }
    }

    fn market(&self, instrument: InstrumentId) -> Market {
        self.directory.get(instrument).map_or(Market::Linear, |listed| listed.market)
    }

    fn topic(listed: &Listed, feed: Feed) -> Option<String> {
        let symbol = &listed.symbol;
        Some(match feed {
            Feed::Depth => format!("orderbook.{DEPTH}.{symbol}"),
            Feed::Trades => format!("publicTrade.{symbol}"),
            Feed::Quotes => format!("orderbook.1.{symbol}"),
            Feed::Bars => format!("kline.1.{symbol}"),
            Feed::Marks if listed.market == Market::Spot => return None,
            Feed::Marks => format!("tickers.{symbol}"),
        })
    }

    fn private_topics(&self) -> Vec<Vec<u8>> {
        let mut topics = vec!["order".to_owned(), "execution".to_owned(), "wallet".to_owned()];
        if self.markets.contains(&Market::Linear) {
            topics.push("position".to_owned());
        }
        let mut frames = vec![operation("subscribe", &topics)];
        if self.cancels_when_disconnected {
            let switches: Vec<String> =
                self.markets.iter().map(|market| if *market == Market::Spot { "dcp.spot" } else { "dcp.future" }.to_owned()).collect();
            frames.push(operation("subscribe", &switches));
        }
        frames
    }
}

/// `{"op":"subscribe","args":[…]}`.
fn operation(op: &str, topics: &[String]) -> Vec<u8> {
    format!(r#"{{"op":"{op}","args":["{}"]}}"#, topics.join(r#"",""#)).into_bytes()
}

/// Requests that the venue takes: not too many topics each, nor too many characters.
fn in_portions(market: Market, topics: Vec<String>) -> Vec<Vec<u8>> {
    let most = if market == Market::Spot { SPOT_TOPICS_MAX } else { usize::MAX };
    let (mut frames, mut portion, mut characters) = (Vec::new(), Vec::new(), 0);
    for topic in topics {
        if portion.len() == most || characters + topic.len() > TOPIC_CHARACTERS_MAX {
            frames.push(operation("subscribe", &std::mem::take(&mut portion)));
            characters = 0;
        }
        characters += topic.len() + 3;
        portion.push(topic);
    }
    if !portion.is_empty() {
        frames.push(operation("subscribe", &portion));
    }
    frames
}

impl Dialect for Bybit {
    fn venue(&self) -> &'static str {
        "bybit"
    }

    fn markets(&self) -> &[Market] {
        &self.markets
    }

    fn set_directory(&mut self, directory: Directory) {
        self.directory = directory;
    }

    fn sequence_rule(&self, _: InstrumentId) -> SequenceRule {
        SEQUENCE_RULE
    }

    fn links(&self) -> Vec<LinkSpec> {
        let spec = |role: &Role| {
            let (name, purpose) = match role {
                Role::Public(Market::Spot) => ("spot-public", Purpose::Public),
                Role::Public(_) => ("linear-public", Purpose::Public),
                Role::Private => ("private", Purpose::Private),
                Role::Orders => ("orders", Purpose::Orders),
            };
            let heartbeat = Heartbeat::Text { every: HEARTBEAT, frame: br#"{"op":"ping"}"#.to_vec() };
            LinkSpec { name, purpose, heartbeat, silent_after: SILENT_AFTER, max_life: None }
        };
        self.roles.iter().map(spec).collect()
    }

    fn address(&self, link: LinkId, _: Timestamp) -> Address {
        let url = match self.role(link) {
            Some(Role::Public(Market::Spot)) => &self.endpoints.spot,
            Some(Role::Public(_)) => &self.endpoints.linear,
            Some(Role::Orders) => &self.endpoints.trade,
            Some(Role::Private) | None => &self.endpoints.private,
        };
        Address::Url(url.clone())
    }

    fn set_stream_key(&mut self, _: Market, _: String) {}

    fn login(&self, link: LinkId, venue_now: Timestamp) -> Option<Vec<u8>> {
        match self.role(link)? {
            Role::Public(_) => None,
            Role::Private | Role::Orders => self.key.as_ref().map(|key| key.login(venue_now)),
        }
    }

    fn subscriptions(&self, link: LinkId, _: Timestamp) -> Vec<Vec<u8>> {
        match self.role(link) {
            Some(Role::Public(market)) => {
                let listed = self.directory.of(market);
                let topics = listed.flat_map(|listed| self.feeds.iter().filter_map(|feed| Self::topic(listed, *feed))).collect();
                in_portions(market, topics)
            }
            Some(Role::Private) => self.private_topics(),
            Some(Role::Orders) | None => Vec::new(),
        }
    }

    fn upkeep(&self, _: LinkId) -> Option<(Nanos, Ask)> {
        None
    }

    fn refresh(&self, instrument: InstrumentId) -> Refresh {
        let again = self.directory.get(instrument).and_then(|listed| {
            let link = self.link(Role::Public(listed.market))?;
            let topic = [Self::topic(listed, Feed::Depth)?];
            Some(Refresh::Frames(link, vec![operation("unsubscribe", &topic), operation("subscribe", &topic)]))
        });
        again.unwrap_or(Refresh::Ask(Ask::Depth { instrument }))
    }

    fn read(&self, link: LinkId, frame: &[u8], inbox: &mut Inbox) -> Result<(), MapError> {
        let (messages, changes) = (inbox.messages.len(), inbox.changes.len());
        let read = match self.role(link) {
            Some(Role::Public(market)) => match public::read(market, &self.directory, frame, inbox) {
                Ok(public::Frame::Data) => Ok(()),
                Ok(public::Frame::Foreign) => {
                    inbox.session(SessionNews::Ignored);
                    Ok(())
                }
                Ok(public::Frame::Session) => session::read(&self.directory, frame, inbox),
                Err(why) => Err(why),
            },
            Some(Role::Private | Role::Orders) => session::read(&self.directory, frame, inbox),
            None => Ok(()),
        };
        if read.is_err() {
            inbox.truncate(messages, changes);
        }
        read
    }

    fn ask(&self, ask: &Ask, venue_now: Timestamp) -> Option<HttpRequest> {
        let question = asks::question(&self.directory, ask)?;
        self.request(question.method, question.path, question.payload.into_bytes(), question.is_signed, venue_now)
    }

    fn answer(
        &self,
        ask: &Ask,
        status: u16,
        headers: &[(String, String)],
        body: &[u8],
        inbox: &mut Inbox,
    ) -> Result<Result<(), VenueError>, MapError> {
        let (messages, changes) = (inbox.messages.len(), inbox.changes.len());
        let answer = asks::answer(&self.directory, &self.markets, ask, status, headers, body, inbox);
        match &answer {
            Ok(_) => inbox.messages.extend(limits::usage(limits::of_ask(ask, self.market_of(ask)), headers)),
            Err(_) => inbox.truncate(messages, changes),
        }
        answer
    }

    fn command(&self, commands: &[Submission], first: CallId, venue_now: Timestamp) -> (usize, Outgoing) {
        self.outgoing(commands, first, venue_now).unwrap_or((1, Outgoing::NotOffered))
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
        entry::answer(Calls::together(first, requests.len()), status, headers, body, inbox)?;
        let kind = requests.first().map(|request| self.kind_of(request));
        inbox.messages.extend(limits::usage(kind.map(|(market, action)| limits::of_action(market, action, requests.len())), headers));
        Ok(())
    }

    fn lost_after(&self) -> Nanos {
        Nanos(self.recv_window.0.saturating_add(RECORDS_LAG.0))
    }

    fn buckets(&self) -> Vec<Bucket> {
        limits::buckets()
    }

    fn cost(&self, ask: &Ask) -> Cost {
        limits::cost(ask, self.market_of(ask))
    }

    fn command_cost(&self, commands: &[Submission]) -> Cost {
        let Some((market, action)) = commands.first().map(|first| self.kind_of(first.request())) else { return Cost::default() };
        limits::command_cost(market, action, commands.len(), self.link(Role::Orders).is_some())
    }

    fn dead_man(&self, window: Nanos) -> DeadMan {
        if !self.cancels_when_disconnected {
            return DeadMan::None;
        }
        let switch = |market: &Market| {
            let instrument = self.directory.of(*market).next().map(|listed| listed.id)?;
            Some(Ask::DeadMan { instrument: Some(instrument), window })
        };
        DeadMan::Renewed(self.markets.iter().filter_map(switch).collect())
    }
}

impl Bybit {
    fn kind_of(&self, request: &OrderRequest) -> (Market, Action) {
        let instrument = match request {
            OrderRequest::Place { terms, .. } => terms.instrument,
            OrderRequest::Cancel { instrument, .. } | OrderRequest::Amend { instrument, .. } => *instrument,
        };
        (self.market(instrument), Action::of(request))
    }

    /// Commands of one kind on one market leave together.
    fn outgoing(&self, commands: &[Submission], first: CallId, venue_now: Timestamp) -> Option<(usize, Outgoing)> {
        let (key, kind) = (self.key.as_ref()?, self.kind_of(commands.first()?.request()));
        let alike = commands.iter().take(entry::BATCH_MAX).take_while(|command| self.kind_of(command.request()) == kind);
        let orders: Vec<Vec<u8>> = alike.map_while(|c| entry::order(&self.directory, c.request(), &c.terms)).collect();
        let ((market, action), together) = (kind, orders.len());
        if orders.is_empty() {
            return None;
        }
        let body = entry::body(market, &orders);
        let Some(link) = self.link(Role::Orders) else {
            let request = self.request(Method::Post, action.path(together), body, true, venue_now)?;
            return Some((together, Outgoing::Http(request)));
        };
        let number = Calls::together(first, together).number(venue_now);
        let frame = entry::frame(action.op(together), &number, sign::milliseconds(venue_now), key.recv_window_ms(), &body);
        Some((together, Outgoing::Frame(link, frame)))
    }
}

//! Questions over HTTP: which request asks what. Their answers are read in `answers`.

use super::Endpoints;
use super::orders::{Window, signed_http};
use super::sign::{Key, Params};
use super::words::{as_millis, span_millis};
use crate::ask::{Ask, HttpRequest, Method};
use crate::client_id::client_id;
use crate::directory::{Directory, Listed, Market};
use tradewind_types::{InstrumentId, Nanos};

/// Rows on a page of executions, and levels of a snapshot on each side.
pub(super) const PAGE: usize = 1000;

/// Where a list of executions goes on. The venue bounds the span of a question by time, not that of one by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// The most recent ones.
    Latest,
    /// From a moment on, as long as the venue allows; what happened from `stop` on is known.
    Time { from: i64, stop: i64 },
    /// From an id on; what happened from `stop` on is known.
    Id { from: u64, stop: i64 },
    /// One funding payment (its time and amount), for which the rate is asked.
    Rate { at: i64, income: i64 },
}

impl Page {
    pub(super) fn cursor(self) -> Option<crate::ask::Cursor> {
        crate::ask::Cursor::next(&match self {
            Page::Latest => return None,
            Page::Time { from, stop } => format!("time {from} {stop}"),
            Page::Id { from, stop } => format!("id {from} {stop}"),
            Page::Rate { at, income } => format!("rate {at} {income}"),
        })
    }

    /// None where it is no page of ours.
    pub(super) fn of(cursor: Option<&crate::ask::Cursor>) -> Option<Self> {
        let Some(cursor) = cursor else { return Some(Page::Latest) };
        let mut words = cursor.0.split(' ');
        let (kind, first, second) = (words.next()?, words.next()?, words.next()?.parse().ok()?);
        Some(match kind {
            "time" => Page::Time { from: first.parse().ok()?, stop: second },
            "id" => Page::Id { from: first.parse().ok()?, stop: second },
            "rate" => Page::Rate { at: first.parse().ok()?, income: second },
            _ => return None,
        })
    }
}

/// The longest span of a question for executions, in milliseconds.
pub(super) const fn longest_span(market: Market) -> i64 {
    const DAY: i64 = 86_400_000;
    match market {
        Market::Spot => DAY,
        Market::Linear | Market::Inverse => 7 * DAY,
    }
}

/// Everything a question is made of.
#[derive(Clone, Copy)]
pub(super) struct Asking<'a> {
    pub(super) directory: &'a Directory,
    pub(super) endpoints: &'a Endpoints,
    pub(super) key: Option<&'a Key>,
    pub(super) window: Window,
    /// The market whose clock is asked.
    pub(super) clock: Market,
}

impl Asking<'_> {
    fn host(&self, market: Market) -> Option<&str> {
        match market {
            Market::Spot => Some(&self.endpoints.spot_http),
            Market::Linear => Some(&self.endpoints.usdm_http),
            Market::Inverse => None,
        }
    }

    fn public(&self, market: Market, paths: [&str; 2], params: &Params) -> Option<HttpRequest> {
        let (host, [spot, linear]) = (self.host(market)?, paths);
        let path = if market == Market::Spot { spot } else { linear };
        let query = params.query();
        let question = if query.is_empty() { "" } else { "?" };
        let url = format!("{host}{path}{question}{query}");
        Some(HttpRequest { method: Method::Get, url, headers: Vec::new(), body: Vec::new() })
    }

    fn signed(&self, verb: Method, market: Market, paths: [&str; 2], params: Params) -> Option<HttpRequest> {
        let (host, [spot, linear]) = (self.host(market)?, paths);
        let path = if market == Market::Spot { spot } else { linear };
        (!path.is_empty()).then(|| ())?;
        Some(signed_http(self.key?, verb, host, path, self.window.stamp(params)))
    }

    /// A listen key is asked for by the key alone.
    fn stream_key(&self, verb: Method, market: Market) -> Option<HttpRequest> {
        let url = format!("{}/fapi/v1/listenKey", self.endpoints.usdm_http);
        let headers = vec![self.key?.header()];
        (market == Market::Linear).then_some(HttpRequest { method: verb, url, headers, body: Vec::new() })
    }

    fn listed(&self, instrument: InstrumentId) -> Option<(&Listed, Params)> {
        let listed = self.directory.get(instrument)?;
        Some((listed, Params::default().text("symbol", listed.symbol.as_str())))
    }

    /// The request of a question; none where the venue has no such thing.
    pub(super) fn request(&self, ask: &Ask) -> Option<HttpRequest> {
        let none = Params::default;
        match ask {
            Ask::ServerTime => self.public(self.clock, ["/api/v3/time", "/fapi/v1/time"], &none()),
            Ask::Instruments { market, .. } => self.public(*market, ["/api/v3/exchangeInfo", "/fapi/v1/exchangeInfo"], &none()),
            Ask::Depth { instrument } => {
                let (listed, params) = self.listed(*instrument)?;
                self.public(listed.market, ["/api/v3/depth", "/fapi/v1/depth"], &params.number("limit", 1000))
            }
            Ask::KeyRights => {
                let (host, path) = (self.endpoints.sapi_http.as_str(), "/sapi/v1/account/apiRestrictions");
                (!host.is_empty()).then(|| ())?;
                Some(signed_http(self.key?, Method::Get, host, path, self.window.stamp(none())))
            }
            Ask::StreamKey { market } => self.stream_key(Method::Post, *market),
            Ask::RenewStreamKey { market } => self.stream_key(Method::Put, *market),
            Ask::OpenOrders { market: Market::Linear, cursor: Some(_) } => {
                self.signed(Method::Get, Market::Linear, ["", "/fapi/v1/openAlgoOrders"], none())
            }
            Ask::OpenOrders { market, .. } => self.signed(Method::Get, *market, ["/api/v3/openOrders", "/fapi/v1/openOrders"], none()),
            Ask::Order { order, instrument } => {
                let (listed, params) = self.listed(*instrument)?;
                let params = params.text("origClientOrderId", client_id(*order));
                self.signed(Method::Get, listed.market, ["/api/v3/order", "/fapi/v1/order"], params)
            }
            Ask::ConditionalOrder { order, instrument } => {
                let (listed, _) = self.listed(*instrument)?;
                self.signed(Method::Get, listed.market, ["", "/fapi/v1/algoOrder"], none().text("clientAlgoId", client_id(*order)))
            }
            // One record holds the open and the ended.
            Ask::OrderHistory { .. } => None,
            Ask::Fills { .. } => self.executions(ask),
            Ask::Balances { market } => self.signed(Method::Get, *market, ["/api/v3/account", "/fapi/v3/balance"], none()),
            Ask::Positions { market, .. } => self.signed(Method::Get, *market, ["", "/fapi/v3/positionRisk"], none()),
            Ask::CancelAll { instrument } => {
                let (listed, params) = self.listed(*instrument)?;
                self.signed(Method::Delete, listed.market, ["/api/v3/openOrders", "/fapi/v1/allOpenOrders"], params)
            }
            Ask::CancelAllConditional { instrument } => {
                let (listed, params) = self.listed(*instrument)?;
                self.signed(Method::Delete, listed.market, ["", "/fapi/v1/algoOpenOrders"], params)
            }
            Ask::Funding { .. } => self.funding(ask),
            Ask::DeadMan { instrument, window } => self.dead_man((*instrument)?, *window),
        }
    }

    fn executions(&self, ask: &Ask) -> Option<HttpRequest> {
        let Ask::Fills { instrument, cursor, .. } = ask else { return None };
        let (listed, params) = self.listed(*instrument)?;
        let params = params.number("limit", 1000);
        let params = match Page::of(cursor.as_ref())? {
            Page::Latest => params,
            Page::Time { from, .. } => params.number("startTime", from).number("endTime", from + longest_span(listed.market) - 1),
            Page::Id { from, .. } => params.number("fromId", i64::try_from(from).ok()?),
            Page::Rate { .. } => return None,
        };
        self.signed(Method::Get, listed.market, ["/api/v3/myTrades", "/fapi/v1/userTrades"], params)
    }

    /// Payments first; then, for each, the rate and the mark price that it was made by.
    fn funding(&self, ask: &Ask) -> Option<HttpRequest> {
        let Ask::Funding { instrument, since, cursor } = ask else { return None };
        let (listed, params) = self.listed(*instrument)?;
        (listed.market == Market::Linear).then(|| ())?;
        let payments = |from| {
            let params = params.clone().text("incomeType", "FUNDING_FEE").number("startTime", from).number("limit", 1000);
            self.signed(Method::Get, Market::Linear, ["", "/fapi/v1/income"], params)
        };
        match Page::of(cursor.as_ref())? {
            Page::Latest => payments(as_millis(*since)),
            Page::Time { from, .. } => payments(from),
            Page::Rate { at, .. } => {
                let params = params.clone().number("startTime", at - 60_000).number("endTime", at + 60_000).number("limit", 1);
                self.public(Market::Linear, ["", "/fapi/v1/fundingRate"], &params)
            }
            Page::Id { .. } => None,
        }
    }

    /// Only futures have one, per symbol; it looks every 10 ms or so.
    fn dead_man(&self, instrument: InstrumentId, window: Nanos) -> Option<HttpRequest> {
        let (listed, params) = self.listed(instrument)?;
        let params = params.number("countdownTime", span_millis(window));
        self.signed(Method::Post, listed.market, ["", "/fapi/v1/countdownCancelAll"], params)
    }
}

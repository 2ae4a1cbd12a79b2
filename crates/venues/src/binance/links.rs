//! The sockets: which there are, where they connect, what is subscribed on them.
//!
//! USD-M market data comes from two roots since 2026-03-06: books and quotes under `/public`, trades, bars and marks under `/market`.

use super::Endpoints;
use crate::dialect::{Heartbeat, LinkSpec, Purpose};
use crate::directory::{Directory, Market};
use crate::message::Feed;
use tradewind_types::Nanos;

/// A listen key lives 60 minutes; renewed in half of that.
pub(super) const KEY_RENEWAL: Nanos = Nanos::from_secs(30 * 60);

/// Streams in one request. Spot takes 5 requests a second, and 1024 streams on a link.
const STREAMS_PER_FRAME: usize = 200;

/// A socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    SpotPublic,
    SpotPrivate,
    UsdmPublic,
    UsdmMarket,
    UsdmPrivate,
    UsdmOrders,
}

/// The sockets that a set-up needs.
pub(super) fn routes(endpoints: &Endpoints, markets: &[Market], feeds: &[Feed], has_key: bool) -> Vec<Route> {
    let all = [Route::SpotPublic, Route::SpotPrivate, Route::UsdmPublic, Route::UsdmMarket, Route::UsdmPrivate, Route::UsdmOrders];
    let is_needed = |route: &Route| {
        markets.contains(&route.market())
            && match route {
                Route::SpotPublic | Route::UsdmPublic | Route::UsdmMarket => feeds.iter().any(|feed| route.stream(*feed).is_some()),
                Route::SpotPrivate | Route::UsdmPrivate => has_key,
                Route::UsdmOrders => has_key && !endpoints.usdm_ws_api.is_empty(),
            }
    };
    all.into_iter().filter(is_needed).collect()
}

impl Route {
    pub(super) const fn market(self) -> Market {
        match self {
            Route::SpotPublic | Route::SpotPrivate => Market::Spot,
            Route::UsdmPublic | Route::UsdmMarket | Route::UsdmPrivate | Route::UsdmOrders => Market::Linear,
        }
    }

    pub(super) const fn is_public(self) -> bool {
        matches!(self, Route::SpotPublic | Route::UsdmPublic | Route::UsdmMarket)
    }

    /// Spot pings every 20 s, futures every 3 minutes; a link without one for longer is half open. Every link is closed after a day.
    pub(super) const fn spec(self) -> LinkSpec {
        let (name, purpose) = match self {
            Route::SpotPublic => ("spot-public", Purpose::Public),
            Route::SpotPrivate => ("spot-private", Purpose::Private),
            Route::UsdmPublic => ("usdm-public", Purpose::Public),
            Route::UsdmMarket => ("usdm-market", Purpose::Public),
            Route::UsdmPrivate => ("usdm-private", Purpose::Private),
            Route::UsdmOrders => ("usdm-orders", Purpose::Orders),
        };
        let silent_seconds = match self.market() {
            Market::Spot => 60,
            Market::Linear | Market::Inverse => 240,
        };
        LinkSpec {
            name,
            purpose,
            heartbeat: Heartbeat::VenuePings,
            silent_after: Nanos::from_secs(silent_seconds),
            max_life: Some(Nanos::from_secs(24 * 3600)),
        }
    }

    pub(super) fn url(self, endpoints: &Endpoints, listen_key: &str) -> String {
        let Endpoints { spot_stream, spot_ws_api, usdm_stream, usdm_ws_api, .. } = endpoints;
        match self {
            Route::SpotPublic => format!("{spot_stream}/stream"),
            Route::SpotPrivate => spot_ws_api.clone(),
            Route::UsdmPublic => format!("{usdm_stream}/public/stream"),
            Route::UsdmMarket => format!("{usdm_stream}/market/stream"),
            Route::UsdmPrivate => format!("{usdm_stream}/private/ws?listenKey={listen_key}"),
            Route::UsdmOrders => usdm_ws_api.clone(),
        }
    }

    /// The stream of a feed, where this link carries it.
    const fn stream(self, feed: Feed) -> Option<&'static str> {
        Some(match (self, feed) {
            (Route::SpotPublic | Route::UsdmPublic, Feed::Depth) => "depth@100ms",
            (Route::SpotPublic | Route::UsdmPublic, Feed::Quotes) => "bookTicker",
            (Route::SpotPublic, Feed::Trades) => "trade",
            (Route::UsdmMarket, Feed::Trades) => "aggTrade",
            (Route::SpotPublic | Route::UsdmMarket, Feed::Bars) => "kline_1m",
            (Route::UsdmMarket, Feed::Marks) => "markPrice@1s",
            _ => return None,
        })
    }
}

/// Requests that subscribe a link's streams of every listed instrument.
pub(super) fn subscriptions(route: Route, feeds: &[Feed], directory: &Directory) -> Vec<Vec<u8>> {
    let names: Vec<String> = directory
        .of(route.market())
        .flat_map(|listed| feeds.iter().filter_map(move |feed| Some((listed, route.stream(*feed)?))))
        .map(|(listed, stream)| format!("\"{}@{stream}\"", listed.symbol.to_lowercase()))
        .collect();
    let frame = |(place, names): (usize, &[String])| {
        format!(r#"{{"method":"SUBSCRIBE","params":[{}],"id":{}}}"#, names.join(","), place + 1).into_bytes()
    };
    names.chunks(STREAMS_PER_FRAME).enumerate().map(frame).collect()
}

//! Commands: orders placed, cancelled and amended in the venue's parameters, for a socket or for HTTP.
//!
//! Spot `web-socket-api.md` (2026-07-21); USD-M `New Order`, `Modify Order`, `New Algo Order` (2026). On USD-M, orders that wait for a
//! trigger live in a service of their own since 2025-12 and keep their client id when they wake up.

use super::sign::{Key, Params};
use super::words::{as_millis, side_word, span_millis};
use crate::ask::{HttpRequest, Method};
use crate::client_id::client_id;
use crate::digits::{Step, write_units};
use crate::directory::{Directory, Listed, Market};
use tradewind_types::{
    Exposure, InstrumentId, Nanos, OrderId, OrderKind, OrderRequest, OrderTerms, Price, Qty, TimeInForce, Timestamp, Trigger, TriggerSource,
};

/// One request in both of the venue's forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) market: Market,
    pub(super) method: &'static str,
    pub(super) verb: Method,
    pub(super) path: &'static str,
    pub(super) params: Params,
}

/// When a request was made, and for how long it is good.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) now: Timestamp,
    pub(super) recv_window: Nanos,
}

impl Window {
    pub(super) fn stamp(self, params: Params) -> Params {
        params.number("recvWindow", span_millis(self.recv_window)).number("timestamp", as_millis(self.now))
    }
}

impl Request {
    pub(super) fn frame(self, key: &Key, id: &str, window: Window) -> Vec<u8> {
        key.signed_frame(id, self.method, window.stamp(self.params))
    }

    pub(super) fn http(self, key: &Key, host: &str, window: Window) -> HttpRequest {
        signed_http(key, self.verb, host, self.path, window.stamp(self.params))
    }
}

/// A signed request: parameters in the query, of POST and PUT in the form body.
pub(super) fn signed_http(key: &Key, verb: Method, host: &str, path: &str, params: Params) -> HttpRequest {
    let query = key.signed_query(&params);
    let header = key.header();
    match verb {
        Method::Get | Method::Delete => {
            HttpRequest { method: verb, url: format!("{host}{path}?{query}"), headers: vec![header], body: Vec::new() }
        }
        Method::Post | Method::Put => HttpRequest {
            method: verb,
            url: format!("{host}{path}"),
            headers: vec![header, ("content-type", "application/x-www-form-urlencoded".into())],
            body: query.into_bytes(),
        },
    }
}

/// The request of a command; none where the venue has nothing of the kind.
pub(super) fn request(directory: &Directory, request: &OrderRequest, terms: &OrderTerms) -> Option<Request> {
    match request {
        OrderRequest::Place { order, terms } => {
            let listed = directory.get(terms.instrument)?;
            match listed.market {
                Market::Spot => place_spot(listed, *order, terms),
                Market::Linear => place_linear(listed, *order, terms),
                Market::Inverse => None,
            }
        }
        OrderRequest::Cancel { order, instrument } => cancel(directory, *order, *instrument, terms),
        OrderRequest::Amend { order, instrument, price, qty } => {
            let listed = directory.get(*instrument)?;
            match listed.market {
                Market::Spot => amend_spot(listed, *order, *price, *qty, terms),
                Market::Linear => amend_linear(listed, *order, *price, *qty, terms),
                Market::Inverse => None,
            }
        }
    }
}

/// What a command is about.
pub(super) const fn instrument(request: &OrderRequest) -> InstrumentId {
    match request {
        OrderRequest::Place { terms, .. } => terms.instrument,
        OrderRequest::Cancel { instrument, .. } | OrderRequest::Amend { instrument, .. } => *instrument,
    }
}

/// Whether an order waits in the futures' service for conditional orders.
pub(super) fn is_conditional(market: Market, terms: &OrderTerms) -> bool {
    market == Market::Linear && terms.kind.trigger().is_some()
}

fn steps(units: i64, step: Step) -> String {
    let mut out = Vec::with_capacity(24);
    write_units(units, step, &mut out);
    // Digits, a point and a sign are text.
    String::from_utf8(out).unwrap_or_default()
}

fn price_text(listed: &Listed, price: Price) -> String {
    steps(price.0, listed.grid.tick)
}

fn qty_text(listed: &Listed, qty: Qty) -> String {
    steps(qty.0, listed.grid.lot)
}

fn order_params(listed: &Listed, terms: &OrderTerms) -> Params {
    Params::default()
        .text("symbol", listed.symbol.as_str())
        .text("side", side_word(terms.side))
        .text("quantity", qty_text(listed, terms.qty))
}

/// Spot: triggers watch the last price; a limit order alone can be a maker for sure; nothing ends by time.
fn place_spot(listed: &Listed, order: OrderId, terms: &OrderTerms) -> Option<Request> {
    if terms.exposure != Exposure::Any {
        return None;
    }
    let params = order_params(listed, terms).text("newClientOrderId", client_id(order)).text("newOrderRespType", "ACK");
    let is_last = |trigger: &Trigger| trigger.source == TriggerSource::Last;
    let lasting = match terms.time_in_force {
        TimeInForce::GoodTillCancelled => Some("GTC"),
        TimeInForce::ImmediateOrCancel => Some("IOC"),
        TimeInForce::FillOrKill => Some("FOK"),
        TimeInForce::PostOnly | TimeInForce::GoodTillTime { .. } => None,
    };
    let takes_any = matches!(terms.time_in_force, TimeInForce::GoodTillCancelled | TimeInForce::ImmediateOrCancel);
    let stop = |trigger: &Trigger| price_text(listed, trigger.price);
    let params = match &terms.kind {
        OrderKind::Market if takes_any => params.text("type", "MARKET"),
        OrderKind::Limit { price } if terms.time_in_force == TimeInForce::PostOnly => {
            params.text("type", "LIMIT_MAKER").text("price", price_text(listed, *price))
        }
        OrderKind::Limit { price } => params.text("type", "LIMIT").text("timeInForce", lasting?).text("price", price_text(listed, *price)),
        OrderKind::Iceberg { price, display } if terms.time_in_force == TimeInForce::GoodTillCancelled => params
            .text("type", "LIMIT")
            .text("timeInForce", "GTC")
            .text("price", price_text(listed, *price))
            .text("icebergQty", qty_text(listed, *display)),
        OrderKind::Stop { trigger } if takes_any && is_last(trigger) => params.text("type", "STOP_LOSS").text("stopPrice", stop(trigger)),
        OrderKind::TakeProfit { trigger } if takes_any && is_last(trigger) => {
            params.text("type", "TAKE_PROFIT").text("stopPrice", stop(trigger))
        }
        OrderKind::StopLimit { trigger, price } if is_last(trigger) => params
            .text("type", "STOP_LOSS_LIMIT")
            .text("timeInForce", lasting?)
            .text("price", price_text(listed, *price))
            .text("stopPrice", stop(trigger)),
        OrderKind::TakeProfitLimit { trigger, price } if is_last(trigger) => params
            .text("type", "TAKE_PROFIT_LIMIT")
            .text("timeInForce", lasting?)
            .text("price", price_text(listed, *price))
            .text("stopPrice", stop(trigger)),
        _ => return None,
    };
    Some(Request { market: Market::Spot, method: "order.place", verb: Method::Post, path: "/api/v3/order", params })
}

/// How long a futures limit order lasts. The venue keeps an end to the second: it is taken down, never late.
fn lasting_linear(params: Params, time_in_force: TimeInForce) -> Params {
    match time_in_force {
        TimeInForce::GoodTillCancelled => params.text("timeInForce", "GTC"),
        TimeInForce::ImmediateOrCancel => params.text("timeInForce", "IOC"),
        TimeInForce::FillOrKill => params.text("timeInForce", "FOK"),
        TimeInForce::PostOnly => params.text("timeInForce", "GTX"),
        TimeInForce::GoodTillTime { until } => {
            let second = until.0.div_euclid(1_000_000_000).saturating_mul(1000);
            params.text("timeInForce", "GTD").number("goodTillDate", second)
        }
    }
}

fn exposed(params: Params, exposure: Exposure) -> Params {
    match exposure {
        Exposure::Any => params,
        Exposure::ReduceOnly => params.text("reduceOnly", "true"),
        Exposure::LongLeg => params.text("positionSide", "LONG"),
        Exposure::ShortLeg => params.text("positionSide", "SHORT"),
    }
}

fn place_linear(listed: &Listed, order: OrderId, terms: &OrderTerms) -> Option<Request> {
    let takes_any = matches!(terms.time_in_force, TimeInForce::GoodTillCancelled | TimeInForce::ImmediateOrCancel);
    let params = exposed(order_params(listed, terms), terms.exposure);
    let limit = |params: Params, price: &Price| lasting_linear(params.text("price", price_text(listed, *price)), terms.time_in_force);
    let params = match &terms.kind {
        OrderKind::Market if takes_any => params.text("type", "MARKET"),
        OrderKind::Limit { price } => limit(params.text("type", "LIMIT"), price),
        OrderKind::Stop { trigger } if takes_any => triggered(params.text("type", "STOP_MARKET"), listed, trigger)?,
        OrderKind::TakeProfit { trigger } if takes_any => triggered(params.text("type", "TAKE_PROFIT_MARKET"), listed, trigger)?,
        OrderKind::StopLimit { trigger, price } => limit(triggered(params.text("type", "STOP"), listed, trigger)?, price),
        OrderKind::TakeProfitLimit { trigger, price } => limit(triggered(params.text("type", "TAKE_PROFIT"), listed, trigger)?, price),
        OrderKind::Market | OrderKind::Stop { .. } | OrderKind::TakeProfit { .. } | OrderKind::Iceberg { .. } => return None,
    };
    let market = Market::Linear;
    Some(if is_conditional(market, terms) {
        let params = params.text("clientAlgoId", client_id(order));
        Request { market, method: "algoOrder.place", verb: Method::Post, path: "/fapi/v1/algoOrder", params }
    } else {
        let params = params.text("newClientOrderId", client_id(order)).text("newOrderRespType", "ACK");
        Request { market, method: "order.place", verb: Method::Post, path: "/fapi/v1/order", params }
    })
}

fn triggered(params: Params, listed: &Listed, trigger: &Trigger) -> Option<Params> {
    let source = match trigger.source {
        TriggerSource::Last => "CONTRACT_PRICE",
        TriggerSource::Mark => "MARK_PRICE",
        TriggerSource::Index => return None,
    };
    Some(params.text("algoType", "CONDITIONAL").text("triggerPrice", price_text(listed, trigger.price)).text("workingType", source))
}

fn cancel(directory: &Directory, order: OrderId, instrument: InstrumentId, terms: &OrderTerms) -> Option<Request> {
    let listed = directory.get(instrument)?;
    let (market, verb) = (listed.market, Method::Delete);
    let id = client_id(order);
    let params = Params::default().text("symbol", listed.symbol.as_str());
    Some(match market {
        Market::Spot => {
            Request { market, method: "order.cancel", verb, path: "/api/v3/order", params: params.text("origClientOrderId", id) }
        }
        Market::Linear if is_conditional(market, terms) => {
            let params = Params::default().text("clientAlgoId", id);
            Request { market, method: "algoOrder.cancel", verb, path: "/fapi/v1/algoOrder", params }
        }
        Market::Linear => {
            Request { market, method: "order.cancel", verb, path: "/fapi/v1/order", params: params.text("origClientOrderId", id) }
        }
        Market::Inverse => return None,
    })
}

/// Spot only takes quantity away, and keeps the order's place and client id when the same id is named again.
fn amend_spot(listed: &Listed, order: OrderId, price: Price, qty: Qty, terms: &OrderTerms) -> Option<Request> {
    if terms.kind.price() != Some(price) || qty >= terms.qty {
        return None;
    }
    let params = Params::default()
        .text("symbol", listed.symbol.as_str())
        .text("origClientOrderId", client_id(order))
        .text("newClientOrderId", client_id(order))
        .text("newQty", qty_text(listed, qty));
    let (market, verb) = (Market::Spot, Method::Put);
    Some(Request { market, method: "order.amend.keepPriority", verb, path: "/api/v3/order/amend/keepPriority", params })
}

/// Futures modify price and quantity of limit orders; what waits for a trigger they do not.
fn amend_linear(listed: &Listed, order: OrderId, price: Price, qty: Qty, terms: &OrderTerms) -> Option<Request> {
    if !matches!(terms.kind, OrderKind::Limit { .. }) {
        return None;
    }
    let params = Params::default()
        .text("symbol", listed.symbol.as_str())
        .text("side", side_word(terms.side))
        .text("origClientOrderId", client_id(order))
        .text("price", price_text(listed, price))
        .text("quantity", qty_text(listed, qty));
    Some(Request { market: Market::Linear, method: "order.modify", verb: Method::Put, path: "/fapi/v1/order", params })
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::Credentials;
    use crate::digits::Grid;
    use std::collections::BTreeMap;
    use tradewind_types::{AccountId, AssetId, BookId, Decimal, Side};

    const SPOT: InstrumentId = InstrumentId(1);
    const PERP: InstrumentId = InstrumentId(2);
    const OURS: OrderId = OrderId { node: 1, epoch: 3, counter: 77 };
    const PRICE: Price = Price(4_200_050);

    fn directory() -> Directory {
        let grid = Grid::new(Decimal { mantissa: 1, scale: 2 }, Decimal { mantissa: 1, scale: 5 }).unwrap();
        let listed = |id, market| {
            let (base, quote, account) = (AssetId(1), AssetId(2), AccountId(1));
            Listed { id, market, symbol: "BTCUSDT".into(), grid, base, quote, account }
        };
        Directory::new(vec![listed(SPOT, Market::Spot), listed(PERP, Market::Linear)], Vec::new(), BTreeMap::new())
    }

    fn terms(instrument: InstrumentId, kind: OrderKind, time_in_force: TimeInForce, exposure: Exposure) -> OrderTerms {
        let (account, book, side, qty) = (AccountId(1), BookId(1), Side::Sell, Qty(1_500));
        OrderTerms { instrument, account, book, side, kind, time_in_force, qty, exposure }
    }

    /// Method and parameters of a command; nothing where it is not offered.
    fn words(asked: &OrderRequest, terms: &OrderTerms) -> String {
        request(&directory(), asked, terms).map(|request| format!("{} {}", request.method, request.params.query())).unwrap_or_default()
    }

    fn placed(instrument: InstrumentId, kind: OrderKind, time_in_force: TimeInForce, exposure: Exposure) -> String {
        let terms = terms(instrument, kind, time_in_force, exposure);
        words(&OrderRequest::Place { order: OURS, terms }, &terms)
    }

    const fn trigger(source: TriggerSource) -> Trigger {
        Trigger { price: Price(4_100_000), source }
    }

    #[test]
    fn spot_orders_in_the_venues_words() {
        use OrderKind::{Iceberg, Limit, Market, Stop, StopLimit, TakeProfit, TakeProfitLimit};
        use TimeInForce::{FillOrKill, GoodTillCancelled, GoodTillTime, ImmediateOrCancel, PostOnly};
        let (last, mark) = (trigger(TriggerSource::Last), trigger(TriggerSource::Mark));
        let spot = |kind, lasting| placed(SPOT, kind, lasting, Exposure::Any);
        let head = "order.place ";
        let id = "newClientOrderId=tw1-3-77&newOrderRespType=ACK&";
        let tail = "quantity=0.015&side=SELL&";
        let symbol = "symbol=BTCUSDT";
        let cases = [
            (spot(Market, ImmediateOrCancel), format!("{head}{id}{tail}{symbol}&type=MARKET")),
            (spot(Limit { price: PRICE }, GoodTillCancelled), format!("{head}{id}price=42000.5&{tail}{symbol}&timeInForce=GTC&type=LIMIT")),
            (spot(Limit { price: PRICE }, ImmediateOrCancel), format!("{head}{id}price=42000.5&{tail}{symbol}&timeInForce=IOC&type=LIMIT")),
            (spot(Limit { price: PRICE }, FillOrKill), format!("{head}{id}price=42000.5&{tail}{symbol}&timeInForce=FOK&type=LIMIT")),
            (spot(Limit { price: PRICE }, PostOnly), format!("{head}{id}price=42000.5&{tail}{symbol}&type=LIMIT_MAKER")),
            (
                spot(Iceberg { price: PRICE, display: Qty(500) }, GoodTillCancelled),
                format!("{head}icebergQty=0.005&{id}price=42000.5&{tail}{symbol}&timeInForce=GTC&type=LIMIT"),
            ),
            (spot(Stop { trigger: last }, GoodTillCancelled), format!("{head}{id}{tail}stopPrice=41000&{symbol}&type=STOP_LOSS")),
            (spot(TakeProfit { trigger: last }, GoodTillCancelled), format!("{head}{id}{tail}stopPrice=41000&{symbol}&type=TAKE_PROFIT")),
            (
                spot(StopLimit { trigger: last, price: PRICE }, GoodTillCancelled),
                format!("{head}{id}price=42000.5&{tail}stopPrice=41000&{symbol}&timeInForce=GTC&type=STOP_LOSS_LIMIT"),
            ),
            (
                spot(TakeProfitLimit { trigger: last, price: PRICE }, FillOrKill),
                format!("{head}{id}price=42000.5&{tail}stopPrice=41000&{symbol}&timeInForce=FOK&type=TAKE_PROFIT_LIMIT"),
            ),
            (spot(Stop { trigger: mark }, GoodTillCancelled), String::new()),
            (spot(Market, FillOrKill), String::new()),
            (spot(StopLimit { trigger: last, price: PRICE }, PostOnly), String::new()),
            (spot(Limit { price: PRICE }, GoodTillTime { until: Timestamp(1) }), String::new()),
            (placed(SPOT, Limit { price: PRICE }, GoodTillCancelled, Exposure::ReduceOnly), String::new()),
        ];
        for (said, expected) in cases {
            assert_eq!(said, expected);
        }
    }

    #[test]
    fn futures_orders_in_the_venues_words() {
        use OrderKind::{Iceberg, Limit, Market, Stop, StopLimit, TakeProfit};
        use TimeInForce::{GoodTillCancelled, GoodTillTime, PostOnly};
        let futures = |kind, lasting, exposure| placed(PERP, kind, lasting, exposure);
        let limit = Limit { price: PRICE };
        let (head, tail) = ("order.place ", "newClientOrderId=tw1-3-77&newOrderRespType=ACK&");
        let until = Timestamp(1_700_000_600_999_000_000);
        let cases = [
            (
                futures(limit, PostOnly, Exposure::ReduceOnly),
                format!("{head}{tail}price=42000.5&quantity=0.015&reduceOnly=true&side=SELL&symbol=BTCUSDT&timeInForce=GTX&type=LIMIT"),
            ),
            (
                futures(limit, GoodTillTime { until }, Exposure::LongLeg),
                format!(
                    "{head}goodTillDate=1700000600000&{tail}positionSide=LONG&price=42000.5&quantity=0.015&side=SELL&symbol=BTCUSDT\
                     &timeInForce=GTD&type=LIMIT"
                ),
            ),
            (
                futures(Market, GoodTillCancelled, Exposure::ShortLeg),
                format!("{head}{tail}positionSide=SHORT&quantity=0.015&side=SELL&symbol=BTCUSDT&type=MARKET"),
            ),
            (
                futures(Stop { trigger: trigger(TriggerSource::Mark) }, GoodTillCancelled, Exposure::ReduceOnly),
                "algoOrder.place algoType=CONDITIONAL&clientAlgoId=tw1-3-77&quantity=0.015&reduceOnly=true&side=SELL&symbol=BTCUSDT\
                 &triggerPrice=41000&type=STOP_MARKET&workingType=MARK_PRICE"
                    .into(),
            ),
            (
                futures(StopLimit { trigger: trigger(TriggerSource::Last), price: PRICE }, GoodTillCancelled, Exposure::Any),
                "algoOrder.place algoType=CONDITIONAL&clientAlgoId=tw1-3-77&price=42000.5&quantity=0.015&side=SELL&symbol=BTCUSDT\
                 &timeInForce=GTC&triggerPrice=41000&type=STOP&workingType=CONTRACT_PRICE"
                    .into(),
            ),
            (futures(TakeProfit { trigger: trigger(TriggerSource::Index) }, GoodTillCancelled, Exposure::Any), String::new()),
            (futures(Iceberg { price: PRICE, display: Qty(1) }, GoodTillCancelled, Exposure::Any), String::new()),
        ];
        for (said, expected) in cases {
            assert_eq!(said, expected);
        }
    }

    #[test]
    fn cancels_and_amends() {
        let resting = |instrument| terms(instrument, OrderKind::Limit { price: PRICE }, TimeInForce::GoodTillCancelled, Exposure::Any);
        let waiting = terms(PERP, OrderKind::Stop { trigger: trigger(TriggerSource::Mark) }, TimeInForce::GoodTillCancelled, Exposure::Any);
        let cancel = |instrument| OrderRequest::Cancel { order: OURS, instrument };
        let amend = |instrument, price, qty| OrderRequest::Amend { order: OURS, instrument, price, qty: Qty(qty) };
        let cancelled = "order.cancel origClientOrderId=tw1-3-77&symbol=BTCUSDT";
        assert_eq!(words(&cancel(SPOT), &resting(SPOT)), cancelled);
        assert_eq!(words(&cancel(PERP), &resting(PERP)), cancelled);
        assert_eq!(words(&cancel(PERP), &waiting), "algoOrder.cancel clientAlgoId=tw1-3-77");
        let smaller = "order.amend.keepPriority newClientOrderId=tw1-3-77&newQty=0.01&origClientOrderId=tw1-3-77&symbol=BTCUSDT";
        assert_eq!(words(&amend(SPOT, PRICE, 1_000), &resting(SPOT)), smaller);
        for (price, qty) in [(PRICE, 1_500), (PRICE, 2_000), (Price(1), 1_000)] {
            assert_eq!(words(&amend(SPOT, price, qty), &resting(SPOT)), "", "spot neither moves nor grows");
        }
        let moved = "order.modify origClientOrderId=tw1-3-77&price=42000.51&quantity=0.02&side=SELL&symbol=BTCUSDT";
        assert_eq!(words(&amend(PERP, Price(4_200_051), 2_000), &resting(PERP)), moved);
        assert_eq!(words(&amend(PERP, PRICE, 2_000), &waiting), "");
    }

    #[test]
    fn a_command_goes_by_socket_or_by_http() {
        let key = Key::new(&Credentials { key: "testkey".into(), secret: "testsecret".into(), passphrase: String::new() });
        let window = Window { now: Timestamp(1_700_000_000_123_456_789), recv_window: Nanos::from_secs(5) };
        let asked = OrderRequest::Cancel { order: OURS, instrument: PERP };
        let terms = terms(PERP, OrderKind::Market, TimeInForce::GoodTillCancelled, Exposure::Any);
        let made = || request(&directory(), &asked, &terms).unwrap();
        let frame = String::from_utf8(made().frame(&key, "9", window)).unwrap();
        let signature = crate::sign::Signer::new(b"testsecret")
            .hex(&[b"apiKey=testkey&origClientOrderId=tw1-3-77&recvWindow=5000&symbol=BTCUSDT&timestamp=1700000000123"]);
        let expected = format!(
            r#"{{"id":"9","method":"order.cancel","params":{{"apiKey":"testkey","origClientOrderId":"tw1-3-77","recvWindow":5000,"symbol":"BTCUSDT","timestamp":1700000000123,"signature":"{signature}"}}}}"#
        );
        assert_eq!(frame, expected);
        let http = made().http(&key, "https://fapi.binance.com", window);
        let query = "origClientOrderId=tw1-3-77&recvWindow=5000&symbol=BTCUSDT&timestamp=1700000000123";
        let signature = crate::sign::Signer::new(b"testsecret").hex(&[query.as_bytes()]);
        assert_eq!(
            (http.method, http.url),
            (Method::Delete, format!("https://fapi.binance.com/fapi/v1/order?{query}&signature={signature}"))
        );
        assert_eq!(http.headers, [("x-mbx-apikey", "testkey".to_owned())]);
    }
}

//! Order commands → bytes, and the answers to those that leave as requests. Source: Bybit's v5 documents (`order/create-order`,
//! `order/amend-order`, `order/cancel-order`, `websocket/trade/guideline`), read 2026-07.

use super::records::category;
use super::refusals;
use super::session::taken;
use super::wire;
use crate::client_id::client_id;
use crate::dialect::CallId;
use crate::directory::{Directory, Listed, Market};
use crate::error::{MapError, VenueErrorKind};
use crate::message::{Inbox, Message};
use tradewind_types::{Exposure, OrderId, OrderKind, OrderRequest, OrderTerms, Price, Qty, Side, TimeInForce, TriggerSource};

/// Longest client id.
const CLIENT_ID_MAX: usize = 36;

/// What is done to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Create,
    Amend,
    Cancel,
}

impl Action {
    /// Of a command.
    pub(super) const fn of(request: &OrderRequest) -> Self {
        match request {
            OrderRequest::Place { .. } => Action::Create,
            OrderRequest::Amend { .. } => Action::Amend,
            OrderRequest::Cancel { .. } => Action::Cancel,
        }
    }

    /// Its name on the order-entry socket.
    pub(super) const fn op(self) -> &'static str {
        match self {
            Action::Create => "order.create",
            Action::Amend => "order.amend",
            Action::Cancel => "order.cancel",
        }
    }

    /// Its path over HTTP.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Action::Create => "/v5/order/create",
            Action::Amend => "/v5/order/amend",
            Action::Cancel => "/v5/order/cancel",
        }
    }
}

/// The JSON object of a command; none where the venue has nothing of the kind.
pub(super) fn body(directory: &Directory, request: &OrderRequest, terms: &OrderTerms) -> Option<Vec<u8>> {
    match request {
        OrderRequest::Place { order, terms } => place(directory.get(terms.instrument)?, *order, terms),
        OrderRequest::Cancel { order, instrument } => {
            let listed = directory.get(*instrument)?;
            let mut object = Object::of(listed);
            object.client_id(*order)?;
            if listed.market == Market::Spot && terms.kind.trigger().is_some() {
                object.text("orderFilter", "StopOrder");
            }
            Some(object.end())
        }
        OrderRequest::Amend { order, instrument, price, qty } => amend(directory.get(*instrument)?, *order, *price, *qty, terms),
    }
}

/// An amend names what changes and nothing else: the venue refuses one that repeats what is.
fn amend(listed: &Listed, order: OrderId, price: Price, qty: Qty, terms: &OrderTerms) -> Option<Vec<u8>> {
    let mut object = Object::of(listed);
    object.client_id(order)?;
    let (moves, resizes) = (terms.kind.price() != Some(price), terms.qty != qty);
    if resizes || !moves {
        object.qty(qty);
    }
    if moves || !resizes {
        object.price("price", price);
    }
    Some(object.end())
}

fn place(listed: &Listed, order: OrderId, terms: &OrderTerms) -> Option<Vec<u8>> {
    if matches!(terms.kind, OrderKind::Iceberg { .. }) {
        return None;
    }
    let is_spot = listed.market == Market::Spot;
    let price = terms.kind.price();
    let mut object = Object::of(listed);
    object.text("side", side(terms.side));
    object.text("orderType", if price.is_some() { "Limit" } else { "Market" });
    object.qty(terms.qty);
    if let Some(price) = price {
        object.price("price", price);
    } else if is_spot {
        object.text("marketUnit", "baseCoin");
    }
    object.text("timeInForce", time_in_force(terms)?);
    object.client_id(order)?;
    trigger(&mut object, listed, terms)?;
    exposure(&mut object, is_spot, terms)?;
    Some(object.end())
}

fn time_in_force(terms: &OrderTerms) -> Option<&'static str> {
    let takes_the_market = terms.kind.price().is_none();
    Some(match terms.time_in_force {
        TimeInForce::GoodTillCancelled | TimeInForce::ImmediateOrCancel if takes_the_market => "IOC",
        TimeInForce::FillOrKill | TimeInForce::PostOnly if takes_the_market => return None,
        TimeInForce::GoodTillCancelled => "GTC",
        TimeInForce::ImmediateOrCancel => "IOC",
        TimeInForce::FillOrKill => "FOK",
        TimeInForce::PostOnly => "PostOnly",
        TimeInForce::GoodTillTime { .. } => return None,
    })
}

/// A derivative's trigger names its series and which way it is reached; spot watches its own last price and looks where it stands.
fn trigger(object: &mut Object<'_>, listed: &Listed, terms: &OrderTerms) -> Option<()> {
    let Some(trigger) = terms.kind.trigger() else { return Some(()) };
    object.price("triggerPrice", trigger.price);
    if listed.market == Market::Spot {
        object.text("orderFilter", "StopOrder");
        return (trigger.source == TriggerSource::Last).then_some(());
    }
    let is_stop = matches!(terms.kind, OrderKind::Stop { .. } | OrderKind::StopLimit { .. });
    let rises = is_stop == (terms.side == Side::Buy);
    object.bare("triggerDirection", if rises { "1" } else { "2" });
    object.text(
        "triggerBy",
        match trigger.source {
            TriggerSource::Last => "LastPrice",
            TriggerSource::Mark => "MarkPrice",
            TriggerSource::Index => "IndexPrice",
        },
    );
    Some(())
}

/// Which position an order is for, and whether it may only reduce. Spot has neither.
fn exposure(object: &mut Object<'_>, is_spot: bool, terms: &OrderTerms) -> Option<()> {
    if is_spot {
        return (terms.exposure == Exposure::Any).then_some(());
    }
    let (leg, reduces) = match terms.exposure {
        Exposure::Any => ("0", false),
        Exposure::ReduceOnly => ("0", true),
        Exposure::LongLeg => ("1", terms.side == Side::Sell),
        Exposure::ShortLeg => ("2", terms.side == Side::Buy),
    };
    object.bare("positionIdx", leg);
    if reduces {
        object.bare("reduceOnly", "true");
    }
    Some(())
}

const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "Buy",
        Side::Sell => "Sell",
    }
}

/// A JSON object under construction; its texts are symbols, numbers and words, which need no escapes.
struct Object<'a> {
    out: Vec<u8>,
    listed: &'a Listed,
}

impl<'a> Object<'a> {
    fn of(listed: &'a Listed) -> Self {
        let mut out = Vec::with_capacity(256);
        out.extend_from_slice(b"{\"category\":\"");
        out.extend_from_slice(category(listed.market).as_bytes());
        out.extend_from_slice(b"\",\"symbol\":\"");
        out.extend_from_slice(listed.symbol.as_bytes());
        out.push(b'"');
        Self { out, listed }
    }

    fn key(&mut self, name: &str) {
        self.out.extend_from_slice(b",\"");
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn text(&mut self, name: &str, value: &str) {
        self.key(name);
        self.out.push(b'"');
        self.out.extend_from_slice(value.as_bytes());
        self.out.push(b'"');
    }

    fn bare(&mut self, name: &str, value: &str) {
        self.key(name);
        self.out.extend_from_slice(value.as_bytes());
    }

    fn qty(&mut self, qty: Qty) {
        self.key("qty");
        self.out.push(b'"');
        self.listed.grid.write_qty(qty, &mut self.out);
        self.out.push(b'"');
    }

    fn price(&mut self, name: &str, price: Price) {
        self.key(name);
        self.out.push(b'"');
        self.listed.grid.write_price(price, &mut self.out);
        self.out.push(b'"');
    }

    /// Our name for the order; none where it is longer than the venue takes.
    fn client_id(&mut self, order: OrderId) -> Option<()> {
        let id = client_id(order);
        self.text("orderLinkId", &id);
        (id.len() <= CLIENT_ID_MAX).then_some(())
    }

    fn end(mut self) -> Vec<u8> {
        self.out.push(b'}');
        self.out
    }
}

/// A command as a frame of the order-entry socket.
pub(super) fn frame(action: Action, request: &str, timestamp_ms: i64, recv_window_ms: i64, body: &[u8]) -> Vec<u8> {
    let op = action.op();
    let head = format!(
        r#"{{"reqId":"{request}","header":{{"X-BAPI-TIMESTAMP":"{timestamp_ms}","X-BAPI-RECV-WINDOW":"{recv_window_ms}"}},"op":"{op}","args":["#
    );
    let mut frame = head.into_bytes();
    frame.extend_from_slice(body);
    frame.extend_from_slice(b"]}");
    frame
}

/// Reads the answer to a command that left as a request.
pub(super) fn answer(call: CallId, status: u16, headers: &[(String, String)], body: &[u8], inbox: &mut Inbox) -> Result<(), MapError> {
    const WHAT: &str = "order answer";
    let outcome = match refusals::opened(WHAT, status, headers, body, VenueErrorKind::Unanswered)? {
        Ok(envelope) => Ok(taken(wire::inside(WHAT, "result", envelope.result)?)),
        Err(refusal) => Err(refusal),
    };
    inbox.messages.push(Message::Answer { call, outcome });
    Ok(())
}

//! Order commands → bytes, and the answers to those that leave as requests. Source: Bybit's v5 documents (`order/create-order`,
//! `order/amend-order`, `order/cancel-order`, `order/batch-place` and its like, `websocket/trade/guideline`), read 2026-07.

use super::ids;
use super::records::category;
use super::refusals;
use super::wire::{self, ItemCode, Page, TakenRow};
use crate::client_id::client_id;
use crate::dialect::CallId;
use crate::directory::{Directory, Listed, Market};
use crate::error::{MapError, VenueError, VenueErrorKind};
use crate::message::{Inbox, Message};
use serde_json::value::RawValue;
use tradewind_types::{
    Exposure, OrderId, OrderKind, OrderRequest, OrderTerms, Price, Qty, Side, TimeInForce, Timestamp, TriggerSource, VenueOrderId,
};

/// Longest client id.
const CLIENT_ID_MAX: usize = 36;
/// Most orders in one request. The venue takes 20 on linear contracts, but an account may do no more than 10 in a second.
pub(super) const BATCH_MAX: usize = 10;

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

    /// Its name on the order-entry socket, where so many leave together.
    pub(super) const fn op(self, together: usize) -> &'static str {
        match (self, together) {
            (Action::Create, ..=1) => "order.create",
            (Action::Amend, ..=1) => "order.amend",
            (Action::Cancel, ..=1) => "order.cancel",
            (Action::Create, _) => "order.create-batch",
            (Action::Amend, _) => "order.amend-batch",
            (Action::Cancel, _) => "order.cancel-batch",
        }
    }

    /// Its path over HTTP, where so many leave together.
    pub(super) const fn path(self, together: usize) -> &'static str {
        match (self, together) {
            (Action::Create, ..=1) => "/v5/order/create",
            (Action::Amend, ..=1) => "/v5/order/amend",
            (Action::Cancel, ..=1) => "/v5/order/cancel",
            (Action::Create, _) => "/v5/order/create-batch",
            (Action::Amend, _) => "/v5/order/amend-batch",
            (Action::Cancel, _) => "/v5/order/cancel-batch",
        }
    }
}

/// What is asked of the venue: one order's object, or those of several.
pub(super) fn body(market: Market, orders: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(orders.iter().map(|order| order.len() + 1).sum::<usize>() + 48);
    out.extend_from_slice(b"{\"category\":\"");
    out.extend_from_slice(category(market).as_bytes());
    if let [order] = orders {
        out.extend_from_slice(b"\",");
        // Without its opening bracket, as the members of this one.
        out.extend_from_slice(&order[1..]);
        return out;
    }
    out.extend_from_slice(b"\",\"request\":");
    for (n, order) in orders.iter().enumerate() {
        out.push(if n == 0 { b'[' } else { b',' });
        out.extend_from_slice(order);
    }
    out.extend_from_slice(b"]}");
    out
}

/// The JSON object of a command, without the market; none where the venue has nothing of the kind.
pub(super) fn order(directory: &Directory, request: &OrderRequest, terms: &OrderTerms) -> Option<Vec<u8>> {
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
        out.extend_from_slice(b"{\"symbol\":\"");
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

/// A request as a frame of the order-entry socket.
pub(super) fn frame(op: &str, request: &str, timestamp_ms: i64, recv_window_ms: i64, body: &[u8]) -> Vec<u8> {
    let head = format!(
        r#"{{"reqId":"{request}","header":{{"X-BAPI-TIMESTAMP":"{timestamp_ms}","X-BAPI-RECV-WINDOW":"{recv_window_ms}"}},"op":"{op}","args":["#
    );
    let mut frame = head.into_bytes();
    frame.extend_from_slice(body);
    frame.extend_from_slice(b"]}");
    frame
}

/// Reads the answer to commands that left as a request.
pub(super) fn answer(calls: Calls, status: u16, headers: &[(String, String)], body: &[u8], inbox: &mut Inbox) -> Result<(), MapError> {
    match refusals::opened(WHAT, status, headers, body, VenueErrorKind::Unanswered)? {
        Ok(envelope) => accepted(calls, "result", envelope.result, envelope.extra, inbox),
        Err(refusal) => {
            calls.refused(&refusal, inbox);
            Ok(())
        }
    }
}

const WHAT: &str = "order answer";

/// Calls that left in one request, and by what number it is known on a socket: `first+behind-moment`, as the venue remembers numbers
/// beyond a connection's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Calls {
    pub(super) first: CallId,
    /// How many came with the first.
    pub(super) behind: u64,
}

impl Calls {
    pub(super) fn together(first: CallId, calls: usize) -> Self {
        Self { first, behind: calls.saturating_sub(1) as u64 }
    }

    pub(super) fn number(self, venue_now: Timestamp) -> String {
        let moment = super::sign::milliseconds(venue_now);
        match self.behind {
            0 => format!("{}-{moment}", self.first.0),
            behind => format!("{}+{behind}-{moment}", self.first.0),
        }
    }

    pub(super) fn of_number(number: &str) -> Option<Self> {
        let (calls, _) = number.split_once('-')?;
        let (first, behind) = calls.split_once('+').unwrap_or((calls, "0"));
        let behind = behind.parse().ok().filter(|behind| *behind < BATCH_MAX as u64)?;
        Some(Self { first: CallId(first.parse().ok()?), behind })
    }

    fn each(self) -> impl ExactSizeIterator<Item = CallId> {
        (0..self.behind as usize + 1).map(move |n| CallId(self.first.0.saturating_add(n as u64)))
    }

    pub(super) fn refused(self, refusal: &VenueError, inbox: &mut Inbox) {
        inbox.messages.extend(self.each().map(|call| Message::Answer { call, outcome: Err(refusal.clone()) }));
    }
}

/// Reads what a request that was taken gave each of its calls: of several, `extra` says which were refused all the same.
pub(super) fn accepted(
    calls: Calls,
    field: &'static str,
    result: Option<&RawValue>,
    extra: Option<&RawValue>,
    inbox: &mut Inbox,
) -> Result<(), MapError> {
    if calls.behind == 0 {
        let outcome = Ok(taken(&wire::inside(WHAT, field, result)?));
        inbox.messages.push(Message::Answer { call: calls.first, outcome });
        return Ok(());
    }
    let rows: Page<'_, TakenRow<'_>> = wire::inside(WHAT, field, result)?;
    let codes: Page<'_, ItemCode<'_>> = wire::inside(WHAT, "retExtInfo", extra)?;
    if rows.list.len() != calls.each().len() || codes.list.len() != calls.each().len() {
        return Err(MapError::Missing { what: WHAT, field: "list" });
    }
    let outcome = |row: &TakenRow<'_>, item: &ItemCode<'_>| match item.code {
        0 => Ok(taken(row)),
        code => Err(refusals::refusal(code, item.message.as_str(), 0)),
    };
    let outcomes = rows.list.iter().zip(&codes.list).map(|(row, item)| outcome(row, item));
    inbox.messages.extend(calls.each().zip(outcomes).map(|(call, outcome)| Message::Answer { call, outcome }));
    Ok(())
}

/// The venue's id of an order that was taken.
fn taken(row: &TakenRow<'_>) -> Option<VenueOrderId> {
    (!row.order_id.is_empty()).then(|| VenueOrderId(ids::number(row.order_id.as_str().as_bytes())))
}

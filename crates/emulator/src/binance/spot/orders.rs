//! Orders on the spot market: placed, tested, cancelled, replaced, amended.

use super::info::{DIVISOR_DOWN, MULTIPLIER_UP};
use super::render::{self, Detail};
use crate::binance::desk::{Ask, order_ref};
use crate::binance::figures::{money, ms, price, qty};
use crate::binance::json::{Raw, fields, object, rows};
use crate::binance::orders::{client_order_id, limit_price, order_id_or_made, read_qty};
use crate::binance::params::Params;
use crate::binance::refusal::Refusal;
use crate::binance::words;
use crate::house::{Category, Listing, OrderNo, OrderRecord, OrderRef, PlaceOrder, Size};
use tradewind_types::{Amount, Exposure, OrderKind, Price, TimeInForce, Trigger, TriggerSource};

/// A new order.
///
/// # Errors
/// -1013, -1100..-1130, -2010.
pub fn place(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let id = order_id_or_made(ask, "newClientOrderId")?;
    let order = read(ask, &id)?;
    let detail = detail(ask.params, &order)?;
    let (client, instrument) = (order.client, order.instrument);
    let placed = ask.house.place(ask.now, &order);
    let listing = ask.house.listing(instrument).ok_or_else(Refusal::bad_symbol)?;
    let no = placed.map_err(|rejection| words::refused(listing, rejection))?;
    let record = ask.house.order(client, OrderRef::No(no)).ok_or_else(Refusal::no_such_order)?;
    Ok(render::placed(ask.house, listing, record, detail))
}

/// Whether a new order would be taken as far as its terms go.
///
/// # Errors
/// As [`place`].
pub fn test(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let id = order_id_or_made(ask, "newClientOrderId")?;
    let order = read(ask, &id)?;
    let listing = ask.house.listing(order.instrument).ok_or_else(Refusal::bad_symbol)?;
    ask.house.check(&order).map_err(|rejection| words::refused(listing, rejection))?;
    Ok(object! {})
}

fn detail(params: &Params, order: &PlaceOrder<'_>) -> Result<Detail, Refusal> {
    match params.get("newOrderRespType") {
        Some("ACK") => Ok(Detail::Ack),
        Some("RESULT") => Ok(Detail::Result),
        Some("FULL") => Ok(Detail::Full),
        Some(_) => Err(Refusal::not_valid("newOrderRespType")),
        None if matches!(order.kind, OrderKind::Market | OrderKind::Limit { .. }) => Ok(Detail::Full),
        None => Ok(Detail::Ack),
    }
}

/// What the parameters ask for, with `id` as the order's own.
fn read<'a>(ask: &Ask<'_>, id: &'a str) -> Result<PlaceOrder<'a>, Refusal> {
    let (listing, params) = (ask.listing()?, ask.params);
    let side = words::read_side(params.required("side")?)?;
    let (kind, time_in_force) = kind(ask, listing)?;
    let size = match (params.get("quantity"), params.get("quoteOrderQty")) {
        (None, Some(value)) if kind == OrderKind::Market => {
            Size::Quote(ask.house.amount(value).map_err(|_| Refusal::not_valid("quoteOrderQty"))?)
        }
        (_, Some(_)) => return Err(Refusal::not_required("quoteOrderQty")),
        _ => Size::Lots(read_qty(listing, params, "quantity")?),
    };
    let self_trade = params.get("selfTradePreventionMode").map(words::read_self_trade).transpose()?;
    Ok(PlaceOrder {
        client: ask.client()?,
        instrument: listing.id(),
        client_order_id: id,
        side,
        kind,
        time_in_force,
        size,
        exposure: Exposure::Any,
        self_trade,
        remark: 0,
    })
}

fn kind(ask: &Ask<'_>, listing: &Listing) -> Result<(OrderKind, TimeInForce), Refusal> {
    let params = ask.params;
    let named = params.required("type")?;
    let (is_limit, waits) = match named {
        "LIMIT" | "LIMIT_MAKER" => (true, false),
        "MARKET" => (false, false),
        "STOP_LOSS_LIMIT" | "TAKE_PROFIT_LIMIT" => (true, true),
        "STOP_LOSS" | "TAKE_PROFIT" => (false, true),
        _ => return Err(Refusal::new(-1116, "Invalid orderType.")),
    };
    for (name, wanted) in [("price", is_limit), ("stopPrice", waits), ("icebergQty", is_limit)] {
        if !wanted && params.get(name).is_some() {
            return Err(Refusal::not_required(name));
        }
    }
    if params.get("trailingDelta").is_some() {
        return Err(Refusal::new(-1013, "Trailing stop orders are not supported for this symbol."));
    }
    let time_in_force = time_in_force(params, named, is_limit)?;
    let trigger = |name| Ok(Trigger { price: limit_price(listing, params, name)?, source: TriggerSource::Last });
    let kind = match (named, is_limit) {
        ("MARKET", _) => OrderKind::Market,
        ("STOP_LOSS", _) => OrderKind::Stop { trigger: trigger("stopPrice")? },
        ("TAKE_PROFIT", _) => OrderKind::TakeProfit { trigger: trigger("stopPrice")? },
        ("STOP_LOSS_LIMIT", _) => OrderKind::StopLimit { trigger: trigger("stopPrice")?, price: near(ask, listing)? },
        ("TAKE_PROFIT_LIMIT", _) => OrderKind::TakeProfitLimit { trigger: trigger("stopPrice")?, price: near(ask, listing)? },
        _ if params.get("icebergQty").is_some() => {
            OrderKind::Iceberg { price: near(ask, listing)?, display: read_qty(listing, params, "icebergQty")? }
        }
        _ => OrderKind::Limit { price: near(ask, listing)? },
    };
    Ok((kind, time_in_force))
}

fn time_in_force(params: &Params, named: &str, is_limit: bool) -> Result<TimeInForce, Refusal> {
    let stated = params.get("timeInForce");
    if named == "LIMIT_MAKER" {
        return if stated.is_some() { Err(Refusal::not_required("timeInForce")) } else { Ok(TimeInForce::PostOnly) };
    }
    match (stated, is_limit) {
        (None, true) => Err(Refusal::missing("timeInForce")),
        (Some(_), false) => Err(Refusal::not_required("timeInForce")),
        (None, false) => Ok(TimeInForce::GoodTillCancelled),
        (Some("GTC"), true) => Ok(TimeInForce::GoodTillCancelled),
        (Some("IOC"), true) => Ok(TimeInForce::ImmediateOrCancel),
        (Some("FOK"), true) => Ok(TimeInForce::FillOrKill),
        (Some(_), true) => Err(Refusal::new(-1115, "Invalid timeInForce.")),
    }
}

/// The limit price, where it is not too far from what is traded.
fn near(ask: &Ask<'_>, listing: &Listing) -> Result<Price, Refusal> {
    let price = limit_price(listing, ask.params, "price")?;
    let last = ask.house.tape(listing.id()).and_then(|tape| tape.last_price());
    let too_far = last.is_some_and(|last| price.0 > last.0.saturating_mul(MULTIPLIER_UP) || price.0.saturating_mul(DIVISOR_DOWN) < last.0);
    if too_far { Err(Refusal::new(-1013, "Filter failure: PERCENT_PRICE_BY_SIDE")) } else { Ok(price) }
}

/// An order is taken back.
///
/// # Errors
/// -2011.
pub fn cancel(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let params = ask.params;
    let named = order_ref(params, "orderId", "origClientOrderId")?;
    let cancel_id = order_id_or_made(ask, "newClientOrderId")?;
    end(ask, named, cancel_id)
}

fn end(ask: &mut Ask<'_>, named: OrderRef<'_>, cancel_id: String) -> Result<Raw, Refusal> {
    let (client, instrument) = (ask.client()?, ask.listing()?.id());
    let record = ask.house.order(client, named).filter(|record| record.terms.instrument == instrument && record.is_open());
    let record = record.ok_or_else(Refusal::unknown_order)?;
    let allowed = match ask.params.get("cancelRestrictions") {
        None => true,
        Some("ONLY_NEW") => record.filled.0 == 0,
        Some("ONLY_PARTIALLY_FILLED") => record.filled.0 > 0,
        Some(_) => return Err(Refusal::not_valid("cancelRestrictions")),
    };
    if !allowed {
        return Err(Refusal::new(-2011, "Order was not canceled due to cancel restrictions."));
    }
    let no = record.no;
    ask.desk.note_cancel(no, cancel_id.clone());
    ask.house.cancel(ask.now, client, OrderRef::No(no)).map_err(|_| Refusal::unknown_order())?;
    shown(ask, no, |listing, record| render::cancelled(listing, record, &cancel_id))
}

/// The answer about an order that was just dealt with.
fn shown(ask: &Ask<'_>, no: OrderNo, show: impl Fn(&Listing, &OrderRecord) -> Raw) -> Result<Raw, Refusal> {
    let record = ask.house.order(ask.client()?, OrderRef::No(no)).ok_or_else(Refusal::unknown_order)?;
    let listing = ask.house.listing(record.terms.instrument).ok_or_else(Refusal::bad_symbol)?;
    Ok(show(listing, record))
}

/// Every open order on a listing is taken back.
///
/// # Errors
/// -2011 where there is none.
pub fn cancel_all(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let (client, instrument) = (ask.client()?, ask.listing()?.id());
    let cancel_id = ask.desk.make_id();
    let open: Vec<OrderNo> = ask.house.open_orders(client).filter(|r| r.terms.instrument == instrument).map(|r| r.no).collect();
    for no in &open {
        ask.desk.note_cancel(*no, cancel_id.clone());
    }
    let ended = ask.house.cancel_all(ask.now, client, Some(instrument));
    if ended.is_empty() {
        return Err(Refusal::unknown_order());
    }
    let shown: Result<Vec<Raw>, Refusal> =
        ended.into_iter().map(|no| shown(ask, no, |listing, record| render::cancelled(listing, record, &cancel_id))).collect();
    Ok(rows(&shown?))
}

/// One order is taken back and another one placed.
///
/// # Errors
/// -2022 where neither was done, -2021 where one was; `data` has both answers.
pub fn cancel_replace(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let goes_on = match ask.params.required("cancelReplaceMode")? {
        "STOP_ON_FAILURE" => false,
        "ALLOW_FAILURE" => true,
        _ => return Err(Refusal::not_valid("cancelReplaceMode")),
    };
    let params = ask.params;
    let named = order_ref(params, "cancelOrderId", "cancelOrigClientOrderId")?;
    let new_id = order_id_or_made(ask, "newClientOrderId")?;
    read(ask, &new_id)?;
    let cancel_id = order_id_or_made(ask, "cancelNewClientOrderId")?;
    let cancelled = end(ask, named, cancel_id);
    let placed = if cancelled.is_ok() || goes_on {
        let params = ask.params.clone().with("newClientOrderId", &new_id);
        Some(place(&mut ask.asking(&params)))
    } else {
        None
    };
    let word = |done: bool| if done { "SUCCESS" } else { "FAILURE" };
    let body = |answer: &Result<Raw, Refusal>| answer.clone().unwrap_or_else(|refusal| refusal.body());
    let whole = fields! {
        "cancelResult": word(cancelled.is_ok()),
        "newOrderResult": placed.as_ref().map_or("NOT_ATTEMPTED", |placed| word(placed.is_ok())),
        "cancelResponse": body(&cancelled),
        "newOrderResponse": placed.as_ref().map(body),
    }
    .end();
    let refused = |status, code, words: &str| Err(Refusal { data: Some(whole.clone()), ..Refusal::new(code, words).with_status(status) });
    match (cancelled.is_ok(), placed.is_some_and(|placed| placed.is_ok())) {
        (true, true) => Ok(whole),
        (false, false) => refused(400, -2022, "Order cancel-replace failed."),
        _ => refused(409, -2021, "Order cancel-replace partially failed."),
    }
}

/// An order loses some of its quantity and keeps its place.
///
/// # Errors
/// -2013, -2038.
pub fn amend(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let (client, listing) = (ask.client()?, ask.listing()?);
    let (instrument, wanted) = (listing.id(), read_qty(listing, ask.params, "newQty")?);
    let named = order_ref(ask.params, "orderId", "origClientOrderId")?;
    client_order_id(ask.params, "newClientOrderId")?;
    let record = ask.house.order(client, named).filter(|record| record.terms.instrument == instrument && record.is_open());
    let record = record.ok_or_else(Refusal::no_such_order)?;
    if wanted >= record.terms.qty || wanted <= record.filled {
        return Err(Refusal::new(-2038, "The requested quantity is not below the order's quantity and above what is filled of it."));
    }
    let no = record.no;
    let amended = ask.house.amend(ask.now, client, OrderRef::No(no), None, Some(wanted));
    let listing = ask.house.listing(instrument).ok_or_else(Refusal::bad_symbol)?;
    amended.map_err(|rejection| words::refused(listing, rejection))?;
    let now = ask.now;
    shown(
        ask,
        no,
        |listing, record| object! { "transactTime": ms(now), "executionId": no.0, "amendedOrder": amended_order(listing, record) },
    )
}

fn amended_order(listing: &Listing, record: &OrderRecord) -> Raw {
    object! {
        "symbol": listing.symbol(),
        "orderId": record.no.0,
        "orderListId": -1,
        "origClientOrderId": &*record.client_order_id,
        "clientOrderId": &*record.client_order_id,
        "price": price(listing, record.price().unwrap_or(Price(0))),
        "qty": qty(listing, record.terms.qty),
        "executedQty": qty(listing, record.filled),
        "preventedQty": money(Amount::ZERO),
        "quoteOrderQty": money(Amount::ZERO),
        "cumulativeQuoteQty": money(record.filled_value),
        "status": words::status(record),
        "timeInForce": words::time_in_force(Category::Spot, record.terms.time_in_force),
        "type": words::kind(Category::Spot, record),
        "side": words::side(record.terms.side),
        "workingTime": ms(record.created),
        "selfTradePreventionMode": words::self_trade(record.self_trade),
    }
}

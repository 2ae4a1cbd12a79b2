//! Orders that wait for a price before they work. Since 2025-12 they have endpoints of their own.

use super::orders::{exposure, time_in_force};
use super::render;
use crate::binance::desk::{Ask, order_ref};
use crate::binance::figures::ms;
use crate::binance::json::{Raw, object, rows};
use crate::binance::orders::{limit_price, order_id_or_made, read_qty};
use crate::binance::refusal::{Refusal, done};
use crate::binance::words;
use crate::house::{Listing, OrderRecord, OrderRef, PlaceOrder, Size};
use tradewind_types::{OrderKind, Trigger, TriggerSource};

/// Whether an order waits or waited for a trigger.
#[must_use]
pub fn is_algo(record: &OrderRecord) -> bool {
    record.terms.kind.trigger().is_some()
}

/// A new conditional order.
///
/// # Errors
/// -1100..-1130, -2021 where the trigger is reached already, and as a plain order.
pub fn place(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    if ask.params.required("algoType")? != "CONDITIONAL" {
        return Err(Refusal::not_valid("algoType"));
    }
    let id = order_id_or_made(ask, "clientAlgoId")?;
    let order = read(ask, &id)?;
    let (client, instrument) = (order.client, order.instrument);
    let placed = ask.house.place(ask.now, &order);
    let listing = ask.house.listing(instrument).ok_or_else(Refusal::bad_symbol)?;
    let no = placed.map_err(|rejection| words::refused(listing, rejection))?;
    let record = ask.house.order(client, OrderRef::No(no)).ok_or_else(Refusal::no_such_order)?;
    Ok(render::algo_order(listing, record))
}

fn read<'a>(ask: &Ask<'_>, id: &'a str) -> Result<PlaceOrder<'a>, Refusal> {
    let (listing, params) = (ask.listing()?, ask.params);
    if params.flag("closePosition")? || params.flag("priceProtect")? {
        return Err(Refusal::not_valid(if params.flag("closePosition")? { "closePosition" } else { "priceProtect" }));
    }
    let source = match params.get("workingType") {
        None | Some("CONTRACT_PRICE") => TriggerSource::Last,
        Some("MARK_PRICE") => TriggerSource::Mark,
        Some(_) => return Err(Refusal::not_valid("workingType")),
    };
    let trigger = Trigger { price: limit_price(listing, params, "triggerPrice")?, source };
    let price = || limit_price(listing, params, "price");
    let kind = match params.required("type")? {
        "STOP_MARKET" => OrderKind::Stop { trigger },
        "TAKE_PROFIT_MARKET" => OrderKind::TakeProfit { trigger },
        "STOP" => OrderKind::StopLimit { trigger, price: price()? },
        "TAKE_PROFIT" => OrderKind::TakeProfitLimit { trigger, price: price()? },
        _ => return Err(Refusal::new(-1116, "Invalid orderType.")),
    };
    Ok(PlaceOrder {
        client: ask.client()?,
        instrument: listing.id(),
        client_order_id: id,
        side: words::read_side(params.required("side")?)?,
        kind,
        time_in_force: time_in_force(params, false, ask.now)?,
        size: Size::Lots(read_qty(listing, params, "quantity")?),
        exposure: exposure(params)?,
        self_trade: params.get("selfTradePreventionMode").map(words::read_self_trade).transpose()?,
        remark: 0,
    })
}

fn found<'a>(ask: &'a Ask<'_>) -> Result<(&'a Listing, &'a OrderRecord), Refusal> {
    let named = order_ref(ask.params, "algoId", "clientAlgoId")?;
    let record = ask.house.order(ask.client()?, named).filter(|record| is_algo(record)).ok_or_else(Refusal::no_such_order)?;
    let listing = ask.house.listing(record.terms.instrument).filter(|listing| listing.category == ask.category);
    Ok((listing.ok_or_else(Refusal::no_such_order)?, record))
}

/// One conditional order.
///
/// # Errors
/// -2013.
pub fn order(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    found(ask).map(|(listing, record)| render::algo_order(listing, record))
}

/// A conditional order is taken back before it works.
///
/// # Errors
/// -2011.
pub fn cancel(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let (_, record) = found(ask).map_err(|refusal| if refusal.code == -2013 { Refusal::unknown_order() } else { refusal })?;
    if !record.is_open() || record.triggered_at.is_some() {
        return Err(Refusal::unknown_order());
    }
    let (no, id) = (record.no, record.client_order_id.clone());
    let client = ask.client()?;
    ask.house.cancel(ask.now, client, OrderRef::No(no)).map_err(|_| Refusal::unknown_order())?;
    Ok(object! { "algoId": no.0, "clientAlgoId": &*id, "code": "200", "msg": "success" })
}

/// Every conditional order on a listing that does not work yet is taken back.
///
/// # Errors
/// -1102, -1121.
pub fn cancel_all(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let (client, instrument) = (ask.client()?, ask.listing()?.id());
    let is_meant = |r: &&OrderRecord| r.terms.instrument == instrument && is_algo(r) && r.triggered_at.is_none();
    let waiting: Vec<_> = ask.house.open_orders(client).filter(is_meant).map(|r| r.no).collect();
    for no in waiting {
        ask.house.cancel(ask.now, client, OrderRef::No(no)).map_err(|_| Refusal::unknown_order())?;
    }
    Ok(done("The operation of cancel all open order is done."))
}

/// Conditional orders that do not work yet, on one listing or all.
///
/// # Errors
/// -1121.
pub fn open_orders(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let listings = ask.listings()?;
    let show = |record: &OrderRecord| {
        let listing = listings.iter().find(|listing| listing.id() == record.terms.instrument)?;
        (is_algo(record) && record.triggered_at.is_none()).then(|| render::algo_order(listing, record))
    };
    Ok(rows(&ask.house.open_orders(ask.client()?).filter_map(show).collect::<Vec<_>>()))
}

/// Conditional orders of any state on a listing, oldest first.
///
/// # Errors
/// -1102, -1121.
pub fn all_orders(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let listing = ask.listing()?;
    let limit = ask.params.limit(500, 1_000)?;
    let from = ask.params.integer("algoId")?.and_then(|no| u64::try_from(no).ok());
    let (since, until) = (ask.params.moment("startTime")?, ask.params.moment("endTime")?);
    let meant = |record: &&OrderRecord| {
        let in_time = since.is_none_or(|s| ms(record.created) >= ms(s)) && until.is_none_or(|u| ms(record.created) <= ms(u));
        record.terms.instrument == listing.id() && is_algo(record) && from.is_none_or(|from| record.no.0 >= from) && in_time
    };
    let all: Vec<Raw> = ask.house.orders(ask.client()?).filter(meant).map(|record| render::algo_order(listing, record)).collect();
    let skipped = if from.is_some() || since.is_some() { 0 } else { all.len().saturating_sub(limit) };
    Ok(rows(&all[skipped..all.len().min(skipped + limit)]))
}

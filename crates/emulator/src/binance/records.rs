//! What the venue remembers of an account: orders and trades.
//!
//! On futures an order that waits for its trigger is not among the orders until it works; it is asked for with the conditional orders.

use super::desk::{Ask, order_ref};
use super::figures::ms;
use super::json::{Raw, rows};
use super::refusal::Refusal;
use super::{futures, spot};
use crate::house::{Category, FillRecord, House, Listing, OrderRecord};

/// Whether an order is among the orders; see the module.
#[must_use]
pub fn is_order(category: Category, record: &OrderRecord) -> bool {
    category == Category::Spot || record.terms.kind.trigger().is_none() || record.triggered_at.is_some()
}

fn shown(listing: &Listing, record: &OrderRecord) -> Raw {
    match listing.category {
        Category::Spot => spot::render::queried(listing, record),
        Category::Linear => futures::render::order(listing, record),
    }
}

fn trade(house: &House, listing: &Listing, fill: &FillRecord) -> Raw {
    match listing.category {
        Category::Spot => spot::render::my_trade(house, listing, fill),
        Category::Linear => futures::render::user_trade(house, listing, fill),
    }
}

/// Those asked for: the first ones where the request says from where, else the last ones.
fn page(found: &[Raw], limit: usize, from_the_start: bool) -> Raw {
    let skipped = if from_the_start { 0 } else { found.len().saturating_sub(limit) };
    rows(&found[skipped..found.len().min(skipped + limit)])
}

/// One order.
///
/// # Errors
/// -2013.
pub fn order(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let listing = ask.listing()?;
    let named = order_ref(ask.params, "orderId", "origClientOrderId")?;
    let is_meant = |record: &&OrderRecord| record.terms.instrument == listing.id() && is_order(ask.category, record);
    let record = ask.house.order(ask.client()?, named).filter(is_meant);
    Ok(shown(listing, record.ok_or_else(Refusal::no_such_order)?))
}

/// One open order.
///
/// # Errors
/// -2013 for one that is over, too.
pub fn open_order(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let named = order_ref(ask.params, "orderId", "origClientOrderId")?;
    let is_open = ask.house.order(ask.client()?, named).is_some_and(OrderRecord::is_open);
    if is_open { order(ask) } else { Err(Refusal::no_such_order()) }
}

/// Open orders, on one listing or all.
///
/// # Errors
/// -1121.
pub fn open_orders(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let listings = ask.listings()?;
    let of = |record: &OrderRecord| {
        let listing = listings.iter().find(|listing| listing.id() == record.terms.instrument && is_order(ask.category, record))?;
        Some(shown(listing, record))
    };
    Ok(rows(&ask.house.open_orders(ask.client()?).filter_map(of).collect::<Vec<_>>()))
}

/// Orders of any state, oldest first: from `orderId`, or within `startTime` and `endTime`, or the last ones.
///
/// # Errors
/// -1102, -1121.
pub fn all_orders(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let listing = ask.listing()?;
    let limit = ask.params.limit(500, 1_000)?;
    let from = ask.params.integer("orderId")?.and_then(|no| u64::try_from(no).ok());
    let (since, until) = (ask.params.moment("startTime")?, ask.params.moment("endTime")?);
    let meant = |record: &&OrderRecord| {
        let in_time = since.is_none_or(|s| ms(record.created) >= ms(s)) && until.is_none_or(|u| ms(record.created) <= ms(u));
        record.terms.instrument == listing.id() && is_order(ask.category, record) && from.is_none_or(|from| record.no.0 >= from) && in_time
    };
    let found: Vec<Raw> = ask.house.orders(ask.client()?).filter(meant).map(|record| shown(listing, record)).collect();
    Ok(page(&found, limit, from.is_some() || since.is_some()))
}

/// The account's trades, oldest first: of one order, from `fromId`, or within `startTime` and `endTime`, or the last ones.
///
/// # Errors
/// -1102, -1121.
pub fn my_trades(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let listing = ask.listing()?;
    let limit = ask.params.limit(500, 1_000)?;
    let order = ask.params.integer("orderId")?.and_then(|no| u64::try_from(no).ok());
    let from = ask.params.integer("fromId")?.and_then(|id| u128::try_from(id).ok());
    let (since, until) = (ask.params.moment("startTime")?, ask.params.moment("endTime")?);
    let meant = |fill: &&FillRecord| {
        let in_time = since.is_none_or(|s| ms(fill.at) >= ms(s)) && until.is_none_or(|u| ms(fill.at) <= ms(u));
        let of_order = order.is_none_or(|order| fill.order.is_some_and(|no| no.0 == order));
        fill.instrument == listing.id() && of_order && from.is_none_or(|from| fill.trade >= from) && in_time
    };
    let found: Vec<Raw> = ask.house.fills(ask.client()?).filter(meant).map(|fill| trade(ask.house, listing, fill)).collect();
    Ok(page(&found, limit, from.is_some() || since.is_some()))
}

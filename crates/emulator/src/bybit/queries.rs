//! What a client has asked for and what came of it: open orders, orders that are over, executions, positions, closed profit.
//!
//! Source: Bybit v5 documentation, "Get open & closed orders", "Get order history", "Get trade history", "Get position info", "Get
//! closed PnL" (2026-07).

use super::answer::Refusal;
use super::figures;
use super::json::{Object, array};
use super::ledger::Ledger;
use super::market::{self, Market};
use super::params::Params;
use super::reports;
use crate::house::{Category, ClientId, FillRecord, House, Leg, Listing, OrderRecord};
use tradewind_types::{Amount, FundingPayment, InstrumentId, PositionMode, Side};

const WEEK_MS: i64 = 7 * 86_400_000;
/// Orders that are over and can still be asked for among the open ones.
const RECENT: usize = 500;

/// Which instruments a query is about.
struct Scope {
    market: Market,
    symbol: Option<InstrumentId>,
    base: Option<String>,
    settle: Option<String>,
}

impl Scope {
    fn read(params: &Params, house: &House) -> Result<Self, Refusal> {
        let market = Market::read(params)?;
        let symbol = match (params.get("symbol"), market) {
            (Some(_), Market::Listed(_)) => Some(market::quoted(params, house)?.id()),
            _ => None,
        };
        let text = |key: &str| params.get(key).map(str::to_owned);
        Ok(Self { market, symbol, base: text("baseCoin"), settle: text("settleCoin") })
    }

    /// Contracts are asked for by symbol or by coin.
    fn narrowed(self) -> Result<Self, Refusal> {
        let is_named = self.symbol.is_some() || self.base.is_some() || self.settle.is_some();
        match self.market.listed() {
            Some(Category::Linear) if !is_named => {
                Err(Refusal::params("Missing some parameters that must be filled in, symbol or settleCoin or baseCoin"))
            }
            _ => Ok(self),
        }
    }

    fn holds(&self, listing: &Listing) -> bool {
        Some(listing.category) == self.market.listed()
            && self.symbol.is_none_or(|symbol| symbol == listing.id())
            && self.base.as_ref().is_none_or(|coin| *coin == listing.base)
            && self.settle.as_ref().is_none_or(|coin| *coin == listing.quote)
    }

    fn has(&self, instrument: InstrumentId, house: &House) -> bool {
        house.listing(instrument).is_some_and(|listing| self.holds(listing))
    }
}

/// A page of rows that are numbered and come highest first.
fn page(params: &Params, market: Market, rows: impl Iterator<Item = (u64, String)>, limit: usize) -> Result<String, Refusal> {
    let below = params.parse::<u64>("cursor")?.unwrap_or(u64::MAX);
    let mut rows = rows.filter(|(number, _)| *number < below).peekable();
    let (mut texts, mut last) = (Vec::new(), 0);
    for (number, text) in rows.by_ref().take(limit) {
        texts.push(text);
        last = number;
    }
    let next = rows.peek().map_or_else(String::new, |_| last.to_string());
    Ok(Object::new().text("category", market.name()).raw("list", array(texts)).text("nextPageCursor", next).close())
}

fn is_named(params: &Params, record: &OrderRecord, house: &House) -> bool {
    let category = house.listing(record.terms.instrument).map(|listing| listing.category);
    let id = |asked: &str| category.is_some_and(|category| market::ids(category).read(asked) == Some(record.no.0));
    params.get("orderId").is_none_or(id) && params.get("orderLinkId").is_none_or(|link| *link == *record.client_order_id)
}

fn fits_filter(params: &Params, record: &OrderRecord) -> bool {
    let is_conditional = record.terms.kind.trigger().is_some();
    match params.get("orderFilter") {
        Some("Order") => !is_conditional,
        Some(_) => is_conditional,
        None => true,
    }
}

fn order_row(record: &OrderRecord, house: &House) -> (u64, String) {
    (record.no.0, reports::order(record, house).close())
}

/// Open orders; with `openOnly=1`, or by id, those that were open lately too.
pub(super) fn open_orders(client: ClientId, params: &Params, house: &House) -> Result<String, Refusal> {
    let by_id = params.get("orderId").is_some() || params.get("orderLinkId").is_some();
    let scope = Scope::read(params, house)?;
    let scope = if by_id { scope } else { scope.narrowed()? };
    let is_meant =
        |record: &&OrderRecord| scope.has(record.terms.instrument, house) && is_named(params, record, house) && fits_filter(params, record);
    let limit = params.limit(20, 50)?;
    let mut found: Vec<&OrderRecord> = Vec::new();
    let lately = params.get("openOnly") == Some("1");
    if by_id || !lately {
        found.extend(house.open_orders(client).filter(is_meant));
    }
    if by_id || lately {
        found.extend(house.closed_orders(client).rev().take(RECENT).filter(is_meant));
    }
    found.sort_by_key(|record| std::cmp::Reverse(record.no));
    page(params, scope.market, found.into_iter().map(|record| order_row(record, house)), limit)
}

/// Which times a query is about: a week from its start, a week up to its end, or any time.
fn within(params: &Params) -> Result<std::ops::RangeInclusive<i64>, Refusal> {
    let (start, end) = (params.parse::<i64>("startTime")?, params.parse::<i64>("endTime")?);
    Ok(match (start, end) {
        (None, None) => 0..=i64::MAX,
        (Some(start), None) => start..=start.saturating_add(WEEK_MS),
        (None, Some(end)) => end.saturating_sub(WEEK_MS)..=end,
        (Some(start), Some(end)) if end.saturating_sub(start) > WEEK_MS => {
            return Err(Refusal::params("The time range between startTime and endTime cannot exceed 7 days"));
        }
        (Some(start), Some(end)) => start..=end,
    })
}

/// Orders that are over.
pub(super) fn order_history(client: ClientId, params: &Params, house: &House) -> Result<String, Refusal> {
    let (scope, times) = (Scope::read(params, house)?, within(params)?);
    let status = params.get("orderStatus");
    let is_meant = |record: &&OrderRecord| {
        let category = house.listing(record.terms.instrument).map(|listing| listing.category);
        let has_status = |asked| category.is_some_and(|category| reports::order_status(record, category) == asked);
        scope.has(record.terms.instrument, house)
            && is_named(params, record, house)
            && fits_filter(params, record)
            && status.is_none_or(has_status)
            && times.contains(&figures::millis(record.created))
    };
    let mut found: Vec<&OrderRecord> = house.closed_orders(client).filter(is_meant).collect();
    found.sort_by_key(|record| std::cmp::Reverse(record.no));
    page(params, scope.market, found.into_iter().map(|record| order_row(record, house)), params.limit(20, 50)?)
}

/// Executions, funding among them.
pub(super) fn executions(client: ClientId, params: &Params, house: &House) -> Result<String, Refusal> {
    let (scope, times) = (Scope::read(params, house)?, within(params)?);
    let kind = params.get("execType");
    let is_meant = |fill: &&FillRecord| {
        let order = fill.order.and_then(|no| house.order(client, crate::house::OrderRef::No(no)));
        let by_id = params.get("orderId").is_some() || params.get("orderLinkId").is_some();
        scope.has(fill.instrument, house)
            && times.contains(&figures::millis(fill.at))
            && kind.is_none_or(|kind| kind == reports::execution_type(fill.cause))
            && (!by_id || order.is_some_and(|record| is_named(params, record, house)))
    };
    let traded = house.fills(client).filter(is_meant).map(|fill| {
        let record = fill.order.and_then(|no| house.order(client, crate::house::OrderRef::No(no)));
        (fill.at, fill.no, reports::execution(fill, record, house).close())
    });
    let is_asked = params.get("orderId").is_none() && params.get("orderLinkId").is_none() && kind.is_none_or(|kind| kind == "Funding");
    let is_paid = |paid: &&FundingPayment| is_asked && scope.has(paid.instrument, house) && times.contains(&figures::millis(paid.ts_venue));
    let paid = house.fundings(client).filter(is_paid).map(|paid| (paid.ts_venue, 0, funding(paid, house).close()));
    let mut rows: Vec<_> = traded.chain(paid).collect();
    rows.sort_by_key(|(at, number, _)| (*at, *number));
    // Rows are numbered by their place, so that a page can be asked for by number.
    let numbered: Vec<(u64, String)> = (1..).zip(rows.into_iter().map(|(_, _, text)| text)).collect();
    page(params, scope.market, numbered.into_iter().rev(), params.limit(50, 100)?)
}

/// Funding, which the venue tells as an execution: what was paid is its fee.
pub(super) fn funding(paid: &FundingPayment, house: &House) -> Object {
    let Some(listing) = house.listing(paid.instrument) else { return Object::new() };
    Object::new()
        .text("category", market::name(listing.category))
        .text("symbol", listing.symbol())
        .text("execId", super::ids::uuid(paid.ts_venue.0.unsigned_abs() ^ (u64::from(paid.instrument.0) << 56)))
        .text("orderId", "")
        .text("orderLinkId", "")
        .text("side", if paid.amount.0 * i128::from(paid.rate.0) < 0 { "Buy" } else { "Sell" })
        .text("execPrice", figures::price(listing, paid.mark))
        .text("execQty", "0")
        .raw("isMaker", false)
        .text("execTime", figures::millis(paid.ts_venue))
        .text("execFee", figures::amount(paid.amount.negated()))
        .text("feeCurrency", &listing.quote)
        .text("feeRate", figures::rate(paid.rate))
        .text("execValue", "0")
        .text("execType", "Funding")
        .text("orderPrice", "0")
        .text("orderQty", "0")
        .text("leavesQty", "0")
        .text("orderType", "UNKNOWN")
        .text("stopOrderType", "UNKNOWN")
        .raw("seq", house.update(paid.instrument))
}

/// Positions: of a symbol, flat ones too; of a settlement coin, those that are not.
pub(super) fn positions(client: ClientId, params: &Params, house: &House, ledger: &Ledger) -> Result<String, Refusal> {
    let scope = Scope::read(params, house)?.narrowed()?;
    let Some(account) = house.client(client).map(|client| client.derivatives) else { return Err(Refusal::params("no account")) };
    let legs: &[Leg] = match house.position_mode(account) {
        PositionMode::OneWay => &[Leg::Net],
        PositionMode::Hedge => &[Leg::Long, Leg::Short],
    };
    let mut rows = Vec::new();
    for listing in house.listings().iter().filter(|listing| listing.category == Category::Linear && scope.holds(listing)) {
        for leg in legs {
            let mut position = house.position(account, listing.id(), *leg);
            if position.lots != 0 || scope.symbol.is_some() {
                position.liquidation_price = house.liquidation_price(account, listing.id(), *leg);
                let realised = ledger.realised(client, listing.id());
                rows.push(reports::position(&position, "avgPrice", realised, ledger.changed(client, listing.id()), house).close());
            }
        }
    }
    Ok(Object::new().text("category", scope.market.name()).raw("list", array(rows)).text("nextPageCursor", "").close())
}

/// Orders that closed something, with what that made.
pub(super) fn closed_profit(client: ClientId, params: &Params, house: &House) -> Result<String, Refusal> {
    let (scope, times) = (Scope::read(params, house)?, within(params)?);
    let is_meant = |record: &&OrderRecord| {
        let at = figures::millis(record.updated);
        record.realised.0 != 0 && scope.has(record.terms.instrument, house) && times.contains(&at)
    };
    let mut found: Vec<&OrderRecord> = house.orders(client).filter(is_meant).collect();
    found.sort_by_key(|record| std::cmp::Reverse(record.no));
    let rows = found.into_iter().filter_map(|record| Some((record.no.0, closing(record, house.listing(record.terms.instrument)?).close())));
    page(params, scope.market, rows, params.limit(50, 100)?)
}

fn closing(record: &OrderRecord, listing: &Listing) -> Object {
    let fee = record.fee.map_or(Amount::ZERO, |fee| fee.amount);
    // A sale closes what was bought for its value less what it made; a purchase the reverse.
    let made = if record.terms.side == Side::Sell { record.realised.0 } else { -record.realised.0 };
    let entry = Amount(record.filled_value.0 - made);
    Object::new()
        .text("symbol", listing.symbol())
        .text("orderId", market::ids(listing.category).write(record.no.0))
        .text("side", reports::side(record.terms.side))
        .text("qty", figures::qty(listing, record.terms.qty))
        .text("orderPrice", figures::maybe_price(listing, record.price()))
        .text("orderType", if record.price().is_some() { "Limit" } else { "Market" })
        .text("execType", "Trade")
        .text("closedSize", figures::qty(listing, record.filled))
        .text("cumEntryValue", figures::amount(entry))
        .text("avgEntryPrice", figures::average(listing, entry, record.filled))
        .text("cumExitValue", figures::amount(record.filled_value))
        .text("avgExitPrice", figures::average(listing, record.filled_value, record.filled))
        .text("closedPnl", figures::amount(Amount(record.realised.0 - fee.0)))
        .text("fillCount", "1")
        .text("leverage", "1")
        .text("createdTime", figures::millis(record.created))
        .text("updatedTime", figures::millis(record.updated))
}

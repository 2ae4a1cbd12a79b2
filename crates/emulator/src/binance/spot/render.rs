//! Spot orders and trades as the venue shows them.

use crate::binance::figures::{money, ms, price, price_or_nought, qty};
use crate::binance::json::{Object, Raw, fields, object};
use crate::binance::words;
use crate::house::{Category, FillRecord, House, Listing, OrderRecord, OrderStatus};
use tradewind_types::{Amount, Liquidity, OrderKind, Qty, Side};

/// How much an answer to a new order says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// That it came.
    Ack,
    /// What became of it.
    Result,
    /// And each of its fills.
    Full,
}

fn trigger_price(listing: &Listing, record: &OrderRecord) -> Option<String> {
    record.terms.kind.trigger().map(|trigger| price(listing, trigger.price))
}

fn display(record: &OrderRecord) -> Option<Qty> {
    match record.terms.kind {
        OrderKind::Iceberg { display, .. } => Some(display),
        _ => None,
    }
}

/// Terms and state: what answers and queries have in common.
fn standing(listing: &Listing, record: &OrderRecord) -> Object {
    fields! {
        "price": price_or_nought(listing, record.price()),
        "origQty": qty(listing, record.terms.qty),
        "executedQty": qty(listing, record.filled),
        "origQuoteOrderQty": money(record.quote_size.unwrap_or(Amount::ZERO)),
        "cummulativeQuoteQty": money(record.filled_value),
        "status": words::status(record),
        "timeInForce": words::time_in_force(Category::Spot, record.terms.time_in_force),
        "type": words::kind(Category::Spot, record),
        "side": words::side(record.terms.side),
    }
}

/// The answer to a new order.
#[must_use]
pub fn placed(house: &House, listing: &Listing, record: &OrderRecord, detail: Detail) -> Raw {
    let head = fields! {
        "symbol": listing.symbol(),
        "orderId": record.no.0,
        "orderListId": -1,
        "clientOrderId": &*record.client_order_id,
        "transactTime": ms(record.created),
    };
    if detail == Detail::Ack {
        return head.end();
    }
    let whole = head
        .followed_by(standing(listing, record))
        .with_some("stopPrice", trigger_price(listing, record))
        .with_some("icebergQty", display(record).map(|lots| qty(listing, lots)))
        .with("workingTime", if record.status == OrderStatus::Waiting { -1 } else { ms(record.created) });
    let fills =
        (detail == Detail::Full).then(|| house.fills_of(record).into_iter().map(|fill| fill_of(house, listing, fill)).collect::<Vec<_>>());
    whole.with_some("fills", fills).with("selfTradePreventionMode", words::self_trade(record.self_trade)).end()
}

fn fill_of(house: &House, listing: &Listing, fill: &FillRecord) -> Raw {
    object! {
        "price": price(listing, fill.price),
        "qty": qty(listing, fill.qty),
        "commission": money(fill.fee.amount),
        "commissionAsset": house.asset_symbol(fill.fee.asset),
        "tradeId": fill.trade,
    }
}

/// The answer to a query.
#[must_use]
pub fn queried(listing: &Listing, record: &OrderRecord) -> Raw {
    fields! {
        "symbol": listing.symbol(),
        "orderId": record.no.0,
        "orderListId": -1,
        "clientOrderId": &*record.client_order_id,
    }
    .followed_by(standing(listing, record))
    .with("stopPrice", trigger_price(listing, record).unwrap_or_else(|| price_or_nought(listing, None)))
    .with("icebergQty", qty(listing, display(record).unwrap_or_default()))
    .with("time", ms(record.created))
    .with("updateTime", ms(record.updated))
    .with("isWorking", record.status != OrderStatus::Waiting)
    .with("workingTime", if record.status == OrderStatus::Waiting { -1 } else { ms(record.triggered_at.unwrap_or(record.created)) })
    .with("selfTradePreventionMode", words::self_trade(record.self_trade))
    .end()
}

/// The answer to a cancel whose own id is `cancel_id`.
#[must_use]
pub fn cancelled(listing: &Listing, record: &OrderRecord, cancel_id: &str) -> Raw {
    fields! {
        "symbol": listing.symbol(),
        "origClientOrderId": &*record.client_order_id,
        "orderId": record.no.0,
        "orderListId": -1,
        "clientOrderId": cancel_id,
        "transactTime": ms(record.updated),
    }
    .followed_by(standing(listing, record))
    .with_some("stopPrice", trigger_price(listing, record))
    .with("selfTradePreventionMode", words::self_trade(record.self_trade))
    .end()
}

/// One of the account's trades.
#[must_use]
pub fn my_trade(house: &House, listing: &Listing, fill: &FillRecord) -> Raw {
    object! {
        "symbol": listing.symbol(),
        "id": fill.trade,
        "orderId": fill.order.map_or(0, |order| order.0),
        "orderListId": -1,
        "price": price(listing, fill.price),
        "qty": qty(listing, fill.qty),
        "quoteQty": money(fill.value),
        "commission": money(fill.fee.amount),
        "commissionAsset": house.asset_symbol(fill.fee.asset),
        "time": ms(fill.at),
        "isBuyer": fill.side == Side::Buy,
        "isMaker": fill.liquidity == Liquidity::Maker,
        "isBestMatch": true,
    }
}

/// What happened to an order, for the private stream.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// `NEW`, `TRADE`, `CANCELED`, ...
    pub execution: &'a str,
    /// The fill, where it is one.
    pub fill: Option<&'a FillRecord>,
    /// The id of the cancel, where one ended it.
    pub cancel_id: Option<&'a str>,
}

/// An `executionReport`.
#[must_use]
pub fn execution_report(house: &House, listing: &Listing, record: &OrderRecord, report: Report<'_>, at_ms: i64) -> Raw {
    let none = String::new();
    let (client_id, original_id) = match report.cancel_id {
        Some(cancel) => (cancel, &*record.client_order_id),
        None => (&*record.client_order_id, none.as_str()),
    };
    let fill = report.fill;
    let on_book = record.status == OrderStatus::Open && record.price().is_some();
    fields! {
        "e": "executionReport",
        "E": at_ms,
        "s": listing.symbol(),
        "c": client_id,
        "S": words::side(record.terms.side),
        "o": words::kind(Category::Spot, record),
        "f": words::time_in_force(Category::Spot, record.terms.time_in_force),
        "q": qty(listing, record.terms.qty),
        "p": price_or_nought(listing, record.price()),
        "P": trigger_price(listing, record).unwrap_or_else(|| price_or_nought(listing, None)),
        "F": qty(listing, display(record).unwrap_or_default()),
        "g": -1,
        "C": original_id,
        "x": report.execution,
        "X": words::status(record),
        "r": "NONE",
        "i": record.no.0,
        "l": qty(listing, fill.map_or(Qty::ZERO, |fill| fill.qty)),
        "z": qty(listing, record.filled),
        "L": price_or_nought(listing, fill.map(|fill| fill.price)),
        "n": fill.map_or_else(|| "0".to_owned(), |fill| money(fill.fee.amount)),
        "N": fill.map(|fill| house.asset_symbol(fill.fee.asset)),
        "T": at_ms,
        "t": fill.map_or(-1, |fill| i64::try_from(fill.trade).unwrap_or(i64::MAX)),
        "I": record.no.0 * 4 + record.last_fill.unwrap_or(0) % 4,
        "w": on_book,
        "m": fill.is_some_and(|fill| fill.liquidity == Liquidity::Maker),
        "M": false,
        "O": ms(record.created),
        "Z": money(record.filled_value),
        "Y": money(fill.map_or(Amount::ZERO, |fill| fill.value)),
        "Q": money(record.quote_size.unwrap_or(Amount::ZERO)),
    }
    .with("W", ms(record.triggered_at.unwrap_or(record.created)))
    .with("V", words::self_trade(record.self_trade))
    .end()
}

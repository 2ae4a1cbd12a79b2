//! Futures orders, trades and positions as the venue shows them.

use crate::binance::figures::{average, lots, money, ms, price, price_or_nought, qty};
use crate::binance::json::{Object, Raw, fields, object};
use crate::binance::words;
use crate::house::{Category, Ended, FillRecord, House, Leg, Listing, OrderRecord, OrderStatus, Position};
use tradewind_types::{Amount, Exposure, Liquidity, OrderTerms, Qty, Side, TimeInForce, TriggerSource};

/// The leg an order works on.
#[must_use]
pub const fn position_side(exposure: Exposure) -> &'static str {
    match exposure {
        Exposure::Any | Exposure::ReduceOnly => "BOTH",
        Exposure::LongLeg => "LONG",
        Exposure::ShortLeg => "SHORT",
    }
}

/// The name of a leg.
#[must_use]
pub const fn leg(leg: Leg) -> &'static str {
    match leg {
        Leg::Net => "BOTH",
        Leg::Long => "LONG",
        Leg::Short => "SHORT",
    }
}

/// Whether an order can only make a position smaller.
#[must_use]
pub const fn reduces(terms: &OrderTerms) -> bool {
    matches!((terms.exposure, terms.side), (Exposure::ReduceOnly, _) | (Exposure::LongLeg, Side::Sell) | (Exposure::ShortLeg, Side::Buy))
}

/// Which price a trigger watches.
#[must_use]
pub const fn working_type(terms: &OrderTerms) -> &'static str {
    match terms.kind.trigger() {
        Some(trigger) if matches!(trigger.source, TriggerSource::Mark) => "MARK_PRICE",
        _ => "CONTRACT_PRICE",
    }
}

const fn good_till(terms: &OrderTerms) -> i64 {
    match terms.time_in_force {
        TimeInForce::GoodTillTime { until } => ms(until),
        _ => 0,
    }
}

/// An order, as an answer to whatever was asked of it.
#[must_use]
pub fn order(listing: &Listing, record: &OrderRecord) -> Raw {
    let terms = &record.terms;
    fields! {
        "orderId": record.no.0,
        "symbol": listing.symbol(),
        "status": words::status(record),
        "clientOrderId": &*record.client_order_id,
        "price": price_or_nought(listing, record.price()),
        "avgPrice": average(listing, record.filled_value, record.filled),
        "origQty": qty(listing, terms.qty),
        "executedQty": qty(listing, record.filled),
        "cumQty": qty(listing, record.filled),
        "cumQuote": money(record.filled_value),
        "timeInForce": words::time_in_force(Category::Linear, terms.time_in_force),
        "type": words::working_kind(Category::Linear, record),
        "reduceOnly": reduces(terms),
        "closePosition": false,
        "side": words::side(terms.side),
        "positionSide": position_side(terms.exposure),
        "stopPrice": price_or_nought(listing, terms.kind.trigger().map(|trigger| trigger.price)),
        "workingType": working_type(terms),
        "priceProtect": false,
        "origType": words::kind(Category::Linear, record),
    }
    .with("priceMatch", "NONE")
    .with("selfTradePreventionMode", words::self_trade(record.self_trade))
    .with("goodTillDate", good_till(terms))
    .with("time", ms(record.created))
    .with("updateTime", ms(record.updated))
    .end()
}

/// Where a conditional order is in its life.
#[must_use]
pub const fn algo_status(record: &OrderRecord) -> &'static str {
    match (record.triggered_at.is_some(), record.status, record.ended) {
        (false, OrderStatus::Waiting | OrderStatus::Open, _) => "NEW",
        (false, OrderStatus::Cancelled, Some(Ended::ByClient)) => "CANCELED",
        (false, OrderStatus::Rejected, _) => "REJECTED",
        (false, _, _) => "EXPIRED",
        (true, OrderStatus::Waiting | OrderStatus::Open, _) => "TRIGGERED",
        (true, _, _) => "FINISHED",
    }
}

/// A conditional order, as an answer to whatever was asked of it.
#[must_use]
pub fn algo_order(listing: &Listing, record: &OrderRecord) -> Raw {
    let terms = &record.terms;
    let triggered = record.triggered_at;
    fields! {
        "algoId": record.no.0,
        "clientAlgoId": &*record.client_order_id,
        "algoType": "CONDITIONAL",
        "orderType": words::kind(Category::Linear, record),
        "symbol": listing.symbol(),
        "side": words::side(terms.side),
        "positionSide": position_side(terms.exposure),
        "timeInForce": words::time_in_force(Category::Linear, terms.time_in_force),
        "quantity": qty(listing, terms.qty),
        "algoStatus": algo_status(record),
        "actualOrderId": triggered.map_or_else(String::new, |_| record.no.0.to_string()),
        "actualPrice": average(listing, record.filled_value, record.filled),
        "triggerPrice": price_or_nought(listing, terms.kind.trigger().map(|trigger| trigger.price)),
        "price": price_or_nought(listing, record.price()),
        "icebergQuantity": None::<String>,
        "selfTradePreventionMode": words::self_trade(record.self_trade),
        "workingType": working_type(terms),
        "priceMatch": "NONE",
        "closePosition": false,
        "priceProtect": false,
        "reduceOnly": reduces(terms),
    }
    .with("createTime", ms(record.created))
    .with("updateTime", ms(record.updated))
    .with("triggerTime", triggered.map_or(0, ms))
    .with("goodTillDate", good_till(terms))
    .end()
}

/// One of the account's trades.
#[must_use]
pub fn user_trade(house: &House, listing: &Listing, fill: &FillRecord) -> Raw {
    object! {
        "symbol": listing.symbol(),
        "id": fill.trade,
        "orderId": fill.order.map_or(0, |order| order.0),
        "side": words::side(fill.side),
        "price": price(listing, fill.price),
        "qty": qty(listing, fill.qty),
        "realizedPnl": money(fill.realised),
        "quoteQty": money(fill.value),
        "commission": money(fill.fee.amount),
        "commissionAsset": house.asset_symbol(fill.fee.asset),
        "time": ms(fill.at),
        "positionSide": position_side(fill.exposure),
        "buyer": fill.side == Side::Buy,
        "maker": fill.liquidity == Liquidity::Maker,
        "marginAsset": &listing.quote,
    }
}

/// An `ORDER_TRADE_UPDATE`.
#[must_use]
pub fn order_update(house: &House, listing: &Listing, record: &OrderRecord, execution: &str, fill: Option<&FillRecord>, at_ms: i64) -> Raw {
    let body = order_update_body(house, listing, record, execution, fill, at_ms);
    object! { "e": "ORDER_TRADE_UPDATE", "T": at_ms, "E": at_ms, "o": body.end() }
}

fn order_update_body(
    house: &House,
    listing: &Listing,
    record: &OrderRecord,
    execution: &str,
    fill: Option<&FillRecord>,
    at_ms: i64,
) -> Object {
    let terms = &record.terms;
    let head = fields! {
        "s": listing.symbol(),
        "c": &*record.client_order_id,
        "S": words::side(terms.side),
        "o": words::working_kind(Category::Linear, record),
        "f": words::time_in_force(Category::Linear, terms.time_in_force),
        "q": qty(listing, terms.qty),
        "p": price_or_nought(listing, record.price()),
        "ap": average(listing, record.filled_value, record.filled),
        "sp": price_or_nought(listing, terms.kind.trigger().map(|trigger| trigger.price)),
        "x": execution,
        "X": words::status(record),
        "i": record.no.0,
        "l": qty(listing, fill.map_or(Qty::ZERO, |fill| fill.qty)),
        "z": qty(listing, record.filled),
        "L": price_or_nought(listing, fill.map(|fill| fill.price)),
    };
    let paid = fill.map(|fill| (money(fill.fee.amount), house.asset_symbol(fill.fee.asset)));
    head.with_some("n", paid.as_ref().map(|(amount, _)| amount))
        .with_some("N", paid.as_ref().map(|(_, asset)| *asset))
        .with("T", at_ms)
        .with("t", fill.map_or(0, |fill| fill.trade))
        .with("b", "0")
        .with("a", "0")
        .with("m", fill.is_some_and(|fill| fill.liquidity == Liquidity::Maker))
        .with("R", reduces(terms))
        .with("wt", working_type(terms))
        .with("ot", words::kind(Category::Linear, record))
        .with("ps", position_side(terms.exposure))
        .with("cp", false)
        .with("rp", fill.map_or_else(|| "0".to_owned(), |fill| money(fill.realised)))
        .with("pP", false)
        .with("si", 0)
        .with("ss", 0)
        .with("V", words::self_trade(record.self_trade))
        .with("pm", "NONE")
        .with("gtd", good_till(terms))
}

/// A `TRADE_LITE`: a fill in few words, ahead of the order's own event.
#[must_use]
pub fn trade_lite(listing: &Listing, record: &OrderRecord, fill: &FillRecord, at_ms: i64) -> Raw {
    object! {
        "e": "TRADE_LITE",
        "E": at_ms,
        "T": at_ms,
        "s": listing.symbol(),
        "q": qty(listing, record.terms.qty),
        "p": price_or_nought(listing, record.price()),
        "m": fill.liquidity == Liquidity::Maker,
        "c": &*record.client_order_id,
        "S": words::side(record.terms.side),
        "L": price(listing, fill.price),
        "l": qty(listing, fill.qty),
        "t": fill.trade,
        "i": record.no.0,
    }
}

/// An `ALGO_UPDATE`.
#[must_use]
pub fn algo_update(listing: &Listing, record: &OrderRecord, at_ms: i64) -> Raw {
    let terms = &record.terms;
    let body = fields! {
        "caid": &*record.client_order_id,
        "aid": record.no.0,
        "at": "CONDITIONAL",
        "o": words::kind(Category::Linear, record),
        "s": listing.symbol(),
        "S": words::side(terms.side),
        "ps": position_side(terms.exposure),
        "f": words::time_in_force(Category::Linear, terms.time_in_force),
        "q": qty(listing, terms.qty),
        "X": algo_status(record),
        "ai": record.triggered_at.map_or_else(String::new, |_| record.no.0.to_string()),
        "ap": average(listing, record.filled_value, record.filled),
        "aq": qty(listing, record.filled),
        "act": if record.triggered_at.is_some() { words::working_kind(Category::Linear, record) } else { "" },
        "tp": price_or_nought(listing, terms.kind.trigger().map(|trigger| trigger.price)),
        "p": price_or_nought(listing, record.price()),
        "V": words::self_trade(record.self_trade),
        "wt": working_type(terms),
        "pm": "NONE",
        "cp": false,
        "pP": false,
        "R": reduces(terms),
        "tt": record.triggered_at.map_or(0, ms),
        "gtd": good_till(terms),
    };
    object! { "e": "ALGO_UPDATE", "T": at_ms, "E": at_ms, "o": body.with("rm", "").end() }
}

/// The mean price at which a position was opened.
#[must_use]
pub fn entry_price(listing: &Listing, held: &Position) -> String {
    let value = Amount(held.entry_value.0.abs());
    average(listing, value, Qty(held.lots.abs()))
}

/// A position's size with its sign.
#[must_use]
pub fn position_amount(listing: &Listing, held: &Position) -> String {
    lots(listing, held.lots)
}

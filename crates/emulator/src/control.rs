//! The emulator's own endpoints beside a venue's: faults on request, and the truth to audit against.
//!
//! `GET` and `POST /emulator/faults`; `GET /emulator/state?key=K` (or `?account=N`; the first where neither is said): what the
//! house itself has of an account, exact, whatever its client was told.

use crate::faults::FaultSettings;
use crate::front::{HttpIn, HttpOut};
use crate::house::{Client, ClientId, FillRecord, House, Listing, OrderRecord};
use serde_json::{Value, json};
use tradewind_types::{AccountId, Side};

/// Where these endpoints are.
pub(crate) const PREFIX: &str = "/emulator/";

/// Answers a request about faults; the new settings where it brings some.
pub(crate) fn faults(request: &HttpIn<'_>, settings: &FaultSettings) -> (HttpOut, Option<FaultSettings>) {
    match request.method {
        "GET" => (HttpOut::json(200, json!(settings).to_string()), None),
        "POST" => match serde_json::from_slice::<FaultSettings>(request.body) {
            Ok(settings) => (HttpOut::json(200, json!(settings).to_string()), Some(settings)),
            Err(error) => (HttpOut::json(400, json!({"error": format!("{error}; GET shows every setting there is")}).to_string()), None),
        },
        _ => (HttpOut::json(405, "{}"), None),
    }
}

/// Answers a request for the truth about an account.
pub(crate) fn state(request: &HttpIn<'_>, house: &House) -> HttpOut {
    let asked = |name: &str| request.query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let client = match (asked("key"), asked("account")) {
        (Some(key), _) => house.client_by_key(key),
        (None, Some(number)) => number.parse().ok().and_then(|number| house.client(ClientId(number))),
        (None, None) => house.client(ClientId(0)),
    };
    client.map_or_else(HttpOut::not_found, |client| HttpOut::json(200, account(house, client).to_string()))
}

fn account(house: &House, client: &Client) -> Value {
    json!({
        "venue": house.name(),
        "account": client.id.0,
        "time_ns": house.now().0,
        "fault": house.fault().map(ToString::to_string),
        "spot": wallet(house, client.spot),
        "derivatives": wallet(house, client.derivatives),
        "open_orders": house.open_orders(client.id).map(|record| order(house, record)).collect::<Vec<_>>(),
        "closed_orders": house.closed_orders(client.id).map(|record| order(house, record)).collect::<Vec<_>>(),
        "fills": house.fills(client.id).map(|made| fill(house, made)).collect::<Vec<_>>(),
    })
}

fn wallet(house: &House, account: AccountId) -> Value {
    let held = house.balances(account).into_iter().filter(|(_, balance)| balance.wallet.0 != 0 || balance.free.0 != 0);
    let balances: serde_json::Map<String, Value> = held
        .map(|(asset, balance)| {
            let text = |amount| house.amount_text(amount, 0);
            let figures = json!({
                "wallet": text(balance.wallet),
                "free": text(balance.free),
                "in_orders": text(balance.in_orders),
                "unrealised": text(balance.unrealised),
            });
            (house.asset_symbol(asset).to_owned(), figures)
        })
        .collect();
    let position = |position: &crate::house::Position| {
        let listing = house.listing(position.instrument)?;
        let qty = tradewind_types::Qty(position.lots.abs());
        let value = tradewind_types::Amount(position.entry_value.0.abs());
        Some(json!({
            "symbol": listing.symbol(),
            "leg": format!("{:?}", position.leg),
            "side": if position.lots > 0 { "long" } else { "short" },
            "qty": listing.qty_text(qty),
            "entry_price": listing.average_price_text(value, qty, 12),
            "unrealised": house.amount_text(position.unrealised, 0),
            "leverage": position.leverage,
        }))
    };
    json!({"balances": balances, "positions": house.positions(account).iter().filter_map(position).collect::<Vec<_>>()})
}

const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

fn order(house: &House, record: &OrderRecord) -> Option<Value> {
    let listing = house.listing(record.terms.instrument)?;
    Some(json!({
        "order": record.no.0,
        "client_order_id": &*record.client_order_id,
        "market": market(listing),
        "symbol": listing.symbol(),
        "side": side(record.terms.side),
        "kind": format!("{:?}", record.terms.kind),
        "price": record.price().map(|price| listing.price_text(price)),
        "qty": listing.qty_text(record.terms.qty),
        "filled": listing.qty_text(record.filled),
        "value": house.amount_text(record.filled_value, 0),
        "status": format!("{:?}", record.status),
        "ended": record.ended.map(|ended| format!("{ended:?}")),
        "created_ns": record.created.0,
        "updated_ns": record.updated.0,
    }))
}

fn fill(house: &House, fill: &FillRecord) -> Option<Value> {
    let listing = house.listing(fill.instrument)?;
    Some(json!({
        "fill": fill.no,
        "order": fill.order.map(|no| no.0),
        "client_order_id": &*fill.client_order_id,
        "market": market(listing),
        "symbol": listing.symbol(),
        "trade": fill.trade.to_string(),
        "side": side(fill.side),
        "price": listing.price_text(fill.price),
        "qty": listing.qty_text(fill.qty),
        "value": house.amount_text(fill.value, 0),
        "fee": house.amount_text(fill.fee.amount, 0),
        "fee_asset": house.asset_symbol(fill.fee.asset),
        "realised": house.amount_text(fill.realised, 0),
        "liquidity": format!("{:?}", fill.liquidity),
        "cause": format!("{:?}", fill.cause),
        "time_ns": fill.at.0,
    }))
}

fn market(listing: &Listing) -> &'static str {
    match listing.category {
        crate::house::Category::Spot => "spot",
        crate::house::Category::Linear => "linear",
    }
}

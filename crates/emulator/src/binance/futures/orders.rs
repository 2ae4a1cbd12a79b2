//! Orders on the futures market: placed, modified, cancelled, one by one and in batches, and the countdown that cancels them all.

use super::info::PRICE_BAND_PER_MILLE;
use super::render;
use crate::binance::desk::{Ask, order_ref};
use crate::binance::figures::price as price_text;
use crate::binance::json::{Raw, object, rows};
use crate::binance::orders::{limit_price, order_id_or_made, read_qty};
use crate::binance::params::Params;
use crate::binance::records::is_order;
use crate::binance::refusal::{Refusal, done};
use crate::binance::words;
use crate::house::{Listing, OrderNo, OrderRecord, OrderRef, OrderStatus, PlaceOrder, Size};
use serde_json::value::RawValue;
use tradewind_types::{Amount, Exposure, Nanos, OrderKind, Price, Qty, Side, TimeInForce, Timestamp};

const WAITING_KINDS: [&str; 5] = ["STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"];
const BATCH: usize = 5;
const CANCEL_BATCH: usize = 10;

/// A new order.
///
/// # Errors
/// -1100..-1130, -2019, -2022, -4003..-4164, -5021, -5022; -4120 for one that waits for a trigger.
pub fn place(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let id = order_id_or_made(ask, "newClientOrderId")?;
    let order = read(ask, &id)?;
    let acknowledges = match ask.params.get("newOrderRespType") {
        None | Some("ACK") => true,
        Some("RESULT") => false,
        Some(_) => return Err(Refusal::not_valid("newOrderRespType")),
    };
    let (client, instrument) = (order.client, order.instrument);
    let placed = ask.house.place(ask.now, &order);
    let listing = ask.house.listing(instrument).ok_or_else(Refusal::bad_symbol)?;
    let no = placed.map_err(|rejection| words::refused(listing, rejection))?;
    let record = ask.house.order(client, OrderRef::No(no)).ok_or_else(Refusal::no_such_order)?;
    Ok(if acknowledges { render::order(listing, &as_it_came(record)) } else { render::order(listing, record) })
}

/// The order before anything became of it: all that an acknowledgement says, even of one that is filled by now.
fn as_it_came(record: &OrderRecord) -> OrderRecord {
    OrderRecord { status: OrderStatus::Open, ended: None, filled: Qty::ZERO, filled_value: Amount::ZERO, ..record.clone() }
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

fn read<'a>(ask: &Ask<'_>, id: &'a str) -> Result<PlaceOrder<'a>, Refusal> {
    let (listing, params) = (ask.listing()?, ask.params);
    let side = words::read_side(params.required("side")?)?;
    let kind = match params.required("type")? {
        "LIMIT" => OrderKind::Limit { price: near(ask, listing, side)? },
        "MARKET" => OrderKind::Market,
        named if WAITING_KINDS.contains(&named) => {
            let words = "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.";
            return Err(Refusal::new(-4120, words));
        }
        _ => return Err(Refusal::new(-1116, "Invalid orderType.")),
    };
    let time_in_force = time_in_force(params, kind != OrderKind::Market, ask.now)?;
    if kind == OrderKind::Market {
        for name in ["price", "timeInForce"] {
            if params.get(name).is_some() {
                return Err(Refusal::not_required(name));
            }
        }
    }
    Ok(PlaceOrder {
        client: ask.client()?,
        instrument: listing.id(),
        client_order_id: id,
        side,
        kind,
        time_in_force,
        size: Size::Lots(read_qty(listing, params, "quantity")?),
        exposure: exposure(params)?,
        self_trade: params.get("selfTradePreventionMode").map(words::read_self_trade).transpose()?,
        remark: 0,
    })
}

/// For how long an order is good.
///
/// # Errors
/// -1102 where an order with a price does not say; -1115; -5040 for a date too near.
pub fn time_in_force(params: &Params, is_limit: bool, now: Timestamp) -> Result<TimeInForce, Refusal> {
    match params.get("timeInForce") {
        None if is_limit => Err(Refusal::missing("timeInForce")),
        None | Some("GTC") => Ok(TimeInForce::GoodTillCancelled),
        Some("IOC") => Ok(TimeInForce::ImmediateOrCancel),
        Some("FOK") => Ok(TimeInForce::FillOrKill),
        Some("GTX") => Ok(TimeInForce::PostOnly),
        Some("GTD") => {
            let until = params.moment("goodTillDate")?.ok_or_else(|| Refusal::missing("goodTillDate"))?;
            let words =
                "The goodTillDate timestamp must be greater than the current time plus 600 seconds and smaller than 253402300799000";
            if until > now.plus(Nanos::from_secs(600)) { Ok(TimeInForce::GoodTillTime { until }) } else { Err(Refusal::new(-5040, words)) }
        }
        Some(_) => Err(Refusal::new(-1115, "Invalid timeInForce.")),
    }
}

/// What an order may do to the position.
///
/// # Errors
/// -1116 for an unknown leg; -1106 where a leg is named and the order is to reduce as well.
pub fn exposure(params: &Params) -> Result<Exposure, Refusal> {
    let reduces = params.flag("reduceOnly")?;
    match params.get("positionSide") {
        None | Some("BOTH") => Ok(if reduces { Exposure::ReduceOnly } else { Exposure::Any }),
        Some("LONG" | "SHORT") if params.get("reduceOnly").is_some() => Err(Refusal::not_required("reduceonly")),
        Some("LONG") => Ok(Exposure::LongLeg),
        Some("SHORT") => Ok(Exposure::ShortLeg),
        Some(_) => Err(Refusal::not_valid("positionSide")),
    }
}

/// The limit price, where it is not too far on the wrong side of the mark.
fn near(ask: &Ask<'_>, listing: &Listing, side: Side) -> Result<Price, Refusal> {
    let price = limit_price(listing, ask.params, "price")?;
    let Some(mark) = ask.house.tape(listing.id()).and_then(|tape| tape.mark().copied()) else { return Ok(price) };
    let bound = |per_mille: i64| Price(mark.mark.0.saturating_mul(per_mille) / 1_000);
    let (highest, lowest) = (bound(1_000 + PRICE_BAND_PER_MILLE), bound(1_000 - PRICE_BAND_PER_MILLE));
    match side {
        Side::Buy if price > highest => {
            Err(Refusal::new(-4016, format!("Limit price can't be higher than {}.", price_text(listing, highest))))
        }
        Side::Sell if price < lowest => {
            Err(Refusal::new(-4024, format!("Limit price can't be lower than {}.", price_text(listing, lowest))))
        }
        _ => Ok(price),
    }
}

/// The open order a request names.
fn open_order(ask: &Ask<'_>) -> Result<OrderNo, Refusal> {
    let instrument = ask.listing()?.id();
    let named = order_ref(ask.params, "orderId", "origClientOrderId")?;
    let is_meant = |r: &&OrderRecord| r.terms.instrument == instrument && r.is_open() && is_order(ask.category, r);
    let record = ask.house.order(ask.client()?, named).filter(is_meant);
    record.map(|record| record.no).ok_or_else(Refusal::unknown_order)
}

fn shown(ask: &Ask<'_>, no: OrderNo) -> Result<Raw, Refusal> {
    let record = ask.house.order(ask.client()?, OrderRef::No(no)).ok_or_else(Refusal::unknown_order)?;
    let listing = ask.house.listing(record.terms.instrument).ok_or_else(Refusal::bad_symbol)?;
    Ok(render::order(listing, record))
}

/// An order gets another price or quantity.
///
/// # Errors
/// -2013 where it is not open, -5027 where nothing would change, and as [`place`].
pub fn modify(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let listing = ask.listing()?;
    let side = words::read_side(ask.params.required("side")?)?;
    let (qty, price) = (read_qty(listing, ask.params, "quantity")?, near(ask, listing, side)?);
    let instrument = listing.id();
    let no = open_order(ask).map_err(|refusal| if refusal.code == -2011 { Refusal::no_such_order() } else { refusal })?;
    let client = ask.client()?;
    if ask.house.order(client, OrderRef::No(no)).is_some_and(|record| record.terms.side != side) {
        return Err(Refusal::new(-1117, "Invalid side."));
    }
    let amended = ask.house.amend(ask.now, client, OrderRef::No(no), Some(price), Some(qty));
    let listing = ask.house.listing(instrument).ok_or_else(Refusal::bad_symbol)?;
    amended.map_err(|rejection| words::refused(listing, rejection))?;
    shown(ask, no)
}

/// An order is taken back.
///
/// # Errors
/// -2011.
pub fn cancel(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let no = open_order(ask)?;
    let client = ask.client()?;
    ask.house.cancel(ask.now, client, OrderRef::No(no)).map_err(|_| Refusal::unknown_order())?;
    shown(ask, no)
}

/// Every open order on a listing is taken back; those that wait for a trigger stay.
///
/// # Errors
/// -1102, -1121.
pub fn cancel_all(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let (client, instrument) = (ask.client()?, ask.listing()?.id());
    let is_meant = |r: &&OrderRecord| r.terms.instrument == instrument && is_order(ask.category, r);
    let open: Vec<OrderNo> = ask.house.open_orders(client).filter(is_meant).map(|r| r.no).collect();
    for no in open {
        ask.house.cancel(ask.now, client, OrderRef::No(no)).map_err(|_| Refusal::unknown_order())?;
    }
    Ok(done("The operation of cancel all open order is done."))
}

fn batch(params: &Params) -> Result<Vec<Params>, Refusal> {
    let listed: Vec<Box<RawValue>> =
        serde_json::from_str(params.required("batchOrders")?).map_err(|_| Refusal::malformed("batchOrders", "[{},...]"))?;
    if listed.is_empty() || listed.len() > BATCH {
        return Err(Refusal::new(-4082, "Invalid number of batch place orders."));
    }
    listed.iter().map(|one| Params::of_json(one.get())).collect()
}

fn each(ask: &mut Ask<'_>, requests: &[Params], act: fn(&mut Ask<'_>) -> Result<Raw, Refusal>) -> Raw {
    let answers = requests.iter().map(|params| act(&mut ask.asking(params)).unwrap_or_else(|refusal| refusal.body()));
    rows(&answers.collect::<Vec<_>>())
}

/// Up to five new orders, each for itself.
///
/// # Errors
/// -4082 for more than five or none.
pub fn place_batch(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let requests = batch(ask.params)?;
    Ok(each(ask, &requests, place))
}

/// Up to five modified orders, each for itself.
///
/// # Errors
/// -4082 for more than five or none.
pub fn modify_batch(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let requests = batch(ask.params)?;
    Ok(each(ask, &requests, modify))
}

/// Up to ten orders are taken back, each for itself.
///
/// # Errors
/// -4083 for more than ten or none.
pub fn cancel_batch(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let symbol = ask.listing()?.symbol().to_owned();
    // The venue takes these two names in lower case as well; ccxt sends them so.
    let stated = |name: &str| ask.params.get(name).or_else(|| ask.params.get(&name.to_ascii_lowercase()));
    let (name, listed) = match (stated("orderIdList"), stated("origClientOrderIdList")) {
        (Some(listed), _) => ("orderId", listed),
        (None, Some(listed)) => ("origClientOrderId", listed),
        (None, None) => return Err(Refusal::missing("orderIdList")),
    };
    let ids: Vec<serde_json::Value> = serde_json::from_str(listed).map_err(|_| Refusal::malformed("orderIdList", "[1,2]"))?;
    if ids.is_empty() || ids.len() > CANCEL_BATCH {
        return Err(Refusal::new(-4083, "Invalid number of batch cancel orders."));
    }
    let text = |id: &serde_json::Value| id.as_str().map_or_else(|| id.to_string(), str::to_owned);
    let requests: Vec<Params> = ids.iter().map(|id| Params::default().with("symbol", &symbol).with(name, &text(id))).collect();
    Ok(each(ask, &requests, cancel))
}

/// Every order on a listing will be taken back after so many ms, unless this is sent again; 0 stops it.
///
/// # Errors
/// -1102, -1121.
pub fn countdown(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let (client, listing) = (ask.client()?, ask.listing()?);
    let (instrument, symbol) = (listing.id(), listing.symbol().to_owned());
    let after_ms = ask.params.integer("countdownTime")?.ok_or_else(|| Refusal::missing("countdownTime"))?;
    if after_ms < 0 {
        return Err(Refusal::not_valid("countdownTime"));
    }
    let at = (after_ms > 0).then(|| ask.now.plus(Nanos::from_millis(after_ms)));
    ask.desk.set_countdown(client, instrument, at);
    Ok(object! { "symbol": symbol, "countdownTime": after_ms.to_string() })
}

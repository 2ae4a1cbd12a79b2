//! Orders as clients enter, change and take them back, whether over REST or a socket.
//!
//! Source: Bybit v5 documentation, "Place order", "Amend order", "Cancel order", "Cancel all orders" (2026-07).

use super::answer::Refusal;
use super::figures;
use super::json::Object;
use super::market::{self, Market};
use super::params::Params;
use super::refusals::refusal;
use super::remark::Remark;
use crate::house::{Category, ClientId, House, Leg, Listing, OrderNo, OrderRef, PlaceOrder, Rejection, Size};
use tradewind_types::{
    Exposure, InstrumentId, OrderKind, PositionMode, Price, Qty, SelfTradePrevention, Side, TimeInForce, Timestamp, Trigger, TriggerSource,
};

/// An order that something was done to, by both its names.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// In which market.
    pub(super) category: Category,
    /// The house's number.
    pub(super) no: OrderNo,
    /// The client's own id; empty where there is none.
    pub(super) link: String,
}

impl Named {
    /// `orderId` and `orderLinkId`.
    pub(super) fn object(&self) -> Object {
        Object::new().text("orderId", market::ids(self.category).write(self.no.0)).text("orderLinkId", &self.link)
    }
}

/// Enters an order.
pub(super) fn create(now: Timestamp, client: ClientId, params: &Params, house: &mut House) -> Result<Named, Refusal> {
    let listing = market::traded(params, house)?;
    let category = listing.category;
    let link = link(params)?.to_owned();
    let order = draft(client, params, &link, listing, house)?;
    let kind = order.kind;
    let side = order.side;
    let no = house.place(now, &order).map_err(|reason| match (reason, category) {
        (Rejection::WouldTriggerAtOnce, Category::Linear) => already_triggered(side, kind),
        (reason, category) => refusal(category, reason),
    })?;
    Ok(Named { category, no, link })
}

fn already_triggered(side: Side, kind: OrderKind) -> Refusal {
    let is_stop = matches!(kind, OrderKind::Stop { .. } | OrderKind::StopLimit { .. });
    if is_stop == (side == Side::Buy) {
        Refusal::new(110_092, "expect Rising, but trigger_price <= current")
    } else {
        Refusal::new(110_093, "expect Falling, but trigger_price >= current")
    }
}

fn draft<'a>(client: ClientId, params: &Params, link: &'a str, listing: &Listing, house: &House) -> Result<PlaceOrder<'a>, Refusal> {
    let side = match params.need("side")? {
        "Buy" => Side::Buy,
        "Sell" => Side::Sell,
        _ => return Err(Refusal::params("params error: Side invalid")),
    };
    let price = match params.need("orderType")? {
        "Limit" => Some(read_price(listing, params.need("price")?)?),
        "Market" => None,
        _ => return Err(Refusal::params("params error: OrderType invalid")),
    };
    let exposure = exposure(params, listing, house, client)?;
    let remark = Remark::read(params);
    Ok(PlaceOrder {
        client,
        instrument: listing.id(),
        client_order_id: link,
        side,
        kind: kind(params, listing, house, side, price)?,
        time_in_force: time_in_force(params, price.is_none())?,
        size: size(params, listing, house, (client, side, exposure), remark)?,
        exposure,
        self_trade: self_trade(params)?,
        remark: remark.bits(),
    })
}

fn link(params: &Params) -> Result<&str, Refusal> {
    let link = params.get("orderLinkId").unwrap_or_default();
    let is_good = link.len() <= 36 && link.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if is_good { Ok(link) } else { Err(Refusal::params("params error: OrderLinkId invalid")) }
}

fn read_price(listing: &Listing, text: &str) -> Result<Price, Refusal> {
    listing.price(text).map_err(|reason| match reason {
        Rejection::Malformed => Refusal::params("params error: price invalid"),
        reason => refusal(listing.category, reason),
    })
}

fn read_qty(listing: &Listing, text: &str) -> Result<Qty, Refusal> {
    listing.qty(text).map_err(|reason| match reason {
        Rejection::Malformed => Refusal::params("params error: Qty invalid"),
        reason => refusal(listing.category, reason),
    })
}

fn exposure(params: &Params, listing: &Listing, house: &House, client: ClientId) -> Result<Exposure, Refusal> {
    if listing.category == Category::Spot {
        return Ok(Exposure::Any);
    }
    let account = house.client(client).map(|client| client.derivatives);
    let is_hedged = account.is_some_and(|account| house.position_mode(account) == PositionMode::Hedge);
    match (params.parse::<u8>("positionIdx")?.unwrap_or(0), is_hedged) {
        (0, false) if params.flag("reduceOnly") || params.flag("closeOnTrigger") => Ok(Exposure::ReduceOnly),
        (0, false) => Ok(Exposure::Any),
        (1, true) => Ok(Exposure::LongLeg),
        (2, true) => Ok(Exposure::ShortLeg),
        _ => Err(refusal(listing.category, Rejection::PositionMode)),
    }
}

fn kind(params: &Params, listing: &Listing, house: &House, side: Side, price: Option<Price>) -> Result<OrderKind, Refusal> {
    let Some(text) = params.get("triggerPrice").filter(|text| *text != "0") else {
        return Ok(price.map_or(OrderKind::Market, |price| OrderKind::Limit { price }));
    };
    let at = read_price(listing, text)?;
    let source = match params.get("triggerBy") {
        None | Some("LastPrice") => TriggerSource::Last,
        Some("MarkPrice") => TriggerSource::Mark,
        Some("IndexPrice") => TriggerSource::Index,
        Some(_) => return Err(Refusal::params("params error: TriggerBy invalid")),
    };
    let is_rising = match (params.get("triggerDirection"), listing.category) {
        (Some("1"), _) => true,
        (Some("2"), _) => false,
        // Spot has no direction: the trigger is above the market or below it.
        (None, Category::Spot) => house.tape(listing.id()).and_then(|tape| tape.last_price()).is_some_and(|last| at >= last),
        _ => return Err(Refusal::params("params error: TriggerDirection invalid")),
    };
    let trigger = Trigger { price: at, source };
    Ok(match ((side == Side::Buy) == is_rising, price) {
        (true, None) => OrderKind::Stop { trigger },
        (true, Some(price)) => OrderKind::StopLimit { trigger, price },
        (false, None) => OrderKind::TakeProfit { trigger },
        (false, Some(price)) => OrderKind::TakeProfitLimit { trigger, price },
    })
}

fn time_in_force(params: &Params, is_market: bool) -> Result<TimeInForce, Refusal> {
    match (params.get("timeInForce"), is_market) {
        (Some("FOK"), _) => Ok(TimeInForce::FillOrKill),
        (Some("IOC"), _) | (None | Some("GTC"), true) => Ok(TimeInForce::ImmediateOrCancel),
        (None | Some("GTC"), false) => Ok(TimeInForce::GoodTillCancelled),
        (Some("PostOnly" | "RPI"), false) => Ok(TimeInForce::PostOnly),
        _ => Err(Refusal::params("params error: TimeInForce invalid")),
    }
}

fn size(
    params: &Params,
    listing: &Listing,
    house: &House,
    (client, side, exposure): (ClientId, Side, Exposure),
    remark: Remark,
) -> Result<Size, Refusal> {
    let text = params.need("qty")?;
    let is_spot_market = listing.category == Category::Spot && params.get("orderType") == Some("Market");
    if is_spot_market && remark.is_in_quote(side) {
        let amount = house.amount(text).map_err(|_| Refusal::params("params error: Qty invalid"))?;
        return Ok(Size::Quote(amount));
    }
    if exposure == Exposure::ReduceOnly && text == "0" {
        // All of the position, however much that is.
        let lots = house.client(client).map_or(0, |client| house.position(client.derivatives, listing.id(), Leg::Net).lots);
        return Ok(Size::Lots(Qty(lots.abs())));
    }
    read_qty(listing, text).map(Size::Lots)
}

fn self_trade(params: &Params) -> Result<Option<SelfTradePrevention>, Refusal> {
    match params.get("smpType") {
        None | Some("None") => Ok(None),
        Some("CancelMaker") => Ok(Some(SelfTradePrevention::CancelOldest)),
        Some("CancelTaker") => Ok(Some(SelfTradePrevention::CancelNewest)),
        Some("CancelBoth") => Ok(Some(SelfTradePrevention::CancelBoth)),
        Some(_) => Err(Refusal::params("params error: SmpType invalid")),
    }
}

/// The order that `orderId` or, without it, `orderLinkId` names on the instrument asked for.
fn named(client: ClientId, params: &Params, house: &House) -> Result<Named, Refusal> {
    let listing = market::traded(params, house)?;
    let category = listing.category;
    let record = match (params.get("orderId"), params.get("orderLinkId")) {
        (Some(id), _) => market::ids(category).read(id).and_then(|no| house.order(client, OrderRef::No(OrderNo(no)))),
        (None, Some(link)) => house.order(client, OrderRef::Client(link)),
        (None, None) => return Err(Refusal::params("params error: OrderId or orderLinkId is required")),
    };
    let record = record.filter(|record| record.terms.instrument == listing.id());
    let record = record.ok_or_else(|| refusal(category, Rejection::UnknownOrder))?;
    Ok(Named { category, no: record.no, link: record.client_order_id.to_string() })
}

/// Changes an order's price, quantity, or both.
pub(super) fn amend(now: Timestamp, client: ClientId, params: &Params, house: &mut House) -> Result<Named, Refusal> {
    let named = named(client, params, house)?;
    let listing = market::traded(params, house)?;
    let price = params.get("price").map(|text| read_price(listing, text)).transpose()?;
    let qty = params.get("qty").map(|text| read_qty(listing, text)).transpose()?;
    let trigger = params.get("triggerPrice").map(|text| read_price(listing, text)).transpose()?;
    let stands = house.order(client, OrderRef::No(named.no)).and_then(|record| record.terms.kind.trigger()).map(|trigger| trigger.price);
    if trigger.is_some_and(|asked| Some(asked) != stands) {
        return Err(Refusal::params("params error: triggerPrice cannot be changed; cancel the order and enter another"));
    }
    house.amend(now, client, OrderRef::No(named.no), price, qty).map_err(|reason| refusal(named.category, reason))?;
    Ok(named)
}

/// Takes an order back.
pub(super) fn cancel(now: Timestamp, client: ClientId, params: &Params, house: &mut House) -> Result<Named, Refusal> {
    let named = named(client, params, house)?;
    house.cancel(now, client, OrderRef::No(named.no)).map_err(|reason| refusal(named.category, reason))?;
    Ok(named)
}

/// Takes back all orders of a market, or of a symbol, a base or a settlement coin in it.
pub(super) fn cancel_all(now: Timestamp, client: ClientId, params: &Params, house: &mut House) -> Result<Vec<Named>, Refusal> {
    let market = Market::read(params)?;
    let Some(category) = market.listed() else { return Ok(Vec::new()) };
    let symbol = params.get("symbol").map(|_| market::traded(params, house).map(Listing::id)).transpose()?;
    let (base, settle) = (params.get("baseCoin"), params.get("settleCoin"));
    if category == Category::Linear && symbol.is_none() && base.is_none() && settle.is_none() {
        return Err(Refusal::params("params error: symbol, settleCoin or baseCoin is required"));
    }
    let filter = params.get("orderFilter");
    let is_meant = |instrument: InstrumentId, is_waiting: bool| {
        let listing = house.listing(instrument).filter(|listing| listing.category == category);
        let fits = |listing: &Listing| base.is_none_or(|coin| coin == listing.base) && settle.is_none_or(|coin| coin == listing.quote);
        let fits_filter = match filter {
            Some("Order") => !is_waiting,
            Some(_) => is_waiting,
            None => category == Category::Linear || !is_waiting,
        };
        symbol.is_none_or(|symbol| symbol == instrument) && listing.is_some_and(fits) && fits_filter
    };
    let open = house.open_orders(client).filter(|record| is_meant(record.terms.instrument, super::reports::is_waiting(record)));
    let meant: Vec<Named> = open.map(|record| Named { category, no: record.no, link: record.client_order_id.to_string() }).collect();
    Ok(meant.into_iter().filter(|order| house.cancel(now, client, OrderRef::No(order.no)).is_ok()).collect())
}

/// One item of a batch as it is answered.
pub(super) fn batch_item(now: Timestamp, item: &Params, outcome: &Result<Named, Refusal>) -> Object {
    let known = |key: &str| item.get(key).unwrap_or_default().to_owned();
    let head = Object::new().text("category", known("category")).text("symbol", known("symbol"));
    match outcome {
        Ok(named) => head.with(named.object()).text("createAt", figures::millis(now)),
        Err(_) => head.text("orderId", known("orderId")).text("orderLinkId", known("orderLinkId")).text("createAt", ""),
    }
}

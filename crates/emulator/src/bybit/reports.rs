//! Orders, executions, positions and wallets as the venue reports them, over REST and on the private stream alike.
//!
//! Source: Bybit v5 documentation, "Get open & closed orders", "Get trade history", "Get position info", "Get wallet balance" and
//! the private stream's topics of the same things (2026-07).

use super::figures;
use super::json::{Object, array};
use super::market;
use super::remark::Remark;
use crate::house::{Balance, Category, Ended, FillCause, FillRecord, House, Leg, Listing, OrderRecord, OrderStatus, Position, Rejection};
use tradewind_types::{AccountId, Amount, Exposure, Liquidity, OrderKind, Price, Rounding, Side, TimeInForce, Timestamp, TriggerSource};

const FILLS_FROM: u64 = 1 << 60;

/// Whether an order still waits for its trigger.
pub(super) fn is_waiting(record: &OrderRecord) -> bool {
    record.status == OrderStatus::Waiting
}

/// The venue's word for a side.
pub(super) const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "Buy",
        Side::Sell => "Sell",
    }
}

/// The venue's number of a position's leg.
pub(super) const fn position_index(leg: Leg) -> u8 {
    match leg {
        Leg::Net => 0,
        Leg::Long => 1,
        Leg::Short => 2,
    }
}

/// `orderStatus` of a record.
pub(super) fn order_status(record: &OrderRecord, category: Category) -> &'static str {
    let was_conditional = record.terms.kind.trigger().is_some() && record.triggered_at.is_none();
    match record.status {
        OrderStatus::Waiting => "Untriggered",
        OrderStatus::Open if record.filled.0 == 0 => "New",
        OrderStatus::Open => "PartiallyFilled",
        OrderStatus::Filled => "Filled",
        OrderStatus::Rejected => "Rejected",
        OrderStatus::Cancelled | OrderStatus::Expired | OrderStatus::SelfTradePrevented => match category {
            _ if was_conditional => "Deactivated",
            Category::Spot if record.filled.0 > 0 => "PartiallyFilledCanceled",
            Category::Spot | Category::Linear => "Cancelled",
        },
    }
}

/// `cancelType` and `rejectReason`.
fn endings(record: &OrderRecord) -> (&'static str, &'static str) {
    match record.ended {
        None => ("UNKNOWN", "EC_NoError"),
        Some(Ended::ByClient) => ("CancelByUser", "EC_PerCancelRequest"),
        Some(Ended::Unattended) => ("CancelByDCP", "EC_PerCancelRequest"),
        Some(Ended::ImmediateRest) => ("UNKNOWN", "EC_NoImmediateQtyToFill"),
        Some(Ended::TimeOver) => ("UNKNOWN", "EC_NoError"),
        Some(Ended::ByVenue) if record.terms.exposure == Exposure::ReduceOnly => ("CancelByReduceOnly", "EC_NoError"),
        Some(Ended::ByVenue) => ("CancelByPrepareLiq", "EC_NoError"),
        Some(Ended::SelfTrade) => ("CancelBySmp", "EC_NoError"),
        Some(Ended::Refused(Rejection::WouldTake)) => ("UNKNOWN", "EC_PostOnlyWillTakeLiquidity"),
        Some(Ended::Refused(Rejection::CannotFillCompletely)) => ("UNKNOWN", "EC_NoEnoughQtyToFill"),
        Some(Ended::Refused(Rejection::NoMarket)) => ("UNKNOWN", "EC_NoImmediateQtyToFill"),
        Some(Ended::Refused(_)) => ("UNKNOWN", "EC_Others"),
    }
}

fn time_in_force(record: &OrderRecord) -> &'static str {
    match record.terms.time_in_force {
        TimeInForce::GoodTillCancelled | TimeInForce::GoodTillTime { .. } => "GTC",
        TimeInForce::ImmediateOrCancel => "IOC",
        TimeInForce::FillOrKill => "FOK",
        TimeInForce::PostOnly if Remark::of(record.remark).is_rpi() => "RPI",
        TimeInForce::PostOnly => "PostOnly",
    }
}

/// `triggerBy` and `triggerDirection`.
fn trigger(record: &OrderRecord, category: Category) -> (&'static str, u8) {
    let Some(trigger) = record.terms.kind.trigger() else { return ("", 0) };
    let source = match trigger.source {
        TriggerSource::Last => "LastPrice",
        TriggerSource::Mark => "MarkPrice",
        TriggerSource::Index => "IndexPrice",
    };
    let is_stop = matches!(record.terms.kind, OrderKind::Stop { .. } | OrderKind::StopLimit { .. });
    match category {
        Category::Spot => ("", 0),
        Category::Linear => (source, if is_stop == (record.terms.side == Side::Buy) { 1 } else { 2 }),
    }
}

fn stop_order_type(record: &OrderRecord) -> &'static str {
    match record.terms.kind.trigger() {
        None => "",
        Some(_) if Remark::of(record.remark).is_tpsl() => "tpslOrder",
        Some(_) => "Stop",
    }
}

/// What is still to come of an order, and what it is worth at its price.
fn leaves(record: &OrderRecord, listing: &Listing) -> (String, String) {
    let left = record.left();
    let price = record.price().unwrap_or_default();
    let value = listing.instrument.value(price, left.0, Rounding::Truncate).unwrap_or_default();
    (figures::qty(listing, left), figures::amount(value))
}

fn order_qty(record: &OrderRecord, listing: &Listing) -> String {
    record.quote_size.map_or_else(|| figures::qty(listing, record.terms.qty), figures::amount)
}

/// Fees of an order: in which coin, how much; `None` before it paid any.
fn fee(record: &OrderRecord, house: &House) -> Option<(String, String)> {
    record.fee.map(|fee| (house.asset_symbol(fee.asset).to_owned(), figures::amount(fee.amount)))
}

/// An order.
pub(super) fn order(record: &OrderRecord, house: &House) -> Object {
    let category = house.listing(record.terms.instrument).map_or(Category::Linear, |listing| listing.category);
    order_as(record, order_status(record, category), house)
}

/// An order in a state that it passes through.
pub(super) fn order_as(record: &OrderRecord, status: &str, house: &House) -> Object {
    let Some(listing) = house.listing(record.terms.instrument) else { return Object::new() };
    let category = listing.category;
    let remark = Remark::of(record.remark);
    let (cancel_type, reject_reason) = endings(record);
    let (leaves_qty, leaves_value) = leaves(record, listing);
    let (trigger_by, direction) = trigger(record, category);
    let paid = fee(record, house);
    let leg = leg_of(record.terms.exposure);
    let detail = paid.as_ref().map_or_else(Object::new, |(coin, amount)| Object::new().text(coin, amount));
    Object::new()
        .text("category", market::name(category))
        .text("symbol", listing.symbol())
        .text("orderId", market::ids(category).write(record.no.0))
        .text("orderLinkId", &record.client_order_id)
        .text("blockTradeId", "")
        .text("side", side(record.terms.side))
        .raw("positionIdx", position_index(leg))
        .text("orderStatus", status)
        .text("cancelType", cancel_type)
        .text("rejectReason", reject_reason)
        .text("timeInForce", time_in_force(record))
        .text(
            "isLeverage",
            if category == Category::Linear {
                ""
            } else if remark.is_leveraged() {
                "1"
            } else {
                "0"
            },
        )
        .text("price", record.price().map_or_else(|| "0".to_owned(), |price| figures::price(listing, price)))
        .text("qty", order_qty(record, listing))
        .text("avgPrice", figures::average(listing, record.filled_value, record.filled))
        .text("leavesQty", leaves_qty)
        .text("leavesValue", leaves_value)
        .text("cumExecQty", figures::qty(listing, record.filled))
        .text("cumExecValue", figures::amount(record.filled_value))
        .text("cumExecFee", paid.as_ref().map_or("0", |(_, amount)| amount))
        .raw("cumFeeDetail", detail.close())
        .text("feeCurrency", paid.as_ref().map_or("", |(coin, _)| coin))
        .text("orderType", if record.price().is_some() { "Limit" } else { "Market" })
        .text("stopOrderType", stop_order_type(record))
        .text("orderIv", "")
        .text("marketUnit", remark.market_unit())
        .text("triggerPrice", figures::maybe_price(listing, record.terms.kind.trigger().map(|trigger| trigger.price)))
        .text("takeProfit", "")
        .text("stopLoss", "")
        .with(tpsl_mode(category))
        .text("tpTriggerBy", "")
        .text("slTriggerBy", "")
        .raw("triggerDirection", direction)
        .text("triggerBy", trigger_by)
        .text("lastPriceOnCreated", "")
        .raw("reduceOnly", record.terms.exposure == Exposure::ReduceOnly || remark.only_reduces())
        .raw("closeOnTrigger", remark.closes_on_trigger())
        .text("placeType", "")
        .text("smpType", "None")
        .raw("smpGroup", 0)
        .text("smpOrderId", "")
        .text("createType", "CreateByUser")
        .text("createdTime", figures::millis(record.created))
        .text("updatedTime", figures::millis(record.updated))
}

/// Contracts' orders have a mode of take-profit and stop-loss; spot orders have none, and clients tell the markets apart by it.
fn tpsl_mode(category: Category) -> Object {
    match category {
        Category::Spot => Object::new(),
        Category::Linear => Object::new().text("tpslMode", "").text("tpLimitPrice", "").text("slLimitPrice", ""),
    }
}

/// Which position an order works on.
pub(super) const fn leg_of(exposure: Exposure) -> Leg {
    match exposure {
        Exposure::Any | Exposure::ReduceOnly => Leg::Net,
        Exposure::LongLeg => Leg::Long,
        Exposure::ShortLeg => Leg::Short,
    }
}

/// The venue's id of a fill.
pub(super) fn execution_id(fill: &FillRecord, category: Category) -> String {
    // Fills, orders and public trades are numbered each on their own: this keeps their ids apart.
    market::ids(category).write(FILLS_FROM + fill.no)
}

/// An execution, whole. `record` is the order as it was after it, where it is known; fills of the past are told with the order as it
/// is now.
pub(super) fn execution(fill: &FillRecord, record: Option<&OrderRecord>, house: &House) -> Object {
    let Some(listing) = house.listing(fill.instrument) else { return Object::new() };
    let category = listing.category;
    let is_maker = fill.liquidity == Liquidity::Maker;
    let fee_rate = if is_maker { listing.maker_fee } else { listing.taker_fee };
    let mark = house.tape(fill.instrument).and_then(|tape| tape.mark()).map(|state| (state.mark, state.index)).unzip();
    let order_price = record.and_then(OrderRecord::price).map_or_else(|| "0".to_owned(), |price| figures::price(listing, price));
    execution_head(fill, category, listing)
        .text("execFee", figures::amount(fill.fee.amount))
        .text("feeCurrency", house.asset_symbol(fill.fee.asset))
        .text("feeRate", figures::rate(fee_rate))
        .text("execValue", figures::amount(fill.value))
        .text("execType", execution_type(fill.cause))
        .text("orderPrice", order_price)
        .text("orderQty", record.map_or_else(String::new, |record| order_qty(record, listing)))
        .text("leavesQty", record.map_or_else(String::new, |record| leaves(record, listing).0))
        .text("orderType", if record.is_some_and(|record| record.price().is_some()) { "Limit" } else { "Market" })
        .text("stopOrderType", record.map_or("", stop_order_type))
        .text("createType", if record.is_some() { "CreateByUser" } else { "CreateByLiq" })
        .text("markPrice", figures::maybe_price(listing, mark.0))
        .text("indexPrice", figures::maybe_price(listing, mark.1))
        .text("underlyingPrice", "")
        .text("tradeIv", "")
        .text("markIv", "")
        .text("blockTradeId", "")
        .text("closedSize", "")
        .text("execPnl", figures::amount(fill.realised))
        .text("isLeverage", "0")
}

/// An execution as the fast stream tells it: no fee, no value.
pub(super) fn execution_head(fill: &FillRecord, category: Category, listing: &Listing) -> Object {
    let order = fill.order.map_or_else(String::new, |no| market::ids(category).write(no.0));
    Object::new()
        .text("category", market::name(category))
        .text("symbol", listing.symbol())
        .text("execId", execution_id(fill, category))
        .text("orderId", order)
        .text("orderLinkId", &fill.client_order_id)
        .text("side", side(fill.side))
        .text("execPrice", figures::price(listing, fill.price))
        .text("execQty", figures::qty(listing, fill.qty))
        .raw("isMaker", fill.liquidity == Liquidity::Maker)
        .text("execTime", figures::millis(fill.at))
        .raw("seq", fill.no)
}

/// `execType` of a fill.
pub(super) const fn execution_type(cause: FillCause) -> &'static str {
    match cause {
        FillCause::Trade => "Trade",
        FillCause::Liquidation => "BustTrade",
        FillCause::Delivery => "Delivery",
    }
}

/// A position; `entry_key` is `avgPrice` over REST and `entryPrice` on the stream.
pub(super) fn position(position: &Position, entry_key: &str, realised: Amount, at: Timestamp, house: &House) -> Object {
    let Some(listing) = house.listing(position.instrument) else { return Object::new() };
    let size = tradewind_types::Qty(position.lots.abs());
    let entry = figures::average(listing, position.entry_value, size);
    let direction = match position.lots.signum() {
        1 => "Buy",
        -1 => "Sell",
        _ => "",
    };
    let tier = house.margin_tiers(position.instrument).last().map_or(0, |tier| tier.from.0);
    Object::new()
        .raw("positionIdx", position_index(position.leg))
        .raw("tradeMode", 0)
        .raw("riskId", 1)
        .text("riskLimitValue", figures::amount(Amount(tier)))
        .text("symbol", listing.symbol())
        .text("side", direction)
        .text("size", figures::qty(listing, size))
        .text(entry_key, if entry.is_empty() { "0" } else { &entry })
        .text("sessionAvgPrice", "")
        .text("leverage", position.leverage)
        .text("positionValue", figures::amount(Amount(position.entry_value.0.abs())))
        .text("positionBalance", figures::amount(position.initial_margin))
        .text("markPrice", figures::maybe_price(listing, position.mark))
        .text("positionIM", figures::amount(position.initial_margin))
        .text("positionMM", figures::amount(position.maintenance))
        .text("takeProfit", "")
        .text("stopLoss", "")
        .text("trailingStop", "0")
        .text("unrealisedPnl", figures::amount(position.unrealised))
        .text("curRealisedPnl", figures::amount(realised))
        .text("cumRealisedPnl", figures::amount(realised))
        .text("createdTime", figures::millis(at))
        .text("updatedTime", figures::millis(at))
        .text("tpslMode", "Full")
        .text("liqPrice", figures::maybe_price(listing, position.liquidation_price))
        .text("bustPrice", "")
        .text("category", market::name(listing.category))
        .text("positionStatus", "Normal")
        .raw("adlRankIndicator", u8::from(position.lots != 0) * 2)
        .raw("autoAddMargin", 0)
        .text("leverageSysUpdatedTime", "")
        .text("mmrSysUpdatedTime", "")
        .raw("seq", house.update(position.instrument))
        .raw("isReduceOnly", false)
}

/// What a coin is worth in dollars, by the venue's own spot price of it.
enum Worth<'a> {
    /// It is a dollar.
    Dollar,
    /// As last traded.
    At(&'a Listing, Price),
    /// Nobody has traded it.
    Nothing,
}

impl<'a> Worth<'a> {
    fn of(coin: &str, house: &'a House) -> Self {
        if matches!(coin, "USDT" | "USDC" | "USD") {
            return Worth::Dollar;
        }
        let listing = house.find_listing(Category::Spot, &format!("{coin}USDT"));
        let last = |listing: &Listing| house.tape(listing.id())?.last_price();
        listing.and_then(|listing| Some(Worth::At(listing, last(listing)?))).unwrap_or(Worth::Nothing)
    }

    fn in_dollars(&self, amount: Amount) -> Amount {
        match self {
            Worth::Dollar => amount,
            Worth::At(listing, last) => listing.instrument.value_of_base(*last, amount, Rounding::Truncate).unwrap_or_default(),
            Worth::Nothing => Amount::default(),
        }
    }
}

/// Margin that open orders in contracts tie up.
fn order_margin(balance: &Balance) -> Amount {
    let free = balance.wallet.0 + balance.unrealised.0 - balance.in_orders.0 - balance.position_margin.0;
    Amount((free - balance.free.0).max(0))
}

/// The unified wallet of an account.
pub(super) fn wallet(account: AccountId, coin: Option<&str>, house: &House) -> Object {
    let (mut coins, mut equity, mut held, mut open, mut initial, mut maintenance, mut free) = (Vec::new(), 0, 0, 0, 0, 0, 0);
    for (asset, balance) in house.balances(account) {
        let symbol = house.asset_symbol(asset);
        let whole = Amount(balance.wallet.0 + balance.unrealised.0);
        let worth = Worth::of(symbol, house);
        let dollars = |amount: Amount| worth.in_dollars(amount).0;
        let margin = order_margin(&balance);
        equity += dollars(whole);
        held += dollars(balance.wallet);
        open += dollars(balance.unrealised);
        initial += dollars(Amount(balance.position_margin.0 + margin.0));
        maintenance += dollars(balance.maintenance);
        free += dollars(balance.free);
        let is_asked = coin.is_none_or(|asked| asked.split(',').any(|one| one == symbol));
        if is_asked && (whole.0 != 0 || coin.is_some()) {
            coins.push(coin_object(symbol, &balance, margin, Amount(dollars(whole))).close());
        }
    }
    let money = |units: i128| figures::amount(Amount(units));
    Object::new()
        .text("accountType", "UNIFIED")
        .text("accountIMRate", figures::share(initial, equity))
        .text("accountMMRate", figures::share(maintenance, equity))
        .text("accountLTV", "0")
        .text("totalEquity", money(equity))
        .text("totalWalletBalance", money(held))
        .text("totalMarginBalance", money(equity))
        .text("totalAvailableBalance", money(free))
        .text("totalPerpUPL", money(open))
        .text("totalInitialMargin", money(initial))
        .text("totalMaintenanceMargin", money(maintenance))
        .raw("coin", array(coins))
}

fn coin_object(symbol: &str, balance: &Balance, order_margin: Amount, dollars: Amount) -> Object {
    Object::new()
        .text("coin", symbol)
        .text("equity", figures::amount(Amount(balance.wallet.0 + balance.unrealised.0)))
        .text("usdValue", figures::amount(dollars))
        .text("walletBalance", figures::amount(balance.wallet))
        .text("locked", figures::amount(balance.in_orders))
        .text("availableToWithdraw", "")
        .text("availableToBorrow", "")
        .text("borrowAmount", "0")
        .text("spotBorrow", "0")
        .text("accruedInterest", "0")
        .text("totalOrderIM", figures::amount(order_margin))
        .text("totalPositionIM", figures::amount(balance.position_margin))
        .text("totalPositionMM", figures::amount(balance.maintenance))
        .text("unrealisedPnl", figures::amount(balance.unrealised))
        .text("cumRealisedPnl", "0")
        .text("bonus", "0")
        .raw("marginCollateral", true)
        .raw("collateralSwitch", true)
}

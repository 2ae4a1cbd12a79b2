//! Public data over REST: time, instruments, books, trades, tickers, candles, funding, open interest, risk limits.
//!
//! Source: Bybit v5 documentation, "Market" (2026-07).

use super::answer::Refusal;
use super::candles;
use super::figures;
use super::json::{Object, array, quoted};
use super::market::{self, Market};
use super::params::Params;
use super::public::{self, PublicTopics};
use super::ticker;
use super::topic::Interval;
use crate::house::{Candle, Category, House, Listing, MINUTE};
use tradewind_types::Timestamp;

/// The answer to a public request; `None` where there is nothing at this path.
pub(super) fn answer(
    now: Timestamp,
    path: &str,
    params: &Params,
    house: &House,
    topics: &mut PublicTopics,
) -> Option<Result<String, Refusal>> {
    Some(match path {
        "/v5/market/time" => Ok(time(now)),
        "/v5/market/instruments-info" => super::catalogue::instruments(params, house),
        "/v5/market/risk-limit" => super::catalogue::risk_limits(params, house),
        "/v5/market/orderbook" => book(now, params, house, topics),
        "/v5/market/recent-trade" => trades(params, house),
        "/v5/market/tickers" => tickers(now, params, house),
        "/v5/market/kline" => klines(params, house, Column::Traded),
        "/v5/market/mark-price-kline" => klines(params, house, Column::Mark),
        "/v5/market/index-price-kline" | "/v5/market/premium-index-price-kline" => klines(params, house, Column::Index),
        "/v5/market/funding/history" => fundings(params, house),
        "/v5/market/open-interest" => open_interest(now, params, house),
        _ => return None,
    })
}

fn time(now: Timestamp) -> String {
    Object::new().text("timeSecond", now.0.div_euclid(1_000_000_000)).text("timeNano", now.0).close()
}

fn book(now: Timestamp, params: &Params, house: &House, topics: &mut PublicTopics) -> Result<String, Refusal> {
    let listing = market::quoted(params, house)?;
    // The answer is a top part of the deepest stream's book, and carries its update id.
    let (limit, depth) = match listing.category {
        Category::Spot => (params.limit(1, 200)?, 200),
        Category::Linear => (params.limit(25, 500)?, 1000),
    };
    let told = topics.told(now, listing, depth, house).ok_or_else(|| Refusal::params("Not supported symbols"))?;
    let part = |side: &[(tradewind_types::Price, tradewind_types::Qty)]| public::levels(listing, &side[..limit.min(side.len())]);
    let now_ms = figures::millis(now);
    let object = Object::new().text("s", listing.symbol()).raw("b", part(&told.bids)).raw("a", part(&told.asks));
    Ok(object.raw("ts", now_ms).raw("u", told.update).raw("seq", told.sequence).raw("cts", now_ms).close())
}

fn trades(params: &Params, house: &House) -> Result<String, Refusal> {
    let listing = market::quoted(params, house)?;
    let limit = match listing.category {
        Category::Spot => params.limit(60, 60)?,
        Category::Linear => params.limit(500, 1_000)?,
    };
    let recent = house.tape(listing.id()).into_iter().flat_map(|tape| tape.trades().rev()).take(limit);
    let row = |trade: &crate::house::PublicTrade| {
        Object::new()
            .text("execId", public::trade_id(trade, listing))
            .text("symbol", listing.symbol())
            .text("price", figures::price(listing, trade.price))
            .text("size", figures::qty(listing, trade.qty))
            .text("side", super::reports::side(trade.aggressor))
            .text("time", figures::millis(trade.at))
            .raw("isBlockTrade", false)
            .raw("isRPITrade", false)
            .text("seq", trade.trade)
            .close()
    };
    Ok(listed(market::name(listing.category), recent.map(row)))
}

fn tickers(now: Timestamp, params: &Params, house: &House) -> Result<String, Refusal> {
    let market = Market::read(params)?;
    let only = params.get("symbol").map(|_| market::quoted(params, house)).transpose()?.map(Listing::id);
    let is_meant = |listing: &&Listing| Some(listing.category) == market.listed() && only.is_none_or(|id| id == listing.id());
    Ok(listed(market.name(), house.listings().iter().filter(is_meant).map(|listing| ticker::row(now, listing, house).close())))
}

fn listed(category: &str, rows: impl Iterator<Item = String>) -> String {
    Object::new().text("category", category).raw("list", array(rows)).close()
}

/// Which prices candles are asked of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Traded,
    Mark,
    Index,
}

fn klines(params: &Params, house: &House, column: Column) -> Result<String, Refusal> {
    let listing = match params.get("category") {
        Some(_) => market::quoted(params, house)?,
        // The venue takes contracts where no market is named.
        None => house.find_listing(Category::Linear, params.need("symbol")?).ok_or_else(|| Refusal::params("Not supported symbols"))?,
    };
    if column != Column::Traded && listing.category == Category::Spot {
        return Err(Refusal::params("params error: Category invalid"));
    }
    let interval = Interval::read(params.need("interval")?).ok_or_else(|| Refusal::params("Invalid period!"))?;
    let (start, end) = (params.parse::<i64>("start")?.unwrap_or(0), params.parse::<i64>("end")?.unwrap_or(i64::MAX));
    let limit = params.limit(200, 1_000)?;
    let all = candles::series(interval, listing, house);
    let within: Vec<&Candle> = all.iter().filter(|candle| (start..=end).contains(&figures::millis(candle.open_at))).collect();
    // From a start, the first ones; without one, the last ones; always newest first.
    let chosen = if params.get("start").is_some() && params.get("end").is_none() {
        &within[..limit.min(within.len())]
    } else {
        &within[within.len().saturating_sub(limit)..]
    };
    let row = |candle: &&Candle| {
        let price = |price| quoted(figures::price(listing, price));
        let mut cells =
            vec![quoted(figures::millis(candle.open_at)), price(candle.open), price(candle.high), price(candle.low), price(candle.close)];
        if column == Column::Traded {
            cells.extend([quoted(figures::qty(listing, candle.volume)), quoted(figures::amount(candle.value))]);
        }
        array(cells)
    };
    let object = Object::new().text("symbol", listing.symbol()).text("category", market::name(listing.category));
    Ok(object.raw("list", array(chosen.iter().rev().map(row))).close())
}

fn fundings(params: &Params, house: &House) -> Result<String, Refusal> {
    let listing = market::quoted(params, house)?;
    let (start, end) = (params.parse::<i64>("startTime")?.unwrap_or(0), params.parse::<i64>("endTime")?.unwrap_or(i64::MAX));
    let charged = house.tape(listing.id()).into_iter().flat_map(|tape| tape.fundings().rev());
    let within = charged.filter(|funding| (start..=end).contains(&figures::millis(funding.at))).take(params.limit(200, 200)?);
    let row = |funding: &crate::house::FundingRecord| {
        Object::new()
            .text("symbol", listing.symbol())
            .text("fundingRate", figures::rate(funding.rate))
            .text("fundingRateTimestamp", figures::millis(funding.at))
            .close()
    };
    Ok(listed(market::name(listing.category), within.map(row)))
}

fn open_interest(now: Timestamp, params: &Params, house: &House) -> Result<String, Refusal> {
    let listing = market::quoted(params, house)?;
    let minutes = match params.need("intervalTime")? {
        "5min" => 5,
        "15min" => 15,
        "30min" => 30,
        "1h" => 60,
        "4h" => 240,
        "1d" => 1_440,
        _ => return Err(Refusal::params("params error: IntervalTime invalid")),
    };
    let open = tradewind_types::Qty(house.outsiders_lots(listing.id()).abs());
    let at = Timestamp(now.0.div_euclid(minutes * MINUTE.0) * minutes * MINUTE.0);
    let row = Object::new().text("openInterest", figures::qty(listing, open)).text("timestamp", figures::millis(at));
    let object = Object::new().text("symbol", listing.symbol()).text("category", market::name(listing.category));
    Ok(object.raw("list", array([row.close()])).text("nextPageCursor", "").close())
}

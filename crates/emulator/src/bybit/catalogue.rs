//! What is listed, with its limits, as clients read it before they trade.
//!
//! Source: Bybit v5 documentation, "Get instruments info", "Get risk limit", "Get coin info" (2026-07).

use super::answer::Refusal;
use super::figures;
use super::json::{Object, array};
use super::market::{self, Market};
use super::params::Params;
use crate::house::{Category, House, Listing, MINUTE};
use tradewind_types::Amount;

/// Instruments of a market.
pub(super) fn instruments(params: &Params, house: &House) -> Result<String, Refusal> {
    let market = Market::read(params)?;
    let is_trading = params.get("status").is_none_or(|status| status == "Trading");
    if let (Some(symbol), Some(category)) = (params.get("symbol"), market.listed())
        && house.find_listing(category, symbol).is_none()
    {
        return Err(Refusal::params("Not supported symbols"));
    }
    let fits = |key: &str, value: &str| params.get(key).is_none_or(|asked| asked == value);
    let is_meant = |listing: &&Listing| {
        let is_named = fits("symbol", listing.symbol()) && fits("baseCoin", &listing.base);
        is_trading && Some(listing.category) == market.listed() && is_named
    };
    let found: Vec<&Listing> = house.listings().iter().filter(is_meant).collect();
    let object = Object::new().text("category", market.name());
    if market.listed() == Some(Category::Spot) {
        return Ok(object.raw("list", array(found.iter().map(|listing| spot(listing).close()))).close());
    }
    let from = params.get("cursor").and_then(|cursor| found.iter().position(|listing| listing.symbol() == cursor)).unwrap_or(0);
    let until = found.len().min(from + params.limit(500, 1_000)?);
    let next = found.get(until).map_or("", |listing| listing.symbol());
    let rows = array(found[from..until].iter().map(|listing| contract(listing).close()));
    Ok(object.raw("list", rows).text("nextPageCursor", next).close())
}

fn spot(listing: &Listing) -> Object {
    let (terms, filters) = (listing.instrument.terms(), listing.instrument.filters());
    let largest = figures::qty(listing, filters.max_qty);
    let lots = Object::new()
        .text("basePrecision", figures::decimal(terms.lot))
        .text("quotePrecision", "0.00000001")
        .text("minOrderQty", figures::qty(listing, filters.min_qty))
        .text("maxOrderQty", &largest)
        .text("minOrderAmt", figures::amount(filters.min_notional))
        .text("maxOrderAmt", "8000000")
        .text("maxLimitOrderQty", &largest)
        .text("maxMarketOrderQty", &largest)
        .text("postOnlyMaxLimitOrderSize", &largest);
    Object::new()
        .text("symbol", listing.symbol())
        .text("baseCoin", &listing.base)
        .text("quoteCoin", &listing.quote)
        .text("innovation", "0")
        .text("status", "Trading")
        .text("marginTrading", "utaOnly")
        .text("stTag", "0")
        .raw("lotSizeFilter", lots.close())
        .raw("priceFilter", Object::new().text("tickSize", figures::decimal(terms.tick)).close())
        .raw("riskParameters", Object::new().text("priceLimitRatioX", "0.05").text("priceLimitRatioY", "0.05").close())
        .text("symbolType", "")
}

fn contract(listing: &Listing) -> Object {
    let (terms, filters) = (listing.instrument.terms(), listing.instrument.filters());
    let tick = figures::decimal(terms.tick);
    let largest = figures::qty(listing, filters.max_qty);
    let leverage = Object::new().text("minLeverage", "1").text("maxLeverage", listing.max_leverage).text("leverageStep", "1");
    let prices = Object::new().text("minPrice", &tick).text("maxPrice", "1999999").text("tickSize", &tick);
    let lots = Object::new()
        .text("maxOrderQty", &largest)
        .text("minOrderQty", figures::qty(listing, filters.min_qty))
        .text("qtyStep", figures::decimal(terms.lot))
        .text("postOnlyMaxOrderQty", &largest)
        .text("maxMktOrderQty", &largest)
        .text("minNotionalValue", figures::amount(filters.min_notional));
    Object::new()
        .text("symbol", listing.symbol())
        .text("contractType", "LinearPerpetual")
        .text("status", "Trading")
        .text("baseCoin", &listing.base)
        .text("quoteCoin", &listing.quote)
        .text("launchTime", "1584230400000")
        .text("deliveryTime", "0")
        .text("deliveryFeeRate", "")
        .text("priceScale", terms.tick.scale)
        .raw("leverageFilter", leverage.close())
        .raw("priceFilter", prices.close())
        .raw("lotSizeFilter", lots.close())
        .raw("unifiedMarginTrade", true)
        .raw("fundingInterval", listing.funding_interval.0 / MINUTE.0)
        .text("settleCoin", &listing.quote)
        .text("copyTrading", "none")
        .text("upperFundingRate", "0.005")
        .text("lowerFundingRate", "-0.005")
        .raw("isPreListing", false)
        .raw("preListingInfo", "null")
}

/// Margin by position value.
pub(super) fn risk_limits(params: &Params, house: &House) -> Result<String, Refusal> {
    let market = Market::read(params)?;
    let only = params.get("symbol").map(|_| market::quoted(params, house)).transpose()?.map(Listing::id);
    let is_meant = |listing: &&Listing| {
        let is_contract = listing.category != Category::Spot && Some(listing.category) == market.listed();
        is_contract && only.is_none_or(|id| id == listing.id())
    };
    let rows = house.listings().iter().filter(is_meant).flat_map(|listing| tiers(listing, house));
    Ok(Object::new().text("category", market.name()).raw("list", array(rows)).text("nextPageCursor", "").close())
}

fn tiers(listing: &Listing, house: &House) -> Vec<String> {
    let tiers = house.margin_tiers(listing.id());
    let row = |(index, tier): (usize, &tradewind_types::MarginTier)| {
        // A tier ends where the next begins; the last one has no end, which the venue writes as a large sum.
        let end = tiers.get(index + 1).map_or_else(|| "2000000000".to_owned(), |next| figures::amount(next.from));
        let initial = tradewind_types::Rate(100_000_000 / i64::from(tier.max_leverage.max(1)));
        Object::new()
            .raw("id", index + 1)
            .text("symbol", listing.symbol())
            .text("riskLimitValue", end)
            .text("maintenanceMargin", figures::rate(tier.maintenance))
            .text("initialMargin", figures::rate(initial))
            .raw("isLowestRisk", u8::from(index == 0))
            .text("maxLeverage", tier.max_leverage)
            .text("mmDeduction", figures::amount(tier.deduction))
            .close()
    };
    tiers.iter().enumerate().map(row).collect()
}

/// Coins. The emulator moves none in or out, so none has a chain.
pub(super) fn coins(params: &Params, house: &House) -> String {
    let is_meant = |symbol: &&str| params.get("coin").is_none_or(|coin| coin == *symbol);
    let symbols = house.assets().iter().map(|asset| asset.symbol.as_str()).filter(is_meant);
    let row = |symbol: &str| {
        let amount = figures::amount(Amount::ZERO);
        Object::new().text("name", symbol).text("coin", symbol).text("remainAmount", amount).raw("chains", "[]").close()
    };
    Object::new().raw("rows", array(symbols.map(row))).close()
}

//! What is listed on the futures market, its filters, marks and fundings.

use crate::binance::desk::Ask;
use crate::binance::figures::{min_notional, ms, price, rate};
use crate::binance::json::{Raw, object, rows};
use crate::binance::refusal::Refusal;
use crate::house::{Listing, decimal_text};
use tradewind_types::{Decimal, Price, Qty, Rate};

/// Thousandths of the mark that a limit price may be above it (bought) or below it (sold).
pub const PRICE_BAND_PER_MILLE: i64 = 50;

const KINDS: [&str; 6] = ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"];
/// The delivery date of what is never delivered.
const NEVER_MS: i64 = 4_133_404_800_000;

/// Every listing.
///
/// # Errors
/// -1121.
pub fn exchange_info(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let listings = ask.listings()?;
    let mut assets: Vec<&str> = listings.iter().map(|listing| listing.quote.as_str()).collect();
    assets.dedup();
    let asset = |asset: &&str| object! { "asset": *asset, "marginAvailable": true, "autoAssetExchange": "-10000" };
    Ok(object! {
        "timezone": "UTC",
        "serverTime": ms(ask.now),
        "futuresType": "U_MARGINED",
        "rateLimits": ask.quotas.listed(),
        "exchangeFilters": Vec::<Raw>::new(),
        "assets": assets.iter().map(asset).collect::<Vec<_>>(),
        "symbols": listings.into_iter().map(symbol).collect::<Vec<_>>(),
    })
}

/// The coin-margined market, on which nothing is listed here.
///
/// # Errors
/// None.
pub fn nothing_listed(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    Ok(object! {
        "timezone": "UTC",
        "serverTime": ms(ask.now),
        "rateLimits": Vec::<Raw>::new(),
        "exchangeFilters": Vec::<Raw>::new(),
        "symbols": Vec::<Raw>::new(),
    })
}

fn symbol(listing: &Listing) -> Raw {
    let terms = listing.instrument.terms();
    object! {
        "symbol": listing.symbol(),
        "pair": listing.symbol(),
        "contractType": "PERPETUAL",
        "deliveryDate": NEVER_MS,
        "onboardDate": 1_569_398_400_000_i64,
        "status": "TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": &listing.base,
        "quoteAsset": &listing.quote,
        "marginAsset": &listing.quote,
        "pricePrecision": terms.tick.scale,
        "quantityPrecision": terms.lot.scale,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": Vec::<Raw>::new(),
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10_000,
        "filters": filters(listing),
        "orderTypes": KINDS,
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
    }
}

fn filters(listing: &Listing) -> Vec<Raw> {
    let terms = listing.instrument.terms();
    let text = |step: Decimal, count: i64| decimal_text(i128::from(step.mantissa) * i128::from(count), step.scale, 0);
    let qty = |qty: Qty| text(terms.lot, qty.0);
    let sizes = |name: &str| {
        object! { "filterType": name, "minQty": qty(terms.min_qty), "maxQty": qty(terms.max_qty), "stepSize": text(terms.lot, 1) }
    };
    let band = |per_mille: i64| decimal_text(i128::from(per_mille), 3, 4);
    vec![
        object! {
            "filterType": "PRICE_FILTER", "minPrice": text(terms.tick, 1), "maxPrice": text(terms.tick, 100_000_000),
            "tickSize": text(terms.tick, 1),
        },
        sizes("LOT_SIZE"),
        sizes("MARKET_LOT_SIZE"),
        object! { "filterType": "MAX_NUM_ORDERS", "limit": 200 },
        object! { "filterType": "MAX_NUM_ALGO_ORDERS", "limit": 10 },
        object! { "filterType": "MIN_NOTIONAL", "notional": min_notional(listing) },
        object! {
            "filterType": "PERCENT_PRICE", "multiplierUp": band(1_000 + PRICE_BAND_PER_MILLE),
            "multiplierDown": band(1_000 - PRICE_BAND_PER_MILLE), "multiplierDecimal": "4",
        },
        object! { "filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE", "notionalUpperLimit": "0" },
    ]
}

/// Mark, index and the funding to come.
///
/// # Errors
/// -1121.
pub fn premium_index(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let one = |listing: &&Listing| {
        let mark = ask.house.tape(listing.id()).and_then(|tape| tape.mark().copied());
        let at = |found: Option<Price>| price(listing, found.unwrap_or(Price(0)));
        object! {
            "symbol": listing.symbol(),
            "markPrice": at(mark.map(|mark| mark.mark)),
            "indexPrice": at(mark.map(|mark| mark.index)),
            "estimatedSettlePrice": at(mark.map(|mark| mark.index)),
            "lastFundingRate": rate(mark.map_or(Rate(0), |mark| mark.funding_rate)),
            "interestRate": "0.00010000",
            "nextFundingTime": mark.map_or(0, |mark| ms(mark.next_funding)),
            "time": ms(ask.now),
        }
    };
    let found: Vec<Raw> = ask.listings()?.iter().map(one).collect();
    match (ask.params.get("symbol"), found.as_slice()) {
        (Some(_), [one]) => Ok(one.clone()),
        _ => Ok(rows(&found)),
    }
}

/// Fundings that were charged, oldest first.
///
/// # Errors
/// -1121.
pub fn funding_rates(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let limit = ask.params.limit(100, 1_000)?;
    let (since, until) = (ask.params.moment("startTime")?, ask.params.moment("endTime")?);
    let mut found = Vec::new();
    for listing in ask.listings()? {
        let Some(tape) = ask.house.tape(listing.id()) else { continue };
        let in_time = tape.fundings().filter(|f| since.is_none_or(|s| f.at >= s) && until.is_none_or(|u| f.at <= u));
        found.extend(in_time.map(|funding| {
            object! {
                "symbol": listing.symbol(), "fundingTime": ms(funding.at), "fundingRate": rate(funding.rate),
                "markPrice": price(listing, funding.mark),
            }
        }));
    }
    let skipped = if since.is_some() { 0 } else { found.len().saturating_sub(limit) };
    Ok(rows(&found[skipped..found.len().min(skipped + limit)]))
}

/// How often funding is charged.
///
/// # Errors
/// None.
pub fn funding_info(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let one = |listing: &&Listing| {
        object! {
            "symbol": listing.symbol(), "adjustedFundingRateCap": "0.02000000", "adjustedFundingRateFloor": "-0.02000000",
            "fundingIntervalHours": listing.funding_interval.0 / 3_600_000_000_000, "disclaimer": false,
        }
    };
    Ok(rows(&ask.listings()?.iter().map(one).collect::<Vec<_>>()))
}

//! What is listed on the spot market, with the filters that orders have to pass.

use crate::binance::desk::Ask;
use crate::binance::figures::{money, ms};
use crate::binance::json::{Raw, object};
use crate::binance::refusal::Refusal;
use crate::house::{Listing, decimal_text};
use tradewind_types::{Amount, Decimal, Qty, SelfTradePrevention};

/// How far from the last price an order may be: bought at most five times as high, sold at least a fifth as high.
pub const MULTIPLIER_UP: i64 = 5;
/// The inverse of the lower bound; see [`MULTIPLIER_UP`].
pub const DIVISOR_DOWN: i64 = 5;

const KINDS: [&str; 7] = ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"];

/// Every listing, or those asked for.
///
/// # Errors
/// -1121.
pub fn exchange_info(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let listings = ask.listings()?;
    let default = ask.house.rules().self_trade;
    Ok(object! {
        "timezone": "UTC",
        "serverTime": ms(ask.now),
        "rateLimits": ask.quotas.listed(),
        "exchangeFilters": Vec::<Raw>::new(),
        "symbols": listings.into_iter().map(|listing| symbol(listing, default)).collect::<Vec<_>>(),
    })
}

fn symbol(listing: &Listing, default: SelfTradePrevention) -> Raw {
    object! {
        "symbol": listing.symbol(),
        "status": "TRADING",
        "baseAsset": &listing.base,
        "baseAssetPrecision": 8,
        "quoteAsset": &listing.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": KINDS,
        "icebergAllowed": true,
        "ocoAllowed": false,
        "otoAllowed": false,
        "quoteOrderQtyMarketAllowed": true,
        "allowTrailingStop": false,
        "cancelReplaceAllowed": true,
        "amendAllowed": true,
        "isSpotTradingAllowed": true,
        "isMarginTradingAllowed": false,
        "filters": filters(listing),
        "permissions": Vec::<Raw>::new(),
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": crate::binance::words::self_trade(default),
        "allowedSelfTradePreventionModes": ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"],
    }
}

fn filters(listing: &Listing) -> Vec<Raw> {
    let terms = listing.instrument.terms();
    let text = |step: Decimal, count: i64| decimal_text(i128::from(step.mantissa) * i128::from(count), step.scale, 8);
    let qty = |qty: Qty| text(terms.lot, qty.0);
    vec![
        object! {
            "filterType": "PRICE_FILTER", "minPrice": text(terms.tick, 1), "maxPrice": text(terms.tick, 100_000_000),
            "tickSize": text(terms.tick, 1),
        },
        object! {
            "filterType": "LOT_SIZE", "minQty": qty(terms.min_qty), "maxQty": qty(terms.max_qty), "stepSize": text(terms.lot, 1),
        },
        object! { "filterType": "ICEBERG_PARTS", "limit": 100 },
        object! {
            "filterType": "MARKET_LOT_SIZE", "minQty": text(terms.lot, 0), "maxQty": qty(terms.max_qty), "stepSize": text(terms.lot, 0),
        },
        object! {
            "filterType": "PERCENT_PRICE_BY_SIDE", "bidMultiplierUp": MULTIPLIER_UP.to_string(), "bidMultiplierDown": "0.2",
            "askMultiplierUp": MULTIPLIER_UP.to_string(), "askMultiplierDown": "0.2", "avgPriceMins": 5,
        },
        object! {
            "filterType": "NOTIONAL", "minNotional": money(terms.min_notional), "applyMinToMarket": true,
            "maxNotional": money(Amount(9_000_000 * 1_000_000_000_000)), "applyMaxToMarket": false, "avgPriceMins": 5,
        },
        object! { "filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200 },
        object! { "filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": 10 },
        object! { "filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5 },
    ]
}

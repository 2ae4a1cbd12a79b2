//! Leverage, margin and position modes, and the brackets behind them.

use super::account::wallet;
use super::positions::max_notional;
use crate::binance::desk::Ask;
use crate::binance::json::{Raw, object, rows};
use crate::binance::refusal::{Refusal, done};
use crate::house::{ASSET_SCALE, Listing, Rejection, decimal_text};
use tradewind_types::{MarginTier, PositionMode};

/// Above the last bracket nobody may go, in whole units of the quote asset.
const HIGHEST_NOTIONAL: i64 = 50_000_000;

/// Chooses a leverage.
///
/// # Errors
/// -4028 for one that cannot be had.
pub fn set_leverage(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let (account, instrument) = (wallet(ask)?, ask.listing()?.id());
    let stated = ask.params.integer("leverage")?.ok_or_else(|| Refusal::missing("leverage"))?;
    let refuse = |_| Refusal::new(-4028, format!("Leverage {stated} is not valid"));
    let leverage = u32::try_from(stated).map_err(|_| Refusal::new(-4028, format!("Leverage {stated} is not valid")))?;
    ask.house.set_leverage(account, instrument, leverage).map_err(refuse)?;
    let listing = ask.listing()?;
    Ok(object! { "symbol": listing.symbol(), "leverage": leverage, "maxNotionalValue": max_notional(ask, listing, leverage) })
}

/// Chooses a margin type. Here all margin is crossed.
///
/// # Errors
/// -4046 for crossed margin, which it is already; -4047 for isolated margin.
pub fn set_margin_type(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    ask.listing()?;
    match ask.params.required("marginType")? {
        "CROSSED" => Err(Refusal::new(-4046, "No need to change margin type.")),
        "ISOLATED" => Err(Refusal::new(-4047, "Isolated margin is not offered here.")),
        _ => Err(Refusal::not_valid("marginType")),
    }
}

/// Chooses between one net position and two legs.
///
/// # Errors
/// -4059 where it is so already, -4068 while there is a position or an open order.
pub fn set_position_mode(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let account = wallet(ask)?;
    ask.params.required("dualSidePosition")?;
    let mode = if ask.params.flag("dualSidePosition")? { PositionMode::Hedge } else { PositionMode::OneWay };
    match ask.house.set_position_mode(account, mode) {
        Ok(()) => Ok(done("success")),
        Err(Rejection::Unchanged) => Err(Refusal::new(-4059, "No need to change position side.")),
        Err(_) => Err(Refusal::new(-4068, "Position side cannot be changed if there exists position or open order.")),
    }
}

/// Whether there are two legs.
///
/// # Errors
/// -2015.
pub fn position_mode(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    Ok(object! { "dualSidePosition": ask.house.position_mode(wallet(ask)?) == PositionMode::Hedge })
}

/// Whether all assets together are margin: no.
///
/// # Errors
/// None.
pub fn multi_assets(_: &mut Ask<'_>) -> Result<Raw, Refusal> {
    Ok(object! { "multiAssetsMargin": false })
}

/// Margin and leverage by value of the position.
///
/// # Errors
/// -1121.
pub fn brackets(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let one = |listing: &&Listing| {
        let tiers = ask.house.margin_tiers(listing.id());
        let caps = tiers.iter().skip(1).map(|tier| whole(tier.from.0)).chain([HIGHEST_NOTIONAL.to_string()]);
        let rows: Vec<Raw> = (1..).zip(tiers.iter().zip(caps)).map(|(number, (tier, cap))| bracket(number, tier, cap)).collect();
        object! { "symbol": listing.symbol(), "brackets": rows }
    };
    Ok(rows(&ask.listings()?.iter().map(one).collect::<Vec<_>>()))
}

fn whole(units: i128) -> String {
    decimal_text(units, ASSET_SCALE, 0)
}

fn bracket(number: i32, tier: &MarginTier, cap: String) -> Raw {
    object! {
        "bracket": number,
        "initialLeverage": tier.max_leverage,
        "notionalCap": Raw(cap),
        "notionalFloor": Raw(whole(tier.from.0)),
        "maintMarginRatio": Raw(decimal_text(i128::from(tier.maintenance.0), 8, 0)),
        "cum": Raw(whole(tier.deduction.0)),
    }
}

/// Leverage and margin type of each listing.
///
/// # Errors
/// -1121.
pub fn symbol_config(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let account = wallet(ask)?;
    let one = |listing: &&Listing| {
        let leverage = ask.house.leverage(account, listing.id());
        object! {
            "symbol": listing.symbol(), "marginType": "CROSSED", "isAutoAddMargin": false, "leverage": leverage,
            "maxNotionalValue": max_notional(ask, listing, leverage),
        }
    };
    Ok(rows(&ask.listings()?.iter().map(one).collect::<Vec<_>>()))
}

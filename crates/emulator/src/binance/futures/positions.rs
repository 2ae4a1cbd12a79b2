//! Positions, in the shapes that the account and risk endpoints have for them.

use super::account::wallet;
use super::render::{entry_price, leg, position_amount};
use crate::binance::desk::Ask;
use crate::binance::figures::{money, ms, price_or_nought};
use crate::binance::json::{Object, Raw, fields, rows};
use crate::binance::refusal::Refusal;
use crate::house::{Leg, Listing, Position};
use tradewind_types::{Amount, PositionMode};

/// Worth at the mark, below zero for a short.
fn notional(held: &Position) -> Amount {
    Amount(if held.lots < 0 { -held.value.0 } else { held.value.0 })
}

/// Every leg of every listing asked for, flat ones included.
fn all<'a>(ask: &'a Ask<'_>) -> Result<Vec<(&'a Listing, Position)>, Refusal> {
    let account = wallet(ask)?;
    let legs: &[Leg] = match ask.house.position_mode(account) {
        PositionMode::OneWay => &[Leg::Net],
        PositionMode::Hedge => &[Leg::Long, Leg::Short],
    };
    let mut found = Vec::new();
    for listing in ask.listings()? {
        found.extend(legs.iter().map(|leg| (listing, ask.house.position(account, listing.id(), *leg))));
    }
    Ok(found)
}

fn open<'a>(ask: &'a Ask<'_>) -> Result<Vec<(&'a Listing, Position)>, Refusal> {
    Ok(all(ask)?.into_iter().filter(|(_, held)| held.lots != 0).collect())
}

fn sizes(listing: &Listing, held: &Position) -> Object {
    let entry = entry_price(listing, held);
    fields! {
        "symbol": listing.symbol(),
        "positionSide": leg(held.leg),
        "positionAmt": position_amount(listing, held),
        "entryPrice": &entry,
        "breakEvenPrice": &entry,
        "notional": money(notional(held)),
        "updateTime": 0,
    }
}

fn margins(held: &Position) -> Object {
    fields! {
        "initialMargin": money(held.initial_margin),
        "maintMargin": money(held.maintenance),
        "positionInitialMargin": money(held.initial_margin),
        "openOrderInitialMargin": money(Amount::ZERO),
    }
}

/// As the account's second version has them: every listing.
///
/// # Errors
/// -2015.
pub fn in_account_v2(ask: &Ask<'_>) -> Result<Vec<Raw>, Refusal> {
    let one = |(listing, held): &(&Listing, Position)| {
        sizes(listing, held)
            .followed_by(margins(held))
            .with("unrealizedProfit", money(held.unrealised))
            .with("leverage", held.leverage.to_string())
            .with("isolated", false)
            .with("maxNotional", max_notional(ask, listing, held.leverage))
            .with("bidNotional", "0")
            .with("askNotional", "0")
            .with("isolatedWallet", "0")
            .end()
    };
    Ok(all(ask)?.iter().map(one).collect())
}

/// As the account's third version has them: open ones, in few words.
///
/// # Errors
/// -2015.
pub fn in_account_v3(ask: &Ask<'_>) -> Result<Vec<Raw>, Refusal> {
    let one = |(listing, held): &(&Listing, Position)| {
        fields! {
            "symbol": listing.symbol(),
            "positionSide": leg(held.leg),
            "positionAmt": position_amount(listing, held),
            "unrealizedProfit": money(held.unrealised),
            "isolatedMargin": "0.00000000",
            "notional": money(notional(held)),
            "isolatedWallet": "0",
            "initialMargin": money(held.initial_margin),
            "maintMargin": money(held.maintenance),
            "updateTime": ms(ask.now),
        }
        .end()
    };
    Ok(open(ask)?.iter().map(one).collect())
}

fn risk(ask: &Ask<'_>, listing: &Listing, held: &Position) -> Object {
    let closed_at = (held.lots != 0).then(|| ask.house.liquidation_price(held.account, held.instrument, held.leg)).flatten();
    sizes(listing, held)
        .with("markPrice", price_or_nought(listing, held.mark))
        .with("unRealizedProfit", money(held.unrealised))
        .with("liquidationPrice", closed_at.map_or_else(|| "0".to_owned(), |price| price_or_nought(listing, Some(price))))
        .with("isolatedMargin", "0.00000000")
        .with("isolatedWallet", "0")
}

/// Risk of every listing.
///
/// # Errors
/// -1121, -2015.
pub fn risk_v2(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let ask = &*ask;
    let one = |(listing, held): &(&Listing, Position)| {
        risk(ask, listing, held)
            .with("leverage", held.leverage.to_string())
            .with("maxNotionalValue", max_notional(ask, listing, held.leverage))
            .with("marginType", "cross")
            .with("isAutoAddMargin", "false")
            .end()
    };
    Ok(rows(&all(ask)?.iter().map(one).collect::<Vec<_>>()))
}

/// Risk of the positions that there are.
///
/// # Errors
/// -1121, -2015.
pub fn risk_v3(ask: &mut Ask<'_>) -> Result<Raw, Refusal> {
    let ask = &*ask;
    let one = |(listing, held): &(&Listing, Position)| {
        risk(ask, listing, held)
            .followed_by(margins(held))
            .with("marginAsset", &listing.quote)
            .with("adl", 2)
            .with("bidNotional", "0")
            .with("askNotional", "0")
            .end()
    };
    Ok(rows(&open(ask)?.iter().map(one).collect::<Vec<_>>()))
}

/// The largest position that a leverage allows, in whole units of the quote asset.
#[must_use]
pub fn max_notional(ask: &Ask<'_>, listing: &Listing, leverage: u32) -> String {
    let tiers = ask.house.margin_tiers(listing.id());
    let above = tiers.iter().find(|tier| tier.max_leverage < leverage);
    above.map_or_else(|| "50000000".to_owned(), |tier| crate::house::decimal_text(tier.from.0, crate::house::ASSET_SCALE, 0))
}

//! Figures as the venue writes them: on spot eight digits after the point everywhere, on futures those of tick and lot.

use crate::house::{ASSET_SCALE, Category, Listing, decimal_text};
use tradewind_types::{Amount, Price, Qty, Rate, Timestamp};

const MONEY_DIGITS: u8 = 8;

fn digits(listing: &Listing, step: u8) -> u8 {
    if listing.category == Category::Spot { MONEY_DIGITS } else { step }
}

/// A price.
#[must_use]
pub fn price(listing: &Listing, price: Price) -> String {
    let tick = listing.instrument.terms().tick;
    decimal_text(i128::from(price.0) * i128::from(tick.mantissa), tick.scale, digits(listing, tick.scale))
}

/// A price that an order may not have: nought where it has none.
#[must_use]
pub fn price_or_nought(listing: &Listing, found: Option<Price>) -> String {
    price(listing, found.unwrap_or(Price(0)))
}

/// A quantity.
#[must_use]
pub fn qty(listing: &Listing, qty: Qty) -> String {
    lots(listing, qty.0)
}

/// Lots with their sign.
#[must_use]
pub fn lots(listing: &Listing, lots: i64) -> String {
    let lot = listing.instrument.terms().lot;
    decimal_text(i128::from(lots) * i128::from(lot.mantissa), lot.scale, digits(listing, lot.scale))
}

/// Money: exact, with eight digits or as many more as it needs.
#[must_use]
pub fn money(amount: Amount) -> String {
    decimal_text(amount.0, ASSET_SCALE, MONEY_DIGITS)
}

/// A rate as a decimal: `0.00100000`.
#[must_use]
pub fn rate(rate: Rate) -> String {
    decimal_text(i128::from(rate.0), MONEY_DIGITS, MONEY_DIGITS)
}

/// The mean price of what `qty` cost; nought where nothing was filled.
#[must_use]
pub fn average(listing: &Listing, value: Amount, qty: Qty) -> String {
    let at_most = listing.instrument.terms().tick.scale.max(5);
    listing.average_price_text(value, qty, if listing.category == Category::Spot { MONEY_DIGITS } else { at_most })
}

/// The smallest value of an order, without needless digits.
#[must_use]
pub fn min_notional(listing: &Listing) -> String {
    decimal_text(listing.instrument.terms().min_notional.0, ASSET_SCALE, 0)
}

/// Milliseconds since 1970.
#[must_use]
pub const fn ms(at: Timestamp) -> i64 {
    at.0.div_euclid(1_000_000)
}

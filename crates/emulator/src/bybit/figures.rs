//! Numbers as the venue writes them, from integers and back: prices, quantities, amounts, rates.

use crate::house::{ASSET_SCALE, Listing, decimal_text};
use tradewind_types::{Amount, Decimal, Price, Qty, Rate, Rounding, Timestamp};

/// Milliseconds since 1970, as the venue writes times.
pub(super) const fn millis(at: Timestamp) -> i64 {
    at.0.div_euclid(1_000_000)
}

/// An exact decimal without idle zeros.
pub(super) fn decimal(value: Decimal) -> String {
    decimal_text(i128::from(value.mantissa), value.scale, 0)
}

/// A price in the money it is quoted in, with all the tick's digits.
pub(super) fn price(listing: &Listing, price: Price) -> String {
    listing.price_text(price)
}

/// A price, or nothing.
pub(super) fn maybe_price(listing: &Listing, known: Option<Price>) -> String {
    known.map_or_else(String::new, |known| price(listing, known))
}

/// A quantity without idle zeros.
pub(super) fn qty(listing: &Listing, qty: Qty) -> String {
    let lot = listing.instrument.terms().lot;
    decimal_text(i128::from(qty.0) * i128::from(lot.mantissa), lot.scale, 0)
}

/// An amount of money without idle zeros.
pub(super) fn amount(amount: Amount) -> String {
    decimal_text(amount.0, ASSET_SCALE, 0)
}

/// The average price at which `filled` cost `value`, to eight digits without idle zeros; empty where nothing was.
pub(super) fn average(listing: &Listing, value: Amount, filled: Qty) -> String {
    if filled.0 == 0 {
        return String::new();
    }
    let text = listing.average_price_text(Amount(value.0.abs()), Qty(filled.0.abs()), 8);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A rate as a fraction: 10 bps is `0.001`.
pub(super) fn rate(rate: Rate) -> String {
    decimal_text(i128::from(rate.0), 8, 0)
}

/// A share such as `0.0171`: `part / whole` to four digits, `0` where there is no whole.
pub(super) fn share(part: i128, whole: i128) -> String {
    part.checked_mul(10_000)
        .and_then(|part| Rounding::HalfEven.divide(part, whole).ok())
        .map_or_else(|| "0".to_owned(), |m| decimal_text(m, 4, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits() {
        assert_eq!(rate(Rate(55_000)), "0.00055");
        assert_eq!(share(171, 10_000), "0.0171");
        assert_eq!(share(1, 0), "0");
        assert_eq!(decimal(Decimal { mantissa: 1_500, scale: 2 }), "15");
        assert_eq!(millis(Timestamp(1_999_999)), 1);
    }
}

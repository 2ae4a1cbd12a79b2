//! Binance's words for numbers, times and sides, wherever they stand.

use super::scan::text;
use crate::digits::{self, DigitsError};
use crate::directory::{Directory, Listed, ListedAsset, Market};
use crate::error::MapError;
use tradewind_types::{Amount, Exposure, Nanos, Price, Qty, Rate, Side, Timestamp};

/// The instrument of a symbol.
#[inline]
pub(super) fn listed<'a>(directory: &'a Directory, market: Market, symbol: &[u8]) -> Option<&'a Listed> {
    directory.find(market, std::str::from_utf8(symbol).ok()?)
}

/// An asset by its ticker.
pub(super) fn asset<'a>(directory: &'a Directory, symbol: &[u8]) -> Option<&'a ListedAsset> {
    directory.asset(std::str::from_utf8(symbol).ok()?)
}

#[cold]
pub(super) fn number(what: &'static str, field: &'static str, bytes: &[u8], why: DigitsError) -> MapError {
    MapError::Number { what, field: field.into(), text: text(bytes), why }
}

#[cold]
pub(super) fn unknown(what: &'static str, field: &'static str, bytes: &[u8]) -> MapError {
    MapError::UnknownWord { what, field, text: text(bytes) }
}

/// A whole number without sign.
#[inline]
pub(super) fn whole(what: &'static str, field: &'static str, bytes: &[u8]) -> Result<u64, MapError> {
    let refuse = |why| number(what, field, bytes, why);
    if bytes.is_empty() {
        return Err(MapError::Missing { what, field });
    }
    bytes.iter().try_fold(0u64, |sum, &byte| {
        let digit = u64::from(byte.wrapping_sub(b'0'));
        if digit > 9 {
            return Err(refuse(DigitsError::Malformed));
        }
        sum.checked_mul(10).and_then(|sum| sum.checked_add(digit)).ok_or_else(|| refuse(DigitsError::TooLarge))
    })
}

/// Milliseconds since 1970.
#[inline]
pub(super) fn millis(what: &'static str, field: &'static str, bytes: &[u8]) -> Result<Timestamp, MapError> {
    let millis = whole(what, field, bytes)?;
    Ok(Timestamp(i64::try_from(millis).unwrap_or(i64::MAX).saturating_mul(1_000_000)))
}

#[inline]
pub(super) fn price(listed: &Listed, what: &'static str, field: &'static str, bytes: &[u8]) -> Result<Price, MapError> {
    listed.grid.price(bytes).map_err(|why| number(what, field, bytes, why))
}

#[inline]
pub(super) fn qty(listed: &Listed, what: &'static str, field: &'static str, bytes: &[u8]) -> Result<Qty, MapError> {
    listed.grid.qty(bytes).map_err(|why| number(what, field, bytes, why))
}

/// A price that the venue states finer than its tick (mark, index, average): the nearest tick.
pub(super) fn nearest(listed: &Listed, what: &'static str, field: &'static str, bytes: &[u8]) -> Result<Price, MapError> {
    listed.grid.tick.nearest(bytes).map(Price).map_err(|why| number(what, field, bytes, why))
}

/// A share, as `0.00010000`; nothing stands for zero.
pub(super) fn rate(what: &'static str, field: &'static str, bytes: &[u8]) -> Result<Rate, MapError> {
    let share = digits::amount(bytes, 8).map_err(|why| number(what, field, bytes, why))?;
    i64::try_from(share.0).map(Rate).map_err(|_| number(what, field, bytes, DigitsError::TooLarge))
}

/// An amount of an asset.
pub(super) fn amount(asset: &ListedAsset, what: &'static str, field: &'static str, bytes: &[u8]) -> Result<Amount, MapError> {
    digits::amount(bytes, asset.scale).map_err(|why| number(what, field, bytes, why))
}

pub(super) fn side(what: &'static str, bytes: &[u8]) -> Result<Side, MapError> {
    match bytes {
        b"BUY" => Ok(Side::Buy),
        b"SELL" => Ok(Side::Sell),
        _ => Err(unknown(what, "side", bytes)),
    }
}

/// Which leg of a position; nothing where an account keeps one.
pub(super) fn leg(what: &'static str, bytes: &[u8]) -> Result<Exposure, MapError> {
    match bytes {
        b"" | b"BOTH" => Ok(Exposure::Any),
        b"LONG" => Ok(Exposure::LongLeg),
        b"SHORT" => Ok(Exposure::ShortLeg),
        _ => Err(unknown(what, "positionSide", bytes)),
    }
}

pub(super) const fn side_word(side: Side) -> &'static str {
    match side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
    }
}

/// The venue's time of a moment.
pub(super) const fn as_millis(at: Timestamp) -> i64 {
    at.0.div_euclid(1_000_000)
}

/// A span in whole milliseconds.
pub(super) const fn span_millis(span: Nanos) -> i64 {
    span.0.div_euclid(1_000_000)
}

//! Reading what orders have in common on both markets: ids, prices, quantities.

use super::desk::Ask;
use super::params::Params;
use super::refusal::Refusal;
use super::words;
use crate::house::{Listing, Rejection};
use tradewind_types::{Price, Qty};

const LONGEST_ID: usize = 36;

/// The client's own id under a name, where one is stated.
///
/// # Errors
/// -1100 for one that is too long or has other characters than letters, digits and `.:/_-`.
pub fn client_order_id<'a>(params: &'a Params, name: &str) -> Result<Option<&'a str>, Refusal> {
    let Some(id) = params.get(name) else { return Ok(None) };
    let legal = id.len() <= LONGEST_ID && id.bytes().all(|b| b.is_ascii_alphanumeric() || b".:/_-".contains(&b));
    if legal { Ok(Some(id)) } else { Err(Refusal::malformed(name, r"^[\.A-Z\:/a-z0-9_-]{1,36}$")) }
}

/// The client's own id under a name; one is made where none is stated.
///
/// # Errors
/// As [`client_order_id`].
pub fn order_id_or_made(ask: &mut Ask<'_>, name: &str) -> Result<String, Refusal> {
    match client_order_id(ask.params, name)? {
        Some(id) => Ok(id.to_owned()),
        None => Ok(ask.desk.make_id()),
    }
}

/// A price on the listing's grid.
///
/// # Errors
/// -1102 where it is not stated, -1100 where it is no number, and the market's filter error.
pub fn limit_price(listing: &Listing, params: &Params, name: &str) -> Result<Price, Refusal> {
    params.decimal(name)?;
    listing.price(params.required(name)?).map_err(|rejection| match rejection {
        Rejection::Malformed => Refusal::malformed(name, r"^([0-9]{1,20})(\.[0-9]{1,20})?$"),
        Rejection::Filter(crate::house::Filter::Price) => words::refused(listing, Rejection::Filter(crate::house::Filter::Tick)),
        other => words::refused(listing, other),
    })
}

/// A quantity on the listing's grid.
///
/// # Errors
/// As [`limit_price`].
pub fn read_qty(listing: &Listing, params: &Params, name: &str) -> Result<Qty, Refusal> {
    params.decimal(name)?;
    listing.qty(params.required(name)?).map_err(|rejection| match rejection {
        Rejection::Malformed => Refusal::malformed(name, r"^([0-9]{1,20})(\.[0-9]{1,20})?$"),
        other => words::refused(listing, other),
    })
}

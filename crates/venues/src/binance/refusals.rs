//! Binance's error codes in our vocabulary, as a table. The same number may mean different things on spot and on futures.
//!
//! Spot `errors.md` (2026-07-21); USD-M `Error Code` page (2026). A code alone is not always enough: where words decide, they stand
//! in the table too.

use super::scan::{members, text};
use crate::directory::Market;
use crate::error::{VenueError, VenueErrorKind};
use VenueErrorKind::{
    Auth, CannotFill, Clock, Duplicate, Funds, Invalid, Maintenance, NoChange, NotOffered, Other, Rate, Unanswered, UnknownOrder,
    WouldIncrease, WouldTake, WouldTrigger,
};
use tradewind_types::{Nanos, RejectReason};

const RATE: VenueErrorKind = Rate { retry_after: Nanos(0) };

/// Code, words that must occur in the message (empty: any), kind. The first that fits holds.
type Row = (i64, &'static str, VenueErrorKind);

/// The same on both markets.
const SHARED: &[Row] = &[
    (-1000, "", Unanswered),
    (-1001, "", Unanswered),
    (-1002, "", Auth),
    (-1003, "", RATE),
    (-1004, "", Maintenance),
    (-1006, "", Unanswered),
    (-1007, "", Unanswered),
    (-1008, "", Maintenance),
    (-1010, "", Other),
    (-1013, "", Invalid),
    (-1014, "", Invalid),
    (-1015, "", RATE),
    (-1016, "", Maintenance),
    (-1020, "", NotOffered),
    (-1021, "", Clock),
    (-1022, "", Auth),
    (-1023, "", Invalid),
    (-1034, "", RATE),
    (-1099, "", Auth),
    (-2008, "", Auth),
    (-2011, "Unknown order", UnknownOrder),
    (-2011, "was not found", UnknownOrder),
    (-2011, "", Invalid),
    (-2013, "", UnknownOrder),
    (-2014, "", Auth),
    (-2015, "", Auth),
    (-2016, "", Maintenance),
];

const SPOT: &[Row] = &[
    (-2010, "insufficient balance", Funds),
    (-2010, "immediately match", WouldTake),
    (-2010, "Duplicate order", Duplicate),
    (-2010, "trigger immediately", WouldTrigger),
    (-2010, "arket is closed", Maintenance),
    (-2010, "disabled", Auth),
    (-2010, "may not place or cancel", Auth),
    (-2010, "not supported", NotOffered),
    (-2010, "not exist", UnknownOrder),
    (-2010, "", Invalid),
    // Cancel-replace: one half failed, or both.
    (-2021, "", Other),
    (-2022, "", Other),
    (-2026, "", UnknownOrder),
    (-2035, "", Other),
    (-2036, "", Other),
    (-2038, "no state", NoChange),
    (-2038, "not exist", UnknownOrder),
    (-2038, "Unknown order", UnknownOrder),
    (-2038, "", Invalid),
    (-2039, "", UnknownOrder),
];

const USDM: &[Row] = &[
    (-1109, "", Auth),
    (-1125, "", Auth),
    (-2010, "Duplicate", Duplicate),
    (-2010, "", Invalid),
    (-2012, "", Invalid),
    (-2017, "", Auth),
    (-2018, "", Funds),
    (-2019, "", Funds),
    (-2020, "", CannotFill),
    (-2021, "", WouldTrigger),
    (-2022, "", WouldIncrease),
    (-2023, "", NotOffered),
    (-2024, "", WouldIncrease),
    (-2025, "", Invalid),
    (-2026, "", NotOffered),
    (-2027, "", Funds),
    (-2028, "", Funds),
    (-4015, "", Invalid),
    (-4016, "", Invalid),
    (-4024, "", Invalid),
    (-4028, "", Invalid),
    (-4046, "", NoChange),
    (-4050, "", Funds),
    (-4051, "", Funds),
    (-4059, "", NoChange),
    (-4060, "", Invalid),
    (-4061, "", Invalid),
    (-4084, "", NotOffered),
    (-4087, "", NotOffered),
    (-4088, "", Auth),
    (-4116, "", Duplicate),
    (-4118, "", WouldIncrease),
    (-4120, "", NotOffered),
    (-4131, "", Invalid),
    (-4164, "", Invalid),
    (-4400, "", NotOffered),
    (-4401, "", NotOffered),
    (-5021, "", CannotFill),
    (-5022, "", WouldTake),
    (-5024, "", Invalid),
    (-5025, "", NotOffered),
    (-5026, "", Invalid),
    (-5027, "", NoChange),
    (-5028, "", Clock),
    (-5029, "", Invalid),
];

/// Whole families: parameters that are missing, superfluous, malformed or outside a filter.
fn family(code: i64, market: Market) -> VenueErrorKind {
    match (code, market) {
        (-1199..=-1100, _) => Invalid,
        (-4199..=-4000, Market::Linear | Market::Inverse) => Invalid,
        _ => Other,
    }
}

fn kind(market: Market, code: i64, message: &str) -> VenueErrorKind {
    let own = match market {
        Market::Spot => SPOT,
        Market::Linear | Market::Inverse => USDM,
    };
    let row = own.iter().chain(SHARED).find(|(number, words, _)| *number == code && message.contains(words));
    row.map_or_else(|| family(code, market), |(_, _, kind)| *kind)
}

/// The refusal in a body `{"code":-2010,"msg":"…"}`, or in what stands in the body's place.
///
/// `http_status` is 0 on a socket; `headers` tell how long to wait.
pub(super) fn read(market: Market, http_status: u16, headers: &[(String, String)], body: &[u8]) -> VenueError {
    let (mut code, mut message, mut data) = (0i64, None, &b""[..]);
    let read = members(body, "error", |key, value| match key {
        b"code" => code = text(value).parse().unwrap_or(0),
        b"msg" => message = Some(text(value)),
        b"data" => data = value,
        _ => {}
    });
    let message = match (read, message) {
        (Ok(()), Some(message)) => message,
        _ => text(body.get(..200).unwrap_or(body)),
    };
    let kind = match (http_status, kind(market, code, &message)) {
        (403 | 418 | 429, _) => RATE,
        (500.., Other | Unanswered) => Unanswered,
        (_, kind) => kind,
    };
    let kind = match kind {
        Rate { .. } => Rate { retry_after: retry_after(headers).or_else(|| ban(data)).unwrap_or_default() },
        kind => kind,
    };
    VenueError { kind, code, message, http_status }
}

/// The reason that a conditional order's refusal gives in words.
pub(super) fn reason_in_words(words: &[u8]) -> RejectReason {
    const REASONS: [(&str, RejectReason); 5] = [
        ("insufficient", RejectReason::InsufficientFunds),
        ("reduceonly", RejectReason::WouldIncrease),
        ("post only", RejectReason::WouldTake),
        ("fok", RejectReason::CannotFillCompletely),
        ("immediately trigger", RejectReason::WouldTriggerAtOnce),
    ];
    let words = text(words).to_ascii_lowercase();
    REASONS.iter().find(|(word, _)| words.contains(word)).map_or(RejectReason::InvalidFilter, |(_, reason)| *reason)
}

/// `Retry-After`, in seconds.
fn retry_after(headers: &[(String, String)]) -> Option<Nanos> {
    let (_, seconds) = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("retry-after"))?;
    seconds.trim().parse().ok().map(Nanos::from_secs)
}

/// On a socket the venue states its time and the moment the ban ends.
fn ban(data: &[u8]) -> Option<Nanos> {
    let (mut now, mut until) = (None, None);
    members(data, "error data", |key, value| match key {
        b"serverTime" => now = text(value).parse::<i64>().ok(),
        b"retryAfter" => until = text(value).parse::<i64>().ok(),
        _ => {}
    })
    .ok()?;
    Some(Nanos::from_millis(until?.saturating_sub(now?).max(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(market: Market, status: u16, body: &str) -> VenueErrorKind {
        read(market, status, &[("Retry-After".into(), "7".into())], body.as_bytes()).kind
    }

    #[test]
    fn the_same_number_means_what_its_market_says() {
        let (spot, usdm) = (Market::Spot, Market::Linear);
        let cases = [
            (spot, 400, r#"{"code":-2010,"msg":"Account has insufficient balance for requested action."}"#, Funds),
            (spot, 400, r#"{"code":-2010,"msg":"Order would immediately match and take."}"#, WouldTake),
            (spot, 400, r#"{"code":-2010,"msg":"Duplicate order sent."}"#, Duplicate),
            (spot, 400, r#"{"code":-1013,"msg":"Filter failure: PRICE_FILTER"}"#, Invalid),
            (spot, 400, r#"{"code":-1121,"msg":"Invalid symbol."}"#, Invalid),
            (spot, 400, r#"{"code":-2011,"msg":"Unknown order sent."}"#, UnknownOrder),
            (spot, 409, r#"{"code":-2021,"msg":"Order cancel-replace partially failed."}"#, Other),
            (usdm, 400, r#"{"code":-2021,"msg":"Order would immediately trigger."}"#, WouldTrigger),
            (spot, 400, r#"{"code":-2022,"msg":"Order cancel-replace failed."}"#, Other),
            (usdm, 400, r#"{"code":-2022,"msg":"ReduceOnly Order is rejected."}"#, WouldIncrease),
            (usdm, 400, r#"{"code":-2019,"msg":"Margin is insufficient."}"#, Funds),
            (
                usdm,
                400,
                r#"{"code":-5022,"msg":"Due to the order could not be executed as maker, the Post Only order will be rejected."}"#,
                WouldTake,
            ),
            (
                usdm,
                400,
                r#"{"code":-5021,"msg":"Due to the order could not be filled immediately, the FOK order has been rejected."}"#,
                CannotFill,
            ),
            (usdm, 400, r#"{"code":-4005,"msg":"Quantity greater than max quantity."}"#, Invalid),
            (usdm, 400, r#"{"code":-4116,"msg":"ClientOrderId is duplicated."}"#, Duplicate),
            (usdm, 400, r#"{"code":-5027,"msg":"No need to modify the order."}"#, NoChange),
            (spot, 400, r#"{"code":-1021,"msg":"Timestamp for this request is outside of the recvWindow."}"#, Clock),
            (spot, 400, r#"{"code":-1022,"msg":"Signature for this request is not valid."}"#, Auth),
            (
                spot,
                503,
                r#"{"code":-1007,"msg":"Timeout waiting for response from backend server. Send status unknown; execution status unknown."}"#,
                Unanswered,
            ),
            (spot, 502, "<html>Bad Gateway</html>", Unanswered),
            (spot, 503, r#"{"code":-1008,"msg":"Server is currently overloaded with other requests."}"#, Maintenance),
            (spot, 400, r#"{"code":-987654,"msg":"?"}"#, Other),
            (spot, 429, r#"{"code":-1003,"msg":"Too many requests."}"#, Rate { retry_after: Nanos::from_secs(7) }),
            (usdm, 418, "", Rate { retry_after: Nanos::from_secs(7) }),
            (usdm, 403, "<html>", Rate { retry_after: Nanos::from_secs(7) }),
        ];
        for (market, status, body, kind) in cases {
            assert_eq!(kind_of(market, status, body), kind, "{body}");
        }
        let banned = br#"{"code":-1003,"msg":"Way too much","data":{"serverTime":1000,"retryAfter":3500}}"#;
        assert_eq!(read(spot, 0, &[], banned).kind, Rate { retry_after: Nanos::from_millis(2500) });
    }
}

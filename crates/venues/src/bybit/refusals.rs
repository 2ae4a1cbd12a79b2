//! Bybit's codes in our words, as a table. Sources: Bybit's v5 documents (`error`, `rate-limit`), read 2026-07; codes that the
//! documents leave out as clients have seen them.

use super::wire::{self, Envelope, FrameHeader};
use crate::error::{MapError, VenueError, VenueErrorKind};
use tradewind_types::{Nanos, RejectReason};

/// A venue that was asked too often over HTTP bans the address for this long.
const ADDRESS_BAN: Nanos = Nanos::from_secs(600);
/// Counts of requests look back this long.
const COUNTED: Nanos = Nanos::from_secs(1);
const RATE: VenueErrorKind = VenueErrorKind::Rate { retry_after: COUNTED };

/// Codes by kind; what is not here is [`VenueErrorKind::Other`].
const CODES: &[(VenueErrorKind, &[i64])] = &[
    (
        VenueErrorKind::Funds,
        &[
            110_004, 110_006, 110_007, 110_012, 110_014, 110_044, 110_045, 110_051, 110_052, 110_053, 170_033, 170_131, 175_003, 175_006,
            176_015, 3_200_300,
        ],
    ),
    (VenueErrorKind::UnknownOrder, &[110_001, 110_008, 110_010, 110_019, 110_079, 170_139, 170_142, 170_143, 170_213]),
    (
        VenueErrorKind::Invalid,
        &[
            7_001, 10_001, 12_137, 12_201, 110_003, 110_009, 110_020, 110_022, 110_063, 110_094, 130_000, 170_124, 170_130, 170_132,
            170_133, 170_134, 170_135, 170_136, 170_137, 170_140, 170_193, 170_194, 170_371, 170_372, 170_810, 3_100_198,
        ],
    ),
    (VenueErrorKind::WouldIncrease, &[110_017]),
    (VenueErrorKind::Duplicate, &[10_014, 20_006, 110_030, 110_072, 170_141]),
    (VenueErrorKind::WouldTrigger, &[110_092, 110_093]),
    (VenueErrorKind::WouldTake, &[170_218]),
    (RATE, &[10_006, 10_018, 10_403, 10_429, 20_003]),
    (VenueErrorKind::Auth, &[10_003, 10_004, 10_005, 10_007, 10_008, 10_009, 10_010, 10_024, 10_027, 10_028, 10_029, 33_004, 170_209]),
    (VenueErrorKind::Clock, &[10_002]),
    (VenueErrorKind::Maintenance, &[10_019, 110_062, 110_065]),
    // A server that failed while it worked on a request does not say how far it came.
    (VenueErrorKind::Unanswered, &[5_004, 10_000, 10_016, 170_001, 170_007, 170_032, 3_400_214]),
    (VenueErrorKind::NoChange, &[34_040, 110_025, 110_026, 110_027, 110_043]),
    (VenueErrorKind::NotOffered, &[10_017, 10_404, 110_029]),
];

/// Why the matching engine ended or refused an order, where that is a refusal.
const REASONS: &[(&str, RejectReason)] = &[
    ("EC_PostOnlyWillTakeLiquidity", RejectReason::WouldTake),
    ("EC_DuplicatedClOrdID", RejectReason::DuplicateId),
    ("EC_OrigClOrdIDDoesNotExist", RejectReason::UnknownOrder),
    ("EC_OrderNotExist", RejectReason::UnknownOrder),
    ("EC_TooLateToCancel", RejectReason::UnknownOrder),
    ("EC_UnknownOrderType", RejectReason::NotOffered),
    ("EC_UnknownTimeInForce", RejectReason::NotOffered),
    ("EC_MarketOrderNoSupportTIF", RejectReason::NotOffered),
    ("EC_MarketOrderCannotBePostOnly", RejectReason::NotOffered),
    ("EC_MarketQuoteNoSuppSell", RejectReason::NotOffered),
    ("EC_InvalidSymbolStatus", RejectReason::NoMarket),
    ("EC_SecurityStatusFail", RejectReason::NoMarket),
    ("EC_InCallAuctionStatus", RejectReason::NoMarket),
    ("EC_LimitOrderInvalidPrice", RejectReason::InvalidFilter),
    ("EC_MarketOrderPriceIsNotZero", RejectReason::InvalidFilter),
    ("EC_QtyCannotBeZero", RejectReason::InvalidFilter),
    ("EC_InvalidPriceScale", RejectReason::InvalidFilter),
    ("EC_EcInvalidQty", RejectReason::InvalidFilter),
    ("EC_InvalidAmount", RejectReason::InvalidFilter),
    ("EC_InvalidBaseValue", RejectReason::InvalidFilter),
    ("EC_InvalidSmpType", RejectReason::InvalidFilter),
    ("EC_ReachRiskPriceLimit", RejectReason::InvalidFilter),
    ("EC_ReachMarketPriceLimit", RejectReason::InvalidFilter),
];

/// The refusal behind the word of an order's `rejectReason`, if it is one.
pub(super) fn reason(word: &str) -> Option<RejectReason> {
    REASONS.iter().find(|(name, _)| *name == word).map(|(_, reason)| *reason)
}

/// What kind of refusal a code is. Code 10001 covers whatever is wrong with a request, an amend that changes nothing among it.
pub(super) fn kind(code: i64, message: &str) -> VenueErrorKind {
    if code == 10_001 && message.contains("not modified") {
        return VenueErrorKind::NoChange;
    }
    CODES.iter().find(|(_, codes)| codes.contains(&code)).map_or(VenueErrorKind::Other, |(kind, _)| *kind)
}

/// A refusal with a code.
pub(super) fn refusal(code: i64, message: &str, http_status: u16) -> VenueError {
    VenueError { kind: kind(code, message), code, message: message.to_owned(), http_status }
}

/// A refusal on the order-entry socket, which says when the count of requests starts anew.
pub(super) fn on_socket(code: i64, message: &str, header: Option<&FrameHeader<'_>>) -> VenueError {
    let mut refusal = refusal(code, message, 0);
    let moments = header.and_then(|h| Some((h.reset.as_str().parse::<i64>().ok()?, h.now.as_str().parse::<i64>().ok()?)));
    wait_until(&mut refusal, moments);
    refusal
}

/// What an HTTP answer holds, or the refusal that it is. `unanswered` is what a server error means for the request.
///
/// # Errors
/// An answer of the trading system that is no JSON of its kind.
pub(super) fn opened<'a>(
    what: &'static str,
    status: u16,
    headers: &[(String, String)],
    body: &'a [u8],
    unanswered: VenueErrorKind,
) -> Result<Result<Envelope<'a>, VenueError>, MapError> {
    let envelope = match wire::parse::<Envelope<'_>>(what, body) {
        Ok(envelope) if envelope.code == 0 && status == 200 => return Ok(Ok(envelope)),
        Ok(envelope) if envelope.code != 0 => envelope,
        Err(why) if status == 200 => return Err(why),
        _ => return Ok(Err(by_status(status, headers, body, unanswered))),
    };
    let mut refusal = refusal(envelope.code, envelope.message.as_str(), status);
    if status != 200 && refusal.kind == VenueErrorKind::Other {
        refusal.kind = by_status(status, headers, body, unanswered).kind;
    }
    let reset = header(headers, "x-bapi-limit-reset-timestamp").and_then(|text| text.parse::<i64>().ok());
    wait_until(&mut refusal, reset.map(|reset| (reset, envelope.time)));
    Ok(Err(refusal))
}

/// A count that starts anew soon is waited for; a moment that is past or unlikely far off is not believed.
fn wait_until(refusal: &mut VenueError, moments: Option<(i64, i64)>) {
    if let (VenueErrorKind::Rate { retry_after }, Some((reset, now))) = (&mut refusal.kind, moments) {
        let left = Nanos::from_millis(reset.saturating_sub(now));
        if left > Nanos(0) && left <= ADDRESS_BAN {
            *retry_after = left;
        }
    }
}

/// A refusal by an HTTP status alone: what answers so is not the trading system but what stands before it.
fn by_status(status: u16, headers: &[(String, String)], body: &[u8], unanswered: VenueErrorKind) -> VenueError {
    let seconds = header(headers, "retry-after").and_then(|text| text.parse::<i64>().ok()).map(Nanos::from_secs);
    let kind = match status {
        401 => VenueErrorKind::Auth,
        403 | 418 => VenueErrorKind::Rate { retry_after: seconds.unwrap_or(ADDRESS_BAN) },
        429 => VenueErrorKind::Rate { retry_after: seconds.unwrap_or(COUNTED) },
        408 | 500.. => unanswered,
        _ => VenueErrorKind::Invalid,
    };
    let text: String = String::from_utf8_lossy(body).chars().take(200).collect();
    VenueError { kind, code: 0, message: text, http_status: status }
}

/// The value of a header, by its name in lower case.
pub(super) fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_one_kind() {
        let mut seen = std::collections::BTreeSet::new();
        for (kind, codes) in CODES {
            for code in *codes {
                assert!(seen.insert(*code), "{code} is there twice");
                assert_eq!(super::kind(*code, ""), *kind);
            }
        }
        assert_eq!(kind(1, ""), VenueErrorKind::Other);
        assert_eq!(kind(10_001, "order not modified"), VenueErrorKind::NoChange);
        let mut words: Vec<&str> = REASONS.iter().map(|(word, _)| *word).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), REASONS.len());
    }

    fn refused(status: u16, headers: &[(&str, &str)], body: &str) -> VenueErrorKind {
        let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        match opened("test", status, &headers, body.as_bytes(), VenueErrorKind::Unanswered) {
            Ok(Err(refusal)) => refusal.kind,
            _ => panic!("no refusal: {body}"),
        }
    }

    #[test]
    fn a_count_that_starts_anew_is_waited_for() {
        let reset = [("X-Bapi-Limit-Reset-Timestamp", "1700000000750")];
        for (time, wait) in [(1_700_000_000_500i64, Nanos::from_millis(250)), (1_700_000_000_751, COUNTED), (0, COUNTED)] {
            let body = format!(r#"{{"retCode":10006,"retMsg":"Too many visits!","time":{time}}}"#);
            assert_eq!(refused(200, &reset, &body), VenueErrorKind::Rate { retry_after: wait });
        }
    }

    #[test]
    fn a_status_tells_where_the_code_does_not() {
        assert_eq!(refused(403, &[], r#"{"retCode":99999,"retMsg":"?"}"#), VenueErrorKind::Rate { retry_after: ADDRESS_BAN });
        assert_eq!(refused(401, &[], r#"{"retCode":10003,"retMsg":"key"}"#), VenueErrorKind::Auth);
        assert_eq!(refused(200, &[], r#"{"retCode":99999,"retMsg":"?"}"#), VenueErrorKind::Other);
        assert_eq!(refused(500, &[], r#"{"retCode":0}"#), VenueErrorKind::Unanswered);
        assert!(opened("test", 200, &[], b"<html>", VenueErrorKind::Unanswered).is_err());
    }
}

//! Rate limits: the buckets, what everything weighs, and the venue's own count of what is used.
//!
//! Spot `rest-api.md` and `web-socket-api.md` (2026-07-21); USD-M weights as on each endpoint's page (2026). The limit on raw requests
//! (61,000 in 5 minutes) is left out: every request weighs at least 1, and 6,000 a minute is the tighter of the two.

use super::scan::{members, objects};
use crate::ask::Ask;
use crate::dialect::{Bucket, BucketId, Charge, Cost};
use crate::directory::{Directory, Market};
use crate::error::MapError;
use crate::message::{Inbox, Message};
use tradewind_types::{InstrumentId, Nanos, OrderRequest, OrderTerms};

pub(super) const SPOT_WEIGHT: BucketId = BucketId(0);
const SPOT_ORDERS_10S: BucketId = BucketId(1);
const SPOT_ORDERS_DAY: BucketId = BucketId(2);
pub(super) const USDM_WEIGHT: BucketId = BucketId(3);
const USDM_ORDERS_10S: BucketId = BucketId(4);
const USDM_ORDERS_MINUTE: BucketId = BucketId(5);

/// How the venue names the limit of a bucket: (market, type and interval on a socket, header over HTTP).
const NAMES: [(BucketId, Market, (&str, &str, &str), &str); 6] = [
    (SPOT_WEIGHT, Market::Spot, ("REQUEST_WEIGHT", "MINUTE", "1"), "x-mbx-used-weight-1m"),
    (SPOT_ORDERS_10S, Market::Spot, ("ORDERS", "SECOND", "10"), "x-mbx-order-count-10s"),
    (SPOT_ORDERS_DAY, Market::Spot, ("ORDERS", "DAY", "1"), "x-mbx-order-count-1d"),
    (USDM_WEIGHT, Market::Linear, ("REQUEST_WEIGHT", "MINUTE", "1"), "x-mbx-used-weight-1m"),
    (USDM_ORDERS_10S, Market::Linear, ("ORDERS", "SECOND", "10"), "x-mbx-order-count-10s"),
    (USDM_ORDERS_MINUTE, Market::Linear, ("ORDERS", "MINUTE", "1"), "x-mbx-order-count-1m"),
];

/// The limits, as published; `exchangeInfo` and the headers have the last word.
pub(super) fn buckets() -> Vec<Bucket> {
    let bucket = |name, capacity, seconds| Bucket { name, capacity, window: Nanos::from_secs(seconds) };
    vec![
        bucket("spot-weight", 6_000, 60),
        bucket("spot-orders-10s", 100, 10),
        bucket("spot-orders-day", 200_000, 86_400),
        bucket("usdm-weight", 2_400, 60),
        bucket("usdm-orders-10s", 300, 10),
        bucket("usdm-orders-minute", 1_200, 60),
    ]
}

fn charges<const N: usize>(charges: [(BucketId, u32); N]) -> Cost {
    let mut cost = Cost::default();
    for (place, (bucket, weight)) in cost.0.iter_mut().zip(charges) {
        *place = Some(Charge { bucket, weight });
    }
    cost
}

/// One weight on spot, another on futures.
fn weighs(market: Option<Market>, spot: u32, linear: u32) -> Cost {
    match market {
        Some(Market::Spot) => charges([(SPOT_WEIGHT, spot)]),
        Some(Market::Linear) => charges([(USDM_WEIGHT, linear)]),
        Some(Market::Inverse) | None => Cost::default(),
    }
}

/// What a question weighs. `clock` is the market whose clock is asked.
pub(super) fn of_ask(directory: &Directory, ask: &Ask, clock: Market) -> Cost {
    let market_of = |instrument: &InstrumentId| directory.get(*instrument).map(|listed| listed.market);
    match ask {
        Ask::ServerTime => weighs(Some(clock), 1, 1),
        Ask::Instruments { market, .. } => weighs(Some(*market), 20, 1),
        Ask::Depth { instrument } => weighs(market_of(instrument), 50, 20),
        // Counted on a limit of its own, of 12,000 a minute.
        Ask::KeyRights => Cost::default(),
        Ask::StreamKey { market } | Ask::RenewStreamKey { market } => weighs(Some(*market), 2, 1),
        Ask::OpenOrders { market, .. } => weighs(Some(*market), 80, 40),
        Ask::Order { instrument, .. } | Ask::OrderHistory { instrument, .. } | Ask::ConditionalOrder { instrument, .. } => {
            weighs(market_of(instrument), 4, 1)
        }
        Ask::Fills { instrument, .. } => weighs(market_of(instrument), 20, 5),
        Ask::Balances { market } => weighs(Some(*market), 20, 5),
        Ask::Positions { market, .. } => weighs(Some(*market), 0, 5),
        Ask::CancelAll { instrument } | Ask::CancelAllConditional { instrument } => weighs(market_of(instrument), 1, 1),
        // Payments weigh 30, a rate counts on a limit of its own.
        Ask::Funding { cursor: None, .. } => weighs(Some(Market::Linear), 0, 30),
        Ask::Funding { .. } => Cost::default(),
        Ask::DeadMan { .. } => charges([(USDM_WEIGHT, 10)]),
    }
}

/// What a command weighs: orders also count by number, cancels do not.
pub(super) fn of_command(directory: &Directory, request: &OrderRequest) -> Cost {
    let (instrument, spot, linear) = match request {
        OrderRequest::Place { terms: OrderTerms { instrument, .. }, .. } => (
            instrument,
            charges([(SPOT_WEIGHT, 1), (SPOT_ORDERS_10S, 1), (SPOT_ORDERS_DAY, 1)]),
            charges([(USDM_ORDERS_10S, 1), (USDM_ORDERS_MINUTE, 1)]),
        ),
        OrderRequest::Cancel { instrument, .. } => (instrument, charges([(SPOT_WEIGHT, 1)]), charges([(USDM_WEIGHT, 1)])),
        OrderRequest::Amend { instrument, .. } => {
            (instrument, charges([(SPOT_WEIGHT, 4)]), charges([(USDM_ORDERS_10S, 1), (USDM_ORDERS_MINUTE, 1)]))
        }
    };
    match directory.get(*instrument).map(|listed| listed.market) {
        Some(Market::Spot) => spot,
        Some(Market::Linear) => linear,
        Some(Market::Inverse) | None => Cost::default(),
    }
}

/// The counts in the headers of an answer.
pub(super) fn of_headers(market: Market, headers: &[(String, String)], inbox: &mut Inbox) {
    for (name, value) in headers {
        let named = NAMES.iter().find(|(_, of, _, header)| *of == market && name.eq_ignore_ascii_case(header));
        if let (Some((bucket, ..)), Ok(used)) = (named, value.trim().parse()) {
            inbox.messages.push(Message::Usage { bucket: *bucket, used });
        }
    }
}

/// The counts in a socket's answer: `[{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":50,"count":12},…]`.
pub(super) fn of_socket(market: Market, rate_limits: &[u8], inbox: &mut Inbox) -> Result<(), MapError> {
    objects(rate_limits, "rateLimits", |limit| {
        let (mut kind, mut interval, mut times, mut count) = (&b""[..], &b""[..], &b""[..], &b""[..]);
        members(limit, "rateLimits", |key, value| match key {
            b"rateLimitType" => kind = value,
            b"interval" => interval = value,
            b"intervalNum" => times = value,
            b"count" => count = value,
            _ => {}
        })?;
        let is_it = |(a, b, c): (&str, &str, &str)| (a.as_bytes(), b.as_bytes(), c.as_bytes()) == (kind, interval, times);
        let named = NAMES.iter().find(|(_, of, words, _)| *of == market && is_it(*words));
        let used = std::str::from_utf8(count).ok().and_then(|count| count.parse().ok());
        if let (Some((bucket, ..)), Some(used)) = (named, used) {
            inbox.messages.push(Message::Usage { bucket: *bucket, used });
        }
        Ok(())
    })
}

//! How often a client may ask: per account and kind of request in a second, per address in five seconds.
//!
//! Source: Bybit v5 documentation, "Rate limit rules" (2026-07): 600 requests in 5 s per address, then HTTP 403 for ten
//! minutes; per account and endpoint in a rolling second, then code 10006.

use std::collections::BTreeMap;
use tradewind_types::Timestamp;

const SECOND_NS: i64 = 1_000_000_000;
const ADDRESS_SPAN_NS: i64 = 5 * SECOND_NS;
const ADDRESS_BAN_NS: i64 = 600 * SECOND_NS;

/// What one address may ask in five seconds.
pub(super) const ADDRESS_REQUESTS: u32 = 600;

/// A kind of request that is counted on its own, and how many of it an account may make in a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) per_second: u32,
}

/// Requests of one account that are counted together: path, market (`None`: any), requests in a second.
const KINDS: &[(&str, Option<&str>, u32)] = &[
    ("/v5/order/create", Some("spot"), 20),
    ("/v5/order/create", None, 10),
    ("/v5/order/amend", None, 10),
    ("/v5/order/cancel", Some("spot"), 20),
    ("/v5/order/cancel", None, 10),
    ("/v5/order/cancel-all", Some("spot"), 20),
    ("/v5/order/cancel-all", None, 10),
    ("/v5/order/create-batch", Some("spot"), 20),
    ("/v5/order/create-batch", None, 10),
    ("/v5/order/amend-batch", None, 10),
    ("/v5/order/cancel-batch", Some("spot"), 20),
    ("/v5/order/cancel-batch", None, 10),
    ("/v5/order/disconnected-cancel-all", None, 5),
    ("/v5/order/realtime", None, 50),
    ("/v5/order/history", None, 50),
    ("/v5/execution/list", None, 50),
    ("/v5/position/list", None, 50),
    ("/v5/position/closed-pnl", None, 50),
    ("/v5/position/set-leverage", None, 10),
    ("/v5/position/switch-mode", None, 10),
    ("/v5/position/trading-stop", None, 10),
    ("/v5/account/wallet-balance", None, 50),
    ("/v5/account/info", None, 50),
    ("/v5/account/fee-rate", None, 5),
    ("/v5/user/query-api", None, 10),
    ("/v5/asset/coin/query-info", None, 5),
];

/// The kind of a request, where the venue counts it.
pub(super) fn kind(path: &str, category: Option<&str>) -> Option<Kind> {
    let fits = |market: &Option<&str>| market.is_none() || *market == category;
    let found = KINDS.iter().enumerate().find(|(_, (name, market, _))| *name == path && fits(market));
    found.map(|(_, (name, _, per_second))| Kind { name, per_second: *per_second })
}

/// What is left after a request was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Left {
    /// Requests of this kind in a second.
    pub(super) limit: u32,
    /// How many of them are left.
    pub(super) remaining: u32,
    /// When there will be more, in milliseconds: now, where some are left.
    pub(super) reset_ms: i64,
    /// Whether the request went over.
    pub(super) over: bool,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    opened: Timestamp,
    used: u32,
}

/// Counts of everyone's requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Quota {
    accounts: BTreeMap<(u32, Kind), Span>,
    address: Option<Span>,
    banned_until: Option<Timestamp>,
    is_unmetered: bool,
}

impl Quota {
    /// Counts that turn nobody away.
    pub(super) fn unmetered() -> Self {
        Self { is_unmetered: true, ..Self::default() }
    }

    /// Counts a request of an address; `false` where it comes too often and is turned away.
    pub(super) fn admits_address(&mut self, now: Timestamp, most: u32) -> bool {
        if self.is_unmetered {
            return true;
        }
        if self.banned_until.is_some_and(|until| now < until) {
            return false;
        }
        self.banned_until = None;
        let span = self.address.get_or_insert(Span { opened: now, used: 0 });
        if now.since(span.opened).0 >= ADDRESS_SPAN_NS {
            *span = Span { opened: now, used: 0 };
        }
        span.used = span.used.saturating_add(1);
        let admitted = span.used <= most;
        if !admitted {
            self.banned_until = Some(Timestamp(now.0.saturating_add(ADDRESS_BAN_NS)));
        }
        admitted
    }

    /// Counts a request of an account; one that goes over is not counted.
    pub(super) fn count(&mut self, now: Timestamp, account: u32, kind: Kind) -> Left {
        let span = self.accounts.entry((account, kind)).or_insert(Span { opened: now, used: 0 });
        if now.since(span.opened).0 >= SECOND_NS {
            *span = Span { opened: now, used: 0 };
        }
        let over = span.used >= kind.per_second && !self.is_unmetered;
        if !over && span.used < kind.per_second {
            span.used += 1;
        }
        let reset = if over { Timestamp(span.opened.0.saturating_add(SECOND_NS)) } else { now };
        Left { limit: kind.per_second, remaining: kind.per_second - span.used, reset_ms: reset.0 / 1_000_000, over }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eleventh_order_of_a_second_is_one_too_many() {
        let mut quota = Quota::default();
        let create = kind("/v5/order/create", Some("linear")).unwrap();
        for n in 0..10 {
            let left = quota.count(Timestamp(n), 1, create);
            assert!(!left.over && left.remaining == u32::try_from(9 - n).unwrap());
        }
        let left = quota.count(Timestamp(SECOND_NS - 1), 1, create);
        assert!(left.over && left.reset_ms == 1_000);
        assert!(!quota.count(Timestamp(SECOND_NS), 1, create).over);
        assert!(!quota.count(Timestamp(5), 2, create).over, "another account");
        assert_eq!(kind("/v5/order/create", Some("spot")).unwrap().per_second, 20);
        assert_eq!(kind("/v5/market/time", None), None);
    }

    #[test]
    fn an_address_that_asks_too_often_is_shut_out_for_ten_minutes() {
        let mut quota = Quota::default();
        assert!((0..3).all(|n| quota.admits_address(Timestamp(n), 3)));
        assert!(!quota.admits_address(Timestamp(3), 3));
        assert!(!quota.admits_address(Timestamp(ADDRESS_BAN_NS), 3));
        assert!(quota.admits_address(Timestamp(4 + ADDRESS_BAN_NS), 3));
    }
}

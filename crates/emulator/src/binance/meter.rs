//! How much may be asked, and what happens to who asks for more.
//!
//! Request weight counts per address and calendar minute; new orders count per account and window. Past the weight the venue answers
//! 429 with `Retry-After`; who goes on asking is banned (418), each time for longer: two minutes at first, three days at most.
//! Figures: the venue's `exchangeInfo.rateLimits` (2026-07).

use super::json::{Raw, object};
use super::refusal::Refusal;
use crate::house::ClientId;
use std::collections::BTreeMap;
use tradewind_types::Timestamp;

/// A number of new orders in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderQuota {
    /// How long the window is, s.
    pub window_s: i64,
    /// What the venue calls it: `SECOND`, `MINUTE`, `DAY`.
    pub interval: &'static str,
    /// How many of those.
    pub interval_num: u32,
    /// The suffix of its header, such as `10s`.
    pub header: &'static str,
    /// New orders in one window.
    pub orders: u32,
}

/// What one market allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Request weight per minute and address.
    pub weight_per_minute: u32,
    /// New orders per account.
    pub orders: Vec<OrderQuota>,
}

const fn quota(window_s: i64, interval: &'static str, interval_num: u32, header: &'static str, orders: u32) -> OrderQuota {
    OrderQuota { window_s, interval, interval_num, header, orders }
}

impl Quotas {
    /// The spot market's.
    #[must_use]
    pub fn spot() -> Self {
        let orders = vec![quota(10, "SECOND", 10, "10s", 100), quota(86_400, "DAY", 1, "1d", 200_000)];
        Self { weight_per_minute: 6_000, orders }
    }

    /// The USD-M futures market's.
    #[must_use]
    pub fn futures() -> Self {
        let orders = vec![quota(10, "SECOND", 10, "10s", 300), quota(60, "MINUTE", 1, "1m", 1_200)];
        Self { weight_per_minute: 2_400, orders }
    }

    /// The same windows with `times` as much in each: for load, where the venue's own figures would be the bottleneck.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.weight_per_minute = self.weight_per_minute.saturating_mul(times);
        for quota in &mut self.orders {
            quota.orders = quota.orders.saturating_mul(times);
        }
        self
    }

    /// The `rateLimits` of `exchangeInfo`.
    #[must_use]
    pub fn listed(&self) -> Vec<Raw> {
        let weight = object! {
            "rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": self.weight_per_minute
        };
        let orders = self.orders.iter().map(|q| {
            object! { "rateLimitType": "ORDERS", "interval": q.interval, "intervalNum": q.interval_num, "limit": q.orders }
        });
        std::iter::once(weight).chain(orders).collect()
    }
}

/// Requests while over the limit after which the address is banned.
const PATIENCE: u32 = 25;
const FIRST_BAN_S: i64 = 120;
const LONGEST_BAN_S: i64 = 3 * 86_400;

/// The counters of one market.
#[derive(Clone, Debug)]
pub struct Meter {
    quotas: Quotas,
    minute: i64,
    used: u32,
    ignored: u32,
    banned_until: Timestamp,
    ban_s: i64,
    orders: BTreeMap<(ClientId, usize), (i64, u32)>,
}

const fn seconds(now: Timestamp) -> i64 {
    now.0.div_euclid(1_000_000_000)
}

impl Meter {
    /// Counters at nought.
    #[must_use]
    pub fn new(quotas: Quotas) -> Self {
        let nought = Timestamp(0);
        Self { quotas, minute: 0, used: 0, ignored: 0, banned_until: nought, ban_s: FIRST_BAN_S, orders: BTreeMap::new() }
    }

    /// What is allowed.
    #[must_use]
    pub fn quotas(&self) -> &Quotas {
        &self.quotas
    }

    /// Counts a request.
    ///
    /// # Errors
    /// -1003 with 429 past the minute's weight, with 418 while banned.
    pub fn charge(&mut self, now: Timestamp, weight: u32) -> Result<(), Refusal> {
        if now < self.banned_until {
            return Err(self.banned(now));
        }
        let minute = seconds(now).div_euclid(60);
        if minute != self.minute {
            (self.minute, self.used, self.ignored) = (minute, 0, 0);
        }
        self.used = self.used.saturating_add(weight);
        if self.used <= self.quotas.weight_per_minute {
            return Ok(());
        }
        self.ignored += 1;
        if self.ignored > PATIENCE {
            self.banned_until = Timestamp(now.0.saturating_add(self.ban_s.saturating_mul(1_000_000_000)));
            self.ban_s = (self.ban_s * 2).min(LONGEST_BAN_S);
            return Err(self.banned(now));
        }
        let words = format!(
            "Too much request weight used; current limit is {} request weight per 1 MINUTE. Please use WebSocket Streams for live \
             updates to avoid polling the API.",
            self.quotas.weight_per_minute
        );
        let wait_s = 60 - seconds(now).rem_euclid(60);
        Err(Refusal { retry_after_s: Some(wait_s), ..Refusal::new(-1003, words).with_status(429) })
    }

    fn banned(&self, now: Timestamp) -> Refusal {
        let words = format!(
            "Way too much request weight used; IP banned until {}. Please use WebSocket Streams for live updates to avoid bans.",
            self.banned_until.0 / 1_000_000
        );
        let wait_s = (self.banned_until.0 - now.0).div_euclid(1_000_000_000) + 1;
        Refusal { retry_after_s: Some(wait_s), ..Refusal::new(-1003, words).with_status(418) }
    }

    /// Counts new orders of an account.
    ///
    /// # Errors
    /// -1015 with 429 where a window has no room; nothing is counted then.
    pub fn charge_orders(&mut self, now: Timestamp, client: ClientId, orders: u32) -> Result<(), Refusal> {
        for (n, quota) in self.quotas.orders.iter().enumerate() {
            let window = seconds(now).div_euclid(quota.window_s);
            let counted = self.orders.entry((client, n)).or_insert((window, 0));
            if counted.0 != window {
                *counted = (window, 0);
            }
            if counted.1.saturating_add(orders) > quota.orders {
                let words =
                    format!("Too many new orders; current limit is {} orders per {} {}.", quota.orders, quota.interval_num, quota.interval);
                let wait_s = quota.window_s - seconds(now).rem_euclid(quota.window_s);
                return Err(Refusal { retry_after_s: Some(wait_s), ..Refusal::new(-1015, words).with_status(429) });
            }
        }
        for n in 0..self.quotas.orders.len() {
            if let Some(counted) = self.orders.get_mut(&(client, n)) {
                counted.1 += orders;
            }
        }
        Ok(())
    }

    /// The headers that say how much is used: the weight, and the orders of `account` where one asked.
    #[must_use]
    pub fn headers(&self, client: Option<ClientId>) -> Vec<(String, String)> {
        let mut headers =
            vec![("x-mbx-used-weight".to_owned(), self.used.to_string()), ("x-mbx-used-weight-1m".to_owned(), self.used.to_string())];
        for (n, quota) in self.quotas.orders.iter().enumerate() {
            if let Some((_, count)) = client.and_then(|client| self.orders.get(&(client, n))) {
                headers.push((format!("x-mbx-order-count-{}", quota.header), count.to_string()));
            }
        }
        headers
    }

    /// The `rateLimits` of a WebSocket API answer.
    #[must_use]
    pub fn stated(&self, client: Option<ClientId>) -> Vec<Raw> {
        let orders = self.quotas.orders.iter().enumerate().filter_map(|(n, q)| {
            let (_, count) = self.orders.get(&(client?, n))?;
            Some(object! {
                "rateLimitType": "ORDERS", "interval": q.interval, "intervalNum": q.interval_num, "limit": q.orders, "count": *count
            })
        });
        let weight = object! {
            "rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": self.quotas.weight_per_minute,
            "count": self.used
        };
        orders.chain(std::iter::once(weight)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp(s * 1_000_000_000)
    }

    #[test]
    fn past_the_weight_is_429_until_the_minute_is_over_and_418_for_who_goes_on() {
        let mut meter = Meter::new(Quotas::futures());
        assert_eq!(meter.charge(at(615), 2_400), Ok(()));
        let refusal = meter.charge(at(615), 1).unwrap_err();
        assert_eq!((refusal.status, refusal.code, refusal.retry_after_s), (429, -1003, Some(45)));
        assert_eq!(meter.charge(at(660), 1), Ok(()));
        assert_eq!(meter.charge(at(660), 2_400).unwrap_err().status, 429);
        let statuses: Vec<u16> = (0..PATIENCE).map(|_| meter.charge(at(661), 1).unwrap_err().status).collect();
        assert_eq!((statuses[0], statuses.last()), (429, Some(&418)));
        assert_eq!(meter.charge(at(661 + FIRST_BAN_S - 1), 1).unwrap_err().status, 418);
        assert_eq!(meter.charge(at(661 + FIRST_BAN_S), 1), Ok(()));
    }

    #[test]
    fn orders_count_per_account_and_window() {
        let mut meter = Meter::new(Quotas::spot());
        let (one, two) = (ClientId(1), ClientId(2));
        for _ in 0..100 {
            assert_eq!(meter.charge_orders(at(1_000), one, 1), Ok(()));
        }
        let refusal = meter.charge_orders(at(1_004), one, 1).unwrap_err();
        assert_eq!((refusal.status, refusal.code, refusal.retry_after_s), (429, -1015, Some(6)));
        assert_eq!(meter.charge_orders(at(1_004), two, 1), Ok(()));
        assert_eq!(meter.charge_orders(at(1_010), one, 1), Ok(()));
        let headers = meter.headers(Some(one));
        assert!(headers.contains(&("x-mbx-order-count-1d".to_owned(), "101".to_owned())), "{headers:?}");
    }
}

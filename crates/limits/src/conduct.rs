//! How a scope behaves towards its venues: orders for the same thing twice, too many changes of mind, too little heard back,
//! orders that would meet each other.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use tradewind_types::{
    ConductSettings, Exposure, Nanos, OrderId, OrderKind, OrderTerms, Price, Rate, RefusalReason, SelfTradeCheck, Side, StateDigest,
    TimeInForce, Timestamp, Trigger,
};

/// How many of the latest orders are held against a new one.
pub(crate) const RECENT_ORDERS: usize = 64;

const DAY: i64 = Nanos::from_secs(86_400).0;

/// The UTC day of a moment, counted from the epoch.
#[inline]
pub(crate) const fn utc_day(at: Timestamp) -> i64 {
    at.0.div_euclid(DAY)
}

/// Settings of a scope, and what it has sent: counted per UTC day of our clock, so that a day's bad ratio ends with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Conduct {
    pub(crate) settings: ConductSettings,
    day: i64,
    orders: u64,
    /// Cancels and amends.
    changes: u64,
    /// The latest orders that are not older than the duplicate window, oldest first.
    recent: VecDeque<(Timestamp, OrderTerms)>,
}

/// What is about to be sent.
#[derive(Clone, Copy)]
pub(crate) enum Asked<'a> {
    Place(&'a OrderTerms),
    Amend,
}

impl Conduct {
    /// New settings; what was counted under old ones stays counted.
    pub(crate) fn new(settings: ConductSettings, old: Option<Self>) -> Self {
        let blank = Self { settings, day: i64::MIN, orders: 0, changes: 0, recent: VecDeque::new() };
        let mut conduct = old.map_or(blank, |old| Self { settings, ..old });
        if settings.duplicate_window.is_none() {
            conduct.recent.clear();
        }
        conduct
    }

    pub(crate) fn count_place(&mut self, terms: &OrderTerms, at: Timestamp) {
        self.turn_to(at);
        self.orders = self.orders.saturating_add(1);
        let Some(window) = self.settings.duplicate_window else { return };
        while self.recent.front().is_some_and(|(sent, _)| at.since(*sent) >= window) || self.recent.len() >= RECENT_ORDERS {
            self.recent.pop_front();
        }
        self.recent.push_back((at, *terms));
    }

    pub(crate) fn count_change(&mut self, at: Timestamp) {
        self.turn_to(at);
        self.changes = self.changes.saturating_add(1);
    }

    fn turn_to(&mut self, at: Timestamp) {
        let day = utc_day(at);
        if day != self.day {
            (self.day, self.orders, self.changes) = (day, 0, 0);
        }
    }

    pub(crate) fn check(&self, now: Timestamp, asked: Asked<'_>, unanswered: u32, meets: Option<OrderId>) -> Result<(), RefusalReason> {
        let scope = self.settings.scope;
        if let (SelfTradeCheck::Refuse, Some(resting)) = (self.settings.self_trade, meets) {
            return Err(RefusalReason::SelfTrade { scope, resting });
        }
        if let (Some(window), Asked::Place(terms)) = (self.settings.duplicate_window, asked) {
            self.check_duplicate(now, terms, window)?;
        }
        if let Some(limit) = self.settings.max_cancel_ratio {
            self.check_ratio(now, asked, limit)?;
        }
        let found = unanswered.saturating_add(1);
        match self.settings.max_unanswered {
            Some(limit) if found > limit => Err(RefusalReason::Unanswered { scope, found, limit }),
            Some(_) | None => Ok(()),
        }
    }

    fn check_duplicate(&self, now: Timestamp, terms: &OrderTerms, window: Nanos) -> Result<(), RefusalReason> {
        let twin = self.recent.iter().rev().find(|(sent, recent)| now.since(*sent) < window && recent == terms);
        match twin {
            Some((sent, _)) => Err(RefusalReason::Duplicate { scope: self.settings.scope, age: now.since(*sent), window }),
            None => Ok(()),
        }
    }

    /// With what is asked counted: a new order among the orders, an amend among the changes.
    fn check_ratio(&self, now: Timestamp, asked: Asked<'_>, limit: Rate) -> Result<(), RefusalReason> {
        let (orders, changes) = if utc_day(now) == self.day { (self.orders, self.changes) } else { (0, 0) };
        let (orders, changes) = match asked {
            Asked::Place(_) => (orders.saturating_add(1), changes),
            Asked::Amend => (orders, changes.saturating_add(1)),
        };
        // A count has 64 bits; a limit and ONE have 63 and 27.
        let is_above = i128::from(changes) * Rate::ONE > i128::from(limit.0) * i128::from(orders);
        if changes >= self.settings.cancels_judged_from && is_above {
            return Err(RefusalReason::CancelRatio { scope: self.settings.scope, cancels: changes, orders, limit });
        }
        Ok(())
    }

    pub(crate) fn digest(&self, digest: &mut StateDigest) {
        let s = &self.settings;
        digest.signed(s.max_cancel_ratio.map_or(i64::MIN, |rate| rate.0)).unsigned(s.cancels_judged_from);
        digest.signed(s.duplicate_window.map_or(i64::MIN, |window| window.0));
        digest.unsigned(s.max_unanswered.map_or(u64::MAX, u64::from)).unsigned(s.self_trade as u64);
        digest.signed(self.day).unsigned(self.orders).unsigned(self.changes).unsigned(self.recent.len() as u64);
        for (at, terms) in &self.recent {
            digest.signed(at.0);
            digest_terms(terms, digest);
        }
    }
}

/// Whether an order on `side` that pays or takes no worse than `asked` could trade with one on the other side that pays or takes
/// no worse than `resting`; one without a price takes any.
#[inline]
#[must_use]
pub fn could_meet(side: Side, asked: Option<Price>, resting: Option<Price>) -> bool {
    match (asked, resting, side) {
        (Some(asked), Some(resting), Side::Buy) => asked >= resting,
        (Some(asked), Some(resting), Side::Sell) => asked <= resting,
        (None, _, _) | (_, None, _) => true,
    }
}

fn digest_terms(terms: &OrderTerms, digest: &mut StateDigest) {
    digest.unsigned(u64::from(terms.instrument.0)).unsigned(u64::from(terms.account.0)).unsigned(u64::from(terms.book.0));
    let kind = match terms.kind {
        OrderKind::Market => 0,
        OrderKind::Limit { .. } => 1,
        OrderKind::Stop { .. } => 2,
        OrderKind::StopLimit { .. } => 3,
        OrderKind::TakeProfit { .. } => 4,
        OrderKind::TakeProfitLimit { .. } => 5,
        OrderKind::Iceberg { .. } => 6,
    };
    let display = if let OrderKind::Iceberg { display, .. } = terms.kind { display.0 } else { 0 };
    let (trigger, source) = terms.kind.trigger().map_or((0, 0), |Trigger { price, source }| (price.0, source as u64));
    digest.signed(terms.side.sign()).unsigned(kind).signed(terms.kind.price().map_or(0, |price| price.0));
    digest.signed(display).signed(trigger).unsigned(source);
    let (time_in_force, until) = match terms.time_in_force {
        TimeInForce::GoodTillCancelled => (0, 0),
        TimeInForce::ImmediateOrCancel => (1, 0),
        TimeInForce::FillOrKill => (2, 0),
        TimeInForce::PostOnly => (3, 0),
        TimeInForce::GoodTillTime { until } => (4, until.0),
    };
    let exposure = match terms.exposure {
        Exposure::Any => 0,
        Exposure::ReduceOnly => 1,
        Exposure::LongLeg => 2,
        Exposure::ShortLeg => 3,
    };
    digest.unsigned(time_in_force).signed(until).signed(terms.qty.0).unsigned(exposure);
}

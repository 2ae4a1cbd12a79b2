//! The strictest figures of all rules that an order falls under, read in one go: nearly every order is well inside them, and only
//! one that may not be is taken through the rules one by one, in their order, to say which of them it breaks.

use crate::check::{Ask, OrderContext, is_within};
use crate::scope::{Limits, Route, Rule, ScopeLimits, reference_age_limit};
use tradewind_types::{Amount, InstrumentId, LimitSettings, Side, Timestamp};

/// Settings of a rule as bounds; where there is none, a number that nothing exceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bar {
    notional: Amount,
    qty: i64,
    position: i64,
    deviation: i64,
    age: i64,
    /// Orders per window.
    pub(crate) orders: u64,
}

/// What no bound is.
const UNBOUNDED: i64 = i64::MAX;

impl Bar {
    pub(crate) fn of(settings: &LimitSettings) -> Self {
        // A bound of the largest number is read as one less, which may only send an order through the rules.
        let bound = |value: Option<i64>| value.map_or(UNBOUNDED, |value| value.min(UNBOUNDED - 1));
        Self {
            notional: settings.max_order_notional.unwrap_or(Amount(i128::MAX)),
            qty: bound(settings.max_order_qty.map(|qty| qty.0)),
            position: bound(settings.max_position.map(|qty| qty.0)),
            deviation: bound(settings.max_price_deviation.map(|rate| rate.0)),
            age: bound(reference_age_limit(settings, false).map(|age| age.0)),
            orders: settings.max_orders_per_window.map_or(u64::MAX, u64::from),
        }
    }
}

impl Limits {
    /// Whether an order at a limit price surely passes every rule of its route; `reached` are the positions it could lead to over
    /// the firm, the account and the book, signed. Where this cannot be said at once, the rules decide.
    #[inline(always)]
    pub(crate) fn is_well_inside(&self, context: &OrderContext<'_>, route: Route, ask: &Ask<'_>, reached: [i64; 3]) -> bool {
        let (Some(price), None) = (ask.price, ask.trigger) else { return false };
        let [firm, account, book] = match ask.side {
            Side::Buy => reached,
            Side::Sell => reached.map(i64::saturating_neg),
        };
        let look = Look { ask, instrument: route.instrument, now: context.now };
        let (mut collar, [of_firm, of_venue, of_account, of_book]) = (Collar { deviation: UNBOUNDED, age: UNBOUNDED }, self.on(route));
        let is_inside = look.is_inside(of_firm, firm, &mut collar)
            && look.is_inside(of_venue, firm, &mut collar)
            && look.is_inside(of_account, account, &mut collar)
            && look.is_inside(of_book, book, &mut collar);
        is_inside
            && (collar.deviation == UNBOUNDED
                || context.reference.is_some_and(|reference| {
                    context.now.since(reference.at).0 <= collar.age && is_within(price, reference.price, collar.deviation)
                }))
    }
}

/// The narrowest collar so far.
struct Collar {
    deviation: i64,
    age: i64,
}

/// A first look at an order.
struct Look<'a> {
    ask: &'a Ask<'a>,
    instrument: InstrumentId,
    now: Timestamp,
}

impl Look<'_> {
    /// Whether the order is inside a scope's rules in all but the price, whose collar is noted.
    #[inline(always)]
    fn is_inside(&self, limits: Option<&ScopeLimits>, position: i64, collar: &mut Collar) -> bool {
        let Some(limits) = limits else { return true };
        let [each, specific] = limits.rules(self.instrument);
        self.is_inside_rule(each, position, collar) && self.is_inside_rule(specific, position, collar)
    }

    #[inline(always)]
    fn is_inside_rule(&self, rule: Option<&Rule>, position: i64, collar: &mut Collar) -> bool {
        let Some(rule) = rule else { return true };
        let bar = &rule.bar;
        collar.deviation = collar.deviation.min(bar.deviation);
        collar.age = collar.age.min(bar.age);
        position <= bar.position && self.ask.qty.0 <= bar.qty && self.ask.notional <= bar.notional && !rule.is_full(self.now)
    }
}

//! Settings, halts and rate windows of each scope: firm, venue, account, book.

use crate::bar::Bar;
use crate::budget::Budget;
use crate::conduct::Conduct;
use crate::guard::Guard;
use crate::window::Window;
use serde::{Deserialize, Serialize};
use tradewind_types::{
    AccountId, Amount, AssetId, BookId, BudgetSettings, ConductSettings, EquityMark, InstrumentId, LimitScope, LimitSettings, Nanos,
    OrderTerms, RefusalReason, Restriction, StateDigest, Timestamp, VenueId,
};

/// Which scopes an order falls under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Where it trades.
    pub venue: VenueId,
    /// Whose money.
    pub account: AccountId,
    /// Whose strategy.
    pub book: BookId,
    /// What.
    pub instrument: InstrumentId,
}

/// Settings with the times of the orders in their rate window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "WrittenRule")]
pub(crate) struct Rule {
    pub(crate) settings: LimitSettings,
    /// The latest orders; never more than the rate limit, which is all that a check needs.
    sent: Window,
    /// The settings, for a first look.
    #[serde(skip)]
    pub(crate) bar: Bar,
}

/// What is written of a rule: the rest follows.
#[derive(Deserialize)]
struct WrittenRule {
    settings: LimitSettings,
    sent: Window,
}

impl From<WrittenRule> for Rule {
    fn from(written: WrittenRule) -> Self {
        let WrittenRule { settings, sent } = written;
        Self { settings, sent, bar: Bar::of(&settings) }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ScopeLimits {
    halted: bool,
    cancels_sent: u64,
    /// For each instrument alike; its rate window counts the scope's orders on all instruments together.
    each: Option<Rule>,
    by_instrument: Vec<Option<Rule>>,
    guard: Option<Box<Guard>>,
}

/// All scopes. See the crate's documentation for how it changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    firm: ScopeLimits,
    venues: Vec<ScopeLimits>,
    accounts: Vec<ScopeLimits>,
    books: Vec<ScopeLimits>,
    /// Whether any scope has a guard.
    has_guards: bool,
}

impl Rule {
    /// How many orders the window holds.
    fn room(&self) -> usize {
        self.settings.max_orders_per_window.map_or(0, |limit| limit as usize)
    }

    #[inline]
    fn count(&mut self, at: Timestamp) {
        self.sent.push(at, self.room());
    }

    /// Refuses when the window (now - rate_window, now] already holds the limit.
    #[inline]
    pub(crate) fn check_rate(&self, now: Timestamp) -> Result<(), RefusalReason> {
        match self.settings.max_orders_per_window {
            Some(limit) if self.is_full(now) => {
                Err(RefusalReason::OrderRate { scope: self.settings.scope, found: limit.saturating_add(1), limit })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether the window (now - rate_window, now] already holds the limit.
    #[inline]
    pub(crate) fn is_full(&self, now: Timestamp) -> bool {
        // The ring holds the latest `limit` orders: when its oldest is inside the window, so are all.
        let is_inside = |at: Timestamp| now.since(at) < self.settings.rate_window;
        self.sent.len() as u64 >= self.bar.orders && self.sent.oldest().is_none_or(is_inside)
    }

    fn digest(&self, digest: &mut StateDigest) {
        let s = &self.settings;
        let present = |digest: &mut StateDigest, value: Option<i128>| {
            digest.unsigned(u64::from(value.is_some())).wide(value.unwrap_or(0));
        };
        present(digest, s.instrument.map(|v| i128::from(v.0)));
        present(digest, s.max_order_qty.map(|v| i128::from(v.0)));
        present(digest, s.max_order_notional.map(|v| v.0));
        present(digest, s.max_price_deviation.map(|v| i128::from(v.0)));
        present(digest, s.max_reference_age.map(|v| i128::from(v.0)));
        present(digest, s.max_position.map(|v| i128::from(v.0)));
        present(digest, s.max_orders_per_window.map(i128::from));
        digest.signed(s.rate_window.0).unsigned(self.sent.len() as u64);
        for at in self.sent.iter() {
            digest.signed(at.0);
        }
    }
}

impl ScopeLimits {
    /// What holds for each instrument, and what holds for this one.
    #[inline]
    pub(crate) fn rules(&self, instrument: InstrumentId) -> [Option<&Rule>; 2] {
        [self.each.as_ref(), self.by_instrument.get(instrument.index()).and_then(Option::as_ref)]
    }

    #[inline]
    fn count(&mut self, instrument: InstrumentId, at: Timestamp) {
        if let Some(rule) = &mut self.each {
            rule.count(at);
        }
        if let Some(Some(rule)) = self.by_instrument.get_mut(instrument.index()) {
            rule.count(at);
        }
    }

    fn slot(&mut self, instrument: Option<InstrumentId>) -> &mut Option<Rule> {
        match instrument {
            None => &mut self.each,
            Some(id) => grown(&mut self.by_instrument, id.index()),
        }
    }

    fn digest(&self, digest: &mut StateDigest) {
        digest.unsigned(u64::from(self.halted)).unsigned(self.cancels_sent);
        let specific = self.by_instrument.iter().flatten();
        digest.unsigned(self.each.iter().chain(specific.clone()).count() as u64);
        self.each.iter().chain(specific).for_each(|rule| rule.digest(digest));
        // A scope without a guard has the digest it had before there could be one.
        if let Some(guard) = &self.guard {
            guard.digest(digest.bytes(b"guard"));
        }
    }
}

fn grown<T: Default>(table: &mut Vec<T>, index: usize) -> &mut T {
    if table.len() <= index {
        table.resize_with(index + 1, T::default);
    }
    &mut table[index]
}

impl Limits {
    /// No limits yet, nothing halted.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the limits of a scope, in place of those it had for the same instrument (or for each). Orders already in the rate
    /// window stay counted.
    pub fn define(&mut self, settings: LimitSettings) {
        let slot = self.scope_mut(settings.scope).slot(settings.instrument);
        let sent = slot.take().map(|old| old.sent).unwrap_or_default();
        let mut rule = Rule::from(WrittenRule { settings, sent });
        rule.sent = rule.sent.latest(rule.room());
        *slot = Some(rule);
    }

    /// Sets the money limits of a scope, in place of those it had. Its last mark stays, unless the currency is another one.
    pub fn define_budget(&mut self, settings: BudgetSettings) {
        let guard = self.guard_mut(settings.scope);
        guard.budget = Some(Budget::new(settings, guard.budget.take()));
    }

    /// Sets the limits on the conduct of a scope, in place of those it had. What was counted stays counted.
    pub fn define_conduct(&mut self, settings: ConductSettings) {
        let guard = self.guard_mut(settings.scope);
        guard.conduct = Some(Conduct::new(settings, guard.conduct.take()));
    }

    /// Sets what may be done with an instrument in a scope.
    pub fn restrict(&mut self, scope: LimitScope, instrument: InstrumentId, restriction: Restriction) {
        let guard = self.guard_mut(scope);
        match restriction {
            Restriction::None => guard.restricted.remove(&instrument),
            Restriction::CloseOnly | Restriction::Forbidden => guard.restricted.insert(instrument, restriction),
        };
    }

    /// Takes the mark of a scope's equity; nothing where it has no budget.
    pub fn take_mark(&mut self, scope: LimitScope, mark: EquityMark, at: Timestamp) {
        if let Some(budget) = self.existing_mut(scope).and_then(|limits| limits.guard.as_mut()?.budget.as_mut()) {
            budget.take_mark(mark, at);
        }
    }

    /// Counts money that came into scopes from elsewhere (or left, when negative): between two marks it is neither profit nor loss.
    pub fn count_flow(&mut self, scopes: &[LimitScope], asset: AssetId, amount: Amount) {
        if !self.has_guards {
            return;
        }
        for scope in scopes {
            if let Some(budget) = self.existing_mut(*scope).and_then(|limits| limits.guard.as_mut()?.budget.as_mut()) {
                budget.count_flow(asset, amount);
            }
        }
    }

    /// Latches a halt: nothing new passes there until [`Self::resume`].
    pub fn halt(&mut self, scope: LimitScope) {
        self.scope_mut(scope).halted = true;
    }

    /// Lifts the halt of exactly this scope.
    pub fn resume(&mut self, scope: LimitScope) {
        self.scope_mut(scope).halted = false;
    }

    /// Whether exactly this scope is halted.
    #[must_use]
    pub fn is_halted(&self, scope: LimitScope) -> bool {
        self.scope(scope).is_some_and(|s| s.halted)
    }

    /// The widest halted scope that an order on this route falls under.
    #[inline]
    #[must_use]
    pub fn halted_on(&self, route: Route) -> Option<LimitScope> {
        let is_halted = |limits: Option<&ScopeLimits>| limits.is_some_and(|limits| limits.halted);
        let [firm, venue, account, book] = self.on(route).map(is_halted);
        if !(firm | venue | account | book) {
            return None;
        }
        let scopes = route_scopes(route);
        scopes.into_iter().zip([firm, venue, account, book]).find(|(_, is_halted)| *is_halted).map(|(scope, _)| scope)
    }

    /// Counts an order that left, in every scope of its route.
    #[inline]
    pub fn count_place(&mut self, route: Route, terms: &OrderTerms, at: Timestamp) {
        self.count_rate(route, at);
        if self.has_guards {
            self.each_conduct(route, |conduct| conduct.count_place(terms, at));
        }
    }

    /// Counts an amend that left, in every scope of its route: it uses up the order rate as a new order does.
    #[inline]
    pub fn count_amend(&mut self, route: Route, at: Timestamp) {
        self.count_rate(route, at);
        if self.has_guards {
            self.each_conduct(route, |conduct| conduct.count_change(at));
        }
    }

    /// Counts a cancel that left, in every scope of its route. Cancels never use up the order rate.
    #[inline]
    pub fn count_cancel(&mut self, route: Route, at: Timestamp) {
        for scope in route_scopes(route) {
            let limits = self.scope_mut(scope);
            limits.cancels_sent = limits.cancels_sent.saturating_add(1);
        }
        if self.has_guards {
            self.each_conduct(route, |conduct| conduct.count_change(at));
        }
    }

    #[inline]
    fn count_rate(&mut self, route: Route, at: Timestamp) {
        let Route { venue, account, book, instrument } = route;
        self.firm.count(instrument, at);
        if let Some(limits) = self.venues.get_mut(venue.index()) {
            limits.count(instrument, at);
        }
        if let Some(limits) = self.accounts.get_mut(account.index()) {
            limits.count(instrument, at);
        }
        if let Some(limits) = self.books.get_mut(book.index()) {
            limits.count(instrument, at);
        }
    }

    #[cold]
    #[inline(never)]
    fn each_conduct(&mut self, route: Route, count: impl Fn(&mut Conduct)) {
        for scope in route_scopes(route) {
            if let Some(conduct) = self.existing_mut(scope).and_then(|limits| limits.guard.as_mut()?.conduct.as_mut()) {
                count(conduct);
            }
        }
    }

    /// Cancels counted in a scope so far.
    #[must_use]
    pub fn cancels_sent(&self, scope: LimitScope) -> u64 {
        self.scope(scope).map_or(0, |s| s.cancels_sent)
    }

    /// Whether any scope at all has a budget, limits on conduct or a restricted list.
    #[inline]
    #[must_use]
    pub const fn has_guards(&self) -> bool {
        self.has_guards
    }

    /// Whether any scope of a route has a budget, limits on conduct or a restricted list.
    #[must_use]
    pub fn is_guarded(&self, route: Route) -> bool {
        self.has_guards && self.guards_on(route).iter().any(Option::is_some)
    }

    /// The guards of a route's scopes, widest first.
    #[must_use]
    pub fn guards_on(&self, route: Route) -> [Option<&Guard>; 4] {
        self.on(route).map(|limits| limits.and_then(|limits| limits.guard.as_deref()))
    }

    /// Every budget, by scope: firm, venues, accounts, books.
    pub fn budgets(&self) -> impl Iterator<Item = &Budget> {
        let all = std::iter::once(&self.firm).chain(&self.venues).chain(&self.accounts).chain(&self.books);
        all.filter_map(|limits| limits.guard.as_ref()?.budget.as_ref())
    }

    /// The oldest reference price that a scope accepts to value an instrument by: that of its limits, where they name one.
    #[must_use]
    pub fn reference_age(&self, scope: LimitScope, instrument: InstrumentId) -> Nanos {
        let rules = self.scope(scope).map_or([None; 2], |limits| limits.rules(instrument));
        rules.into_iter().flatten().filter_map(|rule| rule.settings.max_reference_age).min().unwrap_or(Nanos(i64::MAX))
    }

    /// Adds everything that decides to a digest, in canonical order.
    pub fn digest(&self, digest: &mut StateDigest) {
        self.firm.digest(digest);
        for table in [&self.venues, &self.accounts, &self.books] {
            let touched = |s: &&ScopeLimits| **s != ScopeLimits::default();
            digest.unsigned(table.iter().filter(touched).count() as u64);
            for (index, scope) in table.iter().enumerate().filter(|(_, s)| touched(s)) {
                digest.unsigned(index as u64);
                scope.digest(digest);
            }
        }
    }

    /// Whether an order on this route passes every rule, widest scope first.
    ///
    /// # Errors
    /// The first that `check` gives.
    #[inline(always)]
    pub(crate) fn pass<E>(&self, route: Route, mut check: impl FnMut(&Rule) -> Result<(), E>) -> Result<(), E> {
        for limits in self.on(route).into_iter().flatten() {
            for rule in limits.rules(route.instrument).into_iter().flatten() {
                check(rule)?;
            }
        }
        Ok(())
    }

    /// The scopes of a route, widest first.
    #[inline]
    pub(crate) fn on(&self, route: Route) -> [Option<&ScopeLimits>; 4] {
        let Route { venue, account, book, .. } = route;
        [Some(&self.firm), self.venues.get(venue.index()), self.accounts.get(account.index()), self.books.get(book.index())]
    }

    #[inline]
    fn scope(&self, scope: LimitScope) -> Option<&ScopeLimits> {
        match scope {
            LimitScope::Firm => Some(&self.firm),
            LimitScope::Venue(id) => self.venues.get(id.index()),
            LimitScope::Account(id) => self.accounts.get(id.index()),
            LimitScope::Book(id) => self.books.get(id.index()),
        }
    }

    #[inline]
    fn existing_mut(&mut self, scope: LimitScope) -> Option<&mut ScopeLimits> {
        match scope {
            LimitScope::Firm => Some(&mut self.firm),
            LimitScope::Venue(id) => self.venues.get_mut(id.index()),
            LimitScope::Account(id) => self.accounts.get_mut(id.index()),
            LimitScope::Book(id) => self.books.get_mut(id.index()),
        }
    }

    fn guard_mut(&mut self, scope: LimitScope) -> &mut Guard {
        self.has_guards = true;
        self.scope_mut(scope).guard.get_or_insert_default()
    }

    fn scope_mut(&mut self, scope: LimitScope) -> &mut ScopeLimits {
        match scope {
            LimitScope::Firm => &mut self.firm,
            LimitScope::Venue(id) => grown(&mut self.venues, id.index()),
            LimitScope::Account(id) => grown(&mut self.accounts, id.index()),
            LimitScope::Book(id) => grown(&mut self.books, id.index()),
        }
    }
}

/// The scopes of a route, widest first.
#[inline]
#[must_use]
pub const fn route_scopes(route: Route) -> [LimitScope; 4] {
    [LimitScope::Firm, LimitScope::Venue(route.venue), LimitScope::Account(route.account), LimitScope::Book(route.book)]
}

/// Oldest reference that a rule accepts, or `None` where it does not care. A rule that needs a reference and names no age
/// accepts only one of this very instant: fail closed.
pub(crate) fn reference_age_limit(settings: &LimitSettings, is_market: bool) -> Option<Nanos> {
    let needs_reference = settings.max_price_deviation.is_some() || (is_market && settings.max_order_notional.is_some());
    match (needs_reference, settings.max_reference_age) {
        (true, age) => Some(age.unwrap_or(Nanos(0))),
        (false, Some(age)) if is_market => Some(age),
        (false, _) => None,
    }
}

//! What guarded scopes are judged by, read off the state where an order asks for it: values of positions with everything in
//! flight, equity, room for margin, answers outstanding, and which live orders a new one could meet.
//!
//! Positions are valued at the latest reference prices, no older than the scope's own limits accept (`max_reference_age`); equity
//! is marked at the latest ones, however old. A scope that holds something without a price is not marked, and passes nothing that
//! adds to a position.

use crate::engine::{Engine, Step};
use crate::equity::{Owner, ValuationError};
use crate::market::Market;
use crate::orders::Order;
use crate::position::direction;
use crate::state::State;
use tradewind_limits::{
    Budget, Exposures, Holding, MarginRoom, Route, ScopeFigures, Standing, Surroundings, Valuation, Worth, could_meet, initial_margin,
    route_scopes,
};
use tradewind_types::{
    AccountId, Amount, AssetId, Exposure, Instrument, InstrumentId, LimitScope, MarginMode, MoneyError, Nanos, OrderId, OrderState,
    OrderTerms, Outcome, PositionMode, Price, RefusalReason, Rounding, SelfTradeCheck, Side, Timestamp,
};

/// An order that is asked for, and what for.
#[derive(Clone, Copy)]
struct Wish<'a> {
    terms: &'a OrderTerms,
    /// Worst acceptable price; none for an order that takes what the book offers.
    price: Option<Price>,
    at: Timestamp,
}

/// Prices by instrument, for one valuation.
struct Marks {
    prices: Vec<Option<Price>>,
}

/// Why a scope has no value: what has no price.
struct Unvalued(InstrumentId);

impl Marks {
    fn of(&self, instrument: InstrumentId) -> Result<Price, Unvalued> {
        self.prices.get(instrument.index()).copied().flatten().ok_or(Unvalued(instrument))
    }
}

impl Engine {
    /// Marks the equity of every scope with a budget, and halts those that have lost too much.
    pub(crate) fn mark_equity(&mut self, at: Timestamp, step: &mut Step) {
        let scopes: Vec<LimitScope> = self.state.limits.budgets().map(|budget| budget.settings().scope).collect();
        let marks = self.state.marks(&self.market, at, |_| Nanos(i64::MAX));
        for scope in scopes {
            let Some(budget) = self.state.limits.budgets().find(|budget| budget.settings().scope == scope) else { continue };
            // Without a price there is nothing to judge by; orders there are refused until there is one.
            let Ok(worth) = self.state.worth(budget, &marks, InstrumentId::default()) else { continue };
            let Ok(mark) = budget.next_mark(worth, at) else {
                self.halt(scope, at, step);
                continue;
            };
            let is_breach = budget.breach(&mark).is_some();
            if self.commit(Outcome::EquityMarked { scope, mark, at }, at, step) && is_breach {
                self.halt(scope, at, step);
            }
        }
    }

    /// Refusals that say more than no: the scope stops.
    pub(crate) fn halt_after(&mut self, reason: &RefusalReason, at: Timestamp, step: &mut Step) {
        if let RefusalReason::DailyLoss { scope, .. } | RefusalReason::Drawdown { scope, .. } | RefusalReason::Unanswered { scope, .. } =
            reason
        {
            self.halt(*scope, at, step);
        }
    }
}

impl State {
    /// What only some orders are judged by; none for the others, at the price of four questions.
    #[inline]
    pub(crate) fn surroundings(
        &self,
        market: &Market,
        terms: &OrderTerms,
        price: Option<Price>,
        at: Timestamp,
    ) -> Option<Box<Surroundings<'_>>> {
        let is_plain = terms.exposure == Exposure::Any
            && self.registry.margin(terms.instrument).is_none()
            && !self.limits.has_guards()
            && !self.accounts.is_hedged(terms.account);
        if is_plain { None } else { self.unusual_surroundings(market, terms, price, at) }
    }

    #[cold]
    #[inline(never)]
    fn unusual_surroundings(
        &self,
        market: &Market,
        terms: &OrderTerms,
        price: Option<Price>,
        at: Timestamp,
    ) -> Option<Box<Surroundings<'_>>> {
        let venue = self.registry.instrument(terms.instrument)?.terms().venue;
        let route = Route { venue, account: terms.account, book: terms.book, instrument: terms.instrument };
        let wish = Wish { terms, price, at };
        let mut scopes = [ScopeFigures::default(); 4];
        for ((scope, guard), figures) in route_scopes(route).into_iter().zip(self.limits.guards_on(route)).zip(&mut scopes) {
            let Some(guard) = guard else { continue };
            if let Some(budget) = guard.budget() {
                figures.valuation = Some(self.valuation(budget, market, wish).map_err(|Unvalued(instrument)| instrument));
            }
            if let Some(conduct) = guard.conduct() {
                if conduct.max_unanswered.is_some() {
                    figures.unanswered = self.unanswered(scope);
                }
                if conduct.self_trade == SelfTradeCheck::Refuse {
                    figures.meets = self.meets(scope, wish);
                }
            }
        }
        Some(Box::new(Surroundings {
            position_mode: self.position_mode(terms.account),
            closable: self.closable(terms.account, terms.instrument, terms.side),
            legs: self.legs(terms.account, terms.instrument),
            scopes,
            margin: self.margin_room(market, wish).map(|room| room.map_err(|Unvalued(instrument)| instrument)),
        }))
    }

    fn in_scope(&self, scope: LimitScope, order: &Order) -> bool {
        match scope {
            LimitScope::Firm => true,
            LimitScope::Venue(venue) => self.registry.account(order.terms.account).is_some_and(|account| account.venue == venue),
            LimitScope::Account(account) => order.terms.account == account,
            LimitScope::Book(book) => order.terms.book == book,
        }
    }

    /// Live orders with something under way that the venue has not answered.
    fn unanswered(&self, scope: LimitScope) -> u32 {
        let is_waiting = |order: &&Order| match order.state {
            OrderState::Sent | OrderState::Amending { .. } | OrderState::Cancelling | OrderState::Unknown { .. } => {
                self.in_scope(scope, order)
            }
            OrderState::Open | OrderState::Done { .. } => false,
        };
        u32::try_from(self.live_orders().filter(is_waiting).count()).unwrap_or(u32::MAX)
    }

    /// The oldest live order of the scope that the wish could trade with. One that waits for its trigger is in no book, on either
    /// side: where it wakes up, the venue's own prevention decides.
    fn meets(&self, scope: LimitScope, wish: Wish<'_>) -> Option<OrderId> {
        let Wish { terms, price, .. } = wish;
        if terms.kind.trigger().is_some() {
            return None;
        }
        let is_met = |order: &&Order| {
            let is_opposite = order.terms.instrument == terms.instrument && order.terms.side != terms.side;
            is_opposite
                && order.terms.kind.trigger().is_none()
                && self.in_scope(scope, order)
                && could_meet(terms.side, price, keenest_price(order))
        };
        self.live_orders().find(is_met).map(|order| order.id)
    }

    /// Latest prices by instrument, of those not older than `age` accepts.
    fn marks(&self, market: &Market, at: Timestamp, age: impl Fn(InstrumentId) -> Nanos) -> Marks {
        let mut prices = Vec::new();
        for instrument in self.registry.instruments() {
            let id = instrument.id();
            let fresh = market.view(id).reference().filter(|reference| at.since(reference.at) <= age(id));
            *crate::grid::grown(&mut prices, id.index()) = fresh.map(|reference| reference.price);
        }
        Marks { prices }
    }

    fn valuation(&self, budget: &Budget, market: &Market, wish: Wish<'_>) -> Result<Valuation, Unvalued> {
        let (scope, currency) = (budget.settings().scope, budget.settings().currency);
        let Wish { terms, at, .. } = wish;
        let asked = terms.instrument;
        let marks = self.marks(market, at, |id| self.limits.reference_age(scope, id));
        let price = marks.of(asked)?;
        let (mut others, mut own) = (Exposures::default(), Holding::default());
        let is_own = |holder: Holder, id: InstrumentId| {
            let is_holder = match holder {
                Holder::Account(account) => account == terms.account,
                Holder::Book => true,
            };
            is_holder && id == asked
        };
        for (holder, instrument, holding) in self.holdings(scope) {
            if is_own(holder, instrument.id()) {
                own = holding;
            } else {
                let exposures = self.exposures(instrument, holding, currency, &marks)?;
                others = others.plus(exposures).map_err(|_| Unvalued(instrument.id()))?;
            }
        }
        let instrument = self.registry.instrument(asked).ok_or(Unvalued(asked))?;
        let conversion = self.conversion(instrument.value_asset(), currency, &marks.prices).ok_or(Unvalued(asked))?;
        let worth = if budget.needs_equity() { Some(self.worth(budget, &marks, asked)?) } else { None };
        Ok(Valuation { others, own, price, conversion, worth })
    }

    fn exposures(&self, instrument: &Instrument, holding: Holding, currency: AssetId, marks: &Marks) -> Result<Exposures, Unvalued> {
        let id = instrument.id();
        let price = marks.of(id)?;
        let conversion = self.conversion(instrument.value_asset(), currency, &marks.prices).ok_or(Unvalued(id))?;
        Exposures::of(holding, |lots| conversion.convert(instrument.value(price, lots, Rounding::Truncate)?)).map_err(|_| Unvalued(id))
    }

    /// A scope's equity and what came in from elsewhere since its last mark. What cannot be converted is told by `asked`.
    fn worth(&self, budget: &Budget, marks: &Marks, asked: InstrumentId) -> Result<Worth, Unvalued> {
        let (scope, currency) = (budget.settings().scope, budget.settings().currency);
        let owners: Vec<Owner> = match scope {
            LimitScope::Book(book) => vec![Owner::Book(book)],
            LimitScope::Firm => self.accounts_in(scope).map(Owner::Account).chain([Owner::InTransit]).collect(),
            LimitScope::Venue(_) | LimitScope::Account(_) => self.accounts_in(scope).map(Owner::Account).collect(),
        };
        let mut worth = Worth::default();
        for owner in owners {
            let equity = self.equity(owner, currency, &marks.prices).map_err(|error| match error {
                ValuationError::NoMark { instrument } => Unvalued(instrument),
                ValuationError::NoConversion { .. } | ValuationError::Money(_) => Unvalued(asked),
            })?;
            worth.equity = worth.equity.plus(equity).map_err(|_| Unvalued(asked))?;
        }
        for (asset, amount) in budget.flows() {
            let conversion = self.conversion(asset, currency, &marks.prices).ok_or(Unvalued(asked))?;
            worth.flows = conversion.convert(amount).and_then(|value| worth.flows.plus(value)).map_err(|_| Unvalued(asked))?;
        }
        Ok(worth)
    }

    fn accounts_in(&self, scope: LimitScope) -> impl Iterator<Item = AccountId> + '_ {
        let is_in = move |account: &&tradewind_types::Account| match scope {
            LimitScope::Firm => true,
            LimitScope::Venue(venue) => account.venue == venue,
            LimitScope::Account(id) => account.id == id,
            LimitScope::Book(_) => false,
        };
        self.registry.accounts().filter(is_in).map(|account| account.id)
    }

    /// Every position of a scope with what is in flight: of each account for itself, or of the book.
    fn holdings(&self, scope: LimitScope) -> Vec<(Holder, &Instrument, Holding)> {
        let mut found = Vec::new();
        let mut add = |holder, instrument, holding: Holding| {
            if holding != Holding::default() {
                found.push((holder, instrument, holding));
            }
        };
        for instrument in self.registry.instruments() {
            let id = instrument.id();
            if let LimitScope::Book(book) = scope {
                add(Holder::Book, instrument, Holding { standing: self.book_outlook(book, id), legs: None });
                continue;
            }
            for account in self.accounts_in(scope) {
                let standing = self.account_outlook(account, id);
                let legs = self.legs(account, id).filter(|legs| *legs != 0 || standing != Standing::default());
                add(Holder::Account(account), instrument, Holding { standing, legs });
            }
        }
        found
    }

    /// In a hedge-mode account: lots of both legs together.
    fn legs(&self, account: AccountId, instrument: InstrumentId) -> Option<i64> {
        let is_hedged = self.position_mode(account) == PositionMode::Hedge;
        let lots = |exposure| self.leg(account, instrument, exposure).lots.saturating_abs();
        is_hedged.then(|| lots(Exposure::LongLeg).saturating_add(lots(Exposure::ShortLeg)))
    }

    /// What the account can still put behind the wish; none where it needs no margin or nobody knows the venue's schedule.
    fn margin_room(&self, market: &Market, wish: Wish<'_>) -> Option<Result<MarginRoom<'_>, Unvalued>> {
        let Wish { terms, at, .. } = wish;
        let schedule = self.registry.margin(terms.instrument)?;
        let account = self.registry.account(terms.account)?;
        let instrument = self.registry.instrument(terms.instrument)?;
        if matches!(account.mode, MarginMode::Spot) || instrument.terms().kind.is_spot() {
            return None;
        }
        let scope = LimitScope::Account(account.id);
        let marks = self.marks(market, at, |id| self.limits.reference_age(scope, id));
        let leverage = self.registry.leverage(account.id, terms.instrument);
        let room = self.free_margin(account.id, account.mode, instrument.value_asset(), &marks);
        Some(room.and_then(|free| Ok(MarginRoom { free, leverage, schedule, price: marks.of(terms.instrument)? })))
    }

    /// Balance, in a cross account with the open profit of its positions, less the initial margin of everything that they could grow
    /// to. An instrument without a schedule counts at the leverage chosen for it.
    fn free_margin(&self, account: AccountId, mode: MarginMode, asset: AssetId, marks: &Marks) -> Result<Amount, Unvalued> {
        let mut free = self.balance(account, asset);
        for (_, instrument, holding) in self.holdings(LimitScope::Account(account)) {
            let (id, kind) = (instrument.id(), instrument.terms().kind);
            if kind.is_spot() || instrument.value_asset() != asset {
                continue;
            }
            let price = marks.of(id)?;
            let change = || -> Result<Amount, MoneyError> {
                let position = self.position(account, id);
                let value = Amount(direction(kind) * instrument.value(price, position.lots, Rounding::Truncate)?.0);
                let profit = if matches!(mode, MarginMode::Cross) { position.unrealised(value)? } else { Amount::ZERO };
                let overflow = MoneyError::Overflow { operation: "add lots", left: position.lots.into(), right: 0 };
                let largest = instrument.value(price, holding.largest().ok_or(overflow)?, Rounding::Ceil)?;
                profit.minus(initial_margin(self.registry.margin(id), self.registry.leverage(account, id), largest)?)
            };
            free = change().and_then(|change| free.plus(change)).map_err(|_| Unvalued(id))?;
        }
        Ok(free)
    }
}

/// Whose position it is.
#[derive(Clone, Copy)]
enum Holder {
    Account(AccountId),
    Book,
}

/// The price at which an order gives most, whatever becomes of an amend; none where it takes what the book offers.
fn keenest_price(order: &Order) -> Option<Price> {
    let price = order.price()?;
    let asked = order.amendment.map_or(price, |amendment| amendment.price);
    Some(match order.terms.side {
        Side::Buy => price.max(asked),
        Side::Sell => price.min(asked),
    })
}

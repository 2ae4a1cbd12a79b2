//! The checks, in the order in which they are made; the first that fails is the answer.

use crate::budget::Valuation;
use crate::command::{Approval, Command};
use crate::conduct::Asked;
use crate::margin::{Growth, MarginRoom};
use crate::reservation::{Ceiling, limit_reservation, market_reservation, spending_asset};
use crate::scope::{Limits, Route, Rule, reference_age_limit};
use crate::terms::{check_terms, is_closing};
use serde::{Deserialize, Serialize};
use tradewind_types::{
    Account, Amount, Instrument, InstrumentId, LimitScope, MarginMode, MoneyError, Nanos, OrderId, OrderRequest, OrderState, OrderTerms,
    PositionMode, Price, Qty, Rate, RefusalReason, Rounding, Side, Timestamp,
};

/// A price to measure orders against, and when it was seen on our clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Price.
    pub price: Price,
    /// Our clock.
    pub at: Timestamp,
}

/// Whether the instrument's order book can be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum BookHealth {
    /// Usable, or the instrument has none (bars, quotes).
    #[default]
    Valid,
    /// A gap, a crossed book or a bad level; until a snapshot restores it.
    Invalid,
}

/// A position and what may still be added to it: lots of everything in flight, the larger outcome of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Net lots traded, signed.
    pub position: i64,
    /// Lots that live buy orders may still add.
    pub buys: i64,
    /// Lots that live sell orders may still take away.
    pub sells: i64,
}

impl Standing {
    /// With `lots` more in flight on one side.
    pub(crate) const fn with(self, side: Side, lots: i64) -> Self {
        match side {
            Side::Buy => Self { buys: self.buys.saturating_add(lots), ..self },
            Side::Sell => Self { sells: self.sells.saturating_add(lots), ..self },
        }
    }

    /// The largest reachable position on one side if `lots` more were in flight there, signed.
    #[inline]
    pub(crate) fn worst(&self, side: Side, lots: i64) -> Option<i64> {
        match side {
            Side::Buy => self.position.checked_add(self.buys)?.checked_add(lots),
            Side::Sell => self.position.checked_sub(self.sells)?.checked_sub(lots),
        }
    }
}

/// A position as money limits see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// Net, with what is in flight.
    pub standing: Standing,
    /// In a hedge-mode account: lots of both legs together, which do not make each other smaller.
    pub legs: Option<i64>,
}

impl Holding {
    /// The largest number of lots that it could come to, of either sign; with legs, of both.
    #[must_use]
    pub fn largest(self) -> Option<i64> {
        let Standing { position, buys, sells } = self.standing;
        match self.legs {
            None => Some(position.checked_add(buys)?.checked_abs()?.max(position.checked_sub(sells)?.checked_abs()?)),
            Some(legs) => legs.checked_add(buys)?.checked_add(sells),
        }
    }

    pub(crate) fn with(self, side: Side, lots: i64) -> Self {
        Self { standing: self.standing.with(side, lots), ..self }
    }
}

/// What the engine knows about the place where an order is to go.
#[derive(Clone, Copy, Debug)]
pub struct OrderContext<'a> {
    /// Our clock.
    pub now: Timestamp,
    /// What is traded.
    pub instrument: &'a Instrument,
    /// Whose money.
    pub account: &'a Account,
    /// The latest reference price.
    pub reference: Option<Reference>,
    /// Whether the instrument's book can be trusted.
    pub book_health: BookHealth,
    /// The instrument over all accounts: firm and venue alike, since an instrument trades at one venue.
    pub firm: Standing,
    /// The instrument in the order's account.
    pub account_standing: Standing,
    /// The instrument in the order's book.
    pub book: Standing,
    /// Free balance of what the order would spend ([`spending_asset`]), reservations taken off.
    pub free: Amount,
    /// What only some orders are judged by: those on a guarded route ([`Limits::is_guarded`]), in an account with legs or margin, or
    /// that may only close. Without it an account is one-way, has nothing to close and needs no margin, and a guarded route passes
    /// nothing.
    pub surroundings: Option<&'a Surroundings<'a>>,
}

/// What only some orders are judged by.
#[derive(Clone, Copy, Debug, Default)]
pub struct Surroundings<'a> {
    /// How the account keeps its derivative positions.
    pub position_mode: PositionMode,
    /// Lots that an order which may only close could still take off the account's position (or its leg): what is there, less what
    /// closing orders in flight may take. In a [`Standing`], too, they count for no more than that.
    pub closable: i64,
    /// In a hedge-mode account: lots of both legs together.
    pub legs: Option<i64>,
    /// Firm, venue, account, book.
    pub scopes: [ScopeFigures; 4],
    /// Room for the initial margin, where the instrument has a schedule; or what the account holds without a price.
    pub margin: Option<Result<MarginRoom<'a>, InstrumentId>>,
}

/// What a guarded scope is judged by.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScopeFigures {
    /// Where it has a budget: what it holds, or what of it has no fresh price.
    pub valuation: Option<Result<Valuation, InstrumentId>>,
    /// Where it limits them: orders sent, amended or cancelled that the venue has not answered.
    pub unanswered: u32,
    /// Where it refuses them: a live order that the new one could trade with.
    pub meets: Option<OrderId>,
}

/// A live order that is to be amended.
#[derive(Clone, Copy, Debug)]
pub struct LiveOrder {
    /// Its id.
    pub order: OrderId,
    /// Its terms as they are now.
    pub terms: OrderTerms,
    /// Its state.
    pub state: OrderState,
    /// Filled so far.
    pub filled: Qty,
    /// Its largest outcome as it is now.
    pub ceiling: Ceiling,
}

/// What is asked for, as the checks see it.
pub(crate) struct Ask<'a> {
    pub(crate) side: Side,
    pub(crate) price: Option<Price>,
    /// Where an order that waits wakes up.
    pub(crate) trigger: Option<Price>,
    /// Whole order, for size and value.
    pub(crate) qty: Qty,
    /// Lots and money on top of what is reserved already, for position and balance. Of an order that may only close, the lots that
    /// it could close.
    pub(crate) added_lots: i64,
    added_reserve: Amount,
    pub(crate) notional: Amount,
    pub(crate) is_closing: bool,
    pub(crate) asked: Asked<'a>,
}

impl Limits {
    /// Turns the wish for a new order into a command. Checks, in order: halts, that instrument and account belong together, that
    /// the terms do not contradict each other, the venue's filters, the book's validity, then per scope (firm, venue, account, book)
    /// size, reference age, value, price collar, position and rate; per guarded scope the restricted list, conduct and money
    /// limits; and last the balance of spot accounts and the initial margin of others.
    ///
    /// Position: net lots traded in the instrument plus everything in flight on the order's own side; a limit is a bound on the
    /// absolute value, and an order that moves away from it passes. Orders that may only close count, all together, for no more
    /// than there is to close.
    ///
    /// An order that waits for a trigger is worth its limit price where it has one, else the trigger price, and a spot buy
    /// without a limit reserves [`crate::MARKET_PRICE_ALLOWANCE`] on top. Its limit price is collared around its own trigger,
    /// since that is where the market will be when it works; how far away the trigger is, is nobody's slip.
    ///
    /// # Errors
    /// The first check that fails.
    #[inline]
    pub fn place<'a>(&self, context: &OrderContext<'_>, order: OrderId, terms: &'a OrderTerms) -> Result<Approval<'a>, RefusalReason> {
        let route = context.route(terms);
        self.check_halts(route)?;
        context.check_belongs(terms)?;
        check_terms(context, terms)?;
        let price = terms.kind.price();
        let trigger = terms.kind.trigger().map(|trigger| trigger.price);
        let notional = context.notional(self, route, price.or(trigger), terms.qty)?;
        let reserved = match (price, trigger.or(context.reference.map(|reference| reference.price))) {
            (Some(worst), _) => limit_reservation(context.instrument, context.account, terms.side, worst, terms.qty),
            (None, Some(mark)) => market_reservation(context.instrument, context.account, terms.side, mark, terms.qty),
            (None, None) => Ok(Amount::ZERO),
        }
        .map_err(overflow)?;
        Ceiling::new(terms.qty, reserved).map_err(overflow)?;
        let ask = Ask {
            side: terms.side,
            price,
            trigger,
            qty: terms.qty,
            added_lots: context.added(terms, terms.qty.0),
            added_reserve: reserved,
            notional,
            is_closing: is_closing(terms.exposure, terms.side),
            asked: Asked::Place(terms),
        };
        self.check(context, route, &ask)?;
        Ok(Approval { order, terms, reserved })
    }

    /// Turns the wish to amend an order that has a limit price (a plain one, an iceberg, one that waits for its trigger) into a
    /// command. Both outcomes count: only what the new terms add to the present reservation is checked against position and balance.
    ///
    /// # Errors
    /// [`RefusalReason::NotLive`] unless the order has a limit price and is in state `Open`; [`RefusalReason::VenueFilter`] for a total
    /// quantity not above what is filled; else as [`Self::place`].
    pub fn amend(&self, context: &OrderContext<'_>, live: &LiveOrder, price: Price, qty: Qty) -> Result<Command, RefusalReason> {
        let terms = &live.terms;
        if live.state != OrderState::Open || terms.kind.price().is_none() {
            return Err(RefusalReason::NotLive { order: live.order });
        }
        let route = context.route(terms);
        self.check_halts(route)?;
        check_terms(context, &OrderTerms { kind: terms.kind.at_price(price), qty, ..*terms })?;
        let notional = context.notional(self, route, Some(price), qty)?;
        if qty <= live.filled {
            return Err(RefusalReason::VenueFilter { qty, notional });
        }
        let amount = limit_reservation(context.instrument, context.account, terms.side, price, qty).map_err(overflow)?;
        let now = live.ceiling.held(live.filled).map_err(overflow)?;
        let asked = Ceiling::new(qty, amount).map_err(overflow)?;
        let then = live.ceiling.or(asked).and_then(|both| both.held(live.filled)).map_err(overflow)?;
        let ask = Ask {
            side: terms.side,
            price: Some(price),
            trigger: terms.kind.trigger().map(|trigger| trigger.price),
            qty,
            added_lots: context.added(terms, then.lots - now.lots),
            added_reserve: Amount(then.amount.0 - now.amount.0),
            notional,
            is_closing: is_closing(terms.exposure, terms.side),
            asked: Asked::Amend,
        };
        self.check(context, route, &ask)?;
        Ok(Command::mint(OrderRequest::Amend { order: live.order, instrument: terms.instrument, price, qty }))
    }

    /// Turns the wish to cancel into a command: passes under halts, on invalid books and beyond every rate.
    ///
    /// # Errors
    /// [`RefusalReason::NotLive`] for an order that is over.
    #[inline]
    pub fn cancel(&self, order: OrderId, instrument: InstrumentId, state: OrderState) -> Result<Command, RefusalReason> {
        match state {
            OrderState::Done { .. } => Err(RefusalReason::NotLive { order }),
            OrderState::Sent | OrderState::Open | OrderState::Amending { .. } | OrderState::Cancelling | OrderState::Unknown { .. } => {
                Ok(Command::mint(OrderRequest::Cancel { order, instrument }))
            }
        }
    }

    /// Every rule on the route, widest scope first.
    #[cold]
    #[inline(never)]
    fn check_rules(&self, context: &OrderContext<'_>, route: Route, ask: &Ask<'_>) -> Result<(), RefusalReason> {
        self.pass(route, |rule| context.check_rule(rule, ask))
    }

    #[inline]
    fn check_halts(&self, route: Route) -> Result<(), RefusalReason> {
        self.halted_on(route).map_or(Ok(()), |scope| Err(RefusalReason::Halted { scope }))
    }

    #[inline(always)]
    fn check(&self, context: &OrderContext<'_>, route: Route, ask: &Ask<'_>) -> Result<(), RefusalReason> {
        context.check_filters(ask)?;
        if context.book_health == BookHealth::Invalid {
            return Err(RefusalReason::InvalidBook { instrument: route.instrument });
        }
        let reach = |standing: &Standing| standing.worst(ask.side, ask.added_lots).ok_or(RefusalReason::Overflow);
        let reached = [reach(&context.firm)?, reach(&context.account_standing)?, reach(&context.book)?];
        if self.is_well_inside(context, route, ask, reached) {
            debug_assert!(self.check_rules(context, route, ask).is_ok(), "the first look passed what a rule refuses: {route:?}");
        } else {
            self.check_rules(context, route, ask)?;
        }
        if self.has_guards() {
            self.check_guards(context, route, ask)?;
        }
        if ask.added_reserve > context.free && ask.added_reserve > Amount::ZERO {
            let asset = spending_asset(context.instrument, ask.side);
            return Err(RefusalReason::InsufficientBalance { asset, asked: ask.added_reserve, free: context.free });
        }
        match context.surroundings {
            Some(around) => context.check_margin(around, ask),
            None => Ok(()),
        }
    }
}

impl OrderContext<'_> {
    #[inline]
    fn route(&self, terms: &OrderTerms) -> Route {
        Route { venue: self.instrument.terms().venue, account: terms.account, book: terms.book, instrument: terms.instrument }
    }

    fn check_belongs(&self, terms: &OrderTerms) -> Result<(), RefusalReason> {
        let venue = self.instrument.terms();
        let is_derivative_in_spot = !venue.kind.is_spot() && matches!(self.account.mode, MarginMode::Spot);
        if venue.venue != self.account.venue || is_derivative_in_spot {
            return Err(RefusalReason::NotDefined { instrument: terms.instrument, account: terms.account, book: terms.book });
        }
        Ok(())
    }

    /// The order's value: at its limit, else at the reference, which a market order must have and which must be fresh enough for
    /// every rule on its route.
    #[inline]
    fn notional(&self, limits: &Limits, route: Route, price: Option<Price>, qty: Qty) -> Result<Amount, RefusalReason> {
        let worst = match price {
            Some(price) if price.0 <= 0 || qty.0 <= 0 => return Err(RefusalReason::VenueFilter { qty, notional: Amount::ZERO }),
            Some(price) => price,
            None => self.market_reference(limits, route)?,
        };
        self.instrument.value(worst, qty.0, Rounding::Truncate).map_err(overflow)
    }

    fn market_reference(&self, limits: &Limits, route: Route) -> Result<Price, RefusalReason> {
        let mut limit = Nanos(i64::MAX);
        limits.pass(route, |rule| {
            limit = reference_age_limit(&rule.settings, true).map_or(limit, |age| age.min(limit));
            Ok(())
        })?;
        self.fresh_reference(limit).map(|reference| reference.price)
    }

    fn fresh_reference(&self, limit: Nanos) -> Result<Reference, RefusalReason> {
        let Some(reference) = self.reference else {
            return Err(RefusalReason::StaleReference { age: Nanos(i64::MAX), limit });
        };
        let age = self.now.since(reference.at);
        if age > limit { Err(RefusalReason::StaleReference { age, limit }) } else { Ok(reference) }
    }

    #[inline]
    fn check_filters(&self, ask: &Ask<'_>) -> Result<(), RefusalReason> {
        let venue = self.instrument.filters();
        let is_in_range = ask.qty.0 > 0 && ask.qty >= venue.min_qty && ask.qty <= venue.max_qty;
        let is_on_grid = is_multiple(ask.qty.0, venue.qty_step.0)
            && ask.price.is_none_or(|price| is_multiple(price.0, venue.price_step.0))
            && ask.trigger.is_none_or(|trigger| is_multiple(trigger.0, venue.price_step.0));
        if !is_in_range || !is_on_grid || ask.notional < venue.min_notional {
            return Err(RefusalReason::VenueFilter { qty: ask.qty, notional: ask.notional });
        }
        Ok(())
    }

    #[inline]
    fn check_rule(&self, rule: &Rule, ask: &Ask<'_>) -> Result<(), RefusalReason> {
        let settings = &rule.settings;
        let scope = settings.scope;
        if let Some(limit) = settings.max_order_qty
            && ask.qty > limit
        {
            return Err(RefusalReason::OrderQty { scope, asked: ask.qty, limit });
        }
        if let Some(limit) = settings.max_order_notional
            && ask.notional > limit
        {
            return Err(RefusalReason::OrderNotional { scope, asked: ask.notional, limit });
        }
        if let (Some(deviation), Some(price)) = (settings.max_price_deviation, ask.price) {
            let limit = reference_age_limit(settings, false).unwrap_or(Nanos(0));
            let reference = match ask.trigger {
                Some(trigger) => trigger,
                None => self.fresh_reference(limit)?.price,
            };
            check_collar(scope, price, reference, deviation)?;
        }
        if let Some(limit) = settings.max_position {
            self.check_position(scope, ask, limit)?;
        }
        rule.check_rate(self.now)
    }

    /// The instrument's standing in a scope of the route.
    #[inline]
    pub(crate) const fn standing(&self, scope: LimitScope) -> &Standing {
        match scope {
            LimitScope::Firm | LimitScope::Venue(_) => &self.firm,
            LimitScope::Account(_) => &self.account_standing,
            LimitScope::Book(_) => &self.book,
        }
    }

    /// What `lots` more of an order add to a position: of one that may only close, no more than there is to close.
    #[inline]
    fn added(&self, terms: &OrderTerms, lots: i64) -> i64 {
        if is_closing(terms.exposure, terms.side) { lots.min(self.surroundings.map_or(0, |around| around.closable)).max(0) } else { lots }
    }

    #[cold]
    #[inline(never)]
    fn check_margin(&self, around: &Surroundings<'_>, ask: &Ask<'_>) -> Result<(), RefusalReason> {
        let Some(margin) = around.margin else { return Ok(()) };
        if ask.added_lots == 0 || ask.is_closing {
            return Ok(());
        }
        let scope = LimitScope::Account(self.account.id);
        let room = margin.map_err(|instrument| RefusalReason::NoValuation { scope, instrument })?;
        let before = Holding { standing: self.account_standing, legs: around.legs };
        let (after, price) = (before.with(ask.side, ask.added_lots), ask.price.or(ask.trigger).unwrap_or(room.price));
        room.check(&Growth { instrument: self.instrument, before, after, price })
    }

    #[inline]
    fn check_position(&self, scope: LimitScope, ask: &Ask<'_>, limit: Qty) -> Result<(), RefusalReason> {
        if ask.added_lots == 0 {
            return Ok(());
        }
        let standing = self.standing(scope);
        let found = standing.worst(ask.side, ask.added_lots).ok_or(RefusalReason::Overflow)?;
        let is_beyond = match ask.side {
            Side::Buy => found > limit.0,
            Side::Sell => found < limit.0.saturating_neg(),
        };
        if is_beyond { Err(RefusalReason::Position { scope, found, limit }) } else { Ok(()) }
    }
}

/// Passes when |price - reference| <= reference × deviation, exactly.
fn check_collar(scope: LimitScope, asked: Price, reference: Price, limit: Rate) -> Result<(), RefusalReason> {
    if is_within(asked, reference, limit.0) { Ok(()) } else { Err(RefusalReason::PriceCollar { scope, asked, reference, limit }) }
}

/// Whether |price - reference| <= reference × deviation, exactly.
#[inline]
pub(crate) fn is_within(asked: Price, reference: Price, deviation: i64) -> bool {
    let distance = i128::from(asked.0.abs_diff(reference.0));
    let allowed = i128::from(reference.0) * i128::from(deviation);
    // A distance has 64 bits and ONE has 27.
    distance * Rate::ONE <= allowed
}

#[inline]
const fn is_multiple(value: i64, step: i64) -> bool {
    step <= 1 || value % step == 0
}

fn overflow(_: MoneyError) -> RefusalReason {
    RefusalReason::Overflow
}

//! The checks, in the order in which they are made; the first that fails is the answer.

use crate::command::{Approval, Command};
use crate::reservation::{Ceiling, limit_reservation, market_reservation, spending_asset};
use crate::scope::{Limits, Route, Rule, reference_age_limit};
use serde::{Deserialize, Serialize};
use tradewind_types::{
    Account, Amount, Instrument, InstrumentId, LimitScope, MarginMode, MoneyError, Nanos, OrderId, OrderKind, OrderRequest, OrderState,
    OrderTerms, Price, Qty, Rate, RefusalReason, Rounding, Side, Timestamp,
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
    /// The largest reachable position on one side if `lots` more were in flight there, signed.
    #[inline]
    fn worst(&self, side: Side, lots: i64) -> Option<i64> {
        match side {
            Side::Buy => self.position.checked_add(self.buys)?.checked_add(lots),
            Side::Sell => self.position.checked_sub(self.sells)?.checked_sub(lots),
        }
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
struct Ask {
    side: Side,
    price: Option<Price>,
    /// Whole order, for size and value.
    qty: Qty,
    /// Lots and money on top of what is reserved already, for position and balance.
    added_lots: i64,
    added_reserve: Amount,
    notional: Amount,
}

impl Limits {
    /// Turns the wish for a new order into a command. Checks, in order: halts, that instrument and account belong together, the
    /// venue's filters, the book's validity, then per scope (firm, venue, account, book) size, reference age, value, price
    /// collar, position and rate, and last the balance of spot accounts.
    ///
    /// Position: net lots traded in the instrument plus everything in flight on the order's own side; a limit is a bound on the
    /// absolute value, and an order that moves away from it passes.
    ///
    /// # Errors
    /// The first check that fails.
    #[inline]
    pub fn place(&self, context: &OrderContext<'_>, order: OrderId, terms: OrderTerms) -> Result<Approval, RefusalReason> {
        let route = context.route(&terms);
        self.check_halts(route)?;
        context.check_belongs(&terms)?;
        let price = terms.kind.price();
        let notional = context.notional(self, route, price, terms.qty)?;
        let reserved = match (price, context.reference) {
            (Some(worst), _) => limit_reservation(context.instrument, context.account, terms.side, worst, terms.qty),
            (None, Some(mark)) => market_reservation(context.instrument, context.account, terms.side, mark.price, terms.qty),
            (None, None) => Ok(Amount::ZERO),
        }
        .map_err(overflow)?;
        Ceiling::new(terms.qty, reserved).map_err(overflow)?;
        let ask = Ask { side: terms.side, price, qty: terms.qty, added_lots: terms.qty.0, added_reserve: reserved, notional };
        self.check(context, route, &ask)?;
        Ok(Approval { command: Command::mint(OrderRequest::Place { order, terms }), reserved })
    }

    /// Turns the wish to amend a resting limit order into a command. Both outcomes count: only what the new terms add to the
    /// present reservation is checked against position and balance.
    ///
    /// # Errors
    /// [`RefusalReason::NotLive`] unless the order is a limit order in state `Open`; [`RefusalReason::VenueFilter`] for a total
    /// quantity not above what is filled; else as [`Self::place`].
    pub fn amend(&self, context: &OrderContext<'_>, live: &LiveOrder, price: Price, qty: Qty) -> Result<Command, RefusalReason> {
        let terms = &live.terms;
        let is_amendable = matches!((live.state, terms.kind), (OrderState::Open, OrderKind::Limit { .. }));
        if !is_amendable {
            return Err(RefusalReason::NotLive { order: live.order });
        }
        let route = context.route(terms);
        self.check_halts(route)?;
        let notional = context.notional(self, route, Some(price), qty)?;
        if qty <= live.filled {
            return Err(RefusalReason::VenueFilter { qty, notional });
        }
        let amount = limit_reservation(context.instrument, context.account, terms.side, price, qty).map_err(overflow)?;
        let now = live.ceiling.held(live.filled).map_err(overflow)?;
        let asked = Ceiling::new(qty, amount).map_err(overflow)?;
        let then = live.ceiling.or(asked).and_then(|both| both.held(live.filled)).map_err(overflow)?;
        let (added_lots, added_reserve) = (then.lots - now.lots, Amount(then.amount.0 - now.amount.0));
        let ask = Ask { side: terms.side, price: Some(price), qty, added_lots, added_reserve, notional };
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

    #[inline]
    fn check_halts(&self, route: Route) -> Result<(), RefusalReason> {
        self.halted_on(route).map_or(Ok(()), |scope| Err(RefusalReason::Halted { scope }))
    }

    #[inline]
    fn check(&self, context: &OrderContext<'_>, route: Route, ask: &Ask) -> Result<(), RefusalReason> {
        context.check_filters(ask)?;
        if context.book_health == BookHealth::Invalid {
            return Err(RefusalReason::InvalidBook { instrument: route.instrument });
        }
        for standing in [&context.firm, &context.account_standing, &context.book] {
            standing.worst(ask.side, ask.added_lots).ok_or(RefusalReason::Overflow)?;
        }
        self.pass(route, |rule| context.check_rule(rule, ask))?;
        if ask.added_reserve > context.free && ask.added_reserve > Amount::ZERO {
            let asset = spending_asset(context.instrument, ask.side);
            return Err(RefusalReason::InsufficientBalance { asset, asked: ask.added_reserve, free: context.free });
        }
        Ok(())
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
    fn check_filters(&self, ask: &Ask) -> Result<(), RefusalReason> {
        let venue = self.instrument.terms();
        let is_in_range = ask.qty.0 > 0 && ask.qty >= venue.min_qty && ask.qty <= venue.max_qty;
        if !is_in_range || ask.notional < venue.min_notional {
            return Err(RefusalReason::VenueFilter { qty: ask.qty, notional: ask.notional });
        }
        Ok(())
    }

    #[inline]
    fn check_rule(&self, rule: &Rule, ask: &Ask) -> Result<(), RefusalReason> {
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
            check_collar(scope, price, self.fresh_reference(limit)?.price, deviation)?;
        }
        if let Some(limit) = settings.max_position {
            self.check_position(scope, ask, limit)?;
        }
        rule.check_rate(self.now)
    }

    #[inline]
    fn check_position(&self, scope: LimitScope, ask: &Ask, limit: Qty) -> Result<(), RefusalReason> {
        let standing = match scope {
            LimitScope::Firm | LimitScope::Venue(_) => &self.firm,
            LimitScope::Account(_) => &self.account_standing,
            LimitScope::Book(_) => &self.book,
        };
        if ask.added_lots == 0 {
            return Ok(());
        }
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
    let distance = i128::from(asked.0.abs_diff(reference.0));
    let allowed = i128::from(reference.0) * i128::from(limit.0);
    // A distance has 64 bits and ONE has 27.
    let scaled = distance * Rate::ONE;
    if scaled > allowed { Err(RefusalReason::PriceCollar { scope, asked, reference, limit }) } else { Ok(()) }
}

fn overflow(_: MoneyError) -> RefusalReason {
    RefusalReason::Overflow
}

//! Orders filled on bars, under a model that is stated and sees nothing before its time.
//!
//! A bar arrives at its close and tells when it opened. Only orders that had reached the venue by then (`arrived <= open_ts`)
//! can use it: an order sent on the close of bar k meets the open of bar k+1, one that arrives inside a bar waits for the next.
//! So nobody trades at a price that was past when the order came. What happens at one bar, in this order:
//!
//! 1. **Entering orders**, by arrival, take at the open, made worse by half the spread and by the impact of everything taken on
//!    their side of this bar so far, rounded against us to the tick. A limit order takes only as much as its price allows.
//!    Their fills are stamped with the bar's open. The rest of a market or immediate order is cancelled.
//! 2. **Resting orders**, those that the bar went through furthest first, then by arrival, fill as maker at their own price if the bar traded strictly through it (low <
//!    price for a buy): at the price itself we may have been last in the queue. Stamped with the bar's close, since nobody knows
//!    when inside the bar it was. An order that took at this bar's open rests from the next bar on.
//!
//! All fills of one instrument in one bar share `max_participation` of its volume, whole lots; no volume, no fill.
//!
//! Market, immediate and resting orders are acknowledged on arrival. Whether a post-only order would take and whether a
//! fill-or-kill order can be filled depends on the open, so their answer (`Accepted` or `Rejected`) comes with that bar. A
//! post-only order that was accepted and then amended across the open is `Expired`.
//!
//! Depth, trades and quotes are not read.

use crate::Exchange;
use crate::desk::{Answers, Desk, Execution, Market, at_least_as_aggressive, check, check_terms};
use crate::fees::FeeSchedule;
use tradewind_types::{
    Bar, Instrument, InstrumentId, Liquidity, MarketEvent, MoneyError, OrderId, OrderRequest, OrderTerms, Price, Qty, Rate, RejectReason,
    Rounding, Side, TimeInForce, Timestamp, VenueReply,
};

/// How taking a share of a bar's volume moves the price, as a fraction of the open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Impact {
    /// Not at all.
    None,
    /// Coefficient × participation.
    Linear(Rate),
    /// Coefficient × √participation (the square-root law; Almgren et al. 2005, Tóth et al. 2011).
    SquareRoot(Rate),
}

/// The stated assumptions of fills on bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarFillModel {
    /// Half the bid-ask spread, as a fraction of the open.
    pub half_spread: Rate,
    /// Price impact of taking.
    pub impact: Impact,
    /// Largest share of a bar's volume that our orders fill together.
    pub max_participation: Rate,
}

/// One instrument on a [`BarExchange`].
#[derive(Clone, Debug)]
pub struct BarListing {
    /// What trades.
    pub instrument: Instrument,
    /// What a fill costs.
    pub fees: FeeSchedule,
    /// How orders fill.
    pub fills: BarFillModel,
}

/// A venue that fills orders on bars.
#[derive(Clone, Debug)]
pub struct BarExchange {
    desk: Desk<BarMarket>,
}

impl BarExchange {
    /// A venue with these listings; of two listings of one instrument the later counts.
    #[must_use]
    pub fn new(listings: Vec<BarListing>) -> Self {
        Self { desk: Desk::new(listings.into_iter().map(|listing| BarMarket { listing, orders: Vec::new(), last_price: None })) }
    }
}

impl Exchange for BarExchange {
    fn on_market(&mut self, at: Timestamp, event: &MarketEvent<'_>, replies: &mut Vec<VenueReply>) {
        let MarketEvent::Bar(bar) = event else { return };
        if let (Some(market), mut out) = self.desk.open(bar.instrument, at, replies) {
            market.on_bar(bar, &mut out);
        }
    }

    fn on_request(&mut self, at: Timestamp, request: &OrderRequest, replies: &mut Vec<VenueReply>) {
        self.desk.request(at, request, replies);
    }
}

/// Where an order stands between bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Meets the first open at or after its arrival.
    Entering,
    /// In the book.
    Resting,
    /// Took at this bar's open; in the book from the next bar on.
    Took,
    /// Over.
    Done,
}

/// Whether the venue has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Due,
    Given,
}

/// A live order.
#[derive(Clone, Copy, Debug)]
struct Working {
    order: OrderId,
    terms: OrderTerms,
    limit: Option<Price>,
    left: i64,
    filled: i64,
    arrived: Timestamp,
    phase: Phase,
    answer: Answer,
}

#[derive(Clone, Debug)]
struct BarMarket {
    listing: BarListing,
    /// By arrival.
    orders: Vec<Working>,
    last_price: Option<Price>,
}

/// One bar while orders use it up.
struct Session<'a> {
    bar: &'a Bar,
    model: BarFillModel,
    /// Lots that may still fill.
    budget: i64,
    /// Lots taken at the open, by buys and by sells.
    taken: [i64; 2],
}

impl Market for BarMarket {
    fn instrument(&self) -> InstrumentId {
        self.listing.instrument.id()
    }

    fn place(&mut self, order: OrderId, terms: &OrderTerms, out: &mut Answers<'_>) -> Result<(), RejectReason> {
        check_terms(&self.listing.instrument, terms, self.last_price)?;
        let limit = terms.kind.price();
        let answer = match (terms.time_in_force, limit) {
            (TimeInForce::PostOnly, None) => return Err(RejectReason::WouldTake),
            (TimeInForce::PostOnly | TimeInForce::FillOrKill, _) => Answer::Due,
            (TimeInForce::GoodTillTime { .. }, _) => return Err(RejectReason::NotOffered),
            (TimeInForce::GoodTillCancelled | TimeInForce::ImmediateOrCancel, _) => {
                out.accept(order);
                Answer::Given
            }
        };
        let (left, arrived) = (terms.qty.0, out.at);
        self.orders.push(Working { order, terms: *terms, limit, left, filled: 0, arrived, phase: Phase::Entering, answer });
        Ok(())
    }

    fn amend(&mut self, order: OrderId, price: Price, qty: Qty, out: &mut Answers<'_>) -> Result<(), RejectReason> {
        let index = self.orders.iter().position(|working| working.order == order).ok_or(RejectReason::UnknownOrder)?;
        check(&self.listing.instrument, Some(price), qty)?;
        let mut working = self.orders[index];
        let left = qty.0 - working.filled;
        if left <= 0 || working.limit.is_none() {
            return Err(RejectReason::InvalidFilter);
        }
        if working.limit == Some(price) && left <= working.left {
            self.orders[index].left = left;
        } else {
            // A new price, or more: to the end of the queue, and to the next open.
            self.orders.remove(index);
            (working.limit, working.left, working.arrived, working.phase) = (Some(price), left, out.at, Phase::Entering);
            self.orders.push(working);
        }
        out.send(VenueReply::Amended { order, price, qty });
        Ok(())
    }

    fn cancel(&mut self, order: OrderId) -> Result<(), RejectReason> {
        let index = self.orders.iter().position(|working| working.order == order).ok_or(RejectReason::UnknownOrder)?;
        self.orders.remove(index);
        Ok(())
    }
}

impl BarMarket {
    fn on_bar(&mut self, bar: &Bar, out: &mut Answers<'_>) {
        if bar.open.0 <= 0 {
            return;
        }
        self.last_price = Some(bar.close);
        let mut orders = std::mem::take(&mut self.orders);
        let mut session = Session::new(bar, self.listing.fills);
        for working in orders.iter_mut().filter(|w| w.phase == Phase::Entering && w.arrived <= bar.open_ts) {
            self.enter(working, &mut session, out);
        }
        let mut makers: Vec<&mut Working> =
            orders.iter_mut().filter(|w| w.phase == Phase::Resting && session.depth_through(w) > 0).collect();
        // Price priority within a side, and comparable across the two; the sort is stable, so arrival decides between equals.
        makers.sort_by_key(|w| std::cmp::Reverse(session.depth_through(w)));
        for working in makers {
            let (qty, price) = (working.left.min(session.budget), working.limit.unwrap_or(bar.open));
            session.budget -= qty;
            self.fill(working, price, qty, Liquidity::Maker, out.at, out);
        }
        orders.retain_mut(|working| {
            if working.phase == Phase::Took {
                working.phase = Phase::Resting;
            }
            working.phase != Phase::Done && working.left > 0
        });
        self.orders = orders;
    }

    /// Lets an order meet the open.
    fn enter(&self, working: &mut Working, session: &mut Session<'_>, out: &mut Answers<'_>) {
        let side = working.terms.side;
        let marketable = session.is_marketable(side, working.limit);
        let (qty, price) = if marketable { session.takeable(side, working.limit, working.left) } else { (0, session.bar.open) };
        let refusal = match working.terms.time_in_force {
            TimeInForce::PostOnly if marketable => Some(RejectReason::WouldTake),
            TimeInForce::FillOrKill if qty < working.left => Some(RejectReason::CannotFillCompletely),
            _ => None,
        };
        let order = working.order;
        let answer = std::mem::replace(&mut working.answer, Answer::Given);
        if let Some(reason) = refusal {
            working.phase = Phase::Done;
            out.send(match answer {
                Answer::Due => VenueReply::Rejected { order, reason },
                Answer::Given => VenueReply::Expired { order },
            });
            return;
        }
        if answer == Answer::Due {
            out.accept(order);
        }
        working.phase = if marketable { Phase::Took } else { Phase::Resting };
        session.take(side, qty);
        self.fill(working, price, qty, Liquidity::Taker, session.bar.open_ts, out);
        let rests =
            matches!(working.terms.time_in_force, TimeInForce::GoodTillCancelled | TimeInForce::PostOnly) && working.limit.is_some();
        if !rests && working.left > 0 && working.phase != Phase::Done {
            working.phase = Phase::Done;
            out.send(VenueReply::Cancelled { order });
        }
    }

    /// Fills part of an order; the venue may have to end it instead.
    fn fill(&self, working: &mut Working, price: Price, qty: i64, liquidity: Liquidity, at: Timestamp, out: &mut Answers<'_>) {
        if qty <= 0 {
            return;
        }
        working.left -= qty;
        working.filled += qty;
        let execution = Execution { order: working.order, side: working.terms.side, price, qty: Qty(qty), liquidity, at };
        if !out.fill(&self.listing.instrument, &self.listing.fees, execution) {
            working.phase = Phase::Done;
        }
    }
}

impl<'a> Session<'a> {
    fn new(bar: &'a Bar, model: BarFillModel) -> Self {
        let share = Rounding::Floor.mul_div(i128::from(bar.volume.0.max(0)), i128::from(model.max_participation.0.max(0)), Rate::ONE);
        let budget = share.map_or(0, |lots| i64::try_from(lots).unwrap_or(i64::MAX)).min(bar.volume.0.max(0));
        Self { bar, model, budget, taken: [0, 0] }
    }

    /// Whether a limit reaches the touch at the open.
    fn is_marketable(&self, side: Side, limit: Option<Price>) -> bool {
        limit.is_none_or(|limit| self.moved(side, self.model.half_spread.0).is_ok_and(|touch| at_least_as_aggressive(side, limit, touch)))
    }

    /// How much of `qty` can be taken at the open within `limit`, and at what price: the largest quantity whose price, impact
    /// included, is inside.
    fn takeable(&self, side: Side, limit: Option<Price>, qty: i64) -> (i64, Price) {
        let inside = |lots: i64| {
            let price = self.price_of(side, lots).ok()?;
            limit.is_none_or(|limit| at_least_as_aggressive(side, limit, price)).then_some(price)
        };
        let most = qty.min(self.budget);
        if let (1.., Some(price)) = (most, inside(most)) {
            return (most, price);
        }
        // `fits` is inside (or nothing), `beyond` is not: halve until they meet.
        let (mut fits, mut price, mut beyond) = (0, self.bar.open, most);
        while beyond - fits > 1 {
            let middle = fits + (beyond - fits) / 2;
            match inside(middle) {
                Some(found) => (fits, price) = (middle, found),
                None => beyond = middle,
            }
        }
        (fits, price)
    }

    fn take(&mut self, side: Side, qty: i64) {
        self.budget -= qty;
        self.taken[side_index(side)] += qty;
    }

    /// Price of taking `qty` more lots.
    fn price_of(&self, side: Side, qty: i64) -> Result<Price, MoneyError> {
        let lots = i128::from(self.taken[side_index(side)]) + i128::from(qty);
        let participation = Rounding::Ceil.mul_div(lots, Rate::ONE, i128::from(self.bar.volume.0))?;
        let impact = match self.model.impact {
            Impact::None => 0,
            Impact::Linear(rate) => Rounding::Ceil.mul_div(i128::from(rate.0), participation, Rate::ONE)?,
            Impact::SquareRoot(rate) => {
                let root = (participation * Rate::ONE).isqrt();
                Rounding::Ceil.mul_div(i128::from(rate.0), root, Rate::ONE)?
            }
        };
        self.moved(side, self.model.half_spread.0.saturating_add(i64::try_from(impact).unwrap_or(i64::MAX)))
    }

    /// The open, made worse by a fraction; a sale brings at least one tick.
    fn moved(&self, side: Side, fraction: i64) -> Result<Price, MoneyError> {
        let open = self.bar.open.0;
        let shift = Rounding::Ceil.mul_div(i128::from(open), i128::from(fraction), Rate::ONE)?;
        let shift = i64::try_from(shift).unwrap_or(i64::MAX);
        Ok(match side {
            Side::Buy => Price(open.saturating_add(shift)),
            Side::Sell => Price(open.saturating_sub(shift).max(1)),
        })
    }

    /// How many ticks the bar traded through a resting order's price; zero or less when it did not.
    fn depth_through(&self, working: &Working) -> i64 {
        working.limit.map_or(0, |limit| match working.terms.side {
            Side::Buy => limit.0.saturating_sub(self.bar.low.0),
            Side::Sell => self.bar.high.0.saturating_sub(limit.0),
        })
    }
}

const fn side_index(side: Side) -> usize {
    match side {
        Side::Buy => 0,
        Side::Sell => 1,
    }
}

//! Orders filled on bars, under a model that is stated and sees nothing before its time.
//!
//! A bar arrives at its close and tells when it opened. Only orders that had reached the venue by then (`arrived <= open_ts`)
//! can use it: an order sent on the close of bar k meets the open of bar k+1, one that arrives inside a bar waits for the next.
//! So nobody trades at a price that was past when the order came. What happens at one bar, in this order:
//!
//! 1. **Entering orders**, by arrival, take at the open, made worse by half the spread and by the impact of everything taken on
//!    their side of this bar so far, rounded against us to the tick. A limit order takes only as much as its price allows.
//!    Their fills are stamped with the bar's open. The rest of a market or immediate order is cancelled.
//! 2. **Orders that wake inside the bar**, those whose trigger lies nearest the open first, then by arrival, take in the same way
//!    at their trigger in place of the open. Stamped with the bar's close, since nobody knows when inside the bar it was.
//! 3. **Resting orders**, those that the bar went through furthest first, then by arrival, fill as maker at their own price if
//!    the bar traded strictly through it (low < price for a buy): at the price itself we may have been last in the queue. Stamped
//!    with the bar's close. An order that took in this bar rests from the next bar on.
//!
//! All fills of one instrument in one bar share `max_participation` of its volume, whole lots; no volume, no fill.
//!
//! **Stops and take-profits** on the last price wake when the bar's range reaches their trigger and they were there when it
//! opened: at the open where the bar opened at the trigger or beyond (a stop pays the gap, a take-profit keeps it), else inside.
//! One that came inside the bar wakes if the close is beyond its trigger, and enters the next bar, as do those on the mark and
//! the index, which wake when a mark event shows it. So a stop never fills better than the worse of its trigger and the open of
//! the bar that wakes it.
//!
//! An order that is good till a time inside a bar does not get that bar: its fills are known only at the close. An iceberg is a
//! limit order here, since a bar knows no queue. Two orders of ours do not meet each other: each trades with the bar.
//!
//! Market, immediate and resting orders are acknowledged on arrival. Whether a post-only order would take and whether a
//! fill-or-kill order can be filled depends on the open, so their answer (`Accepted` or `Rejected`) comes with that bar. A
//! post-only order that was accepted and then amended across the open, or woke where it would take, is `Expired`.
//!
//! Depth, trades and quotes are not read.

use crate::Exchange;
use crate::desk::{Answers, Desk, Execution, Market, Print, at_least_as_aggressive};
use crate::fees::FeeSchedule;
use crate::triggers::{Moment, Woken};
use tradewind_types::{
    Bar, Instrument, InstrumentFilters, Liquidity, MarketEvent, MoneyError, OrderId, OrderRequest, OrderTerms, Price, Qty, Rate,
    RejectReason, Rounding, Side, TimeInForce, Timestamp, VenueReply,
};

/// How taking a share of a bar's volume moves the price, as a fraction of the price.
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
    /// Half the bid-ask spread, as a fraction of the price.
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

    /// The filters of an instrument from now on; whether it is listed. Orders that were taken before stay.
    pub fn set_filters(&mut self, filters: InstrumentFilters) -> bool {
        self.desk.set_filters(filters)
    }
}

impl Exchange for BarExchange {
    fn on_market(&mut self, at: Timestamp, event: &MarketEvent<'_>, replies: &mut Vec<VenueReply>) {
        self.desk.on_market(at, event, replies);
    }

    fn on_request(&mut self, at: Timestamp, request: &OrderRequest, replies: &mut Vec<VenueReply>) {
        self.desk.request(at, request, replies);
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        self.desk.next_deadline()
    }

    fn on_time(&mut self, at: Timestamp, replies: &mut Vec<VenueReply>) {
        self.desk.on_time(at, replies);
    }
}

/// Where an order stands between bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Meets the first open at or after its arrival.
    Entering,
    /// Wakes inside the coming bar, at this price.
    Waking(Price),
    /// In the book.
    Resting,
    /// Took in this bar; in the book from the next bar on.
    Took,
    /// Over.
    Done,
}

impl Phase {
    const fn wakes_at(self) -> Option<Price> {
        match self {
            Phase::Waking(price) => Some(price),
            _ => None,
        }
    }
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

/// At what price an order meets the market, and when.
#[derive(Clone, Copy, Debug)]
struct Meeting {
    price: Price,
    at: Timestamp,
}

/// One bar while orders use it up.
struct Session<'a> {
    bar: &'a Bar,
    model: BarFillModel,
    /// Lots that may still fill.
    budget: i64,
    /// Lots taken, by buys and by sells.
    taken: [i64; 2],
}

impl Market for BarMarket {
    fn instrument(&self) -> &Instrument {
        &self.listing.instrument
    }

    fn reference(&self, _: Side) -> Option<Price> {
        self.last_price
    }

    fn is_open(&self) -> bool {
        true
    }

    fn printed<'a>(&self, event: &'a MarketEvent<'_>) -> Option<Print<'a>> {
        match event {
            MarketEvent::Bar(bar) if bar.open.0 > 0 => Some(Print::Bar(bar)),
            _ => None,
        }
    }

    fn on_market(&mut self, event: &MarketEvent<'_>, out: &mut Answers<'_>) {
        match event {
            MarketEvent::Bar(bar) if bar.open.0 > 0 => self.on_bar(bar, out),
            _ => {}
        }
    }

    fn place(&mut self, order: OrderId, terms: &OrderTerms, out: &mut Answers<'_>) -> Result<(), RejectReason> {
        self.queue(order, terms, out.at, Phase::Entering, out);
        Ok(())
    }

    fn wake(&mut self, woken: &Woken, out: &mut Answers<'_>) -> Result<(), RejectReason> {
        let phase = match woken.moment {
            Moment::Open => Phase::Entering,
            Moment::Inside(price) => Phase::Waking(price),
        };
        // It was there before the bar opened.
        self.queue(woken.order, &woken.terms, Timestamp(i64::MIN), phase, out);
        Ok(())
    }

    fn has(&self, order: OrderId) -> bool {
        self.orders.iter().any(|working| working.order == order)
    }

    fn amend(&mut self, order: OrderId, price: Price, qty: Qty, out: &mut Answers<'_>) -> Result<(), RejectReason> {
        let index = self.orders.iter().position(|working| working.order == order).ok_or(RejectReason::UnknownOrder)?;
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
    /// Puts an order among those that the next bars meet, and acknowledges it where that needs no bar.
    fn queue(&mut self, order: OrderId, terms: &OrderTerms, arrived: Timestamp, phase: Phase, out: &mut Answers<'_>) {
        let depends_on_a_bar = matches!(terms.time_in_force, TimeInForce::PostOnly | TimeInForce::FillOrKill);
        let answer = if depends_on_a_bar && !out.was_accepted(order) {
            Answer::Due
        } else {
            out.accept(order);
            Answer::Given
        };
        self.orders.push(Working { order, terms: *terms, limit: terms.kind.price(), left: terms.qty.0, filled: 0, arrived, phase, answer });
    }

    fn on_bar(&mut self, bar: &Bar, out: &mut Answers<'_>) {
        self.last_price = Some(bar.close);
        let mut orders = std::mem::take(&mut self.orders);
        let mut session = Session::new(bar, self.listing.fills);
        for working in orders.iter_mut().filter(|w| w.phase == Phase::Entering && w.arrived <= bar.open_ts) {
            self.enter(working, Meeting { price: bar.open, at: bar.open_ts }, &mut session, out);
        }
        let mut waking: Vec<(Price, &mut Working)> = orders.iter_mut().filter_map(|w| w.phase.wakes_at().map(|price| (price, w))).collect();
        // The sort is stable, so arrival decides between equals.
        waking.sort_by_key(|(price, _)| (price.0 - bar.open.0).abs());
        for (price, working) in waking {
            self.enter(working, Meeting { price, at: out.at }, &mut session, out);
        }
        let mut makers: Vec<&mut Working> =
            orders.iter_mut().filter(|w| w.phase == Phase::Resting && session.depth_through(w) > 0).collect();
        // Price priority within a side, and comparable across the two; arrival decides between equals.
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

    /// Lets an order meet the market.
    fn enter(&self, working: &mut Working, meeting: Meeting, session: &mut Session<'_>, out: &mut Answers<'_>) {
        let side = working.terms.side;
        let marketable = session.is_marketable(side, working.limit, meeting.price);
        let (qty, price) = if marketable { session.takeable(side, working.limit, working.left, meeting.price) } else { (0, meeting.price) };
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
        // What woke inside the bar may not use what is left of it, in which it would rest.
        let rests_now = !marketable && working.phase == Phase::Entering;
        working.phase = if rests_now { Phase::Resting } else { Phase::Took };
        session.take(side, qty);
        self.fill(working, price, qty, Liquidity::Taker, meeting.at, out);
        let is_immediate = matches!(working.terms.time_in_force, TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill);
        if (is_immediate || working.limit.is_none()) && working.left > 0 && working.phase != Phase::Done {
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

    /// Whether a limit reaches the touch when the market is at `base`.
    fn is_marketable(&self, side: Side, limit: Option<Price>, base: Price) -> bool {
        let touch = moved(base, side, self.model.half_spread.0);
        limit.is_none_or(|limit| touch.is_ok_and(|touch| at_least_as_aggressive(side, limit, touch)))
    }

    /// How much of `qty` can be taken within `limit` when the market is at `base`, and at what price: the largest quantity whose
    /// price, impact included, is inside.
    fn takeable(&self, side: Side, limit: Option<Price>, qty: i64, base: Price) -> (i64, Price) {
        let inside = |lots: i64| {
            let price = self.price_of(side, lots, base).ok()?;
            limit.is_none_or(|limit| at_least_as_aggressive(side, limit, price)).then_some(price)
        };
        let most = qty.min(self.budget);
        if let (1.., Some(price)) = (most, inside(most)) {
            return (most, price);
        }
        // `fits` is inside (or nothing), `beyond` is not: halve until they meet.
        let (mut fits, mut price, mut beyond) = (0, base, most);
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
    fn price_of(&self, side: Side, qty: i64, base: Price) -> Result<Price, MoneyError> {
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
        moved(base, side, self.model.half_spread.0.saturating_add(i64::try_from(impact).unwrap_or(i64::MAX)))
    }

    /// How many ticks the bar traded through a resting order's price; zero or less when it did not.
    fn depth_through(&self, working: &Working) -> i64 {
        working.limit.map_or(0, |limit| match working.terms.side {
            Side::Buy => limit.0.saturating_sub(self.bar.low.0),
            Side::Sell => self.bar.high.0.saturating_sub(limit.0),
        })
    }
}

/// A price, made worse by a fraction; a sale brings at least one tick.
fn moved(base: Price, side: Side, fraction: i64) -> Result<Price, MoneyError> {
    let shift = Rounding::Ceil.mul_div(i128::from(base.0), i128::from(fraction), Rate::ONE)?;
    let shift = i64::try_from(shift).unwrap_or(i64::MAX);
    Ok(match side {
        Side::Buy => Price(base.0.saturating_add(shift)),
        Side::Sell => Price(base.0.saturating_sub(shift).max(1)),
    })
}

const fn side_index(side: Side) -> usize {
    match side {
        Side::Buy => 0,
        Side::Sell => 1,
    }
}

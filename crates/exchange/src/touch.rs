//! Orders filled by touch: the optimistic model that many backtesters use by default, stated so that it can be compared with.
//!
//! Nothing is consumed and nobody queues. What is displayed is there for every order anew, as often as it is shown; a resting
//! order fills as soon as the market touches its price, with nobody ahead of it. Both flatter: a result under this model is an
//! upper bound, and a report under it must say so. Its use is to check this engine against others on the same work.
//!
//! What is displayed ([`TouchBook`]) is recorded depth, or one level made of the last print, quote or bar:
//! - a trade displays its price and quantity on both sides; a quote displays itself;
//! - a bar is up to four trades: its open where it differs from the last price, its high where above, its low where below, its
//!   close where it differs; a quarter of the volume each (one lot at least), the close what three quarters leave. Each is
//!   taken for a trade in the direction in which it moved the price.
//!
//! A **taker** walks what is displayed. On one level, what a market order still wants after it fills one tick further; on
//! depth it is cancelled. The rest of a limit order rests, and is touched at once by what it has just taken from.
//!
//! A **resting** order fills as maker, at its own price, by as much as shows:
//! - when the opposite side is displayed at its price or beyond: by each such level;
//! - depth: when a trade against its side is at its price or through it: by the trade's quantity;
//! - one level, a trade: through its price in any direction, at its price only when the trade is against its side.

use crate::Exchange;
use crate::desk::{Answers, Desk, Execution, Market, Print, at_least_as_aggressive};
use crate::fees::FeeSchedule;
use tradewind_book::{Applied, BookStatus, L2Book, Level, SequenceRule};
use tradewind_types::{
    Bar, Instrument, InstrumentId, Liquidity, MarketEvent, OrderId, OrderRequest, OrderTerms, Price, Qty, Quote, RejectReason, Rounding,
    Side, TimeInForce, Timestamp, Trade, VenueReply,
};

/// What a [`TouchExchange`] displays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TouchBook {
    /// Recorded depth, numbered under this rule.
    Depth(SequenceRule),
    /// The last trade, quote or bar.
    Top,
}

/// One instrument on a [`TouchExchange`].
#[derive(Clone, Debug)]
pub struct TouchListing {
    /// What trades.
    pub instrument: Instrument,
    /// What a fill costs.
    pub fees: FeeSchedule,
    /// Which way a fee goes that is no whole number of its asset's units.
    pub fee_rounding: Rounding,
    /// What is displayed.
    pub book: TouchBook,
}

/// A venue that fills by touch; see the module.
#[derive(Clone, Debug)]
pub struct TouchExchange {
    desk: Desk<TouchMarket>,
}

impl TouchExchange {
    /// A venue with these listings; of two listings of one instrument the later counts.
    #[must_use]
    pub fn new(listings: Vec<TouchListing>) -> Self {
        Self { desk: Desk::new(listings.into_iter().map(TouchMarket::new)) }
    }

    /// The mid of what an instrument displays, in half ticks.
    #[must_use]
    pub fn mid_half_ticks(&self, instrument: InstrumentId) -> Option<i64> {
        match &self.desk.market(instrument)?.displayed {
            Displayed::Depth(book) => book.mid_half_ticks(),
            Displayed::Top(top) => top.map(|top| top.bid.price.0.saturating_add(top.ask.price.0)),
        }
    }
}

impl Exchange for TouchExchange {
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

/// Best bid and ask, where no more is displayed.
#[derive(Clone, Copy, Debug)]
struct Top {
    bid: Level,
    ask: Level,
}

#[derive(Clone, Debug)]
enum Displayed {
    Depth(Box<L2Book>),
    Top(Option<Top>),
}

/// An order of ours in the book.
#[derive(Clone, Copy, Debug)]
struct Resting {
    order: OrderId,
    terms: OrderTerms,
    price: Price,
    left: i64,
    filled: i64,
}

#[derive(Clone, Debug)]
struct TouchMarket {
    listing: TouchListing,
    displayed: Displayed,
    /// Price of the last print.
    last: Option<Price>,
    /// Our resting orders by priority: best price first, then arrival.
    buys: Vec<Resting>,
    sells: Vec<Resting>,
    /// What an order is about to take; kept for its allocation.
    plan: Vec<Level>,
}

impl Market for TouchMarket {
    fn instrument(&self) -> &Instrument {
        &self.listing.instrument
    }

    fn reference(&self, side: Side) -> Option<Price> {
        self.best(side.opposite()).map(|level| level.price)
    }

    fn is_open(&self) -> bool {
        self.require_market().is_ok()
    }

    fn printed<'a>(&self, event: &'a MarketEvent<'_>) -> Option<Print<'a>> {
        match event {
            MarketEvent::Trade(trade) if trade.qty.0 > 0 && trade.price.0 > 0 => Some(Print::Trade(trade.price)),
            MarketEvent::Bar(bar) => Some(Print::Trade(bar.close)),
            _ => None,
        }
    }

    fn on_market(&mut self, event: &MarketEvent<'_>, out: &mut Answers<'_>) {
        match (&mut self.displayed, event) {
            (Displayed::Depth(book), MarketEvent::Depth(update)) => match book.apply(update) {
                Applied::Buffered | Applied::Ignored | Applied::Invalid(_) => {}
                Applied::Restored | Applied::Changed => self.fill_crossed(out),
            },
            (Displayed::Depth(_), MarketEvent::Trade(trade)) => {
                let side = trade.aggressor.opposite();
                self.fill_where(side, trade.qty, out, |price| at_least_as_aggressive(side, price, trade.price));
            }
            (Displayed::Top(_), MarketEvent::Trade(trade)) => self.print(trade, out),
            (Displayed::Top(top), MarketEvent::Quote(quote)) => {
                *top = top_of(quote);
                self.fill_crossed(out);
            }
            (Displayed::Top(_), MarketEvent::Bar(bar)) => self.on_bar(bar, out),
            (_, MarketEvent::Mark(_))
            | (Displayed::Depth(_), MarketEvent::Quote(_) | MarketEvent::Bar(_))
            | (Displayed::Top(_), MarketEvent::Depth(_)) => {}
        }
    }

    fn place(&mut self, order: OrderId, terms: &OrderTerms, out: &mut Answers<'_>) -> Result<(), RejectReason> {
        self.require_market()?;
        let limit = terms.kind.price();
        let shown = self.plan_taking(terms.side, limit, terms.qty.0);
        match (terms.time_in_force, limit) {
            (TimeInForce::PostOnly, None) => return Err(RejectReason::WouldTake),
            (TimeInForce::PostOnly, Some(_)) if shown > 0 => return Err(RejectReason::WouldTake),
            (TimeInForce::FillOrKill, _) if shown < terms.qty.0 => return Err(RejectReason::CannotFillCompletely),
            (_, None) if shown == 0 => return Err(RejectReason::NoMarket),
            _ => {}
        }
        if limit.is_none() {
            self.plan_slipping(terms.side, terms.qty.0 - shown);
        }
        out.accept(order);
        match (limit, terms.time_in_force) {
            (Some(price), TimeInForce::GoodTillCancelled | TimeInForce::GoodTillTime { .. } | TimeInForce::PostOnly) => {
                self.enter(order, terms, price, terms.qty.0, 0, out)
            }
            _ => {
                if let Some(1..) = self.take_plan(order, terms.side, terms.qty.0, out) {
                    out.send(VenueReply::Cancelled { order });
                }
            }
        }
        Ok(())
    }

    fn has(&self, order: OrderId) -> bool {
        self.buys.iter().chain(&self.sells).any(|resting| resting.order == order)
    }

    fn cancel(&mut self, order: OrderId) -> Result<(), RejectReason> {
        self.remove(order).map(|_| ()).ok_or(RejectReason::UnknownOrder)
    }

    fn amend(&mut self, order: OrderId, price: Price, qty: Qty, out: &mut Answers<'_>) -> Result<(), RejectReason> {
        let found = self.buys.iter_mut().chain(&mut self.sells).find(|resting| resting.order == order);
        let resting = found.ok_or(RejectReason::UnknownOrder)?;
        let left = qty.0 - resting.filled;
        if left <= 0 {
            return Err(RejectReason::InvalidFilter);
        }
        if price == resting.price && left <= resting.left {
            resting.left = left;
            out.send(VenueReply::Amended { order, price, qty });
            return Ok(());
        }
        let Resting { terms, filled, .. } = *resting;
        self.require_market()?;
        let shown = self.plan_taking(terms.side, Some(price), left);
        if terms.time_in_force == TimeInForce::PostOnly && shown > 0 {
            return Err(RejectReason::WouldTake);
        }
        self.remove(order);
        out.send(VenueReply::Amended { order, price, qty });
        self.enter(order, &terms, price, left, filled, out);
        Ok(())
    }
}

impl TouchMarket {
    fn new(listing: TouchListing) -> Self {
        let displayed = match listing.book {
            TouchBook::Depth(rule) => Displayed::Depth(Box::new(L2Book::new(listing.instrument.id(), rule))),
            TouchBook::Top => Displayed::Top(None),
        };
        Self { listing, displayed, last: None, buys: Vec::new(), sells: Vec::new(), plan: Vec::new() }
    }

    /// A bar as the trades that it shows to have been there; see the module.
    fn on_bar(&mut self, bar: &Bar, out: &mut Answers<'_>) {
        let quarter = (bar.volume.0 / 4).max(1);
        let closing = (bar.volume.0 - 3 * quarter).max(1);
        type Moves = fn(Price, Price) -> bool;
        let steps: [(Price, i64, Moves); 4] = [
            (bar.open, quarter, |price, last| price != last),
            (bar.high, quarter, |price, last| price > last),
            (bar.low, quarter, |price, last| price < last),
            (bar.close, closing, |price, last| price != last),
        ];
        for (price, qty, moves) in steps {
            if self.last.is_some_and(|last| !moves(price, last)) {
                continue;
            }
            let aggressor = if self.last.is_some_and(|last| price < last) { Side::Sell } else { Side::Buy };
            self.print(&Trade { instrument: bar.instrument, trade: tradewind_types::TradeId(0), price, qty: Qty(qty), aggressor }, out);
        }
    }

    /// A trade where nothing but trades is displayed.
    fn print(&mut self, trade: &Trade, out: &mut Answers<'_>) {
        if trade.qty.0 <= 0 || trade.price.0 <= 0 {
            return;
        }
        let level = Level { price: trade.price, qty: trade.qty };
        self.displayed = Displayed::Top(Some(Top { bid: level, ask: level }));
        self.last = Some(trade.price);
        for side in [Side::Buy, Side::Sell] {
            let is_against = trade.aggressor != side;
            self.fill_where(side, trade.qty, out, |price| {
                at_least_as_aggressive(side, price, trade.price) && (price != trade.price || is_against)
            });
        }
    }

    fn best(&self, side: Side) -> Option<Level> {
        match (&self.displayed, side) {
            (Displayed::Depth(book), _) => book.best(side),
            (Displayed::Top(top), Side::Buy) => top.map(|top| top.bid),
            (Displayed::Top(top), Side::Sell) => top.map(|top| top.ask),
        }
    }

    fn require_market(&self) -> Result<(), RejectReason> {
        match &self.displayed {
            Displayed::Depth(book) => match book.status() {
                BookStatus::Valid => Ok(()),
                BookStatus::Invalid(_) => Err(RejectReason::NoMarket),
            },
            Displayed::Top(top) => top.map(|_| ()).ok_or(RejectReason::NoMarket),
        }
    }

    fn resting(&mut self, side: Side) -> &mut Vec<Resting> {
        match side {
            Side::Buy => &mut self.buys,
            Side::Sell => &mut self.sells,
        }
    }

    fn remove(&mut self, order: OrderId) -> Option<Resting> {
        [Side::Buy, Side::Sell].into_iter().find_map(|side| {
            let orders = self.resting(side);
            let index = orders.iter().position(|resting| resting.order == order)?;
            Some(orders.remove(index))
        })
    }

    /// Takes what the plan holds, rests the remainder at the end of its level, and lets it be touched.
    fn enter(&mut self, order: OrderId, terms: &OrderTerms, price: Price, qty: i64, filled: i64, out: &mut Answers<'_>) {
        let Some(left @ 1..) = self.take_plan(order, terms.side, qty, out) else { return };
        let entry = Resting { order, terms: *terms, price, left, filled: filled + qty - left };
        let orders = self.resting(terms.side);
        let behind = orders.partition_point(|other| at_least_as_aggressive(terms.side, other.price, price));
        orders.insert(behind, entry);
        if left < qty {
            self.fill_order(terms.side, behind, out);
        }
    }

    /// Lists what an order on `side` is shown of `qty` within `limit`, and says how much.
    fn plan_taking(&mut self, side: Side, limit: Option<Price>, qty: i64) -> i64 {
        self.plan.clear();
        let (plan, mut left) = (&mut self.plan, qty);
        let within = |level: &Level| limit.is_none_or(|limit| at_least_as_aggressive(side, limit, level.price));
        let mut take = |level: Level| {
            let taken = level.qty.0.min(left);
            if taken > 0 {
                plan.push(Level { price: level.price, qty: Qty(taken) });
                left -= taken;
            }
            left
        };
        match &self.displayed {
            Displayed::Depth(book) => {
                for level in book.levels(side.opposite()).take_while(within) {
                    if take(level) == 0 {
                        break;
                    }
                }
            }
            Displayed::Top(top) => {
                let offered = top.map(|top| if side == Side::Buy { top.ask } else { top.bid });
                if let Some(level) = offered.filter(within) {
                    take(level);
                }
            }
        }
        qty - left
    }

    /// What a market order wants beyond one level, one tick further.
    fn plan_slipping(&mut self, side: Side, left: i64) {
        if let (Displayed::Top(_), Some(level), 1..) = (&self.displayed, self.plan.last().copied(), left) {
            let price = Price(level.price.0 + side.sign());
            if price.0 > 0 {
                self.plan.push(Level { price, qty: Qty(left) });
            }
        }
    }

    /// Fills an order by the plan and says what is left of `qty`; none when the venue had to end the order.
    fn take_plan(&mut self, order: OrderId, side: Side, qty: i64, out: &mut Answers<'_>) -> Option<i64> {
        let mut left = qty;
        for index in 0..self.plan.len() {
            let Level { price, qty } = self.plan[index];
            if !self.report(Execution { order, side, price, qty, liquidity: Liquidity::Taker, at: out.at }, out) {
                return None;
            }
            left -= qty.0;
        }
        Some(left)
    }

    /// Fills, each by up to `qty`, the resting orders of one side whose price passes.
    fn fill_where(&mut self, side: Side, qty: Qty, out: &mut Answers<'_>, passes: impl Fn(Price) -> bool) {
        let mut index = 0;
        while let Some(resting) = self.resting(side).get(index).filter(|resting| passes(resting.price)) {
            let fill = qty.0.min(resting.left);
            index = self.fill_resting(side, index, fill, out);
        }
    }

    /// Fills resting orders that the opposite side has come up to.
    fn fill_crossed(&mut self, out: &mut Answers<'_>) {
        for side in [Side::Buy, Side::Sell] {
            let mut index = 0;
            while let Some(next) = self.fill_order(side, index, out) {
                index = next;
            }
        }
    }

    /// Fills one resting order by what it is shown; the index of the next, or none where it is shown nothing.
    fn fill_order(&mut self, side: Side, index: usize, out: &mut Answers<'_>) -> Option<usize> {
        let Resting { price, left, .. } = *self.resting(side).get(index)?;
        if self.plan_taking(side, Some(price), left) == 0 {
            return None;
        }
        let mut next = index;
        for step in 0..self.plan.len() {
            next = self.fill_resting(side, index, self.plan[step].qty.0, out);
            if next == index {
                break;
            }
        }
        Some(next)
    }

    /// Fills a resting order by `qty` and says which index comes next.
    fn fill_resting(&mut self, side: Side, index: usize, qty: i64, out: &mut Answers<'_>) -> usize {
        let resting = &mut self.resting(side)[index];
        resting.left -= qty;
        resting.filled += qty;
        let Resting { order, price, left, .. } = *resting;
        let reported = self.report(Execution { order, side, price, qty: Qty(qty), liquidity: Liquidity::Maker, at: out.at }, out);
        if left == 0 || !reported {
            self.resting(side).remove(index);
            return index;
        }
        index + 1
    }

    /// Reports a fill; false when the venue had to end the order instead.
    fn report(&self, done: Execution, out: &mut Answers<'_>) -> bool {
        let TouchListing { instrument, fees, fee_rounding, .. } = &self.listing;
        let fee = fees.charge_rounded(instrument, done.side, done.price, done.qty, done.liquidity, *fee_rounding);
        out.fill_at(done, fee)
    }
}

/// What a quote displays; a side without quantity or price, or a crossed one, displays nothing.
const fn top_of(quote: &Quote) -> Option<Top> {
    let is_whole = quote.bid.0 > 0 && quote.ask.0 >= quote.bid.0 && quote.bid_qty.0 > 0 && quote.ask_qty.0 > 0;
    let bid = Level { price: quote.bid, qty: quote.bid_qty };
    let ask = Level { price: quote.ask, qty: quote.ask_qty };
    if is_whole { Some(Top { bid, ask }) } else { None }
}

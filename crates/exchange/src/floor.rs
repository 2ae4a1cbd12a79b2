//! A trading floor: everybody meets in one book per instrument, by price and time.
//!
//! Participants with an account at the venue come through [`Exchange`], behind a [`ClearedExchange`](crate::ClearedExchange);
//! others, whose money the venue does not keep, come by [`FloorExchange::enter`] and leave by [`FloorExchange::leave`] within
//! [`ClearedExchange::let_outsiders`](crate::ClearedExchange::let_outsiders). An outsider's orders have [`OUTSIDER_NODE`] in their
//! ids and get no replies: what becomes of them is in the deals.
//!
//! Ids are minted by whoever runs the floor, and none of them twice: unlike the other exchanges it remembers none, so that it can
//! run for ever. Every match is a [`Deal`], numbered per instrument; both sides of it carry that number. The levels whose totals may have
//! changed are kept until they are asked for, so that depth can be published without comparing books.

use crate::Exchange;
use crate::desk::{Answers, Desk, Market, Print, at_least_as_aggressive};
use crate::fees::FeeSchedule;
use crate::matching::{Execution, MatchingBook, NewOrder, Placement};
use std::collections::BTreeMap;
use tradewind_types::{
    AccountId, Fill, Instrument, InstrumentId, Liquidity, MarketEvent, OrderId, OrderRequest, OrderTerms, Price, Qty, RejectReason,
    SelfTradePrevention, Side, Timestamp, TradeId, VenueReply,
};

/// Node number of orders that belong to nobody with an account at the venue.
pub const OUTSIDER_NODE: u16 = 0;

/// One instrument on a [`FloorExchange`].
#[derive(Clone, Debug)]
pub struct FloorListing {
    /// What trades.
    pub instrument: Instrument,
    /// What a fill costs a participant with an account.
    pub fees: FeeSchedule,
}

/// One match on the floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deal {
    /// On what.
    pub instrument: InstrumentId,
    /// Counts from 1 per instrument.
    pub trade: TradeId,
    /// Who rested.
    pub maker: OrderId,
    /// Who came.
    pub taker: OrderId,
    /// The side of the one that came.
    pub aggressor: Side,
    /// The maker's price.
    pub price: Price,
    /// How much, > 0.
    pub qty: Qty,
    /// When.
    pub at: Timestamp,
}

/// A venue whose participants are matched with each other.
#[derive(Clone, Debug)]
pub struct FloorExchange {
    desk: Desk<Pit>,
}

/// Where one instrument trades.
#[derive(Clone, Debug)]
struct Pit {
    listing: FloorListing,
    book: MatchingBook,
    prevention: BTreeMap<AccountId, SelfTradePrevention>,
    executions: Vec<Execution>,
    deals: Vec<Deal>,
    touched: Vec<(Side, Price)>,
    trades: u128,
}

impl FloorExchange {
    /// A floor with these listings; of two listings of one instrument the later counts.
    #[must_use]
    pub fn new(listings: Vec<FloorListing>) -> Self {
        Self { desk: Desk::new(listings.into_iter().map(Pit::new)).trusting() }
    }

    /// The book of an instrument.
    #[must_use]
    pub fn book(&self, instrument: InstrumentId) -> Option<&MatchingBook> {
        self.desk.market(instrument).map(|pit| &pit.book)
    }

    /// What happens from now on where two orders of an account would meet. They trade where nothing was said.
    pub fn set_self_trade(&mut self, account: AccountId, prevention: SelfTradePrevention) {
        for pit in self.desk.markets_mut() {
            match prevention {
                SelfTradePrevention::Allow => _ = pit.prevention.remove(&account),
                mode => _ = pit.prevention.insert(account, mode),
            }
        }
    }

    /// An outsider's order comes to an instrument's book. It passes no filters and waits for no price or time.
    ///
    /// # Errors
    /// As [`MatchingBook::place`]; [`RejectReason::NoMarket`] for an instrument that is not listed.
    pub fn enter(
        &mut self,
        at: Timestamp,
        instrument: InstrumentId,
        new: &NewOrder,
        replies: &mut Vec<VenueReply>,
    ) -> Result<Placement, RejectReason> {
        self.desk.outside(instrument, at, replies, |pit, out| pit.enter(new, out)).unwrap_or(Err(RejectReason::NoMarket))
    }

    /// An outsider takes a resting order back, and is told how much was left of it.
    ///
    /// # Errors
    /// [`RejectReason::UnknownOrder`].
    pub fn leave(&mut self, instrument: InstrumentId, order: OrderId) -> Result<Qty, RejectReason> {
        self.desk.market_mut(instrument).map_or(Err(RejectReason::UnknownOrder), |pit| pit.take_out(order))
    }

    /// Matches of an instrument since they were last taken, in order; appended to `deals`.
    pub fn take_deals(&mut self, instrument: InstrumentId, deals: &mut Vec<Deal>) {
        if let Some(pit) = self.desk.market_mut(instrument) {
            deals.append(&mut pit.deals);
        }
    }

    /// Levels of an instrument whose totals may have changed since they were last taken, each once, by side and price; appended
    /// to `touched`.
    pub fn take_touched(&mut self, instrument: InstrumentId, touched: &mut Vec<(Side, Price)>) {
        if let Some(pit) = self.desk.market_mut(instrument) {
            pit.touched.sort_unstable();
            pit.touched.dedup();
            touched.append(&mut pit.touched);
        }
    }
}

impl Exchange for FloorExchange {
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

impl Market for Pit {
    fn instrument(&self) -> &Instrument {
        &self.listing.instrument
    }

    fn reference(&self, side: Side) -> Option<Price> {
        self.book.best(side.opposite()).map(|level| level.price)
    }

    fn is_open(&self) -> bool {
        true
    }

    fn printed<'a>(&self, event: &'a MarketEvent<'_>) -> Option<Print<'a>> {
        if let MarketEvent::Trade(trade) = event { Some(Print::Trade(trade.price)) } else { None }
    }

    /// What is public here comes from the floor itself.
    fn on_market(&mut self, _event: &MarketEvent<'_>, _out: &mut Answers<'_>) {}

    fn place(&mut self, order: OrderId, terms: &OrderTerms, out: &mut Answers<'_>) -> Result<(), RejectReason> {
        let new = NewOrder {
            order,
            owner: terms.account,
            self_trade: self.prevention.get(&terms.account).copied().unwrap_or_default(),
            side: terms.side,
            kind: terms.kind,
            time_in_force: terms.time_in_force,
            qty: terms.qty,
        };
        self.executions.clear();
        let placement = self.book.place(&new, &mut self.executions)?;
        out.accept(order);
        self.tell_matches(order, terms.side, out);
        self.tell_rest(order, terms.side, &placement, out);
        Ok(())
    }

    fn has(&self, order: OrderId) -> bool {
        self.book.left(order).is_some()
    }

    fn cancel(&mut self, order: OrderId) -> Result<(), RejectReason> {
        self.take_out(order).map(|_| ())
    }

    fn amend(&mut self, order: OrderId, price: Price, qty: Qty, out: &mut Answers<'_>) -> Result<(), RejectReason> {
        let (side, before) = self.book.place_of(order).ok_or(RejectReason::UnknownOrder)?;
        self.executions.clear();
        let placement = self.book.amend(order, price, qty, &mut self.executions)?;
        self.touched.push((side, before));
        out.send(VenueReply::Amended { order, price, qty });
        self.tell_matches(order, side, out);
        self.tell_rest(order, side, &placement, out);
        Ok(())
    }
}

impl Pit {
    fn new(listing: FloorListing) -> Self {
        let (book, prevention) = (MatchingBook::new(), BTreeMap::new());
        Self { listing, book, prevention, executions: Vec::new(), deals: Vec::new(), touched: Vec::new(), trades: 0 }
    }

    fn enter(&mut self, new: &NewOrder, out: &mut Answers<'_>) -> Result<Placement, RejectReason> {
        self.executions.clear();
        let placement = self.book.place(new, &mut self.executions)?;
        self.tell_matches(new.order, new.side, out);
        self.touch_rest(new.order, &placement);
        Ok(placement)
    }

    fn take_out(&mut self, order: OrderId) -> Result<Qty, RejectReason> {
        let place = self.book.place_of(order).ok_or(RejectReason::UnknownOrder)?;
        let left = self.book.cancel(order)?;
        self.touched.push(place);
        Ok(left)
    }

    fn touch_rest(&mut self, order: OrderId, placement: &Placement) {
        if placement.resting > Qty::ZERO {
            self.touched.extend(self.book.place_of(order));
        }
    }

    /// Both sides of each match, and what resting orders lost to one of their owner.
    fn tell_matches(&mut self, taker: OrderId, side: Side, out: &mut Answers<'_>) {
        for index in 0..self.executions.len() {
            let Execution { maker, price, qty, .. } = self.executions[index];
            self.trades += 1;
            let trade = TradeId(self.trades);
            let instrument = self.listing.instrument.id();
            self.deals.push(Deal { instrument, trade, maker, taker, aggressor: side, price, qty, at: out.at });
            if self.touched.last() != Some(&(side.opposite(), price)) {
                self.touched.push((side.opposite(), price));
            }
            self.tell_fill(maker, side.opposite(), Liquidity::Maker, &self.executions[index], trade, out);
            self.tell_fill(taker, side, Liquidity::Taker, &self.executions[index], trade, out);
        }
        for prevented in self.book.prevented() {
            self.touched.push((side.opposite(), prevented.price));
            if prevented.order.node == OUTSIDER_NODE {
                continue;
            }
            out.send(match self.book.filled(prevented.order) {
                None => VenueReply::SelfTradePrevented { order: prevented.order },
                Some(filled) => {
                    VenueReply::Amended { order: prevented.order, price: prevented.price, qty: Qty(filled.0 + prevented.left.0) }
                }
            });
        }
    }

    /// A fee that cannot be expressed in the asset's units cannot come from quantities that pass the filters; such a fill is free.
    fn tell_fill(&self, order: OrderId, side: Side, liquidity: Liquidity, done: &Execution, trade: TradeId, out: &mut Answers<'_>) {
        if order.node == OUTSIDER_NODE {
            return;
        }
        let (price, qty) = (done.price, done.qty);
        let charged = self.listing.fees.charge(&self.listing.instrument, side, price, qty, liquidity);
        let fee = charged
            .unwrap_or(tradewind_types::FeeCharge { asset: self.listing.instrument.value_asset(), amount: tradewind_types::Amount::ZERO });
        out.send(VenueReply::Filled(Fill { order, trade, price, qty, liquidity, fee, stated_cash: None, ts_venue: out.at }));
    }

    /// What became of the part that was not matched.
    fn tell_rest(&mut self, order: OrderId, side: Side, placement: &Placement, out: &mut Answers<'_>) {
        self.touch_rest(order, placement);
        match (placement.resting > Qty::ZERO, placement.prevented > Qty::ZERO, placement.cancelled > Qty::ZERO) {
            (true, true, _) => {
                if let (Some((_, price)), Some(filled)) = (self.book.place_of(order), self.book.filled(order)) {
                    out.send(VenueReply::Amended { order, price, qty: Qty(filled.0 + placement.resting.0) });
                }
            }
            (false, true, false) => out.send(VenueReply::SelfTradePrevented { order }),
            (false, _, true) => out.send(VenueReply::Cancelled { order }),
            _ => {}
        }
        debug_assert!(!self.is_crossed(), "a {side:?} left the book crossed");
    }

    fn is_crossed(&self) -> bool {
        let best = |side| self.book.best(side).map(|level| level.price);
        best(Side::Buy).zip(best(Side::Sell)).is_some_and(|(bid, ask)| at_least_as_aggressive(Side::Buy, bid, ask))
    }
}

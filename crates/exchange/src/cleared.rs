//! A venue whole: its clearing in front of its matching engine.
//!
//! A request is judged by the books, then matched; what was matched is booked; what the books then demand (reducing orders that
//! reduce nothing any more, positions without margin, contracts that are over) goes to the matching engine as the venue's own
//! requests. Orders that the venue itself ends are reported `Expired`.

use crate::Exchange;
use crate::clearing::{Clearing, Liquidation, Part, PositionKey};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tradewind_types::{
    AccountEvent, AccountId, BookId, InstrumentId, MarketEvent, MoneyError, OrderId, OrderKind, OrderRequest, OrderTerms, Price, Qty, Rate,
    Side, TimeInForce, Timestamp, TradeCause, VenueReply,
};

/// A venue's private message: about an order of ours, or about an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivateMessage {
    /// About an order of ours.
    Reply(VenueReply),
    /// About an account.
    Account(AccountEvent),
}

/// A market order of the venue that closes a position.
#[derive(Clone, Copy, Debug)]
struct Forced {
    key: PositionKey,
    left: i64,
}

/// An exchange behind a clearing; see the module. Time is an argument and never runs backwards.
#[derive(Clone, Debug)]
pub struct ClearedExchange<E> {
    exchange: E,
    clearing: Clearing,
    forced: BTreeMap<OrderId, Forced>,
    /// Market orders of the venue so far.
    closings: u64,
    /// Orders that were cut when they came, and whose owner was not told yet.
    cut: BTreeSet<OrderId>,
    replies: Vec<VenueReply>,
    events: Vec<AccountEvent>,
}

impl<E: Exchange> ClearedExchange<E> {
    /// Puts `clearing` in front of `exchange`.
    #[must_use]
    pub fn new(exchange: E, clearing: Clearing) -> Self {
        let (forced, cut) = (BTreeMap::new(), BTreeSet::new());
        Self { exchange, clearing, forced, closings: 0, cut, replies: Vec::new(), events: Vec::new() }
    }

    /// The matching engine.
    #[must_use]
    pub const fn exchange(&self) -> &E {
        &self.exchange
    }

    /// The matching engine, to set its rules or read what it keeps; orders come through [`Self::on_request`].
    pub const fn exchange_mut(&mut self) -> &mut E {
        &mut self.exchange
    }

    /// The books.
    #[must_use]
    pub const fn clearing(&self) -> &Clearing {
        &self.clearing
    }

    /// The books, to open accounts and move money.
    pub const fn clearing_mut(&mut self) -> &mut Clearing {
        &mut self.clearing
    }

    /// Public market data reaches the venue at `at`.
    ///
    /// # Errors
    /// [`MoneyError`]: a figure left its integer type; what was told before stands.
    pub fn on_market(&mut self, at: Timestamp, event: &MarketEvent<'_>, out: &mut Vec<PrivateMessage>) -> Result<(), MoneyError> {
        self.catch_up(at, out)?;
        let instrument = event.instrument();
        match event {
            MarketEvent::Mark(mark) => self.clearing.on_mark(at, mark),
            MarketEvent::Trade(trade) => self.clearing.on_price(instrument, trade.price),
            MarketEvent::Bar(bar) => self.clearing.on_price(instrument, bar.close),
            MarketEvent::Quote(quote) => self.clearing.on_price(instrument, Price(quote.bid.0.midpoint(quote.ask.0))),
            MarketEvent::Depth(_) => {}
        }
        self.exchange.on_market(at, event, &mut self.replies);
        self.book(at, out)?;
        if matches!(event, MarketEvent::Depth(_)) { Ok(()) } else { self.liquidate(at, instrument, out) }
    }

    /// A request of ours reaches the venue at `at`. `reference` is the worst price that a market order would trade at now, where the
    /// book shows it.
    ///
    /// # Errors
    /// [`MoneyError`], as [`Self::on_market`].
    pub fn on_request(
        &mut self,
        at: Timestamp,
        request: &OrderRequest,
        reference: Option<Price>,
        out: &mut Vec<PrivateMessage>,
    ) -> Result<(), MoneyError> {
        self.catch_up(at, out)?;
        match *request {
            OrderRequest::Place { order, .. } if self.clearing.is_open(order) || self.forced.contains_key(&order) => {
                // The id is taken: the matching engine says so, and the order that has it goes on.
                self.exchange.on_request(at, request, &mut self.replies);
                out.extend(self.replies.drain(..).map(PrivateMessage::Reply));
                Ok(())
            }
            OrderRequest::Place { order, terms } => match self.clearing.admit(order, &terms, reference) {
                Ok(qty) => self.place(at, order, OrderTerms { qty, ..terms }, terms.qty, out),
                Err(reason) => {
                    out.push(PrivateMessage::Reply(VenueReply::Rejected { order, reason }));
                    Ok(())
                }
            },
            OrderRequest::Amend { order, price, qty, .. } => match self.clearing.admit_amend(order, price, qty) {
                Ok(()) => self.pass(at, request, out),
                Err(reason) => {
                    out.push(PrivateMessage::Reply(VenueReply::AmendRejected { order, reason }));
                    Ok(())
                }
            },
            OrderRequest::Cancel { .. } => self.pass(at, request, out),
        }
    }

    /// Somebody without an account here acts in the matching engine at `at`; what that does to orders of ours is booked.
    ///
    /// # Errors
    /// [`MoneyError`], as [`Self::on_market`].
    pub fn let_outsiders(
        &mut self,
        at: Timestamp,
        act: impl FnOnce(&mut E, &mut Vec<VenueReply>),
        out: &mut Vec<PrivateMessage>,
    ) -> Result<(), MoneyError> {
        self.catch_up(at, out)?;
        act(&mut self.exchange, &mut self.replies);
        if self.replies.is_empty() { Ok(()) } else { self.book(at, out) }
    }

    /// When something is due that nobody asks for: funding, an expiry, an order's time limit.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        [self.clearing.next_deadline(), self.exchange.next_deadline()].into_iter().flatten().min()
    }

    /// The venue's clock reaches `at`.
    ///
    /// # Errors
    /// [`MoneyError`], as [`Self::on_market`].
    pub fn on_time(&mut self, at: Timestamp, out: &mut Vec<PrivateMessage>) -> Result<(), MoneyError> {
        self.exchange.on_time(at, &mut self.replies);
        self.book(at, out)?;
        for instrument in self.clearing.expired(at) {
            self.end_orders(at, None, &[instrument], out)?;
            self.clearing.deliver(at, instrument, &mut self.events)?;
            self.tell_events(out);
        }
        self.clearing.fund(at, &mut self.events)?;
        self.tell_events(out);
        Ok(())
    }

    /// What was due before comes before what happens now, whether or not the clock was told.
    fn catch_up(&mut self, at: Timestamp, out: &mut Vec<PrivateMessage>) -> Result<(), MoneyError> {
        if self.next_deadline().is_some_and(|due| due < at) { self.on_time(at, out) } else { Ok(()) }
    }

    fn pass(&mut self, at: Timestamp, request: &OrderRequest, out: &mut Vec<PrivateMessage>) -> Result<(), MoneyError> {
        self.exchange.on_request(at, request, &mut self.replies);
        self.book(at, out)
    }

    /// Matches an order that the books admitted, perhaps for less than was asked.
    fn place(
        &mut self,
        at: Timestamp,
        order: OrderId,
        terms: OrderTerms,
        asked: Qty,
        out: &mut Vec<PrivateMessage>,
    ) -> Result<(), MoneyError> {
        if terms.qty < asked {
            self.cut.insert(order);
        }
        self.pass(at, &OrderRequest::Place { order, terms }, out)?;
        // A resting order's owner is told its size now; of one without a price, at its end.
        if let (Some(price), true, true) = (terms.kind.price(), self.clearing.is_open(order), self.cut.contains(&order)) {
            self.cut.remove(&order);
            out.push(PrivateMessage::Reply(VenueReply::Amended { order, price, qty: terms.qty }));
        }
        Ok(())
    }

    /// Books what the matching engine said, and what follows from it.
    fn book(&mut self, at: Timestamp, out: &mut Vec<PrivateMessage>) -> Result<(), MoneyError> {
        let mut replies: VecDeque<VenueReply> = self.replies.drain(..).collect();
        let mut touched: BTreeSet<(AccountId, InstrumentId)> = BTreeSet::new();
        while let Some(reply) = replies.pop_front() {
            let order = reply.order();
            if self.forced.contains_key(&order) {
                self.book_forced(at, &reply, &mut touched)?;
                self.tell_events(out);
                continue;
            }
            let VenueReply::Filled(fill) = reply else {
                self.clearing.book_answer(&reply);
                self.forget_cut(order);
                out.push(PrivateMessage::Reply(reply));
                continue;
            };
            touched.extend(self.clearing.owner(order));
            let booked = self.clearing.book_fill(&fill)?;
            out.extend(booked.map(|booked| PrivateMessage::Reply(VenueReply::Filled(booked))));
            if booked.is_none_or(|booked| booked.qty < fill.qty) {
                // The venue ends a reducing order that has nothing left to reduce; its rest leaves the book unseen.
                if let Some((_, instrument)) = self.clearing.owner(order) {
                    let mut unseen = Vec::new();
                    self.exchange.on_request(at, &OrderRequest::Cancel { order, instrument }, &mut unseen);
                    self.end(order, out);
                }
                replies.retain(|later| later.order() != order);
            } else if !self.clearing.is_open(order) && self.cut.remove(&order) {
                out.push(PrivateMessage::Reply(VenueReply::Cancelled { order }));
            }
        }
        for (account, instrument) in touched {
            self.shrink_reducing(at, account, instrument, out);
        }
        Ok(())
    }

    /// Books what became of a market order of the venue.
    fn book_forced(
        &mut self,
        at: Timestamp,
        reply: &VenueReply,
        touched: &mut BTreeSet<(AccountId, InstrumentId)>,
    ) -> Result<(), MoneyError> {
        match reply {
            VenueReply::Filled(fill) => {
                let Some(forced) = self.forced.get_mut(&fill.order) else { return Ok(()) };
                forced.left -= fill.qty.0;
                let Forced { key, left } = *forced;
                if left <= 0 {
                    self.forced.remove(&fill.order);
                }
                let Liquidation::AgainstBook { clearance_fee: fee } = self.clearing.liquidation() else { return Ok(()) };
                let part = Part { price: fill.price, qty: fill.qty, trade: fill.trade, cause: TradeCause::Liquidation, fee };
                touched.insert((key.account, key.instrument));
                self.clearing.close_part(at, key, part, &mut self.events)
            }
            VenueReply::Rejected { order, .. } | VenueReply::Cancelled { order } | VenueReply::Expired { order } => {
                self.forced.remove(order);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Cuts and ends reducing orders that exceed the position.
    fn shrink_reducing(&mut self, at: Timestamp, account: AccountId, instrument: InstrumentId, out: &mut Vec<PrivateMessage>) {
        for request in self.clearing.excess(account, instrument) {
            let mut answers = Vec::new();
            self.exchange.on_request(at, &request, &mut answers);
            for answer in answers {
                match answer {
                    VenueReply::Amended { .. } => {
                        self.clearing.book_answer(&answer);
                        out.push(PrivateMessage::Reply(answer));
                    }
                    VenueReply::Cancelled { order } => self.end(order, out),
                    VenueReply::AmendRejected { order, .. } => {
                        // Too small for the filters as what it would become.
                        let mut unseen = Vec::new();
                        self.exchange.on_request(at, &OrderRequest::Cancel { order, instrument }, &mut unseen);
                        self.end(order, out);
                    }
                    _ => {}
                }
            }
        }
    }

    /// Closes what no longer meets its maintenance margin.
    fn liquidate(&mut self, at: Timestamp, instrument: InstrumentId, out: &mut Vec<PrivateMessage>) -> Result<(), MoneyError> {
        for key in self.clearing.breached(instrument)? {
            // What was closed before it may have been enough; what is being closed needs no second order.
            if self.forced.values().any(|forced| forced.key == key) || !self.clearing.is_breached(key)? {
                continue;
            }
            self.end_orders(at, Some(key.account), &self.clearing.pool_instruments(key), out)?;
            match self.clearing.liquidation() {
                Liquidation::AtBankruptcy => {
                    let Some(price) = self.clearing.bankruptcy_price(key)?.or(self.clearing.price(key.instrument)) else { continue };
                    self.clearing.close(at, key, price, TradeCause::Liquidation, Rate(0), &mut self.events)?;
                    self.tell_events(out);
                }
                Liquidation::AgainstBook { .. } => self.close_in_book(at, key, out)?,
            }
        }
        Ok(())
    }

    fn close_in_book(&mut self, at: Timestamp, key: PositionKey, out: &mut Vec<PrivateMessage>) -> Result<(), MoneyError> {
        let lots = self.clearing.holding(key.account, key.instrument, key.leg).lots;
        self.closings += 1;
        // No node of ours has the last number.
        let order = OrderId { node: u16::MAX, epoch: u32::MAX, counter: self.closings };
        let terms = OrderTerms {
            instrument: key.instrument,
            account: key.account,
            book: BookId::UNASSIGNED,
            side: if lots > 0 { Side::Sell } else { Side::Buy },
            kind: OrderKind::Market,
            time_in_force: TimeInForce::ImmediateOrCancel,
            qty: Qty(lots.saturating_abs()),
            exposure: key.leg.exposure(),
        };
        self.forced.insert(order, Forced { key, left: terms.qty.0 });
        self.pass(at, &OrderRequest::Place { order, terms }, out)
    }

    /// Ends open orders on these instruments.
    fn end_orders(
        &mut self,
        at: Timestamp,
        account: Option<AccountId>,
        instruments: &[InstrumentId],
        out: &mut Vec<PrivateMessage>,
    ) -> Result<(), MoneyError> {
        for (order, instrument) in self.clearing.orders_on(account, instruments) {
            self.exchange.on_request(at, &OrderRequest::Cancel { order, instrument }, &mut self.replies);
            let is_ended = self.replies.contains(&VenueReply::Cancelled { order });
            self.replies.retain(|reply| reply.order() != order);
            if is_ended {
                self.end(order, out);
            }
            self.book(at, out)?;
        }
        Ok(())
    }

    /// The venue ends an order.
    fn end(&mut self, order: OrderId, out: &mut Vec<PrivateMessage>) {
        let reply = VenueReply::Expired { order };
        self.clearing.book_answer(&reply);
        self.cut.remove(&order);
        out.push(PrivateMessage::Reply(reply));
    }

    fn forget_cut(&mut self, order: OrderId) {
        if !self.clearing.is_open(order) {
            self.cut.remove(&order);
        }
    }

    fn tell_events(&mut self, out: &mut Vec<PrivateMessage>) {
        out.extend(self.events.drain(..).map(PrivateMessage::Account));
    }
}

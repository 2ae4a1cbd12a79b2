//! What clients ask of a house: place, cancel, amend; and what those without an account do in its books.

use super::client::{ClientId, Permissions};
use super::listing::{Category, Listing};
use super::order::{Ended, OrderNo, OrderRecord, OrderRef, OrderStatus, PlaceOrder, Size};
use super::rejection::{Filter, Rejection};
use super::setup::{ClientIds, ConditionsUnmet};
use super::{CLIENT_NODE, House};
use std::sync::Arc;
use tradewind_exchange::{NewOrder, Placement};
use tradewind_types::{
    Amount, BookId, Exposure, InstrumentId, OrderId, OrderKind, OrderRequest, OrderTerms, Price, Qty, RejectReason, Rounding, Side,
    Timestamp,
};

impl House {
    /// Takes a new order. It may be filled or over when this returns: [`House::order`] knows.
    ///
    /// # Errors
    /// [`Rejection`]; the order leaves no record then.
    pub fn place(&mut self, now: Timestamp, order: &PlaceOrder<'_>) -> Result<OrderNo, Rejection> {
        self.clock(now);
        let record = self.draft(order)?;
        let (no, terms, account, reference) = (record.no, record.terms, record.account, self.reference(&record.terms));
        if record.self_trade != self.rules.self_trade {
            self.cleared.exchange_mut().set_self_trade(account, record.self_trade);
        }
        let (mode, usual) = (record.self_trade, self.rules.self_trade);
        self.orders_placed += 1;
        self.registry.insert(record);
        self.request(&OrderRequest::Place { order: self.id_of(no), terms }, reference);
        if mode != usual {
            self.cleared.exchange_mut().set_self_trade(account, usual);
        }
        match self.refused.take() {
            None => Ok(no),
            Some(reason) => self.refuse_placed(no, reason),
        }
    }

    /// Whether an order would be taken as far as its filters and conditions on its own go; nothing is done. Funds and the book are
    /// not asked.
    ///
    /// # Errors
    /// [`Rejection`].
    pub fn check(&self, order: &PlaceOrder<'_>) -> Result<(), Rejection> {
        self.draft(order).map(|_| ())
    }

    fn is_on_spot(&self, instrument: InstrumentId) -> bool {
        self.listing(instrument).is_some_and(|listing| listing.category == Category::Spot)
    }

    fn refuse_placed(&mut self, no: OrderNo, reason: RejectReason) -> Result<OrderNo, Rejection> {
        let is_liquidity = matches!(reason, RejectReason::CannotFillCompletely | RejectReason::NoMarket);
        let is_spot = self.registry.get(no).is_some_and(|record| self.is_on_spot(record.terms.instrument));
        let is_recorded = match self.rules.conditions_unmet {
            ConditionsUnmet::Recorded => is_liquidity || reason == RejectReason::WouldTake,
            ConditionsUnmet::Refused => is_liquidity && is_spot,
        };
        if is_recorded {
            self.end_order(no, OrderStatus::Cancelled, Ended::Refused(reason.into()));
            return Ok(no);
        }
        self.registry.forget(no);
        Err(reason.into())
    }

    /// Takes an open or waiting order back.
    ///
    /// # Errors
    /// [`Rejection::UnknownOrder`]; [`Rejection::OrderIsOver`].
    pub fn cancel(&mut self, now: Timestamp, client: ClientId, order: OrderRef<'_>) -> Result<OrderNo, Rejection> {
        self.clock(now);
        let record = self.open_record(client, order)?;
        let (no, instrument) = (record.no, record.terms.instrument);
        self.cancelling = Some(no);
        self.request(&OrderRequest::Cancel { order: self.id_of(no), instrument }, None);
        self.cancelling = None;
        self.refused.take().map_or(Ok(no), |reason| Err(reason.into()))
    }

    /// Takes back every open or waiting order of a client, on one instrument or on all; says which, by number.
    pub fn cancel_all(&mut self, now: Timestamp, client: ClientId, instrument: Option<InstrumentId>) -> Vec<OrderNo> {
        let is_meant = |record: &&OrderRecord| instrument.is_none_or(|instrument| record.terms.instrument == instrument);
        let meant: Vec<OrderNo> = self.open_orders(client).filter(is_meant).map(|record| record.no).collect();
        meant.into_iter().filter(|no| self.cancel(now, client, OrderRef::No(*no)).is_ok()).collect()
    }

    /// Changes price, total quantity (filled part included), or both. An order keeps its place in the queue only where its price
    /// stays and its quantity does not grow (Binance futures "modify", Binance spot "amend keep priority", Bybit "amend").
    ///
    /// # Errors
    /// [`Rejection::UnknownOrder`], [`Rejection::OrderIsOver`], [`Rejection::Unchanged`], and as [`House::place`]; the order is then as
    /// before.
    pub fn amend(
        &mut self,
        now: Timestamp,
        client: ClientId,
        order: OrderRef<'_>,
        price: Option<Price>,
        qty: Option<Qty>,
    ) -> Result<OrderNo, Rejection> {
        self.clock(now);
        let record = self.open_record(client, order)?;
        let (no, terms) = (record.no, record.terms);
        let before = record.price().ok_or(Rejection::NotOffered)?;
        let (price, qty) = (price.unwrap_or(before), qty.unwrap_or(terms.qty));
        if (price, qty) == (before, terms.qty) {
            return Err(Rejection::Unchanged);
        }
        let listing = self.listing(terms.instrument).ok_or(Rejection::UnknownInstrument)?;
        check_size(listing, qty, Some(price))?;
        if qty <= record.filled {
            return Err(Rejection::Filter(Filter::MinQty));
        }
        self.request(&OrderRequest::Amend { order: self.id_of(no), instrument: terms.instrument, price, qty }, None);
        self.refused.take().map_or(Ok(no), |reason| Err(reason.into()))
    }

    /// An order of somebody without an account here comes to a book; its id has [`tradewind_exchange::OUTSIDER_NODE`].
    ///
    /// # Errors
    /// As [`tradewind_exchange::FloorExchange::enter`].
    pub fn outsider_enters(&mut self, now: Timestamp, instrument: InstrumentId, new: &NewOrder) -> Result<Placement, RejectReason> {
        self.clock(now);
        let (at, mut entered) = (self.now, Err(RejectReason::NoMarket));
        let act = |floor: &mut tradewind_exchange::FloorExchange, replies: &mut Vec<_>| {
            entered = floor.enter(at, instrument, new, replies);
        };
        let done = self.cleared.let_outsiders(at, act, &mut self.messages);
        self.note_fault(done);
        self.settle(instrument);
        entered
    }

    /// Somebody without an account here takes a resting order back.
    ///
    /// # Errors
    /// [`RejectReason::UnknownOrder`].
    pub fn outsider_leaves(&mut self, now: Timestamp, instrument: InstrumentId, order: OrderId) -> Result<Qty, RejectReason> {
        self.clock(now);
        let left = self.cleared.exchange_mut().leave(instrument, order);
        self.settle(instrument);
        left
    }

    /// What is left of a resting order of somebody without an account here; none where it does not rest.
    #[must_use]
    pub fn outsider_left(&self, instrument: InstrumentId, order: OrderId) -> Option<Qty> {
        self.cleared.exchange().book(instrument)?.left(order)
    }

    fn request(&mut self, request: &OrderRequest, reference: Option<Price>) {
        self.refused = None;
        let done = self.cleared.on_request(self.now, request, reference, &mut self.messages);
        self.note_fault(done);
        let instrument = match request {
            OrderRequest::Place { terms, .. } => terms.instrument,
            OrderRequest::Cancel { instrument, .. } | OrderRequest::Amend { instrument, .. } => *instrument,
        };
        self.settle(instrument);
    }

    pub(super) fn id_of(&self, no: OrderNo) -> OrderId {
        OrderId { node: CLIENT_NODE, epoch: 1, counter: no.0 - self.rules.first_order + 1 }
    }

    fn open_record(&self, client: ClientId, order: OrderRef<'_>) -> Result<&OrderRecord, Rejection> {
        let record = self.registry.find(client, order).ok_or(Rejection::UnknownOrder)?;
        if record.is_open() { Ok(record) } else { Err(Rejection::OrderIsOver) }
    }

    /// The record of a new order as it would be, if nothing is wrong with it as such.
    fn draft(&self, order: &PlaceOrder<'_>) -> Result<OrderRecord, Rejection> {
        let client = self.client(order.client).filter(|c| c.permissions == Permissions::Trade).ok_or(Rejection::NotPermitted)?;
        let listing = self.listing(order.instrument).ok_or(Rejection::UnknownInstrument)?;
        let account = self.account_on(client.id, listing.category).ok_or(Rejection::NotPermitted)?;
        if self.registry.open_count(client.id) >= self.rules.max_open_orders {
            return Err(Rejection::TooManyOrders);
        }
        self.check_client_id(order)?;
        if listing.category == Category::Spot && order.exposure != Exposure::Any {
            return Err(Rejection::NotOffered);
        }
        let (qty, quote_size) = match order.size {
            Size::Lots(qty) => (qty, None),
            Size::Quote(amount) => (self.lots_for(order, listing, amount)?, Some(amount)),
        };
        let best = self.cleared.exchange().book(order.instrument).and_then(|book| book.best(order.side.opposite()));
        let trigger = order.kind.trigger().map(|trigger| trigger.price);
        let valued_at = order.kind.price().or(trigger).or(best.map(|level| level.price));
        if order.kind.price().is_some_and(|price| price.0 <= 0) || trigger.is_some_and(|price| price.0 <= 0) {
            return Err(Rejection::Filter(Filter::Price));
        }
        // What only closes may be as small as what it closes (Binance and Bybit: no minimum value for reduce-only).
        let is_closing = order.exposure == Exposure::ReduceOnly;
        check_size(listing, qty, valued_at.filter(|_| !is_closing))?;
        let terms = OrderTerms {
            instrument: order.instrument,
            account,
            book: BookId::UNASSIGNED,
            side: order.side,
            kind: order.kind,
            time_in_force: order.time_in_force,
            qty,
            exposure: order.exposure,
        };
        Ok(OrderRecord {
            no: OrderNo(self.rules.first_order + self.orders_placed),
            client: client.id,
            account,
            client_order_id: Arc::from(order.client_order_id),
            terms,
            original_qty: qty,
            quote_size,
            self_trade: order.self_trade.unwrap_or(self.rules.self_trade),
            remark: order.remark,
            status: OrderStatus::Open,
            ended: None,
            triggered_at: None,
            filled: Qty::ZERO,
            filled_value: Amount::ZERO,
            fee: None,
            realised: Amount::ZERO,
            created: self.now,
            updated: self.now,
            first_fill: None,
            last_fill: None,
        })
    }

    fn check_client_id(&self, order: &PlaceOrder<'_>) -> Result<(), Rejection> {
        if order.client_order_id.is_empty() {
            return Ok(());
        }
        let same = self.registry.find(order.client, OrderRef::Client(order.client_order_id));
        let is_taken = same.is_some_and(|same| same.is_open() || self.rules.client_ids == ClientIds::WhileRecorded);
        if is_taken { Err(Rejection::DuplicateClientId) } else { Ok(()) }
    }

    /// Whole lots that an amount of quote pays for in the book as it stands.
    fn lots_for(&self, order: &PlaceOrder<'_>, listing: &Listing, amount: Amount) -> Result<Qty, Rejection> {
        if order.kind != OrderKind::Market || amount.0 <= 0 {
            return Err(Rejection::Malformed);
        }
        if amount < listing.instrument.terms().min_notional {
            return Err(Rejection::Filter(Filter::MinNotional));
        }
        let book = self.cleared.exchange().book(order.instrument).ok_or(Rejection::NoMarket)?;
        let (mut left, mut lots) = (amount.0, 0i64);
        for level in book.levels(order.side.opposite()) {
            let of_lot = listing.instrument.value(level.price, 1, Rounding::Ceil).map_err(|_| Rejection::Overflow)?.0;
            let payable = i64::try_from(left / of_lot.max(1)).unwrap_or(i64::MAX).min(level.qty.0);
            lots = lots.saturating_add(payable);
            left -= of_lot * i128::from(payable);
            if payable < level.qty.0 {
                break;
            }
        }
        if lots > 0 { Ok(Qty(lots)) } else { Err(Rejection::NoMarket) }
    }

    /// The worst price that a market order would trade at now, as far as the book goes.
    fn reference(&self, terms: &OrderTerms) -> Option<Price> {
        if terms.kind != OrderKind::Market {
            return None;
        }
        let mut left = terms.qty.0;
        let book = self.cleared.exchange().book(terms.instrument)?;
        let is_needed = |level: &super::Level| {
            let needed = left > 0;
            left = left.saturating_sub(level.qty.0);
            needed
        };
        book.levels(terms.side.opposite()).take_while(is_needed).last().map(|level| level.price)
    }

    /// What a market order for so many lots would cost or bring now; none where the book does not go as far.
    #[must_use]
    pub fn quote_for(&self, instrument: InstrumentId, side: Side, qty: Qty) -> Option<Amount> {
        let (book, listing) = (self.cleared.exchange().book(instrument)?, self.listing(instrument)?);
        let (mut left, mut cost) = (qty.0, 0i128);
        for level in book.levels(side.opposite()) {
            let taken = left.min(level.qty.0);
            cost += listing.instrument.value(level.price, taken, Rounding::Truncate).ok()?.0;
            left -= taken;
            if left == 0 {
                return Some(Amount(cost));
            }
        }
        None
    }
}

fn check_size(listing: &Listing, qty: Qty, valued_at: Option<Price>) -> Result<(), Rejection> {
    let filters = listing.instrument.filters();
    if qty.0 <= 0 || qty < filters.min_qty {
        return Err(Rejection::Filter(Filter::MinQty));
    }
    if qty > filters.max_qty {
        return Err(Rejection::Filter(Filter::MaxQty));
    }
    let Some(price) = valued_at else { return Ok(()) };
    let value = listing.instrument.value(price, qty.0, Rounding::Floor).map_err(|_| Rejection::Overflow)?;
    if value < filters.min_notional { Err(Rejection::Filter(Filter::MinNotional)) } else { Ok(()) }
}

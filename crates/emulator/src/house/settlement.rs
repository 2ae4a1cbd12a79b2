//! What follows from anything that happens in a house: records, tape, depth, news; and what its clock brings.

use super::order::{Ended, FillCause, FillRecord, OrderNo, OrderRecord, OrderStatus};
use super::tape::{Candle, MarkState, PublicTrade};
use super::{CLIENT_NODE, FUNDINGS_KEPT, House, Leg, News, OrderCause, change, leg_of};
use std::sync::Arc;
use tradewind_exchange::PrivateMessage;
use tradewind_types::{
    AccountEvent, AccountId, AccountTrade, Amount, Exposure, Fill, InstrumentId, Liquidity, Mark, MarketEvent, MoneyError, OrderId, Price,
    Qty, Rounding, Side, TimeInForce, Timestamp, Trade, TradeCause, TradeId, VenueReply,
};

/// A fill that was told, while its deal is not on the tape.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noted {
    instrument: InstrumentId,
    trade: TradeId,
    order: OrderId,
    qty: Qty,
}

impl House {
    /// Time goes on; it never runs backwards.
    pub(super) fn clock(&mut self, now: Timestamp) {
        if now > self.now {
            if self.next_deadline().is_some_and(|due| due <= now) {
                self.on_time(now);
            }
            self.now = now;
        }
    }

    /// When something is due that nobody asks for: an order's time, funding, the end of a minute.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let turns = self.boards.iter().filter_map(|board| board.tape.next_turn());
        turns.chain(self.cleared.next_deadline()).min()
    }

    /// The clock shows `now`: what was due until then happens, each at its time.
    pub fn on_time(&mut self, now: Timestamp) {
        while let Some(due) = self.next_deadline().filter(|due| *due <= now) {
            self.now = self.now.max(due);
            let done = self.cleared.on_time(due, &mut self.messages);
            self.note_fault(done);
            self.settle_all();
            self.turn_candles();
            if self.next_deadline() == Some(due) {
                // What is still due now has nothing to say, and waits for what comes.
                break;
            }
        }
        self.now = self.now.max(now);
    }

    fn turn_candles(&mut self) {
        let mut over: Vec<Candle> = Vec::new();
        for (id, board) in (0u32..).zip(&mut self.boards) {
            board.tape.turn(self.now, &mut over);
            let instrument = InstrumentId(id);
            self.news.extend(over.drain(..).map(|candle| News::Candle { instrument, candle }));
        }
    }

    /// A perpetual's mark, index and funding at `now`.
    pub fn set_mark(&mut self, now: Timestamp, instrument: InstrumentId, mark: MarkState) {
        self.clock(now);
        let Some(board) = self.boards.get_mut(instrument.index()) else { return };
        board.tape.set_mark(self.now, mark);
        self.news.push(News::Mark { instrument, at: self.now, mark });
        let MarkState { mark, index, funding_rate, next_funding } = mark;
        let event = MarketEvent::Mark(Mark { instrument, mark, index, funding_rate, next_funding });
        let done = self.cleared.on_market(self.now, &event, &mut self.messages);
        self.note_fault(done);
        self.settle(instrument);
    }

    pub(super) fn note_fault(&mut self, done: Result<(), MoneyError>) {
        if let Err(error) = done {
            self.fault.get_or_insert(error);
        }
    }

    /// Lets everything follow from what was just done on an instrument.
    pub(super) fn settle(&mut self, instrument: InstrumentId) {
        loop {
            self.note_messages();
            if !self.print(instrument) {
                break;
            }
        }
        if self.is_spread {
            self.settle_all();
        }
        self.publish_depth(instrument);
    }

    /// As [`Self::settle`], on every instrument: what a liquidation does may be anywhere.
    pub(super) fn settle_all(&mut self) {
        self.is_spread = false;
        loop {
            self.note_messages();
            let mut printed = false;
            for id in 0..self.listings.len() as u32 {
                printed |= self.print(InstrumentId(id));
            }
            if !printed {
                break;
            }
        }
        for id in 0..self.listings.len() as u32 {
            self.publish_depth(InstrumentId(id));
        }
    }

    fn note_messages(&mut self) {
        let mut messages = std::mem::take(&mut self.messages);
        for message in messages.drain(..) {
            match message {
                PrivateMessage::Reply(reply) => self.note_reply(&reply),
                PrivateMessage::Account(event) => self.note_event(&event),
            }
        }
        self.messages = messages;
    }

    fn no_of(&self, order: OrderId) -> Option<OrderNo> {
        (order.node == CLIENT_NODE).then(|| OrderNo(order.counter - 1 + self.rules.first_order))
    }

    fn note_reply(&mut self, reply: &VenueReply) {
        let Some(no) = self.no_of(reply.order()) else { return };
        match *reply {
            VenueReply::Accepted { .. } => self.open_order(no),
            VenueReply::Rejected { reason, .. } | VenueReply::CancelRejected { reason, .. } | VenueReply::AmendRejected { reason, .. } => {
                self.refused = Some(reason);
            }
            VenueReply::Filled(fill) => {
                if let Some(record) = self.registry.get(no) {
                    let (instrument, qty) = (record.terms.instrument, fill.qty);
                    self.noted.push(Noted { instrument, trade: fill.trade, order: fill.order, qty });
                }
                let done = self.fill_order(no, &fill);
                self.note_fault(done);
            }
            VenueReply::Cancelled { .. } => {
                let ended = if self.cancelling == Some(no) { Ended::ByClient } else { Ended::ImmediateRest };
                self.end_order(no, OrderStatus::Cancelled, ended);
            }
            VenueReply::Expired { .. } => {
                let is_over = |record: &OrderRecord| match record.terms.time_in_force {
                    TimeInForce::GoodTillTime { until } => until <= self.now,
                    _ => false,
                };
                let ended = if self.registry.get(no).is_some_and(is_over) { Ended::TimeOver } else { Ended::ByVenue };
                self.end_order(no, OrderStatus::Expired, ended);
            }
            VenueReply::SelfTradePrevented { .. } => self.end_order(no, OrderStatus::SelfTradePrevented, Ended::SelfTrade),
            VenueReply::Amended { price, qty, .. } => self.change_order(no, price, qty),
            VenueReply::Triggered { .. } => self.wake_order(no),
            VenueReply::Lost { .. } | VenueReply::NotFound { .. } => {}
        }
    }

    fn open_order(&mut self, no: OrderNo) {
        if let Some(record) = self.registry.get_mut(no) {
            if record.terms.kind.trigger().is_some() {
                record.status = OrderStatus::Waiting;
            }
            let record = Box::new(record.clone());
            self.tell_funds(&record);
            self.news.push(News::Order { cause: OrderCause::New, record });
        }
    }

    fn change_order(&mut self, no: OrderNo, price: Price, qty: Qty) {
        let now = self.now;
        if let Some(record) = self.registry.get_mut(no) {
            (record.terms.kind, record.terms.qty, record.updated) = (record.terms.kind.at_price(price), qty, now);
            let record = Box::new(record.clone());
            self.tell_funds(&record);
            self.news.push(News::Order { cause: OrderCause::Amended, record });
        }
    }

    fn wake_order(&mut self, no: OrderNo) {
        let now = self.now;
        if let Some(record) = self.registry.get_mut(no) {
            (record.status, record.triggered_at, record.updated) = (OrderStatus::Open, Some(now), now);
            self.news.push(News::Order { cause: OrderCause::Triggered, record: Box::new(record.clone()) });
        }
    }

    pub(super) fn end_order(&mut self, no: OrderNo, status: OrderStatus, ended: Ended) {
        let now = self.now;
        let Some(record) = self.registry.get_mut(no).filter(|record| record.is_open()) else { return };
        (record.status, record.ended, record.updated) = (status, Some(ended), now);
        let record = Box::new(record.clone());
        self.registry.close(record.client, no);
        self.tell_funds(&record);
        self.news.push(News::Order { cause: OrderCause::Ended, record });
    }

    fn fill_order(&mut self, no: OrderNo, fill: &Fill) -> Result<(), MoneyError> {
        let Some(record) = self.registry.get(no) else { return Ok(()) };
        let (account, terms, client, id) = (record.account, record.terms, record.client, Arc::clone(&record.client_order_id));
        let realised = self.realise(account, terms.instrument, leg_of(terms.exposure), terms.side, fill.price, fill.qty)?;
        let Some(listing) = self.listing(terms.instrument) else { return Ok(()) };
        let value = Amount(listing.instrument.value(fill.price, fill.qty.0, Rounding::Truncate)?.0.abs());
        self.fills += 1;
        let made = FillRecord {
            no: self.fills,
            client,
            account,
            instrument: terms.instrument,
            order: Some(no),
            client_order_id: id,
            trade: fill.trade.0,
            cause: FillCause::Trade,
            side: terms.side,
            exposure: terms.exposure,
            price: fill.price,
            qty: fill.qty,
            value,
            liquidity: fill.liquidity,
            fee: fill.fee,
            realised,
            at: fill.ts_venue,
        };
        let Some(record) = self.registry.get_mut(no) else { return Ok(()) };
        record.filled = record.filled.plus(fill.qty)?;
        record.filled_value = record.filled_value.plus(value)?;
        record.realised = record.realised.plus(realised)?;
        let mut fee = record.fee.unwrap_or(tradewind_types::FeeCharge { amount: Amount::ZERO, ..fill.fee });
        fee.amount = fee.amount.plus(fill.fee.amount)?;
        (record.fee, record.updated, record.last_fill) = (Some(fee), fill.ts_venue, Some(made.no));
        record.first_fill.get_or_insert(made.no);
        if record.filled >= record.terms.qty {
            record.status = OrderStatus::Filled;
        }
        let after = Box::new(record.clone());
        if !after.is_open() {
            self.registry.close(client, no);
        }
        self.tell_fill(made, Some(after), leg_of(terms.exposure));
        Ok(())
    }

    fn tell_fill(&mut self, fill: FillRecord, record: Option<Box<OrderRecord>>, leg: Leg) {
        let (client, account, instrument, at) = (fill.client, fill.account, fill.instrument, fill.at);
        self.registry.add_fill(fill.clone());
        self.news.push(News::Fill { fill: Box::new(fill), record });
        let Some(listing) = self.listing(instrument) else { return };
        let terms = listing.instrument.terms();
        let (base, quote, is_spot) = (terms.base, listing.instrument.value_asset(), terms.kind.is_spot());
        if is_spot {
            self.news.push(News::Balance { client, account, asset: base, at });
        } else {
            self.news.push(News::Position { client, account, instrument, leg, at });
        }
        self.news.push(News::Balance { client, account, asset: quote, at });
    }

    /// What is free changes with an order; told of the asset that it gives.
    fn tell_funds(&mut self, record: &OrderRecord) {
        let Some(listing) = self.listing(record.terms.instrument) else { return };
        let gives_base = listing.instrument.terms().kind.is_spot() && record.terms.side == Side::Sell;
        let asset = if gives_base { listing.instrument.terms().base } else { listing.instrument.value_asset() };
        self.news.push(News::Balance { client: record.client, account: record.account, asset, at: self.now });
    }

    /// Books a derivative trade into the house's own copy of the position; says what it realised.
    fn realise(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        leg: Leg,
        side: Side,
        price: Price,
        qty: Qty,
    ) -> Result<Amount, MoneyError> {
        let Some(listing) = self.listings.get(instrument.index()).filter(|l| !l.instrument.terms().kind.is_spot()) else {
            return Ok(Amount::ZERO);
        };
        let lots = side.sign().saturating_mul(qty.0);
        let cost = listing.instrument.value(price, lots, Rounding::Truncate)?;
        let holding = self.holdings.entry((account, instrument, leg)).or_default();
        let traded = holding.traded(lots, cost)?;
        *holding = traded.holding;
        Ok(traded.profit)
    }

    fn note_event(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::Funding(payment) => {
                let Some(client) = self.by_account.get(&payment.account).copied() else { return };
                let kept = self.fundings.entry(client).or_default();
                if kept.len() == FUNDINGS_KEPT {
                    kept.pop_front();
                }
                kept.push_back(*payment);
                self.news.push(News::Funding { client, payment: *payment });
                let asset = self.listing(payment.instrument).map(|listing| listing.instrument.value_asset());
                let told = asset.map(|asset| News::Balance { client, account: payment.account, asset, at: payment.ts_venue });
                self.news.extend(told);
            }
            AccountEvent::Traded(trade) => {
                let done = self.note_forced(trade);
                self.note_fault(done);
            }
            AccountEvent::TransferArrived { .. } => {}
        }
    }

    /// The venue traded for a client.
    fn note_forced(&mut self, trade: &AccountTrade) -> Result<(), MoneyError> {
        self.is_spread = true;
        let Some(client) = self.by_account.get(&trade.account).copied() else { return Ok(()) };
        let leg = leg_of(trade.leg);
        let realised = self.realise(trade.account, trade.instrument, leg, trade.side, trade.price, trade.qty)?;
        let Some(listing) = self.listing(trade.instrument) else { return Ok(()) };
        let value = Amount(listing.instrument.value(trade.price, trade.qty.0, Rounding::Truncate)?.0.abs());
        self.fills += 1;
        let fill = FillRecord {
            no: self.fills,
            client,
            account: trade.account,
            instrument: trade.instrument,
            order: None,
            client_order_id: Arc::from(""),
            trade: trade.trade.0,
            cause: if trade.cause == TradeCause::Delivery { FillCause::Delivery } else { FillCause::Liquidation },
            side: trade.side,
            exposure: if leg == Leg::Net { Exposure::ReduceOnly } else { trade.leg },
            price: trade.price,
            qty: trade.qty,
            value,
            liquidity: Liquidity::Taker,
            fee: trade.fee,
            realised,
            at: trade.ts_venue,
        };
        self.tell_fill(fill, None, leg);
        Ok(())
    }

    /// Puts matches on the tape, and lets the last price wake what waits for it; whether there were any.
    fn print(&mut self, instrument: InstrumentId) -> bool {
        let mut deals = std::mem::take(&mut self.deals);
        self.cleared.exchange_mut().take_deals(instrument, &mut deals);
        let last = deals.last().copied();
        if let (Some(listing), Some(board)) = (self.listings.get(instrument.index()), self.boards.get_mut(instrument.index())) {
            for deal in &deals {
                let booked = self.outsiders.book(&listing.instrument, deal).and_then(|()| {
                    let sides = [(deal.maker, deal.aggressor.opposite()), (deal.taker, deal.aggressor)];
                    sides.into_iter().filter(|(order, _)| order.node == CLIENT_NODE).try_for_each(|(order, side)| {
                        let is_this = |noted: &&Noted| (noted.instrument, noted.trade, noted.order) == (instrument, deal.trade, order);
                        let told = self.noted.iter().find(is_this).map_or(0, |noted| noted.qty.0);
                        self.outsiders.take_side(&listing.instrument, deal, side, Qty(deal.qty.0 - told))
                    })
                });
                let value = listing.instrument.value(deal.price, deal.qty.0, Rounding::Truncate);
                let (Ok(value), Ok(())) = (value, booked) else { continue };
                let trade = PublicTrade {
                    instrument,
                    trade: deal.trade.0,
                    price: deal.price,
                    qty: deal.qty,
                    value,
                    aggressor: deal.aggressor,
                    at: deal.at,
                };
                board.tape.print(&trade);
                self.news.push(News::Trade(trade));
            }
        }
        deals.clear();
        self.deals = deals;
        self.noted.retain(|noted| noted.instrument != instrument);
        let Some(last) = last else { return false };
        let trade = Trade { instrument, trade: last.trade, price: last.price, qty: last.qty, aggressor: last.aggressor };
        let done = self.cleared.on_market(self.now, &MarketEvent::Trade(trade), &mut self.messages);
        self.note_fault(done);
        true
    }

    fn publish_depth(&mut self, instrument: InstrumentId) {
        self.touched.clear();
        self.cleared.exchange_mut().take_touched(instrument, &mut self.touched);
        let Some(book) = self.cleared.exchange().book(instrument).filter(|_| !self.touched.is_empty()) else { return };
        let Some(board) = self.boards.get_mut(instrument.index()) else { return };
        let changes: Vec<_> = self.touched.iter().map(|(side, price)| change(*side, *price, book.qty_at(*side, *price))).collect();
        let (previous, first) = (board.update, board.update + 1);
        board.update += changes.len() as u64;
        let last = board.update;
        self.news.push(News::Depth { instrument, at: self.now, first, last, previous, changes });
        let top = (book.best(Side::Buy), book.best(Side::Sell));
        if top != board.top {
            board.top = top;
            self.news.push(News::Top { instrument, at: self.now, update: last, bid: top.0, ask: top.1 });
        }
    }
}

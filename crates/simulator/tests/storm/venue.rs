//! The fake venue: what really happened. It keeps its own accounts by its own arithmetic, and what it says may get lost,
//! late, doubled or out of order on the way; what it has done stays done.

use crate::storm::desk::{BNB, BTC, FIRST_MID, INVERSE, LINEAR, SPOT, exact_value, flow, value_asset};
use crate::storm::dice::Dice;
use std::collections::{BTreeMap, BTreeSet};
use tradewind_types::{
    AccountEvent, AccountId, AccountTrade, Amount, AssetId, BookId, Exposure, FeeCharge, Fill, FundingPayment, InstrumentId, Liquidity,
    OrderId, OrderRequest, OrderTerms, Price, Qty, Rate, RejectReason, Side, TimeInForce, Timestamp, TradeCause, TradeId, VenueOrderId,
    VenueReply,
};

/// What the venue says, and what a session knows of it.
#[derive(Clone, Copy, Debug)]
pub struct Message {
    pub reply: VenueReply,
    /// The request that it answers, where only that request can be meant.
    pub answers: Option<u64>,
    /// How often the order had been amended.
    pub version: u64,
    /// By which events pick it.
    pub name: u64,
}

impl Message {
    pub const fn new(reply: VenueReply, answers: Option<u64>, version: u64) -> Self {
        Self { reply, answers, version, name: 0 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Open,
    Filled,
    Cancelled,
    Expired,
}

/// An order as the venue has it.
#[derive(Clone, Debug)]
pub struct VenueOrder {
    pub id: OrderId,
    pub terms: OrderTerms,
    pub price: Option<Price>,
    pub qty: i64,
    pub filled: i64,
    pub status: Status,
    pub venue_order: VenueOrderId,
    pub version: u64,
    pub fills: Vec<Fill>,
    /// A stop or take-profit that has not woken up.
    pub waits: bool,
}

/// Who owns a sum of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    Account(AccountId),
    Book(BookId),
}

/// What accounts, and books in them, hold.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    /// Deposits, flows of trading and fees: the money of an owner with open positions taken at cost.
    pub money: BTreeMap<(Owner, AssetId), i128>,
    pub lots: BTreeMap<(Owner, InstrumentId), i64>,
}

impl Accounts {
    pub fn deposit(&mut self, account: AccountId, book: BookId, asset: AssetId, amount: i128) {
        for owner in [Owner::Account(account), Owner::Book(book)] {
            *self.money.entry((owner, asset)).or_default() += amount;
        }
    }

    /// A fill once more, or with -1 as if it had not been.
    pub fn post(&mut self, terms: &OrderTerms, fill: &Fill, times: i64) {
        self.post_for(terms.account, terms.book, terms.instrument, terms.side, fill, times);
    }

    fn post_for(&mut self, account: AccountId, book: BookId, instrument: InstrumentId, side: Side, fill: &Fill, times: i64) {
        let qty = fill.qty.0 * times;
        let value = fill.stated_cash.map_or_else(|| exact_value(instrument, fill.price.0, fill.qty.0), |cash| cash.0);
        for owner in [Owner::Account(account), Owner::Book(book)] {
            *self.lots.entry((owner, instrument)).or_default() += side.sign() * qty;
            let mut pay = |asset, amount: i128| *self.money.entry((owner, asset)).or_default() += amount;
            pay(value_asset(instrument), i128::from(times) * flow(instrument, side, value));
            if instrument == SPOT {
                pay(BTC, i128::from(side.sign() * qty) * 1_000);
            }
            pay(fill.fee.asset, -fill.fee.amount.0 * i128::from(times));
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Venue {
    pub orders: BTreeMap<OrderId, VenueOrder>,
    pub refused: BTreeMap<OrderId, RejectReason>,
    /// Ids that came to it twice.
    pub twice: Vec<OrderId>,
    pub accounts: Accounts,
    pub mids: [i64; 3],
    /// Everything that happened to accounts other than by orders, in order.
    pub history: Vec<AccountEvent>,
    issued: u128,
}

impl VenueOrder {
    pub const fn left(&self) -> i64 {
        match self.status {
            Status::Open => self.qty - self.filled,
            Status::Filled | Status::Cancelled | Status::Expired => 0,
        }
    }
}

impl Venue {
    pub fn new() -> Self {
        Self { mids: [FIRST_MID; 3], ..Self::default() }
    }

    pub fn mid(&self, instrument: InstrumentId) -> i64 {
        self.mids.get(instrument.index()).copied().unwrap_or(FIRST_MID)
    }

    /// A request reaches the venue; one that is too late is refused, whatever it asks.
    pub fn on_request(&mut self, number: u64, request: &OrderRequest, is_late: bool, dice: &mut Dice, at: Timestamp) -> Vec<Message> {
        let plain = |reply, version| Message::new(reply, Some(number), version);
        match *request {
            OrderRequest::Place { order, terms } => self.place(number, order, terms, is_late, dice, at),
            OrderRequest::Cancel { order, .. } => match self.orders.get_mut(&order) {
                Some(found) if found.status == Status::Open && !is_late => {
                    found.status = Status::Cancelled;
                    vec![plain(VenueReply::Cancelled { order }, found.version)]
                }
                _ => vec![plain(VenueReply::CancelRejected { order, reason: RejectReason::UnknownOrder }, 0)],
            },
            OrderRequest::Amend { order, price, qty, .. } => {
                let refuses = is_late || dice.one_in(6);
                match self.orders.get_mut(&order) {
                    Some(found) if found.status == Status::Open && found.price.is_some() && qty.0 > found.filled && !refuses => {
                        (found.price, found.qty, found.version) = (Some(price), qty.0, found.version + 1);
                        vec![plain(VenueReply::Amended { order, price, qty }, found.version)]
                    }
                    _ => vec![plain(VenueReply::AmendRejected { order, reason: RejectReason::InvalidFilter }, 0)],
                }
            }
        }
    }

    fn place(&mut self, number: u64, order: OrderId, terms: OrderTerms, is_late: bool, dice: &mut Dice, at: Timestamp) -> Vec<Message> {
        let reject = |reason| vec![Message::new(VenueReply::Rejected { order, reason }, Some(number), 0)];
        if self.orders.contains_key(&order) || self.refused.contains_key(&order) {
            self.twice.push(order);
            return reject(RejectReason::DuplicateId);
        }
        let takes_all_or_nothing = terms.time_in_force == TimeInForce::FillOrKill;
        let reason = match () {
            () if is_late => Some(RejectReason::NoMarket),
            () if dice.one_in(10) => Some(RejectReason::InsufficientFunds),
            () if takes_all_or_nothing && dice.one_in(2) => Some(RejectReason::CannotFillCompletely),
            () if terms.time_in_force == TimeInForce::PostOnly && dice.one_in(8) => Some(RejectReason::WouldTake),
            () => None,
        };
        if let Some(reason) = reason {
            self.refused.insert(order, reason);
            return reject(reason);
        }
        let price = terms.kind.price();
        self.issued += 1;
        let venue_order = VenueOrderId(self.issued);
        let (qty, fills) = (terms.qty.0, Vec::new());
        let new = VenueOrder {
            id: order,
            terms,
            price,
            qty,
            filled: 0,
            status: Status::Open,
            venue_order,
            version: 0,
            fills,
            waits: terms.kind.trigger().is_some(),
        };
        self.orders.insert(order, new);
        let mut said = vec![Message::new(VenueReply::Accepted { order, venue_order }, Some(number), 0)];
        said.extend(self.take(order, &terms, dice, at));
        if dice.one_in(5) {
            // The stream of fills is faster than the answer.
            said.rotate_left(1);
        }
        said
    }

    /// What a new order takes at once, and the end of one that does not rest.
    fn take(&mut self, order: OrderId, terms: &OrderTerms, dice: &mut Dice, at: Timestamp) -> Vec<Message> {
        let mut said = Vec::new();
        if terms.kind.trigger().is_some() {
            return said;
        }
        let mut left = match terms.time_in_force {
            TimeInForce::PostOnly => 0,
            TimeInForce::FillOrKill => terms.qty.0,
            TimeInForce::ImmediateOrCancel => dice.within(0, terms.qty.0),
            TimeInForce::GoodTillCancelled | TimeInForce::GoodTillTime { .. } if dice.one_in(3) => dice.within(0, terms.qty.0),
            TimeInForce::GoodTillCancelled | TimeInForce::GoodTillTime { .. } => 0,
        };
        while left > 0 {
            let qty = dice.within(1, left);
            left -= qty;
            said.extend(self.trade(order, qty, dice, at));
        }
        let rests = !matches!(terms.time_in_force, TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill);
        if let Some(found) = self.orders.get_mut(&order).filter(|o| !rests && o.status == Status::Open) {
            found.status = Status::Cancelled;
            said.push(Message::new(VenueReply::Cancelled { order }, None, 0));
        }
        said
    }

    /// An order trades, and the venue's accounts move. More than its quantity is for liars.
    pub fn trade(&mut self, order: OrderId, qty: i64, dice: &mut Dice, at: Timestamp) -> Option<Message> {
        let found = self.orders.get_mut(&order)?;
        if std::mem::take(&mut found.waits) {
            return Some(Message::new(VenueReply::Triggered { order }, None, found.version));
        }
        let found = self.orders.get(&order)?;
        let (terms, mid) = (found.terms, self.mid(found.terms.instrument));
        let better = dice.within(0, 3) * -terms.side.sign();
        let price = Price((found.price.map_or(mid, |price| price.0) + better).max(1));
        self.issued += 1;
        let (exact, side) = (exact_value(terms.instrument, price.0, qty), terms.side);
        let stated = match terms.instrument {
            SPOT if dice.one_in(2) => Some(exact + i128::from(dice.within(-1, 1))),
            LINEAR if dice.one_in(4) => Some(exact),
            INVERSE if dice.one_in(2) => Some(rounded_inverse(price.0, qty)),
            _ => None,
        };
        let value = stated.unwrap_or(exact);
        let fee = fee(terms.instrument, side, qty, value, dice);
        let liquidity = if dice.one_in(2) { Liquidity::Maker } else { Liquidity::Taker };
        let stated_cash = stated.map(Amount);
        let fill = Fill { order, trade: TradeId(self.issued), price, qty: Qty(qty), liquidity, fee, stated_cash, ts_venue: at };
        self.accounts.post(&terms, &fill, 1);
        let found = self.orders.get_mut(&order)?;
        found.fills.push(fill);
        found.filled += qty;
        if found.status == Status::Open && found.filled >= found.qty {
            found.status = Status::Filled;
        }
        Some(Message::new(VenueReply::Filled(fill), None, found.version))
    }

    /// The venue ends an order of its own accord: one in three expiries is a self-trade prevented.
    pub fn end(&mut self, order: OrderId, is_expiry: bool) -> Option<Message> {
        let found = self.orders.get_mut(&order).filter(|o| o.status == Status::Open)?;
        found.status = if is_expiry { Status::Expired } else { Status::Cancelled };
        let reply = match is_expiry {
            true if order.counter.is_multiple_of(3) => VenueReply::SelfTradePrevented { order },
            true => VenueReply::Expired { order },
            false => VenueReply::Cancelled { order },
        };
        Some(Message::new(reply, None, found.version))
    }

    /// Funding is charged; the venue's figure need not be what anybody else would work out.
    pub fn fund(&mut self, instrument: InstrumentId, account: AccountId, amount: i64) -> AccountEvent {
        self.issued += 1;
        let (amount, mark) = (Amount(i128::from(amount)), Price(self.mid(instrument)));
        *self.accounts.money.entry((Owner::Account(account), value_asset(instrument))).or_default() += amount.0;
        let payment = FundingPayment { account, instrument, rate: Rate(10_000), mark, amount, ts_venue: Timestamp(self.issued as i64) };
        let event = AccountEvent::Funding(payment);
        self.history.push(event);
        event
    }

    /// An account trades without an order of ours.
    pub fn force(&mut self, instrument: InstrumentId, account: AccountId, side: Side, qty: i64, dice: &mut Dice) -> AccountEvent {
        self.issued += 1;
        let price = Price(self.mid(instrument));
        let fee = fee(instrument, side, qty, exact_value(instrument, price.0, qty), dice);
        let trade = AccountTrade {
            account,
            instrument,
            side,
            trade: TradeId(self.issued),
            price,
            qty: Qty(qty),
            fee,
            stated_cash: None,
            cause: dice.among(&[TradeCause::Liquidation, TradeCause::AutoDeleveraging, TradeCause::Manual]),
            leg: Exposure::Any,
            ts_venue: Timestamp(self.issued as i64),
        };
        self.accounts.post_for(account, BookId::UNASSIGNED, instrument, side, &trade.as_fill(), 1);
        let event = AccountEvent::Traded(trade);
        self.history.push(event);
        event
    }

    /// The cancel-all that must have happened before anyone takes over.
    pub fn cancel_all(&mut self) {
        for order in self.orders.values_mut().filter(|o| o.status == Status::Open) {
            order.status = Status::Cancelled;
        }
    }

    /// Every fill that is not among those booked, in the order of trading.
    pub fn fills_besides(&self, booked: &BTreeSet<(OrderId, TradeId)>) -> Vec<Fill> {
        let all = self.orders.values().flat_map(|order| order.fills.iter().copied());
        let mut missing: Vec<Fill> = all.filter(|fill| !booked.contains(&(fill.order, fill.trade))).collect();
        missing.sort_by_key(|fill| fill.trade);
        missing
    }

    /// Ids of open orders.
    pub fn open(&self) -> Vec<OrderId> {
        self.orders.values().filter(|o| o.status == Status::Open).map(|o| o.id).collect()
    }
}

/// To the nearest unit, as some venues state it.
fn rounded_inverse(price: i64, qty: i64) -> i128 {
    let (n, d) = (i128::from(qty) * 100_000_000_000, i128::from(price));
    (2 * n + d) / (2 * d)
}

/// Up to 10 bps in base, quote or a third asset; sometimes a rebate.
fn fee(instrument: InstrumentId, side: Side, qty: i64, value: i128, dice: &mut Dice) -> FeeCharge {
    let centi_bps = i128::from(dice.within(-100, 1_000));
    let share = |basis: i128| Amount((basis * centi_bps).div_euclid(1_000_000) + i128::from(centi_bps > 0));
    match dice.below(3) {
        0 if instrument == SPOT && side == Side::Buy => FeeCharge { asset: BTC, amount: share(i128::from(qty) * 1_000) },
        1 => FeeCharge { asset: BNB, amount: Amount(i128::from(dice.within(-10, 1_000))) },
        _ => FeeCharge { asset: value_asset(instrument), amount: share(value) },
    }
}

//! Private streams: what happens to orders, balances and positions, and the answers on sockets that take orders.
//!
//! Spot events come as `{"subscriptionId":0,"event":{…}}` on the order socket since the listen keys went (2026-02-20); futures events
//! come bare on the listen-key stream. Spot's execution report and the futures' `o` object name their fields with the same letters.

use super::limits;
use super::refusals;
use super::scan::{Letters, Scan, members, objects, text};
use super::words::{self, amount, asset, leg, listed, millis, price, qty, side, whole};
use crate::client_id::order_id;
use crate::dialect::CallId;
use crate::digits::DigitsError;
use crate::directory::{Directory, Listed, Market};
use crate::error::{MapError, VenueError};
use crate::message::{BalanceRecord, Inbox, Message, OrderOwner, OrderRecord, PositionRecord, RecordState, SessionNews};
use tradewind_types::{
    AccountEvent, AccountTrade, Amount, FeeCharge, Fill, Liquidity, OrderId, Price, Qty, RejectReason, TradeCause, TradeId, VenueOrderId,
    VenueReply,
};

/// The id of the request that opens the private stream; every other id is a call's number.
pub(super) const LOGIN: &str = "login";

/// Reads one frame of a private or order link. What is half read on an error is the caller's to take back.
pub(super) fn read(directory: &Directory, market: Market, frame: &[u8], inbox: &mut Inbox) -> Result<(), MapError> {
    let (mut event, mut answer) = (frame, Answer::default());
    members(frame, "private stream", |key, value| match key {
        b"event" | b"data" => event = value,
        b"id" => answer.id = Some(value),
        b"status" => answer.status = value,
        b"result" => answer.result = value,
        b"error" => answer.error = value,
        b"rateLimits" => answer.rate_limits = value,
        _ => {}
    })?;
    match answer.id {
        Some(id) => answer.tell(market, id, inbox),
        None => tell(directory, market, event, inbox),
    }
}

/// An answer of an order socket.
#[derive(Default)]
struct Answer<'a> {
    id: Option<&'a [u8]>,
    status: &'a [u8],
    result: &'a [u8],
    error: &'a [u8],
    rate_limits: &'a [u8],
}

impl Answer<'_> {
    fn tell(&self, market: Market, id: &[u8], inbox: &mut Inbox) -> Result<(), MapError> {
        const WHAT: &str = "answer";
        let status = if self.status.is_empty() { 200 } else { whole(WHAT, "status", self.status)? };
        if !self.rate_limits.is_empty() {
            limits::of_socket(market, self.rate_limits, inbox)?;
        }
        let outcome = if status == 200 && self.error.is_empty() {
            Ok(venue_order(self.result)?)
        } else {
            let status = u16::try_from(status).unwrap_or_default();
            Err(VenueError { http_status: 0, ..refusals::read(market, status, &[], self.error) })
        };
        let call = std::str::from_utf8(id).ok().and_then(|id| id.parse().ok()).map(CallId);
        inbox.messages.push(match (call, outcome) {
            (Some(call), outcome) => Message::Answer { call, outcome },
            (None, Ok(_)) if id == LOGIN.as_bytes() => Message::Session(SessionNews::Authenticated),
            (None, Err(refusal)) if id == LOGIN.as_bytes() => Message::Session(SessionNews::AuthRefused(refusal)),
            (None, Ok(_)) => Message::Session(SessionNews::Subscribed),
            (None, Err(refusal)) => Message::Session(SessionNews::SubscriptionRefused(refusal)),
        });
        Ok(())
    }
}

/// The venue's id of the order that a result speaks of, where it is one.
pub(super) fn venue_order(result: &[u8]) -> Result<Option<VenueOrderId>, MapError> {
    const WHAT: &str = "result";
    if Scan::new(result).peek() != b'{' {
        return Ok(None);
    }
    let (mut id, mut amended) = (&b""[..], &b""[..]);
    members(result, WHAT, |key, value| match key {
        b"orderId" | b"algoId" => id = value,
        b"amendedOrder" => amended = value,
        _ => {}
    })?;
    if id.is_empty() && !amended.is_empty() {
        members(amended, WHAT, |key, value| {
            if key == b"orderId" {
                id = value;
            }
        })?;
    }
    if id.is_empty() { Ok(None) } else { whole(WHAT, "orderId", id).map(|id| Some(VenueOrderId(u128::from(id)))) }
}

fn tell(directory: &Directory, market: Market, event: &[u8], inbox: &mut Inbox) -> Result<(), MapError> {
    let letters = Letters::read(event, "event", |_, _| {})?;
    match letters.get(b'e') {
        b"executionReport" => Execution { market, letters: &letters, leg: b"" }.tell(directory, inbox),
        b"ORDER_TRADE_UPDATE" => {
            let mut leg = &b""[..];
            let order = Letters::read(letters.must(b'o', "ORDER_TRADE_UPDATE", "o")?, "ORDER_TRADE_UPDATE", |key, value| {
                if key == b"ps" {
                    leg = value;
                }
            })?;
            Execution { market, letters: &order, leg }.tell(directory, inbox)
        }
        b"ALGO_UPDATE" => conditional(directory, market, letters.must(b'o', "ALGO_UPDATE", "o")?, inbox),
        b"outboundAccountPosition" => spot_balances(directory, letters.must(b'B', "outboundAccountPosition", "B")?, inbox),
        b"ACCOUNT_UPDATE" => account_update(directory, market, letters.must(b'a', "ACCOUNT_UPDATE", "a")?, inbox),
        b"listenKeyExpired" | b"eventStreamTerminated" => {
            inbox.session(SessionNews::StreamExpired);
            Ok(())
        }
        b"serverShutdown" => {
            inbox.session(SessionNews::GoingAway);
            Ok(())
        }
        // TRADE_LITE says early, without the fee, what ORDER_TRADE_UPDATE says whole.
        _ => {
            inbox.session(SessionNews::Ignored);
            Ok(())
        }
    }
}

/// One step in an order's life.
struct Execution<'a> {
    market: Market,
    letters: &'a Letters<'a>,
    /// Position side, on futures.
    leg: &'a [u8],
}

const WHAT: &str = "execution";

impl Execution<'_> {
    fn tell(&self, directory: &Directory, inbox: &mut Inbox) -> Result<(), MapError> {
        let letters = self.letters;
        let Some(listed) = listed(directory, self.market, letters.must(b's', WHAT, "s")?) else {
            inbox.session(SessionNews::Ignored);
            return Ok(());
        };
        let name = self.client_id();
        match order_id(&name) {
            Some(order) => self.ours(directory, listed, order, inbox),
            None => self.foreign(directory, listed, name, inbox),
        }
    }

    /// Spot puts the id of a cancel or an amend in `c`, and the order's own in `C`.
    fn client_id(&self) -> String {
        match (self.market, self.letters.get(b'C')) {
            (Market::Spot, original) if !matches!(original, b"" | b"null") => text(original),
            _ => text(self.letters.get(b'c')),
        }
    }

    fn ours(&self, directory: &Directory, listed: &Listed, order: OrderId, inbox: &mut Inbox) -> Result<(), MapError> {
        let letters = self.letters;
        let reply = match letters.must(b'x', WHAT, "x")? {
            b"NEW" => {
                let venue_order = self.venue_order()?;
                inbox.messages.push(Message::Reply(VenueReply::Accepted { order, venue_order }));
                // A spot order that waits for its trigger is on the book once it has woken up.
                let waits = self.market == Market::Spot && matches!(letters.get(b'o'), [b'S', b'T', ..] | [b'T', ..]);
                (waits && letters.get(b'w') == b"true").then_some(VenueReply::Triggered { order })
            }
            b"CANCELED" => Some(VenueReply::Cancelled { order }),
            b"REPLACED" | b"AMENDMENT" => Some(self.amended(listed, order)?),
            b"REJECTED" => Some(VenueReply::Rejected { order, reason: reason(letters.get(b'r')) }),
            b"TRADE" | b"CALCULATED" => {
                self.fill(directory, listed, order)?
                    .into_iter()
                    .for_each(|fill| inbox.messages.push(Message::Reply(VenueReply::Filled(fill))));
                self.ended(order)
            }
            b"EXPIRED" => self.ended(order),
            b"TRADE_PREVENTION" if letters.get(b'X') == b"EXPIRED_IN_MATCH" => Some(VenueReply::SelfTradePrevented { order }),
            b"TRADE_PREVENTION" => Some(self.amended(listed, order)?),
            _ => None,
        };
        match reply {
            Some(reply) => inbox.messages.push(Message::Reply(reply)),
            None if letters.get(b'x').starts_with(b"PENDING") => inbox.session(SessionNews::Ignored),
            None => {}
        }
        Ok(())
    }

    /// How an order ended that was neither filled nor cancelled by request. What is left of an order that acts at once is cancelled.
    fn ended(&self, order: OrderId) -> Option<VenueReply> {
        let acts_at_once = matches!(self.letters.get(b'f'), b"IOC" | b"FOK") || self.letters.get(b'o') == b"MARKET";
        match self.letters.get(b'X') {
            b"EXPIRED_IN_MATCH" => Some(VenueReply::SelfTradePrevented { order }),
            b"EXPIRED" if !acts_at_once => Some(VenueReply::Expired { order }),
            b"EXPIRED" | b"CANCELED" => Some(VenueReply::Cancelled { order }),
            _ => None,
        }
    }

    /// Price and quantity as they are now; what self-trade prevention took away (`A`) is no longer part of the order.
    fn amended(&self, listed: &Listed, order: OrderId) -> Result<VenueReply, MapError> {
        let prevented = match (self.market, self.letters.get(b'A')) {
            (Market::Spot, taken @ [_, ..]) => qty(listed, WHAT, "A", taken)?,
            _ => Qty(0),
        };
        let total = self.qty(listed, b'q', "q")?;
        let price = price(listed, WHAT, "p", self.letters.must(b'p', WHAT, "p")?)?;
        Ok(VenueReply::Amended { order, price, qty: Qty(total.0.saturating_sub(prevented.0)) })
    }

    fn qty(&self, listed: &Listed, letter: u8, field: &'static str) -> Result<Qty, MapError> {
        qty(listed, WHAT, field, self.letters.must(letter, WHAT, field)?)
    }

    fn venue_order(&self) -> Result<VenueOrderId, MapError> {
        whole(WHAT, "i", self.letters.get(b'i')).map(|id| VenueOrderId(u128::from(id)))
    }

    /// The execution in this report; none where nothing was executed.
    fn fill(&self, directory: &Directory, listed: &Listed, order: OrderId) -> Result<Option<Fill>, MapError> {
        let letters = self.letters;
        let executed = self.qty(listed, b'l', "l")?;
        if executed.0 <= 0 {
            return Ok(None);
        }
        Ok(Some(Fill {
            order,
            trade: TradeId(u128::from(whole(WHAT, "t", letters.get(b't'))?)),
            price: price(listed, WHAT, "L", letters.must(b'L', WHAT, "L")?)?,
            qty: executed,
            liquidity: if letters.get(b'm') == b"true" { Liquidity::Maker } else { Liquidity::Taker },
            fee: fee(directory, listed, letters.get(b'N'), letters.get(b'n'))?,
            stated_cash: self.stated_cash(directory, listed)?,
            ts_venue: millis(WHAT, "T", letters.get(b'T'))?,
        }))
    }

    /// Spot states what changed hands in the quote asset (`Y`), rounded by the venue.
    fn stated_cash(&self, directory: &Directory, listed: &Listed) -> Result<Option<Amount>, MapError> {
        match (self.market, self.letters.get(b'Y')) {
            (Market::Spot, cash @ [_, ..]) => {
                let quote = quote_asset(directory, listed)?;
                amount(quote, WHAT, "Y", cash).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// An order that is not ours: its record, and its execution as a trade of the account.
    fn foreign(&self, directory: &Directory, listed: &Listed, name: String, inbox: &mut Inbox) -> Result<(), MapError> {
        let letters = self.letters;
        let side = side(WHAT, letters.get(b'S'))?;
        if matches!(letters.get(b'x'), b"TRADE" | b"CALCULATED")
            && let Some(fill) = self.fill(directory, listed, OrderId::default())?
        {
            let Fill { trade, price, qty, fee, stated_cash, ts_venue, .. } = fill;
            let (account, instrument) = (listed.account, listed.id);
            let (cause, leg) = (cause(&name), leg(WHAT, self.leg)?);
            let trade = AccountTrade { account, instrument, side, trade, price, qty, fee, stated_cash, cause, leg, ts_venue };
            inbox.messages.push(Message::Account(AccountEvent::Traded(trade)));
        }
        let limit = price(listed, WHAT, "p", letters.must(b'p', WHAT, "p")?)?;
        let reason = reason(letters.get(b'r'));
        inbox.messages.push(Message::Order(OrderRecord {
            owner: OrderOwner::Foreign(name),
            venue_order: self.venue_order()?,
            instrument: listed.id,
            side,
            price: Some(limit).filter(|limit| *limit != Price(0)),
            qty: self.qty(listed, b'q', "q")?,
            filled: self.qty(listed, b'z', "z")?,
            state: state(WHAT, letters.get(b'X'), reason)?,
        }));
        Ok(())
    }
}

/// What became of an order, by the venue's status.
pub(super) fn state(what: &'static str, status: &[u8], reason: RejectReason) -> Result<RecordState, MapError> {
    Ok(match status {
        b"NEW" | b"PENDING_NEW" | b"PARTIALLY_FILLED" | b"PENDING_CANCEL" | b"NEW_INSURANCE" | b"NEW_ADL" => RecordState::Open,
        b"FILLED" => RecordState::Filled,
        b"CANCELED" => RecordState::Cancelled,
        b"EXPIRED" | b"EXPIRED_IN_MATCH" => RecordState::Expired,
        b"REJECTED" => RecordState::Rejected(reason),
        _ => return Err(words::unknown(what, "status", status)),
    })
}

/// What became of a conditional order. Once it has woken up it is over when the order it became is.
pub(super) fn conditional_state(what: &'static str, status: &[u8], is_filled: bool, reason: RejectReason) -> Result<RecordState, MapError> {
    match status {
        b"TRIGGERING" | b"TRIGGERED" => Ok(RecordState::Open),
        b"FINISHED" if is_filled => Ok(RecordState::Filled),
        b"FINISHED" => Ok(RecordState::Cancelled),
        _ => state(what, status, reason),
    }
}

/// Spot's reasons of refusal (`r`), by their words.
fn reason(word: &[u8]) -> RejectReason {
    match word {
        b"INSUFFICIENT_BALANCES" | b"INSUFFICIENT_BALANCE" => RejectReason::InsufficientFunds,
        b"WOULD_MATCH_IMMEDIATELY" => RejectReason::WouldTake,
        b"STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY" => RejectReason::WouldTriggerAtOnce,
        b"UNKNOWN_ORDER" => RejectReason::UnknownOrder,
        b"DUPLICATE_ORDER" => RejectReason::DuplicateId,
        b"MARKET_CLOSED" => RejectReason::NoMarket,
        b"ACCOUNT_CANNOT_SETTLE" | b"ACCOUNT_INACTIVE" => RejectReason::NotAuthorised,
        _ => RejectReason::InvalidFilter,
    }
}

/// Who traded, by the client id that the venue gives to its own orders.
pub(super) fn cause(client_id: &str) -> TradeCause {
    if client_id.starts_with("adl_autoclose") {
        TradeCause::AutoDeleveraging
    } else if client_id.starts_with("autoclose-") {
        TradeCause::Liquidation
    } else if client_id.starts_with("settlement_autoclose-") || client_id.starts_with("delivery_autoclose-") {
        TradeCause::Delivery
    } else {
        TradeCause::Manual
    }
}

fn quote_asset<'a>(directory: &'a Directory, listed: &Listed) -> Result<&'a crate::directory::ListedAsset, MapError> {
    directory.asset_by_id(listed.quote).ok_or_else(|| MapError::NotListed { what: WHAT, symbol: listed.symbol.clone() })
}

/// What an execution cost. Where nothing was charged the venue may name no asset: then it is nothing of the quote asset.
pub(super) fn fee(directory: &Directory, listed: &Listed, ticker: &[u8], charged: &[u8]) -> Result<FeeCharge, MapError> {
    if matches!(ticker, b"" | b"null") {
        let digits_only_zero = charged.iter().all(|byte| matches!(byte, b'0' | b'.')) || charged == b"null";
        return if digits_only_zero {
            Ok(FeeCharge { asset: listed.quote, amount: Amount::ZERO })
        } else {
            Err(MapError::Missing { what: WHAT, field: "commission asset" })
        };
    }
    let asset = asset(directory, ticker).ok_or_else(|| MapError::NotListed { what: WHAT, symbol: text(ticker) })?;
    Ok(FeeCharge { asset: asset.id, amount: amount(asset, WHAT, "commission", charged)? })
}

/// A futures order that waits for a trigger. Once it has woken up it is an order like others, under the same client id.
fn conditional(directory: &Directory, market: Market, order: &[u8], inbox: &mut Inbox) -> Result<(), MapError> {
    const WHAT: &str = "ALGO_UPDATE";
    let (mut name, mut id, mut filled, mut why) = (&b""[..], &b""[..], &b"0"[..], &b""[..]);
    let letters = Letters::read(order, WHAT, |key, value| match key {
        b"caid" => name = value,
        b"aid" => id = value,
        b"aq" if !value.is_empty() => filled = value,
        b"rm" => why = value,
        _ => {}
    })?;
    let Some(listed) = listed(directory, market, letters.must(b's', WHAT, "s")?) else {
        inbox.session(SessionNews::Ignored);
        return Ok(());
    };
    let venue_order = VenueOrderId(u128::from(whole(WHAT, "aid", id)?));
    let name = text(name);
    let reason = refusals::reason_in_words(why);
    let Some(order) = order_id(&name) else {
        let limit = price(listed, WHAT, "p", letters.must(b'p', WHAT, "p")?)?;
        let total = qty(listed, WHAT, "q", letters.must(b'q', WHAT, "q")?)?;
        let filled = qty(listed, WHAT, "aq", filled)?;
        inbox.messages.push(Message::Order(OrderRecord {
            owner: OrderOwner::Foreign(name),
            venue_order,
            instrument: listed.id,
            side: side(WHAT, letters.get(b'S'))?,
            price: Some(limit).filter(|limit| *limit != Price(0)),
            qty: total,
            filled,
            state: conditional_state(WHAT, letters.get(b'X'), filled >= total, reason)?,
        }));
        return Ok(());
    };
    inbox.messages.push(match letters.must(b'X', WHAT, "X")? {
        b"NEW" => Message::Reply(VenueReply::Accepted { order, venue_order }),
        b"TRIGGERED" => Message::Reply(VenueReply::Triggered { order }),
        b"CANCELED" => Message::Reply(VenueReply::Cancelled { order }),
        b"EXPIRED" => Message::Reply(VenueReply::Expired { order }),
        b"REJECTED" => Message::Reply(VenueReply::Rejected { order, reason }),
        _ => Message::Session(SessionNews::Ignored),
    });
    Ok(())
}

/// Free and locked of the assets that changed.
fn spot_balances(directory: &Directory, balances: &[u8], inbox: &mut Inbox) -> Result<(), MapError> {
    const WHAT: &str = "outboundAccountPosition";
    let Some(account) = directory.account(Market::Spot) else { return Ok(()) };
    objects(balances, WHAT, |balance| {
        let letters = Letters::read(balance, WHAT, |_, _| {})?;
        let Some(asset) = asset(directory, letters.must(b'a', WHAT, "a")?) else { return Ok(()) };
        let free = amount(asset, WHAT, "f", letters.must(b'f', WHAT, "f")?)?;
        let locked = amount(asset, WHAT, "l", letters.must(b'l', WHAT, "l")?)?;
        let total = free.plus(locked).map_err(|_| words::number(WHAT, "f", letters.get(b'f'), DigitsError::TooLarge))?;
        inbox.messages.push(Message::Balance(BalanceRecord { account, asset: asset.id, total }));
        Ok(())
    })
}

/// Wallet balances and positions that changed, whatever the reason (an order, funding, a transfer).
fn account_update(directory: &Directory, market: Market, update: &[u8], inbox: &mut Inbox) -> Result<(), MapError> {
    const WHAT: &str = "ACCOUNT_UPDATE";
    let Some(account) = directory.account(market) else { return Ok(()) };
    let update = Letters::read(update, WHAT, |_, _| {})?;
    if let balances @ [_, ..] = update.get(b'B') {
        objects(balances, WHAT, |balance| {
            let mut wallet = &b""[..];
            let letters = Letters::read(balance, WHAT, |key, value| {
                if key == b"wb" {
                    wallet = value;
                }
            })?;
            let Some(asset) = asset(directory, letters.must(b'a', WHAT, "a")?) else { return Ok(()) };
            if wallet.is_empty() {
                return Err(MapError::Missing { what: WHAT, field: "wb" });
            }
            let total = amount(asset, WHAT, "wb", wallet)?;
            inbox.messages.push(Message::Balance(BalanceRecord { account, asset: asset.id, total }));
            Ok(())
        })?;
    }
    if let positions @ [_, ..] = update.get(b'P') {
        objects(positions, WHAT, |position| {
            let (mut held, mut side) = (&b""[..], &b""[..]);
            let letters = Letters::read(position, WHAT, |key, value| match key {
                b"pa" => held = value,
                b"ps" => side = value,
                _ => {}
            })?;
            let Some(listed) = listed(directory, market, letters.must(b's', WHAT, "s")?) else { return Ok(()) };
            inbox.messages.push(position_record(listed, WHAT, held, side)?);
            Ok(())
        })?;
    }
    Ok(())
}

/// A position as the venue signs it: the short leg of a hedge-mode account is negative.
pub(super) fn position_record(listed: &Listed, what: &'static str, held: &[u8], side: &[u8]) -> Result<Message, MapError> {
    let lots = qty(listed, what, "position", held)?.0;
    Ok(Message::Position(PositionRecord { account: listed.account, instrument: listed.id, leg: leg(what, side)?, lots }))
}

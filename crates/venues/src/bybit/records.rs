//! Orders, executions, positions and wallets → our nouns; the same rows are pushed on the private stream and answered to questions.
//!
//! Sources: Bybit's v5 documents (`websocket/private/*`, `order/*`, `enum`), read 2026-07.

use super::ids;
use super::public::{millis, rate};
use super::refusals;
use super::wire::{ExecutionRow, InstrumentRow, OrderRow, PositionRow, WalletRow, Word};
use crate::client_id::order_id;
use crate::digits::DigitsError;
use crate::directory::{Directory, Listed, Market};
use crate::error::MapError;
use crate::message::{BalanceRecord, Inbox, ListedInstrument, Message, OrderOwner, OrderRecord, PositionRecord, RecordState};
use std::borrow::Cow;
use tradewind_types::{
    AccountEvent, AccountTrade, Amount, Decimal, Exposure, FeeCharge, Fill, FundingPayment, InstrumentKind, Liquidity, OrderId, Price, Qty,
    RejectReason, Side, Timestamp, TradeCause, TradeId, VenueOrderId, VenueReply,
};

/// The market of a category; none for those that are not spoken here.
pub(super) fn market(category: &str) -> Option<Market> {
    match category {
        "spot" => Some(Market::Spot),
        "linear" => Some(Market::Linear),
        _ => None,
    }
}

/// The category of a market.
pub(super) const fn category(market: Market) -> &'static str {
    match market {
        Market::Spot => "spot",
        Market::Linear => "linear",
        Market::Inverse => "inverse",
    }
}

/// Where the rows of an answer come from: a row on the private stream names its category, a row of an answer does not.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub what: &'static str,
    pub directory: &'a Directory,
    pub market: Option<Market>,
}

impl<'a> Rows<'a> {
    /// The instrument of a row; none where nobody here trades it.
    fn listed(&self, category: &Word<'_>, symbol: &Word<'_>) -> Option<&'a Listed> {
        let market = self.market.or_else(|| market(category.as_str()))?;
        self.directory.find(market, symbol.as_str())
    }

    fn number(&self, field: &'static str, text: &str, why: DigitsError) -> MapError {
        MapError::Number { what: self.what, field: Cow::Borrowed(field), text: text.to_owned(), why }
    }

    fn unknown(&self, field: &'static str, word: &Word<'_>) -> MapError {
        MapError::UnknownWord { what: self.what, field, text: word.as_str().to_owned() }
    }

    fn side(&self, word: &Word<'_>) -> Result<Side, MapError> {
        match word.as_str() {
            "Buy" => Ok(Side::Buy),
            "Sell" => Ok(Side::Sell),
            _ => Err(self.unknown("side", word)),
        }
    }

    fn price(&self, listed: &Listed, field: &'static str, word: &Word<'_>) -> Result<Price, MapError> {
        listed.grid.price(word.as_str().as_bytes()).map_err(|why| self.number(field, word.as_str(), why))
    }

    /// A quantity; an empty text is none.
    fn qty(&self, listed: &Listed, field: &'static str, word: &Word<'_>) -> Result<Qty, MapError> {
        if word.is_empty() {
            return Ok(Qty(0));
        }
        listed.grid.qty(word.as_str().as_bytes()).map_err(|why| self.number(field, word.as_str(), why))
    }

    fn time(&self, field: &'static str, word: &Word<'_>) -> Result<Timestamp, MapError> {
        word.as_str().parse().map(millis).map_err(|_| self.number(field, word.as_str(), DigitsError::Malformed))
    }

    fn amount(&self, asset: &str, field: &'static str, word: &Word<'_>) -> Result<(tradewind_types::AssetId, Amount), MapError> {
        let listed = self.directory.asset(asset).ok_or_else(|| MapError::NotListed { what: self.what, symbol: asset.to_owned() })?;
        let amount = self.directory.amount(listed, word.as_str().as_bytes());
        Ok((listed.id, amount.map_err(|why| self.number(field, word.as_str(), why))?))
    }

    /// An order by the venue's records. Nothing comes of it where nobody here trades it.
    pub(super) fn order(&self, row: &OrderRow<'_>) -> Result<Option<OrderRecord>, MapError> {
        let Some(listed) = self.listed(&row.category, &row.symbol) else { return Ok(None) };
        let owner = match order_id(row.order_link_id.as_str()) {
            Some(order) => OrderOwner::Ours(order),
            None => OrderOwner::Foreign(row.order_link_id.as_str().to_owned()),
        };
        let side = self.side(&row.side)?;
        let is_market = row.order_type.as_str() == "Market";
        // A spot market buy is for an amount of quote unless it says otherwise; ours always do.
        let by_value = match row.market_unit.as_str() {
            "baseCoin" => false,
            "quoteCoin" => true,
            _ => side == Side::Buy && matches!(owner, OrderOwner::Foreign(_)),
        };
        let qty = if is_market && listed.market == Market::Spot && by_value { Qty(0) } else { self.qty(listed, "qty", &row.qty)? };
        let filled = self.qty(listed, "cumExecQty", &row.cum_exec_qty)?;
        // A market order's price is a bound of the venue's; orders of unknown kinds (settlements, closings) have none.
        let has_price = !is_market && !matches!(row.price.as_str(), "" | "0");
        let price = if has_price { Some(self.price(listed, "price", &row.price)?) } else { None };
        let state = self.state(row, filled)?;
        let venue_order = VenueOrderId(ids::number(row.order_id.as_str().as_bytes()));
        Ok(Some(OrderRecord { owner, venue_order, instrument: listed.id, side, price, qty, filled, state }))
    }

    fn state(&self, row: &OrderRow<'_>, filled: Qty) -> Result<RecordState, MapError> {
        Ok(match row.order_status.as_str() {
            "New" | "PartiallyFilled" | "Untriggered" | "Triggered" | "Created" | "Active" => RecordState::Open,
            "Filled" => RecordState::Filled,
            "Rejected" if filled.0 == 0 => {
                RecordState::Rejected(refusals::reason(row.reject_reason.as_str()).unwrap_or(RejectReason::InvalidFilter))
            }
            "Rejected" | "PartiallyFilledCanceled" | "Cancelled" | "Deactivated" => match ended(row, filled) {
                Ended::Refused(reason) => RecordState::Rejected(reason),
                Ended::ByRules => RecordState::Expired,
                Ended::Cancelled | Ended::SelfTradePrevented => RecordState::Cancelled,
            },
            _ => return Err(self.unknown("orderStatus", &row.order_status)),
        })
    }

    /// A pushed order. Of ours: what it means for the life of the order, and, while it is open, its terms as the venue has them (that is
    /// how an amend shows). Of others: its record.
    pub(super) fn pushed_order(&self, row: &OrderRow<'_>, inbox: &mut Inbox) -> Result<(), MapError> {
        let Some(record) = self.order(row)? else { return Ok(()) };
        let OrderOwner::Ours(order) = record.owner else {
            inbox.messages.push(Message::Order(record));
            return Ok(());
        };
        let mut reply = |reply| inbox.messages.push(Message::Reply(reply));
        let accepted = VenueReply::Accepted { order, venue_order: record.venue_order };
        match record.state {
            RecordState::Open => {
                reply(accepted);
                if row.order_status.as_str() != "Untriggered" && waited_for_trigger(row) {
                    reply(VenueReply::Triggered { order });
                }
                inbox.messages.push(Message::Order(record));
            }
            RecordState::Filled => inbox.messages.push(Message::Order(record)),
            RecordState::Rejected(reason) => reply(VenueReply::Rejected { order, reason }),
            RecordState::Expired => reply(VenueReply::Expired { order }),
            RecordState::Cancelled => reply(match ended(row, record.filled) {
                Ended::SelfTradePrevented => VenueReply::SelfTradePrevented { order },
                _ => VenueReply::Cancelled { order },
            }),
        }
        Ok(())
    }

    /// An execution: a fill of ours, funding, or a trade that no order of ours made.
    pub(super) fn execution(&self, row: &ExecutionRow<'_>, inbox: &mut Inbox) -> Result<(), MapError> {
        let Some(listed) = self.listed(&row.category, &row.symbol) else { return Ok(()) };
        let ours = order_id(row.order_link_id.as_str());
        let message = match (row.exec_type.as_str(), ours) {
            ("Funding", _) => Message::Account(AccountEvent::Funding(self.funding(row, listed)?)),
            // Profit of a session is paid out: the wallet tells, no position changes.
            ("SessionSettlePnL", _) => return Ok(()),
            ("Trade" | "", Some(order)) => Message::Reply(VenueReply::Filled(self.fill(row, listed, order)?)),
            ("Trade" | "", None) => self.traded(row, listed, cause_by_creation(row.create_type.as_str()))?,
            ("AdlTrade", _) => self.traded(row, listed, TradeCause::AutoDeleveraging)?,
            ("BustTrade", _) => self.traded(row, listed, TradeCause::Liquidation)?,
            ("Delivery" | "Settle", _) => self.traded(row, listed, TradeCause::Delivery)?,
            ("BlockTrade" | "MovePosition" | "FutureSpread", _) => self.traded(row, listed, TradeCause::Manual)?,
            _ => return Err(self.unknown("execType", &row.exec_type)),
        };
        inbox.messages.push(message);
        Ok(())
    }

    fn fill(&self, row: &ExecutionRow<'_>, listed: &Listed, order: OrderId) -> Result<Fill, MapError> {
        Ok(Fill {
            order,
            trade: TradeId(ids::number(row.exec_id.as_str().as_bytes())),
            price: self.price(listed, "execPrice", &row.exec_price)?,
            qty: self.qty(listed, "execQty", &row.exec_qty)?,
            liquidity: if row.is_maker { Liquidity::Maker } else { Liquidity::Taker },
            fee: self.fee(row, listed)?,
            stated_cash: self.stated_cash(row, listed)?,
            ts_venue: self.time("execTime", &row.exec_time)?,
        })
    }

    /// A spot trade's value is the cash that changed hands; a derivative's is only what it was worth.
    fn stated_cash(&self, row: &ExecutionRow<'_>, listed: &Listed) -> Result<Option<Amount>, MapError> {
        if listed.market != Market::Spot || row.exec_value.is_empty() {
            return Ok(None);
        }
        let Some(quote) = self.directory.asset_by_id(listed.quote) else { return Ok(None) };
        let cash = self.directory.amount(quote, row.exec_value.as_str().as_bytes());
        cash.map(Some).map_err(|why| self.number("execValue", row.exec_value.as_str(), why))
    }

    /// The fee, in the asset that the venue names. Where it names none: a derivative's in its quote, a spot trade's in what was received,
    /// and a maker's rebate in what was given (documents, "Spot Fee Currency Instruction").
    fn fee(&self, row: &ExecutionRow<'_>, listed: &Listed) -> Result<FeeCharge, MapError> {
        if !row.fee_currency.is_empty() {
            let (asset, amount) = self.amount(row.fee_currency.as_str(), "execFee", &row.exec_fee)?;
            return Ok(FeeCharge { asset, amount });
        }
        let is_rebate = row.is_maker && row.exec_fee.as_str().starts_with('-');
        let received_base = (row.side.as_str() == "Buy") != is_rebate;
        let asset = if listed.market == Market::Spot && received_base { listed.base } else { listed.quote };
        let Some(known) = self.directory.asset_by_id(asset) else {
            return Err(MapError::NotListed { what: self.what, symbol: format!("asset {asset}") });
        };
        let amount = self.directory.amount(known, row.exec_fee.as_str().as_bytes());
        Ok(FeeCharge { asset, amount: amount.map_err(|why| self.number("execFee", row.exec_fee.as_str(), why))? })
    }

    fn traded(&self, row: &ExecutionRow<'_>, listed: &Listed, cause: TradeCause) -> Result<Message, MapError> {
        Ok(Message::Account(AccountEvent::Traded(AccountTrade {
            account: listed.account,
            instrument: listed.id,
            side: self.side(&row.side)?,
            trade: TradeId(ids::number(row.exec_id.as_str().as_bytes())),
            price: self.price(listed, "execPrice", &row.exec_price)?,
            qty: self.qty(listed, "execQty", &row.exec_qty)?,
            fee: self.fee(row, listed)?,
            stated_cash: self.stated_cash(row, listed)?,
            cause,
            leg: Exposure::Any,
            ts_venue: self.time("execTime", &row.exec_time)?,
        })))
    }

    /// Funding comes as an execution whose fee is what was paid.
    fn funding(&self, row: &ExecutionRow<'_>, listed: &Listed) -> Result<FundingPayment, MapError> {
        let paid = self.fee(row, listed)?.amount;
        let mark = if matches!(row.mark_price.as_str(), "" | "0") { &row.exec_price } else { &row.mark_price };
        let ticks = listed.grid.tick.nearest(mark.as_str().as_bytes()).map_err(|why| self.number("markPrice", mark.as_str(), why))?;
        Ok(FundingPayment {
            account: listed.account,
            instrument: listed.id,
            rate: rate(row.fee_rate.as_str().as_bytes()).map_err(|why| self.number("feeRate", row.fee_rate.as_str(), why))?,
            mark: Price(ticks),
            amount: Amount(-paid.0),
            ts_venue: self.time("execTime", &row.exec_time)?,
        })
    }

    /// A position; flat positions are stated too.
    pub(super) fn position(&self, row: &PositionRow<'_>, inbox: &mut Inbox) -> Result<(), MapError> {
        let Some(listed) = self.listed(&row.category, &row.symbol) else { return Ok(()) };
        let size = self.qty(listed, "size", &row.size)?.0;
        let lots = match row.side.as_str() {
            "Buy" => size,
            "Sell" => -size,
            "" | "None" if size == 0 => 0,
            _ => return Err(self.unknown("side", &row.side)),
        };
        let leg = match row.position_idx.as_str() {
            "" | "0" => Exposure::Any,
            "1" => Exposure::LongLeg,
            "2" => Exposure::ShortLeg,
            _ => return Err(self.unknown("positionIdx", &row.position_idx)),
        };
        inbox.messages.push(Message::Position(PositionRecord { account: listed.account, instrument: listed.id, leg, lots }));
        Ok(())
    }

    /// What one wallet holds, for the account of one market, or of all where none is named: a unified account has one wallet.
    pub(super) fn wallet(&self, row: &WalletRow<'_>, inbox: &mut Inbox) -> Result<(), MapError> {
        let mut accounts: Vec<_> = match self.market {
            Some(market) => self.directory.account(market).into_iter().collect(),
            None => self.directory.markets().filter_map(|market| self.directory.account(market)).collect(),
        };
        accounts.sort_unstable();
        accounts.dedup();
        for coin in &row.coin {
            let Some(asset) = self.directory.asset(coin.coin.as_str()) else { continue };
            let text = coin.wallet_balance.as_str();
            let total = self.directory.amount(asset, text.as_bytes()).map_err(|why| self.number("walletBalance", text, why))?;
            inbox.messages.extend(accounts.iter().map(|&account| Message::Balance(BalanceRecord { account, asset: asset.id, total })));
        }
        Ok(())
    }
}

/// Why the venue says that an order is over.
enum Ended {
    Refused(RejectReason),
    SelfTradePrevented,
    ByRules,
    Cancelled,
}

/// An order that never traded may have been refused by the matching engine: that comes as a cancellation with a reason.
fn ended(row: &OrderRow<'_>, filled: Qty) -> Ended {
    let (cancel, reason) = (row.cancel_type.as_str(), row.reject_reason.as_str());
    if cancel == "CancelBySmp" || matches!(reason, "EC_BySelfMatch" | "EC_StopBySelfMatch") {
        return Ended::SelfTradePrevented;
    }
    if filled.0 == 0 {
        if let Some(refused) = refusals::reason(reason) {
            return Ended::Refused(refused);
        }
        let is_short = matches!(reason, "EC_CancelForNoFullFill" | "EC_NoEnoughQtyToFill" | "EC_NoImmediateQtyToFill");
        if is_short && row.time_in_force.as_str() == "FOK" {
            return Ended::Refused(RejectReason::CannotFillCompletely);
        }
    }
    match cancel {
        "" | "UNKNOWN" | "CancelByUser" => Ended::Cancelled,
        _ => Ended::ByRules,
    }
}

/// Whether an order waited for a trigger when it was placed.
fn waited_for_trigger(row: &OrderRow<'_>) -> bool {
    row.order_status.as_str() == "Triggered" || !matches!(row.stop_order_type.as_str(), "" | "UNKNOWN")
}

/// What made an order that none of us placed.
fn cause_by_creation(create_type: &str) -> TradeCause {
    match create_type {
        "CreateByLiq" | "CreateByTakeOver_PassThrough" => TradeCause::Liquidation,
        "CreateByAdl_PassThrough" => TradeCause::AutoDeleveraging,
        "CreateBySettle" => TradeCause::Delivery,
        _ => TradeCause::Manual,
    }
}

/// An instrument with its filters; none where it is of a kind that is not spoken here.
pub(super) fn instrument(market: Market, row: &InstrumentRow<'_>) -> Result<Option<ListedInstrument>, MapError> {
    const WHAT: &str = "market/instruments-info";
    let (lots, is_spot) = (&row.lot_size_filter, market == Market::Spot);
    let number = |field: &'static str, word: &Word<'_>| {
        decimal(word.as_str()).ok_or_else(|| MapError::Number {
            what: WHAT,
            field: Cow::Borrowed(field),
            text: word.as_str().to_owned(),
            why: DigitsError::Malformed,
        })
    };
    let or_none = |field, word: &Word<'_>| if word.is_empty() { Ok(None) } else { number(field, word).map(Some) };
    let kind = match (market, row.contract_type.as_str()) {
        (Market::Spot, _) => InstrumentKind::Spot,
        (Market::Linear, "LinearPerpetual") => InstrumentKind::LinearPerpetual,
        (Market::Linear, "LinearFutures") => {
            let expiry = row.delivery_time.as_str().parse().map_err(|_| MapError::Missing { what: WHAT, field: "deliveryTime" })?;
            InstrumentKind::LinearFuture { expiry: millis(expiry) }
        }
        _ => return Ok(None),
    };
    let lot = if is_spot { number("basePrecision", &lots.base_precision)? } else { number("qtyStep", &lots.qty_step)? };
    let most = if is_spot && !lots.max_limit_order_qty.is_empty() { &lots.max_limit_order_qty } else { &lots.max_order_qty };
    let value = if is_spot { &lots.min_order_amt } else { &lots.min_notional_value };
    let settle = if is_spot { &row.quote_coin } else { &row.settle_coin };
    Ok(Some(ListedInstrument {
        market,
        symbol: row.symbol.as_str().to_owned(),
        kind,
        base: row.base_coin.as_str().to_owned(),
        quote: row.quote_coin.as_str().to_owned(),
        settle: settle.as_str().to_owned(),
        tick: number("tickSize", &row.price_filter.tick_size)?,
        lot,
        multiplier: Decimal { mantissa: 1, scale: 0 },
        // Of a spot order only the value is checked; its own smallest quantity is deprecated.
        min_qty: if is_spot { lot } else { number("minOrderQty", &lots.min_order_qty)? },
        max_qty: or_none("maxOrderQty", most)?,
        min_notional: or_none("minNotionalValue", value)?.unwrap_or(Decimal { mantissa: 0, scale: 0 }),
        is_trading: row.status.as_str() == "Trading",
    }))
}

/// A decimal without zeros at its end.
fn decimal(text: &str) -> Option<Decimal> {
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    text.parse().ok()
}

//! Orders and fills as a house records them.

use super::client::ClientId;
use super::rejection::Rejection;
use std::sync::Arc;
use tradewind_types::{
    AccountId, Amount, Exposure, FeeCharge, InstrumentId, Liquidity, OrderKind, OrderTerms, Price, Qty, SelfTradePrevention, Side,
    TimeInForce, Timestamp,
};

/// The house's number of an order; rising.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct OrderNo(pub u64);

/// How much of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// So many lots.
    Lots(Qty),
    /// As many lots as so much of the quote asset pays for at the prices in the book now, fee not counted. Market orders only.
    Quote(Amount),
}

/// A new order.
#[derive(Clone, Copy, Debug)]
pub struct PlaceOrder<'a> {
    /// Whose.
    pub client: ClientId,
    /// What.
    pub instrument: InstrumentId,
    /// The client's own id; empty where there is none.
    pub client_order_id: &'a str,
    /// Buy or sell.
    pub side: Side,
    /// At what price, and whether it waits.
    pub kind: OrderKind,
    /// For how long.
    pub time_in_force: TimeInForce,
    /// How much.
    pub size: Size,
    /// What it may do to the position; [`Exposure::Any`] on spot.
    pub exposure: Exposure,
    /// What happens where it would meet another of the client's orders; none: as the house does by default.
    pub self_trade: Option<SelfTradePrevention>,
    /// The front's own remark, kept as given.
    pub remark: u64,
}

/// How a client names an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderRef<'a> {
    /// By the house's number.
    No(OrderNo),
    /// By the client's own id.
    Client(&'a str),
}

/// Where an order is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderStatus {
    /// It waits for its trigger.
    Waiting,
    /// It works; perhaps partly filled.
    Open,
    /// All of it is filled.
    Filled,
    /// It was cancelled; perhaps partly filled.
    Cancelled,
    /// It was refused after it had been recorded.
    Rejected,
    /// The venue ended it: its time, its trigger, or what it was to reduce.
    Expired,
    /// It would have met another order of its owner.
    SelfTradePrevented,
}

/// Why an order is over, where it was not filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The client asked.
    ByClient,
    /// The rest of an immediate or market order.
    ImmediateRest,
    /// Its time was over.
    TimeOver,
    /// Nothing was left to reduce, or the position was being liquidated, or it could not enter when it woke.
    ByVenue,
    /// It would have met another order of its owner.
    SelfTrade,
    /// Refused.
    Refused(Rejection),
}

/// An order as it stands.
#[derive(Clone, Debug)]
pub struct OrderRecord {
    /// The house's number.
    pub no: OrderNo,
    /// Whose.
    pub client: ClientId,
    /// From which wallet.
    pub account: AccountId,
    /// The client's own id; empty where there is none.
    pub client_order_id: Arc<str>,
    /// As it is now: an amend changes price and quantity; a trigger leaves the kind as it was placed.
    pub terms: OrderTerms,
    /// What it was placed for, before anything changed it.
    pub original_qty: Qty,
    /// The quote amount of a market order placed by amount.
    pub quote_size: Option<Amount>,
    /// Self-trade prevention that it came with.
    pub self_trade: SelfTradePrevention,
    /// The front's own remark.
    pub remark: u64,
    /// Where it is in its life.
    pub status: OrderStatus,
    /// Why it is over.
    pub ended: Option<Ended>,
    /// Whether its trigger has been reached.
    pub triggered_at: Option<Timestamp>,
    /// Filled so far.
    pub filled: Qty,
    /// Value of what was filled, in quote.
    pub filled_value: Amount,
    /// Fees so far; all in one asset.
    pub fee: Option<FeeCharge>,
    /// Profit that its fills realised, in quote; derivatives only.
    pub realised: Amount,
    /// When the house took it.
    pub created: Timestamp,
    /// When anything last changed.
    pub updated: Timestamp,
    /// Number of its first fill, where there is one.
    pub first_fill: Option<u64>,
    /// Number of its last fill, where there is one.
    pub last_fill: Option<u64>,
}

impl OrderRecord {
    /// Whether it works or waits.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.status, OrderStatus::Waiting | OrderStatus::Open)
    }

    /// What is still to be filled of an open order; nothing of one that is over.
    #[must_use]
    pub const fn left(&self) -> Qty {
        if self.is_open() { Qty(self.terms.qty.0 - self.filled.0) } else { Qty::ZERO }
    }

    /// Limit price; none for a market order, waiting or not.
    #[must_use]
    pub const fn price(&self) -> Option<Price> {
        self.terms.kind.price()
    }
}

/// Why there was a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FillCause {
    /// The client's order met another.
    Trade,
    /// The venue closed a position that no longer met its maintenance margin.
    Liquidation,
    /// A contract was settled.
    Delivery,
}

/// One execution of a client.
#[derive(Clone, Debug)]
pub struct FillRecord {
    /// Counts up over all fills of the house.
    pub no: u64,
    /// Whose.
    pub client: ClientId,
    /// In which wallet.
    pub account: AccountId,
    /// What.
    pub instrument: InstrumentId,
    /// Which order; none for what the venue did of itself.
    pub order: Option<OrderNo>,
    /// That order's client id.
    pub client_order_id: Arc<str>,
    /// Number of the public trade on this instrument.
    pub trade: u128,
    /// Why.
    pub cause: FillCause,
    /// Bought or sold.
    pub side: Side,
    /// On which leg.
    pub exposure: Exposure,
    /// At what price.
    pub price: Price,
    /// How much, > 0.
    pub qty: Qty,
    /// Price × quantity, in quote.
    pub value: Amount,
    /// Maker or taker.
    pub liquidity: Liquidity,
    /// What it cost.
    pub fee: FeeCharge,
    /// Profit it realised, in quote, fee not counted; derivatives only.
    pub realised: Amount,
    /// When.
    pub at: Timestamp,
}

//! What the engine decided and applied. State changes through these and nothing else, so recovery is `apply` alone.

use crate::account::{AccountEvent, AccountRefusal, AccountTrade, FundingPayment, Transfer};
use crate::algo::{AlgoSpec, QuotingParameters};
use crate::ids::{AccountId, AlgoId, AssetId, BookId, InstrumentId, OrderId, TimerId, TradeId, TransferId, VenueOrderId};
use crate::input::{Author, Definition};
use crate::money::{Amount, Price, Qty};
use crate::order::{Fill, Intent, OrderTerms, RejectReason};
use crate::risk::{EquityMark, LimitScope, RefusalReason};
use crate::time::{Nanos, Timestamp};
use serde::{Deserialize, Serialize};

/// The money a fill moves in the account, worked out once and journaled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// Change of the base balance (spot only).
    pub base: Amount,
    /// Change of the value asset's balance: traded value for spot, realised profit for derivatives; fee not included.
    pub cash: Amount,
    /// Venue's stated cash less our exact figure: goes to the rounding account.
    pub rounding: Amount,
}

/// Why a book cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InvalidBook {
    /// An update id is missing.
    SequenceGap,
    /// Best bid at or above best ask.
    Crossed,
    /// Nothing but deltas so far.
    NoSnapshot,
    /// A level that cannot be.
    BadLevel,
    /// A change of an order that is not in the book (order-by-order feeds).
    UnknownOrder,
    /// An order that is in the book came again (order-by-order feeds).
    DuplicateOrder,
}

/// Why a definition did not take effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum DefinitionRefusal {
    /// An epoch that does not rise could reissue an order id that is alive at a venue.
    #[error("epoch {asked} does not rise above {current}")]
    EpochNotRising {
        /// Epoch in force.
        current: u32,
        /// Epoch asked for.
        asked: u32,
    },
    /// The id names something else already; what is defined does not change under open orders.
    #[error("the id is already defined with other contents")]
    AlreadyDefined,
    /// An id beyond what a dense table holds.
    #[error("id {id} is not dense: the largest is {largest}")]
    NotDense {
        /// Asked.
        id: u32,
        /// Largest id a table holds.
        largest: u32,
    },
    /// An asset that was never defined.
    #[error("asset {asset} is not defined")]
    AssetNotDefined {
        /// Which.
        asset: AssetId,
    },
    /// A deposit to an account or book that was never defined.
    #[error("book {book} or the account of the deposit is not defined")]
    OwnerNotDefined {
        /// Which book was named.
        book: BookId,
    },
    /// Tick, lot, multiplier and asset scales do not give whole units.
    #[error("tick times lot is not a whole number of the asset's units, or overflows: raise the asset's scale")]
    Arithmetic,
    /// A sum left its integer type.
    #[error("the amount overflows the balance")]
    Overflow,
    /// An instrument that was never defined.
    #[error("instrument {instrument} is not defined")]
    InstrumentNotDefined {
        /// Which.
        instrument: InstrumentId,
    },
    /// A figure outside its range: steps, leverage and tiers are positive, tiers rise from zero.
    #[error("a figure is out of range: steps, leverage and tiers are positive, tiers rise from zero")]
    OutOfRange,
    /// How an account keeps positions cannot change while it has one, or a live order that could give it one.
    #[error("account {account} holds positions or live orders in derivatives; close and cancel them before its position mode changes")]
    HoldsPositions {
        /// Which.
        account: AccountId,
    },
    /// An order that is over must be remembered for some time.
    #[error("orders that are over must be kept for more than {} ns", asked.0)]
    RetentionTooShort {
        /// How long was asked for.
        asked: Nanos,
    },
}

/// Why an algo was not started, or its parameters not swapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum AlgoRefusal {
    /// The id was used before.
    #[error("the algo id was used before")]
    AlreadyExists,
    /// No algo runs under the id.
    #[error("no algo runs under the id")]
    NotRunning,
    /// Only a quoting algo has parameters to swap.
    #[error("only a quoting algo has parameters to swap")]
    NotQuoting,
    /// The decision came too late.
    #[error("the decision was valid until {} and it is {}", valid_until.0, now.0)]
    Late {
        /// Deadline.
        valid_until: Timestamp,
        /// Now.
        now: Timestamp,
    },
    /// Instrument, account or book is not defined, or they do not belong together.
    #[error("the algo's instrument, account or book is not defined, or they do not belong together")]
    NotDefined,
    /// A parameter outside its range: quantities, slices and intervals are at least 1, an end is not before its start.
    #[error("a parameter is out of range: quantities, slices and intervals are at least 1, an end is not before its start")]
    OutOfRange,
    /// An id beyond what a dense table holds.
    #[error("the algo id is not dense")]
    NotDense,
    /// A bracket on a spot instrument: both exits would tie up the same coins.
    #[error("brackets are for derivatives: on spot both exits would tie up the same coins")]
    NotOffered,
}

/// One thing that happened in the engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// A setting took effect.
    Defined(Definition),
    /// An order was passed by the limits and left.
    OrderSent {
        /// Its id.
        order: OrderId,
        /// Who wanted it.
        author: Author,
        /// Its terms.
        terms: OrderTerms,
        /// What it ties up in a spot account, worked out once: quote with fees for a buy, base for a sell; zero elsewhere.
        reserved: Amount,
        /// When.
        at: Timestamp,
    },
    /// A cancel left.
    CancelSent {
        /// Which order.
        order: OrderId,
        /// When.
        at: Timestamp,
    },
    /// An amend left.
    AmendSent {
        /// Which order.
        order: OrderId,
        /// New price.
        price: Price,
        /// New total quantity.
        qty: Qty,
        /// When.
        at: Timestamp,
    },
    /// An intent was refused.
    Refused {
        /// Who wanted it.
        author: Author,
        /// What.
        intent: Intent,
        /// Why not.
        reason: RefusalReason,
        /// When.
        at: Timestamp,
    },
    /// The venue accepted.
    Accepted {
        /// Which order.
        order: OrderId,
        /// Venue's id.
        venue_order: VenueOrderId,
        /// When.
        at: Timestamp,
    },
    /// The venue refused.
    Rejected {
        /// Which order.
        order: OrderId,
        /// Why.
        reason: RejectReason,
        /// When.
        at: Timestamp,
    },
    /// A fill was applied.
    Filled {
        /// As stated by the venue.
        fill: Fill,
        /// What it moved.
        settlement: Settlement,
        /// When.
        at: Timestamp,
    },
    /// A fill came again and was not applied.
    FillRepeated {
        /// Which order.
        order: OrderId,
        /// Venue's id.
        trade: TradeId,
        /// When.
        at: Timestamp,
    },
    /// Cancelled.
    Cancelled {
        /// Which order.
        order: OrderId,
        /// When.
        at: Timestamp,
    },
    /// Ended by the venue.
    Expired {
        /// Which order.
        order: OrderId,
        /// When.
        at: Timestamp,
    },
    /// The cancel was refused; the order is as it was.
    CancelRejected {
        /// Which order.
        order: OrderId,
        /// Why.
        reason: RejectReason,
        /// When.
        at: Timestamp,
    },
    /// The amend is done.
    Amended {
        /// Which order.
        order: OrderId,
        /// Price now.
        price: Price,
        /// Total quantity now.
        qty: Qty,
        /// When.
        at: Timestamp,
    },
    /// The amend was refused; the order is as it was.
    AmendRejected {
        /// Which order.
        order: OrderId,
        /// Why.
        reason: RejectReason,
        /// When.
        at: Timestamp,
    },
    /// Nobody knows what became of it.
    BecameUnknown {
        /// Which order.
        order: OrderId,
        /// Since when.
        since: Timestamp,
        /// When "not found" becomes evidence.
        until: Timestamp,
    },
    /// The venue never had it.
    NeverArrived {
        /// Which order.
        order: OrderId,
        /// When.
        at: Timestamp,
    },
    /// A venue spoke of an order that we do not know; its money, if any, is in the unassigned book.
    Unrecognised {
        /// The id it named.
        order: OrderId,
        /// When.
        at: Timestamp,
    },
    /// A book cannot be used until a snapshot restores it.
    BookInvalid {
        /// Whose.
        instrument: InstrumentId,
        /// Why.
        reason: InvalidBook,
        /// When.
        at: Timestamp,
    },
    /// A snapshot restored the book.
    BookRestored {
        /// Whose.
        instrument: InstrumentId,
        /// When.
        at: Timestamp,
    },
    /// An algo runs.
    AlgoStarted {
        /// Which.
        algo: AlgoId,
        /// What it does.
        spec: AlgoSpec,
        /// When.
        at: Timestamp,
    },
    /// An algo is over.
    AlgoStopped {
        /// Which.
        algo: AlgoId,
        /// When.
        at: Timestamp,
    },
    /// A quoting algo's parameters were swapped.
    ParametersSet {
        /// Which.
        algo: AlgoId,
        /// Version of the parameter set.
        version: u64,
        /// New parameters.
        parameters: QuotingParameters,
        /// When.
        at: Timestamp,
    },
    /// The engine wants to be woken.
    TimerSet {
        /// Which timer.
        timer: TimerId,
        /// For which algo.
        algo: AlgoId,
        /// When to wake.
        due: Timestamp,
    },
    /// A timer came.
    TimerFired {
        /// Which timer.
        timer: TimerId,
        /// When.
        at: Timestamp,
    },
    /// Trading stopped there.
    Halted {
        /// Where.
        scope: LimitScope,
        /// When.
        at: Timestamp,
    },
    /// Trading goes on there.
    Resumed {
        /// Where.
        scope: LimitScope,
        /// When.
        at: Timestamp,
    },
    /// A definition did not take effect.
    DefinitionRefused {
        /// What was asked.
        definition: Definition,
        /// Why not.
        reason: DefinitionRefusal,
        /// When.
        at: Timestamp,
    },
    /// An algo was not started, or its parameters not swapped.
    AlgoRefused {
        /// Which.
        algo: AlgoId,
        /// Why not.
        reason: AlgoRefusal,
        /// When.
        at: Timestamp,
    },
    /// A stop or take-profit woke up.
    Triggered {
        /// Which order.
        order: OrderId,
        /// When.
        at: Timestamp,
    },
    /// The venue ended an order that would have met another one of the same owner.
    SelfTradePrevented {
        /// Which order.
        order: OrderId,
        /// When.
        at: Timestamp,
    },
    /// Funding was booked.
    Funded {
        /// As stated by the venue.
        payment: FundingPayment,
        /// Venue's figure less our exact one: goes to the rounding account.
        rounding: Amount,
        /// When.
        at: Timestamp,
    },
    /// A trade that no order of ours made was booked, into the unassigned book.
    AccountTraded {
        /// As stated by the venue.
        trade: AccountTrade,
        /// What it moved.
        settlement: Settlement,
        /// When.
        at: Timestamp,
    },
    /// An account event was not booked.
    AccountEventRefused {
        /// What came.
        event: AccountEvent,
        /// Why not.
        reason: AccountRefusal,
        /// When.
        at: Timestamp,
    },
    /// Money left an account.
    TransferSent {
        /// What, from where, to where.
        transfer: Transfer,
        /// When.
        at: Timestamp,
    },
    /// Money came.
    TransferArrived {
        /// Which transfer.
        transfer: TransferId,
        /// When.
        at: Timestamp,
    },
    /// Money did not leave.
    TransferRefused {
        /// What was asked.
        transfer: Transfer,
        /// Why not.
        reason: AccountRefusal,
        /// When.
        at: Timestamp,
    },
    /// A scope's equity was marked, for its loss limits.
    EquityMarked {
        /// Whose.
        scope: LimitScope,
        /// What it is, and what it is measured against.
        mark: EquityMark,
        /// When.
        at: Timestamp,
    },
    /// The oldest orders left the table: those that were over for as long as they are to be kept are forgotten with their
    /// trades, the others are kept aside until they were.
    OrdersRetired {
        /// The newest of those that left.
        through: OrderId,
        /// Forgotten is what was over by then.
        over_by: Timestamp,
        /// When.
        at: Timestamp,
    },
}

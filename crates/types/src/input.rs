//! Everything the engine can be told. Market data is borrowed and journaled by reference; everything else is journaled whole.

use crate::account::{AccountEvent, InstrumentFilters, MarginSchedule, PositionMode, SelfTradePrevention, Transfer};
use crate::algo::{AlgoSpec, QuotingParameters};
use crate::health::VenueReport;
use crate::ids::{AccountId, AlgoId, AssetId, BookId, InstrumentId, OrderId, TimerId, VenueOrderId};
use crate::instrument::{Account, Asset, InstrumentTerms};
use crate::market::MarketEvent;
use crate::money::{Amount, Price, Qty};
use crate::order::{Fill, Intent, RejectReason};
use crate::risk::{BudgetSettings, ConductSettings, LimitScope, LimitSettings, Restriction};
use crate::time::{Nanos, Stamp, Timestamp};
use serde::{Deserialize, Serialize};

/// One sequenced input.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// Public market data.
    Market {
        /// Both clocks.
        stamp: Stamp,
        /// What happened.
        event: MarketEvent<'a>,
    },
    /// Anything else.
    Control {
        /// Our clock.
        at: Timestamp,
        /// What.
        control: &'a Control,
    },
}

impl Input<'_> {
    /// Our clock.
    #[inline]
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        match self {
            Input::Market { stamp, .. } => stamp.ts_local,
            Input::Control { at, .. } => *at,
        }
    }
}

/// Who decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Author {
    /// A person.
    Operator,
    /// A Python strategy, by its book.
    Strategy(BookId),
    /// An algo inside the engine.
    Algo(AlgoId),
}

/// Inputs that are journaled whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Control {
    /// A setting.
    Define(Definition),
    /// A venue's private message.
    Reply(VenueReply),
    /// A timer the engine asked for has come.
    Timer(TimerId),
    /// A decision from outside the engine. Never re-made by a replay.
    Decision {
        /// Who.
        author: Author,
        /// Hash of the code or model that decided.
        model: u64,
        /// Too late after this.
        valid_until: Timestamp,
        /// What is wanted.
        intent: Intent,
    },
    /// Start an algo.
    StartAlgo {
        /// Its id.
        algo: AlgoId,
        /// Who asks.
        author: Author,
        /// Hash of the code or model that decided.
        model: u64,
        /// Too late after this.
        valid_until: Timestamp,
        /// What it shall do.
        spec: AlgoSpec,
    },
    /// Stop an algo and cancel its orders.
    StopAlgo {
        /// Which.
        algo: AlgoId,
    },
    /// Swap a quoting algo's parameters between two events.
    SetParameters {
        /// Which.
        algo: AlgoId,
        /// Version of the parameter set.
        version: u64,
        /// New parameters.
        parameters: QuotingParameters,
    },
    /// A person's command.
    Operator(OperatorCommand),
    /// A venue's private message about an account.
    Account(AccountEvent),
    /// Money is to go from one account to another.
    Transfer(Transfer),
    /// A look at the clock: equity of every scope with a money budget is marked, and losses are judged.
    MarkEquity,
    /// How a venue was. Changes nothing.
    VenueReport(Box<VenueReport>),
}

/// What exists: built up from the journal, so that an engine needs nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Definition {
    /// An asset.
    Asset(Asset),
    /// An instrument.
    Instrument(InstrumentTerms),
    /// An account.
    Account(Account),
    /// A strategy's book.
    Book {
        /// Its id.
        book: BookId,
        /// For people.
        name: String,
    },
    /// Limits of one scope.
    Limits(LimitSettings),
    /// Money from outside into an account (and a book), or out when negative.
    Deposit {
        /// Into which account.
        account: AccountId,
        /// For which book.
        book: BookId,
        /// What.
        asset: AssetId,
        /// How much.
        amount: Amount,
    },
    /// Node and epoch of the order ids minted from here on.
    Epoch {
        /// Node.
        node: u16,
        /// Epoch; must rise.
        epoch: u32,
    },
    /// An instrument's filters from now on.
    Filters(InstrumentFilters),
    /// An instrument's margin schedule from now on.
    Margin(MarginSchedule),
    /// Leverage chosen for an instrument in an account, at least 1; without one it is 1.
    Leverage {
        /// Whose.
        account: AccountId,
        /// Of what.
        instrument: InstrumentId,
        /// Position value over initial margin.
        leverage: u32,
    },
    /// How an account keeps its derivative positions; only while it has none.
    PositionMode {
        /// Whose.
        account: AccountId,
        /// How.
        mode: PositionMode,
    },
    /// What the venue does where two orders of an account would meet.
    SelfTrade {
        /// Whose.
        account: AccountId,
        /// What.
        prevention: SelfTradePrevention,
    },
    /// Money limits of one scope, in place of those it had.
    Budget(BudgetSettings),
    /// Limits on the conduct of one scope, in place of those it had.
    Conduct(ConductSettings),
    /// What may be done with an instrument in one scope.
    Restricted {
        /// Where.
        scope: LimitScope,
        /// What.
        instrument: InstrumentId,
        /// What may be done.
        restriction: Restriction,
    },
    /// How long an order that is over is remembered; without it, for ever. A fill that comes again is known as repeated for as
    /// long, and any fill that comes later names an order that nobody knows: set it beyond what a venue may still send.
    Retention {
        /// How long after its end; more than nothing.
        done_for: Nanos,
    },
}

/// A venue's private message about an order of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VenueReply {
    /// It works.
    Accepted {
        /// Ours.
        order: OrderId,
        /// Theirs.
        venue_order: VenueOrderId,
    },
    /// It was refused.
    Rejected {
        /// Ours.
        order: OrderId,
        /// Why.
        reason: RejectReason,
    },
    /// It traded.
    Filled(Fill),
    /// It is cancelled.
    Cancelled {
        /// Ours.
        order: OrderId,
    },
    /// The venue ended it.
    Expired {
        /// Ours.
        order: OrderId,
    },
    /// The cancel was refused.
    CancelRejected {
        /// Ours.
        order: OrderId,
        /// Why.
        reason: RejectReason,
    },
    /// The amend is done.
    Amended {
        /// Ours.
        order: OrderId,
        /// Price now.
        price: Price,
        /// Total quantity now.
        qty: Qty,
    },
    /// The amend was refused; the order is as before.
    AmendRejected {
        /// Ours.
        order: OrderId,
        /// Why.
        reason: RejectReason,
    },
    /// No answer came in time: nobody knows.
    Lost {
        /// Ours.
        order: OrderId,
        /// When "not found" becomes evidence.
        until: Timestamp,
    },
    /// The venue's records do not have it.
    NotFound {
        /// Ours.
        order: OrderId,
    },
    /// A stop or take-profit woke up.
    Triggered {
        /// Ours.
        order: OrderId,
    },
    /// The venue ended it, because it would have met another order of the same owner.
    SelfTradePrevented {
        /// Ours.
        order: OrderId,
    },
}

impl VenueReply {
    /// The order it is about.
    #[inline]
    #[must_use]
    pub const fn order(&self) -> OrderId {
        match self {
            VenueReply::Accepted { order, .. }
            | VenueReply::Rejected { order, .. }
            | VenueReply::Cancelled { order }
            | VenueReply::Expired { order }
            | VenueReply::CancelRejected { order, .. }
            | VenueReply::Amended { order, .. }
            | VenueReply::AmendRejected { order, .. }
            | VenueReply::Lost { order, .. }
            | VenueReply::NotFound { order }
            | VenueReply::Triggered { order }
            | VenueReply::SelfTradePrevented { order } => *order,
            VenueReply::Filled(fill) => fill.order,
        }
    }
}

/// A person's command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperatorCommand {
    /// Stop trading there: cancels everything live in the scope, refuses everything new; latched until resumed.
    Halt {
        /// Where.
        scope: LimitScope,
    },
    /// Trade again.
    Resume {
        /// Where.
        scope: LimitScope,
    },
}

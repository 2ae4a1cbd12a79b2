//! The nouns of the order path.
//!
//! Everything that touches an order is an integer here: price in ticks, quantity in lots, money in an asset's own units.
//! Names are dense ids; symbols live at the edges. What the engine reads ([`Input`]), what it decides ([`Outcome`]) and
//! what may leave towards a venue ([`OrderRequest`]) are plain values: they are what the journal keeps.
//!
//! Deliberately absent: clocks, chance, I/O, floats, hash maps, and any behaviour that belongs to one stage only.

mod account;
mod algo;
mod digest;
mod health;
mod ids;
mod input;
mod instrument;
mod market;
mod money;
mod order;
mod outcome;
mod risk;
mod time;

pub use account::{
    AccountEvent, AccountRefusal, AccountTrade, FundingPayment, InstrumentFilters, MarginSchedule, MarginTier, PositionMode,
    SelfTradePrevention, TradeCause, Transfer,
};
pub use algo::{AlgoSpec, BracketParameters, QuotingParameters};
pub use digest::{StateDigest, StateHash};
pub use health::{Histogram, VenueReport};
pub use ids::{AccountId, AlgoId, AssetId, BookId, InstrumentId, OrderId, TimerId, TradeId, TransferId, VenueId, VenueOrderId};
pub use input::{Author, Control, Definition, Input, OperatorCommand, VenueReply};
pub use instrument::{Account, Asset, Instrument, InstrumentKind, InstrumentTerms, MarginMode};
pub use market::{Bar, DepthKind, DepthUpdate, LevelChange, Mark, MarketEvent, Quote, Sequence, Trade};
pub use money::{Amount, Decimal, MoneyError, Price, Qty, Rate, Rounding};
pub use order::{
    DoneReason, Exposure, FeeCharge, Fill, Intent, Liquidity, OrderKind, OrderRequest, OrderState, OrderTerms, RejectReason, Side,
    TimeInForce, Trigger, TriggerSource,
};
pub use outcome::{AlgoRefusal, DefinitionRefusal, InvalidBook, Outcome, Settlement};
pub use risk::{BudgetSettings, ConductSettings, EquityMark, LimitScope, LimitSettings, RefusalReason, Restriction, SelfTradeCheck};
pub use time::{Nanos, Stamp, Timestamp};

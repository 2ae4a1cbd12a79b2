//! What an execution algorithm is asked to do: journaled, so that a replay starts the same algos.

use crate::ids::{AccountId, BookId, InstrumentId};
use crate::money::{Price, Qty};
use crate::order::{Exposure, Side, Trigger};
use crate::time::{Nanos, Timestamp};
use serde::{Deserialize, Serialize};

/// An algorithm and its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AlgoSpec {
    /// One market order now.
    Immediate {
        /// Whose strategy.
        book: BookId,
        /// Whose money.
        account: AccountId,
        /// What.
        instrument: InstrumentId,
        /// Buy or sell.
        side: Side,
        /// How much.
        qty: Qty,
    },
    /// Equal slices in time: after slice k of n, k/n of the quantity has been sent.
    Twap {
        /// Whose strategy.
        book: BookId,
        /// Whose money.
        account: AccountId,
        /// What.
        instrument: InstrumentId,
        /// Buy or sell.
        side: Side,
        /// How much in all.
        qty: Qty,
        /// First slice.
        start: Timestamp,
        /// End of the last slice's interval.
        end: Timestamp,
        /// How many slices, >= 1.
        slices: u32,
    },
    /// Two-sided quoting around the mid, skewed by inventory.
    Quoting {
        /// Whose strategy.
        book: BookId,
        /// Whose money.
        account: AccountId,
        /// What.
        instrument: InstrumentId,
        /// How.
        parameters: QuotingParameters,
    },
    /// An entry with a profit-taking limit order and a protective stop for whatever of it is filled. For derivatives.
    Bracket {
        /// Whose strategy.
        book: BookId,
        /// Whose money.
        account: AccountId,
        /// What.
        instrument: InstrumentId,
        /// Side of the entry.
        side: Side,
        /// Quantity of the entry.
        qty: Qty,
        /// Which leg in a hedge-mode account; else [`Exposure::Any`], and the exits are reduce-only.
        exposure: Exposure,
        /// Prices.
        parameters: BracketParameters,
    },
}

/// Prices of a bracket: for a bought position the stop below and the target above the entry, for a sold one the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BracketParameters {
    /// Limit of the entry; none for an entry at market.
    pub entry: Option<Price>,
    /// Where profit is taken.
    pub take_profit: Price,
    /// Where the position is given up.
    pub stop: Trigger,
}

/// Parameters of the quoting loop, all integers so that two implementations agree to the tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotingParameters {
    /// Distance of each quote from the mid, in half ticks.
    pub half_spread_half_ticks: i64,
    /// Quantity of each quote.
    pub qty: Qty,
    /// Largest absolute position, in lots; the side that would go beyond is not quoted.
    pub max_position: Qty,
    /// How far both quotes move against inventory at the largest position, in half ticks.
    pub skew_half_ticks: i64,
    /// How often it looks.
    pub interval: Nanos,
}

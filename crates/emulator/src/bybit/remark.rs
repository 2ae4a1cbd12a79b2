//! What the venue remembers of an order that the house has no word for, packed into the order's remark.

use super::params::Params;
use tradewind_types::Side;

const CLOSE_ON_TRIGGER: u64 = 1;
const UNIT_BASE: u64 = 1 << 1;
const UNIT_QUOTE: u64 = 1 << 2;
const TPSL: u64 = 1 << 3;
const LEVERAGED: u64 = 1 << 4;
const REDUCE_ONLY: u64 = 1 << 5;
const RPI: u64 = 1 << 6;

/// The remark on one order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Remark(u64);

impl Remark {
    /// From a request for a new order.
    pub(super) fn read(params: &Params) -> Self {
        let facts = [
            (params.flag("closeOnTrigger"), CLOSE_ON_TRIGGER),
            (params.get("marketUnit") == Some("baseCoin"), UNIT_BASE),
            (params.get("marketUnit") == Some("quoteCoin"), UNIT_QUOTE),
            (params.get("orderFilter") == Some("tpslOrder"), TPSL),
            (params.flag("isLeverage"), LEVERAGED),
            (params.flag("reduceOnly"), REDUCE_ONLY),
            (params.get("timeInForce") == Some("RPI"), RPI),
        ];
        Self(facts.iter().filter(|(holds, _)| *holds).fold(0, |bits, (_, bit)| bits | bit))
    }

    /// From an order's record.
    pub(super) const fn of(bits: u64) -> Self {
        Self(bits)
    }

    /// As the house keeps it.
    pub(super) const fn bits(self) -> u64 {
        self.0
    }

    const fn has(self, bit: u64) -> bool {
        self.0 & bit != 0
    }

    /// Whether a spot market order's quantity is in the quote coin: a buy's is, unless it says otherwise.
    pub(super) fn is_in_quote(self, side: Side) -> bool {
        self.has(UNIT_QUOTE) || (side == Side::Buy && !self.has(UNIT_BASE))
    }

    /// `marketUnit` as it was given.
    pub(super) const fn market_unit(self) -> &'static str {
        match (self.has(UNIT_BASE), self.has(UNIT_QUOTE)) {
            (true, _) => "baseCoin",
            (false, true) => "quoteCoin",
            (false, false) => "",
        }
    }

    /// Whether it closes what its trigger protects.
    pub(super) const fn closes_on_trigger(self) -> bool {
        self.has(CLOSE_ON_TRIGGER)
    }

    /// Whether it was entered as reduce-only.
    pub(super) const fn only_reduces(self) -> bool {
        self.has(REDUCE_ONLY)
    }

    /// Whether it was entered as a spot take-profit or stop-loss order.
    pub(super) const fn is_tpsl(self) -> bool {
        self.has(TPSL)
    }

    /// Whether it was entered with spot margin.
    pub(super) const fn is_leveraged(self) -> bool {
        self.has(LEVERAGED)
    }

    /// Whether it was entered as a retail price improvement order.
    pub(super) const fn is_rpi(self) -> bool {
        self.has(RPI)
    }
}

//! Dense ids assigned in the journal, and the ids of orders and trades.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! dense_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub u32);

        impl $name {
            /// The id as an index into a dense table.
            #[inline]
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

dense_id!(
    /// A tradable instrument on one venue.
    InstrumentId
);
dense_id!(
    /// A currency or coin, with its own integer scale.
    AssetId
);
dense_id!(
    /// A (venue, sub-account, margin mode): holds balances and positions.
    AccountId
);
dense_id!(
    /// A strategy's own ledger. Fills post to the book and to the account.
    BookId
);
dense_id!(
    /// A trading venue.
    VenueId
);
dense_id!(
    /// A running execution algorithm inside the engine.
    AlgoId
);
dense_id!(
    /// A timer the engine asked for.
    TimerId
);
dense_id!(
    /// Money on its way between two accounts.
    TransferId
);

impl BookId {
    /// The book of everything that came from outside: manual orders, liquidations, airdrops. Always exists.
    pub const UNASSIGNED: BookId = BookId(0);
}

/// Client order id: node, epoch, counter. The epoch rises at every start and takeover, so a lost journal tail can never
/// reissue an id that is alive at a venue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OrderId {
    /// Which node minted it.
    pub node: u16,
    /// Which life of that node.
    pub epoch: u32,
    /// Counts from 1 within an epoch.
    pub counter: u64,
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.node, self.epoch, self.counter)
    }
}

/// A venue's id of one execution, unique per instrument; numeric, UUID and base-36 ids all fit in 128 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TradeId(pub u128);

/// A venue's id of an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VenueOrderId(pub u128);

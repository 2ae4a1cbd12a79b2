//! Events → depth: order books, and what is read off them.
//!
//! [`L2Book`] follows one instrument's depth messages under its venue's [`SequenceRule`]; [`Ladder`] is the structure under
//! it, one side's levels with the best first. [`L3Book`] follows every order where a venue names them, and knows each one's
//! exact place in its queue. A book that cannot be trusted (gap, crossed, bad level, unknown order, no snapshot yet) has no
//! levels: nobody can trade on it by mistake.

mod bits;
mod ladder;
mod level2;
mod level3;
mod queues;
mod reads;
mod sequence;

pub use ladder::Ladder;
pub use level2::{Applied, BookStatus, L2Book};
pub use level3::{L3Book, OrdersUpdate};
pub use queues::{BookOrder, OrderChange};
pub use reads::{Level, Ratio, Sweep};
pub use sequence::SequenceRule;

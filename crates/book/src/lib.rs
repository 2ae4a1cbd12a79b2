//! Events → depth: order books, and what is read off them.
//!
//! [`L2Book`] follows one instrument's depth messages under its venue's [`SequenceRule`]; [`Ladder`] is the structure under
//! it, one side's levels with the best first. A book that cannot be trusted (gap, crossed, bad level, no snapshot yet) has no
//! levels: nobody can trade on it by mistake.

mod bits;
mod ladder;
mod level2;
mod reads;
mod sequence;

pub use ladder::Ladder;
pub use level2::{Applied, BookStatus, L2Book};
pub use reads::{Level, Ratio, Sweep};
pub use sequence::SequenceRule;

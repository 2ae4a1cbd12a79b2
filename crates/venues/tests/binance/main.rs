//! Binance's protocol: what it says, what we say, what it said when it was recorded, and what nonsense does to it.

mod golden;
mod laws;
mod private;
mod recorded;
mod records;
mod requests;
mod storm;
mod town;

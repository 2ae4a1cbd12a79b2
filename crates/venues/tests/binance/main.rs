//! Binance's protocol: what it says, what we say, what it said when it was recorded, and what nonsense does to it.

// Tests stop where something is not as it has to be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod commands;
mod golden;
mod laws;
mod private;
mod questions;
mod recorded;
mod records;
mod requests;
mod storm;
mod town;

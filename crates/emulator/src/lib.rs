//! Venues on loopback: their real protocols, in front of books in which clients and seeded agents meet.
//!
//! A [`house::House`] is one venue without a protocol: listings, accounts, a floor of matching books behind a clearing, records,
//! public state. A [`front::Front`] speaks the venue's protocol ([`binance`], [`bybit`]). The agents keep every venue's market
//! alive around one fair value. [`emulator::Emulator`] is all of it as a state machine over bytes: time and seeds are arguments, so a
//! test holds a whole set of venues in memory; [`server`] alone touches sockets and the clock.

pub mod agents;
pub mod binance;
pub mod bybit;
mod control;
pub mod emulator;
pub mod faults;
pub mod front;
pub mod house;
pub mod server;
pub mod signing;
pub mod venues;

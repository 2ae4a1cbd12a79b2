//! The laws of the journal, on journals in memory and on disk.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod damage;
mod faults;
mod files;
mod folder;
mod golden;
mod later;
mod layout;
mod round_trip;
mod vocabulary;

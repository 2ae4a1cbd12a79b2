//! Drives the engine and simulated venues through recorded time.
//!
//! [`Recording`] is market data in integers on both clocks; [`Setup`] describes a run in full; [`Simulation`] merges recorded
//! events, requests, replies and timers into one order of time, journals, and keeps a [`Tape`]. [`recover`] and [`redecide`]
//! run a journal again. The engine inside is the one that trades live: only this driver knows that the world is recorded.
//!
//! [`screen_crosses`] ranks many parameters of one rule on closes alone, so that a sweep knows which of them to run here in full.

mod agenda;
mod clearing;
mod guards;
mod latency;
mod recording;
mod recovery;
mod replay;
mod screening;
mod setup;
mod shadow;
mod simulation;
mod statement;
mod strategist;
mod tape;
mod venue;

pub use clearing::{
    CashSetup, ClearingSetup, DeliverySetup, FeeTierSetup, LiquidationSetup, MarginSetup, TariffSetup, ThirdAssetSetup, TierSetup,
    TransferSetup,
};
pub use guards::{BudgetSetup, ConductSetup, GuardSetups, RestrictionSetup};
pub use latency::{LatencySetup, LatencySetups};
pub use recording::{Recording, RecordingBuilder, RecordingError};
pub use recovery::{FolderRecovery, TakenUp, recover_path, snapshot, snapshot_folder, take_up};
pub use replay::{MarketSource, Recovered, ReplayError, Replayed, recover, redecide, redecide_from};
pub use screening::{Cross, Decision, Execution, Score, Screen, ScreenError, Sides, cross_decisions, screen_crosses};
pub use setup::{
    AssetSetup, DepositSetup, FeeSetup, FillModel, InstrumentSetup, KindSetup, LimitSetup, Sequencing, Setup, SetupError, TouchBookSetup,
    VenueSetup,
};
pub use shadow::{Guess, Joiners, OrderEvent, Origin, Shadow, ShadowError, ShadowStudy, follow_shadows};
pub use simulation::{Counts, Simulation, SimulationError};
pub use statement::{BookedFill, Posting, RefusedIntent, Statement, statement};
pub use strategist::{Fault, Strategist, Wake, Wakes};
pub use tape::{EquityRow, FillRow, PositionRow, RefusalRow, Tape};

//! Algos that were started, each with what its orders have done: all an algo's progress is read off this.

use crate::error::ApplyError;
use crate::grid::grown;
use crate::orders::{OrderIndex, keep_listed};
use serde::{Deserialize, Serialize};
use tradewind_types::{AlgoId, AlgoSpec, BracketParameters, Qty, QuotingParameters, Side, StateDigest};

/// An algo and its progress.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Algo {
    /// What it does.
    pub spec: AlgoSpec,
    /// Whether it is not over.
    pub is_running: bool,
    /// Filled so far by its orders.
    pub filled: Qty,
    /// Of that, bought less sold.
    pub net: i64,
    /// How many orders it has sent.
    pub sent: u64,
    /// Version of the last parameter set; zero for the one it was started with.
    pub parameters_version: u64,
    pub(crate) live: Vec<OrderIndex>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Algos {
    table: Vec<Option<Algo>>,
    /// Ids of those that run, in order of id.
    running: Vec<AlgoId>,
}

impl Algos {
    #[inline]
    pub(crate) fn get(&self, id: AlgoId) -> Option<&Algo> {
        self.table.get(id.index())?.as_ref()
    }

    pub(crate) fn running(&self) -> &[AlgoId] {
        &self.running
    }

    pub(crate) fn start(&mut self, id: AlgoId, spec: AlgoSpec) -> Result<(), ApplyError> {
        let is_free = crate::registry::dense(id.0).is_ok() && self.get(id).is_none();
        if !is_free {
            return Err(ApplyError::Algo { algo: id });
        }
        let algo = Algo { spec, is_running: true, filled: Qty::ZERO, net: 0, sent: 0, parameters_version: 0, live: Vec::new() };
        *grown(&mut self.table, id.index()) = Some(algo);
        let place = self.running.partition_point(|other| *other < id);
        self.running.insert(place, id);
        Ok(())
    }

    pub(crate) fn stop(&mut self, id: AlgoId) -> Result<(), ApplyError> {
        self.get_mut(id)?.is_running = false;
        self.running.retain(|other| *other != id);
        Ok(())
    }

    pub(crate) fn set_parameters(&mut self, id: AlgoId, version: u64, new: QuotingParameters) -> Result<(), ApplyError> {
        let algo = self.get_mut(id)?;
        let AlgoSpec::Quoting { parameters, .. } = &mut algo.spec else { return Err(ApplyError::Algo { algo: id }) };
        *parameters = new;
        algo.parameters_version = version;
        Ok(())
    }

    #[inline]
    pub(crate) fn relist(&mut self, id: AlgoId, order: OrderIndex, is_live: bool) {
        if let Some(Some(algo)) = self.table.get_mut(id.index()) {
            keep_listed(&mut algo.live, order, is_live);
        }
    }

    #[inline]
    pub(crate) fn add_fill(&mut self, id: AlgoId, side: Side, qty: Qty) {
        if let Some(Some(algo)) = self.table.get_mut(id.index()) {
            algo.filled = Qty(algo.filled.0.saturating_add(qty.0));
            algo.net = algo.net.saturating_add(side.sign().saturating_mul(qty.0));
        }
    }

    /// Lists an order that has just been sent.
    #[inline]
    pub(crate) fn add_order(&mut self, id: AlgoId, order: OrderIndex) {
        self.relist(id, order, true);
        if let Some(Some(algo)) = self.table.get_mut(id.index()) {
            algo.sent += 1;
        }
    }

    fn get_mut(&mut self, id: AlgoId) -> Result<&mut Algo, ApplyError> {
        self.table.get_mut(id.index()).and_then(Option::as_mut).ok_or(ApplyError::Algo { algo: id })
    }

    pub(crate) fn digest(&self, digest: &mut StateDigest) {
        digest.unsigned(self.table.iter().flatten().count() as u64);
        for (id, algo) in self.table.iter().enumerate() {
            let Some(algo) = algo else { continue };
            digest.unsigned(id as u64).unsigned(u64::from(algo.is_running)).signed(algo.filled.0).unsigned(algo.parameters_version);
            let place = tradewind_algos::place_of(&algo.spec);
            digest.unsigned(u64::from(place.book.0)).unsigned(u64::from(place.account.0)).unsigned(u64::from(place.instrument.0));
            match algo.spec {
                AlgoSpec::Immediate { side, qty, .. } => digest.unsigned(0).signed(side.sign()).signed(qty.0),
                AlgoSpec::Twap { side, qty, start, end, slices, .. } => {
                    digest.unsigned(1).signed(side.sign()).signed(qty.0).signed(start.0).signed(end.0).unsigned(u64::from(slices))
                }
                AlgoSpec::Quoting { parameters: p, .. } => {
                    digest.unsigned(2).signed(p.half_spread_half_ticks).signed(p.qty.0).signed(p.max_position.0);
                    digest.signed(p.skew_half_ticks).signed(p.interval.0)
                }
                AlgoSpec::Bracket { side, qty, exposure, parameters: BracketParameters { entry, take_profit, stop }, .. } => {
                    digest.unsigned(3).signed(side.sign()).signed(qty.0).unsigned(exposure as u64).signed(entry.map_or(0, |p| p.0));
                    digest.signed(take_profit.0).signed(stop.price.0).unsigned(stop.source as u64).signed(algo.net).unsigned(algo.sent)
                }
            };
        }
    }
}

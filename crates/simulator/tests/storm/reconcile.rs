//! The end of a storm: algos come to theirs, the wire falls silent, the venue's records settle every doubt.

use crate::storm::desk::RECEIVE_WINDOW;
use crate::storm::laws;
use crate::storm::node::Breach;
use crate::storm::play::Storm;
use crate::storm::redecide::redecide;
use tradewind_types::{AlgoId, AlgoSpec, Control, OrderId, OrderState, VenueReply};

/// Timers that the algos of a storm can still set before they end.
const TIMERS_AT_MOST: usize = 2_000;

impl Storm {
    pub fn end(&mut self) -> Result<(), Breach> {
        self.node.tear_next = None;
        self.end_algos()?;
        self.wire.requests.clear();
        self.wire.restart();
        for (order, is_amending) in self.live() {
            if is_amending {
                self.wire.assume_amend(order, self.now);
            }
            self.give_up(order)?;
        }
        self.now += RECEIVE_WINDOW + 1;
        let state = self.node.engine.state();
        let deadline = |state: &OrderState| if let OrderState::Unknown { until, .. } = state { until.0 } else { 0 };
        let last = state.live_orders().map(|o| deadline(&o.state)).max().unwrap_or(0);
        // Our clock may have gone back since a doubt began; it is set right.
        self.offset += (last - self.local().0).max(0);
        for fill in self.venue.fills_besides(&self.memory().booked) {
            self.reply(VenueReply::Filled(fill))?;
        }
        for event in self.venue.history.clone() {
            self.control(Control::Account(event))?;
        }
        for (order, _) in self.live() {
            self.query(order)?;
        }
        self.check_orphans()?;
        laws::check_end(self)?;
        self.node.settle()?;
        redecide(self.node.path(), &self.seen, self.node.engine.state_hash())
    }

    fn live(&self) -> Vec<(OrderId, bool)> {
        self.node.engine.state().live_orders().map(|o| (o.id, o.amendment.is_some())).collect()
    }

    /// Quoting and brackets end when they are told to, everything else by itself.
    fn end_algos(&mut self) -> Result<(), Breach> {
        let state = self.node.engine.state();
        let quotes = |id: &AlgoId| {
            state.algo(*id).is_some_and(|a| a.is_running && matches!(a.spec, AlgoSpec::Quoting { .. } | AlgoSpec::Bracket { .. }))
        };
        let quoting: Vec<AlgoId> = self.memory().algos.iter().copied().filter(quotes).collect();
        quoting.into_iter().try_for_each(|algo| self.control(Control::StopAlgo { algo }))?;
        for _ in 0..TIMERS_AT_MOST {
            let Some((due, timer)) = self.node.engine.next_timer() else { return Ok(()) };
            self.now += (due.0 - self.local().0).max(0);
            self.control(Control::Timer(timer))?;
        }
        Err(Breach::new("algos end", format!("{:?} is still due", self.node.engine.next_timer())))
    }

    /// What a power cut took from the journal and then traded is not booked, and that stopped the firm when it came to light.
    fn check_orphans(&self) -> Result<(), Breach> {
        let traded = self.orphans.iter().find(|id| self.venue.orders.get(id).is_some_and(|o| o.filled > 0));
        match traded {
            Some(order) if !self.node.engine.state().limits().is_halted(tradewind_types::LimitScope::Firm) => {
                Err(Breach::new("money that cannot be booked halts the firm", format!("{order} traded and is not in the journal")))
            }
            _ => Ok(()),
        }
    }
}

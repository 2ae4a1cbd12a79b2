//! Algos inside the engine: starting, waking, stopping.

use crate::engine::{Engine, Step};
use tradewind_algos::{Next, OrderStanding, Permission, View, WorkingOrder, decide, place_of, validate, validate_quoting};
use tradewind_limits::{BookHealth, Route};
use tradewind_types::{
    AlgoId, AlgoRefusal, AlgoSpec, Author, InstrumentId, OrderState, Outcome, Qty, QuotingParameters, TimerId, Timestamp,
};

impl Engine {
    pub(crate) fn on_start_algo(
        &mut self,
        algo: AlgoId,
        author: Author,
        valid_until: Timestamp,
        spec: AlgoSpec,
        at: Timestamp,
        step: &mut Step,
    ) {
        if let Err(reason) = self.check_start(algo, author, valid_until, &spec, at) {
            self.commit(Outcome::AlgoRefused { algo, reason, at }, at, step);
        } else if self.commit(Outcome::AlgoStarted { algo, spec, at }, at, step) {
            self.wake(algo, at, step);
        }
    }

    fn check_start(&self, algo: AlgoId, author: Author, valid_until: Timestamp, spec: &AlgoSpec, at: Timestamp) -> Result<(), AlgoRefusal> {
        crate::registry::dense(algo.0).map_err(|_| AlgoRefusal::NotDense)?;
        if self.state.algos.get(algo).is_some() {
            return Err(AlgoRefusal::AlreadyExists);
        }
        if at > valid_until {
            return Err(AlgoRefusal::Late { valid_until, now: at });
        }
        validate(spec).map_err(|_| AlgoRefusal::OutOfRange)?;
        let place = place_of(spec);
        let registry = &self.state.registry;
        let instrument = registry.instrument(place.instrument).ok_or(AlgoRefusal::NotDefined)?;
        let account = registry.account(place.account).ok_or(AlgoRefusal::NotDefined)?;
        registry.book(place.book).ok_or(AlgoRefusal::NotDefined)?;
        let is_foreign = matches!(author, Author::Strategy(book) if book != place.book);
        let is_spot_bracket = matches!(spec, AlgoSpec::Bracket { .. }) && instrument.terms().kind.is_spot();
        if is_spot_bracket {
            // Both exits would tie up the same coins.
            return Err(AlgoRefusal::NotOffered);
        }
        if is_foreign || account.venue != instrument.terms().venue { Err(AlgoRefusal::NotDefined) } else { Ok(()) }
    }

    /// Stops an algo and cancels its orders.
    pub(crate) fn on_stop_algo(&mut self, algo: AlgoId, at: Timestamp, step: &mut Step) {
        let Some(running) = self.state.algos.get(algo).filter(|a| a.is_running) else {
            self.commit(Outcome::AlgoRefused { algo, reason: AlgoRefusal::NotRunning, at }, at, step);
            return;
        };
        let live = running.live.iter().filter_map(|index| self.state.orders.get(*index));
        let doomed: Vec<_> = live.filter(|o| o.state != OrderState::Cancelling).map(|o| o.id).collect();
        self.commit(Outcome::AlgoStopped { algo, at }, at, step);
        for order in doomed {
            self.cancel(order, at, step);
        }
    }

    pub(crate) fn on_set_parameters(&mut self, algo: AlgoId, version: u64, parameters: QuotingParameters, at: Timestamp, step: &mut Step) {
        let refusal = match self.state.algos.get(algo) {
            Some(found) if found.is_running => match found.spec {
                AlgoSpec::Quoting { .. } if validate_quoting(&parameters).is_ok() => None,
                AlgoSpec::Quoting { .. } => Some(AlgoRefusal::OutOfRange),
                AlgoSpec::Immediate { .. } | AlgoSpec::Twap { .. } | AlgoSpec::Bracket { .. } => Some(AlgoRefusal::NotQuoting),
            },
            _ => Some(AlgoRefusal::NotRunning),
        };
        let outcome = match refusal {
            Some(reason) => Outcome::AlgoRefused { algo, reason, at },
            None => Outcome::ParametersSet { algo, version, parameters, at },
        };
        self.commit(outcome, at, step);
    }

    /// A timer came; one that is not pending (its algo was stopped meanwhile) means nothing.
    pub(crate) fn on_timer(&mut self, timer: TimerId, at: Timestamp, step: &mut Step) {
        let Some(pending) = self.state.timers.find(timer) else { return };
        if self.commit(Outcome::TimerFired { timer, at }, at, step) {
            self.wake(pending.algo, at, step);
        }
    }

    /// The venue has answered an order: a bracket it belongs to is asked at once. Its timer stays as it is.
    pub(crate) fn follow_up(&mut self, author: Author, at: Timestamp, step: &mut Step) {
        let Author::Algo(algo) = author else { return };
        let is_bracket = |found: &crate::algos::Algo| found.is_running && matches!(found.spec, AlgoSpec::Bracket { .. });
        if !self.state.algos.get(algo).is_some_and(is_bracket) {
            return;
        }
        if let Some(Next::Finished) = self.ask(algo, at, step) {
            self.commit(Outcome::AlgoStopped { algo, at }, at, step);
        }
    }

    /// An invalid book: every quoting algo on it is asked at once, and may only cancel. Its timer stays as it is.
    pub(crate) fn pull_quotes(&mut self, instrument: InstrumentId, at: Timestamp, step: &mut Step) {
        let is_quoting = |id: &AlgoId| {
            let spec = self.state.algos.get(*id).map(|algo| algo.spec);
            matches!(spec, Some(AlgoSpec::Quoting { instrument: quoted, .. }) if quoted == instrument)
        };
        let quoting: Vec<AlgoId> = self.state.algos.running().iter().copied().filter(is_quoting).collect();
        for algo in quoting {
            self.ask(algo, at, step);
        }
    }

    /// Asks an algo, and sets the timer that it wants or ends it.
    fn wake(&mut self, algo: AlgoId, at: Timestamp, step: &mut Step) {
        match self.ask(algo, at, step) {
            None => {}
            Some(Next::Finished) => {
                self.commit(Outcome::AlgoStopped { algo, at }, at, step);
            }
            Some(Next::At(due)) => match self.state.timers.next_id() {
                Some(timer) => {
                    self.commit(Outcome::TimerSet { timer, algo, due }, at, step);
                }
                // 2^32 timers have been set: nothing can wake the algo again.
                None => self.on_stop_algo(algo, at, step),
            },
        }
    }

    /// Shows an algo what it may see and carries out what it wants.
    fn ask(&mut self, algo: AlgoId, at: Timestamp, step: &mut Step) -> Option<Next> {
        let (mut intents, mut working) = (std::mem::take(&mut self.intents), std::mem::take(&mut self.working));
        intents.clear();
        let next = self.consult(algo, at, &mut working, &mut intents);
        for intent in intents.drain(..) {
            self.intend(Author::Algo(algo), &intent, at, step);
        }
        (self.intents, self.working) = (intents, working);
        next
    }

    fn consult(
        &self,
        id: AlgoId,
        at: Timestamp,
        working: &mut Vec<WorkingOrder>,
        intents: &mut Vec<tradewind_types::Intent>,
    ) -> Option<Next> {
        let algo = self.state.algos.get(id).filter(|algo| algo.is_running)?;
        let place = place_of(&algo.spec);
        let venue = self.state.registry.instrument(place.instrument)?.terms().venue;
        let route = Route { venue, account: place.account, book: place.book, instrument: place.instrument };
        let is_closed = self.state.limits.halted_on(route).is_some() || self.state.book_health(place.instrument) == BookHealth::Invalid;
        working.clear();
        working.extend(algo.live.iter().filter_map(|index| self.state.orders.get(*index)).map(|order| WorkingOrder {
            order: order.id,
            side: order.terms.side,
            price: order.price(),
            in_flight: Qty(order.held.lots),
            standing: match order.state {
                OrderState::Cancelling => OrderStanding::Cancelling,
                OrderState::Unknown { .. } => OrderStanding::Unknown,
                _ => OrderStanding::Working,
            },
        }));
        let view = View {
            now: at,
            touch: self.market.view(place.instrument).touch(),
            permission: if is_closed { Permission::CancelOnly } else { Permission::Trade },
            position: self.state.book_position(place.book, place.instrument).lots,
            filled: algo.filled,
            net: algo.net,
            sent: algo.sent,
            orders: working,
        };
        Some(decide(&algo.spec, &view, intents))
    }
}

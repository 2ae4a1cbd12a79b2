//! The step: what an input means, one outcome at a time.

use crate::error::ApplyError;
use crate::market::{Market, MarketView, Trust};
use crate::state::State;
use tradewind_algos::WorkingOrder;
use tradewind_book::SequenceRule;
use tradewind_limits::{BookHealth, Command};
use tradewind_types::{
    Control, Definition, Input, InstrumentId, Intent, LimitScope, OperatorCommand, OrderState, Outcome, StateHash, TimerId, Timestamp,
};

/// What one step gave: reusable buffers, emptied when the next step begins.
#[derive(Debug, Default)]
pub struct Step {
    /// What was decided and applied, in order. To be journaled.
    pub outcomes: Vec<Outcome>,
    /// What is to be sent, in order.
    pub commands: Vec<Command>,
    /// Set when an outcome did not fit the state: a breach of an invariant. The engine has halted the firm.
    pub fault: Option<ApplyError>,
}

impl Step {
    /// Empty buffers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

/// The engine. See the crate's documentation.
#[derive(Clone, Debug, Default)]
pub struct Engine {
    pub(crate) state: State,
    pub(crate) market: Market,
    /// Buffers that keep their room between steps.
    pub(crate) intents: Vec<Intent>,
    pub(crate) working: Vec<WorkingOrder>,
}

impl Engine {
    /// An engine that knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Follows an instrument's depth under its venue's sequence rule, from an empty book. Wiring, not state: the driver says it
    /// again after a restart. Depth of an instrument that is not watched makes its book invalid.
    pub fn watch_book(&mut self, instrument: InstrumentId, rule: SequenceRule) {
        self.market.watch_book(instrument, rule);
    }

    /// Takes memory for as many more orders as are expected, and touches it, so that the order path does not wait for the system
    /// to hand it out page by page. A matter of speed only; a table that runs full grows by itself.
    pub fn prepare(&mut self, orders: usize) {
        self.state.orders.prepare(orders);
    }

    /// Decides what an input means, and applies it.
    #[inline]
    pub fn step(&mut self, input: &Input<'_>, step: &mut Step) {
        step.outcomes.clear();
        step.commands.clear();
        step.fault = None;
        match input {
            Input::Market { stamp, event } => {
                let at = stamp.ts_local;
                match self.market.observe(at, event) {
                    Trust::Unmoved => {}
                    trust => self.on_trust(event.instrument(), trust, at, step),
                }
            }
            Input::Control { at, control } => {
                self.on_control(control, *at, step);
                self.retire_orders(*at, step);
            }
        }
        if step.fault.is_some() {
            self.halt(LimitScope::Firm, input.at(), step);
        }
    }

    /// Applies one outcome: the only way control state changes, and all that recovery does.
    ///
    /// # Errors
    /// [`ApplyError`] when the outcome does not belong to this state's history.
    #[inline]
    pub fn apply(&mut self, outcome: &Outcome) -> Result<(), ApplyError> {
        self.state.apply(outcome)
    }

    /// Control state.
    #[inline]
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Digest of the control state.
    #[must_use]
    pub fn state_hash(&self) -> StateHash {
        self.state.hash()
    }

    /// The timer that is due first.
    #[inline]
    #[must_use]
    pub fn next_timer(&self) -> Option<(Timestamp, TimerId)> {
        self.state.timers.earliest()
    }

    /// The public market of an instrument.
    #[inline]
    #[must_use]
    pub fn market(&self, instrument: InstrumentId) -> MarketView<'_> {
        self.market.view(instrument)
    }

    /// Applies and records an outcome; whether it fitted. One that does not halts the firm.
    #[inline(always)]
    pub(crate) fn commit(&mut self, outcome: Outcome, at: Timestamp, step: &mut Step) -> bool {
        // Recorded first and applied where it lies, because an outcome is large to move.
        step.outcomes.push(outcome);
        self.apply_newest(at, step)
    }

    fn apply_newest(&mut self, at: Timestamp, step: &mut Step) -> bool {
        let Some(outcome) = step.outcomes.last_mut() else { return false };
        match self.state.apply(outcome) {
            Ok(()) => true,
            Err(error) => {
                step.fault = Some(error);
                self.state.limits.halt(LimitScope::Firm);
                *outcome = Outcome::Halted { scope: LimitScope::Firm, at };
                false
            }
        }
    }

    fn on_control(&mut self, control: &Control, at: Timestamp, step: &mut Step) {
        match control {
            Control::Define(definition) => self.on_definition(definition, at, step),
            Control::Reply(reply) => self.on_reply(reply, at, step),
            Control::Timer(timer) => self.on_timer(*timer, at, step),
            Control::Decision { author, valid_until, intent, .. } => self.on_decision(*author, *valid_until, intent, at, step),
            Control::StartAlgo { algo, author, valid_until, spec, .. } => {
                self.on_start_algo(*algo, *author, *valid_until, *spec, at, step);
            }
            Control::StopAlgo { algo } => self.on_stop_algo(*algo, at, step),
            Control::SetParameters { algo, version, parameters } => self.on_set_parameters(*algo, *version, *parameters, at, step),
            Control::Operator(OperatorCommand::Halt { scope }) => {
                // A halt of something that cannot exist is a person's slip in an emergency: everything stops, and nothing is a fault.
                let scope = if crate::registry::check_scope(*scope).is_ok() { *scope } else { LimitScope::Firm };
                self.halt(scope, at, step);
            }
            Control::Account(event) => self.on_account_event(event, at, step),
            Control::Transfer(transfer) => self.on_transfer(transfer, at, step),
            Control::MarkEquity => self.mark_equity(at, step),
            Control::VenueReport(_) => {}
            Control::Operator(OperatorCommand::Resume { scope }) => {
                if self.state.limits.is_halted(*scope) {
                    self.commit(Outcome::Resumed { scope: *scope, at }, at, step);
                }
            }
        }
    }

    /// Lets the oldest orders leave, a few at a time. Every order sent takes an answer, which is an input: this keeps up.
    #[inline]
    fn retire_orders(&mut self, at: Timestamp, step: &mut Step) {
        if step.fault.is_none()
            && let Some((through, over_by)) = self.state.orders.due(at)
        {
            self.commit(Outcome::OrdersRetired { through, over_by, at }, at, step);
        }
    }

    fn on_definition(&mut self, definition: &Definition, at: Timestamp, step: &mut Step) {
        let outcome = match self.state.check_definition(definition) {
            Ok(()) => Outcome::Defined(definition.clone()),
            Err(reason) => Outcome::DefinitionRefused { definition: definition.clone(), reason, at },
        };
        let is_new_life = matches!(outcome, Outcome::Defined(Definition::Epoch { .. }));
        if self.commit(outcome, at, step) && is_new_life {
            // A process that restarted has seen no market. Deciding its journal anew, in one go, must not know more than it did.
            self.market.forget();
        }
    }

    /// A book lost or regained trust: quotes on it are pulled at once.
    fn on_trust(&mut self, instrument: InstrumentId, trust: Trust, at: Timestamp, step: &mut Step) {
        match (trust, self.state.book_health(instrument)) {
            (Trust::Invalid(reason), BookHealth::Valid) => {
                self.commit(Outcome::BookInvalid { instrument, reason, at }, at, step);
                self.pull_quotes(instrument, at, step);
            }
            (Trust::Restored, BookHealth::Invalid) => {
                self.commit(Outcome::BookRestored { instrument, at }, at, step);
            }
            (Trust::Unmoved | Trust::Invalid(_) | Trust::Restored, _) => {}
        }
    }

    /// Latches a halt and cancels everything live in its scope; an order already being cancelled is left to it.
    pub(crate) fn halt(&mut self, scope: LimitScope, at: Timestamp, step: &mut Step) {
        if !self.state.limits.is_halted(scope) {
            self.commit(Outcome::Halted { scope, at }, at, step);
        }
        let in_scope = |order: &crate::orders::Order| match scope {
            LimitScope::Firm => true,
            LimitScope::Venue(venue) => self.state.registry.instrument(order.terms.instrument).is_some_and(|i| i.terms().venue == venue),
            LimitScope::Account(account) => order.terms.account == account,
            LimitScope::Book(book) => order.terms.book == book,
        };
        let doomed: Vec<_> = self.state.live_orders().filter(|o| in_scope(o) && o.state != OrderState::Cancelling).map(|o| o.id).collect();
        for order in doomed {
            self.cancel(order, at, step);
        }
    }
}

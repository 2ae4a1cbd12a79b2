//! Where in a level's queue an order of ours stands, when only the level's total is known.
//!
//! On placement everything displayed at our price is ahead of us. Trades at our price come off the front. When the level
//! shrinks by more than its trades explain, somebody cancelled, and the model says how much of that stood ahead. No chance is
//! involved: the expected split is applied.

/// How cancels at our price are split between those ahead of us and those behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueModel {
    /// All cancels come from behind us, as long as there is anybody: only trades bring us forward, and a level smaller than
    /// what we thought was ahead.
    RiskAverse,
    /// A share back^n / (front^n + back^n) of the cancels comes from behind us and the rest from ahead, where `front` and
    /// `back` are the quantities ahead and behind: the power function of hftbacktest's `ProbQueueModel`. 1 splits in
    /// proportion; larger powers take more from the longer part.
    Probabilistic {
        /// n, 1 to 5.
        power: u32,
    },
}

/// An order's place in a level, in lots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct QueuePosition {
    /// Market quantity ahead of us.
    ahead: i64,
    /// The level's total when last seen.
    displayed: i64,
    /// Traded at our price since then.
    traded: i64,
}

/// Quantities above this many bits are scaled down before they are raised to a power: five times 24 bits fit in `i128`.
const POWER_BITS: u32 = 24;
const POWER_MAX: u32 = 5;

impl QueuePosition {
    /// At the end of a level that shows `displayed`.
    pub(crate) const fn behind(displayed: i64) -> Self {
        Self { ahead: displayed, displayed, traded: 0 }
    }

    /// Market quantity ahead of us.
    pub(crate) const fn ahead(&self) -> i64 {
        self.ahead
    }

    /// `traded` lots traded at our price, of which `left` passed our own orders before this one: the queue ahead shrinks, and
    /// the answer is what gets past it.
    pub(crate) fn trade(&mut self, traded: i64, left: i64) -> i64 {
        let eaten = self.ahead.min(left);
        self.ahead -= eaten;
        self.traded = self.traded.saturating_add(traded);
        left - eaten
    }

    /// Whether the level may have changed since: it shows another quantity, or it traded.
    pub(crate) const fn is_unsettled(&self, displayed: i64) -> bool {
        self.displayed != displayed || self.traded != 0
    }

    /// What the level showed when last seen.
    pub(crate) const fn displayed(&self) -> i64 {
        self.displayed
    }

    /// The level now shows `displayed`. Trades have been taken off already; the model splits the rest of a decrease. The
    /// quantity taken from ahead is rounded down, so that rounding never brings us forward.
    pub(crate) fn level_changed(&mut self, displayed: i64, model: QueueModel) {
        // After its trades the level held this much, if nobody joined or left.
        let held = (self.displayed - self.traded).max(0);
        let cancelled = held - displayed;
        if let (1.., QueueModel::Probabilistic { power }) = (cancelled, model) {
            self.ahead -= cancelled_ahead(self.ahead, (held - self.ahead).max(0), cancelled, power);
        }
        self.ahead = self.ahead.min(displayed).max(0);
        (self.displayed, self.traded) = (displayed, 0);
    }

    /// The level shows `displayed` after a time in which it was not known: nobody can be ahead who is not displayed.
    pub(crate) fn level_seen_again(&mut self, displayed: i64) {
        self.level_changed(displayed, QueueModel::RiskAverse);
    }
}

/// How much of `cancelled` stood ahead.
fn cancelled_ahead(front: i64, back: i64, cancelled: i64, power: u32) -> i64 {
    let bits = 64 - front.max(back).max(1).leading_zeros();
    let shift = bits.saturating_sub(POWER_BITS);
    let raise = |qty: i64| i128::from(qty >> shift).pow(power.clamp(1, POWER_MAX));
    let (front_weight, back_weight) = (raise(front), raise(back));
    let total = (front_weight + back_weight).max(1);
    // A weight has at most 120 bits: the product may not fit, so both weights lose the bits that a quantity may have.
    let spare = (128 - total.leading_zeros()).saturating_sub(62);
    let share = i128::from(cancelled) * (front_weight >> spare) / (total >> spare).max(1);
    let from_ahead = i64::try_from(share).unwrap_or(cancelled).min(cancelled);
    // What the back cannot supply came from ahead.
    let missing_behind = (cancelled - from_ahead - back).max(0);
    (from_ahead + missing_behind).min(front)
}

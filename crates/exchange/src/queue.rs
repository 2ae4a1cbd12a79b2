//! Where in a level's queue an order of ours stands, when only the level's total is known.
//!
//! On placement everything displayed at our price is ahead of us. Trades at our price come off the front. When the level
//! shrinks by more than its trades explain, somebody cancelled, and the model says how much of that stood ahead. No chance is
//! involved: the expected split is applied. How far each model is from the truth is measured in `docs/studies/queue-models.md`.

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
    /// As [`QueueModel::Probabilistic`] with log(1 + x) in place of x^n (hftbacktest's `LogProbQueueFunc`): small quantities
    /// count for more than their share. The answer depends on the unit in which x is counted, so it is named here; hftbacktest
    /// counts in whole base coins or contracts.
    Logarithmic {
        /// How many lots make x = 1; at least 1.
        unit_lots: i64,
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

    /// At the end of the same level, of which `pending` lots have been counted as traded that are still to be shared out.
    pub(crate) fn at_the_end(&self, pending: i64) -> Self {
        let traded = (self.traded - pending).max(0);
        Self { ahead: (self.displayed - traded).max(0), displayed: self.displayed, traded }
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
        if cancelled > 0 {
            let (front, back) = (self.ahead, (held - self.ahead).max(0));
            if let Some(weights) = weights(front, back, model) {
                self.ahead -= cancelled_ahead(front, back, cancelled, weights);
            }
        }
        self.ahead = self.ahead.min(displayed).max(0);
        (self.displayed, self.traded) = (displayed, 0);
    }

    /// The level shows `displayed` after a time in which it was not known: nobody can be ahead who is not displayed.
    pub(crate) fn level_seen_again(&mut self, displayed: i64) {
        self.level_changed(displayed, QueueModel::RiskAverse);
    }
}

/// Weights of the quantities ahead and behind; none where cancels do not come from ahead as long as there is anybody behind.
fn weights(front: i64, back: i64, model: QueueModel) -> Option<(i128, i128)> {
    match model {
        QueueModel::RiskAverse => None,
        QueueModel::Probabilistic { power } => {
            let bits = 64 - front.max(back).max(1).leading_zeros();
            let shift = bits.saturating_sub(POWER_BITS);
            let raise = |qty: i64| i128::from(qty >> shift).pow(power.clamp(1, POWER_MAX));
            Some((raise(front), raise(back)))
        }
        QueueModel::Logarithmic { unit_lots } => {
            let unit = unit_lots.max(1);
            let log = |qty: i64| log2(unit.unsigned_abs() + qty.unsigned_abs()) - log2(unit.unsigned_abs());
            Some((log(front), log(back)))
        }
    }
}

/// How much of `cancelled` stood ahead.
fn cancelled_ahead(front: i64, back: i64, cancelled: i64, (front_weight, back_weight): (i128, i128)) -> i64 {
    let total = (front_weight + back_weight).max(1);
    // A weight has at most 120 bits: the product may not fit, so both weights lose the bits that a quantity may have.
    let spare = (128 - total.leading_zeros()).saturating_sub(62);
    let share = i128::from(cancelled) * (front_weight >> spare) / (total >> spare).max(1);
    let from_ahead = i64::try_from(share).unwrap_or(cancelled).min(cancelled);
    // What the back cannot supply came from ahead.
    let missing_behind = (cancelled - from_ahead - back).max(0);
    (from_ahead + missing_behind).min(front)
}

/// Bits behind the binary point of [`log2`].
const LOG_BITS: u32 = 40;

/// Binary logarithm of x >= 1 in units of 2^-40, rounded down, in whole numbers only so that every machine agrees: the number
/// is brought to 1 <= m < 2, and each squaring of m that reaches 2 is one more bit of the answer.
fn log2(x: u64) -> i128 {
    let x = x.max(1);
    let whole = 63 - x.leading_zeros();
    // m in units of 2^-63.
    let mut mantissa = u128::from(x << (63 - whole));
    let mut bits = 0i128;
    for _ in 0..LOG_BITS {
        mantissa = (mantissa * mantissa) >> 63;
        let reached = mantissa >> 64;
        mantissa >>= reached;
        bits = bits << 1 | i128::from(reached == 1);
    }
    (i128::from(whole) << LOG_BITS) + bits
}

#[cfg(test)]
mod tests {
    use super::{QueueModel, QueuePosition, log2};
    use proptest::prelude::*;

    /// Logarithms worked out to fifty places elsewhere, times 2^40.
    #[test]
    fn logarithms_are_those_of_the_table() {
        for (x, log) in [(1, 0), (2, 1 << 40), (3, 1742684699131), (10, 3652498566964), (1_000_003, 21914996160559), (1 << 62, 62 << 40)] {
            assert_eq!(log2(x), log, "log2({x})");
        }
    }

    /// One cancel of `cancelled` lots: how many of `front` are thought to be ahead afterwards.
    fn ahead_after(front: i64, back: i64, cancelled: i64, model: QueueModel) -> i64 {
        let mut queue = QueuePosition::behind(front);
        queue.level_changed(front + back, model);
        queue.level_changed(front + back - cancelled, model);
        queue.ahead()
    }

    #[test]
    fn the_logarithm_gives_the_smaller_part_more_than_its_share() {
        let log = QueueModel::Logarithmic { unit_lots: 1 };
        let proportional = QueueModel::Probabilistic { power: 1 };
        // ln 301 / (ln 301 + ln 101) = 0.5529 of 40 from ahead; in proportion it is 0.75.
        assert_eq!((ahead_after(300, 100, 40, log), ahead_after(300, 100, 40, proportional)), (278, 270));
        // Counted in large units the logarithm is nearly straight.
        let straight = QueueModel::Logarithmic { unit_lots: 1_000_000_000 };
        assert_eq!(ahead_after(300, 100, 41, straight), ahead_after(300, 100, 41, proportional));
    }

    proptest! {
        /// Whatever the model: nobody is ahead who is not there, rounding never brings us forward, and the back is not asked for
        /// more than it holds.
        #[test]
        fn a_cancel_is_shared_out_within_bounds(
            front in 0i64..1 << 50, back in 0i64..1 << 50, share in 0i64..=1000, unit_lots in 1i64..1 << 40, power in 1u32..=5,
        ) {
            let cancelled = ((i128::from(front) + i128::from(back)) * i128::from(share) / 1000) as i64;
            for model in [QueueModel::RiskAverse, QueueModel::Probabilistic { power }, QueueModel::Logarithmic { unit_lots }] {
                let ahead = ahead_after(front, back, cancelled, model);
                prop_assert!(ahead >= 0 && ahead <= front && ahead <= front + back - cancelled);
                prop_assert!(front - ahead <= cancelled);
                if cancelled > 0 && back == 0 {
                    prop_assert_eq!(ahead, front - cancelled);
                }
            }
        }
    }
}

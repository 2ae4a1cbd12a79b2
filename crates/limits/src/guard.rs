//! What few scopes have: a money budget, limits on conduct, a restricted list. Kept apart from what every order is checked for, so
//! that a route without them costs one question.

use crate::budget::{Added, Budget};
use crate::check::{Ask, OrderContext, ScopeFigures, Standing};
use crate::conduct::Conduct;
use crate::scope::{Limits, Route, route_scopes};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tradewind_types::{ConductSettings, InstrumentId, LimitScope, RefusalReason, Restriction, Side, StateDigest};

/// The guards of one scope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    pub(crate) budget: Option<Budget>,
    pub(crate) conduct: Option<Conduct>,
    pub(crate) restricted: BTreeMap<InstrumentId, Restriction>,
}

impl Guard {
    /// Money limits, with the last mark.
    #[must_use]
    pub const fn budget(&self) -> Option<&Budget> {
        self.budget.as_ref()
    }

    /// Limits on conduct.
    #[must_use]
    pub fn conduct(&self) -> Option<&ConductSettings> {
        self.conduct.as_ref().map(|conduct| &conduct.settings)
    }

    /// What may be done with an instrument.
    #[must_use]
    pub fn restriction(&self, instrument: InstrumentId) -> Restriction {
        self.restricted.get(&instrument).copied().unwrap_or_default()
    }

    pub(crate) fn digest(&self, digest: &mut StateDigest) {
        digest.unsigned(u64::from(self.budget.is_some())).unsigned(u64::from(self.conduct.is_some()));
        if let Some(budget) = &self.budget {
            budget.digest(digest);
        }
        if let Some(conduct) = &self.conduct {
            conduct.digest(digest);
        }
        digest.unsigned(self.restricted.len() as u64);
        for (instrument, restriction) in &self.restricted {
            digest.unsigned(u64::from(instrument.0)).unsigned(*restriction as u64);
        }
    }
}

impl Limits {
    /// The restricted list, conduct and money limits of every guarded scope, widest first.
    #[cold]
    #[inline(never)]
    pub(crate) fn check_guards(&self, context: &OrderContext<'_>, route: Route, ask: &Ask<'_>) -> Result<(), RefusalReason> {
        for (at, (scope, guard)) in route_scopes(route).into_iter().zip(self.guards_on(route)).enumerate() {
            let Some(guard) = guard else { continue };
            let Some(around) = context.surroundings else {
                return Err(RefusalReason::NoValuation { scope, instrument: route.instrument });
            };
            let figures: &ScopeFigures = &around.scopes[at];
            check_restriction(scope, route.instrument, guard.restriction(route.instrument), context.standing(scope), ask)?;
            if let Some(conduct) = &guard.conduct {
                conduct.check(context.now, ask.asked, figures.unanswered, figures.meets)?;
            }
            if let Some(budget) = &guard.budget {
                let (side, lots, is_closing) = (ask.side, ask.added_lots, ask.is_closing);
                let added = Added { instrument: context.instrument, side, lots, is_closing };
                budget.check(context.now, figures.valuation.as_ref(), added)?;
            }
        }
        Ok(())
    }
}

/// Close-only: with everything in flight on the order's side, the scope's position stays on its own side of zero.
fn check_restriction(
    scope: LimitScope,
    instrument: InstrumentId,
    restriction: Restriction,
    standing: &Standing,
    ask: &Ask<'_>,
) -> Result<(), RefusalReason> {
    let is_barred = match restriction {
        Restriction::None => false,
        Restriction::Forbidden => true,
        Restriction::CloseOnly if ask.added_lots == 0 => false,
        Restriction::CloseOnly => {
            let reached = standing.worst(ask.side, ask.added_lots).ok_or(RefusalReason::Overflow)?;
            match ask.side {
                Side::Buy => reached > 0,
                Side::Sell => reached < 0,
            }
        }
    };
    if is_barred { Err(RefusalReason::Restricted { scope, instrument, restriction }) } else { Ok(()) }
}

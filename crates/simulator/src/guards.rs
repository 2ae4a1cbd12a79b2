//! Guards of a run in people's units: budgets in one currency, conduct, what is restricted. A setup without any is what it was.

use crate::setup::{Setup, SetupError, money};
use serde::{Deserialize, Serialize};
use tradewind_types::{
    Amount, BudgetSettings, ConductSettings, Decimal, Definition, InstrumentId, LimitScope, Nanos, Rate, Restriction, Rounding,
    SelfTradeCheck,
};

/// Money limits of one scope. Amounts are exact text in the currency, rates units of 1e-8; what is left out is not limited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetSetup {
    /// What they cover.
    pub scope: LimitScope,
    /// Asset symbol of every figure.
    pub currency: String,
    /// Largest sum of absolute position values, with everything in flight.
    #[serde(default)]
    pub max_gross: Option<String>,
    /// Largest absolute sum of signed position values, with everything in flight.
    #[serde(default)]
    pub max_net: Option<String>,
    /// Largest value of everything in flight.
    #[serde(default)]
    pub max_open_orders: Option<String>,
    /// Largest gross position value over equity.
    #[serde(default)]
    pub max_leverage: Option<i64>,
    /// Largest loss since the first mark of the UTC day; there the scope is halted.
    #[serde(default)]
    pub max_daily_loss: Option<String>,
    /// Largest fall from the highest equity; there the scope is halted.
    #[serde(default)]
    pub max_drawdown: Option<i64>,
}

/// Limits on the conduct of one scope; what is left out is not limited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConductSetup {
    /// What they cover.
    pub scope: LimitScope,
    /// Cancels and amends per order sent, 1e-8.
    #[serde(default)]
    pub max_cancel_ratio: Option<i64>,
    /// How many cancels and amends are let pass before the ratio is looked at.
    #[serde(default)]
    pub cancels_judged_from: u64,
    /// How soon the same order may come again, ns.
    #[serde(default)]
    pub duplicate_window_ns: Option<i64>,
    /// Most orders without any word from the venue.
    #[serde(default)]
    pub max_unanswered: Option<u32>,
    /// Whether orders of the scope may meet each other.
    #[serde(default)]
    pub self_trade: SelfTradeCheck,
}

/// What may be done with an instrument in one scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestrictionSetup {
    /// Where.
    pub scope: LimitScope,
    /// Index into `Setup::instruments`.
    pub instrument: u32,
    /// What may be done.
    pub restriction: Restriction,
}

/// All guards of a run. Losses are judged each time equity is sampled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardSetups {
    /// Money.
    #[serde(default)]
    pub budgets: Vec<BudgetSetup>,
    /// Conduct.
    #[serde(default)]
    pub conduct: Vec<ConductSetup>,
    /// The restricted list.
    #[serde(default)]
    pub restricted: Vec<RestrictionSetup>,
}

impl GuardSetups {
    /// Whether nothing is guarded.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.budgets.is_empty() && self.conduct.is_empty() && self.restricted.is_empty()
    }
}

impl Setup {
    pub(crate) fn guard_definitions(&self) -> Result<Vec<Definition>, SetupError> {
        let mut out = Vec::new();
        for budget in &self.guards.budgets {
            out.push(Definition::Budget(self.budget(budget)?));
        }
        out.extend(self.guards.conduct.iter().map(|conduct| Definition::Conduct(settings_of(conduct))));
        for RestrictionSetup { scope, instrument: index, restriction } in self.guards.restricted.iter().copied() {
            if index as usize >= self.instruments.len() {
                let place = format!("restriction of {scope:?}");
                return Err(SetupError::OutOfRange { place, table: "instrument", index, len: self.instruments.len() });
            }
            out.push(Definition::Restricted { scope, instrument: InstrumentId(index), restriction });
        }
        Ok(out)
    }

    fn budget(&self, setup: &BudgetSetup) -> Result<BudgetSettings, SetupError> {
        let place = format!("budget of {:?}", setup.scope);
        let currency = self.asset(&place, &setup.currency)?;
        let amount = |text: &Option<String>| -> Result<Option<Amount>, SetupError> {
            let exact = text.as_ref().map(|text| money(place.clone(), text.parse::<Decimal>())).transpose()?;
            exact.map(|exact| money(place.clone(), exact.at_scale(currency.scale, Rounding::Floor)).map(Amount)).transpose()
        };
        Ok(BudgetSettings {
            scope: setup.scope,
            currency: currency.id,
            max_gross: amount(&setup.max_gross)?,
            max_net: amount(&setup.max_net)?,
            max_open_orders: amount(&setup.max_open_orders)?,
            max_leverage: setup.max_leverage.map(Rate),
            max_daily_loss: amount(&setup.max_daily_loss)?,
            max_drawdown: setup.max_drawdown.map(Rate),
        })
    }
}

fn settings_of(setup: &ConductSetup) -> ConductSettings {
    ConductSettings {
        scope: setup.scope,
        max_cancel_ratio: setup.max_cancel_ratio.map(Rate),
        cancels_judged_from: setup.cancels_judged_from,
        duplicate_window: setup.duplicate_window_ns.map(Nanos),
        max_unanswered: setup.max_unanswered,
        self_trade: setup.self_trade,
    }
}

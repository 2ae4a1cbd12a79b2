//! Money limits of one scope: what its positions could be worth with everything in flight, and what it has lost.
//!
//! Losses are measured between marks. Money that comes from outside, or leaves, between two of them moves the day's start and the
//! high-water mark along, so that a deposit hides no loss and a withdrawal is none.

use crate::check::{Holding, Standing};
use crate::conduct::utc_day;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tradewind_types::{
    Amount, AssetId, BudgetSettings, EquityMark, Instrument, InstrumentId, LimitScope, MoneyError, Price, Rate, RefusalReason, Rounding,
    Side, StateDigest, Timestamp,
};

/// What positions are worth in a budget's currency, with everything in flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exposures {
    /// Sum over positions of the larger absolute value that each could reach.
    pub gross: Amount,
    /// Sum of signed values if every buy were filled and no sell.
    pub high: Amount,
    /// Sum of signed values if every sell were filled and no buy.
    pub low: Amount,
    /// Value of everything in flight.
    pub open: Amount,
}

impl Exposures {
    /// Those of one position, where `value` gives the value of lots (signed).
    ///
    /// # Errors
    /// [`MoneyError::Overflow`], and those of `value`.
    pub fn of(holding: Holding, value: impl Fn(i64) -> Result<Amount, MoneyError>) -> Result<Self, MoneyError> {
        let Standing { position, buys, sells } = holding.standing;
        let overflow = || MoneyError::Overflow { operation: "add lots", left: position.into(), right: buys.into() };
        let (high, low) = (position.checked_add(buys).ok_or_else(overflow)?, position.checked_sub(sells).ok_or_else(overflow)?);
        Ok(Self {
            gross: value(holding.largest().ok_or_else(overflow)?)?,
            high: value(high)?,
            low: value(low)?,
            open: value(buys)?.plus(value(sells)?)?,
        })
    }

    /// Both together.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        Ok(Self {
            gross: self.gross.plus(other.gross)?,
            high: self.high.plus(other.high)?,
            low: self.low.plus(other.low)?,
            open: self.open.plus(other.open)?,
        })
    }
}

/// A price of one asset in units of another, as a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conversion {
    /// So many units of the other asset …
    pub numerator: i128,
    /// … for so many of the one.
    pub denominator: i128,
}

impl Conversion {
    /// From an asset into itself.
    pub const ONE: Self = Self { numerator: 1, denominator: 1 };

    /// An amount of the one asset in units of the other, truncated to whole units.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`]; [`MoneyError::DivideByZero`].
    pub fn convert(self, amount: Amount) -> Result<Amount, MoneyError> {
        Rounding::Truncate.mul_div(amount.0, self.numerator, self.denominator).map(Amount)
    }
}

/// What a scope with a budget holds at the latest reference prices, in the budget's currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Valuation {
    /// Every position of the scope but the one that the order adds to.
    pub others: Exposures,
    /// The position that the order adds to.
    pub own: Holding,
    /// Reference price of the order's instrument.
    pub price: Price,
    /// From the instrument's value asset into the currency.
    pub conversion: Conversion,
    /// Equity and what came from outside since the last mark; where the budget asks for it.
    pub worth: Option<Worth>,
}

/// A scope's equity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Worth {
    /// Equity.
    pub equity: Amount,
    /// Value of what came in from outside since the last mark; less what left.
    pub flows: Amount,
}

/// What an order would add to a scope.
#[derive(Clone, Copy)]
pub(crate) struct Added<'a> {
    pub(crate) instrument: &'a Instrument,
    pub(crate) side: Side,
    pub(crate) lots: i64,
    pub(crate) is_closing: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Marked {
    mark: EquityMark,
    day: i64,
}

/// A scope's budget with its last mark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    settings: BudgetSettings,
    marked: Option<Marked>,
    /// What came from outside since the last mark, by asset.
    flows: BTreeMap<AssetId, Amount>,
}

impl Budget {
    /// New settings. The last mark stays, unless the currency is another one.
    pub(crate) fn new(settings: BudgetSettings, old: Option<Self>) -> Self {
        let blank = Self { settings, marked: None, flows: BTreeMap::new() };
        old.filter(|old| old.settings.currency == settings.currency).map_or(blank, |old| Self { settings, ..old })
    }

    /// The settings.
    #[must_use]
    pub const fn settings(&self) -> &BudgetSettings {
        &self.settings
    }

    /// The last mark.
    #[must_use]
    pub fn last_mark(&self) -> Option<EquityMark> {
        self.marked.map(|marked| marked.mark)
    }

    /// What came from outside since the last mark, by asset; negative where it left.
    pub fn flows(&self) -> impl Iterator<Item = (AssetId, Amount)> + '_ {
        self.flows.iter().map(|(asset, amount)| (*asset, *amount))
    }

    /// Whether a limit needs the scope's equity.
    #[must_use]
    pub const fn needs_equity(&self) -> bool {
        let s = &self.settings;
        s.max_leverage.is_some() || s.max_daily_loss.is_some() || s.max_drawdown.is_some()
    }

    /// The mark that follows the last one.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn next_mark(&self, worth: Worth, at: Timestamp) -> Result<EquityMark, MoneyError> {
        let Worth { equity, flows } = worth;
        let Some(Marked { mark, day }) = self.marked else {
            return Ok(EquityMark { equity, day_start: equity, high_water: equity });
        };
        let day_start = if day == utc_day(at) { mark.day_start.plus(flows)? } else { equity };
        Ok(EquityMark { equity, day_start, high_water: mark.high_water.plus(flows)?.max(equity) })
    }

    /// The loss limit that a mark breaks.
    #[must_use]
    pub fn breach(&self, mark: &EquityMark) -> Option<RefusalReason> {
        let (scope, EquityMark { equity, day_start, high_water }) = (self.settings.scope, *mark);
        if let Some(limit) = self.settings.max_daily_loss {
            let found = Amount(day_start.0.saturating_sub(equity.0));
            if found > limit {
                return Some(RefusalReason::DailyLoss { scope, found, limit });
            }
        }
        if let Some(limit) = self.settings.max_drawdown {
            let fall = high_water.0.saturating_sub(equity.0);
            if high_water.0 > 0 && is_above(Amount(fall), limit, high_water) {
                return Some(RefusalReason::Drawdown { scope, equity, high_water, limit });
            }
        }
        None
    }

    pub(crate) fn take_mark(&mut self, mark: EquityMark, at: Timestamp) {
        self.marked = Some(Marked { mark, day: utc_day(at) });
        self.flows.clear();
    }

    /// Counts money from outside. Before the first mark there is nothing to move along.
    pub(crate) fn count_flow(&mut self, asset: AssetId, amount: Amount) {
        if self.marked.is_none() {
            return;
        }
        let flow = self.flows.entry(asset).or_default();
        *flow = Amount(flow.0.saturating_add(amount.0));
    }

    /// An order that adds nothing passes, and outside a book one that may only close: it makes the account's position smaller.
    /// (A book may have none to close where its account has.)
    pub(crate) fn check(
        &self,
        now: Timestamp,
        valuation: Option<&Result<Valuation, InstrumentId>>,
        added: Added<'_>,
    ) -> Result<(), RefusalReason> {
        let scope = self.settings.scope;
        if added.lots == 0 || (added.is_closing && !matches!(scope, LimitScope::Book(_))) {
            return Ok(());
        }
        let unvalued = |instrument| RefusalReason::NoValuation { scope, instrument };
        let valuation = match valuation {
            Some(Ok(valuation)) => valuation,
            Some(Err(instrument)) => return Err(unvalued(*instrument)),
            None => return Err(unvalued(added.instrument.id())),
        };
        if let Some(worth) = valuation.worth {
            let mark = self.next_mark(worth, now).map_err(|_| RefusalReason::Overflow)?;
            self.breach(&mark).map_or(Ok(()), Err)?;
        }
        let (before, after) = outcomes(valuation, added).map_err(|_| RefusalReason::Overflow)?;
        self.check_exposures(scope, added.side, before, after)?;
        match (self.settings.max_leverage, valuation.worth) {
            (Some(_), None) => Err(unvalued(added.instrument.id())),
            (Some(limit), Some(Worth { equity, .. })) if after.gross > before.gross => {
                let is_beyond = equity.0 <= 0 || is_above(after.gross, limit, equity);
                if is_beyond { Err(RefusalReason::Leverage { scope, gross: after.gross, equity, limit }) } else { Ok(()) }
            }
            (Some(_), Some(_)) | (None, _) => Ok(()),
        }
    }

    /// An order that moves away from a limit passes it.
    fn check_exposures(&self, scope: LimitScope, side: Side, before: Exposures, after: Exposures) -> Result<(), RefusalReason> {
        if let Some(limit) = self.settings.max_gross
            && after.gross > limit
            && after.gross > before.gross
        {
            return Err(RefusalReason::Gross { scope, found: after.gross, limit });
        }
        if let Some(limit) = self.settings.max_net {
            let (found, is_beyond) = match side {
                Side::Buy => (after.high, after.high > limit),
                Side::Sell => (after.low, after.low < limit.negated()),
            };
            if is_beyond {
                return Err(RefusalReason::Net { scope, found, limit });
            }
        }
        match self.settings.max_open_orders {
            Some(limit) if after.open > limit => Err(RefusalReason::OpenOrders { scope, found: after.open, limit }),
            Some(_) | None => Ok(()),
        }
    }

    pub(crate) fn digest(&self, digest: &mut StateDigest) {
        let s = &self.settings;
        digest.unsigned(u64::from(s.currency.0));
        for limit in [s.max_gross, s.max_net, s.max_open_orders, s.max_daily_loss] {
            digest.unsigned(u64::from(limit.is_some())).wide(limit.unwrap_or_default().0);
        }
        for limit in [s.max_leverage, s.max_drawdown] {
            digest.unsigned(u64::from(limit.is_some())).signed(limit.unwrap_or_default().0);
        }
        digest.unsigned(u64::from(self.marked.is_some()));
        if let Some(Marked { mark, day }) = self.marked {
            digest.signed(day).wide(mark.equity.0).wide(mark.day_start.0).wide(mark.high_water.0);
        }
        digest.unsigned(self.flows.len() as u64);
        for (asset, amount) in &self.flows {
            digest.unsigned(u64::from(asset.0)).wide(amount.0);
        }
    }
}

/// The scope without the order and with it.
fn outcomes(valuation: &Valuation, added: Added<'_>) -> Result<(Exposures, Exposures), MoneyError> {
    let Valuation { others, own, price, conversion, .. } = *valuation;
    let value = |lots| conversion.convert(added.instrument.value(price, lots, Rounding::Truncate)?);
    let with = own.with(added.side, added.lots);
    Ok((others.plus(Exposures::of(own, value)?)?, others.plus(Exposures::of(with, value)?)?))
}

/// Whether `amount` is more than `rate` of `of`; what does not fit 128 bits is.
fn is_above(amount: Amount, rate: Rate, of: Amount) -> bool {
    match (amount.0.checked_mul(Rate::ONE), of.0.checked_mul(i128::from(rate.0))) {
        (Some(scaled), Some(allowed)) => scaled > allowed,
        (None, _) | (_, None) => true,
    }
}

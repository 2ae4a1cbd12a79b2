"""A target may use so much risk and no more.

Every limit is a budget in plain units. A target over budget is made smaller, and says by how much and why; a target
that would have to shrink below `min_scale` was not sized by mistake but meant something else, so it is refused. What
only reduces risk is never refused: it is scaled as far as needed, because refusing it would keep the risk on.

A weight that cannot be measured (no bars now, or too few) may be kept or lowered, not raised. It is assumed to lose
`unmeasured_loss_1d` on the worst days, together with everything else, and it is not scaled, since it may not be
tradable.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tradewind.flow import NS_PER_HOUR, Refusal, Target
from tradewind.risk.evidence import Evidence, Floats
from tradewind.risk.tail import historical_cvar, historical_var

STAGE = "risk"
SLACK = 1e-9
"""Relative. A weight sum of 1.0000000002 is a rounding, not a breach."""


@dataclass(frozen=True, slots=True)
class Budgets:
    """Limits on a target. Weights and losses are shares of equity (0.05 = 5 %).

    max_gross, max_net: sum of absolute weights; absolute sum of weights. max_weight: one symbol.
    min_effective_names: least 1 / sum(w²), the number of equal positions of all equity that would be as concentrated.
    max_var_1d, max_cvar_1d: historical one-day loss at `tail_level`. max_daily_volume_share: position over what the
    symbol trades in a day. drawdown_brake, drawdown_stop: between these drawdowns the gross allowed falls linearly from
    `max_gross` to 0. min_scale: least factor a target may be scaled by. beyond_scale: what to do below it.
    unmeasured_loss_1d: assumed tail loss of a weight without history. min_history_days, max_age_ns: data needed to
    judge.

    Raises:
        ValueError: a limit outside its range.
    """

    max_gross: float = 1.0
    max_net: float = 1.0
    max_weight: float = 0.25
    min_effective_names: float = 4.0
    tail_level: float = 0.95
    max_var_1d: float = 0.06
    max_cvar_1d: float = 0.09
    max_daily_volume_share: float = 0.02
    drawdown_brake: float = 0.15
    drawdown_stop: float = 0.40
    min_scale: float = 0.25
    beyond_scale: Literal["refuse", "scale"] = "refuse"
    unmeasured_loss_1d: float = 0.30
    min_history_days: float = 20.0
    max_age_ns: int = 2 * NS_PER_HOUR

    def __post_init__(self) -> None:
        positive = ("max_gross", "max_net", "max_weight", "max_var_1d", "max_cvar_1d", "max_daily_volume_share")
        wrong = [f"{name} = {getattr(self, name)} must be > 0" for name in positive if not getattr(self, name) > 0.0]
        if not self.min_effective_names > 0.0:
            wrong.append(f"min_effective_names = {self.min_effective_names} must be > 0")
        if not 0.0 < self.tail_level < 1.0:
            wrong.append(f"tail_level = {self.tail_level} must be in (0, 1)")
        if not 0.0 < self.drawdown_brake < self.drawdown_stop <= 1.0:
            wrong.append(f"drawdowns {self.drawdown_brake} < {self.drawdown_stop} must rise within (0, 1]")
        if not 0.0 <= self.min_scale <= 1.0 or not 0.0 <= self.unmeasured_loss_1d <= 1.0:
            wrong.append(f"min_scale = {self.min_scale}, unmeasured_loss_1d = {self.unmeasured_loss_1d}: 0 to 1")
        if wrong:
            raise ValueError("; ".join(wrong))


def assess(target: Target, evidence: Evidence, budgets: Budgets) -> Target | Refusal:
    """`target` if it is within budget, a smaller one with the reasons in its notes, or a Refusal.

    Raises:
        ValueError: target and evidence are of different instants, or a weight is not finite.
    """
    if target.ts_ns != evidence.ts_ns:
        raise ValueError(f"target of {target.ts_ns} with evidence of {evidence.ts_ns}; take both at one instant")
    if not all(math.isfinite(w) for w in target.weights.values()):
        raise ValueError(f"a weight of the target of {target.ts_ns} is not finite")
    reduces = _only_reduces(target.weights, evidence.held)
    lacking = _data_lacking(target, evidence, budgets)
    if lacking is not None:
        if not reduces:
            return lacking
        return replace(
            target, notes=(*target.notes, f"risk not measured, accepted as it only reduces: {lacking.reason}")
        )
    may_refuse = budgets.beyond_scale == "refuse" and not reduces
    weights, notes = dict(target.weights), list(target.notes)
    for breach in _name_breaches(target.weights, evidence, budgets):
        if may_refuse and breach.scale < budgets.min_scale:
            return breach.refusal(target.ts_ns, budgets)
        weights[breach.subject] *= breach.scale
        notes.append(f"{breach.subject} scaled by {breach.scale:.3f}: {breach.sentence}")
    breaches = list(_portfolio_breaches(weights, evidence, budgets))
    if breaches:
        worst = min(breaches, key=lambda b: b.scale)
        if may_refuse and worst.scale < budgets.min_scale:
            return worst.refusal(target.ts_ns, budgets)
        weights = {s: w * worst.scale if s in evidence.symbols else w for s, w in weights.items()}
        also = "".join(f"; also {b.sentence}" for b in breaches if b is not worst)
        notes.append(f"scaled by {worst.scale:.3f}: {worst.sentence}{also}")
    return replace(target, weights=weights, notes=tuple(notes))


@dataclass(frozen=True, slots=True)
class _Breach:
    """A limit that is broken, and the factor on what can be traded that would keep it."""

    subject: str
    what: str
    asked: float
    found: float
    limit: float
    scale: float

    @property
    def sentence(self) -> str:
        return f"{self.what} {self.found:.4g}, budget {self.limit:.4g}"

    def refusal(self, ts_ns: int, budgets: Budgets) -> Refusal:
        least = f"scaling by {self.scale:.3f} is below min_scale {budgets.min_scale:.3f}"
        return Refusal(
            ts_ns=ts_ns,
            stage=STAGE,
            reason=f"{self.subject}: {self.sentence}; {least}",
            asked=self.asked,
            found=self.found,
            limit=self.limit,
            remedy="ask for a smaller target (one that only reduces is always accepted), or raise the budget",
        )


@dataclass(frozen=True, slots=True)
class _Use:
    """How much of one budget is used: `fixed` by what cannot be traded, `movable` (times scale^degree) by the rest."""

    what: str
    fixed: float
    movable: float
    limit: float
    degree: int = 1

    @property
    def scale(self) -> float:
        if self.fixed + self.movable <= self.limit * (1.0 + SLACK) + SLACK or self.movable <= 0.0:
            return 1.0
        return float(max(0.0, (self.limit - self.fixed) / self.movable) ** (1.0 / self.degree))


def _only_reduces(asked: Mapping[str, float], held: Mapping[str, float]) -> bool:
    """Every weight between 0 and what is held."""
    return all(
        abs(w) <= abs(held.get(s, 0.0)) + SLACK and w * held.get(s, 0.0) >= 0.0 for s, w in asked.items() if w != 0.0
    )


def _data_lacking(target: Target, evidence: Evidence, budgets: Budgets) -> Refusal | None:
    """Why the evidence is no ground for a judgement, if it is none."""

    def refusal(reason: str, found: float, limit: float, remedy: str) -> Refusal:
        return Refusal(target.ts_ns, STAGE, reason, target.gross, found, limit, remedy)

    if target.gross == 0.0:
        return None
    age_ns = evidence.ts_ns - evidence.as_of_ns
    if age_ns > budgets.max_age_ns:
        hours, limit_hours = age_ns / NS_PER_HOUR, budgets.max_age_ns / NS_PER_HOUR
        reason = f"the newest bar is {hours:.2f} h old, over the limit of {limit_hours:.2f} h"
        return refusal(reason, hours, limit_hours, "wait for fresh bars, or ask for a target that only reduces")
    if evidence.history_days < budgets.min_history_days:
        reason = f"{evidence.history_days:.1f} days of history, fewer than {budgets.min_history_days:.1f}"
        return refusal(reason, evidence.history_days, budgets.min_history_days, "use a longer lookback or start later")
    if not evidence.equity > 0.0:
        return refusal(f"equity is {evidence.equity:.2f}", evidence.equity, 0.0, "fund the account before it trades")
    for symbol, weight in target.weights.items():
        held = evidence.held.get(symbol, 0.0)
        if symbol not in evidence.symbols and abs(weight) > abs(held) + SLACK:
            reason = f"{symbol} cannot be measured (too few bars in its current segment) and would be raised"
            return refusal(reason, weight, held, f"leave {symbol} at or below the weight held until it has history")
    return None


def _name_breaches(weights: Mapping[str, float], evidence: Evidence, budgets: Budgets) -> Iterator[_Breach]:
    """One per measured symbol over its weight or liquidity budget: the tighter of the two."""
    for symbol, volume in zip(evidence.symbols, evidence.dollar_volume_per_day, strict=True):
        weight = abs(weights.get(symbol, 0.0))
        if weight == 0.0:
            continue
        share = weight * evidence.equity / volume if volume > 0.0 else math.inf
        uses = (
            _Use("weight", 0.0, weight, budgets.max_weight),
            _Use("share of daily volume", 0.0, share, budgets.max_daily_volume_share),
        )
        use = min(uses, key=lambda u: u.scale)
        if use.scale < 1.0:
            yield _Breach(symbol, use.what, weight, use.movable, use.limit, use.scale)


def _portfolio_breaches(weights: Mapping[str, float], evidence: Evidence, budgets: Budgets) -> Iterator[_Breach]:
    gross = sum(abs(w) for w in weights.values())
    for use in _uses(weights, evidence, budgets):
        if use.scale < 1.0:
            yield _Breach("portfolio", use.what, gross, use.fixed + use.movable, use.limit, use.scale)


def _uses(weights: Mapping[str, float], evidence: Evidence, budgets: Budgets) -> Iterator[_Use]:
    """Every portfolio budget and what `weights` use of it."""
    movable: Floats = np.array([weights.get(s, 0.0) for s in evidence.symbols], dtype=np.float64)
    fixed: Floats = np.array([w for s, w in weights.items() if s not in evidence.symbols], dtype=np.float64)
    fixed_gross, movable_gross = float(np.abs(fixed).sum()), float(np.abs(movable).sum())
    direction = math.copysign(1.0, float(fixed.sum() + movable.sum()))
    yield _Use("gross exposure", fixed_gross, movable_gross, budgets.max_gross)
    yield _Use("net exposure", direction * float(fixed.sum()), direction * float(movable.sum()), budgets.max_net)
    concentration = 1.0 / budgets.min_effective_names
    yield _Use(
        "concentration (sum of squared weights)", float(fixed @ fixed), float(movable @ movable), concentration, 2
    )
    span = budgets.drawdown_stop - budgets.drawdown_brake
    left = min(1.0, max(0.0, (budgets.drawdown_stop - evidence.drawdown) / span))
    if left < 1.0:
        what = f"gross exposure in a drawdown of {evidence.drawdown:.1%}:"
        yield _Use(what, fixed_gross, movable_gross, budgets.max_gross * left)
    if movable_gross > 0.0 or fixed_gross > 0.0:
        days = evidence.day_returns @ movable
        assumed = fixed_gross * budgets.unmeasured_loss_1d
        level = f"{budgets.tail_level:.0%}"
        yield _Use(f"one-day VaR {level}", assumed, historical_var(days, budgets.tail_level), budgets.max_var_1d)
        yield _Use(f"one-day CVaR {level}", assumed, historical_cvar(days, budgets.tail_level), budgets.max_cvar_1d)

"""Every budget alone, by numbers that can be checked by hand; then all together as properties."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.flow import NS_PER_HOUR, Refusal, Target
from tradewind.risk import Budgets, Evidence, assess, historical_cvar, historical_var

TS = 1_000 * NS_PER_HOUR
NAMES = ("AAA", "BBB", "CCC", "DDD")
# Every budget so wide that it never binds: a test narrows the one it is about.
WIDE = Budgets(
    max_gross=10.0,
    max_net=10.0,
    max_weight=10.0,
    min_effective_names=0.01,
    max_var_1d=10.0,
    max_cvar_1d=10.0,
    max_daily_volume_share=10.0,
)
# Twenty equal days: 19 of nothing and one loss of 10 % in every symbol.
CRASH = np.vstack([np.zeros((19, 4)), np.full((1, 4), -0.10)])


def facts(**changes: Any) -> Evidence:
    plain = Evidence(
        ts_ns=TS,
        as_of_ns=TS,
        symbols=NAMES,
        day_returns=CRASH,
        history_days=30.0,
        dollar_volume_per_day=np.full(4, 1e6),
        held={},
        equity=1e4,
        drawdown=0.0,
    )
    return replace(plain, **changes)


def target(**weights: float) -> Target:
    return Target(ts_ns=TS, weights=weights, method="test", notes=("asked",))


def accepted(result: Target | Refusal) -> Target:
    assert isinstance(result, Target), result
    return result


def refused(result: Target | Refusal) -> Refusal:
    assert isinstance(result, Refusal), result
    return result


EVEN = target(AAA=0.25, BBB=0.25, CCC=0.25, DDD=0.25)


def test_within_budget_is_untouched() -> None:
    assert accepted(assess(EVEN, facts(), WIDE)) == EVEN
    # A sum that is over by a float rounding is not over.
    rounding = target(AAA=0.5000000001, BBB=0.5)
    assert accepted(assess(rounding, facts(), replace(WIDE, max_gross=1.0))) == rounding


@pytest.mark.parametrize(
    ("narrowed", "scale", "says"),
    [
        (replace(WIDE, max_gross=0.5), 0.5, "scaled by 0.500: gross exposure 1, budget 0.5"),
        (replace(WIDE, max_net=0.8), 0.8, "scaled by 0.800: net exposure 1, budget 0.8"),
        # Four equal names of all equity are 1/4; sixteen would be 1/16, so each weight is halved.
        (replace(WIDE, min_effective_names=16.0), 0.5, "concentration (sum of squared weights) 0.25, budget 0.0625"),
        # 5 % of 20 days is the one crash day; at 97 % the crash is the VaR too.
        (replace(WIDE, tail_level=0.97, max_var_1d=0.04), 0.4, "one-day VaR 97% 0.1, budget 0.04"),
        (replace(WIDE, max_cvar_1d=0.07), 0.7, "one-day CVaR 95% 0.1, budget 0.07"),
    ],
)
def test_each_portfolio_budget_scales_all_alike(narrowed: Budgets, scale: float, says: str) -> None:
    result = accepted(assess(EVEN, facts(), narrowed))
    assert result.weights == pytest.approx(dict.fromkeys(NAMES, 0.25 * scale))
    assert result.notes[0] == "asked"
    assert says in result.notes[1]


def test_a_name_over_its_weight_or_volume_is_cut_alone() -> None:
    result = accepted(assess(target(AAA=0.6, BBB=0.2), facts(), replace(WIDE, max_weight=0.3)))
    assert result.weights == pytest.approx({"AAA": 0.3, "BBB": 0.2})
    assert result.notes[1] == "AAA scaled by 0.500: weight 0.6, budget 0.3"
    # 0.4 of 10,000 is 4,000; 2 % of 100,000 a day is 2,000.
    thin = facts(dollar_volume_per_day=np.array([1e6, 1e5, 1e6, 1e6]))
    result = accepted(assess(target(AAA=0.2, BBB=0.4), thin, replace(WIDE, max_daily_volume_share=0.02)))
    assert result.weights == pytest.approx({"AAA": 0.2, "BBB": 0.2})
    assert "share of daily volume 0.04, budget 0.02" in result.notes[1]


def test_several_budgets_name_the_tightest_first() -> None:
    result = accepted(assess(EVEN, facts(), replace(WIDE, max_gross=0.9, max_cvar_1d=0.05)))
    assert result.gross == pytest.approx(0.5)
    assert result.notes[1] == "scaled by 0.500: one-day CVaR 95% 0.1, budget 0.05; also gross exposure 1, budget 0.9"


@pytest.mark.parametrize(("drawdown", "gross"), [(0.1, 1.0), (0.15, 1.0), (0.275, 0.5), (0.325, 0.3)])
def test_the_drawdown_brake_is_linear(drawdown: float, gross: float) -> None:
    braked = replace(WIDE, max_gross=1.0, drawdown_brake=0.15, drawdown_stop=0.40)
    assert accepted(assess(EVEN, facts(drawdown=drawdown), braked)).gross == pytest.approx(gross)


def test_beyond_min_scale_is_refused_with_the_numbers() -> None:
    stopped = refused(assess(EVEN, facts(drawdown=0.5), replace(WIDE, max_gross=1.0)))
    assert (stopped.ts_ns, stopped.stage, stopped.asked, stopped.found, stopped.limit) == (TS, "risk", 1.0, 1.0, 0.0)
    assert "drawdown of 50.0%" in stopped.reason
    thin = facts(dollar_volume_per_day=np.array([1e6, 1e5, 1e6, 0.0]))
    by_name = refused(assess(target(DDD=0.1), thin, replace(WIDE, max_daily_volume_share=0.02)))
    assert by_name.reason.startswith("DDD: share of daily volume inf, budget 0.02")
    var = refused(assess(EVEN, facts(), replace(WIDE, max_cvar_1d=0.02)))
    assert var.found == pytest.approx(0.10)
    assert var.limit == 0.02
    assert "below min_scale 0.250" in var.reason


def test_the_other_policy_scales_however_far() -> None:
    scaling = replace(WIDE, max_gross=1.0, max_cvar_1d=0.002, beyond_scale="scale")
    assert accepted(assess(EVEN, facts(), scaling)).gross == pytest.approx(0.02)
    assert accepted(assess(EVEN, facts(drawdown=0.5), scaling)).gross == 0.0


def test_what_only_reduces_is_never_refused() -> None:
    held = dict.fromkeys(NAMES, 0.3)
    assert accepted(assess(EVEN, facts(drawdown=0.5, held=held), WIDE)).gross == 0.0
    blind = accepted(assess(EVEN, facts(held=held, history_days=1.0), WIDE))
    assert blind.weights == EVEN.weights
    assert blind.notes[1].startswith("risk not measured, accepted as it only reduces")
    raised = target(AAA=0.31, BBB=0.0)
    refused(assess(raised, facts(held=held, history_days=1.0), WIDE))


@pytest.mark.parametrize(
    ("changes", "found", "limit", "says"),
    [
        ({"as_of_ns": TS - 3 * NS_PER_HOUR}, 3.0, 2.0, "3.00 h old"),
        ({"history_days": 5.0}, 5.0, 20.0, "5.0 days of history"),
        ({"equity": 0.0}, 0.0, 0.0, "equity is 0.00"),
        ({"symbols": ("AAA", "BBB", "CCC", "ZZZ")}, 0.25, 0.0, "DDD cannot be measured"),
    ],
)
def test_no_judgement_without_data(changes: dict[str, object], found: float, limit: float, says: str) -> None:
    refusal = refused(assess(EVEN, facts(**changes), WIDE))
    assert (refusal.found, refusal.limit) == (found, limit)
    assert says in refusal.reason
    flat = target(AAA=0.0)
    assert accepted(assess(flat, facts(**changes), WIDE)) == flat


def test_an_unmeasured_weight_is_kept_and_counted() -> None:
    # ICE cannot be traded: 0.1 of equity that is assumed to lose 30 %, which takes 3 % of the 8 % budget.
    cold = facts(held={"ICE": 0.1})
    asked = target(ICE=0.1, AAA=0.25, BBB=0.25, CCC=0.25)
    result = accepted(assess(asked, cold, replace(WIDE, max_cvar_1d=0.08)))
    assert result.weights == pytest.approx({"ICE": 0.1, "AAA": 1 / 6, "BBB": 1 / 6, "CCC": 1 / 6})
    refusal = refused(assess(target(ICE=0.11), cold, WIDE))
    assert "ICE cannot be measured" in refusal.reason


def test_instants_must_agree() -> None:
    with pytest.raises(ValueError, match="one instant"):
        assess(EVEN, facts(ts_ns=TS + 1), WIDE)
    with pytest.raises(ValueError, match="not finite"):
        assess(target(AAA=float("nan")), facts(), WIDE)


@pytest.mark.parametrize(
    "wrong", [{"max_gross": 0.0}, {"tail_level": 1.0}, {"drawdown_stop": 0.1}, {"min_scale": 2.0}, {"max_weight": -1.0}]
)
def test_budgets_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong)) if "drawdown_stop" not in wrong else "drawdowns"):
        Budgets(**wrong)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Target, Evidence, Budgets]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    weights = rng.dirichlet(np.ones(5)) * draw(st.sampled_from([0.2, 1.0, 3.0]))
    if draw(st.booleans()):
        weights *= rng.choice([-1.0, 1.0], 5)
    asked = dict(zip((*NAMES, "ICE"), weights.tolist(), strict=True))
    evidence = facts(
        day_returns=rng.standard_t(3, (200, 4)) * 0.03,
        dollar_volume_per_day=rng.uniform(1e4, 1e6, 4),
        held={"ICE": asked["ICE"]} | (asked if draw(st.booleans()) else {}),
        drawdown=draw(st.sampled_from([0.0, 0.2, 0.39, 0.6])),
    )
    return target(**asked), evidence, Budgets(beyond_scale=draw(st.sampled_from(["refuse", "scale"])))


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(case=cases())
def test_what_is_accepted_keeps_every_budget_that_trading_can_keep(case: tuple[Target, Evidence, Budgets]) -> None:
    asked, seen, budgets = case
    result = assess(asked, seen, budgets)
    if isinstance(result, Refusal):
        assert budgets.beyond_scale == "refuse"
        assert result.found > result.limit
        return
    for symbol, weight in result.weights.items():
        assert abs(weight) <= abs(asked.weights[symbol]) + 1e-12
        assert weight * asked.weights[symbol] >= 0.0
    assert result.weights["ICE"] == asked.weights["ICE"]
    movable = np.array([result.weights[s] for s in NAMES])
    every = np.append(movable, result.weights["ICE"])
    ice = abs(every[4])
    days = seen.day_returns @ movable
    brake = max_gross = budgets.max_gross
    if seen.drawdown > budgets.drawdown_brake:
        brake = max_gross * max(0.0, (budgets.drawdown_stop - seen.drawdown) / 0.25)
    used = [
        (np.abs(every).sum(), brake, ice),
        (float(every @ every), 1.0 / budgets.min_effective_names, ice**2),
        (historical_var(days, 0.95) + 0.3 * ice, budgets.max_var_1d, 0.3 * ice),
        (historical_cvar(days, 0.95) + 0.3 * ice, budgets.max_cvar_1d, 0.3 * ice),
    ]
    for found, limit, fixed in used:
        assert found <= max(limit, fixed) * (1 + 1e-6) + 1e-8
    assert (np.abs(movable) <= budgets.max_weight + 1e-9).all()
    assert (np.abs(movable) * seen.equity <= 0.02 * seen.dollar_volume_per_day * (1 + 1e-9) + 1e-6).all()
    assert (result == asked) == (len(result.notes) == len(asked.notes))


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(case=cases())
def test_assessing_twice_changes_nothing_more(case: tuple[Target, Evidence, Budgets]) -> None:
    asked, seen, budgets = case
    once = assess(asked, seen, budgets)
    assert assess(asked, seen, budgets) == once
    if isinstance(once, Target):
        again = assess(once, seen, budgets)
        assert isinstance(again, Target)
        assert again.weights == pytest.approx(once.weights, abs=1e-7)

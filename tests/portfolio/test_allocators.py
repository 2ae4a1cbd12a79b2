"""Allocators against closed forms, optimality conditions and other libraries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf as sklearn_ledoit_wolf

from tradewind.flow import NS_PER_DAY, NS_PER_HOUR
from tradewind.portfolio import (
    AllocationFailed,
    EqualWeight,
    EquilibriumTilt,
    MeanVariance,
    MinimumVariance,
    RiskParity,
    View,
    expected_volatility,
    ledoit_wolf,
    volatility_target,
)


def made_view(seed: int, n: int, rows: int = 240, **changes: Any) -> View:
    """A seeded one-factor market of n symbols, daily returns, nothing held."""
    rng = np.random.default_rng(seed)
    factor = rng.normal(0.0, 0.03, (rows, 1)) * rng.uniform(0.5, 1.5, n)
    plain = View(
        ts_ns=1,
        symbols=tuple(f"S{i:02d}" for i in range(n)),
        expected_returns=rng.normal(0.004, 0.01, n),
        returns=factor + rng.normal(0.0, 1.0, (rows, n)) * rng.uniform(0.01, 0.04, n),
        current_weights=np.zeros(n),
        cost_bps=np.full(n, 12.0),
        eligible=np.ones(n, dtype=np.bool_),
        return_ns=NS_PER_DAY,
        horizon_returns=3.0,
    )
    return replace(plain, **changes)


def weights_of(target_weights: Mapping[str, float], view: View) -> np.ndarray:
    return np.array([target_weights[s] for s in view.symbols])


@pytest.mark.parametrize(("seed", "n", "rows"), [(1, 3, 30), (2, 25, 30), (3, 25, 700), (4, 1, 50)])
def test_shrinkage_is_that_of_scikit_learn(seed: int, n: int, rows: int) -> None:
    returns = made_view(seed, n, rows).returns
    theirs, _ = sklearn_ledoit_wolf(returns)
    np.testing.assert_allclose(ledoit_wolf(returns), theirs, rtol=1e-10)


def test_two_assets_have_the_closed_form_of_least_variance() -> None:
    view = made_view(5, 2)
    s = ledoit_wolf(view.returns)
    first = (s[1, 1] - s[0, 1]) / (s[0, 0] + s[1, 1] - 2.0 * s[0, 1])
    assert 0.05 < first < 0.95, "the example must have its optimum inside the bounds"
    np.testing.assert_allclose(weights_of(MinimumVariance()(view).weights, view), [first, 1.0 - first], atol=1e-6)


def test_least_variance_is_that_of_skfolio() -> None:
    from skfolio.moments import LedoitWolf
    from skfolio.optimization import MeanRisk
    from skfolio.prior import EmpiricalPrior

    for seed, n in ((6, 8), (7, 25)):
        view = made_view(seed, n)
        prior = EmpiricalPrior(covariance_estimator=LedoitWolf())
        theirs = MeanRisk(prior_estimator=prior, max_weights=0.2).fit(view.returns).weights_
        mine = weights_of(MinimumVariance(max_weight=0.2)(view).weights, view)
        s = ledoit_wolf(view.returns)
        assert mine @ s @ mine <= theirs @ s @ theirs * (1.0 + 1e-6)
        np.testing.assert_allclose(mine, theirs, atol=2e-3)


def test_equal_risk_is_that_of_skfolio_and_equal() -> None:
    from skfolio.moments import LedoitWolf
    from skfolio.optimization import RiskBudgeting
    from skfolio.prior import EmpiricalPrior

    view = made_view(8, 12)
    mine = weights_of(RiskParity()(view).weights, view)
    contributions = mine * (ledoit_wolf(view.returns) @ mine)
    np.testing.assert_allclose(contributions / contributions.sum(), np.full(12, 1 / 12), rtol=1e-6)
    prior = EmpiricalPrior(covariance_estimator=LedoitWolf())
    theirs = RiskBudgeting(prior_estimator=prior).fit(view.returns).weights_
    np.testing.assert_allclose(mine, theirs, atol=2e-3)


@pytest.mark.parametrize("seed", range(6))
def test_mean_variance_satisfies_its_optimality_conditions(seed: int) -> None:
    """KKT, written out by hand: no feasible direction from the answer gains anything."""
    rng = np.random.default_rng(seed + 100)
    n, cap, gamma = 10, 0.3, 8.0
    held = rng.dirichlet(np.ones(n)) * 0.9
    view = made_view(seed, n, current_weights=held, cost_bps=rng.uniform(2.0, 40.0, n))
    w = weights_of(MeanVariance(risk_aversion=gamma, max_weight=cap)(view).weights, view)
    slope = view.expected_returns - gamma * (ledoit_wolf(view.returns) * view.horizon_returns) @ w
    cost = view.cost_bps * 1e-4
    bought, sold = w > held + 1e-6, w < held - 1e-6
    # Marginal gain of one more unit, and of one unit less, after paying for the trade.
    more = slope - np.where(sold, -cost, cost)
    less = -slope - np.where(bought, -cost, cost)
    room_up, room_down = w < cap - 1e-6, w > 1e-6
    tolerance = 1e-6
    best_more = more[room_up].max(initial=-np.inf)
    best_less = less[room_down].max(initial=-np.inf)
    assert best_more + best_less <= tolerance, "moving a unit from one symbol to another would gain"
    assert best_less <= tolerance, "moving a unit to cash would gain"
    if w.sum() < 1.0 - 1e-6:
        assert best_more <= tolerance, "moving a unit from cash would gain"


def test_mean_variance_is_that_of_an_independent_formulation() -> None:
    """The same objective handed to another solver, without parameters, scaling or shared code."""
    import cvxpy as cp

    view = made_view(21, 15, current_weights=np.full(15, 0.05))
    sigma = ledoit_wolf(view.returns) * view.horizon_returns
    w = cp.Variable(15)
    cost = cp.sum(cp.multiply(view.cost_bps * 1e-4, cp.abs(w - view.current_weights)))
    gain = view.expected_returns @ w - 2.5 * cp.quad_form(w, cp.psd_wrap(sigma)) - cost
    problem = cp.Problem(cp.Maximize(gain), [w >= 0, w <= 0.25, cp.sum(w) <= 1])
    best = problem.solve(solver=cp.OSQP, eps_abs=1e-10, eps_rel=1e-10, max_iter=100_000)
    mine = weights_of(MeanVariance(risk_aversion=5.0, max_weight=0.25)(view).weights, view)
    np.testing.assert_allclose(mine, w.value, atol=1e-4)
    w.value = mine
    assert gain.value == pytest.approx(best, abs=1e-9)


def test_scale_laws_of_mean_variance() -> None:
    view = made_view(30, 9, current_weights=np.full(9, 0.06))
    base = weights_of(MeanVariance(risk_aversion=6.0)(view).weights, view)
    k = 0.05
    small = replace(
        view, returns=view.returns * k, expected_returns=view.expected_returns * k, cost_bps=view.cost_bps * k
    )
    scaled = weights_of(MeanVariance(risk_aversion=6.0 / k)(small).weights, small)
    np.testing.assert_allclose(base, scaled, atol=1e-5)
    wary = MeanVariance(risk_aversion=60.0)(replace(view, cost_bps=np.zeros(9))).gross
    bold = MeanVariance(risk_aversion=6.0)(replace(view, cost_bps=np.zeros(9))).gross
    assert wary <= bold + 1e-6


def test_high_cost_means_no_trade_and_no_gain_means_cash() -> None:
    held = np.array([0.3, 0.2, 0.1])
    view = made_view(31, 3, current_weights=held)
    stay = MeanVariance()(replace(view, cost_bps=np.full(3, 5_000.0)))
    np.testing.assert_allclose(weights_of(stay.weights, view), held, atol=1e-6)
    worthless = replace(view, expected_returns=np.full(3, -0.05), cost_bps=np.zeros(3))
    assert MeanVariance()(worthless).gross == 0.0


@pytest.mark.parametrize("allocator", [MinimumVariance, MeanVariance])
def test_a_solver_that_fails_follows_the_stated_policy(allocator: type[MinimumVariance] | type[MeanVariance]) -> None:
    held = np.array([0.5, 0.1, 0.0, 0.2, 0.1])
    view = made_view(40, 5, current_weights=held)
    with pytest.raises(AllocationFailed, match="raise max_iterations or set on_failure"):
        allocator(on_failure="raise", max_iterations=1)(view)
    kept = allocator(on_failure="hold", max_iterations=1)(view)
    np.testing.assert_array_equal(weights_of(kept.weights, view), held)
    assert "the weights held are kept" in kept.notes[-1]
    equal = allocator(on_failure="equal_weight", max_iterations=1)(view)
    np.testing.assert_allclose(weights_of(equal.weights, view), np.full(5, 0.2))
    assert "equal weights instead" in equal.notes[-1]
    assert allocator(on_failure="raise")(view).notes == ()


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="max_weight"):
        EqualWeight(max_weight=0.0)
    with pytest.raises(ValueError, match="max_weight"):
        RiskParity(max_weight=1.5)
    with pytest.raises(ValueError, match="risk_aversion"):
        MeanVariance(risk_aversion=0.0)


def test_volatility_target_scales_to_cash_exactly_and_never_up() -> None:
    view = made_view(50, 6)
    target = EqualWeight()(view)
    w = weights_of(target.weights, view)
    by_hand = float(np.sqrt(w @ ledoit_wolf(view.returns) @ w * 365))
    assert expected_volatility(target, view) == pytest.approx(by_hand)
    calm = volatility_target(target, view, by_hand / 3.0)
    assert expected_volatility(calm, view) == pytest.approx(by_hand / 3.0)
    assert calm.gross == pytest.approx(1.0 / 3.0)
    assert calm.notes[-1].startswith("scaled by 0.333")
    assert calm.method == "equal_weight+volatility_target"
    assert volatility_target(target, view, by_hand * 2.0).weights == target.weights
    assert target.gross == pytest.approx(1.0), "the overlay must not touch its input"


def test_volatility_counts_the_length_of_a_return() -> None:
    daily = made_view(51, 4)
    hourly = replace(daily, return_ns=NS_PER_HOUR)
    target = EqualWeight()(daily)
    ratio = expected_volatility(target, hourly) / expected_volatility(target, daily)
    assert ratio == pytest.approx(np.sqrt(24.0))


def test_volatility_leaves_frozen_weights_and_refuses_strangers() -> None:
    view = made_view(52, 4, frozen={"ICE": 0.3})
    calm = volatility_target(EqualWeight()(view), view, 0.01)
    assert calm.weights["ICE"] == 0.3
    with pytest.raises(ValueError, match="does not measure S00"):
        volatility_target(EqualWeight()(made_view(52, 4)), replace(view, symbols=("A", "B", "C", "D")), 0.3)
    with pytest.raises(ValueError, match="annual_volatility"):
        volatility_target(EqualWeight()(view), view, 0.0)


def test_without_forecast_and_cost_the_equilibrium_is_equal_weights() -> None:
    silent = made_view(11, 8, expected_returns=np.zeros(8), cost_bps=np.zeros(8))
    np.testing.assert_allclose(weights_of(EquilibriumTilt()(silent).weights, silent), np.full(8, 1 / 8), atol=1e-4)


def test_the_tilt_follows_the_forecast() -> None:
    view = made_view(12, 8, expected_returns=np.array([0.004, *np.zeros(6), -0.004]), cost_bps=np.zeros(8))
    w = weights_of(EquilibriumTilt()(view).weights, view)
    assert w[0] == w.max() > 1 / 8 > w.min() == w[7]

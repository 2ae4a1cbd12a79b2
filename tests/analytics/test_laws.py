"""Laws that hold for every return series, checked by search."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tradewind.analytics import learning, performance, risk_measures, robustness, significance
from tradewind.flow import Undefined

returns_lists = st.lists(st.floats(-0.3, 0.3, allow_nan=False), min_size=25, max_size=120)


def curve(returns):
    return 1_000.0 * np.concatenate(([1.0], np.cumprod(1.0 + np.asarray(returns))))


@settings(max_examples=40, deadline=None)
@given(returns_lists, st.floats(0.05, 3.0))
def test_ratios_do_not_depend_on_leverage(values, factor):
    returns = np.asarray(values)
    assume(performance.varies(returns) and np.std(returns) > 1e-6)
    for ratio in (performance.sharpe, performance.sortino, performance.omega, significance.psr):
        one, other = ratio(returns, 0.0), ratio(factor * returns, 0.0)
        assert isinstance(one, Undefined) == isinstance(other, Undefined)
        if not isinstance(one, Undefined):
            assert other == pytest.approx(one, rel=1e-6, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(returns_lists, st.randoms(use_true_random=False))
def test_statistics_of_returns_do_not_depend_on_their_order(values, chance):
    returns = np.asarray(values)
    shuffled = np.asarray(chance.sample(values, len(values)))
    for metric in (
        risk_measures.volatility_ann_pct,
        risk_measures.var_95_1d,
        risk_measures.cvar_95_1d,
        risk_measures.worst_day_pct,
    ):
        assert metric(shuffled) == pytest.approx(metric(returns), rel=1e-9, abs=1e-12)
    one, other = performance.sharpe(returns, 0.0), performance.sharpe(shuffled, 0.0)
    if not isinstance(one, Undefined) and not isinstance(other, Undefined):
        assert other == pytest.approx(one, rel=1e-6, abs=1e-9)
    assert performance.total_return_pct(curve(shuffled)) == pytest.approx(
        performance.total_return_pct(curve(returns)), abs=1e-6
    )


@settings(max_examples=40, deadline=None)
@given(returns_lists)
def test_bounds_of_drawdown_and_tails(values):
    returns, equity = np.asarray(values), curve(values)
    depth = risk_measures.max_drawdown_pct(equity)
    assert -100.0 <= depth <= 0.0
    assert depth <= min(0.0, risk_measures.worst_day_pct(returns)) + 1e-9
    assert depth <= min(0.0, performance.total_return_pct(equity)) + 1e-9
    assert 0.0 <= performance.ulcer_index(equity) <= -depth + 1e-9
    assert risk_measures.cvar_95_1d(returns) <= risk_measures.var_95_1d(returns) + 1e-12
    finer = np.insert(equity, 1, equity[0] * 0.5)
    assert risk_measures.max_drawdown_intraday_pct(finer) <= depth + 1e-9
    assert risk_measures.max_drawdown_pct(7.0 * equity) == pytest.approx(depth)


@settings(max_examples=40, deadline=None)
@given(returns_lists)
def test_the_interval_holds_the_ratio_and_psr_agrees_with_its_sign(values):
    returns = np.asarray(values)
    ratio, psr = performance.sharpe(returns, 0.0), significance.psr(returns, 0.0)
    low, high = significance.sharpe_ci95_low(returns, 0.0), significance.sharpe_ci95_high(returns, 0.0)
    assume(not any(isinstance(v, Undefined) for v in (ratio, psr, low, high)))
    assert low < ratio < high
    assert 0.0 <= psr <= 1.0
    assert (psr > 0.5) == (ratio > 0.0) or abs(ratio) < 1e-9
    assert (psr > 0.975) == (low > 0.0) or abs(psr - 0.975) < 1e-9


def test_a_run_against_itself_has_beta_one_and_no_alpha():
    returns = np.random.default_rng(2).normal(0.001, 0.02, 200)
    assert performance.beta(returns, returns) == pytest.approx(1.0)
    assert performance.alpha(returns, returns, 0.0) == pytest.approx(0.0, abs=1e-12)
    assert performance.correlation(returns, returns) == pytest.approx(1.0)
    assert isinstance(performance.information_ratio(returns, returns), Undefined)


def test_redrawn_paths_repeat_by_seed_and_surround_the_run():
    returns = np.random.default_rng(4).normal(0.001, 0.02, 300)
    one, same, other = (robustness.redraw(returns, seed) for seed in (1, 1, 2))
    assert np.array_equal(one.cagr_pct, same.cagr_pct)
    assert not np.array_equal(one.cagr_pct, other.cagr_pct)
    own = performance.cagr_pct(curve(returns), 300.0)
    assert robustness.mc_cagr_pct_p05(one) < own < robustness.mc_cagr_pct_p95(one)
    assert (one.max_drawdown_pct <= 0.0).all()
    assert isinstance(robustness.redraw(returns[:10], 1), Undefined)


def test_redrawn_blocks_keep_their_length():
    """A series that alternates stays alternating within blocks: steps by one day are nine in ten."""
    rows = robustness._block_indices(1_000, np.random.default_rng(0))
    follows = (np.diff(rows, axis=1) % 1_000) == 1
    assert follows.mean() == pytest.approx(1.0 - 1.0 / robustness.MEAN_BLOCK_DAYS, abs=0.002)


def test_perfect_and_useless_forecasts(world):
    bars = world.synthetic_bars(days=60)
    perfect = learning.scored_forecasts(world.forecast_of(bars, skill=1.0))
    per_instant = learning.coefficients(perfect)
    assert learning.ic(per_instant) == pytest.approx(1.0)
    assert learning.rank_ic(per_instant) == pytest.approx(1.0)
    assert learning.hit_rate(perfect) == 1.0
    assert learning.calibration_error(perfect) > 0.0
    useless = learning.scored_forecasts(world.forecast_of(bars, skill=0.0))
    assert abs(learning.ic(learning.coefficients(useless))) < 0.12
    assert learning.hit_rate(useless) == pytest.approx(0.5, abs=0.08)


def test_coefficients_agree_with_scipy_instant_by_instant(world):
    from scipy import stats

    scored = learning.scored_forecasts(world.forecast_of(world.synthetic_bars(days=40)))
    found = learning.coefficients(scored)
    for row in found.head(10).iter_rows(named=True):
        own = scored.filter(scored["ts_ns"] == row["ts_ns"])
        assert row["ic"] == pytest.approx(stats.pearsonr(own["expected_return"], own["realised_return"]).statistic)
        assert row["rank_ic"] == pytest.approx(
            stats.spearmanr(own["expected_return"], own["realised_return"]).statistic
        )

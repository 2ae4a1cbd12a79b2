"""Metrics against other libraries, published examples and hand-worked numbers."""

from __future__ import annotations

import empyrical
import numpy as np
import polars as pl
import pytest
from scipy import stats

from tradewind.analytics import performance, risk_measures, significance
from tradewind.analytics.daily import sample_daily
from tradewind.flow import NS_PER_DAY, NS_PER_HOUR, Undefined

DAY = NS_PER_DAY


@pytest.fixture(scope="module", params=[1, 2, 3])
def sample(request):
    chance = np.random.default_rng(request.param)
    benchmark = chance.standard_t(4, 400) * 0.02
    returns = 0.6 * benchmark + chance.standard_t(5, 400) * 0.01 + 0.0005
    equity = 10_000.0 * np.concatenate(([1.0], np.cumprod(1.0 + returns)))
    return returns, benchmark, equity


def test_ratios_agree_with_empyrical(sample):
    returns, benchmark, equity = sample
    year = {"annualization": 365}
    assert performance.sharpe(returns, 0.0) == pytest.approx(empyrical.sharpe_ratio(returns, **year))
    assert performance.sharpe(returns, 0.0001) == pytest.approx(empyrical.sharpe_ratio(returns, 0.0001, **year))
    assert performance.sortino(returns, 0.0) == pytest.approx(empyrical.sortino_ratio(returns, **year))
    assert performance.calmar(equity, 400.0) == pytest.approx(empyrical.calmar_ratio(returns, **year))
    assert performance.omega(returns, 0.0) == pytest.approx(empyrical.omega_ratio(returns, annualization=1))
    assert performance.cagr_pct(equity, 400.0) == pytest.approx(100 * empyrical.annual_return(returns, **year))
    assert performance.beta(returns, benchmark) == pytest.approx(empyrical.beta(returns, benchmark))
    excess = empyrical.excess_sharpe(returns, benchmark) * np.sqrt(365)
    assert performance.information_ratio(returns, benchmark) == pytest.approx(excess)


def test_risk_agrees_with_empyrical(sample):
    returns, _, equity = sample
    volatility = 100 * empyrical.annual_volatility(returns, annualization=365)
    assert risk_measures.volatility_ann_pct(returns) == pytest.approx(volatility)
    assert risk_measures.max_drawdown_pct(equity) == pytest.approx(100 * empyrical.max_drawdown(returns))
    assert risk_measures.var_95_1d(returns) == pytest.approx(empyrical.value_at_risk(returns))
    assert risk_measures.cvar_95_1d(returns) == pytest.approx(empyrical.conditional_value_at_risk(returns))
    assert risk_measures.tail_ratio(returns) == pytest.approx(empyrical.tail_ratio(returns))


def test_moments_and_regression_agree_with_scipy(sample):
    returns, benchmark, _ = sample
    assert risk_measures.skew(returns) == pytest.approx(stats.skew(returns))
    assert risk_measures.kurtosis(returns) == pytest.approx(stats.kurtosis(returns, fisher=False))
    line = stats.linregress(benchmark, returns)
    assert performance.beta(returns, benchmark) == pytest.approx(line.slope)
    assert performance.alpha(returns, benchmark, 0.0) == pytest.approx(365 * line.intercept)
    assert performance.correlation(returns, benchmark) == pytest.approx(line.rvalue)


def test_probabilistic_sharpe_of_the_2012_paper():
    """Bailey & López de Prado 2012, hedge-fund example: monthly SR 0.458 over 24 months; normal, then skewed."""
    assert significance.probabilistic_sharpe(0.458, 0.0, 24, 0.0, 3.0) == pytest.approx(0.982, abs=5e-4)
    assert significance.probabilistic_sharpe(0.458, 0.0, 24, -2.448, 10.164) == pytest.approx(0.913, abs=5e-4)


def test_deflated_sharpe_of_the_2014_paper():
    """Bailey & López de Prado 2014, numerical example: annual SR 2.5 over 1,250 days, 100 trials of variance 1/2."""
    hurdle = significance.expected_best_sharpe(100, 0.5 / 250)
    assert hurdle == pytest.approx(0.1132, abs=5e-5)
    ratio = 2.5 / np.sqrt(250)
    assert significance.probabilistic_sharpe(ratio, hurdle, 1250, -3.0, 10.0) == pytest.approx(0.9004, abs=1e-4)
    fewer = significance.expected_best_sharpe(46, 0.5 / 250)
    assert significance.probabilistic_sharpe(ratio, fewer, 1250, -3.0, 10.0) == pytest.approx(0.9505, abs=1e-4)


def test_interval_covers_the_true_sharpe_about_95_times_in_100():
    chance = np.random.default_rng(11)
    truth = 0.05 * np.sqrt(365)
    inside = 0
    for _ in range(600):
        returns = chance.normal(0.05, 1.0, 365)
        inside += significance.sharpe_ci95_low(returns, 0.0) <= truth <= significance.sharpe_ci95_high(returns, 0.0)
    assert 0.93 <= inside / 600 <= 0.97


def test_psr_is_half_where_the_interval_is_centred_on_the_hurdle():
    returns = np.tile([0.01, -0.01], 50) + 0.0
    assert significance.psr(returns, 0.0) == pytest.approx(0.5)
    assert significance.dsr(returns, 0.0, 1, ()) == Undefined("1 trial: nothing to deflate, see psr")


def test_dsr_falls_with_trials_and_with_their_spread():
    returns = np.random.default_rng(5).normal(0.1, 1.0, 500)
    by_trials = [significance.dsr(returns, 0.0, n, ()) for n in (2, 10, 100, 1000)]
    assert by_trials == sorted(by_trials, reverse=True)
    narrow, wide = (significance.dsr(returns, 0.0, 10, spread) for spread in ((0.01, 0.02), (-0.2, 0.3)))
    assert narrow > wide


HAND = np.array([100.0, 110.0, 99.0, 88.0, 121.0, 115.0, 120.0])
HAND_NS = np.arange(7) * DAY + 1


def test_drawdowns_by_hand():
    assert risk_measures.max_drawdown_pct(HAND) == pytest.approx(-20.0)
    assert risk_measures.max_drawdown_abs(HAND) == pytest.approx(-22.0)
    assert risk_measures.max_drawdown_start(HAND, HAND_NS) == "1970-01-02"
    assert risk_measures.max_drawdown_trough(HAND, HAND_NS) == "1970-01-04"
    assert risk_measures.max_drawdown_recovery(HAND, HAND_NS) == "1970-01-05"
    assert risk_measures.longest_underwater_days(HAND, HAND_NS) == 3.0
    assert performance.ulcer_index(HAND) == pytest.approx(
        100 * np.sqrt((0.1**2 + 0.2**2 + (6 / 121) ** 2 + (1 / 121) ** 2) / 7)
    )
    assert performance.recovery_factor(HAND) == pytest.approx(20 / 22)


def test_underwater_until_the_end_and_never():
    falling = np.array([100.0, 120.0, 110.0, 100.0])
    assert risk_measures.longest_underwater_days(falling, HAND_NS[:4]) == 2.0
    assert isinstance(risk_measures.max_drawdown_recovery(falling, HAND_NS[:4]), Undefined)
    rising = np.array([1.0, 2.0, 2.0, 3.0])
    assert risk_measures.longest_underwater_days(rising, HAND_NS[:4]) == 0.0
    assert isinstance(risk_measures.max_drawdown_start(rising, HAND_NS[:4]), Undefined)


def test_ten_day_windows_do_not_span_unobserved_days():
    equity = np.cumprod(np.full(300, 1.001))
    day = np.arange(300)
    assert risk_measures.var_99_10d(equity, day) == pytest.approx(1.001**10 - 1)
    torn = np.where(day >= 105, day + 5, day)
    assert risk_measures.var_99_10d(equity, torn) == pytest.approx(1.001**10 - 1)
    assert isinstance(risk_measures.var_99_10d(equity[:105], day[:105]), Undefined)


def marks(*rows):
    return pl.DataFrame(rows, schema={"ts_ns": pl.Int64, "equity": pl.Float64}, orient="row")


def test_midnight_closes_the_day_before_and_partial_days_count_once():
    noon = DAY // 2
    daily = sample_daily(
        marks((noon + NS_PER_HOUR, 101.0), (DAY, 102.0), (DAY + 1, 50.0), (2 * DAY, 104.0), (2 * DAY + 5, 103.0)),
        noon,
        100.0,
    )
    assert daily.equity.tolist() == [100.0, 102.0, 104.0, 103.0]
    assert daily.ts_ns.tolist() == [noon, DAY, 2 * DAY, 2 * DAY + 5]
    assert daily.returns == pytest.approx([0.02, 104 / 102 - 1, 103 / 104 - 1])


def test_a_first_mark_at_the_start_is_not_a_day():
    daily = sample_daily(marks((0, 100.0), (DAY, 101.0)), 0, 100.0)
    assert daily.returns == pytest.approx([0.01])


def test_unobserved_days_bridge_levels_but_give_no_daily_return():
    daily = sample_daily(marks((DAY, 101.0), (5 * DAY, 80.0), (6 * DAY, 88.0)), 0, 100.0)
    assert daily.returns == pytest.approx([0.01, 0.1])
    assert daily.bridged == pytest.approx([80 / 101 - 1])
    assert daily.elapsed_days == 6.0


def test_returns_end_with_ruin():
    daily = sample_daily(marks((DAY, 50.0), (2 * DAY, -10.0), (3 * DAY, 5.0), (4 * DAY, 6.0)), 0, 100.0)
    assert daily.returns == pytest.approx([-0.5, -1.2])
    assert performance.cagr_pct(np.array([100.0, -1.0]), 30.0) == -100.0


@pytest.mark.parametrize(
    ("frame", "start", "words"),
    [
        (((DAY, float("nan")),), 100.0, "not finite"),
        (((2 * DAY, 1.0), (DAY, 1.0)), 100.0, "sorted"),
        (((DAY, 1.0),), 0.0, "positive"),
    ],
)
def test_unusable_equity_is_refused_with_words(frame, start, words):
    with pytest.raises(ValueError, match=words):
        sample_daily(marks(*frame), 0, start)

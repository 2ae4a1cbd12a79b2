"""VaR and CVaR against hand-worked answers, other libraries and the axioms of coherence."""

from __future__ import annotations

import empyrical
import numpy as np
import pytest
import skfolio.measures
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tradewind.risk import historical_cvar, historical_var

EXAMPLES = settings(max_examples=100, deadline=None, derandomize=True, database=None)
RETURNS = st.integers(1, 60).flatmap(lambda n: arrays(np.float64, n, elements=st.floats(-0.875, 2.0, width=32)))
PAIRS = st.integers(1, 60).flatmap(
    lambda n: st.tuples(*[arrays(np.float64, n, elements=st.floats(-0.875, 2.0, width=32))] * 2)
)
LEVELS = st.sampled_from([0.5, 0.9, 0.95, 0.975, 0.99])


def test_hand_worked() -> None:
    # Ten days; losses sorted: -5 -4 -3 -2 -1 0 1 2 6 10 (percent).
    returns = np.array([-0.10, 0.05, 0.01, -0.02, 0.04, 0.0, -0.06, 0.03, -0.01, 0.02])
    # P(L <= 6 %) = 9/10, the first to reach 0.9; the worst tenth is the one day of 10 %.
    assert historical_var(returns, 0.9) == pytest.approx(0.06)
    assert historical_cvar(returns, 0.9) == pytest.approx(0.10)
    # The worst quarter is 2.5 days: 10, 6 and half of 2 percent, over 2.5.
    assert historical_var(returns, 0.75) == pytest.approx(0.02)
    assert historical_cvar(returns, 0.75) == pytest.approx((0.10 + 0.06 + 0.5 * 0.02) / 2.5)


def test_a_float_just_over_a_whole_rank_is_that_rank() -> None:
    assert 0.55 * 100 > 55.0
    assert historical_var(-np.arange(1.0, 101.0), 0.55) == 55.0


@pytest.mark.parametrize("seed", range(5))
def test_empyrical_agrees_where_it_does_not_interpolate(seed: int) -> None:
    rng = np.random.default_rng(seed)
    # 101 days put its 5th percentile on an observation; 100 days make its tail the 5 worst, a whole number.
    r101, r100 = rng.standard_t(3, 101) * 0.02, rng.standard_t(3, 100) * 0.02
    assert historical_var(r101, 0.95) == pytest.approx(-empyrical.value_at_risk(r101, cutoff=0.05))
    assert historical_cvar(r100, 0.95) == pytest.approx(-empyrical.conditional_value_at_risk(r100, cutoff=0.05))


@pytest.mark.parametrize("n", [7, 20, 99, 100, 697])
def test_skfolio_agrees_on_cvar(n: int) -> None:
    returns = np.random.default_rng(n).standard_t(3, n) * 0.02
    for level in (0.9, 0.95, 0.99):
        assert historical_cvar(returns, level) == pytest.approx(skfolio.measures.cvar(returns, beta=level))


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_cvar_is_the_minimum_of_rockafellar_and_uryasev(level: float) -> None:
    returns = np.random.default_rng(2).normal(0.0, 0.03, 83)
    objective = [x + np.maximum(-returns - x, 0.0).mean() / (1.0 - level) for x in np.sort(-returns)]
    assert historical_cvar(returns, level) == pytest.approx(min(objective))


@EXAMPLES
@given(returns=RETURNS, level=LEVELS)
def test_cvar_is_at_least_var_and_at_most_the_worst_day(returns: np.ndarray, level: float) -> None:
    var, cvar = historical_var(returns, level), historical_cvar(returns, level)
    assert var <= cvar + 1e-12
    assert cvar <= -returns.min() + 1e-9
    assert (-returns <= var).mean() >= level - 1e-9


@EXAMPLES
@given(returns=RETURNS, level=LEVELS, cash=st.floats(-0.5, 0.5), scale=st.floats(0.0, 5.0))
def test_translation_and_positive_homogeneity(returns: np.ndarray, level: float, cash: float, scale: float) -> None:
    for measure in (historical_var, historical_cvar):
        risk = measure(returns, level)
        assert measure(returns + cash, level) == pytest.approx(risk - cash, abs=1e-9)
        assert measure(returns * scale, level) == pytest.approx(risk * scale, abs=1e-9)


@EXAMPLES
@given(pair=PAIRS, level=LEVELS)
def test_monotone_and_subadditive(pair: tuple[np.ndarray, np.ndarray], level: float) -> None:
    a, b = pair
    for measure in (historical_var, historical_cvar):
        assert measure(np.maximum(a, b), level) <= measure(a, level) + 1e-12
    assert historical_cvar(a + b, level) <= historical_cvar(a, level) + historical_cvar(b, level) + 1e-9


def test_input_is_left_alone_and_order_does_not_matter() -> None:
    returns = np.array([0.01, -0.03, 0.02])
    assert historical_cvar(returns, 0.6) == historical_cvar(returns[::-1], 0.6)
    np.testing.assert_array_equal(returns, [0.01, -0.03, 0.02])


@pytest.mark.parametrize(
    ("returns", "level", "says"),
    [
        (np.empty(0), 0.95, "at least one"),
        (np.zeros((2, 2)), 0.95, "shape"),
        (np.array([0.1, np.nan]), 0.95, "not finite"),
        (np.zeros(3), 95.0, "level"),
    ],
)
def test_refuses(returns: np.ndarray, level: float, says: str) -> None:
    for measure in (historical_var, historical_cvar):
        with pytest.raises(ValueError, match=says):
            measure(returns, level)

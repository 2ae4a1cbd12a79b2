"""What every registered allocator must obey. A new one is added to ALLOCATORS and gets all of this."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.flow import NS_PER_DAY, Target
from tradewind.portfolio import ALLOCATORS, Allocator, View

Constructor = Callable[..., Allocator]
EXAMPLES = settings(max_examples=25, deadline=None, derandomize=True, database=None)


pytestmark = pytest.mark.parametrize("name", sorted(ALLOCATORS))


@st.composite
def views(draw: st.DrawFn) -> View:
    """Views of 1 to 8 symbols: some held, some not eligible, some of equity frozen, costs and scales of all sizes."""
    n = draw(st.integers(1, 8))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scale = draw(st.sampled_from([1e-4, 1e-2, 1e-1]))
    held = rng.dirichlet(np.ones(n)) * draw(st.sampled_from([0.0, 0.5, 0.9]))
    factor = rng.normal(0.0, scale, (40, 1))
    return View(
        ts_ns=7,
        symbols=tuple(f"S{i}" for i in range(n)),
        expected_returns=rng.normal(0.0, scale, n),
        returns=factor + rng.normal(0.0, scale, (40, n)) * rng.uniform(0.2, 2.0, n),
        current_weights=held,
        cost_bps=rng.uniform(0.0, 30.0, n),
        eligible=rng.random(n) < 0.8,
        return_ns=NS_PER_DAY,
        horizon_returns=draw(st.sampled_from([0.25, 1.0, 5.0])),
        frozen={"ICE": draw(st.sampled_from([0.05, 0.4, 1.2]))} if draw(st.booleans()) else {},
        notes=("a note of the view",),
    )


def example(n: int, seed: int = 3) -> View:
    rng = np.random.default_rng(seed)
    return View(
        ts_ns=7,
        symbols=tuple(f"S{i}" for i in range(n)),
        expected_returns=rng.normal(0.003, 0.01, n),
        returns=rng.normal(0.0, 0.03, (60, 1)) + rng.normal(0.0, 0.02, (60, n)) * rng.uniform(0.5, 2.0, n),
        current_weights=np.full(n, 0.5 / max(n, 1)),
        cost_bps=np.full(n, 10.0),
        eligible=np.ones(n, dtype=np.bool_),
        return_ns=NS_PER_DAY,
        horizon_returns=1.0,
    )


def row(target: Target, view: View) -> np.ndarray:
    return np.array([target.weights[s] for s in view.symbols])


def turnover(target: Target, view: View) -> float:
    return float(np.abs(row(target, view) - view.current_weights).sum())


def test_it_is_registered_under_its_own_name(name: str) -> None:
    assert ALLOCATORS[name]().name == name


@EXAMPLES
@given(view=views(), cap=st.sampled_from([0.05, 0.3, 1.0]))
def test_long_or_flat_within_cap_and_budget(name: str, view: View, cap: float) -> None:
    target = ALLOCATORS[name](max_weight=cap)(view)
    weights = row(target, view)
    assert np.isfinite(weights).all()
    assert (weights >= 0.0).all()
    assert (weights <= cap + 1e-12).all()
    assert weights.sum() <= view.budget + 1e-9
    assert set(target.weights) == set(view.symbols) | set(view.frozen)
    assert all(target.weights[s] == w for s, w in view.frozen.items())
    assert not any("solver" in note for note in target.notes), "an ordinary view must not need the fallback"


@EXAMPLES
@given(view=views())
def test_what_is_not_eligible_only_falls(name: str, view: View) -> None:
    weights = row(ALLOCATORS[name]()(view), view)
    assert (weights[~view.eligible] <= view.current_weights[~view.eligible] + 1e-12).all()


@EXAMPLES
@given(view=views(), data=st.data())
def test_permuting_symbols_permutes_weights(name: str, view: View, data: st.DataObject) -> None:
    order = np.array(data.draw(st.permutations(range(len(view.symbols)))))
    shuffled = replace(
        view,
        symbols=tuple(view.symbols[i] for i in order),
        expected_returns=view.expected_returns[order],
        returns=view.returns[:, order],
        current_weights=view.current_weights[order],
        cost_bps=view.cost_bps[order],
        eligible=view.eligible[order],
    )
    plain = row(ALLOCATORS[name]()(view), view)
    np.testing.assert_allclose(row(ALLOCATORS[name]()(shuffled), shuffled), plain[order], atol=2e-5)


@EXAMPLES
@given(view=views(), extra_bps=st.sampled_from([1.0, 20.0, 500.0]))
def test_one_more_cost_on_every_trade_never_adds_turnover(name: str, view: View, extra_bps: float) -> None:
    # A cost on one symbol alone may move trading to another; a cost on all alike can only reduce it.
    flat = replace(view, cost_bps=np.full(len(view.symbols), 5.0))
    dear = replace(flat, cost_bps=flat.cost_bps + extra_bps)
    allocator = ALLOCATORS[name]()
    assert turnover(allocator(dear), dear) <= turnover(allocator(flat), flat) + 2e-5


@EXAMPLES
@given(view=views())
def test_same_view_same_target_whatever_was_asked_before(name: str, view: View) -> None:
    first = ALLOCATORS[name]()(view)
    ALLOCATORS[name]()(replace(view, returns=view.returns[::-1] * 3.0, expected_returns=-view.expected_returns))
    assert ALLOCATORS[name]()(view) == first


@EXAMPLES
@given(view=views())
def test_inputs_are_not_changed(name: str, view: View) -> None:
    before = pickle.dumps(view)
    for array in (view.expected_returns, view.returns, view.current_weights, view.cost_bps, view.eligible):
        array.flags.writeable = False
    ALLOCATORS[name]()(view)
    assert pickle.dumps(view) == before


def test_it_carries_time_method_and_notes(name: str) -> None:
    target = ALLOCATORS[name]()(replace(example(4), notes=("seen",)))
    assert (target.ts_ns, target.method, target.notes[0]) == (7, name, "seen")


def test_returns_of_another_size_change_nothing_that_is_only_risk(name: str) -> None:
    view = example(6)
    if name in ("mean_variance", "equilibrium_tilt"):
        # Returns and costs are weighed against variance, so the trade-off scales with them.
        larger = replace(
            view, returns=view.returns * 7, expected_returns=view.expected_returns * 7, cost_bps=view.cost_bps * 7
        )
        scaled = ALLOCATORS[name](risk_aversion=5.0 / 7)(larger)
    else:
        scaled = ALLOCATORS[name]()(replace(view, returns=view.returns * 7))
    np.testing.assert_allclose(row(scaled, view), row(ALLOCATORS[name]()(view), view), atol=2e-5)


def test_twins_get_the_same_weight(name: str) -> None:
    view = example(5)
    twin = replace(
        view,
        returns=np.column_stack([view.returns[:, :4], view.returns[:, 0]]),
        expected_returns=np.append(view.expected_returns[:4], view.expected_returns[0]),
    )
    weights = row(ALLOCATORS[name]()(twin), twin)
    assert weights[0] == pytest.approx(weights[4], abs=2e-5)


def test_nothing_to_hold_is_flat_not_an_error(name: str) -> None:
    assert ALLOCATORS[name]()(example(0)).weights == {}
    barred = replace(example(3), eligible=np.zeros(3, dtype=np.bool_), current_weights=np.zeros(3))
    assert ALLOCATORS[name]()(barred).gross == 0.0


def test_prices_that_do_not_move_are_no_error(name: str) -> None:
    still = replace(example(4), returns=np.zeros((10, 4)))
    one_still = replace(example(4), returns=example(4).returns * np.array([1.0, 1.0, 1.0, 0.0]))
    for view in (still, one_still):
        weights = row(ALLOCATORS[name]()(view), view)
        assert np.isfinite(weights).all()
        assert weights.sum() <= 1.0 + 1e-9


def test_all_of_equity_frozen_buys_nothing(name: str) -> None:
    view = replace(example(3), frozen={"ICE": 1.1}, current_weights=np.zeros(3))
    target = ALLOCATORS[name]()(view)
    np.testing.assert_array_equal(row(target, view), np.zeros(3))
    assert target.weights["ICE"] == 1.1

"""Opinions into weights: four allocators behind one call, `allocator(view) -> Target`.

All are long or flat: 0 <= weight <= max_weight, and the sum is at most what is not frozen; the rest is cash. Each is a
small frozen value of settings without memory, so the same view always gives the same target. When the solver gives no
trustworthy answer the `on_failure` policy decides, and the target says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from tradewind.flow import Target
from tradewind.portfolio.covariance import ledoit_wolf
from tradewind.portfolio.program import SolverFailed, Terms, solve
from tradewind.portfolio.view import Floats, View

BPS = 1e-4
RISK_PARITY_SWEEPS = 500
RISK_PARITY_TOLERANCE = 1e-12

OnFailure = Literal["raise", "hold", "equal_weight"]
"""What to do without a solution: raise AllocationFailed, keep the weights held, or weigh equally."""


class AllocationFailed(Exception):
    """An allocator found no weights and its policy is to raise. Says what was asked, what was found, how to go on."""


class Allocator(Protocol):
    """A View to a Target; `name` is the registered name and becomes `Target.method`."""

    @property
    def name(self) -> str:
        """The registered name."""
        ...

    def __call__(self, view: View) -> Target:
        """Weights for every symbol of `view`, and the frozen ones as they are."""
        ...


@dataclass(frozen=True, slots=True)
class EqualWeight:
    """The same weight in every eligible symbol, at most `max_weight`."""

    max_weight: float = 1.0

    def __post_init__(self) -> None:
        _check_max_weight(self.max_weight)

    @property
    def name(self) -> str:
        """The registered name."""
        return "equal_weight"

    def __call__(self, view: View) -> Target:
        """Equal weights of what is eligible; everything else is sold."""
        upper = np.where(view.eligible, self.max_weight, 0.0)
        return _target(view, _fill(view.eligible.astype(np.float64), upper, view.budget), self.name)


@dataclass(frozen=True, slots=True)
class RiskParity:
    """Every eligible symbol contributes the same risk (equal risk contribution), at most `max_weight`.

    Maillard, Roncalli & Teïletche (2010), solved by cyclical coordinate descent (Griveau-Billion, Richard & Roncalli,
    2013). A binding `max_weight` hands the excess to the others in proportion, so contributions are then only as equal
    as it allows.
    """

    max_weight: float = 1.0

    def __post_init__(self) -> None:
        _check_max_weight(self.max_weight)

    @property
    def name(self) -> str:
        """The registered name."""
        return "risk_parity"

    def __call__(self, view: View) -> Target:
        """Equal-risk weights of what is eligible; everything else is sold."""
        shares = np.zeros(len(view.symbols))
        chosen = np.flatnonzero(view.eligible)
        if chosen.size:
            shares[chosen] = _equal_risk(ledoit_wolf(view.returns[:, chosen]))
        upper = np.where(view.eligible, self.max_weight, 0.0)
        return _target(view, _fill(shares, upper, view.budget), self.name)


@dataclass(frozen=True, slots=True)
class MinimumVariance:
    """The portfolio of least variance under shrunk covariance, invested as far as caps and budget allow."""

    max_weight: float = 1.0
    on_failure: OnFailure = "hold"
    max_iterations: int = 200

    def __post_init__(self) -> None:
        _check_max_weight(self.max_weight)

    @property
    def name(self) -> str:
        """The registered name."""
        return "minimum_variance"

    def __call__(self, view: View) -> Target:
        """Least-variance weights; symbols that are not eligible are held at most as they are.

        Raises:
            AllocationFailed: the solver failed and the policy is "raise".
        """
        n = len(view.symbols)
        upper = view.upper_bounds(self.max_weight)
        investable = min(view.budget, float(upper.sum()))
        if investable <= 0.0:
            return _target(view, np.zeros(n), self.name, ("nothing may be held: no eligible symbol or no free budget",))
        terms = Terms(
            covariance=ledoit_wolf(view.returns),
            risk_aversion=1.0,
            expected_returns=np.zeros(n),
            costs=np.zeros(n),
            current_weights=view.current_weights,
            upper=upper,
            floor=investable,
            budget=investable,
        )
        return _solved(view, terms, self.name, self.on_failure, self.max_iterations)


@dataclass(frozen=True, slots=True)
class MeanVariance:
    """Expected return against variance and the cost of getting there, all over the forecast horizon.

    risk_aversion: gamma in mu'w - gamma/2 w'Σw - cost; the return given up per unit of variance, both over the horizon.
    cost_multiple: 1 charges each trade its one-way cost; 2 charges the round trip (Boyd et al. 2017, section 4.7).
    """

    risk_aversion: float = 5.0
    cost_multiple: float = 1.0
    max_weight: float = 1.0
    on_failure: OnFailure = "hold"
    max_iterations: int = 200

    def __post_init__(self) -> None:
        _check_trade_off(self)

    @property
    def name(self) -> str:
        """The registered name."""
        return "mean_variance"

    def __call__(self, view: View) -> Target:
        """Weights of the best trade from the current weights; cash where nothing pays for its risk and cost.

        Raises:
            AllocationFailed: the solver failed and the policy is "raise".
        """
        return _best_trade(view, self, np.zeros(len(view.symbols)))


@dataclass(frozen=True, slots=True)
class EquilibriumTilt:
    """Forecasts as a tilt away from holding everything alike: mean-variance on equilibrium returns plus expected
    returns.

    The equilibrium returns are those under which equal weights of all eligible symbols would be optimal, Π = gamma Σ
    w_eq (He and Litterman, "The Intuition Behind Black-Litterman Model Portfolios", 1999, eq. 2). Forecasts are
    relative to the cross-section and already shrunk by the skill they have shown, so they are added as they are.
    Without a forecast, and without costs, the answer is equal weights; the parameters are those of `MeanVariance`.
    """

    risk_aversion: float = 5.0
    cost_multiple: float = 1.0
    max_weight: float = 1.0
    on_failure: OnFailure = "hold"
    max_iterations: int = 200

    def __post_init__(self) -> None:
        _check_trade_off(self)

    @property
    def name(self) -> str:
        """The registered name."""
        return "equilibrium_tilt"

    def __call__(self, view: View) -> Target:
        """Weights of the best trade from the current weights, with equal weights as the place to be without opinions.

        Raises:
            AllocationFailed: the solver failed and the policy is "raise".
        """
        upper = view.upper_bounds(self.max_weight)
        reference = _fill(view.eligible.astype(np.float64), np.where(view.eligible, upper, 0.0), view.budget)
        return _best_trade(view, self, reference)


def _best_trade(view: View, of: MeanVariance | EquilibriumTilt, reference: Floats) -> Target:
    """The best trade from the current weights, on the expected returns plus those that make `reference` optimal."""
    if not view.symbols:
        return _target(view, np.zeros(0), of.name)
    covariance = ledoit_wolf(view.returns) * view.horizon_returns
    terms = Terms(
        covariance=covariance,
        risk_aversion=of.risk_aversion,
        expected_returns=view.expected_returns + of.risk_aversion * covariance @ reference,
        costs=view.cost_bps * BPS * of.cost_multiple,
        current_weights=view.current_weights,
        upper=view.upper_bounds(of.max_weight),
        floor=0.0,
        budget=view.budget,
    )
    return _solved(view, terms, of.name, of.on_failure, of.max_iterations)


def _solved(view: View, terms: Terms, name: str, on_failure: OnFailure, max_iterations: int) -> Target:
    """The solved target, or what the policy says without one."""
    try:
        return _target(view, solve(terms, max_iterations), name)
    except SolverFailed as failure:
        asked = f"{name} of {len(view.symbols)} symbols at {view.ts_ns}: {failure}"
        match on_failure:
            case "raise":
                raise AllocationFailed(
                    f"{asked}; raise max_iterations or set on_failure to 'hold' or 'equal_weight'"
                ) from failure
            case "hold":
                return _target(view, view.current_weights, name, (f"{asked}; the weights held are kept",))
            case "equal_weight":
                weights = _fill(
                    view.eligible.astype(np.float64), np.where(view.eligible, terms.upper, 0.0), terms.budget
                )
                return _target(view, weights, name, (f"{asked}; equal weights instead",))


def _target(view: View, weights: Floats, method: str, notes: Sequence[str] = ()) -> Target:
    every = {symbol: float(weight) for symbol, weight in zip(view.symbols, weights, strict=True)}
    return Target(ts_ns=view.ts_ns, weights=every | dict(view.frozen), method=method, notes=(*view.notes, *notes))


def _fill(shares: Floats, upper: Floats, budget: float) -> Floats:
    """Budget handed out in proportion to `shares`, no weight above `upper`; what a cap refuses goes to the others."""
    weights = np.zeros_like(shares)
    open_ = (shares > 0.0) & (upper > 0.0)
    while open_.any():
        left = budget - float(weights[~open_].sum())
        offer = shares / float(shares[open_].sum()) * left
        over = open_ & (offer > upper)
        if not over.any():
            weights[open_] = offer[open_]
            break
        weights[over] = upper[over]
        open_ &= ~over
    return np.minimum(np.maximum(weights, 0.0), upper)


def _equal_risk(covariance: Floats) -> Floats:
    """(n,) weights that sum to 1 and have equal w_i (Σw)_i: the minimum of x'Σx / 2 - sum(ln x) / n, scaled."""
    n = len(covariance)
    mean_variance = float(np.trace(covariance)) / n
    if mean_variance == 0.0:
        return np.full(n, 1.0 / n)
    # A symbol that never moved would ask for an infinite weight; a trace of own variance keeps it finite.
    sigma = covariance / mean_variance + 1e-8 * np.eye(n)
    variances = np.diag(sigma)
    x = 1.0 / np.sqrt(variances)
    for _ in range(RISK_PARITY_SWEEPS):
        before = x.copy()
        for i in range(n):
            others = float(sigma[i] @ x) - variances[i] * x[i]
            x[i] = (-others + np.sqrt(others**2 + 4.0 * variances[i] / n)) / (2.0 * variances[i])
        if float(np.max(np.abs(x / before - 1.0))) < RISK_PARITY_TOLERANCE:
            break
    return x / float(x.sum())


def _check_max_weight(max_weight: float) -> None:
    if not 0.0 < max_weight <= 1.0:
        raise ValueError(f"max_weight = {max_weight}; asked for a share of equity in (0, 1]")


def _check_trade_off(of: MeanVariance | EquilibriumTilt) -> None:
    _check_max_weight(of.max_weight)
    if not (of.risk_aversion > 0.0 and of.cost_multiple >= 0.0):
        raise ValueError(
            f"risk_aversion = {of.risk_aversion} must be > 0, cost_multiple = {of.cost_multiple} must be >= 0"
        )

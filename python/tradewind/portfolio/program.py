"""One convex program that every optimising allocator shares, compiled once per number of assets.

    maximise    mu'w - (gamma / 2) w'Σw - c'|w - w0|
    subject to  0 <= w <= upper,  floor <= sum(w) <= budget

It is eq. 4.1 of Boyd et al., "Multi-Period Trading via Convex Optimization" (2017), long only, cash left out. Data
enter as parameters (disciplined parametrised programming), so that a new day costs a solve and not a new compilation.
An interior-point solver without warm start is used on purpose: the answer depends on the data alone, not on what was
solved before.
"""

from __future__ import annotations

import threading
import warnings
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np

from tradewind.portfolio.view import Floats

TOLERANCE = 1e-9
DUST_WEIGHT = 1e-6
PROGRAMS_KEPT = 64
RIDGE = 1e-12
"""Relative to the scaled problem; gives prices that never moved a root."""


class SolverFailed(Exception):
    """The program has no trustworthy answer; says the solver's own status."""


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """The data of one program over n assets; returns, risk and costs over one period, weights as shares of equity."""

    covariance: Floats
    risk_aversion: float
    expected_returns: Floats
    costs: Floats
    current_weights: Floats
    upper: Floats
    floor: float
    budget: float


def solve(terms: Terms, max_iterations: int) -> Floats:
    """(n,) optimal weights, within bounds exactly; weights under 1e-6 are set to 0.

    Raises:
        SolverFailed: the solver did not reach an optimum within `max_iterations`, or there is none.
    """
    weights = _program(len(terms.upper)).solve(terms, max_iterations)
    weights = np.clip(weights, 0.0, terms.upper)
    weights[weights < DUST_WEIGHT] = 0.0
    invested = float(weights.sum())
    return weights * (terms.budget / invested) if invested > terms.budget else weights


@lru_cache(maxsize=PROGRAMS_KEPT)
def _program(n: int) -> _Program:
    return _Program(n)


def _cvxpy() -> ModuleType:
    """The cvxpy module, imported late: it takes seconds and equal weighting needs none of it."""
    import cvxpy

    return cvxpy


class _Program:
    """The compiled program for n assets. Its parameters are overwritten by every solve, hence the lock."""

    def __init__(self, n: int) -> None:
        cp = _cvxpy()
        self._lock = threading.Lock()
        self._weights = cp.Variable(n)
        traded = cp.Variable(n)
        self._parameters: dict[str, Any] = {
            "root": cp.Parameter((n, n)),
            "gain": cp.Parameter(n),
            "cost": cp.Parameter(n, nonneg=True),
            "current": cp.Parameter(n),
            "upper": cp.Parameter(n, nonneg=True),
            "floor": cp.Parameter(nonneg=True),
            "budget": cp.Parameter(nonneg=True),
        }
        p, w = self._parameters, self._weights
        objective = 0.5 * cp.sum_squares(p["root"] @ w) - p["gain"] @ w + p["cost"] @ traded
        self._problem = cp.Problem(
            cp.Minimize(objective),
            [
                traded >= w - p["current"],
                traded >= p["current"] - w,
                w >= 0,
                w <= p["upper"],
                cp.sum(w) <= p["budget"],
                cp.sum(w) >= p["floor"],
            ],
        )

    def solve(self, terms: Terms, max_iterations: int) -> Floats:
        cp = _cvxpy()
        with self._lock, warnings.catch_warnings():
            # The status says the same, and becomes a note or an error instead of text on a terminal.
            warnings.filterwarnings("ignore", message="Solution may be inaccurate", category=UserWarning)
            self._load(terms)
            try:
                self._problem.solve(
                    solver=cp.CLARABEL,
                    warm_start=False,
                    enforce_dpp=True,
                    max_iter=max_iterations,
                    tol_gap_abs=TOLERANCE,
                    tol_gap_rel=TOLERANCE,
                    tol_feas=TOLERANCE,
                )
            except cp.error.SolverError as error:
                raise SolverFailed(str(error)) from error
            status = str(self._problem.status)
            if status != cp.OPTIMAL or self._weights.value is None:
                raise SolverFailed(f"solver status {status!r} after at most {max_iterations} iterations")
            return np.array(self._weights.value, dtype=np.float64)

    def _load(self, terms: Terms) -> None:
        n = len(terms.upper)
        risk = terms.risk_aversion * terms.covariance
        # Hourly variances are near 1e-5: without a common scale the solver's tolerance would be larger than the
        # problem.
        sizes = (float(np.trace(risk)) / n, float(np.abs(terms.expected_returns).max()), float(terms.costs.max()))
        scale = max(sizes) or 1.0
        p = self._parameters
        p["root"].value = np.linalg.cholesky(risk / scale + RIDGE * np.eye(n)).T
        p["gain"].value = terms.expected_returns / scale
        p["cost"].value = terms.costs / scale
        p["current"].value = terms.current_weights
        p["upper"].value = terms.upper
        p["floor"].value = terms.floor
        p["budget"].value = terms.budget

"""Robustness (METRICS group 8), as far as one run can tell: the spread of outcomes its own days could have produced.

The days of the run are redrawn in blocks (stationary bootstrap: Politis & Romano 1994, "The stationary bootstrap", JASA
89), which keeps short-range dependence; each redrawn path has as many days as the run. Chance is the run's own seed.
What needs other runs (walk-forward efficiency, PBO, doubled costs or latency) is not guessed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tradewind.analytics.daily import DAYS_PER_YEAR, FloatArray, IntArray
from tradewind.flow import Metric, Undefined

PATHS = 1_000
MEAN_BLOCK_DAYS = 10.0
MIN_DAYS = 30


@dataclass(frozen=True, slots=True)
class RedrawnPaths:
    """Per redrawn path: compound annual growth and maximum drawdown, both in percent."""

    cagr_pct: FloatArray
    max_drawdown_pct: FloatArray


def redraw(returns: FloatArray, seed: int) -> RedrawnPaths | Undefined:
    """Bootstrap `PATHS` equity paths from daily returns (stationary bootstrap, mean block 10 days)."""
    if len(returns) < MIN_DAYS:
        return Undefined(f"fewer than {MIN_DAYS} daily returns")
    if (returns <= -1.0).any():
        return Undefined("a day lost the whole account")
    chance = np.random.default_rng(seed)
    rows = _block_indices(len(returns), chance)
    equity = np.cumprod(1.0 + returns[rows], axis=1)
    growth = np.expm1(np.log(equity[:, -1]) * DAYS_PER_YEAR / len(returns))
    peak = np.maximum(np.maximum.accumulate(equity, axis=1), 1.0)
    return RedrawnPaths(100.0 * growth, 100.0 * np.minimum(equity / peak - 1.0, 0.0).min(axis=1))


def mc_cagr_pct_p05(paths: RedrawnPaths) -> Metric:
    """5 % quantile of CAGR over bootstrapped paths, in percent."""
    return float(np.quantile(paths.cagr_pct, 0.05))


def mc_cagr_pct_p50(paths: RedrawnPaths) -> Metric:
    """Median CAGR over bootstrapped paths, in percent."""
    return float(np.quantile(paths.cagr_pct, 0.50))


def mc_cagr_pct_p95(paths: RedrawnPaths) -> Metric:
    """95 % quantile of CAGR over bootstrapped paths, in percent."""
    return float(np.quantile(paths.cagr_pct, 0.95))


def mc_max_drawdown_pct_p05(paths: RedrawnPaths) -> Metric:
    """5 % quantile (the deep end) of maximum drawdown over bootstrapped paths, in percent."""
    return float(np.quantile(paths.max_drawdown_pct, 0.05))


def mc_max_drawdown_pct_p50(paths: RedrawnPaths) -> Metric:
    """Median maximum drawdown over bootstrapped paths, in percent."""
    return float(np.quantile(paths.max_drawdown_pct, 0.50))


def mc_max_drawdown_pct_p95(paths: RedrawnPaths) -> Metric:
    """95 % quantile (the shallow end) of maximum drawdown over bootstrapped paths, in percent."""
    return float(np.quantile(paths.max_drawdown_pct, 0.95))


def _block_indices(days: int, chance: np.random.Generator) -> IntArray:
    """Day indices of every path: a block goes on to the next day, or with probability 1 / mean block starts anew."""
    starts = chance.integers(0, days, size=(PATHS, days))
    fresh = chance.random((PATHS, days)) < 1.0 / MEAN_BLOCK_DAYS
    fresh[:, 0] = True
    column = np.arange(days)
    block = np.maximum.accumulate(np.where(fresh, column, 0), axis=1)
    began = np.take_along_axis(starts, block, axis=1)
    return np.asarray((began + column - block) % days, dtype=np.int64)

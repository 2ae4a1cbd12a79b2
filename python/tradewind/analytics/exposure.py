"""Exposure (METRICS group 7), over the run's own marks, each weighted by the time until the next one.

`marks` is Executions.equity. Leverage and net exposure are shares of equity; marks after ruin do not count.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from tradewind.analytics.daily import FloatArray
from tradewind.flow import Metric, Undefined

TOO_FEW = Undefined("fewer than 2 marks")
NO_MARGIN = Undefined("no margin account: positions were spot")


def time_in_market_pct(marks: pl.DataFrame) -> Metric:
    """Share of time with any position open (gross exposure above zero), in percent."""
    return _scaled(_time_mean((marks["gross_exposure"].to_numpy() > 0.0).astype(np.float64), marks), 100.0)


def gross_leverage_avg(marks: pl.DataFrame) -> Metric:
    """Time-weighted mean of gross exposure over equity."""
    return _time_mean(share_of_equity(marks, "gross_exposure"), marks)


def gross_leverage_max(marks: pl.DataFrame) -> Metric:
    """Highest gross exposure over equity at any mark."""
    return float(np.max(share_of_equity(marks, "gross_exposure"))) if marks.height else TOO_FEW


def net_exposure_avg(marks: pl.DataFrame) -> Metric:
    """Time-weighted mean of net exposure over equity (1 = fully long)."""
    return _time_mean(share_of_equity(marks, "net_exposure"), marks)


def min_margin_buffer() -> Metric:
    """Lowest margin balance over maintenance margin."""
    return NO_MARGIN


def liquidations(orders: pl.DataFrame) -> Metric:
    """Orders that a venue forced to reduce a position."""
    words = pl.concat_str("kind", "reason", separator=" ", ignore_nulls=True).str.to_lowercase()
    return orders.filter(words.str.contains("liquidat")).height


def share_of_equity(marks: pl.DataFrame, column: str) -> FloatArray:
    """A column of the marks over equity; 0 where equity is not positive."""
    equity = marks["equity"].to_numpy().astype(np.float64)
    alive = equity > 0.0
    return np.where(alive, marks[column].to_numpy().astype(np.float64) / np.where(alive, equity, 1.0), 0.0)


def _time_mean(values: FloatArray, marks: pl.DataFrame) -> Metric:
    if marks.height < 2:
        return TOO_FEW
    held = np.diff(marks["ts_ns"].to_numpy().astype(np.int64)).astype(np.float64)
    if held.sum() <= 0.0:
        return TOO_FEW
    return float(np.average(values[:-1], weights=held))


def _scaled(value: Metric, factor: float) -> Metric:
    return value if isinstance(value, Undefined) else float(value) * factor

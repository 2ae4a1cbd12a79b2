"""Risk (METRICS group 4): volatility, drawdown, value at risk and the shape of daily returns; one function per metric.

Losses keep their sign: a drawdown is <= 0, and value at risk is the (usually negative) return that is undershot with
the stated probability. `equity` has the start first; `returns` are simple daily returns.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from tradewind.analytics.daily import DAYS_PER_YEAR, MIN_RETURNS, FloatArray, IntArray
from tradewind.flow import NS_PER_DAY, NS_PER_SECOND, Metric, Undefined

NO_DRAWDOWN = Undefined("no drawdown")
MIN_TAIL_DAYS = 20
MIN_TEN_DAY_WINDOWS = 100


def utc_date(ts_ns: int) -> str:
    """The UTC day that `ts_ns` closes or lies in (midnight closes the day before), as YYYY-MM-DD."""
    return datetime.fromtimestamp((int(ts_ns) - 1) // NS_PER_SECOND, tz=UTC).strftime("%Y-%m-%d")


def volatility_ann_pct(returns: FloatArray) -> Metric:
    """Standard deviation of daily returns (ddof = 1) × √365, in percent; from 10 daily returns on."""
    if len(returns) < MIN_RETURNS:
        return Undefined(f"fewer than {MIN_RETURNS} daily returns")
    return float(100.0 * np.std(returns, ddof=1) * np.sqrt(DAYS_PER_YEAR))


def drawdown_path(equity: FloatArray) -> FloatArray:
    """Equity over its running maximum minus one (<= 0), for each sample."""
    return equity / np.maximum.accumulate(equity) - 1.0


def max_drawdown_pct(equity: FloatArray) -> Metric:
    """Deepest fall of daily equity below its running maximum, in percent (<= 0)."""
    if len(equity) < 2:
        return Undefined("no daily close after the start")
    return float(100.0 * np.min(drawdown_path(equity)))


def max_drawdown_abs(equity: FloatArray) -> Metric:
    """Largest fall of daily equity below its running maximum in quote (<= 0); maybe not the episode of the percent."""
    if len(equity) < 2:
        return Undefined("no daily close after the start")
    return float(np.min(equity - np.maximum.accumulate(equity)))


def max_drawdown_intraday_pct(marks: FloatArray) -> Metric:
    """Deepest fall below the running maximum over every mark of the run, not only daily closes, in percent (<= 0)."""
    if len(marks) < 2:
        return Undefined("no mark after the start")
    return float(100.0 * np.min(drawdown_path(marks)))


def max_drawdown_start(equity: FloatArray, ts_ns: IntArray) -> Metric:
    """UTC date of the peak before the maximum drawdown."""
    trough = _trough(equity)
    return trough if isinstance(trough, Undefined) else utc_date(int(ts_ns[int(np.argmax(equity[: trough + 1]))]))


def max_drawdown_trough(equity: FloatArray, ts_ns: IntArray) -> Metric:
    """UTC date of the lowest point of the maximum drawdown."""
    trough = _trough(equity)
    return trough if isinstance(trough, Undefined) else utc_date(int(ts_ns[trough]))


def max_drawdown_recovery(equity: FloatArray, ts_ns: IntArray) -> Metric:
    """UTC date of the first close back at the peak after the maximum drawdown."""
    trough = _trough(equity)
    if isinstance(trough, Undefined):
        return trough
    back = np.flatnonzero(equity[trough:] >= np.max(equity[: trough + 1]))
    return (
        utc_date(int(ts_ns[trough + int(back[0])])) if len(back) else Undefined("not recovered by the end of the run")
    )


def longest_underwater_days(equity: FloatArray, ts_ns: IntArray) -> Metric:
    """Longest time between a peak and the close that regains it (or the end of the run), in days."""
    if len(equity) < 2:
        return Undefined("no daily close after the start")
    peaks = np.flatnonzero(equity >= np.maximum.accumulate(equity))
    ends = np.append(peaks[1:], len(equity) - 1)
    spells = (ts_ns[ends] - ts_ns[peaks])[ends - peaks + (ends > peaks[-1]) > 1]
    return float(np.max(spells)) / NS_PER_DAY if len(spells) else 0.0


def var_95_1d(returns: FloatArray) -> Metric:
    """Historical value at risk: the 5 % quantile of daily returns (linear interpolation), as a fraction."""
    if len(returns) < MIN_TAIL_DAYS:
        return Undefined(f"fewer than {MIN_TAIL_DAYS} daily returns")
    return float(np.quantile(returns, 0.05))


def cvar_95_1d(returns: FloatArray) -> Metric:
    """Historical expected shortfall: the mean of daily returns at or below the 5 % quantile, as a fraction."""
    quantile = var_95_1d(returns)
    return quantile if isinstance(quantile, Undefined) else float(np.mean(returns[returns <= float(quantile)]))


def var_99_10d(equity: FloatArray, day: IntArray) -> Metric:
    """The 1 % quantile of overlapping ten-day returns (no window spans an unobserved day), as a fraction."""
    if len(equity) <= 10:
        return Undefined("fewer than 10 daily returns")
    whole = (day[10:] - day[:-10] == 10) & (equity[:-10] > 0.0)
    if int(whole.sum()) < MIN_TEN_DAY_WINDOWS:
        return Undefined(f"fewer than {MIN_TEN_DAY_WINDOWS} ten-day windows")
    return float(np.quantile(equity[10:][whole] / equity[:-10][whole] - 1.0, 0.01))


def skew(returns: FloatArray) -> Metric:
    """Third standardised central moment of daily returns (population moments; a normal law has 0)."""
    return _standard_moment(returns, 3)


def kurtosis(returns: FloatArray) -> Metric:
    """Fourth standardised central moment of daily returns (population moments, not excess: a normal law has 3)."""
    return _standard_moment(returns, 4)


def tail_ratio(returns: FloatArray) -> Metric:
    """Absolute 95 % quantile over absolute 5 % quantile of daily returns: above 1, the right tail is the fatter."""
    if len(returns) < MIN_TAIL_DAYS:
        return Undefined(f"fewer than {MIN_TAIL_DAYS} daily returns")
    left = abs(float(np.quantile(returns, 0.05)))
    return Undefined("the 5 % quantile is zero") if left == 0.0 else abs(float(np.quantile(returns, 0.95))) / left


def worst_day_pct(returns: FloatArray) -> Metric:
    """Lowest daily return, in percent."""
    return Undefined("no daily return") if len(returns) == 0 else float(100.0 * np.min(returns))


def best_day_pct(returns: FloatArray) -> Metric:
    """Highest daily return, in percent."""
    return Undefined("no daily return") if len(returns) == 0 else float(100.0 * np.max(returns))


def _trough(equity: FloatArray) -> int | Undefined:
    path = drawdown_path(equity)
    trough = int(np.argmin(path))
    return NO_DRAWDOWN if path[trough] >= 0.0 else trough


def _standard_moment(returns: FloatArray, order: int) -> Metric:
    if len(returns) < order:
        return Undefined(f"fewer than {order} daily returns")
    centred = returns - np.mean(returns)
    spread = float(np.sqrt(np.mean(centred**2)))
    if spread <= 1e-12 * max(float(np.max(np.abs(returns))), 1e-300):
        return Undefined("daily returns do not vary")
    return float(np.mean((centred / spread) ** order))

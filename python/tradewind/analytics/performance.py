"""Return and risk-adjusted return (METRICS groups 2 and 3): one function per metric, on arrays.

`equity` is sampled daily with the start first (n + 1 values), `returns` are the n simple daily returns. Ratios are
annualised with 365 days, standard deviations use ddof = 1. Ratios and regressions of daily returns need at least
`MIN_RETURNS` (10) of them. A metric that has no value says why.
"""

from __future__ import annotations

import numpy as np

from tradewind.analytics.daily import DAYS_PER_YEAR, MIN_RETURNS, FloatArray
from tradewind.analytics.risk_measures import drawdown_path, max_drawdown_abs, max_drawdown_pct
from tradewind.flow import Metric, Undefined

TOO_SHORT = Undefined(f"fewer than {MIN_RETURNS} daily returns")
CONSTANT = Undefined("daily returns do not vary")


def varies(values: FloatArray) -> bool:
    """Whether the sample deviation is more than rounding noise."""
    if len(values) < 2:
        return False
    scale = float(np.max(np.abs(values)))
    return float(np.std(values, ddof=1)) > 1e-12 * max(scale, 1e-300)


def start_equity(equity: FloatArray) -> Metric:
    """Account value in quote when the run starts."""
    return float(equity[0])


def end_equity(equity: FloatArray) -> Metric:
    """Account value in quote at the last mark, after all costs, open positions at their mark."""
    return float(equity[-1])


def net_profit(equity: FloatArray) -> Metric:
    """End equity minus start equity, in quote."""
    return float(equity[-1] - equity[0])


def total_return_pct(equity: FloatArray) -> Metric:
    """End equity over start equity minus one, in percent."""
    return float(100.0 * (equity[-1] / equity[0] - 1.0))


def cagr_pct(equity: FloatArray, elapsed_days: float) -> Metric:
    """Compound annual growth: (end / start)^(365 / calendar days) − 1, in percent; −100 after ruin."""
    if elapsed_days < 1.0:
        return Undefined("the run is shorter than one day")
    if equity[-1] <= 0.0:
        return -100.0
    growth = float(np.log(equity[-1] / equity[0])) * DAYS_PER_YEAR / elapsed_days
    if growth > 50.0:
        return Undefined("too short a run to annualise this return")
    return float(100.0 * np.expm1(growth))


def benchmark_return_pct(benchmark: FloatArray) -> Metric:
    """Total return of the first benchmark (buy & hold) over the same samples, in percent."""
    return total_return_pct(benchmark)


def beta(returns: FloatArray, benchmark_returns: FloatArray) -> Metric:
    """Slope of the run's daily returns on the first benchmark's (covariance / variance); from 10 daily returns on."""
    if len(returns) < MIN_RETURNS:
        return TOO_SHORT
    if not varies(benchmark_returns):
        return Undefined("benchmark returns do not vary")
    covariance = np.cov(returns, benchmark_returns, ddof=1)
    return float(covariance[0, 1] / covariance[1, 1])


def alpha(returns: FloatArray, benchmark_returns: FloatArray, risk_free_daily: float) -> Metric:
    """Jensen's alpha a year: 365 × mean of (r − rf − beta (b − rf)), as a fraction (0.05 = 5 % a year)."""
    slope = beta(returns, benchmark_returns)
    if isinstance(slope, Undefined):
        return slope
    excess = returns - risk_free_daily - float(slope) * (benchmark_returns - risk_free_daily)
    return float(DAYS_PER_YEAR * np.mean(excess))


def information_ratio(returns: FloatArray, benchmark_returns: FloatArray) -> Metric:
    """Mean over deviation of the daily return in excess of the first benchmark, × √365; from 10 daily returns on."""
    if len(returns) < MIN_RETURNS:
        return TOO_SHORT
    active = returns - benchmark_returns
    if not varies(active):
        return Undefined("the run does not differ from its benchmark")
    return float(np.mean(active) / np.std(active, ddof=1) * np.sqrt(DAYS_PER_YEAR))


def correlation(returns: FloatArray, benchmark_returns: FloatArray) -> Metric:
    """Pearson correlation of daily returns with the first benchmark's; from 10 daily returns on."""
    if len(returns) < MIN_RETURNS:
        return TOO_SHORT
    if not varies(returns):
        return CONSTANT
    if not varies(benchmark_returns):
        return Undefined("benchmark returns do not vary")
    return float(np.corrcoef(returns, benchmark_returns)[0, 1])


def daily_sharpe(returns: FloatArray, risk_free_daily: float) -> float | Undefined:
    """Mean excess daily return over its deviation (ddof = 1), not annualised: what PSR and DSR are stated in."""
    if len(returns) < MIN_RETURNS:
        return TOO_SHORT
    if not varies(returns):
        return CONSTANT
    return float((np.mean(returns) - risk_free_daily) / np.std(returns, ddof=1))


def sharpe(returns: FloatArray, risk_free_daily: float) -> Metric:
    """Sharpe ratio: mean daily excess return / deviation (ddof = 1) × √365; from 10 daily returns on."""
    ratio = daily_sharpe(returns, risk_free_daily)
    return ratio if isinstance(ratio, Undefined) else ratio * float(np.sqrt(DAYS_PER_YEAR))


def sortino(returns: FloatArray, risk_free_daily: float) -> Metric:
    """Mean daily excess return / full-sample downside deviation × √365; from 10 daily returns on.

    The downside deviation is the root of the mean over *all* days of min(excess, 0)² (Sortino & van der Meer 1991).
    """
    if len(returns) < MIN_RETURNS:
        return TOO_SHORT
    excess = returns - risk_free_daily
    downside = float(np.sqrt(np.mean(np.minimum(excess, 0.0) ** 2)))
    if downside == 0.0:
        return Undefined("no losing day")
    return float(np.mean(excess) / downside * np.sqrt(DAYS_PER_YEAR))


def calmar(equity: FloatArray, elapsed_days: float) -> Metric:
    """CAGR over the absolute maximum drawdown (both in percent)."""
    growth = cagr_pct(equity, elapsed_days)
    if isinstance(growth, Undefined):
        return growth
    depth = max_drawdown_pct(equity)
    if isinstance(depth, Undefined) or float(depth) == 0.0:
        return Undefined("no drawdown")
    return float(growth) / abs(float(depth))


def omega(returns: FloatArray, risk_free_daily: float) -> Metric:
    """Sum of daily excess gains over sum of daily excess losses (Keating & Shadwick 2002, threshold = risk-free).

    From 10 daily returns on.
    """
    if len(returns) < MIN_RETURNS:
        return TOO_SHORT
    excess = returns - risk_free_daily
    losses = float(-np.sum(np.minimum(excess, 0.0)))
    if losses == 0.0:
        return Undefined("no losing day")
    return float(np.sum(np.maximum(excess, 0.0))) / losses


def ulcer_index(equity: FloatArray) -> Metric:
    """Root mean square of the percentage drawdown over all daily samples (Martin & McCann 1989)."""
    if len(equity) < 2:
        return Undefined("no daily close after the start")
    return float(100.0 * np.sqrt(np.mean(drawdown_path(equity) ** 2)))


def recovery_factor(equity: FloatArray) -> Metric:
    """Net profit over the maximum drawdown in money."""
    depth = max_drawdown_abs(equity)
    if isinstance(depth, Undefined) or float(depth) == 0.0:
        return Undefined("no drawdown")
    return float((equity[-1] - equity[0]) / abs(float(depth)))

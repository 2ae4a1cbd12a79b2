"""How sure one may be of a Sharpe ratio: its interval, the probabilistic and the deflated Sharpe ratio.

All are stated in the *daily* Sharpe ratio SR of n returns with skewness g3 and kurtosis g4 (normal: 3). Its standard
error, for returns that need not be normal, is

    s = sqrt((1 − g3 SR + (g4 − 1)/4 SR²) / (n − 1))

(Mertens 2002, "Comments on variance of the IID estimator in Lo (2002)"; Lo 2002, "The statistics of Sharpe ratios", is
the normal case; with n − 1 as in Bailey & López de Prado 2012, "The Sharpe ratio efficient frontier"). Returns are
taken as serially independent; autocorrelated returns make every figure here too sure of itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from tradewind.analytics.daily import DAYS_PER_YEAR, MIN_RETURNS, FloatArray
from tradewind.analytics.performance import daily_sharpe
from tradewind.analytics.risk_measures import kurtosis, skew
from tradewind.flow import Metric, Undefined

EULER_GAMMA = float(np.euler_gamma)
_NORMAL = NormalDist()


def sharpe_standard_error(ratio: float, observations: int, skewness: float, kurt: float) -> float:
    """Standard error of a per-period Sharpe ratio (Mertens 2002); kurt is not excess (normal: 3)."""
    variance = (1.0 - skewness * ratio + (kurt - 1.0) / 4.0 * ratio**2) / (observations - 1)
    return float(np.sqrt(variance))


def probabilistic_sharpe(ratio: float, hurdle: float, observations: int, skewness: float, kurt: float) -> float:
    """P(true Sharpe > hurdle) for per-period ratios (Bailey & López de Prado 2012)."""
    return _NORMAL.cdf((ratio - hurdle) / sharpe_standard_error(ratio, observations, skewness, kurt))


def expected_best_sharpe(trials: int, variance: float) -> float:
    """Expected maximum of `trials` independent Sharpe ratios of no skill with that variance across trials.

    Bailey & López de Prado 2014, "The deflated Sharpe ratio", J. of Portfolio Management 40. trials must be at least 2.
    """
    if trials < 2:
        raise ValueError(f"the best of {trials} trials is no selection; give at least 2")
    first = _NORMAL.inv_cdf(1.0 - 1.0 / trials)
    second = _NORMAL.inv_cdf(1.0 - 1.0 / (trials * np.e))
    return float(np.sqrt(variance)) * ((1.0 - EULER_GAMMA) * first + EULER_GAMMA * second)


def sharpe_ci95_low(returns: FloatArray, risk_free_daily: float) -> Metric:
    """Lower end of the 95 % interval of `sharpe`: SR − 1.96 s, annualised (Lo 2002, Mertens 2002)."""
    return _interval_end(returns, risk_free_daily, -1.0)


def sharpe_ci95_high(returns: FloatArray, risk_free_daily: float) -> Metric:
    """Upper end of the 95 % interval of `sharpe`: SR + 1.96 s, annualised (Lo 2002, Mertens 2002)."""
    return _interval_end(returns, risk_free_daily, 1.0)


def psr(returns: FloatArray, risk_free_daily: float) -> Metric:
    """Probabilistic Sharpe ratio: probability that the true Sharpe ratio is above 0 (Bailey & López de Prado 2012)."""
    moments = _moments(returns, risk_free_daily)
    if isinstance(moments, Undefined):
        return moments
    ratio, skewness, kurt = moments
    return probabilistic_sharpe(ratio, 0.0, len(returns), skewness, kurt)


def dsr(returns: FloatArray, risk_free_daily: float, n_trials: int, trial_sharpes: Sequence[float]) -> Metric:
    """Deflated Sharpe ratio: PSR against the best Sharpe expected from `n_trials` without skill.

    Bailey & López de Prado 2014. The variance across trials is that of `trial_sharpes` (daily) when at least two are
    given; else that of a skill-less Sharpe estimate, 1 / (n − 1), as if the trials were independent.
    """
    if n_trials < 2:
        return Undefined("1 trial: nothing to deflate, see psr")
    moments = _moments(returns, risk_free_daily)
    if isinstance(moments, Undefined):
        return moments
    ratio, skewness, kurt = moments
    known = np.asarray(trial_sharpes, dtype=np.float64)
    variance = float(np.var(known, ddof=1)) if len(known) > 1 else 1.0 / (len(returns) - 1)
    return probabilistic_sharpe(ratio, expected_best_sharpe(n_trials, variance), len(returns), skewness, kurt)


def _moments(returns: FloatArray, risk_free_daily: float) -> tuple[float, float, float] | Undefined:
    """Daily Sharpe, skewness and kurtosis, where the error formula holds."""
    if len(returns) < MIN_RETURNS:
        return Undefined(f"fewer than {MIN_RETURNS} daily returns")
    ratio, skewness, kurt = daily_sharpe(returns, risk_free_daily), skew(returns), kurtosis(returns)
    if isinstance(ratio, Undefined):
        return ratio
    if isinstance(skewness, Undefined):
        return skewness
    if isinstance(kurt, Undefined):
        return kurt
    g3, g4 = float(skewness), float(kurt)
    if 1.0 - g3 * ratio + (g4 - 1.0) / 4.0 * ratio**2 <= 0.0:
        return Undefined("the sampling variance of this Sharpe ratio is not positive")
    return ratio, g3, g4


def _interval_end(returns: FloatArray, risk_free_daily: float, sign: float) -> Metric:
    moments = _moments(returns, risk_free_daily)
    if isinstance(moments, Undefined):
        return moments
    ratio, skewness, kurt = moments
    error = sharpe_standard_error(ratio, len(returns), skewness, kurt)
    return float((ratio + sign * _NORMAL.inv_cdf(0.975) * error) * np.sqrt(DAYS_PER_YEAR))

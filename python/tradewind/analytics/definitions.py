"""The catalogue of metrics: every id of METRICS.md once, in its order, with its unit, its function and what that needs.

A definition *is* its function: the docstring is the text shown in the report's appendix, the code is what is computed.
`needs` names fields of `Measured`; if any of them is Undefined, so is the metric, for the same reason. A change of any
definition raises `DEF_VERSION`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from tradewind.analytics import costs, exposure, learning, performance, risk_measures, robustness, significance
from tradewind.analytics import trade_statistics as ts
from tradewind.analytics.daily import FloatArray, IntArray
from tradewind.analytics.robustness import RedrawnPaths
from tradewind.flow import Metric, Undefined

DEF_VERSION = "1.0"

Unit = Literal[
    "money",
    "percent",
    "share",
    "fraction",
    "ratio",
    "count",
    "date",
    "days",
    "hours",
    "seconds",
    "bps",
    "text",
    "multiple",
]
"""How a value is written: `share` is 0..1 shown as a percent, `fraction` a bare number with three decimals."""

GROUPS = {
    1: "Run",
    2: "Return",
    3: "Risk-adjusted return",
    4: "Risk",
    5: "Trades",
    6: "Costs and execution",
    7: "Exposure",
    8: "Robustness",
    9: "Learning",
}


@dataclass(frozen=True, slots=True)
class Measured:
    """What the metrics are functions of; a field that the run cannot give is Undefined."""

    facts: dict[str, Metric]
    equity: FloatArray
    ts_ns: IntArray
    day: IntArray
    returns: FloatArray
    elapsed_days: float
    marks: FloatArray
    mean_equity: float
    start: float
    net: float
    risk_free_daily: float
    n_trials: int
    trial_sharpes: tuple[float, ...]
    benchmark: FloatArray | Undefined
    benchmark_returns: FloatArray | Undefined
    trips: pl.DataFrame
    all_trips: pl.DataFrame
    fills: pl.DataFrame
    orders: pl.DataFrame
    refused: pl.DataFrame
    equity_marks: pl.DataFrame
    funding: float
    funding_stated: float | Undefined
    liquidity: pl.DataFrame | Undefined
    paths: RedrawnPaths | Undefined
    scored: pl.DataFrame | Undefined
    per_instant: pl.DataFrame | Undefined


@dataclass(frozen=True, slots=True)
class Definition:
    """One metric. id: METRICS.md. compute: documented function of the fields of Measured named in `needs`."""

    id: str
    group: int
    unit: Unit
    compute: Callable[..., Metric]
    needs: tuple[str, ...]

    @property
    def text(self) -> str:
        """The definition in words: the docstring of the function, on one line."""
        return " ".join((self.compute.__doc__ or "").split())

    def of(self, measured: Measured) -> Metric:
        """The metric's value. Raises ValueError if the function returns something that is not finite."""
        inputs = [getattr(measured, name) for name in self.needs]
        for found in inputs:
            if isinstance(found, Undefined):
                return found
        value = self.compute(*inputs)
        if isinstance(value, float) and not np.isfinite(value):
            raise ValueError(f"metric {self.id} is {value}; its definition must say Undefined and why")
        return value


def _fact(name: str, text: str) -> Callable[[dict[str, Metric]], Metric]:
    """A run fact by name, documented like any other metric."""

    def fact(facts: dict[str, Metric]) -> Metric:
        return facts[name]

    fact.__doc__ = text
    return fact


def _needs_other_runs(text: str, reason: str) -> Callable[[], Metric]:
    """A metric that one run cannot have; `reason` says what would give it."""

    def undefined() -> Metric:
        return Undefined(reason)

    undefined.__doc__ = text
    return undefined


_RETURNS = ("returns", "risk_free_daily")
_AGAINST = ("returns", "benchmark_returns")
_DATED = ("equity", "ts_ns")
_NET_OF_FILLS = ("net", "fills", "funding")
_RERUN = "needs a rerun of the same strategy"
_FACTS = {
    "run_id": "Identity of the run: what was run, on which data, by which code.",
    "strategy": "Name of the strategy.",
    "parameters_hash": "Hash of the strategy's parameters.",
    "data_hash": "Hash of the market data read.",
    "code_version": "Version of the code that ran.",
    "seed": "Seed of all chance in the run.",
    "period": "First and last UTC day of the run.",
    "venues": "Venues on which the run traded.",
    "cost_model": "Fees, spread, slippage, latency and queue models with their parameters.",
    "n_trials": "Configurations tried to arrive at this one; what the deflated Sharpe ratio deflates by.",
}


def _rows(group: int, unit: Unit, needs: tuple[str, ...], *functions: Callable[..., Metric]) -> tuple[Definition, ...]:
    """Definitions whose id is their function's name."""
    return tuple(Definition(f.__name__, group, unit, f, needs) for f in functions)


def _elsewhere(group: int, unit: Unit, id: str, text: str, reason: str) -> tuple[Definition, ...]:
    return (Definition(id, group, unit, _needs_other_runs(text, reason), ()),)


DEFINITIONS: tuple[Definition, ...] = (
    *(
        Definition(id, 1, "count" if id in ("seed", "n_trials") else "text", _fact(id, text), ("facts",))
        for id, text in _FACTS.items()
    ),
    # 2 return
    *_rows(2, "money", ("equity",), performance.start_equity, performance.end_equity, performance.net_profit),
    *_rows(2, "percent", ("equity",), performance.total_return_pct),
    *_rows(2, "percent", ("equity", "elapsed_days"), performance.cagr_pct),
    *_rows(2, "percent", ("benchmark",), performance.benchmark_return_pct),
    *_rows(2, "share", (*_AGAINST, "risk_free_daily"), performance.alpha),
    *_rows(2, "ratio", _AGAINST, performance.beta, performance.information_ratio, performance.correlation),
    # 3 risk-adjusted return
    *_rows(3, "ratio", _RETURNS, performance.sharpe, significance.sharpe_ci95_low, significance.sharpe_ci95_high),
    *_rows(3, "fraction", _RETURNS, significance.psr),
    *_rows(3, "fraction", (*_RETURNS, "n_trials", "trial_sharpes"), significance.dsr),
    *_rows(3, "ratio", _RETURNS, performance.sortino),
    *_rows(3, "ratio", ("equity", "elapsed_days"), performance.calmar),
    *_rows(3, "ratio", _RETURNS, performance.omega),
    *_rows(3, "percent", ("equity",), performance.ulcer_index),
    *_rows(3, "ratio", ("equity",), performance.recovery_factor),
    # 4 risk
    *_rows(4, "percent", ("returns",), risk_measures.volatility_ann_pct),
    *_rows(4, "percent", ("equity",), risk_measures.max_drawdown_pct),
    *_rows(4, "money", ("equity",), risk_measures.max_drawdown_abs),
    *_rows(
        4,
        "date",
        _DATED,
        risk_measures.max_drawdown_start,
        risk_measures.max_drawdown_trough,
        risk_measures.max_drawdown_recovery,
    ),
    *_rows(4, "percent", ("marks",), risk_measures.max_drawdown_intraday_pct),
    *_rows(4, "days", _DATED, risk_measures.longest_underwater_days),
    *_rows(4, "share", ("returns",), risk_measures.var_95_1d, risk_measures.cvar_95_1d),
    *_rows(4, "share", ("equity", "day"), risk_measures.var_99_10d),
    *_rows(4, "ratio", ("returns",), risk_measures.skew, risk_measures.kurtosis, risk_measures.tail_ratio),
    *_rows(4, "percent", ("returns",), risk_measures.worst_day_pct, risk_measures.best_day_pct),
    # 5 trades
    *_rows(5, "count", ("trips",), ts.trades),
    *_rows(5, "count", ("all_trips",), ts.trades_open),
    *_rows(5, "ratio", ("trips", "elapsed_days"), ts.trades_per_day),
    *_rows(5, "percent", ("trips",), ts.win_rate_pct),
    *_rows(5, "ratio", ("trips",), ts.profit_factor),
    *_rows(5, "money", ("trips",), ts.expectancy),
    *_rows(5, "ratio", ("trips",), ts.expectancy_ratio),
    *_rows(5, "money", ("trips",), ts.avg_win, ts.avg_loss),
    *_rows(5, "ratio", ("trips",), ts.payoff_ratio),
    *_rows(5, "money", ("trips",), ts.largest_win, ts.largest_loss),
    *_rows(5, "count", ("trips",), ts.max_consec_wins, ts.max_consec_losses),
    *_rows(5, "hours", ("trips",), ts.avg_holding, ts.avg_holding_win, ts.avg_holding_loss),
    *_rows(5, "ratio", ("trips",), ts.sqn),
    *_rows(5, "percent", ("trips",), ts.mae, ts.mfe),
    *_rows(5, "count", ("trips",), ts.trades_long, ts.trades_short),
    *_rows(5, "money", ("trips",), ts.net_profit_long, ts.net_profit_short),
    *_rows(5, "percent", ("trips",), ts.win_rate_long_pct, ts.win_rate_short_pct),
    # 6 costs and execution
    *_rows(6, "money", _NET_OF_FILLS, costs.gross_pnl),
    *_rows(6, "money", ("fills",), costs.fees_paid),
    *_rows(6, "money", ("funding_stated",), costs.funding_paid),
    *_rows(6, "money", ("fills",), costs.spread_cost, costs.slippage_cost),
    *_rows(6, "money", ("fills", "funding"), costs.total_cost),
    *_rows(6, "percent", _NET_OF_FILLS, costs.gross_vs_net_pct),
    *_rows(6, "share", ("fills",), costs.maker_ratio),
    *_rows(6, "share", ("orders",), costs.fill_rate, costs.partial_fill_rate),
    *_rows(6, "count", ("orders",), costs.rejects, costs.cancels, costs.timeouts),
    *_rows(6, "count", ("refused",), costs.refusals),
    *_rows(6, "seconds", ("orders", "fills"), costs.avg_queue_wait),
    *_rows(6, "bps", ("fills",), costs.implementation_shortfall_bps),
    *_rows(6, "money", ("fills",), costs.traded_value),
    *_rows(6, "multiple", ("fills", "mean_equity", "elapsed_days"), costs.turnover),
    *_rows(6, "money", ("net", "start", "fills", "liquidity"), costs.capacity_usd),
    *_rows(6, "bps", ("fills", "funding"), costs.cost_per_traded_bps),
    *_rows(6, "bps", _NET_OF_FILLS, costs.break_even_cost_bps),
    # 7 exposure
    *_rows(7, "percent", ("equity_marks",), exposure.time_in_market_pct),
    *_rows(7, "multiple", ("equity_marks",), exposure.gross_leverage_avg, exposure.gross_leverage_max),
    *_rows(7, "multiple", ("equity_marks",), exposure.net_exposure_avg),
    *_rows(7, "multiple", (), exposure.min_margin_buffer),
    *_rows(7, "count", ("orders",), exposure.liquidations),
    # 8 robustness
    *_elsewhere(
        8, "ratio", "oos_is_sharpe_ratio", "Out-of-sample over in-sample Sharpe ratio.", "the run has no in-sample part"
    ),
    *_elsewhere(
        8,
        "ratio",
        "walk_forward_efficiency",
        "Annual out-of-sample return over annual in-sample return.",
        "the run has no in-sample part",
    ),
    *_elsewhere(
        8,
        "fraction",
        "pbo",
        "Probability of backtest overfitting by combinatorially symmetric cross-validation (Bailey et al. 2017).",
        "needs the returns of every trial",
    ),
    *_rows(
        8,
        "percent",
        ("paths",),
        robustness.mc_cagr_pct_p05,
        robustness.mc_cagr_pct_p50,
        robustness.mc_cagr_pct_p95,
        robustness.mc_max_drawdown_pct_p05,
        robustness.mc_max_drawdown_pct_p50,
        robustness.mc_max_drawdown_pct_p95,
    ),
    *_elsewhere(8, "ratio", "sharpe_cost_x2", "Sharpe ratio with every cost doubled.", f"{_RERUN} with costs doubled"),
    *_elsewhere(
        8, "ratio", "sharpe_latency_x2", "Sharpe ratio with latency doubled.", f"{_RERUN} with latency doubled"
    ),
    # 9 learning
    *_rows(9, "fraction", ("per_instant",), learning.ic, learning.icir, learning.rank_ic, learning.rank_icir),
    *_rows(9, "share", ("scored",), learning.hit_rate, learning.calibration_error),
    *_elsewhere(
        9,
        "fraction",
        "interval_coverage",
        "Share of outcomes within the forecast interval.",
        "the forecasts carry no intervals",
    ),
    *_rows(9, "fraction", ("scored",), learning.forecast_turnover),
    *_elsewhere(
        9,
        "ratio",
        "decay",
        "Rank IC at longer horizons over rank IC at the forecast horizon.",
        "one horizon was scored",
    ),
    *_elsewhere(
        9,
        "ratio",
        "feature_drift",
        "Population stability of the features between training and use.",
        "features are not among the report's inputs",
    ),
)

BY_ID = {definition.id: definition for definition in DEFINITIONS}

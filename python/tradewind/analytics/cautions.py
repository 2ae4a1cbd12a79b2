"""What a careful reader should know before believing a report, in plain words."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from tradewind.analytics.daily import Daily
from tradewind.analytics.risk_measures import utc_date
from tradewind.flow import Metric, RunFacts, Undefined

FEW_TRADES = 30


def cautions(
    run: RunFacts, metrics: Mapping[str, Metric], frames: Mapping[str, pl.DataFrame], daily: Daily
) -> tuple[str, ...]:
    """Warnings that follow from the measured numbers, the most serious first."""
    return (
        *_of_substance(run, metrics, daily),
        *_of_comparison(frames["compared"]),
        *_of_evidence(run, metrics),
        *_of_costs(metrics),
        *_of_books(metrics, frames["symbols"], frames["start_inventory"], daily),
    )


def _number(metrics: Mapping[str, Metric], id: str) -> float | None:
    value = metrics[id]
    return float(value) if isinstance(value, int | float) else None


def _of_substance(run: RunFacts, metrics: Mapping[str, Metric], daily: Daily) -> list[str]:
    found = []
    if run.provenance == "simulated":
        found.append("simulated market: these numbers say nothing about a real one")
    ruined = np.flatnonzero(daily.equity <= 0.0)
    if len(ruined):
        found.append(f"ruin: equity fell to zero or below on {utc_date(int(daily.ts_ns[int(ruined[0])]))}")
    if _number(metrics, "traded_value") == 0.0:
        found.append("zero trades: nothing was ever filled")
    bridged = daily.bridged if not len(ruined) else np.zeros(0)
    if len(bridged):
        total = 100.0 * (float(np.prod(1.0 + bridged)) - 1.0)
        found.append(
            f"unobserved days: {len(bridged)} return{'s' * (len(bridged) > 1)} over more than one day "
            f"({total:+.2f} % in all) count in the totals, not in the daily statistics"
        )
    if run.refused:
        found.append(
            f"{len(run.refused)} refusal{'s' * (len(run.refused) > 1)} by stages, the first: {run.refused[0].reason}"
        )
    return found


def _of_comparison(compared: pl.DataFrame) -> list[str]:
    own = compared.row(0, named=True)
    found = []
    for other in compared.slice(1).iter_rows(named=True):
        if other["total_return_pct"] is None:
            found.append(other["note"])
        elif own["total_return_pct"] < other["total_return_pct"]:
            gap = f"{own['total_return_pct']:+.1f} % against {other['total_return_pct']:+.1f} %"
            found.append(f"underperformed {other['name']}: {gap}")
    return found


def _of_evidence(run: RunFacts, metrics: Mapping[str, Metric]) -> list[str]:
    found = []
    days = _number(metrics, "longest_underwater_days")
    closed = _number(metrics, "trades") or 0.0
    if isinstance(metrics["sharpe"], Undefined):
        found.append(f"no Sharpe ratio: {metrics['sharpe'].reason}")
    low = _number(metrics, "sharpe_ci95_low")
    high = _number(metrics, "sharpe_ci95_high")
    if low is not None and high is not None and low < 0.0 < high:
        found.append(f"the Sharpe ratio cannot be told from zero: 95 % interval {low:.2f} to {high:.2f}")
    if run.n_trials < 2:
        found.append("1 trial: not deflated")
    deflated = _number(metrics, "dsr")
    if deflated is not None and deflated < 0.95:
        found.append(
            f"after {run.n_trials} trials a Sharpe ratio this high is no evidence of skill (DSR {deflated:.2f} < 0.95)"
        )
    if 0 < closed < FEW_TRADES:
        found.append(f"only {closed:.0f} closed trades (< {FEW_TRADES}): trade statistics mean little")
    if closed == 0 and (_number(metrics, "traded_value") or 0.0) > 0.0:
        found.append("no closed trade: no position ever went back to flat")
    if days is None:
        found.append("no daily close after the start: daily statistics are undefined")
    return found


def _of_costs(metrics: Mapping[str, Metric]) -> list[str]:
    found = []
    gross, cost, net = (_number(metrics, id) for id in ("gross_pnl", "total_cost", "net_profit"))
    if gross is not None and cost is not None and net is not None and gross > 0.0 > net:
        found.append(f"costs turned a gross gain of {gross:,.2f} into a loss")
    intraday, daily_depth = _number(metrics, "max_drawdown_intraday_pct"), _number(metrics, "max_drawdown_pct")
    if intraday is not None and daily_depth is not None and intraday < 1.25 * daily_depth and intraday < -1.0:
        found.append(
            f"within days the drawdown reached {intraday:.1f} %, deeper than the {daily_depth:.1f} % of daily closes"
        )
    return found


def _of_books(metrics: Mapping[str, Metric], symbols: pl.DataFrame, inventory: pl.DataFrame, daily: Daily) -> list[str]:
    """Whether trading and what was held from the start add up to the change of equity, within a basis point of it."""
    found = []
    funding = _number(metrics, "funding_paid") or 0.0
    revaluation = float(inventory["revaluation"].sum())
    if inventory.height:
        held = ", ".join(f"{quantity:g} {symbol}" for symbol, quantity in inventory.select("symbol", "quantity").rows())
        found.append(f"{revaluation:+,.2f} of the change in equity is the price of what was held at the start ({held})")
    gap = float(daily.equity[-1] - daily.equity[0]) + funding - float(symbols["net_pnl"].sum()) - revaluation
    if abs(gap) > 1e-4 * float(daily.equity[0]):
        found.append(f"{gap:+,.2f} of the change in equity is not explained by fills and marks")
    return found

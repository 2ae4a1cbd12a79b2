"""The walk-forward portfolio under every allocator at every volatility, each a whole run in the engine.

What the learners expect is worked out once: neither an allocator nor a volatility changes it. The runs go several at a
time, each in a process of its own, over one copy of the bars. The best is run once more, with journal and report, and
must end in the state that its trial ended in.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl

from tradewind.analytics.daily import DAYS_PER_YEAR
from tradewind.analytics.significance import expected_best_sharpe, probabilistic_sharpe
from tradewind.flow import Forecast, Market, Undefined
from tradewind.research import mapped_bars, runs, walk_forward
from tradewind.research.failures import RunFailed
from tradewind.research.mapped_bars import MappedBars
from tradewind.research.trials import Record, Sweep, Value, make_missing, table

Progress = Callable[[str, int, int], None]

_METRICS = (
    "sharpe",
    "total_return_pct",
    "max_drawdown_pct",
    "trades",
    "fees_paid",
    "psr",
    "skew",
    "kurtosis",
)


@dataclass(frozen=True, slots=True)
class PortfolioSettings:
    """What is tried: every allocator (a name in `portfolio.ALLOCATORS`) at every annual volatility.

    run: the rest of the settings, the same in every trial.
    """

    allocators: tuple[str, ...]
    annual_volatilities: tuple[float, ...]
    run: walk_forward.Settings

    def trials(self) -> list[dict[str, Value]]:
        """Parameters of each trial."""
        both = product(self.allocators, self.annual_volatilities)
        return [{"allocator": a, "annual_volatility": v} for a, v in both]

    def of(self, parameters: Mapping[str, Value]) -> walk_forward.Settings:
        """The run that one trial is."""
        allocator, volatility = str(parameters["allocator"]), float(parameters["annual_volatility"] or 0.0)
        return dataclasses.replace(self.run, allocator=allocator, annual_volatility=volatility)


def settings(allocators: tuple[str, ...], annual_volatilities: tuple[float, ...], seed: int) -> PortfolioSettings:
    """The settings of a sweep by name; each trial is what `walk_forward.settings` gives for its parameters."""
    named = walk_forward.settings(allocator=allocators[0], annual_volatility=annual_volatilities[0], seed=seed)
    return PortfolioSettings(allocators, annual_volatilities, named)


@dataclass(frozen=True, slots=True)
class PortfolioSweep:
    """A finished sweep over whole portfolio runs.

    trials columns: trial · allocator · annual_volatility · one per metric. best: the trial with the highest Sharpe
    ratio, chosen on the very days it is measured on. run: the best once more, with a journal. deflated: the probability
    that its true Sharpe ratio is above 0, given that it is the best of that many (None where it is not defined).
    """

    trials: pl.DataFrame
    best: Mapping[str, Value]
    run: walk_forward.Run
    deflated: float | None
    folder: Path


@dataclass(frozen=True, slots=True)
class _Shared:
    """What every trial is given, small enough to be sent to each."""

    bars: MappedBars
    expected: Forecast
    settings: PortfolioSettings
    data_name: str
    facts: runs.CodeFacts


def portfolio_sweep(
    market: Market,
    data_name: str,
    settings: PortfolioSettings,
    folder: Path,
    facts: runs.CodeFacts,
    progress: Progress,
    *,
    jobs: int,
) -> PortfolioSweep:
    """Make the trials that are missing, choose, run the best once more. A record in `folder` is gone on with.

    Raises:
        DataRefused: the market is too short or too thin, or the record is on other data.
        RunFailed: a run could not go on, the folder holds another sweep, or the best did not end as its trial did.
    """
    sweep = Sweep(
        kind="portfolio",
        settings={"run": runs.parameters_hash(settings.run), "seed": settings.run.learning.seed},
        trials=settings.trials(),
        measured_on={"how": "walk-forward; a choice among the trials is in-sample"},
        data_hash=market.data_hash,
        code_version=facts.version,
    )
    record = Record(folder, sweep)
    expected = walk_forward.expectations(market, settings.run.learning, progress)
    mapped = folder / "bars"
    try:
        bars = mapped_bars.write(market, mapped)
        shared = _Shared(bars, expected, settings, data_name, facts)
        tried = table(make_missing(functools.partial(_trial, shared), record, progress, jobs=jobs))
    finally:
        shutil.rmtree(mapped, ignore_errors=True)
    best = _best(tried)
    journal = folder / "best.journal"
    journal.unlink(missing_ok=True)
    run = _run(market, shared, best, journal)
    progress("engine", 1, 1)
    if run.report.state_hash != best["state_hash"]:
        raise RunFailed(
            f"trial {best['trial']} ended in {str(best['state_hash'])[:16]}…, run again in "
            f"{run.report.state_hash[:16]}…\n  how to go on: start a new sweep; this record was made by other code"
        )
    return PortfolioSweep(tried, best, _doubted(run, tried.height), _deflated(best, tried), folder)


def _doubted(run: walk_forward.Run, trials: int) -> walk_forward.Run:
    """The run, its report saying first how it came to be the one that is shown."""
    chosen = f"in-sample as a choice: the best of {trials} runs, chosen on the very days it is measured on"
    facts = dataclasses.replace(run.report.run, warnings=(chosen, *run.report.run.warnings))
    return dataclasses.replace(run, report=dataclasses.replace(run.report, run=facts))


def _run(market: Market, shared: _Shared, parameters: Mapping[str, Value], journal: Path | None) -> walk_forward.Run:
    return walk_forward.trade(
        market,
        shared.expected,
        shared.settings.of(parameters),
        journal,
        data_name=shared.data_name,
        facts=shared.facts,
        progress=lambda *_: None,
        variants=len(set(shared.settings.annual_volatilities)),
    )


def _trial(shared: _Shared, parameters: Mapping[str, Value]) -> dict[str, Value]:
    """One run; its metrics by their METRICS id, null where undefined, and its state hash."""
    report = _run(shared.bars.market(), shared, parameters, None).report
    metrics = {id: report.metrics[id] for id in _METRICS}
    known: dict[str, Value] = {id: None if isinstance(m, Undefined) else m for id, m in metrics.items()}
    return {
        **known,
        "days": report.series["equity"].height - 1,
        "n_trials": report.run.n_trials,
        "run_id": report.run.run_id,
        "state_hash": report.state_hash,
    }


def _best(tried: pl.DataFrame) -> dict[str, Value]:
    """The trial with the highest Sharpe ratio; of equals, the first.

    Raises:
        RunFailed: none has one.
    """
    ranked = tried.filter(pl.col("sharpe").is_not_null()).sort("sharpe", descending=True, maintain_order=True)
    if ranked.is_empty():
        raise RunFailed(f"none of {tried.height} runs has a Sharpe ratio\n  how to go on: give more data")
    return ranked.row(0, named=True)


def _deflated(best: Mapping[str, Value], tried: pl.DataFrame) -> float | None:
    """The best trial's deflated Sharpe ratio.

    Each run counts the learners and allocators that were looked at behind it, and the volatilities tried beside it.
    Where not all of those are in the table, their Sharpe ratios are taken to differ at least as skill-less ones would.
    """
    figures = [best[id] for id in ("sharpe", "skew", "kurtosis", "days")]
    known = [float(f) for f in figures if isinstance(f, (int, float))]
    trials = int(best["n_trials"] or 1)
    daily = tried["sharpe"].drop_nulls().to_numpy() / math.sqrt(DAYS_PER_YEAR)
    if len(known) < len(figures) or len(daily) < 2:
        return None
    sharpe, skew, kurtosis, days = known
    variance = float(np.var(daily, ddof=1))
    if len(daily) < trials:
        variance = max(variance, 1.0 / (days - 1.0))
    hurdle = expected_best_sharpe(trials, variance)
    return probabilistic_sharpe(sharpe / math.sqrt(DAYS_PER_YEAR), hurdle, int(days), skew, kurtosis)

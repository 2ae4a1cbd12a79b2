"""Many trials of one rule: every trial on record, the best chosen honestly, and judged on what the choice never saw.

`cross_sweep` screens pairs of moving averages on the first part of the bars, runs the winner in the engine there and on
the rest, which no choice has seen, and puts screen and engine side by side. `engine_grid` is for rules that only the
engine can run: each trial is a whole run, several at a time in processes of their own.

Either goes on where it stopped, and counts every trial: the deflated Sharpe ratio of a winner depends on how many there
were and how far they lay apart (Bailey & López de Prado 2014).
"""

from __future__ import annotations

import dataclasses
import functools
import math
import multiprocessing
import signal
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from tradewind.analytics.daily import DAYS_PER_YEAR
from tradewind.analytics.significance import expected_best_sharpe, probabilistic_sharpe
from tradewind.flow import DataRefused, Market, Undefined
from tradewind.market import DataSource
from tradewind.research import crosses, runs, walk_forward
from tradewind.research.trials import Record, Sweep, Trial, Value

Progress = Callable[[str, int, int], None]
RankBy = Literal["sharpe", "total_return"]

_BATCH = 256
"""Pairs screened between two looks at the keyboard and two writes of the record."""
_MIN_HELD_OUT_DAYS = 30
_LOOK_UP_S = 0.2


@dataclass(frozen=True, slots=True)
class CrossSettings:
    """What is screened: every pair fast < slow of the windows, in bars.

    chosen_share: share of the bars, from the first on, that the pair is chosen on; the rest is held out.
    """

    symbol: str
    fast: tuple[int, ...]
    slow: tuple[int, ...]
    chosen_share: float = 0.7
    rank_by: RankBy = "sharpe"
    terms: crosses.Terms = field(default_factory=crosses.Terms)

    def pairs(self) -> tuple[crosses.Cross, ...]:
        """All pairs, by slow and then fast window."""
        both = product(sorted(set(self.slow)), sorted(set(self.fast)))
        return tuple(crosses.Cross(fast, slow) for slow, fast in both if fast < slow)


@dataclass(frozen=True, slots=True)
class CrossSweep:
    """A finished sweep. trials columns: trial · fast · slow · total_return · max_drawdown · sharpe · trades, all of
    them in-sample and by the screen. chosen, held_out: the winner there and on the bars that the choice never saw.
    """

    settings: CrossSettings
    trials: pl.DataFrame
    winner: crosses.Cross
    chosen: crosses.Comparison
    held_out: crosses.Comparison
    folder: Path
    notes: tuple[str, ...]


def cross_sweep(
    market: Market,
    data_name: str,
    settings: CrossSettings,
    folder: Path,
    facts: runs.CodeFacts,
    progress: Progress,
    *,
    threads: int,
) -> CrossSweep:
    """Screen, choose, run the winner in the engine on both parts. A record in `folder` is gone on with.

    Raises:
        DataRefused: no such symbol, too few bars for the windows, or a record on other data.
        runs.RunFailed: no pair traded, or the folder holds another sweep.
    """
    bars = crosses.longest_stretch(market, settings.symbol)
    chosen, rest = _split(bars, settings)
    sweep = Sweep(
        kind="ma-cross",
        settings={
            "symbol": settings.symbol,
            "rank_by": settings.rank_by,
            "chosen_share": settings.chosen_share,
            "terms": dataclasses.asdict(settings.terms),
        },
        trials=[dataclasses.asdict(pair) for pair in settings.pairs()],
        measured_on={
            "part": "in-sample",
            "how": "by the screen: filled at the next open, fee and half spread charged, daily Sharpe",
            "from_ns": chosen.start_ns,
            "to_ns": int(chosen.market.bars["ts_ns"][-1]),
            "cost_bps": crosses.cost_bps(chosen.market),
        },
        data_hash=bars.data_hash,
        code_version=facts.version,
    )
    record = Record(folder, sweep)
    _screen_missing(record, settings.pairs(), chosen, progress, threads)
    table = _table(record.trials)
    winner = _best(table, settings)
    held_out = _from_first_average(rest, winner)
    daily = [s / math.sqrt(DAYS_PER_YEAR) for s in table["sharpe"].drop_nulls().to_list()]
    compared = []
    for done, stretch in enumerate((chosen, held_out), 1):
        compared.append(
            crosses.compare(
                stretch,
                winner,
                settings.terms,
                data_name=data_name,
                journal=_fresh(folder / f"{stretch.label.replace(' ', '-')}.journal"),
                facts=facts,
                n_trials=table.height,
                trial_sharpes=daily,
            )
        )
        progress("engine", done, 2)
    return CrossSweep(settings, table, winner, compared[0], compared[1], folder, _notes(market, bars))


def _split(bars: Market, settings: CrossSettings) -> tuple[crosses.Stretch, Market]:
    """The bars the pair is chosen on, and the rest.

    Raises:
        DataRefused: either part is too short for the slowest window.
    """
    ts = bars.bars["ts_ns"]
    first_held_out = round(len(ts) * settings.chosen_share)
    slowest = max(settings.slow)
    days_held_out = (len(ts) - first_held_out - slowest) * bars.bar_ns / 86_400e9
    if first_held_out <= slowest or days_held_out < _MIN_HELD_OUT_DAYS:
        raise DataRefused(
            f"{len(ts)} unbroken bars of {settings.symbol}: {first_held_out} to choose on and {days_held_out:.0f} days "
            f"held out after a window of {slowest} bars; {slowest + 1} bars and {_MIN_HELD_OUT_DAYS} days are needed",
            f"{settings.symbol}, its longest stretch without a hole",
            "shorten the slow windows, or give more bars",
        )
    before = crosses.span(bars, settings.symbol, ts[0], ts[first_held_out - 1])
    after = crosses.span(bars, settings.symbol, ts[first_held_out], ts[-1])
    return crosses.Stretch(before, 0, "in-sample"), after


def _from_first_average(rest: Market, winner: crosses.Cross) -> crosses.Stretch:
    """Held-out bars, counted from where both averages are known without a bar that the choice has seen."""
    return crosses.Stretch(rest, winner.slow - 1, "held out")


def _screen_missing(
    record: Record, pairs: Sequence[crosses.Cross], chosen: crosses.Stretch, progress: Progress, threads: int
) -> None:
    fee_bps = crosses.cost_bps(chosen.market)
    missing = record.missing
    progress("screening", len(pairs) - len(missing), len(pairs))
    for start in range(0, len(missing), _BATCH):
        numbers = missing[start : start + _BATCH]
        scores = crosses.screen(chosen, [pairs[n] for n in numbers], fee_bps, threads=threads)
        record.add(dict(zip(numbers, scores.to_dicts(), strict=True)))
        progress("screening", len(record.trials), len(pairs))


def _table(trials: Sequence[Trial]) -> pl.DataFrame:
    rows = [{"trial": t.number, **t.parameters, **t.metrics} for t in trials]
    return pl.DataFrame(rows, infer_schema_length=None)


def _best(table: pl.DataFrame, settings: CrossSettings) -> crosses.Cross:
    """The pair with the highest figure; of equals, the first. A pair that never traded is no candidate.

    Raises:
        runs.RunFailed: none traded.
    """
    traded = table.filter((pl.col("trades") > 0) & pl.col(settings.rank_by).is_not_null())
    if traded.is_empty():
        raise runs.RunFailed(
            f"none of {table.height} pairs traded on {settings.symbol}\n  how to go on: try shorter windows"
        )
    row = traded.sort(settings.rank_by, descending=True, maintain_order=True).row(0, named=True)
    return crosses.Cross(row["fast"], row["slow"])


def _fresh(journal: Path) -> Path:
    """The path, with what an earlier, interrupted go left there removed."""
    journal.unlink(missing_ok=True)
    return journal


def _notes(market: Market, bars: Market) -> tuple[str, ...]:
    symbol = bars.symbols[0]
    there = market.bars.filter(pl.col("symbol") == symbol).height
    said = []
    if there > bars.bars.height:
        said.append(
            f"{bars.bars.height} of {there} bars used: the longest stretch of {symbol} without a hole; no average "
            "spans one"
        )
    return (*said, *market.warnings) if market.provenance == "simulated" else tuple(said)


def engine_grid(
    run: Callable[[Mapping[str, Value]], Mapping[str, Value]], record: Record, progress: Progress, *, jobs: int
) -> tuple[Trial, ...]:
    """Makes the trials that are missing from the record, `jobs` at a time, each on record as soon as it is done.

    run: parameters → metrics, of one trial; a module's function or a `functools.partial` of one, because it is sent to
    new processes. An interrupt, or a trial that fails, stops the others; what is on record stays.
    """
    total = len(record.trials) + len(record.missing)
    progress("trials", len(record.trials), total)
    ours_before = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_end_without_a_word) as pool:
        waiting = {pool.submit(run, record.parameters(n)): n for n in record.missing}
        try:
            left = set(waiting)
            while left:
                # Not for good: a signal that another thread took is only seen when this one wakes.
                done, left = wait(left, timeout=_LOOK_UP_S, return_when=FIRST_COMPLETED)
                for future in done:
                    record.add({waiting[future]: future.result()})
                    progress("trials", len(record.trials), total)
        except BaseException:
            for future in waiting:
                future.cancel()
            for worker in set(multiprocessing.active_children()) - ours_before:
                worker.terminate()
            raise
    return record.trials


def _end_without_a_word() -> None:
    """In a worker: an interrupt from the keyboard ends it; the parent says what is to be said."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass(frozen=True, slots=True)
class PortfolioSettings:
    """What is tried: every allocator (a name in `portfolio.ALLOCATORS`) at every annual volatility."""

    allocators: tuple[str, ...]
    annual_volatilities: tuple[float, ...]
    seed: int

    def trials(self) -> list[dict[str, Value]]:
        """Parameters of each trial."""
        both = product(self.allocators, self.annual_volatilities)
        return [{"allocator": a, "annual_volatility": v} for a, v in both]


@dataclass(frozen=True, slots=True)
class PortfolioSweep:
    """A finished sweep over whole portfolio runs.

    trials columns: trial · allocator · annual_volatility · one per metric. best: the trial with the highest Sharpe
    ratio, chosen on the very days it is measured on. deflated: the probability that its true Sharpe ratio is above 0,
    given that it is the best of that many (None where it is not defined).
    """

    trials: pl.DataFrame
    best: Mapping[str, Value]
    deflated: float | None
    folder: Path


_PORTFOLIO_METRICS = (
    "sharpe",
    "total_return_pct",
    "max_drawdown_pct",
    "trades",
    "fees_paid",
    "psr",
    "skew",
    "kurtosis",
)


def portfolio_sweep(
    source: DataSource,
    settings: PortfolioSettings,
    folder: Path,
    facts: runs.CodeFacts,
    progress: Progress,
    *,
    jobs: int,
) -> PortfolioSweep:
    """The walk-forward portfolio under every allocator at every volatility, each a full run of all stages.

    Raises:
        DataRefused: the data must not be used, or the record is on other data.
        runs.RunFailed: a run could not go on, or the folder holds another sweep.
    """
    progress("market", 0, 1)
    market, _ = walk_forward.load_market(source, settings.seed)
    progress("market", 1, 1)
    sweep = Sweep(
        kind="portfolio",
        settings={"seed": settings.seed},
        trials=settings.trials(),
        measured_on={"how": "walk-forward; a choice among the trials is in-sample"},
        data_hash=market.data_hash,
        code_version=facts.version,
    )
    run = functools.partial(portfolio_trial, source, settings.seed, facts)
    trials = engine_grid(run, Record(folder, sweep), progress, jobs=jobs)
    table = _table(trials)
    ranked = table.filter(pl.col("sharpe").is_not_null()).sort("sharpe", descending=True, maintain_order=True)
    if ranked.is_empty():
        raise runs.RunFailed(f"none of {table.height} runs has a Sharpe ratio\n  how to go on: give more data")
    best = ranked.row(0, named=True)
    return PortfolioSweep(table, best, _deflated(best, table), folder)


def portfolio_trial(
    source: DataSource, seed: int, facts: runs.CodeFacts, parameters: Mapping[str, Value]
) -> dict[str, Value]:
    """One walk-forward run; its metrics by their METRICS id, null where undefined, and its state hash."""
    market, name = walk_forward.load_market(source, seed)
    settings = walk_forward.settings(
        allocator=str(parameters["allocator"]),
        annual_volatility=float(parameters["annual_volatility"] or 0.0),
        seed=seed,
    )
    report = walk_forward.walk_forward(market, settings, None, name, facts, lambda *_: None).report
    metrics = {id: report.metrics[id] for id in _PORTFOLIO_METRICS}
    known: dict[str, Value] = {id: None if isinstance(m, Undefined) else m for id, m in metrics.items()}
    return {
        **known,
        "days": report.series["equity"].height - 1,
        "n_trials": report.run.n_trials,
        "run_id": report.run.run_id,
        "state_hash": report.state_hash,
    }


def _deflated(best: Mapping[str, Value], table: pl.DataFrame) -> float | None:
    """The best trial's deflated Sharpe ratio.

    Each run counts the learners and allocators that were looked at behind it; every volatility multiplies them. Where
    not all of those are in the table, their Sharpe ratios are taken to differ at least as skill-less ones would.
    """
    figures = [best[id] for id in ("sharpe", "skew", "kurtosis", "days")]
    known = [float(f) for f in figures if isinstance(f, (int, float))]
    trials = int(best["n_trials"] or 1) * table["annual_volatility"].n_unique()
    daily = table["sharpe"].drop_nulls().to_numpy() / math.sqrt(DAYS_PER_YEAR)
    if len(known) < len(figures) or len(daily) < 2:
        return None
    sharpe, skew, kurtosis, days = known
    variance = float(np.var(daily, ddof=1))
    if len(daily) < trials:
        variance = max(variance, 1.0 / (days - 1.0))
    hurdle = expected_best_sharpe(trials, variance)
    return probabilistic_sharpe(sharpe / math.sqrt(DAYS_PER_YEAR), hurdle, int(days), skew, kurtosis)

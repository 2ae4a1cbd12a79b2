"""The base series of every statistic: mark-to-market equity at each UTC daily close, and its simple returns.

A row stamped exactly at midnight closes the day before it. The run's first day starts from the start equity, so a run
that begins or ends inside a day contributes one partial day at that end. A UTC day without a single mark is *not*
filled in: the equity level bridges it (totals, drawdowns), but the return across it is no daily return and is left out
of the daily statistics; `bridged` says how many and how large, and the report warns. After ruin (equity <= 0) there are
no returns: the day of ruin is the last.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from tradewind.flow import NS_PER_DAY, Benchmark, Undefined

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

DAYS_PER_YEAR = 365.0
MIN_RETURNS = 10
"""Daily returns below which no ratio, volatility or regression of daily returns is stated: it would be noise."""


@dataclass(frozen=True, slots=True)
class Daily:
    """Equity at the start and at each UTC daily close, with the returns between adjacent days.

    ts_ns, equity: n + 1 samples, the first being the start. day: UTC day number of each sample (the start counts as the
    close before its first day). kept: for each of the n steps, whether it is a return over exactly one day.
    returns: simple returns of the kept steps. return_ns: the close each of those returns ends at.
    """

    ts_ns: IntArray
    equity: FloatArray
    day: IntArray
    kept: npt.NDArray[np.bool_]
    returns: FloatArray
    return_ns: IntArray

    @property
    def elapsed_days(self) -> float:
        """Calendar days from the start to the last mark."""
        return float(self.ts_ns[-1] - self.ts_ns[0]) / NS_PER_DAY

    @property
    def bridged(self) -> FloatArray:
        """Returns over more than one day (unobserved days between), which the daily statistics leave out."""
        return _steps(self.equity)[~self.kept]


def sample_daily(equity: pl.DataFrame, start_ns: int, start_equity: float) -> Daily:
    """Sample an equity frame (ts_ns, equity; sorted) at UTC daily closes, from `start_equity` at `start_ns`.

    Raises ValueError when the frame is unsorted or not finite, or the start equity is not positive.
    """
    _require_usable(equity, start_equity)
    ts = equity["ts_ns"].to_numpy().astype(np.int64)
    values = equity["equity"].to_numpy().astype(np.float64)
    start = int(min(start_ns, ts[0])) if len(ts) else int(start_ns)
    after = ts > start
    ts, values = ts[after], values[after]
    day = (ts - 1) // NS_PER_DAY
    last_of_day = np.append(day[1:] != day[:-1], True) if len(day) else np.zeros(0, dtype=bool)
    sample_ns = np.concatenate(([start], ts[last_of_day])).astype(np.int64)
    sample_equity = np.concatenate(([start_equity], values[last_of_day])).astype(np.float64)
    sample_day = np.concatenate(([start // NS_PER_DAY - 1], day[last_of_day])).astype(np.int64)
    ruined = np.flatnonzero(sample_equity <= 0.0)
    alive = np.ones(len(sample_equity) - 1, dtype=bool)
    if len(ruined):
        alive[int(ruined[0]) :] = False
    kept = (np.diff(sample_day) == 1) & alive
    steps = _steps(sample_equity)
    return Daily(sample_ns, sample_equity, sample_day, kept, steps[kept], sample_ns[1:][kept])


def align_benchmark(benchmark: Benchmark, daily: Daily) -> FloatArray | Undefined:
    """The benchmark's equity as of each of the run's samples; Undefined where it does not reach back to the start."""
    ts = benchmark.equity["ts_ns"].to_numpy().astype(np.int64)
    values = benchmark.equity["equity"].to_numpy().astype(np.float64)
    row = np.searchsorted(ts, daily.ts_ns, side="right") - 1
    if len(ts) == 0 or row[0] < 0:
        return Undefined(f"benchmark {benchmark.name!r} starts after the run")
    aligned = values[row]
    if not np.isfinite(aligned).all() or (aligned <= 0.0).any():
        return Undefined(f"benchmark {benchmark.name!r} is not positive and finite throughout")
    return aligned


def step_returns(levels: FloatArray, daily: Daily) -> FloatArray:
    """Simple returns of `levels` (sampled like `daily`) over the same days as `daily.returns`."""
    return _steps(levels)[daily.kept]


def _steps(levels: FloatArray) -> FloatArray:
    """Simple return of each step; 0 where the level before is not positive (such steps are never kept)."""
    before = levels[:-1]
    usable = before > 0.0
    return np.where(usable, levels[1:] / np.where(usable, before, 1.0) - 1.0, 0.0)


def _require_usable(equity: pl.DataFrame, start_equity: float) -> None:
    if not (np.isfinite(start_equity) and start_equity > 0.0):
        raise ValueError(f"start equity must be positive and finite, found {start_equity}")
    values = equity["equity"].to_numpy()
    if not np.isfinite(values.astype(np.float64)).all():
        bad = int(np.flatnonzero(~np.isfinite(values.astype(np.float64)))[0])
        raise ValueError(f"equity row {bad} is not finite ({values[bad]}); the engine must mark every row")
    if not equity["ts_ns"].is_sorted():
        raise ValueError("equity rows must be sorted by ts_ns; sort them before asking for a report")

"""Executions → Report: the one verb of this stage. It measures; the pages only show.

`report` samples the base series, rebuilds round trips, prices every fill, evaluates the catalogue of definitions and
adds the tables, the chart series and the warnings that a careful reader would want before believing any of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from tradewind.analytics import costs, learning, tables
from tradewind.analytics.cautions import cautions
from tradewind.analytics.daily import DAYS_PER_YEAR, Daily, FloatArray, align_benchmark, sample_daily, step_returns
from tradewind.analytics.definitions import DEF_VERSION, DEFINITIONS, Measured
from tradewind.analytics.exposure import share_of_equity
from tradewind.analytics.risk_measures import utc_date
from tradewind.analytics.robustness import redraw
from tradewind.analytics.round_trips import Marks, marks_by_symbol, round_trips, start_inventory
from tradewind.flow import Benchmark, Executions, Forecast, Instrument, Metric, Report, RunFacts, Undefined

NO_BENCHMARK = Undefined("no benchmark was given")
NO_BARS = Undefined("no bars were given, so daily volumes are not known")
THIS_RUN = "this run"
MAX_EXPOSURE_POINTS = 1_500


@dataclass(frozen=True, slots=True)
class Conventions:
    """What a reader may set. risk_free_annual: simple rate a year, as a fraction, spread evenly over 365 days.

    funding_paid: total funding of the run in quote, where positions were perpetual. trial_sharpes: daily Sharpe ratios
    of every configuration tried, from which the deflated Sharpe ratio takes its variance.
    """

    risk_free_annual: float = 0.0
    funding_paid: float | None = None
    trial_sharpes: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class _Sources:
    """What was given and what everything else is derived from."""

    run: RunFacts
    executions: Executions
    daily: Daily
    aligned: dict[str, FloatArray | Undefined]
    marks: dict[str, Marks]
    trips: pl.DataFrame
    fills: pl.DataFrame
    bars: pl.DataFrame | None
    forecast: Forecast | None
    conventions: Conventions

    @property
    def first_benchmark(self) -> FloatArray | Undefined:
        return next(iter(self.aligned.values()), NO_BENCHMARK)

    @property
    def risk_free_daily(self) -> float:
        return self.conventions.risk_free_annual / DAYS_PER_YEAR


def report(
    run: RunFacts,
    executions: Executions,
    benchmarks: Sequence[Benchmark] = (),
    *,
    bars: pl.DataFrame | None = None,
    instruments: Sequence[Instrument] = (),
    forecast: Forecast | None = None,
    conventions: Conventions | None = None,
) -> Report:
    """Measure a run. The first benchmark is the one alpha, beta and the like are taken against.

    bars: Market.bars, for capacity and candles. instruments: for the split of spread and slippage. forecast: for the
    learning group. Report.run.warnings holds what was found here, then the run's own. Raises ValueError when the
    executions cannot be measured (unsorted or non-finite equity, start equity not positive).
    """
    daily = sample_daily(executions.equity, run.start_ns, executions.start_equity)
    marks = marks_by_symbol(executions.positions)
    sources = _Sources(
        run=run,
        executions=executions,
        daily=daily,
        aligned={b.name: align_benchmark(b, daily) for b in benchmarks},
        marks=marks,
        trips=round_trips(executions.fills, marks),
        fills=costs.cost_of_fills(executions.fills, instruments),
        bars=bars,
        forecast=forecast,
        conventions=conventions or Conventions(),
    )
    measured = _measure(sources)
    metrics = {definition.id: definition.of(measured) for definition in DEFINITIONS}
    frames = _tables(sources)
    found = cautions(run, metrics, frames, daily)
    return Report(
        run=replace(run, warnings=tuple(dict.fromkeys((*found, *run.warnings)))),
        metrics=metrics,
        tables=frames,
        series=_series(sources, measured),
        state_hash=executions.state_hash,
        def_version=DEF_VERSION,
    )


def _measure(of: _Sources) -> Measured:
    """Everything the definitions may ask for."""
    daily, executions, first = of.daily, of.executions, of.first_benchmark
    scored = learning.scored_forecasts(of.forecast)
    funding = of.conventions.funding_paid
    return Measured(
        facts=_facts(of.run, daily),
        equity=daily.equity,
        ts_ns=daily.ts_ns,
        day=daily.day,
        returns=daily.returns,
        elapsed_days=daily.elapsed_days,
        marks=np.concatenate(([executions.start_equity], executions.equity["equity"].to_numpy().astype(np.float64))),
        mean_equity=float(np.mean(daily.equity)),
        start=float(daily.equity[0]),
        net=float(daily.equity[-1] - daily.equity[0]),
        risk_free_daily=of.risk_free_daily,
        n_trials=of.run.n_trials,
        trial_sharpes=of.conventions.trial_sharpes,
        benchmark=first,
        benchmark_returns=first if isinstance(first, Undefined) else step_returns(first, daily),
        trips=of.trips.filter(pl.col("state") == "closed").sort("exit_ns", "symbol", maintain_order=True),
        all_trips=of.trips,
        fills=of.fills,
        orders=executions.orders,
        refused=executions.refusals,
        equity_marks=executions.equity,
        funding=funding or 0.0,
        funding_stated=costs.SPOT_ONLY if funding is None else funding,
        liquidity=NO_BARS if of.bars is None else costs.daily_liquidity(_within(of.bars, daily)),
        paths=redraw(daily.returns, of.run.seed),
        scored=scored,
        per_instant=scored if isinstance(scored, Undefined) else learning.coefficients(scored),
    )


def _facts(run: RunFacts, daily: Daily) -> dict[str, Metric]:
    return {
        "run_id": run.run_id,
        "strategy": run.strategy,
        "parameters_hash": run.parameters_hash,
        "data_hash": run.data_hash,
        "code_version": run.code_version,
        "seed": run.seed,
        "period": f"{utc_date(int(daily.ts_ns[0]) + 1)} to {utc_date(int(daily.ts_ns[-1]))}",
        "venues": ", ".join(run.venues),
        "cost_model": run.cost_model,
        "n_trials": run.n_trials,
    }


def _tables(of: _Sources) -> dict[str, pl.DataFrame]:
    lines: dict[str, FloatArray | Undefined] = {THIS_RUN: of.daily.equity, **of.aligned}
    frames = {
        "compared": tables.compared(of.daily, lines, of.risk_free_daily),
        "symbols": tables.per_symbol(of.run.symbols, of.fills, of.trips, of.marks),
        "monthly": tables.monthly(of.daily),
        "trips": of.trips,
        "crises": tables.crises(of.daily, of.first_benchmark),
        "holes": tables.hole_table(of.run.holes),
        "start_inventory": start_inventory(of.executions),
    }
    if of.forecast is not None:
        frames["folds"] = tables.learning_by_fold(of.forecast)
        scored = learning.scored_forecasts(of.forecast)
        if not isinstance(scored, Undefined):
            frames["calibration"] = learning.calibration_bins(scored)
    if of.bars is not None and of.fills.height:
        period = int(of.daily.ts_ns[0]), int(of.daily.ts_ns[-1])
        frames["candles"], frames["candle_trades"] = tables.candles(of.bars, of.fills, *period)
    return frames


def _series(of: _Sources, measured: Measured) -> dict[str, pl.DataFrame]:
    found = tables.lines(of.daily, of.aligned)
    found.update(tables.rolling(of.daily, measured.benchmark_returns))
    marks = of.executions.equity
    for name, column in (("gross_leverage", "gross_exposure"), ("net_exposure", "net_exposure")):
        line = pl.DataFrame({"ts_ns": marks["ts_ns"], "value": share_of_equity(marks, column)})
        found[name] = line.gather_every(max(1, -(-line.height // MAX_EXPOSURE_POINTS)))
    return found


def _within(bars: pl.DataFrame, daily: Daily) -> pl.DataFrame:
    """Bars that closed during the run."""
    return bars.filter(pl.col("ts_ns") > int(daily.ts_ns[0]), pl.col("ts_ns") <= int(daily.ts_ns[-1]))

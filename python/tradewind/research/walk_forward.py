"""The whole flow over history: market → features → forecast → portfolio → risk → execution → engine → report.

The stages form opinions once a day; the native engine works the orders bar by bar and says what we hold, and that is
what the next day's opinion starts from. Nothing here decides anything: it only carries nouns from stage to stage, in
time order.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from tradewind import _native, analytics, execution, features, forecast, portfolio, risk
from tradewind.flow import (
    NS_PER_DAY,
    NS_PER_HOUR,
    NS_PER_SECOND,
    Benchmark,
    DataRefused,
    Executions,
    Forecast,
    Holdings,
    Market,
    ParentOrder,
    Plan,
    Refusal,
    Report,
    RunFacts,
)
from tradewind.market import DataSource, load_hourly, simulate
from tradewind.research import grids, runs, setups

Progress = Callable[[str, int, int], None]

BENCHMARK_SYMBOL = "BTCUSDT"
_NUMBER = re.compile(r"\d[\d.,]*")
_NOTES_SHOWN = 6
FIRST_TEST_NS = 1_730_419_200 * NS_PER_SECOND
"""2024-11-01 00:00 UTC: by then every coin of the universe has history again after the hole of September 2024."""


@dataclass(frozen=True, slots=True)
class Settings:
    """A portfolio run.

    allocator: a name in `portfolio.ALLOCATORS`. annual_volatility: what the portfolio is scaled to. lookback_days: past
    used for covariances and tails. max_order_share: pre-trade limit on one order, of the starting equity.
    """

    start_equity: float = 1_000_000.0
    quote: str = "USDT"
    allocator: str = "equilibrium_tilt"
    max_weight: float = 0.10
    annual_volatility: float = 0.30
    lookback_days: int = 45
    max_order_share: float = 0.25
    learning: forecast.Settings = field(default_factory=forecast.Settings)
    budgets: risk.Budgets = field(default_factory=lambda: risk.Budgets(beyond_scale="scale"))
    trading: execution.PlanSettings = field(
        default_factory=lambda: execution.PlanSettings(
            horizon_ns=4 * NS_PER_HOUR, slice_interval_ns=NS_PER_HOUR, proceeds_delay_ns=0
        )
    )
    fills: setups.BarFills = field(default_factory=setups.BarFills)


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run: the report, and what a closer look needs."""

    report: Report
    executions: Executions
    forecast: Forecast
    benchmarks: tuple[Benchmark, ...]
    plans: tuple[Plan, ...]
    journal: Path | None


@dataclass(slots=True)
class _Diary:
    """What the stages said, day by day."""

    holdings: list[Holdings] = field(default_factory=list)
    plans: list[Plan] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)

    def note(self, sentences: Iterable[str]) -> None:
        """Count what was said today, whatever its numbers were."""
        self.notes.update({_NUMBER.sub("…", sentence.split(";")[0]) for sentence in sentences})


def settings(*, allocator: str, annual_volatility: float, seed: int) -> Settings:
    """The settings of a run by name."""
    return Settings(
        allocator=allocator,
        annual_volatility=annual_volatility,
        learning=forecast.Settings(seed=seed, first_test_ns=FIRST_TEST_NS),
    )


@dataclass(frozen=True, slots=True)
class SimulatedSize:
    """How large a market to simulate. months counts from January 2024; the first forecast is of November 2024."""

    coins: int = 26
    months: int = 20


def load_market(source: DataSource, seed: int, size: SimulatedSize) -> tuple[Market, str]:
    """The hourly market of a source, simulated where there is no data, and the name by which a replay finds it again.

    Raises:
        DataRefused: the data must not be used.
    """
    if source.kind == "simulated":
        name = {"kind": "simulated", "seed": seed, "coins": size.coins, "months": size.months}
    else:
        name = {"kind": "hourly"}
    return named_market(source, name), json.dumps(name)


def named_market(source: DataSource, name: Mapping[str, object]) -> Market:
    """The market that a journal names; a simulated one needs no data.

    Raises:
        DataRefused: the data must not be used, or the name says nothing to this version.
    """
    match name:
        case {"kind": "simulated", "seed": int(seed), "coins": int(coins), "months": int(months)}:
            return simulate(seed, coins=coins, months=months)
        case {"kind": "hourly"} if source.kind == "simulated":
            raise DataRefused(
                "the run was made on hourly bars, and no data folder was found", source.chosen_by, _NAME_IT
            )
        case {"kind": "hourly"}:
            return load_hourly(source, costs_as_of_ns=FIRST_TEST_NS)
    raise DataRefused(f"the data name {dict(name)} says nothing to this version", "the journal's header", _USE_VERIFY)


_NAME_IT = "name one with --data DIR or TRADEWIND_DATA"
_USE_VERIFY = "use `tradewind journal verify`, which needs no data, or the version that wrote the journal"


def walk_forward(
    market: Market,
    settings: Settings,
    journal: Path | None,
    data_name: str,
    facts: runs.CodeFacts,
    progress: Progress,
) -> Run:
    """Backtest the portfolio out of sample over all of the market that the first training period leaves.

    journal: where the native journal is written (must not exist), or None for none. data_name: what the journal calls
    the data, so that a replay finds it.

    Raises:
        DataRefused: the market is too short or too thin.
        runs.RunFailed: the engine could not go on.
    """
    expected = expectations(market, settings.learning, progress)
    return trade(market, expected, settings, journal, data_name=data_name, facts=facts, progress=progress)


def expectations(market: Market, learning: forecast.Settings, progress: Progress) -> Forecast:
    """What the learners expect, out of sample: the part of a run that no allocator and no volatility changes.

    Raises:
        DataRefused: the market is too short or too thin.
    """
    progress("features", 0, 1)
    known = features.compute(market)
    progress("features", 1, 1)
    return forecast.forecast(known, market, learning, lambda _label, done, of: progress("forecast", done, of))


def trade(
    market: Market,
    expected: Forecast,
    settings: Settings,
    journal: Path | None,
    *,
    data_name: str,
    facts: runs.CodeFacts,
    progress: Progress,
    variants: int = 1,
) -> Run:
    """The rest of a run, day by day, on what the learners expect. variants: how many settings are tried beside these,
    these included; the report's Sharpe ratio is deflated by them too.

    Raises:
        runs.RunFailed: the engine could not go on.
    """
    decisions = expected.frame["ts_ns"].unique().sort().to_list()
    recording = grids.record_bars(market, decisions[0])
    setup = setups.bar_setup(
        market.instruments,
        settings.quote,
        settings.start_equity,
        settings.fills,
        bar_ns=market.bar_ns,
        max_order_share=settings.max_order_share,
    )
    diary = _Diary()
    with runs.engine_failures():
        engine = _native.Simulation(
            setup, recording, journal, _segment_name(data_name, decisions[0]), facts.version, facts.created_ns
        )
        for done, ts_ns in enumerate(decisions, 1):
            engine.advance(ts_ns)
            _decide(engine, market, expected, settings, ts_ns, diary)
            progress("trading", done, len(decisions))
        engine.advance(decisions[-1] + NS_PER_DAY)
        executions = runs.executions(engine, settings.quote, settings.start_equity)
    return _report(
        market=market,
        settings=settings,
        expected=expected,
        executions=executions,
        diary=diary,
        facts=facts,
        journal=journal,
        start_ns=decisions[0],
        variants=variants,
    )


def _segment_name(data_name: str, from_ns: int) -> str:
    return json.dumps({**json.loads(data_name), "from_ns": from_ns})


def _decide(
    engine: _native.Simulation, market: Market, expected: Forecast, settings: Settings, ts_ns: int, diary: _Diary
) -> None:
    """One day: what we hold, what we want, whether risk lets us, and the orders for it."""
    holdings = runs.holdings(engine, market.symbols, ts_ns)
    diary.holdings.append(holdings)
    view = _view(market, expected, settings, holdings, ts_ns)
    allocated = portfolio.ALLOCATORS[settings.allocator](max_weight=settings.max_weight)(view)
    target = portfolio.volatility_target(allocated, view, settings.annual_volatility)
    facts = risk.evidence(market, diary.holdings, ts_ns, settings.lookback_days * 24)
    judged = risk.assess(target, facts, settings.budgets)
    if isinstance(judged, Refusal):
        diary.refusals.append(judged)
        return
    # Scaling to the volatility asked for is no news; what risk added, and every fallback, is.
    diary.note((*allocated.notes, *judged.notes[len(target.notes) :]))
    quotes = execution.quotes(market, ts_ns, volume_bars=7 * 24)
    plan = execution.plan(judged, holdings, market.instruments, quotes, settings.trading)
    diary.plans.append(plan)
    for order in plan.orders:
        _start(engine, market, order)


def _view(market: Market, expected: Forecast, settings: Settings, holdings: Holdings, ts_ns: int) -> portfolio.View:
    return portfolio.view(
        market,
        expected.frame,
        holdings,
        ts_ns,
        settings.lookback_days * 24,
        horizon_bars=expected.horizon_bars,
        return_bars=24,
    )


def _start(engine: _native.Simulation, market: Market, order: ParentOrder) -> None:
    """Hand one parent order to the engine, in whole lots."""
    number = market.symbols.index(order.symbol)
    lots = grids.whole_lots(order.quantity, market.instruments[number].lot)
    if order.algo == "immediate":
        engine.start_immediate(setups.STRATEGY_BOOK, number, order.side, lots)
    else:
        engine.start_twap(setups.STRATEGY_BOOK, number, order.side, lots, order.start_ns, order.end_ns, order.slices)


def _report(
    *,
    market: Market,
    settings: Settings,
    expected: Forecast,
    executions: Executions,
    diary: _Diary,
    facts: runs.CodeFacts,
    journal: Path | None,
    start_ns: int,
    variants: int,
) -> Run:
    """Measure the run beside its benchmarks."""
    grid = executions.equity["ts_ns"].to_list()
    of_btc = next((i for i in market.instruments if i.symbol == BENCHMARK_SYMBOL), market.instruments[0])
    cost_bps = of_btc.taker_fee_bps + of_btc.half_spread_bps
    at_start = market.universe.filter(pl.col("ts_ns") <= start_ns).filter(pl.col("ts_ns") == pl.col("ts_ns").max())
    benchmarks = (
        analytics.buy_and_hold(market.bars, of_btc.symbol, settings.start_equity, grid, cost_bps),
        analytics.equal_weight(market.bars, at_start["symbol"].to_list(), settings.start_equity, grid, cost_bps),
    )
    run = RunFacts(
        run_id=runs.run_id(executions.state_hash, market.data_hash),
        strategy=f"{settings.allocator} on {'+'.join(m.name for m in settings.learning.members)}",
        parameters_hash=runs.parameters_hash(settings),
        data_hash=market.data_hash,
        code_version=facts.version,
        seed=settings.learning.seed,
        start_ns=start_ns,
        end_ns=grid[-1],
        venues=tuple(dict.fromkeys(i.venue for i in market.instruments)),
        symbols=tuple(market.symbols),
        provenance=market.provenance,
        cost_model=_cost_model(market, settings),
        # Every allocator on offer was looked at with these forecasts before one became the default.
        n_trials=expected.n_trials * len(portfolio.ALLOCATORS) * variants,
        holes=market.holes,
        refused=tuple(diary.refusals),
        warnings=(*market.warnings, *_stage_warnings(diary)),
    )
    report = analytics.report(
        run, executions, benchmarks, bars=market.bars, instruments=market.instruments, forecast=expected
    )
    return Run(report, executions, expected, benchmarks, tuple(diary.plans), journal)


def _stage_warnings(diary: _Diary) -> list[str]:
    days = len(diary.holdings)
    said = [f"risk refused {len(diary.refusals)} of {days} daily targets"] if diary.refusals else []
    return said + [f"{note} ({times} of {days} days)" for note, times in diary.notes.most_common(_NOTES_SHOWN)]


def _cost_model(market: Market, settings: Settings) -> str:
    fees = sorted({i.taker_fee_bps for i in market.instruments})
    spreads = sorted(i.half_spread_bps for i in market.instruments)
    return (
        f"decided daily at 00:00 UTC; taker fee {', '.join(f'{f:g}' for f in fees)} bps in the asset received; "
        f"half spread {spreads[0]:.1f} to {spreads[-1]:.1f} bps by symbol; "
        f"impact {settings.fills.impact_bps:g} bps times the root of the share of the bar's volume taken, "
        f"at most {settings.fills.max_participation:.0%}; "
        "market orders fill at the next bar's open, no other latency; no queue (bars)"
    )

"""A strategy on recorded depth: one market, replayed message by message through the engine and a simulated venue.

The strategy is any object with the verbs of `tradewind.strategy.Strategy`, or the quoting algo inside the engine. It
starts at the first whole second at which what the account holds can be valued, so that its start equity is the money it
was given and nothing it did.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import polars as pl

from tradewind import _native, analytics
from tradewind.flow import NS_PER_SECOND, Benchmark, DataRefused, Executions, Report, RunFacts
from tradewind.market import L2Sample
from tradewind.research import runs, setups
from tradewind.research.quoting import Parameters, parameters_for
from tradewind.strategy import Strategy

START_QUOTE = 10_000.0
"""Quote currency in the account at the start."""
INVENTORY = Decimal("1.1")
"""Base coin in a spot account at the start, in multiples of the largest position: fees in the coin eat some of it."""
_WHOLE = "use a recording with a snapshot and the updates that follow it (tradewind data check)"
LIMIT_ABOVE_RULE = 10
"""The engine's hard position limit, in multiples of what the rule allows itself."""


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run on recorded depth. fault: why the strategy was fenced off, if it was."""

    report: Report
    executions: Executions
    counts: Mapping[str, int]
    fault: str | None


def backtest(
    sample: L2Sample,
    strategy: Strategy | Parameters,
    fills: setups.DepthFills,
    journal: Path | None,
    facts: runs.CodeFacts,
) -> Run:
    """Replay one market under a strategy, or under the quoting algo in the engine where `Parameters` are given.

    A parameter `max_position_lots` of the strategy, else that of the quoting rule, is the base inventory that a spot
    account starts with; the engine's hard limit is ten times it. journal: where it is written (must not exist).

    Raises:
        DataRefused: the recording cannot be traded on, or its book is never valid.
        runs.RunFailed: the engine could not go on, or the strategy does not say what wakes it.
    """
    terms = setups.depth_terms(sample)
    if not sample.depth["is_snapshot"].any():
        raise DataRefused("the recording holds no snapshot, so its book is never valid", _where(sample), _WHOLE)
    most = _max_position_lots(strategy, sample)
    inventory = f"{INVENTORY * most * Decimal(sample.lot):f}" if terms.kind == "spot" else "0"
    setup = setups.depth_setup(sample, START_QUOTE, inventory, fills, LIMIT_ABOVE_RULE * most)
    with runs.engine_failures():
        recording = record(sample)
        engine = _native.Simulation(setup, recording, journal, data_name(sample), facts.version, facts.created_ns)
        _advance_to_first_value(engine, recording, sample)
        _drive(engine, strategy, recording.span_ns[1])
        equity = pl.DataFrame(engine.equity())
        executions = runs.executions(engine, terms.quote, float(equity["equity"][0]))
    start_ns, end_ns = int(equity["ts_ns"][0]), recording.span_ns[1]
    run = RunFacts(
        run_id=runs.run_id(executions.state_hash, recording.content_hash),
        strategy="quoting (Rust algo)" if isinstance(strategy, Parameters) else f"{strategy.name} (Python)",
        parameters_hash=runs.parameters_hash(
            strategy if isinstance(strategy, Parameters) else {"name": strategy.name, **strategy.parameters}
        ),
        data_hash=recording.content_hash,
        code_version=facts.version,
        seed=0,
        start_ns=start_ns,
        end_ns=end_ns,
        venues=(sample.venue,),
        symbols=(sample.symbol,),
        provenance="real",
        cost_model=_cost_model(sample, terms, fills),
        n_trials=1,
        warnings=_warnings(start_ns, end_ns, engine.fault),
    )
    report = analytics.report(run, executions, _benchmarks(executions))
    return Run(report, executions, engine.counts(), engine.fault)


def _where(sample: L2Sample) -> str:
    return f"{sample.venue} {sample.symbol}"


def data_name(sample: L2Sample) -> str:
    """What a journal calls the data, so that a replay finds it."""
    return json.dumps({"kind": "depth", "venue": sample.venue, "symbol": sample.symbol})


def record(sample: L2Sample) -> _native.Recording:
    """The sample as integers on both clocks."""
    return _native.Recording.depth_and_trades([(sample.depth, sample.trades)])


def _max_position_lots(strategy: Strategy | Parameters, sample: L2Sample) -> int:
    if isinstance(strategy, Parameters):
        return strategy.max_position_lots
    stated = strategy.parameters.get("max_position_lots")
    return stated if isinstance(stated, int) and stated > 0 else parameters_for(sample).max_position_lots


def _advance_to_first_value(engine: _native.Simulation, recording: _native.Recording, sample: L2Sample) -> None:
    """To the first equity sample: before the book is valid, what is held has no price."""
    at_ns, end_ns = recording.span_ns
    while pl.DataFrame(engine.equity()).is_empty():
        if at_ns > end_ns:
            raise DataRefused("at no whole second could what is held be valued", _where(sample), _WHOLE)
        at_ns += NS_PER_SECOND
        engine.advance(at_ns // NS_PER_SECOND * NS_PER_SECOND)


def _drive(engine: _native.Simulation, strategy: Strategy | Parameters, end_ns: int) -> None:
    if not isinstance(strategy, Parameters):
        engine.advance(end_ns, strategy)
        return
    engine.start_quoting(
        setups.STRATEGY_BOOK,
        0,
        strategy.half_spread_half_ticks,
        strategy.lots,
        strategy.max_position_lots,
        strategy.skew_half_ticks,
        strategy.interval_ns,
    )
    engine.advance(end_ns)


def _benchmarks(executions: Executions) -> tuple[Benchmark, ...]:
    """What the account would be worth had it only kept what it started with, where that was more than money."""
    first = executions.positions.filter(pl.col("ts_ns") == executions.equity["ts_ns"][0])
    if first.is_empty():
        return ()
    held, cash = first.row(0, named=True), float(executions.equity["cash"][0])
    marks = executions.positions.filter(pl.col("symbol") == held["symbol"])
    worth = executions.equity.select("ts_ns").join_asof(marks.select("ts_ns", "mark"), on="ts_ns")
    line = worth.select("ts_ns", equity=cash + held["quantity"] * pl.col("mark"))
    return (Benchmark("start inventory, not traded", line),)


def _warnings(start_ns: int, end_ns: int, fault: str | None) -> tuple[str, ...]:
    minutes = (end_ns - start_ns) / (60 * NS_PER_SECOND)
    said = [f"{minutes:.1f} minutes of data: no conclusion about profit can be drawn"]
    if fault is not None:
        why = fault.strip().splitlines()
        said.insert(
            0, f"the strategy failed and was fenced off, its orders cancelled: {why[-1] if why else 'no reason'}"
        )
    return tuple(said)


def _cost_model(sample: L2Sample, terms: setups.DepthTerms, fills: setups.DepthFills) -> str:
    queue = (
        "only trades move the queue" if fills.queue_power == 0 else f"queue by cancels too, power {fills.queue_power}"
    )
    fee_in = "the asset received" if terms.kind == "spot" else terms.quote
    return (
        f"maker {terms.maker_fee_bps:g} / taker {terms.taker_fee_bps:g} bps in {fee_in}; recorded depth, {queue}; "
        f"latency {fills.request_latency_ns / 1e6:g} ms there, {fills.response_latency_ns / 1e6:g} ms back; "
        f"feed as recorded, clock corrected by {sample.clock_correction_ns / 1e6:.2f} ms"
    )

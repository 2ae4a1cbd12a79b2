"""Two-sided quoting on recorded depth, once as a Rust algo inside the engine and once as a Python strategy outside it.

The rule is one: quotes around the mid, moved against inventory, in whole half-ticks, so that the two must send the
same orders. It is a specimen that shows both time scales at work, not a strategy to make money with: it has no view of
where the price goes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal

import polars as pl

from tradewind import _native, analytics
from tradewind.flow import NS_PER_SECOND, Executions, Report, RunFacts, Side
from tradewind.market import L2Sample
from tradewind.research import runs, setups
from tradewind.strategy import Cancel, Intent, LiveOrder, Place, Strategy, View, Wake, Wakes


@dataclass(frozen=True, slots=True)
class Parameters:
    """half_spread_half_ticks: distance of each quote from the mid. skew_half_ticks: how far both move against the
    largest inventory. lots: size of a quote. max_position_lots: the side that would go beyond is not quoted.
    interval_ns: how often it looks.
    """

    half_spread_half_ticks: int = 1
    skew_half_ticks: int = 40
    lots: int = 10
    max_position_lots: int = 100
    interval_ns: int = 100_000_000


class Quoting:
    """The quoting rule in Python: the twin of the Rust algo, decision by decision."""

    name = "quoting"

    def __init__(self, parameters: Parameters) -> None:
        self._p = parameters
        self.parameters: Mapping[str, int | float | str] = {
            "half_spread_half_ticks": parameters.half_spread_half_ticks,
            "skew_half_ticks": parameters.skew_half_ticks,
            "lots": parameters.lots,
            "max_position_lots": parameters.max_position_lots,
        }

    def wakes(self) -> Wakes:
        """Its timer, nothing else."""
        return Wakes(timer_ns=self._p.interval_ns)

    def on_wake(self, wake: Wake, view: View) -> Sequence[Intent]:
        """Cancels what is at a wrong price, then places what is missing: bids before asks."""
        wanted = self._wanted(view)
        orders = view.live_orders()
        cancels: list[Intent] = []
        places: list[Intent] = []
        sides: tuple[Side, Side] = ("buy", "sell")
        for side in sides:
            price = wanted[side]
            kept, unknown, cancelled = _settle([o for o in orders if o.side == side], price)
            cancels += cancelled
            if price is not None and not kept and not unknown:
                places.append(Place(0, side, self._p.lots, price, "post_only"))
        return cancels + places

    def _wanted(self, view: View) -> dict[Side, int | None]:
        """Quote prices in ticks, or None for a side that is not to be quoted."""
        touch = view.touch(0)
        if touch is None:
            return {"buy": None, "sell": None}
        p, position = self._p, view.position_lots(0)
        mid2 = touch.bid_ticks + touch.ask_ticks
        skew = _truncated(position * p.skew_half_ticks, p.max_position_lots) if p.max_position_lots else 0
        bid = min((mid2 - p.half_spread_half_ticks - skew) // 2, touch.ask_ticks - 1)
        ask = max(-((-(mid2 + p.half_spread_half_ticks - skew)) // 2), touch.bid_ticks + 1)
        return {
            "buy": bid if position + p.lots <= p.max_position_lots and bid >= 1 else None,
            "sell": ask if position - p.lots >= -p.max_position_lots and ask >= 1 else None,
        }


def _truncated(numerator: int, denominator: int) -> int:
    """Division rounded towards zero, as the Rust twin divides."""
    quotient = abs(numerator) // abs(denominator)
    return quotient if (numerator >= 0) == (denominator > 0) else -quotient


def _settle(orders: Sequence[LiveOrder], price: int | None) -> tuple[bool, bool, list[Intent]]:
    """(an order is kept, one is of unknown fate, cancels of the rest). The oldest at the wanted price is kept."""
    kept = unknown = False
    cancels: list[Intent] = []
    for order in orders:
        if order.state == "unknown":
            unknown = True
        elif order.state == "cancelling":
            continue
        elif not kept and price is not None and order.price_ticks == price:
            kept = True
        else:
            cancels.append(Cancel(order.order_id))
    return kept, unknown, cancels


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run on recorded depth."""

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
    *,
    start_equity: float = 1_000_000.0,
    start_base: str = "1",
    max_position_lots: int | None = None,
) -> Run:
    """Replay one market under a Python strategy, or under the Rust quoting algo where `Parameters` are given.

    max_position_lots: hard limit in the engine; by default ten times what the quoting rule allows itself.
    """
    recording = record(sample)
    limit = max_position_lots
    if limit is None:
        limit = 10 * strategy.max_position_lots if isinstance(strategy, Parameters) else 1_000_000
    setup = setups.depth_setup(sample, start_equity, start_base, fills, limit)
    engine = _native.Simulation(setup, recording, journal, data_name(sample), facts.version, facts.created_ns)
    start_ns, end_ns = recording.span_ns
    if isinstance(strategy, Parameters):
        p = strategy
        engine.start_quoting(
            setups.STRATEGY_BOOK,
            0,
            p.half_spread_half_ticks,
            p.lots,
            p.max_position_lots,
            p.skew_half_ticks,
            p.interval_ns,
        )
        engine.advance(end_ns)
        name = "quoting (Rust algo)"
    else:
        engine.advance(end_ns, strategy)
        name = f"{strategy.name} (Python)"
    first_equity = float(pl.DataFrame(engine.equity())["equity"][0])
    executions = runs.executions(engine, setups.split_symbol(sample.symbol)[1], first_equity)
    run = RunFacts(
        run_id=runs.run_id(executions.state_hash, recording.content_hash),
        strategy=name,
        parameters_hash=runs.parameters_hash(
            strategy if isinstance(strategy, Parameters) else dict(strategy.parameters)
        ),
        data_hash=recording.content_hash,
        code_version=facts.version,
        seed=0,
        start_ns=start_ns,
        end_ns=end_ns,
        venues=(sample.venue,),
        symbols=(sample.symbol,),
        provenance="real",
        cost_model=_cost_model(sample, fills),
        n_trials=1,
        warnings=_warnings(start_ns, end_ns, engine.fault),
    )
    return Run(analytics.report(run, executions), executions, engine.counts(), engine.fault)


def parameters_for(sample: L2Sample) -> Parameters:
    """Quotes of about 0.001 of the base coin in whole order steps, at most ten of them held."""
    lots = max(1, round(Decimal("0.001") / Decimal(sample.lot)))
    return Parameters(lots=lots, max_position_lots=10 * lots)


def data_name(sample: L2Sample) -> str:
    """What a journal calls the data, so that a replay finds it."""
    return json.dumps({"kind": "depth", "venue": sample.venue, "symbol": sample.symbol})


def record(sample: L2Sample) -> _native.Recording:
    """The sample as integers on both clocks."""
    return _native.Recording.depth_and_trades([(sample.depth, sample.trades)])


def _warnings(start_ns: int, end_ns: int, fault: str | None) -> tuple[str, ...]:
    minutes = (end_ns - start_ns) / (60 * NS_PER_SECOND)
    said = [f"{minutes:.1f} minutes of data: no conclusion about profit can be drawn, daily figures are undefined"]
    if fault is not None:
        said.append(f"the strategy failed and was fenced off, its orders cancelled: {fault.splitlines()[-1]}")
    return tuple(said)


def _cost_model(sample: L2Sample, fills: setups.DepthFills) -> str:
    queue = (
        "only trades move the queue" if fills.queue_power == 0 else f"queue by cancels too, power {fills.queue_power}"
    )
    where: Literal["the asset received", "quote"] = "the asset received" if sample.venue.endswith("_spot") else "quote"
    return (
        f"maker {fills.maker_fee_bps:g} / taker {fills.taker_fee_bps:g} bps in {where}; recorded depth, {queue}; "
        f"latency {fills.request_latency_ns / 1e6:g} ms there, {fills.response_latency_ns / 1e6:g} ms back; "
        f"feed as recorded, clock corrected by {sample.clock_correction_ns / 1e6:.2f} ms"
    )

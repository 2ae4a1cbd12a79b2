"""Whole simulations through the Python face: what a user waits for once the data is loaded.

Each run has its journal (level memory: written to a file block by block, nothing waited for) and its tape; loading,
conversion and the report are not timed. Events are what the engine is told: a depth message, a trade, a closed bar.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from measurement import BenchFailed, Measurement
from tradewind import _native
from tradewind.flow import NS_PER_DAY, NS_PER_HOUR, Market, Side
from tradewind.market import DataSource, L2Sample, load_hourly, simulate
from tradewind.research import depth, grids, quoting, setups
from tradewind.strategy import Intent, Strategy, View, Wake, Wakes

MARKET = ("binance_usdm", "BTCUSDT")
_SEED = 7
_SLICES = 4


class Watcher:
    """Woken by each book change and each trade; looks at the touch and its orders, and never trades."""

    name = "watcher"

    def __init__(self) -> None:
        self.parameters: Mapping[str, int | float | str] = {}
        self.wakes_seen = 0

    def wakes(self) -> Wakes:
        """Every public event."""
        return Wakes(book=True, trade=True)

    def on_wake(self, wake: Wake, view: View) -> Sequence[Intent]:
        """Nothing to do, but only after a look."""
        self.wakes_seen += 1
        if view.touch(0) is None or view.live_orders():
            return []
        return []


class Counted:
    """Another strategy, with its wakes counted."""

    def __init__(self, strategy: Strategy) -> None:
        self.name, self.parameters, self._strategy = strategy.name, strategy.parameters, strategy
        self.wakes_seen = 0

    def wakes(self) -> Wakes:
        """As the other one."""
        return self._strategy.wakes()

    def on_wake(self, wake: Wake, view: View) -> Sequence[Intent]:
        """As the other one."""
        self.wakes_seen += 1
        return self._strategy.on_wake(wake, view)


@dataclass(frozen=True, slots=True)
class Ran:
    """One run: elapsed ns, engine's counts, requests refused by us or by the venue, digest of the final state."""

    elapsed_ns: int
    events: int
    rejects: int
    fills: int
    state_hash: str


Drive = Callable[[_native.Simulation], None]


def _run(setup: str, recording: _native.Recording, drive: Drive) -> Ran:
    """Time a run from its first event to the closed journal.

    Raises:
        BenchFailed: the strategy failed and was fenced off.
    """
    with tempfile.TemporaryDirectory(prefix="tradewind-bench-") as folder:
        engine = _native.Simulation(setup, recording, Path(folder) / "run.journal", "bench", "bench", 0)
        start = time.perf_counter_ns()
        drive(engine)
        state_hash = engine.finish()
        elapsed_ns = time.perf_counter_ns() - start
    if engine.fault is not None:
        raise BenchFailed(f"the strategy failed: {engine.fault}")
    counts = engine.counts()
    rejected = pl.DataFrame(engine.orders()).filter(pl.col("state") == "rejected").height
    return Ran(elapsed_ns, counts["market_events"], counts["refusals"] + rejected, counts["fills"], state_hash)


def _measure(name: str, rounds: int, units: dict[str, int], run: Callable[[], Ran]) -> Measurement:
    goes = [run() for _ in range(rounds)]
    measured = [
        Measurement.of_rounds(name, {"event": g.events, **units}, [g.elapsed_ns], g.rejects, g.fills, g.state_hash)
        for g in goes
    ]
    whole = measured[0]
    for another in measured[1:]:
        whole = whole.with_another_go(another)
    return whole


class Depth:
    """Quoting on recorded depth, by the Rust algo and by its Python twin; and a Python strategy woken by everything."""

    def __init__(self, sample: L2Sample) -> None:
        self._recording = depth.record(sample)
        self._parameters = quoting.parameters_for(sample)
        limit = 10 * self._parameters.max_position_lots
        self._setup = setups.depth_setup(sample, 10_000.0, "0", setups.DepthFills(), limit)
        self._rows = sample.depth.height + sample.trades.height
        counted, watcher = Counted(quoting.Quoting(self._parameters)), Watcher()
        self._with(counted)
        self._with(watcher)
        self._wakes = {"quoting": counted.wakes_seen, "watcher": watcher.wakes_seen}

    def _with(self, strategy: Strategy) -> Ran:
        end_ns = self._recording.span_ns[1]
        return _run(self._setup, self._recording, lambda engine: engine.advance(end_ns, strategy))

    def _algo(self) -> Ran:
        p, end_ns = self._parameters, self._recording.span_ns[1]

        def drive(engine: _native.Simulation) -> None:
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

        return _run(self._setup, self._recording, drive)

    def rows(self, rounds: int) -> list[Measurement]:
        """One go of each row."""
        recorded = {"recorded row": self._rows}
        return [
            _measure("simulation_quoting_rust", rounds, recorded, self._algo),
            _measure(
                "simulation_quoting_python",
                rounds,
                {**recorded, "wake": self._wakes["quoting"]},
                lambda: self._with(quoting.Quoting(self._parameters)),
            ),
            _measure(
                "simulation_watcher_python",
                rounds,
                {"wake": self._wakes["watcher"]},
                lambda: self._with(Watcher()),
            ),
        ]


class Bars:
    """A portfolio on hourly bars: every day a TWAP of four slices per coin, buying one day and selling the next."""

    def __init__(self, market: Market) -> None:
        self._start_ns = int(market.bars.select(pl.col("ts_ns").min()).item())
        self._end_ns = int(market.bars.select(pl.col("ts_ns").max()).item())
        self._recording = grids.record_bars(market, self._start_ns)
        self._setup = setups.bar_setup(
            market.instruments,
            "USDT",
            1_000_000.0,
            setups.BarFills(),
            bar_ns=market.bar_ns,
            max_order_share=0.25,
        )
        self._lots = _lots_worth(market, 500.0)
        self._trading = _trading_daily(market, self._start_ns)

    def _drive(self, engine: _native.Simulation) -> None:
        for day, ts_ns in enumerate(range(self._start_ns, self._end_ns, NS_PER_DAY)):
            engine.advance(ts_ns)
            side: Side = "sell" if day % 2 else "buy"
            for number in self._trading.get(ts_ns, ()):
                lots = self._lots.get(number, 0)
                if lots < 2:
                    continue
                # Less is sold than was bought: the fee is taken out of the coins.
                asked = lots - lots // 50 - 1 if side == "sell" else lots
                engine.start_twap(
                    setups.STRATEGY_BOOK, number, side, asked, ts_ns, ts_ns + _SLICES * NS_PER_HOUR, _SLICES
                )
        engine.advance(self._end_ns)

    def rows(self, rounds: int) -> list[Measurement]:
        """One go of the row."""
        return [
            _measure("simulation_portfolio_bars", rounds, {}, lambda: _run(self._setup, self._recording, self._drive))
        ]


def _trading_daily(market: Market, start_ns: int) -> dict[int, list[int]]:
    """Which coins have a bar at each day's first close: an order for one that does not trade would only be refused."""
    numbers = {symbol: number for number, symbol in enumerate(market.symbols)}
    daily = market.bars.filter((pl.col("ts_ns") - start_ns) % NS_PER_DAY == 0).select("ts_ns", "symbol")
    trading: dict[int, list[int]] = {}
    for ts_ns, symbol in daily.iter_rows():
        trading.setdefault(ts_ns, []).append(numbers[symbol])
    return trading


def hourly(source: DataSource, *, quick: bool) -> Market:
    """Hourly bars of the source; a simulated market where there is none, or where it is to be quick."""
    return simulate(_SEED) if quick or source.kind == "simulated" else load_hourly(source)


def _lots_worth(market: Market, value: float) -> dict[int, int]:
    """Whole lots of each coin that are worth about `value` at its first close."""
    first = dict(market.bars.group_by("symbol", maintain_order=True).agg(pl.col("close").first()).iter_rows())
    return {n: grids.whole_lots(value / first[i.symbol], i.lot) for n, i in enumerate(market.instruments)}

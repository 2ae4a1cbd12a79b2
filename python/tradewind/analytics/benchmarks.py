"""Reference equity lines on the run's clock: what doing almost nothing would have made, at a stated cost.

Both buy once, at the last close known at the first instant of the grid, pay `cost_bps` of the money spent, and hold:
nothing is sold or rebalanced. Between closes (and through holes) a position is worth its last close.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from tradewind.analytics.daily import FloatArray, IntArray
from tradewind.flow import NS_PER_DAY, Benchmark

STALE_NS = NS_PER_DAY


def buy_and_hold(
    bars: pl.DataFrame, symbol: str, start_equity: float, ts_ns: Sequence[int] | IntArray, cost_bps: float
) -> Benchmark:
    """All of `start_equity` in one symbol from the first instant of `ts_ns` (sorted) on.

    bars: Market.bars. cost_bps: fee and half spread paid on entry. Raises ValueError when the symbol has no close
    within a day before the first instant.
    """
    grid = _grid(ts_ns)
    closes = _closes(bars, symbol, grid)
    if closes is None:
        raise ValueError(
            f"benchmark {symbol}: no close within a day before the run starts; found {_span(bars, symbol)}. "
            "Choose a symbol that trades at the start, or start later"
        )
    return _benchmark(f"{symbol} buy & hold", grid, _held(closes, start_equity, cost_bps))


def equal_weight(
    bars: pl.DataFrame, symbols: Sequence[str], start_equity: float, ts_ns: Sequence[int] | IntArray, cost_bps: float
) -> Benchmark:
    """The same money in each of `symbols` that trades at the first instant of `ts_ns` (sorted), never rebalanced.

    Symbols without a close within a day before the first instant are left out; the name says how many are in. Raises
    ValueError when none trades.
    """
    grid = _grid(ts_ns)
    found = [closes for symbol in dict.fromkeys(symbols) if (closes := _closes(bars, symbol, grid)) is not None]
    if not found:
        raise ValueError(f"equal weight: none of {len(symbols)} symbols has a close within a day before the run starts")
    share = start_equity / len(found)
    total = np.sum([_held(closes, share, cost_bps) for closes in found], axis=0)
    return _benchmark(f"equal weight of {len(found)}, held", grid, total)


def _grid(ts_ns: Sequence[int] | IntArray) -> IntArray:
    grid = np.asarray(ts_ns, dtype=np.int64)
    if len(grid) == 0 or (np.diff(grid) < 0).any():
        raise ValueError("a benchmark needs a sorted, non-empty grid of instants; pass the run's equity ts_ns")
    return grid


def _closes(bars: pl.DataFrame, symbol: str, grid: IntArray) -> FloatArray | None:
    """Last close known at each instant; None when there is no fresh one at the first."""
    own = bars.filter(pl.col("symbol") == symbol).sort("ts_ns")
    known_ns = own["ts_ns"].to_numpy().astype(np.int64)
    row = np.searchsorted(known_ns, grid, side="right") - 1
    if row[0] < 0 or int(grid[0] - known_ns[row[0]]) > STALE_NS:
        return None
    return np.asarray(own["close"].to_numpy()[row], dtype=np.float64)


def _held(closes: FloatArray, money: float, cost_bps: float) -> FloatArray:
    return np.asarray(money / (1.0 + cost_bps * 1e-4) * closes / closes[0], dtype=np.float64)


def _span(bars: pl.DataFrame, symbol: str) -> str:
    own = bars.filter(pl.col("symbol") == symbol)["ts_ns"].sort()
    return f"closes from {own[0]} to {own[-1]} ns" if len(own) else "no bars at all"


def _benchmark(name: str, grid: IntArray, equity: FloatArray) -> Benchmark:
    return Benchmark(name, pl.DataFrame({"ts_ns": grid, "equity": equity}))

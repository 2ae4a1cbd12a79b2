"""The shared work on this engine, through its Python face."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

import workloads
from strategies import EmaCross, OrderPerQuote, TouchMaker
from tradewind import _native
from tradewind.strategy import Strategy, Wakes

_CHUNK = 100_000
_HOUR_NS = 3_600_000_000_000
_RATE_ONE = 100_000_000
START_BALANCE = "10000000"


def setup(book: str, sample_every_ns: int = _HOUR_NS) -> str:
    """One linear perpetual on a venue that fills by touch, without delay; fees to the nearest 1e-8, ties to even."""
    return json.dumps(
        {
            "node": 1,
            "epoch": 1,
            "assets": [{"symbol": "USDT", "scale": 8}, {"symbol": "ETH", "scale": 8}],
            "venues": [
                {
                    "name": "sim",
                    "margin": "Cross",
                    "fills": {"touch": {"book": book, "fee_rounding": "HalfEven"}},
                    "request_latency_ns": 0,
                    "response_latency_ns": 0,
                }
            ],
            "instruments": [
                {
                    "venue": 0,
                    "symbol": "ETHUSDT",
                    "kind": "linear_perpetual",
                    "base": "ETH",
                    "quote": "USDT",
                    "tick": "0.01",
                    "lot": "0.001",
                    "multiplier": "1",
                    "min_notional": "0",
                    "maker_fee": round(0.0002 * _RATE_ONE),
                    "taker_fee": round(0.0005 * _RATE_ONE),
                    "fee_in": "settlement",
                    "sequencing": "unchecked",
                    "half_spread": 0,
                }
            ],
            "books": ["strategy"],
            "deposits": [{"venue": 0, "book": 1, "asset": "USDT", "amount": START_BALANCE}],
            "limits": [
                {
                    "scope": {"Book": 1},
                    "instrument": None,
                    "max_order_notional": START_BALANCE,
                    "max_price_deviation": None,
                    "max_reference_age_ns": _HOUR_NS,
                    "max_order_lots": None,
                    "max_position_lots": 1_000_000,
                    "max_orders_per_second": None,
                }
            ],
            "equity_in": "USDT",
            "sample_every_ns": sample_every_ns,
        }
    )


def trade_tables(data: workloads.Columns) -> Iterator[pl.DataFrame]:
    """Trades a chunk at a time, so that they are never in memory twice."""
    for start in range(0, len(data["ts"]), _CHUNK):
        rows = slice(start, start + _CHUNK)
        at = pl.Series(data["ts"][rows])
        yield pl.DataFrame(
            {
                "ts_ns": at,
                "recv_ns": at,
                "trade_id": pl.Series(np.arange(start, start + len(at), dtype=np.int64)),
                "price_ticks": pl.Series(data["price"][rows]),
                "size_lots": pl.Series(data["size"][rows]),
                "aggressor": pl.Series(data["side"][rows] - 1),
            }
        )


def depth_table(data: workloads.Columns) -> pl.DataFrame:
    """Level changes; the first message clears the book and so is a snapshot."""
    frame = pl.DataFrame({name: pl.Series(column) for name, column in data.items()})
    return frame.filter(pl.col("action") != workloads.CLEAR).select(
        pl.col("ts").alias("ts_ns"),
        pl.col("ts").alias("recv_ns"),
        pl.col("seq").alias("msg"),
        pl.col("seq").alias("first_id"),
        pl.col("seq").alias("last_id"),
        pl.lit(None, dtype=pl.Int64).alias("prev_id"),
        (pl.col("seq") == 0).alias("is_snapshot"),
        (pl.col("side").cast(pl.Int8) - 1).alias("side"),
        pl.col("price").alias("price_ticks"),
        pl.when(pl.col("action") == workloads.DELETE).then(0).otherwise(pl.col("size")).alias("size_lots"),
    )


def recording(work: str, folder: Path, first: int | None = None) -> _native.Recording:
    """The market data of a workload."""
    if work == "A2":
        data = workloads.read(folder, "trades", first)
        return _native.Recording.trades(trade_tables(data), len(data["ts"]))
    if work in {"B2", "F1"}:
        data = workloads.read(folder, "quotes", first)
        names = {"bid_ticks": "bid", "bid_lots": "bid_size", "ask_ticks": "ask", "ask_lots": "ask_size"}
        columns = {"ts_ns": "ts", "recv_ns": "ts", **names}
        return _native.Recording.quotes(pl.DataFrame({name: pl.Series(data[of]) for name, of in columns.items()}))
    if work == "E":
        data = workloads.read(folder, "bars", first)
        prices = {name: pl.Series(data[name]) for name in ("open", "high", "low", "close", "volume")}
        at = pl.Series(data["ts"])
        zero = pl.Series(np.zeros(len(at), np.int64))
        return _native.Recording.bars(
            pl.DataFrame({"ts_ns": at, "open_ts_ns": at - 60_000_000_000, "instrument": zero, **prices})
        )
    depth, trades = workloads.read(folder, "depth", first), workloads.read(folder, "depth_trades")
    if first is not None:
        trades = {name: column[trades["ts"] <= depth["ts"][-1]] for name, column in trades.items()}
    return _native.Recording.depth_and_trades([(depth_table(depth), pl.concat(trade_tables(trades)))])


def strategy(work: str) -> Strategy:
    """The strategy of a workload."""
    if work == "A2":
        return EmaCross(100, 1_000, Wakes(trade=True))
    if work == "B2":
        return EmaCross(100, 1_000, Wakes(book=True))
    if work == "E":
        return EmaCross(10, 20, Wakes(bar=True))
    return OrderPerQuote() if work == "F1" else TouchMaker()


@dataclass(frozen=True, slots=True)
class Ran:
    """One run. events: market events given; the simulation is kept to be read."""

    wall_s: float
    cpu_s: float
    state_hash: str
    peak_mb: float
    engine: _native.Simulation
    strategy: Strategy


def run(work: str, market: _native.Recording, journal: Path | None) -> Ran:
    """Run a workload from its first event to the closed journal.

    Raises:
        RuntimeError: the strategy failed.
    """
    engine = _native.Simulation(setup("depth" if work == "C2" else "top"), market, journal, work, "bench", 0)
    chosen = strategy(work)
    wall, cpu = time.perf_counter(), time.process_time()
    engine.advance(market.span_ns[1], chosen)
    state_hash = engine.finish()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if engine.fault is not None:
        raise RuntimeError(engine.fault)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Ran(wall, cpu, state_hash, peak, engine, chosen)

"""The shared work on this engine, through its Python face."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

import recorded
import workloads
from strategies import EmaCross, GridMaker, OrderPerQuote, TouchMaker
from tradewind import _native
from tradewind.strategy import Strategy, Wakes

_PART = 100_000
_SECOND_NS, _HOUR_NS = 1_000_000_000, 3_600_000_000_000
_RATE_ONE = 100_000_000
START_BALANCE = "10000000"


def setup(work: str) -> str:
    """The setup of a workload, JSON.

    The shared work: a linear perpetual on a venue that fills by touch, without delay, fees to the nearest 1e-8 with
    ties to even. The grid: another on recorded depth with the queue model (power 2), 4 ms there and 4 ms back.
    """
    if work == "GRID":
        venue = _venue({"depth": {"queue_power": 2}}, 4_000_000)
        return _one_market(venue, _perpetual("BTC", "0.1", -0.00005, 0.0007), _SECOND_NS)
    book = "depth" if work == "C2" else "top"
    venue = _venue({"touch": {"book": book, "fee_rounding": "HalfEven"}}, 0)
    return _one_market(venue, _perpetual("ETH", "0.01", 0.0002, 0.0005), _HOUR_NS)


def _venue(fills: dict[str, object], latency_ns: int) -> dict[str, object]:
    latencies = {"request_latency_ns": latency_ns, "response_latency_ns": latency_ns}
    return {"name": "sim", "margin": "Cross", "fills": fills, **latencies}


def _perpetual(base: str, tick: str, maker_fee: float, taker_fee: float) -> dict[str, object]:
    return {
        "venue": 0,
        "symbol": f"{base}USDT",
        "kind": "linear_perpetual",
        "base": base,
        "quote": "USDT",
        "tick": tick,
        "lot": "0.001",
        "multiplier": "1",
        "min_notional": "0",
        "maker_fee": round(maker_fee * _RATE_ONE),
        "taker_fee": round(taker_fee * _RATE_ONE),
        "fee_in": "settlement",
        "sequencing": "unchecked",
        "half_spread": 0,
    }


def _one_market(venue: dict[str, object], instrument: dict[str, object], sample_every_ns: int) -> str:
    limits = {"max_order_notional": START_BALANCE, "max_reference_age_ns": _HOUR_NS, "max_position_lots": 1_000_000}
    off = ("instrument", "max_price_deviation", "max_order_lots", "max_orders_per_second")
    return json.dumps(
        {
            "node": 1,
            "epoch": 1,
            "assets": [{"symbol": "USDT", "scale": 8}, {"symbol": instrument["base"], "scale": 8}],
            "venues": [venue],
            "instruments": [instrument],
            "books": ["strategy"],
            "deposits": [{"venue": 0, "book": 1, "asset": "USDT", "amount": START_BALANCE}],
            "limits": [{"scope": {"Book": 1}, **limits, **dict.fromkeys(off)}],
            "equity_in": "USDT",
            "sample_every_ns": sample_every_ns,
        }
    )


def trade_tables(parts: Iterable[workloads.Columns]) -> Iterator[pl.DataFrame]:
    """Trades part by part, so that they are never in memory twice."""
    seen = 0
    for part in parts:
        at = pl.Series(part["ts"])
        yield pl.DataFrame(
            {
                "ts_ns": at,
                "recv_ns": at,
                "trade_id": pl.Series(np.arange(seen, seen + len(at), dtype=np.int64)),
                "price_ticks": pl.Series(part["price"]),
                "size_lots": pl.Series(part["size"]),
                "aggressor": pl.Series(part["side"] - 1),
            }
        )
        seen += len(at)


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
        parts = workloads.read_in_parts(folder, "trades", _PART, first)
        return _native.Recording.trades(trade_tables(parts), workloads.ROWS if first is None else first)
    if work in {"B2", "F1"}:
        orders = workloads.ORDERS if work == "F1" else None
        data = workloads.read(folder, "quotes", orders if first is None else first)
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
    if work == "GRID":
        samples = [recorded.table(workloads.read(folder, name)) for name in ("grid_depth", "grid_trades")]
        return _native.Recording.depth_and_trades([(samples[0], samples[1])])
    depth, trades = workloads.read(folder, "depth", first), workloads.read(folder, "depth_trades")
    if first is not None:
        trades = {name: column[trades["ts"] <= depth["ts"][-1]] for name, column in trades.items()}
    return _native.Recording.depth_and_trades([(depth_table(depth), pl.concat(trade_tables([trades])))])


def strategy(work: str) -> Strategy:
    """The strategy of a workload."""
    if work == "A2":
        return EmaCross(100, 1_000, Wakes(trade=True))
    if work == "B2":
        return EmaCross(100, 1_000, Wakes(book=True))
    if work == "E":
        return EmaCross(10, 20, Wakes(bar=True))
    if work == "GRID":
        return GridMaker()
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
    engine = _native.Simulation(setup(work), market, journal, work, "bench", 0)
    chosen = strategy(work)
    wall, cpu = time.perf_counter(), time.process_time()
    engine.advance(market.span_ns[1], chosen)
    state_hash = engine.finish()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if engine.fault is not None:
        raise RuntimeError(engine.fault)
    return Ran(wall, cpu, state_hash, workloads.peak_mb(), engine, chosen)


def write_setups(folder: Path, works: Iterable[str]) -> None:
    """For the Rust twins: the very setups that Python runs under."""
    for work in works:
        (folder / f"{work}.setup.json").write_text(setup(work), encoding="utf-8")

"""The grid's market: recorded BTCUSDT depth and trades, as both engines are given them.

A recording may begin before its snapshot: what came earlier is dropped, except updates newer than the snapshot, which
come right after it. So neither engine depends on how the other treats a book that it does not know yet.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

import workloads
from tradewind.market import L2Sample

_NAMES = {
    "ts": "ts_ns", "recv": "recv_ns", "msg": "msg", "first_id": "first_id", "last_id": "last_id", "prev_id": "prev_id",
    "is_snapshot": "is_snapshot", "side": "side", "price": "price_ticks", "size": "size_lots",
}  # fmt: skip
_TRADES = {
    "ts": "ts_ns", "recv": "recv_ns", "trade_id": "trade_id", "side": "aggressor", "price": "price_ticks",
    "size": "size_lots",
}  # fmt: skip


def write(sample: L2Sample, folder: Path) -> None:
    """Write `grid_depth` and `grid_trades`, every column as whole numbers of eight bytes."""
    first = sample.depth.filter("is_snapshot").row(0, named=True)
    at, number, last_id = first["recv_ns"], first["msg"], first["last_id"]
    is_newer = (pl.col("msg") >= number) | (pl.col("last_id") > last_id)
    depth = sample.depth.filter(is_newer).with_columns(
        pl.col("recv_ns").clip(lower_bound=at),
        (pl.col("msg") != number).alias("after"),
    )
    depth = depth.sort("after", maintain_order=True)
    trades = sample.trades.filter(pl.col("recv_ns") >= at, pl.col("ts_ns") >= first["ts_ns"])
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame, columns in (("grid_depth", depth, _NAMES), ("grid_trades", trades, _TRADES)):
        for short, column in columns.items():
            np.save(folder / f"{name}.{short}.npy", frame[column].cast(pl.Int64).fill_null(-1).to_numpy())


def table(data: workloads.Columns) -> pl.DataFrame:
    """What was written, as the engine reads it."""
    names = _TRADES if "trade_id" in data else _NAMES
    frame = pl.DataFrame({names[short]: pl.Series(column) for short, column in data.items()})
    small = [pl.col(name).cast(pl.Int8) for name in ("side", "aggressor") if name in frame.columns]
    flags = [pl.col("is_snapshot").cast(pl.Boolean)] if "is_snapshot" in frame.columns else []
    return frame.with_columns(*small, *flags)

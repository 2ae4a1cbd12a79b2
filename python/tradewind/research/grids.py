"""Bars and quantities onto the integer grid of their instruments, exactly or not at all."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal

import polars as pl

from tradewind import _native
from tradewind.flow import DataRefused, Market

OFF_GRID = 1e-6
"""How far a float may lie from a whole number of ticks: the error of a quotient of floats, with room to spare."""


def whole_lots(quantity: float, lot: str) -> int:
    """Whole lots in a base quantity. A float a hair below a whole lot counts as that lot; anything else is cut."""
    lots = Decimal(repr(quantity)) / Decimal(lot)
    nearest = lots.to_integral_value()
    if abs(lots - nearest) < Decimal(str(OFF_GRID)):
        return int(nearest)
    return int(lots.to_integral_value(rounding=ROUND_DOWN))


def record_bars(market: Market, from_ns: int) -> _native.Recording:
    """The market's bars that are known at or after `from_ns`, as integers for the engine.

    Prices must be whole ticks. Volumes are cut to whole lots: they only bound how much may be traded.

    Raises:
        DataRefused: a price off its instrument's tick grid.
    """
    numbered = pl.DataFrame(
        {
            "symbol": market.symbols,
            "instrument": range(len(market.symbols)),
            "tick": [float(i.tick) for i in market.instruments],
            "lot": [float(i.lot) for i in market.instruments],
        },
        schema_overrides={"instrument": pl.Int64},
    )
    bars = market.bars.filter(pl.col("ts_ns") >= from_ns).join(numbered, on="symbol", maintain_order="left")
    prices = ("open", "high", "low", "close")
    exact = bars.with_columns((pl.col(p) / pl.col("tick")).alias(p) for p in prices)
    off = exact.filter(
        pl.any_horizontal(((pl.col(p) - pl.col(p).round()).abs() > OFF_GRID * pl.col(p).clip(1.0)) for p in prices)
    )
    if off.height:
        row = off.row(0, named=True)
        raise DataRefused(
            f"{off.height} bars have a price that is not a whole number of ticks; "
            f"the first: {row['symbol']}, close {row['close'] * row['tick']!r}, tick {row['tick']!r}",
            f"{row['symbol']} at {row['ts_ns']} ns UTC",
            "correct the instrument's tick, or the data",
        )
    integers = exact.select(
        "ts_ns",
        (pl.col("ts_ns") - market.bar_ns).alias("open_ts_ns"),
        "instrument",
        *(pl.col(p).round().cast(pl.Int64) for p in prices),
        (pl.col("volume") / pl.col("lot")).floor().cast(pl.Int64).alias("volume"),
    )
    return _native.Recording.bars(integers)

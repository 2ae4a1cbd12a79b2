"""What is known of the market at the instant a plan is made: last prices, and how much usually trades in a bar."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from tradewind.flow import Market


@dataclass(frozen=True, slots=True)
class Quotes:
    """Prices at `ts_ns` (quote per base) and mean volume per bar (base) before it, per symbol that trades now.

    Raises:
        ValueError: a price that is not finite and > 0, a volume that is not finite and >= 0, or unlike symbols.
    """

    ts_ns: int
    bar_ns: int
    price: Mapping[str, float]
    volume_per_bar: Mapping[str, float]

    def __post_init__(self) -> None:
        if set(self.price) != set(self.volume_per_bar):
            raise ValueError("price and volume_per_bar must name the same symbols")
        for symbol, price in self.price.items():
            volume = self.volume_per_bar[symbol]
            if not (math.isfinite(price) and price > 0.0 and math.isfinite(volume) and volume >= 0.0):
                raise ValueError(f"{symbol}: price {price} or volume per bar {volume} cannot be traded on")
        if self.bar_ns <= 0:
            raise ValueError(f"bar_ns = {self.bar_ns}; asked for the length of a bar in ns")


def quotes(market: Market, ts_ns: int, volume_bars: int) -> Quotes:
    """Closes of the bars at exactly `ts_ns`, and mean volume over the `volume_bars` bars up to it in the same segment.

    Raises:
        ValueError: volume_bars < 1.
    """
    if volume_bars < 1:
        raise ValueError(f"volume_bars = {volume_bars}; asked for at least 1")
    first = ts_ns - (volume_bars - 1) * market.bar_ns
    window = market.bars.filter(pl.col("ts_ns").is_between(first, ts_ns))
    now = window.filter(pl.col("ts_ns") == ts_ns).select("symbol", "segment", "close")
    volume = window.join(now, on=["symbol", "segment"], how="semi").group_by("symbol").agg(pl.col("volume").mean())
    rows = now.join(volume, on="symbol").sort("symbol")
    symbols = rows["symbol"].to_list()
    return Quotes(
        ts_ns=ts_ns,
        bar_ns=market.bar_ns,
        price=dict(zip(symbols, rows["close"].to_list(), strict=True)),
        volume_per_bar=dict(zip(symbols, rows["volume"].to_list(), strict=True)),
    )

"""What a target is judged by: the days its symbols have had, what could be sold, and how the account stands.

Daily returns overlap: one for every bar, each over the day that ends there, so an hourly month has some 700 of them and
not 30. They share hours and so say less than 700 days would; they say more than 30. Everything is read at `ts_ns <=`
the instant asked for and inside each symbol's current segment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradewind.flow import NS_PER_DAY, Holdings, Market

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """The facts at `ts_ns` about n measured symbols and one account.

    as_of_ns: close of the newest bar known. day_returns: (T, n) overlapping simple one-day returns, oldest first.
    history_days: length of the window behind them. dollar_volume_per_day: (n,) quote traded per day over that window.
    held: weights held. equity: in quote. drawdown: 1 - equity / highest equity so far, in [0, 1].
    """

    ts_ns: int
    as_of_ns: int
    symbols: tuple[str, ...]
    day_returns: Floats
    history_days: float
    dollar_volume_per_day: Floats
    held: Mapping[str, float]
    equity: float
    drawdown: float

    def __post_init__(self) -> None:
        n = len(self.symbols)
        if self.day_returns.ndim != 2 or self.day_returns.shape[1] != n or self.dollar_volume_per_day.shape != (n,):
            raise ValueError(
                f"day_returns {self.day_returns.shape} and dollar_volume_per_day {self.dollar_volume_per_day.shape} "
                f"must be (T, {n}) and ({n},)"
            )
        if not (np.isfinite(self.day_returns).all() and np.isfinite(self.dollar_volume_per_day).all()):
            raise ValueError("day_returns or dollar_volume_per_day holds a value that is not finite")
        if self.as_of_ns > self.ts_ns:
            raise ValueError(f"as_of_ns = {self.as_of_ns} is after the instant it is used at, {self.ts_ns}")


def evidence(market: Market, history: Sequence[Holdings], ts_ns: int, lookback_bars: int) -> Evidence:
    """The facts at `ts_ns`. history: Holdings from the start of the account (or of the brake) to now, oldest first.

    A symbol is measured if the segment it was in at the newest bar holds `lookback_bars` + 1 bars up to there.

    Raises:
        ValueError: no holdings or some from after `ts_ns`, no bars yet, or a day is not a whole number of bars within
        the
            lookback.
    """
    if not history or history[-1].ts_ns > ts_ns:
        raise ValueError(f"asked for holdings up to {ts_ns}, found {[h.ts_ns for h in history[-1:]]}")
    bars_per_day, rest = divmod(NS_PER_DAY, market.bar_ns)
    if rest or lookback_bars < bars_per_day:
        raise ValueError(f"a day must be a whole number of bars within {lookback_bars} bars of {market.bar_ns} ns")
    times = market.bars["ts_ns"]
    as_of = times.filter(times <= ts_ns).max()
    if not isinstance(as_of, int):
        raise ValueError(f"no bar is known at {ts_ns}; start later or load more history")
    symbols, closes, volumes = _window(market, as_of, lookback_bars)
    equity = history[-1].equity
    return Evidence(
        ts_ns=ts_ns,
        as_of_ns=as_of,
        symbols=symbols,
        day_returns=closes[bars_per_day:] / closes[:-bars_per_day] - 1.0,
        history_days=lookback_bars / bars_per_day,
        dollar_volume_per_day=volumes,
        held=dict(history[-1].weights),
        equity=equity,
        drawdown=max(0.0, 1.0 - equity / max(h.equity for h in history)),
    )


def _window(market: Market, as_of_ns: int, lookback_bars: int) -> tuple[tuple[str, ...], Floats, Floats]:
    """Symbols whole up to `as_of_ns`, their closes (lookback + 1, n) and their daily dollar volume (n,)."""
    first = as_of_ns - lookback_bars * market.bar_ns
    window = market.bars.filter(pl.col("ts_ns").is_between(first, as_of_ns))
    now = window.filter(pl.col("ts_ns") == as_of_ns).select("symbol", "segment")
    same_segment = window.join(now, on=["symbol", "segment"], how="semi")
    whole = same_segment.filter(pl.len().over("symbol") == lookback_bars + 1)
    present = set(whole["symbol"].unique().to_list())
    symbols = tuple(s for s in market.symbols if s in present)
    if not symbols:
        return (), np.empty((lookback_bars + 1, 0)), np.empty(0)
    closes = whole.pivot(on="symbol", index="ts_ns", values="close").sort("ts_ns").select(symbols).to_numpy()
    traded = whole.group_by("symbol").agg((pl.col("close") * pl.col("volume")).mean().alias("per_bar"))
    per_bar = dict(zip(traded["symbol"].to_list(), traded["per_bar"].to_list(), strict=True))
    bars_per_day = NS_PER_DAY // market.bar_ns
    return symbols, closes, np.array([per_bar[s] * bars_per_day for s in symbols], dtype=np.float64)

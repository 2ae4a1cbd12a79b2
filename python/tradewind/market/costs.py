"""What crossing the spread costs on bars, where no quotes are recorded: a stated, careful assumption per symbol.

half_spread_bps = max(half a tick, a tier by dollar volume), both taken from a window of days that is over before the
figure is used: the last days up to a stated instant (the end of the first training window), or a coin's own first days
where it has none before. More data never change it.

The tiers are rounded up from what liquid books show: on 2024-08-08 Binance quoted BTCUSDT at half a spread of 0.001 bps
and ETHUSDT at 0.02 bps (one tick each), far inside the 0.5 bps of the first tier. They also stand for the part of a
market order that walks past the best level. Half a tick is a floor no quote can beat: on coins priced in millionths it
is what decides. The tick is the one in force in the window, since venues change them. The figure is constant over a
run: where a coin's price falls far below that of the window, half a tick weighs more than assumed here.

Estimators from highs and lows (Corwin & Schultz 2012, Abdi & Ranaldo 2017) were left out: on hourly bars of liquid
coins their error is many times the spread.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from tradewind.flow import NS_PER_DAY
from tradewind.market.grids import decimal_step

# (median daily dollar volume at least, half spread in basis points), richest first.
SPREAD_TIERS: tuple[tuple[float, float], ...] = (
    (1e9, 0.5),
    (1e8, 1.0),
    (2.5e7, 2.0),
    (5e6, 4.0),
    (0.0, 8.0),
)
_BPS = 1e4


def half_spread_bps(price: float, tick: float, daily_dollar_volume: float) -> float:
    """Half the quoted spread assumed for a coin at `price` that trades `daily_dollar_volume` (quote currency) a day."""
    half_tick_bps = tick / 2.0 / price * _BPS
    tier_bps = next(bps for least, bps in SPREAD_TIERS if daily_dollar_volume >= least)
    return max(half_tick_bps, tier_bps)


def estimate_half_spreads(bars: pl.DataFrame, window_days: int, *, as_of_ns: int | None = None) -> Mapping[str, float]:
    """Half spread in basis points per symbol, from `window_days` of its bars.

    The window is the symbol's last `window_days` at or before `as_of_ns`; for a symbol without bars by then, or where
    as_of_ns is None, its first `window_days`. bars: columns ts_ns · symbol · open · high · low · close · volume.
    """
    spreads: dict[str, float] = {}
    for (symbol,), rows in sorted(bars.partition_by("symbol", as_dict=True).items()):
        window = _window(rows, window_days * NS_PER_DAY, as_of_ns)
        days = window.group_by((pl.col("ts_ns") - window["ts_ns"].min()) // NS_PER_DAY).agg(
            (pl.col("close") * pl.col("volume")).sum().alias("dollar_volume")
        )
        tick = float(decimal_step(window.select("open", "high", "low", "close").to_numpy().ravel()))
        price, volume = np.median(window["close"].to_numpy()), np.median(days["dollar_volume"].to_numpy())
        spreads[str(symbol)] = half_spread_bps(float(price), tick, float(volume))
    return spreads


def _window(rows: pl.DataFrame, length_ns: int, as_of_ns: int | None) -> pl.DataFrame:
    known = rows.filter(pl.col("ts_ns") <= as_of_ns) if as_of_ns is not None else rows.clear()
    if known.is_empty():
        return rows.filter(pl.col("ts_ns") < pl.col("ts_ns").min() + length_ns)
    return known.filter(pl.col("ts_ns") > pl.col("ts_ns").max() - length_ns)

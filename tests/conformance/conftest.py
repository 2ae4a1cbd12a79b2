"""Small random markets with what breaks features: holes at different times, a late listing, a flat stretch."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tradewind.flow import NS_PER_HOUR, Instrument, Market

START_NS = 1_704_067_200_000_000_000  # 2024-01-01 00:00 UTC
BASES = ("BTC", "ETH", "SOL", "PEPE", "DOGE", "XRP", "TRX")


def _symbol_bars(rng: np.random.Generator, base: str, bars: int, drift: float) -> pl.DataFrame:
    """Hourly bars of one symbol as a random walk with its own volatility, price level and drift per bar."""
    volatility = rng.uniform(0.004, 0.02)
    # Bars that open where the last one closed, with ranges around both: low <= open, close <= high.
    close = 10.0 ** rng.uniform(-5, 4) * np.exp(np.cumsum(rng.standard_t(4, bars) * volatility + drift))
    opening = np.concatenate([close[:1], close[:-1]])
    high = np.maximum(opening, close) * np.exp(np.abs(rng.normal(0, volatility / 2, bars)))
    low = np.minimum(opening, close) * np.exp(-np.abs(rng.normal(0, volatility / 2, bars)))
    return pl.DataFrame(
        {
            "ts_ns": START_NS + NS_PER_HOUR * np.arange(1, bars + 1, dtype=np.int64),
            "symbol": [f"{base}USDT"] * bars,
            "open": opening,
            "high": high,
            "low": low,
            "close": close,
            "volume": np.exp(rng.normal(12, 1, bars)) / close,
        }
    )


def _as_market(bars: pl.DataFrame) -> Market:
    rows = bars.sort("symbol", "ts_ns").with_columns(
        (pl.col("ts_ns").diff() != NS_PER_HOUR)
        .fill_null(value=False)
        .cum_sum()
        .over("symbol")
        .cast(pl.Int64)
        .alias("segment")
    )
    columns = ("ts_ns", "symbol", "segment", "open", "high", "low", "close", "volume")
    symbols = rows["symbol"].unique().sort()
    return Market(
        bars=rows.select(columns).sort("ts_ns", "symbol"),
        universe=rows.select("ts_ns", "symbol").filter(pl.col("ts_ns") == pl.col("ts_ns").min()),
        instruments=tuple(
            Instrument("test", s, s[:-4], "USDT", "0.01", "0.001", "5", 10.0, 10.0, 2.0) for s in symbols
        ),
        bar_ns=NS_PER_HOUR,
        holes=(),
        provenance="simulated",
        data_hash="test",
    )


@pytest.fixture(scope="session")
def market() -> Market:
    """Seven symbols, 900 hours; holes of 20 hours at three different times, one late listing, one flat stretch."""
    rng = np.random.default_rng(11)
    bars = pl.concat(_symbol_bars(rng, base, 900, 0.0) for base in BASES)
    hour = (pl.col("ts_ns") - START_NS) // NS_PER_HOUR
    holes = {"ETHUSDT": 420, "SOLUSDT": 460, "PEPEUSDT": 460}
    for symbol, first in holes.items():
        bars = bars.filter(~((pl.col("symbol") == symbol) & hour.is_between(first, first + 19)))
    bars = bars.filter(~((pl.col("symbol") == "XRPUSDT") & (hour < 300)))
    # TRX stops trading for ten days: no range, no volume. Nothing may divide by it.
    flat = (pl.col("symbol") == "TRXUSDT") & hour.is_between(200, 440)
    at = pl.col("close").filter(hour == 199).first().over("symbol")
    frozen = [pl.when(flat).then(at).otherwise(pl.col(name)).alias(name) for name in ("open", "high", "low", "close")]
    silent = pl.when(flat).then(0.0).otherwise(pl.col("volume")).alias("volume")
    return _as_market(bars.with_columns(*frozen, silent))


@pytest.fixture(scope="session")
def walk_market() -> Market:
    """Nine symbols, 700 hours, one hole in the middle of everything: pure random walks, nothing to learn."""
    rng = np.random.default_rng(5)
    names = (*BASES, "LINK", "AAVE")
    bars = pl.concat(_symbol_bars(rng, base, 700, 0.0) for base in names)
    hour = (pl.col("ts_ns") - START_NS) // NS_PER_HOUR
    return _as_market(bars.filter(~hour.is_between(350, 360)))


@pytest.fixture(scope="session")
def trending_market() -> Market:
    """As `walk_market`, but each symbol drifts at its own pace for good: what rose will rise; that can be learned."""
    rng = np.random.default_rng(6)
    drifts = np.linspace(-0.006, 0.006, 9)
    names = (*BASES, "LINK", "AAVE")
    return _as_market(pl.concat(_symbol_bars(rng, b, 700, float(d)) for b, d in zip(names, drifts, strict=True)))

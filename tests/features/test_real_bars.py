"""The features of real hourly bars: known, finite, and the same live as in history."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tradewind.features import FEATURES, STREAM_TOLERANCE, Stream, compute
from tradewind.flow import NS_PER_HOUR, Features, Instrument, Market

SYMBOLS = ("BTCUSDT", "ETHUSDT", "PEPEUSDT", "SOLUSDT", "XRPUSDT")
FILES = ("binance_spot_1h_2024-01_2024-09.parquet", "binance_spot_1h_2024-09_to_2025-08.parquet")


@pytest.fixture(scope="module")
def market(real_data: Path) -> Market:
    """Five pairs from July 2024 to January 2025, across the hole of September 2024."""
    columns = ("ts_ns", "symbol", "open", "high", "low", "close", "volume")
    parts = [
        pl.read_parquet(real_data / "ohlcv" / name, columns=list(columns)).with_columns(
            pl.col("symbol").cast(pl.String),
            pl.col("ts_ns") + NS_PER_HOUR,  # Stamped at the open; known at the close.
        )
        for name in FILES
    ]
    rows = pl.concat(parts).filter(
        pl.col("symbol").is_in(SYMBOLS), pl.col("ts_ns").is_between(1_719_792_000 * 10**9, 1_735_689_600 * 10**9)
    )
    rows = rows.unique(["ts_ns", "symbol"]).sort("symbol", "ts_ns")
    gap = (pl.col("ts_ns").diff() != NS_PER_HOUR).fill_null(value=False).cum_sum().over("symbol").cast(pl.Int64)
    bars = rows.with_columns(gap.alias("segment")).select("ts_ns", "symbol", "segment", *columns[2:])
    instruments = tuple(Instrument("binance", s, s[:-4], "USDT", "1", "1", "1", 1.0, 1.0, 1.0) for s in SYMBOLS)
    return Market(bars.sort("ts_ns", "symbol"), bars.head(0), instruments, NS_PER_HOUR, (), "real", "test")


@pytest.fixture(scope="module")
def computed(market: Market) -> Features:
    return compute(market)


def test_known_after_warmup_and_finite(market: Market, computed: Features) -> None:
    assert market.bars["segment"].max() == 1
    aged = pl.int_range(pl.len()).over("symbol", "segment") >= computed.warmup_bars
    warm = computed.frame.filter(aged).select(computed.names)
    assert warm.height > 10_000
    unknown = {name: count for name, count in warm.null_count().row(0, named=True).items() if count}
    # Only what is relative to bitcoin may be unknown, and only while bitcoin itself has a hole.
    assert all("btc" in name for name in unknown), unknown
    assert all(count < 0.02 * warm.height for count in unknown.values()), unknown
    assert all(warm[name].drop_nulls().is_finite().all() for name in computed.names)


@pytest.mark.parametrize("place", [0.1, 0.45, 0.62, 0.99])
def test_batch_is_stream(market: Market, computed: Features, place: float) -> None:
    instants = market.bars["ts_ns"].unique().sort()
    now = instants[int(place * len(instants))]
    stream = Stream(replace(market, bars=market.bars.filter(pl.col("ts_ns") < now)))
    found = stream.update(market.bars.filter(pl.col("ts_ns") == now))
    expected = computed.frame.filter(pl.col("ts_ns") == now)
    assert found["symbol"].equals(expected["symbol"])
    for feature in FEATURES:
        a, b = expected[feature.name].to_numpy(), found[feature.name].to_numpy()
        assert (np.isnan(a) == np.isnan(b)).all(), feature.name
        error = np.abs(a - b) / np.maximum(1.0, np.abs(a))
        assert np.nanmax(error, initial=0.0) <= STREAM_TOLERANCE, feature.name

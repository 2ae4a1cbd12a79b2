"""A small hourly market with a hole in it, made from a seed."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tradewind.flow import NS_PER_HOUR, Hole, Instrument, Market

SYMBOLS = ("AAA", "BBB", "CCC", "DDD")
BARS = 120
HOLE_AFTER = 60
"""DDD has a bar at index 60 (closing at hour 61) and none at the ten after it."""


@pytest.fixture(scope="session")
def market() -> Market:
    """Four symbols, 120 hours; DDD stops after hour 61, resumes at hour 72; CCC leaves the universe at hour 81."""
    rng = np.random.default_rng(11)
    closes = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, (BARS, len(SYMBOLS))), axis=0))
    rows = []
    for t in range(BARS):
        for i, symbol in enumerate(SYMBOLS):
            if symbol == "DDD" and HOLE_AFTER < t <= HOLE_AFTER + 10:
                continue
            segment = 1 if symbol == "DDD" and t > HOLE_AFTER else 0
            close = float(closes[t, i])
            rows.append(((t + 1) * NS_PER_HOUR, symbol, segment, close, close * 1.01, close * 0.99, close, 1000.0))
    columns = ["ts_ns", "symbol", "segment", "open", "high", "low", "close", "volume"]
    reviews = [(NS_PER_HOUR, s) for s in SYMBOLS] + [(81 * NS_PER_HOUR, s) for s in SYMBOLS if s != "CCC"]
    return Market(
        bars=pl.DataFrame(rows, schema=columns, orient="row"),
        universe=pl.DataFrame(reviews, schema=["ts_ns", "symbol"], orient="row"),
        instruments=tuple(
            Instrument("x", s, s, "USDT", "0.01", "0.001", "5", 2.0, 10.0, 1.0 + i) for i, s in enumerate(SYMBOLS)
        ),
        bar_ns=NS_PER_HOUR,
        holes=(Hole("DDD", 61 * NS_PER_HOUR, 71 * NS_PER_HOUR, 10),),
        provenance="simulated",
        data_hash="seed-11",
    )


@pytest.fixture(scope="session")
def forecasts() -> pl.DataFrame:
    """A forecast for every symbol and hour, equal to a hundredth of the hour number in percent, AAA to DDD rising."""
    rows = [((t + 1) * NS_PER_HOUR, s, 1e-4 * (t + i)) for t in range(BARS) for i, s in enumerate(SYMBOLS)]
    return pl.DataFrame(rows, schema=["ts_ns", "symbol", "expected_return"], orient="row")

"""A seeded hourly market of three symbols; CCC stops for ten hours and goes on in another segment."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tradewind.flow import NS_PER_HOUR, Hole, Instrument, Market

SYMBOLS = ("AAA", "BBB", "CCC")
BARS = 240


@pytest.fixture(scope="session")
def market() -> Market:
    """Hours 1 to 240; CCC has none in (100, 110]."""
    rng = np.random.default_rng(5)
    closes = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.008, (BARS, len(SYMBOLS))), axis=0))
    rows = [
        (t * NS_PER_HOUR, s, int(s == "CCC" and t > 100), *[float(closes[t - 1, i])] * 4, 100.0 * (i + 1))
        for t in range(1, BARS + 1)
        for i, s in enumerate(SYMBOLS)
        if not (s == "CCC" and 100 < t <= 110)
    ]
    columns = ["ts_ns", "symbol", "segment", "open", "high", "low", "close", "volume"]
    return Market(
        bars=pl.DataFrame(rows, schema=columns, orient="row"),
        universe=pl.DataFrame([(NS_PER_HOUR, s) for s in SYMBOLS], schema=["ts_ns", "symbol"], orient="row"),
        instruments=tuple(Instrument("x", s, s, "USDT", "0.01", "0.01", "5", 2.0, 10.0, 1.0) for s in SYMBOLS),
        bar_ns=NS_PER_HOUR,
        holes=(Hole("CCC", 100 * NS_PER_HOUR, 111 * NS_PER_HOUR, 10),),
        provenance="simulated",
        data_hash="seed-5",
    )

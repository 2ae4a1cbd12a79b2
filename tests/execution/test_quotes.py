"""Quotes are what was known at the instant: this bar's close, and volume of the current segment."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from tradewind.execution import Quotes, quotes
from tradewind.flow import NS_PER_HOUR, Instrument, Market


@pytest.fixture(scope="module")
def market() -> Market:
    """Ten hours of AAA; BBB has no bar in hours 5 and 6. Closes and volumes are the hour number (BBB: times ten)."""
    rows = [
        (t * NS_PER_HOUR, s, int(s == "BBB" and t > 5), *[float(t * size)] * 4, float(t * size))
        for t in range(1, 11)
        for s, size in (("AAA", 1), ("BBB", 10))
        if not (s == "BBB" and t in (5, 6))
    ]
    columns = ["ts_ns", "symbol", "segment", "open", "high", "low", "close", "volume"]
    return Market(
        bars=pl.DataFrame(rows, schema=columns, orient="row"),
        universe=pl.DataFrame({"ts_ns": [NS_PER_HOUR] * 2, "symbol": ["AAA", "BBB"]}),
        instruments=tuple(Instrument("x", s, s, "USDT", "0.01", "0.01", "5", 2.0, 10.0, 1.0) for s in ("AAA", "BBB")),
        bar_ns=NS_PER_HOUR,
        holes=(),
        provenance="simulated",
        data_hash="counted",
    )


def test_price_now_and_mean_volume_before(market: Market) -> None:
    seen = quotes(market, 4 * NS_PER_HOUR, 3)
    assert seen.price == {"AAA": 4.0, "BBB": 40.0}
    assert seen.volume_per_bar == {"AAA": 3.0, "BBB": 30.0}


def test_no_bar_no_quote_and_no_volume_from_before_a_hole(market: Market) -> None:
    assert set(quotes(market, 5 * NS_PER_HOUR, 3).price) == {"AAA"}
    assert quotes(market, 8 * NS_PER_HOUR, 6).volume_per_bar["BBB"] == pytest.approx(75.0)


@pytest.mark.parametrize("hour", [1, 4, 5, 7, 10])
def test_prefix_law(market: Market, hour: int) -> None:
    ts = hour * NS_PER_HOUR
    past = replace(market, bars=market.bars.filter(pl.col("ts_ns") <= ts))
    assert quotes(market, ts, 4) == quotes(past, ts, 4)


def test_refuses_numbers_that_cannot_be_traded_on(market: Market) -> None:
    with pytest.raises(ValueError, match="volume_bars"):
        quotes(market, NS_PER_HOUR, 0)
    for price, volume in ((0.0, 1.0), (float("nan"), 1.0), (1.0, -1.0)):
        with pytest.raises(ValueError, match="cannot be traded on"):
            Quotes(0, NS_PER_HOUR, {"A": price}, {"A": volume})
    with pytest.raises(ValueError, match="same symbols"):
        Quotes(0, NS_PER_HOUR, {"A": 1.0}, {})

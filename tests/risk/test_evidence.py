"""Evidence is the past of the current segment, as it was known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tradewind.flow import NS_PER_HOUR, Holdings, Market
from tradewind.risk import evidence


def held(hour: int, equity: float, **weights: float) -> Holdings:
    return Holdings(ts_ns=hour * NS_PER_HOUR, equity=equity, cash=equity, weights=weights)


HISTORY = (held(1, 1000.0), held(2, 1250.0), held(3, 1000.0, AAA=0.5))


@pytest.mark.parametrize("hour", [49, 100, 105, 111, 158, 159, 240])
def test_prefix_law(market: Market, hour: int) -> None:
    ts = hour * NS_PER_HOUR
    whole = evidence(market, HISTORY, ts, 48)
    past = evidence(replace(market, bars=market.bars.filter(pl.col("ts_ns") <= ts)), HISTORY, ts, 48)
    assert whole.symbols == past.symbols
    np.testing.assert_array_equal(whole.day_returns, past.day_returns)
    np.testing.assert_array_equal(whole.dollar_volume_per_day, past.dollar_volume_per_day)


def test_overlapping_days_are_those_of_the_closes(market: Market) -> None:
    seen = evidence(market, HISTORY, 90 * NS_PER_HOUR, 48)
    closes = market.bars.filter(pl.col("symbol") == "BBB").sort("ts_ns")["close"].to_numpy()[41:90]
    assert seen.symbols == ("AAA", "BBB", "CCC")
    assert seen.day_returns.shape == (25, 3)
    np.testing.assert_allclose(seen.day_returns[:, 1], closes[24:] / closes[:25] - 1.0, rtol=1e-13)
    np.testing.assert_allclose(seen.dollar_volume_per_day[1], 24.0 * np.mean(closes * 200.0), rtol=1e-12)
    assert seen.history_days == 2.0
    assert seen.drawdown == pytest.approx(0.2)
    assert seen.held == {"AAA": 0.5}


def test_nothing_spans_a_hole(market: Market) -> None:
    assert "CCC" in evidence(market, HISTORY, 100 * NS_PER_HOUR, 48).symbols
    assert "CCC" not in evidence(market, HISTORY, 105 * NS_PER_HOUR, 48).symbols
    assert "CCC" not in evidence(market, HISTORY, 158 * NS_PER_HOUR, 48).symbols
    assert "CCC" in evidence(market, HISTORY, 159 * NS_PER_HOUR, 48).symbols


def test_a_new_segment_counts_even_where_no_bar_is_missing(market: Market) -> None:
    renamed = (pl.col("symbol") == "AAA") & (pl.col("ts_ns") > 60 * NS_PER_HOUR)
    bars = market.bars.with_columns(segment=pl.when(renamed).then(1).otherwise(pl.col("segment")))
    assert "AAA" not in evidence(replace(market, bars=bars), HISTORY, 90 * NS_PER_HOUR, 48).symbols


def test_its_age_is_known(market: Market) -> None:
    late = evidence(market, HISTORY, 250 * NS_PER_HOUR, 48)
    assert late.ts_ns - late.as_of_ns == 10 * NS_PER_HOUR


def test_refuses_what_it_cannot_know(market: Market) -> None:
    with pytest.raises(ValueError, match="holdings up to"):
        evidence(market, HISTORY, 2 * NS_PER_HOUR, 48)
    with pytest.raises(ValueError, match="holdings up to"):
        evidence(market, (), 90 * NS_PER_HOUR, 48)
    with pytest.raises(ValueError, match="whole number of bars"):
        evidence(market, HISTORY, 90 * NS_PER_HOUR, 23)
    with pytest.raises(ValueError, match="no bar is known"):
        evidence(market, [replace(HISTORY[0], ts_ns=0)], 0, 48)

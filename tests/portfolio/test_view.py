"""A view reads the past of the current segment and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tradewind.flow import NS_PER_HOUR, Holdings, Market
from tradewind.portfolio import EqualWeight, View, view

CASH = Holdings(ts_ns=0, equity=1000.0, cash=1000.0, weights={})


def at(hour: int) -> int:
    return hour * NS_PER_HOUR


def same(a: View, b: View) -> bool:
    return (
        a.symbols == b.symbols
        and a.frozen == b.frozen
        and a.notes == b.notes
        and all(
            np.array_equal(getattr(a, name), getattr(b, name))
            for name in ("expected_returns", "returns", "current_weights", "cost_bps", "eligible")
        )
    )


def upto(market: Market, ts_ns: int) -> Market:
    return replace(
        market,
        bars=market.bars.filter(pl.col("ts_ns") <= ts_ns),
        universe=market.universe.filter(pl.col("ts_ns") <= ts_ns),
    )


@pytest.mark.parametrize("hour", [25, 60, 62, 71, 80, 81, 95, 120])
def test_prefix_law(market: Market, forecasts: pl.DataFrame, hour: int) -> None:
    ts = at(hour)
    holdings = replace(CASH, weights={"DDD": 0.2, "CCC": 0.1})
    whole = view(market, forecasts, holdings, ts, 20, horizon_bars=4)
    past = view(upto(market, ts), forecasts.filter(pl.col("ts_ns") <= ts), holdings, ts, 20, horizon_bars=4)
    assert same(whole, past)


def test_returns_are_those_of_the_closes(market: Market, forecasts: pl.DataFrame) -> None:
    seen = view(market, forecasts, CASH, at(50), 20, horizon_bars=4)
    assert seen.symbols == ("AAA", "BBB", "CCC", "DDD")
    assert seen.returns.shape == (20, 4)
    closes = market.bars.filter(pl.col("symbol") == "BBB").sort("ts_ns")["close"].to_numpy()
    np.testing.assert_allclose(seen.returns[:, 1], closes[30:50] / closes[29:49] - 1.0, rtol=1e-13)
    np.testing.assert_allclose(seen.expected_returns, 1e-4 * (49 + np.arange(4)))
    np.testing.assert_allclose(seen.cost_bps, [11.0, 12.0, 13.0, 14.0])


def test_longer_returns_compound_and_end_at_the_instant(market: Market, forecasts: pl.DataFrame) -> None:
    hourly = view(market, forecasts, CASH, at(50), 20, horizon_bars=4)
    five = view(market, forecasts, CASH, at(50), 20, horizon_bars=4, return_bars=5)
    compounded = np.prod(1.0 + hourly.returns.reshape(4, 5, 4), axis=1) - 1.0
    np.testing.assert_allclose(five.returns, compounded, rtol=1e-12)
    assert five.return_ns == 5 * NS_PER_HOUR
    assert five.horizon_returns == pytest.approx(0.8)


def test_nothing_spans_a_hole(market: Market, forecasts: pl.DataFrame) -> None:
    # DDD resumes with the bar closing at hour 72: 21 closes of the new segment exist from hour 92 on.
    assert "DDD" not in view(market, forecasts, CASH, at(91), 20, horizon_bars=4).symbols
    seen = view(market, forecasts, CASH, at(92), 20, horizon_bars=4)
    assert "DDD" in seen.symbols
    closes = market.bars.filter((pl.col("symbol") == "DDD") & (pl.col("segment") == 1))["close"].to_numpy()
    np.testing.assert_allclose(seen.returns[:, -1], closes[1:21] / closes[:20] - 1.0, rtol=1e-13)


def test_a_new_segment_counts_even_where_no_bar_is_missing(market: Market, forecasts: pl.DataFrame) -> None:
    # A ticker that passed to another coin: bars go on, history does not.
    renamed = (pl.col("symbol") == "AAA") & (pl.col("ts_ns") > at(40))
    bars = market.bars.with_columns(segment=pl.when(renamed).then(1).otherwise(pl.col("segment")))
    passed_on = replace(market, bars=bars)
    assert "AAA" not in view(passed_on, forecasts, CASH, at(50), 20, horizon_bars=4).symbols
    assert "AAA" in view(passed_on, forecasts, CASH, at(61), 20, horizon_bars=4).symbols


def test_a_symbol_that_is_left_out_is_named(market: Market, forecasts: pl.DataFrame) -> None:
    assert view(market, forecasts, CASH, at(91), 20, horizon_bars=4).notes == (
        "left out, fewer than 21 bars in the current segment: DDD",
    )
    short_but_held = view(market, forecasts, replace(CASH, weights={"DDD": 0.1}), at(75), 20, horizon_bars=4)
    assert "held with fewer than 21 bars in the current segment, so to be sold: DDD" in short_but_held.notes
    assert "DDD" not in short_but_held.frozen


def test_held_in_a_hole_is_frozen_and_uses_budget(market: Market, forecasts: pl.DataFrame) -> None:
    held = view(market, forecasts, replace(CASH, weights={"DDD": 0.25, "AAA": 0.1}), at(65), 20, horizon_bars=10)
    assert held.frozen == {"DDD": 0.25}
    assert held.budget == pytest.approx(0.75)
    target = EqualWeight()(held)
    assert target.weights["DDD"] == 0.25
    assert target.gross == pytest.approx(1.0)
    assert "held but frozen, no bar at this instant: DDD" in target.notes


def test_outside_the_universe_may_be_held_but_not_bought(market: Market, forecasts: pl.DataFrame) -> None:
    before = view(market, forecasts, CASH, at(80), 20, horizon_bars=4)
    after = view(market, forecasts, CASH, at(81), 20, horizon_bars=4)
    assert "CCC" in before.symbols
    assert "CCC" not in after.symbols
    held = view(market, forecasts, replace(CASH, weights={"CCC": 0.3}), at(81), 20, horizon_bars=4)
    row = held.symbols.index("CCC")
    assert not held.eligible[row]
    assert held.upper_bounds(0.9)[row] == pytest.approx(0.3)
    assert held.upper_bounds(0.2)[row] == pytest.approx(0.2)


def test_a_forecast_lives_as_long_as_its_horizon(market: Market, forecasts: pl.DataFrame) -> None:
    old = forecasts.filter(pl.col("ts_ns") <= at(50))
    assert view(market, old, CASH, at(53), 20, horizon_bars=4).symbols == ("AAA", "BBB", "CCC", "DDD")
    expired = view(market, old, CASH, at(54), 20, horizon_bars=4)
    assert expired.symbols == ()
    assert expired.notes == ("in the universe without a live forecast: AAA, BBB, CCC, DDD",)
    assert EqualWeight()(expired).weights == {}


def test_refuses_what_it_cannot_mean(market: Market, forecasts: pl.DataFrame) -> None:
    with pytest.raises(ValueError, match="after the instant"):
        view(market, forecasts, replace(CASH, ts_ns=at(51)), at(50), 20, horizon_bars=4)
    with pytest.raises(ValueError, match="not a multiple"):
        view(market, forecasts, CASH, at(50), 20, horizon_bars=4, return_bars=3)
    with pytest.raises(ValueError, match="one model"):
        view(market, pl.concat([forecasts, forecasts]), CASH, at(50), 20, horizon_bars=4)
    with pytest.raises(ValueError, match="short"):
        view(market, forecasts, replace(CASH, weights={"AAA": -0.1}), at(50), 20, horizon_bars=4)
    seen = view(market, forecasts, CASH, at(50), 20, horizon_bars=4)
    with pytest.raises(ValueError, match="cost_bps has shape"):
        replace(seen, cost_bps=np.zeros(3))
    with pytest.raises(ValueError, match="not finite"):
        replace(seen, returns=np.full_like(seen.returns, np.nan))

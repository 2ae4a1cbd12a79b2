"""Benchmarks: hand-worked, and on real bars."""

from __future__ import annotations

import polars as pl
import pytest

from tradewind import analytics
from tradewind.flow import NS_PER_DAY, NS_PER_HOUR

SCHEMA = {"ts_ns": pl.Int64, "symbol": pl.String, "close": pl.Float64}


def bars_of(**closes):
    rows = [
        ((hour + 1) * NS_PER_HOUR, symbol, price)
        for symbol, line in closes.items()
        for hour, price in enumerate(line)
        if price
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def test_buy_and_hold_pays_once_and_marks_at_the_last_close():
    bars = bars_of(A=[100.0, 110.0, None, 90.0])
    line = analytics.buy_and_hold(bars, "A", 1_000.0, [k * NS_PER_HOUR for k in (1, 2, 3, 4)], 25.0)
    paid = 1_000.0 / 1.0025
    assert line.name == "A buy & hold"
    assert line.equity["equity"].to_list() == pytest.approx([paid, paid * 1.1, paid * 1.1, paid * 0.9])


def test_equal_weight_holds_those_that_trade_at_the_start():
    bars = bars_of(A=[100.0, 200.0], B=[10.0, 5.0], LATE=[None, 7.0])
    line = analytics.equal_weight(bars, ("A", "B", "LATE"), 1_000.0, [NS_PER_HOUR, 2 * NS_PER_HOUR], 0.0)
    assert line.name == "equal weight of 2, held"
    assert line.equity["equity"].to_list() == pytest.approx([1_000.0, 1_250.0])


def test_no_close_at_the_start_is_refused_with_words():
    bars = bars_of(A=[100.0])
    with pytest.raises(ValueError, match="no bars at all"):
        analytics.buy_and_hold(bars, "B", 1.0, [NS_PER_HOUR], 0.0)
    with pytest.raises(ValueError, match="no close within a day"):
        analytics.buy_and_hold(bars, "A", 1.0, [3 * NS_PER_DAY], 0.0)
    with pytest.raises(ValueError, match="none of 1 symbols"):
        analytics.equal_weight(bars, ("B",), 1.0, [NS_PER_HOUR], 0.0)
    with pytest.raises(ValueError, match="sorted"):
        analytics.buy_and_hold(bars, "A", 1.0, [], 0.0)


def test_real_hours(world, real_data):
    """Real bars: benchmarks repeat the closes' own ratio, and a traded run's books balance on them."""
    raw = pl.read_parquet(real_data / "ohlcv" / "binance_spot_1h_2024-09_to_2025-08.parquet")
    start = 1_748_736_000_000_000_000
    bars = raw.with_columns(
        pl.col("symbol").cast(pl.String), ts_ns=pl.col("ts_ns") + NS_PER_HOUR, segment=pl.lit(0)
    ).sort("ts_ns", "symbol")
    bars = bars.filter(pl.col("ts_ns") >= start)
    executions = world.trade(bars, world.momentum_weights(bars, top=5))
    grid = executions.equity["ts_ns"].to_numpy()
    run = world.run_facts(bars)
    held = analytics.buy_and_hold(bars, "BTCUSDT", 10_000.0, grid, 0.0)
    closes = bars.filter(pl.col("symbol") == "BTCUSDT").sort("ts_ns")["close"]
    assert held.equity["equity"][-1] == pytest.approx(10_000.0 * closes[-1] / closes[0])
    everything = analytics.equal_weight(bars, run.symbols, 10_000.0, grid, 12.0)
    report = analytics.report(
        run, executions, [held, everything], bars=bars, instruments=[world.instrument(s) for s in run.symbols]
    )
    assert report.metrics["trades"] > 100
    assert report.tables["symbols"]["net_pnl"].sum() == pytest.approx(report.metrics["net_profit"], rel=1e-6)
    assert len(analytics.terminal(report).splitlines()) <= 60

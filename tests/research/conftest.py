"""A small simulated market and the walk-forward over it: seconds, not minutes, through every stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import polars as pl
import pytest

from tradewind import forecast
from tradewind.flow import NS_PER_HOUR, Market
from tradewind.market import simulate
from tradewind.market.bars import find_holes, hash_bars, segment_bars
from tradewind.research import runs, walk_forward

DAY_BARS = 24
FACTS = runs.CodeFacts(version="test", created_ns=0)


@pytest.fixture(scope="session")
def market() -> Market:
    return simulate(3, coins=6, months=3)


@pytest.fixture(scope="session")
def market_with_holes(market: Market) -> Market:
    """The same, but two symbols miss days in the middle of the trading period, and one ends early."""
    first = int(market.bars["ts_ns"].min())  # type: ignore[arg-type]
    day = (pl.col("ts_ns") - first) // (24 * NS_PER_HOUR)
    missing = (
        ((pl.col("symbol") == "SIM02USDT") & day.is_between(50, 53))
        | ((pl.col("symbol") == "SIM03USDT") & day.is_between(60, 60))
        | ((pl.col("symbol") == "SIM04USDT") & (day >= 70))
    )
    bars = segment_bars(market.bars.filter(~missing).drop("segment"), market.bar_ns)
    return replace(market, bars=bars, holes=find_holes(bars, market.bar_ns), data_hash=hash_bars(bars, market.bar_ns))


@pytest.fixture(scope="session")
def settings() -> walk_forward.Settings:
    """Ridge and twenty small trees, a month of training, refitted each fortnight."""
    base = walk_forward.settings(allocator="equilibrium_tilt", annual_volatility=0.3, seed=1)
    members = (forecast.LightGbm(trees=20, leaves=7, leaf_rows=20), forecast.Ridge())
    learning = forecast.Settings(train_bars=30 * DAY_BARS, test_bars=14 * DAY_BARS, members=members, seed=1, workers=1)
    return replace(base, learning=learning, lookback_days=22)


Walk = Callable[..., walk_forward.Run]


@pytest.fixture(scope="session")
def walk(settings: walk_forward.Settings) -> Walk:
    def run(market: Market, **changed: object) -> walk_forward.Run:
        chosen = replace(settings, **changed)  # type: ignore[arg-type]
        name = '{"kind": "test"}'
        return walk_forward.walk_forward(market, chosen, None, name, FACTS, lambda _stage, _done, _of: None)

    return run


@pytest.fixture(scope="session")
def whole(walk: Walk, market: Market) -> walk_forward.Run:
    return walk(market)

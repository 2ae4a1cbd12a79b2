"""The simulated market: the same seed gives the same bytes, and its bars have what they promise."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.flow import NS_PER_DAY, Market
from tradewind.market import simulate
from tradewind.market.grids import decimal_step


@pytest.fixture(scope="module")
def market() -> Market:
    return simulate(11)


def test_same_seed_same_bytes(market: Market) -> None:
    again = simulate(11)
    assert again.bars.equals(market.bars)
    assert again.universe.equals(market.universe)
    assert (again.data_hash, again.instruments, again.warnings) == (
        market.data_hash,
        market.instruments,
        market.warnings,
    )
    assert simulate(12).data_hash != market.data_hash


def test_shape(market: Market) -> None:
    assert market.provenance == "simulated"
    assert "simulated" in market.warnings[0]
    assert len(market.symbols) >= 24
    assert market.symbols[0] == "BTCUSDT"
    assert all(i.venue == "simulated" for i in market.instruments)
    assert int(market.bars["ts_ns"].max() - market.bars["ts_ns"].min()) >= 600 * NS_PER_DAY  # type: ignore[operator]
    assert market.holes == ()
    assert market.bars["segment"].unique().to_list() == [0]
    sizes = market.universe.group_by("ts_ns").len()
    assert sizes.height >= 18
    assert sizes["len"].min() >= 20  # type: ignore[operator]


def well_formed(market: Market) -> None:
    bars = market.bars
    assert bars.select("ts_ns", "symbol").is_unique().all()
    assert bars.select(pl.all_horizontal(pl.col(pl.Float64).is_finite().all())).item()
    wrong = (
        (pl.col("low") > pl.min_horizontal("open", "close"))
        | (pl.col("high") < pl.max_horizontal("open", "close"))
        | (pl.col("low") <= 0)
        | (pl.col("volume") <= 0)
    )
    assert bars.filter(wrong).is_empty()
    follows = pl.col("open") == pl.col("close").shift(1).over("symbol")
    assert bars.select(follows.all()).item(), "a bar opens where the last one closed"


def test_bars_are_possible(market: Market) -> None:
    well_formed(market)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), coins=st.integers(1, 40), months=st.integers(1, 3))
def test_any_seed_gives_possible_bars(seed: int, coins: int, months: int) -> None:
    well_formed(simulate(seed, coins=coins, months=months))


def test_values_lie_on_their_ticks_and_lots(market: Market) -> None:
    for instrument in market.instruments:
        rows = market.bars.filter(pl.col("symbol") == instrument.symbol)
        prices = rows.select("open", "high", "low", "close").to_numpy().ravel()
        assert float(decimal_step(prices)) >= float(instrument.tick)
        assert float(decimal_step(rows["volume"].to_numpy())) >= float(instrument.lot)


def test_fat_tails_common_factor_and_regimes(market: Market) -> None:
    wide = market.bars.pivot(on="symbol", index="ts_ns", values="close").drop("ts_ns").to_numpy()
    returns = np.diff(np.log(wide), axis=0)
    standard = (returns - returns.mean(axis=0)) / returns.std(axis=0)
    assert (standard**4).mean(axis=0).min() > 4.5, "a normal law has 3"
    correlation = np.corrcoef(returns.T)
    others = correlation[~np.eye(len(correlation), dtype=bool)]
    assert 0.3 < others.mean() < 0.9
    daily = np.sqrt((returns[: len(returns) // 168 * 168, 0] ** 2).reshape(-1, 168).sum(axis=1))
    assert np.quantile(daily, 0.95) > 1.5 * np.quantile(daily, 0.25), "volatility changes with the regime"
    yearly = returns.std(axis=0) * np.sqrt(8760)
    assert 0.3 < yearly.min() < yearly.max() < 2.5


def test_nonsense_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one coin"):
        simulate(1, coins=0)

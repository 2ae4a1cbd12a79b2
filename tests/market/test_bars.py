"""From hourly files to a Market: close stamps, segments, holes, the universe and costs known at the time, the hash."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.flow import NS_PER_DAY, NS_PER_HOUR, DataRefused, Hole
from tradewind.market import DataSource, UniverseSettings, load_hourly
from tradewind.market.bars import find_holes, hash_bars, segment_bars
from tradewind.market.costs import estimate_half_spreads, half_spread_bps
from tradewind.market.grids import decimal_step
from tradewind.market.instruments import build_instruments
from tradewind.market.times import month_starts_ns, utc_text
from tradewind.market.universe import is_coin_pair, review_universe

JAN = 1_704_067_200_000_000_000
SMALL = UniverseSettings(size=3, size_min=2, volume_days=30, history_days=10)


def hourly(symbol: str, days: range, price: float, volume: float, seed: int = 1) -> pl.DataFrame:
    """Open-stamped bars of whole days since 2024-01-01."""
    hours = np.arange(days.start * 24, days.stop * 24)
    rng = np.random.default_rng(seed)
    close = np.round(price * np.exp(0.002 * rng.standard_normal(hours.size)), 4)
    opened = np.concatenate(([price], close[:-1]))
    return pl.DataFrame(
        {
            "ts_ns": JAN + hours * NS_PER_HOUR,
            "venue": ["binance_spot"] * hours.size,
            "symbol": [symbol] * hours.size,
            "open": opened,
            "high": np.maximum(opened, close),
            "low": np.minimum(opened, close),
            "close": close,
            "volume": np.round(volume * rng.uniform(0.5, 1.5, hours.size), 2),
        }
    )


def source(folder: Path, *files: pl.DataFrame) -> DataSource:
    for number, frame in enumerate(files):
        frame.write_parquet(folder / f"{number}.parquet")
    return DataSource("folder", folder, "--data")


@pytest.fixture
def two_files(tmp_path: Path) -> DataSource:
    early = [hourly("BTCUSDT", range(0, 40), 40_000.0, 9.0), hourly("OLDUSDT", range(0, 40), 2.0, 9e4)]
    early += [hourly("USDCUSDT", range(0, 40), 1.0, 9e9), hourly("ETHBTC", range(0, 40), 0.05, 9e9)]
    late = [hourly("BTCUSDT", range(45, 100), 42_000.0, 9.0), hourly("NEWUSDT", range(51, 100), 3.0, 1e4)]
    return source(tmp_path, pl.concat(early), pl.concat(late))


def test_bars_are_stamped_at_their_close_and_split_at_holes(two_files: DataSource) -> None:
    market = load_hourly(two_files, universe=SMALL)
    bars = market.bars
    assert bars.columns == ["ts_ns", "symbol", "segment", "open", "high", "low", "close", "volume"]
    assert bars["ts_ns"].min() == JAN + NS_PER_HOUR
    assert bars.select("ts_ns", "symbol").equals(bars.select("ts_ns", "symbol").sort("ts_ns", "symbol"))
    assert market.symbols == ("BTCUSDT", "NEWUSDT", "OLDUSDT"), "no stablecoin, no pair against another money"
    assert market.holes == (Hole("BTCUSDT", JAN + 40 * NS_PER_DAY, JAN + 45 * NS_PER_DAY + NS_PER_HOUR, 120),)
    btc = bars.filter(pl.col("symbol") == "BTCUSDT")
    assert btc.group_by("segment").len().sort("segment").rows() == [(0, 960), (1, 1320)]
    within = btc.with_columns(pl.col("ts_ns").diff().over("segment").alias("step"))["step"].drop_nulls()
    assert within.unique().to_list() == [NS_PER_HOUR]
    assert market.provenance == "real"
    assert (market.bar_ns, len(market.data_hash)) == (NS_PER_HOUR, 64)


def test_a_pair_whose_data_end_leaves_at_the_next_review(two_files: DataSource) -> None:
    market = load_hourly(two_files, universe=SMALL)
    by_review = {
        utc_text(at)[:10]: rows["symbol"].to_list()
        for (at,), rows in market.universe.partition_by("ts_ns", as_dict=True, maintain_order=True).items()
    }
    assert by_review == {
        "2024-02-01": ["BTCUSDT", "OLDUSDT"],
        "2024-03-01": ["BTCUSDT"],  # day 60: old is gone, new has nine days
        "2024-04-01": ["BTCUSDT", "NEWUSDT"],
    }
    said = "\n".join(market.warnings)
    assert "survivorship bias" in said
    assert "1 pair has no bars after 2024-02-10T00:00:00Z (OLDUSDT)" in said
    assert "only 1 coins were eligible at the review of 2024-03-01T00:00:00Z" in said


def test_start_and_end_are_closes_and_included(two_files: DataSource) -> None:
    market = load_hourly(two_files, start_ns=JAN + 5 * NS_PER_DAY, end_ns=JAN + 35 * NS_PER_DAY, universe=SMALL)
    assert market.bars["ts_ns"].min() == JAN + 5 * NS_PER_DAY
    assert market.bars["ts_ns"].max() == JAN + 35 * NS_PER_DAY
    with pytest.raises(DataRefused, match="no hourly bars in the time asked for"):
        load_hourly(two_files, start_ns=JAN + 900 * NS_PER_DAY, universe=SMALL)
    with pytest.raises(DataRefused, match="no coin has 10 days"):
        load_hourly(two_files, end_ns=JAN + 3 * NS_PER_DAY, universe=SMALL)


def test_bad_files_are_refused(tmp_path: Path) -> None:
    good = hourly("BTCUSDT", range(0, 40), 40_000.0, 9.0)
    with pytest.raises(DataRefused, match="duplicate: 48 bars lie in two files"):
        load_hourly(source(tmp_path, good, good.tail(24)), universe=SMALL)
    nan = good.with_columns(pl.when(pl.int_range(pl.len()) == 3).then(float("nan")).otherwise("close").alias("close"))
    nan.write_parquet(tmp_path / "1.parquet")
    with pytest.raises(DataRefused, match="close is NaN"):
        load_hourly(DataSource("folder", tmp_path, "--data"), universe=SMALL)
    with pytest.raises(DataRefused, match="no hourly bars of binance_usdm"):
        load_hourly(DataSource("folder", tmp_path, "--data"), venue="binance_usdm", universe=SMALL)


def test_hash_is_of_the_content(tmp_path: Path) -> None:
    frame = pl.concat([hourly("BTCUSDT", range(0, 3), 40_000.0, 9.0), hourly("ETHUSDT", range(0, 3), 2_000.0, 9.0)])
    bars = segment_bars(frame.drop("venue"), NS_PER_HOUR)
    digest = hash_bars(bars, NS_PER_HOUR)
    assert hash_bars(bars.reverse(), NS_PER_HOUR) == digest
    assert hash_bars(bars.with_columns(pl.col("symbol").cast(pl.Categorical).cast(pl.String)), NS_PER_HOUR) == digest
    assert hash_bars(bars, 2 * NS_PER_HOUR) != digest
    for column in ("ts_ns", "segment", "open", "high", "low", "close", "volume"):
        changed = bars.with_columns(
            pl.when(pl.int_range(pl.len()) == 17).then(pl.col(column) + 1).otherwise(column).alias(column)
        )
        assert hash_bars(changed, NS_PER_HOUR) != digest


@settings(max_examples=60, deadline=None)
@given(st.sets(st.integers(0, 60), min_size=1, max_size=60), st.sets(st.integers(0, 60), max_size=40))
def test_segments_and_holes_account_for_every_hour(first: set[int], second: set[int]) -> None:
    rows = [(h * NS_PER_HOUR, s) for s, hours in (("A", first), ("B", second)) for h in hours]
    frame = pl.DataFrame(rows, schema={"ts_ns": pl.Int64, "symbol": pl.String}, orient="row").with_columns(
        pl.lit(1.0).alias(c) for c in ("open", "high", "low", "close", "volume")
    )
    before = frame.clone()
    bars = segment_bars(frame, NS_PER_HOUR)
    assert frame.equals(before), "inputs stay as they were"
    holes = find_holes(bars, NS_PER_HOUR)
    for symbol, hours in (("A", first), ("B", second)):
        own = bars.filter(pl.col("symbol") == symbol)
        if not hours:
            assert own.is_empty()
            continue
        missing = [h for h in holes if h.symbol == symbol]
        assert own.height + sum(h.missing_bars for h in missing) == max(hours) - min(hours) + 1
        assert own["segment"].n_unique() == len(missing) + 1
        assert own["segment"][0] == 0
        for hole in missing:
            assert {hole.from_ns, hole.to_ns} <= set(own["ts_ns"].to_list())
            assert not own.filter(pl.col("ts_ns").is_between(hole.from_ns, hole.to_ns, closed="none")).height


def random_market(seed: int) -> pl.DataFrame:
    """Symbols of random volume that start, stop and pause at random days within four months."""
    rng = np.random.default_rng(seed)
    parts = []
    for number in range(6):
        start, stop = sorted(rng.choice(120, 2, replace=False).tolist())
        frame = hourly(f"C{number}USDT", range(start, stop + 1), 10.0, float(10 ** rng.uniform(1, 5)), seed + number)
        pause = rng.integers(start, stop + 1)
        parts.append(frame.filter(((pl.col("ts_ns") - JAN) // NS_PER_DAY) != int(pause)))
    raw = pl.concat(parts).drop("venue").with_columns(pl.col("ts_ns") + NS_PER_HOUR)
    return segment_bars(raw, NS_PER_HOUR)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.integers(0, 121 * 24))
def test_prefix_law_of_the_universe_and_the_costs(seed: int, cut: int) -> None:
    bars = random_market(seed)
    now = JAN + cut * NS_PER_HOUR
    known = bars.filter(pl.col("ts_ns") <= now)
    reviews = review_universe(bars, SMALL, NS_PER_HOUR)
    so_far = review_universe(known, SMALL, NS_PER_HOUR)
    assert so_far.equals(reviews.filter(pl.col("ts_ns") <= now))
    for as_of in (None, now - NS_PER_DAY):
        spreads = estimate_half_spreads(bars, SMALL.history_days, as_of_ns=as_of)
        known_spreads = estimate_half_spreads(known, SMALL.history_days, as_of_ns=as_of)
        for symbol in so_far["symbol"].unique().to_list():
            assert known_spreads[symbol] == spreads[symbol], "known before the coin is first eligible, and final"


def test_costs_as_of_read_the_days_before_that_instant() -> None:
    calm = hourly("BTCUSDT", range(0, 20), 100.0, 1e6)
    quiet = hourly("BTCUSDT", range(20, 40), 100.0, 1.0)
    bars = segment_bars(pl.concat([calm, quiet]).drop("venue"), NS_PER_HOUR)
    at = {day: JAN + day * NS_PER_DAY for day in (-5, 19, 39)}
    found = {day: estimate_half_spreads(bars, 10, as_of_ns=ns)["BTCUSDT"] for day, ns in at.items()}
    assert found == {-5: 0.5, 19: 0.5, 39: 8.0}
    assert estimate_half_spreads(bars, 10)["BTCUSDT"] == 0.5


def naive_review(bars: pl.DataFrame, at: int, chosen: UniverseSettings) -> list[str]:
    """The rule read aloud, one coin at a time."""
    ranks = []
    for (symbol,), rows in bars.partition_by("symbol", as_dict=True).items():
        stamps = dict(zip(rows["ts_ns"].to_list(), rows.rows(named=True), strict=True))
        days = []
        for day in range(chosen.volume_days):
            hours = [stamps.get(at - day * NS_PER_DAY - h * NS_PER_HOUR) for h in range(24)]
            if any(h is None for h in hours):
                break
            days.append(sum(h["close"] * h["volume"] for h in hours if h))
        if len(days) >= chosen.history_days:
            ranks.append((-float(np.median(days)), str(symbol)))
    return [symbol for _, symbol in sorted(ranks)[: chosen.size]]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_naive_twin_of_the_universe(seed: int) -> None:
    bars = random_market(seed)
    reviews = review_universe(bars, SMALL, NS_PER_HOUR)
    for at in month_starts_ns(int(bars["ts_ns"].min()), int(bars["ts_ns"].max())):  # type: ignore[arg-type]
        assert reviews.filter(pl.col("ts_ns") == at)["symbol"].to_list() == naive_review(bars, at, SMALL)


def test_what_is_a_coin() -> None:
    assert [
        s
        for s in ("BTCUSDT", "USDCUSDT", "PAXGUSDT", "EURIUSDT", "USD1USDT", "ETHBTC", "USDT", "FDUSDUSDT")
        if is_coin_pair(s, "USDT")
    ] == ["BTCUSDT"]


def test_month_starts() -> None:
    first = int(datetime(2023, 12, 1, tzinfo=UTC).timestamp()) * 10**9
    starts = month_starts_ns(first, first + 70 * NS_PER_DAY)
    assert [utc_text(s) for s in starts] == ["2023-12-01T00:00:00Z", "2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z"]
    assert [utc_text(s)[:7] for s in month_starts_ns(first + 1, first + 70 * NS_PER_DAY)] == ["2024-01", "2024-02"]


@pytest.mark.parametrize(
    ("price", "tick", "volume", "expected"),
    [
        (60_000.0, 0.01, 2e9, 0.5),
        (100.0, 0.01, 3e8, 1.0),
        (100.0, 0.01, 5e7, 2.0),
        (100.0, 0.01, 6e6, 4.0),
        (100.0, 0.01, 0.0, 8.0),
        (1e-5, 1e-8, 5e9, 5.0),  # half a tick is 5 bps of the price: no quote can be tighter
    ],
)
def test_half_spread(price: float, tick: float, volume: float, expected: float) -> None:
    assert half_spread_bps(price, tick, volume) == pytest.approx(expected)


@given(st.integers(0, 8), st.lists(st.integers(1, 10**7), min_size=3, max_size=50))
def test_decimal_step_finds_the_grid(decimals: int, whole: list[int]) -> None:
    values = np.array([float(f"{w}e-{decimals}") for w in [*whole, 10 * whole[0] + 1]])
    assert decimal_step(values) == ("1" if decimals == 0 else f"0.{'0' * (decimals - 1)}1")


def test_decimal_step_passes_over_dust_and_refuses_noise() -> None:
    sizes = np.array([0.25] * 995 + [0.123456] * 5)
    assert (decimal_step(sizes, 0.99), decimal_step(sizes)) == ("0.01", "0.000001")
    with pytest.raises(DataRefused, match="no decimal grid"):
        decimal_step(np.array([np.pi, np.e]))


def test_unknown_venue_has_no_fees() -> None:
    bars = segment_bars(hourly("BTCUSDT", range(0, 2), 100.0, 9.0).drop("venue"), NS_PER_HOUR)
    with pytest.raises(DataRefused, match="no fees are known for venue 'nowhere'"):
        build_instruments(bars, "nowhere", "USDT", 14)

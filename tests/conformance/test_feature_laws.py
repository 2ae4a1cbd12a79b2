"""Laws every feature obeys, walked over the registry: a new declaration gets them all without a new test.

Each law is a function that raises AssertionError on a violation; the canaries at the end break each on purpose, so that
a law which can no longer fail is noticed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tradewind.features import FEATURES, STREAM_TOLERANCE, Feature, Stream, compute
from tradewind.features.batch import cross_pass, with_inputs
from tradewind.flow import DataRefused, Features, Market

Calculate = Callable[[Market], pl.DataFrame]

KEYS = ["ts_ns", "symbol", "segment"]
NAMES = tuple(f.name for f in FEATURES)
BY_NAME = {f.name: f for f in FEATURES}


def until(market: Market, ts_ns: int) -> Market:
    return replace(market, bars=market.bars.filter(pl.col("ts_ns") <= ts_ns))


def assert_same(left: pl.DataFrame, right: pl.DataFrame, name: str) -> None:
    assert left[name].equals(right[name], null_equal=True), f"{name} differs"


def assert_close(left: pl.Series, right: pl.Series, tolerance: float, what: str) -> None:
    a, b = left.to_numpy(), right.to_numpy()
    assert (np.isnan(a) == np.isnan(b)).all(), f"{what}: known in one, not in the other"
    error = np.abs(a - b) / np.maximum(1.0, np.abs(a))
    worst = float(np.nanmax(error)) if (~np.isnan(a)).any() else 0.0
    assert worst <= tolerance, f"{what}: off by {worst:.3g}"


@pytest.fixture(scope="module")
def computed(market: Market) -> Features:
    return compute(market)


@pytest.fixture(scope="module")
def prefixes(market: Market, computed: Features) -> list[tuple[pl.DataFrame, pl.DataFrame]]:
    """(features of the truncated market, truncated features of the market) at random cuts and around every hole."""
    rng = np.random.default_rng(3)
    instants = market.bars["ts_ns"].unique().sort()
    hours = sorted({*rng.integers(30, 899, 3).tolist(), 419, 441, 863})
    cuts = [instants[int(h)] for h in hours]
    return [(compute(until(market, cut)).frame, computed.frame.filter(pl.col("ts_ns") <= cut)) for cut in cuts]


# The laws.


def prefix_law(pairs: Sequence[tuple[pl.DataFrame, pl.DataFrame]], name: str) -> None:
    """What is said about time t does not change when more time passes, to the bit."""
    for early, late in pairs:
        assert_same(early, late, name)


def warmup_law(frame: pl.DataFrame, feature: Feature) -> None:
    """Null through the declared warm-up of every segment, and known right after it on a symbol that always trades."""
    aged = frame.sort("symbol", "ts_ns").with_columns(pl.int_range(pl.len()).over("symbol", "segment").alias("age"))
    early = aged.filter(pl.col("age") < feature.warmup_bars)
    assert early[feature.name].null_count() == early.height, f"{feature.name} has values in its warm-up"
    first = aged.filter((pl.col("symbol") == "BTCUSDT") & (pl.col("age") == feature.warmup_bars))
    assert first.height > 0
    assert first[feature.name].null_count() == 0, f"{feature.name} is later than its declared warm-up"


def known_or_null_law(frame: pl.DataFrame, name: str) -> None:
    """A float that is finite, or null; never NaN, never infinite."""
    column = frame[name]
    assert column.dtype == pl.Float64
    assert column.drop_nulls().is_finite().all(), f"{name} holds NaN or infinity"


def order_law(market: Market, calculate: Calculate) -> None:
    """The order of rows and instruments in the market is of no consequence."""
    shuffled = replace(
        market, bars=market.bars.sample(fraction=1.0, shuffle=True, seed=1), instruments=market.instruments[::-1]
    )
    assert calculate(shuffled).equals(calculate(market), null_equal=True), "row order changes the result"


def segment_law(market: Market, calculate: Calculate, names: Sequence[str], symbol: str) -> None:
    """What happened before a hole is forgotten: other bars there leave the symbol's features after it as they were."""
    old = (pl.col("symbol") == symbol) & (pl.col("segment") == 0)
    changed = [
        pl.when(old).then(pl.col(c) * 3.7).otherwise(pl.col(c)).alias(c) for c in ("open", "high", "low", "close")
    ]
    moved = pl.when(old).then(pl.col("volume") * 0.2 + 1).otherwise(pl.col("volume")).alias("volume")
    gone = replace(market, bars=market.bars.filter(~old))
    after = (pl.col("symbol") == symbol) & (pl.col("segment") > 0)
    expected = calculate(market).filter(after)
    assert expected.height > 0
    for other in (replace(market, bars=market.bars.with_columns(*changed, moved)), gone):
        found = calculate(other).filter(after)
        for name in names:
            assert_same(found, expected, name)


def instant_law(frame: pl.DataFrame, features: Sequence[Feature]) -> None:
    """A cross feature is a function of its instant's rows: no other row can change it, and neither can row order."""
    for ts_ns in frame["ts_ns"].unique().sort().gather([400, 500, 898]):
        alone = frame.filter(pl.col("ts_ns") == ts_ns)
        again = cross_pass(alone.reverse().drop([f.name for f in features]), features).reverse()
        for feature in features:
            assert_same(again, alone, feature.name)


# The suite.


def test_there_are_enough_features_with_unique_names() -> None:
    assert len(set(NAMES)) == len(NAMES) >= 60


@pytest.mark.parametrize("name", NAMES)
def test_prefix_law(name: str, prefixes: list[tuple[pl.DataFrame, pl.DataFrame]]) -> None:
    prefix_law(prefixes, name)


@pytest.mark.parametrize("name", NAMES)
def test_warmup_law(name: str, computed: Features) -> None:
    warmup_law(computed.frame, BY_NAME[name])


@pytest.mark.parametrize("name", NAMES)
def test_known_or_null_law(name: str, computed: Features) -> None:
    known_or_null_law(computed.frame, name)


@pytest.mark.parametrize("name", NAMES)
def test_a_feature_varies_and_is_mostly_known(name: str, computed: Features) -> None:
    aged = computed.frame.filter(pl.int_range(pl.len()).over("symbol", "segment") >= computed.warmup_bars)
    column = aged.filter(pl.col("symbol") != "TRXUSDT")[name]
    assert column.null_count() < 0.02 * len(column)
    assert column.n_unique() > 5


def test_rows_are_those_of_the_market(market: Market, computed: Features) -> None:
    assert computed.frame.select(KEYS).equals(market.bars.select(KEYS))
    assert computed.names == NAMES
    assert computed.warmup_bars == max(f.warmup_bars for f in FEATURES)


def test_order_law(market: Market) -> None:
    order_law(market, lambda m: compute(m).frame)


@pytest.mark.parametrize("symbol", ["ETHUSDT", "PEPEUSDT"])
def test_segment_law(market: Market, symbol: str) -> None:
    names = [f.name for f in FEATURES if f.kind != "cross"]
    segment_law(market, lambda m: compute(m).frame, names, symbol)


def test_instant_law(computed: Features) -> None:
    instant_law(computed.frame, [f for f in FEATURES if f.kind == "cross"])


def test_redenomination_law(market: Market) -> None:
    """A coin quoted per thousand (1000PEPE) has the same features: prices times k and volumes over k change nothing."""
    pepe = pl.col("symbol") == "PEPEUSDT"
    factor = pl.when(pepe).then(1000.0).otherwise(1.0)
    prices = [(pl.col(c) * factor).alias(c) for c in ("open", "high", "low", "close")]
    other = replace(market, bars=market.bars.with_columns(*prices, pl.col("volume") / factor))
    base, found = compute(market).frame.filter(pepe), compute(other).frame.filter(pepe)
    for name in NAMES:
        assert_close(base[name], found[name], 1e-8, name)


def test_inputs_are_not_changed(market: Market) -> None:
    before = market.bars.clone()
    compute(market)
    instants = market.bars["ts_ns"].unique().sort()
    Stream(until(market, instants[-2])).update(market.bars.filter(pl.col("ts_ns") == instants[-1]))
    assert market.bars.equals(before)


@pytest.mark.parametrize("hour", [0, 30, 441, 480, 840, 897])
def test_batch_is_stream(market: Market, computed: Features, hour: int) -> None:
    """At the very start, just after holes, and at the end; two updates, so that history rolls."""
    instants = market.bars["ts_ns"].unique().sort()
    stream = Stream(replace(market, bars=market.bars.filter(pl.col("ts_ns") < instants[hour])))
    for now in instants[hour : hour + 2]:
        found = stream.update(market.bars.filter(pl.col("ts_ns") == now))
        expected = computed.frame.filter(pl.col("ts_ns") == now)
        assert found.select(KEYS).equals(expected.select(KEYS))
        for name in NAMES:
            assert_close(expected[name], found[name], STREAM_TOLERANCE, f"{name} at hour {hour}")


def test_stream_with_its_memory_full_is_batch(market: Market) -> None:
    """A stream that has forgotten the start still agrees: the memory each recursive feature declares is enough."""
    short = [f for f in FEATURES if f.memory_bars <= 500]
    assert any(f.memory_bars > f.warmup_bars + 1 for f in short)
    instants = market.bars["ts_ns"].unique().sort()
    stream = Stream(until(market, instants[897]), short)
    assert stream.memory_bars < 897
    found = stream.update(market.bars.filter(pl.col("ts_ns") == instants[898]))
    expected = compute(market, short).frame.filter(pl.col("ts_ns") == instants[898])
    for feature in short:
        assert_close(expected[feature.name], found[feature.name], STREAM_TOLERANCE, feature.name)


# The canaries: each law, broken on purpose.


def own(name: str, warmup_bars: int, expression: pl.Expr) -> Feature:
    return Feature(name, "own", warmup_bars, warmup_bars + 1, expression, "canary")


LEAKS = (
    own("tomorrow", 1, (pl.col("close").shift(-1) / pl.col("close")).log()),
    own("whole_sample_z", 1, (pl.col("close") - pl.col("close").mean()) / pl.col("close").std()),
    own("centred_mean", 5, pl.col("close").rolling_mean(5, center=True) / pl.col("close")),
)


@pytest.mark.parametrize("leak", LEAKS, ids=lambda f: f.name)
def test_canary_a_look_ahead_breaks_the_prefix_law(market: Market, leak: Feature) -> None:
    full = compute(market, [leak]).frame
    cuts = market.bars["ts_ns"].unique().sort().gather([3, 300, 700])
    pairs = [(compute(until(market, cut), [leak]).frame, full.filter(pl.col("ts_ns") <= cut)) for cut in cuts]
    with pytest.raises(AssertionError, match="differs"):
        prefix_law(pairs, leak.name)


def test_canary_a_late_feature_breaks_the_warmup_law(market: Market) -> None:
    late = own("late", 5, pl.col("log_return").rolling_mean(20))
    with pytest.raises(AssertionError, match="later than its declared warm-up"):
        warmup_law(compute(market, [late]).frame, late)


def test_canary_an_early_value_breaks_the_warmup_law(market: Market) -> None:
    early = own("return_24", 0, pl.col("close"))
    with pytest.raises(AssertionError, match="has values in its warm-up"):
        warmup_law(compute(market, [early]).frame, BY_NAME["return_24"])


def test_canary_nan_breaks_the_known_or_null_law(computed: Features) -> None:
    broken = computed.frame.with_columns(pl.col("return_1").fill_null(float("nan")))
    with pytest.raises(AssertionError, match="NaN"):
        known_or_null_law(broken, "return_1")


def test_canary_a_window_over_the_hole_breaks_the_segment_law(market: Market) -> None:
    def careless(of: Market) -> pl.DataFrame:
        back = pl.col("close").shift(24).over("symbol")
        return of.bars.select(*KEYS, (pl.col("close") / back).log().alias("return_24"))

    with pytest.raises(AssertionError, match="return_24 differs"):
        segment_law(market, careless, ["return_24"], "ETHUSDT")


def test_canary_unsorted_work_breaks_the_order_law(market: Market) -> None:
    def careless(of: Market) -> pl.DataFrame:
        return of.bars.select(pl.col("close").diff().over("symbol"))

    with pytest.raises(AssertionError, match="row order"):
        order_law(market, careless)


def test_a_hole_inside_a_segment_is_refused(market: Market) -> None:
    unmarked = replace(market, bars=market.bars.with_columns(pl.lit(0, dtype=pl.Int64).alias("segment")))
    with pytest.raises(DataRefused, match="new segment after every hole"):
        compute(unmarked)


def test_no_bars_and_no_bitcoin_are_refused(market: Market) -> None:
    with pytest.raises(DataRefused, match="no bar"):
        compute(replace(market, bars=market.bars.clear()))
    altcoins = tuple(i for i in market.instruments if i.base != "BTC")
    with pytest.raises(DataRefused, match="base BTC"):
        compute(replace(market, instruments=altcoins))


def test_a_stream_takes_one_later_close_at_a_time(market: Market) -> None:
    stream = Stream(market)
    with pytest.raises(ValueError, match="not after the last"):
        stream.update(market.bars.filter(pl.col("ts_ns") == pl.col("ts_ns").max()))
    with pytest.raises(ValueError, match="one close"):
        stream.update(market.bars)


def test_a_refused_update_leaves_the_stream_as_it_was(market: Market) -> None:
    instants = market.bars["ts_ns"].unique().sort()
    stream = Stream(until(market, instants[700]))
    with pytest.raises(DataRefused, match="new segment after every hole"):
        stream.update(market.bars.filter(pl.col("ts_ns") == instants[702]))
    expected = Stream(until(market, instants[700])).update(market.bars.filter(pl.col("ts_ns") == instants[701]))
    assert stream.update(market.bars.filter(pl.col("ts_ns") == instants[701])).equals(expected)


def test_canary_row_order_breaks_the_instant_law(computed: Features) -> None:
    ordered = Feature("running", "cross", 0, 1, pl.col("return_1").fill_null(0.0).cum_sum(), "canary")
    with pytest.raises(AssertionError, match="running differs"):
        instant_law(cross_pass(computed.frame, [ordered]), [ordered])


def test_cross_features_bring_their_inputs(market: Market, computed: Features) -> None:
    rank = BY_NAME["rank_volatility_168"]
    series, cross = with_inputs([rank])
    assert [f.name for f in series] == ["volatility_168"]
    assert cross == (rank,)
    assert_same(compute(market, [rank]).frame, computed.frame, rank.name)

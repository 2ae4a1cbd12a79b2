"""Labels, folds and scores against plain twins, SciPy, and cases worked by hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import stats

from tradewind.flow import NS_PER_HOUR, DataRefused, Fold, Forecast, Market
from tradewind.forecast import decay, diagnose, forward_returns, information_coefficients, purged_walk_forward
from tradewind.forecast.labels import rank_target
from tradewind.forecast.walk import IC_BOUNDS, IC_PRIOR, IC_PRIOR_INSTANTS, _believed_ic


def market_of(closes: dict[str, list[tuple[int, int, float]]]) -> Market:
    """closes: symbol → (hour, segment, close)."""
    rows = [
        {"ts_ns": h * NS_PER_HOUR, "symbol": s, "segment": g} | dict.fromkeys(("open", "high", "low", "close"), c)
        for s, series in closes.items()
        for h, g, c in series
    ]
    bars = pl.DataFrame(rows).with_columns(pl.lit(1.0).alias("volume")).sort("ts_ns", "symbol")
    return Market(bars, bars.head(0), (), NS_PER_HOUR, (), "simulated", "test")


def test_labels_are_simple_returns_within_a_segment() -> None:
    market = market_of(
        {"A": [(1, 0, 10.0), (2, 0, 11.0), (3, 0, 12.0), (9, 1, 6.0), (10, 1, 3.0), (11, 1, 9.0)], "B": [(2, 0, 5.0)]}
    )
    found = forward_returns(market, 2)
    known = {(r["ts_ns"] // NS_PER_HOUR, r["symbol"]): r["realised_return"] for r in found.iter_rows(named=True)}
    assert known == {
        (1, "A"): pytest.approx(0.2), (2, "A"): None, (3, "A"): None,
        (9, "A"): pytest.approx(0.5), (10, "A"): None, (11, "A"): None, (2, "B"): None,
    }  # fmt: skip
    assert found.select("ts_ns", "symbol").equals(market.bars.select("ts_ns", "symbol"))


def test_labels_agree_with_a_plain_loop() -> None:
    rng = np.random.default_rng(0)
    closes = {
        s: [(h, 0 if h < 40 else 1, float(c)) for h, c in enumerate(rng.lognormal(0, 0.1, 80)) if not 40 <= h < 45]
        for s in "ABC"
    }
    market = market_of(closes)
    expected = {}
    for symbol, series in closes.items():
        by_hour = {h: (g, c) for h, g, c in series}
        for hour, (segment, close) in by_hour.items():
            later = by_hour.get(hour + 7)
            inside = later is not None and later[0] == segment
            expected[hour * NS_PER_HOUR, symbol] = later[1] / close - 1 if inside and later else None
    found = {(r[0], r[1]): r[2] for r in forward_returns(market, 7).iter_rows()}
    assert found == {k: None if v is None else pytest.approx(v) for k, v in expected.items()}


def test_rank_targets_have_no_mean_and_unit_variance() -> None:
    frame = pl.DataFrame({"ts_ns": [1] * 50 + [2] * 4, "r": [*np.random.default_rng(0).normal(size=50), 1, 2, 3, 4]})
    target = frame.select(rank_target(pl.col("r")))["r"]
    assert target[:50].mean() == pytest.approx(0.0, abs=1e-12)
    assert target[:50].std() == pytest.approx(1.0, abs=0.02)
    assert stats.spearmanr(target[:50], frame["r"][:50]).statistic == pytest.approx(1.0)
    assert target[50:].null_count() == 4  # Four symbols are no cross-section.


def test_folds_worked_by_hand() -> None:
    """Bars 0..19, 5 to train on, labels 3 long, embargo 2, tests of 4: the first label set is over at bar 7."""
    folds = purged_walk_forward(
        np.arange(20), train_bars=5, test_bars=4, horizon_bars=3, embargo_bars=2, mode="expanding"
    )
    assert folds == (
        Fold(0, 0, 7, 9, 13, 2, 5),
        Fold(1, 0, 11, 13, 17, 2, 9),
        Fold(2, 0, 15, 17, 19, 2, 13),
    )
    rolling = purged_walk_forward(
        np.arange(20), train_bars=5, test_bars=4, horizon_bars=3, embargo_bars=2, mode="rolling", first_test_ns=12
    )
    assert rolling == (Fold(0, 2, 9, 11, 15, 2, 5), Fold(1, 6, 13, 15, 19, 2, 5))


def test_folds_refuse_what_cannot_be_walked() -> None:
    with pytest.raises(DataRefused, match="fewer train_bars"):
        purged_walk_forward(np.arange(9), train_bars=9, test_bars=1, horizon_bars=1, embargo_bars=0, mode="rolling")
    with pytest.raises(DataRefused, match="no bar closes"):
        purged_walk_forward(np.arange(0), train_bars=9, test_bars=1, horizon_bars=1, embargo_bars=0, mode="rolling")
    with pytest.raises(DataRefused, match="first test"):
        purged_walk_forward(
            np.arange(99), train_bars=9, test_bars=1, horizon_bars=1, embargo_bars=0, mode="rolling", first_test_ns=5
        )
    with pytest.raises(DataRefused, match="to test on"):
        purged_walk_forward(
            np.arange(99), train_bars=9, test_bars=1, horizon_bars=1, embargo_bars=0, mode="rolling", first_test_ns=500
        )
    with pytest.raises(ValueError, match="positive"):
        purged_walk_forward(np.arange(9), train_bars=1, test_bars=0, horizon_bars=1, embargo_bars=0, mode="rolling")
    with pytest.raises(ValueError, match="increasing"):
        purged_walk_forward(
            np.array([1, 1, 2]), train_bars=1, test_bars=1, horizon_bars=1, embargo_bars=0, mode="rolling"
        )


def scored(instants: int, symbols: int, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    size = instants * symbols
    return pl.DataFrame(
        {
            "ts_ns": np.repeat(np.arange(instants), symbols),
            "fold": np.repeat(np.arange(instants) // 10, symbols),
            "expected_return": rng.normal(size=size),
            "realised_return": rng.normal(size=size),
        }
    )


def test_information_coefficients_are_those_of_scipy() -> None:
    frame = scored(30, 9, 0)
    found = information_coefficients(frame)
    for row in found.iter_rows(named=True):
        now = frame.filter(pl.col("ts_ns") == row["ts_ns"])
        expected, realised = now["expected_return"].to_numpy(), now["realised_return"].to_numpy()
        assert row["ic"] == pytest.approx(stats.pearsonr(expected, realised).statistic, abs=1e-12)
        assert row["rank_ic"] == pytest.approx(stats.spearmanr(expected, realised).statistic, abs=1e-12)
    summary = diagnose(frame, "m")
    assert summary["fold"].to_list() == [-1, 0, 1, 2]
    overall = summary.row(0, named=True)
    assert overall["ic"] == pytest.approx(found["ic"].mean())
    assert overall["icir"] == pytest.approx(found["ic"].mean() / found["ic"].std())
    assert overall["observations"] == 270
    assert overall["instants"] == 30
    assert summary["rank_ic"][2] == pytest.approx(found["rank_ic"][10:20].mean())


def test_scores_leave_out_what_has_no_correlation() -> None:
    frame = scored(4, 6, 1).with_columns(
        pl.when(pl.col("ts_ns") == 1).then(0.0).otherwise("expected_return").alias("expected_return"),
        pl.when((pl.col("ts_ns") == 2) & (pl.int_range(pl.len()) % 2 == 0))
        .then(None)
        .otherwise("realised_return")
        .alias("realised_return"),
    )
    found = information_coefficients(frame)
    assert found["ic"].is_null().to_list() == [False, True, True, False]
    assert found["observations"].to_list() == [6, 6, 3, 6]
    assert diagnose(frame, "m").row(0, named=True)["instants"] == 2


def test_hit_rate_worked_by_hand() -> None:
    frame = pl.DataFrame(
        {
            "ts_ns": [1] * 6,
            "fold": [0] * 6,
            "expected_return": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],  # Median 3.5: below, below, below, above, above, above.
            "realised_return": [1.0, 9.0, 2.0, 8.0, 7.0, 3.0],  # Median 5.0: below, above, below, above, above, below.
        }
    )
    assert diagnose(frame, "m")["hit_rate"].to_list() == [pytest.approx(4 / 6)] * 2
    # With an odd number the symbol on the median is on neither side and is not counted as a miss.
    odd = frame.head(5).with_columns(pl.col("expected_return").alias("realised_return"))
    assert diagnose(odd, "m")["hit_rate"].to_list() == [1.0, 1.0]


def test_believed_ic_is_shrunk_and_uses_finished_returns_only() -> None:
    assert _believed_ic([], 0) == IC_PRIOR
    frame = scored(40, 9, 2).with_columns((pl.col("ts_ns") + 5).alias("known_ns"))
    known = information_coefficients(frame)["ic"][:21]
    expected = (IC_PRIOR * IC_PRIOR_INSTANTS + known.sum()) / (IC_PRIOR_INSTANTS + 21)
    assert _believed_ic([frame], 25) == pytest.approx(np.clip(expected, *IC_BOUNDS))
    perfect = frame.with_columns(pl.col("realised_return").alias("expected_return"))
    assert _believed_ic([perfect], 10**9) == IC_BOUNDS[1]
    inverted = frame.with_columns(-pl.col("realised_return").alias("expected_return"))
    assert _believed_ic([inverted], 10**9) == IC_BOUNDS[0]


def test_decay_scores_the_same_forecast_at_other_horizons() -> None:
    rng = np.random.default_rng(3)
    hours = 120
    closes = {
        s: [(h, 0, float(c)) for h, c in enumerate(np.exp(np.cumsum(rng.normal(0, 0.01, hours))))] for s in "ABCDEFG"
    }
    market = market_of(closes)
    soon = forward_returns(market, 1).rename({"realised_return": "expected_return"}).drop_nulls()
    frame = soon.with_columns(
        pl.lit(0, dtype=pl.Int64).alias("fold"),
        pl.lit("oracle").alias("model"),
        pl.lit(None, pl.Float64).alias("realised_return"),
    )
    oracle = Forecast(frame, 1, (), pl.DataFrame(), 1)
    found = decay(oracle, market, (1, 4, 16))
    assert found["horizon_bars"].to_list() == [1, 4, 16]
    assert found["ic"][0] == pytest.approx(1.0)
    assert found["ic"][0] > found["ic"][1] > found["ic"][2] > 0

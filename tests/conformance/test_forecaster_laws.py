"""Laws every forecaster obeys, and laws of the walk-forward around it; each one is also broken on purpose below."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.features import FEATURES, Feature, compute
from tradewind.flow import DataRefused, Fold, Forecast, Market
from tradewind.forecast import (
    Average,
    Fitted,
    Forecaster,
    LightGbm,
    Ridge,
    Settings,
    forecast,
    purged_walk_forward,
)

Array = npt.NDArray[np.float64]

SMALL_TREES = LightGbm(trees=25, leaf_rows=20)
FORECASTERS: tuple[Forecaster, ...] = (LightGbm(), Ridge(), Average((LightGbm(), Ridge())), Average((Ridge(),)))
IDS = ("lightgbm", "ridge", "average", "average_of_one")


def sample(rows: int, seed: int) -> tuple[Array, Array]:
    """Ten features, some missing, of which the first two matter; one constant, one never known."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 10)) * 10.0 ** rng.integers(-4, 5, 10)
    y = 0.5 * x[:, 0] / x[:, 0].std() - 0.3 * x[:, 1] / x[:, 1].std() + rng.normal(size=rows)
    x[rng.random(x.shape) < 0.05] = np.nan
    x[:, 8], x[:, 9] = 3.0, np.nan
    return x, y


# The laws of a forecaster.


def seeding_law(forecaster: Forecaster) -> None:
    """The same seed and rows give the same bytes."""
    x, y = sample(1500, 1)
    first, second = (forecaster.fit(x, y, seed=4).predict(x).tobytes() for _ in range(2))
    assert first == second, "two fits with one seed differ"


def innocence_law(forecaster: Forecaster) -> None:
    """Neither fitting nor predicting changes what it was given."""
    x, y = sample(1500, 1)
    before = x.tobytes(), y.tobytes()
    forecaster.fit(x, y, seed=4).predict(x)
    assert (x.tobytes(), y.tobytes()) == before, "inputs were changed"


def row_law(forecaster: Forecaster) -> None:
    """A prediction depends on its row alone: not on the rows beside it, nor on their order."""
    x, y = sample(1500, 1)
    fitted = forecaster.fit(x, y, seed=4)
    together = fitted.predict(x[:50])
    alone = np.concatenate([fitted.predict(x[i : i + 1]) for i in range(50)])
    assert alone.tobytes() == together.tobytes(), "a prediction depends on the rows beside it"


@pytest.mark.parametrize("forecaster", FORECASTERS, ids=IDS)
class TestEveryForecaster:
    def test_seeding_law(self, forecaster: Forecaster) -> None:
        seeding_law(forecaster)

    def test_innocence_law(self, forecaster: Forecaster) -> None:
        innocence_law(forecaster)

    def test_row_law(self, forecaster: Forecaster) -> None:
        row_law(forecaster)

    def test_training_order_is_of_no_consequence(self, forecaster: Forecaster) -> None:
        x, y = sample(1500, 1)
        order = np.random.default_rng(0).permutation(len(y))
        straight = forecaster.fit(x, y, seed=4).predict(x)
        shuffled = forecaster.fit(x[order], y[order], seed=4).predict(x)
        np.testing.assert_allclose(shuffled, straight, rtol=0, atol=1e-6)

    def test_pickles_before_and_after_fitting(self, forecaster: Forecaster) -> None:
        x, y = sample(1500, 1)
        fitted = forecaster.fit(x, y, seed=4)
        again: Forecaster = pickle.loads(pickle.dumps(forecaster))  # noqa: S301
        assert again == forecaster
        revived: Fitted = pickle.loads(pickle.dumps(fitted))  # noqa: S301
        assert revived.predict(x).tobytes() == fitted.predict(x).tobytes()

    def test_finite_whatever_is_missing(self, forecaster: Forecaster) -> None:
        x, y = sample(1500, 1)
        fitted = forecaster.fit(x, y, seed=4)
        wild = np.vstack([np.full(10, np.nan), np.full(10, 1e30), np.full(10, -1e30), np.zeros(10)])
        found = fitted.predict(wild)
        assert found.shape == (4,)
        assert np.isfinite(found).all()

    def test_a_constant_target_gives_a_constant(self, forecaster: Forecaster) -> None:
        x, _ = sample(1500, 1)
        np.testing.assert_allclose(forecaster.fit(x, np.full(1500, 0.37), seed=4).predict(x), 0.37, atol=1e-9)

    def test_learns_what_is_there(self, forecaster: Forecaster) -> None:
        x, y = sample(3000, 1)
        fitted = forecaster.fit(x[:2000], y[:2000], seed=4)
        found = np.corrcoef(fitted.predict(x[2000:]), y[2000:])[0, 1]
        assert found > 0.35  # At most 0.5 / sqrt(1.34) for a perfect one.

    @pytest.mark.parametrize(
        ("x", "y"),
        [
            (np.empty((0, 3)), np.empty(0)),
            (np.ones((1, 3)), np.ones(1)),
            (np.ones((9, 0)), np.ones(9)),
            (np.ones((9, 3)), np.ones(8)),
            (np.ones((9, 3)), np.full(9, np.nan)),
            (np.full((9, 3), np.inf), np.ones(9)),
        ],
        ids=["empty", "one row", "no feature", "lengths differ", "unknown targets", "infinite"],
    )
    def test_refuses_what_cannot_be_learned(self, forecaster: Forecaster, x: Array, y: Array) -> None:
        with pytest.raises(DataRefused):
            forecaster.fit(x, y, seed=4)


# The laws of the folds.


def purge_law(timestamps: npt.NDArray[np.int64], folds: Sequence[Fold], horizon_bars: int, embargo_bars: int) -> None:
    """No training label reaches into the embargo or the test, and tests do not overlap."""
    for fold in folds:
        first = int(np.searchsorted(timestamps, fold.train_start_ns))
        label_end = timestamps[first + fold.train_rows - 1 + horizon_bars]
        assert label_end <= fold.train_end_ns, f"fold {fold.number}: a label ends after training"
        embargoed = int(np.sum((timestamps > fold.train_end_ns) & (timestamps <= fold.test_start_ns)))
        assert embargoed >= embargo_bars
        assert fold.test_start_ns - fold.train_end_ns == fold.embargo_ns
        assert fold.test_start_ns < fold.test_end_ns
    for before, after in pairwise(folds):
        assert before.test_end_ns == after.test_start_ns


@st.composite
def walks(draw: st.DrawFn) -> tuple[npt.NDArray[np.int64], dict[str, int | str]]:
    steps = draw(st.lists(st.sampled_from([1, 1, 1, 1, 30]), min_size=60, max_size=200))
    parameters: dict[str, int | str] = {
        "train_bars": draw(st.integers(1, 30)),
        "test_bars": draw(st.integers(1, 20)),
        "horizon_bars": draw(st.integers(1, 12)),
        "embargo_bars": draw(st.integers(0, 8)),
        "mode": draw(st.sampled_from(["expanding", "rolling"])),
    }
    return np.cumsum(np.array(steps, dtype=np.int64)), parameters


@settings(max_examples=200, deadline=None, derandomize=True)
@given(walks())
def test_purge_law(walk: tuple[npt.NDArray[np.int64], dict[str, int | str]]) -> None:
    timestamps, parameters = walk
    folds = purged_walk_forward(timestamps, **parameters)  # type: ignore[arg-type]
    purge_law(timestamps, folds, int(parameters["horizon_bars"]), int(parameters["embargo_bars"]))
    assert folds[-1].test_end_ns == timestamps[-1]
    sizes = [f.train_rows for f in folds]
    if parameters["mode"] == "rolling":
        assert set(sizes) == {parameters["train_bars"]}
    else:
        assert sizes[0] == parameters["train_bars"]
        assert all(f.train_start_ns == timestamps[0] for f in folds)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(walks(), st.integers(1, 60))
def test_more_data_moves_no_fold(walk: tuple[npt.NDArray[np.int64], dict[str, int | str]], cut: int) -> None:
    timestamps, parameters = walk
    whole = purged_walk_forward(timestamps, **parameters)  # type: ignore[arg-type]
    try:
        early = purged_walk_forward(timestamps[:-cut], **parameters)  # type: ignore[arg-type]
    except DataRefused:
        return
    assert early[:-1] == whole[: len(early) - 1]
    last = whole[len(early) - 1]
    assert early[-1] == replace(last, test_end_ns=min(last.test_end_ns, int(timestamps[-cut - 1])))


# The laws of the stage.

SUBSET = [f for f in FEATURES if f.warmup_bars <= 24 and f.kind != "calendar"]
QUICK = Settings(
    horizon_bars=8,
    decision_bars=4,
    sample_bars=2,
    train_bars=200,
    test_bars=100,
    embargo_bars=4,
    members=(SMALL_TREES, Ridge()),
)
Stage = Callable[[Market], Forecast]


def stage(market: Market) -> Forecast:
    return forecast(compute(market, SUBSET), market, QUICK)


def without_future(made: Forecast, ts_ns: int) -> pl.DataFrame:
    """What was said up to ts_ns; realised_return is for scoring and is not part of what was said."""
    return made.frame.filter(pl.col("ts_ns") <= ts_ns).drop("realised_return")


def stage_prefix_law(market: Market, run: Stage, hours: Sequence[int]) -> None:
    """Forecasts up to t are the same when the market ends at t, and when anything at all happens after t."""
    instants = market.bars["ts_ns"].unique().sort()
    whole = run(market)
    rng = np.random.default_rng(0)
    for hour in hours:
        cut = int(instants[hour])
        ended = replace(market, bars=market.bars.filter(pl.col("ts_ns") <= cut))
        noise = pl.Series(np.exp(rng.normal(0, 0.5, market.bars.height)))
        factor = pl.when(pl.col("ts_ns") > cut).then(noise).otherwise(1.0)
        prices = [(pl.col(c) * factor).alias(c) for c in ("open", "high", "low", "close")]
        other = replace(market, bars=market.bars.with_columns(*prices))
        said = without_future(whole, cut)
        assert said.height > 0
        assert without_future(run(ended), cut).equals(said), f"the end of the market at hour {hour} changes the past"
        assert without_future(run(other), cut).equals(said), f"what happens after hour {hour} changes the past"


@pytest.fixture(scope="module")
def walked(walk_market: Market) -> Forecast:
    return stage(walk_market)


def test_stage_prefix_law(walk_market: Market) -> None:
    # 341: just before the hole; 413: two bars into a fold, so that a label that reached into it would show; 600: late.
    stage_prefix_law(walk_market, stage, (341, 413, 600))


def test_stage_is_deterministic_and_innocent(walk_market: Market, walked: Forecast) -> None:
    features = compute(walk_market, SUBSET)
    before = features.frame.clone(), walk_market.bars.clone()
    again = forecast(features, walk_market, replace(QUICK, workers=1))
    assert again.frame.equals(walked.frame)
    assert again.diagnostics.equals(walked.diagnostics)
    assert features.frame.equals(before[0])
    assert walk_market.bars.equals(before[1])


def test_stage_keeps_its_contract(walk_market: Market, walked: Forecast) -> None:
    frame = walked.frame
    assert frame.columns == ["ts_ns", "symbol", "fold", "model", "expected_return", "realised_return"]
    assert frame["expected_return"].is_finite().all()
    assert frame.select("ts_ns", "symbol").equals(frame.select("ts_ns", "symbol").unique().sort("ts_ns", "symbol"))
    assert (frame["ts_ns"] % (4 * walk_market.bar_ns) == 0).all()
    assert frame["model"].unique().to_list() == ["average"]
    assert frame["expected_return"].abs().max() < 0.1
    for fold in walked.folds:
        part = frame.filter(pl.col("fold") == fold.number)["ts_ns"]
        assert fold.test_start_ns < part.min() <= part.max() <= fold.test_end_ns  # type: ignore[operator]
    assert walked.n_trials == 3
    assert set(walked.diagnostics["model"]) == {"average", "lightgbm", "ridge"}
    overall = walked.diagnostics.filter((pl.col("fold") == -1) & (pl.col("model") == "average"))
    assert overall["observations"].item() == frame["realised_return"].is_not_null().sum()


def test_nothing_is_found_where_there_is_nothing(walked: Forecast) -> None:
    """Pure random walks: a mean IC beyond four standard errors (about 1/sqrt(instants x symbols)) would be a leak."""
    overall = walked.diagnostics.filter(pl.col("fold") == -1)
    limit = 4 / np.sqrt(overall["observations"].to_numpy() / 2)  # Neighbouring labels overlap by half.
    assert (overall["rank_ic"].abs().to_numpy() < limit).all(), overall


def test_something_is_found_where_there_is_something(trending_market: Market) -> None:
    made = stage(trending_market)
    overall = made.diagnostics.filter((pl.col("fold") == -1) & (pl.col("model") == "average"))
    assert overall["rank_ic"].item() > 0.3
    assert overall["hit_rate"].item() > 0.55


def test_progress_is_reported(walk_market: Market) -> None:
    seen: list[tuple[int, int]] = []
    made = forecast(
        compute(walk_market, SUBSET), walk_market, QUICK, lambda _label, done, total: seen.append((done, total))
    )
    assert seen == [(i + 1, len(made.folds)) for i in range(len(made.folds))]


def test_too_little_data_is_refused(walk_market: Market) -> None:
    features = compute(walk_market, SUBSET)
    with pytest.raises(DataRefused, match="train on before the first test"):
        forecast(features, walk_market, replace(QUICK, train_bars=5000))
    few = replace(walk_market, bars=walk_market.bars.filter(pl.col("symbol").is_in(["BTCUSDT", "ETHUSDT"])))
    with pytest.raises(DataRefused, match="training rows"):
        forecast(compute(few, SUBSET), few, QUICK)
    empty = replace(walk_market, bars=walk_market.bars.clear())
    with pytest.raises(DataRefused):
        forecast(replace(features, frame=features.frame.clear()), empty, QUICK)


# The canaries.


@dataclass(frozen=True)
class Careless:
    """Draws from a generator nobody seeded, writes into its input, and looks at the other rows."""

    name: str = "careless"

    def fit(self, x: Array, y: Array, *, seed: int) -> Careless:
        x[0, 0] = 0.0
        return self

    def predict(self, x: Array) -> Array:
        return np.random.default_rng().normal(size=len(x)) + len(x)


@pytest.mark.parametrize("law", [seeding_law, innocence_law, row_law], ids=lambda f: f.__name__)
def test_canary_a_careless_forecaster_breaks_every_law(law: Callable[[Forecaster], None]) -> None:
    with pytest.raises(AssertionError):
        law(Careless())


def test_canary_one_row_too_many_breaks_the_purge_law() -> None:
    timestamps = np.arange(100, dtype=np.int64)
    folds = purged_walk_forward(timestamps, train_bars=20, test_bars=20, horizon_bars=5, embargo_bars=2, mode="rolling")
    purge_law(timestamps, folds, 5, 2)
    with pytest.raises(AssertionError, match="a label ends after training"):
        purge_law(timestamps, [replace(f, train_rows=f.train_rows + 1) for f in folds], 5, 2)


def test_canary_a_leaking_feature_breaks_the_stage_prefix_law(walk_market: Market) -> None:
    leak = Feature("return_8", "own", 8, 9, (pl.col("close").shift(-3) / pl.col("close")).log(), "canary")

    def leaking(market: Market) -> Forecast:
        return forecast(compute(market, [*(f for f in SUBSET if f.name != "return_8"), leak]), market, QUICK)

    with pytest.raises(AssertionError, match="changes the past"):
        stage_prefix_law(walk_market, leaking, (428,))


def test_canary_a_leaking_feature_is_too_good(walk_market: Market) -> None:
    leak = Feature("tomorrow", "own", 8, 9, (pl.col("close").shift(-8) / pl.col("close")).log(), "canary")
    made = forecast(compute(walk_market, [leak]), walk_market, QUICK)
    overall = made.diagnostics.filter((pl.col("fold") == -1) & (pl.col("model") == "average"))
    assert overall["rank_ic"].item() > 0.8


def test_canary_scaling_by_the_whole_sample_breaks_the_stage_prefix_law(walk_market: Market) -> None:
    def peeking(market: Market) -> Forecast:
        made = stage(market)
        scale = made.frame["realised_return"].std()
        return replace(made, frame=made.frame.with_columns(pl.col("expected_return") * scale))

    with pytest.raises(AssertionError, match="changes the past"):
        stage_prefix_law(walk_market, peeking, (428,))

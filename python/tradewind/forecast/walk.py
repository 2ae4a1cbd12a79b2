"""Features → Forecast: refit on the past, predict the next stretch, never the other way round.

At each fold the members are fitted on rank targets of purged rows and predict the fold's decision instants. A
prediction is only an ordering; Grinold & Kahn's rule (Active Portfolio Management, 2000, ch. 11) makes it a return:

    expected_return = IC x volatility x score

score: the prediction, standardised across symbols at its instant. volatility: mean cross-section standard deviation of
the training labels. IC: the mean one-instant IC of *earlier folds' out-of-sample forecasts* whose returns were over at
the fold's train_end_ns, shrunk to a sceptical prior (`IC_PRIOR`, worth `IC_PRIOR_INSTANTS` instants) and kept in
IC_BOUNDS. In-sample ICs of trees are many times too good to be used. The result is relative to the cross-section: it
says nothing about where the market as a whole goes, and sums to zero over symbols at each instant.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl
from threadpoolctl import threadpool_limits

from tradewind.flow import DataRefused, Features, Fold, Forecast, Market
from tradewind.forecast.blend import Average
from tradewind.forecast.folds import Mode, purged_walk_forward
from tradewind.forecast.labels import LEAST_SYMBOLS, forward_returns, rank_target
from tradewind.forecast.linear import Ridge
from tradewind.forecast.protocol import Fitted, Forecaster, Matrix, Vector
from tradewind.forecast.scores import diagnose, information_coefficients
from tradewind.forecast.trees import LightGbm

IC_PRIOR = 0.02
IC_PRIOR_INSTANTS = 60
IC_BOUNDS = (0.005, 0.10)

# (what is being done, steps done, steps in all)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Settings:
    """What is learned, from how much past, how often.

    horizon_bars: length of the label. decision_bars: forecasts are made at closes that are multiples of this many bars
    since 1970 (24 hourly bars: 00:00 UTC). sample_bars: training rows are taken at closes that are multiples of this,
    as labels of neighbouring bars overlap almost wholly. train_bars: all of it (`rolling`) or at least (`expanding`).
    test_bars: bars between refits. first_test_ns: earliest forecast. members: forecasters whose average is used.
    workers: folds fitted at the same time; changes the time it takes and nothing else.
    """

    horizon_bars: int = 24
    decision_bars: int = 24
    sample_bars: int = 12
    train_bars: int = 180 * 24
    test_bars: int = 30 * 24
    embargo_bars: int = 24
    mode: Mode = "expanding"
    first_test_ns: int | None = None
    members: tuple[Forecaster, ...] = (LightGbm(), Ridge())
    seed: int = 7
    workers: int = 2


@dataclass(frozen=True)
class _Rows:
    """Warm rows that training or a decision may use, sorted by (ts_ns, symbol). Not known: NaN.

    keys columns: ts_ns, symbol, known_ns (when the row's label is over), realised_return.
    """

    keys: pl.DataFrame
    ts_ns: npt.NDArray[np.int64]
    known_ns: npt.NDArray[np.int64]
    x: Matrix
    target: Vector
    realised: Vector
    is_sample: npt.NDArray[np.bool_]
    is_decision: npt.NDArray[np.bool_]


def no_progress(_label: str, _done: int, _total: int) -> None:
    """Report nothing."""


def forecast(
    features: Features, market: Market, settings: Settings | None = None, progress: Progress = no_progress
) -> Forecast:
    """Out-of-sample expected returns at every decision instant after the first training period.

    features: of the same market. progress: called after each fold. The frame holds the average of
    `settings.members`; diagnostics score each member too, and n_trials counts them all.
    Raises DataRefused when the history is too short or too thin to train a fold or to make one forecast.
    """
    settings = settings or Settings()
    average = Average(settings.members)
    rows = _rows(features, market, settings)
    folds = purged_walk_forward(
        np.sort(market.bars["ts_ns"].unique().to_numpy()),
        train_bars=settings.train_bars,
        test_bars=settings.test_bars,
        horizon_bars=settings.horizon_bars,
        embargo_bars=settings.embargo_bars,
        mode=settings.mode,
        first_test_ns=settings.first_test_ns,
    )
    made: dict[str, list[pl.DataFrame]] = {}
    used: list[Fold] = []
    # One BLAS thread: workers do not fight over cores, and sums do not depend on how many cores there are.
    with threadpool_limits(limits=1, user_api="blas"):
        for learned in _fitted_in_order(
            lambda fold: _learn(fold, rows, average, settings.seed), folds, settings.workers
        ):
            progress(f"fold {len(used) + 1} of {len(folds)}", len(used) + 1, len(folds))
            used.append(learned.fold)
            for name, predicted in learned.predicted.items():
                earlier = made.setdefault(name, [])
                earlier.append(_as_returns(predicted, learned, earlier))
    scored = {name: pl.concat(frames) for name, frames in made.items()}
    if scored[average.name].is_empty():
        raise DataRefused(
            f"no decision instant in {len(folds)} folds has {LEAST_SYMBOLS} symbols out of warm-up",
            f"decisions each {settings.decision_bars} bars, warm-up {features.warmup_bars} bars",
            "use a longer period, more symbols or a shorter decision_bars",
        )
    frame = scored[average.name].select("ts_ns", "symbol", "fold", "model", "expected_return", "realised_return")
    diagnostics = pl.concat(diagnose(part, name) for name, part in scored.items())
    return Forecast(frame, settings.horizon_bars, tuple(used), diagnostics, n_trials=len(scored))


def _fitted_in_order(work: Callable[[Fold], _Learned], folds: Sequence[Fold], workers: int) -> Iterator[_Learned]:
    """`work` over `folds`, several at a time, results in order; an interrupt does not wait for what is being fitted.

    An interrupt may reach the thread that is in a library's hands instead of the one that waits here, so this one looks
    up ten times a second and passes on what another was told.
    """
    pool = ThreadPoolExecutor(workers)
    try:
        waiting = deque(pool.submit(work, fold) for fold in folds)
        while waiting:
            wait([waiting[0]], timeout=0.1)
            for future in waiting:
                error = future.exception() if future.done() else None
                if error is not None and not isinstance(error, Exception):
                    raise error
            while waiting and waiting[0].done():
                yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _rows(features: Features, market: Market, settings: Settings) -> _Rows:
    """Rows out of warm-up at sample or decision instants, with target and realised return."""
    at = pl.col("ts_ns")
    age = pl.int_range(pl.len()).over("symbol", "segment", order_by="ts_ns")
    sample = (at % (settings.sample_bars * market.bar_ns) == 0).alias("is_sample")
    decision = (at % (settings.decision_bars * market.bar_ns) == 0).alias("is_decision")
    # Decided on the keys alone, so that the wide frame is copied only where it is used.
    keys = features.frame.select("ts_ns", "symbol", "segment")
    wanted = keys.select((age >= features.warmup_bars) & (sample | decision)).to_series()
    table = (
        features.frame.filter(wanted)
        .with_columns(sample, decision, (at + settings.horizon_bars * market.bar_ns).alias("known_ns"))
        .join(forward_returns(market, settings.horizon_bars), on=["ts_ns", "symbol"], how="left")
        .sort("ts_ns", "symbol")
        .with_columns(rank_target(pl.col("realised_return")).alias("target"))
    )
    # Too few symbols to order are no cross-section: neither learned from nor predicted.
    table = table.filter(pl.len().over("ts_ns") >= LEAST_SYMBOLS)
    return _Rows(
        keys=table.select("ts_ns", "symbol", "known_ns", "realised_return"),
        ts_ns=table["ts_ns"].to_numpy(),
        known_ns=table["known_ns"].to_numpy(),
        x=table.select(features.names).to_numpy(order="c").astype(np.float64, copy=False),
        target=table["target"].to_numpy().astype(np.float64),
        realised=table["realised_return"].to_numpy().astype(np.float64),
        is_sample=table["is_sample"].to_numpy(),
        is_decision=table["is_decision"].to_numpy(),
    )


@dataclass(frozen=True)
class _Learned:
    """One fold after fitting: the fold with its true number of training rows, the training labels' mean dispersion
    across symbols, and per model the test rows' keys, fold, model and prediction.
    """

    fold: Fold
    dispersion: float
    predicted: dict[str, pl.DataFrame]


def _learn(fold: Fold, rows: _Rows, average: Average, seed: int) -> _Learned:
    """Fit on the fold's purged training rows and predict its decision instants, with the average and each member."""
    purged = (rows.ts_ns >= fold.train_start_ns) & (rows.known_ns <= fold.train_end_ns)
    train = rows.is_sample & purged & ~np.isnan(rows.target)
    test = rows.is_decision & (rows.ts_ns > fold.test_start_ns) & (rows.ts_ns <= fold.test_end_ns)
    if np.unique(rows.ts_ns[train]).size < 2:
        raise DataRefused(
            f"fold {fold.number} has {int(train.sum())} training rows out of warm-up with a finished label",
            f"training from {np.datetime64(fold.train_start_ns, 'ns')} to {np.datetime64(fold.train_end_ns, 'ns')}",
            "start the first test later, or use more symbols or fewer features with long warm-up",
        )
    fitted = average.fit(rows.x[train], rows.target[train], seed=seed)
    models: dict[str, Fitted] = {m.name: f for m, f in zip(average.members, fitted.members, strict=True)}
    models |= {average.name: fitted}
    keys = rows.keys.filter(test).with_columns(pl.lit(fold.number, dtype=pl.Int64).alias("fold"))
    x = rows.x[test]
    predicted = {
        name: keys.with_columns(
            pl.lit(name).alias("model"),
            pl.Series("prediction", model.predict(x) if len(x) else [], dtype=pl.Float64),
        )
        for name, model in models.items()
    }
    dispersion = _dispersion(rows.ts_ns[train], rows.realised[train])
    return _Learned(replace(fold, train_rows=int(train.sum())), dispersion, predicted)


def _as_returns(predicted: pl.DataFrame, learned: _Learned, earlier: list[pl.DataFrame]) -> pl.DataFrame:
    """`predicted` with expected_return; `earlier`: the same model's forecasts of earlier folds."""
    size = _believed_ic(earlier, learned.fold.train_end_ns) * learned.dispersion
    return predicted.with_columns((_score(pl.col("prediction")) * size).alias("expected_return"))


def _score(prediction: pl.Expr) -> pl.Expr:
    """Predictions with mean 0 and standard deviation 1 at each instant; 0 where they are all the same."""
    centred = prediction - prediction.mean().over("ts_ns")
    spread = prediction.std().over("ts_ns")
    return pl.when(spread > 1e-12).then(centred / spread).otherwise(0.0)


def _dispersion(ts_ns: npt.NDArray[np.int64], realised: Vector) -> float:
    """Mean over instants of the standard deviation (ddof 1) of realised returns across symbols."""
    by_instant = pl.DataFrame({"ts_ns": ts_ns, "realised": realised}).group_by("ts_ns", maintain_order=True)
    spreads = by_instant.agg(pl.col("realised").std())["realised"].drop_nulls().to_numpy()
    return float(np.mean(spreads))


def _believed_ic(made: list[pl.DataFrame], at_ns: int) -> float:
    """Shrunk mean IC of the forecasts made before whose returns were over at `at_ns`."""
    ics: list[float] = []
    if made:
        finished = pl.concat(made).filter(pl.col("known_ns") <= at_ns)
        ics = information_coefficients(finished)["ic"].drop_nulls().to_list()
    shrunk = (IC_PRIOR * IC_PRIOR_INSTANTS + sum(ics)) / (IC_PRIOR_INSTANTS + len(ics))
    return float(np.clip(shrunk, *IC_BOUNDS))

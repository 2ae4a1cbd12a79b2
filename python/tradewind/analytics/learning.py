"""Learning (METRICS group 9): how well forecasts ordered and signed what happened; one function per metric.

`scored` holds the out-of-sample forecasts whose outcome is known: ts_ns · symbol · expected_return · realised_return.
Information coefficients are cross-sectional: one correlation per instant over the symbols forecast then (at least
`MIN_SYMBOLS`), then averaged over instants. Horizons of neighbouring instants overlap, so ICIR is not a t-statistic.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from tradewind.flow import Forecast, Metric, Undefined

MIN_SYMBOLS = 5
BINS = 10
NO_FORECAST = Undefined("no forecast was given")
TOO_NARROW = Undefined(f"no instant with {MIN_SYMBOLS} scored symbols")


def scored_forecasts(forecast: Forecast | None) -> pl.DataFrame | Undefined:
    """Rows of the forecast whose realised return is known."""
    if forecast is None:
        return NO_FORECAST
    rows = forecast.frame.select("ts_ns", "symbol", "expected_return", "realised_return").drop_nulls()
    return rows if rows.height else Undefined("no forecast has a known outcome yet")


def coefficients(scored: pl.DataFrame) -> pl.DataFrame:
    """Cross-sectional correlations per instant: ts_ns · ic (Pearson) · rank_ic (Spearman), null where undefined."""
    both = ("expected_return", "realised_return")
    return (
        scored.with_columns(pl.col(name).rank().over("ts_ns").alias(f"{name}_rank") for name in both)
        .group_by("ts_ns", maintain_order=True)
        .agg(
            pl.len().alias("symbols"),
            pl.corr(*both).alias("ic"),
            pl.corr(*(f"{name}_rank" for name in both)).alias("rank_ic"),
        )
        .filter(pl.col("symbols") >= MIN_SYMBOLS)
        .with_columns(pl.col("ic", "rank_ic").fill_nan(None))
        .sort("ts_ns")
        .select("ts_ns", "ic", "rank_ic")
    )


def ic(per_instant: pl.DataFrame) -> Metric:
    """Information coefficient: mean over instants of the Pearson correlation of forecast and outcome across symbols."""
    return _mean(per_instant, "ic")


def icir(per_instant: pl.DataFrame) -> Metric:
    """Mean over deviation (ddof = 1) of the per-instant information coefficients, not annualised."""
    return _mean_over_deviation(per_instant, "ic")


def rank_ic(per_instant: pl.DataFrame) -> Metric:
    """Mean over instants of the Spearman rank correlation of forecast and outcome across symbols."""
    return _mean(per_instant, "rank_ic")


def rank_icir(per_instant: pl.DataFrame) -> Metric:
    """Mean over deviation (ddof = 1) of the per-instant rank coefficients, not annualised."""
    return _mean_over_deviation(per_instant, "rank_ic")


def hit_rate(scored: pl.DataFrame) -> Metric:
    """Share of forecasts whose sign was right, where neither forecast nor outcome is zero (0 to 1)."""
    agree = scored["expected_return"].sign().to_numpy() * scored["realised_return"].sign().to_numpy()
    signed = agree[agree != 0.0]
    return float(np.mean(signed > 0.0)) if len(signed) else Undefined("no forecast with a sign")


def calibration_error(scored: pl.DataFrame) -> Metric:
    """Expected calibration error: over ten equal bins by forecast, the mean of |mean forecast − mean outcome|."""
    if scored.height < 10 * BINS:
        return Undefined(f"fewer than {10 * BINS} scored forecasts")
    binned = calibration_bins(scored)
    gap = (binned["expected_return"] - binned["realised_return"]).abs()
    return float((gap * binned["observations"]).sum()) / float(binned["observations"].sum())


def calibration_bins(scored: pl.DataFrame) -> pl.DataFrame:
    """Mean forecast and mean outcome in ten bins of equal count by forecast: bin · observations · both means."""
    place = (pl.col("expected_return").rank("ordinal") - 1) * BINS // pl.len()
    return (
        scored.with_columns(bin=place.cast(pl.Int64))
        .group_by("bin", maintain_order=True)
        .agg(pl.len().alias("observations"), pl.col("expected_return").mean(), pl.col("realised_return").mean())
        .sort("bin")
    )


def forecast_turnover(scored: pl.DataFrame) -> Metric:
    """One minus the mean rank correlation of each symbol's forecast with its own at the instant before (0: static)."""
    ranks = scored.with_columns(place=pl.col("expected_return").rank().over("ts_ns")).sort("symbol", "ts_ns")
    pairs = ranks.with_columns(before=pl.col("place").shift(1).over("symbol")).drop_nulls("before")
    per_instant = pairs.group_by("ts_ns", maintain_order=True).agg(
        pl.len().alias("symbols"), pl.corr("place", "before").alias("same")
    )
    same = per_instant.filter(pl.col("symbols") >= MIN_SYMBOLS)["same"].fill_nan(None).drop_nulls()
    return 1.0 - float(same.to_numpy().mean()) if len(same) else TOO_NARROW


def _mean(per_instant: pl.DataFrame, column: str) -> Metric:
    values = per_instant[column].drop_nulls().to_numpy()
    return float(np.mean(values)) if len(values) else TOO_NARROW


def _mean_over_deviation(per_instant: pl.DataFrame, column: str) -> Metric:
    values = per_instant[column].drop_nulls().to_numpy()
    if len(values) < 2:
        return TOO_NARROW if len(values) == 0 else Undefined("fewer than 2 instants")
    deviation = float(np.std(values, ddof=1))
    return float(np.mean(values)) / deviation if deviation > 1e-12 else Undefined("coefficients do not vary")

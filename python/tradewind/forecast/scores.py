"""How good forecasts were: information coefficients per instant, averaged over instants.

IC = Pearson correlation across symbols, at one instant, of expected and realised return; rank IC = Spearman's
(Grinold & Kahn 2000, ch. 6). ICIR = mean over standard deviation (ddof 1) of the ICs over instants, not annualised. Hit
rate = share of observations whose expected and realised return lie on the same side of their instant's medians, among
those that lie on neither median. Instants
with fewer than LEAST_SYMBOLS pairs, or where one side is constant, have no IC and are left out of the means, not
counted as zero.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from tradewind.flow import Forecast, Market
from tradewind.forecast.labels import LEAST_SYMBOLS, forward_returns

ALL_FOLDS = -1


def information_coefficients(scored: pl.DataFrame) -> pl.DataFrame:
    """Columns ts_ns, fold, ic, rank_ic, hits, sided (on neither median), observations for each instant of `scored`.

    scored columns: ts_ns, fold, expected_return, realised_return (null or finite). Sorted by ts_ns.
    """
    expected, realised = pl.col("expected_return"), pl.col("realised_return")
    known = scored.filter(realised.is_not_null() & expected.is_not_null())
    side = (expected - expected.median()).sign() * (realised - realised.median()).sign()
    varies = (expected.min() < expected.max()) & (realised.min() < realised.max())
    enough = (pl.len() >= LEAST_SYMBOLS) & varies
    return (
        known.sort("ts_ns")
        .group_by("ts_ns", "fold", maintain_order=True)
        .agg(
            pl.when(enough).then(pl.corr(expected, realised)).alias("ic"),
            pl.when(enough).then(pl.corr(expected, realised, method="spearman")).alias("rank_ic"),
            (side > 0).sum().alias("hits"),
            (side != 0).sum().alias("sided"),
            pl.len().alias("observations"),
        )
    )


def diagnose(scored: pl.DataFrame, model: str) -> pl.DataFrame:
    """One row per fold and one for all (fold -1) of `scored`, as Forecast.diagnostics.

    Columns model, fold, observations, ic, rank_ic, hit_rate, and icir, rank_icir, instants.
    """
    per_instant = information_coefficients(scored)
    every = per_instant.with_columns(pl.lit(ALL_FOLDS, dtype=per_instant.schema["fold"]).alias("fold"))
    return (
        pl.concat([per_instant, every])
        .group_by("fold", maintain_order=True)
        .agg(
            pl.col("observations").sum().cast(pl.Int64),
            pl.col("ic").mean(),
            pl.col("rank_ic").mean(),
            (pl.col("hits").sum() / pl.col("sided").sum()).alias("hit_rate"),
            (pl.col("ic").mean() / pl.col("ic").std()).alias("icir"),
            (pl.col("rank_ic").mean() / pl.col("rank_ic").std()).alias("rank_icir"),
            pl.col("ic").count().cast(pl.Int64).alias("instants"),
        )
        .sort("fold")
        .select(pl.lit(model).alias("model"), pl.all())
    )


def decay(forecast: Forecast, market: Market, horizons: Sequence[int] = (1, 4, 24, 72)) -> pl.DataFrame:
    """How the IC changes with the holding horizon: columns horizon_bars, ic, rank_ic, hit_rate, instants."""
    rows = []
    for horizon in horizons:
        realised = forward_returns(market, horizon)
        scored = forecast.frame.drop("realised_return").join(realised, on=["ts_ns", "symbol"], how="left")
        overall = diagnose(scored, "").filter(pl.col("fold") == ALL_FOLDS)
        rows.append(
            overall.select(pl.lit(horizon).alias("horizon_bars"), pl.col("ic", "rank_ic", "hit_rate", "instants"))
        )
    return pl.concat(rows)

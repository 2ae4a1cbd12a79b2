"""Features of a symbol's own volume: how much trades, in which direction, and how far it moves the price."""

from __future__ import annotations

import polars as pl

from tradewind.features.declaration import Feature, ratio, windowed
from tradewind.features.prices import CLOSE, FLAT, HIGH, LOG_RETURN, LOW, correlation

VOLUME = pl.col("volume")
TURNOVER = pl.col("turnover")


def _z(n: int) -> pl.Expr:
    size = TURNOVER.log1p()
    return ratio(size - size.rolling_mean(n), size.rolling_std(n), 1e-6)


def _amihud(n: int) -> pl.Expr:
    moved = LOG_RETURN.abs().rolling_sum(n)
    illiquidity = ratio(moved, TURNOVER.rolling_sum(n))
    return pl.when(moved > n * FLAT).then(illiquidity.log())


def _vwap_distance(n: int) -> pl.Expr:
    typical = (HIGH + LOW + CLOSE) / 3
    vwap = ratio((typical * VOLUME).rolling_sum(n), VOLUME.rolling_sum(n))
    return (CLOSE / vwap).log()


def _signed_flow(n: int) -> pl.Expr:
    return ratio((LOG_RETURN.sign() * VOLUME).rolling_sum(n), VOLUME.rolling_sum(n))


def _per_day() -> tuple[Feature, ...]:
    return tuple(
        feature
        for n in (24, 168)
        for feature in (
            windowed(f"volume_z_{n}", n - 1, _z(n), "log turnover in standard deviations from its mean"),
            windowed(f"illiquidity_{n}", n, _amihud(n), "log of absolute return per quote traded; Amihud (2002)"),
            windowed(f"vwap_distance_{n}", n - 1, _vwap_distance(n), "log of close over volume-weighted average price"),
            windowed(
                f"signed_flow_{n}", n, _signed_flow(n), "change of on-balance volume over volume; Granville (1963)"
            ),
        )
    )


VOLUME_FEATURES: tuple[Feature, ...] = (
    *_per_day(),
    windowed(
        "volume_ratio_24_168",
        167,
        ratio(TURNOVER.rolling_mean(24) + 1.0, TURNOVER.rolling_mean(168) + 1.0).log(),
        "log of a day's turnover per bar over a week's",
    ),
    windowed(
        "log_turnover_168", 167, TURNOVER.rolling_mean(168).log1p(), "size of the market: log of quote traded per bar"
    ),
    windowed(
        "volume_volatility_correlation_168",
        168,
        correlation(LOG_RETURN.abs(), TURNOVER.log1p(), 168),
        "Karpoff (1987): volume and absolute return",
    ),
    windowed(
        "volume_return_correlation_168",
        168,
        correlation(LOG_RETURN, TURNOVER.log1p(), 168),
        "Gervais, Kaniel & Mingelgrin (2001): volume and direction",
    ),
)

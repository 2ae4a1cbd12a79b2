"""Features of a symbol beside the others: co-movement with the market and with bitcoin, and place among peers.

`market_return` is the equal-weight mean of the log returns present at an instant, `btc_return` bitcoin's, `dispersion`
their standard deviation across symbols and `breadth` the share that rose. The market's series never stops at a hole of
one symbol; the *window* over it is the symbol's own segment.
"""

from __future__ import annotations

import math

import polars as pl

from tradewind.features.declaration import Feature, ratio, windowed
from tradewind.features.prices import FLAT, LOG_RETURN, correlation
from tradewind.flow import NS_PER_DAY

MARKET, BITCOIN = pl.col("market_return"), pl.col("btc_return")
DISPERSION, BREADTH = pl.col("dispersion"), pl.col("breadth")


def _beta(reference: pl.Expr, n: int) -> pl.Expr:
    covariance = pl.rolling_cov(LOG_RETURN, reference, window_size=n, min_samples=n)
    return ratio(covariance, reference.rolling_var(n), FLAT**2)


def _residual_return(n: int, window: int) -> pl.Expr:
    """Log return over the last n bars that beta over `window` bars does not explain."""
    return LOG_RETURN.rolling_sum(n) - _beta(MARKET, window) * MARKET.rolling_sum(n)


def _residual_volatility(n: int) -> pl.Expr:
    explained = correlation(LOG_RETURN, MARKET, n).pow(2)
    return LOG_RETURN.rolling_std(n) * (1 - explained).clip(lower_bound=0.0).sqrt()


def _relative() -> tuple[Feature, ...]:
    capm = "market model, Sharpe (1964)"
    momentum = "residual momentum; Blitz, Huij & Martens (2011)"
    declared = (
        ("beta_btc_168", 168, _beta(BITCOIN, 168), capm),
        ("beta_market_168", 168, _beta(MARKET, 168), capm),
        ("beta_market_336", 336, _beta(MARKET, 336), capm),
        ("correlation_btc_72", 72, correlation(LOG_RETURN, BITCOIN, 72), capm),
        ("correlation_btc_168", 168, correlation(LOG_RETURN, BITCOIN, 168), capm),
        ("correlation_market_168", 168, correlation(LOG_RETURN, MARKET, 168), capm),
        ("residual_volatility_168", 168, _residual_volatility(168), "Ang, Hodrick, Xing & Zhang (2006)"),
        ("residual_return_24", 168, _residual_return(24, 168), momentum),
        ("residual_return_168", 168, _residual_return(168, 168), momentum),
        (
            "residual_momentum_168",
            168,
            # Beta fitted on the same window leaves a residual only where returns and market differ: 1e-6 of volatility
            # is far above rounding and far below any coin but the market itself.
            ratio(_residual_return(168, 168), _residual_volatility(168) * math.sqrt(168), 1e-6),
            momentum,
        ),
        (
            "lead_lag_btc_168",
            169,
            correlation(LOG_RETURN, BITCOIN.shift(1), 168),
            "Lo & MacKinlay (1990): follows bitcoin",
        ),
        ("market_return_24", 24, MARKET.rolling_sum(24), "equal-weight market over a day"),
        ("market_return_168", 168, MARKET.rolling_sum(168), "equal-weight market over a week"),
        ("market_volatility_168", 168, MARKET.rolling_std(168), "equal-weight market"),
        ("btc_return_24", 24, BITCOIN.rolling_sum(24), "bitcoin over a day"),
        ("dispersion_24", 24, DISPERSION.rolling_mean(24), "mean cross-section standard deviation of returns"),
        ("breadth_24", 24, BREADTH.rolling_mean(24), "mean share of symbols that rose"),
    )
    return tuple(
        windowed(name, warmup, expression, source, "relative") for name, warmup, expression, source in declared
    )


RELATIVE_FEATURES: tuple[Feature, ...] = _relative()

RANKED = (
    "return_1",
    "return_4",
    "return_24",
    "return_72",
    "return_168",
    "return_336",
    "momentum_336_skip_72",
    "volatility_168",
    "volatility_ratio_24_168",
    "skew_168",
    "largest_rise_168",
    "log_turnover_168",
    "volume_ratio_24_168",
    "illiquidity_168",
    "signed_flow_24",
    "residual_momentum_168",
    "beta_market_168",
)
EXCESS = ("return_1", "return_4", "return_24", "return_168")


def rank_among_peers(name: str) -> pl.Expr:
    """Rank at the instant in (-0.5, 0.5), ties averaged, symbols without a value left out."""
    value = pl.col(name)
    return (value.rank("average") - 0.5) / value.count() - 0.5


def cross_features(bases: tuple[Feature, ...]) -> tuple[Feature, ...]:
    """Ranks and distances from the median of features in `bases` named by RANKED and EXCESS."""
    by_name = {feature.name: feature for feature in bases}

    def declare(prefix: str, name: str, expression: pl.Expr, source: str) -> Feature:
        base = by_name[name]
        return Feature(f"{prefix}_{name}", "cross", base.warmup_bars, base.memory_bars, expression, source)

    ranks = tuple(declare("rank", n, rank_among_peers(n), "rank among symbols at the instant") for n in RANKED)
    excess = tuple(declare("excess", n, pl.col(n) - pl.col(n).median(), "minus the median of symbols") for n in EXCESS)
    return ranks + excess


def _calendar() -> tuple[Feature, ...]:
    turn = 2 * math.pi
    hour = (pl.col("ts_ns") % NS_PER_DAY).cast(pl.Float64) * (turn / NS_PER_DAY)
    # 1970-01-01 was a Thursday; the angle is 0 at Monday 00:00 UTC.
    week = ((pl.col("ts_ns") + 3 * NS_PER_DAY) % (7 * NS_PER_DAY)).cast(pl.Float64) * (turn / (7 * NS_PER_DAY))
    declared = (("hour_sin", hour.sin()), ("hour_cos", hour.cos()), ("week_sin", week.sin()), ("week_cos", week.cos()))
    return tuple(Feature(name, "calendar", 0, 1, expression, "time of the close, UTC") for name, expression in declared)


CALENDAR_FEATURES: tuple[Feature, ...] = _calendar()

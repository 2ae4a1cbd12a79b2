"""Features of a symbol's own prices: returns, volatility, shape of the distribution, place in the range."""

from __future__ import annotations

import math

import polars as pl

from tradewind.features.declaration import Feature, ratio, windowed

RETURN_BARS = (1, 2, 4, 8, 24, 72, 168, 336)
# A standard deviation of log returns per bar below which a price does not move (0.001 basis points).
FLAT = 1e-7

OPEN, HIGH, LOW, CLOSE = (pl.col(name) for name in ("open", "high", "low", "close"))
LOG_RETURN = pl.col("log_return")


def _returns() -> tuple[Feature, ...]:
    simple = tuple(
        windowed(f"return_{n}", n, (CLOSE / CLOSE.shift(n)).log(), "log return over n bars") for n in RETURN_BARS
    )
    skipped = tuple(
        windowed(
            f"momentum_{n}_skip_{skip}",
            n,
            (CLOSE.shift(skip) / CLOSE.shift(n)).log(),
            "Jegadeesh (1990), Jegadeesh & Titman (1993): momentum without its last, reversing part",
        )
        for n, skip in ((168, 24), (336, 72))
    )
    return simple + skipped


def _root_mean(variance: pl.Expr, n: int) -> pl.Expr:
    return variance.rolling_mean(n).clip(lower_bound=0.0).sqrt()


def garman_klass_variance() -> pl.Expr:
    """Variance of one bar from its range and body (Garman & Klass 1980, eq. 19)."""
    return 0.5 * (HIGH / LOW).log().pow(2) - (2 * math.log(2) - 1) * (CLOSE / OPEN).log().pow(2)


def rogers_satchell_variance() -> pl.Expr:
    """Variance of one bar that allows for drift (Rogers & Satchell 1991)."""
    up = (HIGH / CLOSE).log() * (HIGH / OPEN).log()
    return up + (LOW / CLOSE).log() * (LOW / OPEN).log()


def _yang_zhang(n: int) -> pl.Expr:
    k = 0.34 / (1.34 + (n + 1) / (n - 1))
    jump = (OPEN / CLOSE.shift(1)).log().rolling_var(n)
    body = (CLOSE / OPEN).log().rolling_var(n)
    return (jump + k * body + (1 - k) * rogers_satchell_variance().rolling_mean(n)).clip(lower_bound=0.0).sqrt()


def volatility(n: int) -> pl.Expr:
    """Standard deviation (ddof 1) of log returns per bar over n returns."""
    return LOG_RETURN.rolling_std(n)


def _volatility() -> tuple[Feature, ...]:
    close = tuple(windowed(f"volatility_{n}", n, volatility(n), "realised volatility per bar") for n in (24, 72, 168))
    parkinson = (HIGH / LOW).log().pow(2) / (4 * math.log(2))
    ranges = tuple(
        feature
        for n in (24, 168)
        for feature in (
            windowed(f"parkinson_{n}", n - 1, _root_mean(parkinson, n), "Parkinson (1980)"),
            windowed(f"garman_klass_{n}", n - 1, _root_mean(garman_klass_variance(), n), "Garman & Klass (1980)"),
            windowed(
                f"rogers_satchell_{n}", n - 1, _root_mean(rogers_satchell_variance(), n), "Rogers & Satchell (1991)"
            ),
            windowed(f"yang_zhang_{n}", n, _yang_zhang(n), "Yang & Zhang (2000), eq. 7"),
        )
    )
    fallen = LOG_RETURN.clip(upper_bound=0.0).pow(2).rolling_sum(168)
    relative = (
        windowed(
            "volatility_ratio_24_168", 168, ratio(volatility(24), volatility(168), FLAT), "short over long volatility"
        ),
        windowed(
            "volatility_of_volatility_168",
            168,
            ratio(LOG_RETURN.abs().rolling_std(168), LOG_RETURN.abs().rolling_mean(168), FLAT),
            "dispersion of absolute returns; Baltussen, Van Bekkum & Van der Grient (2018)",
        ),
        windowed(
            "downside_share_168",
            168,
            ratio(fallen, LOG_RETURN.pow(2).rolling_sum(168), 168 * FLAT**2),
            "realised semivariance share; Barndorff-Nielsen, Kinnebrock & Shephard (2010)",
        ),
    )
    return close + ranges + relative


def _moving(n: int, value: pl.Expr) -> pl.Expr:
    """The value where the price moved over n returns, else null."""
    return pl.when(volatility(n) > FLAT).then(value)


def correlation(a: pl.Expr, b: pl.Expr, n: int) -> pl.Expr:
    """Pearson correlation over n observations; null where one of the two does not move."""
    spread = a.rolling_std(n) * b.rolling_std(n)
    return ratio(pl.rolling_cov(a, b, window_size=n, min_samples=n), spread, FLAT**2).clip(-1.0, 1.0)


def _variance_ratio(q: int, n: int) -> pl.Expr:
    return ratio((CLOSE / CLOSE.shift(q)).log().rolling_var(n), q * LOG_RETURN.rolling_var(n), q * FLAT**2)


def _shape() -> tuple[Feature, ...]:
    moments = tuple(
        windowed(
            f"skew_{n}", n, _moving(n, LOG_RETURN.rolling_skew(n, min_samples=n)), "sample skewness of log returns"
        )
        for n in (72, 168)
    )
    return (
        *moments,
        windowed(
            "kurtosis_168", 168, _moving(168, LOG_RETURN.rolling_kurtosis(168, min_samples=168)), "excess kurtosis"
        ),
        windowed(
            "largest_rise_168",
            168,
            ratio(LOG_RETURN.rolling_max(168), volatility(168), FLAT),
            "MAX in volatilities; Bali, Cakici & Whitelaw (2011)",
        ),
        windowed(
            "largest_fall_168", 168, ratio(LOG_RETURN.rolling_min(168), volatility(168), FLAT), "MIN in volatilities"
        ),
        windowed(
            "autocorrelation_72", 73, correlation(LOG_RETURN, LOG_RETURN.shift(1), 72), "first-order, of log returns"
        ),
        windowed("autocorrelation_168", 169, correlation(LOG_RETURN, LOG_RETURN.shift(1), 168), "first-order"),
        windowed("variance_ratio_4_168", 171, _variance_ratio(4, 168), "Lo & MacKinlay (1988)"),
        windowed("variance_ratio_24_336", 359, _variance_ratio(24, 336), "Lo & MacKinlay (1988)"),
    )


def _place() -> tuple[Feature, ...]:
    def in_range(n: int) -> pl.Expr:
        lowest = LOW.rolling_min(n)
        return ratio(CLOSE - lowest, HIGH.rolling_max(n) - lowest)

    positions = tuple(
        windowed(f"range_position_{n}", n - 1, in_range(n), "close within the high-low range, 0 to 1")
        for n in (24, 168, 336)
    )
    peaks = tuple(
        windowed(
            f"drawdown_{n}", n - 1, (CLOSE / HIGH.rolling_max(n)).log(), "George & Hwang (2004): distance to the high"
        )
        for n in (168, 336)
    )
    zscores = tuple(
        windowed(
            f"price_z_{n}",
            n - 1,
            ratio(CLOSE / CLOSE.rolling_mean(n) - 1, (CLOSE.log().rolling_std(n)), FLAT),
            "distance from the moving average in standard deviations",
        )
        for n in (24, 168)
    )
    return (
        *positions,
        *peaks,
        *zscores,
        windowed("run_up_168", 167, (CLOSE / LOW.rolling_min(168)).log(), "distance from the low"),
        windowed(
            "efficiency_72",
            72,
            ratio((CLOSE / CLOSE.shift(72)).log().abs(), LOG_RETURN.abs().rolling_sum(72), 72 * FLAT),
            "efficiency ratio; Kaufman (1995)",
        ),
        windowed(
            "body_balance_24",
            23,
            ratio((CLOSE - OPEN).rolling_sum(24), (HIGH - LOW).rolling_sum(24), FLAT),
            "sum of bodies over sum of ranges; balance of power over a day",
        ),
        windowed(
            "close_location_24",
            23,
            ratio((2 * CLOSE - HIGH - LOW).rolling_sum(24), (HIGH - LOW).rolling_sum(24), FLAT),
            "where bars close in their ranges, -1 to 1",
        ),
    )


PRICE_FEATURES: tuple[Feature, ...] = _returns() + _volatility() + _shape() + _place()

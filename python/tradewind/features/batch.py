"""Market → Features: every declared feature at every bar close of a history.

Three passes. (1) The base: log returns within each (symbol, segment), and the market's, bitcoin's, dispersion and
breadth at each instant. (2) Each (symbol, segment) is cut out and its expressions evaluated on it alone, so that no
window can reach across a hole or into another symbol. (3) Cross-section features, over the rows of one instant.

Columns an `own` or `relative` expression may read: open high low close (times a power of two, see `_scaled`) volume
turnover log_return market_return btc_return dispersion breadth.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from tradewind.features.cross_section import CALENDAR_FEATURES, RELATIVE_FEATURES, cross_features
from tradewind.features.declaration import Feature
from tradewind.features.indicators import INDICATOR_FEATURES
from tradewind.features.prices import PRICE_FEATURES
from tradewind.features.volume import VOLUME_FEATURES
from tradewind.flow import DataRefused, Features, Market

_SERIES = PRICE_FEATURES + VOLUME_FEATURES + INDICATOR_FEATURES + RELATIVE_FEATURES
FEATURES: tuple[Feature, ...] = _SERIES + cross_features(_SERIES) + CALENDAR_FEATURES

KEYS = ("ts_ns", "symbol", "segment")
PRICES = ("open", "high", "low", "close")
# TA-Lib's fixed thresholds (1e-14 to 1) are negligible for prices near 2**20.
_PRICE_EXPONENT = 20


def compute(market: Market, features: Sequence[Feature] = FEATURES) -> Features:
    """Every feature of `features` for every row of `market.bars`, in the same order.

    Values not known yet are null. Raises DataRefused when there is no bar, when a segment has a hole, or when no
    instrument has base BTC, which several features are relative to.
    """
    series, cross = with_inputs(features)
    rows = series_pass(market.bars, series, reference_symbol(market), market.bar_ns)
    # Rows come sorted by (symbol, ts_ns), so a stable sort on time alone gives (ts_ns, symbol).
    by_instant = rows[np.argsort(rows["ts_ns"].to_numpy(), kind="stable")]
    frame = cross_pass(by_instant, cross).select(*KEYS, *(f.name for f in features))
    return Features(frame, tuple(f.name for f in features), max(f.warmup_bars for f in features))


def reference_symbol(market: Market) -> str:
    """The symbol that stands for bitcoin: the first instrument with base BTC."""
    for instrument in market.instruments:
        if instrument.base == "BTC":
            return instrument.symbol
    found = ", ".join(i.symbol for i in market.instruments) or "no instrument"
    raise DataRefused(
        "no instrument has base BTC, but features measure co-movement with bitcoin",
        f"instruments: {found}",
        "add a BTC pair to the universe",
    )


def with_inputs(features: Sequence[Feature]) -> tuple[tuple[Feature, ...], tuple[Feature, ...]]:
    """(series features, cross features) to evaluate for `features`: those asked for, and what cross features read."""
    asked = {feature.name: feature for feature in features}
    if len(asked) != len(features):
        raise ValueError("feature names must be unique")
    cross = tuple(f for f in features if f.kind == "cross")
    needed = {name for f in cross for name in f.expression.meta.root_names()} - set(asked) - set(KEYS)
    inputs = tuple(f for f in FEATURES if f.name in needed)
    unknown = needed - {f.name for f in inputs}
    if unknown:
        raise ValueError(f"cross features read {sorted(unknown)}, which no feature declares")
    return tuple(f for f in features if f.kind != "cross") + inputs, cross


def series_pass(bars: pl.DataFrame, features: Sequence[Feature], reference: str, bar_ns: int) -> pl.DataFrame:
    """KEYS and one column per feature of kind own, relative or calendar; rows sorted by (symbol, ts_ns)."""
    base = _base(bars, reference, bar_ns)
    raw = [f.expression.cast(pl.Float64).alias(f.name) for f in features]
    known = [_known(f).alias(f.name) for f in features]
    starts = np.flatnonzero(base["age"].to_numpy() == 0)
    ends = np.append(starts[1:], base.height)
    # Two eager selections per piece: planning a hundred nested expressions lazily costs more than evaluating them.
    return pl.concat(
        _scaled(base.slice(int(start), int(end - start))).select(*KEYS, "age", *raw).select(*KEYS, *known)
        for start, end in zip(starts, ends, strict=True)
    ).rechunk()


def cross_pass(rows: pl.DataFrame, features: Sequence[Feature]) -> pl.DataFrame:
    """`rows` and one column per cross feature, each evaluated over the rows of one instant."""
    return rows.with_columns(f.expression.over("ts_ns").alias(f.name) for f in features)


def _known(feature: Feature) -> pl.Expr:
    """The evaluated column where it is warm and finite, else null: what is not known is null, never NaN."""
    value = pl.col(feature.name)
    return pl.when((pl.col("age") >= feature.warmup_bars) & value.is_finite()).then(value)


def _base(bars: pl.DataFrame, reference: str, bar_ns: int) -> pl.DataFrame:
    """Bars sorted by (symbol, ts_ns) with age (bars since the segment's start), turnover, log_return and the instant's
    market_return, btc_return, dispersion, breadth.
    """
    if bars.is_empty():
        raise DataRefused(
            "there is no bar to compute features from", "market.bars", "choose a longer period or other symbols"
        )
    group = ("symbol", "segment")
    rows = bars.sort("symbol", "ts_ns").with_columns(
        pl.int_range(pl.len()).over(group).alias("age"),
        (pl.col("close") * pl.col("volume")).alias("turnover"),
        (pl.col("close") / pl.col("close").shift(1)).log().over(group).alias("log_return"),
        pl.col("ts_ns").diff().over(group).alias("step"),
    )
    _refuse_hole(rows, bar_ns)
    returns = pl.col("log_return")
    # Summed in symbol order at each instant: the same bits on every run and for every order of the input.
    instants = (
        rows.sort("ts_ns", "symbol")
        .group_by("ts_ns", maintain_order=True)
        .agg(
            returns.mean().alias("market_return"),
            returns.filter(pl.col("symbol") == reference).first().alias("btc_return"),
            returns.std().alias("dispersion"),
            (returns > 0).mean().alias("breadth"),
        )
    )
    return rows.drop("step").join(instants, on="ts_ns", how="left", maintain_order="left")


def _refuse_hole(rows: pl.DataFrame, bar_ns: int) -> None:
    broken = rows.filter(pl.col("step") != bar_ns)
    if not broken.is_empty():
        first = broken.row(0, named=True)
        raise DataRefused(
            f"{broken.height} bars in a segment do not follow by {bar_ns} ns; the first follows by {first['step']} ns",
            f"symbol {first['symbol']}, segment {first['segment']}, ts_ns {first['ts_ns']}",
            "build the market with a new segment after every hole, and bars of one length",
        )


def _scaled(piece: pl.DataFrame) -> pl.DataFrame:
    """Prices times the power of two that brings the first close near 2**20: exact, and features are scale-free."""
    first = float(piece["close"][0])
    factor = 2.0 ** (_PRICE_EXPONENT - int(np.floor(np.log2(first))))
    return piece.with_columns(pl.col(name) * factor for name in PRICES)

"""Numbers → the decimal grid they lie on: how a venue's price and quantity steps show in its data."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from tradewind.flow import DataRefused
from tradewind.market.times import utc_text

_DECIMALS_MAX = 10
# How far a float may lie from a whole multiple of its step: the float error of a quotient, with room to spare.
_OFF_GRID = 1e-6


def decimal_step(values: npt.NDArray[np.float64], share: float = 1.0) -> str:
    """The coarsest of 1, 0.1, 0.01, ... 1e-10 of which at least `share` of `values` are whole multiples.

    A float holding a decimal is off by at most one rounding; the tolerance is two.

    Raises:
        DataRefused: the values lie on no such grid, or there are none.
    """
    for decimals in range(_DECIMALS_MAX + 1):
        scaled = values * 10.0**decimals
        tolerance = np.maximum(1e-9, 2.0 * np.spacing(np.abs(scaled)))
        if values.size and float(np.mean(np.abs(scaled - np.rint(scaled)) <= tolerance)) >= share:
            return step_text(decimals)
    raise DataRefused(
        f"{values.size} numbers lie on no decimal grid of up to {_DECIMALS_MAX} places",
        f"for example {values[:3].tolist()}",
        "these are not venue prices or quantities: load raw values, not averages or converted ones",
    )


def step_text(decimals: int) -> str:
    """10 to the power of -decimals, written out: 0 → `1`, 3 → `0.001`."""
    return "1" if decimals == 0 else f"0.{'0' * (decimals - 1)}1"


def listed_steps(folder: Path, venue: str, symbol: str) -> tuple[str, str] | None:
    """Tick and lot from the folder's reference list of instruments; None where the market is not listed.

    A listed step that is no power of ten (the greatest common divisor of what was seen, e.g. 0.00002) becomes the power
    of ten below it.
    """
    listed = folder / "reference" / "l2_instruments_observed.csv"
    if listed.is_file():
        with listed.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if (row["venue"], row["symbol"]) == (venue, symbol):
                    return _plain(row["observed_price_tick"]), _plain(row["observed_size_step"])
    return None


def _plain(step: str) -> str:
    """The power of ten at or below `step`, written out; steps above 1 stay whole."""
    exact = Decimal(step)
    power = exact if exact >= 1 else Decimal(1).scaleb(exact.adjusted())
    return f"{power:f}".rstrip("0").rstrip(".") if power < 1 or "." in f"{power:f}" else f"{power:f}"


def whole_steps(rows: pl.DataFrame, column: str, step: str, where: str) -> pl.Series:
    """`column` in whole steps as i64. rows: also `symbol` and `recv_ns`, to say where.

    Raises:
        DataRefused: a value is no whole multiple of `step`.
    """
    quotient = rows[column] / float(step)
    whole = quotient.round()
    off = ((quotient - whole).abs() > _OFF_GRID * quotient.abs().clip(1.0, 1e3)).fill_null(value=False)
    if off.any():
        first = rows.filter(off).row(0, named=True)
        raise DataRefused(
            f"off the grid: {column} {first[column]!r} is no whole multiple of {step} ({int(off.sum())} such values)",
            f"{where}, {first['symbol']}, {utc_text(first['recv_ns'])}",
            "correct the step in reference/l2_instruments_observed.csv, or remove the line to have it inferred",
        )
    return whole.cast(pl.Int64).alias(column)

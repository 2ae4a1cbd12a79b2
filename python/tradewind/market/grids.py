"""Numbers → the decimal grid they lie on: how a venue's price and quantity steps show in its data."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tradewind.flow import DataRefused

_DECIMALS_MAX = 10


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

"""What a forecaster is: parameters that fit, and a fitted thing that predicts. Two verbs, no time, no names.

A forecaster sees a matrix and a target and nothing else; which rows it may see is the walk-forward's business. The
conformance suite runs the same laws on every one: same seed same bytes, inputs untouched, picklable, finite.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from tradewind.flow import DataRefused

Matrix = npt.NDArray[np.float64]
Vector = npt.NDArray[np.float64]


class Fitted(Protocol):
    """What was learned."""

    def predict(self, x: Matrix) -> Vector:
        """Predictions on the target's scale, one per row of `x` (rows, features); NaN in `x` means not known."""
        ...


class Forecaster(Protocol):
    """How to learn: parameters only, so that fitting twice gives two independent results."""

    @property
    def name(self) -> str:
        """Short name for reports."""
        ...

    def fit(self, x: Matrix, y: Vector, *, seed: int) -> Fitted:
        """Learn y (rows) from x (rows, features). Every chance comes from `seed`; x and y are not changed.

        Raises DataRefused when there is nothing to learn from or y is not finite.
        """
        ...


def refuse_unlearnable(x: Matrix, y: Vector, name: str) -> None:
    """Raise DataRefused unless x and y are a training set: two rows or more, matching, y finite, no infinity in x."""
    where = f"training set of {name}: x {x.shape}, y {y.shape}"
    if x.ndim != 2 or x.shape[0] != y.shape[0]:
        raise DataRefused("x and y do not have one row per observation", where, "pass x (rows, features) and y (rows,)")
    if x.shape[0] < 2 or x.shape[1] == 0:
        raise DataRefused(
            f"{x.shape[0]} rows of {x.shape[1]} features are nothing to learn from",
            where,
            "use a longer training period",
        )
    if not np.isfinite(y).all():
        raise DataRefused(f"{int((~np.isfinite(y)).sum())} targets are not finite", where, "drop rows without a label")
    if np.isinf(x).any():
        raise DataRefused(f"{int(np.isinf(x).sum())} features are infinite", where, "give null where nothing is known")

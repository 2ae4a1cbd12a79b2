"""The average of several forecasters, each given the same say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tradewind.forecast.protocol import Fitted, Forecaster, Matrix, Vector


@dataclass(frozen=True)
class Average:
    """Equal-weight combination (Bates & Granger 1969; equal weights are hard to beat, Timmermann 2006).

    Members differ in how far they shrink, so each one's predictions are first brought to the members' mean spread
    around its own mean on the training set; then they are averaged.
    """

    members: tuple[Forecaster, ...]

    def __post_init__(self) -> None:
        if not self.members:
            raise ValueError("an average needs at least one member")

    @property
    def name(self) -> str:
        """Short name for reports: the member's own when there is only one."""
        return self.members[0].name if len(self.members) == 1 else "average"

    def fit(self, x: Matrix, y: Vector, *, seed: int) -> FittedAverage:
        """Fit every member on the same rows with the same seed."""
        fitted = tuple(member.fit(x, y, seed=seed) for member in self.members)
        predictions = [member.predict(x) for member in fitted]
        centres = tuple(float(np.mean(p)) for p in predictions)
        spreads = [float(np.std(p)) for p in predictions]
        typical = float(np.mean(spreads))
        # A member that predicts a constant has no spread to scale; it stays what it is.
        return FittedAverage(fitted, centres, tuple(typical / s if s > 0 else 1.0 for s in spreads))


@dataclass(frozen=True)
class FittedAverage:
    """Fitted members with each one's centre and the factor on its distance from the centre."""

    members: tuple[Fitted, ...]
    centres: tuple[float, ...]
    factors: tuple[float, ...]

    def predict(self, x: Matrix) -> Vector:
        """Predictions, one per row of x."""
        parts = zip(self.members, self.centres, self.factors, strict=True)
        scaled = [centre + factor * (member.predict(x) - centre) for member, centre, factor in parts]
        return np.asarray(np.mean(scaled, axis=0), dtype=np.float64)

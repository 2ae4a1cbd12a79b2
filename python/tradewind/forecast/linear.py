"""Ridge regression on standardised features: the linear yardstick that every cleverer model has to beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tradewind.forecast.protocol import Matrix, Vector, refuse_unlearnable

# Below this standard deviation, relative to the size of its values, a feature is constant and is given no weight.
_CONSTANT = 1e-12


@dataclass(frozen=True)
class Ridge:
    """Hoerl & Kennard (1970), solved by scikit-learn.

    penalty: L2 penalty per training row on weights of standardised features, so that its meaning does not depend on
    the sample's size. clip: standardised features are held within +-clip, against fat tails. Missing values become the
    mean.
    """

    penalty: float = 1.0
    clip: float = 5.0

    @property
    def name(self) -> str:
        """Short name for reports."""
        return "ridge"

    def fit(self, x: Matrix, y: Vector, *, seed: int) -> FittedRidge:
        """Learn y from x; there is no chance in it, so `seed` changes nothing. Raises DataRefused when unlearnable."""
        from sklearn.linear_model import Ridge as RidgeSolver  # Seconds to import; paid only by who learns.

        refuse_unlearnable(x, y, self.name)
        mean, deviation = _moments(x)
        scaled = _standardise(x, mean, deviation, self.clip)
        solved = RidgeSolver(alpha=self.penalty * len(y), solver="cholesky").fit(scaled, y)
        return FittedRidge(mean, deviation, self.clip, np.asarray(solved.coef_), float(solved.intercept_))


@dataclass(frozen=True)
class FittedRidge:
    """Weights on standardised features, and the training means and deviations (0 = constant) that standardise."""

    mean: Vector
    deviation: Vector
    clip: float
    weights: Vector
    intercept: float

    def predict(self, x: Matrix) -> Vector:
        """Predictions, one per row of x."""
        scaled = _standardise(x, self.mean, self.deviation, self.clip)
        # Not a matrix product: BLAS rounds a row differently with other rows beside it, and a forecast must not.
        return np.asarray((scaled * self.weights).sum(axis=1) + self.intercept, dtype=np.float64)


def _moments(x: Matrix) -> tuple[Vector, Vector]:
    """Mean and standard deviation of the known values of each column; 0 where nothing is known or nothing varies."""
    known = ~np.isnan(x)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, x, 0.0).sum(axis=0) / count
    deviation = np.sqrt((np.where(known, x - mean, 0.0) ** 2).sum(axis=0) / count)
    return mean, np.where(deviation > _CONSTANT * np.maximum(np.abs(mean), 1e-300), deviation, 0.0)


def _standardise(x: Matrix, mean: Vector, deviation: Vector, clip: float) -> Matrix:
    """A new matrix: (x - mean) / deviation within +-clip; 0 where x is not known or the feature is constant."""
    varies = deviation > 0
    scaled: Matrix = x - mean
    scaled *= np.where(varies, 1.0 / np.where(varies, deviation, 1.0), 0.0)
    scaled[np.isnan(scaled)] = 0.0
    return np.clip(scaled, -clip, clip, out=scaled)

"""How the assets move together: a sample covariance pulled towards a sphere by as much as the sample is noisy.

With a month of returns for thirty coins the sample covariance is close to singular and an optimiser would trade on its
noise. Ledoit & Wolf, "A well-conditioned estimator for large-dimensional covariance matrices" (2004), gives the mix
with `mean variance * identity` that has the least expected squared error, from the data alone.
"""

from __future__ import annotations

import numpy as np

from tradewind.portfolio.view import Floats


def ledoit_wolf(returns: Floats) -> Floats:
    """(n, n) shrunk covariance of `returns` (T, n), per row of returns; demeaned, divisor T.

    Raises:
        ValueError: fewer than two rows.
    """
    rows, n = returns.shape
    if rows < 2:
        raise ValueError(f"a covariance needs at least 2 return rows, found {rows}")
    deviations = returns - returns.mean(axis=0)
    sample: Floats = deviations.T @ deviations / rows
    if n < 2:
        return sample
    mean_variance = float(np.trace(sample)) / n
    # Lemma 3.3 of the paper: distance of the sample from the sphere, and the part of it that is sampling noise.
    distance = float(np.sum(sample**2)) / n - mean_variance**2
    squares = deviations**2
    noise = (float(np.sum(squares.T @ squares)) / rows - float(np.sum(sample**2))) / (rows * n)
    shrinkage = min(noise, distance) / distance if distance > 0.0 else 0.0
    shrunk: Floats = (1.0 - shrinkage) * sample + shrinkage * mean_variance * np.eye(n)
    return shrunk

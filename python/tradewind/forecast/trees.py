"""Gradient-boosted trees by LightGBM: finds interactions and thresholds, needs no scaling, takes missing values.

Row order matters only through the order of floating-point sums and, beyond `binning_rows` rows, through which rows are
sampled to place the bins; no row is bagged. Features are, by seed. `deterministic` and `force_row_wise` make the result
a function of the input and the seed. One thread by default: folds run beside each other, which scales better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tradewind.forecast.protocol import Matrix, Vector, refuse_unlearnable

if TYPE_CHECKING:
    import lightgbm


@dataclass(frozen=True)
class LightGbm:
    """Ke et al. (2017). Shallow, slow and heavily regularised: financial targets are almost all noise.

    leaf_rows: least rows in a leaf. feature_share: share of features each tree may use. bins: thresholds tried per
    feature, placed by quantiles of `binning_rows` training rows. threads: worker threads of one fit.
    """

    trees: int = 100
    leaves: int = 15
    learning_rate: float = 0.05
    leaf_rows: int = 200
    feature_share: float = 0.3
    l2: float = 10.0
    bins: int = 63
    binning_rows: int = 20_000
    threads: int = 1

    @property
    def name(self) -> str:
        """Short name for reports."""
        return "lightgbm"

    def fit(self, x: Matrix, y: Vector, *, seed: int) -> FittedTrees:
        """Learn y from x by least squares. Raises DataRefused on an unlearnable training set."""
        import lightgbm  # Seconds to import; a live process that never learns does not pay for it.

        refuse_unlearnable(x, y, self.name)
        binning = {"max_bin": self.bins, "bin_construct_sample_cnt": self.binning_rows, "seed": seed, "verbosity": -1}
        growing = {
            "objective": "l2",
            "num_leaves": self.leaves,
            "learning_rate": self.learning_rate,
            "min_data_in_leaf": self.leaf_rows,
            "feature_fraction": self.feature_share,
            "lambda_l2": self.l2,
            "num_threads": self.threads,
            "deterministic": True,
            "force_row_wise": True,
        }
        data = lightgbm.Dataset(x, label=y, params=binning | {"num_threads": self.threads})
        return FittedTrees(lightgbm.train(binning | growing, data, num_boost_round=self.trees), self.threads)


@dataclass(frozen=True)
class FittedTrees:
    """Trees that were grown."""

    booster: lightgbm.Booster
    threads: int

    def predict(self, x: Matrix) -> Vector:
        """Predictions, one per row of x."""
        return np.asarray(self.booster.predict(x, num_threads=self.threads), dtype=np.float64)

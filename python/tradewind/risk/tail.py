"""How bad a bad day is, read off the days that happened.

Losses are positive: L = -return. Both measures treat the n observed returns as n equally likely outcomes; nothing is
interpolated or fitted. Definitions: Rockafellar & Uryasev, "Conditional value-at-risk for general loss distributions"
(2002), which holds for distributions with atoms, such as a sample.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ROUNDING = 1e-9
"""0.55 * 100 is 55.00000000000001 in floats; the 55th loss is meant."""


def historical_var(returns: Floats, level: float) -> float:
    """Value at risk: the least loss x with P(L <= x) >= level. returns: (T,) simple; level in (0, 1), 0.95 is usual.

    In the unit of `returns`; negative where even the bad days gained.

    Raises:
        ValueError: no returns, a return that is not finite, or a level outside (0, 1).
    """
    losses = _sorted_losses(returns, level)
    rank = max(1, math.ceil(level * len(losses) - ROUNDING))
    return float(losses[rank - 1])


def historical_cvar(returns: Floats, level: float) -> float:
    """Conditional value at risk: VaR + E[max(L - VaR, 0)] / (1 - level), the mean loss of the worst 1 - level of days.

    The atom at the VaR is split, so the worst `(1 - level) * T` days count even where that is no whole number; this is
    what makes the measure coherent (subadditive), which VaR is not.

    Raises:
        ValueError: as for `historical_var`.
    """
    losses = _sorted_losses(returns, level)
    var = historical_var(returns, level)
    excess = float(np.maximum(losses - var, 0.0).mean())
    return var + excess / (1.0 - level)


def _sorted_losses(returns: Floats, level: float) -> Floats:
    if not 0.0 < level < 1.0:
        raise ValueError(f"level = {level}; asked for a probability in (0, 1), such as 0.95")
    if returns.ndim != 1 or returns.size == 0:
        raise ValueError(f"returns has shape {returns.shape}; asked for (T,) with at least one return")
    if not np.isfinite(returns).all():
        raise ValueError("returns holds a value that is not finite; drop the days that are not known")
    losses: Floats = np.sort(-returns)
    return losses

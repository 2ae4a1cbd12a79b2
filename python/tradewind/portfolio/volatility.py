"""An overlay that turns a fixed portfolio into one of fixed expected risk, by holding cash."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tradewind.flow import NS_PER_DAY, Target
from tradewind.portfolio.covariance import ledoit_wolf
from tradewind.portfolio.view import View

DAYS_PER_YEAR = 365
"""Coins trade every day."""


def expected_volatility(target: Target, view: View) -> float:
    """Annualised standard deviation (0.4 = 40 %) of `target` under the view's covariance, frozen weights left out.

    Raises:
        ValueError: the target holds a symbol that the view neither measures nor lists as frozen.
    """
    unknown = [s for s, w in target.weights.items() if w != 0.0 and s not in view.symbols and s not in view.frozen]
    if unknown:
        raise ValueError(
            f"the view of {view.ts_ns} does not measure {', '.join(unknown)}; use the view behind the target"
        )
    if not view.symbols:
        return 0.0
    weights = np.array([target.weights.get(s, 0.0) for s in view.symbols])
    variance = max(0.0, float(weights @ ledoit_wolf(view.returns) @ weights))
    return float(np.sqrt(variance * DAYS_PER_YEAR * NS_PER_DAY / view.return_ns))


def volatility_target(target: Target, view: View, annual_volatility: float) -> Target:
    """`target` scaled towards cash until its expected volatility is at most `annual_volatility` (0.4 = 40 % a year).

    Never scales up, since more than all is borrowed. Frozen weights stay as they are.

    Raises:
        ValueError: annual_volatility <= 0, or target and view do not belong together.
    """
    if not annual_volatility > 0.0:
        raise ValueError(f"annual_volatility = {annual_volatility}; asked for more than 0 (0.4 = 40 % a year)")
    expected = expected_volatility(target, view)
    method = f"{target.method}+volatility_target"
    if expected <= annual_volatility:
        return replace(target, method=method)
    scale = annual_volatility / expected
    weights = {s: w if s in view.frozen else w * scale for s, w in target.weights.items()}
    note = f"scaled by {scale:.3f}: expected volatility {expected:.1%} a year, target {annual_volatility:.1%}"
    return replace(target, weights=weights, method=method, notes=(*target.notes, note))

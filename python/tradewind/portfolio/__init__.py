"""Forecast → Target: how much of equity each symbol should be.

    view(market, forecast_rows, holdings, ts_ns, lookback_bars, ...) → View → allocator → Target → volatility_target

`ALLOCATORS` names every allocator; the laws in tests/conformance run over all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tradewind.portfolio.allocators import (
    AllocationFailed,
    Allocator,
    EqualWeight,
    EquilibriumTilt,
    MeanVariance,
    MinimumVariance,
    OnFailure,
    RiskParity,
)
from tradewind.portfolio.covariance import ledoit_wolf
from tradewind.portfolio.view import View, view
from tradewind.portfolio.volatility import expected_volatility, volatility_target

ALLOCATORS: Mapping[str, Callable[..., Allocator]] = {
    "equal_weight": EqualWeight,
    "risk_parity": RiskParity,
    "minimum_variance": MinimumVariance,
    "mean_variance": MeanVariance,
    "equilibrium_tilt": EquilibriumTilt,
}
"""Registered name → constructor of settings; every one takes `max_weight`."""

__all__ = [
    "ALLOCATORS",
    "AllocationFailed",
    "Allocator",
    "EqualWeight",
    "EquilibriumTilt",
    "MeanVariance",
    "MinimumVariance",
    "OnFailure",
    "RiskParity",
    "View",
    "expected_volatility",
    "ledoit_wolf",
    "view",
    "volatility_target",
]

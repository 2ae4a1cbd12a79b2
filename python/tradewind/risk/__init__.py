"""Target → Target | Refusal: what may be asked of the market.

evidence(market, history, ts_ns, lookback_bars) → Evidence;  assess(target, evidence, budgets) → Target | Refusal
"""

from __future__ import annotations

from tradewind.risk.budgets import Budgets, assess
from tradewind.risk.evidence import Evidence, evidence
from tradewind.risk.tail import historical_cvar, historical_var

__all__ = ["Budgets", "Evidence", "assess", "evidence", "historical_cvar", "historical_var"]

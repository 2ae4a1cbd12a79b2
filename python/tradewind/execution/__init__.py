"""Target → Plan: which orders, how fast, with what money.

quotes(market, ts_ns, volume_bars) → Quotes;  plan(target, holdings, instruments, quotes, settings) → Plan
"""

from __future__ import annotations

from tradewind.execution.plan import plan
from tradewind.execution.quotes import Quotes, quotes
from tradewind.execution.settings import PlanSettings, Urgency

__all__ = ["PlanSettings", "Quotes", "Urgency", "plan", "quotes"]

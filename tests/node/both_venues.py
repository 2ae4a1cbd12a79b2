"""A strategy that keeps venues busy: it takes, rests, amends and cancels in turn on every instrument it is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from tradewind.flow import Side
from tradewind.strategy import Amend, Cancel, Intent, LiveOrder, Place, Touch, View, Wake, Wakes

MOST_LIVE = 3
"""Orders that it leaves alive on an instrument."""


class BothVenues:
    """One thing on one instrument at each wake; its position stays within `most` orders either way."""

    name = "both venues"

    def __init__(self, qty: str, every_ms: int, instruments: Sequence[Mapping[str, Any]], most: int = 10) -> None:
        self.parameters: Mapping[str, int | float | str] = {"qty": qty, "every_ms": every_ms, "most": most}
        self._lots = {i["id"]: int(Decimal(qty) / Decimal(i["lot"])) for i in instruments}
        self._every_ns = every_ms * 1_000_000
        self._most = most
        self._turn = 0

    def wakes(self) -> Wakes:
        """By time alone."""
        return Wakes(timer_ns=self._every_ns)

    def on_wake(self, wake: Wake, view: View) -> list[Intent]:
        """What is next on the instrument whose turn it is."""
        self._turn += 1
        instrument = sorted(self._lots)[self._turn % len(self._lots)]
        touch = view.touch(instrument)
        if touch is None:
            return []
        own = [order for order in view.live_orders() if order.instrument == instrument]
        resting = [order for order in own if order.state == "open" and order.price_ticks is not None]
        if len(own) >= MOST_LIVE:
            return [Cancel(resting[0].order_id)] if resting else []
        turn = self._turn // len(self._lots) + view.now_ns // self._every_ns
        if resting and turn % 4 == 0:
            return [self._moved(resting[-1])]
        return [self._placed(instrument, touch, view.position_lots(instrument), turn)]

    def _moved(self, order: LiveOrder) -> Intent:
        further = -1 if order.side == "buy" else 1
        return Amend(order.order_id, (order.price_ticks or 0) + further, order.lots)

    def _placed(self, instrument: int, touch: Touch, position: int, turn: int) -> Intent:
        lots = self._lots[instrument]
        side: Side = "buy" if turn % 2 else "sell"
        if abs(position) >= self._most * lots:
            side = "sell" if position > 0 else "buy"
        own, other = (touch.bid_ticks, touch.ask_ticks) if side == "buy" else (touch.ask_ticks, touch.bid_ticks)
        away = -1 if side == "buy" else 1
        spread = touch.ask_ticks - touch.bid_ticks
        if turn % 3 == 0:
            return Place(instrument, side, lots, other - away * 2 * spread, "ioc")
        if turn % 3 == 1:
            return Place(instrument, side, lots, own, "post_only")
        return Place(instrument, side, lots, own + away * 20 * spread)

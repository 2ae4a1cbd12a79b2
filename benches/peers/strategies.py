"""The strategies of the shared work, in this project's words.

Their arithmetic is Python floats in the order in which the workloads state it, so that two engines given the same
events decide the same to the last order.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence

from tradewind.flow import Side
from tradewind.strategy import Cancel, Intent, Place, View, Wake, Wakes

NOTHING: tuple[Intent, ...] = ()
TICKS_PER_UNIT = 100
LOTS_PER_UNIT = 1_000
Parameters = Mapping[str, int | float | str]


class EmaCross:
    """Always on the side of the faster of two moving averages: one unit at first, then two to turn around."""

    def __init__(self, fast: int, slow: int, wakes: Wakes) -> None:
        self.name = "ema_cross"
        self.parameters: Parameters = {"fast": fast, "slow": slow}
        self._wakes = wakes
        self._fast_weight, self._slow_weight, self._slow_span = 2 / (fast + 1), 2 / (slow + 1), slow
        self._fast = self._slow = 0.0
        self._seen = 0
        self._is_long: bool | None = None
        self._enter = ((Place(0, "sell", LOTS_PER_UNIT),), (Place(0, "buy", LOTS_PER_UNIT),))
        self._turn = ((Place(0, "sell", 2 * LOTS_PER_UNIT),), (Place(0, "buy", 2 * LOTS_PER_UNIT),))

    def wakes(self) -> Wakes:
        """Each trade, quote or bar."""
        return self._wakes

    def on_wake(self, wake: Wake, view: View) -> Sequence[Intent]:
        """One price further: of the trade, the bar's close, or the middle of the touch."""
        ticks = wake.price_ticks
        if ticks is not None:
            price = ticks / TICKS_PER_UNIT
        elif (touch := view.touch(0)) is not None:
            price = 0.5 * (touch.bid_ticks / TICKS_PER_UNIT + touch.ask_ticks / TICKS_PER_UNIT)
        else:
            return NOTHING
        self._seen = seen = self._seen + 1
        if seen == 1:
            self._fast = self._slow = price
            return NOTHING
        fast, slow = self._fast, self._slow
        self._fast = fast = fast + self._fast_weight * (price - fast)
        self._slow = slow = slow + self._slow_weight * (price - slow)
        if seen < self._slow_span or (fast > slow) is self._is_long:
            return NOTHING
        orders, self._is_long = self._enter if self._is_long is None else self._turn, fast > slow
        return orders[fast > slow]


class OrderPerQuote:
    """A market order at each quote, buy and sell in turn; measures from its answer to the wake with its fill."""

    def __init__(self) -> None:
        self.name = "order_per_quote"
        self.parameters: Parameters = {}
        self._orders: tuple[tuple[Intent, ...], ...] = ((Place(0, "sell", 10),), (Place(0, "buy", 10),))
        self._seen = 0
        self._sent_ns = 0
        self.submit_to_fill_ns: list[int] = []

    def wakes(self) -> Wakes:
        """Each quote and each own fill."""
        return Wakes(book=True, fill=True)

    def on_wake(self, wake: Wake, view: View) -> Sequence[Intent]:
        """An order, or the end of one measurement."""
        if wake.kind == "fill":
            self.submit_to_fill_ns.append(time.perf_counter_ns() - self._sent_ns)
            return NOTHING
        self._seen += 1
        answer = self._orders[self._seen & 1]
        self._sent_ns = time.perf_counter_ns()
        return answer


class TouchMaker:
    """Joins the touch around a size-weighted mid, leaning against what it holds; looks at every tenth message."""

    def __init__(self) -> None:
        self.name = "touch_maker"
        self.parameters: Parameters = {}
        self._seen = 0
        self._held = 0.0
        self.cancels = 0

    def wakes(self) -> Wakes:
        """Each depth message, each trade (which it ignores), each own fill."""
        return Wakes(book=True, trade=True, fill=True)

    def on_wake(self, wake: Wake, view: View) -> Sequence[Intent]:
        """New prices at every tenth message."""
        kind = wake.kind
        if kind == "trade":
            return NOTHING
        if kind == "fill":
            filled = wake.lots / LOTS_PER_UNIT  # type: ignore[operator]  # a fill has a quantity
            self._held += filled if wake.side == "buy" else -filled
            return NOTHING
        touch = view.touch(0)
        if touch is None:
            return NOTHING
        bid, ask = touch.bid_ticks / TICKS_PER_UNIT, touch.ask_ticks / TICKS_PER_UNIT
        bid_size, ask_size = touch.bid_lots / LOTS_PER_UNIT, touch.ask_lots / LOTS_PER_UNIT
        micro = (bid * ask_size + ask * bid_size) / (bid_size + ask_size)
        self._seen += 1
        if self._seen % 10:
            return NOTHING
        skew = 0.01 * self._held / 0.1 * 0.25
        buy_at = min(touch.bid_ticks, int((micro - 0.005 - skew) * 100))
        sell_at = max(touch.ask_ticks, int((micro + 0.005 - skew) * 100 + 1))
        out: list[Intent] = []
        mine = {order.side: order for order in view.live_orders()}
        sides: tuple[tuple[Side, int, bool], ...] = (
            ("buy", buy_at, self._held < 1.0),
            ("sell", sell_at, self._held > -1.0),
        )
        for side, price, is_allowed in sides:
            order = mine.get(side)
            if order is not None:
                if is_allowed and order.price_ticks == price:
                    continue
                out.append(Cancel(order.order_id))
                self.cancels += 1
            if is_allowed:
                out.append(Place(0, side, 100, price, "post_only"))
        return out


class GridMaker:
    """Ten levels a side around a mid that leans against what is held; looked at every 100 ms."""

    STEP_NS = 100_000_000
    HALF_TICKS, GRID_TICKS, LEVELS, LOTS, MOST_LOTS = 50, 10, 10, 10, 1_000

    def __init__(self) -> None:
        self.name = "grid_maker"
        self.parameters: Parameters = {"levels": self.LEVELS}

    def wakes(self) -> Wakes:
        """Its timer."""
        return Wakes(timer_ns=self.STEP_NS)

    def on_wake(self, wake: Wake, view: View) -> Sequence[Intent]:
        """Take off what left the grid, fill its gaps."""
        touch = view.touch(0)
        if touch is None:
            return NOTHING
        held = view.position_lots(0)
        middle, lean = (touch.bid_ticks + touch.ask_ticks) / 2, self.HALF_TICKS * (held / self.MOST_LOTS)
        bid = math.floor(min(middle - self.HALF_TICKS - lean, touch.bid_ticks) / self.GRID_TICKS) * self.GRID_TICKS
        ask = math.ceil(max(middle + self.HALF_TICKS - lean, touch.ask_ticks) / self.GRID_TICKS) * self.GRID_TICKS
        width = self.GRID_TICKS * self.LEVELS
        out: list[Intent] = []
        taken = set()
        for order in view.live_orders():
            price = order.price_ticks or 0
            taken.add((order.side, price))
            inside = bid - width <= price <= bid if order.side == "buy" else ask <= price <= ask + width
            if order.state == "open" and not inside:
                out.append(Cancel(order.order_id))
        for level in range(self.LEVELS):
            away = level * self.GRID_TICKS
            if held < self.MOST_LOTS and ("buy", bid - away) not in taken:
                out.append(Place(0, "buy", self.LOTS, bid - away, "post_only"))
            if held > -self.MOST_LOTS and ("sell", ask + away) not in taken:
                out.append(Place(0, "sell", self.LOTS, ask + away, "post_only"))
        return out

"""A strategy of your own: joins the best price on both sides, and is slow to follow when the market moves.

    tradewind backtest examples/patient_maker.py:PatientMaker --market binance_usdm:BTCUSDT

The class is made without arguments. Its quantities are lots of the market it trades: 0.001 BTC on that one.
`max_position_lots` also tells the run how much of the coin a spot account must hold at the start.
"""

from __future__ import annotations

from collections.abc import Mapping

from tradewind.flow import Side
from tradewind.strategy import Cancel, Intent, Place, View, Wake, Wakes

LOTS = 2
MAX_POSITION_LOTS = 10
DRIFT_TICKS = 5


class PatientMaker:
    """Leaves an order where it is until the best price is more than `DRIFT_TICKS` away from it."""

    name = "patient maker"
    parameters: Mapping[str, int | float | str] = {
        "lots": LOTS,
        "max_position_lots": MAX_POSITION_LOTS,
        "drift_ticks": DRIFT_TICKS,
    }

    def wakes(self) -> Wakes:
        """Twice a second, and after each fill of its own."""
        return Wakes(timer_ns=500_000_000, fill=True)

    def on_wake(self, wake: Wake, view: View) -> list[Intent]:
        """Cancels what the market has left behind, places what is missing."""
        touch = view.touch(0)
        if touch is None:
            return []
        position = view.position_lots(0)
        sides: tuple[tuple[Side, int, int], ...] = (
            ("buy", touch.bid_ticks, position + LOTS),
            ("sell", touch.ask_ticks, -position + LOTS),
        )
        intents: list[Intent] = []
        for side, best, position_after in sides:
            own = [order for order in view.live_orders() if order.side == side]
            intents += [
                Cancel(order.order_id)
                for order in own
                if order.state == "open"
                and order.price_ticks is not None
                and abs(order.price_ticks - best) > DRIFT_TICKS
            ]
            if not own and position_after <= MAX_POSITION_LOTS:
                intents.append(Place(0, side, LOTS, best, "post_only"))
        return intents

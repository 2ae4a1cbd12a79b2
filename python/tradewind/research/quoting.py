"""Two-sided quoting on recorded depth, once as a Rust algo inside the engine and once as a Python strategy outside it.

The rule is one: quotes around the mid, moved against inventory, in whole half-ticks, so that the two must send the
same orders. It is a specimen that shows both time scales at work, not a strategy to make money with: it has no view of
where the price goes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from tradewind.flow import Side
from tradewind.market import L2Sample
from tradewind.research import setups
from tradewind.strategy import Cancel, Intent, LiveOrder, Place, View, Wake, Wakes

QUOTE_VALUE = Decimal(60)
"""Value of one quote, in the quote currency, where the venue takes orders that small."""
ABOVE_LEAST = Decimal("1.2")
"""How far above the venue's smallest order value a quote lies otherwise, so that it stays above as prices fall."""
QUOTES_HELD = 10


@dataclass(frozen=True, slots=True)
class Parameters:
    """half_spread_half_ticks: distance of each quote from the mid. skew_half_ticks: how far both move against the
    largest inventory. lots: size of a quote. max_position_lots: the side that would go beyond is not quoted.
    interval_ns: how often it looks.
    """

    half_spread_half_ticks: int = 1
    skew_half_ticks: int = 40
    lots: int = 10
    max_position_lots: int = 100
    interval_ns: int = 100_000_000


class Quoting:
    """The quoting rule in Python: the twin of the Rust algo, decision by decision."""

    name = "quoting"

    def __init__(self, parameters: Parameters) -> None:
        self._p = parameters
        self.parameters: Mapping[str, int | float | str] = {
            "half_spread_half_ticks": parameters.half_spread_half_ticks,
            "skew_half_ticks": parameters.skew_half_ticks,
            "lots": parameters.lots,
            "max_position_lots": parameters.max_position_lots,
        }

    def wakes(self) -> Wakes:
        """Its timer, nothing else."""
        return Wakes(timer_ns=self._p.interval_ns)

    def on_wake(self, wake: Wake, view: View) -> Sequence[Intent]:
        """Cancels what is at a wrong price, then places what is missing: bids before asks."""
        wanted = self._wanted(view)
        orders = view.live_orders()
        cancels: list[Intent] = []
        places: list[Intent] = []
        sides: tuple[Side, Side] = ("buy", "sell")
        for side in sides:
            price = wanted[side]
            kept, unknown, cancelled = _settle([o for o in orders if o.side == side], price)
            cancels += cancelled
            if price is not None and not kept and not unknown:
                places.append(Place(0, side, self._p.lots, price, "post_only"))
        return cancels + places

    def _wanted(self, view: View) -> dict[Side, int | None]:
        """Quote prices in ticks, or None for a side that is not to be quoted."""
        touch = view.touch(0)
        if touch is None:
            return {"buy": None, "sell": None}
        p, position = self._p, view.position_lots(0)
        mid2 = touch.bid_ticks + touch.ask_ticks
        skew = _truncated(position * p.skew_half_ticks, p.max_position_lots) if p.max_position_lots else 0
        bid = min((mid2 - p.half_spread_half_ticks - skew) // 2, touch.ask_ticks - 1)
        ask = max(-((-(mid2 + p.half_spread_half_ticks - skew)) // 2), touch.bid_ticks + 1)
        return {
            "buy": bid if position + p.lots <= p.max_position_lots and bid >= 1 else None,
            "sell": ask if position - p.lots >= -p.max_position_lots and ask >= 1 else None,
        }


def _truncated(numerator: int, denominator: int) -> int:
    """Division rounded towards zero, as the Rust twin divides."""
    quotient = abs(numerator) // abs(denominator)
    return quotient if (numerator >= 0) == (denominator > 0) else -quotient


def _settle(orders: Sequence[LiveOrder], price: int | None) -> tuple[bool, bool, list[Intent]]:
    """(an order is kept, one is of unknown fate, cancels of the rest). The oldest at the wanted price is kept."""
    kept = unknown = False
    cancels: list[Intent] = []
    for order in orders:
        if order.state == "unknown":
            unknown = True
        elif order.state == "cancelling":
            continue
        elif not kept and price is not None and order.price_ticks == price:
            kept = True
        else:
            cancels.append(Cancel(order.order_id))
    return kept, unknown, cancels


def parameters_for(sample: L2Sample) -> Parameters:
    """Quotes of about `QUOTE_VALUE` at the first recorded quote, in whole order steps; at most ten of them held."""
    terms = setups.depth_terms(sample)
    first = sample.quotes.row(0, named=True)
    price = Decimal(first["bid_ticks"] + first["ask_ticks"]) * Decimal(sample.price_tick) / 2
    value = max(QUOTE_VALUE, ABOVE_LEAST * Decimal(terms.min_notional))
    steps = (value / price / Decimal(terms.order_step)).to_integral_value(rounding=ROUND_CEILING)
    lots = int(steps * Decimal(terms.order_step) / Decimal(sample.lot))
    return Parameters(lots=lots, max_position_lots=QUOTES_HELD * lots)

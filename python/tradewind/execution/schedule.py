"""All at once or spread out: how one order is worked, and how much of it the market can take.

Quantities are whole lots here, as integers, so that nothing is lost or invented between the plan and the venue.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from tradewind.execution.settings import PlanSettings
from tradewind.flow import Instrument

SAME_QUANTITY = Fraction(1, 10**14)
"""Relative. Weight times equity over price misses a whole number of lots by a few float roundings."""


@dataclass(frozen=True, slots=True)
class Listing:
    """An instrument at one instant. lot (exact), volume_per_bar: base. min_notional: quote. price: quote per base."""

    instrument: Instrument
    lot: Fraction
    min_notional: float
    price: float
    volume_per_bar: float

    def whole_lots(self, quantity: float) -> int:
        """Whole lots in a computed `quantity` (base, >= 0), down; a whole number missed by float rounding counts."""
        lots = Fraction(Decimal(repr(quantity))) / self.lot
        nearest = round(lots)
        return nearest if abs(lots - nearest) <= nearest * SAME_QUANTITY else math.floor(lots)

    def whole_lots_held(self, quantity: float) -> int:
        """Whole lots in a `quantity` (base, >= 0) of the ledger, down; exactly, as only what is there can be sold."""
        return math.floor(Fraction(Decimal(repr(quantity))) / self.lot)

    def quantity(self, lots: int) -> float:
        """The float nearest to `lots` lots, in base."""
        return float(lots * self.lot)

    def notional(self, lots: int) -> float:
        """Value of `lots` lots, in quote."""
        return self.quantity(lots) * self.price


@dataclass(frozen=True, slots=True)
class Schedule:
    """How `lots` are worked: `slices` spread over `duration_ns`; one slice is at once. limited: less than asked."""

    lots: int
    slices: int
    duration_ns: int
    limited: bool


def schedule(listing: Listing, lots: int, bar_ns: int, settings: PlanSettings) -> Schedule:
    """How to work `lots` > 0 lots; `lots` of the answer is less, perhaps 0, where volume does not allow more.

    A slice is at least `min_slice_multiple` minimum notionals and one lot. The slices that fall in one bar are together
    at most `max_participation` of the mean bar volume. Urgent orders are not limited.
    """
    if settings.urgency == "urgent":
        return Schedule(lots, 1, 0, limited=False)
    per_bar = listing.whole_lots(listing.volume_per_bar * settings.max_participation)
    if lots <= per_bar and listing.notional(lots) <= settings.immediate_below_quote:
        return Schedule(lots, 1, 0, limited=False)
    left = lots
    while left > 0:
        slices = _slices(listing, left, settings)
        most = _most_lots(per_bar, slices, settings.horizon_ns, bar_ns)
        if left <= most:
            duration_ns = settings.horizon_ns if slices > 1 else 0
            return Schedule(left, slices, duration_ns, limited=left < lots)
        # Fewer lots may mean fewer slices, and fewer slices a smaller limit; each round only shrinks.
        left = most
    return Schedule(0, 0, 0, limited=True)


def _slices(listing: Listing, lots: int, settings: PlanSettings) -> int:
    """As many slices as time allows, each worth enough; the smallest of an uneven split counts."""
    least = settings.min_slice_multiple * listing.min_notional
    least_lots = max(1, math.ceil(least / listing.notional(1)))
    in_time = settings.horizon_ns // settings.slice_interval_ns
    return max(1, min(in_time, lots // least_lots))


def _most_lots(per_bar: int, slices: int, horizon_ns: int, bar_ns: int) -> int:
    """Most lots that `slices` even slices may carry with no more than `per_bar` lots in any bar."""
    slices_in_a_bar = 1 if slices == 1 else min(slices, math.ceil(slices * bar_ns / horizon_ns))
    return (per_bar // slices_in_a_bar) * slices

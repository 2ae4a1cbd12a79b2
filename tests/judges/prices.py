"""Prices and amounts that judges ask for: on the grid, so far from the market, compared exactly."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any


def exact(value: Any) -> Decimal:
    """A figure as it was printed."""
    return Decimal(str(value))


def touch(client: Any, symbol: str) -> tuple[float, float]:
    """Best bid and ask, through a synchronous ccxt exchange."""
    book = client.fetch_order_book(symbol, limit=5)
    return book["bids"][0][0], book["asks"][0][0]


def away(client: Any, symbol: str, share: float) -> float:
    """A price on the grid, `share` of the best bid, through a synchronous ccxt exchange."""
    return float(client.price_to_precision(symbol, touch(client, symbol)[0] * share))


def soon(ask: Callable[[], Any], is_enough: Callable[[Any], bool], within_s: float = 10.0) -> Any:
    """The first answer that is enough; it fails where none is in time."""
    until = time.monotonic() + within_s
    while not is_enough(found := ask()) and time.monotonic() < until:
        time.sleep(0.1)
    assert is_enough(found), f"still {found!r} after {within_s} s"
    return found

"""Clients pointed at an emulated venue: nothing of them is changed but the addresses they call."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Venue:
    """An emulated venue, as its first line describes it."""

    venue: str
    http: str
    ws: str
    key: str
    secret: str
    passphrase: str
    balances: dict[str, str]
    said: dict[str, Any]


def on_loopback(exchange: Any, http: str, ws: str) -> Any:
    """A ccxt exchange whose every address has its host replaced; the paths stay."""

    def moved(found: Any) -> Any:
        if isinstance(found, dict):
            return {name: moved(value) for name, value in found.items()}
        if not isinstance(found, str):
            return found
        return re.sub(r"^wss?://[^/]+", ws, re.sub(r"^https?://[^/]+", http, found.replace("{hostname}", "x")))

    exchange.urls["api"] = moved(exchange.urls["api"])
    if exchange.id.startswith("binance") and "ws" in exchange.urls["api"]:
        # Spot and futures streams have hosts of their own, here they share a port. ccxt knows spot by "/stream" in the address.
        exchange.urls["api"]["ws"] |= {"spot": f"{ws}/stream/ws", "linear": f"{ws}/fut/ws"}
    return exchange

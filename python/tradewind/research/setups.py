"""Runs described for the native engine: what exists, on what terms, with what money, under which limits.

A setup is plain data. It is journaled in full, so that a journal and its market data are all a replay needs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tradewind.flow import NS_PER_SECOND, Instrument
from tradewind.market import L2Sample

RATE_ONE = 100_000_000
"""A native rate is a share in units of 1e-8; one basis point is 10,000 of them."""

QUOTE_SCALE = 10
BASE_SCALE = 8
STRATEGY_BOOK = 1
NODE = 1


def rate(bps: float) -> int:
    """Basis points as a native rate."""
    return round(bps * RATE_ONE / 10_000)


@dataclass(frozen=True, slots=True)
class BarFills:
    """How orders fill on bars.

    A market order fills at the next bar's open, half a spread worse, plus `impact_bps` times the root of the share of
    the bar's volume that it takes (the square-root law), at most `max_participation`.
    """

    impact_bps: float = 30.0
    max_participation: float = 0.05


@dataclass(frozen=True, slots=True)
class DepthFills:
    """How orders fill on recorded depth.

    queue_power: 0 for a queue that only trades move (risk-averse), n for cancels shared by the power-n rule. Latencies
    are constant, one way each.
    """

    queue_power: int = 2
    request_latency_ns: int = 5_000_000
    response_latency_ns: int = 5_000_000
    maker_fee_bps: float = 2.0
    taker_fee_bps: float = 5.0

    @classmethod
    def of(cls, venue: str) -> DepthFills:
        """Entry-tier fees of Binance: 10 bps each way on spot, 2 / 5 bps on USD-M, 2 / 5 bps on COIN-M."""
        return cls(maker_fee_bps=10.0, taker_fee_bps=10.0) if venue.endswith("_spot") else cls()


def bar_setup(
    instruments: Sequence[Instrument],
    quote: str,
    start_equity: float,
    fills: BarFills,
    *,
    bar_ns: int,
    max_order_share: float,
) -> str:
    """Spot portfolio on bars: one venue, one account, one book; JSON.

    max_order_share: largest order value as a share of the starting equity.
    """
    return json.dumps(
        {
            "node": NODE,
            "epoch": 1,
            "assets": [
                {"symbol": quote, "scale": QUOTE_SCALE},
                *({"symbol": i.base, "scale": BASE_SCALE} for i in instruments),
            ],
            "venues": [
                {
                    "name": instruments[0].venue,
                    "margin": "Spot",
                    "fills": {
                        "bars": {
                            "max_participation": round(fills.max_participation * RATE_ONE),
                            "impact": rate(fills.impact_bps),
                        }
                    },
                    "request_latency_ns": 0,
                    "response_latency_ns": 0,
                }
            ],
            "instruments": [_bar_instrument(i) for i in instruments],
            "books": ["portfolio"],
            "deposits": [{"venue": 0, "book": STRATEGY_BOOK, "asset": quote, "amount": f"{start_equity:.2f}"}],
            "limits": [
                _limits(
                    {"Book": STRATEGY_BOOK},
                    max_order_notional=f"{start_equity * max_order_share:.2f}",
                    max_reference_age_ns=2 * bar_ns,
                    max_price_deviation=rate(500.0),
                    max_orders_per_second=1_000,
                )
            ],
            "equity_in": quote,
            "sample_every_ns": bar_ns,
        },
        indent=None,
    )


def _bar_instrument(instrument: Instrument) -> dict[str, Any]:
    return {
        "venue": 0,
        "symbol": instrument.symbol,
        "kind": "spot",
        "base": instrument.base,
        "quote": instrument.quote,
        "tick": instrument.tick,
        "lot": instrument.lot,
        "multiplier": "1",
        "min_notional": instrument.min_notional,
        "maker_fee": rate(instrument.maker_fee_bps),
        "taker_fee": rate(instrument.taker_fee_bps),
        "fee_in": "received",
        "sequencing": "unchecked",
        "half_spread": rate(instrument.half_spread_bps),
    }


def depth_setup(
    sample: L2Sample, start_equity: float, start_base: str, fills: DepthFills, max_position_lots: int
) -> str:
    """One market on recorded depth: one account, one book; JSON.

    start_base: base asset held at the start, exact text (spot cannot sell what it does not hold; 0 for a perpetual).
    """
    base, quote = split_symbol(sample.symbol)
    spot = sample.venue.endswith("_spot")
    deposits = [{"venue": 0, "book": STRATEGY_BOOK, "asset": quote, "amount": f"{start_equity:.2f}"}]
    if spot:
        deposits.append({"venue": 0, "book": STRATEGY_BOOK, "asset": base, "amount": start_base})
    return json.dumps(
        {
            "node": NODE,
            "epoch": 1,
            "assets": [{"symbol": quote, "scale": QUOTE_SCALE}, {"symbol": base, "scale": BASE_SCALE}],
            "venues": [
                {
                    "name": sample.venue,
                    "margin": "Spot" if spot else "Cross",
                    "fills": {"depth": {"queue_power": fills.queue_power}},
                    "request_latency_ns": fills.request_latency_ns,
                    "response_latency_ns": fills.response_latency_ns,
                }
            ],
            "instruments": [
                {
                    "venue": 0,
                    "symbol": sample.symbol,
                    "kind": "spot" if spot else "linear_perpetual",
                    "base": base,
                    "quote": quote,
                    "tick": sample.price_tick,
                    "lot": sample.lot,
                    "multiplier": "1",
                    "min_notional": "5",
                    "maker_fee": rate(fills.maker_fee_bps),
                    "taker_fee": rate(fills.taker_fee_bps),
                    "fee_in": "received" if spot else "settlement",
                    "sequencing": "binance_spot" if spot else "binance_futures",
                    "half_spread": 0,
                }
            ],
            "books": ["quoting"],
            "deposits": deposits,
            "limits": [
                _limits(
                    {"Book": STRATEGY_BOOK},
                    max_order_notional=f"{start_equity:.2f}",
                    max_price_deviation=rate(100.0),
                    max_reference_age_ns=10 * NS_PER_SECOND,
                    max_position_lots=max_position_lots,
                    max_orders_per_second=200,
                )
            ],
            "equity_in": quote,
            "sample_every_ns": NS_PER_SECOND,
        }
    )


def split_symbol(symbol: str) -> tuple[str, str]:
    """Base and quote of a venue symbol such as BTCUSDT."""
    for quote in ("USDT", "USDC", "USD"):
        if symbol.endswith(quote) and len(symbol) > len(quote):
            return symbol.removesuffix(quote), quote
    raise ValueError(f"{symbol}: no known quote currency at its end (USDT, USDC, USD)")


def _limits(scope: Mapping[str, int], **limits: str | int | None) -> dict[str, Any]:
    empty: dict[str, Any] = dict.fromkeys(
        (
            "instrument",
            "max_order_notional",
            "max_price_deviation",
            "max_reference_age_ns",
            "max_order_lots",
            "max_position_lots",
            "max_orders_per_second",
        )
    )
    return {"scope": dict(scope), **empty, **limits}

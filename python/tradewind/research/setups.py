"""Runs described for the native engine: what exists, on what terms, with what money, under which limits.

A setup is plain data. It is journaled in full, so that a journal and its market data are all a replay needs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from tradewind.flow import NS_PER_SECOND, DataRefused, Instrument
from tradewind.market import L2Sample
from tradewind.market.instruments import RULES

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


@dataclass(frozen=True, slots=True)
class DepthTerms:
    """On what terms a recorded market is traded. order_step: the venue's quantity step for orders, exact text.

    Fees are those of the venue's entry tier. A spot market needs the base coin in hand to sell it.
    """

    base: str
    quote: str
    kind: Literal["spot", "linear_perpetual"]
    sequencing: Literal["binance_spot", "binance_futures"]
    min_notional: str
    order_step: str
    maker_fee_bps: float
    taker_fee_bps: float


_KINDS: Mapping[str, tuple[Literal["spot", "linear_perpetual"], Literal["binance_spot", "binance_futures"]]] = {
    "binance_spot": ("spot", "binance_spot"),
    "binance_usdm": ("linear_perpetual", "binance_futures"),
}


def require_terms(venue: str, symbol: str) -> None:
    """Refuse a market that cannot be traded here, before its recording is read.

    Raises:
        DataRefused: its contracts settle in the coin, or the terms of its venue are not known.
    """
    where = f"{venue} {symbol}"
    remedy = f"choose a market of one of: {', '.join(_KINDS)}"
    if venue == "binance_coinm":
        raise DataRefused(
            "COIN-M contracts are worth a fixed sum of dollars and settle in the coin (inverse); results are measured "
            "in the quote currency, on spot and linear contracts only",
            where,
            remedy,
        )
    if venue not in _KINDS or venue not in RULES:
        raise DataRefused(f"no fees and no sequence rule are known for {venue}", where, remedy)


def depth_terms(sample: L2Sample) -> DepthTerms:
    """The terms of a recorded market.

    Raises:
        DataRefused: see `require_terms`; or the symbol ends in no known quote currency.
    """
    require_terms(sample.venue, sample.symbol)
    rules, (kind, sequencing) = RULES[sample.venue], _KINDS[sample.venue]
    base, quote = split_symbol(sample.symbol)
    filters = rules.filters.get(sample.symbol)
    return DepthTerms(
        base=base,
        quote=quote,
        kind=kind,
        sequencing=sequencing,
        min_notional=filters.min_notional if filters else rules.min_notional,
        order_step=max(filters.lot if filters else sample.lot, sample.lot, key=Decimal),
        maker_fee_bps=rules.maker_fee_bps,
        taker_fee_bps=rules.taker_fee_bps,
    )


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

    start_equity: quote currency at the start. start_base: base asset held at the start, exact text (spot cannot sell
    what it does not hold; a perpetual holds none). max_position_lots: hard limit of the engine.

    Raises:
        DataRefused: see `depth_terms`.
    """
    terms = depth_terms(sample)
    spot = terms.kind == "spot"
    deposits = [{"venue": 0, "book": STRATEGY_BOOK, "asset": terms.quote, "amount": f"{start_equity:.2f}"}]
    if spot and Decimal(start_base):
        deposits.append({"venue": 0, "book": STRATEGY_BOOK, "asset": terms.base, "amount": start_base})
    return json.dumps(
        {
            "node": NODE,
            "epoch": 1,
            "assets": [{"symbol": terms.quote, "scale": QUOTE_SCALE}, {"symbol": terms.base, "scale": BASE_SCALE}],
            "venues": [
                {
                    "name": sample.venue,
                    "margin": "Spot" if spot else "Cross",
                    "fills": {"depth": {"queue_power": fills.queue_power}},
                    "request_latency_ns": fills.request_latency_ns,
                    "response_latency_ns": fills.response_latency_ns,
                }
            ],
            "instruments": [_depth_instrument(sample, terms)],
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
            "equity_in": terms.quote,
            "sample_every_ns": NS_PER_SECOND,
        }
    )


def _depth_instrument(sample: L2Sample, terms: DepthTerms) -> dict[str, Any]:
    return {
        "venue": 0,
        "symbol": sample.symbol,
        "kind": terms.kind,
        "base": terms.base,
        "quote": terms.quote,
        "tick": sample.price_tick,
        "lot": sample.lot,
        "multiplier": "1",
        "min_notional": terms.min_notional,
        "maker_fee": rate(terms.maker_fee_bps),
        "taker_fee": rate(terms.taker_fee_bps),
        "fee_in": "received" if terms.kind == "spot" else "settlement",
        "sequencing": terms.sequencing,
        "half_spread": 0,
    }


def split_symbol(symbol: str) -> tuple[str, str]:
    """Base and quote of a venue symbol such as BTCUSDT.

    Raises:
        DataRefused: the symbol ends in no known quote currency.
    """
    for quote in ("USDT", "USDC", "USD"):
        if symbol.endswith(quote) and len(symbol) > len(quote):
            return symbol.removesuffix(quote), quote
    raise DataRefused(
        f"{symbol} has no known quote currency at its end", symbol, "choose a symbol that ends in USDT, USDC or USD"
    )


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

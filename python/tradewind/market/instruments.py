"""Symbol → Instrument: ticks, lots, smallest orders and fees of each venue.

A venue's published filters are used where they are known. For other symbols tick and lot are the decimal grid on
which the data themselves lie (steps of 1, 0.1, 0.01, ...), which is how venues choose them; the market says so in a
warning. This reads all loaded bars: the grid is a rule of the venue, not a forecast, and no return depends on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from tradewind.flow import DataRefused, Instrument
from tradewind.market.costs import estimate_half_spreads
from tradewind.market.grids import decimal_step

# Traded sums hold a few amounts finer than the venue's lot (fees taken in kind, dust); orders may not use that grid.
_LOT_SHARE = 0.99


@dataclass(frozen=True, slots=True)
class Filters:
    """A symbol's published order filters, as exact decimals: price step, quantity step, smallest order value."""

    tick: str
    lot: str
    min_notional: str


@dataclass(frozen=True, slots=True)
class VenueRules:
    """Default fees of a venue (no discounts) and the filters known from its `exchangeInfo`."""

    maker_fee_bps: float
    taker_fee_bps: float
    min_notional: str
    filters: Mapping[str, Filters]


# Binance: spot 0.10 % both ways, USD-M 0.02 % / 0.05 %, COIN-M 0.01 % / 0.05 % (default tier, no BNB discount).
# Filters: GET /api/v3/exchangeInfo, PRICE_FILTER.tickSize, LOT_SIZE.stepSize, MIN_NOTIONAL.minNotional.
RULES: Mapping[str, VenueRules] = {
    "binance_spot": VenueRules(
        10.0,
        10.0,
        "10",
        {"BTCUSDT": Filters("0.01", "0.00001", "10"), "ETHUSDT": Filters("0.01", "0.0001", "10")},
    ),
    "binance_usdm": VenueRules(2.0, 5.0, "5", {"BTCUSDT": Filters("0.1", "0.001", "100")}),
    "binance_coinm": VenueRules(1.0, 5.0, "0", {}),
}


def build_instruments(
    bars: pl.DataFrame, venue: str, quote: str, window_days: int, *, costs_as_of_ns: int | None = None
) -> tuple[tuple[Instrument, ...], tuple[str, ...]]:
    """Instruments of every symbol in `bars`, sorted by symbol, and the symbols whose tick and lot were inferred.

    bars: columns ts_ns · symbol · open · high · low · close · volume. window_days, costs_as_of_ns: see
    `costs.estimate_half_spreads`.

    Raises:
        DataRefused: nothing is known of `venue`'s fees, or prices lie on no decimal grid.
    """
    rules = RULES.get(venue)
    if rules is None:
        raise DataRefused(
            f"no fees are known for venue {venue!r}", "instruments", f"use one of {', '.join(RULES)}, or add its rules"
        )
    filters: dict[str, Filters] = {}
    inferred: list[str] = []
    for (symbol,), rows in sorted(bars.partition_by("symbol", as_dict=True).items()):
        known = rules.filters.get(str(symbol))
        if known is None:
            prices = rows.select("open", "high", "low", "close").to_numpy().ravel()
            known = Filters(
                decimal_step(prices),
                decimal_step(rows["volume"].to_numpy(), _LOT_SHARE),
                rules.min_notional,
            )
            inferred.append(str(symbol))
        filters[str(symbol)] = known
    spreads = estimate_half_spreads(bars, window_days, as_of_ns=costs_as_of_ns)
    made = tuple(
        Instrument(
            venue=venue,
            symbol=symbol,
            base=symbol.removesuffix(quote),
            quote=quote,
            tick=known.tick,
            lot=known.lot,
            min_notional=known.min_notional,
            maker_fee_bps=rules.maker_fee_bps,
            taker_fee_bps=rules.taker_fee_bps,
            half_spread_bps=spreads[symbol],
        )
        for symbol, known in filters.items()
    )
    return made, tuple(inferred)

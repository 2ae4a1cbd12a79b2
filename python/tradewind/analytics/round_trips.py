"""Trades as round trips: what a symbol's fills add up to between two moments of being flat.

A trip opens with the fill that takes a flat symbol long or short and closes with the fill that takes it back to flat;
a fill through zero is split, its fee shared by quantity. Between, any number of fills may add or reduce, and entry and
exit prices are averages over quantity (so the result does not depend on which lot is said to be sold). A symbol counts
as flat when at most 1 % of the trip's largest quantity is left: what lot rounding or a base-asset fee leaves behind is
valued at the closing price and carried into the next trip at that price. A fee charged in the base asset reduces the
quantity received; it is counted once, at its worth in quote. A trip still open at the end is valued at the last mark.

Columns of the frame: symbol · direction long|short · state closed|open · entry_ns · exit_ns (last mark if open) ·
holding_ns · entry_price · exit_price (the mark if open) · quantity (largest held) · entry_value (all entries, quote) ·
traded_value · gross_pnl (before fees) · fees · net_pnl · return_pct (net over entry_value) · fills · mae_pct · mfe_pct
(worst and best price seen while open against the entry price, signed for the direction: <= 0 and >= 0).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from tradewind.analytics.daily import FloatArray, IntArray
from tradewind.flow import Executions

FLAT_SHARE = 0.01

TRIP_SCHEMA: dict[str, type[pl.DataType]] = {
    "symbol": pl.String,
    "direction": pl.String,
    "state": pl.String,
    "entry_ns": pl.Int64,
    "exit_ns": pl.Int64,
    "holding_ns": pl.Int64,
    "entry_price": pl.Float64,
    "exit_price": pl.Float64,
    "quantity": pl.Float64,
    "entry_value": pl.Float64,
    "traded_value": pl.Float64,
    "gross_pnl": pl.Float64,
    "fees": pl.Float64,
    "net_pnl": pl.Float64,
    "return_pct": pl.Float64,
    "fills": pl.Int64,
    "mae_pct": pl.Float64,
    "mfe_pct": pl.Float64,
}


@dataclass(frozen=True, slots=True)
class Marks:
    """A symbol's marks in time order."""

    ts_ns: IntArray
    price: FloatArray


@dataclass(slots=True)
class _Trip:
    """One trip while it is walked. held: signed quantity; cash: money paid and received, carried dust included."""

    held: float = 0.0
    cash: float = 0.0
    direction: float = 0.0
    entry_ns: int = 0
    last_ns: int = 0
    last_price: float = 0.0
    largest: float = 0.0
    entry_quantity: float = 0.0
    entry_value: float = 0.0
    exit_quantity: float = 0.0
    exit_value: float = 0.0
    fees: float = 0.0
    base_fees: float = 0.0
    fills: int = 0
    low: float = np.inf
    high: float = 0.0

    @property
    def is_flat(self) -> bool:
        return self.exit_quantity > 0.0 and abs(self.held) <= FLAT_SHARE * self.largest


@dataclass(frozen=True, slots=True)
class _Part:
    """What of a fill belongs to one trip: signed change of quantity, fee in quote, base quantity of the fee."""

    ts_ns: int
    price: float
    change: float
    fee: float
    base_fee: float


def marks_by_symbol(positions: pl.DataFrame) -> dict[str, Marks]:
    """Marks of each symbol from Executions.positions."""
    parts = positions.sort("symbol", "ts_ns").partition_by("symbol", as_dict=True, maintain_order=True)
    return {
        str(symbol): Marks(own["ts_ns"].to_numpy().astype(np.int64), own["mark"].to_numpy().astype(np.float64))
        for (symbol,), own in parts.items()
    }


def start_inventory(executions: Executions) -> pl.DataFrame:
    """What was held when the run started, before any fill: symbol · quantity · revaluation.

    revaluation: quantity × (last mark − first mark), in quote: the part of the change in equity that no trade made.
    """
    start_ns = int(executions.equity["ts_ns"][0]) if executions.equity.height else 0
    traded = executions.fills.filter(pl.col("ts_ns") <= start_ns).height > 0
    held = executions.positions.filter((pl.col("ts_ns") == start_ns) & (not traded))
    last = executions.positions.group_by("symbol", maintain_order=True).agg(pl.col("mark").last().alias("last_mark"))
    return held.join(last, on="symbol").select(
        "symbol", "quantity", revaluation=pl.col("quantity") * (pl.col("last_mark") - pl.col("mark"))
    )


def base_fee_quantity() -> pl.Expr:
    """Base quantity each fill gives up as its fee: fee / price where the fee asset is the symbol's base, else 0."""
    asset = pl.col("fee_asset")
    is_base = (asset.str.len_chars() > 0) & pl.col("symbol").str.starts_with(asset)
    return pl.when(is_base).then(pl.col("fee") / pl.col("price")).otherwise(0.0)


def round_trips(fills: pl.DataFrame, marks: Mapping[str, Marks]) -> pl.DataFrame:
    """Round trips of all symbols, ordered by (entry_ns, symbol).

    fills: Executions.fills in the order they happened. marks: per symbol, for excursions and for trips still open;
    without them excursions come from the trip's own fills and an open trip is valued at its last fill.
    """
    rows: list[dict[str, object]] = []
    walked = fills.with_columns(base_fee=base_fee_quantity()).sort("ts_ns", maintain_order=True)
    for (symbol,), own in walked.partition_by("symbol", as_dict=True, maintain_order=True).items():
        rows.extend(_walk(str(symbol), own, marks.get(str(symbol))))
    return pl.DataFrame(rows, schema=TRIP_SCHEMA, orient="row").sort("entry_ns", "symbol", maintain_order=True)


def _walk(symbol: str, fills: pl.DataFrame, marks: Marks | None) -> list[dict[str, object]]:
    """All trips of one symbol, the last one open if it is."""
    rows: list[dict[str, object]] = []
    trip = _Trip()
    columns = ("ts_ns", "side", "price", "quantity", "fee", "base_fee")
    for ts_ns, side, price, quantity, fee, base_fee in fills.select(columns).iter_rows():
        change = quantity if side == "buy" else -quantity
        through_zero = trip.fills > 0 and trip.held * change < 0.0 and abs(change) > abs(trip.held) * (1.0 + 1e-12)
        parts = (-trip.held, change + trip.held) if through_zero else (change,)
        for part in parts:
            share = part / change
            _apply(trip, _Part(ts_ns, price, part, fee * share, base_fee * share))
            if trip.is_flat:
                rows.append({"symbol": symbol, "state": "closed", **_record(trip, ts_ns, price, marks)})
                trip = _Trip(held=trip.held, cash=-trip.held * price)
    if trip.fills > 0:
        end_ns, mark = _last_mark(marks, trip)
        rows.append({"symbol": symbol, "state": "open", **_record(trip, end_ns, mark, marks), "exit_price": mark})
    return rows


def _apply(trip: _Trip, part: _Part) -> None:
    """Add one signed change of quantity at a price to the trip; the first one opens it."""
    change, price = part.change, part.price
    if trip.fills == 0:
        trip.direction, trip.entry_ns = float(np.sign(change)), part.ts_ns
    trip.fills += 1
    trip.held += change - part.base_fee
    trip.cash -= change * price
    trip.fees += part.fee
    trip.base_fees += part.base_fee * price
    if change * trip.direction > 0.0:
        trip.entry_quantity += abs(change)
        trip.entry_value += abs(change) * price
    else:
        trip.exit_quantity += abs(change)
        trip.exit_value += abs(change) * price
    trip.largest = max(trip.largest, abs(trip.held))
    trip.low, trip.high = min(trip.low, price), max(trip.high, price)
    trip.last_ns, trip.last_price = part.ts_ns, price


def _last_mark(marks: Marks | None, trip: _Trip) -> tuple[int, float]:
    if marks is None or len(marks.ts_ns) == 0 or int(marks.ts_ns[-1]) < trip.last_ns:
        return trip.last_ns, trip.last_price
    return int(marks.ts_ns[-1]), float(marks.price[-1])


def _record(trip: _Trip, end_ns: int, end_price: float, marks: Marks | None) -> dict[str, object]:
    """The record of a trip that ends (or is valued) at `end_price`."""
    entry_price = trip.entry_value / trip.entry_quantity
    gross = trip.cash + trip.held * end_price + trip.base_fees
    low, high = _extremes(trip, end_ns, end_price, marks)
    moves = (trip.direction * (low / entry_price - 1.0), trip.direction * (high / entry_price - 1.0))
    return {
        "direction": "long" if trip.direction > 0.0 else "short",
        "entry_ns": trip.entry_ns,
        "exit_ns": end_ns,
        "holding_ns": end_ns - trip.entry_ns,
        "entry_price": entry_price,
        "exit_price": trip.exit_value / trip.exit_quantity if trip.exit_quantity > 0.0 else end_price,
        "quantity": trip.largest,
        "entry_value": trip.entry_value,
        "traded_value": trip.entry_value + trip.exit_value,
        "gross_pnl": gross,
        "fees": trip.fees,
        "net_pnl": gross - trip.fees,
        "return_pct": 100.0 * (gross - trip.fees) / trip.entry_value,
        "fills": trip.fills,
        "mae_pct": 100.0 * min(0.0, *moves),
        "mfe_pct": 100.0 * max(0.0, *moves),
    }


def _extremes(trip: _Trip, end_ns: int, end_price: float, marks: Marks | None) -> tuple[float, float]:
    """Lowest and highest price seen from entry to end: the marks in between and the trip's own fills."""
    low, high = min(trip.low, end_price), max(trip.high, end_price)
    if marks is None:
        return low, high
    first, last = np.searchsorted(marks.ts_ns, (trip.entry_ns, end_ns), side="right")
    held = marks.price[first:last]
    return (min(low, float(held.min())), max(high, float(held.max()))) if len(held) else (low, high)

"""What a market-data file is, told from its columns: the one place that knows the columns of each kind.

Files are recognised by columns, never by folder, so that a file can be checked wherever it lies. The one exception is
mark-price candles: they are bars without a volume, and a bar file that lost its volume must not pass for one, so they
are recognised only where the file name says `mark`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from tradewind.flow import DataRefused

Kind = Literal["bars", "mark", "depth", "trades", "quotes", "orders", "funding", "other"]
Meaning = Literal["stamp", "integer", "number", "text", "flag", "id"]

_ALLOWED: Mapping[Meaning, tuple[type[pl.DataType], ...]] = {
    "stamp": (pl.Int64,),
    "integer": (pl.Int64, pl.Int32),
    "number": (pl.Float64,),
    "text": (pl.String, pl.Categorical, pl.Enum),
    "flag": (pl.Boolean,),
    "id": (pl.Int64, pl.String),
}


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns of one kind of file.

    required: column → meaning. optional: columns that, when present, must have this meaning. nullable: columns that may
    hold nulls. distinctive: the columns that give the kind away. stamps: the columns that can order rows, best first.
    """

    kind: Kind
    required: Mapping[str, Meaning]
    distinctive: frozenset[str]
    stamps: tuple[str, ...]
    optional: Mapping[str, Meaning]
    nullable: frozenset[str]

    def stamp_column(self, columns: list[str]) -> str:
        """The column rows are ordered by."""
        return next(c for c in self.stamps if c in columns)

    def market_columns(self, columns: list[str]) -> list[str]:
        """Columns that name one market; `contract` splits the symbol in files that mix spot and perpetuals."""
        return [c for c in ("venue", "symbol", "contract") if c in columns]


_NAMED: Mapping[str, Meaning] = {"venue": "text", "symbol": "text"}
_CANDLE: Mapping[str, Meaning] = {"open": "number", "high": "number", "low": "number", "close": "number"}
_LEVEL: Mapping[str, Meaning] = {"side": "text", "price": "number", "size": "number"}

LAYOUTS: tuple[Layout, ...] = (
    Layout(
        "depth",
        {**_NAMED, "recv_ns": "stamp", "msg": "integer", "is_snapshot": "flag", **_LEVEL, "last_id": "integer"},
        frozenset({"is_snapshot", "msg", "last_id", "side", "price", "size"}),
        ("recv_ns",),
        {"ts_ns": "stamp", "first_id": "integer", "prev_id": "integer"},
        frozenset({"ts_ns", "first_id", "last_id", "prev_id"}),
    ),
    Layout(
        "quotes",
        {
            **_NAMED,
            "recv_ns": "stamp",
            "bid_px": "number",
            "bid_sz": "number",
            "ask_px": "number",
            "ask_sz": "number",
        },
        frozenset({"bid_px", "bid_sz", "ask_px", "ask_sz"}),
        ("recv_ns",),
        {"ts_ns": "stamp", "update_id": "integer"},
        frozenset({"ts_ns", "update_id", "bid_sz", "ask_sz"}),
    ),
    Layout(
        "orders",
        {**_NAMED, "recv_ns": "stamp", "action": "text", "order_id": "id", **_LEVEL},
        frozenset({"action", "order_id", "side", "price", "size"}),
        ("recv_ns",),
        {"ts_ns": "stamp"},
        frozenset({"ts_ns"}),
    ),
    Layout(
        "trades",
        {**_NAMED, "trade_id": "id", "price": "number", "size": "number"},
        frozenset({"trade_id", "price", "size", "side"}),
        ("recv_ns", "ts_ns"),
        {"recv_ns": "stamp", "ts_ns": "stamp", "event_ns": "stamp", "side": "text"},
        frozenset({"ts_ns", "event_ns", "side"}),
    ),
    Layout(
        "bars",
        {"ts_ns": "stamp", **_NAMED, **_CANDLE, "volume": "number"},
        frozenset({*_CANDLE, "volume"}),
        ("ts_ns",),
        {},
        frozenset(),
    ),
    Layout(
        "funding",
        {"ts_ns": "stamp", **_NAMED, "funding_rate": "number"},
        frozenset({"funding_rate"}),
        ("ts_ns",),
        {},
        frozenset(),
    ),
)
MARK = Layout("mark", {"ts_ns": "stamp", **_NAMED, **_CANDLE}, frozenset(_CANDLE), ("ts_ns",), {}, frozenset())

# Columns of ticker snapshots: they carry a funding rate, but a forecast of it, several times a second.
_TICKER = frozenset({"last", "mark", "index"})
_RESEMBLES = 0.6


def recognise(columns: list[str], path: Path) -> Layout | None:
    """The layout of a file with these columns, or None where it resembles no kind.

    A file that has most of a kind's distinctive columns but not all it requires is still that kind: `require` then
    says what is missing.
    """
    present = set(columns)
    if present >= set(_CANDLE) and "volume" not in present and "mark" in path.stem.split("_"):
        return MARK
    if present >= _TICKER:
        return None
    for layout in LAYOUTS:
        if present >= set(layout.required) and present & set(layout.stamps):
            return layout
    best = max(LAYOUTS, key=lambda layout: _likeness(layout, present))
    return best if _likeness(best, present) > _RESEMBLES else None


def _likeness(layout: Layout, present: set[str]) -> float:
    return len(layout.distinctive & present) / len(layout.distinctive)


def require(schema: Mapping[str, pl.DataType], layout: Layout, path: Path) -> None:
    """Refuse a file whose columns are missing or of the wrong type for `layout`.

    Raises:
        DataRefused: names each missing or mistyped column and what was found.
    """
    missing = [c for c in layout.required if c not in schema]
    if not missing and not set(layout.stamps) & set(schema):
        missing = [" or ".join(layout.stamps)]
    if missing:
        extra = sorted(set(schema) - set(layout.required) - set(layout.optional))
        found = f"; it has {', '.join(extra)} instead" if extra else ""
        raise DataRefused(
            f"wrong columns: a file of {layout.kind} must have {', '.join(missing)}{found}",
            str(path),
            f"rename or add the column; {layout.kind} needs: {', '.join(layout.required)}",
        )
    for column, meaning in (*layout.required.items(), *layout.optional.items()):
        if column in schema and not isinstance(schema[column], _ALLOWED[meaning]):
            wanted = " or ".join(t.__name__ for t in _ALLOWED[meaning])
            raise DataRefused(
                f"wrong type: column {column} is {schema[column]}, but must be {wanted}",
                f"{path}, column {column}",
                f"cast {column} to {wanted} before writing the file; times are UTC nanoseconds since 1970",
            )

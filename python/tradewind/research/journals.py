"""A journal for people: its entries line by line, and its orders, fills, refusals and postings as Parquet files.

Entries come from the core as JSON. What exists (assets, instruments, accounts, books) is read off the journal itself,
so that ids become names, ticks become prices and lots become quantities, all exact.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from tradewind import _native
from tradewind.flow import DataRefused

TABLES = ("orders", "fills", "refusals", "postings")
"""What `export` writes, one file each."""

Entry = dict[str, Any]
"""`seq`, `kind`, `what`, and of an input `at_ns`, as the core writes them."""

_TIMES = frozenset({"at", "due", "since", "until", "valid_until", "ts_venue", "start", "end"})
_PRICES = frozenset({"price", "asked_price"})
_QUANTITIES = frozenset({"qty", "max_order_qty", "max_position"})
_NAMES_ASSETS = frozenset({"base", "quote", "settle"})
"""Together, in an instrument's terms, these are assets; `base` alone is an amount of it."""
_NEVER = 2**63 - 1


def is_node(path: Path) -> bool:
    """Whether a path is a node's folder: a journal, and market data beside it."""
    return (path / "journal").is_dir() and (path / "market").is_dir()


def journal_in(path: Path) -> Path:
    """The journal of a node's folder; any other path is one itself."""
    return path / "journal" if is_node(path) else path


@dataclass
class Names:
    """What the journal has defined so far, and which instrument each order is for."""

    assets: dict[int, tuple[str, int]] = field(default_factory=dict)
    """Id → symbol, scale."""
    instruments: dict[int, dict[str, Any]] = field(default_factory=dict)
    accounts: dict[int, str] = field(default_factory=dict)
    books: dict[int, str] = field(default_factory=dict)
    orders: dict[str, int] = field(default_factory=dict)

    def learn(self, entry: Entry) -> None:
        """Takes note of a definition or of an order that was sent."""
        if entry["kind"] != "outcome" or not isinstance(entry["what"], dict):
            return
        (name, said), *_ = entry["what"].items()
        if name == "OrderSent":
            self.orders[order_text(said["order"])] = said["terms"]["instrument"]
        elif name == "Defined":
            (noun, facts), *_ = said.items()
            if noun == "Asset":
                self.assets[facts["id"]] = (facts["symbol"], facts["scale"])
            elif noun == "Instrument":
                self.instruments[facts["id"]] = facts
            elif noun == "Account":
                self.accounts[facts["id"]] = facts["name"]
            elif noun == "Book":
                self.books[facts["book"]] = facts["name"]

    def called(self, noun: str, number: int) -> str:
        """The name of an account, book, instrument or asset; the number where it has none."""
        if noun == "instrument":
            return str(self.instruments.get(number, {}).get("symbol", number))
        if noun == "asset" or noun in _NAMES_ASSETS:
            return self.assets.get(number, (str(number), 0))[0]
        named = {"account": self.accounts, "book": self.books}.get(noun, {})
        return named.get(number, str(number))

    def scaled(self, instrument: int | None, unit: str, count: int) -> str:
        """Ticks as a price (`unit` tick), lots as a quantity (`unit` lot); the count for an unknown instrument."""
        terms = self.instruments.get(-1 if instrument is None else instrument)
        if terms is None:
            return f"{count} {unit}s"
        step = terms[unit]
        return f"{Decimal(count) * Decimal(step['mantissa']).scaleb(-step['scale']):f}"


def entries(
    path: Path,
    *,
    kinds: Sequence[str] = (),
    order: str | None = None,
    from_seq: int = 0,
    limit: int | None = None,
    names: Names | None = None,
) -> Iterator[Entry]:
    """The entries of a journal, file or folder, in order.

    kinds: of the entry (input, outcome, market, segment, state, end) or of what it says (Filled, OrderSent, Decision,
        …), in any case; none means all. order: only what names this order, as 1-1-42. from_seq: from this input number
        on. limit: at most so many. names: learns what the journal defines on the way, if given.

    Raises:
        DataRefused: the path is no journal, or the journal is damaged.
    """
    wanted = {kind.lower() for kind in kinds}
    found = 0
    try:
        for lines in _native.JournalLines(journal_in(path), from_seq):
            for entry in map(json.loads, lines):
                if names is not None:
                    names.learn(entry)
                if entry["seq"] < from_seq or (wanted and not wanted & kinds_of(entry)):
                    continue
                if order is not None and not _mentions(entry["what"], order):
                    continue
                if found == limit:
                    return
                found += 1
                yield entry
    except (ValueError, OSError) as error:
        raise DataRefused(str(error), str(path), "take the journal from a copy") from error


def kinds_of(entry: Entry) -> set[str]:
    """What an entry answers to: its kind, and the names of what it says from the outside in."""
    kinds, what = {entry["kind"].lower()}, entry["what"]
    while True:
        name, what = _variant(what)
        if name is None:
            return kinds
        kinds.add(name.lower())


def order_text(order: dict[str, int]) -> str:
    """An order id as people write it: node-epoch-counter."""
    return f"{order['node']}-{order['epoch']}-{order['counter']}"


def describe(entry: Entry, names: Names) -> str:
    """One line for people: number, time, kind, and what it says with names, prices and quantities."""
    what, path = entry["what"], []
    while True:
        name, inner = _variant(what)
        if name is None:
            break
        path.append(name)
        what = inner
    at_ns = entry.get("at_ns")
    if at_ns is None and isinstance(what, dict):
        at_ns = what.get("at")
    shown = {key: value for key, value in what.items() if key != "at"} if isinstance(what, dict) else what
    text = "" if shown is None else _render("", shown, _instrument(shown, names, None), names)
    time = "" if at_ns is None else _time(at_ns)
    return f"{entry['seq']:>9}  {time:<29}  {entry['kind']:<7}  {' '.join(path)} {text}".rstrip()


def export(path: Path, folder: Path) -> dict[str, tuple[Path, int]]:
    """Writes `TABLES` of a whole journal as Parquet files into a folder; gives each file's path and number of rows.

    Prices, quantities and amounts are there twice: as exact integers (ticks, lots, units) and as numbers. The postings
    of each input sum to zero per asset, and all of them together are the ledger.

    Raises:
        DataRefused: the path is no journal, the journal is damaged, or it does not begin at the beginning.
    """
    try:
        tables = _native.journal_tables(journal_in(path))
    except (ValueError, OSError) as error:
        raise DataRefused(str(error), str(path), "take the whole journal from a copy") from error
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for name in TABLES:
        frame = pl.DataFrame(tables[name])
        file = folder / f"{name}.parquet"
        frame.write_parquet(file)
        written[name] = (file, frame.height)
    return written


def _variant(value: object) -> tuple[str | None, object]:
    """A variant's name and what is in it; None for anything else."""
    if isinstance(value, dict) and len(value) == 1:
        ((name, inner),) = value.items()
        if name[:1].isupper():
            return name, inner
    return None, value


def _mentions(value: object, order: str) -> bool:
    if isinstance(value, dict):
        if value.keys() == {"node", "epoch", "counter"}:
            return order_text(value) == order
        return any(_mentions(inner, order) for inner in value.values())
    return isinstance(value, list) and any(_mentions(inner, order) for inner in value)


def _instrument(value: object, names: Names, known: int | None) -> int | None:
    """The instrument that prices and quantities in a value are of."""
    if not isinstance(value, dict):
        return known
    if isinstance(value.get("instrument"), int):
        return int(value["instrument"])
    if isinstance(value.get("order"), dict):
        return names.orders.get(order_text(value["order"]), known)
    inner = (_instrument(part, names, None) for part in value.values())
    return next((found for found in inner if found is not None), known)


def _time(at_ns: int) -> str:
    if at_ns == _NEVER:
        return "never"
    seconds, rest = divmod(at_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}.{rest:09d}"


def _render(key: str, value: object, instrument: int | None, names: Names) -> str:
    if isinstance(value, dict):
        text = _render_dict(value, _instrument(value, names, instrument), names)
        return f"({text})" if key and "=" in text and not text.endswith(")") else text
    if isinstance(value, list):
        return f"[{', '.join(_render(key, inner, instrument, names) for inner in value)}]"
    if isinstance(value, int) and not isinstance(value, bool):
        return _render_int(key, value, instrument, names)
    return "none" if value is None else str(value)


def _render_dict(value: dict[str, Any], instrument: int | None, names: Names) -> str:
    if value.keys() == {"node", "epoch", "counter"}:
        return order_text(value)
    if value.keys() == {"mantissa", "scale"}:
        return f"{Decimal(value['mantissa']).scaleb(-value['scale']):f}"
    if value.keys() == {"asset", "amount"}:
        symbol, scale = names.assets.get(value["asset"], (f"asset {value['asset']}", 0))
        return f"{Decimal(value['amount']).scaleb(-scale):f} {symbol}"
    name, inner = _variant(value)
    if name is not None:
        text = _render(name.lower(), inner, instrument, names)
        return f"{name}{text}" if text.startswith("(") else f"{name}({text})"
    if not value.keys() >= _NAMES_ASSETS:
        value = {f"{key}_units" if key in _NAMES_ASSETS else key: inner for key, inner in value.items()}
    said = ((key, inner) for key, inner in value.items() if inner is not None)
    return " ".join(f"{key}={_render(key, inner, instrument, names)}" for key, inner in said)


def _render_int(key: str, value: int, instrument: int | None, names: Names) -> str:
    if key in _TIMES:
        return _time(value)
    if key in _PRICES:
        return names.scaled(instrument, "tick", value)
    if key in _QUANTITIES:
        return names.scaled(instrument, "lot", value)
    return names.called(key, value)

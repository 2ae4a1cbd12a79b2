"""The rows as people read them: what each includes, at which commit level, and its ratio to the yardstick."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import yardstick
from measurement import Measurement, NotRun


@dataclass(frozen=True, slots=True)
class Meaning:
    """How a row is shown: title, the units its figures are per, commit level, what it includes, its yardstick."""

    title: str
    units: tuple[str, ...]
    level: str
    includes: str
    yardstick: str | None = None


_CHANGE = (
    "decoded messages through L2Book::apply: sequence check, snapshots, ladder update, crossed check. "
    "Rejects: messages not applied"
)
_LIFE = (
    "three steps an order: decision to place (size, value, collar, reference age, position, rate, halts; reservation; "
    "command), accepted, filled whole (position, double-entry ledger, fee). 1 k other orders live"
)
_MIX = (
    "the mix through the engine (the same limits in each of 256 books), into the matching book as the venue, every "
    "reply back through the engine; both sides of a match are ours, so fills count twice. 1 k orders live"
)
_CHAINED = ": encoded, CRC each, BLAKE3 chain per 64 KiB block"
_RECORDED = "; every input and outcome recorded" + _CHAINED
_RECORDS = "the records of the order lives, half inputs, half outcomes"

MEANINGS: Mapping[str, Meaning] = {
    "book_level_change_recorded": Meaning("book, recorded BTCUSDT USD-M depth", ("change", "message"), "-", _CHANGE),
    "book_level_change_generated": Meaning("book, generated depth", ("change", "message"), "-", _CHANGE),
    yardstick.BOOK: Meaning(
        "YARDSTICK matching, 48/42/10, 1 k live",
        ("op",),
        "-",
        "fastbook.rs, compiled for this processor, pinned by itself",
    ),
    "matching_mix_1k_live": Meaning(
        "matching, 48/42/10, 1 k live",
        ("op",),
        "-",
        "MatchingBook place, cancel, match, with order terms checked and executions handed out; commands prepared "
        "beforehand; cancels hit live orders but for 1 in 20 of those that lost the race",
        yardstick.BOOK,
    ),
    "order_life": Meaning("engine: place, accept, fill", ("order", "step"), "-", _LIFE),
    "order_life_journaled": Meaning(
        "engine: place, accept, fill, journaled", ("order", "step", "record"), "memory", _LIFE + _RECORDED
    ),
    yardstick.PATH: Meaning(
        "YARDSTICK order path, mix, journaled",
        ("op",),
        "memory",
        "fastbook.rs: the mix, 6 risk checks, position, one raw 64 B row without checksum per operation",
    ),
    "order_path_mix": Meaning("order path, mix", ("op", "step"), "-", _MIX),
    "order_path_mix_journaled": Meaning(
        "order path, mix, journaled", ("op", "step"), "memory", _MIX + _RECORDED, yardstick.PATH
    ),
    "journal_append_memory": Meaning("journal append", ("record",), "memory", _RECORDS + _CHAINED),
    "journal_append_process": Meaning(
        "journal append, write() per 64 KiB", ("record",), "process", _RECORDS + ", into a file"
    ),
    "journal_commit_process": Meaning(
        "journal append, commit per record", ("record",), "process", "one block, one hash, one write() per record"
    ),
    "journal_commit_disk": Meaning(
        "journal append, fdatasync per record", ("record",), "disk", "the same and fdatasync, in the temporary folder"
    ),
    "journal_verify": Meaning(
        "journal read and verify", ("record",), "memory", "from memory; chain and CRC proven, every record decoded"
    ),
    "journal_recover": Meaning(
        "recovery: read, verify, apply",
        ("record",),
        "memory",
        "as above; outcomes applied to an empty engine; state hash",
    ),
    "simulation_quoting_rust": Meaning(
        "simulation L2, quoting, Rust algo",
        ("event", "recorded row"),
        "memory",
        "feed and order latency, queue model, limits, journal, tape, equity every second; looks every 100 ms. A "
        "recorded row is a level change or a trade; the venue's book and ours both apply it",
    ),
    "simulation_quoting_python": Meaning(
        "simulation L2, quoting, Python", ("event", "wake"), "memory", "the same rule in Python, woken every 100 ms"
    ),
    "simulation_watcher_python": Meaning(
        "simulation L2, Python woken by all", ("wake",), "memory", "each event wakes it; it reads touch and own orders"
    ),
    "simulation_portfolio_bars": Meaning(
        "simulation, portfolio on hourly bars",
        ("event",),
        "memory",
        "a TWAP of four slices per coin and day; fees, spread, impact, limits, journal, tape, equity every bar",
    ),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One figure. ns: best round of all; ns_median: median go; ratio: best over the yardstick's best (1 is equal)."""

    name: str
    title: str
    unit: str
    ns: float
    ns_median: float | None
    per_second: float
    rejects: int | None
    fills: int | None
    state_hash: str | None
    commit_level: str
    includes: str
    ratio: float | None


def lines(measurements: Sequence[Measurement]) -> list[Line]:
    """The figures of all rows, in the order of MEANINGS, one per unit."""
    by_name = {m.name: m for m in measurements}
    out = []
    for name, meaning in MEANINGS.items():
        row = by_name.get(name)
        if row is None:
            continue
        beside = by_name.get(meaning.yardstick) if meaning.yardstick else None
        for unit in meaning.units:
            best = row.best(unit)
            ratio = best / beside.best(unit) if beside is not None and unit in beside.ops else None
            out.append(
                Line(name, meaning.title, unit, best, row.median(unit), 1e9 / best, row.rejects, row.fills, row.hash,
                     meaning.level, meaning.includes, ratio)
            )  # fmt: skip
    return out


def as_json(figures: Sequence[Line]) -> list[dict[str, object]]:
    """The figures as plain data, rounded to what was measured."""
    rounded = {"ns": 2, "ns_median": 2, "per_second": 0, "ratio": 2}
    rows = [asdict(line) for line in figures]
    return [{k: round(v, rounded[k]) if k in rounded and v is not None else v for k, v in row.items()} for row in rows]


_COLUMNS = ("best", "median", "per second", "rejects", "fills", "state hash", "level", "x yard")
_WIDTHS = (9, 9, 12, 8, 10, 10, 8, 7)


def text(figures: Sequence[Line], missing: Sequence[NotRun]) -> str:
    """The table, then what each row includes."""
    head = _row("", "per", _COLUMNS)
    out = [head, "-" * len(head)]
    before = ""
    for line in figures:
        first, before = line.name != before, line.name
        evidence = (_count(line.rejects), _count(line.fills), (line.state_hash or "-")[:10], line.commit_level)
        ratio = "" if line.ratio is None else f"{line.ratio:.1f}"
        cells = (
            _ns(line.ns),
            _ns(line.ns_median),
            f"{line.per_second:,.0f}",
            *(evidence if first else [""] * 4),
            ratio,
        )
        out.append(_row(line.title if first else "", line.unit, cells))
    out += [f"not run: {row.name}: {row.reason}" for row in missing]
    described = {line.name: line for line in figures}.values()
    out += [
        "",
        "What each row includes (best: best round of all; median: median turn; x yard: best over the yardstick's best)",
    ]
    return "\n".join(out + [f"- {line.title} ({line.commit_level}): {line.includes}." for line in described])


def _row(title: str, unit: str, cells: Sequence[str]) -> str:
    figures = " ".join(f"{c:>{w}}" for c, w in zip(cells, _WIDTHS, strict=True))
    return f"{title:<40}{unit:<13}{figures}".rstrip()


def _count(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"


def _ns(ns: float | None) -> str:
    if ns is None:
        return "-"
    if ns < 1_000:
        return f"{ns:.1f} ns"
    return f"{ns / 1e3:.2f} us" if ns < 1_000_000 else f"{ns / 1e6:.2f} ms"

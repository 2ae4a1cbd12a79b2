"""The page that says which client can do what at which emulated venue, made by the test run.

Each judge is a test file of one client at one venue, each of its tests one cell. The page is the store: a run that writes
(`make judges`) replaces the cells it has judged, any other run fails where the page says something else than what it saw.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

GREEN = "✓"
RED = "✗"
NOT_JUDGED = "·"

HEAD = """# What other people's clients can do here

Every cell is a test in `tests/judges`: an operation at an emulated venue through a client that others wrote, unchanged
but for its addresses, with the values it returned checked. ✓ it works; ✗ it does not, the reason is below the table;
· the client has no such operation, or nobody asked it. `make judges` writes this page; `make test` fails where it is
out of date.
"""


@dataclass(frozen=True, order=True)
class Cell:
    """One operation by one client at one venue; `reason` says why it does not work, empty where it does."""

    venue: str
    operation: str
    client: str
    reason: str = ""


def render(cells: Iterable[Cell]) -> str:
    """The page."""
    cells = sorted(set(cells))
    sections = [_section(venue, [c for c in cells if c.venue == venue]) for venue in sorted({c.venue for c in cells})]
    return "\n".join([HEAD, *sections])


def _section(venue: str, cells: list[Cell]) -> str:
    clients = sorted({c.client for c in cells})
    seen = {(c.operation, c.client): c for c in cells}
    lines = [f"## {venue}", "", "| operation | " + " | ".join(clients) + " |", "|---" * (len(clients) + 1) + "|"]
    for operation in sorted({c.operation for c in cells}):
        marks = (_mark(seen.get((operation, client))) for client in clients)
        lines.append(f"| {operation} | " + " | ".join(marks) + " |")
    reasons = [f"- {c.operation}, {c.client}: {c.reason}" for c in cells if c.reason]
    return "\n".join([*lines, "", *reasons, *([""] if reasons else [])])


def _mark(cell: Cell | None) -> str:
    if cell is None:
        return NOT_JUDGED
    return RED if cell.reason else GREEN


def read(page: str) -> list[Cell]:
    """The cells of a page."""
    venue, clients, marks, reasons = "", [], [], {}
    for line in page.splitlines():
        if line.startswith("## "):
            venue = line.removeprefix("## ")
        elif line.startswith("| operation |"):
            clients = _row(line)[1:]
        elif line.startswith("| "):
            operation, *found = _row(line)
            marks += [(venue, operation, c, mark) for c, mark in zip(clients, found, strict=True) if mark != NOT_JUDGED]
        elif line.startswith("- "):
            who, _, reason = line.removeprefix("- ").partition(": ")
            operation, _, client = who.rpartition(", ")
            reasons[venue, operation, client] = reason
    return [Cell(*key, reason=reasons.get(tuple(key), "")) for *key, _ in marks]


def _row(line: str) -> list[str]:
    return [part.strip() for part in line.strip("|\n ").split("|")]


def differences(page: str, judged: Iterable[Cell]) -> list[str]:
    """What the page says otherwise than these cells, of the same client at the same venue."""
    judged = set(judged)
    whose = {(c.venue, c.client) for c in judged}
    written = {c for c in read(page) if (c.venue, c.client) in whose}
    return [f"seen, but not on the page: {c}" for c in sorted(judged - written)] + [
        f"on the page, but not seen: {c}" for c in sorted(written - judged)
    ]


def write(path: Path, judged: Iterable[Cell]) -> None:
    """Replaces on the page what these clients did at these venues; several test processes may do so at once."""
    judged = list(judged)
    whose = {(c.venue, c.client) for c in judged}
    with path.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        others = [c for c in read(file.read()) if (c.venue, c.client) not in whose]
        file.seek(0)
        file.truncate()
        file.write(render([*others, *judged]))

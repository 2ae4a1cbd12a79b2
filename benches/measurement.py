"""What a benchmark row is: how long the work took, how much of it there was, and the evidence that it was done."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, replace


class BenchFailed(Exception):
    """A figure that could not be trusted or not be taken: what happened, and how to go on."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One kind of work, measured in one or more goes.

    ops: units of work in one round. best_ns, median_ns: elapsed time of a round, one entry per go (empty medians where
    only a best is known). rejects, fills: counts in one round (fills None where nothing can trade). hash: digest of the
    state that a round leaves, None where the peer gives none.
    """

    name: str
    ops: Mapping[str, int]
    best_ns: tuple[float, ...]
    median_ns: tuple[float, ...]
    rejects: int | None
    fills: int | None
    hash: str | None

    @classmethod
    def of_rounds(
        cls, name: str, ops: Mapping[str, int], elapsed_ns: list[int], rejects: int, fills: int | None, digest: str
    ) -> Measurement:
        """A measurement from the elapsed times of the rounds of one go, ns."""
        best, median = float(min(elapsed_ns)), float(statistics.median(elapsed_ns))
        return cls(name, ops, (best,), (median,), rejects, fills, digest)

    def with_another_go(self, other: Measurement) -> Measurement:
        """The two together.

        Raises:
            BenchFailed: they did not do the same work.
        """
        mine = (self.ops, self.rejects, self.fills, self.hash)
        theirs = (other.ops, other.rejects, other.fills, other.hash)
        if mine != theirs:
            raise BenchFailed(
                f"{self.name}: the same work came out differently: {mine} and {theirs}; the code is not deterministic, "
                "or it changed while it was being measured"
            )
        return replace(self, best_ns=self.best_ns + other.best_ns, median_ns=self.median_ns + other.median_ns)

    def best(self, unit: str) -> float:
        """Elapsed ns per unit of work, best round of all."""
        return min(self.best_ns) / self.ops[unit]

    def median(self, unit: str) -> float | None:
        """Elapsed ns per unit of work, median go."""
        return statistics.median(self.median_ns) / self.ops[unit] if self.median_ns else None


@dataclass(frozen=True, slots=True)
class NotRun:
    """A row that has no figure, and why."""

    name: str
    reason: str


def together(goes: list[list[Measurement]]) -> list[Measurement]:
    """The goes of each row as one measurement, rows in the order of the first go.

    Raises:
        BenchFailed: two goes of a row did not do the same work.
    """
    rows: dict[str, Measurement] = {}
    for measurement in (m for go in goes for m in go):
        before = rows.get(measurement.name)
        rows[measurement.name] = measurement if before is None else before.with_another_go(measurement)
    return list(rows.values())

"""What a feature is: a name, an expression, and how much past it needs, declared as data.

Nothing here computes. `batch` and `stream` evaluate declarations, and the conformance suite walks them, so a new
feature is one more declaration and gets every law for free.

Kinds, by what a feature may look at:

- `own`: the bars of its own (symbol, segment), up to and including the current one.
- `relative`: the same window, beside the market's and bitcoin's returns at the same instants.
- `cross`: other features of all symbols *at one instant*, nothing of the past.
- `calendar`: the close time alone.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import polars as pl

Kind = Literal["own", "relative", "cross", "calendar"]

# Time constants after which what a recursive average was seeded with is forgotten: e**-32 is about 1e-14.
SETTLED = 32
# Time constants after which a recursive average is used at all: 98 % of its weight lies in seen bars.
USABLE = 4


@dataclass(frozen=True)
class Feature:
    """One number per symbol and bar close.

    name: column name, unique, ending in its horizon in bars where it has one. warmup_bars: values at the first
    `warmup_bars` bars of a segment are null. memory_bars: bars, the current one included, that fix the value (to 1e-12
    for recursive averages). expression: over the columns named in `batch` (own, relative, calendar) or over other
    features (cross). source: paper or indicator it comes from.
    """

    name: str
    kind: Kind
    warmup_bars: int
    memory_bars: int
    expression: pl.Expr
    source: str

    def __post_init__(self) -> None:
        if self.warmup_bars < 0 or self.memory_bars <= self.warmup_bars:
            found = f"warmup_bars={self.warmup_bars}, memory_bars={self.memory_bars}"
            raise ValueError(f"feature {self.name}: needs 0 <= warmup_bars < memory_bars, found {found}")

    @property
    def definition(self) -> str:
        """The expression as canonical text, free of the machine it was built on."""
        text = io.BytesIO(self.expression.meta.serialize(format="json").encode())
        return json.dumps(_without_library_paths(json.load(text)), sort_keys=True, separators=(",", ":"))


def windowed(
    name: str, warmup_bars: int, expression: pl.Expr, source: str, kind: Literal["own", "relative"] = "own"
) -> Feature:
    """A feature that looks at a finite window: the bar at index `warmup_bars` is its first value."""
    return Feature(name, kind, warmup_bars, warmup_bars + 1, expression, source)


def recursive(name: str, lookback_bars: int, time_constant_bars: float, expression: pl.Expr, source: str) -> Feature:
    """A feature built on recursive averages, which forget their seed with `time_constant_bars` (n for Wilder's
    average over n, (n + 1) / 2 for an exponential one).
    """
    warmup_bars = max(lookback_bars, round(USABLE * time_constant_bars))
    return Feature(name, "own", warmup_bars, warmup_bars + round(SETTLED * time_constant_bars), expression, source)


def ratio(numerator: pl.Expr, denominator: pl.Expr, above: float = 0.0) -> pl.Expr:
    """The quotient where denominator > above, else null: a quotient of nothing is not a number to learn from."""
    return pl.when(denominator > above).then(numerator / denominator)


def definition_hash(features: Iterable[Feature]) -> str:
    """Hex digest of every definition, whatever their order: the same hash means the same numbers."""
    lines = sorted(f"{f.name}|{f.kind}|{f.warmup_bars}|{f.memory_bars}|{f.definition}" for f in features)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _without_library_paths(node: object) -> object:
    """The serialised expression without the path of the native library an indicator was loaded from."""
    if isinstance(node, dict):
        return {key: _without_library_paths(value) for key, value in node.items() if key != "lib"}
    if isinstance(node, list):
        return [_without_library_paths(value) for value in node]
    return node

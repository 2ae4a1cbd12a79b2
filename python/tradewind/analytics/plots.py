"""Time charts as plain SVG: axes, lines, areas. No script is needed to read them; the page's script adds a cursor.

Coordinates are in the chart's own box of `WIDTH` units; the browser scales it. Colours are CSS classes, so light and
dark pages share one drawing. Every text that comes from outside is escaped.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from itertools import pairwise
from typing import Literal

import numpy as np

from tradewind.analytics.daily import FloatArray, IntArray
from tradewind.flow import NS_PER_SECOND

WIDTH = 1_080.0
LEFT, RIGHT, TOP, BOTTOM = 62.0, 12.0, 10.0, 26.0
MAX_POINTS = 900

Scale = Literal["linear", "log"]
Fill = Literal["none", "to_zero"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart. ink: CSS class giving its colour."""

    name: str
    ts_ns: IntArray
    value: FloatArray
    ink: str
    fill: Fill = "none"


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a chart's data lies: the plot's box and what its edges stand for."""

    width: float
    height: float
    t0: float
    t1: float
    v0: float
    v1: float
    scale: Scale

    def x(self, seconds: FloatArray) -> FloatArray:
        """Horizontal place of instants in seconds."""
        span = max(self.t1 - self.t0, 1.0)
        return LEFT + (seconds - self.t0) / span * (self.width - LEFT - RIGHT)

    def y(self, value: FloatArray) -> FloatArray:
        """Vertical place of values."""
        low, high, shown = self.v0, self.v1, np.asarray(value, dtype=np.float64)
        if self.scale == "log":
            low, high, shown = math.log(low), math.log(high), np.log(np.maximum(shown, self.v0 * 1e-6))
        return self.height - BOTTOM - (shown - low) / (high - low) * (self.height - TOP - BOTTOM)


def time_chart(
    lines: Sequence[Line],
    *,
    height: float = 300.0,
    width: float = WIDTH,
    scale: Scale = "linear",
    suffix: str = "",
    digits: int = 2,
) -> str:
    """Lines over time, with legend, axes and the points that the cursor reads. Lines without points are left out."""
    drawn = [thinned(line) for line in lines if len(line.value)]
    if not drawn:
        return empty("nothing to draw")
    frame = _frame(drawn, height, width, scale)
    body = [_grid(frame, suffix), *(_area(frame, line) for line in drawn if line.fill == "to_zero")]
    body += [_path(frame, line) for line in reversed(drawn)]
    return figure(frame, "".join(body), drawn, suffix, digits)


def figure(frame: Frame, body: str, lines: Sequence[Line], suffix: str, digits: int) -> str:
    """The SVG with its legend, and the lines' points for the cursor."""
    points = [{"n": line.name, "c": line.ink, "t": _seconds(line.ts_ns), "v": _rounded(line.value)} for line in lines]
    meta = {
        "l": LEFT,
        "r": frame.width - RIGHT,
        "t0": frame.t0,
        "t1": frame.t1,
        "s": suffix,
        "d": digits,
        "lines": points,
    }
    names = "".join(f'<span class="key {key.ink}">{escape(key.name)}</span>' for key in lines) if len(lines) > 1 else ""
    legend = f'<div class="legend">{names}</div>' if names else ""
    box = f"0 0 {frame.width:.0f} {frame.height:.0f}"
    bottom = frame.height - BOTTOM
    cursor = f'<line class="cursor" y1="{TOP}" y2="{bottom:.0f}"/>'
    data = escape(json.dumps(meta, separators=(",", ":"), allow_nan=False), quote=True)
    return f'{legend}<div class="plot"><svg viewBox="{box}" role="img" data-plot="{data}">{body}{cursor}</svg></div>'


def empty(reason: str) -> str:
    """What stands where a chart has no data."""
    return f'<p class="empty">{escape(reason)}</p>'


def thinned(line: Line) -> Line:
    """The line with at most about `MAX_POINTS` points: of each stretch, its lowest and its highest."""
    if len(line.value) <= MAX_POINTS:
        return line
    edges = np.linspace(0, len(line.value), MAX_POINTS // 2 + 1).astype(int)
    keep = {0, len(line.value) - 1}
    for first, last in pairwise(edges):
        stretch = line.value[first:last]
        keep.update((int(first + np.argmin(stretch)), int(first + np.argmax(stretch))))
    rows = np.asarray(sorted(keep))
    return Line(line.name, line.ts_ns[rows], line.value[rows], line.ink, line.fill)


def nice_ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round values that divide an interval into about `wanted` parts."""
    raw = (high - low) / max(wanted, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1.0, 2.0, 2.5, 5.0, 10.0) if m * power >= raw * 0.999)
    digits = max(0, 2 - math.floor(math.log10(step)))
    return [round(k * step, digits) for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Round values for a logarithmic axis: 1-2-5 steps, or even steps where it spans less than a factor of six."""
    if high / low < 6.0:
        return nice_ticks(low, high)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [v for d in decades for m in (1.0, 2.0, 5.0) if low <= (v := m * 10.0**d) <= high]


def tick_label(value: float, suffix: str) -> str:
    """A tick in as few characters as it needs."""
    if abs(value) >= 1e6:
        return f"{value / 1e6:g}M{suffix}"
    return f"{value:,.0f}{suffix}" if abs(value) >= 1_000.0 else f"{value:.6g}{suffix}"


def time_ticks(t0: float, t1: float) -> list[tuple[float, str]]:
    """Round UTC instants across an interval, with their labels."""
    days = (t1 - t0) / 86_400.0
    start = datetime.fromtimestamp(t0, tz=UTC)
    if days > 75.0:
        months = next(m for m in (1, 2, 3, 6, 12, 24, 60) if days / (30.4 * m) <= 13.0 or m == 60)
        first = start.year * 12 + start.month - 1
        found = []
        for k in range(-(-first // months) * months, first + int(days / 28) + 2, months):
            at = datetime(k // 12, k % 12 + 1, 1, tzinfo=UTC).timestamp()
            if t0 <= at <= t1:
                found.append((at, datetime.fromtimestamp(at, tz=UTC).strftime("%b %Y" if months < 12 else "%Y")))
        return found
    hours = (1 / 60, 1 / 12, 1 / 4, 1, 3, 6, 12, 24, 48, 96, 168, 336)
    step = timedelta(hours=next((h for h in hours if days * 24.0 / h <= 12.0), 336)).total_seconds()
    form = "%d %b" if step >= 86_400.0 else ("%d %b %H:%M" if days > 1.0 else "%H:%M")
    ticks = np.arange(math.ceil(t0 / step) * step, t1 + 1.0, step)
    return [(float(t), datetime.fromtimestamp(float(t), tz=UTC).strftime(form)) for t in ticks]


def axes(frame: Frame, ticks: Sequence[float], suffix: str) -> str:
    """Grid lines and labels for the given values and for time."""
    parts = []
    for value, y in zip(ticks, frame.y(np.asarray(ticks, dtype=np.float64)), strict=True):
        kind = "zero" if value == 0.0 else "grid"
        parts.append(f'<line class="{kind}" x1="{LEFT}" x2="{frame.width - RIGHT:.0f}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick_label(value, suffix)}</text>'
        )
    for at, label in time_ticks(frame.t0, frame.t1):
        x = float(frame.x(np.asarray([at]))[0])
        if LEFT + 12.0 <= x <= frame.width - RIGHT - 20.0:
            parts.append(
                f'<text class="tick" x="{x:.1f}" y="{frame.height - 7:.0f}" text-anchor="middle">{label}</text>'
            )
    return "".join(parts)


def _grid(frame: Frame, suffix: str) -> str:
    ticks = log_ticks(frame.v0, frame.v1) if frame.scale == "log" else nice_ticks(frame.v0, frame.v1)
    return axes(frame, ticks, suffix)


def _frame(lines: Sequence[Line], height: float, width: float, scale: Scale) -> Frame:
    values = np.concatenate([line.value for line in lines])
    times = np.concatenate([line.ts_ns for line in lines]) / NS_PER_SECOND
    if scale == "log":
        values = values[values > 0.0]
    low, high = float(values.min()), float(values.max())
    if any(line.fill == "to_zero" for line in lines):
        low, high = min(low, 0.0), max(high, 0.0)
    pad = (high - low) * 0.04 or max(abs(high) * 0.05, 1e-9)
    if scale == "log":
        edge = (high / low) ** 0.04 if high > low else 1.05
        return Frame(width, height, float(times.min()), float(times.max()), low / edge, high * edge, scale)
    bottom = low if low == 0.0 else low - pad
    top = high if high == 0.0 else high + pad
    return Frame(
        width, height, float(times.min()), float(times.max()), bottom, top if top > bottom else bottom + 1.0, scale
    )


def _path(frame: Frame, line: Line) -> str:
    return f'<path class="line {line.ink}" d="M{_points(frame, line)}"/>'


def _area(frame: Frame, line: Line) -> str:
    zero = float(frame.y(np.asarray([0.0]))[0])
    ends = frame.x(line.ts_ns[[0, -1]] / NS_PER_SECOND)
    outline = f"M{ends[0]:.1f},{zero:.1f}L{_points(frame, line)}L{ends[1]:.1f},{zero:.1f}Z"
    return f'<path class="area {line.ink}" d="{outline}"/>'


def _points(frame: Frame, line: Line) -> str:
    xs, ys = frame.x(line.ts_ns / NS_PER_SECOND), frame.y(line.value)
    return "L".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs.tolist(), ys.tolist(), strict=True))


def _seconds(ts_ns: IntArray) -> list[int]:
    return [int(t) for t in ts_ns // NS_PER_SECOND]


def _rounded(values: FloatArray) -> list[float]:
    return [float(f"{v:.6g}") for v in values.tolist()]

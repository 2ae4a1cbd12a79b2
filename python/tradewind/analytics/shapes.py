"""Charts that are not lines over time: histogram, waterfall, candles with trades, bars, heat map; SVG and HTML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

import numpy as np
import polars as pl

from tradewind.analytics.daily import FloatArray
from tradewind.analytics.plots import BOTTOM, LEFT, RIGHT, TOP, Frame, Line, axes, empty, figure, nice_ticks, tick_label
from tradewind.flow import NS_PER_SECOND

HALF = 520.0
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def histogram(returns: FloatArray, lines: Sequence[tuple[str, float, str]], height: float = 280.0) -> str:
    """Counts of daily returns in percent. lines: name, return as a fraction and CSS class of each vertical mark."""
    if len(returns) < 5:
        return empty("fewer than 5 daily returns")
    shown = 100.0 * returns
    bins = int(np.clip(np.sqrt(len(shown)) * 2.0, 12, 48))
    counts, edges = np.histogram(shown, bins=bins)
    low, high, most = float(edges[0]), float(edges[-1]), float(counts.max())
    top, floor = TOP + 26.0, height - BOTTOM
    x = _to_x(low, high, HALF)
    parts = [_value_grid(0.0, most, HALF, height, top)]
    for count, first, last in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        tall = (floor - top) * count / most
        tip = f"{first:.2f} % to {last:.2f} %: {count} days"
        ink = "pos" if first + last > 0.0 else "neg"
        parts.append(_bar(ink, x(first) + 0.5, floor - tall, max(x(last) - x(first) - 1.0, 0.5), tall, tip))
    for value in nice_ticks(low, high, 7):
        parts.append(
            f'<text class="tick" x="{x(value):.1f}" y="{height - 7:.0f}" text-anchor="middle">{value:g} %</text>'
        )
    for place, (name, value, ink) in enumerate(lines):
        at, up = x(float(np.clip(100.0 * value, low, high))), TOP + 10.0 + 13.0 * (place % 2)
        anchor = "start" if at < LEFT + 90.0 else "end"
        shift = 5 if anchor == "start" else -5
        parts.append(f'<line class="mark {ink}" x1="{at:.1f}" x2="{at:.1f}" y1="{up - 8:.1f}" y2="{floor:.1f}"/>')
        label = f"{escape(name)} {100.0 * value:.2f} %"
        parts.append(f'<text class="note" x="{at + shift:.1f}" y="{up:.1f}" text-anchor="{anchor}">{label}</text>')
    return _svg(HALF, height, "".join(parts))


def waterfall(steps: Sequence[tuple[str, float]], height: float = 280.0) -> str:
    """From the first value through signed changes to the last, which is a level of its own. steps: name, value."""
    levels = [0.0]
    boxes = []
    for place, (name, value) in enumerate(steps):
        is_level = place in (0, len(steps) - 1)
        before, after = (0.0, value) if is_level else (levels[-1], levels[-1] + value)
        boxes.append((name, value, before, after, is_level))
        levels.append(after)
    low, high = min(levels), max(levels)
    pad = (high - low) * 0.1 or 1.0
    low, high = (low - pad if low < 0.0 else 0.0), (high + pad if high > 0.0 else 0.0)
    floor, slot = height - BOTTOM, (HALF - LEFT - RIGHT) / len(boxes)

    def y(value: float) -> float:
        return floor - (value - low) / (high - low) * (floor - TOP - 12.0)

    parts = [_value_grid(low, high, HALF, height, TOP + 12.0)]
    for place, (name, value, before, after, is_level) in enumerate(boxes):
        left, up, down = LEFT + place * slot + slot * 0.14, min(y(before), y(after)), max(y(before), y(after))
        ink = "level" if is_level else ("pos" if value > 0.0 else "neg")
        tall = max(down - up, 1.0)
        parts.append(
            f'<rect class="bar {ink}" x="{left:.1f}" y="{up:.1f}" width="{slot * 0.72:.1f}" height="{tall:.1f}"/>'
        )
        middle = left + slot * 0.36
        parts.append(
            f'<text class="note" x="{middle:.1f}" y="{up - 5:.1f}" text-anchor="middle">{_short(value)}</text>'
        )
        parts.append(
            f'<text class="tick" x="{middle:.1f}" y="{height - 7:.0f}" text-anchor="middle">{escape(name)}</text>'
        )
    return _svg(HALF, height, "".join(parts))


def candle_chart(candles: pl.DataFrame, trades: pl.DataFrame, height: float = 320.0) -> str:
    """Candles of one symbol with a triangle at each candle's mean buy and sell price, sized by value."""
    if candles.height < 2:
        return empty("fewer than 2 candles")
    ts = candles["ts_ns"].to_numpy() / NS_PER_SECOND
    low, high = float(candles["low"].to_numpy().min()), float(candles["high"].to_numpy().max())
    pad = (high - low) * 0.06 or high * 0.05
    frame = Frame(1_080.0, height, float(ts[0]), float(ts[-1]), low - pad, high + pad, "linear")
    wide = max(1.0, (1_080.0 - LEFT - RIGHT) / candles.height * 0.62)
    xs = frame.x(ts)
    places = {name: frame.y(candles[name].to_numpy()) for name in ("open", "high", "low", "close")}
    wicks: dict[str, list[str]] = {"pos": [], "neg": []}
    bodies: dict[str, list[str]] = {"pos": [], "neg": []}
    for row, x in enumerate(xs.tolist()):
        opened, closed = float(places["open"][row]), float(places["close"][row])
        ink = "pos" if closed <= opened else "neg"
        wicks[ink].append(f"M{x:.1f},{places['high'][row]:.1f}V{places['low'][row]:.1f}")
        tall = max(abs(opened - closed), 0.8)
        bodies[ink].append(f"M{x - wide / 2:.1f},{min(opened, closed):.1f}h{wide:.1f}v{tall:.1f}h-{wide:.1f}Z")
    drawn = "".join(
        f'<path class="wick {i}" d="{"".join(wicks[i])}"/><path class="body {i}" d="{"".join(bodies[i])}"/>'
        for i in wicks
    )
    close = Line("close", candles["ts_ns"].to_numpy(), candles["close"].to_numpy(), "s0")
    ticks = nice_ticks(frame.v0, frame.v1)
    return figure(frame, axes(frame, ticks, "") + drawn + _triangles(frame, trades), [close], "", 6)


def heat_map(monthly: pl.DataFrame) -> str:
    """Monthly returns in percent as a table, a row per year with its total; colour by size."""
    if monthly.height == 0:
        return empty("no month")
    found = {(r["year"], r["month"]): r["return_pct"] for r in monthly.iter_rows(named=True)}
    known = [abs(v) for v in found.values() if v is not None]
    most = max(max(known, default=1.0), 1e-9)
    rows = []
    for year in sorted({y for y, _ in found}):
        cells = [found.get((year, m)) for m in range(1, 13)]
        whole = 100.0 * (float(np.prod([1.0 + v / 100.0 for v in cells if v is not None])) - 1.0)
        shown = "".join(_heat_cell(v, most) for v in cells)
        rows.append(f"<tr><th>{year}</th>{shown}<td class='total'>{whole:+.1f}</td></tr>")
    heads = "".join(f"<th>{m}</th>" for m in (*MONTHS, "Year"))
    body = f"<thead><tr><th></th>{heads}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return f"<div class='scroll'><table class='heat'>{body}</table></div>"


def bars(values: Sequence[tuple[str, float]], height: float = 240.0, digits: int = 3) -> str:
    """One bar per name, up or down from zero."""
    if not values:
        return empty("nothing to draw")
    low, high = min(0.0, *(v for _, v in values)), max(0.0, *(v for _, v in values))
    pad = (high - low) * 0.12 or 1.0
    low, high = (low - pad if low < 0.0 else 0.0), (high + pad if high > 0.0 else 0.0)
    floor, slot = height - BOTTOM, (HALF - LEFT - RIGHT) / len(values)

    def y(value: float) -> float:
        return floor - (value - low) / (high - low) * (floor - TOP)

    parts = [_value_grid(low, high, HALF, height, TOP)]
    every = -(-len(values) // 12)
    for place, (name, value) in enumerate(values):
        left, up = LEFT + (place + 0.15) * slot, min(y(value), y(0.0))
        tall, ink = max(abs(y(value) - y(0.0)), 0.8), "pos" if value >= 0.0 else "neg"
        parts.append(_bar(ink, left, up, slot * 0.7, tall, f"{name}: {value:.{digits}f}"))
        if place % every == 0:
            middle = left + slot * 0.35
            parts.append(
                f'<text class="tick" x="{middle:.1f}" y="{height - 7:.0f}" text-anchor="middle">{escape(name)}</text>'
            )
    return _svg(HALF, height, "".join(parts))


def _triangles(frame: Frame, trades: pl.DataFrame) -> str:
    """Buys point up below their price, sells point down above it."""
    if trades.height == 0:
        return ""
    most = float(trades["notional"].to_numpy().max())
    xs, ys = frame.x(trades["ts_ns"].to_numpy() / NS_PER_SECOND), frame.y(trades["price"].to_numpy())
    parts = []
    for x, y, side, value, price in zip(xs, ys, trades["side"], trades["notional"], trades["price"], strict=True):
        size = 3.0 + 3.5 * (value / most) ** 0.5
        way = 1.0 if side == "buy" else -1.0
        tip = f"<title>{escape(str(side))} {value:,.2f} at {price:,.6g}</title>"
        corner = f"M{x:.1f},{y + way:.1f}l{size:.1f},{way * size * 1.6:.1f}h{-2 * size:.1f}Z"
        parts.append(f'<path class="trade {"buy" if side == "buy" else "sell"}" d="{corner}">{tip}</path>')
    return "".join(parts)


def _heat_cell(value: float | None, most: float) -> str:
    if value is None:
        return "<td></td>"
    strength = min(1.0, abs(value) / most) ** 0.7 * 78.0 + 8.0
    ink = "--pos" if value >= 0.0 else "--neg"
    return f"<td style='background:color-mix(in srgb,var({ink}) {strength:.0f}%,transparent)'>{value:+.1f}</td>"


def _value_grid(low: float, high: float, width: float, height: float, top: float) -> str:
    floor = height - BOTTOM
    parts = []
    for value in nice_ticks(low, high, 4):
        y = floor - (value - low) / (high - low) * (floor - top)
        kind = "zero" if value == 0.0 else "grid"
        parts.append(f'<line class="{kind}" x1="{LEFT}" x2="{width - RIGHT:.0f}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick_label(value, "")}</text>'
        )
    return "".join(parts)


def _to_x(low: float, high: float, width: float) -> Callable[[float], float]:
    """Horizontal place of a value on an axis from low to high."""
    span = max(high - low, 1e-12)
    return lambda value: LEFT + (value - low) / span * (width - LEFT - RIGHT)


def _bar(ink: str, x: float, y: float, width: float, height: float, tip: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect class="bar {ink}" {place}><title>{escape(tip)}</title></rect>'


def _short(value: float) -> str:
    return (
        f"{value / 1e6:,.2f}M" if abs(value) >= 1e6 else (f"{value:,.0f}" if abs(value) >= 100.0 else f"{value:,.2f}")
    )


def _svg(width: float, height: float, body: str) -> str:
    return f'<div class="plot"><svg viewBox="0 0 {width:.0f} {height:.0f}" role="img">{body}</svg></div>'

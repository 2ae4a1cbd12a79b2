"""Numbers in words: one way of writing each unit, shared by every page so that they cannot disagree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tradewind.analytics.definitions import BY_ID, Unit
from tradewind.flow import NS_PER_DAY, NS_PER_SECOND, Hole, Metric, Report, Undefined

DASH = "–"


def in_words(value: Metric, unit: Unit) -> str:
    """A metric as a short text with its unit; a dash where it is undefined."""
    if isinstance(value, Undefined):
        return DASH
    if isinstance(value, str):
        return value
    return _NUMBERS[unit](float(value))


def metric(report: Report, id: str) -> str:
    """A metric of the report as a short text."""
    return in_words(report.metrics[id], BY_ID[id].unit)


def number(report: Report, id: str) -> float | None:
    """A metric of the report as a number; None where it is undefined or a text."""
    value = report.metrics[id]
    return float(value) if isinstance(value, int | float) else None


def money(value: float) -> str:
    """Quote money: two decimals below a million, then in millions; many more for what would read as zero."""
    if value != 0.0 and abs(value) < 0.005:
        return f"{value:,.6f}"
    return f"{value:,.2f}" if abs(value) < 1e6 else f"{value / 1e6:,.2f}M"


def percent(value: float) -> str:
    """A percentage with a digit or two after the point, and its sign where it is a change."""
    return f"{value:,.2f} %" if abs(value) < 10.0 else f"{value:,.1f} %"


def signed_percent(value: float | None) -> str:
    """A change in percent, with its sign; a dash where it is not known."""
    if value is None:
        return DASH
    return f"{value:+,.2f} %" if abs(value) < 10.0 else f"{value:+,.1f} %"


def plain(value: float | None, digits: int = 2) -> str:
    """A bare number; a dash where it is not known."""
    return DASH if value is None else f"{value:,.{digits}f}"


def instant(ts_ns: int) -> str:
    """UTC minute of an instant; midnight is written as the date alone."""
    moment = datetime.fromtimestamp(ts_ns // NS_PER_SECOND, tz=UTC)
    return moment.strftime("%Y-%m-%d" if ts_ns % NS_PER_DAY == 0 else "%Y-%m-%d %H:%M")


def duration(days: float) -> str:
    """A length of time in the unit a person would use."""
    if days >= 2.0:
        return f"{days:,.0f} days"
    hours = days * 24.0
    return f"{hours:,.1f} hours" if hours >= 1.0 else f"{hours * 60.0:,.1f} minutes"


@dataclass(frozen=True, slots=True)
class HoleGroup:
    """Symbols whose data is missing over the same days. span: the two UTC days; bars: missing, least to most."""

    span: str
    bars: str
    symbols: tuple[str, ...]


def grouped_holes(holes: Sequence[Hole]) -> tuple[HoleGroup, ...]:
    """Holes gathered by the UTC days between which they lie, the widest-spread first."""
    groups: dict[tuple[str, str], list[Hole]] = {}
    for hole in holes:
        groups.setdefault((instant(hole.from_ns)[:10], instant(hole.to_ns)[:10]), []).append(hole)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(
        HoleGroup(f"{first} → {last}", _extent([h.missing_bars for h in found]), tuple(sorted(h.symbol for h in found)))
        for (first, last), found in ordered
    )


def short_names(symbols: Iterable[str], quote: str) -> str:
    """Symbols without the quote they share, separated by spaces."""
    return " ".join(s.removesuffix(quote).rstrip("-/_") or s for s in symbols)


def shared_quote(symbols: Sequence[str]) -> str:
    """The ending that all symbols share if it is a usual quote, else nothing."""
    usual = ("USDT", "USDC", "FDUSD", "BUSD", "USD", "EUR", "BTC", "ETH")
    return next((q for q in usual if symbols and all(s.endswith(q) and s != q for s in symbols)), "")


def _extent(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return f"{low:,} bars" if low == high else f"{low:,}–{high:,} bars"


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _ratio(value: float) -> str:
    return f"{value:,.2f}" if abs(value) < 1_000.0 else f"{value:,.0f}"


def _fraction(value: float) -> str:
    return f"{value:.3f}" if abs(value) >= 0.001 or value == 0.0 else f"{value:.5f}"


_NUMBERS: dict[Unit, Callable[[float], str]] = {
    "money": money,
    "percent": percent,
    "share": lambda v: percent(100.0 * v),
    "fraction": _fraction,
    "ratio": _ratio,
    "count": _count,
    "date": _ratio,
    "days": lambda v: f"{v:,.0f} d" if v >= 2.0 else f"{v:,.2f} d",
    "hours": lambda v: f"{v:,.1f} h" if v >= 1.0 else f"{v * 60.0:,.1f} min",
    "seconds": lambda v: f"{v:,.1f} s" if v >= 1.0 else f"{v * 1e3:,.1f} ms",
    "bps": lambda v: f"{v:,.2f} bps",
    "text": _count,
    "multiple": lambda v: f"{v:,.2f}×",
}

"""Nanosecond stamps as people and calendars see them. UTC only; nothing here reads a clock."""

from __future__ import annotations

from datetime import UTC, datetime

from tradewind.flow import NS_PER_SECOND


def utc_text(ts_ns: int) -> str:
    """`2024-09-06T04:00:00Z`, with nine decimals where the stamp is not on a whole second."""
    seconds, fraction = divmod(ts_ns, NS_PER_SECOND)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{fraction:09d}Z" if fraction else f"{text}Z"


def month_starts_ns(first_ns: int, last_ns: int) -> tuple[int, ...]:
    """Every 00:00 UTC on the first day of a month in [first_ns, last_ns], ascending."""
    start = datetime.fromtimestamp(first_ns // NS_PER_SECOND, UTC)
    year, month = start.year, start.month
    found: list[int] = []
    while (instant := int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * NS_PER_SECOND) <= last_ns:
        if instant >= first_ns:
            found.append(instant)
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return tuple(found)

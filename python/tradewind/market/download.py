"""A venue's history, fetched through ccxt into files that the catalog reads: candles, trades, funding.

A span is fetched day by day and symbol by symbol. A day that is complete is kept as a part, so that a run that was
interrupted goes on where it was; when every day of a symbol is there, its parts become one file. What the venue did not
give is reported: missing minutes, leaps between trade ids, a funding interval without a rate.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl

from tradewind.flow import DataRefused
from tradewind.market.recorded import market_name
from tradewind.market.times import utc_text

History = Literal["candles", "trades", "funding"]

DAY_NS = 86_400_000_000_000
_MS = 1_000_000
_MINUTE_NS = 60 * 1_000_000_000
_FUNDING_NS = 8 * 3600 * 1_000_000_000
_PAGE = 1000
_EXCHANGES = {
    ("binance", "spot"): "binance",
    ("binance", "linear"): "binanceusdm",
    ("bybit", "spot"): "bybit",
    ("bybit", "linear"): "bybit",
}
_FOLDERS: Mapping[History, str] = {"candles": "ohlcv", "trades": "trades", "funding": "derivs"}


@dataclass(frozen=True, slots=True)
class Span:
    """What is to be fetched. from_ns, to_ns: UTC, whole days; `to_ns` is not part of it."""

    venue: str
    market: str
    kind: History
    from_ns: int
    to_ns: int

    def days(self) -> range:
        """The start of each day."""
        return range(self.from_ns, self.to_ns, DAY_NS)


@dataclass(frozen=True, slots=True)
class Hole:
    """A stretch that the venue gave nothing for. missing: how many rows, where that can be told."""

    symbol: str
    from_ns: int
    until_ns: int
    missing: int | None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that was written. was_there: it was complete before."""

    symbol: str
    path: Path
    rows: int
    holes: tuple[Hole, ...]
    was_there: bool


def open_exchange(venue: str, market: str, http: str | None) -> Any:  # noqa: ANN401 - ccxt has no types of its own
    """A ccxt client of a venue's market; `http` is another server than production's.

    Raises:
        DataRefused: ccxt is missing, or there is no such market.
    """
    try:
        import ccxt
    except ImportError as missing:
        raise DataRefused(
            "downloads need ccxt, which is not installed", "the environment", "pip install 'tradewind[download]'"
        ) from missing
    if (venue, market) not in _EXCHANGES:
        known = ", ".join(f"{v} {m}" for v, m in _EXCHANGES)
        raise DataRefused(f"there is no download of {venue} {market}", "--venue, --market", f"choose one of: {known}")
    options = {"maxRetriesOnFailure": 5, "maxRetriesOnFailureDelay": 1000, "defaultType": _ccxt_type(market)}
    exchange = getattr(ccxt, _EXCHANGES[venue, market])({"enableRateLimit": True, "options": options})
    if http is not None:
        exchange.urls["api"] = _moved(exchange.urls["api"], http)
    return exchange


def _ccxt_type(market: str) -> str:
    return "spot" if market == "spot" else "swap"


def _moved(found: Any, http: str) -> Any:  # noqa: ANN401 - ccxt nests its addresses as each venue needs
    if isinstance(found, dict):
        return {name: _moved(value, http) for name, value in found.items()}
    return re.sub(r"^https?://[^/]+", http, found.replace("{hostname}", "x")) if isinstance(found, str) else found


def download(
    exchange: Any,  # noqa: ANN401 - a ccxt exchange
    span: Span,
    symbols: Sequence[str],
    out: Path,
    on_progress: Callable[[str, int, int], None],
) -> list[Fetched]:
    """Fetches a span of each symbol. on_progress: symbol, days done, days in all.

    Raises:
        DataRefused: a symbol is not listed, the venue refuses or does not answer, or it gave nothing at all.
    """
    import ccxt

    try:
        listed = exchange.load_markets()
        by_id = {m["id"]: name for name, m in listed.items() if m.get(_ccxt_type(span.market))}
        unknown = [symbol for symbol in symbols if symbol not in by_id]
        if unknown:
            from difflib import get_close_matches

            near = get_close_matches(unknown[0], by_id, n=3)
            hint = f"did you mean {', '.join(near)}?" if near else "write it as the venue does, such as BTCUSDT"
            raise DataRefused(
                f"{span.venue} lists no {', '.join(unknown)} on its {span.market} market", "--symbols", hint
            )
        return [_download_one(exchange, span, symbol, by_id[symbol], out, on_progress) for symbol in symbols]
    except ccxt.BaseError as error:
        what = f"{span.venue} did not give it: {type(error).__name__}: {str(error)[:300]}"
        raise DataRefused(what, exchange.id, "run this again to go on where it stopped") from error


def _download_one(
    exchange: Any,  # noqa: ANN401 - a ccxt exchange
    span: Span,
    symbol: str,
    name: str,
    out: Path,
    on_progress: Callable[[str, int, int], None],
) -> Fetched:
    stem = f"{market_name(span.venue, span.market)}_{span.kind}_{symbol}_{_day(span.from_ns)}_{_day(span.to_ns)}"
    target = out / _FOLDERS[span.kind] / f"{stem}.parquet"
    if target.is_file():
        rows = pl.read_parquet(target)
        return Fetched(symbol, target, rows.height, tuple(holes(rows, span, symbol)), was_there=True)
    parts, days = [], span.days()
    for done, day in enumerate(days):
        part = out / ".parts" / f"{market_name(span.venue, span.market)}_{span.kind}_{symbol}_{_day(day)}.parquet"
        if not part.is_file():
            rows = _frame(_FETCH[span.kind](exchange, name, day, day + DAY_NS), span, symbol)
            part.parent.mkdir(parents=True, exist_ok=True)
            fresh = part.with_suffix(".new")
            rows.write_parquet(fresh, compression="zstd")
            fresh.rename(part)
        parts.append(part)
        on_progress(symbol, done + 1, len(days))
    rows = pl.concat([pl.read_parquet(part) for part in parts])
    if rows.is_empty():
        raise DataRefused(
            f"{span.venue} gave no {span.kind} of {symbol}",
            f"{utc_text(span.from_ns)} to {utc_text(span.to_ns)}",
            "ask for a later span: venues keep trades for a short time only, and nothing from before a listing",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_suffix(".new")
    rows.write_parquet(fresh, compression="zstd")
    fresh.rename(target)
    for part in parts:
        part.unlink()
    return Fetched(symbol, target, rows.height, tuple(holes(rows, span, symbol)), was_there=False)


def _day(ns: int) -> str:
    return utc_text(ns)[:10].replace("-", "")


def _candles(exchange: Any, name: str, from_ns: int, to_ns: int) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - ccxt
    """Closed one-minute candles that open within the span."""
    since = from_ns // _MS
    while since < to_ns // _MS:
        page = exchange.fetch_ohlcv(name, "1m", since, _PAGE)
        for ts, opened, high, low, close, volume in page:
            if from_ns <= ts * _MS < to_ns and ts >= since:
                yield {"ts_ns": ts * _MS, "open": opened, "high": high, "low": low, "close": close, "volume": volume}
        last = page[-1][0] if page else 0
        since = last + 60_000 if last >= since else to_ns // _MS


def _trades(exchange: Any, name: str, from_ns: int, to_ns: int) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - ccxt
    """Trades within the span, each once, in the order of their ids."""
    since, seen = from_ns // _MS, set[str]()
    while since < to_ns // _MS:
        page = exchange.fetch_trades(name, since, _PAGE, {"until": min(since + 3_600_000, to_ns // _MS) - 1})
        fresh = [t for t in page if t["id"] not in seen and since <= t["timestamp"] < to_ns // _MS]
        for trade in sorted(fresh, key=lambda t: (t["timestamp"], _number(t["id"]))):
            yield {
                "ts_ns": trade["timestamp"] * _MS,
                "trade_id": _number(trade["id"]),
                "side": trade["side"],
                "price": trade["price"],
                "size": trade["amount"],
            }
        # Several trades share a millisecond: the last one is asked for again, and what was seen is passed over.
        seen = {t["id"] for t in page}
        is_full = len(page) >= _PAGE and max(t["timestamp"] for t in page) > since
        since = max(t["timestamp"] for t in page) if is_full else min(since + 3_600_000, to_ns // _MS)


def _funding(exchange: Any, name: str, from_ns: int, to_ns: int) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - ccxt
    """Funding rates that were charged within the span."""
    page = exchange.fetch_funding_rate_history(name, from_ns // _MS, 100, {"until": to_ns // _MS - 1})
    for rate in page:
        if from_ns <= rate["timestamp"] * _MS < to_ns:
            yield {"ts_ns": rate["timestamp"] * _MS, "funding_rate": rate["fundingRate"]}


_FETCH = {"candles": _candles, "trades": _trades, "funding": _funding}
_COLUMNS: Mapping[History, Mapping[str, type[pl.DataType]]] = {
    "candles": dict.fromkeys(("open", "high", "low", "close", "volume"), pl.Float64),
    "trades": {"trade_id": pl.Int64, "side": pl.String, "price": pl.Float64, "size": pl.Float64},
    "funding": {"funding_rate": pl.Float64},
}


def _number(trade_id: str) -> int:
    """A venue's id as a number; one that is none (Bybit's on linear contracts) keeps 60 bits of its hash."""
    import hashlib

    if trade_id.isdecimal():
        return int(trade_id)
    return int.from_bytes(hashlib.sha256(trade_id.encode()).digest()[:8], "big") >> 4


def _frame(rows: Iterator[dict[str, Any]], span: Span, symbol: str) -> pl.DataFrame:
    schema: dict[str, type[pl.DataType]] = {"ts_ns": pl.Int64, **_COLUMNS[span.kind]}
    named = (pl.lit(market_name(span.venue, span.market)).alias("venue"), pl.lit(symbol).alias("symbol"))
    frame = pl.DataFrame(list(rows), schema=schema, orient="row").sort("ts_ns", maintain_order=True)
    return frame.select("ts_ns", *named, *_COLUMNS[span.kind])


def holes(rows: pl.DataFrame, span: Span, symbol: str) -> Iterator[Hole]:
    """What is missing of a span: stretches without a candle or a rate, leaps between trade ids that count up."""
    if span.kind == "trades":
        ids = rows.select("ts_ns", "trade_id", leap=pl.col("trade_id").diff(), before=pl.col("ts_ns").shift())
        usual = ids["leap"].median() if ids.height > 1 else None
        # Ids that count up one by one tell what is missing; others do not.
        if usual == 1:
            for row in ids.filter(pl.col("leap") > 1).iter_rows(named=True):
                yield Hole(symbol, row["before"], row["ts_ns"], row["leap"] - 1)
        return
    step = _MINUTE_NS if span.kind == "candles" else _FUNDING_NS
    edges = pl.concat([pl.Series([span.from_ns - step]), rows["ts_ns"], pl.Series([span.to_ns])])
    if span.kind == "funding":
        # A rate belongs to a moment: the span may begin and end between two of them.
        edges = rows["ts_ns"]
    leaps = pl.DataFrame({"before": edges.shift(), "after": edges}).drop_nulls()
    for before, after in leaps.filter(pl.col("after") - pl.col("before") > step).iter_rows():
        yield Hole(symbol, before + step, after, (after - before) // step - 1)

"""Recorded candles → Market: close-stamped, split at holes, with the universe and the costs of the day.

Files stamp a candle when it opens; a Market stamps it when it closes, because only then is it known. Files are joined
as they are: where bars are missing a new segment begins and the hole is listed. Nothing is filled in.
"""

from __future__ import annotations

import hashlib

import polars as pl

from tradewind.flow import NS_PER_HOUR, DataRefused, Hole, Market
from tradewind.market import parquet
from tradewind.market.catalog import Catalog, DataSource, Entry, open_catalog
from tradewind.market.check import check_frame
from tradewind.market.instruments import build_instruments
from tradewind.market.layouts import recognise, require
from tradewind.market.times import utc_text
from tradewind.market.universe import UniverseSettings, is_coin_pair, review_universe

BAR_COLUMNS = ("ts_ns", "symbol", "segment", "open", "high", "low", "close", "volume")
_VALUES = ("open", "high", "low", "close", "volume")
_NAMED_IN_WARNING = 8


def load_hourly(
    source: DataSource,
    *,
    venue: str = "binance_spot",
    start_ns: int | None = None,
    end_ns: int | None = None,
    costs_as_of_ns: int | None = None,
    universe: UniverseSettings | None = None,
) -> Market:
    """Hourly bars of every coin that is ever in the universe, from all hourly files of `venue` in the catalog.

    start_ns, end_ns: first and last close to load, both included; None means all there is. costs_as_of_ns: the instant
    by which the half spreads must be known, the end of the first training window; None takes each coin's first days.

    Raises:
        DataRefused: no hourly bars, a defect in a file (see `check.check_file`; gaps are allowed and become segments),
            the same bar in two files, or no coin ever eligible.
    """
    settings = universe or UniverseSettings()
    catalog = open_catalog(source)
    catalog.require_readable()
    entries = _hourly_entries(catalog, venue)
    raw = _read_closes(entries, venue, settings.quote)
    if start_ns is not None:
        raw = raw.filter(pl.col("ts_ns") >= start_ns)
    if end_ns is not None:
        raw = raw.filter(pl.col("ts_ns") <= end_ns)
    asked = f"{venue}, closes from {_bound(start_ns, 'the first')} to {_bound(end_ns, 'the last')}"
    if raw.is_empty():
        raise DataRefused("there are no hourly bars in the time asked for", asked, "widen the time span")
    segmented = segment_bars(raw, NS_PER_HOUR)
    reviews = review_universe(segmented, settings, NS_PER_HOUR)
    if reviews.is_empty():
        raise DataRefused(
            f"no coin has {settings.history_days} days of unbroken bars at any monthly review",
            asked,
            "widen the time span, or ask for a shorter history",
        )
    bars = segmented.filter(pl.col("symbol").is_in(reviews["symbol"].unique().to_list()))
    instruments, inferred = build_instruments(
        bars, venue, settings.quote, settings.history_days, costs_as_of_ns=costs_as_of_ns
    )
    return Market(
        bars=bars,
        universe=reviews,
        instruments=instruments,
        bar_ns=NS_PER_HOUR,
        holes=find_holes(bars, NS_PER_HOUR),
        provenance="real",
        data_hash=hash_bars(bars, NS_PER_HOUR),
        warnings=_warnings(bars, reviews, settings, inferred, entries),
    )


def segment_bars(bars: pl.DataFrame, bar_ns: int) -> pl.DataFrame:
    """Number the unbroken runs of each symbol from 0; rows in (ts_ns, symbol) order with the columns of a Market.

    bars: ts_ns (close) · symbol · open · high · low · close · volume, (ts_ns, symbol) unique.
    """
    broken = (pl.col("ts_ns").diff() != bar_ns).fill_null(value=False)
    return (
        bars.sort("symbol", "ts_ns")
        .with_columns(broken.cum_sum().cast(pl.Int64).over("symbol").alias("segment"))
        .sort("ts_ns", "symbol")
        .select(BAR_COLUMNS)
    )


def find_holes(bars: pl.DataFrame, bar_ns: int) -> tuple[Hole, ...]:
    """Missing time between the segments of each symbol, in order of symbol and time."""
    ends = (
        bars.group_by("symbol", "segment")
        .agg(pl.col("ts_ns").min().alias("first"), pl.col("ts_ns").max().alias("last"))
        .sort("symbol", "segment")
        .with_columns(pl.col("last").shift(1).over("symbol").alias("before"))
        .drop_nulls("before")
    )
    return tuple(
        Hole(symbol, before, first, (first - before) // bar_ns - 1)
        for symbol, before, first in ends.select("symbol", "before", "first").iter_rows()
    )


def hash_bars(bars: pl.DataFrame, bar_ns: int) -> str:
    """SHA-256 over the content of the bars, whatever files, row order or text encoding they came in.

    The digest covers bar_ns, the sorted symbols, and per symbol in time order the little-endian bytes of each column.
    """
    digest = hashlib.sha256(f"tradewind bars 1\nbar_ns {bar_ns}\n".encode())
    parts = bars.sort("symbol", "ts_ns").partition_by("symbol", as_dict=True, maintain_order=True)
    for (symbol,), rows in parts.items():
        digest.update(f"{symbol} {rows.height}\n".encode())
        for column in ("ts_ns", "segment"):
            digest.update(rows[column].to_numpy().astype("<i8").tobytes())
        for column in _VALUES:
            digest.update(rows[column].to_numpy().astype("<f8").tobytes())
    return digest.hexdigest()


def _bound(ts_ns: int | None, otherwise: str) -> str:
    return otherwise if ts_ns is None else utc_text(ts_ns)


def _hourly_entries(catalog: Catalog, venue: str) -> tuple[Entry, ...]:
    entries = catalog.find("bars", venue, bar_ns=NS_PER_HOUR)
    if not entries:
        sizes = sorted({e.bar_ns // 10**9 for e in catalog.entries if e.kind == "bars" and e.bar_ns is not None})
        raise DataRefused(
            f"no hourly bars of {venue}; the bar files there are of {', '.join(f'{s} s' for s in sizes) or 'no size'}",
            str(catalog.folder),
            "add a Parquet file with ts_ns (open), venue, symbol, open, high, low, close, volume",
        )
    return entries


def _read_closes(entries: tuple[Entry, ...], venue: str, quote: str) -> pl.DataFrame:
    """All coin bars of the entries, each file checked, stamped with their close."""
    frames: list[pl.DataFrame] = []
    for entry in entries:
        schema = parquet.read_schema(entry.path)
        layout = recognise(list(schema), entry.path)
        if layout is None:
            raise DataRefused("the file changed while it was being read", entry.name, "run again")
        require(schema, layout, entry.path)
        frame = parquet.read(entry.path)
        check_frame(frame, layout, entry.name, gaps="segment")
        coins = [s for s in entry.symbols if is_coin_pair(s, quote)]
        frames.append(
            frame.filter((pl.col("venue") == venue) & pl.col("symbol").is_in(coins)).select(
                pl.col("ts_ns") + NS_PER_HOUR, "symbol", *_VALUES
            )
        )
    joined = pl.concat(frames)
    twice = joined.filter(pl.struct("ts_ns", "symbol").is_duplicated()).sort("symbol", "ts_ns")
    if twice.height:
        first = twice.row(0, named=True)
        raise DataRefused(
            f"duplicate: {twice.height} bars lie in two files",
            f"{first['symbol']}, close {utc_text(first['ts_ns'])}; files {', '.join(e.name for e in entries)}",
            "keep each bar in one file only",
        )
    return joined


def _warnings(
    bars: pl.DataFrame,
    reviews: pl.DataFrame,
    settings: UniverseSettings,
    inferred: tuple[str, ...],
    entries: tuple[Entry, ...],
) -> tuple[str, ...]:
    said = [_survivorship(bars, entries), *_endings(bars)]
    small = reviews.group_by("ts_ns").len().filter(pl.col("len") < settings.size_min).sort("ts_ns")
    said += [
        f"universe: only {count} coins were eligible at the review of {utc_text(at)} (fewer than {settings.size_min})"
        for at, count in small.iter_rows()
    ]
    if inferred:
        said.append(
            f"instruments: tick and lot of {len(inferred)} of {bars['symbol'].n_unique()} symbols are the decimal grid "
            "seen in the data, not the venue's published filter"
        )
    said.append(
        f"costs: half spreads are assumed from {settings.history_days} days of each coin's bars (dollar-volume tiers, "
        "at least half a tick) and stay constant; no quotes are recorded for these bars"
    )
    return tuple(said)


def _survivorship(bars: pl.DataFrame, entries: tuple[Entry, ...]) -> str:
    first = utc_text(int(bars["ts_ns"].min()))  # type: ignore[arg-type]
    return (
        f"survivorship bias: each of the {len(entries)} files holds the pairs its maker chose when it was made; coins "
        f"delisted between {first} and then are missing, so past results look better than they were"
    )


def _pairs_have(count: int) -> str:
    return "1 pair has" if count == 1 else f"{count} pairs have"


def _endings(bars: pl.DataFrame) -> list[str]:
    """Symbols whose bars stop long before the others': the source ends there, which says nothing about the coin."""
    last = int(bars["ts_ns"].max())  # type: ignore[arg-type]
    ended = bars.group_by("symbol").agg(pl.col("ts_ns").max().alias("end")).filter(pl.col("end") < last)
    said = []
    for (end,), rows in sorted(ended.partition_by("end", as_dict=True).items()):
        names = sorted(rows["symbol"].to_list())
        more = f" and {len(names) - _NAMED_IN_WARNING} more" if len(names) > _NAMED_IN_WARNING else ""
        said.append(
            f"data end: {_pairs_have(len(names))} no bars after {utc_text(int(end))} "
            f"({', '.join(names[:_NAMED_IN_WARNING])}{more}); the source stops there, this is not a delisting; "
            "a position still held can only be marked at the last close"
        )
    return said

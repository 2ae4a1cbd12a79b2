"""One market's recorded order book, trades and quotes as integer columns, ready for the native replay.

Prices become ticks and sizes lots, exactly or not at all: a value off the grid is refused, never rounded away. The
recorder's stamps get the correction the catalog measured; a correction too small for the data is refused, because a
message cannot arrive before it was sent. Rows keep their receive order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tradewind.flow import DataRefused
from tradewind.market import parquet
from tradewind.market.catalog import Catalog, DataSource, Entry, open_catalog
from tradewind.market.check import check_frame
from tradewind.market.grids import decimal_step, listed_steps, whole_steps
from tradewind.market.layouts import Kind, recognise, require
from tradewind.market.times import utc_text

_NO_ID = -1


@dataclass(frozen=True, slots=True)
class L2Sample:
    """A recording of one market. All frames are sorted by recv_ns; ids are -1 where the venue sent none.

    depth: recv_ns (corrected local time) · ts_ns (venue time; the corrected local time where the venue sent none) ·
      msg i64 · first_id · last_id · prev_id i64 · is_snapshot bool · side i8 (0 bid, 1 ask) · price_ticks i64 ·
      size_lots i64 (0 removes the level).
    trades: recv_ns · ts_ns · trade_id i64 · price_ticks · size_lots · aggressor i8 (0 buy, 1 sell).
    quotes: recv_ns · ts_ns · update_id i64 · bid_ticks · bid_lots · ask_ticks · ask_lots.
    price_tick, lot: exact decimals; one tick and one lot. The lot is the finest size seen in the book, which can be
      finer than the step the venue accepts in an order. clock_correction_ns: what was added to the recorder's stamps.
    """

    venue: str
    symbol: str
    depth: pl.DataFrame
    trades: pl.DataFrame
    quotes: pl.DataFrame
    price_tick: str
    lot: str
    clock_correction_ns: int


def load_l2(source: DataSource, venue: str, symbol: str, *, clock_correction_ns: int | None = None) -> L2Sample:
    """Load the recordings of one market whose trades and quotes overlap its depth file.

    clock_correction_ns: None takes the catalog's measurement. Markets recorded by one machine share one clock: to
    replay them together, give all of them the largest of their corrections, which keeps their order in time.

    Raises:
        DataRefused: no such recording, a defect in a file (crossed book, ...), a value off the tick or lot grid, or
            a correction that leaves a message received before it was sent.
    """
    catalog = open_catalog(source)
    catalog.require_readable()
    depth_entry = _depth_entry(catalog, venue, symbol)
    entries: dict[Kind, Entry] = {
        "depth": depth_entry,
        **{k: _beside(catalog, depth_entry, k, venue, symbol) for k in _COMPANIONS},
    }
    measured = next(c for c in depth_entry.clock if (c.venue, c.symbol) == (venue, symbol)).correction_ns
    correction = measured if clock_correction_ns is None else clock_correction_ns
    raw = {kind: _read(entry, venue, symbol, correction) for kind, entry in entries.items()}
    tick, lot = _grid(catalog.folder, venue, symbol, raw)
    return L2Sample(
        venue,
        symbol,
        _depth(raw["depth"], tick, lot, depth_entry.name),
        _trades(raw["trades"], tick, lot, entries["trades"].name),
        _quotes(raw["quotes"], tick, lot, entries["quotes"].name),
        tick,
        lot,
        correction,
    )


_COMPANIONS: tuple[Kind, ...] = ("trades", "quotes")


def _depth_entry(catalog: Catalog, venue: str, symbol: str) -> Entry:
    found = catalog.find("depth", venue, symbol=symbol)
    if not found:
        known = sorted({f"{c.venue} {c.symbol}" for e in catalog.entries if e.kind == "depth" for c in e.clock})
        raise DataRefused(
            f"no order book recording of {venue} {symbol}",
            str(catalog.folder),
            f"choose one of: {', '.join(known[:12])}" if known else "add a depth file to the data folder",
        )
    return max(found, key=lambda e: e.rows)


def _beside(catalog: Catalog, depth: Entry, kind: Kind, venue: str, symbol: str) -> Entry:
    """The largest recording of `kind` that overlaps the depth file in time."""
    found = [
        e
        for e in catalog.find(kind, venue, symbol=symbol)
        if e.clock and e.first_ns is not None and e.last_ns is not None and _overlap(e, depth)
    ]
    if not found:
        raise DataRefused(
            f"no {kind} of {venue} {symbol} were recorded while its order book was",
            depth.name,
            f"add the {kind} file of the same session to the data folder",
        )
    return max(found, key=lambda e: e.rows)


def _overlap(one: Entry, other: Entry) -> bool:
    spans = (one.first_ns, one.last_ns, other.first_ns, other.last_ns)
    if None in spans:
        return False
    first, last, other_first, other_last = (int(s) for s in spans if s is not None)
    return first <= other_last and other_first <= last


def _read(entry: Entry, venue: str, symbol: str, correction_ns: int) -> pl.DataFrame:
    """One market's checked rows, stamps corrected, venue stamps filled where the venue sent none."""
    schema = parquet.read_schema(entry.path)
    layout = recognise(list(schema), entry.path)
    if layout is None:
        raise DataRefused("the file changed while it was being read", entry.name, "run again")
    require(schema, layout, entry.path)
    rows = parquet.read(entry.path).filter((pl.col("venue") == venue) & (pl.col("symbol") == symbol))
    check_frame(rows, layout, entry.name, gaps="refuse")
    corrected = rows.with_columns(pl.col("recv_ns") + correction_ns)
    for stamp in ("ts_ns", "event_ns"):
        if stamp in rows.columns:
            _refuse_negative_latency(corrected, stamp, entry.name, correction_ns)
    stamps = pl.col("ts_ns") if "ts_ns" in rows.columns else pl.lit(None, pl.Int64)
    return corrected.with_columns(stamps.fill_null(pl.col("recv_ns")).alias("ts_ns"))


def _refuse_negative_latency(rows: pl.DataFrame, stamp: str, where: str, correction_ns: int) -> None:
    early = rows.filter(pl.col("recv_ns") < pl.col(stamp))
    if early.height:
        worst = int((early["recv_ns"] - early[stamp]).min())  # type: ignore[arg-type]
        first = early.row(0, named=True)
        raise DataRefused(
            f"negative latency: {early.height} of {rows.height} messages arrive before the venue sent them, the worst "
            f"by {-worst / 1e6:.3f} ms, with a clock correction of {correction_ns / 1e6:.3f} ms",
            f"{where}, {first['symbol']}, {utc_text(first[stamp])}",
            f"correct the recorder's clock by at least {(correction_ns - worst) / 1e6:.3f} ms; the catalog measures it "
            "when no correction is given",
        )


def _grid(folder: Path, venue: str, symbol: str, raw: Mapping[Kind, pl.DataFrame]) -> tuple[str, str]:
    """Tick and lot: from the folder's reference list of instruments where it has one, else the grid of the data.

    A step the data do not lie on is caught when the values are converted.
    """
    listed = listed_steps(folder, venue, symbol)
    if listed is not None:
        return listed
    depth, trades, quotes = raw["depth"], raw["trades"], raw["quotes"]
    prices = pl.concat([depth["price"], trades["price"], quotes["bid_px"], quotes["ask_px"]])
    sizes = pl.concat([depth["size"], trades["size"], quotes["bid_sz"], quotes["ask_sz"]]).drop_nulls()
    return decimal_step(prices.to_numpy()), decimal_step(sizes.to_numpy())


def _ids(rows: pl.DataFrame, column: str) -> pl.Series:
    if column not in rows.columns:
        return pl.Series(column, [_NO_ID], pl.Int64).new_from_index(0, rows.height)
    return rows[column].cast(pl.Int64).fill_null(_NO_ID)


def _depth(rows: pl.DataFrame, tick: str, lot: str, where: str) -> pl.DataFrame:
    return rows.select(
        "recv_ns",
        "ts_ns",
        pl.col("msg").cast(pl.Int64),
        *(_ids(rows, c) for c in ("first_id", "last_id", "prev_id")),
        "is_snapshot",
        (pl.col("side") == "a").cast(pl.Int8).alias("side"),
        whole_steps(rows, "price", tick, where).alias("price_ticks"),
        whole_steps(rows, "size", lot, where).alias("size_lots"),
    ).sort("recv_ns", maintain_order=True)


def _trades(rows: pl.DataFrame, tick: str, lot: str, where: str) -> pl.DataFrame:
    if "side" not in rows.columns or rows["side"].null_count() or rows.schema["trade_id"] != pl.Int64:
        raise DataRefused(
            "the trades do not say who was the aggressor, or their ids are not numbers",
            where,
            "use a recording whose trades carry side (buy, sell) and an integer trade_id",
        )
    return rows.select(
        "recv_ns",
        "ts_ns",
        "trade_id",
        whole_steps(rows, "price", tick, where).alias("price_ticks"),
        whole_steps(rows, "size", lot, where).alias("size_lots"),
        (pl.col("side") == "sell").cast(pl.Int8).alias("aggressor"),
    ).sort("recv_ns", maintain_order=True)


def _quotes(rows: pl.DataFrame, tick: str, lot: str, where: str) -> pl.DataFrame:
    return rows.select(
        "recv_ns",
        "ts_ns",
        _ids(rows, "update_id"),
        whole_steps(rows, "bid_px", tick, where).alias("bid_ticks"),
        whole_steps(rows, "bid_sz", lot, where).alias("bid_lots"),
        whole_steps(rows, "ask_px", tick, where).alias("ask_ticks"),
        whole_steps(rows, "ask_sz", lot, where).alias("ask_lots"),
    ).sort("recv_ns", maintain_order=True)

"""One market's orders, one by one, as integer columns: who stood in which queue, when, and who traded with whom.

The log is read with its trade prints (see `order_log`), and checked against every depth snapshot that was recorded
beside it. Prices become ticks and sizes lots, exactly or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import polars as pl

from tradewind.flow import DataRefused
from tradewind.market import parquet
from tradewind.market.catalog import Catalog, DataSource, Entry, open_catalog
from tradewind.market.check import check_frame
from tradewind.market.grids import decimal_step, listed_steps, whole_steps
from tradewind.market.layouts import Kind, recognise, require
from tradewind.market.order_log import (
    ADD,
    CHANGE,
    DELETE,
    EXECUTE,
    Action,
    DepthAgreement,
    Displayed,
    Line,
    OrderFlow,
    Print,
    compare_with_depth,
    read_order_log,
)

__all__ = ["ADD", "CHANGE", "DELETE", "EXECUTE", "L3Sample", "load_l3"]

# The share of displayed levels that may differ from the totals of the orders: message jitter, not lost orders.
_DIFFERING_MAX = 0.01


@dataclass(frozen=True, slots=True)
class L3Sample:
    """The orders of one market.

    opening: order_id i64 (below 0: never mentioned in the log) · side i8 (0 bid, 1 ask) · price_ticks · size_lots; in
      order of priority.
    events: recv_ns · action i8 (ADD, EXECUTE, CHANGE, DELETE) · order_id · side · price_ticks · size_lots (what was
      added, executed or taken away). An order that takes enters behind its last trade, with what is left of it.
    trades: recv_ns · trade_id · price_ticks · size_lots · aggressor i8 (0 buy, 1 sell) · maker_id.
    levels_compared, levels_differing: depth snapshots recorded beside the log against the totals of the orders; zero
      and zero where there are none. announced_late: orders the log deletes before it creates them; left out.
    """

    venue: str
    symbol: str
    opening: pl.DataFrame
    events: pl.DataFrame
    trades: pl.DataFrame
    price_tick: str
    lot: str
    levels_compared: int
    levels_differing: int
    announced_late: int


def load_l3(source: DataSource, venue: str, symbol: str) -> L3Sample:
    """Load one market's order log, the trade prints of its session and the depth snapshots beside it, if any.

    Raises:
        DataRefused: no such recording, a defect in a file, a value off the tick or lot grid, a trade no order made, or
            snapshots that show other orders than the log.
    """
    catalog = open_catalog(source)
    entry = _largest(catalog, "orders", venue, symbol)
    if entry is None:
        raise DataRefused(
            f"no order-by-order recording of {venue} {symbol}",
            str(catalog.folder),
            "add a file with columns order_id, action, side, price, size to the data folder",
        )
    prints = _largest(catalog, "trades", venue, symbol, beside=entry)
    if prints is None:
        raise DataRefused(
            f"no trades of {venue} {symbol} were recorded while its orders were",
            entry.name,
            "add the trades file of the same session: without it nobody can tell a fill from a cancel",
        )
    depth = _largest(catalog, "depth", venue, symbol, beside=entry)
    log, trades = _read(entry, venue, symbol), _read(prints, venue, symbol)
    steps = listed_steps(catalog.folder, venue, symbol) or (
        decimal_step(log["price"].to_numpy()),
        decimal_step(log["size"].to_numpy()),
    )
    trades = _in_steps(trades, steps, prints.name)
    flow = read_order_log(_lines(_in_steps(log, steps, entry.name), entry.name), _prints(trades), entry.name)
    agreement = _agreement(flow, depth, venue, symbol, steps)
    return _sample(venue, symbol, flow, agreement, trades, steps)


def _largest(catalog: Catalog, kind: Kind, venue: str, symbol: str, *, beside: Entry | None = None) -> Entry | None:
    found = [e for e in catalog.find(kind, venue, symbol=symbol) if beside is None or _overlap(e, beside)]
    return max(found, key=lambda e: e.rows, default=None)


def _overlap(one: Entry, other: Entry) -> bool:
    if one.first_ns is None or one.last_ns is None or other.first_ns is None or other.last_ns is None:
        return False
    return one.first_ns <= other.last_ns and other.first_ns <= one.last_ns


def _read(entry: Entry, venue: str, symbol: str) -> pl.DataFrame:
    schema = parquet.read_schema(entry.path)
    layout = recognise(list(schema), entry.path)
    if layout is None:
        raise DataRefused("the file changed while it was being read", entry.name, "run again")
    require(schema, layout, entry.path)
    rows = parquet.read(entry.path).filter((pl.col("venue") == venue) & (pl.col("symbol") == symbol))
    if layout.kind != "depth":
        check_frame(rows, layout, entry.name, gaps="refuse")
    return rows.sort("recv_ns", maintain_order=True)


def _in_steps(rows: pl.DataFrame, steps: tuple[str, str], where: str) -> pl.DataFrame:
    tick, lot = steps
    return rows.with_columns(whole_steps(rows, "price", tick, where), whole_steps(rows, "size", lot, where))


def _lines(log: pl.DataFrame, where: str) -> list[Line]:
    unknown = log.filter(~pl.col("action").is_in(["created", "changed", "deleted"]))
    if unknown.height or log.schema["order_id"] != pl.Int64:
        raise DataRefused(
            "actions must be created, changed or deleted, and order ids whole numbers"
            + (f"; found {unknown['action'][0]!r}" if unknown.height else ""),
            where,
            "convert the log to these words",
        )
    numbered = log.with_row_index("row").with_columns(_side())
    rows = numbered.select("row", "recv_ns", "action", "side", "order_id", "price", "size").iter_rows()
    return [Line(row, recv, cast("Action", action), *rest) for row, recv, action, *rest in rows]


def _side() -> pl.Expr:
    return pl.col("side").is_in(["a", "ask", "sell"]).cast(pl.Int8)


def _prints(trades: pl.DataFrame) -> list[Print]:
    return [Print(*row) for row in trades.select("recv_ns", "trade_id", "price", "size").iter_rows()]


def _agreement(flow: OrderFlow, depth: Entry | None, venue: str, symbol: str, steps: tuple[str, str]) -> DepthAgreement:
    if depth is None:
        return DepthAgreement((), 0, 0)
    rows = _in_steps(_read(depth, venue, symbol).filter("is_snapshot"), steps, depth.name).with_columns(_side())
    shown = [Displayed(*row) for row in rows.select("recv_ns", "side", "price", "size").iter_rows()]
    agreement = compare_with_depth(flow, shown)
    if agreement.differing > _DIFFERING_MAX * agreement.levels:
        raise DataRefused(
            f"the orders do not add up to the depth recorded beside them: {agreement.differing} of {agreement.levels} "
            "displayed levels differ",
            depth.name,
            "use a log without lost messages",
        )
    return agreement


def _sample(
    venue: str,
    symbol: str,
    flow: OrderFlow,
    agreement: DepthAgreement,
    trades: pl.DataFrame,
    steps: tuple[str, str],
) -> L3Sample:
    order = {"order_id": pl.Int64, "side": pl.Int8, "price_ticks": pl.Int64, "size_lots": pl.Int64}
    sides = {e.order_id: e.side for e in flow.events} | {o.order_id: o.side for o in flow.opening}
    return L3Sample(
        venue,
        symbol,
        pl.DataFrame([*agreement.silent, *flow.opening], schema=order, orient="row"),
        pl.DataFrame(flow.events, schema={"recv_ns": pl.Int64, "action": pl.Int8, **order}, orient="row"),
        trades.select(
            "recv_ns",
            "trade_id",
            pl.col("price").alias("price_ticks"),
            pl.col("size").alias("size_lots"),
            # Who made a trade rested on the other side of it.
            pl.Series("aggressor", [1 - sides[m] for m in flow.makers], pl.Int8),
            pl.Series("maker_id", flow.makers, pl.Int64),
        ),
        *steps,
        agreement.levels,
        agreement.differing,
        flow.announced_late,
    )

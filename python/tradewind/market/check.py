"""File → what it holds, or a refusal. Bad data is stopped here, with what is wrong, where, and how to go on.

Nothing is repaired. A defect that makes numbers wrong (NaN, impossible bar, duplicate, crossed book) is always
refused; a gap is refused unless the caller says that gaps split the series into segments; an outlier is only listed,
because a crash is a fact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from tradewind.flow import DataRefused, Hole
from tradewind.market import books, parquet
from tradewind.market.layouts import Kind, Layout, recognise, require
from tradewind.market.times import utc_text
from tradewind.market.vetting import vet

GapPolicy = Literal["refuse", "segment"]

# A return this many robust standard deviations (1.4826 · median absolute deviation) from the median is listed.
OUTLIER_SCORE = 30.0
_MAD_TO_SIGMA = 1.4826
_SHOWN = 5
_ROW = "_row"


@dataclass(frozen=True, slots=True)
class Outlier:
    """A close-to-close return far outside the symbol's own habit. score: robust standard deviations."""

    symbol: str
    ts_ns: int
    simple_return: float
    score: float


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What an accepted file holds.

    first_ns, last_ns: its first and last stamp as written (bars: open times). gaps: missing bars, both ends being
    closes. bar_ns: None for files that are not candles. notes: plain sentences worth reading.
    """

    path: Path
    kind: Kind
    rows: int
    symbols: tuple[str, ...]
    first_ns: int
    last_ns: int
    bar_ns: int | None
    gaps: tuple[Hole, ...]
    outliers: tuple[Outlier, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PathCheck:
    """Every Parquet file under a path: accepted, refused, or of a kind that is not checked (path → why)."""

    reports: tuple[CheckReport, ...]
    refusals: tuple[DataRefused, ...]
    skipped: Mapping[Path, str]


@dataclass(frozen=True, slots=True)
class _Findings:
    bar_ns: int | None = None
    gaps: tuple[Hole, ...] = ()
    outliers: tuple[Outlier, ...] = ()
    notes: tuple[str, ...] = ()


def check_path(path: Path, *, gaps: GapPolicy = "refuse") -> PathCheck:
    """Check one file, or every Parquet file under a folder.

    In a folder, files of a kind that is not checked (news, macro, ...) are skipped with a reason; a single such file is
    refused.

    Raises:
        DataRefused: `path` does not exist, or is a folder without a Parquet file.
    """
    if not path.exists():
        raise DataRefused("there is no such file or folder", str(path), "check the path")
    files = [path] if path.is_file() else sorted(path.rglob("*.parquet"))
    if not files:
        raise DataRefused("the folder holds no Parquet file", str(path), "name a folder with *.parquet files in it")
    unfit = vet(files)
    reports: list[CheckReport] = []
    refusals: list[DataRefused] = []
    skipped: dict[Path, str] = {}
    for file in files:
        if file in unfit:
            refusals.append(unfit[file])
            continue
        try:
            if path.is_dir() and recognise(list(parquet.read_schema(file)), file) is None:
                skipped[file] = "not bars, depth, trades, quotes, orders or funding: not checked"
            else:
                reports.append(check_file(file, gaps=gaps))
        except DataRefused as refusal:
            refusals.append(refusal)
    return PathCheck(tuple(reports), tuple(refusals), skipped)


def check_file(path: Path, *, gaps: GapPolicy = "refuse") -> CheckReport:
    """Check one Parquet file of bars, mark prices, depth, trades, quotes, orders or funding.

    Raises:
        DataRefused: the first defect found, in this order: unreadable, wrong columns or types, no rows, null or NaN,
            impossible values, duplicates, time running backwards, crossed book, gaps.
    """
    schema = parquet.read_schema(path)
    layout = recognise(list(schema), path)
    if layout is None:
        raise DataRefused(
            f"wrong columns: they fit no kind of market data ({', '.join(list(schema)[:12])})",
            str(path),
            "bars need ts_ns, venue, symbol, open, high, low, close, volume; see the data guide for the other kinds",
        )
    require(schema, layout, path)
    frame = parquet.read(path)
    findings = check_frame(frame, layout, str(path), gaps=gaps)
    stamps = frame[layout.stamp_column(frame.columns)]
    return CheckReport(
        path=path,
        kind=layout.kind,
        rows=frame.height,
        symbols=tuple(sorted(frame["symbol"].unique().to_list())),
        first_ns=int(stamps.min()),  # type: ignore[arg-type]
        last_ns=int(stamps.max()),  # type: ignore[arg-type]
        bar_ns=findings.bar_ns,
        gaps=findings.gaps,
        outliers=findings.outliers,
        notes=findings.notes,
    )


def check_frame(frame: pl.DataFrame, layout: Layout, where: str, *, gaps: GapPolicy) -> _Findings:
    """Check rows already in memory (columns as `layouts.require` wants them). Raises DataRefused like `check_file`."""
    if frame.height == 0:
        raise DataRefused("there are no rows", where, "fetch the data again, or leave the file out")
    rows = frame.with_row_index(_ROW)
    _refuse_missing(rows, layout, where)
    _refuse_impossible(rows, layout, where)
    _refuse_duplicates(rows, layout, where)
    _refuse_backwards(rows, layout, where)
    if layout.kind in ("bars", "mark"):
        return _candles(rows, layout, where, gaps)
    if layout.kind == "depth":
        return _Findings(notes=(*_depth(frame, layout, where, gaps), *_clock(frame)))
    return _Findings(notes=_clock(frame))


def _place(row: Mapping[str, object], where: str, stamp: str) -> str:
    ts_ns = row[stamp]
    when = utc_text(ts_ns) if isinstance(ts_ns, int) else "no time"
    return f"{where}, {row['symbol']}, {when} (row {row[_ROW]})"


def _refuse_missing(rows: pl.DataFrame, layout: Layout, where: str) -> None:
    stamp = layout.stamp_column(rows.columns)
    for column in dict.fromkeys((*layout.required, stamp)):
        may_be_null = column in layout.nullable and column != stamp
        bad = pl.lit(value=False) if may_be_null else pl.col(column).is_null()
        if rows.schema[column] == pl.Float64:
            bad = bad | ~pl.col(column).is_finite()
        found = rows.filter(bad)
        if found.height:
            first = found.row(0, named=True)
            value = "null" if first[column] is None else {"nan": "NaN"}.get(str(first[column]), str(first[column]))
            raise DataRefused(
                f"{column} is {value}: {found.height} of {rows.height} rows have no finite number there"
                if rows.schema[column] == pl.Float64
                else f"{column} is {value} in {found.height} of {rows.height} rows",
                _place(first, where, stamp),
                "fetch those rows again or delete them (a deleted bar becomes a gap); nothing is filled in here",
            )


def _impossible(layout: Layout) -> Mapping[str, pl.Expr]:
    """Sentence → rows it is true of."""
    price, size = pl.col("price") <= 0, pl.col("size")
    match layout.kind:
        case "bars" | "mark":
            body = pl.max_horizontal("open", "close"), pl.min_horizontal("open", "close")
            rules = {
                "a price is zero or negative": pl.min_horizontal("open", "high", "low", "close") <= 0,
                "high is below low": pl.col("high") < pl.col("low"),
                "open or close is above high": body[0] > pl.col("high"),
                "open or close is below low": body[1] < pl.col("low"),
            }
            return {**rules, "volume is negative": pl.col("volume") < 0} if layout.kind == "bars" else rules
        case "quotes":
            return {
                "a quoted price is zero or negative": pl.min_horizontal("bid_px", "ask_px") <= 0,
                "a quoted size is negative": pl.min_horizontal("bid_sz", "ask_sz") < 0,
                "crossed quote: bid is at or above ask": pl.col("bid_px") >= pl.col("ask_px"),
            }
        case "trades":
            return {"price is zero or negative": price, "size is zero or negative": size <= 0}
        case "depth" | "orders":
            sides = ("b", "a") if layout.kind == "depth" else ("b", "a", "buy", "sell", "bid", "ask")
            return {
                "price is zero or negative": price,
                "size is negative": size < 0,
                f"side is not one of {', '.join(sides)}": ~pl.col("side").is_in(sides),
            }
        case "funding":
            return {"a funding rate beyond ±100 % per interval": pl.col("funding_rate").abs() > 1}
        case "other":
            return {}


def _refuse_impossible(rows: pl.DataFrame, layout: Layout, where: str) -> None:
    rules = dict(_impossible(layout))
    if layout.kind == "trades" and "side" in rows.columns:
        rules["side is not one of buy, sell"] = ~pl.col("side").is_in(["buy", "sell"])
    name = {"bars": "impossible bar", "mark": "impossible bar"}.get(layout.kind, f"impossible {layout.kind} row")
    for sentence, expression in rules.items():
        found = rows.filter(expression)
        if found.height:
            first = found.row(0, named=True)
            shown = {c: first[c] for c in layout.required if c in first and isinstance(first[c], float)}
            numbers = ", ".join(f"{c} {v:.12g}" for c, v in shown.items())
            raise DataRefused(
                f"{name}: {sentence} ({numbers}), in {found.height} of {rows.height} rows",
                _place(first, where, layout.stamp_column(rows.columns)),
                "fetch those rows again from the venue, or delete them",
            )


def _refuse_backwards(rows: pl.DataFrame, layout: Layout, where: str) -> None:
    stamp = layout.stamp_column(rows.columns)
    markets = layout.market_columns(rows.columns)
    found = rows.with_columns(pl.col(stamp).shift(1).over(markets).alias("_before")).filter(
        pl.col(stamp) < pl.col("_before")
    )
    if found.height:
        first = found.row(0, named=True)
        raise DataRefused(
            f"time runs backwards: {stamp} falls from {utc_text(first['_before'])} in {found.height} places",
            _place(first, where, stamp),
            f"sort the file by symbol and {stamp} before writing it",
        )


def _refuse_duplicates(rows: pl.DataFrame, layout: Layout, where: str) -> None:
    markets = layout.market_columns(rows.columns)
    keys = {
        "bars": [*markets, "ts_ns"],
        "mark": [*markets, "ts_ns"],
        "funding": [*markets, "ts_ns"],
        "trades": [*markets, "trade_id"],
    }.get(layout.kind)
    if keys is None:
        return
    found = rows.filter(pl.struct(keys).is_duplicated() & ~pl.struct(keys).is_first_distinct())
    if found.height:
        first = found.row(0, named=True)
        what = f"trade id {first['trade_id']}" if layout.kind == "trades" else "the same symbol and time"
        raise DataRefused(
            f"duplicate: {what} occurs more than once; {found.height} surplus rows",
            _place(first, where, layout.stamp_column(rows.columns)),
            "delete the surplus rows; if their values differ, fetch them again to learn which is right",
        )


def _candles(rows: pl.DataFrame, layout: Layout, where: str, policy: GapPolicy) -> _Findings:
    markets = layout.market_columns(rows.columns)
    rows = rows.sort(*markets, "ts_ns", maintain_order=True).with_columns(
        pl.col("ts_ns").diff().over(markets).alias("_step")
    )
    steps = rows["_step"].drop_nulls()
    if steps.len() == 0:
        return _Findings(notes=("one bar per symbol: the bar size cannot be told, gaps cannot be seen",))
    bar_ns = int(steps.mode().min())  # type: ignore[arg-type]
    late = rows.filter(pl.col("_step") != bar_ns)
    gaps = tuple(
        Hole(symbol, ts_ns - step + bar_ns, ts_ns + bar_ns, max(round(step / bar_ns) - 1, 1))
        for symbol, ts_ns, step in late.select("symbol", "ts_ns", "_step").iter_rows()
    )
    crooked = late.filter(pl.col("_step") % bar_ns != 0)
    if crooked.height:
        first = crooked.row(0, named=True)
        raise DataRefused(
            f"irregular bars: a step of {first['_step'] / 1e9:g} s among bars of {bar_ns / 1e9:g} s, "
            f"in {crooked.height} places",
            _place(first, where, "ts_ns"),
            "resample to one bar size on one grid, or split the file by bar size",
        )
    if gaps and policy == "refuse":
        raise _gap_refusal(gaps, bar_ns, where)
    silent = rows.filter(pl.col("volume") == 0).height if layout.kind == "bars" else 0
    notes = (f"{silent} bars without a trade (volume 0)",) if silent else ()
    return _Findings(bar_ns, gaps, _outliers(rows, markets, bar_ns), notes)


def _gap_refusal(gaps: tuple[Hole, ...], bar_ns: int, where: str) -> DataRefused:
    shown = "\n    ".join(
        f"{g.symbol}: {g.missing_bars} bars missing between closes {utc_text(g.from_ns)} and {utc_text(g.to_ns)}"
        for g in gaps[:_SHOWN]
    )
    more = f"\n    … and {len(gaps) - _SHOWN} more" if len(gaps) > _SHOWN else ""
    return DataRefused(
        f"gap: {sum(g.missing_bars for g in gaps)} bars of {bar_ns / 1e9:g} s missing in {len(gaps)} places",
        f"{where}\n    {shown}{more}",
        "fetch the missing bars, or accept the gaps as segment borders (data check --gaps segment)",
    )


def _outliers(rows: pl.DataFrame, markets: list[str], bar_ns: int) -> tuple[Outlier, ...]:
    value = pl.col("close") / pl.col("close").shift(1).over(markets) - 1.0
    returns = rows.with_columns(pl.when(pl.col("_step") == bar_ns).then(value).alias("_return")).drop_nulls("_return")
    centre = pl.col("_return").median().over(markets)
    spread = (pl.col("_return") - centre).abs().median().over(markets) * _MAD_TO_SIGMA
    found = (
        returns.with_columns(((pl.col("_return") - centre).abs() / spread).alias("_score"))
        .filter(pl.col("_score").is_finite() & (pl.col("_score") > OUTLIER_SCORE))
        .sort("_score", descending=True)
    )
    return tuple(
        Outlier(symbol, ts_ns + bar_ns, change, score)
        for symbol, ts_ns, change, score in found.select("symbol", "ts_ns", "_return", "_score").iter_rows()
    )


def _clock(frame: pl.DataFrame) -> tuple[str, ...]:
    """A sentence where messages seem to arrive before the venue sent them."""
    stamps = [c for c in ("ts_ns", "event_ns") if {c, "recv_ns"} <= set(frame.columns)]
    least = [int(v) for c in stamps if isinstance(v := (frame["recv_ns"] - frame[c]).min(), int)]
    if not least or min(least) >= 0:
        return ()
    return (
        f"the recorder's clock is behind the venue's: messages arrive up to {-min(least) / 1e6:.3f} ms before they "
        "were sent; the catalog entry carries the correction",
    )


def _depth(frame: pl.DataFrame, layout: Layout, where: str, policy: GapPolicy) -> tuple[str, ...]:
    """One sentence per market."""
    notes: list[str] = []
    for market in frame.partition_by(layout.market_columns(frame.columns), maintain_order=True):
        symbol = str(market["symbol"][0])
        facts = books.replay(market)
        if facts.crossing is not None:
            cross = facts.crossing
            cause = "the snapshot itself is crossed" if cross.after_snapshot else "an update was lost or misordered"
            raise DataRefused(
                f"crossed book: best bid {cross.bid:.12g} is at or above best ask {cross.ask:.12g}; {cause}",
                f"{where}, {symbol}, {utc_text(cross.recv_ns)} (message {cross.message})",
                "fetch a whole recording; deltas received before the snapshot must be in the file too",
            )
        if facts.breaks and policy == "refuse":
            first = facts.breaks[0]
            raise DataRefused(
                f"gap: {len(facts.breaks)} breaks in the update ids; expected {first.expected_id}, "
                f"found {first.found_id}",
                f"{where}, {symbol}, {utc_text(first.recv_ns)} (message {first.message})",
                "fetch a whole recording, or accept it as segments (data check --gaps segment)",
            )
        start = "" if facts.snapshots else ", no snapshot: starts from an empty book"
        breaks = f", {len(facts.breaks)} breaks in the update ids" if facts.breaks else ""
        notes.append(
            f"{symbol}: {facts.messages} messages, {facts.snapshots} snapshots, "
            f"{facts.deltas_too_old} deltas older than the snapshot, never crossed{breaks}{start}"
        )
    return tuple(notes)

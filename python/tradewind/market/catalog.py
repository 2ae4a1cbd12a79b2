"""Where the data lie and what each file is: the first question of every run.

A catalog is a folder of Parquet files (ohlcv, l2, trades, quotes, derivs, ... below it) and, where its maker wrote
one, a MANIFEST.json that says where each file came from and under which licence. Files are recognised by their
columns.

Recorder clocks. A recording carries two stamps: the venue's and the recorder's. A recorder whose clock is behind
seems to receive news before it was sent. That cannot be, so it is measured here and the correction travels with the
entry; nothing downstream accepts an uncorrected negative latency.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import polars as pl

from tradewind.flow import DataRefused
from tradewind.market import parquet
from tradewind.market.layouts import Kind, Layout, recognise
from tradewind.market.vetting import read_manifest, vet

ChosenBy = Literal["--data", "TRADEWIND_DATA", "../shared/data", "user catalog", "--simulated", "no data found"]

# Venue stamps are whole milliseconds, so the true sending time may lie up to one millisecond after the stamp.
LATENCY_FLOOR_NS = 1_000_000

_RAW_FOLDER = "raw"
_VENUE_STAMPS = ("ts_ns", "event_ns")
_RECORDED: frozenset[Kind] = frozenset({"depth", "trades", "quotes"})


@dataclass(frozen=True, slots=True)
class DataSource:
    """Where a run reads from. folder is None for the simulated market. chosen_by: the rule that decided."""

    kind: Literal["folder", "simulated"]
    folder: Path | None
    chosen_by: ChosenBy


@dataclass(frozen=True, slots=True)
class ClockCorrection:
    """What must be added to a recorder's stamps of one market so that no message arrives before it was sent.

    latency_min_ns: smallest recv - venue stamp as recorded (negative: the recorder is behind); None where the market's
    files carry no venue stamp at all.
    """

    venue: str
    symbol: str
    correction_ns: int
    latency_min_ns: int | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One file. first_ns, last_ns: its stamps as written (bars: open times). note: why it could not be described.

    licence, origin: from the manifest, None without one. clock: one correction per market, for recordings only.
    """

    path: Path
    name: str
    kind: Kind
    venues: tuple[str, ...]
    symbols: tuple[str, ...]
    rows: int
    first_ns: int | None
    last_ns: int | None
    bar_ns: int | None
    licence: str | None
    origin: str | None
    clock: tuple[ClockCorrection, ...] = ()
    note: str = ""

    @property
    def clock_correction_ns(self) -> int | None:
        """The largest correction of the file's markets; None for files that are not recordings."""
        return max((c.correction_ns for c in self.clock), default=None)


@dataclass(frozen=True, slots=True)
class Catalog:
    """Every Parquet file of a folder, in order of name."""

    folder: Path
    entries: tuple[Entry, ...]

    def require_readable(self) -> None:
        """Refuse a folder in which a file cannot be read or is empty: it may be one that the run would have used.

        Raises:
            DataRefused: names the first such file and what is wrong with it.
        """
        broken = [e for e in self.entries if e.note]
        if broken:
            more = f" ({len(broken) - 1} more such files)" if len(broken) > 1 else ""
            raise DataRefused(
                f"{broken[0].note}{more}",
                str(broken[0].path),
                "mend or fetch the file, or move it out of the data folder; `tradewind data check` lists every defect",
            )

    def find(
        self, kind: Kind, venue: str, *, symbol: str | None = None, bar_ns: int | None = None
    ) -> tuple[Entry, ...]:
        """Entries of `kind` that hold `venue` (and `symbol`, and bars of `bar_ns`), oldest first."""
        found = [
            e
            for e in self.entries
            if e.kind == kind
            and venue in e.venues
            and (symbol is None or symbol in e.symbols)
            and (bar_ns is None or e.bar_ns == bar_ns)
        ]
        return tuple(sorted(found, key=lambda e: (e.first_ns or 0, e.name)))


def locate(explicit: Path | None, environ: Mapping[str, str], working_folder: Path) -> DataSource:
    """Decide where data come from: --data, TRADEWIND_DATA, ../shared/data, the user's catalog, else simulated.

    The user's catalog is `$XDG_DATA_HOME/tradewind/catalog`, with `$HOME/.local/share` where XDG_DATA_HOME is unset
    (XDG Base Directory Specification 0.8). A folder that was asked for must be there: only the last two are optional.

    Raises:
        DataRefused: --data or TRADEWIND_DATA names something that is not a folder with Parquet files in it.
    """
    if explicit is not None:
        return _asked_for(explicit, "--data")
    if environ.get("TRADEWIND_DATA"):
        return _asked_for(Path(environ["TRADEWIND_DATA"]), "TRADEWIND_DATA")
    neighbour = working_folder.resolve().parent / "shared" / "data"
    if _parquet_files(neighbour):
        return DataSource("folder", neighbour, "../shared/data")
    home = environ.get("XDG_DATA_HOME") or (f"{environ['HOME']}/.local/share" if environ.get("HOME") else "")
    own = Path(home) / "tradewind" / "catalog"
    if home and _parquet_files(own):
        return DataSource("folder", own, "user catalog")
    return DataSource("simulated", None, "no data found")


def _asked_for(folder: Path, asked_by: ChosenBy) -> DataSource:
    if not folder.is_dir():
        found = "it is a file" if folder.is_file() else "there is nothing there"
        raise DataRefused(
            f"{asked_by} must name a data folder, but {found}", str(folder), f"correct {asked_by}, or leave it out"
        )
    if not _parquet_files(folder):
        raise DataRefused(
            f"{asked_by} names a folder without Parquet files", str(folder), f"correct {asked_by}, or leave it out"
        )
    return DataSource("folder", folder, asked_by)


def _parquet_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.rglob("*.parquet") if p.relative_to(folder).parts[0] != _RAW_FOLDER)


def open_catalog(source: DataSource) -> Catalog:
    """Describe every Parquet file of a folder source. Files that cannot be read are listed with a note.

    Raises:
        DataRefused: the source is simulated, or its MANIFEST.json is not the list of files it should be.
    """
    if source.folder is None:
        raise DataRefused(
            "the simulated market has no files to list",
            source.chosen_by,
            "name a data folder with --data DIR or TRADEWIND_DATA",
        )
    manifest = read_manifest(source.folder)
    paths = _parquet_files(source.folder)
    refused = vet(paths)
    entries = [_describe(path, source.folder, manifest, refused.get(path)) for path in paths]
    return Catalog(source.folder, _with_clocks(entries))


def _describe(
    path: Path, folder: Path, manifest: Mapping[str, Mapping[str, object]], refused: DataRefused | None
) -> Entry:
    name = path.relative_to(folder).as_posix()
    facts = manifest.get(name, {})
    licence, origin = (str(facts[k]) if facts.get(k) else None for k in ("license", "repo"))
    empty = Entry(path, name, "other", (), (), 0, None, None, None, licence, origin)
    if refused is not None:
        return replace(empty, note=refused.what)
    try:
        schema = parquet.read_schema(path)
        layout = recognise(list(schema), path)
        wanted = [c for c in ("venue", "symbol", "contract", "ts_ns", "recv_ns") if c in schema]
        frame = parquet.read(path, wanted or list(schema)[:1])
    except DataRefused as refusal:
        return replace(empty, note=refusal.what)
    stamps = [c for c in (layout.stamps if layout else ("ts_ns",)) if schema.get(c) == pl.Int64]
    span = frame[stamps[0]].drop_nulls() if stamps else pl.Series(dtype=pl.Int64)
    return replace(
        empty,
        kind=layout.kind if layout else "other",
        venues=_distinct(frame, "venue"),
        symbols=_distinct(frame, "symbol"),
        rows=frame.height,
        note="there are no rows" if frame.is_empty() else "",
        first_ns=None if span.is_empty() else int(span.min()),  # type: ignore[arg-type]
        last_ns=None if span.is_empty() else int(span.max()),  # type: ignore[arg-type]
        bar_ns=_bar_ns(frame, layout) if layout and layout.kind in ("bars", "mark") else None,
    )


def _distinct(frame: pl.DataFrame, column: str) -> tuple[str, ...]:
    if column not in frame.columns:
        return ()
    return tuple(sorted(str(v) for v in frame[column].drop_nulls().unique().to_list()))


def _bar_ns(frame: pl.DataFrame, layout: Layout) -> int | None:
    if frame.schema.get("ts_ns") != pl.Int64:
        return None
    markets = layout.market_columns(frame.columns)
    step = pl.col("ts_ns").diff().over(markets) if markets else pl.col("ts_ns").diff()
    steps = frame.select(step.alias("step"))["step"].drop_nulls()
    return int(steps.mode().min()) if steps.len() else None  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class _Recording:
    """One market in one file: when it was recorded, and its smallest raw latency."""

    entry: Path
    venue: str
    symbol: str
    first_ns: int
    last_ns: int
    latency_min_ns: int | None

    def same_session(self, other: _Recording) -> bool:
        """Same market, overlapping time: one recorder, one clock."""
        same_market = (self.venue, self.symbol) == (other.venue, other.symbol)
        return same_market and self.first_ns <= other.last_ns and other.first_ns <= self.last_ns


def _with_clocks(entries: list[Entry]) -> tuple[Entry, ...]:
    recordings = [r for e in entries if e.kind in _RECORDED for r in _recordings(e)]
    done: list[Entry] = []
    for entry in entries:
        clock = []
        for own in (r for r in recordings if r.entry == entry.path):
            seen = [r.latency_min_ns for r in recordings if r.same_session(own) and r.latency_min_ns is not None]
            least = min(seen, default=None)
            clock.append(ClockCorrection(own.venue, own.symbol, _correction_ns(least, LATENCY_FLOOR_NS), least))
        done.append(replace(entry, clock=tuple(clock)))
    return tuple(done)


def _recordings(entry: Entry) -> list[_Recording]:
    schema = parquet.read_schema(entry.path)
    if schema.get("recv_ns") != pl.Int64:
        return []
    stamps = [c for c in _VENUE_STAMPS if schema.get(c) == pl.Int64]
    frame = parquet.read(entry.path, ["venue", "symbol", "recv_ns", *stamps])
    least = [(pl.col("recv_ns") - pl.col(c)).min() for c in stamps] or [pl.lit(None, pl.Int64)]
    grouped = frame.group_by("venue", "symbol", maintain_order=True).agg(
        pl.col("recv_ns").min().alias("first"),
        pl.col("recv_ns").max().alias("last"),
        pl.min_horizontal(*least).alias("latency"),
    )
    return [_Recording(entry.path, *row) for row in grouped.iter_rows()]


def measure_clock_correction_ns(*recordings: pl.DataFrame, floor_ns: int = LATENCY_FLOOR_NS) -> int:
    """What to add to `recv_ns` so that the smallest feed latency of one market's recordings is `floor_ns`.

    recordings: depth, trades and quotes frames of one market with `recv_ns` and any of the venue's stamps `ts_ns`,
    `event_ns` (nulls are passed over). A clock that shows no negative latency is left alone: 0. The floor is the
    resolution of the venue's stamps, so corrected latencies are lower bounds up to that constant; only their
    differences are measured.

    Raises:
        DataRefused: no recording carries a venue stamp, so nothing can be measured.
    """
    latencies = [f["recv_ns"] - f[stamp] for f in recordings for stamp in _VENUE_STAMPS if stamp in f.columns]
    seen = [least for latency in latencies if isinstance(least := latency.min(), int)]
    if not seen:
        raise DataRefused(
            "the recorder's clock cannot be measured: no row carries a venue stamp (ts_ns or event_ns)",
            f"{len(recordings)} recordings",
            "record a stream that carries the venue's time beside this one",
        )
    return _correction_ns(min(seen), floor_ns)


def _correction_ns(latency_min_ns: int | None, floor_ns: int) -> int:
    return floor_ns - latency_min_ns if latency_min_ns is not None and latency_min_ns < 0 else 0

"""A recording on its way into the catalog: rows of a live feed become Parquet files, one per hour and kind.

What was heard is written down every half minute as a part beside the hour's file, so that the end of the process
costs no more than that; when the hour is over (or the recording), its parts become one file each for depth, trades and
quotes and are gone. Every hour begins with whole books, so each file can be read alone. The manifest says of each file
what the recorder knew: its clock's correction, and every stretch in which depth is missing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

_MARKETS = {
    ("binance", "spot"): "binance_spot",
    ("binance", "linear"): "binance_usdm",
    ("bybit", "spot"): "bybit_spot",
    ("bybit", "linear"): "bybit_linear",
}
_FOLDERS = {"depth": "l2", "trades": "trades", "quotes": "quotes"}
_HOUR_NS = 3_600_000_000_000
_MANIFEST = "MANIFEST.json"


def market_name(venue: str, market: str) -> str:
    """A venue's market as the catalog names it: `binance_usdm`."""
    return _MARKETS[venue, market]


class RecordedHours:
    """Keeps a recording of one venue in a folder."""

    def __init__(self, folder: Path, venue: str) -> None:
        self._folder = folder
        self._venue = venue
        self._gaps: list[dict[str, Any]] = []
        self._parts: dict[str, list[Path]] = {}
        self._count = 0
        self.files: list[Path] = []
        self._finish_what_was_left()

    def keep(self, facts: Mapping[str, Any], depth: pl.DataFrame, trades: pl.DataFrame, quotes: pl.DataFrame) -> None:
        """Keeps rows of one hour; closes the hour where `facts` says that it is over."""
        stem = f"{self._venue}_{_stamp(facts['hour_ns'])}"
        self._gaps += [self._gap(gap, facts["instruments"]) for gap in facts["gaps"]]
        for kind, rows in (("depth", depth), ("trades", trades), ("quotes", quotes)):
            if rows.height:
                self._write_part(stem, kind, _in_units(rows, kind, self._venue, facts["instruments"]))
        if facts["is_over"]:
            self._close(stem, {"clock_offset_ns": facts["clock_offset_ns"], "gaps": self._gaps})
            self._gaps = []

    def _gap(self, gap: Mapping[str, Any], instruments: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        one = instruments[gap["instrument"]]
        named = {"venue": market_name(self._venue, one["market"]), "symbol": one["symbol"]}
        return {**named, "from_ns": gap["from_ns"], "until_ns": gap["until_ns"], "why": gap["why"]}

    def _write_part(self, stem: str, kind: str, rows: pl.DataFrame) -> None:
        folder = self._folder / ".parts"
        folder.mkdir(parents=True, exist_ok=True)
        self._count += 1
        path = folder / f"{stem}.{kind}.{self._count:06}.part"
        fresh = path.with_suffix(".new")
        rows.write_parquet(fresh, compression="zstd")
        fresh.rename(path)
        self._parts.setdefault(f"{stem}.{kind}", []).append(path)

    def _close(self, stem: str, facts: Mapping[str, Any]) -> None:
        for kind, folder in _FOLDERS.items():
            parts = self._parts.pop(f"{stem}.{kind}", [])
            if not parts:
                continue
            target = _free(self._folder / folder / f"{stem}_{kind}.parquet")
            target.parent.mkdir(parents=True, exist_ok=True)
            fresh = target.with_suffix(".new")
            pl.concat([pl.read_parquet(part) for part in parts]).write_parquet(fresh, compression="zstd")
            fresh.rename(target)
            self._list(target, {**facts, "kind": kind})
            self.files.append(target)
            for part in parts:
                part.unlink()

    def _list(self, path: Path, facts: Mapping[str, Any]) -> None:
        """Adds a file to the folder's manifest."""
        manifest = self._folder / _MANIFEST
        listed = json.loads(manifest.read_text()) if manifest.is_file() else []
        name = path.relative_to(self._folder).as_posix()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        listed.append({"file": name, "sha256": digest, "source": f"recorded live from {self._venue}", **facts})
        fresh = manifest.with_suffix(".new")
        fresh.write_text(json.dumps(listed, indent=1))
        fresh.rename(manifest)

    def _finish_what_was_left(self) -> None:
        """Parts of a recorder that ended in the middle of an hour become files of their own."""
        for part in sorted((self._folder / ".parts").glob(f"{self._venue}_*.part")):
            stem, kind, _ = part.name.split(".")[:3]
            self._parts.setdefault(f"{stem}.{kind}", []).append(part)
        for stem in sorted({key.rsplit(".", 1)[0] for key in self._parts}):
            self._close(stem, {"note": "the recorder ended before the hour did; its gaps were not kept", "gaps": []})


def _stamp(hour_ns: int) -> str:
    return str(pl.select(pl.from_epoch(pl.lit(hour_ns), "ns").dt.strftime("%Y%m%d-%H")).item())


def _free(path: Path) -> Path:
    """The path, or one beside it where that is taken: nothing that was recorded is written over."""
    taken, count = path, 1
    while taken.exists():
        count += 1
        taken = path.with_name(f"{path.stem}-{count}{path.suffix}")
    return taken


def _in_units(rows: pl.DataFrame, kind: str, venue: str, instruments: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Ticks and lots as prices and sizes: a whole number over a power of ten, which is the nearest number there is."""
    steps = pl.DataFrame(
        {
            "instrument": range(len(instruments)),
            "venue": [market_name(venue, i["market"]) for i in instruments],
            "symbol": [i["symbol"] for i in instruments],
            **{
                f"{step}_{part}": [i[step][n] if part == "mantissa" else 10 ** i[step][n] for i in instruments]
                for step in ("tick", "lot")
                for n, part in enumerate(("mantissa", "power"))
            },
        },
        schema_overrides={"instrument": pl.Int64},
    )
    named = rows.join(steps, on="instrument", how="left", maintain_order="left")

    def in_units(column: str, step: str) -> pl.Series:
        # numpy divides; an expression may multiply by the reciprocal instead, which is another number in the last bit.
        steps = (named[column] * named[f"{step}_mantissa"]).to_numpy()
        return pl.Series(steps / named[f"{step}_power"].to_numpy())

    def price(column: str) -> pl.Series:
        return in_units(column, "tick")

    def size(column: str) -> pl.Series:
        return in_units(column, "lot")

    values: list[str | pl.Expr | pl.Series]
    if kind == "quotes":
        values = [
            "update_id",
            price("bid_ticks").alias("bid_px"),
            size("bid_lots").alias("bid_sz"),
            price("ask_ticks").alias("ask_px"),
            size("ask_lots").alias("ask_sz"),
        ]
    else:
        flag, words = ("is_ask", ("a", "b")) if kind == "depth" else ("is_sell", ("sell", "buy"))
        side = pl.when(pl.col(flag) == 1).then(pl.lit(words[0])).otherwise(pl.lit(words[1])).alias("side")
        ids = ["msg", "first_id", "last_id", "prev_id", "is_snapshot"] if kind == "depth" else ["trade_id"]
        values = [*ids, side, price("ticks").alias("price"), size("lots").alias("size")]
    return named.select("venue", "symbol", "recv_ns", "ts_ns", *values)

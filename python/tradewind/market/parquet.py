"""Bytes on disk → frame, or a plain refusal. The only place that opens Parquet files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from tradewind.flow import DataRefused

_MAGIC = b"PAR1"
_ENDS = 4
# Polars reports a damaged file by any of these; the Rust reader may panic on a mangled footer.
_UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)


def read_schema(path: Path) -> Mapping[str, pl.DataType]:
    """Column → type, without reading rows. Raises DataRefused where the file is not readable Parquet."""
    _require_magic(path)
    try:
        return pl.read_parquet_schema(path)
    except _UNREADABLE as error:
        raise _damaged(path, error) from error


def read(path: Path, columns: list[str] | None = None) -> pl.DataFrame:
    """All rows, with categorical text as plain strings. Raises DataRefused where the file is not readable Parquet."""
    _require_magic(path)
    try:
        frame = pl.read_parquet(path, columns=columns)
    except _UNREADABLE as error:
        raise _damaged(path, error) from error
    return frame.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))


def _require_magic(path: Path) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(_ENDS)
            size = file.seek(0, 2)
            file.seek(max(size - _ENDS, 0))
            tail = file.read(_ENDS)
    except OSError as error:
        raise DataRefused(
            f"cannot read the file: {error.strerror or error}", str(path), "check the path and its permissions"
        ) from error
    if size == 0:
        raise DataRefused("the file is empty (0 bytes)", str(path), "fetch or write it again")
    if head != _MAGIC:
        raise DataRefused(
            f"not a Parquet file: it starts with {head!r}, Parquet starts with {_MAGIC!r}",
            str(path),
            "convert it first, for example polars.read_csv(...).write_parquet(...)",
        )
    if tail != _MAGIC or size < 3 * _ENDS:
        raise DataRefused(
            f"the Parquet file is cut short: its {size} bytes do not end in {_MAGIC!r}",
            str(path),
            "fetch or write it again; a copy was probably interrupted",
        )


def _damaged(path: Path, error: BaseException) -> DataRefused:
    lines = str(error).strip().splitlines()
    reason = lines[0][:200] if lines else type(error).__name__
    return DataRefused(f"the Parquet file is damaged: {reason}", str(path), "fetch or write it again")

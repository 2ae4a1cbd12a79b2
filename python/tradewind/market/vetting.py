"""May a file be opened at all? Proven by its listed hash, or read once by a process that may die of it.

Parquet has no checksum that its readers insist on. A damaged file can be read as other numbers, make the reader print
its own distress, or end the process that reads it. So a file is opened in this process only after one of two things:

- its bytes have the SHA-256 that the folder's MANIFEST.json lists, or
- another process has read all of it and lived.

The second proves that a file can be read, not that it holds what was written: only a listed hash proves that.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tradewind.flow import DataRefused
from tradewind.market import parquet

MANIFEST = "MANIFEST.json"
_LEVELS_UP = 4
_READER = "from tradewind.market.vetting import read_each; read_each()"


def read_manifest(folder: Path) -> Mapping[str, Mapping[str, object]]:
    """What a folder's MANIFEST.json says of each file below it, by relative path; empty without one.

    Raises:
        DataRefused: the manifest is not a JSON list of objects that name a file each.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return {}
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
        return {str(item["file"]): item for item in listed}
    except (json.JSONDecodeError, UnicodeDecodeError, TypeError, KeyError) as error:
        raise DataRefused(
            f"the manifest is not a JSON list of objects with a `file` each: {error}",
            str(path),
            "mend or remove it; files are recognised without it",
        ) from error


def vet(paths: Sequence[Path]) -> Mapping[Path, DataRefused]:
    """The files of `paths` that must not be opened in this process, each with the reason.

    Raises:
        DataRefused: a manifest beside or above the files is not readable.
    """
    refused: dict[Path, DataRefused] = {}
    unproven: list[Path] = []
    manifests: dict[Path, Mapping[str, Mapping[str, object]]] = {}
    for path in paths:
        listed = _listed_hash(path, manifests)
        if listed is None:
            unproven.append(path)
        elif (found := _sha256(path)) != listed:
            refused[path] = DataRefused(
                f"the file is not the one that its manifest lists: SHA-256 {found[:16]}…, listed {listed[:16]}…",
                str(path),
                "fetch it again, or correct the manifest if the file was changed on purpose",
            )
    return {**refused, **_unreadable(unproven)}


def _listed_hash(path: Path, manifests: dict[Path, Mapping[str, Mapping[str, object]]]) -> str | None:
    """The hash that the nearest manifest above `path` lists for it."""
    full = path.resolve()
    for folder in full.parents[:_LEVELS_UP]:
        if folder not in manifests:
            manifests[folder] = read_manifest(folder)
        facts = manifests[folder].get(full.relative_to(folder).as_posix())
        if facts is not None:
            listed = facts.get("sha256")
            return listed if isinstance(listed, str) else None
    return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unreadable(paths: Sequence[Path]) -> dict[Path, DataRefused]:
    """Of `paths`, those that a reader refuses or dies of."""
    refused: dict[Path, DataRefused] = {}
    left = list(paths)
    while left:
        lines, status = _read_elsewhere(left)
        for path, line in zip(left, lines, strict=False):
            if line["refused"] is not None:
                refused[path] = DataRefused(*line["refused"])
        left = left[len(lines) :]
        if left:
            fatal, left = left[0], left[1:]
            refused[fatal] = DataRefused(
                f"the Parquet file is damaged: reading it ends the reader ({_end_in_words(status)})",
                str(fatal),
                "fetch or write it again",
            )
    return refused


def _read_elsewhere(paths: Sequence[Path]) -> tuple[list[dict[str, tuple[str, str, str] | None]], int]:
    """What another process said of the first files it could read, and how it ended."""
    ran = subprocess.run(  # noqa: S603 - this interpreter, this package
        [sys.executable, "-P", "-c", _READER],
        input="\n".join(json.dumps(str(p)) for p in paths),
        env={**os.environ, "RUST_BACKTRACE": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode == -signal.SIGINT:
        raise KeyboardInterrupt
    said = ran.stdout.split("\n")
    # Without its line's end, what a dying process said last is not whole.
    return [json.loads(line) for line in said[:-1]], ran.returncode


def _end_in_words(status: int) -> str:
    if status >= 0:
        return f"exit {status}"
    known = {s.value: s.name for s in signal.Signals}
    return known.get(-status, f"signal {-status}")


def read_each() -> None:
    """The reading process: takes one JSON path per line, reads each file whole, answers one JSON line each."""
    for path in _asked():
        try:
            parquet.read(path)
            refusal = None
        except DataRefused as error:
            refusal = (error.what, error.where, error.remedy)
        sys.stdout.write(json.dumps({"refused": refusal}) + "\n")
        sys.stdout.flush()


def _asked() -> Iterator[Path]:
    for line in sys.stdin:
        yield Path(json.loads(line))

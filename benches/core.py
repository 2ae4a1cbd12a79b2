"""The Rust core's own benchmark (`crates/simulator/benches/core`): built as it is shipped, run as its own process."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import polars as pl

from measurement import BenchFailed, Measurement

REPOSITORY = Path(__file__).resolve().parent.parent
_COMMAND = ("bench", "--locked", "--package", "tradewind-simulator", "--bench", "core", "--no-run")


def tool(name: str) -> str | None:
    """Path of a Rust tool: on PATH, or where rustup puts it."""
    return shutil.which(name) or shutil.which(name, path=str(Path.home() / ".cargo" / "bin"))


def build() -> Path:
    """Build the benchmark with the release profile into cargo's usual target folder; gives the executable.

    Raises:
        BenchFailed: no cargo, or the build failed.
    """
    cargo = tool("cargo")
    if cargo is None:
        raise BenchFailed("cargo is not on PATH nor in ~/.cargo/bin; `make setup` installs it")
    command = [cargo, *_COMMAND, "--message-format", "json-render-diagnostics"]
    built = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if built.returncode != 0:
        raise BenchFailed(f"`cargo {' '.join(_COMMAND)}` failed:\n{built.stderr.strip()}")
    for message in map(json.loads, built.stdout.splitlines()):
        if (
            message.get("reason") == "compiler-artifact"
            and message["target"]["name"] == "core"
            and message["executable"]
        ):
            return Path(message["executable"])
    raise BenchFailed(f"`cargo {' '.join(_COMMAND)}` built no executable named core")


def write_depth(depth: pl.DataFrame, path: Path) -> None:
    """Depth rows as the benchmark reads them: eight little-endian i64 to a level change."""
    names = ("msg", "first_id", "last_id", "prev_id", "is_snapshot", "side", "price_ticks", "size_lots")
    columns = [depth[name].cast(pl.Int64).fill_null(-1).to_numpy() for name in names]
    path.write_bytes(np.column_stack(columns).astype("<i8").tobytes())


def run(executable: Path, depth: Path | None, *, quick: bool) -> list[Measurement]:
    """One go of every row.

    Raises:
        BenchFailed: the benchmark stopped, in its own words.
    """
    command = [str(executable), *(["--quick"] if quick else []), *(["--depth", str(depth)] if depth else [])]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise BenchFailed(f"the core's benchmark stopped: {ran.stderr.strip()}")
    rows = map(json.loads, ran.stdout.splitlines())
    return [
        Measurement.of_rounds(r["name"], r["ops"], r["elapsed_ns"], r["rejects"], r["fills"], r["hash"]) for r in rows
    ]

"""The yardstick: a dependency-free sketch of what the machine allows (`fastbook.rs`), compiled and run in the same go.

It is a floor to aim at, not a peer to beat: one array of ticks, 32-bit quantities, no order types beyond limit and
immediate, nothing checked that the mix does not need, a journal of raw 64-byte rows without checksum. It lies outside
the repository: TRADEWIND_BENCH names its folder, else `../shared/bench`.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import core
from measurement import BenchFailed, Measurement

BOOK = "yardstick_matching_mix"
PATH = "yardstick_order_path"
_FLAGS = ("-C", "opt-level=3", "-C", "target-cpu=native", "-C", "panic=abort", "-C", "codegen-units=1")

_COUNTS = re.compile(
    r"\[live 1k .*48/42/10\] batch: best ([\d.]+) ns/op median ([\d.]+) ns/op .*; "
    r"adds (\d+) cancels (\d+) ioc (\d+) fills (\d+)"
)
_REJECTS = re.compile(r"replayed rejects by kind add/cancel/ioc/replace: \[(\d+), (\d+), (\d+), (\d+)\]")
_RISK = re.compile(r"\+ 6 risk checks .* 1 thread: ([\d.]+) ns/op")


def source(environ: Mapping[str, str]) -> Path:
    """Where the yardstick's source should be."""
    return Path(environ.get("TRADEWIND_BENCH") or core.REPOSITORY.parent / "shared" / "bench") / "fastbook.rs"


def build(environ: Mapping[str, str], folder: Path) -> Path | str:
    """Compile it into `folder`; gives the executable, or the reason why there is none."""
    path, rustc = source(environ), core.tool("rustc")
    if not path.is_file():
        return f"{path.name} not found in {path.parent}; TRADEWIND_BENCH names its folder"
    if rustc is None:
        return "rustc is not on PATH nor in ~/.cargo/bin"
    executable = folder / "fastbook"
    command = [rustc, *_FLAGS, "-o", str(executable), str(path)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if built.returncode != 0:
        said = [line for line in built.stderr.splitlines() if line.startswith("error")]
        return f"it does not compile on this machine: {said[0] if said else 'rustc gave no reason'}"
    return executable


def run(executable: Path) -> list[Measurement]:
    """One go of its first mix, the one that ours is like; it is stopped before the others.

    Raises:
        BenchFailed: it ended without the figures.
    """
    with subprocess.Popen([str(executable), "nowire"], stdout=subprocess.PIPE, text=True) as process:
        try:
            return _parse(process.stdout or iter(()))
        finally:
            process.kill()


def _parse(lines: Iterator[str]) -> list[Measurement]:
    found: list[re.Match[str]] = []
    wanted = [_COUNTS, _REJECTS, _RISK]
    for line in lines:
        if match := wanted[len(found)].search(line):
            found.append(match)
        if len(found) == len(wanted):
            break
    else:
        raise BenchFailed(f"the yardstick ended without a line like `{wanted[len(found)].pattern}`; has it changed?")
    counts, rejected, risk = found
    operations = sum(int(n) for n in counts.groups()[2:5])
    best, median = (float(ns) * operations for ns in counts.groups()[:2])
    rejects, fills = sum(int(n) for n in rejected.groups()), int(counts[6])
    return [
        Measurement(BOOK, {"op": operations}, (best,), (median,), rejects, fills, None),
        Measurement(PATH, {"op": operations}, (float(risk[1]) * operations,), (), None, fills, None),
    ]

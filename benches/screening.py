"""10,000 moving-average crosses over a year of hours: ours, a numba loop and vectorbt, on the same closes in one run.

Every side is long or flat, all in, 10 bps a fill, filled at the signal's own close, as the peers can do it.
Ours works out drawdown and Sharpe ratio as well. Figures are CPU seconds of one thread, and for two threads the wall's.
The peers live in an environment of their own, made with uv (`--peers DIR` keeps it); where that cannot be, the row says
"peer not run" and carries no ratio. The run fails when two goes of ours differ, or the best return is not the same.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from tradewind import _native

Floats = npt.NDArray[np.float64]
_FAILED = 4
_REQUIREMENTS = ("vectorbt==1.2.0", "numba>=0.61")
_PEERS = ("numba", "vectorbt")
_SAME = {"numba": 1e-9, "vectorbt": 1e-4}
"""How far a best return may lie from ours. vectorbt adds its fee to the price; numba's and ours leaves the money."""
_EXAMPLES = """examples:
  .venv/bin/python benches/screening.py                  about two minutes, most of them vectorbt's
  .venv/bin/python benches/screening.py --quick          a tenth of the pairs
  .venv/bin/python benches/screening.py --peers DIR      keeps the peers' environment there

exit: 0 ok, 2 usage, 4 results that differ"""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. differs_most: from ours, over all pairs, in total return."""

    name: str
    pairs_per_s: float | None
    best_return: float | None = None
    differs_most: float | None = None
    said: str = ""


@dataclass(frozen=True, slots=True)
class Work:
    """Closes, pairs of windows, and the bars whose closes end a day."""

    closes: Floats
    fast: npt.NDArray[np.int64]
    slow: npt.NDArray[np.int64]
    marks: npt.NDArray[np.int64]


def workload(pairs: int) -> Work:
    """A seeded walk of 8,760 hours, 8 bps of noise each; fast windows 5 to 104 against slow ones 110 to 209."""
    noise = np.random.default_rng(11).standard_normal(8_760) * 0.0008
    fast, slow = np.meshgrid(np.arange(5, 105), np.arange(110, 210))
    closes = 30_000.0 * np.exp(np.cumsum(noise))
    return Work(closes, fast.ravel()[:pairs], slow.ravel()[:pairs], np.arange(23, 8_760, 24))


def ours(work: Work, threads: int) -> pl.DataFrame:
    """Scores of every pair."""
    table = _native.screen_ma_crosses(
        pl.DataFrame({"close": work.closes}),
        pl.DataFrame({"fast": work.fast, "slow": work.slow}).cast(pl.UInt32),
        pl.DataFrame({"bar": work.marks}).cast(pl.UInt32),
        marks_per_year=365.0,
        fee_bps=10.0,
        sides="long_flat",
        execution="signal_close",
        threads=threads,
    )
    return pl.DataFrame(table)


def digest(scores: pl.DataFrame) -> str:
    """Of every score of every pair, to the bit."""
    content = hashlib.sha256()
    for column in scores.columns:
        content.update(scores[column].fill_null(0).to_numpy().tobytes())
    return content.hexdigest()[:16]


def timed(work: Work, threads: int, turns: int) -> tuple[float, pl.DataFrame]:
    """Best seconds of several goes: CPU for one thread, wall for more; fails when two goes differ."""
    clock = time.process_time if threads == 1 else time.perf_counter
    best, hashes, scores = np.inf, set(), pl.DataFrame()
    for _ in range(turns):
        started = clock()
        scores = ours(work, threads)
        best = min(best, clock() - started)
        hashes.add(digest(scores))
    if len(hashes) != 1:
        sys.exit(f"screening: the same work gave {len(hashes)} different results")
    return best, scores


def environment(folder: Path) -> Path | str:
    """The peers' interpreter, or why there is none."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    uv = shutil.which("uv")
    if not python.exists():
        if uv is None:
            return "uv is not installed"
        make = [uv, "venv", "--quiet", "--python", "3.11", str(folder)]
        install = [uv, "pip", "install", "--quiet", "--python", str(python), *_REQUIREMENTS]
        for command in (make, install):
            ran = subprocess.run(command, capture_output=True, text=True, check=False)
            if ran.returncode != 0:
                return (ran.stderr.strip().splitlines() or ["no reason given"])[-1]
    return python


def peer(name: str, python: Path | str, work: Work, folder: Path, returns: Floats) -> Row:
    """One peer on the same closes and pairs."""
    if isinstance(python, str):
        return Row(name, None, said=f"peer not run: {python}")
    for array in ("closes", "fast", "slow"):
        np.save(folder / f"{array}.npy", getattr(work, array))
    script = Path(__file__).with_name("screening_peers.py")
    ran = subprocess.run(
        [str(python), str(script), name, str(folder / "closes.npy")], capture_output=True, text=True, check=False
    )
    if ran.returncode != 0:
        return Row(name, None, said=f"peer not run: {(ran.stderr.strip().splitlines() or ['no word'])[-1]}")
    facts = json.loads(ran.stdout.splitlines()[-1])
    found = np.load(folder / f"{name}.npy")
    return Row(
        f"{facts['name']}, CPython {facts['python']}",
        len(found) / facts["seconds"],
        float(found.max()),
        float(np.abs(found - returns).max()),
    )


def show(rows: list[Row], pairs: int) -> None:
    """The table, ratios to the first row."""
    print(f"{pairs:,} MA crosses x 8,760 bars, long/flat, 10 bps a fill, filled at the signal's close")
    print(f"{'':<44}{'pairs/s':>10}{'ours, 1 thread, is':>20}{'best return':>13}{'differs at most':>17}")
    first = rows[0].pairs_per_s or 0.0
    for row in rows:
        if row.pairs_per_s is None or row.best_return is None:
            print(f"{row.name:<44}{row.said}")
            continue
        differs = "" if row.differs_most is None else f"{row.differs_most:.1e}"
        ratio = f"{first / row.pairs_per_s:.2f}x"
        print(f"{row.name:<44}{row.pairs_per_s:>10,.0f}{ratio:>20}{row.best_return:>13.6f}{differs:>17}  {row.said}")


def main() -> None:
    """Measures, shows, and fails on a different best return."""
    parser = argparse.ArgumentParser(
        prog="benches/screening.py",
        description="The screening kernel beside its peers in one run.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="1,000 pairs")
    parser.add_argument("--turns", type=int, default=7, metavar="N", help="goes of ours, the best counts (7)")
    parser.add_argument("--peers", type=Path, metavar="DIR", help="where the peers' environment is, or is made")
    parser.add_argument("--json", action="store_true", help="plain data instead of a table")
    given = parser.parse_args()
    work = workload(1_000 if given.quick else 10_000)
    pairs = len(work.fast)
    with tempfile.TemporaryDirectory() as scratch:
        one, scores = timed(work, 1, given.turns)
        returns = scores["total_return"].to_numpy()
        python = environment(given.peers or Path(scratch) / "peers")
        beside = [peer(name, python, work, Path(scratch), returns) for name in _PEERS]
        # Again after the peers, in case the machine was busier before them than during.
        one = min(one, timed(work, 1, given.turns)[0])
        two, scores_of_two = timed(work, 2, given.turns)
    said = f"hash {digest(scores)}; mean trades {scores['trades'].mean():.1f}; drawdown and Sharpe included"
    best = float(returns.max())
    rows = [
        Row("tradewind, 1 thread", pairs / one, best, said=said),
        Row("tradewind, 2 threads (wall)", pairs / two, best, said=f"hash {digest(scores_of_two)}"),
        *beside,
    ]
    if given.json:
        print(json.dumps({"pairs": pairs, "rows": [asdict(r) for r in rows]}, indent=1))
    else:
        show(rows, pairs)
    wrong = [
        f"{name}: best return {row.best_return}, ours {best}"
        for name, row in zip(_PEERS, beside, strict=True)
        if row.best_return is not None and abs(row.best_return - best) > _SAME[name]
    ]
    if wrong or digest(scores) != digest(scores_of_two):
        sys.stderr.write("screening: " + ("; ".join(wrong) or "two threads gave other scores than one") + "\n")
        sys.exit(_FAILED)


if __name__ == "__main__":
    main()

"""The shared work timed on every engine, in turn, in one run: what `make bench` shows of the peers.

Processor time of the run itself decides, because other programs' work is not in it; data is loaded before the clock
starts on every side. Each engine runs in a process of its own, so that its peak memory is its own. Ours keeps a journal
in a file at level memory (every input and outcome encoded, checksummed and chained); the peers keep none.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import environments
import ours
import recorded
import twins
import workloads
from tradewind.market import load_l2, locate

HERE = Path(__file__).resolve().parent
_MARKET = ("binance_usdm", "BTCUSDT")
_START = Decimal(10_000_000)
_DEPTH_EVENTS = workloads.LEVEL_CHANGES + 96_464
WORKS: Mapping[str, str] = {
    "A2": "2 M trades, EMA cross",
    "C2": "1.1 M depth changes and trades, touch maker",
    "E": "100 k bars, EMA cross",
    "F1": "100 k quotes, a market order each",
    "GRID": "recorded BTCUSDT USD-M, grid of 20, queue and latency",
}
_EVENTS = {"A2": workloads.ROWS, "C2": _DEPTH_EVENTS, "E": workloads.BARS, "F1": workloads.ORDERS}


@dataclass(frozen=True, slots=True)
class Go:
    """One run of one engine; none where it has nothing to tell."""

    engine: str
    interpreter: str
    cpu_s: float
    orders: int | None
    fills: int
    rejects: int | None
    balance: str | None
    state_hash: str | None
    submit_to_fill_us: float | None
    peak_mb: float | None


@dataclass(frozen=True, slots=True)
class Missing:
    """An engine that did not run, and why."""

    engine: str
    reason: str


def _said(command: Sequence[str]) -> dict[str, Any]:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise RuntimeError(f"{' '.join(command[:3])} stopped: {ran.stderr.strip()[-1_500:]}")
    said: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return said


def _ours(work: str, folder: Path) -> Go:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    said = _said([sys.executable, str(HERE / "solo.py"), str(folder), work])
    return Go("Tradewind, Python", f"CPython {version}", **said)


def _twin(executable: Path, work: str, folder: Path) -> Go:
    said = _said([str(executable), str(folder), work, "1"])
    balance = str(Decimal(said["balance"]).scaleb(-8))
    left = (said["orders"], said["fills"], said["rejects"], balance, said["hash"])
    return Go("Tradewind, Rust twin", "-", said["cpu_ns"][0] / 1e9, *left, None, None)


def _nautilus(python: Path, work: str, folder: Path) -> Go:
    said = _said([str(python), str(HERE / "nautilus.py"), str(folder), work])
    took = said["submit_to_fill_ns"]
    return Go(
        environments.NAUTILUS.name, f"CPython {environments.NAUTILUS.python}", said["cpu_s"], said["orders"],
        said["fills"], None, said["balance"], None, took / 1e3 if took else None, said["peak_mb"],
    )  # fmt: skip


def _hftbacktest(python: Path, folder: Path) -> Go:
    start = int(np.load(folder / "grid_depth.ts.npy", mmap_mode="r")[0])
    said = _said([str(python), str(HERE / "hft.py"), str(folder), str(start)])
    interpreter = f"numba, CPython {environments.HFTBACKTEST.python}"
    fastest = min(said["cpu_s"].values())
    return Go(environments.HFTBACKTEST.name, interpreter, fastest, None, said["fills"], None, None, None, None, None)


def _runners(folder: Path, works: Sequence[str]) -> dict[str, list[Callable[[], Go] | Missing]]:
    """Who runs each workload, the peer last."""
    executable = twins.build()
    wanted = {environments.HFTBACKTEST if work == "GRID" else environments.NAUTILUS for work in works}
    found = {peer: environments.interpreter(peer) for peer in wanted}
    out: dict[str, list[Callable[[], Go] | Missing]] = {}
    for work in works:
        peer = environments.HFTBACKTEST if work == "GRID" else environments.NAUTILUS
        python = found[peer]
        theirs: Callable[[], Go] | Missing
        if isinstance(python, str):
            theirs = Missing(peer.name, python)
        else:
            theirs = (
                partial(_hftbacktest, python, folder) if work == "GRID" else partial(_nautilus, python, work, folder)
            )
        out[work] = [partial(_ours, work, folder), partial(_twin, executable, work, folder), theirs]
    return out


def _line(go: Go, cpu_s: float, events: int, ratio: float | None) -> str:
    profit = "-" if go.balance is None else f"{Decimal(go.balance) - _START:+,.8f}"
    cells = (
        f"{cpu_s * 1e3:9,.1f} ms",
        f"{events / cpu_s / 1e6:7.2f} M/s",
        "        " if ratio is None else f"{ratio:6.1f} x",
        f"{_shown(go.orders):>8} {go.fills:>8,} {_shown(go.rejects):>7}",
        f"{profit:>17}",
        f"{(go.state_hash or '-')[:10]:<10}",
        f"{'memory' if go.state_hash else 'none':<6}",
        "       -" if go.submit_to_fill_us is None else f"{go.submit_to_fill_us:5.2f} us",
        "      -" if go.peak_mb is None else f"{go.peak_mb:5,.0f} MB",
    )
    return f"  {go.engine:<24} {go.interpreter:<20} " + " ".join(cells)


def _shown(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"


_HEAD = (
    f"  {'':<24} {'':<20} {'cpu, median':>12} {'events':>11} {'x peer':>8} {'orders':>8} {'fills':>8} {'rejects':>7} "
    f"{'profit':>17} {'state hash':<10} {'level':<6} {'to fill':>8} {'peak':>8}"
)


def race(folder: Path, works: Sequence[str], turns: int) -> None:
    """Run and print, workload by workload.

    Raises:
        RuntimeError: an engine stopped, or did not do the same work twice.
    """
    runners = _runners(folder, works)
    print(_HEAD)
    for work in works:
        goes: dict[str, list[Go]] = {}
        for _ in range(turns):
            for runner in runners[work]:
                if not isinstance(runner, Missing):
                    go = runner()
                    goes.setdefault(go.engine, []).append(go)
        print(f"{work}: {WORKS[work]}", flush=True)
        *_, last = runners[work]
        spent = {engine: statistics.median(go.cpu_s for go in each) for engine, each in goes.items()}
        beside = None if isinstance(last, Missing) else spent[list(goes)[-1]]
        events = _EVENTS.get(work) or sum(
            len(workloads.read(folder, name)["ts"]) for name in ("grid_depth", "grid_trades")
        )
        for engine, each in goes.items():
            if len({(go.orders, go.fills, go.balance, go.state_hash) for go in each}) != 1:
                raise RuntimeError(f"{engine} on {work}: the same work came out differently in two goes")
            print(_line(each[0], spent[engine], events, beside / spent[engine] if beside else None), flush=True)
        if isinstance(last, Missing):
            print(f"  peer not run: {last.engine}: {last.reason}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=3, help="how often the engines take turns (3)")
    parser.add_argument("--work", nargs="+", choices=tuple(WORKS), default=list(WORKS))
    parser.add_argument("--data", type=Path, help="folder of the real data (else TRADEWIND_DATA, ../shared/data)")
    options = parser.parse_args()
    works = list(options.work)
    with tempfile.TemporaryDirectory(prefix="tradewind-peers-") as name:
        folder = Path(name)
        source = locate(options.data, os.environ, Path.cwd())
        if "GRID" in works and source.kind == "simulated":
            print("GRID not run: no recorded depth found; --data DIR or TRADEWIND_DATA names it")
            works.remove("GRID")
        if "GRID" in works:
            recorded.write(load_l2(source, *_MARKET), folder)
        wanted = {"A2": ("trades",), "F1": ("quotes",), "E": ("bars",), "C2": ("depth", "depth_trades"), "GRID": ()}
        workloads.write(folder, workloads.SEED, tuple(one for work in works for one in wanted[work]))
        ours.write_setups(folder, works)
        race(folder, works, options.turns)


if __name__ == "__main__":
    main()

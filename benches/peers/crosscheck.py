"""`make crosscheck`: the shared work on both engines, fill by fill, on several seeds.

Both are given the same events; then orders, fills (time, order, side, price, quantity, maker or taker, fee) and the
final balance are compared. What differs must follow from a rule stated here, and the rule is applied and the difference
with it checked to the last digit: nothing is waved through. The grid on recorded depth follows, against hftbacktest.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

import environments
import gridcheck
import ours
import recorded
import workloads
from tradewind.market import load_l2, locate

HERE = Path(__file__).resolve().parent
WORKS = ("A2", "B2", "C2", "E", "F1")
GRID = "GRID"
SETS = {"A2": ("trades",), "B2": ("quotes",), "F1": ("quotes",), "E": ("bars",), "C2": ("depth", "depth_trades")}
FIELDS = ("ts_venue_ns", "order", "side", "price_ticks", "lots", "is_maker", "fee_units")
START_UNITS = 10_000_000 * 10**8
_DIFFERENT = 1

Fills = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one engine made of a workload. balance: in units of 1e-8."""

    orders: int
    fills: Fills
    balance: int


def ours_on(work: str, folder: Path, first: int | None = None) -> Outcome:
    """This engine, without a journal."""
    ran = ours.run(work, ours.recording(work, folder, first), None)
    table = pl.DataFrame(ran.engine.fills_exact())
    fills = table.select(FIELDS).to_numpy().astype(np.int64).reshape(-1, len(FIELDS))
    return Outcome(ran.engine.counts()["orders"], fills, ran.engine.balance(0, 0))


def theirs_on(python: Path, work: str, folder: Path) -> Outcome:
    """The peer, in its own process.

    Raises:
        RuntimeError: it stopped, in its own words.
    """
    kept = folder / f"{work}.fills.npy"
    command = [str(python), str(HERE / "nautilus.py"), str(folder), work, "--fills", str(kept)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise RuntimeError(ran.stderr.strip()[-2_000:])
    said = json.loads(ran.stdout.splitlines()[-1])
    return Outcome(said["orders"], np.load(kept), int(Decimal(said["balance"]).scaleb(8)))


def balance_by_float_average(fills: Fills) -> int:
    """What fills leave when profit is reckoned from an average price.

    The rule: the average entry price is a double, weighted anew by each fill that adds; a fill that reduces realises
    (price - average) x quantity, rounded to 1e-8, ties away from zero. This engine keeps the cost itself, in whole
    units, so its sum over a closed position is exact.
    """
    lots_held, average, units = 0, 0.0, START_UNITS
    for _, _, side, ticks, lots, _, fee in fills.tolist():
        price, size, held = ticks / 100, lots / 1_000, abs(lots_held) / 1_000
        if lots_held == 0 or (lots_held > 0) == (side > 0):
            average = (held * average + price * size) / (held + size)
        else:
            profit = math.copysign(1.0, lots_held) * (price - average) * min(size, held) * 1e8
            units += int(math.copysign(math.floor(abs(profit) + 0.5), profit))
            if lots > abs(lots_held):
                average = price
        units -= fee
        lots_held += side * lots
    return units


def first_difference(mine: Fills, theirs: Fills) -> str | None:
    """The first fill that differs, in words; none where all agree."""
    for index, (left, right) in enumerate(zip(mine, theirs, strict=False)):
        if not np.array_equal(left, right):
            named = [f"{name} {a} | {b}" for name, a, b in zip(FIELDS, left, right, strict=True) if a != b]
            return f"fill {index}: " + ", ".join(named)
    if len(mine) != len(theirs):
        return f"{len(mine)} | {len(theirs)} fills, the same as far as both go"
    return None


def compare(work: str, seed: int, mine: Outcome, theirs: Outcome) -> tuple[bool, str]:
    """Whether everything agrees or follows from the rule, and a line that says so."""
    differs = first_difference(mine.fills, theirs.fills)
    away = mine.balance - theirs.balance
    by_rule = balance_by_float_average(mine.fills)
    if differs is not None or mine.orders != theirs.orders:
        verdict, agrees = f"DIFFERENT: {mine.orders} | {theirs.orders} orders; {differs}", False
    elif away == 0:
        verdict, agrees = "same orders, fills and balance", True
    elif by_rule == theirs.balance:
        verdict, agrees = f"same orders and fills; balance {away:+d}e-8 by the float average price", True
    else:
        verdict, agrees = f"DIFFERENT: balance {away:+d}e-8, {by_rule - theirs.balance:+d}e-8 unexplained", False
    balance = Decimal(mine.balance).scaleb(-8)
    return agrees, f"{work:<3} {seed:>9}  {mine.orders:>7} orders {len(mine.fills):>7} fills  {balance:>17}  {verdict}"


def main(given: Sequence[str] | None = None) -> int:
    """Run the comparison; 0 where all agree or follow from a rule, 1 where not."""
    parser = argparse.ArgumentParser(prog="make crosscheck", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, nargs="+", default=[workloads.SEED, 1, 2])
    parser.add_argument("--work", nargs="+", choices=(*WORKS, GRID), default=[*WORKS, GRID])
    parser.add_argument("--data", type=Path, help="folder of the real data (else TRADEWIND_DATA, ../shared/data)")
    options = parser.parse_args(given)
    shared = [work for work in options.work if work != GRID]
    agree = against_nautilus(options.seeds, shared) if shared else True
    if GRID in options.work:
        agree &= against_hftbacktest(options.data)
    return 0 if agree else _DIFFERENT


def against_nautilus(seeds: Sequence[int], works: Sequence[str]) -> bool:
    """Print the comparison; whether all agree or follow from a rule."""
    python = environments.interpreter(environments.NAUTILUS)
    if isinstance(python, str):
        print(f"peer not run: {environments.NAUTILUS.name}: {python}")
        return True
    print(f"Tradewind | {environments.NAUTILUS.name}")
    all_agree = True
    for seed in seeds:
        with tempfile.TemporaryDirectory(prefix="tradewind-peers-") as name:
            folder = Path(name)
            workloads.write(folder, seed, tuple({one for work in works for one in SETS[work]}))
            for work in works:
                agrees, line = compare(work, seed, ours_on(work, folder), theirs_on(python, work, folder))
                print(line, flush=True)
                all_agree &= agrees
    return all_agree


def against_hftbacktest(data: Path | None) -> bool:
    """Print the grid's comparison; whether every difference follows from a rule."""
    source = locate(data, os.environ, Path.cwd())
    if source.kind == "simulated":
        print("GRID not run: no recorded depth found; --data DIR or TRADEWIND_DATA names it")
        return True
    python = environments.interpreter(environments.HFTBACKTEST)
    if isinstance(python, str):
        print(f"peer not run: {environments.HFTBACKTEST.name}: {python}")
        return True
    with tempfile.TemporaryDirectory(prefix="tradewind-peers-") as name:
        recorded.write(load_l2(source, "binance_usdm", "BTCUSDT"), Path(name))
        compared = gridcheck.compare(python, Path(name))
    print(f"Tradewind | {environments.HFTBACKTEST.name}\n{compared.text()}")
    return not compared.unexplained


if __name__ == "__main__":
    sys.exit(main())

"""Kills a live node that trades both venues, then makes it suffer, then audits: `make kill-node KILLS=200`.

    python tests/node/kill_node.py --kills 200 --seed 1

Ends with a table: kills, starts, time from start to trading, and each venue beside the journal. Exit 1 where anything
differs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hardships
from desk import Desk, emulate
from kills import Ground, kill_again_and_again, settle, table

STILL_S = 30.0
DOWN_S = 60.0


@contextmanager
def ground_at(folder: Path, seed: int) -> Iterator[Ground]:
    """Both venues and a desk in a folder, until the end of the block."""
    folder.mkdir(parents=True)
    desk = Desk(folder)
    venues = emulate(desk, "binance,bybit")
    try:
        yield Ground.prepare(desk, venues, seed)
    finally:
        venues[0].process.terminate()
        venues[0].process.wait()


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--kills", type=int, default=200)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--folder", type=Path, help="where everything is kept; a temporary folder otherwise")
    told = asked.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = told.folder or Path(temporary)
        differs = False
        with ground_at(folder / "kills", told.seed) as ground:
            kill_again_and_again(ground, told.kills)
            findings = settle(ground)
            print(table(ground, findings), flush=True)
            differs |= any(finding.differences for finding in findings)
        with ground_at(folder / "hardships", told.seed + 1) as ground:
            print(
                f"SIGSTOP {STILL_S:g} s: trades again after {hardships.stand_still(ground, STILL_S):.1f} s", flush=True
            )
            print(
                f"venues down {DOWN_S:g} s: trades again after {hardships.venues_down(ground, DOWN_S):.1f} s",
                flush=True,
            )
            try:
                print(
                    f"wall clock +1 h, then -2 h: trades again after {hardships.clock_steps(ground):.1f} s", flush=True
                )
            except hardships.NotHere as missing:
                print(f"wall clock: left out; {missing}")
            findings = settle(ground)
            print(table(ground, findings), flush=True)
            differs |= any(finding.differences for finding in findings)
        with ground_at(folder / "disk", told.seed + 2) as ground:
            try:
                took = hardships.disk_full(ground)
                print(
                    f"disk full: cancelled, exit 8; with room again it trades after {took:.1f} s, and nothing is lost"
                )
            except hardships.NotHere as missing:
                print(f"disk full: left out; {missing}")
    return int(differs)


if __name__ == "__main__":
    sys.exit(main())

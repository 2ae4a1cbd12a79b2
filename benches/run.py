"""`make bench`: the core, whole simulations and the yardstick, measured in turn in one run.

A figure alone drifts from machine to machine; a ratio with both sides from one run does not. So ours and the yardstick
take turns, the best round of all is compared with the best, and the median beside it says how quiet it was. Rejects,
fills and a state hash stand beside every throughput; the run fails if two goes of the same work leave different ones.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import core
import machine
import simulations
import table
import yardstick
from measurement import BenchFailed, Measurement, NotRun, together
from tradewind.flow import DataRefused
from tradewind.market import DataSource, load_l2, locate

_FAILED, _DATA_REFUSED = 4, 3
_EXAMPLES = """examples:
  make bench                                       everything; about a minute, the first build not counted
  .venv/bin/python benches/run.py --quick          a small part of each, to see that it works; figures are rough
  .venv/bin/python benches/run.py --json > now.json
  TRADEWIND_BENCH=~/bench benches/run.py           where the yardstick's source lies (else ../shared/bench)

exit: 0 ok, 2 usage, 3 data refused, 4 a figure that cannot be trusted or taken"""


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="benches/run.py",
        description="Measure the core beside its yardstick in one run.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="a small part of each row, one turn")
    parser.add_argument(
        "--turns", type=int, default=5, metavar="N", help="how often ours and the yardstick take turns (5)"
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="folder of the real data (else TRADEWIND_DATA, ../shared/data)"
    )
    parser.add_argument("--json", action="store_true", help="plain data instead of a table")
    found = parser.parse_args(given)
    if found.turns < 1:
        parser.error("--turns must be at least 1")
    return found


def say(text: str) -> None:
    """Progress, on the error stream."""
    sys.stderr.write(f"bench: {text}\n")
    sys.stderr.flush()


class Bench:
    """Everything built and loaded, ready to take turns."""

    def __init__(self, source: DataSource, folder: Path, *, quick: bool) -> None:
        self.missing: list[NotRun] = []
        self._quick = quick
        say("building the core's benchmark (release)")
        self._core = core.build()
        say("building the yardstick")
        built = yardstick.build(os.environ, folder)
        self._yardstick = built if isinstance(built, Path) else None
        if isinstance(built, str):
            self.missing.append(NotRun("yardstick", f"yardstick not run, so no ratio: {built}"))
        say("loading data")
        self._depth_file: Path | None = None
        self._simulations: list[simulations.Depth | simulations.Bars] = []
        if source.kind == "simulated":
            self.missing.append(
                NotRun("simulation_quoting", "no recorded depth found; --data DIR or TRADEWIND_DATA names it")
            )
        else:
            sample = load_l2(source, *simulations.MARKET)
            self._depth_file = folder / "depth.i64"
            core.write_depth(sample.depth, self._depth_file)
            self._simulations.append(simulations.Depth(sample))
        bars = simulations.hourly(source, quick=quick)
        self._simulations.append(simulations.Bars(bars))
        self.data = {
            "depth": "generated" if source.kind == "simulated" else "recorded " + ":".join(simulations.MARKET),
            "bars": f"{bars.provenance}, {len(bars.symbols)} coins, {bars.bars.height:,} bars",
        }

    def turn(self) -> list[Measurement]:
        """One go of everything: ours, the yardstick, the simulations."""
        rows = core.run(self._core, self._depth_file, quick=self._quick)
        if self._yardstick is not None:
            rows += yardstick.run(self._yardstick)
        rounds = 1 if self._quick else 3
        return rows + [row for simulation in self._simulations for row in simulation.rows(rounds)]


@dataclass(frozen=True, slots=True)
class Result:
    """A whole run: where, on what, how long, what to beware of, the figures."""

    machine: Mapping[str, str | int | float]
    data: Mapping[str, str]
    turns: int
    preparing: Mapping[str, float | None]
    measuring: Mapping[str, float | None]
    warnings: Sequence[str]
    figures: Sequence[table.Line]
    missing: Sequence[NotRun]

    def plain(self) -> dict[str, object]:
        """For `--json`."""
        return {
            "machine": self.machine,
            "data": self.data,
            "turns": self.turns,
            "preparing": self.preparing,
            "measuring": self.measuring,
            "warnings": self.warnings,
            "rows": table.as_json(self.figures),
            "not_run": [{"name": row.name, "reason": row.reason} for row in self.missing],
        }

    def page(self) -> str:
        """For people."""
        found, measured = self.machine, self.measuring
        return "\n".join(
            [
                f"{found['processor']}, {found['cores']} cores, {found['system']}; load {found['load_1m']} before, "
                f"{measured['others_cores']} cores busy for others meanwhile",
                f"tradewind {found['tradewind']} ({found['commit']}), {found['rustc']}, Python {found['python']}",
                f"depth: {self.data['depth']}; bars: {self.data['bars']}; {self.turns} turns, {measured['wall_s']} s",
                *(f"warning: {warning}" for warning in self.warnings),
                "",
                table.text(self.figures, self.missing),
            ]
        )


def measure(options: argparse.Namespace) -> Result:
    """The whole run.

    Raises:
        BenchFailed, DataRefused: see there.
    """
    found, count = machine.facts(), 1 if options.quick else options.turns
    source = locate(options.data, os.environ, core.REPOSITORY)
    preparation = machine.Watch.start()
    with tempfile.TemporaryDirectory(prefix="tradewind-bench-") as folder:
        bench = Bench(source, Path(folder), quick=options.quick)
        prepared, watch, turns = preparation.read(), machine.Watch.start(), []
        for number in range(1, count + 1):
            say(f"turn {number} of {count}")
            turns.append(bench.turn())
    measured = watch.read()
    warnings = _warnings(float(found["load_1m"]), measured["others_cores"], quick=options.quick)
    figures = table.lines(together(turns))
    return Result(found, bench.data, count, prepared, measured, warnings, figures, bench.missing)


def _warnings(load_1m: float, others_cores: float | None, *, quick: bool) -> list[str]:
    said = []
    if load_1m > 1.0:
        said.append(f"load average {load_1m} before the run: somebody else is at work; figures will be too slow")
    if others_cores is not None and others_cores > 0.2:
        said.append(f"others kept {others_cores} cores busy meanwhile: where median and best differ, believe neither")
    if quick:
        said.append("quick: small work and one turn; do not quote these figures")
    return said


def main() -> int:
    """Measure and print; see the examples for the exit codes."""
    options = arguments()
    try:
        result = measure(options)
    except BenchFailed as failure:
        say(f"failed: {failure}")
        return _FAILED
    except DataRefused as refusal:
        say(f"data refused: {refusal}")
        return _DATA_REFUSED
    if options.json:
        print(json.dumps(result.plain(), indent=2))
    else:
        print(result.page())
    return 0


if __name__ == "__main__":
    sys.exit(main())

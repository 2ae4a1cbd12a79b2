"""The record of a sweep: every trial, one line each, so that none is forgotten and none is made twice.

A sweep has a folder. `sweep.json` says what is being tried, on which data, by which code; it is written once. Each
trial then adds a line to `trials.jsonl` as soon as it is known. A sweep that was interrupted goes on in its folder: a
line cut short is dropped, the trials that are there are not made again, and the record ends as if nothing had happened.
How many trials there are is what the deflated Sharpe ratio of the winner is deflated by.

`make_missing` is for trials that are whole runs: several at a time, in processes of their own.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tradewind.flow import DataRefused
from tradewind.research.failures import RunFailed

Value = str | int | float | None
Progress = Callable[[str, int, int], None]

_LOOK_UP_S = 0.2


@dataclass(frozen=True, slots=True)
class Sweep:
    """What is tried: kind of sweep, settings that every trial shares, parameters of each trial in order.

    settings: what was asked for. measured_on: what follows from the data (span, costs). Both, and the parameters, hold
    what JSON holds. code_version, data_hash: what a result is worth nothing without.
    """

    kind: str
    settings: Mapping[str, object]
    trials: Sequence[Mapping[str, Value]]
    measured_on: Mapping[str, object]
    data_hash: str
    code_version: str


@dataclass(frozen=True, slots=True)
class Trial:
    """One line of the record. number: its place in `Sweep.trials`. metrics: null where undefined."""

    number: int
    parameters: Mapping[str, Value]
    metrics: Mapping[str, Value]


class Record:
    """The trials of one sweep on disk. One process writes."""

    def __init__(self, folder: Path, sweep: Sweep) -> None:
        """Starts the record, or takes up the one in the folder.

        Raises:
            DataRefused: the folder's sweep was on other data, or a line of its record is damaged.
            RunFailed: the folder's sweep was another one.
        """
        self.folder = folder
        self._sweep = sweep
        self._path = folder / "trials.jsonl"
        folder.mkdir(parents=True, exist_ok=True)
        _claim(folder / "sweep.json", sweep)
        self._made = {t.number: t for t in _whole_lines(self._path, sweep)}

    @property
    def missing(self) -> tuple[int, ...]:
        """Numbers of the trials that have not been made."""
        return tuple(n for n in range(len(self._sweep.trials)) if n not in self._made)

    def parameters(self, number: int) -> Mapping[str, Value]:
        """Of one trial, made or not."""
        return self._sweep.trials[number]

    @property
    def trials(self) -> tuple[Trial, ...]:
        """What has been made so far, by number."""
        return tuple(self._made[n] for n in sorted(self._made))

    def add(self, results: Mapping[int, Mapping[str, Value]]) -> None:
        """Writes trials, number → metrics; they are on disk when this returns. A trial can be made once.

        Raises:
            ValueError: a number that is not in the sweep, a trial that was made before, or a metric that is NaN.
        """
        trials = [Trial(n, self._sweep.trials[n], dict(metrics)) for n, metrics in sorted(results.items())]
        twice = [t.number for t in trials if t.number in self._made]
        if twice:
            raise ValueError(f"trial {twice[0]} of {self.folder} is on record already")
        lines = "".join(json.dumps(self._line(t), allow_nan=False) + "\n" for t in trials)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
        self._made.update((t.number, t) for t in trials)

    def _line(self, trial: Trial) -> dict[str, object]:
        return {
            "trial": trial.number,
            "parameters": trial.parameters,
            "metrics": trial.metrics,
            "data_hash": self._sweep.data_hash,
            "code_version": self._sweep.code_version,
        }


def _claim(path: Path, sweep: Sweep) -> None:
    """Writes what the sweep is, or makes sure that the folder's sweep is this one."""
    wanted = {
        "kind": sweep.kind,
        "code_version": sweep.code_version,
        "settings": sweep.settings,
        "data_hash": sweep.data_hash,
        "measured_on": sweep.measured_on,
        "trials": list(sweep.trials),
    }
    text = json.dumps(wanted, indent=1, allow_nan=False)
    if not path.exists():
        # Under another name first: a sweep is described whole or not at all.
        draft = path.with_suffix(".draft")
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
        return
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataRefused(f"not JSON: {error}", str(path), "start the sweep in another folder") from error
    wanted = json.loads(text)
    if not isinstance(found, dict):
        raise DataRefused("not the description of a sweep", str(path), "start the sweep in another folder")
    differing = [key for key, value in wanted.items() if found.get(key) != value]
    asked = [key for key in differing if key not in ("data_hash", "measured_on")]
    if asked:
        said = "; ".join(f"{key}: {_short(found.get(key))}, asked now: {_short(wanted[key])}" for key in asked)
        raise RunFailed(
            f"{path.parent} holds another sweep ({said})\n  how to go on: repeat the command that began it, "
            "or leave out --resume"
        )
    if differing:
        raise DataRefused(
            f"the sweep was begun on data {str(found.get('data_hash'))[:16]}…, found now: {sweep.data_hash[:16]}…",
            str(path),
            "go on with the same data (--data DIR), or start a new sweep",
        )


def _short(value: object) -> str:
    text = f"{len(value)} trials" if isinstance(value, list) else json.dumps(value)
    return text if len(text) <= 120 else f"{text[:117]}..."


def _whole_lines(path: Path, sweep: Sweep) -> list[Trial]:
    """The record's trials; a last line without its end is cut off, for it was never acknowledged."""
    if not path.exists():
        return []
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        with path.open("r+b") as file:
            file.truncate(len(whole))
    found: dict[int, Trial] = {}
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            row = json.loads(line)
            trial = Trial(row["trial"], row["parameters"], row["metrics"])
            if trial.parameters != dict(sweep.trials[trial.number]) or trial.number in found:
                raise ValueError(f"trial {trial.number} is not the sweep's, or there twice")
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise DataRefused(
                f"a damaged line: {error}", f"{path}, line {number}", "remove that line: its trial is made again"
            ) from error
        found[trial.number] = trial
    return list(found.values())


def table(trials: Sequence[Trial]) -> pl.DataFrame:
    """A row per trial: trial · one column per parameter · one per metric."""
    rows = [{"trial": t.number, **t.parameters, **t.metrics} for t in trials]
    return pl.DataFrame(rows, infer_schema_length=None)


def make_missing(
    run: Callable[[Mapping[str, Value]], Mapping[str, Value]], record: Record, progress: Progress, *, jobs: int
) -> tuple[Trial, ...]:
    """Makes the trials that are missing from the record, `jobs` at a time, each on record as soon as it is done.

    run: parameters → metrics, of one trial; a module's function or a `functools.partial` of one, because it is sent to
    new processes. An interrupt, or a trial that fails, stops the others; what is on record stays.
    """
    total = len(record.trials) + len(record.missing)
    progress("trials", len(record.trials), total)
    if not record.missing:
        return record.trials
    ours_before = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_end_without_a_word) as pool:
        waiting = {pool.submit(run, record.parameters(n)): n for n in record.missing}
        try:
            left = set(waiting)
            while left:
                # Not for good: a signal that another thread took is only seen when this one wakes.
                done, left = wait(left, timeout=_LOOK_UP_S, return_when=FIRST_COMPLETED)
                for future in done:
                    record.add({waiting[future]: future.result()})
                    progress("trials", len(record.trials), total)
        except BaseException:
            for future in waiting:
                future.cancel()
            for worker in set(multiprocessing.active_children()) - ours_before:
                worker.terminate()
            raise
    return record.trials


def _end_without_a_word() -> None:
    """In a worker: an interrupt from the keyboard ends it; the parent says what is to be said."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)

"""How every command speaks: text or one JSON object, bars of progress, words on the error stream, exit codes.

The exit codes, all of them: 0 ok · 2 usage, and a configuration that is wrong · 3 data refused · 4 run failed ·
5 keys missing, refused, or allowed to withdraw · 6 venue down or refusing · 7 port taken · 8 disk full ·
9 not verified: orders may be open · 130 interrupted.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tradewind.flow import DataRefused

OK, USAGE, DATA_REFUSED, RUN_FAILED, INTERRUPTED = 0, 2, 3, 4, 130
KEYS_REFUSED, VENUE_DOWN, PORT_TAKEN, DISK_FULL, NOT_VERIFIED = 5, 6, 7, 8, 9

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


def examples(*commands: str) -> str:
    """Examples as the end of a command's help, lines kept as they are."""
    return "\b\nExamples:\n" + "\n".join(f"  tradewind {command}" for command in commands)


def write(text: str) -> None:
    """To the standard output. A reader that left (`tradewind … | head`) is no failure: the command goes on, unheard."""
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def emit(payload: Mapping[str, Any], text: str, *, as_json: bool) -> None:
    """What a command found, in one of the two ways."""
    write(json.dumps(payload, indent=2, default=str) if as_json else text)


def refusal_json(refusal: DataRefused) -> dict[str, str]:
    """A refusal as an object."""
    return {"what": refusal.what, "where": refusal.where, "remedy": refusal.remedy}


def complain(title: str, text: str) -> None:
    """Words on the error stream."""
    sys.stderr.write(f"{title}: {text}\n")
    sys.stderr.flush()


class ProgressBars:
    """Progress bars, one per stage, on the error stream where that is a terminal."""

    def __init__(self, *, quiet: bool) -> None:
        self._bars = Progress(
            TextColumn("{task.description:<10}"),
            BarColumn(bar_width=40),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            disable=quiet or not sys.stderr.isatty(),
        )
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> Callable[[str, int, int], None]:
        self._bars.start()
        return self._advance

    def __exit__(self, *_raised: object) -> None:
        self._bars.stop()

    def _advance(self, stage: str, done: int, of: int) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=of)
        self._bars.update(self._tasks[stage], completed=done, total=of)

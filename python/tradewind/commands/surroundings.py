"""What a command knows of where and when it runs: the one place that reads the clock and the environment."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradewind import __version__

if TYPE_CHECKING:
    from tradewind.market import DataSource
    from tradewind.research.runs import CodeFacts
    from tradewind.research.walk_forward import SimulatedSize

DataFolder = Annotated[
    Path | None,
    typer.Option(
        "--data", help="Data folder; else TRADEWIND_DATA, ../shared/data, the user's catalog, a simulated market."
    ),
]
Simulated = Annotated[
    str | None,
    typer.Option(metavar="COINSxMONTHS", help="Portfolio: a simulated market of this size, even if there is data."),
]


def data_source(data: Path | None) -> DataSource:
    """Where data is looked for; the folder that was named comes first."""
    from tradewind.market import locate

    return locate(data, os.environ, Path.cwd())


def market_source(data: Path | None, simulated: str | None) -> DataSource:
    """The same, unless `--simulated` asks for a market that is made."""
    from tradewind.market import DataSource

    return data_source(data) if simulated is None else DataSource("simulated", None, "--simulated")


def market_size(simulated: str | None) -> SimulatedSize:
    """What `--simulated` says; what is made where there is no data, if it says nothing.

    Raises:
        typer.BadParameter: it is no size.
    """
    from tradewind.research.walk_forward import SimulatedSize

    if simulated is None:
        return SimulatedSize()
    coins, _, months = simulated.partition("x")
    if not coins.isdecimal() or not months.isdecimal() or not int(coins) or not int(months):
        raise typer.BadParameter(f"`{simulated}` is not COINSxMONTHS, such as 12x16", param_hint="--simulated")
    return SimulatedSize(int(coins), int(months))


def installed(data: Path | None) -> dict[str, Any]:
    """What is installed and found here."""
    from tradewind.research import installation

    return installation.examine(os.environ, Path.cwd(), data)


def started() -> CodeFacts:
    """The code that runs, and that it started now."""
    from tradewind.research.runs import CodeFacts

    return CodeFacts(version=__version__, created_ns=time.time_ns())


def run_folder(out: Path, facts: CodeFacts, label: str) -> Path:
    """A new folder for what a run leaves, named by when it started and what it is."""
    from tradewind.research.runs import new_folder

    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(facts.created_ns // 10**9))
    return new_folder(out, f"{stamp}-{label}")

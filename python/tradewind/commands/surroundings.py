"""What a command knows of where and when it runs: the one place that reads the clock and the environment."""

from __future__ import annotations

import getpass
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from tradewind import __version__

if TYPE_CHECKING:
    from tradewind.market import DataSource
    from tradewind.research.runs import CodeFacts
    from tradewind.research.walk_forward import SimulatedSize

Config = Annotated[Path, typer.Option("--config", "-c", help="What the node is to do: node.toml.")]

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


def config_text(path: Path) -> str:
    """What a configuration says.

    Raises:
        typer.BadParameter: it cannot be read.
    """
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{path} cannot be read: {error}", param_hint="--config") from None


def environment() -> dict[str, str]:
    """The environment as it is."""
    return dict(os.environ)


def chance(count: int) -> bytes:
    """Bytes nobody can guess: for salts and nonces of sealed files, never for anything that is to be repeated."""
    return os.urandom(count)


def keys_password(path_or_none: str | None, *, again: bool = False) -> str | None:
    """The password of a file of keys: TRADEWIND_KEYS_PASSWORD, or asked for where there is somebody to ask; else None.

    Raises:
        typer.BadParameter: it was to be typed twice, and was not the same.
    """
    if path_or_none is None:
        return None
    if (told := os.environ.get("TRADEWIND_KEYS_PASSWORD")) is not None:
        return told
    if not sys.stdin.isatty():
        return None
    password = getpass.getpass(f"password of {path_or_none}: ")
    if again and getpass.getpass("again: ") != password:
        raise typer.BadParameter("the two passwords differ", param_hint="password")
    return password


def asked(question: str) -> bool:
    """Whether somebody who is there says yes."""
    if not sys.stdin.isatty():
        return False
    sys.stderr.write(f"{question} [yes/no] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("yes", "y")


class TimeBudget:
    """Raises `TookTooLong` in the main thread when what runs within takes longer than it may.

    A timer of the operating system interrupts Python between two of its instructions, so a loop that never ends is
    ended too; a call into C that never returns is not.
    """

    def __init__(self, budget_ms: int) -> None:
        self._budget_s = budget_ms / 1000.0
        signal.signal(signal.SIGALRM, self._over)

    def _over(self, _signal: int, _frame: object) -> NoReturn:
        raise TookTooLong(f"took longer than {self._budget_s:g} s to decide")

    def __enter__(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, self._budget_s)

    def __exit__(self, *_raised: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0.0)


class TookTooLong(Exception):
    """A strategy took longer than its time budget."""

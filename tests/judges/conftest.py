"""What every judge needs: an emulator of its venue for itself, and a cell of the matrix for each of its tests.

A judge is a test file with `VENUE` (a heading of the page) and `CLIENT` (a column) at its top. Each test says with
`@pytest.mark.cell("orders: limit")` which operation it is; one that fails because of the client says so with
`red="why"`, and the run fails if it does not fail.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from addresses import Venue
from matrix import Cell, differences, write

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "emulator-matrix.md"
WRITES = os.environ.get("JUDGES_WRITE") == "1"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "cell(operation, red=''): the cell of the matrix this test is")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        cell = item.get_closest_marker("cell")
        if cell and cell.kwargs.get("red"):
            item.add_marker(pytest.mark.xfail(strict=True, reason=cell.kwargs["red"]))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    outcome = yield
    report = outcome.get_result()
    marker = item.get_closest_marker("cell")
    if marker is None or report.when != "call":
        return
    module = item.getparent(pytest.Module)
    reason = marker.kwargs.get("red", "") if hasattr(report, "wasxfail") else ""
    if report.passed or (report.skipped and reason):
        module.stash.setdefault(CELLS, []).append(Cell(module.obj.VENUE, marker.args[0], module.obj.CLIENT, reason))
    else:
        module.stash[FAILED] = True


CELLS = pytest.StashKey[list[Cell]]()
FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="module", autouse=True)
def matrix(request: pytest.FixtureRequest) -> Iterator[None]:
    """Writes the file's cells to the page, or compares them with it."""
    yield
    module = request.node
    cells = module.stash.get(CELLS, [])
    marks = [
        mark for test in vars(module.obj).values() for mark in getattr(test, "pytestmark", []) if mark.name == "cell"
    ]
    if module.stash.get(FAILED, False) or sorted(c.operation for c in cells) != sorted(mark.args[0] for mark in marks):
        return  # a part of the file was run, or a test has failed and says so itself
    if WRITES:
        write(PAGE, cells)
        return
    found = differences(PAGE.read_text(encoding="utf-8") if PAGE.exists() else "", cells)
    assert not found, "docs/emulator-matrix.md is out of date; run `make judges`:\n" + "\n".join(found)


def start(venue: str, *arguments: str) -> tuple[subprocess.Popen[str], Venue]:
    """An emulator of one venue on a port of its own, and what it says of itself."""
    command = [sys.executable, "-m", "tradewind", "emulate", "--venues", venue, "--json", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, f"{' '.join(command)} said nothing and ended with {process.wait()}"
    said = json.loads(line)
    named = {name: said[name] for name in ("venue", "http", "ws", "key", "secret", "passphrase", "balances")}
    return process, Venue(**named, said=said)


def stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0, "the emulator did not end as it should"


@pytest.fixture(scope="module")
def emulate() -> Iterator[Callable[..., Venue]]:
    """Starts emulators that end with the file."""
    running: list[subprocess.Popen[str]] = []

    def begin(venue: str, *arguments: str) -> Venue:
        process, described = start(venue, *arguments)
        running.append(process)
        return described

    yield begin
    for process in running:
        stop(process)


@pytest.fixture(scope="module")
def loop() -> Iterator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    """Runs a coroutine in the file's own event loop."""
    with asyncio.Runner() as runner:
        yield runner.run

"""What every test of nodes needs: a desk, and venues on loopback that end with the test."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from desk import Desk, Emulated, emulate


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def venues(desk: Desk) -> Iterator[Callable[..., list[Emulated]]]:
    running: list[subprocess.Popen[str]] = []

    def start(names: str = "binance,bybit", port_base: int = 0) -> list[Emulated]:
        found = emulate(desk, names, port_base)
        running.append(found[0].process)
        return found

    yield start
    for process in running:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=10)

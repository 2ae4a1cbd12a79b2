"""A desk on which nodes run as a user has them: processes of their own, venues emulated on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PATIENCE_S = 60.0


@dataclass
class Emulated:
    """An emulated venue, as its first line describes it."""

    venue: str
    http: str
    ws: str
    key: str
    secret: str
    process: subprocess.Popen[str]


@dataclass
class Desk:
    """Runs `python -m tradewind …` in a folder with an environment of its own."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "tradewind", *arguments]

    def surroundings(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ}
        return {**kept, "HOME": str(self.folder), **self.environment}

    def run(self, *arguments: str, stdin: str = "", timeout_s: float = PATIENCE_S) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.surroundings(),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Started, with its error stream in `node.log`."""
        return self.launch(self.command(*arguments))

    def launch(self, command: list[str]) -> subprocess.Popen[str]:
        """Any command, started as `start` does."""
        log = (self.folder / "node.log").open("a")
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.surroundings(),
            stderr=log,
            stdout=subprocess.PIPE,
            text=True,
        )

    def log(self) -> str:
        return (self.folder / "node.log").read_text()

    def until(self, what: Callable[[], Any], why: str, within_s: float = PATIENCE_S) -> Any:
        """Waits for something to be so."""
        end = time.monotonic() + within_s
        while not (found := what()):
            if time.monotonic() > end:
                log = self.log()[-4000:] if (self.folder / "node.log").exists() else ""
                pytest.fail(f"not within {within_s:g} s: {why}\n{log}")
            time.sleep(0.05)
        return found


def emulate(desk: Desk, venues: str, port_base: int = 0) -> list[Emulated]:
    """Serves venues; their process is theirs together."""
    process = subprocess.Popen(
        desk.command("emulate", "--venues", venues, "--json", "--port-base", str(port_base)),
        env=desk.surroundings(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    said = [json.loads(process.stdout.readline()) for _ in venues.split(",")]
    # ccxt's names: binance's linear market is a client of its own there, the venue is one here.
    names = venues.split(",")
    return [Emulated(n, s["http"], s["ws"], s["key"], s["secret"], process) for n, s in zip(names, said, strict=True)]


def configuration(
    venues: list[Emulated], *, metrics: str | None = None, more: str = "", spot: str = '["BTCUSDT"]'
) -> str:
    """A node of one small quoting book per venue."""
    rows = ["[node]", "id = 1", 'folder = "state"']
    if metrics:
        rows.append(f'metrics = "{metrics}"')
    for v in venues:
        rows += [
            "[[venue]]",
            f'name = "{v.venue}"',
            f"instruments = {{ spot = {spot} }}",
            f'endpoints = {{ http = "{v.http}", ws = "{v.ws}" }}',
            f'keys = {{ env = "{v.venue.upper()}" }}',
            "[venue.paper]",
            'balances = { USDT = "100000", BTC = "1" }',
        ]
    return "\n".join(rows) + "\n" + more


QUOTES = """
[[limit]]
scope = "firm"
max_order_qty = "1"
max_position = "5"
[[book]]
name = "quotes"
[[book.algos]]
kind = "quoting"
instrument = "{venue}:spot:BTCUSDT"
half_spread_bps = "50"
qty = "0.01"
max_position = "0.1"
"""


def keys(venues: list[Emulated]) -> dict[str, str]:
    return {f"{v.venue.upper()}_{n}": value for v in venues for n, value in (("KEY", v.key), ("SECRET", v.secret))}

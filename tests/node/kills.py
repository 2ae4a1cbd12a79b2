"""`kill -9` of a live node, again and again, while it trades both venues and everything goes wrong on the wire.

Each life is a process of its own: `tradewind live` as a user starts it, with a quoting algo and a Python strategy on
spot and linear instruments of emulated Binance and Bybit. It is killed at a moment drawn from a seed: while it starts,
while it compares records, or while it trades. Between lives the venues' faults change. In the end one undisturbed life
settles everything and stops in good order; then the journal is held against the venues' own state, to the unit.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audit import HEADER, Finding, beginnings, compare, read
from desk import Desk, Emulated, keys

STRATEGY = Path(__file__).with_name("both_venues.py")
WITHIN_S = 60.0
"""From the start of the process to trading on every venue."""
PATIENCE_S = 8.0
"""How long a life that is to be killed while it trades is given to come so far under its faults."""
NOBODY_ANSWERS = 6
"""The exit code of a node whose venues all failed when they were asked before it started; it is started again."""
EARLY = 0.25
"""Share of the lives that are killed while they start."""

NODE = """
[node]
id = 1
folder = "state"
"""
VENUE = """
[[venue]]
name = "{v.venue}"
instruments = {{ spot = ["BTCUSDT"], linear = ["ETHUSDT"] }}
endpoints = {{ http = "{http}", ws = "{ws}" }}
keys = {{ env = "{prefix}" }}
"""
BOOKS = """
[[limit]]
scope = "firm"
max_position = "100"
max_orders_per_s = 100
[[book]]
name = "busy"
[book.python]
strategy = "both_venues.py:BothVenues"
time_budget_ms = 2000
arguments = { qty = "0.02", every_ms = 50 }
[[book]]
name = "quotes"
"""
QUOTING = """
[[book.algos]]
kind = "quoting"
instrument = "{venue}:{instrument}"
half_spread_bps = "2"
qty = "0.01"
max_position = "0.2"
"""
STORMS: tuple[dict[str, int | bool], ...] = (
    {},
    {"lost_answer_per_mille": 60, "http_error_per_mille": 60},
    {"drop_per_mille": 3, "duplicate_per_mille": 5, "reorder_per_mille": 3, "delay_per_mille": 10, "delay_ms": 300},
    {"disconnect_per_mille": 2, "delay_per_mille": 20, "delay_ms": 200},
    {"disconnect_all": True, "depth_gap": 20, "lost_answer_per_mille": 20},
)


@dataclass
class Life:
    """What one process did."""

    number: int
    faults: dict[str, Any]
    """Of each venue when it began."""
    trading_after_s: float | None = None
    lived_s: float = 0.0


@dataclass
class Ground:
    """A desk, its venues, and the lives so far."""

    desk: Desk
    venues: list[Emulated]
    chance: random.Random
    began: dict[str, dict[tuple[str, str], Any]] = field(default_factory=dict)
    lives: list[Life] = field(default_factory=list)
    faults: dict[str, dict[str, Any]] = field(default_factory=dict)
    kills: int = 0
    start_with: list[str] = field(default_factory=list)
    """Words before the command that starts a node."""
    kept: Path = Path()
    """Where what the node keeps is seen."""

    @classmethod
    def prepare(cls, desk: Desk, venues: list[Emulated], seed: int) -> Ground:
        ground = cls(desk, venues, random.Random(seed), {v.venue: beginnings(v) for v in venues})
        ground.kept = desk.folder / "state"
        (desk.folder / STRATEGY.name).write_text(STRATEGY.read_text())
        ground.configure({v.venue: (v.http, v.ws) for v in venues})
        desk.environment = keys(venues)
        return ground

    def configure(self, endpoints: dict[str, tuple[str, str]]) -> None:
        text = NODE
        for v in self.venues:
            http, ws = endpoints[v.venue]
            text += VENUE.format(v=v, http=http, ws=ws, prefix=v.venue.upper())
        text += BOOKS
        for v in self.venues:
            text += "".join(QUOTING.format(venue=v.venue, instrument=i) for i in ("spot:BTCUSDT", "linear:ETHUSDT"))
        (self.desk.folder / "node.toml").write_text(text)

    def fault(self, settings: dict[str, Any], venue: Emulated) -> None:
        self.faults[venue.venue] = settings
        address = f"http://{venue.http.removeprefix('http://')}/emulator/faults"
        with urllib.request.urlopen(address, json.dumps(settings).encode(), timeout=30) as answer:
            assert answer.status == 200

    def start(self) -> Running:
        life = Life(len(self.lives) + 1, dict(self.faults))
        self.lives.append(life)
        log = self.desk.folder / "node.log"
        at = log.stat().st_size if log.exists() else 0
        command = [*self.start_with, *self.desk.command("live", "-c", "node.toml", "--live", "--yes", "--log-json")]
        process = self.desk.launch(command)
        return Running(self, life, process, at, time.monotonic())

    def audit(self) -> list[Finding]:
        booked = read(self.kept / "journal")
        return [compare(v, booked[v.venue], self.began[v.venue]) for v in self.venues]


@dataclass
class Running:
    """A life while it lasts."""

    ground: Ground
    life: Life
    process: subprocess.Popen[str]
    log_at: int
    began: float

    def said(self) -> list[dict[str, Any]]:
        """The log of this life; its last line may still be on its way."""
        with (self.ground.desk.folder / "node.log").open("rb") as log:
            log.seek(self.log_at)
            lines = log.read().split(b"\n")[:-1]
        return [json.loads(line) for line in lines if line.startswith(b"{")]

    def is_trading(self) -> bool:
        """Whether every venue has traded in this life."""
        traded = {line["about"] for line in self.said() if line["event"] == "trading"}
        return len(traded) == len(self.ground.venues)

    def trades_within(self, within_s: float) -> bool:
        """Waits for trading; whether it came to it."""
        while not self.is_trading():
            code = self.process.poll()
            assert code in {None, NOBODY_ANSWERS}, f"{self.life} ended with {code}:\n{self.ground.desk.log()[-4000:]}"
            if code is not None:
                return False
            if time.monotonic() - self.began > within_s:
                return False
            time.sleep(0.02)
        self.life.trading_after_s = time.monotonic() - self.began
        return True

    def until_trading(self, within_s: float = WITHIN_S) -> None:
        if not self.trades_within(within_s):
            self.process.kill()
            raise AssertionError(f"{self.life} does not trade after {within_s} s:\n{self.ground.desk.log()[-6000:]}")

    def kill(self) -> None:
        self.process.kill()
        self.end()
        self.ground.kills += 1

    def end(self) -> int:
        code = self.process.wait(timeout=WITHIN_S)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.life.lived_s = time.monotonic() - self.began
        return code

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        code = self.end()
        assert code == 0, f"stopped with {code}:\n{self.ground.desk.log()[-4000:]}"


def kill_again_and_again(ground: Ground, kills: int) -> None:
    """So many lives that end by `kill -9`, and faults that change with each."""
    chance = ground.chance
    number = 0
    while number < kills:
        for venue in ground.venues:
            ground.fault(dict(chance.choice(STORMS)), venue)
        running = ground.start()
        if chance.random() < EARLY:
            time.sleep(chance.uniform(0.1, 2.5))
        else:
            running.trades_within(PATIENCE_S)
            time.sleep(chance.uniform(0.0, 1.5))
        if running.process.poll() is not None:
            running.end()
            continue
        running.kill()
        number += 1
        if number % 20 == 0:
            after = [life.trading_after_s for life in ground.lives if life.trading_after_s is not None]
            print(f"  {number:>4} kills, {len(after)} traded, longest start {max(after, default=0):.1f} s", flush=True)


def settle(ground: Ground, trade_s: float = 2.0) -> list[Finding]:
    """A life that nothing disturbs: it compares, trades a little, stops in good order. Then the audit."""
    for venue in ground.venues:
        ground.fault({}, venue)
    running = ground.start()
    running.until_trading()
    time.sleep(trade_s)
    running.stop()
    return ground.audit()


def table(ground: Ground, findings: list[Finding]) -> str:
    after = sorted(life.trading_after_s for life in ground.lives if life.trading_after_s is not None)
    lived = sum(life.lived_s for life in ground.lives)
    at = lambda share: after[min(int(share * len(after)), len(after) - 1)]  # noqa: E731 - a quantile, here only
    rows = [
        f"kills {ground.kills}   starts {len(ground.lives)}   lived {lived:.0f} s",
        f"start to trading: p50 {at(0.5):.2f} s, p90 {at(0.9):.2f} s, max {after[-1]:.2f} s ({len(after)} lives)",
        HEADER,
        *(finding.row() for finding in findings),
    ]
    differences = [f"  {f.venue}: {text}" for f in findings for text in f.differences[:20]]
    return "\n".join([*rows, *differences, "DIFFERENT" if differences else "nothing lost, nothing doubled"])

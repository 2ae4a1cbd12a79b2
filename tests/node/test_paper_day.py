"""A day on paper: strategies on both venues, its memory, the same state from its journal, and why its profit is not the
simulator's.

One minute of it by default; `make paper MINUTES=30` for a long one.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from desk import Desk, Emulated, configuration

Venues = Callable[..., list[Emulated]]

MINUTES = float(os.environ.get("TRADEWIND_PAPER_MINUTES", "1"))
ORDERS_MINUTES = 5
"""Orders that are over stay in memory for so long: a slope of memory says something from then on."""
GROWTH_MB_PER_MINUTE = 0.25
"""More than this, kept up, would be gigabytes within days."""

TRADER = '''
from tradewind.strategy import CancelAll, Place, Wakes

class Trader:
    """Crosses the spread one way and the other, and leaves an order behind the best price."""
    name = "trader"
    def __init__(self, lots, instruments):
        self.parameters = {"lots": lots}
        self.lots, self.turn = lots, 0
        self.ids = [i["id"] for i in instruments]
    def wakes(self):
        return Wakes(timer_ns=1_000_000_000)
    def on_wake(self, wake, view):
        self.turn += 1
        wanted = [CancelAll()] if self.turn % 7 == 0 else []
        for id in self.ids:
            touch = view.touch(id)
            if touch is None:
                continue
            side = "sell" if view.position_lots(id) > 0 else "buy"
            far = touch.ask_ticks + 50 if side == "buy" else touch.bid_ticks - 50
            near = touch.bid_ticks if side == "buy" else touch.ask_ticks
            kind = "ioc" if self.turn % 3 == 0 else "post_only"
            wanted.append(Place(instrument=id, side=side, lots=self.lots, price_ticks=far if kind == "ioc" else near,
                                time_in_force=kind))
        return wanted
'''

BOOKS = """
[[limit]]
scope = "firm"
max_order_qty = "1"
max_position = "20"
[[book]]
name = "quotes"
{algos}
[[book]]
name = "trader"
[book.python]
strategy = "trader.py:Trader"
arguments = {{ lots = 20 }}
"""
ALGO = """
[[book.algos]]
kind = "quoting"
instrument = "{instrument}"
half_spread_bps = "1"
qty = "0.01"
max_position = "0.1"
requote_bps = "1"
"""


def memory_mb(process: subprocess.Popen[str]) -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def slope_per_minute(samples: Sequence[tuple[float, float]]) -> float:
    """Of the straight line nearest to what was measured."""
    middle = sum(at for at, _ in samples) / len(samples)
    level = sum(mb for _, mb in samples) / len(samples)
    spread = sum((at - middle) ** 2 for at, _ in samples)
    return 60 * sum((at - middle) * (mb - level) for at, mb in samples) / spread


def trade(desk: Desk, minutes: float) -> list[tuple[float, float]]:
    """Lets the node trade; its memory in MB at moments in seconds."""
    node = desk.start("paper", "--config", "node.toml", "--log-json", "--json")
    samples = []
    begin = time.monotonic()
    while (at := time.monotonic() - begin) < 60 * minutes:
        assert node.poll() is None, desk.log()[-3000:]
        samples.append((at, memory_mb(node)))
        time.sleep(0.5)
    node.send_signal(signal.SIGINT)
    out, _ = node.communicate(timeout=60)
    assert node.returncode == 0, desk.log()[-3000:]
    assert json.loads(out)["fault"] is None
    return samples


def explained(instrument: Mapping[str, Any]) -> Decimal:
    parts = ("missed_fills", "extra_fills", "price", "fees", "funding")
    return sum((Decimal(instrument[part]) for part in parts), Decimal(0))


@pytest.mark.timeout(60 * MINUTES + 600)
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read where /proc is")
def test_a_day_on_paper_is_decided_anew_and_explained(desk: Desk, venues: Venues) -> None:
    found = venues("binance,bybit")
    (desk.folder / "trader.py").write_text(TRADER)
    algos = "".join(ALGO.format(instrument=f"{v.venue}:{m}:BTCUSDT") for v in found for m in ("spot", "linear"))
    text = configuration(found, more=BOOKS.format(algos=algos))
    text = text.replace("{ spot = ", '{ linear = ["BTCUSDT"], spot = ')
    (desk.folder / "node.toml").write_text(text.replace("[node]", f"[node]\norders_minutes = {ORDERS_MINUTES}"))
    samples = trade(desk, MINUTES)

    print(f"\nmemory {samples[-1][1]:.1f} MB at the end")
    steady = [(at, mb) for at, mb in samples if at > 2 * 60 * ORDERS_MINUTES]
    if MINUTES >= 4 * ORDERS_MINUTES:
        slope = slope_per_minute(steady)
        print(f"from minute {2 * ORDERS_MINUTES} on: {steady[0][1]:.1f} MB, {slope:+.3f} MB a minute")
        assert slope < GROWTH_MB_PER_MINUTE

    for what in ("verify", "show"):
        done = desk.run("journal", what, "state", "--json")
        assert done.returncode == 0, done.stderr
    done = desk.run("journal", "export", "state", "--out", "tables", "--json")
    assert json.loads(done.stdout)["fills"]["rows"] > 0, done.stderr

    done = desk.run("replay", "state", "--json", timeout_s=600)
    assert done.returncode == 0, done.stderr
    again = json.loads(done.stdout)
    print(json.dumps(again, indent=2))
    assert again["differing_outcomes"] == 0
    assert again["finished"]
    assert again["recorded_hash"] == again["applied_hash"] == again["decided_hash"]

    parity = desk.run("parity", "--folder", "state", timeout_s=600)
    print(parity.stdout)
    assert parity.returncode == 0, parity.stderr
    own = json.loads(desk.run("parity", "--folder", "state", "--json", timeout_s=600).stdout)
    assert {(i["venue"], i["market"]) for i in own["instruments"]} == {
        (v, m) for v in ("binance", "bybit") for m in ("spot", "linear")
    }
    for each in own["instruments"]:
        assert Decimal(each["residual"]) == 0
        assert Decimal(each["gap"]) == explained(each) == Decimal(each["live"]) - Decimal(each["simulated"])
        assert each["orders"] > 0
    assert any(each["live_lots"] > 0 for each in own["instruments"])

    # The simulator set as the paper venues were is the same engine on the same market.
    same = desk.run(
        *("parity", "--folder", "state", "--latency-ms", "5", "--maker-bps", "2", "--taker-bps", "5", "--json"),
        timeout_s=600,
    )
    for each in json.loads(same.stdout)["instruments"]:
        assert (each["agreeing"], Decimal(each["gap"])) == (each["orders"], 0), each


def test_lives_that_ended_badly_are_decided_anew(desk: Desk, venues: Venues) -> None:
    found = venues("binance,bybit")
    (desk.folder / "trader.py").write_text(TRADER)
    algos = "".join(ALGO.format(instrument=f"{v.venue}:spot:BTCUSDT") for v in found)
    (desk.folder / "node.toml").write_text(configuration(found, more=BOOKS.format(algos=algos)))
    for life in range(3):
        node = desk.start("paper", "--config", "node.toml", "--log-json")
        time.sleep(8)
        assert node.poll() is None, desk.log()[-3000:]
        node.send_signal(signal.SIGKILL if life < 2 else signal.SIGINT)
        node.wait(timeout=30)
    done = desk.run("replay", "state", "--json")
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stderr
    parity = desk.run("parity", "--folder", "state", "--json")
    assert parity.returncode == 0, parity.stderr
    print(desk.run("parity", "--folder", "state").stdout)
    for each in json.loads(parity.stdout)["instruments"]:
        assert Decimal(each["residual"]) == 0
        assert Decimal(each["gap"]) == explained(each)


def test_what_is_no_node_s_folder_is_refused(desk: Desk) -> None:
    done = desk.run("parity", "--folder", str(desk.folder))
    assert done.returncode == 3
    assert "no node's folder" in done.stderr

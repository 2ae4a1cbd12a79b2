"""A node as a process: it trades, is looked at, stands still, stops; and what ends its orders when it is gone."""

from __future__ import annotations

import json
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from desk import QUOTES, Desk, Emulated, configuration, keys

Venues = Callable[..., list[Emulated]]
METRICS = "127.0.0.1:{port}"


def scrape(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as unwell:
        return unwell.code, unwell.read().decode()
    except OSError:
        return 0, ""


def metric(port: int, name: str) -> float:
    values = [line.split(" ")[1] for line in scrape(port, "/metrics")[1].splitlines() if line.startswith(f"{name} ")]
    return float(values[0]) if values else -1.0


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(desk: Desk, venues: list[Emulated], mode: str, more: str) -> tuple[object, int]:
    port = free_port()
    text = configuration(venues, metrics=METRICS.format(port=port), more=more)
    (desk.folder / "node.toml").write_text(text)
    desk.environment = keys(venues)
    live = ["--live", "--yes"] if mode == "live" else []
    node = desk.start(mode, "--config", "node.toml", *live, "--log-json", "--json")
    desk.until(lambda: metric(port, "tradewind_orders_live") >= 2, "the node quotes")
    return node, port


def test_a_live_node_quotes_is_looked_at_and_stops(desk: Desk, venues: Venues) -> None:
    found = venues("binance,bybit")
    node, port = start(desk, found, "live", QUOTES.format(venue="binance"))
    desk.until(lambda: scrape(port, "/health")[0] == 200, "the node is well")
    page = scrape(port, "/metrics")[1]
    assert 'tradewind_link_up{venue="bybit"' in page
    assert metric(port, "tradewind_orders_sent_total") >= 2
    node.send_signal(signal.SIGTERM)
    out, _ = node.communicate(timeout=30)
    assert node.returncode == 0, desk.log()[-3000:]
    assert json.loads(out) == {"ended": "stopped", "fault": None, "exit_code": 0}
    lines = [json.loads(line) for line in desk.log().splitlines() if line.startswith("{")]
    assert {"asked-to-stop", "stopped"} <= {line["event"] for line in lines}
    for v in found:
        assert v.secret not in desk.log()
        assert v.key not in desk.log()
    done = desk.run("kill", "--config", "node.toml", "--yes", "--json")
    assert json.loads(done.stdout)["verified"] is True


def test_a_killed_node_is_cleaned_up_by_the_kill_switch(desk: Desk, venues: Venues) -> None:
    found = venues("binance")
    node, _ = start(desk, found, "live", QUOTES.format(venue="binance"))
    node.kill()
    node.wait()
    # Node, journal and disk are gone.
    (desk.folder / "state").rename(desk.folder / "elsewhere")
    assert desk.run("kill", "--config", "node.toml").returncode == 2
    done = desk.run("kill", "--config", "node.toml", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["verified"]
    assert told["venues"][0]["cancelled_on"] == ["spot:BTCUSDT"]
    assert told["venues"][0]["took_ms"] < 1000
    found[0].process.terminate()
    found[0].process.wait()
    done = desk.run("kill", "--config", "node.toml", "--yes", "--within", "1")
    assert done.returncode == 9
    assert "NOT VERIFIED" in done.stderr


def test_a_node_that_stood_still_goes_on(desk: Desk, venues: Venues) -> None:
    node, port = start(desk, venues("binance"), "paper", QUOTES.format(venue="binance"))
    node.send_signal(signal.SIGSTOP)
    time.sleep(6)
    node.send_signal(signal.SIGCONT)
    desk.until(lambda: metric(port, "tradewind_stalls_total") >= 1, "the pause is noticed")
    desk.until(lambda: scrape(port, "/health")[0] == 200, "the node is well again")
    node.send_signal(signal.SIGINT)
    assert node.wait(timeout=30) == 0, desk.log()[-3000:]


STRATEGY = """
import time
from tradewind.strategy import CancelAll, Place, Wakes

class Patient:
    name = "patient"
    def __init__(self, lots, instruments, sleepy=False):
        self.parameters = {"lots": lots}
        self.lots, self.sleepy = lots, sleepy
        self.id = next(i["id"] for i in instruments if i["symbol"] == "BTCUSDT")
    def wakes(self):
        return Wakes(timer_ns=200_000_000)
    def on_wake(self, wake, view):
        while self.sleepy and view.live_orders():
            pass
        touch = view.touch(self.id)
        if touch is None or view.live_orders():
            return []
        return [Place(instrument=self.id, side="buy", lots=self.lots, price_ticks=touch.bid_ticks - 5000)]
"""
BOOK = """
[[book]]
name = "mine"
[book.python]
strategy = "patient.py:Patient"
time_budget_ms = 500
arguments = {{ lots = 100{more} }}
"""


def test_a_python_strategy_trades_and_one_that_hangs_is_fenced_off(desk: Desk, venues: Venues) -> None:
    found = venues("binance")
    (desk.folder / "patient.py").write_text(STRATEGY)
    port = free_port()
    for more, event in (("", None), (", sleepy = true", "strategy-fenced")):
        text = configuration(found, metrics=METRICS.format(port=port), more=BOOK.format(more=more))
        (desk.folder / "node.toml").write_text(text)
        node = desk.start("paper", "--config", "node.toml", "--log-json")
        desk.until(lambda: metric(port, "tradewind_orders_sent_total") >= 1, "the strategy places an order")
        if event:
            desk.until(lambda event=event: event in desk.log(), "it is fenced off")
            desk.until(lambda: metric(port, "tradewind_orders_live") == 0, "its orders are cancelled")
            assert "took longer than 0.5 s" in desk.log()
        else:
            assert "strategy-fenced" not in desk.log()
        node.send_signal(signal.SIGINT)
        assert node.wait(timeout=30) == 0, desk.log()[-3000:]


def test_keys_in_a_file(desk: Desk, venues: Venues) -> None:
    found = venues("binance")[0]
    desk.environment = {"TRADEWIND_KEYS_PASSWORD": "correct horse"}
    lines = f"{found.key}\n{found.secret}\n\n"
    assert desk.run("keys", "add", "keys.json", "binance", stdin=lines).returncode == 0
    listed = desk.run("keys", "list", "keys.json", "--json")
    assert json.loads(listed.stdout)["accounts"] == [{"name": "binance", "key_begins": found.key[:4]}]
    text = configuration([found]).replace('keys = { env = "BINANCE" }', 'keys = { file = "keys.json" }')
    (desk.folder / "node.toml").write_text(text)
    done = desk.run("kill", "--config", "node.toml", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    assert found.secret not in done.stdout + done.stderr + listed.stdout
    desk.environment = {"TRADEWIND_KEYS_PASSWORD": "wrong horse"}
    done = desk.run("kill", "--config", "node.toml", "--yes")
    assert done.returncode == 5
    assert "the password is wrong" in done.stderr
    desk.environment = {}
    done = desk.run("live", "--config", "node.toml", "--live", "--yes")
    assert done.returncode == 5
    assert "TRADEWIND_KEYS_PASSWORD" in done.stderr
    desk.environment = {"TRADEWIND_KEYS_PASSWORD": "correct horse"}
    assert desk.run("keys", "remove", "keys.json", "binance").returncode == 0
    assert desk.run("keys", "remove", "keys.json", "binance").returncode == 5

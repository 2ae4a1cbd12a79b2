"""`tradewind backtest` from outside: what it prints and writes, on data, without data, interrupted, unheard."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tradewind.analytics.definitions import DEFINITIONS
from tradewind.market import DataSource

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "patient_maker.py"


def run_folder(folder: Path) -> Path:
    (found,) = (folder / "runs").iterdir()
    return found


def test_without_data_the_demo_is_simulated_and_says_so_first(commands: Any) -> None:
    ran = commands.run("backtest", "--simulated", "6x12", "--html", "report.html", "--md", "report.md")
    assert ran.returncode == 0, ran.stderr
    first = ran.stdout.splitlines()[0]
    assert first.startswith("simulated market")
    assert "6 symbols on simulated" in first
    page = (commands.folder / "report.html").read_text()
    assert "simulated" in page[page.index("<body") :][:2_000].lower()
    assert "<script src" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert (commands.folder / "report.md").read_text()
    lines = ran.stdout.splitlines()
    assert max(map(len, lines[: lines.index("")])) <= 100
    assert lines.index("") <= 60
    # The first of the next commands is a replay of this very run: it must do what it says.
    (replay,) = [line.split("tradewind ")[1] for line in lines if line.startswith("NEXT")]
    again = commands.run(*replay.split())
    assert again.returncode == 0, again.stderr
    assert {p.name for p in run_folder(commands.folder).iterdir()} == {"run.journal", "report.html", "report.json"}


def test_json_is_one_object_with_every_metric(commands: Any, depth_folder: Path) -> None:
    ran = commands.run("backtest", "quoting-python", "--data", depth_folder, "--json")
    assert ran.returncode == 0, ran.stderr
    body = json.loads(ran.stdout)
    assert ran.stderr == ""
    assert list(body["metrics"]) == [d.id for d in DEFINITIONS]
    nulls = {k for k, v in body["metrics"].items() if v is None}
    assert nulls == set(body["undefined"])
    assert all(body["undefined"].values()), "each says why"
    for key in ("run_id", "data_hash", "state_hash", "n_trials", "warnings", "counts", "files"):
        assert key in body
    assert len(body["state_hash"]) == len(body["data_hash"]) == 64
    assert body["counts"]["fills"] > 0
    assert Path(commands.folder / body["files"]["journal"]).is_file()
    assert json.loads((run_folder(commands.folder) / "report.json").read_text())["run_id"] == body["run_id"]


def test_rust_and_python_from_the_command_line(commands: Any, quoting_journal: Path, depth_folder: Path) -> None:
    rust = json.loads((quoting_journal.parent / "report.json").read_text())
    ran = commands.run("backtest", "quoting-python", "--data", depth_folder, "--json")
    python = json.loads(ran.stdout)
    same = ("net_profit", "fees_paid", "traded_value", "trades", "cancels", "rejects", "avg_queue_wait")
    assert {k: rust["metrics"][k] for k in same} == {k: python["metrics"][k] for k in same}
    assert rust["data_hash"] == python["data_hash"]


def test_a_strategy_of_one_s_own(commands: Any, depth_folder: Path) -> None:
    ran = commands.run("backtest", f"{EXAMPLE}:PatientMaker", "--data", depth_folder)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("patient maker (Python)")
    assert run_folder(commands.folder).name.endswith("-PatientMaker")


def test_a_strategy_that_cannot_be_made_exits_4(commands: Any, depth_folder: Path) -> None:
    own = commands.folder / "own.py"
    own.write_text("class Maker:\n    def __init__(self):\n        self.size = 1 / 0\n")
    ran = commands.run("backtest", f"{own}:Maker", "--data", depth_folder)
    assert ran.returncode == 4
    assert "ZeroDivisionError" in ran.stderr
    assert "how to go on" in ran.stderr


def test_coin_settled_contracts_are_refused(commands: Any, real_data: Path) -> None:
    ran = commands.run("backtest", "quoting-rust", "--data", real_data, "--market", "binance_coinm:BTCUSD_PERP")
    assert ran.returncode == 3
    assert "settle in the coin" in ran.stderr


def test_a_market_that_is_not_there_lists_those_that_are(commands: Any, depth_folder: Path) -> None:
    ran = commands.run("backtest", "quoting-rust", "--data", depth_folder, "--market", "binance_usdm:DOGEUSDT")
    assert ran.returncode == 3
    assert "binance_usdm BTCUSDT" in ran.stderr


@pytest.mark.parametrize("seconds", [1.0, 4.0])
def test_an_interrupt_ends_a_long_run_at_once(commands: Any, seconds: float) -> None:
    process = commands.start("backtest")
    time.sleep(seconds)
    assert process.poll() is None, "the run was over before it could be interrupted"
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert time.monotonic() - began < 5.0
    assert "Traceback" not in out + err
    assert "interrupted" in err


SLOW = """
import time

class Slow:
    name = "slow"
    parameters = {}

    def wakes(self):
        from tradewind.strategy import Wakes
        return Wakes(book=True)

    def on_wake(self, wake, view):
        time.sleep(0.02)
        return []
"""


def test_an_interrupt_within_a_strategy_leaves_a_sound_journal(
    commands: Any, made_recording: Callable[..., DataSource]
) -> None:
    made_recording(commands.folder / "data", seconds=200)
    (commands.folder / "slow.py").write_text(SLOW)
    process = commands.start("backtest", "slow.py:Slow", "--data", "data")
    deadline = time.monotonic() + 60.0
    while not list(commands.folder.glob("runs/*/run.journal")):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.5)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert time.monotonic() - began < 5.0
    assert "Traceback" not in err
    assert "fenced" not in err
    (journal,) = commands.folder.glob("runs/*/run.journal")
    assert str(journal.relative_to(commands.folder)) in err
    checked = commands.run("journal", "verify", journal)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("words", [("data", "list", "--json"), ("doctor",)])
def test_a_reader_that_left_is_no_failure(commands: Any, depth_folder: Path, words: tuple[str, ...]) -> None:
    process = commands.start(*words, "--data", depth_folder)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read()
    assert process.wait(timeout=60) == 0, err
    assert err == ""

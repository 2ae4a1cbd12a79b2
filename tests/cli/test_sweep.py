"""`tradewind sweep` from outside: what it prints and writes, how it goes on, and how it says no."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

MADE = ("--simulated", "2x6")
SMALL = ("sweep", "ma-cross", *MADE, "--fast", "5:15:5", "--slow", "30,60")
PORTFOLIOS = ("sweep", "portfolio", "--simulated", "6x12", "--allocator", "equal_weight", "--volatility", "0.2,0.3")


def next_command(shown: str) -> list[str]:
    (said,) = [line.split("tradewind ")[1] for line in shown.splitlines() if line.startswith("NEXT")]
    return said.split()


def assert_fits_a_screen(shown: str) -> None:
    """But for the paths at its end, which are as long as they are."""
    assert max(map(len, shown.partition("FILES")[0].splitlines())) <= 100
    assert len(shown.splitlines()) <= 60


def only_folder(desk: Path) -> Path:
    (found,) = (desk / "runs").iterdir()
    return found


def test_json_has_every_trial_the_winner_and_both_parts_and_a_resumed_sweep_says_the_same(commands: Any) -> None:
    ran = commands.run(*SMALL, "--json")
    assert ran.returncode == 0, ran.stderr
    body = json.loads(ran.stdout)
    assert body["n_trials"] == len(body["trials"]) == 6
    assert body["winner"] in [{k: t[k] for k in ("fast", "slow")} for t in body["trials"]]
    for part, label in (("in_sample", "in-sample"), ("held_out", "held out")):
        assert body[part]["label"] == label
        assert body[part]["engine"]["n_trials"] == 6
        assert body[part]["gap"] == pytest.approx(sum(s["difference"] for s in body[part]["steps"][4:]))
        assert len(body[part]["engine"]["state_hash"]) == 64
        assert Path(body[part]["journal"]).name.endswith(".journal")
    assert body["notes"][0].startswith("simulated")

    folder = commands.folder / body["folder"]
    assert folder == only_folder(commands.folder)
    assert folder.name.endswith("-sweep-ma-cross")
    record = (folder / "trials.jsonl").read_bytes()
    (folder / "trials.jsonl").write_bytes(record[: len(record) // 2])
    again = commands.run(*SMALL, "--resume", folder)
    assert again.returncode == 0, again.stderr
    assert (folder / "trials.jsonl").read_bytes() == record
    assert_fits_a_screen(again.stdout)
    for said in ("in-sample, screen", "in-sample, engine", "held out, screen", "held out, engine", "half spread"):
        assert said in again.stdout
    for page in ("in-sample.html", "held-out.html"):
        assert (folder / page).read_text().startswith("<!")
    replayed = commands.run(*next_command(again.stdout))
    assert replayed.returncode == 0, replayed.stderr

    other = commands.run("sweep", "ma-cross", *MADE, "--fast", "7", "--slow", "30", "--resume", folder)
    assert other.returncode == 4
    assert "holds another sweep" in other.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [(("--symbol", "NOPE"), "NOPE is not among"), (("--slow", "100000"), "shorten the slow windows")],
)
def test_what_cannot_be_swept_is_refused_in_plain_words_and_leaves_nothing(
    commands: Any, words: tuple[str, ...], said: str
) -> None:
    ran = commands.run(*SMALL, *words)
    assert ran.returncode == 3, ran.stderr
    assert said in ran.stderr
    assert list((commands.folder / "runs").iterdir()) == []


def test_a_portfolio_sweep_interrupted_says_how_to_go_on_and_does(commands: Any) -> None:
    process = commands.start(*PORTFOLIOS, "--jobs", "1")
    deadline = time.monotonic() + 90
    while not list(commands.folder.glob("runs/*/trials.jsonl")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    folder = only_folder(commands.folder)
    assert f"--resume {folder.relative_to(commands.folder)}" in err
    assert not (folder / "bars").exists()
    first = (folder / "trials.jsonl").read_text()

    again = commands.run(*PORTFOLIOS, "--resume", folder)
    assert again.returncode == 0, again.stderr
    lines = (folder / "trials.jsonl").read_text()
    assert lines.startswith(first)
    assert sorted(json.loads(line)["trial"] for line in lines.splitlines()) == [0, 1]
    assert_fits_a_screen(again.stdout)
    assert "in-sample as a choice" in again.stdout
    assert (folder / "best.html").read_text().startswith("<!")
    replayed = commands.run(*next_command(again.stdout))
    assert replayed.returncode == 0, replayed.stderr

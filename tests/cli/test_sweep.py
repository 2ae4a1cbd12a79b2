"""`tradewind sweep` from outside: what it prints and writes, how it goes on, and how it says no."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tradewind.cli import app

MAIN = "from tradewind.cli import main; main()"
SMALL = ("--symbol", "BTCUSDT", "--fast", "5:15:5", "--slow", "30,60")


def tradewind(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs in a folder without data, so on the simulated market."""
    kept = {k: v for k, v in os.environ.items() if k not in ("TRADEWIND_DATA", "XDG_DATA_HOME")}
    ran = subprocess.run(
        [sys.executable, "-c", MAIN, *words],
        cwd=folder,
        env={**kept, "HOME": str(folder), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "Traceback" not in ran.stderr, ran.stderr
    return ran


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    desk = tmp_path_factory.mktemp("desk") / "here"
    desk.mkdir()
    return desk, tradewind(desk, "sweep", *SMALL, "--json")


def test_json_has_every_trial_the_winner_and_both_parts(
    swept: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    _, ran = swept
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


def test_a_resumed_sweep_prints_both_parts_and_replays(
    swept: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    desk, ran = swept
    folder = desk / json.loads(ran.stdout)["folder"]
    record = (folder / "trials.jsonl").read_bytes()
    (folder / "trials.jsonl").write_bytes(record[: len(record) // 2])
    again = tradewind(desk, "sweep", *SMALL, "--resume", str(folder))
    assert again.returncode == 0, again.stderr
    assert (folder / "trials.jsonl").read_bytes() == record
    lines = again.stdout.splitlines()
    assert max(map(len, lines)) <= 100
    assert len(lines) <= 60
    for said in ("in-sample, screen", "in-sample, engine", "held out, screen", "held out, engine", "half spread"):
        assert said in again.stdout
    assert (folder / "held-out.html").read_text().startswith("<!")
    replayed = tradewind(desk, "replay", str(folder / "held-out.journal"))
    assert replayed.returncode == 0, replayed.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--fast", "5:x:1"), "neither FROM:TO:STEP"),
        (("--fast", "5:50:0"), "neither FROM:TO:STEP"),
        (("--fast", "2.5"), "whole number of bars"),
        (("--fast", "50", "--slow", "20"), "no fast window is below a slow one"),
        (("--resume", "nowhere"), "holds no sweep.json"),
        (("--jobs", "0"), "--jobs"),
        (("portfolio", "--allocator", "guess"), "no allocator"),
        (("everything",), "ma-cross"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_read(words: tuple[str, ...], said: str) -> None:
    ran = CliRunner().invoke(app, ["sweep", *words])
    assert ran.exit_code == 2, ran.output
    assert said in " ".join(ran.output.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [(("--symbol", "NOPE"), "NOPE is not among"), (("--slow", "100000"), "shorten the slow windows")],
)
def test_what_cannot_be_swept_is_refused_in_plain_words(
    swept: tuple[Path, subprocess.CompletedProcess[str]], words: tuple[str, ...], said: str
) -> None:
    ran = tradewind(swept[0], "sweep", *words)
    assert ran.returncode == 3, ran.stderr
    assert said in ran.stderr


def test_another_sweep_in_the_folder_is_a_failed_run(
    swept: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    desk, ran = swept
    words = (
        "sweep",
        "--symbol",
        "BTCUSDT",
        "--fast",
        "7",
        "--slow",
        "30",
        "--resume",
        json.loads(ran.stdout)["folder"],
    )
    other = tradewind(desk, *words)
    assert other.returncode == 4
    assert "holds another sweep" in other.stderr


def test_help_shows_how_it_is_called() -> None:
    shown = CliRunner().invoke(app, ["sweep", "--help"]).output
    assert "tradewind sweep --symbol ETHUSDT --fast 5:60:5 --slow 20:400:20 --jobs 2" in shown
    assert "--resume" in shown

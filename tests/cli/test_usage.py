"""What every command has in common: help with examples, usage errors, one JSON object, documented exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tradewind import __version__, cli

COMMANDS = (
    [],
    ["backtest"],
    ["replay"],
    ["doctor"],
    ["version"],
    ["data"],
    ["data", "list"],
    ["data", "check"],
    ["journal"],
    ["journal", "verify"],
    ["sweep"],
    ["sweep", "ma-cross"],
    ["sweep", "portfolio"],
)
Here = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_help_shows_examples(here: Here, words: list[str]) -> None:
    code, out, _ = here(*words, "--help")
    assert code == 0
    examples = [line.strip() for line in out.partition("Examples:")[2].splitlines() if line.strip()]
    assert examples, out
    assert all(line.startswith(" ".join(["tradewind", *words]).strip()) for line in examples)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["backtest", "nothing-like-it"], "portfolio, quoting-rust, quoting-python"),
        (["backtest", "quoting-rust", "--market", "BTCUSDT"], "binance_usdm:BTCUSDT"),
        (["backtest", "--allocator", "luck"], "risk_parity"),
        (["backtest", "--volatility", "9"], "less than or equal to 2"),
        (["backtest", "--simulated", "twelve"], "12x16"),
        (["backtest", "--simulated", "0x0"], "12x16"),
        (["backtest", "nowhere.py:Maker"], "no file nowhere.py"),
        (["backtest", "--alocator", "risk_parity"], "--allocator"),
        (["data", "check"], "paths"),
        (["sweep", "everything"], "everything"),
        (["sweep", "ma-cross", "--fast", "5:x:1"], "neither FROM:TO:STEP"),
        (["sweep", "ma-cross", "--fast", "5:50:0"], "neither FROM:TO:STEP"),
        (["sweep", "ma-cross", "--fast", "2.5"], "whole number of bars"),
        (["sweep", "ma-cross", "--fast", "50", "--slow", "20"], "no fast window is below a slow one"),
        (["sweep", "ma-cross", "--resume", "nowhere"], "holds no sweep.json"),
        (["sweep", "ma-cross", "--jobs", "0"], "--jobs"),
        (["sweep", "portfolio", "--allocator", "guess"], "risk_parity"),
        (["replay"], "path"),
        (["data", "check", "x", "--gaps", "maybe"], "segment"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
def test_usage_errors_exit_2_and_say_what_to_try(here: Here, words: list[str], said: str) -> None:
    code, out, err = here(*words)
    assert code == cli.USAGE
    assert out == ""
    assert said in err
    assert "--help" in err, "the next step"
    assert len(err.splitlines()) <= 12


def test_a_usage_error_leaves_nothing_behind(here: Here, tmp_path: Path) -> None:
    here("backtest", "--allocator", "luck")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ["backtest", "quoting-rust"],
        ["data", "list"],
        ["data", "check", "nowhere.parquet"],
        ["journal", "verify", "nowhere.journal"],
        ["replay", "nowhere.journal"],
        ["data", "list", "--data", "nowhere"],
    ],
    ids=" ".join,
)
def test_what_is_not_there_exits_3_in_words_and_in_json(here: Here, words: list[str]) -> None:
    code, _, err = here(*words)
    assert code == cli.DATA_REFUSED
    assert err.startswith("data refused: ")
    assert "where: " in err
    assert "how to go on: " in err
    again, out, _ = here(*words, "--json")
    assert again == code
    body = json.loads(out)
    refused = body["refused"][0] if "refused" in body else body["error"]
    assert refused["what"]
    assert refused["remedy"]


def test_a_refused_run_leaves_no_empty_folder(here: Here, tmp_path: Path) -> None:
    assert here("backtest", "quoting-rust")[0] == cli.DATA_REFUSED
    assert list((tmp_path / "runs").iterdir()) == []


@pytest.mark.parametrize("option", ["--html", "--md", "--out"])
def test_what_cannot_be_written_exits_4_before_the_run(here: Here, tmp_path: Path, option: str) -> None:
    (tmp_path / "file").write_text("")
    code, out, err = here("backtest", "--simulated", "6x14", option, tmp_path / "file" / "below")
    assert code == cli.RUN_FAILED
    assert out == ""
    assert err.startswith("run failed: ")
    assert "how to go on: " in err
    assert len(err.splitlines()) <= 4
    code, out, _ = here("backtest", "--simulated", "6x14", option, tmp_path / "file" / "below", "--json")
    assert (code, json.loads(out)["exit_code"]) == (cli.RUN_FAILED, cli.RUN_FAILED)


def test_a_folder_is_no_report(here: Here, tmp_path: Path) -> None:
    assert here("backtest", "--html", tmp_path)[0] == cli.RUN_FAILED


def test_version(here: Here) -> None:
    assert here("version") == (0, f"{__version__}\n", "")
    assert json.loads(here("version", "--json")[1]) == {"version": __version__}


def items(body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {item["name"]: item for item in body["items"]}


def test_doctor_without_data_says_what_runs_will_do(here: Here) -> None:
    code, out, _ = here("doctor", "--json")
    body = json.loads(out)
    assert (code, body["ok"]) == (0, True)
    found = items(body)
    assert "simulated market" in found["data"]["found"]
    for name in ("Python", "native module", "polars", "lightgbm", "cvxpy", "scikit-learn"):
        assert found[name]["ok"], name
    text = here("doctor")[1]
    assert len(text.splitlines()) == len(found)


def test_doctor_with_data_names_the_folder_and_who_chose_it(
    here: Here, depth_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = items(json.loads(here("doctor", "--data", depth_folder, "--json")[1]))["data"]["found"]
    assert str(depth_folder) in named
    assert "--data" in named
    monkeypatch.setenv("TRADEWIND_DATA", str(depth_folder))
    assert "TRADEWIND_DATA" in items(json.loads(here("doctor", "--json")[1]))["data"]["found"]


def test_doctor_with_a_data_folder_that_is_not_there_says_missing(here: Here, tmp_path: Path) -> None:
    code, out, _ = here("doctor", "--data", tmp_path / "nowhere")
    assert code == cli.RUN_FAILED
    assert "MISSING data" in out

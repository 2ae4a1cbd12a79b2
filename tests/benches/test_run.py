"""The benchmark runner: every row has its evidence, the work is bounded, goes that differ are refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
RUN = REPOSITORY / "benches" / "run.py"

CORE = {
    "matching_mix_1k_live",
    "order_life",
    "order_life_journaled",
    "order_path_mix",
    "order_path_mix_journaled",
    "journal_append_memory",
    "journal_append_process",
    "journal_commit_process",
    "journal_commit_disk",
    "journal_verify",
    "journal_recover",
    "simulation_portfolio_bars",
}
ON_RECORDED_DEPTH = {
    "book_level_change_recorded",
    "simulation_quoting_rust",
    "simulation_quoting_python",
    "simulation_watcher_python",
}


@pytest.fixture(scope="module")
def result() -> dict:
    """One quick run, with whatever data and yardstick this machine has."""
    ran = subprocess.run([sys.executable, str(RUN), "--quick", "--json"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def row(result: dict, name: str, unit: str | None = None) -> dict:
    return next(r for r in result["rows"] if r["name"] == name and unit in (None, r["unit"]))


@pytest.mark.timeout(900)  # the first run builds the release benchmark
def test_every_row_is_there_with_its_evidence(result):
    names = {r["name"] for r in result["rows"]}
    missing = {r["name"] for r in result["not_run"]}
    assert names >= CORE
    if "simulation_quoting" in missing:
        assert "book_level_change_generated" in names
    else:
        assert names >= ON_RECORDED_DEPTH
    for r in result["rows"]:
        assert r["ns"] > 0 and r["per_second"] == pytest.approx(1e9 / r["ns"], rel=0.01), r
        assert r["includes"] and r["commit_level"] in {"-", "memory", "process", "disk"}, r
        if not r["name"].startswith("yardstick"):
            assert len(bytes.fromhex(r["state_hash"])) == 32, r
            assert isinstance(r["rejects"], int), r
            assert isinstance(r["fills"], int) or r["name"].startswith("book_level_change"), r
    assert result["measuring"]["cpu_s"] < 15
    assert {"processor", "cores", "load_1m", "rustc", "python", "commit"} <= set(result["machine"])
    assert any(warning.startswith("quick") for warning in result["warnings"])


def test_the_mix_hits_live_orders_and_trades(result):
    matching = row(result, "matching_mix_1k_live")
    operations = 100_000
    assert 0 < matching["rejects"] < 0.02 * operations
    assert 0.2 * operations < matching["fills"] < 0.5 * operations
    assert row(result, "order_path_mix")["rejects"] < 0.02 * operations


def test_a_journal_changes_no_state_and_recovery_reaches_it(result):
    lives = {row(result, name)["state_hash"] for name in ("order_life", "order_life_journaled", "journal_recover")}
    mixes = {row(result, name)["state_hash"] for name in ("order_path_mix", "order_path_mix_journaled")}
    assert len(lives) == len(mixes) == 1
    assert lives != mixes
    chains = {
        row(result, n)["state_hash"] for n in ("journal_append_memory", "journal_append_process", "journal_verify")
    }
    assert len(chains) == 1


def test_the_rust_algo_and_its_python_twin_trade_alike(result, real_data):
    assert real_data
    rust, python = row(result, "simulation_quoting_rust"), row(result, "simulation_quoting_python", "event")
    assert (rust["fills"], rust["rejects"]) == (python["fills"], python["rejects"])
    assert rust["fills"] > 0
    assert row(result, "simulation_watcher_python", "wake")["fills"] == 0


def test_a_ratio_needs_the_yardstick(result):
    ratios = {r["name"] for r in result["rows"] if r["ratio"] is not None}
    if any(r["name"] == "yardstick" for r in result["not_run"]):
        assert not ratios
    else:
        assert ratios == {"matching_mix_1k_live", "order_path_mix_journaled"}
        ours, theirs = row(result, "matching_mix_1k_live"), row(result, "yardstick_matching_mix")
        assert ours["ratio"] == pytest.approx(ours["ns"] / theirs["ns"], rel=0.05)


def test_a_yardstick_that_is_not_there_is_named_with_a_remedy(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(RUN.parent))
    import yardstick

    said = yardstick.build({"TRADEWIND_BENCH": str(tmp_path)}, tmp_path)
    assert isinstance(said, str)
    assert str(tmp_path) in said and "TRADEWIND_BENCH" in said


def test_two_goes_that_differ_are_no_figure(monkeypatch):
    monkeypatch.syspath_prepend(str(RUN.parent))
    from measurement import BenchFailed, Measurement, together

    def go(elapsed: int, digest: str) -> list[Measurement]:
        return [Measurement.of_rounds("work", {"op": 10}, [elapsed, 3 * elapsed], 1, 2, digest)]

    (both,) = together([go(100, "a"), go(80, "a")])
    assert both.best("op") == 8.0
    assert both.median("op") == pytest.approx(18.0)
    with pytest.raises(BenchFailed, match="not deterministic"):
        together([go(100, "a"), go(80, "b")])


def test_help_shows_examples_and_wrong_usage_is_refused():
    shown = subprocess.run([sys.executable, str(RUN), "--help"], capture_output=True, text=True, check=False)
    assert shown.returncode == 0 and "examples:" in shown.stdout and "--quick" in shown.stdout
    refused = subprocess.run([sys.executable, str(RUN), "--turns", "0"], capture_output=True, text=True, check=False)
    assert refused.returncode == 2

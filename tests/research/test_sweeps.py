"""Sweeps: interrupted and gone on with is the same as never interrupted; what is held out is held out; trials count."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tradewind.analytics import significance
from tradewind.flow import DataRefused, Market
from tradewind.market import simulate
from tradewind.market.bars import hash_bars
from tradewind.research import crosses, sweep_page, sweeps
from tradewind.research.runs import CodeFacts, RunFailed
from tradewind.research.trials import Record, Sweep

FACTS = CodeFacts("test", 0)
NAME = '{"kind": "simulated", "seed": 5}'
SETTINGS = sweeps.CrossSettings("BTCUSDT", tuple(range(2, 42, 2)), tuple(range(20, 120, 5)))


@pytest.fixture(scope="module")
def market() -> Market:
    return simulate(5, coins=2, months=6)


def quiet(_stage: str, _done: int, _of: int) -> None:
    pass


def sweep(market: Market, folder: Path, settings: sweeps.CrossSettings = SETTINGS) -> sweeps.CrossSweep:
    return sweeps.cross_sweep(market, NAME, settings, folder, FACTS, quiet, threads=2)


@pytest.fixture(scope="module")
def finished(market: Market, tmp_path_factory: pytest.TempPathFactory) -> sweeps.CrossSweep:
    return sweep(market, tmp_path_factory.mktemp("sweep"))


def test_every_trial_is_on_record_with_its_parameters_data_and_code(finished: sweeps.CrossSweep) -> None:
    lines = [json.loads(line) for line in (finished.folder / "trials.jsonl").read_text().splitlines()]
    pairs = SETTINGS.pairs()
    assert len(lines) == len(pairs) == finished.trials.height > 256
    assert [(r["parameters"]["fast"], r["parameters"]["slow"]) for r in lines] == [(p.fast, p.slow) for p in pairs]
    assert all(set(r["metrics"]) == {"total_return", "max_drawdown", "sharpe", "trades"} for r in lines)
    described = json.loads((finished.folder / "sweep.json").read_text())
    assert {r["data_hash"] for r in lines} == {described["data_hash"]}
    assert {r["code_version"] for r in lines} == {"test"}


@pytest.mark.parametrize("kept_bytes", [0, 1, 10_000, -1])
def test_interrupted_and_resumed_is_uninterrupted(
    market: Market, finished: sweeps.CrossSweep, tmp_path: Path, kept_bytes: int
) -> None:
    record = (finished.folder / "trials.jsonl").read_bytes()
    (tmp_path / "sweep.json").write_bytes((finished.folder / "sweep.json").read_bytes())
    (tmp_path / "trials.jsonl").write_bytes(record[:kept_bytes])
    (tmp_path / "held-out.journal").write_bytes(b"half of one")
    again = sweep(market, tmp_path)
    assert (tmp_path / "trials.jsonl").read_bytes() == record
    assert again.trials.equals(finished.trials)
    assert again.winner == finished.winner
    for part in ("chosen", "held_out"):
        assert getattr(again, part).report.state_hash == getattr(finished, part).report.state_hash
        assert getattr(again, part).steps.equals(getattr(finished, part).steps)


def test_an_interrupt_between_batches_keeps_what_is_done(market: Market, tmp_path: Path) -> None:
    def interrupt(stage: str, done: int, _of: int) -> None:
        if stage == "screening" and done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweeps.cross_sweep(market, NAME, SETTINGS, tmp_path, FACTS, interrupt, threads=1)
    done = len((tmp_path / "trials.jsonl").read_text().splitlines())
    assert 0 < done < len(SETTINGS.pairs())


def test_the_choice_sees_nothing_of_what_is_held_out(
    market: Market, finished: sweeps.CrossSweep, tmp_path: Path
) -> None:
    """Other prices in the held-out part change neither a trial nor the winner; other prices before, nothing there."""
    first_held_out = finished.held_out.stretch.market.bars["ts_ns"][0]
    late = pl.col("ts_ns") >= first_held_out
    prices = ("open", "high", "low", "close")
    other = market.bars.with_columns(pl.when(late).then(pl.col(p) * 2.0).otherwise(pl.col(p)).alias(p) for p in prices)
    changed = dataclasses.replace(market, bars=other, data_hash=hash_bars(other, market.bar_ns))
    again = sweep(changed, tmp_path)
    assert again.trials.equals(finished.trials)
    assert again.winner == finished.winner
    assert again.chosen.report.metrics == finished.chosen.report.metrics
    assert again.held_out.screened["total_return"] == pytest.approx(
        finished.held_out.screened["total_return"], abs=1e-9
    )


def test_held_out_is_purged_by_the_slow_window(finished: sweeps.CrossSweep) -> None:
    stretch = finished.held_out.stretch
    assert stretch.market.bars["ts_ns"][0] > finished.chosen.stretch.market.bars["ts_ns"][-1]
    assert stretch.first == finished.winner.slow - 1
    decided = crosses.decisions(stretch.market, finished.winner)
    assert decided["bar"].min() >= finished.winner.slow  # type: ignore[operator]
    assert finished.held_out.report.run.start_ns == stretch.start_ns
    assert all("in-sample" not in w for w in finished.held_out.report.run.warnings)
    assert any("in-sample" in w for w in finished.chosen.report.run.warnings)


def test_the_winner_is_the_best_trial_and_its_sharpe_is_deflated_by_all(finished: sweeps.CrossSweep) -> None:
    best = finished.trials.sort("sharpe", descending=True, maintain_order=True).row(0, named=True)
    assert (finished.winner.fast, finished.winner.slow) == (best["fast"], best["slow"])
    assert finished.chosen.screened["sharpe"] == best["sharpe"]
    assert finished.chosen.screened["total_return"] == best["total_return"]
    for part in (finished.chosen, finished.held_out):
        metrics = part.report.metrics
        assert metrics["n_trials"] == finished.trials.height
        equity = part.report.series["equity"]["value"].to_numpy()
        daily = [s / np.sqrt(365.0) for s in finished.trials["sharpe"].drop_nulls()]
        wanted = significance.dsr(np.diff(equity) / equity[:-1], 0.0, finished.trials.height, daily)
        assert metrics["dsr"] == pytest.approx(wanted)


def test_another_sweep_other_data_and_damage_are_told_apart(
    market: Market, finished: sweeps.CrossSweep, tmp_path: Path
) -> None:
    for name in ("sweep.json", "trials.jsonl"):
        (tmp_path / name).write_bytes((finished.folder / name).read_bytes())
    with pytest.raises(RunFailed, match="another sweep"):
        sweep(
            market,
            tmp_path,
            dataclasses.replace(SETTINGS, symbol=market.symbols[1]),
        )
    with pytest.raises(RunFailed, match="trials, asked now"):
        sweep(market, tmp_path, dataclasses.replace(SETTINGS, fast=(2, 4)))
    with pytest.raises(DataRefused, match="begun on data"):
        sweep(simulate(6, coins=2, months=6), tmp_path)
    lines = (tmp_path / "trials.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "trials.jsonl").write_text("".join([*lines[:3], "{]\n", *lines[4:]]))
    with pytest.raises(DataRefused, match="line 4"):
        sweep(market, tmp_path)


def test_too_little_data_or_no_trade_is_said(market: Market, tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match="shorten the slow windows"):
        sweep(market, tmp_path / "a", dataclasses.replace(SETTINGS, slow=(1_000,)))
    flat = market.bars.with_columns(pl.lit(100.0).alias(p) for p in ("open", "high", "low", "close"))
    still = dataclasses.replace(market, bars=flat)
    with pytest.raises(RunFailed, match=r"none of .* pairs traded"):
        sweep(still, tmp_path / "b")


def test_a_record_takes_each_trial_once_and_no_nan(tmp_path: Path) -> None:
    described = Sweep("test", {}, [{"x": 1}, {"x": 2}, {"x": 3}], {}, "data", "code")
    record = Record(tmp_path, described)
    record.add({1: {"y": 1.5}})
    with pytest.raises(ValueError, match="on record already"):
        record.add({1: {"y": 2.0}})
    with pytest.raises(ValueError, match="Out of range float"):
        record.add({0: {"y": float("nan")}})
    again = Record(tmp_path, described)
    assert again.missing == (0, 2)
    assert [(t.number, t.parameters, t.metrics) for t in again.trials] == [(1, {"x": 2}, {"y": 1.5})]


def test_the_best_portfolio_is_deflated_by_all_that_was_looked_at() -> None:
    columns = {"sharpe": [1.0, 1.02], "skew": [0.0] * 2, "kurtosis": [3.0] * 2, "days": [301] * 2, "n_trials": [15] * 2}
    table = pl.DataFrame({"allocator": ["a"] * 2, "annual_volatility": [0.2, 0.3], **columns})
    best = table.row(1, named=True)
    hurdle = significance.expected_best_sharpe(30, 1.0 / 300.0)
    daily = 1.02 / np.sqrt(365.0)
    found = sweeps._deflated(best, table)
    assert found == pytest.approx(significance.probabilistic_sharpe(daily, hurdle, 301, 0.0, 3.0))
    assert found < 0.2 < significance.probabilistic_sharpe(daily, 0.0, 301, 0.0, 3.0)
    metrics = {"total_return_pct": 12.0, "max_drawdown_pct": -3.0, "trades": 4, "psr": 0.7}
    shown = sweep_page.portfolio_terminal(
        sweeps.PortfolioSweep(table.with_columns(**{k: pl.lit(v) for k, v in metrics.items()}), best, found, Path("x"))
    )
    assert "in-sample as a choice" in shown
    assert shown.index("a, 0.3") < shown.index("a, 0.2")


GRID = """
import sys, time
from pathlib import Path
from tradewind.flow import DataRefused
from tradewind.research.sweeps import engine_grid
from tradewind.research.trials import Record, Sweep

def trial(parameters):
    if parameters["x"] == parameters["refused"]:
        raise DataRefused("refused here", "in a worker", "go on elsewhere")
    time.sleep(parameters["sleep"])
    return {"square": parameters["x"] ** 2}

if __name__ == "__main__":
    folder, sleep, refused = Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    trials = [{"x": x, "sleep": sleep if x > 1 else 0.0, "refused": refused} for x in range(6)]
    record = Record(folder, Sweep("grid", {}, trials, {}, "data", "code"))
    print(len(record.missing), "missing", flush=True)
    try:
        done = engine_grid(trial, record, lambda s, d, n: print(d, "of", n, flush=True), jobs=2)
    except DataRefused as refusal:
        print("refused:", refusal.what, flush=True)
        sys.exit(3)
    except KeyboardInterrupt:
        sys.exit(130)
    print([t.metrics["square"] for t in done])
"""


def grid(folder: Path, *words: str) -> subprocess.Popen[str]:
    script = folder / "grid.py"
    script.write_text(GRID)
    return subprocess.Popen(
        [sys.executable, str(script), str(folder / "record"), *words], stdout=subprocess.PIPE, text=True
    )


def test_a_refusal_in_a_worker_reaches_the_parent_whole(tmp_path: Path) -> None:
    process = grid(tmp_path, "0", "3")
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "refused: refused here" in said


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_an_interrupted_grid_stops_at_once_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    process = grid(tmp_path, "30", "-1")
    lines = tmp_path / "record" / "trials.jsonl"
    deadline = time.monotonic() + 60
    while not (lines.exists() and len(lines.read_text().splitlines()) >= 2):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    stopped_at = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert time.monotonic() - stopped_at < 15, "workers were waited for"
    assert process.returncode == 130
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    assert sorted(r["trial"] for r in rows) == [0, 1]
    # The same sweep with its sleeps done away with: the parameters on record say 30 s, so they are replaced there too.
    for file in (lines, tmp_path / "record" / "sweep.json"):
        file.write_text(file.read_text().replace("30.0", "0.0"))
    said, _ = grid(tmp_path, "0", "-1").communicate(timeout=60)
    assert said.splitlines()[0] == "4 missing"
    assert said.splitlines()[-1] == "[0, 1, 4, 9, 16, 25]"

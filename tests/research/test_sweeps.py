"""Sweeps: interrupted and gone on with is the same as never interrupted; what is held out is held out; trials count."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tradewind.analytics import significance
from tradewind.flow import DataRefused, Market
from tradewind.market import simulate
from tradewind.market.bars import hash_bars
from tradewind.research import cross_sweep, crosses, mapped_bars, portfolio_sweep, sweep_page, walk_forward
from tradewind.research.failures import RunFailed
from tradewind.research.runs import CodeFacts
from tradewind.research.trials import Record, Sweep

FACTS = CodeFacts("test", 0)
NAME = '{"kind": "simulated", "seed": 5}'
SETTINGS = cross_sweep.CrossSettings("BTCUSDT", tuple(range(2, 42, 2)), tuple(range(20, 120, 5)))


@pytest.fixture(scope="module")
def market() -> Market:
    return simulate(5, coins=2, months=6)


@pytest.fixture(scope="module")
def market_of_six() -> Market:
    return simulate(3, coins=6, months=3)


def quiet(_stage: str, _done: int, _of: int) -> None:
    pass


def sweep(market: Market, folder: Path, settings: cross_sweep.CrossSettings = SETTINGS) -> cross_sweep.CrossSweep:
    return cross_sweep.cross_sweep(market, NAME, settings, folder, FACTS, quiet, threads=2)


@pytest.fixture(scope="module")
def finished(market: Market, tmp_path_factory: pytest.TempPathFactory) -> cross_sweep.CrossSweep:
    return sweep(market, tmp_path_factory.mktemp("sweep"))


def test_every_trial_is_on_record_with_its_parameters_data_and_code(finished: cross_sweep.CrossSweep) -> None:
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
    market: Market, finished: cross_sweep.CrossSweep, tmp_path: Path, kept_bytes: int
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
        cross_sweep.cross_sweep(market, NAME, SETTINGS, tmp_path, FACTS, interrupt, threads=1)
    done = len((tmp_path / "trials.jsonl").read_text().splitlines())
    assert 0 < done < len(SETTINGS.pairs())


def test_the_choice_sees_nothing_of_what_is_held_out(
    market: Market, finished: cross_sweep.CrossSweep, tmp_path: Path
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


def test_held_out_is_purged_by_the_slow_window(finished: cross_sweep.CrossSweep) -> None:
    stretch = finished.held_out.stretch
    assert stretch.market.bars["ts_ns"][0] > finished.chosen.stretch.market.bars["ts_ns"][-1]
    assert stretch.first == finished.winner.slow - 1
    decided = crosses.decisions(stretch.market, finished.winner)
    assert decided["bar"].min() >= finished.winner.slow  # type: ignore[operator]
    assert finished.held_out.report.run.start_ns == stretch.start_ns
    assert all("in-sample" not in w for w in finished.held_out.report.run.warnings)
    assert any("in-sample" in w for w in finished.chosen.report.run.warnings)


def test_the_winner_is_the_best_trial_and_its_sharpe_is_deflated_by_all(finished: cross_sweep.CrossSweep) -> None:
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
    market: Market, finished: cross_sweep.CrossSweep, tmp_path: Path
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
    columns = {"sharpe": [1.0, 1.02], "skew": [0.0] * 2, "kurtosis": [3.0] * 2, "days": [301] * 2, "n_trials": [30] * 2}
    table = pl.DataFrame({"allocator": ["a"] * 2, "annual_volatility": [0.2, 0.3], **columns})
    hurdle = significance.expected_best_sharpe(30, 1.0 / 300.0)
    daily = 1.02 / np.sqrt(365.0)
    found = portfolio_sweep._deflated(table.row(1, named=True), table)
    assert found == pytest.approx(significance.probabilistic_sharpe(daily, hurdle, 301, 0.0, 3.0))
    assert found < 0.2 < significance.probabilistic_sharpe(daily, 0.0, 301, 0.0, 3.0)


def test_mapped_bars_are_the_market_and_lie_in_their_files(market: Market, tmp_path: Path) -> None:
    mapped = mapped_bars.write(market, tmp_path / "bars")
    found = mapped.market()
    assert_frame_equal(found.bars, market.bars, check_exact=True)
    assert hash_bars(found.bars, found.bar_ns) == market.data_hash
    assert dataclasses.replace(found, bars=market.bars).__reduce_ex__(2)[2] == market.__reduce_ex__(2)[2]
    assert len(pickle.dumps(mapped)) < 10_000, "the bars themselves are not sent"
    file = np.load(tmp_path / "bars" / "close.npy", mmap_mode="r+")
    file[7] = 123.0
    file.flush()
    assert found.bars["close"][7] == 123.0, "read where it lies, not copied"


@pytest.fixture(scope="module")
def roomy(settings: walk_forward.Settings) -> walk_forward.Settings:
    """Settings under which six coins leave an allocator a choice."""
    return dataclasses.replace(settings, max_weight=0.5)


@pytest.fixture(scope="module")
def portfolios(
    market_of_six: Market, roomy: walk_forward.Settings, tmp_path_factory: pytest.TempPathFactory
) -> portfolio_sweep.PortfolioSweep:
    return sweep_portfolios(market_of_six, roomy, tmp_path_factory.mktemp("portfolios"), 2)


def sweep_portfolios(
    market: Market, settings: walk_forward.Settings, folder: Path, jobs: int
) -> portfolio_sweep.PortfolioSweep:
    tried = portfolio_sweep.PortfolioSettings(("equal_weight", "risk_parity"), (0.2, 0.4), settings)
    return portfolio_sweep.portfolio_sweep(market, '{"kind": "test"}', tried, folder, FACTS, quiet, jobs=jobs)


def test_every_portfolio_trial_is_the_whole_run_of_its_settings(
    portfolios: portfolio_sweep.PortfolioSweep,
    market_of_six: Market,
    roomy: walk_forward.Settings,
) -> None:
    assert portfolios.trials.height == 4
    assert portfolios.trials["state_hash"].n_unique() == 4
    row = portfolios.trials.row(3, named=True)
    alone = dataclasses.replace(roomy, allocator=row["allocator"], annual_volatility=row["annual_volatility"])
    run = walk_forward.walk_forward(market_of_six, alone, None, '{"kind": "test"}', FACTS, quiet)
    assert row["state_hash"] == run.report.state_hash
    assert row["sharpe"] == run.report.metrics["sharpe"]
    # Two volatilities are tried: twice as many configurations are behind each run as behind the same run alone.
    assert row["n_trials"] == 2 * run.report.run.n_trials


def test_the_best_portfolio_is_run_again_with_a_journal(portfolios: portfolio_sweep.PortfolioSweep) -> None:
    best = portfolios.trials.sort("sharpe", descending=True).row(0, named=True)
    assert portfolios.best == best
    assert portfolios.run.report.state_hash == best["state_hash"]
    assert "best of 4 runs" in portfolios.run.report.run.warnings[0]
    assert portfolios.run.journal is not None
    assert portfolios.run.journal.stat().st_size > 0
    assert not (portfolios.folder / "bars").exists(), "the mapped bars are not left behind"
    shown = sweep_page.portfolio_terminal(portfolios)
    assert "in-sample as a choice" in shown
    assert shown.index(f"{best['allocator']}, {best['annual_volatility']:g}") == min(
        shown.index(f"{t['allocator']}, {t['annual_volatility']:g}") for t in portfolios.trials.to_dicts()
    )


def test_a_portfolio_sweep_makes_only_what_is_missing(
    portfolios: portfolio_sweep.PortfolioSweep,
    market_of_six: Market,
    roomy: walk_forward.Settings,
    tmp_path: Path,
) -> None:
    lines = (portfolios.folder / "trials.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "sweep.json").write_bytes((portfolios.folder / "sweep.json").read_bytes())
    (tmp_path / "trials.jsonl").write_text("".join(lines[:3]) + lines[3][:40])
    again = sweep_portfolios(market_of_six, roomy, tmp_path, 1)
    assert again.trials.equals(portfolios.trials)
    assert again.best == portfolios.best
    assert (tmp_path / "trials.jsonl").read_text().startswith("".join(lines[:3]))


def test_a_best_trial_that_cannot_be_made_again_is_said(
    portfolios: portfolio_sweep.PortfolioSweep,
    market_of_six: Market,
    roomy: walk_forward.Settings,
    tmp_path: Path,
) -> None:
    record = (portfolios.folder / "trials.jsonl").read_text()
    (tmp_path / "sweep.json").write_bytes((portfolios.folder / "sweep.json").read_bytes())
    (tmp_path / "trials.jsonl").write_text(record.replace(str(portfolios.best["state_hash"]), "0" * 64))
    with pytest.raises(RunFailed, match="start a new sweep"):
        sweep_portfolios(market_of_six, roomy, tmp_path, 1)


GRID = """
import sys, time
from pathlib import Path
from tradewind.flow import DataRefused
from tradewind.research.trials import Record, Sweep, make_missing

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
        done = make_missing(trial, record, lambda s, d, n: print(d, "of", n, flush=True), jobs=2)
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

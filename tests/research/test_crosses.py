"""One pair both ways: the screen against a naive twin, its decisions against time, the engine against the screen."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind import _native
from tradewind.flow import NS_PER_DAY, NS_PER_HOUR, DataRefused, Market
from tradewind.market import DataSource, simulate
from tradewind.research import crosses, setups, walk_forward
from tradewind.research.crosses import Cross, Stretch, Terms
from tradewind.research.runs import CodeFacts

FACTS = CodeFacts("test", 0)
NAME = '{"kind": "simulated", "seed": 3}'


@pytest.fixture(scope="module")
def market() -> Market:
    return crosses.longest_stretch(simulate(3, coins=1, months=5), "BTCUSDT")


def whole(market: Market) -> Stretch:
    return Stretch(market, 0, "in-sample")


def naive_decisions(ticks: list[int], cross: Cross) -> list[tuple[int, int]]:
    found, last = [], 0
    for bar in range(cross.slow - 1, len(ticks)):
        fast = sum(ticks[bar + 1 - cross.fast : bar + 1]) * cross.slow
        slow = sum(ticks[bar + 1 - cross.slow : bar + 1]) * cross.fast
        apart = (fast > slow) - (fast < slow)
        if apart and last and apart != last:
            found.append((bar, 1 if apart > 0 else 0))
        last = apart or last
    return found


def naive_equity(opens: list[float], closes: list[float], decided: list[tuple[int, int]], fee: float) -> list[float]:
    cash, coins, line = 1.0, 0.0, []
    fills = {bar + 1: position for bar, position in decided}
    for bar, close in enumerate(closes):
        if fills.get(bar) == 1:
            cash, coins = 0.0, cash * (1.0 - fee) / opens[bar]
        elif fills.get(bar) == 0 and coins:
            cash, coins = coins * opens[bar] * (1.0 - fee), 0.0
        line.append(cash + coins * close)
    return line


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.integers(-4, 4), min_size=30, max_size=400),
    gaps=st.integers(0, 2**32),
    fee_bps=st.floats(0.0, 50.0),
    windows=st.tuples(st.integers(1, 9), st.integers(1, 20)),
    every=st.integers(1, 24),
)
def test_the_screen_is_its_naive_twin(
    steps: list[int], gaps: int, fee_bps: float, windows: tuple[int, int], every: int
) -> None:
    cross = Cross(windows[0], windows[0] + windows[1])
    ticks = np.maximum(100 + np.cumsum(steps), 1).tolist()
    opens = np.maximum(np.array(ticks) + np.random.default_rng(gaps).integers(-2, 3, len(ticks)), 1).tolist()
    marks = list(range(every - 1, len(ticks), every))
    scores = _native.screen_ma_crosses(
        pl.DataFrame({"close": ticks, "open": opens}).cast(pl.Float64),
        pl.DataFrame({"fast": [cross.fast], "slow": [cross.slow]}).cast(pl.UInt32),
        pl.DataFrame({"bar": marks}, schema={"bar": pl.UInt32}),
        marks_per_year=365.0,
        fee_bps=fee_bps,
        sides="long_flat",
        execution="next_open",
        threads=1,
    )
    found = pl.DataFrame(scores).row(0, named=True)
    decided = naive_decisions(ticks, cross)
    line = naive_equity(opens, ticks, decided, fee_bps * 1e-4)
    marked = np.array([1.0, *(line[m] for m in marks)])
    returns = np.diff(marked) / marked[:-1]
    assert found["total_return"] == pytest.approx(line[-1] - 1.0, abs=1e-9)
    assert found["max_drawdown"] == pytest.approx(float(np.max(1.0 - marked / np.maximum.accumulate(marked))), abs=1e-9)
    assert found["trades"] == sum(1 for bar, position in decided if position and bar + 1 < len(ticks))
    if len(returns) > 1 and np.std(returns) > 1e-9:
        wanted = float(np.mean(returns) / np.std(returns, ddof=1) * np.sqrt(365.0))
        assert found["sharpe"] == pytest.approx(wanted, rel=1e-6, abs=1e-9)


def test_decisions_on_real_ticks_are_the_naive_twins(real_data: Path) -> None:
    loaded = walk_forward.named_market(DataSource("folder", real_data, "--data"), {"kind": "hourly"})
    bitcoin = crosses.longest_stretch(loaded, "BTCUSDT")
    ticks = (bitcoin.bars["close"] / 0.01).round().cast(pl.Int64).to_list()
    for cross in (Cross(5, 20), Cross(30, 400)):
        assert crosses.decisions(bitcoin, cross).rows() == naive_decisions(ticks, cross)


@pytest.mark.parametrize("cross", [Cross(3, 10), Cross(20, 60)])
def test_no_decision_depends_on_what_comes_later(market: Market, cross: Cross) -> None:
    everything = crosses.decisions(market, cross)
    times = market.bars["ts_ns"]
    for known in (100, 700, 1_500):
        prefix = crosses.span(market, "BTCUSDT", times[0], times[known - 1])
        assert crosses.decisions(prefix, cross).equals(everything.filter(pl.col("bar") < known))


def test_a_higher_fee_never_pays(market: Market) -> None:
    pairs = [Cross(5, 20), Cross(10, 100), Cross(50, 200)]
    returns = [crosses.screen(whole(market), pairs, fee)["total_return"].to_numpy() for fee in (0.0, 5.0, 10.0, 40.0)]
    assert all((dear < cheap).all() for cheap, dear in itertools.pairwise(returns))


def frictionless(market: Market) -> Market:
    """The same bars opening where the last one closed, on a venue without fee or spread."""
    before = pl.col("close").shift(1).fill_null(pl.col("open"))
    bars = market.bars.with_columns(open=before, volume=pl.col("volume") * 1e6).with_columns(
        high=pl.max_horizontal("open", "high"), low=pl.min_horizontal("open", "low")
    )
    venue = tuple(
        dataclasses.replace(i, taker_fee_bps=0.0, maker_fee_bps=0.0, half_spread_bps=0.0) for i in market.instruments
    )
    return dataclasses.replace(market, bars=bars, instruments=venue)


def compared(stretch: Stretch, terms: Terms, cross: Cross = Cross(10, 50)) -> crosses.Comparison:  # noqa: B008
    return crosses.compare(
        stretch, cross, terms, data_name=NAME, journal=None, facts=FACTS, n_trials=4, trial_sharpes=(0.0, 0.01)
    )


def test_without_frictions_engine_and_screen_agree(market: Market) -> None:
    free = setups.BarFills(impact_bps=0.0, max_participation=1.0)
    found = compared(whole(frictionless(market)), Terms(start_equity=10_000_000.0, fills=free))
    totals = found.steps["total_return"]
    assert found.screened["trades"] and found.screened["trades"] > 10
    # Filled at the signal's close and at the next open is the same here; fee and spread are nothing.
    assert totals[:4].to_list() == pytest.approx([totals[0]] * 4, abs=1e-12)
    # What is left is the cash that is kept back, 36 bps of it, and lots.
    assert abs(found.gap) < 0.004 * max(abs(totals[0]), 0.25)
    assert found.report.metrics["sharpe"] == pytest.approx(found.screened["sharpe"], abs=0.02)
    drawdown = float(found.report.metrics["max_drawdown_pct"])  # type: ignore[arg-type]
    assert -drawdown / 100.0 == pytest.approx(found.screened["max_drawdown"], abs=0.003)


def test_the_steps_add_up_to_the_gap_and_each_cost_takes_something(market: Market) -> None:
    found = compared(whole(market), Terms())
    steps = dict(found.steps.select("step", "total_return").iter_rows())
    after = found.steps["difference"][4:].sum()
    assert found.gap == pytest.approx(after, abs=1e-12)
    assert float(found.report.metrics["total_return_pct"]) / 100.0 == pytest.approx(steps[crosses.IN_ENGINE])  # type: ignore[arg-type]
    assert steps[crosses.WITH_FEE] < steps[crosses.NEXT_OPEN]
    assert steps[crosses.ON_SCREEN] < steps[crosses.WITH_FEE]
    assert steps[crosses.IN_ENGINE] < steps[crosses.WHOLE_LOTS]
    assert any("in-sample" in w for w in found.report.run.warnings)


def test_an_order_that_a_thin_bar_cannot_fill_is_worked_on(market: Market) -> None:
    thin = dataclasses.replace(market, bars=market.bars.with_columns(volume=pl.lit(4.0)))
    executions = crosses.in_engine(whole(thin), Cross(20, 100), Terms(start_equity=1_000_000.0), NAME, None, FACTS)
    bought = executions.fills.filter(pl.col("side") == "buy")
    assert bought.height > 20
    assert bought["quantity"].max() <= 0.05 * 4.0 + 1e-9  # type: ignore[operator]
    assert executions.positions["quantity"].max() > 1.0  # type: ignore[operator]


def test_marks_are_the_reports_daily_closes(market: Market) -> None:
    stretch = Stretch(market, 99, "held out")
    marks = crosses._daily_marks(stretch)["bar"].to_list()
    times = market.bars["ts_ns"].to_list()
    assert times[marks[0]] - times[99] <= NS_PER_DAY
    assert all(times[m] % NS_PER_DAY == 0 for m in marks[:-1])
    assert all(times[b] - times[a] == NS_PER_DAY for a, b in itertools.pairwise(marks[:-1]))
    assert marks[-1] == market.bars.height - 1
    assert market.bar_ns == NS_PER_HOUR


def test_what_cannot_be_screened_is_refused_by_name(market: Market) -> None:
    with pytest.raises(DataRefused, match="longer than the series"):
        crosses.screen(whole(market), [Cross(5, market.bars.height + 1)], 10.0)
    with pytest.raises(DataRefused, match="1 <= fast < slow"):
        crosses.screen(whole(market), [Cross(9, 9)], 10.0)
    with pytest.raises(DataRefused, match="DOGEUSDT is not among"):
        crosses.longest_stretch(market, "DOGEUSDT")

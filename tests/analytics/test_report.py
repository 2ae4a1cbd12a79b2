"""The whole report: books that balance, every id defined or explained, and the runs that break naive reports."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tradewind import analytics
from tradewind.analytics import costs
from tradewind.analytics.definitions import BY_ID, DEFINITIONS, Measured
from tradewind.flow import NS_PER_DAY, NS_PER_HOUR, Benchmark, Forecast, Undefined

IDS_OF_THE_DOCUMENT = frozenset(
    """
    run_id strategy data_hash code_version seed period venues cost_model n_trials start_equity end_equity
    net_profit total_return_pct cagr_pct benchmark_return_pct alpha beta information_ratio correlation sharpe psr
    dsr sortino calmar omega ulcer_index recovery_factor volatility_ann_pct max_drawdown_pct max_drawdown_abs
    max_drawdown_start max_drawdown_trough max_drawdown_recovery longest_underwater_days var_95_1d cvar_95_1d
    var_99_10d skew kurtosis tail_ratio worst_day_pct best_day_pct trades trades_per_day win_rate_pct
    profit_factor expectancy expectancy_ratio avg_win avg_loss payoff_ratio largest_win largest_loss
    max_consec_wins max_consec_losses avg_holding avg_holding_win avg_holding_loss sqn mae mfe fees_paid
    funding_paid spread_cost slippage_cost gross_vs_net_pct maker_ratio fill_rate partial_fill_rate rejects
    cancels timeouts avg_queue_wait implementation_shortfall_bps turnover capacity_usd break_even_cost_bps
    time_in_market_pct gross_leverage_avg gross_leverage_max net_exposure_avg min_margin_buffer liquidations
    oos_is_sharpe_ratio walk_forward_efficiency pbo ic icir rank_ic rank_icir hit_rate calibration_error
    interval_coverage decay feature_drift
    """.split()  # noqa: SIM905 - read like the document
)


def measure(world, bars, executions, **changes):
    run = world.run_facts(bars, **changes)
    grid = executions.equity["ts_ns"].to_numpy()
    benchmarks = [
        analytics.buy_and_hold(bars, "BTCUSDT", executions.start_equity, grid, 12.0),
        analytics.equal_weight(bars, run.symbols, executions.start_equity, grid, 12.0),
    ]
    instruments = [world.instrument(s) for s in run.symbols]
    return analytics.report(
        run, executions, benchmarks, bars=bars, instruments=instruments, forecast=world.forecast_of(bars)
    )


@pytest.fixture(scope="module")
def bars(world):
    return world.synthetic_bars()


@pytest.fixture(scope="module")
def executions(world, bars):
    return world.trade(bars, world.momentum_weights(bars))


@pytest.fixture(scope="module")
def report(world, bars, executions):
    return measure(world, bars, executions)


def assert_sound(report):
    """What holds for any report: every id, in order, finite or explained."""
    assert list(report.metrics) == [d.id for d in DEFINITIONS]
    for id, value in report.metrics.items():
        if isinstance(value, Undefined):
            assert value.reason
        elif isinstance(value, float):
            assert math.isfinite(value), id
        else:
            assert isinstance(value, int | str), id


def test_every_id_of_the_document_is_defined_once_and_documented():
    ids = [d.id for d in DEFINITIONS]
    assert set(ids) >= IDS_OF_THE_DOCUMENT
    assert len(ids) == len(set(ids))
    assert [d.group for d in DEFINITIONS] == sorted(d.group for d in DEFINITIONS)
    for definition in DEFINITIONS:
        assert len(definition.text) > 15, definition.id
        assert set(definition.needs) <= set(Measured.__slots__), definition.id


def test_a_full_report_is_sound_and_its_books_balance(report, executions):
    assert_sound(report)
    m = report.metrics
    assert m["start_equity"] + m["net_profit"] == pytest.approx(m["end_equity"])
    assert m["end_equity"] == pytest.approx(executions.equity["equity"][-1])
    parts = m["fees_paid"] + m["spread_cost"] + m["slippage_cost"]
    assert m["total_cost"] == pytest.approx(parts)
    assert m["gross_pnl"] - m["total_cost"] == pytest.approx(m["net_profit"])
    trips = report.tables["trips"]
    assert trips["net_pnl"].sum() == pytest.approx(m["net_profit"], rel=1e-6)
    symbols = report.tables["symbols"]
    assert symbols["net_pnl"].sum() == pytest.approx(m["net_profit"], rel=1e-6)
    assert symbols["gross_pnl"].sum() == pytest.approx(m["gross_pnl"], rel=1e-6)
    assert symbols["traded_value"].sum() == pytest.approx(m["traded_value"])
    assert symbols["trades"].sum() == m["trades"]
    assert m["trades_long"] + m["trades_short"] == m["trades"]
    months = report.tables["monthly"]["return_pct"] / 100 + 1
    assert 100 * (np.prod(months.to_numpy()) - 1) == pytest.approx(m["total_return_pct"])


def test_gross_pnl_is_what_the_books_would_show_at_mids_without_fees(world, bars):
    """Independent of cost attribution: the same fills replayed at their mids, marked at the end."""
    executions = world.trade(bars, world.momentum_weights(bars), seed=4)
    cash, held = 0.0, {}
    for row in executions.fills.iter_rows(named=True):
        sign = 1.0 if row["side"] == "buy" else -1.0
        cash -= sign * row["mid"] * row["quantity"]
        held[row["symbol"]] = held.get(row["symbol"], 0.0) + sign * row["quantity"]
    last = bars.filter(pl.col("ts_ns") == bars["ts_ns"].max())
    closes = dict(zip(last["symbol"], last["close"], strict=True))
    gross = cash + sum(quantity * closes[symbol] for symbol, quantity in held.items())
    assert measure(world, bars, executions).metrics["gross_pnl"] == pytest.approx(gross, rel=1e-6)


def test_books_balance_with_fees_in_the_base_asset(world, bars):
    executions = world.trade(bars, world.momentum_weights(bars), world.Costs(fee_asset="base"))
    report = measure(world, bars, executions)
    assert report.tables["symbols"]["net_pnl"].sum() == pytest.approx(report.metrics["net_profit"], rel=1e-5)
    assert not any("not explained" in w for w in report.run.warnings)


def test_money_that_nobody_explains_is_named(world, bars, executions):
    leak = executions.equity.with_columns(
        equity=pl.when(pl.col("ts_ns") == bars["ts_ns"].max())
        .then(pl.col("equity") - 500.0)
        .otherwise(pl.col("equity"))
    )
    report = measure(world, bars, replace(executions, equity=leak))
    assert any(w.startswith("-500.00 of the change in equity is not explained") for w in report.run.warnings)


def test_the_same_inputs_give_the_same_report_and_are_left_untouched(world, bars, executions, report):
    before = executions.fills.clone(), executions.equity.clone(), bars.clone()
    again = measure(world, bars, executions)
    assert again.metrics == report.metrics
    assert analytics.to_json(again) == analytics.to_json(report)
    assert all(a.equals(b) for a, b in zip(before, (executions.fills, executions.equity, bars), strict=True))


def test_scaling_the_account_scales_money_and_leaves_ratios(world, bars, report):
    ten = measure(world, bars, world.trade(bars, world.momentum_weights(bars), start_equity=100_000.0))
    for id in ("sharpe", "max_drawdown_pct", "turnover", "win_rate_pct", "cost_per_traded_bps", "capacity_usd"):
        assert ten.metrics[id] == pytest.approx(report.metrics[id], rel=1e-6), id
    for id in ("net_profit", "fees_paid", "avg_win", "traded_value"):
        assert ten.metrics[id] == pytest.approx(10 * report.metrics[id], rel=1e-6), id


def test_prefix_law_for_the_daily_series(world, bars, executions, report):
    """What the report says of the first part of a run does not depend on what comes after it."""
    cut = world.START_NS + 120 * NS_PER_DAY
    early = replace(
        executions,
        **{
            n: getattr(executions, n).filter(pl.col("ts_ns") <= cut) for n in ("equity", "fills", "orders", "positions")
        },
    )
    part = measure(world, bars.filter(pl.col("ts_ns") <= cut), early)
    for name in ("equity", "drawdown_pct", "returns", "benchmark:BTCUSDT buy & hold"):
        whole = report.series[name].filter(pl.col("ts_ns") <= cut)
        assert part.series[name].equals(whole), name


def test_zero_trades(world, bars):
    grid = bars["ts_ns"].unique().sort()
    flat = world.executions(equity=[(t, 10_000.0, 10_000.0, 0.0, 0.0) for t in grid])
    report = measure(world, bars, flat)
    assert_sound(report)
    assert report.metrics["trades"] == 0
    assert report.metrics["net_profit"] == 0.0
    assert report.metrics["time_in_market_pct"] == 0.0
    for id in (
        "sharpe",
        "calmar",
        "profit_factor",
        "maker_ratio",
        "fill_rate",
        "break_even_cost_bps",
        "max_drawdown_start",
    ):
        assert isinstance(report.metrics[id], Undefined), id
    assert any("zero trades" in w for w in report.run.warnings)
    assert report.tables["symbols"].height == 8


def test_one_day(world):
    bars = world.synthetic_bars(days=5).filter(pl.col("ts_ns") <= world.START_NS + 4 * NS_PER_DAY)
    whole = world.trade(bars, world.momentum_weights(bars, lookback_hours=24))
    cut = world.START_NS + 3 * NS_PER_DAY
    day = replace(
        whole,
        equity=whole.equity.filter(pl.col("ts_ns") > cut),
        start_equity=float(whole.equity.filter(pl.col("ts_ns") == cut)["equity"][0]),
    )
    report = measure(world, bars, day, start_ns=cut)
    assert_sound(report)
    assert report.metrics["sharpe"] == Undefined("fewer than 10 daily returns")
    assert isinstance(report.metrics["var_95_1d"], Undefined)
    assert isinstance(report.metrics["worst_day_pct"], float)


def test_ten_minutes(world):
    """A run too short for any daily statistic still has trades and costs."""
    start = world.START_NS + 3 * NS_PER_HOUR
    minute = 60 * 10**9
    fills = [
        (start + minute, "BTCUSDT", "a", "buy", 99.99, 1.0, -0.01, "USDT", "maker", 100.0, 100.0),
        (start + 3 * minute, "BTCUSDT", "b", "sell", 100.03, 1.0, -0.01, "USDT", "maker", 100.02, 100.01),
    ]
    orders = [
        (start, "a", "BTCUSDT", "buy", "limit", 1.0, 1.0, "done", "filled", start + minute),
        (start + minute, "b", "BTCUSDT", "sell", "limit", 1.0, 1.0, "done", "filled", start + 3 * minute),
        (start + minute, "c", "BTCUSDT", "sell", "limit", 1.0, 0.0, "done", "rejected WouldTake", start + minute),
        (start + minute, "d", "BTCUSDT", "sell", "limit", 1.0, 0.0, "done", "never_arrived", start + minute),
        (start + minute, "e", "BTCUSDT", "sell", "limit", 1.0, 0.0, "done", "rejected unknown_order", start + minute),
    ]
    equity = [
        (start + k * minute, 1_000.0 + (0.06 if k >= 3 else 0.01), 1_000.0, 100.0 if 1 <= k < 3 else 0.0, 0.0)
        for k in range(11)
    ]
    made = world.executions(equity, fills, orders, start_equity=1_000.0)
    run = world.run_facts(world.synthetic_bars(days=2), start_ns=start, symbols=("BTCUSDT",))
    report = analytics.report(run, made, instruments=[world.instrument("BTCUSDT")])
    assert_sound(report)
    m = report.metrics
    assert (m["trades"], m["maker_ratio"], m["rejects"], m["timeouts"], m["cancels"]) == (1, 1.0, 2, 1, 0)
    assert m["avg_queue_wait"] == pytest.approx(90.0)
    assert m["fees_paid"] == pytest.approx(-0.02)
    assert m["spread_cost"] == pytest.approx(-0.02)
    assert m["slippage_cost"] == 0.0
    assert m["net_profit"] == pytest.approx(0.06)
    assert m["gross_pnl"] == pytest.approx(0.02)
    assert m["fill_rate"] == pytest.approx(0.4)
    assert m["time_in_market_pct"] == pytest.approx(20.0)
    assert isinstance(m["cagr_pct"], Undefined)
    for page in (analytics.terminal, analytics.to_json, analytics.html, analytics.markdown):
        assert page(report)


def test_all_wins(world, bars):
    start = int(bars["ts_ns"][0])
    fills, equity, cash = [], [], 10_000.0
    for day in range(40):
        t = start + day * NS_PER_DAY + NS_PER_HOUR
        fills.append((t, "BTCUSDT", f"b{day}", "buy", 100.0, 1.0, 0.1, "USDT", "taker", 99.98, 99.97))
        fills.append(
            (
                t + NS_PER_HOUR,
                "BTCUSDT",
                f"s{day}",
                "sell",
                101.0 + day % 3,
                1.0,
                0.1,
                "USDT",
                "taker",
                101.02 + day % 3,
                101.0,
            )
        )
        cash += 0.8 + day % 3
        equity.append((start + (day + 1) * NS_PER_DAY, cash, cash, 0.0, 0.0))
    report = measure(world, bars, world.executions(equity, fills))
    assert_sound(report)
    m = report.metrics
    assert (m["win_rate_pct"], m["max_consec_losses"], m["max_drawdown_pct"]) == (100.0, 0, 0.0)
    for id, reason in (
        ("profit_factor", "no losing trade"),
        ("sortino", "no losing day"),
        ("omega", "no losing day"),
        ("calmar", "no drawdown"),
    ):
        assert m[id] == Undefined(reason), id
    assert m["spread_cost"] == pytest.approx(sum(0.0002 * f[9] for f in fills))
    assert m["spread_cost"] + m["slippage_cost"] == pytest.approx(40 * 2 * 0.02)
    assert m["implementation_shortfall_bps"] == pytest.approx(
        1e4 * (40 * 0.03 - sum(f[4] - f[10] for f in fills if f[3] == "sell")) / sum(f[10] for f in fills)
    )


def test_ruin(world, bars):
    levels = [10_000.0, 6_000.0, 2_000.0, -500.0, -400.0, 300.0]
    start = int(bars["ts_ns"][0])
    equity = [(start + (k + 1) * NS_PER_DAY, v, v, 20_000.0, 20_000.0) for k, v in enumerate(levels)]
    report = measure(world, bars, world.executions(equity))
    assert_sound(report)
    assert any(w.startswith("ruin: equity fell to zero or below on 2024-01-04") for w in report.run.warnings)
    assert report.metrics["max_drawdown_pct"] == pytest.approx(-105.0)
    assert report.series["returns"].height == 4
    for page in (analytics.terminal, analytics.to_json, analytics.html, analytics.markdown):
        assert "nan" not in page(report).lower().replace("finance", "").split()


def test_a_single_fill(world, bars):
    start = int(bars["ts_ns"][0])
    fill = (start + NS_PER_HOUR, "ETHUSDT", "o", "buy", 200.0, 10.0, 2.0, "USDT", "taker", 199.9, 199.8)
    own = bars.filter(pl.col("symbol") == "ETHUSDT", pl.col("ts_ns") > start)
    equity, positions = [], []
    for t, close in own.select("ts_ns", "close").iter_rows():
        equity.append((t, 7_998.0 + 10.0 * close, 7_998.0, 10.0 * close, 10.0 * close))
        positions.append((t, "ETHUSDT", 10.0, close))
    report = measure(world, bars, world.executions(equity, [fill], positions=positions))
    assert_sound(report)
    assert (report.metrics["trades"], report.metrics["trades_open"]) == (0, 1)
    assert any("no position ever went back to flat" in w for w in report.run.warnings)
    assert report.tables["symbols"]["symbol"][0] == "ETHUSDT"
    assert report.tables["trips"]["net_pnl"][0] == pytest.approx(report.metrics["net_profit"])


def test_no_benchmark_no_bars_no_instruments(world, bars, executions):
    report = analytics.report(world.run_facts(bars), executions)
    assert_sound(report)
    assert report.metrics["beta"] == Undefined("no benchmark was given")
    assert isinstance(report.metrics["slippage_cost"], Undefined)
    assert isinstance(report.metrics["spread_cost"], float)
    assert isinstance(report.metrics["capacity_usd"], Undefined)
    assert report.metrics["ic"] == Undefined("no forecast was given")
    assert report.metrics["total_cost"] == pytest.approx(report.metrics["fees_paid"] + report.metrics["spread_cost"])


def test_a_benchmark_that_starts_too_late_is_named_not_used(world, bars, executions):
    late = Benchmark("late", pl.DataFrame({"ts_ns": [int(bars["ts_ns"].max())], "equity": [1.0]}))
    report = analytics.report(world.run_facts(bars), executions, [late])
    assert report.metrics["beta"] == Undefined("benchmark 'late' starts after the run")
    assert "benchmark 'late' starts after the run" in report.run.warnings


def test_unobserved_days_are_warned_of(world, bars, executions):
    gap = (world.START_NS + 50 * NS_PER_DAY, world.START_NS + 57 * NS_PER_DAY)
    torn = executions.equity.filter((pl.col("ts_ns") <= gap[0]) | (pl.col("ts_ns") > gap[1]))
    report = measure(world, bars, replace(executions, equity=torn))
    assert any(w.startswith("unobserved days: 1 return over more than one day") for w in report.run.warnings)
    assert report.series["returns"].height == 300 - 8


def test_warnings_say_what_matters(world, bars, executions):
    loser = measure(world, bars, executions, provenance="simulated", n_trials=40)
    assert loser.run.warnings[0].startswith("simulated market")
    own = world.run_facts(bars, warnings=("survivorship bias",))
    assert analytics.report(own, executions).run.warnings[-1] == "survivorship bias"
    idle = measure(
        world, bars, world.executions(equity=[(t, 10_000.0, 10_000.0, 0.0, 0.0) for t in bars["ts_ns"].unique().sort()])
    )
    under = [w for w in idle.run.warnings if w.startswith("underperformed")]
    compared = idle.tables["compared"]
    assert len(under) == compared.slice(1).filter(pl.col("total_return_pct") > 0).height
    assert "1 trial: not deflated" in idle.run.warnings


def test_funding_enters_the_costs_when_stated(world, bars, executions):
    stated = analytics.report(world.run_facts(bars), executions, conventions=analytics.Conventions(funding_paid=25.0))
    assert stated.metrics["funding_paid"] == 25.0
    plain = analytics.report(world.run_facts(bars), executions)
    assert stated.metrics["gross_pnl"] == pytest.approx(plain.metrics["gross_pnl"] + 25.0)


def test_capacity_by_hand():
    """1,000 traded on a day of 100,000 at 4 % volatility: impact 1000 × 0.04 × √0.01 = 4; profit 8 → 4 times."""
    fills = pl.DataFrame({"ts_ns": [NS_PER_DAY // 2], "symbol": ["A"], "notional": [1_000.0]})
    liquidity = pl.DataFrame({"symbol": ["A"], "sigma": [0.04], "value": [100_000.0]})
    assert costs.capacity_usd(8.0, 500.0, fills, liquidity) == pytest.approx(2_000.0)
    assert isinstance(costs.capacity_usd(-1.0, 500.0, fills, liquidity), Undefined)
    assert isinstance(costs.capacity_usd(8.0, 500.0, fills, liquidity.with_columns(symbol=pl.lit("B"))), Undefined)


def test_crisis_windows_are_those_the_run_covers(report):
    names = report.tables["crises"]["name"].to_list()
    assert names == ["Yen carry unwind"]


def test_a_metric_that_is_not_finite_is_a_defect_and_says_which():
    broken = replace(BY_ID["sharpe"], compute=lambda returns, rate: float("nan"))
    measured = type("M", (), {"returns": np.zeros(3), "risk_free_daily": 0.0})()
    with pytest.raises(ValueError, match="metric sharpe is nan"):
        broken.of(measured)


def test_forecast_without_outcomes(world, bars, executions):
    known = world.forecast_of(bars)
    blind = Forecast(
        known.frame.with_columns(realised_return=pl.lit(None, dtype=pl.Float64)), 24, known.folds, known.diagnostics, 1
    )
    report = analytics.report(world.run_facts(bars), executions, forecast=blind)
    assert report.metrics["hit_rate"] == Undefined("no forecast has a known outcome yet")
    assert analytics.html(report)

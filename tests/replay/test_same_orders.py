"""One rule, two languages, two markets: the same orders at the same times, and the same state when it is run again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from polars.testing import assert_frame_equal

from tradewind.market import L2Sample
from tradewind.research import depth, quoting, runs, setups

VENUES = ("binance_usdm", "binance_spot")
FACTS = runs.CodeFacts(version="test", created_ns=0)
Quoted = Callable[..., Any]


@pytest.mark.parametrize("language", ["rust", "python"])
@pytest.mark.parametrize("venue", VENUES)
def test_twice_gives_the_same_state_and_the_same_journal(quoted: Quoted, venue: str, language: str) -> None:
    one, two = quoted(venue, language, 1), quoted(venue, language, 2)
    assert one.run.executions.state_hash == two.run.executions.state_hash
    assert one.run.report.run.run_id == two.run.report.run.run_id
    assert one.path.read_bytes() == two.path.read_bytes()
    assert one.run.report.metrics == two.run.report.metrics


@pytest.mark.parametrize("venue", VENUES)
def test_rust_and_python_send_the_same_orders_and_get_the_same_fills(quoted: Quoted, venue: str) -> None:
    rust, python = quoted(venue, "rust").run, quoted(venue, "python").run
    assert rust.fault is None
    assert python.fault is None
    assert rust.executions.fills.height > 50
    # Every column of every row: terms, times to the nanosecond, ids, prices, fees, states, ends.
    assert_frame_equal(rust.executions.orders, python.executions.orders, check_exact=True)
    assert_frame_equal(rust.executions.fills, python.executions.fills, check_exact=True)
    assert_frame_equal(rust.executions.refusals, python.executions.refusals, check_exact=True)
    assert_frame_equal(rust.executions.equity, python.executions.equity, check_exact=True)


@pytest.mark.parametrize("venue", VENUES)
def test_orders_take_time_there_and_back(quoted: Quoted, venue: str) -> None:
    fills = quoted(venue, "rust").run.executions.fills
    latency = setups.DepthFills()
    assert int((fills["ts_ns"] - fills["ts_venue_ns"]).min()) == latency.response_latency_ns
    first = fills.join(quoted(venue, "rust").run.executions.orders, on="order_id", suffix="_order")
    waited = first["ts_venue_ns"] - first["ts_ns_order"]
    assert int(waited.min()) >= latency.request_latency_ns


def test_the_queue_model_and_the_latency_matter(recorded: Callable[[str, str], L2Sample], quoted: Quoted) -> None:
    sample = recorded("binance_usdm", "BTCUSDT")
    parameters = quoting.parameters_for(sample)
    base = quoted("binance_usdm", "rust").run.executions
    for changed in (
        replace(setups.DepthFills(), queue_power=0),
        replace(setups.DepthFills(), request_latency_ns=50_000_000),
    ):
        other = depth.backtest(sample, parameters, changed, None, FACTS).executions
        assert other.fills.height > 0
        assert other.state_hash != base.state_hash


@pytest.mark.parametrize("venue", VENUES)
def test_the_account_starts_with_what_it_was_given(
    recorded: Callable[[str, str], L2Sample], quoted: Quoted, venue: str
) -> None:
    run = quoted(venue, "rust").run
    equity, positions = run.executions.equity, run.executions.positions
    assert equity["cash"][0] == depth.START_QUOTE
    if venue == "binance_usdm":
        assert run.executions.start_equity == depth.START_QUOTE
        return
    sample = recorded(venue, "BTCUSDT")
    most = quoting.parameters_for(sample).max_position_lots
    assert positions["quantity"][0] == pytest.approx(1.1 * most * float(sample.lot), rel=1e-12)
    held = positions["quantity"][0] * positions["mark"][0]
    assert run.executions.start_equity == pytest.approx(depth.START_QUOTE + held, abs=0.01)
    assert held < 0.1 * depth.START_QUOTE, "the report must speak of quoting, not of holding the coin"


@pytest.mark.parametrize("venue", VENUES)
def test_equity_is_explained_by_fills_fees_and_marks(quoted: Quoted, venue: str) -> None:
    report = quoted(venue, "rust").run.report
    assert not [w for w in report.run.warnings if "not explained" in w]
    m = {k: v for k, v in report.metrics.items() if isinstance(v, float)}
    assert m["gross_pnl"] - m["fees_paid"] - m["spread_cost"] - m["slippage_cost"] == pytest.approx(
        m["net_profit"], abs=1e-6
    )


def test_a_run_of_minutes_has_no_sharpe_ratio_even_over_midnight(quoted: Quoted) -> None:
    report = quoted("binance_usdm", "rust").run.report
    assert report.metrics["period"] == "2024-08-08 to 2024-08-09"
    for name in ("sharpe", "sortino", "volatility_ann_pct", "cagr_pct"):
        assert not isinstance(report.metrics[name], float), name

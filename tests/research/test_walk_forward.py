"""The laws of the whole flow, from bars to fills: nothing looks ahead, the same is the same, and the money adds up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tradewind import analytics
from tradewind.flow import NS_PER_DAY, NS_PER_HOUR, DataRefused, Market
from tradewind.market import DataSource
from tradewind.research import replays, runs, walk_forward

Walk = Callable[..., walk_forward.Run]
TERMS = ("ts_ns", "order_id", "symbol", "side", "kind", "limit_price", "quantity")


def known_at(run: walk_forward.Run, ts_ns: int) -> dict[str, pl.DataFrame]:
    """What the run had done, and what it was worth, by an instant."""
    e = run.executions
    return {
        "fills": e.fills.filter(pl.col("ts_ns") <= ts_ns),
        "orders": e.orders.filter(pl.col("ts_ns") <= ts_ns).select(TERMS),
        "done": e.orders.filter(pl.col("done_ns") <= ts_ns),
        "equity": e.equity.filter(pl.col("ts_ns") <= ts_ns),
        "positions": e.positions.filter(pl.col("ts_ns") <= ts_ns),
        "refusals": e.refusals.filter(pl.col("ts_ns") <= ts_ns),
    }


def assert_same_past(one: walk_forward.Run, other: walk_forward.Run, ts_ns: int) -> None:
    for name, frame in known_at(one, ts_ns).items():
        assert_frame_equal(frame, known_at(other, ts_ns)[name], check_exact=True)
    assert known_at(one, ts_ns)["fills"].height > 0, "nothing had happened by then"


def instant(run: walk_forward.Run, share: float) -> int:
    """An hour that share of the way through the run; not always a midnight."""
    start, end = run.report.run.start_ns, run.report.run.end_ns
    return int(start + share * (end - start)) // NS_PER_HOUR * NS_PER_HOUR


@pytest.mark.parametrize("share", [0.23, 0.6, 0.87])
def test_prefix_law_truncating_the_market_changes_nothing_before(
    walk: Walk, market: Market, whole: walk_forward.Run, share: float
) -> None:
    at = instant(whole, share)
    known = pl.col("ts_ns") <= at
    cut = replace(market, bars=market.bars.filter(known), universe=market.universe.filter(known))
    assert_same_past(walk(cut), whole, at)


def test_another_future_changes_nothing_before(walk: Walk, market: Market, whole: walk_forward.Run) -> None:
    at = instant(whole, 0.5)
    later = pl.col("ts_ns") > at
    prices = ("open", "high", "low", "close")
    # Twice the price stays on the tick grid; the coins' order in the cross-section turns over with the volumes.
    other = market.bars.with_columns(
        *(pl.when(later).then(pl.col(p) * 2.0).otherwise(pl.col(p)).alias(p) for p in prices),
        pl.when(later).then(pl.col("volume") * 3.0).otherwise(pl.col("volume")).alias("volume"),
    )
    run = walk(replace(market, bars=other))
    assert_same_past(run, whole, at)
    assert run.executions.state_hash != whole.executions.state_hash


def test_every_forecast_was_learned_from_the_past(whole: walk_forward.Run, market: Market) -> None:
    horizon_ns = whole.forecast.horizon_bars * market.bar_ns
    by_fold = whole.forecast.frame.group_by("fold").agg(pl.col("ts_ns").min()).rows()
    first_use = dict(by_fold)
    assert first_use
    for fold in whole.forecast.folds:
        if fold.number in first_use:
            assert fold.train_end_ns + fold.embargo_ns <= first_use[fold.number]
            assert fold.embargo_ns >= horizon_ns


def test_orders_follow_decisions_and_fills_follow_orders(whole: walk_forward.Run, market: Market) -> None:
    decided = whole.forecast.frame["ts_ns"].unique()
    assert set((decided % NS_PER_DAY).to_list()) == {0}
    assert int(whole.executions.orders["ts_ns"].min()) >= int(decided.min())  # type: ignore[arg-type]
    filled = whole.executions.fills.join(whole.executions.orders, on="order_id", suffix="_order")
    waited = filled["ts_ns"] - filled["ts_ns_order"]
    assert int(waited.min()) >= market.bar_ns, (
        "a market order fills on the next bar, never on the one it was decided on"
    )


def test_the_same_seed_gives_the_same_run(walk: Walk, market: Market, whole: walk_forward.Run) -> None:
    again = walk(market)
    assert again.executions.state_hash == whole.executions.state_hash
    assert again.report.run.run_id == whole.report.run.run_id
    assert again.report.metrics == whole.report.metrics
    assert_frame_equal(again.executions.fills, whole.executions.fills, check_exact=True)


def test_another_seed_or_allocator_gives_another_run(
    walk: Walk, market: Market, whole: walk_forward.Run, settings: walk_forward.Settings
) -> None:
    ids = {whole.report.run.run_id}
    ids.add(walk(market, learning=replace(settings.learning, seed=2)).report.run.run_id)
    ids.add(walk(market, allocator="risk_parity").report.run.run_id)
    assert len(ids) == 3


def test_costs_lie_between_gross_and_net(whole: walk_forward.Run) -> None:
    m = {k: v for k, v in whole.report.metrics.items() if isinstance(v, int | float)}
    fills = whole.executions.fills
    costs = m["fees_paid"] + m["spread_cost"] + m["slippage_cost"]
    assert m["gross_pnl"] - costs == pytest.approx(m["net_profit"], abs=1e-4)
    assert m["fees_paid"] == pytest.approx(float(fills["fee"].sum()), rel=1e-12)
    # Ten basis points of all that was traded, rounded up in whatever asset they were taken.
    assert m["fees_paid"] == pytest.approx(1e-3 * m["traded_value"], rel=1e-5)
    assert m["spread_cost"] > 0
    assert m["slippage_cost"] > 0


def test_the_money_adds_up_from_fills_alone(whole: walk_forward.Run) -> None:
    """The account counted anew, without the engine: cash paid and received, fees in kind, what is left at its mark."""
    cash, held = whole.executions.start_equity, dict[str, float]()
    for row in whole.executions.fills.iter_rows(named=True):
        sign = 1.0 if row["side"] == "buy" else -1.0
        cash -= sign * row["quantity"] * row["price"]
        in_kind = row["symbol"].startswith(row["fee_asset"])
        fee_base = row["fee"] / row["price"] if in_kind else 0.0
        held[row["symbol"]] = held.get(row["symbol"], 0.0) + sign * row["quantity"] - fee_base
        cash -= 0.0 if in_kind else row["fee"]
    last = whole.executions.equity.row(-1, named=True)
    marks = dict(
        whole.executions.positions.filter(pl.col("ts_ns") == last["ts_ns"]).select("symbol", "mark").iter_rows()
    )
    worth = cash + sum(quantity * marks.get(symbol, 0.0) for symbol, quantity in held.items())
    assert last["cash"] == pytest.approx(cash, abs=0.01)
    assert last["equity"] == pytest.approx(worth, abs=0.01)
    assert float(whole.report.tables["symbols"]["net_pnl"].sum()) == pytest.approx(
        last["equity"] - whole.executions.start_equity, abs=0.01
    )


def test_nothing_trades_in_a_hole(walk: Walk, market_with_holes: Market) -> None:
    run = walk(market_with_holes)
    traded = run.executions.fills.select("ts_ns", "symbol")
    assert {"SIM02USDT", "SIM03USDT"} <= set(traded["symbol"]), "the symbols with holes were never traded"
    closes = market_with_holes.bars.select("ts_ns", "symbol")
    assert traded.join(closes, on=["ts_ns", "symbol"], how="anti").is_empty()
    assert {h.symbol for h in run.report.run.holes} == {"SIM02USDT", "SIM03USDT"}
    page = analytics.terminal(run.report)
    assert "HOLES" in page
    # No forecast and no label spans a hole: after one, a symbol waits until its features are warm again.
    waits = run.forecast.frame.filter(pl.col("symbol") == "SIM02USDT")["ts_ns"].diff().max()
    assert int(waits) >= 4 * NS_PER_DAY  # type: ignore[arg-type]


def test_the_report_stands_beside_its_benchmarks_and_says_what_it_is(whole: walk_forward.Run) -> None:
    compared = whole.report.tables["compared"]
    assert compared["name"].to_list()[1:] == ["BTCUSDT buy & hold", "equal weight of 6, held"]
    assert compared["note"].to_list() == ["", "", ""]
    text = analytics.terminal(whole.report)
    assert text.splitlines()[0].startswith("simulated market")
    assert "simulated" in analytics.html(whole.report)[:3_000].lower()
    assert whole.report.run.n_trials > 1


def test_a_journaled_run_replays_on_a_market_made_again_from_its_name(
    settings: walk_forward.Settings, tmp_path: Path
) -> None:
    nowhere = DataSource("simulated", None, "no data found")
    found, name = walk_forward.load_market(nowhere, 3, walk_forward.SimulatedSize(coins=6, months=3))
    path = tmp_path / "run.journal"
    facts = runs.CodeFacts("test", 0)
    run = walk_forward.walk_forward(found, settings, path, name, facts, lambda _s, _d, _o: None)
    replayed = replays.replay(path, nowhere)
    assert replayed["agrees"]
    assert replayed["decided_hash"] == run.executions.state_hash


def test_too_short_a_market_is_refused(walk: Walk, market: Market) -> None:
    first = int(market.bars["ts_ns"].min())  # type: ignore[arg-type]
    short = market.bars.filter(pl.col("ts_ns") < first + 20 * NS_PER_DAY)
    with pytest.raises(DataRefused, match="bar closes leave"):
        walk(replace(market, bars=short))


def test_hourly_bars_are_not_made_up(tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match="hourly bars"):
        walk_forward.named_market(DataSource("simulated", None, "no data found"), {"kind": "hourly"})
    with pytest.raises(DataRefused, match="says nothing to this version"):
        walk_forward.named_market(DataSource("folder", tmp_path, "--data"), {"kind": "tea leaves"})

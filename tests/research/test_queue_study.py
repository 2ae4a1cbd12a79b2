"""Queue models on markets whose truth is known, and on the recorded one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tradewind.flow import NS_PER_SECOND, DataRefused
from tradewind.market import DataSource, L3Sample, load_l3
from tradewind.market.l3 import ADD, CHANGE, DELETE, EXECUTE
from tradewind.research.queue_study import Settings, score_queue_models, to_markdown

BID, ASK, PRICE = 0, 1, 100
ORDER = {"order_id": pl.Int64, "side": pl.Int8, "price_ticks": pl.Int64, "size_lots": pl.Int64}


class OneLevel:
    """A market whose bid is one first-in-first-out level, and whose ask never moves."""

    def __init__(self, orders: int, lots: int) -> None:
        self.opening = [(n + 1, BID, PRICE, lots) for n in range(orders)]
        self.queue = {order: lots for order, *_ in self.opening}
        self.events: list[tuple[int, int, int, int, int, int]] = []
        self.second = 0
        self._next = orders + 1

    def tell(self, action: int, order: int, lots: int) -> None:
        self.events.append((self.second * NS_PER_SECOND, action, order, BID, PRICE, lots))

    def add(self, lots: int) -> None:
        self.queue[self._next] = lots
        self.tell(ADD, self._next, lots)
        self._next += 1

    def trade(self, lots: int) -> None:
        """Somebody sells to whoever is first in line."""
        while lots and self.queue:
            first, has = next(iter(self.queue.items()))
            taken = min(lots, has)
            self.tell(EXECUTE, first, taken)
            self._leave(first, has - taken)
            lots -= taken

    def cancel(self, order: int, lots: int) -> None:
        left = self.queue[order] - lots
        self.tell(CHANGE if left else DELETE, order, left)
        self._leave(order, left)

    def _leave(self, order: int, left: int) -> None:
        self.queue[order] = left
        if not left:
            del self.queue[order]

    def sample(self) -> L3Sample:
        opening = [*self.opening, (10**9, ASK, PRICE + 5, 1)]
        return L3Sample(
            "made",
            "UP",
            pl.DataFrame(opening, schema=ORDER, orient="row"),
            pl.DataFrame(self.events, schema={"recv_ns": pl.Int64, "action": pl.Int8, **ORDER}, orient="row"),
            pl.DataFrame(),
            "1",
            "1",
            0,
            0,
            0,
        )


def run(seconds: int, market: OneLevel, each: Callable[[OneLevel], None]) -> L3Sample:
    for second in range(1, seconds):
        market.second = second
        each(market)
    return market.sample()


SMALL = Settings(
    models=("risk_averse", "power 1", "power 2", "log 1000000"),
    join_every_s=20,
    join_lifetime_s=400,
    join_lots=500_000,
    block_s=800,
    resamples=400,
    patience_s=1_000,
)


def contested(sample: L3Sample) -> Mapping[str, Mapping[str, float]]:
    scores = score_queue_models(sample, SMALL).scores
    rows = scores.filter((pl.col("orders") == "joined") & (pl.col("level") == "contested"))
    return {row["model"]: row for row in rows.iter_rows(named=True)}


def test_where_only_trades_move_the_queue_every_model_is_exact() -> None:
    chance = np.random.default_rng(5)

    def each(market: OneLevel) -> None:
        market.add(int(chance.integers(1, 4)) * 1_000_000)
        market.trade(int(chance.integers(1, 4)) * 1_000_000)

    scores = score_queue_models(run(4_000, OneLevel(20, 1_000_000), each), SMALL).scores
    everyone = scores.filter(pl.col("level") == "all")
    assert everyone["filled"].min() > 100  # type: ignore[operator]
    assert everyone["queue_error"].to_list() == [0.0] * everyone.height
    assert everyone["recall"].to_list() == everyone["precision"].to_list() == [1.0] * everyone.height
    assert everyone["fill_error_s"].to_list() == [0.0] * everyone.height
    assert scores.filter(pl.col("level") == "contested")["count"].to_list() == [0] * everyone.height


def test_where_the_last_in_line_cancel_the_risk_averse_model_is_exact_and_the_others_are_early() -> None:
    chance = np.random.default_rng(6)

    def each(market: OneLevel) -> None:
        market.add(1_000_000 if chance.random() < 0.6 else 2_000_000)
        if chance.random() < 0.5:
            last = next(reversed(market.queue))
            market.cancel(last, market.queue[last])
        if chance.random() < 0.5:
            market.trade(1_000_000)

    scores = contested(run(4_000, OneLevel(30, 1_000_000), each))
    assert scores["risk_averse"]["count"] > 100
    assert scores["risk_averse"]["queue_error"] == 0.0
    assert (scores["risk_averse"]["precision"], scores["risk_averse"]["recall"]) == (1.0, 1.0)
    assert scores["risk_averse"]["fill_error_s"] == 0.0
    for model in ("power 1", "power 2", "log 1000000"):
        assert scores[model]["queue_bias_high"] < 0.0


def test_where_cancels_come_evenly_power_1_is_unbiased_and_the_risk_averse_model_is_late() -> None:
    chance = np.random.default_rng(7)

    def each(market: OneLevel) -> None:
        market.add(3_000_000)
        for _ in range(3):
            orders = list(market.queue)
            lots = np.array([market.queue[order] for order in orders], dtype=np.float64)
            market.cancel(orders[int(chance.choice(len(orders), p=lots / lots.sum()))], 1_000_000)

    scores = contested(run(8_000, OneLevel(60, 3_000_000), each))
    assert scores["power 1"]["count"] > 300
    assert scores["power 1"]["queue_bias_low"] < 0.0 < scores["power 1"]["queue_bias_high"]
    assert abs(scores["power 1"]["queue_bias"]) < 0.02
    assert scores["risk_averse"]["queue_bias_low"] > 0.2


def test_a_recording_too_short_to_resample_is_refused() -> None:
    with pytest.raises(DataRefused, match="blocks of 800 s, and a bootstrap needs 4"):
        score_queue_models(run(100, OneLevel(5, 1), lambda market: market.add(1)), SMALL)


def test_models_and_references_must_be_known() -> None:
    sample = run(100, OneLevel(5, 1), lambda market: market.add(1))
    with pytest.raises(ValueError, match="no queue model `power 0`"):
        score_queue_models(sample, Settings(models=("power 0",), reference="power 0"))
    with pytest.raises(ValueError, match="reference 'power 2' is not among the models"):
        score_queue_models(sample, Settings(models=("power 1",)))


def test_the_recorded_market_gives_the_published_table(real_data: Path) -> None:
    """The numbers of docs/studies/queue-models.md."""
    sample = load_l3(DataSource("folder", real_data, "TRADEWIND_DATA"), "bitstamp", "BTCUSD")
    assert (sample.levels_compared, sample.levels_differing, sample.announced_late) == (130_040, 15, 4)
    study = score_queue_models(sample, Settings())
    assert (study.executions, study.out_of_turn) == (406, 0)
    scores = {(r["orders"], r["level"], r["model"]): r for r in study.scores.iter_rows(named=True)}
    everyone = scores["recorded", "all", "exact"]
    assert (everyone["count"], everyone["filled"], everyone["recall"], everyone["fill_error_s"]) == (
        15_910,
        186,
        1.0,
        0.0,
    )
    assert everyone["queue_error"] == 0.0
    published = (Path(__file__).parents[2] / "docs" / "studies" / "queue-models.md").read_text(encoding="utf-8")
    for line in to_markdown(study).splitlines():
        assert line in published

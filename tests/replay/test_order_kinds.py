"""Every kind of order a Python strategy can place reaches the venue as asked, and its journal replays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tradewind.research import depth, replays, runs, setups
from tradewind.strategy import Intent, Place, Trigger, View, Wake, Wakes

FACTS = runs.CodeFacts(version="test", created_ns=0)
EACH_SECOND = 1_000_000_000


class Ordering:
    """Places what it was made with, once there is a touch; `{bid}` and `{ask}` offsets are worked out by the maker."""

    name = "ordering"
    parameters: Mapping[str, int | float | str] = {"max_position_lots": 100}

    def __init__(self, wanted: Any) -> None:
        self._wanted = wanted
        self.seen: list[list[str]] = []
        self._placed = False

    def wakes(self) -> Wakes:
        return Wakes(timer_ns=EACH_SECOND)

    def on_wake(self, wake: Wake, view: View) -> list[Intent]:
        self.seen.append([order.kind for order in view.live_orders()])
        touch = view.touch(0)
        if touch is None or self._placed:
            return []
        self._placed = True
        intents: list[Intent] = self._wanted(touch, view.now_ns)
        return intents


def test_each_kind_arrives_as_asked_and_the_journal_replays(made: Any, tmp_path: Path) -> None:
    def wanted(touch: Any, now_ns: int) -> list[Intent]:
        bid, ask = touch.bid_ticks, touch.ask_ticks
        return [
            Place(0, "buy", 5),
            Place(0, "sell", 2, stop=Trigger(bid - 5_000), effect="reduce_only"),
            Place(0, "sell", 2, bid - 5_100, stop=Trigger(bid - 5_000)),
            Place(0, "sell", 2, take_profit=Trigger(ask + 5_000)),
            Place(0, "sell", 2, ask + 5_000, take_profit=Trigger(ask + 5_100)),
            Place(0, "buy", 9, bid - 4_000, display_lots=3),
            Place(0, "buy", 4, bid - 4_000, "gtt", until_ns=now_ns + 2 * EACH_SECOND),
        ]

    strategy = Ordering(wanted)
    path = tmp_path / "run.journal"
    run = depth.backtest(made.sample, strategy, setups.DepthFills(), path, FACTS)
    assert run.fault is None
    orders = run.executions.orders
    kinds = ["market", "stop", "stop limit", "take profit", "take profit limit", "iceberg", "limit"]
    assert orders["kind"].to_list() == kinds, run.executions.refusals
    assert kinds[1:] in strategy.seen
    states = dict(zip(kinds, orders["state"].to_list(), strict=True))
    assert states["market"] == "filled"
    assert states["limit"] == "expired", "good till a time that has come"
    assert {states[kind] for kind in kinds[1:6]} == {"open"}
    assert replays.replay(path, made.source)["decided_hash"] == run.executions.state_hash


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (Place(0, "buy", 1, stop=Trigger(1), take_profit=Trigger(2)), "not both"),
        (Place(0, "buy", 1, 5, stop=Trigger(1), display_lots=1), "display_lots is for a limit order"),
        (Place(0, "buy", 1, 5, "gtt"), "needs until_ns"),
        (Place(0, "buy", 1, 5, until_ns=1), "until_ns is for"),
        (Place(0, "buy", 1, stop=Trigger(1, "middle")), "trigger source `middle`; last, mark or index"),  # type: ignore[arg-type]
        (Place(0, "buy", 1, effect="both"), "effect `both`"),  # type: ignore[arg-type]
    ],
)
def test_terms_that_contradict_each_other_say_so(made: Any, order: Place, said: str) -> None:
    run = depth.backtest(made.sample, Ordering(lambda touch, now_ns: [order]), setups.DepthFills(), None, FACTS)
    assert run.fault is not None
    assert said in run.fault

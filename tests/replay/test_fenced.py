"""A strategy that fails is fenced off: its orders are cancelled, the run goes on, and the report says why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tradewind.research import depth, replays, runs, setups
from tradewind.research.failures import RunFailed
from tradewind.strategy import Intent, Place, Touch, View, Wake, Wakes

FACTS = runs.CodeFacts(version="test", created_ns=0)
EACH_SECOND = 1_000_000_000


class Failing:
    """Keeps one order resting far from the market; at its tenth wake it does what it was made with."""

    name = "failing"
    parameters: Mapping[str, int | float | str] = {"max_position_lots": 10}

    def __init__(self, fail: Callable[[View], list[Intent]]) -> None:
        self._fail = fail
        self.woken = 0

    def wakes(self) -> Wakes:
        return Wakes(timer_ns=EACH_SECOND)

    def on_wake(self, wake: Wake, view: View) -> list[Intent]:
        self.woken += 1
        touch = view.touch(0)
        if self.woken == 10:
            return self._fail(view)
        if touch is None or view.live_orders():
            return []
        return [resting(touch)]


def resting(touch: Touch) -> Intent:
    return Place(0, "buy", 2, touch.bid_ticks - 40, "post_only")


def raises(view: View) -> list[Intent]:
    raise ZeroDivisionError("the spread was nothing")


def answers_nonsense(view: View) -> list[Intent]:
    return ["buy"]  # type: ignore[list-item]


def cancels_what_is_not_an_order(view: View) -> list[Intent]:
    from tradewind.strategy import Cancel

    return [Cancel("the first one")]


@pytest.mark.parametrize(
    ("fail", "said"),
    [
        (raises, "ZeroDivisionError: the spread was nothing"),
        (answers_nonsense, "TypeError"),
        (cancels_what_is_not_an_order, "not an order id"),
    ],
)
def test_it_is_fenced_off_and_the_run_goes_on(
    made: Any, tmp_path: Path, fail: Callable[[View], list[Intent]], said: str
) -> None:
    strategy = Failing(fail)
    path = tmp_path / "run.journal"
    run = depth.backtest(made.sample, strategy, setups.DepthFills(), path, FACTS)
    assert strategy.woken == 10, "it is not asked again"
    assert run.fault is not None
    assert said in run.fault
    orders = run.executions.orders
    assert orders.height > 0
    assert orders["state"].to_list() == ["cancelled"] * orders.height
    # The run did not end there: every market event was seen, and equity was marked to the last second.
    assert run.counts["market_events"] == made.run.counts["market_events"]
    assert run.executions.equity.height == made.run.executions.equity.height
    warning = run.report.run.warnings[-2]
    assert warning.startswith("the strategy failed and was fenced off, its orders cancelled")
    assert said in warning
    # A replay does not run the strategy, and comes to the same state.
    assert replays.replay(path, made.source)["decided_hash"] == run.executions.state_hash


def test_an_interrupt_is_no_failure_of_the_strategy(made: Any) -> None:
    def interrupted(view: View) -> list[Intent]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        depth.backtest(made.sample, Failing(interrupted), setups.DepthFills(), None, FACTS)


def test_one_that_does_not_say_what_wakes_it_is_refused_before_anything_runs(made: Any) -> None:
    class Speechless(Failing):
        def wakes(self) -> Wakes:
            raise LookupError("which market was it?")

    with pytest.raises(RunFailed, match=r"(?s)does not say what wakes it.*which market was it"):
        depth.backtest(made.sample, Speechless(raises), setups.DepthFills(), None, FACTS)

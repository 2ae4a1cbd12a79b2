"""What a Python strategy is told when it is woken, and that it may answer in any of the ways a sequence comes in."""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl
import pytest

from tradewind import _native
from tradewind.strategy import Cancel, Place, Wakes

PEERS = Path(__file__).resolve().parents[2] / "benches" / "peers"
QUOTES = [(1, 1_000, 50, 1_002, 60), (2, 1_001, 40, 1_003, 30), (3, 1_002, 20, 1_004, 10)]
TRADES = [(1, 7, 1_000, 5, 0), (2, 8, 1_001, 6, 1), (3, 9, 999, 4, 1)]
BARS = [(60, 0, 0, 1_000, 1_010, 990, 1_005, 400), (120, 60, 0, 1_005, 1_006, 1_001, 1_002, 800)]


@pytest.fixture(autouse=True)
def on_path():
    sys.path.insert(0, str(PEERS))
    yield
    sys.path.remove(str(PEERS))


def frame(names: str, rows: list[tuple[int, ...]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=names.split(), orient="row")


def quotes():
    names = "ts_ns bid_ticks bid_lots ask_ticks ask_lots"
    return _native.Recording.quotes(frame(names, QUOTES).with_columns(recv_ns="ts_ns"))


def trades():
    names = "ts_ns trade_id price_ticks size_lots aggressor"
    table = frame(names, TRADES).with_columns(pl.col("aggressor").cast(pl.Int8), recv_ns="ts_ns")
    return _native.Recording.trades(iter([table[:1], table[1:]]), len(TRADES))


def bars():
    names = "ts_ns open_ts_ns instrument open high low close volume"
    return _native.Recording.bars(frame(names, BARS))


class Noting:
    """Writes down what it is told, and answers what it was made with at its first wake."""

    name = "noting"

    def __init__(self, wakes, answer=()):
        self.parameters = {}
        self._wakes, self._answer = wakes, answer
        self.seen = []
        self.touches = []
        self.objects = set()

    def wakes(self):
        return self._wakes

    def on_wake(self, wake, view):
        self.seen.append((wake.kind, wake.now_ns, wake.instrument, wake.price_ticks, wake.lots, wake.side))
        touch = view.touch(0)
        self.touches.append(touch and (touch.bid_ticks, touch.bid_lots, touch.ask_ticks, touch.ask_lots))
        self.objects |= {id(wake), id(view)}
        answer = self._answer if len(self.seen) == 1 else ()
        return answer() if callable(answer) else answer


def run(recording, strategy):
    import ours

    engine = _native.Simulation(ours.setup("F1"), recording, None, "small", "test", 0)
    engine.advance(recording.span_ns[1], strategy)
    return engine


def test_each_kind_says_what_happened():
    of_trades = Noting(Wakes(trade=True))
    run(trades(), of_trades)
    assert of_trades.seen == [
        ("trade", 1, 0, 1_000, 5, "buy"),
        ("trade", 2, 0, 1_001, 6, "sell"),
        ("trade", 3, 0, 999, 4, "sell"),
    ]
    of_quotes = Noting(Wakes(book=True))
    run(quotes(), of_quotes)
    assert of_quotes.seen == [("book", at, 0, None, None, None) for at, *_ in QUOTES]
    assert of_quotes.touches == [tuple(row[1:]) for row in QUOTES]
    of_bars = Noting(Wakes(bar=True))
    run(bars(), of_bars)
    assert of_bars.seen == [("bar", 60, 0, 1_005, 400, None), ("bar", 120, 0, 1_002, 800, None)]
    timed = Noting(Wakes(timer_ns=1))
    run(quotes(), timed)
    assert timed.seen == [("timer", at, None, None, None, None) for at in (1, 2, 3)]


def test_a_fill_tells_its_own_price_and_side():
    noting = Noting(Wakes(book=True, fill=True), (Place(0, "sell", 60),))
    engine = run(quotes(), noting)
    assert noting.seen[1:3] == [("fill", 1, 0, 1_000, 50, "sell"), ("fill", 1, 0, 999, 10, "sell")]
    assert engine.counts()["fills"] == 2
    assert len(noting.objects) == 2, "one wake and one view serve the whole run"


@pytest.mark.parametrize("shape", [tuple, list, iter])
def test_an_answer_may_be_any_kind_of_sequence(shape):
    same = Place(0, "buy", 5)
    engine = run(quotes(), Noting(Wakes(book=True), lambda: shape([same, same, Place(0, "sell", 5)])))
    orders = pl.DataFrame(engine.orders())
    assert orders["side"].to_list() == ["buy", "buy", "sell"]
    assert pl.DataFrame(engine.fills_exact())["lots"].to_list() == [5, 5, 5]


def test_more_orders_than_are_remembered_are_all_understood():
    wanted = [Place(0, "buy", lots, 900 + lots) for lots in range(1, 12)]
    engine = run(quotes(), Noting(Wakes(book=True), tuple(wanted + wanted[:3])))
    assert (pl.DataFrame(engine.orders())["quantity"] * 1_000).round().to_list() == [*range(1, 12), 1, 2, 3]


@pytest.mark.parametrize("wrong", [Cancel("nonsense"), "buy", Place(3, "buy", 5), Place(0, "up", 5)])
def test_nonsense_fences_the_strategy_off(wrong):
    engine = run(quotes(), Noting(Wakes(book=True), (wrong,)))
    assert engine.fault is not None
    assert engine.counts()["orders"] == 0


def test_trades_that_are_not_tables_are_refused():
    with pytest.raises(ValueError, match="arrow"):
        _native.Recording.trades(iter([5]), 1)

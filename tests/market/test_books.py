"""The book replay: snapshot rule, crossed books, lost updates; and a naive twin on random streams."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.flow import DataRefused
from tradewind.market import check_file
from tradewind.market.books import replay

SCHEMA = {
    "venue": pl.String,
    "symbol": pl.String,
    "recv_ns": pl.Int64,
    "ts_ns": pl.Int64,
    "msg": pl.Int32,
    "first_id": pl.Int64,
    "last_id": pl.Int64,
    "prev_id": pl.Int64,
    "is_snapshot": pl.Boolean,
    "side": pl.String,
    "price": pl.Float64,
    "size": pl.Float64,
}
Message = tuple[bool, int | None, int, int | None, list[tuple[str, float, float]]]


def depth(messages: list[Message], venue: str = "binance_spot") -> pl.DataFrame:
    """messages: (is_snapshot, first_id, last_id, prev_id, levels), in receive order."""
    rows = [
        (venue, "BTCUSDT", 1_000 + 10 * n, None if snap else 990 + 10 * n, n, first, last, prev, snap, *level)
        for n, (snap, first, last, prev, levels) in enumerate(messages)
        for level in levels
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


SNAPSHOT: Message = (True, 218, 218, None, [("b", 99.0, 1.0), ("b", 98.0, 1.0), ("a", 101.0, 1.0), ("a", 102.0, 1.0)])


def test_a_delta_received_before_its_snapshot_is_applied() -> None:
    # The venue removed the bid at 99 in the update that spans the snapshot's id; later the ask falls to 99.
    early: Message = (False, 208, 224, None, [("b", 99.0, 0.0)])
    later: Message = (False, 225, 230, None, [("a", 99.0, 2.0)])
    assert replay(depth([early, SNAPSHOT, later])).crossing is None
    without = replay(depth([SNAPSHOT, later]))
    assert without.crossing is not None
    assert (without.crossing.bid, without.crossing.ask) == (99.0, 99.0)
    assert [b.found_id for b in without.breaks] == [225]


def test_deltas_the_snapshot_already_holds_are_dropped() -> None:
    stale: Message = (False, 200, 210, None, [("b", 105.0, 3.0)])
    facts = replay(depth([stale, SNAPSHOT]))
    assert (facts.deltas_too_old, facts.crossing, facts.breaks) == (1, None, ())


def test_a_crossed_snapshot_is_refused(tmp_path: Path) -> None:
    crossed: Message = (True, 5, 5, None, [("b", 101.0, 1.0), ("a", 100.5, 1.0)])
    path = tmp_path / "depth.parquet"
    depth([crossed]).write_parquet(path)
    with pytest.raises(DataRefused, match=r"crossed book: best bid 101 is at or above best ask 100\.5; the snapshot"):
        check_file(path)


def test_a_book_crossed_by_an_update_is_refused_with_its_time(tmp_path: Path) -> None:
    push: Message = (False, 219, 219, None, [("b", 101.5, 1.0)])
    path = tmp_path / "depth.parquet"
    depth([SNAPSHOT, push]).write_parquet(path)
    with pytest.raises(DataRefused, match=r"crossed book: best bid 101.5") as caught:
        check_file(path)
    assert "BTCUSDT" in caught.value.where
    assert "(message 1)" in caught.value.where


@pytest.mark.parametrize("prev", [None, 220])
def test_a_lost_update_is_a_gap(tmp_path: Path, prev: int | None) -> None:
    first: Message = (False, 219, 219, None if prev is None else 218, [("b", 99.5, 1.0)])
    third: Message = (False, 221, 221, prev, [("b", 99.6, 1.0)])
    path = tmp_path / "depth.parquet"
    depth([SNAPSHOT, first, third]).write_parquet(path)
    with pytest.raises(DataRefused, match="gap: 1 breaks in the update ids"):
        check_file(path)
    assert "1 breaks" in check_file(path, gaps="segment").notes[0]


def test_bad_levels_are_refused(tmp_path: Path) -> None:
    for level, words in (
        (("b", -1.0, 1.0), "price is zero or negative"),
        (("a", 103.0, -1.0), "size is negative"),
        (("bid", 90.0, 1.0), "side is not one of b, a"),
        (("a", float("nan"), 1.0), "price is NaN"),
    ):
        path = tmp_path / "depth.parquet"
        depth([SNAPSHOT, (False, 219, 219, None, [level])]).write_parquet(path)
        with pytest.raises(DataRefused, match=words):
            check_file(path)


def naive_first_crossing(messages: list[Message]) -> int | None:
    """The same question, asked of plain dictionaries after every message."""
    book: dict[str, dict[float, float]] = {"b": {}, "a": {}}
    for number, (snap, _, _, _, levels) in enumerate(messages):
        if snap:
            book = {"b": {}, "a": {}}
        for side, price, size in levels:
            if size > 0:
                book[side][price] = size
            else:
                book[side].pop(price, None)
        if book["b"] and book["a"] and max(book["b"]) >= min(book["a"]):
            return number
    return None


LEVEL = st.tuples(st.sampled_from(["b", "a"]), st.integers(95, 105).map(float), st.integers(0, 2).map(float))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([False, False, False, True]), st.lists(LEVEL, min_size=1, max_size=4)), max_size=25
    )
)
def test_naive_twin(stream: list[tuple[bool, list[tuple[str, float, float]]]]) -> None:
    messages: list[Message] = [(True, 0, 0, None, [("b", 94.0, 1.0), ("a", 106.0, 1.0)])]
    messages += [(snap, n + 1, n + 1, None, levels) for n, (snap, levels) in enumerate(stream)]
    facts = replay(depth(messages))
    assert (facts.crossing.message if facts.crossing else None) == naive_first_crossing(messages)
    assert facts.breaks == ()
    assert facts.snapshots == sum(snap for snap, *_ in messages)

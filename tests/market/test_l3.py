"""An order log and its prints become the history of a book: who rested, who took, who was there before."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tradewind.flow import DataRefused
from tradewind.market import DataSource, load_l3
from tradewind.market.l3 import ADD, DELETE, EXECUTE
from tradewind.market.order_log import (
    Action,
    Displayed,
    Event,
    Line,
    Print,
    Standing,
    compare_with_depth,
    read_order_log,
)

MS = 1_000_000
BID, ASK = 0, 1


def log(*lines: tuple[Action, int, int, int, int]) -> list[Line]:
    """(action, side, order, price, size), one every 10 ms."""
    return [Line(row, row * 10 * MS, *line) for row, line in enumerate(lines)]


def test_a_taker_enters_behind_its_last_trade_with_what_is_left() -> None:
    lines = log(
        ("created", ASK, 1, 100, 5),
        ("created", ASK, 2, 101, 4),
        ("created", BID, 3, 101, 12),  # crosses the book for a moment
        ("deleted", ASK, 1, 100, 0),
        ("changed", BID, 3, 101, 7),
        ("changed", BID, 3, 101, 3),
        ("deleted", ASK, 2, 101, 0),
        ("deleted", BID, 3, 101, 3),
    )
    flow = read_order_log(lines, [Print(45 * MS, 70, 100, 5), Print(65 * MS, 71, 101, 4)], "here")
    assert flow.events == (
        Event(0, ADD, 1, ASK, 100, 5),
        Event(10 * MS, ADD, 2, ASK, 101, 4),
        Event(30 * MS, EXECUTE, 1, ASK, 100, 5),
        Event(60 * MS, EXECUTE, 2, ASK, 101, 4),
        Event(60 * MS, ADD, 3, BID, 101, 3),  # told at 50 ms, but its maker leaves at 60 ms
        Event(70 * MS, DELETE, 3, BID, 101, 3),
    )
    assert flow.makers == (1, 2)


def test_of_two_orders_at_one_price_the_older_made_the_trade() -> None:
    lines = log(
        ("created", BID, 1, 100, 5),
        ("created", ASK, 2, 100, 5),
        ("deleted", ASK, 2, 100, 0),
        ("deleted", BID, 1, 100, 0),
    )
    flow = read_order_log(lines, [Print(35 * MS, 70, 100, 5)], "here")
    assert flow.makers == (1,)
    assert [event.action for event in flow.events] == [ADD, EXECUTE]


def test_orders_from_before_the_log_stand_from_the_start_at_the_size_they_are_found_with() -> None:
    lines = log(
        ("deleted", BID, 7, 99, 6),  # cancelled
        ("changed", BID, 5, 99, 2),  # traded: 4 before
        ("created", ASK, 9, 99, 2),
        ("deleted", ASK, 9, 99, 0),
    )
    flow = read_order_log(lines, [Print(30 * MS, 70, 99, 2)], "here")
    assert flow.opening == (Standing(5, BID, 99, 4), Standing(7, BID, 99, 6))
    assert flow.events == (Event(0, DELETE, 7, BID, 99, 6), Event(10 * MS, EXECUTE, 5, BID, 99, 2))


def test_another_price_is_another_place_and_late_announcements_are_left_out() -> None:
    lines = log(
        ("created", ASK, 1, 105, 5),
        ("changed", ASK, 1, 104, 4),  # the venue may change the size with the price
        ("deleted", BID, 2, 99, 1),
        ("created", BID, 2, 99, 1),
        ("deleted", ASK, 1, 104, 4),
        ("deleted", ASK, 1, 104, 4),
    )
    flow = read_order_log(lines, [], "here")
    assert [(e.action, e.price, e.size) for e in flow.events] == [
        (ADD, 105, 5),
        (DELETE, 105, 5),
        (ADD, 104, 4),
        (DELETE, 104, 4),
    ]
    assert (flow.announced_late, flow.opening) == (1, ())


def test_a_fill_and_a_print_need_each_other() -> None:
    lines = log(("created", BID, 1, 100, 5), ("changed", BID, 1, 100, 3))
    with pytest.raises(DataRefused, match="1 orders shrank without a trade"):
        read_order_log(lines, [], "here")
    with pytest.raises(DataRefused, match="no order at 101 ticks shrank by 2 lots"):
        read_order_log(lines, [Print(10 * MS, 70, 101, 2)], "here")


def test_silent_orders_show_in_the_depth_beside_the_log() -> None:
    flow = read_order_log(log(("created", BID, 1, 100, 5), ("deleted", BID, 1, 100, 5)), [], "here")
    shown = [
        Displayed(5 * MS, BID, 100, 12),
        Displayed(5 * MS, BID, 99, 3),
        Displayed(15 * MS, BID, 100, 7),
        Displayed(15 * MS, BID, 99, 4),
    ]
    agreement = compare_with_depth(flow, shown)
    assert agreement.silent == (Standing(-1, BID, 99, 3), Standing(-2, BID, 100, 7))
    assert (agreement.levels, agreement.differing) == (4, 1)


def recorded(folder: Path, *, displayed: float = 0.5) -> DataSource:
    """Two orders, a trade, and two snapshots."""
    named = {"venue": "here", "symbol": "BTCUSD"}
    orders = [
        ("created", "b", 1, 100.25, 0.5),
        ("created", "a", 2, 100.25, 0.125),
        ("deleted", "a", 2, 100.25, 0.0),
        ("changed", "b", 1, 100.25, 0.375),
    ]
    pl.DataFrame(
        [
            {
                **named,
                "recv_ns": n * MS,
                "action": action,
                "side": side,
                "order_id": order,
                "price": price,
                "size": size,
            }
            for n, (action, side, order, price, size) in enumerate(orders)
        ]
    ).write_parquet(folder / "orders.parquet")
    trade = {**named, "recv_ns": 3 * MS, "trade_id": 70, "price": 100.25, "size": 0.125}
    pl.DataFrame([trade]).write_parquet(folder / "trades.parquet")
    pl.DataFrame(
        [
            {
                **named,
                "recv_ns": n * MS,
                "msg": n,
                "is_snapshot": True,
                "last_id": 0,
                "side": "b",
                "price": 100.25,
                "size": size,
            }
            for n, size in ((0, displayed), (3, 0.375))
        ]
    ).write_parquet(folder / "depth.parquet")
    return DataSource("folder", folder, "--data")


def test_a_recording_becomes_exact_integers(tmp_path: Path) -> None:
    sample = load_l3(recorded(tmp_path), "here", "BTCUSD")
    assert (sample.price_tick, sample.lot) == ("0.01", "0.001")
    assert sample.events.rows() == [(0, ADD, 1, 0, 10025, 500), (3 * MS, EXECUTE, 1, 0, 10025, 125)]
    assert sample.trades.rows() == [(3 * MS, 70, 10025, 125, 1, 1)]
    assert (sample.opening.height, sample.levels_compared, sample.levels_differing) == (0, 2, 0)


def test_depth_that_shows_other_orders_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match="1 of 2 displayed levels differ"):
        load_l3(recorded(tmp_path, displayed=0.75), "here", "BTCUSD")


def test_a_market_without_a_log_or_without_prints_is_refused(tmp_path: Path) -> None:
    source = recorded(tmp_path)
    with pytest.raises(DataRefused, match="no order-by-order recording of here ETHUSD"):
        load_l3(source, "here", "ETHUSD")
    (tmp_path / "trades.parquet").unlink()
    with pytest.raises(DataRefused, match="no trades of here BTCUSD"):
        load_l3(source, "here", "BTCUSD")

"""An order log and its trade prints → who rested, who took, and what stood in the queue.

A log that names every order (created, changed, deleted) does not say why an order shrank, nor which side of a trade
rested. Both follow from the prints: a trade happens at the resting order's own price, so of the orders that shrank by
the printed size the maker is the oldest at that price. Whatever else shrank, took. An order that takes stands in no
queue until it has taken all it can, so it enters the book behind its last trade; the log itself shows it crossing the
book for a moment.

What the log does not show is what stood before it began. Orders that it changes or deletes without having created
them stood from the start, at the size they were then found with. Orders it never mentions show in the depth that was
recorded beside it: what a level displays beyond the orders known there is one silent order, the oldest of its level.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal, NamedTuple

from tradewind.flow import DataRefused

Action = Literal["created", "changed", "deleted"]
ADD, EXECUTE, CHANGE, DELETE = range(4)

# How far apart the two orders of a trade and its print may arrive.
_TOGETHER_NS = 2_000_000_000
# Printed sizes are floats: they may be off by the last place.
_SAME_SIZE_LOTS = 1


class Line(NamedTuple):
    """One line of the log. side: 0 bid, 1 ask. size: what is left, in lots."""

    row: int
    recv_ns: int
    action: Action
    side: int
    order_id: int
    price: int
    size: int


class Print(NamedTuple):
    """One public trade."""

    recv_ns: int
    trade_id: int
    price: int
    size: int


class Displayed(NamedTuple):
    """One level of one depth snapshot."""

    recv_ns: int
    side: int
    price: int
    size: int


class Event(NamedTuple):
    """One change of the book; recv_ns · action (ADD, EXECUTE, CHANGE, DELETE) · order · side · price · lots."""

    recv_ns: int
    action: int
    order_id: int
    side: int
    price: int
    size: int


class Standing(NamedTuple):
    """An order that stood when the log began."""

    order_id: int
    side: int
    price: int
    size: int


@dataclass(frozen=True, slots=True)
class OrderFlow:
    """The book's history. opening: in order of priority. makers: the order that rested, per print.

    announced_late: orders deleted before they were created, which never stood; they are left out.
    """

    opening: tuple[Standing, ...]
    events: tuple[Event, ...]
    makers: tuple[int, ...]
    announced_late: int


@dataclass(frozen=True, slots=True)
class DepthAgreement:
    """Levels of recorded snapshots compared with the totals of the orders, and how many differ.

    silent: orders the log never mentions, oldest of their levels; they are counted in.
    """

    silent: tuple[Standing, ...]
    levels: int
    differing: int


class _Shrink(NamedTuple):
    """An order got smaller. lots is None where nobody knows what it had been. placed: row that set its price."""

    line: Line
    lots: int | None
    placed: int


@dataclass(slots=True)
class _Trades:
    """Row → lots that the order of that row made; order → (row it took at, row of the maker)."""

    made: dict[int, int] = field(default_factory=dict)
    took: defaultdict[int, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    makers: list[int] = field(default_factory=list)


def read_order_log(log: Sequence[Line], prints: Sequence[Print], where: str) -> OrderFlow:
    """Reconstruct the book's history. log, prints: in receive order, prices in ticks, sizes in lots.

    Raises:
        DataRefused: a print that no order made, or an order that shrank without a print.
    """
    lives, late = _lives(log)
    trades = _pair(lives, prints, where)
    opening: list[Standing] = []
    timed: list[tuple[int, int, Event]] = []
    stamps = {line.row: line.recv_ns for line in log}
    for life in lives.values():
        if life[0].action != "created":
            first = life[0]
            opening.append(
                Standing(first.order_id, first.side, first.price, first.size + trades.made.get(first.row, 0))
            )
        timed += _live(life, trades, stamps)
    timed.sort(key=lambda t: t[:2])
    opening.sort(key=lambda order: order.order_id)
    return OrderFlow(tuple(opening), tuple(e for _, _, e in timed), tuple(trades.makers), late)


def _lives(log: Iterable[Line]) -> tuple[dict[int, list[Line]], int]:
    """Lines per order up to its first deletion, and how many orders were deleted before they were created."""
    lives: dict[int, list[Line]] = {}
    over: set[int] = set()
    late: set[int] = set()
    for line in log:
        if line.order_id in over:
            if line.action == "created":
                late.add(line.order_id)
            continue
        lives.setdefault(line.order_id, []).append(line)
        if line.action == "deleted":
            over.add(line.order_id)
    return {order: life for order, life in lives.items() if order not in late}, len(late)


def _shrinks(lives: Mapping[int, Sequence[Line]]) -> list[_Shrink]:
    """Every line that left an order smaller at the price it had; a new price may bring a new size with it."""
    found: list[_Shrink] = []
    for life in lives.values():
        placed = life[0].row if life[0].action == "created" else -1
        for before, line in zip([None, *life], life, strict=False):
            if before is None:
                unknown = line.action == "changed" or (line.action == "deleted" and line.size == 0)
                if unknown:
                    found.append(_Shrink(line, None, placed))
            elif line.price != before.price:
                placed = line.row
            elif line.size < before.size:
                found.append(_Shrink(line, before.size - line.size, placed))
    return sorted(found, key=lambda s: s.line.row)


def _pair(lives: Mapping[int, Sequence[Line]], prints: Iterable[Print], where: str) -> _Trades:
    trades = _Trades()
    waiting = _shrinks(lives)
    deleted = [life[-1] for life in lives.values() if life[-1].action == "deleted"]
    for trade in prints:
        near = [s for s in waiting if abs(s.line.recv_ns - trade.recv_ns) < _TOGETHER_NS and _fits(s, trade)]
        makers = [s for s in near if s.line.price == trade.price]
        if not makers:
            raise DataRefused(
                f"trade {trade.trade_id}: no order at {trade.price} ticks shrank by {trade.size} lots",
                where,
                "use a log and prints of the same session, without holes",
            )
        maker = min(makers, key=lambda s: (s.placed, abs(s.line.recv_ns - trade.recv_ns)))
        takers = [s for s in near if s.line.side != maker.line.side]
        # Where one message stands for several fills, its size fits none: then the taker is who left at that moment.
        left = [] if takers else [_Shrink(line, None, 0) for line in deleted if _could_take(line, maker.line)]
        taker = min([*takers, *left], key=lambda s: abs(s.line.recv_ns - maker.line.recv_ns), default=None)
        waiting.remove(maker)
        trades.made[maker.line.row] = trade.size if maker.lots is None else maker.lots
        trades.makers.append(maker.line.order_id)
        if taker is not None:
            waiting = [s for s in waiting if s.line.row != taker.line.row]
            trades.took[taker.line.order_id].append((taker.line.row, maker.line.row))
    if waiting:
        line = waiting[0].line
        raise DataRefused(
            f"{len(waiting)} orders shrank without a trade, the first is {line.order_id} at row {line.row}",
            where,
            "use a log and prints of the same session, without holes",
        )
    return trades


def _fits(shrink: _Shrink, trade: Print) -> bool:
    return shrink.lots is None or abs(shrink.lots - trade.size) <= _SAME_SIZE_LOTS


def _could_take(line: Line, maker: Line) -> bool:
    reaches = line.price >= maker.price if line.side == 0 else line.price <= maker.price
    return line.side != maker.side and reaches and abs(line.recv_ns - maker.recv_ns) < _TOGETHER_NS


def _live(life: Sequence[Line], trades: _Trades, stamps: Mapping[int, int]) -> list[tuple[int, int, Event]]:
    """One order's events as (row, place within the row, event). Makers leave before takers arrive."""
    events: list[tuple[int, int, Event]] = []
    took = trades.took.get(life[0].order_id, [])

    def tell(row: int, place: int, action: int, line: Line, price: int, lots: int) -> None:
        events.append((row, place, Event(stamps[row], action, line.order_id, line.side, price, lots)))

    stands = life[0].action != "created"
    price, left = life[0].price, life[0].size + trades.made.get(life[0].row, 0)
    for line in life:
        if stands and line.price != price:
            tell(line.row, 0, DELETE, line, price, left)
            stands = False
        price = line.price
        if stands:
            made = trades.made.get(line.row, 0)
            if made:
                tell(line.row, 0, EXECUTE, line, price, made)
            left -= made
            if line.action == "deleted" and left > 0:
                tell(line.row, 1, DELETE, line, price, left)
        elif line.action != "deleted" and line.size > 0 and not _takes_later(line, life, took):
            row = max([line.row, *(maker for own, maker in took if own == line.row)])
            tell(row, 2, ADD, line, price, line.size)
            stands, left = True, line.size
    return events


def _takes_later(line: Line, life: Sequence[Line], took: Sequence[tuple[int, int]]) -> bool:
    """Whether the order takes again before it gets another price."""
    moved = min((other.row for other in life if other.row > line.row and other.price != line.price), default=None)
    return any(own > line.row and (moved is None or own < moved) for own, _ in took)


def compare_with_depth(flow: OrderFlow, displayed: Sequence[Displayed]) -> DepthAgreement:
    """Compare the totals of the orders with recorded snapshots (in receive order), and find the silent orders.

    A level's silent quantity is the least that its snapshots display beyond the known orders. It must be there in all
    of them: every level that displays anything else differs.
    """
    totals: Counter[tuple[int, int]] = Counter()
    for order in flow.opening:
        totals[order.side, order.price] += order.size
    events = iter(flow.events)
    event = next(events, None)
    beyond: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for recv_ns, levels in groupby(displayed, key=lambda level: level.recv_ns):
        while event is not None and event.recv_ns <= recv_ns:
            totals[event.side, event.price] += event.size if event.action == ADD else -event.size
            event = next(events, None)
        for level in levels:
            place = (level.side, level.price)
            beyond[place].append(level.size - totals[place])
    silent = [
        Standing(-1 - n, *place, min(extra))
        for n, (place, extra) in enumerate(sorted(beyond.items()))
        if min(extra) > 0
    ]
    differing = sum(sum(e != max(min(extra), 0) for e in extra) for extra in beyond.values())
    return DepthAgreement(tuple(silent), sum(len(extra) for extra in beyond.values()), differing)

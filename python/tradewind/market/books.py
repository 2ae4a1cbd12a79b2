"""An order book replayed from its recorded deltas, to see whether the file is whole: crossed books, lost updates.

The venue's rule for a snapshot fetched beside a stream (Binance, "How to manage a local order book correctly"; the
same shape at the other venues): buffer deltas until the snapshot arrives, then apply those whose last_id is greater
than the snapshot's id. A delta that matters may thus arrive *before* the snapshot it amends. This is the slow and
plain twin of the engine's book: it decides nothing, it only judges data.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

import polars as pl

# Venues whose update ids count every change, so that a missing id means a lost update.
_RANGED_VENUES = ("binance", "kraken_futures")


@dataclass(frozen=True, slots=True)
class Crossing:
    """The first moment the best bid reached the best ask."""

    recv_ns: int
    message: int
    bid: float
    ask: float
    after_snapshot: bool


@dataclass(frozen=True, slots=True)
class SequenceBreak:
    """An update that does not follow the one before it: something between them was lost."""

    recv_ns: int
    message: int
    expected_id: int
    found_id: int | None


@dataclass(frozen=True, slots=True)
class ReplayFacts:
    """What a replay of one market saw. deltas_too_old: those the snapshot already contained."""

    messages: int
    snapshots: int
    deltas_too_old: int
    crossing: Crossing | None
    breaks: tuple[SequenceBreak, ...]


@dataclass(slots=True)
class _Side:
    """Price → size with a lazily cleaned heap of prices; `sign` is -1 for bids so that the heap's least is the best."""

    sign: int
    levels: dict[float, float] = field(default_factory=dict)
    heap: list[float] = field(default_factory=list)

    def put(self, price: float, size: float) -> None:
        if size > 0.0:
            if price not in self.levels:
                heapq.heappush(self.heap, self.sign * price)
            self.levels[price] = size
        else:
            self.levels.pop(price, None)

    def best(self) -> float | None:
        while self.heap and self.sign * self.heap[0] not in self.levels:
            heapq.heappop(self.heap)
        return self.sign * self.heap[0] if self.heap else None

    def clear(self) -> None:
        self.levels.clear()
        self.heap.clear()


@dataclass(slots=True)
class _Message:
    recv_ns: int
    number: int
    snapshot: bool
    first_id: int | None
    last_id: int | None
    prev_id: int | None
    levels: list[tuple[str, float, float]]


@dataclass(slots=True)
class _Replay:
    ranged: bool
    bids: _Side = field(default_factory=lambda: _Side(-1))
    asks: _Side = field(default_factory=lambda: _Side(1))
    last_id: int | None = None
    fresh: bool = True
    started: bool = False
    buffered: list[_Message] = field(default_factory=list)
    snapshots: int = 0
    deltas_too_old: int = 0
    crossing: Crossing | None = None
    breaks: list[SequenceBreak] = field(default_factory=list)

    def take(self, message: _Message) -> None:
        if message.snapshot:
            self._restart(message)
        elif self.started:
            self._amend(message)
        else:
            self.buffered.append(message)

    def _restart(self, message: _Message) -> None:
        self.bids.clear()
        self.asks.clear()
        self.snapshots += 1
        self._put(message)
        self.last_id, self.fresh, self.started = message.last_id, True, True
        self._look(message)
        waiting, self.buffered = self.buffered, []
        for delta in waiting:
            if self.last_id is not None and delta.last_id is not None:
                self._amend(delta)
            else:
                self.deltas_too_old += 1

    def _amend(self, message: _Message) -> None:
        if self.ranged and self.last_id is not None and message.last_id is not None:
            if message.last_id <= self.last_id:
                self.deltas_too_old += 1
                return
            if not self._follows(message, self.last_id):
                found = message.prev_id if message.prev_id is not None else message.first_id
                expected = self.last_id if message.prev_id is not None else self.last_id + 1
                self.breaks.append(SequenceBreak(message.recv_ns, message.number, expected, found))
        self.fresh = False
        self.last_id = message.last_id
        self._put(message)
        self._look(message)

    def _follows(self, message: _Message, last_id: int) -> bool:
        """Whether `message` continues from `last_id`; the first delta after a snapshot may straddle it."""
        first, last, prev = message.first_id, message.last_id, message.prev_id
        straddles = self.fresh and first is not None and last is not None and first <= last_id + 1 <= last + 1
        if prev is not None:
            return prev == last_id or straddles
        return straddles or first == last_id + 1

    def _put(self, message: _Message) -> None:
        for side, price, size in message.levels:
            (self.bids if side == "b" else self.asks).put(price, size)

    def _look(self, message: _Message) -> None:
        if self.crossing is not None:
            return
        bid, ask = self.bids.best(), self.asks.best()
        if bid is not None and ask is not None and bid >= ask:
            self.crossing = Crossing(message.recv_ns, message.number, bid, ask, message.snapshot)


def replay(depth: pl.DataFrame) -> ReplayFacts:
    """Replay one market's depth rows (the `depth` layout, in receive order; side b/a, size 0 removes a level).

    A file without any snapshot starts from an empty book.
    """
    state = _Replay(ranged=str(depth["venue"][0]).startswith(_RANGED_VENUES))
    state.started = not bool(depth["is_snapshot"].any())
    count = 0
    for message in _messages(depth):
        count += 1
        state.take(message)
    return ReplayFacts(count, state.snapshots, state.deltas_too_old, state.crossing, tuple(state.breaks))


def _messages(depth: pl.DataFrame) -> list[_Message]:
    """Rows grouped into messages: consecutive rows with one `msg` and one `is_snapshot`."""
    numbered = depth.with_columns(
        (pl.struct("msg", "is_snapshot").rle_id()).alias("_message"),
        *(pl.lit(None, pl.Int64).alias(c) for c in ("first_id", "prev_id") if c not in depth.columns),
    )
    grouped = numbered.group_by("_message", maintain_order=True).agg(
        *(pl.col(c).first() for c in ("recv_ns", "msg", "is_snapshot", "first_id", "last_id", "prev_id")),
        pl.col("side", "price", "size"),
    )
    return [
        _Message(recv, msg, snap, first, last, prev, list(zip(sides, prices, sizes, strict=True)))
        for _, recv, msg, snap, first, last, prev, sides, prices, sizes in grouped.iter_rows()
    ]

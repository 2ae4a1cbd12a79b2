"""The grid on recorded depth, this engine against hftbacktest: order by order, with the rule behind each difference.

Both see the same events and quote by the same rule at the same instants, under the same queue law and latencies. Their
exchange models differ in two stated ways, and a difference in when an order first fills must follow from one of them:

- `volume`: here a trade's quantity is used once, shared among our own orders by price, then arrival; there each order
  that a trade reaches is filled whole, however small the trade;
- `queue`: here an order fills by what a trade leaves after the queue ahead; there it fills when the queue ahead is used
  up to the last lot, though nothing is left over;
- `follows`: an order that only one side had at its venue then, because of an earlier difference: where a position leans
  to and what is taken off differ from then on. That the other side had none is looked up among its orders.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

import ours
import workloads
from tradewind import _native

HERE = Path(__file__).resolve().parent
_SOON_NS = 100_000_000
_LOTS, _TICK, _LATENCY_NS = 10, 0.1, 4_000_000

Key = tuple[int, int, int]
"""When it first filled on the venue's clock, side, price."""


@dataclass(frozen=True, slots=True)
class Compared:
    """ours, theirs: orders that filled; same: at the same instant; the rest by the rule that it follows from."""

    ours: int
    theirs: int
    same: int
    by_rule: dict[str, int]
    unexplained: list[Key]

    def text(self) -> str:
        """One line for people."""
        rules = ", ".join(f"{count} by {rule}" for rule, count in sorted(self.by_rule.items()))
        left = f"; UNEXPLAINED: {self.unexplained[:5]}" if self.unexplained else ""
        return f"GRID {self.ours} | {self.theirs} orders filled; {self.same} at the same instant; {rules}{left}"


def compare(python: Path, folder: Path) -> Compared:
    """Run both on what `recorded.write` wrote.

    Raises:
        RuntimeError: the peer stopped.
    """
    ran = ours.run("GRID", ours.recording("GRID", folder), None)
    fills = pl.DataFrame(ran.engine.fills_exact())
    first = fills.group_by("order", maintain_order=True).agg(pl.first("ts_venue_ns", "side", "price_ticks"))
    mine: list[Key] = first.select("ts_venue_ns", "side", "price_ticks").rows()
    theirs, resting = _theirs(python, folder)
    trades = workloads.read(folder, "grid_trades")
    left, right = Counter(theirs) - Counter(mine), Counter(mine) - Counter(theirs)
    rules: Counter[str] = Counter()
    unexplained: list[Key] = []
    for key in left.elements():
        later = next((other for other in right.elements() if _is_same_order(key, other)), None)
        rule = _rule(key, theirs, trades)
        if rule is not None and later is not None:
            right[later] -= 1
        if rule is None and not _was_untouched(ran.engine, first, key):
            rule = "follows"
        if rule is None:
            unexplained.append(key)
        else:
            rules[rule] += 1
    for key in (+right).elements():
        if _rested(key, resting):
            unexplained.append(key)
        else:
            rules["follows"] += 1
    same = len(theirs) - sum(left.values())
    return Compared(len(mine), len(theirs), same, dict(+rules), unexplained)


def _theirs(python: Path, folder: Path) -> tuple[list[Key], NDArray[np.int64]]:
    """Their fills, and what rested at each look: time, side, price."""
    kept = folder / "hftbacktest.npy"
    start = int(workloads.read(folder, "grid_depth", 1)["ts"][0])
    command = [str(python), str(HERE / "hft.py"), str(folder), str(start), "--orders", str(kept)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise RuntimeError(ran.stderr.strip()[-2_000:])
    written, counted = np.load(kept), json.loads(ran.stdout.splitlines()[-1])["fills"]
    filled = written[written[:, 3] == 1]
    if len(filled) != counted:
        raise RuntimeError(f"the peer filled {counted} orders and wrote down {len(filled)}")
    return [(int(at), int(side), int(price)) for at, side, price, _ in filled], written[written[:, 3] == 0][:, :3]


def _rested(key: Key, resting: NDArray[np.int64]) -> bool:
    """Whether an order of theirs with this side and price rested at their last look before this instant."""
    at, side, price = key
    before = resting[resting[:, 0] <= at]
    last = before[before[:, 0] == before[-1, 0]] if len(before) else before
    return bool(((last[:, 1] == side) & (last[:, 2] == price)).any())


def _was_untouched(engine: _native.Simulation, first: pl.DataFrame, key: Key) -> bool:
    """Whether an order of ours with this side and price was at the venue then, and had not begun to fill before.

    One that had was another order than theirs: its own first fill is among the keys that only ours has.
    """
    at, side, price = key
    latency = pl.lit(_LATENCY_NS)
    there = pl.DataFrame(engine.orders()).filter(
        pl.col("side") == ("buy" if side > 0 else "sell"),
        (pl.col("limit_price") / _TICK).round() == price,
        pl.col("ts_ns") + latency <= at,
        pl.col("done_ns").is_null() | (pl.col("done_ns") - latency >= at),
        pl.col("state") != "rejected",
    )
    begun = first.filter(pl.col("ts_venue_ns") < at)["order"].implode()
    there = there.filter(~pl.col("order_id").str.split("-").list.last().cast(pl.Int64).is_in(begun))
    return not there.is_empty()


def _is_same_order(theirs: Key, mine: Key) -> bool:
    return theirs[1:] == mine[1:] and abs(mine[0] - theirs[0]) <= _SOON_NS


def _rule(key: Key, theirs: list[Key], trades: dict[str, NDArray[np.generic]]) -> str | None:
    """Which rule keeps an order from filling here at the instant at which it filled there."""
    at, side, price = key
    against = 1 if side > 0 else 0
    here = (trades["ts"] == at) & (trades["side"] == against)
    traded_at = trades["price"].astype(np.int64)
    reaches = here & ((traded_at <= price) if side > 0 else (traded_at >= price))
    if not reaches.any():
        return None
    sharing = [other for other in theirs if other[0] == at and other[1] == side and (other[2] - price) * side >= 0]
    wanted = _LOTS * len(sharing)
    if int(trades["size"][reaches].sum()) < wanted:
        return "volume"
    return "queue" if (traded_at[reaches] == price).any() else None

"""The shared work: seeded market data that every engine is given, and what came of it when it was first written down.

One linear perpetual: prices in ticks of 0.01, sizes in lots of 0.001, times in UNIX ns. The same seed gives the same
arrays to the last bit (numpy's PCG64 and the standard library's Mersenne twister), whose SHA-256 sums are pinned below,
so a figure says which data it belongs to. Needs numpy and nothing else: peers' interpreters read it too.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Columns = dict[str, NDArray[np.generic]]

START_NS = 1_735_689_600_000_000_000
"""2025-01-01 00:00 UTC."""
SEED = 20260702
"""The seed that the sums and the expected results belong to."""
ROWS = 2_000_000
BARS = 100_000
LEVEL_CHANGES = 1_000_000
ORDERS = 100_000
"""Quotes, and so market orders, of F1."""
_MEAN_GAP_NS = 43_000_000
_MINUTE_NS = 60_000_000_000
_REGIME = 20_000

ADD, UPDATE, DELETE, CLEAR = 1, 2, 3, 4
LAST_OF_MESSAGE, SNAPSHOT = 128, 32

SHA256: Mapping[str, str] = {
    "trades": "85cc60a5f19753cc5e096d1b2065f1a18f6424642c2ee1f05f29a0e2aae9a7cb",
    "quotes": "1eb5e826260678acdf24d66fc61d9b3ffec43d3bccee1bc65530e8b4194210db",
    "bars": "2e4494645fd91fb933e9b7c7de40e0a0430164b5f59b945ddb2de5db796e4f93",
    "depth": "6fe0c3cdcb90567c5a2bb8609fa807128cc01c824a609c52c01da3f73a9372cc",
    "depth_trades": "a93b71b8b729c7ebc3e1573b21ee02a3f302517cc190b98b9beb668a16cf4943",
}
"""Of each set of arrays under SEED."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What NautilusTrader 2.0.0rc7 made of a workload under SEED."""

    orders: int
    fills: int
    balance: str
    cancels: int | None = None
    position_lots: int | None = None


EXPECTED: Mapping[str, Expected] = {
    "A2": Expected(4_113, 8_096, "9986376.40870816"),
    "B2": Expected(4_113, 5_623, "9986347.57786807"),
    "C2": Expected(23_839, 20_666, "9998977.55816599", 8_634, 63),
    "E": Expected(4_369, 4_369, "9987423.96497"),
    "F1": Expected(100_000, 100_000, "9998343.3729291"),
}


def _generator(seed: int, stream: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64([seed, stream]))


def _arrivals(chance: np.random.Generator, count: int) -> NDArray[np.int64]:
    """Bursts and lulls: seven in ten gaps are a tenth of the mean."""
    is_burst = chance.random(count) < 0.70
    short, long = (chance.exponential(_MEAN_GAP_NS * scale, count) for scale in (0.1, 3.1))
    gaps = np.where(is_burst, short, long).astype(np.int64)
    at: NDArray[np.int64] = START_NS + np.cumsum(np.maximum(gaps, 1))
    return at


def _walk(chance: np.random.Generator, count: int) -> NDArray[np.int64]:
    """A lazy walk of up to three ticks at a time, in regimes of volatility."""
    regime = 0.5 + np.repeat(chance.random(count // _REGIME + 1), _REGIME)[:count]
    moves = chance.random(count) < 0.25 * regime
    steps = chance.choice(np.array([-3, -2, -1, 1, 2, 3]), count, p=[0.05, 0.10, 0.35, 0.35, 0.10, 0.05])
    ticks: NDArray[np.int64] = np.maximum(330_000 + np.cumsum(np.where(moves, steps, 0)), 10_000)
    return ticks


def trades(seed: int) -> Columns:
    """`ts`, `price`, `size`, `side` (1 the buyer took, 2 the seller)."""
    chance = _generator(seed, 1)
    at, mid = _arrivals(chance, ROWS), _walk(chance, ROWS)
    sold = (np.cumsum(chance.random(ROWS) < 0.25) & 1).astype(np.int64)
    size = np.clip(np.exp(chance.normal(4.6, 1.6, ROWS)).astype(np.int64), 1, 500_000)
    return {"ts": at, "price": np.where(sold == 0, mid + 1, mid), "size": size, "side": (sold + 1).astype(np.int8)}


def quotes(seed: int) -> Columns:
    """`ts`, `bid`, `ask`, `bid_size`, `ask_size`."""
    chance = _generator(seed, 2)
    at, bid = _arrivals(chance, ROWS), _walk(chance, ROWS)
    spread = chance.choice(np.array([1, 2, 3, 5]), ROWS, p=[0.82, 0.12, 0.04, 0.02])
    bid_size, ask_size = (
        np.clip(np.exp(chance.normal(8.0, 1.2, ROWS)).astype(np.int64), 1, 5_000_000) for _ in range(2)
    )
    return {"ts": at, "bid": bid, "ask": bid + spread, "bid_size": bid_size, "ask_size": ask_size}


def bars(seed: int) -> Columns:
    """`ts` (close), `open`, `high`, `low`, `close`, `volume`: one minute each."""
    chance = _generator(seed, 3)
    returns = chance.standard_t(4, BARS) * 0.0005
    close = np.maximum((330_000 * np.exp(np.cumsum(returns - returns.mean()))).astype(np.int64), 10_000)
    opened = np.concatenate([[330_000], close[:-1]])
    high = np.maximum(opened, close) + chance.integers(0, 200, BARS)
    low = np.minimum(opened, close) - chance.integers(0, 200, BARS)
    volume = np.clip(np.exp(chance.normal(13, 1, BARS)).astype(np.int64), 1, 10**9)
    at = START_NS + (np.arange(BARS, dtype=np.int64) + 1) * _MINUTE_NS
    return {"ts": at, "open": opened, "high": high, "low": low, "close": close, "volume": volume}


_BID, _ASK = 1, 2
_DEPTH_TYPES: Mapping[str, type[np.generic]] = {
    "ts": np.int64, "action": np.uint8, "side": np.uint8, "price": np.int64, "size": np.int64, "flags": np.uint8,
    "seq": np.int64,
}  # fmt: skip
_TRADE_TYPES: Mapping[str, type[np.generic]] = {"ts": np.int64, "price": np.int64, "size": np.int64, "side": np.int8}


class _Market:
    """A book of some fifty levels a side that writes down every change; trades eat the touch."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._levels: dict[int, dict[int, int]] = {_BID: {}, _ASK: {}}
        self._best = {_BID: 330_000, _ASK: 330_001}
        self._at, self._message, self._flags = START_NS, 0, SNAPSHOT
        self.depth: list[tuple[int, int, int, int, int, int, int]] = []
        self.trades: list[tuple[int, int, int, int]] = []

    def _write(self, action: int, side: int, price: int, size: int) -> None:
        self.depth.append((self._at, action, side, price, size, self._flags, self._message))

    def _end_message(self) -> None:
        *rest, flags, message = self.depth[-1]
        self.depth[-1] = (*rest, flags | LAST_OF_MESSAGE, message)  # type: ignore[assignment]  # a row again

    def _drawn(self, mean: float, spread: float, most: int) -> int:
        return min(max(int(self._chance.lognormvariate(mean, spread)), 1), most)

    def _size(self) -> int:
        return self._drawn(8.0, 1.1, 5_000_000)

    def _put(self, side: int, price: int, size: int) -> None:
        levels = self._levels[side]
        self._write(UPDATE if price in levels else ADD, side, price, size)
        levels[price] = size
        self._best[side] = max(self._best[side], price) if side == _BID else min(self._best[side], price)

    def _remove(self, side: int, price: int) -> None:
        levels = self._levels[side]
        del levels[price]
        self._write(DELETE, side, price, 0)
        if price == self._best[side]:
            away = -1 if side == _BID else 1
            while price not in levels:
                price += away
            self._best[side] = price

    def open(self) -> None:
        """The snapshot."""
        self._write(CLEAR, 0, 0, 0)
        for away in range(50):
            for side, price in ((_BID, self._best[_BID] - away), (_ASK, self._best[_ASK] + away)):
                self._levels[side][price] = size = self._size()
                self._write(ADD, side, price, size)
        self._end_message()
        self._flags = 0

    def step(self) -> None:
        """One message, after a trade or not."""
        chance = self._chance.random
        self._message += 1
        self._at += max(1, int(self._chance.expovariate(1 / 20e6 if chance() < 0.6 else 1 / 220e6)))
        if chance() < 0.70:
            self._trade(_BID if chance() < 0.5 else _ASK)
        for _ in range(1 + int(self._chance.expovariate(1 / 6.0))):
            self._change(_BID if chance() < 0.5 else _ASK)
        self._keep_window(_BID)
        self._keep_window(_ASK)
        self._end_message()

    def _trade(self, hit: int) -> None:
        price = self._best[hit]
        shown = self._levels[hit][price]
        size = self._drawn(5.5, 1.7, shown)
        self.trades.append((self._at - 1, price, size, 2 if hit == _BID else 1))
        if size == shown:
            self._remove(hit, price)
        else:
            self._put(hit, price, shown - size)

    def _change(self, side: int) -> None:
        chance, levels = self._chance.random, self._levels[side]
        away = min(int(math.log(1 - chance()) / math.log(1 - 0.12)), 49)
        price = self._best[side] + (-away if side == _BID else away)
        if self._best[_ASK] - self._best[_BID] > 1 and chance() < 0.25:
            self._put(side, self._best[side] + (1 if side == _BID else -1), self._size())
        elif price in levels and chance() < (0.06 if away == 0 else 0.20):
            self._remove(side, price)
        else:
            self._put(side, price, self._size())

    def _keep_window(self, side: int) -> None:
        levels = self._levels[side]
        if len(levels) > 60:
            edge = self._best[side] + (-70 if side == _BID else 70)
            for price in [p for p in levels if (p < edge if side == _BID else p > edge)]:
                self._remove(side, price)
        while len(levels) < 40:
            self._put(side, min(levels) - 1 if side == _BID else max(levels) + 1, self._size())


def _columns(rows: list[tuple[int, ...]], types: Mapping[str, type[np.generic]]) -> Columns:
    return {
        name: np.array(column, dtype=types[name]) for name, column in zip(types, zip(*rows, strict=True), strict=True)
    }


def depth_and_its_trades(seed: int) -> tuple[Columns, Columns]:
    """Level changes (`ts`, `action`, `side` 1 bid 2 ask, `price`, `size`, `flags`, `seq`) and the trades between."""
    market = _Market(seed)
    market.open()
    while len(market.depth) < LEVEL_CHANGES:
        market.step()
    return _columns(list(market.depth), _DEPTH_TYPES), _columns(list(market.trades), _TRADE_TYPES)


_SETS: Mapping[str, Callable[[int], Columns]] = {
    "trades": trades,
    "quotes": quotes,
    "bars": bars,
    "depth": lambda seed: depth_and_its_trades(seed)[0],
    "depth_trades": lambda seed: depth_and_its_trades(seed)[1],
}


def sha256(columns: Columns) -> str:
    """Of the names and raw bytes of the columns, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(columns):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(columns[name]).tobytes())
    return digest.hexdigest()


def write(folder: Path, seed: int, sets: tuple[str, ...] = tuple(SHA256)) -> None:
    """Write sets as `<set>.<column>.npy`; sets that are there already stay."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [name for name in sets if not (folder / f"{name}.ts.npy").exists()]
    made: dict[str, Columns] = {}
    if {"depth", "depth_trades"} & set(wanted):
        made["depth"], made["depth_trades"] = depth_and_its_trades(seed)
    for name in wanted:
        columns = made.get(name) or _SETS[name](seed)
        if seed == SEED and sha256(columns) != SHA256[name]:
            raise ValueError(
                f"the generator makes other {name} than it did: {sha256(columns)}; expected {SHA256[name]}"
            )
        # The times last: they say that the set is whole.
        for column in sorted(columns, key=lambda column: column == "ts"):
            np.save(folder / f"{name}.{column}.npy", columns[column])


def peak_mb() -> float:
    """Largest memory of this process so far, MB, as Linux counts it since the program began.

    Not `getrusage`: that one starts with the memory of the process that started this one.
    """
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def read(folder: Path, name: str, first: int | None = None) -> Columns:
    """A set as it was written, or its first rows."""
    paths = sorted(folder.glob(f"{name}.*.npy"))
    return {path.name.split(".")[1]: np.load(path)[:first] for path in paths}


def read_in_parts(folder: Path, name: str, rows: int, first: int | None = None) -> Iterator[Columns]:
    """The same, so many rows at a time: the whole is never in memory."""
    mapped = {path.name.split(".")[1]: path for path in sorted(folder.glob(f"{name}.*.npy"))}
    count = len(np.load(mapped["ts"], mmap_mode="r"))
    for start in range(0, count if first is None else min(count, first), rows):
        end = start + rows if first is None else min(start + rows, first)
        # A map is opened for each part, and gone after it: what was read of it stays with the process no longer.
        yield {column: np.array(np.load(path, mmap_mode="r")[start:end]) for column, path in mapped.items()}

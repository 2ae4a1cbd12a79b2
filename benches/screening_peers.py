"""The screening bench's other side, run where the peers are installed: `screening_peers.py numba|vectorbt CLOSES`.

One array of closes in, one array of total returns and the best time out, so that the bench can hold them against ours.
Nothing of Tradewind is imported here, nor is it installed there.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
FEE = 0.001
_CHUNK = 500
_BEST_OF = 3


def with_numba(closes: Floats, fast: Counts, slow: Counts) -> tuple[str, Floats, float]:
    """A compiled loop per pair over prefix sums, all in at the signal's close."""
    import numba

    @numba.njit(fastmath=True)
    def worth(prices: Floats, sums: Floats, short: int, long: int) -> float:
        money, coins, last = 1.0, 0.0, 0.0
        for bar in range(long - 1, prices.size):
            total = sums[bar + 1]
            apart = (total - sums[bar + 1 - short]) / short - (total - sums[bar + 1 - long]) / long
            if bar >= long:
                if coins == 0.0 and apart > 0.0 and last <= 0.0:
                    coins = money * (1.0 - FEE) / prices[bar]
                    money = 0.0
                elif coins > 0.0 and apart < 0.0 and last >= 0.0:
                    money = coins * prices[bar] * (1.0 - FEE)
                    coins = 0.0
            last = apart
        return money + coins * prices[-1]

    @numba.njit
    def every(prices: Floats, sums: Floats, short: Counts, long: Counts, out: Floats) -> None:
        for pair in range(short.size):
            out[pair] = worth(prices, sums, short[pair], long[pair]) - 1.0

    sums, out = np.concatenate(([0.0], np.cumsum(closes))), np.empty(len(fast))
    every(closes, sums, fast[:2], slow[:2], out[:2])
    seconds = np.inf
    for _ in range(_BEST_OF):
        started = time.process_time()
        every(closes, sums, fast, slow, out)
        seconds = min(seconds, time.process_time() - started)
    return f"numba {numba.__version__}", out, seconds


def with_vectorbt(closes: Floats, fast: Counts, slow: Counts) -> tuple[str, Floats, float]:
    """Its own indicators, crosses and portfolio, in chunks so that its matrices fit; the first chunk warms it up."""
    import pandas as pd
    import vectorbt as vbt

    prices = pd.Series(closes, index=pd.date_range("2025-01-01", periods=len(closes), freq="h"))

    def chunk(at: int) -> Floats:
        short = vbt.MA.run(prices, fast[at : at + _CHUNK], short_name="fast")
        long = vbt.MA.run(prices, slow[at : at + _CHUNK], short_name="slow")
        entries, exits = short.ma_crossed_above(long.ma.values), short.ma_crossed_below(long.ma.values)
        held = vbt.Portfolio.from_signals(prices, entries, exits, fees=FEE, freq="1h")
        return np.asarray(held.total_return(), dtype=np.float64)

    chunk(0)
    started = time.process_time()
    out = np.concatenate([chunk(at) for at in range(0, len(fast), _CHUNK)])
    return f"vectorbt {vbt.__version__}", out, time.process_time() - started


def main() -> None:
    """Writes returns beside the closes, prints who it was and how long it took."""
    peer, closes_at = sys.argv[1], Path(sys.argv[2])
    closes = np.load(closes_at)
    fast, slow = np.load(closes_at.with_name("fast.npy")), np.load(closes_at.with_name("slow.npy"))
    name, returns, seconds = (with_numba if peer == "numba" else with_vectorbt)(closes, fast, slow)
    np.save(closes_at.with_name(f"{peer}.npy"), returns)
    print(json.dumps({"name": name, "seconds": seconds, "python": sys.version.split()[0]}))


if __name__ == "__main__":
    main()

"""The same features, one bar close at a time, for a live process.

The stream keeps the bars of the last `memory_bars` instants and evaluates the very same expressions on them, so there
is one implementation and nothing to drift apart. Windowed features see exactly the bars they see in batch; recursive
ones start at least `SETTLED` time constants ago instead of at the segment's start, which moves them by less than 1e-12
of their range. Running sums round differently after a different past. The whole is within STREAM_TOLERANCE of batch.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import polars as pl

from tradewind.features.batch import FEATURES, KEYS, cross_pass, reference_symbol, series_pass, with_inputs
from tradewind.features.declaration import Feature
from tradewind.flow import Market

# |stream - batch| <= STREAM_TOLERANCE * max(1, |batch|), tested on simulated and on real bars.
STREAM_TOLERANCE = 1e-9


class Stream:
    """Features of the newest bar close, fed one close of all symbols at a time.

    Start it with the history that is known (`Stream(market)`; features stay null until warm), then `update`.
    """

    def __init__(self, market: Market, features: Sequence[Feature] = FEATURES) -> None:
        self._features = tuple(features)
        self._series, self._cross = with_inputs(features)
        self._reference = reference_symbol(market)
        self._bar_ns = market.bar_ns
        self._columns = market.bars.columns
        self._history: deque[pl.DataFrame] = deque(maxlen=max(f.memory_bars for f in self._series))
        known = market.bars.sort("ts_ns", "symbol")
        instants = known["ts_ns"].unique().sort().tail(self._history.maxlen or 0)
        if len(instants):
            recent = known.filter(pl.col("ts_ns") >= instants[0])
            self._history.extend(recent.partition_by("ts_ns", maintain_order=True))

    @property
    def memory_bars(self) -> int:
        """Bar closes kept."""
        return self._history.maxlen or 0

    def update(self, bars: pl.DataFrame) -> pl.DataFrame:
        """Take one bar close (the columns of Market.bars, one row per symbol, one ts_ns) and return its features.

        Returns ts_ns, symbol, segment and one column per feature, a row per symbol of `bars`, sorted by symbol.
        Raises ValueError when the rows are of several instants or not later than the last update, DataRefused when a
        symbol skipped a bar without a new segment; the stream is then as it was before.
        """
        instants = bars["ts_ns"].unique()
        if len(instants) != 1:
            raise ValueError(
                f"update takes the bars of one close, found {len(instants)} instants in {bars.height} rows"
            )
        if self._history and instants[0] <= self._history[-1]["ts_ns"][0]:
            raise ValueError(f"update at ts_ns {instants[0]} is not after the last, {self._history[-1]['ts_ns'][0]}")
        newest_bars = bars.select(self._columns)
        known = pl.concat([*self._history, newest_bars])
        # Taken into the history only once it is found sound: a refused update leaves the stream as it was.
        rows = series_pass(known, self._series, self._reference, self._bar_ns)
        self._history.append(newest_bars)
        newest = rows.filter(pl.col("ts_ns") == instants[0])
        return cross_pass(newest, self._cross).select(*KEYS, *(f.name for f in self._features))

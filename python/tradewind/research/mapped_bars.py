"""A market's bars in files, so that several processes read one copy of them.

Each column of numbers is a file of its own that every process maps into its memory and none of them copies; pages are
read when they are touched and shared by all. Symbols are kept as numbers and are words again in each process.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from tradewind.flow import Market

_WORDS = "symbol"


@dataclass(frozen=True, slots=True)
class MappedBars:
    """What is sent to another process: the market without its bars, their columns in order, and where these lie."""

    bare: Market
    columns: tuple[str, ...]
    folder: Path

    def market(self) -> Market:
        """The market, its bars read where they lie. The files must stay until it is no longer used."""
        arrays = {name: np.load(self.folder / f"{name}.npy", mmap_mode="r") for name in self.columns}
        mapped = {name: pl.Series(name, array) for name, array in arrays.items()}
        mapped[_WORDS] = pl.Series(_WORDS, self.bare.symbols).gather(mapped[_WORDS])
        return dataclasses.replace(self.bare, bars=pl.DataFrame(mapped))


def write(market: Market, folder: Path) -> MappedBars:
    """Writes the bars of a market into `folder`, over what an earlier, interrupted go left there."""
    folder.mkdir(exist_ok=True)
    numbers = dict(zip(market.symbols, range(len(market.symbols)), strict=True))
    coded = market.bars.with_columns(pl.col(_WORDS).replace_strict(numbers, return_dtype=pl.UInt32))
    for name in coded.columns:
        np.save(folder / f"{name}.npy", coded[name].to_numpy())
    return MappedBars(dataclasses.replace(market, bars=market.bars.clear()), tuple(coded.columns), folder)

"""Pairs of moving averages: screened on the first part of the bars, the best of them judged on what no choice has seen.

Every pair is a trial on record. The winner is run in the engine on the part it was chosen on and on the rest, screen
and engine side by side. A sweep goes on where it stopped, and counts every trial: the deflated Sharpe ratio of a winner
depends on how many there were and how far they lay apart (Bailey & López de Prado 2014). The screen's threads work on
one copy of the prices.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Literal

import polars as pl

from tradewind.analytics.daily import DAYS_PER_YEAR
from tradewind.flow import DataRefused, Market
from tradewind.research import crosses, runs
from tradewind.research.failures import RunFailed
from tradewind.research.trials import Record, Sweep, table

Progress = Callable[[str, int, int], None]
RankBy = Literal["sharpe", "total_return"]

_BATCH = 256
"""Pairs screened between two looks at the keyboard and two writes of the record."""
_MIN_HELD_OUT_DAYS = 30


@dataclass(frozen=True, slots=True)
class CrossSettings:
    """What is screened: every pair fast < slow of the windows, in bars.

    chosen_share: share of the bars, from the first on, that the pair is chosen on; the rest is held out.
    """

    symbol: str
    fast: tuple[int, ...]
    slow: tuple[int, ...]
    chosen_share: float = 0.7
    rank_by: RankBy = "sharpe"
    terms: crosses.Terms = field(default_factory=crosses.Terms)

    def pairs(self) -> tuple[crosses.Cross, ...]:
        """All pairs, by slow and then fast window."""
        both = product(sorted(set(self.slow)), sorted(set(self.fast)))
        return tuple(crosses.Cross(fast, slow) for slow, fast in both if fast < slow)


@dataclass(frozen=True, slots=True)
class CrossSweep:
    """A finished sweep. trials columns: trial · fast · slow · total_return · max_drawdown · sharpe · trades, all of
    them in-sample and by the screen. chosen, held_out: the winner there and on the bars that the choice never saw.
    """

    settings: CrossSettings
    trials: pl.DataFrame
    winner: crosses.Cross
    chosen: crosses.Comparison
    held_out: crosses.Comparison
    folder: Path
    notes: tuple[str, ...]


def cross_sweep(
    market: Market,
    data_name: str,
    settings: CrossSettings,
    folder: Path,
    facts: runs.CodeFacts,
    progress: Progress,
    *,
    threads: int,
) -> CrossSweep:
    """Screen, choose, run the winner in the engine on both parts. A record in `folder` is gone on with.

    Raises:
        DataRefused: no such symbol, too few bars for the windows, or a record on other data.
        RunFailed: no pair traded, or the folder holds another sweep.
    """
    bars = crosses.longest_stretch(market, settings.symbol)
    chosen, rest = _split(bars, settings)
    sweep = Sweep(
        kind="ma-cross",
        settings={
            "symbol": settings.symbol,
            "rank_by": settings.rank_by,
            "chosen_share": settings.chosen_share,
            "terms": dataclasses.asdict(settings.terms),
        },
        trials=[dataclasses.asdict(pair) for pair in settings.pairs()],
        measured_on={
            "part": "in-sample",
            "how": "by the screen: filled at the next open, fee and half spread charged, daily Sharpe",
            "from_ns": chosen.start_ns,
            "to_ns": int(chosen.market.bars["ts_ns"][-1]),
            "cost_bps": crosses.cost_bps(chosen.market),
        },
        data_hash=bars.data_hash,
        code_version=facts.version,
    )
    record = Record(folder, sweep)
    _screen_missing(record, settings.pairs(), chosen, progress, threads)
    tried = table(record.trials)
    winner = _best(tried, settings)
    held_out = _from_first_average(rest, winner)
    daily = [s / math.sqrt(DAYS_PER_YEAR) for s in tried["sharpe"].drop_nulls().to_list()]
    compared = []
    for done, stretch in enumerate((chosen, held_out), 1):
        compared.append(
            crosses.compare(
                stretch,
                winner,
                settings.terms,
                data_name=data_name,
                journal=_fresh(folder / f"{stretch.label.replace(' ', '-')}.journal"),
                facts=facts,
                n_trials=tried.height,
                trial_sharpes=daily,
            )
        )
        progress("engine", done, 2)
    return CrossSweep(settings, tried, winner, compared[0], compared[1], folder, _notes(market, bars))


def _split(bars: Market, settings: CrossSettings) -> tuple[crosses.Stretch, Market]:
    """The bars the pair is chosen on, and the rest.

    Raises:
        DataRefused: either part is too short for the slowest window.
    """
    ts = bars.bars["ts_ns"]
    first_held_out = round(len(ts) * settings.chosen_share)
    slowest = max(settings.slow)
    days_held_out = (len(ts) - first_held_out - slowest) * bars.bar_ns / 86_400e9
    if first_held_out <= slowest or days_held_out < _MIN_HELD_OUT_DAYS:
        raise DataRefused(
            f"{len(ts)} unbroken bars of {settings.symbol}: {first_held_out} to choose on and {days_held_out:.0f} days "
            f"held out after a window of {slowest} bars; {slowest + 1} bars and {_MIN_HELD_OUT_DAYS} days are needed",
            f"{settings.symbol}, its longest stretch without a hole",
            "shorten the slow windows, or give more bars",
        )
    before = crosses.span(bars, settings.symbol, ts[0], ts[first_held_out - 1])
    after = crosses.span(bars, settings.symbol, ts[first_held_out], ts[-1])
    return crosses.Stretch(before, 0, "in-sample"), after


def _from_first_average(rest: Market, winner: crosses.Cross) -> crosses.Stretch:
    """Held-out bars, counted from where both averages are known without a bar that the choice has seen."""
    return crosses.Stretch(rest, winner.slow - 1, "held out")


def _screen_missing(
    record: Record, pairs: Sequence[crosses.Cross], chosen: crosses.Stretch, progress: Progress, threads: int
) -> None:
    fee_bps = crosses.cost_bps(chosen.market)
    missing = record.missing
    progress("screening", len(pairs) - len(missing), len(pairs))
    for start in range(0, len(missing), _BATCH):
        numbers = missing[start : start + _BATCH]
        scores = crosses.screen(chosen, [pairs[n] for n in numbers], fee_bps, threads=threads)
        record.add(dict(zip(numbers, scores.to_dicts(), strict=True)))
        progress("screening", len(record.trials), len(pairs))


def _best(tried: pl.DataFrame, settings: CrossSettings) -> crosses.Cross:
    """The pair with the highest figure; of equals, the first. A pair that never traded is no candidate.

    Raises:
        RunFailed: none traded.
    """
    traded = tried.filter((pl.col("trades") > 0) & pl.col(settings.rank_by).is_not_null())
    if traded.is_empty():
        raise RunFailed(
            f"none of {tried.height} pairs traded on {settings.symbol}\n  how to go on: try shorter windows"
        )
    row = traded.sort(settings.rank_by, descending=True, maintain_order=True).row(0, named=True)
    return crosses.Cross(row["fast"], row["slow"])


def _fresh(journal: Path) -> Path:
    """The path, with what an earlier, interrupted go left there removed."""
    journal.unlink(missing_ok=True)
    return journal


def _notes(market: Market, bars: Market) -> tuple[str, ...]:
    symbol = bars.symbols[0]
    there = market.bars.filter(pl.col("symbol") == symbol).height
    said = []
    if there > bars.bars.height:
        said.append(
            f"{bars.bars.height} of {there} bars used: the longest stretch of {symbol} without a hole; no average "
            "spans one"
        )
    return (*said, *market.warnings) if market.provenance == "simulated" else tuple(said)

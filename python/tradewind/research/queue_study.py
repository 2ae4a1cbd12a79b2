"""How far each queue model is from the truth, on a recording that says who stood where.

A backtest on depth must guess how cancels at our price split between those ahead of us and those behind. Here the
order ids of an order-by-order recording are hidden and the exchange that backtests use is asked to guess, for two
kinds of orders whose fate is known:

- recorded: every order of the recording, at its own time, price and size;
- joined: an order nobody placed, which joins the best bid and the best ask every few seconds and stays a while. It
  changes nothing for the others, which is also what a backtest assumes. Recorded orders that were filled behind a
  queue are few; these are many.

Models can differ only where others cancel while somebody stands ahead and somebody behind ("contested"). Uncertainty
is that of a block bootstrap over time (Künsch 1989; Carlstein's non-overlapping blocks), since neighbouring orders
share one market.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from tradewind import _native
from tradewind.flow import NS_PER_SECOND, DataRefused
from tradewind.market import L3Sample

EXACT = "exact"
Orders = Literal["recorded", "joined"]
Level = Literal["all", "contested"]

_Floats = npt.NDArray[np.float64]
# Both ends of the central 90 %.
_QUANTILES = (0.05, 0.95)
_BLOCKS_MIN = 4


@dataclass(frozen=True, slots=True)
class Settings:
    """models: `risk_averse`, `power n` (1 to 5), `log unit_lots`. reference: the model others are compared with.

    patience_s: how long after a recorded order filled a model may still fill it. join_every_s, join_lifetime_s,
    join_lots: the joined orders. block_s: length of a bootstrap block, longer than the orders live.
    """

    models: tuple[str, ...] = (
        "risk_averse",
        "power 1",
        "power 2",
        "power 3",
        "power 4",
        "power 5",
        "log 1000000",
        "log 100000000",
    )
    reference: str = "power 2"
    patience_s: int = 600
    join_every_s: int = 5
    join_lifetime_s: int = 300
    join_lots: int = 10_000_000
    block_s: int = 600
    resamples: int = 2_000
    seed: int = 20150501


@dataclass(frozen=True, slots=True)
class QueueStudy:
    """scores: one row per orders (recorded, joined) × level (all, contested) × model, the exact queue first.

    Columns: orders · level · model · count · filled (true) · guessed (fills guessed by the true end; for joined orders
    by the end of their stay) · precision · recall (NaN without a case) · late_share (of the true fills, those guessed
    later or not at all) · fill_error_s, fill_bias_s (mean of |guess - truth| and of guess - truth where both fill) ·
    fill_median_s (median of |guess - truth|) · queue_error, queue_bias (estimated less true quantity ahead, averaged
    over the order's life, absolute and signed, as a share of the quantity ahead at placement; orders with a queue
    only) · versus_reference (queue_error less the reference's). Each of these has `_low` and `_high`, the ends of its
    90 % interval, fill_median_s excepted.
    executions, out_of_turn: trades of the recording, and those that broke price-time priority.
    """

    scores: pl.DataFrame
    executions: int
    out_of_turn: int


def score_queue_models(sample: L3Sample, settings: Settings) -> QueueStudy:
    """Score every model on one recording.

    Raises:
        DataRefused: the recording is shorter than four bootstrap blocks.
        ValueError: a model or a size that the core refuses, or a reference that is not among the models.
    """
    if settings.reference not in settings.models:
        raise ValueError(f"reference {settings.reference!r} is not among the models {settings.models}")
    joiners = (settings.join_every_s * NS_PER_SECOND, settings.join_lifetime_s * NS_PER_SECOND, settings.join_lots)
    shadows, guesses, executions, out_of_turn = _native.queue_study(
        sample.opening, sample.events, list(settings.models), settings.patience_s * NS_PER_SECOND, joiners
    )
    fates = _fates(pl.DataFrame(shadows), pl.DataFrame(guesses), settings)
    draws = _draws(int(fates["block"].max()) + 1, settings)  # type: ignore[arg-type]
    rows: list[dict[str, object]] = []
    groups: Sequence[tuple[Orders, Level]] = (
        ("recorded", "all"),
        ("recorded", "contested"),
        ("joined", "all"),
        ("joined", "contested"),
    )
    for orders, level in groups:
        wanted = pl.col("joined") == (1 if orders == "joined" else 0)
        if level == "contested":
            wanted &= pl.col("contested") == 1
        chosen = fates.filter(wanted)
        reference = _sums(chosen.filter(pl.col("name") == settings.reference), draws)
        for model in (EXACT, *settings.models):
            own = chosen.filter(pl.col("name") == model)
            rows.append({"orders": orders, "level": level, "model": model, **_score(own, reference, draws)})
    return QueueStudy(pl.DataFrame(rows), executions, out_of_turn)


def _fates(shadows: pl.DataFrame, guesses: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """One row per order and model, with what each statistic adds up."""
    if not shadows.height:
        raise DataRefused("no order to study", "the order-by-order recording", "use one with more orders")
    true = shadows.rename({"filled_lots": "true_lots"}).with_columns(pl.int_range(pl.len()).alias("shadow"))
    start = pl.col("placed_ns").min()
    joined = guesses.join(true, on="shadow", how="left", maintain_order="left")
    names = pl.DataFrame(
        {"model": range(-1, len(settings.models)), "name": [EXACT, *settings.models]},
        schema_overrides={"model": pl.Int64},
    )
    late = (pl.col("filled_ns") - pl.col("ended_ns")) / NS_PER_SECOND
    ends = pl.when(pl.col("joined") == 1).then(pl.col("deadline_ns")).otherwise(pl.col("ended_ns"))
    return (
        joined.join(names, on="model", how="left", maintain_order="left")
        .with_columns(
            ((pl.col("placed_ns") - start) // (settings.block_s * NS_PER_SECOND)).alias("block"),
            (pl.col("true_lots") == pl.col("size_lots")).alias("true"),
            ((pl.col("filled_ns") >= 0) & (pl.col("filled_ns") <= ends)).alias("guess"),
            (pl.col("filled_ns") >= 0).alias("ever"),
            late.alias("late_s"),
            (pl.col("ahead_lots") > 0).alias("queued"),
        )
        .with_columns(
            (pl.col("true") & pl.col("guess")).alias("hit"),
            (pl.col("true") & pl.col("ever")).alias("both"),
            (pl.col("true") & ~(pl.col("ever") & (pl.col("late_s") <= 0))).alias("late"),
        )
    )


def _draws(blocks: int, settings: Settings) -> _Floats:
    """How often each block is in each sample: [resamples + 1, blocks]; the first sample is the recording itself."""
    if blocks < _BLOCKS_MIN:
        raise DataRefused(
            f"the recording has {blocks} blocks of {settings.block_s} s, and a bootstrap needs {_BLOCKS_MIN}",
            "the order-by-order recording",
            "use a longer recording or shorter blocks",
        )
    drawn = np.random.default_rng(settings.seed).integers(0, blocks, (settings.resamples, blocks))
    counts = np.stack([np.bincount(row, minlength=blocks) for row in drawn]).astype(np.float64)
    return np.vstack([np.ones(blocks), counts])


def _sums(own: pl.DataFrame, draws: _Floats) -> dict[str, _Floats]:
    """What each statistic is a ratio of, per sample."""
    queued, both = pl.col("queued"), pl.col("both")
    ahead = pl.col("ahead_lots").clip(lower_bound=1)
    parts = {
        "count": pl.len(),
        "true": pl.col("true").sum(),
        "guess": pl.col("guess").sum(),
        "hit": pl.col("hit").sum(),
        "late": pl.col("late").sum(),
        "both": both.sum(),
        "late_s": pl.col("late_s").filter(both).sum(),
        "late_abs_s": pl.col("late_s").filter(both).abs().sum(),
        "queued": queued.sum(),
        "error": (pl.col("ahead_error_lots") / ahead).filter(queued).sum(),
        "bias": (pl.col("ahead_bias_lots") / ahead).filter(queued).sum(),
    }
    by_block = own.group_by("block").agg(**parts).sort("block")
    spread = np.zeros((draws.shape[1], len(parts)))
    spread[by_block["block"].to_numpy()] = by_block.select(*parts).to_numpy()
    return dict(zip(parts, (draws @ spread).T, strict=True))


def _score(own: pl.DataFrame, reference: dict[str, _Floats], draws: _Floats) -> dict[str, object]:
    sums = _sums(own, draws)

    def ratio(of: dict[str, _Floats], part: str, whole: str) -> _Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(of[whole] > 0, of[part] / of[whole], np.nan))

    error = ratio(sums, "error", "queued")
    statistics = {
        "precision": ratio(sums, "hit", "guess"),
        "recall": ratio(sums, "hit", "true"),
        "late_share": ratio(sums, "late", "true"),
        "fill_error_s": ratio(sums, "late_abs_s", "both"),
        "fill_bias_s": ratio(sums, "late_s", "both"),
        "queue_error": error,
        "queue_bias": ratio(sums, "bias", "queued"),
        "versus_reference": error - ratio(reference, "error", "queued"),
    }
    median = own.filter("both")["late_s"].abs().median()
    row: dict[str, object] = {
        "count": int(sums["count"][0]),
        "filled": int(sums["true"][0]),
        "guessed": int(sums["guess"][0]),
        "fill_median_s": float("nan") if median is None else median,
    }
    for name, values in statistics.items():
        resampled = values[1:][np.isfinite(values[1:])]
        low, high = np.quantile(resampled, _QUANTILES) if resampled.size else (np.nan, np.nan)
        row |= {name: float(values[0]), f"{name}_low": float(low), f"{name}_high": float(high)}
    return row


def to_markdown(study: QueueStudy) -> str:
    """One table per group: fills and their times, and the queue in per cent with 90 % intervals."""
    text = [f"{study.executions} executions, {study.out_of_turn} out of turn"]
    for (orders, level), rows in study.scores.partition_by(
        "orders", "level", as_dict=True, maintain_order=True
    ).items():
        text += ["", f"{orders} orders, {level}: {rows['count'][0]}", "", *_table(rows)]
    return "\n".join(text)


def _table(rows: pl.DataFrame) -> list[str]:
    lines = [
        "| model | fills guessed | precision % | recall % | late % | fill error s: mean | median | bias s "
        "| queue error % | queue bias % | error less reference |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows.iter_rows(named=True):
        cells = [
            row["model"],
            f"{row['guessed']} of {row['filled']}",
            *(_number(100 * row[name], ".1f") for name in ("precision", "recall", "late_share")),
            *(_number(row[name], ".2f") for name in ("fill_error_s", "fill_median_s", "fill_bias_s")),
            *(_interval(row, name) for name in ("queue_error", "queue_bias", "versus_reference")),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _number(value: float, form: str) -> str:
    return "–" if np.isnan(value) else f"{value:{form}}"


def _interval(row: Mapping[str, float], name: str) -> str:
    if np.isnan(row[name]):
        return "–"
    return f"{100 * row[name]:+.1f} ({100 * row[f'{name}_low']:+.1f} … {100 * row[f'{name}_high']:+.1f})"

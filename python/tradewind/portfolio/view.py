"""What an allocator may see: one cross-section, frozen at one instant.

A `View` is a value of plain arrays. `view` builds it from bars, forecasts and holdings, reading only rows with
`ts_ns <=` the instant asked for and only closes of the segment each symbol is in at that instant. A symbol that cannot
be measured there is left out and the reason is written down, never filled in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradewind.flow import Holdings, Market

Floats = NDArray[np.float64]
NAMES_SHOWN = 8


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A cross-section of n symbols at `ts_ns`.

    expected_returns: (n,) simple return over the forecast horizon. returns: (T, n) past simple returns, oldest first,
    each over `return_ns`. horizon_returns: the forecast horizon in rows of `returns`. current_weights: (n,) shares of
    equity held, >= 0. cost_bps: (n,) cost of trading one way, basis points of notional. eligible: (n,) bool, false
    where the weight may only fall. frozen: symbol → weight held that cannot be traded at this instant (no bar); it uses
    up budget.

    Raises:
        ValueError: shapes disagree, a value is not finite, a weight is negative, or fewer than two return rows.
    """

    ts_ns: int
    symbols: tuple[str, ...]
    expected_returns: Floats
    returns: Floats
    current_weights: Floats
    cost_bps: Floats
    eligible: NDArray[np.bool_]
    return_ns: int
    horizon_returns: float
    frozen: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.symbols)
        rows: Mapping[str, NDArray[np.float64] | NDArray[np.bool_]] = {
            "expected_returns": self.expected_returns,
            "current_weights": self.current_weights,
            "cost_bps": self.cost_bps,
            "eligible": self.eligible,
        }
        for name, row in rows.items():
            _require(row.shape == (n,), f"{name} has shape {row.shape}, asked for ({n},): one value per symbol")
            _require(bool(np.isfinite(row).all()), f"{name} holds a value that is not finite")
        shape = self.returns.shape
        _require(len(shape) == 2 and shape[1] == n, f"returns has shape {shape}, asked for (T, {n})")
        _require(n == 0 or shape[0] >= 2, f"returns has {shape[0]} rows; a covariance needs at least 2")
        _require(bool(np.isfinite(self.returns).all()), "returns holds a value that is not finite")
        _require(len(set(self.symbols)) == n, "symbols repeat; each may appear once")
        _require(bool((self.current_weights >= 0).all()), "current_weights holds a short; allocators are long or flat")
        _require(bool((self.cost_bps >= 0).all()), "cost_bps holds a negative cost")
        _require(all(w >= 0 for w in self.frozen.values()), "frozen holds a short; allocators are long or flat")
        _require(not set(self.frozen) & set(self.symbols), "a symbol is both frozen and tradable")
        _require(self.return_ns > 0 and self.horizon_returns > 0, "return_ns and horizon_returns must be > 0")

    @property
    def budget(self) -> float:
        """Share of equity that may be invested now: 1 less what is frozen, never below 0."""
        return max(0.0, 1.0 - sum(self.frozen.values()))

    def upper_bounds(self, max_weight: float) -> Floats:
        """(n,) largest allowed weights: `max_weight`, and no more than is held where the symbol is not eligible."""
        held = np.minimum(self.current_weights, max_weight)
        return np.where(self.eligible, max_weight, held)


def view(
    market: Market,
    forecast_rows: pl.DataFrame,
    holdings: Holdings,
    ts_ns: int,
    lookback_bars: int,
    *,
    horizon_bars: int,
    return_bars: int = 1,
) -> View:
    """Everything allocators need at `ts_ns`.

    forecast_rows: columns ts_ns · symbol · expected_return, one model, one row per (ts_ns, symbol); the newest row of
    each symbol counts while its horizon (`horizon_bars`) has not run out. lookback_bars: closes needed in the current
    segment, less one; a multiple of `return_bars`, the bars compounded into one return (1: bar returns; 24 on hourly
    bars: daily).

    A symbol is in the view if it has that history and is either held or both in the universe and forecast. Held without
    a forecast or outside the universe means expected return 0 and not eligible. Held without a bar at `ts_ns` means
    frozen.

    Raises:
        ValueError: lookback does not divide, holdings are from after `ts_ns`, or forecast rows repeat.
    """
    _require(return_bars >= 1, f"return_bars = {return_bars}; asked for at least 1")
    _require(
        lookback_bars >= 2 * return_bars and lookback_bars % return_bars == 0,
        f"lookback_bars = {lookback_bars} is not a multiple (2 or more) of return_bars = {return_bars}",
    )
    _require(holdings.ts_ns <= ts_ns, f"holdings of {holdings.ts_ns} are from after the instant asked for, {ts_ns}")
    expected = _live_forecasts(forecast_rows, ts_ns, horizon_bars * market.bar_ns)
    universe = _universe_at(market, ts_ns)
    trading_now, closes = _closes(market, ts_ns, lookback_bars)
    held = {symbol for symbol, weight in holdings.weights.items() if weight != 0.0}
    wanted = [s for s in market.symbols if s in held or (s in universe and s in expected)]
    symbols = tuple(s for s in wanted if s in closes.columns)
    table = closes.select(symbols).to_numpy() if symbols else np.empty((lookback_bars + 1, 0))
    sampled = table[::return_bars]
    costs = {i.symbol: i.taker_fee_bps + i.half_spread_bps for i in market.instruments}
    return View(
        ts_ns=ts_ns,
        symbols=symbols,
        expected_returns=np.array([expected.get(s, 0.0) for s in symbols], dtype=np.float64),
        returns=sampled[1:] / sampled[:-1] - 1.0,
        current_weights=np.array([holdings.weights.get(s, 0.0) for s in symbols], dtype=np.float64),
        cost_bps=np.array([costs[s] for s in symbols], dtype=np.float64),
        eligible=np.array([s in universe and s in expected for s in symbols], dtype=np.bool_),
        return_ns=return_bars * market.bar_ns,
        horizon_returns=horizon_bars / return_bars,
        frozen={s: holdings.weights[s] for s in sorted(held - trading_now)},
        notes=_notes(
            wanted,
            measured=symbols,
            held=held,
            trading_now=trading_now,
            unforecast=universe - set(expected),
            lookback_bars=lookback_bars,
        ),
    )


def _closes(market: Market, ts_ns: int, lookback_bars: int) -> tuple[set[str], pl.DataFrame]:
    """Symbols with a bar at `ts_ns`, and the closes of those whose segment holds every bar of the lookback."""
    first = ts_ns - lookback_bars * market.bar_ns
    window = market.bars.filter(pl.col("ts_ns").is_between(first, ts_ns)).select("ts_ns", "symbol", "segment", "close")
    now = window.filter(pl.col("ts_ns") == ts_ns)
    same_segment = window.join(now, on=["symbol", "segment"], how="semi")
    whole = same_segment.filter(pl.len().over("symbol") == lookback_bars + 1)
    trading_now = set(now["symbol"].to_list())
    if whole.is_empty():
        return trading_now, pl.DataFrame({"ts_ns": []})
    return trading_now, whole.pivot(on="symbol", index="ts_ns", values="close").sort("ts_ns")


def _live_forecasts(rows: pl.DataFrame, ts_ns: int, horizon_ns: int) -> dict[str, float]:
    live = rows.filter((pl.col("ts_ns") <= ts_ns) & (pl.col("ts_ns") > ts_ns - horizon_ns))
    live = live.select("ts_ns", "symbol", "expected_return").drop_nulls()
    repeated = live.height - live.select("ts_ns", "symbol").n_unique()
    _require(repeated == 0, f"{repeated} forecast rows repeat (ts_ns, symbol); pass the rows of one model")
    newest = live.sort("ts_ns").group_by("symbol", maintain_order=True).last()
    return dict(zip(newest["symbol"].to_list(), newest["expected_return"].to_list(), strict=True))


def _universe_at(market: Market, ts_ns: int) -> set[str]:
    known = market.universe.filter(pl.col("ts_ns") <= ts_ns)
    return set(known.filter(pl.col("ts_ns") == pl.col("ts_ns").max())["symbol"].to_list())


def _notes(
    wanted: Sequence[str],
    *,
    measured: Sequence[str],
    held: set[str],
    trading_now: set[str],
    unforecast: set[str],
    lookback_bars: int,
) -> tuple[str, ...]:
    """Plain sentences for every symbol that was left out or can only fall."""
    short = [s for s in wanted if s not in measured]
    groups = (
        ("left out, no bar at this instant", [s for s in short if s not in trading_now and s not in held]),
        ("held but frozen, no bar at this instant", sorted(held - trading_now)),
        (
            f"left out, fewer than {lookback_bars + 1} bars in the current segment",
            [s for s in short if s in trading_now and s not in held],
        ),
        (
            f"held with fewer than {lookback_bars + 1} bars in the current segment, so to be sold",
            [s for s in short if s in trading_now and s in held],
        ),
        ("in the universe without a live forecast", sorted(unforecast)),
    )
    return tuple(f"{reason}: {_listing(names)}" for reason, names in groups if names)


def _listing(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMES_SHOWN])
    return shown if len(names) <= NAMES_SHOWN else f"{shown} and {len(names) - NAMES_SHOWN} more"


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)

"""A market that never was: seeded hourly bars for when no real data are at hand.

It has what makes real markets hard, so that every stage has work to do: three regimes that switch by a Markov chain
(calm, bull, crisis), Student-t shocks, one market factor and a few sector factors that tie the coins together,
volatility that depends on the regime and the hour, and volume that follows volatility. It holds no alpha beyond the
regimes' drift, and any result on it says nothing about money.

Inside a bar the path is a Brownian bridge between open and close; its highest point given the end points is drawn
from the exact law P(max > m) = exp(-2 m (m - r) / s²) (Karatzas & Shreve 1991, 4.3.40), the lowest by symmetry.
Hamilton (1989) is the model of the regimes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from tradewind.flow import NS_PER_HOUR, Instrument, Market
from tradewind.market.bars import hash_bars, segment_bars
from tradewind.market.costs import estimate_half_spreads
from tradewind.market.grids import step_text
from tradewind.market.universe import UniverseSettings, review_universe

Floats = npt.NDArray[np.float64]

VENUE = "simulated"
QUOTE = "USDT"
START_NS = 1_704_067_200 * 1_000_000_000  # 2024-01-01T00:00:00Z
_MONTH_DAYS = 30.4375
_HOURS_PER_YEAR = 24 * 365


@dataclass(frozen=True, slots=True)
class Regime:
    """drift_per_year: log drift of the market factor. volatility_per_year: its standard deviation. days: mean stay."""

    drift_per_year: float
    volatility_per_year: float
    days: float


REGIMES: tuple[Regime, ...] = (Regime(0.15, 0.40, 25.0), Regime(1.40, 0.55, 20.0), Regime(-2.20, 1.00, 8.0))
_SHOCK_FREEDOM = 4.0
_SECTORS = 4
_SECTOR_SHARE = 0.35
_OWN_SHARE = 0.8


def simulate(
    seed: int, *, coins: int = 26, months: int = 20, start_ns: int = START_NS, universe: UniverseSettings | None = None
) -> Market:
    """Hourly bars of `coins` coins over `months` from `start_ns`; the same arguments give the same market to the byte.

    The largest coin is called BTCUSDT, so that a buy-and-hold line has its usual name; venue and provenance say that
    all of it is simulated. coins and months must be at least 1.
    """
    if coins < 1 or months < 1:
        raise ValueError(f"a market needs at least one coin and one month, got coins={coins}, months={months}")
    settings = universe or UniverseSettings()
    rng = np.random.default_rng(seed)
    hours = round(months * _MONTH_DAYS) * 24
    bars = segment_bars(_bars(rng, hours, coins, start_ns), NS_PER_HOUR)
    return Market(
        bars=bars,
        universe=review_universe(bars, settings, NS_PER_HOUR),
        instruments=_instruments(bars, coins, settings),
        bar_ns=NS_PER_HOUR,
        holes=(),
        provenance="simulated",
        data_hash=hash_bars(bars, NS_PER_HOUR),
        warnings=(
            f"simulated: these prices were drawn with seed {seed}, also those called BTCUSDT; no result on them says "
            "anything about real markets",
        ),
    )


def _symbols(coins: int) -> list[str]:
    return ["BTCUSDT", *(f"SIM{n:02d}USDT" for n in range(2, coins + 1))]


def _first_prices(coins: int) -> Floats:
    """A fixed ladder from 40,000 down to 0.02, so that ticks and lots of every size occur."""
    return np.asarray(40_000.0 * (0.02 / 40_000.0) ** (np.arange(coins) / max(coins - 1, 1)), dtype=np.float64)


def _tick_decimals(coins: int) -> npt.NDArray[np.int64]:
    """Decimals of each tick: five significant digits of the first price, at most ten decimals."""
    return np.asarray(np.clip(4 - np.floor(np.log10(_first_prices(coins))), 0, 10), dtype=np.int64)


def _lot_decimals(coins: int) -> npt.NDArray[np.int64]:
    """Decimals of each lot, so that one lot is worth about 0.1 in quote at the first price."""
    return np.asarray(np.clip(np.ceil(np.log10(_first_prices(coins) / 0.1)), 0, 8), dtype=np.int64)


def _regime_path(rng: np.random.Generator, hours: int) -> npt.NDArray[np.int64]:
    """State of each hour: geometric stays, and a uniform choice among the other states at their ends."""
    path = np.empty(hours, dtype=np.int64)
    state, at = 0, 0
    while at < hours:
        stay = int(rng.geometric(1.0 / (REGIMES[state].days * 24.0)))
        path[at : at + stay] = state
        at += stay
        state = int((state + rng.integers(1, len(REGIMES))) % len(REGIMES))
    return path


def _shocks(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Student-t shocks scaled to variance 1."""
    return np.asarray(rng.standard_t(_SHOCK_FREEDOM, size=shape) / np.sqrt(_SHOCK_FREEDOM / (_SHOCK_FREEDOM - 2.0)))


def _returns(rng: np.random.Generator, hours: int, coins: int) -> tuple[Floats, Floats]:
    """Log returns and their scale, both (hours, coins)."""
    path = _regime_path(rng, hours)
    drift = np.array([r.drift_per_year for r in REGIMES])[path] / _HOURS_PER_YEAR
    volatility = np.array([r.volatility_per_year for r in REGIMES])[path] / np.sqrt(_HOURS_PER_YEAR)
    day = 1.0 + 0.25 * np.sin(2.0 * np.pi * (np.arange(hours) % 24 - 8) / 24.0)
    scale = (volatility * day)[:, None]
    beta = np.concatenate(([1.0], rng.uniform(0.8, 1.6, coins - 1)))
    own = np.concatenate(([0.15], rng.uniform(0.6, 1.4, coins - 1) * _OWN_SHARE))
    sector = np.arange(coins) % _SECTORS
    sector_share = np.where(np.arange(coins) == 0, 0.0, _SECTOR_SHARE)
    market = drift[:, None] + scale * _shocks(rng, (hours, 1))
    sectors = scale * _shocks(rng, (hours, _SECTORS))
    alone = scale * _shocks(rng, (hours, coins))
    spread = scale * np.sqrt(beta**2 + sector_share**2 + own**2)
    # The variance of a coin's own noise would lift its mean simple return; half of it is taken off again.
    pull = 0.5 * (scale * own) ** 2
    return beta * market + sector_share * sectors[:, sector] + own * alone - pull, spread


def _bars(rng: np.random.Generator, hours: int, coins: int, start_ns: int) -> pl.DataFrame:
    returns, scale = _returns(rng, hours, coins)
    after = np.cumsum(returns, axis=0)
    before = np.vstack([np.zeros((1, coins)), after[:-1]])
    variance = scale**2
    up = -np.log(rng.random((hours, coins)) + 1e-300) * 2.0 * variance
    down = -np.log(rng.random((hours, coins)) + 1e-300) * 2.0 * variance
    high = before + 0.5 * (returns + np.sqrt(returns**2 + up))
    low = before + 0.5 * (returns - np.sqrt(returns**2 + down))
    first = _first_prices(coins)
    decimals = _tick_decimals(coins)
    prices = {
        name: _on_grid(first * np.exp(path), decimals)
        for name, path in {"open": before, "high": high, "low": low, "close": after}.items()
    }
    daily_value = 2e9 * 0.75 ** np.arange(coins) + 4e6
    noise = np.exp(0.5 * rng.standard_normal((hours, coins)) - 0.125)
    activity = 0.3 + 0.7 * np.abs(high - low) / scale
    volume = daily_value / 24.0 * activity * noise / prices["close"]
    return pl.DataFrame(
        {
            "ts_ns": np.repeat(start_ns + (np.arange(hours) + 1) * NS_PER_HOUR, coins),
            "symbol": np.tile(np.array(_symbols(coins)), hours),
            **{name: values.ravel() for name, values in prices.items()},
            "volume": _on_grid(volume, _lot_decimals(coins)).ravel(),
        },
        schema_overrides={"ts_ns": pl.Int64, "symbol": pl.String},
    )


def _on_grid(values: Floats, decimals: npt.NDArray[np.int64]) -> Floats:
    """Whole multiples of each column's step, at least one. Rounding is monotone: low <= open, close <= high stays."""
    rounded: Floats = np.empty_like(values)
    for column, places in enumerate(decimals.tolist()):
        rounded[:, column] = np.round(np.maximum(values[:, column], 10.0**-places), places)
    return rounded


def _instruments(bars: pl.DataFrame, coins: int, settings: UniverseSettings) -> tuple[Instrument, ...]:
    symbols = _symbols(coins)
    ticks = {s: step_text(int(d)) for s, d in zip(symbols, _tick_decimals(coins), strict=True)}
    lots: Mapping[str, str] = {s: step_text(int(d)) for s, d in zip(symbols, _lot_decimals(coins), strict=True)}
    spreads = estimate_half_spreads(bars, settings.history_days)
    return tuple(
        Instrument(VENUE, s, s.removesuffix(QUOTE), QUOTE, ticks[s], lots[s], "10", 10.0, 10.0, spreads[s])
        for s in sorted(symbols)
    )

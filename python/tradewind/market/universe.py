"""Which coins may be bought, decided month by month from what was known then.

At 00:00 UTC on the first of each month the coins are ranked by the median dollar volume of their last whole days; the
first `size` of those with enough history are eligible until the next review. A coin must have a bar closing at that
very instant and `history_days` of unbroken bars behind it, so a pair whose data stopped is out at the next review,
and one that resumed after a hole waits until it has a history again. Nothing after the review instant is read: the
universe of bars[:t] is that of all bars up to t.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tradewind.flow import NS_PER_DAY
from tradewind.market.times import month_starts_ns

# Things that are not coins: dollars and other currencies on a chain, and gold. Their prices do not move with crypto, so
# in a cross-section they are arbitrage against a peg, not momentum or risk.
_DOLLARS = (
    "USDC",
    "USDT",
    "BUSD",
    "TUSD",
    "FDUSD",
    "USDP",
    "DAI",
    "USD1",
    "USDE",
    "USDS",
    "PYUSD",
    "GUSD",
    "UST",
    "USTC",
    "SUSD",
    "FRAX",
    "XUSD",
    "BFUSD",
    "RLUSD",
    "USDD",
    "LUSD",
    "VAI",
)
_CURRENCIES = (
    "AEUR",
    "EURI",
    "EURC",
    "EURT",
    "EUR",
    "GBP",
    "TRY",
    "BRL",
    "AUD",
    "RUB",
    "UAH",
    "JPY",
    "ARS",
    "PLN",
    "RON",
    "ZAR",
    "COP",
    "MXN",
    "CZK",
    "BIDR",
    "IDRT",
    "NGN",
    "BVND",
    "BKRW",
)
_GOLD = ("PAXG", "XAUT")
NOT_COINS = frozenset({*_DOLLARS, *_CURRENCIES, *_GOLD})

UNIVERSE_SCHEMA = {"ts_ns": pl.Int64, "symbol": pl.String}


@dataclass(frozen=True, slots=True)
class UniverseSettings:
    """size: coins kept at a review. size_min: fewer than this is warned of. quote: the money all pairs are priced in.

    volume_days: window of the dollar-volume median. history_days: unbroken bars needed before a coin is eligible.
    """

    size: int = 30
    size_min: int = 20
    volume_days: int = 30
    history_days: int = 14
    quote: str = "USDT"


def is_coin_pair(symbol: str, quote: str) -> bool:
    """Whether `symbol` is a coin priced in `quote`: not a stablecoin, a currency or gold."""
    base = symbol.removesuffix(quote)
    return symbol.endswith(quote) and base not in NOT_COINS and base != ""


def review_universe(bars: pl.DataFrame, settings: UniverseSettings, bar_ns: int) -> pl.DataFrame:
    """The eligible coins at each monthly review: ts_ns · symbol, in order of review and then of dollar volume.

    bars: columns ts_ns (close) · symbol · segment · close · volume. A review at which nothing is eligible leaves no
    rows.
    """
    if bars.is_empty():
        return pl.DataFrame(schema=UNIVERSE_SCHEMA)
    first, last = int(bars["ts_ns"].min()), int(bars["ts_ns"].max())  # type: ignore[arg-type]
    blocks = [_review(bars, at, settings, bar_ns) for at in month_starts_ns(first, last)]
    return pl.concat(blocks) if blocks else pl.DataFrame(schema=UNIVERSE_SCHEMA)


def _review(bars: pl.DataFrame, at_ns: int, settings: UniverseSettings, bar_ns: int) -> pl.DataFrame:
    recent = bars.filter(pl.col("ts_ns").is_between(at_ns - settings.volume_days * NS_PER_DAY, at_ns, closed="right"))
    now = recent.filter(pl.col("ts_ns") == at_ns).select("symbol", "segment")
    bars_per_day = NS_PER_DAY // bar_ns
    daily = (
        recent.join(now, on=["symbol", "segment"], how="semi")
        .group_by("symbol", ((at_ns - pl.col("ts_ns")) // NS_PER_DAY).alias("days_ago"))
        .agg((pl.col("close") * pl.col("volume")).sum().alias("dollar_volume"), pl.len().alias("bars"))
        .filter(pl.col("bars") == bars_per_day)
    )
    ranked = (
        daily.group_by("symbol")
        .agg(pl.col("dollar_volume").median(), pl.len().alias("days"))
        .filter(pl.col("days") >= settings.history_days)
        .sort(["dollar_volume", "symbol"], descending=[True, False])
        .head(settings.size)
    )
    return ranked.select(pl.lit(at_ns, pl.Int64).alias("ts_ns"), "symbol")

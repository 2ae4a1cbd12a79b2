"""Costs and execution quality (METRICS group 6): what trading took, and how well it was done.

Every fill's price is compared with the mid at the fill and with the mid when its parent order was decided; signs are
such that a cost is positive. For a taker the cost against mid is split: half the quoted spread (the instrument's
`half_spread_bps`) is the spread, the rest is slippage, which is negative when the price was better than that. A maker's
cost against mid is all spread, and usually negative: the maker earns it. So

    gross PnL (every fill at its mid, no fees) − fees − spread − slippage − funding = net profit.

`fills` is the frame of `cost_of_fills`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from tradewind.analytics.daily import DAYS_PER_YEAR
from tradewind.flow import NS_PER_DAY, NS_PER_SECOND, Instrument, Metric, Undefined

NO_FILLS = Undefined("no fill")
NO_ORDERS = Undefined("no order")
SPOT_ONLY = Undefined("no funding entries in the executions: positions were spot")
IMPACT_COEFFICIENT = 1.0


def cost_of_fills(fills: pl.DataFrame, instruments: Sequence[Instrument]) -> pl.DataFrame:
    """Executions.fills with `notional`, `spread`, `slippage`, `shortfall` in quote (null where not known).

    Without an instrument for its symbol a taker's spread and slippage cannot be told apart: slippage is null and the
    whole cost against mid stands in `spread`.
    """
    half = {i.symbol: i.half_spread_bps for i in instruments}
    sign = pl.when(pl.col("side") == "buy").then(1.0).otherwise(-1.0)
    against_mid = sign * (pl.col("price") - pl.col("mid")) * pl.col("quantity")
    half_bps = pl.col("symbol").replace_strict(half, default=None, return_dtype=pl.Float64)
    quoted = half_bps * 1e-4 * pl.col("mid") * pl.col("quantity")
    is_maker = pl.col("liquidity") == "maker"
    return fills.with_columns(
        notional=pl.col("price") * pl.col("quantity"),
        spread=pl.when(is_maker | half_bps.is_null()).then(against_mid).otherwise(quoted),
        slippage=pl.when(is_maker).then(pl.lit(0.0)).otherwise(against_mid - quoted),
        against_mid=against_mid,
        shortfall=sign * (pl.col("price") - pl.col("decision_price")) * pl.col("quantity"),
    )


def fees_paid(fills: pl.DataFrame) -> Metric:
    """Fees of all fills, in quote at the fill (negative: net rebates)."""
    return float(fills["fee"].sum())


def funding_paid(funding_stated: float) -> Metric:
    """Funding paid on perpetual positions, in quote (negative: received)."""
    return funding_stated


def spread_cost(fills: pl.DataFrame) -> Metric:
    """Half the quoted spread on taker fills, plus makers' cost against mid (negative: earned), in quote."""
    return _total(fills, "spread", "mid price unknown")


def slippage_cost(fills: pl.DataFrame) -> Metric:
    """Taker cost against mid beyond half the quoted spread, in quote (negative: price improvement)."""
    return _total(fills, "slippage", "half spread unknown, so slippage stands within spread_cost")


def total_cost(fills: pl.DataFrame, funding: float) -> Metric:
    """Fees + spread + slippage + funding, in quote: what lies between gross and net PnL."""
    against_mid = _total(fills, "against_mid", "mid price unknown")
    if isinstance(against_mid, Undefined):
        return against_mid
    return float(fills["fee"].sum()) + float(against_mid) + funding


def gross_pnl(net_profit: float, fills: pl.DataFrame, funding: float) -> Metric:
    """Net profit plus total cost, in quote: the PnL had every fill been made at its mid without fees or funding."""
    cost = total_cost(fills, funding)
    return cost if isinstance(cost, Undefined) else net_profit + float(cost)


def gross_vs_net_pct(net_profit: float, fills: pl.DataFrame, funding: float) -> Metric:
    """Total cost as a percent of the absolute gross PnL: above 100, costs turned a gain into a loss."""
    gross = gross_pnl(net_profit, fills, funding)
    if isinstance(gross, Undefined):
        return gross
    if fills.height == 0 or float(gross) == 0.0:
        return NO_FILLS if fills.height == 0 else Undefined("gross PnL is zero")
    return 100.0 * (float(gross) - net_profit) / abs(float(gross))


def maker_ratio(fills: pl.DataFrame) -> Metric:
    """Share of traded value filled as maker (0 to 1)."""
    if fills.height == 0:
        return NO_FILLS
    maker = fills.filter(pl.col("liquidity") == "maker")["notional"].sum()
    return float(maker) / float(fills["notional"].sum())


def fill_rate(orders: pl.DataFrame) -> Metric:
    """Mean over orders of filled over ordered quantity (0 to 1)."""
    return float(np.mean(_filled_share(orders))) if orders.height else NO_ORDERS


def partial_fill_rate(orders: pl.DataFrame) -> Metric:
    """Share of orders that ended with some, but not all, of their quantity filled (0 to 1)."""
    if not orders.height:
        return NO_ORDERS
    share = _filled_share(orders)
    return float(np.mean((share > 0.0) & (share < 1.0 - 1e-9)))


def rejects(orders: pl.DataFrame) -> Metric:
    """Orders that the venue rejected."""
    return _ended(orders, "reject")


def cancels(orders: pl.DataFrame) -> Metric:
    """Orders that ended cancelled."""
    return _ended(orders, "cancel")


def timeouts(orders: pl.DataFrame) -> Metric:
    """Orders that expired, never arrived, or whose fate is still unknown."""
    return _ended(orders, r"expire|timeout|neverarrived|^unknown\b")


def refusals(refused: pl.DataFrame) -> Metric:
    """Intents that the pre-trade limits refused, so that no order was sent."""
    return refused.height


def avg_queue_wait(orders: pl.DataFrame, fills: pl.DataFrame) -> Metric:
    """Mean time from an order's start to its first maker fill, in seconds."""
    first = (
        fills.filter(pl.col("liquidity") == "maker")
        .group_by("order_id", maintain_order=True)
        .agg(pl.col("ts_ns").min().alias("fill_ns"))
    )
    waits = orders.join(first, on="order_id", how="inner").select(wait=pl.col("fill_ns") - pl.col("ts_ns"))["wait"]
    return float(waits.to_numpy().mean()) / NS_PER_SECOND if len(waits) else Undefined("no maker fill")


def implementation_shortfall_bps(fills: pl.DataFrame) -> Metric:
    """Cost of fill prices against the mid when the parent was decided, over decision value, in bps (Perold 1988).

    Of what was filled, without fees; what was never filled is not priced.
    """
    if fills.height == 0:
        return NO_FILLS
    cost = _total(fills, "shortfall", "decision price unknown")
    if isinstance(cost, Undefined):
        return cost
    return 1e4 * float(cost) / float((fills["decision_price"] * fills["quantity"]).sum())


def cost_per_traded_bps(fills: pl.DataFrame, funding: float) -> Metric:
    """Total cost over traded value, in bps: compare with break_even_cost_bps."""
    cost = total_cost(fills, funding)
    if fills.height == 0 or isinstance(cost, Undefined):
        return NO_FILLS if fills.height == 0 else cost
    return 1e4 * float(cost) / float(fills["notional"].sum())


def traded_value(fills: pl.DataFrame) -> Metric:
    """Sum of price × quantity over all fills, buys and sells, in quote."""
    return float(fills["notional"].sum())


def turnover(fills: pl.DataFrame, mean_equity: float, elapsed_days: float) -> Metric:
    """Traded value (both sides) over mean equity, per year of 365 days."""
    if elapsed_days < 1.0:
        return Undefined("the run is shorter than one day")
    if mean_equity <= 0.0:
        return Undefined("mean equity is not positive")
    return float(fills["notional"].sum()) / mean_equity * DAYS_PER_YEAR / elapsed_days


def break_even_cost_bps(net_profit: float, fills: pl.DataFrame, funding: float) -> Metric:
    """Cost per traded value at which net profit is zero: gross PnL over traded value, in bps."""
    gross = gross_pnl(net_profit, fills, funding)
    if fills.height == 0 or isinstance(gross, Undefined):
        return NO_FILLS if fills.height == 0 else gross
    return 1e4 * float(gross) / float(fills["notional"].sum())


def capacity_usd(net_profit: float, start_equity: float, fills: pl.DataFrame, liquidity: pl.DataFrame) -> Metric:
    """Start equity, in quote, at which square-root market impact would eat the whole net profit.

    Impact of a symbol's traded value q in a day, as a share of it: σ √(q / V), with σ its daily volatility and V its
    median daily traded value (the square-root law: Torre & Ferrari 1997; Almgren et al. 2005). Scaling the account by k
    scales profit by k and impact cost by k^1.5, so k = (net profit / impact cost at k = 1)². What the run already paid
    as slippage stays in net profit, so this errs on the low side. liquidity: symbol · sigma · value.
    """
    if fills.height == 0:
        return NO_FILLS
    if net_profit <= 0.0:
        return Undefined("no net profit to scale")
    traded = fills.group_by("symbol", (pl.col("ts_ns") // NS_PER_DAY).alias("day"), maintain_order=True).agg(
        pl.col("notional").sum()
    )
    known = traded.join(liquidity, on="symbol", how="left")
    usable = known.filter((pl.col("value") > 0.0) & pl.col("sigma").is_not_null())
    if usable.height < known.height:
        missing = sorted(set(known["symbol"]) - set(usable["symbol"]))
        return Undefined(f"no daily volume for {', '.join(missing[:5])}")
    impact = usable.select(
        (
            IMPACT_COEFFICIENT * pl.col("sigma") * pl.col("notional") * (pl.col("notional") / pl.col("value")).sqrt()
        ).sum()
    ).item()
    return start_equity * (net_profit / float(impact)) ** 2 if impact > 0.0 else Undefined("no impact to scale")


def daily_liquidity(bars: pl.DataFrame) -> pl.DataFrame:
    """Per symbol: `sigma`, daily volatility of close-to-close returns; `value`, median daily traded value in quote."""
    by_day = (
        bars.with_columns(day=(pl.col("ts_ns") - 1) // NS_PER_DAY)
        .group_by("symbol", "day", maintain_order=True)
        .agg(pl.col("close").last(), (pl.col("close") * pl.col("volume")).sum().alias("value"))
        .sort("symbol", "day")
        .with_columns(
            change=pl.when(pl.col("day").diff().over("symbol") == 1).then(pl.col("close").pct_change().over("symbol"))
        )
    )
    return by_day.group_by("symbol", maintain_order=True).agg(
        pl.col("change").std().alias("sigma"), pl.col("value").median().alias("value")
    )


def _total(fills: pl.DataFrame, column: str, why_unknown: str) -> Metric:
    unknown = fills[column].null_count()
    if unknown:
        return Undefined(f"{why_unknown} for {unknown} of {fills.height} fills")
    return float(fills[column].sum())


def _filled_share(orders: pl.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return (orders["filled"] / orders["quantity"]).to_numpy().astype(np.float64)


def _ended(orders: pl.DataFrame, pattern: str) -> Metric:
    """Orders whose final state or reason names one of the words in `pattern`."""
    words = (
        pl.concat_str("state", "reason", separator=" ", ignore_nulls=True).str.to_lowercase().str.replace_all("_", "")
    )
    return orders.filter(words.str.contains(pattern)).height

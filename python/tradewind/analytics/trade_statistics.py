"""Trade statistics (METRICS group 5), over *closed* round trips (see round_trips); one function per metric.

`trips` is the frame of closed trips in the order they were closed; a win has net PnL > 0, a loss < 0, after fees. Money
is in quote, holding times in hours.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from tradewind.analytics.daily import FloatArray
from tradewind.analytics.performance import varies
from tradewind.flow import NS_PER_HOUR, Metric, Undefined

NO_TRADES = Undefined("no closed trade")
NO_WIN = Undefined("no winning trade")
NO_LOSS = Undefined("no losing trade")


def pnl_of(trips: pl.DataFrame) -> FloatArray:
    """Net PnL of each trip."""
    return trips["net_pnl"].to_numpy().astype(np.float64)


def trades(trips: pl.DataFrame) -> Metric:
    """Number of closed round trips (flat to flat, per symbol)."""
    return trips.height


def trades_open(all_trips: pl.DataFrame) -> Metric:
    """Round trips still open at the end; they count in equity, not in the statistics of this group."""
    return all_trips.filter(pl.col("state") == "open").height


def trades_per_day(trips: pl.DataFrame, elapsed_days: float) -> Metric:
    """Closed round trips over calendar days of the run."""
    return trips.height / elapsed_days if elapsed_days > 0.0 else Undefined("the run has no duration")


def win_rate_pct(trips: pl.DataFrame) -> Metric:
    """Share of closed trades with net PnL above zero, in percent."""
    return 100.0 * float(np.mean(pnl_of(trips) > 0.0)) if trips.height else NO_TRADES


def profit_factor(trips: pl.DataFrame) -> Metric:
    """Sum of net wins over the absolute sum of net losses."""
    if not trips.height:
        return NO_TRADES
    pnl = pnl_of(trips)
    lost = float(-pnl[pnl < 0.0].sum())
    return float(pnl[pnl > 0.0].sum()) / lost if lost > 0.0 else NO_LOSS


def expectancy(trips: pl.DataFrame) -> Metric:
    """Mean net PnL of a closed trade, in quote."""
    return float(np.mean(pnl_of(trips))) if trips.height else NO_TRADES


def expectancy_ratio(trips: pl.DataFrame) -> Metric:
    """Expectancy over the absolute average loss: what a trade earns per unit lost when it loses."""
    loss = avg_loss(trips)
    return loss if isinstance(loss, Undefined) else float(np.mean(pnl_of(trips))) / abs(float(loss))


def avg_win(trips: pl.DataFrame) -> Metric:
    """Mean net PnL of winning trades, in quote."""
    return _mean_of(trips, pl.col("net_pnl") > 0.0, "net_pnl", NO_WIN)


def avg_loss(trips: pl.DataFrame) -> Metric:
    """Mean net PnL of losing trades, in quote (negative)."""
    return _mean_of(trips, pl.col("net_pnl") < 0.0, "net_pnl", NO_LOSS)


def payoff_ratio(trips: pl.DataFrame) -> Metric:
    """Average win over the absolute average loss."""
    win, loss = avg_win(trips), avg_loss(trips)
    if isinstance(win, Undefined):
        return win
    return loss if isinstance(loss, Undefined) else float(win) / abs(float(loss))


def largest_win(trips: pl.DataFrame) -> Metric:
    """Highest net PnL of a winning trade, in quote."""
    pnl = pnl_of(trips)
    return float(pnl.max()) if (pnl > 0.0).any() else (NO_WIN if trips.height else NO_TRADES)


def largest_loss(trips: pl.DataFrame) -> Metric:
    """Lowest net PnL of a losing trade, in quote (negative)."""
    pnl = pnl_of(trips)
    return float(pnl.min()) if (pnl < 0.0).any() else (NO_LOSS if trips.height else NO_TRADES)


def max_consec_wins(trips: pl.DataFrame) -> Metric:
    """Longest run of winning trades in closing order."""
    return _longest_run(pnl_of(trips) > 0.0) if trips.height else NO_TRADES


def max_consec_losses(trips: pl.DataFrame) -> Metric:
    """Longest run of losing trades in closing order."""
    return _longest_run(pnl_of(trips) < 0.0) if trips.height else NO_TRADES


def avg_holding(trips: pl.DataFrame) -> Metric:
    """Mean time from entry to exit of a closed trade, in hours."""
    return _hours(_mean_of(trips, pl.lit(True), "holding_ns", NO_TRADES))


def avg_holding_win(trips: pl.DataFrame) -> Metric:
    """Mean holding time of winning trades, in hours."""
    return _hours(_mean_of(trips, pl.col("net_pnl") > 0.0, "holding_ns", NO_WIN))


def avg_holding_loss(trips: pl.DataFrame) -> Metric:
    """Mean holding time of losing trades, in hours."""
    return _hours(_mean_of(trips, pl.col("net_pnl") < 0.0, "holding_ns", NO_LOSS))


def sqn(trips: pl.DataFrame) -> Metric:
    """System quality number: √n × mean / deviation (ddof = 1) of net PnL per trade (Van Tharp; n is not capped)."""
    pnl = pnl_of(trips)
    if len(pnl) < 2:
        return Undefined("fewer than 2 closed trades")
    if not varies(pnl):
        return Undefined("trade results do not vary")
    return float(np.sqrt(len(pnl)) * np.mean(pnl) / np.std(pnl, ddof=1))


def mae(trips: pl.DataFrame) -> Metric:
    """Maximum adverse excursion: mean over closed trades of the worst price while open against entry, in percent."""
    return _mean_of(trips, pl.lit(True), "mae_pct", NO_TRADES)


def mfe(trips: pl.DataFrame) -> Metric:
    """Maximum favourable excursion: mean over closed trades of the best price while open against entry, in percent."""
    return _mean_of(trips, pl.lit(True), "mfe_pct", NO_TRADES)


def trades_long(trips: pl.DataFrame) -> Metric:
    """Closed trades that were long."""
    return _of(trips, "long").height


def trades_short(trips: pl.DataFrame) -> Metric:
    """Closed trades that were short."""
    return _of(trips, "short").height


def net_profit_long(trips: pl.DataFrame) -> Metric:
    """Net PnL of closed long trades, in quote."""
    own = _of(trips, "long")
    return float(pnl_of(own).sum()) if own.height else Undefined("no closed long trade")


def net_profit_short(trips: pl.DataFrame) -> Metric:
    """Net PnL of closed short trades, in quote."""
    own = _of(trips, "short")
    return float(pnl_of(own).sum()) if own.height else Undefined("no closed short trade")


def win_rate_long_pct(trips: pl.DataFrame) -> Metric:
    """Share of closed long trades with net PnL above zero, in percent."""
    own = _of(trips, "long")
    return win_rate_pct(own) if own.height else Undefined("no closed long trade")


def win_rate_short_pct(trips: pl.DataFrame) -> Metric:
    """Share of closed short trades with net PnL above zero, in percent."""
    own = _of(trips, "short")
    return win_rate_pct(own) if own.height else Undefined("no closed short trade")


def _of(trips: pl.DataFrame, direction: str) -> pl.DataFrame:
    return trips.filter(pl.col("direction") == direction)


def _mean_of(trips: pl.DataFrame, rows: pl.Expr, column: str, otherwise: Undefined) -> Metric:
    if not trips.height:
        return NO_TRADES
    own = trips.filter(rows)[column].to_numpy().astype(np.float64)
    return float(np.mean(own)) if len(own) else otherwise


def _hours(value: Metric) -> Metric:
    return value if isinstance(value, Undefined) else float(value) / NS_PER_HOUR


def _longest_run(hits: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> int:
    longest = current = 0
    for hit in hits.tolist():
        current = current + 1 if hit else 0
        longest = max(longest, current)
    return longest

"""What is to be predicted: the simple return from one bar close to `horizon_bars` closes later, within one segment."""

from __future__ import annotations

import polars as pl

from tradewind.flow import Market

# Fewer symbols than this at an instant make no cross-section to rank.
LEAST_SYMBOLS = 5


def forward_returns(market: Market, horizon_bars: int) -> pl.DataFrame:
    """Columns ts_ns, symbol, realised_return, sorted by (ts_ns, symbol).

    Null where the segment ends within the horizon. The value at ts_ns is known `horizon_bars` later, not before.
    """
    later = pl.col("close").shift(-horizon_bars).over("symbol", "segment", order_by="ts_ns")
    return market.bars.select("ts_ns", "symbol", (later / pl.col("close") - 1).alias("realised_return")).sort(
        "ts_ns", "symbol"
    )


def rank_target(realised: pl.Expr) -> pl.Expr:
    """The training target: rank of the return among symbols at its instant, with mean 0 and about unit variance.

    What the market does as a whole is taken out, because it cannot be learned from a few hundred days; ranks, because
    one coin that doubles should not outvote the rest. Null where fewer than LEAST_SYMBOLS have a return.
    """
    count = realised.count().over("ts_ns")
    rank = realised.rank("average").over("ts_ns")
    return pl.when(count >= LEAST_SYMBOLS).then(((rank - 0.5) / count - 0.5) * 12**0.5)

"""The frames behind the report's tables and charts; every number here agrees with a metric or is one of its parts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from tradewind.analytics.daily import DAYS_PER_YEAR, Daily, FloatArray, step_returns
from tradewind.analytics.performance import cagr_pct, sharpe, total_return_pct
from tradewind.analytics.risk_measures import drawdown_path, max_drawdown_pct, utc_date, volatility_ann_pct
from tradewind.analytics.round_trips import Marks, base_fee_quantity
from tradewind.flow import NS_PER_DAY, Forecast, Hole, Metric, Undefined

CANDLE_SYMBOLS = 3
MAX_CANDLES = 400

CRISES = (
    ("March 2020 liquidity crash", "2020-03-08", "2020-03-16"),
    ("May 2021 sell-off", "2021-05-12", "2021-05-23"),
    ("Terra / LUNA collapse", "2022-05-07", "2022-05-13"),
    ("Celsius and 3AC deleveraging", "2022-06-10", "2022-06-19"),
    ("FTX collapse", "2022-11-06", "2022-11-14"),
    ("USDC depeg, SVB", "2023-03-09", "2023-03-13"),
    ("Yen carry unwind", "2024-08-01", "2024-08-06"),
    ("Bybit hack", "2025-02-21", "2025-02-28"),
    ("US tariff shock", "2025-04-02", "2025-04-08"),
    ("October 2025 liquidation cascade", "2025-10-09", "2025-10-12"),
)


def per_symbol(
    symbols: tuple[str, ...], fills: pl.DataFrame, trips: pl.DataFrame, marks: Mapping[str, Marks]
) -> pl.DataFrame:
    """One row per symbol of the run: PnL from cash flows plus what is still held at its last mark.

    Columns: symbol · net_pnl · gross_pnl · fees · spread_slippage · traded_value · trades · win_rate_pct · held_value ·
    cost_bps; ordered by net_pnl, symbols never traded last. The sum of net_pnl is the run's net profit before funding.
    """
    sign = pl.when(pl.col("side") == "buy").then(1.0).otherwise(-1.0)
    is_base_fee = pl.col("base_fee") > 0.0
    flows = (
        fills.with_columns(base_fee=base_fee_quantity())
        .group_by("symbol", maintain_order=True)
        .agg(
            (-sign * pl.col("notional") - pl.when(is_base_fee).then(0.0).otherwise(pl.col("fee"))).sum().alias("cash"),
            (sign * pl.col("quantity") - pl.col("base_fee")).sum().alias("held"),
            pl.col("fee").sum().alias("fees"),
            pl.col("against_mid").sum().alias("spread_slippage"),
            pl.col("notional").sum().alias("traded_value"),
            pl.col("price").last().alias("last_price"),
        )
    )
    closed = trips.filter(pl.col("state") == "closed").group_by("symbol", maintain_order=True)
    counted = closed.agg(pl.len().alias("trades"), (100.0 * (pl.col("net_pnl") > 0.0).mean()).alias("win_rate_pct"))
    last = pl.DataFrame(
        {"symbol": list(marks), "mark": [float(m.price[-1]) for m in marks.values()]},
        schema={"symbol": pl.String, "mark": pl.Float64},
    )
    joined = (
        pl.DataFrame({"symbol": sorted({*symbols, *fills["symbol"]})}, schema={"symbol": pl.String})
        .join(flows, on="symbol", how="left")
        .join(counted, on="symbol", how="left")
        .join(last, on="symbol", how="left")
        .with_columns(held_value=pl.col("held") * pl.coalesce("mark", "last_price"))
        .with_columns(net_pnl=pl.col("cash") + pl.col("held_value"))
    )
    traded = pl.col("traded_value").is_not_null()
    return (
        joined.with_columns(
            gross_pnl=pl.col("net_pnl") + pl.col("fees") + pl.col("spread_slippage"),
            cost_bps=1e4 * (pl.col("fees") + pl.col("spread_slippage")) / pl.col("traded_value"),
            trades=pl.col("trades").fill_null(0).cast(pl.Int64),
        )
        .with_columns(
            pl.when(traded).then(pl.col(name)).otherwise(0.0).alias(name)
            for name in ("net_pnl", "gross_pnl", "fees", "spread_slippage", "traded_value", "held_value")
        )
        .sort(pl.col("traded_value") > 0.0, "net_pnl", "symbol", descending=[True, True, False])
        .select(
            "symbol",
            "net_pnl",
            "gross_pnl",
            "fees",
            "spread_slippage",
            "traded_value",
            "trades",
            "win_rate_pct",
            "held_value",
            "cost_bps",
        )
    )


def monthly(daily: Daily) -> pl.DataFrame:
    """Return of each calendar month (UTC): year · month · return_pct; the first and last month may be partial."""
    closes = pl.DataFrame(
        {
            "day": pl.Series(daily.day).cast(pl.Int32).cast(pl.Date),
            "equity": daily.equity,
            "order": range(len(daily.day)),
        }
    )
    ends = (
        closes.slice(1)
        .group_by(pl.col("day").dt.year().alias("year"), pl.col("day").dt.month().alias("month"), maintain_order=True)
        .agg(pl.col("equity").last(), pl.col("order").last())
        .sort("order")
    )
    before = pl.col("equity").shift(1).fill_null(float(daily.equity[0]))
    return ends.select(
        pl.col("year").cast(pl.Int64),
        pl.col("month").cast(pl.Int64),
        pl.when(before > 0.0).then(100.0 * (pl.col("equity") / before - 1.0)).alias("return_pct"),
    )


def compared(daily: Daily, lines: Mapping[str, FloatArray | Undefined], risk_free_daily: float) -> pl.DataFrame:
    """The run and each benchmark by the same yardstick; null where a figure is undefined.

    Columns: name · total_return_pct · cagr_pct · volatility_ann_pct · sharpe · max_drawdown_pct · end_equity · note.
    """
    rows: list[dict[str, object]] = []
    for name, line in lines.items():
        if isinstance(line, Undefined):
            rows.append({"name": name, "note": line.reason})
            continue
        returns = step_returns(line, daily)
        found: dict[str, Metric] = {
            "total_return_pct": total_return_pct(line),
            "cagr_pct": cagr_pct(line, daily.elapsed_days),
            "volatility_ann_pct": volatility_ann_pct(returns),
            "sharpe": sharpe(returns, risk_free_daily),
            "max_drawdown_pct": max_drawdown_pct(line),
        }
        known = {k: None if isinstance(v, Undefined) else v for k, v in found.items()}
        rows.append({"name": name, "end_equity": float(line[-1]), "note": "", **known})
    numbers = ("total_return_pct", "cagr_pct", "volatility_ann_pct", "sharpe", "max_drawdown_pct", "end_equity")
    return pl.DataFrame(rows, schema={"name": pl.String, **dict.fromkeys(numbers, pl.Float64), "note": pl.String})


def hole_table(holes: tuple[Hole, ...]) -> pl.DataFrame:
    """Data holes by time and symbol: symbol · from_ns · to_ns · missing_bars."""
    return pl.DataFrame(
        [(h.symbol, h.from_ns, h.to_ns, h.missing_bars) for h in holes],
        schema={"symbol": pl.String, "from_ns": pl.Int64, "to_ns": pl.Int64, "missing_bars": pl.Int64},
        orient="row",
    ).sort("from_ns", "to_ns", "symbol")


def crises(daily: Daily, benchmark: FloatArray | Undefined) -> pl.DataFrame:
    """Return and drawdown within the known market crises that the run covers whole.

    Columns: name · start · end · return_pct · max_drawdown_pct · benchmark_return_pct (null without a benchmark).
    """
    days = [utc_date(int(t)) for t in daily.ts_ns]
    rows = []
    for name, start, end in CRISES:
        inside = [i for i, d in enumerate(days) if start <= d <= end and i > 0]
        if not inside or days[1] > start or days[-1] < end:
            continue
        window = slice(inside[0] - 1, inside[-1] + 1)
        own = daily.equity[window]
        reference = None if isinstance(benchmark, Undefined) else total_return_pct(benchmark[window])
        rows.append((name, start, end, total_return_pct(own), max_drawdown_pct(own), reference))
    columns = ("return_pct", "max_drawdown_pct", "benchmark_return_pct")
    schema = {"name": pl.String, "start": pl.String, "end": pl.String, **dict.fromkeys(columns, pl.Float64)}
    return pl.DataFrame(rows, schema=schema, orient="row")


def rolling_window(days: int) -> int:
    """Days in a rolling statistic: 30 for runs under eight months, else 90."""
    return 30 if days < 240 else 90


def rolling(daily: Daily, benchmark_returns: FloatArray | Undefined) -> dict[str, pl.DataFrame]:
    """Rolling Sharpe, annual volatility in percent and beta over `rolling_window` kept days; empty for short runs."""
    window = rolling_window(len(daily.returns))
    if len(daily.returns) < window + 5:
        return {}
    views = np.lib.stride_tricks.sliding_window_view(daily.returns, window)
    at = daily.return_ns[window - 1 :]
    mean, deviation = views.mean(axis=1), views.std(axis=1, ddof=1)
    moves = deviation > 1e-12
    year = np.sqrt(DAYS_PER_YEAR)
    found = {
        "rolling_sharpe": _series(at[moves], mean[moves] / deviation[moves] * year),
        "rolling_volatility_pct": _series(at, 100.0 * deviation * year),
    }
    if not isinstance(benchmark_returns, Undefined):
        other = np.lib.stride_tricks.sliding_window_view(benchmark_returns, window)
        centred = other - other.mean(axis=1, keepdims=True)
        spread = (centred**2).sum(axis=1)
        usable = spread > 1e-18
        slope = (centred * views).sum(axis=1)[usable] / spread[usable]
        found["rolling_beta"] = _series(at[usable], slope)
    return found


def learning_by_fold(forecast: Forecast) -> pl.DataFrame:
    """The forecast stage's diagnostics joined with the dates of each fold (null for fold −1, all folds)."""
    folds = pl.DataFrame(
        [(f.number, f.test_start_ns, f.test_end_ns, f.train_rows) for f in forecast.folds],
        schema={"fold": pl.Int64, "test_start_ns": pl.Int64, "test_end_ns": pl.Int64, "train_rows": pl.Int64},
        orient="row",
    )
    return forecast.diagnostics.with_columns(pl.col("fold").cast(pl.Int64)).join(folds, on="fold", how="left")


def candles(bars: pl.DataFrame, fills: pl.DataFrame, start_ns: int, end_ns: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Candles of the most traded symbols within the run, and their fills gathered per candle and side.

    Returns candles (symbol · ts_ns · open · high · low · close; at most `MAX_CANDLES` each) and trades (symbol ·
    ts_ns · side · price (mean, weighted by quantity) · notional).
    """
    traded = (
        fills.group_by("symbol", maintain_order=True)
        .agg(pl.col("notional").sum())
        .sort(["notional", "symbol"], descending=[True, False])
    )
    chosen = traded["symbol"].head(CANDLE_SYMBOLS).to_list()
    width = _candle_ns(end_ns - start_ns)
    close_ns = ((pl.col("ts_ns") - 1) // width + 1) * width
    inside = bars.filter(pl.col("symbol").is_in(chosen), pl.col("ts_ns") > start_ns, pl.col("ts_ns") <= end_ns)
    shaped = (
        inside.with_columns(ts_ns=close_ns)
        .group_by("symbol", "ts_ns", maintain_order=True)
        .agg(pl.col("open").first(), pl.col("high").max(), pl.col("low").min(), pl.col("close").last())
        .sort("symbol", "ts_ns")
    )
    marks = (
        fills.filter(pl.col("symbol").is_in(chosen))
        .with_columns(ts_ns=close_ns)
        .group_by("symbol", "ts_ns", "side", maintain_order=True)
        .agg((pl.col("notional").sum() / pl.col("quantity").sum()).alias("price"), pl.col("notional").sum())
        .sort("symbol", "ts_ns", "side")
    )
    order = {symbol: place for place, symbol in enumerate(chosen)}
    by_rank = pl.col("symbol").replace_strict(order, return_dtype=pl.Int64, default=len(order))
    return shaped.sort(by_rank, "ts_ns"), marks


def lines(daily: Daily, benchmarks: Mapping[str, FloatArray | Undefined]) -> dict[str, pl.DataFrame]:
    """Daily equity, drawdown in percent, daily returns, and each benchmark's equity, as (ts_ns, value) frames."""
    found = {
        "equity": _series(daily.ts_ns, daily.equity),
        "drawdown_pct": _series(daily.ts_ns, 100.0 * drawdown_path(daily.equity)),
        "returns": _series(daily.return_ns, daily.returns),
    }
    for name, line in benchmarks.items():
        if not isinstance(line, Undefined):
            found[f"benchmark:{name}"] = _series(daily.ts_ns, line)
    return found


def _series(ts_ns: np.ndarray[tuple[int], np.dtype[np.int64]], value: FloatArray) -> pl.DataFrame:
    return pl.DataFrame({"ts_ns": ts_ns, "value": value}, schema={"ts_ns": pl.Int64, "value": pl.Float64})


def _candle_ns(duration_ns: int) -> int:
    """The shortest usual candle width that shows the run in at most `MAX_CANDLES` candles."""
    minute = NS_PER_DAY // 1_440
    widths = (minute // 60, minute // 6, minute, 5 * minute, 15 * minute, 60 * minute, 240 * minute, NS_PER_DAY)
    fitting = [w for w in widths if duration_ns / w <= MAX_CANDLES]
    return fitting[0] if fitting else -(-duration_ns // (MAX_CANDLES * NS_PER_DAY)) * NS_PER_DAY

"""A small exact paper account, so that every report is measured on books that were kept independently of it.

`trade` walks bars with an explicit cash-and-quantity ledger and writes Executions; `synthetic_bars` makes a seeded
market with regimes and fat tails. Tests take them through the fixture `world`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from tradewind.flow import NS_PER_DAY, NS_PER_HOUR, Executions, Fold, Forecast, Hole, Instrument, RunFacts

START_NS = 1_704_067_200_000_000_000  # 2024-01-01T00:00:00Z

EQUITY = {
    "ts_ns": pl.Int64,
    "equity": pl.Float64,
    "cash": pl.Float64,
    "gross_exposure": pl.Float64,
    "net_exposure": pl.Float64,
}
FILLS = {
    "ts_ns": pl.Int64,
    "symbol": pl.String,
    "order_id": pl.String,
    "side": pl.String,
    "price": pl.Float64,
    "quantity": pl.Float64,
    "fee": pl.Float64,
    "fee_asset": pl.String,
    "liquidity": pl.String,
    "mid": pl.Float64,
    "decision_price": pl.Float64,
}
ORDERS = {
    "ts_ns": pl.Int64,
    "order_id": pl.String,
    "symbol": pl.String,
    "side": pl.String,
    "kind": pl.String,
    "quantity": pl.Float64,
    "filled": pl.Float64,
    "state": pl.String,
    "reason": pl.String,
    "done_ns": pl.Int64,
}
REFUSALS = {"ts_ns": pl.Int64, "symbol": pl.String, "reason": pl.String}
POSITIONS = {"ts_ns": pl.Int64, "symbol": pl.String, "quantity": pl.Float64, "mark": pl.Float64}


@dataclass(frozen=True)
class Costs:
    """Costs of the paper account, in basis points; fee_asset 'quote' or 'base'."""

    taker_bps: float = 10.0
    maker_bps: float = 2.0
    half_spread_bps: float = 2.0
    slippage_bps: float = 1.5
    fee_asset: str = "quote"


def instrument(symbol: str, costs: Costs = Costs()) -> Instrument:
    return Instrument(
        "binance",
        symbol,
        symbol.removesuffix("USDT"),
        "USDT",
        "0.01",
        "0.0001",
        "5",
        costs.maker_bps,
        costs.taker_bps,
        costs.half_spread_bps,
    )


def synthetic_bars(
    seed: int = 7, symbols: int = 8, days: int = 300, start_ns: int = START_NS, drift: float = 0.0
) -> pl.DataFrame:
    """Hourly bars of correlated symbols with two volatility regimes and Student-t shocks."""
    chance = np.random.default_rng(seed)
    hours = days * 24
    calm = chance.random(days) < 0.8
    scale = np.repeat(np.where(calm, 0.004, 0.010), 24)
    common = chance.standard_t(4, hours) * scale * 0.6
    names = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "ADAUSDT", "XRPUSDT", "DOTUSDT", "LTCUSDT", "LINKUSDT"]
    names += [f"C{i:02d}USDT" for i in range(len(names), symbols)]
    ts = start_ns + NS_PER_HOUR * np.arange(0, hours + 1)
    parts = []
    for place, name in enumerate(names[:symbols]):
        own = chance.standard_t(4, hours) * scale * 0.7
        slow = np.repeat(np.sin(np.arange(days) / (9 + place) + place), 24) * 0.0008
        log_price = np.concatenate(([0.0], np.cumsum(common + own + slow + drift)))
        close = 100.0 * (place + 1) * np.exp(log_price)
        open_ = np.concatenate(([close[0]], close[:-1]))
        width = 1.0 + np.abs(chance.normal(0, 0.002, hours + 1))
        parts.append(
            pl.DataFrame(
                {
                    "ts_ns": ts,
                    "symbol": name,
                    "segment": 0,
                    "open": open_,
                    "high": np.maximum(open_, close) * width,
                    "low": np.minimum(open_, close) / width,
                    "close": close,
                    "volume": chance.lognormal(6, 1, hours + 1),
                }
            )
        )
    return pl.concat(parts).sort("ts_ns", "symbol")


def momentum_weights(bars: pl.DataFrame, lookback_hours: int = 72, top: int = 3) -> pl.DataFrame:
    """Long the strongest few symbols, decided once a day: ts_ns · symbol · weight."""
    past = bars.with_columns(score=pl.col("close").pct_change(lookback_hours).over("symbol"))
    daily = past.filter(pl.col("ts_ns") % NS_PER_DAY == 0).drop_nulls("score")
    place = pl.col("score").rank("ordinal", descending=True).over("ts_ns")
    chosen = (place <= top) & (pl.col("score") > 0)
    return daily.with_columns(weight=pl.when(chosen).then(0.9 / top).otherwise(0.0)).select("ts_ns", "symbol", "weight")


@dataclass
class Account:
    """Cash, quantities and what was done, kept row by row. `chance` decides maker or taker and partial fills."""

    cash: float
    costs: Costs
    chance: np.random.Generator
    held: dict[str, float] = field(default_factory=dict)
    mark: dict[str, float] = field(default_factory=dict)
    fills: list[tuple] = field(default_factory=list)
    orders: list[tuple] = field(default_factory=list)

    def value(self) -> float:
        return self.cash + sum(quantity * self.mark[symbol] for symbol, quantity in self.held.items())

    def rebalance(self, ts: int, targets: dict[str, float], decided: dict[str, float]) -> None:
        """Move to target weights at this hour's mids; moves below 1 % of the account are left out."""
        value = self.value()
        for symbol, weight in sorted(targets.items(), key=lambda item: item[1]):
            mid = self.mark[symbol]
            change = weight * value / mid - self.held.get(symbol, 0.0)
            if weight == 0.0:
                change = -self.held.get(symbol, 0.0)
            elif abs(change * mid) < 0.01 * value:
                continue
            if change != 0.0:
                self.fill(ts, symbol, change, mid, decided[symbol])

    def fill(self, ts: int, symbol: str, change: float, mid: float, decided: float) -> None:
        """One order, filled whole or in part, and its row in the ledger."""
        costs, sign = self.costs, 1.0 if change > 0 else -1.0
        side = "buy" if sign > 0 else "sell"
        maker = bool(self.chance.random() < 0.3)
        edge = (
            -costs.half_spread_bps if maker else costs.half_spread_bps + costs.slippage_bps * abs(self.chance.normal())
        )
        price = mid * (1.0 + sign * edge * 1e-4)
        partial = bool(self.chance.random() < 0.05) and sign > 0
        quantity = abs(change) * (0.6 if partial else 1.0)
        fee = price * quantity * (costs.maker_bps if maker else costs.taker_bps) * 1e-4
        base_fee = fee / price if costs.fee_asset == "base" and sign > 0 else 0.0
        asset = symbol.removesuffix("USDT") if base_fee else "USDT"
        self.held[symbol] = self.held.get(symbol, 0.0) + sign * quantity - base_fee
        self.cash -= sign * price * quantity + (0.0 if base_fee else fee)
        if abs(self.held[symbol]) < 1e-12:
            del self.held[symbol]
        order = f"o{len(self.orders)}"
        liquidity, kind = ("maker", "limit") if maker else ("taker", "market")
        self.fills.append((ts, symbol, order, side, price, quantity, fee, asset, liquidity, mid, decided))
        reason = "cancelled" if partial else "filled"
        self.orders.append((ts - NS_PER_HOUR, order, symbol, side, kind, abs(change), quantity, "done", reason, ts))


def trade(
    bars: pl.DataFrame, weights: pl.DataFrame, costs: Costs = Costs(), *, start_equity: float = 10_000.0, seed: int = 1
) -> Executions:
    """Follow target weights with orders an hour after each decision; books are kept in plain Python."""
    closes: dict[int, dict[str, float]] = {}
    for ts, symbol, close in bars.select("ts_ns", "symbol", "close").iter_rows():
        closes.setdefault(ts, {})[symbol] = close
    targets: dict[int, dict[str, float]] = {}
    for ts, symbol, weight in weights.iter_rows():
        targets.setdefault(ts, {})[symbol] = weight
    account = Account(start_equity, costs, np.random.default_rng(seed))
    equity, positions = [], []
    pending: tuple[dict[str, float], dict[str, float]] | None = None
    for ts in sorted(closes):
        account.mark.update(closes[ts])
        if pending is not None:
            account.rebalance(ts, *pending)
        pending = (targets[ts], dict(closes[ts])) if ts in targets else None
        exposure = account.value() - account.cash
        equity.append((ts, account.value(), account.cash, exposure, exposure))
        positions.extend((ts, s, q, account.mark[s]) for s, q in sorted(account.held.items()))
    return executions(equity, account.fills, account.orders, (), positions, start_equity=start_equity)


def executions(
    equity=(), fills=(), orders=(), refusals=(), positions=(), *, start_equity: float = 10_000.0
) -> Executions:
    """Executions from plain rows."""
    return Executions(
        equity=pl.DataFrame(list(equity), schema=EQUITY, orient="row"),
        fills=pl.DataFrame(list(fills), schema=FILLS, orient="row"),
        orders=pl.DataFrame(list(orders), schema=ORDERS, orient="row"),
        refusals=pl.DataFrame(list(refusals), schema=REFUSALS, orient="row"),
        positions=pl.DataFrame(list(positions), schema=POSITIONS, orient="row"),
        quote="USDT",
        start_equity=start_equity,
        state_hash="5e1fab1e" * 8,
        inputs=len(equity),
    )


def run_facts(bars: pl.DataFrame, **changes: object) -> RunFacts:
    symbols = tuple(bars["symbol"].unique().sort().to_list())
    facts = RunFacts(
        run_id="run-7f3a91c2",
        strategy="momentum, top 3",
        parameters_hash="9c2b44e1",
        data_hash="b41d77a05c",
        code_version="0.1.0",
        seed=7,
        start_ns=int(bars["ts_ns"].min()),
        end_ns=int(bars["ts_ns"].max()),
        venues=("binance",),
        symbols=symbols,
        provenance="real",
        cost_model="maker 2 bps, taker 10 bps, half spread 2 bps, slippage 1.5 bps, latency 1 h, no queue",
        n_trials=1,
    )
    return replace(facts, **changes)


def forecast_of(bars: pl.DataFrame, seed: int = 3, skill: float = 0.1) -> Forecast:
    """Forecasts with a known correlation to the outcome, a row per symbol and day, in four folds."""
    chance = np.random.default_rng(seed)
    ahead = bars.filter(pl.col("ts_ns") % NS_PER_DAY == 0).sort("symbol", "ts_ns")
    ahead = ahead.with_columns(realised_return=pl.col("close").shift(-1).over("symbol") / pl.col("close") - 1)
    noise = chance.normal(size=ahead.height)
    signal = ahead["realised_return"].fill_null(0.0).to_numpy()
    expected = 0.1 * (skill * signal + np.sqrt(1 - skill**2) * noise * signal.std())
    start, end = int(ahead["ts_ns"].min()), int(ahead["ts_ns"].max())
    step = (end - start) // 4
    fold = np.minimum((ahead["ts_ns"].to_numpy() - start) // step, 3)
    frame = ahead.select("ts_ns", "symbol").with_columns(
        fold=pl.Series(fold),
        model=pl.lit("ridge"),
        expected_return=pl.Series(expected),
        realised_return=ahead["realised_return"],
    )
    folds = tuple(
        Fold(
            i,
            start - 90 * NS_PER_DAY,
            start + i * step - NS_PER_DAY,
            start + i * step,
            start + (i + 1) * step,
            NS_PER_DAY,
            5_000,
        )
        for i in range(4)
    )
    known = frame.drop_nulls()
    rows = []
    for number in (0, 1, 2, 3, -1):
        own = known if number < 0 else known.filter(pl.col("fold") == number)
        x, y = own["expected_return"], own["realised_return"]
        rows.append(
            (
                "ridge",
                number,
                own.height,
                own.select(pl.corr("expected_return", "realised_return")).item(),
                own.select(pl.corr("expected_return", "realised_return", method="spearman")).item(),
                float(((x > 0) == (y > 0)).mean()),
            )
        )
    names = ["model", "fold", "observations", "ic", "rank_ic", "hit_rate"]
    return Forecast(frame.sort("ts_ns", "symbol"), 24, folds, pl.DataFrame(rows, schema=names, orient="row"), 1)


def holes_of(symbols: tuple[str, ...], start_ns: int) -> tuple[Hole, ...]:
    week = 7 * NS_PER_DAY
    same = tuple(Hole(s, start_ns + 40 * NS_PER_DAY, start_ns + 40 * NS_PER_DAY + week, 167) for s in symbols[:-1])
    return (*same, Hole(symbols[-1], start_ns + 40 * NS_PER_DAY, start_ns + 60 * NS_PER_DAY, 479))


@pytest.fixture(scope="session")
def world() -> SimpleNamespace:
    """The functions of this file, for tests."""
    return SimpleNamespace(
        START_NS=START_NS,
        Costs=Costs,
        instrument=instrument,
        synthetic_bars=synthetic_bars,
        momentum_weights=momentum_weights,
        trade=trade,
        executions=executions,
        run_facts=run_facts,
        forecast_of=forecast_of,
        holes_of=holes_of,
    )

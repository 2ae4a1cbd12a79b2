"""The shared work on NautilusTrader 2.0 (its Rust engine): `python nautilus.py FOLDER WORK [--fills FILE] [--first N]`.

Run by an interpreter that has the peer; prints one JSON line. Data is loaded and sorted before the clock starts,
logging and its own analysis are off, the risk engine is on: its defaults otherwise. With `--fills` it also writes what
it filled, which costs time, so such a run is not one to be timed.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import nautilus_trader
import numpy as np
from nautilus_trader.backtest import BacktestEngine, BacktestEngineConfig
from nautilus_trader.common import LoggerConfig, LogLevel
from nautilus_trader.execution import MakerTakerFeeModel
from nautilus_trader.model import (
    AccountType,
    AggressorSide,
    Bar,
    BarType,
    BookAction,
    BookOrder,
    BookType,
    CryptoPerpetual,
    Currency,
    InstrumentId,
    Money,
    OmsType,
    OrderBook,
    OrderBookDelta,
    OrderBookDeltas,
    OrderSide,
    Price,
    Quantity,
    QuoteTick,
    Symbol,
    TimeInForce,
    TradeId,
    TradeTick,
    Venue,
)
from nautilus_trader.trading import Strategy, StrategyConfig

import workloads

VENUE = Venue("SIM")
PERPETUAL = InstrumentId(Symbol("ETHUSDT-PERP"), VENUE)
MINUTES = BarType.from_str("ETHUSDT-PERP.SIM-1-MINUTE-LAST-EXTERNAL")
USDT = Currency.from_str("USDT")
# Its fixed-point numbers have sixteen digits after the point.
_TICK, _LOT = 10**14, 10**13


def _price(ticks: int) -> Price:
    return Price.from_raw(ticks * _TICK, 2)


def _quantity(lots: int) -> Quantity:
    return Quantity.from_raw(lots * _LOT, 3)


def _rows(data: workloads.Columns, *names: str) -> Any:
    return zip(*(data[name].tolist() for name in names), strict=True)


def trades(data: workloads.Columns) -> list[Any]:
    side = {1: AggressorSide.BUY, 2: AggressorSide.SELL}
    rows = enumerate(_rows(data, "ts", "price", "size", "side"))
    return [TradeTick(PERPETUAL, _price(p), _quantity(z), side[s], TradeId(str(i)), t, t) for i, (t, p, z, s) in rows]


def quotes(data: workloads.Columns) -> list[Any]:
    rows = _rows(data, "ts", "bid", "ask", "bid_size", "ask_size")
    return [QuoteTick(PERPETUAL, _price(b), _price(a), _quantity(y), _quantity(z), t, t) for t, b, a, y, z in rows]


def bars(data: workloads.Columns) -> list[Any]:
    rows = _rows(data, "ts", "open", "high", "low", "close", "volume")
    return [Bar(MINUTES, _price(o), _price(h), _price(k), _price(c), _quantity(v), t, t) for t, o, h, k, c, v in rows]


def depth(data: workloads.Columns) -> list[Any]:
    """One object per message."""
    actions = {1: BookAction.ADD, 2: BookAction.UPDATE, 3: BookAction.DELETE}
    sides = {1: OrderSide.BUY, 2: OrderSide.SELL}
    out: list[Any] = []
    message: list[Any] = []
    number = 0
    for t, action, side, price, size, flags, seq in _rows(
        data, "ts", "action", "side", "price", "size", "flags", "seq"
    ):
        if seq != number:
            out.append(OrderBookDeltas(PERPETUAL, message))
            message, number = [], seq
        if action == workloads.CLEAR:
            message.append(OrderBookDelta.clear(PERPETUAL, seq, t, t))
        else:
            level = BookOrder(sides[side], _price(price), _quantity(size), 0)
            message.append(OrderBookDelta(PERPETUAL, actions[action], level, flags, seq, t, t))
    out.append(OrderBookDeltas(PERPETUAL, message))
    return out


class Counting(Strategy):
    """Counts its orders and fills, and keeps the fills where they are asked for."""

    def __new__(cls, *_: Any) -> Any:
        """Its own constructor takes no arguments of ours."""
        return super().__new__(cls)

    def __init__(self, fills: list[Any] | None) -> None:
        super().__init__(StrategyConfig())
        self.orders = self.filled = self.cancels = 0
        self.kept = fills
        self.latencies: list[int] = []
        self.lots = {n: Quantity(n / 1_000, 3) for n in (10, 100, 1_000, 2_000)}

    def market(self, side: Any, lots: int) -> None:
        self.orders += 1
        self.submit_order(self.order_factory.market(PERPETUAL, side, self.lots[lots]))

    def on_order_filled(self, event: Any) -> None:
        self.filled += 1
        if self.kept is not None:
            self.kept.append(event)


class EmaCross(Counting):
    """On the price of each trade or bar, or the mid of each quote."""

    def __init__(self, source: str, fast: int, slow: int, fills: list[Any] | None) -> None:
        super().__init__(fills)
        self.source = source
        self.fast_weight, self.slow_weight, self.slow_span = 2 / (fast + 1), 2 / (slow + 1), slow
        self.fast = self.slow = 0.0
        self.seen = self.direction = 0

    def on_start(self) -> None:
        if self.source == "bars":
            self.subscribe_bars(MINUTES)
        elif self.source == "quotes":
            self.subscribe_quotes(PERPETUAL)
        else:
            self.subscribe_trades(PERPETUAL)

    def on_trade(self, trade: Any) -> None:
        self.see(trade.price.as_double())

    def on_quote(self, quote: Any) -> None:
        self.see(0.5 * (quote.bid_price.as_double() + quote.ask_price.as_double()))

    def on_bar(self, bar: Any) -> None:
        self.see(bar.close.as_double())

    def see(self, price: float) -> None:
        self.seen += 1
        if self.seen == 1:
            self.fast = self.slow = price
            return
        self.fast += self.fast_weight * (price - self.fast)
        self.slow += self.slow_weight * (price - self.slow)
        if self.seen < self.slow_span:
            return
        direction = 1 if self.fast > self.slow else -1
        if direction != self.direction:
            lots = 2_000 if self.direction else 1_000
            self.direction = direction
            self.market(OrderSide.BUY if direction > 0 else OrderSide.SELL, lots)


class OrderPerQuote(Counting):
    """A market order at each quote, buy and sell in turn."""

    def on_start(self) -> None:
        self.seen = self.sent_ns = 0
        self.subscribe_quotes(PERPETUAL)

    def on_quote(self, _: Any) -> None:
        self.seen += 1
        self.orders += 1
        side = OrderSide.BUY if self.seen & 1 else OrderSide.SELL
        order = self.order_factory.market(PERPETUAL, side, self.lots[10])
        self.sent_ns = time.perf_counter_ns()
        self.submit_order(order)

    def on_order_filled(self, event: Any) -> None:
        self.latencies.append(time.perf_counter_ns() - self.sent_ns)
        super().on_order_filled(event)


class TouchMaker(Counting):
    """Joins the touch around a size-weighted mid, leaning against what it holds; looks at every tenth message."""

    def on_start(self) -> None:
        self.seen, self.held = 0, 0.0
        self.mine: dict[Any, tuple[Any, str, float]] = {}
        self.left: dict[str, int] = {}
        self.book = OrderBook(PERPETUAL, BookType.L2_MBP)
        self.subscribe_book_deltas(PERPETUAL, BookType.L2_MBP, managed=False)
        self.subscribe_trades(PERPETUAL)

    def on_trade(self, _: Any) -> None:
        """Subscribed as the work says, and ignored."""

    def on_order_filled(self, event: Any) -> None:
        super().on_order_filled(event)
        quantity, name = event.last_qty.as_double(), str(event.client_order_id)
        self.left[name] -= round(quantity * 1_000)
        if self.left[name] <= 0:
            del self.left[name]
        self.held += quantity if event.order_side == OrderSide.BUY else -quantity

    def on_order_canceled(self, event: Any) -> None:
        self.left.pop(str(event.client_order_id), None)

    def on_order_rejected(self, event: Any) -> None:
        self.left.pop(str(event.client_order_id), None)

    def on_book_deltas(self, deltas: Any) -> None:
        book = self.book
        book.apply_deltas(deltas)
        bid, ask = book.best_bid_price(), book.best_ask_price()
        if bid is None or ask is None:
            return
        bid, ask = bid.as_double(), ask.as_double()
        bid_size, ask_size = book.best_bid_size().as_double(), book.best_ask_size().as_double()
        micro = (bid * ask_size + ask * bid_size) / (bid_size + ask_size)
        self.seen += 1
        if self.seen % 10:
            return
        skew = 0.01 * self.held / 0.1 * 0.25
        buy_at = min(bid, int((micro - 0.005 - skew) * 100) / 100)
        sell_at = max(ask, int((micro + 0.005 - skew) * 100 + 1) / 100)
        self.requote(OrderSide.BUY, buy_at, self.held < 1.0)
        self.requote(OrderSide.SELL, sell_at, self.held > -1.0)

    def requote(self, side: Any, price: float, is_allowed: bool) -> None:
        mine = self.mine.pop(side, None)
        if mine is not None and mine[1] in self.left:
            if is_allowed and mine[2] == price:
                self.mine[side] = mine
                return
            self.cancel_order(mine[0])
            self.cancels += 1
        if is_allowed:
            order = self.order_factory.limit(
                PERPETUAL, side, self.lots[100], Price(price, 2), TimeInForce.GTC, post_only=True
            )
            name = str(order.client_order_id)
            self.mine[side], self.left[name] = (order.client_order_id, name, price), 100
            self.orders += 1
            self.submit_order(order)


def engine(book: Any) -> BacktestEngine:
    quiet = LoggerConfig(stdout_level=LogLevel.OFF, bypass_logging=True)
    made = BacktestEngine(BacktestEngineConfig(bypass_logging=True, run_analysis=False, logging=quiet))
    made.add_venue(
        venue=VENUE,
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN,
        starting_balances=[Money(10_000_000, USDT)],
        book_type=book,
        fee_model=MakerTakerFeeModel(Decimal("0.0002"), Decimal("0.0005")),
    )
    made.add_instrument(
        CryptoPerpetual(
            instrument_id=PERPETUAL, raw_symbol=Symbol("ETHUSDT"), base_currency=Currency.from_str("ETH"),
            quote_currency=USDT, settlement_currency=USDT, is_inverse=False, price_precision=2, size_precision=3,
            price_increment=Price.from_str("0.01"), size_increment=Quantity.from_str("0.001"), max_quantity=None,
            min_quantity=Quantity.from_str("0.001"), max_notional=None, min_notional=None, max_price=None,
            min_price=None, margin_init=Decimal("0.05"), margin_maint=Decimal("0.025"), ts_event=0, ts_init=0,
        )
    )  # fmt: skip
    return made


def prepared(work: str, folder: Path, first: int | None, fills: list[Any] | None) -> tuple[Any, list[list[Any]], Any]:
    """Book type, streams of events, strategy."""
    if work == "A2":
        return BookType.L1_MBP, [trades(workloads.read(folder, "trades", first))], EmaCross("trades", 100, 1_000, fills)
    if work == "B2":
        return BookType.L1_MBP, [quotes(workloads.read(folder, "quotes", first))], EmaCross("quotes", 100, 1_000, fills)
    if work == "E":
        return BookType.L1_MBP, [bars(workloads.read(folder, "bars", first))], EmaCross("bars", 10, 20, fills)
    if work == "F1":
        some = workloads.read(folder, "quotes", workloads.ORDERS if first is None else first)
        return BookType.L1_MBP, [quotes(some)], OrderPerQuote(fills)
    messages, between = depth(workloads.read(folder, "depth")), trades(workloads.read(folder, "depth_trades"))
    return BookType.L2_MBP, [messages, between], TouchMaker(fills)


def write_fills(events: list[Any], path: Path) -> None:
    """`ts_venue_ns`, `order`, `side`, `price_ticks`, `lots`, `is_maker`, `fee_units`, one row per fill."""
    rows = [
        (
            event.ts_event,
            int(str(event.client_order_id).rsplit("-", 1)[1]),
            1 if event.order_side == OrderSide.BUY else -1,
            round(event.last_px.as_double() * 100),
            round(event.last_qty.as_double() * 1_000),
            int("MAKER" in str(event.liquidity_side)),
            int(Decimal(str(event.commission).split()[0]).scaleb(8)),
        )
        for event in events
    ]
    np.save(path, np.array(rows, np.int64))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("work")
    parser.add_argument("--fills", type=Path)
    parser.add_argument("--first", type=int)
    options = parser.parse_args()
    fills: list[Any] | None = [] if options.fills else None
    book, streams, strategy = prepared(options.work, options.folder, options.first, fills)
    made = engine(book)
    for stream in streams:
        made.add_data(stream, validate=False, sort=False)
    made.sort_data()
    made.add_strategy(strategy)
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    made.run()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if options.fills:
        write_fills(fills or [], options.fills)
    balance = made.cache.account_for_venue(VENUE).balance_total(USDT)
    print(
        json.dumps(
            {
                "version": nautilus_trader.__version__,
                "wall_s": wall,
                "cpu_s": cpu,
                "orders": strategy.orders,
                "fills": strategy.filled,
                "cancels": strategy.cancels,
                "balance": str(balance).split()[0],
                "submit_to_fill_ns": statistics.median(strategy.latencies) if strategy.latencies else None,
                "peak_mb": workloads.peak_mb(),
            }
        )
    )


if __name__ == "__main__":
    main()

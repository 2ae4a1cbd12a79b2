"""ccxt.pro over WebSocket at the emulated Binance USD-M futures market."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import ccxt.pro
import pro_checks
import pytest
from addresses import Venue, on_loopback
from prices import exact

VENUE = "binance USD-M"
CLIENT = "ccxt.pro"
BTC = "BTC/USDT:USDT"

Run = Callable[[Any], Any]


@pytest.fixture(scope="module")
def client(emulate: Callable[..., Venue], loop: Run) -> Iterator[Any]:
    emulated = emulate("binance")
    exchange = ccxt.pro.binanceusdm({"apiKey": emulated.key, "secret": emulated.secret, "enableRateLimit": False})
    yield on_loopback(exchange, emulated.http, emulated.ws)
    loop(exchange.close())


@pytest.mark.cell("streams: order book")
def test_book(client: Any, loop: Run) -> None:
    loop(pro_checks.book_is_the_venues(client, BTC))


@pytest.mark.cell("streams: trades")
def test_trades(client: Any, loop: Run) -> None:
    loop(pro_checks.trades_come_in_order(client, BTC))


@pytest.mark.cell("streams: ticker")
def test_ticker(client: Any, loop: Run) -> None:
    loop(pro_checks.tickers_come(client, BTC))


@pytest.mark.cell("streams: best bids and asks")
def test_best(client: Any, loop: Run) -> None:
    loop(pro_checks.best_prices_come(client, BTC))


@pytest.mark.cell("streams: candles")
def test_candles(client: Any, loop: Run) -> None:
    loop(pro_checks.candles_come(client, BTC))


@pytest.mark.cell("streams: mark price")
def test_mark(client: Any, loop: Run) -> None:
    async def marks() -> None:
        mark = await pro_checks.within(20, client.watch_mark_price(BTC))
        bid = (await client.fetch_order_book(BTC, limit=5))["bids"][0][0]
        assert mark["markPrice"] == pytest.approx(bid, rel=0.02)

    loop(marks())


@pytest.mark.cell("orders: place, query, edit, cancel over WebSocket")
def test_requests(client: Any, loop: Run) -> None:
    loop(pro_checks.requests_are_answered(client, BTC, 0.01))


@pytest.mark.cell("private: orders")
def test_orders(client: Any, loop: Run) -> None:
    loop(pro_checks.order_life_is_watched(client, BTC, 0.01))


@pytest.mark.cell("private: fills")
def test_fills(client: Any, loop: Run) -> None:
    loop(pro_checks.fill_is_watched(client, BTC, 0.02))


@pytest.mark.cell("private: position and balance")
def test_position(client: Any, loop: Run) -> None:
    async def trade() -> None:
        held = sum(p["contracts"] for p in await client.fetch_positions([BTC]))
        balance = asyncio.ensure_future(client.watch_balance())
        positions = asyncio.ensure_future(client.watch_positions([BTC]))
        await asyncio.sleep(0.5)
        if positions.done():  # the first answer is what is held already
            positions = asyncio.ensure_future(client.watch_positions([BTC]))
        await client.create_order_ws(BTC, "market", "buy", 0.03)
        told = (await pro_checks.within(10, positions))[-1]
        assert exact(told["contracts"]) == exact(held) + exact("0.03")
        assert told["side"] == "long"
        await pro_checks.within(10, balance)
        fetched = await client.fetch_balance()
        assert exact(client.balance["linear"]["USDT"]["total"]) == exact(fetched["info"]["assets"][0]["walletBalance"])

    loop(trade())


@pytest.mark.cell("private: a trigger order")
def test_trigger(client: Any, loop: Run) -> None:
    async def wait_for_it() -> None:
        bid = (await client.fetch_order_book(BTC, limit=5))["bids"][0][0]
        stop = float(client.price_to_precision(BTC, bid * 0.9))
        waiting = asyncio.ensure_future(client.watch_orders(BTC))
        await asyncio.sleep(0.3)
        order = await client.create_order(BTC, "market", "sell", 0.01, None, {"stopLossPrice": stop})
        seen = (await pro_checks.within(10, waiting))[-1]
        assert (seen["id"], seen["status"], seen["triggerPrice"]) == (order["id"], "open", stop)
        await client.cancel_order(order["id"], BTC, {"trigger": True})

    loop(wait_for_it())

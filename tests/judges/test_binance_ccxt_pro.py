"""ccxt.pro over WebSocket at the emulated Binance spot market."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import ccxt.pro
import pro_checks
import pytest
from addresses import Venue, on_loopback
from prices import exact

VENUE = "binance spot"
CLIENT = "ccxt.pro"
BTC = "BTC/USDT"

Run = Callable[[Any], Any]


@pytest.fixture(scope="module")
def client(emulate: Callable[..., Venue], loop: Run) -> Iterator[Any]:
    emulated = emulate("binance")
    exchange = ccxt.pro.binance({"apiKey": emulated.key, "secret": emulated.secret, "enableRateLimit": False})
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


@pytest.mark.cell("streams: several books at once")
def test_books(client: Any, loop: Run) -> None:
    async def both() -> None:
        seen = set()
        while len(seen) < 2:
            book = await pro_checks.within(20, client.watch_order_book_for_symbols([BTC, "ETH/USDT"]))
            assert book["bids"][0][0] < book["asks"][0][0]
            seen.add(book["symbol"])

    loop(both())


@pytest.mark.cell("orders: place, query, edit, cancel over WebSocket")
def test_requests(client: Any, loop: Run) -> None:
    loop(pro_checks.requests_are_answered(client, BTC, 0.01))


@pytest.mark.cell("orders: open ones over WebSocket")
def test_open(client: Any, loop: Run) -> None:
    async def cancel_all() -> None:
        bid = (await client.fetch_order_book(BTC, limit=5))["bids"][0][0]
        placed = await client.create_order_ws(BTC, "limit", "buy", 0.01, round(bid * 0.9, 2))
        assert [o["id"] for o in await client.fetch_open_orders_ws(BTC)] == [placed["id"]]
        assert [o["id"] for o in await client.cancel_all_orders_ws(BTC)] == [placed["id"]]
        assert await client.fetch_open_orders_ws(BTC) == []

    loop(cancel_all())


@pytest.mark.cell("private: orders")
def test_orders(client: Any, loop: Run) -> None:
    loop(pro_checks.order_life_is_watched(client, BTC, 0.01))


@pytest.mark.cell("private: fills")
def test_fills(client: Any, loop: Run) -> None:
    loop(pro_checks.fill_is_watched(client, BTC, 0.02))


@pytest.mark.cell("private: balance")
def test_balance(client: Any, loop: Run) -> None:
    async def spend() -> None:
        before = await client.fetch_balance()
        left = exact(before["BTC"]["total"]) - exact("0.01")

        async def until_sold() -> Any:
            # What the order tied up is told as well, asset by asset.
            while exact((told := await client.watch_balance()).get("BTC", {}).get("total", 0)) != left:
                pass
            return told

        waiting = asyncio.ensure_future(until_sold())
        await asyncio.sleep(0.5)
        order = await client.create_order_ws(BTC, "market", "sell", 0.01)
        told = await pro_checks.within(10, waiting)
        paid = exact(told["USDT"]["total"]) - exact(before["USDT"]["total"])
        assert paid == exact(order["info"]["cummulativeQuoteQty"]) * exact("0.999")

    loop(spend())


@pytest.mark.cell(
    "account: balance over WebSocket",
    red="ccxt parses the spot answer of account.status as a futures account (parse_balance_custom without a type)",
)
def test_balance_request(client: Any, loop: Run) -> None:
    balance = loop(client.fetch_balance_ws())
    assert balance["USDT"]["total"] > 0


@pytest.mark.cell("errors: funds over WebSocket")
def test_no_funds(client: Any, loop: Run) -> None:
    with pytest.raises(ccxt.InsufficientFunds):
        loop(client.create_order_ws(BTC, "limit", "sell", 8_000, 200_000))


@pytest.mark.cell("errors: key over WebSocket")
def test_bad_key(emulate: Callable[..., Venue], loop: Run) -> None:
    emulated = emulate("binance")
    stranger = ccxt.pro.binance({"apiKey": emulated.key, "secret": "wrong", "enableRateLimit": False})
    on_loopback(stranger, emulated.http, emulated.ws)
    stranger.options |= {"fetchCurrencies": False, "fetchMargins": False}

    async def knock() -> None:
        try:
            with pytest.raises(ccxt.AuthenticationError):
                await stranger.create_order_ws(BTC, "limit", "buy", 0.01, 50_000)
        finally:
            await stranger.close()

    loop(knock())

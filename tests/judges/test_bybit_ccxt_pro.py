"""ccxt.pro over WebSocket at the emulated Bybit: public, private and order sockets, spot and linear."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from decimal import Decimal
from typing import Any

import ccxt.pro
import pytest
from addresses import Venue, on_loopback

VENUE = "bybit"
CLIENT = "ccxt.pro"
SPOT = "BTC/USDT"
SWAP = "BTC/USDT:USDT"
BOTH = (SPOT, SWAP)

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(scope="module")
def emulated(emulate: Callable[..., Venue]) -> Venue:
    return emulate("bybit", "--accounts", "2")


def exchange(emulated: Venue, account: int) -> ccxt.pro.bybit:
    keys = emulated.said["accounts"][account]
    return on_loopback(ccxt.pro.bybit({"apiKey": keys["key"], "secret": keys["secret"]}), emulated.http, emulated.ws)


@pytest.fixture(scope="module")
def client(emulated: Venue, loop: Run) -> Iterator[ccxt.pro.bybit]:
    """Public sockets, and orders."""
    made = exchange(emulated, 0)
    loop(made.load_markets())
    yield made
    loop(made.close())


async def within(seconds: float, waited: Coroutine[Any, Any, Any]) -> Any:
    return await asyncio.wait_for(waited, seconds)


def exact(value: Any) -> Decimal:
    return Decimal(str(value))


async def away(client: ccxt.pro.bybit, symbol: str, share: float) -> float:
    book = await client.fetch_order_book(symbol, 5)
    return float(client.price_to_precision(symbol, book["bids"][0][0] * share))


@pytest.mark.cell("market data: watch order book")
def test_book(client: ccxt.pro.bybit, loop: Run) -> None:
    async def follow() -> None:
        for symbol in BOTH:
            for depth in (50, 200):
                for _ in range(15):
                    book = await within(10, client.watch_order_book(symbol, depth))
                    assert book["bids"][0][0] < book["asks"][0][0]
                    assert len(book["bids"]) <= depth

    loop(follow())


@pytest.mark.cell("market data: watched book equals the fetched one")
def test_book_is_true(emulated: Venue, loop: Run) -> None:
    """The deep topic's book is what REST says with the same update id."""

    async def compare() -> None:
        own = exchange(emulated, 0)
        try:
            await own.load_markets()
            equal = 0
            for _ in range(25):
                book = await within(10, own.watch_order_book(SWAP, 1000))
                asked = {"category": "linear", "symbol": "BTCUSDT", "limit": 50}
                told = (await own.publicGetV5MarketOrderbook(asked))["result"]
                fetched = [[float(p), float(q)] for p, q in told["b"]], [[float(p), float(q)] for p, q in told["a"]]
                equal += fetched == (book["bids"][:50], book["asks"][:50])
            assert equal >= 8, equal
        finally:
            await own.close()

    loop(compare())


@pytest.mark.cell("market data: watch trades")
def test_trades(client: ccxt.pro.bybit, loop: Run) -> None:
    async def follow() -> None:
        for symbol in BOTH:
            trades = await within(20, client.watch_trades(symbol))
            assert all(t["symbol"] == symbol and t["price"] > 0 and t["side"] in ("buy", "sell") for t in trades)
            assert await within(10, client.un_watch_trades(symbol))

    loop(follow())


@pytest.mark.cell("market data: watch ticker")
def test_ticker(client: ccxt.pro.bybit, loop: Run) -> None:
    async def follow() -> None:
        for symbol in BOTH:
            for _ in range(5):
                ticker = await within(20, client.watch_ticker(symbol))
                assert ticker["low"] <= ticker["last"] <= ticker["high"]
                # Changes alone are told of a contract: what was told before must still be there.
                if symbol == SWAP:
                    assert ticker["bid"] < ticker["ask"]
                    assert float(ticker["info"]["markPrice"]) > 0

    loop(follow())


@pytest.mark.cell("market data: watch candles")
def test_candles(client: ccxt.pro.bybit, loop: Run) -> None:
    async def follow() -> None:
        for symbol in BOTH:
            for timeframe, ms in (("1m", 60_000), ("1h", 3_600_000)):
                candles = await within(20, client.watch_ohlcv(symbol, timeframe))
                start, first, high, low, last, _ = candles[-1]
                assert start % ms == 0
                assert low <= min(first, last) <= max(first, last) <= high

    loop(follow())


@pytest.mark.cell("market data: watch best bids and asks")
def test_best(client: ccxt.pro.bybit, loop: Run) -> None:
    async def follow() -> None:
        for symbol in BOTH:
            best = (await within(10, client.watch_bids_asks([symbol])))[symbol]
            assert best["bid"] < best["ask"]

    loop(follow())


@pytest.mark.cell("orders: create, edit, cancel by socket")
def test_orders_by_socket(client: ccxt.pro.bybit, loop: Run) -> None:
    async def trade() -> None:
        for symbol in BOTH:
            price = await away(client, symbol, 0.9)
            order = await within(10, client.create_order_ws(symbol, "limit", "buy", 0.01, price))
            price = await away(client, symbol, 0.88)
            await within(10, client.edit_order_ws(order["id"], symbol, "limit", "buy", 0.02, price))
            seen = await client.fetch_open_order(order["id"], symbol)
            assert (seen["price"], seen["amount"], seen["status"]) == (price, 0.02, "open")
            await within(10, client.cancel_order_ws(order["id"], symbol))
            assert await client.fetch_open_orders(symbol) == []
            with pytest.raises((ccxt.OrderNotFound, ccxt.InvalidOrder)):
                await within(10, client.cancel_order_ws(order["id"], symbol))

    loop(trade())


@pytest.mark.cell("account: watch orders, trades and balance")
def test_private(emulated: Venue, loop: Run) -> None:
    async def trade(own: ccxt.pro.bybit, symbol: str) -> None:
        fee_coin, fee_rate = ("BTC", exact("0.001")) if symbol == SPOT else ("USDT", exact("0.00055"))
        before = await own.fetch_balance()
        watched = [asyncio.ensure_future(w) for w in (own.watch_orders(symbol), own.watch_my_trades(symbol))]
        balances = asyncio.ensure_future(own.watch_balance())
        await asyncio.sleep(0.5)
        order = await own.create_order(symbol, "limit", "buy", 0.001, await away(own, symbol, 1.005))
        while (seen := (await within(10, watched[0]))[-1])["status"] == "open":
            watched[0] = asyncio.ensure_future(own.watch_orders(symbol))
        assert (seen["id"], seen["status"], seen["filled"]) == (order["id"], "closed", 0.001)
        trade = (await within(10, watched[1]))[-1]
        assert (trade["order"], trade["amount"], trade["takerOrMaker"]) == (order["id"], 0.001, "taker")
        assert trade["fee"]["currency"] == fee_coin
        paid = exact(trade["fee"]["cost"])
        base = exact(trade["amount"]) if symbol == SPOT else exact(trade["cost"])
        assert paid == pytest.approx(base * fee_rate, abs=Decimal("1e-9"))
        after = await within(10, balances)
        if symbol == SPOT:
            assert exact(after["BTC"]["total"]) - exact(before["BTC"]["total"]) == exact(0.001) - paid
            assert exact(before["USDT"]["total"]) - exact(after["USDT"]["total"]) == exact(trade["cost"])
        rests = await own.create_order(symbol, "limit", "buy", 0.01, await away(own, symbol, 0.9))
        await own.cancel_order(rests["id"], symbol)
        for _ in range(4):
            seen = (await within(10, own.watch_orders(symbol)))[-1]
            if seen["status"] == "canceled":
                break
        assert (seen["id"], seen["status"]) == (rests["id"], "canceled")

    async def both() -> None:
        for symbol in BOTH:
            own = exchange(emulated, 1)
            try:
                await own.load_markets()
                await trade(own, symbol)
            finally:
                await own.close()

    loop(both())


@pytest.mark.cell("positions: watch")
def test_positions(emulated: Venue, loop: Run) -> None:
    async def trade() -> None:
        own = exchange(emulated, 0)
        try:
            await own.load_markets()
            await own.create_order(SWAP, "market", "buy", 0.002)
            # The first answer is what REST says, the next what the socket tells.
            assert (await within(10, own.watch_positions([SWAP])))[0]["contracts"] == 0.002
            watched = asyncio.ensure_future(own.watch_positions([SWAP]))
            await asyncio.sleep(0.5)
            await own.create_order(SWAP, "market", "sell", 0.001, None, {"reduceOnly": True})
            (told,) = await within(10, watched)
            assert (told["side"], told["contracts"]) == ("long", 0.001)
            await own.create_order(SWAP, "market", "sell", 0.001, None, {"reduceOnly": True})
        finally:
            await own.close()

    loop(trade())


@pytest.mark.cell("errors: funds by socket")
def test_funds(client: ccxt.pro.bybit, loop: Run) -> None:
    async def ask() -> None:
        for symbol, amount in ((SPOT, 50), (SWAP, 900)):
            price = await away(client, symbol, 0.9)
            with pytest.raises(ccxt.InsufficientFunds):
                await within(10, client.create_order_ws(symbol, "limit", "buy", amount, price))

    loop(ask())


@pytest.mark.cell("errors: signature by socket")
def test_signature(emulated: Venue, loop: Run) -> None:
    async def ask() -> None:
        wrong = exchange(emulated, 0)
        await wrong.load_markets()
        await wrong.is_unified_enabled()
        wrong.secret = emulated.secret[::-1]
        try:
            with pytest.raises(ccxt.AuthenticationError):
                await within(10, wrong.create_order_ws(SWAP, "limit", "buy", 0.01, 50_000))
            with pytest.raises(ccxt.ExchangeError, match="sign"):
                await within(10, wrong.watch_orders())
        finally:
            await wrong.close()

    loop(ask())

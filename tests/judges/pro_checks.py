"""What ccxt.pro is asked at a Binance market over WebSocket, spot or futures alike."""

from __future__ import annotations

import asyncio
from typing import Any

from prices import exact

Client = Any


async def within(seconds: float, waiting: Any) -> Any:
    return await asyncio.wait_for(waiting, seconds)


async def book_is_the_venues(client: Client, symbol: str) -> None:
    """Changes are applied until the book has the number of a snapshot, and then it is that snapshot."""
    for _ in range(60):
        book = await within(10, client.watch_order_book(symbol))
        snapshot = await client.fetch_order_book(symbol, limit=1_000)
        if book["nonce"] == snapshot["nonce"]:
            assert [level[:2] for level in book["bids"][:20]] == [level[:2] for level in snapshot["bids"][:20]]
            assert [level[:2] for level in book["asks"][:20]] == [level[:2] for level in snapshot["asks"][:20]]
            return
        assert book["bids"][0][0] < book["asks"][0][0]
    raise AssertionError("no snapshot had the number of a watched book")


async def trades_come_in_order(client: Client, symbol: str) -> None:
    seen: list[Any] = []
    while len(seen) < 5:
        seen += await within(20, client.watch_trades(symbol))
    ids = [int(t["id"]) for t in seen]
    assert all(b >= a for a, b in zip(ids, ids[1:], strict=False))
    assert {t["symbol"] for t in seen} == {symbol}
    assert all(t["price"] > 0 and t["amount"] > 0 for t in seen)


async def tickers_come(client: Client, symbol: str) -> None:
    for _ in range(2):
        ticker = await within(20, client.watch_ticker(symbol))
        assert ticker["symbol"] == symbol
        assert ticker["low"] <= ticker["last"] <= ticker["high"]


async def best_prices_come(client: Client, symbol: str) -> None:
    for _ in range(3):
        best = (await within(20, client.watch_bids_asks([symbol])))[symbol]
        assert best["bid"] < best["ask"]


async def candles_come(client: Client, symbol: str) -> None:
    candles = await within(20, client.watch_ohlcv(symbol, "1m"))
    start, o, high, low, c, volume = candles[-1]
    assert start % 60_000 == 0
    assert low <= min(o, c) <= max(o, c) <= high
    assert volume >= 0


async def order_life_is_watched(client: Client, symbol: str, amount: float) -> None:
    """A resting order: placed, seen open, cancelled, seen cancelled."""
    bid = (await client.fetch_order_book(symbol, limit=5))["bids"][0][0]
    price = float(client.price_to_precision(symbol, bid * 0.96))
    waiting = asyncio.ensure_future(client.watch_orders(symbol))
    await asyncio.sleep(0.5)
    order = await client.create_order_ws(symbol, "limit", "buy", amount, price)
    seen = (await within(10, waiting))[-1]
    assert (seen["id"], seen["status"], seen["price"], seen["amount"]) == (order["id"], "open", price, amount)
    waiting = asyncio.ensure_future(client.watch_orders(symbol))
    await client.cancel_order_ws(order["id"], symbol)
    seen = (await within(10, waiting))[-1]
    assert (seen["id"], seen["status"], seen["filled"]) == (order["id"], "canceled", 0)
    assert seen["clientOrderId"] == order["clientOrderId"]


async def fill_is_watched(client: Client, symbol: str, amount: float) -> None:
    """A market order: every fill is seen, together they are the order, and the order is seen closed."""
    fills: list[Any] = []
    orders: list[Any] = []

    async def gather() -> None:
        while sum(exact(f["amount"]) for f in fills) < exact(amount):
            fills.extend(await client.watch_my_trades(symbol))

    async def until_closed() -> None:
        while not orders or orders[-1]["status"] != "closed":
            orders.extend(await client.watch_orders(symbol))

    gathering = asyncio.gather(gather(), until_closed())
    await asyncio.sleep(0.5)
    order = await client.create_order_ws(symbol, "market", "buy", amount)
    await within(10, gathering)
    assert {f["order"] for f in fills} == {order["id"]}
    assert {f["takerOrMaker"] for f in fills} == {"taker"}
    assert all(f["fee"]["cost"] > 0 for f in fills)
    cost = sum(exact(f["amount"]) * exact(f["price"]) for f in fills)
    assert abs(cost - exact(orders[-1]["cost"])) < exact("0.01")
    assert orders[-1]["filled"] == amount


async def requests_are_answered(client: Client, symbol: str, amount: float) -> None:
    """Place, query, edit, list and cancel over the WebSocket API."""
    bid = (await client.fetch_order_book(symbol, limit=5))["bids"][0][0]
    price, other = (float(client.price_to_precision(symbol, bid * share)) for share in (0.96, 0.97))
    order = await client.create_order_ws(symbol, "limit", "buy", amount, price)
    assert (order["status"], order["price"]) == ("open", price)
    found = await client.fetch_order_ws(order["id"], symbol)
    assert (found["id"], found["status"]) == (order["id"], "open")
    edited = await client.edit_order_ws(order["id"], symbol, "limit", "buy", amount, other)
    assert edited["price"] == other
    ended = await client.cancel_order_ws(edited["id"], symbol)
    assert ended["status"] == "canceled"

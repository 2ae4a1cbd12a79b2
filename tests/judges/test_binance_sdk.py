"""Binance's own SDK at the emulated spot market: REST, streams, WebSocket API."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from addresses import Venue
from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_common.errors import BadRequestError, TooManyRequestsError, UnauthorizedError
from binance_sdk_spot.rest_api.models import (
    NewOrderNewOrderRespTypeEnum,
    NewOrderSideEnum,
    NewOrderTimeInForceEnum,
    NewOrderTypeEnum,
    OrderCancelReplaceCancelReplaceModeEnum,
    OrderCancelReplaceSideEnum,
    OrderCancelReplaceTimeInForceEnum,
    OrderCancelReplaceTypeEnum,
)
from binance_sdk_spot.spot import Spot
from binance_sdk_spot.websocket_api.models import OrderPlaceSideEnum, OrderPlaceTimeInForceEnum, OrderPlaceTypeEnum
from prices import exact, soon

VENUE = "binance spot"
CLIENT = "binance-sdk-spot"
BTC = "BTCUSDT"

Run = Callable[[Any], Any]


@pytest.fixture(scope="module")
def emulated(emulate: Callable[..., Venue]) -> Venue:
    return emulate("binance")


def connected(emulated: Venue, secret: str) -> Spot:
    return Spot(
        config_rest_api=ConfigurationRestAPI(
            api_key=emulated.key, api_secret=secret, base_path=emulated.http, retries=0, timeout=10_000
        ),
        config_ws_api=ConfigurationWebSocketAPI(
            api_key=emulated.key, api_secret=secret, stream_url=f"{emulated.ws}/ws-api/v3"
        ),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=emulated.ws),
    )


@pytest.fixture(scope="module")
def client(emulated: Venue) -> Spot:
    return connected(emulated, emulated.secret)


def away(client: Spot, share: float) -> float:
    return round(float(client.rest_api.depth(BTC, limit=5).data().bids[0][0]) * share, 2)


def place(client: Spot, **changed: Any) -> Any:
    terms = {
        "symbol": BTC,
        "side": NewOrderSideEnum["BUY"].value,
        "type": NewOrderTypeEnum["LIMIT"].value,
        "time_in_force": NewOrderTimeInForceEnum["GTC"].value,
        "quantity": 0.01,
    }
    return client.rest_api.new_order(**{**terms, **changed}).data()


@pytest.mark.cell("markets: load")
def test_markets(client: Spot) -> None:
    info = client.rest_api.exchange_info().data()
    assert {"BTCUSDT", "ETHBTC"} <= {s.symbol for s in info.symbols}
    assert {limit.rate_limit_type for limit in info.rate_limits} == {"REQUEST_WEIGHT", "ORDERS"}


@pytest.mark.cell("markets: time")
def test_time(client: Spot) -> None:
    assert client.rest_api.time().data().server_time > 1_600_000_000_000


@pytest.mark.cell("market data: order book")
def test_book(client: Spot) -> None:
    book = client.rest_api.depth(BTC, limit=20).data()
    assert float(book.bids[0][0]) < float(book.asks[0][0])
    assert book.last_update_id > 0


@pytest.mark.cell("market data: trades")
def test_trades(client: Spot) -> None:
    trades = soon(lambda: client.rest_api.get_trades(BTC).data(), lambda found: len(found) > 3)
    assert [t.id for t in trades] == sorted(t.id for t in trades)
    aggregates = client.rest_api.agg_trades(BTC).data()
    assert len(aggregates) <= len(client.rest_api.get_trades(BTC).data())


@pytest.mark.cell("market data: ticker")
def test_ticker(client: Spot) -> None:
    ticker = client.rest_api.ticker24hr(symbol=BTC).data().actual_instance
    assert exact(ticker.low_price) <= exact(ticker.last_price) <= exact(ticker.high_price)
    best = client.rest_api.ticker_book_ticker(symbol=BTC).data().actual_instance
    assert exact(best.bid_price) < exact(best.ask_price)


@pytest.mark.cell("market data: candles")
def test_candles(client: Spot) -> None:
    candles = client.rest_api.klines(BTC, "1m", limit=3).data()
    assert candles
    assert all(len(row) == 12 for row in candles)


@pytest.mark.cell("account: balance")
def test_balance(client: Spot, emulated: Venue) -> None:
    balances = {b.asset: b for b in client.rest_api.get_account().data().balances}
    assert {a: exact(b.free) for a, b in balances.items()} == {a: exact(v) for a, v in emulated.balances.items()}


@pytest.mark.cell("account: fees")
def test_fees(client: Spot) -> None:
    fees = client.rest_api.account_commission(BTC).data().standard_commission
    assert (exact(fees.maker), exact(fees.taker)) == (exact("0.001"), exact("0.001"))


@pytest.mark.cell("orders: limit, query, cancel")
def test_limit(client: Spot) -> None:
    order = place(client, price=away(client, 0.9))
    assert (order.status, order.executed_qty) == ("NEW", "0.00000000")
    assert client.rest_api.get_order(BTC, order_id=order.order_id).data().status == "NEW"
    assert [o.order_id for o in client.rest_api.get_open_orders(BTC).data()] == [order.order_id]
    assert client.rest_api.delete_order(BTC, order_id=order.order_id).data().status == "CANCELED"
    assert [o.status for o in client.rest_api.all_orders(BTC, order_id=order.order_id).data()] == ["CANCELED"]


@pytest.mark.cell("orders: market buy, fills and balance")
def test_market(client: Spot) -> None:
    before = {b.asset: exact(b.free) for b in client.rest_api.get_account().data().balances}
    order = place(client, type=NewOrderTypeEnum["MARKET"].value, time_in_force=None)
    cost = sum(exact(f.price) * exact(f.qty) for f in order.fills)
    fee = sum(exact(f.commission) for f in order.fills)
    assert (order.status, exact(order.cummulative_quote_qty), fee) == ("FILLED", cost, exact("0.00001"))
    after = {b.asset: exact(b.free) for b in client.rest_api.get_account().data().balances}
    assert before["USDT"] - after["USDT"] == cost
    assert after["BTC"] - before["BTC"] == exact("0.01") - fee
    assert sum(exact(t.qty) for t in client.rest_api.my_trades(BTC, order_id=order.order_id).data()) == exact("0.01")


@pytest.mark.cell("orders: acknowledged only")
def test_ack(client: Spot) -> None:
    order = place(client, price=away(client, 0.9), new_order_resp_type=NewOrderNewOrderRespTypeEnum["ACK"].value)
    assert order.status is None
    client.rest_api.delete_open_orders(BTC)


@pytest.mark.cell("orders: replace")
def test_replace(client: Spot) -> None:
    order = place(client, price=away(client, 0.9))
    answer = client.rest_api.order_cancel_replace(
        symbol=BTC,
        side=OrderCancelReplaceSideEnum["BUY"].value,
        type=OrderCancelReplaceTypeEnum["LIMIT"].value,
        cancel_replace_mode=OrderCancelReplaceCancelReplaceModeEnum["STOP_ON_FAILURE"].value,
        time_in_force=OrderCancelReplaceTimeInForceEnum["GTC"].value,
        quantity=0.02,
        price=away(client, 0.91),
        cancel_order_id=order.order_id,
    ).data()
    assert (answer.cancel_result, answer.new_order_result) == ("SUCCESS", "SUCCESS")
    assert exact(answer.new_order_response.orig_qty) == exact("0.02")
    client.rest_api.delete_order(BTC, order_id=answer.new_order_response.order_id)


@pytest.mark.cell("orders: less quantity, same place")
def test_amend(client: Spot) -> None:
    order = place(client, price=away(client, 0.9), quantity=0.03)
    amended = client.rest_api.order_amend_keep_priority(BTC, new_qty=0.01, order_id=order.order_id).data()
    assert exact(amended.amended_order.qty) == exact("0.01")
    with pytest.raises(BadRequestError):
        client.rest_api.order_amend_keep_priority(BTC, new_qty=0.05, order_id=order.order_id)
    client.rest_api.delete_order(BTC, order_id=order.order_id)


@pytest.mark.cell("orders: test only")
def test_order_test(client: Spot) -> None:
    client.rest_api.order_test(
        symbol=BTC, side="BUY", type="LIMIT", time_in_force="GTC", quantity=0.01, price=away(client, 0.9)
    )
    assert client.rest_api.get_open_orders(BTC).data() == []


@pytest.mark.cell("streams: order book, trades, best prices")
def test_streams(client: Spot, loop: Run) -> None:
    async def listen() -> None:
        connection = await client.websocket_streams.create_connection()
        seen: dict[str, list[Any]] = {"depth": [], "trade": [], "best": []}
        for name, stream in (
            ("depth", await connection.diff_book_depth(symbol="btcusdt")),
            ("trade", await connection.trade(symbol="btcusdt")),
            ("best", await connection.book_ticker(symbol="btcusdt")),
        ):
            stream.on("message", seen[name].append)
        async with asyncio.timeout(20):
            while min(len(seen["depth"]) - 1, len(seen["trade"]), len(seen["best"])) < 1:
                await asyncio.sleep(0.1)
        await connection.close_connection(close_session=True)
        for before, after in zip(seen["depth"], seen["depth"][1:], strict=False):
            assert after.U == before.u + 1
        assert exact(seen["best"][-1].b) < exact(seen["best"][-1].a)
        assert exact(seen["trade"][0].p) > 0

    loop(listen())


@pytest.mark.cell("orders: over WebSocket")
def test_websocket_orders(client: Spot, loop: Run) -> None:
    async def trade() -> None:
        connection = await client.websocket_api.create_connection()
        price = away(client, 0.9)
        placed = await connection.order_place(
            symbol=BTC,
            side=OrderPlaceSideEnum["BUY"].value,
            type=OrderPlaceTypeEnum["LIMIT"].value,
            time_in_force=OrderPlaceTimeInForceEnum["GTC"].value,
            quantity=0.01,
            price=price,
        )
        order = placed.data().result
        assert (order.status, exact(order.price)) == ("NEW", exact(price))
        found = (await connection.order_status(symbol=BTC, order_id=order.order_id)).data().result
        assert found.status == "NEW"
        ended = (await connection.order_cancel(symbol=BTC, order_id=order.order_id)).data().result
        assert ended.status == "CANCELED"
        status = (await connection.account_status()).data().result
        assert status.account_type == "SPOT"
        await connection.close_connection(close_session=True)

    loop(trade())


@pytest.mark.cell("private: orders")
def test_user_data(client: Spot, loop: Run) -> None:
    async def listen() -> None:
        connection = await client.websocket_api.create_connection()
        seen: list[Any] = []
        subscribed = await connection.user_data_stream_subscribe_signature()
        subscribed.stream.on("message", seen.append)
        order = await asyncio.to_thread(lambda: place(client, price=away(client, 0.9)))
        await asyncio.to_thread(client.rest_api.delete_order, BTC, order_id=order.order_id)
        async with asyncio.timeout(10):
            while len(seen) < 4:
                await asyncio.sleep(0.1)
        reports = [e.actual_instance for e in seen if type(e.actual_instance).__name__ == "ExecutionReport"]
        assert [(r.i, r.X) for r in reports] == [(order.order_id, "NEW"), (order.order_id, "CANCELED")]
        await connection.close_connection(close_session=True)

    loop(listen())


@pytest.mark.cell("errors: funds, grid, symbol, unknown order")
def test_errors(client: Spot) -> None:
    with pytest.raises(BadRequestError, match="insufficient balance"):
        place(client, side=NewOrderSideEnum["SELL"].value, quantity=8_000, price=away(client, 1.1))
    with pytest.raises(BadRequestError, match="PRICE_FILTER"):
        place(client, price=away(client, 0.9) + 0.001)
    with pytest.raises(BadRequestError, match="Invalid symbol"):
        client.rest_api.depth("NOSUCHCOIN")
    with pytest.raises(BadRequestError, match="Unknown order"):
        client.rest_api.delete_order(BTC, order_id=999_999_999)
    with pytest.raises(BadRequestError, match="does not exist"):
        client.rest_api.get_order(BTC, order_id=999_999_999)


@pytest.mark.cell("errors: key and signature")
def test_signature(emulated: Venue) -> None:
    with pytest.raises(BadRequestError, match="Signature"):
        connected(emulated, "wrong").rest_api.get_account()
    stranger = ConfigurationRestAPI(api_key="nobody", api_secret="x", base_path=emulated.http, retries=0)
    with pytest.raises(UnauthorizedError):
        Spot(config_rest_api=stranger).rest_api.get_account()


@pytest.mark.cell("errors: rate of requests")
def test_rate(emulate: Callable[..., Venue]) -> None:
    pressed = emulate("binance")
    client = connected(pressed, pressed.secret)
    with pytest.raises(TooManyRequestsError):
        for _ in range(200):
            client.rest_api.ticker24hr()

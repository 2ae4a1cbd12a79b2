"""Binance's own SDK at the emulated USD-M futures market: REST, streams, WebSocket API."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from addresses import Venue
from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_common.errors import BadRequestError
from binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures import DerivativesTradingUsdsFutures
from prices import exact, soon

VENUE = "binance USD-M"
CLIENT = "binance-sdk-derivatives-trading-usds-futures"
BTC = "BTCUSDT"

Run = Callable[[Any], Any]
Client = DerivativesTradingUsdsFutures


@pytest.fixture(scope="module")
def client(emulate: Callable[..., Venue]) -> Client:
    emulated = emulate("binance")
    return Client(
        config_rest_api=ConfigurationRestAPI(
            api_key=emulated.key, api_secret=emulated.secret, base_path=emulated.http, retries=0, timeout=10_000
        ),
        config_ws_api=ConfigurationWebSocketAPI(
            api_key=emulated.key, api_secret=emulated.secret, stream_url=f"{emulated.ws}/ws-fapi/v1"
        ),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=f"{emulated.ws}/fut"),
    )


def away(client: Client, share: float) -> float:
    return round(float(client.rest_api.order_book(BTC, limit=5).data().bids[0][0]) * share, 1)


def place(client: Client, **changed: Any) -> Any:
    terms = {"symbol": BTC, "side": "BUY", "type": "LIMIT", "time_in_force": "GTC", "quantity": 0.01}
    return client.rest_api.new_order(**{**terms, "new_order_resp_type": "RESULT", **changed}).data()


def market(client: Client, side: str, quantity: float, **more: Any) -> Any:
    return place(client, side=side, type="MARKET", time_in_force=None, quantity=quantity, **more)


def average(client: Client, order: Any) -> str:
    """The SDK has no average price in the answer to a new order, only in that to a query."""
    return client.rest_api.query_order(BTC, order_id=order.order_id).data().avg_price


@pytest.mark.cell("markets: load")
def test_markets(client: Client) -> None:
    info = client.rest_api.exchange_information().data()
    assert {"BTCUSDT", "ETHUSDT", "SOLUSDT"} <= {s.symbol for s in info.symbols}


@pytest.mark.cell("markets: time")
def test_time(client: Client) -> None:
    assert client.rest_api.check_server_time().data().server_time > 1_600_000_000_000


@pytest.mark.cell("market data: order book")
def test_book(client: Client) -> None:
    book = client.rest_api.order_book(BTC, limit=20).data()
    assert float(book.bids[0][0]) < float(book.asks[0][0])


@pytest.mark.cell("market data: trades")
def test_trades(client: Client) -> None:
    trades = soon(lambda: client.rest_api.recent_trades_list(BTC).data(), lambda found: len(found) > 3)
    assert [t.id for t in trades] == sorted(t.id for t in trades)
    assert client.rest_api.compressed_aggregate_trades_list(BTC).data()


@pytest.mark.cell("market data: candles")
def test_candles(client: Client) -> None:
    assert all(len(row) == 12 for row in client.rest_api.kline_candlestick_data(BTC, "1m", limit=3).data())


@pytest.mark.cell("market data: mark and funding")
def test_mark(client: Client) -> None:
    mark = client.rest_api.mark_price(BTC).data().actual_instance
    bid = client.rest_api.order_book(BTC, limit=5).data().bids[0][0]
    assert float(mark.mark_price) == pytest.approx(float(bid), rel=0.02)


@pytest.mark.cell("account: balance")
def test_balance(client: Client) -> None:
    balances = {b.asset: b for b in client.rest_api.futures_account_balance_v3().data()}
    assert exact(balances["USDT"].balance) == 1_000_000
    assert exact(client.rest_api.account_information_v3().data().total_wallet_balance) == 1_000_000


@pytest.mark.cell("account: leverage and brackets")
def test_leverage(client: Client) -> None:
    assert client.rest_api.change_initial_leverage(BTC, 10).data().leverage == 10
    client.rest_api.change_initial_leverage(BTC, 20)
    with pytest.raises(BadRequestError):
        client.rest_api.change_initial_leverage(BTC, 1_000)
    assert client.rest_api.notional_and_leverage_brackets(BTC).data().actual_instance


@pytest.mark.cell("account: fees")
def test_fees(client: Client) -> None:
    assert exact(client.rest_api.user_commission_rate(BTC).data().taker_commission_rate) == exact("0.0005")


@pytest.mark.cell("orders: limit, query, modify, cancel")
def test_limit(client: Client) -> None:
    order = place(client, price=away(client, 0.9))
    assert (order.status, exact(order.executed_qty)) == ("NEW", 0)
    assert client.rest_api.query_order(BTC, order_id=order.order_id).data().status == "NEW"
    price = away(client, 0.91)
    modified = client.rest_api.modify_order(BTC, "BUY", 0.02, price, order_id=order.order_id).data()
    assert (exact(modified.price), exact(modified.orig_qty)) == (exact(price), exact("0.02"))
    assert [o.order_id for o in client.rest_api.current_all_open_orders(BTC).data()] == [order.order_id]
    assert client.rest_api.cancel_order(BTC, order_id=order.order_id).data().status == "CANCELED"


@pytest.mark.cell("orders: market, position, profit and income")
def test_market(client: Client) -> None:
    bought = market(client, "BUY", 0.02)
    assert bought.status == "FILLED"
    held = next(p for p in client.rest_api.position_information_v3(BTC).data() if p.position_side == "BOTH")
    assert exact(held.position_amt) == exact("0.02")
    assert float(held.entry_price) == pytest.approx(float(average(client, bought)), rel=1e-6)
    sold = market(client, "SELL", 0.02, reduce_only="true")
    trades = client.rest_api.account_trade_list(BTC).data()
    ours = [t for t in trades if t.order_id in (bought.order_id, sold.order_id)]
    profit = sum(exact(t.realized_pnl) for t in ours)
    values = {order.order_id: sum(exact(t.quote_qty) for t in ours if t.order_id == order.order_id) for order in (bought, sold)}
    assert profit == values[sold.order_id] - values[bought.order_id]
    paid = sum(exact(t.commission) for t in ours)
    assert paid == sum(values.values()) * exact("0.0005")
    income = client.rest_api.get_income_history(symbol=BTC).data()
    assert sum(exact(i.income) for i in income) == profit - paid
    wallet = exact(client.rest_api.account_information_v3().data().total_wallet_balance)
    assert wallet - 1_000_000 == profit - paid


@pytest.mark.cell("orders: acknowledged only")
def test_ack(client: Client) -> None:
    acknowledged = market(client, "BUY", 0.01, new_order_resp_type="ACK")
    assert (acknowledged.status, exact(acknowledged.executed_qty)) == ("NEW", 0)
    assert client.rest_api.query_order(BTC, order_id=acknowledged.order_id).data().status == "FILLED"
    market(client, "SELL", 0.01, reduce_only="true")


@pytest.mark.cell("orders: trigger")
def test_trigger(client: Client) -> None:
    stop = away(client, 0.9)
    order = client.rest_api.new_algo_order(
        "CONDITIONAL", BTC, "SELL", "STOP_MARKET", quantity=0.01, trigger_price=stop, working_type="MARK_PRICE"
    ).data()
    assert (order.algo_status, exact(order.trigger_price)) == ("NEW", exact(stop))
    assert [o.algo_id for o in client.rest_api.current_all_algo_open_orders(symbol=BTC).data()] == [order.algo_id]
    client.rest_api.cancel_algo_order(algo_id=order.algo_id)
    assert client.rest_api.current_all_algo_open_orders(symbol=BTC).data() == []
    with pytest.raises(BadRequestError, match="Algo Order API"):
        place(client, side="SELL", type="STOP_MARKET", time_in_force=None)


@pytest.mark.cell("orders: dead-man's switch")
def test_countdown(client: Client) -> None:
    place(client, price=away(client, 0.9))
    client.rest_api.auto_cancel_all_open_orders(BTC, 500)
    assert len(client.rest_api.current_all_open_orders(BTC).data()) == 1
    time.sleep(0.7)
    assert client.rest_api.current_all_open_orders(BTC).data() == []


@pytest.mark.cell("streams: order book, trades, mark price")
def test_streams(client: Client, loop: Run) -> None:
    async def listen() -> None:
        connection = await client.websocket_streams.create_connection()
        seen: dict[str, list[Any]] = {"depth": [], "trade": [], "mark": []}
        for name, stream in (
            ("depth", await connection.diff_book_depth_streams(symbol="btcusdt", update_speed="100ms")),
            ("trade", await connection.aggregate_trade_streams(symbol="btcusdt")),
            ("mark", await connection.mark_price_stream(symbol="btcusdt", update_speed="1s")),
        ):
            stream.on("message", seen[name].append)
        async with asyncio.timeout(20):
            while min(len(seen["depth"]) - 2, len(seen["trade"]), len(seen["mark"])) < 1:
                await asyncio.sleep(0.1)
        await connection.close_connection(close_session=True)
        for before, after in zip(seen["depth"], seen["depth"][1:], strict=False):
            assert after.pu == before.u
        assert exact(seen["mark"][0].p) > 0
        assert exact(seen["trade"][0].q) > 0

    loop(listen())


@pytest.mark.cell("private: orders, balance and position")
def test_user_data(client: Client, loop: Run) -> None:
    async def listen() -> None:
        key = client.rest_api.start_user_data_stream().data().listen_key
        connection = await client.websocket_streams.create_connection()
        seen: list[Any] = []
        (await connection.user_data(key)).on("message", seen.append)
        await asyncio.sleep(0.5)
        await asyncio.to_thread(lambda: market(client, "BUY", 0.01))
        await asyncio.to_thread(lambda: market(client, "SELL", 0.01, reduce_only="true"))

        def named(name: str) -> list[Any]:
            return [e.actual_instance for e in seen if type(e.actual_instance).__name__ == name]

        async with asyncio.timeout(10):
            while len(named("AccountUpdate")) < 2:
                await asyncio.sleep(0.1)
        fills = [e.o for e in named("OrderTradeUpdate") if e.o.x == "TRADE"]
        assert {f.X for f in fills} == {"FILLED"} or "PARTIALLY_FILLED" in {f.X for f in fills}
        assert sum(exact(f.l) for f in fills) == exact("0.02")
        assert exact(named("AccountUpdate")[-1].a.P[0].pa) == 0
        await connection.close_connection(close_session=True)

    loop(listen())


@pytest.mark.cell("orders: over WebSocket")
def test_websocket_orders(client: Client, loop: Run) -> None:
    async def trade() -> None:
        connection = await client.websocket_api.create_connection()
        placed = await connection.new_order(
            symbol=BTC, side="BUY", type="LIMIT", time_in_force="GTC", quantity=0.01, price=away(client, 0.9)
        )
        order = placed.data().result
        assert order.status == "NEW"
        assert (await connection.query_order(symbol=BTC, order_id=order.order_id)).data().result.status == "NEW"
        ended = (await connection.cancel_order(symbol=BTC, order_id=order.order_id)).data().result
        assert ended.status == "CANCELED"
        assert exact((await connection.account_information_v2()).data().result.total_wallet_balance) > 0
        await connection.close_connection(close_session=True)

    loop(trade())


@pytest.mark.cell("errors: funds, reduce-only, post-only, too small")
def test_errors(client: Client) -> None:
    with pytest.raises(BadRequestError, match="Margin is insufficient"):
        place(client, quantity=900, price=away(client, 0.9))
    with pytest.raises(BadRequestError, match="ReduceOnly"):
        market(client, "SELL", 0.01, reduce_only="true")
    with pytest.raises(BadRequestError, match="Post Only"):
        place(client, time_in_force="GTX", price=away(client, 1.01))
    with pytest.raises(BadRequestError, match="notional"):
        place(client, quantity=0.001, price=away(client, 0.9))

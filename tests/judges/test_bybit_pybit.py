"""pybit, Bybit's own Python client, at the emulated venue: REST, streams and orders by socket."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from addresses import Venue
from pybit import _websocket_trading, unified_trading
from pybit.exceptions import InvalidRequestError
from pybit.unified_trading import HTTP, WebSocket, WebSocketTrading

VENUE = "bybit"
CLIENT = "pybit"
LINEAR = {"category": "linear", "symbol": "BTCUSDT"}
SPOT = {"category": "spot", "symbol": "BTCUSDT"}
BOTH = (SPOT, LINEAR)


@pytest.fixture(scope="module")
def emulated(emulate: Callable[..., Venue]) -> Iterator[Venue]:
    """The venue, with the module's addresses pointed at it."""
    venue = emulate("bybit", "--accounts", "2")
    patch = pytest.MonkeyPatch()
    patch.setattr(unified_trading, "PUBLIC_WSS", venue.ws + "/v5/public/{CHANNEL_TYPE}")
    patch.setattr(unified_trading, "PRIVATE_WSS", venue.ws + "/v5/private")
    patch.setattr(_websocket_trading, "TRADE_WSS", venue.ws + "/v5/trade")
    yield venue
    patch.undo()


@pytest.fixture(scope="module")
def session(emulated: Venue) -> HTTP:
    made = HTTP(api_key=emulated.key, api_secret=emulated.secret)
    made.endpoint = emulated.http
    return made


def result(answer: Any) -> Any:
    assert (answer["retCode"], answer["retMsg"]) == (0, "OK")
    return answer["result"]


def bid(session: HTTP, market: dict[str, str]) -> Decimal:
    return Decimal(result(session.get_orderbook(**market, limit=1))["b"][0][0])


def away(session: HTTP, market: dict[str, str], share: str) -> str:
    return str((bid(session, market) * Decimal(share)).quantize(Decimal("0.1")))


def order(session: HTTP, market: dict[str, str], order_id: str) -> dict[str, Any]:
    (found,) = result(session.get_open_orders(**market, orderId=order_id))["list"]
    return dict(found)


@pytest.mark.cell("markets: load")
def test_instruments(session: HTTP) -> None:
    for category, count in (("spot", 6), ("linear", 3), ("inverse", 0), ("option", 0)):
        assert len(result(session.get_instruments_info(category=category))["list"]) == count
    (btc,) = result(session.get_instruments_info(**LINEAR))["list"]
    assert (btc["priceFilter"]["tickSize"], btc["lotSizeFilter"]["qtyStep"]) == ("0.1", "0.001")
    assert result(session.get_risk_limit(**LINEAR))["list"][0]["isLowestRisk"] == 1


@pytest.mark.cell("markets: time")
def test_time(session: HTTP) -> None:
    assert abs(int(result(session.get_server_time())["timeNano"]) - time.time_ns()) < 2_000_000_000


@pytest.mark.cell("market data: order book, ticker, trades, candles")
def test_market_data(session: HTTP) -> None:
    for market in BOTH:
        book = result(session.get_orderbook(**market, limit=50))
        assert Decimal(book["b"][0][0]) < Decimal(book["a"][0][0])
        (ticker,) = result(session.get_tickers(**market))["list"]
        assert Decimal(ticker["lowPrice24h"]) <= Decimal(ticker["lastPrice"]) <= Decimal(ticker["highPrice24h"])
        until = time.monotonic() + 10
        while not (trades := result(session.get_public_trade_history(**market, limit=5))["list"]):
            assert time.monotonic() < until
        assert all(Decimal(t["price"]) > 0 and t["side"] in ("Buy", "Sell") for t in trades)
        candles = result(session.get_kline(**market, interval=1, limit=5))["list"]
        starts = [int(row[0]) for row in candles]
        assert starts == sorted(starts, reverse=True)
        assert all(Decimal(low) <= Decimal(c) <= Decimal(high) for _, _, high, low, c, _, _ in candles)
    assert result(session.get_open_interest(**LINEAR, intervalTime="5min"))["list"]


@pytest.mark.cell("account: balance")
def test_balance(session: HTTP, emulated: Venue) -> None:
    (wallet,) = result(session.get_wallet_balance(accountType="UNIFIED"))["list"]
    held = {row["coin"]: Decimal(row["walletBalance"]) for row in wallet["coin"]}
    assert held == {asset: Decimal(funded) for asset, funded in emulated.balances.items()}
    assert Decimal(wallet["totalEquity"]) > Decimal(emulated.balances["USDT"])


@pytest.mark.cell("account: what a key may do")
def test_key(session: HTTP) -> None:
    key = result(session.get_api_key_information())
    assert (key["readOnly"], key["uta"]) == (0, 1)
    assert key["permissions"]["Spot"] == ["SpotTrade"]
    assert key["permissions"]["Wallet"] == []
    assert result(session.get_account_info())["marginMode"] == "REGULAR_MARGIN"


@pytest.mark.cell("orders: limit, query, edit, cancel")
def test_limit(session: HTTP) -> None:
    for market in BOTH:
        terms = {"side": "Buy", "orderType": "Limit", "qty": "0.01", "orderLinkId": f"pybit-{market['category']}"}
        made = result(session.place_order(**market, **terms, price=away(session, market, "0.9")))
        assert made["orderLinkId"] == terms["orderLinkId"]
        seen = order(session, market, made["orderId"])
        assert (seen["orderStatus"], seen["leavesQty"], seen["cumExecQty"]) == ("New", "0.01", "0")
        price = away(session, market, "0.88")
        session.amend_order(**market, orderLinkId=terms["orderLinkId"], price=price, qty="0.02")
        seen = order(session, market, made["orderId"])
        assert (seen["price"], seen["qty"]) == (price, "0.02")
        session.cancel_order(**market, orderId=made["orderId"])
        seen = order(session, market, made["orderId"])
        assert (seen["orderStatus"], seen["cancelType"]) == ("Cancelled", "CancelByUser")
        (past,) = result(session.get_order_history(**market, orderId=made["orderId"]))["list"]
        assert past["orderStatus"] == "Cancelled"


@pytest.mark.cell("orders: market")
def test_market(session: HTTP) -> None:
    made = result(session.place_order(**LINEAR, side="Buy", orderType="Market", qty="0.002"))
    fills = result(session.get_executions(**LINEAR, orderId=made["orderId"]))["list"]
    value = sum(Decimal(f["execPrice"]) * Decimal(f["execQty"]) for f in fills)
    assert sum(Decimal(f["execValue"]) for f in fills) == value
    assert sum(Decimal(f["execFee"]) for f in fills) == value * Decimal("0.00055")
    (position,) = result(session.get_positions(**LINEAR))["list"]
    assert (position["side"], position["size"], position["positionIdx"]) == ("Buy", "0.002", 0)
    closed = result(session.place_order(**LINEAR, side="Sell", orderType="Market", qty="0.002", reduceOnly=True))
    seen = order(session, LINEAR, closed["orderId"])
    (profit,) = result(session.get_closed_pnl(**LINEAR))["list"]
    # Profit is told after the closing order's fee.
    made_value = Decimal(seen["cumExecValue"]) - value
    assert Decimal(profit["closedPnl"]) == made_value - Decimal(seen["cumExecFee"])
    # A spot purchase is in the quote coin unless it says otherwise.
    bought = result(session.place_order(**SPOT, side="Buy", orderType="Market", qty="100"))
    spent = order(session, SPOT, bought["orderId"])
    assert Decimal(95) < Decimal(spent["cumExecValue"]) <= Decimal(100)
    exact = {"side": "Buy", "orderType": "Market", "qty": "0.001", "marketUnit": "baseCoin"}
    assert order(session, SPOT, result(session.place_order(**SPOT, **exact))["orderId"])["cumExecQty"] == "0.001"


@pytest.mark.cell("orders: several at once")
def test_batch(session: HTTP) -> None:
    for market in BOTH:
        item = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.01"}
        items = [{**item, "price": away(session, market, share)} for share in ("0.9", "0.89")]
        answer = session.place_batch_order(category=market["category"], request=[*items, {**item, "price": "-1"}])
        assert [code["code"] == 0 for code in answer["retExtInfo"]["list"]] == [True, True, False]
        ids = [row["orderId"] for row in result(answer)["list"]][:2]
        cancels = [{"symbol": "BTCUSDT", "orderId": i} for i in ids]
        session.cancel_batch_order(category=market["category"], request=cancels)
        assert result(session.get_open_orders(**market))["list"] == []


@pytest.mark.cell("errors: codes")
def test_errors(session: HTTP, emulated: Venue) -> None:
    far = {"side": "Buy", "orderType": "Limit", "price": "50000"}
    cases: list[tuple[int, Callable[[], Any]]] = [
        (110007, lambda: session.place_order(**LINEAR, **far, qty="900")),
        (170131, lambda: session.place_order(**SPOT, **far, qty="80")),
        (110001, lambda: session.cancel_order(**LINEAR, orderId="00000000-0000-4000-a000-000000000000")),
        (170213, lambda: session.cancel_order(**SPOT, orderId="1")),
        (110094, lambda: session.place_order(**LINEAR, **{**far, "price": "1000"}, qty="0.001")),
        (110017, lambda: session.place_order(**LINEAR, side="Sell", orderType="Market", qty="0.001", reduceOnly=True)),
        (10001, lambda: session.get_tickers(category="linear", symbol="NOPE")),
        (110043, lambda: [session.set_leverage(**LINEAR, buyLeverage="7", sellLeverage="7") for _ in range(2)]),
        (10001, lambda: session.place_order(**LINEAR, **far, qty="0.001", positionIdx=1)),
    ]
    for code, ask in cases:
        with pytest.raises(InvalidRequestError) as refused:
            ask()
        assert refused.value.status_code == code, refused.value
    wrong = HTTP(api_key=emulated.key, api_secret=emulated.secret[::-1])
    wrong.endpoint = emulated.http
    with pytest.raises(InvalidRequestError) as refused:
        wrong.get_account_info()
    assert refused.value.status_code == 10004


@pytest.mark.cell("market data: streams")
def test_public_streams(emulated: Venue) -> None:
    for channel in ("spot", "linear"):
        heard: queue.Queue[tuple[str, Any]] = queue.Queue()
        socket = WebSocket(testnet=False, channel_type=channel)
        try:
            socket.orderbook_stream(50, "BTCUSDT", lambda m, q=heard: q.put(("book", m["data"]["u"])))
            socket.trade_stream("BTCUSDT", lambda m, q=heard: q.put(("trade", m)))
            socket.ticker_stream("BTCUSDT", lambda m, q=heard: q.put(("ticker", m)))
            socket.kline_stream(1, "BTCUSDT", lambda m, q=heard: q.put(("kline", m)))
            seen: dict[str, list[Any]] = {"book": [], "trade": [], "ticker": [], "kline": []}
            until = time.monotonic() + 20
            while time.monotonic() < until and not (len(seen["book"]) > 30 and all(seen.values())):
                name, message = heard.get(timeout=20)
                seen[name].append(message)
        finally:
            socket.exit()
        updates = seen["book"]
        assert updates == list(range(updates[0], updates[0] + len(updates)))
        assert Decimal(seen["trade"][0]["data"][0]["p"]) > 0
        assert Decimal(seen["ticker"][-1]["data"]["lastPrice"]) > 0
        assert seen["kline"][0]["data"][0]["interval"] == "1"


@pytest.mark.cell("account: streams of orders, executions, positions, wallet")
def test_private_streams(session: HTTP, emulated: Venue) -> None:
    heard: queue.Queue[tuple[str, Any]] = queue.Queue()
    private = WebSocket(testnet=False, channel_type="private", api_key=emulated.key, api_secret=emulated.secret)
    try:
        private.order_stream(lambda m: heard.put(("order", m["data"][0])))
        private.execution_stream(lambda m: heard.put(("execution", m["data"][0])))
        private.position_stream(lambda m: heard.put(("position", m["data"][0])))
        private.wallet_stream(lambda m: heard.put(("wallet", m["data"][0])))
        time.sleep(0.5)
        made = result(session.place_order(**LINEAR, side="Buy", orderType="Market", qty="0.001"))
        seen: dict[str, Any] = {}
        while set(seen) != {"order", "execution", "position", "wallet"} or seen["order"]["orderStatus"] != "Filled":
            name, row = heard.get(timeout=10)
            seen[name] = row
    finally:
        private.exit()
    assert seen["order"]["orderId"] == seen["execution"]["orderId"] == made["orderId"]
    assert (seen["execution"]["execQty"], seen["execution"]["isMaker"]) == ("0.001", False)
    assert Decimal(seen["execution"]["execFee"]) == Decimal(seen["execution"]["execValue"]) * Decimal("0.00055")
    assert (seen["position"]["side"], seen["position"]["size"]) == ("Buy", "0.001")
    assert {row["coin"] for row in seen["wallet"]["coin"]} >= {"USDT", "BTC"}
    session.place_order(**LINEAR, side="Sell", orderType="Market", qty="0.001", reduceOnly=True)


def answered(ask: Callable[[Callable[[Any], None], int], None]) -> Any:
    """What a request over the socket is answered.

    pybit sends first and says afterwards who waits for the answer: one that is there sooner is lost. It is asked for
    again.
    """
    for attempt in range(10):
        answers: queue.Queue[Any] = queue.Queue()
        ask(answers.put, attempt)
        try:
            return answers.get(timeout=1)
        except queue.Empty:
            continue
    raise AssertionError("no answer")


@pytest.mark.cell("orders: by socket")
def test_order_socket(session: HTTP, emulated: Venue) -> None:
    trading = WebSocketTrading(testnet=False, api_key=emulated.key, api_secret=emulated.secret)
    place = {**LINEAR, "side": "Buy", "orderType": "Limit", "qty": "0.001", "price": away(session, LINEAR, "0.9")}
    try:
        poor = answered(lambda put, _: trading.place_order(put, put, **{**place, "qty": "900"}))
        assert (poor["retCode"], poor["op"]) == (110007, "order.create")
        placed = answered(lambda put, _: trading.place_order(put, put, **place))
        assert (placed["retCode"], placed["retMsg"], placed["op"]) == (0, "OK", "order.create")
        assert int(placed["header"]["X-Bapi-Limit"]) == 10
        made = placed["data"]["orderId"]
        answered(lambda put, n: trading.amend_order(put, put, **LINEAR, orderId=made, qty=f"0.00{n % 8 + 2}"))
        assert Decimal(order(session, LINEAR, made)["qty"]) >= Decimal("0.002")
        answered(lambda put, _: trading.cancel_order(put, put, **LINEAR, orderId=made))
        assert order(session, LINEAR, made)["orderStatus"] == "Cancelled"
    finally:
        trading.exit()
        session.cancel_all_orders(**LINEAR)

"""ccxt over REST at the emulated Binance USD-M futures market."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal

import ccxt
import pytest
from addresses import Venue, on_loopback
from prices import away, exact, soon, touch

VENUE = "binance USD-M"
CLIENT = "ccxt"
BTC = "BTC/USDT:USDT"


@pytest.fixture(scope="module")
def emulated(emulate: Callable[..., Venue]) -> Venue:
    return emulate("binance", "--accounts", "2")


@pytest.fixture(scope="module")
def client(emulated: Venue) -> ccxt.binanceusdm:
    return connected(emulated, emulated.key, emulated.secret)


def connected(emulated: Venue, key: str, secret: str) -> ccxt.binanceusdm:
    exchange = ccxt.binanceusdm({"apiKey": key, "secret": secret, "enableRateLimit": False})
    return on_loopback(exchange, emulated.http, emulated.ws)


@contextmanager
def refused(client: ccxt.binanceusdm, expected: type[ccxt.BaseError]) -> Iterator[None]:
    """The venue's answer is what ccxt knows as `expected`.

    ccxt has a table of errors for each market and finds the market by the venue's own address, which here is another; so
    the answer is given to it once more as if it came from there.
    """
    with pytest.raises(ccxt.ExchangeError):
        yield
    body = client.last_http_response
    with pytest.raises(expected):
        client.handle_errors(400, "", "https://fapi.binance.com/", "POST", {}, body, json.loads(body), {}, None)


def position(client: ccxt.binanceusdm) -> Decimal:
    """Signed size."""
    held = client.fetch_positions([BTC])
    return sum((exact(p["contracts"]) * (1 if p["side"] == "long" else -1) for p in held), Decimal(0))


def flatten(client: ccxt.binanceusdm) -> None:
    size = position(client)
    if size:
        side = "sell" if size > 0 else "buy"
        client.create_order(BTC, "market", side, float(abs(size)), None, {"reduceOnly": True})
    assert position(client) == 0


@pytest.mark.cell("markets: load")
def test_markets(client: ccxt.binanceusdm) -> None:
    btc = client.load_markets()[BTC]
    assert btc["active"] and btc["swap"] and btc["linear"]
    assert (btc["precision"]["price"], btc["precision"]["amount"]) == (0.1, 0.001)
    assert (btc["limits"]["cost"]["min"], btc["contractSize"]) == (100, 1)


@pytest.mark.cell("markets: time")
def test_time(client: ccxt.binanceusdm) -> None:
    assert abs(client.fetch_time() - client.milliseconds()) < 2_000


@pytest.mark.cell("market data: order book")
def test_book(client: ccxt.binanceusdm) -> None:
    book = client.fetch_order_book(BTC, limit=20)
    bids, asks = [p for p, _ in book["bids"]], [p for p, _ in book["asks"]]
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]
    assert book["timestamp"] > 0


@pytest.mark.cell("market data: ticker")
def test_ticker(client: ccxt.binanceusdm) -> None:
    ticker = client.fetch_ticker(BTC)
    assert ticker["low"] <= ticker["last"] <= ticker["high"]
    assert ticker["quoteVolume"] == pytest.approx(ticker["baseVolume"] * ticker["vwap"], rel=1e-3)


@pytest.mark.cell("market data: best bids and asks")
def test_bids_asks(client: ccxt.binanceusdm) -> None:
    best = client.fetch_bids_asks([BTC])[BTC]
    assert best["bid"] < best["ask"]


@pytest.mark.cell("market data: trades")
def test_trades(client: ccxt.binanceusdm) -> None:
    trades = soon(lambda: client.fetch_trades(BTC, limit=20), lambda found: len(found) > 3)
    assert [t["timestamp"] for t in trades] == sorted(t["timestamp"] for t in trades)


@pytest.mark.cell("market data: candles")
def test_candles(client: ccxt.binanceusdm) -> None:
    candles = client.fetch_ohlcv(BTC, "1m", limit=5)
    assert candles
    assert all(low <= min(o, c) and max(o, c) <= high for _, o, high, low, c, _ in candles)


@pytest.mark.cell("market data: mark and funding")
def test_funding(client: ccxt.binanceusdm) -> None:
    rate = client.fetch_funding_rate(BTC)
    bid, _ = touch(client, BTC)
    assert rate["markPrice"] == pytest.approx(bid, rel=0.02)
    assert rate["indexPrice"] == pytest.approx(bid, rel=0.02)
    assert abs(rate["fundingRate"]) < 0.02
    assert rate["fundingTimestamp"] > client.milliseconds()


@pytest.mark.cell("account: balance")
def test_balance(client: ccxt.binanceusdm, emulated: Venue) -> None:
    balance = client.fetch_balance()
    for asset, funded in emulated.said["derivatives_balances"].items():
        assert exact(balance[asset]["total"]) == exact(funded), asset
        assert exact(balance[asset]["free"]) == exact(funded), asset


@pytest.mark.cell("account: leverage")
def test_leverage(client: ccxt.binanceusdm) -> None:
    assert client.set_leverage(7, BTC)["leverage"] == "7" or client.set_leverage(7, BTC)["leverage"] == 7
    assert client.fetch_leverages([BTC])[BTC]["longLeverage"] == 7
    client.set_leverage(20, BTC)
    with pytest.raises(ccxt.ExchangeError):
        client.set_leverage(125_000, BTC)


@pytest.mark.cell("account: leverage tiers")
def test_tiers(client: ccxt.binanceusdm) -> None:
    tiers = client.fetch_leverage_tiers([BTC])[BTC]
    assert tiers[0]["minNotional"] == 0
    assert [t["maxLeverage"] for t in tiers] == sorted((t["maxLeverage"] for t in tiers), reverse=True)
    assert all(0 < t["maintenanceMarginRate"] < 1 for t in tiers)


@pytest.mark.cell("account: position mode")
def test_position_mode(client: ccxt.binanceusdm) -> None:
    assert client.fetch_position_mode(BTC)["hedged"] is False
    client.set_position_mode(True, BTC)
    assert client.fetch_position_mode(BTC)["hedged"] is True
    with pytest.raises(ccxt.ExchangeError):
        client.create_order(BTC, "limit", "buy", 0.01, away(client, BTC, 0.9))
    client.set_position_mode(False, BTC)
    with pytest.raises(ccxt.ExchangeError):
        client.set_position_mode(False, BTC)


@pytest.mark.cell("account: fees")
def test_fees(client: ccxt.binanceusdm) -> None:
    fee = client.fetch_trading_fee(BTC)
    assert (fee["maker"], fee["taker"]) == (0.0002, 0.0005)


@pytest.mark.cell("orders: limit, query, cancel")
def test_limit(client: ccxt.binanceusdm) -> None:
    price = away(client, BTC, 0.9)
    before = client.fetch_balance()["USDT"]
    order = client.create_order(BTC, "limit", "buy", 0.01, price)
    assert (order["status"], order["filled"], order["price"], order["amount"]) == ("open", 0, price, 0.01)
    tied_up = client.fetch_balance()["USDT"]
    assert exact(tied_up["used"]) - exact(before["used"]) == pytest.approx(exact(price) * exact(0.01) / 20)
    found = client.fetch_order(order["id"], BTC)
    assert (found["status"], found["clientOrderId"]) == ("open", order["clientOrderId"])
    assert [o["id"] for o in client.fetch_open_orders(BTC)] == [order["id"]]
    assert client.cancel_order(order["id"], BTC)["status"] == "canceled"
    assert client.fetch_open_orders(BTC) == []
    assert client.fetch_balance()["USDT"] == before


@pytest.mark.cell("orders: by client id")
def test_client_id(client: ccxt.binanceusdm) -> None:
    price = away(client, BTC, 0.9)
    client.create_order(BTC, "limit", "buy", 0.01, price, {"newClientOrderId": "mine-1"})
    assert client.fetch_order(None, BTC, {"origClientOrderId": "mine-1"})["clientOrderId"] == "mine-1"
    with refused(client, ccxt.InvalidOrder):
        client.create_order(BTC, "limit", "buy", 0.01, price, {"newClientOrderId": "mine-1"})
    client.cancel_order(None, BTC, {"origClientOrderId": "mine-1"})
    with pytest.raises(ccxt.OrderNotFound):
        client.cancel_order(None, BTC, {"origClientOrderId": "mine-1"})


@pytest.mark.cell("orders: market, position, profit and balance")
def test_market(client: ccxt.binanceusdm) -> None:
    flatten(client)
    before = exact(client.fetch_balance()["info"]["totalWalletBalance"])
    bought = client.create_order(BTC, "market", "buy", 0.05)
    assert (bought["status"], bought["filled"]) == ("closed", 0.05)
    held = client.fetch_positions([BTC])[0]
    assert (held["side"], held["contracts"], held["hedged"]) == ("long", 0.05, False)
    assert held["entryPrice"] == pytest.approx(bought["average"], rel=1e-6)
    expected = (exact(held["markPrice"]) - exact(held["entryPrice"])) * exact(0.05)
    assert held["unrealizedPnl"] == pytest.approx(float(expected), abs=0.01)
    assert held["notional"] == pytest.approx(held["markPrice"] * 0.05, rel=1e-6)
    sold = client.create_order(BTC, "market", "sell", 0.05, None, {"reduceOnly": True})
    assert position(client) == 0
    trades = [t for t in client.fetch_my_trades(BTC) if t["order"] in (bought["id"], sold["id"])]
    fees = sum(exact(t["info"]["commission"]) for t in trades)
    profit = sum(exact(t["info"]["realizedPnl"]) for t in trades)
    cash = sum(exact(t["cost"]) * (1 if t["side"] == "sell" else -1) for t in trades)
    assert fees == sum(exact(t["cost"]) for t in trades) * Decimal("0.0005")
    assert profit == cash
    assert exact(client.fetch_balance()["info"]["totalWalletBalance"]) - before == profit - fees
    assert {t["takerOrMaker"] for t in trades} == {"taker"}


@pytest.mark.cell("orders: short and reverse")
def test_short(client: ccxt.binanceusdm) -> None:
    flatten(client)
    client.create_order(BTC, "market", "sell", 0.02)
    assert position(client) == Decimal("-0.02")
    client.create_order(BTC, "market", "buy", 0.05)
    assert position(client) == Decimal("0.03")
    flatten(client)


@pytest.mark.cell("orders: post-only")
def test_post_only(client: ccxt.binanceusdm) -> None:
    order = client.create_order(BTC, "limit", "buy", 0.01, away(client, BTC, 0.9), {"postOnly": True})
    assert (order["status"], order["timeInForce"], order["postOnly"]) == ("open", "PO", True)
    client.cancel_order(order["id"], BTC)
    with refused(client, ccxt.OrderNotFillable):
        client.create_order(BTC, "limit", "buy", 0.01, away(client, BTC, 1.01), {"postOnly": True})


@pytest.mark.cell("orders: immediate or cancel")
def test_immediate(client: ccxt.binanceusdm) -> None:
    nothing = client.create_order(BTC, "limit", "buy", 0.01, away(client, BTC, 0.9), {"timeInForce": "IOC"})
    assert (nothing["status"], nothing["filled"]) == ("expired", 0)


@pytest.mark.cell("orders: fill or kill")
def test_all_or_nothing(client: ccxt.binanceusdm) -> None:
    with refused(client, ccxt.OrderNotFillable):
        client.create_order(BTC, "limit", "sell", 0.5, away(client, BTC, 1.1), {"timeInForce": "FOK"})


@pytest.mark.cell("orders: reduce-only")
def test_reduce_only(client: ccxt.binanceusdm) -> None:
    flatten(client)
    with refused(client, ccxt.InvalidOrder):
        client.create_order(BTC, "market", "sell", 0.01, None, {"reduceOnly": True})
    client.create_order(BTC, "market", "buy", 0.01)
    order = client.create_order(BTC, "limit", "sell", 0.01, away(client, BTC, 1.1), {"reduceOnly": True})
    assert (order["status"], order["reduceOnly"]) == ("open", True)
    client.cancel_order(order["id"], BTC)
    flatten(client)


@pytest.mark.cell("orders: edit")
def test_edit(client: ccxt.binanceusdm) -> None:
    order = client.create_order(BTC, "limit", "buy", 0.01, away(client, BTC, 0.9))
    price = away(client, BTC, 0.91)
    edited = client.edit_order(order["id"], BTC, "limit", "buy", 0.02, price)
    assert (edited["id"], edited["price"], edited["amount"], edited["status"]) == (order["id"], price, 0.02, "open")
    with refused(client, ccxt.OperationRejected):
        client.edit_order(order["id"], BTC, "limit", "buy", 0.02, price)
    client.cancel_order(order["id"], BTC)


@pytest.mark.cell("orders: trigger, query, cancel")
def test_trigger(client: ccxt.binanceusdm) -> None:
    stop = away(client, BTC, 0.95)
    order = client.create_order(BTC, "market", "sell", 0.01, None, {"stopLossPrice": stop})
    assert (order["status"], order["triggerPrice"]) == ("open", stop)
    assert client.fetch_open_orders(BTC) == []
    waiting = client.fetch_open_orders(BTC, params={"trigger": True})
    assert [(o["id"], o["triggerPrice"]) for o in waiting] == [(order["id"], stop)]
    assert client.fetch_order(order["id"], BTC, {"trigger": True})["status"] == "open"
    client.cancel_order(order["id"], BTC, {"trigger": True})
    assert client.fetch_open_orders(BTC, params={"trigger": True}) == []
    with refused(client, ccxt.OrderImmediatelyFillable):
        client.create_order(BTC, "market", "sell", 0.01, None, {"stopLossPrice": away(client, BTC, 1.05)})
    with pytest.raises(ccxt.ExchangeError, match="-4120"):
        client.fapiPrivatePostOrder(
            {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "quantity": "0.01", "stopPrice": str(stop)}
        )


@pytest.mark.cell("orders: a trigger is reached")
def test_triggered(client: ccxt.binanceusdm) -> None:
    flatten(client)
    last = max(touch(client, BTC)[1], client.fetch_ticker(BTC)["last"])
    near = float(client.price_to_precision(BTC, last * 1.0003))
    order = client.create_order(BTC, "market", "buy", 0.01, None, {"stopLossPrice": near})
    until = time.monotonic() + 20
    while client.fetch_open_orders(BTC, params={"trigger": True}) and time.monotonic() < until:
        client.create_order(BTC, "market", "buy", 0.5)
        time.sleep(0.05)
    assert client.fetch_order(order["id"], BTC)["status"] == "closed"
    flatten(client)


@pytest.mark.cell("orders: batch")
def test_batch(client: ccxt.binanceusdm) -> None:
    price = away(client, BTC, 0.9)
    one = {"symbol": BTC, "type": "limit", "side": "buy", "amount": 0.01, "price": price}
    placed = client.create_orders([one, {**one, "amount": 0.02}])
    assert [(o["status"], o["amount"]) for o in placed] == [("open", 0.01), ("open", 0.02)]
    ended = client.cancel_orders([o["id"] for o in placed], BTC)
    assert [o["status"] for o in ended] == ["canceled", "canceled"]


@pytest.mark.cell("orders: cancel all")
def test_cancel_all(client: ccxt.binanceusdm) -> None:
    for share in (0.9, 0.91, 0.92):
        client.create_order(BTC, "limit", "buy", 0.01, away(client, BTC, share))
    client.cancel_all_orders(BTC)
    assert client.fetch_open_orders(BTC) == []
    client.cancel_all_orders(BTC)


@pytest.mark.cell("orders: dead-man's switch")
def test_countdown(client: ccxt.binanceusdm) -> None:
    client.create_order(BTC, "limit", "buy", 0.01, away(client, BTC, 0.9))
    client.fapiPrivatePostCountdownCancelAll({"symbol": "BTCUSDT", "countdownTime": 600})
    assert len(client.fetch_open_orders(BTC)) == 1
    time.sleep(0.8)
    assert client.fetch_open_orders(BTC) == []


@pytest.mark.cell("orders: closed ones")
def test_closed(client: ccxt.binanceusdm) -> None:
    order = client.create_order(BTC, "market", "buy", 0.01)
    assert order["id"] in {o["id"] for o in client.fetch_closed_orders(BTC)}
    flatten(client)


@pytest.mark.cell("errors: funds")
def test_no_funds(client: ccxt.binanceusdm) -> None:
    with refused(client, ccxt.InsufficientFunds):
        client.create_order(BTC, "limit", "buy", 900, away(client, BTC, 0.9))


@pytest.mark.cell("errors: symbol")
def test_bad_symbol(client: ccxt.binanceusdm) -> None:
    with pytest.raises(ccxt.BadSymbol):
        client.fapiPublicGetDepth({"symbol": "NOSUCHCOIN"})


@pytest.mark.cell("errors: off the grid")
def test_bad_tick(client: ccxt.binanceusdm) -> None:
    request = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    price = client.price_to_precision(BTC, away(client, BTC, 0.9))
    with refused(client, ccxt.BadRequest):
        client.fapiPrivatePostOrder({**request, "quantity": "0.01", "price": f"{price.split('.')[0]}.01"})
    with refused(client, ccxt.BadRequest):
        client.fapiPrivatePostOrder({**request, "quantity": "0.0001", "price": price})
    with refused(client, ccxt.InvalidOrder):
        client.fapiPrivatePostOrder({**request, "quantity": "0.001", "price": price})


@pytest.mark.cell("errors: unknown order")
def test_unknown_order(client: ccxt.binanceusdm) -> None:
    with pytest.raises(ccxt.OrderNotFound):
        client.fetch_order("999999999", BTC)
    with pytest.raises(ccxt.OrderNotFound):
        client.cancel_order("999999999", BTC)


@pytest.mark.cell("errors: key and signature")
def test_bad_signature(emulated: Venue) -> None:
    with pytest.raises(ccxt.AuthenticationError):
        connected(emulated, emulated.key, "wrong").fapiPrivateV3GetAccount()
    with pytest.raises(ccxt.AuthenticationError):
        connected(emulated, "nobody", emulated.secret).fapiPrivateV3GetAccount()


@pytest.mark.cell("errors: clock")
def test_late(client: ccxt.binanceusdm) -> None:
    with pytest.raises(ccxt.InvalidNonce):
        client.fapiPrivateV3GetAccount({"timestamp": client.milliseconds() - 120_000})


@pytest.mark.cell("errors: rate of orders")
def test_too_many_orders(client: ccxt.binanceusdm, emulated: Venue) -> None:
    other = connected(emulated, emulated.said["accounts"][1]["key"], emulated.said["accounts"][1]["secret"])
    price = away(client, BTC, 0.9)
    with pytest.raises(ccxt.DDoSProtection, match="-1015"):
        for _ in range(620):
            other.create_order(BTC, "limit", "buy", 0.002, price)

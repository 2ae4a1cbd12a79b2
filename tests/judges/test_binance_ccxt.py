"""ccxt over REST at the emulated Binance spot market."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import ccxt
import pytest
from addresses import Venue, on_loopback
from prices import away, exact, soon, touch

VENUE = "binance spot"
CLIENT = "ccxt"
BTC = "BTC/USDT"


@pytest.fixture(scope="module")
def emulated(emulate: Callable[..., Venue]) -> Venue:
    return emulate("binance", "--accounts", "2")


@pytest.fixture(scope="module")
def client(emulated: Venue) -> ccxt.binance:
    return connected(emulated, emulated.key, emulated.secret)


def connected(emulated: Venue, key: str, secret: str) -> ccxt.binance:
    exchange = ccxt.binance({"apiKey": key, "secret": secret, "enableRateLimit": False})
    exchange.options["fetchOpenOrders"] = {"warnWithoutSymbol": False}
    return on_loopback(exchange, emulated.http, emulated.ws)


@pytest.mark.cell("markets: load")
def test_markets(client: ccxt.binance) -> None:
    markets = client.load_markets()
    assert {"BTC/USDT", "ETH/USDT", "SOL/USDT", "ETH/BTC", "BTC/USDT:USDT"} <= set(markets)
    btc = markets[BTC]
    assert btc["active"] and btc["spot"]
    assert (btc["precision"]["price"], btc["precision"]["amount"]) == (0.01, 0.00001)
    assert btc["limits"]["amount"]["min"] == 0.00001
    assert btc["limits"]["cost"]["min"] == 5


@pytest.mark.cell("markets: time")
def test_time(client: ccxt.binance) -> None:
    assert abs(client.fetch_time() - client.milliseconds()) < 2_000


@pytest.mark.cell("market data: order book")
def test_book(client: ccxt.binance) -> None:
    book = client.fetch_order_book(BTC, limit=20)
    bids, asks = [p for p, _ in book["bids"]], [p for p, _ in book["asks"]]
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]
    assert book["nonce"] > 0
    assert all(q > 0 for _, q in book["bids"] + book["asks"])


@pytest.mark.cell("market data: ticker")
def test_ticker(client: ccxt.binance) -> None:
    ticker = client.fetch_ticker(BTC)
    assert ticker["bid"] < ticker["ask"]
    assert ticker["low"] <= ticker["last"] <= ticker["high"]
    assert ticker["quoteVolume"] == pytest.approx(ticker["baseVolume"] * ticker["vwap"], rel=1e-3)
    assert set(client.fetch_tickers([BTC, "ETH/USDT"])) == {BTC, "ETH/USDT"}


@pytest.mark.cell("market data: best bids and asks")
def test_bids_asks(client: ccxt.binance) -> None:
    assert client.fetch_bids_asks()[BTC]["bid"] < client.fetch_bids_asks()[BTC]["ask"]


@pytest.mark.cell("market data: trades")
def test_trades(client: ccxt.binance) -> None:
    trades = soon(lambda: client.fetch_trades(BTC, limit=20), lambda found: len(found) > 3)
    assert [t["timestamp"] for t in trades] == sorted(t["timestamp"] for t in trades)
    assert {t["side"] for t in trades} <= {"buy", "sell"}
    assert all(t["amount"] > 0 and t["price"] > 0 for t in trades)


@pytest.mark.cell("market data: candles")
def test_candles(client: ccxt.binance) -> None:
    for timeframe, ms in (("1m", 60_000), ("5m", 300_000)):
        candles = client.fetch_ohlcv(BTC, timeframe, limit=5)
        assert candles
        assert all(low <= min(o, c) and max(o, c) <= high for _, o, high, low, c, _ in candles)
        assert all(start % ms == 0 for start, *_ in candles)


@pytest.mark.cell("account: balance")
def test_balance(client: ccxt.binance, emulated: Venue) -> None:
    balance = client.fetch_balance()
    for asset, funded in emulated.balances.items():
        assert exact(balance[asset]["total"]) == exact(funded), asset
        assert exact(balance[asset]["free"]) == exact(funded), asset


@pytest.mark.cell("orders: limit, query, cancel")
def test_limit(client: ccxt.binance) -> None:
    price = away(client, BTC, 0.9)
    before = client.fetch_balance()["USDT"]
    order = client.create_order(BTC, "limit", "buy", 0.01, price)
    assert (order["status"], order["filled"], order["price"], order["amount"]) == ("open", 0, price, 0.01)
    locked = client.fetch_balance()["USDT"]
    assert exact(locked["used"]) - exact(before["used"]) == exact(price) * exact(0.01)
    assert exact(locked["total"]) == exact(before["total"])
    found = client.fetch_order(order["id"], BTC)
    assert (found["status"], found["clientOrderId"], found["timeInForce"]) == ("open", order["clientOrderId"], "GTC")
    assert [o["id"] for o in client.fetch_open_orders(BTC)] == [order["id"]]
    assert client.cancel_order(order["id"], BTC)["status"] == "canceled"
    assert client.fetch_order(order["id"], BTC)["status"] == "canceled"
    assert client.fetch_open_orders(BTC) == []
    assert client.fetch_balance()["USDT"] == before


@pytest.mark.cell("orders: by client id")
def test_client_id(client: ccxt.binance) -> None:
    client.create_order(BTC, "limit", "buy", 0.01, away(client, BTC, 0.9), {"newClientOrderId": "mine-1"})
    assert client.fetch_order(None, BTC, {"origClientOrderId": "mine-1"})["clientOrderId"] == "mine-1"
    with pytest.raises(ccxt.InvalidOrder):
        client.create_order(BTC, "limit", "buy", 0.01, away(client, BTC, 0.9), {"newClientOrderId": "mine-1"})
    client.cancel_order(None, BTC, {"origClientOrderId": "mine-1"})
    with pytest.raises(ccxt.OrderNotFound):
        client.cancel_order(None, BTC, {"origClientOrderId": "mine-1"})


@pytest.mark.cell("orders: market buy, fills and balance")
def test_market_buy(client: ccxt.binance) -> None:
    before = client.fetch_balance()
    order = client.create_order(BTC, "market", "buy", 0.02)
    assert (order["status"], order["filled"], order["remaining"]) == ("closed", 0.02, 0)
    cost = sum(exact(f["price"]) * exact(f["qty"]) for f in order["info"]["fills"])
    fee = sum(exact(f["commission"]) for f in order["info"]["fills"])
    assert {f["commissionAsset"] for f in order["info"]["fills"]} == {"BTC"}
    assert fee == exact(0.02) * Decimal("0.001")
    assert exact(order["cost"]) == cost
    assert order["average"] == pytest.approx(float(cost) / 0.02)
    after = client.fetch_balance()
    assert exact(before["USDT"]["total"]) - exact(after["USDT"]["total"]) == cost
    assert exact(after["BTC"]["total"]) - exact(before["BTC"]["total"]) == exact(0.02) - fee
    trades = [t for t in client.fetch_my_trades(BTC) if t["order"] == order["id"]]
    assert sum(exact(t["amount"]) for t in trades) == exact(0.02)
    assert {t["takerOrMaker"] for t in trades} == {"taker"}
    assert sum(exact(t["fee"]["cost"]) for t in trades) == fee
    assert order["id"] in {o["id"] for o in client.fetch_closed_orders(BTC)}


@pytest.mark.cell("orders: market sell")
def test_market_sell(client: ccxt.binance) -> None:
    before = client.fetch_balance()
    order = client.create_order(BTC, "market", "sell", 0.01)
    assert (order["status"], order["filled"]) == ("closed", 0.01)
    fee = sum(exact(f["commission"]) for f in order["info"]["fills"])
    after = client.fetch_balance()
    assert exact(after["USDT"]["total"]) - exact(before["USDT"]["total"]) == exact(order["cost"]) - fee
    assert exact(before["BTC"]["total"]) - exact(after["BTC"]["total"]) == exact(0.01)


@pytest.mark.cell("orders: market buy for a sum")
def test_market_for_a_sum(client: ccxt.binance) -> None:
    order = client.create_market_buy_order_with_cost(BTC, 500)
    assert order["status"] == "closed"
    assert 490 < order["cost"] <= 500


@pytest.mark.cell("orders: post-only")
def test_post_only(client: ccxt.binance) -> None:
    order = client.create_order(BTC, "limit", "buy", 0.01, away(client, BTC, 0.9), {"postOnly": True})
    assert (order["status"], order["type"], order["postOnly"]) == ("open", "limit", True)
    client.cancel_order(order["id"], BTC)
    with pytest.raises(ccxt.OrderImmediatelyFillable):
        client.create_order(BTC, "limit", "buy", 0.01, away(client, BTC, 1.01), {"postOnly": True})


@pytest.mark.cell("orders: immediate or cancel")
def test_immediate(client: ccxt.binance) -> None:
    nothing = client.create_order(BTC, "limit", "buy", 0.01, away(client, BTC, 0.9), {"timeInForce": "IOC"})
    assert (nothing["status"], nothing["filled"]) == ("expired", 0)
    filled = client.create_order(BTC, "limit", "buy", 0.01, away(client, BTC, 1.01), {"timeInForce": "IOC"})
    assert (filled["status"], filled["filled"]) == ("closed", 0.01)


@pytest.mark.cell("orders: fill or kill")
def test_all_or_nothing(client: ccxt.binance) -> None:
    killed = client.create_order(BTC, "limit", "sell", 0.5, away(client, BTC, 1.1), {"timeInForce": "FOK"})
    assert (killed["status"], killed["filled"]) == ("expired", 0)


@pytest.mark.cell("orders: edit")
def test_edit(client: ccxt.binance) -> None:
    order = client.create_order(BTC, "limit", "buy", 0.01, away(client, BTC, 0.9))
    price = away(client, BTC, 0.91)
    edited = client.edit_order(order["id"], BTC, "limit", "buy", 0.02, price)
    assert (edited["price"], edited["amount"], edited["status"]) == (price, 0.02, "open")
    assert client.fetch_order(order["id"], BTC)["status"] == "canceled"
    client.cancel_order(edited["id"], BTC)


@pytest.mark.cell("orders: trigger")
def test_trigger(client: ccxt.binance) -> None:
    stop, limit = away(client, BTC, 0.95), away(client, BTC, 0.94)
    order = client.create_order(BTC, "limit", "sell", 0.01, limit, {"stopLossPrice": stop})
    assert (order["status"], order["triggerPrice"], order["price"]) == ("open", stop, limit)
    assert order["info"]["type"] == "STOP_LOSS_LIMIT"
    assert [o["id"] for o in client.fetch_open_orders(BTC)] == [order["id"]]
    client.cancel_order(order["id"], BTC)
    with pytest.raises(ccxt.OrderImmediatelyFillable):
        client.create_order(BTC, "limit", "sell", 0.01, limit, {"stopLossPrice": away(client, BTC, 1.05)})


@pytest.mark.cell("orders: cancel all")
def test_cancel_all(client: ccxt.binance) -> None:
    placed = {client.create_order(BTC, "limit", "buy", 0.01, away(client, BTC, share))["id"] for share in (0.9, 0.91, 0.92)}
    assert {o["id"] for o in client.fetch_open_orders()} == placed
    assert {o["id"] for o in client.cancel_all_orders(BTC)} == placed
    with pytest.raises(ccxt.OrderNotFound):
        client.cancel_all_orders(BTC)


@pytest.mark.cell("orders: a maker is filled by another account")
def test_two_accounts(client: ccxt.binance, emulated: Venue) -> None:
    other = connected(emulated, emulated.said["accounts"][1]["key"], emulated.said["accounts"][1]["secret"])
    bid, ask = touch(client, "ETH/BTC")
    tick = client.market("ETH/BTC")["precision"]["price"]
    price = bid if ask - bid < 1.5 * tick else float(client.price_to_precision("ETH/BTC", bid + tick))
    order = client.create_order("ETH/BTC", "limit", "buy", 0.1, price, {"postOnly": True})
    while client.fetch_order(order["id"], "ETH/BTC")["status"] == "open":
        other.create_order("ETH/BTC", "market", "sell", 0.1)
    trades = [t for t in client.fetch_my_trades("ETH/BTC") if t["order"] == order["id"]]
    assert {t["takerOrMaker"] for t in trades} == {"maker"}
    assert all(t["price"] == price for t in trades)
    assert sum(exact(t["amount"]) for t in trades) == exact(0.1)


@pytest.mark.cell("account: fees")
def test_fees(client: ccxt.binance) -> None:
    fee = client.fetch_trading_fee(BTC)
    assert (fee["maker"], fee["taker"]) == (0.001, 0.001)


@pytest.mark.cell("errors: funds")
def test_no_funds(client: ccxt.binance) -> None:
    with pytest.raises(ccxt.InsufficientFunds):
        client.create_order(BTC, "limit", "sell", 8_000, away(client, BTC, 1.02))


@pytest.mark.cell("errors: symbol")
def test_bad_symbol(client: ccxt.binance) -> None:
    with pytest.raises(ccxt.BadSymbol):
        client.publicGetDepth({"symbol": "NOSUCHCOIN"})


@pytest.mark.cell("errors: off the grid")
def test_bad_tick(client: ccxt.binance) -> None:
    request = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    price = client.price_to_precision(BTC, away(client, BTC, 0.9))
    with pytest.raises(ccxt.InvalidOrder, match="PRICE_FILTER"):
        client.privatePostOrder({**request, "quantity": "0.01", "price": f"{price[:-3]}.001"})
    with pytest.raises(ccxt.InvalidOrder, match="LOT_SIZE"):
        client.privatePostOrder({**request, "quantity": "0.000001", "price": price})
    with pytest.raises(ccxt.BadRequest, match="NOTIONAL"):  # what ccxt makes of -1013 in general
        client.privatePostOrder({**request, "quantity": "0.00001", "price": price})


@pytest.mark.cell("errors: unknown order")
def test_unknown_order(client: ccxt.binance) -> None:
    with pytest.raises(ccxt.OrderNotFound):
        client.fetch_order("999999999", BTC)
    with pytest.raises(ccxt.OrderNotFound):
        client.cancel_order("999999999", BTC)


@pytest.mark.cell("errors: key and signature")
def test_bad_signature(emulated: Venue) -> None:
    with pytest.raises(ccxt.AuthenticationError):
        connected(emulated, emulated.key, "wrong").privateGetAccount()
    with pytest.raises(ccxt.AuthenticationError):
        connected(emulated, "nobody", emulated.secret).privateGetAccount()


@pytest.mark.cell("errors: clock")
def test_late(client: ccxt.binance) -> None:
    with pytest.raises(ccxt.InvalidNonce):
        client.privateGetAccount({"timestamp": client.milliseconds() - 120_000})


@pytest.mark.cell("errors: rate of orders")
def test_too_many_orders(client: ccxt.binance, emulated: Venue) -> None:
    other = connected(emulated, emulated.said["accounts"][1]["key"], emulated.said["accounts"][1]["secret"])
    price = away(client, BTC, 0.9)
    with pytest.raises(ccxt.DDoSProtection, match="-1015"):
        for _ in range(110):
            other.create_order(BTC, "limit", "buy", 0.001, price)


@pytest.mark.cell("errors: rate of requests")
def test_too_much_weight(emulate: Callable[..., Venue]) -> None:
    pressed = emulate("binance")
    client = connected(pressed, pressed.key, pressed.secret)
    with pytest.raises(ccxt.DDoSProtection, match="429"):
        for _ in range(200):
            client.publicGetTicker24hr()
    with pytest.raises(ccxt.DDoSProtection, match="418"):
        for _ in range(200):
            try:
                client.publicGetPing()
            except ccxt.DDoSProtection as refusal:
                if "418" in str(refusal):
                    raise

"""ccxt over REST at the emulated Bybit: spot and linear perpetuals of one unified account."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import ccxt
import pytest
from addresses import Venue, on_loopback

VENUE = "bybit"
CLIENT = "ccxt"
SPOT = "BTC/USDT"
SWAP = "BTC/USDT:USDT"
BOTH = (SPOT, SWAP)
ANY_STATE = {"acknowledged": True}
SPOT_FEE = Decimal("0.001")
TAKER_FEE = Decimal("0.00055")


@pytest.fixture(scope="module")
def emulated(emulate: Callable[..., Venue]) -> Venue:
    return emulate("bybit", "--accounts", "3")


def connected(emulated: Venue, account: int, **options: Any) -> ccxt.bybit:
    keys = emulated.said["accounts"][account]
    exchange = ccxt.bybit({"apiKey": keys["key"], "secret": keys["secret"], **options})
    exchange = on_loopback(exchange, emulated.http, emulated.ws)
    exchange.load_markets()
    return exchange


@pytest.fixture(scope="module")
def client(emulated: Venue) -> ccxt.bybit:
    return connected(emulated, 0)


def exact(value: Any) -> Decimal:
    return Decimal(str(value))


def away(client: ccxt.bybit, symbol: str, share: float) -> float:
    """A price on the grid, `share` of the best bid."""
    return float(client.price_to_precision(symbol, client.fetch_order_book(symbol, 5)["bids"][0][0] * share))


def found(client: ccxt.bybit, order: dict[str, Any], symbol: str) -> dict[str, Any]:
    return client.fetch_order(order["id"], symbol, ANY_STATE)


@pytest.mark.cell("markets: load")
def test_markets(client: ccxt.bybit) -> None:
    assert {"BTC/USDT", "ETH/USDT", "ETH/BTC", "BTC/USDT:USDT", "SOL/USDT:USDT"} <= set(client.markets)
    spot, swap = client.market(SPOT), client.market(SWAP)
    assert (spot["id"], swap["id"]) == ("BTCUSDT", "BTCUSDT")
    assert (spot["precision"]["price"], spot["precision"]["amount"]) == (0.1, 0.000001)
    assert (swap["precision"]["price"], swap["precision"]["amount"]) == (0.1, 0.001)
    assert swap["linear"]
    assert swap["limits"]["cost"]["min"] == 5
    assert swap["limits"]["leverage"]["max"] == 125
    assert {"BTC", "USDT", "ETH"} <= set(client.fetch_currencies())


@pytest.mark.cell("markets: time")
def test_time(client: ccxt.bybit) -> None:
    assert abs(client.fetch_time() - client.milliseconds()) < 2_000


@pytest.mark.cell("market data: order book")
def test_book(client: ccxt.bybit) -> None:
    for symbol in BOTH:
        book = client.fetch_order_book(symbol, 20)
        bids, asks = [p for p, _ in book["bids"]], [p for p, _ in book["asks"]]
        assert bids == sorted(bids, reverse=True)
        assert asks == sorted(asks)
        assert 0 < len(bids) <= 20
        assert bids[0] < asks[0]
        assert all(q > 0 for _, q in book["bids"] + book["asks"])


@pytest.mark.cell("market data: ticker")
def test_ticker(client: ccxt.bybit) -> None:
    for symbol in BOTH:
        ticker = client.fetch_ticker(symbol)
        assert ticker["bid"] < ticker["ask"]
        assert ticker["low"] <= ticker["last"] <= ticker["high"]
        assert ticker["quoteVolume"] == pytest.approx(ticker["baseVolume"] * ticker["vwap"], rel=1e-6)
        other = symbol.replace("BTC", "ETH")
        assert set(client.fetch_tickers([symbol, other])) == {symbol, other}


@pytest.mark.cell("market data: trades")
def test_trades(client: ccxt.bybit) -> None:
    for symbol in BOTH:
        trades = client.fetch_trades(symbol, limit=20)
        assert trades
        assert [t["timestamp"] for t in trades] == sorted(t["timestamp"] for t in trades)
        assert len({t["id"] for t in trades}) == len(trades)
        assert all(t["amount"] > 0 and t["price"] > 0 and t["side"] in ("buy", "sell") for t in trades)


@pytest.mark.cell("market data: candles")
def test_candles(client: ccxt.bybit) -> None:
    for symbol in BOTH:
        for timeframe, ms in (("1m", 60_000), ("5m", 300_000), ("1d", 86_400_000)):
            candles = client.fetch_ohlcv(symbol, timeframe, limit=5)
            assert candles
            starts = [start for start, *_ in candles]
            assert starts == list(range(starts[0], starts[0] + ms * len(candles), ms))
            assert all(low <= min(o, c) and max(o, c) <= high for _, o, high, low, c, _ in candles)


@pytest.mark.cell("market data: mark, index and funding")
def test_funding(client: ccxt.bybit) -> None:
    funding = client.fetch_funding_rate(SWAP)
    assert funding["markPrice"] == pytest.approx(funding["indexPrice"], rel=0.05)
    assert client.milliseconds() < funding["fundingTimestamp"] <= client.milliseconds() + 8 * 3_600_000
    assert abs(funding["fundingRate"]) < 0.01
    tiers = client.fetch_market_leverage_tiers(SWAP)
    assert [t["minNotional"] for t in tiers] == [0, *(t["maxNotional"] for t in tiers[:-1])]


@pytest.mark.cell("account: balance")
def test_balance(emulated: Venue) -> None:
    balance = connected(emulated, 2).fetch_balance()
    for asset, funded in emulated.balances.items():
        assert exact(balance[asset]["total"]) == exact(funded), asset
        assert exact(balance[asset]["free"]) == exact(funded), asset


@pytest.mark.cell("account: fees")
def test_fees(client: ccxt.bybit) -> None:
    assert (client.fetch_trading_fee(SPOT)["maker"], client.fetch_trading_fee(SPOT)["taker"]) == (0.001, 0.001)
    assert (client.fetch_trading_fee(SWAP)["maker"], client.fetch_trading_fee(SWAP)["taker"]) == (0.0002, 0.00055)


@pytest.mark.cell("orders: limit, query, cancel")
def test_limit(client: ccxt.bybit) -> None:
    for symbol in BOTH:
        price = away(client, symbol, 0.9)
        before = client.fetch_balance()["USDT"]
        order = client.create_order(symbol, "limit", "buy", 0.01, price)
        seen = client.fetch_open_order(order["id"], symbol)
        assert (seen["status"], seen["filled"], seen["price"], seen["amount"]) == ("open", 0, price, 0.01)
        assert (seen["symbol"], seen["type"], seen["side"], seen["timeInForce"]) == (symbol, "limit", "buy", "GTC")
        assert [o["id"] for o in client.fetch_open_orders(symbol)] == [order["id"]]
        if symbol == SPOT:
            locked = client.fetch_balance()["USDT"]
            assert exact(locked["used"]) - exact(before["used"]) == exact(price) * exact(0.01)
            assert exact(locked["total"]) == exact(before["total"])
        client.cancel_order(order["id"], symbol)
        assert found(client, order, symbol)["status"] == "canceled"
        assert order["id"] in [o["id"] for o in client.fetch_canceled_orders(symbol)]
        assert client.fetch_open_orders(symbol) == []
        assert client.fetch_balance()["USDT"] == before


@pytest.mark.cell("orders: by client id")
def test_client_id(client: ccxt.bybit) -> None:
    for symbol in BOTH:
        mine = {"clientOrderId": f"mine-{len(symbol)}"}
        order = client.create_order(symbol, "limit", "buy", 0.01, away(client, symbol, 0.9), mine)
        assert client.fetch_open_order(order["id"], symbol)["clientOrderId"] == mine["clientOrderId"]
        with pytest.raises(ccxt.InvalidOrder):
            client.create_order(symbol, "limit", "buy", 0.01, away(client, symbol, 0.9), mine)
        client.cancel_order(None, symbol, {"orderLinkId": mine["clientOrderId"]})
        assert found(client, order, symbol)["status"] == "canceled"


@pytest.mark.cell("orders: edit")
def test_edit(client: ccxt.bybit) -> None:
    for symbol in BOTH:
        order = client.create_order(symbol, "limit", "buy", 0.01, away(client, symbol, 0.9))
        price = away(client, symbol, 0.88)
        client.edit_order(order["id"], symbol, "limit", "buy", 0.02, price)
        seen = client.fetch_open_order(order["id"], symbol)
        assert (seen["id"], seen["price"], seen["amount"]) == (order["id"], price, 0.02)
        with pytest.raises(ccxt.BadRequest):
            client.edit_order(order["id"], symbol, "limit", "buy", 0.02, price)
        client.cancel_order(order["id"], symbol)


@pytest.mark.cell("orders: spot market, by quantity and by cost")
def test_spot_market(client: ccxt.bybit) -> None:
    before = client.fetch_balance()
    order = found(client, client.create_order(SPOT, "market", "buy", 0.004), SPOT)
    trades = client.fetch_my_trades(SPOT, params={"orderId": order["id"]})
    cost = sum(exact(t["price"]) * exact(t["amount"]) for t in trades)
    after = client.fetch_balance()
    assert (order["status"], order["filled"], order["remaining"]) == ("closed", 0.004, 0)
    assert exact(order["cost"]) == cost
    assert float(cost / exact(0.004)) == pytest.approx(order["average"], abs=1e-7)
    # The fee of a purchase is paid in what was bought.
    assert {t["fee"]["currency"] for t in trades} == {"BTC"}
    assert exact(after["BTC"]["total"]) - exact(before["BTC"]["total"]) == exact(0.004) * (1 - SPOT_FEE)
    assert exact(before["USDT"]["total"]) - exact(after["USDT"]["total"]) == cost
    spent = found(client, client.create_market_buy_order_with_cost(SPOT, 300), SPOT)
    assert spent["status"] in ("closed", "canceled")
    assert 290 < spent["cost"] <= 300
    sold = found(client, client.create_order(SPOT, "market", "sell", 0.004), SPOT)
    assert (sold["status"], sold["fee"]["currency"]) == ("closed", "USDT")
    assert exact(sold["fee"]["cost"]) == pytest.approx(exact(sold["cost"]) * SPOT_FEE, abs=Decimal("1e-8"))


@pytest.mark.cell("orders: post-only")
def test_post_only(client: ccxt.bybit) -> None:
    for symbol in BOTH:
        rests = client.create_order(symbol, "limit", "buy", 0.01, away(client, symbol, 0.9), {"postOnly": True})
        assert client.fetch_open_order(rests["id"], symbol)["info"]["timeInForce"] == "PostOnly"
        client.cancel_order(rests["id"], symbol)
        # One that would take is acknowledged, and cancelled then.
        crosses = client.create_order(symbol, "limit", "buy", 0.01, away(client, symbol, 1.01), {"postOnly": True})
        seen = found(client, crosses, symbol)
        assert (seen["status"], seen["filled"]) == ("canceled", 0)
        assert seen["info"]["rejectReason"] == "EC_PostOnlyWillTakeLiquidity"


@pytest.mark.cell("orders: immediate or cancel, fill or kill")
def test_immediate(client: ccxt.bybit) -> None:
    for symbol in BOTH:
        for how in ("IOC", "FOK"):
            away_order = client.create_order(
                symbol, "limit", "sell", 0.01, away(client, symbol, 1.1), {"timeInForce": how}
            )
            seen = found(client, away_order, symbol)
            assert (seen["status"], seen["filled"], seen["timeInForce"]) == ("canceled", 0, how)
        taken = client.create_order(symbol, "limit", "buy", 0.001, away(client, symbol, 1.01), {"timeInForce": "FOK"})
        assert found(client, taken, symbol)["filled"] == 0.001
    client.create_order(SWAP, "market", "sell", 0.001, None, {"reduceOnly": True})


@pytest.mark.cell("positions: open, reduce only, close")
def test_positions(emulated: Venue) -> None:
    client = connected(emulated, 1)
    client.set_leverage(10, SWAP)
    before = exact(client.fetch_balance()["USDT"]["total"])
    with pytest.raises(ccxt.InvalidOrder):
        client.create_order(SWAP, "market", "sell", 0.01, None, {"reduceOnly": True})
    bought = found(client, client.create_order(SWAP, "market", "buy", 0.01), SWAP)
    (position,) = client.fetch_positions([SWAP])
    assert (position["side"], position["contracts"], position["leverage"]) == ("long", 0.01, 10)
    assert position["entryPrice"] == pytest.approx(bought["average"], abs=1e-7)
    mark = exact(position["markPrice"])
    assert exact(position["unrealizedPnl"]) == mark * exact(0.01) - exact(bought["cost"])
    assert exact(position["initialMargin"]) == pytest.approx(mark * exact(0.01) / 10, abs=Decimal("1e-6"))
    # More than the position is cut to it.
    sold = found(client, client.create_order(SWAP, "market", "sell", 0.01, None, {"reduceOnly": True}), SWAP)
    assert sold["reduceOnly"]
    assert client.fetch_positions([SWAP])[0]["contracts"] == 0
    fees = exact(bought["fee"]["cost"]) + exact(sold["fee"]["cost"])
    assert fees == pytest.approx((exact(bought["cost"]) + exact(sold["cost"])) * TAKER_FEE, abs=Decimal("1e-6"))
    after = exact(client.fetch_balance()["USDT"]["total"])
    assert after - before == pytest.approx(exact(sold["cost"]) - exact(bought["cost"]) - fees, abs=Decimal("1e-9"))


@pytest.mark.cell("positions: hedge mode")
def test_hedge(emulated: Venue) -> None:
    client = connected(emulated, 2)
    client.set_position_mode(True, SWAP)
    client.create_order(SWAP, "market", "buy", 0.002, None, {"hedged": True})
    client.create_order(SWAP, "market", "sell", 0.001, None, {"hedged": True})
    sizes = {p["side"]: p["contracts"] for p in client.fetch_positions([SWAP])}
    assert sizes == {"long": 0.002, "short": 0.001}
    with pytest.raises(ccxt.BadRequest):
        client.set_position_mode(False, SWAP)
    client.create_order(SWAP, "market", "sell", 0.002, None, {"hedged": True, "reduceOnly": True})
    client.create_order(SWAP, "market", "buy", 0.001, None, {"hedged": True, "reduceOnly": True})
    client.set_position_mode(False, SWAP)


@pytest.mark.cell("orders: trigger")
def test_trigger(client: ccxt.bybit) -> None:
    for symbol in BOTH:
        rising = {"triggerDirection": "ascending"} if symbol == SWAP else {}
        price = away(client, symbol, 1.1)
        order = client.create_order(symbol, "market", "buy", 0.01, None, {"triggerPrice": price, **rising})
        (seen,) = client.fetch_open_orders(symbol, params={"trigger": True})
        assert (seen["id"], seen["triggerPrice"], seen["info"]["orderStatus"]) == (order["id"], price, "Untriggered")
        client.cancel_all_orders(symbol, {"trigger": True})
        assert found(client, order, symbol)["info"]["orderStatus"] == "Deactivated"
        order = soon(client, symbol)
        until = time.monotonic() + 20
        while (status := found(client, order, symbol)["status"]) == "open" and time.monotonic() < until:
            time.sleep(0.2)
        assert status == "closed"
    client.create_order(SWAP, "market", "buy", 0.001, None, {"reduceOnly": True})


def soon(client: ccxt.bybit, symbol: str) -> dict[str, Any]:
    """A sale that is triggered by the next trade below the last one, entered when that trade was a purchase."""
    falling = {"triggerDirection": "descending"} if symbol == SWAP else {}
    until = time.monotonic() + 20
    while True:
        near = client.price_to_precision(symbol, client.fetch_order_book(symbol, 1)["bids"][0][0] + 0.1)
        try:
            return client.create_order(symbol, "market", "sell", 0.001, None, {"triggerPrice": near, **falling})
        except ccxt.InvalidOrder:
            assert time.monotonic() < until
            time.sleep(0.2)


@pytest.mark.cell("orders: several at once")
def test_batch(client: ccxt.bybit) -> None:
    for symbol in BOTH:
        far = {"symbol": symbol, "type": "limit", "side": "buy", "amount": 0.01}
        prices = [away(client, symbol, 0.9), away(client, symbol, 0.89)]
        poor = {**far, "amount": 900, "price": away(client, symbol, 0.95)}
        made = client.create_orders([*({**far, "price": price} for price in prices), poor])
        assert [o["status"] for o in made] == [None, None, "rejected"]
        assert sorted(o["price"] for o in client.fetch_open_orders(symbol)) == sorted(prices)
        client.cancel_orders([o["id"] for o in made[:2]], symbol)
        assert client.fetch_open_orders(symbol) == []


@pytest.mark.cell("orders: history")
def test_history(client: ccxt.bybit) -> None:
    for symbol in BOTH:
        closed = client.fetch_closed_orders(symbol)
        assert closed
        assert {o["status"] for o in closed} == {"closed"}
        traded = client.fetch_my_trades(symbol)
        filled = sum(exact(o["filled"]) for o in closed)
        assert filled == sum(exact(t["amount"]) for t in traded if t["order"] in {o["id"] for o in closed})


@pytest.mark.cell("errors: funds")
def test_funds(client: ccxt.bybit) -> None:
    with pytest.raises(ccxt.InsufficientFunds):
        client.create_order(SPOT, "limit", "buy", 50, away(client, SPOT, 0.9))
    with pytest.raises(ccxt.InsufficientFunds):
        client.create_order(SWAP, "limit", "buy", 900, away(client, SWAP, 0.9))


@pytest.mark.cell("errors: symbol, tick, size")
def test_filters(client: ccxt.bybit) -> None:
    with pytest.raises(ccxt.BadSymbol):
        client.publicGetV5MarketTickers({"category": "spot", "symbol": "NOPEUSDT"})
    off = {"price": "60000.123456"}
    with pytest.raises(ccxt.InvalidOrder, match="170134"):
        client.create_order(SPOT, "limit", "buy", 0.01, 60_000, off)
    with pytest.raises(ccxt.BadRequest, match="price"):
        client.create_order(SWAP, "limit", "buy", 0.01, 60_000, off)
    with pytest.raises(ccxt.InvalidOrder, match="170140"):
        client.create_order(SPOT, "limit", "buy", 0.000002, away(client, SPOT, 0.9))
    with pytest.raises(ccxt.BadRequest, match="minimum limit"):
        client.create_order(SWAP, "limit", "buy", 0.001, 60_000, {"qty": "0"})


@pytest.mark.cell("errors: unknown order")
def test_unknown(client: ccxt.bybit) -> None:
    for symbol in BOTH:
        with pytest.raises(ccxt.OrderNotFound):
            client.cancel_order("1234567890", symbol)


@pytest.mark.cell("errors: signature, key, clock")
def test_credentials(client: ccxt.bybit, emulated: Venue) -> None:
    wrong = connected(emulated, 0)
    wrong.secret = emulated.secret[::-1]
    with pytest.raises(ccxt.AuthenticationError):
        wrong.fetch_balance({"type": "swap"})
    unknown = connected(emulated, 0)
    unknown.apiKey = "nobody"
    with pytest.raises(ccxt.AuthenticationError):
        unknown.fetch_open_orders(SPOT)
    late = connected(emulated, 0)
    late.options["timeDifference"] = 60_000
    with pytest.raises(ccxt.InvalidNonce):
        late.fetch_open_orders(SPOT)


@pytest.mark.cell("errors: rate limit")
def test_rate_limit(emulated: Venue) -> None:
    hasty = connected(emulated, 2, enableRateLimit=False)
    price = away(hasty, SWAP, 0.9)
    with pytest.raises(ccxt.RateLimitExceeded, match="10006"):
        for _ in range(60):
            hasty.create_order(SWAP, "limit", "buy", 0.001, price)
    time.sleep(1.1)
    hasty.cancel_all_orders(SWAP)
    assert hasty.fetch_open_orders(SWAP) == []

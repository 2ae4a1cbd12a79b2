"""ccxt.pro's own handlers and simdjson's parser on frames in files, without a network: run in their environment.

`ccxt_pro.py FOLDER ROUNDS` reads the frames that our benches left in FOLDER and prints a JSON line per row. A frame
goes in where ccxt's socket would hand it over, as text: `Client.handle_text_or_binary_message`, so that parsing
(orjson), finding the handler, handling and waking whoever waits are in it, as for its user. simdjson parses only.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import ccxt.pro
import simdjson

WINDOW = 200
BTC = {"base": "BTC", "quote": "USDT", "baseId": "BTC", "quoteId": "USDT", "id": "BTCUSDT", "active": True}
SPOT = {**BTC, "symbol": "BTC/USDT", "type": "spot", "spot": True, "swap": False, "contract": False}
SWAP = {**BTC, "symbol": "BTC/USDT:USDT", "type": "swap", "spot": False, "swap": True, "contract": True, "linear": True}
SPOT |= {"option": False, "future": False, "inverse": False, "linear": False}
SWAP |= {"option": False, "future": False, "inverse": False, "subType": "linear", "settle": "USDT", "settleId": "USDT"}
PRECISION = {"precision": {"price": 0.01, "amount": 0.001}, "limits": {}, "info": {}}


def frames(folder: Path, name: str) -> list[str]:
    return (folder / f"{name}.frames").read_text().split("\n")


def windows(texts: list[str], take: Callable[[str], object]) -> list[int]:
    """Elapsed ns of each stretch of frames, in order."""
    taken = []
    for start in range(0, len(texts) - WINDOW + 1, WINDOW):
        stretch = texts[start : start + WINDOW]
        began = time.perf_counter_ns()
        for text in stretch:
            take(text)
        taken.append(time.perf_counter_ns() - began)
    return taken


def row(name: str, unit: str, elapsed_ns: list[int], evidence: str) -> None:
    print(
        json.dumps({"name": name, "ops": {unit: WINDOW}, "elapsed_ns": elapsed_ns, "hash": evidence, "left": evidence})
    )


def exchange(venue: str) -> ccxt.pro.Exchange:
    made = getattr(ccxt.pro, venue)({"newUpdates": True})
    made.set_markets([{**SPOT, **PRECISION}, {**SWAP, **PRECISION}])
    return made


def binance_depth(folder: Path, rounds: int) -> None:
    texts, elapsed = frames(folder, "binance_usdm_depth"), list[int]()
    venue = exchange("binance")
    client = venue.client("wss://fstream.binance.com/public/ws")
    for _ in range(rounds):
        first = json.loads(texts[0])["data"]["U"] - 1
        start = {"bids": [[61837.63, 100.0]], "asks": [[61837.64, 100.0]], "nonce": first}
        venue.orderbooks[SWAP["symbol"]] = venue.order_book(start, 1000)
        elapsed += windows(texts, client.handle_text_or_binary_message)
        book = venue.orderbooks[SWAP["symbol"]]
        if book["nonce"] != json.loads(texts[-1])["data"]["u"]:
            raise SystemExit(f"ccxt's book stopped at {book['nonce']}")
    row("ccxt_binance_usdm_depth", "frame", elapsed, f"{book['bids'][0][0]:.2f} {book['asks'][0][0]:.2f}")


def binance_trades(folder: Path, rounds: int) -> None:
    texts, elapsed = frames(folder, "binance_spot_trades"), list[int]()
    venue = exchange("binance")
    client = venue.client("wss://stream.binance.com:9443/stream")
    for _ in range(rounds):
        elapsed += windows(texts, client.handle_text_or_binary_message)
    last = json.loads(texts[-1])["data"]["t"]
    kept = venue.trades[SPOT["symbol"]][-1]
    if kept["id"] != str(last):
        raise SystemExit(f"ccxt's last trade is {kept['id']}, not {last}")
    row("ccxt_binance_spot_trades", "trade", elapsed, f"last {last}")


def bybit_depth(folder: Path, rounds: int) -> None:
    texts, elapsed = frames(folder, "bybit_linear_depth"), list[int]()
    venue = exchange("bybit")
    client = venue.client("wss://stream.bybit.com/v5/public/linear")
    for _ in range(rounds):
        elapsed += windows(texts, client.handle_text_or_binary_message)
    book = venue.orderbooks[SWAP["symbol"]]
    if not book["bids"] or not book["asks"]:
        raise SystemExit("ccxt's book is empty")
    row("ccxt_bybit_linear_depth", "frame", elapsed, f"{book['bids'][0][0]:.2f} {book['asks'][0][0]:.2f}")


def parsed(folder: Path, name: str, unit: str, rounds: int) -> None:
    """Only parse, with simdjson: no value is taken out of the document."""
    parser, elapsed, texts = simdjson.Parser(), list[int](), [t.encode() for t in frames(folder, name)]

    def parse(text: bytes) -> None:
        parser.parse(text)

    for _ in range(rounds):
        for start in range(0, len(texts) - WINDOW + 1, WINDOW):
            stretch = texts[start : start + WINDOW]
            began = time.perf_counter_ns()
            for text in stretch:
                parse(text)
            elapsed.append(time.perf_counter_ns() - began)
    row(f"simdjson_{name}", unit, elapsed, "-")


async def main() -> None:
    """Within a loop, because ccxt's clients want one."""
    folder, rounds = Path(sys.argv[1]), int(sys.argv[2])
    binance_depth(folder, rounds)
    bybit_depth(folder, rounds)
    binance_trades(folder, rounds)
    for name, unit in (
        ("binance_usdm_depth", "frame"),
        ("bybit_linear_depth", "frame"),
        ("binance_spot_trades", "trade"),
    ):
        parsed(folder, name, unit, rounds * 10)


asyncio.run(main())

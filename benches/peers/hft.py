"""Grid market making on hftbacktest: `python hft.py FOLDER [--orders FILE]`.

Run by an interpreter that has the peer; prints one JSON line. The events are those that this project's recording holds,
turned into the peer's own format. Queue position by the power law (power 2), 4 ms there and 4 ms back, the exchange
model that fills whole orders. Timed on both of its books; with `--orders` its orders are written down.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import hftbacktest
import numpy as np
from hftbacktest import (
    BUY,
    BUY_EVENT,
    DEPTH_CLEAR_EVENT,
    DEPTH_EVENT,
    DEPTH_SNAPSHOT_EVENT,
    GTX,
    LIMIT,
    NEW,
    SELL_EVENT,
    TRADE_EVENT,
    BacktestAsset,
    HashMapMarketDepthBacktest,
    ROIVectorMarketDepthBacktest,
)
from hftbacktest.data import correct_event_order, validate_event_order
from hftbacktest.types import event_dtype
from numba import njit

import workloads

STEP_NS, LATENCY_NS = 100_000_000, 4_000_000
HALF_TICKS, GRID_TICKS, LEVELS, LOTS, MOST_LOTS = 50, 10, 10, 10, 1_000
TICK, LOT = 0.1, 0.001
_ROUNDS = 5
_SELLS = 1 << 40


def events(folder: Path) -> Any:
    """The recording in the peer's format, in order on both of its clocks."""
    depth, trades = workloads.read(folder, "grid_depth"), workloads.read(folder, "grid_trades")
    sides = np.array([BUY_EVENT, SELL_EVENT], np.uint64)
    opening = np.zeros(2, event_dtype)
    opening["ev"] = DEPTH_CLEAR_EVENT | sides
    opening["exch_ts"], opening["local_ts"] = depth["ts"][0], depth["recv"][0]
    changes = np.zeros(len(depth["ts"]), event_dtype)
    kind = np.where(depth["is_snapshot"] == 1, DEPTH_SNAPSHOT_EVENT, DEPTH_EVENT).astype(np.uint64)
    changes["ev"] = kind | sides[depth["side"]]
    prints = np.zeros(len(trades["ts"]), event_dtype)
    prints["ev"] = np.uint64(TRADE_EVENT) | sides[trades["side"]]
    for rows, columns in ((changes, depth), (prints, trades)):
        rows["exch_ts"], rows["local_ts"] = columns["ts"], columns["recv"]
        rows["px"], rows["qty"] = columns["price"] * TICK, columns["size"] * LOT
    whole = np.concatenate([opening, changes, prints])
    orders = (np.argsort(whole[clock], kind="mergesort") for clock in ("exch_ts", "local_ts"))
    out = correct_event_order(whole, *orders)
    validate_event_order(out)
    return out


@njit
def write_orders(hbt: Any, kept: Any, rows: int) -> int:
    """A row per order that is known: the time, side, price, and whether it filled since the last look (1) or rests (0).

    The time is the exchange's for a fill, and that of the look for one that rests.
    """
    values = hbt.orders(0).values()
    while values.has_next():
        order = values.get()
        if (order.exec_qty > 0 or order.status == NEW) and rows < len(kept):
            kept[rows, 0] = order.exch_timestamp if order.exec_qty > 0 else hbt.current_timestamp
            kept[rows, 1] = order.side
            kept[rows, 2] = order.price_tick
            kept[rows, 3] = order.exec_qty > 0
            rows += 1
    return rows


@njit
def cancel_outside(hbt: Any, bid: int, ask: int) -> int:
    """Cancel what left the grid; the number of requests."""
    requests = 0
    width = GRID_TICKS * LEVELS
    values = hbt.orders(0).values()
    while values.has_next():
        order = values.get()
        price = order.price_tick
        inside = bid - width <= price <= bid if order.side == BUY else ask <= price <= ask + width
        if order.cancellable and not inside:
            hbt.cancel(0, order.order_id, False)
            requests += 1
    return requests


@njit
def fill_gaps(hbt: Any, bid: int, ask: int, lots_held: int) -> int:
    """Place what the grid lacks; the number of requests."""
    requests, mine = 0, hbt.orders(0)
    for level in range(LEVELS):
        price = bid - level * GRID_TICKS
        if lots_held < MOST_LOTS and np.uint64(price) not in mine:
            hbt.submit_buy_order(0, np.uint64(price), price * TICK, LOTS * LOT, GTX, LIMIT, False)
            requests += 1
        price = ask + level * GRID_TICKS
        if lots_held > -MOST_LOTS and np.uint64(price + _SELLS) not in mine:
            hbt.submit_sell_order(0, np.uint64(price + _SELLS), price * TICK, LOTS * LOT, GTX, LIMIT, False)
            requests += 1
    return requests


@njit
def grid(hbt: Any, start_ns: int, kept: Any) -> tuple[int, int]:
    """Quote the grid at every step; the number of requests, and of rows written."""
    requests = rows = 0
    if hbt.elapse(1) != 0:
        return 0, 0
    wait = (start_ns - hbt.current_timestamp) % STEP_NS
    while hbt.elapse(wait) == 0:
        wait = STEP_NS
        if len(kept) > 0:
            rows = write_orders(hbt, kept, rows)
        hbt.clear_inactive_orders(0)
        depth, lots_held = hbt.depth(0), round(hbt.position(0) / LOT)
        best_bid, best_ask = depth.best_bid_tick, depth.best_ask_tick
        if best_bid <= 0 or best_ask <= best_bid or best_ask > 1 << 30:
            continue
        middle, lean = (best_bid + best_ask) / 2.0, HALF_TICKS * (lots_held / MOST_LOTS)
        bid = int(np.floor(min(middle - HALF_TICKS - lean, best_bid) / GRID_TICKS)) * GRID_TICKS
        ask = int(np.ceil(max(middle + HALF_TICKS - lean, best_ask) / GRID_TICKS)) * GRID_TICKS
        requests += cancel_outside(hbt, bid, ask) + fill_gaps(hbt, bid, ask, lots_held)
    return requests, rows


def backtest(data: Any, book: Any) -> Any:
    asset = BacktestAsset().data([data]).linear_asset(1.0).constant_order_latency(LATENCY_NS, LATENCY_NS)
    asset = asset.power_prob_queue_model(2.0).trading_value_fee_model(-0.00005, 0.0007).tick_size(TICK).lot_size(LOT)
    asset = asset.no_partial_fill_exchange()
    if book is ROIVectorMarketDepthBacktest:
        asset = asset.roi_lb(40_000.0).roi_ub(80_000.0)
    return book([asset])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("start_ns", type=int)
    parser.add_argument("--orders", type=Path)
    options = parser.parse_args()
    data = events(options.folder)
    none = np.zeros((0, 4), np.int64)
    if options.orders:
        kept = np.zeros((1_000_000, 4), np.int64)
        hbt = backtest(data, HashMapMarketDepthBacktest)
        requests, rows = grid(hbt, options.start_ns, kept)
        np.save(options.orders, kept[:rows])
        print(json.dumps({"requests": requests, "fills": int(hbt.state_values(0).num_trades)}))
        return
    best: dict[str, float] = {}
    said: dict[str, Any] = {}
    for book in (HashMapMarketDepthBacktest, ROIVectorMarketDepthBacktest):
        for go in range(_ROUNDS + 1):
            hbt = backtest(data, book)
            spent = time.thread_time()
            requests, _ = grid(hbt, options.start_ns, none)
            spent = time.thread_time() - spent
            state = hbt.state_values(0)
            # The first go compiles.
            if go:
                best[book.__name__] = min(best.get(book.__name__, np.inf), spent)
            said = {"requests": requests, "fills": int(state.num_trades), "held": float(state.position)}
            said["balance"] = float(state.balance) - float(state.fee)
            hbt.close()
    print(json.dumps({"version": hftbacktest.__version__, "events": len(data), "cpu_s": best, **said}))


if __name__ == "__main__":
    main()

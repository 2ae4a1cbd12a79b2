"""`tradewind emulate` as its user runs it: it says where the venues are, answers there, and ends when it is told to."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from http.client import HTTPConnection
from pathlib import Path
from time import sleep
from typing import Any

import polars as pl
import pytest


@contextmanager
def emulating(commands: Any, *options: object) -> Iterator[tuple[subprocess.Popen[str], list[dict[str, Any]]]]:
    """The command at work, and what it said of each venue."""
    with commands.start("emulate", *options, "--json") as server:
        try:
            venues = str(options[options.index("--venues") + 1]).split(",")
            yield server, [json.loads(server.stdout.readline()) for _ in venues]
        finally:
            server.kill()


def ask(venue: dict[str, Any], path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    connection = HTTPConnection(venue["http"].removeprefix("http://"), timeout=10)
    try:
        connection.request("GET" if body is None else "POST", path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_venues_answer_where_it_says_and_it_ends_in_order(commands: Any, ending: signal.Signals) -> None:
    with emulating(commands, "--venues", "binance,bybit", "--accounts", "2", "--seed", "5") as (server, said):
        assert [venue["venue"] for venue in said] == ["binance", "bybit"]
        for venue in said:
            assert venue["http"].startswith("http://127.0.0.1:") and venue["ws"].startswith("ws://127.0.0.1:")
            assert len(venue["accounts"]) == 2
            status, truth = ask(venue, f"/emulator/state?key={venue['accounts'][1]['key']}")
            assert status == 200 and truth["account"] == 1
            assert {a: b["wallet"] for a, b in truth["spot"]["balances"].items()} == venue["balances"]
        server.send_signal(ending)
        assert server.wait(timeout=20) == 0
        assert server.stderr is not None and server.stderr.read() == ""


def test_one_seed_gives_the_same_keys_and_another_others(commands: Any) -> None:
    def key(seed: str) -> str:
        with emulating(commands, "--venues", "binance", "--seed", seed) as (_, said):
            return str(said[0]["key"])

    assert key("5") == key("5") != key("6")


def test_faults_are_asked_for_at_the_start_and_later(commands: Any) -> None:
    with emulating(commands, "--venues", "binance", "--faults", '{"http_error_per_mille": 1000}') as (_, said):
        assert ask(said[0], "/api/v3/time")[0] == 503
        assert ask(said[0], "/emulator/faults", {})[0] == 200
        assert ask(said[0], "/api/v3/time")[0] == 200


def touches(folder: Path) -> set[tuple[int, int]]:
    """Each best bid and ask that a recording goes through, in ticks: after its messages and its trades at the touch."""
    levels: dict[str, dict[int, float]] = {"b": {}, "a": {}}
    events = pl.concat([pl.read_parquet(folder / f"{name}.parquet") for name in ("depth", "trades")], how="diagonal")
    found = set()
    for _, rows in events.sort("recv_ns").group_by("recv_ns", maintain_order=True):
        for row in rows.iter_rows(named=True):
            tick, taken = round(row["price"] * 10), {"buy": "a", "sell": "b"}.get(row["side"])
            side = levels[taken or row["side"]]
            left = row["size"] if taken is None else side[tick] - row["size"]
            side[tick] = left
            if left <= 0:
                del side[tick]
        found.add((max(levels["b"]), min(levels["a"])))
    return found


def test_a_recorded_book_takes_the_place_of_the_agents(commands: Any, depth_folder: Path) -> None:
    recording = ("--recording", "binance_usdm:BTCUSDT", "--data", depth_folder)
    with emulating(commands, "--venues", "binance", *recording) as (_, said):
        seen = set()
        for _ in range(20):
            sleep(0.05)
            depth = ask(said[0], "/fapi/v1/depth?symbol=BTCUSDT&limit=5")[1]
            seen.add(tuple(int(Decimal(depth[side][0][0]) * 10) for side in ("bids", "asks")))
    assert len(seen) > 2 and seen <= touches(depth_folder), seen - touches(depth_folder)


def test_what_is_not_there_is_refused_in_words(commands: Any) -> None:
    ran = commands.run("emulate", "--venues", "nowhere")
    assert ran.returncode == 2 and "no venue `nowhere`" in ran.stderr
    ran = commands.run("emulate", "--faults", '{"drop": 1}')
    assert ran.returncode == 2 and "unknown field `drop`" in ran.stderr
    ran = commands.run("emulate", "--recording", "kraken:BTCUSD")
    assert ran.returncode == 2 and "no recording `kraken:BTCUSD`" in ran.stderr

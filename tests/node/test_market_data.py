"""Recorded and downloaded data are what the loaders read, and say what they lack."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from desk import Desk, Emulated

from tradewind.market import DataSource, check_path, load_l2
from tradewind.market.download import DAY_NS, Span, holes
from tradewind.market.recorded import RecordedHours

Venues = Callable[..., list[Emulated]]


@pytest.mark.parametrize(("venue", "market"), [("binance", "binance_spot"), ("bybit", "bybit_spot")])
def test_a_recording_is_loaded_as_any_other(desk: Desk, venues: Venues, venue: str, market: str) -> None:
    found = venues(venue)[0]
    out = desk.folder / "recordings"
    done = desk.run(
        *("record", "--venue", venue, "--instruments", "spot:BTCUSDT,spot:ETHUSDT", "--out", str(out)),
        *("--hours", "0.003", "--http", found.http, "--ws", found.ws, "--json"),
    )
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["files"]) >= 3
    assert not list(out.rglob("*.part"))
    assert not check_path(out, gaps="refuse").refusals
    sample = load_l2(DataSource("folder", out, "--data"), market, "BTCUSDT")
    assert sample.depth.height > 100
    assert sample.depth["is_snapshot"][0]
    assert sample.quotes.height > 1
    assert (sample.quotes["bid_ticks"] < sample.quotes["ask_ticks"]).all()
    listed = json.loads((out / "MANIFEST.json").read_text())
    assert all("clock_offset_ns" in item and item["gaps"] == [] for item in listed)


def test_what_a_recorder_that_died_left_is_not_lost(tmp_path: Path) -> None:
    instruments = [{"market": "spot", "symbol": "BTCUSDT", "tick": [1, 2], "lot": [1, 5]}]
    facts = {"hour_ns": 0, "clock_offset_ns": 0, "is_over": False, "gaps": [], "instruments": instruments}
    trades = pl.DataFrame(
        {
            "instrument": [0, 0],
            "recv_ns": [1, 2],
            "ts_ns": [1, 2],
            "trade_id": [7, 8],
            "is_sell": [0, 1],
            "ticks": [12345, 30],
            "lots": [3, 4],
        }
    )
    RecordedHours(tmp_path, "binance").keep(facts, pl.DataFrame(), trades, pl.DataFrame())
    assert not list(tmp_path.rglob("*.parquet"))
    (written,) = RecordedHours(tmp_path, "binance").files
    rows = pl.read_parquet(written)
    assert rows["price"].to_list() == [123.45, 0.3]
    assert rows["size"].to_list() == [0.00003, 0.00004]
    assert rows["side"].to_list() == ["buy", "sell"]
    assert rows["venue"].unique().to_list() == ["binance_spot"]
    assert not list(tmp_path.rglob("*.part"))


def day(ago: int) -> str:
    return (datetime.now(UTC) - timedelta(days=ago)).strftime("%Y-%m-%d")


@pytest.mark.parametrize("venue", ["binance", "bybit"])
def test_candles_are_fetched_kept_and_not_fetched_again(desk: Desk, venues: Venues, venue: str) -> None:
    found = venues(venue)[0]
    wanted = ["data", "download", "--venue", venue, "--market", "spot", "--symbols", "BTCUSDT", "--kind", "candles"]
    wanted += ["--from", day(0), "--to", day(-1), "--out", "catalog", "--json"]
    done = desk.run(*wanted, "--http", found.http)
    assert done.returncode == 0, done.stderr
    (file,) = json.loads(done.stdout)["files"]
    rows = pl.read_parquet(desk.folder / file["file"])
    assert rows.height == file["rows"] > 0
    assert rows["ts_ns"].is_sorted()
    assert rows["ts_ns"].n_unique() == rows.height
    # The day is not over, so what is still to come is missing, and said.
    assert sum(hole["missing"] for hole in file["holes"]) == 1440 - rows.height
    found.process.terminate()
    found.process.wait()
    # Complete: nobody is asked for it but for the list of symbols.
    done = desk.run(*wanted, "--http", found.http)
    assert done.returncode == 3
    assert "did not give it" in done.stderr


def test_a_symbol_and_a_venue_that_are_not_there(desk: Desk, venues: Venues) -> None:
    found = venues("binance")[0]
    wanted = [
        "--market",
        "spot",
        "--kind",
        "candles",
        "--from",
        day(1),
        "--to",
        day(0),
        "--out",
        "catalog",
        "--http",
        found.http,
    ]
    done = desk.run("data", "download", "--venue", "binance", "--symbols", "BTCUSTD", *wanted)
    assert done.returncode == 3
    assert "BTCUSDT" in done.stderr
    done = desk.run("data", "download", "--venue", "mtgox", "--symbols", "BTCUSDT", *wanted)
    assert done.returncode == 3
    assert "binance spot" in done.stderr


def test_holes_are_what_is_missing() -> None:
    minute = 60 * 10**9
    span = Span("binance", "spot", "candles", 0, DAY_NS)
    kept = [n * minute for n in range(1440) if n not in (0, 700, 701)]
    found = list(holes(pl.DataFrame({"ts_ns": kept}), span, "X"))
    assert [(h.from_ns // minute, h.until_ns // minute, h.missing) for h in found] == [(0, 1, 1), (700, 702, 2)]
    span = Span("binance", "spot", "trades", 0, DAY_NS)
    trades = pl.DataFrame({"ts_ns": [1, 2, 3, 9, 10], "trade_id": [5, 6, 7, 11, 12]})
    (leap,) = holes(trades, span, "X")
    assert (leap.from_ns, leap.until_ns, leap.missing) == (3, 9, 3)
    span = Span("binance", "linear", "funding", 0, 2 * DAY_NS)
    eight = 8 * 60 * minute
    (missed,) = holes(pl.DataFrame({"ts_ns": [0, eight, 3 * eight]}), span, "X")
    assert (missed.from_ns, missed.missing) == (2 * eight, 1)

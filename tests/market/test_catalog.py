"""Where data are looked for, what a catalog says of its files, and how a recorder's clock is measured."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.flow import NS_PER_HOUR, DataRefused
from tradewind.market import DataSource, locate, measure_clock_correction_ns, open_catalog

MS = 1_000_000


def bar_file(path: Path, hours: int = 3, symbol: str = "BTCUSDT") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(
        {
            "ts_ns": [n * NS_PER_HOUR for n in range(hours)],
            "venue": ["binance_spot"] * hours,
            "symbol": [symbol] * hours,
            **{c: [1.0] * hours for c in ("open", "high", "low", "close", "volume")},
        }
    ).write_parquet(path)


def recording(latency_ms: list[float], *, stamped: bool = True, start_ns: int = 10**15) -> pl.DataFrame:
    sent = [start_ns + n * 1000 * MS for n in range(len(latency_ms))]
    return pl.DataFrame(
        {
            "venue": ["binance_spot"] * len(sent),
            "symbol": ["BTCUSDT"] * len(sent),
            "recv_ns": [s + round(late * MS) for s, late in zip(sent, latency_ms, strict=True)],
            "ts_ns": sent if stamped else [None] * len(sent),
            "update_id": range(len(sent)),
            "bid_px": [1.0] * len(sent),
            "bid_sz": [1.0] * len(sent),
            "ask_px": [2.0] * len(sent),
            "ask_sz": [1.0] * len(sent),
        },
        schema_overrides={"ts_ns": pl.Int64, "update_id": pl.Int64},
    )


def test_the_first_place_that_was_named_wins(tmp_path: Path) -> None:
    here = tmp_path / "repo"
    here.mkdir()
    asked, environ_folder = tmp_path / "asked", tmp_path / "environ"
    own = tmp_path / "home" / ".local" / "share" / "tradewind" / "catalog"
    xdg = tmp_path / "xdg" / "tradewind" / "catalog"
    shared = tmp_path / "shared" / "data"
    for folder in (asked, environ_folder, own, xdg, shared):
        bar_file(folder / "ohlcv" / "b.parquet")
    home = {"HOME": str(tmp_path / "home")}
    full = {**home, "TRADEWIND_DATA": str(environ_folder), "XDG_DATA_HOME": str(tmp_path / "xdg")}
    assert locate(asked, full, here) == DataSource("folder", asked, "--data")
    assert locate(None, full, here) == DataSource("folder", environ_folder, "TRADEWIND_DATA")
    assert locate(None, home, here) == DataSource("folder", shared, "../shared/data")
    elsewhere = tmp_path / "home" / "repo"
    elsewhere.mkdir(parents=True)
    assert locate(None, home, elsewhere) == DataSource("folder", own, "user catalog")
    with_xdg = {**home, "XDG_DATA_HOME": str(tmp_path / "xdg")}
    assert locate(None, with_xdg, elsewhere) == DataSource("folder", xdg, "user catalog")
    assert locate(None, {}, elsewhere) == DataSource("simulated", None, "no data found")


def test_a_folder_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    bar_file(tmp_path / "shared" / "data" / "b.parquet")
    here = tmp_path / "repo"
    (here / "empty").mkdir(parents=True)
    with pytest.raises(DataRefused, match="--data must name a data folder, but there is nothing there"):
        locate(tmp_path / "typo", {}, here)
    with pytest.raises(DataRefused, match="--data must name a data folder, but it is a file"):
        locate(tmp_path / "shared" / "data" / "b.parquet", {}, here)
    with pytest.raises(DataRefused, match="TRADEWIND_DATA names a folder without Parquet files"):
        locate(None, {"TRADEWIND_DATA": str(here / "empty")}, here)


def test_entries_say_what_each_file_is(tmp_path: Path) -> None:
    bar_file(tmp_path / "ohlcv" / "one_1h.parquet", hours=4)
    bar_file(tmp_path / "raw" / "kept_out.parquet")
    recording([-1200.0, -1190.0]).write_parquet(tmp_path / "q.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"no")
    listed = [{"file": "ohlcv/one_1h.parquet", "license": "MIT", "repo": "someone/somewhere", "rows": 4}]
    (tmp_path / "MANIFEST.json").write_text(json.dumps(listed))
    catalog = open_catalog(locate(tmp_path, {}, tmp_path))
    assert [e.name for e in catalog.entries] == ["broken.parquet", "ohlcv/one_1h.parquet", "q.parquet"]
    broken, bars, quotes = catalog.entries
    assert (broken.kind, broken.rows) == ("other", 0)
    assert "not a Parquet file" in broken.note
    assert (bars.kind, bars.venues, bars.symbols, bars.rows) == ("bars", ("binance_spot",), ("BTCUSDT",), 4)
    assert (bars.first_ns, bars.last_ns, bars.bar_ns) == (0, 3 * NS_PER_HOUR, NS_PER_HOUR)
    assert (bars.licence, bars.origin, bars.clock_correction_ns) == ("MIT", "someone/somewhere", None)
    assert (quotes.kind, quotes.licence, quotes.clock_correction_ns) == ("quotes", None, 1201 * MS)
    assert catalog.find("bars", "binance_spot", bar_ns=NS_PER_HOUR) == (bars,)
    assert catalog.find("bars", "binance_usdm") == ()


def test_a_manifest_that_is_no_list_of_files_is_refused(tmp_path: Path) -> None:
    bar_file(tmp_path / "b.parquet")
    for content in ("{", '["a"]', '[{"name": "b"}]'):
        (tmp_path / "MANIFEST.json").write_text(content)
        with pytest.raises(DataRefused, match="manifest"):
            open_catalog(locate(tmp_path, {}, tmp_path))


def test_files_of_one_session_share_one_clock(tmp_path: Path) -> None:
    """Spot quotes carry no venue stamp: they get the correction of the market's other recordings of that time."""
    recording([-1200.0, -1250.5]).write_parquet(tmp_path / "a.parquet")
    recording([-1100.0, -1100.0], stamped=False).write_parquet(tmp_path / "b.parquet")
    recording([3.0, 4.0], start_ns=2 * 10**15).write_parquet(tmp_path / "later.parquet")
    a, b, later = open_catalog(locate(tmp_path, {}, tmp_path)).entries
    assert a.clock_correction_ns == b.clock_correction_ns == 1_251_500_000
    assert later.clock_correction_ns == 0
    assert later.clock[0].latency_min_ns == 3 * MS


def test_a_clock_without_any_venue_stamp_cannot_be_measured() -> None:
    with pytest.raises(DataRefused, match="no row carries a venue stamp"):
        measure_clock_correction_ns(recording([1.0], stamped=False))


@given(
    st.lists(st.lists(st.floats(-5000, 5000), min_size=1, max_size=20), min_size=1, max_size=3),
    st.integers(0, 10 * MS),
)
def test_corrected_latency_is_never_negative_and_its_least_is_the_floor(files: list[list[float]], floor: int) -> None:
    frames = [recording(latencies) for latencies in files]
    correction = measure_clock_correction_ns(*frames, floor_ns=floor)
    raw = min(int((f["recv_ns"] - f["ts_ns"]).min()) for f in frames)  # type: ignore[arg-type]
    assert raw + correction == (floor if raw < 0 else raw)

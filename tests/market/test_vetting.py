"""A file is opened here only when its hash is listed, or when another process has read it and lived."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tradewind.flow import NS_PER_HOUR, DataRefused
from tradewind.market import DataSource, check_path, load_hourly, open_catalog
from tradewind.market.vetting import vet


def bar_file(path: Path, hours: int = 300) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    close = 100.0 + np.arange(hours) % 7
    pl.DataFrame(
        {
            "ts_ns": np.arange(hours) * NS_PER_HOUR,
            "venue": ["binance_spot"] * hours,
            "symbol": ["BTCUSDT"] * hours,
            **{"open": close, "high": close + 1, "low": close - 1, "close": close, "volume": close},
        }
    ).write_parquet(path)
    return path


def damaged(path: Path, seed: int) -> Path:
    """Some bytes of the footer changed: what readers trust most."""
    raw = bytearray(path.read_bytes())
    footer = int.from_bytes(raw[-8:-4], "little")
    rng = np.random.default_rng(seed)
    for place in rng.integers(len(raw) - footer - 8, len(raw) - 8, 4):
        raw[int(place)] ^= int(rng.integers(1, 256))
    out = path.with_name(f"damaged-{seed}.parquet")
    out.write_bytes(raw)
    return out


def manifest(folder: Path, *files: Path) -> None:
    listed = [
        {"file": f.relative_to(folder).as_posix(), "sha256": hashlib.sha256(f.read_bytes()).hexdigest()} for f in files
    ]
    (folder / "MANIFEST.json").write_text(json.dumps(listed))


def test_a_listed_file_that_changed_is_refused_even_where_it_can_be_read(tmp_path: Path) -> None:
    path = bar_file(tmp_path / "ohlcv" / "bars.parquet")
    manifest(tmp_path, path)
    assert vet([path]) == {}
    # Another price, the same file in every other way: no reader could tell.
    pl.read_parquet(path).with_columns(close=pl.col("close") + 0.25).write_parquet(path)
    (refusal,) = check_path(path).refusals
    assert "not the one that its manifest lists" in refusal.what
    with pytest.raises(DataRefused, match="manifest lists"):
        load_hourly(DataSource("folder", tmp_path, "--data"))


def test_every_damaged_file_is_refused_or_read_and_this_process_lives(tmp_path: Path) -> None:
    whole = bar_file(tmp_path / "bars.parquet")
    files = [whole, *(damaged(whole, seed) for seed in range(12))]
    refused = vet(files)
    assert whole not in refused
    assert len(refused) > 6
    for path, refusal in refused.items():
        assert str(path) in refusal.where
        assert refusal.remedy


def test_checking_damaged_files_prints_nothing_of_the_reader_s_distress(tmp_path: Path) -> None:
    whole = bar_file(tmp_path / "bars.parquet")
    for seed in range(12):
        damaged(whole, seed)
    ran = subprocess.run(
        [sys.executable, "-m", "tradewind", "data", "check", str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "RUST_BACKTRACE": "1"},
        check=False,
    )
    assert ran.returncode == 3, ran.stderr
    assert "panicked" not in ran.stderr
    assert "Traceback" not in ran.stderr
    assert f"ok       {whole}" in ran.stdout


def test_a_file_that_ends_its_reader_is_refused_and_the_rest_is_still_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that really dies: it sends itself the signal of an abort when it comes to the fatal file."""
    files = [bar_file(tmp_path / f"{name}.parquet") for name in ("first", "fatal", "last")]
    monkeypatch.setattr(
        "tradewind.market.vetting._READER",
        "import os, signal, pathlib\n"
        "from tradewind.market import parquet, vetting\n"
        "read = parquet.read\n"
        "def reading(path, columns=None):\n"
        "    if path.stem == 'fatal': os.kill(os.getpid(), signal.SIGABRT)\n"
        "    return read(path, columns)\n"
        "parquet.read = reading\n"
        "vetting.read_each()\n",
    )
    refused = vet(files)
    assert list(refused) == [files[1]]
    assert "SIGABRT" in refused[files[1]].what


def test_a_folder_with_an_unreadable_file_is_listed_but_not_run_on(tmp_path: Path) -> None:
    bar_file(tmp_path / "good.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"not parquet at all")
    source = DataSource("folder", tmp_path, "--data")
    notes = {e.name: e.note for e in open_catalog(source).entries}
    assert notes["good.parquet"] == ""
    assert "not a Parquet file" in notes["bad.parquet"]
    with pytest.raises(DataRefused, match="not a Parquet file") as refusal:
        load_hourly(source)
    assert "bad.parquet" in refusal.value.where


def test_a_manifest_that_is_none_is_refused(tmp_path: Path) -> None:
    path = bar_file(tmp_path / "bars.parquet")
    (tmp_path / "MANIFEST.json").write_text('{"file": 1}')
    with pytest.raises(DataRefused, match="not a JSON list"):
        vet([path])

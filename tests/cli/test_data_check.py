"""Bad data is refused with exit 3 and its own clear error, whether it is checked or a run would have used it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tradewind.flow import NS_PER_HOUR

HOURS = 96
START = 1_704_067_200_000_000_000


def bars(hours: int = HOURS) -> pl.DataFrame:
    close = 100.0 + np.arange(hours) % 5
    return pl.DataFrame(
        {
            "ts_ns": START + np.arange(hours) * NS_PER_HOUR,
            "venue": ["binance_spot"] * hours,
            "symbol": ["BTCUSDT"] * hours,
            **{"open": close, "high": close + 1.0, "low": close - 1.0, "close": close, "volume": close},
        }
    )


def at(row: int, **values: object) -> pl.DataFrame:
    here = pl.int_range(pl.len()) == row
    return bars().with_columns(pl.when(here).then(pl.lit(v)).otherwise(pl.col(c)).alias(c) for c, v in values.items())


def crossed_book() -> pl.DataFrame:
    rows = [("b", 100.0, 1.0), ("a", 101.0, 1.0), ("b", 102.0, 1.0)]
    return pl.DataFrame(
        {
            "venue": ["binance_spot"] * 3,
            "symbol": ["BTCUSDT"] * 3,
            "recv_ns": [START + 1_000_000 * n for n in (0, 0, 1)],
            "ts_ns": [START] * 3,
            "msg": [0, 0, 1],
            "first_id": [1, 1, 2],
            "last_id": [1, 1, 2],
            "prev_id": [0, 0, 1],
            "is_snapshot": [True, True, False],
            "side": [side for side, _, _ in rows],
            "price": [price for _, price, _ in rows],
            "size": [size for _, _, size in rows],
        }
    )


Here = Callable[..., tuple[int, str, str]]
Defect = tuple[Callable[[], pl.DataFrame], str, str]
DEFECTS: dict[str, Defect] = {
    "gap": (lambda: bars().filter(~pl.int_range(pl.len()).is_in([30, 31])), "gap: 2 bars", "--gaps segment"),
    "duplicate": (lambda: pl.concat([bars(), bars()[7]]), "duplicate:", "delete the surplus rows"),
    "nan": (lambda: at(9, close=float("nan")), "close is NaN", "row 9"),
    "impossible": (lambda: at(9, high=1.0), "impossible bar", "row 9"),
    "negative": (lambda: at(9, volume=-1.0), "volume is negative", "row 9"),
    "column": (lambda: bars().rename({"close": "last"}), "wrong columns", "close"),
    "type": (lambda: bars().with_columns(pl.col("close").cast(pl.String)), "wrong type", "close"),
    "empty": (lambda: bars().clear(), "no rows", "fetch"),
    "crossed": (crossed_book, "crossed book", "message 1"),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_each_defect_has_its_own_error_and_exit_3(here: Here, tmp_path: Path, name: str) -> None:
    make, what, detail = DEFECTS[name]
    path = tmp_path / f"{name}.parquet"
    make().write_parquet(path)
    code, out, err = here("data", "check", path)
    assert code == 3
    assert err.startswith("data refused: ")
    assert what in err.splitlines()[0]
    assert detail in err
    assert str(path) in err
    assert "how to go on: " in err
    assert len(err.splitlines()) <= 12, "one screen"
    assert out == "0 accepted, 0 skipped, 1 refused\n"


NO_PARQUET = {
    "text": (b"symbol,close\nBTC,1\n", "not a Parquet file"),
    "nothing": (b"", "empty"),
    "cut": (b"PAR1 and then nothing", "cut short"),
    "hollow": (b"PAR1" + bytes(200) + b"PAR1", "damaged"),
}


def test_all_of_them_from_the_command_line(commands: Any) -> None:
    """One process, every defect: it ends by itself with 3, and each file has its own error."""
    for name, (make, _, _) in DEFECTS.items():
        make().write_parquet(commands.folder / f"{name}.parquet")
    for name, (content, _) in NO_PARQUET.items():
        (commands.folder / f"{name}.parquet").write_bytes(content)
    bars().write_parquet(commands.folder / "good.parquet")
    ran = commands.run("data", "check", commands.folder, "--json")
    assert ran.returncode == 3
    body = json.loads(ran.stdout)
    assert [Path(a["path"]).name for a in body["accepted"]] == ["good.parquet"]
    said = {Path(r["where"].split(",")[0].splitlines()[0]).stem: r["what"] for r in body["refused"]}
    expected = {name: what for name, (_, what, _) in DEFECTS.items()} | {n: what for n, (_, what) in NO_PARQUET.items()}
    assert set(said) == set(expected)
    for name, what in expected.items():
        assert what in said[name], name


def test_a_folder_is_checked_whole_and_sound_files_are_told_apart(here: Here, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    bars().write_parquet(folder / "good.parquet")
    for name in ("nan", "crossed", "gap"):
        DEFECTS[name][0]().write_parquet(folder / f"{name}.parquet")
    pl.DataFrame({"headline": ["x"]}).write_parquet(folder / "news.parquet")
    code, out, _ = here("data", "check", folder, folder / "nowhere.parquet", "--json")
    assert code == 3
    body = json.loads(out)
    assert [a["path"] for a in body["accepted"]] == [str(folder / "good.parquet")]
    assert len(body["refused"]) == 4
    assert list(body["skipped"]) == [str(folder / "news.parquet")]


def test_a_gap_can_be_accepted_as_a_segment(here: Here, tmp_path: Path) -> None:
    path = tmp_path / "gap.parquet"
    DEFECTS["gap"][0]().write_parquet(path)
    code, out, _ = here("data", "check", path, "--gaps", "segment")
    assert code == 0
    assert "1 gaps" in out


@pytest.mark.parametrize("name", ["nan", "duplicate", "impossible", "column", "empty"])
def test_a_run_refuses_the_folder_that_such_a_file_lies_in(here: Here, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "data" / "ohlcv"
    folder.mkdir(parents=True)
    bars().with_columns(pl.lit("ETHUSDT").alias("symbol")).write_parquet(folder / "good.parquet")
    make, what, _ = DEFECTS[name]
    make().write_parquet(folder / "bad.parquet")
    code, out, err = here("backtest", "--data", tmp_path / "data")
    assert (code, out) == (3, "")
    assert what in err
    assert "bad.parquet" in err
    assert len(err.splitlines()) <= 12


def test_a_run_refuses_a_folder_with_a_file_that_is_not_parquet(here: Here, tmp_path: Path, depth_folder: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for file in depth_folder.glob("*.parquet"):
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "bad.parquet").write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    code, _, err = here("backtest", "quoting-rust", "--data", folder)
    assert code == 3
    assert "bad.parquet" in err


def test_a_run_refuses_a_crossed_book(commands: Any, depth_folder: Path) -> None:
    folder = commands.folder / "data"
    folder.mkdir()
    for file in depth_folder.glob("*.parquet"):
        (folder / file.name).write_bytes(file.read_bytes())
    depth = pl.read_parquet(folder / "depth.parquet")
    last = (pl.col("msg") == 300) & (pl.col("side") == "b") & (pl.col("size") > 0)
    depth.with_columns(
        pl.when(last).then(pl.col("price") + 50.0).otherwise(pl.col("price")).alias("price")
    ).write_parquet(folder / "depth.parquet")
    ran = commands.run("backtest", "quoting-rust", "--data", folder)
    assert ran.returncode == 3
    assert "crossed book" in ran.stderr


def test_the_real_catalog_is_listed_with_its_clock_corrections(commands: Any, real_data: Path) -> None:
    ran = commands.run("data", "list", "--data", real_data, "--json")
    assert ran.returncode == 0
    files = {f["name"]: f for f in json.loads(ran.stdout)["files"]}
    assert len(files) > 50
    correction = files["l2/binance_usdm_BTCUSDT_20240808_depth.parquet"]["clock_correction_ms"]
    assert 1_180 < correction < 1_280
    assert not [f["name"] for f in files.values() if f["note"]]

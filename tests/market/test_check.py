"""Every defect a file can have is refused with its own words; a sound file is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tradewind.flow import NS_PER_HOUR, DataRefused
from tradewind.market import check_file, check_path

START = 1_704_067_200_000_000_000
BARS = {
    "ts_ns": pl.Int64,
    "venue": pl.String,
    "symbol": pl.String,
    "open": pl.Float64,
    "high": pl.Float64,
    "low": pl.Float64,
    "close": pl.Float64,
    "volume": pl.Float64,
}


def bars(hours: int = 48, symbols: tuple[str, ...] = ("BTCUSDT", "ETHUSDT"), seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    parts = []
    for symbol in symbols:
        path = 100.0 * np.exp(np.cumsum(0.01 * rng.standard_normal(hours + 1)))
        parts.append(
            pl.DataFrame(
                {
                    "ts_ns": START + np.arange(hours) * NS_PER_HOUR,
                    "venue": ["binance_spot"] * hours,
                    "symbol": [symbol] * hours,
                    "open": path[:-1],
                    "high": np.maximum(path[:-1], path[1:]) * 1.001,
                    "low": np.minimum(path[:-1], path[1:]) * 0.999,
                    "close": path[1:],
                    "volume": rng.uniform(1.0, 9.0, hours),
                },
                schema=BARS,
            )
        )
    return pl.concat(parts)


def put(frame: pl.DataFrame, row: int, **values: object) -> pl.DataFrame:
    index = pl.int_range(pl.len())
    return frame.with_columns(
        pl.when(index == row).then(pl.lit(v)).otherwise(pl.col(c)).alias(c) for c, v in values.items()
    )


def refused(tmp_path: Path, frame: pl.DataFrame, name: str = "file.parquet") -> DataRefused:
    path = tmp_path / name
    frame.write_parquet(path)
    with pytest.raises(DataRefused) as caught:
        check_file(path)
    refusal = caught.value
    assert str(path) in refusal.where
    assert refusal.what
    assert refusal.remedy
    assert len(str(refusal).splitlines()) <= 12, "an error fits on one screen"
    return refusal


def test_a_sound_file_is_accepted_and_described(tmp_path: Path) -> None:
    path = tmp_path / "bars.parquet"
    bars().with_columns(pl.col("venue", "symbol").cast(pl.Categorical)).write_parquet(path)
    report = check_file(path)
    assert (report.kind, report.rows, report.symbols) == ("bars", 96, ("BTCUSDT", "ETHUSDT"))
    assert (report.first_ns, report.last_ns) == (START, START + 47 * NS_PER_HOUR)
    assert (report.bar_ns, report.gaps, report.outliers) == (NS_PER_HOUR, (), ())


def test_gap_is_refused_unless_accepted_as_a_segment_border(tmp_path: Path) -> None:
    holed = bars().filter(~pl.int_range(pl.len()).is_in([10, 11, 12]))
    refusal = refused(tmp_path, holed)
    assert refusal.what.startswith("gap: 3 bars of 3600 s missing in 1 places")
    assert "BTCUSDT: 3 bars missing between closes 2024-01-01T10:00:00Z and 2024-01-01T14:00:00Z" in refusal.where
    (gap,) = check_file(tmp_path / "file.parquet", gaps="segment").gaps
    assert (gap.symbol, gap.missing_bars) == ("BTCUSDT", 3)
    assert (gap.from_ns, gap.to_ns) == (START + 10 * NS_PER_HOUR, START + 14 * NS_PER_HOUR)


def test_many_gaps_still_fit_on_one_screen(tmp_path: Path) -> None:
    holed = bars(400).filter(pl.int_range(pl.len()) % 7 != 3)
    assert "more" in refused(tmp_path, holed).where


def test_bars_off_the_grid_are_refused(tmp_path: Path) -> None:
    crooked = put(bars(), 47, ts_ns=START + 47 * NS_PER_HOUR + 1)
    assert "irregular bars" in refused(tmp_path, crooked).what


@pytest.mark.parametrize("place", ["next to it", "at the end"])
def test_duplicate(tmp_path: Path, place: str) -> None:
    frame = bars()
    twin = pl.concat([frame, frame[5]])
    frame = twin if place == "at the end" else twin.sort("symbol", "ts_ns", maintain_order=True)
    refusal = refused(tmp_path, frame)
    assert refusal.what.startswith("duplicate:")
    assert "1 surplus rows" in refusal.what
    assert "BTCUSDT, 2024-01-01T05:00:00Z" in refusal.where


@pytest.mark.parametrize("column", ["open", "high", "low", "close", "volume"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), None])
def test_no_finite_number(tmp_path: Path, column: str, value: float | None) -> None:
    refusal = refused(tmp_path, put(bars(), 7, **{column: value}))
    word = {"None": "null", "nan": "NaN"}.get(str(value), str(value))
    assert refusal.what.startswith(f"{column} is {word}")
    assert "BTCUSDT, 2024-01-01T07:00:00Z (row 7)" in refusal.where


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"high": 1.0}, "high is below low"),
        ({"open": 1e6}, "open or close is above high"),
        ({"close": 1e6}, "open or close is above high"),
        ({"open": 1.0}, "open or close is below low"),
        ({"low": 0.0}, "a price is zero or negative"),
        ({"low": -5.0}, "a price is zero or negative"),
        ({"volume": -1.0}, "volume is negative"),
    ],
)
def test_impossible_bar(tmp_path: Path, values: dict[str, float], sentence: str) -> None:
    refusal = refused(tmp_path, put(bars(), 60, **values))
    assert refusal.what.startswith(f"impossible bar: {sentence}")
    assert "ETHUSDT, 2024-01-01T12:00:00Z (row 60)" in refusal.where


def test_time_running_backwards(tmp_path: Path) -> None:
    assert refused(tmp_path, bars().reverse()).what.startswith("time runs backwards")


@pytest.mark.parametrize("column", list(BARS))
def test_missing_column(tmp_path: Path, column: str) -> None:
    refusal = refused(tmp_path, bars().rename({column: f"{column}_usd"}))
    assert refusal.what.startswith("wrong columns")
    assert f"must have {column}" in refusal.what
    assert f"{column}_usd" in refusal.what


@pytest.mark.parametrize(
    ("column", "dtype", "wanted"),
    [("ts_ns", pl.Datetime("ns"), "Int64"), ("close", pl.String, "Float64"), ("symbol", pl.Binary, "String")],
)
def test_wrong_type(tmp_path: Path, column: str, dtype: pl.DataType, wanted: str) -> None:
    refusal = refused(tmp_path, bars().with_columns(pl.col(column).cast(dtype)))
    assert refusal.what.startswith(f"wrong type: column {column}")
    assert wanted in refusal.what


def test_columns_of_no_kind(tmp_path: Path) -> None:
    refusal = refused(tmp_path, pl.DataFrame({"name": ["a"], "age": [1]}))
    assert "fit no kind of market data" in refusal.what


def test_no_rows(tmp_path: Path) -> None:
    assert refused(tmp_path, bars().clear()).what == "there are no rows"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"ts_ns,open\n1,2\n", "not a Parquet file"),
        (b"PAR1 and then nothing", "cut short"),
        (b"PAR1PAR1", "cut short"),
        (b"PAR1" + b"\x07" * 64 + b"PAR1", "damaged"),
    ],
)
def test_not_parquet(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(content)
    with pytest.raises(DataRefused, match=words):
        check_file(path)


def test_bars_without_volume_pass_only_as_mark_prices(tmp_path: Path) -> None:
    frame = bars().drop("volume")
    assert "volume" in refused(tmp_path, frame, "bars_1h.parquet").what
    path = tmp_path / "binance_mark_1h.parquet"
    frame.write_parquet(path)
    assert check_file(path).kind == "mark"


def test_an_outlier_is_listed_not_refused(tmp_path: Path) -> None:
    frame = bars(hours=400)
    jump = pl.when(pl.int_range(pl.len()).is_between(200, 399)).then(3.0).otherwise(1.0)
    path = tmp_path / "jump.parquet"
    frame.with_columns(pl.col("open", "high", "low", "close") * jump).write_parquet(path)
    (outlier,) = check_file(path).outliers
    assert (outlier.symbol, outlier.ts_ns) == ("BTCUSDT", START + 201 * NS_PER_HOUR)
    assert 1.8 < outlier.simple_return < 2.2


def trades() -> pl.DataFrame:
    count = 20
    return pl.DataFrame(
        {
            "venue": ["binance_spot"] * count,
            "symbol": ["BTCUSDT"] * count,
            "recv_ns": START + np.arange(count) * 1000,
            "ts_ns": START + np.arange(count) * 1000 - 500,
            "trade_id": 100 + np.arange(count),
            "price": [100.0] * count,
            "size": [0.5] * count,
            "side": ["buy", "sell"] * (count // 2),
        }
    )


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"trade_id": 107}, "duplicate: trade id 107"),
        ({"price": 0.0}, "price is zero or negative"),
        ({"size": 0.0}, "size is zero or negative"),
        ({"side": "maker"}, "side is not one of buy, sell"),
        ({"size": float("nan")}, "size is NaN"),
        ({"recv_ns": START}, "time runs backwards"),
    ],
)
def test_trades(tmp_path: Path, values: dict[str, object], words: str) -> None:
    path = tmp_path / "sound.parquet"
    trades().write_parquet(path)
    assert check_file(path).kind == "trades"
    assert words in refused(tmp_path, put(trades(), 12, **values)).what


def quotes() -> pl.DataFrame:
    count = 10
    return pl.DataFrame(
        {
            "venue": ["binance_spot"] * count,
            "symbol": ["BTCUSDT"] * count,
            "recv_ns": START + np.arange(count),
            "bid_px": [100.0] * count,
            "bid_sz": [1.0] * count,
            "ask_px": [100.1] * count,
            "ask_sz": [1.0] * count,
        }
    )


@pytest.mark.parametrize("ask", [100.0, 99.9])
def test_locked_and_crossed_quotes(tmp_path: Path, ask: float) -> None:
    path = tmp_path / "sound.parquet"
    quotes().write_parquet(path)
    assert check_file(path).kind == "quotes"
    refusal = refused(tmp_path, put(quotes(), 4, ask_px=ask))
    assert "crossed quote: bid is at or above ask" in refusal.what
    assert "(row 4)" in refusal.where


def test_a_folder_is_checked_file_by_file(tmp_path: Path) -> None:
    bars().write_parquet(tmp_path / "good.parquet")
    put(bars(), 3, close=float("nan")).write_parquet(tmp_path / "bad.parquet")
    (tmp_path / "sub").mkdir()
    pl.DataFrame({"headline": ["a"]}).write_parquet(tmp_path / "sub" / "news.parquet")
    (tmp_path / "sub" / "text.parquet").write_bytes(b"hello, this is text")
    found = check_path(tmp_path)
    assert [r.path.name for r in found.reports] == ["good.parquet"]
    assert sorted(r.what.split(":")[0] for r in found.refusals) == ["close is NaN", "not a Parquet file"]
    assert [p.name for p in found.skipped] == ["news.parquet"]
    assert len(check_path(tmp_path / "bad.parquet").refusals) == 1
    with pytest.raises(DataRefused, match="no such file"):
        check_path(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataRefused, match="no Parquet file"):
        check_path(tmp_path / "empty")


DEFECTS = {
    "nan": lambda f, r: put(f, r, close=float("nan")),
    "impossible": lambda f, r: put(f, r, high=1e-9),
    "duplicate": lambda f, r: pl.concat([f[: r + 1], f[r], f[r + 1 :]]),
    "gap": lambda f, r: f.filter(pl.int_range(pl.len()) != r),
    "backwards": lambda f, r: pl.concat([f[: r - 1], f[r], f[r - 1], f[r + 1 :]]),
}
WORDS = {
    "nan": "close is NaN",
    "impossible": "impossible bar",
    "duplicate": "duplicate",
    "gap": "gap: 1 bars",
    "backwards": "time runs backwards",
}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32 - 1),
    hours=st.integers(4, 60),
    place=st.floats(0.0, 1.0),
    defect=st.sampled_from(sorted(DEFECTS)),
)
def test_one_defect_anywhere_is_always_found(tmp_path: Path, seed: int, hours: int, place: float, defect: str) -> None:
    frame = bars(hours, seed=seed)
    path = tmp_path / "any.parquet"
    frame.write_parquet(path)
    assert check_file(path).rows == 2 * hours
    row = 1 + round(place * (hours - 3))  # inside the first symbol: its first and last bar cannot be missed
    DEFECTS[defect](frame, row).write_parquet(path)
    with pytest.raises(DataRefused) as caught:
        check_file(path)
    assert caught.value.what.startswith(WORDS[defect])


@pytest.mark.parametrize("ending", [b"", b"PAR1"])
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, ending: bytes) -> None:
    path = tmp_path / "cut.parquet"
    bars(6).write_parquet(path)
    content = path.read_bytes()
    for length in range(0, len(content) - 8, 13):
        path.write_bytes(content[:length] + ending)
        with pytest.raises(DataRefused) as caught:
            check_file(path)
        assert str(path) in caught.value.where

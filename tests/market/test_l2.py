"""A recording becomes integers exactly, in receive order, with its clock corrected, or it is refused."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tradewind.flow import DataRefused
from tradewind.market import DataSource, load_l2

MS = 1_000_000
START = 1_723_161_255_000 * MS
BEHIND = -1_270 * MS


def recorded(folder: Path, *, price: float = 100.25, reference: str | None = None) -> DataSource:
    """A market whose recorder is 1.27 s behind, spot style: snapshots and quotes carry no venue stamp."""

    def at(n: int) -> int:
        return START + n * 100 * MS

    named = {"venue": "binance_spot", "symbol": "BTCUSDT"}
    rows = [
        # msg, ids, snapshot, side, price, size; message 0 arrives before the snapshot it amends
        (0, 8, 12, False, "b", 100.0, 0.0),
        (1, 10, 10, True, "b", 100.0, 0.5),
        (1, 10, 10, True, "b", 99.75, 1.25),
        (1, 10, 10, True, "a", 100.5, 2.0),
        (2, 13, 14, False, "a", price, 0.125),
    ]
    pl.DataFrame(
        [
            {
                **named,
                "recv_ns": at(m) + BEHIND + (2 + m) * MS,
                "ts_ns": None if snap else at(m),
                "msg": m,
                "first_id": first,
                "last_id": last,
                "prev_id": None,
                "is_snapshot": snap,
                "side": side,
                "price": p,
                "size": q,
            }
            for m, first, last, snap, side, p, q in rows
        ],
        schema_overrides={"ts_ns": pl.Int64, "prev_id": pl.Int64, "msg": pl.Int32},
    ).write_parquet(folder / "depth.parquet")
    pl.DataFrame(
        [
            {
                **named,
                "recv_ns": at(n) + BEHIND + 5 * MS,
                "ts_ns": at(n),
                "event_ns": at(n) + 4 * MS,
                "trade_id": 70 + n,
                "price": 100.25,
                "size": 0.25,
                "side": "sell" if n else "buy",
            }
            for n in range(3)
        ]
    ).write_parquet(folder / "trades.parquet")
    pl.DataFrame(
        [
            {
                **named,
                "recv_ns": at(n) + BEHIND + 3 * MS,
                "ts_ns": None,
                "update_id": 12 + n,
                "bid_px": 99.75,
                "bid_sz": 1.25,
                "ask_px": 100.25,
                "ask_sz": 0.125,
            }
            for n in range(2)
        ],
        schema_overrides={"ts_ns": pl.Int64},
    ).write_parquet(folder / "bbo.parquet")
    if reference is not None:
        (folder / "reference").mkdir()
        (folder / "reference" / "l2_instruments_observed.csv").write_text(
            f"venue,symbol,observed_price_tick,observed_size_step\nbinance_spot,BTCUSDT,{reference}\n"
        )
    return DataSource("folder", folder, "--data")


def test_columns_are_exact_integers_in_receive_order(tmp_path: Path) -> None:
    sample = load_l2(recorded(tmp_path), "binance_spot", "BTCUSDT")
    assert (sample.price_tick, sample.lot) == ("0.01", "0.001")
    # The fastest message is a trade event, received 1 ms after the venue sent it: raw latency -1269 ms, floor 1 ms.
    assert sample.clock_correction_ns == 1_270 * MS
    depth = sample.depth
    assert depth.schema == pl.Schema(
        {
            "recv_ns": pl.Int64,
            "ts_ns": pl.Int64,
            "msg": pl.Int64,
            "first_id": pl.Int64,
            "last_id": pl.Int64,
            "prev_id": pl.Int64,
            "is_snapshot": pl.Boolean,
            "side": pl.Int8,
            "price_ticks": pl.Int64,
            "size_lots": pl.Int64,
        }
    )
    assert depth["price_ticks"].to_list() == [10000, 10000, 9975, 10050, 10025]
    assert depth["size_lots"].to_list() == [0, 500, 1250, 2000, 125]
    assert depth["side"].to_list() == [0, 0, 0, 1, 1]
    assert depth["msg"].to_list() == [0, 1, 1, 1, 2]
    assert depth["prev_id"].to_list() == [-1] * 5
    snapshot = depth.filter("is_snapshot")
    assert snapshot["ts_ns"].equals(snapshot["recv_ns"].alias("ts_ns")), "no venue stamp: the corrected local time"
    assert sample.trades["aggressor"].to_list() == [0, 1, 1]
    assert sample.trades["size_lots"].to_list() == [250] * 3
    assert sample.quotes["ask_ticks"].to_list() == [10025, 10025]
    for frame in (sample.depth, sample.trades, sample.quotes):
        assert frame["recv_ns"].is_sorted()
        assert ((frame["recv_ns"] - frame["ts_ns"]) >= 0).all()
        assert not any(c > 0 for c in frame.null_count().row(0))


def test_the_reference_list_gives_tick_and_lot(tmp_path: Path) -> None:
    sample = load_l2(recorded(tmp_path, reference="0.05,0.00002"), "binance_spot", "BTCUSDT")
    assert (sample.price_tick, sample.lot) == ("0.01", "0.00001"), "the power of ten below what was observed"


def test_a_price_off_the_grid_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match=r"off the grid: price 100.257 is no whole multiple of 0.01"):
        load_l2(recorded(tmp_path, price=100.257, reference="0.01,0.001"), "binance_spot", "BTCUSDT")


@pytest.mark.parametrize("correction_ms", [0, 1_268])
def test_an_uncorrected_negative_latency_is_refused(tmp_path: Path, correction_ms: int) -> None:
    source = recorded(tmp_path)
    with pytest.raises(DataRefused, match="negative latency") as caught:
        load_l2(source, "binance_spot", "BTCUSDT", clock_correction_ns=correction_ms * MS)
    assert "arrive before the venue sent them" in caught.value.what


def test_a_larger_correction_may_be_shared_between_markets(tmp_path: Path) -> None:
    own = load_l2(recorded(tmp_path), "binance_spot", "BTCUSDT")
    shared = load_l2(
        DataSource("folder", tmp_path, "--data"), "binance_spot", "BTCUSDT", clock_correction_ns=1_300 * MS
    )
    assert (shared.depth["recv_ns"] - own.depth["recv_ns"]).unique().to_list() == [30 * MS]
    assert shared.clock_correction_ns == 1_300 * MS


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    source = recorded(tmp_path)
    with pytest.raises(DataRefused, match="no order book recording of okx BTC-USDT") as caught:
        load_l2(source, "okx", "BTC-USDT")
    assert "binance_spot BTCUSDT" in caught.value.remedy
    (tmp_path / "trades.parquet").unlink()
    with pytest.raises(DataRefused, match="no trades of binance_spot BTCUSDT"):
        load_l2(source, "binance_spot", "BTCUSDT")

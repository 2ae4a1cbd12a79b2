"""Facts of the real data, known from its description and not from this code."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tradewind.flow import NS_PER_HOUR, DataRefused, Market
from tradewind.market import Catalog, DataSource, check_file, load_hourly, load_l2, open_catalog
from tradewind.market.times import utc_text
from tradewind.market.universe import is_coin_pair

MS = 1_000_000
# Last open before the hole is 03:00 on the 6th for some pairs and 01:00 on the 7th for the others.
STOP = {"BTCUSDT": "2024-09-06T04:00:00Z", "ETHUSDT": "2024-09-06T04:00:00Z", "LTCUSDT": "2024-09-06T04:00:00Z"}
OTHERS_STOP = "2024-09-07T02:00:00Z"
RESUME = {
    **dict.fromkeys(
        ["AAVE", "ARB", "BCH", "BTC", "DOGE", "ETH", "LINK", "LTC", "NEAR", "OP", "SOL", "SUI", "TRX", "UNI", "XRP"],
        "2024-09-14T01:00:00Z",
    ),
    **dict.fromkeys(["AVAX", "ENA", "INJ", "OM", "TAO", "ZRO"], "2024-10-01T01:00:00Z"),
    "PEPE": "2024-12-15T01:00:00Z",
}
# Messages after the snapshot and deltas the snapshot already held, from the replay published with the data.
DEPTH = {
    "binance_spot_BTCUSDT_20240808-09": (6495, 2),
    "binance_spot_ETHUSDT_20240808": (3434, 2),
    "binance_usdm_BTCUSDT_20240808": (6551, 4),
    "binance_usdm_ETHUSDT_20240808": (6586, 6),
    "binance_coinm_BTCUSD_PERP_20240808-09": (44795, 23),
    "binance_coinm_ETHUSD_PERP_20240808": (22909, 22),
}


@pytest.fixture(scope="module")
def source(real_data: Path) -> DataSource:
    return DataSource("folder", real_data, "--data")


@pytest.fixture(scope="module")
def catalog(source: DataSource) -> Catalog:
    return open_catalog(source)


@pytest.fixture(scope="module")
def market(source: DataSource) -> Market:
    return load_hourly(source)


def test_every_manifest_row_count_is_what_the_catalog_counts(real_data: Path, catalog: Catalog) -> None:
    listed = pl.read_json(real_data / "MANIFEST.json", infer_schema_length=None).select("file", "rows", "license")
    rows = {f: (n, licence) for f, n, licence in listed.iter_rows() if f.endswith(".parquet")}
    assert {e.name: (e.rows, e.licence) for e in catalog.entries} == rows
    assert all(e.note == "" for e in catalog.entries)


def test_the_recorder_of_august_2024_runs_1_18_to_1_28_seconds_behind(catalog: Catalog) -> None:
    entries = [e for e in catalog.entries if e.clock and "202408" in e.name]
    assert len(entries) == 18
    for entry in entries:
        assert entry.clock_correction_ns is not None
        assert 1_180 * MS < entry.clock_correction_ns < 1_280 * MS


def test_holes_of_each_symbol(market: Market) -> None:
    found = {h.symbol: (utc_text(h.from_ns), utc_text(h.to_ns)) for h in market.holes}
    assert len(found) == len(market.holes), "one hole each"
    assert found == {f"{b}USDT": (STOP.get(f"{b}USDT", OTHERS_STOP), to) for b, to in RESUME.items()}
    assert {h.missing_bars for h in market.holes} == {166, 188, 574, 2374}


def test_universe_holds_at_least_twenty_coins_out_of_sample(market: Market) -> None:
    sizes = {utc_text(at): n for at, n in market.universe.group_by("ts_ns").len().iter_rows()}
    out_of_sample = {at: n for at, n in sizes.items() if at >= "2024-11"}
    assert len(out_of_sample) == 11
    assert min(out_of_sample.values()) >= 20
    assert min(n for at, n in sizes.items() if at < "2024-10") == 30
    assert sizes["2024-10-01T00:00:00Z"] == 18
    assert any("only 18 coins" in w for w in market.warnings)


def test_an_eligible_coin_has_a_bar_at_its_review(market: Market) -> None:
    missing = market.universe.join(market.bars, on=["ts_ns", "symbol"], how="anti")
    assert missing.is_empty()
    assert not [s for s in market.symbols if not is_coin_pair(s, "USDT")]
    assert {"PAXGUSDT", "USD1USDT", "EURIUSDT"}.isdisjoint(market.symbols)


def test_bars_are_those_of_the_files_moved_to_their_close(real_data: Path, market: Market) -> None:
    files = sorted((real_data / "ohlcv").glob("binance_spot_1h_*.parquet"))
    raw = pl.concat([pl.read_parquet(f).with_columns(pl.col("symbol").cast(pl.String)).drop("venue") for f in files])
    wanted = raw.filter(pl.col("symbol").is_in(market.symbols)).with_columns(pl.col("ts_ns") + NS_PER_HOUR)
    values = ["ts_ns", "symbol", "open", "high", "low", "close", "volume"]
    assert market.bars.select(values).equals(wanted.sort("ts_ns", "symbol").select(values))


def test_prefix_law_on_real_bars(source: DataSource, market: Market) -> None:
    end = 1_732_000_000 * 1_000_000_000
    early = load_hourly(source, end_ns=end)
    assert early.universe.equals(market.universe.filter(pl.col("ts_ns") <= end))
    spreads = {i.symbol: i.half_spread_bps for i in market.instruments}
    assert {i.symbol: i.half_spread_bps for i in early.instruments}.items() <= spreads.items()
    assert early.data_hash != market.data_hash


def test_published_filters_and_observed_grids(market: Market) -> None:
    known = {i.symbol: (i.tick, i.lot) for i in market.instruments}
    assert known["BTCUSDT"] == ("0.01", "0.00001")
    assert known["ETHUSDT"] == ("0.01", "0.0001")
    assert known["SOLUSDT"] == ("0.01", "0.001")
    assert known["PEPEUSDT"] == ("0.00000001", "1")
    assert all(i.taker_fee_bps == 10.0 and 0.5 <= i.half_spread_bps <= 50.0 for i in market.instruments)


def test_assumed_spreads_are_never_below_the_recorded_ones(real_data: Path, market: Market) -> None:
    assumed = {i.symbol: i.half_spread_bps for i in market.instruments}
    for symbol, stem in (("BTCUSDT", "BTCUSDT_20240808-09"), ("ETHUSDT", "ETHUSDT_20240808")):
        quotes = pl.read_parquet(real_data / "quotes" / f"binance_spot_{stem}_bbo.parquet")
        half = (quotes["ask_px"] - quotes["bid_px"]) / (quotes["ask_px"] + quotes["bid_px"]) * 1e4
        assert half.mean() < assumed[symbol]  # type: ignore[operator]


@pytest.mark.parametrize("name", ["binance_spot_1h_2024-01_2024-09", "binance_spot_1h_2024-09_to_2025-08"])
def test_hourly_files_are_sound(real_data: Path, name: str) -> None:
    report = check_file(real_data / "ohlcv" / f"{name}.parquet")
    assert (report.bar_ns, report.gaps) == (NS_PER_HOUR, ())
    assert len(report.symbols) == (116 if "2024-01" in name else 35)
    assert 0 < len(report.outliers) < 100


@pytest.mark.parametrize("stem", ["binance_spot_ETHUSDT_20240808", "binance_spot_BTCUSDT_20240808-09"])
def test_depth_files_replay_uncrossed(real_data: Path, stem: str) -> None:
    messages, too_old = DEPTH[stem]
    note, clock = check_file(real_data / "l2" / f"{stem}_depth.parquet").notes
    assert f"{messages + 1} messages, 1 snapshots, {too_old} deltas older than the snapshot, never crossed" in note
    assert "breaks" not in note
    assert "the recorder's clock is behind" in clock


def test_spot_btc_loses_the_book_without_the_delta_before_its_snapshot(real_data: Path, tmp_path: Path) -> None:
    depth = pl.read_parquet(real_data / "l2" / "binance_spot_BTCUSDT_20240808-09_depth.parquet")
    first = int(depth.filter("is_snapshot")["msg"].min())  # type: ignore[arg-type]
    path = tmp_path / "cut.parquet"
    depth.filter((pl.col("msg") >= first) & (pl.col("msg") < 50_000)).write_parquet(path)
    with pytest.raises(DataRefused, match=r"crossed book|breaks in the update ids"):
        check_file(path)


def test_minute_bars_with_silent_minutes_are_refused_but_can_be_segmented(real_data: Path) -> None:
    path = real_data / "ohlcv" / "multi_venue_1m_2023-03-01_14.parquet"
    with pytest.raises(DataRefused, match="28631 bars of 60 s missing in 13536 places"):
        check_file(path)
    assert len(check_file(path, gaps="segment").gaps) == 13536


@pytest.mark.parametrize(
    ("market_name", "rows", "steps"),
    [
        (("binance_spot", "BTCUSDT"), (300_111, 19_904, 73_174), ("0.01", "0.000001")),
        (("binance_spot", "ETHUSDT"), (108_814, 6_106, 24_077), ("0.01", "0.00001")),
    ],
)
def test_l2_sample(
    source: DataSource, market_name: tuple[str, str], rows: tuple[int, int, int], steps: tuple[str, str]
) -> None:
    (venue, symbol), (tick, lot) = market_name, steps
    assert source.folder is not None
    sample = load_l2(source, venue, symbol)
    assert (sample.depth.height, sample.trades.height, sample.quotes.height) == rows
    assert (sample.price_tick, sample.lot) == (tick, lot)
    (file,) = (source.folder / "l2").glob(f"{venue}_{symbol}_*_depth.parquet")
    raw = pl.read_parquet(file)
    assert ((sample.depth["price_ticks"] * float(tick) - raw["price"]).abs() < 1e-9).all()
    assert ((sample.depth["size_lots"] * float(lot) - raw["size"]).abs() < 1e-9).all()
    assert sample.depth["msg"].is_sorted()
    assert ((sample.depth["recv_ns"] - sample.depth["ts_ns"]).min() or 0) >= 0

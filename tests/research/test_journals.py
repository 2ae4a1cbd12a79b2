"""Journals for people: listed, filtered, exported; files and folders alike. The journal is a real run of the engine."""

from __future__ import annotations

import json
import shutil
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from tradewind import _native
from tradewind.cli import app
from tradewind.flow import DataRefused, Instrument
from tradewind.research import journals, replays, setups

HOUR_NS = 3_600_000_000_000
COIN = Instrument("binance_spot", "COINUSDT", "COIN", "USDT", "0.01", "0.001", "5", 10.0, 10.0, 1.0)
GOLDEN_FOLDER = Path(__file__).resolve().parents[2] / "crates" / "journal" / "tests" / "golden" / "v2"


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten orders on twenty bars: five bought, four sold, one refused for its size."""
    path = tmp_path_factory.mktemp("journals") / "run.journal"
    closes = [10_000 + 10 * (i % 5) for i in range(20)]
    bars = pl.DataFrame(
        {
            "ts_ns": [(i + 1) * HOUR_NS for i in range(20)],
            "open_ts_ns": [i * HOUR_NS for i in range(20)],
            "instrument": [0] * 20,
            "open": closes,
            "high": [c + 20 for c in closes],
            "low": [c - 20 for c in closes],
            "close": closes,
            "volume": [10_000_000] * 20,
        }
    )
    setup = setups.bar_setup([COIN], "USDT", 100_000.0, setups.BarFills(), bar_ns=HOUR_NS, max_order_share=0.5)
    engine = _native.Simulation(setup, _native.Recording.bars(bars), path, "hand-made", "test", 0)
    for i in range(10):
        engine.advance((i + 2) * HOUR_NS)
        lots = 900_000_000 if i == 9 else 100_000 - 10_000 * i
        engine.start_immediate(setups.STRATEGY_BOOK, 0, "buy" if i % 2 == 0 else "sell", lots)
    engine.advance(20 * HOUR_NS)
    engine.finish()
    return path


@pytest.fixture(scope="module")
def folder(journal: Path) -> Path:
    """The same journal as the first volume of a folder."""
    folder = journal.parent / "volumes"
    folder.mkdir()
    shutil.copy(journal, folder / "volume-00000000.journal")
    return folder


def test_a_folder_is_read_like_a_file(journal: Path, folder: Path) -> None:
    assert replays.verify(folder) == replays.verify(journal)
    assert list(journals.entries(folder)) == list(journals.entries(journal))
    assert _native.recover(folder) == _native.recover(journal)


def test_every_record_is_an_entry(journal: Path) -> None:
    entries = list(journals.entries(journal))
    facts = replays.verify(journal)
    assert len(entries) == facts["records"]
    assert sum(e["kind"] == "outcome" for e in entries) == facts["outcomes"]
    assert sum(e["kind"] == "input" for e in entries) == facts["inputs"]
    assert [e["seq"] for e in entries] == sorted(e["seq"] for e in entries)


def test_filters_select_and_only_select(journal: Path) -> None:
    everything = list(journals.entries(journal))
    fills = list(journals.entries(journal, kinds=["filled"]))
    assert fills == [e for e in everything if "filled" in journals.kinds_of(e)]
    assert {e["kind"] for e in fills} == {"input", "outcome"}, "the venue's word and what it led to"
    assert list(journals.entries(journal, kinds=["Outcome"])) == [e for e in everything if e["kind"] == "outcome"]
    middle = everything[len(everything) // 2]["seq"]
    assert list(journals.entries(journal, from_seq=middle)) == [e for e in everything if e["seq"] >= middle]
    assert list(journals.entries(journal, limit=7)) == everything[:7]
    assert list(journals.entries(journal, limit=0)) == []
    order = journals.order_text(next(e for e in fills if e["kind"] == "outcome")["what"]["Filled"]["fill"]["order"])
    life = [next(iter(e["what"])) for e in journals.entries(journal, order=order) if e["kind"] == "outcome"]
    assert life[0] == "OrderSent"
    assert life[-1] == "Filled"


def test_lines_carry_names_prices_and_quantities(journal: Path) -> None:
    names = journals.Names()
    lines = [journals.describe(e, names) for e in journals.entries(journal, kinds=["OrderSent", "Filled"], names=names)]
    sent = next(line for line in lines if "OrderSent" in line)
    assert "1970-01-01 02:00:00.000000000" in sent
    assert "instrument=COINUSDT" in sent
    assert "qty=100.000" in sent, "lots became base units"
    assert "book=portfolio" in sent
    filled = next(line for line in lines if "outcome  Filled" in line)
    assert "price=100." in filled
    assert " COIN" in filled, "a buy's fee is taken in base"
    assert "settlement=(base_units=100" in filled, "a settlement's base is an amount and no asset"
    assert journals.describe({"seq": 3, "kind": "end", "what": None}, names).split() == ["3", "end"]


def test_names_are_known_when_the_list_begins_late(journal: Path) -> None:
    names = journals.Names()
    last = list(journals.entries(journal, kinds=["OrderSent"]))[-1]
    (found,) = journals.entries(journal, kinds=["OrderSent"], from_seq=last["seq"], names=names)
    assert "instrument=COINUSDT" in journals.describe(found, names)


@pytest.fixture(scope="module")
def tables(folder: Path) -> dict[str, pl.DataFrame]:
    written = journals.export(folder, folder.parent / "tables")
    assert set(written) == set(journals.TABLES)
    frames = {name: pl.read_parquet(file) for name, (file, _) in written.items()}
    assert {name: frame.height for name, frame in frames.items()} == {name: rows for name, (_, rows) in written.items()}
    return frames


def test_tables_agree_with_the_entries(journal: Path, tables: dict[str, pl.DataFrame]) -> None:
    outcomes = list(journals.entries(journal, kinds=["outcome"]))
    count = {name: sum(name in journals.kinds_of(e) for e in outcomes) for name in ("ordersent", "filled", "refused")}
    assert count == {"ordersent": 9, "filled": 9, "refused": 1}
    assert tables["orders"].height == count["ordersent"]
    assert tables["fills"].height == count["filled"]
    assert tables["refusals"].height == count["refused"]
    assert "above the limit" in tables["refusals"]["reason"][0]
    assert set(tables["orders"]["state"]) == {"filled"}
    assert tables["orders"]["done_ns"].null_count() == 0
    assert tables["orders"]["author"][0] == "algo 0"
    assert tables["fills"]["symbol"].unique().to_list() == ["COINUSDT"]


def test_postings_sum_to_zero_and_to_the_balances(tables: dict[str, pl.DataFrame]) -> None:
    postings, fills = tables["postings"], tables["fills"]
    per_input = postings.group_by("seq", "asset").agg(pl.col("amount_units").sum())
    assert set(per_input["amount_units"]) == {Decimal(0)}
    balance = postings.filter(pl.col("ledger") == "balance").group_by("asset").agg(pl.col("amount_units").sum())
    held = {asset: int(units) for asset, units in balance.iter_rows()}
    bought, cash = int(fills["base_units"].sum()), int(fills["cash_units"].sum())
    charged = fills.group_by("fee_asset").agg(pl.col("fee_units").sum())
    fees = {asset: int(units) for asset, units in charged.iter_rows()}
    assert held["COIN"] == bought - fees["COIN"]
    assert held["USDT"] == 100_000 * 10**setups.QUOTE_SCALE + cash - fees["USDT"]


def test_exact_and_readable_figures_are_the_same(tables: dict[str, pl.DataFrame]) -> None:
    fills = tables["fills"]
    assert ((fills["price_ticks"] * 0.01 - fills["price"]).abs() < 1e-9).all()
    assert ((fills["quantity_lots"] * 0.001 - fills["quantity"]).abs() < 1e-9).all()
    scale = {"COIN": setups.BASE_SCALE, "USDT": setups.QUOTE_SCALE}
    for asset, units, amount in tables["postings"].select("asset", "amount_units", "amount").iter_rows():
        assert float(units) / 10 ** scale[asset] == pytest.approx(amount)


def test_the_command_line_shows_and_exports(journal: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke
    shown = run(app, ["journal", "show", str(journal), "--kind", "OrderSent", "--limit", "2"])
    assert shown.exit_code == 0
    assert len(shown.stdout.splitlines()) == 2
    as_json = run(app, ["journal", "show", str(journal), "--kind", "refused", "--json"])
    assert [json.loads(line)["kind"] for line in as_json.stdout.splitlines()] == ["outcome"]
    exported = run(app, ["journal", "export", str(journal), "--out", str(tmp_path / "out"), "--json"])
    assert exported.exit_code == 0
    assert json.loads(exported.stdout)["fills"]["rows"] == 9
    assert (tmp_path / "out" / "postings.parquet").is_file()


def test_the_golden_folder_is_listed_across_its_volumes() -> None:
    facts = replays.verify(GOLDEN_FOLDER)
    assert facts["volumes"] == 2
    names = journals.Names()
    entries = list(journals.entries(GOLDEN_FOLDER, names=names))
    assert len(entries) == facts["records"]
    assert all(journals.describe(entry, names) for entry in entries)
    (declared,) = (e for e in entries if e["kind"] == "segment")
    assert declared["what"][1] == "okx/BTC-USDT/2024-08-02"


def test_damage_is_refused_in_words(journal: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.journal"
    content = bytearray(journal.read_bytes())
    content[-40] ^= 1
    damaged.write_bytes(content)
    with pytest.raises(DataRefused, match="damaged"):
        list(journals.entries(damaged))
    with pytest.raises(DataRefused, match="damaged"):
        journals.export(damaged, tmp_path / "never")
    assert not (tmp_path / "never").exists()
    with pytest.raises(DataRefused):
        list(journals.entries(tmp_path / "none"))

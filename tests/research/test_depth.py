"""What may be traded on recorded depth, with what money, and by whose strategy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from tradewind.flow import DataRefused
from tradewind.market import DataSource, L2Sample, load_l2
from tradewind.research import depth, quoting, runs, setups, strategies
from tradewind.research.failures import RunFailed

FACTS = runs.CodeFacts(version="test", created_ns=0)
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "patient_maker.py"


@pytest.fixture(scope="module")
def sample(made_recording: Callable[..., DataSource], tmp_path_factory: pytest.TempPathFactory) -> L2Sample:
    return load_l2(made_recording(tmp_path_factory.mktemp("depth")), "binance_usdm", "BTCUSDT")


def test_inverse_contracts_are_refused_with_the_way_on(sample: L2Sample) -> None:
    coin_settled = replace(sample, venue="binance_coinm", symbol="BTCUSD_PERP")
    for ask in (setups.depth_terms, quoting.parameters_for):
        with pytest.raises(DataRefused, match="settle in the coin") as refusal:
            ask(coin_settled)
        assert "binance_usdm" in refusal.value.remedy


@pytest.mark.parametrize(("venue", "symbol"), [("okx", "BTC-USDT"), ("binance_usdm", "BTCEUR")])
def test_unknown_terms_are_refused_not_guessed(sample: L2Sample, venue: str, symbol: str) -> None:
    with pytest.raises(DataRefused):
        setups.depth_terms(replace(sample, venue=venue, symbol=symbol))


def test_quotes_are_worth_more_than_the_venue_s_smallest_order(sample: L2Sample) -> None:
    terms, parameters = setups.depth_terms(sample), quoting.parameters_for(sample)
    value = 60_000 * parameters.lots * Decimal(sample.lot)
    assert value > Decimal(terms.min_notional)
    assert parameters.lots * Decimal(sample.lot) % Decimal(terms.order_step) == 0
    assert parameters.max_position_lots == 10 * parameters.lots


@pytest.mark.parametrize("symbol", ["ETHUSDT", "BTCUSDT"])
@pytest.mark.parametrize("venue", ["binance_spot", "binance_usdm"])
def test_every_linear_recording_can_be_traded(
    recorded: Callable[[str, str], L2Sample], venue: str, symbol: str
) -> None:
    real = recorded(venue, symbol)
    run = depth.backtest(real, quoting.parameters_for(real), setups.DepthFills(), None, FACTS)
    assert run.executions.fills.height > 20
    assert run.executions.refusals.height < 0.01 * run.executions.orders.height
    assert run.report.run.symbols == (symbol,)


def test_the_example_trades(sample: L2Sample) -> None:
    strategy = strategies.load(f"{EXAMPLE}:PatientMaker")
    run = depth.backtest(sample, strategy, setups.DepthFills(), None, FACTS)
    assert run.fault is None
    assert run.executions.fills.height > 0
    assert run.report.run.strategy == "patient maker (Python)"
    signed = run.executions.fills.select(
        pl.when(pl.col("side") == "buy").then(pl.col("quantity")).otherwise(-pl.col("quantity")).cum_sum()
    ).to_series()
    most = strategy.parameters["max_position_lots"]
    assert isinstance(most, int)
    assert signed.abs().max() <= most * float(sample.lot) + 1e-9  # type: ignore[operator]


def test_a_recording_without_a_snapshot_is_refused(sample: L2Sample) -> None:
    spot = replace(sample, venue="binance_spot", depth=sample.depth.filter(~sample.depth["is_snapshot"]))
    with pytest.raises(DataRefused, match="no snapshot"):
        depth.backtest(spot, quoting.parameters_for(spot), setups.DepthFills(), None, FACTS)


def test_a_journal_is_never_written_over(sample: L2Sample, tmp_path: Path) -> None:
    path = tmp_path / "run.journal"
    path.write_bytes(b"somebody's")
    with pytest.raises(RunFailed, match=r"(?s)exists already.*how to go on"):
        depth.backtest(sample, quoting.parameters_for(sample), setups.DepthFills(), path, FACTS)
    assert path.read_bytes() == b"somebody's"


def test_two_runs_of_one_second_have_folders_of_their_own(tmp_path: Path) -> None:
    made = [runs.new_folder(tmp_path / "runs", "20250101-120000-portfolio") for _ in range(3)]
    assert [p.name for p in made] == [f"20250101-120000-portfolio{end}" for end in ("", "-2", "-3")]
    assert all(p.is_dir() for p in made)


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("nothing.py:Maker", "no file"),
        ("{own}:Nobody", "it has Maker, Needy"),
        ("{own}:make", "has no class make"),
        ("{own}", "not path/to/file.py:ClassName"),
        ("{own}:Not A Name", "not path/to/file.py:ClassName"),
        ("{folder}/notes.txt:Maker", "not path/to/file.py:ClassName"),
    ],
)
def test_a_reference_that_leads_nowhere_says_what_is_there(tmp_path: Path, reference: str, said: str) -> None:
    own = tmp_path / "own.py"
    own.write_text("class Maker:\n    pass\nclass Needy:\n    pass\ndef make():\n    pass\n")
    with pytest.raises(strategies.NoSuchStrategy, match=said):
        strategies.load(reference.format(own=own, folder=tmp_path))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("class Maker:\n    pass\n", "has no wakes, on_wake, name, parameters"),
        ("class Maker:\n    def __init__(self, size): ...\n", r"(?s)cannot be made without arguments.*size"),
        ("import nothing_that_exists\n", r"(?s)cannot be run.*nothing_that_exists"),
        ("class Maker(:\n", r"(?s)cannot be run.*SyntaxError"),
    ],
)
def test_a_file_that_is_no_strategy_is_told_in_its_own_words(tmp_path: Path, source: str, said: str) -> None:
    own = tmp_path / "own.py"
    own.write_text(source)
    with pytest.raises(RunFailed, match=said) as failure:
        strategies.load(f"{own}:Maker")
    assert "how to go on" in str(failure.value)
    assert len(str(failure.value).splitlines()) <= 10


def test_a_strategy_s_file_may_import_what_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "sizes_beside.py").write_text("LOTS = 3\n")
    own = tmp_path / "own_with_import.py"
    own.write_text(
        "from sizes_beside import LOTS\n"
        "class Maker:\n"
        "    name = 'maker'\n"
        "    parameters = {'lots': LOTS}\n"
        "    def wakes(self): ...\n"
        "    def on_wake(self, wake, view): return []\n"
    )
    assert strategies.load(f"{own}:Maker").parameters == {"lots": 3}

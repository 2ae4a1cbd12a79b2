"""The journal is enough: it gives the run's state again, from any place at which it may have been cut off.

Cuts are where a crash can leave the file; flips are damage. A cut is never damage and damage is never taken for a cut.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tradewind import _native
from tradewind.flow import DataRefused
from tradewind.market import DataSource
from tradewind.research import depth, replays

VENUES = ("binance_usdm", "binance_spot")
Quoted = Callable[..., Any]
MANY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.mark.parametrize("language", ["rust", "python"])
@pytest.mark.parametrize("venue", VENUES)
def test_replayed_twice_it_gives_the_recorded_state(
    recorded: Callable[..., Any], quoted: Quoted, venue: str, language: str
) -> None:
    ran = quoted(venue, language)
    recording = depth.record(recorded(venue, "BTCUSDT"))
    for _ in range(2):
        applied, decided = _native.recover(ran.path), _native.replay(ran.path, recording)
        assert applied["state_hash"] == applied["recorded_hash"] == ran.run.executions.state_hash
        assert decided["state_hash"] == ran.run.executions.state_hash
        assert (decided["differing"], decided["unrecorded"]) == (0, 0)
        assert decided["inputs"] == ran.run.executions.inputs


def cut(journal: Path, bytes_kept: int, into: Path) -> Path:
    into.write_bytes(journal.read_bytes()[:bytes_kept])
    return into


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.75, 0.9, 0.999])
def test_after_a_restart_in_the_middle_both_ways_agree(
    recorded: Callable[..., Any], quoted: Quoted, tmp_path: Path, share: float
) -> None:
    """What outcomes alone give is the state of a run that was decided up to there."""
    whole = quoted("binance_usdm", "rust").path
    torn = cut(whole, int(share * whole.stat().st_size), tmp_path / "torn.journal")
    applied = _native.recover(torn)
    decided = _native.replay(torn, depth.record(recorded("binance_usdm", "BTCUSDT")))
    assert applied["recorded_hash"] is None
    assert decided["differing"] == decided["unrecorded"]
    assert applied["outcomes"] + decided["unrecorded"] == decided["outcomes"]
    if not decided["unrecorded"]:
        assert applied["state_hash"] == decided["state_hash"]


@MANY
@given(data=st.data())
def test_cut_anywhere_it_recovers_what_was_whole(made: Any, tmp_path: Path, data: st.DataObject) -> None:
    size = made.path.stat().st_size
    header = _header_bytes(made.path, tmp_path)
    kept = data.draw(st.integers(header, size), label="bytes kept")
    torn = cut(made.path, kept, tmp_path / "torn.journal")
    facts, applied = _native.verify_journal(torn), _native.recover(torn)
    assert facts["torn_bytes"] == applied["torn_bytes"] < 70_000
    assert applied["outcomes"] == facts["outcomes"] <= made.run.counts["outcomes"]
    decided = _native.replay(torn, depth.record(made.sample))
    assert decided["differing"] == decided["unrecorded"]


def _header_bytes(journal: Path, folder: Path) -> int:
    """The least size at which the file is a journal: found by halving, as the header says all about the run."""
    low, high = 0, journal.stat().st_size
    while high - low > 1:
        middle = (low + high) // 2
        try:
            _native.verify_journal(cut(journal, middle, folder / "probe.journal"))
            high = middle
        except ValueError:
            low = middle
    return high


@MANY
@given(data=st.data())
def test_any_flipped_byte_is_seen(made: Any, tmp_path: Path, data: st.DataObject) -> None:
    whole = made.path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1), label="byte")
    bit = data.draw(st.integers(0, 7), label="bit")
    damaged = bytearray(whole)
    damaged[place] ^= 1 << bit
    path = tmp_path / "damaged.journal"
    path.write_bytes(damaged)
    with pytest.raises(DataRefused) as refusal:
        replays.verify(path)
    assert str(path) in refusal.value.where
    with pytest.raises(ValueError, match=r"journal"):
        _native.recover(path)


def test_damage_is_refused_before_any_data_is_read(made: Any, tmp_path: Path) -> None:
    damaged = bytearray(made.path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path = tmp_path / "damaged.journal"
    path.write_bytes(damaged)
    with pytest.raises(DataRefused, match="damaged"):
        replays.replay(path, made.source)


def test_replay_finds_its_data_by_name(made: Any) -> None:
    facts = replays.replay(made.path, made.source)
    assert facts["agrees"]
    assert facts["finished"]
    assert facts["decided_hash"] == made.run.executions.state_hash
    assert facts["torn_bytes"] == facts["differing_outcomes"] == facts["lost_outcomes"] == 0


def test_a_torn_journal_replays_to_where_it_ends(made: Any, tmp_path: Path) -> None:
    torn = cut(made.path, made.path.stat().st_size - 1, tmp_path / "torn.journal")
    facts = replays.replay(torn, made.source)
    assert facts["agrees"]
    assert not facts["finished"]
    assert facts["torn_bytes"] > 0


def test_other_data_is_refused(made: Any, made_recording: Callable[..., DataSource], tmp_path: Path) -> None:
    other = made_recording(tmp_path / "other", seed=2)
    with pytest.raises(DataRefused, match="not what the run was made on"):
        replays.replay(made.path, other)


def test_one_trade_less_is_other_data(made: Any, tmp_path: Path) -> None:
    folder = tmp_path / "less"
    shutil.copytree(made.source.folder, folder)
    trades = pl.read_parquet(folder / "trades.parquet")
    trades.head(trades.height - 1).write_parquet(folder / "trades.parquet")
    with pytest.raises(DataRefused, match="not what the run was made on"):
        replays.replay(made.path, DataSource("folder", folder, "--data"))


def test_data_that_is_not_there_is_refused(made: Any, tmp_path: Path) -> None:
    with pytest.raises(DataRefused):
        replays.replay(made.path, DataSource("simulated", None, "no data found"))
    with pytest.raises(DataRefused, match=r"no order book recording|folder"):
        replays.replay(made.path, DataSource("folder", tmp_path, "--data"))
    with pytest.raises(DataRefused):
        replays.replay(tmp_path / "nowhere.journal", made.source)

"""The shared work: its data, and what this engine makes of it under the touch model, to the last order and digit.

The published results belong to other engines that fill by touch; here they are golden answers that need no peer. What
`make crosscheck` compares fill by fill is held here to counts and balances, so that a change of either is seen at once.
"""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest

PEERS = Path(__file__).resolve().parents[2] / "benches" / "peers"
FIRST = 60_000


@pytest.fixture(scope="module", autouse=True)
def on_path():
    sys.path.insert(0, str(PEERS))
    yield
    sys.path.remove(str(PEERS))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    import workloads

    made = tmp_path_factory.mktemp("work")
    # Writing refuses data whose SHA-256 sums are not the published ones.
    workloads.write(made, workloads.SEED)
    return made


@pytest.mark.timeout(300)
@pytest.mark.parametrize("work", ["A2", "B2", "C2", "E", "F1"])
def test_the_published_result_comes_out_again(folder, work):
    import crosscheck
    import workloads

    expected, found = workloads.EXPECTED[work], crosscheck.ours_on(work, folder)
    assert (found.orders, len(found.fills)) == (expected.orders, expected.fills)
    published = int(Decimal(expected.balance).scaleb(8))
    assert crosscheck.balance_by_float_average(found.fills) == published
    if work != "C2":
        assert found.balance == published
    if expected.position_lots is not None:
        assert int((found.fills[:, 2] * found.fills[:, 4]).sum()) == expected.position_lots


def test_the_maker_cancels_as_often_as_published(folder):
    import ours
    import workloads

    ran = ours.run("C2", ours.recording("C2", folder), None)
    assert ran.strategy.cancels == workloads.EXPECTED["C2"].cancels
    states = pl.DataFrame(ran.engine.orders())["state"].value_counts()
    assert dict(states.iter_rows())["cancelled"] == workloads.EXPECTED["C2"].cancels


@pytest.mark.parametrize("work", ["A2", "F1"])
def test_a_prefix_of_the_data_gives_a_prefix_of_the_fills(folder, work):
    import crosscheck

    short = crosscheck.ours_on(work, folder, FIRST // 2).fills
    longer = crosscheck.ours_on(work, folder, FIRST).fills
    assert 0 < len(short) < len(longer)
    assert np.array_equal(longer[: len(short)], short)


def test_a_journal_of_the_touch_model_replays_to_the_same_state(folder, tmp_path):
    import ours
    from tradewind import _native

    market = ours.recording("F1", folder, 2_000)
    path = tmp_path / "run.journal"
    ran = ours.run("F1", market, path)
    again = _native.replay(path, market)
    assert (again["differing"], again["state_hash"]) == (0, ran.state_hash)
    assert _native.recover(path)["state_hash"] == ran.state_hash


def test_comparing_says_what_differs(folder):
    import crosscheck

    mine = crosscheck.ours_on("A2", folder, FIRST)
    other = mine.fills.copy()
    other[7, 3] += 1
    assert crosscheck.first_difference(mine.fills, mine.fills) is None
    said = crosscheck.first_difference(mine.fills, other)
    assert said is not None and "fill 7: price_ticks" in said
    assert "fills" in str(crosscheck.first_difference(mine.fills, mine.fills[:-1]))
    agrees, line = crosscheck.compare("A2", 1, mine, crosscheck.Outcome(mine.orders, other, mine.balance))
    assert not agrees and "DIFFERENT" in line
    agrees, line = crosscheck.compare("A2", 1, mine, crosscheck.Outcome(mine.orders, mine.fills, mine.balance + 10**6))
    assert not agrees and "unexplained" in line


def test_a_peer_that_cannot_be_had_is_said_and_is_no_failure():
    import environments

    nowhere = environments.Peer("nobody", "2.1", ("nobody==0.0.0",), "nobody_at_all")
    assert "no Python 2.1" in str(environments.interpreter(nowhere))


def test_the_runners_of_the_peers_are_sound_python():
    for name in ("nautilus.py", "hft.py"):
        subprocess.run([sys.executable, "-m", "py_compile", str(PEERS / name)], check=True)

"""A few of the kills and hardships that `make kill-node` does in full; what is lost is a difference in the audit."""

from __future__ import annotations

from collections.abc import Callable

import hardships
import pytest
from desk import Desk, Emulated
from kills import Ground, kill_again_and_again, settle, table

Venues = Callable[..., list[Emulated]]


def settled(ground: Ground) -> None:
    """Nothing was lost or doubled, and there was something to lose."""
    findings = settle(ground, trade_s=1.0)
    said = table(ground, findings)
    print(said)
    assert not any(finding.differences for finding in findings), said
    assert all(finding.fills > 0 for finding in findings), said


def test_a_live_node_that_is_killed_again_and_again_loses_nothing(desk: Desk, venues: Venues) -> None:
    ground = Ground.prepare(desk, venues(), seed=1)
    kill_again_and_again(ground, 5)
    settled(ground)


def test_a_node_that_stood_still_and_whose_venues_were_gone_loses_nothing(desk: Desk, venues: Venues) -> None:
    ground = Ground.prepare(desk, venues(), seed=2)
    hardships.stand_still(ground, 3.0)
    hardships.venues_down(ground, 3.0)
    settled(ground)


def test_a_wall_clock_that_is_set(desk: Desk, venues: Venues) -> None:
    ground = Ground.prepare(desk, venues(), seed=3)
    try:
        hardships.clock_steps(ground)
    except hardships.NotHere as missing:
        pytest.skip(str(missing))
    settled(ground)


def test_a_disk_without_a_byte_left(desk: Desk, venues: Venues) -> None:
    try:
        hardships.disk_full(Ground.prepare(desk, venues(), seed=4))
    except hardships.NotHere as missing:
        pytest.skip(str(missing))

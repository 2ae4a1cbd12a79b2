"""Runs of the quoting rule with their journals, made once: the Rust algo and its Python twin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tradewind.market import DataSource, L2Sample, load_l2
from tradewind.research import depth, quoting, runs, setups

FACTS = runs.CodeFacts(version="test", created_ns=0)


@dataclass(frozen=True)
class Journaled:
    run: depth.Run
    path: Path


@pytest.fixture(scope="session")
def quoted(
    recorded: Callable[[str, str], L2Sample], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Journaled]:
    """`quoted(venue, "rust" | "python", go=1)`: a run on that venue's BTCUSDT; each go is a run of its own."""
    made: dict[tuple[str, str, int], Journaled] = {}

    def run(venue: str, language: str, go: int = 1) -> Journaled:
        if (venue, language, go) not in made:
            sample = recorded(venue, "BTCUSDT")
            parameters = quoting.parameters_for(sample)
            rule = parameters if language == "rust" else quoting.Quoting(parameters)
            path = tmp_path_factory.mktemp("journal") / "run.journal"
            made[venue, language, go] = Journaled(depth.backtest(sample, rule, setups.DepthFills(), path, FACTS), path)
        return made[venue, language, go]

    return run


@dataclass(frozen=True)
class Made:
    """A run on a made recording: small enough to be replayed hundreds of times, and there without any data."""

    source: DataSource
    sample: L2Sample
    run: depth.Run
    path: Path


@pytest.fixture(scope="session")
def made(made_recording: Callable[..., DataSource], tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("made")
    source = made_recording(folder / "data")
    sample = load_l2(source, "binance_usdm", "BTCUSDT")
    path = folder / "run.journal"
    return Made(
        source, sample, depth.backtest(sample, quoting.parameters_for(sample), setups.DepthFills(), path, FACTS), path
    )

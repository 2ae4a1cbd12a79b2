"""A journal again: its bytes proved, its outcomes applied, its decisions made anew on the same data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tradewind import _native
from tradewind.flow import DataRefused
from tradewind.market import DataSource, load_l2
from tradewind.research import crosses, grids, quoting, walk_forward


def verify(path: Path) -> dict[str, Any]:
    """Proves every byte of a journal.

    Raises:
        DataRefused: the file is not a journal, or it is damaged.
    """
    try:
        return _native.verify_journal(path)
    except (ValueError, OSError) as error:
        raise _refused(path, error) from error


def replay(path: Path, source: DataSource) -> dict[str, Any]:
    """Applies a journal's outcomes, then decides everything anew on the data that the journal names.

    Returns inputs, outcomes, the recorded state hash, the applied and the decided one, and whether all agree.

    Raises:
        DataRefused: the journal is damaged, or the data is not the one it names.
    """
    try:
        facts = _native.journal_facts(path)
        recording = _recording(path, facts, source)
        if recording.content_hash != facts["content"]:
            raise DataRefused(
                f"the data has content {recording.content_hash[:16]}…, "
                f"the journal was written on {facts['content'][:16]}…",
                f"{path}, segment {facts['segment']}",
                "replay with the data of the run: --data DIR",
            )
        applied = _native.recover(path)
        decided = _native.replay(path, recording)
    except (ValueError, OSError) as error:
        raise _refused(path, error) from error
    hashes = {applied["state_hash"], decided["state_hash"]} | ({applied["recorded_hash"]} - {None})
    return {
        "inputs": decided["inputs"],
        "outcomes": decided["outcomes"],
        "differing_outcomes": decided["differing"],
        "first_difference": decided["first_difference"],
        "recorded_hash": applied["recorded_hash"],
        "applied_hash": applied["state_hash"],
        "decided_hash": decided["state_hash"],
        "torn_bytes": applied["torn_bytes"],
        "agrees": len(hashes) == 1 and decided["differing"] == 0,
    }


def _recording(path: Path, facts: dict[str, Any], source: DataSource) -> _native.Recording:
    try:
        named = json.loads(facts["segment"])
        kind = named["kind"]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise DataRefused(
            f"the journal names its data `{facts['segment']}`, which this version cannot find",
            str(path),
            "use `tradewind journal verify`, which needs no data",
        ) from error
    if kind == "depth":
        return quoting.record(load_l2(source, named["venue"], named["symbol"]))
    if kind == "simulated":
        source = DataSource("simulated", None, "no data found")
    market, _ = walk_forward.load_market(source, int(named.get("seed", 0)))
    if "symbol" in named:
        market = crosses.span(market, named["symbol"], int(named["from_ns"]), int(named["to_ns"]))
    return grids.record_bars(market, int(named["from_ns"]))


def _refused(path: Path, error: Exception) -> DataRefused:
    return DataRefused(str(error), str(path), "take the journal from a copy, or start a new one")

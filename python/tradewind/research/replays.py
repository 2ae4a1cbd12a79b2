"""A journal again: its bytes proved, its outcomes applied, its decisions made anew on the same data.

A path is a journal, file or folder, or a node's folder: then the journal is in it, and its market data beside that.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tradewind import _native
from tradewind.flow import DataRefused
from tradewind.market import DataSource, load_l2
from tradewind.research import crosses, depth, grids, journals, walk_forward


def verify(path: Path) -> dict[str, Any]:
    """Proves every byte of a journal.

    Raises:
        DataRefused: the file is not a journal, or it is damaged.
    """
    try:
        return _native.verify_journal(journals.journal_in(path))
    except (ValueError, OSError) as error:
        raise _refused(path, error) from error


def replay(path: Path, source: DataSource) -> dict[str, Any]:
    """Applies a journal's outcomes, then decides everything anew on the data it names; a node's folder has its own.

    Returns inputs, outcomes, the recorded state hash, the applied and the decided one, and whether all agree. A journal
    that was never finished (torn_bytes: what was cut off) has no recorded hash; of its last inputs, lost_outcomes were
    decided again but had not been written.

    Raises:
        DataRefused: the journal is damaged, or the data is not the one it names.
    """
    try:
        decided = _native.replay_day(path) if journals.is_node(path) else _native.replay(path, _named(path, source))
        applied = _native.recover(journals.journal_in(path))
    except (ValueError, OSError) as error:
        raise _refused(path, error) from error
    differing = decided["differing"] - decided["unrecorded"]
    same_state = applied["state_hash"] == decided["state_hash"] or decided["unrecorded"] > 0
    finished = applied["recorded_hash"] is not None
    return {
        "inputs": decided["inputs"],
        "outcomes": decided["outcomes"],
        "differing_outcomes": differing,
        "first_difference": decided["first_difference"] if differing else None,
        "recorded_hash": applied["recorded_hash"],
        "applied_hash": applied["state_hash"],
        "decided_hash": decided["state_hash"],
        "finished": finished,
        "torn_bytes": applied["torn_bytes"],
        "lost_outcomes": decided["unrecorded"],
        "agrees": differing == 0 and same_state and (not finished or applied["recorded_hash"] == applied["state_hash"]),
    }


def _named(path: Path, source: DataSource) -> _native.Recording:
    """The data that a journal names, if it is what the run was made on."""
    facts = _native.journal_facts(path)
    recording = _recording(path, facts, source)
    if recording.content_hash != facts["content"]:
        raise DataRefused(
            f"the data is not what the run was made on: its content is {recording.content_hash[:16]}…, "
            f"the journal names {facts['content'][:16]}…",
            f"{path}, data {facts['segment']}",
            "replay with the data of the run: --data DIR",
        )
    return recording


def _recording(path: Path, facts: dict[str, Any], source: DataSource) -> _native.Recording:
    try:
        named = json.loads(facts["segment"])
        kind = str(named["kind"])
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise DataRefused(
            f"the journal names its data `{facts['segment']}`, which this version cannot find",
            str(path),
            "use `tradewind journal verify`, which needs no data",
        ) from error
    if kind == "depth":
        return depth.record(load_l2(source, named["venue"], named["symbol"]))
    market = walk_forward.named_market(source, named)
    if "symbol" in named:
        market = crosses.span(market, named["symbol"], int(named["from_ns"]), int(named["to_ns"]))
    return grids.record_bars(market, int(named["from_ns"]))


def _refused(path: Path, error: Exception) -> DataRefused:
    return DataRefused(str(error), str(path), "take the journal from a copy, or run again")

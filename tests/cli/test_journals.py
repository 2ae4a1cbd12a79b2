"""`journal verify` and `replay` on whole, torn and damaged journals: what they say and how they exit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tradewind.market import DataSource

Here = Callable[..., tuple[int, str, str]]


def copy_of(journal: Path, folder: Path, change: Callable[[bytearray], bytearray]) -> Path:
    path = folder / "copy.journal"
    path.write_bytes(change(bytearray(journal.read_bytes())))
    return path


def test_a_whole_journal_is_proven(here: Here, tmp_path: Path, quoting_journal: Path) -> None:
    code, out, _err = here("journal", "verify", quoting_journal)
    assert code == 0
    assert "every byte is proven" in out
    body = json.loads(here("journal", "verify", quoting_journal, "--json")[1])
    assert body["torn_bytes"] == 0
    assert body["blocks"] > 0


def test_a_torn_tail_is_reported_and_is_no_damage(here: Here, tmp_path: Path, quoting_journal: Path) -> None:
    torn = copy_of(quoting_journal, tmp_path, lambda raw: raw[:-100])
    code, out, _err = here("journal", "verify", torn, "--json")
    assert code == 0
    body = json.loads(out)
    assert body["torn_bytes"] > 0
    assert body["verdict"].startswith("torn: the last")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.6, 0.99])
def test_a_flipped_byte_is_damage(here: Here, tmp_path: Path, quoting_journal: Path, share: float) -> None:
    def flip(raw: bytearray) -> bytearray:
        raw[int(share * (len(raw) - 1))] ^= 0x10
        return raw

    damaged = copy_of(quoting_journal, tmp_path, flip)
    code, out, err = here("journal", "verify", damaged)
    assert code == 3
    assert out == ""
    assert err.startswith("data refused: ")
    assert str(damaged) in err
    assert len(err.splitlines()) <= 8


@pytest.mark.parametrize("content", [b"", b"TWJO", b"\x00" * 4_096, b"TWJOURNL" + b"\xff" * 64])
def test_what_is_no_journal(here: Here, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file.journal"
    path.write_bytes(content)
    for command in (("journal", "verify"), ("replay",)):
        code, _out, err = here(*command, path)
        assert code == 3
        assert "how to go on: " in err


def test_replay_agrees_with_the_run(here: Here, tmp_path: Path, quoting_journal: Path, depth_folder: Path) -> None:
    code, out, err = here("replay", quoting_journal, "--data", depth_folder, "--json")
    assert code == 0, err
    body = json.loads(out)
    report = json.loads((quoting_journal.parent / "report.json").read_text())
    assert body["agrees"] is True
    assert body["recorded_hash"] == body["applied_hash"] == body["decided_hash"] == report["state_hash"]


def test_replay_of_a_torn_journal_says_that_the_run_was_not_finished(
    here: Here, tmp_path: Path, quoting_journal: Path, depth_folder: Path
) -> None:
    torn = copy_of(quoting_journal, tmp_path, lambda raw: raw[: len(raw) // 2])
    code, out, err = here("replay", torn, "--data", depth_folder)
    assert code == 0, err
    assert "never finished" in out


def test_replay_on_other_data_is_refused(
    here: Here, tmp_path: Path, quoting_journal: Path, made_recording: Callable[..., DataSource]
) -> None:
    made_recording(tmp_path / "other", seed=5)
    code, _out, err = here("replay", quoting_journal, "--data", tmp_path / "other")
    assert code == 3
    assert "not what the run was made on" in err
    assert "--data DIR" in err
    assert here("replay", quoting_journal)[0] == 3

"""The command line as a user has it: another process, its own folder, its own home, no data unless it is named."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tradewind import cli
from tradewind.market import DataSource


@dataclass(frozen=True)
class Commands:
    """Runs `python -m tradewind …` in `folder`."""

    folder: Path

    @property
    def environ(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k not in ("TRADEWIND_DATA", "XDG_DATA_HOME")}
        return {**kept, "HOME": str(self.folder / "home"), "COLUMNS": "100"}

    def line(self, *words: str | Path) -> list[str]:
        return [sys.executable, "-m", "tradewind", *map(str, words)]

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        ran = subprocess.run(
            self.line(*words),
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        for text in (ran.stdout, ran.stderr):
            assert "Traceback" not in text, text
            assert "panicked" not in text, text
        return ran

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.line(*words),
            cwd=self.folder,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    folder = tmp_path / "desk"
    folder.mkdir()
    return Commands(folder)


@pytest.fixture(scope="session")
def depth_folder(made_recording: Callable[..., DataSource], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with one made recording: binance_usdm BTCUSDT."""
    folder = tmp_path_factory.mktemp("recorded")
    made_recording(folder)
    return folder


@pytest.fixture(scope="session")
def quoting_journal(depth_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journal of a run of the quoting algo on that recording."""
    folder = tmp_path_factory.mktemp("quoted")
    ran = Commands(folder).run("backtest", "quoting-rust", "--data", depth_folder, "--json")
    assert ran.returncode == 0, ran.stderr
    (journal,) = folder.glob("runs/*/run.journal")
    return journal


Here = Callable[..., tuple[int, str, str]]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Here:
    """The command line in this process, which is quicker where nothing but words is asked for."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRADEWIND_DATA", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    def run(*words: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tradewind", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return int(ended.value.code or 0), said.out, said.err

    return run

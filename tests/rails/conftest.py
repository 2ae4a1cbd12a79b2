"""A copy of the tree to break, and the commands of `make check` to break it against.

The commands are asked from the Makefile itself, so that a proof runs what a developer and continuous integration run.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


def _load_tidy() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tidy", REPOSITORY / "tests" / "tidy.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["tidy"] = module
    spec.loader.exec_module(module)
    return module


TIDY = _load_tidy()


@dataclass(frozen=True)
class Verdict:
    """What a checker answered."""

    code: int
    said: str


@dataclass(frozen=True)
class Tree:
    """A copy of the repository's files, with this checkout's tools."""

    root: Path
    cache: Path

    def edit(self, changes: Mapping[str, str | None]) -> None:
        """Gives files a new text, or takes them away (None)."""
        for here, text in changes.items():
            path = self.root / here
            if text is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def text(self, here: str) -> str:
        return (self.root / here).read_text()

    def commands(self) -> list[str]:
        """What `make check` would run here."""
        asked = ["make", "--no-print-directory", "--dry-run", "--old-file", ".venv/.ready", "check"]
        ran = subprocess.run(asked, cwd=self.root, capture_output=True, text=True, check=True)
        return ran.stdout.splitlines()

    def check(self, checker: str) -> Verdict:
        """Runs the one command of `make check` that begins so."""
        (command,) = (c for c in self.commands() if c.startswith(checker))
        own = {
            "PATH": f"{self.root / '.venv' / 'bin'}:{Path.home() / '.cargo' / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(self.root / "python"),
            "MYPY_CACHE_DIR": str(self.cache / "mypy"),
            "CARGO_TARGET_DIR": os.environ.get("CARGO_TARGET_DIR") or str(REPOSITORY / "target"),
            "CARGO_NET_OFFLINE": "true",
            "CARGO_TERM_COLOR": "never",
            "NO_COLOR": "1",
            "COLUMNS": "250",
        }
        ran = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self.root,
            env={k: v for k, v in os.environ.items() if k != "FORCE_COLOR"} | own,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Verdict(ran.returncode, ran.stdout)


def mirror(root: Path, changes: Mapping[str, str | None]) -> None:
    """Makes `root` the repository's files with these changes. Writes only what differs: cargo goes by file times."""
    wanted = {str(f.here): (REPOSITORY / f.here).read_bytes() for f in TIDY.tracked(REPOSITORY)}
    wanted |= {here: text.encode() for here, text in changes.items() if text is not None}
    for here in (h for h, text in changes.items() if text is None):
        del wanted[here]
    for path in [p for p in root.rglob("*") if p.is_file() and ".venv" not in p.relative_to(root).parts]:
        if path.relative_to(root).as_posix() not in wanted:
            path.unlink()
    for here, content in wanted.items():
        path = root / here
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


@pytest.fixture(scope="session")
def tidy() -> ModuleType:
    """The module under test."""
    return TIDY


@pytest.fixture(scope="session")
def built() -> Path:
    """Where copies that the compiler works on are kept from run to run, so that it need not begin anew."""
    folder = REPOSITORY / "target" / "rails"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def tree_at(root: Path, cache: Path, changes: Mapping[str, str | None]) -> Tree:
    """The repository's files at `root`, with these changes."""
    root.mkdir(parents=True, exist_ok=True)
    mirror(root, changes)
    tools = root / ".venv"
    if not tools.exists():
        tools.symlink_to(sys.prefix)
    return Tree(root, cache)


@pytest.fixture
def tree(tmp_path: Path, built: Path) -> Tree:
    """A fresh copy of the repository's files."""
    return tree_at(tmp_path / "tree", built, {})

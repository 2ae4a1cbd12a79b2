"""The peers' own environments: made from the package index when they are asked for, each with the interpreter it needs.

A peer that cannot be had is a row that says so, never a reason to fail: no interpreter, no index, no wheel.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
_FOLDER = REPOSITORY / ".tools" / "peers"
_WAIT_S = 600


@dataclass(frozen=True, slots=True)
class Peer:
    """What it is called, which Python it needs, what is installed and what it is imported as."""

    name: str
    python: str
    packages: tuple[str, ...]
    module: str


NAUTILUS = Peer("NautilusTrader 2.0.0rc7", "3.13", ("nautilus_trader==2.0.0rc7", "numpy>=2.4"), "nautilus_trader")
HFTBACKTEST = Peer("hftbacktest 2.4.2", "3.11", ("hftbacktest==2.4.2", "numpy", "numba"), "hftbacktest")


def interpreter(peer: Peer) -> Path | str:
    """The Python of a peer's environment, made if it is not there; or why there is none."""
    folder = _FOLDER / f"{peer.module}-{peer.packages[0].rpartition('=')[2]}"
    python = folder / "bin" / "python"
    if _runs([str(python), "-c", f"import {peer.module}"]):
        return python
    uv = shutil.which("uv") or shutil.which("uv", path=str(REPOSITORY / ".tools" / "bin"))
    if uv is None:
        return "uv is not there to make its environment; `make setup` installs it"
    base = next(_pythons(peer.python), None)
    if base is None:
        return f"no Python {peer.python} found on PATH or under pyenv"
    for command in (
        [uv, "venv", "--quiet", "--clear", "--python", base, str(folder)],
        [uv, "pip", "install", "--quiet", "--prerelease", "allow", "--python", str(python), *peer.packages],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_WAIT_S)
        if done.returncode != 0:
            return f"`{' '.join(command[1:3])}` failed: {done.stderr.strip()[-300:]}"
    return python if _runs([str(python), "-c", f"import {peer.module}"]) else f"{peer.module} does not import"


def _pythons(version: str) -> Iterator[str]:
    """Interpreters that really are of a version: a shim on PATH may lead nowhere."""
    home = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = [
        shutil.which(f"python{version}"),
        *sorted(map(str, home.glob(f"versions/{version}.*/bin/python{version}"))),
    ]
    for path in found:
        if path is not None and _runs([path, "-c", "import sys, venv"]):
            yield path


def _runs(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=120).returncode == 0
    except OSError:
        return False

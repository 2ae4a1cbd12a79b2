"""The Rust twins' benchmark (`crates/simulator/benches/peers`): built as the core is shipped."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
_COMMAND = ("bench", "--locked", "--package", "tradewind-simulator", "--bench", "peers", "--no-run")


def build() -> Path:
    """Build it; gives the executable.

    Raises:
        RuntimeError: no cargo, or the build failed.
    """
    cargo = shutil.which("cargo") or shutil.which("cargo", path=str(Path.home() / ".cargo" / "bin"))
    if cargo is None:
        raise RuntimeError("cargo is not on PATH nor in ~/.cargo/bin; `make setup` installs it")
    command = [cargo, *_COMMAND, "--message-format", "json-render-diagnostics"]
    built = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    for message in map(json.loads, built.stdout.splitlines()):
        if message.get("reason") == "compiler-artifact" and message["target"]["name"] == "peers":
            return Path(message["executable"])
    raise RuntimeError(f"`cargo {' '.join(_COMMAND)}` failed:\n{built.stderr.strip()}")

"""What is installed, what was found, what is missing and how to get it."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tradewind.flow import DataRefused
from tradewind.market import locate

RESEARCH = ("numpy", "polars", "polars-talib", "ta-lib", "lightgbm", "scikit-learn", "cvxpy", "clarabel", "scipy")


def examine(environ: Mapping[str, str], working_folder: Path, data: Path | None) -> dict[str, Any]:
    """Each item: name, ok, what was found; `ok` over all that a backtest needs."""
    items = [
        _item("Python", sys.version_info >= (3, 11), f"{platform.python_version()} at {sys.executable}"),
        _native_module(),
        *(_package(name) for name in RESEARCH),
        _item("C compiler", True, shutil.which("cc") or "none (needed only to build from source)"),
        _item("Rust", True, shutil.which("cargo") or "none (needed only to build from source)"),
        _data(environ, working_folder, data),
    ]
    return {"ok": all(item["ok"] for item in items), "items": items}


def _item(name: str, ok: bool, found: str) -> dict[str, Any]:
    return {"name": name, "ok": ok, "found": found}


def _package(name: str) -> dict[str, Any]:
    try:
        return _item(name, True, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return _item(name, False, "not installed; run: make setup (or: pip install 'tradewind[research]')")


def _native_module() -> dict[str, Any]:
    try:
        from tradewind import _native
    except ImportError as error:
        return _item("native module", False, f"not built: {error}; run: make setup")
    return _item("native module", True, str(_native.__file__))


def _data(environ: Mapping[str, str], working_folder: Path, data: Path | None) -> dict[str, Any]:
    try:
        source = locate(data, environ, working_folder)
    except DataRefused as refusal:
        return _item("data", False, f"{refusal.what}; {refusal.remedy}")
    if source.kind == "simulated":
        return _item("data", True, "none found: runs use a simulated market and say so")
    return _item("data", True, f"{source.folder} (chosen by {source.chosen_by})")

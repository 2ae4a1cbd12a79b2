"""What is installed, what was found, what is missing and how to get it."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tradewind.flow import DataRefused
from tradewind.market import locate

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_IS_RESEARCH = re.compile(r"extra == ['\"]research['\"]")


def examine(environ: Mapping[str, str], working_folder: Path, data: Path | None) -> dict[str, Any]:
    """Each item: name, ok, what was found; `ok` over all that a backtest needs."""
    items = [
        _item("Python", sys.version_info >= (3, 11), f"{platform.python_version()} at {sys.executable}"),
        _native_module(),
        *(_package(requirement) for requirement in sorted(_requirements())),
        _item("C compiler", True, shutil.which("cc") or "none (needed only to build from source)"),
        _item("Rust", True, shutil.which("cargo") or "none (needed only to build from source)"),
        _data(environ, working_folder, data),
    ]
    return {"ok": all(item["ok"] for item in items), "items": items}


def _item(name: str, ok: bool, found: str) -> dict[str, Any]:
    return {"name": name, "ok": ok, "found": found}


def _requirements() -> list[str]:
    """What the package declares that it needs, with what a backtest needs."""
    try:
        declared = importlib.metadata.requires("tradewind") or []
    except importlib.metadata.PackageNotFoundError:
        return ["tradewind"]
    return [r for r in declared if "extra ==" not in r or _IS_RESEARCH.search(r)]


def _package(requirement: str) -> dict[str, Any]:
    name, bounds = _split(requirement)
    try:
        return _item(name, True, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        asked = f" (asked for: {bounds})" if bounds else ""
        return _item(name, False, f"not installed{asked}; run: make setup (or: pip install 'tradewind[research]')")


def _split(requirement: str) -> tuple[str, str]:
    """Name and bounds of a requirement (PEP 508), without its markers."""
    text = requirement.partition(";")[0].strip()
    name = _NAME.match(text)
    return (name.group(), text[name.end() :].strip()) if name else (text, "")


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
        return _item(
            "data",
            True,
            "none found: runs use a simulated market and say so; name a folder with --data or TRADEWIND_DATA",
        )
    return _item("data", True, f"{source.folder} (chosen by {source.chosen_by})")
